/* finding_text.h: a finding in words, the same as the log's report (CONTRACT "A report on the log"). Strings are the
 * caller's to free, and not escaped. */
#ifndef RS_VIEWER_FINDING_TEXT_H
#define RS_VIEWER_FINDING_TEXT_H

#include "viewer/symbols.h"

/* "foreign-io", or "unknown". */
const char *finding_kind(const struct finding *finding);

/* "GET /b (context 2)", "context 2", "no context" */
char *finding_context(const struct process *process, uint64_t id);

/* What the description is called; "" when nothing is known. */
const char *finding_description(const struct finding *finding);

/* "GET /b (context 2) writes to fd 7 (tcp 127.0.0.1:6379), which GET /a (context 1) owns" */
char *finding_sentence(const struct finding *finding);

/* What was done: "let through", "denied", "aborted", "not known" */
const char *finding_verdict(const struct finding *finding);

/* "idle", "sent", "answered", or NULL */
const char *finding_phase(const struct finding *finding);

/* What to do about it. */
const char *finding_hint(const struct finding *finding);

/* "GET /a (request, strong), GET /b (request, weak)": its owner and user as far as they were inferred; NULL: neither was. */
char *finding_inferred(const struct finding *finding);

/* dirty-handover: what was owed. */
char *finding_outstanding(const struct finding *finding);

/* The line of a rules file that would suppress it, by a frame of the stack in which it was used; NULL: no frame has a name. */
char *finding_suppression(const struct finding *finding, const struct frame *frames, size_t count);

/* "query           db.c:30        (server+0x12cc)" */
char *finding_frame(const struct frame *frame);

#endif
