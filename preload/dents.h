/* dents.h: listings of the process's own descriptors (/proc/self/fd, and fdinfo) show those that are the program's, not the
 * guard's. A look at an entry is a digit and a number; only for a number of the guard's the kernel is asked what is listed. */
#ifndef RS_PRELOAD_DENTS_H
#define RS_PRELOAD_DENTS_H

#include <stdbool.h>
#include <sys/types.h>

/* Is `name`, read from the directory `fd`, one of the guard's descriptors in a list of this process's? errno is kept. */
bool rs_dent_hidden(int fd, const char *name);

/* Takes such entries out of what getdents64 has read; returns the bytes that are left, which may be 0. */
ssize_t rs_dents_filtered(int fd, void *buffer, ssize_t size);

#endif
