/* guardable.h: can a program be run under the guard? The dynamic linker puts the guard in front of libc; where there is
 * none, or where it must not, nothing would be seen, and nothing found would look like no bug. So that is refused
 * before the run. */
#ifndef RS_VIEWER_GUARDABLE_H
#define RS_VIEWER_GUARDABLE_H

#include <stdbool.h>

/* Finds the program as a shell would: by PATH when the name has no slash. Returns its path, the caller's to free; or
 * NULL, after a message, with *exit_code 127 (not there) or 126 (not to be executed). */
char *guardable_find(const char *name, int *exit_code);

/* Is the program (a script's interpreter, too) one that the library at `library` can guard? Says why not. */
bool guardable_check(const char *program, const char *library);

#endif
