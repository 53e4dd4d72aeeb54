/* pager.c: see pager.h. */
#include "viewer/pager.h"
#include "viewer/memory.h"
#include "viewer/text.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* Those that end this process while the pager has the terminal. */
static const int endings[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
#define ENDINGS (sizeof endings / sizeof *endings)

/* The signals' handler finds it, too: it is written before they are handled. */
static struct {
    volatile pid_t process; /* 0: none */
    int output, errors;     /* stdout and stderr as they were; errors -1: it is no terminal, and stays as it is */
    int held;               /* what went to stderr meanwhile */
    const char *command;
    struct sigaction before[ENDINGS];
} pager;

static bool is_there(const char *program) {
    const char *path = getenv("PATH");
    char *list = memory_copy(path ? path : "/usr/bin:/bin"), *rest = list, *folder;
    bool found = false;
    while (!found && (folder = strsep(&rest, ":"))) {
        char *candidate = memory_format("%s/%s", *folder ? folder : ".", program);
        found = !access(candidate, X_OK);
        free(candidate);
    }
    free(list);
    return found;
}

/* The pager's command line; NULL: none. A terminal that can nothing is no place for less, unless the user wants it. */
static const char *choose(void) {
    const char *command = getenv("REQSCOPE_PAGER"), *terminal = getenv("TERM");
    if (!command) command = getenv("PAGER");
    if (command) return *command && strcmp(command, "cat") != 0 ? command : NULL;
    return terminal && *terminal && strcmp(terminal, "dumb") != 0 && is_there("less") ? "less" : NULL;
}

/* ---- the end ---- */

/* Only what a signal's handler may call. Returns the pager's status. */
static int give_back(void) {
    int status = 0;
    char bytes[4096];
    ssize_t count;
    dup2(pager.output, STDOUT_FILENO); /* was the last to hold the pipe: the pager reads the end */
    while (waitpid(pager.process, &status, 0) < 0 && errno == EINTR) {
    }
    pager.process = 0;
    close(pager.output);
    if (pager.errors < 0) return status;
    dup2(pager.errors, STDERR_FILENO);
    close(pager.errors);
    lseek(pager.held, 0, SEEK_SET);
    while ((count = read(pager.held, bytes, sizeof bytes)) > 0)
        if (write(STDERR_FILENO, bytes, (size_t)count) < 0) break;
    close(pager.held);
    return status;
}

static void on_ending(int number) {
    if (pager.process) give_back();
    signal(number, SIG_DFL);
    raise(number);
}

static void finish_at_exit(void) {
    if (!pager.process) return;
    fflush(stdout);
    give_back();
}

/* ---- the begin ---- */

/* Starts the command on the pipe's reading end, with the signals that this process ignores as they are by default. */
static bool spawn(int reading) {
    char *arguments[] = {(char *)"sh", (char *)"-c", (char *)pager.command, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t defaults;
    pid_t process;
    int error;
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_adddup2(&actions, reading, STDIN_FILENO);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
    setenv("LESS", "FRX", 0); /* ends at once when all fits, shows colours, leaves it on the screen */
    error = posix_spawn(&process, "/bin/sh", &actions, &attributes, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    if (!error) pager.process = process;
    return !error;
}

static void hold_errors(void) {
    pager.errors = -1;
    if (!isatty(STDERR_FILENO) || (pager.held = memfd_create("stderr", MFD_CLOEXEC)) < 0) return;
    pager.errors = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    dup2(pager.held, STDERR_FILENO);
}

static void take_signals(void) {
    static bool registered;
    struct sigaction action = {.sa_handler = on_ending};
    signal(SIGPIPE, SIG_IGN); /* that the user leaves is an error of write */
    for (size_t i = 0; i < ENDINGS; i++) sigaction(endings[i], &action, &pager.before[i]);
    if (!registered) atexit(finish_at_exit);
    registered = true;
}

void pager_start(const struct options *options) {
    int ends[2];
    if (options->json || options->no_pager || !isatty(STDOUT_FILENO) || !(pager.command = choose())) return;
    if (pipe2(ends, O_CLOEXEC)) return;
    fflush(stdout);
    if (spawn(ends[0])) {
        hold_errors();
        pager.output = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
        dup2(ends[1], STDOUT_FILENO);
        take_signals();
    }
    close(ends[0]);
    close(ends[1]);
}

bool pager_is_on(void) {
    return pager.process;
}

bool pager_finish(void) {
    int status;
    fflush(stdout);
    signal(SIGINT, SIG_IGN); /* all is written: the keys are the pager's */
    signal(SIGQUIT, SIG_IGN);
    status = give_back();
    clearerr(stdout); /* what was not written because the user had left */
    for (size_t i = 0; i < ENDINGS; i++) sigaction(endings[i], &pager.before[i], NULL);
    if (!WIFEXITED(status) || (WEXITSTATUS(status) != 126 && WEXITSTATUS(status) != 127)) return true;
    text_complain("the pager '%s' cannot be run: set REQSCOPE_PAGER or PAGER to one that can, or give --no-pager",
                  pager.command);
    return false;
}
