/* wrap_open.c: files and pipes come to be. */
#include "preload/describe.h"
#include "preload/ownfd.h"
#include "preload/stack.h"
#include "preload/wrap.h"

#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

/* What libc does not declare. */
int __open(const char *path, int flags, ...);
int __open64(const char *path, int flags, ...);
int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);
int __openat_2(int folder, const char *path, int flags);
int __openat64_2(int folder, const char *path, int flags);
int __pipe(int *ends);

/* The mode is there only if the flags say so. */
static bool has_mode(int flags) {
    return flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE;
}

/* The mode of a variadic open; 0 when there is none. */
#define MODE_AFTER(flags, mode)      \
    mode_t mode = 0;                 \
    if (has_mode(flags)) {           \
        va_list rest;                \
        va_start(rest, flags);       \
        mode = va_arg(rest, mode_t); \
        va_end(rest);                \
    }

/* A relative path says little later: then the kernel is asked for the whole one. */
static void opened(int fd, const char *path, int flags) {
    if (fd < 0) return;
    enum rs_kind kind = flags & O_DIRECTORY ? RS_KIND_DIRECTORY : RS_KIND_FILE;
    bool absolute = path[0] == '/';
    if (absolute && !strncmp(path, "/dev/", 5)) kind = RS_KIND_DEVICE;
    rs_opened(fd, RS_OP_open, kind, absolute ? path : NULL);
}

RS_EXPORT int open(const char *path, int flags, ...) {
    MODE_AFTER(flags, mode)
    int fd = real.open(path, flags, mode);
    opened(fd, path, flags);
    return fd;
}

RS_EXPORT int openat(int folder, const char *path, int flags, ...) {
    MODE_AFTER(flags, mode)
    int fd = real.openat(folder, path, flags, mode);
    opened(fd, path, flags);
    return fd;
}

RS_EXPORT int __open_2(const char *path, int flags) {
    int fd = real.__open_2(path, flags);
    opened(fd, path, flags);
    return fd;
}

RS_EXPORT int __openat_2(int folder, const char *path, int flags) {
    int fd = real.__openat_2(folder, path, flags);
    opened(fd, path, flags);
    return fd;
}

RS_EXPORT int creat(const char *path, mode_t mode) {
    int fd = real.creat(path, mode);
    opened(fd, path, 0);
    return fd;
}

/* The unwinder's own pipe is taken out of the program's sight. A signal handler of the program's may run while the unwinder
 * does: it is the caller that tells them apart. */
static void piped(int result, int *ends, const void *caller) {
    if (result) return;
    bool unwinders = rs_thread.inside && rs_stack_is_unwinder((uintptr_t)caller);
    for (int i = 0; i < 2; i++) {
        if (unwinders) {
            ends[i] = rs_own_fixed(ends[i], rs_stack_pipe_lost);
        } else {
            rs_opened(ends[i], RS_OP_pipe, RS_KIND_PIPE, "pipe");
        }
    }
}

RS_EXPORT int pipe(int ends[2]) {
    int result = real.pipe(ends);
    piped(result, ends, __builtin_return_address(0));
    return result;
}

RS_EXPORT int pipe2(int ends[2], int flags) {
    int result = real.pipe2(ends, flags);
    piped(result, ends, __builtin_return_address(0));
    return result;
}

SAME_AS(open64, open)
SAME_AS(__open, open)
SAME_AS(__open64, open)
SAME_AS(__open64_2, __open_2)
SAME_AS(openat64, openat)
SAME_AS(__openat64_2, __openat_2)
SAME_AS(creat64, creat)
SAME_AS(__pipe, pipe)
