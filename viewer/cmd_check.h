/* cmd_check.h: what `check` and `run --check` share. */
#ifndef RS_VIEWER_CMD_CHECK_H
#define RS_VIEWER_CMD_CHECK_H

#include "viewer/filter.h"

#include <stdio.h>

/* The verdict in one line, and a line for each finding that the options' filter takes, grouped. Returns true when there is none. */
bool check_print(FILE *stream, const struct model *model, const struct options *options, bool usable);

#endif
