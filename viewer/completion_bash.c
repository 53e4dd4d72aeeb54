/* completion_bash.c: see completion.h. */
#include "viewer/completion.h"

/* The part that knows no command. bash parts `--mode=log` in three words where COMP_WORDBREAKS has the =, as it has at first. */
static const char script[] = "# What begins with the current word among the words that are given.\n"
                             "_reqscope_propose() { # PREFIX CURRENT WORDS\n"
                             "    mapfile -t COMPREPLY < <(compgen -P \"$1\" -W \"$3\" -- \"$2\")\n"
                             "}\n"
                             "\n"
                             "# Paths: the shell ends folders with a slash and quotes what it must.\n"
                             "_reqscope_propose_paths() { # PREFIX CURRENT -d|-f|-c\n"
                             "    mapfile -t COMPREPLY < <(compgen -P \"$1\" \"$3\" -- \"$2\")\n"
                             "    compopt -o filenames 2>/dev/null\n"
                             "}\n"
                             "\n"
                             "_reqscope_propose_value() { # PREFIX CURRENT, by $how and $words\n"
                             "    local begun\n"
                             "    case $how in\n"
                             "    words) _reqscope_propose \"$1\" \"$2\" \"$words\" ;;\n"
                             "    list)\n"
                             "        begun=${2%\"${2##*,}\"}\n"
                             "        _reqscope_propose \"$1$begun\" \"${2##*,}\" \"$words\"\n"
                             "        compopt -o nospace 2>/dev/null\n"
                             "        ;;\n"
                             "    folders) _reqscope_propose_paths \"$1\" \"$2\" -d ;;\n"
                             "    files) _reqscope_propose_paths \"$1\" \"$2\" -f ;;\n"
                             "    esac\n"
                             "}\n"
                             "\n"
                             "_reqscope() {\n"
                             "    local current=${COMP_WORDS[COMP_CWORD]} command=${COMP_WORDS[1]} how='' words='' "
                             "operands=() only_operands='' i\n"
                             "    COMPREPLY=()\n"
                             "    if ((COMP_CWORD == 1)); then\n"
                             "        _reqscope_propose '' \"$current\" \"$_reqscope_commands help --help --version\"\n"
                             "        return\n"
                             "    fi\n"
                             "    for ((i = 2; i < COMP_CWORD; i++)); do\n"
                             "        if [[ -n $only_operands || ${COMP_WORDS[i]} != -* ]]; then\n"
                             "            operands+=(\"$i\")\n"
                             "            if [[ $command == run ]]; then only_operands=yes; fi\n"
                             "        elif [[ ${COMP_WORDS[i]} == -- ]]; then\n"
                             "            only_operands=yes\n"
                             "        elif _reqscope_value \"$command\" \"${COMP_WORDS[i]}\"; then\n"
                             "            if [[ ${COMP_WORDS[i + 1]} == '=' ]]; then\n"
                             "                i=$((i + 1))\n"
                             "                if ((i == COMP_CWORD)); then current=''; fi\n"
                             "            fi\n"
                             "            i=$((i + 1))\n"
                             "            if ((i >= COMP_CWORD)); then\n"
                             "                _reqscope_propose_value '' \"$current\"\n"
                             "                return\n"
                             "            fi\n"
                             "        fi\n"
                             "    done\n"
                             "    if [[ -z $only_operands && $current == --*=* ]]; then\n"
                             "        if _reqscope_value \"$command\" \"${current%%=*}\"; then\n"
                             "            _reqscope_propose_value \"${current%%=*}=\" \"${current#*=}\"\n"
                             "        fi\n"
                             "    elif [[ -z $only_operands && $current == -* ]]; then\n"
                             "        _reqscope_options \"$command\"\n"
                             "        _reqscope_propose '' \"$current\" \"$words\"\n"
                             "    else\n"
                             "        _reqscope_operand \"$command\" \"$current\"\n"
                             "    fi\n"
                             "}\n"
                             "\n"
                             "complete -F _reqscope reqscope\n";

static void put_commands(void) {
    const struct command *command = NULL;
    fputs("_reqscope_commands='", stdout);
    while ((command = command_next(command))) printf("%s%s", command->name, command_next(command) ? " " : "'\n\n");
}

static void put_options(void) {
    const struct command *command = NULL;
    puts("_reqscope_options() { # COMMAND: they are in $words\n    case $1 in");
    while ((command = command_next(command))) {
        const struct option_row *row = NULL;
        printf("    %s) words='", command->name);
        while ((row = option_next(row, command->mask)))
            printf("--%s%s", row->name, option_next(row, command->mask) ? " " : "' ;;\n");
    }
    puts("    esac\n}\n");
}

static void put_how(const struct option_row *row) {
    static const char *const names[] = {
        [VALUES_ANY] = "any",         [VALUES_WORDS] = "words", [VALUES_LIST] = "list",
        [VALUES_FOLDERS] = "folders", [VALUES_FILES] = "files",
    };
    printf("how=%s", names[completion_values_of(row)]);
    if (option_values(row)) {
        fputs(" words='", stdout);
        completion_put_words(row);
        putchar('\'');
    }
    puts(" ;;");
}

static void put_values(void) {
    const struct command *command;
    const struct option_row *row = NULL;
    puts("# How the value of an option is completed. False when it takes none.\n"
         "_reqscope_value() { # COMMAND OPTION: $how it is done, and $words\n    case $1:$2 in");
    while ((row = option_next(row, ~0u))) {
        const char *between = "    ";
        if (!row->argument) continue;
        for (command = NULL; (command = command_next(command));) {
            if (!(row->commands & command->mask)) continue;
            printf("%s%s:--%s", between, command->name, row->name);
            between = " | ";
        }
        fputs(") ", stdout);
        put_how(row);
    }
    puts("    *) return 1 ;;\n    esac\n}\n");
}

static void put_operand(const struct command *command) {
    switch (command->takes) {
    case OPERANDS_TRACES:
        if (command->before_traces) printf("((${#operands[@]} < %d)) || ", command->before_traces);
        fputs("_reqscope_propose_paths '' \"$2\" -d", stdout);
        break;
    case OPERANDS_PROGRAM:
        fputs("_reqscope_program \"$2\"", stdout);
        break;
    case OPERANDS_PROCESS:
        printf("_reqscope_propose '' \"$2\" \"$(%s)\"", completion_pids);
        break;
    case OPERANDS_SHELL:
        fputs("_reqscope_propose '' \"$2\" 'bash zsh fish'", stdout);
        break;
    case OPERANDS_NOTHING:
        putchar(':');
    }
}

static void put_operands(void) {
    const struct command *command = NULL;
    puts("# A program is completed as if it stood alone, where bash-completion is loaded.\n"
         "_reqscope_program() { # CURRENT\n"
         "    if ((${#operands[@]} == 0)); then\n"
         "        _reqscope_propose_paths '' \"$1\" -c\n"
         "    elif declare -F _command_offset >/dev/null; then\n"
         "        _command_offset \"${operands[0]}\"\n"
         "    else\n"
         "        _reqscope_propose_paths '' \"$1\" -f\n"
         "    fi\n"
         "}\n\n"
         "_reqscope_operand() { # COMMAND CURRENT\n    case $1 in");
    while ((command = command_next(command))) {
        printf("    %s) ", command->name);
        put_operand(command);
        puts(" ;;");
    }
    puts("    help) _reqscope_propose '' \"$2\" \"$_reqscope_commands\" ;;\n    esac\n}\n");
}

void completion_bash(void) {
    puts("# reqscope: completion for bash. `reqscope completion bash` prints it.\n");
    put_commands();
    put_options();
    put_values();
    put_operands();
    fputs(script, stdout);
}
