/* server_labels THREADS REQUESTS: each thread serves so many requests one after the other, a hundred reads each, and one of what
 * belongs to another request: so all are named by a finding, and kept. Labels have all lengths: what a flight recorder has to write
 * again, when it gives up the packet that it stood in, ends anywhere. */
#include "reqscope.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int requests;

static void *serve(void *argument) {
    char label[64], byte;
    reqscope_id outer = reqscope_begin("lasts");
    int fd = open("/dev/zero", O_RDONLY);
    for (int i = 0; i < requests; i++) {
        snprintf(label, sizeof label, "GET /%.*s", i % 40, "0123456789012345678901234567890123456789");
        reqscope_id request = reqscope_begin(label);
        int own = open("/dev/zero", O_RDONLY);
        for (int j = 0; j < 100; j++) {
            if (read(own, &byte, 1) != 1) abort();
        }
        if (read(fd, &byte, 1) != 1) abort();
        close(own);
        reqscope_end(request);
    }
    close(fd);
    reqscope_end(outer);
    return argument;
}

int main(int argc, char **argv) {
    pthread_t threads[16];
    int count = argc == 3 ? atoi(argv[1]) : 0;
    if (count < 1 || count > 16) return 2;
    requests = atoi(argv[2]);
    for (int i = 0; i < count; i++) {
        if (pthread_create(&threads[i], NULL, serve, NULL)) return 1;
    }
    for (int i = 0; i < count; i++) pthread_join(threads[i], NULL);
    return 0;
}
