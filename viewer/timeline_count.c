/* timeline_count.c: timeline.h's walk: what is in the cells.
 *
 *   event ──► its row (by the id of its context, its description or its thread) ──► the cell of its time
 *         └─► a mark, when a description crosses or something was found
 *
 * Events before the shown part say who is in a thread, has a description, or has put one back into its pool, when it begins. */
#include "viewer/timeline.h"
#include "viewer/walk.h"

#include <stdlib.h>
#include <string.h>

/* Hand-overs follow the finding that says they are dirty; so many marks may have come between. */
#define FAR_BACK 16

/* A finding, and the group that it was put into. */
struct grouped {
    const struct finding *finding;
    const struct group *group;
};

struct counter {
    struct timeline *timeline;
    struct ids *rows;        /* by contexts' or descriptions' ids, a table a family; by threads', a table a process */
    struct ids *returned;    /* a table a family: which context put a description back */
    struct ids *asked;       /* by thread: a table a family of the contexts that the filter takes; NULL: all */
    struct grouped *grouped; /* by address */
    size_t grouped_count;
    size_t kept[TIMELINE_KINDS]; /* marks */
};

/* The event as the struct of its kind. */
#define FIELDS(event, name) ((const struct rs_event_##name *)(const void *)(event)->header)

/* ---- findings by their groups ---- */

static int compare_grouped(const void *left, const void *right) {
    uintptr_t a = (uintptr_t)((const struct grouped *)left)->finding;
    uintptr_t b = (uintptr_t)((const struct grouped *)right)->finding;
    return (a > b) - (a < b);
}

static void list_grouped(struct counter *counter) {
    const struct groups *groups = &counter->timeline->groups;
    size_t space = 0;
    for (size_t i = 0; i < groups->count; i++) {
        for (size_t j = 0; j < groups->all[i]->count; j++) {
            counter->grouped =
                memory_grow(counter->grouped, &space, counter->grouped_count + 1, sizeof *counter->grouped);
            counter->grouped[counter->grouped_count++] = (struct grouped){groups->all[i]->findings[j], groups->all[i]};
        }
    }
    if (counter->grouped_count)
        qsort(counter->grouped, counter->grouped_count, sizeof *counter->grouped, compare_grouped);
}

/* NULL: the filter does not take it. */
static const struct grouped *find_grouped(const struct counter *counter, const struct finding *finding) {
    const struct grouped key = {.finding = finding};
    if (!counter->grouped_count) return NULL;
    return bsearch(&key, counter->grouped, counter->grouped_count, sizeof key, compare_grouped);
}

/* The process's, or what another of its family has told in its stead. */
static const struct grouped *finding_of(const struct counter *counter, const struct process *process, uint32_t id) {
    const struct model *model = counter->timeline->model;
    const struct finding *finding;
    HASH_FIND(hh, process->findings, &id, sizeof id, finding);
    for (size_t i = 0; i < model->process_count && !finding; i++)
        if (model->processes[i]->family == process->family)
            HASH_FIND(hh, model->processes[i]->findings, &id, sizeof id, finding);
    return finding ? find_grouped(counter, finding) : NULL;
}

/* ---- rows ---- */

static struct timeline_row *row_of_thread(struct counter *counter, const struct process *process, uint32_t thread) {
    struct timeline *timeline = counter->timeline;
    void **place = ids_place(&counter->rows[process->index], thread);
    struct timeline_row *row = *place;
    if (row) return row;
    timeline->threads_full = timeline->row_count == TIMELINE_THREADS;
    if (timeline->threads_full) return NULL;
    row = timeline_add_row(timeline);
    row->process = process;
    row->thread = thread;
    *place = row;
    return row;
}

/* Of what an event is about; NULL: it is not shown. */
static struct timeline_row *row_of(struct counter *counter, const struct process *process, uint64_t context,
                                   uint64_t description, uint32_t thread) {
    const struct filter *filter = &counter->timeline->filter;
    switch (counter->timeline->by) {
    case TIMELINE_BY_CONTEXT:
        return context ? ids_find(&counter->rows[process->family->index], context) : NULL;
    case TIMELINE_BY_FD:
        return description ? ids_find(&counter->rows[process->family->index], description) : NULL;
    default:
        if (filter->pid && process->pid != filter->pid) return NULL;
        return row_of_thread(counter, process, thread);
    }
}

static struct timeline_cell *cell_of(const struct timeline *timeline, struct timeline_row *row, uint64_t time) {
    if (!row->cells) row->cells = memory_new(timeline->cells * sizeof *row->cells);
    return &row->cells[timeline_cell_of(timeline, time)];
}

static void see(struct timeline_row *row, uint64_t time) {
    if (!row->first_seen) row->first_seen = time;
    row->last_seen = time;
}

/* From now on it is this context's. */
static void hold(const struct timeline *timeline, struct timeline_row *row, uint64_t time, uint64_t context) {
    struct timeline_cell *cell;
    see(row, time);
    if (time < timeline->from) {
        row->holder = context;
        return;
    }
    cell = cell_of(timeline, row, time);
    cell->holder = context;
    cell->held = true;
}

static bool has_fd(const struct counter *counter, int32_t fd) {
    int64_t asked = counter->timeline->filter.fd;
    return asked < 0 || asked == fd;
}

/* ---- marks ---- */

static void keep_mark(struct counter *counter, const struct timeline_mark *mark) {
    struct timeline *timeline = counter->timeline;
    timeline->counts[mark->kind]++;
    if (counter->kept[mark->kind]++ >= TIMELINE_MARKS) return;
    timeline->marks =
        memory_grow(timeline->marks, &timeline->mark_space, timeline->mark_count + 1, sizeof *timeline->marks);
    timeline->marks[timeline->mark_count++] = *mark;
}

/* A hand-over is marked where it is taken; a finding whose user has no row, where it was done to. */
static void add_mark(struct counter *counter, const struct timeline_mark *mark) {
    struct timeline_row *row = mark->row || mark->kind < TIMELINE_FINDING ? mark->row : mark->from_row;
    struct timeline_cell *cell;
    if (!row && !mark->from_row) return;
    if (mark->from_row) mark->from_row->marked = true;
    keep_mark(counter, mark);
    if (!row) return;
    row->marked = true;
    cell = cell_of(counter->timeline, row, mark->time);
    if (cell->mark < mark->kind) cell->mark = (uint8_t)mark->kind;
}

static void place_mark(struct counter *counter, struct timeline_mark *mark, uint32_t thread) {
    mark->row = row_of(counter, mark->process, mark->to ? mark->to : mark->from, mark->description, thread);
    if (counter->timeline->by == TIMELINE_BY_CONTEXT && mark->to && mark->from != mark->to)
        mark->from_row = row_of(counter, mark->process, mark->from, 0, 0);
    add_mark(counter, mark);
}

/* What has just been said of the same hand-over. */
static const struct timeline_mark *dirty_before(const struct timeline *timeline, const struct timeline_mark *mark) {
    for (size_t i = timeline->mark_count, steps = 0; i-- && steps < FAR_BACK; steps++) {
        const struct timeline_mark *before = &timeline->marks[i];
        if (before->description == mark->description && before->process == mark->process && before->to == mark->to)
            return before->finding && before->finding->kind == RS_FINDING_dirty_handover ? before : NULL;
    }
    return NULL;
}

static enum timeline_kind kind_of_handover(uint32_t reason) {
    if (reason == RS_HANDOVER_INFERRED) return TIMELINE_PASSED;
    return reason == RS_HANDOVER_INDEBTED ? TIMELINE_INDEBTED : TIMELINE_CLEAN;
}

/* A description that was put back comes from who put it back, when it is taken out. */
static void on_handover(struct counter *counter, const struct process *process, const struct rs_read_event *event) {
    const struct rs_event_handover *fields = FIELDS(event, handover);
    struct timeline *timeline = counter->timeline;
    const struct timeline_mark *dirty;
    struct timeline_mark mark = {
        .kind = kind_of_handover(fields->reason),
        .time = fields->header.time,
        .process = process,
        .description = fields->description,
        .fd = fields->header.fd,
        .from = fields->from,
        .to = fields->to,
        .reason = fields->reason,
    };
    void **returned;
    if (!fields->description) return;
    returned = ids_place(&counter->returned[process->family->index], fields->description);
    if (fields->reason == RS_HANDOVER_TAKEN && !mark.from) mark.from = (uintptr_t)*returned;
    *returned = fields->reason == RS_HANDOVER_RETURNED ? (void *)(uintptr_t)fields->from : NULL;
    if (timeline->by == TIMELINE_BY_FD) {
        struct timeline_row *row = row_of(counter, process, 0, fields->description, 0);
        if (row) hold(timeline, row, mark.time, mark.to);
    }
    if (!mark.to || mark.from == mark.to || mark.time < timeline->from || !has_fd(counter, mark.fd)) return;
    dirty = dirty_before(timeline, &mark);
    if (dirty) mark.finding = dirty->finding;
    if (dirty) mark.kind = TIMELINE_INDEBTED;
    place_mark(counter, &mark, event->thread);
}

static void on_found(struct counter *counter, const struct process *process, const struct rs_read_event *event,
                     uint32_t id, struct timeline_mark mark, uint32_t thread) {
    const struct grouped *grouped;
    mark.time = event->header->time;
    if (mark.time < counter->timeline->from || !has_fd(counter, event->header->fd)) return;
    grouped = finding_of(counter, process, id);
    if (!grouped) return;
    mark.kind = TIMELINE_FINDING;
    mark.process = process;
    mark.fd = event->header->fd;
    mark.finding = grouped->finding;
    mark.group = grouped->group;
    if (!mark.from) mark.from = grouped->finding->first_user;
    place_mark(counter, &mark, thread);
}

static void on_finding(struct counter *counter, const struct process *process, const struct rs_read_event *event) {
    const struct rs_event_finding *fields = FIELDS(event, finding);
    on_found(counter, process, event, fields->finding,
             (struct timeline_mark){.description = fields->description, .from = fields->owner, .to = fields->user},
             fields->thread);
}

static void on_finding_again(struct counter *counter, const struct process *process,
                             const struct rs_read_event *event) {
    const struct rs_event_finding_again *fields = FIELDS(event, finding_again);
    on_found(counter, process, event, fields->finding,
             (struct timeline_mark){.description = fields->description, .from = fields->owner, .to = fields->user},
             event->thread);
}

/* ---- what is counted ---- */

static void on_io(struct counter *counter, const struct process *process, const struct rs_read_event *event) {
    const struct rs_event_io *fields = FIELDS(event, io);
    struct timeline *timeline = counter->timeline;
    struct timeline_row *row;
    if (!has_fd(counter, fields->header.fd)) return;
    if (counter->asked && !ids_find(&counter->asked[process->family->index], fields->context)) return;
    row = row_of(counter, process, fields->context, fields->description, event->thread);
    if (!row) return;
    hold(timeline, row, fields->header.time, fields->context);
    if (fields->header.time < timeline->from) return;
    cell_of(timeline, row, fields->header.time)->calls++;
    row->calls++;
}

static void on_switch(struct counter *counter, const struct process *process, const struct rs_read_event *event) {
    struct timeline_row *row;
    if (counter->timeline->by != TIMELINE_BY_THREAD) return;
    row = row_of(counter, process, 0, 0, event->thread);
    if (row) hold(counter->timeline, row, event->header->time, FIELDS(event, context_switch)->context);
}

static void on_thread(struct counter *counter, const struct process *process, const struct rs_read_event *event) {
    struct timeline_row *row;
    if (counter->timeline->by != TIMELINE_BY_THREAD) return;
    row = row_of(counter, process, 0, 0, FIELDS(event, thread)->thread);
    if (!row) return;
    see(row, event->header->time);
    free(row->name);
    row->name = *event->strings[0] ? memory_copy(event->strings[0]) : NULL;
}

static void count_event(struct counter *counter, const struct process *process, const struct rs_read_event *event) {
    switch (event->number) {
    case RS_EVENT_IO:
        on_io(counter, process, event);
        break;
    case RS_EVENT_handover:
        on_handover(counter, process, event);
        break;
    case RS_EVENT_finding:
        on_finding(counter, process, event);
        break;
    case RS_EVENT_finding_again:
        on_finding_again(counter, process, event);
        break;
    case RS_EVENT_context_switch:
        on_switch(counter, process, event);
        break;
    case RS_EVENT_thread:
        on_thread(counter, process, event);
        break;
    default:
        break;
    }
}

/* ---- begin and end ---- */

static struct ids *list_asked(const struct timeline *timeline) {
    const struct filter *filter = &timeline->filter;
    const struct model *model = timeline->model;
    struct ids *asked;
    if (timeline->by != TIMELINE_BY_THREAD || !(filter->context || filter->label || filter->match)) return NULL;
    asked = memory_new(model->family_count * sizeof *asked);
    for (size_t i = 0; i < model->context_count; i++) {
        struct context *one = model->contexts[i];
        if (filter_takes_context(filter, one)) *ids_place(&asked[one->family->index], one->id) = one;
    }
    return asked;
}

static void start(struct counter *counter) {
    const struct timeline *timeline = counter->timeline;
    size_t families = timeline->model->family_count;
    bool by_thread = timeline->by == TIMELINE_BY_THREAD;
    counter->rows = memory_new((by_thread ? timeline->model->process_count : families) * sizeof *counter->rows);
    counter->returned = memory_new(families * sizeof *counter->returned);
    counter->asked = list_asked(timeline);
    list_grouped(counter);
    for (size_t i = 0; i < timeline->row_count; i++) {
        struct timeline_row *row = timeline->rows[i];
        uint64_t id = row->context ? row->context->id : row->description->id;
        *ids_place(&counter->rows[row->process->family->index], id) = row;
    }
}

static void finish(struct counter *counter) {
    const struct timeline *timeline = counter->timeline;
    size_t families = timeline->model->family_count;
    size_t tables = timeline->by == TIMELINE_BY_THREAD ? timeline->model->process_count : families;
    for (size_t i = 0; i < tables; i++) ids_free(&counter->rows[i]);
    for (size_t i = 0; i < families; i++) ids_free(&counter->returned[i]);
    for (size_t i = 0; i < families && counter->asked; i++) ids_free(&counter->asked[i]);
    free(counter->rows);
    free(counter->returned);
    free(counter->asked);
    free(counter->grouped);
}

/* Returns true when nothing comes after the shown part. */
static bool count_events(struct counter *counter) {
    struct walk *walk = walk_open(counter->timeline->model, false, NULL);
    struct rs_read_event event;
    struct process *process;
    bool more;
    while ((more = walk_next(walk, &process, &event)) && event.header->time <= counter->timeline->to)
        count_event(counter, process, &event);
    walk_close(walk);
    return !more;
}

/* ---- rows that show nothing ---- */

/* Nothing was done in the shown part by, or to, what nobody knows to have been there, or nobody's. */
static bool shows_nothing(const struct timeline_row *row) {
    if (row->calls || row->marked) return false;
    if (row->context) return !row->context->known;
    if (row->description) return !row->description->known || (!row->description->opener && !row->description->owner);
    return !row->cells && !row->holder;
}

static int compare_threads(const void *left, const void *right) {
    const struct timeline_row *a = *(struct timeline_row *const *)left, *b = *(struct timeline_row *const *)right;
    if (a->marked != b->marked) return a->marked ? -1 : 1;
    if (a->calls != b->calls) return a->calls > b->calls ? -1 : 1;
    return a->first_seen < b->first_seen ? -1 : a->first_seen > b->first_seen;
}

static int compare_first_seen(const void *left, const void *right) {
    const struct timeline_row *a = *(struct timeline_row *const *)left, *b = *(struct timeline_row *const *)right;
    if (a->first_seen != b->first_seen) return a->first_seen < b->first_seen ? -1 : 1;
    return (a->thread > b->thread) - (a->thread < b->thread);
}

static void choose_threads(struct timeline *timeline, bool all_seen) {
    size_t rows = timeline->row_count;
    if (!rows) return;
    qsort(timeline->rows, rows, sizeof *timeline->rows, compare_threads);
    for (size_t i = 0; i < rows; i++) {
        struct timeline_row *row = timeline->rows[i];
        row->begin = row->first_seen;
        row->end = all_seen ? row->last_seen : 0;
        row->left_out = i >= timeline->max;
    }
    timeline_leave_out(timeline);
    timeline->omitted_rows = rows - timeline->row_count;
    qsort(timeline->rows, timeline->row_count, sizeof *timeline->rows, compare_first_seen);
}

void timeline_count(struct timeline *timeline, size_t cells) {
    struct counter counter = {.timeline = timeline};
    bool all_seen;
    timeline->cells = cells ? cells : 1;
    start(&counter);
    all_seen = count_events(&counter);
    finish(&counter);
    for (size_t i = 0; i < timeline->row_count; i++) timeline->rows[i]->left_out = shows_nothing(timeline->rows[i]);
    timeline_leave_out(timeline);
    if (timeline->by == TIMELINE_BY_THREAD) choose_threads(timeline, all_seen);
    for (size_t i = 0; i < timeline->row_count; i++) timeline->rows[i]->place = i;
}
