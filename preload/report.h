/* report.h: a finding as text for the log: who, what, both stacks, a hint. */
#ifndef RS_PRELOAD_REPORT_H
#define RS_PRELOAD_REPORT_H

#include "preload/finding.h"

/* Writes the finding to the log with one write. Cold; no malloc; any thread; signal safe but for reading symbols. */
void rs_report(const struct rs_finding *finding);

#endif
