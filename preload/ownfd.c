/* ownfd.c: see ownfd.h. A fixed array: no lock, no malloc. Who changes an entry takes it by compare-and-swap (BUSY), and gives
 * it back by a store: a signal handler that comes in between finds no such number, and leaves it alone. */
#include "preload/ownfd.h"
#include "preload/fdtable.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define OWN_MOST 16
#define HIGH_ENOUGH 1000 /* select()'s bit sets end at 1024; few programs count this far */
#define BUSY (-1)
#define FURTHEST_NOTED 256 /* at start few are open, and the numbers are low */
#define NOTED_MOST 8

static struct own {
    int number; /* + 1; 0: free place; BUSY */
    int *holder;
    void (*lost)(void);
} own[OWN_MOST];

static long duplicate_high(int fd) {
    struct rlimit limit = {0, 0};
    rs_sys(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, &limit);
    for (long least = HIGH_ENOUGH; least > 2; least /= 4) {
        if ((uint64_t)least + OWN_MOST >= limit.rlim_cur) continue;
        long moved = rs_sys(SYS_fcntl, fd, F_DUPFD_CLOEXEC, least);
        if (moved >= 0) return moved;
    }
    return -1;
}

static struct own *take(int number) {
    for (int i = 0; i < OWN_MOST; i++) {
        int found = number;
        if (__atomic_compare_exchange_n(&own[i].number, &found, BUSY, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
            return &own[i];
    }
    return NULL;
}

static struct own *take_of(int fd) {
    return fd < 0 ? NULL : take(fd + 1);
}

int rs_own_lowest = INT_MAX;

/* The entry stands for fd from now on. */
static void put(struct own *entry, int fd) {
    int lowest = __atomic_load_n(&rs_own_lowest, __ATOMIC_RELAXED);
    while (fd < lowest &&
           !__atomic_compare_exchange_n(&rs_own_lowest, &lowest, fd, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
    }
    rs_bind_own(fd);
    if (entry->holder) __atomic_store_n(entry->holder, fd, __ATOMIC_RELEASE);
    __atomic_store_n(&entry->number, fd + 1, __ATOMIC_RELEASE);
}

/* The entry is free; to the program fd is an ordinary number. */
static void drop(struct own *entry, int fd) {
    rs_unbind_own(fd);
    entry->holder = NULL;
    entry->lost = NULL;
    __atomic_store_n(&entry->number, 0, __ATOMIC_RELEASE);
}

/* The descriptor is not the guard's any more: whoever keeps the number must know before it can be used again. */
static void give_up(struct own *entry, int fd) {
    if (entry->holder) __atomic_store_n(entry->holder, -1, __ATOMIC_RELEASE);
    if (entry->lost) entry->lost();
    drop(entry, fd);
}

static int keep(int fd, int *holder, void (*lost)(void)) {
    struct own *entry = fd < 0 ? NULL : take(0);
    if (!entry) {
        if (holder) *holder = fd;
        return fd;
    }
    long moved = duplicate_high(fd);
    if (moved >= 0) {
        rs_sys(SYS_close, fd);
        fd = (int)moved;
    }
    entry->holder = holder;
    entry->lost = lost;
    put(entry, fd);
    return fd;
}

static struct {
    uint64_t inode; /* of a pipe: no other has it while this one is open */
    int fd;
    uint32_t adopted;
} pipes[NOTED_MOST];

static uint64_t inode_of_pipe(int fd) {
    struct stat status;
    return !rs_sys(SYS_fstat, fd, &status) && S_ISFIFO(status.st_mode) ? status.st_ino : 0;
}

void rs_own_note_pipes(void) {
    int count = 0;
    for (int fd = 3; fd < FURTHEST_NOTED && count < NOTED_MOST; fd++) {
        if (rs_sys(SYS_fcntl, fd, F_GETFD) != FD_CLOEXEC) continue;
        long flags = rs_sys(SYS_fcntl, fd, F_GETFL);
        uint64_t inode = flags >= 0 && flags & O_NONBLOCK ? inode_of_pipe(fd) : 0;
        if (!inode) continue;
        pipes[count].fd = fd;
        pipes[count++].inode = inode;
    }
}

/* Several threads may ask at once: one of them takes the entry, to the others it is theirs as well. */
bool rs_own_adopt(int fd, void (*lost)(void)) {
    for (int i = 0; i < NOTED_MOST && pipes[i].inode; i++) {
        if (pipes[i].fd != fd || pipes[i].inode != inode_of_pipe(fd)) continue;
        if (__atomic_exchange_n(&pipes[i].adopted, 1, __ATOMIC_ACQ_REL)) return true;
        struct own *entry = take(0);
        if (!entry) return true;
        entry->holder = NULL;
        entry->lost = lost;
        put(entry, fd);
        return true;
    }
    return false;
}

int rs_own(int fd, int *holder) {
    return keep(fd, holder, NULL);
}

int rs_own_fixed(int fd, void (*lost)(void)) {
    return keep(fd, NULL, lost);
}

void rs_own_close(int fd) {
    struct own *entry = take_of(fd);
    if (!entry) return;
    drop(entry, fd);
    rs_sys(SYS_close, fd);
}

int rs_own_close_by_unwinder(int fd) {
    if (rs_is_own(fd)) {
        rs_own_close(fd);
        return 0;
    }
    errno = EBADF;
    return -1;
}

void rs_own_vacate(int fd) {
    struct own *entry = take_of(fd);
    if (!entry) return;
    long moved = -1;
    if (!entry->lost) {
        moved = rs_sys(SYS_fcntl, fd, F_DUPFD_CLOEXEC, fd + 1);
        if (moved < 0) moved = duplicate_high(fd);
    }
    if (moved < 0) {
        give_up(entry, fd);
        return;
    }
    put(entry, (int)moved);
    rs_unbind_own(fd);
}

void rs_own_lost(int fd) {
    struct own *entry = take_of(fd);
    if (entry) give_up(entry, fd);
}

int rs_own_next(int from) {
    int next = -1;
    for (int i = 0; i < OWN_MOST; i++) {
        int fd = __atomic_load_n(&own[i].number, __ATOMIC_ACQUIRE) - 1;
        if (fd >= from && (next < 0 || fd < next)) next = fd;
    }
    return next;
}
