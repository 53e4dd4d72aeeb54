/* groups.h: findings as people read them. CONTRACT: the same kind from the same pair of stacks is one finding with a count. A process
 * tells each of its own once; here those of all processes are put together, by what their stacks mean: module and address in the
 * module's file, which are the same in a process that was forked, and in one that has loaded its modules elsewhere.
 *
 *   groups ──► group ──► first: what is shown
 *                ├─────► findings: those that it stands for, in the order of processes
 *                ├─────► pids of them
 *                └─────► who did it, whom it was done to: contexts, each once, of all of them
 */
#ifndef RS_VIEWER_GROUPS_H
#define RS_VIEWER_GROUPS_H

#include "viewer/filter.h"

struct group {
    const struct finding *first; /* the earliest whose first report is known: its labels and stacks stand for all */
    const struct finding **findings;
    size_t count, space;
    uint64_t times; /* how often it was seen, in all of them */
    uint64_t first_time, last_time;
    uint64_t users, owners; /* different contexts that did it, and that it was done to */
    const struct context **user_contexts, **owner_contexts; /* these, in the order of families and their numbers */
    uint32_t *pids;                                         /* rising */
    size_t pid_count;
    uint64_t mended; /* leak: closed after all */
};

struct groups {
    /* The worst first: what shows one requester's data to another, then what may; leaks last; then by times. */
    struct group **all;
    size_t count;
    uint64_t times; /* in all */
};

/* A label, and how many of some contexts have it. */
struct label_count {
    const char *label; /* "" for those without one */
    uint64_t contexts;
};

/* Those of the model's findings that the filter takes (NULL: all). Points into the model. */
struct groups groups_of(const struct model *model, const struct filter *filter);
void groups_free(struct groups *groups);

/* Each label of the contexts once, the most frequent first. The array is the caller's to free. */
struct label_count *groups_labels(const struct context *const *contexts, size_t contexts_count, size_t *count);

#endif
