/* finding.h: what was found wrong. The same kind from the same pair of stacks is one finding with a count: the first time it is
 * reported and recorded whole, after that it is counted, and an event says so.
 *
 * The table is fixed, open addressing by compare-and-swap; findings are never removed. Each process of a family counts its
 * own; what the parent has reported before the fork, a child does not report again, but records in its own trace. */
#ifndef RS_PRELOAD_FINDING_H
#define RS_PRELOAD_FINDING_H

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
};

bool rs_findings_start(void);

/* A finding on fd by the current context; does all that follows: stack, report, trace. In mode abort it does not return.
 * Returns true when the call may go on (mode log), false when it must fail with EPERM. errno is kept. */
bool rs_found(enum rs_finding_kind kind, enum rs_operation operation, int fd, const struct rs_description *description);

/* Does a finding (perhaps) name this context? How often was it seen? (What the flight recorder must keep.) */
bool rs_finding_names(uint64_t context);
uint64_t rs_finding_count(uint32_t number);

/* A fork's child: its trace knows no finding yet. */
void rs_findings_forked(void);

#endif
