/* store.h: files put into a folder, each whole or not at all: written under a hidden name, then renamed. What is there already stays as
 * it is. No link inside the folder is followed: it may be of a trace that somebody else has made. */
#ifndef RS_VIEWER_STORE_H
#define RS_VIEWER_STORE_H

#include <stdbool.h>
#include <stdint.h>

struct store {
    char *folder;
    int fd;
};

enum store_result { STORE_ADDED, STORE_PRESENT, STORE_FAILED }; /* the last after a message */

/* Opens FOLDER/NAME, made if it is not there; NULL as `name`: the folder itself. False after a message. */
bool store_open(struct store *store, const char *folder, const char *name);

/* Puts what `from` has to read under `place`, a path in the folder without ".." whose folders are made. `part`: of an ELF file only what
 * elf_part.h leaves. *size: of what is there. */
enum store_result store_put(const struct store *store, const char *place, int from, bool part, uint64_t *size);

void store_close(struct store *store);

#endif
