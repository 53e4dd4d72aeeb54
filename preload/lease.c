/* lease.c: see lease.h. */
#include "preload/lease.h"
#include "preload/config.h"
#include "preload/describe.h"
#include "preload/events.h"
#include "preload/exchange.h"
#include "preload/finding.h"
#include "preload/log.h"
#include "preload/policy.h"
#include "preload/track.h"
#include "tracer/text.h"

#include <errno.h>
#include <string.h>

static bool is_stream(int fd, const struct rs_description *description) {
    return rs_stream_of(description) & RS_STREAM_WATCHED || rs_is_connected_stream(fd);
}

/* Datagrams that are only ever sent: each is complete by itself. */
static bool is_sent_only(const struct rs_description *description) {
    return (rs_stream_of(description) & (RS_STREAM_DATAGRAM | RS_STREAM_ANSWERED)) == RS_STREAM_DATAGRAM;
}

bool rs_may_be_leased(int fd, const struct rs_description *description) {
    uint8_t flags = rs_flags_of(description);
    if (flags & RS_DESCRIPTION_LEASED) return true;
    if (flags & RS_DESCRIPTION_STRICT || rs_config.policy != RS_POLICY_LEASE) return false;
    if (description->opened_by == RS_OP_accept) return false;
    return is_sent_only(description) || is_stream(fd, description);
}

/* ---- multiplexed ---------------------------------------------------------------------------------------------------- */

#define MOST_NAMES 64
static uint64_t said[MOST_NAMES]; /* hashes of names; 0: free */

/* True once for each name. */
static bool say_first(const char *name) {
    uint64_t words[RS_NAME_SIZE / 8] = {0};
    memcpy(words, name, strnlen(name, sizeof words));
    uint64_t hash = rs_mix(words, sizeof words, 1) | 1;
    for (int i = 0; i < MOST_NAMES; i++) {
        uint64_t known = 0;
        if (__atomic_compare_exchange_n(&said[i], &known, hash, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) return true;
        if (known == hash) return false;
    }
    return false;
}

static void say_multiplexed(int fd) {
    char name[RS_NAME_SIZE], line[2 * RS_NAME_SIZE];
    enum rs_kind kind = rs_describe(fd, name);
    if (!say_first(name)) return;
    char *blank = strchr(name, ' ');
    struct rs_text text = rs_text_in(line, sizeof line);
    rs_text_add(&text, "one connection carries the requests of many at once, and is taken to be shared: ");
    rs_text_add_safe(&text, name);
    rs_text_add(&text, ". If that is meant, the rule that says so: share:");
    if (blank) *blank = ':';
    rs_text_add_safe(&text, blank ? name : rs_kind_name(kind));
    rs_log_line(line, NULL);
    rs_event_note(line);
}

static enum rs_lease share(int fd, struct rs_description *description) {
    uint64_t tag;
    say_multiplexed(fd);
    __atomic_fetch_or(&description->flags, RS_DESCRIPTION_SHARED, __ATOMIC_RELAXED);
    do {
        tag = __atomic_load_n(&description->tag, __ATOMIC_ACQUIRE);
    } while (!rs_hand_over(fd, description, tag, 0, RS_HANDOVER_SHARED));
    return RS_LEASE_SHARED;
}

/* ---- hand-overs ----------------------------------------------------------------------------------------------------- */

/* Whose the exchange is: who sent what is not answered, or began the transaction. */
static uint64_t holder_of(const struct rs_outstanding *outstanding, enum rs_exchange_state state, uint64_t owner) {
    if (state == RS_EXCHANGE_TRANSACTION) return outstanding->transaction_of;
    return owner ? owner : outstanding->sender;
}

static bool may_take(int fd, enum rs_operation operation, const struct rs_description *description, uint64_t owner,
                     enum rs_exchange_state state, const struct rs_outstanding *outstanding) {
    bool dirty = state == RS_EXCHANGE_OWED || state == RS_EXCHANGE_TRANSACTION;
    uint64_t holder = holder_of(outstanding, state, owner);
    if (!dirty || !holder || holder == rs_thread.current) return true;
    return rs_found_of(RS_FINDING_dirty_handover, operation, fd, description,
                       &(struct rs_details){.owner = holder, .outstanding = outstanding});
}

void rs_lease_refuse(int fd, enum rs_operation operation, const struct rs_description *description, uint64_t owner) {
    struct rs_outstanding outstanding = {0};
    enum rs_exchange_state state = rs_exchange_look(fd, description, rs_thread.current, operation, &outstanding);
    uint64_t holder = holder_of(&outstanding, state, owner);
    rs_found_of(RS_FINDING_dirty_handover, operation, fd, description,
                &(struct rs_details){.owner = holder, .outstanding = &outstanding});
}

/* Its owner may end meanwhile, and that is marked in the tag; another context that was faster has it. */
static void take(int fd, struct rs_description *description, uint64_t tag, enum rs_handover reason) {
    uint64_t owner = tag & RS_TAG_OWNER;
    while (!rs_hand_over(fd, description, tag, rs_thread.current, reason)) {
        tag = __atomic_load_n(&description->tag, __ATOMIC_ACQUIRE);
        if ((tag & RS_TAG_OWNER) != owner) return;
    }
}

/* Datagrams: who reads, reads the answer to what another has sent; who sends leaves him the chance. */
static enum rs_lease lease_datagrams(int fd, enum rs_operation operation, struct rs_description *description,
                                     uint64_t tag) {
    uint64_t owner = tag & RS_TAG_OWNER;
    bool sent = rs_phase_of(description) == RS_PHASE_SENT && owner;
    if (sent && rs_operation_receives(operation)) return RS_LEASE_FOREIGN;
    if (sent) rs_exchange_note_debt(description, owner);
    take(fd, description, tag, sent ? RS_HANDOVER_INDEBTED : RS_HANDOVER_LEASED);
    return RS_LEASE_TAKEN;
}

enum rs_lease rs_lease(int fd, enum rs_operation operation, struct rs_description *description, uint64_t tag) {
    struct rs_outstanding outstanding = {0};
    uint64_t owner = tag & RS_TAG_OWNER;
    enum rs_handover reason = tag & RS_TAG_POOLED ? RS_HANDOVER_TAKEN : RS_HANDOVER_LEASED;
    enum rs_exchange_state state = RS_EXCHANGE_COMPLETE;
    if (is_sent_only(description)) return lease_datagrams(fd, operation, description, tag);
    if (is_stream(fd, description))
        state = rs_exchange_look(fd, description, rs_thread.current, operation, &outstanding);
    if (state == RS_EXCHANGE_MULTIPLEXED) return share(fd, description);
    if (!may_take(fd, operation, description, owner, state, &outstanding)) return RS_LEASE_REFUSED;
    take(fd, description, tag, state == RS_EXCHANGE_DEBT ? RS_HANDOVER_INDEBTED : reason);
    return RS_LEASE_TAKEN;
}

bool rs_lease_with_debt(int fd, enum rs_operation operation, struct rs_description *description) {
    struct rs_outstanding outstanding;
    if (!rs_operation_receives(operation)) return true;
    enum rs_exchange_state state = rs_exchange_look(fd, description, rs_thread.current, operation, &outstanding);
    if (state == RS_EXCHANGE_DEBT) return true;
    uint64_t sender = outstanding.sender;
    bool allowed = state != RS_EXCHANGE_OWED || !sender || sender == rs_thread.current ||
                   rs_found_of(RS_FINDING_dirty_handover, operation, fd, description,
                               &(struct rs_details){.owner = sender, .outstanding = &outstanding});
    if (allowed) rs_unmark(description, RS_TAG_DEBT);
    return allowed;
}
