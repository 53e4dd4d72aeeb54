/* cmd_check.c: `reqscope check`: one verdict, for CI. Also what `reqscope run --check` prints. */
#include "viewer/cmd_check.h"
#include "viewer/commands.h"
#include "viewer/finding_text.h"
#include "viewer/json.h"
#include "viewer/output.h"

#include <inttypes.h>
#include <stdlib.h>

/* "query (db.c:30)": the first frame that is known by name. */
static char *place_of(struct symbols *symbols, const struct model *model, const struct finding *finding) {
    const struct process *holder;
    const struct stack *stack = model_stack_of(model, finding->process, finding->used_stack, &holder);
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

static void print_finding(FILE *stream, struct symbols *symbols, const struct model *model,
                          const struct finding *finding) {
    char *sentence = finding_sentence(model, finding), *place = place_of(symbols, model, finding);
    fprintf(stream, "  %s%s%s", output_begin(STYLE_BAD), finding_kind(finding), output_end());
    if (finding->count > 1) fprintf(stream, ", %" PRIu64 " times", finding->count);
    fputs(": ", stream);
    output_text(stream, sentence, 0);
    output_text(stream, place, 0);
    putc('\n', stream);
    free(sentence);
    free(place);
}

void check_print(FILE *stream, const struct model *model, const struct finding **findings, size_t count, uint64_t max,
                 bool usable) {
    bool passed = count <= max && usable;
    struct symbols *symbols = symbols_open();
    fprintf(stream, "%s%s%s: %zu finding%s", output_begin(passed ? STYLE_GOOD : STYLE_BAD),
            !usable  ? "unusable"
            : passed ? "passed"
                     : "failed",
            output_end(), count, count == 1 ? "" : "s");
    if (max) fprintf(stream, ", %" PRIu64 " tolerated", max);
    fprintf(stream, " in %" PRIu64 " contexts, %" PRIu64 " events\n", model_count_contexts(model), model->events);
    for (size_t i = 0; i < count; i++) print_finding(stream, symbols, model, findings[i]);
    symbols_close(symbols);
}

static void print_json(const struct model *model, const struct finding **findings, size_t count, uint64_t max,
                       bool usable) {
    json_t *document = json_summary(model), *array = json_array();
    for (size_t i = 0; i < count; i++) {
        json_t *object = json_object();
        char *sentence = finding_sentence(model, findings[i]);
        if (!object) memory_exhausted();
        json_put(object, "id", json_from_number(findings[i]->id));
        json_put(object, "pid", json_from_number(findings[i]->process->pid));
        json_put(object, "kind", json_from_text(finding_kind(findings[i])));
        json_put(object, "count", json_from_number(findings[i]->count));
        json_put(object, "sentence", json_from_text(sentence));
        json_add(array, object);
        free(sentence);
    }
    json_put(document, "verdict", json_from_text(!usable ? "unusable" : count <= max ? "passed" : "failed"));
    json_put(document, "max", json_from_number(max));
    json_put(document, "findings", array);
    json_print(document);
}

int cmd_check(const struct options *options, const struct model *model, bool usable) {
    size_t count;
    const struct finding **findings = model_findings(model, options->kinds, &count);
    if (options->json)
        print_json(model, findings, count, options->max, usable);
    else
        check_print(stdout, model, findings, count, options->max, usable);
    free(findings);
    return count <= options->max ? EXIT_DONE : EXIT_FINDINGS;
}
