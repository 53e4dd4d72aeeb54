/* server_family: processes that descend from one another, for newcomer.sh.
 *
 *     server_family daemon FIFO    becomes a daemon, and lives until somebody writes to the FIFO
 *     server_family children       three children at once, a request each */
#include "reqscope.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int serve_until_told(const char *fifo) {
    char byte;
    puts("started");
    fflush(stdout);
    if (daemon(0, 0)) return 1;
    int fd = open(fifo, O_RDONLY);
    return read(fd, &byte, 1) != 1;
}

/* All children's requests are live at the same time: each waits until the parent closes the pipe. */
static int serve_in_children(void) {
    int ready[2], done[2];
    char byte;
    if (pipe(ready) || pipe(done)) return 1;
    for (int i = 0; i < 3; i++) {
        if (fork()) continue;
        close(done[1]);
        reqscope_id request = reqscope_begin("GET /child");
        if (write(ready[1], "r", 1) != 1) _exit(1);
        while (read(done[0], &byte, 1) > 0) {
        }
        close(open("/dev/null", O_RDONLY));
        reqscope_end(request);
        _exit(0);
    }
    for (int i = 0; i < 3; i++) {
        if (read(ready[0], &byte, 1) != 1) return 1;
    }
    close(done[1]);
    while (wait(NULL) > 0) {
    }
    return 0;
}

int main(int argc, char **argv) {
    if (argc == 3 && !strcmp(argv[1], "daemon")) return serve_until_told(argv[2]);
    if (argc == 2 && !strcmp(argv[1], "children")) return serve_in_children();
    fprintf(stderr, "usage: server_family daemon FIFO | children\n");
    return 2;
}
