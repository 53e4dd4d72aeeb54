/* help.h: what --help prints: all of it comes from the tables of commands (commands.h) and options (option_rows.h). */
#ifndef RS_VIEWER_HELP_H
#define RS_VIEWER_HELP_H

#include "viewer/commands.h"
#include "viewer/option_rows.h"

/* The list of commands. */
void help_print_usage(FILE *stream);

/* A command's usage, what it does, its options, examples and exit codes, on stdout. */
void help_print_command(const struct command *command);

/* "--mode MODE" */
char *help_option_title(const struct option_row *row);

/* What it does, and the words that it takes: "what to write: json, chrome, dot". */
char *help_option_text(const struct option_row *row);

#endif
