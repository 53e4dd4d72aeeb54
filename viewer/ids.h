/* ids.h: tables from ids to things. Ids count up from 1, so those that are near one another share a page.
 *
 *   id ──► id / RS_IDS_PAGE ──► page (uthash) ──► places[id % RS_IDS_PAGE] ──► the thing, or NULL
 *
 * The page of the last lookup is tried first: events speak of the same few ids for a while. */
#ifndef RS_VIEWER_IDS_H
#define RS_VIEWER_IDS_H

#include "viewer/memory.h"

#include <stdint.h>
#define uthash_fatal(message) memory_exhausted()
#include <uthash.h>

#define RS_IDS_PAGE 64u

struct ids_page {
    uint64_t number;
    void *places[RS_IDS_PAGE];
    UT_hash_handle hh;
};

struct ids {
    struct ids_page *pages;
    struct ids_page *last; /* of the last lookup that found one */
};

/* The place of an id, made when it is not there yet; what it points to is the caller's. Not to be kept: by the id it is found again. */
void **ids_place(struct ids *ids, uint64_t id);

/* What was put there; NULL: nothing. Changes nothing that another thread sees. */
void *ids_find(const struct ids *ids, uint64_t id);

/* Frees the table, not the things. */
void ids_free(struct ids *ids);

#endif
