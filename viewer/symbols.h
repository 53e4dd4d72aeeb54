/* symbols.h: from addresses to functions, files and lines, by the modules that the trace recorded and the files that are to be found
 * of them (debug_files.h), through elfutils' libdw; for code that a program made as it ran, by the map that it wrote (jit_map.h).
 *
 * What must stay true:
 * - A file that is not the one that ran (another build id) gives no names: wrong names are worse than none. It is said once on stderr,
 *   and its frames are module+offset.
 * - Frames of a stack are return addresses: the call stands just before them. But what a signal interrupted is an address itself: the
 *   frame that follows the one that the signal's handler returns to. */
#ifndef RS_VIEWER_SYMBOLS_H
#define RS_VIEWER_SYMBOLS_H

#include "viewer/model.h"
#include "viewer/options.h"

struct frame {
    const char *function; /* NULL: not known */
    const char *symbol;   /* its name in the module's symbol table, as the guard knows it; NULL: none, or inlined */
    const char *module;   /* the file's name without its folders; NULL: no module was there */
    uint64_t address;
    uint64_t offset;  /* the address in the module's own file */
    const char *path; /* of the source file, as the compiler was told; NULL: not known */
    const char *text; /* the path of that file here: in the trace's pack, under --sysroot, or the same */
    const char *file; /* its last part */
    int line, column; /* 0: not known */
    bool inlined;     /* this function's body stands inside of the next frame's */
    bool generated;   /* the program made this code as it ran: the module is "[jit]", the line is the function's own */
};

struct symbols;

/* `options`: --debug-dir, --sysroot, --debuginfod; NULL: none of them. Ends the command, with a message and exit code 2, when
 * --debuginfod cannot be done. */
struct symbols *symbols_open(const struct options *options);

/* The frames of a stack, innermost first, inlined functions included. `process` is the one whose stack it is. The array
 * is the caller's to free, what is in it lives as long as `symbols`. */
struct frame *symbols_stack(struct symbols *symbols, const struct process *process, const struct stack *stack,
                            size_t *count);

/* What was found of the module that the address was in at that time; NULL, and *module NULL: it was in none. Valid as long as
 * `symbols`. */
struct binary;
const struct binary *symbols_binary(struct symbols *symbols, const struct process *process, uint64_t address,
                                    uint64_t time, const struct module **module);

/* NULL is ignored. */
void symbols_close(struct symbols *symbols);

/* The part of a path after its last '/'. */
const char *symbols_basename(const char *path);

#endif
