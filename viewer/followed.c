/* followed.c: see followed.h. */
#include "viewer/followed.h"
#include "tracer/folder.h"
#include "tracer/reader.h"
#include "viewer/load.h"
#include "viewer/memory.h"
#include "viewer/symbols.h"
#include "viewer/text.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_same_folder(const char *a, const char *b) {
    struct stat one, other;
    return a && b && !stat(a, &one) && !stat(b, &other) && one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

static bool has_ended(int pidfd) {
    struct pollfd polled = {.fd = pidfd, .events = POLLIN};
    return pidfd >= 0 && poll(&polled, 1, 0) > 0;
}

/* ---- adding ---- */

static bool is_followed(const struct followed *followed, uint32_t own_pid) {
    for (size_t i = 0; i < followed->count; i++)
        if (followed->all[i].own_pid == own_pid) return true;
    return false;
}

static bool is_followed_folder(const struct followed *followed, const char *folder) {
    for (size_t i = 0; i < followed->count; i++)
        if (is_same_folder(followed->all[i].folder, folder)) return true;
    return false;
}

/* False when the folder is gone. `pid` is as it is here; pidfd: the follower's from now on. */
static bool add(struct followed *followed, const char *folder, uint32_t pid, uint32_t own_pid, int pidfd) {
    struct live_process *process = live_add(followed->live, pid);
    if (!tail_add(followed->tail, folder, process)) {
        live_remove(followed->live, process);
        return false;
    }
    followed->all = memory_grow(followed->all, &followed->space, followed->count + 1, sizeof *followed->all);
    followed->all[followed->count++] = (struct followed_process){
        .process = process, .folder = memory_copy(folder), .own_pid = own_pid, .pidfd = pidfd};
    return true;
}

static void add_guarded(struct followed *followed, const struct guarded *one) {
    int pidfd;
    if (!one->folder || !is_same_folder(one->trace, followed->trace) || is_followed_folder(followed, one->folder))
        return;
    pidfd = pidfd_open((pid_t)one->pid, 0);
    if (!add(followed, one->folder, one->pid, one->own_pid, pidfd) && pidfd >= 0) close(pidfd);
}

/* ---- the trace's folder ---- */

/* What is there now was there before anybody looked: none of it is new. */
static void note_all_known(struct followed *followed) {
    followed->known = load_list_folder(followed->trace);
}

static void set_ended(struct followed_process *one, uint64_t now) {
    one->ended = now;
    one->process->ended = true;
}

/* The process goes on in another program: what it had is told anew. */
static void end_earlier(struct followed *followed, uint32_t own_pid, uint64_t now) {
    for (size_t i = 0; i < followed->count; i++)
        if (followed->all[i].own_pid == own_pid && !followed->all[i].ended) set_ended(&followed->all[i], now);
}

/* The process whose folder it is; 0: it does not run, or may not be looked at. */
static uint32_t find_process(const struct guarded_list *list, const char *folder) {
    for (size_t i = 0; i < list->count; i++)
        if (is_same_folder(list->all[i].folder, folder)) return list->all[i].pid;
    return 0;
}

/* The same of one that calls itself `own_pid`: it is looked for by that number, and in the whole list only where numbers are others
 * than here. */
static uint32_t find_new_process(const struct followed *followed, const char *folder, uint32_t own_pid) {
    struct guarded found;
    struct guarded_list list;
    uint32_t pid = 0;
    if (guarded_look(own_pid, &found) == GUARDED_YES) {
        if (is_same_folder(found.folder, folder)) pid = own_pid;
        guarded_free(&found);
    }
    if (pid || !followed->count || followed->all[0].own_pid == followed->all[0].process->pid) return pid;
    list = guarded_list();
    pid = find_process(&list, folder);
    guarded_list_free(&list);
    return pid;
}

/* A new process's folder, of which `said` is the process event. */
static void follow_new(struct followed *followed, const char *folder, const struct rs_event_process *said,
                       uint64_t now) {
    bool was = is_followed(followed, said->pid);
    struct followed_process *one;
    uint32_t pid;
    int pidfd;
    if (!followed->everything && !was && !is_followed(followed, said->parent_pid)) return;
    pid = find_new_process(followed, folder, said->pid);
    pidfd = pid ? pidfd_open((pid_t)pid, 0) : -1;
    if (was) end_earlier(followed, said->pid, now);
    if (!add(followed, folder, pid ? pid : said->pid, said->pid, pidfd)) {
        if (pidfd >= 0) close(pidfd);
        return;
    }
    one = &followed->all[followed->count - 1];
    one->process->primed = true; /* there was nothing before */
    if (!pid) set_ended(one, now);
}

/* Looks at what has come to the trace's folder: both lists are sorted. A folder that was only just made says nothing yet, and stays
 * new. */
static void look_for_new(struct followed *followed, uint64_t now) {
    char **names = load_list_folder(followed->trace), **known = followed->known;
    size_t kept = 0;
    if (!names) return;
    for (char **name = names; *name; name++) {
        struct rs_event_process said;
        char *folder;
        while (known && *known && strcmp(*known, *name) < 0) known++;
        if (known && *known && !strcmp(*known, *name)) {
            names[kept++] = *name;
            continue;
        }
        folder = memory_format("%s/%s", followed->trace, *name);
        if (tail_peek(folder, &said)) {
            follow_new(followed, folder, &said, now);
            names[kept++] = *name;
        } else {
            free(*name);
        }
        free(folder);
    }
    names[kept] = NULL;
    load_free_list(followed->known);
    followed->known = names;
}

/* ---- what was asked for ---- */

#define TRACE_HINT "run it with `reqscope run --trace DIR`, or with REQSCOPE_TRACE=DIR in its environment"

/* Says why the process cannot be looked at; false. */
static bool complain_of(uint32_t pid, enum guarded_answer answer, const struct guarded *found) {
    if (answer == GUARDED_GONE)
        text_complain("%" PRIu32 ": no such process runs: `reqscope list` shows the guarded ones", pid);
    else if (answer == GUARDED_HIDDEN)
        text_complain("%" PRIu32
                      ": the process may not be looked at: it is another user's, or has changed its user: root may",
                      pid);
    else if (answer == GUARDED_NO)
        text_complain("%" PRIu32 ": the process is not guarded: `reqscope run --trace DIR -- COMMAND` runs one that is",
                      pid);
    else if (found->mode && !strcmp(found->mode, "off"))
        text_complain("%" PRIu32 ": the process's guard is off (REQSCOPE_MODE=off): it records nothing", pid);
    else if (found->trace)
        text_complain("%" PRIu32
                      ": the process has recorded nothing yet in %s: a forked one begins with its first call",
                      pid, found->trace);
    else
        text_complain("%" PRIu32 ": the process is guarded, but records no trace: " TRACE_HINT, pid);
    return false;
}

static void name_main(struct followed *followed, const struct guarded *one) {
    enum { SHOWN = 60 };
    char *command = text_utf8(one->command);
    size_t length = strlen(command) < SHOWN ? strlen(command) : SHOWN;
    while (length && command[length] && (command[length] & 0xc0) == 0x80) length--;
    followed->what =
        memory_format("process %" PRIu32 " (%.*s%s)", one->pid, (int)length, command, command[length] ? "..." : "");
    free(command);
}

static bool is_below(const struct guarded *one, uint32_t pid) {
    for (; one; one = one->parent)
        if (one->pid == pid) return true;
    return false;
}

/* Those that the process has begun: by /proc's word, or by the trace's, if who was between has ended. */
static void add_descendants(struct followed *followed, const struct guarded_list *list) {
    size_t before;
    for (size_t i = 0; i < list->count; i++)
        if (followed->everything || is_below(&list->all[i], followed->main)) add_guarded(followed, &list->all[i]);
    do {
        before = followed->count;
        for (size_t i = 0; i < list->count; i++) {
            struct rs_event_process said;
            const struct guarded *one = &list->all[i];
            if (one->folder && is_same_folder(one->trace, followed->trace) && tail_peek(one->folder, &said) &&
                is_followed(followed, said.parent_pid))
                add_guarded(followed, one);
        }
    } while (followed->count > before);
}

static bool open_process(struct followed *followed, uint32_t pid) {
    struct guarded found;
    struct guarded_list list;
    enum guarded_answer answer;
    followed->main_pidfd = pidfd_open((pid_t)pid, 0);
    answer = guarded_look(pid, &found);
    if (answer != GUARDED_YES || !found.folder) {
        complain_of(pid, answer, &found);
        if (answer == GUARDED_YES) guarded_free(&found);
        return false;
    }
    followed->main = pid;
    followed->trace = memory_copy(found.trace);
    name_main(followed, &found);
    note_all_known(followed); /* before the processes: whose folder comes later is new */
    add_guarded(followed, &found);
    guarded_free(&found);
    list = guarded_list();
    add_descendants(followed, &list);
    guarded_list_free(&list);
    if (followed->count) return true;
    text_complain("%s: the trace cannot be read: %s", followed->trace, strerror(errno));
    return false;
}

static bool open_folder(struct followed *followed, const char *folder) {
    struct guarded_list list;
    struct stat status;
    uint32_t pid = 0;
    if (stat(folder, &status) || !S_ISDIR(status.st_mode)) {
        text_complain("%s: it is no process and no trace: give a PID, or a folder that REQSCOPE_TRACE or `reqscope run "
                      "--trace` named",
                      folder);
        return false;
    }
    if (rs_reader_is_trace(folder)) {
        list = guarded_list();
        pid = find_process(&list, folder);
        guarded_list_free(&list);
        if (pid) return open_process(followed, pid);
    } else {
        followed->everything = true;
        followed->trace = memory_copy(folder);
        followed->what = memory_format("everything in %s", folder);
        note_all_known(followed);
        list = guarded_list();
        add_descendants(followed, &list);
        guarded_list_free(&list);
        if (followed->count) return true;
    }
    text_complain("%s: no process that records there runs (or none that may be looked at): `reqscope report %s` shows "
                  "what was recorded",
                  folder, folder);
    return false;
}

bool followed_open(struct followed *followed, const char *operand) {
    char *end;
    unsigned long long pid;
    *followed = (struct followed){.live = live_new(), .tail = tail_open(), .main_pidfd = -1};
    errno = 0;
    pid = strtoull(operand, &end, 10);
    if (*operand < '0' || *operand > '9' || *end) return open_folder(followed, operand);
    if (!errno && pid && pid <= INT32_MAX) return open_process(followed, (uint32_t)pid);
    text_complain("%s: no process has such a number", operand);
    return false;
}

/* ---- as time goes ---- */

bool followed_check(struct followed *followed, uint64_t now) {
    bool runs = false;
    look_for_new(followed, now);
    for (size_t i = 0; i < followed->count; i++) {
        struct followed_process *one = &followed->all[i];
        if (!one->ended && has_ended(one->pidfd)) set_ended(one, now);
        runs |= !one->ended;
    }
    return followed->everything ? runs : !has_ended(followed->main_pidfd);
}

void followed_forget_ended(struct followed *followed, uint64_t until) {
    size_t kept = 0;
    for (size_t i = 0; i < followed->count; i++) {
        struct followed_process *one = &followed->all[i];
        if (!one->ended || one->ended > until) {
            followed->all[kept++] = *one;
            continue;
        }
        tail_remove(followed->tail, one->process);
        live_remove(followed->live, one->process);
        if (one->pidfd >= 0) close(one->pidfd);
        free(one->folder);
    }
    followed->count = kept;
}

const char *followed_wrong(const struct followed *followed) {
    for (size_t i = 0; i < followed->count; i++) {
        const struct followed_process *one = &followed->all[i];
        char *mark = memory_format("%s/%s", one->folder, RS_FOLDER_STOPPED);
        bool stopped = !access(mark, F_OK), gone = access(one->folder, F_OK) && errno == ENOENT;
        free(mark);
        if (one->ended || !(stopped || gone)) return NULL;
        if (i + 1 < followed->count) continue;
        return gone ? "its trace's folder was removed: nothing more can be seen"
                    : "its recording has stopped (its log says why): nothing more can be seen";
    }
    return NULL;
}

void followed_close(struct followed *followed) {
    tail_close(followed->tail);
    live_free(followed->live);
    for (size_t i = 0; i < followed->count; i++) {
        if (followed->all[i].pidfd >= 0) close(followed->all[i].pidfd);
        free(followed->all[i].folder);
    }
    if (followed->main_pidfd >= 0) close(followed->main_pidfd);
    load_free_list(followed->known);
    free(followed->all);
    free(followed->trace);
    free(followed->what);
    *followed = (struct followed){.main_pidfd = -1};
}
