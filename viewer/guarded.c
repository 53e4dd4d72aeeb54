/* guarded.c: see guarded.h. */
#include "viewer/guarded.h"
#include "tracer/layout.h"
#include "viewer/load.h"
#include "viewer/memory.h"
#include "viewer/symbols.h"
#include "viewer/tail.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LIBRARY "libreqscope.so"
#define DELETED " (deleted)"
#define FILE_MOST ((size_t)4 << 20)

/* ---- /proc ---- */

static FILE *open_file(uint32_t pid, const char *name) {
    char *path = memory_format("/proc/%" PRIu32 "/%s", pid, name);
    FILE *file = fopen(path, "re");
    int error = errno;
    free(path);
    errno = error;
    return file;
}

/* All of it, with a NUL behind it, the caller's to free; NULL when it cannot be read. */
static char *read_file(uint32_t pid, const char *name, size_t *size) {
    FILE *file = open_file(pid, name);
    char *bytes = NULL;
    size_t space = 0, got;
    *size = 0;
    if (!file) return NULL;
    do {
        bytes = memory_grow(bytes, &space, *size + 4096, 1);
        got = fread(bytes + *size, 1, space - *size - 1, file);
        *size += got;
    } while (got && *size < FILE_MOST);
    fclose(file);
    bytes[*size] = 0;
    return bytes;
}

/* What follows "NAME:" in /proc/PID/status; NULL: no such line. */
static const char *status_line(const char *status, const char *name) {
    size_t length = strlen(name);
    for (const char *at = status; at; at = strchr(at, '\n')) {
        at += *at == '\n';
        if (!strncmp(at, name, length) && at[length] == ':') return at + length + 1;
    }
    return NULL;
}

static char *name_user(uint32_t user) {
    const struct passwd *entry = getpwuid(user);
    return entry ? memory_copy(entry->pw_name) : memory_format("%" PRIu32, user);
}

/* Its parent, its effective user, and what it calls itself: the last number is that of its own namespace. */
static bool read_status(struct guarded *found) {
    size_t size;
    char *status = read_file(found->pid, "status", &size);
    const char *parent, *users, *state, *own;
    unsigned long user = 0;
    bool lives;
    if (!status) return false;
    parent = status_line(status, "PPid");
    users = status_line(status, "Uid");
    state = status_line(status, "State");
    own = status_line(status, "NSpid");
    lives = parent && users && state && !strchr("ZX", state[strspn(state, " \t")]);
    if (lives) {
        found->parent_pid = (uint32_t)strtoul(parent, NULL, 10);
        if (sscanf(users, "%*u %lu", &user) == 1) found->user = name_user((uint32_t)user);
    }
    found->own_pid = found->pid;
    while (own && *own && *own != '\n') {
        char *end;
        unsigned long number = strtoul(own, &end, 10);
        if (end == own) break;
        found->own_pid = (uint32_t)number;
        own = end;
    }
    free(status);
    return lives;
}

/* Nanoseconds since it began. */
static uint64_t read_age(uint32_t pid) {
    size_t size;
    char *text = read_file(pid, "stat", &size), *after = text ? strrchr(text, ')') : NULL;
    unsigned long long started = 0;
    struct timespec now;
    uint64_t age = 0, begin, present;
    /* Behind the name, which may hold anything: the state is field 3, the start time 22. */
    if (after &&
        sscanf(after + 1, "%*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %llu",
               &started) == 1 &&
        !clock_gettime(CLOCK_BOOTTIME, &now)) {
        begin = started * (1000000000ull / (uint64_t)sysconf(_SC_CLK_TCK));
        present = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
        age = present > begin ? present - begin : 0;
    }
    free(text);
    return age;
}

static char *read_command(uint32_t pid) {
    size_t size;
    char *command = read_file(pid, "cmdline", &size);
    if (!command) return memory_copy("");
    while (size && (!command[size - 1] || command[size - 1] == ' ')) command[--size] = 0;
    for (size_t i = 0; i < size; i++)
        if (!command[i]) command[i] = ' ';
    return command;
}

/* ---- the environment ---- */

/* Is every one of its strings NAME=VALUE? A title that was written over them is not. */
static bool is_environment(const char *bytes, size_t size) {
    for (size_t at = 0; at < size; at += strlen(bytes + at) + 1)
        if (!strchr(bytes + at, '=')) return false;
    return size;
}

/* NULL: not set, or to nothing, which is the same to the guard. */
static const char *variable(const char *bytes, size_t size, const char *name) {
    size_t length = strlen(name);
    for (size_t at = 0; at < size; at += strlen(bytes + at) + 1)
        if (!strncmp(bytes + at, name, length) && bytes[at + length] == '=' && bytes[at + length + 1])
            return bytes + at + length + 1;
    return NULL;
}

/* The value as the guard takes it: the first name when it is none of them. */
static const char *choose(const char *value, const char *const *names) {
    for (const char *const *name = names; value && *name; name++)
        if (!strcasecmp(value, *name)) return *name;
    return names[0];
}

static void read_environment(struct guarded *found) {
    static const char *const contexts[] = {"auto", "api", NULL};
    const char *modes[RS_MODE_COUNT + 1] = {0}, *policies[RS_POLICY_COUNT + 1] = {0}, *trace;
    size_t size;
    char *bytes = read_file(found->pid, "environ", &size);
    for (uint32_t i = 0; i < RS_MODE_COUNT; i++) modes[i] = rs_mode_name(i);
    for (uint32_t i = 0; i < RS_POLICY_COUNT; i++) policies[i] = rs_policy_name(i);
    if (bytes && is_environment(bytes, size)) {
        found->mode = choose(variable(bytes, size, "REQSCOPE_MODE"), modes);
        found->policy = choose(variable(bytes, size, "REQSCOPE_POLICY"), policies);
        found->context = choose(variable(bytes, size, "REQSCOPE_CONTEXT"), contexts);
        trace = variable(bytes, size, "REQSCOPE_TRACE");
        /* With mode off nothing is recorded. */
        if (trace && strcmp(found->mode, "off") != 0) found->trace = memory_copy(trace);
    }
    free(bytes);
}

/* ---- what is mapped ---- */

/* Is the folder "NAME-PID" or "NAME-PID-N"? A child that was made past the guard still maps its parent's packets. */
static bool is_own_folder(const char *folder, uint32_t pid) {
    char *tail = memory_format("-%" PRIu32, pid);
    const char *name = symbols_basename(folder), *at;
    bool own = false;
    for (at = strstr(name, tail); at && !own; at = strstr(at + 1, tail)) {
        const char *rest = at + strlen(tail);
        own = !*rest || (*rest == '-' && rest[1] && !rest[1 + strspn(rest + 1, "0123456789")]);
    }
    free(tail);
    return own;
}

static bool is_packet(const char *name) {
    name += *name == '.';
    return !strncmp(name, "kept_", 5) || !strncmp(name, "stream_", 7);
}

/* A path as we reach it: that of a process in a container may be another one here. */
static char *reach(uint32_t pid, const char *path) {
    char *through = memory_format("/proc/%" PRIu32 "/root%s", pid, path);
    struct stat status;
    bool here = !stat(path, &status) || stat(through, &status);
    if (!here) return through;
    free(through);
    return memory_copy(path);
}

/* `path` is a file that is mapped. Returns whether it is the guard. */
static bool note_mapped(struct guarded *found, char *path) {
    size_t length = strlen(path);
    char *slash;
    if (length > strlen(DELETED) && !strcmp(path + length - strlen(DELETED), DELETED))
        path[length - strlen(DELETED)] = 0;
    slash = strrchr(path, '/');
    if (!slash) return false;
    if (!strcmp(slash + 1, LIBRARY)) return true;
    if (found->folder || !is_packet(slash + 1)) return false;
    *slash = 0;
    if (is_own_folder(path, found->own_pid)) found->folder = reach(found->pid, path);
    return false;
}

static enum guarded_answer read_maps(struct guarded *found) {
    FILE *file = open_file(found->pid, "maps");
    char *line = NULL;
    size_t space = 0;
    bool guard = false;
    if (!file) return errno == EACCES || errno == EPERM ? GUARDED_HIDDEN : GUARDED_GONE;
    while (getline(&line, &space, file) > 0) {
        char *path = strchr(line, '/');
        if (!path) continue;
        path[strcspn(path, "\n")] = 0;
        guard |= note_mapped(found, path);
    }
    free(line);
    fclose(file);
    return guard ? GUARDED_YES : GUARDED_NO;
}

/* The folder that the process's own is in is the trace, and what stands there is so, whatever the environment says. */
static void correct_by_trace(struct guarded *found) {
    struct rs_event_process process;
    char *slash;
    if (!found->folder) return;
    if (!found->mode && tail_peek(found->folder, &process)) {
        if (process.mode < RS_MODE_COUNT) found->mode = rs_mode_name(process.mode);
        if (process.policy < RS_POLICY_COUNT) found->policy = rs_policy_name(process.policy);
    }
    free(found->trace);
    found->trace = memory_copy(found->folder);
    slash = strrchr(found->trace, '/');
    slash[slash == found->trace] = 0;
}

enum guarded_answer guarded_look(uint32_t pid, struct guarded *found) {
    enum guarded_answer answer;
    *found = (struct guarded){.pid = pid};
    answer = read_status(found) ? read_maps(found) : GUARDED_GONE;
    if (answer == GUARDED_YES || answer == GUARDED_HIDDEN) found->command = read_command(pid);
    if (answer == GUARDED_HIDDEN && !*found->command) answer = GUARDED_NO; /* the kernel's own */
    if (answer != GUARDED_YES) {
        guarded_free(found);
        return answer;
    }
    if (!found->user) found->user = memory_copy("?");
    read_environment(found);
    correct_by_trace(found);
    found->age = read_age(pid);
    return GUARDED_YES;
}

void guarded_free(struct guarded *found) {
    free(found->user);
    free(found->command);
    free(found->trace);
    free(found->folder);
    *found = (struct guarded){0};
}

/* ---- all of them ---- */

static int compare_pids(const void *left, const void *right) {
    const struct guarded *a = left, *b = right;
    return (a->pid > b->pid) - (a->pid < b->pid);
}

/* 0: none is known. */
static uint32_t parent_of(uint32_t pid) {
    struct guarded found = {.pid = pid};
    uint32_t parent = read_status(&found) ? found.parent_pid : 0;
    free(found.user);
    return parent;
}

static const struct guarded *find_pid(const struct guarded *all, size_t count, uint32_t pid) {
    const struct guarded key = {.pid = pid};
    return count ? bsearch(&key, all, count, sizeof key, compare_pids) : NULL;
}

#define ANCESTORS_MOST 64

/* The index of the nearest guarded one above; `count` when there is none. `all` is in the order of pids. */
static size_t find_parent(const struct guarded *all, size_t count, const struct guarded *one) {
    uint32_t pid = one->parent_pid;
    for (unsigned i = 0; pid > 1 && i < ANCESTORS_MOST; i++, pid = parent_of(pid)) {
        const struct guarded *parent = find_pid(all, count, pid);
        if (parent && parent != one) return (size_t)(parent - all);
    }
    return count;
}

struct family_tree {
    struct guarded *all; /* in the order of pids */
    size_t *parents;
    size_t count;
    struct guarded_list *list;
};

/* Puts those whose parent is all[parent] on the list, each with its own behind it; count: those without. */
static void add_children(struct family_tree *tree, size_t parent, const struct guarded *above, unsigned depth) {
    for (size_t i = 0; i < tree->count; i++) {
        struct guarded *place = &tree->list->all[tree->list->count];
        if (tree->parents[i] != parent) continue;
        tree->parents[i] = SIZE_MAX; /* taken: parents that changed meanwhile may stand in a ring */
        tree->list->count++;
        *place = tree->all[i];
        place->parent = above;
        place->depth = depth;
        if (depth < ANCESTORS_MOST) add_children(tree, i, place, depth + 1);
    }
}

static void put_in_order(struct guarded_list *list, struct guarded *all, size_t count) {
    struct family_tree tree = {.all = all, .count = count, .list = list};
    if (count) qsort(all, count, sizeof *all, compare_pids);
    tree.parents = memory_new(count * sizeof *tree.parents);
    for (size_t i = 0; i < count; i++) tree.parents[i] = find_parent(all, count, &all[i]);
    list->all = memory_new(count * sizeof *list->all);
    add_children(&tree, count, NULL, 0);
    for (size_t i = 0; i < count; i++)
        if (tree.parents[i] != SIZE_MAX) guarded_free(&all[i]); /* its parent is gone since */
    free(tree.parents);
}

struct guarded_list guarded_list(void) {
    struct guarded_list list = {0};
    struct guarded *all = NULL, found;
    size_t count = 0, space = 0;
    char **names = load_list_folder("/proc");
    for (char **name = names; name && *name; name++) {
        enum guarded_answer answer;
        if (strspn(*name, "0123456789") != strlen(*name)) continue;
        answer = guarded_look((uint32_t)strtoul(*name, NULL, 10), &found);
        list.hidden += answer == GUARDED_HIDDEN;
        if (answer != GUARDED_YES) continue;
        all = memory_grow(all, &space, count + 1, sizeof *all);
        all[count++] = found;
    }
    load_free_list(names);
    put_in_order(&list, all, count);
    free(all);
    return list;
}

void guarded_list_free(struct guarded_list *list) {
    for (size_t i = 0; i < list->count; i++) guarded_free(&list->all[i]);
    free(list->all);
    *list = (struct guarded_list){0};
}
