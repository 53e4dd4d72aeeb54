/* export_sarif.c: findings as SARIF 2.1.0, for code scanning (GitHub, GitLab, editors). A rule a kind of finding, a result a group:
 *
 *   locations         where to look: the innermost frame with a source, one below the current folder if there is one
 *   relatedLocations  its other places: where it was opened, closed before
 *   codeFlows         from where it was opened to where it was used
 *   stacks            each place's whole stack
 *
 * Paths below the current folder are relative to %SRCROOT%, as services want them. A place without a source has its function as a
 * logical location only. */
#include "reqscope.h"
#include "viewer/export.h"
#include "viewer/finding_places.h"
#include "viewer/finding_text.h"
#include "viewer/json.h"
#include "viewer/json_stream.h"
#include "viewer/kinds.h"
#include "viewer/source_root.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define SCHEMA "https://json.schemastore.org/sarif-2.1.0.json"

struct sarif {
    const struct export *export;
    struct json_stream stream;
    char *root; /* the current folder, with a slash at its end; NULL: not known */
};

static json_t *new_object(void) {
    json_t *object = json_object();
    if (!object) memory_exhausted();
    return object;
}

static json_t *new_array(void) {
    json_t *array = json_array();
    if (!array) memory_exhausted();
    return array;
}

/* ---- messages and paths ---- */

/* In SARIF's messages [text](1) is a link and {0} a placeholder: what looks like one in a text is no such thing. */
static char *plain_message(const char *text) {
    char *plain = memory_new(2 * strlen(text) + 1), *to = plain;
    for (; *text; text++) {
        bool link = *text == ']' && text[1] == '(';
        bool opens = *text == '{' && text[1] >= '0' && text[1] <= '9';
        if (link) *to++ = '\\';
        if (opens) *to++ = '{';
        *to++ = *text;
        if (opens) {
            size_t digits = strspn(text + 1, "0123456789");
            memcpy(to, text + 1, digits);
            to += digits;
            text += digits;
            if (text[1] == '}') *to++ = '}';
        }
    }
    return plain;
}

static json_t *json_from_message(const char *text) {
    json_t *message = new_object();
    char *plain = plain_message(text);
    json_put(message, "text", json_from_text(plain));
    free(plain);
    return message;
}

static char *encode_uri(const char *path) {
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/+@";
    char *uri = memory_new(3 * strlen(path) + 1), *to = uri;
    for (; *path; path++) {
        if (strchr(plain, *path))
            *to++ = *path;
        else
            to += sprintf(to, "%%%02X", (unsigned char)*path);
    }
    return uri;
}

static json_t *json_from_file(const struct sarif *sarif, const char *path) {
    json_t *artifact = new_object();
    bool below;
    char *clean = source_root_path(sarif->root, path, &below), *encoded = encode_uri(clean);
    char *uri = memory_format("%s%s", *clean == '/' ? "file://" : "", encoded);
    json_put(artifact, "uri", json_from_text(uri));
    if (below) json_put(artifact, "uriBaseId", json_from_text("%SRCROOT%"));
    free(uri);
    free(encoded);
    free(clean);
    return artifact;
}

/* ---- locations ---- */

static json_t *json_from_source(const struct sarif *sarif, const struct frame *frame) {
    json_t *physical = new_object();
    json_put(physical, "artifactLocation", json_from_file(sarif, frame->path));
    if (frame->line > 0) {
        json_t *region = new_object();
        json_put(region, "startLine", json_from_number((uint64_t)frame->line));
        if (frame->column > 0) json_put(region, "startColumn", json_from_number((uint64_t)frame->column));
        json_put(physical, "region", region);
    }
    return physical;
}

static json_t *json_from_function(const struct frame *frame) {
    json_t *logical = new_object(), *array = new_array();
    char *offset = frame->module ? memory_format("%s+0x%" PRIx64, frame->module, frame->offset)
                                 : memory_format("0x%" PRIx64, frame->address);
    const char *name = frame->function ? frame->function : offset;
    char *whole = frame->module && frame->function ? memory_format("%s!%s", frame->module, name) : memory_copy(name);
    json_put(logical, "name", json_from_text(name));
    json_put(logical, "fullyQualifiedName", json_from_text(whole));
    json_put(logical, "kind", json_from_text(frame->function ? "function" : "module"));
    json_add(array, logical);
    free(whole);
    free(offset);
    return array;
}

/* `id`: 0: none. `frame`: NULL: the message is all there is. */
static json_t *json_from_location(const struct sarif *sarif, const struct frame *frame, uint64_t id,
                                  const char *message) {
    json_t *location = new_object();
    if (id) json_put(location, "id", json_from_number(id));
    if (frame && frame->path) json_put(location, "physicalLocation", json_from_source(sarif, frame));
    if (frame) json_put(location, "logicalLocations", json_from_function(frame));
    if (message) json_put(location, "message", json_from_message(message));
    return location;
}

static json_t *json_from_place(const struct sarif *sarif, const struct finding *finding,
                               const struct finding_place *place, uint64_t id) {
    char *title = finding_place_title(finding, place);
    json_t *location = json_from_location(sarif, source_root_frame(sarif->root, place), id, title);
    free(title);
    return location;
}

/* ---- what a result has ---- */

/* The first place; when nothing is known of it, nothing is said. */
static json_t *json_from_locations(const struct sarif *sarif, const struct finding *finding,
                                   const struct finding_place *places) {
    json_t *array = new_array();
    if (places[0].count) json_add(array, json_from_place(sarif, finding, &places[0], 0));
    return array;
}

static json_t *json_from_related(const struct sarif *sarif, const struct finding *finding,
                                 const struct finding_place *places, size_t count) {
    json_t *array = new_array();
    for (size_t i = 1; i < count; i++) json_add(array, json_from_place(sarif, finding, &places[i], i));
    return array;
}

/* The places in the order of time: the first one is the last that happened, but for a leak. */
static json_t *json_from_flow(const struct sarif *sarif, const struct finding *finding,
                              const struct finding_place *places, size_t count) {
    json_t *locations = new_array(), *thread = new_object(), *threads = new_array(), *flow = new_object(),
           *flows = new_array();
    for (size_t i = 0; i < count; i++) {
        const struct finding_place *place = finding->kind == RS_FINDING_leak ? &places[i] : &places[(i + 1) % count];
        json_t *step = new_object();
        json_put(step, "location", json_from_place(sarif, finding, place, 0));
        json_add(locations, step);
    }
    json_put(thread, "locations", locations);
    json_add(threads, thread);
    json_put(flow, "threadFlows", threads);
    json_add(flows, flow);
    return flows;
}

static json_t *json_from_frame_of(const struct sarif *sarif, const struct finding_place *place, size_t i) {
    const struct frame *frame = &place->frames[i];
    json_t *object = new_object();
    json_put(object, "location", json_from_location(sarif, frame, 0, NULL));
    if (frame->module) json_put(object, "module", json_from_text(frame->module));
    if (place->thread) json_put(object, "threadId", json_from_number(place->thread));
    return object;
}

static json_t *json_from_stacks(const struct sarif *sarif, const struct finding *finding,
                                const struct finding_place *places, size_t count) {
    json_t *array = new_array();
    for (size_t i = 0; i < count; i++) {
        char *title = finding_place_title(finding, &places[i]);
        json_t *stack = new_object(), *frames = new_array();
        for (size_t j = 0; j < places[i].count; j++) json_add(frames, json_from_frame_of(sarif, &places[i], j));
        json_put(stack, "message", json_from_message(title));
        json_put(stack, "frames", frames);
        json_add(array, stack);
        free(title);
    }
    return array;
}

static json_t *json_from_fingerprint(const struct finding *finding, const struct finding_place *places, size_t count) {
    json_t *object = new_object();
    char *text = memory_format("%016" PRIx64, finding_fingerprint(finding, places, count));
    json_put(object, "reqscopeStacks/v1", json_from_text(text));
    free(text);
    return object;
}

static json_t *json_from_properties(const struct finding *finding) {
    json_t *properties = new_object();
    json_put(properties, "pid", json_from_number(finding->process->pid));
    json_put(properties, "description", json_from_text(finding_description(finding)));
    json_put(properties, "owner", json_from_context(finding->process, finding->owner));
    json_put(properties, "user", json_from_context(finding->process, finding->user));
    json_put(properties, "verdict", json_from_text(finding_verdict(finding)));
    json_put(properties, "hint", json_from_text(finding_hint(finding)));
    return properties;
}

static uint32_t rule_of(uint32_t kind) {
    return kind < RS_FINDING_COUNT ? kind : RS_FINDING_COUNT;
}

static const char *level_of(uint32_t kind) {
    return kind_words(kind)->error ? "error" : "warning";
}

static char *message_of(const struct group *group) {
    char *sentence = finding_sentence(group->first);
    char *seen = group->times > 1 ? memory_format(" Seen %" PRIu64 " times.", group->times) : memory_copy("");
    char *message = memory_format("%s.%s Hint: %s", sentence, seen, finding_hint(group->first));
    free(sentence);
    free(seen);
    return message;
}

static void write_result(struct sarif *sarif, const struct group *group) {
    const struct finding *first = group->first;
    struct json_stream *stream = &sarif->stream;
    struct finding_place places[FINDING_PLACES];
    size_t count = finding_places(sarif->export->symbols, first, places);
    char *message = message_of(group);
    json_stream_object(stream, NULL);
    json_stream_text(stream, "ruleId", finding_kind(first));
    json_stream_number(stream, "ruleIndex", rule_of(first->kind));
    json_stream_text(stream, "level", level_of(first->kind));
    json_stream_value(stream, "message", json_from_message(message));
    json_stream_value(stream, "locations", json_from_locations(sarif, first, places));
    json_stream_value(stream, "relatedLocations", json_from_related(sarif, first, places, count));
    if (count > 1) json_stream_value(stream, "codeFlows", json_from_flow(sarif, first, places, count));
    json_stream_value(stream, "stacks", json_from_stacks(sarif, first, places, count));
    json_stream_value(stream, "partialFingerprints", json_from_fingerprint(first, places, count));
    json_stream_number(stream, "occurrenceCount", group->times ? group->times : 1);
    json_stream_value(stream, "properties", json_from_properties(first));
    json_stream_end_object(stream);
    finding_places_free(places, count);
    free(message);
}

/* ---- the run ---- */

static json_t *json_from_kind(uint32_t kind) {
    const struct kind_words *words = kind_words(kind);
    json_t *rule = new_object(), *help = new_object(), *configuration = new_object();
    json_put(rule, "id", json_from_text(kind < RS_FINDING_COUNT ? rs_finding_kind_name(kind) : "unknown"));
    json_put(rule, "shortDescription", json_from_message(words->title));
    json_put(rule, "fullDescription", json_from_message(words->when));
    json_put(help, "text", json_from_text(kind_hint(kind)));
    json_put(rule, "help", help);
    json_put(configuration, "level", json_from_text(level_of(kind)));
    json_put(rule, "defaultConfiguration", configuration);
    return rule;
}

static void write_tool(struct json_stream *stream) {
    json_stream_object(stream, "tool");
    json_stream_object(stream, "driver");
    json_stream_text(stream, "name", "reqscope");
    json_stream_text(stream, "version", REQSCOPE_VERSION);
    json_stream_text(stream, "semanticVersion", REQSCOPE_VERSION);
    json_stream_array(stream, "rules");
    for (uint32_t kind = 0; kind <= RS_FINDING_COUNT; kind++) {
        json_stream_line(stream);
        json_stream_value(stream, NULL, json_from_kind(kind));
    }
    json_stream_end_array(stream);
    json_stream_end_object(stream);
    json_stream_end_object(stream);
}

/* What ran under the guard. */
static void write_invocations(struct sarif *sarif) {
    const struct model *model = sarif->export->model;
    struct json_stream *stream = &sarif->stream;
    json_stream_array(stream, "invocations");
    for (size_t i = 0; i < model->process_count; i++) {
        const struct process *process = model->processes[i];
        json_stream_line(stream);
        json_stream_object(stream, NULL);
        json_stream_text(stream, "commandLine", process->command);
        json_stream_number(stream, "processId", process->pid);
        json_stream_bool(stream, "executionSuccessful", process->known);
        json_stream_end_object(stream);
    }
    json_stream_end_array(stream);
}

static void write_root(struct sarif *sarif) {
    char *encoded, *uri;
    if (!sarif->root) return;
    encoded = encode_uri(sarif->root);
    uri = memory_format("file://%s", encoded);
    json_stream_object(&sarif->stream, "originalUriBaseIds");
    json_stream_object(&sarif->stream, "%SRCROOT%");
    json_stream_text(&sarif->stream, "uri", uri);
    json_stream_end_object(&sarif->stream);
    json_stream_end_object(&sarif->stream);
    free(encoded);
    free(uri);
}

static void write_run(struct sarif *sarif) {
    const struct groups *groups = sarif->export->groups;
    struct json_stream *stream = &sarif->stream;
    json_stream_object(stream, NULL);
    write_tool(stream);
    write_invocations(sarif);
    write_root(sarif);
    json_stream_array(stream, "results");
    for (size_t i = 0; i < groups->count; i++) {
        json_stream_line(stream);
        write_result(sarif, groups->all[i]);
    }
    json_stream_end_array(stream);
    json_stream_end_object(stream);
}

bool export_sarif(const struct export *export, FILE *file) {
    struct sarif sarif = {.export = export, .stream = {.file = file}, .root = source_root()};
    json_stream_object(&sarif.stream, NULL);
    json_stream_text(&sarif.stream, "$schema", SCHEMA);
    json_stream_text(&sarif.stream, "version", "2.1.0");
    json_stream_array(&sarif.stream, "runs");
    write_run(&sarif);
    json_stream_end_array(&sarif.stream);
    json_stream_end_object(&sarif.stream);
    fputc('\n', file);
    free(sarif.root);
    return true;
}
