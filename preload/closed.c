/* closed.c: see closed.h. */
#include "preload/closed.h"
#include "preload/config.h"
#include "preload/context.h"
#include "preload/finding.h"
#include "preload/reserve.h"
#include "preload/stack.h"
#include "tracer/clock.h"
#include "tracer/recorder.h"

#include <errno.h>

static struct rs_closed *closed;
/* A fork's child that has opened nothing yet is about to execute something, and tidies up. */
static bool tidies_up;
static uint64_t last_id_at_fork;

bool rs_closed_start(void) {
    closed = rs_reserve_private(rs_slot_count, sizeof *closed);
    return closed;
}

void rs_closed_note(int fd, const struct rs_description *description) {
    if ((uint32_t)fd >= rs_slot_count) return;
    uint64_t owner = rs_owner_of(description);
    /* A loop closes with each request, in the same few places: there the stack would cost more than all else together. */
    bool wanted = (owner || rs_thread.current) && rs_looked_for(RS_FINDING_bad_close) && !rs_thread.loop;
    closed[fd] = (struct rs_closed){
        .description = rs_id_of(description),
        .owner = owner,
        .closer = rs_thread.current,
        .at = rs_clock_mark(),
        .opened = description->opened,
        .opener = description->opener,
        .stack = wanted ? rs_stack_take_short() : 0,
        .thread = rs_trace_tid(),
        .opened_stack = description->opened_stack,
        .kind = description->kind,
        .opened_by = description->opened_by,
    };
}

void rs_closed_not(int fd) {
    if ((uint32_t)fd < rs_slot_count) closed[fd].description = 0;
}

const struct rs_closed *rs_closed_before(int fd) {
    return (uint32_t)fd < rs_slot_count && closed[fd].description ? &closed[fd] : NULL;
}

const struct rs_closed *rs_closed_of_user(int fd) {
    const struct rs_closed *before = rs_closed_before(fd);
    return before && rs_thread.current && before->owner == rs_thread.current ? before : NULL;
}

/* The same call closed the number before or after this one last: it goes through them all. */
static bool is_in_loop(int fd, const void *caller) {
    int64_t distance = (int64_t)fd - rs_thread.closed_last;
    return rs_thread.closed_from == (uintptr_t)caller && (distance == 1 || distance == -1);
}

/* Returns whether it is part of a loop, and notes it for the next one. */
static bool next_in_loop(int fd, const void *caller) {
    bool loop = is_in_loop(fd, caller);
    if (loop) rs_thread.doubtful = 0; /* so the one before was, too */
    rs_closed_settle();
    rs_thread.closed_last = fd;
    rs_thread.closed_from = (uintptr_t)caller;
    return loop;
}

void rs_closed_once(int fd, const void *caller) {
    next_in_loop(fd, caller);
}

static bool still_tidies_up(void) {
    if (tidies_up && rs_last_description() != last_id_at_fork) tidies_up = false;
    return tidies_up;
}

static void find(int fd, enum rs_operation operation, const struct rs_closed *before) {
    rs_found_of(RS_FINDING_bad_close, operation, fd,
                &(struct rs_description){
                    .id = before->description,
                    .tag = before->owner,
                    .opener = before->opener,
                    .opened = before->opened,
                    .opened_stack = before->opened_stack,
                    .opened_by = before->opened_by,
                    .kind = before->kind,
                },
                &(struct rs_details){.closed = before});
}

RS_COLD void rs_closed_settle_slow(void) {
    int fd = rs_thread.doubtful - 1;
    rs_thread.doubtful = 0;
    struct rs_description nothing = {.kind = RS_KIND_UNKNOWN};
    rs_found_of(RS_FINDING_bad_close, RS_OP_close, fd, &nothing,
                &(struct rs_details){.user = rs_thread.doubtful_context, .used_stack = rs_thread.doubtful_stack});
}

RS_COLD void rs_closed_twice(int fd, enum rs_operation operation, const void *caller) {
    if (fd < 0 || !rs_tables_are_ours()) return;
    int saved = errno;
    bool loop = next_in_loop(fd, caller);
    const struct rs_closed *before = rs_closed_before(fd);
    if (!loop && rs_looked_for(RS_FINDING_bad_close) && !still_tidies_up()) {
        /* Before the first context it is start-up, or a program that knows of none. */
        if (before && rs_contexts_begun()) {
            find(fd, operation, before);
        } else if (!before && rs_thread.current) {
            rs_thread.doubtful_context = rs_thread.current;
            rs_thread.doubtful_stack = rs_stack_take();
            rs_thread.doubtful = fd + 1;
        }
    }
    errno = saved;
}

void rs_closed_forked(void) {
    tidies_up = true;
    last_id_at_fork = rs_last_description();
    rs_thread.closed_from = 0;
    rs_thread.doubtful = 0;
}
