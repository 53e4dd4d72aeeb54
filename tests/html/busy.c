/* busy.c: writes the trace of a server that has been busy, as large as one wants it, always the same (make_trace.h): what the tests
 * of the page look at.
 *
 *   busy FOLDER CONTEXTS
 *
 * Two processes that came of one fork, five workers each. Each context accepts a connection, borrows one of the pool's, answers and
 * ends. Every 97th uses the connection of the one before it (foreign-io), every 211th leaves what it opened open (leak), every 503rd
 * gets a connection in the middle of an exchange (dirty-handover). Every 50th has a label that wants to be markup, or is no text. */
#include "tests/unit/make_trace.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define PROCESSES 2u
#define WORKERS 5u
#define POOL 6u
#define EVENTS_A_PACKET 240u
#define MICROSECOND 1000u

/* One worker's stream, in packets. */
struct stream {
    const char *folder;
    struct make_packet *packet;
    uint64_t number, sequence, time;
    bool kept;
};

static const char *const hostile[] = {
    "</script><script>document.title='stolen'</script>",
    "<!-- GET /comment --><b onclick=alert(1)>",
    "GET /\"quoted\"?a='b'&c=<img src=x onerror=document.title='stolen'>",
    "GET /control\x01\x1b[31m\x7f",
    "GET /not-utf8-\xff\xfe\xc3",
    "GET /right-to-left-\xe2\x80\xae.gpj",
};
#define HOSTILE (sizeof hostile / sizeof *hostile)

static void renew(struct stream *stream) {
    if (stream->packet && stream->packet->count < EVENTS_A_PACKET) return;
    if (stream->packet) make_finish(stream->packet, stream->folder);
    stream->packet = make_packet(stream->kept, stream->number, stream->sequence++, stream->time);
}

static void add(struct stream *stream, void *event, size_t size, const char *text) {
    renew(stream);
    ((struct rs_event_header *)event)->time = ++stream->time;
    make_event(stream->packet, event, size, text, NULL, NULL, 0);
}
#define ADD(stream, event, text) add(stream, &(event), sizeof(event), text)

static void add_io(struct stream *stream, uint32_t operation, int32_t fd, int32_t result, uint64_t description,
                   uint64_t context) {
    struct rs_event_io event = {
        .header = {0, EVENT_IO + operation, fd}, .result = result, .description = description, .context = context};
    ADD(stream, event, NULL);
}

static void add_open(struct stream *stream, uint64_t description, int32_t fd, uint32_t operation, uint64_t context,
                     const char *name) {
    struct rs_event_open event = {.header = {0, RS_EVENT_open, fd},
                                  .stack = 1,
                                  .description = description,
                                  .context = context,
                                  .opened = stream->time + 1,
                                  .operation = operation,
                                  .kind = RS_KIND_TCP,
                                  .thread = 100};
    ADD(stream, event, name);
}

static void add_handover(struct stream *stream, uint32_t reason, int32_t fd, uint64_t description, uint64_t from,
                         uint64_t to) {
    struct rs_event_handover event = {
        .header = {0, RS_EVENT_handover, fd}, .reason = reason, .description = description, .from = from, .to = to};
    ADD(stream, event, NULL);
}

static void add_stack(struct stream *stream, uint32_t id, uint64_t first) {
    const uint64_t addresses[] = {first, first + 0x120, first + 0x2c0, 0x15000};
    struct rs_event_stack event = {.header = {0, RS_EVENT_stack, -1}, .stack = id, .frames = 4};
    renew(stream);
    event.header.time = ++stream->time;
    make_event(stream->packet, &event, sizeof event, NULL, NULL, addresses, 4);
}

/* The finding with that number, its first time, then again. */
static void add_finding(struct stream *stream, uint32_t kind, uint64_t times, uint64_t description, uint64_t owner,
                        uint64_t user) {
    struct rs_event_finding first = {.header = {0, RS_EVENT_finding, 9},
                                     .finding = kind + 1,
                                     .kind = kind,
                                     .verdict = RS_MODE_LOG,
                                     .operation = kind == RS_FINDING_leak ? RS_OP_none : RS_OP_write,
                                     .opened_stack = 1,
                                     .used_stack = 2 + kind,
                                     .owner_thread = 100,
                                     .owner_operation = RS_OP_write,
                                     .phase = RS_PHASE_SENT,
                                     .thread = 101,
                                     .description = description,
                                     .owner = owner,
                                     .user = user,
                                     .opened = stream->time - MICROSECOND,
                                     .opener = owner,
                                     .sender = owner,
                                     .sent = 31,
                                     .sent_age = 400000,
                                     .protocol = RS_WIRE_POSTGRESQL};
    struct rs_event_finding_again again = {.header = {0, RS_EVENT_finding_again, 9},
                                           .finding = kind + 1,
                                           .count = times,
                                           .description = description,
                                           .owner = owner,
                                           .user = user};
    if (times == 1)
        ADD(stream, first, NULL);
    else
        ADD(stream, again, NULL);
}

/* A connection of the pool. */
struct pooled {
    uint64_t description, user, free_at; /* user: the last one */
};

/* One process. */
struct server {
    struct stream kept, workers[WORKERS];
    struct pooled pool[POOL];
    uint64_t foreign, leaks, dirty; /* how often each kind was seen */
    uint32_t number;
};

/* The stream of what is kept goes on at the worker's time. */
static struct stream *kept_now(struct server *server, const struct stream *stream) {
    if (server->kept.time < stream->time) server->kept.time = stream->time;
    return &server->kept;
}

/* There are more of them than workers: one is free, and the one that has been for longest is taken. */
static struct pooled *borrow(struct server *server) {
    struct pooled *first = server->pool;
    for (unsigned i = 1; i < POOL; i++)
        if (server->pool[i].free_at < first->free_at) first = &server->pool[i];
    return first;
}

static void label_of(uint64_t context, char label[128]) {
    static const char *const paths[] = {"basket", "orders", "search?q=shoes", "account", "img/logo"};
    if (context % 50 == 0)
        snprintf(label, 128, "%s", hostile[context / 50 % HOSTILE]);
    else
        snprintf(label, 128, "GET /%s/%" PRIu64, paths[context * 7 % 5], context * 31 % 1000);
}

static void begin_context(struct stream *stream, uint64_t context, uint32_t thread) {
    struct rs_event_context_begin event = {.header = {0, RS_EVENT_context_begin, -1},
                                           .origin = RS_ORIGIN_REQUEST,
                                           .context = context,
                                           .began = stream->time + 1,
                                           .thread = thread};
    struct rs_event_context_attributes attributes = {.header = {0, RS_EVENT_context_attributes, -1},
                                                     .context = context};
    char label[128], id[64];
    label_of(context, label);
    snprintf(id, sizeof id, "x-request-id=%016" PRIx64, context * 0x9E3779B97F4A7C15u);
    ADD(stream, event, label);
    ADD(stream, attributes, id);
}

/* What the context does with a connection of the pool, and what is wrong with that. */
static void use_pool(struct server *server, struct stream *stream, uint64_t context, uint64_t before) {
    struct pooled *pooled = borrow(server);
    if (context % 97 == 0 && before) {
        add_finding(kept_now(server, stream), RS_FINDING_foreign_io, ++server->foreign, 1000 + before, before, context);
        add_io(stream, RS_OP_write, 9, 120, 1000 + before, context);
    }
    if (context % 503 == 0 && pooled->user)
        add_finding(kept_now(server, stream), RS_FINDING_dirty_handover, ++server->dirty, pooled->description,
                    pooled->user, context);
    add_handover(stream, RS_HANDOVER_LEASED, 20, pooled->description, pooled->user, context);
    pooled->user = context;
    add_io(stream, RS_OP_write, 20, 64, pooled->description, context);
    stream->time += 300 * MICROSECOND + context * 7919 % 900 * MICROSECOND;
    add_io(stream, RS_OP_read, 20, 512, pooled->description, context);
    pooled->free_at = stream->time;
}

static void serve(struct server *server, struct stream *stream, uint64_t context, uint64_t before) {
    struct rs_event_close close = {
        .header = {0, RS_EVENT_close, 9}, .last = 1, .description = 1000 + context, .context = context};
    struct rs_event_context_end end = {.header = {0, RS_EVENT_context_end, -1}, .context = context};
    begin_context(stream, context, 5000 + server->number * 10 + (uint32_t)stream->number);
    add_open(stream, 1000 + context, 9, RS_OP_accept, context, "tcp 127.0.0.1:8080 <- 127.0.0.1:40000");
    add_io(stream, RS_OP_read, 9, 210, 1000 + context, context);
    stream->time += 60 * MICROSECOND;
    use_pool(server, stream, context, before);
    add_io(stream, RS_OP_write, 9, 900, 1000 + context, context);
    if (context % 211) ADD(stream, close, NULL);
    ADD(stream, end, NULL);
    if (context % 211 == 0)
        add_finding(kept_now(server, stream), RS_FINDING_leak, ++server->leaks, 1000 + context, context, context);
    stream->time += 200 * MICROSECOND + context * 104729 % 500 * MICROSECOND;
}

static void start_server(struct server *server) {
    struct stream *kept = &server->kept;
    struct rs_event_process event = {.header = {0, RS_EVENT_process, -1},
                                     .pid = 4000 + server->number,
                                     .parent_pid = server->number ? 4000 : 1,
                                     .family = 4000,
                                     .mode = RS_MODE_LOG,
                                     .policy = RS_POLICY_LEASE};
    struct rs_event_module module = {
        .header = {0, RS_EVENT_module, -1}, .module = 1, .base = 0x10000, .low = 0x11000, .high = 0x18000};
    struct rs_event_coverage coverage = {.header = {0, RS_EVENT_coverage, -1}, .flags = RS_COVERAGE_STATIC};
    ADD(kept, event, "shopd --workers 5 --pool 6");
    module.header.time = ++kept->time;
    make_event(kept->packet, &module, sizeof module, "/opt/shop/shopd", "abcdef", NULL, 0);
    add_stack(kept, 1, 0x11234);
    for (uint32_t kind = 0; kind < RS_FINDING_COUNT; kind++) add_stack(kept, 2 + kind, 0x12000 + kind * 0x340);
    ADD(kept, coverage, "/opt/shop/convert is linked statically: what it does is not seen");
    for (unsigned i = 0; i < POOL; i++) {
        server->pool[i].description = 1 + server->number * POOL + i;
        add_open(kept, server->pool[i].description, 20 + (int32_t)i, RS_OP_connect, 0, "tcp 10.0.0.5:5432");
    }
}

static void start_workers(struct server *server, const char *folder) {
    for (uint32_t i = 0; i < WORKERS; i++) {
        struct rs_event_thread thread = {.header = {0, RS_EVENT_thread, -1}, .thread = 5000 + server->number * 10 + i};
        server->workers[i] =
            (struct stream){.folder = folder, .number = 1 + i, .time = 1100000 + i * 170 * MICROSECOND};
        ADD(&server->workers[i], thread, "worker");
    }
}

/* The worker whose turn it is: the one that is the earliest. */
static struct stream *earliest(struct stream *workers) {
    struct stream *first = workers;
    for (unsigned i = 1; i < WORKERS; i++)
        if (workers[i].time < first->time) first = &workers[i];
    return first;
}

/* Every second context is one process's. */
static void write_process(const char *root, uint32_t number, uint64_t contexts) {
    struct server server = {.kept = {.time = 1000000 + number * 5000, .kept = true}, .number = number};
    char name[32], *folder;
    uint64_t before = 0;
    snprintf(name, sizeof name, "shopd-%u", 4000 + number);
    folder = make_path(root, name);
    if (mkdir(folder, 0700)) {
        perror(folder);
        exit(2);
    }
    make_metadata(folder);
    server.kept.folder = folder;
    start_server(&server);
    start_workers(&server, folder);
    for (uint64_t context = 1 + number; context <= contexts; context += PROCESSES) {
        serve(&server, earliest(server.workers), context, before);
        before = context;
    }
    make_finish(server.kept.packet, folder);
    for (unsigned i = 0; i < WORKERS; i++) make_finish(server.workers[i].packet, folder);
    free(folder);
}

int main(int count, char **arguments) {
    uint64_t contexts = count == 3 ? strtoull(arguments[2], NULL, 10) : 0;
    if (!contexts || mkdir(arguments[1], 0700)) {
        fprintf(stderr, "usage: %s FOLDER CONTEXTS, the folder a new one\n", arguments[0]);
        return 2;
    }
    for (uint32_t number = 0; number < PROCESSES; number++) write_process(arguments[1], number, contexts);
    return 0;
}
