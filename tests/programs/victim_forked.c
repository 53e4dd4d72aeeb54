/* victim_forked.c: one connection, opened before a fork, and two processes that do I/O on it (shared-after-fork).
 *
 * The other side is a process of its own, forked before all else, that sends back whatever it gets. Who does what when is told
 * by bytes through a pipe, past the guard. */
#include "victim.h"

#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/socket.h>

static struct sockaddr_in address;
static char buffer[64];
static pid_t echo;

static int found(void) {
    return victim_reports("reqscope: shared-after-fork: ");
}

static int nothing_is_said(void) {
    const char *log = victim_read(getenv("REQSCOPE_LOG"));
    if (*log) victim_say("said: %.300s; ", log);
    return !*log;
}

/* A finding by `user` (as it stands in the report) names the process `other`. */
static int is_told(const char *user, const char *verb, int fd, pid_t other) {
    char begins[128], ends[128], line[1024];
    int told = 0;
    const char *log = victim_read(getenv("REQSCOPE_LOG"));
    snprintf(begins, sizeof begins, "reqscope: shared-after-fork: %s %s fd %d (tcp 127.0.0.1:%d)", user, verb, fd,
             ntohs(address.sin_port));
    snprintf(ends, sizeof ends, ", which process %d uses, too, since a fork", other);
    for (; *log; log += strcspn(log, "\n"), log += *log == '\n') {
        snprintf(line, sizeof line, "%.*s", (int)strcspn(log, "\n"), log);
        told += !strncmp(line, begins, strlen(begins)) && strstr(line, ends);
    }
    if (!told) victim_say("no line '%s ... %s' in: %.300s; ", begins, ends, victim_read(getenv("REQSCOPE_LOG")));
    return told;
}

/* ---- the other side ------------------------------------------------------------------------------------------------ */

static void echoes(int listener) {
    struct pollfd fds[32] = {{listener, POLLIN, 0}};
    nfds_t count = 1;
    char bytes[256];
    while (kernel(SYS_ppoll, fds, count, NULL, NULL, 0) > 0) {
        for (nfds_t i = 1; i < count; i++) {
            long got = fds[i].revents ? kernel(SYS_read, fds[i].fd, bytes, sizeof bytes) : -1;
            if (got > 0) kernel(SYS_write, fds[i].fd, bytes, got);
            if (!got) fds[i].fd = -1;
        }
        if (fds[0].revents && count < 32) {
            int fd = (int)kernel(SYS_accept4, listener, NULL, NULL, 0);
            fds[count++] = (struct pollfd){fd, POLLIN, 0};
        }
    }
    _exit(0);
}

static int listening(void) {
    socklen_t length = sizeof address;
    address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    MUST(!bind(listener, (void *)&address, sizeof address) && !listen(listener, 50));
    MUST(!getsockname(listener, (void *)&address, &length));
    return listener;
}

static void begin(void) {
    MUST(reqscope_active());
    alarm(20);
    int listener = listening();
    pid_t parent = getpid();
    echo = fork();
    if (!echo) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent) _exit(0);
        echoes(listener);
    }
    MUST(!close(listener));
}

static int connected(void) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    MUST(!connect(fd, (void *)&address, sizeof address));
    return fd;
}

static void exchanges(int fd) {
    MUST(write(fd, "ask", 3) == 3 && recv(fd, buffer, 3, MSG_WAITALL) == 3);
}

static void asks(int fd) {
    MUST(write(fd, "ask", 3) == 3);
}

/* ---- a child, and when it does what ---------------------------------------------------------------------------------- */

struct child {
    pid_t pid;
    int go[2], done[2]; /* pipes */
};

/* The child runs `step` once for each time that it is told to. It ends with its parent, should that fail. */
static struct child forked(void (*step)(int fd), int fd) {
    struct child child;
    pid_t parent = getpid();
    char byte = 0;
    MUST(!pipe(child.go) && !pipe(child.done));
    child.pid = fork();
    if (!child.pid) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent) _exit(0);
        while (kernel(SYS_read, child.go[0], &byte, 1) == 1 && byte != 'q') {
            step(fd);
            MUST(kernel(SYS_write, child.done[1], "x", 1) == 1);
        }
        _exit(0);
    }
    return child;
}

static void does(const struct child *child) {
    char byte;
    struct pollfd waiting = {child->done[0], POLLIN, 0};
    MUST(kernel(SYS_write, child->go[1], "x", 1) == 1);
    MUST(kernel(SYS_ppoll, &waiting, 1, NULL, NULL, 0) == 1 && kernel(SYS_read, child->done[0], &byte, 1) == 1);
}

/* A child that has failed has said why itself. */
static void ends(const struct child *child) {
    int status;
    MUST(kernel(SYS_write, child->go[1], "q", 1) == 1);
    MUST(waitpid(child->pid, &status, 0) == child->pid && !status);
}

static void is_killed(const struct child *child) {
    int status;
    MUST(!kill(child->pid, SIGKILL) && waitpid(child->pid, &status, 0) == child->pid && WIFSIGNALED(status));
}

static void closes(int fd) {
    MUST(!close(fd));
}

static void does_nothing(int fd) {
    (void)fd;
}

/* ---- found ----------------------------------------------------------------------------------------------------------- */

static int by_child_and_parent(void) {
    begin();
    int fd = connected();
    struct child child = forked(exchanges, fd);
    does(&child);
    MUST(nothing_is_said());
    asks(fd);
    MUST(found() == 1 && is_told("no context", "writes to", fd, child.pid));
    ends(&child);
    return 0;
}

static int by_parent_and_child(void) {
    begin();
    int fd = connected();
    struct child child = forked(asks, fd);
    exchanges(fd);
    MUST(nothing_is_said());
    does(&child);
    MUST(found() == 1 && is_told("no context", "writes to", fd, getpid()));
    ends(&child);
    return 0;
}

/* As a server with workers does that connects before it forks. */
static int by_two_children(void) {
    begin();
    int fd = connected();
    struct child first = forked(exchanges, fd), second = forked(asks, fd);
    does(&first);
    MUST(nothing_is_said());
    does(&second);
    MUST(found() == 1 && is_told("no context", "writes to", fd, first.pid));
    ends(&first);
    ends(&second);
    return 0;
}

static void writes_in_a_context(int fd) {
    reqscope_id request = reqscope_begin("GET /child");
    asks(fd);
    reqscope_end(request);
}

static int in_a_context_it_is_told_by_whom(void) {
    begin();
    int fd = connected();
    struct child first = forked(exchanges, fd), second = forked(writes_in_a_context, fd);
    does(&first);
    does(&second);
    MUST(found() == 1 && is_told("GET /child (context 1)", "writes to", fd, first.pid));
    ends(&first);
    ends(&second);
    return 0;
}

/* It had been in use before the fork as well. */
static int of_what_was_used_before_the_fork(void) {
    begin();
    int fd = connected();
    exchanges(fd);
    exchanges(fd);
    struct child child = forked(exchanges, fd);
    does(&child);
    asks(fd);
    MUST(found() == 1);
    ends(&child);
    return 0;
}

static int under_another_number(void) {
    begin();
    int fd = connected();
    struct child child = forked(exchanges, fd);
    int copy = dup(fd);
    MUST(copy >= 0 && !close(fd));
    does(&child);
    asks(copy);
    MUST(found() == 1 && is_told("no context", "writes to", copy, child.pid));
    ends(&child);
    return 0;
}

static int of_an_accepted_connection(void) {
    MUST(reqscope_active());
    int listener = listening(), visitor = connected(), fd = accept(listener, NULL, NULL);
    MUST(fd >= 0 && !close(listener));
    struct child child = forked(asks, fd);
    does(&child);
    asks(fd);
    MUST(found() == 1);
    ends(&child);
    return close(visitor);
}

static int the_same_calls_are_one_finding(void) {
    begin();
    int fd = connected();
    struct child child = forked(exchanges, fd);
    for (int i = 0; i < 5; i++) {
        does(&child);
        asks(fd);
        MUST(recv(fd, buffer, 3, MSG_WAITALL) == 3);
    }
    MUST(found() == 2); /* the write and the read */
    ends(&child);
    return 0;
}

/* Another fork in between changes nothing: both hold it still, and use it. */
static int with_another_fork_in_between(void) {
    int status;
    begin();
    int fd = connected();
    struct child child = forked(exchanges, fd);
    does(&child);
    pid_t pid = fork();
    if (!pid) execl("/bin/true", "true", (char *)NULL);
    MUST(waitpid(pid, &status, 0) == pid && !status);
    exchanges(fd);
    does(&child);
    MUST(found() >= 1);
    ends(&child);
    return 0;
}

static void is_refused(int fd) {
    REFUSED(write(fd, "evil", 4), EPERM);
    REFUSED(read(fd, buffer, 1), EPERM);
    REFUSED(send(fd, "evil", 4, 0), EPERM);
}

static int the_second_one_is_refused(void) {
    begin();
    int fd = connected();
    struct child child = forked(is_refused, fd);
    exchanges(fd);
    does(&child);
    MUST(found() == 3);
    MUST(write(fd, "good", 4) == 4 && recv(fd, buffer, sizeof buffer, 0) == 4 && !memcmp(buffer, "good", 4));
    ends(&child);
    return 0;
}

static int abort_ends_the_second_one(void) {
    int status;
    begin();
    int fd = connected();
    struct child child = forked(asks, fd);
    exchanges(fd);
    MUST(kernel(SYS_write, child.go[1], "x", 1) == 1);
    MUST(waitpid(child.pid, &status, 0) == child.pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    MUST(found() == 1);
    exchanges(fd);
    return 0;
}

static int shared_by_design_it_is_none(void) {
    begin();
    int fd = connected();
    MUST(!reqscope_share(fd));
    struct child child = forked(exchanges, fd);
    does(&child);
    exchanges(fd);
    does(&child);
    ends(&child);
    return !nothing_is_said();
}

/* ---- none ------------------------------------------------------------------------------------------------------------ */

/* A server that forks for each of its visitors. */
static int when_the_parent_closes_its_own(void) {
    begin();
    int fd = connected();
    exchanges(fd);
    struct child child = forked(exchanges, fd);
    MUST(!close(fd));
    does(&child);
    does(&child);
    ends(&child);
    return !nothing_is_said();
}

static int when_the_parent_never_uses_it(void) {
    begin();
    int fd = connected();
    exchanges(fd);
    struct child child = forked(exchanges, fd);
    does(&child);
    does(&child);
    ends(&child);
    return !nothing_is_said();
}

static int when_the_child_only_closes(void) {
    begin();
    int fd = connected();
    struct child child = forked(closes, fd);
    exchanges(fd);
    does(&child);
    exchanges(fd);
    ends(&child);
    exchanges(fd);
    return !nothing_is_said();
}

static int when_the_child_never_uses_it(void) {
    begin();
    int fd = connected();
    struct child child = forked(does_nothing, fd);
    exchanges(fd);
    does(&child);
    exchanges(fd);
    ends(&child);
    return !nothing_is_said();
}

static int when_the_child_executes(void) {
    int status;
    begin();
    int fd = connected();
    pid_t pid = fork();
    if (!pid) execl("/bin/sleep", "sleep", "0.2", (char *)NULL);
    exchanges(fd);
    exchanges(fd);
    MUST(waitpid(pid, &status, 0) == pid && !status);
    exchanges(fd);
    return !nothing_is_said();
}

static int when_the_first_one_has_ended(void) {
    begin();
    int fd = connected();
    struct child child = forked(exchanges, fd);
    does(&child);
    ends(&child);
    exchanges(fd);
    struct child second = forked(exchanges, fd);
    exchanges(fd);
    ends(&second);
    exchanges(fd);
    return !nothing_is_said();
}

static int when_the_first_one_was_killed(void) {
    begin();
    int fd = connected();
    struct child child = forked(exchanges, fd);
    does(&child);
    is_killed(&child);
    exchanges(fd);
    exchanges(fd);
    return !nothing_is_said();
}

/* It has ended, though nobody has asked how. */
static int when_the_first_one_is_a_zombie(void) {
    siginfo_t info;
    begin();
    int fd = connected();
    struct child child = forked(exchanges, fd);
    does(&child);
    MUST(!kill(child.pid, SIGKILL) && !waitid(P_PID, (id_t)child.pid, &info, WEXITED | WNOWAIT));
    exchanges(fd);
    exchanges(fd);
    return !nothing_is_said();
}

static int a_worker_after_the_other(void) {
    begin();
    int fd = connected();
    for (int i = 0; i < 5; i++) {
        struct child child = forked(exchanges, fd);
        does(&child);
        if (i % 2)
            ends(&child);
        else
            is_killed(&child);
    }
    return !nothing_is_said();
}

/* Both connect again, as they should. */
static void connects_again(int fd) {
    MUST(!close(fd) && connected() == fd);
    exchanges(fd);
}

static int when_each_connects_again(void) {
    begin();
    int fd = connected();
    exchanges(fd);
    struct child first = forked(connects_again, fd), second = forked(connects_again, fd);
    does(&first);
    does(&second);
    exchanges(fd);
    ends(&first);
    ends(&second);
    return !nothing_is_said();
}

/* Executed anew with a socket for standard input and output: inherited from outside. */
static int for_standard_streams_from_outside(void) {
    int pair[2], status;
    alarm(20);
    if (getenv("VICTIM_SCENE")) {
        struct child child = forked(asks, 1);
        asks(1);
        MUST(read(0, buffer, 2) == 2);
        does(&child);
        MUST(read(0, buffer, 1) == 1);
        does(&child);
        ends(&child);
        return 0;
    }
    MUST(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    pid_t pid = fork();
    if (!pid) {
        setenv("VICTIM_SCENE", "1", 1);
        dup2(pair[1], 0);
        dup2(pair[1], 1);
        closefrom(3);
        execl("/proc/self/exe", "victim_forked", __func__, (char *)NULL);
        _exit(99);
    }
    MUST(write(pair[0], "xyz", 3) == 3);
    MUST(waitpid(pid, &status, 0) == pid && !status);
    MUST(kernel(SYS_recvfrom, pair[0], buffer, 9, MSG_WAITALL, NULL, NULL) == 9);
    return !nothing_is_said();
}

static void answers_at_the_other_end(int fd) {
    MUST(read(fd, buffer, 3) == 3 && write(fd, "answer", 6) == 6);
}

/* How a parent speaks with its workers. */
static int for_the_two_ends_of_a_pair(void) {
    int pair[2];
    begin();
    MUST(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    struct child child = forked(answers_at_the_other_end, pair[1]);
    for (int i = 0; i < 3; i++) {
        asks(pair[0]);
        does(&child);
        MUST(read(pair[0], buffer, 6) == 6);
    }
    ends(&child);
    return !nothing_is_said();
}

static int one_end_of_a_pair_that_two_processes_use_is_found(void) {
    int pair[2];
    begin();
    MUST(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    struct child first = forked(answers_at_the_other_end, pair[1]), second = forked(answers_at_the_other_end, pair[1]);
    asks(pair[0]);
    does(&first);
    asks(pair[0]);
    does(&second);
    MUST(found() >= 1);
    ends(&first);
    ends(&second);
    return 0;
}

static void accepts(int listener) {
    int fd = accept(listener, NULL, NULL);
    MUST(fd >= 0);
    asks(fd);
    MUST(!close(fd));
}

static int for_listeners(void) {
    MUST(reqscope_active());
    int listener = listening();
    struct child first = forked(accepts, listener), second = forked(accepts, listener);
    for (int i = 0; i < 3; i++) {
        int visitor = connected();
        does(i % 2 ? &first : &second);
        MUST(read(visitor, buffer, 3) == 3 && !close(visitor));
        visitor = connected();
        accepts(listener);
        MUST(!close(visitor));
    }
    ends(&first);
    ends(&second);
    return !nothing_is_said();
}

/* A log's: each process writes its lines, and nothing is ever read. */
static int for_a_stream_that_goes_one_way(void) {
    MUST(reqscope_active());
    int listener = listening(), fd = connected(), reader = accept(listener, NULL, NULL);
    struct child child = forked(asks, fd);
    for (int i = 0; i < 3; i++) {
        does(&child);
        asks(fd);
    }
    ends(&child);
    MUST(recv(reader, buffer, 18, MSG_WAITALL) == 18);
    return !nothing_is_said();
}

/* ---- threads that fork ------------------------------------------------------------------------------------------------ */

#define THREADS 4

struct forker {
    pthread_t thread;
    int fd;
    int shares;
};

/* Each with a connection of its own, which all children inherit. */
static void *forks(void *argument) {
    struct forker *forker = argument;
    reqscope_id request = reqscope_begin("request");
    MUST(!reqscope_give(forker->fd, request));
    exchanges(forker->fd);
    struct child child = forked(forker->shares ? exchanges : does_nothing, forker->fd);
    for (int i = 0; i < 5; i++) {
        does(&child);
        exchanges(forker->fd);
    }
    ends(&child);
    return NULL;
}

static void fork_in_threads(int shares) {
    struct forker forkers[THREADS];
    begin();
    for (int i = 0; i < THREADS; i++) forkers[i] = (struct forker){.fd = connected(), .shares = shares};
    for (int i = 0; i < THREADS; i++) MUST(!pthread_create(&forkers[i].thread, NULL, forks, &forkers[i]));
    for (int i = 0; i < THREADS; i++) MUST(!pthread_join(forkers[i].thread, NULL));
}

static int threads_that_fork_and_share_are_found(void) {
    fork_in_threads(1);
    return !found();
}

static int threads_that_fork_and_do_not_share_are_silent(void) {
    fork_in_threads(0);
    return !nothing_is_said();
}

#define DENY "REQSCOPE_MODE=deny"
static const struct victim_test tests[] = {
    VICTIM(by_child_and_parent, NULL),
    VICTIM(by_parent_and_child, NULL),
    VICTIM(by_two_children, NULL),
    VICTIM(in_a_context_it_is_told_by_whom, NULL),
    VICTIM(of_what_was_used_before_the_fork, NULL),
    VICTIM(under_another_number, NULL),
    VICTIM(of_an_accepted_connection, NULL),
    VICTIM(the_same_calls_are_one_finding, NULL),
    VICTIM(with_another_fork_in_between, NULL),
    VICTIM(the_second_one_is_refused, DENY),
    VICTIM(abort_ends_the_second_one, "REQSCOPE_MODE=abort"),
    VICTIM(shared_by_design_it_is_none, NULL),
    VICTIM(when_the_parent_closes_its_own, NULL),
    VICTIM(when_the_parent_never_uses_it, NULL),
    VICTIM(when_the_child_only_closes, NULL),
    VICTIM(when_the_child_never_uses_it, NULL),
    VICTIM(when_the_child_executes, NULL),
    VICTIM(when_the_first_one_has_ended, NULL),
    VICTIM(when_the_first_one_was_killed, NULL),
    VICTIM(when_the_first_one_is_a_zombie, NULL),
    VICTIM(a_worker_after_the_other, NULL),
    VICTIM(when_each_connects_again, NULL),
    VICTIM(for_standard_streams_from_outside, NULL),
    VICTIM(for_the_two_ends_of_a_pair, NULL),
    VICTIM(one_end_of_a_pair_that_two_processes_use_is_found, NULL),
    VICTIM(for_listeners, NULL),
    VICTIM(for_a_stream_that_goes_one_way, NULL),
    VICTIM(threads_that_fork_and_share_are_found, NULL),
    VICTIM(threads_that_fork_and_do_not_share_are_silent, NULL),
};
VICTIM_MAIN(tests)
