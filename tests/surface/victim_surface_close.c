/* victim_surface_close.c: what gives a description one more number, and what closes numbers. */
#include "surface.h"

#include <linux/close_range.h>
#include <mntent.h>
#include <utmp.h>

#define HIGH 300

/* ---- one more number ----------------------------------------------------------------------------------------------
 */

static long call_dup(struct subject *subject) {
    return subject->other = CALLED(int, int)(subject->fd), subject->other < 0 ? -1 : 0;
}

static long call_dup2(struct subject *subject) {
    return subject->other = CALLED(int, int, int)(subject->fd, HIGH), subject->other < 0 ? -1 : 0;
}

static long call_dup3(struct subject *subject) {
    subject->other = CALLED(int, int, int, int)(subject->fd, HIGH, O_CLOEXEC);
    MUST(subject->other < 0 || kernel(SYS_fcntl, subject->other, F_GETFD) == FD_CLOEXEC);
    return subject->other < 0 ? -1 : 0;
}

static long duplicated(struct subject *subject) {
    return subject->other = CALLED(int, int, int, ...)(subject->fd, F_DUPFD, HIGH), subject->other < 0 ? -1 : 0;
}

static long duplicated_cloexec(struct subject *subject) {
    subject->other = CALLED(int, int, int, ...)(subject->fd, F_DUPFD_CLOEXEC, HIGH);
    MUST(subject->other < 0 || kernel(SYS_fcntl, subject->other, F_GETFD) == FD_CLOEXEC);
    return subject->other < 0 ? -1 : 0;
}

/* ---- one number less ----------------------------------------------------------------------------------------------
 */

static long closed(struct subject *subject) {
    int result = CALLED(int, int)(subject->fd), error = errno;
    MUST(result < 0 || !is_open(subject->fd));
    errno = error;
    return result;
}

static long call_close_range(struct subject *subject) {
    return CALLED(int, unsigned, unsigned, int)((unsigned)subject->fd, (unsigned)subject->fd, 0);
}

/* A range without the guard's descriptor leaves it, and says nothing of it. */
static long over_the_guards(struct subject *subject) {
    unsigned fd = (unsigned)subject->fd;
    MUST(!CALLED(int, unsigned, unsigned, int)(fd, fd, 0) && is_open(subject->fd));
    MUST(!CALLED(int, unsigned, unsigned, int)(fd, ~0U, 0) && is_open(subject->fd));
    MUST(!CALLED(int, unsigned, unsigned, int)(fd, fd, CLOSE_RANGE_CLOEXEC) && is_open(subject->fd));
    return failed_with(EBADF);
}

static long from_the_guards(struct subject *subject) {
    CALLED(void, int)(subject->fd);
    MUST(is_open(subject->fd));
    return failed_with(EBADF);
}

/* It cannot say that it failed: what it was not allowed to close is open. */
static long call_closefrom(struct subject *subject) {
    CALLED(void, int)(subject->fd);
    return is_open(subject->fd) ? failed_with(EPERM) : 0;
}

static void nobodys(struct subject *subject) {
    file(subject);
    subject->other = (int)kernel(SYS_memfd_create, "nobody's", 0);
}

/* The target is the subject: its number gets another description, which is nobody's. */
static long onto_dup2(struct subject *subject) {
    int result = CALLED(int, int, int)(subject->other, subject->fd);
    return result < 0 ? -1 : result - subject->fd;
}

static long onto_dup3(struct subject *subject) {
    int result = CALLED(int, int, int, int)(subject->other, subject->fd, 0);
    return result < 0 ? -1 : result - subject->fd;
}

static void a_stream(struct subject *subject) {
    file(subject);
    subject->stream = fdopen(subject->fd, "r+");
    MUST(subject->stream);
}

static long call_fclose(struct subject *subject) {
    return CALLED(int, FILE *)(subject->stream) ? -1 : 0;
}

/* What was written is in the file: fclose wrote it. */
static long fclose_with_output(struct subject *subject) {
    char text[8] = "";
    int copy = (int)kernel(SYS_dup, subject->fd);
    if (reqscope_current() == a) MUST(fputs("evil", subject->stream) >= 0);
    int result = CALLED(int, FILE *)(subject->stream), error = errno;
    if (!result && reqscope_current() == a) MUST(kernel(SYS_pread64, copy, text, 4, 0) == 4 && !strcmp(text, "evil"));
    kernel(SYS_close, copy);
    errno = error;
    return result ? -1 : 0;
}

static void a_table(struct subject *subject) {
    FILE *table = fopen(surface_path("table"), "w");
    MUST(table && fputs("none / ext4 rw 0 0\n", table) >= 0 && !fclose(table));
    subject->stream = setmntent(surface_path("table"), "r");
    subject->fd = surface_give(fileno(subject->stream));
}

/* It says 1 whatever happens. */
static long call_endmntent(struct subject *subject) {
    int fd = subject->fd;
    MUST(CALLED(int, FILE *)(subject->stream) == 1);
    int error = errno;
    return is_open(fd) ? failed_with(error) : 0;
}

static void a_command(struct subject *subject) {
    subject->stream = popen("exit 7", "r");
    MUST(subject->stream);
    subject->fd = surface_give(fileno(subject->stream));
    struct pollfd ended = {.fd = subject->fd};
    MUST(kernel(SYS_ppoll, &ended, 1, NULL, NULL, 0) == 1 && ended.revents == POLLHUP);
}

static long call_pclose(struct subject *subject) {
    int status = CALLED(int, FILE *)(subject->stream);
    return status < 0 ? -1 : WEXITSTATUS(status);
}

static void an_open_folder(struct subject *subject) {
    folder(subject);
    subject->folder = fdopendir(subject->fd);
    MUST(subject->folder);
}

static long call_closedir(struct subject *subject) {
    return CALLED(int, DIR *)(subject->folder);
}

static void a_queue(struct subject *subject) {
    struct mq_attr attributes = {.mq_maxmsg = 4, .mq_msgsize = 64};
    char name[64];
    snprintf(name, sizeof name, "reqscope-surface-%d", getpid());
    subject->fd = surface_give(kernel(SYS_mq_open, name, O_RDWR | O_CREAT | O_NONBLOCK, 0600, &attributes));
    kernel(SYS_mq_unlink, name);
}

/* freopen opens a new description on the number: the owner is who calls it. */
static long reopened(struct subject *subject) {
    FILE *stream = CALLED(FILE *, const char *, const char *, FILE *)("/dev/null", "r+", subject->stream);
    int error = errno;
    if (!stream) return failed_with(error);
    MUST(stream == subject->stream && fileno(stream) == subject->fd);
    MUST(reqscope_owner(subject->fd) == reqscope_current());
    return 0;
}

/* The same file in another mode. */
static long reopened_itself(struct subject *subject) {
    FILE *stream = CALLED(FILE *, const char *, const char *, FILE *)(NULL, "r", subject->stream);
    int error = errno;
    if (!stream) return failed_with(error);
    MUST(stream == subject->stream && fileno(stream) == subject->fd && fgetc(stream) == '0');
    MUST(reqscope_owner(subject->fd) == reqscope_current() && !close(subject->fd));
    return 0;
}

/* When there is nothing to open the stream is closed nonetheless. */
static long not_reopened(struct subject *subject) {
    FILE *stream = CALLED(FILE *, const char *, const char *, FILE *)("/none/none", "r", subject->stream);
    MUST(!stream);
    return errno == ENOENT && !is_open(subject->fd) ? 0 : -1;
}

/* And closed again by its new owner, so that the number is nobody's as after every close. */
static long reopened_and_closed(struct subject *subject) {
    long result = reopened(subject);
    if (!result) MUST(!close(subject->fd));
    return result;
}

static void a_terminal(struct subject *subject) {
    int master = (int)kernel(SYS_openat, AT_FDCWD, "/dev/ptmx", O_RDWR | O_NOCTTY), locked = 0, number = -1;
    char path[32];
    MUST(master >= 0 && !kernel(SYS_ioctl, master, TIOCSPTLCK, &locked) &&
         !kernel(SYS_ioctl, master, TIOCGPTN, &number));
    snprintf(path, sizeof path, "/dev/pts/%d", number);
    subject->fd = surface_give(kernel(SYS_openat, AT_FDCWD, path, O_RDWR | O_NOCTTY));
}

/* In the child, as it is meant: the three streams are the terminal, and the number is closed. */
static long call_login_tty(struct subject *subject) {
    int status = 0;
    a_terminal(subject);
    pid_t pid = fork();
    if (!pid) {
        MUST(!CALLED(int, int)(subject->fd));
        MUST(!is_open(subject->fd) && reqscope_owner(subject->fd) == 0);
        for (int fd = 0; fd < 3; fd++) MUST(isatty(fd) && reqscope_owner(fd) == a);
        put_unseen(subject->fd);
        reqscope_switch(b);
        MUST(write(subject->fd, "x", 1) == 1);
        _exit(0);
    }
    MUST(waitpid(pid, &status, 0) == pid && !status);
    MUST(reqscope_owner(subject->fd) == a && is_open(subject->fd)); /* the parent's is as it was */
    return 0;
}

static long login_tty_of_another(struct subject *subject) {
    return CALLED(int, int)(subject->fd);
}

static const struct surface rows[] = {
    TWINS(dup, NULL, file, call_dup, 0),
    TWINS(dup2, NULL, file, call_dup2, 0),
    TWINS(__dup2, NULL, file, call_dup2, 0),
    TWINS(dup3, NULL, file, call_dup3, 0),
    TWINS(fcntl, "F_DUPFD", file, duplicated, 0),
    TWINS(fcntl64, "F_DUPFD", file, duplicated, 0),
    TWINS(__fcntl, "F_DUPFD", file, duplicated, 0),
    TWINS(fcntl, "F_DUPFD_CLOEXEC", file, duplicated_cloexec, 0),
    TWINS(fcntl64, "F_DUPFD_CLOEXEC", file, duplicated_cloexec, 0),
    TWINS(__fcntl, "F_DUPFD_CLOEXEC", file, duplicated_cloexec, 0),
    CLOSES(close, NULL, file, closed, 0),
    CLOSES(__close, NULL, file, closed, 0),
    CLOSES_STREAM(close_range, NULL, file, call_close_range, 0),
    OWN(close_range, "over the guard's", no_subject, over_the_guards, 0),
    CLOSES_STREAM(closefrom, NULL, file, call_closefrom, 0),
    OWN(closefrom, "over the guard's", no_subject, from_the_guards, 0),
    CLOSES_STREAM(dup2, "onto it", nobodys, onto_dup2, 0),
    CLOSES_STREAM(__dup2, "onto it", nobodys, onto_dup2, 0),
    CLOSES_STREAM(dup3, "onto it", nobodys, onto_dup3, 0),
    CLOSES_STREAM(fclose, NULL, a_stream, call_fclose, 0),
    CLOSES_STREAM(fclose, "with output", a_stream, fclose_with_output, 0),
    CLOSES_STREAM(endmntent, NULL, a_table, call_endmntent, 0),
    CLOSES_STREAM(__endmntent, NULL, a_table, call_endmntent, 0),
    CLOSES_STREAM(pclose, NULL, a_command, call_pclose, 7),
    CLOSES_STREAM(fclose, "of a command", a_command, call_pclose, 7),
    CLOSES_STREAM(closedir, NULL, an_open_folder, call_closedir, 0),
    CLOSES(mq_close, NULL, a_queue, closed, 0),
    CLOSES_STREAM(freopen, NULL, a_stream, reopened_and_closed, 0),
    CLOSES_STREAM(freopen64, NULL, a_stream, reopened_and_closed, 0),
    CLOSES_STREAM(freopen, "of itself", a_stream, reopened_itself, 0),
    CLOSES_STREAM(freopen64, "of itself", a_stream, reopened_itself, 0),
    CLOSES_STREAM(freopen, "of nothing", a_stream, not_reopened, 0),
    CLOSES_STREAM(freopen64, "of nothing", a_stream, not_reopened, 0),
    SHOWS(login_tty, NULL, call_login_tty, 0),
    OWN(login_tty, NULL, a_terminal, login_tty_of_another, 0),
};
SURFACE_MAIN(rows)
