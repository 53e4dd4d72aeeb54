/* victim_extremes.c: much of everything: findings that all differ, threads by the thousand, the highest numbers, the smallest
 * stacks. soak.sh runs it, plain and recording. */
#include "tests/programs/victim.h"

#include <dirent.h>
#include <malloc.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <ucontext.h>

static reqscope_id a, b;
static int foreign = -1; /* a's: b may not */

static void begin(void) {
    MUST(reqscope_active());
    a = reqscope_begin("A");
    b = reqscope_begin("B");
    reqscope_switch(a);
    MUST((foreign = open("/dev/zero", O_RDWR)) >= 0);
    reqscope_switch(0);
}

/* ---- findings that all differ -------------------------------------------------------------------------------------- */

static __attribute__((noinline)) int left(unsigned path, int depth);
static __attribute__((noinline)) int right(unsigned path, int depth);

/* Each path is another stack, so another finding. */
static inline __attribute__((always_inline)) int step(unsigned path, int depth) {
    char byte;
    if (!depth) return read(foreign, &byte, 1) == 1 || errno == EPERM;
    return (path & 1 ? left(path >> 1, depth - 1) : right(path >> 1, depth - 1)) * 2 / 2;
}

static int left(unsigned path, int depth) {
    int result = step(path, depth);
    __asm__ volatile("" ::: "memory"); /* no jump instead of the last call */
    return result;
}

static int right(unsigned path, int depth) {
    int result = step(path, depth);
    __asm__ volatile("" ::: "memory");
    return result;
}

#define DIFFERENT 1000

static void find_different(unsigned from) {
    reqscope_switch(b);
    for (unsigned path = from; path < from + DIFFERENT; path++) MUST(left(path, 11));
    reqscope_switch(0);
}

#define PIPES 1000
static struct { int ends[2]; } pipes[PIPES];
static int pipe_count;

/* Pipes on every number that there is, the guard's former ones and the unwinder's as well. */
static void make_pipes(void) {
    struct rlimit limit;
    MUST(!getrlimit(RLIMIT_NOFILE, &limit));
    limit.rlim_cur = limit.rlim_max < 4096 ? limit.rlim_max : 4096;
    MUST(!setrlimit(RLIMIT_NOFILE, &limit));
    while (pipe_count < PIPES && !pipe(pipes[pipe_count].ends)) {
        MUST(!fcntl(pipes[pipe_count].ends[0], F_SETFL, O_NONBLOCK));
        MUST(write(pipes[pipe_count].ends[1], "12345678", 8) == 8);
        pipe_count++;
    }
    MUST(pipe_count > 400);
}

static void pipes_are_intact(void) {
    for (int i = 0; i < pipe_count; i++) {
        char bytes[64];
        ssize_t count = read(pipes[i].ends[0], bytes, sizeof bytes);
        if (count == 8 && !memcmp(bytes, "12345678", 8)) continue;
        victim_say("the pipe %d %d holds %zd bytes", pipes[i].ends[0], pipes[i].ends[1], count);
        _exit(1);
    }
}

/* How many findings the log tells of: it is longer than what victim_read reads. */
static int reported(void) {
    static const char begins[] = "reqscope: foreign-io";
    char line[4096];
    int count = 0;
    FILE *log = fopen(getenv("REQSCOPE_LOG"), "r");
    while (log && fgets(line, sizeof line, log)) count += !strncmp(line, begins, sizeof begins - 1);
    if (log) fclose(log);
    return count;
}

static int all_are_reported(int findings) {
    int reports = reported();
    if (reports != findings) victim_say("%d reports, not %d; ", reports, findings);
    return reports == findings;
}

/* After everything from 3 on has been closed. */
static int a_thousand_findings(void) {
    make_pipes();
    begin();
    find_different(0);
    pipes_are_intact();
    return !all_are_reported(DIFFERENT);
}

static int pipes_after_closefrom_and_a_thousand_findings(void) {
    closefrom(3);
    return a_thousand_findings();
}

static int pipes_after_closes_and_a_thousand_findings(void) {
    for (int fd = 3; fd < 70000; fd++) close(fd);
    return a_thousand_findings();
}

/* The unwinder has been at work before. */
static int pipes_after_findings_and_closefrom_and_a_thousand_findings(void) {
    begin();
    find_different(DIFFERENT);
    MUST(all_are_reported(DIFFERENT));
    closefrom(3);
    make_pipes();
    MUST((foreign = open("/dev/zero", O_RDWR)) >= 0 && !reqscope_give(foreign, a));
    find_different(0);
    pipes_are_intact();
    return !all_are_reported(2 * DIFFERENT);
}

static void *finds_different(void *from) {
    find_different((unsigned)(uintptr_t)from);
    return NULL;
}

/* By new threads, in which nothing is warm. */
static int pipes_after_closefrom_and_findings_of_new_threads(void) {
    pthread_t threads[8];
    begin();
    closefrom(3);
    make_pipes();
    MUST((foreign = open("/dev/zero", O_RDWR)) >= 0 && !reqscope_give(foreign, a));
    for (uintptr_t i = 0; i < 8; i++) MUST(!pthread_create(&threads[i], NULL, finds_different, (void *)i));
    for (int i = 0; i < 8; i++) MUST(!pthread_join(threads[i], NULL));
    pipes_are_intact();
    return !all_are_reported(DIFFERENT + 8 - 1); /* each thread begins one further */
}

/* ---- ten thousand of them, twice ------------------------------------------------------------------------------------ */

#define MANY 10000
#define ROUNDS 31
#define READS 2000

static long resident(void) {
    const char *at = strstr(victim_read("/proc/self/status"), "VmRSS:");
    return at ? strtol(at + 6, NULL, 10) : 0;
}

/* Left or right fourteen times: the path's bits. */
static __attribute__((noinline)) void find_many(void) {
    reqscope_switch(b);
    for (unsigned path = 0; path < MANY; path++) MUST(left(path, 14));
    reqscope_switch(0);
}

static int compare(const void *left_number, const void *right_number) {
    long one = *(const long *)left_number, other = *(const long *)right_number;
    return (one > other) - (one < other);
}

/* Nanoseconds that READS reads of one's own take, the median of ROUNDS. */
static long ordinary_reads(void) {
    long times[ROUNDS];
    char byte;
    reqscope_switch(a);
    for (int round = 0; round < ROUNDS; round++) {
        struct timespec from, to;
        clock_gettime(CLOCK_MONOTONIC, &from);
        for (int i = 0; i < READS; i++) MUST(read(foreign, &byte, 1) == 1);
        clock_gettime(CLOCK_MONOTONIC, &to);
        times[round] = (to.tv_sec - from.tv_sec) * 1000000000 + to.tv_nsec - from.tv_nsec;
    }
    qsort(times, ROUNDS, sizeof *times, compare);
    reqscope_switch(0);
    return times[ROUNDS / 2];
}

static int ten_thousand_findings_twice(void) {
    long taken[2];
    volatile int rounds = 2; /* one call in a loop, so that they are the same again: nothing to unroll */
    begin();
    for (int round = 0; round < rounds; round++) {
        find_many();
        taken[round] = resident();
    }
    /* (A page here and there. When it is recorded what has just been written is mapped, too.) */
    long more = taken[1] - taken[0], most = getenv("REQSCOPE_TRACE") ? 2048 : 128;
    if (more > most) victim_say("%ld KiB more after the second time; ", more);
    return !all_are_reported(MANY) || more > most;
}

static int after_ten_thousand_findings_a_read_is_as_quick(void) {
    begin();
    ordinary_reads(); /* warm */
    long before = ordinary_reads();
    find_many();
    long after = ordinary_reads();
    /* The machine may have been busy just then. */
    for (int again = 0; again < 5 && 2 * after >= 3 * before; again++) after = ordinary_reads();
    if (2 * after >= 3 * before) victim_say("%d reads take %ld ns, not %ld; ", READS, after, before);
    return 2 * after >= 3 * before;
}

/* Each of them twice: no more and no less. */
static int ten_thousand_findings_are_counted(void) {
    static const char filter[] = "[.findings[].count] | \"\\(length) \\(min) \\(max) \\(add)\"";
    char program[4096], folder[] = "/tmp/reqscope-extremes.XXXXXX", script[9000];
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    MUST(length > 0);
    program[length] = 0;
    *strrchr(program, '/') = 0;
    snprintf(script, sizeof script, "command -v jq >/dev/null && test -x '%s/../reqscope'", program);
    if (victim_run("/bin/sh", (const char *[]){"sh", "-c", script, NULL}, NULL))
        return victim_say("the command reqscope or jq is not there"), VICTIM_SKIP;
    MUST(mkdtemp(folder));
    int status =
        victim_run("/proc/self/exe", (const char *[]){"victim_extremes", "ten_thousand_findings_twice", NULL}, folder);
    snprintf(script, sizeof script, "'%s/../reqscope' report --json '%s' | jq -r '%s' >'%s.told'; rm -rf '%s'", program,
             folder, filter, folder, folder);
    MUST(!victim_run("/bin/sh", (const char *[]){"sh", "-c", script, NULL}, NULL));
    snprintf(script, sizeof script, "%s.told", folder);
    const char *told = victim_read(script);
    unlink(script);
    int good = !status && !strcmp(told, "10000 2 2 20000\n");
    if (!good) victim_say("recorded: %s; ", told);
    return !good;
}

/* ---- threads -------------------------------------------------------------------------------------------------------- */

#define THREADS 10000

static void *lives_shortly(void *argument) {
    reqscope_id request = reqscope_begin("short");
    char byte;
    int fd = open("/dev/zero", O_RDONLY);
    int good = fd >= 0 && reqscope_owner(fd) == request && read(fd, &byte, 1) == 1 && !close(fd);
    if (argument) { /* now and then one does what it may not */
        errno = 0;
        good &= read(foreign, &byte, 1) == -1 && errno == EPERM;
    }
    reqscope_end(request);
    return good ? argument : (void *)-1;
}

/* If a trace is recorded: how many files it has. */
static int files_of_trace(void) {
    char path[4096];
    int count = 0;
    snprintf(path, sizeof path, "%s/victim_extremes-%d", getenv("REQSCOPE_TRACE") ? getenv("REQSCOPE_TRACE") : "",
             getpid());
    DIR *folder = opendir(path);
    while (folder && readdir(folder)) count++;
    if (folder) closedir(folder);
    return count;
}

static int ten_thousand_threads_one_after_the_other(void) {
    long warm = 0;
    begin();
    for (int i = 0; i < THREADS; i++) {
        pthread_t thread;
        void *argument = i % 100 ? NULL : &foreign, *result;
        MUST(!pthread_create(&thread, NULL, lives_shortly, argument) && !pthread_join(thread, &result));
        MUST(result == argument);
        if (i == THREADS / 10) warm = resident();
    }
    MUST(victim_reports("reqscope: foreign-io") == 1);
    long more = resident() - warm;
    if (more > 2048) victim_say("%ld KiB more than after a tenth of the threads; ", more);
    int files = files_of_trace();
    if (files > 40) victim_say("%d files in the trace; ", files);
    return more > 2048 || files > 40;
}

static int ten_thousand_threads_fifty_at_a_time(void) {
    pthread_t threads[50];
    void *result;
    begin();
    for (int round = 0; round < THREADS / 50; round++) {
        for (int i = 0; i < 50; i++) MUST(!pthread_create(&threads[i], NULL, lives_shortly, i ? NULL : &foreign));
        for (int i = 0; i < 50; i++) MUST(!pthread_join(threads[i], &result) && result == (i ? NULL : &foreign));
    }
    MUST(victim_reports("reqscope: foreign-io") == 1);
    return 0;
}

/* ---- a handler within malloc ---------------------------------------------------------------------------------------- */

static int stop; /* atomic */
static long handled;

static void opens_in_a_handler(int signal) {
    int saved = errno;
    (void)signal;
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (fd >= 0) close(fd);
    __atomic_fetch_add(&handled, 1, __ATOMIC_RELAXED);
    errno = saved;
}

static void *allocates(void *argument) {
    while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
        void *memory[16];
        for (size_t i = 0; i < 16; i++) memory[i] = malloc(1500 + 300 * i); /* too large for what a thread keeps */
        for (size_t i = 0; i < 16; i++) free(memory[i]);
    }
    return argument;
}

/* open may be called in a handler, also by a thread that has opened nothing before: then the unwinder's first use of that
 * thread's own variables must not wait for the memory allocator, which is what the handler has interrupted. */
static int the_first_open_of_a_thread_may_be_in_a_handler_within_malloc(void) {
    struct sigaction action = {.sa_handler = opens_in_a_handler, .sa_flags = SA_RESTART};
    MUST(!sigaction(SIGUSR1, &action, NULL));
    MUST(mallopt(M_ARENA_MAX, 1)); /* one lock for all */
    for (int round = 0; round < 400; round++) {
        pthread_t threads[4];
        __atomic_store_n(&stop, 0, __ATOMIC_RELAXED);
        for (int i = 0; i < 4; i++) MUST(!pthread_create(&threads[i], NULL, allocates, NULL));
        sched_yield();
        for (int i = 0; i < 4; i++) MUST(!pthread_kill(threads[i], SIGUSR1));
        while (__atomic_load_n(&handled, __ATOMIC_RELAXED) < 4L * (round + 1)) sched_yield();
        __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
        for (int i = 0; i < 4; i++) MUST(!pthread_join(threads[i], NULL));
    }
    return 0;
}

/* ---- the highest number, the smallest stack --------------------------------------------------------------------------- */

/* 1,000,000, or the highest that may be. */
static int a_finding_on_the_highest_number(void) {
    struct rlimit limit;
    char byte, begins[80];
    int status;
    begin();
    MUST(!getrlimit(RLIMIT_NOFILE, &limit));
    if (limit.rlim_max <= 1000000) {
        struct rlimit more = {1000001, 1000001};
        if (!setrlimit(RLIMIT_NOFILE, &more)) limit = more;
    }
    limit.rlim_cur = limit.rlim_max;
    int highest = limit.rlim_max > 1000000 ? 1000000 : (int)limit.rlim_max - 1;
    MUST(!setrlimit(RLIMIT_NOFILE, &limit));
    MUST(fcntl(foreign, F_DUPFD, highest) == highest && reqscope_owner(highest) == a);
    reqscope_switch(b);
    REFUSED(read(highest, &byte, 1), EPERM);
    snprintf(begins, sizeof begins, "reqscope: foreign-io: B (context %llu) reads from fd %d", (unsigned long long)b,
             highest);
    MUST(victim_reports(begins) == 1);
    REFUSED(close(highest), EPERM);
    reqscope_switch(a);
    pid_t pid = fork();
    if (!pid) _exit(read(highest, &byte, 1) != 1 || reqscope_owner(highest) != a || close(highest));
    MUST(waitpid(pid, &status, 0) == pid && !status);
    MUST(!close_range((unsigned)highest - 10, ~0U, 0) && !reqscope_owner(highest));
    return 0;
}

static ucontext_t main_context, coroutine_context;
static int coroutine_result;

static void finds_in_a_coroutine(void) {
    char byte;
    for (int i = 0; i < 50; i++) {
        reqscope_id before = reqscope_switch(b);
        errno = 0;
        coroutine_result += read(foreign, &byte, 1) == -1 && errno == EPERM;
        reqscope_switch(a);
        int fd = open("/dev/null", O_RDONLY);
        coroutine_result += fd >= 0 && reqscope_owner(fd) == a && !close(fd);
        reqscope_switch(before);
        swapcontext(&coroutine_context, &main_context);
    }
}

/* A coroutine's stack of 16 KiB, with what lies below it watched. */
static int findings_on_a_coroutines_stack_of_16_KiB(void) {
    static unsigned char room[4096 + 16384] __attribute__((aligned(4096)));
    begin();
    memset(room, 0x5a, 4096);
    MUST(!getcontext(&coroutine_context));
    coroutine_context.uc_stack.ss_sp = room + 4096;
    coroutine_context.uc_stack.ss_size = sizeof room - 4096;
    coroutine_context.uc_link = &main_context;
    makecontext(&coroutine_context, finds_in_a_coroutine, 0);
    for (int i = 0; i < 50; i++) MUST(!swapcontext(&main_context, &coroutine_context) && !reqscope_current());
    MUST(coroutine_result == 100 && victim_reports("reqscope: foreign-io") == 1);
    for (int i = 0; i < 4096; i++) MUST(room[i] == 0x5a);
    return 0;
}

#define DENY "REQSCOPE_MODE=deny"
static const struct victim_test tests[] = {
    VICTIM(pipes_after_closefrom_and_a_thousand_findings, NULL),
    VICTIM(pipes_after_closes_and_a_thousand_findings, NULL),
    VICTIM(pipes_after_findings_and_closefrom_and_a_thousand_findings, NULL),
    VICTIM(pipes_after_closefrom_and_findings_of_new_threads, NULL),
    VICTIM(ten_thousand_findings_twice, NULL),
    VICTIM(after_ten_thousand_findings_a_read_is_as_quick, NULL),
    VICTIM(ten_thousand_findings_are_counted, NULL),
    VICTIM(ten_thousand_threads_one_after_the_other, DENY),
    VICTIM(ten_thousand_threads_fifty_at_a_time, DENY),
    VICTIM(the_first_open_of_a_thread_may_be_in_a_handler_within_malloc, NULL),
    VICTIM(a_finding_on_the_highest_number, DENY),
    VICTIM(findings_on_a_coroutines_stack_of_16_KiB, DENY),
};
VICTIM_MAIN(tests)
