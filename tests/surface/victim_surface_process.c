/* victim_surface_process.c: new processes and new programs: the parent's tags stay, the child has them, and the environment of
 * what is executed is as the program wants it, or as REQSCOPE_FOLLOW_EXEC=1 does. */
#include "surface.h"

#include <libgen.h>
#include <pty.h>
#include <sched.h>
#include <spawn.h>

static char program[4096];

static const char *program_name(void) {
    return strrchr(program, '/') + 1;
}

static const char *program_folder(void) {
    static char path[sizeof program];
    return dirname(strcpy(path, program));
}

/* ---- what the executed program says --------------------------------------------------------------------------------
 */

/* The variables that matter here, a line each, into a file. */
static int say_environment(const char *path) {
    FILE *out = fopen(path, "w");
    if (!out) return 1;
    for (char **entry = environ; *entry; entry++) {
        if (!strncmp(*entry, "LD_PRELOAD=", 11) || !strncmp(*entry, "REQSCOPE_", 9)) fprintf(out, "%s\n", *entry);
    }
    return fclose(out) != 0;
}

/* Its exit code: is the number open? */
static int say_open(int fd) {
    return is_open(fd) ? 7 : 8;
}

static int occurrences(const char *text, const char *part) {
    int count = 0;
    for (const char *at = strstr(text, part); at; at = strstr(at + 1, part)) count++;
    return count;
}

/* ---- executing -----------------------------------------------------------------------------------------------------
 */

typedef void executes(char **arguments, char **environment);

static void call_execve(char **arguments, char **environment) {
    CALLED(int, const char *, char **, char **)(program, arguments, environment);
}

static void call_execv(char **arguments, char **environment) {
    environ = environment;
    CALLED(int, const char *, char **)(program, arguments);
}

static void call_execvp(char **arguments, char **environment) {
    environ = environment;
    CALLED(int, const char *, char **)(program_name(), arguments);
}

static void call_execvpe(char **arguments, char **environment) {
    CALLED(int, const char *, char **, char **)(program_name(), arguments, environment);
}

static void call_execl(char **arguments, char **environment) {
    environ = environment;
    CALLED(int, const char *, const char *, ...)(program, arguments[0], arguments[1], arguments[2], (char *)NULL);
}

static void call_execlp(char **arguments, char **environment) {
    environ = environment;
    CALLED(int, const char *, const char *, ...)
    (program_name(), arguments[0], arguments[1], arguments[2], (char *)NULL);
}

static void call_execle(char **arguments, char **environment) {
    CALLED(int, const char *, const char *, ...)
    (program, arguments[0], arguments[1], arguments[2], (char *)NULL, environment);
}

static void call_fexecve(char **arguments, char **environment) {
    CALLED(int, int, char **, char **)(open(program, O_RDONLY | O_CLOEXEC), arguments, environment);
}

static void call_execveat(char **arguments, char **environment) {
    int folder = open(program_folder(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CALLED(int, int, const char *, char **, char **, int)(folder, program_name(), arguments, environment, 0);
}

static void finish_like(int error, pid_t pid) {
    int status;
    if (!error && waitpid(pid, &status, 0) == pid && WIFEXITED(status)) _exit(WEXITSTATUS(status));
}

static void call_posix_spawn(char **arguments, char **environment) {
    pid_t pid = 0;
    int error = CALLED(int, pid_t *, const char *, const posix_spawn_file_actions_t *, const posix_spawnattr_t *,
                       char **, char **)(&pid, program, NULL, NULL, arguments, environment);
    finish_like(error, pid);
}

static void call_posix_spawnp(char **arguments, char **environment) {
    pid_t pid = 0;
    int error = CALLED(int, pid_t *, const char *, const posix_spawn_file_actions_t *, const posix_spawnattr_t *,
                       char **, char **)(&pid, program_name(), NULL, NULL, arguments, environment);
    finish_like(error, pid);
}

static char *command_of(char **arguments) {
    static char command[2 * sizeof program];
    snprintf(command, sizeof command, "'%s' %s '%s'", program, arguments[1], arguments[2]);
    return command;
}

static void call_system(char **arguments, char **environment) {
    environ = environment;
    int status = CALLED(int, const char *)(command_of(arguments));
    if (WIFEXITED(status)) _exit(WEXITSTATUS(status));
}

static void call_popen(char **arguments, char **environment) {
    environ = environment;
    FILE *stream = CALLED(FILE *, const char *, const char *)(command_of(arguments), "r");
    int status = stream ? pclose(stream) : -1;
    if (WIFEXITED(status)) _exit(WEXITSTATUS(status));
}

/* The child's environment, as it says it, when it is executed with this one. */
static const char *said(executes *execute, char **environment) {
    char *arguments[] = {program, "--environment", (char *)surface_path("environment"), NULL};
    int status;
    unlink(arguments[2]);
    pid_t pid = fork();
    if (!pid) {
        setenv("PATH", program_folder(), 1);
        execute(arguments, environment ? environment : environ);
        victim_say("nothing was executed: errno %d", errno);
        _exit(99);
    }
    MUST(waitpid(pid, &status, 0) == pid && !status);
    return victim_read(arguments[2]);
}

static char path_variable[sizeof program + 8], preload_variable[sizeof program + 16], two_libraries[2 * sizeof program];

static char *clean[] = {path_variable, "HOME=/", NULL};
static char *with_preload[] = {path_variable, preload_variable, NULL};
static char *with_another[] = {path_variable, "LD_PRELOAD=libm.so.6", "REQSCOPE_MODE=abort", NULL};

static void prepare_environments(void) {
    snprintf(path_variable, sizeof path_variable, "PATH=%s", program_folder());
    snprintf(preload_variable, sizeof preload_variable, "LD_PRELOAD=%s", getenv("LD_PRELOAD"));
    snprintf(two_libraries, sizeof two_libraries, "%s:libm.so.6\n", preload_variable);
}

/* As the program says: what it passes on is passed on, what it takes out stays out. */
static void environment_is_the_programs(executes *execute) {
    prepare_environments();
    const char *kept = said(execute, NULL);
    MUST(occurrences(kept, "LD_PRELOAD=") == 1 && strstr(kept, preload_variable) && strstr(kept, "REQSCOPE_LOG="));
    MUST(!*said(execute, clean));
}

/* REQSCOPE_FOLLOW_EXEC=1: the guard goes along, once, and before what else is preloaded. */
static void guard_goes_along(executes *execute) {
    prepare_environments();
    const char *restored = said(execute, clean);
    MUST(occurrences(restored, "LD_PRELOAD=") == 1 && occurrences(restored, getenv("LD_PRELOAD")) == 1);
    MUST(strstr(restored, preload_variable) && strstr(restored, "REQSCOPE_LOG="));
    MUST(strstr(restored, "REQSCOPE_FOLLOW_EXEC=1\n") && strstr(restored, "REQSCOPE_MODE=log\n"));
    const char *kept = said(execute, with_preload);
    MUST(occurrences(kept, "LD_PRELOAD=") == 1 && occurrences(kept, getenv("LD_PRELOAD")) == 1);
    MUST(strstr(kept, "REQSCOPE_FOLLOW_EXEC=1\n"));
    const char *added = said(execute, with_another);
    MUST(occurrences(added, "LD_PRELOAD=") == 1 && strstr(added, two_libraries));
    MUST(occurrences(added, "REQSCOPE_MODE=") == 1 && strstr(added, "REQSCOPE_MODE=abort\n"));
}

/* What cannot be executed: the call comes back, and nothing has changed. */
static void comes_back(executes *execute) {
    char kept[sizeof program], *arguments[] = {program, "--open", "0", NULL};
    char **environment = environ;
    strcpy(kept, program);
    strcpy(program, "/none/no-such-program");
    execute(arguments, clean);
    environ = environment;
    strcpy(program, kept);
}

#define EXECUTES(name)                                  \
    static long name##_keeps(struct subject *subject) { \
        file(subject);                                  \
        environment_is_the_programs(call_##name);       \
        tags_are_kept(subject);                         \
        return 0;                                       \
    }
#define FOLLOWS(name)                                     \
    static long name##_follows(struct subject *subject) { \
        file(subject);                                    \
        guard_goes_along(call_##name);                    \
        comes_back(call_##name);                          \
        tags_are_kept(subject);                           \
        return 0;                                         \
    }
#define EXECUTES_AND_FOLLOWS(name) EXECUTES(name) FOLLOWS(name)
EXECUTES_AND_FOLLOWS(execve)
EXECUTES_AND_FOLLOWS(execv)
EXECUTES_AND_FOLLOWS(execvp)
EXECUTES_AND_FOLLOWS(execvpe)
EXECUTES_AND_FOLLOWS(execl)
EXECUTES_AND_FOLLOWS(execlp)
EXECUTES_AND_FOLLOWS(execle)
EXECUTES_AND_FOLLOWS(fexecve)
EXECUTES_AND_FOLLOWS(execveat)
EXECUTES_AND_FOLLOWS(posix_spawn)
EXECUTES_AND_FOLLOWS(posix_spawnp)
EXECUTES(system)
EXECUTES(popen)

/* On the guard's own: no program, and no folder. */
static long execute_own(struct subject *subject) {
    char *arguments[] = {program, "--open", "0", NULL};
    return CALLED(int, int, char **, char **)(subject->fd, arguments, environ);
}

static long execute_in_own(struct subject *subject) {
    char *arguments[] = {program, "--open", "0", NULL};
    return CALLED(int, int, const char *, char **, char **, int)(subject->fd, "true", arguments, environ, 0);
}

/* ---- a spawned child's descriptors ---------------------------------------------------------------------------------
 */

#define TARGET 50

/* Its exit code: is the number open in a child that is spawned so? */
static long spawned(posix_spawn_file_actions_t *actions, int number) {
    char text[16];
    char *arguments[] = {program, "--open", text, NULL};
    int status;
    pid_t pid;
    snprintf(text, sizeof text, "%d", number);
    int error = posix_spawn(&pid, program, actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(actions);
    if (error) return failed_with(error);
    MUST(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* What happens to a number in the child happens to none of the parent's. */
static long spawned_and_kept(struct subject *subject, posix_spawn_file_actions_t *actions, int number) {
    long result = spawned(actions, number);
    MUST(!is_open(TARGET) && reqscope_owner(TARGET) == 0);
    if (result >= 0) tags_are_kept(subject);
    return result;
}

static long spawn_closing(struct subject *subject) {
    posix_spawn_file_actions_t actions;
    file(subject);
    posix_spawn_file_actions_init(&actions);
    MUST(!CALLED(int, posix_spawn_file_actions_t *, int)(&actions, subject->fd));
    return spawned_and_kept(subject, &actions, subject->fd);
}

static long spawn_opening(struct subject *subject) {
    posix_spawn_file_actions_t actions;
    file(subject);
    posix_spawn_file_actions_init(&actions);
    MUST(!CALLED(int, posix_spawn_file_actions_t *, int, const char *, int, mode_t)(&actions, TARGET, "/dev/null",
                                                                                    O_RDONLY, 0));
    return spawned_and_kept(subject, &actions, TARGET);
}

static long spawn_with(struct subject *subject) {
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    int error = CALLED(int, posix_spawn_file_actions_t *, int, int)(&actions, subject->fd, TARGET);
    return error ? failed_with(error) : spawned(&actions, TARGET);
}

static long spawn_duplicating(struct subject *subject) {
    file(subject);
    long result = spawn_with(subject);
    MUST(!is_open(TARGET) && reqscope_owner(TARGET) == 0);
    tags_are_kept(subject);
    return result;
}

/* ---- forks ---------------------------------------------------------------------------------------------------------
 */

/* In the child: the tags are there, and what happens to them is the child's alone. */
static int in_child(void *argument) {
    const struct subject *subject = argument;
    MUST(reqscope_owner(subject->fd) == a);
    MUST(write(subject->fd, "x", 1) == 1);
    MUST(!close(subject->fd));
    reqscope_switch(b);
    MUST(open("/dev/null", O_RDWR) == subject->fd && reqscope_owner(subject->fd) == b);
    return 7;
}

static long ended(struct subject *subject, pid_t pid) {
    int status;
    MUST(pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status));
    tags_are_kept(subject);
    return WEXITSTATUS(status);
}

static long call_fork(struct subject *subject) {
    file(subject);
    pid_t pid = CALLED(pid_t, void)();
    if (!pid) _exit(in_child(subject));
    return ended(subject, pid);
}

/* The child has the parent's memory, but descriptors of its own. */
__attribute__((noinline)) static pid_t vfork_and_close(const int *fd) {
    pid_t pid = CALLED(pid_t, void)();
    if (pid) return pid;
    close(*fd);
    _exit(7);
}

static long call_vfork(struct subject *subject) {
    file(subject);
    return ended(subject, vfork_and_close(&subject->fd));
}

/* As most programs use it. */
__attribute__((noinline)) static pid_t vfork_and_execute(char **arguments) {
    pid_t pid = CALLED(pid_t, void)();
    if (pid) return pid;
    execve(program, arguments, clean);
    _exit(99);
}

static long vfork_to_execute(struct subject *subject) {
    char *arguments[] = {program, "--open", "0", NULL};
    prepare_environments();
    file(subject);
    return ended(subject, vfork_and_execute(arguments));
}

static _Alignas(16) char stack[1 << 18];

static long call_clone(struct subject *subject) {
    file(subject);
    return ended(subject, CALLED(int, int (*)(void *), void *, int, void *, ...)(in_child, stack + sizeof stack,
                                                                                 SIGCHLD, subject));
}

static int return_7(void *argument) {
    (void)argument;
    return 7;
}

static long clone_with_pidfd(struct subject *subject) {
    int status;
    pid_t pid = CALLED(int, int (*)(void *), void *, int, void *, ...)(return_7, stack + sizeof stack,
                                                                       CLONE_PIDFD | SIGCHLD, NULL, &subject->fd);
    MUST(pid > 0 && waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 7);
    return 0;
}

static long call_forkpty(struct subject *subject) {
    char byte = 0;
    int status;
    pid_t pid =
        CALLED(pid_t, int *, char *, const struct termios *, const struct winsize *)(&subject->fd, NULL, NULL, NULL);
    if (!pid) _exit(write(1, "x", 1) == 1 && isatty(0) ? 0 : 1);
    MUST(pid > 0 && kernel(SYS_read, subject->fd, &byte, 1) == 1 && byte == 'x');
    MUST(waitpid(pid, &status, 0) == pid && !status);
    return 0;
}

/* What went well in the daemon comes through a pipe. */
static long call_daemon(struct subject *subject) {
    int ends[2] = {-1, -1}, status;
    char byte = 0;
    file(subject);
    MUST(!pipe(ends));
    pid_t pid = fork();
    if (!pid) {
        MUST(!CALLED(int, int, int)(1, 0));
        MUST(reqscope_owner(subject->fd) == a && write(subject->fd, "x", 1) == 1);
        reqscope_switch(b);
        MUST(write(1, "x", 1) == 1 && reqscope_owner(1) == 0);
        reqscope_switch(a);
        MUST(write(ends[1], "d", 1) == 1);
        _exit(0);
    }
    MUST(waitpid(pid, &status, 0) == pid && !status && !close(ends[1]));
    MUST(read(ends[0], &byte, 1) == 1 && byte == 'd');
    tags_are_kept(subject);
    return 0;
}

/* What waits in streams is written, whosever they are. */
static long call_exit(struct subject *subject) {
    char text[8] = "";
    int status;
    file(subject);
    pid_t pid = fork();
    if (!pid) {
        FILE *stream = fdopen(subject->fd, "r+");
        MUST(stream && fputs("evil", stream) >= 0);
        reqscope_switch(b);
        CALLED(void, int)(3);
    }
    MUST(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
    MUST(kernel(SYS_pread64, subject->fd, text, 4, 0) == 4 && !strcmp(text, "evil"));
    tags_are_kept(subject);
    return WEXITSTATUS(status);
}

#define FOLLOW .environment = "REQSCOPE_FOLLOW_EXEC=1"
#define EXEC(name) WORKS(name, NULL, name##_keeps, 0), SHOWS(name, "following", name##_follows, 0, FOLLOW)

static const struct surface rows[] = {
    EXEC(execve),
    EXEC(execv),
    EXEC(execvp),
    EXEC(execvpe),
    EXEC(execl),
    EXEC(execlp),
    EXEC(execle),
    EXEC(fexecve),
    EXEC(execveat),
    EXEC(posix_spawn),
    EXEC(posix_spawnp),
    WORKS(system, NULL, system_keeps, 0),
    WORKS(popen, "and its environment", popen_keeps, 0),
    OWN(fexecve, NULL, no_subject, execute_own, 0),
    OWN(execveat, NULL, no_subject, execute_in_own, 0),
    WORKS(posix_spawn_file_actions_addclose, NULL, spawn_closing, 8),
    WORKS(posix_spawn_file_actions_addclosefrom_np, NULL, spawn_closing, 8),
    WORKS(posix_spawn_file_actions_addopen, NULL, spawn_opening, 7),
    WORKS(posix_spawn_file_actions_adddup2, NULL, spawn_duplicating, 7),
    OWN(posix_spawn_file_actions_adddup2, NULL, no_subject, spawn_with, 7),
    WORKS(fork, NULL, call_fork, 7),
    WORKS(__fork, NULL, call_fork, 7),
    WORKS(_Fork, NULL, call_fork, 7),
    SHOWS(vfork, NULL, call_vfork, 7),
    SHOWS(__vfork, NULL, call_vfork, 7),
    WORKS(vfork, "to execute", vfork_to_execute, 7, FOLLOW),
    WORKS(__vfork, "to execute", vfork_to_execute, 7, FOLLOW),
    WORKS(clone, NULL, call_clone, 7),
    MAKES(clone, "CLONE_PIDFD", no_subject, clone_with_pidfd, 0),
    MAKES(forkpty, NULL, no_subject, call_forkpty, 0),
    WORKS(daemon, NULL, call_daemon, 0),
    WORKS(exit, NULL, call_exit, 3),
    WORKS(exit, "denied", call_exit, 3, .environment = "REQSCOPE_MODE=deny"),
};

int main(int argc, char **argv) {
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    if (length < 0) return 2;
    if (argc == 3 && !strcmp(argv[1], "--environment")) return say_environment(argv[2]);
    if (argc == 3 && !strcmp(argv[1], "--open")) return say_open(atoi(argv[2]));
    return surface_main(argc, argv, rows, sizeof rows / sizeof *rows);
}
