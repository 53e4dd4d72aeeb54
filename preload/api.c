/* api.c: the functions that applications call. include/reqscope.h is their documentation. */
#include "preload/closed.h"
#include "preload/context.h"
#include "preload/coverage.h"
#include "preload/ending.h"
#include "preload/events.h"
#include "preload/infer.h"
#include "preload/track.h"
#include "preload/wrap.h"

#include <reqscope.h>

#include <errno.h>

RS_EXPORT __typeof__(reqscope_begin) reqscope_begin;
RS_EXPORT __typeof__(reqscope_end) reqscope_end;
RS_EXPORT __typeof__(reqscope_current) reqscope_current;
RS_EXPORT __typeof__(reqscope_switch) reqscope_switch;
RS_EXPORT __typeof__(reqscope_give) reqscope_give;
RS_EXPORT __typeof__(reqscope_share) reqscope_share;
RS_EXPORT __typeof__(reqscope_owner) reqscope_owner;
RS_EXPORT __typeof__(reqscope_active) reqscope_active;
RS_EXPORT __typeof__(reqscope_defer) reqscope_defer;
RS_EXPORT __typeof__(reqscope_local_get) reqscope_local_get;
RS_EXPORT __typeof__(reqscope_local_set) reqscope_local_set;

static void make_current(uint64_t id) {
    rs_closed_settle();
    if (id == rs_thread.current) return;
    rs_thread.current = id;
    rs_event_context_switch(id, RS_ENTRY_API);
}

reqscope_id reqscope_begin(const char *label) {
    if (!rs_on) return 0;
    rs_infer_stop();
    struct rs_context *context = rs_context_begin(label, RS_ORIGIN_API);
    if (!context) {
        rs_coverage_reduced(RS_COVERAGE_CONTEXTS_FULL, "more than a million live contexts: further requests have none",
                            NULL);
        return 0;
    }
    uint64_t id = rs_context_id(context);
    rs_event_context_begin(context);
    make_current(id);
    return id;
}

/* The nearest context that is still live, from `id` outwards. */
static uint64_t live_around(uint64_t id) {
    for (int depth = 0; id && depth < 64; depth++) {
        const struct rs_context *context = rs_context_find(id);
        if (!context) return 0;
        uint64_t parent = context->parent;
        /* Asked after its parent was read: a live one's place is not used again. */
        if (rs_context_id(context) != id) return 0;
        if (rs_context_live(context)) return id;
        id = parent;
    }
    return 0;
}

void reqscope_end(reqscope_id id) {
    rs_infer_stop();
    struct rs_context *context = rs_on ? rs_context_find(id) : NULL;
    if (!context || !rs_context_live(context) || rs_context_is_over(id)) return;
    uint64_t before = rs_thread.current, parent = context->parent;
    bool began_here = context->thread == rs_trace_tid();
    make_current(id);
    rs_context_run_deferred(context);
    /* From here on the thread is not in it any more, nor is a signal handler that interrupts what follows. */
    rs_thread.current = before != id ? before : began_here ? live_around(parent) : 0;
    rs_context_over(context, id);
    rs_event_context_switch(rs_thread.current, RS_ENTRY_API);
}

reqscope_id reqscope_current(void) {
    /* (In a vfork's child, too, it is the parent's.) */
    if (rs_unlikely(rs_thread.vfork_child) && rs_in_vfork_child()) return rs_thread.vfork_parent;
    return rs_thread.current;
}

reqscope_id reqscope_switch(reqscope_id id) {
    rs_infer_stop();
    if (rs_thread.standing) rs_infer_settle();
    uint64_t before = rs_thread.current;
    if (rs_on) make_current(rs_context_ever(id) ? id : 0);
    return before;
}

/* What fd stands for; NULL with errno EBADF. */
static struct rs_description *description_of(int fd) {
    if (fd < 0 || rs_is_own(fd)) {
        errno = EBADF;
        return NULL;
    }
    struct rs_description *description = rs_lookup(fd);
    if (rs_known(description)) return description;
    description = rs_adopt(fd);
    if (!description || !rs_known(description)) errno = EBADF;
    return description && rs_known(description) ? description : NULL;
}

int reqscope_give(int fd, reqscope_id to) {
    if (!rs_on) return 0;
    rs_infer_stop();
    struct rs_description *description = description_of(fd);
    if (!description) return -1;
    const struct rs_context *context = rs_context_find(to);
    if (to && !(context && rs_context_live(context))) {
        errno = EINVAL;
        return -1;
    }
    uint64_t tag;
    do {
        tag = __atomic_load_n(&description->tag, __ATOMIC_ACQUIRE);
    } while (!rs_hand_over(fd, description, tag, to, to ? RS_HANDOVER_GIVEN : RS_HANDOVER_RETURNED));
    return 0;
}

int reqscope_share(int fd) {
    if (!rs_on) return 0;
    rs_infer_stop();
    struct rs_description *description = description_of(fd);
    if (!description) return -1;
    uint64_t tag;
    __atomic_fetch_or(&description->flags, RS_DESCRIPTION_SHARED, __ATOMIC_RELAXED);
    do {
        tag = __atomic_load_n(&description->tag, __ATOMIC_ACQUIRE);
    } while (!rs_hand_over(fd, description, tag, 0, RS_HANDOVER_SHARED));
    return 0;
}

reqscope_id reqscope_owner(int fd) {
    if (!rs_on || fd < 0) return 0;
    const struct rs_description *description = rs_lookup(fd);
    return rs_known(description) ? rs_owner_of(description) : 0;
}

int reqscope_active(void) {
    return rs_on;
}

/* The current context, if it is live; NULL with errno ENOENT. */
static struct rs_context *current_context(void) {
    struct rs_context *context = rs_context_find(rs_thread.current);
    if (context && rs_context_live(context) && !rs_context_is_over(rs_thread.current)) return context;
    errno = ENOENT;
    return NULL;
}

int reqscope_defer(void (*function)(void *), void *argument) {
    if (!rs_on) return -1;
    rs_infer_stop();
    if (!function) {
        errno = EINVAL;
        return -1;
    }
    struct rs_context *context = current_context();
    if (!context) return -1;
    if (!rs_context_defer(context, function, argument)) return 0;
    errno = ENOMEM;
    return -1;
}

void *reqscope_local_get(const void *key) {
    const struct rs_context *context = rs_on ? rs_context_find(rs_thread.current) : NULL;
    return context ? rs_context_get((struct rs_context *)(uintptr_t)context, key) : NULL;
}

int reqscope_local_set(const void *key, void *value) {
    rs_infer_stop();
    struct rs_context *context = rs_on ? current_context() : NULL;
    if (!context) return -1;
    if (!rs_context_set(context, key, value)) return 0;
    errno = ENOMEM;
    return -1;
}
