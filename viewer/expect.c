/* expect.c: see expect.h. */
#include "viewer/expect.h"
#include "viewer/finding_text.h"
#include "viewer/json.h"
#include "viewer/output.h"
#include "viewer/text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* As many contexts are named in a line. */
#define SHOWN 8

/* ---- the option's value ------------------------------------------------------------------------------------------ */

static bool complain(const char *text, const char *expected) {
    text_complain("--expect-opens: '%s' is not understood: expected %s: give PATTERN=N for N opens in all, or "
                  "PATTERN=N/context for N by each context, as in tcp:127.0.0.1:6379=1/context",
                  text, expected);
    return false;
}

/* The pattern must be one that a rule may have; what a rule leaves out at its end, blanks, is left out here. */
static bool check_pattern(const char *text, struct rs_pattern *pattern) {
    struct rs_rule rule;
    const char *expected;
    char *line = memory_format("share:%.*s", (int)pattern->length, pattern->at);
    bool good = rs_rule_parse(line, strlen(line), &rule, &expected) == RS_RULE_LINE_RULE;
    if (good) pattern->length = rule.pattern.length;
    free(line);
    return good || complain(text, expected);
}

bool expect_parse(const char *text, struct expectation *expectation) {
    const char *equals = strrchr(text, '='); /* the last: a path may have one, too */
    char *end;
    if (!equals) return complain(text, "a '=' and a number after the pattern");
    if (equals == text) return complain(text, "a pattern before the '='");
    expectation->pattern = (struct rs_pattern){text, (size_t)(equals - text)};
    errno = 0;
    expectation->opens = strtoull(equals + 1, &end, 10);
    if (equals[1] < '0' || equals[1] > '9' || errno || expectation->opens > INT64_MAX)
        return complain(text, "a number after the last '='");
    expectation->per_context = !strcmp(end, "/context");
    if (*end && !expectation->per_context) return complain(text, "nothing or /context after the number");
    return check_pattern(text, &expectation->pattern);
}

/* ---- counting ---------------------------------------------------------------------------------------------------- */

/* What stands for one thing in all processes of a family: they share ids, and an id is not used again. But the program that a
 * process executes begins anew, so the time belongs to it. */
struct key {
    uint64_t family, id;
};

struct expect_context {
    struct key key;
    const struct process *process;
    uint64_t began; /* 0 when that is not recorded */
    uint64_t opens;
    bool met; /* per_context: the number is right */
    UT_hash_handle hh;
};

static struct expect_context *tally_of(struct expect_answer *answer, const struct process *process, uint64_t id) {
    const struct context *known = model_context_of(process, id);
    struct key key = {process->family->index, id};
    struct expect_context *tally;
    /* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult): both words of the key are set above */
    HASH_FIND(hh, answer->contexts, &key, sizeof key, tally);
    if (tally) return tally;
    tally = memory_new(sizeof *tally);
    tally->key = key;
    tally->process = known ? known->process : process;
    tally->began = known ? known->began : 0;
    HASH_ADD(hh, answer->contexts, key, sizeof key, tally);
    return tally;
}

static void list_contexts(struct expect_answer *answer) {
    for (size_t i = 0; i < answer->model->context_count; i++) {
        const struct context *one = answer->model->contexts[i];
        tally_of(answer, one->process, one->id);
    }
}

static bool ends_with(const char *text, const char *end) {
    size_t length = strlen(text), end_length = strlen(end);
    return length >= end_length && !strcmp(text + length - end_length, end);
}

/* Is it what the pattern means, by the name that was known last? */
static bool is_meant(const struct rs_pattern *pattern, const struct description *one) {
    const char *name = one->name;
    if (ends_with(name, " (listening)") || ends_with(name, " (own address)")) name = "";
    return rs_pattern_is_description(pattern, one->kind, name);
}

bool expect_is_open(const struct description *description) {
    return description->known && !(description->flags & (RS_OPEN_INHERITED | RS_OPEN_UNSEEN)) &&
           description->operation != RS_OP_receive;
}

static void count_opens(struct expect_answer *answer) {
    for (size_t i = 0; i < answer->model->description_count; i++) {
        const struct description *one = answer->model->descriptions[i];
        if (!expect_is_open(one) || !is_meant(&answer->expectation->pattern, one)) continue;
        answer->opened++;
        if (one->opener)
            tally_of(answer, one->process, one->opener)->opens++;
        else
            answer->outside++;
    }
}

/* By each context: those that are wrong first; in all: those with most opens. Then in the order in which they began. */
static int compare_contexts(const struct expect_context *a, const struct expect_context *b) {
    if (a->met != b->met) return a->met ? 1 : -1;
    if (!a->met && a->opens != b->opens) return a->opens > b->opens ? -1 : 1;
    if (a->began != b->began) return a->began < b->began ? -1 : 1;
    return (a->key.id > b->key.id) - (a->key.id < b->key.id);
}

struct expect_answer expect_count(const struct model *model, const struct expectation *expectation) {
    struct expect_answer answer = {.expectation = expectation, .model = model};
    list_contexts(&answer);
    count_opens(&answer);
    answer.context_count = HASH_COUNT(answer.contexts);
    for (struct expect_context *one = answer.contexts; one; one = one->hh.next) {
        one->met = expectation->per_context && one->opens == expectation->opens;
        answer.failing += expectation->per_context && !one->met;
    }
    HASH_SORT(answer.contexts, compare_contexts);
    /* With no context there is nothing that was tested. */
    answer.met =
        expectation->per_context ? answer.context_count && !answer.failing : answer.opened == expectation->opens;
    return answer;
}

void expect_free(struct expect_answer *answer) {
    struct expect_context *one = answer->contexts, *next;
    HASH_CLEAR(hh, answer->contexts);
    for (; one; one = next) {
        next = one->hh.next;
        free(one);
    }
}

const char *expect_doubt(const struct model *model) {
    if (model->lost_events || model->lost_packets)
        return "events were lost, opens among them, perhaps (REQSCOPE_TRACE_MAX=0 keeps all)";
    for (size_t i = 0; i < model->process_count; i++) {
        if (model->processes[i]->coverage & ~(RS_COVERAGE_STACKS_FULL | RS_COVERAGE_FINDINGS_FULL))
            return "the guard did not see everything (`reqscope report` says what)";
    }
    return NULL;
}

/* ---- telling ----------------------------------------------------------------------------------------------------- */

/* "2 opens of tcp:127.0.0.1:6379" */
static void print_opens(FILE *stream, const struct expectation *expectation) {
    char *pattern = memory_format("%.*s", (int)expectation->pattern.length, expectation->pattern.at);
    fprintf(stream, "%" PRIu64 " open%s of ", expectation->opens, expectation->opens == 1 ? "" : "s");
    output_text(stream, pattern, 0);
    free(pattern);
}

/* ": GET /a (context 1): 1, GET /b (context 2): 0 and 3 more": by each context, only those that are wrong. */
static void print_contexts(FILE *stream, const struct expect_answer *answer) {
    size_t count = answer->expectation->per_context ? answer->failing : answer->context_count, shown = 0;
    const struct expect_context *one = answer->contexts;
    for (; one && shown < count && shown < SHOWN; one = one->hh.next, shown++) {
        char *name = finding_context(one->process, one->key.id);
        fputs(shown ? ", " : ": ", stream);
        output_text(stream, name, 0);
        fprintf(stream, ": %" PRIu64, one->opens);
        free(name);
    }
    if (answer->outside && !answer->expectation->per_context)
        fprintf(stream, "%s no context: %" PRIu64, shown ? "," : ":", answer->outside);
    if (count > shown) fprintf(stream, " and %zu more", count - shown);
}

static void print_met(FILE *stream, const struct expect_answer *answer) {
    fprintf(stream, "  %sfound%s ", output_begin(STYLE_GOOD), output_end());
    print_opens(stream, answer->expectation);
    if (answer->expectation->per_context)
        fprintf(stream, " by each of %zu context%s", answer->context_count, answer->context_count == 1 ? "" : "s");
    fputs(", as expected", stream);
}

static void print_not_met(FILE *stream, const struct expect_answer *answer) {
    fprintf(stream, "  %sexpected%s ", output_begin(STYLE_BAD), output_end());
    print_opens(stream, answer->expectation);
    if (!answer->expectation->per_context)
        fprintf(stream, ", found %" PRIu64, answer->opened);
    else if (!answer->context_count)
        fputs(" by each context, found no context in the trace", stream);
    else
        fprintf(stream, " by each context, found another number in %zu of %zu", answer->failing, answer->context_count);
    print_contexts(stream, answer);
}

void expect_print(FILE *stream, const struct expect_answer *answer) {
    if (answer->met)
        print_met(stream, answer);
    else
        print_not_met(stream, answer);
    putc('\n', stream);
}

static json_t *json_from_tally(const struct expect_context *one) {
    json_t *object = json_from_context(one->process, one->key.id);
    json_put(object, "pid", json_from_number(one->process->pid));
    json_put(object, "opens", json_from_number(one->opens));
    return object;
}

json_t *expect_json(const struct expect_answer *answer) {
    const struct expectation *expectation = answer->expectation;
    char *pattern = memory_format("%.*s", (int)expectation->pattern.length, expectation->pattern.at);
    json_t *object = json_object(), *contexts = json_array();
    if (!object) memory_exhausted();
    for (const struct expect_context *one = answer->contexts; one; one = one->hh.next)
        json_add(contexts, json_from_tally(one));
    json_put(object, "pattern", json_from_text(pattern));
    json_put(object, "expected", json_from_number(expectation->opens));
    json_put(object, "per_context", json_boolean(expectation->per_context));
    json_put(object, "opened", json_from_number(answer->opened));
    json_put(object, "opened_in_no_context", json_from_number(answer->outside));
    json_put(object, "met", json_boolean(answer->met));
    json_put(object, "contexts", contexts);
    free(pattern);
    return object;
}
