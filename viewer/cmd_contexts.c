/* cmd_contexts.c: `reqscope contexts`: one line a context, in the order in which they began. */
#include "viewer/commands.h"
#include "viewer/json.h"
#include "viewer/output.h"
#include "viewer/text.h"

#include <inttypes.h>
#include <stdlib.h>

/* The columns that a table of these rows has besides. */
struct shown {
    bool pids;       /* there are several processes */
    bool attributes; /* a context has some */
};

static const char *or_unknown(const char *text) {
    return text ? text : "?";
}

static void print_row(struct output_table *table, const struct model *model, const struct context *context,
                      struct shown shown) {
    uint64_t end = context->ended, began = context->began;
    bool known = context->known;
    size_t column = 0;
    if (shown.pids) output_table_add(table, column++, memory_format("%" PRIu32, context->process->pid));
    output_table_add(table, column++, memory_format("%" PRIu64, context->id));
    output_table_add(table, column++, memory_copy(known ? context->label : "?"));
    output_table_add(table, column++, memory_copy(or_unknown(model_context_found(context))));
    output_table_add(table, column++, memory_copy(or_unknown(model_context_sure(context))));
    output_table_add(table, column++,
                     known ? memory_format("%.3f ms", ((double)began - (double)model->first_time) / 1e6)
                           : memory_copy("?"));
    output_table_add(table, column++,
                     !end                   ? memory_copy("lives")
                     : began && end > began ? text_duration(end - began)
                                            : memory_copy("?"));
    output_table_add(table, column++, known ? memory_format("%" PRIu32, context->thread) : memory_copy("?"));
    output_table_add(table, column++, memory_format("%" PRIu32, context->opens));
    output_table_add(table, column++, memory_format("%" PRIu64, context->uses));
    output_table_add(table, column++, memory_format("%" PRIu64, context->bytes));
    output_table_add(table, column++, memory_format("%" PRIu32, context->findings));
    if (shown.attributes) output_table_add(table, column++, memory_copy(model_context_attributes(context)));
}

static void print_rows(const struct model *model) {
    static const char *const titles[] = {"PID",    "ID",    "LABEL", "FOUND", "SURE",     "BEGIN",     "DURATION",
                                         "THREAD", "OPENS", "USES",  "BYTES", "FINDINGS", "ATTRIBUTES"};
    const size_t columns = sizeof titles / sizeof *titles;
    struct shown shown = {.pids = model->process_count > 1};
    struct output_table *table;
    for (size_t i = 0; i < model->context_count; i++)
        shown.attributes |= *model_context_attributes(model->contexts[i]) != 0;
    table = output_table_new(titles + !shown.pids, columns - !shown.pids - !shown.attributes);
    for (size_t i = 0; i < model->context_count; i++) print_row(table, model, model->contexts[i], shown);
    output_table_print(table, stdout);
}

static json_t *json_from_row(const struct context *context) {
    json_t *object = json_object();
    if (!object) memory_exhausted();
    json_put(object, "id", json_from_number(context->id));
    json_put(object, "pid", json_from_number(context->process->pid));
    json_put(object, "label", json_from_text(context->label));
    json_put(object, "found", json_from_text(model_context_found(context)));
    json_put(object, "sure", json_from_text(model_context_sure(context)));
    json_put(object, "resumed", json_from_number(context->resumed));
    json_put(object, "handed_over", json_from_number(context->handed_over));
    json_put(object, "attributes", json_from_attributes(model_context_attributes(context)));
    json_put(object, "parent", json_from_number(context->parent));
    json_put(object, "begin_ns", json_from_time(context->began));
    json_put(object, "end_ns", json_from_time(context->ended));
    json_put(object, "thread", json_from_time(context->thread));
    json_put(object, "opens", json_from_number(context->opens));
    json_put(object, "uses", json_from_number(context->uses));
    json_put(object, "bytes", json_from_number(context->bytes));
    json_put(object, "findings", json_from_number(context->findings));
    return object;
}

static void print_json(const struct model *model) {
    json_t *document = json_object(), *array = json_array();
    for (size_t i = 0; i < model->context_count; i++) json_add(array, json_from_row(model->contexts[i]));
    json_put(document, "contexts", array);
    json_print(document);
}

int cmd_contexts(const struct options *options, const struct model *model, bool usable) {
    (void)usable;
    if (options->json)
        print_json(model);
    else
        print_rows(model);
    return EXIT_DONE;
}
