/* binary.c: see binary.h. */
#include "viewer/binary.h"
#include "viewer/symbols.h"
#include "viewer/text.h"

#include <elfutils/libdwelf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- opening ---- */

/* libdwfl's question for the separate debug file. (For an alternate one it asks, too, and gives no sum then: that is answered in
 * set_alternate, where its build id is at hand.) */
static int find_separate(Dwfl_Module *module, void **userdata, const char *name, Dwarf_Addr base, const char *file,
                         const char *link, GElf_Word sum, char **found_path) {
    struct binary *binary = *userdata;
    (void)module, (void)name, (void)base, (void)file;
    if (!binary || (link && !sum) || binary->separate) return -1;
    char *path = debug_files_path(binary->name);
    const struct separate wanted = {
        .module = path, .beside = binary->path, .build_id = binary->build_id, .link = link, .sum = sum};
    struct found_file found = debug_files_separate(binary->files, &wanted);
    free(path);
    if (found.fd < 0) return -1;
    binary->separate = found.path;
    *found_path = memory_copy(found.path); /* libdwfl frees it */
    return found.fd;
}

/* The file is given when the module is reported: nothing is left to find. */
static int find_nothing(Dwfl_Module *module, void **userdata, const char *name, Dwarf_Addr base, char **path,
                        Elf **elf) {
    (void)module, (void)userdata, (void)name, (void)base, (void)path, (void)elf;
    return -1;
}

static char no_folders[] = ":";
static char *no_folders_place = no_folders;

static const Dwfl_Callbacks callbacks = {
    .find_elf = find_nothing,
    .find_debuginfo = find_separate,
    .section_address = dwfl_offline_section_address,
    .debuginfo_path = &no_folders_place,
};

static void report_file(struct binary *binary, const struct found_file *found) {
    void **userdata = NULL;
    binary->dwfl = dwfl_begin(&callbacks);
    if (!binary->dwfl) {
        close(found->fd);
        return;
    }
    dwfl_report_begin(binary->dwfl);
    binary->module = dwfl_report_elf(binary->dwfl, symbols_basename(found->path), found->path, found->fd, 0, true);
    dwfl_report_end(binary->dwfl, NULL, NULL);
    if (!binary->module) {
        close(found->fd);
        text_complain("%s: cannot be read: %s: its frames have no names", found->path, dwfl_errmsg(-1));
        return;
    }
    dwfl_module_info(binary->module, &userdata, NULL, NULL, NULL, NULL, NULL, NULL);
    if (userdata) *userdata = binary;
}

/* Gives the DWARF the file that it shares with others: libdw would look for it, too, but not where we do. */
static void set_alternate(struct binary *binary) {
    Dwarf_Addr bias;
    Dwarf *dwarf = dwfl_module_getdwarf(binary->module, &bias);
    const char *name;
    const void *build_id;
    ssize_t length = dwarf ? dwelf_dwarf_gnu_debugaltlink(dwarf, &name, &build_id) : 0;
    if (length <= 0) return;
    binary->alternate_id = debug_files_hex(build_id, (size_t)length);
    struct found_file found = debug_files_alternate(binary->files, binary->separate ? binary->separate : binary->path,
                                                    name, binary->alternate_id);
    if (found.fd < 0) return;
    binary->alternate = found.path;
    binary->alternate_fd = found.fd;
    binary->alternate_dwarf = dwarf_begin(found.fd, DWARF_C_READ);
    if (binary->alternate_dwarf) dwarf_setalt(dwarf, binary->alternate_dwarf);
}

static void complain(const struct binary *binary) {
    if (!strchr(binary->name, '/')) return; /* the kernel's: [vdso] */
    if (binary->other)
        text_complain("%s: is not the file that ran (its build id is another): its frames have no names; --debug-dir "
                      "and --sysroot say where to look for the one with build id %s",
                      binary->name, binary->build_id);
    else
        text_complain(
            "%s: is not to be read here: its frames have no names; --debug-dir and --sysroot say where else to "
            "look",
            binary->name);
}

struct binary *binary_open(struct debug_files *files, const struct process *process, const struct module *module,
                           char *key) {
    struct binary *binary = memory_new(sizeof *binary);
    struct found_file found = debug_files_module(files, process, module, &binary->other);
    *binary = (struct binary){.key = key,
                              .name = module->path,
                              .build_id = module->build_id,
                              .path = found.path,
                              .packed = found.packed,
                              .other = binary->other,
                              .files = files,
                              .alternate_fd = -1};
    if (found.fd < 0) {
        complain(binary);
        return binary;
    }
    report_file(binary, &found);
    if (binary->module) set_alternate(binary);
    return binary;
}

void binary_close(struct binary *binary) {
    dwfl_end(binary->dwfl);
    dwarf_end(binary->alternate_dwarf);
    if (binary->alternate_fd >= 0) close(binary->alternate_fd);
    free(binary->ranges);
    free(binary->path);
    free(binary->separate);
    free(binary->alternate);
    free(binary->alternate_id);
    free(binary->key);
    free(binary);
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

Dwarf_Die *binary_unit(struct binary *binary, Dwarf_Addr address, Dwarf_Addr *bias) {
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

bool binary_is_signal_return(struct binary *binary, Dwarf_Addr address) {
    Dwarf_Addr bias = 0;
    Dwarf_Frame *frame = NULL;
    Dwarf_CFI *unwind = dwfl_module_eh_cfi(binary->module, &bias);
    bool signal = false;
    if (!unwind || dwarf_cfi_addrframe(unwind, address - bias, &frame)) return false;
    dwarf_frame_info(frame, NULL, NULL, &signal);
    free(frame);
    return signal;
}
