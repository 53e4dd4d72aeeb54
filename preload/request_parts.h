/* request_parts.h: what the recognisers of request.h share. Each has a file of its own.
 *
 *   request.c            which protocol it is; turns, TLS; skips what is to be skipped; the only one that the caller calls
 *   request_http.c       HTTP/1, and how it becomes something else
 *   request_fastcgi.c
 *   request_resp.c
 *   request_session.c    PostgreSQL and MySQL
 *
 * A recogniser is called while there are bytes, none of them is to be skipped and no request has begun. It takes some, or changes
 * the step to one that does. `filled` and `length` are in their range; all else may be anything. */
#ifndef RS_PRELOAD_REQUEST_PARTS_H
#define RS_PRELOAD_REQUEST_PARTS_H

#include "preload/request.h"

#include <string.h>

/* The bytes that are read, from the first that is not taken. */
struct rs_request_input {
    const uint8_t *at, *end;
    bool begun; /* a request, with the last byte that was taken */
};

/* request.flags, in every protocol: a request has begun on this connection. The other bits are each protocol's own. */
enum { RS_REQUEST_BEGUN = 0x80 };

/* request.step, while the protocol is RS_REQUEST_NEW */
enum {
    RS_REQUEST_STEP_FIRST,  /* the bytes are held until they tell the protocol */
    RS_REQUEST_STEP_SERVER, /* the same, the server's: it speaks first */
    RS_REQUEST_STEP_PROXY,  /* in a line of the PROXY protocol, `counted` bytes */
    RS_REQUEST_STEP_HTTP    /* this and those above are HTTP's: in what may be a request line */
};

static inline size_t rs_request_left(const struct rs_request_input *in) {
    return (size_t)(in->end - in->at);
}

/* Takes bytes until `wanted` are held. True: they are. */
static inline bool rs_request_holds(struct rs_request *request, struct rs_request_input *in, size_t wanted) {
    size_t filled = request->filled, count = rs_request_left(in);
    if (filled >= wanted || wanted > RS_REQUEST_HELD) return true;
    if (count > wanted - filled) count = wanted - filled;
    memcpy(request->held + filled, in->at, count);
    in->at += count;
    request->filled = (uint8_t)(filled + count);
    return request->filled == wanted;
}

/* From now on the connection is of this protocol, and at the beginning of a message. */
static inline void rs_request_becomes(struct rs_request *request, enum rs_request_protocol protocol) {
    request->protocol = (uint8_t)protocol;
    request->flags &= RS_REQUEST_BEGUN;
    request->skip = request->number = 0;
    request->step = request->type = request->filled = request->counted = 0;
}

static inline void rs_request_is_unnamed(struct rs_request *request) {
    request->length = 0;
    request->label[0] = request->traceparent[0] = request->request_id[0] = 0;
}

/* With the last byte that was taken. */
static inline void rs_request_begins(struct rs_request *request, struct rs_request_input *in) {
    request->flags |= RS_REQUEST_BEGUN;
    request->turn = 0;
    in->begun = true;
}

/* A request that is so called begins. */
void rs_request_begins_as(struct rs_request *request, struct rs_request_input *in, const char *label);

/* What was read makes no sense: from now on it goes by turns. If it is this connection's turn, a request has begun. */
void rs_request_is_lost(struct rs_request *request, struct rs_request_input *in);

/* How much of a text that had to be cut is whole characters. */
size_t rs_request_whole(const char *text, size_t length);

/* One more byte of a text. False: it does not fit, and the text is cut. */
static inline bool rs_request_adds(char *text, size_t size, uint8_t *length, uint8_t byte) {
    if (*length + 1u >= size) {
        *length = (uint8_t)rs_request_whole(text, size - 1);
        text[*length] = 0;
        return false;
    }
    text[(*length)++] = (char)(byte < ' ' || byte == 0x7f ? '?' : byte);
    text[*length] = 0;
    return true;
}

/* As many bytes as need no second look: those that can be printed, are no blank, end no path, and fit. */
static inline void rs_request_adds_plain(char *text, size_t size, uint8_t *length, struct rs_request_input *in) {
    const uint8_t *at = in->at;
    size_t count = *length;
    if (count + 1 >= size) return;
    for (; at < in->end && count + 1 < size; at++) {
        if (*at <= ' ' || *at == 0x7f || *at == '?' || *at == '#') break;
        text[count++] = (char)*at;
    }
    text[count] = 0;
    *length = (uint8_t)count;
    in->at = at;
}

static inline bool rs_request_adds_to_label(struct rs_request *request, uint8_t byte) {
    return rs_request_adds(request->label, sizeof request->label, &request->length, byte);
}

static inline bool rs_request_is_digit(uint8_t byte) {
    return byte >= '0' && byte <= '9';
}

static inline uint8_t rs_request_lower(uint8_t byte) {
    return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte - 'A' + 'a') : byte;
}

static inline bool rs_request_is_called(const struct rs_request *request, const char *label, size_t size) {
    return request->length == size && !memcmp(request->label, label, size);
}

/* ---- the recognisers */

void rs_request_reads_http(struct rs_request *request, struct rs_request_input *in);
void rs_request_reads_fastcgi(struct rs_request *request, struct rs_request_input *in);
void rs_request_reads_resp(struct rs_request *request, struct rs_request_input *in);
void rs_request_reads_postgresql(struct rs_request *request, struct rs_request_input *in);
void rs_request_reads_mysql(struct rs_request *request, struct rs_request_input *in);

/* Do they wait for what the server writes? Then: `count` bytes, of which `known` are at `bytes`. */
bool rs_request_http_waits(const struct rs_request *request);
void rs_request_http_written(struct rs_request *request, const uint8_t *bytes, size_t known, size_t count);
bool rs_request_postgresql_waits(const struct rs_request *request);
void rs_request_postgresql_written(struct rs_request *request, const uint8_t *bytes, size_t known);

/* Of a connection that is RS_REQUEST_NEW: does what was read look so much like HTTP that it goes on after something was written? */
bool rs_request_is_likely_http(const struct rs_request *request);

#endif
