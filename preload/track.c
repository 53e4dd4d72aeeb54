/* track.c: see track.h. */
#include "preload/track.h"
#include "preload/closed.h"
#include "preload/context.h"
#include "preload/coverage.h"
#include "preload/describe.h"
#include "preload/ending.h"
#include "preload/events.h"
#include "preload/exchange.h"
#include "preload/finding.h"
#include "preload/infer.h"
#include "preload/ownfd.h"
#include "preload/requester.h"
#include "preload/rules.h"
#include "preload/stack.h"

#include <errno.h>
#include <string.h>

void rs_disowned(uint64_t owner, uint32_t place) {
    rs_context_owns(owner, place, -1);
}

static void release(struct rs_description *description) {
    uint64_t owner = rs_owner_of(description); /* once released its place may be another's */
    if (rs_release(description)) rs_disowned(owner, rs_place_of(description));
}

void rs_forget_all(void) {
    bool last;
    for (int fd = rs_next_known(0); fd >= 0; fd = rs_next_known(fd + 1)) {
        struct rs_description *description = rs_unbind(fd, &last);
        if (description) release(description);
    }
}

/* Closed unseen: its number is somebody else's now. */
static void forget(int fd) {
    bool last;
    if (rs_unlikely(rs_is_own(fd))) rs_own_lost(fd);
    struct rs_description *stale = rs_unbind(fd, &last);
    if (rs_likely(!stale)) return;
    rs_event_close(fd, stale, last);
    if (last && rs_is_requester(stale)) rs_requester_closed(stale);
    release(stale);
}

static struct rs_description *make(int fd, enum rs_operation operation, enum rs_kind kind, uint64_t owner,
                                   bool guessed) {
    struct rs_description *description = rs_description_new();
    if (rs_unlikely(!description)) {
        rs_coverage_reduced(RS_COVERAGE_DESCRIPTIONS_FULL,
                            "no place for more open descriptions; further ones are not checked", NULL);
        return NULL;
    }
    __atomic_store_n(&description->tag, owner, __ATOMIC_RELAXED);
    if (rs_unlikely(guessed)) __atomic_store_n(&description->flags, RS_DESCRIPTION_GUESSED, __ATOMIC_RELAXED);
    /* What a context owns must be known again: libc closes some numbers without being seen. (A guess accuses nobody.) */
    __atomic_store_n(&description->identity, owner && !guessed ? rs_identity(fd) : 0, __ATOMIC_RELAXED);
    description->opener = owner;
    description->opened = rs_clock_monotonic();
    description->opened_stack = rs_stack_take();
    description->opener_thread = rs_trace_tid();
    __atomic_store_n(&description->opened_by, (uint8_t)operation, __ATOMIC_RELAXED);
    __atomic_store_n(&description->kind, (uint8_t)kind, __ATOMIC_RELAXED);
    return description;
}

void rs_opened(int fd, enum rs_operation operation, enum rs_kind kind, const char *name) {
    if (!rs_tables_are_ours()) return;
    bool guessed;
    uint64_t opener = rs_infer_opener(operation, &guessed);
    forget(fd);
    struct rs_description *description = make(fd, operation, kind, opener, guessed);
    if (!description) return;
    const struct rs_context *context = opener ? rs_context_owns(opener, rs_place_of(description), 1) : NULL;
    bool live = !opener || (context && rs_context_live(context) && context->process == rs_pid);
    if (rs_unlikely(!live) && rs_context_is_over(opener)) rs_mark(description, opener, RS_TAG_LATE);
    rs_note_number(fd, 0);
    rs_bind(fd, description);
    rs_event_open(fd, description, name);
    rs_rules_mark(fd, description, name);
}

static bool is_socket(enum rs_kind kind) {
    return kind == RS_KIND_TCP || kind == RS_KIND_UNIX || kind == RS_KIND_SOCKET;
}

struct rs_description *rs_adopt(int fd) {
    char name[RS_NAME_SIZE];
    int saved = errno;
    if (!rs_tables_are_ours()) return NULL;
    enum rs_kind kind = rs_describe(fd, name);
    if (!name[0] && !rs_identity(fd)) return NULL;
    if (rs_unlikely(kind == RS_KIND_OTHER) && !strcmp(name, "[io_uring]")) {
        rs_coverage_reduced(RS_COVERAGE_IO_URING, "io_uring is used: what goes through it is not seen", NULL);
    }
    struct rs_description *description = make(fd, RS_OP_found, kind, 0, false);
    if (!description) return NULL;
    __atomic_store_n(&description->flags, RS_DESCRIPTION_UNSEEN, __ATOMIC_RELAXED);
    bool stream = is_socket(kind) && rs_is_connected_stream(fd);
    if (stream) rs_exchange_watch(description);
    if (!rs_bind_if_unknown(fd, description)) return rs_lookup(fd);
    if (stream && kind == RS_KIND_TCP) rs_requester_received(fd);
    rs_event_open(fd, description, name);
    rs_rules_mark(fd, description, name);
    errno = saved;
    return description;
}

struct rs_description *rs_adopt_anew(int fd) {
    forget(fd);
    return rs_adopt(fd);
}

void rs_duplicated(int from, int fd) {
    if (!rs_tables_are_ours()) return;
    forget(fd);
    struct rs_description *description = rs_lookup(from);
    if (!rs_known(description)) description = rs_adopt(from);
    if (!description || !rs_known(description)) return;
    rs_note_number(fd, rs_thread.current);
    rs_bind(fd, description);
    rs_event_dup(from, fd, description);
}

void rs_socket_is(int fd, int type) {
    struct rs_description *description = rs_lookup(fd);
    bool stream = (type & 0xff & ~(SOCK_CLOEXEC | SOCK_NONBLOCK)) == SOCK_STREAM;
    if (stream || !rs_known(description) || !rs_tables_are_ours()) return;
    rs_exchange_reset(description);
    rs_set_stream(description, RS_STREAM_DATAGRAM);
}

static void watch(struct rs_description *description) {
    bool stream = is_socket(description->kind) && !(rs_stream_of(description) & RS_STREAM_DATAGRAM);
    if (stream && !rs_is_watched(description)) rs_exchange_watch(description);
}

void rs_paired(int fd) {
    struct rs_description *description = rs_lookup(fd);
    if (rs_known(description) && rs_tables_are_ours()) watch(description);
}

void rs_connected(int fd, const struct sockaddr *address, socklen_t length) {
    char name[RS_NAME_SIZE];
    struct rs_description *description = rs_lookup(fd);
    if (!rs_known(description) || !rs_tables_are_ours()) return;
    watch(description);
    if (!rs_tracing && !rs_rules_describe) return;
    rs_describe_address(description->kind, address, length, name);
    rs_event_name(fd, description, name);
    rs_rules_mark(fd, description, name);
}

/* The tag that it gets: the new owner, and those marks that stay. */
static uint64_t tag_for(uint64_t tag, uint64_t to, uint32_t reason) {
    uint64_t forked = reason == RS_HANDOVER_SHARED ? 0 : tag & RS_TAG_FORKED;
    uint64_t debt = reason == RS_HANDOVER_INDEBTED ? RS_TAG_DEBT : 0;
    return (reason == RS_HANDOVER_RETURNED ? RS_TAG_POOLED : to) | forked | debt;
}

bool rs_hand_over(int fd, struct rs_description *description, uint64_t tag, uint64_t to, uint32_t reason) {
    uint64_t from = tag & RS_TAG_OWNER;
    uint64_t next = tag_for(tag, to, reason);
    if (to && !description->identity) __atomic_store_n(&description->identity, rs_identity(fd), __ATOMIC_RELAXED);
    if (!__atomic_compare_exchange_n(&description->tag, &tag, next, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
        return false;
    rs_note_operation(description, RS_OP_none);
    /* What was put back into a pool in mid-exchange is so still when it is taken out. */
    bool goes_on = reason == RS_HANDOVER_INDEBTED || reason == RS_HANDOVER_RETURNED || reason == RS_HANDOVER_INFERRED;
    rs_exchange_handed_over(description, goes_on);
    rs_context_owns(from, rs_place_of(description), -1);
    rs_context_owns(to, rs_place_of(description), 1);
    rs_event_handover(fd, description, reason, from, to);
    return true;
}

struct rs_closing rs_close_begin(int fd) {
    struct rs_closing closing = {NULL, false};
    if (!rs_tables_are_ours()) return closing;
    /* Noted first: once the number is unbound another thread may have it. */
    const struct rs_description *known = rs_lookup(fd);
    if (rs_known(known)) rs_closed_note(fd, known);
    closing.description = rs_unbind(fd, &closing.last);
    return closing;
}

void rs_close_end(int fd, struct rs_closing closing, bool closed) {
    if (!closing.description) return;
    if (!closed) {
        rs_closed_not(fd);
        rs_rebind(fd, closing.description);
        return;
    }
    rs_event_close(fd, closing.description, closing.last);
    if (rs_unlikely(rs_flags_of(closing.description) & RS_DESCRIPTION_LEAKED) && closing.last)
        rs_leak_mended(fd, closing.description);
    if (closing.last && rs_is_requester(closing.description)) rs_requester_closed(closing.description);
    release(closing.description);
}
