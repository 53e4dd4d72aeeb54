/* make_trace.c: see make_trace.h. */
#include "tests/unit/make_trace.h"

#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static void need(bool condition, const char *what) {
    if (condition) return;
    perror(what);
    abort();
}

char *make_folder(void) {
    char *folder = strdup("/tmp/reqscope-unit-XXXXXX");
    need(folder && mkdtemp(folder), "mkdtemp");
    return folder;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *place) {
    (void)status, (void)type, (void)place;
    return remove(path);
}

void make_remove(const char *folder) {
    need(!nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS), folder);
}

char *make_path(const char *folder, const char *name) {
    char *path;
    need(asprintf(&path, "%s/%s", folder, name) > 0, "asprintf");
    return path;
}

unsigned char *make_read(const char *path, size_t *size) {
    struct stat status;
    unsigned char *bytes;
    FILE *file = fopen(path, "rb");
    need(file && !fstat(fileno(file), &status), path);
    *size = (size_t)status.st_size;
    bytes = malloc(*size + 1);
    need(bytes && fread(bytes, 1, *size, file) == *size, path);
    fclose(file);
    return bytes;
}

void make_write(const char *path, const void *bytes, size_t size) {
    FILE *file = fopen(path, "wb");
    need(file && (!size || fwrite(bytes, 1, size, file) == size) && !fclose(file), path);
}

void make_metadata(const char *folder) {
    static const char text[] = "/* CTF 1.8 */\ntrace { major = 1; minor = 8; };\n";
    char whole[sizeof text + 64], *path = make_path(folder, "metadata");
    int length =
        snprintf(whole, sizeof whole, "%s/* check: %016" PRIx64 " */\n", text, rs_text_check(text, strlen(text)));
    make_write(path, whole, (size_t)length);
    free(path);
}

struct make_packet *make_packet(bool kept, uint64_t stream, uint64_t sequence, uint64_t begin) {
    struct make_packet *packet = calloc(1, sizeof *packet);
    need(packet, "calloc");
    packet->kept = kept;
    packet->stream = stream;
    packet->sequence = sequence;
    packet->begin = begin;
    packet->last_time = begin;
    return packet;
}

static void append(struct make_packet *packet, const void *bytes, size_t size) {
    need(packet->size + size + RS_EVENT_ALIGN <= sizeof packet->bytes, "packet full");
    if (size) memcpy(packet->bytes + packet->size, bytes, size);
    packet->size += size;
}

void make_event(struct make_packet *packet, const void *fixed, size_t size, const char *first, const char *second,
                const uint64_t *words, size_t word_count) {
    need(packet->count < sizeof packet->offsets / sizeof *packet->offsets, "too many events");
    packet->offsets[packet->count++] = packet->size;
    packet->last_time = ((const struct rs_event_header *)fixed)->time;
    append(packet, fixed, size);
    if (first) append(packet, first, strlen(first) + 1);
    if (second) append(packet, second, strlen(second) + 1);
    append(packet, words, word_count * sizeof *words);
    packet->exact = packet->size;
    while (packet->size % RS_EVENT_ALIGN) packet->bytes[packet->size++] = 0;
}

#define ADD(packet, event, first, second) make_event(packet, &(event), sizeof(event), first, second, NULL, 0)

void make_context(struct make_packet *packet, uint64_t time, uint64_t context, uint32_t origin, const char *label) {
    struct rs_event_context_begin event = {
        .header = {time, RS_EVENT_context_begin, -1}, .origin = origin, .context = context, .began = time, .thread = 1};
    ADD(packet, event, label, NULL);
}

void make_entry(struct make_packet *packet, uint64_t time, uint64_t context, uint32_t how) {
    struct rs_event_context_switch event = {
        .header = {time, RS_EVENT_context_switch, -1}, .how = how, .context = context};
    ADD(packet, event, NULL, NULL);
}

void make_attributes(struct make_packet *packet, uint64_t time, uint64_t context, const char *attributes) {
    struct rs_event_context_attributes event = {.header = {time, RS_EVENT_context_attributes, -1}, .context = context};
    ADD(packet, event, attributes, NULL);
}

static void set_checks(struct make_packet *packet, uint64_t header_check) {
    for (size_t i = 0; i < packet->count; i++) {
        unsigned char *event = packet->bytes + packet->offsets[i];
        size_t size = (i + 1 < packet->count ? packet->offsets[i + 1] : packet->size) - packet->offsets[i];
        uint64_t copy[4096];
        uint32_t check = 0;
        need(size <= sizeof copy, "event too long");
        memcpy(event + offsetof(struct rs_event_start, check), &check, sizeof check);
        memcpy(copy, event, size);
        check = rs_event_check(copy, size, header_check);
        memcpy(event + offsetof(struct rs_event_start, check), &check, sizeof check);
    }
}

void make_finish(struct make_packet *packet, const char *folder) {
    struct rs_packet header = {0};
    size_t content = sizeof header + packet->exact, size = sizeof header + packet->size + packet->tail;
    unsigned char *file = calloc(1, size);
    char name[64], *path;
    need(file, "calloc");
    header.header.magic = RS_CTF_MAGIC;
    memset(header.header.uuid, 0x5a, sizeof header.header.uuid);
    header.header.stream_id = RS_STREAM_CLASS;
    header.header.stream_instance_id = packet->stream | (packet->kept ? RS_INSTANCE_KEPT : 0);
    header.context.timestamp_begin = packet->begin;
    header.context.events_discarded = packet->discarded;
    header.context.packet_seq_num = packet->sequence;
    header.context.packet_size = size * 8;
    header.context.header_check = rs_header_check(&header);
    header.context.content_size = content * 8;
    header.context.timestamp_end = packet->last_time;
    set_checks(packet, header.context.header_check);
    memcpy(file, &header, sizeof header);
    memcpy(file + sizeof header, packet->bytes, packet->size);
    snprintf(name, sizeof name, "%s_%" PRIu64 "_%" PRIu64, packet->kept ? "kept" : "stream", packet->stream,
             packet->sequence);
    path = make_path(folder, name);
    make_write(path, file, size);
    free(path);
    free(file);
    free(packet);
}

static void add_thread(struct make_packet *packet, uint64_t time, uint32_t thread) {
    struct rs_event_thread event = {.header = {time, RS_EVENT_thread, -1}, .thread = thread};
    ADD(packet, event, "worker", NULL);
}

void make_stack(struct make_packet *packet, uint64_t time, uint32_t stack, const uint64_t *addresses, uint32_t count) {
    struct rs_event_stack event = {.header = {time, RS_EVENT_stack, -1}, .stack = stack, .frames = count};
    make_event(packet, &event, sizeof event, NULL, NULL, addresses, count);
}

struct make_packet *make_process(const char *root, uint32_t pid, uint64_t begin, const char *file, uint64_t base,
                                 char **folder) {
    struct rs_event_process process = {
        .header = {begin + 1, RS_EVENT_process, -1}, .pid = pid, .parent_pid = 1, .family = pid};
    struct rs_event_module module = {
        .header = {begin + 2, RS_EVENT_module, -1}, .module = 1, .base = base, .low = base, .high = base + 0x10000000};
    struct make_packet *packet = make_packet(true, 0, 0, begin);
    char name[32];
    snprintf(name, sizeof name, "server-%" PRIu32, pid);
    *folder = make_path(root, name);
    need(!mkdir(*folder, 0700), *folder);
    make_metadata(*folder);
    ADD(packet, process, "server", NULL);
    make_event(packet, &module, sizeof module, file, "", NULL, 0);
    return packet;
}

static void add_stack(struct make_packet *packet, uint64_t time, uint32_t stack, uint64_t first) {
    make_stack(packet, time, stack, (const uint64_t[]){first, first + 0x100, 0x99}, 3);
}

static void add_context(struct make_packet *packet, uint64_t time, uint64_t context, uint32_t thread,
                        const char *label) {
    struct rs_event_context_begin event = {
        .header = {time, RS_EVENT_context_begin, -1}, .context = context, .began = time, .thread = thread};
    ADD(packet, event, label, NULL);
}

static void add_io(struct make_packet *packet, uint64_t time, uint32_t operation, int32_t result, uint64_t context) {
    struct rs_event_io event = {
        .header = {time, EVENT_IO + operation, 7}, .result = result, .description = 5, .context = context};
    ADD(packet, event, NULL, NULL);
}

static void write_kept(const char *folder, size_t tail) {
    struct make_packet *packet = make_packet(true, 0, 0, 1000);
    struct rs_event_process process = {.header = {1001, RS_EVENT_process, -1},
                                       .pid = MAKE_PID,
                                       .parent_pid = 1,
                                       .family = MAKE_PID,
                                       .mode = RS_MODE_DENY};
    struct rs_event_module module = {
        .header = {1002, RS_EVENT_module, -1}, .module = 1, .base = 0x10000, .low = 0x11000, .high = 0x12000};
    struct rs_event_finding finding = {.header = {2000, RS_EVENT_finding, 7},
                                       .finding = 3,
                                       .kind = RS_FINDING_foreign_io,
                                       .verdict = RS_MODE_DENY,
                                       .operation = RS_OP_write,
                                       .opened_stack = 1,
                                       .used_stack = 2,
                                       .owner_thread = 100,
                                       .owner_operation = RS_OP_read,
                                       .phase = RS_PHASE_ANSWERED,
                                       .unread = 0,
                                       .thread = 101,
                                       .description = 5,
                                       .owner = 1,
                                       .user = 2,
                                       .opened = 1200,
                                       .opener = 1};
    struct rs_event_finding_again again = {
        .header = {2100, RS_EVENT_finding_again, 7}, .finding = 3, .count = 4, .description = 5, .owner = 1, .user = 2};
    struct rs_event_coverage coverage = {.header = {2200, RS_EVENT_coverage, -1}, .flags = RS_COVERAGE_STACKS_FULL};
    packet->tail = tail;
    ADD(packet, process, "server --port 80", NULL);
    ADD(packet, module, "/no/such/server", "abcdef");
    add_stack(packet, 1150, 1, 0x11234);
    add_stack(packet, 1900, 2, 0x112cc);
    ADD(packet, finding, NULL, NULL);
    ADD(packet, again, NULL, NULL);
    ADD(packet, coverage, "no room for more stacks", NULL);
    make_finish(packet, folder);
}

static void write_first(const char *folder, size_t tail) {
    struct make_packet *packet = make_packet(false, 0, 0, 1000);
    struct rs_event_open open = {.header = {1200, RS_EVENT_open, 7},
                                 .stack = 1,
                                 .description = 5,
                                 .context = 1,
                                 .opened = 1200,
                                 .operation = RS_OP_socket,
                                 .kind = RS_KIND_SOCKET,
                                 .thread = 100};
    struct rs_event_name name = {.header = {1210, RS_EVENT_name, 7}, .kind = RS_KIND_TCP, .description = 5};
    struct rs_event_context_end end = {.header = {3000, RS_EVENT_context_end, -1}, .context = 1};
    packet->tail = tail;
    add_thread(packet, 1010, 100);
    add_context(packet, 1100, 1, 100, "GET /a");
    ADD(packet, open, "socket", NULL);
    ADD(packet, name, "tcp 127.0.0.1:6379", NULL);
    add_io(packet, 1300, RS_OP_write, 10, 1);
    add_io(packet, 1400, RS_OP_read, 20, 1);
    ADD(packet, end, NULL, NULL);
    make_finish(packet, folder);
}

static void write_second(const char *folder, size_t tail) {
    struct make_packet *packet = make_packet(false, 1, 0, 1050);
    struct rs_event_handover handover = {
        .header = {2050, RS_EVENT_handover, 7}, .reason = RS_HANDOVER_LEASED, .description = 5, .from = 1, .to = 2};
    struct rs_event_close close = {.header = {2500, RS_EVENT_close, 7}, .last = 1, .description = 5, .context = 2};
    packet->tail = tail;
    add_thread(packet, 1060, 101);
    add_context(packet, 1350, 2, 101, "GET /b");
    add_io(packet, 2001, RS_OP_write, -1, 2);
    ADD(packet, handover, NULL, NULL);
    add_io(packet, 2060, RS_OP_send, 7, 2);
    ADD(packet, close, NULL, NULL);
    make_finish(packet, folder);
}

void make_two_contexts(const char *folder, size_t tail) {
    make_metadata(folder);
    write_kept(folder, tail);
    write_first(folder, tail);
    write_second(folder, tail);
}
