/* log.c: see log.h. The target is a descriptor of the guard's own: a copy of standard error taken at start (the program may
 * put what it likes behind number 2 later), a file opened for appending, or a datagram socket to the system's log. */
#include "preload/log.h"
#include "preload/guard.h"
#include "preload/ownfd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>

#define SYSLOG_PRIORITY "<28>" /* daemon.warning */
#define SYSLOG_MOST 8192

/* What a write to the target may wait for. */
enum waiting { WAITS_NOT, WAITS_AS_PIPE, WAITS_AS_SOCKET };

static int target = -1; /* atomic: ownfd.c moves it, and makes it -1 when it is lost */
static enum rs_log_target target_kind;
static enum waiting waiting;
static uint64_t target_device, target_inode;
static char cut; /* what was written last does not end its line; atomic */
static char path[512];
static bool path_has_pid;
static bool detached; /* rs_log_detached: number 2 serves */
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

/* A pipe is opened anew: on a copy, O_NONBLOCK would be the program's, too. When it cannot be opened (it belongs to another
 * user, there is no /proc) the copy must do. */
static long copy_of_stderr(void) {
    char name[64];
    struct stat status;
    long copy = rs_sys(SYS_fcntl, 2, F_DUPFD_CLOEXEC, 3);
    if (copy < 0 || rs_sys(SYS_fstat, copy, &status) || !S_ISFIFO(status.st_mode)) return copy;
    if ((rs_sys(SYS_fcntl, copy, F_GETFL) & O_ACCMODE) == O_RDONLY) return copy; /* a pipe's other end */
    struct rs_text text = rs_text_in(name, sizeof name);
    rs_text_add(&text, "/proc/self/fd/");
    rs_text_number(&text, (uint64_t)copy);
    long anew = rs_sys(SYS_openat, AT_FDCWD, name, O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY, 0);
    if (anew < 0) return copy;
    rs_sys(SYS_close, copy);
    return anew;
}

static void set_target(long fd) {
    struct stat status;
    if (fd < 0 || rs_sys(SYS_fstat, fd, &status)) return;
    waiting = S_ISFIFO(status.st_mode) ? WAITS_AS_PIPE : S_ISSOCK(status.st_mode) ? WAITS_AS_SOCKET : WAITS_NOT;
    target_device = status.st_dev;
    target_inode = status.st_ino;
    rs_own((int)fd, &target);
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
    set_target(fd);
    if (failed) rs_log_line("REQSCOPE_LOG: cannot be opened, standard error is used instead", config->log_path);
}

void rs_log_forked(void) {
    if (target_kind != RS_LOG_FILE || !path_has_pid) return;
    long fd = open_file();
    if (fd < 0) return;
    if (target >= 0) rs_own_close(target);
    set_target(fd);
}

void rs_log_detached(void) {
    int fd = __atomic_load_n(&target, __ATOMIC_ACQUIRE);
    if (target_kind != RS_LOG_STDERR || waiting == WAITS_NOT || fd < 0) return;
    detached = true;
    rs_own_close(fd);
    __atomic_store_n(&target, -1, __ATOMIC_RELEASE);
}

/* ---- writing ---------------------------------------------------------------------------------------------------------- */

/* Closed unseen, the number may be the program's by now. */
static bool is_target(int fd) {
    struct stat status;
    if (rs_sys(SYS_fstat, fd, &status)) return false;
    return status.st_dev == target_device && status.st_ino == target_inode;
}

/* Up to the end of the last line that fits. */
static size_t cut_after_line(const char *text, size_t most) {
    const char *end = memrchr(text, '\n', most);
    return end ? (size_t)(end - text) + 1 : most;
}

/* How much of the text the pipe takes now: all, nothing, or, if it is larger than the whole pipe, what that holds. (And one
 * byte more: see write_report.)
 *
 * A pipe has room for pages, and what is written takes whole ones, but for an end that still fits in the page before. So two
 * pages that follow each other hold more than one page's bytes, which bounds the pages in use by the bytes that wait. Whoever
 * else writes to the pipe may do it otherwise: only where a wrong guess cannot block it is made. */
static size_t pipe_takes(int fd, const char *text, size_t length) {
    const size_t page = 4096;
    struct pollfd poll = {.fd = fd, .events = POLLOUT};
    struct timespec none = {0, 0};
    int bytes = 0;
    if (rs_sys(SYS_ppoll, &poll, 1, &none, 0, 8) != 1) return 0;
    if (length < PIPE_BUF || !(poll.revents & POLLOUT)) return length; /* a page is free; or an error, to be returned */
    long size = rs_sys(SYS_fcntl, fd, F_GETPIPE_SZ);
    if (size < 0 || rs_sys(SYS_ioctl, fd, FIONREAD, &bytes)) return 0;
    if (!bytes) return length < (size_t)size ? length : cut_after_line(text, (size_t)size - 1);
    if (!(rs_sys(SYS_fcntl, fd, F_GETFL) & O_NONBLOCK)) return 0;
    size_t in_use = 2 * ((size_t)bytes / page) + 2;
    return in_use + (length + page - 1) / page <= (size_t)size / page ? length : 0;
}

/* The same for a socket. The kernel counts its own overhead, too, which is less than as much again. */
static size_t socket_takes(int fd, size_t length) {
    int queued = 0, most = 0;
    socklen_t size = sizeof most;
    if (rs_sys(SYS_ioctl, fd, TIOCOUTQ, &queued) || queued <= 0) return length;
    if (rs_sys(SYS_getsockopt, fd, SOL_SOCKET, SO_SNDBUF, &most, &size)) return length;
    return (size_t)queued + 2 * length <= (size_t)most ? length : 0;
}

static struct iovec part(const char *text, size_t length) {
    return (struct iovec){(void *)(uintptr_t)text, length};
}

static long send_or_write(int fd, struct iovec *parts, int count) {
    if (waiting == WAITS_AS_SOCKET) {
        struct msghdr message = {.msg_iov = parts, .msg_iovlen = (size_t)count};
        return rs_sys(SYS_sendmsg, fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    }
    if (waiting == WAITS_AS_PIPE) {
        /* Another thread may have taken the room since. From 6.5 on the kernel can be told not to wait on a copy, either. */
        long written = rs_sys(SYS_pwritev2, fd, parts, count, -1, -1, RWF_NOWAIT);
        if (written >= 0 || written == -EAGAIN || written == -EPIPE) return written;
    }
    return rs_sys(SYS_writev, fd, parts, count);
}

/* With the signals that a write may raise held back: one that this write raised is taken away again. */
static long write_without_signals(int fd, struct iovec *parts, int count) {
    uint64_t both = 1ull << (SIGPIPE - 1) | 1ull << (SIGXFSZ - 1), mask = 0, before = 0, after = 0;
    struct timespec none = {0, 0};
    rs_sys(SYS_rt_sigpending, &before, sizeof before);
    rs_sys(SYS_rt_sigprocmask, SIG_BLOCK, &both, &mask, sizeof mask);
    long written = send_or_write(fd, parts, count);
    rs_sys(SYS_rt_sigpending, &after, sizeof after);
    uint64_t raised = after & both & ~before;
    if (raised) {
        while (rs_sys(SYS_rt_sigtimedwait, &raised, 0, &none, sizeof raised) > 0) {
        }
    }
    rs_sys(SYS_rt_sigprocmask, SIG_SETMASK, &mask, 0, sizeof mask);
    return written;
}

static bool write_syslog(int fd, const char *text, size_t length) {
    static const char head[] = SYSLOG_PRIORITY;
    size_t takes = length < SYSLOG_MOST ? length : SYSLOG_MOST;
    struct iovec parts[] = {part(head, sizeof head - 1), part(text, takes)};
    return send_or_write(fd, parts, 2) > 0 && takes == length;
}

/* True: the text is written whole. A line that was cut before is ended first: each report begins a line. */
static bool write_report(int fd, const char *text, size_t length) {
    size_t takes = length;
    if (waiting == WAITS_AS_PIPE) takes = pipe_takes(fd, text, length);
    if (waiting == WAITS_AS_SOCKET) takes = socket_takes(fd, length);
    if (!takes) return false;
    size_t was_cut = __atomic_exchange_n(&cut, 0, __ATOMIC_RELAXED) ? 1 : 0;
    struct iovec parts[] = {part("\n", was_cut), part(text, takes)};
    long written = write_without_signals(fd, parts, 2);
    bool all = written == (long)(was_cut + takes);
    bool is_cut = written > 0 ? !all || text[takes - 1] != '\n' : was_cut;
    if (is_cut) __atomic_store_n(&cut, 1, __ATOMIC_RELAXED);
    return all && takes == length;
}

void rs_log_write(const char *text, size_t length) {
    int fd = __atomic_load_n(&target, __ATOMIC_ACQUIRE);
    if (fd >= 0 && !is_target(fd)) {
        rs_own_lost(fd);
        fd = -1;
    }
    if (detached && fd < 0 && is_target(2)) fd = 2;
    bool written = false;
    if (fd >= 0) written = (target_kind == RS_LOG_SYSLOG ? write_syslog : write_report)(fd, text, length);
    if (!written) __atomic_fetch_add(&dropped, 1, __ATOMIC_RELAXED);
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
