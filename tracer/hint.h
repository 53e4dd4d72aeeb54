/* hint.h: what to do about a finding, in a sentence: the same on the log and in `reqscope report`. */
#ifndef RS_TRACER_HINT_H
#define RS_TRACER_HINT_H

#include "tracer/layout.h"

#include <stdbool.h>

/* What decides it. */
struct rs_hint_facts {
    uint32_t kind;   /* enum rs_finding_kind */
    uint32_t phase;  /* enum rs_phase: where the exchange stood */
    bool accepted;   /* it is a requester's connection */
    bool connection; /* it is one */
    bool unread;     /* bytes waited unread */
    bool unfinished; /* the owner had begun a transaction */
    bool nobodys;    /* it was opened in no context */
    bool first;      /* the owner opened it, and is the first context that the process has had */
};

/* Never NULL. */
const char *rs_hint(const struct rs_hint_facts *facts);

#endif
