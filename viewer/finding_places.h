/* finding_places.h: a finding's places in the program, each with its stack: where it was used, where opened, where closed before.
 * The first is the one to look at: where it was used, and of a leak where it was opened. Shared by the exports. */
#ifndef RS_VIEWER_FINDING_PLACES_H
#define RS_VIEWER_FINDING_PLACES_H

#include "viewer/symbols.h"

#define FINDING_PLACES 3

struct finding_place {
    const char *what; /* "used", "opened", "closed before" */
    uint64_t context;
    uint32_t thread; /* 0: not known */
    struct frame *frames;
    size_t count;
    bool truncated; /* there were more frames */
    bool lost;      /* a stack was taken, and the trace no longer has it */
};

/* Returns how many there are, at least 1. To be freed with finding_places_free. */
size_t finding_places(struct symbols *symbols, const struct finding *finding, struct finding_place *places);
void finding_places_free(struct finding_place *places, size_t count);

/* "used here by GET /b (context 2)"; the caller's to free, not escaped. */
char *finding_place_title(const struct finding *finding, const struct finding_place *place);

/* The stack, a line a frame, each with its newline; the caller's to free, not escaped. */
char *finding_place_text(const struct finding_place *place);

/* Is the frame of the C library, the dynamic linker or the guard? */
bool finding_place_is_runtime(const struct frame *frame);

/* The frame that says where it is: the innermost of the program's own. NULL: there is no frame. */
const struct frame *finding_place_frame(const struct finding_place *place);

/* "ask_over", "server+0x12cc", or "unknown place"; the caller's to free, not escaped. */
char *finding_place_name(const struct finding_place *place);

/* A number that is the same for findings of one kind, by one call, from the same functions, in each run of each build: lines and addresses are no
 * part of it where functions have names. */
uint64_t finding_fingerprint(const struct finding *finding, const struct finding_place *places, size_t count);

#endif
