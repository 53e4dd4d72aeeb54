/* cmd_list.c: `reqscope list`: the guarded processes that run here, one line each, children behind the one that began them. */
#include "viewer/commands.h"
#include "viewer/guarded.h"
#include "viewer/json.h"
#include "viewer/output.h"
#include "viewer/text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#define COMMAND_MOST 100 /* characters of one; more says little, and breaks the line */

static char *or_unknown(const char *text) {
    return memory_copy(text ? text : "?");
}

/* "12 s", "3 min 20 s", "5 h 12 min", "3 d 4 h" */
static char *describe_age(uint64_t age) {
    uint64_t seconds = age / 1000000000;
    if (seconds < 60) return memory_format("%" PRIu64 " s", seconds);
    if (seconds < 3600) return memory_format("%" PRIu64 " min %" PRIu64 " s", seconds / 60, seconds % 60);
    if (seconds < 86400) return memory_format("%" PRIu64 " h %" PRIu64 " min", seconds / 3600, seconds / 60 % 60);
    return memory_format("%" PRIu64 " d %" PRIu64 " h", seconds / 86400, seconds / 3600 % 24);
}

static char *describe_trace(const struct guarded *one) {
    if (one->folder) return memory_copy(one->folder);
    if (one->trace) return memory_format("%s (nothing yet)", one->trace);
    return memory_copy(one->mode ? "-" : "?"); /* the environment cannot be read, and nothing is mapped */
}

/* Indented below the one that began it. */
static char *describe_command(const struct guarded *one) {
    char *valid = text_utf8(one->command), *text;
    size_t length = 0;
    for (size_t characters = 0; valid[length] && characters < COMMAND_MOST; characters++) do {
            length++;
        } while ((valid[length] & 0xc0) == 0x80);
    text = memory_format("%*s%.*s%s", (int)(2 * one->depth), "", (int)length, valid, valid[length] ? "..." : "");
    free(valid);
    return text;
}

static void print_rows(const struct guarded_list *list) {
    static const char *const titles[] = {"PID", "USER", "MODE", "POLICY", "CONTEXT", "RUNS", "TRACE", "COMMAND"};
    struct output_table *table = output_table_new(titles, sizeof titles / sizeof *titles);
    for (size_t i = 0; i < list->count; i++) {
        const struct guarded *one = &list->all[i];
        output_table_add(table, 0, memory_format("%" PRIu32, one->pid));
        output_table_add(table, 1, memory_copy(one->user));
        output_table_add(table, 2, or_unknown(one->mode));
        output_table_add(table, 3, or_unknown(one->policy));
        output_table_add(table, 4, or_unknown(one->context));
        output_table_add(table, 5, describe_age(one->age));
        output_table_add(table, 6, describe_trace(one));
        output_table_add(table, 7, describe_command(one));
    }
    output_table_print(table, stdout);
}

static void print_list(const struct guarded_list *list) {
    if (list->count)
        print_rows(list);
    else
        puts("No guarded process runs here: `reqscope run --trace DIR -- COMMAND` runs one.");
    if (list->hidden)
        printf("%s%zu process%s may not be looked at from here, and may be guarded, too%s.%s\n",
               output_begin(STYLE_FAINT), list->hidden, list->hidden == 1 ? "" : "es",
               geteuid() ? ": root sees more" : "", output_end());
}

static json_t *json_from_process(const struct guarded *one) {
    json_t *object = json_object();
    json_put(object, "pid", json_from_number(one->pid));
    json_put(object, "parent_pid", json_from_number(one->parent_pid));
    json_put(object, "began_by", one->parent ? json_from_number(one->parent->pid) : json_null());
    json_put(object, "user", json_from_text(one->user));
    json_put(object, "command", json_from_text(one->command));
    json_put(object, "mode", json_from_text(one->mode));
    json_put(object, "policy", json_from_text(one->policy));
    json_put(object, "context", json_from_text(one->context));
    json_put(object, "age_ns", json_from_number(one->age));
    json_put(object, "trace", json_from_text(one->trace));
    json_put(object, "folder", json_from_text(one->folder));
    return object;
}

static void print_json(const struct guarded_list *list) {
    json_t *document = json_object(), *array = json_array();
    for (size_t i = 0; i < list->count; i++) json_add(array, json_from_process(&list->all[i]));
    json_put(document, "processes", array);
    json_put(document, "hidden", json_from_number(list->hidden));
    json_print(document);
}

int cmd_list(const struct options *options) {
    struct guarded_list list = guarded_list();
    if (options->json)
        print_json(&list);
    else
        print_list(&list);
    guarded_list_free(&list);
    return output_finish() ? EXIT_UNUSABLE : EXIT_DONE;
}
