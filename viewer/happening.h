/* happening.h: one event of a trace, whatever its kind, in one shape: who did what to which description, and when; in words and as
 * JSON. What `show` tells a story with.
 *
 *   rs_read_event ──► happening ──► "opens tcp 127.0.0.1:6379 as fd 7", "write 31 bytes", "<== foreign-io: writes to fd 7"
 *
 * What must stay true:
 * - `context` is who did it, and what a column is chosen by; `other` is whom else it has to do with.
 * - `text` points into the event: who keeps a happening copies it. */
#ifndef RS_VIEWER_HAPPENING_H
#define RS_VIEWER_HAPPENING_H

#include "tracer/reader.h"
#include "viewer/model.h"

#include <jansson.h>

/* A begin that was longer before its event is told again, as the event of then was given up: nanoseconds. */
#define TOLD_AT_ONCE 1000000

struct happening {
    uint64_t time;
    uint64_t since; /* when it came to be, where the event tells of it later; else the same as time */
    const struct process *process;
    uint32_t number, operation; /* as in rs_read_event */
    uint32_t thread;
    int32_t fd;      /* -1: none */
    int32_t from_fd; /* dup: the number it stands for, too; else -1 */
    int32_t result;  /* of an I/O call */
    uint32_t
        detail; /* context_begin: its origin; context_switch: how; open: its flags; close: last; handover: its reason; passed: how;
                         context_end: superseded; finding: its kind */
    uint32_t finding; /* its number in the process; 0: none */
    uint64_t context; /* who did it; 0: nobody */
    uint64_t
        other; /* context_begin: its parent; context_switch: which one the thread leaves; handover, finding: the other side */
    uint64_t description; /* 0: none */
    uint64_t count;       /* finding_again, unleaked: the how manyth; I/O: so many calls alike */
    uint64_t bytes;       /* that they moved */
    const char *text;
};

/* What the words may leave out, as it stands above them. */
struct happening_scope {
    uint64_t context, description; /* what all of it is about; 0: several */
    const struct finding *finding; /* the one that is shown; NULL: none */
};

/* Reads an event. `current`: the context that its thread is in. False: it tells nothing of contexts, descriptions or findings. */
bool happening_read(struct happening *happening, const struct process *process, const struct rs_read_event *event,
                    uint64_t current);

/* Is it the first or a later report of this finding? */
bool happening_is_of(const struct happening *happening, const struct finding *finding);

/* Its kind: "io", "open", "context_begin", as in events.def. */
const char *happening_name(const struct happening *happening);

/* In words. The caller's to free, and not escaped. */
char *happening_text(const struct happening *happening, const struct happening_scope *scope);

/* {"time_ns", "relative_ns", "pid", "thread", "context", "description", "fd", "event", "operation", "result", "text"}; relative to
 * `zero`. */
json_t *happening_json(const struct happening *happening, const struct happening_scope *scope, uint64_t zero);

/* "1,234" */
char *happening_number(uint64_t number);

#endif
