/* manual.c: see manual.h. */
#include "viewer/manual.h"
#include "reqscope.h"
#include "viewer/help.h"
#include "viewer/memory.h"
#include "viewer/text.h"

#include <stdlib.h>
#include <string.h>

/* ---- text as roff ---- */

/* Characters that roff would make something else of. */
static const struct {
    char character;
    const char *as;
} specials[] = {{'\\', "\\e"}, {'-', "\\-"}, {'\'', "\\(aq"}, {'`', "\\(ga"}, {'^', "\\(ha"}, {'~', "\\(ti"}};

static void put_character(char character) {
    for (size_t i = 0; i < sizeof specials / sizeof *specials; i++) {
        if (specials[i].character != character) continue;
        fputs(specials[i].as, stdout);
        return;
    }
    putchar(character);
}

static void put_literal(const char *text) {
    for (; *text; text++) put_character(*text);
}

/* A text of the tables, as part of a list's entry: `so` is bold, paragraphs are parted, each sentence has a line. */
static void put_text(const char *text) {
    bool bold = false;
    for (char before = '\n'; *text; before = *text++) {
        if (*text == '`') {
            bold = !bold;
            fputs(bold ? "\\fB" : "\\fR", stdout);
        } else if (*text == '\n') {
            fputs(text[1] ? "\n.IP\n" : "", stdout);
        } else if (*text == ' ' && before == '.') {
            putchar('\n');
        } else {
            if (*text == '.' && strchr("\n ", before)) fputs("\\&", stdout); /* or the line were a request */
            put_character(*text);
        }
    }
    putchar('\n');
}

/* ---- what the tables know ---- */

static void put_synopsis(void) {
    const struct command *command = NULL;
    puts(".nf");
    while ((command = command_next(command))) {
        printf("\\fBreqscope %s\\fR [\\fIOPTION\\fR...]%s", command->name, *command->operands ? " " : "");
        put_literal(command->operands);
        putchar('\n');
    }
    puts("\\fBreqscope help\\fR [COMMAND]\n\\fBreqscope \\-\\-version\\fR\n.fi");
}

static void put_commands(void) {
    const struct command *command = NULL;
    while ((command = command_next(command))) {
        printf(".TP\n\\fB%s\\fR%s", command->name, *command->operands ? " " : "");
        put_literal(command->operands);
        putchar('\n');
        put_text(command->description);
    }
}

/* Of which commands an option is, when it is not of all; a row under the heading of a single command needs none. */
static void put_commands_of(const struct option_row *row) {
    const struct command *command = NULL;
    const char *before = "Of ";
    while ((command = command_next(command))) {
        if (!(row->commands & command->mask)) continue;
        printf("%s\\fB%s\\fR", before, command->name);
        before = ", ";
    }
    puts(".");
}

/* For how many commands is it? */
static size_t count_commands(unsigned mask) {
    const struct command *command = NULL;
    size_t count = 0;
    while ((command = command_next(command))) count += (mask & command->mask) != 0;
    return count;
}

static void put_option(const struct option_row *row) {
    char *text = help_option_text(row);
    printf(".TP\n\\fB\\-\\-");
    put_literal(row->name);
    printf("\\fR%s%s%s\n", row->argument ? " \\fI" : "", row->argument ? row->argument : "",
           row->argument ? "\\fR" : "");
    text[0] = (char)(text[0] >= 'a' && text[0] <= 'z' ? text[0] - 'a' + 'A' : text[0]);
    put_text(text);
    if (count_commands(row->commands) > 1) {
        puts(".br");
        put_commands_of(row);
    }
    free(text);
}

/* Those of single commands under a heading for each, then those that several have. */
static void put_options(void) {
    const struct command *command = NULL;
    const struct option_row *row;
    while ((command = command_next(command))) {
        bool any = false;
        for (row = NULL; (row = option_next(row, command->mask));) {
            if (count_commands(row->commands) > 1) continue;
            if (!any) printf(".SS Of %s\n", command->name);
            any = true;
            put_option(row);
        }
    }
    puts(".SS Of several commands");
    for (row = NULL; (row = option_next(row, ~0u));)
        if (count_commands(row->commands) > 1) put_option(row);
}

static void put_exits(void) {
    const struct command *command = NULL;
    while ((command = command_next(command))) {
        printf(".TP\n.B %s\n", command->name);
        for (const struct exit_code *one = command->exit_codes; one->code; one++) {
            if (one != command->exit_codes) puts(".br");
            printf("\\fB%s\\fR: ", one->code);
            put_text(one->meaning);
        }
    }
}

static void put_examples(void) {
    const struct command *command = NULL;
    while ((command = command_next(command)))
        for (const struct example *example = command->examples; example->line; example++) {
            fputs(".TP\n\\fB", stdout);
            put_literal(example->line);
            puts("\\fR");
            put_text(example->what);
        }
}

/* ---- the page ---- */

static const struct {
    const char *line;
    void (*put)(void);
} places[] = {
    {"@SYNOPSIS@\n", put_synopsis}, {"@COMMANDS@\n", put_commands}, {"@OPTIONS@\n", put_options},
    {"@EXITS@\n", put_exits},       {"@EXAMPLES@\n", put_examples},
};
#define PLACES (sizeof places / sizeof *places)

static void put_line(const char *line) {
    static const char version[] = "@VERSION@";
    const char *found = strstr(line, version);
    if (found)
        printf("%.*s%s%s", (int)(found - line), line, REQSCOPE_VERSION, found + sizeof version - 1);
    else
        fputs(line, stdout);
}

bool manual_print(FILE *page) {
    char *line = NULL;
    size_t space = 0;
    bool known = true;
    while (known && getline(&line, &space, page) > 0) {
        size_t i = 0;
        while (i < PLACES && strcmp(line, places[i].line) != 0) i++;
        known = i < PLACES || *line != '@';
        if (!known)
            text_complain("the manual page asks for '%.*s', which is not known", (int)strcspn(line, "\n"), line);
        else if (i < PLACES)
            places[i].put();
        else
            put_line(line);
    }
    free(line);
    return known;
}
