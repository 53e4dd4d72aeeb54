/* commands.c: the table of subcommands, and what they have in common: options, loading, the output's end. */
#include "viewer/commands.h"
#include "reqscope.h"
#include "viewer/load.h"
#include "viewer/output.h"
#include "viewer/text.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

struct command {
    const char *name;
    enum command_mask mask;
    const char *operands, *summary;
    int (*run)(const struct options *);                              /* this one, or */
    int (*read)(const struct options *, const struct model *, bool); /* this one, on a loaded model */
    int before_traces;                                               /* read: so many operands are no traces */
};

static const struct command commands[] = {
    {"run", COMMAND_RUN, "[--] COMMAND [ARGUMENT...]", "run a program under the guard", cmd_run, NULL, 0},
    {"report", COMMAND_REPORT, "TRACE...", "findings, with both stacks, source lines and what to do about each", NULL,
     cmd_report, 0},
    {"contexts", COMMAND_CONTEXTS, "TRACE...",
     "one line a context: label, times, descriptions opened and used, bytes, findings", NULL, cmd_contexts, 0},
    {"fds", COMMAND_FDS, "TRACE...",
     "one line a description: what it is, opened where and by whom, used by whom, hand-overs, closed", NULL, cmd_fds,
     0},
    {"timeline", COMMAND_TIMELINE, "TRACE...", "contexts over time, with the descriptions crossing between them", NULL,
     cmd_timeline, 0},
    {"show", COMMAND_SHOW, "ID TRACE...", "one finding, context or description with all its events", NULL, cmd_show, 1},
    {"check", COMMAND_CHECK, "TRACE...", "for CI: exit 0 no findings, 1 findings, 2 unusable trace", NULL, cmd_check,
     0},
    {"export", COMMAND_EXPORT, "TRACE...", "the trace for other programs: a page, Perfetto, code scanning, CI", NULL,
     cmd_export, 0},
    {"diff", COMMAND_DIFF, "TRACE TRACE", "what a change brought and what it cured: exit 1 when new findings came",
     cmd_diff, NULL, 0},
    {"top", COMMAND_TOP, "PID", "a guarded process as it runs", cmd_top, NULL, 0},
    {"list", COMMAND_LIST, "", "guarded processes", cmd_list, NULL, 0},
    {"pack", COMMAND_PACK, "TRACE...",
     "put what names the frames beside the trace, so that another machine can read it", NULL, cmd_pack, 0},
    {"completion", COMMAND_COMPLETION, "bash|zsh|fish", "print the shell's completion for this command", cmd_completion,
     NULL, 0},
};
#define COMMANDS (sizeof commands / sizeof *commands)

static const char trace_help[] =
    "\nTRACE is a folder that REQSCOPE_TRACE or `reqscope run --trace` named, or one process's "
    "sub-folder of it.\n";

static void print_usage(FILE *stream) {
    fputs("usage: reqscope COMMAND [OPTION...] ...\n\n", stream);
    for (size_t i = 0; i < COMMANDS; i++) fprintf(stream, "  %-9s %s\n", commands[i].name, commands[i].summary);
    fputs("\n`reqscope COMMAND --help` lists the command's options; `reqscope --version` names the version.\n", stream);
}

static int print_help(const struct command *command) {
    printf("usage: reqscope %s [OPTION...] %s\n%s.\n\n", command->name, command->operands, command->summary);
    options_print_help(command->mask);
    if (command->read) fputs(trace_help, stdout);
    return output_finish();
}

static const struct command *find_command(const char *name) {
    const char *names[COMMANDS + 1] = {0}, *nearest;
    for (size_t i = 0; i < COMMANDS; i++) {
        if (!strcmp(commands[i].name, name)) return &commands[i];
        names[i] = commands[i].name;
    }
    nearest = text_nearest(name + strspn(name, "-"), names);
    if (nearest)
        text_complain("'%s' is no command: did you mean %s?", name, nearest);
    else
        text_complain("'%s' is no command: `reqscope --help` lists them", name);
    return NULL;
}

static int run_on_traces(const struct command *command, const struct options *options) {
    char **traces = options->operands + command->before_traces;
    struct model model;
    bool usable;
    int result, written;
    if (options->operand_count <= command->before_traces) {
        text_complain("%s: give %s: TRACE is a folder that REQSCOPE_TRACE or `reqscope run --trace` named",
                      command->name, command->operands);
        return EXIT_UNUSABLE;
    }
    usable = load_traces(&model, traces, (size_t)(options->operand_count - command->before_traces), NULL);
    if (usable && !model.events && command->mask == COMMAND_CHECK) {
        text_complain("%s: the trace holds no event, so nothing is known of findings", traces[0]);
        usable = false;
    }
    if (!usable && !model.events) {
        model_free(&model);
        return EXIT_UNUSABLE;
    }
    result = command->read(options, &model, usable);
    model_free(&model);
    written = output_finish();
    return written ? written : usable ? result : EXIT_UNUSABLE;
}

int commands_main(int count, char **arguments) {
    struct options options;
    const struct command *command;
    if (count < 2) {
        print_usage(stderr);
        return EXIT_UNUSABLE;
    }
    if (!strcmp(arguments[1], "--help") || !strcmp(arguments[1], "-h") || !strcmp(arguments[1], "help")) {
        print_usage(stdout);
        return output_finish();
    }
    if (!strcmp(arguments[1], "--version")) {
        puts("reqscope " REQSCOPE_VERSION);
        return output_finish();
    }
    command = find_command(arguments[1]);
    if (!command || !options_parse(&options, command->mask, command->name, count - 1, arguments + 1))
        return EXIT_UNUSABLE;
    output_start(options.colour);
    if (options.help) return print_help(command);
    if (command->run) return command->run(&options);
    signal(SIGPIPE, SIG_IGN); /* a closed pipe is an error of write then: output_finish() */
    return run_on_traces(command, &options);
}
