/* filter_event.h: the filter (filter.h) on single events, for what walks a trace again. */
#ifndef RS_VIEWER_FILTER_EVENT_H
#define RS_VIEWER_FILTER_EVENT_H

#include "viewer/filter.h"

/* What an event says of itself; 0: no context, no description. */
struct event_facts {
    const struct process *process;
    uint64_t time, context, other_context, description;
    int32_t fd;
};

/* Its time, process and fd; one of its contexts is asked for; match: against the labels and attributes of its contexts and the name of
 * its description. */
bool filter_takes_event(const struct filter *filter, const struct event_facts *facts);

#endif
