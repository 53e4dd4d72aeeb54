/* kinds.h: the kinds of finding in words, for programs that show a kind by itself: a rule of SARIF, a suite of JUnit. */
#ifndef RS_VIEWER_KINDS_H
#define RS_VIEWER_KINDS_H

#include <stdbool.h>
#include <stdint.h>

struct kind_words {
    const char *title; /* "I/O on another request's description" */
    const char *when;  /* when it is found: a sentence */
    bool error;        /* it shows one requester's data to another, or may at any time; else: what may come to that */
    bool by_default;   /* it is looked for unless REQSCOPE_CHECK says otherwise */
};

/* Of enum rs_finding_kind; of one that is not known, too. */
const struct kind_words *kind_words(uint32_t kind);

/* What to do about one of the kind, whatever else is known. */
const char *kind_hint(uint32_t kind);

#endif
