/* test_export.c: what `reqscope export` writes of a trace that is as bad as it may be: labels of any bytes, parents in a ring, findings
 * of kinds that nobody knows, things that are named and were never recorded. `test_export DIR` writes that trace there, for the programs
 * that tests/e2e/export.sh gives it to. */
#include "tests/unit/make_trace.h"
#include "viewer/commands.h"

#include <ctype.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- the trace ---- */

#define QUOTES "GET /a\"b'c<d>&e;&lt;]]>--></failure>"
#define CONTROLS "\033[31mred\001\002\t\r\n\177\302\233 end"
#define NO_UTF8 "\xff\xfe \xc3( \xed\xa0\x80 \xf5\x80\x80\x80 \xef\xbf\xbe \xef\xbf\xbf \xe2\x80\xae"
#define LOOKS_LIKE_MARKUP "[a](1) {0} %s \\N \\ {} $x"
#define TRACEPARENT "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

static const char *const labels[] = {QUOTES, CONTROLS, NO_UTF8, LOOKS_LIKE_MARKUP, ""};
#define LABELS (sizeof labels / sizeof *labels)

#define ADD(packet, event, first, second) make_event(packet, &(event), sizeof(event), first, second, NULL, 0)

static void add_stack(struct make_packet *packet, uint64_t time, uint32_t id, uint64_t first) {
    const uint64_t addresses[] = {first, first + 0x100, 0x99};
    struct rs_event_stack event = {.header = {time, RS_EVENT_stack, -1}, .stack = id, .frames = 3};
    make_event(packet, &event, sizeof event, NULL, NULL, addresses, 3);
}

static void add_finding(struct make_packet *packet, uint64_t time, uint32_t id, uint32_t kind, uint32_t operation) {
    struct rs_event_finding event = {.header = {time, RS_EVENT_finding, 7},
                                     .finding = id,
                                     .kind = kind,
                                     .verdict = kind == 99 ? 77 : RS_MODE_DENY,
                                     .operation = operation,
                                     .opened_stack = 1,
                                     .used_stack = id == 3 ? 4711 : 2,
                                     .owner_thread = 100,
                                     .phase = RS_PHASE_SENT,
                                     .thread = 101,
                                     .description = kind == RS_FINDING_bad_close ? 0 : id,
                                     .owner = 1,
                                     .user = kind == RS_FINDING_leak ? 1 : 2,
                                     .opened = 1200,
                                     .opener = 1,
                                     .closer = 3,
                                     .closed_age = 5,
                                     .closed_stack = 1,
                                     .closed_description = kind == RS_FINDING_bad_close ? 2 : 0};
    ADD(packet, event, NULL, NULL);
}

static void write_kept(const char *folder, uint32_t pid, uint32_t parent) {
    struct make_packet *packet = make_packet(true, 0, 0, 1000);
    struct rs_event_process process = {
        .header = {1001, RS_EVENT_process, -1}, .pid = pid, .parent_pid = parent, .family = 9};
    struct rs_event_module module = {
        .header = {1002, RS_EVENT_module, -1}, .module = 1, .base = 0x10000, .low = 0x11000, .high = 0x12000};
    struct rs_event_finding_again again = {.header = {2100, RS_EVENT_finding_again, 7},
                                           .finding = 1,
                                           .count = 40,
                                           .description = 1,
                                           .owner = 1,
                                           .user = 3};
    struct rs_event_finding_again lost = {
        .header = {2110, RS_EVENT_finding_again, 8}, .finding = 70, .count = 2, .user = 888};
    struct rs_event_rule rule = {.header = {2150, RS_EVENT_rule, -1}, .line = 3, .hits = 1};
    ADD(packet, process, "/srv/\"x\"/server " NO_UTF8 CONTROLS, NULL);
    ADD(packet, module, "/no/such/<server>&\"\xff", "abcdef");
    add_stack(packet, 1150, 1, 0x11234);
    add_stack(packet, 1900, 2, 0x112cc);
    if (pid == 100) {
        add_finding(packet, 2000, 1, RS_FINDING_foreign_io, RS_OP_write);
        add_finding(packet, 2001, 2, RS_FINDING_leak, RS_OP_none);
        add_finding(packet, 2002, 3, RS_FINDING_dirty_handover, RS_OP_read);
        add_finding(packet, 2003, 4, RS_FINDING_bad_close, RS_OP_close);
        add_finding(packet, 2004, 5, 99, 61);
        ADD(packet, again, NULL, NULL);
        ADD(packet, lost, NULL, NULL);
    }
    ADD(packet, rule, "share:" QUOTES, NULL);
    make_finish(packet, folder);
}

static void add_contexts(struct make_packet *packet) {
    char *longest = malloc(4000);
    memset(longest, 'x', 3999);
    longest[3999] = 0;
    for (uint32_t i = 0; i <= LABELS; i++) {
        struct rs_event_context_begin begin = {.header = {1100 + i, RS_EVENT_context_begin, -1},
                                               .origin = RS_ORIGIN_REQUEST,
                                               .context = i + 1,
                                               .parent = i < 2 ? 2 - i : 0, /* 1 and 2: each other's */
                                               .began = 1100 + i,
                                               .thread = 100};
        ADD(packet, begin, i < LABELS ? labels[i] : longest, NULL);
    }
    make_attributes(packet, 1110, 3, "traceparent=" TRACEPARENT " x-request-id=" CONTROLS);
    make_attributes(packet, 1111, 4, "traceparent=00-00000000000000000000000000000000-b7ad6b7169203331-01");
    free(longest);
}

static void write_stream(const char *folder, uint32_t thread, bool contexts) {
    struct make_packet *packet = make_packet(false, thread, 0, 1005);
    struct rs_event_thread named = {.header = {1010, RS_EVENT_thread, -1}, .thread = thread};
    struct rs_event_handover handover = {
        .header = {1500, RS_EVENT_handover, 7}, .reason = RS_HANDOVER_LEASED, .description = 1, .from = 1, .to = 3};
    struct rs_event_handover odd = {
        .header = {1501, RS_EVENT_handover, -1}, .reason = 55, .description = 12345, .from = 777, .to = 0};
    struct rs_event_context_end end = {.header = {3000, RS_EVENT_context_end, -1}, .context = 1};
    ADD(packet, named, "worker <" CONTROLS NO_UTF8, NULL);
    if (contexts) add_contexts(packet);
    for (uint32_t i = 0; contexts && i < LABELS; i++) {
        struct rs_event_open open = {.header = {1200 + i, RS_EVENT_open, 7},
                                     .stack = 1,
                                     .description = i + 1,
                                     .context = i + 1,
                                     .opened = 1200 + i,
                                     .operation = RS_OP_open,
                                     .kind = RS_KIND_FILE,
                                     .thread = thread};
        ADD(packet, open, labels[i], NULL);
    }
    for (uint32_t i = 0; i < 20; i++) {
        struct rs_event_io io = {.header = {1300 + i, EVENT_IO + RS_OP_write, 7},
                                 .result = i % 3 ? 10 : -1,
                                 .description = i % 5,
                                 .context = i % 4 + (i == 7 ? 500 : 0)};
        ADD(packet, io, NULL, NULL);
    }
    ADD(packet, handover, NULL, NULL);
    ADD(packet, odd, NULL, NULL);
    if (contexts) ADD(packet, end, NULL, NULL);
    make_finish(packet, folder);
}

static void write_process(const char *root, const char *name, uint32_t pid, uint32_t parent) {
    char *folder = make_path(root, name);
    assert_int_equal(mkdir(folder, 0700), 0);
    make_metadata(folder);
    write_kept(folder, pid, parent);
    write_stream(folder, pid, pid == 100);
    free(folder);
}

static void make_bad_trace(const char *root) {
    write_process(root, "server-100", 100, 1);
    write_process(root, "server-101", 101, 100);
}

/* ---- running ---- */

struct place {
    char *root, *trace, *output;
};

static int set_up(void **state) {
    struct place *place = calloc(1, sizeof *place);
    place->root = make_folder();
    place->trace = make_path(place->root, "trace");
    place->output = make_path(place->root, "output");
    *state = place;
    return mkdir(place->trace, 0700);
}

static int tear_down(void **state) {
    struct place *place = *state;
    make_remove(place->root);
    free(place->root);
    free(place->trace);
    free(place->output);
    free(place);
    return 0;
}

/* Exports to the place's output; `more`: one option, or NULL. Returns the exit code. */
static int export_as(const struct place *place, const char *format, const char *more) {
    char *arguments[] = {(char *)"reqscope", (char *)"export",           (char *)"--format",
                         (char *)format,     (char *)"--output",         place->output,
                         place->trace,       (char *)(more ? more : ""), NULL};
    return commands_main(more ? 8 : 7, arguments);
}

/* What was exported; the caller's to free. */
static char *export_text(const struct place *place, const char *format, const char *more) {
    size_t size;
    char *text;
    assert_int_equal(export_as(place, format, more), 0);
    text = (char *)make_read(place->output, &size);
    text[size] = 0;
    assert_int_equal(strlen(text), size);
    return text;
}

static json_t *export_document(const struct place *place, const char *format, const char *more) {
    json_error_t error;
    char *text = export_text(place, format, more);
    json_t *document = json_loads(text, 0, &error);
    if (!document) fail_msg("%s: %s, near %.60s", format, error.text, text + error.position);
    free(text);
    return document;
}

static json_t *get(json_t *document, const char *key) {
    json_t *value = json_object_get(document, key);
    if (!value) fail_msg("no \"%s\"", key);
    return value;
}

static const char *text_of(json_t *object, const char *key) {
    return json_string_value(get(object, key));
}

/* The first of the array whose `key` is `value`; NULL: none. */
static json_t *find_by(json_t *array, const char *key, const char *value) {
    size_t i;
    json_t *one;
    json_array_foreach(array, i, one) {
        const char *text = json_string_value(json_object_get(one, key));
        if (text && !strcmp(text, value)) return one;
    }
    return NULL;
}

/* ---- json ---- */

static void json_holds_everything(void **state) {
    struct place *place = *state;
    json_t *document, *context, *crossing, *finding;
    size_t i, known = 0;
    make_bad_trace(place->trace);
    document = export_document(place, "json", NULL);
    assert_int_equal(json_array_size(get(document, "processes")), 2);
    json_array_foreach(get(document, "contexts"), i, context) known += json_is_string(get(context, "found"));
    assert_int_equal(known, LABELS + 1);
    assert_int_equal(json_array_size(get(document, "findings")), 6);
    assert_int_equal(json_array_size(get(document, "rules")), 2);
    assert_non_null(find_by(get(document, "contexts"), "label", QUOTES));
    assert_non_null(find_by(get(document, "contexts"), "label", CONTROLS));
    crossing = find_by(get(document, "crossings"), "what", "hand-over");
    assert_string_equal(text_of(crossing, "reason"), "leased");
    assert_string_equal(text_of(get(crossing, "from"), "label"), QUOTES);
    finding = find_by(get(document, "findings"), "kind", "foreign-io");
    assert_int_equal(json_integer_value(get(finding, "count")), 40);
    assert_int_equal(json_array_size(get(finding, "used_at")), 3);
    json_decref(document);
}

static void filters_choose_what_is_exported(void **state) {
    struct place *place = *state;
    json_t *document;
    make_bad_trace(place->trace);
    document = export_document(place, "json", "--kinds=leak");
    assert_int_equal(json_array_size(get(document, "findings")), 1 + 2); /* and those whose kind nobody knows */
    json_decref(document);
    document = export_document(place, "json", "--pid=101");
    assert_null(find_by(get(document, "contexts"), "label", QUOTES)); /* it began in 100 */
    assert_int_equal(json_array_size(get(document, "crossings")), 2);
    json_decref(document);
    document = export_document(place, "chrome", "--since=1us");
    assert_null(find_by(get(document, "traceEvents"), "cat", "io"));
    json_decref(document);
}

/* ---- chrome ---- */

static void slices_of_a_thread_do_not_overlap(void **state) {
    struct place *place = *state;
    json_t *document, *event;
    double ends[2] = {0, 0};
    size_t i, slices = 0;
    make_bad_trace(place->trace);
    document = export_document(place, "chrome", NULL);
    json_array_foreach(get(document, "traceEvents"), i, event) {
        size_t process = json_integer_value(get(event, "tid")) == 101;
        double begin = json_number_value(json_object_get(event, "ts"));
        if (strcmp(text_of(event, "ph"), "X") != 0 || json_integer_value(get(event, "tid")) < 100) continue;
        assert_true(begin + 1e-6 >= ends[process]);
        ends[process] = begin + json_number_value(get(event, "dur"));
        slices++;
    }
    assert_true(slices >= 45);
    json_decref(document);
}

static void arrows_go_from_giver_to_taker(void **state) {
    struct place *place = *state;
    json_t *document, *event, *begin = NULL, *end = NULL;
    size_t i;
    make_two_contexts(place->trace, 0);
    document = export_document(place, "chrome", NULL);
    json_array_foreach(get(document, "traceEvents"), i, event) {
        bool handed = !strcmp(json_string_value(json_object_get(event, "cat")) ?: "", "foreign use");
        if (handed && !begin && !strcmp(text_of(event, "ph"), "s")) begin = event;
        if (handed && !end && !strcmp(text_of(event, "ph"), "f")) end = event;
    }
    assert_non_null(begin);
    assert_non_null(end);
    assert_int_equal(json_integer_value(get(begin, "tid")), 100); /* GET /a's thread, that read last */
    assert_true(json_number_value(get(begin, "ts")) < json_number_value(get(end, "ts")));
    assert_true(json_equal(get(begin, "id"), get(end, "id")));
    json_decref(document);
}

/* A program that is executed has the pid of the one that executed it: its track has one name. */
static void each_pid_has_one_name(void **state) {
    struct place *place = *state;
    json_t *document, *event;
    size_t i, names = 0;
    write_process(place->trace, "shell-100", 100, 1);
    write_process(place->trace, "server-100", 100, 1);
    document = export_document(place, "chrome", NULL);
    json_array_foreach(get(document, "traceEvents"), i, event) names += !strcmp(text_of(event, "name"), "process_name");
    assert_int_equal(names, 1);
    json_decref(document);
}

/* ---- sarif ---- */

static void sarif_has_a_rule_a_kind_and_a_result_a_finding(void **state) {
    struct place *place = *state;
    json_t *document, *run, *results, *result, *location;
    make_bad_trace(place->trace);
    document = export_document(place, "sarif", NULL);
    run = json_array_get(get(document, "runs"), 0);
    assert_int_equal(json_array_size(get(get(get(run, "tool"), "driver"), "rules")), RS_FINDING_COUNT + 1);
    results = get(run, "results");
    assert_int_equal(json_array_size(results), 6);
    result = find_by(results, "ruleId", "foreign-io");
    assert_string_equal(text_of(result, "level"), "error");
    assert_int_equal(json_integer_value(get(result, "occurrenceCount")), 40);
    location = json_array_get(get(result, "locations"), 0);
    assert_null(json_object_get(location, "physicalLocation")); /* no source is known: the function is all there is */
    assert_int_equal(json_array_size(get(location, "logicalLocations")), 1);
    assert_int_equal(json_array_size(get(result, "relatedLocations")), 1);
    assert_string_equal(text_of(find_by(results, "ruleId", "leak"), "level"), "warning");
    json_decref(document);
}

/* ---- junit ---- */

/* A name character, or what may follow one. */
static bool is_name(char byte) {
    return isalnum((unsigned char)byte) || byte == '-' || byte == '_' || byte == '?';
}

/* Are there no characters but XML's own, in valid entities? `at` goes to the first `end`. */
static const char *skip_text(const char *at, char end) {
    static const char *const entities[] = {"&amp;", "&lt;", "&gt;", "&quot;", "&apos;"};
    for (; *at && *at != end; at++) {
        bool known = *at != '&';
        for (size_t i = 0; i < 5; i++) known |= !strncmp(at, entities[i], strlen(entities[i]));
        if (!known || *at == '<') fail_msg("no XML at: %.40s", at);
        if ((unsigned char)*at < 0x20 && !strchr("\t\n\r", *at)) fail_msg("a control character before: %.40s", at + 1);
        if (!strncmp(at, "\xef\xbf\xbe", 3) || !strncmp(at, "\xef\xbf\xbf", 3)) fail_msg("no character of XML");
    }
    return at;
}

/* A tag's attributes; `at` is behind its name. Returns its '>'. */
static const char *skip_attributes(const char *at) {
    while (*at == ' ') {
        while (is_name(*++at)) continue;
        if (at[0] != '=' || at[1] != '"') fail_msg("no attribute at: %.40s", at);
        at = skip_text(at + 2, '"') + 1;
    }
    return at;
}

/* Checks one element and all in it; returns what follows it. */
static const char *check_element(const char *at) {
    const char *name = at + 1;
    size_t length = 0;
    while (is_name(name[length])) length++;
    assert_int_equal(*at, '<');
    at = skip_attributes(name + length);
    if (!strncmp(at, "/>", 2)) return at + 2;
    if (*at != '>') fail_msg("no end of a tag at: %.40s", at);
    for (at = skip_text(at + 1, '<'); strncmp(at, "</", 2) != 0; at = skip_text(at, '<')) at = check_element(at);
    if (strncmp(at + 2, name, length) != 0 || at[2 + length] != '>') fail_msg("another end at: %.40s", at);
    return at + 3 + length;
}

static void junit_is_xml_with_a_failed_case_a_finding(void **state) {
    struct place *place = *state;
    char *text, *root;
    const char *end;
    make_bad_trace(place->trace);
    text = export_text(place, "junit", NULL);
    root = strstr(text, "<testsuites");
    assert_non_null(root);
    end = check_element(root);
    assert_string_equal(end, "\n");
    assert_non_null(strstr(root, "failures=\"6\""));
    assert_non_null(strstr(root, "<testcase name=\"none found\" classname=\"late-io\" time=\"0\"/>"));
    assert_null(strstr(root, "foreign-wakeup")); /* it is not looked for by default */
    assert_non_null(strstr(root, "GET /a&quot;b'c&lt;d&gt;&amp;e;&amp;lt;]]&gt;--&gt;&lt;/failure&gt;"));
    free(text);
}

/* ---- otlp ---- */

static json_t *spans_of(json_t *document) {
    json_t *resource = json_array_get(get(document, "resourceSpans"), 0);
    return get(json_array_get(get(resource, "scopeSpans"), 0), "spans");
}

static void spans_are_of_the_trace_that_the_request_named(void **state) {
    struct place *place = *state;
    json_t *document, *span, *other;
    char *text;
    make_bad_trace(place->trace);
    text = export_text(place, "otlp", NULL);
    assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1); /* a collector reads a document a line */
    free(text);
    document = export_document(place, "otlp", NULL);
    assert_int_equal(json_array_size(spans_of(document)), LABELS + 1);
    span = json_array_get(spans_of(document), 2);
    assert_string_equal(text_of(span, "traceId"), "0af7651916cd43dd8448eb211c80319c");
    assert_string_equal(text_of(span, "parentSpanId"), "b7ad6b7169203331");
    other = json_array_get(spans_of(document), 3); /* a traceparent of zeros is none */
    assert_null(json_object_get(other, "parentSpanId"));
    assert_string_not_equal(text_of(other, "traceId"), "00000000000000000000000000000000");
    assert_string_not_equal(text_of(other, "spanId"), text_of(span, "spanId"));
    assert_int_equal(json_integer_value(get(get(json_array_get(spans_of(document), 0), "status"), "code")), 2);
    assert_null(json_object_get(get(json_array_get(spans_of(document), 4), "status"), "code"));
    json_decref(document);
}

/* ---- dot ---- */

static void make_many(const char *folder, uint32_t count) {
    for (uint32_t half = 0; half < 2; half++) {
        struct make_packet *packet = make_packet(false, half, 0, 5000);
        for (uint32_t i = 1; i <= count; i++) {
            struct rs_event_open open = {.header = {6000 + i, RS_EVENT_open, 7},
                                         .description = 100 + i,
                                         .context = 100 + i,
                                         .opened = 6000 + i,
                                         .operation = RS_OP_socket};
            if (half)
                ADD(packet, open, "socket", NULL);
            else
                make_context(packet, 5000 + i, 100 + i, RS_ORIGIN_API, "job");
        }
        make_finish(packet, folder);
    }
}

static size_t count_of(const char *text, const char *part) {
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, part)); at++) count++;
    return count;
}

static void graph_is_bounded_and_says_what_is_left_out(void **state) {
    struct place *place = *state;
    char *text, *folder = make_path(place->trace, "many");
    make_bad_trace(place->trace);
    text = export_text(place, "dot", NULL);
    assert_null(strstr(text, "left out"));
    assert_int_equal(count_of(text, "color=red, fontcolor=red"), 5);
    free(text);
    assert_int_equal(mkdir(folder, 0700), 0);
    make_metadata(folder);
    make_many(folder, 200);
    text = export_text(place, "dot", NULL);
    assert_non_null(strstr(text, "left out: 202 contexts and 200 descriptions")); /* two had nothing to do with those */
    assert_true(count_of(text, "[shape=") <= 200);
    assert_int_equal(count_of(text, "color=red, fontcolor=red"), 5);
    free(text);
    free(folder);
}

static void graph_of_a_trace_without_findings_shows_what_contexts_did(void **state) {
    struct place *place = *state;
    char *text, *folder = make_path(place->trace, "many");
    assert_int_equal(mkdir(folder, 0700), 0);
    make_metadata(folder);
    make_many(folder, 200);
    text = export_text(place, "dot", NULL);
    assert_int_equal(count_of(text, "[shape="), 200);
    assert_int_equal(count_of(text, "label=\"opens\""), 100);
    assert_non_null(strstr(text, "left out: 100 contexts and 100 descriptions"));
    free(text);
    free(folder);
}

static void labels_do_not_end_a_string_of_the_graph(void **state) {
    struct place *place = *state;
    char *text;
    bool inside = false;
    make_bad_trace(place->trace);
    text = export_text(place, "dot", NULL);
    for (const char *at = text; *at; at++) {
        if (inside && *at == '\\') {
            at++;
            continue;
        }
        if (*at == '"') inside = !inside;
        assert_false(inside && *at == '\n');
        assert_false((unsigned char)*at < 0x20 && *at != '\n');
    }
    assert_false(inside);
    free(text);
}

/* ---- all ---- */

static const char *const formats[] = {"json", "chrome", "dot", "sarif", "junit", "otlp"};
#define FORMATS (sizeof formats / sizeof *formats)

static void each_format_is_the_same_every_time(void **state) {
    struct place *place = *state;
    make_bad_trace(place->trace);
    for (size_t i = 0; i < FORMATS; i++) {
        char *first = export_text(place, formats[i], NULL), *second = export_text(place, formats[i], NULL);
        assert_string_equal(first, second);
        free(first);
        free(second);
    }
}

static void empty_selections_are_documents_too(void **state) {
    struct place *place = *state;
    make_bad_trace(place->trace);
    for (size_t i = 0; i < FORMATS; i++) {
        char *text;
        if (!strcmp(formats[i], "dot") || !strcmp(formats[i], "junit")) {
            text = export_text(place, formats[i], "--pid=4");
            assert_true(strlen(text) > 20);
            free(text);
        } else {
            json_decref(export_document(place, formats[i], "--pid=4"));
        }
    }
}

/* The command on a trace with each byte of one file changed: whatever is read of it comes out as a whole document. */
static void damaged_traces_are_exported_as_far_as_they_go(void **state) {
    struct place *place = *state;
    char *path = make_path(place->trace, "server-100/kept_0_0");
    int saved = dup(2), null = open("/dev/null", O_WRONLY);
    unsigned char *bytes;
    size_t size;
    make_bad_trace(place->trace);
    bytes = make_read(path, &size);
    fflush(stderr);
    dup2(null, 2);
    for (size_t at = 0; at < size; at += 7) {
        json_error_t error;
        json_t *document;
        bytes[at] ^= 0xff;
        make_write(path, bytes, size);
        assert_int_equal(export_as(place, formats[at % FORMATS], NULL), 2);
        document = json_load_file(place->output, 0, &error);
        if (!strchr("dj", *formats[at % FORMATS])) assert_non_null(document);
        json_decref(document);
        bytes[at] ^= 0xff;
    }
    fflush(stderr);
    dup2(saved, 2);
    close(saved);
    close(null);
    free(bytes);
    free(path);
}

static void file_is_replaced_whole_or_not_at_all(void **state) {
    struct place *place = *state;
    char *link = make_path(place->root, "link"), *kept = place->output;
    struct stat status;
    int saved = dup(2), null = open("/dev/null", O_WRONLY);
    make_bad_trace(place->trace);
    make_write(kept, "before", 6);
    assert_int_equal(symlink("output", link), 0);
    place->output = link;
    assert_int_equal(export_as(place, "json", NULL), 0);
    assert_int_equal(lstat(link, &status), 0);
    assert_true(S_ISLNK(status.st_mode)); /* a link stays one */
    assert_int_equal(stat(kept, &status), 0);
    assert_true(status.st_size > 1000);
    fflush(stderr);
    dup2(null, 2);
    place->output = (char *)"/dev/full";
    assert_int_equal(export_as(place, "dot", NULL), 2);
    place->output = (char *)"/no/such/folder/file";
    assert_int_equal(export_as(place, "dot", NULL), 2);
    fflush(stderr);
    dup2(saved, 2);
    close(saved);
    close(null);
    place->output = kept;
    free(link);
}

int main(int count, char **arguments) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(json_holds_everything),
        TEST(filters_choose_what_is_exported),
        TEST(slices_of_a_thread_do_not_overlap),
        TEST(arrows_go_from_giver_to_taker),
        TEST(each_pid_has_one_name),
        TEST(sarif_has_a_rule_a_kind_and_a_result_a_finding),
        TEST(junit_is_xml_with_a_failed_case_a_finding),
        TEST(spans_are_of_the_trace_that_the_request_named),
        TEST(graph_is_bounded_and_says_what_is_left_out),
        TEST(graph_of_a_trace_without_findings_shows_what_contexts_did),
        TEST(labels_do_not_end_a_string_of_the_graph),
        TEST(each_format_is_the_same_every_time),
        TEST(empty_selections_are_documents_too),
        TEST(damaged_traces_are_exported_as_far_as_they_go),
        TEST(file_is_replaced_whole_or_not_at_all),
    };
    if (count == 2) {
        make_bad_trace(arguments[1]);
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
