/* options.c: see options.h. */
#include "viewer/options.h"
#include "tracer/layout.h"
#include "viewer/memory.h"
#include "viewer/text.h"

#include <errno.h>
#include <getopt.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define READING (COMMAND_REPORT | COMMAND_CONTEXTS | COMMAND_FDS | COMMAND_CHECK)
#define EVERY (READING | COMMAND_RUN)

enum option_type {
    OPTION_FLAG,   /* bool */
    OPTION_TEXT,   /* const char *; one of `values` if there are any */
    OPTION_DEPTH,  /* const char *, a number up to RS_STACK_MAX */
    OPTION_NUMBER, /* uint64_t */
    OPTION_KINDS,  /* uint32_t, a mask of kinds of finding */
    OPTION_EXPECT, /* one struct expectation more */
};

struct option_row {
    const char *name, *argument;
    unsigned commands;
    enum option_type type;
    size_t place; /* in struct options */
    const char *values[5];
    const char *help;
};

#define PLACE(field) offsetof(struct options, field)
static const struct option_row rows[] = {
    {"mode",
     "MODE",
     COMMAND_RUN,
     OPTION_TEXT,
     PLACE(mode),
     {"log", "deny", "abort", "off"},
     "what to do about a finding: report it, fail the call, abort (REQSCOPE_MODE)"},
    {"policy",
     "POLICY",
     COMMAND_RUN,
     OPTION_TEXT,
     PLACE(policy),
     {"strict", "lease"},
     "lease lets a connection change hands when its exchange is complete (REQSCOPE_POLICY)"},
    {"context",
     "CONTEXT",
     COMMAND_RUN,
     OPTION_TEXT,
     PLACE(context),
     {"auto", "api"},
     "where contexts come from (REQSCOPE_CONTEXT)"},
    {"trace", "DIR", COMMAND_RUN, OPTION_TEXT, PLACE(trace), {0}, "record a trace there (REQSCOPE_TRACE)"},
    {"rules",
     "FILE",
     COMMAND_RUN,
     OPTION_TEXT,
     PLACE(rules),
     {0},
     "what is shared by design, leased or suppressed (REQSCOPE_RULES)"},
    {"log",
     "LOG",
     COMMAND_RUN,
     OPTION_TEXT,
     PLACE(log),
     {0},
     "where reports go: stderr, syslog or a path, %p is the pid (REQSCOPE_LOG)"},
    {"stack-depth",
     "N",
     COMMAND_RUN,
     OPTION_DEPTH,
     PLACE(stack_depth),
     {0},
     "frames to keep of each stack, 0 to 128 (REQSCOPE_STACK_DEPTH)"},
    {"check",
     NULL,
     COMMAND_RUN,
     OPTION_FLAG,
     PLACE(check),
     {0},
     "print the findings when the command has ended; exit 1 if there are any"},
    {"max", "N", COMMAND_CHECK, OPTION_NUMBER, PLACE(max), {0}, "findings that are tolerated (0)"},
    {"kinds",
     "LIST",
     COMMAND_CHECK,
     OPTION_KINDS,
     PLACE(kinds),
     {0},
     "kinds of finding that count, with commas between (all)"},
    {"expect-opens",
     "PATTERN=N",
     COMMAND_CHECK,
     OPTION_EXPECT,
     PLACE(expectations),
     {0},
     "how often what PATTERN matches must be opened; PATTERN=N/context: by each context; may be given again"},
    {"json", NULL, READING, OPTION_FLAG, PLACE(json), {0}, "print one JSON document"},
    {"color", "WHEN", EVERY, OPTION_TEXT, PLACE(colour), {"auto", "always", "never"}, "colour the output"},
    {"help", NULL, EVERY, OPTION_FLAG, PLACE(help), {0}, "print this help"},
};
#define ROWS (sizeof rows / sizeof *rows)

/* "log, deny, abort, off"; the caller's to free. */
static char *join_words(const char *const *words) {
    char *joined = memory_copy("");
    for (; *words; words++) {
        char *longer = memory_format("%s%s%s", joined, *joined ? ", " : "", *words);
        free(joined);
        joined = longer;
    }
    return joined;
}

static void complain_value(const struct option_row *row, const char *value, const char *const *valid) {
    char *joined = join_words(valid);
    text_complain("--%s: '%s' is not known: it is one of %s", row->name, value, joined);
    free(joined);
}

static bool read_number(const struct option_row *row, const char *value, uint64_t most, uint64_t *number) {
    char *end;
    errno = 0;
    *number = strtoull(value, &end, 10);
    if (*value >= '0' && *value <= '9' && !*end && !errno && *number <= most) return true;
    text_complain("--%s: '%s' is not a number from 0 to %llu", row->name, value, (unsigned long long)most);
    return false;
}

static bool read_kinds(const struct option_row *row, const char *value, uint32_t *kinds) {
    const char *names[RS_FINDING_COUNT + 1] = {0};
    char *list = memory_copy(value), *rest = list, *word;
    bool known = *value != 0;
    for (uint32_t i = 0; i < RS_FINDING_COUNT; i++) names[i] = rs_finding_kind_name(i);
    *kinds = 0;
    while (known && (word = strsep(&rest, ","))) {
        uint32_t kind = 0;
        while (kind < RS_FINDING_COUNT && strcmp(names[kind], word) != 0) kind++;
        known = kind < RS_FINDING_COUNT;
        if (known)
            *kinds |= 1u << kind;
        else
            complain_value(row, word, names);
    }
    if (!*value) complain_value(row, value, names);
    free(list);
    return known;
}

static bool is_allowed(const struct option_row *row, const char *value) {
    if (!row->values[0]) {
        if (!*value) text_complain("--%s: give a %s", row->name, row->argument);
        return *value;
    }
    for (const char *const *known = row->values; *known; known++)
        if (!strcmp(*known, value)) return true;
    complain_value(row, value, row->values);
    return false;
}

static bool add_expectation(const struct option_row *row, const char *value, struct options *options) {
    if (options->expectation_count == OPTIONS_EXPECTATIONS) {
        text_complain("--%s: it may be given %d times at most", row->name, OPTIONS_EXPECTATIONS);
        return false;
    }
    return expect_parse(value, &options->expectations[options->expectation_count++]);
}

static bool set_option(struct options *options, const struct option_row *row, const char *value) {
    void *place = (char *)options + row->place;
    uint64_t number;
    switch (row->type) {
    case OPTION_FLAG:
        *(bool *)place = true;
        return true;
    case OPTION_NUMBER:
        return read_number(row, value, INT64_MAX, place);
    case OPTION_KINDS:
        return read_kinds(row, value, place);
    case OPTION_EXPECT:
        return add_expectation(row, value, options);
    case OPTION_DEPTH:
        if (!read_number(row, value, RS_STACK_MAX, &number)) return false;
        break;
    case OPTION_TEXT:
        if (!is_allowed(row, value)) return false;
        break;
    }
    *(const char **)place = value;
    return true;
}

/* An option that this command does not know: says which it may have meant. */
static void complain_unknown(enum command_mask command, const char *name, const char *given) {
    const char *words[ROWS + 1] = {0}, *nearest;
    char *word = memory_copy(given + strspn(given, "-"));
    size_t count = 0;
    word[strcspn(word, "=")] = 0;
    for (size_t i = 0; i < ROWS; i++)
        if (rows[i].commands & command) words[count++] = rows[i].name;
    nearest = text_nearest(word, words);
    if (nearest)
        text_complain("%s: unknown option '%s': did you mean --%s?", name, given, nearest);
    else
        text_complain("%s: unknown option '%s': `reqscope %s --help` lists them", name, given, name);
    free(word);
}

bool options_parse(struct options *options, enum command_mask command, const char *name, int count, char **arguments) {
    struct option known[ROWS + 1] = {0};
    size_t known_count = 0;
    int chosen;
    *options = (struct options){.colour = "auto", .kinds = UINT32_MAX};
    for (size_t i = 0; i < ROWS; i++)
        if (rows[i].commands & command)
            known[known_count++] =
                (struct option){rows[i].name, rows[i].argument ? required_argument : no_argument, NULL, (int)i + 256};
    optind = 0; /* getopt begins afresh */
    opterr = 0;
    while ((chosen = getopt_long(count, arguments, command == COMMAND_RUN ? "+:h" : ":h", known, NULL)) != -1) {
        const char *given = arguments[optind - 1];
        char letter[] = {'-', (char)optopt, 0};
        if (chosen == 'h') {
            options->help = true;
        } else if (chosen == ':') {
            text_complain("%s: option '%s' needs a value", name, given);
            return false;
        } else if (chosen == '?') {
            complain_unknown(command, name, optopt && optopt < 256 ? letter : given);
            return false;
        } else if (!set_option(options, &rows[chosen - 256], optarg)) {
            return false;
        }
    }
    options->operands = arguments + optind;
    options->operand_count = count - optind;
    return true;
}

void options_print_help(enum command_mask command) {
    for (size_t i = 0; i < ROWS; i++) {
        char *left, *values;
        if (!(rows[i].commands & command)) continue;
        left = memory_format("--%s%s%s", rows[i].name, rows[i].argument ? " " : "",
                             rows[i].argument ? rows[i].argument : "");
        values = join_words(rows[i].values);
        printf("  %-24s %s%s%s\n", left, rows[i].help, *values ? ": " : "", values);
        free(left);
        free(values);
    }
}
