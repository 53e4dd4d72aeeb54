/* folder.c: see folder.h. */
#include "tracer/folder.h"
#include "tracer/clock.h"
#include "tracer/layout.h"
#include "tracer/metadata.h"
#include "tracer/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

/* Makes "name-pid", or "name-pid-2" when an exec or an older process of that number has it already. */
static long make_home(struct rs_folder *folder) {
    uint32_t pid = (uint32_t)rs_sys(SYS_getpid);
    for (unsigned attempt = 1; attempt < 100000; attempt++) {
        char name[80];
        struct rs_text text = rs_text_in(name, sizeof name);
        rs_text_add(&text, folder->process);
        rs_text_add(&text, "-");
        rs_text_number(&text, pid);
        if (attempt > 1) {
            rs_text_add(&text, "-");
            rs_text_number(&text, attempt);
        }
        long made = rs_sys(SYS_mkdirat, folder->root, name, 0700);
        if (made == -EEXIST) continue;
        if (made < 0) return made;
        return rs_sys(SYS_openat, folder->root, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    }
    return -EEXIST;
}

size_t rs_read_file(const char *path, char *buffer, size_t size) {
    long fd = rs_sys(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 0;
    long length = rs_sys(SYS_read, fd, buffer, size - 1);
    rs_sys(SYS_close, fd);
    if (length < 0) length = 0;
    if (length && buffer[length - 1] == '\n') length--;
    buffer[length] = 0;
    return (size_t)length;
}

static long write_all(int fd, const char *bytes, size_t length) {
    while (length) {
        long written = rs_sys(SYS_write, fd, bytes, length);
        if (written == -EINTR) continue;
        if (written <= 0) return written ? written : -EIO;
        bytes += written;
        length -= (size_t)written;
    }
    return 0;
}

long rs_folder_put(const struct rs_folder *folder, const char *hidden, const char *bytes, size_t length) {
    long fd = rs_sys(SYS_openat, folder->home, hidden, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) return fd;
    long result = write_all((int)fd, bytes, length);
    rs_sys(SYS_close, fd);
    if (!result) result = rs_sys(SYS_renameat, folder->home, hidden, folder->home, hidden + 1);
    if (result) rs_sys(SYS_unlinkat, folder->home, hidden, 0);
    return result;
}

long rs_folder_write_metadata(const struct rs_folder *folder) {
    const size_t size = 64u << 10;
    char *text = rs_sys_mmap(size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    if (!text) return -ENOMEM;
    char boot_id[64], hostname[256];
    size_t boot_id_length = rs_read_file("/proc/sys/kernel/random/boot_id", boot_id, sizeof boot_id);
    if (!rs_read_file("/proc/sys/kernel/hostname", hostname, sizeof hostname)) hostname[0] = 0;
    struct rs_metadata values = {
        .trace_uuid = folder->uuid,
        .clock_uuid = boot_id_length == 36 ? boot_id : NULL,
        .clock_offset = rs_clock_realtime() - rs_clock_monotonic(),
        .hostname = hostname,
        .process = folder->process,
        .pid = (uint64_t)rs_sys(SYS_getpid),
    };
    size_t length = rs_metadata_write(text, size, &values);
    long result = length ? rs_folder_put(folder, ".metadata", text, length) : -ENOSPC;
    rs_sys(SYS_munmap, text, size);
    return result;
}

static void make_uuid(struct rs_folder *folder) {
    struct {
        uint64_t count, time, pid;
    } seed = {RS_CLOCK_COUNT(), rs_clock_realtime(), (uint64_t)rs_sys(SYS_getpid)};
    if (rs_sys(SYS_getrandom, folder->uuid, sizeof folder->uuid, 1 /* GRND_NONBLOCK */) != sizeof folder->uuid) {
        for (unsigned i = 0; i < 2; i++) {
            uint64_t half = rs_mix(&seed, sizeof seed, i);
            memcpy(folder->uuid + 8 * i, &half, 8);
        }
    }
    folder->uuid[6] = (uint8_t)((folder->uuid[6] & 0x0f) | 0x40);
    folder->uuid[8] = (uint8_t)((folder->uuid[8] & 0x3f) | 0x80);
}

long rs_folder_open(struct rs_folder *folder, const char *path) {
    folder->root = folder->home = -1;
    strncpy(folder->path, path, sizeof folder->path - 1);
    long made = rs_sys(SYS_mkdirat, AT_FDCWD, folder->path, 0700);
    if (made && made != -EEXIST) return made;
    return rs_sys(SYS_openat, AT_FDCWD, folder->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

void rs_folder_set_process(struct rs_folder *folder, const char *process) {
    struct rs_text text = rs_text_in(folder->process, sizeof folder->process);
    for (; *process; process++) {
        rs_text_character(&text, *process == '/' || (unsigned char)*process < 33 ? '_' : *process);
    }
    if (!text.length) rs_text_character(&text, '_');
    if (folder->process[0] == '.') folder->process[0] = '_';
}

long rs_folder_make_home(struct rs_folder *folder) {
    make_uuid(folder);
    return make_home(folder);
}

void rs_folder_give_to(const struct rs_folder *folder, uint32_t user) {
    union {
        struct dirent64 entry;
        char bytes[1024];
    } names;
    long fd = rs_sys(SYS_openat, folder->home, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (long size; fd >= 0 && (size = rs_sys(SYS_getdents64, fd, &names, sizeof names)) > 0;) {
        for (long at = 0; at < size;) {
            const struct dirent64 *entry = (const struct dirent64 *)(const void *)(names.bytes + at);
            if (entry->d_type == DT_REG)
                rs_sys(SYS_fchownat, folder->home, entry->d_name, user, -1, AT_SYMLINK_NOFOLLOW);
            at += entry->d_reclen;
        }
    }
    if (fd >= 0) rs_sys(SYS_close, fd);
    rs_sys(SYS_fchown, folder->home, user, -1);
}

void rs_folder_mark_stopped(const struct rs_folder *folder) {
    long fd = rs_sys(SYS_openat, folder->home, RS_FOLDER_STOPPED, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd >= 0) rs_sys(SYS_close, fd);
}

/* Opens this process's map, by the number that it knows itself by. -1: there is none to keep. */
static long open_perf_map(uint64_t since, uint64_t most, uint64_t *size) {
    char path[64];
    struct stat status = {0};
    struct rs_text text = rs_text_in(path, sizeof path);
    rs_text_add(&text, "/tmp/perf-");
    rs_text_number(&text, (uint64_t)rs_sys(SYS_getpid));
    rs_text_add(&text, ".map");
    long fd = rs_sys(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) return -1;
    /* A file's time is that of the last tick of the kernel's clock: up to 10 ms behind. */
    bool good = !rs_sys(SYS_fstat, fd, &status) && S_ISREG(status.st_mode) && status.st_size > 0 &&
                status.st_uid == (uint32_t)rs_sys(SYS_geteuid) && (uint64_t)status.st_size <= most &&
                (uint64_t)status.st_mtim.tv_sec * 1000000000u + (uint64_t)status.st_mtim.tv_nsec + 10000000u >= since;
    *size = (uint64_t)status.st_size;
    if (good) return fd;
    rs_sys(SYS_close, fd);
    return -1;
}

/* Other threads may still write the map: what is added meanwhile is left. */
static long copy(int from, int to, uint64_t size) {
    const size_t piece = 64u << 10;
    char *bytes = rs_sys_mmap(piece, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    long result = bytes ? 0 : -ENOMEM;
    while (!result && size) {
        long length = rs_sys(SYS_read, from, bytes, size < piece ? size : piece);
        if (length == -EINTR) continue;
        if (length <= 0) {
            result = length;
            break;
        }
        result = write_all(to, bytes, (size_t)length);
        size -= (uint64_t)length;
    }
    if (bytes) rs_sys(SYS_munmap, bytes, piece);
    return result;
}

long rs_folder_keep_perf_map(const struct rs_folder *folder, uint64_t since, uint64_t most) {
    static const char hidden[] = "." RS_FOLDER_PERF_MAP;
    uint64_t size;
    long from = open_perf_map(since, most, &size);
    if (from < 0) return 0;
    long to = rs_sys(SYS_openat, folder->home, hidden, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    long result = to < 0 ? to : copy((int)from, (int)to, size);
    if (to >= 0) rs_sys(SYS_close, to);
    rs_sys(SYS_close, from);
    if (!result) result = rs_sys(SYS_renameat, folder->home, hidden, folder->home, hidden + 1);
    if (result && to >= 0) rs_sys(SYS_unlinkat, folder->home, hidden, 0);
    return result;
}
