/* closed.h: what each number stood for before it was closed, and who closed it: what a second close of it, or a write by who has
 * not noticed, can be explained with.
 *
 *   fd ──► closed[fd]    64 bytes, private to the process, written at each close; a number that is opened again keeps it */
#ifndef RS_PRELOAD_CLOSED_H
#define RS_PRELOAD_CLOSED_H

#include "preload/fdtable.h"
#include "tracer/layout.h"

struct rs_closed {
    uint64_t description; /* 0: it was not closed since the process began, or by a close that nobody saw */
    uint64_t owner;       /* whose it was */
    uint64_t closer;      /* the context that closed it */
    uint64_t at;          /* rs_clock_mark */
    uint64_t opened;      /* CLOCK_MONOTONIC nanoseconds */
    uint64_t opener;
    uint32_t stack, thread; /* of the close */
    uint32_t opened_stack;
    uint8_t kind, opened_by;
    uint8_t unused[2];
};
_Static_assert(sizeof(struct rs_closed) == 64, "one cache line");

bool rs_closed_start(void);

/* fd, which stood for the description, is about to be closed by the current context. Takes a stack when a context has to do with
 * it. */
void rs_closed_note(int fd, const struct rs_description *description);

/* The close did not come about. */
void rs_closed_not(int fd);

/* What is known of the latest close of this number; NULL: nothing. */
const struct rs_closed *rs_closed_before(int fd);

/* The same, when the current context, which uses the number now, is the one that had it then; NULL: it is not. */
const struct rs_closed *rs_closed_of_user(int fd);

/* close(fd) has answered EBADF: is that the second close of something? Then it is found. caller: where the close stands. A loop over
 * numbers, as programs close all that they may have inherited, is none, nor is what a fork's child does before it has opened
 * anything of its own. Of a number that was never open it is not known whether a loop begins with it: then it is found when the
 * thread's next close, or change of context, shows that none did (rs_closed_settle). errno kept. */
void rs_closed_twice(int fd, enum rs_operation operation, const void *caller);

/* A close that succeeded, or is refused, for the same. */
void rs_closed_once(int fd, const void *caller);
void rs_closed_settle_slow(void);

static inline void rs_closed_settle(void) {
    if (rs_unlikely(rs_thread.doubtful)) rs_closed_settle_slow();
}

/* In a fork's child. */
void rs_closed_forked(void);

#endif
