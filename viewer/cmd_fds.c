/* cmd_fds.c: `reqscope fds`: one line a description, in the order in which they were opened. */
#include "viewer/commands.h"
#include "viewer/json.h"
#include "viewer/output.h"
#include "viewer/text.h"

#include <inttypes.h>
#include <stdlib.h>

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

/* "connect_db db.c:12" */
static char *opening_place(struct symbols *symbols, const struct description *description) {
    const struct process *holder;
    const struct stack *stack = model_stack_of(description->process, description->stack, &holder);
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
    return memory_format("%.3f ms", ((double)time - (double)model->first_time) / 1e6);
}

static void print_row(struct output_table *table, struct symbols *symbols, const struct model *model,
                      const struct description *one, bool pids) {
    const char *name = name_of(one);
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
    output_table_add(table, column++, opening_place(symbols, one));
}

static json_t *json_from_row(struct symbols *symbols, const struct description *one) {
    json_t *object = json_object(), *users = json_array(), *pids = json_array();
    if (!object) memory_exhausted();
    for (size_t i = 0; i < one->user_count; i++) json_add(users, json_from_number(one->users[i]));
    for (size_t i = 0; i < one->pid_count; i++) json_add(pids, json_from_number(one->pids[i]));
    json_put(object, "id", json_from_number(one->id));
    json_put(object, "pid", json_from_number(one->process->pid));
    json_put(object, "used_by_pids", pids);
    json_put(object, "fd", one->fd < 0 ? json_null() : json_from_number((uint64_t)one->fd));
    json_put(object, "description", json_from_text(name_of(one)));
    json_put(object, "kind", json_from_text(one->known ? rs_kind_name(one->kind) : NULL));
    json_put(object, "operation", json_from_text(one->known ? rs_operation_name(one->operation) : NULL));
    json_put(object, "opened_by", json_from_number(one->opener));
    json_put(object, "owner", json_from_number(one->owner));
    json_put(object, "used_by", users);
    json_put(object, "uses", json_from_number(one->uses));
    json_put(object, "bytes", json_from_number(one->bytes));
    json_put(object, "handovers", json_from_number(one->handovers));
    json_put(object, "open_ns", json_from_time(one->opened));
    json_put(object, "close_ns", json_from_time(one->closed));
    json_put(object, "opened_at", json_from_stack(symbols, one->process, one->stack));
    return object;
}

static void print_json(struct symbols *symbols, const struct model *model) {
    json_t *document = json_object(), *array = json_array();
    for (size_t i = 0; i < model->description_count; i++)
        json_add(array, json_from_row(symbols, model->descriptions[i]));
    json_put(document, "descriptions", array);
    json_print(document);
}

int cmd_fds(const struct options *options, const struct model *model, bool usable) {
    static const char *const titles[] = {"PID",     "ID",         "FD",     "DESCRIPTION", "OPENED BY",
                                         "USED BY", "HAND-OVERS", "OPENED", "CLOSED",      "OPENED AT"};
    const size_t columns = sizeof titles / sizeof *titles;
    bool pids = model->process_count > 1;
    struct symbols *symbols = symbols_open(options);
    (void)usable;
    if (options->json) {
        print_json(symbols, model);
    } else {
        struct output_table *table = output_table_new(titles + !pids, columns - !pids);
        for (size_t i = 0; i < model->description_count; i++)
            print_row(table, symbols, model, model->descriptions[i], pids);
        output_table_print(table, stdout);
    }
    symbols_close(symbols);
    return EXIT_DONE;
}
