/* groups.c: see groups.h. */
#include "viewer/groups.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A group under what it is found by. */
struct entry {
    char *key;
    struct group *group;
    UT_hash_handle hh;
};

static const struct module *module_of(const struct process *process, uint64_t address) {
    for (size_t i = process->module_count; i--;)
        if (address >= process->modules[i].low && address < process->modules[i].high) return &process->modules[i];
    return NULL;
}

static void write_stack(FILE *key, const struct process *process, uint32_t id) {
    const struct process *holder;
    const struct stack *stack = model_stack_of(process, id, &holder);
    if (!stack && id) fprintf(key, "?%" PRIu32 " of %zu", id, process->index); /* lost: like no other */
    for (uint32_t i = 0; stack && i < stack->count; i++) {
        const struct module *module = module_of(holder, stack->addresses[i]);
        fprintf(key, "%s+%" PRIx64 " ", module ? module->path : "", stack->addresses[i] - (module ? module->base : 0));
    }
    putc('\n', key);
}

/* Kind and both stacks; one whose first report is lost is alone. */
static char *key_of(const struct finding *finding) {
    char *text = NULL;
    size_t size;
    FILE *key = open_memstream(&text, &size);
    if (!key) memory_exhausted();
    fprintf(key, "%" PRIu32 "\n", finding->kind);
    if (!finding->known) fprintf(key, "%" PRIu32 " of %zu", finding->id, finding->process->index);
    write_stack(key, finding->process, finding->opened_stack);
    write_stack(key, finding->process, finding->used_stack);
    if (fclose(key)) memory_exhausted();
    return text;
}

static struct group *group_of(struct groups *groups, struct entry **entries, const struct finding *finding,
                              size_t *space) {
    char *key = key_of(finding);
    struct entry *entry;
    HASH_FIND_STR(*entries, key, entry);
    if (entry) {
        free(key);
        return entry->group;
    }
    entry = memory_new(sizeof *entry);
    entry->key = key;
    entry->group = memory_new(sizeof *entry->group);
    HASH_ADD_KEYPTR(hh, *entries, entry->key, strlen(entry->key), entry);
    groups->all = memory_grow(groups->all, space, groups->count + 1, sizeof *groups->all);
    groups->all[groups->count++] = entry->group;
    return entry->group;
}

static void add_finding(struct group *group, const struct finding *finding) {
    bool first = !group->first || finding->time < group->first->time;
    group->findings = memory_grow(group->findings, &group->space, group->count + 1, sizeof(struct finding *));
    group->findings[group->count++] = finding;
    group->times += finding->count;
    group->users += finding->contexts;
    group->owners += finding->owners;
    group->mended += finding->mended;
    if (first) group->first = finding;
    if (first) group->first_time = finding->time;
    if (group->last_time < finding->last_time) group->last_time = finding->last_time;
}

/* What shows one requester's data to another comes before what may do so, and before what is only left lying about. */
static int severity(const struct finding *finding) {
    switch (finding->kind) {
    case RS_FINDING_dirty_handover:
    case RS_FINDING_foreign_io:
    case RS_FINDING_foreign_close:
    case RS_FINDING_shared_after_fork:
        return 0;
    case RS_FINDING_leak:
        return 2;
    default:
        return 1;
    }
}

static int compare_groups(const void *left, const void *right) {
    const struct group *a = *(const struct group *const *)left, *b = *(const struct group *const *)right;
    if (severity(a->first) != severity(b->first)) return severity(a->first) - severity(b->first);
    if (a->times != b->times) return a->times > b->times ? -1 : 1;
    if (a->first_time != b->first_time) return a->first_time < b->first_time ? -1 : 1;
    if (a->first->process != b->first->process) return a->first->process->index < b->first->process->index ? -1 : 1;
    return (a->first->id > b->first->id) - (a->first->id < b->first->id);
}

struct groups groups_of(const struct model *model, const struct filter *filter) {
    struct groups groups = {0};
    struct entry *entries = NULL, *entry, *next;
    size_t space = 0;
    for (size_t i = 0; i < model->process_count; i++) {
        for (const struct finding *one = model->processes[i]->findings; one; one = one->hh.next) {
            if (filter && !filter_takes_finding(filter, one)) continue;
            add_finding(group_of(&groups, &entries, one, &space), one);
            groups.times += one->count;
        }
    }
    entry = entries;
    HASH_CLEAR(hh, entries); /* leaves the entries linked */
    for (; entry; entry = next) {
        next = entry->hh.next;
        free(entry->key);
        free(entry);
    }
    if (groups.count) qsort(groups.all, groups.count, sizeof *groups.all, compare_groups);
    return groups;
}

void groups_free(struct groups *groups) {
    for (size_t i = 0; i < groups->count; i++) {
        free(groups->all[i]->findings);
        free(groups->all[i]);
    }
    free(groups->all);
    *groups = (struct groups){0};
}
