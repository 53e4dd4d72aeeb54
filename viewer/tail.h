/* tail.h: reads the traces of processes that still run, again and again, each time from where it had come to. (tracer/reader.h reads
 * a trace once, from its begin to its end.)
 *
 *   tail ──► folder, one a process ──► streams ──► one cursor each: packet, position ──┐
 *                                                                     heap by time ────┴──► next event, up to a moment
 *
 * A look: tail_look lists what files there are, tail_next delivers the events up to a moment, and what is later waits for the next
 * look. So each look is a whole part of time, in order, over all processes.
 *
 * What must stay true:
 * - A packet's content_size is the commit (layout.h): up to there all is whole. A packet is complete when, before it was read, there
 *   was a later one of its stream.
 * - Nothing of the process is touched but its files, and these are only read. Any of them may be gone, cut at the process's end, or
 *   taken for another packet (the flight recorder) at any moment: what could not be read before that is counted.
 * - Nothing in a file is trusted. Damage ends its packet, is counted, and the next packet is read.
 * - Memory: a window of each stream, and the names of the files. No descriptor stays open but each folder's. */
#ifndef RS_VIEWER_TAIL_H
#define RS_VIEWER_TAIL_H

#include "tracer/layout.h"

#include <stdbool.h>

/* Valid until the next call. */
struct tail_event {
    void *process;                        /* as given to tail_add */
    const struct rs_event_header *header; /* the whole struct rs_event_...: see number */
    uint32_t number;                      /* enum rs_event_number; RS_EVENT_IO for every I/O call */
    uint32_t operation;                   /* of an I/O call: enum rs_operation; else RS_OP_none */
    const char *text;                     /* the event's first string, "" when it has none */
    uint64_t stream, sequence;            /* the packet that it stands in: see tail_has */
    bool kept;
};

struct tail_totals {
    uint64_t events;       /* delivered */
    uint64_t lost_packets; /* were there, and were given up before they had been read to their end */
    uint64_t lost_events;  /* about so many were in those, or could not be recorded */
    uint64_t damages;      /* packets that were not read to their end, as they are damaged */
};

struct tail;

struct tail *tail_open(void);

/* One more process's trace, which is read from what is the oldest there now; false, with errno, when the folder cannot be read. */
bool tail_add(struct tail *tail, const char *folder, void *process);

/* No more of that one; what of it was not delivered is left. It ends the look: others' events wait for the next one. */
void tail_remove(struct tail *tail, const void *process);

/* Begins a look. */
void tail_look(struct tail *tail);

/* The next event that is not later than `until`; false when there is none. */
bool tail_next(struct tail *tail, uint64_t until, struct tail_event *event);

/* Was this packet of the process's still there at the last tail_mark? What the recorder still needed of one that is not, it has
 * written again since, and that has been delivered. */
bool tail_has(const struct tail *tail, const void *process, uint64_t stream, uint64_t sequence);
void tail_mark(struct tail *tail);

/* What the trace in the folder says of its process; false when it does not, or not yet. */
bool tail_peek(const char *folder, struct rs_event_process *process);

/* So far, of those that were removed, too. */
struct tail_totals tail_totals(const struct tail *tail);

/* NULL is ignored. */
void tail_close(struct tail *tail);

#endif
