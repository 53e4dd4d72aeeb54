/* wrap_stream.c: I/O on stdio streams, made from calls.def.
 *
 * libc reads and writes a stream's descriptor inside itself, whenever its buffer says so. So each call on a stream is checked
 * as I/O on the descriptor: who writes into another request's buffer has written into its file, if later. What is recorded,
 * and what the exchange's phase sees, is what went through the descriptor, which the stream's pointers tell:
 *
 *     reading   bytes given to the program + left in the buffer after - before
 *     writing   bytes taken from the program + waiting before - waiting after
 *
 * They are read without the stream's lock: when another thread uses the stream at once the number may be wrong, nothing
 * else. A stream without a descriptor is left alone. */
#include "preload/config.h"
#include "preload/stream.h"
#include "preload/wrap.h"

#include <execinfo.h>
#include <stdio.h>
#include <string.h>

struct stream {
    struct rs_call call;
    int fd;
    const char *read_end;
    ssize_t unread, waiting;
};

static inline struct stream begin(const FILE *file, enum rs_operation operation) {
    struct stream stream = {.call = {NULL, RS_CALL_UNSEEN}, .fd = rs_stream_number(file)};
    if (rs_unlikely(!rs_on) || stream.fd < 0) return stream;
    stream.call = rs_begin_call(stream.fd, operation);
    stream.read_end = file->_IO_read_end;
    stream.unread = rs_stream_unread(file);
    stream.waiting = rs_stream_waiting(file);
    return stream;
}

/* Was the descriptor read? An empty buffer had to be filled; a filled one is another. */
static bool filled(const struct stream *stream, const FILE *file, size_t bytes) {
    return !stream->unread || file->_IO_read_end != stream->read_end || rs_stream_unread(file) > stream->unread ||
           (ssize_t)bytes > stream->unread;
}

static inline void done(const struct stream *stream, const FILE *file, enum rs_operation operation, size_t bytes) {
    if (stream->call.id == RS_CALL_UNSEEN) return;
    if (operation == RS_OP_read) {
        if (rs_likely(!filled(stream, file, bytes))) return;
        ssize_t moved = (ssize_t)bytes + rs_stream_unread(file) - stream->unread;
        /* What was read at once lies in the buffer still. */
        bool at_once = moved > 0 && moved == file->_IO_read_end - file->_IO_read_base;
        rs_end_call_on(stream->call, stream->fd, operation, moved > 0 ? moved : 0,
                       at_once ? rs_buffer(file->_IO_read_base, (size_t)moved) : rs_unseen());
    } else if (operation == RS_OP_write) {
        ssize_t moved = (ssize_t)bytes + stream->waiting - rs_stream_waiting(file);
        if (rs_unlikely(moved > 0)) rs_end_call(stream->call, stream->fd, operation, moved);
    } else {
        rs_end_call(stream->call, stream->fd, operation, 0);
    }
}

static inline size_t length_of(const char *text) {
    return text ? strlen(text) : 0;
}

static inline size_t at_least_none(ssize_t count) {
    return count > 0 ? (size_t)count : 0;
}

#define STREAM(ret, name, params, args, file, operation, failed, bytes)                \
    RS_WRAP(ret, name, params) {                                                       \
        struct stream stream = begin(file, RS_OP_##operation);                         \
        if (rs_refused(stream.call)) return failed;                                    \
        ret result = real.name args;                                                   \
        if (rs_likely(rs_on)) done(&stream, file, RS_OP_##operation, (size_t)(bytes)); \
        return result;                                                                 \
    }
#define CALL(ret, name, params, args)
#define IO(ret, name, params, args, fd, operation, bytes)
#define LOOK(ret, name, params, args, hidden, failed)
#define MAKES(name, params, args, operation, kind, text)
#define PASS(ret, name, params, args)
#define SECOND_NAME_STREAM(name, target) RS_WRAP_SAME_AS(name, target)
#define SECOND_NAME_LOOK(name, target)
#define SECOND_NAME_PASS(name, target)
#define SECOND_NAME_CALL(name, target)
#define SECOND_NAME_IO(name, target)
#define ALIAS(form, name, target) SECOND_NAME_##form(name, target)
#include "preload/calls.def"

/* The variadic ones are their va_list twins. */
#define VARIADIC(name, target, params, last, args)      \
    RS_EXPORT int rs_wrap_##name params __asm__(#name); \
    int rs_wrap_##name params {                         \
        va_list values;                                 \
        va_start(values, last);                         \
        int result = rs_wrap_##target args;             \
        va_end(values);                                 \
        return result;                                  \
    }

VARIADIC(printf, vprintf, (const char *format, ...), format, (format, values))
VARIADIC(fprintf, vfprintf, (FILE * file, const char *format, ...), format, (file, format, values))
VARIADIC(__printf_chk, __vprintf_chk, (int flag, const char *format, ...), format, (flag, format, values))
VARIADIC(__fprintf_chk, __vfprintf_chk, (FILE * file, int flag, const char *format, ...), format,
         (file, flag, format, values))
VARIADIC(scanf, vfscanf, (const char *format, ...), format, (stdin, format, values))
VARIADIC(fscanf, vfscanf, (FILE * file, const char *format, ...), format, (file, format, values))
VARIADIC(__isoc99_scanf, __isoc99_vfscanf, (const char *format, ...), format, (stdin, format, values))
VARIADIC(__isoc99_fscanf, __isoc99_vfscanf, (FILE * file, const char *format, ...), format, (file, format, values))
RS_WRAP_SAME_AS(_IO_printf, printf)
RS_WRAP_SAME_AS(_IO_fprintf, fprintf)

/* Straight to a descriptor. */
extern int rs_vdprintf(int fd, const char *format, va_list values) __asm__("vdprintf");
extern int rs_vdprintf_chk(int fd, int flag, const char *format, va_list values) __asm__("__vdprintf_chk");
#define rs_wrap_vdprintf rs_vdprintf
#define rs_wrap___vdprintf_chk rs_vdprintf_chk
VARIADIC(dprintf, vdprintf, (int fd, const char *format, ...), format, (fd, format, values))
VARIADIC(__dprintf_chk, __vdprintf_chk, (int fd, int flag, const char *format, ...), format, (fd, flag, format, values))

RS_EXPORT void backtrace_symbols_fd(void *const *frames, int count, int fd) {
    struct rs_call call = rs_begin_call(fd, RS_OP_write);
    if (rs_refused(call)) return;
    real.backtrace_symbols_fd(frames, count, fd);
    rs_end_call(call, fd, RS_OP_write, 0);
}

/* What waits is written. NULL: every stream's; that is no context's doing, and is not checked. An input stream's is none. */
static struct stream begin_flush(const FILE *file) {
    if (!file || !rs_on || !rs_stream_waiting(file)) return (struct stream){.call = {NULL, RS_CALL_UNSEEN}, .fd = -1};
    return begin(file, RS_OP_write);
}

#define FLUSHES(name)                                   \
    RS_EXPORT int name(FILE *file) {                    \
        struct stream stream = begin_flush(file);       \
        if (rs_refused(stream.call)) return EOF;        \
        int result = real.name(file);                   \
        if (rs_on) done(&stream, file, RS_OP_write, 0); \
        return result;                                  \
    }
FLUSHES(fflush)
FLUSHES(fflush_unlocked)

RS_EXPORT void rewind(FILE *file) {
    struct stream stream = begin(file, RS_OP_seek);
    if (rs_refused(stream.call)) return;
    real.rewind(file);
    if (rs_on) done(&stream, file, RS_OP_seek, 0);
}

/* A refused call has not touched the stream, which is its owner's: that one sees no error on it. But who was refused must, or
 * would read on for ever. */
#define ERRORS(name)                                                                \
    RS_EXPORT int name(FILE *file) {                                                \
        int result = real.name(file);                                               \
        bool denies = rs_on && rs_config.mode == RS_MODE_DENY && rs_thread.current; \
        return result || (denies && rs_is_refused(rs_stream_number(file)));         \
    }
ERRORS(ferror)
ERRORS(ferror_unlocked)
