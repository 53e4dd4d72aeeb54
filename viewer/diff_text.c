/* diff_text.c: a diff in words and as JSON. See diff.h. */
#include "viewer/diff.h"
#include "viewer/finding_text.h"
#include "viewer/json.h"
#include "viewer/output.h"
#include "viewer/stack_text.h"

#include <inttypes.h>
#include <stdlib.h>

/* As many changes of opens are shown in words. */
#define OPENS_SHOWN 20

/* ---- in words ---- */

static void print_verdict(const struct diff *diff) {
    size_t came = diff->came.count;
    char *asked = filter_words(&diff->sides[DIFF_AFTER].filter, &diff->sides[DIFF_AFTER].model);
    printf("%s%zu finding%s came%s, %zu went, %zu stayed; opens changed in %zu place%s",
           output_begin(came ? STYLE_BAD : STYLE_GOOD), came, came == 1 ? "" : "s", output_end(), diff->went.count,
           diff->stayed.count, diff->opens_count, diff->opens_count == 1 ? "" : "s");
    if (asked) {
        fputs(" (asked for: ", stdout);
        output_text(stdout, asked, 0);
        putchar(')');
    }
    putchar('\n');
    free(asked);
}

/* Why more may look alike, or different, than is. */
static void print_notes(const struct diff *diff) {
    for (size_t i = 0; i < diff->nameless_count; i++) {
        fputs("note: the functions of ", stdout);
        output_text(stdout, diff->nameless[i], 0);
        puts(" are not known, as the file that ran is not here any more: findings are told apart without\n"
             "      them. `reqscope pack` before the next build keeps them.");
    }
    for (int side = 0; side < DIFF_SIDES; side++) {
        uint64_t lost = diff->sides[side].model.lost_events;
        if (!lost) continue;
        fputs("note: ", stdout);
        output_text(stdout, diff->sides[side].folder, 0);
        printf(" has lost at least %" PRIu64 " events: its counts of opens may be too low.\n", lost);
    }
}

static void print_place(const struct diff *diff, const char *what, const struct finding *finding, uint32_t stack) {
    char *place = stack_place_text(diff->symbols, finding->process, stack);
    if (place) {
        printf(", %s ", what);
        output_text(stdout, place, 0);
    }
    free(place);
}

static void print_times(const struct diff_finding *finding) {
    uint64_t before = finding->times[DIFF_BEFORE], after = finding->times[DIFF_AFTER];
    if (before && after)
        printf(", %" PRIu64 " -> %" PRIu64 " time%s", before, after, after == 1 ? "" : "s");
    else if (before + after > 1)
        printf(", %" PRIu64 " times", before + after);
}

static void print_findings(const struct diff *diff, const char *what, const struct diff_findings *findings,
                           enum output_style style) {
    if (!findings->count) return;
    printf("\n%s%s%s\n", output_begin(STYLE_STRONG), what, output_end());
    for (size_t i = 0; i < findings->count; i++) {
        const struct finding *first = findings->all[i].group->first;
        bool leak = first->kind == RS_FINDING_leak;
        char *sentence = finding_sentence(first);
        printf("  %s%s%s", output_begin(style), finding_kind(first), output_end());
        print_times(&findings->all[i]);
        fputs(": ", stdout);
        output_text(stdout, sentence, 0);
        if (!leak) print_place(diff, "in", first, first->used_stack);
        print_place(diff, leak ? "in" : "opened in", first, first->opened_stack);
        putchar('\n');
        free(sentence);
    }
}

/* "  GET /basket: tcp 127.0.0.1:6379 1.0 -> 3.2 opens a context" */
static void print_opens_row(const struct diff_opens *opens) {
    int digits = opens->label ? 1 : 0;
    double before = diff_rate(opens, DIFF_BEFORE), after = diff_rate(opens, DIFF_AFTER);
    if (opens->label && (before < 0.1 || after < 0.1)) digits = 2;
    fputs("  ", stdout);
    output_text(stdout, !opens->label ? "no context" : *opens->label ? opens->label : "contexts without a label", 0);
    fputs(": ", stdout);
    output_text(stdout, opens->description, 0);
    printf(" %.*f -> %s%.*f%s opens%s\n", digits, before, output_begin(STYLE_STRONG), digits, after, output_end(),
           opens->label ? " a context" : "");
}

static void print_opens(const struct diff *diff) {
    size_t shown = diff->opens_count < OPENS_SHOWN ? diff->opens_count : OPENS_SHOWN;
    if (diff->opens_count) printf("\n%sopens%s\n", output_begin(STYLE_STRONG), output_end());
    for (size_t i = 0; i < shown; i++) print_opens_row(&diff->opens[i]);
    if (shown < diff->opens_count) printf("  and %zu smaller changes: --json has all\n", diff->opens_count - shown);
    if (diff->labels_alone)
        printf("\n%zu label%s of contexts in one of the traces only: of those, opens are not compared.\n",
               diff->labels_alone, diff->labels_alone == 1 ? " is" : "s are");
}

void diff_print_text(const struct diff *diff) {
    print_verdict(diff);
    print_notes(diff);
    print_findings(diff, "came", &diff->came, STYLE_BAD);
    print_findings(diff, "went", &diff->went, STYLE_GOOD);
    print_findings(diff, "stayed", &diff->stayed, STYLE_STRONG);
    print_opens(diff);
}

/* ---- as JSON ---- */

static json_t *json_from_finding(const struct diff *diff, const struct diff_finding *finding) {
    const struct finding *first = finding->group->first;
    const struct process *process = first->process;
    char *sentence = finding_sentence(first);
    json_t *object = json_object();
    if (!object) memory_exhausted();
    json_put(object, "id", json_from_number(first->id));
    json_put(object, "pid", json_from_number(process->pid));
    json_put(object, "kind", json_from_text(finding_kind(first)));
    json_put(object, "before", json_from_number(finding->times[DIFF_BEFORE]));
    json_put(object, "after", json_from_number(finding->times[DIFF_AFTER]));
    json_put(object, "sentence", json_from_text(sentence));
    json_put(object, "description", json_from_text(finding_description(first)));
    json_put(object, "operation", json_from_text(rs_operation_name(first->operation)));
    json_put(object, "owner", json_from_context(process, first->owner));
    json_put(object, "user", json_from_context(process, first->user));
    json_put(object, "hint", json_from_text(finding_hint(first)));
    json_put(object, "opened_at", json_from_stack(diff->symbols, process, first->opened_stack));
    json_put(object, "used_at", json_from_stack(diff->symbols, process, first->used_stack));
    free(sentence);
    return object;
}

static json_t *json_from_findings(const struct diff *diff, const struct diff_findings *findings) {
    json_t *array = json_array();
    for (size_t i = 0; i < findings->count; i++) json_add(array, json_from_finding(diff, &findings->all[i]));
    return array;
}

static json_t *json_from_opens(const struct diff *diff) {
    json_t *array = json_array();
    for (size_t i = 0; i < diff->opens_count; i++) {
        const struct diff_opens *opens = &diff->opens[i];
        json_t *object = json_object();
        if (!object) memory_exhausted();
        json_put(object, "label", json_from_text(opens->label));
        json_put(object, "description", json_from_text(opens->description));
        json_put(object, "opens_before", json_from_number(opens->opens[DIFF_BEFORE]));
        json_put(object, "opens_after", json_from_number(opens->opens[DIFF_AFTER]));
        json_put(object, "contexts_before", json_from_number(opens->contexts[DIFF_BEFORE]));
        json_put(object, "contexts_after", json_from_number(opens->contexts[DIFF_AFTER]));
        json_add(array, object);
    }
    return array;
}

void diff_print_json(const struct diff *diff) {
    json_t *document = json_object(), *nameless = json_array();
    char *asked = filter_words(&diff->sides[DIFF_AFTER].filter, &diff->sides[DIFF_AFTER].model);
    if (!document) memory_exhausted();
    for (size_t i = 0; i < diff->nameless_count; i++) json_add(nameless, json_from_text(diff->nameless[i]));
    json_put(document, "format", json_from_number(RS_TRACE_FORMAT));
    json_put(document, "before", json_summary(&diff->sides[DIFF_BEFORE].model));
    json_put(document, "after", json_summary(&diff->sides[DIFF_AFTER].model));
    json_put(document, "asked_for", json_from_text(asked));
    json_put(document, "came", json_from_findings(diff, &diff->came));
    json_put(document, "went", json_from_findings(diff, &diff->went));
    json_put(document, "stayed", json_from_findings(diff, &diff->stayed));
    json_put(document, "opens", json_from_opens(diff));
    json_put(document, "labels_alone", json_from_number(diff->labels_alone));
    json_put(document, "nameless", nameless);
    json_print(document);
    free(asked);
}
