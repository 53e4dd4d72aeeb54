/* json.h: what every --json document is made with. Functions that add take the value over; running out of memory ends
 * the command (memory.h). */
#ifndef RS_VIEWER_JSON_H
#define RS_VIEWER_JSON_H

#include "viewer/symbols.h"

#include <jansson.h>

/* Any bytes, made valid UTF-8; NULL: null. */
json_t *json_from_text(const char *text);
json_t *json_from_number(uint64_t number);
/* null for 0 */
json_t *json_from_time(uint64_t time);

void json_put(json_t *object, const char *key, json_t *value);
void json_add(json_t *array, json_t *value);

/* "name=value name=value" (events.def), as an object of texts; the first of a name counts. */
json_t *json_from_attributes(const char *attributes);

/* {"id", "label", "found"} of a context */
json_t *json_from_context(const struct process *process, uint64_t id);

/* An array of frames, innermost first. */
json_t *json_from_frames(const struct frame *frames, size_t count);
json_t *json_from_stack(struct symbols *symbols, const struct process *process, uint32_t id);

/* {"format", "processes", "contexts", "events", "lost_events", "lost_packets", "damages", "duration_ns"} */
json_t *json_summary(const struct model *model);

/* Prints the document on stdout, and frees it. */
void json_print(json_t *document);

#endif
