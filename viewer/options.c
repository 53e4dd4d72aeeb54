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

/* Commands that read traces; those that one may ask for a part; those whose output has frames; that print lines to read. */
#define READING                                                                                          \
    (COMMAND_REPORT | COMMAND_CONTEXTS | COMMAND_FDS | COMMAND_CHECK | COMMAND_TIMELINE | COMMAND_SHOW | \
     COMMAND_EXPORT | COMMAND_DIFF | COMMAND_PACK)
#define FILTERED \
    (COMMAND_REPORT | COMMAND_CONTEXTS | COMMAND_FDS | COMMAND_CHECK | COMMAND_TIMELINE | COMMAND_EXPORT | COMMAND_DIFF)
#define SYMBOLISED \
    (COMMAND_REPORT | COMMAND_FDS | COMMAND_CHECK | COMMAND_SHOW | COMMAND_EXPORT | COMMAND_DIFF | COMMAND_PACK)
#define LISTING (COMMAND_REPORT | COMMAND_CONTEXTS | COMMAND_FDS | COMMAND_TIMELINE | COMMAND_SHOW | COMMAND_DIFF)
#define JSON (LISTING | COMMAND_CHECK | COMMAND_TOP | COMMAND_LIST)
#define COLOURED (LISTING | COMMAND_CHECK | COMMAND_TOP | COMMAND_LIST | COMMAND_RUN)
#define EVERY (READING | COMMAND_RUN | COMMAND_TOP | COMMAND_LIST | COMMAND_COMPLETION)

enum option_type {
    OPTION_FLAG,   /* bool */
    OPTION_TEXT,   /* const char *; one of `values` if there are any */
    OPTION_DEPTH,  /* const char *, a number up to RS_STACK_MAX */
    OPTION_NUMBER, /* uint64_t */
    OPTION_FD,     /* int64_t */
    OPTION_KINDS,  /* uint32_t, a mask of kinds of finding */
    OPTION_EXPECT, /* one struct expectation more */
    OPTION_MOMENT, /* struct moment */
};

struct option_row {
    const char *name, *argument;
    unsigned commands;
    enum option_type type;
    size_t place; /* in struct options */
    const char *values[8];
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
    {"max",
     "N",
     COMMAND_REPORT | COMMAND_CONTEXTS | COMMAND_FDS | COMMAND_TIMELINE,
     OPTION_NUMBER,
     PLACE(max),
     {0},
     "how many are shown, the first ones (all)"},
    {"kinds",
     "LIST",
     COMMAND_CHECK | COMMAND_REPORT | COMMAND_EXPORT | COMMAND_DIFF | COMMAND_TIMELINE,
     OPTION_KINDS,
     PLACE(kinds),
     {0},
     "kinds of finding that count, with commas between (all)"},
    {"by",
     "WHAT",
     COMMAND_REPORT,
     OPTION_TEXT,
     PLACE(by),
     {"kind", "stack", "description", "context", "module"},
     "under a heading for each"},
    {"by", "WHAT", COMMAND_TIMELINE, OPTION_TEXT, PLACE(by), {"context", "fd", "thread"}, "what has a row"},
    {"since",
     "TIME",
     FILTERED & ~COMMAND_TIMELINE,
     OPTION_MOMENT,
     PLACE(since),
     {0},
     "from then on: 1.5s, 200ms after the begin, -2s before the end"},
    {"until", "TIME", FILTERED & ~COMMAND_TIMELINE, OPTION_MOMENT, PLACE(until), {0}, "up to then"},
    {"from",
     "TIME",
     COMMAND_TIMELINE,
     OPTION_MOMENT,
     PLACE(since),
     {0},
     "where it begins: 1.5s, 200ms after the begin, -2s before the end (the findings' part, or the busiest)"},
    {"to", "TIME", COMMAND_TIMELINE, OPTION_MOMENT, PLACE(until), {0}, "where it ends"},
    {"context",
     "CONTEXT",
     FILTERED,
     OPTION_TEXT,
     PLACE(of_context),
     {0},
     "a context's number, or its label, in which * stands for anything"},
    {"fd", "N", FILTERED & ~COMMAND_CONTEXTS, OPTION_FD, PLACE(fd), {0}, "a descriptor's number"},
    {"pid", "N", FILTERED, OPTION_NUMBER, PLACE(pid), {0}, "one process"},
    {"match", "TEXT", FILTERED, OPTION_TEXT, PLACE(match), {0}, "what has this text in it, in capitals or not"},
    {"width", "N", COMMAND_TIMELINE | COMMAND_SHOW, OPTION_NUMBER, PLACE(width), {0}, "columns (the terminal's)"},
    {"ascii", NULL, COMMAND_TIMELINE | COMMAND_SHOW, OPTION_FLAG, PLACE(ascii), {0}, "draw without UTF-8"},
    {"format",
     "FORMAT",
     COMMAND_EXPORT,
     OPTION_TEXT,
     PLACE(format),
     {"json", "chrome", "dot", "html", "sarif", "junit", "otlp"},
     "what to write"},
    {"output", "FILE", COMMAND_EXPORT, OPTION_TEXT, PLACE(output), {0}, "where to write it (stdout)"},
    {"expect-opens",
     "PATTERN=N",
     COMMAND_CHECK,
     OPTION_EXPECT,
     PLACE(expectations),
     {0},
     "how often what PATTERN matches must be opened; PATTERN=N/context: by each context; may be given again"},
    {"interval", "SECONDS", COMMAND_TOP, OPTION_NUMBER, PLACE(interval), {0}, "time between two looks (1)"},
    {"count", "N", COMMAND_TOP, OPTION_NUMBER, PLACE(count), {0}, "end after so many looks"},
    {"debug-dir",
     "DIR",
     SYMBOLISED,
     OPTION_TEXT,
     PLACE(debug_dir),
     {0},
     "where separate debug files are, by build id or path, besides /usr/lib/debug"},
    {"sysroot", "DIR", SYMBOLISED, OPTION_TEXT, PLACE(sysroot), {0}, "where the files of the traced machine are"},
    {"debuginfod",
     NULL,
     SYMBOLISED,
     OPTION_FLAG,
     PLACE(debuginfod),
     {0},
     "ask the servers of DEBUGINFOD_URLS for debug files that are not here"},
    {"json", NULL, JSON, OPTION_FLAG, PLACE(json), {0}, "print one JSON document"},
    {"no-pager", NULL, LISTING, OPTION_FLAG, PLACE(no_pager), {0}, "print at once, through no pager"},
    {"color", "WHEN", COLOURED, OPTION_TEXT, PLACE(colour), {"auto", "always", "never"}, "colour the output"},
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

/* "1.5s", "200ms", "-2s"; without a unit: seconds. */
static bool read_moment(const struct option_row *row, const char *value, struct moment *moment) {
    static const struct {
        const char *name;
        double ns;
    } units[] = {{"", 1e9}, {"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"min", 60e9}, {"h", 3600e9}};
    const char *digits = value + (*value == '-');
    size_t length = strspn(digits, "0123456789.");
    char *number = memory_format("%.*s", (int)length, digits), *end;
    double amount = strtod(number, &end);
    bool known = length && !*end;
    free(number);
    for (size_t i = 0; known && i < sizeof units / sizeof *units; i++) {
        double ns = amount * units[i].ns;
        if (strcmp(digits + length, units[i].name) != 0 || ns >= 9e18) continue;
        *moment = (struct moment){.given = true, .from_end = *value == '-', .ns = (uint64_t)ns};
        return true;
    }
    text_complain("--%s: '%s' is no time: give one after the trace's begin (1.5s, 200ms, 30us) or before its end (-2s)",
                  row->name, value);
    return false;
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
    case OPTION_FD:
        if (!read_number(row, value, INT32_MAX, &number)) return false;
        *(int64_t *)place = (int64_t)number;
        return true;
    case OPTION_MOMENT:
        return read_moment(row, value, place);
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
    *options = (struct options){.colour = "auto", .kinds = UINT32_MAX, .fd = -1};
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
