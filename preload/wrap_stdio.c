/* wrap_stdio.c: streams come to be and are closed. libc opens and closes their descriptors inside itself, so the outer
 * functions are what can be seen. */
#include "preload/closed.h"
#include "preload/stream.h"
#include "preload/wrap.h"

#include <mntent.h>
#include <stdio.h>

static FILE *opened(FILE *file, enum rs_operation operation, enum rs_kind kind, const char *name) {
    int fd = rs_stream_number(file);
    if (fd >= 0) rs_opened(fd, operation, kind, name);
    return file;
}

static const char *absolute(const char *path) {
    return path && path[0] == '/' ? path : NULL;
}

RS_EXPORT FILE *fopen(const char *path, const char *mode) {
    return opened(real.fopen(path, mode), RS_OP_fopen, RS_KIND_FILE, absolute(path));
}

RS_EXPORT FILE *setmntent(const char *path, const char *mode) {
    return opened(real.setmntent(path, mode), RS_OP_fopen, RS_KIND_FILE, absolute(path));
}

RS_EXPORT FILE *tmpfile(void) {
    return opened(real.tmpfile(), RS_OP_fopen, RS_KIND_FILE, NULL);
}

RS_EXPORT FILE *popen(const char *command, const char *mode) {
    return opened(real.popen(command, mode), RS_OP_pipe, RS_KIND_PIPE, "pipe");
}

/* The descriptor keeps its tag. */
RS_EXPORT FILE *fdopen(int fd, const char *mode) {
    if (rs_refused_own(fd)) return NULL;
    return real.fdopen(fd, mode);
}

/* A close that writes first what its owner has left in the buffer. */
static struct rs_closing close_begin(int fd, const FILE *file) {
    ssize_t waiting = rs_stream_waiting(file);
    if (rs_on && waiting && fd >= 0 && __atomic_load_n(&rs_lookup(fd)->tag, __ATOMIC_RELAXED) == rs_thread.current) {
        rs_end_call(rs_begin_call(fd, RS_OP_write), fd, RS_OP_write, waiting);
    }
    return rs_close_begin(fd);
}

/* The old descriptor is closed whether a new one can be opened or not. */
RS_EXPORT FILE *freopen(const char *path, const char *mode, FILE *file) {
    int fd = rs_stream_number(file);
    if (!rs_may_close(fd, RS_OP_fclose)) return NULL;
    struct rs_closing closing = close_begin(fd, file);
    FILE *result = real.freopen(path, mode, file);
    rs_close_end(fd, closing, true);
    return opened(result, RS_OP_fopen, RS_KIND_FILE, absolute(path));
}

#define CLOSES(name, refused)                                                \
    RS_WRAP(int, name, (FILE * file)) {                                      \
        int fd = rs_stream_number(file);                                     \
        if (!rs_may_close(fd, RS_OP_fclose)) return refused;                 \
        if (!file) return real.name(file);                                   \
        struct rs_closing closing = close_begin(fd, file);                   \
        int result = real.name(file);                                        \
        rs_close_end(fd, closing, true);                                     \
        /* (EBADF may be a write's: a number that was known was open.) */    \
        if (rs_unlikely(result && errno == EBADF && !closing.description)) { \
            rs_closed_twice(fd, RS_OP_fclose, __builtin_return_address(0));  \
        }                                                                    \
        return result;                                                       \
    }
CLOSES(fclose, EOF)
CLOSES(pclose, -1)
CLOSES(endmntent, 1)
RS_WRAP_SAME_AS(_IO_fclose, fclose)
RS_WRAP_SAME_AS(__endmntent, endmntent)

/* What libc does not declare. */
FILE *__setmntent(const char *path, const char *mode);
FILE *_IO_fopen(const char *path, const char *mode);
FILE *_IO_fdopen(int fd, const char *mode);
FILE *_IO_popen(const char *command, const char *mode);
SAME_AS(fopen64, fopen)
SAME_AS(_IO_fopen, fopen)
SAME_AS(_IO_fdopen, fdopen)
SAME_AS(freopen64, freopen)
SAME_AS(tmpfile64, tmpfile)
SAME_AS(_IO_popen, popen)
SAME_AS(__setmntent, setmntent)
