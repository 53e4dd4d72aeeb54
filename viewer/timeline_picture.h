/* timeline_picture.h: a timeline as shapes in a grid, one a cell, before it is known which characters they are.
 *
 *   GET /a (1)   ├▂──▃──┬──────┤          a bar: lives, and how much I/O
 *   GET /b (2)     ├▂───│────┤            a line from who gave to who took
 *   GET /c (3)      ├───◇1▂▂┤             a mark, and the number of its note
 *
 * By fd and by thread a letter stands where the row goes over to another context, whose bar follows in that one's hue. */
#ifndef RS_VIEWER_TIMELINE_PICTURE_H
#define RS_VIEWER_TIMELINE_PICTURE_H

#include "viewer/output.h"
#include "viewer/timeline_notes.h"

#define TIMELINE_LEVELS 7
#define TIMELINE_EDGE 4 /* columns behind the cells, for the numbers of the last marks */
#define TIMELINE_LETTERS 52u

enum timeline_shape {
    SHAPE_BLANK,
    SHAPE_IDLE,   /* lives, and does no I/O */
    SHAPE_NOBODY, /* a thread in no context */
    SHAPE_BEGIN,
    SHAPE_END,
    SHAPE_BEFORE,   /* began before the shown part */
    SHAPE_BEYOND,   /* lives after it */
    SHAPE_LINE,     /* from one row to another: past nothing, */
    SHAPE_CROSSING, /* past one that lives, */
    SHAPE_DOWN,     /* from one that lives, downwards, */
    SHAPE_UP,
    SHAPE_LATE_DOWN, /* from one that has ended */
    SHAPE_LATE_UP,
    SHAPE_MARK,                                    /* + enum timeline_kind - 1 */
    SHAPE_LEVEL = SHAPE_MARK + TIMELINE_KINDS - 1, /* + 0 for the fewest calls, to TIMELINE_LEVELS - 1 */
    SHAPE_COUNT = SHAPE_LEVEL + TIMELINE_LEVELS
};

struct timeline_glyph {
    uint8_t shape; /* enum timeline_shape */
    uint8_t style; /* enum output_style */
    char letter;   /* a letter or digit in its place; 0: none */
};

/* A context that letters stand for. */
struct timeline_letter {
    const struct process *process;
    uint64_t context;
};

struct timeline_picture {
    size_t rows, cells, columns;   /* columns: the cells and the edge */
    struct timeline_glyph *glyphs; /* row by row */
    uint32_t most;                 /* calls in a cell */
    bool shown[SHAPE_COUNT];
    struct timeline_letter letters[TIMELINE_LETTERS]; /* A to Z, a to z */
    size_t letter_count;
    bool more_letters; /* + stands for others */
};

struct timeline_picture timeline_picture_of(const struct timeline *timeline, const struct timeline_notes *notes);

/* Of so many calls. */
enum timeline_shape timeline_level(const struct timeline_picture *picture, uint32_t calls);

char timeline_letter(size_t place);
enum output_style timeline_hue(size_t letter);
enum output_style timeline_mark_style(enum timeline_kind kind);

void timeline_picture_free(struct timeline_picture *picture);

#endif
