/* test_tail.c: traces that grow, and lose packets, between two looks: each event is delivered once, whole, in order, and what could not
 * be read is counted. */
#include "tests/unit/make_trace.h"
#include "tests/unit/unit.h"
#include "viewer/tail.h"

#include <stdio.h>
#include <unistd.h>

#define PACKET (64u << 10) /* a file's size, but where it is cut */
#define CUT 0u
#define FIRST 1000u /* events' times are FIRST + 10 n; n counts over all packets of a stream */
#define TIME(n) (FIRST + 10 * (uint64_t)(n))

struct place {
    char *folder;
    struct tail *tail;
};

static int set_up(void **state) {
    struct place *place = calloc(1, sizeof *place);
    place->folder = make_folder();
    place->tail = tail_open();
    *state = place;
    return !tail_add(place->tail, place->folder, place);
}

static int tear_down(void **state) {
    struct place *place = *state;
    tail_close(place->tail);
    make_remove(place->folder);
    free(place->folder);
    free(place);
    return 0;
}

/* A packet with I/O events number `from` up to but not `to`; by `size` the file is as long as it was when it held fewer. */
static void write_packet(const struct place *place, uint64_t stream, uint64_t sequence, size_t from, size_t to,
                         size_t size) {
    struct make_packet *packet = make_packet(false, stream, sequence, TIME(from) - 5);
    for (size_t n = from; n < to; n++) {
        struct rs_event_io event = {
            .header = {TIME(n), EVENT_IO + RS_OP_read, 7}, .result = (int32_t)n, .description = 5};
        make_event(packet, &event, sizeof event, NULL, NULL, NULL, 0);
    }
    packet->tail = size ? size - sizeof(struct rs_packet) - packet->size : 0;
    make_finish(packet, place->folder);
}

static char *packet_path(const struct place *place, uint64_t stream, uint64_t sequence) {
    char name[64];
    snprintf(name, sizeof name, "stream_%u_%u", (unsigned)stream, (unsigned)sequence);
    return make_path(place->folder, name);
}

static void remove_packet(const struct place *place, uint64_t stream, uint64_t sequence) {
    char *path = packet_path(place, stream, sequence);
    assert_int_equal(unlink(path), 0);
    free(path);
}

static void change_packet(const struct place *place, uint64_t stream, uint64_t sequence, size_t offset,
                          const void *bytes, size_t count) {
    char *path = packet_path(place, stream, sequence);
    size_t size;
    unsigned char *file = make_read(path, &size);
    assert_true(offset + count <= size);
    memcpy(file + offset, bytes, count);
    make_write(path, file, size);
    free(file);
    free(path);
}

/* A look delivers I/O events number `from` up to but not `to`, and nothing else. */
static void expect_look(const struct place *place, uint64_t until, size_t from, size_t to) {
    struct tail_event event;
    tail_look(place->tail);
    for (size_t n = from; n < to; n++) {
        assert_true(tail_next(place->tail, until, &event));
        assert_ptr_equal(event.process, place);
        assert_int_equal(event.number, RS_EVENT_IO);
        assert_int_equal(event.operation, RS_OP_read);
        assert_int_equal(event.header->time, TIME(n));
        assert_int_equal(((const struct rs_event_io *)(const void *)event.header)->result, n);
    }
    assert_false(tail_next(place->tail, until, &event));
    assert_false(tail_next(place->tail, until, &event));
}

static void expect_totals(const struct place *place, uint64_t lost_packets, uint64_t lost_events, uint64_t damages) {
    struct tail_totals totals = tail_totals(place->tail);
    assert_int_equal(totals.lost_packets, lost_packets);
    assert_int_equal(totals.lost_events, lost_events);
    assert_int_equal(totals.damages, damages);
}

static void events_that_are_added_are_delivered_once(void **state) {
    struct place *place = *state;
    write_packet(place, 0, 0, 0, 3, PACKET);
    expect_look(place, UINT64_MAX, 0, 3);
    expect_look(place, UINT64_MAX, 0, 0);
    write_packet(place, 0, 0, 0, 4, PACKET);
    expect_look(place, UINT64_MAX, 3, 4);
    write_packet(place, 0, 0, 0, 200, PACKET);
    expect_look(place, UINT64_MAX, 4, 200);
    assert_int_equal(tail_totals(place->tail).events, 200);
    expect_totals(place, 0, 0, 0);
}

static void an_event_that_is_being_written_waits(void **state) {
    struct place *place = *state;
    struct rs_event_header begun = {TIME(2), EVENT_IO + RS_OP_read, 7};
    write_packet(place, 0, 0, 0, 2, PACKET);
    change_packet(place, 0, 0, sizeof(struct rs_packet) + 2 * sizeof(struct rs_event_io), &begun, sizeof begun);
    expect_look(place, UINT64_MAX, 0, 2);
    write_packet(place, 0, 0, 0, 3, PACKET);
    expect_look(place, UINT64_MAX, 2, 3);
    expect_totals(place, 0, 0, 0);
}

static void what_is_later_waits_for_the_next_look(void **state) {
    struct place *place = *state;
    write_packet(place, 0, 0, 0, 10, PACKET);
    expect_look(place, TIME(4), 0, 5);
    expect_look(place, TIME(4), 0, 0);
    write_packet(place, 0, 0, 0, 12, PACKET);
    expect_look(place, TIME(9), 5, 10);
    expect_look(place, UINT64_MAX, 10, 12);
}

static void the_next_packets_are_read_when_they_appear(void **state) {
    struct place *place = *state;
    write_packet(place, 0, 0, 0, 3, PACKET);
    expect_look(place, UINT64_MAX, 0, 3);
    write_packet(place, 0, 0, 0, 5, PACKET); /* its rest, and two more */
    write_packet(place, 0, 1, 5, 7, PACKET);
    write_packet(place, 0, 2, 7, 8, PACKET);
    expect_look(place, UINT64_MAX, 3, 8);
    write_packet(place, 0, 2, 7, 9, PACKET);
    expect_look(place, UINT64_MAX, 8, 9);
    expect_totals(place, 0, 0, 0);
}

static void streams_are_one_row_in_time(void **state) {
    struct place *place = *state;
    struct make_packet *packet = make_packet(true, 3, 0, 900);
    write_packet(place, 0, 0, 0, 2, PACKET);
    expect_look(place, UINT64_MAX, 0, 2);
    write_packet(place, 0, 0, 0, 3, PACKET);
    write_packet(place, 10, 0, 3, 5, PACKET);
    write_packet(place, 2, 0, 5, 7, PACKET);
    make_context(packet, TIME(7), 1, RS_ORIGIN_API, "GET /a");
    make_finish(packet, place->folder);
    expect_look(place, TIME(6), 2, 7);
    struct tail_event event;
    tail_look(place->tail);
    assert_true(tail_next(place->tail, UINT64_MAX, &event));
    assert_int_equal(event.number, RS_EVENT_context_begin);
    assert_string_equal(event.text, "GET /a");
    assert_false(tail_next(place->tail, UINT64_MAX, &event));
}

static void packets_that_were_given_up_are_counted(void **state) {
    struct place *place = *state;
    write_packet(place, 0, 4, 0, 10, PACKET); /* those before it had gone before anybody looked */
    expect_look(place, UINT64_MAX, 0, 10);
    write_packet(place, 0, 5, 10, 12, PACKET);
    expect_look(place, UINT64_MAX, 10, 12);
    remove_packet(place, 0, 4); /* it was read */
    expect_look(place, UINT64_MAX, 0, 0);
    expect_totals(place, 0, 0, 0);
    remove_packet(place, 0, 5); /* perhaps not to its end */
    write_packet(place, 0, 8, 40, 42, PACKET);
    expect_look(place, UINT64_MAX, 40, 42);
    expect_totals(place, 3, 8 + 2 * 10, 0); /* as many in each as the one before had */
}

static void a_stream_that_was_begun_meanwhile_lacks_its_first_packets(void **state) {
    struct place *place = *state;
    write_packet(place, 0, 0, 0, 1, PACKET);
    expect_look(place, UINT64_MAX, 0, 1);
    write_packet(place, 1, 2, 1, 2, PACKET);
    expect_look(place, UINT64_MAX, 1, 2);
    expect_totals(place, 2, 2, 0);
}

/* At its end the process writes the packet anew, without its tail: a new header, and new checks. */
static void a_packet_that_is_cut_goes_on(void **state) {
    struct place *place = *state;
    write_packet(place, 0, 0, 0, 3, PACKET);
    expect_look(place, UINT64_MAX, 0, 3);
    write_packet(place, 0, 0, 0, 5, CUT);
    expect_look(place, UINT64_MAX, 3, 5);
    expect_look(place, UINT64_MAX, 0, 0);
    expect_totals(place, 0, 0, 0);
}

/* The same while some of it was read, and waits. */
static void a_packet_that_is_cut_between_two_looks_is_not_read_twice(void **state) {
    struct place *place = *state;
    write_packet(place, 0, 0, 0, 10, PACKET);
    expect_look(place, TIME(4), 0, 5);
    write_packet(place, 0, 0, 0, 12, CUT);
    expect_look(place, UINT64_MAX, 5, 12);
    expect_totals(place, 0, 0, 0);
}

static void damage_ends_its_packet_and_no_other(void **state) {
    struct place *place = *state;
    uint64_t wrong = 0x1234567812345678;
    write_packet(place, 0, 0, 0, 5, PACKET);
    change_packet(place, 0, 0, sizeof(struct rs_packet) + 2 * sizeof(struct rs_event_io) + 24, &wrong, sizeof wrong);
    expect_look(place, UINT64_MAX, 0, 2);
    expect_totals(place, 0, 0, 0); /* it may only not be whole yet */
    expect_look(place, UINT64_MAX, 0, 0);
    expect_look(place, UINT64_MAX, 0, 0);
    expect_totals(place, 0, 0, 1);
    write_packet(place, 0, 1, 5, 6, PACKET);
    expect_look(place, UINT64_MAX, 5, 6);
    expect_totals(place, 0, 0, 1);
}

static void no_changed_byte_is_accepted(void **state) {
    struct place *place = *state;
    size_t end = sizeof(struct rs_packet) + 3 * sizeof(struct rs_event_io);
    for (size_t offset = 0; offset < end; offset++) {
        struct tail *tail = tail_open();
        struct tail_event event;
        size_t count = 0, before = offset < sizeof(struct rs_packet) ? 3 : (offset - sizeof(struct rs_packet)) / 40;
        write_packet(place, 0, 0, 0, 3, PACKET);
        change_packet(place, 0, 0, offset, &(unsigned char){0xff}, 1);
        assert_true(tail_add(tail, place->folder, NULL));
        tail_look(tail);
        while (tail_next(tail, UINT64_MAX, &event)) {
            assert_int_equal(event.header->time, TIME(count));
            count++;
        }
        assert_true(count <= before);
        tail_close(tail);
    }
}

/* Events are cut anywhere by the piece of the file that is read at once, in their strings, too. */
static void long_packets_are_read_whole(void **state) {
    struct place *place = *state;
    enum { COUNT = 3000 };
    char label[80];
    struct tail_event event;
    struct make_packet *packet = make_packet(false, 0, 0, 900);
    for (unsigned n = 0; n < COUNT; n++) {
        memset(label, 'x', sizeof label);
        label[n % 17] = 0;
        make_context(packet, TIME(n), n + 1, RS_ORIGIN_API, label);
    }
    make_finish(packet, place->folder);
    tail_look(place->tail);
    for (unsigned n = 0; n < COUNT; n++) {
        assert_true(tail_next(place->tail, UINT64_MAX, &event));
        assert_int_equal(((const struct rs_event_context_begin *)(const void *)event.header)->context, n + 1);
        assert_int_equal(strlen(event.text), n % 17);
    }
    assert_false(tail_next(place->tail, UINT64_MAX, &event));
    expect_totals(place, 0, 0, 0);
}

static void what_the_recorder_could_not_write_is_counted(void **state) {
    struct place *place = *state;
    write_packet(place, 0, 0, 0, 1, PACKET);
    expect_look(place, UINT64_MAX, 0, 1);
    struct make_packet *packet = make_packet(false, 0, 1, TIME(1));
    packet->discarded = 7;
    make_finish(packet, place->folder);
    expect_look(place, UINT64_MAX, 0, 0);
    expect_totals(place, 0, 7, 0);
}

static void a_process_that_is_removed_is_read_no_more(void **state) {
    struct place *place = *state;
    struct tail_event event;
    char *other = make_folder();
    make_two_contexts(other, 0);
    write_packet(place, 0, 0, 0, 2, PACKET);
    assert_true(tail_add(place->tail, other, other));
    tail_look(place->tail);
    assert_true(tail_next(place->tail, TIME(0), &event)); /* one of ours */
    assert_ptr_equal(event.process, place);
    tail_remove(place->tail, other);
    expect_look(place, UINT64_MAX, 1, 2);
    make_remove(other);
    free(other);
}

static void a_folder_says_whose_it_is(void **state) {
    struct place *place = *state;
    struct rs_event_process process;
    assert_false(tail_peek(place->folder, &process));
    make_two_contexts(place->folder, 64);
    assert_true(tail_peek(place->folder, &process));
    assert_int_equal(process.pid, MAKE_PID);
    assert_int_equal(process.parent_pid, 1);
    assert_false(tail_peek("/no/such/folder", &process));
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(events_that_are_added_are_delivered_once),
        TEST(an_event_that_is_being_written_waits),
        TEST(what_is_later_waits_for_the_next_look),
        TEST(the_next_packets_are_read_when_they_appear),
        TEST(streams_are_one_row_in_time),
        TEST(packets_that_were_given_up_are_counted),
        TEST(a_stream_that_was_begun_meanwhile_lacks_its_first_packets),
        TEST(a_packet_that_is_cut_goes_on),
        TEST(a_packet_that_is_cut_between_two_looks_is_not_read_twice),
        TEST(damage_ends_its_packet_and_no_other),
        TEST(no_changed_byte_is_accepted),
        TEST(long_packets_are_read_whole),
        TEST(what_the_recorder_could_not_write_is_counted),
        TEST(a_process_that_is_removed_is_read_no_more),
        TEST(a_folder_says_whose_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
