/* policy.c: see policy.h. What is rare: everything but an owner using its own. */
#include "preload/policy.h"
#include "preload/config.h"
#include "preload/context.h"
#include "preload/describe.h"
#include "preload/finding.h"
#include "preload/ownfd.h"
#include "preload/stack.h"
#include "preload/track.h"

/* How often the table may change under a decision before it is left alone. */
#define MOST_ATTEMPTS 4

static bool looked_for(enum rs_finding_kind kind) {
    return rs_config.checks >> kind & 1;
}

/* Is fd something else than the table says? It was closed and opened again unseen. (An eventfd, an epoll and their like have
 * one inode: there the kind must tell.) */
static bool stale(int fd, const struct rs_description *description) {
    uint64_t noted = __atomic_load_n(&description->identity, __ATOMIC_RELAXED);
    if (!noted) return false;
    if (rs_identity(fd) != noted) return true;
    char name[RS_NAME_SIZE];
    bool kind_tells = description->kind == RS_KIND_EPOLL || description->kind == RS_KIND_EVENTFD;
    return kind_tells && rs_describe(fd, name) != (enum rs_kind)description->kind;
}

/* Nothing to ask: it is nobody's, or shared, or nobody asks. */
static bool open_to_all(const struct rs_description *description, uint64_t owner) {
    return !owner || !rs_thread.current || owner == rs_thread.current ||
           __atomic_load_n(&description->flags, __ATOMIC_RELAXED) & RS_DESCRIPTION_SHARED;
}

/* In lease: an outgoing connection may go from one context to the next. */
static bool leasable(int fd, const struct rs_description *description) {
    return rs_config.policy == RS_POLICY_LEASE && description->opened_by != RS_OP_accept && rs_is_connected_stream(fd);
}

/* A leasable connection is taken by the current context; dirty when the exchange on it is not complete. False: refused. */
static bool lease(int fd, enum rs_operation operation, struct rs_description *description, uint64_t tag) {
    uint32_t unread = rs_unread(fd);
    bool dirty = description->phase == RS_PHASE_SENT || (unread && unread != ~0u);
    if (dirty && looked_for(RS_FINDING_dirty_handover) &&
        !rs_found(RS_FINDING_dirty_handover, operation, fd, description)) {
        return false;
    }
    rs_hand_over(fd, description, tag, rs_thread.current, RS_HANDOVER_LEASED);
    return true;
}

static struct rs_call refuse(int error) {
    errno = error;
    return (struct rs_call){NULL, RS_CALL_REFUSED};
}

static struct rs_call refuse_description(const struct rs_description *description) {
    rs_note_refused(description, rs_thread.current);
    return refuse(EPERM);
}

bool rs_is_refused(int fd) {
    const struct rs_description *description = rs_lookup(fd);
    return rs_known(description) && rs_was_refused(description, rs_thread.current) &&
           rs_owner_of(description) != rs_thread.current;
}

/* Another context's. */
static RS_COLD struct rs_call foreign(int fd, enum rs_operation operation, struct rs_description *description,
                                      uint64_t tag) {
    uint64_t id = description->id;
    if (leasable(fd, description)) {
        /* Refused once, refused for good: what it had sent may be half done. */
        if (rs_was_refused(description, rs_thread.current)) {
            rs_found(RS_FINDING_dirty_handover, operation, fd, description);
            return refuse(EPERM);
        }
        return lease(fd, operation, description, tag) ? (struct rs_call){description, id}
                                                      : refuse_description(description);
    }
    bool allowed = !looked_for(RS_FINDING_foreign_io) || rs_found(RS_FINDING_foreign_io, operation, fd, description);
    return allowed ? (struct rs_call){NULL, id} : refuse_description(description);
}

RS_COLD struct rs_call rs_begin_call_slow(int fd, enum rs_operation operation, const void *caller) {
    if (rs_thread.vfork_child && rs_in_vfork_child()) return (struct rs_call){NULL, RS_CALL_UNSEEN};
    /* The unwinder's pipe may have been replaced under it: it must not touch what is there now. (Then it makes another.) */
    if (rs_unlikely(rs_thread.inside) && !rs_is_own(fd) && rs_stack_is_unwinder((uintptr_t)caller))
        return rs_own_adopt(fd, rs_stack_pipe_lost) ? (struct rs_call){NULL, RS_CALL_UNSEEN} : refuse(EBADF);
    uint64_t id = 0;
    for (int attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
        if (rs_is_own(fd)) {
            /* (A program may use the same unwinder itself.) */
            bool allowed = rs_thread.inside || rs_stack_is_unwinder((uintptr_t)caller);
            return allowed ? (struct rs_call){NULL, RS_CALL_UNSEEN} : refuse(EBADF);
        }
        struct rs_description *description = rs_lookup(fd);
        if (!rs_known(description)) description = rs_adopt(fd);
        if (!description || !rs_known(description)) break;
        id = description->id;
        uint64_t tag = __atomic_load_n(&description->tag, __ATOMIC_ACQUIRE);
        if (tag & RS_TAG_POOLED && rs_thread.current) {
            rs_hand_over(fd, description, tag, rs_thread.current, RS_HANDOVER_TAKEN);
            continue;
        }
        if (tag == rs_thread.current) return (struct rs_call){description, id};
        if (open_to_all(description, tag & RS_TAG_OWNER)) break;
        if (!rs_still(fd, description, id)) continue;
        if (stale(fd, description)) {
            rs_adopt_anew(fd);
            continue;
        }
        return foreign(fd, operation, description, tag);
    }
    return (struct rs_call){NULL, id};
}

RS_COLD bool rs_may_close_slow(int fd, enum rs_operation operation) {
    struct rs_description *description = rs_lookup(fd);
    uint64_t id = description->id, owner = rs_owner_of(description);
    /* A fork's child that closes its copy ends nothing. */
    if (open_to_all(description, owner) || rs_inherited(description)) return true;
    if (!looked_for(RS_FINDING_foreign_close) || !rs_still(fd, description, id) || stale(fd, description)) return true;
    /* A pool may close what it may lease; what was refused is still its owner's. A number of its own making is its own. */
    if (leasable(fd, description) && !rs_was_refused(description, rs_thread.current)) return true;
    if (rs_number_is_of(fd, rs_thread.current)) return true;
    if (rs_found(RS_FINDING_foreign_close, operation, fd, description)) return true;
    errno = EPERM;
    return false;
}
