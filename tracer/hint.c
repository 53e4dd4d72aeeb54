/* hint.c: see hint.h. */
#include "tracer/hint.h"

static const char *of_handover(const struct rs_hint_facts *facts) {
    if (facts->unfinished)
        return "what is done now is part of the other's transaction: end it before the connection goes to another "
               "request.";
    return "the answer that comes is the other's: read all of it before the connection goes to another request, and "
           "close a connection whose request was cancelled. (If it is made for many requests at once, a rule says so: "
           "share:...)";
}

/* What was built when the first request needed it, and kept: each later one is handed the first one's. */
#define IN_FIRST_REQUEST                                                                                            \
    " It was opened in the first request and others use it since: a layer built once in the first request (lazily " \
    "made global)?"
#define OF_LAYER(facts, hint) ((facts)->first ? hint IN_FIRST_REQUEST : (hint))

/* I/O on what another has: it depends on where the exchange stood. */
static const char *of_foreign_io(const struct rs_hint_facts *facts) {
    if (facts->nobodys)
        return "made once, at start-up, and used by every request: if that is meant, reqscope_share or a rule "
               "(share:...) says so; a pool needs REQSCOPE_POLICY=lease.";
    if (facts->accepted)
        return "a requester's connection: when the next request comes on it, give it to that one (reqscope_give), or "
               "let "
               "it be nobody's: accept it in no context.";
    if (facts->connection && facts->phase == RS_PHASE_SENT)
        return OF_LAYER(facts, "the owner has sent on it and not read the answer: the next one who reads gets the "
                               "owner's answer.");
    if (facts->connection && facts->unread)
        return OF_LAYER(facts, "bytes for the owner wait unread: the next one who reads gets them. Read the whole "
                               "answer before a connection goes to another request, or close it.");
    if (facts->connection && facts->phase == RS_PHASE_ANSWERED)
        return OF_LAYER(facts, "the exchange was complete: a connection pool looks like this. REQSCOPE_POLICY=lease "
                               "accepts clean hand-overs.");
    return OF_LAYER(facts, "each request needs one of its own (REQSCOPE_LOCAL), or say what is meant: reqscope_give, "
                           "reqscope_share.");
}

const char *rs_hint(const struct rs_hint_facts *facts) {
    switch (facts->kind) {
    case RS_FINDING_foreign_close:
        return "the owner goes on using this number: what is opened next gets it. Is it closed twice, or by the wrong "
               "owner?";
    case RS_FINDING_late_io:
        return "the request was over: end it after its last I/O, or cancel what it has started and wait for that; what "
               "goes on by itself needs a context and a connection of its own.";
    case RS_FINDING_leak:
        return "close it before the request ends (reqscope_defer does), or say whose it is: reqscope_give, "
               "reqscope_share.";
    case RS_FINDING_bad_close:
        return "closed twice: the second close hits whoever has opened something in between. Forget the number when it "
               "is closed.";
    case RS_FINDING_shared_after_fork:
        return "what one process sends and the other reads gets mixed up: open the connection after the fork, in each "
               "process by itself.";
    case RS_FINDING_dirty_handover:
        return of_handover(facts);
    case RS_FINDING_foreign_wakeup:
        return "what one request waits for was completed by another: keep such things apart.";
    case RS_FINDING_hang:
        return "nothing of its own is outstanding: who was to complete what it waits for?";
    default:
        return of_foreign_io(facts);
    }
}
