/* log.h: where reports go (REQSCOPE_LOG). One report is one write; it never goes to a descriptor of the program's, never
 * waits for a pipe or socket that nobody reads, and never raises SIGPIPE or SIGXFSZ: what cannot be written at once is
 * dropped and counted. Only a report that is larger than the whole pipe is cut, after a line. */
#ifndef RS_PRELOAD_LOG_H
#define RS_PRELOAD_LOG_H

#include "preload/config.h"

#include <stddef.h>
#include <stdint.h>

/* Opens the target that the configuration names. When that fails, standard error is used, and that is said there. */
void rs_log_start(const struct rs_config *config);

/* In a fork's child: a path with %p means another file now. */
void rs_log_forked(void);

/* The process has become a daemon: whoever started it may read its standard error to the end, which a copy of ours would
 * put off for ever. From now on number 2 itself is used, while it still is what it was. */
void rs_log_detached(void);

/* Writes length bytes with one write, or drops them. Any thread, signal safe; errno kept. */
void rs_log_write(const char *text, size_t length);

/* One line: "reqscope: what: detail". detail may be NULL. */
void rs_log_line(const char *what, const char *detail);

/* Reports that could not be written, or not whole, so far. */
uint64_t rs_log_dropped(void);

#endif
