/* cmd_contexts.c: `reqscope contexts`: one line a context, in the order in which they began. */
#include "viewer/commands.h"
#include "viewer/filter.h"
#include "viewer/json_rows.h"
#include "viewer/output.h"
#include "viewer/text.h"

#include <inttypes.h>
#include <stdlib.h>

/* The columns that a table of these rows has besides. */
struct shown {
    bool pids;       /* there are several processes */
    bool attributes; /* a context has some */
};

/* Those that are asked for: the first of them that match. */
struct rows {
    const struct context **contexts;
    size_t count, matching;
};

static struct rows choose_rows(const struct model *model, const struct filter *filter, uint64_t max) {
    struct rows rows = {.contexts = memory_new(model->context_count * sizeof(struct context *))};
    for (size_t i = 0; i < model->context_count; i++) {
        if (!filter_takes_context(filter, model->contexts[i])) continue;
        if (!max || rows.count < max) rows.contexts[rows.count++] = model->contexts[i];
        rows.matching++;
    }
    return rows;
}

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

static void print_rows(const struct model *model, const struct filter *filter, const struct rows *rows) {
    static const char *const titles[] = {"PID",    "ID",    "LABEL", "FOUND", "SURE",     "BEGIN",     "DURATION",
                                         "THREAD", "OPENS", "USES",  "BYTES", "FINDINGS", "ATTRIBUTES"};
    const size_t columns = sizeof titles / sizeof *titles;
    struct shown shown = {.pids = model->process_count > 1};
    struct output_table *table;
    for (size_t i = 0; i < rows->count; i++) shown.attributes |= *model_context_attributes(rows->contexts[i]) != 0;
    table = output_table_new(titles + !shown.pids, columns - !shown.pids - !shown.attributes);
    for (size_t i = 0; i < rows->count; i++) print_row(table, model, rows->contexts[i], shown);
    output_table_print(table, stdout);
    filter_print_left_out(filter, model, rows->count, rows->matching, model->context_count, "contexts");
}

static void print_json(const struct model *model, const struct filter *filter, const struct rows *rows) {
    json_t *document = json_object(), *array = json_array();
    char *asked = filter_words(filter, model);
    for (size_t i = 0; i < rows->count; i++) json_add(array, json_from_context_row(rows->contexts[i]));
    json_put(document, "asked_for", json_from_text(asked));
    json_put(document, "left_out", json_from_number(model->context_count - rows->count));
    json_put(document, "contexts", array);
    json_print(document);
    free(asked);
}

int cmd_contexts(const struct options *options, const struct model *model, bool usable) {
    const struct filter filter = filter_from(options, model);
    struct rows rows = choose_rows(model, &filter, options->max);
    (void)usable;
    if (options->json)
        print_json(model, &filter, &rows);
    else
        print_rows(model, &filter, &rows);
    free(rows.contexts);
    return EXIT_DONE;
}
