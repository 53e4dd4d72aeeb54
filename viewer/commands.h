/* commands.h: the subcommands, one file each (cmd_*.c), the table of them (command_table.c), and what runs them (commands.c).
 *
 * The table says of each command all that is to be said of it: --help, the manual page and the shells' completions are made
 * from it and from the options' (option_rows.h). Its texts are plain: paragraphs end with a newline, `so` is as one types it. */
#ifndef RS_VIEWER_COMMANDS_H
#define RS_VIEWER_COMMANDS_H

#include "viewer/model.h"
#include "viewer/options.h"

/* How reqscope ends. */
enum { EXIT_DONE = 0, EXIT_FINDINGS = 1, EXIT_UNUSABLE = 2 };

/* What a command's operands are, for the checks and for the shells. */
enum operands {
    OPERANDS_TRACES,  /* folders; of `show`: after an id */
    OPERANDS_PROGRAM, /* a program and its arguments */
    OPERANDS_PROCESS, /* a pid */
    OPERANDS_SHELL,   /* the name of a shell */
    OPERANDS_NOTHING,
};

struct example {
    const char *line, *what; /* as it is typed; what it does. NULL: no more */
};

struct exit_code {
    const char *code, *meaning; /* NULL: no more */
};

struct command {
    const char *name;
    enum command_mask mask;
    const char *operands; /* as the usage has them */
    enum operands takes;
    int least, most;                                                 /* operands */
    int before_traces;                                               /* read: so many operands are no traces */
    int (*run)(const struct options *);                              /* this one, or */
    int (*read)(const struct options *, const struct model *, bool); /* this one, on a loaded model */
    const char *summary;                                             /* one line, no full stop at its end */
    const char *description;
    struct example examples[4];
    struct exit_code exit_codes[6];
};

/* The command after this one (NULL: the first); NULL: no more. */
const struct command *command_next(const struct command *command);

/* The command of this name; NULL after a message. */
const struct command *command_find(const char *name);

/* Runs the whole command line; returns its exit code. What main() calls. */
int commands_main(int count, char **arguments);

/* Each returns its exit code. Those that get a model are called with what could be read of it; `usable` is false when
 * some could not. Their output is flushed and checked by the caller. */
int cmd_run(const struct options *options);
int cmd_report(const struct options *options, const struct model *model, bool usable);
int cmd_contexts(const struct options *options, const struct model *model, bool usable);
int cmd_fds(const struct options *options, const struct model *model, bool usable);
int cmd_check(const struct options *options, const struct model *model, bool usable);
int cmd_timeline(const struct options *options, const struct model *model, bool usable);
int cmd_show(const struct options *options, const struct model *model, bool usable); /* operands[0] is the ID */
int cmd_export(const struct options *options, const struct model *model, bool usable);
int cmd_pack(const struct options *options, const struct model *model, bool usable);
int cmd_diff(const struct options *options); /* loads two */
int cmd_top(const struct options *options);
int cmd_list(const struct options *options);
int cmd_completion(const struct options *options);

#endif
