/* test_id.c: what may be typed for a finding, a context or a description, what is said when it is none, and that what is printed is
 * read back as the same thing. */
#include "tests/unit/capture.h"
#include "tests/unit/make_trace.h"
#include "viewer/id.h"
#include "viewer/load.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#define ADD(packet, event, text) make_event(packet, &(event), sizeof(event), text, NULL, NULL, 0)

struct place {
    char *root;
    struct model model;
};

/* make_two_contexts's process (100: f3, c1, c2, d5), and, if asked for, one of another family in folder `name`. */
static void load(struct place *place, const char *name, uint32_t pid) {
    char *first = make_path(place->root, "server-100"), *second = name ? make_path(place->root, name) : NULL;
    assert_int_equal(mkdir(first, 0700), 0);
    make_two_contexts(first, 0);
    if (second) {
        struct make_packet *packet = make_packet(true, 0, 0, 1500);
        struct rs_event_process process = {.header = {1501, RS_EVENT_process, -1}, .pid = pid, .family = 7};
        struct rs_event_open open = {.header = {1520, RS_EVENT_open, 9},
                                     .description = 8,
                                     .context = 1,
                                     .opened = 1520,
                                     .operation = RS_OP_open,
                                     .kind = RS_KIND_FILE};
        struct rs_event_dup dup = {.header = {1530, RS_EVENT_dup, 7}, .from = 9, .description = 8, .context = 1};
        struct rs_event_finding finding = {.header = {1600, RS_EVENT_finding, 9},
                                           .finding = 3,
                                           .kind = RS_FINDING_leak,
                                           .description = 8,
                                           .owner = 1,
                                           .user = 1};
        assert_int_equal(mkdir(second, 0700), 0);
        make_metadata(second);
        ADD(packet, process, "other");
        make_context(packet, 1510, 1, RS_ORIGIN_REQUEST, "GET /basket?user=alice");
        ADD(packet, open, "/srv/basket");
        ADD(packet, dup, NULL);
        ADD(packet, finding, NULL);
        make_context(packet, 1700, 4, RS_ORIGIN_REQUEST, "GET /basket?user=bob");
        make_context(packet, 1800, 9, RS_ORIGIN_REQUEST, "GET /basket?user=bob");
        make_finish(packet, second);
    }
    assert_true(load_traces(&place->model, &place->root, 1, NULL));
    free(first);
    free(second);
}

static int set_up(void **state) {
    struct place *place = calloc(1, sizeof *place);
    place->root = make_folder();
    *state = place;
    return 0;
}

static int tear_down(void **state) {
    struct place *place = *state;
    model_free(&place->model);
    make_remove(place->root);
    free(place->root);
    free(place);
    return 0;
}

/* What an ID stands for, as the ids to type, with blanks between. */
static char *find(const struct model *model, const char *text) {
    struct things things;
    char *list = strdup("");
    assert_true(id_find(model, text, &things));
    for (size_t i = 0; i < things.count; i++) {
        char *id = id_of(&things.all[i]), *longer;
        assert_true(asprintf(&longer, "%s%s%s", list, i ? " " : "", id) >= 0);
        free(list);
        free(id);
        list = longer;
    }
    free(things.all);
    return list;
}

static void expect_ids(const struct model *model, const char *text, const char *expected) {
    char *found = find(model, text);
    if (strcmp(found, expected) != 0) fail_msg("'%s' is '%s', not '%s'", text, found, expected);
    free(found);
}

/* What is said of an ID that is nothing. */
static void expect_message(const struct model *model, const char *text, const char *expected) {
    struct capture capture;
    struct things things;
    char *errors;
    bool found;
    capture_begin(&capture);
    found = id_find(model, text, &things);
    capture_end(&capture, NULL, &errors);
    assert_false(found);
    assert_int_equal(things.count, 0);
    if (!strstr(errors, expected)) fail_msg("'%s': '%s' does not say '%s'", text, errors, expected);
    assert_int_equal(strncmp(errors, "reqscope: ", 10), 0);
    free(errors);
}

static void letters_and_words_are_the_same(void **state) {
    struct place *place = *state;
    load(place, NULL, 0);
    expect_ids(&place->model, "f3", "f3");
    expect_ids(&place->model, "finding:3", "f3");
    expect_ids(&place->model, "c2", "c2");
    expect_ids(&place->model, "context:2", "c2");
    expect_ids(&place->model, "d5", "d5");
    expect_ids(&place->model, "description:5", "d5");
    expect_ids(&place->model, "fd:7", "d5");
    expect_ids(&place->model, "100/c1", "c1");
    expect_ids(&place->model, "100/fd:7", "d5");
    expect_ids(&place->model, "server-100/finding:3", "f3");
}

static void bare_number_is_all_that_has_it(void **state) {
    struct place *place = *state;
    load(place, "other-300", 300);
    expect_ids(&place->model, "5", "d5");
    expect_ids(&place->model, "2", "c2");
    expect_ids(&place->model, "4", "c4");
    expect_ids(&place->model, "3", "300/f3 100/f3");
    expect_ids(&place->model, "300/3", "300/f3");
}

static void same_number_in_two_families_is_told_apart_by_the_pid(void **state) {
    struct place *place = *state;
    load(place, "other-300", 300);
    expect_ids(&place->model, "c1", "300/c1 100/c1");
    expect_ids(&place->model, "100/c1", "100/c1");
    expect_ids(&place->model, "300/context:1", "300/c1");
    expect_ids(&place->model, "c2", "c2");
    expect_ids(&place->model, "300/f3", "300/f3");
}

static void same_pid_is_told_apart_by_the_folder(void **state) {
    struct place *place = *state;
    load(place, "other-100", 100);
    expect_ids(&place->model, "100/c1", "other-100/c1 server-100/c1");
    expect_ids(&place->model, "other-100/c1", "other-100/c1");
    expect_ids(&place->model, "server-100/f3", "server-100/f3");
}

static void numbers_of_duplicates_are_known(void **state) {
    struct place *place = *state;
    load(place, "other-300", 300);
    expect_ids(&place->model, "fd:7", "d5 d8");
    expect_ids(&place->model, "300/fd:7", "d8");
    expect_ids(&place->model, "fd:9", "d8");
}

static void labels_and_names_are_ids(void **state) {
    struct place *place = *state;
    load(place, "other-300", 300);
    expect_ids(&place->model, "GET /a", "100/c1");
    expect_ids(&place->model, "GET /basket*", "300/c1 c4 c9");
    expect_ids(&place->model, "*user=bob", "c4 c9");
    expect_ids(&place->model, "/srv/basket", "d8");
    expect_ids(&place->model, "alice", "300/c1"); /* a part, when nothing is called that */
    expect_ids(&place->model, "tcp 127.0.0.1:6379", "d5");
}

static void what_is_nothing_is_said_with_what_there_is(void **state) {
    struct place *place = *state;
    load(place, "other-300", 300);
    expect_message(&place->model, "f9", "f9: the trace has no such finding: it has finding f3");
    expect_message(&place->model, "c12", "no such context: it has contexts c1 to c9\n");
    expect_message(&place->model, "c6", "it has contexts c1 to c9, and next to it c4 and c9");
    expect_message(&place->model, "100/c4", "no such context: it has contexts c1 to c2");
    expect_message(&place->model, "77", "it has finding f3, contexts c1 to c9 and descriptions d5 to d8");
    expect_message(&place->model, "fd:99", "`reqscope fds` lists what is known");
    expect_message(&place->model, "4711/c1", "the trace has no process 4711: it has ");
    expect_message(&place->model, "GET /aa", "did you mean 'GET /a'?");
    expect_message(&place->model, "zebra crossing", "give f3 (a finding), c12 (a context)");
    expect_message(&place->model, "", "give f3 (a finding)");
    expect_message(&place->model, "f99999999999999999999999", "nothing in the trace is called that");
    expect_message(&place->model, "f4294967299", "no such finding"); /* 2^32 + 3 is not 3 */
}

static void trace_without_findings_says_so(void **state) {
    struct place *place = *state;
    char *folder = make_path(place->root, "small-5");
    struct make_packet *packet = make_packet(true, 0, 0, 100);
    assert_int_equal(mkdir(folder, 0700), 0);
    make_metadata(folder);
    make_context(packet, 110, 1, RS_ORIGIN_API, "");
    make_finish(packet, folder);
    assert_true(load_traces(&place->model, &place->root, 1, NULL));
    expect_message(&place->model, "f1", "it has no findings");
    expect_ids(&place->model, "1", "c1");
    free(folder);
}

static void every_id_that_is_written_is_read_as_the_same(void **state) {
    struct place *place = *state;
    load(place, "other-100", 100);
    for (size_t i = 0; i < place->model.context_count; i++) {
        char *id = id_of_context(place->model.contexts[i]);
        expect_ids(&place->model, id, id);
        free(id);
    }
    for (size_t i = 0; i < place->model.process_count; i++) {
        char *id = id_of_finding(place->model.processes[i]->findings);
        expect_ids(&place->model, id, id);
        free(id);
    }
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(letters_and_words_are_the_same),
        TEST(bare_number_is_all_that_has_it),
        TEST(same_number_in_two_families_is_told_apart_by_the_pid),
        TEST(same_pid_is_told_apart_by_the_folder),
        TEST(numbers_of_duplicates_are_known),
        TEST(labels_and_names_are_ids),
        TEST(what_is_nothing_is_said_with_what_there_is),
        TEST(trace_without_findings_says_so),
        TEST(every_id_that_is_written_is_read_as_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
