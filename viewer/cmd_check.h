/* cmd_check.h: what `check` and `run --check` share. */
#ifndef RS_VIEWER_CMD_CHECK_H
#define RS_VIEWER_CMD_CHECK_H

#include "viewer/model.h"

#include <stdio.h>

/* The verdict in one line, and a line for each finding. */
void check_print(FILE *stream, const struct model *model, const struct finding **findings, size_t count, uint64_t max,
                 bool usable);

#endif
