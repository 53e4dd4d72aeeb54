/* victim_surface_queues.c: message queues, which are descriptors, and POSIX's asynchronous I/O, which libc does on threads of
 * its own: it is checked when it is asked for. */
#include "surface.h"

#include <aio.h>

#define SIZE 64

static const char *queue_name(void) {
    static char name[64];
    snprintf(name, sizeof name, "/reqscope-surface-%d", getpid());
    return name;
}

/* With one message in it. */
static void a_queue(struct subject *subject) {
    struct mq_attr attributes = {.mq_maxmsg = 4, .mq_msgsize = SIZE};
    kernel(SYS_mq_unlink, queue_name() + 1);
    subject->fd = surface_give(kernel(SYS_mq_open, queue_name() + 1, O_RDWR | O_CREAT | O_NONBLOCK, 0600, &attributes));
    MUST(!kernel(SYS_mq_timedsend, subject->fd, TEXT, 8, 3, NULL));
    MUST(!kernel(SYS_mq_unlink, queue_name() + 1));
}

static long make_queue(struct subject *subject) {
    struct mq_attr attributes = {.mq_maxmsg = 4, .mq_msgsize = SIZE}, found = {0};
    kernel(SYS_mq_unlink, queue_name() + 1);
    subject->fd = CALLED(mqd_t, const char *, int, ...)(queue_name(), O_RDWR | O_CREAT, 0600, &attributes);
    MUST(subject->fd >= 0 && !kernel(SYS_mq_getsetattr, subject->fd, NULL, &found) && found.mq_msgsize == SIZE);
    MUST(!kernel(SYS_mq_unlink, queue_name() + 1));
    return 0;
}

static long open_queue(struct subject *subject) {
    long made = kernel(SYS_mq_open, queue_name() + 1, O_RDWR | O_CREAT, 0600, NULL);
    MUST(made >= 0 && !kernel(SYS_close, made));
    subject->fd = CALLED(mqd_t, const char *, int)(queue_name(), O_RDWR);
    MUST(!kernel(SYS_mq_unlink, queue_name() + 1));
    return subject->fd < 0 ? -1 : 0;
}

static long call_mq_receive(struct subject *subject) {
    unsigned priority = 0;
    ssize_t count = CALLED(ssize_t, mqd_t, char *, size_t, unsigned *)(subject->fd, buffer, SIZE, &priority);
    MUST(count < 0 || priority == 3);
    return received(count);
}

static long call_mq_timedreceive(struct subject *subject) {
    struct timespec past = {0, 0};
    return received(CALLED(ssize_t, mqd_t, char *, size_t, unsigned *, const struct timespec *)(subject->fd, buffer,
                                                                                                SIZE, NULL, &past));
}

static long queued(const struct subject *subject, int result) {
    struct mq_attr found = {0};
    if (result) return result;
    return !kernel(SYS_mq_getsetattr, subject->fd, NULL, &found) && found.mq_curmsgs == 2 ? 0 : -2;
}

static long call_mq_send(struct subject *subject) {
    return queued(subject, CALLED(int, mqd_t, const char *, size_t, unsigned)(subject->fd, "evil", 4, 5));
}

static long call_mq_timedsend(struct subject *subject) {
    struct timespec past = {0, 0};
    return queued(subject, CALLED(int, mqd_t, const char *, size_t, unsigned,
                                  const struct timespec *)(subject->fd, "evil", 4, 5, &past));
}

static long call_mq_getattr(struct subject *subject) {
    struct mq_attr attributes;
    if (CALLED(int, mqd_t, struct mq_attr *)(subject->fd, &attributes)) return -1;
    return attributes.mq_curmsgs;
}

/* ---- asynchronous I/O ----------------------------------------------------------------------------------------------
 */

static struct aiocb request;
static char evil[] = "evil and more of it";

static struct aiocb *request_for(const struct subject *subject, void *memory, int operation) {
    request = (struct aiocb){.aio_fildes = subject->fd,
                             .aio_buf = memory,
                             .aio_nbytes = 8,
                             .aio_lio_opcode = operation,
                             .aio_sigevent.sigev_notify = SIGEV_NONE};
    return &request;
}

/* What the request came to: it may have failed at once, or later. (Waiting for it is a cancellation point: not ours.) */
static long result_of(int asked) {
    const struct aiocb *list[] = {&request};
    int failed = errno, ignored;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &ignored);
    if (asked && failed != EIO) return failed_with(failed);
    while (aio_error(&request) == EINPROGRESS) aio_suspend(list, 1, NULL);
    int error = aio_error(&request);
    return error ? failed_with(error) : aio_return(&request);
}

static long call_aio_read(struct subject *subject) {
    int asked = CALLED(int, struct aiocb *)(request_for(subject, buffer, LIO_READ));
    return received(result_of(asked));
}

static long call_aio_write(struct subject *subject) {
    int asked = CALLED(int, struct aiocb *)(request_for(subject, evil, LIO_WRITE));
    return sent(subject, result_of(asked));
}

static long call_aio_fsync(struct subject *subject) {
    return result_of(CALLED(int, int, struct aiocb *)(O_SYNC, request_for(subject, NULL, LIO_NOP)));
}

static long call_lio_read(struct subject *subject) {
    struct aiocb *list[] = {request_for(subject, buffer, LIO_READ)};
    return received(
        result_of(CALLED(int, int, struct aiocb *const *, int, struct sigevent *)(LIO_WAIT, list, 1, NULL)));
}

static long call_lio_write(struct subject *subject) {
    struct aiocb *list[] = {request_for(subject, evil, LIO_WRITE)};
    return sent(subject,
                result_of(CALLED(int, int, struct aiocb *const *, int, struct sigevent *)(LIO_WAIT, list, 1, NULL)));
}

/* The second of two is another's: none is begun. */
static long call_lio_both(struct subject *subject) {
    static struct aiocb mine;
    static const char text[] = "mine";
    int fd = (int)kernel(SYS_memfd_create, "mine", 0);
    mine = (struct aiocb){
        .aio_fildes = fd, .aio_buf = (void *)(uintptr_t)text, .aio_nbytes = 4, .aio_lio_opcode = LIO_WRITE};
    struct aiocb *list[] = {&mine, request_for(subject, evil, LIO_WRITE)};
    long result = result_of(CALLED(int, int, struct aiocb *const *, int, struct sigevent *)(LIO_WAIT, list, 2, NULL));
    int error = errno;
    MUST(kernel(SYS_lseek, fd, 0, SEEK_END) == (result < 0 ? 0 : 4));
    kernel(SYS_close, fd);
    errno = error;
    return sent(subject, result);
}

static const struct surface rows[] = {
    MAKES(mq_open, NULL, no_subject, make_queue, 0),
    MAKES(__mq_open_2, NULL, no_subject, open_queue, 0),
    USES_STREAM(mq_receive, NULL, a_queue, call_mq_receive, 8),
    USES_STREAM(mq_timedreceive, NULL, a_queue, call_mq_timedreceive, 8),
    USES_STREAM(mq_send, NULL, a_queue, call_mq_send, 0),
    USES_STREAM(mq_timedsend, NULL, a_queue, call_mq_timedsend, 0),
    LOOKS_STREAM(mq_getattr, NULL, a_queue, call_mq_getattr, 1),
    USES(aio_read, NULL, file, call_aio_read, 8),
    USES(aio_read64, NULL, file, call_aio_read, 8),
    USES(aio_write, NULL, file, call_aio_write, 8),
    USES(aio_write64, NULL, file, call_aio_write, 8),
    LOOKS(aio_fsync, NULL, file, call_aio_fsync, 0),
    LOOKS(aio_fsync64, NULL, file, call_aio_fsync, 0),
    USES(lio_listio, "to read", file, call_lio_read, 8),
    USES(lio_listio, "to write", file, call_lio_write, 8),
    USES_STREAM(lio_listio, "as the second", file, call_lio_both, 8),
    USES(lio_listio64, "to read", file, call_lio_read, 8),
    USES(lio_listio64, "to write", file, call_lio_write, 8),
};
SURFACE_MAIN(rows)
