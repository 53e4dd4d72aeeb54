/* test_reader.c: the reader delivers what was written, in the order of time, and never accepts a damaged byte in
 * silence. */
#include "tests/unit/make_trace.h"
#include "tracer/reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct reading {
    uint64_t events, reports;
    char last[512]; /* report */
    struct rs_reader_totals totals;
};

static void note_report(void *argument, const char *line) {
    struct reading *reading = argument;
    reading->reports++;
    snprintf(reading->last, sizeof reading->last, "%s", line);
    assert_null(strchr(line, '\n'));
}

/* Reads all of it, and looks at every byte that an event names. */
static struct reading read_all(const char *folder) {
    struct reading reading = {0};
    struct rs_read_event event;
    uint64_t last = 0;
    struct rs_reader *reader = rs_reader_open(folder, false, note_report, &reading);
    if (!reader) return reading;
    while (rs_reader_next(reader, &event)) {
        uint64_t sum = strlen(event.strings[0]) + strlen(event.strings[1]);
        for (uint32_t i = 0; i < event.word_count; i++) sum += event.words[i];
        assert_true(event.header->time >= last + (sum & 0));
        last = event.header->time;
        reading.events++;
        assert_true(reading.events <= 1000);
    }
    reading.totals = rs_reader_totals(reader);
    rs_reader_close(reader);
    return reading;
}

static int set_up(void **state) {
    *state = make_folder();
    return 0;
}

static int tear_down(void **state) {
    make_remove(*state);
    free(*state);
    return 0;
}

static void whole_trace_is_read_in_order_of_time(void **state) {
    struct reading reading;
    make_two_contexts(*state, 0);
    reading = read_all(*state);
    assert_int_equal(reading.events, MAKE_EVENTS);
    assert_int_equal(reading.reports, 0);
    assert_int_equal(reading.totals.events, MAKE_EVENTS);
    assert_int_equal(reading.totals.lost_events, 0);
}

static void zero_tail_is_no_damage(void **state) {
    struct reading reading;
    make_two_contexts(*state, 100000);
    reading = read_all(*state);
    assert_int_equal(reading.events, MAKE_EVENTS);
    assert_int_equal(reading.reports, 0);
}

static void streams_are_merged_with_their_threads(void **state) {
    static const struct {
        uint64_t time;
        uint32_t number, operation, thread;
    } expected[] = {
        {1001, RS_EVENT_process, 0, 0},         {1002, RS_EVENT_module, 0, 0},
        {1010, RS_EVENT_thread, 0, 100},        {1060, RS_EVENT_thread, 0, 101},
        {1100, RS_EVENT_context_begin, 0, 100}, {1150, RS_EVENT_stack, 0, 0},
        {1200, RS_EVENT_open, 0, 100},          {1210, RS_EVENT_name, 0, 100},
        {1300, RS_EVENT_IO, RS_OP_write, 100},  {1350, RS_EVENT_context_begin, 0, 101},
        {1400, RS_EVENT_IO, RS_OP_read, 100},   {1900, RS_EVENT_stack, 0, 0},
        {2000, RS_EVENT_finding, 0, 0},         {2001, RS_EVENT_IO, RS_OP_write, 101},
        {2050, RS_EVENT_handover, 0, 101},      {2060, RS_EVENT_IO, RS_OP_send, 101},
        {2100, RS_EVENT_finding_again, 0, 0},   {2200, RS_EVENT_coverage, 0, 0},
        {2500, RS_EVENT_close, 0, 101},         {3000, RS_EVENT_context_end, 0, 100},
    };
    struct reading reading = {0};
    struct rs_read_event event;
    struct rs_reader *reader;
    make_two_contexts(*state, 64);
    reader = rs_reader_open(*state, false, note_report, &reading);
    assert_non_null(reader);
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        assert_true(rs_reader_next(reader, &event));
        assert_int_equal(event.header->time, expected[i].time);
        assert_int_equal(event.number, expected[i].number);
        assert_int_equal(event.operation, expected[i].operation);
        assert_int_equal(event.thread, expected[i].thread);
        if (event.number == RS_EVENT_module) {
            assert_string_equal(event.strings[0], "/no/such/server");
            assert_string_equal(event.strings[1], "abcdef");
        }
        if (event.header->time == 1150) {
            assert_int_equal(event.word_count, 3);
            assert_int_equal(event.words[0], 0x11234);
            assert_int_equal(event.words[2], 0x99);
        }
    }
    assert_false(rs_reader_next(reader, &event));
    assert_false(rs_reader_next(reader, &event));
    rs_reader_close(reader);
}

/* 40 streams of three packets, times dealt out among them. */
static void many_streams_and_packets_are_merged(void **state) {
    enum { STREAMS = 40, PACKETS = 3, EVENTS = 5 };
    struct rs_read_event event;
    struct reading reading = {0};
    struct rs_reader *reader;
    uint64_t time = 1;
    make_metadata(*state);
    for (uint64_t stream = 0; stream < STREAMS; stream++) {
        for (uint64_t sequence = 0; sequence < PACKETS; sequence++) {
            struct make_packet *packet = make_packet(false, stream, sequence, 1 + sequence * EVENTS * STREAMS);
            for (uint64_t i = 0; i < EVENTS; i++) {
                struct rs_event_io io = {.header = {1 + stream + STREAMS * (i + EVENTS * sequence), EVENT_IO, 1},
                                         .description = stream};
                make_event(packet, &io, sizeof io, NULL, NULL, NULL, 0);
            }
            make_finish(packet, *state);
        }
    }
    reader = rs_reader_open(*state, false, note_report, &reading);
    assert_non_null(reader);
    while (rs_reader_next(reader, &event)) {
        assert_int_equal(event.header->time, time);
        time++;
    }
    assert_int_equal(time, 1 + STREAMS * PACKETS * EVENTS);
    assert_int_equal(reading.reports, 0);
    rs_reader_close(reader);
}

static const char *const files[] = {"metadata", "kept_0_0", "stream_0_0", "stream_1_0"};
#define FILES (sizeof files / sizeof *files)

/* Changes one byte of each file after another; each time the reader must say so. */
static void flip_every_byte(const char *folder, unsigned char with) {
    for (size_t i = 0; i < FILES; i++) {
        char *path = make_path(folder, files[i]);
        size_t size;
        unsigned char *bytes = make_read(path, &size);
        for (size_t at = 0; at < size; at++) {
            struct reading reading;
            bytes[at] ^= with;
            make_write(path, bytes, size);
            reading = read_all(folder);
            if (!reading.totals.damages || !reading.reports)
                fail_msg("%s: byte %zu ^ %02x is accepted", path, at, with);
            assert_true(reading.events <= MAKE_EVENTS);
            bytes[at] ^= with;
        }
        make_write(path, bytes, size);
        assert_int_equal(read_all(folder).reports, 0);
        free(bytes);
        free(path);
    }
}

static void every_flipped_byte_is_damage(void **state) {
    make_two_contexts(*state, 0);
    flip_every_byte(*state, 0xff);
    flip_every_byte(*state, 1);
    flip_every_byte(*state, 0x80);
}

static void every_flipped_byte_of_a_tail_is_damage(void **state) {
    make_two_contexts(*state, 200);
    flip_every_byte(*state, 0xff);
    flip_every_byte(*state, 1);
}

static void every_truncation_is_damage(void **state) {
    make_two_contexts(*state, 50);
    for (size_t i = 0; i < FILES; i++) {
        char *path = make_path(*state, files[i]);
        size_t size;
        unsigned char *bytes = make_read(path, &size);
        uint64_t before = 0;
        for (size_t length = 0; length < size; length++) {
            struct reading reading;
            make_write(path, bytes, length);
            reading = read_all(*state);
            if (!reading.totals.damages || reading.reports != reading.totals.damages)
                fail_msg("%s: cut to %zu bytes is accepted", path, length);
            assert_true(reading.events >= before); /* what is whole is delivered */
            before = reading.events;
        }
        make_write(path, bytes, size);
        free(bytes);
        free(path);
    }
}

static void damage_is_named_with_place_and_count(void **state) {
    char expected[512], *path;
    struct reading reading;
    size_t size;
    unsigned char *bytes;
    uint32_t id = 50;
    make_two_contexts(*state, 0);
    path = make_path(*state, "stream_1_0");
    bytes = make_read(path, &size);
    /* the thread event is 16 + 8 + "worker" and its NUL, made up to 32 bytes */
    memcpy(bytes + sizeof(struct rs_packet) + 32 + offsetof(struct rs_event_header, id), &id, sizeof id);
    make_write(path, bytes, size);
    reading = read_all(*state);
    snprintf(expected, sizeof expected,
             "%s/stream_1_0: damaged at byte 120: event id 50 is not known; 1 events before it were read",
             (char *)*state);
    assert_string_equal(reading.last, expected);
    assert_int_equal(reading.events, MAKE_EVENTS - 5);
    free(bytes);
    free(path);
}

/* Killed between writing an event and its commit, or in the middle of writing one. */
static void event_being_written_is_no_damage(void **state) {
    struct rs_event_header begun = {.time = 5000, .id = RS_EVENT_open, .fd = 3};
    char *path;
    size_t size;
    unsigned char *bytes;
    make_two_contexts(*state, 20000);
    path = make_path(*state, "stream_0_0");
    bytes = make_read(path, &size);
    memcpy(bytes + size - 20000, &begun, sizeof begun);
    memset(bytes + size - 20000 + sizeof begun, 'x', 300);
    make_write(path, bytes, size);
    assert_int_equal(read_all(*state).reports, 0);
    assert_int_equal(read_all(*state).events, MAKE_EVENTS);
    bytes[size - 20000 + RS_EVENT_MAX] = 1; /* no event is so long */
    make_write(path, bytes, size);
    assert_int_equal(read_all(*state).reports, 1);
    free(bytes);
    free(path);
}

static void given_up_packets_are_counted_as_lost(void **state) {
    struct reading reading;
    make_metadata(*state);
    for (uint64_t sequence = 3; sequence < 6; sequence += 2) { /* 0-2 and 4 are gone */
        struct make_packet *packet = make_packet(false, 0, sequence, 100 * sequence);
        struct rs_event_io io = {.header = {100 * sequence + 1, EVENT_IO, 1}};
        packet->discarded = sequence == 3 ? 30 : 44;
        make_event(packet, &io, sizeof io, NULL, NULL, NULL, 0);
        make_finish(packet, *state);
    }
    reading = read_all(*state);
    assert_int_equal(reading.reports, 0);
    assert_int_equal(reading.events, 2);
    assert_int_equal(reading.totals.lost_packets, 4);
    assert_int_equal(reading.totals.lost_events, 44);
}

static void missing_kept_packet_is_damage(void **state) {
    struct make_packet *packet = make_packet(true, 0, 1, 100);
    make_metadata(*state);
    make_finish(packet, *state);
    assert_int_equal(read_all(*state).totals.damages, 1);
}

static void packet_of_another_stream_is_damage(void **state) {
    char *from = make_path(*state, "stream_1_0"), *to = make_path(*state, "stream_1_1");
    make_two_contexts(*state, 0);
    assert_int_equal(rename(from, to), 0);
    assert_int_equal(read_all(*state).totals.damages, 1);
    free(from);
    free(to);
}

static void folder_without_trace_is_refused(void **state) {
    struct reading reading = {0};
    char *missing = make_path(*state, "missing");
    assert_false(rs_reader_is_trace(*state));
    assert_null(rs_reader_open(*state, false, note_report, &reading));
    assert_int_equal(reading.reports, 1);
    assert_null(rs_reader_open(missing, false, note_report, &reading));
    assert_int_equal(reading.reports, 2);
    assert_non_null(strstr(reading.last, "missing: cannot be read: No such file or directory"));
    free(missing);
}

static void other_files_are_left_alone(void **state) {
    static const char *const names[] = {".stream_0_1", "stream_0", "stream_0_0.bak", "stream_00_1", "kept_0_x", "core"};
    make_two_contexts(*state, 0);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *path = make_path(*state, names[i]);
        make_write(path, "rubbish", 7);
        free(path);
    }
    assert_int_equal(read_all(*state).reports, 0);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(whole_trace_is_read_in_order_of_time),
        TEST(zero_tail_is_no_damage),
        TEST(streams_are_merged_with_their_threads),
        TEST(many_streams_and_packets_are_merged),
        TEST(every_flipped_byte_is_damage),
        TEST(every_flipped_byte_of_a_tail_is_damage),
        TEST(every_truncation_is_damage),
        TEST(damage_is_named_with_place_and_count),
        TEST(event_being_written_is_no_damage),
        TEST(given_up_packets_are_counted_as_lost),
        TEST(missing_kept_packet_is_damage),
        TEST(packet_of_another_stream_is_damage),
        TEST(folder_without_trace_is_refused),
        TEST(other_files_are_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
