/* page_tables.h: which contexts, descriptions and crossings of a trace an exported page shows, each with its row there.
 *
 *   model ──► contexts, descriptions ──┐
 *                                      ├──► rows: all, or as many as a browser takes
 *   walk ───► uses, handovers, ────────┘
 *             sightings, activity
 *
 * A crossing is where a description goes from one context to another: a hand-over, or a foreign use (of what another context owns
 * at that moment).
 *
 * What must stay true: whoever a finding or a crossing of the page names has a row, as long as it is in the model; others give way. */
#ifndef RS_VIEWER_PAGE_TABLES_H
#define RS_VIEWER_PAGE_TABLES_H

#include "viewer/export.h"

/* Rows of what is not there: none was named; one was, of which the page has no row. */
#define PAGE_NONE (-1)
#define PAGE_ABSENT (-2)

/* Parts of a context's time, in which its calls are counted. */
#define PAGE_ACTIVITY 24

/* The most rows of each. */
struct page_limits {
    size_t contexts, descriptions, uses, handovers, sightings;
};

struct page_context {
    const struct context *context;
    uint64_t seen_first, seen_last; /* its calls; 0: none */
    uint32_t activity[PAGE_ACTIVITY];
};

/* Whether one has a row, and which. */
struct page_row {
    bool named; /* by a finding or a crossing */
    bool taken; /* by the filter */
    int64_t row;
};

/* What one context did with one description while one other owned it. All are places in the model, not rows. */
struct page_use {
    struct {
        int64_t description, context, owner; /* owner: PAGE_NONE: itself, or nobody */
    } key;
    uint64_t first, last, calls, bytes;
    UT_hash_handle hh;
};

struct page_handover {
    uint64_t time;
    int64_t description, from, to;
    uint32_t reason; /* enum rs_handover */
};

/* A finding, seen once. */
struct page_sighting {
    uint64_t time;
    int64_t group, description, owner, user;
};

struct page_tables {
    const struct export *export;
    struct page_limits limits;
    struct ids *context_numbers, *description_numbers; /* by family: place in the model + 1 */
    struct page_context *contexts;                     /* by their place in the model, as these are: */
    struct page_row *context_rows, *description_rows;
    uint64_t *owners;                          /* of the descriptions, so far in the walk */
    size_t context_chosen, description_chosen; /* that are named or that the filter takes */
    size_t context_shown, description_shown;   /* that have a row */
    struct page_use *uses;
    size_t own_uses, foreign_uses;
    struct page_handover *handovers;
    size_t handover_count, handover_space;
    struct page_sighting *sightings;
    size_t sighting_count, sighting_space;
    uint64_t uses_left_out, foreign_left_out, handovers_left_out, sightings_left_out; /* events */
};

/* Walks the trace once. */
struct page_tables *page_tables_of(const struct export *export, const struct page_limits *limits);

/* The row of the one with that id in the process: PAGE_NONE for 0. */
int64_t page_context_row(const struct page_tables *tables, const struct process *process, uint64_t id);
int64_t page_description_row(const struct page_tables *tables, const struct process *process, uint64_t id);

void page_tables_free(struct page_tables *tables);

#endif
