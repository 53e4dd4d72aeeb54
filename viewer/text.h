/* text.h: text that comes from a trace is whatever the traced program made of it: any bytes. What goes to a terminal
 * has its control characters escaped, what goes into JSON is valid UTF-8. All strings returned are the caller's to
 * free. */
#ifndef RS_VIEWER_TEXT_H
#define RS_VIEWER_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* With \n, \t, \xNN in place of control characters (C0, DEL, C1, and those that turn the direction of text) and of
 * bytes that are no UTF-8. */
char *text_escape(const char *text);

/* With U+FFFD in place of bytes that are no UTF-8. */
char *text_utf8(const char *text);

/* Columns that valid UTF-8 takes, one a character. */
size_t text_width(const char *text);

/* "812 ns", "1.204 s" */
char *text_duration(uint64_t nanoseconds);

/* The word of `words` (NULL at the end) that is most like `word`; NULL when none is much like it. */
const char *text_nearest(const char *word, const char *const *words);

/* One line on stderr, "reqscope: " before it, escaped. */
void text_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
