/* cmd_fds.c: `reqscope fds`: one line a description, in the order in which they were opened. */
#include "viewer/commands.h"
#include "viewer/filter.h"
#include "viewer/json_rows.h"
#include "viewer/output.h"
#include "viewer/stack_text.h"
#include "viewer/text.h"

#include <inttypes.h>
#include <stdlib.h>

/* Those that are asked for: the first of them that match. */
struct rows {
    const struct description **descriptions;
    size_t count, matching;
};

static struct rows choose_rows(const struct model *model, const struct filter *filter, uint64_t max) {
    struct rows rows = {.descriptions = memory_new(model->description_count * sizeof(struct description *))};
    for (size_t i = 0; i < model->description_count; i++) {
        if (!filter_takes_description(filter, model->descriptions[i])) continue;
        if (!max || rows.count < max) rows.descriptions[rows.count++] = model->descriptions[i];
        rows.matching++;
    }
    return rows;
}

/* The latest name, else what kind it is; NULL: not known. */
static const char *name_of(const struct description *description) {
    if (*description->name) return description->name;
    return description->known ? rs_kind_name(description->kind) : NULL;
}

static char *list_users(const struct description *description) {
    enum { SHOWN = 8 };
    char *list = memory_copy("");
    for (size_t i = 0; i < description->user_count && i < SHOWN; i++) {
        char *longer = memory_format("%s%s%" PRIu64, list, i ? "," : "", description->users[i]);
        free(list);
        list = longer;
    }
    if (description->user_count > SHOWN) {
        char *longer = memory_format("%s and %zu more", list, description->user_count - SHOWN);
        free(list);
        list = longer;
    }
    return list;
}

static char *relative_time(const struct model *model, uint64_t time) {
    return memory_format("%.3f ms", ((double)time - (double)model->first_time) / 1e6);
}

static void print_row(struct output_table *table, struct symbols *symbols, const struct model *model,
                      const struct description *one, bool pids) {
    const char *name = name_of(one);
    char *place = stack_place_text(symbols, one->process, one->stack);
    size_t column = 0;
    if (pids) output_table_add(table, column++, memory_format("%" PRIu32, one->process->pid));
    output_table_add(table, column++, memory_format("%" PRIu64, one->id));
    output_table_add(table, column++, one->fd < 0 ? memory_copy("?") : memory_format("%" PRId32, one->fd));
    output_table_add(table, column++, memory_copy(name ? name : "?"));
    output_table_add(table, column++, one->known ? memory_format("%" PRIu64, one->opener) : memory_copy("?"));
    output_table_add(table, column++, list_users(one));
    output_table_add(table, column++, memory_format("%" PRIu64, one->handovers));
    output_table_add(table, column++, one->known ? relative_time(model, one->opened) : memory_copy("?"));
    output_table_add(table, column++, one->closed ? relative_time(model, one->closed) : memory_copy("open"));
    output_table_add(table, column++, place ? place : memory_copy("?"));
}

static void print_json(const struct filter *filter, const struct model *model, const struct rows *rows) {
    json_t *document = json_object(), *array = json_array();
    char *asked = filter_words(filter, model);
    for (size_t i = 0; i < rows->count; i++)
        json_add(array, json_from_description_row(filter->symbols, rows->descriptions[i]));
    json_put(document, "asked_for", json_from_text(asked));
    json_put(document, "left_out", json_from_number(model->description_count - rows->count));
    json_put(document, "descriptions", array);
    json_print(document);
    free(asked);
}

static void print_rows(const struct filter *filter, const struct model *model, const struct rows *rows) {
    static const char *const titles[] = {"PID",     "ID",         "FD",     "DESCRIPTION", "OPENED BY",
                                         "USED BY", "HAND-OVERS", "OPENED", "CLOSED",      "OPENED AT"};
    const size_t columns = sizeof titles / sizeof *titles;
    bool pids = model->process_count > 1;
    struct output_table *table = output_table_new(titles + !pids, columns - !pids);
    for (size_t i = 0; i < rows->count; i++) print_row(table, filter->symbols, model, rows->descriptions[i], pids);
    output_table_print(table, stdout);
    filter_print_left_out(filter, model, rows->count, rows->matching, model->description_count, "descriptions");
}

int cmd_fds(const struct options *options, const struct model *model, bool usable) {
    struct filter filter = filter_from(options, model);
    struct rows rows;
    (void)usable;
    filter.symbols = symbols_open(options);
    rows = choose_rows(model, &filter, options->max);
    if (options->json)
        print_json(&filter, model, &rows);
    else
        print_rows(&filter, model, &rows);
    free(rows.descriptions);
    symbols_close(filter.symbols);
    return EXIT_DONE;
}
