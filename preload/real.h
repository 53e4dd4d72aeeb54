/* real.h: the real functions, those behind ours. The guard's own code reaches them by real.name only, so that it cannot
 * call itself. Each entry is valid at any time: until the constructor has run it is a function that looks the real one up
 * first. */
#ifndef RS_PRELOAD_REAL_H
#define RS_PRELOAD_REAL_H

#include <aio.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <wchar.h>

struct rs_real {
#define CALL(ret, name, params, args) ret(*name) params;
#include "preload/calls.def"
};

extern struct rs_real real __attribute__((visibility("hidden")));

/* Looks all of them up. Called by the constructor; later calls change nothing. */
void rs_real_resolve(void);

#endif
