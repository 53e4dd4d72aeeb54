/* bench.c: one measurement of one thing, alone in a process. It prints one line that bench.py reads:
 *
 *     NANOSECONDS ACTIVE CONTEXT FRAMES
 *
 * what one call took, then what the process saw of the guard: reqscope_active(), is a context current, and how deep the
 * stack was where the calls were made. bench.py runs it bare and under the guard, and takes a number only when the
 * process was in the state that the row is about.
 *
 *     bench read MILLISECONDS [context]         1-byte reads of /dev/zero
 *     bench open MILLISECONDS [context]         open and close of /dev/zero, 16 frames deep
 *     bench exchange MILLISECONDS [context]     a Redis command and its answer over TCP, both ends: two sends, two receives
 *     bench start MILLISECONDS [LIBRARY]        /bin/true from start to end, with LIBRARY preloaded
 *
 * Calls are timed in batches; the answer is the median batch, so that what interrupts the process for a moment does not
 * count. A batch of reads is longer than a packet of a trace, so that each has its share of the recorder's rare work.
 */
#include "reqscope.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <unwind.h>

#define DEPTH 16u
#define BATCHES_MOST 4096u

struct measurement {
    bool (*batch)(struct measurement *); /* makes so many calls; false: one has failed */
    unsigned calls;
    unsigned milliseconds;
    int fd, peer;
    const char *library;
    unsigned frames; /* how deep the calls are made */
    double nanoseconds;
};

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static int fail(const char *what) {
    perror(what);
    return 1;
}

/* ---- what is measured ---- */

static bool read_batch(struct measurement *run) {
    char byte;
    for (unsigned i = 0; i < run->calls; i++) {
        if (read(run->fd, &byte, 1) != 1) return false;
    }
    return true;
}

static bool open_batch(struct measurement *run) {
    for (unsigned i = 0; i < run->calls; i++) {
        int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
        if (fd < 0 || close(fd)) return false;
    }
    return true;
}

static bool exchange_batch(struct measurement *run) {
    static const char command[] = "*2\r\n$3\r\nGET\r\n$8\r\nbasket:7\r\n", answer[] = "$12\r\n2 x red shoe\r\n";
    char bytes[64];
    for (unsigned i = 0; i < run->calls; i++) {
        if (send(run->fd, command, sizeof command - 1, 0) < 0 || recv(run->peer, bytes, sizeof bytes, 0) < 0)
            return false;
        if (send(run->peer, answer, sizeof answer - 1, 0) < 0 || recv(run->fd, bytes, sizeof bytes, 0) < 0)
            return false;
    }
    return true;
}

/* Both ends of a TCP connection. */
static bool connect_both(struct measurement *run) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr *any = (struct sockaddr *)&address;
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0 || bind(listener, any, length) || listen(listener, 1) || getsockname(listener, any, &length))
        return false;
    run->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (run->fd < 0 || connect(run->fd, any, length)) return false;
    run->peer = accept(listener, NULL, NULL);
    return run->peer >= 0 && !close(listener);
}

static bool start_batch(struct measurement *run) {
    char setting[4096];
    char name[] = "true";
    char *arguments[] = {name, NULL}, *guarded[] = {setting, NULL};
    pid_t pid;
    int status;
    if (run->library) snprintf(setting, sizeof setting, "LD_PRELOAD=%s", run->library);
    for (unsigned i = 0; i < run->calls; i++) {
        if (posix_spawn(&pid, "/bin/true", NULL, NULL, arguments, run->library ? guarded : environ)) return false;
        if (waitpid(pid, &status, 0) != pid || status) return false;
    }
    return true;
}

/* ---- measuring ---- */

static int compare(const void *one, const void *other) {
    double a = *(const double *)one, b = *(const double *)other;
    return (a > b) - (a < b);
}

/* Batches for so long, after one that warms up. */
static bool measure(struct measurement *run) {
    static double batches[BATCHES_MOST];
    unsigned count = 0;
    if (!run->batch(run)) return false;
    double begun = now(), before = begun;
    while (count < BATCHES_MOST && (before - begun < run->milliseconds * 1e6 || count < 3)) {
        if (!run->batch(run)) return false;
        double after = now();
        batches[count++] = after - before;
        before = after;
    }
    qsort(batches, count, sizeof *batches, compare);
    run->nanoseconds = batches[count / 2] / run->calls;
    return true;
}

static _Unwind_Reason_Code count_frame(struct _Unwind_Context *context, void *frames) {
    if (_Unwind_GetIP(context)) ++*(unsigned *)frames;
    return _URC_NO_REASON;
}

static unsigned stack_frames(void) {
    unsigned frames = 0;
    _Unwind_Backtrace(count_frame, &frames);
    return frames - 1; /* without this function's own, as it is when the calls are made */
}

/* Measures where the stack is `depth` frames deep, batch()'s own among them. */
__attribute__((noinline)) static bool measure_at(struct measurement *run, unsigned depth) {
    unsigned frames = stack_frames() + 2; /* measure() and batch() */
    bool done;
    if (frames < depth) {
        done = measure_at(run, depth);
    } else {
        run->frames = frames;
        done = measure(run);
    }
    __asm__ volatile("" ::: "memory"); /* no tail call: the frame must stay */
    return done;
}

int main(int count, char **arguments) {
    struct measurement run = {.fd = -1, .peer = -1};
    const char *what = count > 2 ? arguments[1] : "";
    const char *last = count > 3 ? arguments[3] : NULL;
    reqscope_id context = 0;
    if (!strcmp(what, "read")) {
        run.batch = read_batch;
        run.calls = 50000;
    } else if (!strcmp(what, "open")) {
        run.batch = open_batch;
        run.calls = 5000;
    } else if (!strcmp(what, "exchange")) {
        run.batch = exchange_batch;
        run.calls = 2000;
    } else if (!strcmp(what, "start")) {
        run.batch = start_batch;
        run.calls = 5;
        run.library = last;
    } else {
        fprintf(stderr, "usage: %s read|open|exchange MILLISECONDS [context]\n       %s start MILLISECONDS [LIBRARY]\n",
                arguments[0], arguments[0]);
        return 2;
    }
    run.milliseconds = (unsigned)strtoul(arguments[2], NULL, 10);
    if (last && !strcmp(last, "context")) context = reqscope_begin("benchmark");
    if (run.batch == exchange_batch) {
        if (!connect_both(&run)) return fail("a connection");
    } else {
        run.fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
        if (run.fd < 0) return fail("/dev/zero");
    }
    if (!measure_at(&run, DEPTH)) return fail(what);
    printf("%.3f %d %d %u\n", run.nanoseconds, reqscope_active(), reqscope_current() != 0, run.frames);
    if (close(run.fd) || (run.peer >= 0 && close(run.peer))) return fail("close");
    reqscope_end(context);
    return 0;
}
