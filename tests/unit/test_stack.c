/* test_stack.c: each different stack is kept once, and each trace is told of it once. */
#include "preload/guard.h"
#include "preload/stack.h"
#include "tests/unit/make_trace.h"
#include "tests/unit/unit.h"
#include "tracer/reader.h"
#include "tracer/recorder.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static int set_up_group(void **state) {
    (void)state;
    return rs_stack_start(32) ? 0 : -1;
}

static void the_same_stack_has_the_same_id(void **state) {
    const uint64_t addresses[] = {0x1000, 0x2000, 0x3000};
    (void)state;
    uint32_t id = rs_stack_intern(addresses, 3, 0);
    assert_int_not_equal(id, 0);
    assert_int_equal(rs_stack_intern(addresses, 3, 0), id);
    struct rs_stack stack = rs_stack_get(id);
    assert_int_equal(stack.frames, 3);
    assert_int_equal(stack.flags, 0);
    assert_memory_equal(stack.addresses, addresses, sizeof addresses);
}

static void different_stacks_have_different_ids(void **state) {
    const uint64_t all[][3] = {{1, 2, 3}, {3, 2, 1}, {1, 2, 4}, {1, 3, 2}, {0, 0, 0}, {1, 0, 0}};
    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        for (size_t j = 0; j < i; j++) {
            assert_int_not_equal(rs_stack_intern(all[i], 3, 0), rs_stack_intern(all[j], 3, 0));
        }
        assert_int_not_equal(rs_stack_intern(all[i], 3, 0), rs_stack_intern(all[i], 2, 0));
    }
}

static void no_frames_are_no_stack(void **state) {
    (void)state;
    assert_int_equal(rs_stack_intern(NULL, 0, 0), 0);
    struct rs_stack none = rs_stack_get(0);
    assert_int_equal(none.frames, 0);
}

static void flags_are_kept(void **state) {
    const uint64_t addresses[] = {0x9000, 0x9001};
    (void)state;
    assert_int_equal(rs_stack_get(rs_stack_intern(addresses, 2, RS_STACK_TRUNCATED)).flags, RS_STACK_TRUNCATED);
}

static uint32_t taken;
static uint64_t *nothing;

static int take_here(const void *left, const void *right) {
    (void)left, (void)right;
    taken = rs_stack_take();
    return 0;
}

static __attribute__((noinline)) uint32_t taken_in_qsort(void) {
    int numbers[] = {1, 2};
    taken = 0;
    qsort(numbers, 2, sizeof *numbers, take_here);
    return taken;
}

/* This program's own frames count as the guard's and are left out, so libc's tell the stacks apart. */
static void a_stack_is_taken_where_one_is(void **state) {
    uint32_t (*volatile take_in_qsort)(void) = taken_in_qsort;
    (void)state;
    errno = 77;
    uint32_t ids[3];
    for (volatile int i = 0; i < 2; i++) ids[i] = take_in_qsort();
    ids[2] = rs_stack_take();
    assert_int_equal(errno, 77);
    assert_int_not_equal(ids[0], 0);
    assert_int_equal(ids[0], ids[1]);
    assert_int_not_equal(ids[0], ids[2]);
}

static void inside_the_unwinder_and_in_a_vforks_child_there_is_none(void **state) {
    (void)state;
    rs_thread.inside = 1;
    rs_thread.inside_frame = UINTPTR_MAX; /* raised further up this stack */
    assert_int_equal(rs_stack_take(), 0);
    rs_thread.inside = 0;
    rs_thread.vfork_child = 1;
    assert_int_equal(rs_stack_take(), 0);
    rs_thread.vfork_child = 0;
    assert_int_not_equal(rs_stack_take(), 0);
}

static void depth_0_takes_none(void **state) {
    int status;
    (void)state;
    pid_t pid = fork();
    if (!pid) _exit(0);
    waitpid(pid, &status, 0);
    /* A fresh process: this one has started with a depth. */
    pid = fork();
    if (!pid) {
        execl("/proc/self/exe", "test_stack", "depth-0", NULL);
        _exit(99);
    }
    waitpid(pid, &status, 0);
    assert_int_equal(status, 0);
}

static int with_depth_0(void) {
    const uint64_t addresses[] = {1, 2};
    if (!rs_stack_start(0)) return 1;
    if (rs_stack_take()) return 2;
    if (rs_stack_intern(addresses, 2, 0)) return 3;
    if (rs_stack_get(0).frames || rs_stack_get(5).frames) return 4;
    rs_stack_record(0);
    return rs_stack_lost() != 0;
}

/* ---- the trace ----------------------------------------------------------------------------------------------------
 */

static int same_fd(int fd, int *holder) {
    if (holder) *holder = fd;
    return fd;
}

static void no_release(int fd) {
    close(fd);
}

static void no_begin(void) {
}

static bool none_needed(const struct rs_event_header *event) {
    (void)event;
    return false;
}

static void no_failure(const char *what, const char *where, int error) {
    fprintf(stderr, "%s %s %d\n", what, where, error);
    _exit(98);
}

static void record_stacks(const char *folder) {
    static const struct rs_trace_host host = {same_fd, no_release, no_begin, none_needed, no_failure};
    const struct rs_trace_settings settings = {folder, 0, "stacks"};
    uint64_t addresses[RS_STACK_MAX];
    for (uint64_t i = 0; i < RS_STACK_MAX; i++) addresses[i] = 0xabc0000 + i;
    uint32_t first = rs_stack_intern(addresses, 4, 0), second = rs_stack_intern(addresses, RS_STACK_MAX, 0);
    rs_clock_start();
    rs_trace_start(&settings, &host);
    for (int i = 0; i < 3; i++) {
        rs_stack_record(first);
        rs_stack_record(second);
        rs_stack_record(0);
    }
    pid_t pid = fork();
    if (!pid) {
        rs_stack_forked();
        rs_trace_forked();
        rs_stack_record(second);
        rs_stack_record(second);
        _exit(0);
    }
    waitpid(pid, NULL, 0);
}

static uint64_t stacks_in(const char *trace) {
    uint64_t count = 0;
    struct rs_read_event event;
    struct rs_reader *reader = rs_reader_open(trace, false, NULL, NULL);
    assert_non_null(reader);
    while (rs_reader_next(reader, &event)) {
        if (event.number != RS_EVENT_stack) continue;
        assert_true(event.word_count == 4 || event.word_count == RS_STACK_MAX);
        for (uint32_t i = 0; i < event.word_count; i++) assert_int_equal(event.words[i], 0xabc0000 + i);
        count++;
    }
    rs_reader_close(reader);
    return count;
}

static void each_trace_is_told_of_a_stack_once(void **state) {
    uint64_t counts[2] = {0, 0}, traces = 0;
    (void)state;
    char *folder = make_folder();
    pid_t pid = fork();
    if (!pid) {
        record_stacks(folder);
        _exit(0);
    }
    waitpid(pid, NULL, 0);
    DIR *entries = opendir(folder);
    for (struct dirent *entry; (entry = readdir(entries));) {
        if (entry->d_name[0] == '.') continue;
        char *trace = make_path(folder, entry->d_name);
        assert_true(traces < 2);
        counts[traces++] = stacks_in(trace);
        make_remove(trace);
        free(trace);
    }
    closedir(entries);
    make_remove(folder);
    free(folder);
    assert_int_equal(traces, 2);
    assert_int_equal(counts[0] + counts[1], 3);
    assert_in_range(counts[0], 1, 2);
}

/* ---- many ---------------------------------------------------------------------------------------------------------
 */

static void *interns(void *argument) {
    uint32_t *ids = argument;
    for (uint64_t i = 0; i < 20000; i++) {
        uint64_t addresses[3] = {0x50000 + i, 1, 2};
        ids[i] = rs_stack_intern(addresses, 3, 0);
    }
    return nothing;
}

static void threads_agree_on_ids(void **state) {
    static uint32_t ids[4][20000];
    pthread_t threads[4];
    (void)state;
    for (int i = 0; i < 4; i++) pthread_create(&threads[i], NULL, interns, ids[i]);
    for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    for (int i = 1; i < 4; i++) assert_memory_equal(ids[i], ids[0], sizeof ids[0]);
    for (int i = 0; i < 20000; i++) assert_int_not_equal(ids[0][i], 0);
}

static void a_full_table_loses_stacks_and_says_so(void **state) {
    (void)state;
    uint64_t lost = rs_stack_lost();
    for (uint64_t i = 0; i < 1u << 18; i++) {
        uint64_t addresses[2] = {0x7000000 + i, i};
        rs_stack_intern(addresses, 2, 0);
    }
    assert_true(rs_stack_lost() > lost);
    const uint64_t known[] = {0x1000, 0x2000, 0x3000};
    assert_int_not_equal(rs_stack_intern(known, 3, 0), 0);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_stack_has_the_same_id),
        cmocka_unit_test(different_stacks_have_different_ids),
        cmocka_unit_test(no_frames_are_no_stack),
        cmocka_unit_test(flags_are_kept),
        cmocka_unit_test(a_stack_is_taken_where_one_is),
        cmocka_unit_test(inside_the_unwinder_and_in_a_vforks_child_there_is_none),
        cmocka_unit_test(depth_0_takes_none),
        cmocka_unit_test(each_trace_is_told_of_a_stack_once),
        cmocka_unit_test(threads_agree_on_ids),
        cmocka_unit_test(a_full_table_loses_stacks_and_says_so),
    };
    if (argc > 1 && !strcmp(argv[1], "depth-0")) return with_depth_0();
    return cmocka_run_group_tests(tests, set_up_group, NULL);
}
