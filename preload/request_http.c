/* request_http.c: HTTP/1, read by its server; see request.h.
 *
 *   METHOD SP target SP HTTP/1.x       target: /path?query   http://host/path   * (OPTIONS)   host:port (CONNECT)
 *   Name: value                        of a few
 *                                      the request has begun
 *   body                               counted, or in chunks
 *
 * request_http_headers.c reads the headers, and chunks. A blank in the target that is not followed by the version belongs to the
 * path: a few bytes are held for that.
 *
 * A request that asks to become something else (Upgrade, CONNECT) waits for the answer: with 101, or 2xx to a CONNECT, the
 * connection is one request from then on. The answer's first bytes are held until the next request. */
#include "preload/request_http.h"

enum { METHOD_MOST = 32, VERSION_SIZE = 8 /* HTTP/1.1 */ };

/* ---- the request line */

static void start(struct rs_request *request, struct rs_request_input *in) {
    uint8_t byte = *in->at;
    request->step = START;
    if (byte == '\r' || byte == '\n') {
        in->at++;
    } else if (byte >= 'A' && byte <= 'Z') {
        rs_request_becomes(request, RS_REQUEST_HTTP1);
        rs_request_is_unnamed(request);
        request->step = METHOD;
    } else {
        in->at++;
        rs_request_is_lost(request, in);
    }
}

static void method_ends(struct rs_request *request) {
    if (request->protocol == RS_REQUEST_NEW && rs_request_is_called(request, "PROXY", 5)) {
        request->step = RS_REQUEST_STEP_PROXY;
        rs_request_is_unnamed(request);
        return;
    }
    if (rs_request_is_called(request, "CONNECT", 7)) request->flags |= ASKS_CONNECT;
    request->step = TARGET;
    rs_request_adds_to_label(request, ' ');
}

static void method(struct rs_request *request, struct rs_request_input *in) {
    while (in->at < in->end) {
        uint8_t byte = *in->at++;
        bool fits = (byte >= 'A' && byte <= 'Z') || byte == '-' || byte == '_';
        if (byte == ' ') {
            method_ends(request);
            return;
        }
        if (!fits || request->length >= METHOD_MOST) {
            rs_request_is_lost(request, in);
            return;
        }
        rs_request_adds_to_label(request, byte);
    }
}

static void path_byte(struct rs_request *request, uint8_t byte) {
    request->step = rs_request_adds_to_label(request, byte) ? PATH : QUERY;
    if (request->step == QUERY) request->flags |= IN_QUERY;
}

static void target(struct rs_request *request, struct rs_request_input *in) {
    uint8_t byte = *in->at++;
    if (byte == '/' || byte == '*' || (request->flags & ASKS_CONNECT && byte > ' ')) {
        path_byte(request, byte);
    } else if (rs_request_lower(byte) == 'h') {
        request->counted = 1;
        request->step = SCHEME;
    } else {
        rs_request_is_lost(request, in);
    }
}

static void scheme(struct rs_request *request, struct rs_request_input *in) {
    static const char text[] = "http://";
    enum { SIZE = sizeof text - 1, NAME_SIZE = 4 };
    uint8_t byte = rs_request_lower(*in->at++);
    if (byte == 's' && request->counted == NAME_SIZE) return; /* https */
    if (request->counted >= SIZE || byte != (uint8_t)text[request->counted]) {
        rs_request_is_lost(request, in);
    } else if (++request->counted == SIZE) {
        request->step = AUTHORITY;
    }
}

/* Without a path it is the root's. */
static void authority(struct rs_request *request, struct rs_request_input *in) {
    uint8_t byte = *in->at++;
    if (byte == '\n') {
        rs_request_is_lost(request, in);
    } else if (byte == '/' || byte == '?' || byte == '#' || byte == ' ') {
        path_byte(request, '/');
        if (byte != '/') in->at--;
    }
}

static void path(struct rs_request *request, struct rs_request_input *in) {
    rs_request_adds_plain(request->label, sizeof request->label, &request->length, in);
    if (in->at == in->end) return;
    uint8_t byte = *in->at++;
    if (byte == ' ') {
        request->step = VERSION;
    } else if (byte == '?' || byte == '#') {
        request->step = QUERY;
        request->flags |= IN_QUERY;
    } else if (byte == '\n') {
        rs_request_is_lost(request, in);
    } else {
        path_byte(request, byte);
    }
}

/* (The blank is looked for first: so no byte is gone over again for each blank.) */
static void query(struct rs_request *request, struct rs_request_input *in) {
    const uint8_t *blank = memchr(in->at, ' ', rs_request_left(in)), *end = blank ? blank : in->end;
    const uint8_t *line = memchr(in->at, '\n', (size_t)(end - in->at));
    if (line) {
        in->at = line + 1;
        rs_request_is_lost(request, in);
    } else if (blank) {
        in->at = blank + 1;
        request->step = VERSION;
    } else {
        in->at = end;
    }
}

static bool is_preface(const struct rs_request *request) {
    return rs_request_is_called(request, "PRI *", 5);
}

/* Does the byte go on with what is held of a version, and a carriage return behind it? */
static bool is_version(const struct rs_request *request, uint8_t byte) {
    const char *text = is_preface(request) ? "HTTP/2.0" : "HTTP/1.";
    size_t at = request->filled;
    if (at < VERSION_SIZE) return text[at] ? byte == (uint8_t)text[at] : rs_request_is_digit(byte);
    return at == VERSION_SIZE && byte == '\r';
}

/* The blank and what is held of the version were part of the target. The byte behind them is still to be read. */
static void goes_on_with_target(struct rs_request *request) {
    request->step = QUERY;
    if (!(request->flags & IN_QUERY)) path_byte(request, '?');
    for (size_t i = 0; i < request->filled && request->step == PATH; i++) path_byte(request, request->held[i]);
    request->filled = 0;
}

static void version(struct rs_request *request, struct rs_request_input *in) {
    uint8_t byte = *in->at++;
    if (is_version(request, byte)) {
        request->held[request->filled++] = byte;
        if (request->filled != VERSION_SIZE || !is_preface(request)) return;
        rs_request_becomes(request, RS_REQUEST_ONE);
        rs_request_begins_as(request, in, "HTTP/2");
    } else if (byte == '\n' && request->filled >= VERSION_SIZE) {
        request->protocol = RS_REQUEST_HTTP1;
        request->filled = request->counted = 0;
        request->step = LINE;
    } else if (byte == '\n') {
        rs_request_is_lost(request, in);
    } else {
        in->at--;
        goes_on_with_target(request);
    }
}

/* ---- the same at once, where the whole line is here, as nearly always; the struct is touched when that is known */

/* METHOD SP /path, as much of it as the label takes. Returns the path's end; NULL: it is another form. */
static const uint8_t *path_at_once(const uint8_t *at, const uint8_t *end) {
    const uint8_t *first = at, *most = end - at < RS_REQUEST_LABEL_SIZE ? end : at + RS_REQUEST_LABEL_SIZE - 1;
    while (at < end && *at >= 'A' && *at <= 'Z' && at - first < METHOD_MOST) at++;
    if (at == first || end - at < 2 || at[0] != ' ' || at[1] != '/') return NULL;
    for (at++; at<most && * at> ' ' && *at != 0x7f && *at != '?' && *at != '#'; at++) {
    }
    return at;
}

static bool line_at_once(struct rs_request *request, struct rs_request_input *in) {
    static const char version[] = " HTTP/1.";
    enum { TAIL_SIZE = sizeof version /* and a digit */ };
    const uint8_t *first = in->at, *line = memchr(first, '\n', rs_request_left(in)), *end = line;
    if (!line) return false;
    if (end > first && end[-1] == '\r') end--;
    if (end - first < TAIL_SIZE || memcmp(end - TAIL_SIZE, version, TAIL_SIZE - 1) != 0) return false;
    if (!rs_request_is_digit(end[-1]) || !memcmp(first, "PROXY", 5) || !memcmp(first, "CONNECT", 7)) return false;
    const uint8_t *tail = end - TAIL_SIZE, *path = path_at_once(first, tail);
    bool has_query = path && path != tail && (*path == '?' || *path == '#');
    if (!path || (path != tail && !has_query) || memchr(path, ' ', (size_t)(tail - path))) return false;
    rs_request_becomes(request, RS_REQUEST_HTTP1);
    rs_request_is_unnamed(request);
    request->length = (uint8_t)(path - first);
    memcpy(request->label, first, request->length);
    request->label[request->length] = 0;
    if (has_query) request->flags |= IN_QUERY;
    request->step = LINE;
    in->at = line + 1;
    return true;
}

/* ---- all of it */

static void reads_line(struct rs_request *request, struct rs_request_input *in) {
    bool at_first = request->step == START || (request->step == METHOD && !request->length);
    if (at_first && line_at_once(request, in)) return;
    switch (request->step) {
    case METHOD:
        method(request, in);
        break;
    case TARGET:
        target(request, in);
        break;
    case SCHEME:
        scheme(request, in);
        break;
    case AUTHORITY:
        authority(request, in);
        break;
    case PATH:
        path(request, in);
        break;
    case QUERY:
        query(request, in);
        break;
    case VERSION:
        version(request, in);
        break;
    default:
        start(request, in);
        break;
    }
}

void rs_request_reads_http(struct rs_request *request, struct rs_request_input *in) {
    if (request->step >= CHUNK_SIZE && request->step <= TRAILER_REST) {
        rs_request_reads_chunks(request, in);
    } else if (request->step >= LINE && request->step <= LINE_REST) {
        rs_request_reads_headers(request, in);
    } else {
        reads_line(request, in);
    }
}

bool rs_request_is_likely_http(const struct rs_request *request) {
    return request->step > TARGET;
}

/* ---- the answer that is waited for
 *
 * HTTP/1.x and a status are held; of an interim one (100 Continue) what follows up to its empty line is passed over. */

enum { ANSWER_SIZE = 12 /* HTTP/1.1 101 */, ANSWER_REST, ANSWER_LINE };

bool rs_request_http_waits(const struct rs_request *request) {
    return request->flags & WAITS;
}

static void waits_no_more(struct rs_request *request) {
    request->flags &= (uint8_t)~WAITS;
    request->filled = 0;
}

static void status(struct rs_request *request, const uint8_t *digits) {
    bool upgraded = request->flags & ASKS_UPGRADE && !memcmp(digits, "101", 3);
    bool connected = request->flags & ASKS_CONNECT && digits[0] == '2';
    if (upgraded || connected) {
        rs_request_becomes(request, RS_REQUEST_ONE);
    } else if (digits[0] == '1') {
        request->filled = ANSWER_REST;
    } else {
        waits_no_more(request);
    }
}

static void answer_byte(struct rs_request *request, uint8_t byte) {
    static const char beginning[] = "HTTP/1.";
    enum { BEGINNING_SIZE = sizeof beginning - 1 };
    size_t at = request->filled;
    bool fits = at < BEGINNING_SIZE  ? byte == (uint8_t)beginning[at]
                : at == VERSION_SIZE ? byte == ' '
                                     : rs_request_is_digit(byte);
    if (!fits) {
        waits_no_more(request);
        return;
    }
    request->held[request->filled++] = byte;
    if (request->filled == ANSWER_SIZE) status(request, request->held + VERSION_SIZE + 1);
}

static void interim_byte(struct rs_request *request, uint8_t byte) {
    if (byte == '\n') {
        request->filled = request->filled == ANSWER_LINE ? 0 : ANSWER_LINE;
    } else if (byte != '\r') {
        request->filled = ANSWER_REST;
    }
}

void rs_request_http_written(struct rs_request *request, const uint8_t *bytes, size_t known, size_t count) {
    for (size_t i = 0; i < known && request->flags & WAITS; i++) {
        if (request->filled < ANSWER_SIZE) {
            answer_byte(request, bytes[i]);
        } else {
            interim_byte(request, bytes[i]);
        }
    }
    if (request->flags & WAITS && known < count) waits_no_more(request);
}
