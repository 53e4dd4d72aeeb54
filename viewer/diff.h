/* diff.h: two traces beside each other: which findings came, went and stayed, and how many descriptions a context opens.
 *
 *   diff ──► sides[0]: before, sides[1]: after ──► model, filter, groups
 *     ├────► findings, in three rows: came, went, stayed    (diff_findings.c)
 *     └────► opens, those that changed most first           (diff_opens.c)
 *
 * The program was built anew between the two, most likely, so addresses and lines mean nothing: a finding is the same when its kind and
 * the names in its two stacks are. What differs from one run to the next without meaning anything (numbers in labels and paths, ports
 * that the kernel chose, names that a compiler gave to parts of a function) is left out of what is compared. */
#ifndef RS_VIEWER_DIFF_H
#define RS_VIEWER_DIFF_H

#include "viewer/groups.h"
#include "viewer/symbols.h"

enum { DIFF_BEFORE, DIFF_AFTER, DIFF_SIDES };

struct diff_side {
    const char *folder;
    struct model model;
    struct filter filter;
    struct groups groups;
};

/* All groups that are the same to people. */
struct diff_finding {
    const struct group *group; /* that is shown: the worst, after if it is there */
    uint64_t times[DIFF_SIDES];
};

struct diff_findings {
    struct diff_finding *all;
    size_t count, space;
};

/* What contexts of one label open of one description. */
struct diff_opens {
    char *label; /* NULL: no context's */
    char *description;
    uint64_t opens[DIFF_SIDES], contexts[DIFF_SIDES];
};

struct diff {
    struct diff_side sides[DIFF_SIDES];
    struct symbols *symbols;
    struct diff_findings came, went, stayed;
    struct diff_opens *opens;
    size_t opens_count, opens_space;
    size_t labels_alone; /* labels whose contexts are on one side only: nothing to compare */
    char **nameless;     /* modules that have names on one side only, with that side's folder: "shop in A" */
    size_t nameless_count, nameless_space;
};

/* Sides are loaded, with groups made and symbols open; the rest is filled in. */
void diff_find_findings(struct diff *diff);
void diff_find_opens(struct diff *diff);

/* How many a context opens; of no context: in all. */
double diff_rate(const struct diff_opens *opens, int side);

/* What stays of a function's name when it is built anew: "query.part.0" and "query<int>" are query; the caller's to free. */
char *diff_function(const char *name);

/* What stays of a label or a path: "GET /users/42?page=2" is "GET /users/N"; the caller's to free. */
char *diff_label(const char *label);

/* What stays of a description's name; the caller's to free. */
char *diff_description(const struct description *description);

void diff_print_text(const struct diff *diff);
void diff_print_json(const struct diff *diff);

#endif
