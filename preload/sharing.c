/* sharing.c: see sharing.h. */
#include "preload/sharing.h"
#include "preload/exchange.h"
#include "preload/finding.h"
#include "preload/policy.h"
#include "tracer/text.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

/* Connections alone: whose bytes belong together. What came into the process from outside (its standard streams, say) was meant
 * to be shared. */
static bool is_concerned(const struct rs_description *description) {
    if (rs_flags_of(description) & (RS_DESCRIPTION_SHARED | RS_DESCRIPTION_INHERITED | RS_DESCRIPTION_UNSEEN))
        return false;
    bool accepted = __atomic_load_n(&description->opened_by, __ATOMIC_RELAXED) == RS_OP_accept &&
                    !(rs_stream_of(description) & RS_STREAM_DATAGRAM);
    return accepted || rs_stream_of(description) & RS_STREAM_WATCHED;
}

void rs_sharing_before_fork(void) {
    if (!rs_looked_for(RS_FINDING_shared_after_fork)) return;
    for (int fd = rs_next_known(0); fd >= 0; fd = rs_next_known(fd + 1)) {
        struct rs_description *description = rs_lookup(fd);
        if (!rs_known(description) || !is_concerned(description)) continue;
        __atomic_store_n(&rs_exchange_of(description)->process, 0, __ATOMIC_RELAXED);
        __atomic_fetch_or(&description->tag, RS_TAG_FORKED, __ATOMIC_ACQ_REL);
    }
}

/* Streams that only ever go one way (a log's) are shared line by line. */
static bool goes_both_ways(const struct rs_description *description, enum rs_operation operation) {
    if (description->opened_by == RS_OP_accept || rs_stream_of(description) & RS_STREAM_ANSWERED) return true;
    return rs_operation_receives(operation) || rs_wire_is_answered(&rs_exchange_of(description)->wire);
}

/* Has the process ended? One that nobody has waited for is there still, and holds nothing: the kernel calls it Z. */
static bool is_gone(uint32_t process) {
    char path[64], status[512];
    if (rs_sys(SYS_kill, process, 0) == -ESRCH) return true;
    struct rs_text text = rs_text_in(path, sizeof path);
    rs_text_add(&text, "/proc/");
    rs_text_number(&text, process);
    rs_text_add(&text, "/stat");
    long file = rs_sys(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    long size = file < 0 ? 0 : rs_sys(SYS_read, file, status, sizeof status - 1);
    if (file >= 0) rs_sys(SYS_close, file);
    status[size > 0 ? size : 0] = 0;
    const char *state = strrchr(status, ')'); /* "4711 (name) Z ...", and a name may hold anything */
    return state && (state[1] == ' ') && (state[2] == 'Z' || state[2] == 'X');
}

/* This process is the one that uses it, from now on if none was before. */
static bool is_its_user(struct rs_exchange *exchange, uint32_t *process) {
    *process = 0;
    if (!__atomic_compare_exchange_n(&exchange->process, process, rs_pid, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
        if (*process == rs_pid) return true;
        if (!is_gone(*process)) return false;
        __atomic_store_n(&exchange->process, rs_pid, __ATOMIC_RELEASE);
    }
    exchange->process_user = rs_thread.current;
    return true;
}

RS_COLD enum rs_sharing rs_sharing_look(int fd, enum rs_operation operation, struct rs_description *description) {
    struct rs_exchange *exchange = rs_exchange_of(description);
    uint32_t process;
    if (rs_held_here_only(description)) {
        rs_unmark(description, RS_TAG_FORKED);
        return RS_SHARING_NONE;
    }
    if (is_its_user(exchange, &process)) return RS_SHARING_NONE;
    if (!goes_both_ways(description, operation) || !rs_is_what_it_was(fd, description)) return RS_SHARING_NONE;
    struct rs_details details = {.process = process, .owner = exchange->process_user};
    bool allowed = rs_found_of(RS_FINDING_shared_after_fork, operation, fd, description, &details);
    return allowed ? RS_SHARING_FOUND : RS_SHARING_REFUSED;
}
