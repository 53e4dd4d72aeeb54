/* wall_clock.c: see wall_clock.h. */
#include "viewer/wall_clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND 1000000000u

/* "  NAME = 17;" */
static bool read_line(const char *line, const char *name, uint64_t *value) {
    const char *at = line + strspn(line, " ");
    size_t length = strlen(name);
    if (strncmp(at, name, length) != 0 || strncmp(at + length, " = ", 3) != 0) return false;
    *value = strtoull(at + length + 3, NULL, 10);
    return true;
}

static uint64_t read_offset(FILE *metadata) {
    uint64_t seconds = 0, rest = 0;
    char *line = NULL;
    size_t space = 0;
    bool in_clock = false;
    while (getline(&line, &space, metadata) >= 0) {
        if (!strncmp(line, "clock {", 7)) in_clock = true;
        if (in_clock && *line == '}') break;
        if (in_clock && !read_line(line, "offset_s", &seconds)) read_line(line, "offset", &rest);
    }
    free(line);
    return seconds < INT64_MAX / SECOND && rest < SECOND ? seconds * SECOND + rest : 0;
}

uint64_t wall_clock_offset(const struct model *model) {
    uint64_t offset = 0;
    for (size_t i = 0; i < model->process_count && !offset; i++) {
        char *path = memory_format("%s/metadata", model->processes[i]->folder);
        FILE *metadata = fopen(path, "re");
        if (metadata) {
            offset = read_offset(metadata);
            fclose(metadata);
        }
        free(path);
    }
    return offset;
}
