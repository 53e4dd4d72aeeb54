/* check.c: the sums by which the reader finds a damaged byte. layout.h says what they cover. */
#include "tracer/layout.h"

#include <string.h>

uint64_t rs_header_check(const struct rs_packet *packet) {
    struct rs_packet copy = *packet;
    copy.context.content_size = 0;
    copy.context.timestamp_end = 0;
    copy.context.header_check = 0;
    return rs_mix(&copy, sizeof copy, RS_TRACE_FORMAT);
}

uint64_t rs_text_check(const char *text, size_t length) {
    uint64_t check = length;
    while (length) {
        uint64_t word = 0;
        size_t taken = length < sizeof word ? length : sizeof word;
        memcpy(&word, text, taken);
        check = rs_mix(&word, sizeof word, check);
        text += taken;
        length -= taken;
    }
    return check;
}
