/* test_page.c: the data of the page that `export --format html` writes (page_data.h): what stands in it, that nothing in it is markup,
 * what is left out of very large traces, and that this is said. */
#include "tests/unit/make_trace.h"
#include "viewer/commands.h"
#include "viewer/filter.h"
#include "viewer/load.h"
#include "viewer/page.h"
#include "viewer/page_data.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define CONTEXT_FIELDS 18u
#define USE_FIELDS 7u
#define HANDOVER_FIELDS 5u
#define SIGHTING_FIELDS 5u

static const struct page_limits wide = {1000, 1000, 1000, 1000, 1000};

struct place {
    char *root, *trace;
    struct model model;
    struct options options;
    struct filter filter;
    struct groups groups;
    struct export export;
    char *text; /* of the last document */
};

static int set_up(void **state) {
    struct place *place = calloc(1, sizeof *place);
    place->root = make_folder();
    place->trace = make_path(place->root, "server-100");
    place->options.kinds = UINT32_MAX;
    place->options.fd = -1;
    *state = place;
    return mkdir(place->trace, 0700);
}

static int tear_down(void **state) {
    struct place *place = *state;
    symbols_close(place->export.symbols);
    groups_free(&place->groups);
    model_free(&place->model);
    make_remove(place->root);
    free(place->root);
    free(place->trace);
    free(place->text);
    free(place);
    return 0;
}

static void load(struct place *place) {
    assert_true(load_traces(&place->model, &place->root, 1, NULL));
    place->filter = filter_from(&place->options, &place->model);
    place->groups = groups_of(&place->model, &place->filter);
    place->export = (struct export){
        .model = &place->model, .filter = &place->filter, .groups = &place->groups, .symbols = symbols_open(NULL)};
}

static json_t *document_of(struct place *place, const struct page_limits *limits) {
    size_t size;
    json_error_t error;
    json_t *document;
    FILE *stream;
    free(place->text);
    place->text = NULL;
    stream = open_memstream(&place->text, &size);
    page_data_write(&place->export, limits, stream);
    fclose(stream);
    document = json_loads(place->text, 0, &error);
    if (!document) fail_msg("%s: %s", error.text, place->text);
    return document;
}

static json_int_t number_at(const json_t *document, const char *table, size_t place) {
    return json_integer_value(json_array_get(json_object_get(document, table), place));
}

static const char *text_at(const json_t *document, json_int_t place) {
    return json_string_value(json_array_get(json_object_get(document, "texts"), (size_t)place));
}

static size_t rows_of(const json_t *document, const char *table, size_t fields) {
    size_t size = json_array_size(json_object_get(document, table));
    assert_int_equal(size % fields, 0);
    return size / fields;
}

static bool has_note(const json_t *document, const char *words) {
    const json_t *note;
    size_t place;
    json_array_foreach(json_object_get(document, "notes"), place,
                       note) if (strstr(json_string_value(note), words)) return true;
    return false;
}

static void contexts_and_descriptions_have_rows(void **state) {
    struct place *place = *state;
    json_t *document;
    make_two_contexts(place->trace, 0);
    load(place);
    document = document_of(place, &wide);
    assert_int_equal(rows_of(document, "contexts", CONTEXT_FIELDS), 2);
    assert_int_equal(number_at(document, "contexts", 0), 1);
    assert_string_equal(text_at(document, number_at(document, "contexts", 2)), "GET /a");
    assert_int_equal(number_at(document, "contexts", 5), 1100 - 1001); /* began */
    assert_true(
        json_is_null(json_array_get(json_object_get(document, "contexts"), CONTEXT_FIELDS + 6))); /* GET /b lives */
    assert_string_equal(text_at(document, number_at(document, "descriptions", 2)), "tcp 127.0.0.1:6379");
    assert_true(has_note(document, "no room for more stacks"));
    json_decref(document);
}

/* One in whose time another context owns the description is a foreign use; after the hand-over it is the user's own. */
static void crossings_are_told_by_the_owner_of_the_moment(void **state) {
    struct place *place = *state;
    json_t *document;
    make_two_contexts(place->trace, 0);
    load(place);
    document = document_of(place, &wide);
    assert_int_equal(rows_of(document, "uses", USE_FIELDS), 3);
    assert_int_equal(number_at(document, "uses", 1), 0); /* GET /a's own */
    assert_int_equal(number_at(document, "uses", 2), PAGE_NONE);
    assert_int_equal(number_at(document, "uses", 6), 30);
    assert_int_equal(number_at(document, "uses", USE_FIELDS + 1), 1); /* GET /b, on what is GET /a's */
    assert_int_equal(number_at(document, "uses", USE_FIELDS + 2), 0);
    assert_int_equal(number_at(document, "uses", 2 * USE_FIELDS + 1), 1); /* and on its own */
    assert_int_equal(number_at(document, "uses", 2 * USE_FIELDS + 2), PAGE_NONE);
    assert_int_equal(rows_of(document, "handovers", HANDOVER_FIELDS), 1);
    assert_int_equal(number_at(document, "handovers", 2), 0);
    assert_int_equal(number_at(document, "handovers", 3), 1);
    assert_string_equal(text_at(document, number_at(document, "handovers", 4)), "leased");
    json_decref(document);
}

static void a_finding_names_rows_and_has_its_stacks(void **state) {
    struct place *place = *state;
    json_t *document, *finding, *stacks;
    make_two_contexts(place->trace, 0);
    load(place);
    document = document_of(place, &wide);
    finding = json_array_get(json_object_get(document, "findings"), 0);
    stacks = json_object_get(finding, "stacks");
    assert_int_equal(json_integer_value(json_object_get(finding, "times")), 4);
    assert_int_equal(json_integer_value(json_object_get(finding, "owner")), 0);
    assert_int_equal(json_integer_value(json_object_get(finding, "user")), 1);
    assert_int_equal(json_integer_value(json_object_get(finding, "description")), 0);
    assert_int_equal(json_array_size(stacks), 2);
    assert_int_equal(json_array_size(json_object_get(json_array_get(stacks, 0), "frames")), 3);
    assert_int_equal(rows_of(document, "sightings", SIGHTING_FIELDS), 2); /* it was written twice */
    json_decref(document);
}

static void no_text_of_a_trace_is_markup(void **state) {
    struct place *place = *state;
    struct make_packet *packet = make_packet(false, 3, 0, 4000);
    const char *label = "</script><!-- \"quoted\" \\ back\x01\xff";
    json_t *document;
    make_two_contexts(place->trace, 0);
    make_context(packet, 4001, 7, RS_ORIGIN_API, label);
    make_finish(packet, place->trace);
    load(place);
    document = document_of(place, &wide);
    assert_null(strchr(place->text, '<'));
    assert_string_equal(text_at(document, number_at(document, "contexts", 2 * CONTEXT_FIELDS + 2)),
                        "</script><!-- \"quoted\" \\ back\\x01\\xff");
    json_decref(document);
}

/* 40 contexts, of which findings and the hand-over name two. */
static void who_is_named_stays_and_others_give_way(void **state) {
    struct place *place = *state;
    const struct page_limits narrow = {10, 1, 1, 0, 1};
    struct make_packet *packet = make_packet(false, 3, 0, 4000);
    json_t *document;
    bool a = false, b = false;
    make_two_contexts(place->trace, 0);
    for (uint64_t id = 10; id < 48; id++) make_context(packet, 4000 + id, id, RS_ORIGIN_API, "GET /other");
    make_finish(packet, place->trace);
    load(place);
    document = document_of(place, &narrow);
    assert_int_equal(rows_of(document, "contexts", CONTEXT_FIELDS), 10);
    for (size_t row = 0; row < 10; row++) {
        a |= number_at(document, "contexts", row * CONTEXT_FIELDS) == 1;
        b |= number_at(document, "contexts", row * CONTEXT_FIELDS) == 2;
    }
    assert_true(a && b);
    assert_true(number_at(document, "contexts", 9 * CONTEXT_FIELDS) > 40); /* evenly: not only the first */
    assert_int_equal(rows_of(document, "handovers", HANDOVER_FIELDS), 0);
    assert_true(has_note(document, "Of 40 contexts, 10 are on this page"));
    assert_true(has_note(document, "1 hand-overs"));
    json_decref(document);
}

static void what_was_asked_for_is_shown_and_the_rest_is_not(void **state) {
    struct place *place = *state;
    json_t *document;
    make_two_contexts(place->trace, 0);
    place->options.kinds = 1u << RS_FINDING_leak;
    place->options.match = "GET /b";
    load(place);
    document = document_of(place, &wide);
    assert_int_equal(json_array_size(json_object_get(document, "findings")), 0);
    assert_true(has_note(document, "a part of the trace"));
    json_decref(document);
}

/* No finding, no context, no event but one process's. */
static void an_empty_trace_has_a_page(void **state) {
    struct place *place = *state;
    json_t *document;
    struct make_packet *packet = make_packet(true, 0, 0, 1000);
    struct rs_event_process process = {.header = {1001, RS_EVENT_process, -1}, .pid = MAKE_PID, .family = MAKE_PID};
    make_metadata(place->trace);
    make_event(packet, &process, sizeof process, "server", NULL, NULL, 0);
    make_finish(packet, place->trace);
    load(place);
    document = document_of(place, &wide);
    assert_int_equal(rows_of(document, "contexts", CONTEXT_FIELDS), 0);
    assert_int_equal(json_array_size(json_object_get(document, "processes")), 1);
    json_decref(document);
}

/* The frame has one style, one script, and a policy that allows these two by their hashes. */
static void the_frame_allows_its_own_script_alone(void **state) {
    (void)state;
    assert_non_null(strstr(page_before, "default-src 'none'; style-src 'sha256-"));
    assert_non_null(strstr(page_before, "script-src 'sha256-"));
    assert_null(strstr(page_before, "unsafe-"));
    assert_null(strstr(page_before, "@DATA@"));
    assert_non_null(strstr(page_behind, "</script>"));
    assert_null(strstr(page_behind, "innerHTML"));
}

int main(void) {
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(contexts_and_descriptions_have_rows),
        TEST(crossings_are_told_by_the_owner_of_the_moment),
        TEST(a_finding_names_rows_and_has_its_stacks),
        TEST(no_text_of_a_trace_is_markup),
        TEST(who_is_named_stays_and_others_give_way),
        TEST(what_was_asked_for_is_shown_and_the_rest_is_not),
        TEST(an_empty_trace_has_a_page),
        cmocka_unit_test(the_frame_allows_its_own_script_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
