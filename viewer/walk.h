/* walk.h: the events of all of a model's processes as one row, in the order of time. What loads a model walks it once; a command
 * that needs more than the model's sums (timeline, show, export) walks it again.
 *
 *   process ──► rs_reader ──┐
 *   process ──► rs_reader ──┼──► heap by time ──► next event
 *   process ──► rs_reader ──┘
 *
 * A trace that is still being written may hold more at the second walk than at the first. */
#ifndef RS_VIEWER_WALK_H
#define RS_VIEWER_WALK_H

#include "tracer/reader.h"
#include "viewer/model.h"

struct walk;

/* Begins a walk over the model's processes, which must stay as they are until its end. `report` gets what is wrong with the traces,
 * a line each; NULL: nobody is told, as the load has said it. A trace that cannot be opened is left out. without_io: as rs_reader_open. */
struct walk *walk_open(const struct model *model, bool without_io, rs_reader_report *report);

/* The next event and the process that it is of; false after the last. Both are valid until the next call. */
bool walk_next(struct walk *walk, struct process **process, struct rs_read_event *event);

/* Of the process with that index, so far. */
struct rs_reader_totals walk_totals(const struct walk *walk, size_t index);

/* Its trace; NULL when it could not be opened. */
const struct rs_reader *walk_reader(const struct walk *walk, size_t index);

/* NULL is ignored. */
void walk_close(struct walk *walk);

#endif
