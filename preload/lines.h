/* lines.h: DWARF's line table (versions 2 to 5): which file and line addresses came from. A pure function over bytes that are
 * not trusted; no malloc. libdw, which the command uses, needs malloc and so cannot run in the guarded process. */
#ifndef RS_PRELOAD_LINES_H
#define RS_PRELOAD_LINES_H

#include <stdbool.h>
#include <stdint.h>

struct rs_bytes {
    const char *at;
    uint64_t size;
};

struct rs_line_sections {
    struct rs_bytes line, line_str, str; /* .debug_line, .debug_line_str, .debug_str */
};

struct rs_line {
    const char *file;   /* within the sections */
    const char *folder; /* the same, as the compiler was told; NULL: not known, or the file's path says it all */
    uint32_t line;
};

/* An address whose line is wanted. */
struct rs_line_wanted {
    uint64_t address;    /* as in the file */
    struct rs_line line; /* the answer; file is NULL when no row covers the address */
    uint32_t tag;        /* the caller's */
};

/* Tables larger than this are not searched: a report must not take a second. (3 ms for a MiB.) */
#define RS_LINES_MOST (32u << 20)

/* One pass over the table for all of them: `wanted` must be in the order of addresses. */
void rs_lines_find(const struct rs_line_sections *sections, struct rs_line_wanted *wanted, uint32_t count);

/* address: as in the file. False when no row covers it. */
bool rs_line_find(const struct rs_line_sections *sections, uint64_t address, struct rs_line *found);

#endif
