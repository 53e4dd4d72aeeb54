/* victim_threads.c: cancellation, jumps out of handlers, other stacks, small stacks, handlers that do I/O. */
#include "victim.h"

#include <dirent.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <ucontext.h>

static reqscope_id a, b;
static int pair[2];      /* pair[0] is a's */
static int foreign = -1; /* a's: b may not */
static int done[2];      /* a pipe */

static void begin(void) {
    MUST(reqscope_active());
    MUST(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair) && !pipe(done));
    a = reqscope_begin("A");
    b = reqscope_begin("B");
    reqscope_switch(a);
    MUST((foreign = open("/dev/zero", O_RDWR)) >= 0);
    reqscope_give(pair[0], a);
}

/* Does the guard work on this thread, and tell whose? */
static int guarded(void) {
    reqscope_id before = reqscope_switch(b);
    char byte;
    errno = 0;
    int refused = read(foreign, &byte, 1) == -1 && errno == EPERM;
    reqscope_switch(a);
    int fd = open("/dev/null", O_RDONLY);
    int tagged = fd >= 0 && reqscope_owner(fd) == a && !close(fd) && !reqscope_owner(fd);
    reqscope_switch(before);
    return refused && tagged;
}

/* ---- cancellation ------------------------------------------------------------------------------------------------ */

static volatile int cleaned, reached;

static void clean_up(void *argument) {
    (void)argument;
    reqscope_switch(a);
    int fd = open("/dev/null", O_RDONLY);
    /* The guard works in cleanup handlers, too: a number closed here has no tag any more. */
    cleaned = fd >= 0 && reqscope_owner(fd) == a && !close(fd) && !reqscope_owner(fd);
}

static pthread_barrier_t ready;

#define BLOCKS_IN(name, call)                 \
    static void *name(void *argument) {       \
        char byte;                            \
        (void)argument, (void)byte;           \
        pthread_cleanup_push(clean_up, NULL); \
        pthread_barrier_wait(&ready);         \
        (void)!(call);                        \
        reached = 1;                          \
        pthread_cleanup_pop(0);               \
        return NULL;                          \
    }

static int listener = -1;
BLOCKS_IN(blocks_in_read, read(pair[1], &byte, 1))
BLOCKS_IN(blocks_in_recv, recv(pair[1], &byte, 1, 0))
BLOCKS_IN(blocks_in_accept, accept(listener, NULL, NULL))
BLOCKS_IN(blocks_in_select, select(0, NULL, NULL, NULL, NULL))

static int is_cancelled(void *(*body)(void *)) {
    pthread_t thread;
    void *result = NULL;
    cleaned = reached = 0;
    pthread_barrier_init(&ready, NULL, 2);
    MUST(!pthread_create(&thread, NULL, body, NULL));
    pthread_barrier_wait(&ready);
    MUST(!pthread_cancel(thread) && !pthread_join(thread, &result));
    return result == PTHREAD_CANCELED && cleaned && !reached;
}

static int blocked_threads_can_be_cancelled(void) {
    begin();
    listener = socket(AF_INET, SOCK_STREAM, 0);
    MUST(!listen(listener, 1));
    MUST(is_cancelled(blocks_in_read));
    MUST(is_cancelled(blocks_in_recv));
    MUST(is_cancelled(blocks_in_accept));
    MUST(is_cancelled(blocks_in_select));
    MUST(guarded());
    return 0;
}

/* Cancelled on entry, already: close() is a cancellation point, and so on. */
static void *is_cancelled_before(void *argument) {
    pthread_cleanup_push(clean_up, NULL);
    pthread_cancel(pthread_self());
    if (argument)
        close(-1);
    else
        write(pair[1], "", 0);
    reached = 1;
    pthread_cleanup_pop(0);
    return NULL;
}

static int close_and_write_are_cancellation_points(void) {
    begin();
    for (uintptr_t i = 0; i < 2; i++) {
        pthread_t thread;
        void *result;
        cleaned = reached = 0;
        MUST(!pthread_create(&thread, NULL, is_cancelled_before, (void *)i) && !pthread_join(thread, &result));
        MUST(result == PTHREAD_CANCELED && cleaned && !reached);
    }
    return 0;
}

/* These are none: with a cancellation pending they do their work and return. What the guard does inside must not end
 * them. */
static const char *volatile point;

static __attribute__((noinline)) int deep(int depth) {
    volatile char room[400];
    room[0] = (char)depth;
    if (depth) return deep(depth - 1) + room[0] * 0;
    int ends[2];
    point = "socket", socket(AF_UNIX, SOCK_STREAM, 0);
    point = "pipe", pipe(ends);
    point = "socketpair", socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
    point = "dup", dup(0);
    point = "dup2", dup2(0, 300);
    point = "shutdown", shutdown(ends[0], SHUT_RD);
    point = "begin", reqscope_begin("x");
    reached++;
    return 0;
}

static void *works_with_a_cancellation_pending(void *argument) {
    (void)argument;
    pthread_cancel(pthread_self());
    for (int depth = 0; depth < 40; depth++) deep(depth);
    pthread_testcancel();
    return NULL;
}

static int other_calls_are_no_cancellation_points(void) {
    pthread_t thread;
    void *result;
    begin();
    for (int round = 0; round < 5; round++) {
        reached = 0;
        MUST(!pthread_create(&thread, NULL, works_with_a_cancellation_pending, NULL) && !pthread_join(thread, &result));
        if (reached != 40) {
            victim_say("%s was one, in round %d; ", point, reached);
            return 1;
        }
        MUST(result == PTHREAD_CANCELED);
        MUST(!close_range((unsigned)done[1] + 2, ~0U, 0) || errno == EPERM);
    }
    return 0;
}

/* A read that finds something wrong (report, stack) and is cancelled then: the guard is whole afterwards. */
static void *finds_with_a_cancellation_pending(void *argument) {
    (void)argument;
    pthread_cleanup_push(clean_up, NULL);
    reqscope_switch(b);
    pthread_cancel(pthread_self());
    read(foreign, &argument, 1);
    reached = 1;
    pthread_testcancel();
    pthread_cleanup_pop(0);
    return NULL;
}

static int a_cancelled_finding_leaves_the_guard_whole(void) {
    pthread_t thread;
    void *result;
    begin();
    MUST(!pthread_create(&thread, NULL, finds_with_a_cancellation_pending, NULL) && !pthread_join(thread, &result));
    MUST(result == PTHREAD_CANCELED && cleaned);
    MUST(guarded());
    return 0;
}

static void exits(int signal) {
    (void)signal;
    pthread_exit((void *)7);
}

static void *reads_and_exits_in_a_handler(void *argument) {
    char byte;
    pthread_cleanup_push(clean_up, NULL);
    pthread_barrier_wait(&ready);
    (void)!read(pair[1], &byte, 1);
    pthread_cleanup_pop(0);
    return argument;
}

static int pthread_exit_unwinds_through_a_call(void) {
    struct sigaction action = {.sa_handler = exits};
    struct timespec pause = {0, 2000000};
    pthread_t thread;
    void *result = NULL;
    begin();
    pthread_barrier_init(&ready, NULL, 2);
    sigaction(SIGUSR1, &action, NULL);
    MUST(!pthread_create(&thread, NULL, reads_and_exits_in_a_handler, NULL));
    pthread_barrier_wait(&ready);
    nanosleep(&pause, NULL); /* wherever it is by then */
    MUST(!pthread_kill(thread, SIGUSR1) && !pthread_join(thread, &result));
    MUST(result == (void *)7 && cleaned && guarded());
    return 0;
}

/* ---- jumps --------------------------------------------------------------------------------------------------------
 */

static sigjmp_buf out;
static volatile long steps_left;

static void jump(int signal) {
    (void)signal;
    siglongjmp(out, 1);
}

static int siglongjmp_out_of_a_blocked_read(void) {
    struct sigaction action = {.sa_handler = jump};
    struct itimerval soon = {{0, 0}, {0, 1000}};
    begin();
    sigaction(SIGALRM, &action, NULL);
    for (volatile int i = 0; i < 50; i++) {
        if (!sigsetjmp(out, 1)) {
            setitimer(ITIMER_REAL, &soon, NULL);
            char byte;
            (void)!read(pair[1], &byte, 1);
            MUST(!"read has returned");
        }
        MUST(guarded());
    }
    return 0;
}

#if defined(__x86_64__)
static void jump_at_step(int signal) {
    (void)signal;
    if (--steps_left == 0) siglongjmp(out, 1);
}

/* By the processor's trap flag: SIGTRAP after each instruction. */
#define STEP_ON() __asm__ volatile("pushfq; orq $0x100, (%%rsp); popfq" ::: "memory", "cc")
#define STEP_OFF() __asm__ volatile("pushfq; andq $~0x100, (%%rsp); popfq" ::: "memory", "cc")

static void reads_own(void) {
    char byte;
    (void)!read(foreign, &byte, 1); /* a's own: the fast path, and the recorder */
}

static void opens(void) {
    int fd = open("/dev/null", O_RDONLY); /* the unwinder, and the recorder */
    (void)fd;
}

/* How much lies in this process's trace. */
static long trace_size(void) {
    char path[4096];
    long size = 0;
    struct stat status;
    snprintf(path, sizeof path, "%s/victim_threads-%d", getenv("REQSCOPE_TRACE"), getpid());
    DIR *folder = opendir(path);
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        if (!fstatat(dirfd(folder), entry->d_name, &status, 0) && S_ISREG(status.st_mode)) size += status.st_size;
    }
    if (folder) closedir(folder);
    return size;
}

/* If a trace is recorded: are this thread's events in it? */
static int records(void) {
    char byte;
    if (!getenv("REQSCOPE_TRACE")) return 1;
    long before = trace_size();
    for (int i = 0; i < 100000; i++) (void)!read(foreign, &byte, 1);
    long grown = trace_size() - before;
    if (grown < 2000000) victim_say("the trace grew by %ld bytes, not by 4,000,000; ", grown);
    return grown >= 2000000;
}

static int jumped_out_of(void (*body)(void), long most, long stride) {
    struct sigaction action = {.sa_handler = jump_at_step, .sa_flags = SA_NODEFER};
    sigaction(SIGTRAP, &action, NULL);
    /* The first round, without steps, lets the unwinder learn these frames: it blocks all signals meanwhile. */
    for (volatile long step = 0; step < most; step += step ? stride : 1) {
        steps_left = step;
        if (!sigsetjmp(out, 1)) {
            if (step) STEP_ON();
            body();
            STEP_OFF();
            if (step) return records(); /* it came to its end: all of it was jumped out of */
        }
        if (!guarded()) {
            victim_say("not guarded after a jump at instruction %ld; ", (long)step);
            return 0;
        }
        close_range(100, 900, 0);
    }
    return 1;
}

static int siglongjmp_out_of_any_instruction_of_read(void) {
    begin();
    MUST(guarded());
    MUST(jumped_out_of(reads_own, 100000, 1));
    return 0;
}

static int siglongjmp_out_of_any_instruction_of_open(void) {
    begin();
    MUST(guarded());
    MUST(jumped_out_of(opens, 60000, 61));
    return 0;
}

/* ---- a handler that interrupts the unwinder ---------------------------------------------------------------------- */

static volatile int handler_failed;

static void does_all_at_step(int signal) {
    char bytes[8];
    int ends[2], saved = errno;
    (void)signal;
    if (--steps_left) return;
    /* What a handler may do, done as though nothing had been interrupted. */
    handler_failed = 1;
    if (pipe(ends) || ends[0] > 100 || write(ends[1], "ab", 2) != 2 || read(ends[0], bytes, 8) != 2) return;
    handler_failed = 2;
    if (reqscope_owner(ends[0]) != a) return;
    handler_failed = 3;
    if (close(ends[0]) || close(ends[1])) return;
    handler_failed = 4;
    if (reqscope_owner(ends[0]) || reqscope_owner(ends[1])) return;
    handler_failed = 0;
    errno = saved;
}

static int a_handler_at_any_instruction_of_open_may_use_pipes(void) {
    struct sigaction action = {.sa_handler = does_all_at_step};
    begin();
    sigaction(SIGTRAP, &action, NULL);
    for (long step = 0; step < 40000; step += step ? 37 : 1) {
        steps_left = step;
        if (step) STEP_ON(); /* not in the first round: see above */
        opens();
        STEP_OFF();
        if (handler_failed) {
            victim_say("the handler at instruction %ld of open failed at %d; ", step, handler_failed);
            return 1;
        }
        MUST(guarded());
        long left = steps_left;
        close_range((unsigned)done[1] + 2, 900, 0);
        if (step && left > 0) break;
    }
    return 0;
}
#else
static int not_here(void) {
    victim_say("needs the trap flag of x86-64");
    return VICTIM_SKIP;
}
#define siglongjmp_out_of_any_instruction_of_read not_here
#define siglongjmp_out_of_any_instruction_of_open not_here
#define a_handler_at_any_instruction_of_open_may_use_pipes not_here
#endif

/* ---- other stacks ------------------------------------------------------------------------------------------------ */

static ucontext_t main_context, coroutine_context;
static int coroutine_result;

static void coroutine(void) {
    char byte;
    for (int i = 0; i < 10; i++) {
        reqscope_id before = reqscope_switch(a);
        coroutine_result += read(foreign, &byte, 1) == 1;
        int fd = open("/dev/null", O_RDONLY);
        coroutine_result += reqscope_owner(fd) == a && !close(fd);
        reqscope_switch(before);
        swapcontext(&coroutine_context, &main_context);
    }
}

static int swapcontext_in_the_middle_of_requests(void) {
    static char stack[64 << 10];
    begin();
    reqscope_switch(b);
    getcontext(&coroutine_context);
    coroutine_context.uc_stack.ss_sp = stack;
    coroutine_context.uc_stack.ss_size = sizeof stack;
    coroutine_context.uc_link = &main_context;
    makecontext(&coroutine_context, coroutine, 0);
    for (int i = 0; i < 10; i++) {
        swapcontext(&main_context, &coroutine_context);
        MUST(reqscope_current() == b && guarded());
    }
    MUST(coroutine_result == 20);
    return 0;
}

static void *finds_on_a_small_stack(void *argument) {
    reqscope_switch(b);
    for (int i = 0; i < 100; i++) {
        if (read(foreign, &argument, 1) != -1 || errno != EPERM) return (void *)1;
    }
    reqscope_switch(a);
    for (int i = 0; i < 100; i++) close(open("/dev/null", O_RDONLY));
    FILE *stream = fopen("/dev/null", "r");
    if (!stream || fclose(stream)) return (void *)2;
    if (close(foreign)) return (void *)3;
    return NULL;
}

static int findings_on_a_stack_of_16_KiB(void) {
    pthread_attr_t attributes;
    pthread_t thread;
    void *result;
    begin();
    MUST(!pthread_attr_init(&attributes) && !pthread_attr_setstacksize(&attributes, 16384));
    MUST(!pthread_create(&thread, &attributes, finds_on_a_small_stack, NULL) && !pthread_join(thread, &result));
    MUST(!result && victim_reports("reqscope: foreign-io") == 1);
    return 0;
}

static volatile int handled;

static void finds_in_a_handler(int signal) {
    char byte;
    int saved = errno;
    (void)signal;
    reqscope_id before = reqscope_switch(b);
    handled = read(foreign, &byte, 1) == -1 && errno == EPERM;
    reqscope_switch(a);
    int fd = open("/dev/null", O_RDONLY);
    handled += reqscope_owner(fd) == a && !close(fd);
    reqscope_switch(before);
    errno = saved;
}

static int findings_on_a_signal_stack_of_8_KiB(void) {
    static char room[16384 + 8192] __attribute__((aligned(4096)));
    long minimum = sysconf(_SC_MINSIGSTKSZ);
    size_t size =
        8192 + (minimum > 3072 ? (size_t)(minimum - 3072 + 15) & ~15ul : 0); /* a larger frame of the kernel's own */
    stack_t stack = {.ss_sp = room + 8192, .ss_size = size};
    struct sigaction action = {.sa_handler = finds_in_a_handler, .sa_flags = SA_ONSTACK};
    begin();
    memset(room, 0x5a, sizeof room);
    MUST(size <= 16384 && !sigaltstack(&stack, NULL) && !sigaction(SIGUSR1, &action, NULL));
    for (int i = 0; i < 3; i++) MUST(!raise(SIGUSR1) && handled == 2);
    for (size_t i = 0; i < 8192; i++) {
        if (room[i] != 0x5a) {
            victim_say("%zu bytes below the signal stack (of %zu) were written to; ", 8192 - i, size);
            return 1;
        }
    }
    return 0;
}

/* ---- handlers at a high rate --------------------------------------------------------------------------------------
 */

static volatile long handler_reads;
static int zero = -1;

static void reads_in_a_handler(int signal) {
    char byte;
    int saved = errno;
    (void)signal;
    if (read(zero, &byte, 1) == 1) handler_reads++;
    errno = saved;
}

/* victims.sh counts the events in the trace: none may be missing. */
static int handlers_that_read_at_a_high_rate(void) {
    struct sigaction action = {.sa_handler = reads_in_a_handler, .sa_flags = SA_RESTART};
    struct itimerval often = {{0, 50}, {0, 50}}, never = {{0, 0}, {0, 0}};
    struct timespec now, end;
    char byte;
    long reads = 0;
    MUST((zero = open("/dev/zero", O_RDONLY)) >= 0);
    reqscope_begin("request");
    sigaction(SIGVTALRM, &action, NULL);
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec++;
    do {
        for (int i = 0; i < 500; i++) {
            ssize_t count = read(zero, &byte, 1);
            MUST(count == 1 || errno == EINTR);
            reads += count == 1;
        }
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while (now.tv_sec < end.tv_sec || (now.tv_sec == end.tv_sec && now.tv_nsec < end.tv_nsec));
    setitimer(ITIMER_REAL, &never, NULL);
    MUST(handler_reads > 1000);
    const char *out = getenv("VICTIM_COUNT"); /* for the one who counts */
    if (out) {
        FILE *file = fopen(out, "w");
        fprintf(file, "%d %ld\n", getpid(), reads + handler_reads);
        fclose(file);
    }
    return 0;
}

/* ---- a fork while others unwind -----------------------------------------------------------------------------------
 */

static volatile int stop;

/* Ways through a few functions, so that there are many different stacks. */
static int opens_deep(int depth);

#define OPENS(number)                                                \
    static __attribute__((noinline)) int opens_##number(int depth) { \
        return opens_deep(depth) + (number);                         \
    }
OPENS(0)
OPENS(1)
OPENS(2)
OPENS(3)
OPENS(4)
OPENS(5)
OPENS(6)
OPENS(7) static int (*const ways[8])(int) = {opens_0, opens_1, opens_2, opens_3, opens_4, opens_5, opens_6, opens_7};

static __attribute__((noinline)) int opens_deep(int depth) {
    if (depth > 0) return ways[depth * 5 % 8](depth - 1) + 1;
    int fd = open("/dev/null", O_RDONLY);
    return close(fd);
}

static void *opens_some(void *argument) {
    for (int i = 0; i < 60; i++) ways[i % 8](i * 7919 % 50);
    return argument;
}

/* A new thread's unwinding is not remembered yet, so it takes the unwinder's locks. */
static void *starts_threads_that_open(void *argument) {
    while (!stop) {
        pthread_t thread;
        if (!pthread_create(&thread, NULL, opens_some, NULL)) pthread_join(thread, NULL);
    }
    return argument;
}

/* open and close are async-signal-safe: a child of a threaded process may call them. */
static int a_child_of_a_threaded_process_may_open(void) {
    pthread_t threads[6];
    time_t latest = time(NULL) + 10; /* on a busy machine fewer must do */
    for (int i = 0; i < 6; i++) MUST(!pthread_create(&threads[i], NULL, starts_threads_that_open, NULL));
    for (int i = 0; i < 1000 && time(NULL) < latest; i++) {
        int status;
        pid_t pid = fork();
        if (!pid) {
            alarm(5);
            _exit(opens_deep(i % 30) < 0);
        }
        MUST(waitpid(pid, &status, 0) == pid);
        if (status) {
            victim_say("child %d ends with status 0x%x; ", i, status);
            return 1;
        }
    }
    stop = 1;
    for (int i = 0; i < 6; i++) pthread_join(threads[i], NULL);
    return 0;
}

/* A place of a context that has ended is another thread's at once: who ends one inside another is back in the other. */
static int strays;

static void *nests(void *argument) {
    time_t latest = time(NULL) + 2;
    while (time(NULL) < latest && !__atomic_load_n(&strays, __ATOMIC_RELAXED)) {
        for (int i = 0; i < 1000; i++) {
            reqscope_id outer = reqscope_begin("outer"), inner = reqscope_begin("inner");
            reqscope_end(inner);
            if (reqscope_current() != outer) __atomic_store_n(&strays, 1, __ATOMIC_RELAXED);
            reqscope_end(outer);
        }
    }
    return argument;
}

static int the_context_around_is_current_again(void) {
    pthread_t threads[16];
    for (int i = 0; i < 16; i++) MUST(!pthread_create(&threads[i], NULL, nests, NULL));
    for (int i = 0; i < 16; i++) pthread_join(threads[i], NULL);
    MUST(!strays);
    return 0;
}

/* Many threads find the same at once: it is one finding, counted right, and reported once. */
static pthread_barrier_t together;

static __attribute__((noinline)) ssize_t finds_deep(int depth) {
    char byte;
    if (depth > 0) return finds_deep(depth - 1) * 2;
    return read(foreign, &byte, 1);
}

static void *finds_together(void *argument) {
    for (int depth = 0; depth < 20; depth++) {
        reqscope_switch(b);
        pthread_barrier_wait(&together);
        finds_deep(depth);
        reqscope_switch(0);
    }
    return argument;
}

static int threads_that_find_the_same_at_once(void) {
    pthread_t threads[8];
    begin();
    pthread_barrier_init(&together, NULL, 8);
    for (int i = 0; i < 8; i++) MUST(!pthread_create(&threads[i], NULL, finds_together, NULL));
    for (int i = 0; i < 8; i++) pthread_join(threads[i], NULL);
    int reports = victim_reports("reqscope: foreign-io");
    if (reports != 20) victim_say("%d reports, not 20; ", reports);
    return reports != 20;
}

#define DENY "REQSCOPE_MODE=deny"
static const struct victim_test tests[] = {
    VICTIM(blocked_threads_can_be_cancelled, DENY),
    VICTIM(close_and_write_are_cancellation_points, DENY),
    VICTIM(other_calls_are_no_cancellation_points, DENY),
    VICTIM(a_cancelled_finding_leaves_the_guard_whole, DENY),
    VICTIM(pthread_exit_unwinds_through_a_call, DENY),
    VICTIM(siglongjmp_out_of_a_blocked_read, DENY),
    VICTIM(siglongjmp_out_of_any_instruction_of_read, DENY),
    VICTIM(siglongjmp_out_of_any_instruction_of_open, DENY),
    VICTIM(a_handler_at_any_instruction_of_open_may_use_pipes, DENY),
    VICTIM(swapcontext_in_the_middle_of_requests, DENY),
    VICTIM(findings_on_a_stack_of_16_KiB, DENY),
    VICTIM(findings_on_a_signal_stack_of_8_KiB, DENY),
    VICTIM(handlers_that_read_at_a_high_rate, NULL),
    VICTIM(a_child_of_a_threaded_process_may_open, NULL),
    VICTIM(the_context_around_is_current_again, NULL),
    VICTIM(threads_that_find_the_same_at_once, DENY),
};
VICTIM_MAIN(tests)
