/* freelist.h: places of a table that are free, as a stack threaded through the places themselves.
 *
 *   head: {counter, index} ──► link of that place ──► link ──► ... 0       given back, taken again last in first out
 *   next ─────────────────► places from here on were never taken: they are not memory yet
 *
 * Index 0 is no place. The counter goes up with every change, against A-B-A. No lock: any thread, signal safe; head and next may
 * lie in memory that processes share, if the table does. */
#ifndef RS_PRELOAD_FREELIST_H
#define RS_PRELOAD_FREELIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rs_freelist {
    uint64_t head;
    uint32_t next; /* starts at the first place, 1 or more */
};

/* The table: where the first place's link is, how far one is from the next, and how many places there are. */
struct rs_places {
    uint32_t *link;
    size_t step; /* bytes */
    uint32_t count;
};

static inline uint32_t *rs_link_of(const struct rs_places *places, uint32_t place) {
    return (uint32_t *)(void *)((char *)places->link + place * places->step);
}

/* A place; 0: none is free. */
static inline uint32_t rs_place_take(struct rs_freelist *list, struct rs_places places) {
    uint64_t head = __atomic_load_n(&list->head, __ATOMIC_ACQUIRE);
    while ((uint32_t)head) {
        uint32_t link = __atomic_load_n(rs_link_of(&places, (uint32_t)head), __ATOMIC_RELAXED);
        uint64_t next = ((head >> 32) + 1) << 32 | link;
        if (__atomic_compare_exchange_n(&list->head, &head, next, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
            return (uint32_t)head;
    }
    if (__atomic_load_n(&list->next, __ATOMIC_RELAXED) >= places.count) return 0;
    uint32_t fresh = __atomic_fetch_add(&list->next, 1, __ATOMIC_RELAXED);
    return fresh < places.count ? fresh : 0;
}

static inline void rs_place_give_back(struct rs_freelist *list, struct rs_places places, uint32_t place) {
    uint64_t head = __atomic_load_n(&list->head, __ATOMIC_RELAXED);
    uint64_t next;
    do {
        __atomic_store_n(rs_link_of(&places, place), (uint32_t)head, __ATOMIC_RELAXED);
        next = ((head >> 32) + 1) << 32 | place;
    } while (!__atomic_compare_exchange_n(&list->head, &head, next, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED));
}

#endif
