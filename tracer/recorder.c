/* recorder.c: streams, packets, and the flight recorder. recorder.h draws it.
 *
 * Order of things that makes every instant a good one to be killed at: a packet's file is allocated, mapped and headed
 * under a dot name, then renamed; a packet that is given up is unlinked; a packet that is cut is written anew under a dot
 * name and renamed over itself. Signals wait meanwhile (hold.h). */
#include "tracer/recorder.h"
#include "tracer/folder.h"
#include "tracer/hold.h"
#include "tracer/shapes.h"
#include "tracer/text.h"
#include "tracer/wipe.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define MAX_STREAMS 4096u
#define PIECE (64u << 10)        /* memory is made ready by so much at a time */
#define PACKET_LEAST (16u << 10) /* more than RS_EVENT_MAX */
#define IO_PACKET_FIRST (64u << 10)
#define IO_PACKET_MOST (1u << 20)
#define KEPT_PACKET_MOST (256u << 10)
#define FULL_PACKETS 65536u
#define NOBODY UINT32_MAX /* "thread" of a stream that is abandoned */

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

__thread struct rs_trace_thread rs_trace_thread __attribute__((tls_model("initial-exec")));
static struct rs_wiped tracing_page;
extern bool rs_tracing __attribute__((alias("tracing_page")));

static struct {
    bool on; /* what rs_tracing is in this process, or was in the parent */
    const struct rs_trace_host *host;
    struct rs_trace_settings settings;
    struct rs_folder folder;
    uint64_t since; /* when this process began, as far as the recorder saw it: nanoseconds of CLOCK_REALTIME */
    int begun;      /* 0 not yet (a fork's child), 1 being done, 2 done */
    uint64_t bytes; /* all packets' */
    struct rs_stream *streams;
    uint32_t stream_count; /* ever used */
    /* Full I/O packets, oldest first: pack_full(); 0: being put in. */
    uint64_t *full;
    uint64_t full_head, full_tail;
} trace;

/* ---- names ---------------------------------------------------------------------------------------------------- */

#define GIVEN_UP_AT_ONCE 8

/* ".stream_3_0": the name while it is made; from the second character on its name as part of the trace. */
static void packet_name(char name[64], bool kept, uint32_t stream, uint64_t sequence) {
    struct rs_text text = rs_text_in(name, 64);
    rs_text_add(&text, kept ? ".kept_" : ".stream_");
    rs_text_number(&text, stream);
    rs_text_add(&text, "_");
    rs_text_number(&text, sequence);
}

/* ---- failing -------------------------------------------------------------------------------------------------- */

/* The trace's own folder, as a number that may change at any moment: the program wants it for itself. */
static int folder_home(void) {
    return __atomic_load_n(&trace.folder.home, __ATOMIC_ACQUIRE);
}

static RS_COLD void fail(const char *what, const char *where, long error) {
    bool was = __atomic_exchange_n(&rs_tracing, false, __ATOMIC_RELAXED);
    trace.on = false;
    if (was && folder_home() >= 0) rs_folder_mark_stopped(&trace.folder);
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
    trace.folder.home = trace.host->keep_descriptor((int)home, &trace.folder.home);
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

static uint32_t streams_used(void) {
    uint32_t used = __atomic_load_n(&trace.stream_count, __ATOMIC_ACQUIRE);
    return used < MAX_STREAMS ? used : MAX_STREAMS;
}

/* `size`, or the next smaller that all streams can have at once in a `part` of the bound. */
static uint32_t within_bound(uint32_t size, uint32_t part) {
    uint64_t share = trace.settings.max_bytes / part / (streams_used() + 1);
    while (trace.settings.max_bytes && size > PACKET_LEAST && size > share) size /= 2;
    return size;
}

static uint32_t next_packet_size(const struct rs_writer *writer) {
    uint32_t first = writer->kept ? PACKET_LEAST : IO_PACKET_FIRST;
    uint32_t most = writer->kept ? within_bound(KEPT_PACKET_MOST, 16) : within_bound(IO_PACKET_MOST, 2);
    uint64_t size = writer->packet_size ? writer->packet_size * 4 : first;
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

/* The oldest full I/O packet in the queue, and its place there; false when there is none. */
static bool see_oldest(struct full_packet *full, uint64_t *head) {
    *head = __atomic_load_n(&trace.full_head, __ATOMIC_ACQUIRE);
    if (*head == __atomic_load_n(&trace.full_tail, __ATOMIC_ACQUIRE)) return false;
    uint64_t entry = __atomic_load_n(&trace.full[*head % FULL_PACKETS], __ATOMIC_ACQUIRE);
    if (entry) *full = unpack_full(entry);
    return entry;
}

/* Takes it out of the queue; false when another thread was faster. */
static bool take_oldest(uint64_t head) {
    uint64_t seen = head;
    if (!__atomic_compare_exchange_n(&trace.full_head, &seen, head + 1, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        return false;
    __atomic_store_n(&trace.full[head % FULL_PACKETS], 0, __ATOMIC_RELEASE);
    return true;
}

static void release_bytes(uint64_t size) {
    __atomic_fetch_sub(&trace.bytes, size, __ATOMIC_RELAXED);
}

/* A file of the trace, mapped; NULL when it cannot be. */
static void *map_file(const char *name, int access, int protection, uint64_t *size, long *error) {
    struct stat status;
    void *bytes = NULL;
    long fd = *error = rs_sys(SYS_openat, folder_home(), name, access | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) return NULL;
    *error = rs_sys(SYS_fstat, fd, &status);
    if (!*error) {
        *size = (uint64_t)status.st_size;
        bytes = rs_sys_mmap(*size, protection, MAP_SHARED, (int)fd);
        if (!bytes) *error = -ENOMEM;
    }
    rs_sys(SYS_close, fd);
    return bytes;
}

static bool rerecord(struct rs_stream *own, const struct rs_event_header *event, uint32_t size);

/* Writes what is still needed of a packet of `stream` again, in the thread's own, and counts the rest as given up. Returns
 * whether most of it was needed. */
static bool give_up(struct rs_stream *own, struct rs_stream *stream, const char *bytes) {
    const struct rs_packet *packet = (const struct rs_packet *)(const void *)bytes;
    const char *end = bytes + packet->context.content_size / 8;
    uint64_t lost = 0, carried_bytes = 0;
    for (const char *at = bytes + sizeof *packet; at < end;) {
        uint32_t size = rs_event_size(at, end);
        if (!size) break;
        const struct rs_event_header *event = (const struct rs_event_header *)(const void *)at;
        bool carried = event->id < EVENT_IO && trace.host->needed(event) && rerecord(own, event, size);
        if (carried)
            carried_bytes += size;
        else
            lost++;
        at += rs_event_padded(size); /* (the last one's padding lies behind the end) */
    }
    __atomic_fetch_add(&stream->io.discarded, lost, __ATOMIC_RELAXED);
    return carried_bytes > (uint64_t)(end - bytes) / 2;
}

/* Allocates the space for a packet. A hole would be a SIGBUS when the disk is full. */
static long allocate(int fd, uint32_t size) {
    long result;
    do {
        result = rs_sys(SYS_fallocate, fd, 0, 0, size);
    } while (result == -EINTR);
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
    long fd = rs_sys(SYS_openat, folder_home(), name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
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
        rs_sys(SYS_unlinkat, folder_home(), name, 0);
        fail("cannot get space for a packet in", trace.folder.path, allocated ? allocated : -ENOMEM);
    }
    return packet;
}

/* At the bound, the oldest packet's file serves again as the new one: its pages are there already. Only a plain one of the
 * same size; NULL: make a new file. */
static struct rs_packet *reuse_oldest(const char *hidden, uint32_t size) {
    char name[64];
    struct full_packet full;
    uint64_t head, found = 0;
    long error;
    if (!trace.settings.max_bytes ||
        __atomic_load_n(&trace.bytes, __ATOMIC_RELAXED) + size <= trace.settings.max_bytes ||
        !see_oldest(&full, &head) || !full.plain) {
        return NULL;
    }
    packet_name(name, false, full.stream, full.sequence);
    /* Mapped first: without a descriptor or memory for it everything stays as it is. */
    struct rs_packet *packet = map_file(name + 1, O_RDWR, PROT_READ | PROT_WRITE, &found, &error);
    if (!packet) return NULL;
    bool ours = found == size && take_oldest(head);
    if (ours) release_bytes(size);
    if (!ours || rs_sys(SYS_renameat, folder_home(), name + 1, folder_home(), hidden)) {
        rs_sys(SYS_munmap, packet, found);
        return NULL;
    }
    rs_sys(SYS_madvise, packet, size, MADV_POPULATE_READ); /* its pages are dirty already */
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
    long renamed = rs_sys(SYS_renameat, folder_home(), name, folder_home(), name + 1);
    if (renamed) {
        rs_sys(SYS_munmap, packet, size);
        fail("cannot name a packet in", trace.folder.path, renamed);
        return false;
    }
    __atomic_fetch_add(&trace.bytes, size, __ATOMIC_RELAXED);
    writer->packet_size = size;
    writer->header_check = packet->context.header_check;
    writer->last_time = now;
    writer->plain = true;
    writer->position = (char *)packet + sizeof *packet;
    writer->limit = (char *)packet;
    /* Last, and in close_packet first: a fork's child unmaps what stands here, wherever this thread is. */
    __atomic_store_n(&writer->packet, packet, __ATOMIC_RELEASE);
    populate(writer);
    return true;
}

static void close_packet(struct rs_stream *stream, struct rs_writer *writer) {
    struct rs_packet *packet = writer->packet;
    if (!packet) return;
    writer->position = writer->limit = NULL;
    __atomic_store_n(&writer->packet, NULL, __ATOMIC_RELEASE);
    rs_sys(SYS_munmap, packet, writer->packet_size);
    if (!writer->kept) note_full((struct full_packet){stream->number, writer->plain, writer->sequence});
    writer->sequence++;
}

/* Gives up the oldest packets until all fit the bound: a few at a time, and no more once most of one is still needed. (More is
 * needed than fits, then; it is written again all the time, but never twice for one packet that is filled.) */
static void keep_bound(struct rs_stream *own) {
    struct full_packet full;
    uint64_t head;
    bool needed = false;
    for (int most = GIVEN_UP_AT_ONCE;
         most && !needed && trace.settings.max_bytes &&
         __atomic_load_n(&trace.bytes, __ATOMIC_RELAXED) > trace.settings.max_bytes && see_oldest(&full, &head);
         most--) {
        char name[64];
        uint64_t size = 0;
        long error;
        packet_name(name, false, full.stream, full.sequence);
        /* Mapped first: what cannot be read now is not given up now. One that somebody has removed is only forgotten. */
        char *bytes = map_file(name + 1, O_RDONLY, PROT_READ, &size, &error);
        if (!bytes && error != -ENOENT) return;
        if (take_oldest(head) && bytes) {
            rs_sys(SYS_unlinkat, folder_home(), name + 1, 0);
            release_bytes(size);
            needed = give_up(own, &trace.streams[full.stream], bytes);
        }
        if (bytes) rs_sys(SYS_munmap, bytes, size);
    }
}

static void record_thread(struct rs_stream *stream);

static bool has_room(const struct rs_writer *writer, uint32_t size) {
    return writer->packet && (uint64_t)(writer->limit - writer->position) >= size;
}

static bool change_packet(struct rs_stream *stream, struct rs_writer *writer, uint32_t size) {
    close_packet(stream, writer);
    if (!open_packet(stream, writer)) return false;
    record_thread(stream);
    if (!stream->bounding) {
        stream->bounding = true;
        keep_bound(stream);
        stream->bounding = false;
    }
    return has_room(writer, size);
}

/* Room for `size` more bytes in the writer. Called with depth raised: nobody else uses this writer. */
static RS_COLD bool make_room(struct rs_stream *stream, struct rs_writer *writer, uint32_t size) {
    while (writer->packet && (uint64_t)(writer->limit - (char *)writer->packet) < writer->packet_size &&
           (uint64_t)(writer->limit - writer->position) < size) {
        populate(writer);
    }
    if (has_room(writer, size)) return true;
    /* Within the other writer's change, which writes here, too. */
    if (stream->changing) return change_packet(stream, writer, size);
    struct rs_held held = rs_hold_signals();
    stream->changing = true;
    bool made = change_packet(stream, writer, size);
    stream->changing = false;
    rs_release_signals(&held);
    return made;
}

/* ---- streams ---------------------------------------------------------------------------------------------------- */

uint32_t rs_trace_tid(void) {
    if (rs_unlikely(!rs_trace_thread.tid)) rs_trace_thread.tid = (uint32_t)rs_sys(SYS_gettid);
    return rs_trace_thread.tid;
}

static bool thread_is_gone(uint32_t tid) {
    return rs_sys(SYS_tgkill, rs_sys(SYS_getpid), tid, 0) == -ESRCH;
}

/* Sets a writer back to its last commit. What an event left that was begun is wiped from its end to its begin, so that at
 * every instant it looks like one event that was being written. */
static void recover_writer(struct rs_writer *writer) {
    if (!writer->packet) return;
    uint64_t content = writer->packet->context.content_size / 8;
    char *begin = (char *)writer->packet + rs_event_padded(content);
    char *end = writer->limit - begin > (long)RS_EVENT_MAX ? begin + RS_EVENT_MAX : writer->limit;
    for (volatile uint64_t *word = (uint64_t *)(void *)end; (char *)(uintptr_t)word > begin;) {
        if (*--word) *word = 0;
    }
    writer->last_time = writer->packet->context.timestamp_end;
    writer->position = begin;
}

/* A stream whose writer has gone in the middle of something. False: it cannot be written any more. */
static bool recover(struct rs_stream *stream) {
    if (stream->changing) {
        __atomic_store_n(&stream->thread, NOBODY, __ATOMIC_RELEASE);
        return false;
    }
    recover_writer(&stream->io);
    recover_writer(&stream->kept);
    return true;
}

/* Only one thread gets it, a new one (from = 0) as well: others see a new number as soon as it is given out. */
static bool claim(struct rs_stream *stream, uint32_t from, uint32_t tid) {
    if (!__atomic_compare_exchange_n(&stream->thread, &from, tid, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
        return false;
    stream->number = (uint32_t)(stream - trace.streams);
    stream->kept.kept = true;
    return recover(stream);
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
    struct rs_held held = rs_hold_signals();
    bool good = begin() && rs_tracing;
    rs_release_signals(&held);
    return good;
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
    if (!has_room(writer, size) && !make_room(stream, writer, size)) return false;
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

#define LONGEST_JUMP (8u << 20) /* a stack's usual size: what is further away is on another */
#define OWN_FRAMES 512u /* a writer's stack pointer may be that of our caller; a handler's frame is larger than this */

/* Has the writer gone that raised the depth? A handler that interrupts it is below it on its stack, or on the thread's stack
 * for signals. (One that is disarmed while in use, SS_AUTODISARM, cannot be told from none.) */
static bool is_gone(uint64_t depth, uint64_t here) {
    uint64_t there = depth & ~(uint64_t)RS_TRACE_LEVEL;
    stack_t signals;
    if (!there || there > here + OWN_FRAMES || here + OWN_FRAMES - there > LONGEST_JUMP) return false;
    if (rs_sys(SYS_sigaltstack, NULL, &signals)) return false;
    if (!(signals.ss_flags & SS_ONSTACK)) return true;
    return there - (uintptr_t)signals.ss_sp < signals.ss_size;
}

/* Lowers the depth by the levels whose writers are gone. */
static RS_COLD void lower(struct rs_trace_thread *thread, uint64_t here) {
    while (thread->depth && is_gone(thread->depth, here)) {
        uint64_t level = thread->depth & RS_TRACE_LEVEL;
        thread->depth = here | level; /* ours while we repair: a handler must not do the same within */
        __atomic_signal_fence(__ATOMIC_SEQ_CST);
        struct rs_stream *stream = thread->streams[level - 1];
        if (stream && !recover(stream)) thread->streams[level - 1] = NULL;
        __atomic_signal_fence(__ATOMIC_SEQ_CST);
        thread->depth = level > 1 ? thread->outer : 0;
    }
}

/* Raises the depth and finds the writer; NULL (depth as it was): the event is lost. */
static struct rs_stream *enter(struct rs_trace_thread *thread, uint64_t *before) {
    uint64_t here = rs_stack_pointer();
    if (thread->depth) lower(thread, here);
    *before = thread->depth;
    uint32_t level = (uint32_t)(*before & RS_TRACE_LEVEL);
    if (level >= RS_TRACE_DEPTHS) return NULL;
    if (level) thread->outer = *before;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    thread->depth = here | (level + 1);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    bool fresh = !thread->streams[level];
    struct rs_stream *stream = own_stream(thread, level);
    if (!stream) {
        thread->depth = *before;
        return NULL;
    }
    if (fresh) record_thread(stream);
    return stream;
}

static void leave(struct rs_trace_thread *thread, uint64_t depth) {
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    thread->depth = depth;
}

/* An event without a stream of its own: nested too deep, too many threads, or before a child's trace has begun. */
static void count_lost(const struct rs_trace_thread *thread) {
    struct rs_stream *stream = thread->streams[0] ? thread->streams[0] : trace.streams;
    __atomic_fetch_add(&stream->io.discarded, 1, __ATOMIC_RELAXED);
}

static bool record(const struct parts *parts, bool kept) {
    struct rs_trace_thread *thread = &rs_trace_thread;
    uint64_t depth;
    struct rs_stream *stream = ensure_begun() ? enter(thread, &depth) : NULL;
    if (!stream) {
        count_lost(thread);
        return false;
    }
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
static bool rerecord(struct rs_stream *own, const struct rs_event_header *event, uint32_t size) {
    if (event->id == RS_EVENT_open) {
        /* Not all of it is copied: this may be a small signal stack. */
        struct rs_event_open open = *(const struct rs_event_open *)(const void *)event;
        const char *name[] = {(const char *)event + sizeof open};
        open.flags |= RS_OPEN_CARRIED;
        struct parts carried = {&open, sizeof open, name, 1, NULL, 0};
        return write_event(own, &own->io, &carried);
    }
    struct parts parts = {event, size, NULL, 0, NULL, 0};
    return write_event(own, &own->io, &parts);
}

/* ---- life ------------------------------------------------------------------------------------------------------- */

static struct rs_stream *map_streams(void) {
    return rs_sys_mmap(MAX_STREAMS * sizeof(struct rs_stream), PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);
}

bool rs_trace_start(const struct rs_trace_settings *settings, const struct rs_trace_host *host) {
    trace.host = host;
    trace.settings = *settings;
    trace.since = rs_clock_realtime();
    rs_folder_set_process(&trace.folder, settings->process);
    long root = rs_folder_open(&trace.folder, settings->folder);
    if (root < 0) {
        fail("cannot make or open the folder", trace.folder.path, root);
        return false;
    }
    trace.folder.root = host->keep_descriptor((int)root, &trace.folder.root);
    trace.streams = map_streams();
    trace.full = rs_sys_mmap(FULL_PACKETS * sizeof *trace.full, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);
    if (!trace.streams || !trace.full) {
        fail("no memory for recording in", trace.folder.path, -ENOMEM);
        return false;
    }
    rs_wipe_on_fork(&tracing_page, sizeof tracing_page);
    rs_tracing = trace.on = true;
    return ensure_begun();
}

/* The parent's packet. Where a handler has forked, the child returns into the middle of an event: what it writes there must
 * go nowhere. */
static void drop_packet(const struct rs_writer *writer, bool in_use) {
    if (!writer->packet) return;
    if (in_use) {
        rs_sys(SYS_mmap, writer->packet, writer->packet_size, PROT_READ | PROT_WRITE,
               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
    } else {
        rs_sys(SYS_munmap, writer->packet, writer->packet_size);
    }
}

static void drop_streams(void) {
    uint32_t used = streams_used();
    bool in_use = rs_trace_thread.depth;
    for (uint32_t i = 0; i < used; i++) {
        drop_packet(&trace.streams[i].io, in_use);
        drop_packet(&trace.streams[i].kept, in_use);
    }
    struct rs_stream *fresh = in_use ? map_streams() : NULL;
    if (fresh)
        trace.streams = fresh;
    else
        memset(trace.streams, 0, used * sizeof *trace.streams);
}

void rs_trace_forked(void) {
    if (!trace.on) return;
    drop_streams();
    memset(trace.full, 0, FULL_PACKETS * sizeof *trace.full);
    memset(&rs_trace_thread, 0, sizeof rs_trace_thread);
    trace.full_head = trace.full_tail = trace.bytes = 0;
    trace.stream_count = 0;
    if (folder_home() >= 0) trace.host->release_descriptor(folder_home());
    trace.folder.home = -1;
    trace.begun = 0;
    trace.since = rs_clock_realtime();
    char name[32] = "";
    rs_sys(SYS_prctl, 16 /* PR_GET_NAME */, name, 0, 0, 0);
    rs_folder_set_process(&trace.folder, name);
    rs_tracing = true;
}

void rs_trace_give_to(uint32_t user) {
    if (rs_tracing && ensure_begun()) rs_folder_give_to(&trace.folder, user);
}

/* Writes the packet anew without its empty tail and with what is known by now to be lost, under a dot name, and renames it
 * over itself. */
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
        packet->context.events_discarded = __atomic_load_n(&writer->discarded, __ATOMIC_RELAXED);
        packet->context.header_check = rs_header_check(packet);
        for (char *at = copy + sizeof *packet; at < copy + size;) {
            uint32_t event = rs_event_padded(rs_event_size(at, copy + size));
            struct rs_event_start *start = (struct rs_event_start *)(void *)at;
            if (!event) break;
            start->check = 0;
            start->check = rs_event_check(start, event, packet->context.header_check);
            at += event;
        }
        if (!rs_folder_put(&trace.folder, name, copy, size)) release_bytes(writer->packet_size - size);
        rs_sys(SYS_munmap, copy, size);
    }
    close_packet(stream, writer);
}

/* What names the frames in code that the program made is as good as the stacks, and kept like them; but it is to be small beside
 * the rest. Without it addresses are left. */
static void keep_perf_map(void) {
    uint64_t share = trace.settings.max_bytes / 4;
    rs_folder_keep_perf_map(&trace.folder, trace.since, share && share < RS_PERF_MAP_MOST ? share : RS_PERF_MAP_MOST);
}

void rs_trace_finish(void) {
    if (!rs_tracing || trace.begun != 2) return;
    struct rs_trace_thread *thread = &rs_trace_thread;
    uint32_t tid = rs_trace_tid(), used = streams_used();
    uint64_t depth = thread->depth;
    struct rs_held held = rs_hold_signals();
    thread->depth = rs_stack_pointer() | RS_TRACE_DEPTHS;
    for (uint32_t i = 0; i < used; i++) {
        struct rs_stream *stream = &trace.streams[i];
        uint32_t owner = __atomic_load_n(&stream->thread, __ATOMIC_RELAXED);
        bool gone = owner && owner != tid && thread_is_gone(owner) && claim(stream, owner, tid);
        if ((owner != tid && !gone) || !recover(stream)) continue;
        cut_packet(stream, &stream->io);
        cut_packet(stream, &stream->kept);
        if (gone) __atomic_store_n(&stream->thread, 0, __ATOMIC_RELEASE);
    }
    keep_perf_map();
    thread->depth = depth;
    rs_release_signals(&held);
}
