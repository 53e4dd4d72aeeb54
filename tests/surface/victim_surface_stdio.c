/* victim_surface_stdio.c: what opens streams and folders, what is in a folder, and streams that stand for no descriptor. */
#include "surface.h"

#include <mntent.h>

static long made_stream(struct subject *subject, FILE *stream) {
    if (!stream) return -1;
    subject->stream = stream;
    subject->fd = fileno(stream);
    return 0;
}

static long call_fopen(struct subject *subject) {
    return made_stream(subject, CALLED(FILE *, const char *, const char *)("/dev/null", "r+"));
}

static long call_tmpfile(struct subject *subject) {
    return made_stream(subject, CALLED(FILE *, void)());
}

static long call_popen(struct subject *subject) {
    return made_stream(subject, CALLED(FILE *, const char *, const char *)("exit 0", "r"));
}

static long call_setmntent(struct subject *subject) {
    return made_stream(subject, CALLED(FILE *, const char *, const char *)("/proc/self/mounts", "r"));
}

static long call_fdopen(struct subject *subject) {
    FILE *stream = CALLED(FILE *, int, const char *)(subject->fd, "r+");
    return !stream ? -1 : fileno(stream) == subject->fd ? 0 : -2;
}

/* ---- folders -------------------------------------------------------------------------------------------------------
 */

static long call_opendir(struct subject *subject) {
    subject->folder = CALLED(DIR *, const char *)("/proc");
    if (!subject->folder) return -1;
    subject->fd = dirfd(subject->folder);
    return 0;
}

static long call_fdopendir(struct subject *subject) {
    DIR *folder = CALLED(DIR *, int)(subject->fd);
    return !folder ? -1 : dirfd(folder) == subject->fd ? 0 : -2;
}

static void an_open_folder(struct subject *subject) {
    folder(subject);
    subject->folder = fdopendir(subject->fd);
    MUST(subject->folder);
}

/* Some are read into the stream's memory already: the kernel is not asked. */
static void a_folder_in_memory(struct subject *subject) {
    an_open_folder(subject);
    MUST(readdir(subject->folder));
}

static long call_readdir(struct subject *subject) {
    const struct dirent *entry = CALLED(struct dirent *, DIR *)(subject->folder);
    return !entry ? -1 : strlen(entry->d_name) <= 2 ? 0 : -2;
}

static long call_readdir_r(struct subject *subject) {
    struct dirent entry, *result = NULL;
    int error = CALLED(int, DIR *, struct dirent *, struct dirent **)(subject->folder, &entry, &result);
    return error ? failed_with(error) : result == &entry ? 0 : -2;
}

static long call_getdents64(struct subject *subject) {
    ssize_t count = CALLED(ssize_t, int, void *, size_t)(subject->fd, buffer, sizeof buffer);
    return count < 0 ? -1 : count > 0 ? 0 : -2;
}

static long call_rewinddir(struct subject *subject) {
    CALLED(void, DIR *)(subject->folder);
    return 0;
}

static long call_seekdir(struct subject *subject) {
    CALLED(void, DIR *, long)(subject->folder, 0);
    return telldir(subject->folder);
}

static long call_dirfd(struct subject *subject) {
    return CALLED(int, DIR *)(subject->folder) - subject->fd;
}

/* The numbers in /proc/self/fd: ours, and not the guard's. */
static int seen, hidden_seen;

static void look_at(const char *name) {
    int fd = atoi(name);
    if (*name == '.') return;
    seen++;
    hidden_seen += victim_is_own(fd);
}

static int own_there_are(void) {
    int count = 0;
    for (int fd = 0; fd < 4096; fd++) count += victim_is_own(fd);
    return count;
}

static long sees_only_ours(int own) {
    int ours = 0;
    MUST(own > 0 && own_there_are() == own);
    for (int fd = 0; fd < 4096; fd++) ours += is_open(fd) && !victim_is_own(fd);
    MUST(seen == ours && hidden_seen == 0);
    return 0;
}

static long numbers_by_readdir(struct subject *subject) {
    int own = own_there_are();
    (void)subject;
    DIR *numbers = opendir("/proc/self/fd");
    for (const struct dirent *entry; (entry = CALLED(struct dirent *, DIR *)(numbers));) look_at(entry->d_name);
    return sees_only_ours(own);
}

static long numbers_by_readdir_r(struct subject *subject) {
    struct dirent entry, *result = NULL;
    int own = own_there_are();
    (void)subject;
    DIR *numbers = opendir("/proc/self/fd");
    while (!CALLED(int, DIR *, struct dirent *, struct dirent **)(numbers, &entry, &result) && result)
        look_at(entry.d_name);
    return sees_only_ours(own);
}

/* Little room, so that it takes several calls. */
static long numbers_by_getdents64(struct subject *subject) {
    int own = own_there_are();
    (void)subject;
    int numbers = open("/proc/self/fd", O_RDONLY | O_DIRECTORY);
    ssize_t count;
    while ((count = CALLED(ssize_t, int, void *, size_t)(numbers, buffer, 64)) > 0) {
        for (ssize_t at = 0; at < count;) {
            const struct dirent64 *entry = (struct dirent64 *)(buffer + at);
            look_at(entry->d_name);
            at += entry->d_reclen;
        }
    }
    MUST(count == 0);
    return sees_only_ours(own);
}

/* ---- streams in memory: nobody's, whoever uses them ----------------------------------------------------------------
 */

static int cookie_writes;

static ssize_t cookie_write(void *cookie, const char *text, size_t size) {
    (void)cookie;
    MUST(size == 4 && !memcmp(text, "evil", 4));
    cookie_writes++;
    return (ssize_t)size;
}

static long call_fopencookie(struct subject *subject) {
    (void)subject;
    FILE *stream = CALLED(FILE *, void *, const char *,
                          cookie_io_functions_t)(NULL, "w", (cookie_io_functions_t){.write = cookie_write});
    MUST(stream && fileno(stream) == -1);
    reqscope_switch(b);
    MUST(fputs("evil", stream) >= 0 && !fflush(stream) && cookie_writes == 1 && !fclose(stream));
    return 0;
}

static long memory_stream(struct subject *subject) {
    char *text = NULL;
    size_t size = 0;
    (void)subject;
    FILE *stream = open_memstream(&text, &size);
    reqscope_switch(b);
    MUST(CALLED(int, const char *, FILE *)("evil", stream) >= 0 && !fclose(stream));
    MUST(size == 4 && !strcmp(text, "evil"));
    free(text);
    return 0;
}

static long closed_memory_stream(struct subject *subject) {
    char text[8];
    (void)subject;
    FILE *stream = fmemopen(text, sizeof text, "w");
    reqscope_switch(b);
    MUST(fputs("evil", stream) >= 0 && !CALLED(int, FILE *)(stream) && !strcmp(text, "evil"));
    return 0;
}

static const struct surface rows[] = {
    MAKES(fopen, NULL, no_subject, call_fopen, 0),
    MAKES(fopen64, NULL, no_subject, call_fopen, 0),
    MAKES(tmpfile, NULL, no_subject, call_tmpfile, 0),
    MAKES(tmpfile64, NULL, no_subject, call_tmpfile, 0),
    MAKES(popen, NULL, no_subject, call_popen, 0),
    MAKES(setmntent, NULL, no_subject, call_setmntent, 0),
    MAKES(__setmntent, NULL, no_subject, call_setmntent, 0),
    LOOKS(fdopen, NULL, file, call_fdopen, 0),
    MAKES(opendir, NULL, no_subject, call_opendir, 0),
    LOOKS(fdopendir, NULL, folder, call_fdopendir, 0),
    USES_STREAM(readdir, NULL, an_open_folder, call_readdir, 0),
    USES_STREAM(readdir, "from memory", a_folder_in_memory, call_readdir, 0),
    USES_STREAM(readdir64, NULL, an_open_folder, call_readdir, 0),
    USES_STREAM(readdir_r, NULL, an_open_folder, call_readdir_r, 0),
    USES_STREAM(readdir64_r, NULL, an_open_folder, call_readdir_r, 0),
    USES(getdents64, NULL, folder, call_getdents64, 0),
    LOOKS_STREAM(rewinddir, NULL, an_open_folder, call_rewinddir, 0),
    LOOKS_STREAM(seekdir, NULL, an_open_folder, call_seekdir, 0),
    LOOKS_STREAM(dirfd, NULL, an_open_folder, call_dirfd, 0),
    SHOWS(readdir, "of the numbers", numbers_by_readdir, 0),
    SHOWS(readdir64, "of the numbers", numbers_by_readdir, 0),
    SHOWS(readdir_r, "of the numbers", numbers_by_readdir_r, 0),
    SHOWS(readdir64_r, "of the numbers", numbers_by_readdir_r, 0),
    SHOWS(getdents64, "of the numbers", numbers_by_getdents64, 0),
    WORKS(fopencookie, NULL, call_fopencookie, 0),
    WORKS(fputs, "into memory", memory_stream, 0),
    WORKS(fclose, "of memory", closed_memory_stream, 0),
};
SURFACE_MAIN(rows)
