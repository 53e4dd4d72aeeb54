/* export_json.c: all that is known of a trace, as one JSON document: docs/trace.schema.json says what each field is. A line an item. */
#include "reqscope.h"
#include "viewer/crossings.h"
#include "viewer/export.h"
#include "viewer/json_rows.h"
#include "viewer/json_stream.h"
#include "viewer/wall_clock.h"

#include <stdlib.h>
#include <string.h>

/* Numbers of contexts and descriptions are a family's own. */
static json_t *with_family(json_t *object, const struct family *family) {
    json_put(object, "family", json_from_number(family->index));
    return object;
}

static void write_generator(struct json_stream *stream) {
    json_stream_object(stream, "generator");
    json_stream_text(stream, "name", "reqscope");
    json_stream_text(stream, "version", REQSCOPE_VERSION);
    json_stream_end_object(stream);
}

static void write_clock(struct json_stream *stream, const struct model *model) {
    uint64_t offset = wall_clock_offset(model);
    json_stream_line(stream);
    json_stream_object(stream, "clock");
    json_stream_value(stream, "first_ns", json_from_time(model->first_time));
    json_stream_value(stream, "last_ns", json_from_time(model->last_time));
    json_stream_value(stream, "unix_offset_ns", json_from_time(offset));
    json_stream_end_object(stream);
}

static void write_processes(struct json_stream *stream, const struct model *model, json_t *rows) {
    json_stream_array(stream, "processes");
    for (size_t i = 0; i < json_array_size(rows); i++) {
        json_stream_line(stream);
        json_stream_value(stream, NULL, with_family(json_incref(json_array_get(rows, i)), model->processes[i]->family));
    }
    json_stream_end_array(stream);
}

/* The fields that every --json document begins with; contexts are listed here, not only counted. */
static void write_summary(struct json_stream *stream, const struct model *model) {
    json_t *summary = json_summary(model), *value;
    const char *key;
    json_object_foreach(summary, key, value) {
        if (!strcmp(key, "contexts")) continue;
        if (strcmp(key, "processes") != 0) {
            json_stream_value(stream, key, json_incref(value));
            continue;
        }
        write_generator(stream);
        write_clock(stream, model);
        json_stream_line(stream);
        write_processes(stream, model, value);
        json_stream_line(stream);
    }
    json_decref(summary);
}

static void write_contexts(struct json_stream *stream, const struct export *export) {
    const struct model *model = export->model;
    json_stream_line(stream);
    json_stream_array(stream, "contexts");
    for (size_t i = 0; i < model->context_count; i++) {
        const struct context *context = model->contexts[i];
        if (!filter_takes_context(export->filter, context)) continue;
        json_stream_line(stream);
        json_stream_value(stream, NULL, with_family(json_from_context_row(context), context->family));
    }
    json_stream_end_array(stream);
}

static void write_descriptions(struct json_stream *stream, const struct export *export) {
    const struct model *model = export->model;
    json_stream_line(stream);
    json_stream_array(stream, "descriptions");
    for (size_t i = 0; i < model->description_count; i++) {
        const struct description *one = model->descriptions[i];
        if (!filter_takes_description(export->filter, one)) continue;
        json_stream_line(stream);
        json_stream_value(stream, NULL, with_family(json_from_description_row(export->symbols, one), one->family));
    }
    json_stream_end_array(stream);
}

static void write_crossing(struct json_stream *stream, const struct crossing *crossing) {
    const struct process *process = crossing->process;
    const struct finding *finding = crossing->finding;
    json_stream_object(stream, NULL);
    json_stream_number(stream, "time_ns", crossing->time);
    json_stream_text(stream, "what", finding ? "finding" : "hand-over");
    json_stream_number(stream, "family", process->family->index);
    json_stream_number(stream, "pid", process->pid);
    json_stream_value(stream, "thread", json_from_time(crossing->thread));
    json_stream_value(stream, "fd", crossing->fd < 0 ? json_null() : json_from_number((uint64_t)crossing->fd));
    json_stream_number(stream, "description_id", crossing->description);
    json_stream_value(stream, "from", json_from_context(process, crossing->from));
    json_stream_value(stream, "to", json_from_context(process, crossing->to));
    json_stream_text(stream, "reason", finding ? NULL : rs_handover_name(crossing->reason));
    json_stream_value(stream, "finding_id", finding ? json_from_number(finding->id) : json_null());
    json_stream_value(stream, "finding_pid", finding ? json_from_number(finding->process->pid) : json_null());
    json_stream_value(stream, "count", finding ? json_from_number(crossing->count) : json_null());
    json_stream_end_object(stream);
}

static void write_crossings(struct json_stream *stream, const struct export *export) {
    size_t count;
    struct crossing *crossings = crossings_of(export->model, export->filter, &count);
    json_stream_line(stream);
    json_stream_array(stream, "crossings");
    for (size_t i = 0; i < count; i++) {
        json_stream_line(stream);
        write_crossing(stream, &crossings[i]);
    }
    json_stream_end_array(stream);
    free(crossings);
}

static void write_findings(struct json_stream *stream, const struct export *export) {
    json_stream_line(stream);
    json_stream_array(stream, "findings");
    for (size_t i = 0; i < export->groups->count; i++) {
        const struct group *group = export->groups->all[i];
        json_t *row = json_from_group(export->symbols, group, NULL);
        json_stream_line(stream);
        json_stream_value(stream, NULL, with_family(row, group->first->process->family));
    }
    json_stream_end_array(stream);
}

bool export_json(const struct export *export, FILE *file) {
    struct json_stream stream = {.file = file};
    json_stream_object(&stream, NULL);
    write_summary(&stream, export->model);
    write_contexts(&stream, export);
    write_descriptions(&stream, export);
    write_crossings(&stream, export);
    write_findings(&stream, export);
    json_stream_line(&stream);
    json_stream_value(&stream, "rules", json_from_rules(export->model));
    json_stream_end_object(&stream);
    fputc('\n', file);
    return true;
}
