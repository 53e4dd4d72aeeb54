/* victim_surface_syscall.c: syscall(): a number that makes, uses or closes a descriptor is what the function of that meaning is;
 * every other goes through with all six arguments. */
#include "surface.h"

#include <linux/futex.h>
#include <linux/io_uring.h>
#include <linux/openat2.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <sys/uio.h>

/* A call by number; what it gives is the result. */
#define NUMBERED(name, ...)                          \
    static long name(struct subject *subject) {      \
        (void)subject;                               \
        return CALLED(long, long, ...)(__VA_ARGS__); \
    }

static long made(struct subject *subject, long fd) {
    if (fd < 0 && (errno == ENOSYS || errno == EOPNOTSUPP || errno == EPERM || errno == EACCES)) {
        victim_say("not for this user, or not in this kernel (errno %d)", errno);
        _exit(VICTIM_SKIP);
    }
    subject->fd = (int)fd;
    subject->other = -1;
    return fd < 0 ? -1 : 0;
}

/* A call by number that gives a descriptor. Not every kernel and every user can have each. */
#define NUMBERED_NEW(name, ...)                                     \
    static long name(struct subject *subject) {                     \
        return made(subject, CALLED(long, long, ...)(__VA_ARGS__)); \
    }

/* ---- what makes descriptors ----------------------------------------------------------------------------------------
 */

static struct open_how how = {.flags = O_RDWR};
static struct io_uring_params ring;
static char zeros[128];
static const uint64_t no_signals = 0;

NUMBERED_NEW(make_openat, SYS_openat, (long)AT_FDCWD, "/dev/null", O_RDWR)
NUMBERED_NEW(make_openat_in, SYS_openat, subject->fd, "a", O_RDWR)
NUMBERED_NEW(make_openat2, SYS_openat2, (long)AT_FDCWD, "/dev/null", &how, sizeof how)
NUMBERED_NEW(make_socket, SYS_socket, AF_INET, SOCK_STREAM, 0)
NUMBERED_NEW(make_epoll_create1, SYS_epoll_create1, 0)
NUMBERED_NEW(make_eventfd2, SYS_eventfd2, 3, EFD_NONBLOCK)
NUMBERED_NEW(make_signalfd4, SYS_signalfd4, -1L, &no_signals, sizeof no_signals, 0)
NUMBERED_NEW(make_timerfd_create, SYS_timerfd_create, CLOCK_MONOTONIC, 0)
NUMBERED_NEW(make_inotify_init1, SYS_inotify_init1, 0)
NUMBERED_NEW(make_memfd_create, SYS_memfd_create, "memory", 0)
NUMBERED_NEW(make_memfd_secret, SYS_memfd_secret, 0)
NUMBERED_NEW(make_userfaultfd, SYS_userfaultfd, 0)
NUMBERED_NEW(make_io_uring_setup, SYS_io_uring_setup, 4, &ring)
NUMBERED_NEW(make_pidfd_open, SYS_pidfd_open, getpid(), 0)
NUMBERED_NEW(make_fsopen, SYS_fsopen, "tmpfs", 0)
NUMBERED_NEW(make_open_tree, SYS_open_tree, (long)AT_FDCWD, "/", 0)
NUMBERED_NEW(make_landlock, SYS_landlock_create_ruleset, &(uint64_t){1}, sizeof(uint64_t), 0L)
NUMBERED_NEW(make_accept, SYS_accept, subject->fd, NULL, NULL)
NUMBERED_NEW(make_accept4, SYS_accept4, subject->fd, NULL, NULL, 0)
#ifdef SYS_open
NUMBERED_NEW(make_open, SYS_open, "/dev/null", O_RDWR)
NUMBERED_NEW(make_creat, SYS_creat, surface_path("new"), 0600)
NUMBERED_NEW(make_epoll_create, SYS_epoll_create, 1)
NUMBERED_NEW(make_eventfd, SYS_eventfd, 3)
NUMBERED_NEW(make_signalfd, SYS_signalfd, -1L, &no_signals, sizeof no_signals)
NUMBERED_NEW(make_inotify_init, SYS_inotify_init)
#endif

/* Its description begins with the type, the size and the event: one that needs no hardware. */
static long make_perf_event_open(struct subject *subject) {
    static uint32_t event[32] = {1, sizeof event, 9};
    return made(subject, CALLED(long, long, ...)(SYS_perf_event_open, event, 0, -1L, -1L, 0L));
}

static long make_mq_open(struct subject *subject) {
    char name[64];
    snprintf(name, sizeof name, "reqscope-surface-%d", getpid());
    long fd = CALLED(long, long, ...)(SYS_mq_open, name, O_RDWR | O_CREAT, 0600, NULL);
    kernel(SYS_mq_unlink, name);
    return made(subject, fd);
}

static long two(struct subject *subject, long result, const int *ends) {
    subject->fd = ends[0];
    subject->other = ends[1];
    return result;
}

static long make_pipe2(struct subject *subject) {
    int ends[2] = {-1, -1};
    return two(subject, CALLED(long, long, ...)(SYS_pipe2, ends, 0), ends);
}

static long make_socketpair(struct subject *subject) {
    int ends[2] = {-1, -1};
    return two(subject, CALLED(long, long, ...)(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, ends), ends);
}

#ifdef SYS_pipe
static long make_pipe(struct subject *subject) {
    int ends[2] = {-1, -1};
    return two(subject, CALLED(long, long, ...)(SYS_pipe, ends), ends);
}
#endif

static void a_pidfd(struct subject *subject) {
    subject->fd = surface_give(kernel(SYS_pidfd_open, getpid(), 0));
}

NUMBERED_NEW(make_pidfd_getfd, SYS_pidfd_getfd, subject->fd, 0, 0)

static struct sockaddr_in address;

static void nobodys_listener(struct subject *subject) {
    socklen_t length = sizeof address;
    address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    subject->fd = (int)kernel(SYS_socket, AF_INET, SOCK_STREAM, 0);
    MUST(!kernel(SYS_bind, subject->fd, &address, sizeof address) && !kernel(SYS_listen, subject->fd, 5));
    MUST(!kernel(SYS_getsockname, subject->fd, &address, &length));
    int client = (int)kernel(SYS_socket, AF_INET, SOCK_STREAM, 0);
    MUST(!kernel(SYS_connect, client, &address, sizeof address));
}

/* A letter with two descriptors in it. */
static long receive_two(struct subject *subject) {
    int ends[2] = {-1, -1}, enclosed[2] = {0, 1};
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(2 * sizeof(int))];
    } control = {.header = {CMSG_LEN(sizeof enclosed), SOL_SOCKET, SCM_RIGHTS}};
    struct iovec part = {buffer, 1};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    memcpy(CMSG_DATA(&control.header), enclosed, sizeof enclosed);
    MUST(!kernel(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, ends) && kernel(SYS_sendmsg, ends[1], &message, 0) == 1);
    MUST(kernel(SYS_dup3, ends[0], 400, 0) == 400 && !kernel(SYS_close, ends[0]) && !kernel(SYS_close, ends[1]));
    MUST(CALLED(long, long, ...)(SYS_recvmsg, 400, &message, 0) == 1 && !kernel(SYS_close, 400));
    memcpy(enclosed, CMSG_DATA(&control.header), sizeof enclosed);
    return two(subject, 0, enclosed);
}

/* ---- what gives one more number, and what closes -------------------------------------------------------------------
 */

#define HIGH 300

#define NUMBERED_TWIN(name, ...)                          \
    static long name(struct subject *subject) {           \
        long fd = CALLED(long, long, ...)(__VA_ARGS__);   \
        return subject->other = (int)fd, fd < 0 ? -1 : 0; \
    }
NUMBERED_TWIN(twin_dup, SYS_dup, subject->fd)
NUMBERED_TWIN(twin_dup3, SYS_dup3, subject->fd, HIGH, 0)
NUMBERED_TWIN(twin_fcntl, SYS_fcntl, subject->fd, F_DUPFD, HIGH)
#ifdef SYS_dup2
NUMBERED_TWIN(twin_dup2, SYS_dup2, subject->fd, HIGH)
#endif

NUMBERED(close_close, SYS_close, subject->fd)
NUMBERED(close_close_range, SYS_close_range, subject->fd, subject->fd, 0)
NUMBERED(use_shutdown, SYS_shutdown, subject->fd, SHUT_WR)

static void nobodys(struct subject *subject) {
    file(subject);
    subject->other = (int)kernel(SYS_memfd_create, "nobody's", 0);
}

static long close_dup3(struct subject *subject) {
    return CALLED(long, long, ...)(SYS_dup3, subject->other, subject->fd, 0) < 0 ? -1 : 0;
}

#ifdef SYS_dup2
static long close_dup2(struct subject *subject) {
    return CALLED(long, long, ...)(SYS_dup2, subject->other, subject->fd) < 0 ? -1 : 0;
}
#endif

/* ---- what moves bytes ----------------------------------------------------------------------------------------------
 */

static char evil[] = "evil and more of it";

static struct iovec *part_of(char *memory) {
    static struct iovec part;
    part = (struct iovec){memory, 8};
    return &part;
}

static struct msghdr *message_of(char *memory) {
    static struct mmsghdr message;
    message = (struct mmsghdr){.msg_hdr = {.msg_iov = part_of(memory), .msg_iovlen = 1}};
    return &message.msg_hdr;
}

#define NUMBERED_READ(name, ...)                               \
    static long name(struct subject *subject) {                \
        return received(CALLED(long, long, ...)(__VA_ARGS__)); \
    }
#define NUMBERED_WRITE(name, ...)                                   \
    static long name(struct subject *subject) {                     \
        return sent(subject, CALLED(long, long, ...)(__VA_ARGS__)); \
    }
NUMBERED_READ(use_read, SYS_read, subject->fd, buffer, 8L)
NUMBERED_READ(use_readv, SYS_readv, subject->fd, part_of(buffer), 1L)
NUMBERED_READ(use_pread64, SYS_pread64, subject->fd, buffer, 8L, 0L)
NUMBERED_READ(use_preadv, SYS_preadv, subject->fd, part_of(buffer), 1L, 0L, 0L)
NUMBERED_READ(use_preadv2, SYS_preadv2, subject->fd, part_of(buffer), 1L, 0L, 0L, 0L)
NUMBERED_READ(use_recvfrom, SYS_recvfrom, subject->fd, buffer, 8L, 0L, NULL, NULL)
NUMBERED_READ(use_recvmsg, SYS_recvmsg, subject->fd, message_of(buffer), 0L)
NUMBERED(use_recvmmsg, SYS_recvmmsg, subject->fd, message_of(buffer), 1L, 0L, NULL)
NUMBERED_WRITE(use_write, SYS_write, subject->fd, evil, 8L)
NUMBERED_WRITE(use_writev, SYS_writev, subject->fd, part_of(evil), 1L)
NUMBERED_WRITE(use_pwrite64, SYS_pwrite64, subject->fd, evil, 8L, 0L)
NUMBERED_WRITE(use_pwritev, SYS_pwritev, subject->fd, part_of(evil), 1L, 0L, 0L)
NUMBERED_WRITE(use_pwritev2, SYS_pwritev2, subject->fd, part_of(evil), 1L, 0L, 0L, 0L)
NUMBERED_WRITE(use_sendto, SYS_sendto, subject->fd, evil, 8L, MSG_NOSIGNAL, NULL, 0L)
NUMBERED_WRITE(use_sendmsg, SYS_sendmsg, subject->fd, message_of(evil), 0L)
NUMBERED(use_sendmmsg, SYS_sendmmsg, subject->fd, message_of(evil), 1L, 0L)
NUMBERED_WRITE(use_vmsplice, SYS_vmsplice, subject->fd, part_of(evil), 1L, 0L)
NUMBERED(use_sendfile_out, SYS_sendfile, subject->fd, subject->other, NULL, 8L)
NUMBERED(use_sendfile_in, SYS_sendfile, subject->other, subject->fd, NULL, 8L)
NUMBERED(use_range_in, SYS_copy_file_range, subject->fd, NULL, subject->other, NULL, 8L, 0L)
NUMBERED(use_range_out, SYS_copy_file_range, subject->other, NULL, subject->fd, NULL, 8L, 0L)
NUMBERED(use_ftruncate, SYS_ftruncate, subject->fd, 5L)
NUMBERED(use_fallocate, SYS_fallocate, subject->fd, 0, 0L, 100000L)
NUMBERED(use_lseek, SYS_lseek, subject->fd, 5L, SEEK_SET)

static void two_pipes(struct subject *subject) {
    int one[2] = {-1, -1}, another[2] = {-1, -1};
    MUST(!kernel(SYS_pipe2, one, O_NONBLOCK) && !kernel(SYS_pipe2, another, O_NONBLOCK));
    MUST(kernel(SYS_write, one[1], TEXT, 20) == 20);
    subject->fd = surface_give(one[0]);
    subject->other = another[1];
}

NUMBERED(use_splice, SYS_splice, subject->fd, NULL, subject->other, NULL, 8L, 0L)
NUMBERED(use_tee, SYS_tee, subject->fd, subject->other, 8L, 0L)

static long use_getdents64(struct subject *subject) {
    long count = CALLED(long, long, ...)(SYS_getdents64, subject->fd, buffer, sizeof buffer);
    return count < 0 ? -1 : count > 0 ? 0 : -2;
}

#ifdef SYS_getdents
static long use_getdents(struct subject *subject) {
    long count = CALLED(long, long, ...)(SYS_getdents, subject->fd, buffer, sizeof buffer);
    return count < 0 ? -1 : count > 0 ? 0 : -2;
}
#endif

static long use_mmap(struct subject *subject) {
    long memory = CALLED(long, long, ...)(SYS_mmap, NULL, 4096L, PROT_READ, MAP_PRIVATE, subject->fd, 0L);
    if (memory == -1) return -1;
    MUST(!memcmp((void *)(uintptr_t)memory, TEXT, 8));
    return 0;
}

static void a_listener(struct subject *subject) {
    nobodys_listener(subject);
    surface_give(subject->fd);
}

static long use_accept4(struct subject *subject) {
    return CALLED(long, long, ...)(SYS_accept4, subject->fd, NULL, NULL, 0) < 0 ? -1 : 0;
}

static void a_client(struct subject *subject) {
    nobodys_listener(subject);
    subject->fd = surface_give(kernel(SYS_socket, AF_INET, SOCK_STREAM, 0));
}

NUMBERED(use_connect, SYS_connect, subject->fd, &address, sizeof address)

static void a_queue(struct subject *subject) {
    char name[64];
    struct mq_attr attributes = {.mq_maxmsg = 4, .mq_msgsize = 64};
    snprintf(name, sizeof name, "reqscope-surface-%d", getpid());
    subject->fd = surface_give(kernel(SYS_mq_open, name, O_RDWR | O_CREAT | O_NONBLOCK, 0600, &attributes));
    MUST(!kernel(SYS_mq_timedsend, subject->fd, TEXT, 8, 3, NULL) && !kernel(SYS_mq_unlink, name));
}

NUMBERED(use_mq_timedsend, SYS_mq_timedsend, subject->fd, evil, 4L, 1L, NULL)
NUMBERED_READ(use_mq_timedreceive, SYS_mq_timedreceive, subject->fd, buffer, 64L, NULL, NULL)

/* ---- what asks -----------------------------------------------------------------------------------------------------
 */

NUMBERED(look_fstat, SYS_fstat, subject->fd, buffer)
NUMBERED(look_newfstatat, SYS_newfstatat, subject->fd, "", buffer, AT_EMPTY_PATH)
NUMBERED(look_statx, SYS_statx, subject->fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, buffer)
NUMBERED(look_fsync, SYS_fsync, subject->fd)
NUMBERED(look_flock, SYS_flock, subject->fd, 2)
NUMBERED(look_fchmod, SYS_fchmod, subject->fd, 0600)
NUMBERED(look_fadvise64, SYS_fadvise64, subject->fd, 0L, 0L, 0)
NUMBERED(look_nowhere, SYS_lseek, subject->fd, 0L, SEEK_CUR)
NUMBERED(look_fcntl, SYS_fcntl, subject->fd, F_GETFD)
NUMBERED(look_getsockname, SYS_getsockname, subject->fd, buffer, &(socklen_t){sizeof buffer})
NUMBERED(look_getsockopt, SYS_getsockopt, subject->fd, SOL_SOCKET, SO_TYPE, buffer, &(socklen_t){4})
NUMBERED(look_setsockopt, SYS_setsockopt, subject->fd, SOL_SOCKET, SO_KEEPALIVE, &(int){1}, 4L)
NUMBERED(look_ioctl, SYS_ioctl, subject->fd, FIONREAD, buffer)
NUMBERED(look_faccessat, SYS_faccessat, subject->fd, "a", R_OK)
NUMBERED(look_faccessat2, SYS_faccessat2, subject->fd, "a", R_OK, 0)
NUMBERED(look_fchownat, SYS_fchownat, subject->fd, "a", -1L, -1L, 0)
NUMBERED(own_signalfd4, SYS_signalfd4, subject->fd, &no_signals, sizeof no_signals, 0)
NUMBERED(own_openat2, SYS_openat2, subject->fd, "a", &how, sizeof how)
NUMBERED(own_splice, SYS_splice, 0, NULL, subject->fd, NULL, 8L, 0L)
NUMBERED(own_linkat, SYS_linkat, (long)AT_FDCWD, "/none", subject->fd, "new", 0L)
NUMBERED(own_renameat2, SYS_renameat2, (long)AT_FDCWD, "/", subject->fd, "new", 0L)
NUMBERED(own_symlinkat, SYS_symlinkat, "target", subject->fd, "new")
NUMBERED(own_execveat, SYS_execveat, subject->fd, "", NULL, NULL, AT_EMPTY_PATH)
NUMBERED(own_pidfd_getfd, SYS_pidfd_getfd, (long)kernel(SYS_pidfd_open, getpid(), 0), subject->fd, 0L)

static void an_epoll(struct subject *subject) {
    struct epoll_event event = {.events = EPOLLIN};
    stream_pair(subject);
    int ready = subject->fd;
    subject->fd = surface_give(kernel(SYS_epoll_create1, 0));
    MUST(!kernel(SYS_epoll_ctl, subject->fd, EPOLL_CTL_ADD, ready, &event));
}

static void one_to_watch(struct subject *subject) {
    stream_pair(subject);
    subject->other = (int)kernel(SYS_epoll_create1, 0);
}

NUMBERED(look_epoll_pwait, SYS_epoll_pwait, subject->fd, buffer, 4L, 0L, NULL, 8L)
NUMBERED(look_epoll_pwait2, SYS_epoll_pwait2, subject->fd, buffer, 4L, zeros, NULL, 8L)
NUMBERED(look_epoll_ctl, SYS_epoll_ctl, subject->other, EPOLL_CTL_ADD, subject->fd, zeros)

static long look_ppoll(struct subject *subject) {
    struct pollfd one = {subject->fd, POLLIN, 0};
    long count = CALLED(long, long, ...)(SYS_ppoll, &one, 1L, zeros, NULL, 8L);
    return count == 1 && one.revents & POLLNVAL ? failed_with(EBADF) : count;
}

#ifdef SYS_poll
static long look_poll(struct subject *subject) {
    struct pollfd one = {subject->fd, POLLIN, 0};
    long count = CALLED(long, long, ...)(SYS_poll, &one, 1L, 0L);
    return count == 1 && one.revents & POLLNVAL ? failed_with(EBADF) : count;
}
#endif

/* ---- what has nothing to do with descriptors -----------------------------------------------------------------------
 */

static long other_numbers(struct subject *subject) {
    unsigned char random[16] = {0}, none[16] = {0};
    file(subject);
    MUST(CALLED(long, long, ...)(SYS_getpid) == getpid());
    MUST(CALLED(long, long, ...)(SYS_gettid) == kernel(SYS_gettid));
    MUST(CALLED(long, long, ...)(SYS_getrandom, random, sizeof random, 0L) == sizeof random);
    MUST(memcmp(random, none, sizeof none));
    REFUSED(CALLED(long, long, ...)(100000L), ENOSYS);
    REFUSED(CALLED(long, long, ...)(-1L), ENOSYS);
    tags_are_kept(subject);
    return 0;
}

/* The sixth argument counts: the value that the word must have. */
static long six_arguments(struct subject *subject) {
    uint32_t words[2] = {41, 0};
    file(subject);
    MUST(CALLED(long, long, ...)(SYS_futex, &words[0], FUTEX_CMP_REQUEUE_PRIVATE, 1L, 1L, &words[1], 41L) == 0);
    REFUSED(CALLED(long, long, ...)(SYS_futex, &words[0], FUTEX_CMP_REQUEUE_PRIVATE, 1L, 1L, &words[1], 42L), EAGAIN);
    long memory =
        CALLED(long, long, ...)(SYS_mmap, NULL, 8192L, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1L, 0L);
    MUST(memory != -1 && !CALLED(long, long, ...)(SYS_munmap, memory, 8192L));
    tags_are_kept(subject);
    return 0;
}

static long hidden_numbers(struct subject *subject) {
    int numbers = open("/proc/self/fd", O_RDONLY | O_DIRECTORY), own = 0;
    (void)subject;
    for (int fd = 0; fd < 4096; fd++) own += victim_is_own(fd);
    MUST(own > 0);
    long count;
    while ((count = CALLED(long, long, ...)(SYS_getdents64, numbers, buffer, 64L)) > 0) {
        for (long at = 0; at < count;) {
            const struct dirent64 *entry = (struct dirent64 *)(buffer + at);
            MUST(!victim_is_own(atoi(entry->d_name)));
            at += entry->d_reclen;
        }
    }
    return count;
}

static const struct surface rows[] = {
    MAKES(syscall, "openat", no_subject, make_openat, 0),
    OWN(syscall, "openat", folder, make_openat_in, 0),
    MAKES(syscall, "openat2", no_subject, make_openat2, 0),
    OWN(syscall, "openat2", no_subject, own_openat2, 0),
    MAKES(syscall, "socket", no_subject, make_socket, 0),
    MAKES(syscall, "socketpair", no_subject, make_socketpair, 0),
    MAKES(syscall, "pipe2", no_subject, make_pipe2, 0),
    MAKES(syscall, "epoll_create1", no_subject, make_epoll_create1, 0),
    MAKES(syscall, "eventfd2", no_subject, make_eventfd2, 0),
    MAKES(syscall, "signalfd4", no_subject, make_signalfd4, 0),
    OWN(syscall, "signalfd4", no_subject, own_signalfd4, 0),
    MAKES(syscall, "timerfd_create", no_subject, make_timerfd_create, 0),
    MAKES(syscall, "inotify_init1", no_subject, make_inotify_init1, 0),
    MAKES(syscall, "memfd_create", no_subject, make_memfd_create, 0),
    MAKES(syscall, "memfd_secret", no_subject, make_memfd_secret, 0),
    MAKES(syscall, "userfaultfd", no_subject, make_userfaultfd, 0),
    MAKES(syscall, "perf_event_open", no_subject, make_perf_event_open, 0),
    MAKES(syscall, "io_uring_setup", no_subject, make_io_uring_setup, 0),
    MAKES(syscall, "pidfd_open", no_subject, make_pidfd_open, 0),
    MAKES(syscall, "pidfd_getfd", a_pidfd, make_pidfd_getfd, 0),
    OWN(syscall, "pidfd_getfd", no_subject, own_pidfd_getfd, 0),
    MAKES(syscall, "mq_open", no_subject, make_mq_open, 0),
    MAKES(syscall, "fsopen", no_subject, make_fsopen, 0),
    MAKES(syscall, "open_tree", no_subject, make_open_tree, 0),
    MAKES(syscall, "landlock_create_ruleset", no_subject, make_landlock, 0),
    MAKES(syscall, "accept", nobodys_listener, make_accept, 0),
    MAKES(syscall, "accept4", nobodys_listener, make_accept4, 0),
    MAKES(syscall, "recvmsg of two", no_subject, receive_two, 0),
#ifdef SYS_open
    MAKES(syscall, "open", no_subject, make_open, 0),
    MAKES(syscall, "creat", no_subject, make_creat, 0),
    MAKES(syscall, "pipe", no_subject, make_pipe, 0),
    MAKES(syscall, "epoll_create", no_subject, make_epoll_create, 0),
    MAKES(syscall, "eventfd", no_subject, make_eventfd, 0),
    MAKES(syscall, "signalfd", no_subject, make_signalfd, 0),
    MAKES(syscall, "inotify_init", no_subject, make_inotify_init, 0),
    TWINS(syscall, "dup2", file, twin_dup2, 0),
    CLOSES_STREAM(syscall, "dup2 onto it", nobodys, close_dup2, 0),
    USES(syscall, "getdents", folder, use_getdents, 0),
    LOOKS(syscall, "poll", stream_pair, look_poll, 1),
#endif
    TWINS(syscall, "dup", file, twin_dup, 0),
    TWINS(syscall, "dup3", file, twin_dup3, 0),
    TWINS(syscall, "fcntl F_DUPFD", file, twin_fcntl, 0),
    CLOSES(syscall, "close", file, close_close, 0),
    CLOSES_STREAM(syscall, "close_range", file, close_close_range, 0),
    CLOSES_STREAM(syscall, "dup3 onto it", nobodys, close_dup3, 0),
    USES(syscall, "shutdown", stream_pair, use_shutdown, 0, .finding = "foreign-close"),
    USES(syscall, "read", file, use_read, 8),
    USES(syscall, "readv", stream_pair, use_readv, 8),
    USES(syscall, "pread64", file, use_pread64, 8),
    USES(syscall, "preadv", file, use_preadv, 8),
    USES(syscall, "preadv2", file, use_preadv2, 8),
    USES(syscall, "recvfrom", stream_pair, use_recvfrom, 8),
    USES(syscall, "recvmsg", stream_pair, use_recvmsg, 8),
    USES(syscall, "recvmmsg", stream_pair, use_recvmmsg, 1),
    USES(syscall, "write", pipe_to_write, use_write, 8),
    USES(syscall, "writev", pipe_to_write, use_writev, 8),
    USES(syscall, "pwrite64", file, use_pwrite64, 8),
    USES(syscall, "pwritev", file, use_pwritev, 8),
    USES(syscall, "pwritev2", file, use_pwritev2, 8),
    USES(syscall, "sendto", stream_pair, use_sendto, 8),
    USES(syscall, "sendmsg", stream_pair, use_sendmsg, 8),
    USES(syscall, "sendmmsg", stream_pair, use_sendmmsg, 1),
    USES_PIPE(syscall, "vmsplice", pipe_to_write, use_vmsplice, 8),
    USES(syscall, "sendfile out", two_files, use_sendfile_out, 8),
    USES(syscall, "sendfile in", two_files, use_sendfile_in, 8),
    USES(syscall, "copy_file_range in", two_files, use_range_in, 8),
    USES(syscall, "copy_file_range out", two_files, use_range_out, 8),
    USES(syscall, "splice", two_pipes, use_splice, 8),
    OWN(syscall, "splice out", no_subject, own_splice, 0),
    USES(syscall, "tee", two_pipes, use_tee, 8),
    USES(syscall, "ftruncate", file, use_ftruncate, 0),
    USES(syscall, "fallocate", file, use_fallocate, 0),
    USES(syscall, "lseek", file, use_lseek, 5),
    USES(syscall, "getdents64", folder, use_getdents64, 0),
    USES(syscall, "mmap", file, use_mmap, 0),
    USES(syscall, "accept4 from it", a_listener, use_accept4, 0),
    USES(syscall, "connect", a_client, use_connect, 0),
    USES_STREAM(syscall, "mq_timedsend", a_queue, use_mq_timedsend, 0),
    USES_STREAM(syscall, "mq_timedreceive", a_queue, use_mq_timedreceive, 8),
    LOOKS(syscall, "fstat", file, look_fstat, 0),
    LOOKS(syscall, "newfstatat", file, look_newfstatat, 0),
    LOOKS(syscall, "statx", file, look_statx, 0),
    LOOKS(syscall, "fsync", file, look_fsync, 0),
    LOOKS(syscall, "flock", file, look_flock, 0),
    LOOKS(syscall, "fchmod", file, look_fchmod, 0),
    LOOKS(syscall, "fadvise64", file, look_fadvise64, 0),
    LOOKS(syscall, "lseek nowhere", file, look_nowhere, 0),
    LOOKS(syscall, "fcntl", file, look_fcntl, 0),
    LOOKS(syscall, "getsockname", stream_pair, look_getsockname, 0),
    LOOKS(syscall, "getsockopt", stream_pair, look_getsockopt, 0),
    LOOKS(syscall, "setsockopt", stream_pair, look_setsockopt, 0),
    LOOKS(syscall, "ioctl", stream_pair, look_ioctl, 0),
    LOOKS(syscall, "faccessat", folder, look_faccessat, 0),
    LOOKS(syscall, "faccessat2", folder, look_faccessat2, 0),
    LOOKS(syscall, "fchownat", folder, look_fchownat, 0),
    LOOKS(syscall, "epoll_pwait", an_epoll, look_epoll_pwait, 1),
    LOOKS(syscall, "epoll_pwait2", an_epoll, look_epoll_pwait2, 1),
    LOOKS(syscall, "epoll_ctl", one_to_watch, look_epoll_ctl, 0),
    LOOKS(syscall, "ppoll", stream_pair, look_ppoll, 1),
    OWN(syscall, "linkat", no_subject, own_linkat, 0),
    OWN(syscall, "renameat2", no_subject, own_renameat2, 0),
    OWN(syscall, "symlinkat", no_subject, own_symlinkat, 0),
    OWN(syscall, "execveat", no_subject, own_execveat, 0),
    SHOWS(syscall, "getdents64 of the numbers", hidden_numbers, 0),
    WORKS(syscall, "other numbers", other_numbers, 0),
    WORKS(syscall, "six arguments", six_arguments, 0),
};
SURFACE_MAIN(rows)
