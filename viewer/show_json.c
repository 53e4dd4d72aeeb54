/* show_json.c: what one finding, context or description is, as JSON: "head" of the document. */
#include "viewer/finding_text.h"
#include "viewer/json.h"
#include "viewer/show.h"

#include <stdlib.h>

static json_t *json_from_finding(struct symbols *symbols, const struct finding *finding) {
    const struct process *process = finding->process;
    char *sentence = finding_sentence(finding);
    json_t *object = json_object();
    json_put(object, "kind", json_from_text(finding_kind(finding)));
    json_put(object, "count", json_from_number(finding->count));
    json_put(object, "pid", json_from_number(process->pid));
    json_put(object, "fd", finding->fd < 0 ? json_null() : json_from_number((uint64_t)finding->fd));
    json_put(object, "description", json_from_text(finding_description(finding)));
    json_put(object, "description_id", json_from_number(finding->description));
    json_put(object, "operation", json_from_text(rs_operation_name(finding->operation)));
    json_put(object, "sentence", json_from_text(sentence));
    json_put(object, "owner", json_from_context(process, finding->owner));
    json_put(object, "user", json_from_context(process, finding->user));
    json_put(object, "time_ns", json_from_time(finding->time));
    json_put(object, "verdict",
             json_from_text(finding->verdict < RS_MODE_COUNT ? rs_mode_name(finding->verdict) : NULL));
    json_put(object, "hint", json_from_text(finding_hint(finding)));
    json_put(object, "opened_at", json_from_stack(symbols, process, finding->opened_stack));
    json_put(object, "used_at", json_from_stack(symbols, process, finding->used_stack));
    free(sentence);
    return object;
}

static json_t *json_from_findings(const struct story *story) {
    size_t count;
    const struct finding **findings = show_findings(story, &count);
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++) {
        json_t *object = json_object();
        json_put(object, "id", json_from_number(findings[i]->id));
        json_put(object, "pid", json_from_number(findings[i]->process->pid));
        json_put(object, "kind", json_from_text(finding_kind(findings[i])));
        json_add(array, object);
    }
    free(findings);
    return array;
}

static json_t *json_from_touched(const struct story *story) {
    json_t *array = json_array();
    for (const struct story_touch *touch = story->touched; touch; touch = touch->hh.next) {
        const struct description *description = ids_find(&story->process->family->descriptions, touch->description);
        json_t *object = json_object();
        json_put(object, "id", json_from_number(touch->description));
        json_put(object, "description", json_from_text(description ? id_name_of_description(description) : NULL));
        json_put(object, "opened", json_boolean(touch->opened));
        json_put(object, "given", json_boolean(touch->given));
        json_put(object, "uses", json_from_number(touch->uses));
        json_put(object, "bytes", json_from_number(touch->bytes));
        json_add(array, object);
    }
    return array;
}

static json_t *json_from_threads(const struct story *story) {
    json_t *array = json_array();
    for (size_t i = 0; i < story->thread_count; i++) {
        json_t *object;
        if (!story->threads[i].own) continue;
        object = json_object();
        json_put(object, "pid", json_from_number(story->threads[i].process->pid));
        json_put(object, "thread", json_from_number(story->threads[i].thread));
        json_put(object, "name", json_from_text(story->threads[i].name));
        json_add(array, object);
    }
    return array;
}

static json_t *json_from_children(const struct model *model, const struct context *context) {
    json_t *array = json_array();
    for (size_t i = 0; i < model->context_count; i++)
        if (model->contexts[i]->parent == context->id && model->contexts[i]->family == context->family)
            json_add(array, json_from_number(model->contexts[i]->id));
    return array;
}

static json_t *json_from_context_head(const struct story *story) {
    const struct context *context = story->thing.context;
    json_t *object = json_object();
    json_put(object, "pid", json_from_number(context->process->pid));
    json_put(object, "label", json_from_text(context->label));
    json_put(object, "found", json_from_text(model_context_found(context)));
    json_put(object, "sure", json_from_text(model_context_sure(context)));
    json_put(object, "attributes", json_from_attributes(model_context_attributes(context)));
    json_put(object, "parent", json_from_number(context->parent));
    json_put(object, "children", json_from_children(story->model, context));
    json_put(object, "begin_ns", json_from_time(context->began));
    json_put(object, "end_ns", json_from_time(context->ended));
    json_put(object, "opens", json_from_number(context->opens));
    json_put(object, "uses", json_from_number(context->uses));
    json_put(object, "bytes", json_from_number(context->bytes));
    json_put(object, "threads", json_from_threads(story));
    json_put(object, "descriptions", json_from_touched(story));
    json_put(object, "findings", json_from_findings(story));
    return object;
}

static json_t *json_from_holders(const struct story *story) {
    json_t *array = json_array();
    for (size_t i = 0; i < story->holder_count; i++) {
        const struct story_holder *holder = &story->holders[i];
        json_t *object = json_object();
        json_put(object, "pid", json_from_number(holder->process->pid));
        json_put(object, "how", holder->how ? json_from_text(rs_operation_name(holder->how)) : json_null());
        json_put(object, "since_ns", json_from_time(holder->since));
        json_put(object, "close_ns", json_from_time(holder->closed));
        json_add(array, object);
    }
    return array;
}

static json_t *json_from_handovers(const struct story *story) {
    json_t *object = json_object();
    for (uint32_t i = 0; i < RS_HANDOVER_COUNT; i++)
        if (story->handovers[i]) json_put(object, rs_handover_name(i), json_from_number(story->handovers[i]));
    return object;
}

static json_t *json_from_description(const struct story *story, struct symbols *symbols) {
    const struct description *description = story->thing.description;
    json_t *object = json_object(), *users = json_array();
    for (size_t i = 0; i < description->user_count; i++) json_add(users, json_from_number(description->users[i]));
    json_put(object, "pid", json_from_number(description->process->pid));
    json_put(object, "fd", description->fd < 0 ? json_null() : json_from_number((uint64_t)description->fd));
    json_put(object, "description", json_from_text(id_name_of_description(description)));
    json_put(object, "kind", json_from_text(description->known ? rs_kind_name(description->kind) : NULL));
    json_put(object, "operation",
             json_from_text(description->known ? rs_operation_name(description->operation) : NULL));
    json_put(object, "opened_by", json_from_number(description->opener));
    json_put(object, "owner", json_from_number(description->owner));
    json_put(object, "used_by", users);
    json_put(object, "uses", json_from_number(description->uses));
    json_put(object, "bytes", json_from_number(description->bytes));
    json_put(object, "handovers", json_from_handovers(story));
    json_put(object, "open_ns", json_from_time(description->opened));
    json_put(object, "close_ns", json_from_time(description->closed));
    json_put(object, "processes", json_from_holders(story));
    json_put(object, "findings", json_from_findings(story));
    json_put(object, "opened_at", json_from_stack(symbols, description->process, description->stack));
    return object;
}

json_t *show_head_json(const struct story *story, struct symbols *symbols) {
    switch (story->thing.kind) {
    case THING_FINDING:
        return json_from_finding(symbols, story->thing.finding);
    case THING_CONTEXT:
        return json_from_context_head(story);
    default:
        return json_from_description(story, symbols);
    }
}
