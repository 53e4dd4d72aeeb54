/* victim_deny.c: in mode deny each call on another context's description fails with EPERM, and no byte moves. */
#include "victim.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

static reqscope_id a, b;
static int pair[2]; /* pair[0] is a's; pair[1] is nobody's */
static char buffer[64];

static void begin(void) {
    MUST(reqscope_active());
    MUST(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    a = reqscope_begin("A");
    MUST(!reqscope_give(pair[0], a));
    b = reqscope_begin("B");
    MUST(reqscope_current() == b && reqscope_owner(pair[0]) == a && !reqscope_owner(pair[1]));
}

static struct msghdr message(struct iovec *part) {
    part->iov_base = buffer;
    part->iov_len = 4;
    return (struct msghdr){.msg_iov = part, .msg_iovlen = 1};
}

static int sending_is_refused(void) {
    struct iovec part;
    begin();
    struct msghdr one = message(&part);
    struct mmsghdr many = {.msg_hdr = one};
    REFUSED(write(pair[0], "evil", 4), EPERM);
    REFUSED(writev(pair[0], &part, 1), EPERM);
    REFUSED(send(pair[0], "evil", 4, 0), EPERM);
    REFUSED(sendto(pair[0], "evil", 4, 0, NULL, 0), EPERM);
    REFUSED(sendmsg(pair[0], &one, 0), EPERM);
    REFUSED(sendmmsg(pair[0], &many, 1, 0), EPERM);
    int file = open("/proc/self/exe", O_RDONLY);
    REFUSED(sendfile(pair[0], file, NULL, 4), EPERM);
    int ends[2];
    MUST(!pipe(ends) && write(ends[1], "evil", 4) == 4);
    REFUSED(splice(ends[0], NULL, pair[0], NULL, 4, 0), EPERM);
    REFUSED(recv(pair[1], buffer, sizeof buffer, MSG_DONTWAIT), EAGAIN); /* nothing has arrived */
    MUST(read(ends[0], buffer, sizeof buffer) == 4);                     /* and nothing was taken */
    reqscope_switch(a);
    MUST(write(pair[0], "good", 4) == 4);
    MUST(read(pair[1], buffer, sizeof buffer) == 4 && !memcmp(buffer, "good", 4));
    return 0;
}

static int pipes_and_ranges_are_refused(void) {
    struct iovec part = {(void *)"evil", 4};
    int owners[2], mine[2];
    char byte;
    begin();
    reqscope_switch(a);
    int file = open("/tmp", O_TMPFILE | O_RDWR, 0600);
    MUST(file >= 0);
    MUST(!pipe(owners));
    reqscope_switch(b);
    MUST(!pipe(mine) && write(mine[1], "evil", 4) == 4);
    REFUSED(tee(mine[0], owners[1], 4, 0), EPERM);
    REFUSED(vmsplice(owners[1], &part, 1, 0), EPERM);
    REFUSED(copy_file_range(open("/proc/self/exe", O_RDONLY), NULL, file, NULL, 4, 0), EPERM);
    reqscope_switch(a);
    MUST(!fcntl(owners[0], F_SETFL, O_NONBLOCK));
    REFUSED(read(owners[0], &byte, 1), EAGAIN);
    return 0;
}

/* Lease: a connection taken in the middle of an exchange stays its owner's, also when the refused one gives it up. */
static int a_refused_lease_may_not_be_closed(void) {
    begin();
    reqscope_switch(a);
    MUST(write(pair[0], "hello", 5) == 5 && write(pair[1], "hi", 2) == 2 && read(pair[0], buffer, sizeof buffer) == 2);
    MUST(write(pair[0], "question", 8) == 8);
    reqscope_switch(b);
    REFUSED(write(pair[0], "evil", 4), EPERM);
    REFUSED(read(pair[0], buffer, 4), EPERM);
    REFUSED(close(pair[0]), EPERM);
    struct pollfd wait = {pair[0], POLLIN, 0};
    MUST(poll(&wait, 1, -1) == 1 && wait.revents & POLLERR);
    reqscope_switch(a);
    MUST(write(pair[1], "answer", 6) == 6 && read(pair[0], buffer, sizeof buffer) == 6);
    return 0;
}

static int receiving_is_refused(void) {
    struct iovec part;
    begin();
    struct msghdr one = message(&part);
    struct mmsghdr many = {.msg_hdr = one};
    MUST(write(pair[1], "data", 4) == 4);
    REFUSED(read(pair[0], buffer, 4), EPERM);
    REFUSED(readv(pair[0], &part, 1), EPERM);
    REFUSED(recv(pair[0], buffer, 4, 0), EPERM);
    REFUSED(recvfrom(pair[0], buffer, 4, 0, NULL, NULL), EPERM);
    REFUSED(recvmsg(pair[0], &one, 0), EPERM);
    REFUSED(recvmmsg(pair[0], &many, 1, 0, NULL), EPERM);
    int ends[2];
    MUST(!pipe(ends));
    REFUSED(splice(pair[0], NULL, ends[1], NULL, 4, 0), EPERM);
    MUST(!buffer[0]);
    reqscope_switch(a);
    MUST(read(pair[0], buffer, sizeof buffer) == 4 && !memcmp(buffer, "data", 4));
    return 0;
}

static int files_are_refused(void) {
    struct iovec part = {(void *)"evil", 4};
    begin();
    reqscope_switch(a);
    int file = fileno(tmpfile());
    MUST(file >= 0 && write(file, "good", 4) == 4);
    MUST(!reqscope_give(file, a));
    int other = open("/dev/null", O_RDWR);
    reqscope_switch(b);
    REFUSED(pwrite(file, "evil", 4, 0), EPERM);
    REFUSED(pwritev(file, &part, 1, 0), EPERM);
    REFUSED(pwritev2(file, &part, 1, 0, 0), EPERM);
    REFUSED(pread(file, buffer, 4, 0), EPERM);
    struct iovec into = {buffer, 4};
    REFUSED(preadv(file, &into, 1, 0), EPERM);
    REFUSED(preadv2(file, &into, 1, 0, 0), EPERM);
    REFUSED(sendfile(pair[1], file, NULL, 4), EPERM);
    REFUSED(read(other, buffer, 4), EPERM);
    MUST(!buffer[0]);
    reqscope_switch(a);
    MUST(pread(file, buffer, 4, 0) == 4 && !memcmp(buffer, "good", 4));
    return 0;
}

static int connecting_and_accepting_are_refused(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof address;
    begin();
    reqscope_switch(a);
    int listener = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    MUST(!bind(listener, (void *)&address, sizeof address) && !listen(listener, 5));
    MUST(!getsockname(listener, (void *)&address, &length));
    reqscope_switch(b);
    REFUSED(connect(client, (void *)&address, sizeof address), EPERM);
    struct pollfd waiting = {listener, POLLIN, 0};
    reqscope_switch(0);
    MUST(poll(&waiting, 1, 0) == 0);
    reqscope_switch(a);
    MUST(!connect(client, (void *)&address, sizeof address) || errno == EINPROGRESS);
    reqscope_switch(b);
    REFUSED(accept(listener, NULL, NULL), EPERM);
    REFUSED(accept4(listener, NULL, NULL, 0), EPERM);
    reqscope_switch(a);
    int connection = accept(listener, NULL, NULL);
    MUST(connection >= 0 && reqscope_owner(connection) == a);
    return 0;
}

static int closing_is_refused(void) {
    begin();
    REFUSED(close(pair[0]), EPERM);
    REFUSED(shutdown(pair[0], SHUT_RDWR), EPERM);
    REFUSED(dup2(0, pair[0]), EPERM);
    REFUSED(dup3(0, pair[0], O_CLOEXEC), EPERM);
    REFUSED(close_range((unsigned)pair[0], (unsigned)pair[0], 0), EPERM);
    REFUSED(close_range(3, ~0U, 0), EPERM);
    /* It has no way to say so: what is not the caller's stays open, the rest is closed. */
    int own = open("/dev/null", O_RDONLY);
    closefrom(3);
    MUST(reqscope_owner(pair[0]) == a && kernel(SYS_fcntl, pair[0], F_GETFD) == 0);
    REFUSED(fcntl(own, F_GETFD), EBADF);
    return 0;
}

static int the_owner_may_close_what_others_may_not(void) {
    begin();
    REFUSED(close(pair[0]), EPERM);
    reqscope_switch(a);
    MUST(write(pair[1], "x", 1) == 1 && read(pair[0], buffer, 1) == 1);
    MUST(!close(pair[0]));
    REFUSED(close(pair[0]), EBADF);
    return 0;
}

/* Nothing would be closed: the call fails all the same, and that is all. */
static int a_dup2_that_cannot_be_is_no_close(void) {
    begin();
    REFUSED(dup2(999, pair[0]), EBADF);
    REFUSED(dup2(-1, pair[0]), EBADF);
    MUST(victim_reports("reqscope: foreign-close") == 0);
    return 0;
}

static int streams_are_refused(void) {
    begin();
    reqscope_switch(a);
    FILE *file = fopen("/dev/null", "w");
    int (*volatile close_it)(FILE *) = fclose; /* it does not take the stream down here */
    reqscope_switch(b);
    MUST(close_it(file) == EOF && errno == EPERM);
    FILE *again = freopen("/dev/zero", "r", file); /* it would close it */
    MUST(!again && errno == EPERM);
    reqscope_switch(a);
    MUST(!close_it(file));
    return 0;
}

/* A client library that ignores a failed send must not wait for the answer. */
static int what_was_refused_is_broken(void) {
    begin();
    struct pollfd waiting = {pair[0], POLLIN, 0};
    fd_set readable;
    REFUSED(write(pair[0], "evil", 4), EPERM);
    MUST(poll(&waiting, 1, -1) == 1 && waiting.revents == POLLERR);
    FD_ZERO(&readable);
    FD_SET(pair[0], &readable);
    MUST(select(pair[0] + 1, &readable, NULL, NULL, NULL) == 1 && FD_ISSET(pair[0], &readable));
    REFUSED(read(pair[0], buffer, 4), EPERM);
    reqscope_switch(a);
    waiting.revents = 0;
    MUST(poll(&waiting, 1, 0) == 0);
    return 0;
}

static int reports_are_there_once(void) {
    begin();
    for (int i = 0; i < 100; i++) REFUSED(write(pair[0], "evil", 4), EPERM);
    MUST(victim_reports("reqscope: foreign-io: B (context 2) writes to fd") == 1);
    return 0;
}

#define DENY "REQSCOPE_MODE=deny"
static const struct victim_test tests[] = {
    VICTIM(sending_is_refused, DENY),
    VICTIM(pipes_and_ranges_are_refused, DENY),
    VICTIM(a_refused_lease_may_not_be_closed, DENY " REQSCOPE_POLICY=lease"),
    VICTIM(receiving_is_refused, DENY),
    VICTIM(files_are_refused, DENY),
    VICTIM(connecting_and_accepting_are_refused, DENY),
    VICTIM(closing_is_refused, DENY),
    VICTIM(the_owner_may_close_what_others_may_not, DENY),
    VICTIM(a_dup2_that_cannot_be_is_no_close, DENY),
    VICTIM(streams_are_refused, DENY),
    VICTIM(what_was_refused_is_broken, DENY),
    VICTIM(reports_are_there_once, DENY),
};
VICTIM_MAIN(tests)
