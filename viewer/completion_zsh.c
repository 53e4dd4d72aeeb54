/* completion_zsh.c: see completion.h. */
#include "viewer/completion.h"

/* Inside of '...'; in a [description] a bracket would end it, and a colon is no part of it. */
static void put_quoted(const char *text, const char *special) {
    for (const char *rest = text; *rest;) {
        char piece[2] = {*rest++, 0};
        if (*piece == '\'')
            fputs("'\\''", stdout);
        else
            completion_put_text(piece, special, "\\");
    }
}

static void put_option(const struct option_row *row) {
    printf(" \\\n            '%s--%s%s[", row->type == OPTION_EXPECT ? "*" : "", row->name, row->argument ? "=" : "");
    put_quoted(row->help, "[]");
    putchar(']');
    if (row->argument) {
        printf(":%s:", row->argument);
        switch (completion_values_of(row)) {
        case VALUES_ANY:
            putchar(' ');
            break;
        case VALUES_WORDS:
            putchar('(');
            completion_put_words(row);
            putchar(')');
            break;
        case VALUES_LIST:
            fputs("_values -s , kind ", stdout);
            completion_put_words(row);
            break;
        case VALUES_FOLDERS:
            fputs("_files -/", stdout);
            break;
        case VALUES_FILES:
            fputs("_files", stdout);
        }
    }
    putchar('\'');
}

static void put_operands(const struct command *command) {
    fputs(" \\\n            ", stdout);
    switch (command->takes) {
    case OPERANDS_TRACES:
        printf("%s'*:TRACE:_files -/'", command->before_traces ? "'1:ID: ' " : "");
        break;
    case OPERANDS_PROGRAM:
        fputs("'(-):COMMAND:_command_names -e' '*::ARGUMENT:_normal'", stdout);
        break;
    case OPERANDS_PROCESS:
        fputs("'1:PID:_reqscope_pids'", stdout);
        break;
    case OPERANDS_SHELL:
        fputs("'1:shell:(bash zsh fish)'", stdout);
        break;
    case OPERANDS_NOTHING:
        fputs("'*: : '", stdout);
    }
}

static void put_command(const struct command *command) {
    const struct option_row *row = NULL;
    printf("        (%s)\n            _arguments -s -S%s", command->name,
           command->takes == OPERANDS_PROGRAM ? " -A '-*'" : "");
    while ((row = option_next(row, command->mask))) put_option(row);
    put_operands(command);
    puts(" && result=0\n            ;;");
}

static void put_commands(void) {
    const struct command *command = NULL;
    puts("_reqscope_commands() {\n    local -a commands=(");
    while ((command = command_next(command))) {
        printf("        '%s:", command->name);
        put_quoted(command->summary, "");
        puts("'");
    }
    puts("        'help:what a command does, its options and exit codes'\n    )\n"
         "    _describe -t commands command commands\n}\n");
}

void completion_zsh(void) {
    const struct command *command = NULL;
    puts("#compdef reqscope\n# reqscope: completion for zsh. `reqscope completion zsh` prints it.\n");
    put_commands();
    printf("_reqscope_pids() {\n    local -a pids=(${(f)\"$(%s)\"})\n    compadd -a pids\n}\n\n", completion_pids);
    puts("_reqscope() {\n"
         "    local curcontext=$curcontext state line result=1\n"
         "    typeset -A opt_args\n"
         "    _arguments -C '(- *)--help[print the commands]' '(- *)--version[print the version]' \\\n"
         "        '1:command:_reqscope_commands' '*::argument:->rest' && result=0\n"
         "    if [[ $state == rest ]]; then\n"
         "        case $words[1] in");
    while ((command = command_next(command))) put_command(command);
    puts("        (help) _arguments '1:command:_reqscope_commands' && result=0 ;;\n"
         "        esac\n"
         "    fi\n"
         "    return result\n"
         "}\n\n"
         "if [[ $funcstack[1] == _reqscope ]]; then\n"
         "    _reqscope \"$@\"\n"
         "else\n"
         "    compdef _reqscope reqscope\n"
         "fi");
}
