/* story.h: what happened to one finding, context or description, picked out of all events by one walk over them.
 *
 *   walk ──► happening ──► does it concern the thing? ──► listener, one by one   (rows.h, or JSON)
 *                                                    └──► facts: threads, descriptions, processes, hand-overs
 *
 * A finding's story is that of its description and its contexts, from the owner's begin or the description's opening on, whichever is
 * later, until STORY_AFTER events after the finding. What those began with is told all the same, if it was before.
 *
 * What must stay true: nothing of what is heard is kept here, so a story may be as long as it likes. */
#ifndef RS_VIEWER_STORY_H
#define RS_VIEWER_STORY_H

#include "viewer/happening.h"
#include "viewer/id.h"

#define STORY_AFTER 10
#define STORY_CONTEXTS 6
#define STORY_DESCRIPTIONS 2

/* A thread that did something in the story. */
struct story_thread {
    const struct process *process;
    uint32_t thread;
    bool own;   /* a context's: it worked for it */
    char *name; /* NULL: it has none */
};

/* A description that the context had to do with. */
struct story_touch {
    uint64_t description;
    bool opened, given;
    uint64_t uses, bytes;
    UT_hash_handle hh;
};

/* A process that has had the description. */
struct story_holder {
    const struct process *process;
    uint64_t since, closed; /* closed 0: has it */
    uint32_t how;           /* enum rs_operation; RS_OP_none: not recorded */
    uint64_t closer;        /* the context that closed it there */
};

struct story {
    const struct model *model;
    struct thing thing;
    const struct process *process; /* one of the family that it is of: its ids are these processes' */
    struct happening_scope scope;
    uint64_t zero;  /* what times are relative to: the finding, the begin, the opening */
    uint64_t start; /* a finding's story: what was before is left out */
    uint64_t contexts[STORY_CONTEXTS];
    size_t context_count;
    uint64_t descriptions[STORY_DESCRIPTIONS];
    size_t description_count;
    /* facts, once it is told */
    struct story_thread *threads;
    size_t thread_count, thread_space;
    struct story_touch *touched; /* in the order of the first time */
    struct story_holder *holders;
    size_t holder_count, holder_space;
    uint64_t handovers[RS_HANDOVER_COUNT];
    uint64_t told, after; /* events; a finding's: after it */
};

typedef void story_listener(void *argument, const struct happening *happening);

/* Makes ready; the model must outlive it. */
void story_begin(struct story *story, const struct model *model, const struct thing *thing);

/* Tells it, once. */
void story_tell(struct story *story, story_listener *listener, void *argument);

void story_end(struct story *story);

#endif
