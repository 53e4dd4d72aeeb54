/* server_pool: one connection that goes from request to request, and one number that always stands for it: what is told of it
 * again and again. Its argument says how often. Prints "served". */
#include "reqscope.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv) {
    int pair[2];
    int times = argc > 1 ? atoi(argv[1]) : 1000;
    reqscope_id requests[2] = {reqscope_begin("GET /a"), reqscope_begin("GET /b")};
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair)) return 1;
    for (int i = 0; i < times; i++) {
        if (reqscope_give(pair[0], requests[i % 2])) return 1;
        reqscope_switch(requests[i % 2]);
        if (write(pair[0], "x", 1) != 1) return 1;
        reqscope_give(pair[1], requests[i % 2]);
        char byte;
        if (read(pair[1], &byte, 1) != 1 || dup2(pair[0], 20) != 20) return 1;
    }
    puts("served");
    return 0;
}
