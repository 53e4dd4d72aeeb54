/* store.c: see store.h. */
#include "viewer/store.h"
#include "viewer/elf_part.h"
#include "viewer/memory.h"
#include "viewer/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The folder `name` in another, made if it is not there; -1, errno says why. */
static int open_folder(int in, const char *name) {
    if (mkdirat(in, name, 0700) && errno != EEXIST) return -1;
    return openat(in, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

bool store_open(struct store *store, const char *folder, const char *name) {
    int around = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    store->folder = name ? memory_format("%s/%s", folder, name) : memory_copy(folder);
    store->fd = around >= 0 && name ? open_folder(around, name) : around;
    if (store->fd >= 0) {
        if (name) close(around);
        return true;
    }
    text_complain("%s: cannot be made or opened: %s: the trace's folder must be writable", store->folder,
                  strerror(errno));
    if (around >= 0) close(around);
    free(store->folder);
    return false;
}

/* The folder that the place is in; *name: its last part, in *parts, which is the caller's to free. */
static int open_place(const struct store *store, const char *place, char **parts, const char **name) {
    char *part = *parts = memory_copy(place), *slash;
    int folder = fcntl(store->fd, F_DUPFD_CLOEXEC, 0);
    while (folder >= 0 && (slash = strchr(part, '/'))) {
        *slash = 0;
        int next = open_folder(folder, part);
        int error = errno;
        close(folder);
        errno = error;
        folder = next;
        part = slash + 1;
    }
    *name = part;
    return folder;
}

static bool copy_all(int from, int to) {
    char bytes[1 << 16];
    ssize_t length;
    off_t at = 0;
    while ((length = pread(from, bytes, sizeof bytes, at)) > 0) {
        for (ssize_t done = 0, written; done < length; done += written) {
            written = write(to, bytes + done, (size_t)(length - done));
            if (written < 0 && errno == EINTR) written = 0;
            if (written < 0) return false;
        }
        at += length;
    }
    return !length;
}

/* An ELF file that cannot be taken apart is taken as it is. */
static bool write_file(int from, int to, bool part) {
    if (part && elf_part_write(from, to)) return true;
    return !ftruncate(to, 0) && lseek(to, 0, SEEK_SET) == 0 && copy_all(from, to);
}

static bool put(int folder, const char *name, int from, bool part) {
    char *hidden = memory_format(".%s.new", name);
    int to = openat(folder, hidden, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    bool good = to >= 0 && write_file(from, to, part);
    int error = errno;
    if (to >= 0 && close(to) && good) {
        good = false;
        error = errno;
    }
    if (good && renameat(folder, hidden, folder, name)) {
        good = false;
        error = errno;
    }
    if (!good && to >= 0) unlinkat(folder, hidden, 0);
    free(hidden);
    errno = error;
    return good;
}

enum store_result store_put(const struct store *store, const char *place, int from, bool part, uint64_t *size) {
    enum store_result result = STORE_FAILED;
    struct stat status;
    const char *name;
    char *parts;
    int folder = open_place(store, place, &parts, &name);
    if (folder >= 0) {
        bool there = !fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW);
        if (there || put(folder, name, from, part)) result = there ? STORE_PRESENT : STORE_ADDED;
    }
    if (result == STORE_FAILED) text_complain("%s/%s: cannot be written: %s", store->folder, place, strerror(errno));
    *size =
        result != STORE_FAILED && !fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) ? (uint64_t)status.st_size : 0;
    if (folder >= 0) close(folder);
    free(parts);
    return result;
}

void store_close(struct store *store) {
    close(store->fd);
    free(store->folder);
}
