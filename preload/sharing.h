/* sharing.h: connections that a fork has given to a second process (shared-after-fork).
 *
 *   before a fork: each connection's tag gets RS_TAG_FORKED, and nobody has used it since     (the arena is shared: both see it)
 *   a call on it:  the first process that does I/O is noted; another one that does, too, while the first one still holds it, is
 *                  a finding. Once one process alone holds it the mark goes. */
#ifndef RS_PRELOAD_SHARING_H
#define RS_PRELOAD_SHARING_H

#include "preload/fdtable.h"
#include "tracer/layout.h"

/* A fork is about to be made. */
void rs_sharing_before_fork(void);

/* This process is about to do I/O on a description so marked. */
enum rs_sharing {
    RS_SHARING_NONE,    /* it alone uses it: what else there is to ask is still to be asked */
    RS_SHARING_FOUND,   /* the call goes on; nothing more is to be said of it */
    RS_SHARING_REFUSED, /* errno is EPERM */
};
enum rs_sharing rs_sharing_look(int fd, enum rs_operation operation, struct rs_description *description);

#endif
