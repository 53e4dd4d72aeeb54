/* jit_map.c: see jit_map.h. */
#include "viewer/jit_map.h"
#include "tracer/folder.h"
#include "viewer/memory.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct piece {
    uint64_t begin, end;
    uint64_t furthest; /* the largest end of this one and those before */
    size_t line;
    char *name;
};

/* By their begin; those of the same in the order of their lines. */
struct jit_map {
    struct piece *pieces;
    size_t count, space;
};

/* ---- which file ---- */

/* The number behind `name` in the metadata's text; 0 when it is not there. */
static uint64_t read_field(const char *text, const char *name) {
    const char *found = strstr(text, name);
    return found ? strtoull(found + strlen(name), NULL, 10) : 0;
}

static char *read_small_file(const char *path) {
    char *text = memory_new(1 << 16);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t length = fd >= 0 ? read(fd, text, (1 << 16) - 1) : 0;
    text[length > 0 ? length : 0] = 0;
    if (fd >= 0) close(fd);
    return text;
}

/* When the process began, in seconds of the calendar; 0: not known. *here: in this boot of this machine. */
static uint64_t begin_of(const struct process *process, bool *here) {
    char *path = memory_format("%s/metadata", process->folder), *text = read_small_file(path);
    char *boot = read_small_file("/proc/sys/kernel/random/boot_id"), *clock = strstr(text, "\nclock {");
    uint64_t offset = clock ? read_field(clock, "offset_s = ") : 0;
    boot[strcspn(boot, "\n")] = 0;
    *here = *boot && clock && strstr(clock, boot);
    free(path);
    free(text);
    free(boot);
    return offset ? offset + process->started / 1000000000u : 0;
}

static bool is_map_of(const char *path, const struct process *process, bool elsewhere) {
    struct stat map, trace;
    bool here;
    uint64_t began = begin_of(process, &here);
    if (lstat(path, &map) || !S_ISREG(map.st_mode) || !began || (uint64_t)map.st_mtime < began) return false;
    if (elsewhere) return true; /* the users of that machine are not to be had */
    return here && !stat(process->folder, &trace) && map.st_uid == trace.st_uid;
}

char *jit_map_path(const struct process *process, const char *sysroot) {
    struct stat status;
    char *path = memory_format("%s/" RS_FOLDER_PERF_MAP, process->folder);
    if (!lstat(path, &status) && S_ISREG(status.st_mode)) return path;
    free(path);
    path = memory_format("%s/tmp/perf-%" PRIu32 ".map", sysroot, process->pid);
    if (is_map_of(path, process, *sysroot)) return path;
    free(path);
    return NULL;
}

/* ---- reading ---- */

static int compare_pieces(const void *left, const void *right) {
    const struct piece *a = left, *b = right;
    if (a->begin != b->begin) return a->begin < b->begin ? -1 : 1;
    return (a->line > b->line) - (a->line < b->line);
}

/* What is no such line is passed over: the program may have been killed while it wrote. */
static void add_line(struct jit_map *map, char *text, size_t line) {
    char *size_text, *name;
    uint64_t begin = strtoull(text, &size_text, 16), size;
    if (size_text == text || *size_text != ' ') return;
    size = strtoull(size_text, &name, 16);
    if (name == size_text || *name != ' ' || !name[1] || !size || begin + size < begin) return;
    map->pieces = memory_grow(map->pieces, &map->space, map->count + 1, sizeof *map->pieces);
    map->pieces[map->count++] =
        (struct piece){.begin = begin, .end = begin + size, .line = line, .name = memory_copy(name + 1)};
}

static void sort(struct jit_map *map) {
    uint64_t furthest = 0;
    qsort(map->pieces, map->count, sizeof *map->pieces, compare_pieces);
    for (size_t i = 0; i < map->count; i++) {
        if (map->pieces[i].end > furthest) furthest = map->pieces[i].end;
        map->pieces[i].furthest = furthest;
    }
}

struct jit_map *jit_map_read(const char *path) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    FILE *file = fd >= 0 ? fdopen(fd, "r") : NULL;
    struct jit_map *map = memory_new(sizeof *map);
    char *text = NULL;
    size_t space = 0, line = 0;
    uint64_t total = 0;
    ssize_t length;
    if (!file && fd >= 0) close(fd);
    while (file && (length = getline(&text, &space, file)) > 0 && (total += (uint64_t)length) <= RS_PERF_MAP_MOST) {
        if (text[length - 1] == '\n') text[length - 1] = 0;
        add_line(map, text, line++);
    }
    free(text);
    if (file) fclose(file);
    if (!map->count) {
        jit_map_free(map);
        return NULL;
    }
    sort(map);
    return map;
}

const char *jit_map_find(const struct jit_map *map, uint64_t address) {
    const struct piece *found = NULL;
    size_t low = 0, high = map->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (map->pieces[middle].begin <= address)
            low = middle + 1;
        else
            high = middle;
    }
    for (size_t i = low; i-- && map->pieces[i].furthest > address;) {
        const struct piece *piece = &map->pieces[i];
        if (piece->end > address && (!found || piece->line > found->line)) found = piece;
    }
    return found ? found->name : NULL;
}

void jit_map_free(struct jit_map *map) {
    if (!map) return;
    for (size_t i = 0; i < map->count; i++) free(map->pieces[i].name);
    free(map->pieces);
    free(map);
}

/* ---- names ---- */

/* Takes ":12" from the text's end; 0 when there is none. */
static int take_number(char *text) {
    char *colon = strrchr(text, ':'), *end;
    if (!colon || colon[1] < '0' || colon[1] > '9') return 0;
    unsigned long number = strtoul(colon + 1, &end, 10);
    if (*end || number > INT32_MAX) return 0;
    *colon = 0;
    return (int)number;
}

/* Behind the function's name, which may have blanks in it ("get size"), as the path may. */
static char *find_path(char *text) {
    static const char *const begins[] = {" /", " file://", " node:", " internal/"};
    char *first = NULL;
    for (size_t i = 0; i < sizeof begins / sizeof *begins; i++) {
        char *found = strstr(text, begins[i]);
        if (found && (!first || found < first)) first = found;
    }
    return first ? first : strrchr(text, ' ');
}

/* "*query /app/db.js:12:5": the mark says how far the code is optimised; a function without a name has none here. */
static struct jit_name node_name(const char *text) {
    struct jit_name name = {0};
    char *rest = memory_copy(text + (*text && strchr("*~^+-", *text))), *path;
    int last = take_number(rest), before = last ? take_number(rest) : 0;
    name.line = before ? before : last;
    name.column = before ? last : 0;
    path = name.line ? find_path(rest) : NULL;
    if (path) {
        *path++ = 0;
        name.path = memory_copy(path + (strncmp(path, "file://", 7) ? 0 : 7));
    } else if (name.line) { /* no blank: where, and not what */
        name.line = name.column = 0;
    }
    name.function = memory_copy(*rest ? rest : "(anonymous)");
    free(rest);
    return name;
}

/* "py::query:/app/db.py" */
static struct jit_name python_name(const char *text) {
    const char *colon = strstr(text, ":/");
    if (!colon) return (struct jit_name){.function = memory_copy(text)};
    return (struct jit_name){.function = memory_format("%.*s", (int)(colon - text), text),
                             .path = memory_copy(colon + 1)};
}

struct jit_name jit_name_of(const char *name) {
    static const char *const node[] = {"LazyCompile:", "JS:", "Function:", "Script:", "Eval:"};
    for (size_t i = 0; i < sizeof node / sizeof *node; i++)
        if (!strncmp(name, node[i], strlen(node[i]))) return node_name(name + strlen(node[i]));
    if (!strncmp(name, "py::", 4)) return python_name(name + 4);
    return (struct jit_name){.function = memory_copy(name)};
}
