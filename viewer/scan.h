/* scan.h: what the I/O events of traces add up to, summed by threads of their own while the loader reads the other events in the
 * order of time: sums need no order.
 *
 *   scan ──► scanner (a thread) ──► takes the next stream, any process's ──► cache of uses ──► the stream's row of uses
 *
 * A stream's calls mostly go on for a while with a few descriptions in one context: the cache holds those, one place each, and what is
 * pushed out of its place stays in the stream's row. One context and description may stand there several times: model_settle
 * puts them together.
 *
 * What must stay true: scanners only look at the readers and the model; what they found is handed to it by scan_finish, in one thread. */
#ifndef RS_VIEWER_SCAN_H
#define RS_VIEWER_SCAN_H

#include "viewer/walk.h"

struct scan;

/* Begins to scan all streams of the walk's traces. Model and walk must outlive it. */
struct scan *scan_start(struct model *model, const struct walk *walk);

/* How much there is to be read. */
uint64_t scan_bytes(const struct scan *scan);

/* Waits for the end, and adds what was found to the model: its processes must know their families. */
void scan_finish(struct scan *scan);

#endif
