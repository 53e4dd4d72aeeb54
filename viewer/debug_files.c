/* debug_files.c: see debug_files.h. A file is opened, asked for its build id, and closed again if that is another one: what a path
 * or a name says is only where to look. */
#include "viewer/debug_files.h"
#include "viewer/debuginfod.h"
#include "viewer/text.h"

#include <elfutils/libdwelf.h>
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DELETED " (deleted)"
#define BUILD_ID_MOST 64 /* bytes; those of today's linkers have 8 to 32 */

struct debug_files {
    const char *sysroot; /* "": none */
    int root;            /* the folder --sysroot; -1: none */
    char **folders;      /* debug folders */
    size_t folder_count, folder_space;
    char **packs;
    size_t pack_count, pack_space;
    const struct model *model; /* whose packs are known already */
    struct debuginfod *debuginfod;
};

/* By what a file is known to be the one. */
struct proof {
    const char *build_id; /* "": there is none */
    const uint32_t *sum;  /* without a build id: what its bytes sum up to; NULL: nothing is known of them */
    bool with_dwarf;
    bool other; /* one was passed over as it has another build id */
};

/* ---- paths ---- */

char *debug_files_plain(const char *path) {
    char *plain = memory_new(strlen(path) + 2);
    size_t length = 0;
    while (*path) {
        size_t part = strcspn(path, "/");
        if (part == 2 && path[0] == '.' && path[1] == '.') {
            while (length && plain[--length] != '/') continue;
        } else if (part && !(part == 1 && *path == '.')) {
            if (length) plain[length++] = '/';
            memcpy(plain + length, path, part);
            length += part;
        }
        path += part;
        path += strspn(path, "/");
    }
    plain[length] = 0;
    if (length) return plain;
    free(plain);
    return NULL;
}

char *debug_files_path(const char *path) {
    size_t length = strlen(path), suffix = strlen(DELETED);
    bool deleted = length > suffix && !strcmp(path + length - suffix, DELETED);
    return memory_format("%.*s", (int)(deleted ? length - suffix : length), path);
}

/* The folder of a path, without its slash; the caller's to free. */
static char *folder_of(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? memory_format("%.*s", (int)(slash - path), path) : memory_copy(".");
}

static const char *name_of(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static bool is_folder(const char *path) {
    struct stat status;
    return !stat(path, &status) && S_ISDIR(status.st_mode);
}

static void add_folder(char ***folders, size_t *count, size_t *space, char *folder) {
    for (size_t i = 0; i < *count; i++) {
        if (strcmp((*folders)[i], folder) != 0) continue;
        free(folder);
        return;
    }
    *folders = memory_grow(*folders, space, *count + 1, sizeof **folders);
    (*folders)[(*count)++] = folder;
}

/* ---- what a file is ---- */

static int only_regular(int fd) {
    struct stat status;
    if (fd < 0) return -1;
    if (!fstat(fd, &status) && S_ISREG(status.st_mode)) return fd;
    close(fd);
    errno = EINVAL;
    return -1;
}

#define TO_READ (O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)

int debug_files_read(const char *path) {
    return only_regular(open(path, TO_READ));
}

char *debug_files_hex(const void *bytes, size_t length) {
    const unsigned char *byte = bytes;
    char *hex = memory_new(2 * length + 1);
    for (size_t i = 0; i < length; i++) snprintf(hex + 2 * i, 3, "%02x", byte[i]);
    return hex;
}

/* Of a build id in a trace nothing is known: it becomes part of a path. */
static bool is_build_id(const char *text) {
    size_t length = strspn(text, "0123456789abcdefABCDEF");
    return length >= 4 && length % 2 == 0 && length <= 2 * BUILD_ID_MOST && !text[length];
}

static char *build_id_of(Elf *elf) {
    const void *bytes;
    ssize_t length = elf ? dwelf_elf_gnu_build_id(elf, &bytes) : -1;
    return length > 0 && length <= BUILD_ID_MOST ? debug_files_hex(bytes, (size_t)length) : memory_copy("");
}

char *debug_files_build_id(int fd) {
    elf_version(EV_CURRENT);
    Elf *elf = elf_begin(fd, ELF_C_READ, NULL);
    char *build_id = build_id_of(elf);
    elf_end(elf);
    return build_id;
}

static bool has_dwarf(Elf *elf) {
    size_t names;
    if (elf_getshdrstrndx(elf, &names)) return false;
    for (Elf_Scn *section = NULL; (section = elf_nextscn(elf, section));) {
        GElf_Shdr header;
        const char *name = gelf_getshdr(section, &header) && header.sh_type != SHT_NOBITS
                               ? elf_strptr(elf, names, header.sh_name)
                               : "";
        if (name && (!strcmp(name, ".debug_info") || !strcmp(name, ".zdebug_info"))) return true;
    }
    return false;
}

/* What .gnu_debuglink has of its file: the CRC of IEEE 802.3, over all bytes. */
static bool sum_up(int fd, uint32_t *sum) {
    unsigned char bytes[1 << 14];
    uint32_t rest = ~0u, table[256];
    off_t at = 0;
    ssize_t length;
    for (uint32_t i = 0; i < 256; i++) {
        table[i] = i;
        for (int bit = 0; bit < 8; bit++) table[i] = table[i] >> 1 ^ (table[i] & 1 ? 0xEDB88320u : 0);
    }
    while ((length = pread(fd, bytes, sizeof bytes, at)) > 0) {
        for (ssize_t i = 0; i < length; i++) rest = table[(rest ^ bytes[i]) & 255] ^ rest >> 8;
        at += length;
    }
    *sum = ~rest;
    return !length;
}

/* Is it an ELF file, and the one that is asked for? */
static bool is_the_one(int fd, struct proof *proof) {
    elf_version(EV_CURRENT);
    Elf *elf = elf_begin(fd, ELF_C_READ, NULL);
    bool good = elf && elf_kind(elf) == ELF_K_ELF && (!proof->with_dwarf || has_dwarf(elf));
    uint32_t sum;
    if (good && *proof->build_id) {
        char *build_id = build_id_of(elf);
        good = !strcasecmp(build_id, proof->build_id);
        proof->other |= !good;
        free(build_id);
    } else if (good && proof->sum) {
        good = sum_up(fd, &sum) && sum == *proof->sum;
    }
    elf_end(elf);
    return good;
}

/* Takes over fd and path: into *found if it is the one. */
static bool take(struct found_file *found, struct proof *proof, int fd, char *path) {
    if (fd >= 0 && is_the_one(fd, proof)) {
        *found = (struct found_file){.fd = fd, .path = path};
        return true;
    }
    if (fd >= 0) close(fd);
    free(path);
    return false;
}

static bool try_path(struct found_file *found, struct proof *proof, char *path) {
    return take(found, proof, debug_files_read(path), path);
}

/* ---- places ---- */

/* Opens the path in the other machine's file system: its links stay there. *resolved: where that is here. */
static int open_in_root(const struct debug_files *files, const char *path, char **resolved) {
    struct open_how how = {.flags = TO_READ, .resolve = RESOLVE_IN_ROOT};
    char link[64];
    long fd = syscall(SYS_openat2, files->root, path, &how, sizeof how);
    *resolved = memory_format("%s%s%s", files->sysroot, *path == '/' ? "" : "/", path);
    if (fd < 0 && (errno == ENOSYS || errno == EPERM)) fd = open(*resolved, TO_READ); /* an old kernel, a sandbox */
    if (only_regular((int)fd) < 0) return -1;
    snprintf(link, sizeof link, "/proc/self/fd/%ld", fd);
    char *real = realpath(link, NULL);
    if (real) {
        free(*resolved);
        *resolved = real;
    }
    return (int)fd;
}

static bool try_in_root(struct debug_files *files, struct found_file *found, struct proof *proof, const char *path) {
    char *resolved;
    if (files->root < 0) return false;
    int fd = open_in_root(files, path, &resolved);
    return take(found, proof, fd, resolved);
}

/* FOLDER/.build-id/ab/cdef..., FOLDER/ab/cdef... */
static bool try_build_id(struct found_file *found, struct proof *proof, const char *folder, const char *suffix) {
    static const char *const inner[] = {"/.build-id", ""};
    if (!is_build_id(proof->build_id)) return false;
    for (size_t i = 0; i < sizeof inner / sizeof *inner; i++) {
        char *path = memory_format("%s%s/%.2s/%s%s", folder, inner[i], proof->build_id, proof->build_id + 2, suffix);
        if (try_path(found, proof, path)) return true;
    }
    return false;
}

/* A folder of debug files: by build id, by the module's path in it, by the module's name alone. */
static bool try_folder(struct found_file *found, struct proof *proof, const char *folder, const char *path,
                       const char *suffix) {
    const char *name = name_of(path);
    if (try_build_id(found, proof, folder, suffix)) return true;
    if (*path == '/' && try_path(found, proof, memory_format("%s%s%s", folder, path, suffix))) return true;
    return *name && try_path(found, proof, memory_format("%s/%s%s", folder, name, suffix));
}

static const char *const code_first[] = {"", ".debug"}, *const debug_first[] = {".debug", ""};

static bool try_folders(struct debug_files *files, struct found_file *found, struct proof *proof, const char *path,
                        const char *const suffixes[2]) {
    for (size_t i = 0; i < files->folder_count; i++)
        for (size_t j = 0; j < 2; j++)
            if (try_folder(found, proof, files->folders[i], path, suffixes[j])) return true;
    return false;
}

static bool try_packs(struct debug_files *files, struct found_file *found, struct proof *proof,
                      const char *const suffixes[2]) {
    for (size_t i = 0; i < files->pack_count; i++) {
        for (size_t j = 0; j < 2; j++) {
            if (!try_build_id(found, proof, files->packs[i], suffixes[j])) continue;
            found->packed = files->packs[i];
            return true;
        }
    }
    return false;
}

static bool try_servers(struct debug_files *files, struct found_file *found, struct proof *proof, bool debug) {
    char *path;
    if (!files->debuginfod || !is_build_id(proof->build_id)) return false;
    int fd = debuginfod_fetch(files->debuginfod, proof->build_id, debug, &path);
    return take(found, proof, fd, path);
}

/* ---- the files of a module ---- */

/* Without a build id: the pack of this very trace has it under its path. */
static bool try_pack_by_path(struct debug_files *files, struct found_file *found, struct proof *proof,
                             const struct process *process, const char *path) {
    const char *pack = debug_files_pack_of(files, process);
    char *plain = pack ? debug_files_plain(path) : NULL;
    bool good = plain && try_path(found, proof, memory_format("%s/" PACK_FILES "/%s", pack, plain));
    if (good) found->packed = pack;
    free(plain);
    return good;
}

static bool find_module_file(struct debug_files *files, struct found_file *found, struct proof *proof,
                             const struct process *process, const char *path, bool *other) {
    bool proven = *proof->build_id, named = *path == '/' || (proven && strchr(path, '/'));
    if (proven && try_packs(files, found, proof, code_first)) return true;
    if (!proven && try_pack_by_path(files, found, proof, process, path)) return true;
    if (*path == '/' && try_in_root(files, found, proof, path)) return true;
    if (named && (proven || files->root < 0) && try_path(found, proof, memory_copy(path))) return true;
    *other = proof->other;
    if (!proven) return false;
    return try_folders(files, found, proof, path, code_first) || try_servers(files, found, proof, false) ||
           try_servers(files, found, proof, true);
}

struct found_file debug_files_module(struct debug_files *files, const struct process *process,
                                     const struct module *module, bool *other) {
    struct found_file found = {.fd = -1};
    struct proof proof = {.build_id = module->build_id};
    char *path = debug_files_path(module->path);
    *other = false;
    find_module_file(files, &found, &proof, process, path, other);
    free(path);
    return found;
}

/* NAME and .debug/NAME in the folder of the module's file, and that folder's place in each debug folder. */
static bool try_link(struct debug_files *files, struct found_file *found, struct proof *proof,
                     const struct separate *separate) {
    char *folder = folder_of(separate->beside), *named = folder_of(separate->module);
    bool good = try_path(found, proof, memory_format("%s/%s", folder, separate->link)) ||
                try_path(found, proof, memory_format("%s/.debug/%s", folder, separate->link));
    for (size_t i = 0; i < files->folder_count && !good; i++)
        good = try_path(found, proof, memory_format("%s%s/%s", files->folders[i], named, separate->link)) ||
               try_path(found, proof, memory_format("%s/%s", files->folders[i], separate->link));
    free(folder);
    free(named);
    return good;
}

struct found_file debug_files_separate(struct debug_files *files, const struct separate *separate) {
    bool proven = *separate->build_id, linked = separate->link && *separate->link && !strchr(separate->link, '/');
    struct found_file found = {.fd = -1};
    struct proof proof = {.build_id = separate->build_id, .sum = linked ? &separate->sum : NULL, .with_dwarf = true};
    if (proven && try_packs(files, &found, &proof, debug_first)) return found;
    if (linked && try_link(files, &found, &proof, separate)) return found;
    if (proven && try_folders(files, &found, &proof, separate->module, debug_first)) return found;
    if (proven) try_servers(files, &found, &proof, true);
    return found;
}

struct found_file debug_files_alternate(struct debug_files *files, const char *beside, const char *name,
                                        const char *build_id) {
    struct found_file found = {.fd = -1};
    struct proof proof = {.build_id = build_id, .with_dwarf = true};
    char *folder = folder_of(beside);
    bool good = try_packs(files, &found, &proof, debug_first) ||
                (*name == '/' && try_in_root(files, &found, &proof, name)) ||
                try_path(&found, &proof, *name == '/' ? memory_copy(name) : memory_format("%s/%s", folder, name)) ||
                try_folders(files, &found, &proof, name, debug_first);
    if (!good) try_servers(files, &found, &proof, true);
    free(folder);
    return found;
}

/* ---- source ---- */

/* It need not be readable: whoever prints it will see. */
static char *if_file(char *path) {
    struct stat status;
    if (!stat(path, &status) && S_ISREG(status.st_mode)) return path;
    free(path);
    return NULL;
}

char *debug_files_source(const struct debug_files *files, const char *packed, const char *path) {
    char *plain = packed ? debug_files_plain(path) : NULL, *found = NULL;
    if (plain) found = if_file(memory_format("%s/" PACK_SOURCE "/%s", packed, plain));
    free(plain);
    if (!found && files->root >= 0 && *path == '/') {
        int fd = open_in_root(files, path, &found);
        if (fd >= 0) close(fd);
        found = if_file(found);
    }
    return found;
}

/* ---- life ---- */

struct debug_files *debug_files_open(const struct options *options) {
    static const char here[] = "/usr/lib/debug";
    struct debug_files *files = memory_new(sizeof *files);
    files->sysroot = options && options->sysroot ? options->sysroot : "";
    files->root = *files->sysroot ? open(files->sysroot, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
    if (*files->sysroot && files->root < 0)
        text_complain("--sysroot: %s: cannot be opened: %s: nothing is looked for there", files->sysroot,
                      strerror(errno));
    if (options && options->debug_dir) {
        if (!is_folder(options->debug_dir))
            text_complain("--debug-dir: %s: is no folder: nothing is looked for there", options->debug_dir);
        add_folder(&files->folders, &files->folder_count, &files->folder_space, memory_copy(options->debug_dir));
    }
    if (files->root >= 0)
        add_folder(&files->folders, &files->folder_count, &files->folder_space,
                   memory_format("%s%s", files->sysroot, here));
    add_folder(&files->folders, &files->folder_count, &files->folder_space, memory_copy(here));
    if (options && options->debuginfod)
        files->debuginfod = debuginfod_open();
    else
        unsetenv("DEBUGINFOD_URLS"); /* libdw asks them by itself */
    return files;
}

/* Both that a process's trace may have: its own, and that of the folder around it. */
static char *pack_place(const struct process *process, bool around) {
    char *real = realpath(process->folder, NULL), *folder, *place;
    if (!real) real = memory_copy(process->folder);
    folder = around ? folder_of(real) : memory_copy(real);
    place = memory_format("%s/" PACK_FOLDER, folder);
    free(folder);
    free(real);
    return place;
}

void debug_files_add_model(struct debug_files *files, const struct model *model) {
    if (files->model == model) return;
    files->model = model;
    for (size_t i = 0; i < 2 * model->process_count; i++) {
        char *place = pack_place(model->processes[i / 2], i % 2);
        if (is_folder(place))
            add_folder(&files->packs, &files->pack_count, &files->pack_space, place);
        else
            free(place);
    }
}

const char *debug_files_pack_of(const struct debug_files *files, const struct process *process) {
    for (int around = 0; around < 2; around++) {
        char *place = pack_place(process, around);
        for (size_t i = 0; i < files->pack_count; i++) {
            if (strcmp(files->packs[i], place) != 0) continue;
            free(place);
            return files->packs[i];
        }
        free(place);
    }
    return NULL;
}

const char *debug_files_sysroot(const struct debug_files *files) {
    return files->sysroot;
}

void debug_files_close(struct debug_files *files) {
    for (size_t i = 0; i < files->folder_count; i++) free(files->folders[i]);
    for (size_t i = 0; i < files->pack_count; i++) free(files->packs[i]);
    free(files->folders);
    free(files->packs);
    if (files->root >= 0) close(files->root);
    debuginfod_close(files->debuginfod);
    free(files);
}
