/* reqscope.h: tell the reqscope guard which request a thread is working for.
 *
 * Include this file; there is nothing to link. When libreqscope.so is in the process (LD_PRELOAD, or `reqscope run`),
 * the functions below reach it; when it is not, each one is a load and a branch that does nothing. So the calls can stay
 * in what you ship.
 *
 *     reqscope_id request = reqscope_begin("GET /basket");
 *     ...                                  what this thread opens now belongs to the request
 *     reqscope_end(request);
 *
 * Without calls the guard infers requests from what is read on accepted connections (REQSCOPE_CONTEXT=auto). The first call of a
 * function that begins or changes something ends that in the process: from then on only these calls say what the requests are.
 * reqscope_current, reqscope_owner and reqscope_active only ask.
 *
 * Needs a C compiler that knows GCC's attributes (gcc, clang) and a libc with dlsym; with a glibc older than 2.34 link
 * with -ldl, else the guard is not found.
 *
 * Threads: every function may be called from any thread. Signals: reqscope_current, reqscope_active and reqscope_owner
 * may be called in a signal handler once any function of this file has been called before; the others may not. */
#ifndef REQSCOPE_H
#define REQSCOPE_H

#include <dlfcn.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One unit of work on behalf of one requester. 0 is no context: start-up, and whatever belongs to nobody. An id is
 * never used a second time. */
typedef uint64_t reqscope_id;

#define REQSCOPE_VERSION "0.1.0"

#ifdef REQSCOPE_LIBRARY
#define REQSCOPE_FUNCTION(ret, name, params, args, without) ret name params;
#else
/* What the dynamic linker finds under a name, or NULL. dlsym is a weak reference so that a static program links. */
#pragma weak dlsym
static inline void *reqscope_find_(const char *name) {
    return dlsym ? dlsym((void *)0, name) : NULL;
}

/* The namesake's address, looked up once and kept in `*found`; NULL when the library is not in the process. */
static inline void *reqscope_function_(void **found, const char *name) {
    static char absent;
    void *address = __atomic_load_n(found, __ATOMIC_RELAXED);
    if (!address) {
        address = reqscope_find_(name);
        if (!address) address = &absent;
        __atomic_store_n(found, address, __ATOMIC_RELAXED);
    }
    return address == &absent ? NULL : address;
}

/* Each function calls its namesake in the library; `without` is the answer when it is not there. */
#define REQSCOPE_FUNCTION(ret, name, params, args, without)                    \
    __attribute__((unused)) static inline ret name params {                    \
        typedef ret(*function_type_) params;                                   \
        static void *found_;                                                   \
        void *address_ = reqscope_function_(&found_, #name);                   \
        return address_ ? ((function_type_)(uintptr_t)address_)args : without; \
    }
#endif

/* Begins a new context and makes it current on this thread. `label` names it in reports ("GET /orders/7"): it is
 * copied, cut to 127 bytes, control characters are shown as '?'; NULL is the same as "". Returns its id, or 0 when the
 * guard is absent or off, or when no more contexts can be kept (the calls that follow then simply have no context). */
REQSCOPE_FUNCTION(reqscope_id, reqscope_begin, (const char *label), (label), (reqscope_id)0)

/* Ends a context: first the functions given to reqscope_defer run, last first, with this context current; then the one
 * that was current when it began is current again on this thread. 0, an unknown id, and one that has ended already are
 * ignored. May be called on another thread than the one that began it, once. */
#ifdef REQSCOPE_LIBRARY
REQSCOPE_FUNCTION(void, reqscope_end, (reqscope_id id), (id), (void)0)
#else
__attribute__((unused)) static inline void reqscope_end(reqscope_id id) {
    static void *found_;
    void *address_ = reqscope_function_(&found_, "reqscope_end");
    if (address_) ((void (*)(reqscope_id))(uintptr_t)address_)(id);
}
#endif

/* The context that is current on this thread, 0 for none. */
REQSCOPE_FUNCTION(reqscope_id, reqscope_current, (void), (), (reqscope_id)0)

/* Makes `id` current on this thread and returns the one that was: what an event loop or a pool does when it takes up a
 * request again. 0 leaves every context. An id that was never given out is taken as 0. */
REQSCOPE_FUNCTION(reqscope_id, reqscope_switch, (reqscope_id id), (id), (reqscope_id)0)

/* Hands the open file description behind `fd` to context `to`; to 0: it is back in its pool, and the next context
 * that uses it owns it. Returns 0, or -1 with errno EBADF (fd is not open) or EINVAL (`to` is unknown or has ended).
 * Without the guard: 0. */
REQSCOPE_FUNCTION(int, reqscope_give, (int fd, reqscope_id to), (fd, to), 0)

/* Declares the description behind `fd` shared by design: using it is never a finding. Returns 0, or -1 with errno EBADF.
 * Without the guard: 0. */
REQSCOPE_FUNCTION(int, reqscope_share, (int fd), (fd), 0)

/* The context that owns the description behind `fd`; 0 when nobody does, or fd is not open. */
REQSCOPE_FUNCTION(reqscope_id, reqscope_owner, (int fd), (fd), (reqscope_id)0)

/* 1 when the guard is in this process and its mode is not off, else 0. */
REQSCOPE_FUNCTION(int, reqscope_active, (void), (), 0)

/* Calls function(argument) when the current context ends, the last registered first, on the thread that ends it.
 * Returns 0, or -1 with errno EINVAL (function is NULL), ENOENT (no context is current: nothing was registered) or ENOMEM.
 * Without the guard: -1, errno untouched. */
REQSCOPE_FUNCTION(int, reqscope_defer, (void (*function)(void *), void *argument), (function, argument), -1)

/* The value that the current context keeps under `key` (any address that is yours), NULL when none or no context. */
REQSCOPE_FUNCTION(void *, reqscope_local_get, (const void *key), (key), (void *)NULL)

/* Keeps `value` under `key` in the current context until it ends. Returns 0, or -1 with errno ENOENT or ENOMEM.
 * Without the guard: -1, errno untouched. */
REQSCOPE_FUNCTION(int, reqscope_local_set, (const void *key, void *value), (key, value), -1)

/* REQSCOPE_LOCAL(type, name, create, destroy), at file scope, defines `static type name(void)`: this context's own
 * instance. The first call in a context makes it with `type create(void)`; when the context ends `void destroy(type)`
 * takes it down. `type` is anything that can be assigned: a pointer, an fd, a small struct.
 *
 *     static redisContext *connect_redis(void) { return redisConnect("127.0.0.1", 6379); }
 *     REQSCOPE_LOCAL(redisContext *, redis, connect_redis, redisFree)
 *     ...
 *     reply = redisCommand(redis(), "GET %s", key);
 *
 * In no context, and without the guard, each thread has an instance of its own, taken down when the thread ends: the
 * program is right either way. A semicolon may follow. What create returns is kept even if it means failure: check it at the use. When memory
 * for the bookkeeping is exhausted, name() aborts, as the type has no value for "none". */
#define REQSCOPE_LOCAL(type, name, create, destroy)                                                              \
    struct name##_reqscope_instance {                                                                            \
        type value;                                                                                              \
    };                                                                                                           \
    static pthread_key_t name##_reqscope_key;                                                                    \
    static pthread_once_t name##_reqscope_once = PTHREAD_ONCE_INIT;                                              \
    static void name##_reqscope_destroy(void *memory) {                                                          \
        struct name##_reqscope_instance *instance = (struct name##_reqscope_instance *)memory;                   \
        destroy(instance->value);                                                                                \
        free(instance);                                                                                          \
    }                                                                                                            \
    static void name##_reqscope_prepare(void) {                                                                  \
        if (pthread_key_create(&name##_reqscope_key, name##_reqscope_destroy)) abort();                          \
    }                                                                                                            \
    static struct name##_reqscope_instance *name##_reqscope_create(void) {                                       \
        struct name##_reqscope_instance *instance = (struct name##_reqscope_instance *)malloc(sizeof *instance); \
        if (!instance) abort();                                                                                  \
        instance->value = create();                                                                              \
        return instance;                                                                                         \
    }                                                                                                            \
    __attribute__((unused)) static type name(void) {                                                             \
        struct name##_reqscope_instance *instance;                                                               \
        if (reqscope_current()) {                                                                                \
            instance = (struct name##_reqscope_instance *)reqscope_local_get(&name##_reqscope_key);              \
            if (instance) return instance->value;                                                                \
            instance = name##_reqscope_create();                                                                 \
            if (reqscope_local_set(&name##_reqscope_key, instance) ||                                            \
                reqscope_defer(name##_reqscope_destroy, instance))                                               \
                abort();                                                                                         \
            return instance->value;                                                                              \
        }                                                                                                        \
        pthread_once(&name##_reqscope_once, name##_reqscope_prepare);                                            \
        instance = (struct name##_reqscope_instance *)pthread_getspecific(name##_reqscope_key);                  \
        if (!instance) {                                                                                         \
            instance = name##_reqscope_create();                                                                 \
            if (pthread_setspecific(name##_reqscope_key, instance)) abort();                                     \
        }                                                                                                        \
        return instance->value;                                                                                  \
    }

#ifdef __cplusplus
}
#endif

#endif
