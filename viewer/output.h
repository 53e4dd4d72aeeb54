/* output.h: stdout as the commands write to it: escaped text, columns, colour, and an end that notices what was not
 * written. */
#ifndef RS_VIEWER_OUTPUT_H
#define RS_VIEWER_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum output_style { STYLE_PLAIN, STYLE_BAD, STYLE_GOOD, STYLE_STRONG, STYLE_FAINT };

/* `when` is auto, always or never. auto: on a terminal, unless NO_COLOR is set or TERM is dumb. */
void output_start(const char *when);

/* What is to be put before and after styled text: "" without colour. */
const char *output_begin(enum output_style style);
const char *output_end(void);

/* The text escaped (text.h), then spaces up to `width` columns. */
void output_text(FILE *stream, const char *text, size_t width);

/* A table: rows of cells, each as wide as its column needs, two spaces between. Numbers stand right. */
struct output_table;
struct output_table *output_table_new(const char *const *titles, size_t columns);
void output_table_add(struct output_table *table, size_t column,
                      char *text);                                 /* takes text over; a row is full by itself */
void output_table_print(struct output_table *table, FILE *stream); /* and frees it */

/* Flushes stdout. Returns 0, or 2 when not all could be written: said on stderr unless the reader went away. */
int output_finish(void);

#endif
