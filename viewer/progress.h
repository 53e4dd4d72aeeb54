/* progress.h: one line on the terminal that says how far a long reading has come: "reqscope: reading nginx/: 45% of 1.2 GB".
 *
 *   the readers ── progress_add ──► a number ◄── looked at by a thread, ten times a second at most ──► stderr
 *
 * What must stay true:
 * - Nothing is written before half a second has gone by, nor when stderr is no terminal; the line is gone at the end.
 * - Adding costs one addition: readers may add what they will, from any thread.
 * - One reading at a time. What else is said on stderr goes between progress_hold and progress_release. */
#ifndef RS_VIEWER_PROGRESS_H
#define RS_VIEWER_PROGRESS_H

#include <stdint.h>

/* Begins: `what` is being read, `total` bytes (0: not known). `what` is copied, and may be anything: it is escaped. */
void progress_start(const char *what, uint64_t total);

/* So many bytes more have been read. */
void progress_add(uint64_t bytes);

/* Ends, and wipes the line. */
void progress_end(void);

/* Wipes the line and keeps it away: what is written on stderr now stands by itself. Not twice by one thread. */
void progress_hold(void);
void progress_release(void);

#endif
