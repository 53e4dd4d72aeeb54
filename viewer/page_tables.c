/* page_tables.c: see page_tables.h. */
#include "viewer/page_tables.h"
#include "viewer/walk.h"

#include <stdlib.h>

/* ---- numbers ---- */

static struct ids *number_all(struct page_tables *tables, bool descriptions) {
    const struct model *model = tables->export->model;
    struct ids *numbers = memory_new(model->family_count * sizeof *numbers);
    size_t count = descriptions ? model->description_count : model->context_count;
    for (size_t i = 0; i < count; i++) {
        const struct family *family = descriptions ? model->descriptions[i]->family : model->contexts[i]->family;
        uint64_t id = descriptions ? model->descriptions[i]->id : model->contexts[i]->id;
        *ids_place(&numbers[family->index], id) = (void *)(uintptr_t)(i + 1);
    }
    return numbers;
}

static int64_t number_of(const struct ids *numbers, const struct process *process, uint64_t id) {
    uintptr_t number = id ? (uintptr_t)ids_find(&numbers[process->family->index], id) : 0;
    if (number) return (int64_t)number - 1;
    return id ? PAGE_ABSENT : PAGE_NONE;
}

static int64_t context_number(const struct page_tables *tables, const struct process *process, uint64_t id) {
    return number_of(tables->context_numbers, process, id);
}

static int64_t description_number(const struct page_tables *tables, const struct process *process, uint64_t id) {
    return number_of(tables->description_numbers, process, id);
}

static void name_context(struct page_tables *tables, int64_t number) {
    if (number >= 0) tables->context_rows[number].named = true;
}

static void name_description(struct page_tables *tables, int64_t number) {
    if (number >= 0) tables->description_rows[number].named = true;
}

/* ---- findings ---- */

static void name_finding(struct page_tables *tables, const struct finding *finding) {
    const uint64_t ids[] = {finding->owner,  finding->user,           finding->opener,    finding->sender,
                            finding->closer, finding->transaction_of, finding->first_user};
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
        name_context(tables, context_number(tables, finding->process, ids[i]));
    name_description(tables, description_number(tables, finding->process, finding->description));
    name_description(tables, description_number(tables, finding->process, finding->closed_description));
}

static void name_groups(struct page_tables *tables) {
    const struct groups *groups = tables->export->groups;
    for (size_t i = 0; i < groups->count; i++)
        for (size_t j = 0; j < groups->all[i]->count; j++) name_finding(tables, groups->all[i]->findings[j]);
}

/* The group of each finding, by its address. */
struct grouped {
    const struct finding *finding;
    int64_t group;
    UT_hash_handle hh;
};

static struct grouped *index_groups(const struct groups *groups, struct memory_arena **arena) {
    struct grouped *index = NULL;
    for (size_t i = 0; i < groups->count; i++) {
        for (size_t j = 0; j < groups->all[i]->count; j++) {
            struct grouped *grouped = memory_take(arena, sizeof *grouped);
            grouped->finding = groups->all[i]->findings[j];
            grouped->group = (int64_t)i;
            HASH_ADD_PTR(index, finding, grouped);
        }
    }
    return index;
}

/* The process's own, or that of another one of its family which it was put together with. */
static const struct finding *find_finding(const struct process *process, uint32_t id) {
    const struct model *model = process->model;
    const struct finding *finding;
    HASH_FIND(hh, process->findings, &id, sizeof id, finding);
    for (size_t i = 0; !finding && i < model->process_count; i++)
        if (model->processes[i]->family == process->family)
            HASH_FIND(hh, model->processes[i]->findings, &id, sizeof id, finding);
    return finding;
}

static void see(struct page_tables *tables, const struct grouped *index, const struct process *process,
                const struct page_sighting *sighting, uint32_t id) {
    const struct finding *finding = find_finding(process, id);
    const struct grouped *grouped;
    HASH_FIND_PTR(index, &finding, grouped);
    if (!grouped) return;
    if (tables->sighting_count == tables->limits.sightings) {
        tables->sightings_left_out++;
        return;
    }
    tables->sightings =
        memory_grow(tables->sightings, &tables->sighting_space, tables->sighting_count + 1, sizeof *tables->sightings);
    tables->sightings[tables->sighting_count] = *sighting;
    tables->sightings[tables->sighting_count++].group = grouped->group;
    name_context(tables, sighting->owner);
    name_context(tables, sighting->user);
    name_description(tables, sighting->description);
}

/* ---- the walk ---- */

static void count_activity(const struct page_tables *tables, struct page_context *context, uint64_t time) {
    uint64_t began = context->context->began, ended = context->context->ended;
    if (!ended) ended = tables->export->model->last_time;
    if (!context->seen_first) context->seen_first = time;
    context->seen_last = time;
    if (!context->context->known || time < began || time > ended) return;
    context->activity[(unsigned)((double)(time - began) / ((double)(ended - began) + 1) * PAGE_ACTIVITY)]++;
}

/* The use's place; NULL when there is no room for a new one. */
static struct page_use *use_of(struct page_tables *tables, const struct page_use *wanted) {
    bool foreign = wanted->key.owner != PAGE_NONE;
    size_t *count = foreign ? &tables->foreign_uses : &tables->own_uses;
    struct page_use *use;
    HASH_FIND(hh, tables->uses, &wanted->key, sizeof wanted->key, use);
    if (use) return use;
    if (*count == tables->limits.uses) {
        ++*(foreign ? &tables->foreign_left_out : &tables->uses_left_out);
        return NULL;
    }
    ++*count;
    use = memory_new(sizeof *use);
    use->key = wanted->key;
    use->first = wanted->first;
    HASH_ADD(hh, tables->uses, key, sizeof use->key, use);
    if (foreign) {
        name_context(tables, use->key.context);
        name_context(tables, use->key.owner);
        name_description(tables, use->key.description);
    }
    return use;
}

static bool moves_bytes(uint32_t operation) {
    return operation == RS_OP_read || operation == RS_OP_write || operation == RS_OP_recv || operation == RS_OP_send ||
           operation == RS_OP_sendfile || operation == RS_OP_splice;
}

static void on_io(struct page_tables *tables, const struct process *process, const struct rs_read_event *event) {
    const struct rs_event_io *fields = (const struct rs_event_io *)event->header;
    int64_t context = context_number(tables, process, fields->context);
    int64_t description = description_number(tables, process, fields->description);
    struct page_use wanted = {.first = fields->header.time}, *use;
    uint64_t owner;
    if (context >= 0) count_activity(tables, &tables->contexts[context], fields->header.time);
    if (context < 0 || description < 0) return;
    owner = tables->owners[description];
    wanted.key.description = description;
    wanted.key.context = context;
    wanted.key.owner = owner == fields->context ? PAGE_NONE : context_number(tables, process, owner);
    use = use_of(tables, &wanted);
    if (!use) return;
    use->last = fields->header.time;
    use->calls++;
    if (fields->result > 0 && moves_bytes(event->operation)) use->bytes += (uint64_t)fields->result;
}

static void on_open(struct page_tables *tables, const struct process *process, const struct rs_read_event *event) {
    const struct rs_event_open *fields = (const struct rs_event_open *)event->header;
    int64_t description = description_number(tables, process, fields->description);
    if (description >= 0) tables->owners[description] = fields->context;
}

static void on_handover(struct page_tables *tables, const struct process *process, const struct rs_read_event *event) {
    const struct rs_event_handover *fields = (const struct rs_event_handover *)event->header;
    const struct page_handover handover = {
        .time = fields->header.time,
        .description = description_number(tables, process, fields->description),
        .from = context_number(tables, process, fields->from),
        .to = context_number(tables, process, fields->to),
        .reason = fields->reason,
    };
    if (handover.description < 0) return;
    tables->owners[handover.description] = fields->to;
    if (!filter_takes_time(tables->export->filter, handover.time)) return;
    if (tables->handover_count == tables->limits.handovers) {
        tables->handovers_left_out++;
        return;
    }
    tables->handovers =
        memory_grow(tables->handovers, &tables->handover_space, tables->handover_count + 1, sizeof *tables->handovers);
    tables->handovers[tables->handover_count++] = handover;
    name_context(tables, handover.from);
    name_context(tables, handover.to);
    name_description(tables, handover.description);
}

static struct page_sighting sighting_of(const struct page_tables *tables, const struct process *process, uint64_t time,
                                        uint64_t description, uint64_t owner, uint64_t user) {
    return (struct page_sighting){.time = time,
                                  .description = description_number(tables, process, description),
                                  .owner = context_number(tables, process, owner),
                                  .user = context_number(tables, process, user)};
}

static void on_event(struct page_tables *tables, const struct grouped *index, const struct process *process,
                     const struct rs_read_event *event) {
    const struct rs_event_finding *finding = (const struct rs_event_finding *)event->header;
    const struct rs_event_finding_again *again = (const struct rs_event_finding_again *)event->header;
    struct page_sighting sighting;
    bool taken = filter_takes_time(tables->export->filter, event->header->time);
    switch (event->number) {
    case RS_EVENT_open:
        on_open(tables, process, event);
        return;
    case RS_EVENT_handover:
        on_handover(tables, process, event);
        return;
    case RS_EVENT_finding:
        if (!taken) return;
        sighting =
            sighting_of(tables, process, finding->header.time, finding->description, finding->owner, finding->user);
        see(tables, index, process, &sighting, finding->finding);
        return;
    case RS_EVENT_finding_again:
        if (!taken) return;
        sighting = sighting_of(tables, process, again->header.time, again->description, again->owner, again->user);
        see(tables, index, process, &sighting, again->finding);
        return;
    case RS_EVENT_IO:
        if (taken) on_io(tables, process, event);
        return;
    default:
        return;
    }
}

static void walk(struct page_tables *tables) {
    struct memory_arena *arena = NULL;
    struct grouped *index = index_groups(tables->export->groups, &arena);
    struct walk *walk = walk_open(tables->export->model, false, NULL);
    struct process *process;
    struct rs_read_event event;
    while (walk_next(walk, &process, &event)) on_event(tables, index, process, &event);
    walk_close(walk);
    HASH_CLEAR(hh, index);
    memory_arena_free(&arena);
}

/* ---- rows ---- */

/* Of `others` that nobody names, `room` have a row, evenly over all: does the one with that number? */
static bool has_room(size_t number, size_t others, size_t room) {
    if (room >= others) return true;
    return (number + 1) * room / others > number * room / others;
}

/* Gives rows to all that are named, and to as many of the others as may be. Returns how many have one. */
static size_t choose(struct page_row *rows, size_t count, size_t limit, size_t *chosen) {
    size_t named = 0, others = 0, seen = 0, shown = 0, room;
    for (size_t i = 0; i < count; i++) {
        named += rows[i].named;
        others += rows[i].taken && !rows[i].named;
    }
    room = limit > named ? limit - named : 0;
    for (size_t i = 0; i < count; i++) {
        bool has = rows[i].named || (rows[i].taken && has_room(seen++, others, room));
        rows[i].row = has ? (int64_t)shown++ : PAGE_ABSENT;
    }
    *chosen = named + others;
    return shown;
}

static void choose_rows(struct page_tables *tables) {
    const struct model *model = tables->export->model;
    const struct filter *filter = tables->export->filter;
    for (size_t i = 0; i < model->context_count; i++)
        tables->context_rows[i].taken = filter_takes_context(filter, model->contexts[i]);
    for (size_t i = 0; i < model->description_count; i++)
        tables->description_rows[i].taken = filter_takes_description(filter, model->descriptions[i]);
    tables->context_shown =
        choose(tables->context_rows, model->context_count, tables->limits.contexts, &tables->context_chosen);
    tables->description_shown = choose(tables->description_rows, model->description_count, tables->limits.descriptions,
                                       &tables->description_chosen);
}

struct page_tables *page_tables_of(const struct export *export, const struct page_limits *limits) {
    const struct model *model = export->model;
    struct page_tables *tables = memory_new(sizeof *tables);
    tables->export = export;
    tables->limits = *limits;
    tables->context_numbers = number_all(tables, false);
    tables->description_numbers = number_all(tables, true);
    tables->contexts = memory_new(model->context_count * sizeof *tables->contexts);
    tables->context_rows = memory_new(model->context_count * sizeof *tables->context_rows);
    tables->description_rows = memory_new(model->description_count * sizeof *tables->description_rows);
    tables->owners = memory_new(model->description_count * sizeof *tables->owners);
    for (size_t i = 0; i < model->context_count; i++) tables->contexts[i].context = model->contexts[i];
    for (size_t i = 0; i < model->description_count; i++) tables->owners[i] = model->descriptions[i]->opener;
    name_groups(tables);
    walk(tables);
    choose_rows(tables);
    return tables;
}

int64_t page_context_row(const struct page_tables *tables, const struct process *process, uint64_t id) {
    int64_t number = context_number(tables, process, id);
    return number < 0 ? number : tables->context_rows[number].row;
}

int64_t page_description_row(const struct page_tables *tables, const struct process *process, uint64_t id) {
    int64_t number = description_number(tables, process, id);
    return number < 0 ? number : tables->description_rows[number].row;
}

static void free_uses(struct page_tables *tables) {
    struct page_use *use = tables->uses, *next;
    HASH_CLEAR(hh, tables->uses);
    for (; use; use = next) {
        next = use->hh.next;
        free(use);
    }
}

void page_tables_free(struct page_tables *tables) {
    for (size_t i = 0; i < tables->export->model->family_count; i++) {
        ids_free(&tables->context_numbers[i]);
        ids_free(&tables->description_numbers[i]);
    }
    free(tables->context_numbers);
    free(tables->description_numbers);
    free(tables->contexts);
    free(tables->context_rows);
    free(tables->description_rows);
    free(tables->owners);
    free_uses(tables);
    free(tables->handovers);
    free(tables->sightings);
    free(tables);
}
