/* wrap_file.c: a file's size, offset and contents by other ways than reading and writing, and the calls that bring a new
 * descriptor only when they are asked for one (ioctl, getsockopt). */
#include "preload/wrap.h"

#include <fcntl.h>
#include <linux/nsfs.h>
#include <linux/sockios.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

/* It answers by error numbers, and leaves errno alone. */
RS_EXPORT int posix_fallocate(int fd, off_t from, off_t length) {
    int saved = errno;
    struct rs_call call = rs_begin_call(fd, RS_OP_resize);
    if (rs_refused(call)) {
        int error = errno;
        errno = saved;
        return error;
    }
    int result = real.posix_fallocate(fd, from, length);
    rs_end_call(call, fd, RS_OP_resize, 0);
    return result;
}

/* Where am I? That moves nothing. */
RS_EXPORT off_t lseek(int fd, off_t offset, int whence) {
    if (!offset && whence == SEEK_CUR) {
        if (!rs_hidden(fd)) return real.lseek(fd, offset, whence);
        errno = EBADF;
        return -1;
    }
    struct rs_call call = rs_begin_call(fd, RS_OP_seek);
    if (rs_refused(call)) return -1;
    off_t result = real.lseek(fd, offset, whence);
    rs_end_call(call, fd, RS_OP_seek, result < 0 ? -1 : 0);
    return result;
}

RS_EXPORT void *mmap(void *address, size_t size, int protection, int flags, int fd, off_t offset) {
    if (rs_likely(flags & MAP_ANONYMOUS || fd < 0)) return real.mmap(address, size, protection, flags, fd, offset);
    struct rs_call call = rs_begin_call(fd, RS_OP_map);
    if (rs_refused(call)) return MAP_FAILED;
    void *result = real.mmap(address, size, protection, flags, fd, offset);
    rs_end_call(call, fd, RS_OP_map, result == MAP_FAILED ? -1 : 0);
    return result;
}

/* The requests that answer with a new descriptor. A driver's own are not known: what they make is found when it is used. */
static bool makes_descriptor(unsigned long request) {
    return request == TIOCGPTPEER || request == SIOCGSKNS || request == NS_GET_USERNS || request == NS_GET_PARENT;
}

RS_EXPORT int ioctl(int fd, unsigned long request, ...) {
    va_list rest;
    va_start(rest, request);
    void *argument = va_arg(rest, void *);
    va_end(rest);
    if (rs_refused_own(fd)) return -1;
    int result = real.ioctl(fd, request, argument);
    if (result >= 0 && rs_unlikely(makes_descriptor(request))) {
        rs_opened(result, RS_OP_open, request == TIOCGPTPEER ? RS_KIND_DEVICE : RS_KIND_OTHER, NULL);
    }
    return result;
}

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77 /* Linux 6.5 */
#endif

RS_EXPORT int getsockopt(int fd, int level, int option, void *restrict value, socklen_t *restrict length) {
    if (rs_refused_own(fd)) return -1;
    int result = real.getsockopt(fd, level, option, value, length);
    if (!result && rs_unlikely(option == SO_PEERPIDFD) && level == SOL_SOCKET && *length == sizeof(int)) {
        rs_opened(*(int *)value, RS_OP_receive, RS_KIND_OTHER, "pidfd");
    }
    return result;
}

SAME_AS(posix_fallocate64, posix_fallocate)
SAME_AS(lseek64, lseek)
SAME_AS(mmap64, mmap)
