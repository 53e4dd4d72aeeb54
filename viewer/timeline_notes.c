/* timeline_notes.c: see timeline_notes.h. */
#include "viewer/timeline_notes.h"
#include "viewer/finding_text.h"
#include "viewer/text.h"

#include <inttypes.h>
#include <stdlib.h>

bool timeline_draws(const struct timeline *timeline, unsigned kind) {
    return kind > (timeline->by == TIMELINE_BY_FD ? TIMELINE_CLEAN : TIMELINE_NO_MARK);
}

/* A hand-over that a finding says is dirty has that one's note; one within a requester's connection says nothing new. */
static bool is_noteworthy(const struct timeline *timeline, const struct timeline_mark *mark) {
    if (mark->kind == TIMELINE_FINDING) return true;
    return mark->kind > TIMELINE_PASSED && mark->row && !mark->finding && timeline_draws(timeline, mark->kind);
}

static bool is_of(const struct timeline_note *note, const struct timeline_mark *mark) {
    const struct timeline_mark *first = note->first;
    if (mark->group || first->group) return mark->group == first->group;
    return first->process->family == mark->process->family && first->description == mark->description &&
           first->from == mark->from && first->to == mark->to && first->reason == mark->reason;
}

/* Its place; notes->count: there is none. */
static size_t find_note(const struct timeline_notes *notes, const struct timeline_mark *mark) {
    for (size_t i = notes->count; i--;)
        if (is_of(&notes->all[i], mark)) return i;
    return notes->count;
}

static void add_to_notes(struct timeline_notes *notes, const struct timeline_mark *mark) {
    size_t at = find_note(notes, mark);
    if (at < notes->count) {
        notes->all[at].count++;
        return;
    }
    notes->all = memory_grow(notes->all, &notes->space, notes->count + 1, sizeof *notes->all);
    notes->all[notes->count++] = (struct timeline_note){.first = mark, .count = 1};
}

static int compare_loudness(const void *left, const void *right) {
    const struct timeline_mark *a = ((const struct timeline_note *)left)->first;
    const struct timeline_mark *b = ((const struct timeline_note *)right)->first;
    if (a->kind != b->kind) return a->kind > b->kind ? -1 : 1;
    return (a > b) - (a < b);
}

/* Marks lie in the order of time. */
static int compare_times(const void *left, const void *right) {
    const struct timeline_mark *a = ((const struct timeline_note *)left)->first;
    const struct timeline_mark *b = ((const struct timeline_note *)right)->first;
    return (a > b) - (a < b);
}

static void leave_out_quiet(struct timeline_notes *notes) {
    if (notes->count <= TIMELINE_NOTES) return;
    qsort(notes->all, notes->count, sizeof *notes->all, compare_loudness);
    notes->count = TIMELINE_NOTES;
    qsort(notes->all, notes->count, sizeof *notes->all, compare_times);
}

struct timeline_notes timeline_notes_of(const struct timeline *timeline) {
    struct timeline_notes notes = {.numbers = memory_new(timeline->mark_count * sizeof(size_t))};
    for (size_t i = 0; i < timeline->mark_count; i++) {
        const struct timeline_mark *mark = &timeline->marks[i];
        if (is_noteworthy(timeline, mark)) add_to_notes(&notes, mark);
    }
    leave_out_quiet(&notes);
    for (size_t i = 0; i < timeline->mark_count; i++) {
        const struct timeline_mark *mark = &timeline->marks[i];
        size_t at = is_noteworthy(timeline, mark) ? find_note(&notes, mark) : notes.count;
        if (at < notes.count) notes.numbers[i] = at + 1;
        notes.left_out += is_noteworthy(timeline, mark) && at == notes.count;
    }
    return notes;
}

char *timeline_finding_text(const struct timeline_mark *mark) {
    struct finding seen = *mark->finding;
    seen.owner = seen.first_user && mark->from == seen.first_user ? 0 : mark->from;
    seen.user = mark->to;
    seen.description = mark->description;
    seen.fd = mark->fd;
    return finding_sentence(&seen);
}

static char *finding_note(const struct timeline_note *note) {
    char *sentence = timeline_finding_text(note->first), *text;
    const char *kind = finding_kind(note->first->finding);
    if (note->count > 1)
        text = memory_format("%s, %" PRIu64 " times: %s", kind, note->count, sentence);
    else
        text = memory_format("%s: %s", kind, sentence);
    free(sentence);
    return text;
}

char *timeline_note_text(const struct timeline_note *note, bool utf8) {
    const struct timeline_mark *mark = note->first;
    const char *reason = rs_handover_name(mark->reason), *arrow = utf8 ? "\u2192" : "->";
    char *description, *from, *to, *text;
    if (mark->kind == TIMELINE_FINDING) return finding_note(note);
    description = timeline_description(mark);
    from = timeline_context(mark->process, mark->from);
    to = timeline_context(mark->process, mark->to);
    text = memory_format("%s: %s %s %s, %s", description, from, arrow, to, reason ? reason : "handed over");
    free(description);
    free(from);
    free(to);
    if (note->count > 1) {
        char *longer = memory_format("%s, %" PRIu64 " times", text, note->count);
        free(text);
        text = longer;
    }
    return text;
}

void timeline_notes_free(struct timeline_notes *notes) {
    free(notes->all);
    free(notes->numbers);
    *notes = (struct timeline_notes){0};
}
