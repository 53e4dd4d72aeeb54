/* json.c: see json.h. */
#include "viewer/json.h"
#include "viewer/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_t *checked(json_t *value) {
    if (!value) memory_exhausted();
    return value;
}

json_t *json_from_text(const char *text) {
    char *valid;
    json_t *value;
    if (!text) return json_null();
    valid = text_utf8(text);
    value = checked(json_string(valid));
    free(valid);
    return value;
}

json_t *json_from_number(uint64_t number) {
    return checked(json_integer((json_int_t)number));
}

json_t *json_from_time(uint64_t time) {
    return time ? json_from_number(time) : json_null();
}

void json_put(json_t *object, const char *key, json_t *value) {
    if (json_object_set_new(object, key, checked(value))) memory_exhausted();
}

void json_add(json_t *array, json_t *value) {
    if (json_array_append_new(array, checked(value))) memory_exhausted();
}

json_t *json_from_context(const struct process *process, uint64_t id) {
    const struct context *context = model_context_of(process, id);
    json_t *object = checked(json_object());
    json_put(object, "id", json_from_number(id));
    json_put(object, "label", json_from_text(context ? context->label : ""));
    json_put(object, "found", json_from_text(model_context_found(context)));
    return object;
}

/* The length of the name that an attribute begins with here; 0: none does. */
static size_t attribute_name(const char *at) {
    size_t length = strspn(at, "abcdefghijklmnopqrstuvwxyz0123456789-");
    return at[length] == '=' ? length : 0;
}

/* Where the next attribute begins, behind the blank before it; the text's end when there is none. */
static const char *next_attribute(const char *at) {
    for (; *at; at++)
        if (*at == ' ' && attribute_name(at + 1)) return at + 1;
    return at;
}

json_t *json_from_attributes(const char *attributes) {
    json_t *object = checked(json_object());
    const char *at = attribute_name(attributes) ? attributes : next_attribute(attributes);
    while (*at) {
        const char *next = next_attribute(at);
        size_t length = attribute_name(at);
        char *name = memory_format("%.*s", (int)length, at);
        char *value = memory_format("%.*s", (int)(next - at - (long)length - 1 - (*next != 0)), at + length + 1);
        if (!json_object_get(object, name)) json_put(object, name, json_from_text(value));
        free(name);
        free(value);
        at = next;
    }
    return object;
}

json_t *json_from_frames(const struct frame *frames, size_t count) {
    json_t *array = checked(json_array());
    for (size_t i = 0; i < count; i++) {
        const struct frame *frame = &frames[i];
        json_t *object = checked(json_object());
        json_put(object, "function", json_from_text(frame->function));
        json_put(object, "module", json_from_text(frame->module));
        json_put(object, "offset", frame->module ? json_from_number(frame->offset) : json_null());
        json_put(object, "file", json_from_text(frame->file));
        json_put(object, "line", json_from_time((uint64_t)frame->line));
        json_put(object, "column", json_from_time((uint64_t)frame->column));
        json_put(object, "path", json_from_text(frame->path));
        json_put(object, "address", json_from_number(frame->address));
        if (frame->inlined) json_put(object, "inlined", json_true());
        json_add(array, object);
    }
    return array;
}

json_t *json_from_stack(struct symbols *symbols, const struct process *process, uint32_t id) {
    const struct process *holder;
    const struct stack *stack = model_stack_of(process, id, &holder);
    size_t count;
    struct frame *frames = symbols_stack(symbols, holder, stack, &count);
    json_t *array = json_from_frames(frames, count);
    free(frames);
    return array;
}

static json_t *json_from_processes(const struct model *model) {
    json_t *array = checked(json_array());
    for (size_t i = 0; i < model->process_count; i++) {
        const struct process *process = model->processes[i];
        json_t *object = checked(json_object()), *notes = checked(json_array());
        json_put(object, "pid", json_from_number(process->pid));
        json_put(object, "command", json_from_text(process->command));
        json_put(object, "parent_pid", json_from_number(process->parent_pid));
        json_put(object, "mode", json_from_text(rs_mode_name(process->mode)));
        json_put(object, "policy", json_from_text(rs_policy_name(process->policy)));
        json_put(object, "started_ns", json_from_time(process->started));
        json_put(object, "folder", json_from_text(process->folder));
        for (size_t j = 0; j < process->note_count; j++) json_add(notes, json_from_text(process->notes[j]));
        json_put(object, "coverage", notes);
        json_add(array, object);
    }
    return array;
}

json_t *json_summary(const struct model *model) {
    json_t *object = checked(json_object());
    json_put(object, "format", json_from_number(RS_TRACE_FORMAT));
    json_put(object, "processes", json_from_processes(model));
    json_put(object, "contexts", json_from_number(model->context_count));
    json_put(object, "events", json_from_number(model->events));
    json_put(object, "lost_events", json_from_number(model->lost_events));
    json_put(object, "lost_packets", json_from_number(model->lost_packets));
    json_put(object, "damages", json_from_number(model->damages));
    json_put(object, "duration_ns", json_from_number(model->last_time - model->first_time));
    return object;
}

void json_print(json_t *document) {
    json_dumpf(document, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(document);
}
