/* follow.c: see follow.h. */
#include "preload/follow.h"
#include "preload/coverage.h"
#include "preload/guard.h"
#include "tracer/text.h"

#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PRELOAD "LD_PRELOAD="
#define OURS "REQSCOPE_"
#define MOST_VARIABLES 32
#define PATH_ROOM 1024

static bool follows;
static char library[PATH_ROOM];
static char kept_text[4096];
static const char *kept[MOST_VARIABLES]; /* "REQSCOPE_MODE=deny", in kept_text */
static size_t kept_count;

static bool begins_with(const char *text, const char *with) {
    return !strncmp(text, with, strlen(with));
}

/* As a path that is right in any folder. */
static void note_library(void) {
    Dl_info info;
    struct rs_text text = rs_text_in(library, sizeof library);
    if (!dladdr((void *)(uintptr_t)rs_follow_start, &info) || !info.dli_fname) return;
    if (info.dli_fname[0] != '/') {
        long length = rs_sys(SYS_getcwd, library, sizeof library);
        text.length = length > 1 ? (size_t)length - 1 : 0;
        rs_text_add(&text, "/");
    }
    rs_text_add(&text, info.dli_fname);
    if (text.length + 1 >= sizeof library) library[0] = 0;
}

static void keep_variables(void) {
    size_t used = 0;
    for (char **entry = environ; entry && *entry && kept_count < MOST_VARIABLES; entry++) {
        size_t size = strlen(*entry) + 1;
        if (!begins_with(*entry, OURS) || used + size > sizeof kept_text) continue;
        kept[kept_count++] = memcpy(kept_text + used, *entry, size);
        used += size;
    }
}

void rs_follow_start(bool wanted) {
    note_library();
    if (!wanted) return;
    keep_variables();
    follows = library[0] != 0;
}

/* Does the list of libraries name this one? By its whole path, or as it would be found: by its file's name. */
static bool names_library(const char *list) {
    const char *name = strrchr(library, '/') + 1;
    size_t length = strlen(name);
    for (const char *at = strstr(list, name); at; at = strstr(at + 1, name)) {
        char before = at == list ? ':' : at[-1], after = at[length];
        if (strchr("/: ", before) && (!after || after == ':' || after == ' ')) return true;
    }
    return false;
}

/* The entry of the environment that sets what `variable` ("NAME=value") sets. */
static const char *entry_for(char *const *environment, const char *variable) {
    size_t length = (size_t)(strchr(variable, '=') - variable) + 1;
    for (; environment && *environment; environment++) {
        if (!strncmp(*environment, variable, length)) return *environment;
    }
    return NULL;
}

static size_t count_of(char *const *environment) {
    size_t count = 0;
    while (environment && environment[count]) count++;
    return count;
}

size_t rs_follow_size(char *const *environment) {
    if (rs_likely(!follows) || !rs_on) return 0;
    const char *preload = entry_for(environment, PRELOAD);
    bool missing = !preload || !names_library(preload + strlen(PRELOAD));
    for (size_t i = 0; !missing && i < kept_count; i++) missing = !entry_for(environment, kept[i]);
    if (!missing) return 0;
    size_t pointers = count_of(environment) + kept_count + 2;
    return pointers * sizeof(char *) + strlen(PRELOAD) + strlen(library) + (preload ? strlen(preload) : 0) + 2;
}

char *const *rs_follow_into(char *const *environment, void *memory) {
    char **made = memory;
    size_t count = count_of(environment), next = 0;
    char *string = (char *)(made + count + kept_count + 2);
    const char *preload = entry_for(environment, PRELOAD);
    const char *others = preload ? preload + strlen(PRELOAD) : "";
    for (size_t i = 0; i < count; i++) {
        if (!begins_with(environment[i], PRELOAD)) made[next++] = environment[i];
    }
    if (names_library(others)) {
        made[next++] = (char *)(uintptr_t)preload;
    } else {
        made[next++] = string;
        string = stpcpy(stpcpy(string, PRELOAD), library);
        if (*others) stpcpy(stpcpy(string, ":"), others);
    }
    for (size_t i = 0; i < kept_count; i++) {
        if (!entry_for(environment, kept[i])) made[next++] = (char *)(uintptr_t)kept[i];
    }
    made[next] = NULL;
    return made;
}

/* ---- what is executed ---------------------------------------------------------------------------------------------- */

enum target { TARGET_GUARDED, TARGET_STATIC, TARGET_OTHER_MACHINE, TARGET_SCRIPT };

static enum target look_at_program(int fd, const ElfW(Ehdr) * header) {
    if (header->e_ident[EI_CLASS] != (sizeof(long) == 8 ? ELFCLASS64 : ELFCLASS32)) return TARGET_OTHER_MACHINE;
    for (unsigned i = 0; i < header->e_phnum && i < 64; i++) {
        ElfW(Phdr) program;
        long size = rs_sys(SYS_pread64, fd, &program, sizeof program, header->e_phoff + i * sizeof program);
        if (size != sizeof program || program.p_type == PT_INTERP) return TARGET_GUARDED;
    }
    return TARGET_STATIC;
}

/* What cannot be read is left to the kernel to refuse. A script's interpreter is put into `interpreter`. */
static enum target look_at_file(const char *path, char *interpreter, size_t room) {
    union {
        ElfW(Ehdr) elf;
        char text[128];
    } begin;
    enum target target = TARGET_GUARDED;
    long fd = rs_sys(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return target;
    long size = rs_sys(SYS_pread64, fd, &begin, sizeof begin - 1, 0);
    if (size >= (long)sizeof begin.elf && !memcmp(begin.elf.e_ident, ELFMAG, SELFMAG)) {
        target = look_at_program((int)fd, &begin.elf);
    } else if (size > 2 && begin.text[0] == '#' && begin.text[1] == '!') {
        begin.text[size] = 0;
        const char *name = begin.text + 2 + strspn(begin.text + 2, " \t");
        size_t length = strcspn(name, " \t\n");
        if (length && length < room) {
            memcpy(interpreter, name, length);
            interpreter[length] = 0;
            target = TARGET_SCRIPT;
        }
    }
    rs_sys(SYS_close, fd);
    return target;
}

/* A program that takes another user's rights is started without LD_PRELOAD's libraries. */
static bool changes_user(const char *path) {
    struct stat status;
    if (rs_sys(SYS_newfstatat, AT_FDCWD, path, &status, 0)) return false;
    return (status.st_mode & S_ISUID && status.st_uid != (uid_t)rs_sys(SYS_geteuid)) ||
           ((status.st_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP) &&
            status.st_gid != (gid_t)rs_sys(SYS_getegid));
}

static void look_at(const char *path) {
    char interpreter[128];
    enum target target = look_at_file(path, interpreter, sizeof interpreter);
    if (target == TARGET_SCRIPT) {
        path = interpreter;
        target = look_at_file(interpreter, interpreter, 0);
    }
    if (target == TARGET_STATIC) {
        rs_coverage_reduced(RS_COVERAGE_STATIC, "a statically linked program runs unguarded", path);
    } else if (target == TARGET_OTHER_MACHINE) {
        rs_coverage_reduced(RS_COVERAGE_STATIC, "a program for another architecture runs unguarded", path);
    } else if (changes_user(path)) {
        rs_coverage_reduced(RS_COVERAGE_STATIC, "a program that changes its user runs unguarded", path);
    }
}

static const char *search_path(void) {
    const char *entry = entry_for(environ, "PATH=");
    return entry ? entry + 5 : "/bin:/usr/bin";
}

void rs_follow_look_at(const char *file, bool search) {
    char path[PATH_ROOM];
    if (!rs_on || !file || !*file) return;
    if (!search || strchr(file, '/')) {
        look_at(file);
        return;
    }
    for (const char *folder = search_path(); folder;) {
        size_t length = strcspn(folder, ":");
        struct rs_text text = rs_text_in(path, sizeof path);
        if (length + strlen(file) + 2 < sizeof path) {
            memcpy(path, folder, length);
            text.length = length;
            rs_text_add(&text, length ? "/" : "./");
            rs_text_add(&text, file);
            if (!rs_sys(SYS_faccessat, AT_FDCWD, path, X_OK)) {
                look_at(path);
                return;
            }
        }
        folder = folder[length] ? folder + length + 1 : NULL;
    }
}
