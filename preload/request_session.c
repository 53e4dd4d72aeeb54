/* request_session.c: PostgreSQL's protocol 3 and MySQL's, read by the server; see request.h. (wire_postgresql.c and wire_mysql.c
 * read them as the client.)
 *
 *   PostgreSQL   startup packet: length (4), code (4), content        message: type (1), length (4), content
 *   MySQL        packet: length (3), sequence number (1), content     one of 0xffffff bytes goes on in the next */
#include "preload/request_parts.h"

static uint32_t big_endian(const uint8_t *bytes) {
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* ---- PostgreSQL
 *
 * A batch of the extended protocol is one request, up to its Sync. A server that copies in passes over a Sync; clients send one
 * behind the statement that begins the copying, and one when it is over: that belongs to it, too. */

enum pg_step { PG_STARTUP, PG_SESSION, PG_ASKED_TLS, PG_ASKED_GSS /* the server is to answer whether it encrypts */ };

/* request.flags */
enum { PG_IN_BATCH = 1, PG_HAS_COPIED = 2 };

enum { PG_STARTUP_SIZE = 8, PG_STARTUP_MOST = 10000, PG_HEADER_SIZE = 5 };

#define PG_LENGTH_MOST 0x3fffffffu
#define PG_CODE_CANCEL (1234u << 16 | 5678)
#define PG_CODE_TLS (1234u << 16 | 5679)
#define PG_CODE_GSS (1234u << 16 | 5680)

static void pg_startup(struct rs_request *request, struct rs_request_input *in, uint32_t length, uint32_t code) {
    bool asks = (code == PG_CODE_TLS || code == PG_CODE_GSS) && length == PG_STARTUP_SIZE;
    bool begins = code >> 16 == 3 || code == PG_CODE_CANCEL;
    if (length < PG_STARTUP_SIZE || length > PG_STARTUP_MOST || (!asks && !begins)) {
        rs_request_is_lost(request, in);
        return;
    }
    request->skip = length - PG_STARTUP_SIZE;
    if (asks) {
        request->step = code == PG_CODE_TLS ? PG_ASKED_TLS : PG_ASKED_GSS;
        return;
    }
    request->step = PG_SESSION;
    rs_request_begins_as(request, in, code == PG_CODE_CANCEL ? "PostgreSQL cancel" : "PostgreSQL startup");
}

/* NULL: no message that may be part of a batch. */
static const char *pg_batch_label(uint8_t type) {
    switch (type) {
    case 'B':
        return "PostgreSQL Bind";
    case 'C':
        return "PostgreSQL Close";
    case 'D':
        return "PostgreSQL Describe";
    case 'E':
        return "PostgreSQL Execute";
    case 'H':
        return "PostgreSQL Flush";
    case 'P':
        return "PostgreSQL Parse";
    default:
        return NULL;
    }
}

/* A Query and a FunctionCall need no Sync. */
static void pg_begins_alone(struct rs_request *request, struct rs_request_input *in, const char *label) {
    request->flags &= (uint8_t) ~(PG_IN_BATCH | PG_HAS_COPIED);
    rs_request_begins_as(request, in, label);
}

static void pg_sync(struct rs_request *request, struct rs_request_input *in) {
    bool belongs = request->flags & (PG_IN_BATCH | PG_HAS_COPIED);
    request->flags &= (uint8_t) ~(PG_IN_BATCH | PG_HAS_COPIED);
    if (!belongs) rs_request_begins_as(request, in, "PostgreSQL Sync");
}

static void pg_type(struct rs_request *request, struct rs_request_input *in, uint8_t type) {
    const char *label = pg_batch_label(type);
    if (label) {
        bool begins = !(request->flags & PG_IN_BATCH);
        request->flags = (uint8_t)((request->flags | PG_IN_BATCH) & ~PG_HAS_COPIED);
        if (begins) rs_request_begins_as(request, in, label);
        return;
    }
    switch (type) {
    case 'Q':
        pg_begins_alone(request, in, "PostgreSQL Query");
        break;
    case 'F':
        pg_begins_alone(request, in, "PostgreSQL FunctionCall");
        break;
    case 'S':
        pg_sync(request, in);
        break;
    case 'c': /* CopyDone */
    case 'd': /* CopyData */
    case 'f': /* CopyFail */
        request->flags |= PG_HAS_COPIED;
        break;
    case 'X': /* Terminate */
    case 'p': /* an answer to the server's authentication */
        break;
    default:
        rs_request_is_lost(request, in);
        break;
    }
}

static void pg_message(struct rs_request *request, struct rs_request_input *in) {
    if (!request->filled) {
        uint8_t type = *in->at++;
        request->held[request->filled++] = type;
        pg_type(request, in, type);
        return;
    }
    if (!rs_request_holds(request, in, PG_HEADER_SIZE)) return;
    uint32_t length = big_endian(request->held + 1);
    request->filled = 0;
    if (length < 4 || length > PG_LENGTH_MOST) {
        rs_request_is_lost(request, in);
    } else {
        request->skip = length - 4;
    }
}

void rs_request_reads_postgresql(struct rs_request *request, struct rs_request_input *in) {
    if (request->step == PG_SESSION) {
        pg_message(request, in);
    } else if (request->step != PG_STARTUP) { /* the server has not answered */
        in->at++;
        rs_request_is_lost(request, in);
    } else if (rs_request_holds(request, in, PG_STARTUP_SIZE)) {
        request->filled = 0;
        pg_startup(request, in, big_endian(request->held), big_endian(request->held + 4));
    }
}

bool rs_request_postgresql_waits(const struct rs_request *request) {
    return request->step == PG_ASKED_TLS || request->step == PG_ASKED_GSS;
}

/* One byte; or an error, of which the first byte is this. */
void rs_request_postgresql_written(struct rs_request *request, const uint8_t *bytes, size_t known) {
    uint8_t answer = known ? *bytes : 0;
    if (answer == 'N' || answer == 'E') {
        request->step = PG_STARTUP;
    } else {
        bool tls = answer == 'S' && request->step == PG_ASKED_TLS;
        rs_request_becomes(request, tls ? RS_REQUEST_TLS : RS_REQUEST_TURNS);
    }
}

/* ---- MySQL
 *
 * Sequence numbers count both sides' packets from a command on: one of 0 is a command. So is what comes after 255, unless the
 * client has sent 255 itself and goes on (a file is sent so, up to an empty packet). */

/* request.step; the packet's header is held */
enum my_step { MY_HEADER, MY_LOGIN, MY_COMMAND };

/* request.flags */
enum {
    MY_CONTINUES = 1, /* the next packet goes on with the last one */
    MY_HAS_LOGGED_IN = 2,
    MY_IS_COMPRESSED = 4 /* from the first command on: it cannot be read */
};

enum { MY_HEADER_SIZE = 4, MY_LOGIN_HELD = MY_HEADER_SIZE + 4 /* with the client's capabilities */ };
enum { MY_SEQUENCE = 3, MY_SEQUENCE_LAST = 255, MY_SSL_REQUEST_SIZE = 32 };
enum { MY_COM_QUIT = 0x01, MY_COM_STMT_BULK_EXECUTE = 0xfa /* MariaDB's */ };

#define MY_PACKET_MOST 0xffffffu
#define MY_CAN_COMPRESS (0x20u | 1u << 26 /* with zstd */)
#define MY_CAN_TLS 0x800u

static const char *const my_commands[] = {
    "SLEEP",
    "QUIT",
    "INIT_DB",
    "QUERY",
    "FIELD_LIST",
    "CREATE_DB",
    "DROP_DB",
    "REFRESH",
    "SHUTDOWN",
    "STATISTICS",
    "PROCESS_INFO",
    "CONNECT",
    "PROCESS_KILL",
    "DEBUG",
    "PING",
    "TIME",
    "DELAYED_INSERT",
    "CHANGE_USER",
    "BINLOG_DUMP",
    "TABLE_DUMP",
    "CONNECT_OUT",
    "REGISTER_SLAVE",
    "STMT_PREPARE",
    "STMT_EXECUTE",
    "STMT_SEND_LONG_DATA",
    "STMT_CLOSE",
    "STMT_RESET",
    "SET_OPTION",
    "STMT_FETCH",
    "DAEMON",
    "BINLOG_DUMP_GTID",
    "RESET_CONNECTION",
    "CLONE",
    "SUBSCRIBE_GROUP_REPLICATION_STREAM",
};

static const char *my_name_of(uint8_t command) {
    if (command == MY_COM_STMT_BULK_EXECUTE) return "STMT_BULK_EXECUTE";
    return command < sizeof my_commands / sizeof *my_commands ? my_commands[command] : NULL;
}

static void my_adds(struct rs_request *request, const char *text) {
    while (*text) rs_request_adds_to_label(request, (uint8_t)*text++);
}

static void my_begins_command(struct rs_request *request, struct rs_request_input *in, uint8_t command) {
    const char *name = my_name_of(command);
    rs_request_begins_as(request, in, name ? "MySQL COM_" : "MySQL command ");
    if (name) {
        my_adds(request, name);
        return;
    }
    if (command >= 100) rs_request_adds_to_label(request, (uint8_t)('0' + command / 100));
    if (command >= 10) rs_request_adds_to_label(request, (uint8_t)('0' + command / 10 % 10));
    rs_request_adds_to_label(request, (uint8_t)('0' + command % 10));
}

static size_t my_length(const struct rs_request *request) {
    const uint8_t *header = request->held;
    return (size_t)header[0] | (size_t)header[1] << 8 | (size_t)header[2] << 16;
}

static bool my_is_command(const struct rs_request *request) {
    bool goes_on = request->flags & MY_CONTINUES || request->type == MY_SEQUENCE_LAST;
    return !request->held[MY_SEQUENCE] && !goes_on;
}

/* The next header is to be read, `size` bytes of the content have been. */
static void my_passes_over(struct rs_request *request, size_t size) {
    request->skip = my_length(request) - size;
    request->filled = 0;
    request->step = MY_HEADER;
}

/* `type` is the last sequence number, if the packet was not empty. */
static void my_packet(struct rs_request *request, struct rs_request_input *in) {
    size_t length = my_length(request);
    bool is_command = my_is_command(request), continues = request->flags & MY_CONTINUES;
    bool is_login = !is_command && !continues && !(request->flags & MY_HAS_LOGGED_IN);
    request->type = length ? request->held[MY_SEQUENCE] : 0;
    request->flags &= (uint8_t)~MY_CONTINUES;
    if (length == MY_PACKET_MOST) request->flags |= MY_CONTINUES;
    if ((is_command && !length) || (is_login && length < MY_LOGIN_HELD - MY_HEADER_SIZE)) {
        rs_request_is_lost(request, in);
    } else if (is_login) {
        request->step = MY_LOGIN;
    } else if (is_command) {
        request->step = MY_COMMAND;
    } else {
        my_passes_over(request, 0);
    }
}

/* One that only asks for TLS is a login's first bytes. */
static void my_login(struct rs_request *request, struct rs_request_input *in) {
    uint32_t can = request->held[4] | (uint32_t)request->held[5] << 8 | (uint32_t)request->held[7] << 24;
    bool asks_tls = can & MY_CAN_TLS && my_length(request) == MY_SSL_REQUEST_SIZE;
    if (asks_tls) rs_request_becomes(request, RS_REQUEST_TLS);
    my_passes_over(request, MY_LOGIN_HELD - MY_HEADER_SIZE);
    if (asks_tls) return;
    request->flags |= MY_HAS_LOGGED_IN;
    if (can & MY_CAN_COMPRESS) request->flags |= MY_IS_COMPRESSED;
    rs_request_begins_as(request, in, "MySQL login");
}

static void my_command(struct rs_request *request, struct rs_request_input *in) {
    uint8_t command = *in->at++;
    my_passes_over(request, 1);
    if (request->flags & MY_IS_COMPRESSED) {
        rs_request_is_lost(request, in);
    } else if (command != MY_COM_QUIT) {
        my_begins_command(request, in, command);
    }
}

void rs_request_reads_mysql(struct rs_request *request, struct rs_request_input *in) {
    switch (request->step) {
    case MY_COMMAND:
        my_command(request, in);
        break;
    case MY_LOGIN:
        if (rs_request_holds(request, in, MY_LOGIN_HELD)) my_login(request, in);
        break;
    default:
        if (rs_request_holds(request, in, MY_HEADER_SIZE)) my_packet(request, in);
        break;
    }
}
