/* events.h: the guard's part of the recorder: one function for each kind of event (tracer/events.def), and what the recorder
 * asks back. All do nothing when no trace is recorded; all keep errno; any thread, signal safe. */
#ifndef RS_PRELOAD_EVENTS_H
#define RS_PRELOAD_EVENTS_H

#include "preload/context.h"
#include "preload/fdtable.h"
#include "tracer/layout.h"
#include "tracer/recorder.h"

/* Begins the trace that the configuration asks for. */
void rs_events_start(void);

void rs_event_open(int fd, const struct rs_description *description, const char *name);
void rs_event_name(int fd, const struct rs_description *description, const char *name);
void rs_event_dup(int from, int fd, const struct rs_description *description);
void rs_event_close(int fd, const struct rs_description *description, bool last);
void rs_event_handover(int fd, const struct rs_description *description, uint32_t reason, uint64_t from, uint64_t to);
/* The number goes, or came, with a message; how: enum rs_passed. */
void rs_event_passed(int fd, const struct rs_description *description, uint32_t how);
void rs_event_context_begin(struct rs_context *context);
void rs_event_context_end(uint64_t id, bool superseded);
/* What else the context's request said of itself, as the event has it: "traceparent=... x-request-id=..." */
void rs_event_context_attributes(uint64_t context, const char *text);
void rs_event_context_switch(uint64_t id, enum rs_entry how);
void rs_event_coverage(uint32_t flags, const char *detail);
void rs_event_note(const char *text); /* something that `report` says before the findings */

#endif
