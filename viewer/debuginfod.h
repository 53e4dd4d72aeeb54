/* debuginfod.h: debug files from the servers of DEBUGINFOD_URLS, by the client library of elfutils, which is loaded when it is asked
 * for: the command does not need it otherwise. */
#ifndef RS_VIEWER_DEBUGINFOD_H
#define RS_VIEWER_DEBUGINFOD_H

#include <stdbool.h>

struct debuginfod;

/* Ends the command, with a message and exit code 2, when no server is named or the library is not there. */
struct debuginfod *debuginfod_open(void);

/* A file with this build id (hex) to read: the separate debug file, or the one with the code. -1: no server has it. *path is where it
 * is kept now, the caller's to free. */
int debuginfod_fetch(struct debuginfod *debuginfod, const char *build_id, bool debug, char **path);

/* NULL is ignored. */
void debuginfod_close(struct debuginfod *debuginfod);

#endif
