/* crossings.h: where descriptions go from one context to another: hand-overs, and findings each time that one was recorded, in the
 * order of time. The model holds sums of them only; what draws or lists each of them reads the trace once more for it.
 *
 *   hand-over:  from ──description──► to            reason
 *   finding:    owner ──description──► user         finding, its count by then
 */
#ifndef RS_VIEWER_CROSSINGS_H
#define RS_VIEWER_CROSSINGS_H

#include "tracer/reader.h"
#include "viewer/filter.h"

struct crossing {
    uint64_t time;
    const struct process *process; /* in which it happened */
    uint64_t description, from, to;
    const struct finding *finding; /* NULL: a hand-over */
    uint64_t count;                /* finding: so often by then */
    uint32_t thread;
    uint32_t reason; /* hand-over: enum rs_handover */
    int32_t fd;
};

/* Does the event tell of one that the filter takes? A finding that the model does not know is none. */
bool crossing_read(const struct process *process, const struct rs_read_event *event, const struct filter *filter,
                   struct crossing *crossing);

/* All of the model's. The array is the caller's to free. */
struct crossing *crossings_of(const struct model *model, const struct filter *filter, size_t *count);

#endif
