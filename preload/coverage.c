/* coverage.c: see coverage.h. */
#include "preload/coverage.h"
#include "preload/events.h"
#include "preload/log.h"
#include "tracer/sys.h"
#include "tracer/text.h"

static uint32_t said; /* bits of RS_COVERAGE_ */

RS_COLD void rs_coverage_reduced(uint32_t reason, const char *text, const char *detail) {
    char line[512], note[512];
    if (__atomic_fetch_or(&said, reason, __ATOMIC_RELAXED) & reason) return;
    struct rs_text log = rs_text_in(line, sizeof line), event = rs_text_in(note, sizeof note);
    rs_text_add(&log, "coverage reduced: ");
    rs_text_add(&log, text);
    rs_log_line(line, detail);
    rs_text_add(&event, text);
    if (detail) {
        rs_text_add(&event, ": ");
        rs_text_add_safe(&event, detail);
    }
    rs_event_coverage(reason, note);
}
