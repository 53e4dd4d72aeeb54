/* command_table.c: the table of commands: see commands.h. */
#include "viewer/commands.h"
#include "viewer/text.h"

#include <limits.h>
#include <string.h>

#define MANY INT_MAX /* any number of operands */

#define UNUSABLE                                                                                                   \
    "wrong usage; a trace that cannot be used, or is damaged: all that can be read of it is shown before; output " \
    "that could not be written"

static const struct command commands[] = {
    {
        .name = "run",
        .mask = COMMAND_RUN,
        .operands = "[--] COMMAND [ARGUMENT...]",
        .takes = OPERANDS_PROGRAM,
        .least = 1,
        .most = MANY,
        .run = cmd_run,
        .summary = "run a program under the guard",
        .description =
            "Starts COMMAND with the guard loaded into it, and becomes it: process id, signals and exit code are the "
            "command's own. What is not given is left as the environment has it; relative paths are made absolute, "
            "since the program may change its folder.\n"
            "With `--check` the command is run as a child, signals are "
            "handed on to it, and when it has ended its findings are printed on standard error; without `--trace` the "
            "trace is a temporary one.\n"
            "A program that the guard could not be loaded into is refused, with the reason: "
            "one that is static, set-uid, or for another kind of machine or C library.\n",
        .examples = {{"reqscope run --trace t -- ./server --port 8080",
                      "record what the server does, into the folder t"},
                     {"reqscope run --mode deny -- ./server", "refuse foreign I/O with EPERM, before a byte moves"},
                     {"reqscope run --check --policy lease -- ./run-tests.sh", "fail a test run that has findings"}},
        .exit_codes =
            {{"1", "with `--check`: there are findings"},
             {"2", "wrong usage, a program that cannot be guarded, or, with `--check`, a trace that cannot be used"},
             {"126", "the command cannot be executed"},
             {"127", "the command was not found"},
             {"else", "as the command ended; with `--check`, 128 and the signal's number when a signal killed it"}},
    },
    {
        .name = "report",
        .mask = COMMAND_REPORT,
        .operands = "TRACE...",
        .takes = OPERANDS_TRACES,
        .least = 1,
        .most = MANY,
        .read = cmd_report,
        .summary = "findings, with both stacks, source lines and what to do about each",
        .description = "Prints the findings, the most frequent first and leaks last: what was done to what, by whom "
                       "and where; who opened it, where and when; the source lines, as far as they are on this "
                       "machine; what to do about it; and the line of a rules file that would suppress it. The same "
                       "kind from the same pair of stacks is one finding with a count.\n"
                       "Before them stand what the "
                       "guard could not see, and how often each rule of the rules file has matched.\n",
        .examples = {{"reqscope report t", "what was found"},
                     {"reqscope report --by description --kinds foreign-io t", "foreign I/O, by what it was done to"},
                     {"reqscope report --context 'GET /basket*' --since -10s t",
                      "what concerns these requests, in the last ten seconds"}},
        .exit_codes = {{"0", "done, whatever was found"}, {"2", UNUSABLE}},
    },
    {
        .name = "contexts",
        .mask = COMMAND_CONTEXTS,
        .operands = "TRACE...",
        .takes = OPERANDS_TRACES,
        .least = 1,
        .most = MANY,
        .read = cmd_contexts,
        .summary = "one line a context: label, times, descriptions opened and used, bytes, findings",
        .description =
            "Prints one line a context, in the order in which they began: its label, how it was found and how "
            "sure that is, begin, duration, the thread on which it began, descriptions opened, I/O calls, bytes "
            "and findings; and what its request said of itself besides, where any did.\n"
            "A `?` stands for what is not in the trace.\n",
        .examples = {{"reqscope contexts t", "all contexts"},
                     {"reqscope contexts --match basket --max 20 t", "the first twenty that have to do with baskets"}},
        .exit_codes = {{"0", "done, whatever was found"}, {"2", UNUSABLE}},
    },
    {
        .name = "fds",
        .mask = COMMAND_FDS,
        .operands = "TRACE...",
        .takes = OPERANDS_TRACES,
        .least = 1,
        .most = MANY,
        .read = cmd_fds,
        .summary = "one line a description: what it is, opened where and by whom, used by whom, hand-overs, closed",
        .description =
            "Prints one line a description (what the kernel calls an open file description, which one or more "
            "descriptors stand for), in the order in which they were opened: what it is, who opened it and used "
            "it, how often it was handed over, when it was opened and closed, and where.\n",
        .examples = {{"reqscope fds --match 6379 t", "the connections to Redis"},
                     {"reqscope fds --json t | jq '.descriptions[] | select(.handovers > 0)'",
                      "those that went from one context to another"}},
        .exit_codes = {{"0", "done, whatever was found"}, {"2", UNUSABLE}},
    },
    {
        .name = "timeline",
        .mask = COMMAND_TIMELINE,
        .operands = "TRACE...",
        .takes = OPERANDS_TRACES,
        .least = 1,
        .most = MANY,
        .read = cmd_timeline,
        .summary = "contexts over time, with the descriptions crossing between them",
        .description =
            "Draws contexts as bars over time, a row each, and where a description of one is used by another. "
            "The part that is drawn is that of the findings, or the busiest one, unless `--from` and `--to` say "
            "which. With `--by fd` a row is a description, and with `--by thread` a thread.\n",
        .examples = {{"reqscope timeline t", "what happened around the findings"},
                     {"reqscope timeline --by thread --from 200ms --to 1.5s t", "which thread worked for whom"}},
        .exit_codes = {{"0", "done, whatever was found"}, {"2", UNUSABLE}},
    },
    {
        .name = "show",
        .mask = COMMAND_SHOW,
        .operands = "ID TRACE...",
        .takes = OPERANDS_TRACES,
        .least = 2,
        .most = MANY,
        .before_traces = 1,
        .read = cmd_show,
        .summary = "one finding, context or description with all its events",
        .description =
            "Prints all that the trace holds of one thing, in the order of time. ID names it as the other "
            "commands do: `f3` is a finding, `c12` a context, `d40` a description, `fd:7` every description that "
            "had this number; `PID/c12` is that of one process, where several have one. A context is also found "
            "by its label.\n",
        .examples = {{"reqscope show f1 t", "the first finding, from the opening to the use"},
                     {"reqscope show 'GET /basket?user=bob' t", "a request, by its label"},
                     {"reqscope show fd:7 t", "all that was open as descriptor 7"}},
        .exit_codes = {{"0", "done"},
                       {"2", "nothing has this ID; wrong usage; a trace that cannot be used, or is damaged; output "
                             "that could not be written"}},
    },
    {
        .name = "check",
        .mask = COMMAND_CHECK,
        .operands = "TRACE...",
        .takes = OPERANDS_TRACES,
        .least = 1,
        .most = MANY,
        .read = cmd_check,
        .summary = "for CI: exit 0 no findings, 1 findings, 2 unusable trace",
        .description =
            "Prints a verdict, and a line for each finding and each expectation. With `--max` some findings are "
            "tolerated, with `--kinds` and the options that choose a part of the trace others do not count.\n"
            "With `--expect-opens` it checks how often something is opened: is the layer that connects to the "
            "database really built once for each request?\n",
        .examples = {{"reqscope check t", "fail when anything was found"},
                     {"reqscope check --kinds foreign-io,foreign-close t", "fail for these kinds only"},
                     {"reqscope check --expect-opens tcp:127.0.0.1:6379=1/context t",
                      "fail unless each context opens one connection to Redis"}},
        .exit_codes = {{"0", "no more findings than `--max`, and every expectation is met"},
                       {"1", "findings, or an expectation that is not met"},
                       {"2", "wrong usage; a trace that cannot be used, is damaged, or holds nothing"}},
    },
    {
        .name = "export",
        .mask = COMMAND_EXPORT,
        .operands = "TRACE...",
        .takes = OPERANDS_TRACES,
        .least = 1,
        .most = MANY,
        .read = cmd_export,
        .summary = "the trace for other programs: a page, Perfetto, code scanning, CI",
        .description =
            "Writes the trace, or the part of it that the options choose, in another form. `html` is one page "
            "that needs no server and no network; `chrome` is for Perfetto and `chrome://tracing`, `dot` for "
            "Graphviz, `sarif` for code scanning, `junit` for what shows test results, `otlp` for "
            "OpenTelemetry's collectors; `json` is all of the model.\n",
        .examples = {{"reqscope export --format html --output t.html t", "a page to look at, and to send to somebody"},
                     {"reqscope export --format sarif --output reqscope.sarif t", "findings for code scanning"},
                     {"reqscope export --format dot t | dot -Tsvg >t.svg", "who used what of whom, as a graph"}},
        .exit_codes = {{"0", "done, whatever was found"}, {"2", UNUSABLE}},
    },
    {
        .name = "diff",
        .mask = COMMAND_DIFF,
        .operands = "TRACE TRACE",
        .takes = OPERANDS_TRACES,
        .least = 2,
        .most = 2,
        .run = cmd_diff,
        .summary = "what a change brought and what it cured: exit 1 when new findings came",
        .description = "Compares the findings of two traces, that of before a change and that of after it: which came, "
                       "which are gone, which stayed. Findings are the same when kind and functions of both stacks "
                       "are, so that lines may move.\n",
        .examples = {{"reqscope diff before after", "what is new in the trace `after`"},
                     {"reqscope diff --kinds foreign-io --json before after", "the same of one kind, as JSON"}},
        .exit_codes = {{"0", "no finding is new"}, {"1", "findings that are new"}, {"2", UNUSABLE}},
    },
    {
        .name = "top",
        .mask = COMMAND_TOP,
        .operands = "PID|TRACE",
        .takes = OPERANDS_PROCESS,
        .least = 1,
        .most = 1,
        .run = cmd_top,
        .summary = "a guarded process as it runs",
        .description = "Shows what a guarded process and those that it began do at the moment, read from their trace "
                       "alone: requests and I/O a second, what lives, the busiest descriptions and labels, findings as "
                       "they come. Nothing is done to the process. On a terminal it is drawn anew, and q ends it; "
                       "elsewhere, and with `--count`, it is a line a look and one for each new finding; with `--json` "
                       "an object a look. `reqscope list` names the processes; the folder of a trace stands for all "
                       "that are in it.\n",
        .examples = {{"reqscope top 4711", "look on"}, {"reqscope top --count 1 --json 4711", "one look, as JSON"}},
        .exit_codes = {{"0", "done: the process has ended, `--count` was reached, or you left"},
                       {"2", "wrong usage, or no process of that number that is guarded"}},
    },
    {
        .name = "list",
        .mask = COMMAND_LIST,
        .operands = "",
        .takes = OPERANDS_NOTHING,
        .run = cmd_list,
        .summary = "guarded processes",
        .description = "Prints one line a process of this machine that the guard is loaded into, as far as you may "
                       "look at them: its pid, its command, and where it records.\n",
        .examples = {{"reqscope list", "which processes can be looked at with `reqscope top`"}},
        .exit_codes = {{"0", "done"}, {"2", "wrong usage, or output that could not be written"}},
    },
    {
        .name = "pack",
        .mask = COMMAND_PACK,
        .operands = "TRACE...",
        .takes = OPERANDS_TRACES,
        .least = 1,
        .most = MANY,
        .read = cmd_pack,
        .summary = "put what names the frames beside the trace, so that another machine can read it",
        .description =
            "Copies what is needed to name the frames of the trace's stacks into the folder `debug` of each "
            "TRACE: for each program and library in them the tables of symbols and lines, without code and data. "
            "Every command looks there first, so that a trace can be read where the program never was.\n",
        .examples = {{"reqscope pack t && tar -czf t.tar.gz t", "send a trace to somebody"}},
        .exit_codes =
            {{"0", "done"},
             {"2",
              "wrong usage; a trace that cannot be used, or is damaged; a file that could not be read or written"}},
    },
    {
        .name = "completion",
        .mask = COMMAND_COMPLETION,
        .operands = "bash|zsh|fish",
        .takes = OPERANDS_SHELL,
        .least = 1,
        .most = 1,
        .run = cmd_completion,
        .summary = "print the shell's completion for this command",
        .description = "Prints a script that makes the shell complete commands, options, their values and traces. "
                       "`make install` puts it where the shells look for it.\n",
        .examples = {{"source <(reqscope completion bash)", "complete in this shell"},
                     {"reqscope completion zsh >~/.zfunc/_reqscope", "in zsh, from a folder of `fpath`"},
                     {"reqscope completion fish >~/.config/fish/completions/reqscope.fish", "in fish"}},
        .exit_codes = {{"0", "done"}, {"2", "wrong usage, or output that could not be written"}},
    },
};
#define COMMANDS (sizeof commands / sizeof *commands)

const struct command *command_next(const struct command *command) {
    command = command ? command + 1 : commands;
    return command < commands + COMMANDS ? command : NULL;
}

const struct command *command_find(const char *name) {
    const char *names[COMMANDS + 2] = {0}, *nearest;
    for (size_t i = 0; i < COMMANDS; i++) {
        if (!strcmp(commands[i].name, name)) return &commands[i];
        names[i] = commands[i].name;
    }
    names[COMMANDS] = "help";
    nearest = *name ? text_nearest(name, names) : NULL;
    if (*name == '-')
        text_complain("'%s' is no command: give one first, and options after it: `reqscope --help` lists them", name);
    else if (nearest)
        text_complain("'%s' is no command: did you mean %s? `reqscope --help` lists them", name, nearest);
    else
        text_complain("'%s' is no command: `reqscope --help` lists them", name);
    return NULL;
}
