/* model.h: what traces say, as one model: processes, and in each its contexts, descriptions, stacks, modules, findings.
 *
 *   model ──► process ──► modules   in the order of time
 *                    ├──► stacks, contexts, descriptions, findings   by id
 *                    └──► parent, family   processes that came of one another by fork: they share ids
 *
 * What must stay true:
 * - Ids are a process's; a family of forked processes goes on counting with the same numbers. So a thing is looked up
 * in its own process first, then in the parents, then in the rest of the family (the model_..._of functions).
 * - Anything may be missing: given up by the recorder, or damaged. Lookups return NULL then; nobody may rely on one. */
#ifndef RS_VIEWER_MODEL_H
#define RS_VIEWER_MODEL_H

#include "tracer/layout.h"
#include "viewer/memory.h"

#include <stdbool.h>
#define uthash_fatal(message) memory_exhausted()
#include <uthash.h>

struct module {
    uint64_t time, base, low, high;
    char *path, *build_id;
};

struct stack {
    uint32_t id;
    uint32_t flags;
    uint64_t time;
    uint32_t count;
    uint64_t *addresses; /* innermost first */
    UT_hash_handle hh;
};

struct context {
    uint64_t id, parent, began, ended; /* ended 0: lives */
    bool known;                        /* its begin was recorded, in this process */
    bool superseded;                   /* it was inferred, and is none: events.def */
    char *label;
    char *attributes; /* what else its request said of itself: events.def; NULL: nothing */
    uint32_t origin, thread;
    uint64_t opens, uses, bytes, findings;
    uint64_t read, resumed, handed_over; /* threads came into it, by enum rs_entry */
    UT_hash_handle hh;
};

struct description {
    uint64_t id, opened, closed; /* closed 0: open */
    bool known;                  /* its opening was recorded, in this process */
    int32_t fd;
    uint32_t kind, operation, flags, thread, stack;
    uint64_t opener, owner;
    char *name; /* the latest */
    uint64_t *users;
    size_t user_count, user_space;
    uint64_t handovers, uses, bytes;
    UT_hash_handle hh;
};

struct finding {
    uint32_t id;
    bool known; /* its first report was recorded */
    uint64_t count, time, last_time;
    int32_t fd;
    uint32_t kind, verdict, operation, opened_stack, used_stack, owner_thread, owner_operation, phase, unread, thread;
    uint64_t description, owner, user, opened, opener;
    uint64_t sender, sent, sent_age, transaction_of; /* dirty-handover: what was owed, since when, to whom */
    uint32_t transaction, protocol;
    uint64_t closer, closed_age, closed_description; /* how the number was closed before; 0: no part of it */
    uint32_t closed_stack, closed_thread;
    uint64_t first_user; /* of what nobody owns */
    uint32_t other_process;
    uint64_t mended;   /* leak: so many were closed after all */
    uint64_t contexts; /* different ones that did it */
    struct process *process;
    UT_hash_handle hh;
};

/* A line of the rules file, and how often it matched. */
struct rule {
    uint32_t line;
    uint64_t hits;
    char *text;
};

/* A context and what it had to do with (a finding, a description): so that each is counted once. */
struct pair {
    struct {
        uint64_t context, other;
    } key;
    UT_hash_handle hh;
};

struct process {
    size_t index;
    char *folder, *command;
    uint32_t pid, parent_pid, mode, policy;
    bool known;
    bool incomplete; /* events were lost */
    uint64_t started, first_time, last_time, events;
    uint64_t first_context; /* that began in it; 0: none */
    struct process *parent; /* of the model's; NULL: none */
    size_t family;
    struct module *modules;
    size_t module_count, module_space;
    struct stack *stacks;
    struct context *contexts;
    struct description *descriptions;
    struct finding *findings;
    struct pair *involved; /* contexts and findings */
    struct pair *blamed;   /* contexts that did it, and findings */
    struct pair *used;     /* contexts and descriptions */
    uint32_t coverage;     /* RS_COVERAGE_* */
    char **notes;          /* what the guard could not see, in its words */
    size_t note_count, note_space;
    struct rule *rules;
    size_t rule_count, rule_space;
};

struct model {
    struct process **processes;
    size_t process_count, process_space;
    uint64_t events, lost_events, lost_packets, damages;
};

struct process *model_add_process(struct model *model, const char *folder);

/* The process's own, made when it is not there yet. */
struct context *model_context(struct process *process, uint64_t id);
struct description *model_description(struct process *process, uint64_t id);
struct finding *model_finding(struct process *process, uint32_t id);
struct stack *model_stack(struct process *process, uint32_t id);

/* Notes that a context was in a finding; that it was the one who did it; that it did I/O on a description. 0 is no context. */
void model_involve(struct process *process, uint64_t context, uint32_t finding);
void model_blame(struct process *process, uint64_t context, struct finding *finding);
void model_use(struct process *process, uint64_t context, struct description *description);

/* When all is loaded: links parents and families, and puts findings that several processes of a family told together.
 */
void model_settle(struct model *model);

/* The one that an id in `process` stands for, with its begin recorded; NULL when nothing recorded says. */
const struct context *model_context_of(const struct model *model, const struct process *process, uint64_t id);
const struct description *model_description_of(const struct model *model, const struct process *process, uint64_t id);
const struct stack *model_stack_of(const struct model *model, const struct process *process, uint32_t id,
                                   const struct process **holder);

/* The same, as it was recorded where the context began: a fork's child has of what it came with only the name. */
const struct context *model_context_begun(const struct model *model, const struct process *process, uint64_t id);

/* How it came to be: "api", "accept", "request"; "inherited": before the fork. NULL: nothing recorded says. */
const char *model_context_found(const struct model *model, const struct process *process, uint64_t id);

/* How sure it is that what a thread did in it, it did for this requester. "certain": the program says so; "strong": each thread in it
 * had read the request; "weak": some only touched what belongs to it, or were woken or begun in it. NULL: nothing recorded says. */
const char *model_context_sure(const struct model *model, const struct process *process, uint64_t id);

/* "" when there are none. */
const char *model_context_attributes(const struct model *model, const struct process *process, uint64_t id);

/* The first context that the process has had: its own, else that of the one that forked it. 0: none, or events were lost that may
 * tell of an earlier one. */
uint64_t model_first_context(const struct model *model, const struct process *process);

/* When that context ended; 0 while it lives. A fork's child carries contexts on that its parent ends. */
uint64_t model_context_end(const struct model *model, const struct process *process, const struct context *context);

/* Different contexts: one that a fork carried into several processes is one. */
uint64_t model_count_contexts(const struct model *model);

/* The first and the last event's time. */
uint64_t model_first_time(const struct model *model);
uint64_t model_last_time(const struct model *model);

/* All findings whose kind is in the mask (1 << enum rs_finding_kind; unknown ones always), leaks last, the most frequent first. The
 * array is the caller's to free. */
const struct finding **model_findings(const struct model *model, uint32_t kinds, size_t *count);

void model_free(struct model *model);

#endif
