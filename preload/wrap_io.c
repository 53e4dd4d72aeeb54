/* wrap_io.c: reading and writing. All but a few of these are alike, and are made from calls.def. */
#include "preload/requester.h"
#include "preload/wrap.h"

#include <fcntl.h>
#include <sys/sendfile.h>
#include <unistd.h>

#define IO(ret, name, params, args, fd, operation, bytes)           \
    RS_WRAP(ret, name, params) {                                    \
        struct rs_call call = rs_begin_call(fd, RS_OP_##operation); \
        if (rs_refused(call)) return -1;                            \
        ret result = real.name args;                                \
        rs_end_call_on(call, fd, RS_OP_##operation, result, bytes); \
        return result;                                              \
    }
#define CALL(ret, name, params, args)
#define STREAM(ret, name, params, args, file, operation, failed, bytes)
#define LOOK(ret, name, params, args, hidden, failed)
#define MAKES(name, params, args, operation, kind, text)
#define PASS(ret, name, params, args)
#define SECOND_NAME_IO(name, target) RS_WRAP_SAME_AS(name, target)
#define SECOND_NAME_STREAM(name, target)
#define SECOND_NAME_LOOK(name, target)
#define SECOND_NAME_PASS(name, target)
#define SECOND_NAME_CALL(name, target)
#define ALIAS(form, name, target) SECOND_NAME_##form(name, target)
#include "preload/calls.def"

/* From one descriptor to another: both must be allowed. For whom it is done a requester's connection tells (infer.h): it is asked
 * first. */
__attribute__((always_inline)) static inline bool begin_between(int in, int out, enum rs_operation sends,
                                                                struct rs_call *from, struct rs_call *to) {
    bool out_first = rs_on && rs_is_requester(rs_lookup(out));
    if (out_first) *to = rs_begin_call(out, sends);
    if (out_first && rs_refused(*to)) return false;
    *from = rs_begin_call(in, RS_OP_read);
    if (rs_refused(*from)) return false;
    if (!out_first) *to = rs_begin_call(out, sends);
    return !rs_refused(*to);
}

/* Each gets its event. The parameters are called `in` and `out`. */
#define BETWEEN(name, params, args, sends)                         \
    RS_EXPORT ssize_t name params {                                \
        struct rs_call from, to;                                   \
        if (!begin_between(in, out, sends, &from, &to)) return -1; \
        ssize_t result = real.name args;                           \
        rs_end_call(from, in, RS_OP_read, result);                 \
        rs_end_call(to, out, sends, result);                       \
        return result;                                             \
    }
BETWEEN(sendfile, (int out, int in, off_t *offset, size_t size), (out, in, offset, size), RS_OP_sendfile)
BETWEEN(splice, (int in, off64_t *in_offset, int out, off64_t *out_offset, size_t size, unsigned flags),
        (in, in_offset, out, out_offset, size, flags), RS_OP_write)
BETWEEN(tee, (int in, int out, size_t size, unsigned flags), (in, out, size, flags), RS_OP_write)
BETWEEN(copy_file_range, (int in, off64_t *in_offset, int out, off64_t *out_offset, size_t size, unsigned flags),
        (in, in_offset, out, out_offset, size, flags), RS_OP_write)

SAME_AS(sendfile64, sendfile)
