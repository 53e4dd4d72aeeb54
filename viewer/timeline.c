/* timeline.c: see timeline.h. Here: which part of the time is shown, and which rows. */
#include "viewer/timeline.h"
#include "viewer/text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- rows ---- */

struct timeline_row *timeline_add_row(struct timeline *timeline) {
    struct timeline_row *row = memory_new(sizeof *row);
    timeline->rows = memory_grow(timeline->rows, &timeline->row_space, timeline->row_count + 1, sizeof row);
    timeline->rows[timeline->row_count++] = row;
    return row;
}

static void free_row(struct timeline_row *row) {
    free(row->name);
    free(row->cells);
    free(row);
}

static void forget_marks(struct timeline *timeline) {
    size_t kept = 0;
    for (size_t i = 0; i < timeline->mark_count; i++) {
        struct timeline_mark *mark = &timeline->marks[i];
        if (mark->row && mark->row->left_out) mark->row = NULL;
        if (mark->from_row && mark->from_row->left_out) mark->from_row = NULL;
        if (mark->row || mark->from_row) timeline->marks[kept++] = *mark;
    }
    timeline->mark_count = kept;
}

void timeline_leave_out(struct timeline *timeline) {
    size_t kept = 0;
    forget_marks(timeline);
    for (size_t i = 0; i < timeline->row_count; i++) {
        if (timeline->rows[i]->left_out)
            free_row(timeline->rows[i]);
        else
            timeline->rows[kept++] = timeline->rows[i];
    }
    timeline->row_count = kept;
}

void timeline_free(struct timeline *timeline) {
    for (size_t i = 0; i < timeline->row_count; i++) free_row(timeline->rows[i]);
    free(timeline->rows);
    free(timeline->marks);
    groups_free(&timeline->groups);
    *timeline = (struct timeline){0};
}

size_t timeline_cell_of(const struct timeline *timeline, uint64_t time) {
    uint64_t length = timeline->to - timeline->from;
    if (time <= timeline->from) return 0;
    if (time >= timeline->to) return timeline->cells - 1;
    return (size_t)((unsigned __int128)(time - timeline->from) * timeline->cells / length);
}

char *timeline_context(const struct process *process, uint64_t id) {
    const struct context *context = model_context_of(process, id);
    if (!id) return memory_copy("no context");
    if (!context || !*context->label) return memory_format("context %" PRIu64, id);
    return memory_format("%s (%" PRIu64 ")", context->label, id);
}

/* "tcp 127.0.0.1:6379 (fd 7)" */
static char *label_description(const struct description *description, int32_t fd) {
    const char *name = description && *description->name   ? description->name
                       : description && description->known ? rs_kind_name(description->kind)
                                                           : "a description";
    if (fd < 0) return memory_copy(name);
    return memory_format("%s (fd %" PRId32 ")", name, fd);
}

char *timeline_description(const struct timeline_mark *mark) {
    return label_description(model_description_of(mark->process, mark->description), mark->fd);
}

char *timeline_label(const struct timeline_row *row) {
    if (row->context) return timeline_context(row->process, row->context->id);
    if (row->description) return label_description(row->description, row->description->fd);
    if (!row->thread) return memory_copy("a thread");
    return memory_format("thread %" PRIu32 "%s%s", row->thread, row->name ? " " : "", row->name ? row->name : "");
}

/* ---- which contexts and descriptions are asked for ---- */

/* A table of ids for each family. */
static struct ids *new_tables(const struct model *model) {
    return memory_new(model->family_count * sizeof(struct ids));
}

static void free_tables(struct ids *tables, const struct model *model) {
    for (size_t i = 0; i < model->family_count; i++) ids_free(&tables[i]);
    free(tables);
}

static void put(struct ids *tables, const struct family *family, uint64_t id) {
    static char present;
    if (id) *ids_place(&tables[family->index], id) = &present;
}

static bool is_in(const struct ids *tables, const struct family *family, uint64_t id) {
    return ids_find(&tables[family->index], id) != NULL;
}

static void put_users(struct ids *contexts, const struct description *description) {
    put(contexts, description->family, description->opener);
    put(contexts, description->family, description->owner);
    for (size_t i = 0; i < description->user_count; i++) put(contexts, description->family, description->users[i]);
}

/* Why one row matters more than another. */
struct matters {
    struct ids *found;    /* contexts, or descriptions, of findings */
    struct ids *crossing; /* contexts that have shared a description with another */
    struct ids *touching; /* contexts that had to do with the --fd; NULL: it was not given */
};

static void put_findings(struct ids *found, const struct timeline *timeline) {
    bool by_fd = timeline->by == TIMELINE_BY_FD;
    for (size_t i = 0; i < timeline->groups.count; i++) {
        const struct group *group = timeline->groups.all[i];
        for (size_t j = 0; j < group->count; j++) {
            const struct finding *finding = group->findings[j];
            const struct family *family = finding->process->family;
            put(found, family, by_fd ? finding->description : finding->owner);
            if (!by_fd) put(found, family, finding->user);
            if (!by_fd) put(found, family, finding->first_user);
        }
    }
}

static struct matters what_matters(const struct timeline *timeline) {
    const struct model *model = timeline->model;
    struct matters matters = {.found = new_tables(model), .crossing = new_tables(model)};
    put_findings(matters.found, timeline);
    if (timeline->filter.fd >= 0) matters.touching = new_tables(model);
    for (size_t i = 0; i < model->description_count; i++) {
        const struct description *one = model->descriptions[i];
        if (one->handovers) put_users(matters.crossing, one);
        if (matters.touching && one->fd == timeline->filter.fd) put_users(matters.touching, one);
    }
    return matters;
}

static void forget(struct matters *matters, const struct model *model) {
    free_tables(matters->found, model);
    free_tables(matters->crossing, model);
    if (matters->touching) free_tables(matters->touching, model);
}

/* ---- which rows are shown ---- */

/* One that might have a row. */
struct candidate {
    const struct context *context; /* or */
    const struct description *description;
    unsigned importance;
    bool begins; /* in the shown part */
    uint64_t uses;
    size_t place; /* in the order of their begin */
};

static int compare_importance(const void *left, const void *right) {
    const struct candidate *a = left, *b = right;
    if (a->importance != b->importance) return a->importance > b->importance ? -1 : 1;
    if (a->begins != b->begins) return a->begins ? -1 : 1;
    if (a->uses != b->uses) return a->uses > b->uses ? -1 : 1;
    return (a->place > b->place) - (a->place < b->place);
}

static int compare_places(const void *left, const void *right) {
    const struct candidate *a = left, *b = right;
    return (a->place > b->place) - (a->place < b->place);
}

struct candidates {
    struct candidate *all;
    size_t count, space;
};

static void add_candidate(struct candidates *candidates, const struct timeline *timeline, struct candidate one,
                          uint64_t begin) {
    one.begins = begin >= timeline->from;
    candidates->all = memory_grow(candidates->all, &candidates->space, candidates->count + 1, sizeof *candidates->all);
    candidates->all[candidates->count++] = one;
}

/* A finding's are shown even when they have ended before: a line leads there. */
static void list_contexts(const struct timeline *timeline, const struct matters *matters,
                          struct candidates *candidates) {
    const struct model *model = timeline->model;
    bool every_kind = timeline->filter.kinds == UINT32_MAX;
    struct filter at_any_time = timeline->filter;
    at_any_time.since = 0;
    at_any_time.until = UINT64_MAX;
    for (size_t i = 0; i < model->context_count; i++) {
        const struct context *one = model->contexts[i];
        struct candidate candidate = {.context = one, .uses = one->uses, .place = i};
        bool found = is_in(matters->found, one->family, one->id);
        if (!filter_takes_context(found ? &at_any_time : &timeline->filter, one)) continue;
        if (matters->touching && !is_in(matters->touching, one->family, one->id)) continue;
        candidate.importance = is_in(matters->crossing, one->family, one->id);
        if (every_kind && one->findings) candidate.importance = 2;
        if (found) candidate.importance = 3;
        add_candidate(candidates, timeline, candidate, one->began);
    }
}

/* Those that no context has had to do with are the program's own, and many. */
static void list_descriptions(struct timeline *timeline, const struct matters *matters, struct candidates *candidates) {
    const struct model *model = timeline->model;
    bool all = timeline->filter.fd >= 0 || timeline->filter.match || !model->context_count;
    for (size_t i = 0; i < model->description_count; i++) {
        const struct description *one = model->descriptions[i];
        struct candidate candidate = {.description = one, .uses = one->uses, .place = i};
        if (!filter_takes_description(&timeline->filter, one)) continue;
        candidate.importance = one->user_count || one->opener || one->owner;
        if (one->handovers && one->user_count > 1) candidate.importance = 2;
        if (is_in(matters->found, one->family, one->id)) candidate.importance = 3;
        if (candidate.importance || all)
            add_candidate(candidates, timeline, candidate, one->opened);
        else
            timeline->untouched++;
    }
}

static void add_candidate_row(struct timeline *timeline, const struct candidate *one) {
    struct timeline_row *row = timeline_add_row(timeline);
    if (one->context) {
        row->context = one->context;
        row->process = one->context->process;
        row->begin = one->context->began;
        row->end = one->context->ended;
        return;
    }
    row->description = one->description;
    row->process = one->description->process;
    row->begin = one->description->opened;
    row->end = one->description->closed;
    row->holder = one->description->opener;
}

static void choose_rows(struct timeline *timeline) {
    struct candidates candidates = {0};
    struct matters matters = what_matters(timeline);
    size_t kept;
    if (timeline->by == TIMELINE_BY_FD)
        list_descriptions(timeline, &matters, &candidates);
    else
        list_contexts(timeline, &matters, &candidates);
    kept = candidates.count < timeline->max ? candidates.count : timeline->max;
    if (kept) qsort(candidates.all, candidates.count, sizeof *candidates.all, compare_importance);
    if (kept) qsort(candidates.all, kept, sizeof *candidates.all, compare_places);
    for (size_t i = 0; i < kept; i++) add_candidate_row(timeline, &candidates.all[i]);
    timeline->omitted_rows = candidates.count - kept;
    free(candidates.all);
    forget(&matters, timeline->model);
}

bool timeline_choose(struct timeline *timeline, const struct options *options, const struct model *model) {
    const char *by = options->by ? options->by : "context";
    struct groups everywhere;
    size_t count;
    bool chosen;
    *timeline = (struct timeline){
        .model = model,
        .filter = filter_from(options, model),
        .by = !strcmp(by, "fd")       ? TIMELINE_BY_FD
              : !strcmp(by, "thread") ? TIMELINE_BY_THREAD
                                      : TIMELINE_BY_CONTEXT,
        .max = options->max ? options->max : TIMELINE_ROWS,
    };
    everywhere = groups_of(model, &timeline->filter);
    count = everywhere.count;
    chosen = timeline_choose_part(timeline, &everywhere);
    groups_free(&everywhere);
    if (!chosen) return false;
    timeline->groups = groups_of(model, &timeline->filter);
    timeline->groups_elsewhere = count - timeline->groups.count;
    if (timeline->by != TIMELINE_BY_THREAD) choose_rows(timeline);
    return true;
}
