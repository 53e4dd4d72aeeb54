/* packet.c: see packet.h. */
#include "tracer/packet.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void rs_damage_set(struct rs_damage *damage, size_t offset, const char *format, ...) {
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
static size_t decode_event(struct rs_packet_cursor *cursor, struct rs_damage *damage) {
    const unsigned char *bytes = cursor->bytes + cursor->position;
    size_t available = cursor->size - cursor->position, size;
    const struct rs_packet *packet = (const struct rs_packet *)(const void *)cursor->bytes;
    const struct rs_event_header *header = (const struct rs_event_header *)(const void *)bytes;
    const struct layout *layout;
    struct rs_read_event *event = &cursor->event;

    *event = (struct rs_read_event){.header = header, .strings = {"", ""}};
    if (available < sizeof(struct rs_event_header)) {
        rs_damage_set(damage, cursor->position, "%zu bytes are too few for an event", available);
        return 0;
    }
    layout = find_layout(header->id);
    if (!layout) {
        rs_damage_set(damage, cursor->position, "event id %" PRIu32 " is not known", header->id);
        return 0;
    }
    size = decode_fields(bytes, available, layout, event);
    if (!size) {
        rs_damage_set(damage, cursor->position, "the event (id %" PRIu32 ") is longer than can be", header->id);
        return 0;
    }
    if (!check_is_right(bytes, align_event(size), packet->context.header_check)) {
        rs_damage_set(damage, cursor->position, "the event (id %" PRIu32 ") does not agree with its check", header->id);
        return 0;
    }
    if (header->time <= cursor->last_time || header->time < packet->context.timestamp_begin) {
        rs_damage_set(damage, cursor->position, "the event's time %" PRIu64 " is not after %" PRIu64, header->time,
                      cursor->last_time);
        return 0;
    }
    event->number = header->id >= EVENT_IO ? (uint32_t)RS_EVENT_IO : header->id;
    event->operation = header->id >= EVENT_IO ? header->id - EVENT_IO : (uint32_t)RS_OP_none;
    return size;
}

/* ---- packets ---- */

char *rs_packet_name(const struct rs_packet_file *file, char name[RS_PACKET_NAME]) {
    snprintf(name, RS_PACKET_NAME, "%s_%" PRIu64 "_%" PRIu64, file->kept ? "kept" : "stream", file->stream,
             file->sequence);
    return name;
}

/* Reads digits without a leading zero up to `end`. Returns what follows it, NULL when it is not so. */
static const char *parse_number(const char *text, char end, uint64_t *number) {
    size_t length = strspn(text, "0123456789");
    if (!length || length > 18 || (*text == '0' && length > 1) || text[length] != end) return NULL;
    *number = strtoull(text, NULL, 10);
    return text + length + 1;
}

bool rs_packet_parse_name(const char *name, struct rs_packet_file *file) {
    file->kept = !strncmp(name, "kept_", 5);
    if (!file->kept && strncmp(name, "stream_", 7) != 0) return false;
    name = parse_number(name + (file->kept ? 5 : 7), '_', &file->stream);
    return name && parse_number(name, 0, &file->sequence);
}

/* Reads up to `size` bytes from `offset`. Returns how many there were, fewer only at the file's end or on an error. */
size_t rs_read_range(int fd, void *buffer, size_t size, size_t offset) {
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
static void check_tail(int fd, size_t content, size_t file_size, uint64_t last_time, struct rs_damage *damage) {
    unsigned char buffer[1 << 16];
    size_t offset = align_event(content), allowed = offset;
    size_t count = rs_read_range(fd, buffer, sizeof buffer, offset);
    if (looks_begun(buffer, count, last_time)) allowed += RS_EVENT_MAX;
    while (count) {
        for (size_t i = 0; i < count; i++) {
            if (buffer[i] && offset + i >= allowed) {
                rs_damage_set(damage, offset + i, "what follows the packet's content is not zero");
                return;
            }
        }
        offset += count;
        count = offset < file_size ? rs_read_range(fd, buffer, sizeof buffer, offset) : 0;
    }
}

static bool header_is_right(const struct rs_packet *packet, struct rs_packet_identity *expected,
                            struct rs_damage *damage) {
    const struct rs_packet_header *header = &packet->header;
    uint64_t instance = expected->file.stream | (expected->file.kept ? RS_INSTANCE_KEPT : 0);
    if (header->magic != RS_CTF_MAGIC) {
        rs_damage_set(damage, 0, "it begins with %08" PRIx32 ", which no packet does", header->magic);
    } else if (rs_header_check(packet) != packet->context.header_check) {
        rs_damage_set(damage, 0, "the packet's header does not agree with its check");
    } else if (header->stream_id != RS_STREAM_CLASS) {
        rs_damage_set(damage, offsetof(struct rs_packet_header, stream_id), "stream class %" PRIu32 " is not known",
                      header->stream_id);
    } else if (header->stream_instance_id != instance || packet->context.packet_seq_num != expected->file.sequence) {
        rs_damage_set(damage, offsetof(struct rs_packet_header, stream_instance_id),
                      "the packet is number %" PRIu64 " of stream %" PRIu64 ": the file has the name of another",
                      packet->context.packet_seq_num, (uint64_t)(header->stream_instance_id & ~RS_INSTANCE_KEPT));
    } else if (expected->uuid_known && memcmp(expected->uuid, header->uuid, sizeof expected->uuid) != 0) {
        rs_damage_set(damage, offsetof(struct rs_packet_header, uuid), "the packet belongs to another trace");
    }
    if (damage->found) return false;
    memcpy(expected->uuid, header->uuid, sizeof expected->uuid);
    expected->uuid_known = true;
    return true;
}

/* How much of the file may hold events: its content, or all there is when the file is not as its header says. */
static size_t content_limit(struct rs_packet_cursor *cursor, const struct rs_packet *packet, size_t file_size) {
    struct rs_damage *damage = &cursor->damage;
    uint64_t content = packet->context.content_size, size = packet->context.packet_size;
    cursor->content_known = false;
    if (size % 8 || size / 8 != file_size)
        rs_damage_set(damage, file_size < size / 8 ? file_size : (size_t)(size / 8),
                      "the file has %zu bytes, its header says %" PRIu64, file_size, size / 8);
    if (content % 8 || content / 8 < RS_PACKET_HEADER || content > size)
        rs_damage_set(damage, offsetof(struct rs_packet, context.content_size),
                      "a content of %" PRIu64 " bits cannot be", content);
    else
        cursor->content_known = content / 8 <= file_size;
    return cursor->content_known ? (size_t)(content / 8) : file_size;
}

/* Makes room for `size` bytes and the padding of the last event, which a cut file may lack: that is zeros. */
static bool make_room(struct rs_packet_cursor *cursor, size_t size) {
    size_t whole = align_event(size);
    if (cursor->space < whole) {
        unsigned char *bytes = realloc(cursor->bytes, whole);
        if (!bytes) return false;
        cursor->bytes = bytes;
        cursor->space = whole;
    }
    memset(cursor->bytes + size, 0, whole - size);
    return true;
}

enum rs_packet_outcome rs_packet_read(struct rs_packet_cursor *cursor, int fd, size_t file_size,
                                      struct rs_packet_identity *identity, uint64_t *discarded) {
    struct rs_packet packet, again;
    size_t count = rs_read_range(fd, &packet, sizeof packet, 0), size;
    if (count < sizeof packet) {
        rs_damage_set(&cursor->damage, count, "the file ends before the end of its packet's header");
        return RS_PACKET_DAMAGED;
    }
    if (!header_is_right(&packet, identity, &cursor->damage)) return RS_PACKET_DAMAGED;
    *discarded = packet.context.events_discarded;
    size = content_limit(cursor, &packet, file_size);
    if (!make_room(cursor, size)) {
        rs_damage_set(&cursor->damage, RS_PACKET_HEADER, "no memory for its %zu bytes", size);
        return RS_PACKET_DAMAGED;
    }
    memcpy(cursor->bytes, &packet, sizeof packet);
    count = RS_PACKET_HEADER +
            rs_read_range(fd, cursor->bytes + RS_PACKET_HEADER, align_event(size) - RS_PACKET_HEADER, RS_PACKET_HEADER);
    if (count < size) {
        rs_damage_set(&cursor->damage, count, "the rest of the file cannot be read");
        size = count;
        memset(cursor->bytes + size, 0, align_event(size) - size);
    }
    if (rs_read_range(fd, &again, sizeof again, 0) != sizeof again) again = packet;
    /* In a server that still runs the flight recorder may have taken the file for another packet meanwhile. */
    if (again.context.header_check != packet.context.header_check) {
        cursor->damage = (struct rs_damage){0};
        return RS_PACKET_GONE;
    }
    /* It adds events, too: then the tail says nothing. */
    if (!cursor->damage.found && again.context.content_size == packet.context.content_size)
        check_tail(fd, size, file_size, packet.context.timestamp_end, &cursor->damage);
    cursor->size = size;
    cursor->position = RS_PACKET_HEADER;
    return RS_PACKET_READ;
}

void rs_packet_finish(struct rs_packet_cursor *cursor) {
    const struct rs_packet *packet = (const struct rs_packet *)(const void *)cursor->bytes;
    uint64_t last;
    if (!cursor->size || cursor->damage.found) return;
    last = cursor->events ? cursor->last_time : packet->context.timestamp_begin;
    if (packet->context.timestamp_end != last)
        rs_damage_set(&cursor->damage, offsetof(struct rs_packet, context.timestamp_end),
                      "the packet ends at time %" PRIu64 ", its events at %" PRIu64, packet->context.timestamp_end,
                      last);
}

void rs_packet_forget(struct rs_packet_cursor *cursor) {
    cursor->size = 0;
    cursor->position = RS_PACKET_HEADER;
    cursor->content_known = false;
    cursor->events = 0;
    cursor->damage.found = false;
}

void rs_packet_close(struct rs_packet_cursor *cursor) {
    free(cursor->bytes);
    cursor->bytes = NULL;
    cursor->space = cursor->size = 0;
}

/* An I/O event, whose check is made without a copy: most events are such. False: look again, slowly. */
static bool take_io(struct rs_packet_cursor *cursor) {
    const struct rs_packet *packet = (const struct rs_packet *)(const void *)cursor->bytes;
    const struct rs_event_io *io = (const struct rs_event_io *)(const void *)(cursor->bytes + cursor->position);
    uint64_t words[sizeof *io / sizeof(uint64_t)], time;
    uint32_t operation;
    if (cursor->size - cursor->position < sizeof *io || io->header.id < EVENT_IO) return false;
    operation = io->header.id - EVENT_IO;
    time = io->header.time;
    memcpy(words, io, sizeof words);
    words[offsetof(struct rs_event_io, check) / sizeof *words] &= ~(uint64_t)UINT32_MAX; /* check is the lower half */
    if (operation >= RS_OP_COUNT || rs_event_check(words, sizeof words, packet->context.header_check) != io->check)
        return false;
    if (time <= cursor->last_time || time < packet->context.timestamp_begin) return false;
    cursor->position += sizeof *io;
    cursor->events++;
    cursor->last_time = time;
    cursor->event = (struct rs_read_event){
        .header = &io->header,
        .number = RS_EVENT_IO,
        .operation = operation,
        .thread = cursor->thread,
        .strings = {"", ""},
    };
    return true;
}

/* Reads the event at the cursor and steps over it; false when it is none: the packet's damage says why. */
static bool take_event(struct rs_packet_cursor *cursor) {
    struct rs_damage damage = {0};
    size_t size = decode_event(cursor, &damage), end = cursor->position + size;
    if (!size) {
        /* Where the content's end is not known, running out of events is no damage of its own. */
        if (cursor->content_known || !cursor->damage.found) cursor->damage = damage;
        cursor->position = cursor->size;
        return false;
    }
    cursor->position += align_event(size);
    if (cursor->content_known && cursor->position >= cursor->size && end != cursor->size)
        rs_damage_set(&cursor->damage, offsetof(struct rs_packet, context.content_size),
                      "the content ends at byte %zu, its last event at %zu", cursor->size, end);
    cursor->events++;
    cursor->last_time = cursor->event.header->time;
    if (cursor->event.number == RS_EVENT_thread)
        cursor->thread = ((const struct rs_event_thread *)(const void *)cursor->event.header)->thread;
    cursor->event.thread = cursor->thread;
    return true;
}

bool rs_packet_next(struct rs_packet_cursor *cursor) {
    if (cursor->position >= cursor->size) return false;
    return take_io(cursor) || take_event(cursor);
}
