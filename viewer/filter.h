/* filter.h: which part of a trace a command is asked about: --kinds, --since, --until, --context, --fd, --pid, --match. All of them
 * must agree; what was not given agrees with all. */
#ifndef RS_VIEWER_FILTER_H
#define RS_VIEWER_FILTER_H

#include "viewer/model.h"
#include "viewer/options.h"

struct filter {
    uint64_t since, until; /* CLOCK_MONOTONIC ns; 0 and UINT64_MAX: no bound */
    uint32_t kinds;        /* 1 << enum rs_finding_kind */
    uint64_t pid;          /* 0: any */
    int64_t fd;            /* -1: any */
    uint64_t context;      /* by its number; 0: any, or */
    const char *label;     /* by its label, a pattern in which * stands for anything; NULL: any */
    const char *match;     /* a text that is found in what is said of it; NULL: any */
};

/* From the options; times are made absolute by the model's. It points into the options. */
struct filter filter_from(const struct options *options, const struct model *model);

/* Does the filter ask for anything at all? */
bool filter_is_set(const struct filter *filter);

/* A context: by its time (it overlaps the range), number or label, process, and match against its label and attributes. */
bool filter_takes_context(const struct filter *filter, const struct context *context);

/* A description: open in the range, its number (fd), process (opened or used there), match against its name; context: opened, owned or used it. */
bool filter_takes_description(const struct filter *filter, const struct description *description);

/* A finding: kind, seen in the range, fd, process, context (owner, user or opener), match against its sentence. */
bool filter_takes_finding(const struct filter *filter, const struct finding *finding);

/* The time alone. */
bool filter_takes_time(const struct filter *filter, uint64_t time);

#endif
