/* victim_surface_sockets.c: sockets: their names, options and connections, and the descriptors that come over them. */
#include "surface.h"

#include <netinet/in.h>

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif
#ifndef SO_PASSPIDFD
#define SO_PASSPIDFD 76
#endif
#ifndef SCM_PIDFD
#define SCM_PIDFD 4
#endif

static struct sockaddr_in address;

static void local_address(int fd) {
    socklen_t length = sizeof address;
    MUST(!kernel(SYS_getsockname, fd, &address, &length));
}

static int loopback_listener(void) {
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = (int)kernel(SYS_socket, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    MUST(fd >= 0 && !kernel(SYS_bind, fd, &any, sizeof any) && !kernel(SYS_listen, fd, 5));
    local_address(fd);
    return fd;
}

/* A listener with a client in its queue. */
static void nobodys_listener(struct subject *subject) {
    subject->fd = loopback_listener();
    int client = (int)kernel(SYS_socket, AF_INET, SOCK_STREAM, 0);
    MUST(!kernel(SYS_connect, client, &address, sizeof address));
}

static void a_listener(struct subject *subject) {
    nobodys_listener(subject);
    surface_give(subject->fd);
}

/* A socket that could connect, and the listener. */
static void a_client(struct subject *subject) {
    subject->other = loopback_listener();
    subject->fd = surface_give(kernel(SYS_socket, AF_INET, SOCK_STREAM, 0));
}

static void a_socket(struct subject *subject) {
    subject->fd = surface_give(kernel(SYS_socket, AF_INET, SOCK_STREAM, 0));
}

static void a_connection(struct subject *subject) {
    a_client(subject);
    MUST(!kernel(SYS_connect, subject->fd, &address, sizeof address));
    subject->other = (int)kernel(SYS_accept4, subject->other, NULL, NULL, 0);
    MUST(subject->other >= 0);
}

static int accepted(struct subject *subject) {
    struct sockaddr_in peer = {0};
    socklen_t length = sizeof peer;
    int fd = CALLED(int, int, struct sockaddr *, socklen_t *)(subject->fd, (struct sockaddr *)&peer, &length);
    MUST(fd < 0 || (length == sizeof peer && peer.sin_family == AF_INET));
    return fd;
}

static int accepted_with_flags(struct subject *subject) {
    int fd = CALLED(int, int, struct sockaddr *, socklen_t *, int)(subject->fd, NULL, NULL, SOCK_CLOEXEC);
    MUST(fd < 0 || kernel(SYS_fcntl, fd, F_GETFD) == FD_CLOEXEC);
    return fd;
}

static long make_accept(struct subject *subject) {
    return subject->fd = accepted(subject), subject->fd < 0 ? -1 : 0;
}

static long make_accept4(struct subject *subject) {
    return subject->fd = accepted_with_flags(subject), subject->fd < 0 ? -1 : 0;
}

static long use_accept(struct subject *subject) {
    return accepted(subject) < 0 ? -1 : 0;
}

static long use_accept4(struct subject *subject) {
    return accepted_with_flags(subject) < 0 ? -1 : 0;
}

static long call_connect(struct subject *subject) {
    return CALLED(int, int, const struct sockaddr *, socklen_t)(subject->fd, (struct sockaddr *)&address,
                                                                sizeof address);
}

static long call_bind(struct subject *subject) {
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int result = CALLED(int, int, const struct sockaddr *, socklen_t)(subject->fd, (struct sockaddr *)&any, sizeof any);
    if (result) return result;
    local_address(subject->fd);
    return address.sin_port ? 0 : -2;
}

static long call_listen(struct subject *subject) {
    return CALLED(int, int, int)(subject->fd, 5);
}

static long call_shutdown(struct subject *subject) {
    return CALLED(int, int, int)(subject->fd, SHUT_WR);
}

static long name_of(struct subject *subject) {
    struct sockaddr_in name = {0};
    socklen_t length = sizeof name;
    if (CALLED(int, int, struct sockaddr *, socklen_t *)(subject->fd, (struct sockaddr *)&name, &length)) return -1;
    return name.sin_addr.s_addr == htonl(INADDR_LOOPBACK) ? 0 : -2;
}

static long call_getsockopt(struct subject *subject) {
    int type = 0;
    socklen_t length = sizeof type;
    if (CALLED(int, int, int, int, void *, socklen_t *)(subject->fd, SOL_SOCKET, SO_TYPE, &type, &length)) return -1;
    return type == SOCK_STREAM ? 0 : -2;
}

static long call_setsockopt(struct subject *subject) {
    int yes = 1, found = 0;
    socklen_t length = sizeof found;
    if (CALLED(int, int, int, int, const void *, socklen_t)(subject->fd, SOL_SOCKET, SO_KEEPALIVE, &yes, sizeof yes))
        return -1;
    kernel(SYS_getsockopt, subject->fd, SOL_SOCKET, SO_KEEPALIVE, &found, &length);
    return found == 1 ? 0 : -2;
}

static long call_sockatmark(struct subject *subject) {
    return CALLED(int, int)(subject->fd);
}

static long peers_pidfd(struct subject *subject) {
    int fd = -1;
    socklen_t length = sizeof fd;
    if (CALLED(int, int, int, int, void *, socklen_t *)(subject->fd, SOL_SOCKET, SO_PEERPIDFD, &fd, &length)) {
        if (errno == ENOPROTOOPT) {
            victim_say("this kernel has no SO_PEERPIDFD");
            _exit(VICTIM_SKIP);
        }
        return -1;
    }
    subject->fd = fd;
    subject->other = -1;
    return 0;
}

/* ---- descriptors in messages ---------------------------------------------------------------------------------------
 */

union control {
    struct cmsghdr header;
    char room[CMSG_SPACE(2 * sizeof(int))];
};

static struct msghdr message_with(union control *control) {
    static struct iovec part = {buffer, 1};
    memset(control, 0, sizeof *control);
    control->header = (struct cmsghdr){CMSG_LEN(2 * sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
    return (struct msghdr){
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof *control};
}

/* A nobody's socket in which two nobody's descriptors wait. */
static void a_letter(struct subject *subject) {
    int ends[2] = {-1, -1}, enclosed[2] = {0, 1};
    union control control;
    struct msghdr message = message_with(&control);
    memcpy(CMSG_DATA(&control.header), enclosed, sizeof enclosed);
    MUST(!kernel(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, ends) && kernel(SYS_sendmsg, ends[1], &message, 0) == 1);
    subject->fd = ends[0];
}

static long unwrap(struct subject *subject, ssize_t count, const struct msghdr *message) {
    int enclosed[2];
    if (count != 1) return -1;
    const struct cmsghdr *header = CMSG_FIRSTHDR(message);
    MUST(header && header->cmsg_type == SCM_RIGHTS && header->cmsg_len == CMSG_LEN(sizeof enclosed));
    memcpy(enclosed, CMSG_DATA(header), sizeof enclosed);
    subject->fd = enclosed[0];
    subject->other = enclosed[1];
    return 0;
}

static long open_letter(struct subject *subject) {
    union control control;
    struct msghdr message = message_with(&control);
    return unwrap(subject, CALLED(ssize_t, int, struct msghdr *, int)(subject->fd, &message, 0), &message);
}

static long open_letters(struct subject *subject) {
    union control control;
    struct mmsghdr message = {.msg_hdr = message_with(&control)};
    int count = CALLED(int, int, struct mmsghdr *, unsigned, int, struct timespec *)(subject->fd, &message, 1, 0, NULL);
    return unwrap(subject, count, &message.msg_hdr);
}

/* A nobody's socket with a byte in it, whose reader gets its writer's pidfd too. */
static void a_signed_letter(struct subject *subject) {
    int ends[2] = {-1, -1}, yes = 1;
    MUST(!kernel(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, ends));
    if (kernel(SYS_setsockopt, ends[0], SOL_SOCKET, SO_PASSPIDFD, &yes, sizeof yes)) {
        victim_say("this kernel has no SO_PASSPIDFD");
        _exit(VICTIM_SKIP);
    }
    MUST(kernel(SYS_write, ends[1], "x", 1) == 1);
    subject->fd = ends[0];
}

static long open_signed_letter(struct subject *subject) {
    union control control;
    struct msghdr message = message_with(&control);
    if (CALLED(ssize_t, int, struct msghdr *, int)(subject->fd, &message, 0) != 1) return -1;
    const struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    MUST(header && header->cmsg_type == SCM_PIDFD && header->cmsg_len == CMSG_LEN(sizeof(int)));
    memcpy(&subject->fd, CMSG_DATA(header), sizeof(int));
    return 0;
}

static const struct surface rows[] = {
    MAKES(accept, "opens", nobodys_listener, make_accept, 0),
    MAKES(accept4, "opens", nobodys_listener, make_accept4, 0),
    USES(accept, NULL, a_listener, use_accept, 0),
    USES(accept4, NULL, a_listener, use_accept4, 0),
    USES(connect, NULL, a_client, call_connect, 0),
    USES(__connect, NULL, a_client, call_connect, 0),
    USES(shutdown, NULL, a_connection, call_shutdown, 0, .finding = "foreign-close"),
    LOOKS(bind, NULL, a_socket, call_bind, 0),
    LOOKS(listen, NULL, a_socket, call_listen, 0),
    LOOKS(getsockname, NULL, a_connection, name_of, 0),
    LOOKS(getpeername, NULL, a_connection, name_of, 0),
    LOOKS(getsockopt, NULL, a_socket, call_getsockopt, 0),
    LOOKS(setsockopt, NULL, a_socket, call_setsockopt, 0),
    LOOKS(sockatmark, NULL, a_connection, call_sockatmark, 0),
    MAKES(getsockopt, "SO_PEERPIDFD", stream_pair, peers_pidfd, 0),
    MAKES(recvmsg, "SCM_RIGHTS", a_letter, open_letter, 0),
    MAKES(recvmmsg, "SCM_RIGHTS", a_letter, open_letters, 0),
    MAKES(recvmsg, "SCM_PIDFD", a_signed_letter, open_signed_letter, 0),
};
SURFACE_MAIN(rows)
