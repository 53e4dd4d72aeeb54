/* request_http_headers.c: what follows the request line, a few headers, and a body in chunks; see request_http.c.
 *
 * A line is gone through by its end; a name is looked at if it begins like one that matters. */
#include "preload/request_http.h"

enum header { CONTENT_LENGTH, TRANSFER_ENCODING, TRACEPARENT, UPGRADE, REQUEST_ID, HEADER_COUNT };

struct name {
    char text[20];
    uint8_t size;
};
#define HEADER(text) \
    { text, sizeof(text) - 1 }
static const struct name names[HEADER_COUNT] = {
    [CONTENT_LENGTH] = HEADER("content-length:"), [TRANSFER_ENCODING] = HEADER("transfer-encoding:"),
    [TRACEPARENT] = HEADER("traceparent:"),       [UPGRADE] = HEADER("upgrade:"),
    [REQUEST_ID] = HEADER("x-request-id:"),
};

#define LENGTH_MOST (1ull << 56)

static bool is_blank(uint8_t byte) {
    return byte == ' ' || byte == '\t';
}

/* Goes to behind the line's end. False: it is not here. */
static bool passes_line(struct rs_request_input *in) {
    const uint8_t *end = memchr(in->at, '\n', rs_request_left(in));
    in->at = end ? end + 1 : in->end;
    return end;
}

static void headers_end(struct rs_request *request, struct rs_request_input *in) {
    bool chunked = request->flags & IS_CHUNKED;
    request->skip = chunked ? 0 : request->number;
    request->number = 0;
    request->counted = request->type = 0;
    request->step = chunked ? CHUNK_SIZE : START;
    if (request->flags & (ASKS_UPGRADE | ASKS_CONNECT)) request->flags |= WAITS;
    rs_request_begins(request, in);
}

static void begins_name(struct rs_request *request, enum header header) {
    request->type = (uint8_t)header;
    request->counted = 1;
    request->step = NAME;
}

/* May the line be one that matters, or the empty one? (It may be that this is not seen here yet.) */
static bool may_matter(const uint8_t *at, size_t left) {
    enum {
        AT = 8 /* content-length, transfer-encoding, traceparent, x-request-id: there they differ from most others */
    };
    uint8_t tells = left > AT ? rs_request_lower(at[AT]) : 0;
    switch (rs_request_lower(at[0])) {
    case 'c':
        return !tells || tells == 'l';
    case 't':
        return !tells || tells == '-' || tells == 'e';
    case 'x':
        return !tells || tells == 't';
    case 'u':
        return left < 2 || rs_request_lower(at[1]) == 'p';
    default:
        return at[0] == '\r' || at[0] == '\n';
    }
}

/* Goes over the lines that do not, as far as they are here. */
static void pass_others(struct rs_request_input *in) {
    while (in->at < in->end && !may_matter(in->at, rs_request_left(in))) {
        const uint8_t *end = memchr(in->at, '\n', rs_request_left(in));
        if (!end) return;
        in->at = end + 1;
    }
}

static void line(struct rs_request *request, struct rs_request_input *in) {
    pass_others(in);
    if (in->at == in->end) return;
    switch (*in->at++) {
    case '\n':
        headers_end(request, in);
        break;
    case '\r':
        request->step = LINE_RETURN;
        break;
    case 'c':
    case 'C':
        begins_name(request, CONTENT_LENGTH);
        break;
    case 't': /* or TRACEPARENT */
    case 'T':
        begins_name(request, TRANSFER_ENCODING);
        break;
    case 'u':
    case 'U':
        begins_name(request, UPGRADE);
        break;
    case 'x':
    case 'X':
        begins_name(request, REQUEST_ID);
        break;
    default:
        request->step = LINE_REST;
        break;
    }
}

/* Of a header that comes twice the first is taken, but for the length. */
static void begins_value(struct rs_request *request) {
    bool again = (request->type == TRACEPARENT && request->traceparent[0]) ||
                 (request->type == REQUEST_ID && request->request_id[0]);
    request->step = again ? LINE_REST : VALUE;
    request->counted = 0;
    if (request->type == CONTENT_LENGTH) request->number = 0;
}

static void name(struct rs_request *request, struct rs_request_input *in) {
    enum { SAME_SIZE = 3 /* tra */ };
    while (in->at < in->end) {
        uint8_t byte = rs_request_lower(*in->at);
        if (request->type == TRANSFER_ENCODING && request->counted == SAME_SIZE && byte == 'c') {
            request->type = TRACEPARENT;
        }
        const struct name *wanted = &names[request->type < HEADER_COUNT ? request->type : 0];
        if (request->counted >= wanted->size || byte != (uint8_t)wanted->text[request->counted]) {
            request->step = LINE_REST; /* it may end with this byte */
            return;
        }
        in->at++;
        if (++request->counted == wanted->size) {
            begins_value(request);
            return;
        }
    }
}

static void line_ends(struct rs_request *request) {
    request->step = LINE;
    request->counted = request->type = 0;
    request->flags &= (uint8_t)~HAS_RETURN;
}

/* A text, without the blanks around it. `counted` is its length. */
static void text_bytes(struct rs_request *request, struct rs_request_input *in, char *text, size_t size) {
    bool fits = true;
    uint8_t byte = *in->at++;
    if (request->flags & HAS_RETURN) fits = rs_request_adds(text, size, &request->counted, '\r');
    request->flags &= (uint8_t)~HAS_RETURN;
    if (byte == '\r') {
        request->flags |= HAS_RETURN;
    } else if (fits && (request->counted || !is_blank(byte))) {
        fits = rs_request_adds(text, size, &request->counted, is_blank(byte) ? ' ' : byte);
    }
    if (!fits) request->step = LINE_REST;
    if (fits && byte != '\r') rs_request_adds_plain(text, size, &request->counted, in);
}

static void text_ends(struct rs_request *request, char *text, size_t size) {
    size_t length = request->counted < size ? request->counted : size - 1;
    while (length && text[length - 1] == ' ') text[--length] = 0;
}

static void length_byte(struct rs_request *request, uint8_t byte) {
    if (rs_request_is_digit(byte)) {
        if (request->number < LENGTH_MOST) request->number = request->number * 10 + (byte - '0');
        request->counted = 1;
    } else if (request->counted || !is_blank(byte)) {
        request->step = LINE_REST;
    }
}

/* `counted` bytes of the word have passed; there is one `c` in it. */
static void encoding_byte(struct rs_request *request, uint8_t byte) {
    static const char word[] = "chunked";
    enum { SIZE = sizeof word - 1 };
    byte = rs_request_lower(byte);
    bool goes_on = request->counted < SIZE && byte == (uint8_t)word[request->counted];
    request->counted = goes_on ? (uint8_t)(request->counted + 1) : byte == 'c';
    if (request->counted < SIZE) return;
    request->flags |= IS_CHUNKED;
    request->step = LINE_REST;
}

static void upgrade_byte(struct rs_request *request, uint8_t byte) {
    if (is_blank(byte) || byte == '\r') return;
    request->flags |= ASKS_UPGRADE;
    request->step = LINE_REST;
}

static void value_ends(struct rs_request *request) {
    if (request->type == TRACEPARENT) text_ends(request, request->traceparent, sizeof request->traceparent);
    if (request->type == REQUEST_ID) text_ends(request, request->request_id, sizeof request->request_id);
    line_ends(request);
}

static void value(struct rs_request *request, struct rs_request_input *in) {
    if (*in->at == '\n') {
        in->at++;
        value_ends(request);
        return;
    }
    switch (request->type) {
    case CONTENT_LENGTH:
        length_byte(request, *in->at++);
        break;
    case TRANSFER_ENCODING:
        encoding_byte(request, *in->at++);
        break;
    case TRACEPARENT:
        text_bytes(request, in, request->traceparent, sizeof request->traceparent);
        break;
    case REQUEST_ID:
        text_bytes(request, in, request->request_id, sizeof request->request_id);
        break;
    default:
        upgrade_byte(request, *in->at++);
        break;
    }
}

void rs_request_reads_headers(struct rs_request *request, struct rs_request_input *in) {
    switch (request->step) {
    case LINE:
        line(request, in);
        break;
    case LINE_RETURN:
        request->step = LINE_REST;
        if (*in->at != '\n') break;
        in->at++;
        headers_end(request, in);
        break;
    case NAME:
        name(request, in);
        break;
    case VALUE:
        while (in->at < in->end && request->step == VALUE) value(request, in);
        break;
    default:
        if (passes_line(in)) line_ends(request);
        break;
    }
}

/* ---- a body in chunks */

static int hexadecimal(uint8_t byte) {
    uint8_t lower = rs_request_lower(byte);
    if (rs_request_is_digit(byte)) return byte - '0';
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

static void chunk_line_ends(struct rs_request *request) {
    request->skip = request->number;
    request->step = request->number ? CHUNK_END : TRAILER;
    request->number = 0;
    request->counted = 0;
}

/* `counted`: it has a digit. */
static void chunk_size(struct rs_request *request, struct rs_request_input *in) {
    uint8_t byte = *in->at++;
    int digit = hexadecimal(byte);
    if (digit >= 0 && request->number < LENGTH_MOST) {
        request->number = request->number << 4 | (unsigned)digit;
        request->counted = 1;
    } else if (digit >= 0 || !request->counted) {
        rs_request_is_lost(request, in);
    } else if (byte == '\n') {
        chunk_line_ends(request);
    } else {
        request->step = CHUNK_REST;
    }
}

static void chunk_end(struct rs_request *request, struct rs_request_input *in) {
    uint8_t byte = *in->at++;
    if (byte == '\n') {
        request->step = CHUNK_SIZE;
    } else if (byte != '\r') {
        rs_request_is_lost(request, in);
    }
}

static void trailer(struct rs_request *request, struct rs_request_input *in) {
    uint8_t byte = *in->at;
    if (byte == '\n') {
        in->at++;
        request->step = START;
    } else if (byte == '\r' && request->step == TRAILER) {
        in->at++;
        request->step = TRAILER_RETURN;
    } else {
        request->step = TRAILER_REST;
    }
}

void rs_request_reads_chunks(struct rs_request *request, struct rs_request_input *in) {
    switch (request->step) {
    case CHUNK_SIZE:
        chunk_size(request, in);
        break;
    case CHUNK_REST:
        if (passes_line(in)) chunk_line_ends(request);
        break;
    case CHUNK_END:
        chunk_end(request, in);
        break;
    case TRAILER_REST:
        if (passes_line(in)) request->step = TRAILER;
        break;
    default:
        trailer(request, in);
        break;
    }
}
