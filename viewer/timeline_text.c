/* timeline_text.c: see timeline_text.h. */
#include "viewer/timeline_text.h"
#include "viewer/text.h"
#include "viewer/timeline_picture.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define LONGEST_THREAD 38 /* of a label: "1234567 thread 1234567 " and the kernel's 15 bytes of a name */

/* ---- text ---- */

/* Fit for the terminal: escaped, and in ASCII if it must be. */
static char *presentable(const char *text, bool utf8) {
    char *escaped = text_escape(text), *to = escaped;
    if (utf8) return escaped;
    for (const char *from = escaped; *from; from++) {
        unsigned char byte = (unsigned char)*from;
        if ((byte & 0xc0) != 0x80) *to++ = byte < 0x80 ? *from : '?'; /* one for each character */
    }
    *to = 0;
    return escaped;
}

/* Where the character behind `columns` characters begins, or the end. */
static char *skip_columns(char *text, size_t columns) {
    for (; *text; text++)
        if ((*text & 0xc0) != 0x80 && !columns--) break;
    return text;
}

/* " (fd 7)" at its end; "" when it ends otherwise. */
static const char *tail_of(const char *text) {
    const char *tail = strrchr(text, '(');
    bool is = tail && tail > text + 1 && tail[-1] == ' ' && text[strlen(text) - 1] == ')';
    return is ? tail - 1 : text + strlen(text);
}

/* Takes over presentable text; prints it in so many columns, cut before its tail when it is longer. */
static void print_label(char *text, size_t columns, bool utf8) {
    size_t taken = text_width(text);
    char *tail;
    if (taken <= columns) {
        printf("%s%*s", text, (int)(columns - taken), "");
        free(text);
        return;
    }
    tail = memory_copy(tail_of(text));
    if (text_width(tail) > columns / 2) *tail = 0;
    *skip_columns(text, columns - 1 - text_width(tail)) = 0;
    printf("%s%s%s", text, utf8 ? "\u2026" : "~", tail);
    free(tail);
    free(text);
}

/* Where a line of so many columns ends at best: behind its last blank, else in a word. */
static char *line_end(char *text, size_t columns) {
    char *end = skip_columns(text, columns), *blank = end;
    if (!*end || *end == ' ') return end;
    while (blank > text && *blank != ' ') blank--;
    return blank > text ? blank : end;
}

/* Takes over presentable text, and prints it in lines that are no wider than the layout's; all but the first are indented. `used`: so
 * many columns of the first one are taken. */
static void print_wrapped(const struct timeline_layout *layout, size_t used, size_t indent, char *text) {
    char *rest = text;
    for (;;) {
        char *end = line_end(rest, layout->width - used);
        printf("%.*s\n", (int)(end - rest), rest);
        rest = end + strspn(end, " ");
        if (!*rest) break;
        printf("%*s", (int)indent, "");
        used = indent;
    }
    free(text);
}

static void print_line(const struct timeline_layout *layout, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void print_line(const struct timeline_layout *layout, const char *format, ...) {
    va_list arguments;
    char *text = NULL;
    va_start(arguments, format);
    if (vasprintf(&text, format, arguments) < 0) memory_exhausted();
    va_end(arguments);
    print_wrapped(layout, 0, 2, presentable(text, layout->utf8));
    free(text);
}

/* Short texts in lines, none of them broken. */
struct items {
    const struct timeline_layout *layout;
    size_t used; /* columns of the line */
};

static struct items items_begin(const struct timeline_layout *layout) {
    return (struct items){.layout = layout};
}

/* Takes the text over. */
static void items_add(struct items *items, char *text) {
    char *shown = presentable(text, items->layout->utf8);
    size_t columns = text_width(shown), most = items->layout->width;
    if (items->used && items->used + 3 + columns > most) {
        putchar('\n');
        items->used = 0;
    }
    printf("%*s", items->used ? 3 : 0, "");
    items->used += columns < most ? columns + (items->used ? 3 : 0) : most;
    print_label(shown, columns < most ? columns : most, items->layout->utf8);
    free(text);
}

static void items_end(struct items *items) {
    if (items->used) putchar('\n');
}

/* ---- times ---- */

/* A unit that a time of the trace is told in, and with how many digits behind the point. */
struct unit {
    const char *name;
    uint64_t ns;
    int digits;
};

/* The unit for the end of what is shown, with digits for steps so small. */
static struct unit unit_for(uint64_t end, uint64_t step) {
    static const struct unit units[] = {{"s", 1000000000, 0}, {"ms", 1000000, 0}, {"us", 1000, 0}, {"ns", 1, 0}};
    struct unit unit = units[3];
    for (size_t i = 0; i < 3 && unit.ns == 1; i++)
        if (end >= units[i].ns) unit = units[i];
    for (uint64_t least = unit.ns; least > step && least > 1; least /= 10) unit.digits++;
    return unit;
}

/* After the trace's begin. */
static char *time_text(const struct timeline *timeline, struct unit unit, uint64_t time) {
    uint64_t first = timeline->model->first_time, after = time > first ? time - first : 0;
    return memory_format("%.*f %s", unit.digits, (double)after / (double)unit.ns, unit.name);
}

/* Times between which a cell's width makes a difference. */
static struct unit fine_unit(const struct timeline *timeline) {
    uint64_t step = (timeline->to - timeline->from) / timeline->cells / 4;
    return unit_for(timeline->to - timeline->model->first_time, step ? step : 1);
}

/* ---- the head ---- */

static const char *plural(uint64_t count) {
    return count == 1 ? "" : "s";
}

static void print_part(const struct timeline *timeline, const struct timeline_layout *layout) {
    static const char *const reasons[] = {
        [TIMELINE_ASKED] = "",
        [TIMELINE_WHOLE] = ", where all contexts are",
        [TIMELINE_AT_FINDING] = ", around the worst finding: --from 0 shows all",
        [TIMELINE_BUSIEST] = ", where the most contexts begin: --from 0 shows all",
    };
    const struct model *model = timeline->model;
    struct unit unit = fine_unit(timeline);
    char *from = time_text(timeline, unit, timeline->from), *to = time_text(timeline, unit, timeline->to);
    char *all = text_duration(model->last_time - model->first_time);
    print_line(layout, "%zu context%s in %s; shown: %s to %s%s", model->context_count, plural(model->context_count),
               all, from, to, reasons[timeline->part]);
    free(from);
    free(to);
    free(all);
}

static void print_omitted(const struct timeline *timeline, const struct timeline_layout *layout) {
    static const char *const names[] = {"context", "description", "thread"};
    size_t omitted = timeline->omitted_rows;
    if (omitted)
        print_line(layout,
                   "%zu more %s%s left out: those in findings, then in hand-overs, then those that begin here, then "
                   "the busiest are shown (--max %zu shows all)",
                   omitted, names[timeline->by], omitted == 1 ? " of this part is" : "s of this part are",
                   omitted + timeline->row_count);
    if (timeline->threads_full)
        print_line(layout, "only the first %u threads are counted: --pid chooses those of a process", TIMELINE_THREADS);
    if (timeline->untouched)
        print_line(layout, "%zu description%s that no context has used %s not shown (--match and --fd find them, too)",
                   timeline->untouched, plural(timeline->untouched), timeline->untouched == 1 ? "is" : "are");
    if (timeline->groups_elsewhere)
        print_line(layout, "%zu finding%s only at other times: `reqscope report` tells them",
                   timeline->groups_elsewhere, timeline->groups_elsewhere == 1 ? " is" : "s are");
}

/* ---- the picture ---- */

static const char *const utf8_shapes[SHAPE_COUNT] = {
    [SHAPE_BLANK] = " ",
    [SHAPE_IDLE] = "\u2500",
    [SHAPE_NOBODY] = "\u00b7",
    [SHAPE_BEGIN] = "\u251c",
    [SHAPE_END] = "\u2524",
    [SHAPE_BEFORE] = "<",
    [SHAPE_BEYOND] = ">",
    [SHAPE_LINE] = "\u2502",
    [SHAPE_CROSSING] = "\u253c",
    [SHAPE_DOWN] = "\u252c",
    [SHAPE_UP] = "\u2534",
    [SHAPE_LATE_DOWN] = "\u2577",
    [SHAPE_LATE_UP] = "\u2575",
    [SHAPE_MARK + TIMELINE_PASSED - 1] = "\u2218",
    [SHAPE_MARK + TIMELINE_CLEAN - 1] = "\u25c7",
    [SHAPE_MARK + TIMELINE_INDEBTED - 1] = "\u25c6",
    [SHAPE_MARK + TIMELINE_FINDING - 1] = "\u2717",
    [SHAPE_LEVEL + 0] = "\u2581",
    [SHAPE_LEVEL + 1] = "\u2582",
    [SHAPE_LEVEL + 2] = "\u2583",
    [SHAPE_LEVEL + 3] = "\u2584",
    [SHAPE_LEVEL + 4] = "\u2585",
    [SHAPE_LEVEL + 5] = "\u2586",
    [SHAPE_LEVEL + 6] = "\u2588",
};

static const char *const ascii_shapes[SHAPE_COUNT] = {
    [SHAPE_BLANK] = " ",
    [SHAPE_IDLE] = "-",
    [SHAPE_NOBODY] = ".",
    [SHAPE_BEGIN] = "[",
    [SHAPE_END] = "]",
    [SHAPE_BEFORE] = "<",
    [SHAPE_BEYOND] = ">",
    [SHAPE_LINE] = "|",
    [SHAPE_CROSSING] = "+",
    [SHAPE_DOWN] = "+",
    [SHAPE_UP] = "+",
    [SHAPE_LATE_DOWN] = "|",
    [SHAPE_LATE_UP] = "|",
    [SHAPE_MARK + TIMELINE_PASSED - 1] = "'",
    [SHAPE_MARK + TIMELINE_CLEAN - 1] = "@",
    [SHAPE_MARK + TIMELINE_INDEBTED - 1] = "%",
    [SHAPE_MARK + TIMELINE_FINDING - 1] = "!",
    [SHAPE_LEVEL + 0] = "=",
    [SHAPE_LEVEL + 1] = "=",
    [SHAPE_LEVEL + 2] = "=",
    [SHAPE_LEVEL + 3] = "*",
    [SHAPE_LEVEL + 4] = "*",
    [SHAPE_LEVEL + 5] = "#",
    [SHAPE_LEVEL + 6] = "#",
};

static const char *shape_text(const struct timeline_layout *layout, unsigned shape) {
    return layout->utf8 ? utf8_shapes[shape] : ascii_shapes[shape];
}

/* "1.6 ms" */
static char *rough_duration(uint64_t nanoseconds) {
    struct unit unit = unit_for(nanoseconds, UINT64_MAX);
    return memory_format("%.3g %s", (double)nanoseconds / (double)unit.ns, unit.name);
}

/* "▃ 1 to █ 12 calls in a cell of 1.6 ms" */
static char *activity_key(const struct timeline *timeline, const struct timeline_layout *layout,
                          const struct timeline_picture *picture) {
    char *each = rough_duration((timeline->to - timeline->from) / timeline->cells), *text;
    const char *least = shape_text(layout, timeline_level(picture, 1));
    if (!picture->most)
        text = memory_format("a cell is %s", each);
    else if (picture->most == 1)
        text = memory_format("%s 1 call in a cell of %s", least, each);
    else
        text = memory_format("%s 1 to %s %" PRIu32 " calls in a cell of %s", least,
                             shape_text(layout, timeline_level(picture, picture->most)), picture->most, each);
    free(each);
    return text;
}

/* What the shapes mean that are shown. */
static void print_key(const struct timeline *timeline, const struct timeline_layout *layout,
                      const struct timeline_picture *picture) {
    static const char *const meanings[SHAPE_COUNT] = {
        [SHAPE_IDLE] = "no I/O",
        [SHAPE_NOBODY] = "in no context",
        [SHAPE_BEYOND] = "goes on",
        [SHAPE_MARK + TIMELINE_PASSED - 1] = "passed on to its requester's next request",
        [SHAPE_MARK + TIMELINE_CLEAN - 1] = "handed over",
        [SHAPE_MARK + TIMELINE_INDEBTED - 1] = "handed over, with something owed",
        [SHAPE_MARK + TIMELINE_FINDING - 1] = "finding",
    };
    struct items items = items_begin(layout);
    for (unsigned i = 0; i < SHAPE_COUNT; i++)
        if (picture->shown[i] && meanings[i])
            items_add(&items, memory_format("%s %s", shape_text(layout, i), meanings[i]));
    items_add(&items, activity_key(timeline, layout, picture));
    if (timeline->by == TIMELINE_BY_FD)
        items_add(&items, memory_copy("a letter: used by another context from here on"));
    if (timeline->by == TIMELINE_BY_THREAD)
        items_add(&items, memory_copy("a letter: works for another context from here on"));
    items_end(&items);
}

/* The step of a scale whose labels have room. */
static uint64_t step_of(const struct timeline *timeline, size_t *longest) {
    uint64_t length = timeline->to - timeline->from, step = 1;
    for (unsigned turn = 0; step < UINT64_MAX / 10; turn = (turn + 1) % 3) {
        char *label = time_text(timeline, unit_for(timeline->to - timeline->model->first_time, step), timeline->to);
        *longest = strlen(label);
        free(label);
        if ((double)step / (double)length * (double)timeline->cells >= (double)*longest + 2) break;
        step = turn == 1 ? step / 2 * 5 : step * 2; /* 1, 2, 5, 10 */
    }
    return step;
}

/* Puts the label at the cell, or before the end of the line when it goes beyond; nowhere when another is there. */
static void write_label(char *line, size_t cells, size_t cell, const char *label) {
    size_t length = strlen(label), first = cell + length <= cells ? cell : cells - length;
    if (length > cells) return;
    for (size_t i = first ? first - 1 : 0; i < first + length; i++)
        if (line[i] != ' ') return;
    for (size_t i = 0; i < length; i++) line[first + i] = label[i];
}

static void print_axis(const struct timeline *timeline, const struct timeline_layout *layout) {
    uint64_t first = timeline->model->first_time, begin = timeline->from - first, end = timeline->to - first;
    size_t longest, cells = timeline->cells;
    uint64_t step = step_of(timeline, &longest);
    char *labels = memory_new(cells + 1), *ruler = memory_new(cells);
    memset(labels, ' ', cells);
    for (uint64_t tick = (begin + step - 1) / step * step; tick <= end; tick += step) {
        char *label = time_text(timeline, unit_for(end, step), first + tick);
        size_t cell = timeline_cell_of(timeline, first + tick);
        write_label(labels, cells, cell, label);
        ruler[cell] = 1;
        free(label);
        if (end - tick < step) break;
    }
    for (size_t i = cells; i-- && labels[i] == ' ';) labels[i] = 0;
    printf("%*s%s%s%s\n", (int)layout->labels, "", output_begin(STYLE_FAINT), labels, output_end());
    printf("%*s%s", (int)layout->labels, "", output_begin(STYLE_FAINT));
    for (size_t i = 0; i < cells; i++)
        fputs(layout->utf8 ? (ruler[i] ? "\u252c" : "\u2500") : ruler[i] ? "+" : "-", stdout);
    printf("%s\n", output_end());
    free(labels);
    free(ruler);
}

static void print_cells(const struct timeline_layout *layout, const struct timeline_picture *picture, size_t row) {
    const struct timeline_glyph *glyphs = &picture->glyphs[row * picture->columns];
    size_t columns = picture->columns;
    uint8_t style = STYLE_PLAIN;
    while (columns && glyphs[columns - 1].shape == SHAPE_BLANK) columns--;
    for (size_t i = 0; i < columns; i++) {
        if (glyphs[i].style != style)
            printf("%s%s", style == STYLE_PLAIN ? "" : output_end(), output_begin(glyphs[i].style));
        style = glyphs[i].style;
        if (glyphs[i].letter)
            putchar(glyphs[i].letter);
        else
            fputs(shape_text(layout, glyphs[i].shape), stdout);
    }
    printf("%s\n", style == STYLE_PLAIN ? "" : output_end());
}

static char *row_label(const struct timeline *timeline, const struct timeline_row *row) {
    char *label = timeline_label(row), *longer;
    if (timeline->model->process_count < 2) return label;
    longer = memory_format("%" PRIu32 " %s", row->process->pid, label);
    free(label);
    return longer;
}

static void print_rows(const struct timeline *timeline, const struct timeline_layout *layout,
                       const struct timeline_picture *picture) {
    for (size_t i = 0; i < timeline->row_count; i++) {
        char *label = row_label(timeline, timeline->rows[i]);
        print_label(presentable(label, layout->utf8), layout->labels - 1, layout->utf8);
        putchar(' ');
        print_cells(layout, picture, i);
        free(label);
    }
}

/* ---- under it ---- */

/* "A GET /a (1)   B GET /b (2)" */
static void print_letters(const struct timeline_layout *layout, const struct timeline_picture *picture) {
    struct items items = items_begin(layout);
    if (picture->letter_count) putchar('\n');
    for (size_t i = 0; i < picture->letter_count; i++) {
        char *context = timeline_context(picture->letters[i].process, picture->letters[i].context);
        items_add(&items, memory_format("%c %s", timeline_letter(i), context));
        free(context);
    }
    if (picture->more_letters) items_add(&items, memory_copy("+ others"));
    items_end(&items);
}

static void print_note(const struct timeline *timeline, const struct timeline_layout *layout,
                       const struct timeline_note *note, size_t number) {
    const struct timeline_mark *mark = note->first;
    char *time = time_text(timeline, fine_unit(timeline), mark->time), *text = timeline_note_text(note, layout->utf8);
    char *head = memory_format("%3zu %s ", number, shape_text(layout, (unsigned)(SHAPE_MARK + mark->kind - 1)));
    char *body = memory_format("%s  %s", time, text);
    size_t used = text_width(head);
    printf("%s%s%s", output_begin(timeline_mark_style(mark->kind)), head, output_end());
    print_wrapped(layout, used, used, presentable(body, layout->utf8));
    free(time);
    free(text);
    free(head);
    free(body);
}

static void print_notes(const struct timeline *timeline, const struct timeline_layout *layout,
                        const struct timeline_notes *notes) {
    uint64_t unkept = 0;
    if (notes->count) putchar('\n');
    for (size_t i = 0; i < notes->count; i++) print_note(timeline, layout, &notes->all[i], i + 1);
    for (size_t i = 0; i < TIMELINE_KINDS; i++)
        if (i != TIMELINE_PASSED && timeline->counts[i] > TIMELINE_MARKS)
            unkept += timeline->counts[i] - TIMELINE_MARKS;
    if (notes->left_out + unkept)
        print_line(layout, "%" PRIu64 " more hand-overs and findings have no number here: --from and --to look closer",
                   notes->left_out + unkept);
}

/* ---- all of it ---- */

struct timeline_layout timeline_layout_of(const struct timeline *timeline, size_t width, bool utf8) {
    struct timeline_layout layout = {.width = width, .utf8 = utf8};
    size_t longest = timeline->by == TIMELINE_BY_THREAD ? LONGEST_THREAD : 0;
    for (size_t i = 0; i < timeline->row_count; i++) {
        char *label = row_label(timeline, timeline->rows[i]), *shown = presentable(label, utf8);
        size_t columns = text_width(shown);
        if (longest < columns) longest = columns;
        free(label);
        free(shown);
    }
    layout.labels = (longest < width / 3 ? longest : width / 3) + 1;
    layout.cells = width - layout.labels - TIMELINE_EDGE;
    return layout;
}

void timeline_print(const struct timeline *timeline, const struct timeline_layout *layout) {
    struct timeline_notes notes = timeline_notes_of(timeline);
    struct timeline_picture picture = timeline_picture_of(timeline, &notes);
    print_part(timeline, layout);
    print_omitted(timeline, layout);
    if (timeline->row_count) {
        print_key(timeline, layout, &picture);
        putchar('\n');
        print_axis(timeline, layout);
        print_rows(timeline, layout, &picture);
        print_letters(layout, &picture);
        print_notes(timeline, layout, &notes);
    } else {
        print_line(layout, "nothing to draw: no %s of this part is asked for",
                   timeline->by == TIMELINE_BY_FD       ? "description"
                   : timeline->by == TIMELINE_BY_THREAD ? "thread"
                                                        : "context");
    }
    timeline_picture_free(&picture);
    timeline_notes_free(&notes);
}
