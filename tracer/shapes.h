/* shapes.h: how long an event is, from events.def. For the recorder, which trusts its own packets; the reader checks more. */
#ifndef RS_TRACER_SHAPES_H
#define RS_TRACER_SHAPES_H

#include "tracer/layout.h"

/* A size with padding up to RS_EVENT_ALIGN. */
uint32_t rs_event_padded(uint64_t size);

/* Length of a string as an event holds it: at most RS_STRING_MAX - 1. */
uint32_t rs_event_string_length(const char *string);

/* The exact size of the event at `at`; 0 when it would end behind `end`. The next one begins at its padded size. */
uint32_t rs_event_size(const char *at, const char *end);

#endif
