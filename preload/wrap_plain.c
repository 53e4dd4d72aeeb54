/* wrap_plain.c: the calls that the guard only has to know or to hand on, made from calls.def: what asks or sets something of a
 * descriptor (LOOK), what makes a new one (MAKES), what touches none that the program gets to see (PASS).
 *
 * PASS is compiled to a jump: longjmp and swapcontext see their caller's frame, not ours. */
#include "preload/describe.h"
#include "preload/wrap.h"

#include <stddef.h>
#include <ucontext.h>

static inline bool is_own(int fd) {
    return rs_hidden(fd);
}

/* failed is an error number when the function answers by those, else what it answers besides errno. */
#define LOOK(ret, name, params, args, hidden, failed) \
    RS_WRAP(ret, name, params) {                      \
        if (hidden) {                                 \
            if ((long)(failed) <= 0) errno = EBADF;   \
            return failed;                            \
        }                                             \
        return real.name args;                        \
    }
#define MAKES(name, params, args, operation, kind, text)                             \
    RS_WRAP(int, name, params) {                                                     \
        int result = real.name args;                                                 \
        if (result >= 0) rs_opened(result, RS_OP_##operation, RS_KIND_##kind, text); \
        return result;                                                               \
    }
#define PASS(ret, name, params, args)     \
    RS_JUMPS RS_WRAP(ret, name, params) { \
        return real.name args;            \
    }
#define CALL(ret, name, params, args)
#define IO(ret, name, params, args, fd, operation, bytes)
#define STREAM(ret, name, params, args, file, operation, failed, bytes)
#define SECOND_NAME_LOOK(name, target) RS_WRAP_SAME_AS(name, target)
#define SECOND_NAME_PASS(name, target) RS_WRAP_SAME_AS(name, target)
#define SECOND_NAME_CALL(name, target)
#define SECOND_NAME_IO(name, target)
#define SECOND_NAME_STREAM(name, target)
#define ALIAS(form, name, target) SECOND_NAME_##form(name, target)
#include "preload/calls.def"

/* makecontext is variadic: as many whole registers as count says, which only a jump hands on unread. */
#if defined(__x86_64__)
__attribute__((used)) static void name_the_real_one(void) {
    __asm__ volatile(".set rs_real_makecontext, real + %c0" : : "i"(offsetof(struct rs_real, makecontext)));
}
__asm__(".text\n"
        ".globl makecontext\n"
        ".type makecontext, @function\n"
        ".p2align 4\n"
        "makecontext:\n"
        "    endbr64\n"
        "    jmp *rs_real_makecontext(%rip)\n"
        ".size makecontext, . - makecontext\n");
#else
#include <stdarg.h>
/* The C way: up to eight arguments. */
RS_EXPORT void makecontext(ucontext_t *context, void (*run)(void), int count, ...) {
    long given[8] = {0};
    va_list rest;
    va_start(rest, count);
    for (int i = 0; i < count && i < 8; i++) given[i] = va_arg(rest, long);
    va_end(rest);
    real.makecontext(context, run, count, given[0], given[1], given[2], given[3], given[4], given[5], given[6],
                     given[7]);
}
#endif
