/* timeline_picture.c: see timeline_picture.h. Bars first, then lines between rows where nothing is in their way, marks, and numbers. */
#include "viewer/timeline_picture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* With fewer calls than this in the fullest cell, one call is still no full block. */
#define FULL_BLOCK 8u
#define NO_LETTER SIZE_MAX

static struct timeline_glyph *glyph_at(struct timeline_picture *picture, size_t row, size_t cell) {
    return &picture->glyphs[row * picture->columns + cell];
}

/* ---- letters ---- */

char timeline_letter(size_t place) {
    if (place >= TIMELINE_LETTERS) return '+';
    return (char)(place < 26 ? 'A' + place : 'a' + place - 26);
}

enum output_style timeline_hue(size_t letter) {
    static const enum output_style hues[] = {STYLE_SKY,    STYLE_ORANGE, STYLE_GREEN,
                                             STYLE_PURPLE, STYLE_BLUE,   STYLE_YELLOW};
    return letter < TIMELINE_LETTERS ? hues[letter % (sizeof hues / sizeof *hues)] : STYLE_PLAIN;
}

/* The context's, a new one when it has none yet; NO_LETTER for no context. */
static size_t letter_of(struct timeline_picture *picture, const struct process *process, uint64_t context) {
    size_t at = 0;
    if (!context) return NO_LETTER;
    for (; at < picture->letter_count; at++)
        if (picture->letters[at].context == context && picture->letters[at].process->family == process->family)
            return at;
    if (at == TIMELINE_LETTERS) {
        picture->more_letters = true;
        return at;
    }
    picture->letters[at] = (struct timeline_letter){process, context};
    picture->letter_count++;
    return at;
}

/* ---- bars ---- */

/* In eighths of a power of two: one call and a thousand are told apart. */
static uint64_t logarithm(uint32_t calls) {
    uint64_t value = calls + 1ull, power = 63 - (uint64_t)__builtin_clzll(value);
    return 8 * power + ((value << 3 >> power) & 7);
}

enum timeline_shape timeline_level(const struct timeline_picture *picture, uint32_t calls) {
    uint64_t full = logarithm(picture->most > FULL_BLOCK ? picture->most : FULL_BLOCK);
    return (enum timeline_shape)(SHAPE_LEVEL + (logarithm(calls) * TIMELINE_LEVELS - 1) / full);
}

/* The cells that a row lives in. */
struct span {
    bool any, begins, ends; /* begins, ends: in the shown part */
    size_t first, last;
};

static struct span span_of(const struct timeline *timeline, const struct timeline_row *row) {
    uint64_t begin = row->begin ? row->begin : row->first_seen, end = row->end;
    struct span span = {
        .any = begin && begin <= timeline->to && (!end || end >= timeline->from),
        .begins = begin >= timeline->from && row->begin,
        .ends = end && end <= timeline->to,
    };
    if (!span.any) return span;
    span.first = timeline_cell_of(timeline, begin);
    span.last = timeline_cell_of(timeline, end ? end : timeline->to);
    if (span.last < span.first) span.last = span.first;
    return span;
}

static enum timeline_shape idle_shape(const struct span *span, size_t cell) {
    if (cell == span->first && cell == span->last) return SHAPE_IDLE;
    if (cell == span->first) return span->begins ? SHAPE_BEGIN : SHAPE_BEFORE;
    if (cell == span->last) return span->ends ? SHAPE_END : SHAPE_BEYOND;
    return SHAPE_IDLE;
}

static void draw_bar(struct timeline_picture *picture, const struct timeline *timeline, size_t place) {
    const struct timeline_row *row = timeline->rows[place];
    struct span span = span_of(timeline, row);
    for (size_t i = 0; i < picture->cells; i++) {
        struct timeline_glyph *glyph = glyph_at(picture, place, i);
        uint32_t calls = row->cells ? row->cells[i].calls : 0;
        if (calls)
            *glyph = (struct timeline_glyph){(uint8_t)timeline_level(picture, calls), STYLE_SKY, 0};
        else if (span.any && i >= span.first && i <= span.last)
            *glyph = (struct timeline_glyph){(uint8_t)idle_shape(&span, i), STYLE_FAINT, 0};
    }
}

/* Who has the row goes over it: his letter where he takes it, at the next free cell, and his hue. */
static void draw_holders(struct timeline_picture *picture, const struct timeline *timeline, size_t place) {
    const struct timeline_row *row = timeline->rows[place];
    bool said = false;
    uint64_t holder = row->holder;
    for (size_t i = 0; i < picture->cells; i++) {
        struct timeline_glyph *glyph = glyph_at(picture, place, i);
        const struct timeline_cell *cell = row->cells ? &row->cells[i] : NULL;
        size_t letter;
        if (cell && cell->held && cell->holder != holder) said = false;
        if (cell && cell->held) holder = cell->holder;
        if (glyph->shape == SHAPE_BLANK) continue;
        letter = letter_of(picture, row->process, holder);
        glyph->style = (uint8_t)(letter == NO_LETTER ? (glyph->shape >= SHAPE_LEVEL ? STYLE_PLAIN : STYLE_FAINT)
                                                     : timeline_hue(letter));
        if (letter == NO_LETTER && glyph->shape == SHAPE_IDLE) glyph->shape = SHAPE_NOBODY;
        if (said || letter == NO_LETTER || (cell && timeline_draws(timeline, cell->mark))) continue;
        glyph->letter = timeline_letter(letter);
        said = true;
    }
}

/* ---- marks ---- */

enum output_style timeline_mark_style(enum timeline_kind kind) {
    static const enum output_style styles[TIMELINE_KINDS] = {
        [TIMELINE_PASSED] = STYLE_FAINT,
        [TIMELINE_CLEAN] = STYLE_GREEN,
        [TIMELINE_INDEBTED] = STYLE_ORANGE,
        [TIMELINE_FINDING] = STYLE_VERMILION,
    };
    return styles[kind];
}

static void draw_marks(struct timeline_picture *picture, const struct timeline *timeline, size_t place) {
    const struct timeline_row *row = timeline->rows[place];
    for (size_t i = 0; row->cells && i < picture->cells; i++) {
        enum timeline_kind kind = (enum timeline_kind)row->cells[i].mark;
        if (!timeline_draws(timeline, kind)) continue;
        *glyph_at(picture, place, i) =
            (struct timeline_glyph){(uint8_t)(SHAPE_MARK + kind - 1), (uint8_t)timeline_mark_style(kind), 0};
    }
}

/* What a line does to the shape that it meets; SHAPE_BLANK: it goes on behind it. */
static enum timeline_shape met_shape(uint8_t shape, bool giver, bool downwards) {
    bool lives = shape >= SHAPE_IDLE && shape <= SHAPE_BEYOND;
    if (giver && shape == SHAPE_BLANK) return downwards ? SHAPE_LATE_DOWN : SHAPE_LATE_UP;
    if (giver && lives) return downwards ? SHAPE_DOWN : SHAPE_UP;
    if (shape == SHAPE_BLANK) return SHAPE_LINE;
    return lives ? SHAPE_CROSSING : SHAPE_BLANK;
}

static void draw_line(struct timeline_picture *picture, const struct timeline *timeline,
                      const struct timeline_mark *mark) {
    size_t cell = timeline_cell_of(timeline, mark->time), from = mark->from_row->place, to = mark->row->place;
    bool downwards = from < to;
    for (size_t row = from; row != to; row = downwards ? row + 1 : row - 1) {
        struct timeline_glyph *glyph = glyph_at(picture, row, cell);
        enum timeline_shape shape = met_shape(glyph->shape, row == from, downwards);
        if (shape == SHAPE_BLANK) continue;
        *glyph = (struct timeline_glyph){(uint8_t)shape, (uint8_t)timeline_mark_style(mark->kind), 0};
    }
}

/* Does the mark's note have a line from this giver already? `drawn` is of all notes and rows. */
static bool is_new_line(const struct timeline_mark *mark, size_t number, size_t rows, bool *drawn) {
    bool *line = &drawn[(number - 1) * rows + mark->from_row->place], is_new = !*line;
    *line = true;
    return is_new;
}

/* One for each note and giver: more would hide the bars. */
static void draw_lines(struct timeline_picture *picture, const struct timeline *timeline,
                       const struct timeline_notes *notes) {
    bool *drawn = memory_new(notes->count * picture->rows);
    for (size_t i = 0; i < timeline->mark_count; i++) {
        const struct timeline_mark *mark = &timeline->marks[i];
        size_t number = notes->numbers[i];
        if (number && mark->row && mark->from_row && mark->row != mark->from_row &&
            is_new_line(mark, number, picture->rows, drawn))
            draw_line(picture, timeline, mark);
    }
    free(drawn);
}

/* ---- numbers ---- */

/* The number of a note in the cell of a row. */
struct tag {
    size_t row, cell, number;
};

static int compare_tags(const void *left, const void *right) {
    const struct tag *a = left, *b = right;
    if (a->row != b->row) return a->row < b->row ? -1 : 1;
    if (a->cell != b->cell) return a->cell < b->cell ? -1 : 1;
    return (a->number > b->number) - (a->number < b->number);
}

/* Sorted. */
static struct tag *list_tags(const struct timeline *timeline, const struct timeline_notes *notes, size_t *count) {
    struct tag *tags = memory_new(timeline->mark_count * sizeof *tags);
    *count = 0;
    for (size_t i = 0; i < timeline->mark_count; i++) {
        const struct timeline_mark *mark = &timeline->marks[i];
        const struct timeline_row *row = mark->row ? mark->row : mark->from_row;
        if (!notes->numbers[i] || !timeline_draws(timeline, mark->kind)) continue;
        tags[(*count)++] = (struct tag){row->place, timeline_cell_of(timeline, mark->time), notes->numbers[i]};
    }
    if (*count) qsort(tags, *count, sizeof *tags, compare_tags);
    return tags;
}

static bool is_mark(const struct timeline_glyph *glyph) {
    return glyph->shape >= SHAPE_MARK && glyph->shape < SHAPE_LEVEL;
}

/* Behind the mark; nowhere when another is in the way. */
static void write_tag(struct timeline_picture *picture, const struct tag *tag, const char *text) {
    size_t length = strlen(text), first = tag->cell + 1;
    uint8_t style = glyph_at(picture, tag->row, tag->cell)->style;
    for (size_t i = first; i < first + length; i++)
        if (i >= picture->columns || is_mark(glyph_at(picture, tag->row, i))) return;
    for (size_t i = 0; i < length; i++)
        *glyph_at(picture, tag->row, first + i) = (struct timeline_glyph){SHAPE_MARK, style, text[i]};
}

static void write_tags(struct timeline_picture *picture, const struct timeline *timeline,
                       const struct timeline_notes *notes) {
    size_t count, next;
    struct tag *tags = list_tags(timeline, notes, &count);
    for (size_t i = 0; i < count; i = next) {
        char text[32];
        size_t length = (size_t)snprintf(text, sizeof text, "%zu", tags[i].number), last = i;
        for (next = i + 1; next < count && tags[next].row == tags[i].row && tags[next].cell == tags[i].cell; next++) {
            if (tags[next].number == tags[last].number) continue;
            if (length < 6) length += (size_t)snprintf(text + length, sizeof text - length, ",%zu", tags[next].number);
            last = next;
        }
        write_tag(picture, &tags[i], text);
    }
    free(tags);
}

/* ---- all of it ---- */

static uint32_t most_calls(const struct timeline *timeline) {
    uint32_t most = 0;
    for (size_t i = 0; i < timeline->row_count; i++)
        for (size_t j = 0; timeline->rows[i]->cells && j < timeline->cells; j++)
            if (most < timeline->rows[i]->cells[j].calls) most = timeline->rows[i]->cells[j].calls;
    return most;
}

struct timeline_picture timeline_picture_of(const struct timeline *timeline, const struct timeline_notes *notes) {
    struct timeline_picture picture = {
        .rows = timeline->row_count,
        .cells = timeline->cells,
        .columns = timeline->cells + TIMELINE_EDGE,
        .glyphs = memory_new(timeline->row_count * (timeline->cells + TIMELINE_EDGE) * sizeof(struct timeline_glyph)),
        .most = most_calls(timeline),
    };
    for (size_t i = 0; i < picture.rows; i++) draw_bar(&picture, timeline, i);
    for (size_t i = 0; i < picture.rows && timeline->by != TIMELINE_BY_CONTEXT; i++)
        draw_holders(&picture, timeline, i);
    draw_lines(&picture, timeline, notes);
    for (size_t i = 0; i < picture.rows; i++) draw_marks(&picture, timeline, i);
    for (size_t i = 0; i < picture.rows * picture.columns; i++) picture.shown[picture.glyphs[i].shape] = true;
    write_tags(&picture, timeline, notes);
    return picture;
}

void timeline_picture_free(struct timeline_picture *picture) {
    free(picture->glyphs);
    *picture = (struct timeline_picture){0};
}
