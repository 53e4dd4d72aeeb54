/* screen.h: a terminal that is drawn on as a whole, again and again, and is left as it was: the alternate screen, no echo, keys at
 * once. Signals that end a program or change the terminal are noted, and come only while screen_wait waits.
 *
 * screen_start is for every output, terminal or not: it catches the signals; only screen_open needs a terminal. */
#ifndef RS_VIEWER_SCREEN_H
#define RS_VIEWER_SCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum screen_news {
    SCREEN_TIME,    /* the time has come */
    SCREEN_READY,   /* the descriptor is readable */
    SCREEN_CHANGED, /* another size, or back from a stop: draw again */
    SCREEN_END,     /* q, ^C, SIGTERM, SIGHUP */
};

void screen_start(void);

/* Is there one to draw on? */
bool screen_is_terminal(void);
void screen_open(void);

/* Columns and rows. */
void screen_size(size_t *columns, size_t *rows);

/* Waits until CLOCK_MONOTONIC is `until` (ns), `fd` (-1: none) is readable, or there are other news. */
enum screen_news screen_wait(uint64_t until, int fd);

/* Was it told to end, meanwhile? Does not wait. */
bool screen_is_ended(void);

/* Gives the terminal back. May be called twice. */
void screen_close(void);

#endif
