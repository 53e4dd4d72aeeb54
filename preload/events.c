/* events.c: see events.h. */
#include "preload/events.h"
#include "preload/config.h"
#include "preload/describe.h"
#include "preload/finding.h"
#include "preload/log.h"
#include "preload/modules.h"
#include "preload/ownfd.h"
#include "preload/reserve.h"
#include "preload/rules.h"
#include "preload/stack.h"
#include "tracer/clock.h"

#include <fcntl.h>
#include <string.h>

#define EVENT_HEADER(name, number) .header = {.id = RS_EVENT_##name, .fd = (number)}
#define RECORD(event, strings, count) rs_record(&(event), sizeof(event), strings, count, NULL, 0, false)

/* When it was last told of a description (by its place), or of a number, what was told: of a connection that a pool hands on a
 * million times only the latest is needed. NULL: nothing is recorded. */
static uint64_t *last_name, *last_handover, *last_dup;
#define CLOCKS_DIFFER 1000000 /* ns: the streams' clocks are set apart from the one that these times are of */

static void note_time(uint64_t *times, uint64_t place) {
    if (times) __atomic_store_n(&times[place], rs_clock_monotonic(), __ATOMIC_RELAXED);
}

static uint64_t place_of(const struct rs_description *description) {
    return (uint64_t)(description - rs_descriptions);
}

/* Is the event the last of its kind for an open description? */
static bool is_latest(const struct rs_event_header *event, uint64_t id, const uint64_t *times) {
    const struct rs_description *description = rs_is_open_as(id);
    if (!description || !times) return description;
    return event->time + CLOCKS_DIFFER >= __atomic_load_n(&times[place_of(description)], __ATOMIC_RELAXED);
}

/* Does its number still stand for the description, by no later dup? */
static bool is_latest_dup(const struct rs_event_header *event, uint64_t id) {
    if (event->fd < 0 || (uint32_t)event->fd >= rs_slot_count || rs_id_of(rs_lookup(event->fd)) != id) return false;
    return !last_dup || event->time + CLOCKS_DIFFER >= __atomic_load_n(&last_dup[event->fd], __ATOMIC_RELAXED);
}

void rs_event_open(int fd, const struct rs_description *description, const char *name) {
    if (!rs_tracing) return;
    char described[RS_NAME_SIZE];
    enum rs_kind kind = description->kind;
    if (!name) {
        enum rs_kind found = rs_describe(fd, described);
        if (kind == RS_KIND_UNKNOWN) kind = found;
        name = described;
    }
    rs_stack_record(description->opened_stack);
    uint32_t flags = description->flags & RS_DESCRIPTION_INHERITED ? RS_OPEN_INHERITED : 0;
    if (description->flags & RS_DESCRIPTION_UNSEEN) flags |= RS_OPEN_UNSEEN;
    const char *strings[] = {name};
    struct rs_event_open event = {
        EVENT_HEADER(open, fd),
        .stack = description->opened_stack,
        .description = rs_id_of(description),
        .context = description->opener,
        .opened = description->opened,
        .operation = description->opened_by,
        .kind = kind,
        .flags = flags,
        .thread = description->opener_thread,
    };
    RECORD(event, strings, 1);
}

void rs_event_name(int fd, const struct rs_description *description, const char *name) {
    if (!rs_tracing) return;
    const char *strings[] = {name};
    note_time(last_name, place_of(description));
    struct rs_event_name event = {EVENT_HEADER(name, fd), .kind = description->kind,
                                  .description = rs_id_of(description)};
    RECORD(event, strings, 1);
}

void rs_event_dup(int from, int fd, const struct rs_description *description) {
    if (!rs_tracing) return;
    if ((uint32_t)fd < rs_slot_count) note_time(last_dup, (uint64_t)fd);
    struct rs_event_dup event = {EVENT_HEADER(dup, fd), .from = from, .description = rs_id_of(description),
                                 .context = rs_thread.current};
    RECORD(event, NULL, 0);
}

void rs_event_close(int fd, const struct rs_description *description, bool last) {
    if (!rs_tracing) return;
    struct rs_event_close event = {EVENT_HEADER(close, fd), .last = last, .description = rs_id_of(description),
                                   .context = rs_thread.current};
    RECORD(event, NULL, 0);
}

void rs_event_handover(int fd, const struct rs_description *description, uint32_t reason, uint64_t from, uint64_t to) {
    if (!rs_tracing) return;
    note_time(last_handover, place_of(description));
    struct rs_event_handover event = {EVENT_HEADER(handover, fd), .reason = reason,
                                      .description = rs_id_of(description), .from = from, .to = to};
    RECORD(event, NULL, 0);
}

void rs_event_passed(int fd, const struct rs_description *description, uint32_t how) {
    if (!rs_tracing || !rs_known(description)) return;
    struct rs_event_passed event = {EVENT_HEADER(passed, fd), .how = how, .description = rs_id_of(description),
                                    .identity = rs_identity(fd)};
    if (event.identity) RECORD(event, NULL, 0);
}

void rs_event_context_begin(struct rs_context *context) {
    if (!rs_tracing) return;
    const char *strings[] = {context->label};
    struct rs_event_context_begin event = {
        EVENT_HEADER(context_begin, -1),   .origin = context->process == rs_pid ? context->origin : RS_ORIGIN_INHERITED,
        .context = rs_context_id(context), .parent = context->parent,
        .began = context->began,           .thread = context->thread,
    };
    RECORD(event, strings, 1);
}

void rs_event_context_end(uint64_t id, bool superseded) {
    if (!rs_tracing) return;
    struct rs_event_context_end event = {EVENT_HEADER(context_end, -1), .superseded = superseded, .context = id};
    RECORD(event, NULL, 0);
}

void rs_event_context_attributes(uint64_t context, const char *text) {
    if (!rs_tracing) return;
    const char *strings[] = {text};
    struct rs_event_context_attributes event = {EVENT_HEADER(context_attributes, -1), .context = context};
    RECORD(event, strings, 1);
}

void rs_event_context_switch(uint64_t id, enum rs_entry how) {
    if (!rs_tracing) return;
    struct rs_event_context_switch event = {EVENT_HEADER(context_switch, -1), .how = how, .context = id};
    RECORD(event, NULL, 0);
}

void rs_event_coverage(uint32_t flags, const char *detail) {
    if (!rs_tracing) return;
    const char *strings[] = {detail};
    struct rs_event_coverage event = {EVENT_HEADER(coverage, -1), .flags = flags};
    rs_record(&event, sizeof event, strings, 1, NULL, 0, true);
}

void rs_event_note(const char *text) {
    rs_event_coverage(0, text);
}

/* ---- what the recorder asks -------------------------------------------------------------------------------------- */

static void read_command(char *command, size_t size) {
    long fd = rs_sys(SYS_openat, AT_FDCWD, "/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
    long length = fd < 0 ? 0 : rs_sys(SYS_read, fd, command, size - 1);
    if (fd >= 0) rs_sys(SYS_close, fd);
    if (length < 0) length = 0;
    while (length && !command[length - 1]) length--;
    for (long i = 0; i < length; i++) {
        if (!command[i]) command[i] = ' ';
    }
    command[length] = 0;
}

static void record_process(void) {
    /* Not on the stack: a forked child's trace may begin in a handler on a small one. Only one thread begins it. */
    static char command[4000];
    read_command(command, sizeof command);
    const char *strings[] = {command};
    struct rs_event_process event = {
        EVENT_HEADER(process, -1),
        .pid = rs_pid,
        .parent_pid = (uint32_t)rs_sys(SYS_getppid),
        .mode = rs_config.mode,
        .policy = rs_config.policy,
        .family = rs_family_number(),
    };
    rs_record(&event, sizeof event, strings, 1, NULL, 0, true);
}

static void record_family_context(struct rs_context *context) {
    if (rs_is_in_family(context->process, context->began)) rs_event_context_begin(context);
}

/* A trace stands by itself: it begins with what was there before it. */
static void begun(void) {
    record_process();
    rs_modules_refresh();
    rs_modules_record_all();
    rs_rules_record();
    rs_context_each_live(record_family_context);
    if (rs_thread.current) rs_event_context_switch(rs_thread.current, RS_ENTRY_API);
    for (int fd = rs_next_known(0); fd >= 0; fd = rs_next_known(fd + 1)) {
        struct rs_description *description = rs_lookup(fd);
        if (rs_known(description)) rs_event_open(fd, description, NULL);
    }
}

static bool is_live(uint64_t id) {
    struct rs_context *context = rs_context_find(id);
    return context && (rs_context_live(context) || __atomic_load_n(&context->owned, __ATOMIC_RELAXED));
}

/* Must it still be told who that is? */
static bool is_spoken_of(uint64_t context) {
    return is_live(context) || rs_finding_names(context);
}

/* Must an event outlive its packet? What is open and what is live, and the latest word on each finding. */
static bool needed(const struct rs_event_header *event) {
    const void *at = event;
    switch (event->id) {
    case RS_EVENT_open:
        return rs_is_open(((const struct rs_event_open *)at)->description);
    case RS_EVENT_name:
        return is_latest(event, ((const struct rs_event_name *)at)->description, last_name);
    case RS_EVENT_dup:
        return is_latest_dup(event, ((const struct rs_event_dup *)at)->description);
    case RS_EVENT_handover:
        return is_latest(event, ((const struct rs_event_handover *)at)->description, last_handover);
    case RS_EVENT_context_begin:
        return is_spoken_of(((const struct rs_event_context_begin *)at)->context);
    case RS_EVENT_context_attributes:
        return is_spoken_of(((const struct rs_event_context_attributes *)at)->context);
    case RS_EVENT_context_end:
        return rs_finding_names(((const struct rs_event_context_end *)at)->context);
    case RS_EVENT_finding_again: {
        const struct rs_event_finding_again *again = at;
        return rs_finding_count(again->finding) == again->count;
    }
    default:
        return false;
    }
}

static void failed(const char *what, const char *where, int error) {
    char line[1300];
    struct rs_text text = rs_text_in(line, sizeof line);
    const char *reason = strerrordesc_np(error);
    rs_text_add(&text, "REQSCOPE_TRACE: ");
    rs_text_add(&text, what);
    rs_text_add(&text, " ");
    rs_text_add_safe(&text, where);
    rs_text_add(&text, " (");
    rs_text_add(&text, reason ? reason : "unknown error");
    rs_text_add(&text, "). Nothing is recorded; the program goes on");
    rs_log_line(line, NULL);
}

static const struct rs_trace_host host = {
    .keep_descriptor = rs_own,
    .release_descriptor = rs_own_close,
    .begun = begun,
    .needed = needed,
    .failed = failed,
};

void rs_events_start(void) {
    char name[32] = "";
    if (!rs_config.trace) return;
    rs_sys(SYS_prctl, 16 /* PR_GET_NAME */, name, 0, 0, 0);
    last_name = rs_reserve_private(rs_description_places(), sizeof *last_name);
    last_handover = rs_reserve_private(rs_description_places(), sizeof *last_handover);
    last_dup = rs_reserve_private(rs_slot_count, sizeof *last_dup);
    struct rs_trace_settings settings = {.folder = rs_config.trace, .max_bytes = rs_config.trace_max, .process = name};
    rs_trace_start(&settings, &host);
}
