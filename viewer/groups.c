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

/* ---- what is alike ---- */

static void write_stack(FILE *key, const struct process *process, uint32_t id) {
    const struct process *holder;
    const struct stack *stack = model_stack_of(process, id, &holder);
    if (!stack && id) fprintf(key, "?%" PRIu32 " of %zu", id, process->index); /* lost: like no other */
    for (uint32_t i = 0; stack && i < stack->count; i++) {
        const struct module *module = model_module_of(holder, stack->addresses[i]);
        fprintf(key, "%s %s+%" PRIx64 " ", module ? module->path : "", module ? module->build_id : "",
                stack->addresses[i] - (module ? module->base : 0));
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
    group->mended += finding->mended;
    if (first) group->first = finding;
    if (first) group->first_time = finding->time;
    if (group->last_time < finding->last_time) group->last_time = finding->last_time;
}

/* ---- who, and where ---- */

/* A context that did what a group tells, or that it was done to. */
struct part {
    size_t group; /* its place */
    bool owner;
    const struct context *context;
};

struct parts {
    struct part *all;
    size_t count, space;
};

/* Which group a finding is in. */
struct member {
    const struct finding *finding;
    size_t group;
    UT_hash_handle hh;
};

static struct member *list_members(const struct groups *groups) {
    struct member *members = NULL;
    for (size_t i = 0; i < groups->count; i++) {
        for (size_t j = 0; j < groups->all[i]->count; j++) {
            struct member *member = memory_new(sizeof *member);
            member->finding = groups->all[i]->findings[j];
            member->group = i;
            HASH_ADD(hh, members, finding, sizeof member->finding, member);
        }
    }
    return members;
}

static void free_members(struct member *members) {
    struct member *member = members, *next;
    HASH_CLEAR(hh, members);
    for (; member; member = next) {
        next = member->hh.next;
        free(member);
    }
}

static void add_parts(struct parts *parts, const struct process *process, const struct pair *pairs, bool owner,
                      const struct member *members) {
    for (const struct pair *pair = pairs; pair; pair = pair->hh.next) {
        const struct finding *finding = model_finding_of(process, (uint32_t)pair->key.other);
        const struct context *context = ids_find(&process->family->contexts, pair->key.context);
        const struct member *member;
        HASH_FIND(hh, members, &finding, sizeof finding, member);
        if (!member || !context) continue;
        parts->all = memory_grow(parts->all, &parts->space, parts->count + 1, sizeof *parts->all);
        parts->all[parts->count++] = (struct part){member->group, owner, context};
    }
}

static int compare_parts(const void *left, const void *right) {
    const struct part *a = left, *b = right;
    if (a->group != b->group) return a->group < b->group ? -1 : 1;
    if (a->owner != b->owner) return a->owner ? 1 : -1;
    if (a->context->family != b->context->family) return a->context->family->index < b->context->family->index ? -1 : 1;
    return (a->context->id > b->context->id) - (a->context->id < b->context->id);
}

/* Each context once, though several processes of its family may have told of it. */
static void deal_out(const struct groups *groups, const struct parts *parts) {
    size_t user_space = 0, owner_space = 0;
    for (size_t i = 0; i < parts->count; i++) {
        const struct part *part = &parts->all[i];
        struct group *group = groups->all[part->group];
        if (i && !compare_parts(part, part - 1)) continue;
        if (!i || part->group != part[-1].group) user_space = owner_space = 0;
        if (part->owner) {
            group->owner_contexts = memory_grow(group->owner_contexts, &owner_space, group->owners + 1, sizeof part);
            group->owner_contexts[group->owners++] = part->context;
        } else {
            group->user_contexts = memory_grow(group->user_contexts, &user_space, group->users + 1, sizeof part);
            group->user_contexts[group->users++] = part->context;
        }
    }
}

static void list_contexts(const struct model *model, const struct groups *groups) {
    struct member *members = list_members(groups);
    struct parts parts = {0};
    for (size_t i = 0; members && i < model->process_count; i++) {
        const struct process *process = model->processes[i];
        add_parts(&parts, process, process->blamed, false, members);
        add_parts(&parts, process, process->suffered, true, members);
    }
    if (parts.count) qsort(parts.all, parts.count, sizeof *parts.all, compare_parts);
    deal_out(groups, &parts);
    free(parts.all);
    free_members(members);
}

static int compare_pids(const void *left, const void *right) {
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    return (a > b) - (a < b);
}

static void list_pids(struct group *group) {
    uint32_t *pids = memory_new(group->count * sizeof *pids);
    for (size_t i = 0; i < group->count; i++) pids[i] = group->findings[i]->process->pid;
    qsort(pids, group->count, sizeof *pids, compare_pids);
    for (size_t i = 0; i < group->count; i++)
        if (!group->pid_count || pids[group->pid_count - 1] != pids[i]) pids[group->pid_count++] = pids[i];
    group->pids = pids;
}

static int compare_texts(const void *left, const void *right) {
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static int compare_labels(const void *left, const void *right) {
    const struct label_count *a = left, *b = right;
    if (a->contexts != b->contexts) return a->contexts > b->contexts ? -1 : 1;
    return strcmp(a->label, b->label);
}

struct label_count *groups_labels(const struct context *const *contexts, size_t contexts_count, size_t *count) {
    struct label_count *labels = memory_new(contexts_count * sizeof *labels);
    const char **texts = memory_new(contexts_count * sizeof *texts);
    *count = 0;
    for (size_t i = 0; i < contexts_count; i++) texts[i] = contexts[i]->label;
    if (contexts_count) qsort(texts, contexts_count, sizeof *texts, compare_texts);
    for (size_t i = 0; i < contexts_count; i++) {
        if (!i || strcmp(texts[i], texts[i - 1]) != 0) labels[(*count)++].label = texts[i];
        labels[*count - 1].contexts++;
    }
    if (*count) qsort(labels, *count, sizeof *labels, compare_labels);
    free(texts);
    return labels;
}

/* ---- the row ---- */

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
    for (size_t i = 0; i < groups.count; i++) list_pids(groups.all[i]);
    list_contexts(model, &groups);
    return groups;
}

void groups_free(struct groups *groups) {
    for (size_t i = 0; i < groups->count; i++) {
        free(groups->all[i]->findings);
        free(groups->all[i]->user_contexts);
        free(groups->all[i]->owner_contexts);
        free(groups->all[i]->pids);
        free(groups->all[i]);
    }
    free(groups->all);
    *groups = (struct groups){0};
}
