/* page_data.c: see page_data.h. */
#include "viewer/page_data.h"
#include "include/reqscope.h"
#include "viewer/text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

void page_time_write(const struct model *model, uint64_t time, FILE *stream) {
    if (time)
        fprintf(stream, "%" PRId64, (int64_t)(time - model->first_time));
    else
        fputs("null", stream);
}

/* A row's numbers: each with a comma before it but for the document's first. */
struct row_writer {
    const struct model *model;
    struct page_texts *texts;
    FILE *stream;
    bool begun;
};

static void put(struct row_writer *writer, int64_t number) {
    fprintf(writer->stream, "%s%" PRId64, writer->begun ? "," : "", number);
    writer->begun = true;
}

static void put_time(struct row_writer *writer, uint64_t time) {
    if (writer->begun) putc(',', writer->stream);
    page_time_write(writer->model, time, writer->stream);
    writer->begun = true;
}

static void put_text(struct row_writer *writer, const char *text) {
    put(writer, page_text(writer->texts, text));
}

static void end_row(struct row_writer *writer) {
    putc('\n', writer->stream);
}

/* ---- contexts and descriptions ---- */

/* How much it did in each part of its time: a digit for each, the logarithm; NULL when that is not known. */
static const char *activity_text(const struct page_context *context, char text[PAGE_ACTIVITY + 1]) {
    size_t length = 0;
    for (size_t i = 0; i < PAGE_ACTIVITY; i++) {
        uint32_t calls = context->activity[i], digit = calls ? 1 : 0;
        while (calls >>= 1) digit++;
        text[i] = (char)('0' + (digit < 9 ? digit : 9));
        if (digit) length = i + 1;
    }
    text[length] = 0;
    return length ? text : NULL;
}

/* id, family, label, process, thread, began, ended, first call, last call, parent, opens, uses, bytes, findings, found, sure,
 * attributes, activity */
static void write_context(const struct page_tables *tables, struct row_writer *writer, size_t i) {
    const struct page_context *page = &tables->contexts[i];
    const struct context *context = page->context;
    char activity[PAGE_ACTIVITY + 1];
    put(writer, (int64_t)context->id);
    put(writer, (int64_t)context->family->index);
    put_text(writer, context->label);
    put(writer, (int64_t)context->process->index);
    put(writer, context->thread);
    put_time(writer, context->known ? context->began : 0);
    put_time(writer, context->ended);
    put_time(writer, page->seen_first);
    put_time(writer, page->seen_last);
    put(writer, page_context_row(tables, context->process, context->parent));
    put(writer, context->opens);
    put(writer, (int64_t)context->uses);
    put(writer, (int64_t)context->bytes);
    put(writer, context->findings);
    put_text(writer, model_context_found(context));
    put_text(writer, model_context_sure(context));
    put_text(writer, context->attributes);
    put_text(writer, activity_text(page, activity));
    end_row(writer);
}

/* id, family, name, process, fd, kind, how it was opened, thread, opened, closed, opener, owner, handovers, uses, bytes */
static void write_description(const struct page_tables *tables, struct row_writer *writer, size_t i) {
    const struct description *description = tables->export->model->descriptions[i];
    const struct process *process = description->process;
    put(writer, (int64_t)description->id);
    put(writer, (int64_t)description->family->index);
    put_text(writer, description->name);
    put(writer, (int64_t)process->index);
    put(writer, description->fd);
    put_text(writer, description->kind < RS_KIND_COUNT ? rs_kind_name(description->kind) : NULL);
    put_text(writer, description->known ? rs_operation_name(description->operation) : NULL);
    put(writer, description->thread);
    put_time(writer, description->known ? description->opened : 0);
    put_time(writer, description->closed);
    put(writer, page_context_row(tables, process, description->opener));
    put(writer, page_context_row(tables, process, description->owner));
    put(writer, (int64_t)description->handovers);
    put(writer, (int64_t)description->uses);
    put(writer, (int64_t)description->bytes);
    end_row(writer);
}

static struct row_writer begin_rows(const struct page_tables *tables, struct page_texts *texts, const char *name,
                                    FILE *stream) {
    fprintf(stream, ",\n\"%s\":[", name);
    return (struct row_writer){.model = tables->export->model, .texts = texts, .stream = stream};
}

static void write_contexts(const struct page_tables *tables, struct page_texts *texts, FILE *stream) {
    struct row_writer writer = begin_rows(tables, texts, "contexts", stream);
    for (size_t i = 0; i < tables->export->model->context_count; i++)
        if (tables->context_rows[i].row >= 0) write_context(tables, &writer, i);
    putc(']', stream);
}

static void write_descriptions(const struct page_tables *tables, struct page_texts *texts, FILE *stream) {
    struct row_writer writer = begin_rows(tables, texts, "descriptions", stream);
    for (size_t i = 0; i < tables->export->model->description_count; i++)
        if (tables->description_rows[i].row >= 0) write_description(tables, &writer, i);
    putc(']', stream);
}

/* ---- crossings ---- */

static int64_t row_of(const struct page_row *rows, int64_t place) {
    return place < 0 ? place : rows[place].row;
}

/* description, context, owner, first, last, calls, bytes */
static void write_uses(const struct page_tables *tables, struct page_texts *texts, FILE *stream) {
    struct row_writer writer = begin_rows(tables, texts, "uses", stream);
    for (const struct page_use *use = tables->uses; use; use = use->hh.next) {
        int64_t description = row_of(tables->description_rows, use->key.description);
        int64_t context = row_of(tables->context_rows, use->key.context);
        if (description < 0 || context < 0) continue;
        put(&writer, description);
        put(&writer, context);
        put(&writer, row_of(tables->context_rows, use->key.owner));
        put_time(&writer, use->first);
        put_time(&writer, use->last);
        put(&writer, (int64_t)use->calls);
        put(&writer, (int64_t)use->bytes);
        end_row(&writer);
    }
    putc(']', stream);
}

/* time, description, from, to, reason */
static void write_handovers(const struct page_tables *tables, struct page_texts *texts, FILE *stream) {
    struct row_writer writer = begin_rows(tables, texts, "handovers", stream);
    for (size_t i = 0; i < tables->handover_count; i++) {
        const struct page_handover *handover = &tables->handovers[i];
        put_time(&writer, handover->time);
        put(&writer, row_of(tables->description_rows, handover->description));
        put(&writer, row_of(tables->context_rows, handover->from));
        put(&writer, row_of(tables->context_rows, handover->to));
        put_text(&writer, rs_handover_name(handover->reason));
        end_row(&writer);
    }
    putc(']', stream);
}

/* time, finding, description, owner, user */
static void write_sightings(const struct page_tables *tables, struct page_texts *texts, FILE *stream) {
    struct row_writer writer = begin_rows(tables, texts, "sightings", stream);
    for (size_t i = 0; i < tables->sighting_count; i++) {
        const struct page_sighting *sighting = &tables->sightings[i];
        put_time(&writer, sighting->time);
        put(&writer, sighting->group);
        put(&writer, row_of(tables->description_rows, sighting->description));
        put(&writer, row_of(tables->context_rows, sighting->owner));
        put(&writer, row_of(tables->context_rows, sighting->user));
        end_row(&writer);
    }
    putc(']', stream);
}

/* ---- summary ---- */

static void write_summary(const struct model *model, FILE *stream) {
    fprintf(stream,
            "\"version\":\"%s\",\"summary\":{\"contexts\":%zu,\"descriptions\":%zu,\"events\":%" PRIu64
            ",\"lost_events\":%" PRIu64 ",\"duration\":%" PRIu64 "}",
            REQSCOPE_VERSION, model->context_count, model->description_count, model->events, model->lost_events,
            model->last_time - model->first_time);
}

/* pid, parent's pid, command, mode, policy */
static void write_processes(const struct model *model, struct page_texts *texts, FILE *stream) {
    fputs(",\n\"processes\":[", stream);
    for (size_t i = 0; i < model->process_count; i++) {
        const struct process *process = model->processes[i];
        fprintf(stream, "%s[%" PRIu32 ",%" PRIu32 ",%" PRId64 ",%" PRId64 ",%" PRId64 "]", i ? ",\n" : "", process->pid,
                process->parent_pid, page_text(texts, process->command),
                page_text(texts, process->known ? rs_mode_name(process->mode) : NULL),
                page_text(texts, process->known ? rs_policy_name(process->policy) : NULL));
    }
    putc(']', stream);
}

/* ---- notes: what a reader must know of what is not shown ---- */

static void write_note(FILE *stream, bool *begun, char *text) {
    if (*begun) fputs(",\n", stream);
    page_text_write(text, stream);
    *begun = true;
    free(text);
}

static void write_left_out(const struct page_tables *tables, FILE *stream, bool *begun) {
    const struct {
        uint64_t count;
        const char *what;
    } left_out[] = {
        {tables->handovers_left_out, "hand-overs, the latest"},
        {tables->foreign_left_out, "calls on what another context owned, of pairs that met late"},
        {tables->uses_left_out, "calls of contexts on what was their own, of those that began late"},
        {tables->sightings_left_out, "sightings of findings, the latest (they are counted)"},
    };
    if (tables->context_shown < tables->context_chosen)
        write_note(
            stream, begun,
            memory_format("Of %zu contexts, %zu are on this page: all that findings and crossings name, and of the "
                          "others as many as there is room for, evenly.",
                          tables->context_chosen, tables->context_shown));
    if (tables->description_shown < tables->description_chosen)
        write_note(
            stream, begun,
            memory_format("Of %zu descriptions, %zu are on this page: all that findings and crossings name, and of "
                          "the others as many as there is room for, evenly.",
                          tables->description_chosen, tables->description_shown));
    for (size_t i = 0; i < sizeof left_out / sizeof *left_out; i++)
        if (left_out[i].count)
            write_note(stream, begun,
                       memory_format("Left out of this page, as there are too many: %" PRIu64 " %s.", left_out[i].count,
                                     left_out[i].what));
}

static bool has_note(const struct process *process, const char *note) {
    for (size_t i = 0; i < process->note_count; i++)
        if (!strcmp(process->notes[i], note)) return true;
    return false;
}

/* Of the processes from one index up to another, how many have the note. */
static size_t count_notes(const struct model *model, const char *note, size_t from, size_t to) {
    size_t count = 0;
    for (size_t i = from; i < to; i++) count += has_note(model->processes[i], note);
    return count;
}

/* What the guard said that it could not see: each once. */
static void write_coverage(const struct model *model, FILE *stream, bool *begun) {
    for (size_t i = 0; i < model->process_count; i++) {
        const struct process *process = model->processes[i];
        for (size_t j = 0; j < process->note_count; j++) {
            size_t more = count_notes(model, process->notes[j], i + 1, model->process_count);
            if (count_notes(model, process->notes[j], 0, i)) continue;
            write_note(stream, begun,
                       more ? memory_format("pid %" PRIu32 " and %zu more: %s", process->pid, more, process->notes[j])
                            : memory_format("pid %" PRIu32 ": %s", process->pid, process->notes[j]));
        }
    }
}

static void write_notes(const struct page_tables *tables, FILE *stream) {
    const struct model *model = tables->export->model;
    bool begun = false;
    fputs(",\n\"notes\":[", stream);
    if (filter_is_set(tables->export->filter))
        write_note(
            stream, &begun,
            memory_copy("This page shows a part of the trace: the export was asked for that. The numbers above are "
                        "the whole trace's."));
    if (model->lost_events)
        write_note(stream, &begun,
                   memory_format("At least %" PRIu64
                                 " events were given up to stay below REQSCOPE_TRACE_MAX. Findings are "
                                 "all here; of I/O, and of contexts and descriptions that had ended, the latest.",
                                 model->lost_events));
    if (model->damages)
        write_note(stream, &begun,
                   memory_format("The trace is damaged in %" PRIu64 " place%s: what could be read is shown.",
                                 model->damages, model->damages == 1 ? "" : "s"));
    write_left_out(tables, stream, &begun);
    write_coverage(model, stream, &begun);
    putc(']', stream);
}

void page_data_write(const struct export *export, const struct page_limits *limits, FILE *stream) {
    struct page_tables *tables = page_tables_of(export, limits);
    struct page_texts *texts = page_texts_new();
    fputs("{", stream);
    write_summary(export->model, stream);
    write_processes(export->model, texts, stream);
    write_notes(tables, stream);
    fputs(",\n", stream);
    page_findings_write(tables, texts, stream);
    write_contexts(tables, texts, stream);
    write_descriptions(tables, texts, stream);
    write_uses(tables, texts, stream);
    write_handovers(tables, texts, stream);
    write_sightings(tables, texts, stream);
    fputs(",\n\"texts\":", stream);
    page_texts_write(texts, stream);
    fputs("}\n", stream);
    page_texts_free(texts);
    page_tables_free(tables);
}
