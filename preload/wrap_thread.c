/* wrap_thread.c: threads are made. Each begins in a function of ours (threads.h), which leaves no frame. */
#include "preload/threads.h"
#include "preload/wrap.h"

#include <pthread.h>
#include <threads.h>

RS_JUMPS static void *begin_posix(void *place) {
    struct rs_start start = rs_thread_begins((uint32_t)(uintptr_t)place);
    return start.run.posix(start.argument);
}

RS_JUMPS static int begin_c11(void *place) {
    struct rs_start start = rs_thread_begins((uint32_t)(uintptr_t)place);
    return start.run.c11(start.argument);
}

RS_EXPORT int pthread_create(pthread_t *restrict thread, const pthread_attr_t *restrict attributes,
                             void *(*run)(void *), void *restrict argument) {
    uint32_t place = rs_thread_asked((struct rs_start){.run.posix = run, .argument = argument});
    if (!place) return real.pthread_create(thread, attributes, run, argument);
    int result = real.pthread_create(thread, attributes, begin_posix, (void *)(uintptr_t)place);
    if (result) rs_thread_not_made(place);
    return result;
}

RS_EXPORT int thrd_create(thrd_t *thread, thrd_start_t run, void *argument) {
    uint32_t place = rs_thread_asked((struct rs_start){.run.c11 = run, .argument = argument});
    if (!place) return real.thrd_create(thread, run, argument);
    int result = real.thrd_create(thread, begin_c11, (void *)(uintptr_t)place);
    if (result != thrd_success) rs_thread_not_made(place);
    return result;
}
