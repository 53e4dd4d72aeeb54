/* model.c: see model.h. */
#include "viewer/model.h"
#include "viewer/memory.h"

#include <stdlib.h>
#include <string.h>

struct process *model_add_process(struct model *model, const char *folder) {
    struct process *process = memory_new(sizeof *process);
    model->processes =
        memory_grow(model->processes, &model->process_space, model->process_count + 1, sizeof *model->processes);
    process->index = model->process_count;
    process->folder = memory_copy(folder);
    process->command = memory_copy("");
    model->processes[model->process_count++] = process;
    return process;
}

struct context *model_context(struct process *process, uint64_t id) {
    struct context *context;
    HASH_FIND(hh, process->contexts, &id, sizeof id, context);
    if (context) return context;
    context = memory_new(sizeof *context);
    context->id = id;
    context->label = memory_copy("");
    HASH_ADD(hh, process->contexts, id, sizeof id, context);
    return context;
}

struct description *model_description(struct process *process, uint64_t id) {
    struct description *description;
    HASH_FIND(hh, process->descriptions, &id, sizeof id, description);
    if (description) return description;
    description = memory_new(sizeof *description);
    description->id = id;
    description->fd = -1;
    description->name = memory_copy("");
    HASH_ADD(hh, process->descriptions, id, sizeof id, description);
    return description;
}

struct finding *model_finding(struct process *process, uint32_t id) {
    struct finding *finding;
    HASH_FIND(hh, process->findings, &id, sizeof id, finding);
    if (finding) return finding;
    finding = memory_new(sizeof *finding);
    *finding = (struct finding){.id = id, .count = 1, .fd = -1, .kind = RS_FINDING_COUNT, .process = process};
    finding->verdict = RS_MODE_COUNT;
    HASH_ADD(hh, process->findings, id, sizeof id, finding);
    return finding;
}

struct stack *model_stack(struct process *process, uint32_t id) {
    struct stack *stack;
    HASH_FIND(hh, process->stacks, &id, sizeof id, stack);
    if (stack) return stack;
    stack = memory_new(sizeof *stack);
    stack->id = id;
    HASH_ADD(hh, process->stacks, id, sizeof id, stack);
    return stack;
}

/* Returns true when the pair is new. */
static bool add_pair(struct pair **pairs, uint64_t context, uint64_t other) {
    struct pair *found, *added = memory_new(sizeof *added);
    added->key.context = context;
    added->key.other = other;
    HASH_FIND(hh, *pairs, &added->key, sizeof added->key, found);
    if (found) {
        free(added);
        return false;
    }
    HASH_ADD(hh, *pairs, key, sizeof added->key, added);
    return true;
}

void model_involve(struct process *process, uint64_t context, uint32_t finding) {
    if (context && add_pair(&process->involved, context, finding)) model_context(process, context)->findings++;
}

void model_blame(struct process *process, uint64_t context, struct finding *finding) {
    model_involve(process, context, finding->id);
    if (context && add_pair(&process->blamed, context, finding->id)) finding->contexts++;
}

void model_use(struct process *process, uint64_t context, struct description *description) {
    if (!context) return;
    /* Mostly it is the same context as at the call before. */
    if (description->user_count && description->users[description->user_count - 1] == context) return;
    if (!add_pair(&process->used, context, description->id)) return;
    description->users =
        memory_grow(description->users, &description->user_space, description->user_count + 1, sizeof context);
    description->users[description->user_count++] = context;
}

/* ---- families ---- */

/* The process that forked this one: the youngest of that pid that is not younger. */
static struct process *find_parent(const struct model *model, const struct process *process) {
    struct process *parent = NULL;
    for (size_t i = 0; i < model->process_count; i++) {
        struct process *other = model->processes[i];
        if (other == process || other->pid != process->parent_pid || !other->known) continue;
        if (other->started <= process->started && (!parent || parent->started < other->started)) parent = other;
    }
    return parent;
}

static void join_families(struct model *model, size_t from, size_t to) {
    for (size_t i = 0; i < model->process_count; i++)
        if (model->processes[i]->family == from) model->processes[i]->family = to;
}

static bool same_addresses(const struct process *a, uint32_t a_id, const struct process *b, uint32_t b_id) {
    const struct stack *left, *right;
    HASH_FIND(hh, a->stacks, &a_id, sizeof a_id, left);
    HASH_FIND(hh, b->stacks, &b_id, sizeof b_id, right);
    if (!left || !right) return a_id == b_id;
    return left->count == right->count &&
           (!left->count || !memcmp(left->addresses, right->addresses, left->count * sizeof *left->addresses));
}

/* Do two processes of a family speak of one finding? */
static bool same_finding(const struct finding *a, const struct finding *b) {
    if (!a->known || !b->known) return true;
    return a->kind == b->kind && a->owner == b->owner && a->user == b->user && a->description == b->description &&
           same_addresses(a->process, a->opened_stack, b->process, b->opened_stack) &&
           same_addresses(a->process, a->used_stack, b->process, b->used_stack);
}

/* Takes from `process` each finding that another process of its family tells, too, and tells better or first. */
static void merge_findings(struct model *model, struct process *process) {
    struct finding *finding, *next;
    HASH_ITER(hh, process->findings, finding, next) {
        for (size_t i = 0; i < model->process_count; i++) {
            struct process *other = model->processes[i];
            struct finding *same = NULL;
            if (other == process || other->family != process->family) continue;
            HASH_FIND(hh, other->findings, &finding->id, sizeof finding->id, same);
            if (!same || !same_finding(finding, same) || (finding->known && !same->known)) continue;
            if (finding->known == same->known && process->index < other->index) continue;
            if (same->count < finding->count) same->count = finding->count;
            if (same->last_time < finding->last_time) same->last_time = finding->last_time;
            if (same->contexts < finding->contexts) same->contexts = finding->contexts;
            if (same->mended < finding->mended) same->mended = finding->mended;
            HASH_DEL(process->findings, finding);
            free(finding);
            break;
        }
    }
}

void model_settle(struct model *model) {
    for (size_t i = 0; i < model->process_count; i++) model->processes[i]->family = i;
    for (size_t i = 0; i < model->process_count; i++) {
        struct process *process = model->processes[i];
        process->parent = process->known ? find_parent(model, process) : NULL;
        if (process->parent) join_families(model, process->family, process->parent->family);
    }
    for (size_t i = 0; i < model->process_count; i++) merge_findings(model, model->processes[i]);
}

/* Calls `look` on the process, its parents, and then the others of its family until it returns something. */
static const void *look_in_family(const struct model *model, const struct process *process, uint64_t id,
                                  const void *(*look)(const struct process *, uint64_t),
                                  const struct process **holder) {
    const struct process *at = process;
    const void *found = NULL;
    for (size_t steps = 0; at && steps <= model->process_count; steps++, at = at->parent) {
        *holder = at;
        if ((found = look(at, id))) return found;
    }
    for (size_t i = 0; i < model->process_count; i++) {
        *holder = model->processes[i];
        if ((*holder)->family == process->family && (found = look(*holder, id))) return found;
    }
    *holder = process;
    return NULL;
}

static const void *look_for_context(const struct process *process, uint64_t id) {
    const struct context *context;
    HASH_FIND(hh, process->contexts, &id, sizeof id, context);
    return context && context->known ? context : NULL;
}

static const void *look_for_begun(const struct process *process, uint64_t id) {
    const struct context *context = look_for_context(process, id);
    return context && context->origin != RS_ORIGIN_INHERITED ? context : NULL;
}

static const void *look_for_description(const struct process *process, uint64_t id) {
    const struct description *description;
    HASH_FIND(hh, process->descriptions, &id, sizeof id, description);
    return description && description->known ? description : NULL;
}

static const void *look_for_stack(const struct process *process, uint64_t id) {
    const struct stack *stack;
    uint32_t key = (uint32_t)id;
    HASH_FIND(hh, process->stacks, &key, sizeof key, stack);
    return stack;
}

const struct context *model_context_of(const struct model *model, const struct process *process, uint64_t id) {
    const struct process *holder;
    return id ? look_in_family(model, process, id, look_for_context, &holder) : NULL;
}

const struct context *model_context_begun(const struct model *model, const struct process *process, uint64_t id) {
    const struct context *begin = model_context_of(model, process, id), *begun;
    const struct process *holder;
    if (!begin || begin->origin != RS_ORIGIN_INHERITED) return begin;
    begun = look_in_family(model, process, id, look_for_begun, &holder);
    return begun && begun->began == begin->began ? begun : begin;
}

const struct description *model_description_of(const struct model *model, const struct process *process, uint64_t id) {
    const struct process *holder;
    return id ? look_in_family(model, process, id, look_for_description, &holder) : NULL;
}

const struct stack *model_stack_of(const struct model *model, const struct process *process, uint32_t id,
                                   const struct process **holder) {
    *holder = process;
    return id ? look_in_family(model, process, id, look_for_stack, holder) : NULL;
}

/* ---- questions ---- */

const char *model_context_found(const struct model *model, const struct process *process, uint64_t id) {
    const struct context *begin = model_context_of(model, process, id);
    return begin ? rs_origin_name(begin->origin) : NULL;
}

const char *model_context_sure(const struct model *model, const struct process *process, uint64_t id) {
    const struct context *begun = model_context_begun(model, process, id);
    if (!begun || begun->origin == RS_ORIGIN_INHERITED) return NULL;
    if (begun->origin == RS_ORIGIN_API) return "certain";
    /* Here it came by a fork; or nothing was read. */
    if (begun != model_context_of(model, process, id) || begun->origin == RS_ORIGIN_ACCEPT) return "weak";
    if (begun->resumed || begun->handed_over) return "weak";
    return begun->read ? "strong" : NULL;
}

const char *model_context_attributes(const struct model *model, const struct process *process, uint64_t id) {
    const struct context *begun = model_context_begun(model, process, id);
    return begun && begun->attributes ? begun->attributes : "";
}

uint64_t model_first_context(const struct model *model, const struct process *process) {
    for (size_t steps = 0; process && steps <= model->process_count; steps++, process = process->parent) {
        /* Number 1 is the family's first, whatever was lost. */
        if (process->incomplete && process->first_context != 1) return 0;
        if (process->first_context) return process->first_context;
    }
    return 0;
}

uint64_t model_context_end(const struct model *model, const struct process *process, const struct context *context) {
    const struct context *begin = model_context_of(model, process, context->id);
    uint64_t end = context->ended;
    for (size_t i = 0; begin && !end && i < model->process_count; i++) {
        const struct process *other = model->processes[i];
        const struct context *same = NULL;
        if (other->family != process->family) continue;
        HASH_FIND(hh, other->contexts, &context->id, sizeof context->id, same);
        if (same && (same == begin || !same->known || same->began == begin->began)) end = same->ended;
    }
    return end;
}

uint64_t model_count_contexts(const struct model *model) {
    struct seen {
        uint64_t key[2]; /* id, began */
        UT_hash_handle hh;
    } *all = NULL, *one, *next;
    uint64_t count;
    for (size_t i = 0; i < model->process_count; i++) {
        for (struct context *context = model->processes[i]->contexts; context; context = context->hh.next) {
            const struct context *known = model_context_of(model, model->processes[i], context->id);
            if (context->superseded) continue;
            uint64_t key[2] = {context->id, known ? known->began : 0};
            /* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult): both words of the key are set above */
            HASH_FIND(hh, all, key, sizeof key, one);
            if (one) continue;
            one = memory_new(sizeof *one);
            memcpy(one->key, key, sizeof key);
            HASH_ADD(hh, all, key, sizeof key, one);
        }
    }
    count = HASH_COUNT(all);
    HASH_ITER(hh, all, one, next) {
        HASH_DEL(all, one);
        free(one);
    }
    return count;
}

uint64_t model_first_time(const struct model *model) {
    uint64_t first = UINT64_MAX;
    for (size_t i = 0; i < model->process_count; i++)
        if (model->processes[i]->events && model->processes[i]->first_time < first)
            first = model->processes[i]->first_time;
    return first == UINT64_MAX ? 0 : first;
}

uint64_t model_last_time(const struct model *model) {
    uint64_t last = 0;
    for (size_t i = 0; i < model->process_count; i++)
        if (model->processes[i]->last_time > last) last = model->processes[i]->last_time;
    return last;
}

/* What shows one request's data to another comes before what is only left lying about. */
static int severity(const struct finding *finding) {
    return finding->kind == RS_FINDING_leak ? 1 : 0;
}

static int compare_findings(const void *left, const void *right) {
    const struct finding *a = *(const struct finding *const *)left, *b = *(const struct finding *const *)right;
    if (severity(a) != severity(b)) return severity(a) - severity(b);
    if (a->count != b->count) return a->count > b->count ? -1 : 1;
    if (a->time != b->time) return a->time < b->time ? -1 : 1;
    return (a->id > b->id) - (a->id < b->id);
}

const struct finding **model_findings(const struct model *model, uint32_t kinds, size_t *count) {
    const struct finding **findings = NULL;
    size_t space = 0;
    *count = 0;
    for (size_t i = 0; i < model->process_count; i++) {
        for (struct finding *finding = model->processes[i]->findings; finding; finding = finding->hh.next) {
            if (finding->kind < RS_FINDING_COUNT && !(kinds & 1u << finding->kind)) continue;
            findings = memory_grow(findings, &space, *count + 1, sizeof *findings);
            findings[(*count)++] = finding;
        }
    }
    if (*count) qsort(findings, *count, sizeof *findings, compare_findings);
    return findings;
}

/* ---- the end ---- */

/* A table is taken apart by clearing it first, which leaves its elements linked; then they are freed one by one. */
static void free_pairs(struct pair *pairs) {
    struct pair *pair = pairs, *next;
    HASH_CLEAR(hh, pairs);
    for (; pair; pair = next) {
        next = pair->hh.next;
        free(pair);
    }
}

static void free_stacks(struct stack *stacks) {
    struct stack *stack = stacks, *next;
    HASH_CLEAR(hh, stacks);
    for (; stack; stack = next) {
        next = stack->hh.next;
        free(stack->addresses);
        free(stack);
    }
}

static void free_contexts(struct context *contexts) {
    struct context *context = contexts, *next;
    HASH_CLEAR(hh, contexts);
    for (; context; context = next) {
        next = context->hh.next;
        free(context->label);
        free(context->attributes);
        free(context);
    }
}

static void free_descriptions(struct description *descriptions) {
    struct description *description = descriptions, *next;
    HASH_CLEAR(hh, descriptions);
    for (; description; description = next) {
        next = description->hh.next;
        free(description->name);
        free(description->users);
        free(description);
    }
}

static void free_findings(struct finding *findings) {
    struct finding *finding = findings, *next;
    HASH_CLEAR(hh, findings);
    for (; finding; finding = next) {
        next = finding->hh.next;
        free(finding);
    }
}

static void free_tables(struct process *process) {
    free_stacks(process->stacks);
    free_contexts(process->contexts);
    free_descriptions(process->descriptions);
    free_findings(process->findings);
    free_pairs(process->involved);
    free_pairs(process->blamed);
    free_pairs(process->used);
}

void model_free(struct model *model) {
    for (size_t i = 0; i < model->process_count; i++) {
        struct process *process = model->processes[i];
        free_tables(process);
        for (size_t j = 0; j < process->module_count; j++) {
            free(process->modules[j].path);
            free(process->modules[j].build_id);
        }
        for (size_t j = 0; j < process->note_count; j++) free(process->notes[j]);
        free(process->modules);
        for (size_t j = 0; j < process->rule_count; j++) free(process->rules[j].text);
        free(process->notes);
        free(process->rules);
        free(process->folder);
        free(process->command);
        free(process);
    }
    free(model->processes);
    *model = (struct model){0};
}
