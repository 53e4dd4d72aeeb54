/* crossings.c: see crossings.h. */
#include "viewer/crossings.h"
#include "viewer/filter_event.h"
#include "viewer/walk.h"

#include <stdlib.h>

/* The event as the struct of its kind. */
#define FIELDS(event, name) ((const struct rs_event_##name *)(const void *)(event)->header)

/* The one that tells it may be another of the family: model_settle. */
static const struct finding *find_finding(const struct process *process, uint32_t id) {
    const struct model *model = process->model;
    const struct finding *finding = NULL;
    HASH_FIND(hh, process->findings, &id, sizeof id, finding);
    for (size_t i = 0; i < model->process_count && !finding; i++)
        if (model->processes[i]->family == process->family)
            HASH_FIND(hh, model->processes[i]->findings, &id, sizeof id, finding);
    return finding;
}

static bool read_fields(const struct rs_read_event *event, struct crossing *crossing) {
    const struct process *process = crossing->process;
    if (event->number == RS_EVENT_handover) {
        const struct rs_event_handover *fields = FIELDS(event, handover);
        crossing->description = fields->description;
        crossing->from = fields->from;
        crossing->to = fields->to;
        crossing->reason = fields->reason;
        return fields->description;
    }
    if (event->number == RS_EVENT_finding) {
        const struct rs_event_finding *fields = FIELDS(event, finding);
        crossing->finding = find_finding(process, fields->finding);
        crossing->description = fields->description;
        crossing->from = fields->owner;
        crossing->to = fields->user;
        crossing->count = 1;
        return crossing->finding;
    }
    if (event->number == RS_EVENT_finding_again) {
        const struct rs_event_finding_again *fields = FIELDS(event, finding_again);
        crossing->finding = find_finding(process, fields->finding);
        crossing->description = fields->description;
        crossing->from = fields->owner;
        crossing->to = fields->user;
        crossing->count = fields->count;
        return crossing->finding;
    }
    return false;
}

bool crossing_read(const struct process *process, const struct rs_read_event *event, const struct filter *filter,
                   struct crossing *crossing) {
    struct event_facts facts;
    *crossing = (struct crossing){
        .time = event->header->time, .process = process, .thread = event->thread, .fd = event->header->fd};
    if (!read_fields(event, crossing)) return false;
    if (crossing->finding)
        return filter_takes_time(filter, crossing->time) && filter_takes_finding(filter, crossing->finding);
    facts = (struct event_facts){.process = process,
                                 .time = crossing->time,
                                 .context = crossing->from,
                                 .other_context = crossing->to,
                                 .description = crossing->description,
                                 .fd = crossing->fd};
    return filter_takes_event(filter, &facts);
}

struct crossing *crossings_of(const struct model *model, const struct filter *filter, size_t *count) {
    struct walk *walk = walk_open(model, false, NULL);
    struct crossing *crossings = NULL, one;
    struct rs_read_event event;
    struct process *process;
    size_t space = 0;
    *count = 0;
    while (walk_next(walk, &process, &event)) {
        if (!crossing_read(process, &event, filter, &one)) continue;
        crossings = memory_grow(crossings, &space, *count + 1, sizeof *crossings);
        crossings[(*count)++] = one;
    }
    walk_close(walk);
    return crossings;
}
