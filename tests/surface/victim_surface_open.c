/* victim_surface_open.c: what opens files, pipes and the kernel's special descriptors. */
#include "surface.h"

#include <pty.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/pidfd.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

static long made(struct subject *subject, int fd) {
    subject->fd = fd;
    subject->other = -1;
    return fd < 0 ? -1 : 0;
}

/* A new file, with the mode that was asked for. */
static long made_with_mode(struct subject *subject, int fd) {
    struct stat status = {0};
    MUST(fd >= 0 && !kernel(SYS_fstat, fd, &status) && (status.st_mode & 0777) == 0640);
    return made(subject, fd);
}

static long open_new(struct subject *subject) {
    const char *path = surface_path("new");
    unlink(path);
    umask(022);
    return made_with_mode(subject, CALLED(int, const char *, int, ...)(path, O_RDWR | O_CREAT | O_EXCL, 0640));
}

static long open_old(struct subject *subject) {
    return made(subject, CALLED(int, const char *, int, ...)("/dev/null", O_RDWR));
}

static long open_checked(struct subject *subject) {
    return made(subject, CALLED(int, const char *, int)("/dev/null", O_RDWR));
}

static long openat_new(struct subject *subject) {
    kernel(SYS_unlinkat, subject->fd, "new", 0);
    umask(022);
    return made_with_mode(subject,
                          CALLED(int, int, const char *, int, ...)(subject->fd, "new", O_RDWR | O_CREAT, 0640));
}

static long openat_old(struct subject *subject) {
    return made(subject, CALLED(int, int, const char *, int, ...)(subject->fd, "a", O_RDWR));
}

static long openat_checked(struct subject *subject) {
    return made(subject, CALLED(int, int, const char *, int)(subject->fd, "a", O_RDWR));
}

static long creat_new(struct subject *subject) {
    unlink(surface_path("new"));
    umask(022);
    return made_with_mode(subject, CALLED(int, const char *, mode_t)(surface_path("new"), 0640));
}

static long two(struct subject *subject, int result, const int *ends) {
    subject->fd = ends[0];
    subject->other = ends[1];
    return result;
}

static long call_pipe(struct subject *subject) {
    int ends[2] = {-1, -1};
    return two(subject, CALLED(int, int *)(ends), ends);
}

static long call_pipe2(struct subject *subject) {
    int ends[2] = {-1, -1};
    int result = CALLED(int, int *, int)(ends, O_NONBLOCK);
    MUST(kernel(SYS_fcntl, ends[0], F_GETFL) & O_NONBLOCK);
    return two(subject, result, ends);
}

static long call_socketpair(struct subject *subject) {
    int ends[2] = {-1, -1};
    return two(subject, CALLED(int, int, int, int, int *)(AF_UNIX, SOCK_STREAM, 0, ends), ends);
}

static long call_openpty(struct subject *subject) {
    int ends[2] = {-1, -1};
    int result = CALLED(int, int *, int *, char *, const struct termios *, const struct winsize *)(&ends[0], &ends[1],
                                                                                                   NULL, NULL, NULL);
    return two(subject, result, ends);
}

static long call_posix_openpt(struct subject *subject) {
    return made(subject, CALLED(int, int)(O_RDWR | O_NOCTTY));
}

static long call_socket(struct subject *subject) {
    return made(subject, CALLED(int, int, int, int)(AF_INET, SOCK_STREAM, 0));
}

static long with_size(struct subject *subject) {
    return made(subject, CALLED(int, int)(1));
}

static long with_flags(struct subject *subject) {
    int fd = CALLED(int, int)(O_CLOEXEC);
    MUST(kernel(SYS_fcntl, fd, F_GETFD) == FD_CLOEXEC);
    return made(subject, fd);
}

static long without_arguments(struct subject *subject) {
    return made(subject, CALLED(int, void)());
}

static long call_eventfd(struct subject *subject) {
    return made(subject, CALLED(int, unsigned, int)(3, EFD_NONBLOCK));
}

static long call_timerfd_create(struct subject *subject) {
    return made(subject, CALLED(int, int, int)(CLOCK_MONOTONIC, TFD_NONBLOCK));
}

static long call_memfd_create(struct subject *subject) {
    return made(subject, CALLED(int, const char *, unsigned)("memory", MFD_CLOEXEC));
}

static long with_signals(struct subject *subject, int fd) {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGUSR1);
    return made(subject, CALLED(int, int, const sigset_t *, int)(fd, &signals, SFD_NONBLOCK));
}

static long new_signalfd(struct subject *subject) {
    return with_signals(subject, -1);
}

static long old_signalfd(struct subject *subject) {
    int fd = subject->fd;
    long result = with_signals(subject, fd);
    MUST(result || subject->fd == fd);
    subject->fd = fd;
    return result;
}

static void a_signalfd(struct subject *subject) {
    uint64_t signals = 0;
    subject->fd = surface_give(kernel(SYS_signalfd4, -1, &signals, sizeof signals, 0));
}

/* The symbol writes its letters where there are six X. */
static const char *pattern(const char *end) {
    static char path[256];
    snprintf(path, sizeof path, "%sXXXXXX%s", surface_path("temporary"), end);
    return path;
}

static long made_temporary(struct subject *subject, int fd, const char *path) {
    struct stat status = {0};
    MUST(fd >= 0 && !strstr(path, "XXXXXX") && !stat(path, &status) && (status.st_mode & 0777) == 0600);
    return made(subject, fd);
}

static long call_mkstemp(struct subject *subject) {
    char *path = (char *)pattern("");
    return made_temporary(subject, CALLED(int, char *)(path), path);
}

static long call_mkostemp(struct subject *subject) {
    char *path = (char *)pattern("");
    return made_temporary(subject, CALLED(int, char *, int)(path, O_APPEND), path);
}

static long call_mkstemps(struct subject *subject) {
    char *path = (char *)pattern(".end");
    return made_temporary(subject, CALLED(int, char *, int)(path, 4), path);
}

static long call_mkostemps(struct subject *subject) {
    char *path = (char *)pattern(".end");
    return made_temporary(subject, CALLED(int, char *, int, int)(path, 4, O_APPEND), path);
}

static long call_shm_open(struct subject *subject) {
    char name[64];
    snprintf(name, sizeof name, "/reqscope-surface-%d", getpid());
    int fd = CALLED(int, const char *, int, mode_t)(name, O_RDWR | O_CREAT, 0600);
    shm_unlink(name);
    return made(subject, fd);
}

static long call_pidfd_open(struct subject *subject) {
    return made(subject, CALLED(int, pid_t, unsigned)(getpid(), 0));
}

/* A number of one's own, once more: the way goes over a descriptor of the process. */
static void a_pidfd(struct subject *subject) {
    subject->fd = surface_give(kernel(SYS_pidfd_open, getpid(), 0));
    subject->other = (int)kernel(SYS_dup, 0);
}

static long call_pidfd_getfd(struct subject *subject) {
    return made(subject, CALLED(int, int, int, unsigned)(subject->fd, subject->other, 0));
}

/* The number that is asked for is one of the guard's. */
static long steal(struct subject *subject) {
    long myself = kernel(SYS_pidfd_open, getpid(), 0);
    int fd = CALLED(int, int, int, unsigned)((int)myself, subject->fd, 0), error = errno;
    kernel(SYS_close, myself);
    errno = error;
    return fd;
}

static const struct surface rows[] = {
    MAKES(open, "new", no_subject, open_new, 0),
    MAKES(open64, "new", no_subject, open_new, 0),
    MAKES(__open, "new", no_subject, open_new, 0),
    MAKES(__open64, "new", no_subject, open_new, 0),
    MAKES(open, NULL, no_subject, open_old, 0),
    MAKES(open64, NULL, no_subject, open_old, 0),
    MAKES(__open, NULL, no_subject, open_old, 0),
    MAKES(__open64, NULL, no_subject, open_old, 0),
    MAKES(__open_2, NULL, no_subject, open_checked, 0),
    MAKES(__open64_2, NULL, no_subject, open_checked, 0),
    MAKES(openat, "new", folder, openat_new, 0),
    MAKES(openat64, "new", folder, openat_new, 0),
    MAKES(openat, NULL, folder, openat_old, 0),
    MAKES(openat64, NULL, folder, openat_old, 0),
    MAKES(__openat_2, NULL, folder, openat_checked, 0),
    MAKES(__openat64_2, NULL, folder, openat_checked, 0),
    OWN(openat, "in the guard's", folder, openat_old, 0),
    OWN(openat64, "in the guard's", folder, openat_old, 0),
    OWN(__openat_2, "in the guard's", folder, openat_checked, 0),
    OWN(__openat64_2, "in the guard's", folder, openat_checked, 0),
    MAKES(creat, NULL, no_subject, creat_new, 0),
    MAKES(creat64, NULL, no_subject, creat_new, 0),
    MAKES(pipe, NULL, no_subject, call_pipe, 0),
    MAKES(__pipe, NULL, no_subject, call_pipe, 0),
    MAKES(pipe2, NULL, no_subject, call_pipe2, 0),
    MAKES(socket, NULL, no_subject, call_socket, 0),
    MAKES(socketpair, NULL, no_subject, call_socketpair, 0),
    MAKES(openpty, NULL, no_subject, call_openpty, 0),
    MAKES(posix_openpt, NULL, no_subject, call_posix_openpt, 0),
    MAKES(epoll_create, NULL, no_subject, with_size, 0),
    MAKES(epoll_create1, NULL, no_subject, with_flags, 0),
    MAKES(inotify_init, NULL, no_subject, without_arguments, 0),
    MAKES(inotify_init1, NULL, no_subject, with_flags, 0),
    MAKES(eventfd, NULL, no_subject, call_eventfd, 0),
    MAKES(timerfd_create, NULL, no_subject, call_timerfd_create, 0),
    MAKES(memfd_create, NULL, no_subject, call_memfd_create, 0),
    MAKES(signalfd, "new", no_subject, new_signalfd, 0),
    LOOKS(signalfd, "old", a_signalfd, old_signalfd, 0),
    MAKES(mkstemp, NULL, no_subject, call_mkstemp, 0),
    MAKES(mkstemp64, NULL, no_subject, call_mkstemp, 0),
    MAKES(mkostemp, NULL, no_subject, call_mkostemp, 0),
    MAKES(mkostemp64, NULL, no_subject, call_mkostemp, 0),
    MAKES(mkstemps, NULL, no_subject, call_mkstemps, 0),
    MAKES(mkstemps64, NULL, no_subject, call_mkstemps, 0),
    MAKES(mkostemps, NULL, no_subject, call_mkostemps, 0),
    MAKES(mkostemps64, NULL, no_subject, call_mkostemps, 0),
    MAKES(shm_open, NULL, no_subject, call_shm_open, 0),
    MAKES(pidfd_open, NULL, no_subject, call_pidfd_open, 0),
    MAKES(pidfd_getfd, NULL, a_pidfd, call_pidfd_getfd, 0),
    OWN(pidfd_getfd, "of the guard's", no_subject, steal, 0),
};
SURFACE_MAIN(rows)
