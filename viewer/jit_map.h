/* jit_map.h: names of code that a program made as it ran: what Node.js (--perf-basic-prof), Java, .NET and Python (-X perf) write to
 * /tmp/perf-PID.map for Linux's perf, a line a piece of code:
 *
 *   3ef414c0 398 LazyCompile:*query /app/db.js:12:5        begin and size in hex, the name
 *
 * The guard copies it into the process's trace when the process ends by itself (RS_FOLDER_PERF_MAP). What was killed leaves none: then
 * the file itself serves if it is still this process's: of this machine and boot, of the trace's user, and written after the process
 * began. */
#ifndef RS_VIEWER_JIT_MAP_H
#define RS_VIEWER_JIT_MAP_H

#include "viewer/model.h"

struct jit_map;

/* Where the process's map is; NULL: nowhere. `sysroot`: the folder of --sysroot, "" for this machine's. The caller's to free. */
char *jit_map_path(const struct process *process, const char *sysroot);

/* NULL when it cannot be read or has no line. */
struct jit_map *jit_map_read(const char *path);

/* The name of the code at the address; of what was written of it the last. NULL: none is known. */
const char *jit_map_find(const struct jit_map *map, uint64_t address);

/* NULL is ignored. */
void jit_map_free(struct jit_map *map);

/* A name in its parts: those of Node.js and Python tell where the function stands. */
struct jit_name {
    char *function, *path; /* path NULL: not told. The caller's to free */
    int line, column;      /* 0: not told */
};
struct jit_name jit_name_of(const char *name);

#endif
