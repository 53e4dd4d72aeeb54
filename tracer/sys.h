/* sys.h: the guard's own system calls, made without libc's wrappers: neither the guard nor another preloaded library sees
 * them, they are no cancellation points, and errno stays as it is. The answer is the kernel's: -errno on failure. */
#ifndef RS_TRACER_SYS_H
#define RS_TRACER_SYS_H

#include <stdint.h>
#include <sys/syscall.h>

/* (The analyzer cannot see what the instruction writes; the C way tells it.) */
#if defined(__x86_64__) && !defined(__clang_analyzer__)
static inline long rs_syscall(long number, long a, long b, long c, long d, long e, long f) {
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}
#else
#include <errno.h>
#include <unistd.h>
/* The C way: libc's own syscall(), with errno put back. */
static inline long rs_syscall(long number, long a, long b, long c, long d, long e, long f) {
    int saved = errno;
    long result = syscall(number, a, b, c, d, e, f);
    if (result == -1) result = -errno;
    errno = saved;
    return result;
}
#endif

#define RS_SYS_PICK(_1, _2, _3, _4, _5, _6, _7, chosen, ...) chosen
#define RS_SYS1(n) rs_syscall((n), 0, 0, 0, 0, 0, 0)
#define RS_SYS2(n, a) rs_syscall((n), (long)(a), 0, 0, 0, 0, 0)
#define RS_SYS3(n, a, b) rs_syscall((n), (long)(a), (long)(b), 0, 0, 0, 0)
#define RS_SYS4(n, a, b, c) rs_syscall((n), (long)(a), (long)(b), (long)(c), 0, 0, 0)
#define RS_SYS5(n, a, b, c, d) rs_syscall((n), (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)
#define RS_SYS6(n, a, b, c, d, e) rs_syscall((n), (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), 0)
#define RS_SYS7(n, a, b, c, d, e, f) rs_syscall((n), (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))
/* rs_sys(SYS_close, fd) and so on, with up to six arguments. */
#define rs_sys(...) \
    RS_SYS_PICK(__VA_ARGS__, RS_SYS7, RS_SYS6, RS_SYS5, RS_SYS4, RS_SYS3, RS_SYS2, RS_SYS1, 0)(__VA_ARGS__)

/* mmap through the kernel; NULL when it fails. */
static inline void *rs_sys_mmap(uint64_t size, int protection, int flags, int fd) {
    long address = rs_sys(SYS_mmap, 0, size, protection, flags, fd, 0);
    return address < 0 && address > -4096 ? (void *)0 : (void *)address;
}

/* What was done to the thing at the address before the one has been done before the other: a sanitizer sees one process, and what a
 * thread passes on by way of another process looks to it like no order at all. Nothing in the product. */
#ifndef rs_happens_before
#define rs_happens_before(address) ((void)(address))
#define rs_happens_after(address) ((void)(address))
#endif

#define rs_likely(condition) __builtin_expect(!!(condition), 1)
#define rs_unlikely(condition) __builtin_expect(!!(condition), 0)
/* For what is read on the path of a call: an address known at link time, not a load of one. (The compiler's option for
 * visibility does not cover declarations.) */
#define RS_HIDDEN __attribute__((visibility("hidden")))
#define RS_COLD __attribute__((cold, noinline))

#endif
