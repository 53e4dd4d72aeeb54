/* follow.h: the guard goes on in what the program executes, if that is wanted.
 *
 * An environment that still names the guard is left as it is. One that does not (cleaned, or made by the program) was meant so,
 * and is left, too, unless REQSCOPE_FOLLOW_EXEC=1: then LD_PRELOAD names the library again, once, before what else stands
 * there, and the REQSCOPE_ variables that the guard was started with are put back where they are missing.
 *
 * No malloc: exec is called in a vfork's child, and in a fork's of a threaded program; the caller lends the memory. */
#ifndef RS_PRELOAD_FOLLOW_H
#define RS_PRELOAD_FOLLOW_H

#include <stdbool.h>
#include <stddef.h>

/* Notes the library's own path and the variables. Called by the constructor. */
void rs_follow_start(bool wanted);

/* How much memory rs_follow_into needs for this environment; 0: it can stay as it is. */
size_t rs_follow_size(char *const *environment);

/* The environment to use, made in `memory`, which must live as long as it. */
char *const *rs_follow_into(char *const *environment, void *memory);

/* What is about to be executed: can the guard be loaded into it? If not (a static program, one that changes its user), that is
 * said. `file` is looked for in PATH when `search` says so and it has no slash. errno kept. */
void rs_follow_look_at(const char *file, bool search);

#endif
