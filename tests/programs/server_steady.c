/* server_steady: does what its standard input says, a command a line, and says what it has done, so that a test knows at every
 * moment what a viewer must have seen:
 *
 *     serve N    N requests, one after the other: each opens a pipe, moves 10 bytes through it (20 calls), and closes it
 *     begin      a request that stays
 *     hold       it opens a pipe that it keeps
 *     touch      another request writes into that: a finding
 *     fork       a child that serves 7 requests, and ends after its parent
 *     end        ends with 3
 */
#include "reqscope.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int serve(int count) {
    for (int i = 0; i < count; i++) {
        int ends[2];
        char byte;
        reqscope_id request = reqscope_begin("GET /steady");
        if (pipe(ends)) return 0;
        for (int j = 0; j < 10; j++)
            if (write(ends[1], "x", 1) != 1 || read(ends[0], &byte, 1) != 1) return 0;
        close(ends[0]);
        close(ends[1]);
        reqscope_end(request);
    }
    return 1;
}

static int touch(int fd) {
    reqscope_id request = reqscope_begin("GET /touch");
    int written = write(fd, "x", 1) == 1;
    reqscope_end(request);
    return written;
}

/* It lives as long as its parent: until that closes the pipe, by ending. */
static int begin_child(void) {
    int alive[2];
    char byte;
    if (pipe(alive)) return 0;
    pid_t child = fork();
    if (child < 0) return 0;
    if (!child) {
        close(alive[1]);
        _exit(!serve(7) || read(alive[0], &byte, 1) != 0);
    }
    close(alive[0]);
    return 1;
}

int main(void) {
    char line[64];
    int held[2] = {-1, -1}, count, good = 1;
    setvbuf(stdout, NULL, _IOLBF, 0);
    while (good && fgets(line, sizeof line, stdin)) {
        if (sscanf(line, "serve %d", &count) == 1)
            good = serve(count);
        else if (!strcmp(line, "begin\n"))
            reqscope_begin("GET /stays");
        else if (!strcmp(line, "hold\n"))
            good = !pipe(held);
        else if (!strcmp(line, "touch\n"))
            good = touch(held[1]);
        else if (!strcmp(line, "fork\n"))
            good = begin_child();
        else if (!strcmp(line, "end\n"))
            return 3;
        printf("did %s", line);
    }
    return 1;
}
