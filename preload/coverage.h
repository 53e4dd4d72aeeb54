/* coverage.h: what the guard cannot see or could not keep is said: once in this process on the log, as "coverage reduced: ...",
 * and in the trace, where `reqscope report` finds it. */
#ifndef RS_PRELOAD_COVERAGE_H
#define RS_PRELOAD_COVERAGE_H

#include "tracer/layout.h"

/* reason: one RS_COVERAGE_ bit; said once each. text: a sentence's part; detail: what it is about, or NULL. Any thread, signal
 * safe, in a vfork's child, too; errno kept. */
void rs_coverage_reduced(uint32_t reason, const char *text, const char *detail);

#endif
