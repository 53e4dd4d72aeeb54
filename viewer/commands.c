/* commands.c: what the commands have in common: options, operands, loading, the pager, the output's end. */
#include "viewer/commands.h"
#include "reqscope.h"
#include "viewer/help.h"
#include "viewer/load.h"
#include "viewer/output.h"
#include "viewer/pager.h"
#include "viewer/text.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

/* Says what is missing. */
static void complain_missing(const struct command *command) {
    if (command->takes == OPERANDS_TRACES)
        text_complain("%s: give %s: TRACE is a folder that REQSCOPE_TRACE or `reqscope run --trace` named",
                      command->name, command->operands);
    else if (command->takes == OPERANDS_PROGRAM)
        text_complain("%s: give the program to run: reqscope %s [OPTION...] %s", command->name, command->name,
                      command->operands);
    else if (command->takes == OPERANDS_PROCESS)
        text_complain("%s: give %s: `reqscope list` shows the guarded processes", command->name, command->operands);
    else
        text_complain("%s: give %s", command->name, command->operands);
}

/* Are there as many operands as the command takes? Says so if not. */
static bool check_operands(const struct command *command, const struct options *options) {
    int count = options->operand_count, most = command->most;
    if (count < command->least)
        complain_missing(command);
    else if (count > most)
        text_complain("%s: '%s' is too much: the usage is `reqscope %s [OPTION...]%s%s`", command->name,
                      options->operands[most], command->name, most ? " " : "", command->operands);
    return count >= command->least && count <= most;
}

static int run_on_traces(const struct command *command, const struct options *options) {
    char **traces = options->operands + command->before_traces;
    struct model model;
    bool usable;
    int result, written;
    signal(SIGPIPE, SIG_IGN); /* a closed pipe is an error of write then: output_finish() */
    usable = load_traces(&model, traces, (size_t)(options->operand_count - command->before_traces), NULL);
    if (usable && !model.events && command->mask == COMMAND_CHECK) {
        text_complain("%s: the trace holds no event, so nothing is known of findings", traces[0]);
        usable = false;
    }
    if (!usable && !model.events) {
        model_free(&model);
        return EXIT_UNUSABLE;
    }
    if (command->mask & COMMANDS_PAGED) pager_start(options);
    result = command->read(options, &model, usable);
    model_free(&model);
    written = output_finish();
    return written ? written : usable ? result : EXIT_UNUSABLE;
}

static int run_command(const struct command *command, const struct options *options) {
    if (!check_operands(command, options)) return EXIT_UNUSABLE;
    output_start(options->colour);
    return command->run ? command->run(options) : run_on_traces(command, options);
}

static int print_help(const struct command *command) {
    if (command)
        help_print_command(command);
    else
        help_print_usage(stdout);
    return output_finish();
}

/* `reqscope help [COMMAND]` */
static int help(int count, char **arguments) {
    const struct command *command = NULL;
    if (count > 3) {
        text_complain("help: '%s' is too much: the usage is `reqscope help [COMMAND]`", arguments[3]);
        return EXIT_UNUSABLE;
    }
    if (count == 3 && !(command = command_find(arguments[2]))) return EXIT_UNUSABLE;
    return print_help(command);
}

int commands_main(int count, char **arguments) {
    struct options options;
    const struct command *command;
    if (count < 2) {
        help_print_usage(stderr);
        return EXIT_UNUSABLE;
    }
    if (!strcmp(arguments[1], "help")) return help(count, arguments);
    if (!strcmp(arguments[1], "--help") || !strcmp(arguments[1], "-h")) return print_help(NULL);
    if (!strcmp(arguments[1], "--version")) {
        puts("reqscope " REQSCOPE_VERSION);
        return output_finish();
    }
    command = command_find(arguments[1]);
    if (!command || !options_parse(&options, command->mask, command->name, count - 1, arguments + 1))
        return EXIT_UNUSABLE;
    return options.help ? print_help(command) : run_command(command, &options);
}
