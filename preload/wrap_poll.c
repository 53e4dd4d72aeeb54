/* wrap_poll.c: waiting. Nothing is checked here, but it shows who serves many requesters in turns (infer.h); and to a context that was refused a description (mode deny) the description is
 * broken, and a wait on it must say so at once: a client that hides a failed send (libpq does) would wait for ever for the
 * answer to what it never sent. And to all the guard's own descriptors are not open. */
#include "preload/config.h"
#include "preload/infer.h"
#include "preload/ownfd.h"
#include "preload/wrap.h"

#include <sys/epoll.h>
#include <sys/uio.h>

int __poll(struct pollfd *fds, nfds_t count, int timeout);
int __poll_chk(struct pollfd *fds, nfds_t count, int timeout, size_t room);
int __ppoll_chk(struct pollfd *fds, nfds_t count, const struct timespec *timeout, const sigset_t *mask, size_t room);
int __select(int count, fd_set *readable, fd_set *writable, fd_set *excepted, struct timeval *timeout);

/* glibc declares fds as written only; the numbers in it are read all the same. */
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

static bool may_be_refused(void) {
    return rs_on && rs_config.mode == RS_MODE_DENY && rs_thread.current;
}

static bool any_refused(const struct pollfd *fds, nfds_t count) {
    for (nfds_t i = 0; i < count; i++) {
        if (fds[i].fd >= 0 && rs_is_refused(fds[i].fd)) return true;
    }
    return false;
}

/* The answer to a wait in which a refused descriptor takes part: what is ready now, and an error on it. False: there is none.
 * The kernel looks at the array first: it may be no memory. */
static bool answered(struct pollfd *fds, nfds_t count, int *ready) {
    if (rs_likely(!may_be_refused())) return false;
    int saved = errno;
    if (real.poll(fds, count, 0) < 0 || !any_refused(fds, count)) {
        errno = saved;
        return false;
    }
    *ready = 0;
    for (nfds_t i = 0; i < count; i++) {
        if (fds[i].fd >= 0 && rs_is_refused(fds[i].fd)) fds[i].revents = POLLERR;
        *ready += fds[i].revents != 0;
    }
    return true;
}

/* After the kernel's answer, so that a bad array is its to refuse. */
int rs_poll_without_own(struct pollfd *fds, nfds_t count, int ready) {
    for (nfds_t i = 0; rs_on && ready >= 0 && i < count; i++) {
        if (rs_likely(fds[i].fd < rs_own_lowest) || !rs_hidden(fds[i].fd)) continue;
        ready += !fds[i].revents;
        fds[i].revents = POLLNVAL;
    }
    return ready;
}

/* What every wait on an array has come to: the kernel has answered. */
static int waited(struct pollfd *fds, nfds_t count, int ready) {
    struct rs_infer_set set = {0, 0};
    if (rs_inferring && count > 1 && ready >= 0) {
        for (nfds_t i = 0; i < count && !rs_infer_set_is_loop(&set); i++) {
            if (fds[i].fd >= 0) rs_infer_set_add(&set, fds[i].fd);
        }
        if (rs_infer_set_is_loop(&set)) rs_infer_waited_for_many(ready);
    }
    return rs_poll_without_own(fds, count, ready);
}

RS_EXPORT int poll(struct pollfd *fds, nfds_t count, int timeout) {
    int ready;
    if (answered(fds, count, &ready)) return ready;
    return waited(fds, count, real.poll(fds, count, timeout));
}

RS_EXPORT int __poll_chk(struct pollfd *fds, nfds_t count, int timeout, size_t room) {
    int ready;
    if (room / sizeof *fds >= count && answered(fds, count, &ready)) return ready;
    return waited(fds, count, real.__poll_chk(fds, count, timeout, room));
}

RS_EXPORT int ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout, const sigset_t *mask) {
    int ready;
    if (answered(fds, count, &ready)) return ready;
    return waited(fds, count, real.ppoll(fds, count, timeout, mask));
}

RS_EXPORT int __ppoll_chk(struct pollfd *fds, nfds_t count, const struct timespec *timeout, const sigset_t *mask,
                          size_t room) {
    int ready;
    if (room / sizeof *fds >= count && answered(fds, count, &ready)) return ready;
    return waited(fds, count, real.__ppoll_chk(fds, count, timeout, mask, room));
}

static bool selected(int fd, const fd_set *set) {
    return set && FD_ISSET(fd, set);
}

/* A refused descriptor is ready in every way: the read or write that follows fails with EPERM. */
static int select_refused(int count, fd_set *readable, fd_set *writable, fd_set *excepted) {
    fd_set asked[3];
    fd_set *sets[3] = {readable, writable, excepted};
    struct timeval none = {0, 0};
    int ready = 0;
    for (int i = 0; i < 3; i++) {
        FD_ZERO(&asked[i]);
        if (sets[i]) asked[i] = *sets[i];
    }
    if (real.select(count, readable, writable, excepted, &none) < 0) return -1;
    for (int fd = 0; fd < count; fd++) {
        for (int i = 0; i < 3; i++) {
            if (FD_ISSET(fd, &asked[i]) && rs_is_refused(fd)) FD_SET(fd, sets[i]);
            ready += selected(fd, sets[i]);
        }
    }
    return ready;
}

static bool any_selected_refused(int count, const fd_set *readable, const fd_set *writable, const fd_set *excepted) {
    if (rs_likely(!may_be_refused()) || count > FD_SETSIZE) return false;
    for (int fd = 0; fd < count; fd++) {
        bool asked = selected(fd, readable) || selected(fd, writable) || selected(fd, excepted);
        if (asked && rs_is_refused(fd)) return true;
    }
    return false;
}

/* Only who counts that far sees them at all. */
static bool any_selected_own(int count, const fd_set *readable, const fd_set *writable, const fd_set *excepted) {
    if (rs_likely(!rs_on || count <= rs_own_lowest)) return false;
    for (int fd = rs_own_lowest; fd < count && fd < FD_SETSIZE; fd++) {
        bool asked = selected(fd, readable) || selected(fd, writable) || selected(fd, excepted);
        if (asked && rs_hidden(fd)) return true;
    }
    return false;
}

/* The sets as they were asked for; the kernel writes its answer over them, and is the one to say that they are no memory. */
struct asked {
    int count;
    unsigned long words[FD_SETSIZE / (8 * sizeof(long))];
};

static void add_asked(struct asked *asked, const fd_set *set, int pid) {
    unsigned long words[FD_SETSIZE / (8 * sizeof(long))];
    size_t used = ((size_t)asked->count + 8 * sizeof(long) - 1) / (8 * sizeof(long));
    struct iovec here = {words, used * sizeof(long)}, there = {(void *)(uintptr_t)set, used * sizeof(long)};
    if (!set || rs_sys(SYS_process_vm_readv, pid, &here, 1, &there, 1, 0) != (long)here.iov_len) return;
    for (size_t i = 0; i < used; i++) asked->words[i] |= words[i];
}

/* Before a thread is known to serve many: what does it wait for? */
static struct asked ask(int count, const fd_set *readable, const fd_set *writable) {
    struct asked asked = {.count = 0};
    if (!rs_inferring || rs_thread.loop || count < 2 || count > FD_SETSIZE) return asked;
    asked.count = count;
    add_asked(&asked, readable, (int)rs_pid);
    add_asked(&asked, writable, (int)rs_pid);
    return asked;
}

static void add_set(struct rs_infer_set *set, const unsigned long *words, int count) {
    for (int first = 0; first < count; first += 8 * (int)sizeof(long)) {
        for (unsigned long word = words[first / (8 * (int)sizeof(long))]; word; word &= word - 1)
            rs_infer_set_add(set, first + __builtin_ctzl(word));
    }
}

static void selected_many(const struct asked *asked, int count, const fd_set *readable, const fd_set *writable,
                          int ready) {
    struct rs_infer_set set = {0, 0};
    if (!rs_inferring || ready < 0 || count < 2 || count > FD_SETSIZE) return;
    if (!rs_thread.loop) {
        add_set(&set, asked->words, asked->count);
        if (rs_infer_set_is_loop(&set)) rs_infer_waited_for_many(ready);
        return;
    }
    if (readable) add_set(&set, (const unsigned long *)(const void *)readable, count);
    if (writable) add_set(&set, (const unsigned long *)(const void *)writable, count);
    if (!ready || set.requesters || set.listeners) rs_infer_waited_for_many(ready);
}

#define SELECTS(name, params, args)                                      \
    RS_EXPORT int name params {                                          \
        if (any_selected_refused(count, readable, writable, excepted)) { \
            return select_refused(count, readable, writable, excepted);  \
        }                                                                \
        if (any_selected_own(count, readable, writable, excepted)) {     \
            errno = EBADF;                                               \
            return -1;                                                   \
        }                                                                \
        struct asked asked = ask(count, readable, writable);             \
        int ready = real.name args;                                      \
        selected_many(&asked, count, readable, writable, ready);         \
        return ready;                                                    \
    }
SELECTS(select, (int count, fd_set *readable, fd_set *writable, fd_set *excepted, struct timeval *timeout),
        (count, readable, writable, excepted, timeout))
SELECTS(pselect,
        (int count, fd_set *readable, fd_set *writable, fd_set *excepted, const struct timespec *timeout,
         const sigset_t *mask),
        (count, readable, writable, excepted, timeout, mask))

RS_EXPORT int epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event) {
    if (rs_refused_own(epoll) || rs_refused_own(fd)) return -1;
    int result = real.epoll_ctl(epoll, operation, fd, event);
    if (!result && rs_inferring && operation == EPOLL_CTL_ADD) rs_infer_watch(epoll, fd);
    return result;
}

#define EPOLL_WAITS(name, params, args)                  \
    RS_EXPORT int name params {                          \
        if (rs_refused_own(epoll)) return -1;            \
        int ready = real.name args;                      \
        if (rs_inferring) rs_infer_waited(epoll, ready); \
        return ready;                                    \
    }
EPOLL_WAITS(epoll_wait, (int epoll, struct epoll_event *events, int most, int timeout), (epoll, events, most, timeout))
EPOLL_WAITS(epoll_pwait, (int epoll, struct epoll_event *events, int most, int timeout, const sigset_t *mask),
            (epoll, events, most, timeout, mask))
EPOLL_WAITS(epoll_pwait2,
            (int epoll, struct epoll_event *events, int most, const struct timespec *timeout, const sigset_t *mask),
            (epoll, events, most, timeout, mask))

SAME_AS(__poll, poll)
SAME_AS(__select, select)
