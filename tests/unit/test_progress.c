/* test_progress.c: the line that says how far a reading has come, on a terminal that the test reads: viewer/progress.h. */
#include "tests/unit/unit.h"
#include "viewer/progress.h"
#include "viewer/text.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE_MS = 10000, QUIET_MS = 500 };

/* stderr is the terminal's inner side, or a pipe; what is written there is read from `outer`. */
struct place {
    int outer, saved;
    char said[4096];
    size_t length;
};

static void put_stderr(struct place *place, int inner) {
    fflush(stderr);
    place->saved = dup(STDERR_FILENO);
    dup2(inner, STDERR_FILENO);
    close(inner);
}

static int set_up_terminal(void **state) {
    struct place *place = *state = calloc(1, sizeof *place);
    struct winsize size = {.ws_row = 24, .ws_col = 60};
    place->outer = posix_openpt(O_RDWR | O_NOCTTY);
    if (place->outer < 0 || grantpt(place->outer) || unlockpt(place->outer)) return -1;
    put_stderr(place, open(ptsname(place->outer), O_RDWR | O_NOCTTY));
    return ioctl(place->outer, TIOCSWINSZ, &size);
}

static int set_up_pipe(void **state) {
    struct place *place = *state = calloc(1, sizeof *place);
    int ends[2];
    if (pipe(ends)) return -1;
    place->outer = ends[0];
    put_stderr(place, ends[1]);
    return 0;
}

static int tear_down(void **state) {
    struct place *place = *state;
    dup2(place->saved, STDERR_FILENO);
    close(place->saved);
    close(place->outer);
    free(place);
    return 0;
}

/* Reads what comes within the time. Returns false when nothing does. */
static bool read_more(struct place *place, int milliseconds) {
    struct pollfd waited = {.fd = place->outer, .events = POLLIN};
    ssize_t count;
    if (poll(&waited, 1, milliseconds) <= 0) return false;
    count = read(place->outer, place->said + place->length, sizeof place->said - 1 - place->length);
    if (count > 0) place->length += (size_t)count;
    return count > 0;
}

static void await_text(struct place *place, const char *text) {
    while (!strstr(place->said, text))
        if (!read_more(place, PATIENCE_MS)) fail_msg("'%s' does not come, but '%s'", text, place->said);
}

static uint64_t milliseconds_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static bool ends_with(const char *text, const char *end) {
    size_t length = strlen(text), of_end = strlen(end);
    return length >= of_end && !strcmp(text + length - of_end, end);
}

#define WIPED "\r\033[K"

static void it_says_how_far_it_is_and_is_gone_at_the_end(void **state) {
    struct place *place = *state;
    uint64_t begun = milliseconds_now();
    progress_start("nginx/", 1200000000);
    progress_add(240000000);
    progress_add(300000000);
    await_text(place, "reqscope: reading nginx/: 45% of 1.2 GB");
    assert_in_range(milliseconds_now() - begun, QUIET_MS, UINT32_MAX);
    progress_add(60000000);
    await_text(place, "50% of 1.2 GB");
    progress_add(1000000000); /* the trace has grown meanwhile */
    await_text(place, "100% of 1.2 GB");
    progress_end();
    while (!ends_with(place->said, WIPED))
        if (!read_more(place, PATIENCE_MS)) fail_msg("the line stays: '%s'", place->said);
}

static void of_what_has_no_known_size_it_says_how_much_was_read(void **state) {
    struct place *place = *state;
    progress_start("\033[31mred", 0);
    progress_add(12340000);
    await_text(place, "reqscope: reading \\x1b[31mred: 12.3 MB");
    progress_end();
}

/* The terminal has 60 columns. */
static void the_line_is_never_wider_than_the_terminal(void **state) {
    struct place *place = *state;
    progress_start("a-folder-of-a-very-long-name/and-another-one-in-it/and-one-more/", 1000);
    await_text(place, "reqscope: reading a-folder-of-a-very-long-name/and-another-");
    progress_end();
    while (!ends_with(place->said, WIPED)) assert_true(read_more(place, PATIENCE_MS));
    assert_null(strstr(place->said, "and-another-o"));
}

static void a_message_meanwhile_has_a_line_of_its_own(void **state) {
    struct place *place = *state;
    progress_start("nginx/", 100);
    await_text(place, "0% of 100 B");
    text_complain("it is damaged");
    await_text(place, WIPED "reqscope: it is damaged\r\n");
    await_text(place, "damaged\r\nreqscope: reading nginx/");
    progress_end();
}

static void of_a_short_reading_it_says_nothing(void **state) {
    struct place *place = *state;
    progress_start("nginx/", 100);
    progress_add(100);
    progress_end();
    progress_start("more/", 100);
    progress_end();
    assert_false(read_more(place, 0));
}

static void where_stderr_is_no_terminal_it_says_nothing(void **state) {
    struct place *place = *state;
    progress_start("nginx/", 100);
    assert_false(read_more(place, 3 * QUIET_MS / 2));
    progress_end();
    assert_false(read_more(place, 0));
}

int main(void) {
#define ON_TERMINAL(test) cmocka_unit_test_setup_teardown(test, set_up_terminal, tear_down)
    const struct CMUnitTest tests[] = {
        ON_TERMINAL(it_says_how_far_it_is_and_is_gone_at_the_end),
        ON_TERMINAL(of_what_has_no_known_size_it_says_how_much_was_read),
        ON_TERMINAL(the_line_is_never_wider_than_the_terminal),
        ON_TERMINAL(a_message_meanwhile_has_a_line_of_its_own),
        ON_TERMINAL(of_a_short_reading_it_says_nothing),
        cmocka_unit_test_setup_teardown(where_stderr_is_no_terminal_it_says_nothing, set_up_pipe, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
