/* filter_event.c: see filter_event.h. */
#include "viewer/filter_event.h"

#include <string.h>

/* What the filter says of contexts, whenever and wherever they began. */
static struct filter anywhere(const struct filter *filter) {
    struct filter wide = *filter;
    wide.since = 0;
    wide.until = UINT64_MAX;
    wide.pid = 0;
    return wide;
}

static bool is_asked_for(const struct filter *filter, const struct process *process, uint64_t id) {
    struct filter wide = anywhere(filter);
    const struct context *context = model_context_of(process, id);
    wide.match = NULL;
    if (context) return filter_takes_context(&wide, context);
    return id && !filter->label && id == filter->context;
}

static bool matches_context(const struct filter *filter, const struct process *process, uint64_t id) {
    struct filter wide = anywhere(filter);
    const struct context *context = model_context_of(process, id);
    wide.context = 0;
    wide.label = NULL;
    return context && filter_takes_context(&wide, context);
}

static bool matches(const struct filter *filter, const struct event_facts *facts) {
    const struct description *description = model_description_of(facts->process, facts->description);
    if (description && strcasestr(description->name, filter->match)) return true;
    return matches_context(filter, facts->process, facts->context) ||
           matches_context(filter, facts->process, facts->other_context);
}

bool filter_takes_event(const struct filter *filter, const struct event_facts *facts) {
    bool any_context = !filter->context && !filter->label;
    if (!filter_takes_time(filter, facts->time)) return false;
    if (filter->pid && facts->process->pid != filter->pid) return false;
    if (filter->fd >= 0 && facts->fd != filter->fd) return false;
    if (!any_context && !is_asked_for(filter, facts->process, facts->context) &&
        !is_asked_for(filter, facts->process, facts->other_context))
        return false;
    return !filter->match || matches(filter, facts);
}
