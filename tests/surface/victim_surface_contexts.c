/* victim_surface_contexts.c: jumps out of functions and between stacks: they arrive, with what they carry; the request that is
 * current stays current, and the guard goes on seeing. */
#include "surface.h"

#include <setjmp.h>
#include <sys/time.h>
#include <ucontext.h>

/* A finding, after whatever happened: the guard sees, and the current context is b where b was switched to. */
static void guard_still_sees(struct subject *subject) {
    MUST(reqscope_current() == a && write(subject->fd, "x", 1) == 1 && all_reports() == 0);
    reqscope_switch(b);
    MUST(write(subject->fd, "x", 1) == 1 && all_reports() == 1);
}

static jmp_buf place;
static sigjmp_buf signal_place;

__attribute__((noinline)) static void jump(int value) {
    volatile char frame[64];
    frame[value] = 1;
    MUST(frame[value] == 1);
    CALLED(void, void *, int)(&place, value);
}

static long call_longjmp(struct subject *subject) {
    volatile int times = 0;
    file(subject);
    int value = setjmp(place);
    times++;
    if (times == 1) jump(0);
    MUST(times != 2 || value == 1); /* 0 arrives as 1 */
    if (times == 2) jump(7);
    guard_still_sees(subject);
    return value;
}

static void jump_out(int number) {
    (void)number;
    CALLED(void, void *, int)(&signal_place, 7);
}

/* Out of a handler that came while the guard's own function waited. */
static long jump_out_of_a_read(struct subject *subject) {
    struct itimerval soon = {.it_value = {0, 1000}, .it_interval = {0, 1000}}, never = {0};
    int ends[2] = {-1, -1};
    char byte;
    file(subject);
    MUST(!pipe(ends));
    signal(SIGALRM, jump_out);
    int value = sigsetjmp(signal_place, 1);
    if (!value) {
        MUST(!setitimer(ITIMER_REAL, &soon, NULL));
        (void)!read(ends[0], &byte, 1);
        return -2;
    }
    setitimer(ITIMER_REAL, &never, NULL);
    sigset_t blocked;
    MUST(!sigprocmask(SIG_SETMASK, NULL, &blocked) && !sigismember(&blocked, SIGALRM));
    MUST(write(ends[1], "y", 1) == 1 && read(ends[0], &byte, 1) == 1 && byte == 'y');
    guard_still_sees(subject);
    return value;
}

/* ---- stacks --------------------------------------------------------------------------------------------------------
 */

static ucontext_t here, there;
static char stack[1 << 17];
static long sum;
static int turns, fd_there;

/* A coroutine that does I/O on its own stack. */
static void coroutine(int one, int two, int three, int four, int five, int six, int seven, int eight) {
    sum = one + 10 * two + 100 * three + 1000 * four + 10000 * five + 100000 * six + 1000000 * seven + 10000000 * eight;
    for (turns = 1; turns < 4; turns++) {
        MUST(write(fd_there, "x", 1) == 1 && reqscope_current() == a);
        MUST(!swapcontext(&there, &here));
    }
}

static void prepare_coroutine(void) {
    MUST(!getcontext(&there));
    there.uc_stack.ss_sp = stack;
    there.uc_stack.ss_size = sizeof stack;
    there.uc_link = &here;
}

static long call_makecontext(struct subject *subject) {
    file(subject);
    fd_there = subject->fd;
    prepare_coroutine();
    CALLED(void, ucontext_t *, void (*)(void), int, ...)
    (&there, (void (*)(void))coroutine, 8, 1, 2, 3, 4, 5, 6, 7, 8);
    for (int i = 1; i < 5; i++) MUST(!swapcontext(&here, &there) && turns == i);
    guard_still_sees(subject);
    return sum;
}

static void swaps(void) {
    for (turns = 1; turns < 4; turns++) {
        MUST(write(fd_there, "x", 1) == 1 && reqscope_current() == a);
        MUST(!CALLED(int, ucontext_t *, const ucontext_t *)(&there, &here));
    }
}

static long call_swapcontext(struct subject *subject) {
    file(subject);
    fd_there = subject->fd;
    prepare_coroutine();
    makecontext(&there, swaps, 0);
    for (int i = 1; i < 5; i++) MUST(!CALLED(int, ucontext_t *, const ucontext_t *)(&here, &there) && turns == i);
    guard_still_sees(subject);
    return turns;
}

static long call_setcontext(struct subject *subject) {
    volatile int times = 0;
    file(subject);
    MUST(!getcontext(&here));
    if (++times < 5) CALLED(int, const ucontext_t *)(&here);
    guard_still_sees(subject);
    return times;
}

static const struct surface rows[] = {
    WORKS(longjmp, NULL, call_longjmp, 7, .reports = 1),
    WORKS(_longjmp, NULL, call_longjmp, 7, .reports = 1),
    WORKS(siglongjmp, NULL, call_longjmp, 7, .reports = 1),
    WORKS(__longjmp_chk, NULL, call_longjmp, 7, .reports = 1),
    WORKS(longjmp, "out of a handler", jump_out_of_a_read, 7, .reports = 1),
    WORKS(siglongjmp, "out of a handler", jump_out_of_a_read, 7, .reports = 1),
    WORKS(__longjmp_chk, "out of a handler", jump_out_of_a_read, 7, .reports = 1),
    WORKS(makecontext, NULL, call_makecontext, 87654321, .reports = 1),
    WORKS(swapcontext, NULL, call_swapcontext, 4, .reports = 1),
    WORKS(setcontext, NULL, call_setcontext, 5, .reports = 1),
};
SURFACE_MAIN(rows)
