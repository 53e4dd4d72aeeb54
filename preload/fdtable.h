/* fdtable.h: which open file description an fd number stands for, and whose it is.
 *
 *   fd ──► slot[fd]                one word {description's index, low half of its id}; 0: nothing known
 *            │                     private to the process, reserved once, never moved: a lookup is one load
 *            ▼
 *          struct rs_description   64 bytes, one cache line, in an arena shared with all processes that descend from
 *                                  this one, as the kernel's description is
 *
 * What must stay true:
 * - A description's id is never used again. Its place in the arena is, once no number anywhere stands for it: `holders`
 *   counts the numbers in all processes, as the kernel's own f_count does. (A process that is killed does not count its
 *   numbers down: their place is lost, nothing worse.)
 * - A slot is emptied before the real close and filled after the real open.
 * - Index 0 is the answer for "nothing known", index 1 stands for the guard's own descriptors. Their tag equals no context,
 *   so that the fast path needs one comparison: tag == current.
 *
 * No locks: slots and counts are atomic; free places are a stack with a counter against A-B-A. Signal safe. */
#ifndef RS_PRELOAD_FDTABLE_H
#define RS_PRELOAD_FDTABLE_H

#include "preload/guard.h"

#include <stdint.h>

/* In a tag, beside the owner's id: something is to be looked at. With any of these a tag equals no context, so each call takes
 * the slow way, where it is; calls on other descriptions pay nothing for it. */
#define RS_TAG_POOLED (1ull << 62)  /* back in a pool: the next context that uses it owns it */
#define RS_TAG_FORKED (1ull << 61)  /* a connection that a fork has given to another process, too */
#define RS_TAG_LATE (1ull << 60)    /* its owner has ended */
#define RS_TAG_DEBT (1ull << 59)    /* handed over, with something sent before that may still be answered */
#define RS_TAG_IGNORED (1ull << 58) /* a rule says so */
#define RS_TAG_OWNER (RS_TAG_IGNORED - 1)

#define RS_DESCRIPTION_SHARED 1u    /* by design: never a finding */
#define RS_DESCRIPTION_INHERITED 2u /* open before the process was */
#define RS_DESCRIPTION_UNSEEN 4u    /* its opening was not seen */
#define RS_DESCRIPTION_LEASED 8u    /* a rule: may change hands, whatever the policy */
#define RS_DESCRIPTION_STRICT 16u   /* a rule: only its owner, whatever the policy */
#define RS_DESCRIPTION_LEAKED 32u   /* its opener has ended and left it open; that was reported */
#define RS_DESCRIPTION_GUESSED 64u  /* that its owner is so was guessed (infer.h): never a finding */

#define RS_STREAM_WATCHED 1u   /* a connection of this process's making: its exchange is followed (exchange.h) */
#define RS_STREAM_DATAGRAM 2u  /* a socket without a connection's order */
#define RS_STREAM_ANSWERED 4u  /* something was received after something had been sent */
#define RS_STREAM_REQUESTER 8u /* a connection on which requests come (requester.h) */
#define RS_STREAM_LISTENS 16u  /* where such connections come from */
#define RS_STREAM_WAKES 32u    /* a pipe or eventfd with which threads in a context wake others (infer.h) */
#define RS_STREAM_WAITS 64u    /* an epoll that waits for a requester or a listener */
#define RS_STREAM_LOOP 128u    /* for several: who waits there serves them in turns */

struct rs_description {
    uint64_t tag;          /* owner's context id, and RS_TAG_*; atomic */
    uint64_t id;           /* 1, 2, 3 ... in the order of opening */
    uint64_t opener;       /* the context that opened it */
    uint64_t opened;       /* when, CLOCK_MONOTONIC nanoseconds */
    uint64_t identity;     /* inode and device, once a context has owned it; 0: not taken. Atomic. */
    uint32_t opened_stack; /* stack.h */
    uint32_t opener_thread;
    uint32_t holders; /* numbers in all processes; atomic */
    uint32_t next_free;
    union {
        struct {
            uint8_t opened_by;      /* enum rs_operation */
            uint8_t kind;           /* enum rs_kind */
            uint8_t flags;          /* RS_DESCRIPTION_*; atomic */
            uint8_t phase;          /* enum rs_phase; atomic */
            uint8_t last_operation; /* the owner's; atomic */
            uint8_t stream;         /* RS_STREAM_*; atomic */
            uint8_t unused[2];
        };
        uint64_t words; /* all of these */
    };
};
_Static_assert(sizeof(struct rs_description) == 64, "one cache line");

#define RS_NO_DESCRIPTION 0u
#define RS_OWN_DESCRIPTION 1u

extern uint64_t *rs_slots RS_HIDDEN;
extern uint32_t rs_slot_count RS_HIDDEN;
extern struct rs_description *rs_descriptions RS_HIDDEN;

/* Reserves the tables; false when there is no address space for them. Constructor only. */
bool rs_table_start(void);

static inline uint32_t rs_slot_index(int fd) {
    return rs_likely((uint32_t)fd < rs_slot_count) ? (uint32_t)__atomic_load_n(&rs_slots[fd], __ATOMIC_ACQUIRE) : 0;
}

/* Never NULL: what is not known is descriptions[0]. */
static inline struct rs_description *rs_lookup(int fd) {
    return &rs_descriptions[rs_slot_index(fd)];
}

static inline bool rs_known(const struct rs_description *description) {
    return description > &rs_descriptions[RS_OWN_DESCRIPTION];
}

static inline bool rs_is_own(int fd) {
    return rs_slot_index(fd) == RS_OWN_DESCRIPTION;
}

/* What several threads may read and write at once, each in one piece. */
static inline uint64_t rs_id_of(const struct rs_description *description) {
    return __atomic_load_n(&description->id, __ATOMIC_RELAXED);
}

static inline uint32_t rs_flags_of(const struct rs_description *description) {
    return __atomic_load_n(&description->flags, __ATOMIC_RELAXED);
}

static inline uint32_t rs_stream_of(const struct rs_description *description) {
    return __atomic_load_n(&description->stream, __ATOMIC_RELAXED);
}

static inline uint32_t rs_phase_of(const struct rs_description *description) {
    return __atomic_load_n(&description->phase, __ATOMIC_RELAXED);
}

static inline void rs_set_phase(struct rs_description *description, uint32_t phase) {
    if (rs_phase_of(description) != phase) __atomic_store_n(&description->phase, (uint8_t)phase, __ATOMIC_RELAXED);
}

static inline void rs_note_operation(struct rs_description *description, uint32_t operation) {
    if (__atomic_load_n(&description->last_operation, __ATOMIC_RELAXED) != operation)
        __atomic_store_n(&description->last_operation, (uint8_t)operation, __ATOMIC_RELAXED);
}

static inline void rs_set_stream(struct rs_description *description, uint32_t bits) {
    if ((rs_stream_of(description) & bits) != bits)
        __atomic_fetch_or(&description->stream, (uint8_t)bits, __ATOMIC_RELEASE);
}

static inline uint64_t rs_owner_of(const struct rs_description *description) {
    return __atomic_load_n(&description->tag, __ATOMIC_RELAXED) & RS_TAG_OWNER;
}

/* Sets bits of the tag while `owner` has the description; false when another has. */
static inline bool rs_mark(struct rs_description *description, uint64_t owner, uint64_t bits) {
    uint64_t tag = __atomic_load_n(&description->tag, __ATOMIC_ACQUIRE);
    do {
        if ((tag & RS_TAG_OWNER) != owner) return false;
    } while (
        !__atomic_compare_exchange_n(&description->tag, &tag, tag | bits, true, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE));
    return true;
}

static inline void rs_unmark(struct rs_description *description, uint64_t bits) {
    __atomic_fetch_and(&description->tag, ~bits, __ATOMIC_ACQ_REL);
}

static inline uint32_t rs_place_of(const struct rs_description *description) {
    return (uint32_t)(description - rs_descriptions);
}

/* Does fd still stand for the description with this id? */
bool rs_still(int fd, const struct rs_description *description, uint64_t id);

/* Does a number of this process stand for the description with this id? One look, however many are open. */
bool rs_is_open(uint64_t id);
const struct rs_description *rs_is_open_as(uint64_t id); /* NULL: no */

/* A number of this process's that stands for the description; -1: none. */
int rs_number_of_description(const struct rs_description *description);

/* Do only numbers of this process stand for it? */
bool rs_held_here_only(const struct rs_description *description);

/* The id of the description that came to be last, in any process of the family. */
uint64_t rs_last_description(void);

/* How many descriptions there are places for. */
uint32_t rs_description_places(void);

/* Which context made this number, by dup (low half of its id): it may close it, whoever owns the description. */
void rs_note_number(int fd, uint64_t context);
bool rs_number_is_of(int fd, uint64_t context);

/* The context that was refused the description last, in this process (low half of its id); 0: none. */
void rs_note_refused(const struct rs_description *description, uint64_t context);
bool rs_was_refused(const struct rs_description *description, uint64_t context);

/* A new description, held by nobody yet; NULL when all places are taken. */
struct rs_description *rs_description_new(void);

/* fd stands for description from now on (one holder more). What it stood for before must have been dropped. */
void rs_bind(int fd, struct rs_description *description);

/* The same, unless something is known of fd by now: then false, and the description's place is free again. */
bool rs_bind_if_unknown(int fd, struct rs_description *description);

/* Nothing is known of fd any more. Returns what it stood for, NULL if nothing; *last: no number of this process stands for
 * it now. The description stays readable until rs_release. */
struct rs_description *rs_unbind(int fd, bool *last);

/* Puts back what rs_unbind took, after a close or dup2 that failed. */
void rs_rebind(int fd, struct rs_description *description);

/* One holder less, after rs_unbind. True: it was the last of all processes; the place is free. */
bool rs_release(struct rs_description *description);

/* fd is one of the guard's own, or no longer. (rs_unbind leaves such numbers as they are.) */
void rs_bind_own(int fd);
void rs_unbind_own(int fd);

/* The first fd >= from for which something is known, or -1. */
int rs_next_known(int from);

/* Before a fork: the child's numbers hold, too. (Counted before, lest the parent closes its own in between and the place is
 * free.) In the parent, afterwards. In the child: what it holds is inherited; what other threads opened or closed between the
 * counting and the fork is put right; `freed` hears of each description that nobody holds after that: whose it was, and its place. */
typedef void rs_freed(uint64_t owner, uint32_t place);
void rs_table_forking(rs_freed *freed);
bool rs_table_try_forking(rs_freed *freed); /* the same; false, and nothing done, while another thread is at it */
void rs_table_fork_done(void);
void rs_table_forked(rs_freed *freed);
bool rs_inherited(const struct rs_description *description);

#endif
