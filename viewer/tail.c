/* tail.c: see tail.h. From the top down: events, packets, streams, folders. */
#include "viewer/tail.h"
#include "tracer/packet.h"
#include "tracer/shapes.h"
#include "viewer/memory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PACKET_HEADER sizeof(struct rs_packet)
#define WINDOW ((size_t)64 << 10) /* holds any event */
/* Zeros that follow the window: what tells an event's length may look so far past its end. */
#define WINDOW_SLACK ((size_t)RS_EVENT_MAX + 2 * RS_STRING_MAX)

struct folder;

/* One stream. Its packet is the one that it stands in, which may be read to its end as far as it is filled, or gone. */
struct cursor {
    struct folder *folder;
    uint64_t stream;
    const struct rs_packet_file *next, *end; /* of this look: the stream's packets after this one */
    uint64_t oldest;                         /* of this look: the stream's first packet */
    uint64_t marked;                         /* what that was at the last tail_mark */
    uint64_t sequence;                       /* of the packet */
    size_t position;                         /* in its file: of the next event */
    uint64_t count, count_before;            /* events read from it, and from the one before */
    uint64_t last_time;
    uint64_t discarded;    /* by the recorder, as the stream's packets say */
    unsigned char *window; /* bytes of the file from window_at on */
    size_t window_at, window_size;
    uint64_t header_check; /* of the packet that they are of */
    struct tail_event event;
    bool kept;
    bool gone;           /* the packet was given up */
    bool stuck;          /* at `position` is no event: it may still come right while the packet is written */
    bool damage_counted; /* of the packet */
    bool discarded_known;
    bool window_is_last; /* it ends where the content does */
    bool has_event;
};

struct folder {
    struct folder *next;
    void *process;
    int fd;
    struct rs_packet_file *files; /* as listed by the last look, in the order of streams and sequences */
    size_t file_count, file_space;
    struct cursor **cursors; /* in the order of streams */
    size_t cursor_count, cursor_space;
    bool looked; /* once already */
    bool uuid_known;
    uint8_t uuid[16];
};

struct tail {
    struct folder *folders;
    struct cursor **heap; /* those that have an event; the earliest is heap[0] */
    size_t heap_size, heap_space;
    bool delivered; /* heap[0]'s event was: it must go on */
    struct tail_totals totals;
};

/* ---- events ---- */

enum answer {
    ANSWER_DONE,
    ANSWER_NO_MORE, /* not now */
    ANSWER_GONE,    /* the file is, or is another packet's */
    ANSWER_DAMAGED
};

static bool is_known(uint32_t id) {
    switch (id) {
#define EVENT(number, name) case number:
#include "tracer/events.def"
#undef EVENT
        return true;
    default:
        return id >= EVENT_IO && id - EVENT_IO < RS_OP_COUNT;
    }
}

/* Where the event's first string begins; NULL: it has none. */
static const char *first_string(const struct rs_event_header *header) {
#define NO_FIELD(name)
#define ONE_STRING(name) +1
#define NO_SEQUENCE(length, name)
    const char *at = (const char *)header;
    switch (header->id) {
#define EVENT(number, name)                                                                 \
    case number:                                                                            \
        return 0 EVENT_FIELDS_##name(NO_FIELD, NO_FIELD, NO_FIELD, ONE_STRING, NO_SEQUENCE) \
                   ? at + sizeof(struct rs_event_##name)                                    \
                   : NULL;
#include "tracer/events.def"
#undef EVENT
    default:
        return NULL;
    }
}

static bool check_is_right(unsigned char *bytes, size_t padded, uint64_t header_check) {
    struct rs_event_start *start = (struct rs_event_start *)(void *)bytes;
    uint32_t check = start->check;
    bool right;
    start->check = 0;
    right = rs_event_check(bytes, padded, header_check) == check;
    start->check = check;
    return right;
}

/* Reads the event at the cursor's position, as far as it is in the window: *size is its own. */
static enum answer decode(struct cursor *cursor, uint32_t *size) {
    size_t available = cursor->window_at + cursor->window_size - cursor->position;
    unsigned char *bytes = cursor->window + (cursor->position - cursor->window_at);
    const struct rs_event_header *header = (const struct rs_event_header *)(const void *)bytes;
    const char *text;
    /* In mid-content the window may end in mid-event. */
    if (available < (cursor->window_is_last ? sizeof(struct rs_event_start) : RS_EVENT_MAX)) return ANSWER_NO_MORE;
    if (!is_known(header->id)) return ANSWER_DAMAGED;
    *size = rs_event_size((const char *)bytes, (const char *)bytes + available);
    if (!*size || *size > available) return ANSWER_DAMAGED;
    if (*size > RS_EVENT_MAX || !check_is_right(bytes, rs_event_padded(*size), cursor->header_check) ||
        header->time <= cursor->last_time)
        return ANSWER_DAMAGED;
    text = first_string(header);
    cursor->event = (struct tail_event){
        .process = cursor->folder->process,
        .header = header,
        .number = header->id >= EVENT_IO ? (uint32_t)RS_EVENT_IO : header->id,
        .operation = header->id >= EVENT_IO ? header->id - EVENT_IO : (uint32_t)RS_OP_none,
        .text = text ? text : "",
        .stream = cursor->stream,
        .sequence = cursor->sequence,
        .kept = cursor->kept,
    };
    return ANSWER_DONE;
}

/* ---- packets ---- */

static int open_packet(const struct cursor *cursor) {
    struct rs_packet_file file = {.stream = cursor->stream, .sequence = cursor->sequence, .kept = cursor->kept};
    char name[RS_PACKET_NAME];
    return openat(cursor->folder->fd, rs_packet_name(&file, name), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
}

static bool header_is_right(struct cursor *cursor, const struct rs_packet *packet) {
    struct folder *folder = cursor->folder;
    uint64_t content = packet->context.content_size;
    if (packet->header.magic != RS_CTF_MAGIC || packet->header.stream_id != RS_STREAM_CLASS ||
        packet->header.stream_instance_id != (cursor->stream | (cursor->kept ? RS_INSTANCE_KEPT : 0)) ||
        packet->context.packet_seq_num != cursor->sequence || rs_header_check(packet) != packet->context.header_check)
        return false;
    if (content % 8 || content / 8 < PACKET_HEADER || content > packet->context.packet_size) return false;
    if (folder->uuid_known && memcmp(folder->uuid, packet->header.uuid, sizeof folder->uuid) != 0) return false;
    memcpy(folder->uuid, packet->header.uuid, sizeof folder->uuid);
    folder->uuid_known = true;
    return true;
}

/* What the recorder could not write. In a stream whose packets it gives up it counts those, too, and the two cannot be told apart. */
static void note_discarded(struct tail *tail, struct cursor *cursor, uint64_t discarded) {
    bool none_given_up = cursor->kept || !cursor->oldest;
    if (cursor->discarded_known && none_given_up && discarded > cursor->discarded)
        tail->totals.lost_events += discarded - cursor->discarded;
    cursor->discarded_known = true;
    cursor->discarded = discarded;
}

/* Reads on from the cursor's position in the packet's open file. */
static enum answer read_window(struct tail *tail, struct cursor *cursor, int fd) {
    struct rs_packet packet, again;
    size_t content, wanted;
    if (rs_read_range(fd, &packet, sizeof packet, 0) != sizeof packet || !header_is_right(cursor, &packet))
        return ANSWER_DAMAGED;
    note_discarded(tail, cursor, packet.context.events_discarded);
    content = rs_event_padded(packet.context.content_size / 8);
    if (content <= cursor->position) return ANSWER_NO_MORE;
    wanted = content - cursor->position < WINDOW ? content - cursor->position : WINDOW;
    if (!cursor->window) cursor->window = memory_new(WINDOW + WINDOW_SLACK);
    cursor->window_size = rs_read_range(fd, cursor->window, wanted, cursor->position);
    memset(cursor->window + cursor->window_size, 0, WINDOW_SLACK);
    /* The flight recorder may have taken the file for another packet meanwhile. */
    if (rs_read_range(fd, &again, sizeof again, 0) != sizeof again ||
        again.context.header_check != packet.context.header_check) {
        cursor->window_size = 0;
        return ANSWER_GONE;
    }
    cursor->window_at = cursor->position;
    cursor->window_is_last = cursor->window_size < WINDOW || content == cursor->position + WINDOW;
    cursor->header_check = packet.context.header_check;
    return cursor->window_size < wanted && cursor->window_size < sizeof(struct rs_event_start) ? ANSWER_DAMAGED
                                                                                               : ANSWER_DONE;
}

static enum answer fill(struct tail *tail, struct cursor *cursor) {
    enum answer answer;
    int fd = open_packet(cursor);
    if (fd < 0) return errno == ENOENT ? ANSWER_GONE : ANSWER_DAMAGED;
    answer = read_window(tail, cursor, fd);
    close(fd);
    /* A header that is none: was the name taken from the file after it was opened? */
    if (answer == ANSWER_DAMAGED && (fd = open_packet(cursor)) < 0 && errno == ENOENT) return ANSWER_GONE;
    if (answer == ANSWER_DAMAGED && fd >= 0) close(fd);
    return answer;
}

/* The packet's next event. */
static enum answer next_of_packet(struct tail *tail, struct cursor *cursor) {
    uint32_t size = 0;
    enum answer answer = ANSWER_NO_MORE;
    bool inside = cursor->window_size && cursor->position < cursor->window_at + cursor->window_size;
    if (inside) answer = decode(cursor, &size);
    if (answer == ANSWER_NO_MORE) {
        /* The window ends in mid-event, or before it. */
        answer = fill(tail, cursor);
        if (answer != ANSWER_DONE) return answer;
        answer = decode(cursor, &size);
        if (answer == ANSWER_NO_MORE) answer = ANSWER_DAMAGED;
    }
    if (answer != ANSWER_DONE) {
        cursor->window_size = 0;
        return answer;
    }
    cursor->position += rs_event_padded(size);
    cursor->last_time = cursor->event.header->time;
    cursor->count++;
    cursor->stuck = false;
    return ANSWER_DONE;
}

/* ---- streams ---- */

static void lose_packets(struct tail *tail, const struct cursor *cursor, uint64_t count, uint64_t read_of_it) {
    uint64_t usual = cursor->count_before > read_of_it ? cursor->count_before - read_of_it : 1;
    tail->totals.lost_packets += count;
    tail->totals.lost_events += count * usual;
}

static void count_damage(struct tail *tail, struct cursor *cursor) {
    if (!cursor->damage_counted) tail->totals.damages++;
    cursor->damage_counted = true;
}

static void enter_packet(struct cursor *cursor, uint64_t sequence) {
    if (cursor->count) cursor->count_before = cursor->count;
    cursor->sequence = sequence;
    cursor->position = PACKET_HEADER;
    cursor->window_size = 0;
    cursor->count = 0;
    cursor->gone = cursor->stuck = cursor->damage_counted = false;
}

/* Goes on to the stream's next packet; false when this look knows of none. */
static bool next_packet(struct tail *tail, struct cursor *cursor) {
    if (cursor->next == cursor->end) return false;
    if (cursor->stuck) count_damage(tail, cursor);
    if (cursor->next->sequence > cursor->sequence + 1)
        lose_packets(tail, cursor, cursor->next->sequence - cursor->sequence - 1, 0);
    enter_packet(cursor, cursor->next++->sequence);
    return true;
}

/* Puts the cursor on its stream's next event; false when there is none now. */
static bool advance(struct tail *tail, struct cursor *cursor) {
    cursor->has_event = false;
    do {
        enum answer answer = cursor->gone ? ANSWER_GONE : next_of_packet(tail, cursor);
        if (answer == ANSWER_DONE) return cursor->has_event = true;
        if (answer == ANSWER_GONE && !cursor->gone) {
            cursor->gone = true;
            lose_packets(tail, cursor, 1, cursor->count);
        }
        if (answer == ANSWER_DAMAGED) {
            /* The second time: nothing comes of it any more. */
            if (cursor->stuck) count_damage(tail, cursor);
            cursor->stuck = true;
        }
    } while (next_packet(tail, cursor));
    free(cursor->window);
    cursor->window = NULL;
    cursor->window_size = 0;
    return false;
}

static bool is_earlier(const struct cursor *a, const struct cursor *b) {
    uint64_t a_time = a->event.header->time, b_time = b->event.header->time;
    if (a_time != b_time) return a_time < b_time;
    if (a->kept != b->kept) return a->kept;
    return a->stream < b->stream;
}

static void sift_down(struct tail *tail, size_t at) {
    struct cursor **heap = tail->heap;
    for (;;) {
        size_t least = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < tail->heap_size; child++)
            if (is_earlier(heap[child], heap[least])) least = child;
        if (least == at) return;
        struct cursor *moved = heap[at];
        heap[at] = heap[least];
        heap[least] = moved;
        at = least;
    }
}

/* ---- folders ---- */

static int compare_files(const void *left, const void *right) {
    const struct rs_packet_file *a = left, *b = right;
    if (a->kept != b->kept) return a->kept ? -1 : 1;
    if (a->stream != b->stream) return a->stream < b->stream ? -1 : 1;
    return (a->sequence > b->sequence) - (a->sequence < b->sequence);
}

static void list_files(struct folder *folder) {
    struct dirent *entry;
    int fd = openat(folder->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *directory = fd < 0 ? NULL : fdopendir(fd);
    folder->file_count = 0;
    if (!directory) {
        if (fd >= 0) close(fd);
        return;
    }
    while ((entry = readdir(directory))) {
        struct rs_packet_file file;
        if (!rs_packet_parse_name(entry->d_name, &file)) continue;
        folder->files = memory_grow(folder->files, &folder->file_space, folder->file_count + 1, sizeof *folder->files);
        folder->files[folder->file_count++] = file;
    }
    closedir(directory);
    if (folder->file_count) qsort(folder->files, folder->file_count, sizeof *folder->files, compare_files);
}

/* A stream that is new; its first packet is the oldest that there is. */
static struct cursor *add_cursor(struct tail *tail, struct folder *folder, size_t place,
                                 const struct rs_packet_file *first) {
    struct cursor *cursor = memory_new(sizeof *cursor);
    folder->cursors =
        memory_grow(folder->cursors, &folder->cursor_space, folder->cursor_count + 1, sizeof(struct cursor *));
    memmove(folder->cursors + place + 1, folder->cursors + place,
            (folder->cursor_count - place) * sizeof(struct cursor *));
    folder->cursors[place] = cursor;
    folder->cursor_count++;
    cursor->folder = folder;
    cursor->stream = first->stream;
    cursor->kept = first->kept;
    enter_packet(cursor, first->sequence);
    /* What was given up before anybody looked was not to be had. */
    if (folder->looked && first->sequence) lose_packets(tail, cursor, first->sequence, 0);
    return cursor;
}

/* Tells each cursor which packets there are. */
static void look_at(struct tail *tail, struct folder *folder) {
    const struct rs_packet_file *file, *end;
    size_t place = 0;
    for (size_t i = 0; i < folder->cursor_count; i++) folder->cursors[i]->next = folder->cursors[i]->end = NULL;
    list_files(folder);
    file = folder->files;
    end = file + folder->file_count;
    while (file < end) {
        const struct rs_packet_file *first = file;
        struct cursor *cursor;
        while (file < end && file->kept == first->kept && file->stream == first->stream) file++;
        while (place < folder->cursor_count &&
               (folder->cursors[place]->kept > first->kept ||
                (folder->cursors[place]->kept == first->kept && folder->cursors[place]->stream < first->stream)))
            place++;
        cursor = place < folder->cursor_count ? folder->cursors[place] : NULL;
        if (!cursor || cursor->kept != first->kept || cursor->stream != first->stream)
            cursor = add_cursor(tail, folder, place, first);
        cursor->oldest = first->sequence;
        while (first < file && first->sequence <= cursor->sequence) first++;
        cursor->next = first;
        cursor->end = file;
    }
    folder->looked = true;
}

struct tail *tail_open(void) {
    return memory_new(sizeof(struct tail));
}

bool tail_add(struct tail *tail, const char *path, void *process) {
    struct folder *folder;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return false;
    folder = memory_new(sizeof *folder);
    folder->fd = fd;
    folder->process = process;
    folder->next = tail->folders;
    tail->folders = folder;
    return true;
}

static void free_folder(struct folder *folder) {
    for (size_t i = 0; i < folder->cursor_count; i++) {
        free(folder->cursors[i]->window);
        free(folder->cursors[i]);
    }
    close(folder->fd);
    free(folder->cursors);
    free(folder->files);
    free(folder);
}

void tail_remove(struct tail *tail, const void *process) {
    if (tail->delivered) advance(tail, tail->heap[0]);
    tail->delivered = false;
    tail->heap_size = 0; /* until the next look */
    for (struct folder **link = &tail->folders, *folder; (folder = *link);) {
        if (folder->process != process) {
            link = &folder->next;
            continue;
        }
        *link = folder->next;
        free_folder(folder);
    }
}

void tail_look(struct tail *tail) {
    if (tail->delivered) advance(tail, tail->heap[0]);
    tail->delivered = false;
    tail->heap_size = 0;
    for (struct folder *folder = tail->folders; folder; folder = folder->next) {
        look_at(tail, folder);
        tail->heap =
            memory_grow(tail->heap, &tail->heap_space, tail->heap_size + folder->cursor_count, sizeof(struct cursor *));
        for (size_t i = 0; i < folder->cursor_count; i++)
            if (folder->cursors[i]->has_event || advance(tail, folder->cursors[i]))
                tail->heap[tail->heap_size++] = folder->cursors[i];
    }
    for (size_t i = tail->heap_size / 2; i--;) sift_down(tail, i);
}

bool tail_next(struct tail *tail, uint64_t until, struct tail_event *event) {
    if (tail->delivered) {
        if (!advance(tail, tail->heap[0])) tail->heap[0] = tail->heap[--tail->heap_size];
        sift_down(tail, 0);
        tail->delivered = false;
    }
    if (!tail->heap_size || tail->heap[0]->event.header->time > until) return false;
    *event = tail->heap[0]->event;
    tail->delivered = true;
    tail->totals.events++;
    return true;
}

struct tail_totals tail_totals(const struct tail *tail) {
    return tail->totals;
}

void tail_close(struct tail *tail) {
    if (!tail) return;
    while (tail->folders) {
        struct folder *next = tail->folders->next;
        free_folder(tail->folders);
        tail->folders = next;
    }
    free(tail->heap);
    free(tail);
}

void tail_mark(struct tail *tail) {
    for (struct folder *folder = tail->folders; folder; folder = folder->next)
        for (size_t i = 0; i < folder->cursor_count; i++) folder->cursors[i]->marked = folder->cursors[i]->oldest;
}

bool tail_has(const struct tail *tail, const void *process, uint64_t stream, uint64_t sequence) {
    for (const struct folder *folder = tail->folders; folder; folder = folder->next) {
        if (folder->process != process) continue;
        for (size_t i = 0; i < folder->cursor_count; i++)
            if (!folder->cursors[i]->kept && folder->cursors[i]->stream == stream)
                return sequence >= folder->cursors[i]->marked;
    }
    return true;
}

#define PEEKED 64 /* events: the process is the first, but for those that say whose the streams are */

bool tail_peek(const char *folder, struct rs_event_process *process) {
    struct tail *tail = tail_open();
    struct tail_event event;
    bool found = false;
    if (tail_add(tail, folder, NULL)) tail_look(tail);
    for (unsigned i = 0; i < PEEKED && !found && tail_next(tail, UINT64_MAX, &event); i++) {
        found = event.number == RS_EVENT_process;
        if (found) memcpy(process, event.header, sizeof *process);
    }
    tail_close(tail);
    return found;
}
