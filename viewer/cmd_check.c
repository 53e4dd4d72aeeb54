/* cmd_check.c: `reqscope check`: one verdict, for CI. Also what `reqscope run --check` prints. */
#include "viewer/cmd_check.h"
#include "viewer/commands.h"
#include "viewer/expect.h"
#include "viewer/finding_text.h"
#include "viewer/groups.h"
#include "viewer/json.h"
#include "viewer/output.h"
#include "viewer/stack_text.h"

#include <inttypes.h>
#include <stdlib.h>

static void print_finding(FILE *stream, struct symbols *symbols, const struct group *group) {
    const struct finding *first = group->first;
    bool leak = first->kind == RS_FINDING_leak;
    char *sentence = finding_sentence(first);
    char *place = stack_place_text(symbols, first->process, leak ? first->opened_stack : first->used_stack);
    fprintf(stream, "  %s%s%s", output_begin(STYLE_BAD), finding_kind(first), output_end());
    if (group->times > 1) fprintf(stream, ", %" PRIu64 " times", group->times);
    if (group->pid_count > 1) fprintf(stream, ", in %zu processes", group->pid_count);
    fputs(": ", stream);
    output_text(stream, sentence, 0);
    if (place) fputs(", in ", stream);
    if (place) output_text(stream, place, 0);
    putc('\n', stream);
    free(sentence);
    free(place);
}

/* Everything that the verdict comes from. */
struct check {
    const struct model *model;
    struct symbols *symbols;
    struct filter filter;
    struct groups groups;
    uint64_t max;
    bool usable;
    struct expect_answer answers[OPTIONS_EXPECTATIONS];
    size_t answer_count, not_met;
};

static bool has_passed(const struct check *check) {
    return check->groups.count <= check->max && !check->not_met;
}

static const char *verdict_of(const struct check *check) {
    return !check->usable ? "unusable" : has_passed(check) ? "passed" : "failed";
}

static void print_verdict(FILE *stream, const struct check *check) {
    char *asked = filter_words(&check->filter, check->model);
    fprintf(stream, "%s%s%s: %zu finding%s", output_begin(check->usable && has_passed(check) ? STYLE_GOOD : STYLE_BAD),
            verdict_of(check), output_end(), check->groups.count, check->groups.count == 1 ? "" : "s");
    if (check->max) fprintf(stream, ", %" PRIu64 " tolerated", check->max);
    fprintf(stream, " in %" PRIu64 " contexts, %" PRIu64 " events", check->model->context_count, check->model->events);
    if (check->model->lost_events) fprintf(stream, ", at least %" PRIu64 " lost", check->model->lost_events);
    if (asked) {
        fputs(" (asked for: ", stream);
        output_text(stream, asked, 0);
        putc(')', stream);
    }
    if (check->answer_count)
        fprintf(stream, "; %zu of %zu expectation%s met", check->answer_count - check->not_met, check->answer_count,
                check->answer_count == 1 ? "" : "s");
    putc('\n', stream);
    free(asked);
}

static void print_answers(FILE *stream, const struct check *check) {
    const char *doubt = expect_doubt(check->model);
    for (size_t i = 0; i < check->answer_count; i++) expect_print(stream, &check->answers[i]);
    if (check->answer_count && doubt) fprintf(stream, "  counts of opens may be too low: %s\n", doubt);
}

static void print_check(FILE *stream, const struct check *check) {
    print_verdict(stream, check);
    print_answers(stream, check);
    for (size_t i = 0; i < check->groups.count; i++) print_finding(stream, check->symbols, check->groups.all[i]);
}

/* ---- as JSON ---- */

static json_t *json_from_group(const struct group *group) {
    json_t *object = json_object(), *pids = json_array();
    char *sentence = finding_sentence(group->first);
    if (!object) memory_exhausted();
    for (size_t i = 0; i < group->pid_count; i++) json_add(pids, json_from_number(group->pids[i]));
    json_put(object, "id", json_from_number(group->first->id));
    json_put(object, "pid", json_from_number(group->first->process->pid));
    json_put(object, "kind", json_from_text(finding_kind(group->first)));
    json_put(object, "count", json_from_number(group->times));
    json_put(object, "sentence", json_from_text(sentence));
    json_put(object, "pids", pids);
    free(sentence);
    return object;
}

static void print_json(const struct check *check) {
    json_t *document = json_summary(check->model), *findings = json_array(), *expectations = json_array();
    char *asked = filter_words(&check->filter, check->model);
    for (size_t i = 0; i < check->groups.count; i++) json_add(findings, json_from_group(check->groups.all[i]));
    for (size_t i = 0; i < check->answer_count; i++) json_add(expectations, expect_json(&check->answers[i]));
    json_put(document, "verdict", json_from_text(verdict_of(check)));
    json_put(document, "max", json_from_number(check->max));
    json_put(document, "asked_for", json_from_text(asked));
    json_put(document, "findings", findings);
    json_put(document, "expectations", expectations);
    json_put(document, "opens_doubt", json_from_text(expect_doubt(check->model)));
    json_print(document);
    free(asked);
}

/* ---- the whole ---- */

static void count_expected(struct check *check, const struct options *options) {
    for (size_t i = 0; i < options->expectation_count; i++) {
        check->answers[i] = expect_count(check->model, &options->expectations[i]);
        check->not_met += !check->answers[i].met;
    }
    check->answer_count = options->expectation_count;
}

static struct check make_check(const struct model *model, const struct options *options, bool usable) {
    struct check check = {.model = model, .max = options->max, .usable = usable};
    check.symbols = symbols_open(options);
    check.filter = filter_from(options, model);
    check.filter.symbols = check.symbols;
    check.groups = groups_of(model, &check.filter);
    count_expected(&check, options);
    return check;
}

static void free_check(struct check *check) {
    for (size_t i = 0; i < check->answer_count; i++) expect_free(&check->answers[i]);
    groups_free(&check->groups);
    symbols_close(check->symbols);
}

bool check_print(FILE *stream, const struct model *model, const struct options *options, bool usable) {
    struct check check = make_check(model, options, usable);
    bool passed = has_passed(&check);
    print_check(stream, &check);
    free_check(&check);
    return passed;
}

int cmd_check(const struct options *options, const struct model *model, bool usable) {
    struct check check = make_check(model, options, usable);
    bool passed = has_passed(&check);
    if (options->json)
        print_json(&check);
    else
        print_check(stdout, &check);
    free_check(&check);
    return passed ? EXIT_DONE : EXIT_FINDINGS;
}
