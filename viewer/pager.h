/* pager.h: what is to be read goes through the user's pager: a child that reads what this process writes to stdout.
 *
 *   this process ── stdout ──► pipe ──► sh -c "$REQSCOPE_PAGER" ──► the terminal
 *                ── stderr ──► a file in memory, which goes to the terminal when the pager has ended
 *
 * What must stay true:
 * - It is begun when all is loaded, and ended however this process ends: the terminal is the pager's until then.
 * - That its user leaves it before all was written is no error. */
#ifndef RS_VIEWER_PAGER_H
#define RS_VIEWER_PAGER_H

#include "viewer/options.h"

/* Begins the pager that REQSCOPE_PAGER names, else PAGER, else less, if it is there. Does nothing when stdout is no terminal,
 * with --json or --no-pager, and when the pager is `cat` or its name is empty. */
void pager_start(const struct options *options);

bool pager_is_on(void);

/* Waits until the user has left it; stdout and stderr are then what they were. Returns false after a message when it could
 * not be run, so that nobody has read anything. */
bool pager_finish(void);

#endif
