/* fuzz.h: what the targets share. libFuzzer's input is read as a dialogue:
 *
 *   how   from, size  bytes ...   from, size  bytes ...   ...          from: bit 7: set, the client; size: the other bits
 *
 * `how`: bits 0 and 1, what the connection is like at first (enum fuzz_first), the rest: the size of pieces. Each part is fed
 * whole, byte by byte and in pieces, to three structs that must not differ. Each piece lies in memory of its own, so that the
 * sanitizer sees the first byte beside it. */
#ifndef RS_TESTS_FUZZ_H
#define RS_TESTS_FUZZ_H

#include "preload/wire.h"

#include <stdio.h>
#include <stdlib.h>

enum fuzz_first {
    FUZZ_NEW,   /* the protocol is to be recognised */
    FUZZ_KNOWN, /* it is the target's */
    FUZZ_ANY    /* the struct is of any content, the input's: here nothing is promised but that all goes well */
};

struct fuzz_part {
    const char *bytes; /* NULL: the dialogue is over */
    size_t size;
    bool sent;
};
#define FUZZ_CLIENT(text) \
    { text, sizeof(text) - 1, true }
#define FUZZ_SERVER(text) \
    { text, sizeof(text) - 1, false }
#define FUZZ_END \
    { NULL, 0, false }

/* libFuzzer calls them. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static void fuzz_feed(struct rs_wire *wire, bool sent, const uint8_t *bytes, size_t size, size_t piece) {
    for (size_t at = 0; at < size; at += piece) {
        size_t count = size - at < piece ? size - at : piece;
        uint8_t *copy = malloc(count);
        if (!copy) abort();
        memcpy(copy, bytes + at, count);
        (sent ? rs_wire_sent : rs_wire_received)(wire, copy, count);
        free(copy);
    }
}

/* What lies behind the held bytes is left over, and not looked at. */
static struct rs_wire fuzz_canonical(const struct rs_wire *wire) {
    struct rs_wire result = *wire;
    if (wire->client.filled > RS_WIRE_HELD || wire->server.filled > RS_WIRE_HELD) abort();
    memset(result.client.bytes + wire->client.filled, 0, RS_WIRE_HELD - wire->client.filled);
    memset(result.server.bytes + wire->server.filled, 0, RS_WIRE_HELD - wire->server.filled);
    return result;
}

static void fuzz_same(const struct rs_wire *one, const struct rs_wire *other) {
    struct rs_wire a = fuzz_canonical(one), b = fuzz_canonical(other);
    if (memcmp(&a, &b, sizeof a) != 0) abort();
}

static void fuzz_dialogue(const uint8_t *data, size_t size, uint8_t protocol) {
    struct rs_wire whole = {0};
    if (!size) return;
    unsigned first = data[0] & 3;
    size_t piece = 1 + (data[0] >> 2), at = 1;
    if (first == FUZZ_ANY) {
        memcpy(&whole, data + at, size - at < sizeof whole ? size - at : sizeof whole);
        at += sizeof whole;
    }
    if (first != FUZZ_NEW) whole.protocol = protocol;
    struct rs_wire by_byte = whole, in_pieces = whole;
    while (at < size) {
        bool sent = data[at] & 0x80;
        size_t count = data[at++] & 0x7f;
        if (count > size - at) count = size - at;
        fuzz_feed(&whole, sent, data + at, count, count);
        fuzz_feed(&by_byte, sent, data + at, count, 1);
        fuzz_feed(&in_pieces, sent, data + at, count, piece);
        at += count;
        if (first == FUZZ_ANY) continue;
        fuzz_same(&whole, &by_byte);
        fuzz_same(&whole, &in_pieces);
    }
}

#define FUZZ_PIECE 0x7f
#define FUZZ_FROM(part) ((part)->sent ? 0x80 : 0)
#include "tests/fuzz/fuzz_seed.h"

#endif
