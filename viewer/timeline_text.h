/* timeline_text.h: a timeline on a terminal: a head that says what is shown, an axis, a line a row, and notes. No line is wider than it
 * may be. */
#ifndef RS_VIEWER_TIMELINE_TEXT_H
#define RS_VIEWER_TIMELINE_TEXT_H

#include "viewer/timeline.h"

struct timeline_layout {
    size_t width;  /* of a line, in columns */
    size_t labels; /* of those, for labels with what separates them from the cells */
    size_t cells;
    bool utf8; /* else ASCII alone */
};

/* What fits the width: labels take a third of it at most. For rows that come with the walk (by thread): as for usual labels. */
struct timeline_layout timeline_layout_of(const struct timeline *timeline, size_t width, bool utf8);

/* Prints it on stdout, when it was counted into as many cells as the layout has room for. */
void timeline_print(const struct timeline *timeline, const struct timeline_layout *layout);

#endif
