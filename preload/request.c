/* request.c: which protocol a connection speaks, by its first bytes; turns, and TLS; see request.h.
 *
 * Until it is known, the bytes are held in the struct and taken one at a time, so that the protocol becomes known at the same byte
 * however they were split; then its recogniser gets them all. (Not HTTP's, which may need a long line: that is read at once.) */
#include "preload/request_parts.h"

/* ---- text */

static bool is_continuation(char byte) {
    return ((uint8_t)byte & 0xc0) == 0x80;
}

size_t rs_request_whole(const char *text, size_t length) {
    enum { CHARACTER_MOST = 4 };
    size_t at = length;
    while (at && length - at < CHARACTER_MOST - 1 && is_continuation(text[at - 1])) at--;
    if (!at) return length;
    uint8_t first = (uint8_t)text[at - 1];
    size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 1;
    return size > length - at + 1 ? at - 1 : length;
}

void rs_request_begins_as(struct rs_request *request, struct rs_request_input *in, const char *label) {
    rs_request_is_unnamed(request);
    while (*label && rs_request_adds_to_label(request, (uint8_t)*label)) label++;
    rs_request_begins(request, in);
}

/* ---- turns */

static bool is_its_turn(const struct rs_request *request) {
    return request->turn || !(request->flags & RS_REQUEST_BEGUN);
}

void rs_request_is_lost(struct rs_request *request, struct rs_request_input *in) {
    rs_request_becomes(request, RS_REQUEST_TURNS);
    rs_request_is_unnamed(request);
    if (is_its_turn(request)) rs_request_begins(request, in);
}

static void reads_by_turns(struct rs_request *request, struct rs_request_input *in) {
    if (is_its_turn(request)) {
        in->at++;
        rs_request_begins_as(request, in, "");
    } else {
        in->at = in->end;
    }
}

/* One that its server began (HTTP/2) has begun when something is read. */
static void reads_one(struct rs_request *request, struct rs_request_input *in) {
    if (!(request->flags & RS_REQUEST_BEGUN)) {
        if (in->at < in->end) in->at++;
        rs_request_begins_as(request, in, "HTTP/2");
    } else {
        in->at = in->end;
    }
}

/* ---- TLS
 *
 *   1.2   22 (hello) ... 20, 22 (Finished, encrypted): the handshake is over; 23 ...
 *   1.3   22 (hello), [20,] 23 (perhaps a certificate, Finished): it is over; 23 ...
 *
 * In 1.3 all that is encrypted is a 23. A Finished is known by its length; if none is seen (it may be in one record with the
 * certificate), the handshake is over when the server has written something. An alert, the last word as a rule, is no request.
 * And a hello that has to be said again comes between the 20 and the 23: it is long, where 1.2's Finished is short. */

enum { TLS_CIPHER = 20, TLS_ALERT = 21, TLS_HANDSHAKE = 22, TLS_DATA = 23, TLS_HEARTBEAT = 24 };
enum {
    TLS_HEADER_SIZE = 5,
    TLS_LENGTH_MOST = 16384 + 2048,
    TLS_FINISHED_MOST = 128,                   /* 1.2's */
    TLS_AROUND = 1 + 16,                       /* 1.3: behind what is encrypted, its type and a tag */
    TLS_FINISHED_SHA256 = 4 + 32 + TLS_AROUND, /* a header, a hash */
    TLS_FINISHED_SHA384 = 4 + 48 + TLS_AROUND,
    TLS_ALERT_SIZE = 2 + TLS_AROUND
};

/* request.flags */
enum {
    TLS_IS_CIPHERED = 1, /* the 20 has passed */
    TLS_IS_1_3 = 2,      /* a 23 has passed that belongs to the handshake */
    TLS_IS_OPEN = 4,     /* the handshake is over */
    TLS_IS_FIRST = 8, /* and nothing has passed since: what comes is a request, whether something was written or not */
    TLS_IS_WRITTEN = 0x10 /* something was written, since the first 23 */
};

static bool is_record(const uint8_t *header, size_t length) {
    return header[0] >= TLS_CIPHER && header[0] <= TLS_HEARTBEAT && header[1] == 3 && header[2] <= 4 &&
           length <= TLS_LENGTH_MOST;
}

/* Is it more of the handshake? */
static bool is_handshake_data(struct rs_request *request, size_t length) {
    uint8_t *flags = &request->flags;
    bool is_first = !(*flags & TLS_IS_1_3);
    if (*flags & TLS_IS_OPEN) return false;
    if (!is_first && *flags & TLS_IS_WRITTEN) {
        *flags |= TLS_IS_OPEN | TLS_IS_FIRST;
        return false;
    }
    *flags |= TLS_IS_1_3;
    if (is_first) *flags &= (uint8_t)~TLS_IS_WRITTEN;
    if (length == TLS_FINISHED_SHA256 || length == TLS_FINISHED_SHA384) *flags |= TLS_IS_OPEN | TLS_IS_FIRST;
    return true;
}

static bool begins_with_data(struct rs_request *request, size_t length) {
    if (is_handshake_data(request, length)) return false;
    if (request->flags & TLS_IS_1_3 && length == TLS_ALERT_SIZE) return false;
    bool begins = request->flags & TLS_IS_FIRST || is_its_turn(request);
    request->flags &= (uint8_t)~TLS_IS_FIRST;
    return begins;
}

static bool begins_with_record(struct rs_request *request, uint8_t type, size_t length) {
    if (type == TLS_DATA) return begins_with_data(request, length);
    if (request->flags & TLS_IS_OPEN) return false;
    if (type == TLS_CIPHER) request->flags |= TLS_IS_CIPHERED;
    bool is_finished = type == TLS_HANDSHAKE && request->flags & TLS_IS_CIPHERED && length <= TLS_FINISHED_MOST;
    if (is_finished) request->flags |= TLS_IS_OPEN | TLS_IS_FIRST;
    return false;
}

static void reads_tls(struct rs_request *request, struct rs_request_input *in) {
    if (!rs_request_holds(request, in, TLS_HEADER_SIZE)) return;
    const uint8_t *header = request->held;
    size_t length = (size_t)header[3] << 8 | header[4];
    request->filled = 0;
    if (!is_record(header, length)) {
        rs_request_is_lost(request, in);
        return;
    }
    request->skip = length;
    if (begins_with_record(request, header[0], length)) rs_request_begins_as(request, in, "");
}

/* ---- the first bytes */

/* RS_REQUEST_NEW: they may still become this protocol; RS_REQUEST_TURNS: it is none. */
static enum rs_request_protocol is_protocol(bool fits, bool is_whole, enum rs_request_protocol protocol) {
    if (!fits) return RS_REQUEST_TURNS;
    return is_whole ? protocol : RS_REQUEST_NEW;
}

/* A startup packet: its length, then the protocol's version 3.x, or a request's code: 1234 and 5678 to 5680. */
static enum rs_request_protocol begins_postgresql(const uint8_t *bytes, size_t count) {
    bool fits = !bytes[0] && (count < 2 || !bytes[1]) && (count < 4 || bytes[2] || bytes[3] >= 8);
    if (fits && count >= 6) fits = (!bytes[4] && bytes[5] == 3) || (bytes[4] == 1234 >> 8 && bytes[5] == (1234 & 0xff));
    if (fits && count >= 8 && bytes[4])
        fits = bytes[6] == 5678 >> 8 && bytes[7] >= (5678 & 0xff) && bytes[7] <= (5680 & 0xff);
    return is_protocol(fits, count >= 8, RS_REQUEST_POSTGRESQL);
}

/* A record that begins a request, of 8 bytes; or one that asks what the server can do, of request 0. */
static enum rs_request_protocol begins_fastcgi(const uint8_t *bytes, size_t count) {
    enum { BEGIN_REQUEST = 1, GET_VALUES = 9 };
    bool begins = count < 2 || bytes[1] == BEGIN_REQUEST, asks = count >= 2 && bytes[1] == GET_VALUES;
    if (count >= 4 && asks) asks = !bytes[2] && !bytes[3];
    if (count >= 5 && begins) begins = !bytes[4];
    if (count >= 6 && begins) begins = bytes[5] == 8;
    return is_protocol(begins || asks, count >= 6, RS_REQUEST_FASTCGI);
}

static enum rs_request_protocol begins_tls(const uint8_t *bytes, size_t count) {
    return is_protocol((count < 2 || bytes[1] == 3) && (count < 3 || bytes[2] <= 4), count >= 3, RS_REQUEST_TLS);
}

static enum rs_request_protocol begins_resp(const uint8_t *bytes, size_t count) {
    return is_protocol(count < 2 || rs_request_is_digit(bytes[1]), count >= 2, RS_REQUEST_RESP);
}

static void reads_known(struct rs_request *request, struct rs_request_input *in) {
    switch (request->protocol) {
    case RS_REQUEST_TLS:
        reads_tls(request, in);
        break;
    case RS_REQUEST_ONE:
        reads_one(request, in);
        break;
    case RS_REQUEST_HTTP1:
        rs_request_reads_http(request, in);
        break;
    case RS_REQUEST_FASTCGI:
        rs_request_reads_fastcgi(request, in);
        break;
    case RS_REQUEST_RESP:
        rs_request_reads_resp(request, in);
        break;
    case RS_REQUEST_POSTGRESQL:
        rs_request_reads_postgresql(request, in);
        break;
    case RS_REQUEST_MYSQL:
        rs_request_reads_mysql(request, in);
        break;
    default:
        reads_by_turns(request, in);
        break;
    }
}

/* The protocol is known: its recogniser reads what was held. If that begins a request, it does so with its last byte. */
static void is_known(struct rs_request *request, struct rs_request_input *in, enum rs_request_protocol protocol) {
    uint8_t first[RS_REQUEST_HELD];
    struct rs_request_input held = {first, first + request->filled, false};
    memcpy(first, request->held, request->filled);
    rs_request_becomes(request, protocol);
    while (held.at < held.end && !held.begun) reads_known(request, &held);
    in->begun = held.begun;
}

/* The PROXY protocol's binary header: what it begins with, its version and kind, the length of what follows. What begins the
 * same way is empty lines. */
static void begins_with_empty_line(struct rs_request *request, struct rs_request_input *in) {
    static const uint8_t signature[] = {'\r', '\n', '\r', '\n', 0, '\r', '\n', 'Q', 'U', 'I', 'T', '\n'};
    enum { HEADER_SIZE = 16, LINES_SIZE = 4 };
    size_t filled = request->filled, size = filled < sizeof signature ? filled : sizeof signature;
    if (!memcmp(request->held, signature, size)) {
        if (filled < HEADER_SIZE) return;
        request->skip = (size_t)request->held[HEADER_SIZE - 2] << 8 | request->held[HEADER_SIZE - 1];
        request->filled = 0;
    } else if (filled <= LINES_SIZE + 1) {
        request->filled = 0;
        if (filled > 1) in->at--; /* it is another's first */
    } else {
        rs_request_is_lost(request, in);
    }
}

static void reads_first(struct rs_request *request, struct rs_request_input *in) {
    enum { FIRST_MOST = 16 };
    enum rs_request_protocol protocol = RS_REQUEST_TURNS;
    if (request->filled < FIRST_MOST) request->held[request->filled++] = *in->at++;
    const uint8_t *held = request->held;
    if (held[0] == '\r' || held[0] == '\n') {
        begins_with_empty_line(request, in);
        return;
    }
    if (held[0] >= 'A' && held[0] <= 'Z' && request->filled == 1) {
        request->filled = 0;
        request->step = RS_REQUEST_STEP_HTTP;
        rs_request_is_unnamed(request);
        in->at--;
        return;
    }
    if (held[0] == 0) protocol = begins_postgresql(held, request->filled);
    if (held[0] == 1) protocol = begins_fastcgi(held, request->filled);
    if (held[0] == TLS_HANDSHAKE) protocol = begins_tls(held, request->filled);
    if (held[0] == '*') protocol = begins_resp(held, request->filled);
    if (protocol == RS_REQUEST_TURNS) {
        rs_request_is_lost(request, in);
    } else if (protocol != RS_REQUEST_NEW) {
        is_known(request, in, protocol);
    }
}

/* "PROXY " has passed. */
static void reads_proxy_line(struct rs_request *request, struct rs_request_input *in) {
    enum { LINE_MOST = 107 };
    uint8_t byte = *in->at++;
    bool fits = request->counted || byte == 'T' || byte == 'U'; /* TCP4, TCP6, UNKNOWN */
    if (!fits || request->counted++ >= LINE_MOST) {
        rs_request_is_lost(request, in);
    } else if (byte == '\n') {
        request->counted = 0;
        request->step = RS_REQUEST_STEP_FIRST;
    }
}

static void reads_new(struct rs_request *request, struct rs_request_input *in) {
    switch (request->step) {
    case RS_REQUEST_STEP_FIRST:
        reads_first(request, in);
        break;
    case RS_REQUEST_STEP_SERVER:
        in->at++;
        rs_request_is_lost(request, in);
        break;
    case RS_REQUEST_STEP_PROXY:
        reads_proxy_line(request, in);
        break;
    default:
        rs_request_reads_http(request, in);
        break;
    }
}

/* ---- reading */

/* Takes bytes of which it does not matter what they are, as most are. True: it was all of them. */
static bool counts_down(struct rs_request *request, uint64_t count) {
    if (request->skip >= count && request->skip) {
        request->skip -= count;
        return true;
    }
    if (request->protocol == RS_REQUEST_ONE) return request->flags & RS_REQUEST_BEGUN;
    return request->protocol == RS_REQUEST_TURNS && !is_its_turn(request);
}

static void reads(struct rs_request *request, struct rs_request_input *in) {
    size_t skipped = request->skip < rs_request_left(in) ? (size_t)request->skip : rs_request_left(in);
    request->skip -= skipped;
    in->at += skipped;
    if (in->at == in->end) return;
    if (request->protocol == RS_REQUEST_NEW) {
        reads_new(request, in);
    } else {
        reads_known(request, in);
    }
}

/* What the recognisers may be sure of: what is used as an index is in its range. (That another process changes it meanwhile, which
 * the caller keeps out, is not provided for: a copy of all of it would cost more than reading a request does.) */
static void tidy(struct rs_request *request) {
    if (request->filled > RS_REQUEST_HELD) request->filled = RS_REQUEST_HELD;
    if (request->length >= RS_REQUEST_LABEL_SIZE) request->length = RS_REQUEST_LABEL_SIZE - 1;
    request->label[RS_REQUEST_LABEL_SIZE - 1] = 0;
    request->traceparent[RS_REQUEST_TRACEPARENT_SIZE - 1] = 0;
    request->request_id[RS_REQUEST_ID_SIZE - 1] = 0;
}

bool rs_request_read(struct rs_request *request, const void *bytes, size_t count, size_t *taken) {
    *taken = count;
    if (!count || counts_down(request, count)) return false;
    struct rs_request_input in = {bytes, (const uint8_t *)bytes + count, false};
    tidy(request);
    while (in.at < in.end && !in.begun) reads(request, &in);
    *taken = count - rs_request_left(&in);
    return in.begun;
}

bool rs_request_read_unseen(struct rs_request *request, uint64_t count) {
    if (!count || counts_down(request, count)) return false;
    struct rs_request_input in = {0};
    tidy(request);
    if (request->protocol == RS_REQUEST_ONE) {
        reads_one(request, &in);
    } else {
        rs_request_is_lost(request, &in);
    }
    return in.begun;
}

/* ---- writing */

/* Nothing was read but what a proxy put before it: the server may be one that speaks first. */
static bool may_speak_first(const struct rs_request *request) {
    return request->step == RS_REQUEST_STEP_SERVER ||
           (request->step == RS_REQUEST_STEP_FIRST && !request->filled && !request->skip);
}

bool rs_request_looks_at_written(const struct rs_request *request) {
    switch (request->protocol) {
    case RS_REQUEST_NEW:
        return may_speak_first(request);
    case RS_REQUEST_HTTP1:
        return rs_request_http_waits(request);
    case RS_REQUEST_POSTGRESQL:
        return rs_request_postgresql_waits(request);
    default:
        return false;
    }
}

/* MySQL's greeting: three bytes of length, sequence number 0, protocol version 10. */
static enum rs_request_protocol begins_mysql(const uint8_t *bytes, size_t count) {
    bool fits = (count < 3 || !bytes[2]) && (count < 4 || !bytes[3]) && (count < 5 || bytes[4] == 10);
    return is_protocol(fits, count >= 5, RS_REQUEST_MYSQL);
}

/* HTTP/2's settings, which a server need not wait with: three bytes of length, of 6 each; type 4, flags and stream 0. */
static enum rs_request_protocol begins_http2(const uint8_t *bytes, size_t count) {
    static const uint8_t behind_length[] = {4, 0, 0, 0, 0, 0};
    enum { LENGTH_SIZE = 3, SETTING_SIZE = 6, SIZE = LENGTH_SIZE + sizeof behind_length };
    bool fits = !bytes[0] && (count < 2 || !bytes[1]) && (count < LENGTH_SIZE || bytes[2] % SETTING_SIZE == 0);
    for (size_t i = LENGTH_SIZE; i < count && i < SIZE; i++) fits = fits && bytes[i] == behind_length[i - LENGTH_SIZE];
    return is_protocol(fits, count >= SIZE, RS_REQUEST_ONE);
}

static enum rs_request_protocol server_begins(const uint8_t *bytes, size_t count) {
    enum rs_request_protocol mysql = begins_mysql(bytes, count), http2 = begins_http2(bytes, count);
    return mysql == RS_REQUEST_TURNS ? http2 : mysql;
}

static void server_speaks_first(struct rs_request *request, const uint8_t *bytes, size_t known, size_t count) {
    enum rs_request_protocol protocol = RS_REQUEST_NEW;
    request->step = RS_REQUEST_STEP_SERVER;
    for (size_t i = 0; i < known && protocol == RS_REQUEST_NEW; i++) {
        if (request->filled < RS_REQUEST_HELD) request->held[request->filled++] = bytes[i];
        protocol = server_begins(request->held, request->filled);
    }
    if (protocol == RS_REQUEST_NEW && known < count) protocol = RS_REQUEST_TURNS;
    if (protocol != RS_REQUEST_NEW) rs_request_becomes(request, protocol);
}

static void looks_at_written(struct rs_request *request, const uint8_t *bytes, size_t known, size_t count) {
    if (request->protocol == RS_REQUEST_NEW) server_speaks_first(request, bytes, known, count);
    if (request->protocol == RS_REQUEST_HTTP1) rs_request_http_written(request, bytes, known, count);
    if (request->protocol == RS_REQUEST_POSTGRESQL) rs_request_postgresql_written(request, bytes, known);
}

void rs_request_written(struct rs_request *request, const void *bytes, size_t known, size_t count) {
    if (!count) return;
    request->turn = 1;
    if (rs_request_looks_at_written(request)) {
        tidy(request);
        looks_at_written(request, bytes, known < count ? known : count, count);
    } else if (request->protocol == RS_REQUEST_NEW && !rs_request_is_likely_http(request)) {
        rs_request_becomes(request, RS_REQUEST_TURNS); /* it answers what is none of those that are known */
    }
    if (request->protocol == RS_REQUEST_TLS) request->flags |= TLS_IS_WRITTEN;
}
