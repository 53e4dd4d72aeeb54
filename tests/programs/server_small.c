/* server_small: the least program with a finding, for tests that want a small trace. One context opens a pipe and
 * writes into it, another one writes, too. Prints "served" and ends with 0. */
#include "reqscope.h"

#include <stdio.h>
#include <unistd.h>

int main(void) {
    int ends[2];
    reqscope_id alice = reqscope_begin("GET /basket?user=alice");
    if (pipe(ends) || write(ends[1], "alice", 5) != 5) return 1;
    reqscope_id bob = reqscope_begin("GET /basket?user=bob");
    ssize_t written = write(ends[1], "bob", 3);
    reqscope_end(bob);
    close(ends[0]);
    close(ends[1]);
    reqscope_end(alice);
    puts(written == 3 ? "served" : "refused");
    return 0;
}
