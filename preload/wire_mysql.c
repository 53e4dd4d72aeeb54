/* wire_mysql.c: what MySQL and MariaDB speak; see wire.h.
 *
 *   packet   length (3 bytes), sequence number (1), content     one of 0xffffff bytes goes on in the next packet
 *
 *   GREETING ──► HANDSHAKE ──► AUTHENTICATION ──► READY ◄──► INFILE (the client sends a file that the server asked for)
 *     server        client         both, until OK
 *
 * What an answer looks like depends on the command, so at most one command is unanswered at a time: a client that sends another
 * one meanwhile, or an answer that is told of before its command, is lost. An answer is complete with its last packet's last byte.
 *
 * Sequence numbers count both sides' packets from a command on. They show when something was missed; what comes next is kept in
 * client.type. Of a packet only its first bytes are held, those that tell what it is. */
#include "preload/wire.h"

enum phase { PHASE_START, PHASE_GREETING, PHASE_HANDSHAKE, PHASE_AUTHENTICATION, PHASE_READY, PHASE_INFILE };

/* wire.flags: result sets and the like are without EOF packets in their middle */
enum { DEPRECATES_EOF = 1 };

/* side.flags; side.number holds the present packet's header */
enum { HEADER_SIZE = 4, HEADER_HELD = 7 /* how many bytes of it */, CONTINUES = 8 /* what the packet before began */ };

/* client.step: what the present packet is */
enum client_step {
    PACKET_REPLY,   /* in a phase that the server leads */
    PACKET_COMMAND, /* one whose first byte has not passed */
    PACKET_ANSWERED,
    PACKET_UNANSWERED
};

/* server.step: what the next packet is */
enum server_step {
    GREETING_VERSION,
    GREETING_CAPABILITIES,
    ANSWER_FIRST,
    ANSWER_DEFINITIONS, /* of counted[THIS_BLOCK] columns or parameters */
    ANSWER_DEFINITIONS_END,
    ANSWER_ROWS
};

/* Until the handshake is over counted[CAPABILITIES] holds what the server can do. */
enum { THIS_BLOCK, NEXT_BLOCK, CAPABILITIES = NEXT_BLOCK };

#define PACKET_MOST 0xffffffu

#define CAN_COMPRESS 0x20u
#define CAN_PROTOCOL_41 0x200u
#define CAN_TLS 0x800u
#define CAN_DEPRECATE_EOF (1u << 24)
#define CAN_LEAVE_OUT_METADATA (1u << 25)
#define CAN_COMPRESS_ZSTD (1u << 26)

#define STATUS_IN_TRANSACTION 0x1
#define STATUS_MORE_RESULTS 0x8
#define STATUS_CURSOR_EXISTS 0x40

enum command {
    COM_QUIT = 0x01,
    COM_INIT_DB = 0x02,
    COM_QUERY = 0x03,
    COM_FIELD_LIST = 0x04,
    COM_CREATE_DB = 0x05,
    COM_DROP_DB = 0x06,
    COM_REFRESH = 0x07,
    COM_SHUTDOWN = 0x08,
    COM_STATISTICS = 0x09,
    COM_PROCESS_INFO = 0x0a,
    COM_PROCESS_KILL = 0x0c,
    COM_DEBUG = 0x0d,
    COM_PING = 0x0e,
    COM_CHANGE_USER = 0x11,
    COM_REGISTER_SLAVE = 0x15,
    COM_STMT_PREPARE = 0x16,
    COM_STMT_EXECUTE = 0x17,
    COM_STMT_SEND_LONG_DATA = 0x18,
    COM_STMT_CLOSE = 0x19,
    COM_STMT_RESET = 0x1a,
    COM_SET_OPTION = 0x1b,
    COM_STMT_FETCH = 0x1c,
    COM_RESET_CONNECTION = 0x1f,
    COM_STMT_BULK_EXECUTE = 0xfa /* MariaDB's */
};

/* A packet's first byte. */
enum { HEAD_OK = 0x00, HEAD_INFILE = 0xfb, HEAD_EOF = 0xfe, HEAD_ERROR = 0xff };

enum {
    HEAD_MOST = 24,        /* held of a packet: of an OK its head, two numbers of up to 9 bytes, its status */
    AFTER_VERSION = 20,    /* held of a greeting: what follows the server's version */
    ANSWER_EOF_SIZE = 5,   /* an EOF packet: head, warnings, status */
    ANSWER_OK_LEAST = 7,   /* an OK packet: head, two numbers, status, warnings */
    HANDSHAKE_LEAST = 32,  /* as far as it is the same for all */
    PREPARE_OK_LEAST = 12, /* head, statement, columns, parameters, a zero, warnings */
    DEFINITIONS_MOST = 65535
};

/* A whole packet of the server's has passed (those that it went on in with it). */
struct packet {
    const uint8_t *head;
    size_t held;   /* bytes of it, at most HEAD_MOST */
    size_t length; /* PACKET_MOST: that or more */
};

static unsigned number16(const uint8_t *bytes) {
    return (unsigned)(bytes[0] | bytes[1] << 8);
}

static uint32_t number32(const uint8_t *bytes) {
    return number16(bytes) | (uint32_t)number16(bytes + 2) << 16;
}

/* A number of 1 to 9 bytes at *at; false: it is none, or not all of it is held. */
static bool number_at(const struct packet *packet, size_t *at, uint64_t *value) {
    if (*at >= packet->held) return false;
    uint8_t first = packet->head[(*at)++];
    size_t size = first == 0xfc ? 2 : first == 0xfd ? 3 : first == 0xfe ? 8 : 0;
    if (first == 0xfb || first == 0xff || size > packet->held - *at) return false;
    *value = size ? 0 : first;
    for (size_t i = 0; i < size; i++) *value |= (uint64_t)packet->head[*at + i] << (8 * i);
    *at += size;
    return true;
}

static bool is_next(struct rs_wire *wire, uint8_t sequence) {
    if (sequence != wire->client.type) return false;
    wire->client.type++;
    return true;
}

/* ---- client */

static void handshake(struct rs_wire *wire, size_t length) {
    uint32_t client = number32(wire->client.bytes);
    uint32_t both = client & wire->counted[CAPABILITIES];
    if (length < HANDSHAKE_LEAST || !(client & CAN_PROTOCOL_41) ||
        both & (CAN_COMPRESS | CAN_COMPRESS_ZSTD | CAN_LEAVE_OUT_METADATA)) {
        rs_wire_lost(wire);
    } else if (both & CAN_TLS) {
        rs_wire_becomes(wire, RS_WIRE_TLS);
    } else {
        wire->flags = both & CAN_DEPRECATE_EOF ? DEPRECATES_EOF : 0;
        wire->counted[CAPABILITIES] = 0;
        wire->phase = PHASE_AUTHENTICATION;
    }
}

static void answered_command(struct rs_wire *wire, uint8_t command, enum server_step step) {
    if (wire->owed) {
        rs_wire_lost(wire);
        return;
    }
    wire->client.step = PACKET_ANSWERED;
    wire->client.type = 1;
    wire->server.type = command;
    wire->server.step = (uint8_t)step;
    rs_wire_owes(wire, 1);
}

static void command(struct rs_wire *wire, uint8_t command) {
    switch (command) {
    case COM_QUIT:
    case COM_STMT_SEND_LONG_DATA:
    case COM_STMT_CLOSE:
        wire->client.step = PACKET_UNANSWERED;
        break;
    case COM_INIT_DB:
    case COM_QUERY:
    case COM_CREATE_DB:
    case COM_DROP_DB:
    case COM_REFRESH:
    case COM_SHUTDOWN:
    case COM_STATISTICS:
    case COM_PROCESS_INFO:
    case COM_PROCESS_KILL:
    case COM_DEBUG:
    case COM_PING:
    case COM_REGISTER_SLAVE:
    case COM_STMT_PREPARE:
    case COM_STMT_EXECUTE:
    case COM_STMT_RESET:
    case COM_SET_OPTION:
    case COM_RESET_CONNECTION:
    case COM_STMT_BULK_EXECUTE:
        answered_command(wire, command, ANSWER_FIRST);
        break;
    case COM_FIELD_LIST:
    case COM_STMT_FETCH:
        answered_command(wire, command, ANSWER_ROWS);
        break;
    case COM_CHANGE_USER:
        answered_command(wire, command, ANSWER_FIRST);
        if (wire->protocol == RS_WIRE_MYSQL) wire->phase = PHASE_AUTHENTICATION;
        break;
    default: /* a replica's streams, and what no client sends */
        rs_wire_lost(wire);
        break;
    }
}

/* Does the packet that begins make sense here? */
static bool client_packet_begins(struct rs_wire *wire, size_t length, uint8_t sequence) {
    struct rs_wire_side *side = &wire->client;
    if (side->flags & CONTINUES) return side->step == PACKET_UNANSWERED || is_next(wire, sequence);
    side->filled = 0;
    if (wire->phase == PHASE_READY) {
        side->step = PACKET_COMMAND;
        return !sequence && length;
    }
    side->step = PACKET_REPLY;
    return wire->phase >= PHASE_HANDSHAKE && is_next(wire, sequence);
}

static size_t client_content(struct rs_wire *wire, const uint8_t *bytes, size_t count) {
    struct rs_wire_side *side = &wire->client;
    if (!side->skip) return 0;
    if (side->step == PACKET_COMMAND) {
        command(wire, *bytes);
        if (wire->protocol != RS_WIRE_MYSQL) return 1;
    }
    if (wire->phase == PHASE_HANDSHAKE) rs_side_hold(side, bytes, side->skip < count ? side->skip : count, 4);
    return rs_side_skip(side, count);
}

/* The file ends with an empty packet. */
static void client_packet_ends(struct rs_wire *wire, size_t length) {
    if (wire->client.step != PACKET_REPLY) return;
    if (wire->phase == PHASE_HANDSHAKE) handshake(wire, length);
    if (wire->phase == PHASE_INFILE && !length) wire->phase = PHASE_READY;
}

/* ---- server */

/* The protocol's version and the server's, which ends with a zero; then what is held of a greeting. */
static void greeting_content(struct rs_wire_side *side, const uint8_t *bytes, size_t count) {
    if (side->step == GREETING_VERSION) {
        const uint8_t *end = memchr(bytes, 0, count);
        if (!end) return;
        side->step = GREETING_CAPABILITIES;
        count -= (size_t)(end - bytes) + 1;
        bytes = end + 1;
    }
    rs_side_hold(side, bytes, count, AFTER_VERSION);
}

static void greeting_ends(struct rs_wire *wire) {
    struct rs_wire_side *side = &wire->server;
    if (side->step != GREETING_CAPABILITIES || side->filled < AFTER_VERSION) {
        rs_wire_lost(wire);
        return;
    }
    wire->counted[CAPABILITIES] = number16(side->bytes + 13) | (uint32_t)number16(side->bytes + 18) << 16;
    wire->phase = PHASE_HANDSHAKE;
    side->step = ANSWER_FIRST;
}

static void answer_ends(struct rs_wire *wire) {
    wire->phase = PHASE_READY;
    wire->server.step = ANSWER_FIRST;
    rs_wire_owes(wire, -1);
}

/* An OK's or EOF's. In this form of the latter the status stands behind the warnings. */
static bool read_status(const struct packet *packet, unsigned *status) {
    uint64_t ignored;
    size_t at = 1;
    if (packet->head[0] == HEAD_EOF && packet->length == ANSWER_EOF_SIZE) {
        *status = number16(packet->head + 3);
        return true;
    }
    if (packet->length < ANSWER_OK_LEAST || !number_at(packet, &at, &ignored) || !number_at(packet, &at, &ignored) ||
        packet->held - at < 2) {
        return false;
    }
    *status = number16(packet->head + at);
    return true;
}

/* Takes over what a packet says of the transaction. Returns its status; STATUS_MORE_RESULTS if it is lost. */
static unsigned take_status(struct rs_wire *wire, const struct packet *packet) {
    unsigned status;
    if (!read_status(packet, &status)) {
        rs_wire_lost(wire);
        return STATUS_MORE_RESULTS;
    }
    wire->transaction = status & STATUS_IN_TRANSACTION ? RS_TRANSACTION_OPEN : RS_TRANSACTION_NONE;
    return status;
}

/* This result is over: is it the last? */
static void result_ends(struct rs_wire *wire, const struct packet *packet) {
    if (!(take_status(wire, packet) & STATUS_MORE_RESULTS)) {
        answer_ends(wire);
    } else if (wire->protocol == RS_WIRE_MYSQL) {
        wire->server.step = ANSWER_FIRST;
    }
}

/* What follows definitions: rows, or after a prepared statement's parameters its columns. */
static void after_definitions(struct rs_wire *wire) {
    if (wire->server.type != COM_STMT_PREPARE) {
        wire->server.step = ANSWER_ROWS;
        return;
    }
    wire->counted[THIS_BLOCK] = wire->counted[NEXT_BLOCK];
    wire->counted[NEXT_BLOCK] = 0;
    if (wire->counted[THIS_BLOCK]) {
        wire->server.step = ANSWER_DEFINITIONS;
    } else {
        answer_ends(wire);
    }
}

static void definitions_end(struct rs_wire *wire) {
    if (wire->flags & DEPRECATES_EOF) {
        after_definitions(wire);
    } else {
        wire->server.step = ANSWER_DEFINITIONS_END;
    }
}

/* A cursor's rows are fetched later. */
static void definitions_end_packet(struct rs_wire *wire, const struct packet *packet) {
    if (packet->head[0] != HEAD_EOF || packet->length != ANSWER_EOF_SIZE) {
        rs_wire_lost(wire);
        return;
    }
    unsigned status = take_status(wire, packet);
    if (status & STATUS_CURSOR_EXISTS && wire->server.type != COM_STMT_PREPARE) {
        answer_ends(wire);
    } else {
        after_definitions(wire);
    }
}

static void definition(struct rs_wire *wire) {
    if (wire->counted[THIS_BLOCK]) wire->counted[THIS_BLOCK]--;
    if (!wire->counted[THIS_BLOCK]) definitions_end(wire);
}

static void prepared(struct rs_wire *wire, const struct packet *packet) {
    if (packet->head[0] != HEAD_OK || packet->length < PREPARE_OK_LEAST) {
        rs_wire_lost(wire);
        return;
    }
    unsigned columns = number16(packet->head + 5), parameters = number16(packet->head + 7);
    wire->counted[THIS_BLOCK] = parameters;
    wire->counted[NEXT_BLOCK] = columns;
    wire->server.step = ANSWER_DEFINITIONS;
    if (!parameters) after_definitions(wire);
}

/* The number of columns. A byte behind it (MariaDB): do their definitions follow? Else the client has them of an earlier time. */
static void result_set(struct rs_wire *wire, const struct packet *packet) {
    size_t at = 0;
    uint64_t columns;
    if (!number_at(packet, &at, &columns) || !columns || columns > DEFINITIONS_MOST || packet->length - at > 1) {
        rs_wire_lost(wire);
        return;
    }
    wire->counted[THIS_BLOCK] = (uint32_t)columns;
    wire->server.step = ANSWER_DEFINITIONS;
    if (packet->length - at == 1 && !packet->head[at]) {
        wire->counted[THIS_BLOCK] = 0;
        definitions_end(wire);
    }
}

static void first_packet(struct rs_wire *wire, const struct packet *packet) {
    if (wire->server.type == COM_STATISTICS) { /* a text */
        answer_ends(wire);
    } else if (wire->server.type == COM_STMT_PREPARE) {
        prepared(wire, packet);
    } else if (packet->head[0] == HEAD_OK || packet->head[0] == HEAD_EOF) {
        result_ends(wire, packet);
    } else if (packet->head[0] == HEAD_INFILE) {
        wire->phase = PHASE_INFILE;
    } else {
        result_set(wire, packet);
    }
}

/* A row may begin with 0xfe, too: one of more than 16 MB. */
static void row(struct rs_wire *wire, const struct packet *packet) {
    size_t most = wire->flags & DEPRECATES_EOF ? PACKET_MOST - 1 : ANSWER_EOF_SIZE;
    if (packet->head[0] == HEAD_EOF && packet->length <= most) result_ends(wire, packet);
}

/* MariaDB tells of a long statement's progress in packets like an error's. */
static bool is_progress(const struct packet *packet) {
    return packet->held >= 3 && number16(packet->head + 1) == 0xffff;
}

static void answer(struct rs_wire *wire, const struct packet *packet) {
    if (packet->head[0] == HEAD_ERROR) {
        if (!is_progress(packet)) answer_ends(wire);
        return;
    }
    switch (wire->server.step) {
    case ANSWER_FIRST:
        first_packet(wire, packet);
        break;
    case ANSWER_DEFINITIONS:
        definition(wire);
        break;
    case ANSWER_DEFINITIONS_END:
        definitions_end_packet(wire, packet);
        break;
    case ANSWER_ROWS:
        row(wire, packet);
        break;
    default:
        rs_wire_lost(wire);
        break;
    }
}

/* All but OK and an error is between the two sides' plugins. */
static void authentication(struct rs_wire *wire, const struct packet *packet) {
    if (packet->head[0] == HEAD_OK) {
        take_status(wire, packet);
        if (wire->protocol == RS_WIRE_MYSQL) answer_ends(wire);
    } else if (packet->head[0] == HEAD_ERROR) {
        answer_ends(wire);
    }
}

static bool server_packet_begins(struct rs_wire *wire, uint8_t sequence) {
    if (!is_next(wire, sequence)) return false;
    if (wire->server.flags & CONTINUES) return true;
    wire->server.filled = 0;
    return wire->phase == PHASE_GREETING || wire->phase == PHASE_AUTHENTICATION ||
           (wire->phase == PHASE_READY && wire->owed == 1);
}

static size_t server_content(struct rs_wire *wire, const uint8_t *bytes, size_t count) {
    struct rs_wire_side *side = &wire->server;
    size_t taken = rs_side_skip(side, count);
    if (wire->phase == PHASE_GREETING) {
        greeting_content(side, bytes, taken);
    } else if (!(side->flags & CONTINUES)) {
        rs_side_hold(side, bytes, taken, HEAD_MOST);
    }
    return taken;
}

/* No packet is empty. (Of one that is, or if the struct was changed, too little is held.) */
static bool is_whole(const struct packet *packet) {
    return packet->length && packet->held >= (packet->length < HEAD_MOST ? packet->length : HEAD_MOST);
}

static void server_packet_ends(struct rs_wire *wire, size_t length) {
    struct packet packet = {wire->server.bytes, wire->server.filled, length};
    if (wire->phase == PHASE_GREETING) {
        greeting_ends(wire);
    } else if (wire->phase == PHASE_AUTHENTICATION && is_whole(&packet)) {
        authentication(wire, &packet);
    } else if (wire->phase == PHASE_READY && wire->owed == 1 && is_whole(&packet)) {
        answer(wire, &packet);
    } else {
        rs_wire_lost(wire);
    }
}

/* ---- both: packets */

static size_t header_held(const struct rs_wire_side *side) {
    return side->flags & HEADER_HELD;
}

static size_t header_bytes(struct rs_wire_side *side, const uint8_t *bytes, size_t count) {
    size_t taken = 0;
    if (!header_held(side)) side->number = 0;
    for (; taken < count && header_held(side) < HEADER_SIZE; side->flags++) {
        side->number |= (uint64_t)bytes[taken++] << (8 * header_held(side));
    }
    return taken;
}

static void packet_begins(struct rs_wire *wire, struct rs_wire_side *side) {
    size_t length = side->number & PACKET_MOST;
    uint8_t sequence = (uint8_t)(side->number >> 24);
    side->skip = length;
    bool makes_sense =
        side == &wire->client ? client_packet_begins(wire, length, sequence) : server_packet_begins(wire, sequence);
    if (!makes_sense) rs_wire_lost(wire);
}

static void packet_ends(struct rs_wire *wire, struct rs_wire_side *side) {
    size_t length = side->number & PACKET_MOST;
    bool continued = side->flags & CONTINUES;
    side->flags = length == PACKET_MOST ? CONTINUES : 0;
    if (length == PACKET_MOST) return;
    if (continued) length = PACKET_MOST;
    if (side == &wire->client) {
        client_packet_ends(wire, length);
    } else {
        server_packet_ends(wire, length);
    }
}

static size_t content(struct rs_wire *wire, struct rs_wire_side *side, const uint8_t *bytes, size_t count) {
    return side == &wire->client ? client_content(wire, bytes, count) : server_content(wire, bytes, count);
}

static void reads(struct rs_wire *wire, struct rs_wire_side *side, const uint8_t *bytes, size_t count) {
    while (count && wire->protocol == RS_WIRE_MYSQL) {
        size_t taken;
        if (header_held(side) < HEADER_SIZE) {
            taken = header_bytes(side, bytes, count);
            if (header_held(side) == HEADER_SIZE) packet_begins(wire, side);
        } else {
            taken = content(wire, side, bytes, count);
        }
        if (wire->protocol == RS_WIRE_MYSQL && header_held(side) >= HEADER_SIZE && !side->skip) packet_ends(wire, side);
        bytes += taken;
        count -= taken;
    }
}

void rs_mysql_sent(struct rs_wire *wire, const uint8_t *bytes, size_t count) {
    reads(wire, &wire->client, bytes, count);
}

void rs_mysql_received(struct rs_wire *wire, const uint8_t *bytes, size_t count) {
    if (wire->phase == PHASE_START) {
        wire->phase = PHASE_GREETING;
        rs_wire_owes(wire, 1);
    }
    reads(wire, &wire->server, bytes, count);
}
