/* load.c: see load.h. One function for each kind of event; an event may name what was never seen. */
#include "viewer/load.h"
#include "viewer/progress.h"
#include "viewer/scan.h"
#include "viewer/text.h"
#include "viewer/walk.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* The event as the struct of its kind. */
#define FIELDS(event, name) ((const struct rs_event_##name *)(const void *)(event)->header)

static void replace(char **text, const char *with) {
    char *copy = memory_copy(with);
    free(*text);
    *text = copy;
}

static void on_process(struct process *process, const struct rs_read_event *event) {
    const struct rs_event_process *fields = FIELDS(event, process);
    process->known = true;
    if (!process->family) model_set_family(process, fields->family);
    process->pid = fields->pid;
    process->parent_pid = fields->parent_pid;
    process->mode = fields->mode;
    process->policy = fields->policy;
    process->started = fields->header.time;
    replace(&process->command, event->strings[0]);
}

static void on_module(struct process *process, const struct rs_read_event *event) {
    const struct rs_event_module *fields = FIELDS(event, module);
    process->modules =
        memory_grow(process->modules, &process->module_space, process->module_count + 1, sizeof *process->modules);
    process->modules[process->module_count++] = (struct module){
        .time = fields->header.time,
        .base = fields->base,
        .low = fields->low,
        .high = fields->high,
        .path = memory_copy(event->strings[0]),
        .build_id = memory_copy(event->strings[1]),
    };
}

static void on_stack(struct process *process, const struct rs_read_event *event) {
    const struct rs_event_stack *fields = FIELDS(event, stack);
    struct stack *stack = model_stack(process, fields->stack);
    if (stack->addresses) return;
    stack->flags = fields->flags;
    stack->time = fields->header.time;
    stack->count = event->word_count;
    stack->addresses = memory_new(event->word_count * sizeof *stack->addresses);
    memcpy(stack->addresses, event->words, event->word_count * sizeof *stack->addresses);
}

static void on_context_begin(struct process *process, const struct rs_read_event *event) {
    const struct rs_event_context_begin *fields = FIELDS(event, context_begin);
    bool inherited = fields->origin == RS_ORIGIN_INHERITED;
    struct context *context;
    if (!fields->context) return;
    context = model_context(process, fields->context);
    /* What a fork's child says of it is less than what was said where it began. */
    if (context->known && inherited) return;
    if (!context->known || context->origin == RS_ORIGIN_INHERITED) context->process = process;
    context->known = true;
    context->parent = fields->parent;
    context->began = fields->began;
    context->origin = (uint8_t)fields->origin;
    context->thread = fields->thread;
    context->label = model_text(process->model, event->strings[0]);
    /* Numbers count up; of what is carried over, the times do not. */
    if (!inherited && (!process->first_context || fields->context < process->first_context))
        process->first_context = fields->context;
}

static void on_context_attributes(struct process *process, const struct rs_read_event *event) {
    const struct rs_event_context_attributes *fields = FIELDS(event, context_attributes);
    if (fields->context && *event->strings[0])
        model_context(process, fields->context)->attributes = model_text(process->model, event->strings[0]);
}

static void on_context_switch(struct process *process, const struct rs_read_event *event) {
    const struct rs_event_context_switch *fields = FIELDS(event, context_switch);
    bool read = fields->how == RS_ENTRY_REQUEST, resumed = fields->how == RS_ENTRY_RESUMED,
         handed = fields->how == RS_ENTRY_HANDED;
    struct context *context;
    if (!fields->context || !(read || resumed || handed)) return;
    context = model_context(process, fields->context);
    context->read += read;
    context->resumed += resumed;
    context->handed_over += handed;
}

static void on_context_end(struct process *process, const struct rs_read_event *event) {
    const struct rs_event_context_end *fields = FIELDS(event, context_end);
    struct context *context;
    if (!fields->context) return;
    context = model_context(process, fields->context);
    context->ended = event->header->time;
    context->superseded = fields->superseded;
    if (fields->superseded && process->first_context == fields->context) process->first_context = 0;
}

/* A process may tell of it more than once. */
static void note_holder(struct description *description, const struct process *process) {
    if (description->latest_holder == process) return;
    description->latest_holder = process;
    description->holders++;
}

static void on_open(struct process *process, const struct rs_read_event *event) {
    const struct rs_event_open *fields = FIELDS(event, open);
    struct description *description;
    if (!fields->description) return;
    description = model_description(process, fields->description);
    note_holder(description, process);
    if (!description->known) {
        description->known = true;
        description->process = process;
        description->fd = fields->header.fd;
        description->kind = fields->kind;
        description->operation = fields->operation;
        description->flags = fields->flags;
        description->thread = fields->thread;
        description->stack = fields->stack;
        description->opened = fields->opened;
        description->opener = fields->context;
        if (fields->context && !(fields->flags & RS_OPEN_INHERITED)) model_context(process, fields->context)->opens++;
    }
    if (!description->handovers) description->owner = fields->context;
    if (*event->strings[0]) description->name = model_text(process->model, event->strings[0]);
}

static void on_name(struct process *process, const struct rs_read_event *event) {
    const struct rs_event_name *fields = FIELDS(event, name);
    struct description *description;
    if (!fields->description) return;
    description = model_description(process, fields->description);
    description->kind = fields->kind;
    description->name = model_text(process->model, event->strings[0]);
}

/* It is closed when the last process that has it closes it, or the one that opened it: one that was forked may have ended. */
static void on_close(struct process *process, const struct rs_read_event *event) {
    const struct rs_event_close *fields = FIELDS(event, close);
    struct description *description;
    if (!fields->description || !fields->last) return;
    description = model_description(process, fields->description);
    if (description->holders) description->holders--;
    description->latest_holder = NULL;
    if (!description->holders || description->process == process || description->closed)
        description->closed = fields->header.time;
}

static void on_passed(struct process *process, const struct rs_read_event *event) {
    const struct rs_event_passed *fields = FIELDS(event, passed);
    struct pass pass = {.time = fields->header.time, .identity = fields->identity, .how = fields->how};
    if (!fields->description || !fields->identity || fields->how > RS_PASSED_RECEIVED) return;
    pass.description = model_description(process, fields->description);
    model_pass(process->model, &pass);
}

static void on_handover(struct process *process, const struct rs_read_event *event) {
    const struct rs_event_handover *fields = FIELDS(event, handover);
    struct description *description;
    if (!fields->description) return;
    description = model_description(process, fields->description);
    description->owner = fields->to;
    /* Back to the pool and out of it again is one hand-over: the second half counts. */
    if (fields->reason != RS_HANDOVER_RETURNED && fields->reason != RS_HANDOVER_SHARED) description->handovers++;
}

static void on_finding(struct process *process, const struct rs_read_event *event) {
    const struct rs_event_finding *fields = FIELDS(event, finding);
    struct finding *finding = model_finding(process, fields->finding);
    finding->known = true;
    finding->time = fields->header.time;
    if (finding->last_time < finding->time) finding->last_time = finding->time;
    finding->fd = fields->header.fd;
    finding->kind = fields->kind;
    finding->verdict = fields->verdict;
    finding->operation = fields->operation;
    finding->opened_stack = fields->opened_stack;
    finding->used_stack = fields->used_stack;
    finding->owner_thread = fields->owner_thread;
    finding->owner_operation = fields->owner_operation;
    finding->phase = fields->phase;
    finding->unread = fields->unread;
    finding->thread = fields->thread;
    finding->description = fields->description;
    finding->owner = fields->owner;
    finding->user = fields->user;
    finding->opened = fields->opened;
    finding->opener = fields->opener;
    finding->sender = fields->sender;
    finding->sent = fields->sent;
    finding->sent_age = fields->sent_age;
    finding->transaction_of = fields->transaction_of;
    finding->transaction = fields->transaction;
    finding->protocol = fields->protocol;
    finding->closer = fields->closer;
    finding->closed_age = fields->closed_age;
    finding->closed_stack = fields->closed_stack;
    finding->closed_thread = fields->closed_thread;
    finding->closed_description = fields->closed_description;
    finding->first_user = fields->first_user;
    finding->other_process = fields->other_process;
    model_suffer(process, fields->owner, finding);
    model_blame(process, fields->user, finding);
    model_blame(process, fields->first_user, finding);
}

static void on_finding_again(struct process *process, const struct rs_read_event *event) {
    const struct rs_event_finding_again *fields = FIELDS(event, finding_again);
    struct finding *finding = model_finding(process, fields->finding);
    if (finding->count < fields->count) finding->count = fields->count;
    finding->last_time = fields->header.time;
    if (!finding->known) {
        finding->time = fields->header.time;
        finding->fd = fields->header.fd;
        finding->description = fields->description;
        finding->owner = fields->owner;
        finding->user = fields->user;
    }
    model_suffer(process, fields->owner, finding);
    model_blame(process, fields->user, finding);
}

static void on_unleaked(struct process *process, const struct rs_read_event *event) {
    const struct rs_event_unleaked *fields = FIELDS(event, unleaked);
    struct finding *finding = model_finding(process, fields->finding);
    if (finding->mended < fields->count) finding->mended = fields->count;
}

/* The latest word on each line is the largest. */
static void on_rule(struct process *process, const struct rs_read_event *event) {
    const struct rs_event_rule *fields = FIELDS(event, rule);
    for (size_t i = 0; i < process->rule_count; i++) {
        if (process->rules[i].line != fields->line) continue;
        if (process->rules[i].hits < fields->hits) process->rules[i].hits = fields->hits;
        return;
    }
    process->rules = memory_grow(process->rules, &process->rule_space, process->rule_count + 1, sizeof *process->rules);
    process->rules[process->rule_count++] =
        (struct rule){.line = fields->line, .hits = fields->hits, .text = memory_copy(event->strings[0])};
}

static void on_coverage(struct process *process, const struct rs_read_event *event) {
    process->coverage |= FIELDS(event, coverage)->flags;
    if (!*event->strings[0]) return;
    for (size_t i = 0; i < process->note_count; i++)
        if (!strcmp(process->notes[i], event->strings[0])) return;
    process->notes = memory_grow(process->notes, &process->note_space, process->note_count + 1, sizeof *process->notes);
    process->notes[process->note_count++] = memory_copy(event->strings[0]);
}

static void load_event(struct process *process, const struct rs_read_event *event) {
    switch (event->number) {
    case RS_EVENT_process:
        on_process(process, event);
        break;
    case RS_EVENT_module:
        on_module(process, event);
        break;
    case RS_EVENT_stack:
        on_stack(process, event);
        break;
    case RS_EVENT_context_begin:
        on_context_begin(process, event);
        break;
    case RS_EVENT_context_end:
        on_context_end(process, event);
        break;
    case RS_EVENT_context_attributes:
        on_context_attributes(process, event);
        break;
    case RS_EVENT_context_switch:
        on_context_switch(process, event);
        break;
    case RS_EVENT_open:
        on_open(process, event);
        break;
    case RS_EVENT_name:
        on_name(process, event);
        break;
    case RS_EVENT_close:
        on_close(process, event);
        break;
    case RS_EVENT_handover:
        on_handover(process, event);
        break;
    case RS_EVENT_finding:
        on_finding(process, event);
        break;
    case RS_EVENT_finding_again:
        on_finding_again(process, event);
        break;
    case RS_EVENT_passed:
        on_passed(process, event);
        break;
    case RS_EVENT_coverage:
        on_coverage(process, event);
        break;
    case RS_EVENT_unleaked:
        on_unleaked(process, event);
        break;
    case RS_EVENT_rule:
        on_rule(process, event);
        break;
    default:
        break; /* thread: the reader follows them; dup changes nothing here; I/O is summed up by scan.h */
    }
}

/* ---- folders ---- */

static void complain(void *argument, const char *line) {
    (void)argument;
    text_complain("%s", line);
}

/* Was it named twice, by itself and by the folder around it? */
static bool is_loaded(const struct model *model, const char *folder) {
    struct stat one, other;
    if (stat(folder, &one)) return false;
    for (size_t i = 0; i < model->process_count; i++)
        if (!stat(model->processes[i]->folder, &other) && one.st_dev == other.st_dev && one.st_ino == other.st_ino)
            return true;
    return false;
}

static int compare_names(const void *left, const void *right) {
    return strcmp(*(char *const *)left, *(char *const *)right);
}

char **load_list_folder(const char *folder) {
    char **names = NULL;
    size_t count = 0, space = 0;
    struct dirent *entry;
    DIR *directory = opendir(folder);
    if (!directory) return NULL;
    names = memory_grow(names, &space, 1, sizeof *names);
    while ((entry = readdir(directory))) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
        names = memory_grow(names, &space, count + 2, sizeof *names);
        names[count++] = memory_copy(entry->d_name);
    }
    closedir(directory);
    qsort(names, count, sizeof *names, compare_names);
    names[count] = NULL;
    return names;
}

void load_free_list(char **names) {
    for (char **name = names; name && *name; name++) free(*name);
    free(names);
}

static bool is_listed(char *const *names, const char *name) {
    for (; names && *names; names++)
        if (!strcmp(*names, name)) return true;
    return false;
}

/* Adds the processes whose traces are there. */
static bool find_processes(struct model *model, const char *folder, char *const *skip) {
    size_t traces = 0;
    char **names;
    if (rs_reader_is_trace(folder)) {
        if (!is_loaded(model, folder)) model_add_process(model, folder);
        return true;
    }
    names = load_list_folder(folder);
    if (!names) {
        text_complain("%s: cannot be read: %s: give a folder that REQSCOPE_TRACE or `reqscope run --trace` named",
                      folder, strerror(errno));
        return false;
    }
    for (char **name = names; *name; name++) {
        char *path = memory_format("%s/%s", folder, *name);
        if (!is_listed(skip, *name) && rs_reader_is_trace(path)) {
            traces++;
            if (!is_loaded(model, path)) model_add_process(model, path);
        }
        free(path);
    }
    load_free_list(names);
    if (!traces) {
        text_complain("%s: no trace is in it: give a folder that REQSCOPE_TRACE or `reqscope run --trace` named",
                      folder);
        return false;
    }
    return true;
}

/* Without slashes at its end. */
static char *clean_path(const char *folder) {
    char *path = memory_copy(folder);
    for (size_t length = strlen(path); length > 1 && path[length - 1] == '/'; length--) path[length - 1] = 0;
    return path;
}

static void load_events(struct walk *walk) {
    struct rs_read_event event;
    struct process *process;
    while (walk_next(walk, &process, &event)) {
        load_event(process, &event);
    }
}

/* Returns false when a trace was damaged. */
static bool sum_up(struct model *model, const struct walk *walk) {
    for (size_t i = 0; i < model->process_count; i++) {
        struct process *process = model->processes[i];
        struct rs_reader_totals totals = walk_totals(walk, i);
        if (!process->family) model_set_family(process, 0);
        process->first_time = totals.first_time;
        process->last_time = totals.last_time;
        process->events = totals.events;
        if (totals.events && (!model->first_time || totals.first_time < model->first_time))
            model->first_time = totals.first_time;
        if (totals.last_time > model->last_time) model->last_time = totals.last_time;
        process->incomplete = totals.lost_events || totals.lost_packets || totals.damages;
        model->events += totals.events;
        model->lost_events += totals.lost_events;
        model->lost_packets += totals.lost_packets;
        model->damages += totals.damages;
    }
    return !model->damages;
}

bool load_traces(struct model *model, char *const *folders, size_t count, char *const *skip) {
    bool usable = true;
    struct walk *walk;
    struct scan *scan;
    *model = (struct model){0};
    for (size_t i = 0; i < count; i++) {
        char *folder = clean_path(folders[i]);
        usable &= find_processes(model, folder, skip);
        free(folder);
    }
    walk = walk_open(model, true, complain);
    scan = scan_start(model, walk);
    progress_start(count ? folders[0] : "", scan_bytes(scan));
    load_events(walk);
    usable &= sum_up(model, walk);
    scan_finish(scan);
    progress_end();
    walk_close(walk);
    model_settle(model);
    return usable;
}
