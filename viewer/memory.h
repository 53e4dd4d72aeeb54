/* memory.h: allocation for the command. Running out of memory ends it, with a message and exit code 2: nobody has to
 * check. */
#ifndef RS_VIEWER_MEMORY_H
#define RS_VIEWER_MEMORY_H

#include <stddef.h>

/* `size` bytes of zeros. */
void *memory_new(size_t size);

/* The array, moved if it must be, with room for at least `wanted` items of `size` bytes; *space is how many fit now. */
void *memory_grow(void *array, size_t *space, size_t wanted, size_t size) __attribute__((warn_unused_result));

char *memory_copy(const char *text);

/* As asprintf. */
char *memory_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Memory that is freed as a whole: a row of blocks, the latest first. An arena is NULL at first. */
struct memory_arena;

/* `size` bytes of zeros from it, aligned for anything. */
void *memory_take(struct memory_arena **arena, size_t size);
/* Moves all that `from` holds to `to`; `from` is NULL then. */
void memory_arena_join(struct memory_arena **to, struct memory_arena **from);
void memory_arena_free(struct memory_arena **arena);

/* Says so and ends the command. */
void memory_exhausted(void) __attribute__((noreturn));

#endif
