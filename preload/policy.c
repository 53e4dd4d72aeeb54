/* policy.c: see policy.h. What is rare: everything but an owner using its own. */
#include "preload/policy.h"
#include "preload/config.h"
#include "preload/context.h"
#include "preload/describe.h"
#include "preload/ending.h"
#include "preload/finding.h"
#include "preload/infer.h"
#include "preload/lease.h"
#include "preload/ownfd.h"
#include "preload/requester.h"
#include "preload/sharing.h"
#include "preload/stack.h"
#include "preload/track.h"

/* How often the table may change under a decision before it is left alone. */
#define MOST_ATTEMPTS 4

static const struct rs_call unseen = {NULL, RS_CALL_UNSEEN};

/* (An eventfd, an epoll and their like have one inode: there the kind must tell.) */
bool rs_is_what_it_was(int fd, const struct rs_description *description) {
    uint64_t noted = __atomic_load_n(&description->identity, __ATOMIC_RELAXED);
    if (!noted) return true;
    if (rs_identity(fd) != noted) return false;
    char name[RS_NAME_SIZE];
    bool kind_tells = description->kind == RS_KIND_EPOLL || description->kind == RS_KIND_EVENTFD;
    return !kind_tells || rs_describe(fd, name) == (enum rs_kind)description->kind;
}

/* Nothing to ask: it is nobody's, or shared, or nobody asks. */
static bool open_to_all(const struct rs_description *description, uint64_t owner) {
    return !owner || !rs_thread.current || owner == rs_thread.current ||
           rs_flags_of(description) & RS_DESCRIPTION_SHARED;
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
    if (!rs_known(description) || !rs_was_refused(description, rs_thread.current)) return false;
    uint64_t tag = __atomic_load_n(&description->tag, __ATOMIC_RELAXED);
    return (tag & RS_TAG_OWNER) != rs_thread.current || tag & (RS_TAG_LATE | RS_TAG_FORKED | RS_TAG_DEBT);
}

/* The call goes on, and what it does to the exchange is followed. */
static struct rs_call go_on(struct rs_description *description, uint64_t id, enum rs_operation operation) {
    bool watched = rs_is_watched(description);
    if (watched && rs_operation_sends(operation)) rs_exchange_begin(description);
    return (struct rs_call){description, id};
}

/* ---- another context's ---------------------------------------------------------------------------------------------- */

static struct rs_call strictly(int fd, enum rs_operation operation, const struct rs_description *description) {
    bool allowed = rs_found(RS_FINDING_foreign_io, operation, fd, description);
    return allowed ? (struct rs_call){NULL, rs_id_of(description)} : refuse_description(description);
}

static struct rs_call leased(int fd, enum rs_operation operation, struct rs_description *description, uint64_t tag) {
    uint64_t id = rs_id_of(description);
    /* Refused once, refused for good: what it had sent may be half done. */
    if (rs_was_refused(description, rs_thread.current)) {
        rs_lease_refuse(fd, operation, description, tag & RS_TAG_OWNER);
        return refuse(EPERM);
    }
    switch (rs_lease(fd, operation, description, tag)) {
    case RS_LEASE_TAKEN:
        return go_on(description, id, operation);
    case RS_LEASE_SHARED:
        return (struct rs_call){NULL, id};
    case RS_LEASE_FOREIGN:
        return strictly(fd, operation, description);
    default:
        return refuse_description(description);
    }
}

static RS_COLD struct rs_call foreign(int fd, enum rs_operation operation, struct rs_description *description,
                                      uint64_t tag) {
    if (rs_may_be_leased(fd, description)) return leased(fd, operation, description, tag);
    return strictly(fd, operation, description);
}

/* ---- one's own, marked ---------------------------------------------------------------------------------------------- */

/* Its owner is over: the current context, or one for which a thread in no context works. */
static bool allows_late(int fd, enum rs_operation operation, const struct rs_description *description, uint64_t owner) {
    if (!rs_context_is_over(owner) || !rs_is_what_it_was(fd, description)) return true;
    if (!rs_thread.current && rs_may_be_leased(fd, description)) return true;
    return rs_found(RS_FINDING_late_io, operation, fd, description);
}

static struct rs_call own(int fd, enum rs_operation operation, struct rs_description *description, uint64_t tag) {
    uint64_t owner = tag & RS_TAG_OWNER;
    bool allowed = !(tag & RS_TAG_LATE) || allows_late(fd, operation, description, owner);
    if (allowed && tag & RS_TAG_DEBT) allowed = rs_lease_with_debt(fd, operation, description);
    return allowed ? go_on(description, rs_id_of(description), operation) : refuse_description(description);
}

/* ---- nobody's ------------------------------------------------------------------------------------------------------- */

/* A connection that was made at start-up, once, and is used by request after request. Which context came first is what there is to
 * be told of its user; it is nobody's, so nobody is refused. */
static void look_at_boots(int fd, enum rs_operation operation, struct rs_description *description) {
    struct rs_exchange *exchange = rs_exchange_of(description);
    uint64_t first = 0, current = rs_thread.current;
    if (__atomic_compare_exchange_n(&exchange->first_user, &first, current, false, __ATOMIC_RELAXED,
                                    __ATOMIC_RELAXED) ||
        first == current)
        return;
    bool both_ways = rs_stream_of(description) & RS_STREAM_ANSWERED || rs_operation_receives(operation);
    if (!both_ways || !rs_is_what_it_was(fd, description)) return;
    rs_found_of(RS_FINDING_foreign_io, operation, fd, description,
                &(struct rs_details){.first_user = first, .let_through = true});
}

/* Is it a connection that this process has made? The ends of a pair, and what came in from outside, are its own plumbing: what waits
 * there is no answer to anybody. */
static bool is_outgoing(const struct rs_description *description) {
    bool found = description->opened_by == RS_OP_found && description->kind == RS_KIND_TCP;
    return description->opened_by == RS_OP_socket || found;
}

/* (Where contexts are inferred, what is opened between two requests is no start-up's.) */
static bool is_boots(const struct rs_description *description) {
    return description->opened_by == RS_OP_socket && (!rs_inferring || description->opened < rs_context_first_began());
}

static struct rs_call nobodys(int fd, enum rs_operation operation, struct rs_description *description, uint64_t tag) {
    bool shared = rs_flags_of(description) & RS_DESCRIPTION_SHARED;
    bool watched = rs_is_watched(description);
    if (shared || !watched) return (struct rs_call){NULL, rs_id_of(description)};
    bool asked = rs_thread.current && is_outgoing(description) && (!rs_thread.standing || rs_infer_is_sure());
    if (asked && rs_may_be_leased(fd, description)) return leased(fd, operation, description, tag);
    if (asked && is_boots(description)) look_at_boots(fd, operation, description);
    return go_on(description, rs_id_of(description), operation);
}

/* ---- where contexts are inferred (infer.h) ---------------------------------------------------------------------------- */

/* A requester's connection: who reads from it works for it from then on, and who writes to it does, but for a thread that is sure
 * of another: it has the wrong number. */
static struct rs_call use_requester(int fd, enum rs_operation operation, struct rs_description *description,
                                    uint64_t owner) {
    if (!owner || owner == rs_thread.current || !rs_operation_sends(operation))
        return (struct rs_call){description, rs_id_of(description)};
    if (rs_infer_writes_astray(fd, description, owner)) return strictly(fd, operation, description);
    /* (While it is the connection's it is live, mostly.) */
    if (rs_requester_of(description)->context == owner || !rs_context_is_over(owner))
        rs_infer_enter(owner, RS_ENTRY_RESUMED);
    return (struct rs_call){description, rs_id_of(description)};
}

/* What wakes threads is nobody's, mostly. */
static struct rs_call use_nobodys(int fd, enum rs_operation operation, struct rs_description *description,
                                  uint64_t tag) {
    bool wakes = description->kind == RS_KIND_PIPE || description->kind == RS_KIND_EVENTFD;
    if (!wakes) return nobodys(fd, operation, description, tag);
    if (rs_operation_sends(operation)) rs_infer_wakes_by(description);
    return (struct rs_call){description, rs_id_of(description)};
}

static void take_over(int fd, struct rs_description *description, uint64_t owner) {
    uint64_t tag = __atomic_load_n(&description->tag, __ATOMIC_ACQUIRE);
    if ((tag & RS_TAG_OWNER) == owner) rs_hand_over(fd, description, tag, rs_thread.current, RS_HANDOVER_INFERRED);
}

static struct rs_call use_others(int fd, enum rs_operation operation, struct rs_description *description,
                                 uint64_t tag) {
    uint64_t owner = tag & RS_TAG_OWNER;
    bool leasable = rs_is_watched(description) && rs_may_be_leased(fd, description);
    switch (rs_infer_judge(operation, description, owner, leasable)) {
    case RS_INFER_ASK:
        return foreign(fd, operation, description, tag);
    case RS_INFER_TAKE:
        take_over(fd, description, owner);
        break;
    case RS_INFER_RESUME:
        rs_infer_enter(owner, RS_ENTRY_RESUMED);
        break;
    default:
        break;
    }
    return go_on(description, rs_id_of(description), operation);
}

/* Nothing is too late here: a request's connection may be closed before its work is done. */
static struct rs_call use(int fd, enum rs_operation operation, struct rs_description *description, uint64_t tag) {
    uint64_t owner = tag & RS_TAG_OWNER, current = rs_infer_settle();
    if (rs_is_requester(description)) return use_requester(fd, operation, description, owner);
    if (!owner) return use_nobodys(fd, operation, description, tag);
    if (rs_flags_of(description) & RS_DESCRIPTION_SHARED) return (struct rs_call){NULL, rs_id_of(description)};
    if (owner == rs_thread.current) {
        bool sure = tag & RS_TAG_DEBT && rs_infer_is_sure();
        return sure ? own(fd, operation, description, tag & ~RS_TAG_LATE)
                    : go_on(description, rs_id_of(description), operation);
    }
    if (current) return use_others(fd, operation, description, tag);
    if (!rs_context_is_over(owner)) rs_infer_enter(owner, RS_ENTRY_RESUMED);
    return go_on(description, rs_id_of(description), operation);
}

/* ---- every call that is not the plain one --------------------------------------------------------------------------- */

/* In no context, on a live request's: an event loop reads and writes for it. */
static struct rs_call on_behalf(int fd, enum rs_operation operation, struct rs_description *description, uint64_t tag) {
    uint64_t owner = tag & RS_TAG_OWNER;
    if (tag & RS_TAG_LATE && !allows_late(fd, operation, description, owner)) return refuse_description(description);
    if (!(rs_stream_of(description) & RS_STREAM_WATCHED)) return (struct rs_call){NULL, rs_id_of(description)};
    return go_on(description, rs_id_of(description), operation);
}

/* The unwinder's pipe may have been replaced under it: it must not touch what is there now. (Then it makes another.) A program
 * may use the same unwinder itself. */
static bool is_unwinders_call(int fd, const void *caller, struct rs_call *call) {
    bool own_number = rs_is_own(fd);
    if (rs_likely(!own_number && !rs_thread.inside)) return false;
    bool unwinder = rs_stack_is_unwinder((uintptr_t)caller);
    if (!own_number && !unwinder) return false;
    bool allowed = own_number ? rs_thread.inside || unwinder : rs_own_adopt(fd, rs_stack_pipe_lost);
    *call = allowed ? unseen : refuse(EBADF);
    return true;
}

static struct rs_call decide(int fd, enum rs_operation operation, struct rs_description *description, uint64_t tag) {
    uint64_t owner = tag & RS_TAG_OWNER;
    if (tag & RS_TAG_FORKED) {
        enum rs_sharing sharing = rs_sharing_look(fd, operation, description);
        if (sharing == RS_SHARING_REFUSED) return refuse_description(description);
        if (sharing == RS_SHARING_FOUND) return (struct rs_call){NULL, rs_id_of(description)};
    }
    if (rs_inferring) return use(fd, operation, description, tag);
    if (!owner) return nobodys(fd, operation, description, tag);
    if (owner == rs_thread.current) return own(fd, operation, description, tag);
    if (!rs_thread.current) return on_behalf(fd, operation, description, tag);
    if (open_to_all(description, owner)) return (struct rs_call){NULL, rs_id_of(description)};
    return foreign(fd, operation, description, tag);
}

RS_COLD struct rs_call rs_begin_call_slow(int fd, enum rs_operation operation, const void *caller) {
    struct rs_call call;
    uint64_t id = 0;
    if (rs_thread.vfork_child && rs_in_vfork_child()) return unseen;
    if (rs_thread.standing && !rs_inferring) rs_infer_settle();
    for (int attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
        if (is_unwinders_call(fd, caller, &call)) return call;
        struct rs_description *description = rs_lookup(fd);
        if (!rs_known(description)) description = rs_adopt(fd);
        if (!description || !rs_known(description)) break;
        id = rs_id_of(description);
        uint64_t tag = __atomic_load_n(&description->tag, __ATOMIC_ACQUIRE), owner = tag & RS_TAG_OWNER;
        if (tag & RS_TAG_IGNORED) return unseen;
        if (rs_is_requester(description) && rs_inferring && !(tag & ~RS_TAG_OWNER))
            return use_requester(fd, operation, description, owner);
        if (tag & RS_TAG_POOLED && rs_thread.current) {
            if (rs_may_be_leased(fd, description)) return leased(fd, operation, description, tag);
            rs_hand_over(fd, description, tag, rs_thread.current, RS_HANDOVER_TAKEN);
            continue;
        }
        if (!rs_still(fd, description, id)) continue;
        bool foreigners = owner && rs_thread.current && owner != rs_thread.current && !rs_thread.loop;
        if (foreigners && !rs_is_what_it_was(fd, description)) {
            rs_adopt_anew(fd);
            continue;
        }
        return decide(fd, operation, description, tag);
    }
    return (struct rs_call){NULL, id};
}

/* ---- closing -------------------------------------------------------------------------------------------------------- */

/* A pool may close what it may lease; what was refused is still its owner's, and so is what a live request has open by another
 * way. Whom it belonged to is over: then it is tidied up. */
static bool may_tidy(int fd, const struct rs_description *description, uint64_t owner) {
    if (rs_may_be_leased(fd, description) && !rs_was_refused(description, rs_thread.current)) return true;
    return rs_config.policy == RS_POLICY_LEASE && rs_context_is_over(owner);
}

/* (One that may be a requester's is watched, too, until it is known.) */
void rs_follow_end(struct rs_description *description, int fd, enum rs_operation operation, int64_t result,
                   struct rs_bytes_of bytes) {
    uint32_t stream = rs_stream_of(description);
    bool watched = stream & RS_STREAM_WATCHED && !(stream & RS_STREAM_REQUESTER);
    if (watched) {
        rs_exchange_end(description, operation, result, bytes);
        return;
    }
    if (bytes.form != RS_BYTES_PEEKED) rs_note_phase(description, operation, result);
    if (stream & RS_STREAM_REQUESTER) rs_requester_moved(fd, description, operation, result, bytes);
    if (stream & RS_STREAM_WAKES && result > 0 && rs_operation_receives(operation)) rs_infer_woken_by(description);
}

RS_COLD bool rs_may_close_slow(int fd, enum rs_operation operation) {
    struct rs_description *description = rs_lookup(fd);
    uint64_t id = rs_id_of(description), owner = rs_owner_of(description);
    uint64_t again = rs_inferring ? rs_infer_closes_again(fd, description, owner) : 0;
    if (rs_unlikely(again) && rs_is_what_it_was(fd, description))
        return rs_found_of(RS_FINDING_foreign_close, operation, fd, description, &(struct rs_details){.user = again});
    /* A fork's child that closes its copy ends nothing. */
    if (open_to_all(description, owner) || rs_inherited(description)) return true;
    if (rs_thread.standing && (!rs_inferring || !rs_infer_closes_astray(description, owner))) return true;
    if (!rs_still(fd, description, id) || !rs_is_what_it_was(fd, description)) return true;
    /* A number of its own making is its own. */
    if (may_tidy(fd, description, owner) || rs_number_is_of(fd, rs_thread.current)) return true;
    return rs_found(RS_FINDING_foreign_close, operation, fd, description);
}
