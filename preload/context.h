/* context.h: the requests.
 *
 *   id ──► level 0: [  2048 places]  place id % 2048     an id lies in the first level whose place was free when it began;
 *          level 1: [ 16384 places]  place id % 16384    a lookup tries the levels in turn: at most four loads, no lock.
 *          level 2: [131072 places]                      With few live contexts only the first level's memory is touched.
 *          level 3: [ 1 Mi  places]
 *
 * What must stay true:
 * - Ids count up and are never used again. A place is used again when its context has ended and owns no description any more;
 *   so the label of an owner can still be told after its end.
 * - The arena is shared with the processes forked from this one: an owner in another process has a name here, too.
 * - `key` = id * 2 + (1 while live) is the one word that claims and identifies a place.
 * - What a context must run at its end, and keeps for REQSCOPE_LOCAL, holds addresses, so it is the process's own. */
#ifndef RS_PRELOAD_CONTEXT_H
#define RS_PRELOAD_CONTEXT_H

#include "preload/guard.h"

#include <stdbool.h>
#include <stdint.h>

#define RS_LABEL_SIZE 128

/* What a context owns is noted by place in the arena of descriptions: the first few, which are mostly all. */
#define RS_OWNED_NOTED 4

struct rs_context {
    uint64_t key;       /* atomic */
    uint64_t parent;    /* the context that was current when it began */
    uint64_t began;     /* CLOCK_MONOTONIC nanoseconds */
    uint32_t owned;     /* descriptions that it owns; atomic */
    uint32_t thread;    /* that began it */
    uint32_t process;   /* that began it */
    uint32_t ended_in;  /* the process that ended it; atomic */
    uint32_t requester; /* inferred: the number of the connection that its request came on; 0: none */
    uint8_t origin;     /* enum rs_origin */
    bool session;       /* inferred: all requests on that connection are one requester's */
    bool answered;      /* inferred: something was written on it since; atomic */
    bool owned_more;    /* it owned further ones than are noted; atomic */
    uint32_t owned_places[RS_OWNED_NOTED]; /* 0: free; atomic */
    char label[RS_LABEL_SIZE];
} __attribute__((aligned(64)));
_Static_assert(sizeof(struct rs_context) == 192, "three cache lines");

bool rs_contexts_start(void);

/* Begins a context; NULL when all places are taken. Its key is set last. */
struct rs_context *rs_context_begin(const char *label, uint32_t origin);

/* The place of an id, live or ended; NULL when its place has been used again, or there never was such an id. */
struct rs_context *rs_context_find(uint64_t id);

bool rs_context_live(const struct rs_context *context);
bool rs_context_is_inferred(const struct rs_context *context); /* nobody announced it */

/* Is it over for this process? A fork's child and its parent may each go on with a context that the other one has ended. */
bool rs_context_is_over(uint64_t id);
bool rs_context_ever(uint64_t id);
bool rs_contexts_begun(void); /* has there been any? */
/* The first one that this process has begun (of two threads' at once, either); until it has, the one of the process that it was
 * forked from; 0: there is none. What the first request opens may be what is meant for all. */
uint64_t rs_context_first(void);
uint64_t rs_context_first_began(void); /* when; ~0: there is none */
void rs_context_first_is_none(void);   /* those that there were do not count */
static inline uint64_t rs_context_id(const struct rs_context *context) {
    return __atomic_load_n(&context->key, __ATOMIC_ACQUIRE) >> 1;
}

/* Marks it ended; false when it was not live here: somebody else ended it. After that its place may be another's at any moment. A
 * fork's child that ends what it came with ends it for itself: to the process that began it, it goes on. */
bool rs_context_finish(struct rs_context *context, uint64_t id);

/* A description of its own more, or less. id may be 0 or unknown: then NULL is returned. */
struct rs_context *rs_context_owns(uint64_t id, uint32_t place, int change);

/* The same where the context is known: one that has just begun, and of which nobody else knows yet, gets its first; one that owns the
 * description, and is not given up before, has it no longer. */
void rs_context_owns_first(struct rs_context *context, uint32_t place);
void rs_context_disowns(struct rs_context *context, uint32_t place);

/* Calls visit for every live context. */
void rs_context_each_live(void (*visit)(struct rs_context *context));

/* Functions to run at its end, last in first out, and values by key. -1 when memory is used up. */
int rs_context_defer(struct rs_context *context, void (*function)(void *), void *argument);
int rs_context_set(struct rs_context *context, const void *key, void *value);
void *rs_context_get(struct rs_context *context, const void *key);
/* Runs and forgets them all, including those that are added meanwhile. */
void rs_context_run_deferred(struct rs_context *context);

#endif
