/* victim_surface_poll.c: waiting for descriptors: no I/O and no finding; the guard's own are not open. */
#include "surface.h"

#include <sys/epoll.h>
#include <sys/select.h>

/* What poll says of a number that is not open. */
static long of_poll(const struct pollfd *one, int count) {
    if (count == 1 && one->revents & POLLNVAL) return failed_with(EBADF);
    MUST(count != 1 || one->revents == POLLIN);
    return count;
}

static long call_poll(struct subject *subject) {
    struct pollfd one = {subject->fd, POLLIN, 0};
    return of_poll(&one, CALLED(int, struct pollfd *, nfds_t, int)(&one, 1, 0));
}

static long call_poll_chk(struct subject *subject) {
    struct pollfd one = {subject->fd, POLLIN, 0};
    return of_poll(&one, CALLED(int, struct pollfd *, nfds_t, int, size_t)(&one, 1, 0, sizeof one));
}

static long call_ppoll(struct subject *subject) {
    struct pollfd one = {subject->fd, POLLIN, 0};
    struct timespec at_once = {0, 0};
    return of_poll(
        &one, CALLED(int, struct pollfd *, nfds_t, const struct timespec *, const sigset_t *)(&one, 1, &at_once, NULL));
}

static long call_ppoll_chk(struct subject *subject) {
    struct pollfd one = {subject->fd, POLLIN, 0};
    struct timespec at_once = {0, 0};
    return of_poll(&one, CALLED(int, struct pollfd *, nfds_t, const struct timespec *, const sigset_t *,
                                size_t)(&one, 1, &at_once, NULL, sizeof one));
}

/* Room for more than FD_SETSIZE numbers. */
static unsigned long many[65536 / (8 * sizeof(unsigned long))];
#define WORD(fd) many[(size_t)(fd) / (8 * sizeof(unsigned long))]
#define BIT(fd) (1ul << (size_t)(fd) % (8 * sizeof(unsigned long)))

static fd_set *set_of(int fd) {
    memset(many, 0, sizeof many);
    WORD(fd) |= BIT(fd);
    return (fd_set *)many;
}

static long of_select(const struct subject *subject, int count) {
    MUST(count != 1 || WORD(subject->fd) == BIT(subject->fd));
    return count;
}

static long call_select(struct subject *subject) {
    struct timeval at_once = {0, 0};
    return of_select(subject, CALLED(int, int, fd_set *, fd_set *, fd_set *,
                                     struct timeval *)(subject->fd + 1, set_of(subject->fd), NULL, NULL, &at_once));
}

static long call_pselect(struct subject *subject) {
    struct timespec at_once = {0, 0};
    return of_select(subject, CALLED(int, int, fd_set *, fd_set *, fd_set *, const struct timespec *, const sigset_t *)(
                                  subject->fd + 1, set_of(subject->fd), NULL, NULL, &at_once, NULL));
}

/* An epoll whose one descriptor is ready. */
static void an_epoll(struct subject *subject) {
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = 77};
    stream_pair(subject);
    int ready = subject->fd;
    subject->fd = surface_give(kernel(SYS_epoll_create1, 0));
    MUST(!kernel(SYS_epoll_ctl, subject->fd, EPOLL_CTL_ADD, ready, &event));
}

/* In the nobody's epoll `other` nothing is yet. */
static void one_to_watch(struct subject *subject) {
    stream_pair(subject);
    subject->other = (int)kernel(SYS_epoll_create1, 0);
}

static long watch_it(struct subject *subject) {
    struct epoll_event event = {.events = EPOLLIN};
    return CALLED(int, int, int, int, struct epoll_event *)(subject->other, EPOLL_CTL_ADD, subject->fd, &event);
}

static long watch_in_it(struct subject *subject) {
    struct epoll_event event = {.events = EPOLLIN};
    int ends[2] = {-1, -1};
    MUST(!kernel(SYS_pipe2, ends, 0));
    return CALLED(int, int, int, int, struct epoll_event *)(subject->fd, EPOLL_CTL_ADD, ends[0], &event);
}

static long of_epoll(const struct epoll_event *events, int count) {
    MUST(count != 1 || (events[0].events == EPOLLIN && events[0].data.u64 == 77));
    return count;
}

static long call_epoll_wait(struct subject *subject) {
    struct epoll_event events[4] = {0};
    return of_epoll(events, CALLED(int, int, struct epoll_event *, int, int)(subject->fd, events, 4, 0));
}

static long call_epoll_pwait(struct subject *subject) {
    struct epoll_event events[4] = {0};
    return of_epoll(
        events, CALLED(int, int, struct epoll_event *, int, int, const sigset_t *)(subject->fd, events, 4, 0, NULL));
}

static long call_epoll_pwait2(struct subject *subject) {
    struct epoll_event events[4] = {0};
    struct timespec at_once = {0, 0};
    return of_epoll(events, CALLED(int, int, struct epoll_event *, int, const struct timespec *,
                                   const sigset_t *)(subject->fd, events, 4, &at_once, NULL));
}

static const struct surface rows[] = {
    LOOKS(poll, NULL, stream_pair, call_poll, 1),
    LOOKS(__poll, NULL, stream_pair, call_poll, 1),
    LOOKS(__poll_chk, NULL, stream_pair, call_poll_chk, 1),
    LOOKS(ppoll, NULL, stream_pair, call_ppoll, 1),
    LOOKS(__ppoll_chk, NULL, stream_pair, call_ppoll_chk, 1),
    LOOKS(select, NULL, stream_pair, call_select, 1),
    LOOKS(__select, NULL, stream_pair, call_select, 1),
    LOOKS(pselect, NULL, stream_pair, call_pselect, 1),
    LOOKS(epoll_ctl, "of it", one_to_watch, watch_it, 0),
    LOOKS(epoll_ctl, "in it", an_epoll, watch_in_it, 0),
    LOOKS(epoll_wait, NULL, an_epoll, call_epoll_wait, 1),
    LOOKS(epoll_pwait, NULL, an_epoll, call_epoll_pwait, 1),
    LOOKS(epoll_pwait2, NULL, an_epoll, call_epoll_pwait2, 1),
};
SURFACE_MAIN(rows)
