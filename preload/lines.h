/* lines.h: DWARF's line table (versions 2 to 5): which file and line an address came from. A pure function over bytes that are
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
    const char *file; /* within the sections */
    uint32_t line;
};

/* Tables larger than this are not searched: a report must not take a second. */
#define RS_LINES_MOST (32u << 20)

/* address: as in the file. False when no row covers it. */
bool rs_line_find(const struct rs_line_sections *sections, uint64_t address, struct rs_line *found);

#endif
