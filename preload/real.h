/* real.h: the real functions, those behind ours. The guard's own code reaches them by real.name only, so that it cannot
 * call itself. Each entry is valid at any time: until the constructor has run it is a function that looks the real one up
 * first. */
#ifndef RS_PRELOAD_REAL_H
#define RS_PRELOAD_REAL_H

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>

struct rs_real {
#define IO(ret, name, params, args, fd, operation) ret(*name) params;
#define CALL(ret, name, params, args) ret(*name) params;
#define ALIAS(name, target)
#include "preload/calls.def"
#undef IO
#undef CALL
#undef ALIAS
};

extern struct rs_real real __attribute__((visibility("hidden")));

/* Looks all of them up. Called by the constructor; later calls change nothing. */
void rs_real_resolve(void);

#endif
