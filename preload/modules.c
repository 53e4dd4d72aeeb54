/* modules.c: see modules.h. A fixed array in reserved memory, appended to under a try-lock: who does not get it leaves the work
 * to the one who has it. Entries are never removed: an unloaded module's addresses may still be in a stack that is kept. */
#include "preload/modules.h"
#include "preload/coverage.h"
#include "preload/guard.h"
#include "preload/reserve.h"
#include "tracer/recorder.h"
#include "tracer/text.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <string.h>

#define MOST_MODULES 4096u

static struct rs_module *modules;
static uint32_t count; /* atomic; entries below it are complete */
static uint64_t seen_changes = ~0ull;
static char busy;

static struct rs_module_range range_in(const struct dl_phdr_info *info) {
    struct rs_module_range range = {~0ull, 0};
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[i];
        if (header->p_type != PT_LOAD) continue;
        uint64_t low = info->dlpi_addr + header->p_vaddr;
        if (low < range.low) range.low = low;
        if (low + header->p_memsz > range.high) range.high = low + header->p_memsz;
    }
    return range;
}

/* The build id in the notes that are mapped with the object. */
static void read_build_id(const struct dl_phdr_info *info, char *hex, size_t size) {
    struct rs_text text = rs_text_in(hex, size);
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[i];
        if (header->p_type != PT_NOTE) continue;
        const char *at = (const char *)(uintptr_t)(info->dlpi_addr + header->p_vaddr);
        const char *end = at + header->p_memsz;
        while (at + sizeof(ElfW(Nhdr)) <= end) {
            const ElfW(Nhdr) *note = (const ElfW(Nhdr) *)(const void *)at;
            const char *name = at + sizeof *note;
            const unsigned char *value = (const unsigned char *)name + ((note->n_namesz + 3) & ~3u);
            at = (const char *)value + ((note->n_descsz + 3) & ~3u);
            if (at > end) break;
            if (note->n_type != NT_GNU_BUILD_ID || note->n_namesz != 4 || memcmp(name, "GNU", 4)) continue;
            for (uint32_t byte = 0; byte < note->n_descsz; byte++) rs_text_digits(&text, value[byte], 16, 2);
            return;
        }
    }
}

static void record(const struct rs_module *module) {
    const char *strings[] = {module->path, module->build_id};
    struct rs_event_module event = {
        .header = {.id = RS_EVENT_module, .fd = -1},
        .module = (uint32_t)(module - modules) + 1,
        .base = module->base,
        .low = module->range.low,
        .high = module->range.high,
    };
    rs_record(&event, sizeof event, strings, 2, NULL, 0, true);
}

static void set_path(struct rs_module *module, const struct dl_phdr_info *info) {
    struct rs_text text = rs_text_in(module->path, sizeof module->path);
    if (info->dlpi_name && *info->dlpi_name) {
        rs_text_add(&text, info->dlpi_name);
        return;
    }
    long length = rs_sys(SYS_readlinkat, AT_FDCWD, "/proc/self/exe", module->path, sizeof module->path - 1);
    module->path[length > 0 ? length : 0] = 0;
}

/* Is it noted already? The same place and the same build: the same module. */
static bool known(const struct rs_module_range *range, const char *build_id) {
    for (uint32_t i = 0; i < count; i++) {
        const struct rs_module *module = &modules[i];
        if (module->range.low == range->low && module->range.high == range->high &&
            !strcmp(module->build_id, build_id)) {
            return true;
        }
    }
    return false;
}

/* liburing makes its system calls itself: that it is there is all that can be seen. */
static void look_for_uring(const char *path) {
    static const char name[] = "liburing.so";
    const char *slash = strrchr(path, '/');
    if (strncmp(slash ? slash + 1 : path, name, sizeof name - 1)) return;
    rs_coverage_reduced(RS_COVERAGE_IO_URING, "liburing is loaded: what goes through io_uring is not seen", NULL);
}

static int note_module(struct dl_phdr_info *info, size_t size, void *argument) {
    (void)size, (void)argument;
    struct rs_module fresh = {.range = range_in(info), .base = info->dlpi_addr};
    if (fresh.range.low >= fresh.range.high || count >= MOST_MODULES) return 0;
    read_build_id(info, fresh.build_id, sizeof fresh.build_id);
    if (known(&fresh.range, fresh.build_id)) return 0;
    modules[count] = fresh;
    set_path(&modules[count], info);
    __atomic_store_n(&count, count + 1, __ATOMIC_RELEASE);
    if (rs_tracing) record(&modules[count - 1]);
    look_for_uring(modules[count - 1].path);
    return 0;
}

/* Stops at the first object: all carry the counters. */
static int read_changes(struct dl_phdr_info *info, size_t size, void *argument) {
    (void)size;
    *(uint64_t *)argument = info->dlpi_adds + info->dlpi_subs;
    return 1;
}

void rs_modules_refresh(void) {
    uint64_t changes = 0;
    dl_iterate_phdr(read_changes, &changes);
    if (changes == __atomic_load_n(&seen_changes, __ATOMIC_RELAXED)) return;
    if (__atomic_test_and_set(&busy, __ATOMIC_ACQUIRE)) return;
    if (!modules) {
        modules = rs_reserve_private(MOST_MODULES, sizeof *modules);
    }
    if (modules) dl_iterate_phdr(note_module, NULL);
    __atomic_store_n(&seen_changes, changes, __ATOMIC_RELAXED);
    __atomic_clear(&busy, __ATOMIC_RELEASE);
}

void rs_modules_record_all(void) {
    uint32_t known_now = __atomic_load_n(&count, __ATOMIC_ACQUIRE);
    for (uint32_t i = 0; i < known_now; i++) record(&modules[i]);
}

const struct rs_module *rs_module_of(uint64_t address) {
    for (uint32_t i = __atomic_load_n(&count, __ATOMIC_ACQUIRE); i-- > 0;) {
        if (rs_in_range(&modules[i].range, address)) return &modules[i];
    }
    return NULL;
}

struct search {
    uint64_t address;
    struct rs_module_range found;
};

static int match_range(struct dl_phdr_info *info, size_t size, void *argument) {
    (void)size;
    struct search *search = argument;
    struct rs_module_range range = range_in(info);
    if (!rs_in_range(&range, search->address)) return 0;
    search->found = range;
    return 1;
}

struct rs_module_range rs_module_range_of(uint64_t address) {
    struct search search = {address, {0, 0}};
    dl_iterate_phdr(match_range, &search);
    return search.found;
}
