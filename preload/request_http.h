/* request_http.h: what request_http.c and request_http_headers.c share: where in a request it stands. */
#ifndef RS_PRELOAD_REQUEST_HTTP_H
#define RS_PRELOAD_REQUEST_HTTP_H

#include "preload/request_parts.h"

/* request.step */
enum rs_request_http_step {
    START = RS_REQUEST_STEP_FIRST, /* at a request's first byte, or an empty line before it */
    METHOD = RS_REQUEST_STEP_HTTP,
    TARGET,
    SCHEME,    /* `counted` bytes of it have passed */
    AUTHORITY, /* in the target: host and port */
    PATH,
    QUERY,   /* and whatever else of the target is not in the label */
    VERSION, /* held */
    LINE,    /* at a header line's first byte */
    LINE_RETURN,
    NAME,  /* of the header `type`; `counted` bytes have passed */
    VALUE, /* the same */
    LINE_REST,
    CHUNK_SIZE,
    CHUNK_REST, /* of its line */
    CHUNK_END,
    TRAILER,
    TRAILER_RETURN,
    TRAILER_REST
};

/* request.flags */
enum {
    IS_CHUNKED = 1,
    ASKS_UPGRADE = 2,
    ASKS_CONNECT = 4,
    IN_QUERY = 8,      /* the target's path is over */
    HAS_RETURN = 0x10, /* in a value, where the last byte was a carriage return */
    WAITS = 0x20       /* for the answer's first bytes */
};

/* What follows the request line, up to the end of the body. */
void rs_request_reads_headers(struct rs_request *request, struct rs_request_input *in);
void rs_request_reads_chunks(struct rs_request *request, struct rs_request_input *in);

#endif
