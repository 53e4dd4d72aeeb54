/* ops.c: what a thread of the soak does in its requests: a clean program's use of descriptors, of all the ways that there are.
 *
 * Clean means: it uses what is its own, or nobody's, or was handed over (reqscope_give) before; it closes what it opened
 * before its request ends, or gives it to somebody; it closes what is open, once. */
#include "soak.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* What may go wrong in a program that opens many things, and is nobody's fault. */
static bool is_tolerable(int error) {
    return error == EMFILE || error == ENFILE || error == ENOMEM || error == ENOBUFS || error == EAGAIN ||
           error == EINTR || error == ETOOMANYREFS || error == EADDRNOTAVAIL;
}

#define OPENED(result) ((result) >= 0 || !tolerate(__LINE__))
static bool tolerate(int line) {
    if (!is_tolerable(errno)) soak_fail("ops.c:%d: errno %d", line, errno);
    return true;
}

/* ---- items ------------------------------------------------------------------------------------------------------- */

enum kind soak_kind(int fd) {
    struct stat status;
    MUST(!fstat(fd, &status));
    if (S_ISSOCK(status.st_mode)) return KIND_SOCKET;
    if (S_ISFIFO(status.st_mode)) return KIND_PIPE;
    return status.st_mode & S_IFMT ? KIND_FILE : KIND_OTHER;
}

static bool has_room(const struct worker *worker, int items) {
    return worker->count + items <= MOST_ITEMS;
}

struct item *soak_note(struct worker *worker, int fd, enum kind kind) {
    MUST(fd < GUARDS && has_room(worker, 1));
    struct item *item = &worker->items[worker->count++];
    *item = (struct item){.numbers = {fd}, .count = 1, .born = fd, .kind = kind, .owner = reqscope_current()};
    return item;
}

/* The same, where there may be no room, or nothing was opened. */
static void note_or_close(struct worker *worker, int fd, enum kind kind) {
    if (fd < 0) return;
    if (has_room(worker, 1))
        soak_note(worker, fd, kind);
    else
        MUST(!close(fd));
}

static void remove_item(struct worker *worker, struct item *item) {
    *item = worker->items[--worker->count];
}

static void give(struct item *item, reqscope_id to) {
    MUST(!reqscope_give(item->numbers[0], to));
    item->owner = to;
}

/* The current context's, from now on. */
static void own(struct item *item) {
    if (!item->shared && item->owner != reqscope_current()) give(item, reqscope_current());
}

/* Before a read or write: what is back in the pool needs no word; but in lease a connection does, which may have been put back in
 * mid-exchange. */
static void touch(struct item *item) {
    if (item->shared) return;
    if (item->owner || (soak.lease && item->kind == KIND_SOCKET)) own(item);
    item->owner = reqscope_current();
}

static int number_of(struct worker *worker, const struct item *item) {
    return item->numbers[soak_below(worker, (unsigned)item->count)];
}

static struct item *any_item(struct worker *worker) {
    return worker->count ? &worker->items[soak_below(worker, (unsigned)worker->count)] : NULL;
}

static struct item *any_of_kind(struct worker *worker, enum kind kind) {
    for (int tries = 0; worker->count && tries < 8; tries++) {
        struct item *item = any_item(worker);
        if (item->kind == kind) return item;
    }
    return NULL;
}

static struct item *item_with(struct worker *worker, int fd) {
    for (int i = 0; i < worker->count; i++) {
        for (int j = 0; j < worker->items[i].count; j++) {
            if (worker->items[i].numbers[j] == fd) return &worker->items[i];
        }
    }
    return NULL;
}

static void remove_number(struct worker *worker, struct item *item, int fd) {
    for (int i = 0; i < item->count; i++) {
        if (item->numbers[i] != fd) continue;
        item->numbers[i] = item->numbers[--item->count];
        if (!item->count) remove_item(worker, item);
        return;
    }
    MUST(!"the number is one of the item's");
}

static void close_number(struct worker *worker, struct item *item, int fd) {
    remove_number(worker, item, fd);
    MUST(!close(fd));
}

static void close_item(struct worker *worker, struct item *item) {
    struct item copy = *item;
    if (copy.owner || soak_below(worker, 2)) own(&copy);
    remove_item(worker, item);
    for (int i = 0; i < copy.count; i++) MUST(!close(copy.numbers[i]));
}

/* The last `count` items. */
static void close_newest(struct worker *worker, int count) {
    while (count--) close_item(worker, &worker->items[worker->count - 1]);
}

#define is_owned(fd, owner) is_owned_at(__LINE__, fd, owner)
static void is_owned_at(int line, int fd, reqscope_id owner) {
    reqscope_id found = reqscope_owner(fd);
    if (soak.guarded && found != owner)
        soak_fail("ops.c:%d: fd %d is context %llu's, not %llu's", line, fd, (unsigned long long)found,
                  (unsigned long long)owner);
}

/* ---- opening ----------------------------------------------------------------------------------------------------- */

static void op_file(struct worker *worker) {
    char name[32];
    int fd = -1;
    if (!has_room(worker, 1)) return;
    snprintf(name, sizeof name, "file-%u", worker->index);
    switch (soak_below(worker, 6)) {
    case 0:
        fd = open("/dev/null", O_RDWR | O_CLOEXEC);
        break;
    case 1:
        fd = open("/dev/zero", O_RDONLY);
        break;
    case 2:
        fd = openat(AT_FDCWD, name, O_RDWR | O_CREAT | O_TRUNC, 0600);
        break;
    case 3:
        fd = creat(name, 0600);
        break;
    case 4:
        fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        break;
    default:
        fd = open(name, O_RDWR | O_CREAT | O_APPEND, 0600);
    }
    if (OPENED(fd)) note_or_close(worker, fd, KIND_FILE);
}

static void op_missing(struct worker *worker) {
    (void)worker;
    MUST(open("/nonexistent/file", O_RDONLY) == -1 && errno == ENOENT);
    MUST(socket(AF_UNIX, 77, 0) == -1);
}

static void op_pipe(struct worker *worker) {
    int ends[2];
    if (!has_room(worker, 2)) return;
    if (soak_below(worker, 2)) {
        if (!OPENED(pipe2(ends, O_NONBLOCK | O_CLOEXEC))) return;
    } else {
        if (!OPENED(pipe(ends))) return;
        MUST(!fcntl(ends[0], F_SETFL, O_NONBLOCK) && !fcntl(ends[1], F_SETFL, O_NONBLOCK));
    }
    soak_note(worker, ends[0], KIND_PIPE);
    soak_note(worker, ends[1], KIND_PIPE);
}

static void op_pair(struct worker *worker) {
    static const int types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET};
    int ends[2];
    if (!has_room(worker, 2) || !OPENED(socketpair(AF_UNIX, types[soak_below(worker, 3)], 0, ends))) return;
    soak_note(worker, ends[0], KIND_SOCKET);
    soak_note(worker, ends[1], KIND_SOCKET);
}

static void op_event(struct worker *worker) {
    if (!has_room(worker, 1)) return;
    int fd;
    switch (soak_below(worker, 3)) {
    case 0:
        fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        if (OPENED(fd)) note_or_close(worker, fd, KIND_EVENT);
        break;
    case 1:
        fd = memfd_create("soak", MFD_CLOEXEC);
        if (OPENED(fd)) note_or_close(worker, fd, KIND_FILE);
        break;
    default:
        fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
        if (OPENED(fd)) note_or_close(worker, fd, KIND_OTHER);
    }
}

static void op_epoll(struct worker *worker) {
    struct item *watched = any_of_kind(worker, KIND_SOCKET);
    struct epoll_event event = {.events = EPOLLIN};
    if (!has_room(worker, 1)) return;
    int fd = epoll_create1(EPOLL_CLOEXEC);
    if (!OPENED(fd)) return;
    if (watched) {
        own(watched);
        MUST(!epoll_ctl(fd, EPOLL_CTL_ADD, watched->numbers[0], &event));
    }
    soak_note(worker, fd, KIND_EPOLL);
    MUST(epoll_wait(fd, &event, 1, 0) >= 0 || errno == EINTR);
}

/* ---- TCP ---------------------------------------------------------------------------------------------------------- */

static bool is_established(int fd) {
    struct pollfd wanted = {fd, POLLOUT, 0};
    int error = 0, ready;
    socklen_t size = sizeof error;
    while ((ready = poll(&wanted, 1, 5000)) < 0 && errno == EINTR) {
    }
    return ready == 1 && !getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) && !error;
}

/* A connection to a thread's listener; -1 when there is none to be had just now. */
static int connect_to(struct worker *worker, const struct worker *server) {
    const struct sockaddr *address = (const struct sockaddr *)&server->address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | (soak_below(worker, 2) ? SOCK_NONBLOCK : 0), 0);
    if (!OPENED(fd)) return -1;
    bool connected = !connect(fd, address, sizeof server->address);
    if (!connected && (errno == EINPROGRESS || errno == EINTR)) connected = is_established(fd);
    if (connected) return fd;
    MUST(errno == EADDRNOTAVAIL || errno == EAGAIN || errno == EINPROGRESS || errno == EINTR);
    MUST(!close(fd));
    return -1;
}

static void op_tcp(struct worker *worker) {
    if (!has_room(worker, 1)) return;
    int fd = connect_to(worker, &soak.workers[soak_below(worker, soak.threads)]);
    if (fd < 0) return;
    struct linger reset = {1, 0};
    if (soak_below(worker, 2)) MUST(!setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset));
    soak_note(worker, fd, KIND_SOCKET);
    touch(item_with(worker, fd));
    (void)!send(fd, "question", 8, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* Takes what waits for this thread, and keeps some. */
static void op_accept(struct worker *worker) {
    for (;;) {
        struct sockaddr_storage peer;
        socklen_t length = sizeof peer;
        int fd = soak_below(worker, 2) ? accept(worker->listener, (struct sockaddr *)&peer, &length)
                                       : accept4(worker->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            MUST(is_tolerable(errno) || errno == ECONNABORTED);
            return;
        }
        if (soak_below(worker, 4) == 0 && has_room(worker, 4))
            soak_note(worker, fd, KIND_SOCKET);
        else
            MUST(!close(fd));
    }
}

/* Both ends of a connection, and one complete exchange on it. */
static bool connect_both(struct worker *worker, int *client, int *server) {
    char byte;
    op_accept(worker);
    *client = connect_to(worker, worker);
    if (*client < 0) return false;
    struct pollfd waiting = {worker->listener, POLLIN, 0};
    while (poll(&waiting, 1, 5000) < 0 && errno == EINTR) {
    }
    *server = accept4(worker->listener, NULL, NULL, SOCK_CLOEXEC);
    /* Somebody else's connection may have come first: then there is no exchange. */
    struct sockaddr_in ours = {0}, theirs = {0};
    socklen_t length = sizeof ours;
    if (*server >= 0) {
        MUST(!getsockname(*client, (struct sockaddr *)&ours, &length));
        if (!getpeername(*server, (struct sockaddr *)&theirs, &length) && ours.sin_port == theirs.sin_port) {
            MUST(send(*client, "q", 1, MSG_NOSIGNAL) == 1 && recv(*server, &byte, 1, MSG_WAITALL) == 1);
            MUST(send(*server, "a", 1, MSG_NOSIGNAL) == 1);
            struct pollfd answer = {*client, POLLIN, 0};
            while (poll(&answer, 1, 5000) < 0 && errno == EINTR) {
            }
            MUST(recv(*client, &byte, 1, 0) == 1);
            return true;
        }
        MUST(!close(*server));
    }
    MUST(!close(*client));
    return false;
}

/* One request opens a connection, another one uses it when the exchange is complete. */
static void op_lease(struct worker *worker) {
    int client, server;
    char byte;
    reqscope_id first = reqscope_current();
    if (!connect_both(worker, &client, &server)) return;
    reqscope_id second = reqscope_begin("leases");
    if (!soak.lease) MUST(!reqscope_give(client, second));
    MUST(send(client, "q", 1, MSG_NOSIGNAL) == 1);
    is_owned(client, second);
    reqscope_switch(first);
    MUST(recv(server, &byte, 1, MSG_WAITALL) == 1 && send(server, "a", 1, MSG_NOSIGNAL) == 1);
    reqscope_switch(second);
    struct pollfd answer = {client, POLLIN, 0};
    while (poll(&answer, 1, 5000) < 0 && errno == EINTR) {
    }
    MUST(read(client, &byte, 1) == 1 && !close(client));
    reqscope_end(second);
    MUST(reqscope_current() == first && !close(server));
}

/* ---- using -------------------------------------------------------------------------------------------------------- */

static void use_socket(struct worker *worker, int fd) {
    char bytes[64] = "0123456789";
    struct iovec parts[2] = {{bytes, 4}, {bytes + 8, 4}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    struct mmsghdr messages[2] = {{.msg_hdr = message}, {.msg_hdr = message}};
    switch (soak_below(worker, 8)) {
    case 0:
        (void)!send(fd, bytes, 8, MSG_DONTWAIT | MSG_NOSIGNAL);
        break;
    case 1:
        (void)!recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
        break;
    case 2:
        (void)!sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
        break;
    case 3:
        (void)!recvmsg(fd, &message, MSG_DONTWAIT);
        break;
    case 4:
        (void)!sendmmsg(fd, messages, 2, MSG_DONTWAIT | MSG_NOSIGNAL);
        break;
    case 5:
        (void)!recvmmsg(fd, messages, 2, MSG_DONTWAIT, NULL);
        break;
    case 6:
        (void)!recvfrom(fd, bytes, sizeof bytes, MSG_DONTWAIT, NULL, NULL);
        break;
    default:
        (void)!recv(fd, bytes, 1, MSG_DONTWAIT | MSG_PEEK);
    }
}

static void use_file(struct worker *worker, int fd) {
    char bytes[64] = "";
    struct iovec parts[2] = {{bytes, 4}, {bytes + 8, 4}};
    switch (soak_below(worker, 6)) {
    case 0:
        (void)!write(fd, bytes, 16);
        break;
    case 1:
        (void)!read(fd, bytes, 16);
        break;
    case 2:
        (void)!pwrite(fd, bytes, 16, 0);
        break;
    case 3:
        (void)!pread(fd, bytes, 16, 0);
        break;
    case 4:
        (void)!readv(fd, parts, 2);
        break;
    default:
        (void)!pwritev(fd, parts, 2, 0);
    }
}

static void use(struct worker *worker, struct item *item) {
    int fd = number_of(worker, item);
    uint64_t number = 1;
    struct epoll_event event;
    if (item->kind == KIND_EPOLL) {
        own(item);
        (void)epoll_wait(fd, &event, 1, 0);
        return;
    }
    touch(item);
    if (item->kind == KIND_SOCKET) {
        use_socket(worker, fd);
    } else if (item->kind == KIND_FILE) {
        use_file(worker, fd);
    } else if (soak_below(worker, 2)) {
        (void)!read(fd, &number, sizeof number);
    } else {
        number = 1;
        (void)!write(fd, &number, sizeof number);
    }
}

static void op_use(struct worker *worker) {
    struct item *item = any_item(worker);
    for (unsigned i = 0; item && i < 4; i++) use(worker, item);
}

/* From one descriptor to the next. */
static void op_between(struct worker *worker) {
    struct item *pipe_end = any_of_kind(worker, KIND_PIPE), *file = any_of_kind(worker, KIND_FILE);
    if (!pipe_end || !file) return;
    int to = pipe_end->numbers[0], from = file->numbers[0];
    if ((fcntl(to, F_GETFL) & O_ACCMODE) != O_WRONLY) return;
    touch(file);
    touch(pipe_end);
    if (soak_below(worker, 2))
        (void)!sendfile(to, from, NULL, 64);
    else
        (void)!splice(from, NULL, to, NULL, 64, SPLICE_F_NONBLOCK);
}

/* Everybody's: a pipe that is shared by design. */
static void op_share(struct worker *worker) {
    char byte;
    (void)!write(soak.shared_pipe[1], "x", 1);
    (void)!read(soak.shared_pipe[0], &byte, 1);
    struct item *item = soak_below(worker, 8) ? NULL : any_item(worker);
    if (!item || item->shared) return;
    MUST(!reqscope_share(number_of(worker, item)));
    item->shared = true;
    item->owner = 0;
}

static int open_zero(void) {
    int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    MUST(fd >= 0);
    return fd;
}

static void close_zero(int fd) {
    MUST(!close(fd));
}

REQSCOPE_LOCAL(int, local_zero, open_zero, close_zero)

static void op_local(struct worker *worker) {
    char byte;
    (void)worker;
    if (!soak.guarded) return; /* then it is the thread's, and stays open */
    MUST(read(local_zero(), &byte, 1) == 1);
    is_owned(local_zero(), reqscope_current());
}

/* ---- numbers ------------------------------------------------------------------------------------------------------- */

static int any_private(struct worker *worker) {
    return FIRST_PRIVATE + (int)(worker->index * PRIVATE_RANGE + soak_below(worker, PRIVATE_RANGE));
}

/* dup2 or dup3 from one of the item's numbers to `target`: free, or of an item of this thread. */
static void place(struct worker *worker, struct item *item, int target) {
    int from = number_of(worker, item);
    struct item *replaced = item_with(worker, target);
    if (from == target || (replaced != item && item->count == MOST_NUMBERS)) return;
    own(item);
    if (replaced) own(replaced);
    if (soak_below(worker, 2))
        MUST(dup2(from, target) == target);
    else
        MUST(dup3(from, target, O_CLOEXEC) == target);
    if (replaced == item) return;
    item->numbers[item->count++] = target;
    if (replaced) remove_number(worker, replaced, target);
}

static void op_dup(struct worker *worker) {
    struct item *item = any_item(worker);
    if (!item) return;
    int from = number_of(worker, item), fd = -1;
    own(item);
    if (item->count == MOST_NUMBERS) {
        close_number(worker, item, from);
        return;
    }
    switch (soak_below(worker, 4)) {
    case 0:
        fd = dup(from);
        break;
    case 1:
        fd = fcntl(from, F_DUPFD, 0);
        break;
    case 2:
        fd = fcntl(from, F_DUPFD_CLOEXEC, FIRST_PRIVATE + worker->index * PRIVATE_RANGE);
        MUST(fd < FIRST_PRIVATE + (int)(worker->index + 1) * PRIVATE_RANGE);
        break;
    default:
        place(worker, item, any_private(worker));
        return;
    }
    if (OPENED(fd)) item->numbers[item->count++] = fd;
}

/* One item's number becomes the other's. */
static void op_replace(struct worker *worker) {
    struct item *item = any_item(worker), *other = any_item(worker);
    if (!item || item == other) return;
    MUST(dup2(item->numbers[0], item->numbers[0]) == item->numbers[0]);
    place(worker, item, number_of(worker, other));
}

static void op_close(struct worker *worker) {
    for (unsigned i = 0; worker->count && i < 2; i++) {
        struct item *item = any_item(worker);
        if (item->count > 1 && soak_below(worker, 2)) {
            own(item);
            close_number(worker, item, number_of(worker, item));
        } else {
            close_item(worker, item);
        }
    }
}

static void op_shut(struct worker *worker) {
    struct item *item = any_of_kind(worker, KIND_SOCKET);
    if (!item) return;
    own(item);
    MUST(!shutdown(number_of(worker, item), (int)soak_below(worker, 3)) || errno == ENOTCONN);
}

/* Neighbours among the lowest free numbers, which other threads are given the moment they are free; and all that this thread
 * has in its private range. (By fcntl, and unused: ThreadSanitizer does not know that close_range closes.) */
static void op_range(struct worker *worker) {
    unsigned first = FIRST_PRIVATE + worker->index * PRIVATE_RANGE, last = first + PRIVATE_RANGE - 1;
    int low = fcntl(soak.shared_pipe[0], F_DUPFD_CLOEXEC, 0);
    if (!OPENED(low)) return;
    int high = fcntl(low, F_DUPFD, 0);
    if (high == low + 1) {
        MUST(!close_range((unsigned)low, (unsigned)high, CLOSE_RANGE_CLOEXEC));
        MUST(!close_range((unsigned)low, (unsigned)high, 0));
    } else {
        MUST(!close(low) && (!OPENED(high) || !close(high)));
    }
    for (unsigned fd = first; fd <= last; fd++) {
        struct item *item = item_with(worker, (int)fd);
        if (!item) continue;
        own(item);
        remove_number(worker, item, (int)fd);
    }
    MUST(!close_range(first, last, 0));
}

/* Where the guard keeps its own: it must make way. */
static void op_guards(struct worker *worker) {
    struct item *item = any_item(worker);
    if (worker->index || !item || soak_below(worker, 20)) return;
    place(worker, item, GUARDS + (int)soak_below(worker, 20));
}

/* A number beyond what the limit was until now. */
static void op_high(struct worker *worker) {
    static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER;
    struct rlimit before, raised;
    struct item *item = any_item(worker);
    if (!item || soak_below(worker, 20) || pthread_mutex_trylock(&one)) return;
    MUST(!getrlimit(RLIMIT_NOFILE, &before));
    raised = before;
    raised.rlim_cur = before.rlim_max;
    int number = before.rlim_max > 120000 ? 119999 : (int)before.rlim_max - 1;
    if ((rlim_t)number >= before.rlim_cur) {
        MUST(!setrlimit(RLIMIT_NOFILE, &raised));
        own(item);
        int fd = fcntl(number_of(worker, item), F_DUPFD, number);
        if (OPENED(fd)) {
            if (fd > __atomic_load_n(&soak.highest, __ATOMIC_RELAXED))
                __atomic_store_n(&soak.highest, fd, __ATOMIC_RELAXED);
            is_owned(fd, item->owner);
            MUST(!close(fd));
            is_owned(fd, 0);
        }
        MUST(!setrlimit(RLIMIT_NOFILE, &before));
    }
    pthread_mutex_unlock(&one);
}

/* ---- streams and what libc opens inside itself ---------------------------------------------------------------------- */

static void op_stream(struct worker *worker) {
    char name[32];
    snprintf(name, sizeof name, "stream-%u", worker->index);
    FILE *file = fopen(name, "w+");
    if (!file) {
        MUST(is_tolerable(errno));
        return;
    }
    is_owned(fileno(file), reqscope_current());
    MUST(fputs("line\n", file) >= 0 && !fflush(file));
    if (soak_below(worker, 2)) {
        file = freopen("/dev/null", "r", file);
        if (!file) {
            MUST(is_tolerable(errno));
            return;
        }
        is_owned(fileno(file), reqscope_current());
    }
    MUST(!fclose(file));
    int fd = dup(0);
    if (!OPENED(fd)) return;
    file = fdopen(fd, "r");
    MUST(file && !fclose(file));
}

static void op_tmpfile(struct worker *worker) {
    (void)worker;
    FILE *file = tmpfile();
    if (!file) {
        MUST(is_tolerable(errno));
        return;
    }
    is_owned(fileno(file), reqscope_current());
    char byte;
    (void)!read(fileno(file), &byte, 1);
    MUST(!fclose(file));
}

static void op_folder(struct worker *worker) {
    DIR *folder;
    if (soak_below(worker, 2)) {
        folder = opendir(".");
    } else {
        int fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (!OPENED(fd)) return;
        folder = fdopendir(fd);
        if (!folder) MUST(!close(fd));
    }
    if (!folder) {
        MUST(is_tolerable(errno));
        return;
    }
    is_owned(dirfd(folder), reqscope_current());
    (void)readdir(folder);
    MUST(!closedir(folder));
}

/* Past libc's functions. */
static void op_raw(struct worker *worker) {
    char byte;
    long fd = syscall(SYS_openat, AT_FDCWD, "/dev/zero", O_RDONLY | O_CLOEXEC);
    if (!OPENED(fd)) return;
    if (soak_below(worker, 2)) MUST(read((int)fd, &byte, 1) == 1);
    MUST(!syscall(SYS_close, fd));
    fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    if (OPENED(fd)) MUST(!syscall(SYS_close, fd));
}

/* ---- SCM_RIGHTS ------------------------------------------------------------------------------------------------------ */

#define MOST_PASSED 3

union control {
    char bytes[CMSG_SPACE(MOST_PASSED * sizeof(int))];
    struct cmsghdr align;
};

/* Sends some of this thread's descriptors; false: not now. */
static bool pass(struct worker *worker, int over) {
    union control control = {.bytes = {0}};
    int count = 1 + (int)soak_below(worker, MOST_PASSED);
    struct iovec part = {"fds", 3};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = CMSG_SPACE((size_t)count * sizeof(int))};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN((size_t)count * sizeof(int));
    for (int i = 0; i < count; i++) {
        struct item *item = any_item(worker);
        if (!item) return false;
        own(item);
        int fd = number_of(worker, item);
        memcpy(CMSG_DATA(header) + (size_t)i * sizeof fd, &fd, sizeof fd);
    }
    if (sendmsg(over, &message, MSG_DONTWAIT | MSG_NOSIGNAL) == 3) return true;
    MUST(is_tolerable(errno));
    return false;
}

static void collect(struct worker *worker, struct msghdr *message) {
    for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header; header = CMSG_NXTHDR(message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
        for (size_t at = CMSG_LEN(0); at + sizeof(int) <= header->cmsg_len; at += sizeof(int)) {
            int fd;
            memcpy(&fd, (char *)header + at, sizeof fd);
            is_owned(fd, reqscope_current());
            note_or_close(worker, fd, soak_kind(fd));
        }
    }
}

static void receive(struct worker *worker, int from) {
    union control control[2];
    char bytes[2][8];
    struct iovec parts[2] = {{bytes[0], sizeof bytes[0]}, {bytes[1], sizeof bytes[1]}};
    struct mmsghdr messages[2];
    int way = (int)soak_below(worker, 5), flags = MSG_DONTWAIT | (soak_below(worker, 2) ? MSG_CMSG_CLOEXEC : 0);
    memset(messages, 0, sizeof messages);
    for (int i = 0; i < 2; i++) {
        messages[i].msg_hdr.msg_iov = &parts[i];
        messages[i].msg_hdr.msg_iovlen = 1;
        messages[i].msg_hdr.msg_control = control[i].bytes;
        /* Truncated: the kernel drops what finds no room. */
        messages[i].msg_hdr.msg_controllen =
            way == 0 ? soak_below(worker, sizeof control[i].bytes) : sizeof control[i].bytes;
    }
    if (way == 1) { /* the same descriptors twice: they are installed by a peek as well */
        struct msghdr peek = messages[1].msg_hdr;
        if (recvmsg(from, &peek, flags | MSG_PEEK) < 0) return;
        collect(worker, &peek);
    }
    if (way <= 2) {
        if (recvmsg(from, &messages[0].msg_hdr, flags) >= 0) collect(worker, &messages[0].msg_hdr);
        return;
    }
    int count = recvmmsg(from, messages, 2, flags, NULL);
    for (int i = 0; i < count; i++) collect(worker, &messages[i].msg_hdr);
}

/* Over a pair of this thread's own. */
static void op_pass(struct worker *worker) {
    static const int types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET};
    int ends[2], type = types[soak_below(worker, 3)];
    if (!OPENED(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends))) return;
    for (unsigned i = 1 + soak_below(worker, 3); i; i--) pass(worker, ends[0]);
    if (soak_below(worker, 8)) receive(worker, ends[1]); /* else what is on its way ends with the socket */
    MUST(!close(ends[0]) && !close(ends[1]));
}

/* To another thread, which finds it in its post. */
static void op_post(struct worker *worker) {
    receive(worker, worker->post[0]);
    pass(worker, soak.workers[soak_below(worker, soak.threads)].post[1]);
}

/* ---- from thread to thread -------------------------------------------------------------------------------------------- */

static bool send_parcel(struct worker *worker, const struct item *item, reqscope_id request) {
    struct worker *to = &soak.workers[soak_below(worker, soak.threads)];
    pthread_mutex_lock(&to->lock);
    bool room = to->parcel_count < MOST_PARCELS;
    if (room) to->parcels[to->parcel_count++] = (struct parcel){*item, request};
    pthread_mutex_unlock(&to->lock);
    return room;
}

/* The item goes to another thread, in the pool; not one with a number in this thread's range. */
static void op_hand(struct worker *worker) {
    struct item *item = any_item(worker);
    if (!item) return;
    for (int i = 0; i < item->count; i++) {
        if (item->numbers[i] >= GUARDS) return;
    }
    if (!item->shared && item->owner) give(item, 0);
    if (send_parcel(worker, item, 0)) remove_item(worker, item);
}

/* A request that another thread goes on with, and ends. */
static void op_job(struct worker *worker) {
    reqscope_id before = reqscope_switch(0), request = reqscope_begin("job");
    struct item item = {.count = 1, .kind = KIND_FILE, .owner = request};
    item.born = item.numbers[0] = open("/dev/zero", O_RDONLY);
    /* Before it is sent: who receives the job may end it at once. */
    reqscope_switch(before);
    bool sent = OPENED(item.born) && send_parcel(worker, &item, request);
    if (sent) return;
    reqscope_switch(request);
    if (item.born >= 0) MUST(!close(item.born));
    reqscope_switch(before);
    reqscope_end(request);
}

static void take_parcels(struct worker *worker) {
    for (;;) {
        struct parcel parcel;
        pthread_mutex_lock(&worker->lock);
        int count = has_room(worker, 1) ? worker->parcel_count : 0;
        if (count) parcel = worker->parcels[--worker->parcel_count];
        pthread_mutex_unlock(&worker->lock);
        if (!count) return;
        struct item *item = &worker->items[worker->count++];
        *item = parcel.item;
        if (!parcel.request) continue;
        reqscope_switch(parcel.request);
        use(worker, item);
        if (soak_below(worker, 2))
            close_item(worker, item);
        else
            give(item, worker->keeper);
        reqscope_end(parcel.request);
        reqscope_switch(0);
    }
}

/* A thread that lives for one request. */
static void *short_life(void *argument) {
    reqscope_id request = reqscope_begin("short");
    int ends[2];
    char byte;
    if (pipe2(ends, O_CLOEXEC)) {
        MUST(is_tolerable(errno));
    } else {
        is_owned(ends[0], request);
        MUST(write(ends[1], "x", 1) == 1 && read(ends[0], &byte, 1) == 1);
        MUST(!close(ends[0]) && !close(ends[1]));
    }
    reqscope_end(request);
#ifdef SOAK_LINKED
    sanitize_thread_ends();
#endif
    return argument;
}

static void op_thread(struct worker *worker) {
    pthread_t thread;
    pthread_attr_t attributes;
    MUST(!pthread_attr_init(&attributes) && !pthread_attr_setstacksize(&attributes, 128 << 10));
    if (!pthread_create(&thread, &attributes, short_life, worker)) MUST(!pthread_join(thread, NULL));
    pthread_attr_destroy(&attributes);
}

/* ---- signals ----------------------------------------------------------------------------------------------------------- */

/* What a handler may do, in the midst of whatever the thread was doing. (In a child it may come before the guard has begun
 * there: then nothing is anybody's.) */
static void handler(int signal) {
    int ends[2], saved = errno;
    char bytes[4];
    bool guarded = getpid() == soak.pid;
    if (!pipe2(ends, O_CLOEXEC)) {
        reqscope_id current = reqscope_current();
        if (guarded) is_owned(ends[0], current);
        MUST(write(ends[1], "ab", 2) == 2 && read(ends[0], bytes, sizeof bytes) == 2);
        int copy = dup(ends[0]);
        if (copy >= 0) {
            if (guarded) is_owned(copy, current);
            MUST(!close(copy));
        }
        MUST(!close(ends[0]) && !close(ends[1]));
    }
    if (signal == SIGUSR2) __atomic_store_n(&soak_self->poked, 0, __ATOMIC_RELEASE);
    errno = saved;
}

void soak_handle_signals(void) {
    struct sigaction here = {.sa_handler = handler, .sa_flags = SA_RESTART};
    struct sigaction on_stack = {.sa_handler = handler, .sa_flags = SA_RESTART | SA_ONSTACK};
    MUST(!sigaction(SIGUSR1, &here, NULL) && !sigaction(SIGUSR2, &on_stack, NULL));
    signal(SIGPIPE, SIG_IGN);
}

/* SIGUSR1 to itself, on its stack; SIGUSR2 to any thread, whatever it is doing, on a stack of its own. (A handler that opens
 * in the midst of anything on the ordinary stack has another stack trace each time: the guard keeps each for good.) */
static void op_signal(struct worker *worker) {
    struct worker *other = &soak.workers[soak_below(worker, soak.threads)];
    int not_poked = 0;
    MUST(!raise(SIGUSR1));
    if (__atomic_compare_exchange_n(&other->poked, &not_poked, 1, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        MUST(!pthread_kill(other->thread, SIGUSR2));
}

/* ---- processes --------------------------------------------------------------------------------------------------------- */

/* A process for each call would be all that the soak does. */
static bool may_have_child(void) {
    static int64_t last;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    int64_t time = now.tv_sec * 1000 + now.tv_nsec / 1000000, seen = __atomic_load_n(&last, __ATOMIC_RELAXED);
    return time - seen >= 1000 / soak.children_a_second &&
           __atomic_compare_exchange_n(&last, &seen, time, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

static void await_child(pid_t pid) {
    int status;
    pid_t ended;
    while ((ended = waitpid(pid, &status, 0)) < 0 && errno == EINTR) {
    }
    MUST(ended == pid);
    if (status) soak_fail("child %d ends with status 0x%x", (int)pid, status);
}

/* The child's copy of this thread's items is as the thread's own. */
static void child_checks(const struct worker *worker) {
    for (int i = 0; i < worker->count; i++) {
        for (int j = 0; j < worker->items[i].count; j++) is_owned(worker->items[i].numbers[j], worker->items[i].owner);
    }
}

static void child_works(struct worker *worker) {
    int ends[2];
    char byte;
    reqscope_id request = reqscope_begin("child");
    switch (soak_below(worker, 4)) {
    case 0:
        closefrom(3);
        break;
    case 1:
        MUST(!close_range(3, ~0U, 0));
        break;
    case 2:
        for (int i = 0; i < worker->count; i++) MUST(!close(worker->items[i].numbers[0]));
        break;
    default:;
    }
    if (!OPENED(pipe(ends))) return;
    is_owned(ends[0], request);
    MUST(write(ends[1], "x", 1) == 1 && read(ends[0], &byte, 1) == 1);
    if (soak_below(worker, 4) == 0) {
        pid_t pid = fork();
        if (!pid) _exit(read(ends[0], &byte, 0) || close(ends[0]) || close(ends[1]));
        if (pid > 0) await_child(pid);
    }
    MUST(!close(ends[0]) && !close(ends[1]));
    reqscope_end(request);
}

static char *const true_arguments[] = {"true", NULL};

static void op_fork(struct worker *worker) {
    if (!may_have_child()) return;
    pid_t pid = fork();
    if (!pid) {
        child_checks(worker);
        if (soak_below(worker, 2)) child_works(worker);
        _exit(0);
    }
    MUST(pid > 0 || is_tolerable(errno));
    if (pid > 0) await_child(pid);
}

static void op_exec(struct worker *worker) {
    if (!may_have_child()) return;
    pid_t pid = fork();
    if (!pid) {
        if (soak_below(worker, 2)) child_works(worker);
        execve("/bin/true", true_arguments, soak.quiet_environment);
        _exit(8);
    }
    MUST(pid > 0 || is_tolerable(errno));
    if (pid > 0) await_child(pid);
}

static void op_vfork(struct worker *worker) {
    (void)worker;
    if (!may_have_child()) return;
    pid_t pid = vfork(); /* NOLINT(clang-analyzer-security.insecureAPI.vfork): what it is about */
    if (!pid) {
        /* A vfork's child shares the memory, but not the numbers. */
        if (close(0) || open("/dev/null", O_RDONLY) != 0) _exit(9);
        execve("/bin/true", true_arguments, soak.quiet_environment);
        _exit(8);
    }
    MUST(pid > 0 || is_tolerable(errno));
    if (pid > 0) await_child(pid);
}

static void op_spawn(struct worker *worker) {
    posix_spawn_file_actions_t actions;
    pid_t pid;
    (void)worker;
    if (!may_have_child()) return;
    MUST(!posix_spawn_file_actions_init(&actions));
    MUST(!posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0));
    MUST(!posix_spawn_file_actions_addclosefrom_np(&actions, 3));
    int error = posix_spawn(&pid, "/bin/true", &actions, NULL, true_arguments, soak.quiet_environment);
    MUST(!error || is_tolerable(error));
    if (!error) await_child(pid);
    MUST(!posix_spawn_file_actions_destroy(&actions));
}

static void op_popen(struct worker *worker) {
    char line[16] = "";
    (void)worker;
    if (!may_have_child()) return;
    FILE *file = popen("echo said", "re");
    if (!file) {
        MUST(is_tolerable(errno));
        return;
    }
    is_owned(fileno(file), reqscope_current());
    while (!fgets(line, sizeof line, file)) MUST(errno == EINTR);
    MUST(!strcmp(line, "said\n") && !pclose(file));
}

/* ---- a request --------------------------------------------------------------------------------------------------------- */

static struct operation {
    const char *name;
    void (*run)(struct worker *worker);
    unsigned weight;
    uint64_t count; /* atomic */
} operations[] = {
    {"file", op_file, 6, 0},       {"missing", op_missing, 1, 0}, {"pipe", op_pipe, 5, 0},
    {"pair", op_pair, 5, 0},       {"event", op_event, 3, 0},     {"epoll", op_epoll, 3, 0},
    {"tcp", op_tcp, 8, 0},         {"accept", op_accept, 4, 0},   {"lease", op_lease, 2, 0},
    {"use", op_use, 16, 0},        {"between", op_between, 3, 0}, {"share", op_share, 3, 0},
    {"local", op_local, 3, 0},     {"dup", op_dup, 8, 0},         {"replace", op_replace, 3, 0},
    {"close", op_close, 10, 0},    {"shut", op_shut, 2, 0},       {"range", op_range, 3, 0},
    {"guards", op_guards, 1, 0},   {"high", op_high, 1, 0},       {"stream", op_stream, 3, 0},
    {"tmpfile", op_tmpfile, 1, 0}, {"folder", op_folder, 2, 0},   {"raw", op_raw, 2, 0},
    {"pass", op_pass, 4, 0},       {"post", op_post, 5, 0},       {"hand", op_hand, 4, 0},
    {"job", op_job, 3, 0},         {"thread", op_thread, 1, 0},   {"signal", op_signal, 2, 0},
    {"fork", op_fork, 4, 0},       {"exec", op_exec, 1, 0},       {"vfork", op_vfork, 1, 0},
    {"spawn", op_spawn, 1, 0},     {"popen", op_popen, 1, 0},
};
#define OPERATIONS (sizeof operations / sizeof *operations)

bool soak_leave_out(const char *name) {
    for (size_t i = 0; i < OPERATIONS; i++) {
        if (strcmp(operations[i].name, name)) continue;
        operations[i].weight = 0;
        return true;
    }
    return false;
}

void soak_say_counts(void) {
    char line[2048];
    int length = 0;
    for (size_t i = 0; i < OPERATIONS; i++) {
        length += snprintf(line + length, sizeof line - (size_t)length, " %s %llu", operations[i].name,
                           (unsigned long long)operations[i].count);
    }
    soak_say("operations:%s", line);
}

static void run_any(struct worker *worker) {
    unsigned all = 0, at = 0;
    for (size_t i = 0; i < OPERATIONS; i++) all += operations[i].weight;
    unsigned chosen = soak_below(worker, all);
    while (chosen >= operations[at].weight) chosen -= operations[at++].weight;
    operations[at].run(worker);
    __atomic_fetch_add(&operations[at].count, 1, __ATOMIC_RELAXED);
}

/* What the request still owns is closed, goes back to the pool, or to the context that keeps. */
static void leave_nothing(struct worker *worker, reqscope_id request, reqscope_id keeper) {
    for (int i = worker->count; i-- > 0;) {
        struct item *item = &worker->items[i];
        if (item->owner != request || item->shared) continue;
        switch (soak_below(worker, 3)) {
        case 0:
            close_item(worker, item);
            break;
        case 1:
            give(item, 0);
            break;
        default:
            give(item, keeper);
        }
    }
}

void soak_round(struct worker *worker) {
    char label[32];
    take_parcels(worker);
    snprintf(label, sizeof label, "round %llu", (unsigned long long)worker->rounds++);
    reqscope_id request = reqscope_begin(label);
    for (unsigned i = 1 + soak_below(worker, 12); i; i--) run_any(worker);
    MUST(reqscope_current() == request);
    if (soak_below(worker, 4) == 0) {
        /* A context within the request. */
        reqscope_id inner = reqscope_begin("inner");
        for (unsigned i = 1 + soak_below(worker, 4); i; i--) run_any(worker);
        leave_nothing(worker, inner, request); /* NOLINT(readability-suspicious-call-argument): the request keeps */
        reqscope_end(inner);
        MUST(reqscope_current() == request);
    }
    if (!has_room(worker, MOST_ITEMS / 2)) close_newest(worker, 4);
    leave_nothing(worker, request, worker->keeper);
    reqscope_end(request);
    MUST(!reqscope_current());
}
