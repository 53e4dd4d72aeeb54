/* wrap.h: what all families of wrappers need. A wrapper is an exported function with libc's name and type:
 *
 *     ask the policy (rs_begin_call, rs_may_close)   before anything has happened
 *     call real.name                                 directly: it stays a cancellation point, nothing of ours is held
 *     note what has changed (rs_opened, rs_close_end, rs_end_call)
 *
 * A result and errno are the real function's. When the guard is off each is a load, a branch and a jump. */
#ifndef RS_PRELOAD_WRAP_H
#define RS_PRELOAD_WRAP_H

#include "preload/policy.h"
#include "preload/real.h"
#include "preload/track.h"

#define RS_EXPORT __attribute__((visibility("default")))

/* A second exported name for a function of this file. (gcc would have it carry libc's nothrow, which no caller of ours sees.) */
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wmissing-attributes"
#endif
#define SAME_AS(name, target) extern __typeof__(target) name RS_EXPORT __attribute__((alias(#target)));

/* A wrapper that is made from its line of calls.def, and its second name. In C they have names of their own: libc's headers
 * declare many of these functions in ways that no generated definition matches. */
#define RS_WRAP(ret, name, params)                      \
    RS_EXPORT ret rs_wrap_##name params __asm__(#name); \
    ret rs_wrap_##name params
#define RS_WRAP_SAME_AS(name, target) \
    extern __typeof__(rs_wrap_##target) rs_wrap_##name __asm__(#name) RS_EXPORT __attribute__((alias(#target)));

/* A wrapper whose last call is a jump, whatever the level of optimisation: who is called sees our caller's frame. (clang does
 * that from -O1 on, and knows no such attribute.) */
#ifdef __clang__
#define RS_JUMPS
#else
#define RS_JUMPS __attribute__((optimize("optimize-sibling-calls")))
#endif

/* Where the bytes of a call are: calls.def. What is received with MSG_PEEK will come again, and with MSG_TRUNC is not there. */
static inline struct rs_bytes_of rs_unseen(void) {
    return (struct rs_bytes_of){NULL, 0, RS_BYTES_UNSEEN};
}

static inline struct rs_bytes_of rs_buffer(const void *buffer, size_t size) {
    return (struct rs_bytes_of){buffer, size != 0, RS_BYTES_BUFFER};
}

static inline struct rs_bytes_of rs_parts(const struct iovec *parts, int count) {
    return (struct rs_bytes_of){parts, (uint32_t)count, RS_BYTES_PARTS};
}

static inline enum rs_bytes_form rs_form(enum rs_bytes_form form, int flags) {
    if (rs_likely(!(flags & (MSG_PEEK | MSG_ERRQUEUE | MSG_TRUNC | MSG_OOB)))) return form;
    return flags & (MSG_PEEK | MSG_ERRQUEUE) ? RS_BYTES_PEEKED : RS_BYTES_UNSEEN;
}

static inline struct rs_bytes_of rs_received(const void *buffer, size_t size, int flags) {
    return (struct rs_bytes_of){buffer, size != 0, rs_form(RS_BYTES_BUFFER, flags)};
}

static inline struct rs_bytes_of rs_message(const struct msghdr *message, int flags) {
    return (struct rs_bytes_of){message, 0, rs_form(RS_BYTES_MESSAGE, flags)};
}

/* To the program the guard's own descriptors are not open. (The unwinder uses them through these wrappers.) */
static inline bool rs_hidden(int fd) {
    return rs_on && rs_unlikely(rs_is_own(fd)) && !rs_thread.inside;
}

/* The answer to a call on one, where -1 and errno are the answer. */
static inline bool rs_refused_own(int fd) {
    if (rs_likely(!rs_hidden(fd))) return false;
    errno = EBADF;
    return true;
}

/* To a poll that has been answered the guard's own descriptors are not open; returns how many are ready. */
int rs_poll_without_own(struct pollfd *fds, nfds_t count, int ready);

#endif
