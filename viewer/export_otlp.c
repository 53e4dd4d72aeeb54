/* export_otlp.c: contexts as spans of OpenTelemetry, in the JSON form of OTLP, on one line, as a collector's file receiver takes it: they stand in a
 * tracing system next to the spans that the services themselves report.
 *
 *   resource: a process ──► span: a context that began in it ──► events: its hand-overs and findings
 *
 * Where a request said which trace it is of (traceparent), its span is of that trace, below the span that it named. All else is of a
 * trace of its own: its numbers are made of what the trace (ours) says, so that the same context gets the same ones in each export. */
#include "reqscope.h"
#include "viewer/crossings.h"
#include "viewer/export.h"
#include "viewer/finding_places.h"
#include "viewer/finding_text.h"
#include "viewer/json.h"
#include "viewer/json_stream.h"
#include "viewer/wall_clock.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* A chain of contexts that is longer, or a ring, is cut. */
#define PARENTS_MOST 64

/* Events of hand-overs in a span: what OpenTelemetry's own libraries keep of events. */
#define HANDOVERS_MOST 128

/* opentelemetry.proto.trace.v1: SpanKind and StatusCode */
enum { KIND_INTERNAL = 1, KIND_SERVER = 2 };
enum { STATUS_ERROR = 2 };

#define TRACE_DIGITS 32
#define SPAN_DIGITS 16

/* A crossing as one context sees it. */
struct part {
    const struct context *context;
    const struct crossing *crossing;
};

struct otlp {
    const struct export *export;
    struct json_stream stream;
    uint64_t clock;                  /* what is to be added to a time */
    const struct context **contexts; /* those that are exported, a process's together */
    size_t context_count;
    struct crossing *crossings;
    struct part *parts; /* a context's together, in the order of time */
    size_t part_count, part_space;
};

/* ---- identity ---- */

static uint64_t derive(const struct context *context, uint64_t seed) {
    uint64_t words[] = {context->family->number, context->id, context->began};
    uint64_t number = rs_mix(words, sizeof words, seed);
    return number ? number : 1;
}

static void span_of(const struct context *context, char *digits) {
    snprintf(digits, SPAN_DIGITS + 1, "%016" PRIx64, derive(context, 1));
}

/* The parent that is in the model; NULL: none. */
static const struct context *parent_of(const struct context *context) {
    const struct context *parent = model_context_of(context->process, context->parent);
    return parent && parent != context && !parent->superseded ? parent : NULL;
}

/* So many hexadecimal digits, not all zeros, and then `end`. */
static bool read_digits(const char *text, size_t count, char end, char *digits) {
    bool zeros = true;
    for (size_t i = 0; i < count; i++) {
        if (!isxdigit((unsigned char)text[i]) || isupper((unsigned char)text[i])) return false;
        zeros &= text[i] == '0';
    }
    if (zeros || text[count] != end) return false;
    memcpy(digits, text, count);
    digits[count] = 0;
    return true;
}

/* "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" */
static bool read_traceparent(const struct context *context, char *trace, char *span) {
    json_t *attributes = json_from_attributes(model_context_attributes(context));
    const char *text = json_string_value(json_object_get(attributes, "traceparent"));
    bool valid = text && strlen(text) >= 55 && text[2] == '-' && strncmp(text, "ff", 2) != 0 &&
                 read_digits(text + 3, TRACE_DIGITS, '-', trace) &&
                 read_digits(text + 4 + TRACE_DIGITS, SPAN_DIGITS, '-', span);
    json_decref(attributes);
    return valid;
}

/* Whose trace it is of: what its request said, else its parent's. `parent`: "" for none. */
static void identify(const struct context *context, char *trace, char *parent) {
    const struct context *root = context, *above;
    char unused[SPAN_DIGITS + 1];
    *parent = 0;
    if (read_traceparent(context, trace, parent)) return;
    above = parent_of(context);
    if (above) span_of(above, parent);
    for (int steps = 0; above && steps < PARENTS_MOST; steps++, above = parent_of(above)) {
        if (read_traceparent(above, trace, unused)) return;
        root = above;
    }
    snprintf(trace, TRACE_DIGITS + 1, "%016" PRIx64 "%016" PRIx64, derive(root, 2), derive(root, 3));
}

/* ---- what is exported ---- */

static int compare_processes(const void *left, const void *right) {
    const struct context *a = *(const struct context *const *)left, *b = *(const struct context *const *)right;
    if (a->process != b->process) return a->process->index < b->process->index ? -1 : 1;
    if (a->began != b->began) return a->began < b->began ? -1 : 1;
    return (a->id > b->id) - (a->id < b->id);
}

/* Of one whose begin is not known nothing can be told. */
static void choose_contexts(struct otlp *otlp) {
    const struct model *model = otlp->export->model;
    otlp->contexts = memory_new(model->context_count * sizeof(struct context *));
    for (size_t i = 0; i < model->context_count; i++)
        if (model->contexts[i]->known && filter_takes_context(otlp->export->filter, model->contexts[i]))
            otlp->contexts[otlp->context_count++] = model->contexts[i];
    if (otlp->context_count) qsort(otlp->contexts, otlp->context_count, sizeof *otlp->contexts, compare_processes);
}

static void add_part(struct otlp *otlp, const struct crossing *crossing, uint64_t id) {
    const struct context *context = model_context_of(crossing->process, id);
    if (!context) return;
    otlp->parts = memory_grow(otlp->parts, &otlp->part_space, otlp->part_count + 1, sizeof *otlp->parts);
    otlp->parts[otlp->part_count++] = (struct part){context, crossing};
}

static int compare_parts(const void *left, const void *right) {
    const struct part *a = left, *b = right;
    if (a->context->family != b->context->family) return a->context->family->index < b->context->family->index ? -1 : 1;
    if (a->context->id != b->context->id) return a->context->id < b->context->id ? -1 : 1;
    return (a->crossing > b->crossing) - (a->crossing < b->crossing);
}

static void collect_parts(struct otlp *otlp) {
    size_t count;
    otlp->crossings = crossings_of(otlp->export->model, otlp->export->filter, &count);
    for (size_t i = 0; i < count; i++) {
        const struct crossing *crossing = &otlp->crossings[i];
        add_part(otlp, crossing, crossing->to);
        if (crossing->from != crossing->to) add_part(otlp, crossing, crossing->from);
    }
    if (otlp->part_count) qsort(otlp->parts, otlp->part_count, sizeof *otlp->parts, compare_parts);
}

/* The first of the context's parts. */
static const struct part *first_part(const struct otlp *otlp, const struct context *context) {
    struct part wanted = {context, NULL}; /* before each of its own */
    size_t low = 0, high = otlp->part_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_parts(&otlp->parts[middle], &wanted) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return otlp->parts + low;
}

/* ---- attributes ---- */

static void begin_attribute(struct json_stream *stream, const char *key) {
    json_stream_object(stream, NULL);
    json_stream_text(stream, "key", key);
    json_stream_object(stream, "value");
}

static void end_attribute(struct json_stream *stream) {
    json_stream_end_object(stream);
    json_stream_end_object(stream);
}

static void write_text(struct json_stream *stream, const char *key, const char *text) {
    if (!text) return;
    begin_attribute(stream, key);
    json_stream_text(stream, "stringValue", text);
    end_attribute(stream);
}

/* 64-bit numbers are texts in protobuf's JSON. */
static void write_number(struct json_stream *stream, const char *key, uint64_t number) {
    begin_attribute(stream, key);
    json_stream_format(stream, "intValue", "\"%" PRId64 "\"", (int64_t)number);
    end_attribute(stream);
}

static void write_time(struct otlp *otlp, const char *key, uint64_t time) {
    json_stream_format(&otlp->stream, key, "\"%" PRIu64 "\"", time + otlp->clock);
}

/* ---- spans ---- */

static void write_who(struct json_stream *stream, const char *key, const struct process *process, uint64_t id) {
    char *text = finding_context(process, id);
    write_text(stream, key, text);
    free(text);
}

static void write_stacks(struct otlp *otlp, const struct finding *finding) {
    struct finding_place places[FINDING_PLACES];
    size_t count = finding_places(otlp->export->symbols, finding, places);
    for (size_t i = 0; i < count; i++) {
        char *title = finding_place_title(finding, &places[i]), *text = finding_place_text(&places[i]);
        char *key = memory_format("reqscope.stack.%zu", i + 1), *whole = memory_format("%s\n%s", title, text);
        write_text(&otlp->stream, key, whole);
        free(title);
        free(text);
        free(key);
        free(whole);
    }
    finding_places_free(places, count);
}

static void write_finding(struct otlp *otlp, const struct crossing *crossing) {
    const struct finding *finding = crossing->finding;
    char *sentence = finding_sentence(finding);
    write_text(&otlp->stream, "reqscope.finding", sentence);
    write_who(&otlp->stream, "reqscope.owner", crossing->process, crossing->from);
    write_who(&otlp->stream, "reqscope.user", crossing->process, crossing->to);
    write_number(&otlp->stream, "reqscope.count", crossing->count);
    write_text(&otlp->stream, "reqscope.hint", finding_hint(finding));
    if (crossing->count == 1) write_stacks(otlp, finding);
    free(sentence);
}

static void write_event(struct otlp *otlp, const struct crossing *crossing) {
    struct json_stream *stream = &otlp->stream;
    const struct description *description = model_description_of(crossing->process, crossing->description);
    json_stream_object(stream, NULL);
    write_time(otlp, "timeUnixNano", crossing->time);
    json_stream_text(stream, "name", crossing->finding ? finding_kind(crossing->finding) : "hand-over");
    json_stream_array(stream, "attributes");
    if (crossing->finding) {
        write_finding(otlp, crossing);
    } else {
        write_text(stream, "reqscope.handover", rs_handover_name(crossing->reason));
        write_who(stream, "reqscope.from", crossing->process, crossing->from);
        write_who(stream, "reqscope.to", crossing->process, crossing->to);
    }
    write_text(stream, "reqscope.description", description ? description->name : NULL);
    if (crossing->fd >= 0) write_number(stream, "reqscope.fd", (uint64_t)crossing->fd);
    write_number(stream, "thread.id", crossing->thread);
    json_stream_end_array(stream);
    json_stream_end_object(stream);
}

/* All findings, and the first hand-overs: a span of thousands of events is too much for what reads it. Returns the kind of the context's
 * first finding; NULL: it has none. */
static const char *write_events(struct otlp *otlp, const struct context *context) {
    const struct part *part = first_part(otlp, context), *end = otlp->parts + otlp->part_count;
    const char *wrong = NULL;
    uint64_t handovers = 0;
    json_stream_array(&otlp->stream, "events");
    for (; part < end && part->context == context; part++) {
        const struct finding *finding = part->crossing->finding;
        if (!wrong && finding) wrong = finding_kind(finding);
        if (finding || handovers++ < HANDOVERS_MOST) write_event(otlp, part->crossing);
    }
    json_stream_end_array(&otlp->stream);
    if (handovers > HANDOVERS_MOST) json_stream_number(&otlp->stream, "droppedEventsCount", handovers - HANDOVERS_MOST);
    return wrong;
}

static void write_attributes(struct json_stream *stream, const struct context *context) {
    json_t *attributes = json_from_attributes(model_context_attributes(context)), *value;
    const char *key;
    json_stream_array(stream, "attributes");
    write_number(stream, "reqscope.context", context->id);
    write_text(stream, "reqscope.found", model_context_found(context));
    write_text(stream, "reqscope.sure", model_context_sure(context));
    write_number(stream, "reqscope.opens", context->opens);
    write_number(stream, "reqscope.uses", context->uses);
    write_number(stream, "reqscope.bytes", context->bytes);
    if (!context->ended) write_text(stream, "reqscope.end", "it had not ended when the trace did");
    write_number(stream, "thread.id", context->thread);
    json_object_foreach(attributes, key, value) {
        char *name = memory_format("http.request.header.%s", key);
        write_text(stream, name, json_string_value(value));
        free(name);
    }
    json_stream_end_array(stream);
    json_decref(attributes);
}

static void write_name(struct json_stream *stream, const struct context *context) {
    char *unnamed = memory_format("context %" PRIu64, context->id);
    json_stream_text(stream, "name", *context->label ? context->label : unnamed);
    free(unnamed);
}

static void write_status(struct json_stream *stream, const char *wrong) {
    json_stream_object(stream, "status");
    if (wrong) {
        json_stream_number(stream, "code", STATUS_ERROR);
        json_stream_text(stream, "message", wrong);
    }
    json_stream_end_object(stream);
}

static void write_span(struct otlp *otlp, const struct context *context) {
    struct json_stream *stream = &otlp->stream;
    char trace[TRACE_DIGITS + 1], span[SPAN_DIGITS + 1], parent[SPAN_DIGITS + 1];
    bool inferred = context->origin == RS_ORIGIN_REQUEST || context->origin == RS_ORIGIN_ACCEPT;
    uint64_t end = context->ended ? context->ended : otlp->export->model->last_time;
    identify(context, trace, parent);
    span_of(context, span);
    json_stream_object(stream, NULL);
    json_stream_text(stream, "traceId", trace);
    json_stream_text(stream, "spanId", span);
    if (*parent) json_stream_text(stream, "parentSpanId", parent);
    write_name(stream, context);
    json_stream_number(stream, "kind", inferred ? KIND_SERVER : KIND_INTERNAL);
    write_time(otlp, "startTimeUnixNano", context->began);
    write_time(otlp, "endTimeUnixNano", end > context->began ? end : context->began);
    write_attributes(stream, context);
    write_status(stream, write_events(otlp, context));
    json_stream_end_object(stream);
}

/* ---- resources ---- */

/* The command's first word without its folders. */
static char *service_name(const struct process *process) {
    size_t length = strcspn(process->command, " ");
    char *word = memory_format("%.*s", (int)length, process->command);
    char *name = memory_copy(*word ? symbols_basename(word) : "unknown_service");
    free(word);
    return name;
}

static void write_resource(struct json_stream *stream, const struct process *process) {
    char *name = service_name(process);
    json_stream_object(stream, "resource");
    json_stream_array(stream, "attributes");
    write_text(stream, "service.name", name);
    write_number(stream, "process.pid", process->pid);
    write_text(stream, "process.command_line", process->command);
    json_stream_end_array(stream);
    json_stream_end_object(stream);
    free(name);
}

/* The contexts from `at` on that are of the same process. Returns how many. */
static size_t write_process(struct otlp *otlp, size_t at) {
    struct json_stream *stream = &otlp->stream;
    const struct process *process = otlp->contexts[at]->process;
    size_t end = at;
    json_stream_object(stream, NULL);
    write_resource(stream, process);
    json_stream_array(stream, "scopeSpans");
    json_stream_object(stream, NULL);
    json_stream_object(stream, "scope");
    json_stream_text(stream, "name", "reqscope");
    json_stream_text(stream, "version", REQSCOPE_VERSION);
    json_stream_end_object(stream);
    json_stream_array(stream, "spans");
    for (; end < otlp->context_count && otlp->contexts[end]->process == process; end++)
        write_span(otlp, otlp->contexts[end]);
    json_stream_end_array(stream);
    json_stream_end_object(stream);
    json_stream_end_array(stream);
    json_stream_end_object(stream);
    return end - at;
}

bool export_otlp(const struct export *export, FILE *file) {
    struct otlp otlp = {.export = export, .stream = {.file = file}, .clock = wall_clock_offset(export->model)};
    choose_contexts(&otlp);
    collect_parts(&otlp);
    json_stream_object(&otlp.stream, NULL);
    json_stream_array(&otlp.stream, "resourceSpans");
    for (size_t at = 0; at < otlp.context_count;) at += write_process(&otlp, at);
    json_stream_end_array(&otlp.stream);
    json_stream_end_object(&otlp.stream);
    fputc('\n', file);
    free(otlp.contexts);
    free(otlp.crossings);
    free(otlp.parts);
    return true;
}
