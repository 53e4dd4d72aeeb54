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
