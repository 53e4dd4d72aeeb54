/* wrap_dup.c: numbers are duplicated and closed. */
#include "preload/closed.h"
#include "preload/ownfd.h"
#include "preload/stack.h"
#include "preload/wrap.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <stdarg.h>
#include <unistd.h>

int __dup2(int fd, int target);
int __fcntl(int fd, int command, ...);
int __close(int fd);

RS_EXPORT int dup(int fd) {
    if (rs_refused_own(fd)) return -1;
    int copy = real.dup(fd);
    if (copy >= 0) rs_duplicated(fd, copy);
    return copy;
}

/* Would the kernel do it? If not, nothing is closed, and its own error is the answer. */
static bool can_replace(int fd, int flags) {
    return rs_sys(SYS_fcntl, fd, F_GETFD) >= 0 && !(flags & ~O_CLOEXEC);
}

/* Before a dup2 or dup3: may the target be closed, and is it one of ours, in the way? */
static bool may_replace(int fd, int target, int flags) {
    if (rs_refused_own(fd)) return false;
    if (fd == target || target < 0 || !rs_tables_are_ours() || !rs_slot_index(target)) return true;
    bool plain = __atomic_load_n(&rs_lookup(target)->tag, __ATOMIC_RELAXED) == rs_thread.current;
    if (plain || !can_replace(fd, flags)) return true;
    if (rs_is_own(target)) rs_own_vacate(target);
    return rs_may_close(target, RS_OP_close);
}

static void replaced(int fd, int target, struct rs_closing closing, int result) {
    rs_close_end(target, closing, result >= 0);
    if (result >= 0) rs_duplicated(fd, target);
}

RS_EXPORT int dup2(int fd, int target) {
    if (!may_replace(fd, target, 0)) return -1;
    if (fd == target) return real.dup2(fd, target);
    struct rs_closing closing = rs_close_begin(target);
    int result = real.dup2(fd, target);
    replaced(fd, target, closing, result);
    return result;
}

RS_EXPORT int dup3(int fd, int target, int flags) {
    if (!may_replace(fd, target, flags)) return -1;
    if (fd == target) return real.dup3(fd, target, flags);
    struct rs_closing closing = rs_close_begin(target);
    int result = real.dup3(fd, target, flags);
    replaced(fd, target, closing, result);
    return result;
}

/* The third argument is an int, a long or a pointer, or absent: libc itself takes it as a pointer whatever it is. */
RS_EXPORT int fcntl(int fd, int command, ...) {
    va_list rest;
    va_start(rest, command);
    void *argument = va_arg(rest, void *);
    va_end(rest);
    if (rs_refused_own(fd)) return -1;
    int result = real.fcntl(fd, command, argument);
    if (result >= 0 && (command == F_DUPFD || command == F_DUPFD_CLOEXEC)) rs_duplicated(fd, result);
    return result;
}

RS_EXPORT int close(int fd) {
    if (rs_unlikely(rs_thread.inside || rs_is_own(fd)) && rs_stack_is_unwinder((uintptr_t)__builtin_return_address(0)))
        return rs_own_close_by_unwinder(fd);
    if (rs_refused_own(fd)) {
        rs_closed_once(fd, __builtin_return_address(0)); /* a loop goes on beyond it */
        return -1;
    }
    if (!rs_may_close(fd, RS_OP_close)) return -1;
    struct rs_closing closing = rs_close_begin(fd);
    int result = real.close(fd);
    /* Interrupted or not, the number is free on Linux; only EBADF says that it was not open. */
    rs_close_end(fd, closing, true);
    if (rs_unlikely(!rs_on)) return result;
    if (rs_unlikely(result && errno == EBADF))
        rs_closed_twice(fd, RS_OP_close, __builtin_return_address(0));
    else
        rs_closed_once(fd, __builtin_return_address(0));
    return result;
}

/* The first number of [first, last] that may not be closed; -1 when all may. */
static int first_refused(unsigned first, unsigned last) {
    for (int fd = rs_next_known((int)first); fd >= 0 && (unsigned)fd <= last; fd = rs_next_known(fd + 1)) {
        if (!rs_may_close(fd, RS_OP_close)) return fd;
    }
    return -1;
}

static void forget_all(unsigned first, unsigned last) {
    for (int fd = rs_next_known((int)first); fd >= 0 && (unsigned)fd <= last; fd = rs_next_known(fd + 1)) {
        rs_close_end(fd, rs_close_begin(fd), true);
    }
}

/* The ranges between the guard's own descriptors, one after the other. */
static int close_around_own(unsigned first, unsigned last, int flags) {
    int result = 0;
    for (unsigned from = first; !result;) {
        int own = rs_own_next((int)from);
        bool split = own >= 0 && (unsigned)own <= last;
        if (!split) return real.close_range(from, last, flags);
        if ((unsigned)own > from) result = real.close_range(from, (unsigned)own - 1, flags);
        if (result || (unsigned)own == last) return result;
        from = (unsigned)own + 1;
    }
    return result;
}

RS_EXPORT int close_range(unsigned first, unsigned last, int flags) {
    bool closes = !(flags & CLOSE_RANGE_CLOEXEC);
    if (!rs_tables_are_ours() || first > last || first > INT_MAX) return real.close_range(first, last, flags);
    if (closes && first_refused(first, last) >= 0) return -1;
    if (flags & ~(CLOSE_RANGE_CLOEXEC | CLOSE_RANGE_UNSHARE)) return real.close_range(first, last, flags);
    /* Before: a number that is free is another thread's the next moment, and what is known of it, too. */
    if (closes) forget_all(first, last);
    return close_around_own(first, last, flags);
}

/* libc's answers nothing and cannot fail: what may not be closed (deny) stays open. */
RS_EXPORT void closefrom(int first) {
    if (!rs_tables_are_ours()) {
        real.closefrom(first);
        return;
    }
    for (unsigned from = first < 0 ? 0 : (unsigned)first;;) {
        int kept = first_refused(from, ~0u);
        unsigned last = kept < 0 ? ~0u : (unsigned)kept - 1;
        if (kept < 0 || (unsigned)kept > from) {
            forget_all(from, last);
            close_around_own(from, last, 0);
        }
        if (kept < 0) return;
        from = (unsigned)kept + 1;
    }
}

SAME_AS(__dup2, dup2)
SAME_AS(fcntl64, fcntl)
SAME_AS(__fcntl, fcntl)
SAME_AS(__close, close)
