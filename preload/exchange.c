/* exchange.c: see exchange.h. */
#include "preload/exchange.h"
#include "preload/config.h"
#include "preload/describe.h"
#include "preload/reserve.h"
#include "preload/rules.h"
#include "tracer/clock.h"
#include "tracer/recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

_Static_assert(sizeof(struct rs_exchange) <= 256, "four cache lines");

static struct rs_exchange *exchanges;

bool rs_exchanges_start(void) {
    exchanges = rs_reserve_shared(rs_description_places(), sizeof *exchanges);
    return exchanges;
}

struct rs_exchange *rs_exchange_of(const struct rs_description *description) {
    return &exchanges[rs_place_of(description)];
}

void rs_exchange_reset(struct rs_description *description) {
    struct rs_exchange *exchange = rs_exchange_of(description);
    __atomic_store_n(&exchange->process, 0, __ATOMIC_RELAXED);
    memset(&exchange->sender, 0, sizeof *exchange - offsetof(struct rs_exchange, sender));
}

void rs_exchange_watch(struct rs_description *description) {
    rs_exchange_reset(description);
    rs_set_stream(description, RS_STREAM_WATCHED);
}

void rs_exchange_begin(struct rs_description *description) {
    rs_set_phase(description, RS_PHASE_SENT);
}

/* ---- the bytes ------------------------------------------------------------------------------------------------------ */

/* Only lease asks how far an exchange has come. */
static bool is_followed(void) {
    return rs_config.policy == RS_POLICY_LEASE || rs_rules_lease;
}

static void feed_part(struct rs_wire *wire, bool sent, const void *at, size_t count) {
    if (sent)
        rs_wire_sent(wire, at, count);
    else
        rs_wire_received(wire, at, count);
}

static void feed_parts(struct rs_wire *wire, bool sent, const struct iovec *parts, size_t count, uint64_t left) {
    for (size_t i = 0; i < count && left; i++) {
        size_t size = parts[i].iov_len < left ? parts[i].iov_len : (size_t)left;
        feed_part(wire, sent, parts[i].iov_base, size);
        left -= size;
    }
}

static void feed(struct rs_exchange *exchange, bool sent, uint64_t count, struct rs_bytes_of bytes) {
    const struct msghdr *message = bytes.at;
    switch (bytes.form) {
    case RS_BYTES_BUFFER:
        feed_part(&exchange->wire, sent, bytes.at, count);
        break;
    case RS_BYTES_PARTS:
        feed_parts(&exchange->wire, sent, bytes.at, bytes.count, count);
        break;
    case RS_BYTES_MESSAGE:
        feed_parts(&exchange->wire, sent, message->msg_iov, message->msg_iovlen, count);
        break;
    default:
        rs_wire_lost(&exchange->wire);
    }
}

/* In whose name: the current context's, or its for whom a thread in no context works. */
static uint64_t acting(const struct rs_description *description) {
    return rs_thread.current ? rs_thread.current : rs_owner_of(description);
}

static void follow(struct rs_description *description, struct rs_exchange *exchange, bool sent, uint64_t count,
                   struct rs_bytes_of bytes) {
    if (exchange->missed || exchange->wire.protocol == RS_WIRE_UNKNOWN) return;
    if (__atomic_exchange_n(&exchange->busy, 1, __ATOMIC_ACQUIRE)) {
        __atomic_store_n(&exchange->missed, 1, __ATOMIC_RELAXED);
        return;
    }
    feed(exchange, sent, count, bytes);
    if (!exchange->wire.transaction)
        exchange->transaction_of = 0;
    else if (!exchange->transaction_of)
        exchange->transaction_of = acting(description);
    __atomic_store_n(&exchange->busy, 0, __ATOMIC_RELEASE);
}

/* ---- calls ---------------------------------------------------------------------------------------------------------- */

static bool was_answered(const struct rs_description *description) {
    return rs_stream_of(description) & RS_STREAM_ANSWERED;
}

static void note_sent(struct rs_description *description, struct rs_exchange *exchange, int64_t result,
                      struct rs_bytes_of bytes) {
    if (result <= 0) {
        /* Nothing went out, so nothing is owed for it. */
        if (!exchange->sent) rs_set_phase(description, was_answered(description) ? RS_PHASE_ANSWERED : RS_PHASE_IDLE);
        return;
    }
    if (!exchange->sent) {
        exchange->sender = acting(description);
        exchange->sent_at = rs_clock_mark();
    }
    exchange->sent += (uint64_t)result;
    exchange->writer = rs_trace_tid();
    if (is_followed()) follow(description, exchange, true, (uint64_t)result, bytes);
}

static void note_answer(struct rs_description *description, struct rs_exchange *exchange) {
    if (rs_phase_of(description) != RS_PHASE_SENT && !exchange->sent) return;
    bool others = rs_trace_tid() != exchange->writer && rs_thread.current != exchange->sender;
    exchange->read_by_others = others;
    exchange->sent = 0;
    rs_set_phase(description, RS_PHASE_ANSWERED);
    rs_set_stream(description, RS_STREAM_ANSWERED);
}

static void note_received(struct rs_description *description, struct rs_exchange *exchange, int64_t result,
                          struct rs_bytes_of bytes) {
    if (bytes.form == RS_BYTES_PEEKED || (!result && bytes.form == RS_BYTES_BUFFER && !bytes.count)) return;
    if (result < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (result <= 0) {
        /* The peer is gone: no answer will come. */
        exchange->sent = 0;
        rs_set_phase(description, RS_PHASE_ANSWERED);
        return;
    }
    note_answer(description, exchange);
    if (is_followed()) follow(description, exchange, false, (uint64_t)result, bytes);
}

void rs_exchange_end(struct rs_description *description, enum rs_operation operation, int64_t result,
                     struct rs_bytes_of bytes) {
    struct rs_exchange *exchange = rs_exchange_of(description);
    int saved = errno;
    if (rs_operation_sends(operation)) note_sent(description, exchange, result, bytes);
    if (rs_operation_receives(operation)) note_received(description, exchange, result, bytes);
    errno = saved;
}

/* ---- the state ------------------------------------------------------------------------------------------------------ */

static bool counts(const struct rs_exchange *exchange) {
    return !exchange->missed && rs_wire_counts(&exchange->wire);
}

/* Has the peer closed its side, or reset the connection? (Asked so that an error that waits is still the program's to see.) */
static bool peer_is_gone(int fd) {
    struct pollfd wait = {fd, POLLRDHUP, 0};
    struct timespec none = {0, 0};
    return rs_sys(SYS_ppoll, &wait, 1, &none, NULL, 0) == 1 && wait.revents & (POLLRDHUP | POLLHUP | POLLERR);
}

static bool is_blocking(int fd) {
    long flags = rs_sys(SYS_fcntl, fd, F_GETFL, 0);
    return flags >= 0 && !(flags & O_NONBLOCK);
}

static bool waits(const struct rs_outstanding *outstanding) {
    return outstanding->unread && outstanding->unread != ~0u;
}

/* By its protocol, or as one thread reads what others have asked for. (Where a protocol has one answer after the other, somebody
 * else has just tidied up.) */
static bool is_multiplexed(const struct rs_exchange *exchange) {
    if (rs_wire_is_multiplexed(&exchange->wire)) return true;
    return exchange->read_by_others && !rs_wire_is_answered(&exchange->wire);
}

/* By the messages that were recognised. What waits unread while nothing is owed was sent unasked, and is nobody's. */
static enum rs_exchange_state by_messages(int fd, const struct rs_exchange *exchange, uint64_t user) {
    bool others = exchange->transaction_of && exchange->transaction_of != user;
    if (exchange->wire.transaction && others) return RS_EXCHANGE_TRANSACTION;
    return exchange->wire.owed > 0 && !peer_is_gone(fd) ? RS_EXCHANGE_OWED : RS_EXCHANGE_COMPLETE;
}

static enum rs_exchange_state by_bytes(int fd, const struct rs_description *description,
                                       const struct rs_exchange *exchange, enum rs_operation operation,
                                       const struct rs_outstanding *outstanding) {
    if (waits(outstanding)) return RS_EXCHANGE_OWED;
    if (rs_phase_of(description) != RS_PHASE_SENT || peer_is_gone(fd)) return RS_EXCHANGE_COMPLETE;
    if (was_answered(description) || rs_wire_is_answered(&exchange->wire)) return RS_EXCHANGE_OWED;
    return rs_operation_receives(operation) && is_blocking(fd) ? RS_EXCHANGE_OWED : RS_EXCHANGE_DEBT;
}

enum rs_exchange_state rs_exchange_look(int fd, const struct rs_description *description, uint64_t user,
                                        enum rs_operation operation, struct rs_outstanding *outstanding) {
    static const struct rs_exchange none = {0};
    bool known = rs_stream_of(description) & (RS_STREAM_WATCHED | RS_STREAM_DATAGRAM);
    const struct rs_exchange *exchange = known ? rs_exchange_of(description) : &none;
    *outstanding = (struct rs_outstanding){
        .sender = exchange->sent ? exchange->sender : 0,
        .sent = exchange->sent,
        .age = exchange->sent ? rs_clock_since(exchange->sent_at) : 0,
        .transaction_of = exchange->transaction_of,
        .unread = rs_unread(fd),
        .transaction = exchange->missed ? 0 : exchange->wire.transaction,
        .protocol = exchange->wire.protocol,
    };
    if (is_multiplexed(exchange)) return RS_EXCHANGE_MULTIPLEXED;
    if (counts(exchange)) return by_messages(fd, exchange, user);
    return by_bytes(fd, description, exchange, operation, outstanding);
}

void rs_exchange_handed_over(struct rs_description *description, bool debt) {
    if (debt) return;
    rs_set_phase(description, RS_PHASE_IDLE);
    if (rs_stream_of(description) & RS_STREAM_WATCHED) rs_exchange_of(description)->sent = 0;
}

void rs_exchange_note_debt(struct rs_description *description, uint64_t sender) {
    struct rs_exchange *exchange = rs_exchange_of(description);
    if (exchange->sent) return;
    exchange->sender = sender;
    exchange->sent = 1;
    exchange->sent_at = rs_clock_mark();
}
