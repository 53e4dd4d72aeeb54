/* progress.c: see progress.h. */
#include "viewer/progress.h"
#include "viewer/memory.h"
#include "viewer/text.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { QUIET_MS = 500, BETWEEN_MS = 100, COLUMNS = 80 };

static atomic_uint_fast64_t done;

/* The lock is held while anything is written, and guards all of this. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t ended = PTHREAD_COND_INITIALIZER;
static struct {
    char *what;
    uint64_t total;
    pthread_t thread;
    bool running, drawn;
} progress;

/* "812 B", "1.2 GB"; the caller's to free. */
static char *size_text(uint64_t bytes) {
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
    double size = (double)bytes;
    size_t unit = 0;
    while (size >= 1000) {
        size /= 1000;
        unit++;
    }
    return memory_format(unit ? "%.1f %s" : "%.0f %s", size, units[unit]);
}

static char *line_text(void) {
    uint64_t now = atomic_load_explicit(&done, memory_order_relaxed), total = progress.total;
    char *size = size_text(total ? total : now), *line;
    double part = now < total ? (double)now / (double)total : 1;
    if (total)
        line = memory_format("reqscope: reading %s: %.0f%% of %s", progress.what, 100 * part, size);
    else
        line = memory_format("reqscope: reading %s: %s", progress.what, size);
    free(size);
    return line;
}

static void wipe(void) {
    if (progress.drawn) fputs("\r\033[K", stderr);
    progress.drawn = false;
}

/* How many bytes of the text are in so many columns. */
static size_t fitting(const char *text, size_t columns) {
    size_t length = 0;
    for (; text[length]; length++)
        if ((text[length] & 0xc0) != 0x80 && !columns--) break;
    return length;
}

/* A line that is as wide as the terminal would go on in the next one, and could not be wiped: it is cut. */
static void draw(void) {
    struct winsize size;
    size_t columns = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) || !size.ws_col ? COLUMNS : size.ws_col;
    char *line = line_text();
    wipe();
    fprintf(stderr, "%.*s", (int)fitting(line, columns - 1), line);
    progress.drawn = true;
    free(line);
}

/* Waits with the lock let go; an earlier end wakes it. */
static void wait_until(struct timespec *moment, int after_ms) {
    moment->tv_nsec += after_ms * 1000000L;
    moment->tv_sec += moment->tv_nsec / 1000000000;
    moment->tv_nsec %= 1000000000;
    while (progress.running && !pthread_cond_clockwait(&ended, &lock, CLOCK_MONOTONIC, moment)) {
    }
}

static void *draw_on(void *unused) {
    struct timespec moment;
    (void)unused;
    clock_gettime(CLOCK_MONOTONIC, &moment);
    pthread_mutex_lock(&lock);
    wait_until(&moment, QUIET_MS);
    while (progress.running) {
        draw();
        clock_gettime(CLOCK_MONOTONIC, &moment);
        wait_until(&moment, BETWEEN_MS);
    }
    wipe();
    pthread_mutex_unlock(&lock);
    return NULL;
}

void progress_start(const char *what, uint64_t total) {
    atomic_store(&done, 0);
    if (!isatty(STDERR_FILENO)) return;
    progress.what = text_escape(what);
    progress.total = total;
    progress.running = true;
    if (!pthread_create(&progress.thread, NULL, draw_on, NULL)) return;
    progress.running = false; /* then there is no line */
    free(progress.what);
}

void progress_add(uint64_t bytes) {
    atomic_fetch_add_explicit(&done, bytes, memory_order_relaxed);
}

void progress_end(void) {
    if (!progress.running) return;
    pthread_mutex_lock(&lock);
    progress.running = false;
    pthread_cond_signal(&ended);
    pthread_mutex_unlock(&lock);
    pthread_join(progress.thread, NULL);
    free(progress.what);
}

void progress_hold(void) {
    pthread_mutex_lock(&lock);
    wipe();
}

void progress_release(void) {
    pthread_mutex_unlock(&lock);
}
