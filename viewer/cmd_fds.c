/* cmd_fds.c: `reqscope fds`: one line a description, in the order in which they were opened. */
#include "viewer/commands.h"
#include "viewer/json.h"
#include "viewer/output.h"
#include "viewer/text.h"

#include <inttypes.h>
#include <stdlib.h>

struct row {
    const struct process *process;
    const struct description *description, *opening; /* opening: where that is recorded; NULL: nowhere */
};

static int compare_rows(const void *left, const void *right) {
    const struct row *a = left, *b = right;
    uint64_t a_time = a->opening ? a->opening->opened : 0, b_time = b->opening ? b->opening->opened : 0;
    if (a_time != b_time) return a_time < b_time ? -1 : 1;
    if (a->process != b->process) return a->process->index < b->process->index ? -1 : 1;
    return (a->description->id > b->description->id) - (a->description->id < b->description->id);
}

static struct row *list_rows(const struct model *model, size_t *count) {
    struct row *rows = NULL;
    size_t space = 0;
    *count = 0;
    for (size_t i = 0; i < model->process_count; i++) {
        const struct process *process = model->processes[i];
        for (const struct description *one = process->descriptions; one; one = one->hh.next) {
            rows = memory_grow(rows, &space, *count + 1, sizeof *rows);
            rows[(*count)++] = (struct row){process, one, model_description_of(model, process, one->id)};
        }
    }
    if (*count) qsort(rows, *count, sizeof *rows, compare_rows);
    return rows;
}

/* The latest name known here, else the one of its opening, else what kind it is; NULL: not known. */
static const char *name_of(const struct row *row) {
    if (*row->description->name) return row->description->name;
    if (row->opening && *row->opening->name) return row->opening->name;
    return row->opening ? rs_kind_name(row->opening->kind) : NULL;
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

/* "connect_db db.c:12" */
static char *opening_place(struct symbols *symbols, const struct model *model, const struct row *row) {
    const struct process *holder;
    const struct stack *stack = row->opening ? model_stack_of(model, row->process, row->opening->stack, &holder) : NULL;
    size_t count = 0;
    struct frame *frames = stack ? symbols_stack(symbols, holder, stack, &count) : NULL;
    char *place = NULL;
    if (count && frames[0].file)
        place =
            memory_format("%s %s:%d", frames[0].function ? frames[0].function : "?", frames[0].file, frames[0].line);
    else if (count && frames[0].module)
        place = memory_format("%s (%s+0x%" PRIx64 ")", frames[0].function ? frames[0].function : "?", frames[0].module,
                              frames[0].offset);
    free(frames);
    return place ? place : memory_copy("?");
}

static char *relative_time(const struct model *model, uint64_t time) {
    return memory_format("%.3f ms", ((double)time - (double)model_first_time(model)) / 1e6);
}

static void print_row(struct output_table *table, struct symbols *symbols, const struct model *model,
                      const struct row *row, bool pids) {
    const struct description *description = row->description, *opening = row->opening;
    int32_t fd = description->fd < 0 && opening ? opening->fd : description->fd;
    const char *name = name_of(row);
    size_t column = 0;
    if (pids) output_table_add(table, column++, memory_format("%" PRIu32, row->process->pid));
    output_table_add(table, column++, memory_format("%" PRIu64, description->id));
    output_table_add(table, column++, fd < 0 ? memory_copy("?") : memory_format("%" PRId32, fd));
    output_table_add(table, column++, memory_copy(name ? name : "?"));
    output_table_add(table, column++, opening ? memory_format("%" PRIu64, opening->opener) : memory_copy("?"));
    output_table_add(table, column++, list_users(description));
    output_table_add(table, column++, memory_format("%" PRIu64, description->handovers));
    output_table_add(table, column++, opening ? relative_time(model, opening->opened) : memory_copy("?"));
    output_table_add(table, column++,
                     description->closed ? relative_time(model, description->closed) : memory_copy("open"));
    output_table_add(table, column++, opening_place(symbols, model, row));
}

static json_t *json_from_row(struct symbols *symbols, const struct model *model, const struct row *row) {
    const struct description *description = row->description, *opening = row->opening;
    int32_t fd = description->fd < 0 && opening ? opening->fd : description->fd;
    json_t *object = json_object(), *users = json_array();
    if (!object) memory_exhausted();
    for (size_t i = 0; i < description->user_count; i++) json_add(users, json_from_number(description->users[i]));
    json_put(object, "id", json_from_number(description->id));
    json_put(object, "pid", json_from_number(row->process->pid));
    json_put(object, "fd", fd < 0 ? json_null() : json_from_number((uint64_t)fd));
    json_put(object, "description", json_from_text(name_of(row)));
    json_put(object, "kind", json_from_text(opening ? rs_kind_name(opening->kind) : NULL));
    json_put(object, "operation", json_from_text(opening ? rs_operation_name(opening->operation) : NULL));
    json_put(object, "opened_by", json_from_number(opening ? opening->opener : 0));
    json_put(object, "owner", json_from_number(description->owner));
    json_put(object, "used_by", users);
    json_put(object, "uses", json_from_number(description->uses));
    json_put(object, "bytes", json_from_number(description->bytes));
    json_put(object, "handovers", json_from_number(description->handovers));
    json_put(object, "open_ns", json_from_time(opening ? opening->opened : 0));
    json_put(object, "close_ns", json_from_time(description->closed));
    json_put(object, "opened_at", json_from_stack(symbols, model, row->process, opening ? opening->stack : 0));
    return object;
}

static void print_json(struct symbols *symbols, const struct model *model, const struct row *rows, size_t count) {
    json_t *document = json_object(), *array = json_array();
    for (size_t i = 0; i < count; i++) json_add(array, json_from_row(symbols, model, &rows[i]));
    json_put(document, "descriptions", array);
    json_print(document);
}

int cmd_fds(const struct options *options, const struct model *model, bool usable) {
    static const char *const titles[] = {"PID",     "ID",         "FD",     "DESCRIPTION", "OPENED BY",
                                         "USED BY", "HAND-OVERS", "OPENED", "CLOSED",      "OPENED AT"};
    const size_t columns = sizeof titles / sizeof *titles;
    bool pids = model->process_count > 1;
    size_t count;
    struct row *rows = list_rows(model, &count);
    struct symbols *symbols = symbols_open();
    (void)usable;
    if (options->json) {
        print_json(symbols, model, rows, count);
    } else {
        struct output_table *table = output_table_new(titles + !pids, columns - !pids);
        for (size_t i = 0; i < count; i++) print_row(table, symbols, model, &rows[i], pids);
        output_table_print(table, stdout);
    }
    symbols_close(symbols);
    free(rows);
    return EXIT_DONE;
}
