/* cmd_timeline.c: `reqscope timeline`: contexts (descriptions, threads) over time, as a picture or as a document. */
#include "viewer/commands.h"
#include "viewer/finding_text.h"
#include "viewer/json.h"
#include "viewer/output.h"
#include "viewer/text.h"
#include "viewer/timeline_notes.h"
#include "viewer/timeline_text.h"

#include <stdlib.h>

#define NARROWEST 40
#define WIDEST 4096
#define DOCUMENT_CELLS 100 /* of --json, unless --width says another number */

/* ---- the document ---- */

static json_t *new_object(void) {
    json_t *object = json_object();
    if (!object) memory_exhausted();
    return object;
}

static json_t *json_from_pair(uint64_t first, uint64_t second) {
    json_t *pair = json_array();
    json_add(pair, json_from_number(first));
    json_add(pair, json_from_number(second));
    return pair;
}

/* [cell, calls] of each cell that has some; [cell, context] where it goes over to another. */
static void put_cells(json_t *object, const struct timeline *timeline, const struct timeline_row *row) {
    json_t *activity = json_array(), *holders = json_array();
    uint64_t holder = row->holder;
    if (holder) json_add(holders, json_from_pair(0, holder));
    for (size_t i = 0; row->cells && i < timeline->cells; i++) {
        const struct timeline_cell *cell = &row->cells[i];
        if (cell->calls) json_add(activity, json_from_pair(i, cell->calls));
        if (cell->held && cell->holder != holder) json_add(holders, json_from_pair(i, holder = cell->holder));
    }
    json_put(object, "activity", activity);
    if (timeline->by == TIMELINE_BY_CONTEXT)
        json_decref(holders);
    else
        json_put(object, "contexts", holders);
}

static uint64_t id_of(const struct timeline_row *row) {
    return row->context ? row->context->id : row->description ? row->description->id : row->thread;
}

static json_t *json_from_row(const struct timeline *timeline, const struct timeline_row *row) {
    json_t *object = new_object();
    char *label = timeline_label(row);
    json_put(object, "id", json_from_number(id_of(row)));
    json_put(object, "label", json_from_text(label));
    json_put(object, "pid", json_from_number(row->process->pid));
    json_put(object, "begin_ns", json_from_time(row->begin));
    json_put(object, "end_ns", json_from_time(row->end));
    put_cells(object, timeline, row);
    free(label);
    return object;
}

static void put_description(json_t *object, const struct timeline_mark *mark) {
    char *description = timeline_description(mark);
    json_put(object, "description", json_from_text(description));
    json_put(object, "description_id", json_from_number(mark->description));
    json_put(object, "fd", mark->fd < 0 ? json_null() : json_from_number((uint64_t)mark->fd));
    json_put(object, "pid", json_from_number(mark->process->pid));
    free(description);
}

static json_t *json_from_crossing(const struct timeline_mark *mark) {
    json_t *object = new_object();
    json_put(object, "time_ns", json_from_number(mark->time));
    put_description(object, mark);
    json_put(object, "from", json_from_context(mark->process, mark->from));
    json_put(object, "to", json_from_context(mark->process, mark->to));
    json_put(object, "reason", json_from_text(rs_handover_name(mark->reason)));
    json_put(object, "finding", mark->finding ? json_from_number(mark->finding->id) : json_null());
    return object;
}

static json_t *json_from_finding(const struct timeline_mark *mark) {
    json_t *object = new_object();
    char *sentence = timeline_finding_text(mark);
    json_put(object, "time_ns", json_from_number(mark->time));
    json_put(object, "id", json_from_number(mark->finding->id));
    json_put(object, "kind", json_from_text(finding_kind(mark->finding)));
    json_put(object, "sentence", json_from_text(sentence));
    put_description(object, mark);
    json_put(object, "owner", json_from_context(mark->process, mark->from));
    json_put(object, "user", json_from_context(mark->process, mark->to));
    free(sentence);
    return object;
}

/* Of marks that are not in the document, as there were too many. */
static uint64_t count_unkept(const struct timeline *timeline) {
    uint64_t unkept = 0;
    for (size_t i = 0; i < TIMELINE_KINDS; i++)
        if (timeline->counts[i] > TIMELINE_MARKS) unkept += timeline->counts[i] - TIMELINE_MARKS;
    return unkept;
}

static void print_json(const struct timeline *timeline) {
    static const char *const parts[] = {"asked", "all", "finding", "busiest"};
    static const char *const bys[] = {"context", "fd", "thread"};
    json_t *document = new_object(), *rows = json_array(), *crossings = json_array(), *findings = json_array();
    for (size_t i = 0; i < timeline->row_count; i++) json_add(rows, json_from_row(timeline, timeline->rows[i]));
    for (size_t i = 0; i < timeline->mark_count; i++) {
        const struct timeline_mark *mark = &timeline->marks[i];
        if (mark->kind == TIMELINE_FINDING)
            json_add(findings, json_from_finding(mark));
        else
            json_add(crossings, json_from_crossing(mark));
    }
    json_put(document, "by", json_from_text(bys[timeline->by]));
    json_put(document, "part", json_from_text(parts[timeline->part]));
    json_put(document, "first_ns", json_from_number(timeline->model->first_time));
    json_put(document, "from_ns", json_from_number(timeline->from));
    json_put(document, "to_ns", json_from_number(timeline->to));
    json_put(document, "cells", json_from_number(timeline->cells));
    json_put(document, "rows", rows);
    json_put(document, "omitted_rows", json_from_number(timeline->omitted_rows));
    json_put(document, "crossings", crossings);
    json_put(document, "findings", findings);
    json_put(document, "omitted_marks", json_from_number(count_unkept(timeline)));
    json_put(document, "findings_elsewhere", json_from_number(timeline->groups_elsewhere));
    json_print(document);
}

/* ---- the picture ---- */

static void print_picture(struct timeline *timeline, const struct options *options) {
    size_t width = output_width(options->width);
    struct timeline_layout layout;
    if (width < NARROWEST) width = NARROWEST;
    if (width > WIDEST) width = WIDEST;
    layout = timeline_layout_of(timeline, width, !options->ascii && output_is_utf8());
    timeline_count(timeline, layout.cells);
    timeline_print(timeline, &layout);
}

int cmd_timeline(const struct options *options, const struct model *model, bool usable) {
    struct timeline timeline;
    (void)usable;
    if (options->width && (options->width < NARROWEST || options->width > WIDEST)) {
        text_complain("timeline: --width: give a number from %d to %d", NARROWEST, WIDEST);
        return EXIT_UNUSABLE;
    }
    if (!timeline_choose(&timeline, options, model)) return EXIT_UNUSABLE;
    if (options->json) {
        timeline_count(&timeline, options->width ? options->width : DOCUMENT_CELLS);
        print_json(&timeline);
    } else {
        print_picture(&timeline, options);
    }
    timeline_free(&timeline);
    return EXIT_DONE;
}
