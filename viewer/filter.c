/* filter.c: see filter.h. */
#include "viewer/filter.h"
#include "tracer/rule.h"
#include "viewer/finding_text.h"

#include <errno.h>
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
    if (options->of_context && !read_number(options->of_context, &filter.context)) filter.label = options->of_context;
    return filter;
}

bool filter_is_set(const struct filter *filter) {
    return filter->since || filter->until != UINT64_MAX || filter->kinds != UINT32_MAX || filter->pid ||
           filter->fd >= 0 || filter->context || filter->label || filter->match;
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
    if (filter->context) return id == filter->context;
    if (!filter->label) return true;
    context = model_context_of(process, id);
    return context && is_labelled(context, filter->label);
}

static bool has(const char *text, const struct filter *filter) {
    return !filter->match || (text && strcasestr(text, filter->match));
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
    return of_process(filter, description) && of_context(filter, description) && has(description->name, filter);
}

bool filter_takes_finding(const struct filter *filter, const struct finding *finding) {
    const struct process *process = finding->process;
    char *sentence;
    bool matches;
    if (finding->kind < RS_FINDING_COUNT && !(filter->kinds & 1u << finding->kind)) return false;
    if (finding->time > filter->until || finding->last_time < filter->since) return false;
    if (filter->fd >= 0 && finding->fd != filter->fd) return false;
    if (filter->pid && process->pid != filter->pid) return false;
    if (!is_asked_for(filter, process, finding->owner) && !is_asked_for(filter, process, finding->user) &&
        !is_asked_for(filter, process, finding->opener))
        return false;
    if (!filter->match) return true;
    sentence = finding_sentence(finding);
    matches = has(sentence, filter) || has(finding_kind(finding), filter);
    free(sentence);
    return matches;
}
