/* recorder.h: writes a trace (layout.h) from inside the guarded process.
 *
 *   thread ──► struct rs_trace_thread (TLS) ──► stream ──► two writers:
 *                level: 0 free, 1 writing,                   io    I/O events, opens, contexts: a flight recorder
 *                       2 a signal handler within            kept  process, modules, stacks, findings: never given up
 *
 * - A writer fills one packet, a file that is mapped shared, and belongs to one thread at a time: no lock, no atomic
 *   read-modify-write. A signal handler that interrupts a writer in mid-event takes a second stream (level 2).
 * - A handler may never come back (siglongjmp, pthread_exit): `depth` holds the writer's stack pointer beside the level, so
 *   that a later writer above it on the same stack knows that it is gone. What it left in mid-event is wiped; a stream that
 *   it left while its packet was being changed is abandoned, as though the process had been killed there. (A handler that
 *   goes over to another coroutine for a while, and lets the interrupted one go on later, is not supported.)
 * - A thread that ends leaves its stream to the next new thread: streams whose thread is gone are looked for by tid.
 * - When all packets together would pass the bound, the oldest full I/O packet of any stream is unlinked. What in it is
 *   still needed (host->needed) is written again first. Packets are the smaller the smaller the bound is, and the more
 *   threads there are. Not bounded are one packet of 16 KiB for each thread, and the kept ones: that is the least a trace
 *   takes.
 * - A fork's child writes nothing into its parent's packets: it reads rs_tracing as false (wipe.h), rs_trace_forked() drops
 *   them and sets it again, and its own trace is begun at its first event. A child that runs no handlers (_Fork, clone)
 *   records nothing.
 * - Whatever fails switches tracing off, with one call of host->failed; the process goes on. Space is allocated before it is
 *   mapped, so a full disk is an error here and no SIGBUS later.
 *
 * Signal safety: all rs_record_* may be called in signal handlers. No malloc, no locks. errno is kept. */
#ifndef RS_TRACER_RECORDER_H
#define RS_TRACER_RECORDER_H

#include "tracer/clock.h"
#include "tracer/layout.h"
#include "tracer/sys.h"

#include <stdbool.h>

/* What the recorder asks of the guard around it. */
struct rs_trace_host {
    /* Moves one of the guard's own fds to a safe number and returns it; stores it in *holder whenever it changes, -1 when the
     * descriptor is lost. */
    int (*keep_descriptor)(int fd, int *holder);
    void (*release_descriptor)(int fd); /* closes such a one */
    void (*begun)(void); /* a trace has begun: write process, modules, live contexts, open descriptions */
    bool (*needed)(const struct rs_event_header *event);            /* must this event outlive its packet? */
    void (*failed)(const char *what, const char *where, int error); /* tracing is off from now on */
};

struct rs_trace_settings {
    const char *folder;  /* REQSCOPE_TRACE */
    uint64_t max_bytes;  /* REQSCOPE_TRACE_MAX, 0: no bound */
    const char *process; /* the process's name: /proc/self/comm */
};

/* One packet being filled. Between rs_trace_commit calls, [0, position) of it is whole events. */
struct rs_writer {
    char *position; /* where the next event goes, 8-aligned */
    char *limit;    /* memory is there up to here */
    struct rs_packet *packet;
    uint64_t last_time;
    uint64_t header_check;
    uint64_t packet_size; /* bytes */
    uint64_t sequence;
    uint64_t discarded; /* atomic: another thread may give up a packet of this stream */
    bool kept;
    bool plain; /* nothing but I/O calls (and whose) in this packet */
};

struct rs_stream {
    uint32_t thread; /* tid of the thread that writes; 0: free. Atomic. */
    uint32_t number;
    bool bounding; /* giving packets up: what is written again must not begin the same once more */
    bool changing; /* a packet is being changed: its files and its mapping may not be what the writer says */
    struct rs_clock clock;
    struct rs_writer io, kept;
} __attribute__((aligned(64)));

#define RS_TRACE_DEPTHS 2
#define RS_TRACE_LEVEL 7u /* a stack pointer's lowest bits, always 0 in it */
struct rs_trace_thread {
    struct rs_stream *streams[RS_TRACE_DEPTHS];
    uint64_t depth; /* 0, or the writer's stack pointer | its level */
    uint64_t outer; /* while the level is 2: what depth was before */
    uint32_t tid;   /* cached; 0: ask */
};
extern __thread struct rs_trace_thread rs_trace_thread RS_HIDDEN __attribute__((tls_model("initial-exec")));

/* Is anything recorded? Read on the path of every call. */
extern bool rs_tracing RS_HIDDEN;

/* Begins: makes the process's folder and metadata. Returns false (after host->failed) when that cannot be. */
bool rs_trace_start(const struct rs_trace_settings *settings, const struct rs_trace_host *host);

/* In a fork's child: forget the parent's packets, and record again. The calling thread may be in a signal handler. */
void rs_trace_forked(void);

/* This process, root until now, is about to become another user (a server's worker): the trace is begun, if it was not, while
 * that can still be done, and given to that user, who goes on writing it. */
void rs_trace_give_to(uint32_t user);

/* At exit: the packets of this thread, and of threads that are gone, are cut to what is in them, and the names of code that the process
 * made as it ran are kept (rs_folder_keep_perf_map): up to 64 MiB or a quarter of the bound, beside what is bounded. */
void rs_trace_finish(void);

uint32_t rs_trace_tid(void);

/* Writes one event: `fixed` is its struct (size bytes, header.id and header.fd set; time and check are filled in here),
 * then the strings (each cut to RS_STRING_MAX), then the words. Returns false when it could not be written. */
bool rs_record(const void *fixed, uint32_t size, const char *const *strings, uint32_t string_count,
               const uint64_t *words, uint32_t word_count, bool kept);

void rs_record_io_slow(int fd, uint32_t operation, int64_t result, uint64_t description, uint64_t context);

static inline uint64_t rs_stack_pointer(void) {
#if defined(__x86_64__) && !defined(__clang_analyzer__)
    uint64_t pointer;
    __asm__("mov %%rsp, %0" : "=r"(pointer));
    return pointer;
#else
    return (uint64_t)(uintptr_t)__builtin_frame_address(0);
#endif
}

/* The commit: one aligned 16-byte store of {content_size, timestamp_end}. */
typedef uint64_t rs_commit_word __attribute__((vector_size(16)));

/* The header {time, id | fd << 32} goes first, by one store: by it the reader knows what follows the content for an event that
 * was being written when the process was killed. */
static inline void rs_trace_begin(struct rs_writer *writer, uint64_t time, uint64_t id_and_fd) {
    typedef uint64_t __attribute__((vector_size(16), aligned(8))) header;
    *(volatile header *)(void *)writer->position = (header){time, id_and_fd};
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
}

/* `end` is the event's own; the next one begins on a multiple of RS_EVENT_ALIGN after it. */
static inline void rs_trace_commit(struct rs_writer *writer, char *end, uint64_t time) {
    writer->position = (char *)(((uintptr_t)end + RS_EVENT_ALIGN - 1) & ~(uintptr_t)(RS_EVENT_ALIGN - 1));
    writer->last_time = time;
    rs_commit_word commit = {(uint64_t)(end - (char *)writer->packet) * 8, time};
    __atomic_signal_fence(__ATOMIC_RELEASE);
    *(volatile rs_commit_word *)(void *)&writer->packet->context.content_size = commit;
}

_Static_assert(offsetof(struct rs_event_io, check) == 16 && offsetof(struct rs_event_io, result) == 20 &&
                   offsetof(struct rs_event_io, description) == 24 && sizeof(struct rs_event_io) == 40,
               "rs_record_io writes these five words");

/* An I/O call has returned `result` (-errno when it failed). */
static inline void rs_record_io(int fd, uint32_t operation, int64_t result, uint64_t description, uint64_t context) {
    struct rs_trace_thread *thread = &rs_trace_thread;
    struct rs_stream *stream = thread->streams[0];
    if (rs_unlikely(thread->depth || !stream)) {
        rs_record_io_slow(fd, operation, result, description, context);
        return;
    }
    /* Raised before the room is looked at: from here on no handler takes it. */
    thread->depth = rs_stack_pointer() | 1;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    struct rs_writer *writer = &stream->io;
    if (rs_unlikely((size_t)(writer->limit - writer->position) < sizeof(struct rs_event_io))) {
        thread->depth = 0;
        rs_record_io_slow(fd, operation, result, description, context);
        return;
    }
    uint64_t time = rs_clock_now(&stream->clock);
    if (rs_unlikely(time <= writer->last_time)) time = writer->last_time + 1;
    /* The event as the five words that it is, so that it goes from registers to where it lies; rs_event_check unrolled. */
    uint64_t what = (EVENT_IO + operation) | (uint64_t)(uint32_t)fd << 32;
    uint64_t outcome = (uint64_t)(uint32_t)(result > INT32_MAX ? INT32_MAX : result) << 32;
    uint64_t sum = writer->header_check + time * RS_MIX_FACTOR(0) + what * RS_MIX_FACTOR(1) +
                   outcome * RS_MIX_FACTOR(2) + description * RS_MIX_FACTOR(3) + context * RS_MIX_FACTOR(4);
    uint64_t *words = (uint64_t *)(void *)writer->position;
    rs_trace_begin(writer, time, what);
    words[2] = outcome | rs_mix_end(sum) >> 32;
    words[3] = description;
    words[4] = context;
    rs_trace_commit(writer, writer->position + sizeof(struct rs_event_io), time);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    thread->depth = 0;
}

#endif
