/* ending.h: a context ends: what it leaves behind.
 *
 * - What it still owns is marked (RS_TAG_LATE): whatever a thread that is still in it does with it is late-io.
 * - What it opened itself and left open is a leak. What it gave away, shared, or put back into a pool is not its own any more; an
 *   outgoing connection that may change hands (lease) is a pool's. What it inherited by a fork is the parent's to close. */
#ifndef RS_PRELOAD_ENDING_H
#define RS_PRELOAD_ENDING_H

#include "preload/context.h"
#include "preload/fdtable.h"

/* The context is over, and nothing of it runs any more by its own doing. Called by the thread that ended it. */
void rs_context_left(uint64_t id, const struct rs_owned *owned);

#endif
