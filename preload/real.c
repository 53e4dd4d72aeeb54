/* real.c: finds the real functions. Only dlsym(RTLD_NEXT) is used: what another preloaded library puts in between stays in
 * between. A name that is found needs no memory; a missing one is looked for once. Two threads that look the same one up
 * store the same address. */
#include "preload/real.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

static void *find(const char *name) {
    return dlsym(RTLD_NEXT, name);
}

/* For each function: one to use when libc has no such, and one that looks it up at the first call. */
#define POINTER_TYPE 5 /* what __builtin_classify_type says of a pointer */
#define CALL(ret, name, params, args)                                                               \
    static ret missing_##name params {                                                              \
        errno = ENOSYS;                                                                             \
        return (ret) __builtin_choose_expr(__builtin_classify_type((ret)0) == POINTER_TYPE, 0, -1); \
    }                                                                                               \
    static void resolve_##name(void) {                                                              \
        ret(*found) params = (ret(*) params)(uintptr_t)find(#name);                                 \
        __atomic_store_n(&real.name, found ? found : missing_##name, __ATOMIC_RELEASE);             \
    }                                                                                               \
    static ret first_##name params {                                                                \
        resolve_##name();                                                                           \
        return real.name args;                                                                      \
    }
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
#include "preload/calls.def"
#pragma GCC diagnostic pop

#define CALL(ret, name, params, args) .name = first_##name,
struct rs_real real = {
#include "preload/calls.def"
};

void rs_real_resolve(void) {
#define CALL(ret, name, params, args) resolve_##name();
#include "preload/calls.def"
}
