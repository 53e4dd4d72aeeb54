/* show_head.c: what one finding, context or description is: the lines above its story. */
#include "viewer/finding_text.h"
#include "viewer/groups.h"
#include "viewer/show.h"
#include "viewer/text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* As many of anything are named. */
#define SHOWN 20

/* ---- lines ---- */

/* "  NAME  TEXT"; takes the text over. */
static void print_fact(const char *name, char *text) {
    printf("  %-13s ", name);
    output_text(stdout, text, 0);
    putchar('\n');
    free(text);
}

static void print_more(size_t count) {
    if (count <= SHOWN) return;
    char *number = happening_number(count - SHOWN);
    printf("  %-13s ... and %s more\n", "", number);
    free(number);
}

static void print_stack(struct symbols *symbols, const struct process *process, uint32_t id) {
    const struct process *holder;
    const struct stack *stack = model_stack_of(process, id, &holder);
    size_t count;
    struct frame *frames = symbols_stack(symbols, holder, stack, &count);
    for (size_t i = 0; i < count; i++) {
        char *text = finding_frame(&frames[i]);
        printf("    #%-2zu ", i);
        output_text(stdout, text, 0);
        putchar('\n');
        free(text);
    }
    if (!count) puts(id ? "    (the stack is lost)" : "    (no stack was taken)");
    free(frames);
}

/* "14.676 ms after the trace's begin" */
static char *since_begin(const struct model *model, uint64_t time) {
    char *duration = text_duration(time > model->first_time ? time - model->first_time : 0);
    char *text = memory_format("%s after the trace's begin", duration);
    free(duration);
    return text;
}

/* ---- findings ---- */

/* "  WHAT here by WHO, thread 1, 2 s before:" and the stack. */
static void print_side(struct symbols *symbols, const struct finding *finding, const char *what, uint64_t context,
                       uint32_t thread, uint64_t before, uint32_t stack) {
    char *who = id_named_context(finding->process, context), *age = text_duration(before);
    printf("  %s here by ", what);
    output_text(stdout, who, 0);
    if (thread) printf(", thread %" PRIu32, thread);
    if (before)
        printf(", %s before:\n", age);
    else
        printf(", pid %" PRIu32 ":\n", finding->process->pid);
    print_stack(symbols, finding->process, stack);
    free(age);
    free(who);
}

static void print_sides(struct symbols *symbols, const struct finding *finding) {
    bool ends = finding->kind == RS_FINDING_leak;
    bool closes = finding->kind == RS_FINDING_bad_close || finding->kind == RS_FINDING_foreign_close;
    uint64_t age = finding->time > finding->opened ? finding->time - finding->opened : 0;
    print_side(symbols, finding,
               ends     ? "ended"
               : closes ? "closed"
                        : "used",
               finding->user, finding->thread, 0, finding->used_stack);
    if (finding->closed_description)
        print_side(symbols, finding, "the number was closed before", finding->closer, finding->closed_thread,
                   finding->closed_age, finding->closed_stack);
    if (finding->description)
        print_side(symbols, finding, "opened", finding->opener, finding->owner_thread, age, finding->opened_stack);
}

/* What to type to see more of those that it is about. */
static char *list_ids(const struct finding *finding) {
    const struct process *process = finding->process;
    const struct description *description =
        finding->description ? ids_find(&process->family->descriptions, finding->description) : NULL;
    const struct context *owner = finding->owner ? ids_find(&process->family->contexts, finding->owner) : NULL;
    const struct context *user = finding->user ? ids_find(&process->family->contexts, finding->user) : NULL;
    char *owner_id = owner ? id_of_context(owner) : memory_copy("no context");
    char *user_id = user ? id_of_context(user) : memory_copy("no context");
    char *description_id = description ? id_of_description(description) : NULL;
    char *text = memory_format("owner %s, user %s%s%s", owner_id, user_id, description_id ? ", description " : "",
                               description_id ? description_id : "");
    free(owner_id);
    free(user_id);
    free(description_id);
    return text;
}

static void print_finding(struct symbols *symbols, const struct finding *finding) {
    char *id = id_of_finding(finding), *sentence = finding_sentence(finding);
    printf("%s%s  %s%s", output_begin(STYLE_BAD), id, finding_kind(finding), output_end());
    if (finding->count > 1) printf(", %" PRIu64 " times", finding->count);
    if (finding->contexts > 1) printf(", by %" PRIu64 " contexts", finding->contexts);
    fputs(": ", stdout);
    output_text(stdout, sentence, 0);
    putchar('\n');
    free(sentence);
    free(id);
    if (finding->known) print_sides(symbols, finding);
    if (finding->kind == RS_FINDING_dirty_handover && finding->known)
        print_fact("outstanding", finding_outstanding(finding));
    if (finding->known) print_fact("done", memory_copy(finding_verdict(finding)));
    print_fact("hint", memory_copy(finding_hint(finding)));
    print_fact("ids", list_ids(finding));
}

/* ---- what has to do with a context or a description ---- */

/* Had the finding to do with the context, at its first report or a later one? */
static bool is_involved(const struct finding *finding, const struct context *context) {
    const struct model *model = finding->process->model;
    struct pair *wanted = memory_new(sizeof *wanted), *pair = NULL;
    wanted->key.context = context->id;
    wanted->key.other = finding->id;
    for (size_t i = 0; i < model->process_count && !pair; i++)
        if (model->processes[i]->family == context->family)
            HASH_FIND(hh, model->processes[i]->involved, &wanted->key, sizeof wanted->key, pair);
    free(wanted);
    return pair;
}

static bool is_on(const struct finding *finding, const struct description *description) {
    return finding->description &&
           ids_find(&finding->process->family->descriptions, finding->description) == description;
}

/* Is it of the thing that is shown? */
static bool is_of(const struct finding *finding, const struct story *story) {
    if (finding->process->family != story->process->family) return false;
    if (story->thing.kind == THING_CONTEXT) return is_involved(finding, story->thing.context);
    return story->thing.kind != THING_DESCRIPTION || is_on(finding, story->thing.description);
}

const struct finding **show_findings(const struct story *story, size_t *count) {
    struct groups groups = groups_of(story->model, NULL);
    const struct finding **all = NULL;
    size_t space = 0;
    *count = 0;
    for (size_t i = 0; i < groups.count; i++) {
        for (size_t j = 0; j < groups.all[i]->count; j++) {
            const struct finding *finding = groups.all[i]->findings[j];
            if (!is_of(finding, story)) continue;
            all = memory_grow(all, &space, *count + 1, sizeof(struct finding *));
            all[(*count)++] = finding;
        }
    }
    groups_free(&groups);
    return all;
}

static void print_findings(const struct story *story) {
    size_t count;
    const struct finding **findings = show_findings(story, &count);
    for (size_t i = 0; i < count && i < SHOWN; i++) {
        char *id = id_of_finding(findings[i]), *sentence = finding_sentence(findings[i]);
        print_fact(i ? "" : "findings", memory_format("%s  %s: %s", id, finding_kind(findings[i]), sentence));
        free(sentence);
        free(id);
    }
    print_more(count);
    free(findings);
}

/* ---- contexts ---- */

static char *found_words(const struct context *context) {
    const char *sure = model_context_sure(context);
    if (context->superseded) return memory_copy("inferred, and none after all: the program says what its contexts are");
    if (!context->known) return memory_copy("not known: its begin is lost");
    if (context->origin == RS_ORIGIN_API) return memory_copy("the program says so (api, certain)");
    return memory_format("inferred (%s%s%s)", rs_origin_name(context->origin), sure ? ", " : "", sure ? sure : "");
}

static char *time_words(const struct model *model, const struct context *context) {
    char *began = context->known ? since_begin(model, context->began) : memory_copy("not recorded"), *took, *text;
    if (context->ended && context->known && context->ended >= context->began) {
        took = text_duration(context->ended - context->began);
        text = memory_format("%s, took %s", began, took);
        free(took);
    } else {
        text = memory_format("%s, %s", began, context->ended ? "ended" : "lives at the trace's end");
    }
    free(began);
    return text;
}

static void print_children(const struct model *model, const struct context *context) {
    size_t count = 0;
    for (size_t i = 0; i < model->context_count; i++) {
        const struct context *child = model->contexts[i];
        if (child->parent != context->id || child->family != context->family) continue;
        if (count < SHOWN) print_fact(count ? "" : "children", id_named_context(child->process, child->id));
        count++;
    }
    print_more(count);
}

static void print_threads(const struct story *story) {
    size_t count = 0;
    for (size_t i = 0; i < story->thread_count; i++) {
        const struct story_thread *thread = &story->threads[i];
        if (!thread->own) continue;
        if (count < SHOWN)
            print_fact(count ? "" : "threads",
                       memory_format("%" PRIu32 "%s%s%s, pid %" PRIu32, thread->thread, thread->name ? " (" : "",
                                     thread->name ? thread->name : "", thread->name ? ")" : "", thread->process->pid));
        count++;
    }
    print_more(count);
}

/* "d4  fd 6  tcp 127.0.0.1:6379: opened, 2 calls, 61 bytes" */
static char *touch_words(const struct story *story, const struct story_touch *touch) {
    const struct description *description = ids_find(&story->process->family->descriptions, touch->description);
    char *calls = happening_number(touch->uses), *bytes = happening_number(touch->bytes), *id, *uses, *text;
    if (!description) {
        free(calls);
        free(bytes);
        return memory_format("d%" PRIu64, touch->description);
    }
    id = id_of_description(description);
    uses = touch->uses ? memory_format(", %s call%s, %s bytes", calls, touch->uses == 1 ? "" : "s", bytes)
                       : memory_copy("");
    text = memory_format("%s  fd %" PRId32 "  %s: %s%s%s%s", id, description->fd, id_name_of_description(description),
                         touch->opened ? "opened" : "used", touch->given ? ", was given" : "", uses,
                         touch->opened && !description->closed ? ", never closed" : "");
    free(uses);
    free(bytes);
    free(calls);
    free(id);
    return text;
}

static void print_touched(const struct story *story) {
    size_t count = 0;
    for (const struct story_touch *touch = story->touched; touch; touch = touch->hh.next, count++)
        if (count < SHOWN) print_fact(count ? "" : "descriptions", touch_words(story, touch));
    print_more(count);
}

static void print_context(const struct story *story) {
    const struct context *context = story->thing.context;
    char *id = id_of_context(context);
    printf("%s%s  %s", output_begin(STYLE_STRONG), id, output_end());
    output_text(stdout, *context->label ? context->label : "(no label)", 0);
    putchar('\n');
    free(id);
    print_fact("found", found_words(context));
    print_fact("began", time_words(story->model, context));
    if (*model_context_attributes(context)) print_fact("attributes", memory_copy(model_context_attributes(context)));
    print_fact("process", memory_format("%" PRIu32 "  %s", context->process->pid, context->process->command));
    if (context->parent) print_fact("parent", id_named_context(context->process, context->parent));
    print_children(story->model, context);
    print_threads(story);
    print_touched(story);
    print_findings(story);
}

/* ---- descriptions ---- */

static void print_opening(const struct story *story, struct symbols *symbols) {
    const struct description *description = story->thing.description;
    const struct process *process = description->process;
    bool found = description->operation == RS_OP_found;
    char *who, *when;
    if (!description->known) {
        print_fact("opened", memory_copy("not recorded"));
        return;
    }
    who = description->opener ? id_named_context(process, description->opener) : memory_copy("nobody (in no context)");
    when = since_begin(story->model, description->opened);
    print_fact(found ? "first seen" : "opened",
               memory_format("by %s, with %s, thread %" PRIu32 ", pid %" PRIu32 ", %s:", who,
                             rs_operation_name(description->operation), description->thread, process->pid, when));
    print_stack(symbols, process, description->stack);
    free(when);
    free(who);
}

static void print_users(const struct description *description) {
    char *calls = happening_number(description->uses), *bytes = happening_number(description->bytes);
    char *by = description->user_count
                   ? memory_format("by %zu context%s", description->user_count, description->user_count == 1 ? "" : "s")
                   : memory_copy("in no context");
    print_fact("used", memory_format("%s call%s, %s bytes, %s", calls, description->uses == 1 ? "" : "s", bytes, by));
    free(by);
    for (size_t i = 0; i < description->user_count && i < SHOWN; i++)
        print_fact("", id_named_context(description->process, description->users[i]));
    print_more(description->user_count);
    free(bytes);
    free(calls);
}

/* "31 leased, 2 given" */
static void print_handovers(const struct story *story) {
    char *list = memory_copy("");
    for (uint32_t i = 0; i < RS_HANDOVER_COUNT; i++) {
        char *number = happening_number(story->handovers[i]), *longer;
        if (story->handovers[i]) {
            longer = memory_format("%s%s%s %s", list, *list ? ", " : "", number, rs_handover_name(i));
            free(list);
            list = longer;
        }
        free(number);
    }
    if (*list)
        print_fact("hand-overs", list);
    else
        free(list);
}

static const char *holding_words(uint32_t how) {
    switch (how) {
    case RS_OP_none:
        return "has it: how is not recorded";
    case RS_OP_inherit:
        return "inherited it";
    case RS_OP_receive:
        return "was passed it";
    case RS_OP_found:
        return "had it when it was first seen";
    default:
        return "opened it";
    }
}

static void print_holders(const struct story *story) {
    for (size_t i = 0; i < story->holder_count && i < SHOWN; i++) {
        const struct story_holder *holder = &story->holders[i];
        char *after = text_duration(holder->closed > story->zero ? holder->closed - story->zero : 0);
        char *who = id_named_context(holder->process, holder->closer);
        char *closed = holder->closed ? memory_format(", closed it after %s, in %s", after, who)
                                      : memory_copy(", has it open at its trace's end");
        print_fact(i ? "" : "processes",
                   memory_format("%" PRIu32 " %s%s", holder->process->pid, holding_words(holder->how), closed));
        free(closed);
        free(who);
        free(after);
    }
    print_more(story->holder_count);
}

static void print_description(const struct story *story, struct symbols *symbols) {
    const struct description *description = story->thing.description;
    char *id = id_of_description(description);
    printf("%s%s  %s", output_begin(STYLE_STRONG), id, output_end());
    output_text(stdout, id_name_of_description(description), 0);
    if (description->fd >= 0) printf(", fd %" PRId32, description->fd);
    putchar('\n');
    free(id);
    print_opening(story, symbols);
    if (description->owner != description->opener)
        print_fact("owner", id_named_context(description->process, description->owner));
    print_users(description);
    print_handovers(story);
    print_holders(story);
    print_findings(story);
}

/* ---- either ---- */

void show_head(const struct story *story, struct symbols *symbols) {
    switch (story->thing.kind) {
    case THING_FINDING:
        print_finding(symbols, story->thing.finding);
        break;
    case THING_CONTEXT:
        print_context(story);
        break;
    default:
        print_description(story, symbols);
        break;
    }
    putchar('\n');
}
