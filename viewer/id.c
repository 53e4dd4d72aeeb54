/* id.c: see id.h. */
#include "viewer/id.h"
#include "tracer/rule.h"
#include "viewer/happening.h"
#include "viewer/symbols.h"
#include "viewer/text.h"
#include "viewer/walk.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    char letter;
    const char *word, *words;
} kinds[THING_COUNT] = {
    [THING_FINDING] = {'f', "finding", "findings"},
    [THING_CONTEXT] = {'c', "context", "contexts"},
    [THING_DESCRIPTION] = {'d', "description", "descriptions"},
};

/* ---- writing ---- */

static bool has_number(const struct process *process, enum thing_kind kind, uint64_t number) {
    struct finding *finding = NULL;
    uint32_t id = (uint32_t)number;
    if (kind == THING_CONTEXT) return ids_find(&process->family->contexts, number);
    if (kind == THING_DESCRIPTION) return ids_find(&process->family->descriptions, number);
    if (id == number) HASH_FIND(hh, process->findings, &id, sizeof id, finding);
    return finding;
}

/* Is it another thing of the kind that this process has under its number? */
static bool is_other(const struct process *process, enum thing_kind kind, const struct process *owner) {
    return kind == THING_FINDING ? process != owner : process->family != owner->family;
}

/* By the pid; where that is not enough, by the trace's folder. */
static char *write_id(const struct process *owner, enum thing_kind kind, uint64_t number) {
    const struct model *model = owner->model;
    const char *folder = symbols_basename(owner->folder);
    bool several = false, same_pid = false, same_folder = false;
    for (size_t i = 0; i < model->process_count; i++) {
        const struct process *process = model->processes[i];
        if (!is_other(process, kind, owner) || !has_number(process, kind, number)) continue;
        several = true;
        same_pid |= process->pid == owner->pid;
        same_folder |= !strcmp(symbols_basename(process->folder), folder);
    }
    if (!several) return memory_format("%c%" PRIu64, kinds[kind].letter, number);
    if (!same_pid) return memory_format("%" PRIu32 "/%c%" PRIu64, owner->pid, kinds[kind].letter, number);
    return memory_format("%s/%c%" PRIu64, same_folder ? owner->folder : folder, kinds[kind].letter, number);
}

char *id_of_finding(const struct finding *finding) {
    return write_id(finding->process, THING_FINDING, finding->id);
}

char *id_of_context(const struct context *context) {
    return write_id(context->process, THING_CONTEXT, context->id);
}

char *id_of_description(const struct description *description) {
    return write_id(description->process, THING_DESCRIPTION, description->id);
}

char *id_of(const struct thing *thing) {
    switch (thing->kind) {
    case THING_FINDING:
        return id_of_finding(thing->finding);
    case THING_CONTEXT:
        return id_of_context(thing->context);
    default:
        return id_of_description(thing->description);
    }
}

char *id_named_context(const struct process *process, uint64_t id) {
    const struct context *context = id ? ids_find(&process->family->contexts, id) : NULL;
    char *number, *name;
    if (!id) return memory_copy("no context");
    number = context ? id_of_context(context) : write_id(process, THING_CONTEXT, id);
    if (!context || !*context->label) return number;
    name = memory_format("%s (%s)", context->label, number);
    free(number);
    return name;
}

const char *id_name_of_description(const struct description *description) {
    if (*description->name) return description->name;
    return description->known ? rs_kind_name(description->kind) : "a descriptor";
}

/* ---- reading ---- */

/* What an id says. */
struct reference {
    char *process;  /* NULL: any */
    unsigned kinds; /* 1 << enum thing_kind */
    bool fd;        /* the number is a descriptor's */
    uint64_t number;
};

static bool read_number(const char *text, uint64_t *number) {
    char *end;
    errno = 0;
    *number = strtoull(text, &end, 10);
    return *text >= '0' && *text <= '9' && !*end && !errno;
}

/* False: it is no id. */
static bool read_reference(const char *text, struct reference *reference) {
    const char *slash = strrchr(text, '/'), *rest = slash ? slash + 1 : text;
    *reference = (struct reference){0};
    if (read_number(rest, &reference->number)) reference->kinds = (1u << THING_COUNT) - 1;
    reference->fd = !strncmp(rest, "fd:", 3) && read_number(rest + 3, &reference->number);
    if (reference->fd) reference->kinds = 1u << THING_DESCRIPTION;
    for (size_t i = 0; i < THING_COUNT && !reference->kinds; i++) {
        size_t length = strlen(kinds[i].word);
        bool is = (*rest == kinds[i].letter && read_number(rest + 1, &reference->number)) ||
                  (!strncmp(rest, kinds[i].word, length) && rest[length] == ':' &&
                   read_number(rest + length + 1, &reference->number));
        if (is) reference->kinds = 1u << i;
    }
    if (reference->kinds && slash) reference->process = memory_format("%.*s", (int)(slash - text), text);
    return reference->kinds;
}

static bool is_process(const struct process *process, const struct reference *reference) {
    uint64_t pid;
    if (!reference->process) return true;
    if (read_number(reference->process, &pid) && pid == process->pid) return true;
    return !strcmp(reference->process, symbols_basename(process->folder)) ||
           !strcmp(reference->process, process->folder);
}

static bool is_known_process(const struct model *model, const struct reference *reference) {
    for (size_t i = 0; i < model->process_count; i++)
        if (is_process(model->processes[i], reference)) return true;
    return false;
}

/* Has the family a process that is meant? */
static bool is_family(const struct family *family, const struct model *model, const struct reference *reference) {
    if (!reference->process) return true;
    for (size_t i = 0; i < model->process_count; i++)
        if (model->processes[i]->family == family && is_process(model->processes[i], reference)) return true;
    return false;
}

static void append(struct things *things, struct thing thing) {
    things->all = memory_grow(things->all, &things->space, things->count + 1, sizeof *things->all);
    things->all[things->count++] = thing;
}

static void add(struct things *things, struct thing thing) {
    for (size_t i = 0; i < things->count; i++) {
        const struct thing *other = &things->all[i];
        if (other->finding == thing.finding && other->context == thing.context &&
            other->description == thing.description)
            return;
    }
    append(things, thing);
}

static void add_by_number(const struct process *process, const struct reference *reference, struct things *things) {
    struct thing thing = {0};
    struct finding *finding = NULL;
    uint32_t id = (uint32_t)reference->number;
    if (id == reference->number) HASH_FIND(hh, process->findings, &id, sizeof id, finding);
    if (reference->kinds & 1u << THING_FINDING && finding)
        add(things, (struct thing){.kind = THING_FINDING, .finding = finding});
    thing = (struct thing){.kind = THING_CONTEXT};
    thing.context = ids_find(&process->family->contexts, reference->number);
    if (reference->kinds & 1u << THING_CONTEXT && thing.context) add(things, thing);
    thing = (struct thing){.kind = THING_DESCRIPTION};
    thing.description = ids_find(&process->family->descriptions, reference->number);
    if (reference->kinds & 1u << THING_DESCRIPTION && thing.description) add(things, thing);
}

/* A description that is found already. */
struct seen {
    const struct description *description;
    UT_hash_handle hh;
};

/* Returns true when it was not. */
static bool see(struct seen **all, const struct description *description) {
    struct seen *seen;
    HASH_FIND_PTR(*all, &description, seen);
    if (seen) return false;
    seen = memory_new(sizeof *seen);
    seen->description = description;
    HASH_ADD_PTR(*all, description, seen);
    return true;
}

static void forget(struct seen *all) {
    struct seen *seen = all, *next;
    HASH_CLEAR(hh, all); /* leaves them linked */
    for (; seen; seen = next) {
        next = seen->hh.next;
        free(seen);
    }
}

/* Those that have had the number, in the order in which they got it: a duplicate's number only the events know. */
static void find_by_fd(const struct model *model, const struct reference *reference, struct things *things) {
    struct walk *walk = walk_open(model, false, NULL);
    struct seen *all = NULL;
    struct process *process;
    struct rs_read_event event;
    struct happening happening;
    while (walk_next(walk, &process, &event)) {
        struct thing thing = {.kind = THING_DESCRIPTION};
        if (event.header->fd < 0 || (uint64_t)event.header->fd != reference->number) continue;
        if (!is_process(process, reference) || !happening_read(&happening, process, &event, 0)) continue;
        if (happening.description) thing.description = ids_find(&process->family->descriptions, happening.description);
        if (thing.description && see(&all, thing.description)) append(things, thing);
    }
    walk_close(walk);
    forget(all);
}

/* A finding that several processes of a family told is kept in one of them, and may be asked for by any. */
static void find_by_number(const struct model *model, const struct reference *reference, struct things *things) {
    for (size_t i = 0; i < model->process_count; i++)
        if (is_process(model->processes[i], reference)) add_by_number(model->processes[i], reference, things);
    for (size_t i = 0; i < model->process_count && !things->count; i++)
        if (is_family(model->processes[i]->family, model, reference))
            add_by_number(model->processes[i], reference, things);
}

/* Labels and names that are the pattern, or have it in them. */
static void find_by_label(const struct model *model, const char *text, bool whole, struct things *things) {
    char *written = whole ? memory_format("^%s$", text) : memory_copy(text);
    const struct rs_pattern pattern = {written, strlen(written)};
    const char *last = NULL;
    bool is = false;
    for (size_t i = 0; i < model->context_count; i++) {
        const struct context *context = model->contexts[i];
        if (context->label != last) is = *context->label && rs_pattern_is_in(&pattern, context->label);
        last = context->label;
        if (is) append(things, (struct thing){.kind = THING_CONTEXT, .context = context});
    }
    for (size_t i = 0; i < model->description_count; i++) {
        const struct description *description = model->descriptions[i];
        if (*description->name && rs_pattern_is_in(&pattern, description->name))
            append(things, (struct thing){.kind = THING_DESCRIPTION, .description = description});
    }
    free(written);
}

/* ---- what there is instead ---- */

/* The numbers that things of a kind have, and those on both sides of one that none has; 0: none. */
struct range {
    uint64_t lowest, highest, below, above;
};

static void add_to_range(struct range *range, uint64_t number, uint64_t wanted) {
    if (!range->lowest || number < range->lowest) range->lowest = number;
    if (number > range->highest) range->highest = number;
    if (number < wanted && number > range->below) range->below = number;
    if (number > wanted && (!range->above || number < range->above)) range->above = number;
}

static struct range range_of(const struct model *model, enum thing_kind kind, const struct reference *reference) {
    struct range range = {0};
    for (size_t i = 0; kind == THING_FINDING && i < model->process_count; i++) {
        const struct process *process = model->processes[i];
        for (const struct finding *one = process->findings; one && is_process(process, reference); one = one->hh.next)
            add_to_range(&range, one->id, reference->number);
    }
    for (size_t i = 0; kind == THING_CONTEXT && i < model->context_count; i++)
        if (is_family(model->contexts[i]->family, model, reference))
            add_to_range(&range, model->contexts[i]->id, reference->number);
    for (size_t i = 0; kind == THING_DESCRIPTION && i < model->description_count; i++)
        if (is_family(model->descriptions[i]->family, model, reference))
            add_to_range(&range, model->descriptions[i]->id, reference->number);
    return range;
}

/* "findings f1 to f3", "no findings" */
static char *name_range(enum thing_kind kind, const struct range *range) {
    char letter = kinds[kind].letter;
    if (!range->highest) return memory_format("no %s", kinds[kind].words);
    if (range->lowest == range->highest) return memory_format("%s %c%" PRIu64, kinds[kind].word, letter, range->lowest);
    return memory_format("%s %c%" PRIu64 " to %c%" PRIu64, kinds[kind].words, letter, range->lowest, letter,
                         range->highest);
}

static void complain_of_process(const struct model *model, const char *text, const struct reference *reference) {
    enum { SHOWN = 16 };
    char *list = memory_copy("");
    for (size_t i = 0; i < model->process_count && i < SHOWN; i++) {
        char *longer = memory_format("%s%s%" PRIu32, list, i ? ", " : "", model->processes[i]->pid);
        free(list);
        list = longer;
    }
    text_complain("%s: the trace has no process %s: it has %s%s", text, reference->process, list,
                  model->process_count > SHOWN ? " and others" : "");
    free(list);
}

static void complain_of_number(const struct model *model, const char *text, const struct reference *reference) {
    struct range ranges[THING_COUNT];
    char *names[THING_COUNT];
    for (size_t i = 0; i < THING_COUNT; i++) {
        ranges[i] = range_of(model, (enum thing_kind)i, reference);
        names[i] = name_range((enum thing_kind)i, &ranges[i]);
        if (reference->fd || reference->kinds != 1u << i) continue;
        if (ranges[i].below && ranges[i].above)
            text_complain("%s: the trace has no such %s: it has %s, and next to it %c%" PRIu64 " and %c%" PRIu64, text,
                          kinds[i].word, names[i], kinds[i].letter, ranges[i].below, kinds[i].letter, ranges[i].above);
        else
            text_complain("%s: the trace has no such %s: it has %s", text, kinds[i].word, names[i]);
    }
    if (reference->fd)
        text_complain("%s: nothing is known of a descriptor of that number: `reqscope fds` lists what is known", text);
    else if (reference->kinds == (1u << THING_COUNT) - 1)
        text_complain("%s: nothing in the trace has that number: it has %s, %s and %s", text, names[0], names[1],
                      names[2]);
    for (size_t i = 0; i < THING_COUNT; i++) free(names[i]);
}

/* The label that is most like the text, of the first so many different ones; NULL: none is like it. */
static const char *nearest_label(const struct model *model, const char *text) {
    enum { TRIED = 1000 };
    const char *labels[TRIED + 1];
    size_t count = 0;
    for (size_t i = 0; i < model->context_count && count < TRIED; i++) {
        const char *label = model->contexts[i]->label;
        bool is_new = *label != 0;
        for (size_t j = count; j-- && is_new;) is_new = labels[j] != label;
        if (is_new) labels[count++] = label;
    }
    labels[count] = NULL;
    return text_nearest(text, labels);
}

static void complain_of_label(const struct model *model, const char *text) {
    const char *nearest = nearest_label(model, text);
    if (nearest)
        text_complain("'%s': nothing in the trace is called that: did you mean '%s'?", text, nearest);
    else
        text_complain("'%s': nothing in the trace is called that: give f3 (a finding), c12 (a context), d40 (a "
                      "description), fd:7 or a label: `reqscope contexts` lists them",
                      text);
}

bool id_find(const struct model *model, const char *text, struct things *things) {
    struct reference reference;
    bool is_id = read_reference(text, &reference);
    *things = (struct things){0};
    if (is_id && reference.fd)
        find_by_fd(model, &reference, things);
    else if (is_id)
        find_by_number(model, &reference, things);
    if (!things->count && *text) find_by_label(model, text, true, things);
    if (!things->count && *text && !is_id) find_by_label(model, text, false, things);
    if (!things->count && !is_id)
        complain_of_label(model, text);
    else if (!things->count && !is_known_process(model, &reference))
        complain_of_process(model, text, &reference);
    else if (!things->count)
        complain_of_number(model, text, &reference);
    free(reference.process);
    return things->count;
}
