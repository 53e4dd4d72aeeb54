/* help.c: see help.h. */
#include "viewer/help.h"
#include "viewer/memory.h"
#include "viewer/text.h"

#include <stdlib.h>
#include <string.h>

enum { WIDTH = 96, INDENT = 2, OPTION_COLUMN = 26, EXIT_COLUMN = 8 };

/* Words up to WIDTH columns, each further line indented by `indent`; the first begins at `column`. A newline begins a new
 * paragraph. */
static void print_wrapped(const char *text, size_t indent, size_t column) {
    bool first = true;
    while (*text) {
        size_t length = strcspn(text, " \n");
        if (!first && column + 1 + length > WIDTH) {
            printf("\n%*s", (int)indent, "");
            column = indent;
            first = true;
        }
        printf("%s%.*s", first ? "" : " ", (int)length, text);
        column += length + !first;
        first = false;
        text += length;
        if (*text == '\n' && text[1]) {
            printf("\n\n%*s", (int)indent, "");
            column = indent;
            first = true;
        }
        if (*text) text++;
    }
    putchar('\n');
}

/* "  LEFT      text, which goes on below itself" */
static void print_entry(const char *left, const char *text, size_t column) {
    size_t taken = INDENT + text_width(left);
    printf("%*s%s", INDENT, "", left);
    if (taken + 2 > column) {
        putchar('\n');
        taken = 0;
    }
    printf("%*s", (int)(column - taken), "");
    print_wrapped(text, column, column);
}

char *help_option_title(const struct option_row *row) {
    return memory_format("--%s%s%s", row->name, row->argument ? " " : "", row->argument ? row->argument : "");
}

char *help_option_text(const struct option_row *row) {
    const char *const *values = option_values(row);
    char *text = memory_copy(row->help);
    for (size_t i = 0; values && values[i]; i++) {
        char *longer = memory_format("%s%s%s", text, i ? ", " : ": ", values[i]);
        free(text);
        text = longer;
    }
    return text;
}

static void print_options(enum command_mask command) {
    const struct option_row *row = NULL;
    puts("\noptions:");
    while ((row = option_next(row, command))) {
        char *title = help_option_title(row), *text = help_option_text(row);
        print_entry(title, text, OPTION_COLUMN);
        free(title);
        free(text);
    }
}

void help_print_command(const struct command *command) {
    printf("usage: reqscope %s [OPTION...]%s%s\n\n", command->name, *command->operands ? " " : "", command->operands);
    print_wrapped(command->description, 0, 0);
    if (command->takes == OPERANDS_TRACES)
        puts("\nTRACE is a folder that REQSCOPE_TRACE or `reqscope run --trace` named, or one process's sub-folder.");
    print_options(command->mask);
    puts("\nexamples:");
    for (const struct example *example = command->examples; example->line; example++)
        printf("%*s%s\n%*s%s\n", INDENT, "", example->line, 3 * INDENT, "", example->what);
    puts("\nexit codes:");
    for (const struct exit_code *exit_code = command->exit_codes; exit_code->code; exit_code++)
        print_entry(exit_code->code, exit_code->meaning, EXIT_COLUMN);
}

void help_print_usage(FILE *stream) {
    const struct command *command = NULL;
    fputs("usage: reqscope COMMAND [OPTION...] ...\n\n", stream);
    while ((command = command_next(command))) fprintf(stream, "  %-11s %s\n", command->name, command->summary);
    fputs("\n`reqscope COMMAND --help` or `reqscope help COMMAND` tells more of a command, `reqscope --version` names "
          "the "
          "version.\n",
          stream);
}
