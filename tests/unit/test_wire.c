/* test_wire.c: dialogues of each protocol, and after each part of them the state that wire.h promises.
 *
 * A dialogue is put together, then played: each part whole, byte by byte and in pieces of several sizes, and all that one side
 * says in a row as one. The state must be the same each time, down to the last field. Then it is played damaged, again and again:
 * there the states are whatever they are, but they must still be the same. Each piece lies in memory of its own, so that a
 * sanitizer sees the first byte beside it. */
#include "preload/wire.h"
#include "tests/unit/unit.h"

#include <stdio.h>

enum { PARTS_MOST = 160, DAMAGED_ROUNDS = 300, DAMAGED_SIZE_MOST = 4000, PIECES_MOST = 1100000 };

struct part {
    uint8_t *bytes;
    size_t size;
    bool sent;
    bool expected; /* the rest of the fields is to be so after this part */
    uint8_t protocol, transaction;
    int owed;
};

static struct part parts[PARTS_MOST];
static size_t part_count;

/* ---- putting a dialogue together */

static void begin(void) {
    for (size_t i = 0; i < part_count; i++) free(parts[i].bytes);
    part_count = 0;
}

static void part(bool sent, const void *bytes, size_t size) {
    assert_true(part_count < PARTS_MOST);
    struct part *new = &parts[part_count++];
    *new = (struct part){.sent = sent, .bytes = malloc(size ? size : 1), .size = size};
    memcpy(new->bytes, bytes, size);
}

#define CLIENT(text) part(true, text, sizeof(text) - 1)
#define SERVER(text) part(false, text, sizeof(text) - 1)

static void expect_protocol(uint8_t protocol, int owed, uint8_t transaction) {
    struct part *last = &parts[part_count - 1];
    last->expected = true;
    last->protocol = protocol;
    last->owed = owed;
    last->transaction = transaction;
}

static uint8_t spoken; /* what `expect` expects */

static void expect(int owed, uint8_t transaction) {
    expect_protocol(spoken, owed, transaction);
}

static void expect_lost(void) {
    expect_protocol(RS_WIRE_UNKNOWN, 0, RS_TRANSACTION_NONE);
}

/* ---- playing it */

static void feed(struct rs_wire *wire, bool sent, const uint8_t *bytes, size_t size) {
    uint8_t *copy = malloc(size ? size : 1);
    if (!copy) abort();
    memcpy(copy, bytes, size);
    (sent ? rs_wire_sent : rs_wire_received)(wire, copy, size);
    free(copy);
}

static void feed_in_pieces(struct rs_wire *wire, const struct part *whole, size_t piece) {
    for (size_t at = 0; at < whole->size; at += piece) {
        feed(wire, whole->sent, whole->bytes + at, whole->size - at < piece ? whole->size - at : piece);
    }
}

/* What lies behind the held bytes is left over, and not looked at. */
static struct rs_wire canonical(struct rs_wire wire) {
    memset(wire.client.bytes + wire.client.filled, 0, RS_WIRE_HELD - wire.client.filled);
    memset(wire.server.bytes + wire.server.filled, 0, RS_WIRE_HELD - wire.server.filled);
    return wire;
}

static const char *name_of(uint32_t protocol) {
    const char *name = rs_protocol_name(protocol);
    return name ? name : "unknown";
}

static void is_same(const struct rs_wire *one, const struct rs_wire *other, size_t at, size_t piece) {
    struct rs_wire a = canonical(*one), b = canonical(*other);
    if (!memcmp(&a, &b, sizeof a)) return;
    fail_msg("after part %zu: whole: %s owed %d transaction %u; in pieces of %zu: %s owed %d transaction %u", at,
             name_of(a.protocol), a.owed, a.transaction, piece, name_of(b.protocol), b.owed, b.transaction);
}

static void is_as_expected(const struct rs_wire *wire, size_t at, size_t piece) {
    const struct part *last = &parts[at];
    if (!last->expected) return;
    if (wire->protocol == last->protocol && wire->owed == last->owed && wire->transaction == last->transaction) return;
    fail_msg("after part %zu in pieces of %zu: %s owed %d transaction %u, not %s owed %d transaction %u", at, piece,
             name_of(wire->protocol), wire->owed, wire->transaction, name_of(last->protocol), last->owed,
             last->transaction);
}

static void record_whole(struct rs_wire *after) {
    struct rs_wire wire = {0};
    for (size_t i = 0; i < part_count; i++) {
        feed(&wire, parts[i].sent, parts[i].bytes, parts[i].size);
        after[i] = wire;
    }
}

static void play_in_pieces(const struct rs_wire *whole, size_t piece, bool is_damaged) {
    struct rs_wire wire = {0};
    for (size_t i = 0; i < part_count; i++) {
        feed_in_pieces(&wire, &parts[i], piece);
        if (!is_damaged) is_as_expected(&wire, i, piece);
        is_same(&whole[i], &wire, i, piece);
    }
}

/* All that one side says in a row as one piece. */
static void play_joined(const struct rs_wire *whole) {
    struct rs_wire wire = {0};
    for (size_t i = 0, next; i < part_count; i = next) {
        size_t size = 0;
        for (next = i; next < part_count && parts[next].sent == parts[i].sent; next++) size += parts[next].size;
        uint8_t *joined = malloc(size ? size : 1), *at = joined;
        for (size_t one = i; one < next; at += parts[one++].size) memcpy(at, parts[one].bytes, parts[one].size);
        feed(&wire, parts[i].sent, joined, size);
        free(joined);
        is_same(&whole[next - 1], &wire, next - 1, size);
    }
}

static uint64_t seed = 88172645463325252ull;

static size_t random_below(size_t most) {
    seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
    return (size_t)(seed >> 16) % most;
}

static void random_bytes(void *bytes, size_t size) {
    for (size_t i = 0; i < size; i++) ((uint8_t *)bytes)[i] = (uint8_t)random_below(256);
}

static void play_damaged(void) {
    static struct rs_wire whole[PARTS_MOST];
    struct part *hurt = &parts[random_below(part_count)];
    if (!hurt->size) return;
    uint8_t *byte = &hurt->bytes[random_below(hurt->size)], good = *byte;
    size_t size = hurt->size;
    *byte = random_below(2) ? (uint8_t)random_below(256) : (uint8_t)(good ^ (1u << random_below(8)));
    if (!random_below(4)) hurt->size = random_below(size); /* cut */
    record_whole(whole);
    play_in_pieces(whole, 1, true);
    play_in_pieces(whole, 2 + random_below(20), true);
    play_joined(whole);
    *byte = good;
    hurt->size = size;
}

static void play(void) {
    static struct rs_wire whole[PARTS_MOST];
    static const size_t pieces[] = {1, 2, 3, 4, 5, 7, 8, 13, 16, 28, 29, 64, 1000};
    size_t size = 0;
    record_whole(whole);
    for (size_t i = 0; i < part_count; i++) {
        is_as_expected(&whole[i], i, parts[i].size);
        size += parts[i].size;
    }
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        if (size / pieces[i] <= PIECES_MOST) play_in_pieces(whole, pieces[i], false);
    }
    play_joined(whole);
    for (int round = 0; round < DAMAGED_ROUNDS && size <= DAMAGED_SIZE_MOST; round++) play_damaged();
    begin();
}

/* ---- the protocol */

static void nothing_has_passed_in_a_struct_of_zeros(void **state) {
    struct rs_wire wire = {0};
    (void)state;
    assert_int_equal(wire.protocol, RS_WIRE_NEW);
    rs_wire_sent(&wire, "", 0);
    rs_wire_received(&wire, "", 0);
    assert_int_equal(wire.protocol, RS_WIRE_NEW);
    assert_false(rs_wire_counts(&wire));
    assert_false(rs_wire_is_answered(&wire));
    assert_true(sizeof wire <= 128);
}

struct beginning {
    const char *bytes;
    size_t size;
    uint8_t protocol;
};
#define BEGINNING(text, protocol) \
    { text, sizeof(text) - 1, protocol }

/* With its last byte, and not before. */
static void is_recognised(const struct beginning *beginning, bool sent) {
    begin();
    for (size_t i = 0; i < beginning->size; i++) {
        part(sent, beginning->bytes + i, 1);
        if (i + 1 < beginning->size) expect_protocol(RS_WIRE_NEW, 0, RS_TRANSACTION_NONE);
    }
    struct rs_wire wire = {0};
    feed(&wire, sent, (const uint8_t *)beginning->bytes, beginning->size);
    assert_int_equal(wire.protocol, beginning->protocol);
    play();
}

static void a_client_is_recognised_by_its_first_bytes(void **state) {
    static const struct beginning beginnings[] = {
        BEGINNING("\x16\x03", RS_WIRE_TLS),
        BEGINNING("GET ", RS_WIRE_HTTP1),
        BEGINNING("POST ", RS_WIRE_HTTP1),
        BEGINNING("PUT ", RS_WIRE_HTTP1),
        BEGINNING("PATCH ", RS_WIRE_HTTP1),
        BEGINNING("HEAD ", RS_WIRE_HTTP1),
        BEGINNING("DELETE ", RS_WIRE_HTTP1),
        BEGINNING("OPTIONS ", RS_WIRE_HTTP1),
        BEGINNING("CONNECT ", RS_WIRE_HTTP1),
        BEGINNING("PRI * HTTP/2.0", RS_WIRE_HTTP2),
        BEGINNING("AMQP", RS_WIRE_AMQP),
        BEGINNING("*1\r\n$", RS_WIRE_RESP),
        BEGINNING("*1000000000\r\n$", RS_WIRE_RESP),
        BEGINNING("\0\0\0\x08\x04\xd2\x16\x2f", RS_WIRE_POSTGRESQL), /* may it be TLS? */
        BEGINNING("\0\0\0\x08\x04\xd2\x16\x30", RS_WIRE_POSTGRESQL), /* GSS? */
        BEGINNING("\0\0\0\x20\0\x03\0\0", RS_WIRE_POSTGRESQL),
        BEGINNING("\0\0\0\x20\0\x03\0\x02", RS_WIRE_POSTGRESQL),
        BEGINNING("\0\0\0\x10\x04\xd2\x16\x2e", RS_WIRE_UNKNOWN), /* cancel */
        BEGINNING("\0\0\0\x20\0\x02\0\0", RS_WIRE_UNKNOWN),
        BEGINNING("\0\0\0\x07\0\x03\0\0", RS_WIRE_UNKNOWN),
        BEGINNING("\0\x01", RS_WIRE_UNKNOWN),
        BEGINNING("GETX", RS_WIRE_UNKNOWN),
        BEGINNING("PRX", RS_WIRE_UNKNOWN),
        BEGINNING("\x16\x02", RS_WIRE_UNKNOWN),
        BEGINNING("x", RS_WIRE_UNKNOWN),
        BEGINNING("*x", RS_WIRE_UNKNOWN),
        BEGINNING("*\r", RS_WIRE_UNKNOWN),
        BEGINNING("*1\n", RS_WIRE_UNKNOWN),
        BEGINNING("*1\r\n+", RS_WIRE_UNKNOWN),
        BEGINNING("*12345678901", RS_WIRE_UNKNOWN),
    };
    (void)state;
    for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings; i++) is_recognised(&beginnings[i], true);
}

static void a_server_that_speaks_first_is_recognised_by_it(void **state) {
    static const struct beginning beginnings[] = {
        BEGINNING("INFO {", RS_WIRE_NATS),
        BEGINNING("\x4a\0\0\0\x0a", RS_WIRE_MYSQL),
    };
    (void)state;
    for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings; i++) is_recognised(&beginnings[i], false);
}

static void another_server_that_speaks_first_is_unknown_when_its_client_answers(void **state) {
    (void)state;
    begin();
    SERVER("220 here\r\n");
    expect_protocol(RS_WIRE_NEW, 0, RS_TRANSACTION_NONE);
    CLIENT("EHLO there\r\n");
    expect_lost();
    play();
    begin();
    SERVER("SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n");
    expect_lost();
    play();
}

static void what_is_not_counted_stays_what_it_is(void **state) {
    (void)state;
    begin();
    CLIENT("GET / HTTP/1.1\r\n\r\n");
    expect_protocol(RS_WIRE_HTTP1, 0, RS_TRANSACTION_NONE);
    SERVER("HTTP/1.1 200 OK\r\n\r\n");
    CLIENT("*1\r\n$4\r\nPING\r\n");
    expect_protocol(RS_WIRE_HTTP1, 0, RS_TRANSACTION_NONE);
    play();
    struct rs_wire wire = {.protocol = RS_WIRE_TLS};
    rs_wire_lost(&wire);
    assert_int_equal(wire.protocol, RS_WIRE_TLS);
}

static void once_lost_nothing_is_known_any_more(void **state) {
    (void)state;
    for (uint32_t protocol = RS_WIRE_NEW; protocol < RS_WIRE_COUNT + 2; protocol++) {
        struct rs_wire wire = {.protocol = (uint8_t)protocol, .owed = 3, .transaction = RS_TRANSACTION_OPEN};
        bool counts = rs_wire_counts(&wire);
        rs_wire_lost(&wire);
        if (protocol == RS_WIRE_NEW || counts) assert_int_equal(wire.protocol, RS_WIRE_UNKNOWN);
        if (counts) assert_int_equal(wire.owed + wire.transaction, 0);
        bool named = protocol > RS_WIRE_UNKNOWN && protocol < RS_WIRE_COUNT;
        assert_int_equal(rs_protocol_name(protocol) != NULL, named);
        assert_false(rs_wire_counts(&wire));
    }
    assert_string_equal(rs_protocol_name(RS_WIRE_POSTGRESQL), "PostgreSQL");
    assert_null(rs_protocol_name(~0u));
}

/* ---- PostgreSQL */

static void postgresql(bool sent, char type, const void *content, size_t size) {
    uint8_t message[8192];
    assert_true(size + 5 <= sizeof message);
    message[0] = (uint8_t)type;
    for (int i = 0; i < 4; i++) message[1 + i] = (uint8_t)((size + 4) >> (24 - 8 * i));
    memcpy(message + 5, content, size);
    part(sent, message, size + 5);
}

#define PG_CLIENT(type, text) postgresql(true, type, text, sizeof(text) - 1)
#define PG_SERVER(type, text) postgresql(false, type, text, sizeof(text) - 1)
#define PG_STARTUP "\0\0\0\x1c\0\x03\0\0user\0me\0database\0x\0\0"
#define PG_ASKS_TLS "\0\0\0\x08\x04\xd2\x16\x2f"
#define PG_ASKS_GSS "\0\0\0\x08\x04\xd2\x16\x30"

static void pg_ready(const char *status, int owed, uint8_t transaction) {
    postgresql(false, 'Z', status, 1);
    expect(owed, transaction);
}

/* A session, up to its first moment of rest. */
static void pg_begin(void) {
    begin();
    spoken = RS_WIRE_POSTGRESQL;
    CLIENT(PG_STARTUP);
    expect(1, RS_TRANSACTION_NONE);
    PG_SERVER('R', "\0\0\0\0");
    PG_SERVER('S', "server_version\0"
                   "15\0");
    PG_SERVER('K', "12345678");
    expect(1, RS_TRANSACTION_NONE);
    pg_ready("I", 0, RS_TRANSACTION_NONE);
}

static void pg_run(void) {
    PG_CLIENT('P', "\0select 1\0\0\0");
    PG_CLIENT('B', "\0\0\0\0\0\0\0\0");
    PG_CLIENT('D', "P\0");
    PG_CLIENT('E', "\0\0\0\0\0");
}

static void pg_run_answer(void) {
    PG_SERVER('1', "");
    PG_SERVER('2', "");
    PG_SERVER('T', "\0\0");
    PG_SERVER('D', "\0\0");
    PG_SERVER('C', "SELECT 1\0");
}

static void postgresql_queries_owe_one_answer_each(void **state) {
    (void)state;
    pg_begin();
    PG_CLIENT('Q', "select 1\0");
    expect(1, RS_TRANSACTION_NONE);
    PG_SERVER('T', "whatever");
    PG_SERVER('D', "a row");
    PG_SERVER('C', "SELECT 1\0");
    expect(1, RS_TRANSACTION_NONE);
    pg_ready("I", 0, RS_TRANSACTION_NONE);
    PG_CLIENT('Q', "\0");
    PG_CLIENT('Q', "select 1; select 2\0");
    PG_CLIENT('F', "a function call");
    expect(3, RS_TRANSACTION_NONE);
    PG_SERVER('I', "");
    pg_ready("I", 2, RS_TRANSACTION_NONE);
    pg_ready("I", 1, RS_TRANSACTION_NONE);
    PG_SERVER('V', "\0\0\0\0");
    pg_ready("I", 0, RS_TRANSACTION_NONE);
    PG_CLIENT('X', "");
    expect(0, RS_TRANSACTION_NONE);
    play();
}

static void postgresql_tells_of_its_transaction(void **state) {
    (void)state;
    pg_begin();
    PG_CLIENT('Q', "begin\0");
    expect(1, RS_TRANSACTION_NONE);
    PG_SERVER('C', "BEGIN\0");
    pg_ready("T", 0, RS_TRANSACTION_OPEN);
    PG_CLIENT('Q', "select nothing\0");
    PG_SERVER('E', "SERROR\0\0");
    pg_ready("E", 0, RS_TRANSACTION_FAILED);
    PG_CLIENT('Q', "rollback\0");
    expect(1, RS_TRANSACTION_FAILED);
    pg_ready("I", 0, RS_TRANSACTION_NONE);
    play();
}

static void a_postgresql_run_is_one_exchange_with_its_sync(void **state) {
    (void)state;
    pg_begin();
    pg_run();
    expect(1, RS_TRANSACTION_NONE);
    PG_CLIENT('H', "");
    pg_run_answer();
    expect(1, RS_TRANSACTION_NONE); /* all answers are here, but the run is not over */
    PG_CLIENT('C', "S\0");
    PG_CLIENT('S', "");
    expect(1, RS_TRANSACTION_NONE);
    PG_SERVER('3', "");
    pg_ready("T", 0, RS_TRANSACTION_OPEN);
    /* a pipeline */
    for (int i = 0; i < 3; i++) {
        pg_run();
        PG_CLIENT('S', "");
        expect(i + 1, RS_TRANSACTION_OPEN);
    }
    PG_CLIENT('S', "");
    expect(4, RS_TRANSACTION_OPEN);
    for (int i = 0; i < 3; i++) {
        pg_run_answer();
        pg_ready("T", 3 - i, RS_TRANSACTION_OPEN);
    }
    pg_ready("I", 0, RS_TRANSACTION_NONE);
    PG_CLIENT('H', ""); /* owes nothing */
    expect(0, RS_TRANSACTION_NONE);
    /* a query ends a run, too */
    PG_CLIENT('C', "S\0");
    PG_CLIENT('Q', "select 1\0");
    expect(1, RS_TRANSACTION_NONE);
    PG_SERVER('3', "");
    pg_ready("I", 0, RS_TRANSACTION_NONE);
    play();
}

static void pg_copies_in(const char *end) {
    PG_SERVER('G', "\0\0\0");
    expect(1, RS_TRANSACTION_NONE);
    PG_CLIENT('d', "a line\n");
    PG_CLIENT('d', "a line\n");
    postgresql(true, *end, end + 1, strlen(end + 1));
    expect(1, RS_TRANSACTION_NONE);
}

static void postgresql_copies_in(void **state) {
    (void)state;
    pg_begin();
    PG_CLIENT('Q', "copy t from stdin; copy u from stdin\0");
    pg_copies_in("c");
    PG_SERVER('C', "COPY 2\0");
    pg_copies_in("fno");
    PG_SERVER('E', "SERROR\0\0");
    pg_ready("I", 0, RS_TRANSACTION_NONE);
    /* The first Sync is ignored: it comes while the server copies in. */
    for (int i = 0; i < 2; i++) {
        pg_run();
        PG_CLIENT('S', "");
        PG_SERVER('1', "");
        PG_SERVER('2', "");
        PG_SERVER('n', "");
        pg_copies_in(i ? "c" : "fno");
        PG_CLIENT('S', "");
        expect(1, RS_TRANSACTION_NONE);
        PG_SERVER('C', "COPY 2\0");
        pg_ready("I", 0, RS_TRANSACTION_NONE);
    }
    pg_run();
    PG_CLIENT('S', "");
    PG_SERVER('G', "\0\0\0");
    PG_CLIENT('d', "a bad line\n");
    PG_CLIENT('S', ""); /* ignored as well */
    expect(1, RS_TRANSACTION_NONE);
    PG_SERVER('E', "SERROR\0\0");
    PG_CLIENT('c', "");
    PG_CLIENT('S', "");
    expect(1, RS_TRANSACTION_NONE);
    pg_ready("I", 0, RS_TRANSACTION_NONE);
    PG_CLIENT('S', "");
    expect(1, RS_TRANSACTION_NONE);
    pg_ready("I", 0, RS_TRANSACTION_NONE);
    play();
}

static void a_postgresql_copy_in_is_over_with_its_error_or_its_answer(void **state) {
    (void)state;
    pg_begin();
    pg_run();
    PG_CLIENT('S', "");
    PG_SERVER('G', "\0\0\0");
    PG_SERVER('E', "SERROR\0\0");
    PG_CLIENT('S', "");
    expect(1, RS_TRANSACTION_NONE);
    pg_ready("I", 0, RS_TRANSACTION_NONE);
    pg_run();
    PG_CLIENT('S', "");
    expect(1, RS_TRANSACTION_NONE);
    pg_ready("I", 0, RS_TRANSACTION_NONE);
    PG_CLIENT('Q', "copy t from stdin\0");
    PG_CLIENT('c', ""); /* before it knows that it may */
    PG_SERVER('G', "\0\0\0");
    PG_SERVER('C', "COPY 0\0");
    pg_ready("I", 0, RS_TRANSACTION_NONE);
    PG_CLIENT('S', "");
    expect(1, RS_TRANSACTION_NONE);
    play();
}

static void postgresql_copies_out(void **state) {
    (void)state;
    pg_begin();
    pg_run();
    PG_CLIENT('S', "");
    PG_SERVER('H', "\0\0\0");
    PG_SERVER('d', "a line\n");
    PG_SERVER('c', "");
    PG_SERVER('C', "COPY 1\0");
    expect(1, RS_TRANSACTION_NONE);
    pg_ready("I", 0, RS_TRANSACTION_NONE);
    PG_CLIENT('Q', "START_REPLICATION\0");
    PG_SERVER('W', "\0\0\0");
    PG_SERVER('d', "wal");
    PG_CLIENT('d', "status");
    expect(1, RS_TRANSACTION_NONE);
    PG_CLIENT('c', "");
    PG_SERVER('c', "");
    pg_ready("I", 0, RS_TRANSACTION_NONE);
    play();
}

static void copying_in_among_several_postgresql_answers_is_lost(void **state) {
    (void)state;
    pg_begin();
    PG_CLIENT('Q', "copy t from stdin\0");
    PG_CLIENT('Q', "select 1\0");
    PG_SERVER('G', "\0\0\0");
    expect_lost();
    play();
}

static void what_postgresql_says_unasked_changes_nothing(void **state) {
    (void)state;
    pg_begin();
    PG_SERVER('N', "SNOTICE\0\0");
    PG_SERVER('A', "\0\0\0\1channel\0payload\0");
    PG_SERVER('S', "TimeZone\0UTC\0");
    expect(0, RS_TRANSACTION_NONE);
    play();
}

static void a_postgresql_message_is_skipped_by_its_length(void **state) {
    static uint8_t message[1 << 20];
    (void)state;
    memset(message, 'Z', sizeof message); /* nothing in it is read */
    static const uint8_t header[] = {'D', 0, 0x0f, 0xff, 0xff};
    memcpy(message, header, sizeof header);
    pg_begin();
    PG_CLIENT('Q', "select\0");
    part(false, message, sizeof message - 100);
    expect(1, RS_TRANSACTION_NONE);
    part(false, message + 5, 100);
    expect(1, RS_TRANSACTION_NONE);
    SERVER("Z\0\0\0\5");
    expect(1, RS_TRANSACTION_NONE);
    SERVER("T");
    expect(0, RS_TRANSACTION_OPEN);
    play();
}

static void postgresql_may_be_asked_to_encrypt(void **state) {
    (void)state;
    begin();
    spoken = RS_WIRE_POSTGRESQL;
    CLIENT(PG_ASKS_GSS);
    expect(1, RS_TRANSACTION_NONE);
    SERVER("N");
    expect(0, RS_TRANSACTION_NONE);
    CLIENT(PG_ASKS_TLS);
    expect(1, RS_TRANSACTION_NONE);
    SERVER("N");
    expect(0, RS_TRANSACTION_NONE);
    CLIENT(PG_STARTUP);
    expect(1, RS_TRANSACTION_NONE);
    PG_SERVER('R', "\0\0\0\0");
    pg_ready("I", 0, RS_TRANSACTION_NONE);
    play();
    begin();
    CLIENT(PG_ASKS_TLS);
    SERVER("S");
    expect_protocol(RS_WIRE_TLS, 0, RS_TRANSACTION_NONE);
    CLIENT("\x16\x03\x01 whatever");
    SERVER("\x16\x03\x03 whatever");
    expect_protocol(RS_WIRE_TLS, 0, RS_TRANSACTION_NONE);
    play();
    begin();
    CLIENT(PG_ASKS_GSS);
    SERVER("G");
    expect_lost();
    play();
    begin();
    CLIENT(PG_ASKS_TLS);
    SERVER("E\0\0\0\x0eSFATAL\0\0\0"); /* it has no room for another client */
    expect(0, RS_TRANSACTION_NONE);
    play();
}

static void a_postgresql_answer_may_be_told_of_before_its_request(void **state) {
    (void)state;
    pg_begin();
    PG_SERVER('C', "BEGIN\0");
    pg_ready("T", -1, RS_TRANSACTION_OPEN);
    PG_CLIENT('Q', "begin\0");
    expect(0, RS_TRANSACTION_OPEN);
    pg_run_answer();
    pg_ready("I", -1, RS_TRANSACTION_NONE);
    pg_run();
    expect(0, RS_TRANSACTION_NONE);
    PG_CLIENT('S', "");
    expect(0, RS_TRANSACTION_NONE);
    PG_SERVER('G', "\0\0\0");
    pg_run();
    PG_CLIENT('S', "");
    expect(1, RS_TRANSACTION_NONE);
    PG_CLIENT('c', "");
    PG_CLIENT('S', "");
    pg_ready("I", 0, RS_TRANSACTION_NONE);
    play();
    /* even the first one: it waits for the protocol to be known */
    begin();
    SERVER("N");
    expect_protocol(RS_WIRE_NEW, 0, RS_TRANSACTION_NONE);
    CLIENT(PG_ASKS_TLS);
    expect(0, RS_TRANSACTION_NONE);
    CLIENT(PG_STARTUP);
    expect(1, RS_TRANSACTION_NONE);
    play();
}

static void nonsense_after_postgresql_is_lost(void **state) {
    static const struct beginning client[] = {
        BEGINNING("Q\0\0\0\3", 0), BEGINNING("Q\xff\xff\xff\xff", 0), BEGINNING("q\0\0\0\4", 0),
        BEGINNING("S\0\0\0\5", 0), BEGINNING("Z\0\0\0\5", 0),
    };
    static const struct beginning server[] = {
        BEGINNING("Z\0\0\0\5X", 0), BEGINNING("Z\0\0\0\4", 0), BEGINNING("D\0\0\0\3", 0),
        BEGINNING("Q\0\0\0\4", 0),  BEGINNING("1\0\0\0\5", 0), BEGINNING("D\x80\0\0\0", 0),
    };
    (void)state;
    for (size_t i = 0; i < sizeof client / sizeof *client; i++) {
        pg_begin();
        part(true, client[i].bytes, client[i].size);
        expect_lost();
        play();
    }
    for (size_t i = 0; i < sizeof server / sizeof *server; i++) {
        pg_begin();
        part(false, server[i].bytes, server[i].size);
        expect_lost();
        play();
    }
    begin();
    CLIENT(PG_ASKS_TLS);
    CLIENT(PG_STARTUP); /* without having waited */
    expect_lost();
    play();
    begin();
    CLIENT(PG_ASKS_TLS);
    SERVER("X");
    expect_lost();
    play();
    begin();
    CLIENT(PG_ASKS_TLS);
    SERVER("N");
    CLIENT("\0\0\x80\0\0\3\0\0"); /* too long */
    expect_lost();
    play();
    begin();
    CLIENT(PG_ASKS_TLS);
    SERVER("N");
    CLIENT("\0\0\0\x10\x04\xd2\x16\x2e"); /* cancel */
    expect_lost();
    play();
}

/* ---- RESP */

static void resp(const char *command) {
    part(true, command, strlen(command));
}

static void resp_begin(void) {
    begin();
    spoken = RS_WIRE_RESP;
    CLIENT("*1\r\n$4\r\nPING\r\n");
    expect(1, RS_TRANSACTION_NONE);
    SERVER("+PONG\r\n");
    expect(0, RS_TRANSACTION_NONE);
}

/* A command of one word, and what it makes of the transaction. */
static void resp_word(const char *name, uint8_t transaction) {
    char command[64];
    snprintf(command, sizeof command, "*1\r\n$%zu\r\n%s\r\n", strlen(name), name);
    resp(command);
    expect(1, transaction);
    SERVER("+OK\r\n");
    expect(0, transaction);
}

static void resp_commands_owe_one_answer_each(void **state) {
    (void)state;
    resp_begin();
    CLIENT("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\nva");
    expect(1, RS_TRANSACTION_NONE);
    CLIENT("l\r\n\r\n");
    expect(1, RS_TRANSACTION_NONE);
    SERVER("+OK\r");
    expect(1, RS_TRANSACTION_NONE);
    SERVER("\n");
    expect(0, RS_TRANSACTION_NONE);
    CLIENT("*2\r\n$3\r\nGET\r\n$1\r\nk\r\n");
    CLIENT("*2\r\n$3\r\nGET\r\n$0\r\n\r\n");
    CLIENT("*1\r\n$3\r\nFOO\r\n");
    expect(3, RS_TRANSACTION_NONE);
    SERVER("$5\r\nval\r\n\r");
    expect(3, RS_TRANSACTION_NONE);
    SERVER("\n");
    expect(2, RS_TRANSACTION_NONE);
    SERVER("$-1\r\n-ERR unknown\r\n");
    expect(0, RS_TRANSACTION_NONE);
    CLIENT("*0\r\n*-1\r\n"); /* no commands */
    expect(0, RS_TRANSACTION_NONE);
    resp_word("QUIT", RS_TRANSACTION_NONE);
    play();
}

static void a_resp_command_may_be_a_line(void **state) {
    (void)state;
    resp_begin();
    CLIENT("PING\r\n");
    expect(1, RS_TRANSACTION_NONE);
    SERVER("+PONG\r\n");
    CLIENT("\r\n  \r\n\n");
    expect(0, RS_TRANSACTION_NONE);
    CLIENT("  GET  key with a word that is longer than all that is held of one\n");
    expect(1, RS_TRANSACTION_NONE);
    SERVER("$-1\r\n");
    CLIENT("multi");
    expect(1, RS_TRANSACTION_NONE);
    CLIENT("\n");
    expect(1, RS_TRANSACTION_OPEN);
    SERVER("+OK\r\n");
    CLIENT("get multi exec\r\n");
    expect(1, RS_TRANSACTION_OPEN);
    CLIENT("EXEC\r\n");
    SERVER("+QUEUED\r\n*1\r\n$-1\r\n");
    expect(0, RS_TRANSACTION_NONE);
    CLIENT("CLIENT REPLY SKIP\r\n");
    expect_lost();
    play();
}

/* Each is one answer, complete with its last byte. */
static void every_resp_value_ends_where_it_ends(void **state) {
    static const struct beginning values[] = {
        BEGINNING("+\r\n", 0),
        BEGINNING(":-12\r\n", 0),
        BEGINNING("-ERR +no $1\r\n", 0),
        BEGINNING("_\r\n", 0),
        BEGINNING("#t\r\n", 0),
        BEGINNING(",3.14e-2\r\n", 0),
        BEGINNING("(123456789012345678901234567890\r\n", 0),
        BEGINNING("$0\r\n\r\n", 0),
        BEGINNING("$6\r\n\r\n+1\r\n\r\n", 0),
        BEGINNING("$-1\r\n", 0),
        BEGINNING("*-1\r\n", 0),
        BEGINNING("*0\r\n", 0),
        BEGINNING("!5\r\nERR x\r\n", 0),
        BEGINNING("=7\r\ntxt:abc\r\n", 0),
        BEGINNING("*2\r\n:1\r\n*2\r\n*0\r\n$1\r\nx\r\n", 0),
        BEGINNING("~2\r\n+a\r\n+b\r\n", 0),
        BEGINNING("%2\r\n+a\r\n:1\r\n+b\r\n*1\r\n%0\r\n", 0),
        BEGINNING("*1\r\n*1\r\n*1\r\n*1\r\n*-1\r\n", 0),
        BEGINNING("|1\r\n+ttl\r\n:3\r\n*2\r\n|0\r\n:1\r\n|1\r\n+a\r\n*1\r\n_\r\n$1\r\nx\r\n", 0),
    };
    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        resp_begin();
        CLIENT("*1\r\n$3\r\nGET\r\n");
        part(false, values[i].bytes, values[i].size - 1);
        expect(1, RS_TRANSACTION_NONE);
        part(false, values[i].bytes + values[i].size - 1, 1);
        expect(0, RS_TRANSACTION_NONE);
        play();
    }
}

static void a_resp_push_is_no_answer(void **state) {
    (void)state;
    resp_begin();
    SERVER(">2\r\n+invalidate\r\n*1\r\n$1\r\nk\r\n");
    expect(0, RS_TRANSACTION_NONE);
    CLIENT("*1\r\n$3\r\nGET\r\n");
    SERVER(">1\r\n+message\r\n");
    expect(1, RS_TRANSACTION_NONE);
    SERVER(">0\r\n:1\r\n");
    expect(0, RS_TRANSACTION_NONE);
    play();
}

static void resp_transactions_are_known_by_their_commands(void **state) {
    (void)state;
    resp_begin();
    resp_word("MULTI", RS_TRANSACTION_OPEN);
    resp_word("GET", RS_TRANSACTION_OPEN);
    resp_word("WATCH", RS_TRANSACTION_OPEN);
    resp_word("UNWATCH", RS_TRANSACTION_OPEN);
    resp_word("EXEC", RS_TRANSACTION_NONE);
    resp_word("multi", RS_TRANSACTION_OPEN);
    resp_word("DisCard", RS_TRANSACTION_NONE);
    resp_word("watch", RS_TRANSACTION_WATCH);
    resp_word("watchdog", RS_TRANSACTION_WATCH);
    resp_word("UNWATCH", RS_TRANSACTION_NONE);
    resp_word("watch", RS_TRANSACTION_WATCH);
    resp_word("MULTI", RS_TRANSACTION_OPEN);
    resp_word("EXEC", RS_TRANSACTION_NONE);
    resp_word("watch", RS_TRANSACTION_WATCH);
    resp_word("RESET", RS_TRANSACTION_NONE);
    CLIENT("*2\r\n$3\r\nGET\r\n$5\r\nMULTI\r\n");
    expect(1, RS_TRANSACTION_NONE);
    CLIENT("*1\r\n$5\r\nMULT");
    expect(2, RS_TRANSACTION_NONE);
    CLIENT("I");
    expect(2, RS_TRANSACTION_OPEN);
    play();
}

static void subscribed_resp_connections_are_not_counted(void **state) {
    static const char *const names[] = {"SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE", "MONITOR"};
    static const char *const ends[] = {"UNSUBSCRIBE", "PUNSUBSCRIBE", "SUNSUBSCRIBE", "RESET"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char command[64];
        resp_begin();
        CLIENT("*1\r\n$3\r\nGET\r\n"); /* not answered yet */
        snprintf(command, sizeof command, "*2\r\n$%zu\r\n%s\r\n$2\r\nch\r\n", strlen(names[i]), names[i]);
        resp(command);
        expect(0, RS_TRANSACTION_SUBSCRIBED);
        SERVER("*3\r\n$7\r\nmessage\r\n$2\r\nch\r\n$1\r\nx\r\n+OK\r\n");
        expect(0, RS_TRANSACTION_SUBSCRIBED);
        CLIENT("*1\r\n$4\r\nPING\r\nMULTI\r\n");
        expect(0, RS_TRANSACTION_SUBSCRIBED);
        snprintf(command, sizeof command, "*1\r\n$%zu\r\n%s\r\n", strlen(ends[i]), ends[i]);
        resp(command);
        expect_lost();
        play();
    }
}

static void resp_without_answers_is_lost(void **state) {
    static const char *const commands[] = {
        "*3\r\n$6\r\nclient\r\n$5\r\nREPLY\r\n$3\r\noff\r\n",
        "*3\r\n$6\r\nCLIENT\r\n$5\r\nreply\r\n$4\r\nSKIP\r\n",
        "*1\r\n$4\r\nSYNC\r\n",
        "*3\r\n$5\r\nPSYNC\r\n$1\r\n?\r\n$2\r\n-1\r\n",
    };
    (void)state;
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        resp_begin();
        resp(commands[i]);
        expect_lost();
        play();
    }
    resp_begin();
    CLIENT("*3\r\n$6\r\nCLIENT\r\n$5\r\nREPLY\r\n$2\r\nON\r\n");
    CLIENT("*3\r\n$6\r\nCLIENT\r\n$7\r\nSETNAME\r\n$3\r\nOFF\r\n");
    CLIENT("*3\r\n$3\r\nGET\r\n$5\r\nREPLY\r\n$3\r\nOFF\r\n");
    expect(3, RS_TRANSACTION_NONE);
    play();
}

static void a_resp_answer_may_be_told_of_before_its_request(void **state) {
    (void)state;
    resp_begin();
    SERVER("*1\r\n:1\r\n");
    expect(-1, RS_TRANSACTION_NONE);
    CLIENT("*1\r\n$4\r\nPING\r\n");
    expect(0, RS_TRANSACTION_NONE);
    play();
    begin();
    SERVER("+PONG\r\n"); /* even the first */
    expect_protocol(RS_WIRE_NEW, 0, RS_TRANSACTION_NONE);
    CLIENT("*1\r\n$4\r\nPING\r\n");
    expect(0, RS_TRANSACTION_NONE);
    play();
}

static void a_resp_string_is_skipped_by_its_length(void **state) {
    static char value[1 << 20];
    (void)state;
    memset(value, '\n', sizeof value);
    resp_begin();
    CLIENT("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1048576\r\n");
    part(true, value, sizeof value);
    CLIENT("\r\n");
    SERVER("$1048576\r\n");
    part(false, value, sizeof value);
    expect(1, RS_TRANSACTION_NONE);
    SERVER("\r\n");
    expect(0, RS_TRANSACTION_NONE);
    play();
}

static void nonsense_after_resp_is_lost(void **state) {
    static const char *const client[] = {
        "*1\r\n+x",      "*x",       "*1x",    "*1\r\r", "*-2\r\n", "*99999999999999\r\n",
        "*1\r\n$-1\r\n", "*1\r\n$x", "$1\r\n", "{",      "*\r",
    };
    static const char *const server[] = {
        "x",
        "*?",
        "$?",
        "$-2\r\n",
        "%-1\r\n",
        "*1\n",
        "$\r",
        "*2000000000\r\n",
        "*1000000000\r\n*1000000000\r\n",
        "*--",
        "$99999999999999\r",
        "$99999999999999\r\n",
    };
    (void)state;
    for (size_t i = 0; i < sizeof client / sizeof *client; i++) {
        resp_begin();
        resp(client[i]);
        expect_lost();
        play();
    }
    for (size_t i = 0; i < sizeof server / sizeof *server; i++) {
        resp_begin();
        part(false, server[i], strlen(server[i]));
        expect_lost();
        play();
    }
}

static void an_endless_resp_line_is_lost(void **state) {
    static char line[70000];
    (void)state;
    memset(line, 'x', sizeof line);
    resp_begin();
    part(true, line, 65536);
    expect(1, RS_TRANSACTION_NONE);
    CLIENT("\n");
    expect_lost();
    play();
    resp_begin();
    part(true, line, 65535);
    CLIENT("\n");
    expect(1, RS_TRANSACTION_NONE);
    play();
}

/* ---- MySQL */

enum {
    MY_41 = 0x200,
    MY_COMPRESS = 0x20,
    MY_TLS = 0x800,
    MY_DEPRECATE_EOF = 1 << 24,
    MY_NO_METADATA = 1 << 25,
    MY_ZSTD = 1 << 26,
    MY_ALL = MY_41 | MY_COMPRESS | MY_TLS | MY_DEPRECATE_EOF | MY_NO_METADATA | MY_ZSTD
};

static void mysql_packet(bool sent, uint8_t sequence, const void *content, size_t size) {
    uint8_t packet[4096];
    assert_true(size + 4 <= sizeof packet);
    packet[0] = (uint8_t)size, packet[1] = (uint8_t)(size >> 8), packet[2] = 0, packet[3] = sequence;
    memcpy(packet + 4, content, size);
    part(sent, packet, size + 4);
}

#define MY_CLIENT(sequence, text) mysql_packet(true, sequence, text, sizeof(text) - 1)
#define MY_SERVER(sequence, text) mysql_packet(false, sequence, text, sizeof(text) - 1)
#define MY_OK "\0\0\0\2\0\0\0"
#define MY_OK_IN_TRANSACTION "\0\1\xfc\xff\xff\3\0\0\0"
#define MY_OK_MORE "\0\0\0\x0a\0\0\0"
#define MY_EOF "\xfe\0\0\2\0"
#define MY_EOF_IN_TRANSACTION "\xfe\0\0\3\0"
#define MY_EOF_MORE "\xfe\0\0\x0a\0"
#define MY_EOF_CURSOR "\xfe\0\0\x42\0"
#define MY_LAST_OK "\xfe\0\0\2\0\0\0" /* what ends rows if EOF packets are deprecated */
#define MY_ERROR "\xff\x48\4#42000no such thing"
#define MY_COLUMN "\3def\0\0\0\1x\0\x0c\x3f\0\1\0\0\0\3\1\0\0\0\0"

static void mysql_greets(uint32_t capabilities) {
    uint8_t greeting[] = "\x0a"
                         "10.11.6-MariaDB-0+deb12u1-with-a-long-name\0"
                         "\1\0\0\0saltsalt\0llc\2\0uu\x15..........morepluginsalt\0mysql_native_password";
    size_t at = 1 + sizeof "10.11.6-MariaDB-0+deb12u1-with-a-long-name" + 13;
    greeting[at] = (uint8_t)capabilities, greeting[at + 1] = (uint8_t)(capabilities >> 8);
    greeting[at + 5] = (uint8_t)(capabilities >> 16), greeting[at + 6] = (uint8_t)(capabilities >> 24);
    mysql_packet(false, 0, greeting, sizeof greeting);
}

static void mysql_replies(uint32_t capabilities, size_t size) {
    uint8_t reply[60] = {0};
    for (int i = 0; i < 4; i++) reply[i] = (uint8_t)(capabilities >> (8 * i));
    mysql_packet(true, 1, reply, size);
}

/* A session, up to its first moment of rest. */
static void my_begin(uint32_t capabilities) {
    begin();
    spoken = RS_WIRE_MYSQL;
    mysql_greets(MY_ALL);
    expect(1, RS_TRANSACTION_NONE);
    mysql_replies(MY_41 | capabilities, 60);
    MY_SERVER(2, "\xfemysql_native_password\0salt");
    MY_CLIENT(3, "scrambled");
    expect(1, RS_TRANSACTION_NONE);
    MY_SERVER(4, MY_OK);
    expect(0, RS_TRANSACTION_NONE);
}

static void mysql_commands_owe_one_answer(void **state) {
    (void)state;
    my_begin(0);
    MY_CLIENT(0, "\3do 1");
    expect(1, RS_TRANSACTION_NONE);
    SERVER("\7\0\0\1\0\0\0\2\0\0");
    expect(1, RS_TRANSACTION_NONE);
    SERVER("\0");
    expect(0, RS_TRANSACTION_NONE);
    MY_CLIENT(0, "\3nonsense");
    MY_SERVER(1, MY_ERROR);
    expect(0, RS_TRANSACTION_NONE);
    MY_CLIENT(0, "\x0e");
    expect(1, RS_TRANSACTION_NONE);
    MY_SERVER(1, MY_OK);
    expect(0, RS_TRANSACTION_NONE);
    MY_CLIENT(0, "\x09");
    MY_SERVER(1, "Uptime: 5 of which nothing is to be read");
    expect(0, RS_TRANSACTION_NONE);
    MY_CLIENT(0, "\x1b\0\0");
    MY_SERVER(1, MY_EOF);
    expect(0, RS_TRANSACTION_NONE);
    MY_CLIENT(0, "\x19\1\0\0\0"); /* closing a statement: not answered */
    MY_CLIENT(0, "\x18\1\0\0\0\0\0data");
    expect(0, RS_TRANSACTION_NONE);
    MY_CLIENT(0, "\3do 2");
    MY_CLIENT(0, "\x19\1\0\0\0"); /* not even in between */
    expect(1, RS_TRANSACTION_NONE);
    MY_SERVER(1, MY_OK);
    expect(0, RS_TRANSACTION_NONE);
    MY_CLIENT(0, "\1");
    expect(0, RS_TRANSACTION_NONE);
    play();
}

static void mysql_tells_of_its_transaction(void **state) {
    (void)state;
    my_begin(0);
    MY_CLIENT(0, "\3begin");
    expect(1, RS_TRANSACTION_NONE);
    MY_SERVER(1, MY_OK_IN_TRANSACTION);
    expect(0, RS_TRANSACTION_OPEN);
    MY_CLIENT(0, "\3nonsense");
    MY_SERVER(1, MY_ERROR);
    expect(0, RS_TRANSACTION_OPEN);
    MY_CLIENT(0, "\3select");
    MY_SERVER(1, "\1");
    MY_SERVER(2, MY_COLUMN);
    MY_SERVER(3, MY_EOF_IN_TRANSACTION);
    MY_SERVER(4, MY_EOF_IN_TRANSACTION);
    expect(0, RS_TRANSACTION_OPEN);
    MY_CLIENT(0, "\3commit");
    MY_SERVER(1, MY_OK);
    expect(0, RS_TRANSACTION_NONE);
    MY_CLIENT(0, "\3insert as many rows as can be");
    MY_SERVER(1, "\0\xfe\1\2\3\4\5\6\7\x08\xfe\1\2\3\4\5\6\7\x08\3\0\0\0");
    expect(0, RS_TRANSACTION_OPEN);
    play();
}

static void a_mysql_result_set_ends_with_its_rows(void **state) {
    (void)state;
    my_begin(0);
    MY_CLIENT(0, "\3select");
    MY_SERVER(1, "\2");
    MY_SERVER(2, MY_COLUMN);
    MY_SERVER(3, MY_COLUMN);
    MY_SERVER(4, MY_EOF);
    MY_SERVER(5, "\1x\1y");
    MY_SERVER(6, "\xfb\xfb");
    MY_SERVER(7, "\0");
    MY_SERVER(8, "\xfelonger than the end"); /* a row all the same */
    expect(1, RS_TRANSACTION_NONE);
    MY_SERVER(9, MY_EOF);
    expect(0, RS_TRANSACTION_NONE);
    MY_CLIENT(0, "\3select an error in its middle");
    MY_SERVER(1, "\1");
    MY_SERVER(2, MY_COLUMN);
    MY_SERVER(3, MY_EOF);
    MY_SERVER(4, "\1x");
    MY_SERVER(5, MY_ERROR);
    expect(0, RS_TRANSACTION_NONE);
    play();
    my_begin(MY_DEPRECATE_EOF);
    MY_CLIENT(0, "\3select");
    MY_SERVER(1, "\xfc\2\0");
    MY_SERVER(2, MY_COLUMN);
    MY_SERVER(3, MY_COLUMN);
    expect(1, RS_TRANSACTION_NONE);
    MY_SERVER(4, "\1x\1y");
    MY_SERVER(5, MY_LAST_OK);
    expect(0, RS_TRANSACTION_NONE);
    MY_CLIENT(0, "\3select");
    MY_SERVER(1, "\1\1"); /* MariaDB: the definitions follow */
    MY_SERVER(2, MY_COLUMN);
    MY_SERVER(3, MY_LAST_OK);
    expect(0, RS_TRANSACTION_NONE);
    MY_CLIENT(0, "\x17\1\0\0\0\0\1\0\0\0");
    MY_SERVER(1, "\1\0"); /* they do not */
    MY_SERVER(2, "\0\0x");
    MY_SERVER(3, MY_LAST_OK);
    expect(0, RS_TRANSACTION_NONE);
    play();
    my_begin(0);
    MY_CLIENT(0, "\x17\1\0\0\0\0\1\0\0\0");
    MY_SERVER(1, "\1\0");
    MY_SERVER(2, MY_EOF);
    MY_SERVER(3, "\0\0x");
    expect(1, RS_TRANSACTION_NONE);
    MY_SERVER(4, MY_EOF);
    expect(0, RS_TRANSACTION_NONE);
    play();
}

static void mysql_may_have_more_results(void **state) {
    (void)state;
    my_begin(0);
    MY_CLIENT(0, "\3call p()");
    MY_SERVER(1, MY_OK_MORE);
    expect(1, RS_TRANSACTION_NONE);
    MY_SERVER(2, "\1");
    MY_SERVER(3, MY_COLUMN);
    MY_SERVER(4, MY_EOF_MORE);
    MY_SERVER(5, MY_EOF_MORE);
    expect(1, RS_TRANSACTION_NONE);
    MY_SERVER(6, MY_OK);
    expect(0, RS_TRANSACTION_NONE);
    play();
}

static void mysql_prepares_statements(void **state) {
    (void)state;
    my_begin(0);
    MY_CLIENT(0, "\x16select ?, ?");
    MY_SERVER(1, "\0\1\0\0\0\1\0\2\0\0\0\0");
    MY_SERVER(2, MY_COLUMN);
    MY_SERVER(3, MY_COLUMN);
    MY_SERVER(4, MY_EOF);
    expect(1, RS_TRANSACTION_NONE);
    MY_SERVER(5, MY_COLUMN);
    MY_SERVER(6, MY_EOF);
    expect(0, RS_TRANSACTION_NONE);
    MY_CLIENT(0, "\x16select 1");
    MY_SERVER(1, "\0\1\0\0\0\1\0\0\0\0\0\0");
    MY_SERVER(2, MY_COLUMN);
    expect(1, RS_TRANSACTION_NONE);
    MY_SERVER(3, MY_EOF);
    expect(0, RS_TRANSACTION_NONE);
    MY_CLIENT(0, "\x16"
                 "do 1");
    MY_SERVER(1, "\0\1\0\0\0\0\0\0\0\0\0\0");
    expect(0, RS_TRANSACTION_NONE);
    MY_CLIENT(0, "\x16nonsense");
    MY_SERVER(1, MY_ERROR);
    expect(0, RS_TRANSACTION_NONE);
    play();
    my_begin(MY_DEPRECATE_EOF);
    MY_CLIENT(0, "\x16insert ?");
    MY_SERVER(1, "\0\1\0\0\0\0\0\1\0\0\0\0");
    MY_SERVER(2, MY_COLUMN);
    expect(0, RS_TRANSACTION_NONE);
    MY_CLIENT(0, "\x16select ?");
    MY_SERVER(1, "\0\1\0\0\0\1\0\1\0\0\0\0");
    MY_SERVER(2, MY_COLUMN);
    MY_SERVER(3, MY_COLUMN);
    expect(0, RS_TRANSACTION_NONE);
    play();
}

static void a_mysql_cursor_is_fetched_from(void **state) {
    (void)state;
    my_begin(0);
    MY_CLIENT(0, "\x17\1\0\0\0\1\1\0\0\0");
    MY_SERVER(1, "\1");
    MY_SERVER(2, MY_COLUMN);
    MY_SERVER(3, MY_EOF_CURSOR);
    expect(0, RS_TRANSACTION_NONE);
    MY_CLIENT(0, "\x1c\1\0\0\0\3\0\0\0");
    MY_SERVER(1, "\0\0x");
    MY_SERVER(2, "\0\0x");
    expect(1, RS_TRANSACTION_NONE);
    MY_SERVER(3, "\xfe\0\0\x82\0");
    expect(0, RS_TRANSACTION_NONE);
    MY_CLIENT(0, "\x1a\1\0\0\0");
    MY_SERVER(1, MY_OK);
    expect(0, RS_TRANSACTION_NONE);
    play();
    my_begin(MY_DEPRECATE_EOF);
    MY_CLIENT(0, "\x17\1\0\0\0\1\1\0\0\0");
    MY_SERVER(1, "\1");
    MY_SERVER(2, MY_COLUMN);
    MY_SERVER(3, "\xfe\0\0\x42\0\0\0");
    expect(0, RS_TRANSACTION_NONE);
    play();
}

static void mysql_lists_fields(void **state) {
    (void)state;
    my_begin(0);
    MY_CLIENT(0, "\4t\0");
    MY_SERVER(1, MY_COLUMN);
    MY_SERVER(2, MY_COLUMN);
    expect(1, RS_TRANSACTION_NONE);
    MY_SERVER(3, MY_EOF);
    expect(0, RS_TRANSACTION_NONE);
    MY_CLIENT(0, "\4u\0");
    MY_SERVER(1, MY_ERROR);
    expect(0, RS_TRANSACTION_NONE);
    play();
}

static void mysql_may_ask_for_a_file(void **state) {
    (void)state;
    my_begin(0);
    MY_CLIENT(0, "\3load data local infile");
    MY_SERVER(1, "\xfbname");
    expect(1, RS_TRANSACTION_NONE);
    MY_CLIENT(2, "lines\n");
    MY_CLIENT(3, "\3lines\n");
    MY_CLIENT(4, "");
    expect(1, RS_TRANSACTION_NONE);
    MY_SERVER(5, MY_OK);
    expect(0, RS_TRANSACTION_NONE);
    MY_CLIENT(0, "\3load data local infile");
    MY_SERVER(1, "\xfbname");
    MY_CLIENT(2, "");
    MY_SERVER(3, MY_ERROR);
    expect(0, RS_TRANSACTION_NONE);
    MY_CLIENT(0, "\3load data local infile");
    MY_SERVER(1, "\xfbname");
    MY_SERVER(2, MY_OK); /* the file was not told of */
    expect_lost();
    play();
}

static void mysql_may_change_its_user(void **state) {
    (void)state;
    my_begin(0);
    MY_CLIENT(0, "\x11someone\0");
    expect(1, RS_TRANSACTION_NONE);
    MY_SERVER(1, "\xfeplugin\0salt");
    MY_CLIENT(2, "");
    MY_SERVER(3, "\1more");
    MY_SERVER(4, "\4Password: ");
    MY_CLIENT(5, "secret");
    expect(1, RS_TRANSACTION_NONE);
    MY_SERVER(6, MY_OK);
    expect(0, RS_TRANSACTION_NONE);
    MY_CLIENT(0, "\x1f");
    MY_SERVER(1, MY_OK);
    expect(0, RS_TRANSACTION_NONE);
    MY_CLIENT(0, "\x11nobody\0");
    MY_SERVER(1, MY_ERROR);
    expect(0, RS_TRANSACTION_NONE);
    play();
}

static void mariadb_tells_of_progress(void **state) {
    (void)state;
    my_begin(0);
    MY_CLIENT(0, "\3alter table");
    MY_SERVER(1, "\xff\xff\xff\1\1\1\0\0\0\5stage");
    MY_SERVER(2, "\xff\xff\xff\1\1\1\0\0\0\5stage");
    expect(1, RS_TRANSACTION_NONE);
    MY_SERVER(3, MY_OK);
    expect(0, RS_TRANSACTION_NONE);
    play();
}

static void mysql_negotiates(void **state) {
    static const uint32_t lost[] = {MY_COMPRESS, MY_ZSTD, MY_NO_METADATA};
    (void)state;
    for (size_t i = 0; i < sizeof lost / sizeof *lost; i++) {
        begin();
        mysql_greets(MY_ALL);
        mysql_replies(MY_41 | lost[i], 60);
        expect_lost();
        play();
        begin(); /* what the server cannot is not done */
        mysql_greets(MY_41);
        mysql_replies(MY_41 | lost[i], 60);
        expect_protocol(RS_WIRE_MYSQL, 1, RS_TRANSACTION_NONE);
        play();
    }
    begin();
    mysql_greets(MY_ALL);
    mysql_replies(MY_41 | MY_TLS, 32);
    expect_protocol(RS_WIRE_TLS, 0, RS_TRANSACTION_NONE);
    play();
    begin();
    mysql_greets(MY_ALL);
    mysql_replies(0, 60); /* from before 4.1 */
    expect_lost();
    play();
    begin();
    mysql_greets(MY_ALL);
    MY_CLIENT(1, "short");
    expect_lost();
    play();
    begin();
    MY_SERVER(0, "\x0a"
                 "4.0.1\0short");
    expect_lost();
    play();
    begin();
    mysql_greets(MY_41);
    mysql_replies(MY_41, 60);
    MY_SERVER(2, MY_ERROR);
    expect_protocol(RS_WIRE_MYSQL, 0, RS_TRANSACTION_NONE);
    play();
}

/* A packet of 16 MiB less one byte goes on in the next; its content is nothing that is read. */
static void a_large_mysql_packet_goes_on_in_the_next(void **state) {
    enum { FULL = 0xffffff };
    uint8_t *packet = malloc(FULL + 4);
    (void)state;
    if (!packet) abort();
    memset(packet, 0xfe, FULL + 4);
    memset(packet, 0xff, 3);
    my_begin(MY_DEPRECATE_EOF);
    packet[3] = 0, packet[4] = 3;
    part(true, packet, FULL + 4);
    MY_CLIENT(1, "and the rest");
    expect(1, RS_TRANSACTION_NONE);
    MY_SERVER(2, "\1");
    MY_SERVER(3, MY_COLUMN);
    packet[3] = 4, packet[4] = 0xfe;
    memset(packet + 5, 0, 20); /* as if it ended the rows */
    part(false, packet, FULL + 4);
    expect(1, RS_TRANSACTION_NONE);
    MY_SERVER(5, "");
    expect(1, RS_TRANSACTION_NONE);
    MY_SERVER(6, MY_LAST_OK);
    expect(0, RS_TRANSACTION_NONE);
    packet[3] = 0, packet[4] = 0x18;
    part(true, packet, FULL + 4);
    MY_CLIENT(1, "more of it"); /* long data: not answered */
    expect(0, RS_TRANSACTION_NONE);
    free(packet);
    play();
}

static void pipelined_mysql_commands_are_lost(void **state) {
    (void)state;
    my_begin(0);
    MY_CLIENT(0, "\3do 1");
    MY_CLIENT(0, "\3do 2");
    expect_lost();
    play();
}

static void a_mysql_answer_told_of_before_its_command_is_lost(void **state) {
    (void)state;
    my_begin(0);
    MY_SERVER(1, MY_OK);
    expect_lost();
    play();
    begin();
    CLIENT("\1");
    MY_SERVER(0, "\x0a"
                 "8.0");
    expect_lost();
    play();
}

static void nonsense_after_mysql_is_lost(void **state) {
    static const char commands[] = "\x00\x0b\x0f\x10\x12\x13\x14\x1d\x1e\x20\x21\xfe\xff";
    (void)state;
    for (size_t i = 0; i < sizeof commands - 1; i++) {
        my_begin(0);
        mysql_packet(true, 0, commands + i, 1);
        expect_lost();
        play();
    }
    my_begin(0);
    MY_CLIENT(1, "\3do 1"); /* not a command's sequence number */
    expect_lost();
    play();
    my_begin(0);
    MY_CLIENT(0, "");
    expect_lost();
    play();
    my_begin(0);
    MY_CLIENT(0, "\3do 1");
    MY_SERVER(2, MY_OK); /* one was missed */
    expect_lost();
    play();
    my_begin(0);
    MY_CLIENT(0, "\3do 1");
    MY_SERVER(1, "\0");
    expect_lost();
    play();
    my_begin(0);
    MY_CLIENT(0, "\3do 1");
    MY_SERVER(1, "\2xxx");
    expect_lost();
    play();
    my_begin(0);
    MY_CLIENT(0, "\3select");
    MY_SERVER(1, "\1");
    MY_SERVER(2, MY_COLUMN);
    MY_SERVER(3, "no end of definitions");
    expect_lost();
    play();
    my_begin(0);
    MY_CLIENT(0, "\x16select");
    MY_SERVER(1, MY_OK);
    expect_lost();
    play();
}

/* ---- whatever comes */

static void random_parts(size_t most) {
    size_t count = 1 + random_below(6);
    for (size_t i = 0; i < count && part_count < PARTS_MOST; i++) {
        uint8_t bytes[256];
        size_t size = random_below(most);
        random_bytes(bytes, size);
        part(random_below(2), bytes, size);
    }
}

static void play_whatever(void) {
    static struct rs_wire whole[PARTS_MOST];
    record_whole(whole);
    play_in_pieces(whole, 1, true);
    play_in_pieces(whole, 2 + random_below(30), true);
    play_joined(whole);
    begin();
}

static void random_bytes_are_harmless(void **state) {
    (void)state;
    for (int round = 0; round < 20000; round++) {
        begin();
        if (round % 4 == 1) pg_begin();
        if (round % 4 == 2) resp_begin();
        if (round % 4 == 3) my_begin(random_below(2) ? MY_DEPRECATE_EOF : 0);
        random_parts(200);
        play_whatever();
    }
}

/* Bytes that are likelier to mean something than any. */
static void random_words_are_harmless(void **state) {
    static const struct beginning words[] = {
        BEGINNING("*1\r\n", 0),
        BEGINNING("$5\r\n", 0),
        BEGINNING("MULTI\r\n", 0),
        BEGINNING("+OK\r\n", 0),
        BEGINNING("%2\r\n", 0),
        BEGINNING("|1\r\n", 0),
        BEGINNING(">1\r\n", 0),
        BEGINNING("\r\n", 0),
        BEGINNING("Z\0\0\0\5I", 0),
        BEGINNING("P\0\0\0\4", 0),
        BEGINNING("S\0\0\0\4", 0),
        BEGINNING("Q\0\0\0\5x", 0),
        BEGINNING("G\0\0\0\4", 0),
        BEGINNING("c\0\0\0\4", 0),
        BEGINNING("D\0\0\0\6xx", 0),
        BEGINNING("\1\0\0\0\3", 0),
        BEGINNING("\1\0\0\0\x16", 0),
        BEGINNING("\7\0\0\1\0\0\0\2\0\0\0", 0),
        BEGINNING("\1\0\0\1\1", 0),
        BEGINNING("\1\0\0\2\3", 0),
        BEGINNING("\5\0\0\3\xfe\0\0\2\0", 0),
        BEGINNING("\5\0\0\4\xfe\0\0", 0),
        BEGINNING("\2\0", 0),
        BEGINNING("\x0c\0\0\1\0\1\0\0\0\1\0\1\0\0\0\0", 0),
    };
    (void)state;
    for (int round = 0; round < 20000; round++) {
        begin();
        if (round % 3 == 0) pg_begin();
        if (round % 3 == 1) resp_begin();
        if (round % 3 == 2) my_begin(random_below(2) ? MY_DEPRECATE_EOF : 0);
        for (size_t i = 0; i < 12; i++) {
            const struct beginning *word = &words[random_below(sizeof words / sizeof *words)];
            part(random_below(2), word->bytes, word->size);
        }
        play_whatever();
    }
}

/* Other processes may write to it. */
static void any_struct_is_safe_to_go_on_from(void **state) {
    (void)state;
    for (int round = 0; round < 200000; round++) {
        struct rs_wire wire;
        uint8_t bytes[64];
        random_bytes(&wire, sizeof wire);
        random_bytes(bytes, sizeof bytes);
        wire.protocol = (uint8_t)random_below(RS_WIRE_COUNT + 1);
        if (random_below(2)) wire.client.skip = wire.server.skip = random_below(3);
        if (random_below(2)) wire.phase = (uint8_t)random_below(6), wire.owed = 1;
        if (random_below(2)) wire.client.step = (uint8_t)random_below(7), wire.server.step = (uint8_t)random_below(6);
        if (random_below(2)) wire.client.number = random_below(40), wire.server.number = random_below(40);
        feed(&wire, random_below(2), bytes, random_below(sizeof bytes));
        feed(&wire, random_below(2), bytes, random_below(sizeof bytes));
        assert_true(wire.protocol <= RS_WIRE_COUNT);
    }
}

static void owed_answers_do_not_overflow(void **state) {
    (void)state;
    for (int sign = -1; sign <= 1; sign += 2) {
        struct rs_wire wire = {.protocol = RS_WIRE_RESP, .owed = sign < 0 ? INT32_MIN : INT32_MAX};
        if (sign < 0) {
            rs_wire_received(&wire, "+OK\r\n", 5);
        } else {
            rs_wire_sent(&wire, "PING\r\n", 6);
        }
        assert_int_equal(wire.protocol, RS_WIRE_UNKNOWN);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_has_passed_in_a_struct_of_zeros),
        cmocka_unit_test(a_client_is_recognised_by_its_first_bytes),
        cmocka_unit_test(a_server_that_speaks_first_is_recognised_by_it),
        cmocka_unit_test(another_server_that_speaks_first_is_unknown_when_its_client_answers),
        cmocka_unit_test(what_is_not_counted_stays_what_it_is),
        cmocka_unit_test(once_lost_nothing_is_known_any_more),
        cmocka_unit_test(postgresql_queries_owe_one_answer_each),
        cmocka_unit_test(postgresql_tells_of_its_transaction),
        cmocka_unit_test(a_postgresql_run_is_one_exchange_with_its_sync),
        cmocka_unit_test(postgresql_copies_in),
        cmocka_unit_test(a_postgresql_copy_in_is_over_with_its_error_or_its_answer),
        cmocka_unit_test(postgresql_copies_out),
        cmocka_unit_test(copying_in_among_several_postgresql_answers_is_lost),
        cmocka_unit_test(what_postgresql_says_unasked_changes_nothing),
        cmocka_unit_test(a_postgresql_message_is_skipped_by_its_length),
        cmocka_unit_test(postgresql_may_be_asked_to_encrypt),
        cmocka_unit_test(a_postgresql_answer_may_be_told_of_before_its_request),
        cmocka_unit_test(nonsense_after_postgresql_is_lost),
        cmocka_unit_test(resp_commands_owe_one_answer_each),
        cmocka_unit_test(a_resp_command_may_be_a_line),
        cmocka_unit_test(every_resp_value_ends_where_it_ends),
        cmocka_unit_test(a_resp_push_is_no_answer),
        cmocka_unit_test(resp_transactions_are_known_by_their_commands),
        cmocka_unit_test(subscribed_resp_connections_are_not_counted),
        cmocka_unit_test(resp_without_answers_is_lost),
        cmocka_unit_test(a_resp_answer_may_be_told_of_before_its_request),
        cmocka_unit_test(a_resp_string_is_skipped_by_its_length),
        cmocka_unit_test(nonsense_after_resp_is_lost),
        cmocka_unit_test(an_endless_resp_line_is_lost),
        cmocka_unit_test(mysql_commands_owe_one_answer),
        cmocka_unit_test(mysql_tells_of_its_transaction),
        cmocka_unit_test(a_mysql_result_set_ends_with_its_rows),
        cmocka_unit_test(mysql_may_have_more_results),
        cmocka_unit_test(mysql_prepares_statements),
        cmocka_unit_test(a_mysql_cursor_is_fetched_from),
        cmocka_unit_test(mysql_lists_fields),
        cmocka_unit_test(mysql_may_ask_for_a_file),
        cmocka_unit_test(mysql_may_change_its_user),
        cmocka_unit_test(mariadb_tells_of_progress),
        cmocka_unit_test(mysql_negotiates),
        cmocka_unit_test(a_large_mysql_packet_goes_on_in_the_next),
        cmocka_unit_test(pipelined_mysql_commands_are_lost),
        cmocka_unit_test(a_mysql_answer_told_of_before_its_command_is_lost),
        cmocka_unit_test(nonsense_after_mysql_is_lost),
        cmocka_unit_test(random_bytes_are_harmless),
        cmocka_unit_test(random_words_are_harmless),
        cmocka_unit_test(any_struct_is_safe_to_go_on_from),
        cmocka_unit_test(owed_answers_do_not_overflow),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    begin();
    return failed;
}
