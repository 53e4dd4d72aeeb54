/* victim_surface_control.c: what asks or sets something of a descriptor, and works in a folder: no I/O, and no finding. */
#include "surface.h"

#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/timerfd.h>
#include <sys/xattr.h>
#include <termios.h>

/* ---- of any descriptor ---------------------------------------------------------------------------------------------
 */

static long call_fstat(struct subject *subject) {
    struct stat status = {.st_size = -1};
    if (CALLED(int, int, struct stat *)(subject->fd, &status)) return -1;
    return status.st_size == sizeof TEXT - 1 ? 0 : -2;
}

static long call_fxstat(struct subject *subject) {
    struct stat status = {.st_size = -1};
    if (CALLED(int, int, int, struct stat *)(1, subject->fd, &status)) return -1;
    return status.st_size == sizeof TEXT - 1 ? 0 : -2;
}

static long call_fstatfs(struct subject *subject) {
    struct statfs status = {0};
    if (CALLED(int, int, struct statfs *)(subject->fd, &status)) return -1;
    return status.f_bsize ? 0 : -2;
}

static long call_fstatvfs(struct subject *subject) {
    struct statvfs status = {0};
    if (CALLED(int, int, struct statvfs *)(subject->fd, &status)) return -1;
    return status.f_bsize ? 0 : -2;
}

static long call_fpathconf(struct subject *subject) {
    return CALLED(long, int, int)(subject->fd, _PC_NAME_MAX);
}

static long with_fd(struct subject *subject) {
    return CALLED(int, int)(subject->fd);
}

static long call_fchmod(struct subject *subject) {
    return CALLED(int, int, mode_t)(subject->fd, 0600);
}

static long call_fchown(struct subject *subject) {
    return CALLED(int, int, uid_t, gid_t)(subject->fd, geteuid(), getegid());
}

static long call_futimens(struct subject *subject) {
    struct timespec times[2] = {{1, 0}, {2, 0}};
    struct stat status = {0};
    if (CALLED(int, int, const struct timespec *)(subject->fd, times)) return -1;
    return !kernel(SYS_fstat, subject->fd, &status) && status.st_mtime == 2 ? 0 : -2;
}

static long call_futimes(struct subject *subject) {
    struct timeval times[2] = {{1, 0}, {2, 0}};
    struct stat status = {0};
    if (CALLED(int, int, const struct timeval *)(subject->fd, times)) return -1;
    return !kernel(SYS_fstat, subject->fd, &status) && status.st_mtime == 2 ? 0 : -2;
}

static long call_flock(struct subject *subject) {
    return CALLED(int, int, int)(subject->fd, LOCK_EX | LOCK_NB);
}

static long call_lockf(struct subject *subject) {
    return CALLED(int, int, int, off_t)(subject->fd, F_TLOCK, 4);
}

static long call_posix_fadvise(struct subject *subject) {
    return failed_with(CALLED(int, int, off_t, off_t, int)(subject->fd, 0, 0, POSIX_FADV_NORMAL));
}

static long call_sync_file_range(struct subject *subject) {
    return CALLED(int, int, off64_t, off64_t, unsigned)(subject->fd, 0, 8, SYNC_FILE_RANGE_WRITE);
}

/* Whether a file system keeps extended attributes is its own affair: then the call says so. */
static long of_attributes(long result) {
    return result >= 0 || errno == ENODATA || errno == ENOTSUP ? 0 : -1;
}

static long call_fgetxattr(struct subject *subject) {
    return of_attributes(
        CALLED(ssize_t, int, const char *, void *, size_t)(subject->fd, "user.none", buffer, sizeof buffer));
}

static long call_flistxattr(struct subject *subject) {
    return of_attributes(CALLED(ssize_t, int, char *, size_t)(subject->fd, buffer, sizeof buffer));
}

static long call_fsetxattr(struct subject *subject) {
    return of_attributes(CALLED(int, int, const char *, const void *, size_t, int)(subject->fd, "user.one", "1", 1, 0));
}

static long call_fremovexattr(struct subject *subject) {
    return of_attributes(CALLED(int, int, const char *)(subject->fd, "user.none"));
}

/* It takes a namespace, which this is not; a sandbox refuses at once. */
static long call_setns(struct subject *subject) {
    int result = CALLED(int, int, int)(subject->fd, 0);
    return result < 0 && (errno == EINVAL || errno == EPERM) ? 0 : -1;
}

static long get_flags(struct subject *subject) {
    int flags = CALLED(int, int, int, ...)(subject->fd, F_GETFL);
    return flags < 0 ? -1 : flags & O_ACCMODE;
}

static long set_flags(struct subject *subject) {
    return CALLED(int, int, int, ...)(subject->fd, F_SETFD, FD_CLOEXEC);
}

static long take_lock(struct subject *subject) {
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 4};
    return CALLED(int, int, int, ...)(subject->fd, F_SETLK, &lock);
}

static long bytes_waiting(struct subject *subject) {
    int count = -1;
    return CALLED(int, int, unsigned long, ...)(subject->fd, FIONREAD, &count) ? -1 : count;
}

static void a_timer(struct subject *subject) {
    subject->fd = surface_give(kernel(SYS_timerfd_create, CLOCK_MONOTONIC, 0));
}

static long call_timerfd_settime(struct subject *subject) {
    struct itimerspec when = {.it_value = {1000, 0}};
    return CALLED(int, int, int, const struct itimerspec *, struct itimerspec *)(subject->fd, 0, &when, NULL);
}

static void a_watcher(struct subject *subject) {
    subject->fd = surface_give(kernel(SYS_inotify_init1, 0));
}

static long call_inotify_add_watch(struct subject *subject) {
    return CALLED(int, int, const char *, uint32_t)(subject->fd, "/", IN_CREATE) > 0 ? 0 : -1;
}

static long call_inotify_rm_watch(struct subject *subject) {
    int watch = (int)kernel(SYS_inotify_add_watch, subject->fd, "/", IN_CREATE);
    return CALLED(int, int, int)(subject->fd, watch);
}

/* ---- terminals -----------------------------------------------------------------------------------------------------
 */

static void terminals(struct subject *subject) {
    int locked = 0, number = -1;
    char path[32];
    subject->fd = (int)kernel(SYS_openat, AT_FDCWD, "/dev/ptmx", O_RDWR | O_NOCTTY);
    MUST(subject->fd >= 0 && !kernel(SYS_ioctl, subject->fd, TIOCSPTLCK, &locked) &&
         !kernel(SYS_ioctl, subject->fd, TIOCGPTN, &number));
    snprintf(path, sizeof path, "/dev/pts/%d", number);
    subject->other = (int)kernel(SYS_openat, AT_FDCWD, path, O_RDWR | O_NOCTTY);
    MUST(subject->other >= 0);
}

static void a_master(struct subject *subject) {
    terminals(subject);
    surface_give(subject->fd);
}

static void a_terminal(struct subject *subject) {
    terminals(subject);
    int master = subject->fd;
    subject->fd = surface_give(subject->other);
    subject->other = master;
}

/* The process's own: a session has one. */
static void the_terminal(struct subject *subject) {
    static struct subject made = NO_SUBJECT;
    if (made.fd < 0) {
        signal(SIGHUP, SIG_IGN);
        MUST(setsid() > 0);
        a_terminal(&made);
        MUST(!kernel(SYS_ioctl, made.fd, TIOCSCTTY, 0));
    }
    *subject = made;
}

/* Its failure is 0. */
static long call_isatty(struct subject *subject) {
    return CALLED(int, int)(subject->fd) == 1 ? 0 : -1;
}

static long call_ttyname(struct subject *subject) {
    const char *name = CALLED(char *, int)(subject->fd);
    return name ? strncmp(name, "/dev/pts/", 9) : -1;
}

static long call_ttyname_r(struct subject *subject) {
    int error = CALLED(int, int, char *, size_t)(subject->fd, buffer, sizeof buffer);
    return error ? failed_with(error) : strncmp(buffer, "/dev/pts/", 9);
}

static long call_ttyname_r_chk(struct subject *subject) {
    int error = CALLED(int, int, char *, size_t, size_t)(subject->fd, buffer, sizeof buffer, sizeof buffer);
    return error ? failed_with(error) : strncmp(buffer, "/dev/pts/", 9);
}

static long call_tcgetattr(struct subject *subject) {
    struct termios terminal;
    return CALLED(int, int, struct termios *)(subject->fd, &terminal);
}

static long call_tcsetattr(struct subject *subject) {
    struct termios terminal = {.c_cflag = CS8 | B9600};
    return CALLED(int, int, int, const struct termios *)(subject->fd, TCSANOW, &terminal);
}

static long call_tcflow(struct subject *subject) {
    return CALLED(int, int, int)(subject->fd, TCOON);
}

static long call_tcflush(struct subject *subject) {
    return CALLED(int, int, int)(subject->fd, TCIOFLUSH);
}

static long call_tcsendbreak(struct subject *subject) {
    return CALLED(int, int, int)(subject->fd, 0);
}

static long call_tcgetpgrp(struct subject *subject) {
    pid_t group = CALLED(pid_t, int)(subject->fd);
    return group < 0 ? -1 : group == getpgrp() ? 0 : -2;
}

static long call_tcsetpgrp(struct subject *subject) {
    return CALLED(int, int, pid_t)(subject->fd, getpgrp());
}

static long open_the_other(struct subject *subject) {
    subject->fd = CALLED(int, int, unsigned long, ...)(subject->fd, TIOCGPTPEER, O_RDWR | O_NOCTTY);
    subject->other = -1;
    return subject->fd < 0 ? -1 : 0;
}

/* ---- in folders ----------------------------------------------------------------------------------------------------
 */

static long call_fstatat(struct subject *subject) {
    struct stat status = {0};
    if (CALLED(int, int, const char *, struct stat *, int)(subject->fd, "a", &status, 0)) return -1;
    return S_ISREG(status.st_mode) ? 0 : -2;
}

static long of_itself(struct subject *subject) {
    struct stat status = {0};
    if (CALLED(int, int, const char *, struct stat *, int)(subject->fd, "", &status, AT_EMPTY_PATH)) return -1;
    return S_ISDIR(status.st_mode) ? 0 : -2;
}

static long call_fxstatat(struct subject *subject) {
    struct stat status = {0};
    if (CALLED(int, int, int, const char *, struct stat *, int)(1, subject->fd, "a", &status, 0)) return -1;
    return S_ISREG(status.st_mode) ? 0 : -2;
}

static long call_statx(struct subject *subject) {
    struct statx status = {0};
    if (CALLED(int, int, const char *, int, unsigned, struct statx *)(subject->fd, "a", 0, STATX_BASIC_STATS, &status))
        return -1;
    return S_ISREG(status.stx_mode) ? 0 : -2;
}

static long call_faccessat(struct subject *subject) {
    return CALLED(int, int, const char *, int, int)(subject->fd, "a", R_OK, 0);
}

static long call_fchmodat(struct subject *subject) {
    return CALLED(int, int, const char *, mode_t, int)(subject->fd, "a", 0600, 0);
}

static long call_fchownat(struct subject *subject) {
    return CALLED(int, int, const char *, uid_t, gid_t, int)(subject->fd, "a", geteuid(), getegid(), 0);
}

static long call_utimensat(struct subject *subject) {
    return CALLED(int, int, const char *, const struct timespec *, int)(subject->fd, "a", NULL, 0);
}

static bool is_there(int folder, const char *name, mode_t type) {
    struct stat status = {0};
    return !kernel(SYS_newfstatat, folder, name, &status, AT_SYMLINK_NOFOLLOW) && (status.st_mode & S_IFMT) == type;
}

static long call_mkdirat(struct subject *subject) {
    kernel(SYS_unlinkat, subject->fd, "new", AT_REMOVEDIR);
    errno = 0;
    if (CALLED(int, int, const char *, mode_t)(subject->fd, "new", 0700)) return -1;
    return is_there(subject->fd, "new", S_IFDIR) ? 0 : -2;
}

static long call_mkfifoat(struct subject *subject) {
    kernel(SYS_unlinkat, subject->fd, "new", 0);
    if (CALLED(int, int, const char *, mode_t)(subject->fd, "new", 0600)) return -1;
    return is_there(subject->fd, "new", S_IFIFO) ? 0 : -2;
}

static long call_mknodat(struct subject *subject) {
    kernel(SYS_unlinkat, subject->fd, "new", 0);
    if (CALLED(int, int, const char *, mode_t, dev_t)(subject->fd, "new", S_IFREG | 0600, 0)) return -1;
    return is_there(subject->fd, "new", S_IFREG) ? 0 : -2;
}

static long call_xmknodat(struct subject *subject) {
    dev_t device = 0;
    kernel(SYS_unlinkat, subject->fd, "new", 0);
    if (CALLED(int, int, int, const char *, mode_t, dev_t *)(0, subject->fd, "new", S_IFREG | 0600, &device)) return -1;
    return is_there(subject->fd, "new", S_IFREG) ? 0 : -2;
}

static void a_folder_with_a_link(struct subject *subject) {
    folder(subject);
    MUST(!kernel(SYS_symlinkat, "target", subject->fd, "link") || errno == EEXIST);
}

static long call_readlinkat(struct subject *subject) {
    ssize_t length = CALLED(ssize_t, int, const char *, char *, size_t)(subject->fd, "link", buffer, sizeof buffer);
    return length < 0 ? -1 : memcmp(buffer, "target", 6) ? -2 : length;
}

static long call_readlinkat_chk(struct subject *subject) {
    ssize_t length = CALLED(ssize_t, int, const char *, char *, size_t, size_t)(subject->fd, "link", buffer, 64, 64);
    return length < 0 ? -1 : memcmp(buffer, "target", 6) ? -2 : length;
}

static long call_symlinkat(struct subject *subject) {
    kernel(SYS_unlinkat, subject->fd, "new", 0);
    if (CALLED(int, const char *, int, const char *)("target", subject->fd, "new")) return -1;
    return is_there(subject->fd, "new", S_IFLNK) ? 0 : -2;
}

static long call_unlinkat(struct subject *subject) {
    if (CALLED(int, int, const char *, int)(subject->fd, "c", 0)) return -1;
    return is_there(subject->fd, "c", S_IFREG) ? -2 : 0;
}

/* The subject is the folder from which; other, nobody's, that to which. */
static void two_folders(struct subject *subject) {
    folder(subject);
    subject->other = (int)kernel(SYS_openat, AT_FDCWD, surface_path("."), O_RDONLY | O_DIRECTORY);
    kernel(SYS_unlinkat, subject->other, "new", 0);
    MUST(subject->other >= 0);
}

static void two_folders_swapped(struct subject *subject) {
    int from = (int)kernel(SYS_openat, AT_FDCWD, surface_path("."), O_RDONLY | O_DIRECTORY);
    folder(subject);
    kernel(SYS_unlinkat, subject->fd, "new", 0);
    subject->other = from;
    MUST(!kernel(SYS_mknodat, from, "a", S_IFREG | 0600, 0) || errno == EEXIST);
}

static long link_from(struct subject *subject) {
    return CALLED(int, int, const char *, int, const char *, int)(subject->fd, "a", subject->other, "new", 0);
}

static long link_to(struct subject *subject) {
    return CALLED(int, int, const char *, int, const char *, int)(subject->other, "a", subject->fd, "new", 0);
}

static long rename_from(struct subject *subject) {
    return CALLED(int, int, const char *, int, const char *)(subject->fd, "a", subject->other, "new");
}

static long rename_to(struct subject *subject) {
    return CALLED(int, int, const char *, int, const char *)(subject->other, "a", subject->fd, "new");
}

static long rename2_from(struct subject *subject) {
    return CALLED(int, int, const char *, int, const char *, unsigned)(subject->fd, "a", subject->other, "new", 0);
}

static long rename2_to(struct subject *subject) {
    return CALLED(int, int, const char *, int, const char *, unsigned)(subject->other, "a", subject->fd, "new", 0);
}

/* Not every file system has handles. */
static long call_name_to_handle_at(struct subject *subject) {
    union {
        struct file_handle handle;
        char room[256];
    } handle = {.handle.handle_bytes = 128};
    int mount, result = CALLED(int, int, const char *, struct file_handle *, int *, int)(subject->fd, "a",
                                                                                         &handle.handle, &mount, 0);
    return result && errno != EOPNOTSUPP ? -1 : 0;
}

static const struct surface rows[] = {
    LOOKS(fstat, NULL, file, call_fstat, 0),
    LOOKS(fstat64, NULL, file, call_fstat, 0),
    LOOKS(__fxstat, NULL, file, call_fxstat, 0),
    LOOKS(__fxstat64, NULL, file, call_fxstat, 0),
    LOOKS(fstatfs, NULL, file, call_fstatfs, 0),
    LOOKS(fstatfs64, NULL, file, call_fstatfs, 0),
    LOOKS(fstatvfs, NULL, file, call_fstatvfs, 0),
    LOOKS(fstatvfs64, NULL, file, call_fstatvfs, 0),
    LOOKS(fpathconf, NULL, file, call_fpathconf, 255),
    LOOKS(fchdir, NULL, folder, with_fd, 0),
    LOOKS(fchmod, NULL, file, call_fchmod, 0),
    LOOKS(fchown, NULL, file, call_fchown, 0),
    LOOKS(futimens, NULL, file, call_futimens, 0),
    LOOKS(futimes, NULL, file, call_futimes, 0),
    LOOKS(flock, NULL, file, call_flock, 0),
    LOOKS(lockf, NULL, file, call_lockf, 0),
    LOOKS(lockf64, NULL, file, call_lockf, 0),
    LOOKS(fsync, NULL, file, with_fd, 0),
    LOOKS(fdatasync, NULL, file, with_fd, 0),
    LOOKS(syncfs, NULL, file, with_fd, 0),
    LOOKS(posix_fadvise, NULL, file, call_posix_fadvise, 0),
    LOOKS(posix_fadvise64, NULL, file, call_posix_fadvise, 0),
    LOOKS(sync_file_range, NULL, file, call_sync_file_range, 0),
    LOOKS(fgetxattr, NULL, file, call_fgetxattr, 0),
    LOOKS(flistxattr, NULL, file, call_flistxattr, 0),
    LOOKS(fsetxattr, NULL, file, call_fsetxattr, 0),
    LOOKS(fremovexattr, NULL, file, call_fremovexattr, 0),
    LOOKS(setns, NULL, file, call_setns, 0),
    LOOKS(fcntl, "F_GETFL", file, get_flags, O_RDWR),
    LOOKS(fcntl64, "F_GETFL", file, get_flags, O_RDWR),
    LOOKS(__fcntl, "F_GETFL", file, get_flags, O_RDWR),
    LOOKS(fcntl, "F_SETFD", file, set_flags, 0),
    LOOKS(fcntl, "F_SETLK", file, take_lock, 0),
    LOOKS(fcntl64, "F_SETLK", file, take_lock, 0),
    LOOKS(ioctl, "FIONREAD", stream_pair, bytes_waiting, sizeof TEXT - 1),
    LOOKS(timerfd_settime, NULL, a_timer, call_timerfd_settime, 0),
    LOOKS(inotify_add_watch, NULL, a_watcher, call_inotify_add_watch, 0),
    LOOKS(inotify_rm_watch, NULL, a_watcher, call_inotify_rm_watch, 0),
    LOOKS(isatty, NULL, a_terminal, call_isatty, 0),
    LOOKS(ttyname, NULL, a_terminal, call_ttyname, 0),
    LOOKS(ttyname_r, NULL, a_terminal, call_ttyname_r, 0),
    LOOKS(__ttyname_r_chk, NULL, a_terminal, call_ttyname_r_chk, 0),
    LOOKS(ptsname, NULL, a_master, call_ttyname, 0),
    LOOKS(grantpt, NULL, a_master, with_fd, 0),
    LOOKS(unlockpt, NULL, a_master, with_fd, 0),
    LOOKS(tcgetattr, NULL, a_terminal, call_tcgetattr, 0),
    LOOKS(tcsetattr, NULL, a_terminal, call_tcsetattr, 0),
    LOOKS(tcdrain, NULL, a_terminal, with_fd, 0),
    LOOKS(tcflow, NULL, a_terminal, call_tcflow, 0),
    LOOKS(tcflush, NULL, a_terminal, call_tcflush, 0),
    LOOKS(tcsendbreak, NULL, a_terminal, call_tcsendbreak, 0),
    LOOKS(tcgetpgrp, NULL, the_terminal, call_tcgetpgrp, 0),
    LOOKS(tcsetpgrp, NULL, the_terminal, call_tcsetpgrp, 0),
    MAKES(ioctl, "TIOCGPTPEER", a_master, open_the_other, 0),
    OWN(ioctl, "TIOCGPTPEER", a_master, open_the_other, 0),
    LOOKS(fstatat, NULL, folder, call_fstatat, 0),
    LOOKS(fstatat64, NULL, folder, call_fstatat, 0),
    LOOKS(fstatat, "itself", folder, of_itself, 0),
    LOOKS(fstatat64, "itself", folder, of_itself, 0),
    LOOKS(__fxstatat, NULL, folder, call_fxstatat, 0),
    LOOKS(__fxstatat64, NULL, folder, call_fxstatat, 0),
    LOOKS(statx, NULL, folder, call_statx, 0),
    LOOKS(faccessat, NULL, folder, call_faccessat, 0),
    LOOKS(fchmodat, NULL, folder, call_fchmodat, 0),
    LOOKS(fchownat, NULL, folder, call_fchownat, 0),
    LOOKS(utimensat, NULL, folder, call_utimensat, 0),
    LOOKS(mkdirat, NULL, folder, call_mkdirat, 0),
    LOOKS(mkfifoat, NULL, folder, call_mkfifoat, 0),
    LOOKS(mknodat, NULL, folder, call_mknodat, 0),
    LOOKS(__xmknodat, NULL, folder, call_xmknodat, 0),
    LOOKS(readlinkat, NULL, a_folder_with_a_link, call_readlinkat, 6),
    LOOKS(__readlinkat_chk, NULL, a_folder_with_a_link, call_readlinkat_chk, 6),
    LOOKS(symlinkat, NULL, folder, call_symlinkat, 0),
    LOOKS(unlinkat, NULL, folder, call_unlinkat, 0),
    LOOKS(linkat, "from", two_folders, link_from, 0),
    LOOKS(linkat, "to", two_folders_swapped, link_to, 0),
    LOOKS(renameat, "from", two_folders, rename_from, 0),
    LOOKS(renameat, "to", two_folders_swapped, rename_to, 0),
    LOOKS(renameat2, "from", two_folders, rename2_from, 0),
    LOOKS(renameat2, "to", two_folders_swapped, rename2_to, 0),
    LOOKS(name_to_handle_at, NULL, folder, call_name_to_handle_at, 0),
};
SURFACE_MAIN(rows)
