/* wire.c: which protocol a connection speaks, by its first bytes; see wire.h.
 *
 * Until it is known, each side's bytes are held in the struct. They are taken one at a time, so that the protocol becomes known
 * at the same byte however they were split: from there on all goes to its recogniser. */
#include "preload/wire.h"

/* How a connection begins on which one of these is spoken. None is the beginning of another. */
struct beginning {
    char text[16];
    uint8_t size;
    uint8_t protocol;
};
#define BEGINNING(text, protocol) \
    { text, sizeof(text) - 1, protocol }

static const struct beginning client_beginnings[] = {
    BEGINNING("\x16\x03", RS_WIRE_TLS),         BEGINNING("GET ", RS_WIRE_HTTP1),
    BEGINNING("POST ", RS_WIRE_HTTP1),          BEGINNING("PUT ", RS_WIRE_HTTP1),
    BEGINNING("HEAD ", RS_WIRE_HTTP1),          BEGINNING("DELETE ", RS_WIRE_HTTP1),
    BEGINNING("OPTIONS ", RS_WIRE_HTTP1),       BEGINNING("PATCH ", RS_WIRE_HTTP1),
    BEGINNING("CONNECT ", RS_WIRE_HTTP1),       BEGINNING("TRACE ", RS_WIRE_HTTP1),
    BEGINNING("PROPFIND ", RS_WIRE_HTTP1),      BEGINNING("REPORT ", RS_WIRE_HTTP1),
    BEGINNING("PRI * HTTP/2.0", RS_WIRE_HTTP2), BEGINNING("AMQP", RS_WIRE_AMQP),
};
static const struct beginning server_beginnings[] = {BEGINNING("INFO {", RS_WIRE_NATS)};

/* RS_WIRE_NEW: they may still become one of these; RS_WIRE_UNKNOWN: none of them. */
static uint8_t begins(const struct beginning *beginnings, size_t beginning_count, const uint8_t *bytes, size_t count) {
    for (size_t i = 0; i < beginning_count; i++) {
        size_t size = beginnings[i].size;
        if (memcmp(beginnings[i].text, bytes, count < size ? count : size) != 0) continue;
        return count < size ? RS_WIRE_NEW : beginnings[i].protocol;
    }
    return RS_WIRE_UNKNOWN;
}

/* A command's first bytes: `*`, a number, `\r\n$`. */
static uint8_t begins_resp(const uint8_t *bytes, size_t count) {
    enum { DIGITS_MOST = 10 };
    static const uint8_t behind[] = {'\r', '\n', '$'};
    size_t at = 1;
    while (at < count && bytes[at] >= '0' && bytes[at] <= '9') at++;
    if (at - 1 > DIGITS_MOST) return RS_WIRE_UNKNOWN;
    if (at == count) return RS_WIRE_NEW;
    size_t left = count - at;
    if (at == 1 || memcmp(bytes + at, behind, left < sizeof behind ? left : sizeof behind) != 0) return RS_WIRE_UNKNOWN;
    return left < sizeof behind ? RS_WIRE_NEW : RS_WIRE_RESP;
}

/* A startup packet, or a request for encryption: its length, then the protocol's version 3.x or a code that stands there
 * instead. (The request to cancel, 1234.5678, ends its connection: nothing to read.) */
static uint8_t begins_postgresql(const uint8_t *bytes, size_t count) {
    if (count < 8) return bytes[0] || (count > 1 && bytes[1]) ? RS_WIRE_UNKNOWN : RS_WIRE_NEW;
    uint32_t length = (uint32_t)bytes[2] << 8 | bytes[3];
    uint32_t version = (uint32_t)bytes[4] << 8 | bytes[5], minor = (uint32_t)bytes[6] << 8 | bytes[7];
    if (version == 3 && length >= 8) return RS_WIRE_POSTGRESQL;
    return version == 1234 && (minor == 5679 || minor == 5680) && length == 8 ? RS_WIRE_POSTGRESQL : RS_WIRE_UNKNOWN;
}

static uint8_t client_begins(const uint8_t *bytes, size_t count) {
    switch (bytes[0]) {
    case 0:
        return begins_postgresql(bytes, count);
    case '*':
        return begins_resp(bytes, count);
    default:
        return begins(client_beginnings, sizeof client_beginnings / sizeof *client_beginnings, bytes, count);
    }
}

/* MySQL's greeting: three bytes of length, sequence number 0, protocol version 10. */
static bool begins_mysql(const uint8_t *bytes, size_t count) {
    return count >= 5 && !bytes[2] && !bytes[3] && bytes[4] == 10;
}

/* A server that speaks first in another way may still be one whose client's first bytes were not told of yet. */
static uint8_t server_begins(const uint8_t *bytes, size_t count) {
    if (begins_mysql(bytes, count)) return RS_WIRE_MYSQL;
    uint8_t protocol = begins(server_beginnings, sizeof server_beginnings / sizeof *server_beginnings, bytes, count);
    return protocol == RS_WIRE_UNKNOWN ? RS_WIRE_NEW : protocol;
}

static void client_reads(struct rs_wire *wire, const uint8_t *bytes, size_t count) {
    switch (wire->protocol) {
    case RS_WIRE_POSTGRESQL:
        rs_postgresql_sent(wire, bytes, count);
        break;
    case RS_WIRE_RESP:
        rs_resp_sent(wire, bytes, count);
        break;
    case RS_WIRE_MYSQL:
        rs_mysql_sent(wire, bytes, count);
        break;
    default:
        break;
    }
}

static void server_reads(struct rs_wire *wire, const uint8_t *bytes, size_t count) {
    switch (wire->protocol) {
    case RS_WIRE_POSTGRESQL:
        rs_postgresql_received(wire, bytes, count);
        break;
    case RS_WIRE_RESP:
        rs_resp_received(wire, bytes, count);
        break;
    case RS_WIRE_MYSQL:
        rs_mysql_received(wire, bytes, count);
        break;
    default:
        break;
    }
}

/* The protocol is known. What was held is read: first the side's that told it, for it came first. */
static void known(struct rs_wire *wire, uint8_t protocol, bool by_client) {
    struct rs_wire_side client = wire->client, server = wire->server;
    rs_wire_becomes(wire, protocol);
    if (!by_client) server_reads(wire, server.bytes, server.filled);
    client_reads(wire, client.bytes, client.filled);
    if (by_client) server_reads(wire, server.bytes, server.filled);
}

/* Holds bytes until they tell the protocol. Returns how many it took. */
static size_t first_bytes(struct rs_wire *wire, struct rs_wire_side *side, const uint8_t *bytes, size_t count) {
    bool by_client = side == &wire->client;
    size_t taken = 0;
    while (taken < count && wire->protocol == RS_WIRE_NEW) {
        taken += rs_side_hold(side, bytes + taken, 1, side->filled + 1u);
        uint8_t protocol =
            by_client ? client_begins(side->bytes, side->filled) : server_begins(side->bytes, side->filled);
        if (protocol == RS_WIRE_NEW && side->filled == RS_WIRE_HELD) protocol = RS_WIRE_UNKNOWN;
        if (protocol != RS_WIRE_NEW) known(wire, protocol, by_client);
    }
    return taken;
}

/* Is there anything to learn from what passes? */
static bool is_read(const struct rs_wire *wire) {
    return wire->protocol == RS_WIRE_NEW || rs_wire_counts(wire);
}

/* A copy to work on, of which the rest may be sure: what is used as an index is in its range, and nobody changes it meanwhile. */
static struct rs_wire copy_of(const struct rs_wire *shared) {
    struct rs_wire wire = *shared;
    if (wire.transaction >= RS_TRANSACTION_COUNT) wire.transaction = RS_TRANSACTION_NONE;
    if (wire.client.filled > RS_WIRE_HELD) wire.client.filled = RS_WIRE_HELD;
    if (wire.server.filled > RS_WIRE_HELD) wire.server.filled = RS_WIRE_HELD;
    return wire;
}

void rs_wire_sent(struct rs_wire *wire, const void *bytes, size_t count) {
    if (!is_read(wire) || !count) return;
    struct rs_wire now = copy_of(wire);
    size_t taken = now.protocol == RS_WIRE_NEW ? first_bytes(&now, &now.client, bytes, count) : 0;
    client_reads(&now, (const uint8_t *)bytes + taken, count - taken);
    *wire = now;
}

void rs_wire_received(struct rs_wire *wire, const void *bytes, size_t count) {
    if (!is_read(wire) || !count) return;
    struct rs_wire now = copy_of(wire);
    size_t taken = now.protocol == RS_WIRE_NEW ? first_bytes(&now, &now.server, bytes, count) : 0;
    server_reads(&now, (const uint8_t *)bytes + taken, count - taken);
    *wire = now;
}

void rs_wire_lost(struct rs_wire *wire) {
    if (is_read(wire) || wire->protocol >= RS_WIRE_COUNT) rs_wire_becomes(wire, RS_WIRE_UNKNOWN);
}
