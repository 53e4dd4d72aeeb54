/* output.c: see output.h. */
#include "viewer/output.h"
#include "viewer/memory.h"
#include "viewer/pager.h"
#include "viewer/text.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static bool coloured;
static size_t terminal_columns;

static const char *const codes[] = {
    [STYLE_PLAIN] = "",
    [STYLE_BAD] = "\033[1;31m",
    [STYLE_GOOD] = "\033[32m",
    [STYLE_STRONG] = "\033[1m",
    [STYLE_FAINT] = "\033[2m",
    [STYLE_SKY] = "\033[38;5;74m",
    [STYLE_ORANGE] = "\033[38;5;214m",
    [STYLE_GREEN] = "\033[38;5;36m",
    [STYLE_PURPLE] = "\033[38;5;175m",
    [STYLE_BLUE] = "\033[38;5;32m",
    [STYLE_YELLOW] = "\033[38;5;227m",
    [STYLE_VERMILION] = "\033[1;38;5;166m",
};

void output_start(const char *when) {
    const char *terminal = getenv("TERM"), *refused = getenv("NO_COLOR");
    struct winsize size;
    terminal_columns = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) ? 0 : size.ws_col;
    coloured = !strcmp(when, "always");
    if (strcmp(when, "auto") != 0) return;
    coloured = isatty(STDOUT_FILENO) && !(refused && *refused) && !(terminal && !strcmp(terminal, "dumb"));
}

#define USUAL_WIDTH 80

size_t output_width(uint64_t asked) {
    const char *columns = getenv("COLUMNS");
    if (asked) return asked;
    if (terminal_columns) return terminal_columns;
    if (columns && *columns >= '0' && *columns <= '9') asked = strtoul(columns, NULL, 10);
    return asked ? asked : USUAL_WIDTH;
}

const char *output_begin(enum output_style style) {
    return coloured ? codes[style] : "";
}

const char *output_end(void) {
    return coloured ? "\033[0m" : "";
}

bool output_is_utf8(void) {
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *locale = getenv(names[i]);
        if (locale && *locale) return strcasestr(locale, "UTF-8") || strcasestr(locale, "UTF8");
    }
    return false;
}

void output_text(FILE *stream, const char *text, size_t width) {
    char *escaped = text_escape(text);
    size_t taken = text_width(escaped);
    fputs(escaped, stream);
    for (; taken < width; taken++) putc(' ', stream);
    free(escaped);
}

struct output_table {
    const char *const *titles;
    size_t columns, count, space;
    char **cells;
};

struct output_table *output_table_new(const char *const *titles, size_t columns) {
    struct output_table *table = memory_new(sizeof *table);
    table->titles = titles;
    table->columns = columns;
    return table;
}

void output_table_add(struct output_table *table, size_t column, char *text) {
    size_t row = table->count / table->columns;
    if (column != table->count - row * table->columns) abort(); /* a cell was forgotten */
    table->cells = memory_grow(table->cells, &table->space, table->count + 1, sizeof *table->cells);
    table->cells[table->count++] = text_escape(text);
    free(text);
}

static bool is_number(const char *text) {
    return *text && text[strspn(text, "0123456789")] == 0;
}

static void print_cell(FILE *stream, const char *text, size_t width, bool last) {
    size_t taken = text_width(text), padding = width > taken ? width - taken : 0;
    bool right = is_number(text);
    if (right) fprintf(stream, "%*s", (int)padding, "");
    fputs(text, stream);
    if (!right && !last) fprintf(stream, "%*s", (int)padding, "");
    fputs(last ? "\n" : "  ", stream);
}

void output_table_print(struct output_table *table, FILE *stream) {
    assert(table->columns > 0);
    size_t *widths = memory_new(table->columns * sizeof *widths);
    for (size_t i = 0; i < table->columns; i++) widths[i] = text_width(table->titles[i]);
    for (size_t i = 0; i < table->count; i++) {
        size_t width = text_width(table->cells[i]);
        if (widths[i % table->columns] < width) widths[i % table->columns] = width;
    }
    fputs(output_begin(STYLE_STRONG), stream);
    for (size_t i = 0; i < table->columns; i++)
        print_cell(stream, table->titles[i], widths[i], i + 1 == table->columns);
    fputs(output_end(), stream);
    for (size_t i = 0; i < table->count; i++) {
        print_cell(stream, table->cells[i], widths[i % table->columns], i % table->columns + 1 == table->columns);
        free(table->cells[i]);
    }
    free(table->cells);
    free(table);
    free(widths);
}

int output_finish(void) {
    bool failed = ferror(stdout);
    if (fflush(stdout)) failed = true;
    if (pager_is_on()) return pager_finish() ? 0 : 2;
    if (!failed) return 0;
    if (errno != EPIPE) text_complain("the output could not be written: %s", strerror(errno));
    return 2;
}
