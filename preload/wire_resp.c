/* wire_resp.c: RESP 2 and 3, what Redis and its kin speak; see wire.h.
 *
 *   client   *3\r\n $3\r\n SET\r\n $3\r\n key\r\n $5\r\n value\r\n     or a line: PING\r\n
 *   server   +OK\r\n   $5\r\n value\r\n   *2\r\n :1\r\n :2\r\n ...
 *
 * A command is owed an answer from its first byte on, until the answer's last. Values may lie in others: all that is remembered
 * of that is how many are still to come until the outermost is complete, counted[SERVER]; counted[CLIENT] are a command's
 * arguments to come.
 *
 * Of a command its name is looked at when all of it has passed, for the few that change how things stand. From SUBSCRIBE and
 * its kin on, messages come unasked and nothing is counted; what UNSUBSCRIBE leaves cannot be told without reading them. */
#include "preload/wire.h"

enum { CLIENT, SERVER };

enum { IS_PUSH = 1 }; /* wire.flags: the outermost value is a push, no answer */

/* side.flags, while a number is being put together */
enum { HAS_MINUS = 1, HAS_DIGIT = 2, HAS_RETURN = 4 };

#define LENGTH_MOST (1ull << 40)
#define ELEMENTS_MOST (1u << 30)
#define LINE_MOST 65536 /* of a command in a line: the server's own bound */

enum number { NUMBER_CONTINUES, NUMBER_ENDS, NUMBER_IS_NONE };

static bool is_digit(uint8_t byte) {
    return byte >= '0' && byte <= '9';
}

/* One byte of a length: digits, or -1, up to the line's end. */
static enum number number_byte(struct rs_wire_side *side, uint8_t byte) {
    if (is_digit(byte) && !(side->flags & HAS_RETURN)) {
        side->number = side->number * 10 + (byte - '0');
        side->flags |= HAS_DIGIT;
        return side->number > LENGTH_MOST ? NUMBER_IS_NONE : NUMBER_CONTINUES;
    }
    if (byte == '\r' && side->flags & HAS_DIGIT && !(side->flags & HAS_RETURN)) {
        side->flags |= HAS_RETURN;
        return NUMBER_CONTINUES;
    }
    if (byte == '-' && !side->flags) {
        side->flags = HAS_MINUS;
        return NUMBER_CONTINUES;
    }
    if (byte != '\n' || !(side->flags & HAS_RETURN)) return NUMBER_IS_NONE;
    return side->flags & HAS_MINUS && side->number != 1 ? NUMBER_IS_NONE : NUMBER_ENDS;
}

/* A short one that lies here whole, as most do. Returns how many bytes it took: none, then it is to be read byte by byte. */
static size_t whole_number(struct rs_wire_side *side, const uint8_t *bytes, size_t count) {
    enum { DIGITS_MOST = 9 };
    uint64_t number = 0;
    size_t size = 0;
    for (; size < DIGITS_MOST && size < count && is_digit(bytes[size]); size++)
        number = number * 10 + (bytes[size] - '0');
    if (!size || count - size < 2 || bytes[size] != '\r' || bytes[size + 1] != '\n') return 0;
    side->number = number;
    side->flags = HAS_DIGIT | HAS_RETURN;
    return size + 2;
}

static enum number number_bytes(struct rs_wire_side *side, const uint8_t *bytes, size_t count, size_t *taken) {
    enum number number = NUMBER_CONTINUES;
    *taken = side->flags ? 0 : whole_number(side, bytes, count);
    if (*taken) return NUMBER_ENDS;
    while (*taken < count && number == NUMBER_CONTINUES) number = number_byte(side, bytes[(*taken)++]);
    return number;
}

/* The number that has ended; `null`: it was -1. */
static uint64_t take_number(struct rs_wire_side *side, bool *null) {
    uint64_t number = side->number;
    *null = side->flags & HAS_MINUS;
    side->number = 0;
    side->flags = 0;
    return *null ? 0 : number;
}

static bool is_subscribed(const struct rs_wire *wire) {
    return wire->transaction == RS_TRANSACTION_SUBSCRIBED;
}

/* ---- client */

enum client_step {
    CLIENT_COMMAND, /* at a command's first byte */
    CLIENT_COUNT,   /* how many arguments it has */
    CLIENT_ARGUMENT,
    CLIENT_LENGTH, /* of an argument */
    CLIENT_WORD,   /* an argument that is looked at, of `number` bytes */
    CLIENT_LINE,   /* in a command that is a line, of `number` bytes until now */
    CLIENT_LINE_IS_EMPTY
};

/* client.type: what the next argument is looked at for */
enum word { WORD_IS_NAME, WORD_OF_CLIENT, WORD_OF_CLIENT_REPLY, WORD_IS_NOTHING };

enum effect {
    EFFECT_NONE,
    EFFECT_MULTI,
    EFFECT_ENDS, /* the transaction, and what was watched */
    EFFECT_WATCH,
    EFFECT_UNWATCH,
    EFFECT_RESET,
    EFFECT_SUBSCRIBE,
    EFFECT_LOST, /* what the answers will be cannot be told */
    EFFECT_CLIENT
};

enum { COMMAND_LEAST = 4, COMMAND_MOST = 12 };

struct command {
    char name[COMMAND_MOST + 1];
    uint8_t size;
    uint8_t effect;
};
#define COMMAND(name, effect) \
    { name, sizeof(name) - 1, effect }

static const struct command commands[] = {
    COMMAND("MULTI", EFFECT_MULTI),
    COMMAND("EXEC", EFFECT_ENDS),
    COMMAND("DISCARD", EFFECT_ENDS),
    COMMAND("WATCH", EFFECT_WATCH),
    COMMAND("UNWATCH", EFFECT_UNWATCH),
    COMMAND("RESET", EFFECT_RESET),
    COMMAND("CLIENT", EFFECT_CLIENT),
    COMMAND("SUBSCRIBE", EFFECT_SUBSCRIBE),
    COMMAND("PSUBSCRIBE", EFFECT_SUBSCRIBE),
    COMMAND("SSUBSCRIBE", EFFECT_SUBSCRIBE),
    COMMAND("MONITOR", EFFECT_SUBSCRIBE),
    COMMAND("UNSUBSCRIBE", EFFECT_LOST),
    COMMAND("PUNSUBSCRIBE", EFFECT_LOST),
    COMMAND("SUNSUBSCRIBE", EFFECT_LOST),
    COMMAND("SYNC", EFFECT_LOST),
    COMMAND("PSYNC", EFFECT_LOST),
};

static bool is_word(const uint8_t *bytes, size_t size, const char *name, size_t name_size) {
    if (size != name_size) return false;
    for (size_t i = 0; i < size; i++) {
        uint8_t upper = bytes[i] >= 'a' && bytes[i] <= 'z' ? (uint8_t)(bytes[i] - 'a' + 'A') : bytes[i];
        if (upper != (uint8_t)name[i]) return false;
    }
    return true;
}

static uint8_t effect_of(const uint8_t *bytes, size_t size) {
    if (size < COMMAND_LEAST || size > COMMAND_MOST) return EFFECT_NONE; /* the frequent ones are short */
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (is_word(bytes, size, commands[i].name, commands[i].size)) return commands[i].effect;
    }
    return EFFECT_NONE;
}

static void subscribes(struct rs_wire *wire) {
    wire->transaction = RS_TRANSACTION_SUBSCRIBED;
    wire->owed = 0;
    wire->server = (struct rs_wire_side){0};
    wire->counted[SERVER] = 0;
}

static void transaction_is(struct rs_wire *wire, enum rs_wire_transaction from, enum rs_wire_transaction to) {
    if (wire->transaction == from) wire->transaction = (uint8_t)to;
}

static void takes_effect(struct rs_wire *wire, uint8_t effect) {
    if (effect == EFFECT_LOST || (effect == EFFECT_RESET && is_subscribed(wire))) {
        rs_wire_lost(wire);
        return;
    }
    if (is_subscribed(wire)) return;
    switch (effect) {
    case EFFECT_MULTI:
        wire->transaction = RS_TRANSACTION_OPEN;
        break;
    case EFFECT_ENDS:
    case EFFECT_RESET:
        wire->transaction = RS_TRANSACTION_NONE;
        break;
    case EFFECT_WATCH:
        transaction_is(wire, RS_TRANSACTION_NONE, RS_TRANSACTION_WATCH);
        break;
    case EFFECT_UNWATCH:
        transaction_is(wire, RS_TRANSACTION_WATCH, RS_TRANSACTION_NONE);
        break;
    case EFFECT_SUBSCRIBE:
        subscribes(wire);
        break;
    default:
        break;
    }
}

/* A whole argument (in a line: a word) is held: what does it say, and what is the next one looked at for? */
static void word(struct rs_wire *wire) {
    struct rs_wire_side *side = &wire->client;
    const uint8_t *bytes = side->bytes;
    size_t size = side->filled;
    uint8_t of = side->type;
    side->filled = 0;
    side->type = WORD_IS_NOTHING;
    if (of == WORD_IS_NAME) {
        uint8_t effect = effect_of(bytes, size);
        if (effect == EFFECT_CLIENT) side->type = WORD_OF_CLIENT;
        takes_effect(wire, effect);
    } else if (of == WORD_OF_CLIENT) {
        if (is_word(bytes, size, "REPLY", 5)) side->type = WORD_OF_CLIENT_REPLY;
    } else if (of == WORD_OF_CLIENT_REPLY) {
        if (is_word(bytes, size, "OFF", 3) || is_word(bytes, size, "SKIP", 4)) rs_wire_lost(wire);
    }
}

static void begins_command(struct rs_wire *wire) {
    wire->client.type = WORD_IS_NAME;
    if (!is_subscribed(wire)) rs_wire_owes(wire, 1);
}

static void next_argument(struct rs_wire *wire) {
    wire->client.step = wire->counted[CLIENT] ? CLIENT_ARGUMENT : CLIENT_COMMAND;
}

/* A command of no arguments is none. */
static void count_is_known(struct rs_wire *wire) {
    bool null;
    uint64_t count = take_number(&wire->client, &null);
    if (count > ELEMENTS_MOST) {
        rs_wire_lost(wire);
        return;
    }
    wire->counted[CLIENT] = (uint32_t)count;
    if (count) begins_command(wire);
    next_argument(wire);
}

static void length_is_known(struct rs_wire *wire) {
    struct rs_wire_side *side = &wire->client;
    bool null;
    uint64_t length = take_number(side, &null);
    if (null) {
        rs_wire_lost(wire);
        return;
    }
    if (wire->counted[CLIENT]) wire->counted[CLIENT]--;
    if (side->type != WORD_IS_NOTHING && length && length <= RS_WIRE_HELD) {
        side->number = length;
        side->step = CLIENT_WORD;
    } else {
        side->type = WORD_IS_NOTHING;
        side->skip = length + 2;
        next_argument(wire);
    }
}

static size_t word_bytes(struct rs_wire *wire, const uint8_t *bytes, size_t count) {
    struct rs_wire_side *side = &wire->client;
    size_t taken = rs_side_hold(side, bytes, count, side->number);
    if (side->filled < side->number && side->filled < RS_WIRE_HELD) return taken;
    side->number = 0;
    side->skip = 2;
    next_argument(wire);
    word(wire);
    return taken;
}

/* Words end with a blank or with the line. (Quotes are not looked into.) */
static void line_byte(struct rs_wire *wire, uint8_t byte) {
    struct rs_wire_side *side = &wire->client;
    bool is_blank = byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
    if (++side->number > LINE_MOST) {
        rs_wire_lost(wire);
        return;
    }
    if (side->step == CLIENT_LINE_IS_EMPTY && !is_blank) {
        side->step = CLIENT_LINE;
        begins_command(wire);
    }
    if (!is_blank && side->filled == RS_WIRE_HELD) side->type = WORD_IS_NOTHING;
    if (!is_blank && side->type != WORD_IS_NOTHING) side->bytes[side->filled++] = byte;
    if (is_blank && side->filled) word(wire);
    if (byte != '\n') return;
    side->number = 0;
    side->step = CLIENT_COMMAND;
}

/* A command is an array, or a line that begins with a letter, or blank. */
static void first_byte(struct rs_wire *wire, uint8_t byte) {
    struct rs_wire_side *side = &wire->client;
    bool is_letter = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
    if (byte == '*') {
        side->step = CLIENT_COUNT;
    } else if (is_letter || byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n') {
        side->filled = 0;
        side->number = 0;
        side->type = WORD_IS_NOTHING;
        side->step = CLIENT_LINE_IS_EMPTY;
        line_byte(wire, byte);
    } else {
        rs_wire_lost(wire);
    }
}

static size_t client_number(struct rs_wire *wire, const uint8_t *bytes, size_t count) {
    size_t taken;
    enum number number = number_bytes(&wire->client, bytes, count, &taken);
    if (number == NUMBER_IS_NONE) rs_wire_lost(wire);
    if (number != NUMBER_ENDS) return taken;
    if (wire->client.step == CLIENT_COUNT) {
        count_is_known(wire);
    } else {
        length_is_known(wire);
    }
    return taken;
}

static void argument_byte(struct rs_wire *wire, uint8_t byte) {
    if (byte == '$') {
        wire->client.step = CLIENT_LENGTH;
    } else {
        rs_wire_lost(wire);
    }
}

/* Returns how many bytes it took. */
static size_t client_bytes(struct rs_wire *wire, const uint8_t *bytes, size_t count) {
    if (wire->client.skip) return rs_side_skip(&wire->client, count);
    switch (wire->client.step) {
    case CLIENT_WORD:
        return word_bytes(wire, bytes, count);
    case CLIENT_COUNT:
    case CLIENT_LENGTH:
        return client_number(wire, bytes, count);
    case CLIENT_ARGUMENT:
        argument_byte(wire, *bytes);
        return 1;
    case CLIENT_LINE:
    case CLIENT_LINE_IS_EMPTY:
        line_byte(wire, *bytes);
        return 1;
    default:
        first_byte(wire, *bytes);
        return 1;
    }
}

void rs_resp_sent(struct rs_wire *wire, const uint8_t *bytes, size_t count) {
    while (count && wire->protocol == RS_WIRE_RESP) {
        size_t taken = client_bytes(wire, bytes, count);
        bytes += taken;
        count -= taken;
    }
}

/* ---- server */

enum server_step { SERVER_TYPE, SERVER_LINE, SERVER_LENGTH, SERVER_STRING };

/* With the outermost value the answer is complete. */
static void value_ends(struct rs_wire *wire) {
    wire->server.step = SERVER_TYPE;
    if (wire->counted[SERVER]) wire->counted[SERVER]--;
    if (!wire->counted[SERVER] && !(wire->flags & IS_PUSH)) rs_wire_owes(wire, -1);
}

static bool is_map(uint8_t type) {
    return type == '%' || type == '|';
}

/* An array's elements, a map's keys and values. Attributes stand before the value that they are of, and are none. */
static void elements_are_known(struct rs_wire *wire, uint64_t count) {
    uint8_t type = wire->server.type;
    uint64_t elements = wire->counted[SERVER] + count * (is_map(type) ? 2 : 1);
    if (count > ELEMENTS_MOST || elements > ELEMENTS_MOST) {
        rs_wire_lost(wire);
        return;
    }
    wire->counted[SERVER] = (uint32_t)elements;
    wire->server.step = SERVER_TYPE;
    if (type != '|') value_ends(wire);
}

/* -1 stands for null, of a string or an array. */
static void null_ends(struct rs_wire *wire) {
    if (wire->server.type == '$' || wire->server.type == '*') {
        value_ends(wire);
    } else {
        rs_wire_lost(wire);
    }
}

static void server_length_is_known(struct rs_wire *wire) {
    struct rs_wire_side *side = &wire->server;
    bool null;
    uint64_t length = take_number(side, &null);
    if (null) {
        null_ends(wire);
    } else if (side->type == '$' || side->type == '!' || side->type == '=') {
        side->step = SERVER_STRING;
        side->skip = length + 2;
    } else {
        elements_are_known(wire, length);
    }
}

static size_t server_number(struct rs_wire *wire, const uint8_t *bytes, size_t count) {
    size_t taken;
    enum number number = number_bytes(&wire->server, bytes, count, &taken);
    if (number == NUMBER_IS_NONE) rs_wire_lost(wire); /* one whose length is not told ("$?"), too */
    if (number == NUMBER_ENDS) server_length_is_known(wire);
    return taken;
}

static void type_byte(struct rs_wire *wire, uint8_t type) {
    if (!wire->counted[SERVER]) {
        wire->counted[SERVER] = 1;
        wire->flags = type == '>' ? IS_PUSH : 0;
    }
    wire->server.type = type;
    switch (type) {
    case '+': /* a line */
    case '-': /* an error */
    case ':': /* a number */
    case '_': /* null */
    case '#': /* true or false */
    case ',': /* a floating point number */
    case '(': /* a big number */
        wire->server.step = SERVER_LINE;
        break;
    case '$': /* a string */
    case '!': /* an error of several lines */
    case '=': /* a string with its kind */
    case '*': /* an array */
    case '~': /* a set */
    case '%': /* a map */
    case '|': /* attributes */
    case '>': /* a push */
        wire->server.step = SERVER_LENGTH;
        break;
    default:
        rs_wire_lost(wire);
        break;
    }
}

static size_t line_bytes(struct rs_wire *wire, const uint8_t *bytes, size_t count) {
    const uint8_t *end = memchr(bytes, '\n', count);
    if (!end) return count;
    value_ends(wire);
    return (size_t)(end - bytes) + 1;
}

static size_t string_bytes(struct rs_wire *wire, size_t count) {
    size_t taken = rs_side_skip(&wire->server, count);
    if (!wire->server.skip) value_ends(wire);
    return taken;
}

/* Returns how many bytes it took; none only if it changed the step. */
static size_t server_bytes(struct rs_wire *wire, const uint8_t *bytes, size_t count) {
    switch (wire->server.step) {
    case SERVER_LINE:
        return line_bytes(wire, bytes, count);
    case SERVER_STRING:
        return string_bytes(wire, count);
    case SERVER_LENGTH:
        return server_number(wire, bytes, count);
    default:
        type_byte(wire, *bytes);
        return 1;
    }
}

void rs_resp_received(struct rs_wire *wire, const uint8_t *bytes, size_t count) {
    while (count && wire->protocol == RS_WIRE_RESP && !is_subscribed(wire)) {
        size_t taken = server_bytes(wire, bytes, count);
        bytes += taken;
        count -= taken;
    }
}
