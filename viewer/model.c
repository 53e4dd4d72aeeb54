/* model.c: see model.h. */
#include "viewer/model.h"
#include "viewer/memory.h"

#include <stdlib.h>
#include <string.h>

/* ---- things ---- */

struct process *model_add_process(struct model *model, const char *folder) {
    struct process *process = memory_new(sizeof *process);
    model->processes =
        memory_grow(model->processes, &model->process_space, model->process_count + 1, sizeof *model->processes);
    process->model = model;
    process->index = model->process_count;
    process->folder = memory_copy(folder);
    process->command = memory_copy("");
    model->processes[model->process_count++] = process;
    return process;
}

void model_set_family(struct process *process, uint32_t number) {
    struct model *model = process->model;
    struct family *family;
    for (size_t i = 0; number && i < model->family_count && !process->family; i++)
        if (model->families[i]->number == number) process->family = model->families[i];
    if (process->family) return;
    family = memory_new(sizeof *family);
    family->number = number;
    family->index = model->family_count;
    model->families =
        memory_grow(model->families, &model->family_space, model->family_count + 1, sizeof *model->families);
    process->family = model->families[model->family_count++] = family;
}

/* A name that is kept. */
struct text {
    UT_hash_handle hh;
    char characters[];
};

struct texts {
    struct text *all;
};

const char *model_text(struct model *model, const char *text) {
    size_t length = strlen(text);
    struct text *kept;
    if (!length) return "";
    if (!model->texts) model->texts = memory_new(sizeof *model->texts);
    HASH_FIND(hh, model->texts->all, text, length, kept);
    if (kept) return kept->characters;
    kept = memory_take(&model->arenas, sizeof *kept + length + 1);
    memcpy(kept->characters, text, length);
    HASH_ADD_KEYPTR(hh, model->texts->all, kept->characters, length, kept);
    return kept->characters;
}

struct context *model_context(struct process *process, uint64_t id) {
    struct model *model = process->model;
    struct context *context;
    void **place;
    if (!process->family) model_set_family(process, 0);
    place = ids_place(&process->family->contexts, id);
    context = *place;
    if (context) return context;
    *place = context = memory_take(&model->arenas, sizeof *context);
    context->id = id;
    context->family = process->family;
    context->process = process;
    context->label = "";
    model->contexts = memory_grow(model->contexts, &model->context_space, model->context_count + 1, sizeof context);
    model->contexts[model->context_count++] = context;
    return context;
}

struct description *model_description(struct process *process, uint64_t id) {
    struct model *model = process->model;
    struct description *description;
    void **place;
    if (!process->family) model_set_family(process, 0);
    place = ids_place(&process->family->descriptions, id);
    description = *place;
    if (description) return description;
    *place = description = memory_take(&model->arenas, sizeof *description);
    description->id = id;
    description->family = process->family;
    description->process = process;
    description->fd = -1;
    description->name = "";
    model->descriptions =
        memory_grow(model->descriptions, &model->description_space, model->description_count + 1, sizeof description);
    model->descriptions[model->description_count++] = description;
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

static void involve(struct process *process, uint64_t context, uint32_t finding) {
    if (context && add_pair(&process->involved, context, finding)) model_context(process, context)->findings++;
}

void model_blame(struct process *process, uint64_t context, struct finding *finding) {
    involve(process, context, finding->id);
    if (context && add_pair(&process->blamed, context, finding->id)) finding->contexts++;
}

void model_suffer(struct process *process, uint64_t context, struct finding *finding) {
    involve(process, context, finding->id);
    if (context && add_pair(&process->suffered, context, finding->id)) finding->owners++;
}

/* ---- uses ---- */

static void add_to_context(struct model *model, const struct use *use) {
    struct process *process = model->processes[use->process];
    struct context *context;
    if (!use->context) return;
    context = model_context(process, use->context);
    context->uses += use->calls;
    context->bytes += use->bytes;
    context->carried |= context->known && context->process != process;
}

void model_use(struct model *model, struct use *use) {
    struct description *description;
    if (!use->description) {
        add_to_context(model, use);
        return;
    }
    description = model_description(model->processes[use->process], use->description);
    if (description->fd < 0) description->fd = use->fd;
    use->next = description->all;
    description->all = use;
}

void model_adopt(struct model *model, struct memory_arena **arena) {
    memory_arena_join(&model->arenas, arena);
}

/* Mostly it is in order already, as it was recorded in that order. */
static void sort(void *array, size_t count, size_t size, int (*compare)(const void *, const void *)) {
    char *items = array;
    size_t i = 1;
    while (i < count && compare(items + (i - 1) * size, items + i * size) <= 0) i++;
    if (i < count) qsort(array, count, size, compare);
}

/* No two are alike: which thread found them, and when, must not show. */
static int compare_uses(const void *left, const void *right) {
    const struct use *a = *(const struct use *const *)left, *b = *(const struct use *const *)right;
    if (a->first_time != b->first_time) return a->first_time < b->first_time ? -1 : 1;
    if (a->context != b->context) return a->context < b->context ? -1 : 1;
    return (a->process > b->process) - (a->process < b->process);
}

static int compare_by_context(const void *left, const void *right) {
    const struct use *a = *(const struct use *const *)left, *b = *(const struct use *const *)right;
    if (a->context != b->context) return a->context < b->context ? -1 : 1;
    return compare_uses(left, right);
}

static void add_pid(struct description *description, size_t *space, uint32_t pid) {
    for (size_t i = description->pid_count; i--;)
        if (description->pids[i] == pid) return;
    description->pids = memory_grow(description->pids, space, description->pid_count + 1, sizeof pid);
    description->pids[description->pid_count++] = pid;
}

/* Makes of the description's uses its sums, and who used it. `room` is kept for the next one. */
static void settle_uses(struct model *model, struct description *description, struct use ***room, size_t *space) {
    size_t count = 0, kept = 0, pid_space = 0;
    struct use **uses;
    for (struct use *use = description->all; use; use = use->next) {
        *room = memory_grow(*room, space, count + 1, sizeof **room);
        (*room)[count++] = use;
        description->uses += use->calls;
        description->bytes += use->bytes;
        add_to_context(model, use);
    }
    description->all = NULL;
    if (!count) return;
    uses = *room;
    sort(uses, count, sizeof *uses, compare_uses);
    for (size_t i = 0; i < count; i++) add_pid(description, &pid_space, model->processes[uses[i]->process]->pid);
    sort(uses, count, sizeof *uses, compare_by_context);
    for (size_t i = 0; i < count; i++)
        if (uses[i]->context && (!kept || uses[kept - 1]->context != uses[i]->context)) uses[kept++] = uses[i];
    sort(uses, kept, sizeof *uses, compare_uses);
    description->users = memory_new(kept * sizeof *description->users);
    description->user_count = kept;
    for (size_t i = 0; i < kept; i++) description->users[i] = uses[i]->context;
}

/* ---- what came with messages ---- */

void model_pass(struct model *model, const struct pass *pass) {
    model->passes = memory_grow(model->passes, &model->pass_space, model->pass_count + 1, sizeof *pass);
    model->passes[model->pass_count++] = *pass;
}

static int compare_passes(const void *left, const void *right) {
    const struct pass *a = left, *b = right;
    if (a->identity != b->identity) return a->identity < b->identity ? -1 : 1;
    if (a->how != b->how) return a->how < b->how ? -1 : 1;
    return (a->time > b->time) - (a->time < b->time);
}

static uint64_t distance(uint64_t a, uint64_t b) {
    return a > b ? a - b : b - a;
}

/* The one of [first, end), all sent and of one identity, that the received one is: of its family, from another process (what a process
 * sends itself the guard knows as two, each with an owner), and next to it in time. */
static const struct pass *find_sent(const struct pass *first, const struct pass *end, const struct pass *received) {
    const struct pass *found = NULL;
    for (; first < end; first++) {
        if (first->description->family != received->description->family) continue;
        if (first->description->process == received->description->process) continue;
        if (!found || distance(first->time, received->time) < distance(found->time, received->time)) found = first;
    }
    return found;
}

/* What was received is what was sent: all that is known of it goes there, and its number means that, too. */
static void merge_description(struct description *received, struct description *sent) {
    struct use **last = &received->all;
    if (received == sent || received->merged || sent->merged) return;
    while (*last) last = &(*last)->next;
    *last = sent->all;
    sent->all = received->all;
    received->all = NULL;
    received->merged = true;
    sent->passed++;
    sent->handovers += received->handovers;
    sent->owner = received->owner ? received->owner : sent->owner;
    /* Open until the last of both is closed, and known by the number that is. */
    if (sent->closed && (!received->closed || received->closed > sent->closed)) {
        sent->closed = received->closed;
        sent->fd = received->fd;
    }
    *ids_place((struct ids *)&received->family->descriptions, received->id) = sent;
}

static void merge_passed(struct model *model) {
    struct pass *passes = model->passes, *first, *received, *end;
    if (!passes) return;
    end = passes + model->pass_count;
    qsort(passes, model->pass_count, sizeof *passes, compare_passes);
    for (struct pass *at = passes; at < end; at = received) {
        for (first = at; at < end && at->identity == first->identity && at->how == RS_PASSED_SENT;) at++;
        for (received = at; received < end && received->identity == first->identity; received++) {
            const struct pass *sent = find_sent(first, at, received);
            if (sent) merge_description(received->description, sent->description);
        }
    }
    free(passes);
    model->passes = NULL;
}

/* ---- families ---- */

/* The process that forked this one: the youngest of that pid that is not younger. */
static const struct process *find_parent(const struct model *model, const struct process *process) {
    const struct process *parent = NULL;
    for (size_t i = 0; i < model->process_count; i++) {
        const struct process *other = model->processes[i];
        if (other == process || other->family != process->family || other->pid != process->parent_pid) continue;
        if (other->started < process->started && (!parent || parent->started < other->started)) parent = other;
    }
    return parent;
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
            if (same->owners < finding->owners) same->owners = finding->owners;
            if (same->mended < finding->mended) same->mended = finding->mended;
            HASH_DEL(process->findings, finding);
            free(finding);
            break;
        }
    }
}

static int compare_contexts(const void *left, const void *right) {
    const struct context *a = *(const struct context *const *)left, *b = *(const struct context *const *)right;
    if (a->began != b->began) return a->began < b->began ? -1 : 1;
    if (a->family != b->family) return a->family->index < b->family->index ? -1 : 1;
    return (a->id > b->id) - (a->id < b->id);
}

static int compare_descriptions(const void *left, const void *right) {
    const struct description *a = *(const struct description *const *)left,
                             *b = *(const struct description *const *)right;
    if (a->opened != b->opened) return a->opened < b->opened ? -1 : 1;
    if (a->family != b->family) return a->family->index < b->family->index ? -1 : 1;
    return (a->id > b->id) - (a->id < b->id);
}

/* Contexts that have turned out to be none are still found by their ids; so are descriptions that have turned out to be others. */
static void leave_out(struct model *model) {
    size_t kept = 0;
    for (size_t i = 0; i < model->context_count; i++)
        if (!model->contexts[i]->superseded) model->contexts[kept++] = model->contexts[i];
    model->context_count = kept;
    kept = 0;
    for (size_t i = 0; i < model->description_count; i++)
        if (!model->descriptions[i]->merged) model->descriptions[kept++] = model->descriptions[i];
    model->description_count = kept;
}

void model_settle(struct model *model) {
    struct use **room = NULL;
    size_t space = 0;
    for (size_t i = 0; i < model->process_count; i++)
        model->processes[i]->parent = find_parent(model, model->processes[i]);
    for (size_t i = 0; i < model->process_count; i++) merge_findings(model, model->processes[i]);
    merge_passed(model);
    for (size_t i = 0; i < model->description_count; i++) settle_uses(model, model->descriptions[i], &room, &space);
    free(room);
    leave_out(model);
    sort(model->contexts, model->context_count, sizeof(struct context *), compare_contexts);
    sort(model->descriptions, model->description_count, sizeof(struct description *), compare_descriptions);
}

/* ---- questions ---- */

const struct context *model_context_of(const struct process *process, uint64_t id) {
    const struct context *context = id ? ids_find(&process->family->contexts, id) : NULL;
    return context && context->known ? context : NULL;
}

const struct description *model_description_of(const struct process *process, uint64_t id) {
    const struct description *description = id ? ids_find(&process->family->descriptions, id) : NULL;
    return description && description->known ? description : NULL;
}

const struct module *model_module_of(const struct process *process, uint64_t address) {
    for (size_t i = process->module_count; i--;)
        if (address >= process->modules[i].low && address < process->modules[i].high) return &process->modules[i];
    return NULL;
}

const struct finding *model_finding_of(const struct process *process, uint32_t id) {
    const struct model *model = process->model;
    const struct finding *found;
    HASH_FIND(hh, process->findings, &id, sizeof id, found);
    for (size_t i = 0; !found && i < model->process_count; i++)
        if (model->processes[i]->family == process->family)
            HASH_FIND(hh, model->processes[i]->findings, &id, sizeof id, found);
    return found;
}

static const struct stack *find_stack(const struct process *process, uint32_t id) {
    const struct stack *stack;
    HASH_FIND(hh, process->stacks, &id, sizeof id, stack);
    return stack;
}

const struct stack *model_stack_of(const struct process *process, uint32_t id, const struct process **holder) {
    const struct model *model = process->model;
    const struct process *at = process;
    const struct stack *found = NULL;
    *holder = process;
    if (!id) return NULL;
    for (size_t steps = 0; at && steps <= model->process_count; steps++, at = at->parent) {
        *holder = at;
        if ((found = find_stack(at, id))) return found;
    }
    for (size_t i = 0; i < model->process_count; i++) {
        *holder = model->processes[i];
        if ((*holder)->family == process->family && (found = find_stack(*holder, id))) return found;
    }
    *holder = process;
    return NULL;
}

const char *model_context_found(const struct context *context) {
    return context && context->known ? rs_origin_name(context->origin) : NULL;
}

const char *model_context_sure(const struct context *context) {
    if (!context || !context->known || context->origin == RS_ORIGIN_INHERITED) return NULL;
    if (context->origin == RS_ORIGIN_API) return "certain";
    if (context->origin == RS_ORIGIN_ACCEPT || context->carried || context->resumed || context->handed_over)
        return "weak";
    return context->read ? "strong" : NULL;
}

const char *model_context_attributes(const struct context *context) {
    return context && context->attributes ? context->attributes : "";
}

uint64_t model_first_context(const struct process *process) {
    for (; process; process = process->parent) {
        /* Number 1 is the family's first, whatever was lost. */
        if (process->incomplete && process->first_context != 1) return 0;
        if (process->first_context) return process->first_context;
    }
    return 0;
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
    free_findings(process->findings);
    free_pairs(process->involved);
    free_pairs(process->blamed);
    free_pairs(process->suffered);
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
    for (size_t i = 0; i < model->family_count; i++) {
        ids_free(&model->families[i]->contexts);
        ids_free(&model->families[i]->descriptions);
        free(model->families[i]);
    }
    for (size_t i = 0; i < model->description_count; i++) {
        free(model->descriptions[i]->users);
        free(model->descriptions[i]->pids);
    }
    if (model->texts) HASH_CLEAR(hh, model->texts->all);
    free(model->texts);
    free(model->processes);
    free(model->families);
    free(model->contexts);
    free(model->descriptions);
    memory_arena_free(&model->arenas);
    *model = (struct model){0};
}
