/* test_recorder.c: what was recorded can be read again, whatever happened meanwhile. There is one trace in a process,
 * so each test records in a child, and the parent reads. */
#include "tests/soak/sanitize.h"
#include "tests/unit/make_trace.h"
#include "tests/unit/unit.h"
#include "tracer/reader.h"
#include "tracer/recorder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

/* ---- the recording side ------------------------------------------------------------------------------------------ */

static const char *folder;
static uint64_t needed_description; /* its open event must outlive its packet */
static int failures, begins;
static char failed_where[512];

static int keep(int fd, int *holder) {
    if (holder) *holder = fd;
    return fd;
}

static void release(int fd) {
    close(fd);
}

static void begun(void) {
    const char *command[] = {"test"};
    struct rs_event_process event = {.header = {.id = RS_EVENT_process, .fd = -1}, .pid = (uint32_t)getpid()};
    begins++;
    rs_record(&event, sizeof event, command, 1, NULL, 0, true);
}

static bool is_needed(const struct rs_event_header *event) {
    return event->id == RS_EVENT_open &&
           ((const struct rs_event_open *)(const void *)event)->description == needed_description;
}

static void failed(const char *what, const char *where, int error) {
    failures++;
    snprintf(failed_where, sizeof failed_where, "%s: %s: %d", what, where, error);
}

static bool start(const char *where, uint64_t max_bytes) {
    static const struct rs_trace_host host = {keep, release, begun, is_needed, failed};
    struct rs_trace_settings settings = {where, max_bytes, "test"};
    rs_clock_start();
    return rs_trace_start(&settings, &host);
}

static bool record_open(uint64_t description, const char *name) {
    const char *strings[] = {name};
    struct rs_event_open event = {.header = {.id = RS_EVENT_open, .fd = 7}, .description = description};
    return rs_record(&event, sizeof event, strings, 1, NULL, 0, false);
}

/* The context numbers the event. */
static void record_io(uint64_t description, uint64_t number) {
    rs_record_io(3, RS_OP_read, (int64_t)(number & 0xffff), description, number);
}

/* Runs `body` in a child that begins a trace; what it returns is its exit code, 0 is good. */
static void in_child(int (*body)(void), int expected_status) {
    int status;
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (!pid) _exit(body());
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (status != expected_status) fail_msg("the child ended with status 0x%x, not 0x%x", status, expected_status);
}

/* ---- the reading side -------------------------------------------------------------------------------------------- */

struct reading {
    uint64_t events, io, opens, carried, threads, processes;
    uint64_t last_number[4]; /* of I/O, by description 0 to 3 */
    uint64_t gaps;           /* numbers that did not rise by one */
    char name[RS_STRING_MAX + 1];
    uint32_t pid;
    struct rs_reader_totals totals;
    uint64_t bytes; /* on disk */
};

static void say(void *argument, const char *line) {
    (void)argument;
    print_error("the reader says: %s\n", line);
}

static char *trace_in(const char *where, const char *begin) {
    char *found = NULL;
    DIR *entries = opendir(where);
    for (struct dirent *entry; entries && (entry = readdir(entries));) {
        if (entry->d_name[0] == '.' || strncmp(entry->d_name, begin, strlen(begin))) continue;
        assert_null(found);
        found = make_path(where, entry->d_name);
    }
    if (entries) closedir(entries);
    if (!found) fail_msg("no trace in %s", where);
    return found;
}

static uint64_t disk_use(const char *trace) {
    uint64_t bytes = 0;
    DIR *entries = opendir(trace);
    for (struct dirent *entry; (entry = readdir(entries));) {
        struct stat status;
        if (!fstatat(dirfd(entries), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) && S_ISREG(status.st_mode)) {
            assert_int_equal(status.st_mode & 0777, 0600);
            bytes += (uint64_t)status.st_blocks * 512;
        }
    }
    closedir(entries);
    return bytes;
}

static void note(struct reading *reading, const struct rs_read_event *event) {
    reading->events++;
    if (event->number == RS_EVENT_IO) {
        const struct rs_event_io *io = (const struct rs_event_io *)(const void *)event->header;
        uint64_t *last = &reading->last_number[io->description & 3];
        assert_int_equal(event->operation, RS_OP_read);
        assert_int_equal(event->header->fd, 3);
        assert_int_equal(io->result, io->context & 0xffff);
        reading->gaps += io->context != *last + 1;
        *last = io->context;
        reading->io++;
    }
    if (event->number == RS_EVENT_open) {
        const struct rs_event_open *open = (const struct rs_event_open *)(const void *)event->header;
        reading->opens++;
        if (open->description == needed_description && open->flags & RS_OPEN_CARRIED) reading->carried++;
        snprintf(reading->name, sizeof reading->name, "%s", event->strings[0]);
    }
    if (event->number == RS_EVENT_thread) reading->threads++;
    if (event->number == RS_EVENT_process) {
        reading->processes++;
        reading->pid = ((const struct rs_event_process *)(const void *)event->header)->pid;
    }
}

/* Reads a whole, undamaged trace. */
static struct reading read_trace_with(const char *trace, uint64_t damages) {
    struct reading reading = {0};
    struct rs_read_event event;
    uint64_t last_time = 0;
    struct rs_reader *reader = rs_reader_open(trace, false, say, NULL);
    assert_non_null(reader);
    while (rs_reader_next(reader, &event)) {
        assert_true(event.header->time >= last_time);
        last_time = event.header->time;
        note(&reading, &event);
    }
    reading.totals = rs_reader_totals(reader);
    rs_reader_close(reader);
    reading.bytes = disk_use(trace);
    assert_int_equal(reading.totals.damages, damages);
    assert_int_equal(reading.totals.events, reading.events);
    return reading;
}

static struct reading read_trace(const char *trace) {
    return read_trace_with(trace, 0);
}

static struct reading read_only_trace(void) {
    char *trace = trace_in(folder, "");
    struct reading reading = read_trace(trace);
    free(trace);
    return reading;
}

static int set_up(void **state) {
    *state = make_folder();
    folder = *state;
    needed_description = 0;
    return 0;
}

static int tear_down(void **state) {
    DIR *entries = opendir(*state);
    for (struct dirent *entry; (entry = readdir(entries));) {
        if (entry->d_name[0] == '.') continue;
        char *path = make_path(*state, entry->d_name);
        make_remove(path);
        free(path);
    }
    closedir(entries);
    make_remove(*state);
    free(*state);
    return 0;
}

/* ---- tests ------------------------------------------------------------------------------------------------------- */

#define MANY 100000u

static int records_many(void) {
    if (!start(folder, 0)) return 1;
    record_open(1, "first");
    for (uint64_t i = 1; i <= MANY; i++) record_io(1, i);
    rs_trace_finish();
    return failures;
}

static void events_come_back_in_order(void **state) {
    (void)state;
    in_child(records_many, 0);
    struct reading reading = read_only_trace();
    assert_int_equal(reading.io, MANY);
    assert_int_equal(reading.gaps, 0); /* over several packets: 4 MB of events */
    assert_int_equal(reading.opens, 1);
    assert_int_equal(reading.processes, 1);
    assert_string_equal(reading.name, "first");
    assert_int_equal(reading.totals.lost_events, 0);
    /* Finished: the packets are cut to what is in them. */
    assert_true(reading.bytes < MANY * sizeof(struct rs_event_io) + (1u << 20) / 4);
}

static int records_and_dies(void) {
    if (!start(folder, 0)) return 1;
    for (uint64_t i = 1; i <= MANY; i++) record_io(1, i);
    raise(SIGKILL);
    return 1;
}

/* ThreadSanitizer's own runtime does not stand a trap at each of its instructions. */
static void skip_under_thread_sanitizer(void) {
#if defined(__SANITIZE_THREAD__)
    skip();
#endif
}

static void a_killed_process_leaves_all_it_recorded(void **state) {
    (void)state;
    in_child(records_and_dies, SIGKILL);
    struct reading reading = read_only_trace();
    assert_int_equal(reading.io, MANY);
    assert_int_equal(reading.gaps, 0);
}

/* Steps by the processor's trap flag through one record, and dies after each possible instruction. */
static volatile long steps_left;

static void die_at_step(int signal, siginfo_t *info, void *context) {
    (void)signal, (void)info, (void)context;
    if (--steps_left == 0) raise(SIGKILL);
}

static void stepped(void (*body)(void)) {
#if defined(__x86_64__)
    __asm__ volatile("pushfq; orq $0x100, (%%rsp); popfq" ::: "memory", "cc");
    body();
    __asm__ volatile("pushfq; andq $~0x100, (%%rsp); popfq" ::: "memory", "cc");
#else
    body();
#endif
}

static void record_two(void) {
    record_io(1, 1);
    record_open(1, "opened");
}

static int dies_while_recording(void) {
    struct sigaction action = {.sa_sigaction = die_at_step, .sa_flags = SA_SIGINFO};
    if (!start(folder, 0)) return 1;
    sigaction(SIGTRAP, &action, NULL);
    stepped(record_two);
    return 0;
}

static void a_process_killed_at_any_instruction_leaves_whole_events(void **state) {
    skip_under_thread_sanitizer();
    int status = SIGKILL;
    long step = 1;
    (void)state;
#if !defined(__x86_64__)
    skip();
#endif
    for (; status == SIGKILL && step < 20000; step += step < 1000 ? 7 : 97) {
        steps_left = step;
        fflush(NULL);
        pid_t pid = fork();
        if (!pid) _exit(dies_while_recording());
        assert_int_equal(waitpid(pid, &status, 0), pid);
        struct reading reading = read_only_trace();
        assert_true(reading.io <= 1 && reading.opens <= reading.io && reading.processes == 1);
        char *trace = trace_in(folder, "");
        make_remove(trace);
        free(trace);
    }
    assert_int_equal(status, 0); /* the last one lived to the end */
}

/* ---- a handler in the middle of an event --------------------------------------------------------------------------
 */

static volatile uint64_t nested_number;

static void record_at_step(int signal, siginfo_t *info, void *context) {
    (void)signal, (void)info;
    if (--steps_left) return;
    record_io(2, ++nested_number);
    ((ucontext_t *)context)->uc_mcontext.gregs[REG_EFL] &= ~0x100ll;
}

static uint64_t outer_number;

static void record_one(void) {
    record_io(1, ++outer_number);
}

/* Room for exactly one I/O event is left before the packet's (or the ready memory's) end. */
static void leave_room_for_one(void) {
    const struct rs_writer *writer = &rs_trace_thread.streams[0]->io;
    while (!writer->position || (size_t)(writer->limit - writer->position) >= 2 * sizeof(struct rs_event_io) ||
           (size_t)(writer->limit - writer->position) < sizeof(struct rs_event_io)) {
        record_one();
        if (writer->position > writer->limit) _exit(42);
    }
}

static int is_interrupted_everywhere(void) {
    struct sigaction action = {.sa_sigaction = record_at_step, .sa_flags = SA_SIGINFO};
    if (!start(folder, 0)) return 1;
    record_one();
    sigaction(SIGTRAP, &action, NULL);
    for (long step = 1; step < 100000; step++) {
        uint64_t before = nested_number;
        leave_room_for_one();
        steps_left = step;
        stepped(record_one);
        if (nested_number == before) {
            /* The record was over before the step was reached: that was all of it. */
            rs_trace_finish();
            return step > 20 ? 0 : 4;
        }
        const struct rs_writer *writer = &rs_trace_thread.streams[0]->io;
        if (writer->position > writer->limit) return 5;
    }
    return 6;
}

static void a_handler_at_any_instruction_loses_and_breaks_nothing(void **state) {
    skip_under_thread_sanitizer();
    (void)state;
#if !defined(__x86_64__)
    skip();
#endif
    in_child(is_interrupted_everywhere, 0);
    struct reading reading = read_only_trace();
    assert_int_equal(reading.totals.lost_events, 0);
    assert_int_equal(reading.gaps, 0);
    assert_int_equal(reading.io, reading.last_number[1] + reading.last_number[2]);
}

static int records_nested(void) {
    if (!start(folder, 0)) return 1;
    record_io(1, 1);
    rs_trace_thread.depth = 1;
    record_io(2, 1);
    record_open(5, "nested");
    rs_trace_thread.depth = 0;
    record_io(1, 2);
    return rs_trace_thread.streams[0] && rs_trace_thread.streams[1] ? failures : 2;
}

static void a_nested_event_goes_to_the_second_stream(void **state) {
    (void)state;
    in_child(records_nested, 0);
    struct reading reading = read_only_trace();
    assert_int_equal(reading.io, 3);
    assert_int_equal(reading.gaps, 0);
    assert_string_equal(reading.name, "nested");
}

static int records_too_deep(void) {
    if (!start(folder, 0)) return 1;
    record_io(1, 1);
    rs_trace_thread.depth = RS_TRACE_DEPTHS;
    for (uint64_t i = 1; i <= 10; i++) record_io(2, i);
    if (record_open(5, "deep")) return 2;
    rs_trace_thread.depth = 0;
    for (uint64_t i = 2; i <= 10000; i++) record_io(1, i); /* the count stands in the next packet */
    return 0;
}

static void what_is_nested_too_deep_is_counted_as_lost(void **state) {
    (void)state;
    in_child(records_too_deep, 0);
    struct reading reading = read_only_trace();
    assert_int_equal(reading.io, 10000);
    assert_int_equal(reading.totals.lost_events, 11);
}

/* ---- threads ------------------------------------------------------------------------------------------------------
 */

static void *records_in_thread(void *argument) {
    for (uint64_t i = 1; i <= MANY / 4; i++) record_io((uintptr_t)argument, i);
    sanitize_thread_ends();
    return NULL;
}

static int records_in_threads(void) {
    pthread_t threads[4];
    if (!start(folder, 0)) return 1;
    for (uintptr_t i = 0; i < 4; i++) pthread_create(&threads[i], NULL, records_in_thread, (void *)i);
    for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    rs_trace_finish();
    return failures;
}

static void every_threads_events_are_there(void **state) {
    (void)state;
    in_child(records_in_threads, 0);
    struct reading reading = read_only_trace();
    assert_int_equal(reading.io, MANY / 4 * 4);
    assert_int_equal(reading.gaps, 0);
    assert_int_equal(reading.totals.lost_events, 0);
}

static void *records_one_in_thread(void *argument) {
    record_io(1, *(uint64_t *)argument);
    return NULL;
}

static int has_many_short_threads(void) {
    if (!start(folder, 0)) return 1;
    for (uint64_t i = 1; i <= 500; i++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, records_one_in_thread, &i)) return 2;
        pthread_join(thread, NULL);
    }
    rs_trace_finish();
    return failures;
}

static void a_threads_stream_is_the_next_ones(void **state) {
    (void)state;
    in_child(has_many_short_threads, 0);
    struct reading reading = read_only_trace();
    assert_int_equal(reading.io, 500);
    assert_int_equal(reading.gaps, 0);
    assert_true(reading.bytes < 500 * 1000);
}

/* ---- the flight recorder ------------------------------------------------------------------------------------------
 */

#define BOUND (256u << 10)
#define TOTAL 400000u

static int records_past_the_bound(void) {
    if (!start(folder, BOUND)) return 1;
    record_open(99, "needed");
    record_open(98, "not needed");
    for (uint64_t i = 1; i <= TOTAL; i++) {
        record_io(1, i);
        /* At any time, and not only at the end. */
        if (i % 20000 == 0) {
            char *trace = trace_in(folder, "");
            if (disk_use(trace) > BOUND + (64u << 10)) return 2; /* 64K: the metadata */
            free(trace);
        }
    }
    rs_trace_finish();
    return failures;
}

static void past_the_bound_the_oldest_give_way(void **state) {
    (void)state;
    needed_description = 99;
    in_child(records_past_the_bound, 0);
    struct reading reading = read_only_trace();
    assert_true(reading.bytes <= BOUND + (64u << 10));
    assert_true(reading.io > 1000);
    assert_true(reading.gaps <= 1); /* the newest are there without a gap */
    assert_int_equal(reading.last_number[1], TOTAL);
    assert_int_equal(reading.processes, 1);
    assert_int_equal(reading.opens, 1);
    assert_int_equal(reading.carried, 1);
    assert_string_equal(reading.name, "needed");
    assert_true(reading.totals.lost_events >= TOTAL - reading.io);
    assert_true(reading.totals.lost_events <=
                TOTAL - reading.io + TOTAL / 1000); /* and what tells whose thread it is */
}

static int threads_pass_the_bound(void) {
    pthread_t threads[4];
    if (!start(folder, 2 * BOUND)) return 1;
    record_open(99, "needed");
    for (uintptr_t i = 0; i < 4; i++) pthread_create(&threads[i], NULL, records_in_thread, (void *)i);
    for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    rs_trace_finish();
    return failures;
}

static void threads_past_the_bound_leave_a_whole_trace(void **state) {
    (void)state;
    needed_description = 99;
    for (int round = 0; round < 10; round++) {
        in_child(threads_pass_the_bound, 0);
        struct reading reading = read_only_trace();
        assert_int_equal(reading.opens, 1);
        assert_true(reading.io > 1000);
        assert_true(reading.totals.lost_events > 0);
        assert_true(reading.bytes <= 4 * BOUND);
        for (int i = 0; i < 4; i++) assert_true(!reading.last_number[i] || reading.last_number[i] == MANY / 4);
        char *trace = trace_in(folder, "");
        make_remove(trace);
        free(trace);
    }
}

static int runs_out_of_descriptors(void) {
    struct rlimit few = {64, 64};
    if (!start(folder, BOUND)) return 1;
    for (uint64_t i = 1; i <= 20000; i++) record_io(1, i);
    setrlimit(RLIMIT_NOFILE, &few);
    while (dup(0) >= 0) {
    }
    for (uint64_t i = 1; i <= 20000; i++) record_io(2, i);
    for (int fd = 40; fd < 64; fd++) close(fd);
    for (uint64_t i = 1; i <= 10; i++) record_io(3, i);
    return failures;
}

/* A server under attack: the events of that time are lost, but neither the trace nor what was recorded before. */
static void without_descriptors_history_is_kept(void **state) {
    (void)state;
    in_child(runs_out_of_descriptors, 0);
    struct reading reading = read_only_trace();
    assert_int_equal(reading.last_number[3], 10);
    assert_int_equal(reading.last_number[1], 20000);
    assert_true(reading.totals.lost_events > 0);
}

/* ---- forks --------------------------------------------------------------------------------------------------------
 */

static const char *child_name;

static int forks(void) {
    int status;
    if (!start(folder, 0)) return 1;
    record_io(1, 1);
    if (child_name) prctl(PR_SET_NAME, child_name);
    pid_t pid = fork();
    if (!pid) {
        rs_trace_forked();
        for (uint64_t i = 1; i <= 5000; i++) record_io(2, i);
        rs_trace_finish();
        _exit(failures || begins != 2);
    }
    for (uint64_t i = 2; i <= 5000; i++) record_io(1, i);
    if (waitpid(pid, &status, 0) != pid || status) return 3;
    rs_trace_finish();
    return failures;
}

static void a_forks_child_has_a_trace_of_its_own(void **state) {
    (void)state;
    child_name = "child";
    in_child(forks, 0);
    char *parents = trace_in(folder, "test-"), *childs = trace_in(folder, "child-");
    struct reading parent = read_trace(parents), child = read_trace(childs);
    assert_int_equal(parent.io, 5000);
    assert_int_equal(parent.last_number[1], 5000);
    assert_int_equal(child.io, 5000);
    assert_int_equal(child.last_number[2], 5000);
    assert_int_not_equal(parent.pid, child.pid);
    assert_int_equal(parent.gaps + child.gaps, 0);
    free(parents);
    free(childs);
}

static void a_childs_name_cannot_lead_out_of_the_folder(void **state) {
    static const char *const names[] = {"worker/3", "../x", ".hidden"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        child_name = names[i];
        in_child(forks, 0);
    }
    int traces = 0;
    DIR *entries = opendir(folder);
    for (struct dirent *entry; (entry = readdir(entries));) traces += entry->d_name[0] != '.';
    closedir(entries);
    assert_int_equal(traces, 6);
}

static int forks_and_is_silent(void) {
    if (!start(folder, 0)) return 1;
    if (!fork()) {
        rs_trace_forked();
        rs_trace_finish();
        _exit(0);
    }
    wait(NULL);
    return 0;
}

static void a_child_that_records_nothing_has_no_folder(void **state) {
    (void)state;
    in_child(forks_and_is_silent, 0);
    read_only_trace();
}

/* ---- when it cannot be --------------------------------------------------------------------------------------------
 */

static int cannot_start(void) {
    if (start("/proc/no/such", 0)) return 1;
    if (rs_tracing || failures != 1 || !strstr(failed_where, "/proc/no/such")) return 2;
    record_io(1, 1);
    return record_open(1, "x") || failures != 1;
}

static void a_folder_that_cannot_be_made_is_said_once(void **state) {
    (void)state;
    in_child(cannot_start, 0);
}

static int cannot_start_in_a_file(void) {
    char *path = make_path(folder, "file");
    close(open(path, O_CREAT | O_WRONLY, 0600));
    bool started = start(path, 0);
    unlink(path);
    return started || failures != 1;
}

static void a_file_is_no_folder(void **state) {
    (void)state;
    in_child(cannot_start_in_a_file, 0);
}

static int fills_the_disk(void) {
    if (!start(folder, 0)) return 1;
    for (uint64_t i = 1; i <= 1000000; i++) record_io(1, i);
    return failures != 1 || rs_tracing || !strstr(failed_where, folder) ? 2 : 0;
}

static void a_full_disk_ends_the_trace_and_nothing_else(void **state) {
    (void)state;
    if (geteuid() || mount("tmpfs", folder, "tmpfs", 0, "size=1m,mode=700")) skip();
    in_child(fills_the_disk, 0);
    char *trace = trace_in(folder, "");
    struct reading reading = read_trace_with(trace, 1); /* that it stopped is said; what it has is whole */
    make_remove(trace);
    free(trace);
    assert_int_equal(umount(folder), 0);
    assert_true(reading.io > 1000);
    assert_int_equal(reading.gaps, 0);
}

static int meets_the_limit_of_file_sizes(void) {
    struct rlimit small = {8192, 8192};
    if (!start(folder, 0)) return 1;
    record_io(1, 1);
    setrlimit(RLIMIT_FSIZE, &small);
    for (uint64_t i = 2; i <= MANY; i++) record_io(1, i);
    return failures != 1 || rs_tracing;
}

/* ulimit -f: the kernel's answer to who goes beyond is SIGXFSZ, which ends a process. */
static void a_limit_of_file_sizes_ends_the_trace_and_nothing_else(void **state) {
    (void)state;
    in_child(meets_the_limit_of_file_sizes, 0);
}

static int is_removed_under(void) {
    if (!start(folder, 0)) return 1;
    record_io(1, 1);
    char *trace = trace_in(folder, "");
    make_remove(trace);
    for (uint64_t i = 1; i <= MANY; i++) record_io(1, i);
    return failures != 1 || rs_tracing;
}

static void a_folder_that_is_removed_ends_the_trace_and_nothing_else(void **state) {
    (void)state;
    in_child(is_removed_under, 0);
}

static int records_long_strings(void) {
    char text[3 * RS_STRING_MAX];
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = 0;
    if (!start(folder, 0) || !record_open(1, text)) return 1;
    uint64_t words[2 * RS_STACK_MAX] = {0};
    struct rs_event_stack stack = {.header = {.id = RS_EVENT_stack, .fd = -1}, .stack = 1, .frames = RS_STACK_MAX};
    if (!rs_record(&stack, sizeof stack, NULL, 0, words, RS_STACK_MAX, true)) return 2;
    record_io(1, 1);
    return failures;
}

static void long_strings_are_cut(void **state) {
    (void)state;
    in_child(records_long_strings, 0);
    struct reading reading = read_only_trace();
    assert_int_equal(strlen(reading.name), RS_STRING_MAX - 1);
    assert_int_equal(reading.io, 1);
}

static int records_after_the_end(void) {
    if (!start(folder, 0)) return 1;
    record_io(1, 1);
    rs_trace_finish();
    for (uint64_t i = 2; i <= 5000; i++) record_io(1, i); /* other libraries' destructors */
    return failures;
}

static void what_comes_after_the_end_is_recorded_still(void **state) {
    (void)state;
    in_child(records_after_the_end, 0);
    struct reading reading = read_only_trace();
    assert_int_equal(reading.io, 5000);
    assert_int_equal(reading.gaps, 0);
}

static int keeps_errno(void) {
    if (!start(folder, BOUND)) return 1;
    errno = 77;
    for (uint64_t i = 1; i <= MANY; i++) record_io(1, i);
    return errno != 77;
}

static void errno_is_kept(void **state) {
    (void)state;
    in_child(keeps_errno, 0);
}

static void the_trace_is_the_users_alone(void **state) {
    struct stat status;
    (void)state;
    in_child(records_nested, 0);
    char *trace = trace_in(folder, "test-");
    assert_int_equal(stat(trace, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0700);
    free(trace);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(events_come_back_in_order),
        TEST(a_killed_process_leaves_all_it_recorded),
        TEST(a_process_killed_at_any_instruction_leaves_whole_events),
        TEST(a_handler_at_any_instruction_loses_and_breaks_nothing),
        TEST(a_nested_event_goes_to_the_second_stream),
        TEST(what_is_nested_too_deep_is_counted_as_lost),
        TEST(every_threads_events_are_there),
        TEST(a_threads_stream_is_the_next_ones),
        TEST(past_the_bound_the_oldest_give_way),
        TEST(threads_past_the_bound_leave_a_whole_trace),
        TEST(without_descriptors_history_is_kept),
        TEST(a_forks_child_has_a_trace_of_its_own),
        TEST(a_childs_name_cannot_lead_out_of_the_folder),
        TEST(a_child_that_records_nothing_has_no_folder),
        TEST(a_folder_that_cannot_be_made_is_said_once),
        TEST(a_file_is_no_folder),
        TEST(a_full_disk_ends_the_trace_and_nothing_else),
        TEST(a_limit_of_file_sizes_ends_the_trace_and_nothing_else),
        TEST(a_folder_that_is_removed_ends_the_trace_and_nothing_else),
        TEST(long_strings_are_cut),
        TEST(what_comes_after_the_end_is_recorded_still),
        TEST(errno_is_kept),
        TEST(the_trace_is_the_users_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
