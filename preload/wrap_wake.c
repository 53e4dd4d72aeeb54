/* wrap_wake.c: threads wake each other. What comes of it is in infer.h; here it is only passed on.
 *
 * A wait that ends within moments whatever happens is no wait for work: so Python's threads take the interpreter in turns. */
#include "preload/infer.h"
#include "preload/wrap.h"
#include "tracer/clock.h"

#include <pthread.h>
#include <semaphore.h>
#include <threads.h>
#include <time.h>

#define MOMENT 20000000ll /* ns */

static bool is_moment(const struct timespec *until, clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    int64_t left = (int64_t)(until->tv_sec - now.tv_sec) * 1000000000 + (until->tv_nsec - now.tv_nsec);
    return left < MOMENT && left > -MOMENT;
}

/* By which clock a condition counts is its own matter. */
static void woken_until(const void *at, const struct timespec *until) {
    if (!rs_inferring || is_moment(until, CLOCK_MONOTONIC) || is_moment(until, CLOCK_REALTIME)) return;
    rs_infer_woken(at);
}

#define WAKES(name, type)          \
    RS_EXPORT int name(type *at) { \
        rs_infer_wakes(at);        \
        return real.name(at);      \
    }
#define WAITS(name, params, args, done, woken) \
    RS_EXPORT int name params {                \
        int result = real.name args;           \
        if (result == (done)) woken;           \
        return result;                         \
    }

WAKES(pthread_cond_signal, pthread_cond_t)
WAKES(pthread_cond_broadcast, pthread_cond_t)
WAKES(cnd_signal, cnd_t)
WAKES(cnd_broadcast, cnd_t)
WAKES(sem_post, sem_t)

WAITS(pthread_cond_wait, (pthread_cond_t *restrict at, pthread_mutex_t *restrict mutex), (at, mutex), 0,
      rs_infer_woken(at))
WAITS(pthread_cond_timedwait,
      (pthread_cond_t *restrict at, pthread_mutex_t *restrict mutex, const struct timespec *restrict until),
      (at, mutex, until), 0, woken_until(at, until))
WAITS(pthread_cond_clockwait,
      (pthread_cond_t *restrict at, pthread_mutex_t *restrict mutex, clockid_t clock,
       const struct timespec *restrict until),
      (at, mutex, clock, until), 0, woken_until(at, until))
WAITS(cnd_wait, (cnd_t * at, mtx_t *mutex), (at, mutex), thrd_success, rs_infer_woken(at))
WAITS(cnd_timedwait, (cnd_t *restrict at, mtx_t *restrict mutex, const struct timespec *restrict until),
      (at, mutex, until), thrd_success, woken_until(at, until))
WAITS(sem_wait, (sem_t * at), (at), 0, rs_infer_woken(at))
WAITS(sem_timedwait, (sem_t *restrict at, const struct timespec *restrict until), (at, until), 0,
      woken_until(at, until))
WAITS(sem_clockwait, (sem_t *restrict at, clockid_t clock, const struct timespec *restrict until), (at, clock, until),
      0, woken_until(at, until))
