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

#define PACKET_HEADER sizeof(struct rs_packet)
#define METADATA_MAX (4u << 20)

struct file {
    uint64_t stream, sequence;
    bool kept;
};

/* What is wrong with a packet, kept until the events before it are delivered. */
struct damage {
    bool found;
    size_t offset;
    char text[192];
};

/* One stream, standing on one event of one of its packets. */
struct cursor {
    const struct file *files, *files_end; /* [files, files_end) are still to come; files[-1] is the current one */
    unsigned char *packet;                /* header and content, read from the file; NULL: none */
    size_t size, position;                /* of header and content; where the next event begins */
    bool content_known;                   /* size is the content's, as the header says */
    uint64_t events;                      /* read from this packet */
    uint64_t discarded, missing;          /* of the stream: events that it says were given up; packets that are gone */
    uint64_t last_time;                   /* over all packets of the stream */
    struct damage damage;
    uint32_t thread;
    struct rs_read_event event;
    size_t rank; /* which of two events of the same time comes first */
};

struct rs_reader {
    char *folder;
    rs_reader_report *report;
    void *argument;
    struct file *files;
    size_t file_count;
    struct cursor *cursors;
    size_t cursor_count;
    struct cursor **heap; /* the cursors that have an event; the earliest is heap[0] */
    size_t heap_size;
    struct cursor *taken; /* delivered its event: to be moved on at the next call */
    uint8_t uuid[16];
    bool uuid_known;
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

__attribute__((format(printf, 3, 4))) static void set_damage(struct damage *damage, size_t offset, const char *format,
                                                             ...) {
    va_list arguments;
    if (damage->found) return;
    damage->found = true;
    damage->offset = offset;
    va_start(arguments, format);
    vsnprintf(damage->text, sizeof damage->text, format, arguments);
    va_end(arguments);
}

/* ---- events ---- */

struct layout {
    size_t fixed; /* bytes of the header and the fixed fields; 0: there is no such event */
    unsigned strings;
    bool sequence; /* of 64-bit words, its length is the last fixed field */
};

#define NO_FIELD(name)
#define ONE_STRING(name) +1
#define NO_SEQUENCE(length, name)
#define ONE_SEQUENCE(length, name) +1
#define LAYOUT(name)                                                                                                  \
    {                                                                                                                 \
        sizeof(struct rs_event_##name), 0 EVENT_FIELDS_##name(NO_FIELD, NO_FIELD, NO_FIELD, ONE_STRING, NO_SEQUENCE), \
            0 EVENT_FIELDS_##name(NO_FIELD, NO_FIELD, NO_FIELD, NO_FIELD, ONE_SEQUENCE)                               \
    }

static const struct layout layouts[] = {
#define EVENT(number, name) [number] = LAYOUT(name),
#include "tracer/events.def"
#undef EVENT
};
static const struct layout io_layout = LAYOUT(io);

static const struct layout *find_layout(uint32_t id) {
    if (id >= EVENT_IO && id - EVENT_IO < RS_OP_COUNT) return &io_layout;
    if (id < sizeof layouts / sizeof *layouts && layouts[id].fixed) return &layouts[id];
    return NULL;
}

static size_t align_event(size_t size) {
    return (size + RS_EVENT_ALIGN - 1) / RS_EVENT_ALIGN * RS_EVENT_ALIGN;
}

/* Finds the strings and words of the event at `bytes`, of which `available` are there. Returns the event's size
 * without its padding, or 0 when it does not fit. */
static size_t decode_fields(const unsigned char *bytes, size_t available, const struct layout *layout,
                            struct rs_read_event *event) {
    size_t size = layout->fixed;
    if (size > available) return 0;
    for (unsigned i = 0; i < layout->strings; i++) {
        size_t longest = available - size < RS_STRING_MAX ? available - size : RS_STRING_MAX;
        const unsigned char *end = memchr(bytes + size, 0, longest);
        if (!end) return 0;
        event->strings[i] = (const char *)bytes + size;
        size = (size_t)(end - bytes) + 1;
    }
    if (layout->sequence) {
        memcpy(&event->word_count, bytes + layout->fixed - sizeof event->word_count, sizeof event->word_count);
        if (event->word_count > RS_STACK_MAX || event->word_count > (available - size) / sizeof(uint64_t)) return 0;
        event->words = (const uint64_t *)(const void *)(bytes + size);
        size += event->word_count * sizeof(uint64_t);
    }
    return size;
}

static bool check_is_right(const unsigned char *bytes, size_t size, uint64_t header_check) {
    uint64_t copy[align_event(RS_EVENT_MAX) / sizeof(uint64_t)];
    struct rs_event_start start;
    if (size > sizeof copy) return false;
    memcpy(copy, bytes, size);
    memcpy(&start, bytes, offsetof(struct rs_event_start, check) + sizeof start.check);
    memset((unsigned char *)copy + offsetof(struct rs_event_start, check), 0, sizeof start.check);
    return rs_event_check(copy, size, header_check) == start.check;
}

/* Reads the event at the cursor's position. Returns its size without its padding, or 0 and says in `damage` why. */
static size_t decode_event(struct cursor *cursor, struct damage *damage) {
    const unsigned char *bytes = cursor->packet + cursor->position;
    size_t available = cursor->size - cursor->position, size;
    const struct rs_packet *packet = (const struct rs_packet *)(const void *)cursor->packet;
    const struct rs_event_header *header = (const struct rs_event_header *)(const void *)bytes;
    const struct layout *layout;
    struct rs_read_event *event = &cursor->event;

    *event = (struct rs_read_event){.header = header, .strings = {"", ""}};
    if (available < sizeof(struct rs_event_header)) {
        set_damage(damage, cursor->position, "%zu bytes are too few for an event", available);
        return 0;
    }
    layout = find_layout(header->id);
    if (!layout) {
        set_damage(damage, cursor->position, "event id %" PRIu32 " is not known", header->id);
        return 0;
    }
    size = decode_fields(bytes, available, layout, event);
    if (!size) {
        set_damage(damage, cursor->position, "the event (id %" PRIu32 ") is longer than can be", header->id);
        return 0;
    }
    if (!check_is_right(bytes, align_event(size), packet->context.header_check)) {
        set_damage(damage, cursor->position, "the event (id %" PRIu32 ") does not agree with its check", header->id);
        return 0;
    }
    if (header->time <= cursor->last_time || header->time < packet->context.timestamp_begin) {
        set_damage(damage, cursor->position, "the event's time %" PRIu64 " is not after %" PRIu64, header->time,
                   cursor->last_time);
        return 0;
    }
    event->number = header->id >= EVENT_IO ? (uint32_t)RS_EVENT_IO : header->id;
    event->operation = header->id >= EVENT_IO ? header->id - EVENT_IO : (uint32_t)RS_OP_none;
    return size;
}

/* ---- packets ---- */

static char *file_name(const struct file *file, char *name, size_t size) {
    snprintf(name, size, "%s_%" PRIu64 "_%" PRIu64, file->kept ? "kept" : "stream", file->stream, file->sequence);
    return name;
}

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

/* Reads up to `size` bytes from `offset`. Returns how many there were, fewer only at the file's end or on an error. */
static size_t read_range(int fd, void *buffer, size_t size, size_t offset) {
    size_t done = 0;
    while (done < size) {
        ssize_t count = pread(fd, (char *)buffer + done, size - done, (off_t)(offset + done));
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) break;
        done += (size_t)count;
    }
    return done;
}

/* Is this the beginning of an event that was being written? Its header is written first, by one store. */
static bool looks_begun(const unsigned char *tail, size_t size, uint64_t last_time) {
    struct rs_event_header header;
    if (size < sizeof header) return false;
    memcpy(&header, tail, sizeof header);
    return header.time > last_time && find_layout(header.id);
}

/* Checks that what follows the content is zero, but for one event that was being written. */
static void check_tail(int fd, size_t content, size_t file_size, uint64_t last_time, struct damage *damage) {
    unsigned char buffer[1 << 16];
    size_t offset = align_event(content), allowed = offset;
    size_t count = read_range(fd, buffer, sizeof buffer, offset);
    if (looks_begun(buffer, count, last_time)) allowed += RS_EVENT_MAX;
    while (count) {
        for (size_t i = 0; i < count; i++) {
            if (buffer[i] && offset + i >= allowed) {
                set_damage(damage, offset + i, "what follows the packet's content is not zero");
                return;
            }
        }
        offset += count;
        count = offset < file_size ? read_range(fd, buffer, sizeof buffer, offset) : 0;
    }
}

static bool header_is_right(struct rs_reader *reader, const struct rs_packet *packet, const struct file *file,
                            struct damage *damage) {
    const struct rs_packet_header *header = &packet->header;
    uint64_t instance = file->stream | (file->kept ? RS_INSTANCE_KEPT : 0);
    if (header->magic != RS_CTF_MAGIC) {
        set_damage(damage, 0, "it begins with %08" PRIx32 ", which no packet does", header->magic);
    } else if (rs_header_check(packet) != packet->context.header_check) {
        set_damage(damage, 0, "the packet's header does not agree with its check");
    } else if (header->stream_id != RS_STREAM_CLASS) {
        set_damage(damage, offsetof(struct rs_packet_header, stream_id), "stream class %" PRIu32 " is not known",
                   header->stream_id);
    } else if (header->stream_instance_id != instance || packet->context.packet_seq_num != file->sequence) {
        set_damage(damage, offsetof(struct rs_packet_header, stream_instance_id),
                   "the packet is number %" PRIu64 " of stream %" PRIu64 ": the file has the name of another",
                   packet->context.packet_seq_num, (uint64_t)(header->stream_instance_id & ~RS_INSTANCE_KEPT));
    } else if (reader->uuid_known && memcmp(reader->uuid, header->uuid, sizeof reader->uuid) != 0) {
        set_damage(damage, offsetof(struct rs_packet_header, uuid), "the packet belongs to another trace");
    }
    if (damage->found) return false;
    memcpy(reader->uuid, header->uuid, sizeof reader->uuid);
    reader->uuid_known = true;
    return true;
}

/* How much of the file may hold events: its content, or all there is when the file is not as its header says. */
static size_t content_limit(struct cursor *cursor, const struct rs_packet *packet, size_t file_size) {
    struct damage *damage = &cursor->damage;
    uint64_t content = packet->context.content_size, size = packet->context.packet_size;
    cursor->content_known = false;
    if (size % 8 || size / 8 != file_size)
        set_damage(damage, file_size < size / 8 ? file_size : (size_t)(size / 8),
                   "the file has %zu bytes, its header says %" PRIu64, file_size, size / 8);
    if (content % 8 || content / 8 < PACKET_HEADER || content > size)
        set_damage(damage, offsetof(struct rs_packet, context.content_size), "a content of %" PRIu64 " bits cannot be",
                   content);
    else
        cursor->content_known = content / 8 <= file_size;
    return cursor->content_known ? (size_t)(content / 8) : file_size;
}

/* Reads the packet's header and content into the cursor. What is wrong with it stands in cursor->damage then. */
static bool read_packet(struct rs_reader *reader, struct cursor *cursor, int fd, size_t file_size) {
    struct rs_packet packet, again;
    size_t count = read_range(fd, &packet, sizeof packet, 0), size;
    if (count < sizeof packet) {
        set_damage(&cursor->damage, count, "the file ends before the end of its packet's header");
        return false;
    }
    if (!header_is_right(reader, &packet, cursor->files - 1, &cursor->damage)) return false;
    cursor->discarded = packet.context.events_discarded;
    size = content_limit(cursor, &packet, file_size);
    cursor->packet = calloc(1, align_event(size)); /* a cut file may lack the last event's padding */
    if (!cursor->packet) {
        set_damage(&cursor->damage, PACKET_HEADER, "no memory for its %zu bytes", size);
        return false;
    }
    memcpy(cursor->packet, &packet, sizeof packet);
    cursor->size = PACKET_HEADER +
                   read_range(fd, cursor->packet + PACKET_HEADER, align_event(size) - PACKET_HEADER, PACKET_HEADER);
    if (cursor->size > size) cursor->size = size;
    if (cursor->size < size) set_damage(&cursor->damage, cursor->size, "the rest of the file cannot be read");
    if (read_range(fd, &again, sizeof again, 0) != sizeof again) again = packet;
    /* In a server that still runs the flight recorder may have taken the file for another packet meanwhile. */
    if (again.context.header_check != packet.context.header_check) {
        cursor->damage = (struct damage){0};
        cursor->missing++;
        return false;
    }
    /* It adds events, too: then the tail says nothing. */
    if (!cursor->damage.found && again.context.content_size == packet.context.content_size)
        check_tail(fd, size, file_size, packet.context.timestamp_end, &cursor->damage);
    return true;
}

static void close_packet(struct cursor *cursor) {
    free(cursor->packet);
    cursor->packet = NULL;
    cursor->size = 0;
    cursor->position = PACKET_HEADER;
    cursor->content_known = false;
    cursor->events = 0;
    cursor->damage = (struct damage){0};
}

/* All events of the packet are delivered: says what was wrong with it. */
static void finish_packet(struct rs_reader *reader, struct cursor *cursor) {
    char name[64];
    const struct rs_packet *packet = (const struct rs_packet *)(const void *)cursor->packet;
    if (packet && !cursor->damage.found) {
        uint64_t last = cursor->events ? cursor->last_time : packet->context.timestamp_begin;
        if (packet->context.timestamp_end != last)
            set_damage(&cursor->damage, offsetof(struct rs_packet, context.timestamp_end),
                       "the packet ends at time %" PRIu64 ", its events at %" PRIu64, packet->context.timestamp_end,
                       last);
    }
    if (cursor->damage.found)
        report_damage(reader, file_name(cursor->files - 1, name, sizeof name), cursor->damage.offset, cursor->events,
                      cursor->damage.text);
    close_packet(cursor);
}

/* ---- streams ---- */

/* Numbers that are missing between two packets: the flight recorder gave them up; kept ones are never given up. */
static void count_gap(struct rs_reader *reader, struct cursor *cursor, bool first) {
    const struct file *file = cursor->files;
    uint64_t expected = first ? 0 : file[-1].sequence + 1;
    char name[64];
    if (file->sequence == expected) return;
    if (file->kept) {
        struct file missing = {.stream = file->stream, .sequence = expected, .kept = true};
        report_damage(reader, file_name(&missing, name, sizeof name), 0, 0, "the file is missing");
    } else {
        cursor->missing += file->sequence - expected;
    }
}

/* Opens the stream's next packet; false when there is none. */
static bool next_packet(struct rs_reader *reader, struct cursor *cursor, bool first) {
    char name[64];
    struct stat status;
    int fd;
    if (cursor->files == cursor->files_end) return false;
    count_gap(reader, cursor, first);
    file_name(cursor->files++, name, sizeof name);
    cursor->position = PACKET_HEADER;
    fd = open_file(reader, name, &status);
    if (fd < 0) {
        /* Listed, and given up since? */
        if (errno == ENOENT && !cursor->files[-1].kept)
            cursor->missing++;
        else
            set_damage(&cursor->damage, 0, "it cannot be opened: %s", strerror(errno));
        return true;
    }
    if (!read_packet(reader, cursor, fd, (size_t)status.st_size)) {
        free(cursor->packet);
        cursor->packet = NULL;
    }
    close(fd);
    return true;
}

/* Reads the event at the cursor and steps over it; false when it is none: the packet's damage says why. */
static bool take_event(struct cursor *cursor) {
    struct damage damage = {0};
    size_t size = decode_event(cursor, &damage), end = cursor->position + size;
    if (!size) {
        /* Where the content's end is not known, running out of events is no damage of its own. */
        if (cursor->content_known || !cursor->damage.found) cursor->damage = damage;
        cursor->position = cursor->size;
        return false;
    }
    cursor->position += align_event(size);
    if (cursor->content_known && cursor->position >= cursor->size && end != cursor->size)
        set_damage(&cursor->damage, offsetof(struct rs_packet, context.content_size),
                   "the content ends at byte %zu, its last event at %zu", cursor->size, end);
    cursor->events++;
    cursor->last_time = cursor->event.header->time;
    if (cursor->event.number == RS_EVENT_thread)
        cursor->thread = ((const struct rs_event_thread *)(const void *)cursor->event.header)->thread;
    cursor->event.thread = cursor->thread;
    return true;
}

/* Puts the cursor on the stream's next event; false at the stream's end. */
static bool advance(struct rs_reader *reader, struct cursor *cursor) {
    for (;;) {
        if (cursor->packet && cursor->position < cursor->size && take_event(cursor)) return true;
        if (cursor->packet || cursor->damage.found) finish_packet(reader, cursor);
        if (!next_packet(reader, cursor, false)) return false;
    }
}

static bool earlier(const struct cursor *a, const struct cursor *b) {
    uint64_t a_time = a->event.header->time, b_time = b->event.header->time;
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

/* Reads digits without a leading zero up to `end`. Returns what follows it, NULL when it is not so. */
static const char *parse_number(const char *text, char end, uint64_t *number) {
    size_t length = strspn(text, "0123456789");
    if (!length || length > 18 || (*text == '0' && length > 1) || text[length] != end) return NULL;
    *number = strtoull(text, NULL, 10);
    return text + length + 1;
}

static bool parse_name(const char *name, struct file *file) {
    file->kept = !strncmp(name, "kept_", 5);
    if (!file->kept && strncmp(name, "stream_", 7) != 0) return false;
    name = parse_number(name + (file->kept ? 5 : 7), '_', &file->stream);
    return name && parse_number(name, 0, &file->sequence);
}

bool rs_reader_is_trace(const char *folder) {
    struct dirent *entry;
    struct file file;
    bool found = false;
    DIR *directory = opendir(folder);
    if (!directory) return false;
    while (!found && (entry = readdir(directory)))
        found = !strcmp(entry->d_name, "metadata") || parse_name(entry->d_name, &file);
    closedir(directory);
    return found;
}

/* The order of a stream's packets, kept streams first. */
static int compare_files(const void *left, const void *right) {
    const struct file *a = left, *b = right;
    if (a->kept != b->kept) return a->kept ? -1 : 1;
    if (a->stream != b->stream) return a->stream < b->stream ? -1 : 1;
    return (a->sequence > b->sequence) - (a->sequence < b->sequence);
}

static bool same_stream(const struct file *a, const struct file *b) {
    return a->kept == b->kept && a->stream == b->stream;
}

/* Lists the packet files. Returns 0, or an errno. */
static int list_files(struct rs_reader *reader, bool *metadata) {
    struct dirent *entry;
    size_t space = 0;
    DIR *directory = opendir(reader->folder);
    if (!directory) return errno;
    while ((entry = readdir(directory))) {
        struct file file, *files;
        *metadata |= !strcmp(entry->d_name, "metadata");
        if (!parse_name(entry->d_name, &file)) continue;
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
        size = read_range(fd, text, size, 0);
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

/* Makes a cursor for each stream and puts it on its first event. */
static bool open_streams(struct rs_reader *reader) {
    const struct file *files = reader->files, *end;
    reader->cursors = calloc(reader->file_count + 1, sizeof *reader->cursors);
    reader->heap = calloc(reader->file_count + 1, sizeof *reader->heap);
    if (!reader->cursors || !reader->heap) return false;
    if (!reader->file_count) return true;
    end = files + reader->file_count;
    while (files < end) {
        struct cursor *cursor = &reader->cursors[reader->cursor_count];
        cursor->rank = reader->cursor_count++;
        cursor->files = files;
        while (files < end && same_stream(files, cursor->files)) files++;
        cursor->files_end = files;
        next_packet(reader, cursor, true);
        if (advance(reader, cursor)) {
            reader->heap[reader->heap_size] = cursor;
            sift_up(reader->heap, reader->heap_size++);
        }
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

struct rs_reader *rs_reader_open(const char *folder, rs_reader_report *report, void *argument) {
    bool metadata = false;
    int error;
    struct rs_reader *reader = calloc(1, sizeof *reader);
    if (!reader) return NULL;
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
    *event = reader->taken->event;
    return true;
}

struct rs_reader_totals rs_reader_totals(const struct rs_reader *reader) {
    struct rs_reader_totals totals = reader->totals;
    for (size_t i = 0; i < reader->cursor_count; i++) {
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
    for (size_t i = 0; i < reader->cursor_count; i++) free(reader->cursors[i].packet);
    free(reader->cursors);
    free(reader->heap);
    free(reader->files);
    free(reader->folder);
    free(reader);
}
