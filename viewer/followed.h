/* followed.h: which processes `reqscope top` looks at: one and those that it began, as long as their traces are in one folder; or all
 * of a trace that run. New ones come to it as their sub-folders appear. Nothing is done to them: their ends are seen by a pidfd.
 *
 * What must stay true: a folder of a process that had ended before is not read: what it says lives, does not. */
#ifndef RS_VIEWER_FOLLOWED_H
#define RS_VIEWER_FOLLOWED_H

#include "viewer/guarded.h"
#include "viewer/live.h"

/* One that is followed. */
struct followed_process {
    struct live_process *process;
    char *folder;
    uint32_t own_pid;
    int pidfd;      /* -1: its end is not seen */
    uint64_t ended; /* when that was seen; 0: it runs */
};

struct followed {
    struct live *live;
    struct tail *tail;
    char *trace;                  /* the folder around theirs */
    char *what;                   /* "process 4711 (redis-server *:6379)" */
    bool everything;              /* all of the trace's, not one and its children */
    uint32_t main;                /* the process that was asked for; 0: everything */
    int main_pidfd;               /* -1: everything */
    struct followed_process *all; /* the first is the main one */
    size_t count, space;
    char **known; /* names in the trace's folder that were looked at, sorted, NULL at the end */
};

/* Finds what the operand (a pid, or a trace's folder) names. False after a message. */
bool followed_open(struct followed *followed, const char *operand);

/* Sees which have ended, and which are new: before a look. Returns whether any (the main one) still runs. */
bool followed_check(struct followed *followed, uint64_t now);

/* Forgets those whose end was before `until`: all that they left was read. */
void followed_forget_ended(struct followed *followed, uint64_t until);

/* Why nothing more can come of the trace although the process runs; NULL: nothing stands against it. */
const char *followed_wrong(const struct followed *followed);

void followed_close(struct followed *followed);

#endif
