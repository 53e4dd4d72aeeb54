/* packet.h: one packet of a stream (layout.h), checked and taken apart event by event. For the reader, and for whatever else looks at
 * packet files. Nothing in a file is trusted; see reader.h for what must stay true.
 *
 *   rs_packet_read ──► rs_packet_next, rs_packet_next ... false ──► rs_packet_finish ──► the next packet of the stream
 *
 * Not safe for use by several threads at once; different cursors are independent. */
#ifndef RS_TRACER_PACKET_H
#define RS_TRACER_PACKET_H

#include "tracer/layout.h"

#include <stdbool.h>

#define RS_EVENT_STRINGS_MAX 2
#define RS_PACKET_HEADER sizeof(struct rs_packet)

/* One event. Everything in it is valid until the cursor moves on. */
struct rs_read_event {
    const struct rs_event_header *header;      /* the whole struct rs_event_...: see number */
    uint32_t number;                           /* enum rs_event_number; RS_EVENT_IO for every I/O call */
    uint32_t operation;                        /* of an I/O call: enum rs_operation; else RS_OP_none */
    uint32_t thread;                           /* whose event this is; 0: not known */
    uint32_t word_count;                       /* of a sequence */
    const uint64_t *words;                     /* the sequence: a stack's addresses */
    const char *strings[RS_EVENT_STRINGS_MAX]; /* in the order of events.def; "" where the event has none */
};

/* What is wrong with a packet, kept until the events before it are delivered. */
struct rs_damage {
    bool found;
    size_t offset; /* in the file */
    char text[192];
};

/* A place in a packet of a stream. Zeros at first, but for position = RS_PACKET_HEADER. */
struct rs_packet_cursor {
    unsigned char *bytes;  /* header and content; NULL: nothing was read yet */
    size_t space;          /* bytes that fit there: it is kept from packet to packet */
    size_t size, position; /* of header and content, 0 without a packet; where the next event begins */
    bool content_known;    /* size is the content's, as the header says */
    uint64_t events;       /* taken from this packet */
    uint64_t last_time;    /* over all packets of the stream */
    uint32_t thread;       /* whose events these are; over all packets, too */
    struct rs_damage damage;
    struct rs_read_event event;
};

/* Which packet of a trace a file is: by its name. */
struct rs_packet_file {
    uint64_t stream, sequence;
    bool kept;
};

#define RS_PACKET_NAME 64

/* The name of the packet's file; returns `name`. */
char *rs_packet_name(const struct rs_packet_file *file, char name[RS_PACKET_NAME]);

/* Reads such a name. False: it is no packet's. */
bool rs_packet_parse_name(const char *name, struct rs_packet_file *file);

/* What a packet's header must say. */
struct rs_packet_identity {
    struct rs_packet_file file;
    bool uuid_known; /* else the packet's becomes it */
    uint8_t uuid[16];
};

enum rs_packet_outcome {
    RS_PACKET_READ,    /* cursor->damage may say what is wrong with it all the same */
    RS_PACKET_DAMAGED, /* nothing of it can be read: cursor->damage says why */
    RS_PACKET_GONE     /* the flight recorder has taken the file for another packet meanwhile */
};

/* Says what is wrong, unless something was found before. */
void rs_damage_set(struct rs_damage *damage, size_t offset, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Reads up to `size` bytes from `offset`. Returns how many there were, fewer only at the file's end or on an error. */
size_t rs_read_range(int fd, void *buffer, size_t size, size_t offset);

/* Reads the packet's header and content. *discarded: events that its stream has given up until then, as it says. */
enum rs_packet_outcome rs_packet_read(struct rs_packet_cursor *cursor, int fd, size_t file_size,
                                      struct rs_packet_identity *identity, uint64_t *discarded);

/* Puts cursor->event on the packet's next event. False at its end, or where it is damaged. */
bool rs_packet_next(struct rs_packet_cursor *cursor);

/* All its events are taken: looks whether the packet ends as it says. cursor->damage holds all that is wrong then, until
 * rs_packet_forget makes room for the next. */
void rs_packet_finish(struct rs_packet_cursor *cursor);
void rs_packet_forget(struct rs_packet_cursor *cursor);

/* Frees what it holds. */
void rs_packet_close(struct rs_packet_cursor *cursor);

#endif
