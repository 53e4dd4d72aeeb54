/* victim_constructor.c: a library's constructor that runs before the guard's own, and its destructor that runs after
 * it. The same source is the library (-DLIBRARY) and the program. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int victim_library_fd(void);
FILE *victim_library_stream(void);

#ifdef LIBRARY

static int fd = -1, pair[2];
static FILE *stream;

/* Every family of calls, before anything is set up. */
__attribute__((constructor)) static void early(void) {
    char byte = 'x';
    int ends[2];
    fd = open("/dev/zero", O_RDWR);
    stream = fopen("/dev/null", "w");
    if (fd < 0 || !stream || pipe(ends) || socketpair(AF_UNIX, SOCK_STREAM, 0, pair)) abort();
    if (write(ends[1], &byte, 1) != 1 || read(ends[0], &byte, 1) != 1 || byte != 'x') abort();
    if (send(pair[0], &byte, 1, 0) != 1 || recv(pair[1], &byte, 1, 0) != 1) abort();
    if (dup2(fd, ends[0]) != ends[0] || close(ends[0]) || close(ends[1]) || dup(fd) < 0) abort();
}

__attribute__((destructor)) static void late(void) {
    char bytes[64];
    for (int i = 0; i < 100; i++) {
        if (read(fd, bytes, sizeof bytes) != sizeof bytes || write(pair[0], bytes, 1) != 1) _exit(51);
    }
    int another = open("/dev/null", O_RDWR);
    if (another < 0 || close(another) || fclose(stream) || close(fd)) _exit(52);
    if (fork() == 0) _exit(read(pair[1], bytes, 1) != 1);
}

int victim_library_fd(void) {
    return fd;
}

FILE *victim_library_stream(void) {
    return stream;
}

#else
#include "victim.h"

static int calls_before_the_guard_is_ready(void) {
    char byte;
    MUST(reqscope_active() && victim_library_fd() >= 0);
    MUST(reqscope_owner(victim_library_fd()) == 0);
    reqscope_begin("A");
    MUST(read(victim_library_fd(), &byte, 1) == 1);
    reqscope_begin("B");
    MUST(read(victim_library_fd(), &byte, 1) == 1);
    MUST(fputc('x', victim_library_stream()) == 'x');
    MUST(victim_reports("reqscope: ") == 0);
    return 0; /* and then the destructor: 51 and 52 are its ends */
}

static const struct victim_test tests[] = {
    VICTIM(calls_before_the_guard_is_ready, NULL),
    {"calls_before_the_guard_is_ready_in_mode_deny", calls_before_the_guard_is_ready, "REQSCOPE_MODE=deny", 0},
};
VICTIM_MAIN(tests)
#endif
