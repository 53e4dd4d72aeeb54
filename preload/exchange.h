/* exchange.h: where the exchange on an outgoing connection stands: who has sent what is not answered yet, and in whose
 * transaction it is. This is what the lease policy decides by.
 *
 *   rs_descriptions[i] ──► rs_exchange[i]    beside it, in an arena that is shared with the family's processes; only watched
 *                                            connections (RS_STREAM_WATCHED) touch theirs
 *
 *   phase (in the description):  IDLE ──sent──► SENT ──received, or the peer is gone──► ANSWERED ──sent──► SENT ...
 *
 * What must stay true:
 * - SENT is set before the call that sends: another thread may receive the answer before the sender is back.
 * - `wire` is changed by one thread at a time (`busy`); who finds it busy says that bytes were missed, and from then on only the
 *   phase counts. No waiting.
 * - Both are about the description, whoever owns it: what a thread in no context reads (an event loop's) is an answer, too. */
#ifndef RS_PRELOAD_EXCHANGE_H
#define RS_PRELOAD_EXCHANGE_H

#include "preload/fdtable.h"
#include "preload/wire.h"
#include "tracer/layout.h"

/* Where the bytes of a call are, for the recognisers. */
enum rs_bytes_form {
    RS_BYTES_UNSEEN, /* they passed, and cannot be looked at */
    RS_BYTES_BUFFER,
    RS_BYTES_PARTS,   /* struct iovec */
    RS_BYTES_MESSAGE, /* struct msghdr */
    RS_BYTES_PEEKED,  /* they were only looked at, and will come again */
};
struct rs_bytes_of {
    const void *at;
    uint32_t count; /* of parts; in a buffer, whether there is room for any */
    enum rs_bytes_form form;
};

struct rs_exchange {
    /* sharing.h's, of accepted connections, too: */
    uint64_t process_user;   /* the context in which `process` used it first */
    uint32_t process;        /* since the last fork: the first one that did I/O on it; 0: none yet; atomic */
    uint32_t writer;         /* the thread that sent last */
    uint64_t sender;         /* the context that sent first what is unanswered; 0: none, or in no context */
    uint64_t sent_at;        /* rs_clock_mark */
    uint64_t sent;           /* bytes that are not answered */
    uint64_t transaction_of; /* the context that began the open transaction */
    uint64_t first_user;     /* of what nobody owns: the first context that used it */
    uint8_t busy, missed;    /* atomic */
    uint8_t read_by_others;  /* the last answer was read by another thread than asked, in another context than asked */
    uint8_t unused[5];
    struct rs_wire wire;
} __attribute__((aligned(64)));

static inline bool rs_operation_sends(enum rs_operation operation) {
    return operation == RS_OP_write || operation == RS_OP_send || operation == RS_OP_sendfile;
}

static inline bool rs_operation_receives(enum rs_operation operation) {
    return operation == RS_OP_read || operation == RS_OP_recv;
}

static inline bool rs_is_watched(const struct rs_description *description) {
    return rs_unlikely(rs_stream_of(description) & RS_STREAM_WATCHED);
}

bool rs_exchanges_start(void);

/* Nothing has passed on it. */
void rs_exchange_reset(struct rs_description *description);

/* The description is a connection of this process's making from now on. */
void rs_exchange_watch(struct rs_description *description);

struct rs_exchange *rs_exchange_of(const struct rs_description *description);

/* Something is about to be sent on a watched connection; a call on one has returned `result`. */
void rs_exchange_begin(struct rs_description *description);
void rs_exchange_end(struct rs_description *description, enum rs_operation operation, int64_t result,
                     struct rs_bytes_of bytes);

/* What a hand-over now would find. */
enum rs_exchange_state {
    RS_EXCHANGE_COMPLETE,
    RS_EXCHANGE_OWED,        /* an answer is still to come, or waits unread */
    RS_EXCHANGE_TRANSACTION, /* of another context */
    RS_EXCHANGE_DEBT,        /* sent, and nothing was ever received: the other side may never answer anything */
    RS_EXCHANGE_MULTIPLEXED, /* made to carry many requests at once */
};

/* What is outstanding, for the report. */
struct rs_outstanding {
    uint64_t sender, sent, age; /* context, bytes, nanoseconds */
    uint64_t transaction_of;
    uint32_t unread;      /* bytes that wait; ~0u not known */
    uint32_t transaction; /* enum rs_wire_transaction */
    uint32_t protocol;    /* enum rs_wire_protocol */
};

/* The state as the context `user` meets it that is about to do `operation`. Cold: asks the kernel what waits unread. */
enum rs_exchange_state rs_exchange_look(int fd, const struct rs_description *description, uint64_t user,
                                        enum rs_operation operation, struct rs_outstanding *outstanding);

/* Of a datagram socket only this is kept: who had sent what may still be answered, when it changes hands. */
void rs_exchange_note_debt(struct rs_description *description, uint64_t sender);

/* It has changed hands. What was owed to the one before is over, but for a debt. */
void rs_exchange_handed_over(struct rs_description *description, bool debt);

#endif
