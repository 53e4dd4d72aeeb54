/* clock.h: the time of an event: nanoseconds of CLOCK_MONOTONIC.
 *
 * Where the kernel itself keeps time by the processor's time stamp counter, so does this: a counter read costs 8 ns, a
 * clock_gettime 20. Each stream holds an anchor (counter, nanoseconds) and the rate; after RS_CLOCK_SPAN counts it takes a
 * new one from the kernel, so that an error in the rate, which is measured over all of the process's life, cannot add up.
 * Elsewhere each reading is a clock_gettime. */
#ifndef RS_TRACER_CLOCK_H
#define RS_TRACER_CLOCK_H

#include "tracer/sys.h"

/* Counts that an anchor serves: about 10 ms. */
#define RS_CLOCK_SPAN (1ull << 25)

struct rs_clock {
    uint64_t anchor_count;
    uint64_t anchor_time;
    uint64_t rate; /* nanoseconds a count, 32.32 fixed point; 0: not anchored yet */
};

extern int rs_clock_counter; /* 1: the counter is sound and its rate is known well enough */

/* Once, at start: notes the first anchor. Does not wait. */
void rs_clock_start(void);

/* The kernel's CLOCK_MONOTONIC and CLOCK_REALTIME. Any thread, signal safe. */
uint64_t rs_clock_monotonic(void);
uint64_t rs_clock_realtime(void);

uint64_t rs_clock_anchor(struct rs_clock *clock);

#if defined(__x86_64__)
#define RS_CLOCK_COUNT() __builtin_ia32_rdtsc()
#else
#define RS_CLOCK_COUNT() 0ull
#endif

/* A moment, as cheaply as it can be noted, and how many nanoseconds ago it was. Within one machine, in any process. Any thread,
 * signal safe. */
static inline uint64_t rs_clock_mark(void) {
    return rs_likely(rs_clock_counter) ? RS_CLOCK_COUNT() : rs_clock_monotonic();
}
uint64_t rs_clock_since(uint64_t mark);

/* Now. `clock` is the caller's alone. */
static inline uint64_t rs_clock_now(struct rs_clock *clock) {
    uint64_t passed = RS_CLOCK_COUNT() - clock->anchor_count;
    if (rs_likely(passed < RS_CLOCK_SPAN && clock->rate)) return clock->anchor_time + (passed * clock->rate >> 32);
    return rs_clock_anchor(clock);
}

#endif
