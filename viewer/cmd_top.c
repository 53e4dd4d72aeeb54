/* cmd_top.c: `reqscope top`: a guarded process as it runs, by its trace alone: nothing is done to the process.
 *
 * Every look: who runs (followed.h), what came since the look before (tail.h), what that makes (live.h), and how it is shown (top.h). */
#include "viewer/commands.h"
#include "viewer/followed.h"
#include "viewer/output.h"
#include "viewer/screen.h"
#include "viewer/text.h"
#include "viewer/top.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000ull
/* Events get their times by each thread's own clock, and are written a moment later: what is younger waits for the next look. */
#define MARGIN 2000000ull
#define EVENTS_AT_ONCE 65536u
/* The flight recorder gives up packets as new ones are filled: so often they are read, and more often when some were missed. */
#define READ_SELDOM (100 * 1000000ull)
#define READ_OFTEN (5 * 1000000ull)

struct top {
    const struct options *options;
    struct followed followed;
    bool screen;
    bool patience;        /* was asked for, or need not be any more: the first look is done */
    uint64_t interval;    /* ns */
    uint64_t period;      /* of reading: ns */
    uint64_t lost;        /* packets, until now */
    uint64_t swept;       /* when */
    uint64_t first, last; /* the first look's time, and the latest's */
    struct top_look look;
};

static uint64_t read_clock(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * SECOND + (uint64_t)now.tv_nsec;
}

/* Takes what came up to `until`; false when it is told to end meanwhile. */
static bool take_events(struct top *top, uint64_t until) {
    struct tail_event event;
    tail_look(top->followed.tail);
    for (size_t taken = 1; tail_next(top->followed.tail, until, &event); taken++) {
        live_take(top->followed.live, &event);
        if (taken % EVENTS_AT_ONCE) continue;
        if (screen_is_ended()) return false;
        if (!top->patience && read_clock() > until + SECOND && isatty(STDERR_FILENO)) {
            top->patience = true;
            text_complain("reading what was recorded until now");
        }
    }
    return true;
}

/* Reads all that was recorded until now. */
static bool prime(struct top *top) {
    uint64_t now = read_clock();
    followed_check(&top->followed, now);
    top->first = top->last = now - MARGIN;
    if (!take_events(top, top->last)) return false;
    live_primed(top->followed.live);
    top->patience = true;
    return true;
}

static void show(const struct top *top) {
    if (top->options->json)
        top_print_json(&top->look);
    else if (top->screen)
        top_draw(&top->look);
    else
        top_print_line(&top->look);
    fflush(stdout);
}

/* Reads what came, ahead of the next look. */
static void read_ahead(struct top *top) {
    uint64_t lost;
    take_events(top, read_clock() - MARGIN);
    lost = tail_totals(top->followed.tail).lost_packets;
    if (lost > top->lost && top->period > READ_OFTEN) top->period /= 2;
    top->lost = lost;
}

static size_t count_running(const struct live *live) {
    size_t count = 0;
    for (size_t i = 0; i < live->process_count; i++) count += !live->processes[i]->ended;
    return count;
}

/* What the latest look has shown is shown no more. */
static void finish_look(struct top *top) {
    live_begin_interval(top->followed.live);
    if (top->lost && top->last - top->swept > SECOND / 2) {
        live_sweep(top->followed.live, top->followed.tail);
        top->swept = top->last;
    }
    followed_forget_ended(&top->followed, top->last);
}

static void set_look(struct top *top, uint64_t until, bool runs) {
    struct top_look *look = &top->look;
    look->live = top->followed.live;
    look->what = top->followed.what;
    look->processes = count_running(look->live);
    look->totals = tail_totals(top->followed.tail);
    look->time = until;
    look->interval = until - top->last;
    look->since = until - top->first;
    look->runs = runs;
    top->last = until;
}

/* Looks once, and shows it. Returns whether what is followed still runs. */
static bool look_once(struct top *top) {
    uint64_t now = read_clock();
    bool runs = followed_check(&top->followed, now);
    uint64_t until = runs ? now - MARGIN : now; /* what has ended writes nothing more: all of it is read */
    take_events(top, until);
    set_look(top, until, runs);
    show(top);
    return runs;
}

/* Reads on until it is time for the next look, or the terminal wants one; false: to end. */
static bool wait_for_look(struct top *top) {
    uint64_t when = top->last + MARGIN + top->interval;
    for (;;) {
        uint64_t reading = read_clock() + top->period;
        enum screen_news news = screen_wait(reading < when ? reading : when, top->followed.main_pidfd);
        if (news == SCREEN_END) return false;
        if (news != SCREEN_TIME || reading >= when) return true;
        read_ahead(top);
    }
}

/* Looks until somebody or something ends it. Returns why; NULL: nobody asks. */
static const char *look_on(struct top *top) {
    for (uint64_t looks = 0; !top->options->count || looks < top->options->count; looks++) {
        const char *wrong;
        finish_look(top);
        if (!wait_for_look(top)) return "goes on";
        if (!look_once(top)) return "has ended";
        if (ferror(stdout)) return NULL;
        wrong = followed_wrong(&top->followed);
        if (wrong) return wrong;
    }
    return NULL;
}

static int run_top(struct top *top) {
    const char *why;
    screen_start();
    if (!prime(top)) return EXIT_DONE;
    set_look(top, top->last, true);
    if (top->screen) {
        screen_open();
        show(top);
    } else if (!top->options->json) {
        top_print_titles();
        fflush(stdout);
    }
    why = look_on(top);
    screen_close();
    if (why && !top->options->json) {
        finish_look(top);
        top_print_totals(&top->look, why);
    }
    return output_finish() ? EXIT_UNUSABLE : EXIT_DONE;
}

int cmd_top(const struct options *options) {
    struct top top = {.options = options};
    int result = EXIT_UNUSABLE;
    top.period = READ_SELDOM;
    top.interval = (options->interval ? options->interval : 1) * SECOND;
    top.screen = screen_is_terminal() && !options->json && !options->count;
    if (followed_open(&top.followed, options->operands[0])) result = run_top(&top);
    followed_close(&top.followed);
    return result;
}
