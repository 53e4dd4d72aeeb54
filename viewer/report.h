/* report.h: what `reqscope report` shows, made ready once and then told in words (report_text.c) or as JSON (report_json.c).
 *
 *   report ──► groups: all that the filter takes
 *     └──────► headings ──► the groups under each, the worst first; those with the worst come first
 *
 * Without --by there is one heading, without a text. --max cuts the row of groups as it is shown, so it leaves whole headings out. */
#ifndef RS_VIEWER_REPORT_H
#define RS_VIEWER_REPORT_H

#include "viewer/groups.h"
#include "viewer/symbols.h"

struct report_heading {
    char *text; /* NULL: none is wanted */
    const struct group **groups;
    size_t count, space;
    uint64_t times;
};

struct report {
    const struct model *model;
    const struct options *options;
    struct filter filter;
    struct groups groups;
    size_t groups_in_trace; /* whatever the filter asks for */
    struct report_heading *headings;
    size_t heading_count, heading_space;
    size_t shown; /* groups */
    struct symbols *symbols;
};

/* To be closed, before the model is freed. */
struct report report_make(const struct options *options, const struct model *model);
void report_close(struct report *report);

/* The stack by which a finding is told apart, and suppressed: where it was used; a leak: where it was opened. */
uint32_t report_stack(const struct finding *finding);

/* The line of a rules file; the caller's to free; NULL: none. */
char *report_suppression(struct symbols *symbols, const struct finding *finding);

void report_print_text(const struct report *report);
void report_print_json(const struct report *report);

#endif
