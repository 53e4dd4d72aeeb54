/* columns.c: see columns.h. */
#include "viewer/columns.h"
#include "viewer/memory.h"
#include "viewer/output.h"
#include "viewer/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEAST_WIDTH 40
#define LEAST_COLUMN 24
#define MARK 2 /* before the time */
#define LINE 3 /* between columns, with the blanks beside it */

struct columns columns_from(const struct options *options) {
    struct columns columns = {.width = output_width(options->width)};
    if (columns.width < LEAST_WIDTH) columns.width = LEAST_WIDTH;
    columns.ascii = options->ascii || !output_is_utf8();
    return columns;
}

size_t columns_room(const struct columns *columns, size_t time_width) {
    size_t taken = MARK + time_width;
    size_t room = columns->width > taken ? (columns->width - taken) / (LINE + LEAST_COLUMN) : 0;
    return room < 1 ? 1 : room > COLUMNS_MAX ? COLUMNS_MAX : room;
}

/* The last one takes what is left over. */
static size_t width_of(const struct columns *columns, size_t column) {
    size_t taken = MARK + columns->time_width, all, each;
    all = columns->width > taken + columns->count * (LINE + 1) ? columns->width - taken : columns->count * (LINE + 1);
    each = all / columns->count;
    return column + 1 < columns->count ? each - LINE : all - each * (columns->count - 1) - LINE;
}

/* "fd 7" stays together. */
static bool may_break(const char *text, size_t at) {
    return (at < 2 || strncmp(text + at - 2, "fd", 2) != 0) && text[at] == ' ';
}

/* Bytes of the text that fit into so many columns, as far as the last blank if there is one. */
static size_t fitting(const char *text, size_t width) {
    size_t taken = 0, at = 0, blank = 0;
    while (text[at] && taken < width) {
        if (may_break(text, at)) blank = at;
        do {
            at++;
        } while ((text[at] & 0xc0) == 0x80);
        taken++;
    }
    if (!text[at] || may_break(text, at)) return at;
    return blank ? blank : at;
}

/* Prints what of the text fits in one line of the column, and goes on behind it. Returns the columns taken. */
static size_t print_part(const char **text, size_t width, enum output_style style) {
    size_t size = fitting(*text, width), taken;
    char *part = memory_format("%.*s", (int)size, *text);
    taken = text_width(part);
    if (style == STYLE_PLAIN || !*part)
        fputs(part, stdout);
    else
        printf("%s%s%s", output_begin(style), part, output_end());
    free(part);
    *text += size;
    *text += strspn(*text, " ");
    return taken;
}

/* One after the other, as many lines as the longest of the texts needs. */
static void print_cells(const struct columns *columns, const char *time, const char *const *texts,
                        enum output_style style, bool marked) {
    const char *rest[COLUMNS_MAX], *line = columns->ascii ? "|" : "│";
    bool more = true;
    for (size_t i = 0; i < columns->count; i++) rest[i] = texts[i];
    for (; more; time = "", marked = false) {
        size_t padding = 0;
        printf("%s%*s%s", marked ? "> " : "  ", (int)(columns->time_width - text_width(time)), "", time);
        more = false;
        for (size_t i = 0; i < columns->count; i++) {
            size_t width = width_of(columns, i);
            printf("%*s %s", (int)padding, "", line);
            if (*rest[i]) putchar(' ');
            padding = width + !*rest[i];
            padding -= print_part(&rest[i], width, style);
            more |= *rest[i] != 0;
        }
        putchar('\n');
    }
}

static void print_line(const struct columns *columns) {
    const char *line = columns->ascii ? "-" : "─", *cross = columns->ascii ? "+" : "┼";
    for (size_t i = 0; i < MARK + columns->time_width + 1; i++) fputs(line, stdout);
    for (size_t i = 0; i < columns->count; i++) {
        fputs(cross, stdout);
        for (size_t j = 0; j < width_of(columns, i) + (i + 1 < columns->count ? 2 : 1); j++) fputs(line, stdout);
    }
    putchar('\n');
}

static void print_escaped(const struct columns *columns, const char *time, char *const *cells,
                          enum output_style style) {
    const char *texts[COLUMNS_MAX];
    char *escaped[COLUMNS_MAX];
    for (size_t i = 0; i < columns->count; i++) texts[i] = escaped[i] = text_escape(cells[i]);
    print_cells(columns, time, texts, style, false);
    for (size_t i = 0; i < columns->count; i++) free(escaped[i]);
}

void columns_print_titles(const struct columns *columns, char *const *titles, char *const *below) {
    print_escaped(columns, "time", titles, STYLE_STRONG);
    if (below) print_escaped(columns, "", below, STYLE_PLAIN);
    print_line(columns);
}

void columns_print(const struct columns *columns, const char *time, size_t column, const char *text,
                   enum output_style style, bool marked) {
    const char *texts[COLUMNS_MAX];
    char *escaped = text_escape(text);
    for (size_t i = 0; i < columns->count; i++) texts[i] = i == column ? escaped : "";
    print_cells(columns, time, texts, style, marked);
    free(escaped);
}

void columns_print_gap(const struct columns *columns, const char *text) {
    printf("  %*s%s%s%s\n", (int)columns->time_width, "", output_begin(STYLE_FAINT), text, output_end());
}
