/* hold.h: signals that wait while the recorder changes packets.
 *
 * Two reasons. A file that would grow beyond the process's limit (ulimit -f) raises SIGXFSZ, which ends a process: held and
 * taken away, all that is left is the error EFBIG. And a handler there could jump away and leave a packet half made, or make
 * fallocate fail with EINTR. What the processor itself raises is not held: the kernel kills who blocks that. */
#ifndef RS_TRACER_HOLD_H
#define RS_TRACER_HOLD_H

#include "tracer/sys.h"

#include <signal.h>
#include <stdbool.h>
#include <time.h>

#define RS_SIGNAL_BIT(number) (1ull << ((number)-1))
#define RS_SIGNALS_NOT_HELD                                                                           \
    (RS_SIGNAL_BIT(SIGSEGV) | RS_SIGNAL_BIT(SIGBUS) | RS_SIGNAL_BIT(SIGILL) | RS_SIGNAL_BIT(SIGFPE) | \
     RS_SIGNAL_BIT(SIGTRAP) | RS_SIGNAL_BIT(SIGSYS))

struct rs_held {
    uint64_t before; /* the thread's mask */
    bool had_xfsz;   /* it was pending already: not ours to take */
};

static inline struct rs_held rs_hold_signals(void) {
    struct rs_held held = {0, false};
    uint64_t wanted = ~RS_SIGNALS_NOT_HELD, pending = 0;
    rs_sys(SYS_rt_sigprocmask, SIG_BLOCK, &wanted, &held.before, sizeof wanted);
    rs_sys(SYS_rt_sigpending, &pending, sizeof pending);
    held.had_xfsz = pending & RS_SIGNAL_BIT(SIGXFSZ);
    return held;
}

static inline void rs_release_signals(const struct rs_held *held) {
    uint64_t xfsz = RS_SIGNAL_BIT(SIGXFSZ);
    struct timespec none = {0, 0};
    if (!held->had_xfsz) rs_sys(SYS_rt_sigtimedwait, &xfsz, 0, &none, sizeof xfsz);
    rs_sys(SYS_rt_sigprocmask, SIG_SETMASK, &held->before, 0, sizeof held->before);
}

#endif
