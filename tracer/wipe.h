/* wipe.h: memory that a child reads as zeros, however it was forked: fork, _Fork or a bare clone system call, of which the
 * last two run no handlers. What must not be believed in a child lies there ("the packets are ours to write"). */
#ifndef RS_TRACER_WIPE_H
#define RS_TRACER_WIPE_H

#include "tracer/sys.h"

#include <stdbool.h>
#include <sys/auxv.h>

/* At least a page: where pages may be larger, linkers align for the largest. */
#if defined(__x86_64__)
#define RS_WIPED_SIZE 4096
#else
#define RS_WIPED_SIZE 65536
#endif

/* To be wiped it must be whole pages of zero-initialized memory of their own. The variable in it is made its alias, so that
 * it is read by one load:
 *
 *     static struct rs_wiped page;
 *     extern bool rs_on __attribute__((alias("page")));      (declared RS_HIDDEN in its header) */
struct rs_wiped {
    char bytes[RS_WIPED_SIZE];
} __attribute__((aligned(RS_WIPED_SIZE)));

/* Once, before the first fork; what is in the memory stays. False: not possible (before Linux 4.14), a child reads what its
 * parent has. A child that shares its parent's memory (vfork) always does. */
static inline bool rs_wipe_on_fork(void *page, unsigned long size) {
    unsigned long page_size = getauxval(AT_PAGESZ);
    if (!page_size || (unsigned long)page % page_size || size % page_size) return false;
    return !rs_sys(SYS_madvise, page, size, 18 /* MADV_WIPEONFORK */);
}

#endif
