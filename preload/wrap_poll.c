/* wrap_poll.c: waiting. Nothing is checked here; but to a context that was refused a description (mode deny) the description is
 * broken, and a wait on it must say so at once: a client that hides a failed send (libpq does) would wait for ever for the
 * answer to what it never sent. And to all the guard's own descriptors are not open. */
#include "preload/config.h"
#include "preload/ownfd.h"
#include "preload/wrap.h"

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

RS_EXPORT int poll(struct pollfd *fds, nfds_t count, int timeout) {
    int ready;
    if (answered(fds, count, &ready)) return ready;
    return rs_poll_without_own(fds, count, real.poll(fds, count, timeout));
}

RS_EXPORT int __poll_chk(struct pollfd *fds, nfds_t count, int timeout, size_t room) {
    int ready;
    if (room / sizeof *fds >= count && answered(fds, count, &ready)) return ready;
    return rs_poll_without_own(fds, count, real.__poll_chk(fds, count, timeout, room));
}

RS_EXPORT int ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout, const sigset_t *mask) {
    int ready;
    if (answered(fds, count, &ready)) return ready;
    return rs_poll_without_own(fds, count, real.ppoll(fds, count, timeout, mask));
}

RS_EXPORT int __ppoll_chk(struct pollfd *fds, nfds_t count, const struct timespec *timeout, const sigset_t *mask,
                          size_t room) {
    int ready;
    if (room / sizeof *fds >= count && answered(fds, count, &ready)) return ready;
    return rs_poll_without_own(fds, count, real.__ppoll_chk(fds, count, timeout, mask, room));
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

#define SELECTS(name, params, args)                                      \
    RS_EXPORT int name params {                                          \
        if (any_selected_refused(count, readable, writable, excepted)) { \
            return select_refused(count, readable, writable, excepted);  \
        }                                                                \
        if (any_selected_own(count, readable, writable, excepted)) {     \
            errno = EBADF;                                               \
            return -1;                                                   \
        }                                                                \
        return real.name args;                                           \
    }
SELECTS(select, (int count, fd_set *readable, fd_set *writable, fd_set *excepted, struct timeval *timeout),
        (count, readable, writable, excepted, timeout))
SELECTS(pselect,
        (int count, fd_set *readable, fd_set *writable, fd_set *excepted, const struct timespec *timeout,
         const sigset_t *mask),
        (count, readable, writable, excepted, timeout, mask))

SAME_AS(__poll, poll)
SAME_AS(__select, select)
