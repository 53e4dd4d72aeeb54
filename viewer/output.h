/* output.h: stdout as the commands write to it: escaped text, columns, colour, and an end that notices what was not
 * written. */
#ifndef RS_VIEWER_OUTPUT_H
#define RS_VIEWER_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* The hues are those of Okabe and Ito's palette, which the colour-blind tell apart, in 256 colours. Never the only thing that says
 * something. */
enum output_style {
    STYLE_PLAIN,
    STYLE_BAD,
    STYLE_GOOD,
    STYLE_STRONG,
    STYLE_FAINT,
    STYLE_SKY,
    STYLE_ORANGE,
    STYLE_GREEN,
    STYLE_PURPLE,
    STYLE_BLUE,
    STYLE_YELLOW,
    STYLE_VERMILION, /* bold: what must be seen */
};

/* `when` is auto, always or never. auto: on a terminal, unless NO_COLOR is set or TERM is dumb. */
void output_start(const char *when);

/* Columns that a line may take: those asked for; for 0 the terminal's as output_start found it, since stdout may go through a
 * pager by now; else COLUMNS, else 80. */
size_t output_width(uint64_t asked);

/* What is to be put before and after styled text: "" without colour. */
const char *output_begin(enum output_style style);
const char *output_end(void);

/* May pictures be drawn in UTF-8: does the locale (LC_ALL, LC_CTYPE, LANG) say so? */
bool output_is_utf8(void);

/* The text escaped (text.h), then spaces up to `width` columns. */
void output_text(FILE *stream, const char *text, size_t width);

/* A table: rows of cells, each as wide as its column needs, two spaces between. Numbers stand right. */
struct output_table;
struct output_table *output_table_new(const char *const *titles, size_t columns);
void output_table_add(struct output_table *table, size_t column,
                      char *text);                                 /* takes text over; a row is full by itself */
void output_table_print(struct output_table *table, FILE *stream); /* and frees it */

/* Flushes stdout, and waits until the user has left the pager, if there is one. Returns 0, or 2 when not all could be
 * written: said on stderr unless the reader went away. Going away from a pager is no error. */
int output_finish(void);

#endif
