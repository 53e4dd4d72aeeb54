/* test_text.c: text in a buffer of fixed size: what does not fit is left out, never written beside it. */
#include "tests/unit/unit.h"
#include "tracer/text.h"

static struct { char before[8], buffer[16], after[8]; } room;

static struct rs_text fresh(size_t size) {
    memset(&room, '#', sizeof room);
    return rs_text_in(room.buffer, size);
}

static void nothing_outside_was_touched(size_t size) {
    for (size_t i = 0; i < sizeof room.before; i++) assert_int_equal(room.before[i], '#');
    for (size_t i = size; i < sizeof room.buffer; i++) assert_int_equal(room.buffer[i], '#');
    for (size_t i = 0; i < sizeof room.after; i++) assert_int_equal(room.after[i], '#');
}

static void text_is_put_together(void **state) {
    (void)state;
    struct rs_text text = fresh(16);
    assert_string_equal(room.buffer, "");
    rs_text_add(&text, "fd ");
    rs_text_number(&text, 7);
    rs_text_character(&text, '!');
    assert_string_equal(room.buffer, "fd 7!");
    assert_int_equal(text.length, 5);
    assert_false(text.full);
}

static void what_does_not_fit_is_left_out(void **state) {
    (void)state;
    for (size_t size = 1; size <= 16; size++) {
        struct rs_text text = fresh(size);
        rs_text_add(&text, "0123456789abcdefXYZ");
        assert_true(text.full);
        assert_int_equal(text.length, size - 1);
        assert_int_equal(strlen(room.buffer), size - 1);
        assert_memory_equal(room.buffer, "0123456789abcdef", size - 1);
        rs_text_number(&text, 12345);
        rs_text_pad(&text, 100);
        assert_int_equal(text.length, size - 1);
        nothing_outside_was_touched(size);
    }
}

static void it_is_full_only_when_something_was_left_out(void **state) {
    (void)state;
    struct rs_text text = fresh(5);
    rs_text_add(&text, "1234");
    assert_false(text.full);
    rs_text_add(&text, "");
    assert_false(text.full);
    rs_text_add(&text, "5");
    assert_true(text.full);
    assert_string_equal(room.buffer, "1234");
}

static void numbers(void **state) {
    char buffer[64];
    (void)state;
    struct rs_text text = rs_text_in(buffer, sizeof buffer);
    rs_text_number(&text, 0);
    rs_text_character(&text, ' ');
    rs_text_number(&text, UINT64_MAX);
    rs_text_character(&text, ' ');
    rs_text_digits(&text, 0xbeef, 16, 8);
    rs_text_character(&text, ' ');
    rs_text_digits(&text, 7, 10, 3);
    rs_text_character(&text, ' ');
    rs_text_digits(&text, 1234, 10, 3);
    assert_string_equal(buffer, "0 18446744073709551615 0000beef 007 1234");
}

static void control_bytes_cannot_forge_a_line(void **state) {
    (void)state;
    struct rs_text text = fresh(16);
    rs_text_add_safe(&text, "a\nreq\r\x1b\x7f\xc3\xa4");
    assert_string_equal(room.buffer, "a?req???\xc3\xa4");
}

static void padding_goes_to_a_column(void **state) {
    (void)state;
    struct rs_text text = fresh(16);
    rs_text_add(&text, "ab");
    rs_text_pad(&text, 5);
    rs_text_pad(&text, 3);
    assert_string_equal(room.buffer, "ab   ");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_put_together),
        cmocka_unit_test(what_does_not_fit_is_left_out),
        cmocka_unit_test(it_is_full_only_when_something_was_left_out),
        cmocka_unit_test(numbers),
        cmocka_unit_test(control_bytes_cannot_forge_a_line),
        cmocka_unit_test(padding_goes_to_a_column),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
