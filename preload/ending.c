/* ending.c: see ending.h. */
#include "preload/ending.h"
#include "preload/finding.h"
#include "preload/lease.h"
#include "preload/policy.h"

static bool is_leak(int fd, const struct rs_description *description, uint64_t id) {
    if (!rs_looked_for(RS_FINDING_leak) || description->opener != id || rs_inherited(description)) return false;
    if (rs_flags_of(description) & RS_DESCRIPTION_SHARED) return false;
    return !rs_may_be_leased(fd, description) && rs_is_what_it_was(fd, description);
}

static void leave(struct rs_description *description, uint64_t id) {
    int fd = rs_number_of_description(description);
    if (fd < 0 || !rs_mark(description, id, RS_TAG_LATE) || !is_leak(fd, description, id)) return;
    __atomic_fetch_or(&description->flags, RS_DESCRIPTION_LEAKED, __ATOMIC_RELAXED);
    rs_found_of(RS_FINDING_leak, RS_OP_none, fd, description, &(struct rs_details){.user = id});
}

void rs_context_left(uint64_t id, const struct rs_owned *owned) {
    for (uint32_t i = 0; i < RS_OWNED_NOTED; i++) {
        struct rs_description *description = &rs_descriptions[owned->places[i]];
        if (owned->places[i] && rs_owner_of(description) == id) leave(description, id);
    }
    for (int fd = owned->more ? rs_next_known(0) : -1; fd >= 0; fd = rs_next_known(fd + 1)) {
        struct rs_description *description = rs_lookup(fd);
        uint64_t tag = __atomic_load_n(&description->tag, __ATOMIC_RELAXED);
        if ((tag & RS_TAG_OWNER) == id && !(tag & RS_TAG_LATE)) leave(description, id);
    }
}
