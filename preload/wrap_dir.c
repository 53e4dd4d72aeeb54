/* wrap_dir.c: directory streams. libc opens, reads and closes their descriptors inside itself. Reading one is checked each
 * time, but only a filled buffer is an event: a listing of a million names is a few thousand reads.
 *
 * The guard's own descriptors are not in a listing of /proc/self/fd. */
#include "preload/closed.h"
#include "preload/dents.h"
#include "preload/wrap.h"

#include <dirent.h>
#include <string.h>

RS_EXPORT DIR *opendir(const char *path) {
    DIR *dir = real.opendir(path);
    if (dir) rs_opened(real.dirfd(dir), RS_OP_open, RS_KIND_DIRECTORY, path[0] == '/' ? path : NULL);
    return dir;
}

RS_EXPORT DIR *fdopendir(int fd) {
    if (rs_refused_own(fd)) return NULL;
    return real.fdopendir(fd);
}

RS_WRAP(int, closedir, (DIR * dir)) {
    int fd = dir ? real.dirfd(dir) : -1;
    if (!rs_may_close(fd, RS_OP_close)) return -1;
    struct rs_closing closing = rs_close_begin(fd);
    int result = real.closedir(dir);
    rs_close_end(fd, closing, true);
    if (rs_unlikely(result && errno == EBADF)) rs_closed_twice(fd, RS_OP_close, __builtin_return_address(0));
    return result;
}

/* libc's buffer follows its own few words: the first entry in it has just been read from the kernel. */
#define BUFFER_BEGINS 64

static void noted(struct rs_call call, int fd, const DIR *dir, const struct dirent *entry) {
    bool filled = !entry || (const char *)entry - (const char *)dir < BUFFER_BEGINS;
    if (rs_unlikely(filled)) rs_end_call(call, fd, RS_OP_read, 0);
}

RS_EXPORT struct dirent *readdir(DIR *dir) {
    int fd = real.dirfd(dir);
    struct rs_call call = rs_begin_call(fd, RS_OP_read);
    if (rs_refused(call)) return NULL;
    struct dirent *entry;
    do {
        entry = real.readdir(dir);
    } while (entry && rs_dent_hidden(fd, entry->d_name));
    noted(call, fd, dir, entry);
    return entry;
}

RS_EXPORT int readdir_r(DIR *dir, struct dirent *entry, struct dirent **result) {
    int fd = real.dirfd(dir), saved = errno;
    struct rs_call call = rs_begin_call(fd, RS_OP_read);
    if (rs_refused(call)) {
        int error = errno;
        errno = saved;
        return error;
    }
    int error;
    do {
        error = real.readdir_r(dir, entry, (void **)result);
    } while (!error && *result && rs_dent_hidden(fd, (*result)->d_name));
    rs_end_call(call, fd, RS_OP_read, 0);
    return error;
}

RS_EXPORT ssize_t getdents64(int fd, void *buffer, size_t size) {
    struct rs_call call = rs_begin_call(fd, RS_OP_read);
    if (rs_refused(call)) return -1;
    ssize_t result;
    do {
        result = real.getdents64(fd, buffer, size);
        rs_end_call(call, fd, RS_OP_read, result);
    } while (result > 0 && !(result = rs_dents_filtered(fd, buffer, result)));
    return result;
}

#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
extern __typeof__(readdir) second_readdir __asm__("readdir64") RS_EXPORT __attribute__((alias("readdir")));
extern __typeof__(readdir_r) second_readdir_r __asm__("readdir64_r") RS_EXPORT __attribute__((alias("readdir_r")));
