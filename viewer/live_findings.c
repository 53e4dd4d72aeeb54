/* live_findings.c: findings as they come: see live.h. Each process counts its own, and tells again what its parent had found; by their
 * stacks those of a family are known as the same. Their sentences are those of all commands (finding_text.h). */
#include "viewer/finding_text.h"
#include "viewer/live.h"
#include "viewer/model.h"

#include <stdlib.h>
#include <string.h>

#define FIELDS(event, name) ((const struct rs_event_##name *)(const void *)(event)->header)

/* ---- stacks ---- */

static struct live_stack *find_stack(const struct live *live, uint64_t scope, uint32_t id) {
    const struct live_key key = {scope, id};
    struct live_stack *stack;
    HASH_FIND_BYHASHVALUE(hh, live->stacks, &key, sizeof key, live_hash(&key, sizeof key), stack);
    return stack;
}

static void add_stack(struct live *live, uint64_t scope, uint32_t id, uint64_t sum) {
    struct live_stack *stack;
    if (find_stack(live, scope, id)) return;
    stack = memory_new(sizeof *stack);
    stack->key = (struct live_key){scope, id};
    stack->sum = sum;
    HASH_ADD_BYHASHVALUE(hh, live->stacks, key, sizeof stack->key, live_hash(&stack->key, sizeof stack->key), stack);
}

/* A fork's child speaks of its parent's stacks by their numbers: the family has those, too. */
void live_take_stack(struct live *live, const struct live_process *process, const struct tail_event *event) {
    const struct rs_event_stack *fields = FIELDS(event, stack);
    uint64_t sum = rs_mix(fields + 1, fields->frames * sizeof(uint64_t), fields->frames);
    add_stack(live, process->scope, fields->stack, sum);
    add_stack(live, process->family, fields->stack, sum);
}

static uint64_t stack_sum(const struct live *live, const struct live_process *process, uint32_t id) {
    const struct live_stack *stack = find_stack(live, process->scope, id);
    if (!stack) stack = find_stack(live, process->family, id);
    return stack ? stack->sum : id;
}

/* ---- sentences ---- */

static void tell_context(const struct live *live, struct process *told, uint64_t family, uint64_t id) {
    const struct live_context *known = live_context_of(live, family, id);
    struct context *context;
    if (!known) return;
    context = model_context(told, id);
    context->known = true;
    context->label = model_text(told->model, known->label->text);
}

/* A model of no more than the finding speaks of. */
static void describe(const struct live *live, uint64_t family, const struct rs_event_finding *fields,
                     struct live_finding *found) {
    const struct live_description *known = live_description_of(live, family, fields->description);
    struct model model = {0};
    struct process *told = model_add_process(&model, "");
    struct finding *finding = model_finding(told, fields->finding);
    model_set_family(told, 0);
    finding->known = true;
    finding->kind = fields->kind;
    finding->fd = fields->header.fd;
    finding->operation = fields->operation;
    finding->description = fields->description;
    finding->owner = fields->owner;
    finding->user = fields->user;
    finding->transaction = fields->transaction;
    finding->transaction_of = fields->transaction_of;
    finding->first_user = fields->first_user;
    finding->other_process = fields->other_process;
    tell_context(live, told, family, fields->owner);
    tell_context(live, told, family, fields->user);
    tell_context(live, told, family, fields->first_user);
    if (known) {
        struct description *description = model_description(told, fields->description);
        description->known = true;
        description->kind = known->kind;
        description->name = model_text(&model, known->name);
    }
    found->kind = finding_kind(finding);
    found->sentence = finding_sentence(finding);
    found->description = memory_copy(finding_description(finding));
    model_free(&model);
}

static char *label_of(const struct live *live, uint64_t family, uint64_t id) {
    const struct live_context *known = live_context_of(live, family, id);
    return memory_copy(known ? known->label->text : "");
}

/* ---- findings ---- */

static void free_finding(struct live *live, struct live_finding *finding) {
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): what was freed before is linked nowhere any more */
    HASH_DEL(live->findings, finding);
    free(finding->sentence);
    free(finding->description);
    free(finding->owner_label);
    free(finding->user_label);
    free(finding);
}

/* The oldest that no process tells of any more makes room. */
static void keep_bound(struct live *live) {
    struct live_finding *finding, *next;
    if (HASH_COUNT(live->findings) < LIVE_FINDINGS) return;
    for (finding = live->findings; finding; finding = next) {
        next = finding->hh.next;
        if (finding->references) continue;
        free_finding(live, finding);
        return;
    }
}

static struct live_told *find_told(const struct live *live, const struct live_process *process, uint32_t number) {
    const struct live_key key = {process->scope, number};
    struct live_told *told;
    HASH_FIND_BYHASHVALUE(hh, live->told, &key, sizeof key, live_hash(&key, sizeof key), told);
    return told;
}

static struct live_finding *add_finding(struct live *live, const struct live_process *process,
                                        const struct rs_event_finding *fields) {
    struct live_finding *finding = memory_new(sizeof *finding);
    keep_bound(live);
    finding->key.family = process->family;
    finding->key.kind = fields->kind;
    finding->key.opened = stack_sum(live, process, fields->opened_stack);
    finding->key.used = stack_sum(live, process, fields->used_stack);
    finding->owner = fields->owner;
    finding->user = fields->user;
    finding->owner_label = label_of(live, process->family, fields->owner);
    finding->user_label = label_of(live, process->family, fields->user);
    finding->time = fields->header.time;
    finding->count = 1;
    finding->came = live->number;
    finding->fd = fields->header.fd;
    finding->operation = fields->operation;
    finding->pid = process->pid;
    describe(live, process->family, fields, finding);
    HASH_ADD_BYHASHVALUE(hh, live->findings, key, sizeof finding->key, live_hash(&finding->key, sizeof finding->key),
                         finding);
    live->interval.findings++;
    return finding;
}

void live_take_finding(struct live *live, const struct live_process *process, const struct tail_event *event) {
    const struct rs_event_finding *fields = FIELDS(event, finding);
    struct live_finding key = {0}, *finding;
    struct live_told *told;
    if (find_told(live, process, fields->finding)) return;
    key.key.family = process->family;
    key.key.kind = fields->kind;
    key.key.opened = stack_sum(live, process, fields->opened_stack);
    key.key.used = stack_sum(live, process, fields->used_stack);
    HASH_FIND_BYHASHVALUE(hh, live->findings, &key.key, sizeof key.key, live_hash(&key.key, sizeof key.key), finding);
    told = memory_new(sizeof *told);
    told->count = finding ? 0 : 1;
    if (!finding) finding = add_finding(live, process, fields);
    finding->references++;
    told->finding = finding;
    told->key = (struct live_key){process->scope, fields->finding};
    HASH_ADD_BYHASHVALUE(hh, live->told, key, sizeof told->key, live_hash(&told->key, sizeof told->key), told);
}

/* A child counts on from what its parent had: of its first word only one is its own. */
void live_take_again(struct live *live, const struct live_process *process, const struct tail_event *event) {
    const struct rs_event_finding_again *fields = FIELDS(event, finding_again);
    struct live_told *told = find_told(live, process, fields->finding);
    uint64_t more;
    if (!told || fields->count <= told->count) return;
    more = told->count ? fields->count - told->count : 1;
    told->count = fields->count;
    told->finding->count += more;
    live->interval.again += more;
}

void live_forget_findings(struct live *live, const struct live_process *process) {
    struct live_told *told, *next_told;
    struct live_stack *stack, *next_stack;
    bool last_of_family = true;
    for (size_t i = 0; i < live->process_count; i++)
        last_of_family &= live->processes[i] == process || live->processes[i]->family != process->family;
    for (told = live->told; told; told = next_told) {
        next_told = told->hh.next;
        if (told->key.family != process->scope) continue;
        told->finding->references--;
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): what was freed before is linked nowhere any more */
        HASH_DEL(live->told, told);
        free(told);
    }
    for (stack = live->stacks; stack; stack = next_stack) {
        next_stack = stack->hh.next;
        if (stack->key.family != process->scope && !(last_of_family && stack->key.family == process->family)) continue;
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): what was freed before is linked nowhere any more */
        HASH_DEL(live->stacks, stack);
        free(stack);
    }
}

void live_free_findings(struct live *live) {
    struct live_finding *finding, *next;
    for (finding = live->findings; finding; finding = next) {
        next = finding->hh.next;
        free_finding(live, finding);
    }
}
