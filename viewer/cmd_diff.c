/* cmd_diff.c: `reqscope diff BEFORE AFTER`: what a change brought and what it cured. */
#include "viewer/commands.h"
#include "viewer/diff.h"
#include "viewer/load.h"
#include "viewer/output.h"
#include "viewer/text.h"

#include <signal.h>
#include <stdlib.h>

/* Returns false when it is damaged, or nothing could be read; then its model is empty. */
static bool load_side(struct diff *diff, int side, const struct options *options) {
    struct diff_side *loaded = &diff->sides[side];
    bool usable;
    loaded->folder = options->operands[side];
    usable = load_traces(&loaded->model, &options->operands[side], 1, NULL);
    if (usable && !loaded->model.events) {
        text_complain("%s: the trace holds no event, so there is nothing to compare", loaded->folder);
        usable = false;
    }
    loaded->filter = filter_from(options, &loaded->model);
    loaded->filter.symbols = diff->symbols;
    loaded->groups = groups_of(&loaded->model, &loaded->filter);
    return usable;
}

static void free_diff(struct diff *diff) {
    free(diff->came.all);
    free(diff->went.all);
    free(diff->stayed.all);
    for (size_t i = 0; i < diff->opens_count; i++) {
        free(diff->opens[i].label);
        free(diff->opens[i].description);
    }
    for (size_t i = 0; i < diff->nameless_count; i++) free(diff->nameless[i]);
    free(diff->opens);
    free(diff->nameless);
    for (int side = 0; side < DIFF_SIDES; side++) {
        groups_free(&diff->sides[side].groups);
        model_free(&diff->sides[side].model);
    }
    symbols_close(diff->symbols);
}

static int compare(struct diff *diff, const struct options *options, bool usable) {
    int written;
    diff_find_findings(diff);
    diff_find_opens(diff);
    if (options->json)
        diff_print_json(diff);
    else
        diff_print_text(diff);
    written = output_finish();
    if (written) return written;
    return !usable ? EXIT_UNUSABLE : diff->came.count ? EXIT_FINDINGS : EXIT_DONE;
}

int cmd_diff(const struct options *options) {
    struct diff diff = {.symbols = NULL};
    bool usable = true, readable;
    int result;
    signal(SIGPIPE, SIG_IGN); /* a closed pipe is an error of write then: output_finish() */
    diff.symbols = symbols_open(options);
    for (int side = 0; side < DIFF_SIDES; side++) usable &= load_side(&diff, side, options);
    readable = diff.sides[DIFF_BEFORE].model.events && diff.sides[DIFF_AFTER].model.events;
    result = readable ? compare(&diff, options, usable) : EXIT_UNUSABLE;
    free_diff(&diff);
    return result;
}
