/* recorder.c: streams, packets, and the flight recorder. recorder.h draws it.
 *
 * Order of things that makes every instant a good one to be killed at: a packet's file is allocated, mapped and headed
 * under a dot name, then renamed; a packet that is given up is unlinked; a packet that is cut is written anew under a dot
 * name and renamed over itself. */
#include "tracer/recorder.h"
#include "tracer/folder.h"
#include "tracer/shapes.h"
#include "tracer/text.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define MAX_STREAMS 4096u
#define PIECE (64u << 10) /* memory is made ready by so much at a time */
#define IO_PACKET_FIRST (64u << 10)
#define IO_PACKET_MOST (1u << 20)
#define KEPT_PACKET_FIRST (16u << 10)
#define KEPT_PACKET_MOST (256u << 10)
#define FULL_PACKETS 65536u

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

__thread struct rs_trace_thread rs_trace_thread __attribute__((tls_model("initial-exec")));
bool rs_tracing;

static struct {
    const struct rs_trace_host *host;
    struct rs_trace_settings settings;
    struct rs_folder folder;
    int begun; /* 0 not yet (a fork's child), 1 being done, 2 done */
    uint32_t io_packet_most;
    uint64_t bytes; /* all packets' */
    struct rs_stream *streams;
    uint32_t stream_count; /* ever used */
    /* Full I/O packets, oldest first: pack_full(); 0: being put in. */
    uint64_t *full;
    uint64_t full_head, full_tail;
} trace;

/* ---- names ---------------------------------------------------------------------------------------------------- */

/* ".stream_3_0": the name while it is made; from the second character on its name as part of the trace. */
static void packet_name(char name[64], bool kept, uint32_t stream, uint64_t sequence) {
    struct rs_text text = rs_text_in(name, 64);
    rs_text_add(&text, kept ? ".kept_" : ".stream_");
    rs_text_number(&text, stream);
    rs_text_add(&text, "_");
    rs_text_number(&text, sequence);
}

/* ---- failing -------------------------------------------------------------------------------------------------- */

static RS_COLD void fail(const char *what, const char *where, long error) {
    bool was = __atomic_exchange_n(&rs_tracing, false, __ATOMIC_RELAXED);
    if (was || trace.begun != 2) trace.host->failed(what, where, (int)-error);
    trace.begun = 2;
}

/* A folder, metadata and the first events for this process. */
static RS_COLD bool begin(void) {
    long home = rs_folder_make_home(&trace.folder);
    if (home < 0) {
        fail("cannot make a folder for this process in", trace.folder.path, home);
        return false;
    }
    trace.folder.home = trace.host->keep_descriptor((int)home);
    long written = rs_folder_write_metadata(&trace.folder);
    if (written < 0) {
        fail("cannot write metadata in", trace.folder.path, written);
        return false;
    }
    __atomic_store_n(&trace.begun, 2, __ATOMIC_RELEASE);
    trace.host->begun();
    return true;
}

/* ---- packets ---------------------------------------------------------------------------------------------------- */

static uint32_t next_packet_size(const struct rs_writer *writer) {
    uint32_t first = writer->kept ? KEPT_PACKET_FIRST : IO_PACKET_FIRST;
    uint32_t most = writer->kept ? KEPT_PACKET_MOST : trace.io_packet_most;
    if (!writer->packet_size) return first < most ? first : most;
    uint64_t size = writer->packet_size * 4;
    return (uint32_t)(size < most ? size : most);
}

/* A full I/O packet in the queue. `plain`: but for I/O calls nothing is in it that anybody could still need. */
struct full_packet {
    uint32_t stream;
    bool plain;
    uint64_t sequence;
};

static uint64_t pack_full(struct full_packet full) {
    return ((uint64_t)full.stream << 41 | (uint64_t)full.plain << 40 | full.sequence) + 1;
}

static struct full_packet unpack_full(uint64_t entry) {
    entry--;
    return (struct full_packet){(uint32_t)(entry >> 41), entry >> 40 & 1, entry & ((1ull << 40) - 1)};
}

static void note_full(struct full_packet full) {
    uint64_t at = __atomic_fetch_add(&trace.full_tail, 1, __ATOMIC_ACQ_REL);
    __atomic_store_n(&trace.full[at % FULL_PACKETS], pack_full(full), __ATOMIC_RELEASE);
}

/* Takes the oldest full I/O packet out of the queue; false when there is none, or (only_plain) it is not plain. */
static bool take_oldest(struct full_packet *full, bool only_plain) {
    for (;;) {
        uint64_t head = __atomic_load_n(&trace.full_head, __ATOMIC_ACQUIRE);
        if (head == __atomic_load_n(&trace.full_tail, __ATOMIC_ACQUIRE)) return false;
        uint64_t entry = __atomic_load_n(&trace.full[head % FULL_PACKETS], __ATOMIC_ACQUIRE);
        if (!entry) return false;
        *full = unpack_full(entry);
        if (only_plain && !full->plain) return false;
        if (__atomic_compare_exchange_n(&trace.full_head, &head, head + 1, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
            __atomic_store_n(&trace.full[head % FULL_PACKETS], 0, __ATOMIC_RELEASE);
            return true;
        }
    }
}

static void release_bytes(uint64_t size) {
    __atomic_fetch_sub(&trace.bytes, size, __ATOMIC_RELAXED);
}

static bool rerecord(const struct rs_event_header *event, uint32_t size);

/* Writes what is still needed of a packet again, counts the rest as given up, and returns the packet's size. */
static uint64_t give_up(struct rs_stream *stream, const char *name) {
    struct stat status;
    long fd = rs_sys(SYS_openat, trace.folder.home, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) return 0;
    const char *bytes = NULL;
    if (!rs_sys(SYS_fstat, fd, &status)) {
        bytes = rs_sys_mmap((uint64_t)status.st_size, PROT_READ, MAP_SHARED, (int)fd);
    }
    rs_sys(SYS_close, fd);
    rs_sys(SYS_unlinkat, trace.folder.home, name, 0);
    if (!bytes) return 0;
    const struct rs_packet *packet = (const struct rs_packet *)(const void *)bytes;
    const char *end = bytes + packet->context.content_size / 8;
    uint64_t lost = 0;
    for (const char *at = bytes + sizeof *packet; at < end;) {
        uint32_t size = rs_event_size(at, end);
        if (!size) break;
        const struct rs_event_header *event = (const struct rs_event_header *)(const void *)at;
        bool carried = event->id < EVENT_IO && trace.host->needed(event) && rerecord(event, size);
        if (!carried) lost++;
        at += size;
    }
    uint64_t total = (uint64_t)status.st_size;
    rs_sys(SYS_munmap, bytes, total);
    __atomic_fetch_add(&stream->io.discarded, lost, __ATOMIC_RELAXED);
    return total;
}

/* Allocates the space for a packet. A hole would be a SIGBUS when the disk is full. */
static long allocate(int fd, uint32_t size) {
    long result = rs_sys(SYS_fallocate, fd, 0, 0, size);
    if (result != -EOPNOTSUPP && result != -ENOSYS && result != -EPERM) return result;
    static const char zeros[4096];
    for (uint32_t done = 0; done < size; done += sizeof zeros) {
        long written = rs_sys(SYS_pwrite64, fd, zeros, sizeof zeros, done);
        if (written != sizeof zeros) return written < 0 ? written : -ENOSPC;
    }
    return 0;
}

static void fill_header(struct rs_packet *packet, struct rs_stream *stream, struct rs_writer *writer, uint64_t size,
                        uint64_t now) {
    packet->header.magic = RS_CTF_MAGIC;
    memcpy(packet->header.uuid, trace.folder.uuid, sizeof trace.folder.uuid);
    packet->header.stream_id = RS_STREAM_CLASS;
    packet->header.stream_instance_id = stream->number | (writer->kept ? RS_INSTANCE_KEPT : 0);
    packet->context.timestamp_begin = now;
    packet->context.timestamp_end = now;
    packet->context.events_discarded = __atomic_load_n(&writer->discarded, __ATOMIC_RELAXED);
    packet->context.packet_seq_num = writer->sequence;
    packet->context.packet_size = size * 8;
    packet->context.content_size = sizeof *packet * 8;
    packet->context.header_check = rs_header_check(packet);
}

/* Makes the memory from the writer's limit on ready, so that no event has to wait for a page fault. */
static void populate(struct rs_writer *writer) {
    char *begin = (char *)writer->packet;
    uint64_t ready = (uint64_t)(writer->limit - begin);
    uint64_t more = writer->packet_size - ready < PIECE ? writer->packet_size - ready : PIECE;
    rs_sys(SYS_madvise, writer->limit, more, MADV_POPULATE_WRITE);
    writer->limit += more;
}

/* A new file, allocated and mapped, still under its dot name; NULL after fail(). */
static struct rs_packet *map_packet(const char *name, uint32_t size) {
    long fd = rs_sys(SYS_openat, trace.folder.home, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd == -EMFILE || fd == -ENFILE)
        return NULL; /* the program's fds are used up: the event is lost, tracing is not */
    if (fd < 0) {
        fail("cannot make a file in", trace.folder.path, fd);
        return NULL;
    }
    long allocated = allocate((int)fd, size);
    struct rs_packet *packet = allocated ? NULL : rs_sys_mmap(size, PROT_READ | PROT_WRITE, MAP_SHARED, (int)fd);
    rs_sys(SYS_close, fd);
    if (!packet) {
        rs_sys(SYS_unlinkat, trace.folder.home, name, 0);
        fail("cannot get space for a packet in", trace.folder.path, allocated ? allocated : -ENOMEM);
    }
    return packet;
}

/* At the bound, the oldest packet's file serves again as the new one: its pages are there already. Only a plain one of the
 * same size; NULL: make a new file. */
static struct rs_packet *reuse_oldest(const char *hidden, uint32_t size) {
    char name[64];
    struct full_packet full;
    struct stat status;
    if (!trace.settings.max_bytes ||
        __atomic_load_n(&trace.bytes, __ATOMIC_RELAXED) + size <= trace.settings.max_bytes ||
        !take_oldest(&full, true)) {
        return NULL;
    }
    packet_name(name, false, full.stream, full.sequence);
    if (rs_sys(SYS_renameat, trace.folder.home, name + 1, trace.folder.home, hidden)) return NULL;
    struct rs_packet *packet = NULL;
    long fd = rs_sys(SYS_openat, trace.folder.home, hidden, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd >= 0 && !rs_sys(SYS_fstat, fd, &status)) {
        release_bytes((uint64_t)status.st_size);
        if (status.st_size == size)
            packet = rs_sys_mmap(size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, (int)fd);
    }
    if (fd >= 0) rs_sys(SYS_close, fd);
    if (!packet) {
        rs_sys(SYS_unlinkat, trace.folder.home, hidden, 0);
        return NULL;
    }
    uint64_t events = packet->context.content_size / 8 - sizeof *packet;
    __atomic_fetch_add(&trace.streams[full.stream].io.discarded, events / sizeof(struct rs_event_io), __ATOMIC_RELAXED);
    memset(packet, 0, size);
    return packet;
}

static bool open_packet(struct rs_stream *stream, struct rs_writer *writer) {
    char name[64];
    uint32_t size = next_packet_size(writer);
    packet_name(name, writer->kept, stream->number, writer->sequence);
    struct rs_packet *packet = writer->kept ? NULL : reuse_oldest(name, size);
    if (!packet) packet = map_packet(name, size);
    if (!packet) return false;
    uint64_t now = rs_clock_now(&stream->clock);
    if (now < writer->last_time) now = writer->last_time;
    fill_header(packet, stream, writer, size, now);
    long renamed = rs_sys(SYS_renameat, trace.folder.home, name, trace.folder.home, name + 1);
    if (renamed) {
        rs_sys(SYS_munmap, packet, size);
        fail("cannot name a packet in", trace.folder.path, renamed);
        return false;
    }
    __atomic_fetch_add(&trace.bytes, size, __ATOMIC_RELAXED);
    writer->packet = packet;
    writer->packet_size = size;
    writer->header_check = packet->context.header_check;
    writer->last_time = now;
    writer->plain = true;
    writer->position = (char *)packet + sizeof *packet;
    writer->limit = (char *)packet;
    populate(writer);
    return true;
}

static void close_packet(struct rs_stream *stream, struct rs_writer *writer) {
    if (!writer->packet) return;
    rs_sys(SYS_munmap, writer->packet, writer->packet_size);
    writer->packet = NULL;
    writer->position = writer->limit = NULL;
    if (!writer->kept) note_full((struct full_packet){stream->number, writer->plain, writer->sequence});
    writer->sequence++;
}

/* Gives up the oldest packets until all fit the bound. */
static void keep_bound(void) {
    struct full_packet full;
    while (trace.settings.max_bytes && __atomic_load_n(&trace.bytes, __ATOMIC_RELAXED) > trace.settings.max_bytes &&
           take_oldest(&full, false)) {
        char name[64];
        packet_name(name, false, full.stream, full.sequence);
        release_bytes(give_up(&trace.streams[full.stream], name + 1));
    }
}

static void record_thread(struct rs_stream *stream);

/* Room for `size` more bytes in the writer. Called with depth raised: nobody else uses this writer. */
static RS_COLD bool make_room(struct rs_stream *stream, struct rs_writer *writer, uint32_t size) {
    while (writer->packet && (uint64_t)(writer->limit - (char *)writer->packet) < writer->packet_size &&
           (uint64_t)(writer->limit - writer->position) < size) {
        populate(writer);
    }
    if (writer->packet && (uint64_t)(writer->limit - writer->position) >= size) return true;
    close_packet(stream, writer);
    if (!open_packet(stream, writer)) return false;
    record_thread(stream);
    if (!writer->kept && !stream->bounding) {
        stream->bounding = true;
        keep_bound();
        stream->bounding = false;
    }
    return writer->packet && (uint64_t)(writer->limit - writer->position) >= size;
}

/* ---- streams ---------------------------------------------------------------------------------------------------- */

uint32_t rs_trace_tid(void) {
    if (rs_unlikely(!rs_trace_thread.tid)) rs_trace_thread.tid = (uint32_t)rs_sys(SYS_gettid);
    return rs_trace_thread.tid;
}

static bool thread_is_gone(uint32_t tid) {
    return rs_sys(SYS_tgkill, rs_sys(SYS_getpid), tid, 0) == -ESRCH;
}

/* Only one thread gets it, a new one (from = 0) as well: others see a new number as soon as it is given out. */
static bool claim(struct rs_stream *stream, uint32_t from, uint32_t tid) {
    if (!__atomic_compare_exchange_n(&stream->thread, &from, tid, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
        return false;
    stream->number = (uint32_t)(stream - trace.streams);
    stream->kept.kept = true;
    return true;
}

static uint32_t streams_used(void) {
    uint32_t used = __atomic_load_n(&trace.stream_count, __ATOMIC_ACQUIRE);
    return used < MAX_STREAMS ? used : MAX_STREAMS;
}

/* A stream whose thread has ended, or a new one; NULL when there are MAX_STREAMS threads. */
static struct rs_stream *find_stream(uint32_t tid) {
    uint32_t used = streams_used();
    for (uint32_t i = 0; i < used; i++) {
        uint32_t owner = __atomic_load_n(&trace.streams[i].thread, __ATOMIC_RELAXED);
        bool free = !owner || (owner != tid && thread_is_gone(owner));
        if (free && claim(&trace.streams[i], owner, tid)) return &trace.streams[i];
    }
    while (__atomic_load_n(&trace.stream_count, __ATOMIC_RELAXED) < MAX_STREAMS) {
        uint32_t number = __atomic_fetch_add(&trace.stream_count, 1, __ATOMIC_ACQ_REL);
        if (number < MAX_STREAMS && claim(&trace.streams[number], 0, tid)) return &trace.streams[number];
    }
    return NULL;
}

/* Begins the trace at a fork child's first event. Only one thread does it; what others record meanwhile is lost. */
static bool ensure_begun(void) {
    if (rs_likely(__atomic_load_n(&trace.begun, __ATOMIC_ACQUIRE) == 2)) return true;
    int none = 0;
    if (!__atomic_compare_exchange_n(&trace.begun, &none, 1, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) return false;
    return begin() && rs_tracing;
}

/* This thread's stream for the present depth. */
static struct rs_stream *own_stream(struct rs_trace_thread *thread, uint32_t depth) {
    if (!thread->streams[depth]) thread->streams[depth] = find_stream(rs_trace_tid());
    return thread->streams[depth];
}

/* ---- events ----------------------------------------------------------------------------------------------------- */

struct parts {
    const void *fixed;
    uint32_t size;
    const char *const *strings;
    uint32_t string_count;
    const uint64_t *words;
    uint32_t word_count;
};

static uint32_t parts_size(const struct parts *parts) {
    uint64_t size = parts->size;
    for (uint32_t i = 0; i < parts->string_count; i++) size += rs_event_string_length(parts->strings[i]) + 1;
    return (uint32_t)(size + parts->word_count * sizeof(uint64_t));
}

static void copy_parts(char *at, const struct parts *parts) {
    size_t begun = sizeof(struct rs_event_header); /* the header is there */
    memcpy(at + begun, (const char *)parts->fixed + begun, parts->size - begun);
    at += parts->size;
    for (uint32_t i = 0; i < parts->string_count; i++) {
        uint32_t length = rs_event_string_length(parts->strings[i]);
        memcpy(at, parts->strings[i], length);
        at += length;
        *at++ = 0;
    }
    if (parts->word_count) memcpy(at, parts->words, parts->word_count * sizeof(uint64_t));
}

/* Writes one event; depth is raised, so this thread has the writer alone. */
static bool write_event(struct rs_stream *stream, struct rs_writer *writer, const struct parts *parts) {
    uint32_t exact = parts_size(parts);
    uint32_t size = rs_event_padded(exact);
    if (size > RS_EVENT_MAX) return false;
    bool room = writer->packet && (size_t)(writer->limit - writer->position) >= size;
    if (!room && !make_room(stream, writer, size)) return false;
    struct rs_event_start *event = (struct rs_event_start *)(void *)writer->position;
    const struct rs_event_header *header = parts->fixed;
    uint64_t time = rs_clock_now(&stream->clock);
    if (time <= writer->last_time) time = writer->last_time + 1;
    rs_trace_begin(writer, time, header->id | (uint64_t)(uint32_t)header->fd << 32);
    memset(writer->position + exact, 0, size - exact);
    copy_parts(writer->position, parts);
    if (header->id < EVENT_IO && header->id != RS_EVENT_thread) writer->plain = false;
    event->check = 0;
    event->check = rs_event_check(event, size, writer->header_check);
    rs_trace_commit(writer, writer->position + exact, event->header.time);
    return true;
}

/* Both writers of a stream learn which thread writes from now on. */
static void record_thread(struct rs_stream *stream) {
    char name[32] = "";
    rs_sys(SYS_prctl, 16 /* PR_GET_NAME */, name, 0, 0, 0);
    const char *strings[] = {name};
    struct rs_event_thread event = {.header = {.id = RS_EVENT_thread, .fd = -1},
                                    .thread = __atomic_load_n(&stream->thread, __ATOMIC_RELAXED)};
    struct parts parts = {&event, offsetof(struct rs_event_thread, thread) + 4, strings, 1, NULL, 0};
    if (stream->io.packet) write_event(stream, &stream->io, &parts);
    if (stream->kept.packet) write_event(stream, &stream->kept, &parts);
}

/* Raises the depth and finds the writer; NULL (depth as it was): the event is lost. */
static struct rs_stream *enter(struct rs_trace_thread *thread, uint32_t *depth) {
    *depth = thread->depth;
    if (*depth >= RS_TRACE_DEPTHS) return NULL;
    thread->depth = *depth + 1;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    bool fresh = !thread->streams[*depth];
    struct rs_stream *stream = own_stream(thread, *depth);
    if (!stream) {
        thread->depth = *depth;
        return NULL;
    }
    if (fresh) record_thread(stream);
    return stream;
}

static void leave(struct rs_trace_thread *thread, uint32_t depth) {
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    thread->depth = depth;
}

static bool record(const struct parts *parts, bool kept) {
    if (!ensure_begun()) return false;
    struct rs_trace_thread *thread = &rs_trace_thread;
    uint32_t depth;
    struct rs_stream *stream = enter(thread, &depth);
    if (!stream) return false;
    struct rs_writer *writer = kept ? &stream->kept : &stream->io;
    bool written = write_event(stream, writer, parts);
    if (!written) __atomic_fetch_add(&writer->discarded, 1, __ATOMIC_RELAXED);
    leave(thread, depth);
    return written;
}

bool rs_record(const void *fixed, uint32_t size, const char *const *strings, uint32_t string_count,
               const uint64_t *words, uint32_t word_count, bool kept) {
    if (!rs_tracing) return false;
    struct parts parts = {fixed, size, strings, string_count, words, word_count};
    return record(&parts, kept);
}

RS_COLD void rs_record_io_slow(int fd, uint32_t operation, int64_t result, uint64_t description, uint64_t context) {
    if (!rs_tracing) return;
    struct rs_event_io event = {
        .header = {.id = EVENT_IO + operation, .fd = fd},
        .result = (int32_t)(result > INT32_MAX ? INT32_MAX : result),
        .description = description,
        .context = context,
    };
    struct parts parts = {&event, sizeof event, NULL, 0, NULL, 0};
    record(&parts, false);
}

/* A needed event of a packet that is given up, once more, in this thread's stream. Called with depth raised. */
static bool rerecord(const struct rs_event_header *event, uint32_t size) {
    struct rs_trace_thread *thread = &rs_trace_thread;
    struct rs_stream *stream = thread->streams[thread->depth - 1];
    if (event->id == RS_EVENT_open) {
        char copy[RS_EVENT_MAX];
        memcpy(copy, event, size);
        ((struct rs_event_open *)(void *)copy)->flags |= RS_OPEN_CARRIED;
        struct parts carried = {copy, size, NULL, 0, NULL, 0};
        return write_event(stream, &stream->io, &carried);
    }
    struct parts parts = {event, size, NULL, 0, NULL, 0};
    return write_event(stream, &stream->io, &parts);
}

/* ---- life ------------------------------------------------------------------------------------------------------- */

bool rs_trace_start(const struct rs_trace_settings *settings, const struct rs_trace_host *host) {
    trace.host = host;
    trace.settings = *settings;
    rs_folder_set_process(&trace.folder, settings->process);
    trace.io_packet_most = IO_PACKET_MOST;
    while (settings->max_bytes && trace.io_packet_most > IO_PACKET_FIRST &&
           trace.io_packet_most > settings->max_bytes / 4) {
        trace.io_packet_most /= 2;
    }
    long root = rs_folder_open(&trace.folder, settings->folder);
    if (root < 0) {
        fail("cannot make or open the folder", trace.folder.path, root);
        return false;
    }
    trace.folder.root = host->keep_descriptor((int)root);
    trace.streams = rs_sys_mmap(MAX_STREAMS * sizeof *trace.streams, PROT_READ | PROT_WRITE,
                                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);
    trace.full = rs_sys_mmap(FULL_PACKETS * sizeof *trace.full, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);
    if (!trace.streams || !trace.full) {
        fail("no memory for recording in", trace.folder.path, -ENOMEM);
        return false;
    }
    rs_tracing = true;
    trace.begun = 1;
    return begin() && rs_tracing;
}

void rs_trace_forked(void) {
    if (!rs_tracing) return;
    uint32_t used = streams_used();
    for (uint32_t i = 0; i < used; i++) {
        struct rs_stream *stream = &trace.streams[i];
        if (stream->io.packet) rs_sys(SYS_munmap, stream->io.packet, stream->io.packet_size);
        if (stream->kept.packet) rs_sys(SYS_munmap, stream->kept.packet, stream->kept.packet_size);
        memset(stream, 0, sizeof *stream);
    }
    memset(trace.full, 0, FULL_PACKETS * sizeof *trace.full);
    memset(&rs_trace_thread, 0, sizeof rs_trace_thread);
    trace.full_head = trace.full_tail = trace.bytes = 0;
    trace.stream_count = 0;
    if (trace.folder.home >= 0) trace.host->release_descriptor(trace.folder.home);
    trace.folder.home = -1;
    trace.begun = 0;
    char name[32];
    rs_read_file("/proc/self/comm", name, sizeof name);
    rs_folder_set_process(&trace.folder, name);
}

/* Writes the packet anew without its empty tail, under a dot name, and renames it over itself. */
static void cut_packet(struct rs_stream *stream, struct rs_writer *writer) {
    if (!writer->packet) return;
    char name[64];
    uint64_t size = (uint64_t)(writer->position - (char *)writer->packet);
    packet_name(name, writer->kept, stream->number, writer->sequence);
    char *copy = rs_sys_mmap(size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    if (copy) {
        memcpy(copy, writer->packet, size);
        /* Each event's check is seeded with the header's: a new header means new checks. */
        struct rs_packet *packet = (struct rs_packet *)(void *)copy;
        packet->context.packet_size = size * 8;
        packet->context.header_check = rs_header_check(packet);
        for (char *at = copy + sizeof *packet; at < copy + size;) {
            uint32_t event = rs_event_size(at, copy + size);
            struct rs_event_start *start = (struct rs_event_start *)(void *)at;
            if (!event) break;
            start->check = 0;
            start->check = rs_event_check(start, event, packet->context.header_check);
            at += event;
        }
        rs_folder_put(&trace.folder, name, copy, size);
        rs_sys(SYS_munmap, copy, size);
    }
    close_packet(stream, writer);
}

void rs_trace_finish(void) {
    if (!rs_tracing || trace.begun != 2) return;
    struct rs_trace_thread *thread = &rs_trace_thread;
    uint32_t tid = rs_trace_tid(), used = streams_used();
    uint32_t depth = thread->depth;
    thread->depth = RS_TRACE_DEPTHS;
    for (uint32_t i = 0; i < used; i++) {
        struct rs_stream *stream = &trace.streams[i];
        uint32_t owner = __atomic_load_n(&stream->thread, __ATOMIC_RELAXED);
        bool gone = owner && owner != tid && thread_is_gone(owner) && claim(stream, owner, tid);
        if (owner != tid && !gone) continue;
        cut_packet(stream, &stream->io);
        cut_packet(stream, &stream->kept);
        if (gone) __atomic_store_n(&stream->thread, 0, __ATOMIC_RELEASE);
    }
    thread->depth = depth;
}
