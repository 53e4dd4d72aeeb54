/* live.h: what is going on in processes that run, from their events as they come (tail.h): what lives now, and sums over the time
 * since the last look. (model.h keeps all that a trace says; this forgets what is over, as it is to run for weeks.)
 *
 *   live ──► processes
 *     ├────► contexts      live; and those that have ended, as long as they own something, and the latest others: findings name them
 *     ├────► descriptions  open; and those that were closed in this interval or the one before
 *     ├────► labels        of those contexts, each with its sums
 *     └────► findings      each once
 *
 * Contexts and descriptions are a family's (model.h): what a fork carried on is one.
 *
 * What must stay true:
 * - Memory is bounded by what is open and live, by LIVE_REMEMBERED and LIVE_FINDINGS, by what the guard itself keeps of a process's
 *   stacks and findings, and by what one interval brings.
 * - An event may name what was never seen, and may come again: the recorder writes what is still needed once more when it gives up
 *   its packet. That counts nothing, and brings nothing that is over back to life. */
#ifndef RS_VIEWER_LIVE_H
#define RS_VIEWER_LIVE_H

#include "viewer/memory.h"
#include "viewer/tail.h"

#define uthash_fatal(message) memory_exhausted()
#include <uthash.h>

/* Ended contexts that are remembered by their labels. */
#define LIVE_REMEMBERED 8192
/* Findings that are kept when the processes that told of them are gone. */
#define LIVE_FINDINGS 1000

/* A process: the caller makes it known; an event says the rest. */
struct live_process {
    uint32_t pid;           /* here */
    uint32_t own_pid;       /* as its trace says: another one in a container; 0: not known yet */
    uint64_t family, scope; /* two numbers that no other one has, but for its family's */
    char *command;
    bool known;  /* its trace has said what it is */
    bool ended;  /* what it has left is still being read */
    bool primed; /* all that was recorded before it was looked at was read: from now on a begin is news */
};

/* Ids of contexts and descriptions are a family's; those of stacks and findings one process's: then `family` is its scope. */
struct live_key {
    uint64_t family, id;
};

/* The packet in which a begin or an open was told last: when the recorder has given it up, and has not told it again, it is over. */
struct live_place {
    uint64_t stream, sequence;
};

struct live_label {
    char *text;
    uint64_t references;
    uint64_t begun, ended, duration; /* in this interval; duration: of those that ended, in sum */
    UT_hash_handle hh;
};

struct live_context {
    struct live_key key;
    struct live_label *label;
    const struct live_process *process; /* where it began; NULL: not seen */
    struct live_place told;
    uint64_t began;
    uint64_t owned;  /* descriptions on the table that it owns */
    bool lives;      /* it was seen to begin, and not to end */
    bool remembered; /* it is among the latest that have ended */
    UT_hash_handle hh;
};

struct live_description {
    struct live_key key;
    char *name; /* "": none was told */
    int32_t fd;
    uint32_t kind;
    const struct live_process *process;  /* that opened it, or has it now */
    const struct live_process **holders; /* that have it open */
    size_t holder_count, holder_space;
    struct live_place told; /* by `process` */
    uint64_t owner;         /* its context's id; 0 none */
    uint64_t user;          /* the context that did the latest call on it; 0 none */
    bool closed;
    uint64_t closed_at;    /* the number of the interval */
    uint64_t calls, bytes; /* in this interval */
    UT_hash_handle hh;
};

/* The same kind from the same pair of stacks is one, in whichever of a family's processes. */
struct live_finding {
    struct {
        uint64_t family, kind, opened, used; /* opened, used: check sums of the stacks */
    } key;
    const char *kind;
    char *sentence, *description; /* description: its name */
    char *owner_label, *user_label;
    uint64_t owner, user, time, count;
    uint64_t came; /* the number of the interval */
    int32_t fd;
    uint32_t operation, pid;
    uint64_t references; /* processes that have told of it, and live */
    UT_hash_handle hh;
};

/* A process's word on a finding, by its number. */
struct live_told {
    struct live_key key;
    struct live_finding *finding;
    uint64_t count;
    UT_hash_handle hh;
};

struct live_stack {
    struct live_key key;
    uint64_t sum;
    UT_hash_handle hh;
};

struct live_sums {
    uint64_t begun, ended, calls, bytes, events, findings, again; /* again: known findings, seen once more */
};

struct live {
    struct live_process **processes;
    size_t process_count, process_space;
    uint64_t scopes; /* given out */
    struct live_context *contexts;
    struct live_description *descriptions;
    struct live_label *labels;
    struct live_finding *findings; /* in the order in which they came */
    struct live_told *told;
    struct live_stack *stacks;
    struct live_context *ended[LIVE_REMEMBERED];
    size_t ended_next;
    uint64_t live_count, open_count;
    uint64_t number; /* of the interval */
    bool swept;      /* ends were lost: what is told again may live */
    struct live_sums interval, total;
};

struct live *live_new(void);

/* The trace of `pid` is read from now on: what comes is not counted before live_primed. */
struct live_process *live_add(struct live *live, uint32_t pid);

/* It has ended: so has what lived in it alone. Findings stay. The process is freed. */
void live_remove(struct live *live, struct live_process *process);

/* One event; its process is a struct live_process. */
void live_take(struct live *live, const struct tail_event *event);

/* A new interval begins: sums are 0. */
void live_begin_interval(struct live *live);

/* All that was there at the begin is read: what it counted is no news. Begins an interval. */
void live_primed(struct live *live);

/* Packets were lost, and with them ends that nobody will tell again: forgets what must be over. Calls tail_mark for the next time,
 * which must not be at once. */
void live_sweep(struct live *live, struct tail *tail);

/* What the tables find their things by; `size` is a multiple of 8. */
static inline unsigned live_hash(const void *key, size_t size) {
    return (unsigned)(rs_mix(key, size, 0) >> 32);
}

/* Those with the most calls in this interval, the busiest first; labels with the most begun or ended. Returns how many. */
size_t live_busiest(const struct live *live, const struct live_description **found, size_t most);
size_t live_labels(const struct live *live, const struct live_label **found, size_t most);

/* live_findings.c: the events that a finding comes of, and the end of a process that has told of some. */
void live_take_stack(struct live *live, const struct live_process *process, const struct tail_event *event);
void live_take_finding(struct live *live, const struct live_process *process, const struct tail_event *event);
void live_take_again(struct live *live, const struct live_process *process, const struct tail_event *event);
void live_forget_findings(struct live *live, const struct live_process *process);
void live_free_findings(struct live *live);

/* What is known of a context, alive or remembered; NULL: nothing. */
const struct live_context *live_context_of(const struct live *live, uint64_t family, uint64_t id);

struct live_description *live_description_of(const struct live *live, uint64_t family, uint64_t id);

/* The name, or what kind it is. */
const char *live_name(const struct live_description *description);

/* NULL is ignored. */
void live_free(struct live *live);

#endif
