/* completion_fish.c: see completion.h. */
#include "viewer/completion.h"

static const char script[] =
    "# The words of the program that `reqscope run` is to run, as far as they are typed.\n"
    "function __reqscope_program\n"
    "    set -l words (commandline -opc)[3..-1]\n"
    "    while set -q words[1]\n"
    "        switch $words[1]\n"
    "            case --\n"
    "                set -e words[1]\n"
    "                break\n"
    "            case $__reqscope_run_values\n"
    "                set -e words[1]\n"
    "                set -e words[1]\n"
    "            case '-*'\n"
    "                set -e words[1]\n"
    "            case '*'\n"
    "                break\n"
    "        end\n"
    "    end\n"
    "    string escape -- $words\n"
    "end\n"
    "\n"
    "# What that program's own completion proposes; none typed yet: programs.\n"
    "function __reqscope_complete_program\n"
    "    complete --do-complete=(string join ' ' -- (__reqscope_program) (commandline -ct))\n"
    "end\n"
    "\n"
    "function __reqscope_runs\n"
    "    test \"$(commandline -opc)[2]\" = run\n"
    "end\n"
    "\n"
    "# Is the command one of these, and do options still count?\n"
    "function __reqscope_is\n"
    "    set -l words (commandline -opc)\n"
    "    test (count $words) -ge 2; and contains -- $words[2] $argv; or return\n"
    "    not __reqscope_runs; or test (count (__reqscope_program)) -eq 0\n"
    "end\n"
    "\n"
    "# Has none been given yet?\n"
    "function __reqscope_needs_command\n"
    "    test (count (commandline -opc)) -eq 1\n"
    "end\n"
    "\n"
    "# A list with commas between: what has been typed of it, and each of the words after that.\n"
    "function __reqscope_list\n"
    "    set -l typed (string replace -r '^--[^=]*=' '' -- (commandline -ct))\n"
    "    set -l begun (string match -r '.*,' -- $typed)\n"
    "    printf '%s\\n' $begun$argv\n"
    "end\n"
    "\n"
    "complete -c reqscope -f\n"
    "complete -c reqscope -n __reqscope_needs_command -l help -d 'print the commands'\n"
    "complete -c reqscope -n __reqscope_needs_command -l version -d 'print the version'";

static void put_command(const struct command *command) {
    printf("complete -c reqscope -n __reqscope_needs_command -a %s -d '", command->name);
    completion_put_text(command->summary, "'\\", "\\");
    puts("'");
}

static void put_names(unsigned mask) {
    const struct command *command = NULL;
    while ((command = command_next(command)))
        if (mask & command->mask) printf(" %s", command->name);
}

static void put_option(const struct option_row *row) {
    fputs("complete -c reqscope -n '__reqscope_is", stdout);
    put_names(row->commands);
    printf("' -l %s", row->name);
    if (row->argument) {
        switch (completion_values_of(row)) {
        case VALUES_ANY:
            fputs(" -x", stdout);
            break;
        case VALUES_WORDS:
            fputs(" -x -a '", stdout);
            completion_put_words(row);
            putchar('\'');
            break;
        case VALUES_LIST:
            fputs(" -x -a '(__reqscope_list ", stdout);
            completion_put_words(row);
            fputs(")'", stdout);
            break;
        case VALUES_FOLDERS:
            fputs(" -x -a '(__fish_complete_directories)'", stdout);
            break;
        case VALUES_FILES:
            fputs(" -r -F", stdout);
        }
    }
    fputs(" -d '", stdout);
    completion_put_text(row->help, "'\\", "\\");
    puts("'");
}

static void put_operands(const struct command *command) {
    static const char *const proposals[] = {
        [OPERANDS_TRACES] = "(__fish_complete_directories)",
        [OPERANDS_SHELL] = "bash zsh fish",
    };
    if (command->takes == OPERANDS_PROCESS)
        printf("complete -c reqscope -n '__reqscope_is %s' -a '(%s)'\n", command->name, completion_pids);
    else if (command->takes == OPERANDS_PROGRAM)
        puts("complete -c reqscope -n __reqscope_runs -a '(__reqscope_complete_program)'");
    else if (command->takes != OPERANDS_NOTHING)
        printf("complete -c reqscope -n '__reqscope_is %s' -a '%s'\n", command->name, proposals[command->takes]);
}

void completion_fish(void) {
    const struct command *command;
    const struct option_row *row = NULL;
    puts("# reqscope: completion for fish. `reqscope completion fish` prints it.\n");
    fputs("set -g __reqscope_run_values", stdout);
    while ((row = option_next(row, COMMAND_RUN)))
        if (row->argument) printf(" --%s", row->name);
    puts("\n");
    puts(script);
    for (command = NULL; (command = command_next(command));) put_command(command);
    puts("complete -c reqscope -n __reqscope_needs_command -a help -d 'what a command does, its options and exit "
         "codes'");
    while ((row = option_next(row, ~0u))) put_option(row);
    for (command = NULL; (command = command_next(command));) put_operands(command);
    fputs("complete -c reqscope -n '__reqscope_is help' -a '", stdout);
    put_names(~0u);
    puts("'");
}
