/* server_workers: a server as root starts it: two workers, each of which gives up root and then works until it has written more
 * than a packet of its trace. In each one request writes to another's pipe. Ends with 0 when all went well. */
#include "reqscope.h"

#include <grp.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOBODY 65534

static int work(void) {
    int ends[2];
    char byte;
    if (setgid(NOBODY) || setgroups(0, NULL) || setuid(NOBODY)) return 1;
    reqscope_id alice = reqscope_begin("GET /basket?user=alice");
    if (pipe(ends)) return 1;
    for (int i = 0; i < 100000; i++) {
        if (write(ends[1], "x", 1) != 1 || read(ends[0], &byte, 1) != 1) return 1;
    }
    reqscope_id bob = reqscope_begin("GET /basket?user=bob");
    if (write(ends[1], "x", 1) != 1) return 1;
    reqscope_end(bob);
    reqscope_end(alice);
    return 0;
}

int main(void) {
    int status, failed = 0;
    for (int i = 0; i < 2; i++) {
        pid_t pid = fork();
        if (!pid) return work();
        failed |= pid < 0;
    }
    while (wait(&status) > 0) failed |= status;
    return failed != 0;
}
