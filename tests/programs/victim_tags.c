/* victim_tags.c: a tag belongs to the kernel's open file description: it goes where that goes, and ends where that
 * ends. */
#include "victim.h"

#include <dirent.h>
#include <linux/close_range.h>
#include <netinet/in.h>
#include <sys/eventfd.h>
#include <sys/resource.h>

static reqscope_id a, b;
static char buffer[64];

static void begin(void) {
    MUST(reqscope_active());
    a = reqscope_begin("A");
    b = reqscope_begin("B");
    reqscope_switch(a);
}

/* May b write to it? In mode deny that shows whose it is. */
static int is_foreign(int fd) {
    reqscope_id before = reqscope_switch(b);
    errno = 0;
    int refused = write(fd, "", 0) < 0 && errno == EPERM;
    reqscope_switch(before);
    return refused;
}

static int opened(void) {
    int fd = open("/dev/null", O_RDWR);
    MUST(fd >= 0 && reqscope_owner(fd) == a);
    return fd;
}

static int duplicates_keep_the_tag(void) {
    begin();
    int fd = opened();
    MUST(is_foreign(fd));
    MUST(is_foreign(dup(fd)));
    MUST(is_foreign(fcntl(fd, F_DUPFD, 100)));
    MUST(is_foreign(fcntl(fd, F_DUPFD_CLOEXEC, 200)));
    MUST(is_foreign(dup2(fd, 300)));
    MUST(is_foreign(dup3(fd, 301, O_CLOEXEC)));
    MUST(dup2(fd, fd) == fd && is_foreign(fd));
    MUST(!close(fd) && is_foreign(300));
    reqscope_give(300, b);
    MUST(!is_foreign(301) && reqscope_owner(301) == b);
    return 0;
}

/* Whoever makes a number may close it; the owner's own stays the owner's. */
static int the_maker_of_a_duplicate_may_close_it(void) {
    begin();
    int fd = opened();
    reqscope_switch(b);
    int mine = dup(fd), another = fcntl(fd, F_DUPFD, 50);
    MUST(mine >= 0 && !close(mine) && !close(another));
    REFUSED(close(fd), EPERM);
    reqscope_switch(a);
    int owners = dup(fd);
    reqscope_switch(b);
    REFUSED(close(owners), EPERM);
    return 0;
}

static int a_new_description_has_a_new_tag(void) {
    begin();
    int fd = opened();
    MUST(!close(fd));
    MUST(reqscope_owner(fd) == 0);
    reqscope_switch(b);
    MUST(open("/dev/null", O_RDWR) == fd && reqscope_owner(fd) == b);
    MUST(dup2(1, fd) == fd && reqscope_owner(fd) == 0);
    return 0;
}

static int fork_keeps_the_tag(void) {
    int status;
    begin();
    int fd = opened(), mine = opened();
    pid_t pid = fork();
    if (!pid) {
        MUST(is_foreign(fd));
        reqscope_switch(b);
        MUST(!close(fd)); /* the child's copy: that ends nothing */
        MUST(open("/dev/null", O_RDWR) == fd && reqscope_owner(fd) == b);
        MUST(dup2(fd, mine) == mine);
        _exit(0);
    }
    MUST(waitpid(pid, &status, 0) == pid && !status);
    MUST(is_foreign(fd) && is_foreign(mine));
    return 0;
}

/* A failed dup2 in the child leaves its copy a copy. */
static int a_failed_dup2_in_a_child_changes_nothing(void) {
    int status;
    begin();
    int fd = opened();
    pid_t pid = fork();
    if (!pid) {
        reqscope_switch(b);
        REFUSED(dup2(999, fd), EBADF);
        MUST(!close(fd));
        _exit(0);
    }
    MUST(waitpid(pid, &status, 0) == pid && !status);
    return 0;
}

static void send_fd(int over, int fd) {
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(int))];
    } control = {.header = {CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS}};
    struct iovec part = {buffer, 1};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);
    MUST(sendmsg(over, &message, 0) == 1);
}

static int receive_fd(int over, int how) {
    char control[CMSG_SPACE(sizeof(int)) + 64];
    int fd = -1;
    struct iovec part = {buffer, 1};
    struct mmsghdr many = {
        .msg_hdr = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control}};
    if (how == 0) MUST(recvmsg(over, &many.msg_hdr, 0) == 1);
    if (how == 1) MUST(recvmmsg(over, &many, 1, 0, NULL) == 1);
    struct cmsghdr *header = CMSG_FIRSTHDR(&many.msg_hdr);
    MUST(header && header->cmsg_type == SCM_RIGHTS);
    memcpy(&fd, CMSG_DATA(header), sizeof fd);
    return fd;
}

static int received_descriptors_are_the_receivers(void) {
    int pair[2];
    begin();
    reqscope_switch(0);
    MUST(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    for (int how = 0; how < 2; how++) {
        reqscope_switch(0);
        send_fd(pair[0], 1);
        reqscope_switch(a);
        int fd = receive_fd(pair[1], how);
        MUST(reqscope_owner(fd) == a);
        /* A stale tag on the number is dropped: closed unseen, and received again by another. */
        MUST(is_foreign(fd) && !kernel(SYS_close, fd));
        reqscope_switch(0);
        send_fd(pair[0], 1);
        reqscope_switch(b);
        MUST(receive_fd(pair[1], how) == fd && reqscope_owner(fd) == b && !is_foreign(fd));
        reqscope_switch(a);
        opened();
    }
    return 0;
}

static int given_shared_and_pooled(void) {
    begin();
    int fd = opened();
    MUST(is_foreign(fd) && !reqscope_give(fd, b) && !is_foreign(fd) && reqscope_owner(fd) == b);
    REFUSED(write(fd, "", 0), EPERM); /* a no longer */
    MUST(!reqscope_give(fd, 0) && reqscope_owner(fd) == 0);
    MUST(!write(fd, "", 0) && reqscope_owner(fd) == a && is_foreign(fd)); /* who takes it up owns it */
    MUST(!reqscope_share(fd) && !is_foreign(fd) && !write(fd, "", 0));
    REFUSED(reqscope_give(900, a), EBADF);
    REFUSED(reqscope_share(-1), EBADF);
    REFUSED(reqscope_give(fd, 12345), EINVAL);
    reqscope_id ended = reqscope_begin("C");
    reqscope_end(ended);
    REFUSED(reqscope_give(fd, ended), EINVAL);
    return 0;
}

/* What most programs do: one connection for each request. */
static int a_connection_for_each_request_is_no_finding(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    MUST(!bind(listener, (void *)&address, sizeof address) && !listen(listener, 5));
    MUST(!getsockname(listener, (void *)&address, &length));
    for (int i = 0; i < 50; i++) {
        reqscope_id request = reqscope_begin("request");
        int client = socket(AF_INET, SOCK_STREAM, 0);
        MUST(!connect(client, (void *)&address, sizeof address));
        int server = accept(listener, NULL, NULL);
        MUST(server >= 0 && write(client, "ping", 4) == 4 && read(server, buffer, 4) == 4);
        FILE *stream = fdopen(server, "w");
        MUST(fputs("pong", stream) >= 0 && !fclose(stream) && read(client, buffer, 4) == 4);
        MUST(!shutdown(client, SHUT_WR) && !close(client));
        reqscope_end(request);
    }
    MUST(!*victim_read(getenv("REQSCOPE_LOG")));
    return 0;
}

/* ---- stale tags: never a finding ----------------------------------------------------------------------------------
 */

static void reopen_unseen(int fd) {
    MUST(!kernel(SYS_close, fd));
    MUST(kernel(SYS_openat, AT_FDCWD, "/dev/zero", O_RDWR) == fd);
}

static int a_number_reused_unseen_is_nobodys(void) {
    begin();
    int fd = opened();
    MUST(write(fd, "", 0) == 0);
    reopen_unseen(fd);
    reqscope_switch(b);
    MUST(write(fd, "x", 1) == 1 && reqscope_owner(fd) == 0);
    return 0;
}

static int a_number_reused_unseen_is_nobodys_even_if_it_was_never_used(void) {
    begin();
    int fd = opened();
    reopen_unseen(fd);
    reqscope_switch(b);
    MUST(write(fd, "x", 1) == 1);
    return 0;
}

static int a_number_reused_unseen_may_be_closed(void) {
    begin();
    int fd = opened();
    reopen_unseen(fd);
    reqscope_switch(b);
    MUST(!close(fd));
    return 0;
}

/* closedir closes inside libc, eventfd opens without a wrapper: all of it ordinary. */
static int a_folders_number_is_free_after_closedir(void) {
    uint64_t one = 1;
    begin();
    int fd = open("/proc/self", O_RDONLY | O_DIRECTORY);
    DIR *folder = fdopendir(fd);
    MUST(folder && readdir(folder) && !closedir(folder));
    reqscope_switch(b);
    int event = eventfd(0, 0);
    MUST(event == fd);
    MUST(write(event, &one, 8) == 8 && !close(event));
    return 0;
}

/* ---- ranges -------------------------------------------------------------------------------------------------------
 */

static int close_on_exec_closes_nothing_yet(void) {
    begin();
    int fd = opened();
    MUST(!close_range(3, ~0U, CLOSE_RANGE_CLOEXEC));
    MUST(is_foreign(fd) && reqscope_owner(fd) == a && fcntl(fd, F_GETFD) == FD_CLOEXEC);
    return 0;
}

/* The lowest number that is free to the program: 3, unless an allocator's unwinder has had its pipe there since before the guard,
 * which then keeps it. */
static int lowest(void) {
    int fd = 3;
    while (victim_is_own(fd)) fd++;
    return fd;
}

static int close_range_drops_the_tags(void) {
    begin();
    int first = opened(), second = opened(), third = opened();
    MUST(dup2(first, 2000) == 2000);
    MUST(!close_range((unsigned)second, (unsigned)second, 0));
    MUST(reqscope_owner(second) == 0 && is_foreign(first) && is_foreign(third));
    MUST(!close_range(3, ~0U, 0));
    MUST(reqscope_owner(first) == 0 && reqscope_owner(third) == 0 && reqscope_owner(2000) == 0);
    REFUSED(fcntl(first, F_GETFD), EBADF);
    REFUSED(fcntl(2000, F_GETFD), EBADF);
    REFUSED(close_range(5, 4, 0), EINVAL);
    REFUSED(close_range(3, 4, 0x1000), EINVAL);
    MUST(opened() == lowest());
    closefrom(3);
    MUST(reqscope_owner(lowest()) == 0 && opened() == lowest());
    closefrom(-1);
    return 0;
}

static int a_million_closes_are_quick(void) {
    struct timespec begin_time, end_time;
    begin();
    clock_gettime(CLOCK_MONOTONIC, &begin_time);
    for (int fd = 3; fd < 1000000; fd++) close(fd);
    clock_gettime(CLOCK_MONOTONIC, &end_time);
    long ms = (end_time.tv_sec - begin_time.tv_sec) * 1000 + (end_time.tv_nsec - begin_time.tv_nsec) / 1000000;
    if (ms > 2000) victim_say("%ld ms", ms);
    return ms > 2000;
}

static int high_numbers_are_tracked(void) {
    struct rlimit limit;
    begin();
    MUST(!getrlimit(RLIMIT_NOFILE, &limit));
    limit.rlim_cur = limit.rlim_max;
    MUST(!setrlimit(RLIMIT_NOFILE, &limit));
    int fd = opened(), highest = limit.rlim_max > 1000000 ? 1000000 : (int)limit.rlim_max - 1;
    MUST(fcntl(fd, F_DUPFD, highest) == highest && is_foreign(highest));
    MUST(!close_range(3, ~0U, 0) && reqscope_owner(highest) == 0);
    return 0;
}

#define DENY "REQSCOPE_MODE=deny"
static const struct victim_test tests[] = {
    VICTIM(duplicates_keep_the_tag, DENY),
    VICTIM(the_maker_of_a_duplicate_may_close_it, DENY),
    VICTIM(a_new_description_has_a_new_tag, DENY),
    VICTIM(fork_keeps_the_tag, DENY),
    VICTIM(a_failed_dup2_in_a_child_changes_nothing, DENY),
    VICTIM(received_descriptors_are_the_receivers, DENY),
    VICTIM(given_shared_and_pooled, DENY),
    VICTIM(a_connection_for_each_request_is_no_finding, DENY),
    VICTIM(a_number_reused_unseen_is_nobodys, DENY),
    VICTIM(a_number_reused_unseen_is_nobodys_even_if_it_was_never_used, DENY),
    VICTIM(a_number_reused_unseen_may_be_closed, DENY),
    VICTIM(a_folders_number_is_free_after_closedir, DENY),
    VICTIM(close_on_exec_closes_nothing_yet, DENY),
    VICTIM(close_range_drops_the_tags, DENY),
    VICTIM(a_million_closes_are_quick, DENY),
    VICTIM(high_numbers_are_tracked, DENY),
};
VICTIM_MAIN(tests)
