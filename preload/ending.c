/* ending.c: see ending.h. */
#include "preload/ending.h"
#include "preload/events.h"
#include "preload/finding.h"
#include "preload/lease.h"
#include "preload/policy.h"

static bool is_leak(int fd, const struct rs_description *description, uint64_t id) {
    if (!rs_looked_for(RS_FINDING_leak) || description->opener != id || rs_inherited(description)) return false;
    if (rs_flags_of(description) & (RS_DESCRIPTION_SHARED | RS_DESCRIPTION_GUESSED)) return false;
    return !rs_may_be_leased(fd, description) && rs_is_what_it_was(fd, description);
}

static void leave(struct rs_description *description, uint64_t id, bool session) {
    int fd = rs_number_of_description(description);
    if (fd < 0 || !rs_mark(description, id, RS_TAG_LATE) || session || !is_leak(fd, description, id)) return;
    __atomic_fetch_or(&description->flags, RS_DESCRIPTION_LEAKED, __ATOMIC_RELAXED);
    rs_found_of(RS_FINDING_leak, RS_OP_none, fd, description, &(struct rs_details){.user = id});
}

/* What it owned when it ended: its place may be another's by now. */
struct left {
    uint32_t places[RS_OWNED_NOTED];
    bool more;
};

static void leave_all(uint64_t id, const struct left *left, bool session) {
    for (uint32_t i = 0; i < RS_OWNED_NOTED; i++) {
        struct rs_description *description = &rs_descriptions[left->places[i]];
        if (left->places[i] && rs_owner_of(description) == id) leave(description, id, session);
    }
    for (int fd = left->more ? rs_next_known(0) : -1; fd >= 0; fd = rs_next_known(fd + 1)) {
        struct rs_description *description = rs_lookup(fd);
        uint64_t tag = __atomic_load_n(&description->tag, __ATOMIC_RELAXED);
        if ((tag & RS_TAG_OWNER) == id && !(tag & RS_TAG_LATE)) leave(description, id, session);
    }
}

/* It is finished: once it owns nothing its place may be another's. */
static void look_at_the_rest(struct rs_context *context, uint64_t id) {
    struct left left;
    bool session = context->session;
    if (!__atomic_load_n(&context->owned, __ATOMIC_ACQUIRE)) return;
    for (int i = 0; i < RS_OWNED_NOTED; i++)
        left.places[i] = __atomic_load_n(&context->owned_places[i], __ATOMIC_RELAXED);
    left.more = __atomic_load_n(&context->owned_more, __ATOMIC_RELAXED);
    if (rs_context_id(context) == id) leave_all(id, &left, session);
}

void rs_context_over(struct rs_context *context, uint64_t id) {
    if (!rs_context_finish(context, id)) return;
    look_at_the_rest(context, id);
    rs_event_context_end(id, false);
}
