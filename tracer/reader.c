/* reader.c: see reader.h. From the top down: events, packets, streams, the folder. */
#include "tracer/reader.h"
#include "tracer/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define METADATA_MAX (4u << 20)

/* One stream, standing on one event of one of its packets. */
struct cursor {
    const struct rs_packet_file *files,
        *files_end;              /* [files, files_end) are still to come; files[-1] is the current one */
    uint64_t discarded, missing; /* of the stream: events that it says were given up; packets that are gone */
    struct rs_packet_cursor packet;
    size_t rank; /* which of two events of the same time comes first */
};

/* A stream's files, in order. */
struct stream {
    const struct rs_packet_file *files, *end;
};

struct rs_reader {
    char *folder;
    rs_reader_report *report;
    void *argument;
    struct rs_packet_file *files;
    size_t file_count;
    struct stream *streams;
    size_t stream_count;
    struct cursor *cursors; /* one a stream */
    bool without_io;
    struct cursor **heap; /* the cursors that have an event; the earliest is heap[0] */
    size_t heap_size;
    struct cursor *taken;               /* delivered its event: to be moved on at the next call */
    struct rs_packet_identity identity; /* the uuid of all its packets */
    struct rs_reader_totals totals;
};

static void report_damage(struct rs_reader *reader, const char *file, size_t offset, uint64_t events,
                          const char *text) {
    char *line = NULL;
    reader->totals.damages++;
    if (asprintf(&line, "%s/%s: damaged at byte %zu: %s; %" PRIu64 " events before it were read", reader->folder, file,
                 offset, text, events) < 0)
        line = NULL;
    reader->report(reader->argument, line ? line : "a file of the trace is damaged; out of memory");
    free(line);
}

/* ---- files ---- */

static int open_file(const struct rs_reader *reader, const char *name, struct stat *status) {
    char *path = NULL;
    int fd;
    if (asprintf(&path, "%s/%s", reader->folder, name) < 0) return -1;
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    free(path);
    if (fd >= 0 && fstat(fd, status)) {
        close(fd);
        return -1;
    }
    if (fd >= 0 && !S_ISREG(status->st_mode)) {
        close(fd);
        errno = EINVAL;
        return -1;
    }
    return fd;
}

/* ---- streams ---- */

/* Numbers that are missing between two packets: the flight recorder gave them up; kept ones are never given up. */
static void count_gap(struct rs_reader *reader, struct cursor *cursor, bool first) {
    const struct rs_packet_file *file = cursor->files;
    uint64_t expected = first ? 0 : file[-1].sequence + 1;
    char name[RS_PACKET_NAME];
    if (file->sequence == expected) return;
    if (file->kept) {
        struct rs_packet_file missing = {.stream = file->stream, .sequence = expected, .kept = true};
        report_damage(reader, rs_packet_name(&missing, name), 0, 0, "the file is missing");
    } else {
        cursor->missing += file->sequence - expected;
    }
}

/* All events of the packet are delivered: says what was wrong with it. */
static void finish_packet(struct rs_reader *reader, struct cursor *cursor) {
    const struct rs_damage *damage = &cursor->packet.damage;
    char name[RS_PACKET_NAME];
    rs_packet_finish(&cursor->packet);
    if (damage->found)
        report_damage(reader, rs_packet_name(cursor->files - 1, name), damage->offset, cursor->packet.events,
                      damage->text);
    rs_packet_forget(&cursor->packet);
}

/* Opens the stream's next packet; false when there is none. */
static bool next_packet(struct rs_reader *reader, struct cursor *cursor, bool first) {
    const struct rs_packet_file *file = cursor->files;
    struct rs_packet_identity *identity = &reader->identity;
    struct stat status;
    char name[RS_PACKET_NAME];
    int fd;
    if (file == cursor->files_end) return false;
    count_gap(reader, cursor, first);
    cursor->files++;
    rs_packet_forget(&cursor->packet);
    fd = open_file(reader, rs_packet_name(file, name), &status);
    if (fd < 0) {
        /* Listed, and given up since? */
        if (errno == ENOENT && !file->kept)
            cursor->missing++;
        else
            rs_damage_set(&cursor->packet.damage, 0, "it cannot be opened: %s", strerror(errno));
        return true;
    }
    identity->file = *file;
    if (rs_packet_read(&cursor->packet, fd, (size_t)status.st_size, identity, &cursor->discarded) == RS_PACKET_GONE)
        cursor->missing++;
    close(fd);
    return true;
}

static void note_time(struct rs_reader *reader, uint64_t time) {
    if (!reader->totals.first_time || time < reader->totals.first_time) reader->totals.first_time = time;
    if (time > reader->totals.last_time) reader->totals.last_time = time;
}

/* Puts the cursor on the stream's next event; false at the stream's end. */
static bool advance(struct rs_reader *reader, struct cursor *cursor) {
    for (;;) {
        while (rs_packet_next(&cursor->packet)) {
            if (!reader->without_io || cursor->packet.event.number != RS_EVENT_IO) return true;
            reader->totals.events++;
        }
        if (reader->without_io && cursor->packet.events) note_time(reader, cursor->packet.last_time);
        finish_packet(reader, cursor);
        if (!next_packet(reader, cursor, false)) return false;
    }
}

static bool earlier(const struct cursor *a, const struct cursor *b) {
    uint64_t a_time = a->packet.event.header->time, b_time = b->packet.event.header->time;
    return a_time != b_time ? a_time < b_time : a->rank < b->rank;
}

static void sift_up(struct cursor **heap, size_t at) {
    while (at && earlier(heap[at], heap[(at - 1) / 2])) {
        struct cursor *moved = heap[at];
        heap[at] = heap[(at - 1) / 2];
        heap[(at - 1) / 2] = moved;
        at = (at - 1) / 2;
    }
}

static void sift_down(struct cursor **heap, size_t size, size_t at) {
    for (;;) {
        size_t least = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < size; child++)
            if (earlier(heap[child], heap[least])) least = child;
        if (least == at) return;
        struct cursor *moved = heap[at];
        heap[at] = heap[least];
        heap[least] = moved;
        at = least;
    }
}

/* ---- the folder ---- */

bool rs_reader_is_trace(const char *folder) {
    struct dirent *entry;
    struct rs_packet_file file;
    bool found = false;
    DIR *directory = opendir(folder);
    if (!directory) return false;
    while (!found && (entry = readdir(directory)))
        found = !strcmp(entry->d_name, "metadata") || rs_packet_parse_name(entry->d_name, &file);
    closedir(directory);
    return found;
}

/* The order of a stream's packets, kept streams first. */
static int compare_files(const void *left, const void *right) {
    const struct rs_packet_file *a = left, *b = right;
    if (a->kept != b->kept) return a->kept ? -1 : 1;
    if (a->stream != b->stream) return a->stream < b->stream ? -1 : 1;
    return (a->sequence > b->sequence) - (a->sequence < b->sequence);
}

static bool same_stream(const struct rs_packet_file *a, const struct rs_packet_file *b) {
    return a->kept == b->kept && a->stream == b->stream;
}

/* Lists the packet files. Returns 0, or an errno. */
static int list_files(struct rs_reader *reader, bool *metadata) {
    struct dirent *entry;
    size_t space = 0;
    DIR *directory = opendir(reader->folder);
    if (!directory) return errno;
    while ((entry = readdir(directory))) {
        struct rs_packet_file file, *files;
        *metadata |= !strcmp(entry->d_name, "metadata");
        if (!rs_packet_parse_name(entry->d_name, &file)) continue;
        if (reader->file_count == space) {
            space = space ? 2 * space : 64;
            files = realloc(reader->files, space * sizeof *files);
            if (!files) {
                closedir(directory);
                return ENOMEM;
            }
            reader->files = files;
        }
        reader->files[reader->file_count++] = file;
    }
    closedir(directory);
    if (reader->file_count) qsort(reader->files, reader->file_count, sizeof *reader->files, compare_files);
    return 0;
}

/* Says what is wrong with the metadata's text, NULL when it is right: its last line must hold the check of all before.
 */
static const char *check_metadata(const char *text, size_t size) {
    char expected[64];
    size_t length = (size_t)snprintf(expected, sizeof expected, "/* check: %016" PRIx64 " */\n", (uint64_t)0);
    if (size < length) return "its last line, the check, is missing";
    snprintf(expected, sizeof expected, "/* check: %016" PRIx64 " */\n", rs_text_check(text, size - length));
    if (!memcmp(text + size - length, expected, length)) return NULL;
    if (memcmp(text + size - length, expected, strlen("/* check: ")) != 0)
        return "its last line, the check, is missing";
    return "the text does not agree with its check";
}

static void read_metadata(struct rs_reader *reader) {
    struct stat status;
    const char *wrong;
    char *text;
    size_t size;
    int fd = open_file(reader, "metadata", &status);
    if (fd < 0) {
        report_damage(reader, "metadata", 0, 0, errno == ENOENT ? "the file is missing" : "the file cannot be read");
        return;
    }
    size = (size_t)status.st_size;
    text = size > METADATA_MAX ? NULL : malloc(size + 1);
    if (!text) {
        wrong = "the file is too large";
    } else {
        size = rs_read_range(fd, text, size, 0);
        wrong = check_metadata(text, size);
    }
    if (wrong) report_damage(reader, "metadata", size, 0, wrong);
    free(text);
    close(fd);
}

/* The recorder leaves a mark when it had to stop: what came after is not in the trace. */
static void look_for_stop(struct rs_reader *reader) {
    struct stat status;
    int fd = open_file(reader, RS_FOLDER_STOPPED, &status);
    if (fd < 0) return;
    close(fd);
    reader->totals.damages++;
    char *line = NULL;
    if (asprintf(&line,
                 "%s: the recording stopped before the process did (its log says why): what came after is not here",
                 reader->folder) < 0)
        line = NULL;
    reader->report(reader->argument, line ? line : "the recording stopped before the process did");
    free(line);
}

static bool list_streams(struct rs_reader *reader) {
    reader->streams = calloc(reader->file_count + 1, sizeof *reader->streams);
    if (!reader->streams) return false;
    for (size_t i = 0; i < reader->file_count; i++) {
        const struct rs_packet_file *file = &reader->files[i];
        if (!i || !same_stream(file, file - 1)) reader->streams[reader->stream_count++].files = file;
        reader->streams[reader->stream_count - 1].end = file + 1;
    }
    return true;
}

static void open_stream(struct rs_reader *reader, struct cursor *cursor, size_t number) {
    cursor->rank = number;
    cursor->files = reader->streams[number].files;
    cursor->files_end = reader->streams[number].end;
    next_packet(reader, cursor, true);
}

/* Makes a cursor for each stream and puts it on its first event. */
static bool open_streams(struct rs_reader *reader) {
    if (!list_streams(reader)) return false;
    reader->cursors = calloc(reader->stream_count + 1, sizeof *reader->cursors);
    reader->heap = calloc(reader->stream_count + 1, sizeof(struct cursor *));
    if (!reader->cursors || !reader->heap) return false;
    for (size_t i = 0; i < reader->stream_count; i++) {
        struct cursor *cursor = &reader->cursors[i];
        open_stream(reader, cursor, i);
        if (!advance(reader, cursor)) continue;
        reader->heap[reader->heap_size] = cursor;
        sift_up(reader->heap, reader->heap_size++);
    }
    return true;
}

__attribute__((format(printf, 2, 3))) static void complain(struct rs_reader *reader, const char *format, ...) {
    va_list arguments;
    char *line = NULL;
    va_start(arguments, format);
    if (vasprintf(&line, format, arguments) < 0) line = NULL;
    va_end(arguments);
    reader->report(reader->argument, line ? line : "out of memory");
    free(line);
}

struct rs_reader *rs_reader_open(const char *folder, bool without_io, rs_reader_report *report, void *argument) {
    bool metadata = false;
    int error;
    struct rs_reader *reader = calloc(1, sizeof *reader);
    if (!reader) return NULL;
    reader->without_io = without_io;
    reader->report = report;
    reader->argument = argument;
    reader->folder = strdup(folder);
    error = reader->folder ? list_files(reader, &metadata) : ENOMEM;
    if (error) {
        complain(reader, "%s: cannot be read: %s", folder, strerror(error));
    } else if (!metadata && !reader->file_count) {
        complain(reader, "%s: no trace is in it: give a folder that REQSCOPE_TRACE or `reqscope run --trace` named",
                 folder);
    } else {
        read_metadata(reader);
        look_for_stop(reader);
        if (open_streams(reader)) return reader;
        complain(reader, "%s: cannot be read: out of memory", folder);
    }
    rs_reader_close(reader);
    return NULL;
}

bool rs_reader_next(struct rs_reader *reader, struct rs_read_event *event) {
    if (reader->taken) {
        if (!advance(reader, reader->taken)) reader->heap[0] = reader->heap[--reader->heap_size];
        sift_down(reader->heap, reader->heap_size, 0);
        reader->taken = NULL;
    }
    if (!reader->heap_size) return false;
    reader->taken = reader->heap[0];
    reader->totals.events++;
    *event = reader->taken->packet.event;
    note_time(reader, event->header->time);
    return true;
}

size_t rs_reader_streams(const struct rs_reader *reader) {
    return reader->stream_count;
}

uint64_t rs_reader_bytes(const struct rs_reader *reader) {
    int folder = open(reader->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    uint64_t bytes = 0;
    for (size_t i = 0; folder >= 0 && i < reader->file_count; i++) {
        char name[RS_PACKET_NAME];
        struct stat status;
        if (!fstatat(folder, rs_packet_name(&reader->files[i], name), &status, 0)) bytes += (uint64_t)status.st_size;
    }
    if (folder >= 0) close(folder);
    return bytes;
}

static void report_nothing(void *argument, const char *line) {
    (void)argument, (void)line;
}

void rs_reader_scan(const struct rs_reader *reader, size_t stream, rs_reader_visitor *visit, void *argument) {
    /* Its own, so that nothing is told twice and nothing is shared. */
    struct rs_reader own = {.folder = reader->folder, .report = report_nothing, .streams = reader->streams};
    struct cursor cursor = {0};
    open_stream(&own, &cursor, stream);
    while (advance(&own, &cursor)) visit(argument, &cursor.packet.event);
    rs_packet_close(&cursor.packet);
}

struct rs_reader_totals rs_reader_totals(const struct rs_reader *reader) {
    struct rs_reader_totals totals = reader->totals;
    for (size_t i = 0; i < reader->stream_count; i++) {
        const struct cursor *cursor = &reader->cursors[i];
        /* A packet that is gone held one event at least; the streams' own number is more exact, but it is of the time
         * when the last packet was begun. */
        totals.lost_packets += cursor->missing;
        totals.lost_events += cursor->discarded > cursor->missing ? cursor->discarded : cursor->missing;
    }
    return totals;
}

void rs_reader_close(struct rs_reader *reader) {
    if (!reader) return;
    for (size_t i = 0; reader->cursors && i < reader->stream_count; i++) rs_packet_close(&reader->cursors[i].packet);
    free(reader->cursors);
    free(reader->streams);
    free(reader->heap);
    free(reader->files);
    free(reader->folder);
    free(reader);
}
