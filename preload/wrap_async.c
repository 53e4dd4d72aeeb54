/* wrap_async.c: message queues, which are descriptors, and POSIX's asynchronous I/O, which libc does on threads of its own: the
 * context that asks for it is the one that does it, and it is checked when it is asked for. */
#include "preload/wrap.h"

#include <aio.h>
#include <fcntl.h>
#include <mqueue.h>
#include <stdarg.h>

mqd_t __mq_open_2(const char *name, int flags);

static mqd_t opened(mqd_t queue, const char *name) {
    if (queue >= 0) rs_opened(queue, RS_OP_open, RS_KIND_OTHER, name);
    return queue;
}

RS_EXPORT mqd_t mq_open(const char *name, int flags, ...) {
    mode_t mode = 0;
    void *attributes = NULL;
    if (flags & O_CREAT) {
        va_list rest;
        va_start(rest, flags);
        mode = va_arg(rest, mode_t);
        attributes = va_arg(rest, void *);
        va_end(rest);
    }
    return opened(real.mq_open(name, flags, mode, attributes), name);
}

RS_EXPORT mqd_t __mq_open_2(const char *name, int flags) {
    return opened(real.__mq_open_2(name, flags), name);
}

RS_EXPORT int mq_close(mqd_t queue) {
    if (rs_refused_own(queue)) return -1;
    if (!rs_may_close(queue, RS_OP_close)) return -1;
    struct rs_closing closing = rs_close_begin(queue);
    int result = real.mq_close(queue);
    rs_close_end(queue, closing, true);
    return result;
}

/* Asked for, and recorded as such: how many bytes it was nobody knows yet. */
static bool asked(const struct aiocb *request, enum rs_operation operation) {
    struct rs_call call = rs_begin_call(request->aio_fildes, operation);
    if (rs_refused(call)) return false;
    rs_end_call(call, request->aio_fildes, operation, 0);
    return true;
}

RS_WRAP(int, aio_read, (struct aiocb * request)) {
    return asked(request, RS_OP_read) ? real.aio_read(request) : -1;
}

RS_WRAP(int, aio_write, (struct aiocb * request)) {
    return asked(request, RS_OP_write) ? real.aio_write(request) : -1;
}

RS_WRAP(int, aio_fsync, (int operation, struct aiocb *request)) {
    if (!rs_hidden(request->aio_fildes)) return real.aio_fsync(operation, request);
    errno = EBADF;
    return -1;
}

RS_WRAP(int, lio_listio, (int mode, struct aiocb *const *list, int count, struct sigevent *event)) {
    for (int i = 0; rs_on && i < count; i++) {
        const struct aiocb *request = list[i];
        bool io = request && (request->aio_lio_opcode == LIO_READ || request->aio_lio_opcode == LIO_WRITE);
        if (io && !asked(request, request->aio_lio_opcode == LIO_READ ? RS_OP_read : RS_OP_write)) return -1;
    }
    return real.lio_listio(mode, list, count, event);
}

RS_WRAP_SAME_AS(aio_read64, aio_read)
RS_WRAP_SAME_AS(aio_write64, aio_write)
RS_WRAP_SAME_AS(aio_fsync64, aio_fsync)
RS_WRAP_SAME_AS(lio_listio64, lio_listio)
