/* load_trace.c: a server's day in short, for what reads traces: so many threads, each working on requests: begin, open, talk over a
 * connection of its own, close, end. Under the guard with REQSCOPE_TRACE and REQSCOPE_TRACE_MAX=0 it leaves a trace of the size
 * that is asked for.
 *
 *     load_trace THREADS EVENTS      EVENTS in all, about */
#include "reqscope.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define TURNS 8         /* each a write and a read */
#define EVENTS_EACH 22u /* of one request, about */

static unsigned long requests;

static void need(int right, const char *what) {
    if (right) return;
    perror(what);
    exit(1);
}

static void request(const int *connection, unsigned long number) {
    char label[64], byte = 0;
    reqscope_id id;
    int fd;
    snprintf(label, sizeof label, "GET /orders/%lu", number % 512);
    id = reqscope_begin(label);
    fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    need(fd >= 0, "/dev/null");
    for (int i = 0; i < TURNS; i++) {
        need(write(connection[0], &byte, 1) == 1, "write");
        need(read(connection[1], &byte, 1) == 1, "read");
    }
    close(fd);
    reqscope_end(id);
}

static void *work(void *number) {
    unsigned long first = (unsigned long)number;
    int connection[2];
    need(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, connection), "socketpair");
    reqscope_share(connection[0]);
    reqscope_share(connection[1]);
    for (unsigned long i = 0; i < requests; i++) request(connection, first + i);
    return NULL;
}

int main(int count, char **arguments) {
    unsigned long threads = count == 3 ? strtoul(arguments[1], NULL, 10) : 0;
    unsigned long events = count == 3 ? strtoul(arguments[2], NULL, 10) : 0;
    pthread_t *all;
    if (!threads || !events) {
        fputs("usage: load_trace THREADS EVENTS\n", stderr);
        return 2;
    }
    all = calloc(threads, sizeof *all);
    need(all != NULL, "calloc");
    requests = events / EVENTS_EACH / threads + 1;
    for (unsigned long i = 0; i < threads; i++) need(!pthread_create(&all[i], NULL, work, (void *)i), "pthread_create");
    for (unsigned long i = 0; i < threads; i++) pthread_join(all[i], NULL);
    free(all);
    return 0;
}
