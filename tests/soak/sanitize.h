/* sanitize.h: what the guard's sources include first when they are linked with the soak. It tells ThreadSanitizer what it
 * cannot see, as the guard asks the kernel without libc:
 *
 * - A place that is unmapped and mapped again is other memory: what two threads did there is no race.
 * - A description's place that one process's thread lets go of and another process's gives back is free: what the first one did is
 *   over.
 * - When the kernel says that there is no such thread (tgkill: ESRCH), then what that thread did has been done before.
 *
 * In other builds nothing is different. */
#ifndef RS_TESTS_SANITIZE_H
#define RS_TESTS_SANITIZE_H

#if defined(__SANITIZE_THREAD__)
void __tsan_acquire(void *address);
void __tsan_release(void *address);
#define rs_happens_before(address) __tsan_release(address)
#define rs_happens_after(address) __tsan_acquire(address)
#include "tracer/sys.h"

#include <errno.h>

long sanitize_mmap(long address, long size, long protection, long flags, long fd, long offset);
long sanitize_munmap(long address, long size);
void sanitize_thread_ended(void); /* before this, all that ended threads did */
void sanitize_thread_ends(void);  /* the calling thread does nothing more */

static inline long sanitize_syscall(long number, long a, long b, long c, long d, long e, long f) {
    if (number == SYS_mmap) return sanitize_mmap(a, b, c, d, e, f);
    if (number == SYS_munmap) return sanitize_munmap(a, b);
    long result = rs_syscall(number, a, b, c, d, e, f);
    if (number == SYS_tgkill && result == -ESRCH) sanitize_thread_ended();
    return result;
}

static inline void *sanitize_map(uint64_t size, int protection, int flags, int fd) {
    long address = sanitize_mmap(0, (long)size, protection, flags, fd, 0);
    return address < 0 && address > -4096 ? (void *)0 : (void *)address;
}

#define rs_syscall sanitize_syscall
#define rs_sys_mmap sanitize_map

#else
static inline void sanitize_thread_ends(void) {
}
#endif

#endif
