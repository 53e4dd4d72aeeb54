/* request_resp.c: RESP, read by Redis and its kin; see request.h.
 *
 *   *3\r\n $3\r\n SET\r\n $3\r\n key\r\n $5\r\n value\r\n     or, once it is known that this is RESP, a line: PING\r\n
 *
 * A request has begun when its name has been read, or as much of it as the label takes; a line's with the byte behind the name.
 * A length's line is held; `number` is how many arguments are still to come. */
#include "preload/request_parts.h"

enum step {
    START,    /* at a command's first byte */
    COUNT,    /* of arguments */
    ARGUMENT, /* at its first byte */
    LENGTH,   /* of an argument */
    NAME,     /* `counted` bytes of it are still to come; its length is held */
    WORD,     /* the name, in a line */
    LINE_REST
};

/* request.flags */
enum { IS_NAMED = 1 /* the next argument is not the name */ };

enum { NAME_SIZE = 32 + 1, DIGITS_MOST = 10, LENGTH_SIZE_MOST = DIGITS_MOST + 1, BEHIND_SIZE = 2 /* an argument */ };

static uint8_t upper(uint8_t byte) {
    return byte >= 'a' && byte <= 'z' ? (uint8_t)(byte - 'a' + 'A') : byte;
}

static bool is_blank(uint8_t byte) {
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

/* ---- a length: digits, or a minus and digits */

enum length { LENGTH_CONTINUES, LENGTH_ENDS, LENGTH_IS_NONE };

static enum length length_byte(struct rs_request *request, uint8_t byte) {
    size_t filled = request->filled;
    uint8_t last = filled ? request->held[filled - 1] : 0;
    if (byte == '\n') return last == '\r' ? LENGTH_ENDS : LENGTH_IS_NONE;
    bool fits = (rs_request_is_digit(byte) && last != '\r' && filled < DIGITS_MOST) || (byte == '-' && !filled) ||
                (byte == '\r' && rs_request_is_digit(last) && filled < LENGTH_SIZE_MOST);
    if (!fits) return LENGTH_IS_NONE;
    request->held[request->filled++] = byte;
    return LENGTH_CONTINUES;
}

static enum length length_bytes(struct rs_request *request, struct rs_request_input *in) {
    enum length length = LENGTH_CONTINUES;
    while (in->at < in->end && length == LENGTH_CONTINUES) length = length_byte(request, *in->at++);
    return length;
}

static bool is_negative(const struct rs_request *request) {
    return request->filled && request->held[0] == '-';
}

static uint64_t held_length(const struct rs_request *request) {
    uint64_t length = 0;
    for (size_t i = 0; i < request->filled && i < DIGITS_MOST && rs_request_is_digit(request->held[i]); i++) {
        length = length * 10 + (request->held[i] - '0');
    }
    return length;
}

/* ---- commands */

static void next_argument(struct rs_request *request) {
    request->step = request->number ? ARGUMENT : START;
    request->filled = 0;
}

/* Of no arguments it is no command. */
static void count_is_known(struct rs_request *request) {
    request->number = is_negative(request) ? 0 : held_length(request);
    request->flags &= (uint8_t)~IS_NAMED;
    rs_request_is_unnamed(request);
    next_argument(request);
}

static void length_is_known(struct rs_request *request, struct rs_request_input *in) {
    uint64_t length = held_length(request);
    if (is_negative(request)) {
        rs_request_is_lost(request, in);
        return;
    }
    if (request->number) request->number--;
    if (!(request->flags & IS_NAMED) && length) {
        request->counted = length < NAME_SIZE ? (uint8_t)length : NAME_SIZE;
        request->step = NAME;
        return;
    }
    bool is_empty_name = !(request->flags & IS_NAMED);
    request->flags |= IS_NAMED;
    request->skip = length + BEHIND_SIZE;
    next_argument(request);
    if (is_empty_name) rs_request_begins_as(request, in, "");
}

/* The last of the bytes is looked at to see whether it fits. */
static void name_bytes(struct rs_request *request, struct rs_request_input *in) {
    while (in->at < in->end && request->counted) {
        rs_request_adds(request->label, NAME_SIZE, &request->length, upper(*in->at++));
        request->counted--;
    }
    if (request->counted) return;
    uint64_t length = held_length(request);
    request->flags |= IS_NAMED;
    request->skip = (length < NAME_SIZE ? 0 : length - NAME_SIZE) + BEHIND_SIZE;
    next_argument(request);
    rs_request_begins(request, in);
}

static void word_bytes(struct rs_request *request, struct rs_request_input *in) {
    while (in->at < in->end) {
        uint8_t byte = *in->at++;
        if (!is_blank(byte) && rs_request_adds(request->label, NAME_SIZE, &request->length, upper(byte))) continue;
        request->step = byte == '\n' ? START : LINE_REST;
        rs_request_begins(request, in);
        return;
    }
}

static void line_rest(struct rs_request *request, struct rs_request_input *in) {
    const uint8_t *end = memchr(in->at, '\n', rs_request_left(in));
    in->at = end ? end + 1 : in->end;
    if (end) request->step = START;
}

/* An array, or a line, which begins with a letter. */
static void first_byte(struct rs_request *request, struct rs_request_input *in) {
    uint8_t byte = *in->at++;
    request->step = START;
    if (byte == '*') {
        request->filled = 0;
        request->step = COUNT;
    } else if (upper(byte) >= 'A' && upper(byte) <= 'Z') {
        rs_request_is_unnamed(request);
        rs_request_adds_to_label(request, upper(byte));
        request->step = WORD;
    } else if (!is_blank(byte)) {
        rs_request_is_lost(request, in);
    }
}

static void argument_byte(struct rs_request *request, struct rs_request_input *in) {
    request->step = LENGTH;
    request->filled = 0;
    if (*in->at++ != '$') rs_request_is_lost(request, in);
}

static void length_line(struct rs_request *request, struct rs_request_input *in) {
    enum length length = length_bytes(request, in);
    if (length == LENGTH_IS_NONE) {
        rs_request_is_lost(request, in);
    } else if (length == LENGTH_ENDS && request->step == COUNT) {
        count_is_known(request);
    } else if (length == LENGTH_ENDS) {
        length_is_known(request, in);
    }
}

/* ---- the same at once, where all of it is here, as nearly always; the struct is touched when that is known */

/* Digits and the line's end. NULL: not so, or not all of it. */
static const uint8_t *number_at_once(const uint8_t *at, const uint8_t *end, uint64_t *number) {
    const uint8_t *first = at;
    uint64_t value = 0;
    while (at < end && at - first < DIGITS_MOST && rs_request_is_digit(*at)) value = value * 10 + (*at++ - '0');
    if (at == first || end - at < 2 || at[0] != '\r' || at[1] != '\n') return NULL;
    *number = value;
    return at + 2;
}

/* Behind the name: the arguments, as far as they are here. Returns where it stands; what is still to be skipped and how many are
 * still to come is noted. */
static const uint8_t *arguments_at_once(struct rs_request *request, const uint8_t *at, const uint8_t *end) {
    uint64_t number = request->number, skip = BEHIND_SIZE;
    while ((uint64_t)(end - at) >= skip) {
        uint64_t length;
        at += skip;
        skip = 0;
        const uint8_t *next = number && at < end && *at == '$' ? number_at_once(at + 1, end, &length) : NULL;
        if (!next) break;
        at = next;
        skip = length + BEHIND_SIZE;
        number--;
    }
    if (skip) {
        skip -= (uint64_t)(end - at);
        at = end;
    }
    request->number = number;
    request->skip = skip;
    return at;
}

/* An array whose name, the first argument, is here. */
static bool command_at_once(struct rs_request *request, struct rs_request_input *in) {
    char name[NAME_SIZE];
    uint64_t count, length;
    const uint8_t *end = in->end, *at = *in->at == '*' ? number_at_once(in->at + 1, end, &count) : NULL;
    if (!at || !count || at == end || *at != '$') return false;
    at = number_at_once(at + 1, end, &length);
    if (!at || !length || length >= NAME_SIZE || (uint64_t)(end - at) < length) return false;
    for (uint64_t i = 0; i < length; i++) {
        if (at[i] <= ' ' || at[i] >= 0x7f) return false;
        name[i] = (char)upper(at[i]);
    }
    rs_request_is_unnamed(request);
    memcpy(request->label, name, length);
    request->label[length] = 0;
    request->length = (uint8_t)length;
    request->number = count - 1;
    request->flags |= IS_NAMED;
    request->counted = 0;
    in->at = arguments_at_once(request, at + length, end);
    next_argument(request);
    rs_request_begins(request, in);
    return true;
}

static bool argument_at_once(struct rs_request *request, struct rs_request_input *in) {
    uint64_t length;
    if (!(request->flags & IS_NAMED) || *in->at != '$') return false;
    const uint8_t *at = number_at_once(in->at + 1, in->end, &length);
    if (!at) return false;
    in->at = at;
    request->skip = length + BEHIND_SIZE;
    if (request->number) request->number--;
    next_argument(request);
    return true;
}

void rs_request_reads_resp(struct rs_request *request, struct rs_request_input *in) {
    if (request->step == START && command_at_once(request, in)) return;
    if (request->step == ARGUMENT && argument_at_once(request, in)) return;
    switch (request->step) {
    case COUNT:
    case LENGTH:
        length_line(request, in);
        break;
    case ARGUMENT:
        argument_byte(request, in);
        break;
    case NAME:
        name_bytes(request, in);
        break;
    case WORD:
        word_bytes(request, in);
        break;
    case LINE_REST:
        line_rest(request, in);
        break;
    default:
        first_byte(request, in);
        break;
    }
}
