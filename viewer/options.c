/* options.c: see options.h. */
#include "viewer/options.h"
#include "tracer/layout.h"
#include "viewer/memory.h"
#include "viewer/option_rows.h"
#include "viewer/text.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

/* Room for all rows: a command knows fewer. */
#define OPTIONS_MOST 64

/* ---- values ---- */

/* "log, deny, abort, off"; the caller's to free. */
static char *join_words(const char *const *words, const char *before_each) {
    char *joined = memory_copy("");
    for (; *words; words++) {
        char *longer = memory_format("%s%s%s%s", joined, *joined ? ", " : "", before_each, *words);
        free(joined);
        joined = longer;
    }
    return joined;
}

static void complain_value(const struct option_row *row, const char *value) {
    const char *const *valid = option_values(row), *nearest = *value ? text_nearest(value, valid) : NULL;
    char *joined = join_words(valid, "");
    if (nearest)
        text_complain("--%s: '%s' is not known: did you mean %s? It is one of %s", row->name, value, nearest, joined);
    else
        text_complain("--%s: '%s' is not known: it is one of %s", row->name, value, joined);
    free(joined);
}

static bool read_number(const struct option_row *row, const char *value, uint64_t least, uint64_t most,
                        uint64_t *number) {
    char *end;
    errno = 0;
    *number = strtoull(value, &end, 10);
    if (*value >= '0' && *value <= '9' && !*end && !errno && *number >= least && *number <= most) return true;
    text_complain("--%s: '%s' is not a number from %llu to %llu", row->name, value, (unsigned long long)least,
                  (unsigned long long)most);
    return false;
}

/* The bit of a kind's name; 0 after a message. */
static uint32_t read_kind(const struct option_row *row, const char *word) {
    const char *const *names = option_values(row);
    for (uint32_t kind = 0; names[kind]; kind++)
        if (!strcmp(names[kind], word)) return 1u << kind;
    complain_value(row, word);
    return 0;
}

static bool read_kinds(const struct option_row *row, const char *value, uint32_t *kinds) {
    char *list = memory_copy(value), *rest = list, *word;
    uint32_t kind = 1;
    *kinds = 0;
    while (kind && (word = strsep(&rest, ","))) *kinds |= kind = read_kind(row, word);
    free(list);
    return kind;
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
    const char *const *known = option_values(row);
    if (!known) {
        if (!*value) text_complain("--%s: the value is empty: give a %s", row->name, row->argument);
        return *value;
    }
    for (; *known; known++)
        if (!strcmp(*known, value)) return true;
    complain_value(row, value);
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
        return read_number(row, value, 0, INT64_MAX, place);
    case OPTION_POSITIVE:
        return read_number(row, value, 1, INT64_MAX, place);
    case OPTION_FD:
        if (!read_number(row, value, 0, INT32_MAX, &number)) return false;
        *(int64_t *)place = (int64_t)number;
        return true;
    case OPTION_MOMENT:
        return read_moment(row, value, place);
    case OPTION_KINDS:
        return read_kinds(row, value, place);
    case OPTION_EXPECT:
        return add_expectation(row, value, options);
    case OPTION_DEPTH:
        if (!read_number(row, value, 0, RS_STACK_MAX, &number)) return false;
        break;
    case OPTION_TEXT:
        if (!is_allowed(row, value)) return false;
        break;
    }
    *(const char **)place = value;
    return true;
}

/* ---- names ---- */

/* What getopt did not take: an option without its value or with one too many, one that is short for several, or unknown. */
struct refused {
    enum command_mask command;
    const char *name;  /* the command's */
    const char *given; /* as it was typed */
    char *word;        /* without dashes and value */
};

/* The names that the command knows and that begin so, NULL at the end. */
static void find_names(const struct refused *refused, const char *begin, const char **names) {
    const struct option_row *row = NULL;
    while ((row = option_next(row, refused->command)))
        if (!strncmp(row->name, begin, strlen(begin))) *names++ = row->name;
    *names = NULL;
}

static void complain_unknown(const struct refused *refused) {
    const char *names[OPTIONS_MOST], *nearest;
    find_names(refused, "", names);
    nearest = strlen(refused->word) > 1 ? text_nearest(refused->word, names) : NULL;
    if (nearest)
        text_complain("%s: unknown option '%s': did you mean --%s? `reqscope %s --help` lists them", refused->name,
                      refused->given, nearest, refused->name);
    else
        text_complain("%s: unknown option '%s': `reqscope %s --help` lists them", refused->name, refused->given,
                      refused->name);
}

static void complain_name(const struct refused *refused) {
    const char *meant[OPTIONS_MOST];
    find_names(refused, refused->word, meant);
    if (refused->given[1] == '-' && *refused->word && meant[0] && meant[1]) {
        char *joined = join_words(meant, "--");
        text_complain("%s: '%s' is short for several options: %s", refused->name, refused->given, joined);
        free(joined);
    } else {
        complain_unknown(refused);
    }
}

/* `known`: of the row that getopt has found, NULL when it has found none; `letter`: of a short option, else 0. */
static void complain_option(enum command_mask command, const char *name, const char *given,
                            const struct option_row *known, int letter) {
    char short_one[] = {'-', (char)letter, 0};
    struct refused refused = {.command = command, .name = name, .given = letter ? short_one : given};
    if (known) {
        text_complain("%s: --%s takes no value: leave '%s' out", name, known->name, strchrnul(given, '='));
        return;
    }
    refused.word = memory_copy(refused.given + strspn(refused.given, "-"));
    refused.word[strcspn(refused.word, "=")] = 0;
    complain_name(&refused);
    free(refused.word);
}

/* ---- the line ---- */

/* The rows that the command knows, and the same as getopt wants them: an option's value there is its place here, after all
 * letters. */
struct known {
    const struct option_row *rows[OPTIONS_MOST];
    struct option options[OPTIONS_MOST];
};

enum { AFTER_LETTERS = 256 };

static void know(struct known *known, enum command_mask command) {
    const struct option_row *row = NULL;
    *known = (struct known){0};
    for (int i = 0; (row = option_next(row, command)); i++) {
        if (i + 1 == OPTIONS_MOST) abort(); /* more rows than there is room for */
        known->rows[i] = row;
        known->options[i] =
            (struct option){row->name, row->argument ? required_argument : no_argument, NULL, i + AFTER_LETTERS};
    }
}

static bool take_option(struct options *options, const struct known *known, enum command_mask command, const char *name,
                        int chosen, const char *given) {
    bool found = optopt >= AFTER_LETTERS;
    switch (chosen) {
    case 'h':
        options->help = true;
        return true;
    case ':':
        text_complain("%s: option '%s' needs a value: %s", name, given, known->rows[optopt - AFTER_LETTERS]->argument);
        return false;
    case '?':
        complain_option(command, name, given, found ? known->rows[optopt - AFTER_LETTERS] : NULL, found ? 0 : optopt);
        return false;
    default:
        return set_option(options, known->rows[chosen - AFTER_LETTERS], optarg);
    }
}

bool options_parse(struct options *options, enum command_mask command, const char *name, int count, char **arguments) {
    struct known known;
    int chosen;
    *options = (struct options){.colour = "auto", .kinds = UINT32_MAX, .fd = -1};
    know(&known, command);
    optind = 0; /* getopt begins afresh */
    opterr = 0;
    while ((chosen = getopt_long(count, arguments, command == COMMAND_RUN ? "+:h" : ":h", known.options, NULL)) != -1)
        if (!take_option(options, &known, command, name, chosen, arguments[optind - 1])) return false;
    options->operands = arguments + optind;
    options->operand_count = count - optind;
    return true;
}
