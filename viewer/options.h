/* options.h: the command line. One table of options (options.c), each with the commands that know it: parsing, --help
 * and the checks of values are all made from it. */
#ifndef RS_VIEWER_OPTIONS_H
#define RS_VIEWER_OPTIONS_H

#include "viewer/expect.h"

#include <stdbool.h>
#include <stdint.h>

/* As often --expect-opens may be given. */
#define OPTIONS_EXPECTATIONS 64

enum command_mask {
    COMMAND_RUN = 1,
    COMMAND_REPORT = 2,
    COMMAND_CONTEXTS = 4,
    COMMAND_FDS = 8,
    COMMAND_CHECK = 16,
};

struct options {
    bool help, json, check;
    const char *colour;
    uint64_t max;
    uint32_t kinds;                                                          /* 1 << enum rs_finding_kind */
    const char *mode, *policy, *context, *trace, *rules, *log, *stack_depth; /* NULL: not given */
    struct expectation expectations[OPTIONS_EXPECTATIONS];
    size_t expectation_count;
    char **operands; /* what is not an option, NULL at the end */
    int operand_count;
};

/* Reads arguments[1...] as those of the command `name`, which may be permuted. In `run`, options end at the first
 * operand. Returns false after a message when they are not right. */
bool options_parse(struct options *options, enum command_mask command, const char *name, int count, char **arguments);

/* The lines of --help for the command's options. */
void options_print_help(enum command_mask command);

#endif
