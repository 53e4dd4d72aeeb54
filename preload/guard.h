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
    uint64_t current;      /* the context current on this thread; 0: none */
    uint32_t inside;       /* > 0: the unwinder runs: it may use the guard's descriptors, and no second one is begun */
    uint32_t vfork_child;  /* > 0: this is a vfork's child, which shares our memory: tables must not change */
    uint64_t vfork_parent; /* the parent's current context, while the child's is RS_VFORK_CHILD */
    uint64_t inside_frame; /* the stack's place when `inside` was raised */
    uint64_t usual_stack;  /* a place on the thread's ordinary stack; 0: not known yet */
    int cancel_before;     /* whether the thread could be cancelled before `inside` was raised */
    int closed_last;       /* the number that it closed last, and from where: closed.h */
    uint64_t closed_from;
    int doubtful; /* a number + 1 that it closed and of which nothing is known; 0: none */
    uint32_t doubtful_stack;
    uint64_t doubtful_context;
    uint32_t began; /* what its first stack needs has been made ready: rs_stack_thread_begins */
    /* What is inferred (infer.h): */
    uint8_t standing; /* enum rs_standing */
    bool loop;        /* it serves many requesters in turns */
    bool listens;     /* it waits for listeners in an epoll */
    uint16_t ready;   /* a loop: how many descriptors its last wait said were ready */
    int read_from;    /* the number that it read a request from last */
    uint64_t read;    /* the request that it read last, by context */
    uint64_t handed;  /* the context of the thread that woke it last, or that began it; 0: none */
};

/* No description's owner: so each call of a vfork's child goes the slow way, and is let through there. */
#define RS_VFORK_CHILD (~1ull)

extern bool rs_on RS_HIDDEN;
extern uint32_t rs_pid RS_HIDDEN; /* this process, right also after a fork: a request's begin asks no kernel */
extern __thread struct rs_thread rs_thread RS_HIDDEN __attribute__((tls_model("initial-exec")));

/* The same in this process and those that came of it by fork alone: they share ids. Not 0, and another's by chance only. */
uint32_t rs_family_number(void);

/* Was this context there when the process began (a fork's child: began before the fork, in an ancestor), or is it its own? */
bool rs_is_in_family(uint32_t process, uint64_t began);

/* A fork that runs no handlers of pthread_atfork: before it, in the parent after it, in the child. False: another fork is being
 * made (this one is in a signal handler, say); then the child goes unguarded, and the other two must not be called. */
bool rs_fork_begin(void);
void rs_fork_done(void);
void rs_fork_child(void);

/* This process is about to end without running destructors. */
void rs_process_ends(void);

/* This process is about to execute another program. */
void rs_process_execs(void);

/* With vfork_child > 0: is this the child? The parent may be here before it could put its state back: a signal that came while
 * it waited is handled right after the system call. Then that is done here. */
bool rs_in_vfork_child(void);

/* After a vfork the child runs in the parent's memory with a descriptor table of its own. */
static inline bool rs_tables_are_ours(void) {
    return rs_on && (rs_likely(!rs_thread.vfork_child) || !rs_in_vfork_child());
}

#endif
