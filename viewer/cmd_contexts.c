/* cmd_contexts.c: `reqscope contexts`: one line a context, in the order in which they began. */
#include "viewer/commands.h"
#include "viewer/json.h"
#include "viewer/output.h"
#include "viewer/text.h"

#include <inttypes.h>
#include <stdlib.h>

struct row {
    const struct process *process;
    const struct context *context, *begin; /* begin: where its begin is recorded; NULL: nowhere */
};

static int compare_rows(const void *left, const void *right) {
    const struct row *a = left, *b = right;
    uint64_t a_time = a->begin ? a->begin->began : 0, b_time = b->begin ? b->begin->began : 0;
    if (a_time != b_time) return a_time < b_time ? -1 : 1;
    if (a->context->id != b->context->id) return a->context->id < b->context->id ? -1 : 1;
    return (a->process->index > b->process->index) - (a->process->index < b->process->index);
}

/* Is this only what a fork carried over, with nothing done in it here? */
static bool is_echo(const struct model *model, const struct process *process, const struct context *context) {
    const struct context *parents;
    if (context->uses || context->opens || context->findings || !process->parent) return false;
    parents = model_context_of(model, process->parent, context->id);
    return parents && parents != context && parents->began == context->began;
}

static struct row *list_rows(const struct model *model, size_t *count) {
    struct row *rows = NULL;
    size_t space = 0;
    *count = 0;
    for (size_t i = 0; i < model->process_count; i++) {
        const struct process *process = model->processes[i];
        for (const struct context *context = process->contexts; context; context = context->hh.next) {
            if (context->superseded || is_echo(model, process, context)) continue;
            rows = memory_grow(rows, &space, *count + 1, sizeof *rows);
            rows[(*count)++] = (struct row){process, context, model_context_of(model, process, context->id)};
        }
    }
    if (*count) qsort(rows, *count, sizeof *rows, compare_rows);
    return rows;
}

/* The columns that a table of these rows has besides. */
struct shown {
    bool pids;       /* there are several processes */
    bool attributes; /* a context has some */
};

static const char *or_unknown(const char *text) {
    return text ? text : "?";
}

static void print_row(struct output_table *table, const struct model *model, const struct row *row,
                      struct shown shown) {
    const struct context *context = row->context;
    uint64_t end = model_context_end(model, row->process, context), began = row->begin ? row->begin->began : 0,
             first = model_first_time(model);
    size_t column = 0;
    if (shown.pids) output_table_add(table, column++, memory_format("%" PRIu32, row->process->pid));
    output_table_add(table, column++, memory_format("%" PRIu64, context->id));
    output_table_add(table, column++, memory_copy(row->begin ? row->begin->label : "?"));
    output_table_add(table, column++, memory_copy(or_unknown(model_context_found(model, row->process, context->id))));
    output_table_add(table, column++, memory_copy(or_unknown(model_context_sure(model, row->process, context->id))));
    output_table_add(table, column++,
                     row->begin ? memory_format("%.3f ms", ((double)began - (double)first) / 1e6) : memory_copy("?"));
    output_table_add(table, column++,
                     !end                   ? memory_copy("lives")
                     : began && end > began ? text_duration(end - began)
                                            : memory_copy("?"));
    output_table_add(table, column++, row->begin ? memory_format("%" PRIu32, row->begin->thread) : memory_copy("?"));
    output_table_add(table, column++, memory_format("%" PRIu64, context->opens));
    output_table_add(table, column++, memory_format("%" PRIu64, context->uses));
    output_table_add(table, column++, memory_format("%" PRIu64, context->bytes));
    output_table_add(table, column++, memory_format("%" PRIu64, context->findings));
    if (shown.attributes)
        output_table_add(table, column++, memory_copy(model_context_attributes(model, row->process, context->id)));
}

static void print_rows(const struct model *model, const struct row *rows, size_t count) {
    static const char *const titles[] = {"PID",    "ID",    "LABEL", "FOUND", "SURE",     "BEGIN",     "DURATION",
                                         "THREAD", "OPENS", "USES",  "BYTES", "FINDINGS", "ATTRIBUTES"};
    const size_t columns = sizeof titles / sizeof *titles;
    struct shown shown = {.pids = model->process_count > 1};
    struct output_table *table;
    for (size_t i = 0; i < count; i++)
        shown.attributes |= *model_context_attributes(model, rows[i].process, rows[i].context->id) != 0;
    table = output_table_new(titles + !shown.pids, columns - !shown.pids - !shown.attributes);
    for (size_t i = 0; i < count; i++) print_row(table, model, &rows[i], shown);
    output_table_print(table, stdout);
}

static json_t *json_from_row(const struct model *model, const struct row *row) {
    const struct context *context = row->context, *begin = row->begin;
    json_t *object = json_object();
    if (!object) memory_exhausted();
    json_put(object, "id", json_from_number(context->id));
    json_put(object, "pid", json_from_number(row->process->pid));
    json_put(object, "label", json_from_text(begin ? begin->label : ""));
    json_put(object, "found", json_from_text(model_context_found(model, row->process, context->id)));
    json_put(object, "sure", json_from_text(model_context_sure(model, row->process, context->id)));
    json_put(object, "resumed", json_from_number(context->resumed));
    json_put(object, "handed_over", json_from_number(context->handed_over));
    json_put(object, "attributes", json_from_attributes(model_context_attributes(model, row->process, context->id)));
    json_put(object, "parent", json_from_number(begin ? begin->parent : 0));
    json_put(object, "begin_ns", json_from_time(begin ? begin->began : 0));
    json_put(object, "end_ns", json_from_time(model_context_end(model, row->process, context)));
    json_put(object, "thread", json_from_time(begin ? begin->thread : 0));
    json_put(object, "opens", json_from_number(context->opens));
    json_put(object, "uses", json_from_number(context->uses));
    json_put(object, "bytes", json_from_number(context->bytes));
    json_put(object, "findings", json_from_number(context->findings));
    return object;
}

static void print_json(const struct model *model, const struct row *rows, size_t count) {
    json_t *document = json_object(), *array = json_array();
    for (size_t i = 0; i < count; i++) json_add(array, json_from_row(model, &rows[i]));
    json_put(document, "contexts", array);
    json_print(document);
}

int cmd_contexts(const struct options *options, const struct model *model, bool usable) {
    size_t count;
    struct row *rows = list_rows(model, &count);
    (void)usable;
    if (options->json)
        print_json(model, rows, count);
    else
        print_rows(model, rows, count);
    free(rows);
    return EXIT_DONE;
}
