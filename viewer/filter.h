/* filter.h: which part of a trace a command is asked about: --kinds, --since, --until, --context, --fd, --pid, --match. All of them
 * must agree; what was not given agrees with all. */
#ifndef RS_VIEWER_FILTER_H
#define RS_VIEWER_FILTER_H

#include "viewer/model.h"
#include "viewer/options.h"

struct symbols;

struct filter {
    uint64_t since, until; /* CLOCK_MONOTONIC ns; 0 and UINT64_MAX: no bound */
    uint32_t kinds;        /* 1 << enum rs_finding_kind */
    uint64_t pid;          /* 0: any */
    int64_t fd;            /* -1: any */
    bool numbered;         /* by the context's number, */
    uint64_t context;      /* this one (0: what is of no context); or */
    const char *label;     /* by its label, a pattern in which * stands for anything; NULL: any */
    const char *match;     /* a text that is found in what is said of it; NULL: any */
    struct symbols
        *symbols; /* what names the frames in which `match` is looked for, too; NULL: in none. The caller sets it */
};

/* From the options; times are made absolute by the model's. It points into the options. */
struct filter filter_from(const struct options *options, const struct model *model);

/* Does the filter ask for anything at all? */
bool filter_is_set(const struct filter *filter);

/* What it asks for, in words: "kinds leak, hang; since 1.500 s; context GET /b"; the caller's to free, not escaped. NULL: nothing. */
char *filter_words(const struct filter *filter, const struct model *model);

/* The last line of a table on stdout, when not all of the trace's rows are in it: how many of those that match are shown. */
void filter_print_left_out(const struct filter *filter, const struct model *model, size_t shown, size_t matching,
                           size_t all, const char *what);

/* A context: by its time (it overlaps the range), number or label, process, and match against its label and attributes. */
bool filter_takes_context(const struct filter *filter, const struct context *context);

/* A description: open in the range, its number (fd), process (opened or used there), match against its name and what opened it;
 * context: opened, owned or used it. */
bool filter_takes_description(const struct filter *filter, const struct description *description);

/* A finding: kind, seen in the range, fd, process, context (any that did it or that it was done to), match against its kind, its
 * sentence, and the functions and files of both its stacks. */
bool filter_takes_finding(const struct filter *filter, const struct finding *finding);

/* The time alone. */
bool filter_takes_time(const struct filter *filter, uint64_t time);

#endif
