/* guard.h: what every part of the guard reads on the path of a call: is it on, and who is calling.
 *
 * rs_on is false until the constructor is done, and for good in mode off: a wrapper that reads false calls the real
 * function and does nothing else. */
#ifndef RS_PRELOAD_GUARD_H
#define RS_PRELOAD_GUARD_H

#include "tracer/sys.h"

#include <stdbool.h>
#include <stdint.h>

struct rs_thread {
    uint64_t current;     /* the context current on this thread; 0: none */
    uint32_t inside;      /* > 0: the guard itself is calling out (the unwinder): its calls pass */
    uint32_t vfork_child; /* 1: this is a vfork's child, which shares our memory: tables must not change */
};

extern bool rs_on RS_HIDDEN;
extern __thread struct rs_thread rs_thread RS_HIDDEN __attribute__((tls_model("initial-exec")));

/* This process is about to end without running destructors. */
void rs_process_ends(void);

/* After a vfork the child runs in the parent's memory with a descriptor table of its own. */
static inline bool rs_tables_are_ours(void) {
    return rs_on && !rs_thread.vfork_child;
}

#endif
