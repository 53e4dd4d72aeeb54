/* track.h: descriptions come, get more numbers, change hands and go. What the wrappers call once the real call has been made.
 *
 * Order, always: what was known of a number is dropped before the real close, and a new description is noted after the real
 * open; each call that yields a number first drops what is still known of it (it was closed unseen). All keep errno, none
 * blocks; any thread; signal safe. */
#ifndef RS_PRELOAD_TRACK_H
#define RS_PRELOAD_TRACK_H

#include "preload/fdtable.h"
#include "tracer/layout.h"

#include <sys/socket.h>

/* fd is a new description, opened by the current context. name: as in describe.h; NULL: found out when it is needed. */
void rs_opened(int fd, enum rs_operation operation, enum rs_kind kind, const char *name);

/* fd is one more number for what `from` stands for. */
void rs_duplicated(int from, int fd);

/* The socket fd, just made, is of this type. */
void rs_socket_is(int fd, int type);

/* fd is one end of a pair of sockets. */
void rs_paired(int fd);

/* fd is being connected to this address. */
void rs_connected(int fd, const struct sockaddr *address, socklen_t length);

/* A number that nothing is known of is used: what is it? Nobody's, opened unseen. NULL when it is not open. */
struct rs_description *rs_adopt(int fd);

/* The table was wrong about fd: forget what it said and look again. */
struct rs_description *rs_adopt_anew(int fd);

/* The description belongs to `to` from now on. reason: enum rs_handover. False when another thread was faster. */
bool rs_hand_over(int fd, struct rs_description *description, uint64_t tag, uint64_t to, uint32_t reason);

/* Nobody holds the description of this place any more: it is not its owner's either. */
void rs_disowned(uint64_t owner, uint32_t place);

/* This process's numbers hold nothing any more: it ends. */
void rs_forget_all(void);

/* A close: begin before the real one, end after it. */
struct rs_closing {
    struct rs_description *description;
    bool last;
};
struct rs_closing rs_close_begin(int fd);
void rs_close_end(int fd, struct rs_closing closing, bool closed);

#endif
