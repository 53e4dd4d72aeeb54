/* wrap_open.c: files, pipes, terminals and what else has a name or options of its own come to be. (What needs no more than
 * its number noted is made from calls.def, in wrap_plain.c.) */
#include "preload/describe.h"
#include "preload/infer.h"
#include "preload/ownfd.h"
#include "preload/stack.h"
#include "preload/wrap.h"
#include "tracer/text.h"

#include <fcntl.h>
#include <pty.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/pidfd.h>
#include <sys/signalfd.h>
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
    if (rs_refused_own(folder)) return -1;
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
    if (rs_refused_own(folder)) return -1;
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
    bool unwinders = rs_stack_is_unwinder((uintptr_t)caller);
    for (int i = 0; i < 2; i++) {
        if (unwinders) {
            ends[i] = rs_own_fixed(ends[i], rs_stack_pipe_lost);
        } else {
            rs_opened(ends[i], RS_OP_pipe, RS_KIND_PIPE, "pipe");
            if (i) rs_infer_pipe(ends);
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

/* The template holds the name that was found. */
#define TEMPORARY(name, params, args) \
    RS_EXPORT int name params {       \
        int fd = real.name args;      \
        opened(fd, path, 0);          \
        return fd;                    \
    }
TEMPORARY(mkstemp, (char *path), (path))
TEMPORARY(mkstemps, (char *path, int suffix), (path, suffix))
TEMPORARY(mkostemp, (char *path, int flags), (path, flags))
TEMPORARY(mkostemps, (char *path, int suffix, int flags), (path, suffix, flags))

RS_EXPORT int openpty(int *master, int *slave, char *name, const struct termios *terminal, const struct winsize *size) {
    int result = real.openpty(master, slave, name, terminal, size);
    if (!result) {
        rs_opened(*master, RS_OP_open, RS_KIND_DEVICE, "/dev/ptmx");
        rs_opened(*slave, RS_OP_open, RS_KIND_DEVICE, NULL);
    }
    return result;
}

/* With a descriptor it changes that one. */
RS_EXPORT int signalfd(int fd, const sigset_t *mask, int flags) {
    if (rs_refused_own(fd)) return -1;
    int result = real.signalfd(fd, mask, flags);
    if (result >= 0 && fd == -1) rs_opened(result, RS_OP_open, RS_KIND_OTHER, "signalfd");
    return result;
}

/* Is the process that a pidfd stands for this one? The kernel says "Pid:\t4711" in its fdinfo. */
static RS_COLD bool is_this_process(int pidfd) {
    char path[64], info[512];
    struct rs_text text = rs_text_in(path, sizeof path);
    rs_text_add(&text, "/proc/self/fdinfo/");
    rs_text_number(&text, (uint64_t)pidfd);
    long file = rs_sys(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    long size = file < 0 ? 0 : rs_sys(SYS_read, file, info, sizeof info - 1);
    if (file >= 0) rs_sys(SYS_close, file);
    info[size > 0 ? size : 0] = 0;
    text = rs_text_in(path, sizeof path);
    rs_text_add(&text, "Pid:\t");
    rs_text_number(&text, rs_pid);
    rs_text_add(&text, "\n");
    return strstr(info, path) != NULL;
}

RS_EXPORT int pidfd_getfd(int process, int fd, unsigned flags) {
    if (rs_refused_own(process)) return -1;
    if (rs_hidden(fd) && is_this_process(process)) {
        errno = EBADF;
        return -1;
    }
    int result = real.pidfd_getfd(process, fd, flags);
    if (result >= 0) rs_opened(result, RS_OP_receive, RS_KIND_UNKNOWN, NULL);
    return result;
}

/* A new descriptor from one that is given, named by the kernel. */
#define FROM(name, params, args, from)                                 \
    RS_EXPORT int name params {                                        \
        if (rs_refused_own(from)) return -1;                           \
        int fd = real.name args;                                       \
        if (fd >= 0) rs_opened(fd, RS_OP_open, RS_KIND_UNKNOWN, NULL); \
        return fd;                                                     \
    }
FROM(open_by_handle_at, (int mount, struct file_handle *handle, int flags), (mount, handle, flags), mount)
FROM(open_tree, (int folder, const char *path, unsigned flags), (folder, path, flags), folder)
FROM(fsmount, (int fs, unsigned flags, unsigned attributes), (fs, flags, attributes), fs)
FROM(fspick, (int folder, const char *path, unsigned flags), (folder, path, flags), folder)

SAME_AS(open64, open)
SAME_AS(__open, open)
SAME_AS(__open64, open)
SAME_AS(__open64_2, __open_2)
SAME_AS(openat64, openat)
SAME_AS(__openat64_2, __openat_2)
SAME_AS(creat64, creat)
SAME_AS(__pipe, pipe)
SAME_AS(mkstemp64, mkstemp)
SAME_AS(mkstemps64, mkstemps)
SAME_AS(mkostemp64, mkostemp)
SAME_AS(mkostemps64, mkostemps)
