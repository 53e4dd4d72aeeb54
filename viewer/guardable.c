/* guardable.c: see guardable.h. */
#include "viewer/guardable.h"
#include "viewer/memory.h"
#include "viewer/symbols.h"
#include "viewer/text.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#define SCRIPTS_MAX 4
#define FIRST_BYTES 4096

enum { EXIT_NOT_EXECUTABLE = 126, EXIT_NOT_FOUND = 127 };

/* ---- finding it ---- */

/* 0, or why the file cannot be executed. */
static int executable_error(const char *path) {
    struct stat status;
    if (stat(path, &status)) return errno;
    if (S_ISDIR(status.st_mode)) return EISDIR;
    return eaccess(path, X_OK) ? errno : 0;
}

static char *find_in_path(const char *name, int *error) {
    const char *path = getenv("PATH");
    char *folders = memory_copy(path ? path : "/bin:/usr/bin"), *rest = folders, *folder, *found = NULL;
    *error = ENOENT;
    while (!found && (folder = strsep(&rest, ":"))) {
        char *candidate = memory_format("%s/%s", *folder ? folder : ".", name);
        int wrong = executable_error(candidate);
        if (!wrong)
            found = candidate;
        else
            free(candidate);
        if (wrong == EACCES) *error = EACCES;
    }
    free(folders);
    return found;
}

char *guardable_find(const char *name, int *exit_code) {
    int error = 0;
    char *path = NULL;
    if (strchr(name, '/')) {
        error = executable_error(name);
        if (!error) path = memory_copy(name);
    } else if (*name) {
        path = find_in_path(name, &error);
    } else {
        error = ENOENT;
    }
    if (path) return path;
    *exit_code = error == ENOENT || error == ENOTDIR ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE;
    if (error == ENOENT && !strchr(name, '/'))
        text_complain("%s: there is no such program in PATH", name);
    else
        text_complain("%s: cannot be executed: %s", name, strerror(error));
    return NULL;
}

/* ---- ELF ---- */

struct elf_facts {
    unsigned char class, data;
    uint16_t machine;
    bool dynamic;
    char interpreter[256]; /* the dynamic linker; "" when none is asked for */
};

static void note_segment(int fd, struct elf_facts *facts, uint32_t type, uint64_t offset, uint64_t size) {
    facts->dynamic |= type == PT_DYNAMIC;
    if (type != PT_INTERP || size >= sizeof facts->interpreter) return;
    if (pread(fd, facts->interpreter, size, (off_t)offset) != (ssize_t)size) facts->interpreter[0] = 0;
}

/* Reads what the file says of itself; false when it is no whole ELF file. */
static bool read_elf(int fd, struct elf_facts *facts) {
    union {
        unsigned char ident[EI_NIDENT];
        Elf32_Ehdr narrow;
        Elf64_Ehdr wide;
    } header = {0};
    *facts = (struct elf_facts){0};
    if (pread(fd, &header, sizeof header, 0) < (ssize_t)sizeof(Elf32_Ehdr)) return false;
    facts->class = header.ident[EI_CLASS];
    facts->data = header.ident[EI_DATA];
    facts->machine = header.wide.e_machine; /* at the same place in both */
    if (facts->class != ELFCLASS64) return true;
    for (unsigned i = 0; i < header.wide.e_phnum; i++) {
        Elf64_Phdr segment;
        off_t offset = (off_t)(header.wide.e_phoff + (uint64_t)i * sizeof segment);
        if (pread(fd, &segment, sizeof segment, offset) != sizeof segment) return false;
        note_segment(fd, facts, segment.p_type, segment.p_offset, segment.p_filesz);
    }
    return true;
}

static int open_program(const char *path) {
    return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
}

/* Is it for the same kind of machine as the library? Of a library that cannot be read nothing is known here. */
static bool is_same_machine(const struct elf_facts *program, const char *library) {
    struct elf_facts facts;
    int fd = open_program(library);
    bool same = fd < 0 || !read_elf(fd, &facts) ||
                (facts.class == program->class && facts.machine == program->machine && facts.data == program->data);
    if (fd >= 0) close(fd);
    return same;
}

/* The dynamic linker leaves LD_PRELOAD aside in a program that gains rights when it is executed (ld.so(8),
 * secure-execution mode). */
static const char *gains_rights(int fd) {
    struct stat status;
    struct statvfs mount;
    if (fstat(fd, &status) || fstatvfs(fd, &mount)) return NULL;
    if (mount.f_flag & ST_NOSUID || prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1) return NULL;
    if (status.st_mode & S_ISUID && (status.st_uid != geteuid() || status.st_uid != getuid())) return "is set-uid";
    if ((status.st_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP) &&
        (status.st_gid != getegid() || status.st_gid != getgid()))
        return "is set-gid";
    if (getuid() != 0 && fgetxattr(fd, "security.capability", NULL, 0) > 0) return "has file capabilities";
    return NULL;
}

static bool check_elf(const char *path, int fd, const char *library) {
    struct elf_facts facts;
    const char *linker, *rights;
    if (!read_elf(fd, &facts)) {
        text_complain("%s: cannot be guarded: it is a damaged ELF file", path);
        return false;
    }
    if (!is_same_machine(&facts, library)) {
        text_complain(
            "%s: cannot be guarded: it is for another kind of machine (class or processor) than %s: build the "
            "program or the library for the other's",
            path, library);
        return false;
    }
    linker = symbols_basename(facts.interpreter);
    /* The dynamic linker may itself be run, with the program as its argument. */
    if (!facts.interpreter[0] && (!facts.dynamic || strncmp(symbols_basename(path), "ld-linux", 8) != 0)) {
        text_complain(
            "%s: cannot be guarded: it is linked statically, so no library can stand before its libc: link it "
            "dynamically",
            path);
        return false;
    }
    if (!strncmp(linker, "ld-musl", 7)) {
        text_complain(
            "%s: cannot be guarded: it is for musl's libc, the guard is for glibc: build the program for glibc", path);
        return false;
    }
    if ((rights = gains_rights(fd))) {
        text_complain(
            "%s: cannot be guarded: it %s, and the dynamic linker lets nothing be preloaded then: run it as its "
            "own user, or without that",
            path, rights);
        return false;
    }
    return true;
}

/* ---- scripts ---- */

static bool check_file(const char *path, const char *library, int scripts);

/* The program that `env` would run, of "env [-S] [NAME=VALUE...] PROGRAM ..."; NULL: none. Changes `arguments`. */
static char *program_of_env(char *arguments) {
    char *word;
    while (arguments && (word = strsep(&arguments, " \t"))) {
        if (*word == '-' && word[1] == 'S' && word[2] && word[2] != '-') return word + 2;
        if (*word && *word != '-' && !strchr(word, '=')) return word;
    }
    return NULL;
}

/* `line` is what follows "#!". */
static bool check_script(const char *path, char *line, const char *library, int scripts) {
    char *interpreter, *name, *found;
    int exit_code;
    bool guardable;
    line[strcspn(line, "\n")] = 0;
    line += strspn(line, " \t");
    interpreter = strsep(&line, " \t");
    if (!*interpreter) {
        text_complain("%s: cannot be guarded: its first line names no interpreter", path);
        return false;
    }
    if (scripts == SCRIPTS_MAX) {
        text_complain("%s: cannot be guarded: more than %d scripts that are each other's interpreters", path,
                      SCRIPTS_MAX);
        return false;
    }
    if (!check_file(interpreter, library, scripts + 1)) return false;
    name = strcmp(symbols_basename(interpreter), "env") != 0 ? NULL : program_of_env(line);
    if (!name) return true;
    found = guardable_find(name, &exit_code);
    guardable = found && check_file(found, library, scripts + 1);
    free(found);
    return guardable;
}

static bool check_file(const char *path, const char *library, int scripts) {
    char first[FIRST_BYTES + 1];
    bool guardable = true;
    ssize_t count;
    int fd = open_program(path);
    if (fd < 0) {
        /* What may be executed but not read cannot be looked into: the kernel will say what it thinks. */
        if (errno == EACCES) return true;
        text_complain("%s: cannot be read: %s", path, strerror(errno));
        return false;
    }
    count = read(fd, first, FIRST_BYTES);
    first[count > 0 ? count : 0] = 0;
    if (count >= SELFMAG && !memcmp(first, ELFMAG, SELFMAG))
        guardable = check_elf(path, fd, library);
    else if (count >= 2 && first[0] == '#' && first[1] == '!')
        guardable = check_script(path, first + 2, library, scripts);
    close(fd);
    return guardable;
}

bool guardable_check(const char *program, const char *library) {
    return check_file(program, library, 0);
}
