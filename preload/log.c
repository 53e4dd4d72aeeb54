/* log.c: see log.h. The target is a descriptor of the guard's own: a copy of standard error taken at start (the program may
 * put what it likes behind number 2 later), a file opened for appending, or a datagram socket to the system's log. */
#include "preload/log.h"
#include "preload/guard.h"
#include "preload/ownfd.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define SYSLOG_PRIORITY "<28>" /* daemon.warning */
#define SYSLOG_MOST 8192

static int target = -1;
static enum rs_log_target target_kind;
static char path[512];
static bool path_has_pid;
static uint64_t dropped;

static void expand_path(const char *pattern, char *out, size_t size) {
    struct rs_text text = rs_text_in(out, size);
    for (; *pattern; pattern++) {
        if (pattern[0] == '%' && pattern[1] == 'p') {
            rs_text_number(&text, (uint64_t)rs_sys(SYS_getpid));
            pattern++;
        } else {
            rs_text_character(&text, *pattern);
        }
    }
}

static long open_file(void) {
    char name[sizeof path + 32];
    expand_path(path, name, sizeof name);
    return rs_sys(SYS_openat, AT_FDCWD, name, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);
}

static long open_syslog(void) {
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "/dev/log"};
    long fd = rs_sys(SYS_socket, AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return fd;
    long connected = rs_sys(SYS_connect, fd, &address, sizeof address);
    if (connected < 0) {
        rs_sys(SYS_close, fd);
        return connected;
    }
    return fd;
}

static long copy_of_stderr(void) {
    return rs_sys(SYS_fcntl, 2, F_DUPFD_CLOEXEC, 3);
}

void rs_log_start(const struct rs_config *config) {
    long fd = -1;
    target_kind = config->log;
    if (config->log == RS_LOG_FILE) {
        strncpy(path, config->log_path, sizeof path - 1);
        path_has_pid = strstr(path, "%p");
        fd = open_file();
    }
    if (config->log == RS_LOG_SYSLOG) fd = open_syslog();
    bool failed = config->log != RS_LOG_STDERR && fd < 0;
    if (failed || config->log == RS_LOG_STDERR) {
        target_kind = RS_LOG_STDERR;
        fd = copy_of_stderr();
    }
    if (fd >= 0) rs_own((int)fd, &target);
    if (failed) rs_log_line("REQSCOPE_LOG: cannot be opened, standard error is used instead", config->log_path);
}

void rs_log_forked(void) {
    if (target_kind != RS_LOG_FILE || !path_has_pid) return;
    long fd = open_file();
    if (fd < 0) return;
    if (target >= 0) rs_own_close(target);
    rs_own((int)fd, &target);
}

/* Would a write of so many bytes wait? Only a pipe can make it. */
static bool would_block(size_t length) {
    struct stat status;
    int waiting = 0;
    if (rs_sys(SYS_fstat, target, &status) || !S_ISFIFO(status.st_mode)) return false;
    long room = rs_sys(SYS_fcntl, target, F_GETPIPE_SZ, 0);
    rs_sys(SYS_ioctl, target, FIONREAD, &waiting);
    return room >= 0 && (size_t)waiting + length + 4096 > (size_t)room && waiting > 0;
}

/* The write itself, with SIGPIPE held back and taken away if this write raised it. */
static long write_without_sigpipe(const char *text, size_t length) {
    uint64_t pipe_bit = 1ull << (SIGPIPE - 1), before = 0, pending = 0;
    rs_sys(SYS_rt_sigpending, &pending, sizeof pending);
    rs_sys(SYS_rt_sigprocmask, SIG_BLOCK, &pipe_bit, &before, sizeof before);
    long written = rs_sys(SYS_write, target, text, length);
    if (written == -EPIPE && !(pending & pipe_bit)) {
        struct timespec none = {0, 0};
        rs_sys(SYS_rt_sigtimedwait, &pipe_bit, 0, &none, sizeof pipe_bit);
    }
    rs_sys(SYS_rt_sigprocmask, SIG_SETMASK, &before, 0, sizeof before);
    return written;
}

static long write_syslog(const char *text, size_t length) {
    static const char head[] = SYSLOG_PRIORITY;
    if (length > SYSLOG_MOST) length = SYSLOG_MOST;
    struct iovec parts[] = {{(void *)(uintptr_t)head, sizeof SYSLOG_PRIORITY - 1}, {(void *)(uintptr_t)text, length}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    return rs_sys(SYS_sendmsg, target, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

void rs_log_write(const char *text, size_t length) {
    long written = -EBADF;
    if (target >= 0) {
        if (target_kind == RS_LOG_SYSLOG) {
            written = write_syslog(text, length);
        } else if (!would_block(length)) {
            written = write_without_sigpipe(text, length);
        }
    }
    if (written < 0) __atomic_fetch_add(&dropped, 1, __ATOMIC_RELAXED);
}

void rs_log_line(const char *what, const char *detail) {
    char line[1400];
    struct rs_text text = rs_text_in(line, sizeof line);
    rs_text_add(&text, "reqscope: ");
    rs_text_add(&text, what);
    if (detail) {
        rs_text_add(&text, ": ");
        rs_text_add_safe(&text, detail);
    }
    rs_text_add(&text, "\n");
    if (text.full) line[sizeof line - 2] = '\n';
    rs_log_write(line, text.length);
}

uint64_t rs_log_dropped(void) {
    return __atomic_load_n(&dropped, __ATOMIC_RELAXED);
}
