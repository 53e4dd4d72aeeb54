/* request_fastcgi.c: FastCGI, read by the application; see request.h.
 *
 *   record       version, type, request (2), length (2), padding, 0    content    padding        length, padding: of bytes
 *   a request    BEGIN_REQUEST   PARAMS ...   PARAMS of length 0: it has begun   STDIN ...
 *   parameters   name's length, value's length (1 byte each, or 4), name, value                  in whatever records
 *
 * What is left of a record of parameters is counted down in the header that is held. `number` is what is left of a parameter: of
 * the name in its upper half, of the value in its lower. Most are passed over; a name is looked at if one of that length matters.
 *
 * The parameters come in any order. The label is the method, a blank and the path, from its beginning on: the method is put in
 * front of a path that is there. (A request's number is not looked at: servers do not mix requests.) */
#include "preload/request_parts.h"

enum { HEADER_SIZE = 8, VERSION = 1, BEGIN_SIZE = 8, METHOD_MOST = 32 };
enum { AT_VERSION, AT_TYPE, AT_REQUEST = 2, AT_LENGTH = 4, AT_PADDING = 6 };

enum record { BEGIN_REQUEST = 1, ABORT_REQUEST = 2, PARAMS = 4, STDIN = 5, DATA = 8, GET_VALUES = 9, LAST_KNOWN = 11 };

/* request.step: where among the parameters it stands; `counted` bytes of it have passed (of a method: or lie in the label) */
enum step { NAME_LENGTH, VALUE_LENGTH, NAME, VALUE };

/* request.flags */
enum {
    HAS_PARAMS = 1, /* parameters are still to come */
    HAS_METHOD = 2, /* the label begins with one */
    HAS_URI = 4     /* the label's path is a REQUEST_URI */
};

/* request.type */
enum parameter { REQUEST_METHOD, REQUEST_URI, SCRIPT_NAME, TRACEPARENT, REQUEST_ID, OTHER };

struct name {
    char text[20];
    uint8_t size;
};
#define PARAMETER(text) \
    { text, sizeof(text) - 1 }
static const struct name names[OTHER] = {
    [REQUEST_METHOD] = PARAMETER("REQUEST_METHOD"), [REQUEST_URI] = PARAMETER("REQUEST_URI"),
    [SCRIPT_NAME] = PARAMETER("SCRIPT_NAME"),       [TRACEPARENT] = PARAMETER("HTTP_TRACEPARENT"),
    [REQUEST_ID] = PARAMETER("HTTP_X_REQUEST_ID"),
};

static uint32_t name_left(const struct rs_request *request) {
    return (uint32_t)(request->number >> 32);
}

static uint32_t value_left(const struct rs_request *request) {
    return (uint32_t)request->number;
}

static size_t number16(const uint8_t *bytes) {
    return (size_t)bytes[0] << 8 | bytes[1];
}

/* ---- the label */

/* The method and the blank behind it, or nothing. */
static size_t method_size(const struct rs_request *request) {
    const char *blank = request->flags & HAS_METHOD ? memchr(request->label, ' ', request->length) : NULL;
    return blank ? (size_t)(blank - request->label) + 1 : 0;
}

static void cuts_label(struct rs_request *request, size_t length) {
    request->length = (uint8_t)length;
    request->label[length] = 0;
}

/* The method, `counted` bytes of it, goes on, or ends with a blank. */
static void method_byte(struct rs_request *request, uint8_t byte) {
    size_t at = request->counted, length = request->length;
    char rest[RS_REQUEST_LABEL_SIZE];
    if (at > METHOD_MOST || at > length) return;
    memcpy(rest, request->label + at, length - at);
    cuts_label(request, at);
    rs_request_adds_to_label(request, byte);
    for (size_t i = 0; i < length - at && rs_request_adds_to_label(request, (uint8_t)rest[i]); i++) continue;
    request->counted++;
}

/* Blanks separate: in the method, or the path, there is none. */
static uint8_t without_blank(uint8_t byte) {
    return byte == ' ' ? '?' : byte;
}

/* The path ends with the query, or where it has to be cut. */
static void path_byte(struct rs_request *request, uint8_t byte) {
    if (byte == '?' || byte == '#' || !rs_request_adds_to_label(request, without_blank(byte))) request->type = OTHER;
}

/* http://host/path: the path. */
static void leaves_out_host(struct rs_request *request) {
    size_t path = method_size(request), at = path + 4;
    const char *label = request->label;
    if (request->length < at || memcmp(label + path, "http", 4) != 0) return;
    if (label[at] == 's') at++;
    if (request->length < at + 3 || memcmp(label + at, "://", 3) != 0) return;
    for (at += 3; at < request->length && label[at] != '/';) at++;
    size_t length = request->length;
    cuts_label(request, path);
    if (at == length) rs_request_adds_to_label(request, '/');
    for (; at < length; at++) rs_request_adds_to_label(request, (uint8_t)label[at]);
}

/* ---- parameters */

/* By its length; the two of 11 differ with the first byte. */
static enum parameter parameter_of(size_t size) {
    for (size_t i = 0; i < OTHER; i++) {
        if (names[i].size == size) return (enum parameter)i;
    }
    return OTHER;
}

/* One of a length's bytes: 1, or 4 of which the first has its highest bit set. True: it was the last. */
static bool length_byte(struct rs_request *request, uint8_t byte) {
    uint32_t length = value_left(request);
    bool is_first = !request->counted, is_short = is_first && byte < 0x80;
    length = is_first ? byte & 0x7f : length << 8 | byte;
    request->number = (request->number & ~(uint64_t)UINT32_MAX) | length;
    request->counted = is_short || request->counted >= 3 ? 0 : (uint8_t)(request->counted + 1);
    return !request->counted;
}

/* A later REQUEST_URI replaces a SCRIPT_NAME; all else of which there is one already is passed over. */
static void begins_value(struct rs_request *request) {
    bool again = (request->type == REQUEST_METHOD && request->flags & HAS_METHOD) ||
                 (request->type == REQUEST_URI && request->flags & HAS_URI) ||
                 (request->type == SCRIPT_NAME && request->length > method_size(request)) ||
                 (request->type == TRACEPARENT && request->traceparent[0]) ||
                 (request->type == REQUEST_ID && request->request_id[0]);
    request->counted = 0;
    request->step = VALUE;
    if (again || !value_left(request)) request->type = OTHER;
    if (request->type != REQUEST_URI) return;
    cuts_label(request, method_size(request));
    request->flags |= HAS_URI;
}

static void ends_value(struct rs_request *request) {
    if (request->type == REQUEST_METHOD) {
        method_byte(request, ' ');
        request->flags |= HAS_METHOD;
    }
    request->step = NAME_LENGTH;
    request->type = OTHER;
    request->counted = 0;
}

static void name_bytes(struct rs_request *request, struct rs_request_input *in) {
    while (in->at < in->end && name_left(request)) {
        size_t left = name_left(request), count = rs_request_left(in);
        if (request->type >= OTHER || names[request->type].size < left) {
            if (count > left) count = left;
            request->number -= (uint64_t)count << 32;
            request->type = OTHER;
            in->at += count;
            continue;
        }
        if (request->type == REQUEST_URI && left == names[REQUEST_URI].size && *in->at == 'S')
            request->type = SCRIPT_NAME;
        const struct name *name = &names[request->type];
        if (*in->at++ != (uint8_t)name->text[name->size - left]) request->type = OTHER;
        request->number -= 1ull << 32;
    }
}

static void value_byte(struct rs_request *request, uint8_t byte) {
    uint8_t *counted = &request->counted;
    switch (request->type) {
    case REQUEST_METHOD:
        if (*counted < METHOD_MOST) method_byte(request, without_blank(byte));
        break;
    case REQUEST_URI:
    case SCRIPT_NAME:
        path_byte(request, byte);
        break;
    case TRACEPARENT:
        if (!rs_request_adds(request->traceparent, sizeof request->traceparent, counted, byte)) request->type = OTHER;
        break;
    default:
        if (!rs_request_adds(request->request_id, sizeof request->request_id, counted, byte)) request->type = OTHER;
        break;
    }
}

static void value_bytes(struct rs_request *request, struct rs_request_input *in) {
    size_t left = value_left(request), count = rs_request_left(in);
    if (count > left) count = left;
    for (size_t i = 0; i < count && request->type < OTHER; i++) value_byte(request, in->at[i]);
    request->number -= count;
    in->at += count;
}

static void lengths_are_known(struct rs_request *request) {
    request->type = (uint8_t)parameter_of(name_left(request));
    request->step = NAME;
}

/* Of one record. */
static void parameter_bytes(struct rs_request *request, struct rs_request_input *in) {
    switch (request->step) {
    case VALUE_LENGTH:
        if (length_byte(request, *in->at++)) lengths_are_known(request);
        break;
    case NAME:
        name_bytes(request, in);
        break;
    case VALUE:
        value_bytes(request, in);
        break;
    default:
        if (length_byte(request, *in->at++)) {
            request->number <<= 32;
            request->step = VALUE_LENGTH;
        }
        break;
    }
    if (request->step == NAME && !name_left(request)) begins_value(request);
    if (request->step == VALUE && !value_left(request)) ends_value(request);
}

static void parameters(struct rs_request *request, struct rs_request_input *in) {
    uint8_t *header = request->held;
    size_t left = number16(header + AT_LENGTH), count = rs_request_left(in) < left ? rs_request_left(in) : left;
    struct rs_request_input part = {in->at, in->at + count, false};
    while (part.at < part.end) parameter_bytes(request, &part);
    in->at = part.at;
    left -= count;
    header[AT_LENGTH] = (uint8_t)(left >> 8);
    header[AT_LENGTH + 1] = (uint8_t)left;
    if (left) return;
    request->filled = 0;
    request->skip = header[AT_PADDING];
}

/* ---- records */

static void begins_parameters(struct rs_request *request) {
    rs_request_is_unnamed(request);
    request->flags = (uint8_t)((request->flags & RS_REQUEST_BEGUN) | HAS_PARAMS);
    request->number = 0;
    request->step = NAME_LENGTH;
    request->type = OTHER;
    request->counted = 0;
}

/* (What is not complete is left at that.) */
static void ends_parameters(struct rs_request *request, struct rs_request_input *in) {
    leaves_out_host(request);
    bool is_method_alone = request->length && method_size(request) == request->length;
    if (is_method_alone) cuts_label(request, request->length - 1u);
    request->flags &= RS_REQUEST_BEGUN;
    request->number = 0;
    request->step = request->type = request->counted = 0;
    rs_request_begins(request, in);
}

/* Is it one that a server sends? Those for all requests have number 0, and may be of a type that is not known. */
static bool makes_sense(const struct rs_request *request, uint8_t type, size_t length) {
    const uint8_t *header = request->held;
    bool has_params = request->flags & HAS_PARAMS;
    if (header[AT_VERSION] != VERSION) return false;
    switch (type) {
    case BEGIN_REQUEST:
        return length == BEGIN_SIZE;
    case PARAMS:
        return has_params;
    case ABORT_REQUEST:
    case STDIN:
    case DATA:
        return true;
    case GET_VALUES:
        return !number16(header + AT_REQUEST);
    default:
        return type > LAST_KNOWN && !number16(header + AT_REQUEST);
    }
}

static void record(struct rs_request *request, struct rs_request_input *in) {
    const uint8_t *header = request->held;
    uint8_t type = header[AT_TYPE];
    size_t length = number16(header + AT_LENGTH);
    if (!makes_sense(request, type, length)) {
        rs_request_is_lost(request, in);
        return;
    }
    if (type == PARAMS && length) return; /* they are read */
    request->filled = 0;
    request->skip = length + header[AT_PADDING];
    if (type == BEGIN_REQUEST) begins_parameters(request);
    if (type == ABORT_REQUEST) request->flags &= (uint8_t)~HAS_PARAMS;
    if (type == PARAMS) ends_parameters(request, in);
}

void rs_request_reads_fastcgi(struct rs_request *request, struct rs_request_input *in) {
    if (request->filled >= HEADER_SIZE) {
        parameters(request, in);
    } else if (rs_request_holds(request, in, HEADER_SIZE)) {
        record(request, in);
    }
}
