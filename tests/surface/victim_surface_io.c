/* victim_surface_io.c: what moves bytes, the position or the size of a descriptor. */
#include "surface.h"

#include <execinfo.h>
#include <sys/eventfd.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

/* ---- reading: the first bytes of TEXT ------------------------------------------------------------------------------
 */

static struct iovec *parts(void) {
    static struct iovec two[2];
    two[0] = (struct iovec){buffer, 3};
    two[1] = (struct iovec){buffer + 3, 5};
    return two;
}

static long call_read(struct subject *subject) {
    return received(CALLED(ssize_t, int, void *, size_t)(subject->fd, buffer, 8));
}

static long call_read_chk(struct subject *subject) {
    return received(CALLED(ssize_t, int, void *, size_t, size_t)(subject->fd, buffer, 8, sizeof buffer));
}

static long call_pread(struct subject *subject) {
    return received(CALLED(ssize_t, int, void *, size_t, off_t)(subject->fd, buffer, 8, 0));
}

static long call_pread_chk(struct subject *subject) {
    return received(CALLED(ssize_t, int, void *, size_t, off_t, size_t)(subject->fd, buffer, 8, 0, sizeof buffer));
}

static long call_readv(struct subject *subject) {
    return received(CALLED(ssize_t, int, const struct iovec *, int)(subject->fd, parts(), 2));
}

static long call_preadv(struct subject *subject) {
    return received(CALLED(ssize_t, int, const struct iovec *, int, off_t)(subject->fd, parts(), 2, 0));
}

static long call_preadv2(struct subject *subject) {
    return received(CALLED(ssize_t, int, const struct iovec *, int, off_t, int)(subject->fd, parts(), 2, 0, RWF_HIPRI));
}

static long call_recv(struct subject *subject) {
    return received(CALLED(ssize_t, int, void *, size_t, int)(subject->fd, buffer, 8, MSG_WAITALL));
}

static long call_recv_chk(struct subject *subject) {
    return received(CALLED(ssize_t, int, void *, size_t, size_t, int)(subject->fd, buffer, 8, sizeof buffer, 0));
}

static long call_recvfrom(struct subject *subject) {
    struct sockaddr_storage address;
    socklen_t length = sizeof address;
    return received(CALLED(ssize_t, int, void *, size_t, int, struct sockaddr *,
                           socklen_t *)(subject->fd, buffer, 8, 0, (struct sockaddr *)&address, &length));
}

static long call_recvfrom_chk(struct subject *subject) {
    return received(CALLED(ssize_t, int, void *, size_t, size_t, int, struct sockaddr *,
                           socklen_t *)(subject->fd, buffer, 8, sizeof buffer, 0, NULL, NULL));
}

static long call_recvmsg(struct subject *subject) {
    struct msghdr message = {.msg_iov = parts(), .msg_iovlen = 2};
    return received(CALLED(ssize_t, int, struct msghdr *, int)(subject->fd, &message, 0));
}

static long call_recvmmsg(struct subject *subject) {
    struct mmsghdr message = {.msg_hdr = {.msg_iov = parts(), .msg_iovlen = 2}};
    int count = CALLED(int, int, struct mmsghdr *, unsigned, int, struct timespec *)(subject->fd, &message, 1, 0, NULL);
    return count == 1 ? received(message.msg_len) : -1;
}

/* ---- writing -------------------------------------------------------------------------------------------------------
 */

static char evil[] = "evil and more of it";

static struct iovec *words(void) {
    static struct iovec two[2];
    two[0] = (struct iovec){evil, 3};
    two[1] = (struct iovec){evil + 3, 5};
    return two;
}

static long call_write(struct subject *subject) {
    return sent(subject, CALLED(ssize_t, int, const void *, size_t)(subject->fd, evil, 8));
}

static long call_pwrite(struct subject *subject) {
    return sent(subject, CALLED(ssize_t, int, const void *, size_t, off_t)(subject->fd, evil, 8, 0));
}

static long call_writev(struct subject *subject) {
    return sent(subject, CALLED(ssize_t, int, const struct iovec *, int)(subject->fd, words(), 2));
}

static long call_pwritev(struct subject *subject) {
    return sent(subject, CALLED(ssize_t, int, const struct iovec *, int, off_t)(subject->fd, words(), 2, 0));
}

static long call_pwritev2(struct subject *subject) {
    return sent(subject,
                CALLED(ssize_t, int, const struct iovec *, int, off_t, int)(subject->fd, words(), 2, 0, RWF_DSYNC));
}

static long call_send(struct subject *subject) {
    return sent(subject, CALLED(ssize_t, int, const void *, size_t, int)(subject->fd, evil, 8, MSG_NOSIGNAL));
}

static long call_sendto(struct subject *subject) {
    return sent(subject, CALLED(ssize_t, int, const void *, size_t, int, const struct sockaddr *,
                                socklen_t)(subject->fd, evil, 8, MSG_NOSIGNAL, NULL, 0));
}

static long call_sendmsg(struct subject *subject) {
    struct msghdr message = {.msg_iov = words(), .msg_iovlen = 2};
    return sent(subject, CALLED(ssize_t, int, const struct msghdr *, int)(subject->fd, &message, 0));
}

static long call_sendmmsg(struct subject *subject) {
    struct mmsghdr message = {.msg_hdr = {.msg_iov = words(), .msg_iovlen = 2}};
    int count = CALLED(int, int, struct mmsghdr *, unsigned, int)(subject->fd, &message, 1, 0);
    return count == 1 ? sent(subject, message.msg_len) : -1;
}

static long call_dprintf(struct subject *subject) {
    return sent(subject, CALLED(int, int, const char *, ...)(subject->fd, "%.3s%s", evil, "l an"));
}

static long call_dprintf_chk(struct subject *subject) {
    return sent(subject, CALLED(int, int, int, const char *, ...)(subject->fd, 1, "%.3s%s", evil, "l an"));
}

static long with_list(struct subject *subject, int checked, ...) {
    va_list list;
    va_start(list, checked);
    int count = checked ? CALLED(int, int, int, const char *, va_list)(subject->fd, 1, "%.3s%s", list)
                        : CALLED(int, int, const char *, va_list)(subject->fd, "%.3s%s", list);
    int error = errno;
    va_end(list);
    errno = error;
    return sent(subject, count);
}

static long call_vdprintf(struct subject *subject) {
    return with_list(subject, 0, evil, "l an");
}

static long call_vdprintf_chk(struct subject *subject) {
    return with_list(subject, 1, evil, "l an");
}

/* It has no result. */
static long call_backtrace_symbols_fd(struct subject *subject) {
    void *stack[] = {(void *)call_vdprintf};
    errno = 0;
    CALLED(void, void *const *, int, int)(stack, 1, subject->fd);
    if (errno) return -1;
    MUST(kernel(SYS_pread64, subject->fd, buffer, 64, 0) > 0 && strstr(buffer, "victim_surface_io("));
    return 0;
}

/* ---- from one to another -------------------------------------------------------------------------------------------
 */

static long sendfile_out(struct subject *subject) {
    off_t offset = 0;
    return CALLED(ssize_t, int, int, off_t *, size_t)(subject->fd, subject->other, &offset, 8);
}

static long sendfile_in(struct subject *subject) {
    return CALLED(ssize_t, int, int, off_t *, size_t)(subject->other, subject->fd, NULL, 8);
}

typedef ssize_t range_call(int, off64_t *, int, off64_t *, size_t, unsigned);

static long range_in(struct subject *subject) {
    off64_t in = 0, out = 9;
    return ((range_call *)surface_called)(subject->fd, &in, subject->other, &out, 8, 0);
}

static long range_out(struct subject *subject) {
    off64_t in = 0, out = 9;
    return ((range_call *)surface_called)(subject->other, &in, subject->fd, &out, 8, 0);
}

static void full_pipe(int ends[2]) {
    MUST(!kernel(SYS_pipe2, ends, O_NONBLOCK) && kernel(SYS_write, ends[1], TEXT, sizeof TEXT - 1) == sizeof TEXT - 1);
}

/* Two pipes that both hold something; both ends are the subject's and nobody's in turn. */
static void pipes_in(struct subject *subject) {
    int one[2] = {-1, -1}, two[2] = {-1, -1};
    full_pipe(one);
    full_pipe(two);
    subject->fd = surface_give(one[0]);
    subject->other = two[1];
}

static void pipes_out(struct subject *subject) {
    int one[2] = {-1, -1}, two[2] = {-1, -1};
    full_pipe(one);
    full_pipe(two);
    subject->fd = surface_give(one[1]);
    subject->other = two[0];
}

static long splice_in(struct subject *subject) {
    return ((range_call *)surface_called)(subject->fd, NULL, subject->other, NULL, 8, 0);
}

static long splice_out(struct subject *subject) {
    return ((range_call *)surface_called)(subject->other, NULL, subject->fd, NULL, 8, 0);
}

static long tee_in(struct subject *subject) {
    return CALLED(ssize_t, int, int, size_t, unsigned)(subject->fd, subject->other, 8, 0);
}

static long tee_out(struct subject *subject) {
    return CALLED(ssize_t, int, int, size_t, unsigned)(subject->other, subject->fd, 8, 0);
}

static long call_vmsplice(struct subject *subject) {
    return sent(subject, CALLED(ssize_t, int, const struct iovec *, size_t, unsigned)(subject->fd, words(), 2, 0));
}

/* ---- position, size, memory ----------------------------------------------------------------------------------------
 */

static long call_lseek(struct subject *subject) {
    return CALLED(off_t, int, off_t, int)(subject->fd, 5, SEEK_SET);
}

static long where_it_is(struct subject *subject) {
    return CALLED(off_t, int, off_t, int)(subject->fd, 0, SEEK_CUR);
}

static long call_ftruncate(struct subject *subject) {
    return CALLED(int, int, off_t)(subject->fd, 5);
}

static long call_fallocate(struct subject *subject) {
    return CALLED(int, int, int, off_t, off_t)(subject->fd, 0, 0, 100000);
}

static long call_posix_fallocate(struct subject *subject) {
    return failed_with(CALLED(int, int, off_t, off_t)(subject->fd, 0, 100000));
}

static long call_mmap(struct subject *subject) {
    char *memory =
        CALLED(void *, void *, size_t, int, int, int, off_t)(NULL, 4096, PROT_READ, MAP_PRIVATE, subject->fd, 0);
    if (memory == MAP_FAILED) return -1;
    MUST(!memcmp(memory, TEXT, 8) && !munmap(memory, 4096));
    return 0;
}

static long without_a_file(struct subject *subject) {
    (void)subject;
    char *memory = CALLED(void *, void *, size_t, int, int, int, off_t)(NULL, 4096, PROT_READ | PROT_WRITE,
                                                                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    MUST(memory != MAP_FAILED && !memory[4095] && (memory[0] = 1) && !munmap(memory, 4096));
    MUST(CALLED(void *, void *, size_t, int, int, int, off_t)(NULL, 4096, PROT_READ, MAP_PRIVATE, 999, 0) ==
         MAP_FAILED);
    return errno == EBADF ? 0 : -1;
}

static void a_counter(struct subject *subject) {
    subject->fd = surface_give(kernel(SYS_eventfd2, 3, EFD_NONBLOCK));
}

static long call_eventfd_read(struct subject *subject) {
    eventfd_t value = 0;
    return CALLED(int, int, eventfd_t *)(subject->fd, &value) ? -1 : (long)value;
}

static void an_empty_counter(struct subject *subject) {
    subject->fd = surface_give(kernel(SYS_eventfd2, 0, EFD_NONBLOCK));
}

static long call_eventfd_write(struct subject *subject) {
    uint64_t value = 0;
    if (CALLED(int, int, eventfd_t)(subject->fd, 5)) return -1;
    return kernel(SYS_read, subject->fd, &value, sizeof value) == 8 ? (long)value : -2;
}

static const struct surface rows[] = {
    USES(read, NULL, file, call_read, 8),
    USES(__read, NULL, file, call_read, 8),
    USES(__read_chk, NULL, file, call_read_chk, 8),
    USES(readv, NULL, stream_pair, call_readv, 8),
    USES(pread, NULL, file, call_pread, 8),
    USES(pread64, NULL, file, call_pread, 8),
    USES(__pread64, NULL, file, call_pread, 8),
    USES(__pread_chk, NULL, file, call_pread_chk, 8),
    USES(__pread64_chk, NULL, file, call_pread_chk, 8),
    USES(preadv, NULL, file, call_preadv, 8),
    USES(preadv64, NULL, file, call_preadv, 8),
    USES(preadv2, NULL, file, call_preadv2, 8),
    USES(preadv64v2, NULL, file, call_preadv2, 8),
    USES(recv, NULL, stream_pair, call_recv, 8),
    USES(__recv_chk, NULL, stream_pair, call_recv_chk, 8),
    USES(recvfrom, NULL, stream_pair, call_recvfrom, 8),
    USES(__recvfrom_chk, NULL, stream_pair, call_recvfrom_chk, 8),
    USES(recvmsg, NULL, stream_pair, call_recvmsg, 8),
    USES(recvmmsg, NULL, stream_pair, call_recvmmsg, 8),
    USES(write, NULL, pipe_to_write, call_write, 8),
    USES(__write, NULL, pipe_to_write, call_write, 8),
    USES(writev, NULL, file, call_writev, 8),
    USES(pwrite, NULL, file, call_pwrite, 8),
    USES(pwrite64, NULL, file, call_pwrite, 8),
    USES(__pwrite64, NULL, file, call_pwrite, 8),
    USES(pwritev, NULL, file, call_pwritev, 8),
    USES(pwritev64, NULL, file, call_pwritev, 8),
    USES(pwritev2, NULL, file, call_pwritev2, 8),
    USES(pwritev64v2, NULL, file, call_pwritev2, 8),
    USES(send, NULL, stream_pair, call_send, 8),
    USES(__send, NULL, stream_pair, call_send, 8),
    USES(sendto, NULL, stream_pair, call_sendto, 8),
    USES(sendmsg, NULL, stream_pair, call_sendmsg, 8),
    USES(sendmmsg, NULL, stream_pair, call_sendmmsg, 8),
    USES(dprintf, NULL, pipe_to_write, call_dprintf, 7, .fragile = true),
    USES(__dprintf_chk, NULL, pipe_to_write, call_dprintf_chk, 7, .fragile = true),
    USES(vdprintf, NULL, pipe_to_write, call_vdprintf, 7, .fragile = true),
    USES(__vdprintf_chk, NULL, pipe_to_write, call_vdprintf_chk, 7, .fragile = true),
    USES(backtrace_symbols_fd, NULL, file, call_backtrace_symbols_fd, 0),
    USES(sendfile, "out", two_files, sendfile_out, 8),
    USES(sendfile, "in", two_files, sendfile_in, 8),
    USES(sendfile64, "out", two_files, sendfile_out, 8),
    USES(sendfile64, "in", two_files, sendfile_in, 8),
    USES(copy_file_range, "in", two_files, range_in, 8),
    USES(copy_file_range, "out", two_files, range_out, 8),
    USES(splice, "in", pipes_in, splice_in, 8),
    USES(splice, "out", pipes_out, splice_out, 8),
    USES(tee, "in", pipes_in, tee_in, 8),
    USES(tee, "out", pipes_out, tee_out, 8),
    USES_PIPE(vmsplice, NULL, pipe_to_write, call_vmsplice, 8),
    USES(lseek, NULL, file, call_lseek, 5),
    USES(lseek64, NULL, file, call_lseek, 5),
    LOOKS(lseek, "nowhere", file, where_it_is, 0),
    LOOKS(lseek64, "nowhere", file, where_it_is, 0),
    USES(ftruncate, NULL, file, call_ftruncate, 0),
    USES(ftruncate64, NULL, file, call_ftruncate, 0),
    USES(fallocate, NULL, file, call_fallocate, 0),
    USES(fallocate64, NULL, file, call_fallocate, 0),
    USES(posix_fallocate, NULL, file, call_posix_fallocate, 0),
    USES(posix_fallocate64, NULL, file, call_posix_fallocate, 0),
    USES(mmap, NULL, file, call_mmap, 0),
    USES(mmap64, NULL, file, call_mmap, 0),
    WORKS(mmap, "without a file", without_a_file, 0),
    WORKS(mmap64, "without a file", without_a_file, 0),
    USES(eventfd_read, NULL, a_counter, call_eventfd_read, 3),
    USES(eventfd_write, NULL, an_empty_counter, call_eventfd_write, 5),
};
SURFACE_MAIN(rows)
