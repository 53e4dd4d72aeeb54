/* request.h: where on a requester's connection a request begins, and what it is called, read off the bytes that pass.
 *
 *   read by this process ─────► rs_request_read ────► "a request has begun": label, attributes
 *   written by it ────────────► rs_request_written    the turn in a protocol that is not recognised; an upgrade; a server that speaks first
 *
 * Here this process is the server (wire.h is its opposite). The protocol is recognised by the first bytes; a request has begun when
 * its name has been read: HTTP with its headers' last byte (so `traceparent` and `X-Request-Id` are known), FastCGI with its last
 * parameter, RESP with the command's name, PostgreSQL with a message's first byte, MySQL with a command's. What belongs to it, a body
 * in whatever pieces, is counted and begins nothing. What is not recognised, or stops making sense, goes by turns: a request is what
 * is read first after something was written. The same with TLS, but that its handshake is no request.
 *
 * What must stay true:
 * - Pure functions over bytes that are not trusted: no call, no memory but the struct's, no loop that does not take a byte.
 * - Whole, byte by byte or in pieces: the same requests with the same labels, and the struct ends in the same state.
 * - A struct of zeros is a connection on which nothing has passed. Any content of it is safe to go on from (it lies in memory that
 *   several processes may write). The caller lets in one at a time.
 * - label, traceparent and request_id hold printable bytes only (others are '?'; bytes of 128 and more stay), cut to fit at a
 *   character's boundary in UTF-8, and end with a NUL. */
#ifndef RS_PRELOAD_REQUEST_H
#define RS_PRELOAD_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum rs_request_protocol {
    RS_REQUEST_NEW,   /* nothing has passed yet, or too little to tell */
    RS_REQUEST_TURNS, /* not recognised: a request is what is read after something was written */
    RS_REQUEST_TLS,   /* the same, by records, once the handshake is over */
    RS_REQUEST_ONE, /* upgraded (WebSocket, a tunnel) or made for many at once (HTTP/2): the connection is one request */
    RS_REQUEST_HTTP1,   /* label: "GET /orders/7", method and path, the query cut off */
    RS_REQUEST_FASTCGI, /* the same, of REQUEST_METHOD and REQUEST_URI (else SCRIPT_NAME) */
    RS_REQUEST_RESP,    /* the command's name, in upper case */
    RS_REQUEST_POSTGRESQL, /* "PostgreSQL Query": the first message's kind; "PostgreSQL startup" with all of the authentication */
    RS_REQUEST_MYSQL, /* "MySQL COM_QUERY"; "MySQL login" with all of the authentication */
    RS_REQUEST_COUNT
};

#define RS_REQUEST_LABEL_SIZE 128
#define RS_REQUEST_TRACEPARENT_SIZE 64
#define RS_REQUEST_ID_SIZE 80
#define RS_REQUEST_HELD 40

struct rs_request {
    uint64_t skip;                                 /* bytes that belong to the request, and do not matter */
    uint64_t number;                               /* being put together, or counted down */
    uint8_t protocol;                              /* enum rs_request_protocol */
    uint8_t step;                                  /* where in a message it stands; each protocol's own */
    uint8_t type;                                  /* of the message or header at hand; each protocol's own */
    uint8_t flags;                                 /* each protocol's own */
    uint8_t filled;                                /* bytes in `held` */
    uint8_t turn;                                  /* something was written since the last request began */
    uint8_t length;                                /* of label */
    uint8_t counted;                               /* each protocol's own */
    uint8_t held[RS_REQUEST_HELD];                 /* bytes that are looked at together */
    char label[RS_REQUEST_LABEL_SIZE];             /* "": none, the protocol says nothing */
    char traceparent[RS_REQUEST_TRACEPARENT_SIZE]; /* of the request that has begun; "": it has none */
    char request_id[RS_REQUEST_ID_SIZE];
};

/* Takes bytes until a request has begun (true), or all are taken (false). *taken: how many. The label and the rest are its until
 * the next call. */
bool rs_request_read(struct rs_request *request, const void *bytes, size_t count, size_t *taken);

/* `count` bytes have been written, of which `known` are at `bytes` (0: none can be looked at). */
void rs_request_written(struct rs_request *request, const void *bytes, size_t known, size_t count);

/* `count` bytes have been read that nobody saw. True: they begin a request (by turns). */
bool rs_request_read_unseen(struct rs_request *request, uint64_t count);

/* Is the connection a session: is all on it the same requester's, whose requests may go on with what earlier ones have opened? (A
 * proxy sends many users' HTTP and FastCGI requests over one connection.) */
static inline bool rs_request_is_session(const struct rs_request *request) {
    return request->protocol != RS_REQUEST_HTTP1 && request->protocol != RS_REQUEST_FASTCGI;
}

/* Does it matter of what is written only that it was? Then rs_request_turns notes that, and nothing has to be kept out meanwhile. */
static inline bool rs_request_is_told_turns_only(const struct rs_request *request) {
    return request->protocol != RS_REQUEST_NEW && request->protocol != RS_REQUEST_TLS;
}

static inline void rs_request_turns(struct rs_request *request) {
    if (!__atomic_load_n(&request->turn, __ATOMIC_RELAXED)) __atomic_store_n(&request->turn, 1, __ATOMIC_RELAXED);
}

/* Are the written bytes looked at? Else their number is enough. */
bool rs_request_looks_at_written(const struct rs_request *request);

#endif
