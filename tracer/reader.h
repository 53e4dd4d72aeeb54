/* reader.h: reads one process's trace (layout.h), event by event, in the order of time.
 *
 *   folder ──► streams (kept_N_*, stream_N_*) ──► one cursor each, on one packet at a time ──► heap by time ──► next
 * event
 *
 * What must stay true:
 * - Nothing in a file is trusted. Any file may be cut or changed at any byte: no crash, no endless loop, and each
 * damage is reported, once, as one line. What stands before it in its packet is delivered, and so are all other
 * packets.
 * - Files are read, not mapped: a server that still runs may cut a file at any time, and a mapping would end in SIGBUS.
 *   At most the content of one packet of each stream is in memory.
 *
 * Not safe for use by several threads at once; different readers are independent. */
#ifndef RS_TRACER_READER_H
#define RS_TRACER_READER_H

#include "tracer/layout.h"

#include <stdbool.h>

#define RS_EVENT_STRINGS_MAX 2

/* What a reader says about damage and unusable folders: one line without "reqscope: " and without a newline. */
typedef void rs_reader_report(void *argument, const char *line);

/* One event. Everything in it is valid until the next call for the same reader. */
struct rs_read_event {
    const struct rs_event_header *header;      /* the whole struct rs_event_...: see number */
    uint32_t number;                           /* enum rs_event_number; RS_EVENT_IO for every I/O call */
    uint32_t operation;                        /* of an I/O call: enum rs_operation; else RS_OP_none */
    uint32_t thread;                           /* whose event this is; 0: not known */
    uint32_t word_count;                       /* of a sequence */
    const uint64_t *words;                     /* the sequence: a stack's addresses */
    const char *strings[RS_EVENT_STRINGS_MAX]; /* in the order of events.def; "" where the event has none */
};

struct rs_reader_totals {
    uint64_t events;       /* delivered */
    uint64_t lost_events;  /* at least so many were given up by the recorder */
    uint64_t lost_packets; /* files that were given up, by their numbers */
    uint64_t damages;      /* reported */
};

struct rs_reader;

/* Is `folder` one process's trace: does it hold a metadata or packet file? */
bool rs_reader_is_trace(const char *folder);

/* Opens the trace in `folder`. Returns NULL, after a report, when the folder cannot be read or holds no trace; damaged
 * metadata is reported, and the packets are read all the same. */
struct rs_reader *rs_reader_open(const char *folder, rs_reader_report *report, void *argument);

/* The next event in time, false after the last. */
bool rs_reader_next(struct rs_reader *reader, struct rs_read_event *event);

/* So far; all there is after the last event. */
struct rs_reader_totals rs_reader_totals(const struct rs_reader *reader);

/* NULL is ignored. */
void rs_reader_close(struct rs_reader *reader);

#endif
