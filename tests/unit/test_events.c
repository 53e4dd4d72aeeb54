/* test_events.c: what the recorder asks the guard: which events must outlive their packet. */
#include "preload/closed.h"
#include "preload/config.h"
#include "preload/events.h"
#include "preload/finding.h"
#include "tests/unit/make_trace.h"
#include "tests/unit/unit.h"
#include "tracer/clock.h"
#include "tracer/reader.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#define BOUND (1u << 20)
#define MANY (4 * BOUND / sizeof(struct rs_event_io))

static uint64_t begin(const char *label, const char *attributes) {
    struct rs_context *context = rs_context_begin(label, RS_ORIGIN_REQUEST);
    rs_event_context_begin(context);
    rs_event_context_attributes(rs_context_id(context), attributes);
    rs_event_context_switch(rs_context_id(context), RS_ENTRY_REQUEST);
    return rs_context_id(context);
}

/* Context 1 lives, 2 has ended, 3 has ended and owns something; then more I/O than the bound holds. */
static int record(const char *folder) {
    rs_config.trace = folder;
    rs_config.trace_max = BOUND;
    rs_clock_start();
    rs_pid = (uint32_t)getpid();
    rs_on = rs_table_start() && rs_contexts_start() && rs_findings_start() && rs_exchanges_start() && rs_closed_start();
    if (!rs_on) return 1;
    rs_events_start();
    begin("GET /lives", "x-request-id=lives");
    uint64_t ended = begin("GET /ended", "x-request-id=ended"), owns = begin("GET /owns", "x-request-id=owns");
    rs_context_owns(owns, 7, 1);
    rs_context_finish(rs_context_find(ended), ended);
    rs_context_finish(rs_context_find(owns), owns);
    for (uint64_t i = 0; i < MANY; i++) rs_record_io(3, RS_OP_read, 1, 1, 1);
    rs_trace_finish();
    return !rs_tracing;
}

/* What is left: of context_begin and context_attributes, which contexts (a bit each). */
struct left {
    uint64_t begun, attributed, lost;
};

static void complain(void *argument, const char *line) {
    (void)argument;
    print_error("the reader says: %s\n", line);
}

static struct left read_trace(const char *trace) {
    struct left left = {0};
    struct rs_read_event event;
    struct rs_reader *reader = rs_reader_open(trace, false, complain, NULL);
    assert_non_null(reader);
    while (rs_reader_next(reader, &event)) {
        const void *fields = event.header;
        if (event.number == RS_EVENT_context_begin)
            left.begun |= 1ull << ((const struct rs_event_context_begin *)fields)->context;
        if (event.number == RS_EVENT_context_attributes) {
            uint64_t context = ((const struct rs_event_context_attributes *)fields)->context;
            left.attributed |= 1ull << context;
            assert_string_equal(event.strings[0], context == 1 ? "x-request-id=lives" : "x-request-id=owns");
        }
    }
    left.lost = rs_reader_totals(reader).lost_events;
    assert_int_equal(rs_reader_totals(reader).damages, 0);
    rs_reader_close(reader);
    return left;
}

static char *only_entry(const char *folder) {
    char *found = NULL;
    DIR *entries = opendir(folder);
    for (struct dirent *entry; entries && (entry = readdir(entries));)
        if (entry->d_name[0] != '.') found = make_path(folder, entry->d_name);
    if (entries) closedir(entries);
    assert_non_null(found);
    return found;
}

static void attributes_are_kept_as_long_as_their_contexts_begin(void **state) {
    char *folder = make_folder(), *trace;
    int status;
    (void)state;
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (!pid) _exit(record(folder));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    trace = only_entry(folder);
    struct left left = read_trace(trace);
    assert_true(left.lost > 0);
    assert_int_equal(left.begun, 1u << 1 | 1u << 3);
    assert_int_equal(left.attributed, left.begun);
    make_remove(folder);
    free(trace);
    free(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attributes_are_kept_as_long_as_their_contexts_begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
