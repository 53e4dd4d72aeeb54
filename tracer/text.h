/* text.h: puts text together in a buffer of fixed size, without stdio and without malloc. What does not fit is left out and
 * `full` is set; the text is always NUL-terminated. */
#ifndef RS_TRACER_TEXT_H
#define RS_TRACER_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rs_text {
    char *buffer;
    size_t size, length;
    bool full;
};

static inline struct rs_text rs_text_in(char *buffer, size_t size) {
    struct rs_text text = {buffer, size, 0, false};
    buffer[0] = 0;
    return text;
}

static inline void rs_text_character(struct rs_text *text, char character) {
    if (text->length + 1 >= text->size) {
        text->full = true;
        return;
    }
    text->buffer[text->length++] = character;
    text->buffer[text->length] = 0;
}

static inline void rs_text_add(struct rs_text *text, const char *string) {
    for (; *string && !text->full; string++) rs_text_character(text, *string);
}

/* Strings from outside: control bytes are shown as '?', so that nobody can forge a line of a report. */
static inline void rs_text_add_safe(struct rs_text *text, const char *string) {
    for (; *string && !text->full; string++) {
        unsigned char byte = (unsigned char)*string;
        rs_text_character(text, byte < 32 || byte == 127 ? '?' : *string);
    }
}

/* `width` digits at least, filled up with zeros; base 10 or 16. */
static inline void rs_text_digits(struct rs_text *text, uint64_t number, unsigned base, int width) {
    char digits[32];
    int count = 0;
    do {
        digits[count++] = "0123456789abcdef"[number % base];
        number /= base;
    } while (number || count < width);
    while (count) rs_text_character(text, digits[--count]);
}

static inline void rs_text_number(struct rs_text *text, uint64_t number) {
    rs_text_digits(text, number, 10, 1);
}

static inline void rs_text_pad(struct rs_text *text, size_t column) {
    while (text->length < column && !text->full) rs_text_character(text, ' ');
}

#endif
