/* finding.h: what was found wrong. The same kind from the same pair of stacks is one finding with a count: the first time it is
 * reported and recorded whole, after that it is counted, and an event says so.
 *
 * The table is fixed, open addressing by compare-and-swap; findings are never removed. Each process of a family counts its
 * own; what the parent has reported before the fork, a child does not report again, but records in its own trace. */
#ifndef RS_PRELOAD_FINDING_H
#define RS_PRELOAD_FINDING_H

#include "preload/closed.h"
#include "preload/exchange.h"
#include "preload/fdtable.h"
#include "tracer/layout.h"

#include <stdbool.h>
#include <stdint.h>

struct rs_finding {
    uint32_t number; /* its id */
    enum rs_finding_kind kind;
    enum rs_operation operation; /* the user's */
    int fd;
    uint64_t owner, user; /* contexts */
    uint32_t used_stack;
    uint32_t thread;                   /* the user's */
    uint32_t unread;                   /* bytes; ~0u not known */
    uint64_t now;                      /* CLOCK_MONOTONIC nanoseconds */
    struct rs_description description; /* as it was when it was found */
    struct rs_outstanding outstanding; /* dirty-handover: what is owed */
    struct rs_closed closed;           /* how the number was closed before; description 0: no part of it */
    uint64_t closed_age;               /* nanoseconds since then */
    uint64_t first_user;               /* of what nobody owns */
    uint32_t process;                  /* the other one */
    bool let_through;                  /* whatever the mode: what is nobody's is refused to nobody */
};

/* There is nothing to refuse: it has happened, or it is nobody's. */
static inline bool rs_is_let_through(const struct rs_finding *finding) {
    return finding->let_through || finding->kind == RS_FINDING_leak || finding->kind == RS_FINDING_bad_close;
}

/* What a kind of finding has to tell besides; zeros and NULLs: nothing. */
struct rs_details {
    uint64_t user;       /* 0: the current context */
    uint64_t owner;      /* 0: the description's */
    uint32_t used_stack; /* 0: it is taken now */
    const struct rs_outstanding *outstanding;
    const struct rs_closed *closed;
    uint64_t first_user;
    uint32_t process;
    bool let_through;
};

bool rs_findings_start(void);

/* Is this kind looked for (REQSCOPE_CHECK)? */
bool rs_looked_for(enum rs_finding_kind kind);

/* A finding on fd by the current context; does all that follows: stack, report, trace. In mode abort it does not return.
 * Returns true when the call may go on (mode log, or a rule suppresses it; also when the kind is not looked for), false when it
 * must fail: errno is EPERM then, else it is kept. */
bool rs_found_of(enum rs_finding_kind kind, enum rs_operation operation, int fd,
                 const struct rs_description *description, const struct rs_details *details);

static inline bool rs_found(enum rs_finding_kind kind, enum rs_operation operation, int fd,
                            const struct rs_description *description) {
    static const struct rs_details none;
    return rs_found_of(kind, operation, fd, description, &none);
}

/* What was reported as a leak is closed after all. */
void rs_leak_mended(int fd, const struct rs_description *description);

/* Does a finding (perhaps) name this context? How often was it seen? (What the flight recorder must keep.) */
bool rs_finding_names(uint64_t context);
uint64_t rs_finding_count(uint32_t number);

/* A fork's child: its trace knows no finding yet. */
void rs_findings_forked(void);

#endif
