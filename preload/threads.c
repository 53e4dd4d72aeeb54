/* threads.c: see threads.h. */
#include "preload/threads.h"
#include "preload/freelist.h"
#include "preload/guard.h"
#include "preload/infer.h"
#include "preload/reserve.h"
#include "preload/stack.h"

#define MOST_STARTS (1u << 15)

static struct rs_start *starts;
static struct rs_freelist free_starts = {.next = 1};

static struct rs_places places(void) {
    return (struct rs_places){&starts->next_free, sizeof *starts, MOST_STARTS};
}

void rs_threads_start(void) {
    starts = rs_reserve_private(MOST_STARTS, sizeof *starts);
}

uint32_t rs_thread_asked(struct rs_start start) {
    uint32_t place = rs_on && starts ? rs_place_take(&free_starts, places()) : 0;
    if (!place) return 0;
    starts[place].run = start.run; /* not the link: who takes a place may look at it just now */
    starts[place].argument = start.argument;
    starts[place].by = rs_inferring ? rs_thread.current : 0;
    return place;
}

void rs_thread_not_made(uint32_t place) {
    rs_place_give_back(&free_starts, places(), place);
}

struct rs_start rs_thread_begins(uint32_t place) {
    struct rs_start start = starts[place];
    rs_place_give_back(&free_starts, places(), place);
    rs_stack_thread_begins();
    rs_infer_begun(start.by);
    return start;
}
