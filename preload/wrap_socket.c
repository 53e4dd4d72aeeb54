/* wrap_socket.c: sockets come to be, connect, are accepted, shut down, and bring descriptors along (SCM_RIGHTS). */
#include "preload/describe.h"
#include "preload/events.h"
#include "preload/infer.h"
#include "preload/requester.h"
#include "preload/wrap.h"

#include <string.h>

int __connect(int fd, const struct sockaddr *address, socklen_t length);
int __sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags);

RS_EXPORT int socket(int family, int type, int protocol) {
    int fd = real.socket(family, type, protocol);
    if (fd >= 0) {
        enum rs_kind kind = rs_socket_kind(family, type);
        rs_opened(fd, RS_OP_socket, kind, rs_kind_name(kind));
        rs_socket_is(fd, type);
    }
    return fd;
}

RS_EXPORT int socketpair(int family, int type, int protocol, int ends[2]) {
    int result = real.socketpair(family, type, protocol, ends);
    if (!result) {
        for (int i = 0; i < 2; i++) {
            rs_opened(ends[i], RS_OP_socketpair, rs_socket_kind(family, type), "unix socketpair");
            rs_socket_is(ends[i], type);
            rs_paired(ends[i]);
        }
    }
    return result;
}

/* The program's own buffer for the peer's address is not looked at: it may be short, or no memory at all. */
static void accepted(int listener, int fd) {
    char name[RS_NAME_SIZE];
    if (fd < 0 || !rs_on) return;
    enum rs_kind kind = rs_lookup(listener)->kind;
    if (rs_tracing) rs_describe_peer(fd, kind, name);
    rs_infer_accepts(rs_lookup(listener));
    rs_opened(fd, RS_OP_accept, kind, rs_tracing ? name : NULL);
    rs_requester_accepted(listener, fd);
}

RS_EXPORT int accept(int fd, struct sockaddr *address, socklen_t *length) {
    struct rs_call call = rs_begin_call(fd, RS_OP_accept);
    if (rs_refused(call)) return -1;
    int connection = real.accept(fd, address, length);
    rs_end_call(call, fd, RS_OP_accept, connection);
    accepted(fd, connection);
    return connection;
}

RS_EXPORT int accept4(int fd, struct sockaddr *address, socklen_t *length, int flags) {
    struct rs_call call = rs_begin_call(fd, RS_OP_accept);
    if (rs_refused(call)) return -1;
    int connection = real.accept4(fd, address, length, flags);
    rs_end_call(call, fd, RS_OP_accept, connection);
    accepted(fd, connection);
    return connection;
}

RS_EXPORT int listen(int fd, int backlog) {
    if (rs_refused_own(fd)) return -1;
    int result = real.listen(fd, backlog);
    struct rs_description *description = rs_lookup(fd);
    if (!result && rs_known(description)) rs_set_stream(description, RS_STREAM_LISTENS);
    return result;
}

RS_EXPORT int connect(int fd, const struct sockaddr *address, socklen_t length) {
    struct rs_call call = rs_begin_call(fd, RS_OP_connect);
    if (rs_refused(call)) return -1;
    int result = real.connect(fd, address, length);
    rs_end_call(call, fd, RS_OP_connect, result);
    bool begun = !result || errno == EINPROGRESS || errno == EINTR;
    if (begun && call.id != RS_CALL_UNSEEN) rs_connected(fd, address, length);
    return result;
}

RS_EXPORT int shutdown(int fd, int how) {
    if (rs_refused_own(fd)) return -1;
    if (!rs_may_close(fd, RS_OP_shutdown)) return -1;
    struct rs_call call = {NULL, rs_on ? rs_id_of(rs_lookup(fd)) : RS_CALL_UNSEEN};
    int result = real.shutdown(fd, how);
    if (!result && how != SHUT_RD) rs_requester_shut(fd);
    rs_end_call(call, fd, RS_OP_shutdown, result);
    return result;
}

#ifndef SCM_PIDFD
#define SCM_PIDFD 4 /* Linux 6.5 */
#endif

/* Calls `each` with each descriptor that goes with a message. The program's buffer ends at msg_controllen; its lengths are the
 * kernel's, and not aligned. Only after a call that succeeded: it may be no memory at all. */
static void each_passed(const struct msghdr *message, void (*each)(int fd)) {
    size_t left = message->msg_control ? message->msg_controllen : 0;
    const char *at = message->msg_control;
    while (left >= sizeof(struct cmsghdr)) {
        struct cmsghdr header;
        memcpy(&header, at, sizeof header);
        if (header.cmsg_len < sizeof header || header.cmsg_len > left) return;
        bool rights = header.cmsg_type == SCM_RIGHTS || header.cmsg_type == SCM_PIDFD;
        if (header.cmsg_level == SOL_SOCKET && rights) {
            for (size_t offset = CMSG_LEN(0); offset + sizeof(int) <= header.cmsg_len; offset += sizeof(int)) {
                int fd;
                memcpy(&fd, at + offset, sizeof fd);
                each(fd);
            }
        }
        size_t step = CMSG_ALIGN(header.cmsg_len);
        if (step > left) return;
        at += step;
        left -= step;
    }
}

/* It is a new number for something opened elsewhere. */
static void received(int fd) {
    rs_opened(fd, RS_OP_receive, RS_KIND_UNKNOWN, NULL);
    rs_requester_received(fd);
    rs_event_passed(fd, rs_lookup(fd), RS_PASSED_RECEIVED);
}

static void sent(int fd) {
    rs_event_passed(fd, rs_lookup(fd), RS_PASSED_SENT);
}

RS_EXPORT ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
    struct rs_call call = rs_begin_call(fd, RS_OP_send);
    if (rs_refused(call)) return -1;
    ssize_t result = real.sendmsg(fd, message, flags);
    rs_end_call_on(call, fd, RS_OP_send, result, rs_message(message, 0));
    if (rs_unlikely(rs_tracing) && result >= 0 && message->msg_controllen) each_passed(message, sent);
    return result;
}

RS_EXPORT int sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags) {
    struct rs_call call = rs_begin_call(fd, RS_OP_send);
    if (rs_refused(call)) return -1;
    int result = real.sendmmsg(fd, messages, count, flags);
    rs_end_call(call, fd, RS_OP_send, result);
    for (int i = 0; rs_tracing && i < result; i++) each_passed(&messages[i].msg_hdr, sent);
    return result;
}

RS_EXPORT ssize_t recvmsg(int fd, struct msghdr *message, int flags) {
    struct rs_call call = rs_begin_call(fd, RS_OP_recv);
    if (rs_refused(call)) return -1;
    ssize_t result = real.recvmsg(fd, message, flags);
    rs_end_call_on(call, fd, RS_OP_recv, result, rs_message(message, flags));
    if (result >= 0 && rs_on) each_passed(message, received);
    return result;
}

RS_EXPORT int recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags, struct timespec *timeout) {
    struct rs_call call = rs_begin_call(fd, RS_OP_recv);
    if (rs_refused(call)) return -1;
    int result = real.recvmmsg(fd, messages, count, flags, timeout);
    rs_end_call(call, fd, RS_OP_recv, result);
    for (int i = 0; i < result && rs_on; i++) each_passed(&messages[i].msg_hdr, received);
    return result;
}

SAME_AS(__connect, connect)
SAME_AS(__sendmmsg, sendmmsg)
