/* ids.c: see ids.h. */
#include "viewer/ids.h"

#include <stdlib.h>

static struct ids_page *find_page(const struct ids *ids, uint64_t number) {
    struct ids_page *page;
    if (ids->last && ids->last->number == number) return ids->last;
    HASH_FIND(hh, ids->pages, &number, sizeof number, page);
    return page;
}

void **ids_place(struct ids *ids, uint64_t id) {
    uint64_t number = id / RS_IDS_PAGE;
    struct ids_page *page = find_page(ids, number);
    if (!page) {
        page = memory_new(sizeof *page);
        page->number = number;
        HASH_ADD(hh, ids->pages, number, sizeof number, page);
    }
    ids->last = page;
    return &page->places[id % RS_IDS_PAGE];
}

void *ids_find(const struct ids *ids, uint64_t id) {
    const struct ids_page *page = find_page(ids, id / RS_IDS_PAGE);
    return page ? page->places[id % RS_IDS_PAGE] : NULL;
}

void ids_free(struct ids *ids) {
    struct ids_page *page = ids->pages, *next;
    HASH_CLEAR(hh, ids->pages); /* leaves the pages linked */
    for (; page; page = next) {
        next = page->hh.next;
        free(page);
    }
    *ids = (struct ids){0};
}
