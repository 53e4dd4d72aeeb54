/* ending.h: a context ends: what it leaves behind.
 *
 * - What it still owns is marked (RS_TAG_LATE): whatever a thread that is still in it does with it is late-io.
 * - What it opened itself and left open is a leak. What it gave away, shared, or put back into a pool is not its own any more; an
 *   outgoing connection that may change hands (lease) is a pool's. What it inherited by a fork is the parent's to close.
 * - Of an inferred context only that is known to be its own which it has opened while it was sure of itself (infer.h), and what a
 *   session's request leaves open the next one may go on with. */
#ifndef RS_PRELOAD_ENDING_H
#define RS_PRELOAD_ENDING_H

#include "preload/context.h"
#include "preload/fdtable.h"

/* The live context is over, and nothing of it runs any more by its own doing. Called by the thread that ends it. */
void rs_context_over(struct rs_context *context, uint64_t id);

#endif
