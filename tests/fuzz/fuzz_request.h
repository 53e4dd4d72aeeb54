/* fuzz_request.h: what the targets of request.h share. libFuzzer's input is read as a dialogue:
 *
 *   how   part, size  bytes ...   part, size  bytes ...   ...          part: bit 7: set, it is read, else it is written;
 *                                                                            bit 6: unseen, it has no bytes; the rest: its size
 *
 * `how`: bits 0 and 1, what the connection is like at first (enum fuzz_first), the rest: the size of pieces. Each part is fed
 * whole, byte by byte and in pieces, to three structs that must not differ, nor may the requests that begin. Each piece lies in
 * memory of its own, so that the sanitizer sees the first byte beside it. */
#ifndef RS_TESTS_FUZZ_REQUEST_H
#define RS_TESTS_FUZZ_REQUEST_H

#include "preload/request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum fuzz_first {
    FUZZ_NEW,   /* the protocol is to be recognised */
    FUZZ_KNOWN, /* it is the target's first */
    FUZZ_OTHER, /* its second */
    FUZZ_ANY    /* the struct is of any content, the input's: here nothing is promised but that all goes well */
};
enum { FUZZ_READ = 0x80, FUZZ_UNSEEN = 0x40, FUZZ_SIZE = 0x3f };

struct fuzz_part {
    const char *bytes; /* NULL: the dialogue is over */
    size_t size;
    bool is_read;
};
#define FUZZ_CLIENT(text) \
    { text, sizeof(text) - 1, true }
#define FUZZ_SERVER(text) \
    { text, sizeof(text) - 1, false }
#define FUZZ_END \
    { NULL, 0, false }

struct fuzz_server {
    struct rs_request request;
    uint64_t requests; /* a sum over their names */
};

/* libFuzzer calls them. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

/* A text that ends; if `is_promised`, of bytes that can be printed. */
static void fuzz_text(struct fuzz_server *server, const char *text, size_t size, bool is_promised) {
    if (!memchr(text, 0, size)) abort();
    for (; *text; text++) {
        uint8_t byte = (uint8_t)*text;
        if (is_promised && (byte < ' ' || byte == 0x7f)) abort();
        server->requests = (server->requests ^ byte) * 0x100000001b3ull;
    }
    server->requests = (server->requests ^ 1) * 0x100000001b3ull;
}

static void fuzz_begun(struct fuzz_server *server, bool is_promised) {
    const struct rs_request *request = &server->request;
    if (request->turn) abort();
    fuzz_text(server, request->label, sizeof request->label, is_promised);
    fuzz_text(server, request->traceparent, sizeof request->traceparent, is_promised);
    fuzz_text(server, request->request_id, sizeof request->request_id, is_promised);
}

static void fuzz_reads(struct fuzz_server *server, const uint8_t *bytes, size_t size, bool is_promised) {
    while (size) {
        size_t taken = 0;
        bool begun = rs_request_read(&server->request, bytes, size, &taken);
        if (taken > size || (!begun && taken != size) || (is_promised && !taken)) abort();
        if (begun) fuzz_begun(server, is_promised);
        bytes += taken;
        size -= taken;
    }
}

static void fuzz_feed(struct fuzz_server *server, uint8_t part, const uint8_t *bytes, size_t piece, bool is_promised) {
    size_t size = part & FUZZ_SIZE;
    for (size_t at = 0; at < size; at += piece) {
        size_t count = size - at < piece ? size - at : piece;
        uint8_t *copy = malloc(count);
        if (!copy) abort();
        memcpy(copy, bytes + at, count);
        if (part & FUZZ_READ) fuzz_reads(server, copy, count, is_promised);
        if (!(part & FUZZ_READ)) rs_request_written(&server->request, copy, count, count);
        free(copy);
    }
}

static void fuzz_unseen(struct fuzz_server *server, uint8_t part, bool is_promised) {
    size_t size = part & FUZZ_SIZE;
    if (!(part & FUZZ_READ)) {
        rs_request_written(&server->request, NULL, 0, size);
    } else if (rs_request_read_unseen(&server->request, size)) {
        fuzz_begun(server, is_promised);
    }
}

/* What lies behind the held bytes, and behind a text's end, is left over, and not looked at. */
static struct rs_request fuzz_canonical(const struct rs_request *request) {
    struct rs_request result = *request;
    if (request->filled > RS_REQUEST_HELD || request->length >= sizeof result.label) abort();
    memset(result.held + request->filled, 0, RS_REQUEST_HELD - request->filled);
    size_t label = strlen(result.label), parent = strlen(result.traceparent), id = strlen(result.request_id);
    memset(result.label + label, 0, sizeof result.label - label);
    memset(result.traceparent + parent, 0, sizeof result.traceparent - parent);
    memset(result.request_id + id, 0, sizeof result.request_id - id);
    return result;
}

static void fuzz_same(const struct fuzz_server *one, const struct fuzz_server *other) {
    struct rs_request a = fuzz_canonical(&one->request), b = fuzz_canonical(&other->request);
    if (one->requests != other->requests || memcmp(&a, &b, sizeof a) != 0) abort();
}

/* The targets' protocols. */
static void fuzz_dialogue(const uint8_t *data, size_t size, uint8_t protocol, uint8_t other) {
    struct fuzz_server whole = {0};
    if (!size) return;
    unsigned first = data[0] & 3;
    bool is_promised = first != FUZZ_ANY;
    size_t piece = 1 + (data[0] >> 2), at = 1;
    if (first == FUZZ_ANY) {
        memcpy(&whole.request, data + at, size - at < sizeof whole.request ? size - at : sizeof whole.request);
        at += sizeof whole.request;
        if (size & 1) whole.request.protocol = size & 2 ? protocol : other;
    }
    if (first == FUZZ_KNOWN) whole.request.protocol = protocol;
    if (first == FUZZ_OTHER) whole.request.protocol = other;
    struct fuzz_server by_byte = whole, in_pieces = whole;
    while (at < size) {
        uint8_t part = data[at++];
        if (part & FUZZ_UNSEEN) {
            fuzz_unseen(&whole, part, is_promised);
            fuzz_unseen(&by_byte, part, is_promised);
            fuzz_unseen(&in_pieces, part, is_promised);
        } else {
            if ((part & FUZZ_SIZE) > size - at) part = (uint8_t)((part & FUZZ_READ) | (size - at));
            fuzz_feed(&whole, part, data + at, FUZZ_SIZE, is_promised);
            fuzz_feed(&by_byte, part, data + at, 1, is_promised);
            fuzz_feed(&in_pieces, part, data + at, piece, is_promised);
            at += part & FUZZ_SIZE;
        }
        if (!is_promised) continue;
        fuzz_same(&whole, &by_byte);
        fuzz_same(&whole, &in_pieces);
    }
}

#define FUZZ_PIECE FUZZ_SIZE
#define FUZZ_FROM(part) ((part)->is_read ? FUZZ_READ : 0)
#include "tests/fuzz/fuzz_seed.h"

#endif
