/* wrap_syscall.c: syscall(), libc's call by number: to know what libuv closes, and what libc has no function for.
 *
 * It is never a cancellation point, and stays none: where a wrapper serves that is one, cancellation is off meanwhile. A number
 * that is not in syscalls.def costs one look at a table. */
#include "preload/coverage.h"
#include "preload/wrap.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <pthread.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/sendfile.h>
#include <unistd.h>

ssize_t getdents64(int fd, void *buffer, size_t size);

#define NUMBERS 512

enum action {
    HANDED_ON,
    ACTION_ASKS,
    ACTION_ASKS_BOTH,
    ACTION_ASKS_SECOND,
    ACTION_MAKES,
    ACTION_FROM,
    ACTION_AS,
    ACTION_FCNTL,
    ACTION_MMAP,
    ACTION_SIGNALFD,
    ACTION_POLL,
    ACTION_IO_URING,
    ACTION_USES /* + the operation */
};

static const uint8_t actions[NUMBERS] = {
#define USES(number, operation) [SYS_##number] = ACTION_USES + RS_OP_##operation,
#define ASKS(number) [SYS_##number] = ACTION_ASKS,
#define ASKS_BOTH(number) [SYS_##number] = ACTION_ASKS_BOTH,
#define ASKS_SECOND(number) [SYS_##number] = ACTION_ASKS_SECOND,
#define MAKES(number) [SYS_##number] = ACTION_MAKES,
#define FROM(number) [SYS_##number] = ACTION_FROM,
#define AS(number, call) [SYS_##number] = ACTION_AS,
#include "preload/syscalls.def"
#undef USES
#undef ASKS
#undef ASKS_BOTH
#undef ASKS_SECOND
#undef MAKES
#undef FROM
#undef AS
    [SYS_fcntl] = ACTION_FCNTL,
    [SYS_mmap] = ACTION_MMAP,
    [SYS_signalfd4] = ACTION_SIGNALFD,
#ifdef SYS_signalfd
    [SYS_signalfd] = ACTION_SIGNALFD,
#endif
#ifdef SYS_poll
    [SYS_poll] = ACTION_POLL,
#endif
    [SYS_ppoll] = ACTION_POLL,
#ifdef SYS_io_uring_setup
    [SYS_io_uring_setup] = ACTION_IO_URING,
#endif
};

static inline void *at(long address) {
    return (void *)(uintptr_t)address;
}

static long as_wrapper(long number, long a, long b, long c, long d, long e, long f) {
    int before, ignored;
    long result = -1;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
    switch (number) {
#define USES(number, operation)
#define ASKS(number)
#define ASKS_BOTH(number)
#define ASKS_SECOND(number)
#define MAKES(number)
#define FROM(number)
#define AS(number, call) \
    case SYS_##number:   \
        result = call;   \
        break;
#include "preload/syscalls.def"
#undef USES
#undef ASKS
#undef ASKS_BOTH
#undef ASKS_SECOND
#undef MAKES
#undef FROM
#undef AS
    default:
        errno = ENOSYS;
    }
    pthread_setcancelstate(before, &ignored);
    return result;
}

static long made(long number, long fd) {
    if (fd < 0) return fd;
    if (actions[number] == ACTION_IO_URING) {
        rs_opened((int)fd, RS_OP_open, RS_KIND_OTHER, "io_uring");
        rs_coverage_reduced(RS_COVERAGE_IO_URING, "io_uring is used: what goes through it is not seen", NULL);
    } else {
        rs_opened((int)fd, RS_OP_open, RS_KIND_UNKNOWN, NULL);
    }
    return fd;
}

RS_EXPORT long syscall(long number, ...) {
    va_list rest;
    va_start(rest, number);
    long a = va_arg(rest, long), b = va_arg(rest, long), c = va_arg(rest, long), d = va_arg(rest, long),
         e = va_arg(rest, long), f = va_arg(rest, long);
    va_end(rest);
    unsigned action = (unsigned long)number < NUMBERS && rs_on ? actions[number] : HANDED_ON;
    switch (action) {
    case HANDED_ON:
        return real.syscall(number, a, b, c, d, e, f);
    case ACTION_FROM:
    case ACTION_ASKS:
        if (rs_refused_own((int)a)) return -1;
        if (action == ACTION_ASKS) return real.syscall(number, a, b, c, d, e, f);
        return made(number, real.syscall(number, a, b, c, d, e, f));
    case ACTION_ASKS_BOTH:
        if (rs_refused_own((int)a) || rs_refused_own((int)c)) return -1;
        return real.syscall(number, a, b, c, d, e, f);
    case ACTION_ASKS_SECOND:
        return rs_refused_own((int)b) ? -1 : real.syscall(number, a, b, c, d, e, f);
    case ACTION_POLL:
        return rs_poll_without_own(at(a), (nfds_t)b, (int)real.syscall(number, a, b, c, d, e, f));
    case ACTION_MAKES:
    case ACTION_IO_URING:
        return made(number, real.syscall(number, a, b, c, d, e, f));
    case ACTION_AS:
        return as_wrapper(number, a, b, c, d, e, f);
    case ACTION_FCNTL: /* libc's own is not the kernel's for some commands */
        if (b == F_DUPFD || b == F_DUPFD_CLOEXEC) return fcntl((int)a, (int)b, c);
        return rs_refused_own((int)a) ? -1 : real.syscall(number, a, b, c, d, e, f);
    case ACTION_MMAP:
        if (d & MAP_ANONYMOUS || (int)e < 0) return real.syscall(number, a, b, c, d, e, f);
        return (long)(uintptr_t)mmap(at(a), (size_t)b, (int)c, (int)d, (int)e, f);
    case ACTION_SIGNALFD: {
        if (rs_refused_own((int)a)) return -1;
        long result = real.syscall(number, a, b, c, d, e, f);
        return (int)a == -1 ? made(number, result) : result;
    }
    default: {
        enum rs_operation operation = (enum rs_operation)(action - ACTION_USES);
        struct rs_call call = rs_begin_call((int)a, operation);
        if (rs_refused(call)) return -1;
        long result = real.syscall(number, a, b, c, d, e, f);
        rs_end_call(call, (int)a, operation, result);
        return result;
    }
    }
}
