/* cmd_check.c: `reqscope check`: one verdict, for CI. Also what `reqscope run --check` prints. */
#include "viewer/cmd_check.h"
#include "viewer/commands.h"
#include "viewer/expect.h"
#include "viewer/finding_text.h"
#include "viewer/json.h"
#include "viewer/output.h"

#include <inttypes.h>
#include <stdlib.h>

/* "query (db.c:30)": the first frame that is known by name. */
static char *place_of(struct symbols *symbols, const struct finding *finding) {
    const struct process *holder;
    const struct stack *stack = model_stack_of(finding->process, finding->used_stack, &holder);
    size_t count, i = 0;
    struct frame *frames = symbols_stack(symbols, holder, stack, &count);
    char *place;
    while (i < count && !frames[i].function) i++;
    if (i == count)
        place = memory_copy("");
    else if (frames[i].file)
        place = memory_format(", in %s (%s:%d)", frames[i].function, frames[i].file, frames[i].line);
    else
        place = memory_format(", in %s", frames[i].function);
    free(frames);
    return place;
}

static void print_finding(FILE *stream, struct symbols *symbols, const struct finding *finding) {
    char *sentence = finding_sentence(finding), *place = place_of(symbols, finding);
    fprintf(stream, "  %s%s%s", output_begin(STYLE_BAD), finding_kind(finding), output_end());
    if (finding->count > 1) fprintf(stream, ", %" PRIu64 " times", finding->count);
    fputs(": ", stream);
    output_text(stream, sentence, 0);
    output_text(stream, place, 0);
    putc('\n', stream);
    free(sentence);
    free(place);
}

/* Everything that the verdict comes from. */
struct check {
    const struct model *model;
    const struct finding **findings;
    size_t count;
    uint64_t max;
    bool usable;
    struct expect_answer answers[OPTIONS_EXPECTATIONS];
    size_t answer_count, not_met;
};

static bool has_passed(const struct check *check) {
    return check->count <= check->max && !check->not_met;
}

static const char *verdict_of(const struct check *check) {
    return !check->usable ? "unusable" : has_passed(check) ? "passed" : "failed";
}

static void print_verdict(FILE *stream, const struct check *check) {
    fprintf(stream, "%s%s%s: %zu finding%s", output_begin(check->usable && has_passed(check) ? STYLE_GOOD : STYLE_BAD),
            verdict_of(check), output_end(), check->count, check->count == 1 ? "" : "s");
    if (check->max) fprintf(stream, ", %" PRIu64 " tolerated", check->max);
    fprintf(stream, " in %" PRIu64 " contexts, %" PRIu64 " events", check->model->context_count, check->model->events);
    if (check->model->lost_events) fprintf(stream, ", at least %" PRIu64 " lost", check->model->lost_events);
    if (check->answer_count)
        fprintf(stream, "; %zu of %zu expectation%s met", check->answer_count - check->not_met, check->answer_count,
                check->answer_count == 1 ? "" : "s");
    putc('\n', stream);
}

static void print_answers(FILE *stream, const struct check *check) {
    const char *doubt = expect_doubt(check->model);
    for (size_t i = 0; i < check->answer_count; i++) expect_print(stream, &check->answers[i]);
    if (check->answer_count && doubt) fprintf(stream, "  counts of opens may be too low: %s\n", doubt);
}

static void print_check(FILE *stream, const struct check *check) {
    struct symbols *symbols = symbols_open(NULL);
    print_verdict(stream, check);
    print_answers(stream, check);
    for (size_t i = 0; i < check->count; i++) print_finding(stream, symbols, check->findings[i]);
    symbols_close(symbols);
}

void check_print(FILE *stream, const struct model *model, const struct finding **findings, size_t count, uint64_t max,
                 bool usable) {
    struct check check = {.model = model, .findings = findings, .count = count, .max = max, .usable = usable};
    print_check(stream, &check);
}

static json_t *json_from_finding(const struct finding *finding) {
    json_t *object = json_object();
    char *sentence = finding_sentence(finding);
    if (!object) memory_exhausted();
    json_put(object, "id", json_from_number(finding->id));
    json_put(object, "pid", json_from_number(finding->process->pid));
    json_put(object, "kind", json_from_text(finding_kind(finding)));
    json_put(object, "count", json_from_number(finding->count));
    json_put(object, "sentence", json_from_text(sentence));
    free(sentence);
    return object;
}

static void print_json(const struct check *check) {
    json_t *document = json_summary(check->model), *findings = json_array(), *expectations = json_array();
    for (size_t i = 0; i < check->count; i++) json_add(findings, json_from_finding(check->findings[i]));
    for (size_t i = 0; i < check->answer_count; i++) json_add(expectations, expect_json(&check->answers[i]));
    json_put(document, "verdict", json_from_text(verdict_of(check)));
    json_put(document, "max", json_from_number(check->max));
    json_put(document, "findings", findings);
    json_put(document, "expectations", expectations);
    json_put(document, "opens_doubt", json_from_text(expect_doubt(check->model)));
    json_print(document);
}

static void count_expected(struct check *check, const struct options *options) {
    for (size_t i = 0; i < options->expectation_count; i++) {
        check->answers[i] = expect_count(check->model, &options->expectations[i]);
        check->not_met += !check->answers[i].met;
    }
    check->answer_count = options->expectation_count;
}

int cmd_check(const struct options *options, const struct model *model, bool usable) {
    struct check check = {.model = model, .max = options->max, .usable = usable};
    bool passed;
    check.findings = model_findings(model, options->kinds, &check.count);
    count_expected(&check, options);
    passed = has_passed(&check);
    if (options->json)
        print_json(&check);
    else
        print_check(stdout, &check);
    for (size_t i = 0; i < check.answer_count; i++) expect_free(&check.answers[i]);
    free(check.findings);
    return passed ? EXIT_DONE : EXIT_FINDINGS;
}
