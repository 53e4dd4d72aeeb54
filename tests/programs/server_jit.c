/* server_jit: a server that makes code as it runs, as Node.js and Java do, and names it in /tmp/perf-PID.map. One context opens a pipe
 * and writes into it, another one writes, too, both from within that code.
 *
 *     server_jit exit|kill|old NAME      what the code is called in the map
 *
 * Prints its pid. exit: ends by itself. kill: is killed. old: ends by itself, but the map is from before the process began. The map
 * stays: who runs it removes it. */
#include "reqscope.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* int call(int (*function)(void *), void *argument): with a frame of its own, by which it is unwound. */
static const unsigned char code[] = {
    0x55,             /* push %rbp */
    0x48, 0x89, 0xe5, /* mov %rsp, %rbp */
    0x48, 0x89, 0xf8, /* mov %rdi, %rax */
    0x48, 0x89, 0xf7, /* mov %rsi, %rdi */
    0xff, 0xd0,       /* call *%rax */
    0x5d,             /* pop %rbp */
    0xc3,             /* ret */
};
typedef int generated(int (*function)(void *), void *argument);

static int write_to(void *pipe) {
    return write(((int *)pipe)[1], "word", 4) == 4;
}

static int write_map(const void *place, const char *name, int old) {
    char path[64];
    struct timespec long_ago[2] = {{1, 0}, {1, 0}};
    snprintf(path, sizeof path, "/tmp/perf-%d.map", (int)getpid());
    remove(path);
    FILE *map = fopen(path, "w");
    if (!map) return 0;
    fprintf(map, "%lx %zx what was here before\n", (unsigned long)place, sizeof code);
    fprintf(map, "%lx %zx %s\n", (unsigned long)place, sizeof code, name);
    fprintf(map, "%lx", (unsigned long)place); /* being written */
    return !fclose(map) && (!old || !utimensat(AT_FDCWD, path, long_ago, 0));
}

int main(int argc, char **argv) {
    int ends[2], good;
    unsigned char *place = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    generated *call;
    if (argc < 3 || place == MAP_FAILED) return 2;
    memcpy(place, code, sizeof code);
    memcpy(&call, &place, sizeof call);
    if (!write_map(place, argv[2], !strcmp(argv[1], "old"))) return 2;
    printf("%d\n", (int)getpid());
    fflush(stdout);
    reqscope_id alice = reqscope_begin("GET /basket?user=alice");
    if (pipe(ends)) return 1;
    good = call(write_to, ends);
    reqscope_id bob = reqscope_begin("GET /basket?user=bob");
    good &= call(write_to, ends);
    reqscope_end(bob);
    close(ends[0]);
    close(ends[1]);
    reqscope_end(alice);
    if (!strcmp(argv[1], "kill")) raise(SIGKILL);
    return !good;
}
