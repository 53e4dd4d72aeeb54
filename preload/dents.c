/* dents.c: see dents.h. */
#include "preload/dents.h"
#include "preload/fdtable.h"
#include "tracer/text.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>

/* The number that name is, -1 when it is none. */
static int number_in(const char *name) {
    int number = 0;
    for (const char *at = name; *at; at++) {
        if (*at < '0' || *at > '9' || at - name > 8) return -1;
        number = number * 10 + (*at - '0');
    }
    return *name ? number : -1;
}

/* "/proc/4711/fd", "/proc/4711/task/4712/fdinfo": a list of this process's descriptors, whichever thread's it is called. */
static bool lists_own(int fd) {
    char link[64], target[128], process[32];
    struct rs_text text = rs_text_in(link, sizeof link);
    rs_text_add(&text, "/proc/self/fd/");
    rs_text_number(&text, (uint64_t)fd);
    long length = rs_sys(SYS_readlinkat, AT_FDCWD, link, target, sizeof target - 1);
    if (length <= 0) return false;
    target[length] = 0;
    text = rs_text_in(process, sizeof process);
    rs_text_add(&text, "/proc/");
    rs_text_number(&text, (uint64_t)rs_sys(SYS_getpid));
    rs_text_add(&text, "/");
    const char *last = strrchr(target, '/');
    return last && !strncmp(target, process, strlen(process)) && (!strcmp(last, "/fd") || !strcmp(last, "/fdinfo"));
}

bool rs_dent_hidden(int fd, const char *name) {
    if (name[0] < '0' || name[0] > '9' || !rs_on || rs_thread.inside) return false;
    int number = number_in(name);
    return number >= 0 && rs_is_own(number) && lists_own(fd);
}

ssize_t rs_dents_filtered(int fd, void *buffer, ssize_t size) {
    char *at = buffer, *end = at + size;
    while (at < end) {
        const struct dirent64 *entry = (const struct dirent64 *)(const void *)at;
        size_t length = entry->d_reclen;
        if (!length || length > (size_t)(end - at)) break;
        if (rs_dent_hidden(fd, entry->d_name)) {
            memmove(at, at + length, (size_t)(end - at) - length);
            end -= length;
        } else {
            at += length;
        }
    }
    return end - (char *)buffer;
}
