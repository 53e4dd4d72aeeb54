/* test_expect.c: `check --expect-opens`: what counts as an open of what, of whom, and what is no expectation.
 */
#include "tests/unit/make_trace.h"
#include "tests/unit/unit.h"
#include "viewer/expect.h"
#include "viewer/load.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

struct place {
    char *root;
    struct make_packet *packet; /* of the process that is being written */
    char *folder;
    uint64_t time;
};

static int set_up(void **state) {
    struct place *place = calloc(1, sizeof *place);
    place->root = make_folder();
    place->time = 1000;
    *state = place;
    return 0;
}

static int tear_down(void **state) {
    struct place *place = *state;
    make_remove(place->root);
    free(place->root);
    free(place);
    return 0;
}

/* ---- a trace ---- */

/* A process of the family that its parent founded, or of its own. */
static void begin_process(struct place *place, const char *name, uint32_t pid, uint32_t parent) {
    struct rs_event_process event = {.header = {place->time + 1, RS_EVENT_process, -1},
                                     .pid = pid,
                                     .parent_pid = parent,
                                     .family = parent ? parent : pid};
    place->folder = make_path(place->root, name);
    assert_int_equal(mkdir(place->folder, 0700), 0);
    make_metadata(place->folder);
    place->packet = make_packet(true, 0, 0, place->time);
    place->time += 2;
    make_event(place->packet, &event, sizeof event, name, NULL, NULL, 0);
}

static void end_process(struct place *place) {
    make_finish(place->packet, place->folder);
    free(place->folder);
}

static void add_context(struct place *place, uint64_t id, const char *label, uint64_t began, uint32_t origin) {
    struct rs_event_context_begin event = {
        .header = {place->time++, RS_EVENT_context_begin, -1}, .origin = origin, .context = id, .began = began};
    make_event(place->packet, &event, sizeof event, label, NULL, NULL, 0);
}

static void add_open(struct place *place, struct rs_event_open event, const char *name) {
    event.header = (struct rs_event_header){place->time++, RS_EVENT_open, 7};
    make_event(place->packet, &event, sizeof event, name, NULL, NULL, 0);
}

static void add_name(struct place *place, uint64_t description, uint32_t kind, const char *name) {
    struct rs_event_name event = {
        .header = {place->time++, RS_EVENT_name, 7}, .kind = kind, .description = description};
    make_event(place->packet, &event, sizeof event, name, NULL, NULL, 0);
}

/* ---- what is said ---- */

/* Loads what was written and answers one expectation; the line, without its end, is the caller's to free. */
static char *say(const struct place *place, const char *text, bool *met) {
    struct model model;
    struct expectation expectation;
    char *line = NULL, *root = place->root;
    size_t size;
    FILE *stream = open_memstream(&line, &size);
    assert_true(load_traces(&model, &root, 1, NULL));
    assert_true(expect_parse(text, &expectation));
    struct expect_answer answer = expect_count(&model, &expectation);
    expect_print(stream, &answer);
    fclose(stream);
    assert_int_equal(line[size - 1], '\n');
    line[size - 1] = 0;
    *met = answer.met;
    expect_free(&answer);
    model_free(&model);
    return line;
}

static void says(const struct place *place, const char *text, bool expected, const char *line) {
    bool met;
    char *said = say(place, text, &met);
    if (met != expected || strcmp(said, line) != 0) fail_msg("%s: met: %d: '%s'; expected '%s'", text, met, said, line);
    free(said);
}

/* How many opens there are, whoever opened them. */
static void opens(const struct place *place, const char *pattern, unsigned count) {
    char text[256];
    bool met;
    snprintf(text, sizeof text, "%s=%u", pattern, count);
    char *said = say(place, text, &met);
    if (!met) fail_msg("%s", said);
    free(said);
}

/* ---- counting ---- */

static void the_trace_of_two_contexts(void **state) {
    struct place *place = *state;
    char *folder = make_path(place->root, "server-100");
    mkdir(folder, 0700);
    make_two_contexts(folder, 0);
    free(folder);
    says(place, "tcp:127.0.0.1:6379=1", true, "  found 1 open of tcp:127.0.0.1:6379, as expected");
    says(place, "tcp:127.0.0.1:6379=2", false,
         "  expected 2 opens of tcp:127.0.0.1:6379, found 1: GET /a (context 1): 1, GET /b (context 2): 0");
    says(place, "tcp=1/context", false,
         "  expected 1 open of tcp by each context, found another number in 1 of 2: GET /b (context 2): 0");
    says(place, "udp=0/context", true, "  found 0 opens of udp by each of 2 contexts, as expected");
    says(place, "*:6380=0", true, "  found 0 opens of *:6380, as expected");
}

static void a_socket_counts_by_what_it_was_connected_to_last(void **state) {
    struct place *place = *state;
    begin_process(place, "server-1", 1, 0);
    add_open(place, (struct rs_event_open){.description = 2, .opened = 50, .kind = RS_KIND_TCP}, "tcp");
    add_name(place, 2, RS_KIND_TCP, "tcp 10.0.0.1:1");
    add_open(place, (struct rs_event_open){.description = 3, .opened = 51, .kind = RS_KIND_UDP}, "udp");
    add_name(place, 3, RS_KIND_UDP, "udp 10.0.0.1:53");
    add_name(place, 3, RS_KIND_UDP, "udp 10.0.0.2:53");
    add_open(place, (struct rs_event_open){.description = 4, .opened = 52, .kind = RS_KIND_TCP}, "tcp"); /* refused */
    add_open(place, (struct rs_event_open){.description = 5, .opened = 53, .kind = RS_KIND_TCP},
             "tcp 10.0.0.1:1 (listening)");
    end_process(place);
    opens(place, "tcp:10.0.0.1:1", 1);
    opens(place, "udp:10.0.0.1:53", 0);
    opens(place, "udp:10.0.0.2:53", 1);
    opens(place, "tcp", 3);
}

static void only_what_the_program_opened_counts(void **state) {
    struct place *place = *state;
    struct rs_event_open open = {.description = 2, .opened = 50, .kind = RS_KIND_FILE, .operation = RS_OP_open};
    begin_process(place, "server-1", 1, 0);
    add_open(place, open, "/var/a");
    open.flags = RS_OPEN_CARRIED; /* the same once more */
    add_open(place, open, "/var/a");
    open.description = 3, open.flags = RS_OPEN_INHERITED;
    add_open(place, open, "/var/b");
    open.description = 4, open.flags = RS_OPEN_UNSEEN;
    add_open(place, open, "/var/c");
    open.description = 5, open.flags = 0, open.operation = RS_OP_receive;
    add_open(place, open, "/var/d");
    open.description = 6, open.flags = RS_OPEN_CARRIED, open.operation = RS_OP_open;
    add_open(place, open, "/var/e"); /* whose first event was given up */
    add_name(place, 7, RS_KIND_FILE, "/var/f");
    end_process(place);
    opens(place, "file:/var/*", 2);
    says(place, "file=9", false, "  expected 9 opens of file, found 2: no context: 2");
    says(place, "file=2/context", false, "  expected 2 opens of file by each context, found no context in the trace");
}

static void what_a_fork_carries_on_counts_once(void **state) {
    struct place *place = *state;
    struct rs_event_open carried = {.description = 2, .context = 1, .opened = 50, .kind = RS_KIND_TCP};
    begin_process(place, "parent-1", 1, 0);
    add_context(place, 1, "boot", 40, RS_ORIGIN_API);
    add_open(place, carried, "tcp");
    end_process(place);
    for (uint32_t child = 2; child < 4; child++) {
        struct rs_event_open own = {.description = 10 + child, .context = child, .opened = 60, .kind = RS_KIND_TCP};
        begin_process(place, child == 2 ? "child-2" : "child-3", child, 1);
        add_context(place, 1, "boot", 40, RS_ORIGIN_INHERITED);
        add_open(place, carried, "tcp 10.0.0.1:1"); /* it is described anew, by what it is by then */
        add_context(place, child, "GET /", 55 + child, RS_ORIGIN_API);
        add_open(place, own, "tcp 10.0.0.1:1");
        end_process(place);
    }
    opens(place, "tcp:10.0.0.1:1", 3);
    opens(place, "tcp", 3);
    says(place, "tcp=1/context", true, "  found 1 open of tcp by each of 3 contexts, as expected");
}

static void inferred_contexts_count_like_others(void **state) {
    struct place *place = *state;
    begin_process(place, "server-1", 1, 0);
    for (uint64_t id = 1; id < RS_ORIGIN_COUNT; id++) {
        struct rs_event_open open = {.description = 9 + id, .context = id, .opened = 50, .kind = RS_KIND_TCP};
        add_context(place, id, "GET /", 40 + id, id == 1 ? RS_ORIGIN_API : (uint32_t)id);
        add_open(place, open, "tcp 10.0.0.1:1");
        make_entry(place->packet, place->time++, id, RS_ENTRY_RESUMED);
    }
    end_process(place);
    says(place, "tcp=1/context", true, "  found 1 open of tcp by each of 3 contexts, as expected");
}

/* After an exec ids begin anew: it is a family of its own. */
static void programs_that_are_executed_count_apart(void **state) {
    struct place *place = *state;
    begin_process(place, "shell-1", 1, 0);
    add_context(place, 1, "first", 40, RS_ORIGIN_API);
    add_open(place, (struct rs_event_open){.description = 2, .context = 1, .opened = 50, .kind = RS_KIND_PIPE}, "pipe");
    end_process(place);
    begin_process(place, "other-2", 2, 0);
    add_context(place, 1, "second", 60, RS_ORIGIN_API);
    add_open(place, (struct rs_event_open){.description = 2, .context = 1, .opened = 70, .kind = RS_KIND_PIPE}, "pipe");
    end_process(place);
    opens(place, "pipe", 2);
    says(place, "pipe=1/context", true, "  found 1 open of pipe by each of 2 contexts, as expected");
}

static void many_contexts_are_not_all_listed(void **state) {
    struct place *place = *state;
    begin_process(place, "server-1", 1, 0);
    for (uint64_t id = 1; id <= 11; id++) add_context(place, id, "x", 10 + id, RS_ORIGIN_API);
    add_open(place, (struct rs_event_open){.description = 2, .context = 11, .opened = 50, .kind = RS_KIND_PIPE},
             "pipe");
    add_open(place, (struct rs_event_open){.description = 3, .context = 77, .opened = 51, .kind = RS_KIND_PIPE},
             "pipe");
    end_process(place);
    says(place, "pipe=7", false,
         "  expected 7 opens of pipe, found 2: context 77: 1, x (context 11): 1, x (context 1): 0, x (context 2): 0, x "
         "(context 3): 0, x (context 4): 0, x (context 5): 0, x (context 6): 0 and 4 more");
    says(place, "pipe=0/context", false,
         "  expected 0 opens of pipe by each context, found another number in 2 of 12: context 77: 1, x (context 11): "
         "1");
}

static void lost_events_make_counts_doubtful(void **state) {
    struct place *place = *state;
    struct model model;
    char *root = place->root;
    begin_process(place, "server-1", 1, 0);
    end_process(place);
    assert_true(load_traces(&model, &root, 1, NULL));
    assert_null(expect_doubt(&model));
    model.processes[0]->coverage = RS_COVERAGE_STACKS_FULL;
    assert_null(expect_doubt(&model));
    model.processes[0]->coverage = RS_COVERAGE_STATIC;
    assert_non_null(strstr(expect_doubt(&model), "did not see everything"));
    model.lost_events = 1;
    assert_non_null(strstr(expect_doubt(&model), "events were lost"));
    model_free(&model);
}

static void bytes_of_a_label_reach_no_terminal(void **state) {
    struct place *place = *state;
    begin_process(place, "server-1", 1, 0);
    add_context(place, 1, "a\033[31m", 40, RS_ORIGIN_API);
    end_process(place);
    says(place, "pipe=1", false, "  expected 1 open of pipe, found 0: a\\x1b[31m (context 1): 0");
}

/* ---- parsing ---- */

static void expectations_are_read(void **state) {
    struct expectation one;
    (void)state;
    assert_true(expect_parse("tcp:[::1]:80=12", &one));
    assert_int_equal(one.pattern.length, 12);
    assert_int_equal(one.opens, 12);
    assert_false(one.per_context);
    assert_true(expect_parse("file:/a=b/*=0/context", &one));
    assert_int_equal(one.pattern.length, 11);
    assert_int_equal(one.opens, 0);
    assert_true(one.per_context);
    assert_true(expect_parse("tcp =1", &one));
    assert_int_equal(one.pattern.length, 3);
}

static void what_is_no_expectation_is_said(void **state) {
    static const char *const bad[][2] = {
        {"", "a '=' and a number"},
        {"tcp:127.0.0.1:1", "a '=' and a number"},
        {"=1", "a pattern before"},
        {" =1", "a pattern such as"},
        {"tcp=", "a number after"},
        {"tcp=x", "a number after"},
        {"tcp=-1", "a number after"},
        {"tcp= 1", "a number after"},
        {"tcp=99999999999999999999", "a number after"},
        {"tcp=1/request", "nothing or /context"},
        {"tcp=1/contexts", "nothing or /context"},
        {"tcp=1 ", "nothing or /context"},
        {"file:/a=b", "a number after"},
        {"tpc:127.0.0.1:1=1", "begins with tcp, udp, unix"},
        {"tcp:=1", "an address or a path"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct expectation one;
        char *said = NULL;
        size_t size;
        FILE *saved = stderr;
        stderr = open_memstream(&said, &size);
        bool read = expect_parse(bad[i][0], &one);
        fclose(stderr);
        stderr = saved;
        if (read || !strstr(said, bad[i][1]) || !strstr(said, "PATTERN=N/context")) fail_msg("%s: %s", bad[i][0], said);
        free(said);
    }
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(the_trace_of_two_contexts),           TEST(a_socket_counts_by_what_it_was_connected_to_last),
        TEST(only_what_the_program_opened_counts), TEST(what_a_fork_carries_on_counts_once),
        TEST(inferred_contexts_count_like_others), TEST(programs_that_are_executed_count_apart),
        TEST(many_contexts_are_not_all_listed),    TEST(lost_events_make_counts_doubtful),
        TEST(bytes_of_a_label_reach_no_terminal),  TEST(expectations_are_read),
        TEST(what_is_no_expectation_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
