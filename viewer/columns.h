/* columns.h: what several did, side by side: a time at the left, a column for each, and lines between them.
 *
 *        time │ GET /a (c1)            │ GET /b (c2)
 *   ──────────┼────────────────────────┼────────────────────
 *     -1.2 ms │ write 31 bytes         │
 *   >  0.0 ms │                        │ <== foreign-io: ...
 *
 * What does not fit into its column goes on in the next line: nothing is cut off. */
#ifndef RS_VIEWER_COLUMNS_H
#define RS_VIEWER_COLUMNS_H

#include "viewer/options.h"
#include "viewer/output.h"

#define COLUMNS_MAX 8

struct columns {
    size_t width, time_width, count;
    bool ascii;
};

/* Without times and columns yet: how wide it may be (--width, the terminal, 80), and what lines are drawn with (--ascii, the locale). */
struct columns columns_from(const struct options *options);

/* How many columns there is room for beside times so wide: at least one. */
size_t columns_room(const struct columns *columns, size_t time_width);

/* A title for each column, what stands below each (NULL: nothing does), and a line. */
void columns_print_titles(const struct columns *columns, char *const *titles, char *const *below);

/* What one did. `marked`: it is what all is about. */
void columns_print(const struct columns *columns, const char *time, size_t column, const char *text,
                   enum output_style style, bool marked);

/* Something that is said across all columns. */
void columns_print_gap(const struct columns *columns, const char *text);

#endif
