/* victim_process.c: vfork, fork, exec, and all the ways to end; and the log, which must never hold a program up. */
#include "victim.h"

#include <dirent.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <spawn.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

static reqscope_id a, b;
static int mine = -1, second = -1; /* a's */
static char buffer[64];

static void begin(void) {
    MUST(reqscope_active());
    a = reqscope_begin("A");
    b = reqscope_begin("B");
    reqscope_switch(a);
    MUST((mine = open("/dev/zero", O_RDWR)) >= 0 && (second = open("/dev/null", O_RDWR)) >= 0);
}

static int is_foreign(int fd) {
    reqscope_id before = reqscope_switch(b);
    errno = 0;
    int refused = read(fd, buffer, 1) < 0 && errno == EPERM;
    reqscope_switch(before);
    return refused;
}

/* ---- vfork --------------------------------------------------------------------------------------------------------
 */

static int a_vforks_child_changes_nothing_of_the_parents(void) {
    int status;
    begin();
    MUST(is_foreign(mine) && is_foreign(second));
    for (int i = 0; i < 3; i++) {
        pid_t pid = vfork();
        if (!pid) {
            dup2(second, mine);
            close(second);
            close_range(3, ~0U, 0);
            open("/dev/null", O_RDONLY);
            open("/dev/null", O_RDONLY);
            execl("/bin/true", "true", (char *)NULL);
            _exit(99);
        }
        MUST(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0);
        MUST(is_foreign(mine) && is_foreign(second) && reqscope_owner(mine) == a);
        MUST(read(mine, buffer, 1) == 1 && read(second, buffer, 1) == 0);
    }
    /* The parent is itself again: what it closes is closed. */
    int fd = open("/dev/null", O_RDONLY);
    MUST(reqscope_owner(fd) == a && !close(fd) && !reqscope_owner(fd));
    return 0;
}

static int a_vfork_in_a_vforks_child(void) {
    int status;
    begin();
    pid_t pid = vfork();
    if (!pid) {
        pid_t inner = vfork();
        if (!inner) _exit(0);
        close(second); /* still the child */
        _exit(0);
    }
    MUST(pid > 0 && waitpid(pid, &status, 0) == pid);
    MUST(reqscope_owner(second) == a && is_foreign(second));
    return 0;
}

static int a_vforks_child_that_exits(void) {
    int status;
    begin();
    pid_t pid = vfork();
    if (!pid) _exit(7);
    MUST(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 7);
    MUST(is_foreign(mine));
    return 0;
}

static void deny_call(long number) {
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)number, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EAGAIN),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
    MUST(!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) {
        victim_say("no seccomp");
        _exit(VICTIM_SKIP);
    }
}

static int a_vfork_that_fails(void) {
    begin();
    deny_call(SYS_vfork);
    for (int i = 0; i < 3; i++) REFUSED(vfork(), EAGAIN);
    int fd = open("/dev/null", O_RDONLY);
    MUST(reqscope_owner(fd) == a && is_foreign(mine));
    return 0;
}

static int spawning_works(void) {
    char *arguments[] = {"true", NULL};
    int status;
    pid_t pid;
    posix_spawn_file_actions_t actions;
    begin();
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, second, mine);
    posix_spawn_file_actions_addclose(&actions, second);
    MUST(!posix_spawn(&pid, "/bin/true", &actions, NULL, arguments, environ));
    MUST(waitpid(pid, &status, 0) == pid && status == 0);
    MUST(system("exit 3") == 3 << 8);
    FILE *pipe_stream = popen("echo hello", "r");
    MUST(pipe_stream && fgets(buffer, sizeof buffer, pipe_stream) && !strcmp(buffer, "hello\n") &&
         !pclose(pipe_stream));
    MUST(is_foreign(mine) && is_foreign(second));
    return 0;
}

/* ---- forks without handlers ---------------------------------------------------------------------------------------
 */

static int events_in_children;

static void child_does(void) {
    for (int i = 0; i < 2000; i++) (void)!read(mine, buffer, 1);
    close(second);
    open("/dev/null", O_RDONLY);
    events_in_children++;
}

/* _Fork and raw clone run no atfork handler. The child is on its own; what the parent has must not suffer. (victims.sh
 * reads the trace.) */
static int forks_that_run_no_handlers(void) {
    int status;
    begin();
    for (int kind = 0; kind < 2; kind++) {
        pid_t pid = kind ? (pid_t)kernel(SYS_clone, SIGCHLD, 0, 0, 0, 0) : _Fork();
        if (!pid) {
            child_does();
            _exit(0);
        }
        MUST(pid > 0);
        for (int i = 0; i < 2000; i++) MUST(read(mine, buffer, 1) == 1);
        MUST(waitpid(pid, &status, 0) == pid && status == 0);
        MUST(is_foreign(mine) && is_foreign(second));
    }
    return 0;
}

/* ---- ends ---------------------------------------------------------------------------------------------------------
 */

static int ends_by(void (*end)(void), int expected) {
    int status;
    pid_t pid = fork();
    if (!pid) {
        begin();
        FILE *left_open = fopen("/dev/null", "w");
        fputs("text", left_open); /* flushed by exit, in b's context: no finding */
        reqscope_switch(b);
        end();
    }
    MUST(waitpid(pid, &status, 0) == pid);
    if (status != expected) victim_say("status 0x%x, not 0x%x; ", status, expected);
    return status != expected;
}

static void by_exit(void) {
    exit(3);
}
static void by__exit(void) {
    _exit(3);
}
static void by_quick_exit(void) {
    quick_exit(3);
}
static void by_abort(void) {
    abort();
}
static void by_kill(void) {
    kill(getpid(), SIGKILL);
}
static void *exits_in_a_thread(void *argument) {
    (void)argument;
    exit(3);
}
static void by_exit_in_a_thread(void) {
    pthread_t thread;
    pthread_create(&thread, NULL, exits_in_a_thread, NULL);
    pthread_join(thread, NULL);
}
static void by_exec(void) {
    execl("/bin/sh", "sh", "-c", "exit 3", (char *)NULL);
}

static int all_ends_are_what_they_were(void) {
    MUST(!ends_by(by_exit, 3 << 8));
    MUST(!ends_by(by__exit, 3 << 8));
    MUST(!ends_by(by_quick_exit, 3 << 8));
    MUST(!ends_by(by_exec, 3 << 8));
    MUST(!ends_by(by_exit_in_a_thread, 3 << 8));
    int status = 0;
    (void)status;
    MUST(!ends_by(by_kill, SIGKILL));
    pid_t pid = fork();
    if (!pid) {
        signal(SIGABRT, SIG_DFL);
        by_abort();
    }
    MUST(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    MUST(victim_reports("reqscope: ") == 0);
    return 0;
}

static int abort_mode_aborts_after_the_report(void) {
    begin();
    is_foreign(mine);
    victim_say("it has gone on");
    return 1;
}

/* A crash reporter in the program's own handler works, unguarded. */
static void reports_a_crash(int signal) {
    int good = read(mine, buffer, 1) == 1 && victim_reports("reqscope: foreign-io") == 1;
    (void)signal;
    _exit(good ? 42 : 43);
}

static int the_programs_own_handler_runs(void) {
    int status;
    pid_t pid = fork();
    if (!pid) {
        signal(SIGABRT, reports_a_crash);
        begin();
        is_foreign(mine);
        _exit(44);
    }
    MUST(waitpid(pid, &status, 0) == pid && status == 42 << 8);
    return 0;
}

/* ---- the log ------------------------------------------------------------------------------------------------------
 */

/* Runs `body` in a fresh process whose standard error is `fd`; REQSCOPE_LOG is unset. */
static int with_stderr(int fd, const char *again) {
    int status;
    pid_t pid = fork();
    if (!pid) {
        MUST(kernel(SYS_dup3, fd, 2, 0) == 2);
        unsetenv("REQSCOPE_LOG");
        execl("/proc/self/exe", "victim_process", again, (char *)NULL);
        _exit(99);
    }
    for (int waited = 0; waitpid(pid, &status, WNOHANG) == 0; waited++) {
        if (waited > 1500) {
            victim_say("it hangs; ");
            kill(pid, SIGKILL);
        }
        usleep(1000);
    }
    return status;
}

static __attribute__((noinline)) int find_at(int depth) {
    if (depth > 0) return find_at(depth - 1) + 0 * depth;
    return read(mine, buffer, 1) >= 0 ? 1 : 0;
}

static int finds_much(void) {
    begin();
    for (int round = 0; round < 8; round++) {
        reqscope_switch(a);
        mine = round % 2 ? open("/dev/zero", O_RDWR) : dup(open("/dev/zero", O_RDWR));
        reqscope_switch(b);
        for (int depth = 0; depth < 28; depth++) find_at(depth);
    }
    return 0;
}

static int a_pipe_that_nobody_reads_holds_nothing_up(void) {
    static const int sizes[] = {0, 4096, 16384, 1 << 20};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        int ends[2];
        MUST(!pipe(ends));
        if (sizes[i]) MUST(fcntl(ends[1], F_SETPIPE_SZ, sizes[i]) > 0);
        int status = with_stderr(ends[1], "finds_much");
        if (status) victim_say("with a pipe of %d bytes (0: the default) status 0x%x; ", sizes[i], status);
        MUST(!status);
        close(ends[0]);
        close(ends[1]);
    }
    return 0;
}

static int a_socket_that_nobody_reads_holds_nothing_up(void) {
    int pair[2], small = 1;
    MUST(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    int status = with_stderr(pair[0], "finds_much");
    if (status) victim_say("status 0x%x; ", status);
    return status != 0;
}

static int a_pipe_that_is_closed_raises_nothing(void) {
    int ends[2];
    MUST(!pipe(ends) && !close(ends[0]));
    MUST(!with_stderr(ends[1], "finds_much"));
    int pair[2];
    MUST(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair) && !close(pair[0]));
    MUST(!with_stderr(pair[1], "finds_much"));
    return 0;
}

static int without_a_standard_error(void) {
    int status;
    pid_t pid = fork();
    if (!pid) {
        kernel(SYS_close, 2);
        unsetenv("REQSCOPE_LOG");
        execl("/proc/self/exe", "victim_process", "finds_and_opens", (char *)NULL);
        _exit(99);
    }
    MUST(waitpid(pid, &status, 0) == pid);
    return status != 0;
}

static int finds_and_opens(void) {
    MUST(open("/dev/null", O_RDWR) == 2); /* lowest, as ever */
    finds_much();
    return 0;
}

/* ulimit -f: who writes beyond gets SIGXFSZ, which ends a process. */
static int a_limit_of_file_sizes_is_harmless(void) {
    struct rlimit small = {4096, 4096};
    MUST(!setrlimit(RLIMIT_FSIZE, &small));
    return finds_much();
}

static int no_report_goes_where_the_program_moved_its_stderr(void) {
    char file[] = "/tmp/reqscope-stderr.XXXXXX";
    int fd = mkstemp(file);
    MUST(dup2(fd, 2) == 2 && !unlink(file));
    finds_much();
    struct stat status;
    MUST(!fstat(2, &status) && status.st_size == 0);
    return 0;
}

#define DENY "REQSCOPE_MODE=deny"
static const struct victim_test tests[] = {
    VICTIM(a_vforks_child_changes_nothing_of_the_parents, DENY),
    VICTIM(a_vfork_in_a_vforks_child, DENY),
    VICTIM(a_vforks_child_that_exits, DENY),
    VICTIM(a_vfork_that_fails, DENY),
    VICTIM(spawning_works, DENY),
    VICTIM(forks_that_run_no_handlers, DENY),
    VICTIM(all_ends_are_what_they_were, NULL),
    VICTIM_DIES(abort_mode_aborts_after_the_report, "REQSCOPE_MODE=abort", SIGABRT),
    VICTIM(the_programs_own_handler_runs, "REQSCOPE_MODE=abort"),
    VICTIM(finds_much, NULL),
    VICTIM(a_pipe_that_nobody_reads_holds_nothing_up, NULL),
    VICTIM(a_socket_that_nobody_reads_holds_nothing_up, NULL),
    VICTIM(a_pipe_that_is_closed_raises_nothing, NULL),
    VICTIM(without_a_standard_error, NULL),
    VICTIM(a_limit_of_file_sizes_is_harmless, NULL),
    VICTIM(no_report_goes_where_the_program_moved_its_stderr, "REQSCOPE_LOG=stderr"),
    VICTIM(finds_and_opens, "VICTIM_NOT_ALONE=1"),
};

int main(int argc, char **argv) {
    size_t count = sizeof tests / sizeof *tests;
    return victim_main(argc, argv, tests, argc == 2 ? count : count - 1); /* the last is only run by another */
}
