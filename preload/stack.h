/* stack.h: where a call came from. A stack is taken when a description is opened and when something is found, never at an
 * ordinary read or write, and each different one is kept once.
 *
 *   hash ──► table: {high half of the hash, id}      open addressing, filled by compare-and-swap, never emptied
 *                 │
 *                 ▼  id = where it begins
 *            arena: [header][address][address]...     header: number of frames, flags, in which process's trace it stands
 *
 * A stack's id is its place in the arena; 0 is no stack. (Whole stacks, not a tree of (address, parent) nodes: one hash and one
 * probe for a stack instead of one for each frame.)
 *
 * The unwinder is libunwind, loaded at start, or libgcc's when there is none. It is entered
 * - with rs_thread.inside raised, so that it may use its private pipe, which is moved away and protected (ownfd.h). A signal
 *   handler that interrupts it gets no stack. One that jumps out of it leaves `inside` raised: it is lowered again when the
 *   stack has shrunk past the place where it was raised.
 * - with cancellation disabled: its reads and writes would make every call that takes a stack a cancellation point.
 * - not on an alternate signal stack: 8 KiB are too few for it. */
#ifndef RS_PRELOAD_STACK_H
#define RS_PRELOAD_STACK_H

#include "tracer/layout.h"

#include <stdbool.h>
#include <stdint.h>

struct rs_stack {
    uint32_t frames;
    uint32_t flags; /* RS_STACK_* */
    const uint64_t *addresses;
};

/* Loads the unwinder and lets it do its first, slow work now. Constructor only. */
bool rs_stack_start(uint32_t depth);

/* The calling thread's stack without the guard's own frames; 0: none (depth 0, no unwinder, table full). errno is kept. */
uint32_t rs_stack_take(void);

/* The innermost eight frames of it: for what is taken often and looked at seldom. */
uint32_t rs_stack_take_short(void);

/* A thread begins, in no signal handler: libunwind's thread-local variables are made now. Their first use asks the memory allocator
 * for them, and when that is in a signal handler the allocator may be what the handler has interrupted. Threads that were not
 * seen to begin use libgcc's unwinder, which has none. */
void rs_stack_thread_begins(void);

/* The unwinder's private pipe is gone: it would read and write whatever the program has on those numbers now. From now on
 * libgcc's unwinder is used; where there is none, no stacks are taken. */
void rs_stack_pipe_lost(void);

/* Does this address of code belong to the unwinder? */
bool rs_stack_is_unwinder(uint64_t address);

/* The stack of an id; no frames for 0. */
struct rs_stack rs_stack_get(uint32_t id);

/* Makes the trace know the stack, and the modules its addresses lie in, if it does not yet. */
void rs_stack_record(uint32_t id);

/* A fork's child: its trace knows no stack yet. Were other threads in libunwind, its locks stay taken for ever here: from now on
 * the child uses libgcc's, which takes none. */
void rs_stack_forked(void);

/* Finds or adds a stack: rs_stack_take without the unwinding. */
uint32_t rs_stack_intern(const uint64_t *addresses, uint32_t frames, uint32_t flags);

/* Stacks that were not kept since there was no place. */
uint64_t rs_stack_lost(void);

#endif
