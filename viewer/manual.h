/* manual.h: the manual page: its prose is docs/reqscope.1.in, what the tables of commands and options know is put in. */
#ifndef RS_VIEWER_MANUAL_H
#define RS_VIEWER_MANUAL_H

#include <stdbool.h>
#include <stdio.h>

/* Copies the page to stdout. A line @SYNOPSIS@, @COMMANDS@, @OPTIONS@, @EXITS@ or @EXAMPLES@ becomes what the tables say;
 * @VERSION@ in a line becomes the version. Returns false after a message when a line asks for something else. */
bool manual_print(FILE *page);

#endif
