/* text.c: see text.h. */
#include "viewer/text.h"
#include "viewer/memory.h"
#include "viewer/progress.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Reads one character of UTF-8. Returns its length, 0 when there is none: a lone, overlong or surrogate byte. */
static size_t decode(const unsigned char *text, uint32_t *character) {
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t length = *text < 0x80 ? 1 : *text < 0xc2 ? 0 : *text < 0xe0 ? 2 : *text < 0xf0 ? 3 : *text < 0xf5 ? 4 : 0;
    if (!length) return 0;
    *character = length == 1 ? *text : *text & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((text[i] & 0xc0) != 0x80) return 0;
        *character = *character << 6 | (text[i] & 0x3f);
    }
    if (*character < least[length] || *character > 0x10ffff || (*character >= 0xd800 && *character < 0xe000)) return 0;
    return length;
}

/* Can a terminal take this character for more than its picture, or is it none at all (which XML forbids)? */
static bool is_control(uint32_t character) {
    return character < 0x20 || (character >= 0x7f && character < 0xa0) || character == 0x200e || character == 0x200f ||
           (character >= 0x2028 && character <= 0x202e) || (character >= 0x2066 && character <= 0x2069) ||
           (character & 0xfffe) == 0xfffe;
}

static size_t escape_bytes(char *to, const unsigned char *bytes, size_t count) {
    char *start = to;
    for (size_t i = 0; i < count; i++) {
        if (bytes[i] == '\n' || bytes[i] == '\t' || bytes[i] == '\r')
            to += sprintf(to, "\\%c", bytes[i] == '\n' ? 'n' : bytes[i] == '\t' ? 't' : 'r');
        else
            to += sprintf(to, "\\x%02x", bytes[i]);
    }
    return (size_t)(to - start);
}

char *text_escape(const char *text) {
    const unsigned char *from = (const unsigned char *)text;
    char *escaped = memory_new(4 * strlen(text) + 1), *to = escaped;
    while (*from) {
        uint32_t character = 0;
        size_t length = decode(from, &character), taken = length ? length : 1;
        if (!length || is_control(character)) {
            to += escape_bytes(to, from, taken);
        } else {
            memcpy(to, from, taken);
            to += taken;
        }
        from += taken;
    }
    *to = 0;
    return escaped;
}

char *text_utf8(const char *text) {
    const unsigned char *from = (const unsigned char *)text;
    char *valid = memory_new(3 * strlen(text) + 1), *to = valid;
    while (*from) {
        uint32_t character;
        size_t length = decode(from, &character);
        memcpy(to, length ? (const char *)from : "\xef\xbf\xbd", length ? length : 3);
        to += length ? length : 3;
        from += length ? length : 1;
    }
    *to = 0;
    return valid;
}

size_t text_width(const char *text) {
    size_t width = 0;
    for (; *text; text++) width += (*text & 0xc0) != 0x80;
    return width;
}

char *text_duration(uint64_t nanoseconds) {
    if (nanoseconds < 1000) return memory_format("%" PRIu64 " ns", nanoseconds);
    if (nanoseconds < 1000000) return memory_format("%.3f us", (double)nanoseconds / 1e3);
    if (nanoseconds < 1000000000) return memory_format("%.3f ms", (double)nanoseconds / 1e6);
    return memory_format("%.3f s", (double)nanoseconds / 1e9);
}

static size_t least_of(size_t a, size_t b, size_t c) {
    size_t least = a < b ? a : b;
    return least < c ? least : c;
}

/* How many letters must be put in, taken out or changed to make one word of the other. */
static size_t distance(const char *left, const char *right) {
    enum { LONGEST = 64 };
    size_t row[LONGEST + 1], left_length = strlen(left), right_length = strlen(right);
    if (left_length > LONGEST || right_length > LONGEST) return LONGEST;
    for (size_t j = 0; j <= right_length; j++) row[j] = j;
    for (size_t i = 1; i <= left_length; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= right_length; j++) {
            size_t changed = diagonal + (left[i - 1] != right[j - 1]);
            diagonal = row[j];
            row[j] = least_of(row[j] + 1, row[j - 1] + 1, changed);
        }
    }
    return row[right_length];
}

const char *text_nearest(const char *word, const char *const *words) {
    const char *nearest = NULL;
    size_t least = strlen(word) / 3 + 2;
    for (; *words; words++) {
        size_t length = strlen(word), far = distance(word, *words);
        if (length >= 2 && !strncmp(word, *words, length)) far = 0;
        if (far < least) {
            least = far;
            nearest = *words;
        }
    }
    return nearest;
}

void text_complain(const char *format, ...) {
    va_list arguments;
    char *line = NULL, *escaped;
    va_start(arguments, format);
    if (vasprintf(&line, format, arguments) < 0) memory_exhausted();
    va_end(arguments);
    escaped = text_escape(line);
    progress_hold();
    fprintf(stderr, "reqscope: %s\n", escaped);
    progress_release();
    free(escaped);
    free(line);
}
