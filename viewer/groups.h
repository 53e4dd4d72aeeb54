/* groups.h: findings as people read them. CONTRACT: the same kind from the same pair of stacks is one finding with a count. A process
 * tells each of its own once; here those of all processes are put together, by what their stacks mean: module and address in the
 * module's file, which are the same in a process that was forked, and in one that has loaded its modules elsewhere.
 *
 *   groups ──► group: what is shown (first), those that it stands for, sums
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
    uint64_t mended;        /* leak: closed after all */
};

struct groups {
    struct group **
        all; /* the worst first: what shows one requester's data to another, then what may; leaks last; then by times */
    size_t count;
    uint64_t times; /* in all */
};

/* Those of the model's findings that the filter takes (NULL: all). Points into the model. */
struct groups groups_of(const struct model *model, const struct filter *filter);
void groups_free(struct groups *groups);

#endif
