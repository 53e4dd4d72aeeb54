/* cmd_pack.c: `reqscope pack`: what names a trace's frames is put beside it, so that another machine can read it. symbols.c looks there
 * first.
 *
 *   TRACE/debug/.build-id/ab/cdef          a module's file without its code (elf_part.h)
 *               .build-id/ab/cdef.debug    its separate debug file; what it shares with others (dwz)
 *               files/PATH                 a module's file that has no build id
 *               source/PATH                source files that frames are of, with up to a MiB each
 *   TRACE/PROCESS/.perf.map                names of code that the process made as it ran (jit_map.h)
 *
 * Only modules that are in a stack of the trace. To pack again adds what has been found since; nothing is written anew. */
#include "tracer/folder.h"
#include "viewer/binary.h"
#include "viewer/commands.h"
#include "viewer/jit_map.h"
#include "viewer/output.h"
#include "viewer/store.h"
#include "viewer/symbols.h"
#include "viewer/text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SOURCE_MOST (1 << 20)

/* A module or a source file that is to be packed, once. */
struct item {
    const char *key;
    const struct binary *binary; /* or */
    const char *text;            /* where the source file is here */
    UT_hash_handle hh;
};

struct packing {
    struct symbols *symbols;
    struct store store;
    struct item *modules, *sources;
    uint64_t files, added, bytes, added_bytes, not_found;
    size_t source_count;
    bool failed;
};

/* "812 bytes", "1.2 MiB"; the caller's to free. */
static char *size_text(uint64_t bytes) {
    if (bytes < 1024) return memory_format("%" PRIu64 " bytes", bytes);
    if (bytes < 1 << 20) return memory_format("%.1f KiB", (double)bytes / 1024);
    return memory_format("%.1f MiB", (double)bytes / (1 << 20));
}

/* ---- what is to be packed ---- */

static void add_item(struct item **items, const char *key, const struct binary *binary, const char *text) {
    struct item *item;
    HASH_FIND_STR(*items, key, item);
    if (item) return;
    item = memory_new(sizeof *item);
    *item = (struct item){.key = key, .binary = binary, .text = text};
    HASH_ADD_KEYPTR(hh, *items, item->key, strlen(item->key), item);
}

static void add_stack(struct packing *packing, const struct process *process, const struct stack *stack) {
    size_t count;
    struct frame *frames = symbols_stack(packing->symbols, process, stack, &count);
    for (uint32_t i = 0; i < stack->count; i++) {
        const struct module *module;
        const struct binary *binary =
            symbols_binary(packing->symbols, process, stack->addresses[i], stack->time, &module);
        if (binary && strchr(module->path, '/')) add_item(&packing->modules, binary->key, binary, NULL);
    }
    for (size_t i = 0; i < count; i++)
        if (frames[i].path) add_item(&packing->sources, frames[i].path, NULL, frames[i].text);
    free(frames);
}

/* ---- packing it ---- */

/* Returns whether it is there now. */
static bool put(struct packing *packing, const struct store *store, const char *place, int from, bool part) {
    uint64_t size;
    enum store_result result = store_put(store, place, from, part, &size);
    packing->failed |= result == STORE_FAILED;
    if (result == STORE_FAILED) return false;
    packing->files++;
    packing->bytes += size;
    packing->added += result == STORE_ADDED;
    packing->added_bytes += result == STORE_ADDED ? size : 0;
    return true;
}

/* Opens the file here and puts it there. `place` is freed. */
static bool put_file(struct packing *packing, char *place, const char *path, bool part) {
    int from = debug_files_read(path);
    bool good = place && from >= 0 && put(packing, &packing->store, place, from, part);
    if (from >= 0) close(from);
    free(place);
    return good;
}

static char *place_of(const char *build_id, const char *suffix) {
    return memory_format(".build-id/%.2s/%s%s", build_id, build_id + 2, suffix);
}

static char *place_by_path(const char *kind, const char *path) {
    char *plain = debug_files_plain(path), *place = plain ? memory_format("%s/%s", kind, plain) : NULL;
    free(plain);
    return place;
}

/* Without a build id the link to the separate file goes by its name, beside, and its bytes' sum. */
static void put_unidentified(struct packing *packing, const struct binary *binary) {
    char *path = debug_files_path(binary->name), *place = place_by_path(PACK_FILES, path), *slash;
    free(path);
    if (!place) return;
    if (binary->separate && (slash = strrchr(place, '/')))
        put_file(packing, memory_format("%.*s/%s", (int)(slash - place), place, symbols_basename(binary->separate)),
                 binary->separate, false);
    put_file(packing, place, binary->path, true);
}

static void put_module(struct packing *packing, const struct binary *binary) {
    char *size = NULL;
    uint64_t before = packing->bytes, added = packing->added;
    if (!binary->module) {
        packing->not_found++;
        printf("  not found      ");
    } else {
        if (!*binary->build_id) {
            put_unidentified(packing, binary);
        } else {
            put_file(packing, place_of(binary->build_id, ""), binary->path, true);
            if (binary->separate) put_file(packing, place_of(binary->build_id, ".debug"), binary->separate, true);
        }
        if (binary->alternate) put_file(packing, place_of(binary->alternate_id, ".debug"), binary->alternate, true);
        size = size_text(packing->bytes - before);
        printf("  %-14s ", packing->added > added ? "put there" : "there already");
    }
    printf("%10s  ", size ? size : "");
    output_text(stdout, binary->name, 0);
    if (!binary->module && *binary->build_id) {
        printf("  build id ");
        output_text(stdout, binary->build_id, 0);
    } else if (binary->separate) {
        printf("  with its debug file");
    }
    putchar('\n');
    free(size);
}

static void put_source(struct packing *packing, const struct item *item) {
    struct stat status;
    int from = debug_files_read(item->text);
    char *place = place_by_path(PACK_SOURCE, item->key);
    if (from >= 0 && place && !fstat(from, &status) && status.st_size <= SOURCE_MOST)
        packing->source_count += put(packing, &packing->store, place, from, false);
    if (from >= 0) close(from);
    free(place);
}

/* Into the process's own folder, where the guard would have put it. */
static void put_perf_map(struct packing *packing, const struct process *process, const char *sysroot) {
    char *path = jit_map_path(process, sysroot);
    int from = path ? debug_files_read(path) : -1;
    struct store store;
    if (from >= 0 && store_open(&store, process->folder, NULL)) {
        uint64_t added = packing->added;
        put(packing, &store, RS_FOLDER_PERF_MAP, from, false);
        printf("  %-14s             the perf map of pid %" PRIu32 "\n",
               packing->added > added ? "put there" : "there already", process->pid);
        store_close(&store);
    }
    if (from >= 0) close(from);
    free(path);
}

/* ---- a trace ---- */

/* Is the process's trace this folder, or in it? */
static bool is_of(const struct process *process, const char *folder) {
    char *real = realpath(process->folder, NULL), *slash = real ? strrchr(real, '/') : NULL;
    bool itself = real && !strcmp(real, folder);
    if (slash) slash[slash == real] = 0;
    bool inside = real && !strcmp(real, folder);
    free(real);
    return itself || inside;
}

static void collect(struct packing *packing, const struct model *model, const char *folder) {
    for (size_t i = 0; i < model->process_count; i++) {
        const struct process *process = model->processes[i];
        if (!is_of(process, folder)) continue;
        for (const struct stack *stack = process->stacks; stack; stack = stack->hh.next)
            add_stack(packing, process, stack);
    }
}

static void forget_items(struct item **items) {
    struct item *item = *items, *next;
    HASH_CLEAR(hh, *items); /* leaves the elements linked */
    for (; item; item = next) {
        next = item->hh.next;
        free(item);
    }
}

static void put_all(struct packing *packing, const struct options *options, const struct model *model,
                    const char *folder) {
    for (const struct item *item = packing->modules; item; item = item->hh.next) put_module(packing, item->binary);
    for (const struct item *item = packing->sources; item; item = item->hh.next) put_source(packing, item);
    for (size_t i = 0; i < model->process_count; i++)
        if (is_of(model->processes[i], folder))
            put_perf_map(packing, model->processes[i], options->sysroot ? options->sysroot : "");
}

static void print_sum(const struct packing *packing) {
    char *all = size_text(packing->bytes), *added = size_text(packing->added_bytes);
    printf("  %zu of %u source files that the frames name were found\n", packing->source_count,
           HASH_COUNT(packing->sources));
    printf("%" PRIu64 " files, %s; put there now: %" PRIu64 ", %s", packing->files, all, packing->added, added);
    if (packing->not_found) printf("; modules that were not found: %" PRIu64, packing->not_found);
    putchar('\n');
    free(all);
    free(added);
}

static bool pack(struct symbols *symbols, const struct options *options, const struct model *model,
                 const char *folder) {
    struct packing packing = {.symbols = symbols};
    char *real = realpath(folder, NULL);
    if (!real || !store_open(&packing.store, real, PACK_FOLDER)) {
        free(real);
        return false;
    }
    collect(&packing, model, real);
    output_text(stdout, folder, 0);
    printf("/" PACK_FOLDER ":\n");
    put_all(&packing, options, model, real);
    print_sum(&packing);
    forget_items(&packing.modules);
    forget_items(&packing.sources);
    store_close(&packing.store);
    free(real);
    return !packing.failed;
}

int cmd_pack(const struct options *options, const struct model *model, bool usable) {
    struct symbols *symbols = symbols_open(options);
    bool good = true;
    (void)usable;
    for (int i = 0; i < options->operand_count; i++) good &= pack(symbols, options, model, options->operands[i]);
    symbols_close(symbols);
    return good ? EXIT_DONE : EXIT_UNUSABLE;
}
