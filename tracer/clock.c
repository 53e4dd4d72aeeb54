/* clock.c: anchors for the time stamp counter. clock.h says why. */
#include "tracer/clock.h"

#include <fcntl.h>
#include <string.h>
#include <time.h>

/* A rate measured over less than this would be too rough. */
#define SHORTEST_BASELINE 200000u /* ns */

int rs_clock_counter;
static uint64_t first_count, first_time;

static uint64_t kernel_time(clockid_t id) {
    struct timespec now = {0, 0};
    rs_sys(SYS_clock_gettime, id, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t rs_clock_monotonic(void) {
    struct timespec now = {0, 0};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t rs_clock_realtime(void) {
    return kernel_time(CLOCK_REALTIME);
}

static int kernel_uses_counter(void) {
#if defined(__x86_64__)
    char name[8] = "";
    long fd = rs_sys(SYS_openat, AT_FDCWD, "/sys/devices/system/clocksource/clocksource0/current_clocksource",
                     O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 0;
    long length = rs_sys(SYS_read, fd, name, sizeof name - 1);
    rs_sys(SYS_close, fd);
    return length == 4 && !memcmp(name, "tsc\n", 4);
#else
    return 0;
#endif
}

void rs_clock_start(void) {
    rs_clock_counter = kernel_uses_counter();
    first_time = kernel_time(CLOCK_MONOTONIC);
    first_count = RS_CLOCK_COUNT();
}

uint64_t rs_clock_anchor(struct rs_clock *clock) {
    if (!rs_clock_counter) return rs_clock_monotonic();
    uint64_t before = RS_CLOCK_COUNT();
    uint64_t time = kernel_time(CLOCK_MONOTONIC);
    uint64_t after = RS_CLOCK_COUNT();
    uint64_t count = before + (after - before) / 2;
    uint64_t baseline = time - first_time;
    if (baseline < SHORTEST_BASELINE || count <= first_count) return time;
    clock->rate = (uint64_t)(((unsigned __int128)baseline << 32) / (count - first_count));
    clock->anchor_count = count;
    clock->anchor_time = time;
    return time;
}

uint64_t rs_clock_since(uint64_t mark) {
    uint64_t time = rs_clock_monotonic();
    if (!rs_clock_counter) return time > mark ? time - mark : 0;
    uint64_t count = RS_CLOCK_COUNT();
    if (count <= mark || count <= first_count || time <= first_time) return 0;
    return (uint64_t)((unsigned __int128)(count - mark) * (time - first_time) / (count - first_count));
}
