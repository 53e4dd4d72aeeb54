/* model.h: what traces say, as one model.
 *
 *   model ──► contexts      of all families, in the order in which they began
 *     ├─────► descriptions  the same, in the order in which they were opened
 *     ├─────► processes ──► modules (in the order of time), stacks, findings by id
 *     └─────► families  ──► contexts, descriptions by id: the processes that came of one another by fork count on with the same
 *                           numbers, so a description that a fork or a message carried into another of them is one here, too
 *
 * What must stay true:
 * - Anything may be missing: given up by the recorder, or damaged. Lookups return NULL then; nobody may rely on one.
 * - After model_settle nothing in it changes. */
#ifndef RS_VIEWER_MODEL_H
#define RS_VIEWER_MODEL_H

#include "tracer/layout.h"
#include "viewer/ids.h"

#include <stdbool.h>

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

struct process;

struct context {
    uint64_t id, parent, began, ended; /* ended 0: lives */
    const struct family *family;
    const struct process *process; /* where it began; if that is not recorded: where it was first named */
    const char *label;             /* never NULL; shared by those of the same */
    const char *attributes;        /* what else its request said of itself: events.def; NULL: nothing */
    uint64_t uses, bytes;
    uint32_t opens, findings;
    uint32_t read, resumed, handed_over; /* threads came into it, by enum rs_entry */
    uint32_t thread;                     /* that began it */
    uint8_t origin;                      /* enum rs_origin; RS_ORIGIN_INHERITED: only a fork's child tells of it */
    bool known;                          /* its begin, or that it was there at a fork, was recorded */
    bool superseded;                     /* it was inferred, and is none: events.def */
    bool carried;                        /* a fork's child has worked in it */
};

struct description {
    uint64_t id, opened, closed; /* closed 0: open */
    const struct family *family;
    const struct process *process; /* where it was opened; if that is not recorded: where it was first named */
    bool known;                    /* its opening was recorded */
    int32_t fd;
    uint32_t kind, operation, flags, thread, stack; /* stack: one of the process's */
    uint64_t opener, owner;
    const char *name; /* the latest; "" when there is none */
    uint64_t *users;  /* contexts, in the order of their first use of it */
    size_t user_count;
    uint32_t *pids; /* of the processes that did I/O on it, in that order, too */
    size_t pid_count;
    uint64_t handovers, uses, bytes;
    uint32_t holders; /* processes that have it open, while the trace is read */
    const struct process *latest_holder;
    uint32_t passed; /* times that it went with a message */
    bool merged;     /* it is another one, which came with a message: until model_settle */
    struct use *all; /* until model_settle */
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
    uint64_t owners;   /* different ones that it was done to */
    struct process *process;
    UT_hash_handle hh; /* in the process's table */
};

/* A line of the rules file, and how often it matched. */
struct rule {
    uint32_t line;
    uint64_t hits;
    char *text;
};

/* A context and a finding that it had to do with: so that each is counted once. */
struct pair {
    struct {
        uint64_t context, other;
    } key;
    UT_hash_handle hh;
};

/* What one context did to one description from one process; several may stand for the same until model_settle. */
struct use {
    struct use *next;
    uint64_t context, description; /* 0: none */
    uint64_t first_time, bytes;
    uint32_t calls, process; /* the process's index */
    int32_t fd;              /* the number that it was done by */
};

/* A number went or came with a message. */
struct pass {
    uint64_t time, identity;
    struct description *description;
    uint32_t how; /* enum rs_passed */
};

/* Processes that share ids. */
struct family {
    uint32_t number; /* events.def; 0: of one process, whose number is not known */
    size_t index;
    struct ids contexts, descriptions;
};

struct process {
    struct model *model;
    size_t index;
    char *folder, *command;
    uint32_t pid, parent_pid, mode, policy;
    bool known;
    bool incomplete; /* events were lost */
    uint64_t started, first_time, last_time, events;
    uint64_t first_context;       /* that began in it; 0: none */
    const struct process *parent; /* of the model's; NULL: none */
    struct family *family;
    struct module *modules;
    size_t module_count, module_space;
    struct stack *stacks;
    struct finding *findings;
    struct pair *involved; /* contexts and findings */
    struct pair *blamed;   /* contexts that did it, and findings */
    struct pair *suffered; /* contexts that it was done to, and findings */
    uint32_t coverage;     /* RS_COVERAGE_* */
    char **notes;          /* what the guard could not see, in its words */
    size_t note_count, note_space;
    struct rule *rules;
    size_t rule_count, rule_space;
};

struct model {
    struct process **processes;
    size_t process_count, process_space;
    struct family **families;
    size_t family_count, family_space;
    struct context **contexts; /* but for superseded ones, once settled */
    size_t context_count, context_space;
    struct description **descriptions;
    size_t description_count, description_space;
    struct pass *passes; /* until model_settle */
    size_t pass_count, pass_space;
    struct texts *texts;            /* each label and name once */
    struct memory_arena *arenas;    /* where contexts, descriptions and uses lie */
    uint64_t first_time, last_time; /* of all events */
    uint64_t events, lost_events, lost_packets, damages;
};

struct process *model_add_process(struct model *model, const char *folder);

/* Says which family the process is of, once, before its first context or description; else, and for 0, it is one of its own. */
void model_set_family(struct process *process, uint32_t number);

/* The process's family's (process's own), made when it is not there yet. */
struct context *model_context(struct process *process, uint64_t id);
struct description *model_description(struct process *process, uint64_t id);
struct finding *model_finding(struct process *process, uint32_t id);
struct stack *model_stack(struct process *process, uint32_t id);

/* The text, kept once for all who have the same. */
const char *model_text(struct model *model, const char *text);

/* Notes that a context was in a finding: it was done to it; it did it. 0 is no context. */
void model_suffer(struct process *process, uint64_t context, struct finding *finding);
void model_blame(struct process *process, uint64_t context, struct finding *finding);

/* Notes that a number for the description went or came with a message: those that met are one description, once settled. */
void model_pass(struct model *model, const struct pass *pass);

/* Takes over what was done to a description; the use must stay where it is until model_settle. */
void model_use(struct model *model, struct use *use);

/* Takes over an arena that uses lie in. */
void model_adopt(struct model *model, struct memory_arena **arena);

/* When all is loaded: links parents, sorts, sums up uses, and puts findings that several processes of a family told together. */
void model_settle(struct model *model);

/* The one that an id in `process` stands for; NULL when its begin (opening) was recorded nowhere. */
const struct context *model_context_of(const struct process *process, uint64_t id);
const struct description *model_description_of(const struct process *process, uint64_t id);

/* What the process has mapped at the address, the latest; NULL: nothing. */
const struct module *model_module_of(const struct process *process, uint64_t address);

/* The one that an id in `process` stands for: its own, else that of its family's process which tells it; NULL: none. */
const struct finding *model_finding_of(const struct process *process, uint32_t id);

/* In the process, its parents, then the others of its family: *holder is whose it is. */
const struct stack *model_stack_of(const struct process *process, uint32_t id, const struct process **holder);

/* How it came to be: "api", "accept", "request"; "inherited": before the fork. NULL: nothing recorded says. */
const char *model_context_found(const struct context *context);

/* How sure it is that what a thread did in it, it did for this requester. "certain": the program says so; "strong": each thread in it
 * had read the request; "weak": some only touched what belongs to it, or were woken, begun or forked in it. NULL: nothing recorded
 * says. */
const char *model_context_sure(const struct context *context);

/* "" when there are none. */
const char *model_context_attributes(const struct context *context);

/* The first context that the process has had: its own, else that of the one that forked it. 0: none, or events were lost that may
 * tell of an earlier one. */
uint64_t model_first_context(const struct process *process);

void model_free(struct model *model);

#endif
