/* cmd_show.c: `reqscope show ID`: one finding, context or description, with all that happened to it. What an ID may be says id.h; when
 * it may be several, they are listed with what to type, and that is exit 2. */
#include "viewer/commands.h"
#include "viewer/finding_text.h"
#include "viewer/json.h"
#include "viewer/show.h"
#include "viewer/text.h"

#include <inttypes.h>
#include <stdlib.h>

static const char *const type_names[THING_COUNT] = {
    [THING_FINDING] = "finding", [THING_CONTEXT] = "context", [THING_DESCRIPTION] = "description"};

/* ---- several ---- */

static const struct process *process_of(const struct thing *thing) {
    if (thing->kind == THING_FINDING) return thing->finding->process;
    return thing->kind == THING_CONTEXT ? thing->context->process : thing->description->process;
}

static uint64_t number_of(const struct thing *thing) {
    if (thing->kind == THING_FINDING) return thing->finding->id;
    return thing->kind == THING_CONTEXT ? thing->context->id : thing->description->id;
}

static char *name_of(const struct thing *thing) {
    char *sentence, *name;
    switch (thing->kind) {
    case THING_FINDING:
        sentence = finding_sentence(thing->finding);
        name = memory_format("%s: %s", finding_kind(thing->finding), sentence);
        free(sentence);
        return name;
    case THING_CONTEXT:
        return memory_copy(*thing->context->label ? thing->context->label : "(no label)");
    default:
        name = memory_copy(id_name_of_description(thing->description));
        if (thing->description->fd < 0) return name;
        sentence = memory_format("%s, fd %" PRId32, name, thing->description->fd);
        free(name);
        return sentence;
    }
}

static uint64_t begin_of(const struct thing *thing) {
    if (thing->kind == THING_FINDING) return thing->finding->time;
    return thing->kind == THING_CONTEXT ? thing->context->began : thing->description->opened;
}

static uint64_t end_of(const struct thing *thing) {
    if (thing->kind == THING_FINDING) return thing->finding->last_time;
    return thing->kind == THING_CONTEXT ? thing->context->ended : thing->description->closed;
}

static char *relative_time(const struct model *model, uint64_t time, const char *unknown) {
    if (!time) return memory_copy(unknown);
    return memory_format("%.3f ms", ((double)time - (double)model->first_time) / 1e6);
}

static void print_list(const struct model *model, const struct things *things) {
    enum { SHOWN = 40 };
    static const char *const titles[] = {"ID", "WHAT", "PID", "FROM", "TO"};
    struct output_table *table = output_table_new(titles, sizeof titles / sizeof *titles);
    for (size_t i = 0; i < things->count && i < SHOWN; i++) {
        const struct thing *thing = &things->all[i];
        output_table_add(table, 0, id_of(thing));
        output_table_add(table, 1, name_of(thing));
        output_table_add(table, 2, memory_format("%" PRIu32, process_of(thing)->pid));
        output_table_add(table, 3, relative_time(model, begin_of(thing), "?"));
        output_table_add(table, 4, relative_time(model, end_of(thing), "-"));
    }
    output_table_print(table, stdout);
    if (things->count > SHOWN) printf("... and %zu more: --json lists all\n", things->count - SHOWN);
}

static json_t *json_from_list(const struct things *things) {
    json_t *document = json_object(), *array = json_array();
    for (size_t i = 0; i < things->count; i++) {
        const struct thing *thing = &things->all[i];
        json_t *object = json_object();
        char *id = id_of(thing), *name = name_of(thing);
        json_put(object, "id", json_from_number(number_of(thing)));
        json_put(object, "type", json_from_text(type_names[thing->kind]));
        json_put(object, "pid", json_from_number(process_of(thing)->pid));
        json_put(object, "show", json_from_text(id));
        json_put(object, "text", json_from_text(name));
        json_put(object, "begin_ns", json_from_time(begin_of(thing)));
        json_put(object, "end_ns", json_from_time(end_of(thing)));
        json_add(array, object);
        free(name);
        free(id);
    }
    json_put(document, "matches", array);
    return document;
}

static int list_all(const struct options *options, const struct model *model, const struct things *things) {
    text_complain("'%s' may be any of %zu: give the ID of one of them", options->operands[0], things->count);
    if (options->json)
        json_print(json_from_list(things));
    else
        print_list(model, things);
    return EXIT_UNUSABLE;
}

/* ---- one ---- */

static void show_one(const struct options *options, struct story *story, struct symbols *symbols) {
    struct rows *rows = memory_new(sizeof *rows);
    story_tell(story, rows_add, rows);
    show_head(story, symbols);
    show_story(story, rows, options);
    rows_free(rows);
    free(rows);
}

/* A line an event, as it is heard: there may be more of them than there is memory. */
static void print_event(void *argument, const struct happening *happening) {
    const struct story *story = argument;
    json_t *object = happening_json(happening, &story->scope, story->zero);
    fputs(story->told ? ",\n    " : "\n    ", stdout);
    json_dumpf(object, stdout, JSON_COMPACT);
    json_decref(object);
}

/* One document; what stands above the story is known at its end. */
static void print_json(struct story *story, struct symbols *symbols) {
    json_t *head;
    printf("{\n  \"id\": %" PRIu64 ",\n  \"type\": \"%s\",\n  \"events\": [", number_of(&story->thing),
           type_names[story->thing.kind]);
    story_tell(story, print_event, story);
    printf("%s],\n  \"head\": ", story->told ? "\n  " : "");
    head = show_head_json(story, symbols);
    json_dumpf(head, stdout, JSON_INDENT(2));
    puts("\n}");
    json_decref(head);
}

int cmd_show(const struct options *options, const struct model *model, bool usable) {
    struct things things;
    struct symbols *symbols;
    struct story story;
    int result = EXIT_DONE;
    (void)usable;
    if (!id_find(model, options->operands[0], &things)) return EXIT_UNUSABLE;
    if (things.count > 1) {
        result = list_all(options, model, &things);
        free(things.all);
        return result;
    }
    symbols = symbols_open(options);
    story_begin(&story, model, &things.all[0]);
    if (options->json)
        print_json(&story, symbols);
    else
        show_one(options, &story, symbols);
    story_end(&story);
    symbols_close(symbols);
    free(things.all);
    return result;
}
