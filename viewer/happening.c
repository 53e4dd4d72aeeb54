/* happening.c: see happening.h. */
#include "viewer/happening.h"
#include "viewer/id.h"
#include "viewer/json.h"
#include "viewer/text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* The event as the struct of its kind. */
#define FIELDS(event, name) ((const struct rs_event_##name *)(const void *)(event)->header)

/* ---- reading ---- */

static void read_begin(struct happening *happening, const struct rs_read_event *event) {
    const struct rs_event_context_begin *fields = FIELDS(event, context_begin);
    happening->context = fields->context;
    happening->other = fields->parent;
    happening->since = fields->began;
    happening->detail = fields->origin;
    happening->thread = fields->origin == RS_ORIGIN_INHERITED ? event->thread : fields->thread;
}

static void read_switch(struct happening *happening, const struct rs_read_event *event, uint64_t current) {
    const struct rs_event_context_switch *fields = FIELDS(event, context_switch);
    happening->detail = fields->how;
    happening->context = fields->context;
    happening->other = current;
}

static void read_open(struct happening *happening, const struct rs_read_event *event, uint64_t current) {
    const struct rs_event_open *fields = FIELDS(event, open);
    happening->description = fields->description;
    happening->operation = fields->operation;
    happening->detail = fields->flags;
    happening->since = fields->opened;
    /* What is inherited is opened by nobody here. */
    happening->context = fields->flags & RS_OPEN_INHERITED ? current : fields->context;
    if (fields->flags & RS_OPEN_CARRIED) happening->thread = fields->thread;
}

/* Who gives is who did it, where somebody is said to; else who takes. */
static void read_handover(struct happening *happening, const struct rs_read_event *event) {
    const struct rs_event_handover *fields = FIELDS(event, handover);
    bool gives = fields->from && (fields->reason == RS_HANDOVER_GIVEN || !fields->to);
    happening->description = fields->description;
    happening->detail = fields->reason;
    happening->context = gives ? fields->from : fields->to;
    happening->other = gives ? fields->to : fields->from;
}

static void read_finding(struct happening *happening, const struct rs_read_event *event) {
    const struct rs_event_finding *fields = FIELDS(event, finding);
    happening->finding = fields->finding;
    happening->detail = fields->kind;
    if (fields->thread) happening->thread = fields->thread;
    happening->operation = fields->operation;
    happening->description = fields->description;
    happening->context = fields->user;
    if (fields->kind == RS_FINDING_leak || fields->kind == RS_FINDING_hang) happening->context = fields->owner;
    happening->other = fields->owner;
}

static void read_io(struct happening *happening, const struct rs_read_event *event) {
    const struct rs_event_io *fields = FIELDS(event, io);
    uint32_t operation = event->operation;
    bool moves = operation == RS_OP_read || operation == RS_OP_write || operation == RS_OP_recv ||
                 operation == RS_OP_send || operation == RS_OP_sendfile || operation == RS_OP_splice;
    happening->description = fields->description;
    happening->context = fields->context;
    happening->result = fields->result;
    happening->bytes = moves && fields->result > 0 ? (uint64_t)fields->result : 0;
}

/* Events of two kinds that begin alike: the same finding once more, a leak that is closed after all. */
static void read_again(struct happening *happening, uint32_t finding, uint64_t count, uint64_t description,
                       uint64_t owner, uint64_t user) {
    happening->finding = finding;
    happening->count = count;
    happening->description = description;
    happening->context = user;
    happening->other = owner;
}

static bool read_fields(struct happening *happening, const struct rs_read_event *event, uint64_t current) {
    switch (event->number) {
    case RS_EVENT_context_begin:
        read_begin(happening, event);
        return happening->context;
    case RS_EVENT_context_end:
        happening->context = FIELDS(event, context_end)->context;
        happening->detail = FIELDS(event, context_end)->superseded;
        return happening->context;
    case RS_EVENT_context_attributes:
        happening->context = FIELDS(event, context_attributes)->context;
        return happening->context;
    case RS_EVENT_context_switch:
        read_switch(happening, event, current);
        return true;
    case RS_EVENT_open:
        read_open(happening, event, current);
        return true;
    case RS_EVENT_name:
        happening->description = FIELDS(event, name)->description;
        happening->context = current;
        return true;
    case RS_EVENT_dup:
        happening->description = FIELDS(event, dup)->description;
        happening->context = FIELDS(event, dup)->context;
        happening->from_fd = FIELDS(event, dup)->from;
        return true;
    case RS_EVENT_close:
        happening->description = FIELDS(event, close)->description;
        happening->context = FIELDS(event, close)->context;
        happening->detail = FIELDS(event, close)->last;
        return true;
    case RS_EVENT_passed:
        happening->description = FIELDS(event, passed)->description;
        happening->context = current;
        happening->detail = FIELDS(event, passed)->how;
        return true;
    case RS_EVENT_handover:
        read_handover(happening, event);
        return true;
    case RS_EVENT_finding:
        read_finding(happening, event);
        return true;
    case RS_EVENT_finding_again: {
        const struct rs_event_finding_again *fields = FIELDS(event, finding_again);
        read_again(happening, fields->finding, fields->count, fields->description, fields->owner, fields->user);
        return true;
    }
    case RS_EVENT_unleaked: {
        const struct rs_event_unleaked *fields = FIELDS(event, unleaked);
        read_again(happening, fields->finding, fields->count, fields->description, fields->owner, fields->user);
        return true;
    }
    case RS_EVENT_IO:
        read_io(happening, event);
        return true;
    default:
        return false;
    }
}

/* What came with a message has a number of its own, and is what was sent. */
static uint64_t number_of(const struct process *process, uint64_t id) {
    const struct description *description = id ? ids_find(&process->family->descriptions, id) : NULL;
    return description ? description->id : id;
}

bool happening_read(struct happening *happening, const struct process *process, const struct rs_read_event *event,
                    uint64_t current) {
    *happening = (struct happening){
        .time = event->header->time,
        .since = event->header->time,
        .process = process,
        .number = event->number,
        .operation = event->operation,
        .thread = event->thread,
        .fd = event->header->fd,
        .from_fd = -1,
        .count = 1,
        .text = event->strings[0],
    };
    if (!read_fields(happening, event, current)) return false;
    /* Two clocks may have told them. */
    if (happening->since > happening->time) happening->since = happening->time;
    happening->description = number_of(process, happening->description);
    return true;
}

bool happening_is_of(const struct happening *happening, const struct finding *finding) {
    return finding && happening->finding == finding->id && happening->process == finding->process &&
           (happening->number == RS_EVENT_finding || happening->number == RS_EVENT_finding_again);
}

const char *happening_name(const struct happening *happening) {
    switch (happening->number) {
#define EVENT(number_, name) \
    case RS_EVENT_##name:    \
        return #name;
#include "tracer/events.def"
#undef EVENT
    default:
        return "io";
    }
}

/* ---- words ---- */

char *happening_number(uint64_t number) {
    char digits[24];
    int length = snprintf(digits, sizeof digits, "%" PRIu64, number), written = 0;
    char *text = memory_new(2 * sizeof digits);
    for (int i = 0; i < length; i++) {
        if (i && (length - i) % 3 == 0) text[written++] = ',';
        text[written++] = digits[i];
    }
    return text;
}

/* " fd 7", with `before` in front of it; "" when it stands above which one it is. */
static char *fd_of(const struct happening *happening, const struct happening_scope *scope, const char *before) {
    if (scope->description && scope->description == happening->description) return memory_copy("");
    if (happening->fd < 0) return memory_copy("");
    return memory_format("%sfd %" PRId32, before, happening->fd);
}

static char *text_of_begin(const struct happening *happening, const struct happening_scope *scope) {
    char *name, *text, *before;
    if (scope->context && scope->context == happening->other && scope->context != happening->context) {
        name = id_named_context(happening->process, happening->context);
        text = memory_format("%s begins in it", name);
        free(name);
        return text;
    }
    if (happening->detail == RS_ORIGIN_INHERITED)
        return memory_format("a fork carries it into process %" PRIu32, happening->process->pid);
    if (happening->since && happening->time - happening->since >= TOLD_AT_ONCE) {
        before = text_duration(happening->time - happening->since);
        text = memory_format("has begun %s before", before);
        free(before);
        return text;
    }
    if (!happening->other) return memory_copy("begins");
    name = id_named_context(happening->process, happening->other);
    text = memory_format("begins, in %s", name);
    free(name);
    return text;
}

static const char *words_of_entry(const struct happening *happening) {
    static const char *const words[RS_ENTRY_COUNT] = {
        [RS_ENTRY_API] = "the thread comes into it",
        [RS_ENTRY_REQUEST] = "the thread reads its request",
        [RS_ENTRY_RESUMED] = "goes on: the thread touches what belongs to it",
        [RS_ENTRY_HANDED] = "goes on in a thread that it woke or began",
        [RS_ENTRY_LEFT] = "the thread leaves it",
    };
    if (!happening->context) return "the thread leaves it";
    return happening->detail < RS_ENTRY_COUNT ? words[happening->detail] : "the thread comes into it";
}

/* What the description is called: the latest name, as one that is opened has none yet that says more. */
static const char *name_of(const struct happening *happening) {
    const struct description *known = model_description_of(happening->process, happening->description);
    if (known && *known->name) return known->name;
    if (*happening->text) return happening->text;
    return known ? rs_kind_name(known->kind) : "a descriptor";
}

static char *text_of_open(const struct happening *happening) {
    const char *verb = rs_operation_verb(happening->operation), *name = name_of(happening);
    char *before, *text;
    if (happening->detail & RS_OPEN_CARRIED) {
        before = text_duration(happening->time - happening->since);
        text = memory_format("has opened %s as fd %" PRId32 " %s before", name, happening->fd, before);
        free(before);
        return text;
    }
    if (happening->detail & RS_OPEN_INHERITED)
        return memory_format("process %" PRIu32 " inherits %s as fd %" PRId32, happening->process->pid, name,
                             happening->fd);
    if (happening->operation == RS_OP_accept) verb = "accepts";
    if (happening->operation == RS_OP_found || happening->detail & RS_OPEN_UNSEEN)
        return memory_format("%s is first seen, as fd %" PRId32, name, happening->fd);
    return memory_format("%s %s as fd %" PRId32, verb, name, happening->fd);
}

static char *text_of_handover(const struct happening *happening, const struct happening_scope *scope) {
    uint32_t reason = happening->detail;
    char *fd = fd_of(happening, scope, " of "), *other = NULL, *text;
    bool gives = reason == RS_HANDOVER_GIVEN && happening->context && happening->other;
    if (happening->other) other = id_named_context(happening->process, happening->other);
    if (reason == RS_HANDOVER_SHARED)
        text = memory_format("hand-over%s to all (shared)", fd);
    else if (reason == RS_HANDOVER_RETURNED)
        text = memory_format("hand-over%s to its pool (returned)", fd);
    else
        text = memory_format("hand-over%s %s %s (%s)", fd, gives ? "to" : "from", other ? other : "nobody",
                             rs_handover_name(reason));
    free(other);
    free(fd);
    return text;
}

/* "writes to fd 7" */
static char *deed_of(const struct happening *happening) {
    if (happening->detail == RS_FINDING_leak) return memory_format("leaves fd %" PRId32 " open", happening->fd);
    if (happening->operation == RS_OP_none && happening->fd < 0) return memory_copy("");
    if (happening->fd < 0) return memory_copy(rs_operation_verb(happening->operation));
    return memory_format("%s fd %" PRId32, rs_operation_verb(happening->operation), happening->fd);
}

/* The number is said of others than the one that is shown. */
static char *name_finding(const struct happening *happening, const struct happening_scope *scope) {
    struct finding *finding;
    const char *kind;
    char *id, *name;
    HASH_FIND(hh, happening->process->findings, &happening->finding, sizeof happening->finding, finding);
    kind = finding && finding->kind < RS_FINDING_COUNT ? rs_finding_kind_name(finding->kind) : "finding";
    if (happening->number == RS_EVENT_finding && happening->detail < RS_FINDING_COUNT)
        kind = rs_finding_kind_name(happening->detail);
    if (!finding || finding == scope->finding) return memory_copy(kind);
    id = id_of_finding(finding);
    name = memory_format("%s (%s)", kind, id);
    free(id);
    return name;
}

static char *text_of_finding(const struct happening *happening, const struct happening_scope *scope) {
    char *name = name_finding(happening, scope), *count = happening_number(happening->count), *deed, *text;
    if (happening->number == RS_EVENT_unleaked) {
        text = memory_format("closes fd %" PRId32 " after all: %s is mended", happening->fd, name);
    } else if (happening->number == RS_EVENT_finding_again) {
        text = memory_format("<== %s again, %s times by now", name, count);
    } else {
        deed = deed_of(happening);
        text = memory_format("<== %s%s%s", name, *deed ? ": " : "", deed);
        free(deed);
    }
    free(count);
    free(name);
    return text;
}

/* "EAGAIN" */
static char *name_error(int error) {
    const char *name = strerrorname_np(error);
    return name ? memory_copy(name) : memory_format("error %d", error);
}

/* "write 31 bytes, fd 7", "read x 31, 4,096 bytes", "read fails x 3: EAGAIN" */
static char *text_of_io(const struct happening *happening, const struct happening_scope *scope) {
    const char *name = rs_operation_name(happening->operation);
    uint32_t operation = happening->operation;
    char *fd = fd_of(happening, scope, ", "), *bytes = happening_number(happening->bytes), *text;
    char *count = happening_number(happening->count), *times = NULL, *error;
    times = happening->count > 1 ? memory_format(" x %s", count) : memory_copy("");
    if (happening->result < 0) {
        error = name_error(-happening->result);
        text = memory_format("%s%s fails: %s%s", name, times, error, fd);
        free(error);
    } else if (happening->bytes) {
        text = memory_format("%s%s %s byte%s%s", name, happening->count > 1 ? times : "", bytes,
                             happening->bytes == 1 ? "" : "s", fd);
        if (happening->count > 1) {
            free(text);
            text = memory_format("%s%s, %s bytes%s", name, times, bytes, fd);
        }
    } else if (operation == RS_OP_read || operation == RS_OP_recv) {
        text = memory_format("%s%s: the end%s", name, times, fd);
    } else {
        text = memory_format("%s%s%s", name, times, fd);
    }
    free(times);
    free(count);
    free(bytes);
    free(fd);
    return text;
}

char *happening_text(const struct happening *happening, const struct happening_scope *scope) {
    switch (happening->number) {
    case RS_EVENT_context_begin:
        return text_of_begin(happening, scope);
    case RS_EVENT_context_end:
        return memory_copy(happening->detail ? "is none after all: the program says itself what its contexts are"
                                             : "ends");
    case RS_EVENT_context_attributes:
        return memory_format("says of itself: %s", happening->text);
    case RS_EVENT_context_switch:
        return memory_copy(words_of_entry(happening));
    case RS_EVENT_open:
        return text_of_open(happening);
    case RS_EVENT_name:
        return memory_format("fd %" PRId32 " is now %s", happening->fd, happening->text);
    case RS_EVENT_dup:
        return memory_format("fd %" PRId32 " is now fd %" PRId32 ", too", happening->from_fd, happening->fd);
    case RS_EVENT_close:
        return memory_format("closes fd %" PRId32 "%s", happening->fd,
                             happening->detail ? "" : ", not the last number for it");
    case RS_EVENT_passed:
        return memory_format("fd %" PRId32 " %s a message", happening->fd,
                             happening->detail == RS_PASSED_SENT ? "goes with" : "came with");
    case RS_EVENT_handover:
        return text_of_handover(happening, scope);
    case RS_EVENT_finding:
    case RS_EVENT_finding_again:
    case RS_EVENT_unleaked:
        return text_of_finding(happening, scope);
    default:
        return text_of_io(happening, scope);
    }
}

/* ---- JSON ---- */

json_t *happening_json(const struct happening *happening, const struct happening_scope *scope, uint64_t zero) {
    bool io = happening->number == RS_EVENT_IO;
    bool acts = happening->operation != RS_OP_none;
    char *text = happening_text(happening, scope);
    json_t *object = json_object();
    if (!object) memory_exhausted();
    json_put(object, "time_ns", json_from_number(happening->time));
    json_put(object, "relative_ns", json_from_number(happening->time - zero)); /* negative before it */
    json_put(object, "pid", json_from_number(happening->process->pid));
    json_put(object, "thread", json_from_time(happening->thread));
    json_put(object, "context", json_from_number(happening->context));
    json_put(object, "description", json_from_time(happening->description));
    json_put(object, "fd", happening->fd < 0 ? json_null() : json_from_number((uint64_t)happening->fd));
    json_put(object, "event", json_from_text(happening_name(happening)));
    json_put(object, "operation", acts ? json_from_text(rs_operation_name(happening->operation)) : json_null());
    json_put(object, "result", io ? json_from_number((uint64_t)(int64_t)happening->result) : json_null());
    json_put(object, "text", json_from_text(text));
    free(text);
    return object;
}
