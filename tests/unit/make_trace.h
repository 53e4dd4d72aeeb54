/* make_trace.h: writes small traces by layout.h's word, without the recorder, so that the reader is tested against the
 * layout and not against another program's idea of it. Failures end the test program. */
#ifndef RS_TESTS_MAKE_TRACE_H
#define RS_TESTS_MAKE_TRACE_H

#include "tracer/layout.h"

#include <stdbool.h>

/* A packet in the making. */
struct make_packet {
    bool kept;
    uint64_t stream, sequence, begin, discarded;
    unsigned char bytes[1 << 18]; /* the events */
    size_t size, exact;           /* of them, with and without the last one's padding */
    size_t offsets[4096];         /* of the events in bytes */
    size_t count;
    size_t tail; /* bytes after that; 0: none, the packet is cut to its content */
    uint64_t last_time;
};

/* An empty folder under /tmp; the caller's to free. */
char *make_folder(void);

/* Removes it and all in it. */
void make_remove(const char *folder);

/* folder/name; the caller's to free. */
char *make_path(const char *folder, const char *name);

/* The whole file; the caller's to free. */
unsigned char *make_read(const char *path, size_t *size);
void make_write(const char *path, const void *bytes, size_t size);

/* Some text with the right check. */
void make_metadata(const char *folder);

struct make_packet *make_packet(bool kept, uint64_t stream, uint64_t sequence, uint64_t begin);

/* Adds an event: its fixed part (time, id and fd set), up to two strings (NULL: none), words. */
void make_event(struct make_packet *packet, const void *fixed, size_t size, const char *first, const char *second,
                const uint64_t *words, size_t word_count);

/* A context begins; a thread comes into it (or leaves for 0); its request said more of itself. */
void make_context(struct make_packet *packet, uint64_t time, uint64_t context, uint32_t origin, const char *label);
void make_entry(struct make_packet *packet, uint64_t time, uint64_t context, uint32_t how);
void make_attributes(struct make_packet *packet, uint64_t time, uint64_t context, const char *attributes);

/* The trace of one process more, "server" with its file mapped at `base`, begun: what is added to the packet is kept. Its folder is
 * root/server-PID, which must not be there yet; *folder is the caller's to free. */
struct make_packet *make_process(const char *root, uint32_t pid, uint64_t begin, const char *file, uint64_t base,
                                 char **folder);

/* A stack: its frames' addresses, the innermost first. */
void make_stack(struct make_packet *packet, uint64_t time, uint32_t stack, const uint64_t *addresses, uint32_t count);

/* Writes it into the folder under its name, and frees it. */
void make_finish(struct make_packet *packet, const char *folder);

/* The trace that most tests read: one process, pid 100 "server --port 80", module "/no/such/server", two contexts ("GET
 * /a" has id 1, "GET /b" 2), description 5 (fd 7, "tcp 127.0.0.1:6379") opened by context 1 and used by both, and
 * finding 3 of kind foreign-io, seen 4 times, with stacks 1 (opened) and 2 (used). 20 events in kept_0_0, stream_0_0
 * and stream_1_0. Tails of `tail` bytes. */
#define MAKE_EVENTS 20
#define MAKE_PID 100
void make_two_contexts(const char *folder, size_t tail);

#endif
