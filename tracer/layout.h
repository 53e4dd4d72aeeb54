/* layout.h: what lies in a trace, byte for byte. The one definition that the recorder (in the guarded process) and the
 * viewer share.
 *
 * A trace is a folder, one for each process, that is a plain CTF 1.8 trace:
 *
 *   DIR/nginx-4711/          made for REQSCOPE_TRACE=DIR; 0700, files 0600
 *     metadata               TSDL text, last line: a comment with the check sum of all before it
 *     stream_0_0             stream 0, its packet 0: a file is exactly one packet
 *     stream_0_1 ...         a stream is written by one thread at a time
 *     kept_0_0 ...           the same, for what is never given up: process, modules, stacks, findings
 *     .stream_...            a leading dot: a packet being made or taken away; not part of the trace
 *
 *   packet (a file)
 *     ┌──────────────────────────────┐ 0    struct rs_packet_header (32 bytes)
 *     │ magic, uuid, stream          │
 *     ├──────────────────────────────┤ 32   struct rs_packet_context (56 bytes)
 *     │ begin, discarded, sequence,  │
 *     │ packet_size, content_size,   │ <--- content_size and timestamp_end are one 16-byte store: the commit
 *     │ timestamp_end, header_check  │
 *     ├──────────────────────────────┤ 88
 *     │ event, event, ...            │      each begins on a multiple of 8: struct rs_event_header, then its fields
 *     ├──────────────────────────────┤      content_size (in bits)
 *     │ one event being written, 0…  │
 *     └──────────────────────────────┘      packet_size (in bits) = the file's size
 *
 * What must stay true, at every instant at which the process may be killed:
 * - A file under its own name has a whole header. (It is made under a dot name and renamed.)
 * - Up to content_size there are only whole events; it is the last one's exact end, whose padding (zeros) follows. An event
 *   is written first, then committed by one store.
 * - Times in one stream rise strictly, and timestamp_end is the last event's time (timestamp_begin when there is none).
 * - What follows the content is zero, but for at most one event that was being written: its header is stored first, in one
 *   piece, so what follows a header of zeros is zero.
 * So a damaged byte is found: a changed event by its check, a changed commit by its time, a changed header by header_check,
 * changed metadata by its check sum.
 *
 * All numbers are little-endian; a big-endian machine is not supported. Times are nanoseconds of CLOCK_MONOTONIC, whose uuid
 * in the metadata is the machine's boot id: traces of several processes share one clock. */
#ifndef RS_TRACER_LAYOUT_H
#define RS_TRACER_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

#define RS_TRACE_FORMAT 1
#define RS_CTF_MAGIC 0xC1FC1FC1u
#define RS_STREAM_CLASS 0u

/* Streams are numbered; a kept stream's instance id has this bit set. */
#define RS_INSTANCE_KEPT (1ull << 32)

struct rs_packet_header {
    uint32_t magic;
    uint8_t uuid[16];
    uint32_t stream_id;
    uint64_t stream_instance_id;
};

struct rs_packet_context {
    uint64_t timestamp_begin;
    uint64_t
        events_discarded; /* in this stream, up to this packet's begin (its end, when it was cut at exit): given up or not recordable */
    uint64_t packet_seq_num;
    uint64_t packet_size;  /* bits */
    uint64_t content_size; /* bits */
    uint64_t timestamp_end;
    uint64_t header_check; /* rs_header_check() */
};

struct rs_packet {
    struct rs_packet_header header;
    struct rs_packet_context context;
};

_Static_assert(sizeof(struct rs_packet) == 88, "the packet header has no padding");
_Static_assert(offsetof(struct rs_packet, context.content_size) % 16 == 0, "the commit is one aligned store");

/* Before each event's own fields. `fd` is CTF's stream event context: the number the call was about, -1 for none. */
struct rs_event_header {
    uint64_t time;
    uint32_t id;
    int32_t fd;
};

enum rs_event_number {
#define EVENT(number, name) RS_EVENT_##name = (number),
#include "events.def"
#undef EVENT
    RS_EVENT_IO = EVENT_IO
};

/* struct rs_event_open and so on: header and fixed fields; strings and sequences follow. */
#define RS_FIELD_U32(name) uint32_t name;
#define RS_FIELD_I32(name) int32_t name;
#define RS_FIELD_U64(name) uint64_t name;
#define RS_FIELD_STR(name)
#define RS_FIELD_SEQ(length, name)
#define RS_EVENT_STRUCT(event)                                                                     \
    struct rs_event_##event {                                                                      \
        struct rs_event_header header;                                                             \
        EVENT_FIELDS_##event(RS_FIELD_U32, RS_FIELD_I32, RS_FIELD_U64, RS_FIELD_STR, RS_FIELD_SEQ) \
    };
#define EVENT(number, name) RS_EVENT_STRUCT(name)
#include "events.def"
#undef EVENT
RS_EVENT_STRUCT(io)

/* What every event begins with. */
struct rs_event_start {
    struct rs_event_header header;
    uint32_t check;
};

/* The longest string in an event, its NUL included, and the most frames of a stack. */
#define RS_STRING_MAX 4096
#define RS_STACK_MAX 128
/* No event is longer: the fixed part, two strings, or a stack. */
#define RS_EVENT_MAX (256 + 2 * RS_STRING_MAX)
#define RS_EVENT_ALIGN 8u

enum rs_operation {
#define OPERATION(number, name, verb) RS_OP_##name = (number),
#include "operations.def"
#undef OPERATION
    RS_OP_COUNT
};

/* What a description is. */
enum rs_kind {
    RS_KIND_UNKNOWN,
    RS_KIND_FILE,
    RS_KIND_DIRECTORY,
    RS_KIND_TCP,
    RS_KIND_UDP,
    RS_KIND_UNIX,
    RS_KIND_SOCKET, /* of another family */
    RS_KIND_PIPE,
    RS_KIND_DEVICE,
    RS_KIND_EPOLL,
    RS_KIND_EVENTFD,
    RS_KIND_OTHER,
    RS_KIND_COUNT
};

/* How a context came to be. The last two were inferred: preload/requester.h. */
enum rs_origin { RS_ORIGIN_API, RS_ORIGIN_INHERITED, RS_ORIGIN_ACCEPT, RS_ORIGIN_REQUEST, RS_ORIGIN_COUNT };

/* How a thread came to be in a context, or to leave it (0). All but the first were inferred: preload/infer.h. */
enum rs_entry {
    RS_ENTRY_API,
    RS_ENTRY_REQUEST, /* it read the request */
    RS_ENTRY_RESUMED, /* it touched what belongs to the context */
    RS_ENTRY_HANDED,  /* a thread in the context woke it, or began it */
    RS_ENTRY_LEFT,    /* it waits for many, accepts another, or the context is over */
    RS_ENTRY_COUNT
};

enum rs_passed { RS_PASSED_SENT, RS_PASSED_RECEIVED };

enum rs_mode { RS_MODE_LOG, RS_MODE_DENY, RS_MODE_ABORT, RS_MODE_OFF, RS_MODE_COUNT };
enum rs_policy { RS_POLICY_STRICT, RS_POLICY_LEASE, RS_POLICY_COUNT };

/* Where the exchange on a connected stream stands: see DESIGN 6. */
enum rs_phase { RS_PHASE_IDLE, RS_PHASE_SENT, RS_PHASE_ANSWERED, RS_PHASE_COUNT };

enum rs_handover {
    RS_HANDOVER_GIVEN,
    RS_HANDOVER_RETURNED,
    RS_HANDOVER_TAKEN,
    RS_HANDOVER_SHARED,
    RS_HANDOVER_LEASED,
    RS_HANDOVER_INDEBTED, /* leased, with something sent before that may still be answered */
    RS_HANDOVER_INFERRED, /* from one of a requester's requests to the next, or what was guessed before is known better now */
    RS_HANDOVER_COUNT
};

/* What a connection speaks, as far as it was recognised (preload/wire.h). */
enum rs_wire_protocol {
    RS_WIRE_NEW,     /* nothing has passed yet, or too little to tell */
    RS_WIRE_UNKNOWN, /* bytes: nothing is known but that they passed */
    RS_WIRE_TLS,     /* encrypted from the first byte on, or from where the protocol switched to it */
    RS_WIRE_HTTP1,   /* a request is answered; no more is read than that */
    RS_WIRE_HTTP2,   /* many requests at once, by design */
    RS_WIRE_NATS,    /* the same */
    RS_WIRE_AMQP,    /* the same */
    RS_WIRE_POSTGRESQL,
    RS_WIRE_RESP, /* Redis, Valkey, KeyDB */
    RS_WIRE_MYSQL,
    RS_WIRE_COUNT
};

/* What a context has begun on the connection and not brought to its end. */
enum rs_wire_transaction {
    RS_TRANSACTION_NONE,
    RS_TRANSACTION_OPEN,       /* BEGIN, MULTI; with autocommit off: from the first statement on */
    RS_TRANSACTION_FAILED,     /* PostgreSQL's E: it can only be rolled back */
    RS_TRANSACTION_WATCH,      /* RESP: WATCH */
    RS_TRANSACTION_SUBSCRIBED, /* RESP: SUBSCRIBE and its kin, MONITOR: messages come unasked */
    RS_TRANSACTION_COUNT
};

enum rs_finding_kind {
    RS_FINDING_foreign_io,
    RS_FINDING_foreign_close,
    RS_FINDING_late_io,
    RS_FINDING_dirty_handover,
    RS_FINDING_leak,
    RS_FINDING_bad_close,
    RS_FINDING_shared_after_fork,
    RS_FINDING_foreign_wakeup,
    RS_FINDING_hang,
    RS_FINDING_COUNT
};

#define RS_OPEN_INHERITED 1u /* it was open when this process began */
#define RS_OPEN_CARRIED 2u   /* written again, as the event of its opening was given up */
#define RS_OPEN_UNSEEN 4u    /* the guard saw it first when it was used */
#define RS_STACK_TRUNCATED 1u

#define RS_COVERAGE_EVENTS_LOST 1u
#define RS_COVERAGE_STACKS_FULL 2u
#define RS_COVERAGE_DESCRIPTIONS_FULL 4u
#define RS_COVERAGE_CONTEXTS_FULL 8u
#define RS_COVERAGE_FINDINGS_FULL 16u
#define RS_COVERAGE_IO_URING 32u  /* I/O that no call shows */
#define RS_COVERAGE_STATIC 64u    /* a program that the guard cannot be loaded into was executed */
#define RS_COVERAGE_DEEPBIND 128u /* a library whose calls go past the guard */
#define RS_COVERAGE_SHARED 256u   /* a process shares descriptors, but not memory, with another */

/* Names for people: index by the enums above. NULL never. */
const char *rs_operation_name(uint32_t operation);
const char *rs_operation_verb(uint32_t operation);
const char *rs_finding_kind_name(uint32_t kind); /* "foreign-io" */
const char *rs_kind_name(uint32_t kind);         /* "tcp" */
const char *rs_origin_name(uint32_t origin);     /* "request" */
const char *rs_entry_name(uint32_t how);         /* "handed over" */
const char *rs_mode_name(uint32_t mode);
const char *rs_policy_name(uint32_t policy);
const char *rs_handover_name(uint32_t reason);
const char *rs_protocol_name(uint32_t protocol);        /* of preload/wire.h; "PostgreSQL"; NULL: none was recognised */
const char *rs_transaction_words(uint32_t transaction); /* "a transaction", "a subscription"; NULL: none */

/* Mixes `size` bytes (a multiple of 8) into a number that changes whenever a byte of them does. Not cryptographic: it
 * finds damage, not malice. */
#define RS_MIX_FACTOR(i) (0x9E3779B97F4A7C15ull + 0xD1B54A32D192ED02ull * (i))

static inline uint64_t rs_mix_end(uint64_t sum) {
    sum ^= sum >> 29;
    return sum * 0xBF58476D1CE4E5B9ull;
}

static inline uint64_t rs_mix(const void *bytes, size_t size, uint64_t seed) {
    /* The bytes are of any struct: without may_alias a compiler may read them before they are stored. */
    typedef uint64_t __attribute__((may_alias)) word;
    const word *words = (const word *)bytes;
    uint64_t sum = seed;
    for (size_t i = 0; i < size / 8; i++) sum += words[i] * RS_MIX_FACTOR(i);
    return rs_mix_end(sum);
}

/* An event's check: over the event with check = 0, padded with zeros to RS_EVENT_ALIGN, seeded with its packet's
 * header_check so that an old event in the wrong place is not taken for one. */
static inline uint32_t rs_event_check(const void *event, size_t padded_size, uint64_t header_check) {
    return (uint32_t)(rs_mix(event, padded_size, header_check) >> 32);
}

/* A packet's header_check: over header and context, with content_size, timestamp_end and header_check itself = 0. */
uint64_t rs_header_check(const struct rs_packet *packet);

/* The check sum of metadata text. */
uint64_t rs_text_check(const char *text, size_t length);

#endif
