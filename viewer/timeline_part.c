/* timeline_part.c: which part of the time a timeline shows: what was asked for; else all contexts, when they are few enough to be told
 * apart; else where the worst finding is; else where the most contexts begin. */
#include "viewer/text.h"
#include "viewer/timeline.h"

#include <stdlib.h>

/* What is shorter than this part of the picture is not seen for what it is. */
#define NARROWEST 40
/* An owner that began much before is no reason to show all the time between. */
#define MUCH_LONGER 20

struct extent {
    uint64_t begin, end;
};

static uint64_t end_of(const struct timeline *timeline, const struct context *context) {
    uint64_t end = context->ended ? context->ended : timeline->model->last_time;
    return end > context->began ? end : context->began;
}

/* The contexts that are asked for and whose begin is known (and is no time to come), in the order of that; the caller's to free. */
static const struct context **list_contexts(const struct timeline *timeline, size_t *count) {
    const struct model *model = timeline->model;
    const struct context **all = memory_new(model->context_count * sizeof *all);
    *count = 0;
    for (size_t i = 0; i < model->context_count; i++) {
        const struct context *one = model->contexts[i];
        if (one->known && one->began <= model->last_time && filter_takes_context(&timeline->filter, one))
            all[(*count)++] = one;
    }
    return all;
}

static struct extent extent_of(const struct timeline *timeline, const struct context **contexts, size_t count) {
    struct extent extent = {timeline->model->first_time, timeline->model->last_time};
    if (!count) return extent;
    extent = (struct extent){contexts[0]->began, 0};
    for (size_t i = 0; i < count; i++) {
        uint64_t end = end_of(timeline, contexts[i]);
        if (extent.end < end) extent.end = end;
    }
    return extent;
}

static void widen(struct extent *extent, uint64_t begin, uint64_t end) {
    if (begin < extent->begin) extent->begin = begin;
    if (end > extent->end) extent->end = end;
}

/* Of the one that it was done by (or, when there is none, to), and of the one that it was done to when he is not too far. */
static struct extent extent_of_finding(const struct timeline *timeline, const struct finding *finding) {
    struct extent extent = {finding->time, finding->time}, both;
    const struct context *owner = model_context_of(finding->process, finding->owner);
    const struct context *user = model_context_of(finding->process, finding->user);
    if (!user) user = owner;
    if (user) widen(&extent, user->began, end_of(timeline, user));
    if (!owner) return extent;
    both = extent;
    widen(&both, owner->began, end_of(timeline, owner));
    return both.end - both.begin <= (extent.end - extent.begin) * MUCH_LONGER ? both : extent;
}

static int compare_lengths(const void *left, const void *right) {
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

static uint64_t median_length(const struct timeline *timeline, const struct context **contexts, size_t count) {
    uint64_t *lengths = memory_new(count * sizeof *lengths), median;
    for (size_t i = 0; i < count; i++) lengths[i] = end_of(timeline, contexts[i]) - contexts[i]->began;
    qsort(lengths, count, sizeof *lengths, compare_lengths);
    median = lengths[count / 2];
    free(lengths);
    return median;
}

/* Where as many contexts as there are rows begin in the shortest time. */
static struct extent busiest(const struct timeline *timeline, const struct context **contexts, size_t count) {
    size_t rows = timeline->max < count ? timeline->max : count, best = 0;
    uint64_t least = UINT64_MAX;
    for (size_t i = 0; i + rows <= count; i++) {
        uint64_t length = contexts[i + rows - 1]->began - contexts[i]->began;
        if (length < least) best = i;
        if (length < least) least = length;
    }
    return (struct extent){contexts[best]->began,
                           contexts[best]->began + least + median_length(timeline, contexts + best, rows)};
}

/* A little more on both sides, but nothing beyond the trace. */
static struct extent with_margin(const struct timeline *timeline, struct extent extent) {
    const struct model *model = timeline->model;
    uint64_t margin = (extent.end - extent.begin) / 16 + 1;
    bool has_before = extent.begin > model->first_time && extent.begin - model->first_time > margin;
    extent.begin = has_before ? extent.begin - margin : model->first_time;
    extent.end = extent.end < model->last_time && model->last_time - extent.end > margin ? extent.end + margin
                                                                                         : model->last_time;
    return extent;
}

static struct extent choose(struct timeline *timeline, const struct groups *groups) {
    size_t count;
    const struct context **contexts = list_contexts(timeline, &count);
    struct extent whole = extent_of(timeline, contexts, count), chosen = whole;
    bool many = count > timeline->max;
    timeline->part = TIMELINE_WHOLE;
    if (groups->count) {
        struct extent found = extent_of_finding(timeline, groups->all[0]->first);
        if (many || (found.end - found.begin) < (whole.end - whole.begin) / NARROWEST) {
            chosen = found;
            timeline->part = TIMELINE_AT_FINDING;
        }
    } else if (many) {
        chosen = busiest(timeline, contexts, count);
        timeline->part = TIMELINE_BUSIEST;
    }
    free(contexts);
    return with_margin(timeline, chosen);
}

static bool complain_empty(const struct timeline *timeline, struct extent asked) {
    const struct model *model = timeline->model;
    char *end = text_duration(model->last_time - model->first_time);
    if (asked.begin > asked.end)
        text_complain("timeline: --from is later than --to: nothing is between them");
    else
        text_complain("timeline: nothing is in the part between --from and --to: the trace ends %s after its begin",
                      end);
    free(end);
    return false;
}

bool timeline_choose_part(struct timeline *timeline, const struct groups *findings) {
    const struct model *model = timeline->model;
    struct extent part = {timeline->filter.since, timeline->filter.until};
    if (part.begin || part.end != UINT64_MAX) {
        if (part.begin > part.end || part.begin > model->last_time || part.end < model->first_time)
            return complain_empty(timeline, part);
        timeline->part = TIMELINE_ASKED;
        if (part.begin < model->first_time) part.begin = model->first_time;
        if (part.end > model->last_time) part.end = model->last_time;
    } else {
        part = choose(timeline, findings);
    }
    timeline->from = part.begin;
    timeline->to = part.end > part.begin ? part.end : part.begin + 1;
    timeline->filter.since = timeline->from;
    timeline->filter.until = timeline->to;
    return true;
}
