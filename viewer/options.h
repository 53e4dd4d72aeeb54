/* options.h: the command line: from words to values, by the table of options (option_rows.h).
 *
 * What was given twice counts as given last, but for options that add (--expect-opens). What is wrong is said with what is
 * nearest to it among what is right, and all that is. */
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
    COMMAND_TIMELINE = 32,
    COMMAND_SHOW = 64,
    COMMAND_EXPORT = 128,
    COMMAND_DIFF = 256,
    COMMAND_TOP = 512,
    COMMAND_LIST = 1024,
    COMMAND_PACK = 2048,
    COMMAND_COMPLETION = 4096,
};

/* Those that print lines to read, through a pager on a terminal. */
#define COMMANDS_PAGED \
    (COMMAND_REPORT | COMMAND_CONTEXTS | COMMAND_FDS | COMMAND_TIMELINE | COMMAND_SHOW | COMMAND_DIFF)

/* A moment in a trace: so long after its begin, or before its end. "1.5s", "200ms", "-2s" */
struct moment {
    bool given, from_end;
    uint64_t ns;
};

struct options { /* NOLINT(clang-analyzer-optin.performance.Padding): in the order of their use */
    bool help, json, check;
    const char *colour;
    uint64_t max;   /* 0: not given, and no bound (check: none) */
    uint32_t kinds; /* 1 << enum rs_finding_kind */
    const char *mode, *policy, *context, *trace, *rules, *log, *stack_depth; /* of run; NULL: not given */
    struct expectation expectations[OPTIONS_EXPECTATIONS];
    size_t expectation_count;
    struct moment since, until; /* filter.h; of timeline, too: --from, --to */
    const char *of_context, *match;
    uint64_t pid;   /* 0: any */
    int64_t fd;     /* -1: any */
    const char *by; /* NULL: not given */
    uint64_t width; /* columns; 0: the terminal's */
    bool ascii;
    const char *format, *output; /* output: a file; NULL: stdout */
    const char *debug_dir, *sysroot;
    bool debuginfod;
    uint64_t interval, count; /* top: seconds, how often; 0: for ever */
    bool no_pager;
    char **operands; /* what is not an option, NULL at the end */
    int operand_count;
};

/* Reads arguments[1...] as those of the command `name`, which may be permuted. In `run`, options end at the first
 * operand. Returns false after a message when they are not right. */
bool options_parse(struct options *options, enum command_mask command, const char *name, int count, char **arguments);

#endif
