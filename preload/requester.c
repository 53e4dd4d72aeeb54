/* requester.c: see requester.h. */
#include "preload/requester.h"
#include "preload/coverage.h"
#include "preload/describe.h"
#include "preload/ending.h"
#include "preload/events.h"
#include "preload/infer.h"
#include "preload/reserve.h"
#include "preload/track.h"
#include "tracer/text.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

static struct rs_requester *requesters;
static uint32_t *last_number; /* shared */

bool rs_requesters_start(void) {
    requesters = rs_reserve_shared(rs_description_places(), sizeof *requesters);
    last_number = rs_reserve_shared(1, sizeof *last_number);
    return requesters && last_number;
}

struct rs_requester *rs_requester_of(const struct rs_description *description) {
    return &requesters[rs_place_of(description)];
}

static bool is_reader(const struct rs_requester *requester) {
    return __atomic_load_n(&requester->reader, __ATOMIC_RELAXED) == rs_trace_tid();
}

static uint64_t context_of(const struct rs_requester *requester) {
    return __atomic_load_n(&requester->context, __ATOMIC_ACQUIRE);
}

/* ---- connections come ----------------------------------------------------------------------------------------------- */

static void become(struct rs_description *description, bool undecided) {
    struct rs_requester *requester = rs_requester_of(description);
    memset(requester, 0, sizeof *requester);
    requester->undecided = undecided;
    requester->number = undecided ? 0 : __atomic_add_fetch(last_number, 1, __ATOMIC_RELAXED);
    rs_set_stream(description, RS_STREAM_REQUESTER);
}

void rs_requester_accepted(int listener, int fd) {
    struct rs_description *description = rs_lookup(fd), *from = rs_lookup(listener);
    if (!rs_known(description) || !rs_inferring || !rs_tables_are_ours()) return;
    if (rs_known(from)) rs_set_stream(from, RS_STREAM_LISTENS);
    if (!rs_owner_of(description)) become(description, false);
}

/* A UNIX socket's accepting end has a name of its own, the connecting one's has none; of TCP nothing tells. */
static bool may_be_accepted(int fd, const struct rs_description *description) {
    struct sockaddr_storage own;
    socklen_t length = sizeof own;
    if (description->kind == RS_KIND_TCP) return true;
    if (rs_sys(SYS_getsockname, fd, &own, &length)) return false;
    return own.ss_family != AF_UNIX || length > offsetof(struct sockaddr, sa_data);
}

void rs_requester_received(int fd) {
    struct rs_description *description = rs_lookup(fd);
    if (!rs_known(description) || !rs_inferring || !rs_tables_are_ours()) return;
    int saved = errno;
    if (rs_is_connected_stream(fd) && may_be_accepted(fd, description)) become(description, true);
    errno = saved;
}

/* What is done first with one that came from elsewhere. False: it is of this side's making. */
static bool decide(struct rs_description *description, struct rs_requester *requester, bool sends) {
    if (rs_likely(!requester->undecided)) return true;
    requester->undecided = 0;
    if (sends) {
        __atomic_fetch_and(&description->stream, (uint8_t)~RS_STREAM_REQUESTER, __ATOMIC_RELAXED);
        rs_exchange_watch(description);
        return false;
    }
    __atomic_fetch_and(&description->stream, (uint8_t)~RS_STREAM_WATCHED, __ATOMIC_RELAXED);
    requester->number = __atomic_add_fetch(last_number, 1, __ATOMIC_RELAXED);
    return true;
}

/* Was this process begun for the connection: forked when it had been accepted, or executed with it (inetd)? */
static bool has_own_process(const struct rs_description *description) {
    return rs_inherited(description) || description->opened_by == RS_OP_found;
}

/* ---- contexts begin and end ----------------------------------------------------------------------------------------- */

/* The connection is this context's from now on: no hand-over, it is the same requester's. */
static void own(int fd, struct rs_description *description, struct rs_context *context, struct rs_context *before) {
    uint64_t tag = __atomic_load_n(&description->tag, __ATOMIC_ACQUIRE), id = rs_context_id(context);
    uint32_t place = rs_place_of(description);
    rs_context_owns_first(context, place);
    /* (Loops make no finding that would have to be confirmed.) */
    if (!description->identity && !rs_thread.loop)
        __atomic_store_n(&description->identity, rs_identity(fd), __ATOMIC_RELAXED);
    while (!__atomic_compare_exchange_n(&description->tag, &tag, id | (tag & RS_TAG_FORKED), true, __ATOMIC_ACQ_REL,
                                        __ATOMIC_ACQUIRE)) {
    }
    if (before && (tag & RS_TAG_OWNER) == rs_context_id(before))
        rs_context_disowns(before, place);
    else
        rs_context_owns(tag & RS_TAG_OWNER, place, -1);
}

static void end(struct rs_context *context) {
    if (context->process == rs_pid && rs_context_live(context)) rs_context_over(context, rs_context_id(context));
}

/* Whatever is still open of it. */
static void put_an_end_to(struct rs_context *context, bool superseded) {
    uint64_t id = rs_context_id(context);
    if (rs_context_is_inferred(context) && context->process == rs_pid && rs_context_finish(context, id))
        rs_event_context_end(id, superseded);
}

/* The next request has come on the connection. Where requests are sent ahead its work may go on, in whichever name. */
static void make_way(const struct rs_requester *requester, struct rs_context *before) {
    if (!is_reader(requester)) rs_infer_passed_on();
    if (!requester->pipelined)
        end(before);
    else
        put_an_end_to(before, false);
}

static void name_peer(char label[RS_LABEL_SIZE], uint32_t number) {
    struct rs_text text = rs_text_in(label, RS_LABEL_SIZE);
    rs_text_add(&text, "peer #");
    rs_text_number(&text, number);
}

static void tell_attributes(uint64_t id, const struct rs_request *request) {
    char attributes[RS_REQUEST_TRACEPARENT_SIZE + RS_REQUEST_ID_SIZE + 64];
    if (!rs_tracing || (!request->traceparent[0] && !request->request_id[0])) return;
    struct rs_text text = rs_text_in(attributes, sizeof attributes);
    if (request->traceparent[0]) rs_text_add(&text, "traceparent=");
    rs_text_add(&text, request->traceparent);
    if (request->request_id[0]) rs_text_add(&text, text.length ? " x-request-id=" : "x-request-id=");
    rs_text_add(&text, request->request_id);
    rs_event_context_attributes(id, attributes);
}

static void begin(int fd, struct rs_description *description, struct rs_requester *requester, enum rs_origin origin) {
    char peer[RS_LABEL_SIZE];
    const char *label = origin == RS_ORIGIN_REQUEST ? requester->request.label : "";
    if (!label[0]) name_peer(peer, requester->number);
    struct rs_context *context = rs_context_begin(label[0] ? label : peer, origin);
    if (!context) {
        rs_coverage_reduced(RS_COVERAGE_CONTEXTS_FULL, "more than a million live contexts: further requests have none",
                            NULL);
        return;
    }
    uint64_t id = rs_context_id(context);
    struct rs_context *before = rs_context_find(context_of(requester));
    if (before && !rs_requester_has(&requester->answered) && !requester->pipelined) {
        requester->pipelined = 1;
        rs_event_context_switch(rs_context_id(before), RS_ENTRY_RESUMED); /* it was not sure of that one either */
    }
    context->parent = 0;
    context->requester = requester->number;
    context->session = rs_request_is_session(&requester->request) || has_own_process(description);
    rs_event_context_begin(context);
    if (origin == RS_ORIGIN_REQUEST) tell_attributes(id, &requester->request);
    own(fd, description, context, before);
    __atomic_store_n(&requester->context, id, __ATOMIC_RELEASE);
    __atomic_store_n(&requester->answered, 0, __ATOMIC_RELAXED);
    if (before) make_way(requester, before);
    __atomic_store_n(&requester->reader, rs_trace_tid(), __ATOMIC_RELAXED);
    if (origin == RS_ORIGIN_REQUEST)
        rs_infer_read(fd, id, requester->pipelined);
    else
        rs_infer_enter(id, RS_ENTRY_RESUMED);
    __atomic_store_n(&requester->in_turns, rs_thread.loop, __ATOMIC_RELAXED);
}

void rs_requester_closed(struct rs_description *description) {
    struct rs_requester *requester = rs_requester_of(description);
    uint64_t id = context_of(requester);
    if (!id || !rs_tables_are_ours()) return;
    struct rs_context *context = rs_context_find(id);
    if (!context || context->process != rs_pid) return;
    if (rs_thread.current == id)
        rs_infer_enter(0, RS_ENTRY_LEFT);
    else if (!is_reader(requester))
        rs_infer_passed_on();
    __atomic_store_n(&requester->context, 0, __ATOMIC_RELEASE);
    /* Its process is about to end, too, and leaves it to that to close what is open. */
    if (has_own_process(description))
        put_an_end_to(context, false);
    else
        end(context);
}

static void end_with_process(struct rs_context *context) {
    put_an_end_to(context, false);
}

static void supersede(struct rs_context *context) {
    put_an_end_to(context, true);
}

void rs_requesters_end(void) {
    if (rs_inferring) rs_context_each_live(end_with_process);
}

void rs_requesters_superseded(void) {
    if (rs_inferring) rs_context_each_live(supersede);
}

/* ---- bytes pass ------------------------------------------------------------------------------------------------------ */

/* Another thread looks at it just now: what passes is not seen. Returns whether the caller has it. */
static bool take(struct rs_requester *requester) {
    return !__atomic_exchange_n(&requester->busy, 1, __ATOMIC_ACQUIRE);
}

static void give_back(struct rs_requester *requester) {
    __atomic_store_n(&requester->busy, 0, __ATOMIC_RELEASE);
}

/* Returns whether a request has begun. */
static bool feed_part(int fd, struct rs_description *description, struct rs_requester *requester, const char *at,
                      size_t count) {
    bool any = false;
    while (count) {
        size_t taken = 0;
        if (rs_request_read(&requester->request, at, count, &taken)) {
            begin(fd, description, requester, RS_ORIGIN_REQUEST);
            any = true;
        }
        if (!taken || taken > count) break;
        at += taken;
        count -= taken;
    }
    return any;
}

static bool feed_parts(int fd, struct rs_description *description, struct rs_requester *requester,
                       const struct iovec *parts, size_t count, uint64_t left) {
    bool any = false;
    for (size_t i = 0; i < count && left; i++) {
        size_t size = parts[i].iov_len < left ? parts[i].iov_len : (size_t)left;
        any |= feed_part(fd, description, requester, parts[i].iov_base, size);
        left -= size;
    }
    return any;
}

static bool feed(int fd, struct rs_description *description, struct rs_requester *requester, uint64_t count,
                 struct rs_bytes_of bytes) {
    const struct msghdr *message = bytes.at;
    switch (bytes.form) {
    case RS_BYTES_BUFFER:
        return feed_part(fd, description, requester, bytes.at, count);
    case RS_BYTES_PARTS:
        return feed_parts(fd, description, requester, bytes.at, bytes.count, count);
    case RS_BYTES_MESSAGE:
        return feed_parts(fd, description, requester, message->msg_iov, message->msg_iovlen, count);
    default:
        if (!rs_request_read_unseen(&requester->request, count)) return false;
        begin(fd, description, requester, RS_ORIGIN_REQUEST);
        return true;
    }
}

static void read_from(int fd, struct rs_description *description, struct rs_requester *requester, uint64_t count,
                      struct rs_bytes_of bytes) {
    if (bytes.form == RS_BYTES_PEEKED || rs_requester_has(&requester->shut) || !take(requester)) return;
    bool begun = feed(fd, description, requester, count, bytes);
    give_back(requester);
    uint64_t id = context_of(requester);
    if (!begun && id && id != rs_thread.current && !rs_context_is_over(id)) rs_infer_enter(id, RS_ENTRY_RESUMED);
}

/* The first time after a request has begun. */
static void note_answer(struct rs_requester *requester) {
    struct rs_context *context = rs_context_find(context_of(requester));
    __atomic_store_n(&requester->answered, 1, __ATOMIC_RELAXED);
    if (!context) return;
    __atomic_store_n(&context->answered, true, __ATOMIC_RELAXED);
    if (!is_reader(requester)) rs_infer_passed_on();
}

/* The first of the bytes that were written, where they can be looked at. */
static size_t first_written(struct rs_bytes_of bytes, uint64_t count, const void **at) {
    const struct msghdr *message = bytes.at;
    const struct iovec *part = bytes.form == RS_BYTES_PARTS ? bytes.at : NULL;
    size_t parts = bytes.count;
    if (bytes.form == RS_BYTES_BUFFER) {
        *at = bytes.at;
        return count;
    }
    if (bytes.form == RS_BYTES_MESSAGE) {
        part = message->msg_iov;
        parts = message->msg_iovlen;
    }
    for (; part && parts && !part->iov_len; part++) parts--;
    if (!part || !parts) return 0;
    *at = part->iov_base;
    return part->iov_len < count ? part->iov_len : count;
}

static void written_to(int fd, struct rs_description *description, struct rs_requester *requester, uint64_t count,
                       struct rs_bytes_of bytes) {
    const void *at = NULL;
    bool looks = rs_request_looks_at_written(&requester->request);
    if (!looks && rs_request_is_told_turns_only(&requester->request) && context_of(requester)) {
        if (!rs_requester_has(&requester->answered)) note_answer(requester);
        rs_request_turns(&requester->request);
        return;
    }
    if (!take(requester)) return;
    if (!rs_requester_has(&requester->answered)) note_answer(requester);
    size_t known = looks ? first_written(bytes, count, &at) : 0;
    rs_request_written(&requester->request, at, known, count);
    if (!context_of(requester) && !rs_owner_of(description)) {
        begin(fd, description, requester, RS_ORIGIN_ACCEPT);
        note_answer(requester);
    }
    give_back(requester);
}

void rs_requester_shut(int fd) {
    const struct rs_description *description = rs_lookup(fd);
    if (!rs_inferring || !rs_is_requester(description) || !rs_tables_are_ours()) return;
    struct rs_requester *requester = rs_requester_of(description);
    __atomic_store_n(&requester->shut, 1, __ATOMIC_RELAXED);
    if (!rs_requester_has(&requester->answered)) note_answer(requester);
}

void rs_requester_moved(int fd, struct rs_description *description, enum rs_operation operation, int64_t result,
                        struct rs_bytes_of bytes) {
    struct rs_requester *requester = rs_requester_of(description);
    bool sends = rs_operation_sends(operation);
    if (!rs_inferring || !(sends || rs_operation_receives(operation)) || !rs_tables_are_ours()) return;
    int saved = errno;
    if (result <= 0) {
        if (sends && errno != EAGAIN && !rs_requester_has(&requester->answered))
            note_answer(requester); /* there is nobody to answer to */
        errno = saved;
        return;
    }
    if (!decide(description, requester, sends)) {
        rs_exchange_end(description, operation, result, bytes);
    } else if (sends) {
        written_to(fd, description, requester, (uint64_t)result, bytes);
    } else {
        read_from(fd, description, requester, (uint64_t)result, bytes);
    }
    errno = saved;
}
