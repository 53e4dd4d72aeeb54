/* damage: gives `reqscope report` a trace with every damage of two kinds: each file cut at each byte, and each byte of
 * each file changed (all its bits, then one). Each time the command must say something on stderr and exit with 2.
 *
 *     damage REQSCOPE TRACE SCRATCH WORKERS
 *
 * TRACE is one process's folder; it is copied into SCRATCH, once for each worker, and the copies are damaged. Prints
 * what was not noticed, then a line "N damages, N not reported"; exits with 1 when there were such. (C, as a shell
 * would take a quarter of an hour.) */
#define _GNU_SOURCE 1
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define FILES_MAX 64
#define SECONDS_MAX 20 /* a run that takes longer hangs */

/* A file of the trace, whole. */
struct file {
    char name[256];
    char *bytes;
    size_t size;
};

static struct file files[FILES_MAX];
static int file_count;
static const char *reqscope;

/* One worker's copy of the trace, and what came of it. */
struct copy {
    char folder[512];
    char said[600]; /* the file that stderr goes to */
    long damages, missed;
};

static void die(const char *what) {
    perror(what);
    exit(2);
}

static void read_trace(const char *folder) {
    DIR *listing = opendir(folder);
    if (!listing) die(folder);
    struct dirent *entry;
    while ((entry = readdir(listing))) {
        if (entry->d_name[0] == '.') continue;
        struct file *file = &files[file_count++];
        struct stat status;
        int fd = openat(dirfd(listing), entry->d_name, O_RDONLY);
        if (file_count == FILES_MAX || fd < 0 || fstat(fd, &status)) die(entry->d_name);
        snprintf(file->name, sizeof file->name, "%s", entry->d_name);
        file->size = (size_t)status.st_size;
        file->bytes = malloc(file->size + 1);
        if (!file->bytes || read(fd, file->bytes, file->size) != (ssize_t)file->size) die(entry->d_name);
        close(fd);
    }
    closedir(listing);
}

static void write_copy(const struct copy *copy) {
    if (mkdir(copy->folder, 0700)) die(copy->folder);
    for (int i = 0; i < file_count; i++) {
        char path[1024];
        snprintf(path, sizeof path, "%.500s/%.255s", copy->folder, files[i].name);
        int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
        if (fd < 0 || write(fd, files[i].bytes, files[i].size) != (ssize_t)files[i].size) die(path);
        close(fd);
    }
}

/* Runs the command on the copy; its wait status, and in *said how much it wrote to stderr. */
static int run_report(const struct copy *copy, long *said) {
    pid_t child = fork();
    if (child < 0) die("fork");
    if (child == 0) {
        alarm(SECONDS_MAX);
        int nothing = open("/dev/null", O_RDWR);
        int errors = open(copy->said, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        if (dup2(nothing, 0) < 0 || dup2(nothing, 1) < 0 || dup2(errors, 2) < 0) _exit(126);
        execl(reqscope, reqscope, "report", copy->folder, (char *)NULL);
        _exit(127);
    }
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    struct stat errors;
    *said = stat(copy->said, &errors) ? 0 : (long)errors.st_size;
    return status;
}

static void examine(struct copy *copy, const char *damage, const struct file *file, size_t offset) {
    long said;
    int status = run_report(copy, &said);
    copy->damages++;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 2 && said > 0) return;
    if (copy->missed++ >= 5) return;
    printf("  %s %s at byte %zu of %zu: ", file->name, damage, offset, file->size);
    if (WIFSIGNALED(status))
        printf("signal %d\n", WTERMSIG(status));
    else
        printf("exit %d, %ld bytes on stderr\n", WEXITSTATUS(status), said);
}

/* From the end to the begin, so that each cut is one ftruncate. */
static void cut_everywhere(struct copy *copy, const struct file *file, int fd, int worker, int workers) {
    for (size_t offset = file->size; offset-- > 0;) {
        if (offset % (size_t)workers != (size_t)worker) continue;
        if (ftruncate(fd, (off_t)offset)) die("ftruncate");
        examine(copy, "cut", file, offset);
    }
    if (pwrite(fd, file->bytes, file->size, 0) != (ssize_t)file->size) die("pwrite");
}

static void change_every_byte(struct copy *copy, const struct file *file, int fd, int worker, int workers) {
    for (size_t offset = (size_t)worker; offset < file->size; offset += (size_t)workers) {
        char all_bits = (char)~file->bytes[offset], one_bit = (char)(file->bytes[offset] ^ 1 << offset % 8);
        if (pwrite(fd, &all_bits, 1, (off_t)offset) != 1) die("pwrite");
        examine(copy, "changed in all bits", file, offset);
        if (pwrite(fd, &one_bit, 1, (off_t)offset) != 1) die("pwrite");
        examine(copy, "changed in one bit", file, offset);
        if (pwrite(fd, &file->bytes[offset], 1, (off_t)offset) != 1) die("pwrite");
    }
}

/* This worker's share of all damages. Tells its counts through `results`. */
static void work(const char *scratch, int worker, int workers, int results) {
    struct copy copy = {.damages = 0};
    snprintf(copy.folder, sizeof copy.folder, "%s/copy-%d", scratch, worker);
    snprintf(copy.said, sizeof copy.said, "%s/said-%d", scratch, worker);
    write_copy(&copy);
    long said;
    int whole = run_report(&copy, &said);
    if (whole) {
        printf("  the whole trace cannot be read: status %d\n", whole);
        copy.missed++;
    }
    for (int i = 0; i < file_count; i++) {
        char path[1024];
        snprintf(path, sizeof path, "%.500s/%.255s", copy.folder, files[i].name);
        int fd = open(path, O_RDWR | O_CLOEXEC);
        if (fd < 0) die(path);
        cut_everywhere(&copy, &files[i], fd, worker, workers);
        change_every_byte(&copy, &files[i], fd, worker, workers);
        close(fd);
    }
    long counts[] = {copy.damages, copy.missed};
    if (write(results, counts, sizeof counts) != sizeof counts) die("results");
}

int main(int argc, char **argv) {
    int results[2], workers = argc == 5 ? atoi(argv[4]) : 0;
    if (workers < 1) {
        fprintf(stderr, "usage: damage REQSCOPE TRACE SCRATCH WORKERS\n");
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    reqscope = argv[1];
    read_trace(argv[2]);
    if (pipe2(results, O_CLOEXEC)) die("pipe");
    for (int i = 0; i < workers; i++) {
        pid_t child = fork();
        if (child < 0) die("fork");
        if (child == 0) {
            work(argv[3], i, workers, results[1]);
            exit(0);
        }
    }
    close(results[1]);

    long damages = 0, missed = 0, counts[2];
    int reported = 0, status;
    while (read(results[0], counts, sizeof counts) == sizeof counts) {
        damages += counts[0];
        missed += counts[1];
        reported++;
    }
    while (wait(&status) > 0) {
    }
    printf("%ld damages, %ld not reported\n", damages, missed);
    return missed > 0 || reported != workers;
}
