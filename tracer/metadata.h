/* metadata.h: the text (CTF's TSDL) that tells any CTF reader what lies in a trace. Made from events.def. */
#ifndef RS_TRACER_METADATA_H
#define RS_TRACER_METADATA_H

#include <stddef.h>
#include <stdint.h>

struct rs_metadata {
    const uint8_t *trace_uuid; /* 16 bytes, this trace's own */
    const char *clock_uuid;    /* 36 characters: the machine's boot id, or NULL: then the clock has none */
    uint64_t clock_offset;     /* nanoseconds: the clock's zero in the wall clock */
    const char *hostname;
    const char *process; /* the process's name */
    uint64_t pid;
};

/* Writes the metadata into buffer and returns its length, without a NUL; 0 when size is too small (32 KiB are enough).
 * Ends with the line that holds its own check sum: "check:" and 16 hex digits, in a
 * comment. No malloc; any thread. */
size_t rs_metadata_write(char *buffer, size_t size, const struct rs_metadata *values);

#endif
