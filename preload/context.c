/* context.c: see context.h. */
#include "preload/context.h"
#include "preload/freelist.h"
#include "preload/reserve.h"
#include "tracer/clock.h"
#include "tracer/recorder.h"

#include <string.h>

#define LEVELS 4
static const uint32_t level_size[LEVELS] = {1u << 11, 1u << 14, 1u << 17, 1u << 20};
/* With limited address space (ulimit -v). */
#define LIMITED_LEVELS 2
#define LIMITED_NODES (1u << 15)
#define MOST_NODES (1u << 20)
/* So many ids in a row without a free place: there are too many live contexts. */
#define MOST_ATTEMPTS 64
#define ATTEMPTS_A_LEVEL 8

/* What a context runs at its end, or keeps under a key. */
struct node {
    void (*function)(void *); /* NULL: a value under key */
    void *argument;           /* or the value */
    const void *key;
    uint32_t next;
};

static struct rs_context *places; /* shared; the levels one after the other */
static struct {
    uint64_t last_id;
    uint32_t used[LEVELS]; /* places of each level beyond which none was ever taken; atomic, only rises */
} * shared;
static int levels;
static uint32_t node_count;
static uint32_t *heads;     /* private: each place's list of nodes */
static uint64_t *left_here; /* private: by place, the id that this process, a fork's child, has ended for itself */
static struct node *nodes;  /* private; node 0 is none */
/* The first context, and the process that began it: a fork's child has its parent's until it begins one. Atomic. */
static uint64_t first_id;
static uint32_t first_process;
static struct rs_freelist free_nodes = {.next = 1};
static uint64_t first_began = UINT64_MAX;
/* (A handler that interrupts its setting may get a wrong time from it, nothing worse.) */
static __thread struct rs_clock own_clock __attribute__((tls_model("initial-exec")));

bool rs_contexts_start(void) {
    levels = rs_space_is_limited() ? LIMITED_LEVELS : LEVELS;
    node_count = rs_space_is_limited() ? LIMITED_NODES : MOST_NODES;
    uint32_t all = 0;
    for (int level = 0; level < levels; level++) all += level_size[level];
    places = rs_reserve_shared(all, sizeof *places);
    shared = rs_reserve_shared(1, sizeof *shared);
    heads = rs_reserve_private(all, sizeof *heads);
    nodes = rs_reserve_private(node_count, sizeof *nodes);
    left_here = rs_reserve_private(all, sizeof *left_here);
    return places && shared && heads && nodes && left_here;
}

/* (Sizes are powers of two.) */
static inline uint32_t place_in(uint64_t id, int level) {
    return (uint32_t)id & (level_size[level] - 1);
}

static inline struct rs_context *place_of(uint64_t id, int level) {
    static const uint32_t first[LEVELS] = {0, 1u << 11, (1u << 11) + (1u << 14), (1u << 11) + (1u << 14) + (1u << 17)};
    return &places[first[level] + place_in(id, level)];
}

static bool claim(struct rs_context *place, uint64_t id) {
    uint64_t key = __atomic_load_n(&place->key, __ATOMIC_ACQUIRE);
    if (key & 1 || __atomic_load_n(&place->owned, __ATOMIC_RELAXED)) return false;
    /* Claimed with the new id, not yet live: nobody else takes it, and nobody can know the id. */
    return __atomic_compare_exchange_n(&place->key, &key, id << 1 | 1, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

static void raise_used(int level, uint32_t used) {
    uint32_t known = __atomic_load_n(&shared->used[level], __ATOMIC_RELAXED);
    while (used > known &&
           !__atomic_compare_exchange_n(&shared->used[level], &known, used, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
    }
}

static struct rs_context *claim_place(void) {
    for (int attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
        uint64_t id = __atomic_add_fetch(&shared->last_id, 1, __ATOMIC_RELAXED);
        /* Rather another id than a place further up: those are memory that was never used. */
        int patience = attempt / ATTEMPTS_A_LEVEL + 1;
        for (int level = 0; level < levels && level < patience; level++) {
            if (!claim(place_of(id, level), id)) continue;
            raise_used(level, place_in(id, level) + 1);
            return place_of(id, level);
        }
    }
    return NULL;
}

/* Cut to fit, at a character's boundary in UTF-8, control bytes replaced. */
static void copy_label(char *to, const char *label) {
    size_t length = 0;
    for (; label && label[length] && length < RS_LABEL_SIZE - 1; length++) {
        unsigned char byte = (unsigned char)label[length];
        to[length] = byte < 32 || byte == 127 ? '?' : label[length];
    }
    if (label && label[length]) {
        while (length && ((unsigned char)label[length] & 0xC0) == 0x80) length--;
    }
    to[length] = 0;
}

static void note_first(const struct rs_context *context) {
    uint32_t before = __atomic_load_n(&first_process, __ATOMIC_RELAXED);
    if (rs_likely(before == rs_pid)) return;
    if (!__atomic_compare_exchange_n(&first_process, &before, rs_pid, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        return;
    __atomic_store_n(&first_id, rs_context_id(context), __ATOMIC_RELAXED);
    __atomic_store_n(&first_began, context->began, __ATOMIC_RELAXED);
}

void rs_context_first_is_none(void) {
    __atomic_store_n(&first_process, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&first_id, 0, __ATOMIC_RELAXED);
}

uint64_t rs_context_first(void) {
    return __atomic_load_n(&first_id, __ATOMIC_RELAXED);
}

struct rs_context *rs_context_begin(const char *label, uint32_t origin) {
    struct rs_context *context = claim_place();
    if (!context) return NULL;
    context->parent = rs_thread.current;
    context->began = rs_clock_now(&own_clock);
    context->thread = rs_trace_tid();
    context->process = rs_pid;
    context->origin = (uint8_t)origin;
    context->requester = 0;
    context->session = context->answered = false;
    __atomic_store_n(&context->ended_in, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&context->owned_more, false, __ATOMIC_RELAXED);
    memset(context->owned_places, 0, sizeof context->owned_places);
    heads[context - places] = 0;
    copy_label(context->label, label);
    note_first(context);
    return context;
}

uint64_t rs_context_first_began(void) {
    return __atomic_load_n(&first_began, __ATOMIC_RELAXED);
}

struct rs_context *rs_context_find(uint64_t id) {
    if (!id) return NULL;
    for (int level = 0; level < levels; level++) {
        /* Shared memory becomes real by being read, too: places never taken are left alone. */
        if (place_in(id, level) >= __atomic_load_n(&shared->used[level], __ATOMIC_RELAXED)) continue;
        struct rs_context *place = place_of(id, level);
        if (rs_context_id(place) == id) return place;
    }
    return NULL;
}

bool rs_context_live(const struct rs_context *context) {
    return __atomic_load_n(&context->key, __ATOMIC_ACQUIRE) & 1;
}

bool rs_context_is_inferred(const struct rs_context *context) {
    return context->origin == RS_ORIGIN_REQUEST || context->origin == RS_ORIGIN_ACCEPT;
}

bool rs_contexts_begun(void) {
    return __atomic_load_n(&shared->last_id, __ATOMIC_RELAXED);
}

bool rs_context_ever(uint64_t id) {
    return id && id <= __atomic_load_n(&shared->last_id, __ATOMIC_RELAXED);
}

static uint64_t *left_of(const struct rs_context *context) {
    return &left_here[context - places];
}

bool rs_context_is_over(uint64_t id) {
    const struct rs_context *context = rs_context_find(id);
    /* Its place is another's by now: so it ended long ago. */
    if (!context) return rs_context_ever(id);
    if (__atomic_load_n(left_of(context), __ATOMIC_RELAXED) == id) return true;
    return !rs_context_live(context) && __atomic_load_n(&context->ended_in, __ATOMIC_RELAXED) == rs_pid;
}

bool rs_context_finish(struct rs_context *context, uint64_t id) {
    uint64_t live = id << 1 | 1;
    if (context->process != rs_pid) return __atomic_exchange_n(left_of(context), id, __ATOMIC_ACQ_REL) != id;
    __atomic_store_n(&context->ended_in, rs_pid, __ATOMIC_RELAXED);
    return __atomic_compare_exchange_n(&context->key, &live, id << 1, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

static void note_owned(struct rs_context *context, uint32_t place) {
    for (uint32_t i = 0; i < RS_OWNED_NOTED; i++) {
        uint32_t free_place = 0;
        if (__atomic_load_n(&context->owned_places[i], __ATOMIC_RELAXED)) continue;
        if (__atomic_compare_exchange_n(&context->owned_places[i], &free_place, place, false, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED))
            return;
    }
    __atomic_store_n(&context->owned_more, true, __ATOMIC_RELAXED);
}

static void forget_owned(struct rs_context *context, uint32_t place) {
    for (uint32_t i = 0; i < RS_OWNED_NOTED; i++) {
        if (__atomic_load_n(&context->owned_places[i], __ATOMIC_RELAXED) != place) continue;
        /* Nobody else gives up this place, and it is taken by who finds it free. */
        __atomic_store_n(&context->owned_places[i], 0, __ATOMIC_RELAXED);
        return;
    }
}

void rs_context_owns_first(struct rs_context *context, uint32_t place) {
    __atomic_store_n(&context->owned_places[0], place, __ATOMIC_RELAXED);
    __atomic_store_n(&context->owned, 1, __ATOMIC_RELAXED);
}

void rs_context_disowns(struct rs_context *context, uint32_t place) {
    forget_owned(context, place);
    __atomic_fetch_sub(&context->owned, 1, __ATOMIC_RELAXED);
}

struct rs_context *rs_context_owns(uint64_t id, uint32_t place, int change) {
    struct rs_context *context = rs_context_find(id);
    if (!context) return NULL;
    if (change < 0) {
        /* Counted last: a context that owns nothing may give its place away. */
        rs_context_disowns(context, place);
        return context;
    }
    note_owned(context, place);
    __atomic_fetch_add(&context->owned, 1, __ATOMIC_RELAXED);
    return context;
}

void rs_context_each_live(void (*visit)(struct rs_context *context)) {
    struct rs_context *first = places;
    for (int level = 0; level < levels; first += level_size[level++]) {
        /* Places never taken were never touched: they do not become memory by being looked at. */
        uint32_t used = __atomic_load_n(&shared->used[level], __ATOMIC_RELAXED);
        for (uint32_t i = 0; i < used; i++) {
            if (rs_context_live(&first[i])) visit(&first[i]);
        }
    }
}

/* ---- deferred functions and local values ----------------------------------------------------------------------- */

static struct rs_places node_places(void) {
    return (struct rs_places){&nodes->next, sizeof *nodes, node_count};
}

static int push(struct rs_context *context, void (*function)(void *), void *argument, const void *key) {
    uint32_t node = rs_place_take(&free_nodes, node_places());
    if (!node) return -1;
    nodes[node].function = function;
    nodes[node].argument = argument;
    nodes[node].key = key;
    uint32_t *head = &heads[context - places];
    uint32_t next = __atomic_load_n(head, __ATOMIC_RELAXED);
    do {
        __atomic_store_n(&nodes[node].next, next, __ATOMIC_RELAXED);
    } while (!__atomic_compare_exchange_n(head, &next, node, true, __ATOMIC_RELEASE, __ATOMIC_RELAXED));
    return 0;
}

int rs_context_defer(struct rs_context *context, void (*function)(void *), void *argument) {
    return push(context, function, argument, NULL);
}

static struct node *find_value(struct rs_context *context, const void *key) {
    uint32_t node = __atomic_load_n(&heads[context - places], __ATOMIC_ACQUIRE);
    for (; node; node = nodes[node].next) {
        if (!nodes[node].function && nodes[node].key == key) return &nodes[node];
    }
    return NULL;
}

int rs_context_set(struct rs_context *context, const void *key, void *value) {
    struct node *known = find_value(context, key);
    if (!known) return push(context, NULL, value, key);
    known->argument = value;
    return 0;
}

void *rs_context_get(struct rs_context *context, const void *key) {
    struct node *known = find_value(context, key);
    return known ? known->argument : NULL;
}

void rs_context_run_deferred(struct rs_context *context) {
    uint32_t *head = &heads[context - places];
    for (;;) {
        uint32_t node = __atomic_load_n(head, __ATOMIC_ACQUIRE);
        while (node &&
               !__atomic_compare_exchange_n(head, &node, nodes[node].next, true, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
        }
        if (!node) return;
        void (*function)(void *) = nodes[node].function;
        void *argument = nodes[node].argument;
        rs_place_give_back(&free_nodes, node_places(), node);
        if (function) function(argument);
    }
}
