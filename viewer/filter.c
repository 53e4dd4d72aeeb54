/* filter.c: see filter.h. */
#include "viewer/filter.h"
#include "tracer/rule.h"
#include "viewer/finding_text.h"
#include "viewer/output.h"
#include "viewer/text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* The moment in the trace's own clock. */
static uint64_t absolute(const struct moment *moment, const struct model *model) {
    uint64_t end = model->last_time;
    if (moment->from_end) return moment->ns < end ? end - moment->ns : 0;
    return moment->ns < UINT64_MAX - model->first_time ? model->first_time + moment->ns : UINT64_MAX;
}

static bool read_number(const char *text, uint64_t *number) {
    char *end;
    errno = 0;
    *number = strtoull(text, &end, 10);
    return *text >= '0' && *text <= '9' && !*end && !errno;
}

struct filter filter_from(const struct options *options, const struct model *model) {
    struct filter filter = {
        .since = options->since.given ? absolute(&options->since, model) : 0,
        .until = options->until.given ? absolute(&options->until, model) : UINT64_MAX,
        .kinds = options->kinds,
        .pid = options->pid,
        .fd = options->fd,
        .match = options->match,
    };
    filter.numbered = options->of_context && read_number(options->of_context, &filter.context);
    if (options->of_context && !filter.numbered) filter.label = options->of_context;
    return filter;
}

bool filter_is_set(const struct filter *filter) {
    return filter->since || filter->until != UINT64_MAX || filter->kinds != UINT32_MAX || filter->pid ||
           filter->fd >= 0 || filter->numbered || filter->label || filter->match;
}

/* "what value", with a "; " before it when it is not the first. */
static void write_word(FILE *words, const char *what, char *value) {
    fprintf(words, "%s%s%s", ftell(words) ? "; " : "", what, value);
    free(value);
}

static char *list_kinds(uint32_t kinds) {
    char *list = memory_copy("");
    for (uint32_t kind = 0; kind < RS_FINDING_COUNT; kind++) {
        char *longer;
        if (!(kinds & 1u << kind)) continue;
        longer = memory_format("%s%s%s", list, *list ? ", " : "", rs_finding_kind_name(kind));
        free(list);
        list = longer;
    }
    return list;
}

/* A time after the trace's begin; what lies before that is the begin. */
static char *name_moment(const struct model *model, uint64_t time) {
    return text_duration(time > model->first_time ? time - model->first_time : 0);
}

char *filter_words(const struct filter *filter, const struct model *model) {
    char *text = NULL;
    size_t size;
    FILE *words = filter_is_set(filter) ? open_memstream(&text, &size) : NULL;
    if (!words) {
        if (filter_is_set(filter)) memory_exhausted();
        return NULL;
    }
    if (filter->kinds != UINT32_MAX) write_word(words, "kinds ", list_kinds(filter->kinds));
    if (filter->since) write_word(words, "since ", name_moment(model, filter->since));
    if (filter->until != UINT64_MAX) write_word(words, "until ", name_moment(model, filter->until));
    if (filter->numbered) write_word(words, "context ", memory_format("%" PRIu64, filter->context));
    if (filter->label) write_word(words, "context ", memory_copy(filter->label));
    if (filter->fd >= 0) write_word(words, "fd ", memory_format("%" PRId64, filter->fd));
    if (filter->pid) write_word(words, "pid ", memory_format("%" PRIu64, filter->pid));
    if (filter->match) write_word(words, "with ", memory_format("'%s' in it", filter->match));
    if (fclose(words)) memory_exhausted();
    return text;
}

void filter_print_left_out(const struct filter *filter, const struct model *model, size_t shown, size_t matching,
                           size_t all, const char *what) {
    char *asked = filter_words(filter, model);
    if (shown == all) {
        free(asked);
        return;
    }
    printf("%zu of %zu %s are shown", shown, all, what);
    if (asked) {
        printf("; %zu match%s what was asked for: ", matching, matching == 1 ? "es" : "");
        output_text(stdout, asked, 0);
    }
    if (shown < matching) printf("; --max leaves %zu out", matching - shown);
    putchar('\n');
    free(asked);
}

bool filter_takes_time(const struct filter *filter, uint64_t time) {
    return time >= filter->since && time <= filter->until;
}

static bool overlaps(const struct filter *filter, uint64_t begin, uint64_t end) {
    return begin <= filter->until && (!end || end >= filter->since);
}

/* The label as a whole. */
static bool is_labelled(const struct context *context, const char *pattern) {
    char *whole = memory_format("^%s$", pattern);
    bool is = rs_pattern_is_in(&(struct rs_pattern){whole, strlen(whole)}, context->label);
    free(whole);
    return is;
}

static bool is_asked_for(const struct filter *filter, const struct process *process, uint64_t id) {
    const struct context *context;
    if (filter->numbered) return id == filter->context;
    if (!filter->label) return true;
    context = model_context_of(process, id);
    return context && is_labelled(context, filter->label);
}

static bool has(const char *text, const struct filter *filter) {
    return !filter->match || (text && strcasestr(text, filter->match));
}

/* A function or a file of the stack's frames. */
static bool has_frame(const struct filter *filter, const struct process *process, uint32_t id) {
    const struct process *holder;
    const struct stack *stack = filter->symbols ? model_stack_of(process, id, &holder) : NULL;
    struct frame *frames;
    size_t count;
    bool found = false;
    if (!stack) return false;
    frames = symbols_stack(filter->symbols, holder, stack, &count);
    for (size_t i = 0; i < count && !found; i++)
        found = has(frames[i].function, filter) || has(frames[i].path, filter) || has(frames[i].module, filter);
    free(frames);
    return found;
}

bool filter_takes_context(const struct filter *filter, const struct context *context) {
    if (!overlaps(filter, context->began, context->ended)) return false;
    if (filter->pid && context->process->pid != filter->pid) return false;
    if (!is_asked_for(filter, context->process, context->id)) return false;
    return has(context->label, filter) || has(model_context_attributes(context), filter);
}

static bool of_process(const struct filter *filter, const struct description *description) {
    if (!filter->pid || description->process->pid == filter->pid) return true;
    for (size_t i = 0; i < description->pid_count; i++)
        if (description->pids[i] == filter->pid) return true;
    return false;
}

static bool of_context(const struct filter *filter, const struct description *description) {
    const struct process *process = description->process;
    if (is_asked_for(filter, process, description->opener) || is_asked_for(filter, process, description->owner))
        return true;
    for (size_t i = 0; i < description->user_count; i++)
        if (is_asked_for(filter, process, description->users[i])) return true;
    return false;
}

bool filter_takes_description(const struct filter *filter, const struct description *description) {
    if (!overlaps(filter, description->opened, description->closed)) return false;
    if (filter->fd >= 0 && description->fd != filter->fd) return false;
    return of_process(filter, description) && of_context(filter, description) &&
           (has(description->name, filter) || has_frame(filter, description->process, description->stack));
}

/* Among all that did it and that it was done to, in whichever process of the family that was told. */
static bool has_involved(const struct filter *filter, const struct finding *finding) {
    const struct process *process = finding->process;
    for (size_t i = 0; i < process->model->process_count; i++) {
        const struct process *teller = process->model->processes[i];
        if (teller->family != process->family) continue;
        for (const struct pair *pair = teller->involved; pair; pair = pair->hh.next)
            if (pair->key.other == finding->id && is_asked_for(filter, process, pair->key.context) &&
                model_finding_of(teller, finding->id) == finding)
                return true;
    }
    return false;
}

static bool of_contexts(const struct filter *filter, const struct finding *finding) {
    const struct process *process = finding->process;
    return is_asked_for(filter, process, finding->owner) || is_asked_for(filter, process, finding->user) ||
           is_asked_for(filter, process, finding->opener) || has_involved(filter, finding);
}

static bool has_text(const struct filter *filter, const struct finding *finding) {
    char *sentence = finding_sentence(finding);
    bool found = has(sentence, filter) || has(finding_kind(finding), filter);
    free(sentence);
    return found || has_frame(filter, finding->process, finding->opened_stack) ||
           has_frame(filter, finding->process, finding->used_stack);
}

bool filter_takes_finding(const struct filter *filter, const struct finding *finding) {
    if (finding->kind < RS_FINDING_COUNT && !(filter->kinds & 1u << finding->kind)) return false;
    if (finding->time > filter->until || finding->last_time < filter->since) return false;
    if (filter->fd >= 0 && finding->fd != filter->fd) return false;
    if (filter->pid && finding->process->pid != filter->pid) return false;
    return of_contexts(filter, finding) && (!filter->match || has_text(filter, finding));
}
