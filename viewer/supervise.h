/* supervise.h: runs a command as a child, as if it were run by itself. */
#ifndef RS_VIEWER_SUPERVISE_H
#define RS_VIEWER_SUPERVISE_H

/* Forks, executes `path` with `arguments` and waits for its end; signals that somebody sends meanwhile go on to it
 * (what a terminal sends reaches it by itself). Returns its exit code, 128 + the signal that killed it, 127 or 126 when
 * it could not be executed, -1 after a message when it could not even be forked. */
int supervise(const char *path, char **arguments);

#endif
