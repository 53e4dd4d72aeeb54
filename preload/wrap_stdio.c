/* wrap_stdio.c: streams. libc opens and closes their descriptors inside itself, so the outer functions are what can be seen. */
#include "preload/wrap.h"

#include <stdio.h>

/* fileno without touching errno: -1 for a stream that has no descriptor. */
static int number_of(FILE *file) {
    int saved = errno;
    int fd = file ? fileno(file) : -1;
    errno = saved;
    return fd;
}

static void opened(FILE *file, const char *path) {
    int fd = number_of(file);
    if (fd >= 0) rs_opened(fd, RS_OP_fopen, RS_KIND_FILE, path && path[0] == '/' ? path : NULL);
}

RS_EXPORT FILE *fopen(const char *path, const char *mode) {
    FILE *file = real.fopen(path, mode);
    opened(file, path);
    return file;
}

RS_EXPORT FILE *fdopen(int fd, const char *mode) {
    if (rs_on && rs_is_own(fd)) {
        errno = EBADF;
        return NULL;
    }
    return real.fdopen(fd, mode);
}

/* The old descriptor is closed whether a new one can be opened or not. */
RS_EXPORT FILE *freopen(const char *path, const char *mode, FILE *file) {
    int fd = number_of(file);
    if (!rs_may_close(fd, RS_OP_fclose)) return NULL;
    struct rs_closing closing = rs_close_begin(fd);
    FILE *result = real.freopen(path, mode, file);
    rs_close_end(fd, closing, true);
    if (result) opened(result, path);
    return result;
}

RS_EXPORT int fclose(FILE *file) {
    int fd = number_of(file);
    if (!rs_may_close(fd, RS_OP_fclose)) return EOF;
    struct rs_closing closing = rs_close_begin(fd);
    int result = real.fclose(file);
    rs_close_end(fd, closing, true);
    return result;
}

SAME_AS(fopen64, fopen)
SAME_AS(freopen64, freopen)
