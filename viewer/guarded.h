/* guarded.h: the guarded processes that run on this machine, as far as the one who asks may look at them. All of it comes from /proc:
 * nothing is done to a process.
 *
 *   /proc/PID/maps      the guard is mapped; so are the packets that are being written: they name the process's own trace folder,
 *                       whatever became of its environment, its user and its working directory since
 *   /proc/PID/environ   REQSCOPE_*, as they were when the program was executed
 *
 * What must stay true:
 * - Anything may be gone or refused at any moment: a process that has ended is left out, one that may not be read is counted.
 * - A program may have written its title over its environment (redis-server, nginx and PostgreSQL do): what cannot be known is NULL. */
#ifndef RS_VIEWER_GUARDED_H
#define RS_VIEWER_GUARDED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct guarded {
    uint32_t pid, parent_pid;
    uint32_t own_pid; /* as it sees itself: another one in a container */
    char *user, *command;
    const char *mode, *policy, *context; /* NULL: not known */
    char *trace;                         /* the folder that REQSCOPE_TRACE named; NULL: it does not record */
    char *folder;                        /* in it: the process's own; NULL: nothing is recorded yet */
    uint64_t age;                        /* ns since it began */
    const struct guarded *parent;        /* the nearest one above that is guarded; NULL: none, or not in a list */
    unsigned depth;                      /* how many are above */
};

enum guarded_answer {
    GUARDED_YES,
    GUARDED_NO,
    GUARDED_GONE,   /* no such process, or it has ended */
    GUARDED_HIDDEN, /* it may not be looked at */
};

/* Looks at one process; what is found is the caller's, to be freed with guarded_free. */
enum guarded_answer guarded_look(uint32_t pid, struct guarded *found);
void guarded_free(struct guarded *found);

struct guarded_list {
    struct guarded *all; /* parents before their children, else by pid */
    size_t count;
    size_t hidden; /* processes that may not be looked at */
};

struct guarded_list guarded_list(void);
void guarded_list_free(struct guarded_list *list);

#endif
