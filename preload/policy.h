/* policy.h: may this context do that with this description? The decision of every call.
 *
 *   rs_begin_call ──► the owner is the current context, and nothing is marked: go on    (inline: one load, one comparison)
 *                 └─► policy.c: the table is wrong (another inode): correct it, go on
 *                              forked, and another process uses it: shared-after-fork          (sharing.h)
 *                              nobody's, shared, back in a pool, or in no context: go on
 *                              its owner has ended: late-io                                    (ending.h)
 *                              it may change hands: complete, or a dirty-handover              (lease.h)
 *                              else foreign-io
 *                              where contexts are inferred, infer.h is asked first: who is it that calls?
 *                     a finding: log: go on; deny: EPERM; abort
 *
 * A finding is made before the real call, so in deny no byte moves. */
#ifndef RS_PRELOAD_POLICY_H
#define RS_PRELOAD_POLICY_H

#include "preload/exchange.h"
#include "preload/fdtable.h"
#include "tracer/layout.h"
#include "tracer/recorder.h"

#include <errno.h>

/* One call on one descriptor, between its begin and its end. */
struct rs_call {
    struct rs_description *description; /* when the current context owns it: its phase is kept; else NULL */
    uint64_t id;                        /* the description's, 0 not known, RS_CALL_UNSEEN */
};

/* The guard's own, or the unwinder's: nothing is recorded. */
#define RS_CALL_UNSEEN (~0ull)
/* The call must not be made; errno is set. */
#define RS_CALL_REFUSED (~0ull - 1)

struct rs_call rs_begin_call_slow(int fd, enum rs_operation operation, const void *caller);

/* The answer fits two registers: nothing of it goes through memory. */
__attribute__((always_inline)) static inline struct rs_call rs_begin_call(int fd, enum rs_operation operation) {
    if (rs_unlikely(!rs_on)) return (struct rs_call){NULL, RS_CALL_UNSEEN};
    struct rs_description *description = rs_lookup(fd);
    if (rs_likely(__atomic_load_n(&description->tag, __ATOMIC_RELAXED) == rs_thread.current)) {
        if (rs_operation_sends(operation) && rs_is_watched(description)) rs_exchange_begin(description);
        return (struct rs_call){description, rs_id_of(description)};
    }
    return rs_begin_call_slow(fd, operation, __builtin_return_address(0));
}

static inline bool rs_refused(struct rs_call call) {
    return rs_unlikely(call.id == RS_CALL_REFUSED);
}

/* What is not watched (a requester's connection, a file) has a phase, too, for the report. */
static inline void rs_note_phase(struct rs_description *description, enum rs_operation operation, int64_t result) {
    if (result <= 0) return;
    if (rs_operation_sends(operation) && rs_phase_of(description) != RS_PHASE_SENT)
        rs_set_phase(description, RS_PHASE_SENT);
    if (rs_operation_receives(operation) && rs_phase_of(description) == RS_PHASE_SENT) {
        rs_set_phase(description, RS_PHASE_ANSWERED);
        rs_set_stream(description, RS_STREAM_ANSWERED);
    }
}

/* The description is one whose bytes matter: an exchange, a requester's, one that wakes threads. */
#define RS_STREAM_FOLLOWED (RS_STREAM_WATCHED | RS_STREAM_REQUESTER | RS_STREAM_WAKES)
void rs_follow_end(struct rs_description *description, int fd, enum rs_operation operation, int64_t result,
                   struct rs_bytes_of bytes);

/* result: what the real call returned, errno as it left it. bytes: where those are that it moved. */
__attribute__((always_inline)) static inline void
rs_end_call_on(struct rs_call call, int fd, enum rs_operation operation, int64_t result, struct rs_bytes_of bytes) {
    struct rs_description *description = call.description;
    if (description) {
        rs_note_operation(description, operation);
        if (rs_unlikely(rs_stream_of(description) & RS_STREAM_FOLLOWED))
            rs_follow_end(description, fd, operation, result, bytes);
        else if (bytes.form != RS_BYTES_PEEKED)
            rs_note_phase(description, operation, result);
    }
    if (rs_unlikely(rs_tracing) && call.id != RS_CALL_UNSEEN) {
        rs_record_io(fd, operation, result < 0 ? -(int64_t)errno : result, call.id, rs_thread.current);
    }
}

__attribute__((always_inline)) static inline void rs_end_call(struct rs_call call, int fd, enum rs_operation operation,
                                                              int64_t result) {
    rs_end_call_on(call, fd, operation, result, (struct rs_bytes_of){NULL, 0, RS_BYTES_UNSEEN});
}

/* Is fd still what the table says? False: it was closed and opened again unseen. Asks the kernel. */
bool rs_is_what_it_was(int fd, const struct rs_description *description);

/* Was the current context refused this description (deny)? To it the description is broken from then on. */
bool rs_is_refused(int fd);

/* May the current context close (or shut down) fd? False: errno is EPERM. A number of which nothing is known may be closed. */
bool rs_may_close_slow(int fd, enum rs_operation operation);

static inline bool rs_may_close(int fd, enum rs_operation operation) {
    if (!rs_tables_are_ours()) return true;
    const struct rs_description *description = rs_lookup(fd);
    if (!rs_known(description) || __atomic_load_n(&description->tag, __ATOMIC_RELAXED) == rs_thread.current)
        return true;
    return rs_may_close_slow(fd, operation);
}

#endif
