/* binary.h: a module's file, opened with elfutils' libdwfl: what debug_files.h finds of it, put together. It is opened by itself, at
 * address 0: the process's own addresses minus the module's load bias are the file's.
 *
 *   binary ──► file       the one with the code, or its separate debug file when that is all there is
 *     ├──────► separate   where the file has no DWARF of its own
 *     └──────► alternate  what several debug files share */
#ifndef RS_VIEWER_BINARY_H
#define RS_VIEWER_BINARY_H

#include "viewer/debug_files.h"

#include <elfutils/libdwfl.h>

/* Which compilation unit some code is of. */
struct range {
    Dwarf_Addr low, high;
    Dwarf_Die unit;
};

struct binary {
    char *key; /* path, newline, build id; without a build id whose it is, too */
    const char *name, *build_id;
    Dwfl *dwfl;
    Dwfl_Module *module;               /* NULL: nothing is known of it */
    char *path, *separate, *alternate; /* where they were found; NULL: not, or not needed */
    char *alternate_id;                /* its build id; NULL: there is none */
    const char *packed;                /* the pack that the file was found in; NULL: in none */
    bool other;                        /* not found, but a file with another build id stands at its path */
    struct debug_files *files;
    Dwarf *alternate_dwarf;
    int alternate_fd;
    struct range *ranges; /* in order; made when the file's own index (.debug_aranges) fails, as clang writes none */
    size_t range_count, range_space;
    bool ranges_made;
    UT_hash_handle hh;
};

/* Never NULL. `module` outlives it. Says on stderr why its frames will have no names, unless it has no file. Takes over `key`. */
struct binary *binary_open(struct debug_files *files, const struct process *process, const struct module *module,
                           char *key);

/* The compilation unit of the code at `address`, the file's own plus *bias; NULL when the file says nothing of it. */
Dwarf_Die *binary_unit(struct binary *binary, Dwarf_Addr address, Dwarf_Addr *bias);

/* Is it where a signal handler returns to? The unwind tables say so. */
bool binary_is_signal_return(struct binary *binary, Dwarf_Addr address);

void binary_close(struct binary *binary);

#endif
