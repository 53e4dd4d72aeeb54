/* id.h: how findings, contexts and descriptions are called on the command line, and in what tells the user what to type.
 *
 *   f3  finding:3       a finding: numbered in each process
 *   c12 context:12      a context: numbered in each family of processes
 *   d40 description:40  a description: the same
 *   12                  whatever has that number
 *   fd:7                the descriptions that have had this number in a process
 *   4711/c12            in the process with this pid, or with a trace folder of this name
 *   GET /basket*        contexts by their label, descriptions by their name, * standing for anything; else those in which it is found
 *
 * What must stay true: what is written here is read back as the same one thing, and as nothing else. */
#ifndef RS_VIEWER_ID_H
#define RS_VIEWER_ID_H

#include "viewer/model.h"

enum thing_kind { THING_FINDING, THING_CONTEXT, THING_DESCRIPTION, THING_COUNT };

/* One of the three, by its kind. */
struct thing {
    enum thing_kind kind;
    const struct finding *finding;
    const struct context *context;
    const struct description *description;
};

struct things {
    struct thing *all; /* the caller's to free */
    size_t count, space;
};

/* All that `text` may stand for; where there are none, false after a message that says what there is. */
bool id_find(const struct model *model, const char *text, struct things *things);

/* "f3", or "4711/f3" where several have the number. All of these are the caller's to free, and not escaped. */
char *id_of_finding(const struct finding *finding);
char *id_of_context(const struct context *context);
char *id_of_description(const struct description *description);
char *id_of(const struct thing *thing);

/* "GET /a (c12)", "c12", "no context": what an id in `process` stands for. */
char *id_named_context(const struct process *process, uint64_t id);

/* Its latest name, else its kind; "a descriptor" when neither is known. Not to be freed. */
const char *id_name_of_description(const struct description *description);

#endif
