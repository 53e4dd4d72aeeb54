/* threads.h: threads begin. What one is to run is noted here when it is asked for, and taken when it begins, in a function of
 * the guard's (wrap_thread.c) that makes the thread ready and then jumps to the program's.
 *
 *   pthread_create ──► rs_thread_asked: starts[place] = {run, argument}       no malloc: a table that never moves
 *   the new thread ──► rs_thread_begins(place): the place is free again */
#ifndef RS_PRELOAD_THREADS_H
#define RS_PRELOAD_THREADS_H

#include <stdint.h>

struct rs_start {
    union {
        void *(*posix)(void *);
        int (*c11)(void *);
    } run;
    void *argument;
    uint64_t by; /* the context that the asking thread was in, where contexts are inferred */
    uint32_t next_free;
};

/* Reserves the table; without address space for it threads begin unseen. Constructor only. */
void rs_threads_start(void);

/* Notes what a thread will run; 0: it cannot be noted, and must begin without us. */
uint32_t rs_thread_asked(struct rs_start start);

/* It was not made after all. */
void rs_thread_not_made(uint32_t place);

/* The new thread itself, first of all. */
struct rs_start rs_thread_begins(uint32_t place);

#endif
