/* live.c: see live.h. Labels, contexts, descriptions, processes, events. */
#include "viewer/live.h"

#include <stdlib.h>
#include <string.h>

/* A begin that is older than this when it is written is told again: it is no news. */
#define TOLD_AGAIN 100000000 /* ns */

/* The event as the struct of its kind. */
#define FIELDS(event, name) ((const struct rs_event_##name *)(const void *)(event)->header)

/* ---- labels ---- */

static struct live_label *take_label(struct live *live, const char *text) {
    size_t length = strlen(text);
    struct live_label *label;
    HASH_FIND(hh, live->labels, text, length, label);
    if (!label) {
        label = memory_new(sizeof *label);
        label->text = memory_copy(text);
        HASH_ADD_KEYPTR(hh, live->labels, label->text, length, label);
    }
    label->references++;
    return label;
}

static void free_label(struct live *live, struct live_label *label) {
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): what was freed before is linked nowhere any more */
    HASH_DEL(live->labels, label);
    free(label->text);
    free(label);
}

/* Its sums are shown at the interval's end: until then it stays. */
static void leave_label(struct live *live, struct live_label *label) {
    if (!--label->references && !label->begun && !label->ended) free_label(live, label);
}

static struct live_place place_of(const struct tail_event *event) {
    return (struct live_place){event->stream, event->sequence};
}

/* ---- contexts ---- */

static struct live_context *find_context(const struct live *live, uint64_t family, uint64_t id) {
    const struct live_key key = {family, id};
    struct live_context *context;
    HASH_FIND_BYHASHVALUE(hh, live->contexts, &key, sizeof key, live_hash(&key, sizeof key), context);
    return context;
}

static struct live_context *add_context(struct live *live, uint64_t family, uint64_t id, const char *label) {
    struct live_context *context = memory_new(sizeof *context);
    context->key = (struct live_key){family, id};
    context->label = take_label(live, label);
    HASH_ADD_BYHASHVALUE(hh, live->contexts, key, sizeof context->key, live_hash(&context->key, sizeof context->key),
                         context);
    return context;
}

static void free_context(struct live *live, struct live_context *context) {
    HASH_DEL(live->contexts, context);
    leave_label(live, context->label);
    free(context);
}

/* It lives no more, and owns nothing: nobody asks for it but the latest findings. */
static void forget_if_over(struct live *live, struct live_context *context) {
    if (!context->lives && !context->remembered && !context->owned) free_context(live, context);
}

/* Among the latest that ended, in place of the one that is the oldest of them. */
static void remember(struct live *live, struct live_context *context) {
    struct live_context **place = &live->ended[live->ended_next];
    struct live_context *oldest = *place;
    live->ended_next = (live->ended_next + 1) % LIVE_REMEMBERED;
    *place = context;
    context->remembered = true;
    if (!oldest) return;
    oldest->remembered = false;
    forget_if_over(live, oldest);
}

static void set_alive(struct live *live, struct live_context *context, bool lives) {
    if (context->lives == lives) return;
    context->lives = lives;
    if (lives)
        live->live_count++;
    else
        live->live_count--;
}

static void on_begin(struct live *live, const struct live_process *process, const struct tail_event *event) {
    const struct rs_event_context_begin *fields = FIELDS(event, context_begin);
    bool told_again = fields->header.time > fields->began + TOLD_AGAIN;
    struct live_context *context = find_context(live, process->family, fields->context);
    if (context && context->process == process) context->told = place_of(event);
    if (!fields->context || context) return;
    context = add_context(live, process->family, fields->context, event->text);
    context->began = fields->began;
    context->told = place_of(event);
    /* A fork's child tells of what lived then; the process where it began tells of its end. */
    if (fields->origin == RS_ORIGIN_INHERITED || (told_again && process->primed && !live->swept)) {
        remember(live, context);
        return;
    }
    context->process = process;
    set_alive(live, context, true);
    if (told_again && process->primed) return;
    live->interval.begun++;
    context->label->begun++;
}

static void on_end(struct live *live, const struct live_process *process, const struct tail_event *event) {
    const struct rs_event_context_end *fields = FIELDS(event, context_end);
    struct live_context *context;
    if (!fields->context) return;
    context = find_context(live, process->family, fields->context);
    /* Remembered as ended, so that a begin that comes late is none. */
    if (!context) context = add_context(live, process->family, fields->context, "");
    if (context->lives && !fields->superseded) {
        live->interval.ended++;
        context->label->ended++;
        if (fields->header.time > context->began) context->label->duration += fields->header.time - context->began;
    }
    set_alive(live, context, false);
    if (!context->remembered) remember(live, context);
}

/* ---- descriptions ---- */

struct live_description *live_description_of(const struct live *live, uint64_t family, uint64_t id) {
    const struct live_key key = {family, id};
    struct live_description *description;
    HASH_FIND_BYHASHVALUE(hh, live->descriptions, &key, sizeof key, live_hash(&key, sizeof key), description);
    return description;
}

static void set_owner(struct live *live, struct live_description *description, uint64_t id) {
    struct live_context *before = find_context(live, description->key.family, description->owner);
    struct live_context *owner = find_context(live, description->key.family, id);
    if (owner) owner->owned++;
    description->owner = id;
    if (!before || !before->owned) return;
    before->owned--;
    forget_if_over(live, before);
}

static struct live_description *add_description(struct live *live, const struct live_process *process, uint64_t id,
                                                int32_t fd) {
    struct live_description *description = memory_new(sizeof *description);
    description->key = (struct live_key){process->family, id};
    description->name = memory_copy("");
    description->process = process;
    description->fd = fd;
    HASH_ADD_BYHASHVALUE(hh, live->descriptions, key, sizeof description->key,
                         live_hash(&description->key, sizeof description->key), description);
    return description;
}

static void free_description(struct live *live, struct live_description *description) {
    set_owner(live, description, 0);
    HASH_DEL(live->descriptions, description);
    free(description->name);
    free(description->holders);
    free(description);
}

static void hold(struct live_description *description, const struct live_process *process) {
    for (size_t i = 0; i < description->holder_count; i++)
        if (description->holders[i] == process) return;
    description->holders = memory_grow(description->holders, &description->holder_space, description->holder_count + 1,
                                       sizeof(struct live_process *));
    description->holders[description->holder_count++] = process;
}

/* `process` has it no more. */
static void let_go(struct live *live, struct live_description *description, const struct live_process *process) {
    for (size_t i = 0; i < description->holder_count; i++)
        if (description->holders[i] == process)
            description->holders[i] = description->holders[--description->holder_count];
    if (description->holder_count) {
        if (description->process != process) return;
        description->process = description->holders[0];
        description->told = (struct live_place){0, UINT64_MAX}; /* where that one told of it is not known */
        return;
    }
    if (!description->closed) live->open_count--;
    description->closed = true;
    description->closed_at = live->number;
}

static void rename_description(struct live_description *description, const char *name) {
    if (!*name || !strcmp(description->name, name)) return;
    free(description->name);
    description->name = memory_copy(name);
}

static void on_open(struct live *live, const struct live_process *process, const struct tail_event *event) {
    const struct rs_event_open *fields = FIELDS(event, open);
    struct live_description *description;
    if (!fields->description) return;
    description = live_description_of(live, process->family, fields->description);
    if (!description) {
        description = add_description(live, process, fields->description, fields->header.fd);
        description->kind = fields->kind;
        set_owner(live, description, fields->context);
        live->open_count++;
    }
    if (description->closed) return; /* told late, or again */
    hold(description, process);
    if (description->process == process) description->told = place_of(event);
    rename_description(description, event->text);
}

static void on_name(struct live *live, const struct live_process *process, const struct tail_event *event) {
    const struct rs_event_name *fields = FIELDS(event, name);
    struct live_description *description = live_description_of(live, process->family, fields->description);
    if (!description) return;
    description->kind = fields->kind;
    rename_description(description, event->text);
}

static void on_close(struct live *live, const struct live_process *process, const struct tail_event *event) {
    const struct rs_event_close *fields = FIELDS(event, close);
    struct live_description *description;
    if (!fields->description || !fields->last) return;
    description = live_description_of(live, process->family, fields->description);
    if (!description) {
        /* Known as closed for a while, so that an open that comes late is none. */
        description = add_description(live, process, fields->description, fields->header.fd);
        live->open_count++;
    }
    let_go(live, description, process);
}

static void on_handover(struct live *live, const struct live_process *process, const struct tail_event *event) {
    const struct rs_event_handover *fields = FIELDS(event, handover);
    struct live_description *description = live_description_of(live, process->family, fields->description);
    if (description) set_owner(live, description, fields->to);
}

static bool moves_bytes(uint32_t operation) {
    return operation == RS_OP_read || operation == RS_OP_write || operation == RS_OP_recv || operation == RS_OP_send ||
           operation == RS_OP_sendfile || operation == RS_OP_splice;
}

static void on_io(struct live *live, const struct live_process *process, const struct tail_event *event) {
    const struct rs_event_io *fields = FIELDS(event, io);
    uint64_t bytes = fields->result > 0 && moves_bytes(event->operation) ? (uint64_t)fields->result : 0;
    struct live_description *description = live_description_of(live, process->family, fields->description);
    live->interval.calls++;
    live->interval.bytes += bytes;
    if (!description) return;
    description->calls++;
    description->bytes += bytes;
    description->user = fields->context;
    if (fields->header.fd >= 0) description->fd = fields->header.fd;
}

const char *live_name(const struct live_description *description) {
    return *description->name ? description->name : rs_kind_name(description->kind);
}

/* ---- processes ---- */

#define FAMILY_OF_ONE (1ull << 32) /* families' own numbers are 32 bits */

struct live *live_new(void) {
    return memory_new(sizeof(struct live));
}

struct live_process *live_add(struct live *live, uint32_t pid) {
    struct live_process *process = memory_new(sizeof *process);
    live->processes =
        memory_grow(live->processes, &live->process_space, live->process_count + 1, sizeof(struct live_process *));
    live->processes[live->process_count++] = process;
    process->pid = pid;
    process->family = process->scope = FAMILY_OF_ONE | ++live->scopes;
    process->command = memory_copy("");
    return process;
}

static void on_process(struct live_process *process, const struct tail_event *event) {
    const struct rs_event_process *fields = FIELDS(event, process);
    if (process->known) return;
    process->known = true;
    process->own_pid = fields->pid;
    if (fields->family) process->family = fields->family;
    free(process->command);
    process->command = memory_copy(event->text);
}

void live_remove(struct live *live, struct live_process *process) {
    struct live_context *context, *next_context;
    struct live_description *description, *next_description;
    size_t kept = 0;
    for (context = live->contexts; context; context = next_context) {
        next_context = context->hh.next;
        if (context->process != process) continue;
        context->process = NULL;
        set_alive(live, context, false);
        forget_if_over(live, context);
    }
    for (description = live->descriptions; description; description = next_description) {
        next_description = description->hh.next;
        if (!description->closed) let_go(live, description, process);
        if (description->closed && description->process == process) free_description(live, description);
    }
    live_forget_findings(live, process);
    for (size_t i = 0; i < live->process_count; i++)
        if (live->processes[i] != process) live->processes[kept++] = live->processes[i];
    live->process_count = kept;
    free(process->command);
    free(process);
}

/* ---- events ---- */

void live_take(struct live *live, const struct tail_event *event) {
    struct live_process *process = event->process;
    live->interval.events++;
    switch (event->number) {
    case RS_EVENT_IO:
        on_io(live, process, event);
        break;
    case RS_EVENT_process:
        on_process(process, event);
        break;
    case RS_EVENT_context_begin:
        on_begin(live, process, event);
        break;
    case RS_EVENT_context_end:
        on_end(live, process, event);
        break;
    case RS_EVENT_open:
        on_open(live, process, event);
        break;
    case RS_EVENT_name:
        on_name(live, process, event);
        break;
    case RS_EVENT_close:
        on_close(live, process, event);
        break;
    case RS_EVENT_handover:
        on_handover(live, process, event);
        break;
    case RS_EVENT_stack:
        live_take_stack(live, process, event);
        break;
    case RS_EVENT_finding:
        live_take_finding(live, process, event);
        break;
    case RS_EVENT_finding_again:
        live_take_again(live, process, event);
        break;
    default:
        break; /* what the others say is not shown */
    }
}

/* ---- intervals ---- */

static void add_sums(struct live_sums *total, const struct live_sums *interval) {
    total->begun += interval->begun;
    total->ended += interval->ended;
    total->calls += interval->calls;
    total->bytes += interval->bytes;
    total->events += interval->events;
    total->findings += interval->findings;
    total->again += interval->again;
}

void live_begin_interval(struct live *live) {
    struct live_description *description, *next_description;
    struct live_label *label, *next_label;
    add_sums(&live->total, &live->interval);
    live->interval = (struct live_sums){0};
    for (description = live->descriptions; description; description = next_description) {
        next_description = description->hh.next;
        description->calls = description->bytes = 0;
        if (description->closed && description->closed_at < live->number) free_description(live, description);
    }
    for (label = live->labels; label; label = next_label) {
        next_label = label->hh.next;
        label->begun = label->ended = label->duration = 0;
        if (!label->references) free_label(live, label);
    }
    live->number++;
}

void live_primed(struct live *live) {
    for (size_t i = 0; i < live->process_count; i++) live->processes[i]->primed = true;
    live_begin_interval(live);
    live->total = (struct live_sums){0};
}

void live_sweep(struct live *live, struct tail *tail) {
    struct live_description *description, *next_description;
    struct live_context *context, *next_context;
    for (context = live->contexts; context; context = next_context) {
        next_context = context->hh.next;
        if (!context->lives || tail_has(tail, context->process, context->told.stream, context->told.sequence)) continue;
        set_alive(live, context, false);
        forget_if_over(live, context);
    }
    for (description = live->descriptions; description; description = next_description) {
        next_description = description->hh.next;
        if (!description->closed &&
            !tail_has(tail, description->process, description->told.stream, description->told.sequence))
            let_go(live, description, description->process);
    }
    tail_mark(tail);
    live->swept = true;
}

/* ---- the most of it ---- */

static int compare_descriptions(const struct live_description *a, const struct live_description *b) {
    if (a->calls != b->calls) return a->calls > b->calls ? -1 : 1;
    if (a->key.family != b->key.family) return a->key.family < b->key.family ? -1 : 1;
    return (a->key.id > b->key.id) - (a->key.id < b->key.id);
}

static uint64_t larger(uint64_t a, uint64_t b) {
    return a > b ? a : b;
}

static int compare_labels(const struct live_label *a, const struct live_label *b) {
    uint64_t left = larger(a->begun, a->ended), right = larger(b->begun, b->ended);
    return left != right ? left > right ? -1 : 1 : strcmp(a->text, b->text);
}

/* Few are kept of many: each is put in its place among those, or is none of them. */
size_t live_busiest(const struct live *live, const struct live_description **found, size_t most) {
    size_t count = 0;
    for (const struct live_description *one = live->descriptions; one; one = one->hh.next) {
        size_t place = count;
        if (!one->calls) continue;
        while (place && compare_descriptions(one, found[place - 1]) < 0) place--;
        if (place == most) continue;
        if (count < most) count++;
        memmove(found + place + 1, found + place, (count - place - 1) * sizeof *found);
        found[place] = one;
    }
    return count;
}

size_t live_labels(const struct live *live, const struct live_label **found, size_t most) {
    size_t count = 0;
    for (const struct live_label *one = live->labels; one; one = one->hh.next) {
        size_t place = count;
        if (!one->begun && !one->ended) continue;
        while (place && compare_labels(one, found[place - 1]) < 0) place--;
        if (place == most) continue;
        if (count < most) count++;
        memmove(found + place + 1, found + place, (count - place - 1) * sizeof *found);
        found[place] = one;
    }
    return count;
}

const struct live_context *live_context_of(const struct live *live, uint64_t family, uint64_t id) {
    return id ? find_context(live, family, id) : NULL;
}

void live_free(struct live *live) {
    struct live_description *description, *next_description;
    struct live_context *context, *next_context;
    struct live_label *label, *next_label;
    if (!live) return;
    while (live->process_count) live_remove(live, live->processes[live->process_count - 1]);
    for (description = live->descriptions; description; description = next_description) {
        next_description = description->hh.next;
        free_description(live, description);
    }
    for (context = live->contexts; context; context = next_context) {
        next_context = context->hh.next;
        free_context(live, context);
    }
    for (label = live->labels; label; label = next_label) {
        next_label = label->hh.next;
        free_label(live, label);
    }
    live_free_findings(live);
    free(live->processes);
    free(live);
}
