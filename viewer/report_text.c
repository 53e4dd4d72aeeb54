/* report_text.c: `reqscope report` in words. A finding reads as on the log (CONTRACT), with more of what only the whole trace knows. */
#include "viewer/finding_text.h"
#include "viewer/output.h"
#include "viewer/report.h"
#include "viewer/stack_text.h"
#include "viewer/text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* As many labels, processes and findings are named in a line. */
#define NAMED 6

static const char *plural(uint64_t count) {
    return count == 1 ? "" : "s";
}

/* ---- one finding ---- */

static const char *what_the_user_did(const struct finding *finding) {
    if (finding->kind == RS_FINDING_leak) return "ended";
    return finding->kind == RS_FINDING_bad_close || finding->kind == RS_FINDING_foreign_close ? "closed" : "used";
}

static void print_used(struct symbols *symbols, const struct finding *finding) {
    char *user = finding_context(finding->process, finding->user);
    printf("  %s here by ", what_the_user_did(finding));
    output_text(stdout, user, 0);
    printf(", thread %" PRIu32 ", pid %" PRIu32 ":\n", finding->thread, finding->process->pid);
    stack_print(symbols, finding->process, finding->used_stack);
    free(user);
}

/* "  WHAT here by WHO, thread 1, 2 s before:" and the stack. */
static void print_before(struct symbols *symbols, const struct finding *finding, const char *what, uint64_t context,
                         uint32_t thread, uint64_t age, uint32_t stack) {
    char *who = finding_context(finding->process, context);
    char *before = text_duration(age);
    printf("  %s here by ", what);
    output_text(stdout, who, 0);
    if (thread) printf(", thread %" PRIu32, thread);
    printf(", %s before:\n", before);
    stack_print(symbols, finding->process, stack);
    free(before);
    free(who);
}

static void print_opened(struct symbols *symbols, const struct finding *finding) {
    const struct description *known = model_description_of(finding->process, finding->description);
    bool found = known && known->operation == RS_OP_found;
    uint64_t age = finding->time > finding->opened ? finding->time - finding->opened : 0;
    print_before(symbols, finding, found ? "first seen" : "opened", finding->opener, finding->owner_thread, age,
                 finding->opened_stack);
}

static void print_closed(struct symbols *symbols, const struct finding *finding) {
    bool bad = finding->kind == RS_FINDING_bad_close;
    if (finding->closed_description)
        print_before(symbols, finding, bad ? "closed before" : "the number was the user's own before, and was closed",
                     finding->closer, finding->closed_thread, finding->closed_age, finding->closed_stack);
    else if (bad)
        puts("  nothing is known of an earlier close of this number");
}

/* "  NAME: text" */
static void print_line(const char *name, const char *text) {
    if (!text) return;
    printf("  %s: ", name);
    output_text(stdout, text, 0);
    putchar('\n');
}

static void print_details(const struct finding *finding) {
    char *inferred = finding_inferred(finding);
    if (finding->kind == RS_FINDING_dirty_handover && finding->known) {
        char *outstanding = finding_outstanding(finding);
        print_line("outstanding", outstanding);
        free(outstanding);
    }
    if (finding->owner_operation != RS_OP_none && finding->kind != RS_FINDING_bad_close) {
        printf("  the owner's last operation on it: %s", rs_operation_name(finding->owner_operation));
        if (finding->unread && finding->unread != UINT32_MAX && finding->kind != RS_FINDING_dirty_handover)
            printf("; bytes that waited unread: %" PRIu32, finding->unread);
        putchar('\n');
    }
    print_line("contexts inferred", inferred);
    free(inferred);
}

/* ---- what a group says more ---- */

/* "  WHAT: 12 contexts: GET /b (10), GET /c (2)"; of one context the sentence tells. */
static void print_contexts(const char *what, const struct context *const *contexts, size_t context_count) {
    size_t count, shown = 0;
    struct label_count *labels;
    if (context_count < 2) return;
    labels = groups_labels(contexts, context_count, &count);
    printf("  %s: %zu contexts: ", what, context_count);
    for (; shown < count && shown < NAMED; shown++) {
        if (shown) fputs(", ", stdout);
        output_text(stdout, *labels[shown].label ? labels[shown].label : "without a label", 0);
        if (labels[shown].contexts > 1) printf(" (%" PRIu64 ")", labels[shown].contexts);
    }
    if (count > shown) printf(" and %zu more labels", count - shown);
    putchar('\n');
    free(labels);
}

/* "  seen: first 1.2 ms after the trace's begin, last 3.4 ms; finding 3 of pid 100, 5 of pid 101" */
static void print_seen(const struct model *model, const struct group *group) {
    char *first = text_duration(group->first_time - model->first_time);
    char *last = text_duration(group->last_time - model->first_time);
    if (group->times > 1)
        printf("  seen: first %s after the trace's begin, last %s; finding", first, last);
    else
        printf("  seen: %s after the trace's begin; finding", first);
    for (size_t i = 0; i < group->count && i < NAMED; i++)
        printf("%s %" PRIu32 " of pid %" PRIu32, i ? "," : "", group->findings[i]->id,
               group->findings[i]->process->pid);
    if (group->count > NAMED) printf(" and %zu more", group->count - NAMED);
    putchar('\n');
    free(first);
    free(last);
}

static void print_whom(const struct group *group) {
    bool leak = group->first->kind == RS_FINDING_leak; /* a context does that to itself */
    print_contexts(leak ? "whose" : "done by", group->user_contexts, group->users);
    if (!leak) print_contexts("done to", group->owner_contexts, group->owners);
}

static void print_head(const struct group *group) {
    char *sentence = finding_sentence(group->first);
    printf("\n%s%s%s", output_begin(STYLE_BAD), finding_kind(group->first), output_end());
    if (group->times > 1) printf(", %" PRIu64 " times", group->times);
    if (group->users > 1) printf(", by %" PRIu64 " contexts", group->users);
    if (group->pid_count > 1) printf(", in %zu processes", group->pid_count);
    fputs(": ", stdout);
    output_text(stdout, sentence, 0);
    putchar('\n');
    free(sentence);
}

static void print_group(const struct report *report, const struct group *group) {
    const struct finding *first = group->first;
    char *suppression = report_suppression(report->symbols, first);
    print_head(group);
    if (first->known) {
        print_used(report->symbols, first);
        if (first->kind == RS_FINDING_bad_close) print_closed(report->symbols, first);
        if (first->description) print_opened(report->symbols, first);
        if (first->kind != RS_FINDING_bad_close) print_closed(report->symbols, first);
    }
    print_details(first);
    print_whom(group);
    print_seen(report->model, group);
    if (group->mended) printf("  closed after all: %" PRIu64 " of %" PRIu64 "\n", group->mended, group->times);
    printf("  what was done: %s\n", finding_verdict(first));
    printf("  hint: %s\n", finding_hint(first));
    print_line("to suppress it", suppression);
    free(suppression);
}

/* ---- the trace as a whole ---- */

static void print_summary(const struct report *report) {
    const struct model *model = report->model;
    const struct groups *groups = &report->groups;
    uint64_t contexts = model->context_count;
    char *duration = text_duration(model->last_time - model->first_time);
    char *asked = filter_words(&report->filter, model);
    printf("%zu process%s, %" PRIu64 " context%s, %" PRIu64 " event%s in %s, %" PRIu64 " lost: ", model->process_count,
           model->process_count == 1 ? "" : "es", contexts, plural(contexts), model->events, plural(model->events),
           duration, model->lost_events);
    printf("%s%zu ", output_begin(groups->count ? STYLE_BAD : STYLE_GOOD), groups->count);
    if (asked)
        printf("of %zu finding%s match%s", report->groups_in_trace, plural(report->groups_in_trace), output_end());
    else
        printf("finding%s%s", plural(groups->count), output_end());
    if (groups->times > groups->count) printf(", seen %" PRIu64 " times", groups->times);
    if (asked) {
        fputs(" (asked for: ", stdout);
        output_text(stdout, asked, 0);
        putchar(')');
    }
    putchar('\n');
    free(duration);
    free(asked);
    if (model->lost_events)
        printf("%sat least %" PRIu64 " events were given up to stay below REQSCOPE_TRACE_MAX%s: findings are all\n"
               "here; of I/O, and of contexts and descriptions that had ended, the latest.\n",
               output_begin(STYLE_BAD), model->lost_events, output_end());
}

/* Is it the first process that says so? */
static bool is_first_note(const struct model *model, size_t process, const char *note) {
    for (size_t i = 0; i < process; i++)
        for (size_t j = 0; j < model->processes[i]->note_count; j++)
            if (!strcmp(model->processes[i]->notes[j], note)) return false;
    return true;
}

/* ", pid 100, pid 101 and 7 more" of those from `process` on that say so. */
static void print_noting(const struct model *model, size_t process, const char *note) {
    size_t count = 0;
    for (size_t i = process; i < model->process_count; i++) {
        const struct process *one = model->processes[i];
        bool says = false;
        for (size_t j = 0; j < one->note_count && !says; j++) says = !strcmp(one->notes[j], note);
        if (says && count++ < NAMED) printf("%s pid %" PRIu32, count > 1 ? "," : "", one->pid);
    }
    if (count > NAMED) printf(" and %zu more", count - NAMED);
}

/* What the guard said that it could not see, each note once. */
static void print_notes(const struct model *model) {
    for (size_t i = 0; i < model->process_count; i++) {
        const struct process *process = model->processes[i];
        for (size_t j = 0; j < process->note_count; j++) {
            if (!is_first_note(model, i, process->notes[j])) continue;
            fputs("note:", stdout);
            print_noting(model, i, process->notes[j]);
            fputs(": ", stdout);
            output_text(stdout, process->notes[j], 0);
            putchar('\n');
        }
    }
}

/* What a line of the rules file has done in all processes that have it. */
struct rule_sum {
    const struct rule *rule;
    uint64_t hits;
    size_t processes;
};

static struct rule_sum sum_rule(const struct model *model, size_t process, const struct rule *rule) {
    struct rule_sum sum = {.rule = rule};
    for (size_t i = 0; i < model->process_count; i++) {
        for (size_t j = 0; j < model->processes[i]->rule_count; j++) {
            const struct rule *other = &model->processes[i]->rules[j];
            if (other->line != rule->line || strcmp(other->text, rule->text) != 0) continue;
            if (i < process) return (struct rule_sum){0}; /* it was told there */
            sum.hits += other->hits;
            sum.processes++;
        }
    }
    return sum;
}

/* Rules with their hits, each once. */
static void print_rules(const struct model *model) {
    for (size_t i = 0; i < model->process_count; i++) {
        const struct process *process = model->processes[i];
        for (size_t j = 0; j < process->rule_count; j++) {
            struct rule_sum sum = sum_rule(model, i, &process->rules[j]);
            if (!sum.rule) continue;
            printf("rule, line %" PRIu32 ", ", sum.rule->line);
            if (sum.processes > 1)
                printf("%zu processes: ", sum.processes);
            else
                printf("pid %" PRIu32 ": ", process->pid);
            output_text(stdout, sum.rule->text, 0);
            if (sum.hits)
                printf(": %" PRIu64 " hit%s\n", sum.hits, plural(sum.hits));
            else
                puts(": never hit");
        }
    }
}

/* ---- nothing ---- */

static bool any_lease(const struct model *model) {
    for (size_t i = 0; i < model->process_count; i++)
        if (model->processes[i]->policy == RS_POLICY_LEASE) return true;
    return false;
}

static bool any_note(const struct model *model) {
    for (size_t i = 0; i < model->process_count; i++)
        if (model->processes[i]->note_count) return true;
    return false;
}

/* Contexts in which a thread was taken to be by a guess: it makes no findings there. */
static void print_weak(const struct model *model) {
    size_t weak = 0;
    for (size_t i = 0; i < model->context_count; i++) {
        const char *sure = model_context_sure(model->contexts[i]);
        weak += sure && !strcmp(sure, "weak");
    }
    if (!weak) return;
    printf("But %zu of them were inferred where one thread works for many in turn (an event loop), or was handed work: "
           "who it\n"
           "works for is a guess there, and a guess makes no finding. reqscope_begin and reqscope_switch say it for "
           "certain.\n",
           weak);
}

/* What was looked for, and what it could not see. */
static void print_nothing_found(const struct model *model) {
    if (!model->context_count)
        puts("\nNothing was found, but there was no context, so nothing had an owner: begin one for each request\n"
             "(reqscope_begin), or let them be inferred from the connections that are accepted "
             "(REQSCOPE_CONTEXT=auto).");
    else if (model->context_count == 1)
        puts("\nNothing was found, but there was one context only: it takes two to use what is another's. Make "
             "requests\n"
             "at the same time, and one after the other.");
    else
        printf(
            "\nNothing was found: none of the %zu contexts used or closed what was another's, left anything open, or\n"
            "went on after its end, of what REQSCOPE_CHECK looks for.\n",
            model->context_count);
    print_weak(model);
    if (any_lease(model))
        puts("(With REQSCOPE_POLICY=lease a connection that changes hands when its exchange is complete is no "
             "finding.)");
    if (any_note(model)) puts("The guard did not see everything: see the notes above.");
}

static void print_nothing(const struct report *report) {
    size_t count = report->groups_in_trace;
    if (count)
        printf("\nNone of the %zu finding%s in the trace is what was asked for: leave options out to see more.\n",
               count, plural(count));
    else
        print_nothing_found(report->model);
}

/* ---- the report ---- */

static void print_heading(const struct report *report, const struct report_heading *heading) {
    printf("\n%s%s: ", output_begin(STYLE_STRONG), report->options->by);
    output_text(stdout, heading->text, 0);
    printf("%s: %zu finding%s, seen %" PRIu64 " time%s\n", output_end(), heading->count, plural(heading->count),
           heading->times, plural(heading->times));
}

void report_print_text(const struct report *report) {
    size_t shown = 0, left = report->groups.count - report->shown;
    print_summary(report);
    print_notes(report->model);
    print_rules(report->model);
    for (size_t i = 0; i < report->heading_count && shown < report->shown; i++) {
        const struct report_heading *heading = &report->headings[i];
        if (heading->text) print_heading(report, heading);
        for (size_t j = 0; j < heading->count && shown < report->shown; j++, shown++)
            print_group(report, heading->groups[j]);
    }
    if (!report->groups.count) print_nothing(report);
    if (left) printf("\n%zu more finding%s left out by --max %zu.\n", left, left == 1 ? " is" : "s are", report->shown);
}
