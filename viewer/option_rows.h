/* option_rows.h: the table of options (option_rows.c). One row is an option, with the commands that know it. What reads the
 * command line (options.c), --help, the manual page and the shells' completions are made from these rows, and from the
 * commands' (commands.h): what stands here is everywhere, and nothing is said twice.
 *
 * A name may have several rows, for different commands: it means something else there. */
#ifndef RS_VIEWER_OPTION_ROWS_H
#define RS_VIEWER_OPTION_ROWS_H

#include "viewer/options.h"

#include <stddef.h>

enum option_type {
    OPTION_FLAG,     /* bool */
    OPTION_TEXT,     /* const char *; one of `values` if there are any */
    OPTION_DEPTH,    /* const char *, a number up to RS_STACK_MAX */
    OPTION_NUMBER,   /* uint64_t */
    OPTION_POSITIVE, /* the same, from 1: 0 stands for "not given" */
    OPTION_FD,       /* int64_t */
    OPTION_KINDS,    /* uint32_t, a mask of kinds of finding */
    OPTION_EXPECT,   /* one struct expectation more */
    OPTION_MOMENT,   /* struct moment */
};

struct option_row {
    const char *name;
    const char *argument; /* NULL: it takes none. DIR and FILE are for the shells, too: what they propose */
    unsigned commands;    /* enum command_mask */
    enum option_type type;
    size_t place; /* in struct options */
    const char *values[8];
    const char *help; /* plain text; `so` is as one types it */
};

/* The row after this one (NULL: the first) that one of the commands knows; NULL: no more. */
const struct option_row *option_next(const struct option_row *row, unsigned commands);

/* The words that it takes, NULL at their end: one of them, or of OPTION_KINDS several with commas between. NULL: anything. */
const char *const *option_values(const struct option_row *row);

#endif
