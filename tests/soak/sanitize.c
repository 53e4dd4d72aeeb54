/* sanitize.c: see sanitize.h. The functions that the sanitizer follows are found as the guard finds its real ones. */
#include "sanitize.h"

#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

/* The guard's stack.c calls it as dlopen (soak.mk). With ThreadSanitizer the guard unwinds with libgcc: libunwind has memory
 * for each thread, which it gives back in the last round of the thread's destructors. So does the sanitizer with its own, and
 * whoever comes second has none left. */
void *sanitize_dlopen(const char *name, int flags);
void *sanitize_dlopen(const char *name, int flags) {
#if defined(__SANITIZE_THREAD__)
    if (strstr(name, "libunwind")) return NULL;
#endif
    return dlopen(name, flags);
}

#if defined(__SANITIZE_THREAD__)
static char ended;
void __tsan_acquire(void *address);
void __tsan_release(void *address);

void sanitize_thread_ended(void) {
    __tsan_acquire(&ended);
}

void sanitize_thread_ends(void) {
    __tsan_release(&ended);
}

/* The kernel's answer, made of libc's. */
static long answer(long result, int saved) {
    if (result == -1) result = -errno;
    errno = saved;
    return result;
}

/* First a mapping that the sanitizer sees, then the file's over it: of the descriptor, too, it would think that it is used. */
long sanitize_mmap(long address, long size, long protection, long flags, long fd, long offset) {
    static void *(*map)(void *, size_t, int, int, int, off_t);
    int saved = errno, none = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    if (!map) map = (void *(*)(void *, size_t, int, int, int, off_t))(uintptr_t)dlsym(RTLD_NEXT, "mmap");
    long result = answer((long)map((void *)address, (size_t)size, PROT_NONE, none | (flags & MAP_FIXED), -1, 0), saved);
    if (result < 0 && result > -4096) return result;
#undef rs_syscall
    return rs_syscall(SYS_mmap, result, size, protection, flags | MAP_FIXED, fd, offset);
}

long sanitize_munmap(long address, long size) {
    static int (*unmap)(void *, size_t);
    int saved = errno;
    if (!unmap) unmap = (int (*)(void *, size_t))(uintptr_t)dlsym(RTLD_NEXT, "munmap");
    return answer(unmap((void *)address, (size_t)size), saved);
}
#endif
