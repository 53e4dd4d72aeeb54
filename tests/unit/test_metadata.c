/* test_metadata.c: the trace's metadata is text that holds what it must, whole or not at all, with a check of itself.
 */
#include "tests/unit/unit.h"
#include "tracer/layout.h"
#include "tracer/metadata.h"

#include <stdio.h>

static const uint8_t uuid[16] = {0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x46, 0x77,
                                 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff};
static char text[32 << 10];

static struct rs_metadata values(void) {
    struct rs_metadata metadata = {
        .trace_uuid = uuid,
        .clock_uuid = "5c2c42e0-7e61-4ca5-a81e-b4c5cadce7aa",
        .clock_offset = 1700000000123456789ull,
        .hostname = "host",
        .process = "server",
        .pid = 4711,
    };
    return metadata;
}

static size_t written(const struct rs_metadata *metadata) {
    memset(text, '#', sizeof text);
    size_t length = rs_metadata_write(text, sizeof text - 1, metadata);
    assert_true(length > 0);
    text[length] = 0;
    return length;
}

static void it_says_what_a_reader_needs(void **state) {
    (void)state;
    struct rs_metadata metadata = values();
    written(&metadata);
    assert_int_equal(strncmp(text, "/* CTF 1.8 */", 13), 0);
    assert_non_null(strstr(text, "uuid = \"00112233-4455-4677-8899-aabbccddeeff\""));
    assert_non_null(strstr(text, "uuid = \"5c2c42e0-7e61-4ca5-a81e-b4c5cadce7aa\""));
    assert_non_null(strstr(text, "offset_s = 1700000000;"));
    assert_non_null(strstr(text, "offset = 123456789;"));
    assert_non_null(strstr(text, "hostname = \"host\""));
    assert_non_null(strstr(text, "vpid = 4711;"));
}

static void every_event_is_described(void **state) {
    (void)state;
    struct rs_metadata metadata = values();
    written(&metadata);
#define EVENT(number, name) assert_non_null(strstr(text, "name = \"" #name "\";\n  id = " #number ";"));
#include "tracer/events.def"
#undef EVENT
    for (uint32_t operation = 0; operation < RS_OP_COUNT; operation++) {
        char expected[80];
        snprintf(expected, sizeof expected, "name = \"%s\";\n  id = %u;", rs_operation_name(operation),
                 EVENT_IO + operation);
        assert_non_null(strstr(text, expected));
    }
}

static void the_last_line_is_the_check_of_all_before(void **state) {
    uint64_t check;
    (void)state;
    struct rs_metadata metadata = values();
    size_t length = written(&metadata);
    assert_int_equal(text[length - 1], '\n');
    text[length - 1] = 0;
    char *line = strrchr(text, '\n') + 1;
    text[length - 1] = '\n';
    assert_int_equal(sscanf(line, "/* check: %16lx */", &check), 1);
    assert_int_equal(strlen(line), strlen("/* check: 0123456789abcdef */\n"));
    assert_true(rs_text_check(text, (size_t)(line - text)) == check);
    text[100] ^= 1;
    assert_false(rs_text_check(text, (size_t)(line - text)) == check);
}

static void what_is_too_small_is_not_used(void **state) {
    (void)state;
    struct rs_metadata metadata = values();
    size_t whole = written(&metadata);
    for (size_t size = 1; size <= whole; size += size < 100 ? 1 : 97) {
        char *exact = malloc(size);
        assert_int_equal(rs_metadata_write(exact, size, &metadata), 0);
        free(exact);
    }
    char *exact = malloc(whole);
    assert_int_equal(rs_metadata_write(exact, whole, &metadata), 0);
    free(exact);
    exact = malloc(whole + 1);
    assert_int_equal(rs_metadata_write(exact, whole + 1, &metadata), whole);
    free(exact);
}

static void names_cannot_break_out_of_their_quotes(void **state) {
    (void)state;
    struct rs_metadata metadata = values();
    metadata.process = "a\"; b\\\n\xc3\xa4 /* c";
    metadata.hostname = "\"";
    written(&metadata);
    assert_non_null(strstr(text, "procname = \"a?; b???? /* c\""));
    assert_non_null(strstr(text, "hostname = \"?\""));
}

static void without_a_boot_id_the_clock_has_no_uuid(void **state) {
    (void)state;
    struct rs_metadata metadata = values();
    metadata.clock_uuid = NULL;
    written(&metadata);
    assert_null(strstr(strstr(text, "clock {"), "uuid"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_says_what_a_reader_needs),
        cmocka_unit_test(every_event_is_described),
        cmocka_unit_test(the_last_line_is_the_check_of_all_before),
        cmocka_unit_test(what_is_too_small_is_not_used),
        cmocka_unit_test(names_cannot_break_out_of_their_quotes),
        cmocka_unit_test(without_a_boot_id_the_clock_has_no_uuid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
