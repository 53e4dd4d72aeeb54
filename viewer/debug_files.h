/* debug_files.h: where the files are that give addresses their names: a module's own file, its separate debug file, and the
 * alternate one with which several debug files share what they have in common (dwz). They are looked for in this order:
 *
 *   packed        what `reqscope pack` put beside the trace (pack.h draws it)
 *   --sysroot     DIR/PATH, links in it being of that machine
 *   here          PATH
 *   debug folders those of --debug-dir, DIR/usr/lib/debug of --sysroot, /usr/lib/debug:
 *                 .build-id/ab/cdef[.debug], ab/cdef[.debug], PATH[.debug], NAME[.debug]; a separate one by its .gnu_debuglink, too
 *   debuginfod    with --debuginfod alone
 *
 * What must stay true:
 * - The build id decides: a file with another one is never given, wherever it stands. Where the module has none its path decides (and
 *   with --sysroot this machine's path is another one), for its separate file the sum in its link.
 * - Nothing leaves this machine without --debuginfod: libdw must not ask either.
 * - Only regular files are opened: a path in a trace must not make this wait on a pipe or read a device. */
#ifndef RS_VIEWER_DEBUG_FILES_H
#define RS_VIEWER_DEBUG_FILES_H

#include "viewer/model.h"
#include "viewer/options.h"

/* The pack's folder beside the trace; in it files of modules without a build id, and sources, each under its path. */
#define PACK_FOLDER "debug"
#define PACK_FILES "files"
#define PACK_SOURCE "source"

struct debug_files;

/* A file that was found. fd -1: none was, and the rest is NULL. */
struct found_file {
    int fd;
    char *path;
    const char *packed; /* the folder of the pack that it is of; NULL: of none. Lives as long as debug_files */
};

/* `options` may be NULL. Ends the command, with a message and exit code 2, when --debuginfod cannot be done. */
struct debug_files *debug_files_open(const struct options *options);

/* The packs beside the model's traces serve from now on. */
void debug_files_add_model(struct debug_files *files, const struct model *model);

/* The module's file, or if there is none its separate debug file; *other: why none: a file with another build id stands at its
 * path. */
struct found_file debug_files_module(struct debug_files *files, const struct process *process,
                                     const struct module *module, bool *other);

/* What is known of a separate debug file. */
struct separate {
    const char *module; /* the path of the module, as the trace names it */
    const char *beside; /* the path where the module's file was found */
    const char *build_id;
    const char *link; /* what its .gnu_debuglink names; NULL: it has none */
    uint32_t sum;     /* and what is said of it there */
};
struct found_file debug_files_separate(struct debug_files *files, const struct separate *separate);

/* The alternate file of the debug file that was found as `beside`. */
struct found_file debug_files_alternate(struct debug_files *files, const char *beside, const char *name,
                                        const char *build_id);

/* Where the text of the source file `path` is here, if it is not at its path: in the pack, under --sysroot. NULL: nowhere else. The
 * caller's to free. `packed` may be NULL. */
char *debug_files_source(const struct debug_files *files, const char *packed, const char *path);

/* The pack of the process's trace; NULL: it has none. */
const char *debug_files_pack_of(const struct debug_files *files, const struct process *process);

/* "" when none; --sysroot. */
const char *debug_files_sysroot(const struct debug_files *files);

void debug_files_close(struct debug_files *files);

/* The path without "//", "." and ".." in it and without a slash at its begin; NULL when nothing is left. The caller's to free. */
char *debug_files_plain(const char *path);

/* A module's path as the trace has it, without " (deleted)"; the caller's to free. */
char *debug_files_path(const char *path);

/* The build id in hex, what an ELF file says of itself; "" when it says none. The caller's to free. */
char *debug_files_build_id(int fd);

/* `length` bytes as hex; the caller's to free. */
char *debug_files_hex(const void *bytes, size_t length);

/* Opens a regular file to read; -1: it is none, or cannot be read. */
int debug_files_read(const char *path);

#endif
