/* supervise.c: see supervise.h. Signals are blocked and waited for, so there is no handler and no race with the child's
 * end. */
#include "viewer/supervise.h"
#include "viewer/text.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const int forwarded[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH, SIGPIPE, SIGALRM};

static void execute(const char *path, char **arguments, const sigset_t *mask, const struct sigaction *child_action) {
    int error;
    sigaction(SIGCHLD, child_action, NULL);
    sigprocmask(SIG_SETMASK, mask, NULL);
    execvp(path, arguments);
    error = errno;
    text_complain("%s: cannot be executed: %s", path, strerror(error));
    _exit(error == ENOENT ? 127 : 126);
}

static int wait_for(pid_t child, const sigset_t *signals) {
    for (;;) {
        siginfo_t info;
        int status, signal = sigwaitinfo(signals, &info);
        if (signal < 0) continue; /* EINTR: stopped and continued */
        if (signal != SIGCHLD) {
            if (info.si_code != SI_KERNEL) kill(child, signal);
            continue;
        }
        if (waitpid(child, &status, WNOHANG) != child) continue;
        return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    }
}

int supervise(const char *path, char **arguments) {
    struct sigaction action = {.sa_handler = SIG_DFL}, child_action;
    sigset_t signals, mask;
    pid_t child;
    int result;
    sigemptyset(&signals);
    sigaddset(&signals, SIGCHLD);
    for (size_t i = 0; i < sizeof forwarded / sizeof *forwarded; i++) sigaddset(&signals, forwarded[i]);
    sigprocmask(SIG_BLOCK, &signals, &mask);
    sigaction(SIGCHLD, &action, &child_action); /* were it ignored, the child's status would be lost */
    child = fork();
    if (!child) execute(path, arguments, &mask, &child_action);
    if (child < 0) text_complain("%s: cannot be started: %s", path, strerror(errno));
    result = child < 0 ? -1 : wait_for(child, &signals);
    sigaction(SIGCHLD, &child_action, NULL);
    sigprocmask(SIG_SETMASK, &mask, NULL);
    return result;
}
