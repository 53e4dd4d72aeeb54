/* test_show.c: `reqscope show`: what happened to one finding, context or description, in order and side by side. */
#include "tests/unit/capture.h"
#include "tests/unit/make_trace.h"
#include "viewer/commands.h"
#include "viewer/rows.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define END ((char *)NULL) /* of the arguments of show() */
#define ADD(packet, event, text) make_event(packet, &(event), sizeof(event), text, NULL, NULL, 0)
#define TEXT_OF(object, key) json_string_value(json_object_get(object, key))
#define NUMBER_OF(object, key) json_integer_value(json_object_get(object, key))

struct place {
    char *root, *trace;
};

static int set_up(void **state) {
    struct place *place = calloc(1, sizeof *place);
    place->root = make_folder();
    place->trace = make_path(place->root, "server-100");
    *state = place;
    setenv("LC_ALL", "C.UTF-8", 1);
    return mkdir(place->trace, 0700);
}

static int tear_down(void **state) {
    struct place *place = *state;
    make_remove(place->root);
    free(place->root);
    free(place->trace);
    free(place);
    return 0;
}

/* Runs `reqscope show first second ...`: what it prints is the caller's. */
static char *show(int expected, char **errors, const char *first, ...) {
    char *arguments[16] = {(char *)"reqscope", (char *)"show", (char *)first}, *output;
    struct capture capture;
    int count = 3, result;
    va_list more;
    va_start(more, first);
    while ((arguments[count] = va_arg(more, char *))) count++;
    va_end(more);
    capture_begin(&capture);
    result = commands_main(count, arguments);
    capture_end(&capture, &output, errors);
    if (result != expected) fail_msg("show %s: exit %d: %s", first, result, output);
    return output;
}

static json_t *show_json(int expected, const char *id, const char *folder) {
    char *output = show(expected, NULL, id, "--json", folder, END);
    json_error_t error;
    json_t *document = json_loads(output, 0, &error);
    if (!document) fail_msg("%s: %s", error.text, output);
    free(output);
    return document;
}

/* The texts stand in the output in this order, each after the one before. */
static void expect_in_order(const char *output, const char *const *texts) {
    const char *at = output;
    for (; *texts; texts++) {
        const char *found = strstr(at, *texts);
        if (!found) {
            fail_msg("'%s' does not come next in:\n%s", *texts, at);
            return;
        }
        at = found + strlen(*texts);
    }
}

static void expect_text(const char *output, const char *text) {
    if (!strstr(output, text)) fail_msg("no '%s' in:\n%s", text, output);
}

/* In which column of the story the text stands, from 1: the first place where it does. */
static int column_of(const char *output, const char *text, const char *line) {
    const char *found = strstr(output, text), *at = found;
    int columns = 0;
    if (!found) {
        fail_msg("no '%s' in:\n%s", text, output);
        return 0;
    }
    while (at > output && at[-1] != '\n') at--;
    for (; (at = strstr(at, line)) && at < found; at += strlen(line)) columns++;
    return columns;
}

static void add_io(struct make_packet *packet, uint64_t time, uint32_t operation, int32_t result, uint64_t context,
                   uint64_t description) {
    struct rs_event_io event = {
        .header = {time, EVENT_IO + operation, 7}, .result = result, .description = description, .context = context};
    ADD(packet, event, NULL);
}

static void add_thread(struct make_packet *packet, uint64_t time, uint32_t thread) {
    struct rs_event_thread event = {.header = {time, RS_EVENT_thread, -1}, .thread = thread};
    ADD(packet, event, "worker");
}

static void add_process(struct make_packet *packet, uint64_t time, uint32_t pid, uint32_t parent) {
    struct rs_event_process event = {
        .header = {time, RS_EVENT_process, -1}, .pid = pid, .parent_pid = parent, .family = 1};
    ADD(packet, event, "server");
}

static void add_open(struct make_packet *packet, uint64_t time, uint64_t context, uint32_t flags) {
    struct rs_event_open event = {.header = {time, RS_EVENT_open, 7},
                                  .description = 5,
                                  .context = context,
                                  .opened = time,
                                  .operation = flags & RS_OPEN_INHERITED ? RS_OP_inherit : RS_OP_open,
                                  .kind = RS_KIND_FILE,
                                  .flags = flags,
                                  .thread = 1};
    ADD(packet, event, "/srv/data");
}

/* ---- findings ---- */

static void finding_is_told_in_order_from_the_owners_begin_on(void **state) {
    static const char *const order[] = {"f3  foreign-io, 4 times: GET /b (context 2) writes to fd 7",
                                        "used here by GET /b (c2), thread 101, pid 100:",
                                        "(server+0x12cc)",
                                        "opened here by GET /a (c1), thread 100, 800 ns before:",
                                        "(server+0x1234)",
                                        "denied",
                                        "hint  ",
                                        "owner c1, user c2, description d5",
                                        "-0.900 us",
                                        "begins",
                                        "-0.800 us",
                                        "opens tcp 127.0.0.1:6379 as fd 7",
                                        "-0.700 us",
                                        "write 10 bytes",
                                        "-0.650 us",
                                        "begins",
                                        "-0.600 us",
                                        "read 20 bytes",
                                        ">  0.000 us",
                                        "<== foreign-io: writes to fd 7",
                                        "+0.001 us",
                                        "write fails: EPERM",
                                        "+0.050 us",
                                        "hand-over from GET /a (c1) (leased)",
                                        "+0.060 us",
                                        "send 7 bytes",
                                        "+0.100 us",
                                        "<== foreign-io again, 4 times by now",
                                        "+0.500 us",
                                        "closes fd 7",
                                        "+1.000 us",
                                        "ends",
                                        NULL};
    struct place *place = *state;
    char *output;
    make_two_contexts(place->trace, 0);
    output = show(0, NULL, "f3", "--width", "100", place->root, END);
    expect_in_order(output, order);
    free(output);
}

static void owner_is_left_and_user_right(void **state) {
    static const char *const titles[] = {"GET /a (c1)", "│ GET /b (c2)\n", "thread 100 (worker)",
                                         "│ thread 101 (worker)\n", NULL};
    struct place *place = *state;
    char *output;
    make_two_contexts(place->trace, 0);
    output = show(0, NULL, "f3", "--width", "100", place->root, END);
    expect_in_order(output, titles);
    assert_int_equal(column_of(output, "opens tcp", "│"), 1);
    assert_int_equal(column_of(output, "read 20 bytes", "│"), 1);
    assert_int_equal(column_of(output, "<== foreign-io: ", "│"), 2);
    assert_int_equal(column_of(output, "hand-over from", "│"), 2);
    free(output);
}

static void lines_are_ascii_when_asked_for_or_by_the_locale(void **state) {
    struct place *place = *state;
    char *output;
    make_two_contexts(place->trace, 0);
    output = show(0, NULL, "f3", "--ascii", place->root, END);
    assert_null(strstr(output, "│"));
    assert_int_equal(column_of(output, "<== foreign-io: ", "|"), 2);
    free(output);
    setenv("LC_ALL", "C", 1);
    output = show(0, NULL, "f3", place->root, END);
    assert_null(strstr(output, "│"));
    free(output);
}

static void nothing_is_wider_than_asked_for_and_nothing_is_cut(void **state) {
    struct place *place = *state;
    char *output, *at;
    size_t longest = 0;
    make_two_contexts(place->trace, 0);
    output = show(0, NULL, "f3", "--ascii", "--width", "50", place->root, END);
    at = strstr(output, "time |");
    assert_non_null(at);
    for (char *line = strtok(at, "\n"); line; line = strtok(NULL, "\n"))
        if (strlen(line) > longest) longest = strlen(line);
    assert_in_range(longest, 40, 50);
    free(output);
    output = show(0, NULL, "f3", "--ascii", "--width", "50", place->root, END);
    assert_int_equal(column_of(output, "127.0.0.1:6379 ", "|"), 1); /* goes on below its beginning */
    free(output);
}

static void json_of_a_finding_has_all_events_with_their_texts(void **state) {
    struct place *place = *state;
    json_t *document, *events, *event;
    int64_t last = INT64_MIN;
    make_two_contexts(place->trace, 0);
    document = show_json(0, "f3", place->root);
    assert_int_equal(NUMBER_OF(document, "id"), 3);
    assert_string_equal(TEXT_OF(document, "type"), "finding");
    assert_string_equal(TEXT_OF(json_object_get(document, "head"), "kind"), "foreign-io");
    assert_int_equal(json_array_size(json_object_get(json_object_get(document, "head"), "opened_at")), 3);
    events = json_object_get(document, "events");
    assert_int_equal(json_array_size(events), 13);
    for (size_t i = 0; i < json_array_size(events); i++) {
        event = json_array_get(events, i);
        assert_true(NUMBER_OF(event, "relative_ns") >= last);
        assert_int_equal(NUMBER_OF(event, "time_ns") - NUMBER_OF(event, "relative_ns"), 2000);
        last = NUMBER_OF(event, "relative_ns");
    }
    event = json_array_get(events, 1);
    assert_string_equal(TEXT_OF(event, "event"), "open");
    assert_string_equal(TEXT_OF(event, "operation"), "socket");
    assert_int_equal(NUMBER_OF(event, "description"), 5);
    assert_int_equal(NUMBER_OF(event, "fd"), 7);
    assert_int_equal(NUMBER_OF(event, "context"), 1);
    assert_int_equal(NUMBER_OF(event, "thread"), 100);
    assert_int_equal(NUMBER_OF(event, "pid"), MAKE_PID);
    event = json_array_get(events, 7);
    assert_string_equal(TEXT_OF(event, "operation"), "write");
    assert_int_equal(NUMBER_OF(event, "result"), -1);
    assert_string_equal(TEXT_OF(event, "text"), "write fails: EPERM");
    json_decref(document);
}

static void finding_whose_first_report_is_lost_is_shown(void **state) {
    struct place *place = *state;
    struct make_packet *packet = make_packet(true, 0, 0, 1000);
    struct rs_event_finding_again again = {
        .header = {1700, RS_EVENT_finding_again, 7}, .finding = 8, .count = 2, .owner = 5, .user = 6};
    char *other = make_path(place->root, "server-200"), *output;
    struct make_packet *more = make_packet(true, 0, 0, 1000);
    assert_int_equal(mkdir(other, 0700), 0);
    make_metadata(other);
    add_process(more, 1002, 200, 1);
    make_finish(more, other);
    make_metadata(place->trace);
    add_process(packet, 1001, 100, 1);
    ADD(packet, again, NULL);
    make_finish(packet, place->trace);
    output = show(0, NULL, "f8", "--width", "120", place->root, END);
    expect_text(output, "first report is lost");
    expect_text(output, "again, 2 times by now");
    expect_text(output, "thread not known");
    free(output);
    free(other);
}

/* ---- many ---- */

/* One context that reads 100 times and writes 100 times in turn, and then reads 31 times. */
static void make_busy(const char *folder) {
    struct make_packet *packet = make_packet(false, 0, 0, 1000);
    make_metadata(folder);
    add_process(packet, 1001, 100, 1);
    add_thread(packet, 1002, 1);
    make_context(packet, 1100, 1, RS_ORIGIN_API, "job");
    add_open(packet, 1150, 1, 0);
    for (uint32_t i = 0; i < 200; i++) add_io(packet, 1200 + i, i % 2 ? RS_OP_write : RS_OP_read, 10, 1, 5);
    for (uint32_t i = 0; i < 31; i++) add_io(packet, 1500 + i, RS_OP_recv, 132, 1, 5);
    make_finish(packet, folder);
}

static void same_calls_in_a_row_are_one_line_and_all_events_in_json(void **state) {
    struct place *place = *state;
    json_t *document;
    char *output;
    make_busy(place->trace);
    output = show(0, NULL, "d5", place->trace, END);
    expect_text(output, "recv x 31, 4,092 bytes");
    assert_null(strstr(output, "recv 132 bytes"));
    free(output);
    document = show_json(0, "d5", place->trace);
    assert_int_equal(json_array_size(json_object_get(document, "events")), 1 + 200 + 31);
    json_decref(document);
}

static void the_middle_of_many_is_left_out_and_counted(void **state) {
    struct place *place = *state;
    char *output, *more;
    int shown = 0, left_out;
    make_busy(place->trace);
    output = show(0, NULL, "d5", place->trace, END);
    more = strstr(output, "... ");
    assert_non_null(more);
    left_out = atoi(more + 4);
    for (char *at = output; (at = strstr(at, " 10 bytes")); at++) shown++;
    assert_int_equal(shown + left_out, 200);
    assert_int_equal(shown + 2, ROWS_FIRST + ROWS_LAST); /* the opening, and the recv at the end */
    assert_true(strstr(output, "opens /srv/data") < more);
    assert_true(strstr(output, "recv x 31") > more);
    free(output);
}

/* ---- contexts ---- */

/* GET /a begins GET /child, works in two threads, and gets a description from GET /b. */
static void make_job(const char *folder) {
    struct make_packet *packet = make_packet(false, 0, 0, 1000), *second = make_packet(false, 1, 0, 1000);
    struct rs_event_context_begin child = {.header = {1300, RS_EVENT_context_begin, -1},
                                           .origin = RS_ORIGIN_REQUEST,
                                           .context = 3,
                                           .parent = 1,
                                           .began = 1300,
                                           .thread = 1};
    struct rs_event_handover given = {
        .header = {1400, RS_EVENT_handover, 7}, .reason = RS_HANDOVER_GIVEN, .description = 5, .from = 2, .to = 1};
    struct rs_event_close close = {.header = {1700, RS_EVENT_close, 7}, .last = 1, .description = 5, .context = 1};
    struct rs_event_context_end end = {.header = {1900, RS_EVENT_context_end, -1}, .context = 1};
    make_metadata(folder);
    add_process(packet, 1001, 100, 1);
    add_thread(packet, 1002, 1);
    make_context(packet, 1100, 1, RS_ORIGIN_REQUEST, "GET /a");
    make_entry(packet, 1101, 1, RS_ENTRY_REQUEST);
    make_attributes(packet, 1102, 1, "traceparent=00-0af7-b7ad-01");
    ADD(packet, child, "GET /child");
    ADD(packet, end, NULL);
    make_finish(packet, folder);
    add_thread(second, 1003, 2);
    make_context(second, 1110, 2, RS_ORIGIN_REQUEST, "GET /b");
    add_open(second, 1150, 2, 0);
    ADD(second, given, NULL);
    make_entry(second, 1500, 1, RS_ENTRY_HANDED);
    add_io(second, 1600, RS_OP_read, 31, 1, 5);
    ADD(second, close, NULL);
    make_entry(second, 1800, 2, RS_ENTRY_RESUMED);
    make_finish(second, folder);
}

static void context_has_its_relatives_threads_and_descriptions(void **state) {
    static const char *const head[] = {"c1  GET /a\n",
                                       "inferred (request, weak)",
                                       "took 800 ns",
                                       "traceparent=00-0af7-b7ad-01",
                                       "children",
                                       "GET /child (c3)",
                                       "threads",
                                       "1 (worker), pid 100",
                                       "2 (worker), pid 100",
                                       "d5  fd 7  /srv/data: used, was given, 1 call, 31 bytes",
                                       "thread 1 (worker)",
                                       "thread 2 (worker)",
                                       "begins",
                                       NULL};
    static const char *const story[] = {"says of itself: traceparent=00-0af7-b7ad-01",
                                        "GET /child (c3) begins in it",
                                        "hand-over of fd 7 to GET /a (c1) (given)",
                                        "goes on in a thread that it woke or began",
                                        "read 31 bytes, fd 7",
                                        "closes fd 7",
                                        "the thread leaves it",
                                        "ends",
                                        NULL};
    struct place *place = *state;
    char *output;
    make_job(place->trace);
    output = show(0, NULL, "c1", "--width", "160", place->trace, END);
    expect_in_order(output, head);
    expect_in_order(output, story);
    assert_int_equal(column_of(output, "begins in it", "│"), 1);
    assert_int_equal(column_of(output, "read 31 bytes", "│"), 2);
    assert_null(strstr(output, "the thread reads its request")); /* it begins: that says it */
    free(output);
    output = show(0, NULL, "c3", place->trace, END);
    expect_text(output, "GET /a (c1)");
    expect_text(output, "begins, in GET /a (c1)");
    free(output);
}

static void context_that_is_only_named_is_shown(void **state) {
    struct place *place = *state;
    struct make_packet *packet = make_packet(false, 0, 0, 1000);
    char *output;
    make_metadata(place->trace);
    add_process(packet, 1001, 100, 1);
    add_io(packet, 1200, RS_OP_read, 10, 77, 88);
    make_finish(packet, place->trace);
    output = show(0, NULL, "c77", place->trace, END);
    expect_text(output, "its begin is lost");
    expect_text(output, "read 10 bytes, fd 7");
    free(output);
    output = show(0, NULL, "d88", place->trace, END);
    expect_text(output, "not recorded");
    free(output);
}

/* What is carried over is told long after it was; two clocks may differ by a little. */
static void begin_that_is_told_later_says_when_it_was(void **state) {
    struct place *place = *state;
    struct make_packet *packet = make_packet(false, 0, 0, 1000);
    struct rs_event_context_begin early = {
        .header = {5000001000, RS_EVENT_context_begin, -1}, .context = 1, .began = 2000001000, .thread = 1};
    struct rs_event_context_begin ahead = {
        .header = {5000002000, RS_EVENT_context_begin, -1}, .context = 2, .began = 5000002009, .thread = 1};
    char *output;
    make_metadata(place->trace);
    ADD(packet, early, "GET /early");
    ADD(packet, ahead, "GET /ahead");
    make_finish(packet, place->trace);
    output = show(0, NULL, "c1", place->trace, END);
    expect_text(output, "has begun 3.000 s before");
    free(output);
    output = show(0, NULL, "c2", place->trace, END);
    expect_text(output, " begins\n");
    free(output);
}

/* ---- descriptions ---- */

static void description_has_its_processes_and_hand_overs(void **state) {
    static const char *const head[] = {"d5  /srv/data, fd 7",
                                       "by GET /a (c1), with open",
                                       "by 1 context",
                                       "hand-overs",
                                       "1 leased",
                                       "100 opened it, closed it after",
                                       "200 inherited it, has it",
                                       "process 200 inherits /srv/data as fd 7",
                                       NULL};
    struct place *place = *state;
    char *child = make_path(place->root, "server-200"), *output;
    struct make_packet *packet = make_packet(false, 0, 0, 1000);
    struct rs_event_handover leased = {
        .header = {1300, RS_EVENT_handover, 7}, .reason = RS_HANDOVER_LEASED, .description = 5, .from = 1, .to = 2};
    struct rs_event_close close = {.header = {1700, RS_EVENT_close, 7}, .last = 1, .description = 5, .context = 1};
    make_metadata(place->trace);
    add_process(packet, 1001, 100, 1);
    add_thread(packet, 1002, 100);
    make_context(packet, 1100, 1, RS_ORIGIN_API, "GET /a");
    add_open(packet, 1150, 1, 0);
    add_io(packet, 1200, RS_OP_read, 10, 1, 5);
    ADD(packet, leased, NULL);
    ADD(packet, close, NULL);
    make_finish(packet, place->trace);
    assert_int_equal(mkdir(child, 0700), 0);
    make_metadata(child);
    packet = make_packet(false, 0, 0, 1400);
    add_process(packet, 1401, 200, 100);
    add_thread(packet, 1402, 200);
    add_open(packet, 1450, 1, RS_OPEN_INHERITED);
    make_finish(packet, child);
    output = show(0, NULL, "d5", "--width", "140", place->root, END);
    expect_in_order(output, head);
    free(output);
    free(child);
}

/* ---- ids ---- */

static void several_are_listed_with_what_to_type(void **state) {
    struct place *place = *state;
    char *output, *errors;
    json_t *document, *matches;
    make_job(place->trace);
    output = show(2, &errors, "GET /*", place->trace, END);
    expect_text(errors, "'GET /*' may be any of 3: give the ID of one of them");
    expect_text(output, "c1  GET /a");
    expect_text(output, "c3  GET /child");
    free(output);
    free(errors);
    document = show_json(2, "GET /*", place->trace);
    matches = json_object_get(document, "matches");
    assert_int_equal(json_array_size(matches), 3);
    assert_string_equal(TEXT_OF(json_array_get(matches, 1), "show"), "c2");
    assert_string_equal(TEXT_OF(json_array_get(matches, 1), "type"), "context");
    json_decref(document);
    output = show(0, NULL, "GET /child", place->trace, END);
    expect_text(output, "c3  GET /child\n");
    free(output);
}

static void nothing_is_exit_2(void **state) {
    struct place *place = *state;
    char *output, *errors;
    make_two_contexts(place->trace, 0);
    output = show(2, &errors, "f4", place->trace, END);
    assert_string_equal(output, "");
    expect_text(errors, "it has finding f3");
    free(output);
    free(errors);
}

/* ---- what cannot be trusted ---- */

static void labels_reach_no_terminal_as_they_are(void **state) {
    struct place *place = *state;
    struct make_packet *packet = make_packet(false, 0, 0, 1000);
    json_t *document;
    char *output;
    make_metadata(place->trace);
    add_process(packet, 1001, 100, 1);
    make_context(packet, 1100, 1, RS_ORIGIN_API, "a\033[31m\n\xff");
    make_attributes(packet, 1102, 1, "x=\033]0;title\007");
    add_open(packet, 1150, 1, 0);
    make_finish(packet, place->trace);
    output = show(0, NULL, "c1", place->trace, END);
    assert_null(strchr(output, '\033'));
    expect_text(output, "a\\x1b[31m\\n\\xff");
    free(output);
    output = show(0, NULL, "d5", place->trace, END);
    assert_null(strchr(output, '\033'));
    free(output);
    document = show_json(0, "c1", place->trace);
    assert_string_equal(TEXT_OF(json_object_get(document, "head"), "label"), "a\033[31m\n\xef\xbf\xbd");
    json_decref(document);
}

/* Whatever byte is wrong: what is left is shown, and the exit says that something was. */
static void every_flipped_byte_is_exit_2(void **state) {
    struct place *place = *state;
    char *path = make_path(place->trace, "stream_0_0");
    unsigned char *bytes;
    size_t size;
    make_two_contexts(place->trace, 0);
    bytes = make_read(path, &size);
    for (size_t at = 0; at < size; at += 3) {
        bytes[at] ^= 0xff;
        make_write(path, bytes, size);
        free(show(2, NULL, at % 2 ? "f3" : "d5", place->root, END));
        bytes[at] ^= 0xff;
    }
    free(bytes);
    free(path);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(finding_is_told_in_order_from_the_owners_begin_on),
        TEST(owner_is_left_and_user_right),
        TEST(lines_are_ascii_when_asked_for_or_by_the_locale),
        TEST(nothing_is_wider_than_asked_for_and_nothing_is_cut),
        TEST(json_of_a_finding_has_all_events_with_their_texts),
        TEST(finding_whose_first_report_is_lost_is_shown),
        TEST(same_calls_in_a_row_are_one_line_and_all_events_in_json),
        TEST(the_middle_of_many_is_left_out_and_counted),
        TEST(context_has_its_relatives_threads_and_descriptions),
        TEST(context_that_is_only_named_is_shown),
        TEST(begin_that_is_told_later_says_when_it_was),
        TEST(description_has_its_processes_and_hand_overs),
        TEST(several_are_listed_with_what_to_type),
        TEST(nothing_is_exit_2),
        TEST(labels_reach_no_terminal_as_they_are),
        TEST(every_flipped_byte_is_exit_2),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
