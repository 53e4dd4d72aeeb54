/* cmd_report.c: `reqscope report`: what was found, the most frequent first, and leaks last. */
#include "viewer/commands.h"
#include "viewer/finding_text.h"
#include "viewer/json.h"
#include "viewer/output.h"
#include "viewer/source.h"
#include "viewer/text.h"

#include <inttypes.h>
#include <stdlib.h>

static const char *plural(uint64_t count) {
    return count == 1 ? "" : "s";
}

static void print_summary(const struct model *model, const struct finding **findings, size_t count) {
    uint64_t times = 0, contexts = model->context_count;
    char *duration = text_duration(model->last_time - model->first_time);
    for (size_t i = 0; i < count; i++) times += findings[i]->count;
    printf("%zu process%s, %" PRIu64 " context%s, %" PRIu64 " event%s in %s, %" PRIu64 " lost: ", model->process_count,
           model->process_count == 1 ? "" : "es", contexts, plural(contexts), model->events, plural(model->events),
           duration, model->lost_events);
    printf("%s%zu finding%s%s", output_begin(count ? STYLE_BAD : STYLE_GOOD), count, plural(count), output_end());
    if (times > count) printf(", seen %" PRIu64 " times", times);
    putchar('\n');
    free(duration);
    if (model->lost_events)
        printf("%sat least %" PRIu64 " events were given up to stay below REQSCOPE_TRACE_MAX%s: findings are all\n"
               "here; of I/O, and of contexts and descriptions that had ended, the latest.\n",
               output_begin(STYLE_BAD), model->lost_events, output_end());
}

/* What the guard said that it could not see. */
static void print_notes(const struct model *model) {
    for (size_t i = 0; i < model->process_count; i++) {
        const struct process *process = model->processes[i];
        for (size_t j = 0; j < process->note_count; j++) {
            printf("note: pid %" PRIu32 ": ", process->pid);
            output_text(stdout, process->notes[j], 0);
            putchar('\n');
        }
    }
}

static void print_stack(struct symbols *symbols, const struct finding *finding, uint32_t id) {
    const struct process *holder;
    const struct stack *stack = model_stack_of(finding->process, id, &holder);
    bool shown = false;
    size_t count;
    struct frame *frames = symbols_stack(symbols, holder, stack, &count);
    for (size_t i = 0; i < count; i++) {
        char *text = finding_frame(&frames[i]);
        printf("    #%-2zu ", i);
        output_text(stdout, text, 0);
        putchar('\n');
        free(text);
        if (!shown) shown = source_print(&frames[i]);
    }
    if (!count) puts(id ? "    (the stack is lost)" : "    (no stack was taken)");
    if (stack && stack->flags & RS_STACK_TRUNCATED) puts("    ... (REQSCOPE_STACK_DEPTH takes more)");
    free(frames);
}

static char *suppression_of(struct symbols *symbols, const struct finding *finding) {
    const struct process *holder;
    uint32_t id = finding->kind == RS_FINDING_leak ? finding->opened_stack : finding->used_stack;
    const struct stack *stack = model_stack_of(finding->process, id, &holder);
    size_t count;
    struct frame *frames = symbols_stack(symbols, holder, stack, &count);
    char *line = finding->known ? finding_suppression(finding, frames, count) : NULL;
    free(frames);
    return line;
}

static const char *what_the_user_did(const struct finding *finding) {
    if (finding->kind == RS_FINDING_leak) return "ended";
    return finding->kind == RS_FINDING_bad_close || finding->kind == RS_FINDING_foreign_close ? "closed" : "used";
}

static void print_used(struct symbols *symbols, const struct finding *finding) {
    char *user = finding_context(finding->process, finding->user);
    printf("  %s here by ", what_the_user_did(finding));
    output_text(stdout, user, 0);
    printf(", thread %" PRIu32 ", pid %" PRIu32 ":\n", finding->thread, finding->process->pid);
    print_stack(symbols, finding, finding->used_stack);
    free(user);
}

/* "  WHAT here by WHO, thread 1, 2 s before:" and the stack. */
static void print_before(struct symbols *symbols, const struct finding *finding, const char *what, uint64_t context,
                         uint32_t thread, uint64_t age, uint32_t stack) {
    char *who = finding_context(finding->process, context);
    char *before = text_duration(age);
    printf("  %s here by ", what);
    output_text(stdout, who, 0);
    if (thread) printf(", thread %" PRIu32, thread);
    printf(", %s before:\n", before);
    print_stack(symbols, finding, stack);
    free(before);
    free(who);
}

static void print_opened(struct symbols *symbols, const struct finding *finding) {
    const struct description *known = model_description_of(finding->process, finding->description);
    bool found = known && known->operation == RS_OP_found;
    uint64_t age = finding->time > finding->opened ? finding->time - finding->opened : 0;
    print_before(symbols, finding, found ? "first seen" : "opened", finding->opener, finding->owner_thread, age,
                 finding->opened_stack);
}

static void print_closed(struct symbols *symbols, const struct finding *finding) {
    bool bad = finding->kind == RS_FINDING_bad_close;
    if (finding->closed_description)
        print_before(symbols, finding, bad ? "closed before" : "the number was the user's own before, and was closed",
                     finding->closer, finding->closed_thread, finding->closed_age, finding->closed_stack);
    else if (bad)
        puts("  nothing is known of an earlier close of this number");
}

static void print_suppression(struct symbols *symbols, const struct finding *finding) {
    char *line = suppression_of(symbols, finding);
    if (line) {
        fputs("  to suppress it: ", stdout);
        output_text(stdout, line, 0);
        putchar('\n');
    }
    free(line);
}

static void print_inferred(const struct finding *finding) {
    char *inferred = finding_inferred(finding);
    if (inferred) {
        fputs("  contexts inferred: ", stdout);
        output_text(stdout, inferred, 0);
        putchar('\n');
    }
    free(inferred);
}

static void print_end(const struct finding *finding) {
    if (finding->kind == RS_FINDING_dirty_handover && finding->known) {
        char *outstanding = finding_outstanding(finding);
        fputs("  outstanding: ", stdout);
        output_text(stdout, outstanding, 0);
        putchar('\n');
        free(outstanding);
    }
    if (finding->owner_operation != RS_OP_none && finding->kind != RS_FINDING_bad_close) {
        printf("  the owner's last operation on it: %s", rs_operation_name(finding->owner_operation));
        if (finding->unread && finding->unread != UINT32_MAX && finding->kind != RS_FINDING_dirty_handover)
            printf("; bytes that waited unread: %" PRIu32, finding->unread);
        putchar('\n');
    }
    if (finding->mended) printf("  closed after all: %" PRIu64 " of %" PRIu64 "\n", finding->mended, finding->count);
    print_inferred(finding);
    printf("  what was done: %s\n", finding_verdict(finding));
    printf("  hint: %s\n", finding_hint(finding));
}

static void print_finding(struct symbols *symbols, const struct finding *finding) {
    char *sentence = finding_sentence(finding);
    printf("\n%s%s%s", output_begin(STYLE_BAD), finding_kind(finding), output_end());
    if (finding->count > 1) printf(", %" PRIu64 " times", finding->count);
    if (finding->contexts > 1) printf(", by %" PRIu64 " contexts", finding->contexts);
    fputs(": ", stdout);
    output_text(stdout, sentence, 0);
    putchar('\n');
    free(sentence);
    if (finding->known) {
        print_used(symbols, finding);
        if (finding->kind == RS_FINDING_bad_close) print_closed(symbols, finding);
        if (finding->description) print_opened(symbols, finding);
        if (finding->kind != RS_FINDING_bad_close) print_closed(symbols, finding);
    }
    print_end(finding);
    print_suppression(symbols, finding);
}

/* Rules with their hits: all of them in one list when the processes have the same file. */
static void print_rules(const struct model *model) {
    for (size_t i = 0; i < model->process_count; i++) {
        const struct process *process = model->processes[i];
        for (size_t j = 0; j < process->rule_count; j++) {
            const struct rule *rule = &process->rules[j];
            printf("rule, line %" PRIu32 ", pid %" PRIu32 ": ", rule->line, process->pid);
            output_text(stdout, rule->text, 0);
            if (rule->hits)
                printf(": %" PRIu64 " hit%s\n", rule->hits, plural(rule->hits));
            else
                puts(": never hit");
        }
    }
}

static json_t *json_from_rules(const struct model *model) {
    json_t *array = json_array();
    for (size_t i = 0; i < model->process_count; i++) {
        const struct process *process = model->processes[i];
        for (size_t j = 0; j < process->rule_count; j++) {
            json_t *object = json_object();
            if (!object) memory_exhausted();
            json_put(object, "pid", json_from_number(process->pid));
            json_put(object, "line", json_from_number(process->rules[j].line));
            json_put(object, "rule", json_from_text(process->rules[j].text));
            json_put(object, "hits", json_from_number(process->rules[j].hits));
            json_add(array, object);
        }
    }
    return array;
}

/* What belongs to some kinds only; null elsewhere. */
static void put_details(json_t *object, struct symbols *symbols, const struct finding *finding) {
    const struct process *process = finding->process;
    bool handover = finding->kind == RS_FINDING_dirty_handover && finding->known, closed = finding->closed_description;
    char *suppression = suppression_of(symbols, finding);
    json_put(object, "sent", handover ? json_from_number(finding->sent) : json_null());
    json_put(object, "sent_age_ns", handover ? json_from_number(finding->sent_age) : json_null());
    json_put(object, "sender", handover ? json_from_context(process, finding->sender) : json_null());
    json_put(object, "protocol", json_from_text(rs_protocol_name(finding->protocol)));
    json_put(object, "transaction", json_from_text(rs_transaction_words(finding->transaction)));
    json_put(object, "transaction_of",
             finding->transaction ? json_from_context(process, finding->transaction_of) : json_null());
    json_put(object, "closed_by", closed ? json_from_context(process, finding->closer) : json_null());
    json_put(object, "closed_age_ns", closed ? json_from_number(finding->closed_age) : json_null());
    json_put(object, "closed_at", json_from_stack(symbols, process, finding->closed_stack));
    json_put(object, "first_user", finding->first_user ? json_from_context(process, finding->first_user) : json_null());
    json_put(object, "other_pid", finding->other_process ? json_from_number(finding->other_process) : json_null());
    json_put(object, "unleaked", finding->kind == RS_FINDING_leak ? json_from_number(finding->mended) : json_null());
    json_put(object, "user_contexts", json_from_number(finding->contexts));
    json_put(object, "suppression", json_from_text(suppression));
    free(suppression);
}

static json_t *json_from_finding(struct symbols *symbols, const struct finding *finding) {
    json_t *object = json_object();
    const struct process *process = finding->process;
    char *sentence = finding_sentence(finding);
    if (!object) memory_exhausted();
    json_put(object, "id", json_from_number(finding->id));
    json_put(object, "kind", json_from_text(finding_kind(finding)));
    json_put(object, "count", json_from_number(finding->count));
    json_put(object, "pid", json_from_number(process->pid));
    json_put(object, "fd", finding->fd < 0 ? json_null() : json_from_number((uint64_t)finding->fd));
    json_put(object, "description", json_from_text(finding_description(finding)));
    json_put(object, "description_id", json_from_number(finding->description));
    json_put(object, "operation", json_from_text(rs_operation_name(finding->operation)));
    json_put(object, "sentence", json_from_text(sentence));
    json_put(object, "owner", json_from_context(process, finding->owner));
    json_put(object, "user", json_from_context(process, finding->user));
    json_put(object, "opener", json_from_context(process, finding->opener));
    json_put(object, "thread", json_from_number(finding->thread));
    json_put(object, "owner_thread", json_from_number(finding->owner_thread));
    json_put(object, "owner_operation", json_from_text(rs_operation_name(finding->owner_operation)));
    json_put(object, "phase", json_from_text(finding_phase(finding)));
    json_put(object, "unread", finding->unread == UINT32_MAX ? json_null() : json_from_number(finding->unread));
    json_put(object, "verdict",
             json_from_text(finding->verdict < RS_MODE_COUNT ? rs_mode_name(finding->verdict) : NULL));
    json_put(object, "time_ns", json_from_time(finding->time));
    json_put(object, "opened_ns", json_from_time(finding->opened));
    json_put(object, "hint", json_from_text(finding_hint(finding)));
    put_details(object, symbols, finding);
    json_put(object, "opened_at", json_from_stack(symbols, process, finding->opened_stack));
    json_put(object, "used_at", json_from_stack(symbols, process, finding->used_stack));
    free(sentence);
    return object;
}

int cmd_report(const struct options *options, const struct model *model, bool usable) {
    size_t count;
    const struct finding **findings = model_findings(model, UINT32_MAX, &count);
    struct symbols *symbols = symbols_open(options);
    (void)usable;
    if (options->json) {
        json_t *document = json_summary(model), *array = json_array();
        for (size_t i = 0; i < count; i++) json_add(array, json_from_finding(symbols, findings[i]));
        json_put(document, "findings", array);
        json_put(document, "rules", json_from_rules(model));
        json_print(document);
    } else {
        print_summary(model, findings, count);
        print_notes(model);
        print_rules(model);
        for (size_t i = 0; i < count; i++) print_finding(symbols, findings[i]);
    }
    symbols_close(symbols);
    free(findings);
    return EXIT_DONE;
}
