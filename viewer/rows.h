/* rows.h: a story as rows that one can read: what says the same again is folded into one row, and of many rows the first and the
 * last are kept.
 *
 *   happening ──► fold into the row before? ──► first ROWS_FIRST rows │ ring of the last ROWS_LAST rows
 *                                                                     └──► left out, but counted
 */
#ifndef RS_VIEWER_ROWS_H
#define RS_VIEWER_ROWS_H

#include "viewer/happening.h"

#define ROWS_FIRST 40
#define ROWS_LAST 51 /* 40, the finding, and what comes after it */

struct row {
    struct happening
        happening; /* the first one's, but for count and bytes, which are sums; its text is the row's own */
    uint64_t events;
    char *text;
};

struct rows {
    struct row all[ROWS_FIRST + ROWS_LAST];
    size_t added;
    uint64_t left_out; /* events */
};

/* A story_listener: `argument` is a struct rows, at first all zero. */
void rows_add(void *argument, const struct happening *happening);

/* Those that are kept, in order. Those from ROWS_FIRST on are the last: left_out events lay before them. */
size_t rows_count(const struct rows *rows);
const struct row *rows_at(const struct rows *rows, size_t index);

void rows_free(struct rows *rows);

#endif
