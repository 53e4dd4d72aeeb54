/* top.h: what `reqscope top` shows of one look: as a line for each (top_lines.c), a JSON object for each (the same), or the whole
 * screen (top_screen.c). */
#ifndef RS_VIEWER_TOP_H
#define RS_VIEWER_TOP_H

#include "viewer/live.h"

#define TOP_BUSIEST 10 /* descriptions that are shown */
#define TOP_LABELS 10

struct top_look {
    const struct live *live;
    struct tail_totals totals;
    const char *what;  /* is looked at: "process 4711 (redis-server *:6379)" */
    uint64_t time;     /* CLOCK_MONOTONIC ns: the interval's end */
    uint64_t interval; /* ns */
    uint64_t since;    /* ns since the first look */
    bool runs;
    size_t processes; /* that run */
};

/* A second's part of what came in `interval` ns. */
double top_rate(uint64_t count, uint64_t interval);

/* A moment of CLOCK_MONOTONIC as the time of day: "14:03:07". */
#define TOP_CLOCK 16
void top_clock(uint64_t time, char clock[TOP_CLOCK]);

void top_print_titles(void);
/* A line for each new finding, and one for the look. */
void top_print_line(const struct top_look *look);
void top_print_json(const struct top_look *look);
/* What it was in all. */
void top_print_totals(const struct top_look *look, const char *why);

/* Draws the whole screen. */
void top_draw(const struct top_look *look);

#endif
