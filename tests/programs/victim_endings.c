/* victim_endings.c: what a context leaves behind when it ends (late-io, leak), and what is closed twice (bad-close).
 *
 * What only a trace tells (counts) is asked of `reqscope report --json`: then a test runs another one of this program, with a
 * trace in a folder of its own. */
#include "victim.h"

#include <dirent.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>

#define ERRNO_BEFORE 4321

static reqscope_id a, b;
static char buffer[64];

static void begin(void) {
    MUST(reqscope_active());
    a = reqscope_begin("A");
    b = reqscope_begin("B");
    reqscope_switch(a);
}

static int opened(void) {
    int fd = open("/dev/zero", O_RDWR);
    MUST(fd >= 0 && reqscope_owner(fd) == reqscope_current());
    return fd;
}

static int said(const char *text) {
    return strstr(victim_read(getenv("REQSCOPE_LOG")), text) != NULL;
}

/* How many findings of the kind were reported. */
static int found(const char *kind) {
    char begins[64];
    snprintf(begins, sizeof begins, "reqscope: %s: ", kind);
    return victim_reports(begins);
}

static int nothing_is_said(void) {
    const char *log = victim_read(getenv("REQSCOPE_LOG"));
    if (*log) victim_say("said: %.200s; ", log);
    return !*log;
}

/* Exactly one finding is reported, and its first line is this. */
static void must_be_told(const char *format, ...) {
    char line[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    char *log = victim_read(getenv("REQSCOPE_LOG"));
    int findings = 0;
    for (const char *at = log; (at = strstr(at, "\n  hint: ")); at++) findings++;
    int good = findings == 1 && !strncmp(log, line, strlen(line));
    if (good) return;
    log[strcspn(log, "\n")] = 0;
    victim_say("%d findings, the first: %s; not: %s", findings, log, line);
    _exit(1);
}

/* On a new thread, in context `id`. */
struct errand {
    reqscope_id id;
    void (*run)(int fd);
    int fd;
};

static void *runs_errand(void *argument) {
    const struct errand *errand = argument;
    reqscope_switch(errand->id);
    errand->run(errand->fd);
    return NULL;
}

static void on_a_thread(reqscope_id id, void (*run)(int fd), int fd) {
    pthread_t thread;
    struct errand errand = {id, run, fd};
    MUST(!pthread_create(&thread, NULL, runs_errand, &errand) && !pthread_join(thread, NULL));
}

/* A connection on loopback, made by the current context; its other end, accepted in no context, is in *server. */
static int connected(int *server) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof address;
    reqscope_id before = reqscope_switch(0);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    MUST(!bind(listener, (void *)&address, sizeof address) && !listen(listener, 5));
    MUST(!getsockname(listener, (void *)&address, &length));
    reqscope_switch(before);
    int client = socket(AF_INET, SOCK_STREAM, 0);
    MUST(!connect(client, (void *)&address, sizeof address));
    reqscope_switch(0);
    *server = accept(listener, NULL, NULL);
    MUST(*server >= 0 && !close(listener));
    reqscope_switch(before);
    return client;
}

/* ---- what is recorded --------------------------------------------------------------------------------------------- */

static char reqscope_command[4200];

/* The command lies beside the folder of this program. 0: it is not there, or jq is not. */
static int can_report(void) {
    char program[4096];
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    MUST(length > 0);
    program[length] = 0;
    *strrchr(program, '/') = 0;
    snprintf(reqscope_command, sizeof reqscope_command, "%s/../reqscope", program);
    return !access(reqscope_command, X_OK) && (!access("/usr/bin/jq", X_OK) || !access("/usr/local/bin/jq", X_OK));
}

/* Plays another test with a trace; what jq makes of the report on it, one line for each finding. NULL: cannot be told here. */
static char *recorded(const char *scene, const char *filter) {
    char folder[] = "/tmp/reqscope-endings.XXXXXX", script[9000];
    if (!can_report()) return NULL;
    MUST(mkdtemp(folder));
    int status = victim_run("/proc/self/exe", (const char *[]){"victim_endings", scene, NULL}, folder);
    snprintf(script, sizeof script, "'%s' report --json '%s' | jq -r '.findings[] | %s' >'%s.told'; rm -rf '%s'",
             reqscope_command, folder, filter, folder, folder);
    MUST(!victim_run("/bin/sh", (const char *[]){"sh", "-c", script, NULL}, NULL));
    MUST(!status);
    snprintf(script, sizeof script, "%s.told", folder);
    char *told = victim_read(script);
    unlink(script);
    return told;
}

static int must_be_recorded(const char *scene, const char *filter, const char *expected) {
    const char *told = recorded(scene, filter);
    if (!told) return victim_say("the command reqscope or jq is not there"), VICTIM_SKIP;
    if (strcmp(told, expected) != 0) victim_say("recorded: %s not: %s", told, expected);
    return strcmp(told, expected) != 0;
}

/* ---- late-io ------------------------------------------------------------------------------------------------------ */

static void reads(int fd) {
    MUST(read(fd, buffer, 1) == 1);
}

static void writes(int fd) {
    MUST(write(fd, "x", 1) == 1);
}

static int a_thread_still_in_it_reads(void) {
    begin();
    int fd = opened();
    reqscope_end(a);
    on_a_thread(a, reads, fd);
    must_be_told("reqscope: late-io: A (context 1) reads from fd %d (/dev/zero) after its own end\n", fd);
    MUST(said("opened here by context 1"));
    return 0;
}

static int a_thread_still_in_it_writes(void) {
    begin();
    int fd = opened();
    reqscope_end(a);
    on_a_thread(a, writes, fd);
    must_be_told("reqscope: late-io: A (context 1) writes to fd %d (/dev/zero) after its own end\n", fd);
    return 0;
}

/* The thread was in it, and had used it, before it ended. */
static int has_used[2], has_ended[2]; /* pipes, past the guard */

static void writes_before_and_after(int fd) {
    writes(fd);
    MUST(kernel(SYS_write, has_used[1], "x", 1) == 1 && kernel(SYS_read, has_ended[0], buffer, 1) == 1);
    writes(fd);
}

static int a_thread_that_had_used_it_before_the_end_writes(void) {
    pthread_t thread;
    char byte;
    MUST(!pipe(has_used) && !pipe(has_ended));
    begin();
    struct errand errand = {a, writes_before_and_after, opened()};
    MUST(!pthread_create(&thread, NULL, runs_errand, &errand));
    MUST(kernel(SYS_read, has_used[0], &byte, 1) == 1 && !found("late-io"));
    reqscope_end(a);
    MUST(kernel(SYS_write, has_ended[1], "x", 1) == 1 && !pthread_join(thread, NULL));
    MUST(found("late-io") == 1);
    return 0;
}

static int in_no_context_on_an_ended_ones(void) {
    begin();
    int fd = opened();
    reqscope_end(a);
    reqscope_switch(0);
    reads(fd);
    must_be_told("reqscope: late-io: no context reads from fd %d (/dev/zero) of A (context 1), which has ended\n", fd);
    return 0;
}

static int while_it_lives_no_context_may(void) {
    begin();
    int fd = opened();
    reqscope_switch(0);
    reads(fd);
    writes(fd);
    return !nothing_is_said();
}

static void opens_and_writes(int fd) {
    int late = open("/dev/null", O_WRONLY);
    (void)fd;
    MUST(late >= 0 && write(late, "x", 1) == 1 && write(late, "y", 1) == 1);
}

static int what_is_opened_in_an_ended_context_is_late(void) {
    begin();
    reqscope_end(a);
    on_a_thread(a, opens_and_writes, -1);
    MUST(found("late-io") == 2); /* two calls */
    MUST(said("reqscope: late-io: A (context 1) writes to fd "));
    return 0;
}

/* A thread that outlives its request for long: others have come and gone, more than are kept in mind at once. */
static int what_is_opened_long_after_the_end_is_late(void) {
    begin();
    reqscope_end(a);
    for (int i = 0; i < 5000; i++) reqscope_end(reqscope_begin("another"));
    on_a_thread(a, opens_and_writes, -1);
    MUST(found("late-io") == 2);
    return 0;
}

static int the_same_call_is_one_finding(void) {
    begin();
    int fd = opened();
    reqscope_end(a);
    reqscope_switch(a);
    for (int i = 0; i < 100; i++) writes(fd);
    MUST(found("late-io") == 1);
    return 0;
}

static int late_calls_are_counted(void) {
    return must_be_recorded("the_same_call_is_one_finding", "select(.kind == \"late-io\") | .count", "100\n");
}

/* Whichever of the two kinds it is: once. */
static int another_context_on_an_ended_ones_is_one_finding(void) {
    begin();
    int fd = opened();
    reqscope_end(a);
    reqscope_switch(b);
    writes(fd);
    MUST(found("late-io") + found("foreign-io") == 1);
    return 0;
}

static int what_was_given_before_the_end_is_not_late(void) {
    begin();
    int given = opened(), shared = opened(), pooled = opened();
    MUST(!reqscope_give(given, b) && !reqscope_share(shared) && !reqscope_give(pooled, 0));
    reqscope_end(a);
    reqscope_switch(0);
    writes(given);
    writes(shared);
    writes(pooled);
    reqscope_switch(b);
    writes(given);
    writes(shared);
    writes(pooled);
    return !nothing_is_said();
}

static int given_after_the_end_is_the_new_owners(void) {
    begin();
    int fd = opened();
    reqscope_end(a);
    MUST(found("leak") == 1);
    MUST(!reqscope_give(fd, b));
    reqscope_switch(b);
    writes(fd);
    reqscope_switch(0);
    writes(fd);
    MUST(!found("late-io") && !found("foreign-io"));
    return 0;
}

static void is_refused(int fd) {
    struct pollfd waiting = {fd, POLLIN, 0};
    REFUSED(write(fd, "x", 1), EPERM);
    REFUSED(read(fd, buffer, 1), EPERM);
    MUST(poll(&waiting, 1, -1) == 1 && waiting.revents & POLLERR);
}

static int late_io_is_refused(void) {
    begin();
    int ends[2];
    MUST(!pipe(ends) && !fcntl(ends[0], F_SETFL, O_NONBLOCK));
    reqscope_end(a);
    on_a_thread(a, is_refused, ends[1]);
    reqscope_switch(0);
    REFUSED(write(ends[1], "x", 1), EPERM);
    MUST(kernel(SYS_read, ends[0], buffer, 1) == -1 && errno == EAGAIN); /* not a byte */
    MUST(said("denied: the call fails with EPERM"));
    return 0;
}

/* Connections to a backend may stay in a pool: they are used by its threads in no context. */
static int leased_in_no_context_is_not_late(void) {
    int server;
    begin();
    int client = connected(&server);
    MUST(write(client, "ask", 3) == 3 && write(server, "say", 3) == 3 && read(client, buffer, 3) == 3);
    reqscope_end(a);
    reqscope_switch(0);
    MUST(write(client, "ping", 4) == 4 && write(server, "pong", 4) == 4 && read(client, buffer, 4) == 4);
    return !nothing_is_said();
}

static int leased_by_a_thread_still_in_it_is_late(void) {
    int server;
    begin();
    int client = connected(&server);
    MUST(write(client, "ask", 3) == 3 && write(server, "say", 3) == 3 && read(client, buffer, 3) == 3);
    reqscope_end(a);
    on_a_thread(a, writes, client);
    must_be_told("reqscope: late-io: A (context 1) writes to fd %d (tcp 127.0.0.1:", client);
    return 0;
}

/* A fork's child goes on with what its parent has ended: it is no zombie. */
static int a_forks_child_goes_on_with_it(void) {
    int go[2], status;
    begin();
    int fd = opened();
    MUST(!pipe(go) && !reqscope_share(go[0]) && !reqscope_share(go[1]));
    pid_t pid = fork();
    if (!pid) {
        MUST(read(go[0], buffer, 1) == 1);
        writes(fd);
        int own = open("/dev/null", O_WRONLY);
        MUST(own >= 0 && write(own, "x", 1) == 1);
        MUST(!close(own) && !close(fd));
        reqscope_end(a);
        _exit(0);
    }
    MUST(!close(fd));
    reqscope_end(a);
    MUST(write(go[1], "x", 1) == 1);
    MUST(waitpid(pid, &status, 0) == pid && !status);
    return !nothing_is_said();
}

/* ---- leak --------------------------------------------------------------------------------------------------------- */

static __attribute__((noinline)) int opens_here(void) {
    return open("/dev/zero", O_RDONLY);
}

static __attribute__((noinline)) int opens_there(void) {
    return open("/dev/null", O_RDONLY);
}

static int left_open_is_a_leak(void) {
    begin();
    int fd = opens_here();
    errno = ERRNO_BEFORE;
    reqscope_end(a);
    MUST(errno == ERRNO_BEFORE);
    must_be_told("reqscope: leak: A (context 1) ends and leaves fd %d (/dev/zero) open, which it opened\n", fd);
    MUST(said("ended here by") && said("opens_here"));
    return 0;
}

static int each_opening_stack_is_one_leak(void) {
    begin();
    for (int i = 0; i < 3; i++) MUST(opens_here() >= 0);
    MUST(opens_there() >= 0);
    reqscope_end(a);
    MUST(found("leak") == 2);
    return 0;
}

#define LEAKS "select(.kind == \"leak\") | \"\\(.count) \\(.opened_at[0].function)\""

static int leaks_are_counted(void) {
    return must_be_recorded("each_opening_stack_is_one_leak", LEAKS, "3 opens_here\n1 opens_there\n");
}

/* Requests, one after the other, that leak at the same place: one finding, wherever they end. */
static int five_contexts_leak_at_one_place(void) {
    begin();
    for (int i = 0; i < 5; i++) {
        reqscope_id request = reqscope_begin("request");
        MUST(opens_here() >= 0);
        if (i < 3)
            reqscope_end(request);
        else
            reqscope_end(reqscope_current());
    }
    MUST(found("leak") == 1);
    return 0;
}

static int leaks_of_several_contexts_are_counted(void) {
    return must_be_recorded("five_contexts_leak_at_one_place", LEAKS, "5 opens_here\n");
}

static void closes(void *number) {
    int fd = (int)(intptr_t)number;
    reqscope_id before = reqscope_current();
    writes(fd); /* the context is still there */
    MUST(before == a && !close(fd));
}

static int local_value(void) {
    return opened();
}

static void local_is_over(int fd) {
    MUST(reqscope_current() == a && !close(fd));
}

REQSCOPE_LOCAL(int, local, local_value, local_is_over)

static char order[8];

static void notes(void *letter) {
    strncat(order, letter, 1);
}

static int what_is_taken_care_of_is_no_leak(void) {
    begin();
    int given = opened(), shared = opened(), pooled = opened(), copied = opened(), deferred = opened();
    MUST(!reqscope_give(given, b) && !reqscope_share(shared) && !reqscope_give(pooled, 0));
    int copy = dup(copied), another = fcntl(copied, F_DUPFD_CLOEXEC, 100);
    MUST(copy >= 0 && another >= 0 && !close(copied) && !close(copy) && !close(another));
    MUST(!reqscope_defer(notes, "1") && !reqscope_defer(closes, (void *)(intptr_t)deferred));
    MUST(local() >= 0 && local() == local());
    MUST(!reqscope_defer(notes, "2") && !reqscope_defer(notes, "3"));
    errno = ERRNO_BEFORE;
    reqscope_end(a);
    MUST(!strcmp(order, "321"));
    MUST(fcntl(deferred, F_GETFD) < 0);
    return !nothing_is_said();
}

/* The deferred function opens something itself, and leaves it: that is the context's as well. */
static void opens_and_leaves(void *argument) {
    (void)argument;
    MUST(opens_there() >= 0);
}

static int what_a_deferred_function_leaves_open_is_a_leak(void) {
    begin();
    MUST(!reqscope_defer(opens_and_leaves, NULL));
    reqscope_end(a);
    MUST(found("leak") == 1 && said("opens_there"));
    return 0;
}

static void ends_a(int fd) {
    (void)fd;
    reqscope_end(a);
}

static int ended_on_another_thread_it_leaks_as_well(void) {
    begin();
    MUST(opens_here() >= 0);
    on_a_thread(0, ends_a, -1);
    MUST(found("leak") == 1);
    return 0;
}

/* The child ends the context that it was forked in: what it inherited is its parent's to close. */
static int what_a_fork_inherited_is_no_leak(void) {
    int status;
    begin();
    int fd = opened();
    pid_t pid = fork();
    if (!pid) {
        reqscope_end(a);
        _exit(!nothing_is_said());
    }
    MUST(waitpid(pid, &status, 0) == pid && !status);
    MUST(!close(fd));
    return !nothing_is_said();
}

/* A request that forks, and whose child says that it is done with it: in the parent it goes on, and ends once more. */
static int what_a_forks_child_has_ended_goes_on_in_the_parent(void) {
    int status;
    begin();
    MUST(!reqscope_defer(notes, "1") && opens_here() >= 0);
    pid_t pid = fork();
    if (!pid) {
        reqscope_end(a);
        _exit(0);
    }
    MUST(waitpid(pid, &status, 0) == pid && !status);
    MUST(!found("leak") && !*order);
    MUST(!reqscope_defer(notes, "2")); /* it is live here */
    reqscope_end(a);
    MUST(!strcmp(order, "21") && reqscope_current() != a && found("leak") == 1);
    return 0;
}

static int what_a_forks_child_opened_itself_is_a_leak(void) {
    int status;
    begin();
    int fd = opened();
    pid_t pid = fork();
    if (!pid) {
        reqscope_id own = reqscope_begin("child's");
        MUST(opens_here() >= 0);
        reqscope_end(own);
        _exit(found("leak") != 1);
    }
    MUST(waitpid(pid, &status, 0) == pid && !status);
    MUST(!close(fd));
    return 0;
}

static int a_copy_that_stays_open_is_a_leak(void) {
    begin();
    int fd = opened(), copy = dup(fd);
    MUST(copy >= 0 && !close(fd));
    reqscope_end(a);
    must_be_told("reqscope: leak: A (context 1) ends and leaves fd %d (/dev/zero) open, which it opened\n", copy);
    return 0;
}

static int taken_from_another_is_no_leak_of_the_taker(void) {
    begin();
    int fd = opened();
    MUST(!reqscope_give(fd, b));
    reqscope_switch(b);
    writes(fd);
    reqscope_end(b);
    MUST(!found("leak"));
    return 0;
}

static int six_at_once(void) {
    begin();
    for (int i = 0; i < 6; i++) MUST(opens_here() >= 0);
    reqscope_end(a);
    return 0;
}

static int more_than_four_are_counted(void) {
    return must_be_recorded("six_at_once", LEAKS, "6 opens_here\n");
}

/* 150 opened, of which the first, the last and every third are closed. */
static int a_hundred_and_fifty_at_once(void) {
    int fds[150];
    begin();
    for (int i = 0; i < 150; i++) MUST((fds[i] = opens_here()) >= 0);
    for (int i = 0; i < 150; i++) {
        if (i % 3 == 0 || i == 149) MUST(!close(fds[i]));
    }
    MUST(opens_there() >= 0);
    reqscope_end(a);
    return 0;
}

static int more_than_a_hundred_are_counted(void) {
    return must_be_recorded("a_hundred_and_fifty_at_once", LEAKS, "99 opens_here\n1 opens_there\n");
}

static int all_of_a_hundred_closed_is_no_leak(void) {
    int fds[150];
    begin();
    for (int i = 0; i < 150; i++) MUST((fds[i] = opens_here()) >= 0);
    for (int i = 0; i < 150; i++) MUST(!close(fds[i]));
    reqscope_end(a);
    return !nothing_is_said();
}

static int leased_connections_are_no_leaks(void) {
    int server;
    begin();
    MUST(connected(&server) >= 0);
    reqscope_end(a);
    return !nothing_is_said();
}

static int in_strict_a_connection_is_a_leak(void) {
    int server;
    begin();
    int client = connected(&server);
    reqscope_end(a);
    must_be_told("reqscope: leak: A (context 1) ends and leaves fd %d (tcp 127.0.0.1:", client);
    return 0;
}

static int in_lease_an_unconnected_socket_is_a_leak(void) {
    begin();
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    MUST(fd >= 0);
    reqscope_end(a);
    must_be_told("reqscope: leak: A (context 1) ends and leaves fd %d (", fd);
    return 0;
}

static int in_lease_a_file_is_a_leak(void) {
    return left_open_is_a_leak();
}

static int in_lease_an_accepted_connection_is_a_leak(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);
    MUST(!bind(listener, (void *)&address, sizeof address) && !listen(listener, 5));
    MUST(!getsockname(listener, (void *)&address, &length));
    MUST(!connect(client, (void *)&address, sizeof address));
    begin();
    int server = accept(listener, NULL, NULL);
    MUST(server >= 0);
    reqscope_end(a);
    must_be_told("reqscope: leak: A (context 1) ends and leaves fd %d (tcp 127.0.0.1:", server);
    return 0;
}

static int unleaked_is_said_once(void) {
    int fds[3];
    begin();
    for (int i = 0; i < 3; i++) MUST((fds[i] = opens_here()) >= 0);
    reqscope_end(a);
    reqscope_switch(0);
    MUST(found("leak") == 1 && victim_reports("reqscope: unleaked: ") == 0);
    MUST(!close(fds[0]) && victim_reports("reqscope: unleaked: ") == 1);
    MUST(!close(fds[2]) && victim_reports("reqscope: unleaked: ") == 1);
    char begins[128];
    snprintf(begins, sizeof begins, "reqscope: unleaked: fd %d, which A (context 1) had left open at its end", fds[0]);
    MUST(victim_reports(begins) == 1);
    return 0;
}

static int unleaked_is_recorded(void) {
    return must_be_recorded("unleaked_is_said_once", "\"\\(.kind) \\(.count) \\(.unleaked)\"", "leak 3 2\n");
}

/* As long as a copy of it is open it is not. */
static int unleaked_is_said_at_the_last_close(void) {
    begin();
    int fd = opened(), copy = dup(fd);
    reqscope_end(a);
    reqscope_switch(0);
    MUST(!close(fd) && victim_reports("reqscope: unleaked: ") == 0);
    MUST(!close(copy) && victim_reports("reqscope: unleaked: ") == 1);
    return 0;
}

static int a_leak_refuses_nothing(void) {
    begin();
    int fd = opened();
    errno = ERRNO_BEFORE;
    reqscope_end(a);
    MUST(errno == ERRNO_BEFORE && found("leak") == 1 && !said("denied"));
    MUST(fcntl(fd, F_GETFD) >= 0);
    return 0;
}

/* ---- bad-close ---------------------------------------------------------------------------------------------------- */

static __attribute__((noinline)) int closes_first(int fd) {
    return close(fd);
}

static __attribute__((noinline)) int closes_again(int fd) {
    return close(fd);
}

static int closed_twice_by_the_same(void) {
    begin();
    int fd = opened();
    errno = ERRNO_BEFORE;
    MUST(!closes_first(fd) && errno == ERRNO_BEFORE);
    REFUSED(closes_again(fd), EBADF);
    must_be_told("reqscope: bad-close: A (context 1) closes fd %d, which is not open\n", fd);
    MUST(said("closed before here by context 1") && said("closes_first") && said("closes_again"));
    MUST(said("opened here by context 1"));
    return 0;
}

static int closed_twice_by_another(void) {
    begin();
    int fd = opened();
    MUST(!closes_first(fd));
    reqscope_switch(b);
    REFUSED(closes_again(fd), EBADF);
    must_be_told("reqscope: bad-close: B (context 2) closes fd %d, which is not open\n", fd);
    MUST(said("closed before here by context 1"));
    return 0;
}

static int closed_a_second_time_in_no_context(void) {
    begin();
    int fd = opened();
    MUST(!closes_first(fd));
    reqscope_switch(0);
    REFUSED(closes_again(fd), EBADF);
    must_be_told("reqscope: bad-close: no context closes fd %d, which is not open\n", fd);
    return 0;
}

static int closed_twice_by_the_same_line(void) {
    begin();
    int fd = opened();
    for (int i = 0; i < 2; i++) (void)closes_first(fd);
    MUST(found("bad-close") == 1);
    return 0;
}

static int closed_twice_on_two_threads(void) {
    begin();
    int fd = opened();
    on_a_thread(a, (void (*)(int))(uintptr_t)closes_first, fd);
    REFUSED(closes_again(fd), EBADF);
    MUST(found("bad-close") == 1 && said("closed before here by context 1"));
    return 0;
}

/* (It could be a loop's first: so that may be told only when it is seen that none follows, at the request's end at the latest.) */
static int never_opened_is_told_so(void) {
    begin();
    REFUSED(close(777), EBADF);
    reqscope_end(a);
    must_be_told("reqscope: bad-close: A (context 1) closes fd 777, which is not open\n");
    MUST(said("nothing is known of an earlier close of this number"));
    return 0;
}

static int fclose_after_close(void) {
    int (*volatile close_it)(FILE *) = fclose;
    begin();
    FILE *file = fopen("/dev/zero", "r");
    int fd = fileno(file);
    MUST(!close(fd));
    errno = 0;
    MUST(close_it(file) == EOF && errno == EBADF);
    must_be_told("reqscope: bad-close: A (context 1) closes fd %d, which is not open\n", fd);
    MUST(said("closed before here by context 1"));
    return 0;
}

static int close_after_fclose(void) {
    begin();
    FILE *file = fopen("/dev/zero", "r");
    int fd = fileno(file);
    errno = ERRNO_BEFORE;
    MUST(!fclose(file) && errno == ERRNO_BEFORE);
    REFUSED(close(fd), EBADF);
    MUST(found("bad-close") == 1);
    return 0;
}

/* EBADF of fclose may be what its last write met; the number is closed as it should be. */
static int a_write_that_fails_at_fclose_is_no_bad_close(void) {
    int (*volatile close_it)(FILE *) = fclose;
    begin();
    FILE *file = fopen("/dev/null", "w");
    int other = open("/dev/zero", O_RDONLY);
    MUST(fputs("x", file) >= 0 && dup2(other, fileno(file)) == fileno(file));
    errno = 0;
    MUST(close_it(file) == EOF && errno == EBADF);
    MUST(!close(other));
    return !nothing_is_said();
}

static int closedir_after_close(void) {
    begin();
    DIR *folder = opendir("/proc/self");
    int fd = dirfd(folder);
    MUST(!close(fd));
    REFUSED(closedir(folder), EBADF);
    must_be_told("reqscope: bad-close: A (context 1) closes fd %d, which is not open\n", fd);
    MUST(said("closed before here by context 1"));
    return 0;
}

static int close_after_closedir(void) {
    begin();
    DIR *folder = opendir("/proc/self");
    int fd = dirfd(folder);
    errno = ERRNO_BEFORE;
    MUST(!closedir(folder) && errno == ERRNO_BEFORE);
    REFUSED(close(fd), EBADF);
    MUST(found("bad-close") == 1);
    return 0;
}

static int minus_one_is_no_bad_close(void) {
    begin();
    for (int i = 0; i < 3; i++) REFUSED(close(-1), EBADF);
    REFUSED(close(-1), EBADF);
    REFUSED(close(-5), EBADF);
    return !nothing_is_said();
}

/* What daemons do: most of the numbers are not open. */
static void make_holes(void) {
    int fd = opened();
    MUST(dup2(fd, 10) == 10 && dup2(fd, 20) == 20 && dup2(fd, 21) == 21 && dup2(fd, 900) == 900);
    if (fd != 3) MUST(dup2(fd, 3) == 3);
    MUST(dup2(fd, 4096) == 4096);
}

static int a_loop_upwards_is_no_bad_close(void) {
    begin();
    make_holes();
    for (int fd = 3; fd <= 4096; fd++) close(fd);
    for (int fd = 3; fd <= 4096; fd++) MUST(fcntl(fd, F_GETFD) < 0);
    return !nothing_is_said();
}

static int a_loop_downwards_is_no_bad_close(void) {
    begin();
    make_holes();
    for (int fd = 4096; fd >= 3; fd--) close(fd);
    return !nothing_is_said();
}

/* Nothing is known of the first number either. */
static int a_loop_that_begins_at_a_hole_is_no_bad_close(void) {
    begin();
    make_holes();
    for (int fd = 5; fd <= 4095; fd++) close(fd);
    return !nothing_is_said();
}

static int a_loop_downwards_that_begins_at_a_hole_is_no_bad_close(void) {
    begin();
    make_holes();
    for (int fd = 4095; fd >= 5; fd--) close(fd);
    return !nothing_is_said();
}

/* A thread that accepts, say: it works in no context, in a program that has some. */
static int twice_in_no_context_is_told_once_there_are_contexts(void) {
    int fd = open("/dev/null", O_RDONLY);
    MUST(fd >= 0 && !close(fd));
    REFUSED(close(fd), EBADF);
    MUST(!found("bad-close"));
    reqscope_end(reqscope_begin("one"));
    MUST((fd = open("/dev/null", O_RDONLY)) >= 0 && !close(fd));
    REFUSED(close(fd), EBADF);
    MUST(found("bad-close") == 1);
    return 0;
}

static int loops_in_no_context_are_no_bad_close(void) {
    MUST(reqscope_active());
    make_holes();
    for (int fd = 5; fd <= 4096; fd++) close(fd);
    for (int fd = 4096; fd >= 3; fd--) close(fd);
    return !nothing_is_said();
}

/* Before a program is executed a fork's child tidies up, and not by a loop alone. */
static int a_forks_child_before_exec_is_no_bad_close(void) {
    int status;
    begin();
    int fd = opened();
    pid_t pid = fork();
    if (!pid) {
        MUST(!close(fd));
        REFUSED(close(fd), EBADF);
        REFUSED(close(300), EBADF);
        REFUSED(close(17), EBADF);
        execl("/bin/true", "true", (char *)NULL);
        _exit(99);
    }
    MUST(waitpid(pid, &status, 0) == pid && !status);
    MUST(!close(fd));
    return !nothing_is_said();
}

static int a_forks_child_that_works_on_can_close_badly(void) {
    int status;
    begin();
    pid_t pid = fork();
    if (!pid) {
        int own = opened();
        MUST(!close(own));
        REFUSED(close(own), EBADF);
        _exit(found("bad-close") != 1);
    }
    MUST(waitpid(pid, &status, 0) == pid && !status);
    return 0;
}

static int ranges_are_no_bad_closes(void) {
    begin();
    make_holes();
    MUST(!close_range(3, 4096, 0) && !close_range(3, 4096, 0) && !close_range(500, ~0U, 0));
    make_holes();
    closefrom(3);
    closefrom(3);
    return !nothing_is_said();
}

static int without_contexts_there_is_no_bad_close(void) {
    MUST(reqscope_active());
    int fd = open("/dev/zero", O_RDONLY);
    FILE *file = fopen("/dev/zero", "r");
    MUST(!close(fd) && !close(fileno(file)));
    REFUSED(close(fd), EBADF);
    REFUSED(close(777), EBADF);
    MUST(fclose(file) == EOF);
    return !nothing_is_said();
}

/* A number that was closed is opened again by another: the one who has not noticed is told where it was closed. */
static int a_stale_number_that_is_used_is_explained(void) {
    begin();
    int fd = opened();
    MUST(!closes_first(fd));
    reqscope_switch(b);
    MUST(opened() == fd);
    reqscope_switch(a);
    writes(fd);
    must_be_told("reqscope: foreign-io: A (context 1) writes to fd %d (/dev/zero), which B (context 2) owns\n", fd);
    MUST(said("the number was its own before, and was closed here by context 1") && said("closes_first"));
    return 0;
}

static int a_stale_number_that_is_closed_is_explained(void) {
    begin();
    int fd = opened();
    MUST(!closes_first(fd));
    reqscope_switch(b);
    MUST(opened() == fd);
    reqscope_switch(a);
    REFUSED(closes_again(fd), EPERM);
    must_be_told("reqscope: foreign-close: A (context 1) closes fd %d (/dev/zero), which B (context 2) owns\n", fd);
    MUST(said("the number was its own before, and was closed here by context 1") && said("closes_first"));
    return 0;
}

/* It never was the user's: then there is nothing to explain. */
static int a_number_that_never_was_its_own_is_not_explained(void) {
    begin();
    int fd = opened();
    reqscope_switch(b);
    writes(fd);
    MUST(found("foreign-io") == 1 && !said("the number was its own before"));
    return 0;
}

static int a_bad_close_is_answered_as_ever(void) {
    int (*volatile close_it)(FILE *) = fclose;
    begin();
    int fd = opened();
    FILE *file = fopen("/dev/zero", "r");
    DIR *folder = opendir("/proc/self");
    MUST(!close(fd) && !close(fileno(file)) && !close(dirfd(folder)));
    REFUSED(close(fd), EBADF);
    errno = 0;
    MUST(close_it(file) == EOF && errno == EBADF);
    REFUSED(closedir(folder), EBADF);
    MUST(found("bad-close") == 3 && !said("denied"));
    return 0;
}

/* ---- abort -------------------------------------------------------------------------------------------------------- */

/* It dies there, and not before; the report is out. */
static int aborts(const char *kind, void (*run)(int fd), int fd) {
    int status;
    pid_t pid = fork();
    if (!pid) {
        run(fd);
        _exit(0);
    }
    MUST(waitpid(pid, &status, 0) == pid);
    MUST(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    MUST(found(kind) == 1);
    return 0;
}

static void leaks(int fd) {
    (void)fd;
    reqscope_id own = reqscope_begin("own");
    MUST(opens_here() >= 0 && !found("leak"));
    reqscope_end(own);
}

static void closes_badly(int fd) {
    (void)fd;
    int own = opened();
    MUST(!close(own) && !found("bad-close"));
    close(own);
}

static void is_late(int fd) {
    reqscope_id own = reqscope_begin("own");
    fd = opens_here();
    MUST(!close(fd));
    reqscope_end(own);
    reqscope_switch(own);
    MUST((fd = opens_here()) >= 0 && !found("late-io"));
    reads(fd);
}

static int abort_on_a_leak(void) {
    begin();
    return aborts("leak", leaks, -1);
}

static int abort_on_a_bad_close(void) {
    begin();
    return aborts("bad-close", closes_badly, -1);
}

static int abort_on_late_io(void) {
    begin();
    return aborts("late-io", is_late, -1);
}

static int a_kind_that_is_not_looked_for_is_not_found(void) {
    begin();
    int fd = opened();
    MUST(opens_here() >= 0);
    reqscope_end(a);
    on_a_thread(a, writes, fd);
    MUST(!close(fd));
    REFUSED(close(fd), EBADF);
    return !nothing_is_said();
}

#define DENY "REQSCOPE_MODE=deny"
#define LEASE "REQSCOPE_POLICY=lease"
#define ABORT "REQSCOPE_MODE=abort"
static const struct victim_test tests[] = {
    VICTIM(a_thread_still_in_it_reads, "REQSCOPE_CHECK=late-io"),
    VICTIM(a_thread_still_in_it_writes, "REQSCOPE_CHECK=late-io"),
    VICTIM(a_thread_that_had_used_it_before_the_end_writes, NULL),
    VICTIM(in_no_context_on_an_ended_ones, "REQSCOPE_CHECK=late-io"),
    VICTIM(while_it_lives_no_context_may, NULL),
    VICTIM(what_is_opened_in_an_ended_context_is_late, NULL),
    VICTIM(what_is_opened_long_after_the_end_is_late, NULL),
    VICTIM(the_same_call_is_one_finding, NULL),
    VICTIM(late_calls_are_counted, NULL),
    VICTIM(another_context_on_an_ended_ones_is_one_finding, NULL),
    VICTIM(what_was_given_before_the_end_is_not_late, NULL),
    VICTIM(given_after_the_end_is_the_new_owners, NULL),
    VICTIM(late_io_is_refused, DENY),
    VICTIM(leased_in_no_context_is_not_late, LEASE),
    VICTIM(leased_by_a_thread_still_in_it_is_late, LEASE),
    VICTIM(a_forks_child_goes_on_with_it, NULL),
    VICTIM(left_open_is_a_leak, NULL),
    VICTIM(each_opening_stack_is_one_leak, NULL),
    VICTIM(leaks_are_counted, NULL),
    VICTIM(five_contexts_leak_at_one_place, NULL),
    VICTIM(leaks_of_several_contexts_are_counted, NULL),
    VICTIM(what_is_taken_care_of_is_no_leak, NULL),
    VICTIM(what_a_fork_inherited_is_no_leak, NULL),
    VICTIM(what_a_deferred_function_leaves_open_is_a_leak, NULL),
    VICTIM(ended_on_another_thread_it_leaks_as_well, NULL),
    VICTIM(what_a_forks_child_has_ended_goes_on_in_the_parent, NULL),
    VICTIM(what_a_forks_child_opened_itself_is_a_leak, NULL),
    VICTIM(a_copy_that_stays_open_is_a_leak, NULL),
    VICTIM(taken_from_another_is_no_leak_of_the_taker, NULL),
    VICTIM(six_at_once, NULL),
    VICTIM(more_than_four_are_counted, NULL),
    VICTIM(a_hundred_and_fifty_at_once, NULL),
    VICTIM(more_than_a_hundred_are_counted, NULL),
    VICTIM(all_of_a_hundred_closed_is_no_leak, NULL),
    VICTIM(leased_connections_are_no_leaks, LEASE),
    VICTIM(in_strict_a_connection_is_a_leak, NULL),
    VICTIM(in_lease_an_unconnected_socket_is_a_leak, LEASE),
    VICTIM(in_lease_a_file_is_a_leak, LEASE),
    VICTIM(in_lease_an_accepted_connection_is_a_leak, LEASE),
    VICTIM(unleaked_is_said_once, NULL),
    VICTIM(unleaked_is_recorded, NULL),
    VICTIM(unleaked_is_said_at_the_last_close, NULL),
    VICTIM(a_leak_refuses_nothing, DENY),
    VICTIM(closed_twice_by_the_same, NULL),
    VICTIM(closed_twice_by_another, NULL),
    VICTIM(closed_a_second_time_in_no_context, NULL),
    VICTIM(closed_twice_by_the_same_line, NULL),
    VICTIM(closed_twice_on_two_threads, NULL),
    VICTIM(never_opened_is_told_so, NULL),
    VICTIM(fclose_after_close, NULL),
    VICTIM(close_after_fclose, NULL),
    VICTIM(a_write_that_fails_at_fclose_is_no_bad_close, NULL),
    VICTIM(closedir_after_close, NULL),
    VICTIM(close_after_closedir, NULL),
    VICTIM(minus_one_is_no_bad_close, NULL),
    VICTIM(a_loop_upwards_is_no_bad_close, NULL),
    VICTIM(a_loop_downwards_is_no_bad_close, NULL),
    VICTIM(a_loop_that_begins_at_a_hole_is_no_bad_close, NULL),
    VICTIM(a_loop_downwards_that_begins_at_a_hole_is_no_bad_close, NULL),
    VICTIM(twice_in_no_context_is_told_once_there_are_contexts, NULL),
    VICTIM(loops_in_no_context_are_no_bad_close, NULL),
    VICTIM(a_forks_child_before_exec_is_no_bad_close, NULL),
    VICTIM(a_forks_child_that_works_on_can_close_badly, NULL),
    VICTIM(ranges_are_no_bad_closes, NULL),
    VICTIM(without_contexts_there_is_no_bad_close, NULL),
    VICTIM(a_stale_number_that_is_used_is_explained, NULL),
    VICTIM(a_stale_number_that_is_closed_is_explained, DENY),
    VICTIM(a_number_that_never_was_its_own_is_not_explained, NULL),
    VICTIM(a_bad_close_is_answered_as_ever, DENY),
    VICTIM(abort_on_a_leak, ABORT),
    VICTIM(abort_on_a_bad_close, ABORT),
    VICTIM(abort_on_late_io, ABORT),
    VICTIM(a_kind_that_is_not_looked_for_is_not_found, "REQSCOPE_CHECK=-late-io,-leak,-bad-close"),
};
VICTIM_MAIN(tests)
