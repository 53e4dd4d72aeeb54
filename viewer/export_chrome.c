/* export_chrome.c: the Trace Event Format, which Perfetto and chrome://tracing open.
 *
 *   a process ──► a thread's track     each I/O call as a slice that ends when the call returned (how long it took, a trace does not
 *             │                        say: at most SLICE_LONGEST is drawn); hand-overs and findings as slices, too
 *             ├─► "context" tracks     from begin to end
 *             └─► "description" tracks from open to close
 *   arrows (flows)                     from the giver's last use of the description to the hand-over or finding
 *   lines over all (global instants)   findings, at their first report
 *
 * What must stay true:
 * - Slices of one thread do not overlap: importers drop what does. So each begins where the one before it ended, or later.
 * - An arrow begins and ends at a slice's begin, on its thread, after that slice in the file: so importers find what it binds to. */
#include "reqscope.h"
#include "viewer/crossings.h"
#include "viewer/export.h"
#include "viewer/filter_event.h"
#include "viewer/finding_places.h"
#include "viewer/finding_text.h"
#include "viewer/json_rows.h"
#include "viewer/json_stream.h"
#include "viewer/walk.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define SLICE_LONGEST 1000u /* ns */

#define FIELDS(event, name) ((const struct rs_event_##name *)(const void *)(event)->header)

/* What has been drawn on a thread. */
struct track {
    struct {
        uint64_t process, thread;
    } key;
    uint64_t last; /* where its last slice ended */
    char *name;    /* as it was written; NULL: not yet */
    UT_hash_handle hh;
};

/* Where a context last touched a description: an arrow from it begins there. */
#define ANYBODY UINT64_MAX /* in place of the context: the last touch at all */
struct touch {
    struct {
        uint64_t family, description, context;
    } key;
    uint32_t pid, thread;
    uint64_t begin; /* of the slice */
    UT_hash_handle hh;
};

struct chrome {
    const struct export *export;
    struct json_stream stream;
    struct track *tracks, *wanted_track; /* wanted: what is looked for, by its key */
    struct touch *touches, *wanted_touch;
    uint64_t arrows; /* so far */
};

/* Microseconds since the trace's begin. */
static void write_time(struct chrome *chrome, const char *key, uint64_t time) {
    uint64_t zero = chrome->export->model->first_time, since = time > zero ? time - zero : 0;
    json_stream_format(&chrome->stream, key, "%" PRIu64 ".%03u", since / 1000, (unsigned)(since % 1000));
}

static void begin_event(struct chrome *chrome, const char *phase, const char *name, const char *category) {
    json_stream_line(&chrome->stream);
    json_stream_object(&chrome->stream, NULL);
    json_stream_text(&chrome->stream, "ph", phase);
    json_stream_text(&chrome->stream, "name", name);
    json_stream_text(&chrome->stream, "cat", category);
}

static void write_place(struct chrome *chrome, uint32_t pid, uint32_t thread, uint64_t time) {
    json_stream_number(&chrome->stream, "pid", pid);
    json_stream_number(&chrome->stream, "tid", thread ? thread : pid);
    write_time(chrome, "ts", time);
}

static void end_event(struct chrome *chrome) {
    json_stream_end_object(&chrome->stream);
}

/* ---- names ---- */

static void write_name(struct chrome *chrome, const char *what, uint32_t pid, uint32_t thread, const char *name) {
    json_stream_line(&chrome->stream);
    json_stream_object(&chrome->stream, NULL);
    json_stream_text(&chrome->stream, "ph", "M");
    json_stream_text(&chrome->stream, "name", what);
    json_stream_text(&chrome->stream, "cat", "__metadata");
    json_stream_number(&chrome->stream, "pid", pid);
    json_stream_number(&chrome->stream, "tid", thread ? thread : pid);
    json_stream_object(&chrome->stream, "args");
    json_stream_text(&chrome->stream, "name", name);
    json_stream_end_object(&chrome->stream);
    end_event(chrome);
}

/* A program that is executed by another one has its pid, and is a process of its own to us: the last one names the track. */
static bool is_last_of_pid(const struct model *model, const struct process *process) {
    for (size_t i = 0; i < model->process_count; i++) {
        const struct process *other = model->processes[i];
        if (other->pid != process->pid || other == process) continue;
        if (other->started != process->started ? other->started > process->started : other->index > process->index)
            return false;
    }
    return true;
}

static void write_processes(struct chrome *chrome) {
    const struct model *model = chrome->export->model;
    for (size_t i = 0; i < model->process_count; i++) {
        const struct process *process = model->processes[i];
        const char *name = *process->command ? process->command : "process";
        if (chrome->export->filter->pid && chrome->export->filter->pid != process->pid) continue;
        if (is_last_of_pid(model, process)) write_name(chrome, "process_name", process->pid, process->pid, name);
    }
}

/* ---- contexts and descriptions: those whose begin is known ---- */

/* A slice in a track of its own, from `begin` to `end`; `number` is its own in the category. */
static void begin_long(struct chrome *chrome, const char *category, const char *name, size_t number,
                       const struct process *process, uint32_t thread, uint64_t begin) {
    begin_event(chrome, "b", name, category);
    json_stream_format(&chrome->stream, "id", "\"0x%zx\"", number);
    write_place(chrome, process->pid, thread, begin);
}

static void write_long_end(struct chrome *chrome, const char *category, const char *name, size_t number,
                           const struct process *process, uint32_t thread, uint64_t end) {
    begin_event(chrome, "e", name, category);
    json_stream_format(&chrome->stream, "id", "\"0x%zx\"", number);
    write_place(chrome, process->pid, thread, end);
    end_event(chrome);
}

/* What lives on ends with the trace. */
static uint64_t end_of(const struct chrome *chrome, uint64_t begin, uint64_t end) {
    uint64_t last = end ? end : chrome->export->model->last_time;
    return last > begin ? last : begin;
}

static void write_context(struct chrome *chrome, const struct context *context, size_t number) {
    char *unnamed = memory_format("context %" PRIu64, context->id);
    const char *name = *context->label ? context->label : unnamed;
    begin_long(chrome, "context", name, number, context->process, context->thread, context->began);
    json_stream_value(&chrome->stream, "args", json_from_context_row(context));
    end_event(chrome);
    write_long_end(chrome, "context", name, number, context->process, context->thread,
                   end_of(chrome, context->began, context->ended));
    free(unnamed);
}

static void write_contexts(struct chrome *chrome) {
    const struct model *model = chrome->export->model;
    for (size_t i = 0; i < model->context_count; i++)
        if (model->contexts[i]->known && filter_takes_context(chrome->export->filter, model->contexts[i]))
            write_context(chrome, model->contexts[i], i + 1);
}

static void write_description(struct chrome *chrome, const struct description *description, size_t number) {
    const char *name = *description->name ? description->name : rs_kind_name(description->kind);
    char *title = description->fd < 0 ? memory_copy(name) : memory_format("fd %" PRId32 ": %s", description->fd, name);
    begin_long(chrome, "description", title, number, description->process, description->thread, description->opened);
    json_stream_value(&chrome->stream, "args", json_from_description_row(chrome->export->symbols, description));
    end_event(chrome);
    write_long_end(chrome, "description", title, number, description->process, description->thread,
                   end_of(chrome, description->opened, description->closed));
    free(title);
}

static void write_descriptions(struct chrome *chrome) {
    const struct model *model = chrome->export->model;
    for (size_t i = 0; i < model->description_count; i++)
        if (model->descriptions[i]->known && filter_takes_description(chrome->export->filter, model->descriptions[i]))
            write_description(chrome, model->descriptions[i], i + 1);
}

/* ---- slices on threads ---- */

static struct track *track_of(struct chrome *chrome, const struct process *process, uint32_t thread) {
    struct track *track, *added;
    chrome->wanted_track->key.process = process->pid;
    chrome->wanted_track->key.thread = thread ? thread : process->pid; /* as it is written */
    HASH_FIND(hh, chrome->tracks, &chrome->wanted_track->key, sizeof added->key, track);
    if (track) return track;
    added = memory_new(sizeof *added);
    added->key = chrome->wanted_track->key;
    HASH_ADD(hh, chrome->tracks, key, sizeof added->key, added);
    return added;
}

/* Begins a slice that ends at `time`; its arguments are the caller's to write. Returns where it begins. */
static uint64_t begin_slice(struct chrome *chrome, const struct process *process, uint32_t thread, uint64_t time,
                            const char *name, const char *category) {
    struct track *track = track_of(chrome, process, thread);
    uint64_t begin = time - (time < SLICE_LONGEST ? time : SLICE_LONGEST);
    if (begin < chrome->export->model->first_time) begin = chrome->export->model->first_time;
    if (begin < track->last) begin = track->last;
    if (begin > time) begin = time;
    track->last = time;
    begin_event(chrome, "X", name, category);
    write_place(chrome, process->pid, thread, begin);
    json_stream_format(&chrome->stream, "dur", "%" PRIu64 ".%03u", (time - begin) / 1000,
                       (unsigned)((time - begin) % 1000));
    return begin;
}

static struct touch *touch_of(struct chrome *chrome, const struct process *process, uint64_t description,
                              uint64_t context) {
    struct touch *touch, *wanted = chrome->wanted_touch;
    wanted->key.family = process->family->index;
    wanted->key.description = description;
    wanted->key.context = context;
    HASH_FIND(hh, chrome->touches, &wanted->key, sizeof wanted->key, touch);
    return touch;
}

static void set_touch(struct chrome *chrome, const struct process *process, uint64_t description, uint64_t context,
                      uint32_t thread, uint64_t begin) {
    struct touch *touch = touch_of(chrome, process, description, context);
    if (!touch) {
        touch = memory_new(sizeof *touch);
        touch->key = chrome->wanted_touch->key;
        HASH_ADD(hh, chrome->touches, key, sizeof touch->key, touch);
    }
    touch->pid = process->pid;
    touch->thread = thread;
    touch->begin = begin;
}

static void note_touch(struct chrome *chrome, const struct process *process, uint64_t description, uint64_t context,
                       uint32_t thread, uint64_t begin) {
    if (!description) return;
    set_touch(chrome, process, description, context, thread, begin);
    set_touch(chrome, process, description, ANYBODY, thread, begin);
}

static void write_arrow_end(struct chrome *chrome, const char *phase, const char *category, uint32_t pid,
                            uint32_t thread, uint64_t time) {
    begin_event(chrome, phase, category, category);
    json_stream_number(&chrome->stream, "id", chrome->arrows);
    if (*phase == 'f') json_stream_text(&chrome->stream, "bp", "e");
    write_place(chrome, pid, thread, time);
    end_event(chrome);
}

/* From where the giver last touched the description, else from where anybody did, to a slice. */
static void write_arrow(struct chrome *chrome, const struct crossing *crossing, const char *category, uint64_t begin) {
    const struct touch *from = touch_of(chrome, crossing->process, crossing->description, crossing->from);
    if (!from) from = touch_of(chrome, crossing->process, crossing->description, ANYBODY);
    if (!from || from->begin > begin) return;
    chrome->arrows++;
    write_arrow_end(chrome, "s", category, from->pid, from->thread, from->begin);
    write_arrow_end(chrome, "f", category, crossing->process->pid, crossing->thread, begin);
}

static void write_who(struct chrome *chrome, const char *key, const struct process *process, uint64_t context) {
    char *text = finding_context(process, context);
    json_stream_text(&chrome->stream, key, text);
    free(text);
}

static void write_which(struct chrome *chrome, const struct process *process, uint64_t id, int32_t fd) {
    const struct description *description = model_description_of(process, id);
    if (fd >= 0) json_stream_signed(&chrome->stream, "fd", fd);
    if (!id) return;
    json_stream_text(&chrome->stream, "description", description ? description->name : NULL);
    json_stream_number(&chrome->stream, "description_id", id);
}

/* What is done to a description by a call or event: read, open, close. */
static void write_use(struct chrome *chrome, const struct event_facts *facts, uint32_t thread, const char *name,
                      const int32_t *result) {
    uint64_t begin;
    if (filter_is_set(chrome->export->filter) && !filter_takes_event(chrome->export->filter, facts)) return;
    begin = begin_slice(chrome, facts->process, thread, facts->time, name, "io");
    json_stream_object(&chrome->stream, "args");
    write_who(chrome, "context", facts->process, facts->context);
    write_which(chrome, facts->process, facts->description, facts->fd);
    if (result) json_stream_signed(&chrome->stream, "result", *result);
    json_stream_end_object(&chrome->stream);
    end_event(chrome);
    note_touch(chrome, facts->process, facts->description, facts->context, thread, begin);
}

/* ---- crossings ---- */

static void write_handover(struct chrome *chrome, const struct crossing *crossing) {
    char *name = memory_format("hand-over: %s", rs_handover_name(crossing->reason));
    uint64_t begin = begin_slice(chrome, crossing->process, crossing->thread, crossing->time, name, "hand-over");
    json_stream_object(&chrome->stream, "args");
    write_who(chrome, "from", crossing->process, crossing->from);
    write_who(chrome, "to", crossing->process, crossing->to);
    write_which(chrome, crossing->process, crossing->description, crossing->fd);
    json_stream_end_object(&chrome->stream);
    end_event(chrome);
    write_arrow(chrome, crossing, "hand-over", begin);
    note_touch(chrome, crossing->process, crossing->description, crossing->to, crossing->thread, begin);
    free(name);
}

/* The arguments of a finding's slice and line: each place's stack is a text, as the importers show it. */
static void write_finding_arguments(struct chrome *chrome, const struct crossing *crossing, bool stacks) {
    const struct finding *finding = crossing->finding;
    struct finding_place places[FINDING_PLACES];
    size_t count = stacks ? finding_places(chrome->export->symbols, finding, places) : 0;
    char *sentence = finding_sentence(finding);
    json_stream_object(&chrome->stream, "args");
    json_stream_text(&chrome->stream, "finding", sentence);
    write_who(chrome, "owner", crossing->process, crossing->from);
    write_who(chrome, "user", crossing->process, crossing->to);
    write_which(chrome, crossing->process, crossing->description, crossing->fd);
    json_stream_number(&chrome->stream, "count", crossing->count);
    for (size_t i = 0; i < count; i++) {
        char *title = finding_place_title(finding, &places[i]), *text = finding_place_text(&places[i]);
        char *whole = memory_format("%s\n%s", title, text);
        char *key = memory_format("stack %zu", i + 1);
        json_stream_text(&chrome->stream, key, whole);
        free(title), free(text), free(whole), free(key);
    }
    if (stacks) json_stream_text(&chrome->stream, "hint", finding_hint(finding));
    json_stream_end_object(&chrome->stream);
    finding_places_free(places, count);
    free(sentence);
}

static void write_line(struct chrome *chrome, const struct crossing *crossing) {
    begin_event(chrome, "i", finding_kind(crossing->finding), "finding");
    json_stream_text(&chrome->stream, "s", "g");
    write_place(chrome, crossing->process->pid, crossing->thread, crossing->time);
    write_finding_arguments(chrome, crossing, true);
    end_event(chrome);
}

static void write_finding(struct chrome *chrome, const struct crossing *crossing) {
    const char *kind = finding_kind(crossing->finding);
    bool first = crossing->count == 1;
    uint64_t begin = begin_slice(chrome, crossing->process, crossing->thread, crossing->time, kind, "finding");
    write_finding_arguments(chrome, crossing, first);
    end_event(chrome);
    if (crossing->from != crossing->to) write_arrow(chrome, crossing, "foreign use", begin);
    if (first) write_line(chrome, crossing);
}

static void write_crossing(struct chrome *chrome, const struct crossing *crossing) {
    if (crossing->finding)
        write_finding(chrome, crossing);
    else
        write_handover(chrome, crossing);
}

/* ---- the walk ---- */

/* A stream says whose it is again and again. */
static void on_thread(struct chrome *chrome, const struct process *process, const struct rs_read_event *event) {
    uint32_t thread = FIELDS(event, thread)->thread;
    const char *name = event->strings[0];
    struct track *track;
    if (!*name || (chrome->export->filter->pid && chrome->export->filter->pid != process->pid)) return;
    track = track_of(chrome, process, thread);
    if (track->name && !strcmp(track->name, name)) return;
    free(track->name);
    track->name = memory_copy(name);
    write_name(chrome, "thread_name", process->pid, thread, name);
}

static void on_open(struct chrome *chrome, const struct process *process, const struct rs_read_event *event) {
    const struct rs_event_open *fields = FIELDS(event, open);
    struct event_facts facts = {.process = process,
                                .time = event->header->time,
                                .context = fields->context,
                                .description = fields->description,
                                .fd = event->header->fd};
    if (!(fields->flags & (RS_OPEN_CARRIED | RS_OPEN_INHERITED)))
        write_use(chrome, &facts, event->thread, rs_operation_name(fields->operation), NULL);
}

static void on_close(struct chrome *chrome, const struct process *process, const struct rs_read_event *event) {
    const struct rs_event_close *fields = FIELDS(event, close);
    struct event_facts facts = {.process = process,
                                .time = event->header->time,
                                .context = fields->context,
                                .description = fields->description,
                                .fd = event->header->fd};
    write_use(chrome, &facts, event->thread, "close", NULL);
}

static void on_io(struct chrome *chrome, const struct process *process, const struct rs_read_event *event) {
    const struct rs_event_io *fields = FIELDS(event, io);
    struct event_facts facts = {.process = process,
                                .time = event->header->time,
                                .context = fields->context,
                                .description = fields->description,
                                .fd = event->header->fd};
    write_use(chrome, &facts, event->thread, rs_operation_name(event->operation), &fields->result);
}

static void write_walk(struct chrome *chrome) {
    struct walk *walk = walk_open(chrome->export->model, false, NULL);
    struct rs_read_event event;
    struct process *process;
    struct crossing crossing;
    while (walk_next(walk, &process, &event)) {
        if (event.number == RS_EVENT_thread)
            on_thread(chrome, process, &event);
        else if (event.number == RS_EVENT_open)
            on_open(chrome, process, &event);
        else if (event.number == RS_EVENT_close)
            on_close(chrome, process, &event);
        else if (event.number == RS_EVENT_IO)
            on_io(chrome, process, &event);
        else if (crossing_read(process, &event, chrome->export->filter, &crossing))
            write_crossing(chrome, &crossing);
    }
    walk_close(walk);
}

static void free_tables(struct chrome *chrome) {
    struct track *track = chrome->tracks, *next_track;
    struct touch *touch = chrome->touches, *next_touch;
    HASH_CLEAR(hh, chrome->tracks); /* leaves the elements linked */
    for (; track; track = next_track) {
        next_track = track->hh.next;
        free(track->name);
        free(track);
    }
    HASH_CLEAR(hh, chrome->touches);
    for (; touch; touch = next_touch) {
        next_touch = touch->hh.next;
        free(touch);
    }
    free(chrome->wanted_track);
    free(chrome->wanted_touch);
}

bool export_chrome(const struct export *export, FILE *file) {
    struct chrome chrome = {.export = export, .stream = {.file = file}};
    chrome.wanted_track = memory_new(sizeof *chrome.wanted_track);
    chrome.wanted_touch = memory_new(sizeof *chrome.wanted_touch);
    json_stream_object(&chrome.stream, NULL);
    json_stream_text(&chrome.stream, "displayTimeUnit", "ns");
    json_stream_object(&chrome.stream, "otherData");
    json_stream_text(&chrome.stream, "generator", "reqscope " REQSCOPE_VERSION);
    json_stream_number(&chrome.stream, "lost_events", export->model->lost_events);
    json_stream_end_object(&chrome.stream);
    json_stream_array(&chrome.stream, "traceEvents");
    write_processes(&chrome);
    write_contexts(&chrome);
    write_descriptions(&chrome);
    write_walk(&chrome);
    json_stream_end_array(&chrome.stream);
    json_stream_end_object(&chrome.stream);
    fputc('\n', file);
    free_tables(&chrome);
    return true;
}
