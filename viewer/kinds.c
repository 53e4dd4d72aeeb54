/* kinds.c: see kinds.h. */
#include "viewer/kinds.h"
#include "tracer/hint.h"
#include "tracer/layout.h"

static const struct kind_words words[RS_FINDING_COUNT] = {
    [RS_FINDING_foreign_io] =
        {"I/O on what another request owns",
         "A request reads from or writes to a connection, file or pipe that another request opened "
         "or was given.",
         true, true},
    [RS_FINDING_foreign_close] = {"Close of what another request owns",
                                  "A request closes or shuts down a descriptor that another request owns and may still "
                                  "use.",
                                  true, true},
    [RS_FINDING_late_io] =
        {"I/O for a request that has ended",
         "Something is still read or written by a request, or on what it owns, after the request has "
         "ended.",
         false, true},
    [RS_FINDING_dirty_handover] =
        {"Connection handed over in the middle of an exchange",
         "A pooled connection goes from one request to another before the answer was read, or "
         "inside a transaction.",
         true, true},
    [RS_FINDING_leak] = {"Descriptor left open by a request",
                         "A request ends while something that it opened is still open.", false, true},
    [RS_FINDING_bad_close] =
        {"Close of a number that is not open",
         "A descriptor is closed a second time: the second close hits whoever was given the number "
         "in between.",
         false, true},
    [RS_FINDING_shared_after_fork] =
        {"One connection used by two processes",
         "Two processes read from or write to one socket that was opened before one of them "
         "was forked.",
         true, true},
    [RS_FINDING_foreign_wakeup] = {"Request completed by another one",
                                   "What a request waits for is completed by a different request.", false, false},
    [RS_FINDING_hang] = {"Request that can no longer finish",
                         "A request waits past the limit, and nothing of its own is outstanding that could end that.",
                         false, false},
};

const struct kind_words *kind_words(uint32_t kind) {
    static const struct kind_words unknown = {
        "Finding whose first report is lost",
        "The trace counts a finding whose first report was given up or damaged, so its kind is not known.", false,
        false};
    return kind < RS_FINDING_COUNT ? &words[kind] : &unknown;
}

const char *kind_hint(uint32_t kind) {
    return rs_hint(&(struct rs_hint_facts){.kind = kind});
}
