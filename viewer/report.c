/* report.c: see report.h. */
#include "viewer/report.h"
#include "viewer/finding_text.h"
#include "viewer/stack_text.h"

#include <stdlib.h>
#include <string.h>

uint32_t report_stack(const struct finding *finding) {
    return finding->kind == RS_FINDING_leak ? finding->opened_stack : finding->used_stack;
}

char *report_suppression(struct symbols *symbols, const struct finding *finding) {
    size_t count;
    uint32_t flags;
    struct frame *frames = stack_frames(symbols, finding->process, report_stack(finding), &count, &flags);
    char *line = finding->known ? finding_suppression(finding, frames, count) : NULL;
    free(frames);
    return line;
}

/* ---- headings ---- */

static char *module_of(struct symbols *symbols, const struct finding *finding) {
    size_t count;
    uint32_t flags;
    struct frame *frames = stack_frames(symbols, finding->process, report_stack(finding), &count, &flags);
    const struct frame *place = stack_place(frames, count);
    char *module = place && place->module ? memory_copy(place->module) : NULL;
    free(frames);
    return module;
}

static char *label_of(const struct finding *finding) {
    const struct context *user = model_context_of(finding->process, finding->user);
    return user && *user->label ? memory_copy(user->label) : finding_context(finding->process, finding->user);
}

/* What a group stands under; the caller's to free. */
static char *heading_of(const struct report *report, const struct group *group) {
    const struct finding *first = group->first;
    const char *by = report->options->by;
    char *text = NULL;
    if (!strcmp(by, "kind"))
        text = memory_copy(finding_kind(first));
    else if (!strcmp(by, "stack"))
        text = stack_place_text(report->symbols, first->process, report_stack(first));
    else if (!strcmp(by, "description") && *finding_description(first))
        text = memory_copy(finding_description(first));
    else if (!strcmp(by, "context"))
        text = label_of(first);
    else if (!strcmp(by, "module"))
        text = module_of(report->symbols, first);
    return text ? text : memory_format("no %s known", by);
}

static struct report_heading *find_heading(struct report *report, const struct group *group) {
    char *text = report->options->by ? heading_of(report, group) : NULL;
    struct report_heading *heading = NULL;
    for (size_t i = 0; i < report->heading_count && !heading; i++)
        if (!text || !strcmp(report->headings[i].text, text)) heading = &report->headings[i];
    if (heading) {
        free(text);
        return heading;
    }
    report->headings =
        memory_grow(report->headings, &report->heading_space, report->heading_count + 1, sizeof *report->headings);
    heading = &report->headings[report->heading_count++];
    *heading = (struct report_heading){.text = text};
    return heading;
}

static void make_headings(struct report *report) {
    for (size_t i = 0; i < report->groups.count; i++) {
        const struct group *group = report->groups.all[i];
        struct report_heading *heading = find_heading(report, group);
        heading->groups = memory_grow(heading->groups, &heading->space, heading->count + 1, sizeof(struct group *));
        heading->groups[heading->count++] = group;
        heading->times += group->times;
    }
}

/* ---- the whole ---- */

static size_t count_groups(const struct model *model) {
    struct groups all = groups_of(model, NULL);
    size_t count = all.count;
    groups_free(&all);
    return count;
}

struct report report_make(const struct options *options, const struct model *model) {
    struct report report = {.model = model, .options = options, .filter = filter_from(options, model)};
    report.symbols = symbols_open(options);
    report.filter.symbols = report.symbols;
    report.groups = groups_of(model, &report.filter);
    report.groups_in_trace = filter_is_set(&report.filter) ? count_groups(model) : report.groups.count;
    report.shown = options->max && options->max < report.groups.count ? options->max : report.groups.count;
    make_headings(&report);
    return report;
}

void report_close(struct report *report) {
    for (size_t i = 0; i < report->heading_count; i++) {
        free(report->headings[i].text);
        free(report->headings[i].groups);
    }
    free(report->headings);
    groups_free(&report->groups);
    symbols_close(report->symbols);
}
