/* victim_surface_threads.c: threads and what wakes them work as ever: values come, time runs out, cancellation is heeded; and the
 * tags stay. */
#include "surface.h"

#include <semaphore.h>
#include <threads.h>

static struct timespec in(clockid_t clock, long seconds) {
    struct timespec when;
    clock_gettime(clock, &when);
    when.tv_sec += seconds;
    return when;
}

/* ---- threads -------------------------------------------------------------------------------------------------------
 */

/* A descriptor that a thread opens in a context is that context's, wherever it is asked for. */
static void *opens(void *argument) {
    reqscope_switch(b);
    *(int *)argument = open("/dev/null", O_RDWR);
    return argument;
}

static int opens_too(void *argument) {
    return opens(argument) == argument ? 7 : 0;
}

static long call_pthread_create(struct subject *subject) {
    pthread_t thread;
    void *result = NULL;
    int fd = -1;
    file(subject);
    MUST(!CALLED(int, pthread_t *, const pthread_attr_t *, void *(*)(void *), void *)(&thread, NULL, opens, &fd));
    MUST(!pthread_join(thread, &result) && result == &fd);
    MUST(reqscope_owner(fd) == b && reqscope_current() == a);
    tags_are_kept(subject);
    return 0;
}

static long call_thrd_create(struct subject *subject) {
    thrd_t thread;
    int result = 0, fd = -1;
    file(subject);
    MUST(CALLED(int, thrd_t *, thrd_start_t, void *)(&thread, opens_too, &fd) == thrd_success);
    MUST(thrd_join(thread, &result) == thrd_success && result == 7);
    MUST(reqscope_owner(fd) == b && reqscope_current() == a);
    tags_are_kept(subject);
    return 0;
}

/* ---- conditions ----------------------------------------------------------------------------------------------------
 */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static int waiting, go, value;

static int cond_wait(void) {
    return pthread_cond_wait(&condition, &mutex);
}

static int called_wait(void) {
    return CALLED(int, pthread_cond_t *, pthread_mutex_t *)(&condition, &mutex);
}

static int called_timedwait(void) {
    struct timespec until = in(CLOCK_REALTIME, VICTIM_SECONDS);
    return CALLED(int, pthread_cond_t *, pthread_mutex_t *, const struct timespec *)(&condition, &mutex, &until);
}

static int called_clockwait(void) {
    struct timespec until = in(CLOCK_MONOTONIC, VICTIM_SECONDS);
    return CALLED(int, pthread_cond_t *, pthread_mutex_t *, clockid_t,
                  const struct timespec *)(&condition, &mutex, CLOCK_MONOTONIC, &until);
}

static void unlock(void *argument) {
    value = -1;
    pthread_mutex_unlock(argument);
}

static void *waits(void *wait) {
    pthread_mutex_lock(&mutex);
    pthread_cleanup_push(unlock, &mutex);
    waiting++;
    while (!go) MUST(!(*(int (**)(void))wait)());
    pthread_cleanup_pop(0);
    value += 10;
    pthread_mutex_unlock(&mutex);
    return wait;
}

/* Starts so many threads that wait so; the mutex is held, and they all wait, when this is over. */
static void start(pthread_t *threads, int count, int (**wait)(void)) {
    waiting = go = value = 0;
    for (int i = 0; i < count; i++) MUST(!pthread_create(&threads[i], NULL, waits, wait));
    pthread_mutex_lock(&mutex);
    while (waiting < count) {
        pthread_mutex_unlock(&mutex);
        sched_yield();
        pthread_mutex_lock(&mutex);
    }
}

static long woken(struct subject *subject, int (*wait)(void), int (*wake)(pthread_cond_t *), int count) {
    pthread_t threads[4];
    file(subject);
    start(threads, count, &wait);
    go = 1;
    MUST(!wake(&condition));
    pthread_mutex_unlock(&mutex);
    for (int i = 0; i < count; i++) MUST(!pthread_join(threads[i], NULL));
    tags_are_kept(subject);
    return value;
}

static void cancelled(int (*wait)(void)) {
    pthread_t thread;
    void *result = NULL;
    start(&thread, 1, &wait);
    pthread_mutex_unlock(&mutex);
    MUST(!pthread_cancel(thread) && !pthread_join(thread, &result) && result == PTHREAD_CANCELED && value == -1);
    MUST(!pthread_mutex_trylock(&mutex) && !pthread_mutex_unlock(&mutex));
}

static long call_cond_wait(struct subject *subject) {
    cancelled(called_wait);
    return woken(subject, called_wait, pthread_cond_signal, 1);
}

static long call_cond_timedwait(struct subject *subject) {
    struct timespec past = in(CLOCK_REALTIME, -1);
    pthread_mutex_lock(&mutex);
    MUST(CALLED(int, pthread_cond_t *, pthread_mutex_t *, const struct timespec *)(&condition, &mutex, &past) ==
         ETIMEDOUT);
    pthread_mutex_unlock(&mutex);
    cancelled(called_timedwait);
    return woken(subject, called_timedwait, pthread_cond_signal, 1);
}

static long call_cond_clockwait(struct subject *subject) {
    struct timespec past = in(CLOCK_MONOTONIC, -1);
    pthread_mutex_lock(&mutex);
    MUST(CALLED(int, pthread_cond_t *, pthread_mutex_t *, clockid_t,
                const struct timespec *)(&condition, &mutex, CLOCK_MONOTONIC, &past) == ETIMEDOUT);
    pthread_mutex_unlock(&mutex);
    cancelled(called_clockwait);
    return woken(subject, called_clockwait, pthread_cond_signal, 1);
}

static long call_cond_signal(struct subject *subject) {
    return woken(subject, cond_wait, (int (*)(pthread_cond_t *))surface_called, 1);
}

static long call_cond_broadcast(struct subject *subject) {
    return woken(subject, cond_wait, (int (*)(pthread_cond_t *))surface_called, 4);
}

/* ---- C11's ---------------------------------------------------------------------------------------------------------
 */

static mtx_t mtx;
static cnd_t cnd;

static int c11_wait(void) {
    return cnd_wait(&cnd, &mtx);
}

static int called_cnd_wait(void) {
    return CALLED(int, cnd_t *, mtx_t *)(&cnd, &mtx);
}

static int called_cnd_timedwait(void) {
    struct timespec until = in(CLOCK_REALTIME, VICTIM_SECONDS);
    return CALLED(int, cnd_t *, mtx_t *, const struct timespec *)(&cnd, &mtx, &until);
}

static int c11_waits(void *wait) {
    mtx_lock(&mtx);
    waiting++;
    while (!go) MUST((*(int (**)(void))wait)() == thrd_success);
    value += 10;
    mtx_unlock(&mtx);
    return 7;
}

static long c11_woken(struct subject *subject, int (*wait)(void), int (*wake)(cnd_t *), int count) {
    thrd_t threads[4];
    int result = 0;
    file(subject);
    MUST(mtx_init(&mtx, mtx_plain) == thrd_success && cnd_init(&cnd) == thrd_success);
    for (int i = 0; i < count; i++) MUST(thrd_create(&threads[i], c11_waits, &wait) == thrd_success);
    mtx_lock(&mtx);
    while (waiting < count) {
        mtx_unlock(&mtx);
        thrd_yield();
        mtx_lock(&mtx);
    }
    go = 1;
    MUST(wake(&cnd) == thrd_success);
    mtx_unlock(&mtx);
    for (int i = 0; i < count; i++) MUST(thrd_join(threads[i], &result) == thrd_success && result == 7);
    tags_are_kept(subject);
    return value;
}

static long call_cnd_wait(struct subject *subject) {
    return c11_woken(subject, called_cnd_wait, cnd_signal, 1);
}

static long call_cnd_timedwait(struct subject *subject) {
    struct timespec past = in(CLOCK_REALTIME, -1);
    MUST(mtx_init(&mtx, mtx_plain) == thrd_success && cnd_init(&cnd) == thrd_success);
    mtx_lock(&mtx);
    MUST(CALLED(int, cnd_t *, mtx_t *, const struct timespec *)(&cnd, &mtx, &past) == thrd_timedout);
    mtx_unlock(&mtx);
    return c11_woken(subject, called_cnd_timedwait, cnd_signal, 1);
}

static long call_cnd_signal(struct subject *subject) {
    return c11_woken(subject, c11_wait, (int (*)(cnd_t *))surface_called, 1);
}

static long call_cnd_broadcast(struct subject *subject) {
    return c11_woken(subject, c11_wait, (int (*)(cnd_t *))surface_called, 4);
}

/* ---- semaphores ----------------------------------------------------------------------------------------------------
 */

static sem_t semaphore;

static int called_sem_wait(void) {
    return CALLED(int, sem_t *)(&semaphore);
}

static int called_sem_timedwait(void) {
    struct timespec until = in(CLOCK_REALTIME, VICTIM_SECONDS);
    return CALLED(int, sem_t *, const struct timespec *)(&semaphore, &until);
}

static int called_sem_clockwait(void) {
    struct timespec until = in(CLOCK_MONOTONIC, VICTIM_SECONDS);
    return CALLED(int, sem_t *, clockid_t, const struct timespec *)(&semaphore, CLOCK_MONOTONIC, &until);
}

static void *takes(void *take) {
    MUST(!(*(int (**)(void))take)());
    value = 10;
    return take;
}

/* One that is there is taken at once, one that comes is waited for, and who waits for one that does not come is cancelled. */
static long taken(struct subject *subject, int (*take)(void)) {
    pthread_t thread;
    void *result;
    file(subject);
    MUST(!sem_init(&semaphore, 0, 1) && !take());
    MUST(!pthread_create(&thread, NULL, takes, &take) && !sem_post(&semaphore));
    MUST(!pthread_join(thread, &result) && value == 10);
    MUST(!pthread_create(&thread, NULL, takes, &take) && !pthread_cancel(thread));
    MUST(!pthread_join(thread, &result) && result == PTHREAD_CANCELED);
    tags_are_kept(subject);
    return 0;
}

static long call_sem_wait(struct subject *subject) {
    return taken(subject, called_sem_wait);
}

static long call_sem_timedwait(struct subject *subject) {
    struct timespec past = in(CLOCK_REALTIME, -1);
    MUST(!sem_init(&semaphore, 0, 0));
    REFUSED(CALLED(int, sem_t *, const struct timespec *)(&semaphore, &past), ETIMEDOUT);
    return taken(subject, called_sem_timedwait);
}

static long call_sem_clockwait(struct subject *subject) {
    struct timespec past = in(CLOCK_MONOTONIC, -1);
    MUST(!sem_init(&semaphore, 0, 0));
    REFUSED(CALLED(int, sem_t *, clockid_t, const struct timespec *)(&semaphore, CLOCK_MONOTONIC, &past), ETIMEDOUT);
    return taken(subject, called_sem_clockwait);
}

static long call_sem_trywait(struct subject *subject) {
    file(subject);
    MUST(!sem_init(&semaphore, 0, 1) && !CALLED(int, sem_t *)(&semaphore));
    REFUSED(CALLED(int, sem_t *)(&semaphore), EAGAIN);
    tags_are_kept(subject);
    return 0;
}

static int plain_sem_wait(void) {
    return sem_wait(&semaphore);
}

static long call_sem_post(struct subject *subject) {
    int (*take)(void) = plain_sem_wait;
    pthread_t thread;
    int count = -1;
    file(subject);
    MUST(!sem_init(&semaphore, 0, 0) && !CALLED(int, sem_t *)(&semaphore));
    MUST(!sem_getvalue(&semaphore, &count) && count == 1 && !sem_wait(&semaphore));
    MUST(!pthread_create(&thread, NULL, takes, &take) && !CALLED(int, sem_t *)(&semaphore));
    MUST(!pthread_join(thread, NULL) && value == 10);
    tags_are_kept(subject);
    return 0;
}

static const struct surface rows[] = {
    WORKS(pthread_create, NULL, call_pthread_create, 0),
    WORKS(thrd_create, NULL, call_thrd_create, 0),
    WORKS(pthread_cond_wait, NULL, call_cond_wait, 10),
    WORKS(pthread_cond_timedwait, NULL, call_cond_timedwait, 10),
    WORKS(pthread_cond_clockwait, NULL, call_cond_clockwait, 10),
    WORKS(pthread_cond_signal, NULL, call_cond_signal, 10),
    WORKS(pthread_cond_broadcast, NULL, call_cond_broadcast, 40),
    WORKS(cnd_wait, NULL, call_cnd_wait, 10),
    WORKS(cnd_timedwait, NULL, call_cnd_timedwait, 10),
    WORKS(cnd_signal, NULL, call_cnd_signal, 10),
    WORKS(cnd_broadcast, NULL, call_cnd_broadcast, 40),
    WORKS(sem_wait, NULL, call_sem_wait, 0),
    WORKS(sem_timedwait, NULL, call_sem_timedwait, 0),
    WORKS(sem_clockwait, NULL, call_sem_clockwait, 0),
    WORKS(sem_trywait, NULL, call_sem_trywait, 0),
    WORKS(sem_post, NULL, call_sem_post, 0),
};
SURFACE_MAIN(rows)
