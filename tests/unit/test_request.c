/* test_request.c: dialogues with servers of each protocol, and the requests that request.h promises to see in them.
 *
 * Each dialogue is played whole, byte by byte, in pieces of several sizes and of random ones, and with all that one side says in
 * a row as one. The same requests must begin, by the same names, and the struct must be the same after each part, down to the last
 * field. Then it is played damaged, again and again: there the requests are whatever they are, but they must still be the same.
 * Each piece lies in memory of its own, so that a sanitizer sees the first byte beside it. */
#include "preload/request.h"
#include "tests/unit/unit.h"

#include <stdio.h>

enum { PARTS_MOST = 16, LOG_SIZE = 65536, DAMAGED_ROUNDS = 200, RANDOM_ROUNDS = 20 };

enum kind { END, CLIENT, SERVER, CLIENT_UNSEEN, SERVER_UNSEEN };

struct part {
    enum kind kind;
    const char *bytes;
    size_t size;
};
#define C(text) \
    { CLIENT, text, sizeof(text) - 1 }
#define S(text) \
    { SERVER, text, sizeof(text) - 1 }
#define C_UNSEEN(size) \
    { CLIENT_UNSEEN, NULL, size }
#define S_UNSEEN(size) \
    { SERVER_UNSEEN, NULL, size }

/* The requests, a line each: the label, then traceparent and request_id if there are any. */
struct dialogue {
    const char *name;
    uint8_t protocol; /* at the end */
    const char *requests;
    struct part parts[PARTS_MOST];
};

/* Parts with their lengths put in, for the protocols that have such: they last for one test. */
static char made[65536];
static size_t made_size;

static struct part is_made(const void *head, size_t head_size, const void *content, size_t size) {
    struct part part = {CLIENT, made + made_size, head_size + size};
    assert_true(made_size + part.size <= sizeof made);
    memcpy(made + made_size, head, head_size);
    memcpy(made + made_size + head_size, content, size);
    made_size += part.size;
    return part;
}

struct play {
    struct rs_request request;
    struct rs_request after[PARTS_MOST];
    size_t used;
    char log[LOG_SIZE];
};

/* ---- playing */

static uint64_t seed = 88172645463325252ull;

static size_t random_below(size_t most) {
    seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
    return most ? (size_t)(seed >> 16) % most : 0;
}

static void is_printable(const char *text, size_t size) {
    assert_non_null(memchr(text, 0, size));
    for (; *text; text++) assert_true((uint8_t)*text >= ' ' && *text != 0x7f);
}

static void notes(struct play *play) {
    const struct rs_request *request = &play->request;
    is_printable(request->label, sizeof request->label);
    is_printable(request->traceparent, sizeof request->traceparent);
    is_printable(request->request_id, sizeof request->request_id);
    assert_int_equal(strlen(request->label), request->length);
    assert_int_equal(request->turn, 0);
    play->used += (size_t)snprintf(play->log + play->used, LOG_SIZE - play->used, "%s%s%s%s%s\n", request->label,
                                   *request->traceparent ? " trace " : "", request->traceparent,
                                   *request->request_id ? " id " : "", request->request_id);
    assert_true(play->used < LOG_SIZE);
}

static void is_read(struct play *play, const uint8_t *bytes, size_t size) {
    while (size) {
        size_t taken = 0;
        bool begun = rs_request_read(&play->request, bytes, size, &taken);
        assert_true(taken <= size && taken);
        assert_true(begun || taken == size);
        if (begun) notes(play);
        bytes += taken;
        size -= taken;
    }
}

static void feed(struct play *play, enum kind kind, const void *bytes, size_t size) {
    if (kind == CLIENT_UNSEEN) {
        if (rs_request_read_unseen(&play->request, size)) notes(play);
        return;
    }
    if (kind == SERVER_UNSEEN) {
        rs_request_written(&play->request, NULL, 0, size);
        return;
    }
    uint8_t *copy = malloc(size ? size : 1);
    if (!copy) abort();
    memcpy(copy, bytes, size);
    if (kind == CLIENT) is_read(play, copy, size);
    if (kind == SERVER) rs_request_written(&play->request, copy, size, size);
    free(copy);
}

/* What lies behind the held bytes, and behind a text's end, is left over, and not looked at. */
static struct rs_request canonical(struct rs_request request) {
    memset(request.held + request.filled, 0, RS_REQUEST_HELD - request.filled);
    size_t label = strlen(request.label), parent = strlen(request.traceparent), id = strlen(request.request_id);
    memset(request.label + label, 0, sizeof request.label - label);
    memset(request.traceparent + parent, 0, sizeof request.traceparent - parent);
    memset(request.request_id + id, 0, sizeof request.request_id - id);
    return request;
}

enum { IN_RANDOM_PIECES = 0 };

static void feed_in_pieces(struct play *play, const struct part *part, size_t piece) {
    for (size_t at = 0, count; at < part->size; at += count) {
        count = piece ? piece : 1 + random_below(random_below(4) ? 12 : 200);
        if (count > part->size - at) count = part->size - at;
        feed(play, part->kind, part->bytes + at, count);
    }
}

static void play_in_pieces(struct play *play, const struct part *parts, size_t piece) {
    memset(play, 0, sizeof *play);
    for (size_t i = 0; i < PARTS_MOST && parts[i].kind; i++) {
        bool has_bytes = parts[i].kind == CLIENT || parts[i].kind == SERVER;
        if (has_bytes) feed_in_pieces(play, &parts[i], piece);
        if (!has_bytes) feed(play, parts[i].kind, NULL, parts[i].size);
        play->after[i] = canonical(play->request);
    }
}

/* All that one side says in a row as one piece. */
static void play_joined(struct play *play, const struct part *parts) {
    memset(play, 0, sizeof *play);
    for (size_t i = 0, next; i < PARTS_MOST && parts[i].kind; i = next) {
        size_t size = 0;
        for (next = i; next < PARTS_MOST && parts[next].kind == parts[i].kind; next++) size += parts[next].size;
        char *joined = malloc(size ? size : 1), *at = joined;
        if (!joined) abort();
        for (size_t one = i; one < next; at += parts[one++].size) {
            if (parts[one].bytes) memcpy(at, parts[one].bytes, parts[one].size);
        }
        feed(play, parts[i].kind, joined, size);
        free(joined);
        for (size_t one = i; one < next; one++) play->after[one] = canonical(play->request);
    }
}

static void is_same(const struct play *whole, const struct play *other, const char *name, const char *how,
                    size_t piece) {
    if (strcmp(whole->log, other->log) != 0) {
        fail_msg("%s: whole: \"%s\"; %s of %zu: \"%s\"", name, whole->log, how, piece, other->log);
    }
    for (size_t i = 0; i < PARTS_MOST; i++) {
        const struct rs_request *a = &whole->after[i], *b = &other->after[i];
        if (!memcmp(a, b, sizeof *a)) continue;
        fail_msg("%s: after part %zu, whole: protocol %u step %u flags %u filled %u skip %zu number %zu; %s of %zu: "
                 "protocol "
                 "%u step %u flags %u filled %u skip %zu number %zu",
                 name, i, a->protocol, a->step, a->flags, a->filled, (size_t)a->skip, (size_t)a->number, how, piece,
                 b->protocol, b->step, b->flags, b->filled, (size_t)b->skip, (size_t)b->number);
    }
}

static void is_joined_the_same(const struct play *whole, const struct play *joined, const char *name) {
    if (strcmp(whole->log, joined->log) != 0) {
        fail_msg("%s: whole: \"%s\"; joined: \"%s\"", name, whole->log, joined->log);
    }
    struct rs_request a = canonical(whole->request), b = canonical(joined->request);
    if (memcmp(&a, &b, sizeof a) != 0) fail_msg("%s: joined it ends in another state", name);
}

static struct play whole, other;

static void plays_the_same(const struct dialogue *dialogue, const struct part *parts) {
    static const size_t pieces[] = {1, 2, 3, 5, 8, 13, 40, 41, 100};
    play_in_pieces(&whole, parts, SIZE_MAX);
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        play_in_pieces(&other, parts, pieces[i]);
        is_same(&whole, &other, dialogue->name, "in pieces", pieces[i]);
    }
    for (int round = 0; round < RANDOM_ROUNDS; round++) {
        play_in_pieces(&other, parts, IN_RANDOM_PIECES);
        is_same(&whole, &other, dialogue->name, "in random pieces", 0);
    }
    play_joined(&other, parts);
    is_joined_the_same(&whole, &other, dialogue->name);
}

static void plays_damaged(const struct dialogue *dialogue) {
    struct part parts[PARTS_MOST];
    size_t count = 0;
    memcpy(parts, dialogue->parts, sizeof parts);
    while (count < PARTS_MOST && parts[count].kind) count++;
    struct part *hurt = &parts[random_below(count)];
    if (!hurt->size || !hurt->bytes) return;
    char *bytes = malloc(hurt->size);
    if (!bytes) abort();
    memcpy(bytes, hurt->bytes, hurt->size);
    char *byte = &bytes[random_below(hurt->size)];
    *byte = random_below(2) ? (char)random_below(256) : (char)(*byte ^ (1 << random_below(8)));
    if (!random_below(4)) hurt->size = random_below(hurt->size); /* cut */
    hurt->bytes = bytes;
    play_in_pieces(&whole, parts, SIZE_MAX);
    play_in_pieces(&other, parts, 1);
    is_same(&whole, &other, dialogue->name, "damaged, in pieces", 1);
    play_in_pieces(&other, parts, IN_RANDOM_PIECES);
    is_same(&whole, &other, dialogue->name, "damaged, in random pieces", 0);
    free(bytes);
}

static void play_all(const struct dialogue *dialogues, size_t count) {
    for (const struct dialogue *one = dialogues; one < dialogues + count; one++) {
        plays_the_same(one, one->parts);
        if (strcmp(whole.log, one->requests) != 0) {
            fail_msg("%s: \"%s\", not \"%s\"", one->name, whole.log, one->requests);
        }
        if (whole.request.protocol != one->protocol) {
            fail_msg("%s: protocol %u, not %u", one->name, whole.request.protocol, one->protocol);
        }
        for (int round = 0; round < DAMAGED_ROUNDS; round++) plays_damaged(one);
    }
}
#define PLAY(dialogues) play_all(dialogues, sizeof(dialogues) / sizeof *(dialogues))

/* ---- what is recognised, and when */

struct beginning {
    const char *bytes;
    size_t size;
    uint8_t protocol;
    const char *label; /* NULL: nothing has begun */
};
#define BEGINNING(text, protocol, label) \
    { text, sizeof(text) - 1, protocol, label }

/* With the last byte, and not before. */
static void is_recognised(const struct beginning *beginning) {
    struct rs_request request = {0};
    bool begun = false;
    for (size_t i = 0; i < beginning->size; i++) {
        size_t taken = 0;
        if (request.protocol != RS_REQUEST_NEW || begun) fail_msg("\"%s\": with byte %zu", beginning->bytes, i - 1);
        begun = rs_request_read(&request, beginning->bytes + i, 1, &taken);
        assert_int_equal(taken, 1);
    }
    if (request.protocol != beginning->protocol || begun != (beginning->label != NULL)) {
        fail_msg("\"%s\": protocol %u, begun %d", beginning->bytes, request.protocol, begun);
    }
    if (begun) assert_string_equal(request.label, beginning->label);
}

static void a_client_is_recognised_by_its_first_bytes(void **state) {
    static const struct beginning beginnings[] = {
        BEGINNING("GET / HTTP/1.1\r\n", RS_REQUEST_HTTP1, NULL),
        BEGINNING("M-SEARCH * HTTP/1.0\n", RS_REQUEST_HTTP1, NULL),
        BEGINNING("\r\nGET / HTTP/1.1\r\n", RS_REQUEST_HTTP1, NULL),
        BEGINNING("PROXY TCP4 1.2.3.4 5.6.7.8 9 10\r\nGET / HTTP/1.1\r\n", RS_REQUEST_HTTP1, NULL),
        BEGINNING("\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c............GET / HTTP/1.1\r\n", RS_REQUEST_HTTP1, NULL),
        BEGINNING("\r\n\r\n\0\r\nQUIT\n\x20\0\0\0*1", RS_REQUEST_RESP, NULL),
        BEGINNING("PRI * HTTP/2.0", RS_REQUEST_ONE, "HTTP/2"),
        BEGINNING("*1", RS_REQUEST_RESP, NULL),
        BEGINNING("\x16\x03\x01", RS_REQUEST_TLS, NULL),
        BEGINNING("\x01\x01\0\x01\0\x08", RS_REQUEST_FASTCGI, NULL),
        BEGINNING("\x01\x09\0\0\0\x20", RS_REQUEST_FASTCGI, NULL),
        BEGINNING("\0\0\0\x20\0\x03\0\0", RS_REQUEST_POSTGRESQL, "PostgreSQL startup"),
        BEGINNING("\0\0\0\x10\x04\xd2\x16\x2e", RS_REQUEST_POSTGRESQL, "PostgreSQL cancel"),
        BEGINNING("\0\0\0\x08\x04\xd2\x16\x2f", RS_REQUEST_POSTGRESQL, NULL),
        BEGINNING("\0\0\0\x08\x04\xd2\x16\x30", RS_REQUEST_POSTGRESQL, NULL),
    };
    (void)state;
    for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings; i++) is_recognised(&beginnings[i]);
}

static void what_is_not_recognised_goes_by_turns_as_soon_as_that_is_known(void **state) {
    static const struct beginning beginnings[] = {
        BEGINNING("x", RS_REQUEST_TURNS, ""),
        BEGINNING("\x80", RS_REQUEST_TURNS, ""), /* memcached */
        BEGINNING("g", RS_REQUEST_TURNS, ""),    /* get key */
        BEGINNING("PING\r", RS_REQUEST_TURNS, ""),
        BEGINNING("PING\n", RS_REQUEST_TURNS, ""),
        BEGINNING("HELO m", RS_REQUEST_TURNS, ""),
        BEGINNING("GET k", RS_REQUEST_TURNS, ""),
        BEGINNING("GET ha", RS_REQUEST_TURNS, ""),
        BEGINNING("GET http:/x", RS_REQUEST_TURNS, ""),
        BEGINNING("GET /key\r\n", RS_REQUEST_TURNS, ""),
        BEGINNING("GET /key?x\n", RS_REQUEST_TURNS, ""),
        BEGINNING("GET / HTTP/1.\n", RS_REQUEST_TURNS, ""),
        BEGINNING("GET / HTTP/2.0\r\n", RS_REQUEST_TURNS, ""),
        BEGINNING("GET http://host\n", RS_REQUEST_TURNS, ""),
        BEGINNING("He", RS_REQUEST_TURNS, ""),
        BEGINNING("ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG", RS_REQUEST_TURNS, ""),
        BEGINNING("PROXY x", RS_REQUEST_TURNS, ""),
        BEGINNING("\r\n\r\n\0x", RS_REQUEST_TURNS, ""),
        BEGINNING("\r\n\r\n\r\nx", RS_REQUEST_TURNS, ""),
        BEGINNING("*x", RS_REQUEST_TURNS, ""),
        BEGINNING("\x16\x02", RS_REQUEST_TURNS, ""),
        BEGINNING("\x16\x03\x05", RS_REQUEST_TURNS, ""),
        BEGINNING("\x01\x02", RS_REQUEST_TURNS, ""),
        BEGINNING("\x01\x01\0\x01\0\x09", RS_REQUEST_TURNS, ""),
        BEGINNING("\0\x01", RS_REQUEST_TURNS, ""),
        BEGINNING("\0\0\0\x07", RS_REQUEST_TURNS, ""),
        BEGINNING("\0\0\0\x20\0\x02", RS_REQUEST_TURNS, ""),
        BEGINNING("\0\0\0\x08\x04\xd2\x16\x2d", RS_REQUEST_TURNS, ""),
        BEGINNING("\0\0\0\x09\x04\xd2\x16\x2f", RS_REQUEST_TURNS, ""),
    };
    (void)state;
    for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings; i++) is_recognised(&beginnings[i]);
}

static void nothing_has_passed_in_a_struct_of_zeros(void **state) {
    struct rs_request request = {0}, zeros = {0};
    size_t taken = 7;
    (void)state;
    assert_false(rs_request_read(&request, "", 0, &taken));
    assert_int_equal(taken, 0);
    assert_false(rs_request_read_unseen(&request, 0));
    rs_request_written(&request, "", 0, 0);
    assert_memory_equal(&request, &zeros, sizeof zeros);
    assert_true(rs_request_looks_at_written(&request));
}

/* ---- by turns */

static void a_request_is_what_is_read_after_something_was_written(void **state) {
    static const struct dialogue dialogues[] = {
        {"SMTP", RS_REQUEST_TURNS, "\n\n", {S("220 here\r\n"), C("HELO me\r\n"), S("250 you\r\n"), C("QUIT\r\n")}},
        {"memcached", RS_REQUEST_TURNS, "\n\n", {C("get key\r\n"), S("END\r\n"), C("set k 0 0 1\r\n"), C("x\r\n")}},
        {"memcached, binary",
         RS_REQUEST_TURNS,
         "\n\n",
         {C("\x80\0\0\x01\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0k"), S("\x81"), C("\x80\x01")}},
        {"Redis, inline from the beginning", RS_REQUEST_TURNS, "\n\n", {C("PING\r\n"), S("+PONG\r\n"), C("PING\r\n")}},
        {"upper case", RS_REQUEST_TURNS, "\n", {C("GET key\r\n"), C("GET other\r\n"), S("VALUE")}},
        {"answered before it is recognised", RS_REQUEST_TURNS, "\n", {C("PING"), S("PONG"), C("PING")}},
        {"unseen",
         RS_REQUEST_TURNS,
         "\n\n",
         {C_UNSEEN(4), C("xx"), S_UNSEEN(3), C_UNSEEN(2), C("GET / HTTP/1.1\r\n\r\n")}},
        {"an unseen banner", RS_REQUEST_TURNS, "\n", {S_UNSEEN(9), C("GET / HTTP/1.1\r\n\r\n")}},
        {"a banner that begins unseen", RS_REQUEST_TURNS, "\n", {S("\x4a"), S_UNSEEN(9), C("\x4a\0\0\x01")}},
        {"a banner that is no greeting", RS_REQUEST_TURNS, "\n", {S("\x4a\0\0\0\xff"), C("\x4a\0\0\x01")}},
        {"an answer within a banner", RS_REQUEST_TURNS, "\n", {S("\x4a\0"), C("\x4a\0\0\x01"), C("x")}},
        {"after the PROXY protocol",
         RS_REQUEST_TURNS,
         "\n\n",
         {C("PROXY UNKNOWN\r\n"), S("220 here\r\n"), C("HELO\r\n"), S("250"), C("QUIT\r\n")}},
        {"an endless PROXY line",
         RS_REQUEST_TURNS,
         "\n",
         {C("PROXY TCP4 1111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111"
            "1111111111111111111111111111")}},
    };
    (void)state;
    PLAY(dialogues);
}

/* ---- HTTP */

#define GET "GET /a HTTP/1.1\r\nHost: h\r\n\r\n"
#define OK "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
#define X10 "xxxxxxxxxx"
#define X100 X10 X10 X10 X10 X10 X10 X10 X10 X10 X10

static void an_http_request_begins_with_its_headers_end(void **state) {
    static const struct dialogue dialogues[] = {
        {"no headers", RS_REQUEST_HTTP1, "GET /\n", {C("GET / HTTP/1.0\r\n\r\n"), S(OK)}},
        {"bare line feeds", RS_REQUEST_HTTP1, "GET /\n", {C("GET / HTTP/1.1\nHost: h\n\n")}},
        {"not yet", RS_REQUEST_HTTP1, "", {C("GET / HTTP/1.1\r\nHost: h\r\n\r")}},
        {"empty lines before it",
         RS_REQUEST_HTTP1,
         "GET /a\nGET /b\n",
         {C("\r\n\n\r\n" GET "\r\n\r\nGET /b HTTP/1.1\r\n\r\n")}},
        {"pipelined", RS_REQUEST_HTTP1, "GET /a\nGET /a\nGET /a\n", {C(GET GET GET), S(OK OK OK)}},
        {"one after the other", RS_REQUEST_HTTP1, "GET /a\nGET /a\n", {C(GET), S(OK), C(GET), S(OK)}},
        {"answered before its end",
         RS_REQUEST_HTTP1,
         "GET /\n",
         {C("GET / HTTP/1.1\r\nHo"), S("HTTP/1.1 408 "), C("st: h\r\n\r\n")}},
        {"answered before its line's end",
         RS_REQUEST_HTTP1,
         "GET /long\n",
         {C("GET /lo"), S("HTTP/1.1 414 "), C("ng HTTP/1.1\r\n\r\n")}},
        {"answered within its method",
         RS_REQUEST_TURNS,
         "\n",
         {C("GE"), S("HTTP/1.1 408 "), C("T / HTTP/1.1\r\n\r\n")}},
        {"unseen within its headers", RS_REQUEST_TURNS, "\n", {C("GET / HTTP/1.1\r\nHo"), C_UNSEEN(3), C(GET)}},
        {"an unseen one", RS_REQUEST_TURNS, "GET /a\n\n", {C(GET), S(OK), C_UNSEEN(3), C(GET)}},
        {"something else behind one", RS_REQUEST_TURNS, "GET /a\n\n", {C(GET), S(OK), C("\x01 what"), C(GET)}},
        {"something else behind it at once", RS_REQUEST_TURNS, "GET /a\n\n", {C(GET "FOO"), C("x"), S(OK), C(GET)}},
        {"a line that is none behind one", RS_REQUEST_TURNS, "GET /a\n\n", {C(GET), S(OK), C("GET /a\r\n"), C(GET)}},
    };
    (void)state;
    PLAY(dialogues);
}

static void an_http_label_is_method_and_path(void **state) {
    static const struct dialogue dialogues[] = {
        {"query", RS_REQUEST_HTTP1, "GET /a/b\n", {C("GET /a/b?c=d&e=/f?g#h HTTP/1.1\r\n\r\n")}},
        {"fragment", RS_REQUEST_HTTP1, "GET /a\n", {C("GET /a#b?c HTTP/1.1\r\n\r\n")}},
        {"empty query", RS_REQUEST_HTTP1, "GET /\n", {C("GET /? HTTP/1.1\r\n\r\n")}},
        {"absolute", RS_REQUEST_HTTP1, "GET /p\n", {C("GET http://host:80/p?q HTTP/1.1\r\n\r\n")}},
        {"absolute, https", RS_REQUEST_HTTP1, "GET /p\n", {C("GET HTTPS://host/p HTTP/1.1\r\n\r\n")}},
        {"absolute, root", RS_REQUEST_HTTP1, "GET /\n", {C("GET http://host HTTP/1.1\r\n\r\n")}},
        {"absolute, query", RS_REQUEST_HTTP1, "GET /\n", {C("GET http://host?q HTTP/1.1\r\n\r\n")}},
        {"absolute, long host", RS_REQUEST_HTTP1, "GET /p\n", {C("GET http://" X100 X100 "/p HTTP/1.1\r\n\r\n")}},
        {"asterisk", RS_REQUEST_HTTP1, "OPTIONS *\n", {C("OPTIONS * HTTP/1.1\r\n\r\n")}},
        {"a path, asked to connect",
         RS_REQUEST_ONE,
         "CONNECT /a\n",
         {C("CONNECT /a HTTP/1.1\r\n\r\n"), S("HTTP/1.1 200 OK\r\n\r\n"), C("\x16")}},
        {"authority", RS_REQUEST_HTTP1, "CONNECT h:443\n", {C("CONNECT h:443 HTTP/1.1\r\n\r\n")}},
        {"a method of one's own", RS_REQUEST_HTTP1, "MY-OWN_X /\n", {C("MY-OWN_X / HTTP/1.1\r\n\r\n")}},
        {"control bytes", RS_REQUEST_HTTP1, "GET /a?b??c\n", {C("GET /a\tb\x7f\001c HTTP/1.1\r\n\r\n")}},
        {"a zero", RS_REQUEST_HTTP1, "GET /a?b\n", {C("GET /a\0b HTTP/1.1\r\n\r\n")}},
        {"blanks", RS_REQUEST_HTTP1, "GET /a?b??HTTP/1?c\n", {C("GET /a b  HTTP/1 c HTTP/1.1\r\n\r\n")}},
        {"two versions",
         RS_REQUEST_HTTP1,
         "GET /?HTTP/1.1??HTTP/1.1x\n",
         {C("GET / HTTP/1.1\r HTTP/1.1x HTTP/1.1\r\n\r\n")}},
        {"blanks in the query", RS_REQUEST_HTTP1, "GET /a\n", {C("GET /a?b HTTP c HTTP/1.1\r\n\r\n")}},
        {"UTF-8", RS_REQUEST_HTTP1, "GET /\xc3\xa4\xff\n", {C("GET /\xc3\xa4\xff HTTP/1.1\r\n\r\n")}},
        {"as long as may be",
         RS_REQUEST_HTTP1,
         "GET /" X100 X10 X10 "xy\n",
         {C("GET /" X100 X10 X10 "xy HTTP/1.1\r\n\r\n")}},
        {"cut", RS_REQUEST_HTTP1, "GET /" X100 X10 X10 "xy\n", {C("GET /" X100 X10 X10 "xyz HTTP/1.1\r\n\r\n")}},
        {"cut, whole characters",
         RS_REQUEST_HTTP1,
         "GET /" X100 X10 X10 "xy\n",
         {C("GET /" X100 X10 X10 "xy\xc3\xa4 HTTP/1.1\r\n\r\n")}},
        {"cut before a character of 2",
         RS_REQUEST_HTTP1,
         "GET /" X100 X10 X10 "x\n",
         {C("GET /" X100 X10 X10 "x\xc3\xa4 HTTP/1.1\r\n\r\n")}},
        {"cut before a character of 4",
         RS_REQUEST_HTTP1,
         "GET /" X100 X10 "xxxxxxxxx\n",
         {C("GET /" X100 X10 "xxxxxxxxx\xf0\x9f\x98\x80 HTTP/1.1\r\n\r\n")}},
        {"cut behind a character of 3",
         RS_REQUEST_HTTP1,
         "GET /" X100 X10 "xxxxxxxxx\xe2\x82\xac\n",
         {C("GET /" X100 X10 "xxxxxxxxx\xe2\x82\xac/x?y HTTP/1.1\r\n\r\n")}},
        {"cut at a blank",
         RS_REQUEST_HTTP1,
         "GET /" X100 X10 X10 "xy\n",
         {C("GET /" X100 X10 X10 "xy z HTTP/1.1\r\n\r\n")}},
        {"cut within what may be a version",
         RS_REQUEST_HTTP1,
         "GET /" X100 X10 "xxxxxxxx?HTT\n",
         {C("GET /" X100 X10 "xxxxxxxx HTTP/1.1x HTTP/1.1\r\n\r\n")}},
    };
    (void)state;
    PLAY(dialogues);
}

#define PARENT "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

static void an_http_request_has_what_its_headers_say(void **state) {
    static const struct dialogue dialogues[] = {
        {"both",
         RS_REQUEST_HTTP1,
         "GET / trace " PARENT " id 1 2\n",
         {C("GET / HTTP/1.1\r\nTraceParent: \t" PARENT "  \r\nX-REQUEST-ID:1 2\t \r\n\r\n")}},
        {"of the request before: nothing",
         RS_REQUEST_HTTP1,
         "GET / id 1\nGET /a\n",
         {C("GET / HTTP/1.1\nx-request-id: 1\n\n" GET)}},
        {"names like those",
         RS_REQUEST_HTTP1,
         "GET /\n",
         {C("GET / HTTP/1.1\r\nx-request-id-: 1\r\nx-request-i: 1\r\nxx-request-id: 1\r\nx-request-id : 1\r\n"
            "tracestate: 1\r\ntraceparen: 1\r\ntransfer: chunked\r\ncontent-lengt: 9\r\nupgrad: x\r\n x-request-id: "
            "1\r\n"
            "t\r\nc\r\nu\r\nx\r\n\r\n")}},
        {"empty", RS_REQUEST_HTTP1, "GET /\n", {C("GET / HTTP/1.1\r\ntraceparent:\r\nx-request-id: \t\r\n\r\n")}},
        {"empty lines", RS_REQUEST_HTTP1, "GET /\n", {C("GET / HTTP/1.1\ntraceparent:\nx-request-id: \t\n\n")}},
        {"twice",
         RS_REQUEST_HTTP1,
         "GET / trace a id b\n",
         {C("GET / HTTP/1.1\ntraceparent:\ntraceparent:a\nx-request-id:b\ntraceparent:c\nx-request-id:d\n\n")}},
        {"control bytes",
         RS_REQUEST_HTTP1,
         "GET / id a?b??c\n",
         {C("GET / HTTP/1.1\r\nx-request-id: a\001b\r\rc\r\n\r\n")}},
        {"cut",
         RS_REQUEST_HTTP1,
         "GET / trace " X10 X10 X10 X10 X10 X10 "abc id " X10 X10 X10 X10 X10 X10 X10 "xxxxxxx\n",
         {C("GET / HTTP/1.1\r\ntraceparent: " X10 X10 X10 X10 X10 X10
            "abcd\r\nx-request-id: " X10 X10 X10 X10 X10 X10 X10 "xxxxxxx\xe2\x82\xac\r\n\r\n")}},
        {"as long as may be",
         RS_REQUEST_HTTP1,
         "GET / trace " X10 X10 X10 X10 X10 X10 "abc\n",
         {C("GET / HTTP/1.1\r\ntraceparent: " X10 X10 X10 X10 X10 X10 "abc\r\n\r\n")}},
        {"a return that is not the line's end", RS_REQUEST_HTTP1, "GET /\n", {C("GET / HTTP/1.1\r\n\rx: y\r\n\r\n")}},
    };
    (void)state;
    PLAY(dialogues);
}

static void an_http_body_begins_nothing(void **state) {
    static const struct dialogue dialogues[] = {
        {"counted",
         RS_REQUEST_HTTP1,
         "POST /\nGET /a\n",
         {C("POST / HTTP/1.1\r\nContent-Length: 18\r\n\r\nGET / HTTP/1.1\r\n\r\n" GET)}},
        {"counted, not whole",
         RS_REQUEST_HTTP1,
         "POST /\n",
         {C("POST / HTTP/1.1\r\nContent-Length: 19\r\n\r\nGET / HTTP/1.1\r\n\r\n"), S(OK)}},
        {"empty", RS_REQUEST_HTTP1, "POST /\nGET /a\n", {C("POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n" GET)}},
        {"counted twice",
         RS_REQUEST_HTTP1,
         "POST /\nGET /a\n",
         {C("POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length:3 \r\n\r\nabc" GET)}},
        {"a list", RS_REQUEST_HTTP1, "POST /\nGET /a\n", {C("POST / HTTP/1.1\r\nContent-Length: 3, 3\r\n\r\nabc" GET)}},
        {"not a number",
         RS_REQUEST_HTTP1,
         "POST /\nGET /a\n",
         {C("POST / HTTP/1.1\r\nContent-Length: -3\r\n\r\n" GET)}},
        {"huge",
         RS_REQUEST_HTTP1,
         "POST /\n",
         {C("POST / HTTP/1.1\r\nContent-Length: 999999999999999999999999999999999999999999\r\n\r\n" GET)}},
        {"chunks",
         RS_REQUEST_HTTP1,
         "POST /\nGET /a\n",
         {C("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nGET "
            "/\r\n01A;x=y\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\n\r\n" GET)}},
        {"chunks, with bare line feeds",
         RS_REQUEST_HTTP1,
         "POST /\nGET /a\n",
         {C("POST / HTTP/1.1\nTransfer-Encoding:gzip,\tCHUNKED\n\n5\nGET /\n0\n\n" GET)}},
        {"trailers",
         RS_REQUEST_HTTP1,
         "POST /\nGET /a\n",
         {C("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: y\r\nGET / HTTP/1.1\r\n\rz\r\n\r\n" GET)}},
        {"chunks and a count",
         RS_REQUEST_HTTP1,
         "POST /\nGET /a\n",
         {C("POST / HTTP/1.1\r\nContent-Length: 99\r\nTransfer-Encoding: cchunked\r\nContent-Length: "
            "98\r\n\r\n1\r\nx\r\n0\r\n\r\n" GET)}},
        {"not chunks",
         RS_REQUEST_HTTP1,
         "POST /\nGET /a\n",
         {C("POST / HTTP/1.1\r\nTransfer-Encoding: chunke\r\n\r\n" GET)}},
        {"chunks that are none, unanswered",
         RS_REQUEST_TURNS,
         "POST /\n",
         {C("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n" GET)}},
        {"chunks that are none, answered",
         RS_REQUEST_TURNS,
         "POST /\n\n",
         {C("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"), S(OK), C("1\r\nab\r\n" GET)}},
        {"a chunk that is too large",
         RS_REQUEST_TURNS,
         "POST /\n",
         {C("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n")}},
        {"asked for",
         RS_REQUEST_HTTP1,
         "POST /\nGET /a\n",
         {C("POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"), S("HTTP/1.1 100 Continue\r\n\r\n"),
          C("GET /"), S(OK), C(GET)}},
        {"unseen",
         RS_REQUEST_HTTP1,
         "POST /\nGET /a\n",
         {C("POST / HTTP/1.1\r\nContent-Length: 1000\r\n\r\nab"), C_UNSEEN(500), S("HTTP/1.1 "), C_UNSEEN(498),
          C(GET)}},
        {"more unseen than the body",
         RS_REQUEST_TURNS,
         "POST /\n\n",
         {C("POST / HTTP/1.1\r\nContent-Length: 1000\r\n\r\n"), C_UNSEEN(1001), C(GET), S(OK), C(GET)}},
        {"unseen chunk",
         RS_REQUEST_HTTP1,
         "POST /\nGET /a\n",
         {C("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n64\r\n"), C_UNSEEN(100), C("\r\n0\r\n\r\n" GET)}},
    };
    (void)state;
    PLAY(dialogues);
}

#define UPGRADE "GET /ws HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"

static void an_http_connection_may_become_one_request(void **state) {
    static const struct dialogue dialogues[] = {
        {"upgraded",
         RS_REQUEST_ONE,
         "GET /ws\n",
         {C(UPGRADE), S("HTTP/1.1 101 Switching\r\n\r\n"), C(GET), S("x"), C(GET)}},
        {"not upgraded",
         RS_REQUEST_HTTP1,
         "GET /ws\nGET /a\n",
         {C(UPGRADE), S("HTTP/1.1 200 OK\r\n\r\n"), S("HTTP/1.1 101 "), C(GET)}},
        {"an interim answer first",
         RS_REQUEST_ONE,
         "GET /ws\n",
         {C(UPGRADE), S("HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 100 \n\n"), S("HTTP/1.0 101 "), C(GET)}},
        {"not asked for", RS_REQUEST_HTTP1, "GET /a\nGET /a\n", {C(GET), S("HTTP/1.1 101 Switching\r\n\r\n"), C(GET)}},
        {"not asked for with an empty header",
         RS_REQUEST_HTTP1,
         "GET /\nGET /a\n",
         {C("GET / HTTP/1.1\r\nUpgrade: \r\n\r\n"), S("HTTP/1.1 101 Switching\r\n\r\n"), C(GET)}},
        {"something else is answered",
         RS_REQUEST_HTTP1,
         "GET /ws\nGET /a\n",
         {C(UPGRADE), S("HTTP/1.1_101"), S("HTTP/1.1 101 "), C(GET)}},
        {"the answer is not seen",
         RS_REQUEST_HTTP1,
         "GET /ws\nGET /a\n",
         {C(UPGRADE), S_UNSEEN(9), S("HTTP/1.1 101 "), C(GET)}},
        {"nor its end",
         RS_REQUEST_HTTP1,
         "GET /ws\nGET /a\n",
         {C(UPGRADE), S("HTTP/1"), S_UNSEEN(9), S(".1 101 "), C(GET)}},
        {"a body before it",
         RS_REQUEST_ONE,
         "POST /\n",
         {C("POST / HTTP/1.1\r\nContent-Length: 20\r\nUpgrade: h2c\r\n\r\n0123456789"), S("HTTP/1.1 101 "), C(GET)}},
        {"the next request before the answer",
         RS_REQUEST_HTTP1,
         "GET /ws\nGET /a\nGET /a\n",
         {C(UPGRADE GET), S("HTTP/1.1 101 "), C(GET)}},
        {"a tunnel",
         RS_REQUEST_ONE,
         "CONNECT h:1\n",
         {C("CONNECT h:1 HTTP/1.1\r\n\r\n"), S("HTTP/1.1 200 OK\r\n\r\n"), C("\x16\x03\x01"), S("x"), C("y")}},
        {"no tunnel",
         RS_REQUEST_HTTP1,
         "CONNECT h:1\nGET /a\n",
         {C("CONNECT h:1 HTTP/1.1\r\n\r\n"), S("HTTP/1.1 407 no\r\n\r\n"), S("HTTP/1.1 200 OK\r\n\r\n"), C(GET)}},
        {"HTTP/2", RS_REQUEST_ONE, "HTTP/2\n", {C("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), S("x"), C("y"), C_UNSEEN(9)}},
        {"HTTP/2 after HTTP/1",
         RS_REQUEST_ONE,
         "GET /a\nHTTP/2\n",
         {C(GET "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), S("x"), C("y")}},
        {"HTTP/2 whose server speaks first",
         RS_REQUEST_ONE,
         "HTTP/2\n",
         {S("\0\0\x06\4\0\0\0\0\0......"), S("more"), C("PRI * HTTP/2.0\r\n\r\n"), S("x"), C("y")}},
        {"the same, unseen", RS_REQUEST_ONE, "HTTP/2\n", {S("\0\0\0\4\0\0\0\0\0"), C_UNSEEN(9), S("x"), C("y")}},
        {"not its settings", RS_REQUEST_TURNS, "\n\n", {S("\0\0\x05\4\0\0\0\0\0....."), C("x"), S("x"), C("y")}},
        {"not its settings, either",
         RS_REQUEST_TURNS,
         "\n\n",
         {S("\0\0\x06\4\0\0\0\0\1....."), C("x"), S("x"), C("y")}},
        {"no preface", RS_REQUEST_TURNS, "\n", {C("PRI * HTTP/1.1\r\n\r\n"), C("y")}},
        {"a preface of another", RS_REQUEST_TURNS, "\n", {C("PRI * HTTP/2.1\r\n\r\n"), C("y")}},
    };
    (void)state;
    PLAY(dialogues);
}

/* A megabyte of headers: no memory, and the request begins when they end. */
static void an_http_header_block_may_be_long(void **state) {
    static const char line[] = "X-Header-With-A-Name: and a value\r\n";
    struct rs_request request = {0};
    size_t taken;
    (void)state;
    assert_false(rs_request_read(&request, "GET /x HTTP/1.1\r\n", 17, &taken));
    for (size_t size = 0; size < 1 << 20; size += sizeof line - 1) {
        assert_false(rs_request_read(&request, line, sizeof line - 1, &taken));
    }
    assert_true(rs_request_read(&request, "\r\n", 2, &taken));
    assert_string_equal(request.label, "GET /x");
}

/* ---- what is looked at */

static void fed(struct rs_request *request, const char *bytes, size_t size) {
    for (size_t at = 0, taken; at < size; at += taken) rs_request_read(request, bytes + at, size - at, &taken);
}
#define FED(text) fed(&request, text, sizeof(text) - 1)
#define WRITTEN(text) rs_request_written(&request, text, sizeof(text) - 1, sizeof(text) - 1)

static void what_is_written_is_looked_at_only_while_it_may_matter(void **state) {
    struct rs_request request = {0};
    (void)state;
    WRITTEN("\x4a\0\0\0");
    assert_true(rs_request_looks_at_written(&request));
    WRITTEN("\x0a");
    assert_false(rs_request_looks_at_written(&request));
    assert_int_equal(request.protocol, RS_REQUEST_MYSQL);
    request = (struct rs_request){0};
    FED("PROXY UNKNOWN\r\n");
    assert_true(rs_request_looks_at_written(&request));
    FED("GET /");
    assert_false(rs_request_looks_at_written(&request));
    FED(" HTTP/1.1\r\nUpgrade: x\r\n");
    assert_false(rs_request_looks_at_written(&request));
    FED("\r\n");
    assert_true(rs_request_looks_at_written(&request));
    WRITTEN("HTTP/1.1 2");
    assert_true(rs_request_looks_at_written(&request));
    WRITTEN("00");
    assert_false(rs_request_looks_at_written(&request));
    FED(GET);
    assert_false(rs_request_looks_at_written(&request));
    request = (struct rs_request){0};
    FED("\0\0\0\x08\x04\xd2\x16\x2f");
    assert_true(rs_request_looks_at_written(&request));
    WRITTEN("N");
    assert_false(rs_request_looks_at_written(&request));
}

static void what_was_written_makes_it_the_others_turn(void **state) {
    (void)state;
    for (unsigned protocol = 0; protocol < 256; protocol++) {
        struct rs_request request = {.protocol = (uint8_t)protocol};
        rs_request_written(&request, NULL, 0, 0);
        assert_int_equal(request.turn, 0);
        rs_request_written(&request, "x", 1, 1);
        assert_int_equal(request.turn, 1);
    }
}

static void http_and_fastcgi_are_no_sessions(void **state) {
    (void)state;
    for (unsigned protocol = 0; protocol < RS_REQUEST_COUNT; protocol++) {
        struct rs_request request = {.protocol = (uint8_t)protocol};
        bool is_session = protocol != RS_REQUEST_HTTP1 && protocol != RS_REQUEST_FASTCGI;
        assert_int_equal(rs_request_is_session(&request), is_session);
    }
}

/* ---- TLS */

/* (Of what it holds the first bytes are said, the rest is zeros.) */
static struct part tls(uint8_t type, size_t size) {
    static const char zeros[20000];
    char header[] = {(char)type, 3, 3, (char)(size >> 8), (char)size};
    return is_made(header, sizeof header, zeros, size);
}

static void tls_goes_by_turns_once_its_handshake_is_over(void **state) {
    struct part hello = tls(22, 300), cipher = tls(20, 1), finished = tls(22, 40), data = tls(23, 100),
                certificate = tls(22, 900);
    struct part nonsense = tls(25, 1), alert = tls(21, 2), finished3 = tls(23, 53);
    struct part certificate3 = tls(23, 1200), alert3 = tls(23, 19);
    const struct dialogue dialogues[] = {
        {"1.2",
         RS_REQUEST_TLS,
         "\n\n",
         {hello, S("x"), certificate, cipher, finished, S("x"), data, data, S("x"), data, alert}},
        {"1.2, resumed", RS_REQUEST_TLS, "\n\n", {hello, S("x"), cipher, finished, data, data, S("x"), data}},
        {"1.2, renegotiated",
         RS_REQUEST_TLS,
         "\n\n",
         {hello, S("x"), cipher, finished, data, S("x"), hello, S("x"), cipher, finished, S("x"), data}},
        {"1.3", RS_REQUEST_TLS, "\n\n", {hello, S("x"), cipher, finished3, S("x"), data, data, S("x"), data, alert}},
        {"1.3, all at once", RS_REQUEST_TLS, "\n\n", {hello, S("x"), cipher, finished3, data, S("x"), data}},
        {"1.3, with a longer hash", RS_REQUEST_TLS, "\n\n", {hello, S("x"), cipher, tls(23, 69), data, S("x"), data}},
        {"1.3, closed", RS_REQUEST_TLS, "\n", {hello, S("x"), cipher, finished3, S("x"), data, S("x"), alert3}},
        {"1.3, closed at once", RS_REQUEST_TLS, "", {hello, S("x"), cipher, finished3, alert3, S("x"), alert3}},
        {"1.3, several in one record",
         RS_REQUEST_TLS,
         "\n\n",
         {hello, S("x"), cipher, certificate3, S("x"), data, data, S("x"), data}},
        {"1.3, with a certificate",
         RS_REQUEST_TLS,
         "\n",
         {hello, S("x"), cipher, certificate3, data, finished3, data, data}},
        {"1.3, without compatibility", RS_REQUEST_TLS, "\n", {hello, S("x"), finished3, S("x"), data, data}},
        {"1.3, a second hello", RS_REQUEST_TLS, "\n", {hello, S("x"), cipher, hello, S("x"), finished3, S("x"), data}},
        {"only a handshake", RS_REQUEST_TLS, "", {hello, S("x"), alert}},
        {"unseen within a record",
         RS_REQUEST_TLS,
         "\n",
         {hello, S("x"), cipher, finished, C("\x17\x03\x03\0\x64"), C_UNSEEN(100), data}},
        {"unseen", RS_REQUEST_TURNS, "\n\n", {hello, S("x"), C_UNSEEN(100), data, S("x"), data}},
        {"nonsense", RS_REQUEST_TURNS, "\n\n", {hello, S("x"), cipher, finished, data, S("x"), nonsense, data}},
        {"nonsense in its handshake", RS_REQUEST_TURNS, "\n", {hello, nonsense, data}},
        {"a record that is too long", RS_REQUEST_TURNS, "\n", {hello, C("\x16\x03\x03\xff\xff")}},
    };
    (void)state;
    PLAY(dialogues);
}

/* ---- RESP */

static void a_resp_request_is_called_as_its_command(void **state) {
    static const struct dialogue dialogues[] = {
        {"commands",
         RS_REQUEST_RESP,
         "SET\nGET\n",
         {C("*3\r\n$3\r\nset\r\n$1\r\nk\r\n$5\r\nvalue\r\n*2\r\n$3\r\nGet\r\n$1\r\nk\r\n"),
          S("+OK\r\n$5\r\nvalue\r\n")}},
        {"with its name", RS_REQUEST_RESP, "GET\n", {C("*2\r\n$3\r\nGET")}},
        {"not before", RS_REQUEST_RESP, "", {C("*2\r\n$3\r\nGE")}},
        {"no arguments", RS_REQUEST_RESP, "PING\n", {C("*0\r\n*-1\r\n\r\n\n*1\r\n$4\r\nPING\r\n")}},
        {"lines", RS_REQUEST_RESP, "PING\nGET\nX\n", {C("*1\r\n$4\r\nPING\r\nget k\r\n\r\n\nx\n")}},
        {"a line with its first word", RS_REQUEST_RESP, "PING\nGET\n", {C("*1\r\n$4\r\nPING\r\nget ")}},
        {"not before", RS_REQUEST_RESP, "PING\n", {C("*1\r\n$4\r\nPING\r\nget")}},
        {"commands in a value",
         RS_REQUEST_RESP,
         "SET\nPING\n",
         {C("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$14\r\n*1\r\n$4\r\nPING\r\n\r\n*1\r\n$4\r\nPING\r\n")}},
        {"an empty name", RS_REQUEST_RESP, "\nPING\n", {C("*1\r\n$0\r\n\r\n*1\r\n$4\r\nPING\r\n")}},
        {"an empty argument",
         RS_REQUEST_RESP,
         "ECHO\nPING\n",
         {C("*2\r\n$4\r\nECHO\r\n$0\r\n\r\n*1\r\n$4\r\nPING\r\n")}},
        {"control bytes", RS_REQUEST_RESP, "A?B\n", {C("*1\r\n$3\r\na\nb\r\n")}},
        {"as long as may be",
         RS_REQUEST_RESP,
         "0123456789012345678901234567890A\n",
         {C("*1\r\n$32\r\n0123456789012345678901234567890a\r\n")}},
        {"cut",
         RS_REQUEST_RESP,
         "01234567890123456789012345678901\nPING\n",
         {C("*1\r\n$34\r\n0123456789012345678901234567890123\r\n*1\r\n$4\r\nPING\r\n")}},
        {"cut at a character",
         RS_REQUEST_RESP,
         "0123456789012345678901234567890\nPING\n",
         {C("*1\r\n$33\r\n0123456789012345678901234567890\xc3\xa4\r\n*1\r\n$4\r\nPING\r\n")}},
        {"a line that is cut",
         RS_REQUEST_RESP,
         "PING\nABCDEFGHIJKLMNOPQRSTUVWXYZABCDEF\n",
         {C("*1\r\n$4\r\nPING\r\nabcdefghijklmnopqrstuvwxyzabcdefgh i\r\n")}},
        {"a large value",
         RS_REQUEST_RESP,
         "SET\nPING\n",
         {C("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1000000000\r\n"), C_UNSEEN(999999999), C("x\r\n*1\r\n$4\r\nPING\r\n")}},
        {"unseen",
         RS_REQUEST_TURNS,
         "GET\n\n",
         {C("*2\r\n$3\r\nGET\r\n"), S("x"), C_UNSEEN(3), C("*1\r\n$4\r\nPING\r\n")}},
        {"nonsense",
         RS_REQUEST_TURNS,
         "PING\n\n",
         {C("*1\r\n$4\r\nPING\r\n"), S("+PONG\r\n"), C("?"), C("*1\r\n$4\r\nPING\r\n")}},
        {"no length", RS_REQUEST_TURNS, "\n", {C("*1\r\n+4\r\n")}},
        {"no argument", RS_REQUEST_TURNS, "\n", {C("*1\r\n$-1\r\n")}},
        {"no number", RS_REQUEST_TURNS, "\n", {C("*1x\r\n$1\r\n")}},
        {"no line's end", RS_REQUEST_TURNS, "\n", {C("*1\n$1\n")}},
        {"a number that is too large", RS_REQUEST_TURNS, "\n", {C("*12345678901\r\n")}},
    };
    (void)state;
    PLAY(dialogues);
}

/* ---- FastCGI */

static struct part record(uint8_t type, const void *content, size_t size, uint8_t padding) {
    char header[] = {1, (char)type, 0, 1, (char)(size >> 8), (char)size, (char)padding, 0};
    char padded[8192] = {0};
    assert_true(size + padding <= sizeof padded);
    memcpy(padded, content, size);
    return is_made(header, sizeof header, padded, size + padding);
}
#define FCGI_BEGIN record(1, "\0\1\1\0\0\0\0", 8, 0)
#define FCGI_PARAMS(text) record(4, text, sizeof(text) - 1, 5)
#define FCGI_END record(4, "", 0, 0)
#define FCGI_STDIN(text) record(5, text, sizeof(text) - 1, 3)
#define FCGI_ABORT record(2, "", 0, 0)
#define P_GET "\x0e\x03REQUEST_METHODGET"
#define P_URI "\x0b\x06REQUEST_URI/a/b?c"
#define P_SCRIPT "\x0b\x04SCRIPT_NAME/s.x"
#define P_TRACE "\x10\x80\0\0\x37HTTP_TRACEPARENT" PARENT
#define P_ID "\x11\x02HTTP_X_REQUEST_IDid"
#define P_OTHER                                                                                                        \
    "\x0e\x04REQUEST_METHOXPOST\x0b\x01SERVER_NAMEx\0\0\x01\0y\0\x02zz\x80\0\0\x80\x80\0\0\x01" X100 X10 X10 "1234567" \
    "8v"

static void a_fastcgi_label_is_method_and_path(void **state) {
    const struct dialogue dialogues[] = {
        {"the method last",
         RS_REQUEST_FASTCGI,
         "GET /a/b\n",
         {FCGI_BEGIN, FCGI_PARAMS(P_SCRIPT P_URI P_GET), FCGI_END}},
        {"the script's name last",
         RS_REQUEST_FASTCGI,
         "GET /a/b\n",
         {FCGI_BEGIN, FCGI_PARAMS(P_GET P_URI P_SCRIPT), FCGI_END}},
        {"the script's name first",
         RS_REQUEST_FASTCGI,
         "GET /a/b\n",
         {FCGI_BEGIN, FCGI_PARAMS(P_SCRIPT P_GET P_URI), FCGI_END}},
        {"no method", RS_REQUEST_FASTCGI, "/a/b\n", {FCGI_BEGIN, FCGI_PARAMS(P_URI), FCGI_END}},
        {"nothing", RS_REQUEST_FASTCGI, "\n", {FCGI_BEGIN, FCGI_END}},
        {"empty ones",
         RS_REQUEST_FASTCGI,
         "GET /s.x\n",
         {FCGI_BEGIN, FCGI_PARAMS("\x0b\0REQUEST_URI\x0e\0REQUEST_METHOD" P_SCRIPT P_GET), FCGI_END}},
        {"twice",
         RS_REQUEST_FASTCGI,
         "GET /a/b\n",
         {FCGI_BEGIN, FCGI_PARAMS(P_GET P_URI "\x0e\x04REQUEST_METHODPOST\x0b\x02REQUEST_URI/x"), FCGI_END}},
        {"absolute",
         RS_REQUEST_FASTCGI,
         "GET /p\n",
         {FCGI_BEGIN, FCGI_PARAMS(P_GET "\x0b\x0fREQUEST_URIhttp://host/p?q"), FCGI_END}},
        {"absolute, root",
         RS_REQUEST_FASTCGI,
         "GET /\n",
         {FCGI_BEGIN, FCGI_PARAMS("\x0b\x0fREQUEST_URIhttps://host:1?" P_GET), FCGI_END}},
        {"not absolute",
         RS_REQUEST_FASTCGI,
         "GET http:/x\n",
         {FCGI_BEGIN, FCGI_PARAMS(P_GET "\x0b\x07REQUEST_URIhttp:/x"), FCGI_END}},
        {"blanks and control bytes",
         RS_REQUEST_FASTCGI,
         "G?T /a?b?c\n",
         {FCGI_BEGIN, FCGI_PARAMS("\x0e\x03REQUEST_METHODG T\x0b\x06SCRIPT_NAME/a b\nc"), FCGI_END}},
        {"cut, the method first",
         RS_REQUEST_FASTCGI,
         "GET /" X100 X10 X10 "x\n",
         {FCGI_BEGIN, FCGI_PARAMS(P_GET "\x0b\x80\0\0\x86REQUEST_URI/" X100 X10 X10 "x\xc3\xa4" X10), FCGI_END}},
        {"cut, the method last",
         RS_REQUEST_FASTCGI,
         "GET /" X100 X10 X10 "x\n",
         {FCGI_BEGIN, FCGI_PARAMS("\x0b\x80\0\0\x86REQUEST_URI/" X100 X10 X10 "x\xc3\xa4" X10 P_GET), FCGI_END}},
        {"a long method",
         RS_REQUEST_FASTCGI,
         "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx /a/b\n",
         {FCGI_BEGIN, FCGI_PARAMS(P_URI "\x0e\x64REQUEST_METHOD" X100), FCGI_END}},
        {"a long identity",
         RS_REQUEST_FASTCGI,
         "/ id " X10 X10 X10 X10 X10 X10 X10 "xxxxxxxxx\n",
         {FCGI_BEGIN, FCGI_PARAMS("\x0b\x01SCRIPT_NAME/\x11\x64HTTP_X_REQUEST_ID" X100), FCGI_END}},
    };
    (void)state;
    PLAY(dialogues);
}

static void a_fastcgi_request_begins_with_its_last_parameter(void **state) {
    struct part everything = FCGI_PARAMS(P_OTHER P_GET P_URI P_TRACE P_OTHER P_ID P_SCRIPT);
    const struct dialogue dialogues[] = {
        {"everything",
         RS_REQUEST_FASTCGI,
         "GET /a/b trace " PARENT " id id\n",
         {FCGI_BEGIN, everything, FCGI_END, FCGI_STDIN("x"), FCGI_STDIN(""), S("x")}},
        {"not before", RS_REQUEST_FASTCGI, "", {FCGI_BEGIN, everything, C("\x01\x04\0\x01\0\0\0")}},
        {"several",
         RS_REQUEST_FASTCGI,
         "GET /a/b trace " PARENT " id id\nGET\nPOST /s.x\n",
         {FCGI_BEGIN, everything, FCGI_END, FCGI_STDIN(""), S("x"), FCGI_BEGIN, FCGI_PARAMS(P_GET), FCGI_END,
          FCGI_STDIN(""), S("x"), FCGI_BEGIN, FCGI_PARAMS(P_SCRIPT "\x0e\x04REQUEST_METHODPOST"), FCGI_END,
          FCGI_STDIN("body"), FCGI_STDIN("")}},
        {"a parameter in several records",
         RS_REQUEST_FASTCGI,
         "GET /a/b\n",
         {FCGI_BEGIN, FCGI_PARAMS("\x0e"), FCGI_PARAMS("\x03REQ"), FCGI_PARAMS("UEST_METHODG"),
          FCGI_PARAMS("ET\x0b\x80\0"), FCGI_PARAMS("\0\x06REQUEST_URI/a/b?c"), FCGI_END}},
        {"aborted",
         RS_REQUEST_FASTCGI,
         "GET\n",
         {FCGI_BEGIN, FCGI_PARAMS(P_URI), FCGI_ABORT, S("x"), FCGI_BEGIN, FCGI_PARAMS(P_GET), FCGI_END, FCGI_ABORT}},
        {"management",
         RS_REQUEST_FASTCGI,
         "GET\n",
         {C("\x01\x09\0\0\0\x05\0\0"
            "12345"),
          S("x"),
          C("\x01\x63\0\0\0\0\x02\0"
            "12"),
          FCGI_BEGIN, FCGI_PARAMS(P_GET), FCGI_END}},
        {"unseen body",
         RS_REQUEST_FASTCGI,
         "GET\nGET\n",
         {FCGI_BEGIN, FCGI_PARAMS(P_GET), FCGI_END, C("\x01\x05\0\x01\xff\xff\x07\0"), C_UNSEEN(0x10006), FCGI_BEGIN,
          FCGI_PARAMS(P_GET), FCGI_END}},
        {"unseen parameters",
         RS_REQUEST_TURNS,
         "\n",
         {FCGI_BEGIN, C("\x01\x04\0\x01\xff\xff\x07\0"), C_UNSEEN(9), FCGI_BEGIN}},
        {"nonsense",
         RS_REQUEST_TURNS,
         "GET\n\n",
         {FCGI_BEGIN, FCGI_PARAMS(P_GET), FCGI_END, S("x"), C("\x02\x01\0\x01\0\x08\0\0"), FCGI_BEGIN}},
        {"parameters of no request",
         RS_REQUEST_TURNS,
         "GET\n\n",
         {FCGI_BEGIN, FCGI_PARAMS(P_GET), FCGI_END, S("x"), FCGI_END}},
        {"what a server says",
         RS_REQUEST_TURNS,
         "GET\n\n",
         {FCGI_BEGIN, FCGI_PARAMS(P_GET), FCGI_END, S("x"), record(6, "x", 1, 0)}},
    };
    (void)state;
    PLAY(dialogues);
}

/* ---- PostgreSQL */

static struct part pg(char type, const void *content, size_t size) {
    char header[] = {type, 0, 0, (char)((size + 4) >> 8), (char)(size + 4)};
    return is_made(header, sizeof header, content, size);
}
#define PG(type, text) pg(type, text, sizeof(text) - 1)
#define PG_STARTUP C("\0\0\0\x11\0\x03\0\0user\0me\0\0")
#define PG_ASKS_TLS C("\0\0\0\x08\x04\xd2\x16\x2f")
#define PG_ASKS_GSS C("\0\0\0\x08\x04\xd2\x16\x30")

static void a_postgresql_request_is_a_message_or_a_batch(void **state) {
    struct part p = PG('P', "\0select 1\0\0\0"), b = PG('B', "\0\0\0\0\0\0\0\0"), d = PG('D', "P\0"),
                e = PG('E', "\0\0\0\0\0");
    struct part q = PG('Q', "select 1\0"), sync = PG('S', ""), copy = PG('d', "Q data"), done = PG('c', ""),
                flush = PG('H', "");
    struct part password = PG('p', "secret\0"), close = PG('C', "S\0"), call = PG('F', "x"), bye = PG('X', ""),
                fails = PG('f', "no\0");
    struct part tls_hello = tls(22, 300), tls_cipher = tls(20, 1), tls_finished = tls(22, 40), tls_data = tls(23, 9);
    const struct dialogue dialogues[] = {
        {"startup",
         RS_REQUEST_POSTGRESQL,
         "PostgreSQL startup\nPostgreSQL Query\n",
         {PG_STARTUP, S("R"), password, S("R"), password, S("Z"), q, S("T"), bye}},
        {"queries",
         RS_REQUEST_POSTGRESQL,
         "PostgreSQL startup\nPostgreSQL Query\nPostgreSQL Query\nPostgreSQL FunctionCall\n",
         {PG_STARTUP, q, q, call}},
        {"with its first byte", RS_REQUEST_POSTGRESQL, "PostgreSQL startup\nPostgreSQL Query\n", {PG_STARTUP, C("Q")}},
        {"a batch",
         RS_REQUEST_POSTGRESQL,
         "PostgreSQL startup\nPostgreSQL Parse\nPostgreSQL Bind\n",
         {PG_STARTUP, p, d, S("1"), b, e, close, flush, sync, S("Z"), b, e, sync}},
        {"of each first message",
         RS_REQUEST_POSTGRESQL,
         "PostgreSQL startup\nPostgreSQL Describe\nPostgreSQL Execute\nPostgreSQL Close\nPostgreSQL Flush\n",
         {PG_STARTUP, d, sync, e, sync, close, sync, flush, sync}},
        {"a sync alone",
         RS_REQUEST_POSTGRESQL,
         "PostgreSQL startup\nPostgreSQL Sync\nPostgreSQL Parse\nPostgreSQL Sync\n",
         {PG_STARTUP, sync, p, sync, sync}},
        {"copies in",
         RS_REQUEST_POSTGRESQL,
         "PostgreSQL startup\nPostgreSQL Query\nPostgreSQL Query\n",
         {PG_STARTUP, q, S("G"), copy, copy, done, S("Z"), q, copy, fails}},
        {"copies in, in a batch",
         RS_REQUEST_POSTGRESQL,
         "PostgreSQL startup\nPostgreSQL Parse\nPostgreSQL Sync\nPostgreSQL Query\n",
         {PG_STARTUP, p, b, e, sync, S("G"), copy, done, sync, sync, q}},
        {"cancel",
         RS_REQUEST_POSTGRESQL,
         "PostgreSQL cancel\n",
         {C("\0\0\0\x10\x04\xd2\x16\x2e"
            "12345678")}},
        {"no encryption",
         RS_REQUEST_POSTGRESQL,
         "PostgreSQL startup\n",
         {PG_ASKS_GSS, S("N"), PG_ASKS_TLS, S("N"), PG_STARTUP}},
        {"TLS",
         RS_REQUEST_TLS,
         "\n",
         {PG_ASKS_TLS, S("S"), tls_hello, S("x"), tls_cipher, tls_finished, S("x"), tls_data, tls_data}},
        {"GSS", RS_REQUEST_TURNS, "\n\n", {PG_ASKS_GSS, S("G"), C("\0\0\1\0"), C("x"), S("x"), C("x")}},
        {"an error", RS_REQUEST_POSTGRESQL, "PostgreSQL startup\n", {PG_ASKS_TLS, S("E"), PG_STARTUP}},
        {"an answer that is none", RS_REQUEST_TURNS, "\n", {PG_ASKS_TLS, S("x"), PG_STARTUP}},
        {"an unseen answer", RS_REQUEST_TURNS, "\n", {PG_ASKS_TLS, S_UNSEEN(1), tls_hello}},
        {"no answer", RS_REQUEST_TURNS, "\n", {PG_ASKS_TLS, tls_hello}},
        {"unseen",
         RS_REQUEST_POSTGRESQL,
         "PostgreSQL startup\nPostgreSQL Query\nPostgreSQL Query\n",
         {PG_STARTUP, C("Q\0\1\0\0"), C_UNSEEN(0xfffc), q}},
        {"more unseen",
         RS_REQUEST_TURNS,
         "PostgreSQL startup\nPostgreSQL Query\n\n",
         {PG_STARTUP, C("Q\0\1\0\0"), S("x"), C_UNSEEN(0xfffd), q}},
        {"nonsense", RS_REQUEST_TURNS, "PostgreSQL startup\n\n", {PG_STARTUP, S("x"), C("?"), q}},
        {"no length",
         RS_REQUEST_TURNS,
         "PostgreSQL startup\nPostgreSQL Query\n",
         {PG_STARTUP, S("x"), C("Q\0\0\0\3"), q}},
        {"a startup packet that is too long", RS_REQUEST_TURNS, "\n", {C("\0\0\xff\xff\0\x03\0\0")}},
    };
    (void)state;
    PLAY(dialogues);
}

/* ---- MySQL */

static struct part my(uint8_t sequence, const void *content, size_t size) {
    char header[] = {(char)size, (char)(size >> 8), 0, (char)sequence};
    return is_made(header, sizeof header, content, size);
}
#define MY(sequence, text) my(sequence, text, sizeof(text) - 1)
#define MY_GREETING    \
    S("\x4a\0\0\0\x0a" \
      "8.0\0...")
#define MY_REST    \
    "\0\0\0\1\x21" \
    "12345678901234567890123"
#define MY_LOGIN MY(1, "\x85\xa2\x1e\0" MY_REST "me\0\0")

static void a_mysql_request_is_a_command(void **state) {
    struct part query = MY(0, "\3select 1"), login = MY_LOGIN;
    struct part asks_tls = MY(1, "\x85\xaa\x1e\0" MY_REST), compresses = MY(1, "\xa5\xa2\x1e\0" MY_REST "me\0\0");
    struct part tls_hello = tls(22, 300), tls_cipher = tls(20, 1), tls_finished = tls(22, 40), tls_data = tls(23, 9);
    const struct dialogue dialogues[] = {
        {"session",
         RS_REQUEST_MYSQL,
         "MySQL login\nMySQL COM_QUERY\nMySQL COM_PING\n",
         {MY_GREETING, login, S("x"), MY(3, "secret"), S("x"), query, S("x"), MY(0, "\x0e"), MY(0, "\1")}},
        {"with its first byte",
         RS_REQUEST_MYSQL,
         "MySQL login\nMySQL COM_QUERY\n",
         {MY_GREETING, login, C("\x09\0\0\0\3")}},
        {"not before", RS_REQUEST_MYSQL, "MySQL login\n", {MY_GREETING, login, C("\x09\0\0\0")}},
        {"names",
         RS_REQUEST_MYSQL,
         "MySQL login\nMySQL COM_STMT_EXECUTE\nMySQL COM_SUBSCRIBE_GROUP_REPLICATION_STREAM\nMySQL "
         "COM_STMT_BULK_EXECUTE\nMySQL command 34\nMySQL command 77\nMySQL command 255\nMySQL COM_SLEEP\n",
         {MY_GREETING, login, MY(0, "\x17"), MY(0, "\x21x"), MY(0, "\xfa"), MY(0, "\x22"), MY(0, "\x4d"), MY(0, "\xff"),
          MY(0, "\0")}},
        {"a greeting in pieces",
         RS_REQUEST_MYSQL,
         "MySQL login\n",
         {S("\x4a\0"), S("\0\0"), S("\x0a"), S_UNSEEN(70), login}},
        {"after the PROXY protocol",
         RS_REQUEST_MYSQL,
         "MySQL login\n",
         {C("PROXY TCP6 a b c d\r\n"), MY_GREETING, login}},
        {"a file",
         RS_REQUEST_MYSQL,
         "MySQL login\nMySQL COM_QUERY\nMySQL COM_QUERY\n",
         {MY_GREETING, login, query, S("x"), MY(254, "\3file"), MY(255, "\3file"), MY(0, "\3file"), MY(1, ""), S("x"),
          query}},
        {"a file that ends with 255",
         RS_REQUEST_MYSQL,
         "MySQL login\nMySQL COM_QUERY\nMySQL COM_QUERY\n",
         {MY_GREETING, login, query, S("x"), MY(254, "\3file"), MY(255, ""), S("x"), query}},
        {"in several packets",
         RS_REQUEST_MYSQL,
         "MySQL login\nMySQL COM_QUERY\nMySQL COM_QUERY\n",
         {MY_GREETING, login, C("\xff\xff\xff\0\3"), C_UNSEEN(0xfffffe), C("\xff\xff\xff\1"), C_UNSEEN(0xffffff),
          MY(0, ""), query}},
        {"TLS",
         RS_REQUEST_TLS,
         "\n",
         {MY_GREETING, asks_tls, tls_hello, S("x"), tls_cipher, tls_finished, S("x"), tls_data, tls_data}},
        {"compressed",
         RS_REQUEST_TURNS,
         "MySQL login\n\n",
         {MY_GREETING, compresses, S("x"), MY(3, "secret"), S("x"), MY(0, "\0\0\0\1\0\0\0\3"), query}},
        {"no login", RS_REQUEST_MYSQL, "MySQL COM_QUERY\n", {MY_GREETING, query}},
        {"a login that is too short", RS_REQUEST_TURNS, "\n", {MY_GREETING, MY(1, "abc")}},
        {"an empty command", RS_REQUEST_TURNS, "MySQL login\n\n", {MY_GREETING, login, S("x"), MY(0, ""), query}},
        {"unseen", RS_REQUEST_TURNS, "MySQL login\n\n", {MY_GREETING, login, S("x"), C_UNSEEN(9), query}},
    };
    (void)state;
    PLAY(dialogues);
}

/* ---- anything */

/* Bytes that matter to one protocol or another. */
static void words_of_all_protocols_are_harmless(void **state) {
    static const struct part words[] = {
        C("GET "),
        C("/a"),
        C(" HTTP/1.1"),
        C("\r\n"),
        C("\n"),
        C("\r"),
        C("\r\n\r\n"),
        C("Content-Length: 3"),
        C("Upgrade: x"),
        C("Transfer-Encoding: chunked"),
        C("0"),
        C("5"),
        C("*2\r\n"),
        C("$3\r\n"),
        C("\x16\x03\x01\0\x05"),
        C("\x17\x03\x03\0\1"),
        C("\x01\x01\0\x01\0\x08\0\0"),
        C("\x01\x04\0\x01\0\x05\0\0"),
        C("\0\0\0\x08\0\x03\0\0"),
        C("Q\0\0\0\4"),
        C("PROXY T"),
        C("traceparent: "),
        C("x-request-id:"),
        C("\1\0\0\0\3"),
        C("\1\0\0\1"),
        C("CONNECT "),
        C("PRI * HTTP/2.0"),
        C("http://"),
        S("HTTP/1.1 "),
        S("101 "),
        S("200 "),
        S("\x4a\0\0\0\x0a"),
        S("S"),
        S("N"),
        S("\r\n"),
        S_UNSEEN(3),
        C_UNSEEN(1),
        C_UNSEEN(5),
    };
    struct dialogue dialogue = {.name = "words"};
    (void)state;
    for (int round = 0; round < 20000; round++) {
        for (size_t i = 0; i < PARTS_MOST; i++) dialogue.parts[i] = words[random_below(sizeof words / sizeof *words)];
        play_in_pieces(&whole, dialogue.parts, SIZE_MAX);
        play_in_pieces(&other, dialogue.parts, 1);
        is_same(&whole, &other, dialogue.name, "in pieces", 1);
        play_in_pieces(&other, dialogue.parts, IN_RANDOM_PIECES);
        is_same(&whole, &other, dialogue.name, "in random pieces", 0);
    }
}

static void any_struct_is_safe_to_go_on_from(void **state) {
    (void)state;
    for (int round = 0; round < 200000; round++) {
        struct rs_request request = {0};
        uint8_t bytes[64];
        size_t taken = 0, size = random_below(sizeof bytes);
        for (size_t i = 0; i < sizeof request; i++) ((uint8_t *)&request)[i] = (uint8_t)random_below(256);
        for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (uint8_t)random_below(random_below(2) ? 256 : 40);
        if (random_below(4)) request.protocol = (uint8_t)random_below(RS_REQUEST_COUNT + 1);
        if (random_below(4)) request.skip = random_below(3);
        if (random_below(2)) request.step = (uint8_t)random_below(24);
        if (random_below(2)) request.number = random_below(40);
        if (random_below(2)) request.filled = (uint8_t)random_below(9);
        uint8_t *copy = malloc(size ? size : 1);
        if (!copy) abort();
        memcpy(copy, bytes, size);
        if (rs_request_read(&request, copy, size, &taken)) {
            assert_non_null(memchr(request.label, 0, sizeof request.label));
            assert_non_null(memchr(request.traceparent, 0, sizeof request.traceparent));
            assert_non_null(memchr(request.request_id, 0, sizeof request.request_id));
        }
        assert_true(taken <= size);
        rs_request_written(&request, copy, size / 2, size);
        rs_request_read_unseen(&request, random_below(20));
        rs_request_read(&request, copy, size, &taken);
        free(copy);
    }
}

static int starts_anew(void **state) {
    (void)state;
    made_size = 0;
    return 0;
}
#define TEST(name) cmocka_unit_test_setup(name, starts_anew)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(nothing_has_passed_in_a_struct_of_zeros),
        TEST(a_client_is_recognised_by_its_first_bytes),
        TEST(what_is_not_recognised_goes_by_turns_as_soon_as_that_is_known),
        TEST(a_request_is_what_is_read_after_something_was_written),
        TEST(an_http_request_begins_with_its_headers_end),
        TEST(an_http_label_is_method_and_path),
        TEST(an_http_request_has_what_its_headers_say),
        TEST(an_http_body_begins_nothing),
        TEST(an_http_connection_may_become_one_request),
        TEST(an_http_header_block_may_be_long),
        TEST(what_is_written_is_looked_at_only_while_it_may_matter),
        TEST(what_was_written_makes_it_the_others_turn),
        TEST(http_and_fastcgi_are_no_sessions),
        TEST(tls_goes_by_turns_once_its_handshake_is_over),
        TEST(a_resp_request_is_called_as_its_command),
        TEST(a_fastcgi_label_is_method_and_path),
        TEST(a_fastcgi_request_begins_with_its_last_parameter),
        TEST(a_postgresql_request_is_a_message_or_a_batch),
        TEST(a_mysql_request_is_a_command),
        TEST(words_of_all_protocols_are_harmless),
        TEST(any_struct_is_safe_to_go_on_from),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
