/* wire.h: how far the exchange on a connection has come, read off the bytes that pass.
 *
 *   sent by this process ────► client side ──┐
 *                                            ├──► protocol, answers owed, transaction
 *   received by it ──────────► server side ──┘
 *
 * The guard watches outgoing connections only, so this process is the client. The protocol is recognised by the first bytes (for
 * MySQL and NATS the server's, which speaks first); what begins in another way, or stops making sense, is RS_WIRE_UNKNOWN from
 * then on, and the guard judges by bytes alone. Until the protocol is known its bytes are held in the struct; then the recogniser
 * gets them all.
 *
 * What must stay true:
 * - Pure functions over bytes that are not trusted: no call, no memory but the struct's, no loop that does not take a byte.
 * - A message may be split anywhere: what is fed in one piece or byte by byte ends in the same state. So only the struct's own
 *   fields are carried over, never a pointer.
 * - Bytes are looked at once; what a message holds is skipped by its length.
 * - A struct of zeros is a connection on which nothing has passed. Any content of the struct is safe to go on from (it lies in
 *   memory that several processes may write): the recognisers work on a copy, which rs_wire_sent and rs_wire_received write back.
 *   So the caller lets in one at a time.
 * - An answer may be told of before its request: two threads may note what they did in either order. `owed` is below zero then
 *   (MySQL's answers cannot be read without the request: nothing is known any more). */
#ifndef RS_PRELOAD_WIRE_H
#define RS_PRELOAD_WIRE_H

#include "tracer/layout.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The bytes of one side that are looked at together: a header, or the first bytes of a message. */
#define RS_WIRE_HELD 28

/* One direction's reader: the recognisers' own. `skip` bytes are part of a message whose content does not matter. */
struct rs_wire_side {
    uint64_t skip;
    uint64_t number; /* being put together, or counted down */
    uint8_t step;    /* where in a message it stands; each protocol's own */
    uint8_t type;    /* of the message at hand */
    uint8_t filled;  /* bytes in `bytes` */
    uint8_t flags;   /* each protocol's own */
    uint8_t bytes[RS_WIRE_HELD];
};

struct rs_wire {
    uint8_t protocol;    /* enum rs_wire_protocol */
    uint8_t transaction; /* enum rs_wire_transaction */
    uint8_t phase;       /* of a session: starting, ready ...; each protocol's own */
    uint8_t flags;       /* each protocol's own */
    int32_t owed;        /* answers that are still to come; 0: the exchange is complete */
    uint32_t counted[2]; /* each protocol's own */
    struct rs_wire_side client, server;
};

_Static_assert(sizeof(struct rs_wire) <= 128, "one lies in each description");

/* `count` bytes have passed. */
void rs_wire_sent(struct rs_wire *wire, const void *bytes, size_t count);
void rs_wire_received(struct rs_wire *wire, const void *bytes, size_t count);

/* Bytes have passed that nobody saw, or in an order that is not known: from now on nothing is known. What is not read beyond
 * its first bytes (TLS, HTTP ...) stays what it is. */
void rs_wire_lost(struct rs_wire *wire);

/* Is the protocol one whose exchanges are counted: do `owed` and `transaction` say whether the exchange is complete? */
static inline bool rs_wire_counts(const struct rs_wire *wire) {
    return wire->protocol >= RS_WIRE_POSTGRESQL && wire->protocol < RS_WIRE_COUNT;
}

/* Is one connection for many requests at once what the protocol is made for? */
static inline bool rs_wire_is_multiplexed(const struct rs_wire *wire) {
    return wire->protocol >= RS_WIRE_HTTP2 && wire->protocol <= RS_WIRE_AMQP;
}

/* Is what was sent known to be something that will be answered? */
static inline bool rs_wire_is_answered(const struct rs_wire *wire) {
    return wire->protocol == RS_WIRE_HTTP1 || rs_wire_counts(wire);
}

/* ---- for the recognisers, each in a file of its own */

/* From now on the connection is of this protocol, and nothing more is known of it. */
static inline void rs_wire_becomes(struct rs_wire *wire, enum rs_wire_protocol protocol) {
    *wire = (struct rs_wire){.protocol = (uint8_t)protocol};
}

/* More than this on one connection is nonsense. */
#define RS_WIRE_OWED_MOST (1 << 24)

static inline void rs_wire_owes(struct rs_wire *wire, int change) {
    if (wire->owed >= RS_WIRE_OWED_MOST || wire->owed <= -RS_WIRE_OWED_MOST) {
        rs_wire_lost(wire);
    } else {
        wire->owed += change;
    }
}

/* Takes from the bytes at hand what is to be skipped. Returns how many. */
static inline size_t rs_side_skip(struct rs_wire_side *side, size_t count) {
    size_t taken = side->skip < count ? (size_t)side->skip : count;
    side->skip -= taken;
    return taken;
}

/* Takes bytes until `wanted` are held. Returns how many. */
static inline size_t rs_side_hold(struct rs_wire_side *side, const uint8_t *bytes, size_t count, size_t wanted) {
    size_t filled = side->filled;
    if (wanted > RS_WIRE_HELD) wanted = RS_WIRE_HELD;
    if (filled >= wanted) return 0;
    size_t taken = wanted - filled < count ? wanted - filled : count;
    memcpy(side->bytes + filled, bytes, taken);
    side->filled = (uint8_t)(filled + taken);
    return taken;
}

/* Called once the protocol is known, with all bytes from the first one on. */
void rs_postgresql_sent(struct rs_wire *wire, const uint8_t *bytes, size_t count);
void rs_postgresql_received(struct rs_wire *wire, const uint8_t *bytes, size_t count);
void rs_resp_sent(struct rs_wire *wire, const uint8_t *bytes, size_t count);
void rs_resp_received(struct rs_wire *wire, const uint8_t *bytes, size_t count);
void rs_mysql_sent(struct rs_wire *wire, const uint8_t *bytes, size_t count);
void rs_mysql_received(struct rs_wire *wire, const uint8_t *bytes, size_t count);

#endif
