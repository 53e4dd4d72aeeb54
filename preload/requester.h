/* requester.h: connections on which requests come, and the contexts that are inferred from them.
 *
 *   rs_descriptions[i] ──► requesters[i]   beside it, in an arena that is shared with the family's processes: what is read off its bytes
 *                                          (request.h), and the request at hand
 *
 *   accept ──► nobody's ──read a request──► its context's ──read the next──► that one's ──closed──► (over)
 *                     └──written first────► its context's ("accept"), until a request is read
 *
 * A context begins when a request has been read, and ends when the next one is, or when the process's last number for the connection is
 * closed. In between the connection is its own. A request that is still being read belongs to nobody.
 *
 * What must stay true:
 * - One thread at a time looks at a connection's bytes (`busy`); who finds it busy does not wait: it goes by turns from then on.
 * - A context is ended by the process that began it: a parent that closes its copy of a connection ends nothing.
 * - A connection that was accepted elsewhere (SCM_RIGHTS, inetd) shows what it is by what is done first: read, it is a requester's.
 *   One that comes from a listener which a live request has made (FTP's data) is that request's, and no requester. */
#ifndef RS_PRELOAD_REQUESTER_H
#define RS_PRELOAD_REQUESTER_H

#include "preload/context.h"
#include "preload/exchange.h"
#include "preload/fdtable.h"
#include "preload/request.h"

struct rs_requester {
    uint64_t context;  /* of the request at hand; 0: none yet; atomic */
    uint32_t number;   /* the how manyth connection it is: "peer #7" */
    uint8_t busy;      /* atomic */
    uint8_t undecided; /* it may be a connection of this side's making */
    uint8_t in_turns;  /* a loop has read the request; these are atomic, too */
    uint8_t answered;  /* something was written since the request began */
    uint8_t shut;      /* this side has shut it down for writing: nothing more is answered */
    uint8_t pipelined; /* requests came ahead of the answers: which one is worked at is not known */
    uint32_t reader;   /* the thread that has read it */
    struct rs_request request;
} __attribute__((aligned(64)));

bool rs_requesters_start(void);

/* For what belongs to descriptions of other kinds, too: infer.c. */
struct rs_requester *rs_requester_of(const struct rs_description *description);

/* One of its flags, which other threads may set meanwhile. */
static inline bool rs_requester_has(const uint8_t *flag) {
    return __atomic_load_n(flag, __ATOMIC_RELAXED);
}

static inline bool rs_is_requester(const struct rs_description *description) {
    return rs_stream_of(description) & RS_STREAM_REQUESTER;
}

/* fd was accepted, or came from another process; it may be a requester's. */
void rs_requester_accepted(int listener, int fd);
void rs_requester_received(int fd);

/* A call on one has moved bytes. */
void rs_requester_moved(int fd, struct rs_description *description, enum rs_operation operation, int64_t result,
                        struct rs_bytes_of bytes);

/* This side has shut it down: what is read from now on is read to be thrown away. */
void rs_requester_shut(int fd);

/* This process has closed its last number for it. */
void rs_requester_closed(struct rs_description *description);

/* This process ends, or executes another program: its requests are over. */
void rs_requesters_end(void);

/* The API says what the contexts are: those that were inferred and are live were none. */
void rs_requesters_superseded(void);

#endif
