/* server_kill: makes calls until it is killed, and counts those that have returned where a kill cannot take it away.
 *
 *     server_kill FILE 3<>COUNTS
 *
 * Two threads open FILE, read, write and close it, again and again, each round in a context of its own. Descriptor 3 is
 * a file of a page, mapped shared: one 64-bit count a thread, raised after each call that returned. Nothing else here
 * makes such calls in a context, so a trace of this process holds, in contexts, at least as many events of these calls
 * as were counted, and at most one more for each thread: the call that had been recorded and not yet counted. */
#include "reqscope.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define THREADS 2
#define COUNTS_FD 3
#define READS 8

static volatile uint64_t *counts;
static const char *path;

static void check(int works) {
    if (!works) abort();
}

static void *work(void *argument) {
    volatile uint64_t *count = argument;
    char buffer[16];
    for (;;) {
        reqscope_id request = reqscope_begin("round");
        int fd = open(path, O_RDWR);
        check(fd >= 0);
        ++*count;
        for (int i = 0; i < READS; i++) {
            check(read(fd, buffer, 1) >= 0);
            ++*count;
            check(write(fd, "w", 1) == 1);
            ++*count;
        }
        check(close(fd) == 0);
        ++*count;
        reqscope_end(request);
    }
    return NULL;
}

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: server_kill FILE 3<>COUNTS\n");
        return 2;
    }
    path = argv[1];
    counts = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, COUNTS_FD, 0);
    check(counts != MAP_FAILED);
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        check(!pthread_create(&threads[i], NULL, work, (void *)(uintptr_t)&counts[8 * i]));
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    return 1;
}
