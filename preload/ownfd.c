/* ownfd.c: see ownfd.h. A fixed array, taken and given back by compare-and-swap: no lock, no malloc. */
#include "preload/ownfd.h"
#include "preload/fdtable.h"

#include <fcntl.h>
#include <sys/resource.h>

#define OWN_MOST 16
#define HIGH_ENOUGH 1000 /* select()'s bit sets end at 1024; few programs count this far */

/* number + 1; 0: free place. */
static struct {
    int number;
    int *holder;
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

static void protect(int index, int fd) {
    rs_bind_own(fd);
    if (own[index].holder) *own[index].holder = fd;
}

int rs_own(int fd, int *holder) {
    if (fd < 0) return fd;
    for (int i = 0; i < OWN_MOST; i++) {
        int none = 0;
        if (!__atomic_compare_exchange_n(&own[i].number, &none, -1, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
            continue;
        long moved = duplicate_high(fd);
        if (moved >= 0) rs_sys(SYS_close, fd);
        if (moved < 0) moved = fd;
        own[i].holder = holder;
        protect(i, (int)moved);
        __atomic_store_n(&own[i].number, (int)moved + 1, __ATOMIC_RELEASE);
        return (int)moved;
    }
    if (holder) *holder = fd;
    return fd;
}

static int place_of(int fd) {
    for (int i = 0; i < OWN_MOST; i++) {
        if (__atomic_load_n(&own[i].number, __ATOMIC_ACQUIRE) == fd + 1) return i;
    }
    return -1;
}

void rs_own_close(int fd) {
    int index = place_of(fd);
    if (index >= 0) {
        bool last;
        rs_unbind(fd, &last);
        own[index].holder = 0;
        __atomic_store_n(&own[index].number, 0, __ATOMIC_RELEASE);
    }
    rs_sys(SYS_close, fd);
}

void rs_own_vacate(int fd) {
    int index = place_of(fd);
    if (index < 0) return;
    long moved = rs_sys(SYS_fcntl, fd, F_DUPFD_CLOEXEC, fd + 1);
    if (moved < 0) moved = duplicate_high(fd);
    if (moved < 0) return;
    bool last;
    rs_unbind(fd, &last);
    protect(index, (int)moved);
    __atomic_store_n(&own[index].number, (int)moved + 1, __ATOMIC_RELEASE);
}

int rs_own_next(int from) {
    int next = -1;
    for (int i = 0; i < OWN_MOST; i++) {
        int fd = __atomic_load_n(&own[i].number, __ATOMIC_ACQUIRE) - 1;
        if (fd >= from && (next < 0 || fd < next)) next = fd;
    }
    return next;
}
