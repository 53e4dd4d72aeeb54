/* fuzz_trace.c: traces of any content, given to the command. libFuzzer's input is read as
 *
 *   command  how   where, number, size, bytes ...   where, number, size, bytes ...   ...         size: two bytes, low one first
 *
 * command: which of `lines` is run. how: FUZZ_MENDED and so on. Each part becomes a packet's file: `where` says of which process and
 * stream, and whether it is a kept one, `number` its place there, `bytes` its events. As no fuzzer guesses check sums, they are made
 * right unless `how` says that they are not to be. */
#include "tests/unit/make_trace.h"
#include "tracer/packet.h"
#include "tracer/shapes.h"
#include "viewer/commands.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FUZZ_BROKEN = 1, FUZZ_TIMES_BROKEN = 2, FUZZ_TAIL = 4, FUZZ_CUT = 8 };
#define FUZZ_PROCESSES 2u
#define FUZZ_KEPT 0x80u

/* %s: the folder. */
static const char *const lines[][6] = {
    {"report"},
    {"report", "--json"},
    {"report", "--by", "context", "--match", "a"},
    {"contexts"},
    {"contexts", "--json"},
    {"fds"},
    {"fds", "--json"},
    {"check", "--expect-opens", "tcp=1/context"},
    {"check", "--json"},
    {"timeline", "--width", "80"},
    {"timeline", "--by", "fd", "--ascii"},
    {"timeline", "--by", "thread", "--json"},
    {"show", "f3"},
    {"show", "c1"},
    {"show", "d5", "--json"},
    {"export", "--format", "json"},
    {"export", "--format", "chrome"},
    {"export", "--format", "dot"},
    {"export", "--format", "html"},
    {"export", "--format", "sarif"},
    {"export", "--format", "junit"},
    {"export", "--format", "otlp"},
};
#define LINES (sizeof lines / sizeof *lines)

static char root[] = "/dev/shm/reqscope-fuzz-XXXXXX";

/* libFuzzer calls them. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

/* ---- writing ---- */

/* Makes the events' checks right, and their times rise, as far as they can be told apart. Returns the time of the last. */
static uint64_t mend(unsigned char *bytes, size_t size, const struct rs_packet *packet, bool times) {
    uint64_t last = packet->context.timestamp_begin;
    size_t at = 0;
    while (size - at >= sizeof(struct rs_event_start)) {
        struct rs_event_start *event = (struct rs_event_start *)(void *)(bytes + at);
        uint64_t copy[RS_EVENT_MAX / sizeof(uint64_t) + 1] = {0};
        uint32_t length, padded;
        event->header.id &= 0x7f;
        if (times) event->header.time = last + 1 + (event->header.time & 0xffff);
        length = rs_event_size((char *)bytes + at, (char *)bytes + size);
        padded = rs_event_padded(length);
        if (!length || padded > sizeof copy || padded > size - at) break;
        memset(bytes + at + length, 0, padded - length);
        event->check = 0;
        memcpy(copy, event, padded);
        event->check = rs_event_check(copy, padded, packet->context.header_check);
        last = event->header.time;
        at += padded;
    }
    return last;
}

static void write_packet(unsigned where, unsigned number, unsigned how, const uint8_t *bytes, size_t size) {
    struct rs_packet packet = {0};
    size_t tail = how & FUZZ_TAIL ? 64 : 0, whole = sizeof packet + size + tail;
    bool kept = where & FUZZ_KEPT;
    unsigned process = where % FUZZ_PROCESSES, stream = where >> 1 & 7;
    unsigned char *file = calloc(1, whole + 8);
    char path[128];
    if (!file) abort();
    packet.header.magic = RS_CTF_MAGIC;
    packet.header.stream_instance_id = stream | (kept ? RS_INSTANCE_KEPT : 0);
    packet.context.timestamp_begin = 1000 + number;
    packet.context.packet_seq_num = number;
    packet.context.packet_size = 8 * whole;
    packet.context.content_size = 8 * (sizeof packet + size);
    packet.context.header_check = rs_header_check(&packet);
    memcpy(file + sizeof packet, bytes, size);
    packet.context.timestamp_end = packet.context.timestamp_begin;
    if (!(how & FUZZ_BROKEN))
        packet.context.timestamp_end = mend(file + sizeof packet, size, &packet, !(how & FUZZ_TIMES_BROKEN));
    memcpy(file, &packet, sizeof packet);
    snprintf(path, sizeof path, "%s/p%u/%s_%u_%u", root, process, kept ? "kept" : "stream", stream, number);
    make_write(path, file, how & FUZZ_CUT && whole > 8 ? whole - 8 : whole);
    free(file);
}

static void write_trace(const uint8_t *data, size_t size, unsigned how) {
    while (size >= 4) {
        size_t length = data[2] | (size_t)data[3] << 8;
        if (length > size - 4) length = size - 4;
        write_packet(data[0], data[1], how, data + 4, length);
        data += 4 + length;
        size -= 4 + length;
    }
}

static void empty_folders(void) {
    for (unsigned process = 0; process < FUZZ_PROCESSES; process++) {
        char path[64];
        struct dirent *entry;
        DIR *folder;
        snprintf(path, sizeof path, "%s/p%u", root, process);
        if (mkdir(path, 0700) == 0) {
            make_metadata(path);
            continue;
        }
        if (!(folder = opendir(path))) abort();
        while ((entry = readdir(folder)))
            if (*entry->d_name != '.' && *entry->d_name != 'm') unlinkat(dirfd(folder), entry->d_name, 0);
        closedir(folder);
    }
}

/* ---- the first inputs ---- */

/* A trace's folder as an input. */
static void write_seed(const char *path, const char *folder, unsigned line) {
    FILE *seed = fopen(path, "wb");
    DIR *directory = opendir(folder);
    struct dirent *entry;
    if (!seed || !directory) abort();
    putc((int)line, seed);
    putc(0, seed);
    while ((entry = readdir(directory))) {
        unsigned stream, number;
        bool kept = sscanf(entry->d_name, "kept_%u_%u", &stream, &number) == 2;
        char *file;
        unsigned char *bytes;
        size_t size;
        if (!kept && sscanf(entry->d_name, "stream_%u_%u", &stream, &number) != 2) continue;
        file = make_path(folder, entry->d_name);
        bytes = make_read(file, &size);
        size -= sizeof(struct rs_packet);
        fputc((int)(stream << 1 | (kept ? FUZZ_KEPT : 0)), seed);
        fputc((int)number, seed);
        fputc((int)(size & 0xff), seed);
        fputc((int)(size >> 8), seed);
        fwrite(bytes + sizeof(struct rs_packet), 1, size, seed);
        free(bytes);
        free(file);
    }
    closedir(directory);
    if (fclose(seed)) abort();
}

static void remove_root(void) {
    make_remove(root);
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    char *folder = make_folder(), path[4096];
    if (!mkdtemp(root)) abort();
    atexit(remove_root);
    setenv("TERM", "dumb", 1);
    make_two_contexts(folder, 0);
    for (int i = 1; i < *argc; i++) {
        if ((*argv)[i][0] == '-') continue;
        for (unsigned line = 0; line < LINES; line++) {
            snprintf(path, sizeof path, "%s/seed_%u", (*argv)[i], line);
            write_seed(path, folder, line);
        }
        break;
    }
    make_remove(folder);
    free(folder);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *arguments[9] = {(char *)"reqscope"};
    int count = 1;
    if (size < 2) return 0;
    empty_folders();
    write_trace(data + 2, size - 2, data[1]);
    for (const char *const *word = lines[data[0] % LINES]; count < 7 && *word; word++)
        arguments[count++] = (char *)*word;
    arguments[count++] = root;
    commands_main(count, arguments);
    return 0;
}
