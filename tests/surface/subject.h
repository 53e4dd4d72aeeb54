/* subject.h: what the calls of this folder's tests are tried on: descriptors that the kernel alone has made, given to the context
 * that is current, so that a test fails for its own call only; and what is seen of them from outside. */
#ifndef RS_TESTS_SUBJECT_H
#define RS_TESTS_SUBJECT_H

#include "tests/programs/victim.h"

#include <dirent.h>
#include <mqueue.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>

/* What a row's call is about. What a row does not need is -1 or NULL. */
struct subject {
    int fd;    /* the descriptor */
    int other; /* the other end of it, or a second descriptor */
    FILE *stream;
    DIR *folder;
};
#define NO_SUBJECT \
    { -1, -1, NULL, NULL }

/* The two contexts of a test; what is prepared is a's. */
static reqscope_id a, b;
static char buffer[4096];

/* The test's folder, and a name in it. */
static inline const char *surface_path(const char *name) {
    static char paths[8][256];
    static unsigned next;
    char *path = paths[next++ % 8];
    const char *says = getenv("VICTIM_SAYS"), *end = says ? strrchr(says, '/') : NULL;
    snprintf(path, sizeof paths[0], "%.*s/%s", end ? (int)(end - says) : 1, end ? says : ".", name);
    return path;
}

/* ---- subjects -----------------------------------------------------------------------------------------------------
 */

#define TEXT "0123456789\nabcdefghij\nABCDEFGHIJ\n"

/* The current context's from now on. */
static inline int surface_give(long fd) {
    MUST(fd >= 0 && !reqscope_give((int)fd, reqscope_current()));
    return (int)fd;
}

static inline void no_subject(struct subject *subject) {
    (void)subject;
}

static inline void file(struct subject *subject) {
    subject->fd = surface_give(kernel(SYS_memfd_create, "file", 0));
    MUST(kernel(SYS_pwrite64, subject->fd, TEXT, sizeof TEXT - 1, 0) == sizeof TEXT - 1);
}

static inline void two_files(struct subject *subject) {
    file(subject);
    subject->other = (int)kernel(SYS_memfd_create, "nobody's", 0);
    MUST(subject->other >= 0 && kernel(SYS_pwrite64, subject->other, TEXT, sizeof TEXT - 1, 0) == sizeof TEXT - 1);
}

/* A stream pair; both ends have something to read. */
static inline void stream_pair(struct subject *subject) {
    int ends[2] = {-1, -1};
    MUST(!kernel(SYS_socketpair, AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends));
    subject->fd = surface_give(ends[0]);
    subject->other = ends[1];
    MUST(kernel(SYS_write, subject->other, TEXT, sizeof TEXT - 1) == sizeof TEXT - 1);
}

static inline void pipe_to_read(struct subject *subject) {
    int ends[2] = {-1, -1};
    MUST(!kernel(SYS_pipe2, ends, O_NONBLOCK));
    subject->fd = surface_give(ends[0]);
    subject->other = ends[1];
    MUST(kernel(SYS_write, subject->other, TEXT, sizeof TEXT - 1) == sizeof TEXT - 1);
}

static inline void pipe_to_write(struct subject *subject) {
    int ends[2] = {-1, -1};
    MUST(!kernel(SYS_pipe2, ends, O_NONBLOCK));
    subject->fd = surface_give(ends[1]);
    subject->other = ends[0];
}

/* A folder with three files in it. */
static inline void folder(struct subject *subject) {
    const char *path = surface_path("folder");
    MUST(!kernel(SYS_mkdirat, AT_FDCWD, path, 0700) || errno == EEXIST);
    subject->fd = surface_give(kernel(SYS_openat, AT_FDCWD, path, O_RDONLY | O_DIRECTORY));
    for (const char *name = "abc"; *name; name++) {
        char one[] = {*name, 0};
        MUST(!kernel(SYS_mknodat, subject->fd, one, S_IFREG | 0600, 0) || errno == EEXIST);
    }
}

/* ---- what is seen of them ------------------------------------------------------------------------------------------
 */

static inline uint64_t surface_mix(uint64_t hash, uint64_t value) {
    return (hash ^ value) * 0x9e3779b97f4a7c15u + (hash >> 29);
}

/* A number that is another when something has moved on the descriptor: bytes, the position, the size, what waits. */
static inline uint64_t surface_state_of(int fd) {
    uint64_t hash = 1;
    struct stat status = {0};
    struct mq_attr queue = {.mq_curmsgs = -1};
    struct pollfd ready = {.fd = fd, .events = POLLIN | POLLOUT | POLLRDHUP};
    struct sockaddr_storage address;
    struct timespec at_once = {0, 0};
    socklen_t length = sizeof address;
    static char content[4096];
    int waiting = -1;
    if (fd < 0) return 0;
    hash = surface_mix(hash, (uint64_t)kernel(SYS_fcntl, fd, F_GETFD));
    hash = surface_mix(hash, (uint64_t)kernel(SYS_lseek, fd, 0, SEEK_CUR));
    if (!kernel(SYS_fstat, fd, &status)) hash = surface_mix(hash, (uint64_t)(status.st_size + status.st_blocks));
    kernel(SYS_ioctl, fd, FIONREAD, &waiting);
    kernel(SYS_mq_getsetattr, fd, NULL, &queue);
    kernel(SYS_ppoll, &ready, 1, &at_once, NULL, 0);
    hash = surface_mix(hash, (uint64_t)waiting);
    hash = surface_mix(hash, (uint64_t)queue.mq_curmsgs);
    hash = surface_mix(hash, (uint64_t)(unsigned short)ready.revents);
    hash = surface_mix(hash, (uint64_t)kernel(SYS_getpeername, fd, &address, &length));
    long count = S_ISREG(status.st_mode) ? kernel(SYS_pread64, fd, content, sizeof content, 0) : 0;
    for (long i = 0; i < count; i++) hash = surface_mix(hash, (unsigned char)content[i]);
    return hash;
}

static inline uint64_t surface_state(const struct subject *subject) {
    uint64_t hash = surface_mix(surface_state_of(subject->fd), surface_state_of(subject->other));
    const FILE *stream = subject->stream;
    if (stream) {
        hash = surface_mix(hash, (uint64_t)(uintptr_t)stream->_IO_read_ptr);
        hash = surface_mix(hash, (uint64_t)(uintptr_t)stream->_IO_read_end);
        hash = surface_mix(hash, (uint64_t)(uintptr_t)stream->_IO_write_ptr);
        hash = surface_mix(hash, (uint64_t)(stream->_flags & ~_IO_ERR_SEEN));
    }
    return hash;
}

static inline bool is_open(int fd) {
    return kernel(SYS_fcntl, fd, F_GETFD) >= 0;
}

/* What came of a write of TEXT's beginning: at the other end, or in the file. */
static inline long sent(const struct subject *subject, long count) {
    static char room[sizeof TEXT];
    if (count <= 0) return count;
    memset(room, 0, sizeof room);
    long found = subject->other >= 0 ? kernel(SYS_read, subject->other, room, sizeof room)
                                     : kernel(SYS_pread64, subject->fd, room, sizeof room, 0);
    MUST(found >= count && !memcmp(room, "evil and more of it", (size_t)count));
    return count;
}

/* What came of a read of TEXT's beginning. */
static inline long received(long count) {
    if (count > 0) MUST(!memcmp(buffer, TEXT, (size_t)count));
    return count;
}

/* An error number that is the result, as errno is elsewhere. */
static inline long failed_with(int error) {
    if (!error) return 0;
    errno = error;
    return -1;
}

#endif
