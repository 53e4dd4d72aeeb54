/* test_timeline.c: what a timeline shows of made traces: which part, which rows, what is in the cells, where marks are; and its lines. */
#include "tests/unit/make_trace.h"
#include "tests/unit/unit.h"
#include "viewer/commands.h"
#include "viewer/load.h"
#include "viewer/text.h"
#include "viewer/timeline_notes.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

struct place {
    char *root, *trace; /* trace: root/server-100 */
};

static int set_up(void **state) {
    struct place *place = calloc(1, sizeof *place);
    place->root = make_folder();
    place->trace = make_path(place->root, "server-100");
    *state = place;
    unsetenv("COLUMNS");
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

#define END ((char *)NULL) /* of the arguments of run() */

/* Runs `reqscope timeline first ...`: its exit code; what it printed on stdout is the caller's. */
static int run(char **output, const char *first, ...) {
    char *arguments[16] = {(char *)"reqscope", (char *)"timeline", (char *)first}, out[] = "/tmp/reqscope-out-XXXXXX";
    int count = 3, result, saved[2] = {dup(1), dup(2)}, fd = mkstemp(out);
    size_t size;
    va_list more;
    va_start(more, first);
    while ((arguments[count] = va_arg(more, char *))) count++;
    va_end(more);
    fflush(stdout);
    dup2(fd, 1);
    dup2(fd, 2);
    result = commands_main(count, arguments);
    fflush(stdout);
    dup2(saved[0], 1);
    dup2(saved[1], 2);
    close(saved[0]), close(saved[1]), close(fd);
    *output = (char *)make_read(out, &size);
    (*output)[size] = 0;
    unlink(out);
    return result;
}

static json_t *run_json(const char *folder, const char *option, const char *value) {
    char *output;
    json_t *document;
    assert_int_equal(option ? run(&output, "--json", option, value, folder, END) : run(&output, "--json", folder, END),
                     0);
    document = json_loads(output, 0, NULL);
    if (!document) fail_msg("no JSON: %s", output);
    free(output);
    return document;
}

/* A timeline with its model. */
struct made {
    struct model model;
    struct timeline timeline;
};

static struct made *make(struct place *place, enum timeline_by by, size_t max, size_t cells) {
    static const char *const names[] = {"context", "fd", "thread"};
    struct made *made = calloc(1, sizeof *made);
    struct options options = {.kinds = UINT32_MAX, .fd = -1, .by = names[by], .max = max};
    load_traces(&made->model, &place->root, 1, NULL);
    assert_true(timeline_choose(&made->timeline, &options, &made->model));
    timeline_count(&made->timeline, cells);
    return made;
}

static void unmake(struct made *made) {
    timeline_free(&made->timeline);
    model_free(&made->model);
    free(made);
}

static uint64_t sum_of(const struct timeline *timeline, const struct timeline_row *row) {
    uint64_t sum = 0;
    for (size_t i = 0; row->cells && i < timeline->cells; i++) sum += row->cells[i].calls;
    return sum;
}

static const struct timeline_cell *cell_at(const struct timeline *timeline, size_t row, uint64_t time) {
    assert_in_range(row + 1, 1, timeline->row_count);
    assert_non_null(timeline->rows[row]->cells);
    return &timeline->rows[row]->cells[timeline_cell_of(timeline, time)];
}

#define ADD(packet, event, text) make_event(packet, &(event), sizeof(event), text, NULL, NULL, 0)

static void add_io(struct make_packet *packet, uint64_t time, uint64_t description, uint64_t context) {
    struct rs_event_io event = {
        .header = {time, EVENT_IO + RS_OP_read, 7}, .result = 1, .description = description, .context = context};
    ADD(packet, event, NULL);
}

static void add_handover(struct make_packet *packet, uint64_t time, uint32_t reason, uint64_t from, uint64_t to) {
    struct rs_event_handover event = {
        .header = {time, RS_EVENT_handover, 7}, .reason = reason, .description = 5, .from = from, .to = to};
    ADD(packet, event, NULL);
}

static void add_finding(struct make_packet *packet, uint64_t time, uint32_t kind, uint64_t owner, uint64_t user) {
    struct rs_event_finding event = {.header = {time, RS_EVENT_finding, 7},
                                     .finding = 3,
                                     .kind = kind,
                                     .operation = RS_OP_write,
                                     .description = 5,
                                     .owner = owner,
                                     .user = user};
    ADD(packet, event, NULL);
}

static void add_end(struct make_packet *packet, uint64_t time, uint64_t context) {
    struct rs_event_context_end event = {.header = {time, RS_EVENT_context_end, -1}, .context = context};
    ADD(packet, event, NULL);
}

/* A packet of a process's own trace. */
static struct make_packet *begin(struct place *place) {
    struct make_packet *packet = make_packet(false, 0, 0, 1000);
    struct rs_event_process process = {.header = {1001, RS_EVENT_process, -1}, .pid = MAKE_PID, .family = MAKE_PID};
    struct rs_event_open open = {.header = {1002, RS_EVENT_open, 7},
                                 .description = 5,
                                 .opened = 1002,
                                 .operation = RS_OP_connect,
                                 .kind = RS_KIND_TCP};
    make_metadata(place->trace);
    ADD(packet, process, "server");
    ADD(packet, open, "tcp 127.0.0.1:6379");
    return packet;
}

/* ---- cells and marks ---- */

static void calls_are_in_the_cells_of_their_times(void **state) {
    struct made *made;
    make_two_contexts(((struct place *)*state)->trace, 0);
    made = make(*state, TIMELINE_BY_CONTEXT, 0, 200);
    assert_int_equal(made->timeline.row_count, 2);
    assert_int_equal(made->timeline.rows[0]->context->id, 1);
    assert_int_equal(sum_of(&made->timeline, made->timeline.rows[0]), 2);
    assert_int_equal(cell_at(&made->timeline, 0, 1300)->calls, 1);
    assert_int_equal(cell_at(&made->timeline, 0, 1400)->calls, 1);
    assert_int_equal(cell_at(&made->timeline, 0, 1350)->calls, 0);
    assert_int_equal(sum_of(&made->timeline, made->timeline.rows[1]), 2);
    assert_int_equal(cell_at(&made->timeline, 1, 2001)->calls, 1);
    assert_int_equal(cell_at(&made->timeline, 1, 2060)->calls, 1);
    unmake(made);
}

static void first_and_last_moment_have_the_first_and_last_cell(void **state) {
    struct timeline timeline = {.from = 1000, .to = UINT64_MAX, .cells = 7};
    (void)state;
    assert_int_equal(timeline_cell_of(&timeline, 0), 0);
    assert_int_equal(timeline_cell_of(&timeline, 1000), 0);
    assert_int_equal(timeline_cell_of(&timeline, UINT64_MAX), 6);
    assert_int_equal(timeline_cell_of(&timeline, UINT64_MAX / 2), 3);
    timeline.to = 1001;
    assert_int_equal(timeline_cell_of(&timeline, 1001), 6);
}

static void marks_are_in_the_takers_row(void **state) {
    struct made *made;
    const struct timeline_mark *marks;
    make_two_contexts(((struct place *)*state)->trace, 0);
    made = make(*state, TIMELINE_BY_CONTEXT, 0, 200);
    marks = made->timeline.marks;
    assert_int_equal(made->timeline.mark_count, 3); /* the finding, the hand-over, the finding again */
    assert_int_equal(marks[0].kind, TIMELINE_FINDING);
    assert_int_equal(marks[1].kind, TIMELINE_CLEAN);
    assert_int_equal(marks[2].kind, TIMELINE_FINDING);
    for (size_t i = 0; i < 3; i++) {
        assert_ptr_equal(marks[i].from_row, made->timeline.rows[0]);
        assert_ptr_equal(marks[i].row, made->timeline.rows[1]);
        assert_int_equal(cell_at(&made->timeline, 1, marks[i].time)->mark, marks[i].kind);
    }
    assert_int_equal(marks[1].time, 2050);
    unmake(made);
}

/* With one cell a row all is in it, and the finding is what is seen. */
static void loudest_mark_of_a_cell_counts(void **state) {
    struct made *made;
    make_two_contexts(((struct place *)*state)->trace, 0);
    made = make(*state, TIMELINE_BY_CONTEXT, 0, 1);
    assert_int_equal(cell_at(&made->timeline, 1, 2050)->mark, TIMELINE_FINDING);
    unmake(made);
}

static void what_is_taken_from_a_pool_comes_from_who_put_it_back(void **state) {
    struct place *place = *state;
    struct make_packet *packet = begin(place);
    json_t *document, *crossings, *one;
    make_context(packet, 1100, 1, RS_ORIGIN_API, "GET /a");
    make_context(packet, 1200, 2, RS_ORIGIN_API, "GET /b");
    add_handover(packet, 1300, RS_HANDOVER_RETURNED, 1, 0);
    add_handover(packet, 1400, RS_HANDOVER_TAKEN, 0, 2);
    add_handover(packet, 1500, RS_HANDOVER_SHARED, 2, 0);
    make_finish(packet, place->trace);
    document = run_json(place->root, NULL, NULL);
    crossings = json_object_get(document, "crossings");
    assert_int_equal(json_array_size(crossings), 1);
    one = json_array_get(crossings, 0);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(one, "from"), "id")), 1);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(one, "to"), "id")), 2);
    assert_string_equal(json_string_value(json_object_get(one, "reason")), "taken");
    json_decref(document);
}

/* The finding and the hand-over that it is about are one thing to the reader. */
static void dirty_handover_has_one_note(void **state) {
    struct place *place = *state;
    struct make_packet *packet = begin(place);
    struct timeline_notes notes;
    struct made *made;
    make_context(packet, 1100, 1, RS_ORIGIN_API, "GET /a");
    make_context(packet, 1200, 2, RS_ORIGIN_API, "GET /b");
    make_context(packet, 1250, 3, RS_ORIGIN_API, "GET /c");
    add_finding(packet, 1300, RS_FINDING_dirty_handover, 1, 2);
    add_handover(packet, 1301, RS_HANDOVER_LEASED, 1, 2);
    add_handover(packet, 1400, RS_HANDOVER_LEASED, 2, 3);
    make_finish(packet, place->trace);
    made = make(place, TIMELINE_BY_CONTEXT, 0, 100);
    notes = timeline_notes_of(&made->timeline);
    assert_int_equal(made->timeline.mark_count, 3);
    assert_int_equal(notes.count, 2);
    assert_int_equal(notes.all[0].first->kind, TIMELINE_FINDING);
    assert_int_equal(notes.all[1].first->time, 1400);
    assert_ptr_equal(made->timeline.marks[1].finding, made->timeline.marks[0].finding);
    timeline_notes_free(&notes);
    unmake(made);
}

static void more_marks_than_are_kept_are_counted(void **state) {
    enum { PACKETS = 25, EACH = 200 };
    struct place *place = *state;
    struct make_packet *packet = begin(place);
    uint64_t time = 2000;
    json_t *document;
    make_context(packet, 1100, 1, RS_ORIGIN_API, "GET /a");
    make_context(packet, 1200, 2, RS_ORIGIN_API, "GET /b");
    make_finish(packet, place->trace);
    for (uint64_t i = 1; i <= PACKETS; i++) {
        packet = make_packet(false, 0, i, time++);
        for (unsigned j = 0; j < EACH; j++) add_handover(packet, time++, RS_HANDOVER_LEASED, j % 2 + 1, 2 - j % 2);
        make_finish(packet, place->trace);
    }
    document = run_json(place->root, NULL, NULL);
    assert_int_equal(json_array_size(json_object_get(document, "crossings")), TIMELINE_MARKS);
    assert_int_equal(json_integer_value(json_object_get(document, "omitted_marks")), PACKETS * EACH - TIMELINE_MARKS);
    json_decref(document);
}

/* ---- rows ---- */

static void description_has_a_row_that_goes_from_user_to_user(void **state) {
    struct made *made;
    make_two_contexts(((struct place *)*state)->trace, 0);
    made = make(*state, TIMELINE_BY_FD, 0, 200);
    assert_int_equal(made->timeline.row_count, 1);
    assert_int_equal(made->timeline.rows[0]->description->id, 5);
    assert_int_equal(cell_at(&made->timeline, 0, 1400)->holder, 1);
    assert_int_equal(cell_at(&made->timeline, 0, 2001)->holder, 2);
    assert_int_equal(sum_of(&made->timeline, made->timeline.rows[0]), 4);
    unmake(made);
}

static void thread_has_a_row_with_its_name(void **state) {
    struct made *made;
    char *label;
    make_two_contexts(((struct place *)*state)->trace, 0);
    made = make(*state, TIMELINE_BY_THREAD, 0, 200);
    assert_in_range(made->timeline.row_count, 2, 3); /* what is kept is by no thread in particular */
    label = timeline_label(made->timeline.rows[made->timeline.row_count - 1]);
    assert_string_equal(label, "thread 101 worker");
    assert_int_equal(cell_at(&made->timeline, made->timeline.row_count - 1, 2060)->holder, 2);
    free(label);
    unmake(made);
}

/* Many contexts, of which the 40th and the 41st cross, and the 50th is found. */
static void make_many(struct place *place) {
    struct make_packet *packet = begin(place);
    for (uint64_t i = 1; i <= 60; i++) {
        uint64_t time = 2000 + 100 * i;
        char label[32];
        snprintf(label, sizeof label, "GET /%" PRIu64, i);
        make_context(packet, time, i, RS_ORIGIN_API, label);
        if (i == 41) add_handover(packet, time + 5, RS_HANDOVER_GIVEN, 40, 41);
        if (i == 50) add_finding(packet, time + 7, RS_FINDING_foreign_io, 49, 50);
        add_io(packet, time + 10, i == 41 ? 5 : i + 100, i);
        add_end(packet, time + 20, i);
    }
    make_finish(packet, place->trace);
}

static void rows_that_matter_are_shown_in_their_order(void **state) {
    struct place *place = *state;
    struct options options = {.kinds = UINT32_MAX, .fd = -1, .max = 3, .since = {.given = true}};
    struct timeline timeline;
    struct model model;
    make_many(place);
    assert_true(load_traces(&model, &place->root, 1, NULL));
    assert_true(timeline_choose(&timeline, &options, &model));
    timeline_count(&timeline, 100);
    assert_int_equal(timeline.row_count, 3);
    assert_int_equal(timeline.omitted_rows, 57);
    assert_int_equal(timeline.rows[0]->context->id, 41);
    assert_int_equal(timeline.rows[1]->context->id, 49);
    assert_int_equal(timeline.rows[2]->context->id, 50);
    timeline_free(&timeline);
    model_free(&model);
}

static void many_contexts_are_shown_around_the_finding(void **state) {
    struct made *made;
    make_many(*state);
    made = make(*state, TIMELINE_BY_CONTEXT, 10, 100);
    assert_int_equal(made->timeline.part, TIMELINE_AT_FINDING);
    assert_in_range(made->timeline.from, 6800, 6900); /* the owner, GET /49, begins at 6900 */
    assert_in_range(made->timeline.to, 7020, 7100);   /* the user, GET /50, ends at 7020 */
    unmake(made);
}

static void few_contexts_are_shown_whole(void **state) {
    struct made *made;
    make_many(*state);
    made = make(*state, TIMELINE_BY_CONTEXT, 100, 100);
    assert_int_equal(made->timeline.part, TIMELINE_AT_FINDING); /* it would be too narrow in all of it */
    unmake(made);
    make_two_contexts(((struct place *)*state)->trace, 0);
    made = make(*state, TIMELINE_BY_CONTEXT, 100, 100);
    assert_int_equal(made->timeline.part, TIMELINE_WHOLE);
    unmake(made);
}

static void busiest_part_is_where_the_most_contexts_begin(void **state) {
    struct place *place = *state;
    struct make_packet *packet = begin(place);
    struct made *made;
    for (uint64_t i = 1; i <= 30; i++) {
        uint64_t time = i <= 10 ? 10000 * i : i <= 20 ? 200000 + 10 * i : 300000 + 10000 * i;
        make_context(packet, time, i, RS_ORIGIN_API, "GET /");
        add_end(packet, time + 5, i);
    }
    make_finish(packet, place->trace);
    made = make(place, TIMELINE_BY_CONTEXT, 10, 100);
    assert_int_equal(made->timeline.part, TIMELINE_BUSIEST);
    assert_int_equal(made->timeline.row_count, 10);
    assert_int_equal(made->timeline.rows[0]->context->id, 11);
    assert_int_equal(made->timeline.rows[9]->context->id, 20);
    unmake(made);
}

static void filters_choose_rows_and_marks(void **state) {
    struct place *place = *state;
    json_t *document;
    make_two_contexts(place->trace, 0);
    document = run_json(place->root, "--match", "get /B");
    assert_int_equal(json_array_size(json_object_get(document, "rows")), 1);
    json_decref(document);
    document = run_json(place->root, "--context", "GET /a");
    assert_int_equal(json_array_size(json_object_get(document, "rows")), 1);
    json_decref(document);
    document = run_json(place->root, "--kinds", "leak");
    assert_int_equal(json_array_size(json_object_get(document, "rows")), 2);
    assert_int_equal(json_array_size(json_object_get(document, "findings")), 0);
    assert_int_equal(json_array_size(json_object_get(document, "crossings")), 1);
    json_decref(document);
    document = run_json(place->root, "--fd", "8");
    assert_int_equal(json_array_size(json_object_get(document, "rows")), 0);
    json_decref(document);
    document = run_json(place->root, "--pid", "1");
    assert_int_equal(json_array_size(json_object_get(document, "rows")), 0);
    json_decref(document);
}

/* ---- the document ---- */

static void zoom_shows_what_is_in_it_alone(void **state) {
    struct place *place = *state;
    char *output;
    json_t *document, *row, *activity;
    make_two_contexts(place->trace, 0); /* it begins at 1001 */
    assert_int_equal(run(&output, "--json", "--from", "250ns", "--to", "350ns", place->root, END), 0);
    document = json_loads(output, 0, NULL);
    assert_non_null(document);
    assert_string_equal(json_string_value(json_object_get(document, "part")), "asked");
    assert_int_equal(json_integer_value(json_object_get(document, "from_ns")), 1251);
    assert_int_equal(json_integer_value(json_object_get(document, "to_ns")), 1351);
    assert_int_equal(json_array_size(json_object_get(document, "crossings")), 0);
    assert_int_equal(json_array_size(json_object_get(document, "findings")), 0);
    row = json_array_get(json_object_get(document, "rows"), 0);
    activity = json_object_get(row, "activity");
    assert_int_equal(json_array_size(activity), 1);
    assert_int_equal(json_integer_value(json_array_get(json_array_get(activity, 0), 0)), 49); /* of 100: at 1300 */
    json_decref(document);
    free(output);
}

static void part_without_time_is_exit_2(void **state) {
    struct place *place = *state;
    char *output;
    make_two_contexts(place->trace, 0);
    assert_int_equal(run(&output, "--from", "5s", place->root, END), 2);
    assert_non_null(strstr(output, "the trace ends"));
    free(output);
    assert_int_equal(run(&output, "--from", "300ns", "--to", "200ns", place->root, END), 2);
    assert_non_null(strstr(output, "--from is later than --to"));
    free(output);
    assert_int_equal(run(&output, "--width", "3", place->root, END), 2);
    assert_non_null(strstr(output, "--width"));
    free(output);
}

/* ---- lines ---- */

static void check_lines(const char *output, size_t width, bool ascii) {
    char *copy = strdup(output), *rest = copy, *line;
    while ((line = strsep(&rest, "\n"))) {
        if (text_width(line) > width) fail_msg("wider than %zu: %s", width, line);
        for (const char *at = line; ascii && *at; at++)
            if ((unsigned char)*at >= 0x80 || *at < ' ') fail_msg("no ASCII: %s", line);
    }
    free(copy);
}

static void no_line_is_wider_than_it_may_be(void **state) {
    static const char *const widths[] = {"40", "41", "60", "80", "133", "300"}, *const bys[] = {"context", "fd",
                                                                                                "thread"};
    struct place *place = *state;
    make_many(place);
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
        for (size_t j = 0; j < 3; j++) {
            char *output;
            assert_int_equal(run(&output, "--width", widths[i], "--by", bys[j], place->root, END), 0);
            check_lines(output, strtoul(widths[i], NULL, 10), false);
            assert_non_null(strstr(output, "\u2717"));
            free(output);
            assert_int_equal(run(&output, "--ascii", "--width", widths[i], "--by", bys[j], place->root, END), 0);
            check_lines(output, strtoul(widths[i], NULL, 10), true);
            assert_non_null(strstr(output, "!1"));
            free(output);
        }
    }
}

static void locale_without_utf8_is_drawn_in_ascii(void **state) {
    struct place *place = *state;
    struct make_packet *packet = begin(place);
    char *output;
    make_context(packet, 1100, 1, RS_ORIGIN_API, "GET /\xc3\xa4\xe2\x82\xac\x1b[31m");
    add_end(packet, 2000, 1);
    make_finish(packet, place->trace);
    setenv("LC_ALL", "C", 1);
    assert_int_equal(run(&output, place->root, END), 0);
    check_lines(output, 80, true);
    assert_non_null(strstr(output, "GET /??\\x1b[31m (1)"));
    free(output);
}

static void columns_say_how_wide_it_is(void **state) {
    struct place *place = *state;
    char *output;
    make_two_contexts(place->trace, 0);
    setenv("COLUMNS", "50", 1);
    assert_int_equal(run(&output, place->root, END), 0);
    check_lines(output, 50, false);
    free(output);
}

static void colours_are_asked_for(void **state) {
    struct place *place = *state;
    char *output;
    make_two_contexts(place->trace, 0);
    assert_int_equal(run(&output, "--color", "always", place->root, END), 0);
    assert_non_null(strstr(output, "\033["));
    free(output);
    assert_int_equal(run(&output, place->root, END), 0);
    assert_null(strstr(output, "\033["));
    free(output);
}

static void picture_names_the_handover_in_words(void **state) {
    struct place *place = *state;
    char *output;
    make_two_contexts(place->trace, 0);
    assert_int_equal(run(&output, "--width", "160", place->root, END), 0);
    assert_non_null(strstr(output, "tcp 127.0.0.1:6379 (fd 7): GET /a (1) \u2192 GET /b (2), leased"));
    assert_non_null(strstr(output, "foreign-io, 2 times: GET /b (context 2) writes to fd 7"));
    free(output);
}

/* ---- what may be missing ---- */

static void context_whose_begin_is_lost_has_a_row(void **state) {
    struct place *place = *state;
    struct make_packet *packet = begin(place);
    char *output;
    add_io(packet, 1500, 5, 9);
    add_io(packet, 1700, 5, 9);
    make_finish(packet, place->trace);
    assert_int_equal(run(&output, "--ascii", place->root, END), 0);
    assert_non_null(strstr(output, "context 9 "));
    free(output);
    assert_int_equal(run(&output, "--ascii", "--from", "0", "--to", "300ns", place->root, END), 0);
    assert_null(strstr(output, "context 9 ")); /* it was not seen until then */
    free(output);
}

static void times_out_of_order_are_drawn_all_the_same(void **state) {
    struct place *place = *state;
    struct make_packet *packet = begin(place);
    struct rs_event_context_begin future = {
        .header = {1100, RS_EVENT_context_begin, -1}, .context = 1, .began = UINT64_MAX - 5};
    struct rs_event_context_begin late = {.header = {1200, RS_EVENT_context_begin, -1}, .context = 2, .began = 5000};
    const char *const bys[] = {"context", "fd", "thread"};
    ADD(packet, future, "GET /future");
    ADD(packet, late, "GET /late");
    add_io(packet, 1300, 5, 1);
    add_end(packet, 1400, 2);
    add_finding(packet, 1500, RS_FINDING_late_io, 0, 0);
    add_handover(packet, 1600, RS_HANDOVER_COUNT + 3, 77, 78);
    make_finish(packet, place->trace);
    for (size_t i = 0; i < 3; i++) {
        char *output;
        assert_int_equal(run(&output, "--by", bys[i], place->root, END), 0);
        check_lines(output, 80, false);
        free(output);
        assert_int_equal(run(&output, "--from", "0", "--json", "--by", bys[i], place->root, END), 0);
        free(output);
    }
}

static void one_event_is_a_picture(void **state) {
    struct place *place = *state;
    struct make_packet *packet = make_packet(false, 0, 0, 1000);
    const char *const bys[] = {"context", "fd", "thread"};
    make_metadata(place->trace);
    add_io(packet, 1500, 5, 9);
    make_finish(packet, place->trace);
    for (size_t i = 0; i < 3; i++) {
        char *output;
        assert_int_equal(run(&output, "--by", bys[i], place->root, END), 0);
        check_lines(output, 80, false);
        free(output);
    }
}

static void trace_without_events_is_no_picture(void **state) {
    struct place *place = *state;
    char *output;
    make_metadata(place->trace);
    assert_int_equal(run(&output, place->root, END), 0);
    assert_non_null(strstr(output, "nothing to draw"));
    free(output);
}

static void rows_of_several_processes_say_whose_they_are(void **state) {
    struct place *place = *state;
    char *folder = make_path(place->root, "child-200"), *output;
    struct make_packet *packet = make_packet(false, 0, 0, 1500);
    struct rs_event_process process = {
        .header = {1501, RS_EVENT_process, -1}, .pid = 200, .parent_pid = MAKE_PID, .family = MAKE_PID};
    assert_int_equal(mkdir(folder, 0700), 0);
    make_metadata(folder);
    ADD(packet, process, "forked");
    add_io(packet, 1600, 5, 1); /* the parent's context, carried on */
    make_context(packet, 1700, 50, RS_ORIGIN_API, "GET /child");
    make_finish(packet, folder);
    make_two_contexts(place->trace, 0);
    assert_int_equal(run(&output, "--width", "120", place->root, END), 0);
    assert_non_null(strstr(output, "100 GET /a (1)"));
    assert_non_null(strstr(output, "200 GET /child (50)"));
    free(output);
    free(folder);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(calls_are_in_the_cells_of_their_times),
        TEST(first_and_last_moment_have_the_first_and_last_cell),
        TEST(marks_are_in_the_takers_row),
        TEST(loudest_mark_of_a_cell_counts),
        TEST(what_is_taken_from_a_pool_comes_from_who_put_it_back),
        TEST(dirty_handover_has_one_note),
        TEST(more_marks_than_are_kept_are_counted),
        TEST(description_has_a_row_that_goes_from_user_to_user),
        TEST(thread_has_a_row_with_its_name),
        TEST(rows_that_matter_are_shown_in_their_order),
        TEST(many_contexts_are_shown_around_the_finding),
        TEST(few_contexts_are_shown_whole),
        TEST(busiest_part_is_where_the_most_contexts_begin),
        TEST(filters_choose_rows_and_marks),
        TEST(zoom_shows_what_is_in_it_alone),
        TEST(part_without_time_is_exit_2),
        TEST(no_line_is_wider_than_it_may_be),
        TEST(locale_without_utf8_is_drawn_in_ascii),
        TEST(columns_say_how_wide_it_is),
        TEST(colours_are_asked_for),
        TEST(picture_names_the_handover_in_words),
        TEST(context_whose_begin_is_lost_has_a_row),
        TEST(times_out_of_order_are_drawn_all_the_same),
        TEST(one_event_is_a_picture),
        TEST(trace_without_events_is_no_picture),
        TEST(rows_of_several_processes_say_whose_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
