/* shapes.c: see shapes.h. */
#include "tracer/shapes.h"
#include "tracer/sys.h"

#include <stddef.h>

#define COUNT_NONE(name)
#define COUNT_STRING(name) +1
#define COUNT_SEQUENCE(length, name)

uint32_t rs_event_padded(uint64_t size) {
    return (uint32_t)((size + RS_EVENT_ALIGN - 1) & ~(uint64_t)(RS_EVENT_ALIGN - 1));
}

uint32_t rs_event_string_length(const char *string) {
    uint32_t length = 0;
    while (length < RS_STRING_MAX - 1 && string[length]) length++;
    return length;
}

/* How many strings follow an event's fixed part. */
static const struct {
    uint32_t id, strings;
} shapes[] = {
#define EVENT(number, name) \
    {(number), 0 EVENT_FIELDS_##name(COUNT_NONE, COUNT_NONE, COUNT_NONE, COUNT_STRING, COUNT_SEQUENCE)},
#include "tracer/events.def"
#undef EVENT
};

static uint32_t fixed_size(uint32_t id) {
    switch (id) {
#define FIELD_SIZE_32(name) +4u
#define FIELD_SIZE_64(name) +8u
#define EVENT(number, name)                   \
    case number:                              \
        return sizeof(struct rs_event_header) \
            EVENT_FIELDS_##name(FIELD_SIZE_32, FIELD_SIZE_32, FIELD_SIZE_64, COUNT_NONE, COUNT_SEQUENCE);
#include "tracer/events.def"
#undef EVENT
    default:
        return sizeof(struct rs_event_io);
    }
}

uint32_t rs_event_size(const char *at, const char *end) {
    const struct rs_event_header *event = (const struct rs_event_header *)(const void *)at;
    if (rs_likely(event->id >= EVENT_IO)) return sizeof(struct rs_event_io);
    uint64_t size = fixed_size(event->id);
    if (event->id == RS_EVENT_stack) size += 8ull * ((const struct rs_event_stack *)(const void *)at)->frames;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        if (shapes[i].id != event->id) continue;
        for (uint32_t string = 0; string < shapes[i].strings && at + size < end; string++) {
            size += rs_event_string_length(at + size) + 1;
        }
    }
    return at + size > end ? 0 : (uint32_t)size;
}
