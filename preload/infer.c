/* infer.c: see infer.h. */
#include "preload/infer.h"
#include "preload/config.h"
#include "preload/context.h"
#include "preload/events.h"
#include "preload/exchange.h"
#include "preload/requester.h"
#include "preload/track.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>

bool rs_inferring;
static bool passes_on; /* this process's threads go on with each other's requests */

/* ---- the thread's place ---------------------------------------------------------------------------------------------- */

static bool is_live(uint64_t id) {
    const struct rs_context *context = rs_context_find(id);
    return context && rs_context_live(context) && !rs_context_is_over(id);
}

void rs_infer_enter(uint64_t id, enum rs_entry how) {
    rs_thread.standing = !id ? RS_STANDING_NONE : how == RS_ENTRY_REQUEST ? RS_STANDING_STRONG : RS_STANDING_WEAK;
    if (id == rs_thread.current) return;
    rs_thread.current = id;
    rs_event_context_switch(id, how);
}

/* Is the request that it read last still to be answered? Also when another thread has closed its connection under it. */
static bool is_unanswered(void) {
    const struct rs_context *context = rs_context_find(rs_thread.read);
    return context && !__atomic_load_n(&context->answered, __ATOMIC_RELAXED);
}

void rs_infer_passed_on(void) {
    if (!__atomic_load_n(&passes_on, __ATOMIC_RELAXED)) __atomic_store_n(&passes_on, true, __ATOMIC_RELAXED);
}

static bool is_strong(void) {
    if (rs_thread.standing != RS_STANDING_STRONG) return false;
    return rs_thread.loop || !__atomic_load_n(&passes_on, __ATOMIC_RELAXED) || is_unanswered();
}

static bool is_blocking(int fd) {
    long flags = rs_sys(SYS_fcntl, fd, F_GETFL, 0);
    return flags >= 0 && !(flags & O_NONBLOCK);
}

/* One that waits for listeners in an epoll and reads without blocking will wait for its connections there, too. */
static bool turns_out_as_loop(int fd) {
    return (rs_thread.listens && !is_blocking(fd)) || (is_live(rs_thread.read) && is_unanswered());
}

void rs_infer_read(int fd, uint64_t id, bool ahead) {
    if (!rs_thread.loop && turns_out_as_loop(fd)) rs_thread.loop = true;
    rs_thread.read = id;
    rs_thread.read_from = fd;
    rs_thread.handed = 0;
    rs_infer_enter(id, ahead ? RS_ENTRY_RESUMED : RS_ENTRY_REQUEST);
}

RS_COLD uint64_t rs_infer_settle_slow(void) {
    if (!rs_inferring) {
        rs_infer_enter(0, RS_ENTRY_LEFT);
        return 0;
    }
    if (!rs_context_is_over(rs_thread.current)) return rs_thread.current;
    if (rs_thread.standing != RS_STANDING_STRONG || rs_thread.loop) rs_infer_enter(0, RS_ENTRY_LEFT);
    return 0;
}

void rs_infer_accepts(const struct rs_description *listener) {
    uint64_t owner = rs_owner_of(listener);
    if (!rs_inferring || !rs_tables_are_ours()) return;
    if (owner && rs_known(listener) && !rs_context_is_over(owner)) return;
    rs_infer_enter(0, RS_ENTRY_LEFT);
    rs_thread.handed = 0;
}

bool rs_infer_is_sure(void) {
    return !rs_thread.loop && is_strong() && rs_infer_settle();
}

/* What woke it may be what it works for, where nothing else tells. */
static uint64_t settle_with_handed(void) {
    uint64_t current = rs_infer_settle(), handed = rs_thread.handed;
    if (!rs_inferring || rs_thread.standing == RS_STANDING_STRONG || !handed) return current;
    rs_thread.handed = 0;
    if (handed == current || !is_live(handed)) return current;
    rs_infer_enter(handed, RS_ENTRY_HANDED);
    return handed;
}

RS_COLD uint64_t rs_infer_opener_slow(enum rs_operation operation, bool *guessed) {
    uint64_t opener = settle_with_handed();
    /* Of what a loop opens only this is as good as known: it has read the only request that the wait brought, and connects. */
    bool after_request = rs_thread.ready == 1 && operation == RS_OP_socket;
    *guessed = opener && (!is_strong() || (rs_thread.loop && !after_request));
    return opener;
}

/* ---- what another has ------------------------------------------------------------------------------------------------ */

/* Did both requests come on one connection that is one requester's? */
static bool is_same_requester(uint64_t one, uint64_t other) {
    const struct rs_context *a = rs_context_find(one), *b = rs_context_find(other);
    return a && b && a->requester && a->requester == b->requester && a->session && b->session;
}

/* On a loop, or where the thread does not stand strongly. What is asked of a connection goes out in the name of who asks; what
 * comes in is its owner's. */
static enum rs_infer_verdict judge_weakly(enum rs_operation operation, const struct rs_description *description,
                                          uint64_t owner, bool leasable) {
    bool idle = rs_phase_of(description) != RS_PHASE_SENT, sends = rs_operation_sends(operation);
    bool over = rs_context_is_over(owner), strong = is_strong();
    if (over) return sends || !rs_is_watched(description) ? RS_INFER_TAKE : RS_INFER_PASS;
    if (!sends || !idle || !rs_is_watched(description)) return RS_INFER_RESUME;
    if (leasable) return strong ? RS_INFER_TAKE : RS_INFER_RESUME;
    bool guessed = rs_flags_of(description) & RS_DESCRIPTION_GUESSED;
    return strong && rs_thread.ready == 1 && !guessed ? RS_INFER_ASK : RS_INFER_RESUME;
}

enum rs_infer_verdict rs_infer_judge(enum rs_operation operation, const struct rs_description *description,
                                     uint64_t owner, bool leasable) {
    if (is_same_requester(rs_thread.current, owner)) return RS_INFER_TAKE;
    if (rs_thread.loop || !is_strong()) return judge_weakly(operation, description, owner, leasable);
    return rs_flags_of(description) & RS_DESCRIPTION_GUESSED ? RS_INFER_TAKE : RS_INFER_ASK;
}

/* (Where it takes the connection for its own, no matter who woke it.) */
bool rs_infer_writes_astray(int fd, const struct rs_description *description, uint64_t owner) {
    if (rs_thread.standing != RS_STANDING_STRONG || rs_thread.loop || owner == rs_thread.current) return false;
    if (!is_unanswered() || rs_requester_has(&rs_requester_of(description)->in_turns)) return false;
    return (fd == rs_thread.read_from || rs_thread.handed != owner) && is_live(owner);
}

uint64_t rs_infer_closes_again(int fd, const struct rs_description *description, uint64_t owner) {
    const struct rs_requester *requester = rs_requester_of(description);
    if (rs_thread.standing || rs_thread.loop || __atomic_load_n(&passes_on, __ATOMIC_RELAXED)) return 0;
    if (!rs_thread.read || fd != rs_thread.read_from || !rs_is_requester(description)) return 0;
    bool others = __atomic_load_n(&requester->reader, __ATOMIC_RELAXED) != rs_trace_tid() &&
                  !rs_requester_has(&requester->in_turns) && !rs_requester_has(&requester->answered);
    return others && owner && is_live(owner) ? rs_thread.read : 0;
}

bool rs_infer_closes_astray(const struct rs_description *description, uint64_t owner) {
    if (!rs_infer_is_sure() || rs_flags_of(description) & RS_DESCRIPTION_GUESSED || !is_live(owner)) return false;
    if (is_same_requester(rs_thread.current, owner)) return false;
    const struct rs_requester *requester = rs_requester_of(description);
    return !rs_is_requester(description) || (is_unanswered() && !rs_requester_has(&requester->in_turns) &&
                                             !rs_requester_has(&requester->answered) && rs_thread.handed != owner);
}

/* ---- waiting --------------------------------------------------------------------------------------------------------- */

void rs_infer_set_add(struct rs_infer_set *set, int fd) {
    uint32_t stream = rs_stream_of(rs_lookup(fd));
    set->requesters += (stream & RS_STREAM_REQUESTER) != 0;
    set->listeners += (stream & RS_STREAM_LISTENS) != 0;
}

/* One that came from elsewhere (systemd's, another process's) was made to listen there. */
static struct rs_description *look_at(int fd) {
    struct rs_description *description = rs_lookup(fd);
    int listens = 0;
    socklen_t size = sizeof listens;
    if (!rs_known(description)) description = rs_adopt(fd);
    if (!description || !rs_known(description)) return NULL;
    bool elsewhere = description->opened_by == RS_OP_found || description->opened_by == RS_OP_receive;
    bool known = rs_stream_of(description) & (RS_STREAM_REQUESTER | RS_STREAM_LISTENS);
    if (elsewhere && !known && !rs_sys(SYS_getsockopt, fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) && listens)
        rs_set_stream(description, RS_STREAM_LISTENS);
    return description;
}

/* In the epoll's own place: the requester or listener that it waited for first, by id. It may be closed since. */
void rs_infer_watch(int epoll, int fd) {
    struct rs_description *waits = rs_lookup(epoll);
    if (!rs_tables_are_ours() || !rs_known(waits)) return;
    const struct rs_description *description = look_at(fd);
    uint32_t stream = description ? rs_stream_of(description) : 0;
    if (!(stream & (RS_STREAM_REQUESTER | RS_STREAM_LISTENS))) return;
    uint32_t known = rs_stream_of(waits);
    if (known & RS_STREAM_LOOP) return;
    struct rs_requester *place = rs_requester_of(waits);
    uint64_t id = rs_id_of(description), first = place->context;
    bool one_more = known & RS_STREAM_WAITS && first != id && rs_is_open(first);
    bool both_listen = stream & RS_STREAM_LISTENS && place->number & RS_STREAM_LISTENS;
    if (one_more && !both_listen) {
        rs_set_stream(waits, RS_STREAM_LOOP);
    } else if (!one_more) {
        place->context = id;
        place->number = stream;
        rs_set_stream(waits, RS_STREAM_WAITS);
    }
}

static void come_back(int ready) {
    rs_thread.loop = true;
    rs_thread.ready = ready < 0 ? 0 : ready > UINT16_MAX ? UINT16_MAX : (uint16_t)ready;
    rs_infer_enter(0, RS_ENTRY_LEFT);
}

void rs_infer_waited(int epoll, int ready) {
    const struct rs_description *waits = rs_lookup(epoll);
    uint32_t stream = rs_stream_of(waits);
    if (!(stream & RS_STREAM_WAITS) || !rs_known(waits) || !rs_tables_are_ours()) return;
    if (stream & RS_STREAM_LOOP)
        come_back(ready);
    else
        rs_thread.listens = rs_requester_of(waits)->number & RS_STREAM_LISTENS;
}

void rs_infer_waited_for_many(int ready) {
    if (rs_tables_are_ours()) come_back(ready);
}

/* ---- waking ---------------------------------------------------------------------------------------------------------- */

/* The context in which an address was waked last, at its hash: one takes the other's place. */
#define WAKES 1024
static struct { uint64_t at, context; } wakes[WAKES];

static uint32_t place_of(const void *at) {
    return (uint32_t)((uintptr_t)at * 0x9E3779B97F4A7C15ull >> 32) % WAKES;
}

void rs_infer_wakes_slow(const void *at) {
    uint32_t place = place_of(at);
    uint64_t current = rs_thread.current;
    if (!current && __atomic_load_n(&wakes[place].at, __ATOMIC_RELAXED) != (uintptr_t)at) return;
    __atomic_store_n(&wakes[place].context, current, __ATOMIC_RELAXED);
    __atomic_store_n(&wakes[place].at, (uintptr_t)at, __ATOMIC_RELAXED);
}

/* A thread that has answered its request, and waited, may have come back for another one. */
static void woken(uint64_t by) {
    rs_thread.handed = by;
    if (rs_thread.standing == RS_STANDING_STRONG && !is_unanswered()) rs_thread.standing = RS_STANDING_WEAK;
}

void rs_infer_woken_slow(const void *at) {
    uint32_t place = place_of(at);
    bool known = __atomic_load_n(&wakes[place].at, __ATOMIC_RELAXED) == (uintptr_t)at;
    woken(known ? __atomic_load_n(&wakes[place].context, __ATOMIC_RELAXED) : 0);
}

/* A pipe's writing end knows its reading end's place. */
void rs_infer_pipe(const int ends[2]) {
    const struct rs_description *reads = rs_lookup(ends[0]), *writes = rs_lookup(ends[1]);
    if (!rs_inferring || !rs_known(reads) || !rs_known(writes)) return;
    rs_requester_of(writes)->number = rs_place_of(reads);
    rs_requester_of(reads)->context = 0;
}

void rs_infer_wakes_by(struct rs_description *description) {
    struct rs_description *reads = description;
    if (description->kind == RS_KIND_PIPE) reads = &rs_descriptions[rs_requester_of(description)->number];
    if (!rs_known(reads) || reads->kind != description->kind) return;
    __atomic_store_n(&rs_requester_of(reads)->context, rs_thread.current, __ATOMIC_RELAXED);
    rs_set_stream(reads, RS_STREAM_WAKES);
}

void rs_infer_woken_by(const struct rs_description *description) {
    if (rs_inferring) woken(__atomic_load_n(&rs_requester_of(description)->context, __ATOMIC_RELAXED));
}

/* ---- beginnings and the end ------------------------------------------------------------------------------------------ */

void rs_infer_begun(uint64_t by) {
    if (rs_inferring) rs_thread.handed = by;
}

void rs_infer_forked(void) {
    rs_thread.loop = rs_thread.listens = false;
    rs_thread.read = rs_thread.handed = 0;
    if (rs_thread.standing == RS_STANDING_STRONG) rs_thread.standing = RS_STANDING_WEAK;
}

static void make_nobodys(struct rs_description *description) {
    uint64_t tag = __atomic_load_n(&description->tag, __ATOMIC_ACQUIRE), owner = tag & RS_TAG_OWNER;
    const struct rs_context *context = rs_context_find(owner);
    if (!context || !rs_context_is_inferred(context)) return;
    if (__atomic_compare_exchange_n(&description->tag, &tag, tag & RS_TAG_FORKED, false, __ATOMIC_ACQ_REL,
                                    __ATOMIC_RELAXED))
        rs_context_owns(owner, rs_place_of(description), -1);
}

RS_COLD void rs_infer_stop_slow(void) {
    if (!rs_tables_are_ours()) return;
    int saved = errno;
    for (int fd = rs_next_known(0); fd >= 0; fd = rs_next_known(fd + 1)) {
        struct rs_description *description = rs_lookup(fd);
        if (rs_known(description)) make_nobodys(description);
    }
    rs_requesters_superseded();
    rs_context_first_is_none();
    __atomic_store_n(&rs_inferring, false, __ATOMIC_RELAXED);
    if (rs_thread.standing) rs_infer_enter(0, RS_ENTRY_LEFT);
    errno = saved;
}
