/* memory.c: see memory.h. */
#include "viewer/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void memory_exhausted(void) {
    static const char line[] = "reqscope: out of memory: give it less to read at once, or more memory\n";
    ssize_t written = write(STDERR_FILENO, line, sizeof line - 1);
    (void)written;
    _exit(2);
}

void *memory_new(size_t size) {
    void *memory = calloc(1, size ? size : 1);
    if (!memory) memory_exhausted();
    return memory;
}

void *memory_grow(void *array, size_t *space, size_t wanted, size_t size) {
    size_t larger = *space ? 2 * *space : 8;
    if (wanted <= *space) return array;
    if (larger < wanted) larger = wanted;
    array = reallocarray(array, larger, size);
    if (!array) memory_exhausted();
    *space = larger;
    return array;
}

#define ARENA_BLOCK ((size_t)256 << 10)
#define ARENA_ALIGN 16u

struct memory_arena {
    struct memory_arena *before;
    size_t size, taken; /* of bytes */
    char bytes[] __attribute__((aligned(ARENA_ALIGN)));
};

void *memory_take(struct memory_arena **arena, size_t size) {
    struct memory_arena *block = *arena;
    size = (size + ARENA_ALIGN - 1) / ARENA_ALIGN * ARENA_ALIGN;
    if (!block || block->size - block->taken < size) {
        size_t room = size < ARENA_BLOCK ? ARENA_BLOCK : size;
        block = memory_new(sizeof *block + room);
        block->size = room;
        block->before = *arena;
        *arena = block;
    }
    block->taken += size;
    return block->bytes + block->taken - size;
}

/* Behind the block that is being filled. */
void memory_arena_join(struct memory_arena **to, struct memory_arena **from) {
    struct memory_arena *last = *from;
    if (!last) return;
    while (last->before) last = last->before;
    if (*to) {
        last->before = (*to)->before;
        (*to)->before = *from;
    } else {
        *to = *from;
    }
    *from = NULL;
}

void memory_arena_free(struct memory_arena **arena) {
    while (*arena) {
        struct memory_arena *block = *arena;
        *arena = block->before;
        free(block);
    }
}

char *memory_copy(const char *text) {
    char *copy = strdup(text);
    if (!copy) memory_exhausted();
    return copy;
}

char *memory_format(const char *format, ...) {
    va_list arguments;
    char *text = NULL;
    va_start(arguments, format);
    if (vasprintf(&text, format, arguments) < 0) memory_exhausted();
    va_end(arguments);
    return text;
}
