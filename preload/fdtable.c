/* fdtable.c: slots and the arena of descriptions. fdtable.h draws them. */
#include "preload/fdtable.h"
#include "preload/freelist.h"
#include "preload/reserve.h"

#include <pthread.h>
#include <string.h>

#define MOST_SLOTS (1u << 24)
#define LIMITED_SLOTS (1u << 17)
#define MOST_DESCRIPTIONS (1u << 21)
#define LIMITED_DESCRIPTIONS (1u << 16)
#define NO_OWNER (~0ull)

/* A process's own count of numbers for each description, and whether it had it from its parent. */
#define LOCAL_INHERITED (1u << 31)

uint64_t *rs_slots;
uint32_t rs_slot_count;
struct rs_description *rs_descriptions;

static uint32_t description_count;
static uint32_t *local;       /* by description index, private */
static uint32_t *number_of;   /* by fd, private: rs_note_number */
static uint32_t *latest;      /* by description index, private: the number that was bound to it last */
static uint32_t *refused;     /* by description index, private: rs_note_refused */
static uint32_t *place_by_id; /* shared: the place of id, at id % description_count, until a later id takes it over */
/* A fork's own: what was counted for the child, by fd. Held from before a fork until after it; taken nowhere else. */
static pthread_mutex_t forking = PTHREAD_MUTEX_INITIALIZER;
static uint64_t *counted;
static int highest = -1; /* no fd above it is known; atomic, only rises */

/* What all processes share besides the descriptions; lies in the place of descriptions[0]'s neighbours' page, before them. */
struct shared {
    uint64_t next_id;
    struct rs_freelist free;
};
static struct shared *shared;

bool rs_table_start(void) {
    rs_slot_count = rs_space_is_limited() ? LIMITED_SLOTS : MOST_SLOTS;
    description_count = rs_space_is_limited() ? LIMITED_DESCRIPTIONS : MOST_DESCRIPTIONS;
    rs_slots = rs_reserve_private(rs_slot_count, sizeof *rs_slots);
    counted = rs_reserve_private(rs_slot_count, sizeof *counted);
    number_of = rs_reserve_private(rs_slot_count, sizeof *number_of);
    rs_descriptions = rs_reserve_shared(description_count, sizeof *rs_descriptions);
    local = rs_reserve_private(description_count, sizeof *local);
    refused = rs_reserve_private(description_count, sizeof *refused);
    latest = rs_reserve_private(description_count, sizeof *latest);
    place_by_id = rs_reserve_shared(description_count, sizeof *place_by_id);
    shared = rs_reserve_shared(1, sizeof *shared);
    if (!rs_slots || !counted || !number_of || !rs_descriptions || !local || !refused || !latest || !place_by_id ||
        !shared) {
        rs_slot_count = 0;
        return false;
    }
    rs_descriptions[RS_NO_DESCRIPTION].tag = NO_OWNER;
    rs_descriptions[RS_OWN_DESCRIPTION].tag = NO_OWNER;
    shared->free.next = RS_OWN_DESCRIPTION + 1;
    shared->next_id = 1;
    return true;
}

static uint64_t word_of(const struct rs_description *description) {
    return rs_id_of(description) << 32 | rs_place_of(description);
}

bool rs_still(int fd, const struct rs_description *description, uint64_t id) {
    return (uint32_t)fd < rs_slot_count && __atomic_load_n(&rs_slots[fd], __ATOMIC_ACQUIRE) == word_of(description) &&
           rs_id_of(description) == id;
}

static struct rs_places places(void) {
    return (struct rs_places){&rs_descriptions->next_free, sizeof *rs_descriptions, description_count};
}

static void give_place_back(uint32_t index) {
    rs_place_give_back(&shared->free, places(), index);
}

struct rs_description *rs_description_new(void) {
    uint32_t index = rs_place_take(&shared->free, places());
    if (!index) return NULL;
    struct rs_description *description = &rs_descriptions[index];
    rs_happens_after(description);
    uint64_t id = __atomic_fetch_add(&shared->next_id, 1, __ATOMIC_RELAXED);
    /* holders is 0 and stays so: a fork may be asking for it just now, in vain. */
    __atomic_store_n(&description->tag, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&description->id, id, __ATOMIC_RELAXED);
    __atomic_store_n(&description->identity, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&description->words, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&local[index], 0, __ATOMIC_RELAXED);
    if (refused[index]) refused[index] = 0;
    __atomic_store_n(&place_by_id[id % description_count], index, __ATOMIC_RELAXED);
    return description;
}

void rs_note_number(int fd, uint64_t context) {
    if ((uint32_t)fd < rs_slot_count && (number_of[fd] || context)) number_of[fd] = (uint32_t)context;
}

bool rs_number_is_of(int fd, uint64_t context) {
    return context && (uint32_t)fd < rs_slot_count && number_of[fd] == (uint32_t)context;
}

void rs_note_refused(const struct rs_description *description, uint64_t context) {
    __atomic_store_n(&refused[rs_place_of(description)], (uint32_t)context, __ATOMIC_RELAXED);
}

bool rs_was_refused(const struct rs_description *description, uint64_t context) {
    return context && __atomic_load_n(&refused[rs_place_of(description)], __ATOMIC_RELAXED) == (uint32_t)context;
}

const struct rs_description *rs_is_open_as(uint64_t id) {
    uint32_t place = __atomic_load_n(&place_by_id[id % description_count], __ATOMIC_RELAXED);
    if (rs_id_of(&rs_descriptions[place]) == id) {
        bool open = __atomic_load_n(&local[place], __ATOMIC_RELAXED) & ~LOCAL_INHERITED;
        return open ? &rs_descriptions[place] : NULL;
    }
    if (__atomic_load_n(&shared->next_id, __ATOMIC_RELAXED) <= description_count) return NULL;
    for (int fd = rs_next_known(0); fd >= 0; fd = rs_next_known(fd + 1)) {
        const struct rs_description *description = rs_lookup(fd);
        if (rs_id_of(description) == id) return description;
    }
    return NULL;
}

bool rs_is_open(uint64_t id) {
    return rs_is_open_as(id) != NULL;
}

int rs_number_of_description(const struct rs_description *description) {
    uint64_t word = word_of(description);
    uint32_t number = __atomic_load_n(&latest[rs_place_of(description)], __ATOMIC_RELAXED);
    if (number < rs_slot_count && __atomic_load_n(&rs_slots[number], __ATOMIC_RELAXED) == word) return (int)number;
    for (int fd = rs_next_known(0); fd >= 0; fd = rs_next_known(fd + 1)) {
        if (__atomic_load_n(&rs_slots[fd], __ATOMIC_RELAXED) == word) return fd;
    }
    return -1;
}

bool rs_held_here_only(const struct rs_description *description) {
    uint32_t here = __atomic_load_n(&local[rs_place_of(description)], __ATOMIC_RELAXED) & ~LOCAL_INHERITED;
    return __atomic_load_n(&description->holders, __ATOMIC_RELAXED) <= here;
}

uint64_t rs_last_description(void) {
    return __atomic_load_n(&shared->next_id, __ATOMIC_RELAXED) - 1;
}

uint32_t rs_description_places(void) {
    return description_count;
}

static void raise_highest(int fd) {
    int known = __atomic_load_n(&highest, __ATOMIC_RELAXED);
    while (fd > known && !__atomic_compare_exchange_n(&highest, &known, fd, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
    }
}

void rs_rebind(int fd, struct rs_description *description) {
    if ((uint32_t)fd >= rs_slot_count) return;
    __atomic_fetch_add(&local[rs_place_of(description)], 1, __ATOMIC_RELAXED);
    raise_highest(fd);
    __atomic_store_n(&latest[rs_place_of(description)], (uint32_t)fd, __ATOMIC_RELAXED);
    __atomic_store_n(&rs_slots[fd], word_of(description), __ATOMIC_RELEASE);
}

void rs_bind(int fd, struct rs_description *description) {
    if ((uint32_t)fd >= rs_slot_count) return;
    __atomic_fetch_add(&description->holders, 1, __ATOMIC_RELAXED);
    rs_rebind(fd, description);
}

bool rs_bind_if_unknown(int fd, struct rs_description *description) {
    uint64_t none = 0;
    __atomic_fetch_add(&description->holders, 1, __ATOMIC_RELAXED);
    if ((uint32_t)fd < rs_slot_count) {
        __atomic_fetch_add(&local[rs_place_of(description)], 1, __ATOMIC_RELAXED);
        __atomic_store_n(&latest[rs_place_of(description)], (uint32_t)fd, __ATOMIC_RELAXED);
        raise_highest(fd);
        if (__atomic_compare_exchange_n(&rs_slots[fd], &none, word_of(description), false, __ATOMIC_ACQ_REL,
                                        __ATOMIC_RELAXED)) {
            return true;
        }
        __atomic_store_n(&local[rs_place_of(description)], 0, __ATOMIC_RELAXED);
    }
    rs_release(description);
    return false;
}

struct rs_description *rs_unbind(int fd, bool *last) {
    *last = false;
    if (rs_slot_index(fd) <= RS_OWN_DESCRIPTION) return NULL;
    uint32_t index = (uint32_t)__atomic_exchange_n(&rs_slots[fd], 0, __ATOMIC_ACQ_REL);
    if (index <= RS_OWN_DESCRIPTION) return NULL;
    uint32_t left = __atomic_sub_fetch(&local[index], 1, __ATOMIC_RELAXED);
    *last = !(left & ~LOCAL_INHERITED); /* that it is inherited stays: the close may fail */
    return &rs_descriptions[index];
}

bool rs_release(struct rs_description *description) {
    rs_happens_before(description);
    if (__atomic_sub_fetch(&description->holders, 1, __ATOMIC_ACQ_REL)) return false;
    give_place_back(rs_place_of(description));
    return true;
}

void rs_bind_own(int fd) {
    if ((uint32_t)fd >= rs_slot_count) return;
    raise_highest(fd);
    __atomic_store_n(&rs_slots[fd], RS_OWN_DESCRIPTION, __ATOMIC_RELEASE);
}

void rs_unbind_own(int fd) {
    uint64_t own = RS_OWN_DESCRIPTION;
    if ((uint32_t)fd < rs_slot_count) {
        __atomic_compare_exchange_n(&rs_slots[fd], &own, 0, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
    }
}

int rs_next_known(int from) {
    int end = __atomic_load_n(&highest, __ATOMIC_RELAXED);
    for (int fd = from < 0 ? 0 : from; fd <= end; fd++) {
        if (rs_slot_index(fd) > RS_OWN_DESCRIPTION) return fd;
    }
    return -1;
}

static struct rs_description *described_by(uint64_t word) {
    return &rs_descriptions[(uint32_t)word];
}

/* One holder more, of what somebody holds: a place that is free, or just being filled, is left alone. */
static bool hold(struct rs_description *description) {
    uint32_t holders = __atomic_load_n(&description->holders, __ATOMIC_RELAXED);
    while (holders && !__atomic_compare_exchange_n(&description->holders, &holders, holders + 1, true, __ATOMIC_ACQ_REL,
                                                   __ATOMIC_RELAXED)) {
    }
    return holders;
}

/* One holder less, and told when it was the last. */
static void let_go(struct rs_description *description, rs_freed *freed) {
    uint64_t owner = rs_owner_of(description); /* once released its place may be another's */
    if (rs_release(description)) freed(owner, rs_place_of(description));
}

static void count_for_child(rs_freed *freed) {
    for (int fd = rs_next_known(0); fd >= 0; fd = rs_next_known(fd + 1)) {
        uint64_t word = __atomic_load_n(&rs_slots[fd], __ATOMIC_ACQUIRE);
        if ((uint32_t)word <= RS_OWN_DESCRIPTION || !hold(described_by(word))) continue;
        /* Closed meanwhile? Then its place may be another's by now, and that is what was held. */
        if (__atomic_load_n(&rs_slots[fd], __ATOMIC_ACQUIRE) == word)
            counted[fd] = word;
        else
            let_go(described_by(word), freed);
    }
}

void rs_table_forking(rs_freed *freed) {
    pthread_mutex_lock(&forking);
    count_for_child(freed);
}

bool rs_table_try_forking(rs_freed *freed) {
    if (pthread_mutex_trylock(&forking)) return false;
    count_for_child(freed);
    return true;
}

/* Also after a fork that failed, which cannot be told apart here: then some places are lost, nothing worse. */
void rs_table_fork_done(void) {
    /* What is left would be taken for the next child's. */
    for (int fd = 0, end = __atomic_load_n(&highest, __ATOMIC_RELAXED); fd <= end; fd++) {
        if (counted[fd]) counted[fd] = 0;
    }
    pthread_mutex_unlock(&forking);
}

/* The number was opened between the counting and the fork: it holds, if its place is still what it was. */
static bool hold_late(uint64_t word, rs_freed *freed) {
    struct rs_description *description = described_by(word);
    if (!hold(description)) return false;
    if (word_of(description) == word) return true;
    let_go(description, freed);
    return false;
}

void rs_table_forked(rs_freed *freed) {
    pthread_mutex_init(&forking, NULL);
    for (int fd = 0, end = highest; fd <= end; fd++) {
        uint64_t word = rs_slots[fd], before = counted[fd];
        uint32_t index = (uint32_t)word;
        if (before) counted[fd] = 0;
        if (before && before != word) let_go(described_by(before), freed);
        if (index <= RS_OWN_DESCRIPTION) continue;
        if (word != before && !hold_late(word, freed)) {
            rs_slots[fd] = 0;
            continue;
        }
        local[index] |= LOCAL_INHERITED;
    }
}

bool rs_inherited(const struct rs_description *description) {
    return __atomic_load_n(&local[rs_place_of(description)], __ATOMIC_RELAXED) & LOCAL_INHERITED;
}
