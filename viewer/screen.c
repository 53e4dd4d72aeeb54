/* screen.c: see screen.h. */
#include "viewer/screen.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define ENTER "\033[?1049h\033[?25l" /* the alternate screen; no cursor */
#define LEAVE "\033[?25h\033[?1049l"

static volatile sig_atomic_t told_to_end, told_to_stop, size_changed;
static sigset_t waiting; /* the signals that may come while it waits */
static struct termios before;
static bool is_open, keys; /* keys: the terminal's are read */

static void note_signal(int number) {
    if (number == SIGWINCH)
        size_changed = 1;
    else if (number == SIGTSTP)
        told_to_stop = 1;
    else
        told_to_end = 1;
}

void screen_start(void) {
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = note_signal}, present;
    sigset_t held;
    sigemptyset(&held);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        /* What was to be ignored stays so (nohup). */
        if (!sigaction(numbers[i], NULL, &present) && present.sa_handler == SIG_IGN) continue;
        sigaction(numbers[i], &action, NULL);
        sigaddset(&held, numbers[i]);
    }
    signal(SIGPIPE, SIG_IGN); /* a closed pipe is an error of write then */
    sigprocmask(SIG_BLOCK, &held, &waiting);
}

bool screen_is_terminal(void) {
    return isatty(STDOUT_FILENO);
}

static void enter(void) {
    struct termios raw;
    keys = isatty(STDIN_FILENO) && !tcgetattr(STDIN_FILENO, &before);
    if (keys) {
        raw = before;
        raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
        raw.c_cc[VMIN] = 0;
        raw.c_cc[VTIME] = 0;
        tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
    }
    fputs(ENTER, stdout);
    fflush(stdout);
}

static void leave(void) {
    fputs(LEAVE, stdout);
    fflush(stdout);
    if (keys) tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
}

void screen_open(void) {
    struct sigaction action = {.sa_handler = note_signal};
    sigset_t held;
    sigemptyset(&held);
    sigaddset(&held, SIGWINCH);
    sigaddset(&held, SIGTSTP);
    sigaction(SIGWINCH, &action, NULL);
    sigaction(SIGTSTP, &action, NULL);
    sigprocmask(SIG_BLOCK, &held, NULL);
    is_open = true;
    enter();
}

void screen_size(size_t *columns, size_t *rows) {
    struct winsize size = {0};
    bool known = !ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
    *columns = known && size.ws_col ? size.ws_col : 80;
    *rows = known && size.ws_row ? size.ws_row : 24;
}

/* ^Z: the shell gets its terminal as it was, and we get ours when it lets us go on. */
static void stop(void) {
    leave();
    raise(SIGSTOP);
    enter();
}

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

/* Reads what was typed; true: to end. A terminal that has gone away is not asked again. */
static bool read_keys(void) {
    char typed[64];
    ssize_t count = read(STDIN_FILENO, typed, sizeof typed);
    if (count <= 0) keys = count < 0 && errno == EINTR;
    for (ssize_t i = 0; i < count; i++)
        if (typed[i] == 'q' || typed[i] == 'Q') return true;
    return false;
}

enum screen_news screen_wait(uint64_t until, int fd) {
    for (;;) {
        struct pollfd polled[2] = {{.fd = fd, .events = POLLIN}, {.fd = keys ? STDIN_FILENO : -1, .events = POLLIN}};
        uint64_t present = now(), left = until > present ? until - present : 0;
        struct timespec timeout = {(time_t)(left / 1000000000), (long)(left % 1000000000)};
        int ready = ppoll(polled, 2, &timeout, &waiting);
        if (told_to_end) return SCREEN_END;
        if (told_to_stop) {
            told_to_stop = 0;
            stop();
            return SCREEN_CHANGED;
        }
        if (size_changed) {
            size_changed = 0;
            return SCREEN_CHANGED;
        }
        if (!ready) return SCREEN_TIME;
        if (ready < 0) continue;
        if (polled[1].revents && read_keys()) return SCREEN_END;
        if (polled[0].revents) return SCREEN_READY;
    }
}

bool screen_is_ended(void) {
    sigset_t pending;
    sigpending(&pending);
    if (sigismember(&pending, SIGINT) || sigismember(&pending, SIGTERM) || sigismember(&pending, SIGHUP))
        told_to_end = 1;
    return told_to_end;
}

void screen_close(void) {
    if (!is_open) return;
    is_open = false;
    leave();
}
