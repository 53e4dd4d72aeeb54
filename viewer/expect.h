/* expect.h: `check --expect-opens`: how often descriptions that a pattern matches were opened, in all or by each context. The
 * regression test of "is the layer really built once per request".
 *
 * What is counted: descriptions whose opening by the program was seen and recorded, each once, however many processes of a family
 * held it. Not those that it was started with or that came in a message: others opened them. A socket counts by what it was
 * connected to, at last; one that is connected to nothing is of its kind only, wherever it listens.
 *
 * Contexts are told apart as model_count_contexts does: one that a fork carried into several processes is one. */
#ifndef RS_VIEWER_EXPECT_H
#define RS_VIEWER_EXPECT_H

#include "tracer/rule.h"

#include <jansson.h>
#include <stdio.h>

struct model;
struct description;

/* "PATTERN=N", or "PATTERN=N/context" */
struct expectation {
    struct rs_pattern pattern; /* points into the text that was parsed */
    uint64_t opens;
    bool per_context;
};

/* What became of it. */
struct expect_answer {
    const struct expectation *expectation;
    const struct model *model;
    uint64_t opened, outside; /* in all; of these in no context */
    size_t failing;           /* per_context: how many contexts opened another number */
    bool met;
    struct expect_context *contexts; /* all that are in the trace, those that say most first */
    size_t context_count;
};

/* Returns false after a message when the text is no expectation. It must outlive the expectation. */
bool expect_parse(const char *text, struct expectation *expectation);

/* Is it one that the program has opened itself, as far as is known? */
bool expect_is_open(const struct description *description);

/* Counts. The answer is to be freed with expect_free, and lives no longer than its expectation and the model. */
struct expect_answer expect_count(const struct model *model, const struct expectation *expectation);
void expect_free(struct expect_answer *answer);

/* "found 2 opens of tcp:127.0.0.1:6379, as expected", on a line of its own. */
void expect_print(FILE *stream, const struct expect_answer *answer);

/* {"pattern", "expected", "per_context", "opened", "opened_in_no_context", "met", "contexts": [{"id", "label", "pid", "opens"}]} */
json_t *expect_json(const struct expect_answer *answer);

/* Why opens may be missing from every count, as the end of a sentence; NULL: they are all there. */
const char *expect_doubt(const struct model *model);

#endif
