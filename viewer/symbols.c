/* symbols.c: see symbols.h. Each module's file is opened once (binary.h), each process's map of generated code is read once
 * (jit_map.h), and what an address means is kept. */
#include "viewer/symbols.h"
#include "viewer/binary.h"
#include "viewer/jit_map.h"
#include "viewer/text.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 256         /* of blocks and functions inside of each other */
#define VISITS_MAX (1u << 22) /* entries that are looked at for one address: a file may lead in circles */

/* The names of what a process has made as it ran. */
struct generated {
    const struct process *process;
    struct jit_map *map; /* NULL: it has none */
    UT_hash_handle hh;
};

/* An address of a file that was looked up: the same for all processes that have mapped it. */
struct resolved {
    struct {
        const void *holder; /* struct binary or struct generated; NULL: nothing was there */
        uint64_t address;   /* the file's own */
        uint64_t exact;
    } key;
    struct frame *frames;
    size_t count, space;
    bool signal; /* what the next frame's address is of was interrupted here by a signal */
    UT_hash_handle hh;
};

struct symbols {
    struct debug_files *files;
    struct binary *binaries;
    struct generated *generated;
    struct resolved *resolved;
    char **texts; /* that frames point to */
    size_t text_count, text_space;
};

const char *symbols_basename(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

struct symbols *symbols_open(const struct options *options) {
    struct symbols *symbols = memory_new(sizeof *symbols);
    symbols->files = debug_files_open(options);
    return symbols;
}

/* ---- files ---- */

static struct binary *find_binary(struct symbols *symbols, const struct process *process, const struct module *module) {
    struct binary *binary;
    char *key = memory_format("%s\n%s", module->path, module->build_id);
    const char *pack = *module->build_id ? NULL : debug_files_pack_of(symbols->files, process);
    if (pack) {
        char *own = memory_format("%s\n%s", key, pack);
        free(key);
        key = own;
    }
    HASH_FIND_STR(symbols->binaries, key, binary);
    if (binary) {
        free(key);
        return binary;
    }
    binary = binary_open(symbols->files, process, module, key);
    HASH_ADD_KEYPTR(hh, symbols->binaries, binary->key, strlen(binary->key), binary);
    return binary;
}

static struct generated *read_generated(struct symbols *symbols, const struct process *process) {
    struct generated *generated = memory_new(sizeof *generated);
    char *path = jit_map_path(process, debug_files_sysroot(symbols->files));
    generated->process = process;
    generated->map = path ? jit_map_read(path) : NULL;
    free(path);
    HASH_ADD_PTR(symbols->generated, process, generated);
    return generated;
}

/* The map of the process that has a name for the address: its own, or what it has inherited from those that forked it. */
static const struct generated *find_generated(struct symbols *symbols, const struct process *process, uint64_t address,
                                              const char **name) {
    for (; process; process = process->parent) {
        struct generated *generated;
        HASH_FIND_PTR(symbols->generated, &process, generated);
        if (!generated) generated = read_generated(symbols, process);
        *name = generated->map ? jit_map_find(generated->map, address) : NULL;
        if (*name) return generated;
    }
    return NULL;
}

/* ---- compilation units ---- */

/* Where the unit's functions are: with -gsplit-dwarf in a file of their own. */
static Dwarf_Die whole_unit(Dwarf_Die *unit) {
    Dwarf_Die split = {0};
    uint8_t type = 0;
    bool found = !dwarf_cu_info(unit->cu, NULL, &type, NULL, &split, NULL, NULL, NULL);
    return found && type == DW_UT_skeleton && split.addr ? split : *unit;
}

/* ---- one address ---- */

static const char *keep_text(struct symbols *symbols, char *text) {
    symbols->texts = memory_grow(symbols->texts, &symbols->text_space, symbols->text_count + 1, sizeof text);
    return symbols->texts[symbols->text_count++] = text;
}

static struct frame *add_frame(struct resolved *resolved, const struct module *module) {
    resolved->frames = memory_grow(resolved->frames, &resolved->space, resolved->count + 1, sizeof *resolved->frames);
    resolved->frames[resolved->count] = (struct frame){0}; /* its address is the asking process's */
    if (module) {
        resolved->frames[resolved->count].module = symbols_basename(module->path);
        resolved->frames[resolved->count].offset = resolved->key.address;
    }
    return &resolved->frames[resolved->count++];
}

/* Where the frame stands in its source; `folder` is what a relative path begins at, `pack` where the source may be, too. */
static void set_source(struct symbols *symbols, struct frame *frame, const char *pack, const char *path,
                       const char *folder, int line, int column) {
    char *text;
    if (!path) return;
    frame->path =
        keep_text(symbols, *path == '/' || !folder ? memory_copy(path) : memory_format("%s/%s", folder, path));
    frame->file = symbols_basename(frame->path);
    text = debug_files_source(symbols->files, pack, frame->path);
    frame->text = text ? keep_text(symbols, text) : frame->path;
    frame->line = line;
    frame->column = column;
}

static bool is_function(Dwarf_Die *die) {
    int tag = dwarf_tag(die);
    return tag == DW_TAG_subprogram || tag == DW_TAG_inlined_subroutine || tag == DW_TAG_entry_point;
}

static const char *compilation_folder(Dwarf_Die *unit) {
    Dwarf_Attribute attribute;
    return dwarf_formstring(dwarf_attr(unit, DW_AT_comp_dir, &attribute));
}

static int read_number(Dwarf_Die *die, unsigned name) {
    Dwarf_Attribute attribute;
    Dwarf_Word value = 0;
    if (dwarf_formudata(dwarf_attr(die, name, &attribute), &value) || value > INT32_MAX) return 0;
    return (int)value;
}

/* The functions that an address is in, the outermost first. */
struct functions {
    Dwarf_Die *dies;
    size_t count, space, visits;
};

/* The next entry of the same parent. One that stands before this one would lead in circles. */
static bool next_entry(struct functions *functions, Dwarf_Die *die) {
    const void *place = die->addr;
    return ++functions->visits < VISITS_MAX && !dwarf_siblingof(die, die) && die->addr > place;
}

/* Walks down to the address. libdw's own dwarf_getscopes gives nothing for what link-time optimisation inlined from
 * another unit. Returns true when it was found below `parent`. */
static bool find_functions(struct functions *functions, Dwarf_Die *parent, Dwarf_Addr address, int depth) {
    Dwarf_Die die;
    bool more = depth < DEPTH_MAX && !dwarf_child(parent, &die);
    for (; more; more = next_entry(functions, &die)) {
        int tag = dwarf_tag(&die);
        bool code =
            is_function(&die) || tag == DW_TAG_lexical_block || tag == DW_TAG_try_block || tag == DW_TAG_catch_block;
        bool holder = tag == DW_TAG_namespace || tag == DW_TAG_module || tag == DW_TAG_class_type ||
                      tag == DW_TAG_structure_type || tag == DW_TAG_union_type;
        if (holder && find_functions(functions, &die, address, depth + 1)) return true;
        if (!code || dwarf_haspc(&die, address) <= 0) continue;
        if (is_function(&die)) {
            functions->dies =
                memory_grow(functions->dies, &functions->space, functions->count + 1, sizeof *functions->dies);
            functions->dies[functions->count++] = die;
        }
        find_functions(functions, &die, address, depth + 1);
        return true;
    }
    return false;
}

/* Adds a frame for each function whose code the address is in, from the innermost inlined one out to the real one. An
 * outer frame's line is where the inner one was called. */
static void add_functions(struct symbols *symbols, struct resolved *resolved, const struct module *module,
                          const char *pack, Dwarf_Die *unit, const struct functions *functions) {
    struct frame *frame = add_frame(resolved, module);
    Dwarf_Files *files = NULL;
    size_t file_count = 0, file;
    for (size_t i = functions->count; i--;) {
        Dwarf_Die *function = &functions->dies[i];
        frame->function = dwarf_diename(function);
        frame->inlined = dwarf_tag(function) == DW_TAG_inlined_subroutine;
        if (!frame->inlined) return;
        if (!files && dwarf_getsrcfiles(unit, &files, &file_count)) return;
        file = (size_t)read_number(function, DW_AT_call_file);
        frame = add_frame(resolved, module);
        if (file < file_count)
            set_source(symbols, frame, pack, dwarf_filesrc(files, file, NULL, NULL), compilation_folder(unit),
                       read_number(function, DW_AT_call_line), read_number(function, DW_AT_call_column));
    }
}

/* The line of the innermost frame: the others' are where what is inlined in them was called. */
static void set_line(struct symbols *symbols, struct frame *frame, const char *pack, Dwarf_Die *unit,
                     Dwarf_Addr address) {
    Dwarf_Line *line = dwarf_getsrc_die(unit, address);
    int number = 0, column = 0;
    if (!line) return;
    dwarf_lineno(line, &number);
    dwarf_linecol(line, &column);
    set_source(symbols, frame, pack, dwarf_linesrc(line, NULL, NULL), compilation_folder(unit), number, column);
}

static void resolve_in(struct symbols *symbols, struct binary *binary, struct resolved *resolved,
                       const struct module *module) {
    Dwarf_Addr address = resolved->key.address - (resolved->key.exact ? 0 : 1), bias = 0;
    struct functions functions = {0};
    struct frame *outermost;
    Dwarf_Die *unit, whole;
    if (!binary->module) return;
    resolved->signal = binary_is_signal_return(binary, resolved->key.address);
    if (resolved->signal) {
        add_frame(resolved, module)->function = "<signal handler called>";
        return;
    }
    unit = binary_unit(binary, address, &bias);
    if (unit) {
        whole = whole_unit(unit);
        find_functions(&functions, &whole, address - bias, 0);
        if (functions.count) add_functions(symbols, resolved, module, binary->packed, &whole, &functions);
        free(functions.dies);
    }
    if (!resolved->count) add_frame(resolved, module);
    if (unit) set_line(symbols, &resolved->frames[0], binary->packed, unit, address - bias);
    outermost = &resolved->frames[resolved->count - 1];
    outermost->symbol = dwfl_module_addrname(binary->module, address);
    if (!outermost->function) outermost->function = outermost->symbol;
}

/* The module that the address was in when the stack was taken: the last one that came there before. */
static const struct module *find_module(const struct process *process, uint64_t address, uint64_t time) {
    const struct module *found = NULL;
    for (size_t i = 0; i < process->module_count; i++) {
        const struct module *module = &process->modules[i];
        if (address < module->low || address >= module->high) continue;
        if (!found || module->time <= time) found = module;
    }
    return found;
}

static void resolve_generated(struct symbols *symbols, const struct process *process, struct resolved *resolved,
                              const char *name) {
    struct jit_name parts = jit_name_of(name);
    struct frame *frame = add_frame(resolved, NULL);
    frame->generated = true;
    frame->module = "[jit]";
    frame->offset = resolved->key.address;
    frame->function = keep_text(symbols, parts.function);
    if (!parts.path) return;
    set_source(symbols, frame, debug_files_pack_of(symbols->files, process), parts.path, NULL, parts.line,
               parts.column);
    free(parts.path);
}

static const struct resolved *resolve(struct symbols *symbols, const struct process *process, uint64_t address,
                                      uint64_t time, bool exact) {
    const struct module *module = find_module(process, address, time);
    struct binary *binary = module ? find_binary(symbols, process, module) : NULL;
    const char *name = NULL;
    const struct generated *generated =
        module ? NULL : find_generated(symbols, process, address - (exact ? 0 : 1), &name);
    struct resolved *found, *added = memory_new(sizeof *added);
    added->key.holder = module ? (const void *)binary : generated;
    added->key.address = module ? address - module->base : address;
    added->key.exact = exact;
    HASH_FIND(hh, symbols->resolved, &added->key, sizeof added->key, found);
    if (found) {
        free(added);
        return found;
    }
    if (binary) resolve_in(symbols, binary, added, module);
    if (generated) resolve_generated(symbols, process, added, name);
    if (!added->count) add_frame(added, module);
    HASH_ADD(hh, symbols->resolved, key, sizeof added->key, added);
    return added;
}

const struct binary *symbols_binary(struct symbols *symbols, const struct process *process, uint64_t address,
                                    uint64_t time, const struct module **module) {
    debug_files_add_model(symbols->files, process->model);
    *module = find_module(process, address, time);
    return *module ? find_binary(symbols, process, *module) : NULL;
}

struct frame *symbols_stack(struct symbols *symbols, const struct process *process, const struct stack *stack,
                            size_t *count) {
    struct frame *frames = NULL;
    size_t space = 0;
    bool exact = false;
    *count = 0;
    debug_files_add_model(symbols->files, process->model);
    for (uint32_t i = 0; stack && i < stack->count; i++) {
        const struct resolved *resolved = resolve(symbols, process, stack->addresses[i], stack->time, exact);
        frames = memory_grow(frames, &space, *count + resolved->count, sizeof *frames);
        memcpy(frames + *count, resolved->frames, resolved->count * sizeof *frames);
        for (size_t last = *count + resolved->count; *count < last; ++*count)
            frames[*count].address = stack->addresses[i];
        exact = resolved->signal;
    }
    return frames;
}

void symbols_close(struct symbols *symbols) {
    struct binary *binary, *next_binary;
    struct generated *generated, *next_generated;
    struct resolved *resolved, *next_resolved;
    if (!symbols) return;
    binary = symbols->binaries;
    HASH_CLEAR(hh, symbols->binaries); /* leaves the elements linked */
    for (; binary; binary = next_binary) {
        next_binary = binary->hh.next;
        binary_close(binary);
    }
    generated = symbols->generated;
    HASH_CLEAR(hh, symbols->generated);
    for (; generated; generated = next_generated) {
        next_generated = generated->hh.next;
        jit_map_free(generated->map);
        free(generated);
    }
    resolved = symbols->resolved;
    HASH_CLEAR(hh, symbols->resolved);
    for (; resolved; resolved = next_resolved) {
        next_resolved = resolved->hh.next;
        free(resolved->frames);
        free(resolved);
    }
    for (size_t i = 0; i < symbols->text_count; i++) free(symbols->texts[i]);
    free(symbols->texts);
    debug_files_close(symbols->files);
    free(symbols);
}
