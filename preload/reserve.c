/* reserve.c: see reserve.h. */
#include "preload/reserve.h"
#include "tracer/sys.h"

#include <sys/mman.h>
#include <sys/resource.h>

#ifndef MADV_DONTDUMP
#define MADV_DONTDUMP 16
#endif

bool rs_space_is_limited(void) {
    static int limited = -1;
    if (limited < 0) {
        struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
        rs_sys(SYS_prlimit64, 0, RLIMIT_AS, 0, &limit);
        limited = limit.rlim_cur != RLIM_INFINITY;
    }
    return limited;
}

static void *reserve(uint64_t size, int flags) {
    void *place = rs_sys_mmap(size, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS | MAP_NORESERVE, -1);
    if (place) rs_sys(SYS_madvise, place, size, MADV_DONTDUMP);
    return place;
}

void *rs_reserve_private(uint64_t count, uint64_t size) {
    return reserve(count * size, MAP_PRIVATE);
}

void *rs_reserve_shared(uint64_t count, uint64_t size) {
    return reserve(count * size, MAP_SHARED);
}
