/* json_rows.c: see json_rows.h. */
#include "viewer/json_rows.h"
#include "viewer/finding_text.h"
#include "viewer/report.h"

#include <stdlib.h>

/* As many labels of a group's contexts are told: there may be as many as requests. */
#define LABELS_TOLD 100

static json_t *new_object(void) {
    json_t *object = json_object();
    if (!object) memory_exhausted();
    return object;
}

static json_t *new_array(void) {
    json_t *array = json_array();
    if (!array) memory_exhausted();
    return array;
}

json_t *json_from_context_row(const struct context *context) {
    json_t *object = new_object();
    json_put(object, "id", json_from_number(context->id));
    json_put(object, "pid", json_from_number(context->process->pid));
    json_put(object, "label", json_from_text(context->label));
    json_put(object, "found", json_from_text(model_context_found(context)));
    json_put(object, "sure", json_from_text(model_context_sure(context)));
    json_put(object, "resumed", json_from_number(context->resumed));
    json_put(object, "handed_over", json_from_number(context->handed_over));
    json_put(object, "attributes", json_from_attributes(model_context_attributes(context)));
    json_put(object, "parent", json_from_number(context->parent));
    json_put(object, "begin_ns", json_from_time(context->began));
    json_put(object, "end_ns", json_from_time(context->ended));
    json_put(object, "thread", json_from_time(context->thread));
    json_put(object, "opens", json_from_number(context->opens));
    json_put(object, "uses", json_from_number(context->uses));
    json_put(object, "bytes", json_from_number(context->bytes));
    json_put(object, "findings", json_from_number(context->findings));
    return object;
}

/* The latest name, else what kind it is; NULL: not known. */
static const char *name_of(const struct description *description) {
    if (*description->name) return description->name;
    return description->known ? rs_kind_name(description->kind) : NULL;
}

json_t *json_from_description_row(struct symbols *symbols, const struct description *one) {
    json_t *object = new_object(), *users = new_array(), *pids = new_array();
    for (size_t i = 0; i < one->user_count; i++) json_add(users, json_from_number(one->users[i]));
    for (size_t i = 0; i < one->pid_count; i++) json_add(pids, json_from_number(one->pids[i]));
    json_put(object, "id", json_from_number(one->id));
    json_put(object, "pid", json_from_number(one->process->pid));
    json_put(object, "used_by_pids", pids);
    json_put(object, "fd", one->fd < 0 ? json_null() : json_from_number((uint64_t)one->fd));
    json_put(object, "description", json_from_text(name_of(one)));
    json_put(object, "kind", json_from_text(one->known ? rs_kind_name(one->kind) : NULL));
    json_put(object, "operation", json_from_text(one->known ? rs_operation_name(one->operation) : NULL));
    json_put(object, "opened_by", json_from_number(one->opener));
    json_put(object, "owner", json_from_number(one->owner));
    json_put(object, "used_by", users);
    json_put(object, "uses", json_from_number(one->uses));
    json_put(object, "bytes", json_from_number(one->bytes));
    json_put(object, "handovers", json_from_number(one->handovers));
    json_put(object, "open_ns", json_from_time(one->opened));
    json_put(object, "close_ns", json_from_time(one->closed));
    json_put(object, "opened_at", json_from_stack(symbols, one->process, one->stack));
    return object;
}

/* What belongs to some kinds only; null elsewhere. */
static void put_details(json_t *object, struct symbols *symbols, const struct finding *finding) {
    const struct process *process = finding->process;
    bool handover = finding->kind == RS_FINDING_dirty_handover && finding->known, closed = finding->closed_description;
    json_put(object, "sent", handover ? json_from_number(finding->sent) : json_null());
    json_put(object, "sent_age_ns", handover ? json_from_number(finding->sent_age) : json_null());
    json_put(object, "sender", handover ? json_from_context(process, finding->sender) : json_null());
    json_put(object, "protocol", json_from_text(rs_protocol_name(finding->protocol)));
    json_put(object, "transaction", json_from_text(rs_transaction_words(finding->transaction)));
    json_put(object, "transaction_of",
             finding->transaction ? json_from_context(process, finding->transaction_of) : json_null());
    json_put(object, "closed_by", closed ? json_from_context(process, finding->closer) : json_null());
    json_put(object, "closed_age_ns", closed ? json_from_number(finding->closed_age) : json_null());
    json_put(object, "closed_at", json_from_stack(symbols, process, finding->closed_stack));
    json_put(object, "first_user", finding->first_user ? json_from_context(process, finding->first_user) : json_null());
    json_put(object, "other_pid", finding->other_process ? json_from_number(finding->other_process) : json_null());
}

static void put_first(json_t *object, struct symbols *symbols, const struct finding *finding) {
    const struct process *process = finding->process;
    char *sentence = finding_sentence(finding), *suppression = report_suppression(symbols, finding);
    json_put(object, "fd", finding->fd < 0 ? json_null() : json_from_number((uint64_t)finding->fd));
    json_put(object, "description", json_from_text(finding_description(finding)));
    json_put(object, "description_id", json_from_number(finding->description));
    json_put(object, "operation", json_from_text(rs_operation_name(finding->operation)));
    json_put(object, "sentence", json_from_text(sentence));
    json_put(object, "owner", json_from_context(process, finding->owner));
    json_put(object, "user", json_from_context(process, finding->user));
    json_put(object, "opener", json_from_context(process, finding->opener));
    json_put(object, "thread", json_from_number(finding->thread));
    json_put(object, "owner_thread", json_from_number(finding->owner_thread));
    json_put(object, "owner_operation", json_from_text(rs_operation_name(finding->owner_operation)));
    json_put(object, "phase", json_from_text(finding_phase(finding)));
    json_put(object, "unread", finding->unread == UINT32_MAX ? json_null() : json_from_number(finding->unread));
    json_put(object, "verdict",
             json_from_text(finding->verdict < RS_MODE_COUNT ? rs_mode_name(finding->verdict) : NULL));
    json_put(object, "time_ns", json_from_time(finding->time));
    json_put(object, "opened_ns", json_from_time(finding->opened));
    json_put(object, "hint", json_from_text(finding_hint(finding)));
    json_put(object, "suppression", json_from_text(suppression));
    free(sentence);
    free(suppression);
}

/* Each finding that the group stands for, by its own process's number, with its own owner and user. */
static json_t *json_from_members(const struct group *group) {
    json_t *array = new_array();
    for (size_t i = 0; i < group->count; i++) {
        const struct finding *one = group->findings[i];
        json_t *object = new_object();
        json_put(object, "pid", json_from_number(one->process->pid));
        json_put(object, "id", json_from_number(one->id));
        json_put(object, "count", json_from_number(one->count));
        json_put(object, "owner", json_from_context(one->process, one->owner));
        json_put(object, "user", json_from_context(one->process, one->user));
        json_add(array, object);
    }
    return array;
}

/* [{"label", "contexts"}], the most frequent first. */
static json_t *json_from_labels(const struct context *const *contexts, size_t context_count) {
    json_t *array = new_array();
    size_t count;
    struct label_count *labels = groups_labels(contexts, context_count, &count);
    for (size_t i = 0; i < count && i < LABELS_TOLD; i++) {
        json_t *object = new_object();
        json_put(object, "label", json_from_text(labels[i].label));
        json_put(object, "contexts", json_from_number(labels[i].contexts));
        json_add(array, object);
    }
    free(labels);
    return array;
}

static json_t *json_from_pids(const struct group *group) {
    json_t *array = new_array();
    for (size_t i = 0; i < group->pid_count; i++) json_add(array, json_from_number(group->pids[i]));
    return array;
}

json_t *json_from_group(struct symbols *symbols, const struct group *group, const char *heading) {
    const struct finding *first = group->first;
    json_t *object = new_object();
    json_put(object, "id", json_from_number(first->id));
    json_put(object, "kind", json_from_text(finding_kind(first)));
    json_put(object, "count", json_from_number(group->times));
    json_put(object, "pid", json_from_number(first->process->pid));
    if (heading) json_put(object, "by", json_from_text(heading));
    put_first(object, symbols, first);
    put_details(object, symbols, first);
    json_put(object, "pids", json_from_pids(group));
    json_put(object, "first_ns", json_from_time(group->first_time));
    json_put(object, "last_ns", json_from_time(group->last_time));
    json_put(object, "user_contexts", json_from_number(group->users));
    json_put(object, "owner_contexts", json_from_number(group->owners));
    json_put(object, "users", json_from_labels(group->user_contexts, group->users));
    json_put(object, "owners", json_from_labels(group->owner_contexts, group->owners));
    json_put(object, "unleaked", first->kind == RS_FINDING_leak ? json_from_number(group->mended) : json_null());
    json_put(object, "findings", json_from_members(group));
    json_put(object, "opened_at", json_from_stack(symbols, first->process, first->opened_stack));
    json_put(object, "used_at", json_from_stack(symbols, first->process, first->used_stack));
    return object;
}

json_t *json_from_rules(const struct model *model) {
    json_t *array = new_array();
    for (size_t i = 0; i < model->process_count; i++) {
        const struct process *process = model->processes[i];
        for (size_t j = 0; j < process->rule_count; j++) {
            json_t *object = new_object();
            json_put(object, "pid", json_from_number(process->pid));
            json_put(object, "line", json_from_number(process->rules[j].line));
            json_put(object, "rule", json_from_text(process->rules[j].text));
            json_put(object, "hits", json_from_number(process->rules[j].hits));
            json_add(array, object);
        }
    }
    return array;
}
