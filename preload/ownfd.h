/* ownfd.h: the guard's own descriptors: high numbers, closed on exec, and to the program they are not open.
 *
 * Few (the log, the trace's folders, the unwinder's pipe). They are marked in the fd table (rs_is_own), so that a call of the
 * program's on such a number is refused with EBADF without a look here, and kept here so that they can be moved out of the
 * way when the program duplicates onto one. */
#ifndef RS_PRELOAD_OWNFD_H
#define RS_PRELOAD_OWNFD_H

#include <stdbool.h>

/* Moves fd to a safe number and protects it; returns the number (fd itself when there is no better one). If `holder` is not
 * NULL the number is stored there, now and whenever it has to change. fd < 0 is returned as it is. */
int rs_own(int fd, int *holder);

/* The guard itself closes one of its descriptors. */
void rs_own_close(int fd);

/* The program is about to take this number (dup2): the guard's descriptor there moves away. */
void rs_own_vacate(int fd);

/* The first own descriptor >= from, or -1: close_range and closefrom must go around them. */
int rs_own_next(int from);

#endif
