/* victim.h: what the victim programs share. A victim does under the guard what programs do that an interposer breaks
 * easily; tests/e2e/victims.sh runs it.
 *
 * Each test runs in a fresh process: the program executes itself with the test's name, with what the test wants in the
 * environment, and REQSCOPE_LOG naming a file of the test's own. It says `ok NAME`, `not ok NAME: why` or `skip NAME:
 * why`. */
#ifndef RS_TESTS_VICTIM_H
#define RS_TESTS_VICTIM_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <errno.h>
#include <fcntl.h>
#include <reqscope.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* The kernel itself, past libc and so past the guard, which knows libc's syscall(): -1 and errno as there. */
#if defined(__x86_64__)
static inline long victim_kernel(long number, long a, long b, long c, long d, long e, long f) {
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    if (result < 0 && result > -4096) return errno = (int)-result, -1;
    return result;
}
#elif defined(__aarch64__)
static inline long victim_kernel(long number, long a, long b, long c, long d, long e, long f) {
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = f;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
    if (x0 < 0 && x0 > -4096) return errno = (int)-x0, -1;
    return x0;
}
#else
#define victim_kernel(number, a, b, c, d, e, f) syscall(number, a, b, c, d, e, f)
#endif
#define VICTIM_KERNEL(number, a, b, c, d, e, f, ...) \
    victim_kernel(number, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))
/* kernel(SYS_close, fd) and so on: a call that the guard does not see. */
#define kernel(...) VICTIM_KERNEL(__VA_ARGS__, 0, 0, 0, 0, 0, 0, 0)

#define VICTIM_SKIP 77
#define VICTIM_SECONDS 60

struct victim_test {
    const char *name;
    int (*run)(void);        /* 0: good */
    const char *environment; /* "REQSCOPE_MODE=deny REQSCOPE_POLICY=lease", or NULL */
    int signal;              /* that it must end by; 0: none */
};
#define VICTIM(name, environment) \
    { #name, name, environment, 0 }
#define VICTIM_DIES(name, environment, signal) \
    { #name, name, environment, signal }

/* Ends the test when the condition does not hold. */
#define MUST(condition)                                                                 \
    do {                                                                                \
        int holds_ = !!(condition), error_ = errno;                                     \
        if (!holds_) {                                                                  \
            victim_say("%s:%d: %s (errno %d)", __FILE__, __LINE__, #condition, error_); \
            _exit(1);                                                                   \
        }                                                                               \
    } while (0)

/* The call must be refused with this errno. */
#define REFUSED(call, error)                                                                                    \
    do {                                                                                                        \
        errno = 0;                                                                                              \
        long result_ = (long)(call);                                                                            \
        int error_ = errno;                                                                                     \
        if (result_ != -1 || error_ != (error)) {                                                               \
            victim_say("%s:%d: %s gives %ld, errno %d, not -1 and " #error, __FILE__, __LINE__, #call, result_, \
                       error_);                                                                                 \
            _exit(1);                                                                                           \
        }                                                                                                       \
    } while (0)

/* Into the file that the runner reads back; by the kernel's own call, whatever state the process is in. */
static inline void victim_say(const char *format, ...) {
    char line[1024];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    const char *path = getenv("VICTIM_SAYS");
    long fd =
        kernel(SYS_openat, AT_FDCWD, path ? path : "/dev/stderr", O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) return;
    kernel(SYS_write, fd, line, length);
    kernel(SYS_close, fd);
}

/* A file whole, NUL-terminated; "" when there is none. */
static inline char *victim_read(const char *path) {
    static char text[1 << 20];
    /* NOLINTNEXTLINE(bugprone-signal-handler): on Linux the system call itself is as safe as any */
    long fd = kernel(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC), length = 0, count = 0;
    while (fd >= 0 && (count = kernel(SYS_read, fd, text + length, sizeof text - 1 - length)) > 0) length += count;
    text[length] = 0;
    if (fd >= 0) kernel(SYS_close, fd);
    return text;
}

/* How many lines of this test's log begin so. */
static inline int victim_reports(const char *begin) {
    int count = 0;
    /* NOLINTNEXTLINE(bugprone-signal-handler): nothing of these programs changes the environment */
    for (const char *line = victim_read(getenv("REQSCOPE_LOG")); line && *line; line = strchr(line, '\n')) {
        line += *line == '\n';
        count += !strncmp(line, begin, strlen(begin));
    }
    return count;
}

/* Runs a program and waits for it; its status. With `trace` it is guarded and recorded there, without it is bare. */
static inline int victim_run(const char *program, const char *const *arguments, const char *trace) {
    int status;
    pid_t pid = fork();
    if (!pid) {
        if (trace)
            setenv("REQSCOPE_TRACE", trace, 1);
        else
            unsetenv("LD_PRELOAD");
        execv(program, (char *const *)arguments);
        _exit(99);
    }
    MUST(waitpid(pid, &status, 0) == pid);
    return status;
}

/* Is the number one of the guard's: open, but not to the program? */
static inline int victim_is_own(int fd) {
    return kernel(SYS_fcntl, fd, F_GETFD) >= 0 && fcntl(fd, F_GETFD) < 0;
}

static inline void victim_child(const struct victim_test *test, const char *program, const char *says,
                                const char *log) {
    char environment[256];
    /* What the test program or the guard says on standard error is not for the eye; a test that wants it puts a file
     * there. */
    kernel(SYS_dup3, kernel(SYS_openat, AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC), 2, 0);
    setenv("VICTIM_SAYS", says, 1);
    setenv("REQSCOPE_LOG", log, 1);
    snprintf(environment, sizeof environment, "%s", test->environment ? test->environment : "");
    for (char *word = strtok(environment, " "); word; word = strtok(NULL, " ")) {
        char *value = strchr(word, '=');
        *value = 0;
        if (strcmp(value + 1, "-"))
            setenv(word, value + 1, 1);
        else
            unsetenv(word);
    }
    execl(program, program, test->name, (char *)NULL);
    _exit(99);
}

static inline int victim_judge(const struct victim_test *test, int status, const char *says) {
    char *why = victim_read(says);
    if (WIFEXITED(status) && WEXITSTATUS(status) == VICTIM_SKIP) return printf("skip %s: %s\n", test->name, why), 0;
    int good = test->signal ? WIFSIGNALED(status) && WTERMSIG(status) == test->signal : status == 0;
    if (good) return printf("ok %s\n", test->name), 0;
    for (char *at = why; *at; at++) {
        if (*at == '\n') *at = ' ';
    }
    printf("not ok %s: ", test->name);
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
        printf("hangs; ");
    else if (WIFSIGNALED(status))
        printf("ends by signal %d; ", WTERMSIG(status));
    else
        printf("ends with %d; ", WEXITSTATUS(status));
    printf("%s\n", why);
    return 1;
}

/* Without arguments all tests; else those named. */
static inline int victim_main(int argc, char **argv, const struct victim_test *tests, size_t count) {
    int failed = 0;
    char program[4096], folder[] = "/tmp/reqscope-victim.XXXXXX", says[64], log[64];
    for (size_t i = 0; argc == 2 && i < count; i++) {
        if (strcmp(argv[1], tests[i].name)) continue;
        alarm(VICTIM_SECONDS);
        return getenv("VICTIM_SAYS") ? tests[i].run() : 2;
    }
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    if (length < 0 || !mkdtemp(folder)) return 2;
    program[length] = 0;
    snprintf(says, sizeof says, "%s/says", folder);
    snprintf(log, sizeof log, "%s/log", folder);
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (size_t i = 0; i < count; i++) {
        int status;
        if (argc > 2 && strcmp(argv[2], tests[i].name)) continue;
        fflush(stdout);
        pid_t pid = fork();
        if (!pid) victim_child(&tests[i], program, says, log);
        waitpid(pid, &status, 0);
        failed += victim_judge(&tests[i], status, says);
        if (argc > 2) printf("%s", victim_read(log));
        unlink(says);
        unlink(log);
    }
    rmdir(folder);
    return failed != 0;
}

#define VICTIM_MAIN(tests)                                                      \
    int main(int argc, char **argv) {                                           \
        return victim_main(argc, argv, tests, sizeof(tests) / sizeof *(tests)); \
    }

#endif
