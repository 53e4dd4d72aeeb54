/* wire_postgresql.c: PostgreSQL's protocol 3; see wire.h.
 *
 *   client   startup packet: length, code, content      server   to a request for encryption: one byte
 *            message: type, length, content                      message: type, length, content
 *
 * An answer ends with the server's ReadyForQuery, which also tells what has become of the transaction. The startup, a Query, a
 * FunctionCall and a Sync have one each. Messages of the extended protocol are a run, which its Sync ends: one answer is owed
 * from the run's first message on.
 *
 * A server that copies in ignores a Sync. Clients send one behind the statement that begins the copying, before they know of
 * it: so a run whose answer turns out to be CopyInResponse is not over, and its Sync is still to come. */
#include "preload/wire.h"

enum phase {
    PHASE_STARTUP,   /* the client is to send a startup packet */
    PHASE_ASKED_TLS, /* the server is to answer whether it encrypts */
    PHASE_ASKED_GSS,
    PHASE_SESSION
};
enum {
    IN_RUN = 1,      /* of the extended protocol: its Sync is still to come */
    RUN_LAST = 2,    /* the last that was sent was a run, and its Sync */
    COPIES_IN = 4,   /* the server waits for the client's data */
    HEADER_SIZE = 5, /* type, length */
    STARTUP_SIZE = 8 /* length, code */
};
enum step { STEP_HEADER, STEP_STATUS /* ReadyForQuery's content: one byte */ };

#define STARTUP_MOST 10000u /* as long as the server takes */
#define LENGTH_MOST 0x3fffffffu
#define CODE_TLS (1234u << 16 | 5679)
#define CODE_GSS (1234u << 16 | 5680)

static uint32_t number_at(const uint8_t *bytes) {
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static bool copies_in(const struct rs_wire *wire) {
    return wire->flags & COPIES_IN;
}

static void begins_run(struct rs_wire *wire) {
    if (!(wire->flags & IN_RUN)) rs_wire_owes(wire, 1);
    wire->flags |= IN_RUN;
}

/* What has been sent ends with this; a run's answer is owed already. */
static void is_to_be_answered(struct rs_wire *wire, uint8_t run_last) {
    if (!(wire->flags & IN_RUN)) rs_wire_owes(wire, 1);
    wire->flags = (uint8_t)((wire->flags & ~(IN_RUN | RUN_LAST)) | run_last);
}

/* ---- client */

static bool is_client_message(uint8_t type, uint32_t length) {
    if (length < 4 || length > LENGTH_MOST) return false;
    switch (type) {
    case 'H': /* Flush */
    case 'S': /* Sync */
    case 'X': /* Terminate */
    case 'c': /* CopyDone */
        return length == 4;
    case 'B': /* Bind */
    case 'C': /* Close */
    case 'D': /* Describe */
    case 'E': /* Execute */
    case 'F': /* FunctionCall */
    case 'P': /* Parse */
    case 'Q': /* Query */
    case 'd': /* CopyData */
    case 'f': /* CopyFail */
    case 'p': /* an answer to the server's authentication */
        return true;
    default:
        return false;
    }
}

/* (A Flush owes nothing: it only has the server send what it holds back.) */
static void client_message(struct rs_wire *wire, uint8_t type) {
    switch (type) {
    case 'Q':
    case 'F':
        is_to_be_answered(wire, 0);
        break;
    case 'S':
        if (!copies_in(wire)) is_to_be_answered(wire, RUN_LAST);
        break;
    case 'P':
    case 'B':
    case 'D':
    case 'E':
    case 'C':
        begins_run(wire);
        break;
    case 'c':
    case 'f':
        wire->flags &= (uint8_t)~COPIES_IN;
        break;
    default:
        break;
    }
}

static void startup(struct rs_wire *wire, uint32_t length, uint32_t code) {
    if (length < STARTUP_SIZE || length > STARTUP_MOST) {
        rs_wire_lost(wire);
        return;
    }
    if (code >> 16 == 3) {
        wire->phase = PHASE_SESSION;
    } else if (code == CODE_TLS && length == STARTUP_SIZE) {
        wire->phase = PHASE_ASKED_TLS;
    } else if (code == CODE_GSS && length == STARTUP_SIZE) {
        wire->phase = PHASE_ASKED_GSS;
    } else {
        rs_wire_lost(wire); /* a request to cancel, too */
        return;
    }
    wire->client.skip = length - STARTUP_SIZE;
    rs_wire_owes(wire, 1);
}

static void client_header(struct rs_wire *wire) {
    struct rs_wire_side *side = &wire->client;
    side->filled = 0;
    if (wire->phase == PHASE_STARTUP) {
        startup(wire, number_at(side->bytes), number_at(side->bytes + 4));
        return;
    }
    uint8_t type = side->bytes[0];
    uint32_t length = number_at(side->bytes + 1);
    /* Before the server's byte it is not known what the client's are. */
    if (wire->phase != PHASE_SESSION || !is_client_message(type, length)) {
        rs_wire_lost(wire);
        return;
    }
    side->skip = length - 4;
    client_message(wire, type);
}

void rs_postgresql_sent(struct rs_wire *wire, const uint8_t *bytes, size_t count) {
    struct rs_wire_side *side = &wire->client;
    while (count && wire->protocol == RS_WIRE_POSTGRESQL) {
        size_t wanted = wire->phase == PHASE_STARTUP ? STARTUP_SIZE : HEADER_SIZE;
        size_t taken = side->skip ? rs_side_skip(side, count) : rs_side_hold(side, bytes, count, wanted);
        bytes += taken;
        count -= taken;
        if (!side->skip && side->filled >= wanted) client_header(wire);
    }
}

/* ---- server */

static bool is_server_message(uint8_t type, uint32_t length) {
    if (length < 4 || length > LENGTH_MOST) return false;
    switch (type) {
    case '1': /* ParseComplete */
    case '2': /* BindComplete */
    case '3': /* CloseComplete */
    case 'I': /* EmptyQueryResponse */
    case 'c': /* CopyDone */
    case 'n': /* NoData */
    case 's': /* PortalSuspended */
        return length == 4;
    case 'Z': /* ReadyForQuery */
        return length == 5;
    case 'A': /* NotificationResponse */
    case 'C': /* CommandComplete */
    case 'D': /* DataRow */
    case 'E': /* ErrorResponse */
    case 'G': /* CopyInResponse */
    case 'H': /* CopyOutResponse */
    case 'K': /* BackendKeyData */
    case 'N': /* NoticeResponse */
    case 'R': /* Authentication */
    case 'S': /* ParameterStatus */
    case 'T': /* RowDescription */
    case 'V': /* FunctionCallResponse */
    case 'W': /* CopyBothResponse */
    case 'd': /* CopyData */
    case 't': /* ParameterDescription */
    case 'v': /* NegotiateProtocolVersion */
        return true;
    default:
        return false;
    }
}

/* Which of several answers copies in cannot be told: a client that knows what it does sends nothing behind such a statement. */
static void begins_copy_in(struct rs_wire *wire) {
    if (wire->owed > 1) {
        rs_wire_lost(wire);
        return;
    }
    wire->flags |= COPIES_IN;
    if (wire->flags & RUN_LAST && wire->owed == 1) wire->flags |= IN_RUN;
}

static void ready_for_query(struct rs_wire *wire, uint8_t status) {
    switch (status) {
    case 'I':
        wire->transaction = RS_TRANSACTION_NONE;
        break;
    case 'T':
        wire->transaction = RS_TRANSACTION_OPEN;
        break;
    case 'E':
        wire->transaction = RS_TRANSACTION_FAILED;
        break;
    default:
        rs_wire_lost(wire);
        return;
    }
    wire->server.step = STEP_HEADER;
    wire->flags &= (uint8_t)~COPIES_IN;
    rs_wire_owes(wire, -1);
}

static void server_header(struct rs_wire *wire) {
    struct rs_wire_side *side = &wire->server;
    uint8_t type = side->bytes[0];
    uint32_t length = number_at(side->bytes + 1);
    side->filled = 0;
    if (!is_server_message(type, length)) {
        rs_wire_lost(wire);
    } else if (type == 'Z') {
        side->step = STEP_STATUS;
    } else {
        side->skip = length - 4;
        if (type == 'G') begins_copy_in(wire);
        if (type == 'E') wire->flags &= (uint8_t)~COPIES_IN;
    }
}

static bool is_asked(const struct rs_wire *wire) {
    return wire->phase == PHASE_ASKED_TLS || wire->phase == PHASE_ASKED_GSS;
}

/* Does the server encrypt? If not, the client begins anew. Returns how many bytes it took. */
static size_t answer_to_request(struct rs_wire *wire, uint8_t answer) {
    bool tls = wire->phase == PHASE_ASKED_TLS;
    if (answer == 'N' || answer == 'E') {
        wire->phase = PHASE_STARTUP;
        rs_wire_owes(wire, -1);
        return answer == 'N'; /* else it is the first byte of an ErrorResponse */
    }
    if (tls && answer == 'S') {
        rs_wire_becomes(wire, RS_WIRE_TLS);
    } else {
        rs_wire_lost(wire);
    }
    return 1;
}

/* Returns how many bytes it took: none only if it changed the state. */
static size_t server_bytes(struct rs_wire *wire, const uint8_t *bytes, size_t count) {
    struct rs_wire_side *side = &wire->server;
    if (side->skip) return rs_side_skip(side, count);
    if (is_asked(wire)) return answer_to_request(wire, *bytes);
    if (side->step == STEP_STATUS) {
        ready_for_query(wire, *bytes);
        return 1;
    }
    size_t taken = rs_side_hold(side, bytes, count, HEADER_SIZE);
    if (side->filled >= HEADER_SIZE) server_header(wire);
    return taken;
}

void rs_postgresql_received(struct rs_wire *wire, const uint8_t *bytes, size_t count) {
    while (count && wire->protocol == RS_WIRE_POSTGRESQL) {
        size_t taken = server_bytes(wire, bytes, count);
        bytes += taken;
        count -= taken;
    }
}
