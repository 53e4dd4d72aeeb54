/* timeline.h: what happened when, as the data of a picture: rows, each cut into cells of time, and marks where a description crosses
 * from one context to another or where something was found.
 *
 *            from            cells                to
 *   row ──►  │ calls │ calls, mark │ ... │ calls │       a row a context, a description, or a thread
 *   marks ─► time, from context, to context, the rows of both
 *
 * Made in two steps: timeline_choose, from the model alone: which part of the time, and which rows; timeline_count, by one walk over
 * the events: what is in the cells. (A thread is in no model: such rows come with the walk.) Between the two it is known how wide the
 * rows' labels are, and so how many cells there is room for.
 *
 * What must stay true: events are counted, not kept. Memory is rows x cells, and TIMELINE_MARKS marks of each kind at most; a cell
 * knows its loudest mark all the same. */
#ifndef RS_VIEWER_TIMELINE_H
#define RS_VIEWER_TIMELINE_H

#include "viewer/groups.h"

#define TIMELINE_ROWS 60       /* unless --max says another number */
#define TIMELINE_MARKS 4096u   /* that are kept of each kind */
#define TIMELINE_THREADS 4096u /* the first ones, among which rows are chosen */

enum timeline_by { TIMELINE_BY_CONTEXT, TIMELINE_BY_FD, TIMELINE_BY_THREAD };

/* Why this part of the time is shown. */
enum timeline_part { TIMELINE_ASKED, TIMELINE_WHOLE, TIMELINE_AT_FINDING, TIMELINE_BUSIEST };

/* From quiet to loud. */
enum timeline_kind {
    TIMELINE_NO_MARK,
    TIMELINE_PASSED, /* from one of a requester's requests to the next: nobody gave anything away */
    TIMELINE_CLEAN,
    TIMELINE_INDEBTED, /* something sent before may still be answered */
    TIMELINE_FINDING,
    TIMELINE_KINDS
};

struct timeline_cell {
    uint64_t holder; /* who was last in it; by context: of no meaning */
    uint32_t calls;  /* that returned in it */
    bool held;       /* somebody, or nobody, was: `holder` is said */
    uint8_t mark;    /* the loudest: enum timeline_kind */
};

struct timeline_row {
    const struct context *context;         /* by context, or */
    const struct description *description; /* by fd, or */
    uint32_t thread;                       /* by thread; 0: not known which */
    char *name;                            /* the thread's; NULL: none */
    const struct process *process;         /* whose ids it speaks of */
    uint64_t begin, end;                   /* begin 0: not recorded; end 0: lives */
    uint64_t first_seen, last_seen;        /* by the walk, which ends with the shown part; 0: never */
    uint64_t calls;                        /* in the shown part */
    uint64_t holder;                       /* when the shown part begins */
    bool marked;                           /* a mark is in it */
    size_t place;                          /* among the rows, once they are counted */
    bool left_out;                         /* for timeline_leave_out */
    struct timeline_cell *cells;           /* NULL: nothing is in them */
};

/* A description crosses from a context to another, or a finding. */
struct timeline_mark {
    enum timeline_kind kind;
    uint64_t time;
    const struct process *process;
    uint64_t description;
    int32_t fd;
    uint64_t from, to;             /* contexts: who had it, who has it or uses it now */
    uint32_t reason;               /* enum rs_handover; of a finding: none */
    const struct finding *finding; /* what was found; of a hand-over: that it was dirty; NULL: nothing */
    const struct group *group;     /* of the finding's */
    struct timeline_row *row;      /* `to`'s, the description's or the thread's; NULL: it is not shown */
    struct timeline_row *from_row; /* by context: `from`'s; NULL: it is not shown */
};

struct timeline {
    const struct model *model;
    struct filter filter; /* its time: the shown part */
    enum timeline_by by;
    enum timeline_part part;
    uint64_t from, to;          /* from < to */
    size_t cells;               /* of each row */
    size_t max;                 /* rows */
    struct timeline_row **rows; /* in the order of their begin */
    size_t row_count, row_space;
    size_t omitted_rows;
    size_t untouched;            /* by fd: descriptions without a row, as no context has had to do with them */
    bool threads_full;           /* by thread: there were more than are counted */
    struct groups groups;        /* findings of the shown part */
    size_t groups_elsewhere;     /* that are in no time of it */
    struct timeline_mark *marks; /* in the order of time */
    size_t mark_count, mark_space;
    uint64_t counts[TIMELINE_KINDS]; /* of marks, kept or not */
};

/* Chooses part and rows as the options say. Returns false after a message when the part that they ask for has no time in it. */
bool timeline_choose(struct timeline *timeline, const struct options *options, const struct model *model);

/* Counts the events into `cells` cells a row. */
void timeline_count(struct timeline *timeline, size_t cells);

/* Which cell a moment is in; one before the shown part is in the first, one behind it in the last. */
size_t timeline_cell_of(const struct timeline *timeline, uint64_t time);

/* "GET /a (1)", "tcp 127.0.0.1:6379 (fd 7)", "thread 4711 worker"; the caller's to free, and not escaped. */
char *timeline_label(const struct timeline_row *row);

/* "GET /a (1)", "context 1", "no context" */
char *timeline_context(const struct process *process, uint64_t id);

/* "tcp 127.0.0.1:6379 (fd 7)" of a mark. */
char *timeline_description(const struct timeline_mark *mark);

void timeline_free(struct timeline *timeline);

/* For timeline.c, timeline_part.c and timeline_count.c. */

/* Sets from, to, part and the filter's time; false after a message. `findings`: those of all the time that was asked for. */
bool timeline_choose_part(struct timeline *timeline, const struct groups *findings);

/* The row, in the order of its being added; the caller fills it. */
struct timeline_row *timeline_add_row(struct timeline *timeline);

/* Takes away the rows that are to be left out, and the marks that are in no row then. */
void timeline_leave_out(struct timeline *timeline);

#endif
