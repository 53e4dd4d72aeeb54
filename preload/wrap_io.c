/* wrap_io.c: reading and writing. All but a few of these are alike, and are made from calls.def. */
#include "preload/wrap.h"

#include <fcntl.h>
#include <sys/sendfile.h>
#include <unistd.h>

/* What libc does not declare. */
ssize_t __read(int fd, void *buffer, size_t size);
ssize_t __write(int fd, const void *buffer, size_t size);
ssize_t __send(int fd, const void *buffer, size_t size, int flags);
ssize_t __pread64(int fd, void *buffer, size_t size, off_t offset);
ssize_t __pwrite64(int fd, const void *buffer, size_t size, off_t offset);
int __sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags);
ssize_t __read_chk(int fd, void *buffer, size_t size, size_t room);
ssize_t __pread_chk(int fd, void *buffer, size_t size, off_t offset, size_t room);
ssize_t __pread64_chk(int fd, void *buffer, size_t size, off_t offset, size_t room);
ssize_t __recv_chk(int fd, void *buffer, size_t size, size_t room, int flags);
ssize_t __recvfrom_chk(int fd, void *buffer, size_t size, size_t room, int flags, struct sockaddr *address,
                       socklen_t *length);

#define IO(ret, name, params, args, fd, operation)                  \
    RS_EXPORT ret name params {                                     \
        struct rs_call call = rs_begin_call(fd, RS_OP_##operation); \
        if (rs_refused(call)) return -1;                            \
        ret result = real.name args;                                \
        rs_end_call(call, fd, RS_OP_##operation, result);           \
        return result;                                              \
    }
#define CALL(ret, name, params, args)
#define ALIAS(name, target)
#include "preload/calls.def"
#undef IO
#undef ALIAS

/* The second names of the functions above. */
SAME_AS(__read, read)
SAME_AS(pread64, pread)
SAME_AS(__pread64, pread)
SAME_AS(__pread64_chk, __pread_chk)
SAME_AS(preadv64, preadv)
SAME_AS(preadv64v2, preadv2)
SAME_AS(__write, write)
SAME_AS(pwrite64, pwrite)
SAME_AS(__pwrite64, pwrite)
SAME_AS(pwritev64, pwritev)
SAME_AS(pwritev64v2, pwritev2)
SAME_AS(__send, send)
SAME_AS(__sendmmsg, sendmmsg)
SAME_AS(sendfile64, sendfile)

/* From one descriptor to another: both must be allowed, and each gets its event. The parameters are called `in` and `out`. */
#define BETWEEN(name, params, args, sends)                   \
    RS_EXPORT ssize_t name params {                          \
        struct rs_call from = rs_begin_call(in, RS_OP_read); \
        if (rs_refused(from)) return -1;                     \
        struct rs_call to = rs_begin_call(out, sends);       \
        if (rs_refused(to)) return -1;                       \
        ssize_t result = real.name args;                     \
        rs_end_call(from, in, RS_OP_read, result);           \
        rs_end_call(to, out, sends, result);                 \
        return result;                                       \
    }
BETWEEN(sendfile, (int out, int in, off_t *offset, size_t size), (out, in, offset, size), RS_OP_sendfile)
BETWEEN(splice, (int in, off64_t *in_offset, int out, off64_t *out_offset, size_t size, unsigned flags),
        (in, in_offset, out, out_offset, size, flags), RS_OP_write)
BETWEEN(tee, (int in, int out, size_t size, unsigned flags), (in, out, size, flags), RS_OP_write)
BETWEEN(copy_file_range, (int in, off64_t *in_offset, int out, off64_t *out_offset, size_t size, unsigned flags),
        (in, in_offset, out, out_offset, size, flags), RS_OP_write)
