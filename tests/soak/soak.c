/* soak.c: sixteen threads open, accept, duplicate, pass, hand over, fork and close for as long as they are told, all of it
 * clean (ops.c). Every few seconds, and at the end, they stand still and everything is compared: what the program has open,
 * what /proc/self/fd shows, what the guard's table says; and the process's memory is noted.
 *
 *     soak [--seconds N] [--seed N] [--threads N] [--check-every N] [--without OPERATION,...] [--children N]
 *          [--flat KIB] [--final FILE]
 *
 * It works in the current folder, which should be empty. --final names a file for a line `number kind owner` for each
 * description that is open at the end: soak.sh compares it with the trace. It ends with 0 when everything held; its last
 * lines say what was done and what memory it took. Without the guard it runs as well: it is a program like others. */
#include "soak.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifdef SOAK_LINKED
#include "preload/fdtable.h"
#endif

#define SIGNAL_STACK (64u << 10)
/* From then on memory must be flat; half of a shorter run. */
#define WARM_SECONDS 60

struct soak soak = {.threads = MOST_THREADS, .children_a_second = 25};
__thread struct worker *soak_self;

static struct {
    long seconds, check_every, flat;
    const char *final;
} options = {.seconds = 60, .check_every = 5, .flat = 0};

static bool pausing, stopping;                     /* atomic */
static pthread_barrier_t arrived, quiet, going_on; /* the threads and the one that compares */

/* ---- saying ------------------------------------------------------------------------------------------------------ */

static void say(int fd, const char *format, va_list arguments) {
    char line[4096];
    int length = vsnprintf(line, sizeof line - 1, format, arguments);
    if (length > (int)sizeof line - 2) length = (int)sizeof line - 2;
    line[length++] = '\n';
    syscall(SYS_write, fd, line, length);
}

void soak_say(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    say(1, format, arguments);
    va_end(arguments);
}

void soak_fail(const char *format, ...) {
    va_list arguments;
    char text[1024];
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    soak_say("FAILED: %s (pid %d, thread %u, seed %llu)", text, getpid(), soak_self ? soak_self->index : MOST_THREADS,
             (unsigned long long)soak.seed);
    syscall(SYS_exit_group, 1);
    __builtin_unreachable();
}

/* ---- comparing --------------------------------------------------------------------------------------------------- */

#define MOST_FDS (1 << 20)
static const struct item *expected[MOST_FDS];
static unsigned char open_now[MOST_FDS];
static int differences;

__attribute__((format(printf, 1, 2))) static void differs(const char *format, ...) {
    va_list arguments;
    if (differences++ >= 20) return;
    va_start(arguments, format);
    say(1, format, arguments);
    va_end(arguments);
}

static const char *link_of(int fd) {
    static char target[256];
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    long length = syscall(SYS_readlinkat, AT_FDCWD, path, target, sizeof target - 1);
    target[length > 0 ? length : 0] = 0;
    return target;
}

struct folder_entry { /* getdents64's */
    uint64_t inode, offset;
    uint16_t size;
    uint8_t type;
    char name[];
};

/* What is open to the program: what /proc/self/fd shows, and what fcntl finds. To the program the guard's own are not open. */
static void look(void) {
    static char entries[64 << 10] __attribute__((aligned(8)));
    long folder = syscall(SYS_openat, AT_FDCWD, "/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC), size;
    memset(open_now, 0, sizeof open_now);
    while ((size = syscall(SYS_getdents64, folder, entries, sizeof entries)) > 0) {
        for (long at = 0; at < size;) {
            const struct folder_entry *entry = (const void *)(entries + at);
            at += entry->size;
            if (entry->name[0] == '.') continue;
            long fd = strtol(entry->name, NULL, 10);
            if (fd != folder && fd < MOST_FDS && fcntl((int)fd, F_GETFD) >= 0) open_now[fd] = 1;
        }
    }
    syscall(SYS_close, folder);
    for (int fd = 0; fd <= soak.highest; fd++) {
        if (!open_now[fd] && fcntl(fd, F_GETFD) >= 0) differs("  %d is open, but /proc/self/fd does not show it", fd);
    }
}

static void expect_item(const struct item *item) {
    for (int i = 0; i < item->count; i++) expected[item->numbers[i]] = item;
}

static void each_item(void (*visit)(const struct item *item)) {
    for (int i = 0; i < soak.boot_count; i++) visit(&soak.boot[i]);
    for (unsigned t = 0; t < soak.threads; t++) {
        const struct worker *worker = &soak.workers[t];
        for (int i = 0; i < worker->count; i++) visit(&worker->items[i]);
        for (int i = 0; i < worker->parcel_count; i++) visit(&worker->parcels[i].item);
    }
}

static void compare_owner(int fd) {
    reqscope_id wanted = expected[fd] ? expected[fd]->owner : 0, owner = reqscope_owner(fd);
    if (owner != wanted)
        differs("  %d (%s): the guard says context %llu, it is %llu", fd, open_now[fd] ? link_of(fd) : "not open",
                (unsigned long long)owner, (unsigned long long)wanted);
}

#ifdef SOAK_LINKED
/* The guard's table itself: the same numbers, and those of one description together. */
static void compare_table(void) {
    for (int fd = 0; fd <= soak.highest; fd++) {
        bool known = rs_known(rs_lookup(fd));
        if (known != (open_now[fd] != 0))
            differs("  %d (%s): %s to the guard", fd, open_now[fd] ? link_of(fd) : "not open",
                    known ? "known" : "unknown");
        if (!known || !expected[fd]) continue;
        if (rs_lookup(fd) != rs_lookup(expected[fd]->numbers[0]))
            differs("  %d and %d: two descriptions to the guard", fd, expected[fd]->numbers[0]);
        if (rs_lookup(fd)->holders != (uint32_t)expected[fd]->count)
            differs("  %d: %u numbers to the guard, it has %d", fd, rs_lookup(fd)->holders, expected[fd]->count);
    }
    if (rs_next_known(soak.highest + 1) >= 0) differs("  %d is known to the guard", rs_next_known(soak.highest + 1));
}
#else
static void compare_table(void) {
}
#endif

static void compare(const char *when) {
    memset(expected, 0, sizeof expected);
    each_item(expect_item);
    look();
    for (int fd = 0; fd < MOST_FDS; fd++) {
        if (open_now[fd] && fd > soak.highest) soak.highest = fd;
        if (open_now[fd] && !expected[fd]) differs("  %d (%s) is open, and nobody's", fd, link_of(fd));
        if (!open_now[fd] && expected[fd]) differs("  %d is not open", fd);
    }
    for (int fd = 0; soak.guarded && fd <= soak.highest; fd++) compare_owner(fd);
    if (soak.guarded) compare_table();
    if (differences) soak_fail("%d differences %s", differences, when);
}

/* ---- memory ------------------------------------------------------------------------------------------------------ */

/* Of a mapping in /proc/self/smaps, or of all in smaps_rollup. */
static long field(const char *text, const char *name) {
    const char *at = strstr(text, name);
    return at ? strtol(at + strlen(name), NULL, 10) : 0;
}

static char *read_whole(const char *path) {
    static char text[1 << 20];
    long fd = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC), length = 0, size;
    while ((size = syscall(SYS_read, fd, text + length, sizeof text - 1 - (size_t)length)) > 0) length += size;
    syscall(SYS_close, fd);
    text[length] = 0;
    return text;
}

/* Two things that the guard maps are bounded, but do not settle within a minute, and are not counted:
 * - a place for each of the last two million descriptions' ids, 8 MiB, which become real one after the other and then are used
 *   again: the only shared mapping of /dev/zero of that size;
 * - the packets of a trace that are being written: some for each thread that there is, so with the load they come and go. */
static long bounded(void) {
    long kilobytes = 0;
    for (const char *at = read_whole("/proc/self/smaps"); (at = strstr(at, " rw-s ")); at++) {
        size_t length = strcspn(at, "\n");
        const char *path = memchr(at, '/', length);
        if (!path) continue;
        bool by_id = field(at, "\nSize:") == 8192 && !strncmp(path, "/dev/zero", 9);
        bool packet = memmem(at, length, "/stream_", 8) || memmem(at, length, "/kept_", 6);
        if (by_id || packet) kilobytes += field(at, "\nRss:");
    }
    return kilobytes;
}

static void note_memory(long second) {
    static long warm = -1, most;
    const char *text = read_whole("/proc/self/smaps_rollup");
    long all = field(text, "\nRss:"), anonymous = field(text, "\nAnonymous:");
    long aside = soak.guarded ? bounded() : 0, resident = all - aside;
    soak_say("%ld s: %ld KiB resident, and %ld KiB of ids and packets; %ld KiB anonymous", second, resident, aside,
             anonymous);
    if (second < (options.seconds < 2 * WARM_SECONDS ? options.seconds / 2 : WARM_SECONDS)) return;
    if (warm < 0) warm = most = resident;
    if (resident > most) most = resident;
    if (options.flat && most - warm > options.flat)
        soak_fail("memory is not flat: %ld KiB more than the %ld KiB once warm", most - warm, warm);
}

/* ---- threads ----------------------------------------------------------------------------------------------------- */

/* A signal that is on its way must not arrive while all is being compared. (ThreadSanitizer, which keeps signals back, loses
 * one now and then: then it is sent again.) */
static void await_own_signal(struct worker *worker) {
    struct timespec moment = {0, 100000};
    for (int i = 0; __atomic_load_n(&worker->poked, __ATOMIC_ACQUIRE); i++) {
        if (i == 10000) raise(SIGUSR2);
        nanosleep(&moment, NULL);
    }
}

static void stand_still(struct worker *worker) {
    pthread_barrier_wait(&arrived);
    await_own_signal(worker);
    pthread_barrier_wait(&quiet);
    pthread_barrier_wait(&going_on);
}

static void *work(void *argument) {
    struct worker *worker = argument;
    char label[32];
    stack_t stack = {.ss_size = SIGNAL_STACK};
    soak_self = worker;
    stack.ss_sp = mmap(NULL, SIGNAL_STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    MUST(stack.ss_sp != MAP_FAILED && !sigaltstack(&stack, NULL));
    snprintf(label, sizeof label, "keeper %u", worker->index);
    worker->keeper = reqscope_begin(label);
    reqscope_switch(0);
    pthread_barrier_wait(&going_on);
    for (;;) {
        if (__atomic_load_n(&pausing, __ATOMIC_ACQUIRE)) stand_still(worker);
        if (__atomic_load_n(&stopping, __ATOMIC_ACQUIRE)) return NULL;
        soak_round(worker);
    }
}

static long seconds_since(const struct timespec *start) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec - start->tv_sec - (now.tv_nsec < start->tv_nsec);
}

static void check_point(const struct timespec *start, bool last) {
    __atomic_store_n(&pausing, true, __ATOMIC_RELEASE);
    pthread_barrier_wait(&arrived);
    pthread_barrier_wait(&quiet);
    compare(last ? "at the end" : "at a check point");
    note_memory(seconds_since(start));
    __atomic_store_n(&stopping, last, __ATOMIC_RELEASE);
    __atomic_store_n(&pausing, false, __ATOMIC_RELEASE);
    pthread_barrier_wait(&going_on);
}

static void run(void) {
    struct timespec start, until;
    pthread_barrier_wait(&going_on);
    clock_gettime(CLOCK_MONOTONIC, &start);
    until = start;
    for (long second = options.check_every;; second += options.check_every) {
        if (second > options.seconds) second = options.seconds;
        until.tv_sec = start.tv_sec + second;
        while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL)) {
        }
        check_point(&start, second == options.seconds);
        if (second == options.seconds) return;
    }
}

/* ---- beginning and end ------------------------------------------------------------------------------------------- */

static void boot_item(int fd, enum kind kind) {
    MUST(fd >= 0);
    soak.boot[soak.boot_count++] = (struct item){.numbers = {fd}, .count = 1, .born = fd, .kind = kind, .shared = true};
}

static void prepare_worker(struct worker *worker, unsigned index) {
    socklen_t length = sizeof worker->address;
    worker->index = index;
    worker->random = (soak.seed + index) * 0x9e3779b97f4a7c15u | 1;
    pthread_mutex_init(&worker->lock, NULL);
    worker->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    worker->address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr *address = (struct sockaddr *)&worker->address;
    MUST(!bind(worker->listener, address, length) && !listen(worker->listener, 4096));
    MUST(!getsockname(worker->listener, address, &length));
    MUST(!socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, worker->post));
    boot_item(worker->listener, KIND_SOCKET);
    boot_item(worker->post[0], KIND_SOCKET);
    boot_item(worker->post[1], KIND_SOCKET);
}

static void prepare(void) {
    struct rlimit limit;
    int count = 0, kept = 0;
    MUST(!getrlimit(RLIMIT_NOFILE, &limit));
    limit.rlim_cur = limit.rlim_max < 4096 ? limit.rlim_max : 4096;
    MUST(limit.rlim_cur >= AFTER_PRIVATE && !setrlimit(RLIMIT_NOFILE, &limit));
    while (environ[count]) count++;
    soak.quiet_environment = calloc((size_t)count + 1, sizeof *environ);
    for (int i = 0; i < count; i++) {
        if (strncmp(environ[i], "REQSCOPE_TRACE", 14)) soak.quiet_environment[kept++] = environ[i];
    }
    soak.pid = getpid();
    soak.guarded = reqscope_active();
    const char *policy = getenv("REQSCOPE_POLICY");
    soak.lease = !soak.guarded || (policy && !strcmp(policy, "lease"));
    for (int fd = 0; fd < GUARDS; fd++) {
        if (fcntl(fd, F_GETFD) < 0) continue;
        MUST(!reqscope_share(fd) && soak.boot_count < MOST_INHERITED);
        boot_item(fd, KIND_FILE);
    }
    MUST(!pipe2(soak.shared_pipe, O_NONBLOCK | O_CLOEXEC));
    for (int i = 0; i < 2; i++) {
        MUST(!reqscope_share(soak.shared_pipe[i]));
        boot_item(soak.shared_pipe[i], KIND_PIPE);
    }
    for (unsigned i = 0; i < soak.threads; i++) prepare_worker(&soak.workers[i], i);
    MUST(!pthread_barrier_init(&arrived, NULL, soak.threads + 1));
    MUST(!pthread_barrier_init(&quiet, NULL, soak.threads + 1));
    MUST(!pthread_barrier_init(&going_on, NULL, soak.threads + 1));
    soak_handle_signals();
}

/* "/...", "socket", "pipe", "[eventfd]": what the trace calls it, but for its address. */
static long final_file;
static void write_final(const struct item *item) {
    char line[512];
    const char *link = link_of(item->numbers[0]);
    bool anonymous = !strncmp(link, "anon_inode:", 11);
    int length =
        snprintf(line, sizeof line, "%d %.*s %llu\n", item->born, (int)strcspn(link, ":") + (anonymous ? 64 : 0),
                 anonymous ? link + 11 : link, (unsigned long long)item->owner);
    MUST(syscall(SYS_write, final_file, line, length) == length);
}

static void parse(int argc, char **argv) {
    soak.seed = (uint64_t)time(NULL);
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[++i] : "";
        const char *name = argv[i - 1];
        long number = strtol(value, NULL, 10);
        bool known = true;
        if (!strcmp(name, "--seconds"))
            options.seconds = number;
        else if (!strcmp(name, "--seed"))
            soak.seed = strtoull(value, NULL, 10);
        else if (!strcmp(name, "--threads"))
            soak.threads = (unsigned)number;
        else if (!strcmp(name, "--check-every"))
            options.check_every = number;
        else if (!strcmp(name, "--children"))
            soak.children_a_second = (unsigned)number;
        else if (!strcmp(name, "--flat"))
            options.flat = number;
        else if (!strcmp(name, "--final"))
            options.final = value;
        else if (!strcmp(name, "--without"))
            for (char *word = strtok((char *)(uintptr_t)value, ","); word; word = strtok(NULL, ","))
                known &= soak_leave_out(word);
        else
            known = false;
        if (known && soak.threads && soak.threads <= MOST_THREADS && options.seconds > 0 && options.check_every > 0 &&
            soak.children_a_second)
            continue;
        fprintf(stderr, "soak: %s %s: not understood\n", name, value);
        exit(2);
    }
}

int main(int argc, char **argv) {
    parse(argc, argv);
    soak_say("seed %llu, %u threads, %ld s, %s", (unsigned long long)soak.seed, soak.threads, options.seconds,
             reqscope_active() ? "guarded" : "without the guard");
    prepare();
    for (unsigned i = 0; i < soak.threads; i++)
        MUST(!pthread_create(&soak.workers[i].thread, NULL, work, &soak.workers[i]));
    run();
    for (unsigned i = 0; i < soak.threads; i++) MUST(!pthread_join(soak.workers[i].thread, NULL));
    compare("after the threads' end");
    if (options.final) {
        final_file = syscall(SYS_openat, AT_FDCWD, options.final, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        each_item(write_final);
        syscall(SYS_close, final_file);
    }
    soak_say_counts();
    return 0;
}
