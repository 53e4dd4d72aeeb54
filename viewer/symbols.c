/* symbols.c: see symbols.h. Each file is opened once, by itself, at address 0: the process's own addresses minus the
 * module's load bias are the file's. What an address means is kept. */
#include "viewer/symbols.h"
#include "viewer/text.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEPTH_MAX 256 /* of blocks and functions inside of each other */

/* Which compilation unit some code is of. */
struct range {
    Dwarf_Addr low, high;
    Dwarf_Die unit;
};

/* A file with code in it; module NULL: nothing is known of it. */
struct binary {
    char *key; /* path, newline, build id */
    Dwfl *dwfl;
    Dwfl_Module *module;
    struct range *ranges; /* in order; made when the file's own index (.debug_aranges) fails, as clang writes none */
    size_t range_count, range_space;
    bool ranges_made;
    UT_hash_handle hh;
};

/* An address of a file that was looked up: the same for all processes that have mapped it. */
struct resolved {
    struct {
        const struct binary *binary; /* NULL: no module was there */
        uint64_t address;            /* the file's own */
        uint64_t exact;
    } key;
    struct frame *frames;
    size_t count, space;
    bool signal; /* what the next frame's address is of was interrupted here by a signal */
    UT_hash_handle hh;
};

struct symbols {
    struct binary *binaries;
    struct resolved *resolved;
    char **texts; /* that frames point to */
    size_t text_count, text_space;
};

static char debug_path[] = ":.debug:/usr/lib/debug";
static char *debug_path_place = debug_path;

static const Dwfl_Callbacks callbacks = {
    .find_elf = dwfl_build_id_find_elf,
    .find_debuginfo = dwfl_standard_find_debuginfo,
    .section_address = dwfl_offline_section_address,
    .debuginfo_path = &debug_path_place,
};

const char *symbols_basename(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

struct symbols *symbols_open(const struct options *options) {
    (void)options;
    return memory_new(sizeof(struct symbols));
}

/* ---- files ---- */

static bool has_build_id(Dwfl_Module *module, const char *expected) {
    const unsigned char *bits;
    GElf_Addr address;
    GElf_Addr bias;
    int length;
    char hex[129];
    if (!*expected) return true;
    if (!dwfl_module_getelf(module, &bias)) return false;
    length = dwfl_module_build_id(module, &bits, &address);
    if (length <= 0 || (size_t)length * 2 >= sizeof hex) return false;
    for (int i = 0; i < length; i++) snprintf(hex + 2 * (size_t)i, 3, "%02x", bits[i]);
    return !strcasecmp(hex, expected);
}

static void open_binary(struct binary *binary, const struct module *module) {
    int fd;
    if (module->path[0] != '/') return; /* [vdso] */
    fd = open(module->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        text_complain("%s: cannot be read: %s: its frames have no names", module->path, strerror(errno));
        return;
    }
    binary->dwfl = dwfl_begin(&callbacks);
    if (!binary->dwfl) {
        close(fd);
        return;
    }
    dwfl_report_begin(binary->dwfl);
    binary->module = dwfl_report_elf(binary->dwfl, symbols_basename(module->path), module->path, fd, 0, true);
    dwfl_report_end(binary->dwfl, NULL, NULL);
    if (!binary->module) {
        close(fd);
        text_complain("%s: cannot be read: %s: its frames have no names", module->path, dwfl_errmsg(-1));
    } else if (!has_build_id(binary->module, module->build_id)) {
        text_complain("%s: is not the file that ran (its build id is another): its frames have no names", module->path);
        binary->module = NULL;
    }
}

static struct binary *find_binary(struct symbols *symbols, const struct module *module) {
    struct binary *binary;
    char *key = memory_format("%s\n%s", module->path, module->build_id);
    HASH_FIND_STR(symbols->binaries, key, binary);
    if (binary) {
        free(key);
        return binary;
    }
    binary = memory_new(sizeof *binary);
    binary->key = key;
    open_binary(binary, module);
    HASH_ADD_KEYPTR(hh, symbols->binaries, binary->key, strlen(binary->key), binary);
    return binary;
}

/* ---- compilation units ---- */

static int compare_ranges(const void *left, const void *right) {
    const struct range *a = left, *b = right;
    return (a->low > b->low) - (a->low < b->low);
}

static void add_ranges(struct binary *binary, Dwarf_Die *unit) {
    Dwarf_Addr base, low, high;
    ptrdiff_t at = 0;
    while ((at = dwarf_ranges(unit, at, &base, &low, &high)) > 0) {
        binary->ranges =
            memory_grow(binary->ranges, &binary->range_space, binary->range_count + 1, sizeof *binary->ranges);
        binary->ranges[binary->range_count++] = (struct range){low, high, *unit};
    }
}

static void make_ranges(struct binary *binary) {
    Dwarf_Addr bias;
    Dwarf_Die *unit = NULL;
    binary->ranges_made = true;
    while ((unit = dwfl_module_nextcu(binary->module, unit, &bias))) add_ranges(binary, unit);
    if (binary->range_count) qsort(binary->ranges, binary->range_count, sizeof *binary->ranges, compare_ranges);
}

/* The compilation unit of the code at `address`; NULL when the file says nothing of it. */
static Dwarf_Die *find_unit(struct binary *binary, Dwarf_Addr address, Dwarf_Addr *bias) {
    Dwarf_Die *unit = dwfl_module_addrdie(binary->module, address, bias);
    size_t low = 0, high;
    if (unit || !dwfl_module_getdwarf(binary->module, bias)) return unit;
    if (!binary->ranges_made) make_ranges(binary);
    high = binary->range_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (binary->ranges[middle].low <= address - *bias)
            low = middle + 1;
        else
            high = middle;
    }
    return low && address - *bias < binary->ranges[low - 1].high ? &binary->ranges[low - 1].unit : NULL;
}

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

/* Where the frame stands in its source; `folder` is what a relative path begins at. */
static void set_source(struct symbols *symbols, struct frame *frame, const char *path, const char *folder, int line,
                       int column) {
    if (!path) return;
    frame->path =
        keep_text(symbols, *path == '/' || !folder ? memory_copy(path) : memory_format("%s/%s", folder, path));
    frame->file = symbols_basename(frame->path);
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
    size_t count, space;
};

/* Walks down to the address. libdw's own dwarf_getscopes gives nothing for what link-time optimisation inlined from
 * another unit. Returns true when it was found below `parent`. */
static bool find_functions(struct functions *functions, Dwarf_Die *parent, Dwarf_Addr address, int depth) {
    Dwarf_Die die;
    bool more = depth < DEPTH_MAX && !dwarf_child(parent, &die);
    for (; more; more = !dwarf_siblingof(&die, &die)) {
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
                          Dwarf_Die *unit, const struct functions *functions) {
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
            set_source(symbols, frame, dwarf_filesrc(files, file, NULL, NULL), compilation_folder(unit),
                       read_number(function, DW_AT_call_line), read_number(function, DW_AT_call_column));
    }
}

/* The line of the innermost frame: the others' are where what is inlined in them was called. */
static void set_line(struct symbols *symbols, struct frame *frame, Dwarf_Die *unit, Dwarf_Addr address) {
    Dwarf_Line *line = dwarf_getsrc_die(unit, address);
    int number = 0, column = 0;
    if (!line) return;
    dwarf_lineno(line, &number);
    dwarf_linecol(line, &column);
    set_source(symbols, frame, dwarf_linesrc(line, NULL, NULL), compilation_folder(unit), number, column);
}

/* Is it where a signal handler returns to? The unwind tables say so. */
static bool is_signal_return(struct binary *binary, Dwarf_Addr address) {
    Dwarf_Addr bias = 0;
    Dwarf_Frame *frame = NULL;
    Dwarf_CFI *unwind = dwfl_module_eh_cfi(binary->module, &bias);
    bool signal = false;
    if (!unwind || dwarf_cfi_addrframe(unwind, address - bias, &frame)) return false;
    dwarf_frame_info(frame, NULL, NULL, &signal);
    free(frame);
    return signal;
}

static void resolve_in(struct symbols *symbols, struct binary *binary, struct resolved *resolved,
                       const struct module *module) {
    Dwarf_Addr address = resolved->key.address - (resolved->key.exact ? 0 : 1), bias = 0;
    struct functions functions = {0};
    struct frame *outermost;
    Dwarf_Die *unit, whole;
    if (!binary->module) return;
    resolved->signal = is_signal_return(binary, resolved->key.address);
    if (resolved->signal) {
        add_frame(resolved, module)->function = "<signal handler called>";
        return;
    }
    unit = find_unit(binary, address, &bias);
    if (unit) {
        whole = whole_unit(unit);
        find_functions(&functions, &whole, address - bias, 0);
        if (functions.count) add_functions(symbols, resolved, module, &whole, &functions);
        free(functions.dies);
    }
    if (!resolved->count) add_frame(resolved, module);
    if (unit) set_line(symbols, &resolved->frames[0], unit, address - bias);
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

static const struct resolved *resolve(struct symbols *symbols, const struct process *process, uint64_t address,
                                      uint64_t time, bool exact) {
    const struct module *module = find_module(process, address, time);
    struct binary *binary = module ? find_binary(symbols, module) : NULL;
    struct resolved *found, *added = memory_new(sizeof *added);
    added->key.binary = binary;
    added->key.address = module ? address - module->base : address;
    added->key.exact = exact;
    HASH_FIND(hh, symbols->resolved, &added->key, sizeof added->key, found);
    if (found) {
        free(added);
        return found;
    }
    if (binary) resolve_in(symbols, binary, added, module);
    if (!added->count) add_frame(added, module);
    HASH_ADD(hh, symbols->resolved, key, sizeof added->key, added);
    return added;
}

struct frame *symbols_stack(struct symbols *symbols, const struct process *process, const struct stack *stack,
                            size_t *count) {
    struct frame *frames = NULL;
    size_t space = 0;
    bool exact = false;
    *count = 0;
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
    struct resolved *resolved, *next_resolved;
    if (!symbols) return;
    binary = symbols->binaries;
    HASH_CLEAR(hh, symbols->binaries); /* leaves the elements linked */
    for (; binary; binary = next_binary) {
        next_binary = binary->hh.next;
        dwfl_end(binary->dwfl);
        free(binary->ranges);
        free(binary->key);
        free(binary);
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
    free(symbols);
}
