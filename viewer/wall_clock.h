/* wall_clock.h: from a trace's own times (CLOCK_MONOTONIC) to the wall clock's, by what its metadata says of it: nothing of the
 * machine that reads it, so that a trace is turned into the same times everywhere and always. */
#ifndef RS_VIEWER_WALL_CLOCK_H
#define RS_VIEWER_WALL_CLOCK_H

#include "viewer/model.h"

/* Nanoseconds since 1970 at the clock's zero; 0: the metadata does not say. One for the whole model, as its processes share one
 * clock: the first process's that says it. */
uint64_t wall_clock_offset(const struct model *model);

#endif
