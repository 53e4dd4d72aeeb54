/* reader.h: reads one process's trace (layout.h), event by event, in the order of time.
 *
 *   folder ──► streams (kept_N_*, stream_N_*) ──► one cursor each, on one packet at a time ──► heap by time ──► next
 * event
 *
 * What must stay true:
 * - Nothing in a file is trusted. Any file may be cut or changed at any byte: no crash, no endless loop, and each
 * damage is reported, once, as one line. What stands before it in its packet is delivered, and so are all other
 * packets.
 * - Files are read, not mapped: a server that still runs may cut a file at any time, and a mapping would end in SIGBUS. A packet is
 *   read into a buffer that its stream keeps, and its events are used in place there. So at most the content of one packet of each
 *   stream is in memory.
 *
 * Not safe for use by several threads at once; different readers are independent. */
#ifndef RS_TRACER_READER_H
#define RS_TRACER_READER_H

#include "tracer/packet.h"

/* What a reader says about damage and unusable folders: one line without "reqscope: " and without a newline. */
typedef void rs_reader_report(void *argument, const char *line);

struct rs_reader_totals {
    uint64_t events;                /* delivered, or left out (without_io) */
    uint64_t lost_events;           /* at least so many were given up by the recorder */
    uint64_t lost_packets;          /* files that were given up, by their numbers */
    uint64_t damages;               /* reported */
    uint64_t first_time, last_time; /* of all events; 0: there were none */
};

struct rs_reader;

/* Is `folder` one process's trace: does it hold a metadata or packet file? */
bool rs_reader_is_trace(const char *folder);

/* Opens the trace in `folder`. Returns NULL, after a report, when the folder cannot be read or holds no trace; damaged
 * metadata is reported, and the packets are read all the same. without_io: I/O events are checked and counted, and not delivered. */
struct rs_reader *rs_reader_open(const char *folder, bool without_io, rs_reader_report *report, void *argument);

/* The next event in time, false after the last. It is valid until the next call for the same reader. */
bool rs_reader_next(struct rs_reader *reader, struct rs_read_event *event);

/* One stream by itself, whole, from its first event to its last: several threads may scan a reader's streams at once, beside the
 * one that reads on with it, for it is only looked at. What is damaged is left out without a word: rs_reader_next tells. */
typedef void rs_reader_visitor(void *argument, const struct rs_read_event *event);
size_t rs_reader_streams(const struct rs_reader *reader);
void rs_reader_scan(const struct rs_reader *reader, size_t stream, rs_reader_visitor *visit, void *argument);

/* Bytes of all its packets' files, as they are now; 0 for what cannot be looked at. */
uint64_t rs_reader_bytes(const struct rs_reader *reader);

/* So far; all there is after the last event. */
struct rs_reader_totals rs_reader_totals(const struct rs_reader *reader);

/* NULL is ignored. */
void rs_reader_close(struct rs_reader *reader);

#endif
