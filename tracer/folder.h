/* folder.h: a trace on disk: REQSCOPE_TRACE's folder, in it one folder for each process, its metadata, and how a file is put in
 * place whole or not at all. No malloc, no stdio; all answers are 0 (or a number) or -errno. */
#ifndef RS_TRACER_FOLDER_H
#define RS_TRACER_FOLDER_H

#include <stddef.h>
#include <stdint.h>

struct rs_folder {
    char path[1024];  /* REQSCOPE_TRACE, for messages */
    char process[32]; /* the process's name, fit for a file's */
    int root;         /* the folder itself; -1 none */
    int home;         /* this process's folder in it; -1 none yet */
    uint8_t uuid[16]; /* this process's trace's */
};

/* Opens REQSCOPE_TRACE's folder, made if it is not there. Returns its descriptor; the caller stores it in `root`. */
long rs_folder_open(struct rs_folder *folder, const char *path);

/* Names the process: characters that a file's name should not have are replaced. */
void rs_folder_set_process(struct rs_folder *folder, const char *process);

/* Makes this process's own folder and a fresh uuid. Returns its descriptor; the caller stores it in `home`. */
long rs_folder_make_home(struct rs_folder *folder);

/* Writes the file `metadata`. */
long rs_folder_write_metadata(const struct rs_folder *folder);

/* Gives this process's folder and the files in it to another user: the process is about to become that one. */
void rs_folder_give_to(const struct rs_folder *folder, uint32_t user);

/* Leaves an empty file RS_FOLDER_STOPPED: the recording stopped before the process did, and the reader must say so. */
#define RS_FOLDER_STOPPED ".stopped"
void rs_folder_mark_stopped(const struct rs_folder *folder);

/* Keeps a copy of /tmp/perf-PID.map, in which a program that makes code as it runs names it for Linux's perf. A hidden file: it is none
 * of the trace's streams. Taken only if it is a regular file of the process's own user, was written after `since` (nanoseconds of
 * CLOCK_REALTIME: an older one is another process's that had the number) and has `most` bytes at most. Returns 0 when there is none. */
#define RS_FOLDER_PERF_MAP ".perf.map"
#define RS_PERF_MAP_MOST (64u << 20)
long rs_folder_keep_perf_map(const struct rs_folder *folder, uint64_t since, uint64_t most);

/* Writes a file of this process's under `hidden`, a name with a leading dot, and gives it the name without it. */
long rs_folder_put(const struct rs_folder *folder, const char *hidden, const char *bytes, size_t length);

/* A small file's text without its last newline, cut to size - 1; its length, 0 when it cannot be read. */
size_t rs_read_file(const char *path, char *buffer, size_t size);

#endif
