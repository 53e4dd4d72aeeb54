/* report.h: a finding as text for the log: who, what, both stacks, a hint. */
#ifndef RS_PRELOAD_REPORT_H
#define RS_PRELOAD_REPORT_H

#include "preload/finding.h"

/* Writes the finding to the log with one write. Cold; no malloc; any thread; signal safe but for reading symbols. */
void rs_report(const struct rs_finding *finding);

/* One line: fd's description, reported as a leak, is being closed after all. */
void rs_report_mended(int fd, const struct rs_description *description);

#endif
