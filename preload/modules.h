/* modules.h: which file an address of code belongs to. The list is brought up to date when a new stack is kept and the dynamic
 * linker has loaded or unloaded something since; dlopen need not be interposed for it. */
#ifndef RS_PRELOAD_MODULES_H
#define RS_PRELOAD_MODULES_H

#include <stdbool.h>
#include <stdint.h>

struct rs_module_range {
    uint64_t low, high; /* [low, high) */
};

static inline bool rs_in_range(const struct rs_module_range *range, uint64_t address) {
    return address >= range->low && address < range->high;
}

struct rs_module {
    struct rs_module_range range;
    uint64_t base; /* load bias */
    char path[256];
    char build_id[64]; /* hex */
};

/* Notes what is loaded now, and records what is new in the trace. Signal safe but for the dynamic linker's own lock. */
void rs_modules_refresh(void);

/* Records all known modules again: a new trace has begun. */
void rs_modules_record_all(void);

/* The module that an address lies in, NULL when none is known. */
const struct rs_module *rs_module_of(uint64_t address);

/* The range of the loaded object that an address lies in, asked of the dynamic linker. */
struct rs_module_range rs_module_range_of(uint64_t address);

#endif
