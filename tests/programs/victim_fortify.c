/* victim_fortify.c: built with -D_FORTIFY_SOURCE=2: the checked calls are guarded like the others, and still abort when
 * a buffer would be overrun. */
#include "victim.h"

#include <poll.h>

static reqscope_id a, b;
static int pair[2];
static volatile size_t length = 8;
static char room[8];

static void begin(void) {
    MUST(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    a = reqscope_begin("A");
    MUST(!reqscope_give(pair[0], a));
    b = reqscope_begin("B");
}

static int checked_calls_are_refused(void) {
    begin();
    volatile int flags = O_RDONLY;
    MUST(write(pair[1], "data", 4) == 4);
    REFUSED(read(pair[0], room, length), EPERM);
    REFUSED(recv(pair[0], room, length, 0), EPERM);
    REFUSED(recvfrom(pair[0], room, length, 0, NULL, NULL), EPERM);
    reqscope_switch(a);
    int fd = open("/proc/self/exe", flags), at = openat(AT_FDCWD, "/proc/self/exe", flags);
    MUST(reqscope_owner(fd) == a && reqscope_owner(at) == a);
    reqscope_switch(b);
    REFUSED(pread(fd, room, length, 0), EPERM);
    struct pollfd waiting = {pair[0], POLLIN, 0};
    MUST(poll(&waiting, length / 8, 0) == 1 && waiting.revents == POLLERR);
    reqscope_switch(a);
    MUST(read(pair[0], room, length) == 4);
    return 0;
}

static int read_beyond_the_buffer(void) {
    begin();
    length = 9;
    return (int)read(pair[1], room, length);
}

static int pread_beyond_the_buffer(void) {
    int fd = open("/dev/zero", O_RDONLY);
    length = 9;
    return (int)pread(fd, room, length, 0);
}

static int recv_beyond_the_buffer(void) {
    begin();
    length = 9;
    return (int)recv(pair[1], room, length, MSG_DONTWAIT);
}

static int poll_beyond_the_array(void) {
    struct pollfd waiting = {0, POLLIN, 0};
    length = 2;
    return poll(&waiting, length, 0);
}

static int open_without_a_mode(void) {
    volatile int flags = O_CREAT | O_RDWR;
    return open("/tmp/reqscope-never-made", flags);
}

#define DENY "REQSCOPE_MODE=deny"
static const struct victim_test tests[] = {
    VICTIM(checked_calls_are_refused, DENY),
    VICTIM_DIES(read_beyond_the_buffer, DENY, SIGABRT),
    VICTIM_DIES(pread_beyond_the_buffer, DENY, SIGABRT),
    VICTIM_DIES(recv_beyond_the_buffer, DENY, SIGABRT),
    VICTIM_DIES(poll_beyond_the_array, DENY, SIGABRT),
    VICTIM_DIES(open_without_a_mode, DENY, SIGABRT),
};
VICTIM_MAIN(tests)
