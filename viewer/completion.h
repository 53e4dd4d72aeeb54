/* completion.h: scripts by which shells complete this command's line, made from the tables of commands and options. A writer a
 * shell (completion_*.c); each puts its script on stdout. */
#ifndef RS_VIEWER_COMPLETION_H
#define RS_VIEWER_COMPLETION_H

#include "viewer/commands.h"
#include "viewer/option_rows.h"

void completion_bash(void);
void completion_zsh(void);
void completion_fish(void);

/* What a shell may propose as an option's value. */
enum completion_values {
    VALUES_ANY,     /* nothing is known of it */
    VALUES_WORDS,   /* one of option_values() */
    VALUES_LIST,    /* several of them, with commas between */
    VALUES_FOLDERS, /* a folder */
    VALUES_FILES,   /* a file */
};

enum completion_values completion_values_of(const struct option_row *row);

/* The words that option_values() has, a space between. */
void completion_put_words(const struct option_row *row);

/* The text without the marks of what one types, and with `escape` before each of the characters in `special`. */
void completion_put_text(const char *text, const char *special, const char *escape);

/* A shell command that prints the pids of guarded processes, one a line. */
extern const char completion_pids[];

#endif
