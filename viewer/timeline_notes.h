/* timeline_notes.h: what is said in words under a timeline, and the numbers by which the picture points there. A finding has one note,
 * however often it was seen and by whom; a hand-over has one for its description, giver, taker and reason.
 *
 * When there are too many, findings come first, then hand-overs with a debt, then the earliest; the rest has no number. */
#ifndef RS_VIEWER_TIMELINE_NOTES_H
#define RS_VIEWER_TIMELINE_NOTES_H

#include "viewer/timeline.h"

#define TIMELINE_NOTES 24

struct timeline_note {
    const struct timeline_mark *first; /* that it speaks of */
    uint64_t count;
};

struct timeline_notes {
    struct timeline_note *all; /* in the order of time; all[0] has number 1 */
    size_t count, space;
    size_t *numbers;   /* of the timeline's marks, by their places there; 0: none */
    uint64_t left_out; /* hand-overs and findings that have no note */
};

/* Does the picture have marks of this kind? By fd, that another context has it is seen by its letter. */
bool timeline_draws(const struct timeline *timeline, unsigned kind);

struct timeline_notes timeline_notes_of(const struct timeline *timeline);

/* "foreign-io, 3 times: GET /b (context 2) writes to fd 7, which ..."; the caller's to free, and not escaped. */
char *timeline_note_text(const struct timeline_note *note, bool utf8);

/* A finding as it was at the mark: by whom, and to whom. */
char *timeline_finding_text(const struct timeline_mark *mark);

void timeline_notes_free(struct timeline_notes *notes);

#endif
