/* story.c: see story.h. */
#include "viewer/story.h"
#include "viewer/walk.h"

#include <stdlib.h>
#include <string.h>

/* ---- who and what it is about ---- */

static void add_context(struct story *story, uint64_t id) {
    for (size_t i = 0; i < story->context_count; i++)
        if (story->contexts[i] == id) return;
    if (id && story->context_count < STORY_CONTEXTS) story->contexts[story->context_count++] = id;
}

/* It may go by another number in the process: what came with a message is what was sent. */
static void add_description(struct story *story, uint64_t id) {
    const struct description *known = id ? ids_find(&story->process->family->descriptions, id) : NULL;
    if (known) id = known->id;
    for (size_t i = 0; i < story->description_count; i++)
        if (story->descriptions[i] == id) return;
    if (id && story->description_count < STORY_DESCRIPTIONS) story->descriptions[story->description_count++] = id;
}

static void begin_finding(struct story *story, const struct finding *finding) {
    const struct process *process = finding->process;
    const struct context *owner = model_context_of(process, finding->owner);
    const struct description *description = model_description_of(process, finding->description);
    add_context(story, finding->owner);
    add_context(story, finding->user);
    add_context(story, finding->first_user);
    add_context(story, finding->sender);
    add_context(story, finding->transaction_of);
    add_context(story, finding->closer);
    add_description(story, finding->description);
    add_description(story, finding->closed_description);
    story->zero = finding->time;
    story->start = description ? description->opened : 0;
    if (owner && owner->began > story->start) story->start = owner->began;
    /* What lay before it must not hide the finding itself. */
    if (story->start > finding->time) story->start = 0;
    story->scope.finding = finding;
    if (story->description_count == 1) story->scope.description = story->descriptions[0];
}

static uint64_t or_first(const struct model *model, uint64_t time) {
    return time ? time : model->first_time;
}

void story_begin(struct story *story, const struct model *model, const struct thing *thing) {
    *story = (struct story){.model = model, .thing = *thing};
    switch (thing->kind) {
    case THING_FINDING:
        story->process = thing->finding->process;
        begin_finding(story, thing->finding);
        break;
    case THING_CONTEXT:
        story->process = thing->context->process;
        add_context(story, thing->context->id);
        story->scope.context = thing->context->id;
        story->zero = or_first(model, thing->context->began);
        break;
    default:
        story->process = thing->description->process;
        add_description(story, thing->description->id);
        story->scope.description = thing->description->id;
        story->zero = or_first(model, thing->description->opened);
        break;
    }
}

static bool has_context(const struct story *story, uint64_t id) {
    for (size_t i = 0; i < story->context_count; i++)
        if (story->contexts[i] == id) return true;
    return false;
}

static bool has_description(const struct story *story, uint64_t id) {
    for (size_t i = 0; i < story->description_count; i++)
        if (story->descriptions[i] == id) return true;
    return false;
}

/* Does it concern whom it was done to, too? */
static bool is_mutual(const struct story *story, const struct happening *happening) {
    switch (happening->number) {
    case RS_EVENT_handover:
    case RS_EVENT_finding:
    case RS_EVENT_finding_again:
    case RS_EVENT_unleaked:
    case RS_EVENT_context_switch:
        return true;
    case RS_EVENT_context_begin:
        return story->thing.kind == THING_CONTEXT;
    default:
        return false;
    }
}

static bool concerns(const struct story *story, const struct happening *happening) {
    if (happening->description && has_description(story, happening->description)) return true;
    if (happening->context && has_context(story, happening->context)) return true;
    return happening->other && is_mutual(story, happening) && has_context(story, happening->other);
}

/* Where the contexts and the description come from is told, however long before it was. */
static bool is_before(const struct story *story, const struct happening *happening) {
    bool landmark = (happening->number == RS_EVENT_context_begin && has_context(story, happening->context)) ||
                    (happening->number == RS_EVENT_open && has_description(story, happening->description));
    return happening->time < story->start && !landmark;
}

/* ---- threads ---- */

/* Each thread, the context that it is in and its name. */
struct thread {
    uint64_t key; /* the process's index and its number */
    uint64_t current;
    char *name;
    size_t told; /* its place among the facts, from 1; 0: it is not there */
    UT_hash_handle hh;
};

static struct thread *find_thread(struct thread **threads, const struct process *process, uint32_t number) {
    const uint64_t key = (uint64_t)process->index << 32 | number;
    struct thread *thread;
    HASH_FIND(hh, *threads, &key, sizeof key, thread);
    if (thread) return thread;
    thread = memory_new(sizeof *thread);
    thread->key = key;
    HASH_ADD(hh, *threads, key, sizeof key, thread);
    return thread;
}

static void free_threads(struct thread *threads) {
    struct thread *thread = threads, *next;
    HASH_CLEAR(hh, threads); /* leaves them linked */
    for (; thread; thread = next) {
        next = thread->hh.next;
        free(thread->name);
        free(thread);
    }
}

static void name_thread(struct thread *thread, const struct rs_read_event *event) {
    if (event->number != RS_EVENT_thread || !*event->strings[0]) return;
    free(thread->name);
    thread->name = memory_copy(event->strings[0]);
}

/* The context that the thread is in after this. */
static void follow(struct thread *thread, const struct happening *happening) {
    if (happening->number == RS_EVENT_context_switch || happening->number == RS_EVENT_IO)
        thread->current = happening->context;
    else if (happening->number == RS_EVENT_context_end && thread->current == happening->context)
        thread->current = 0;
}

/* ---- facts ---- */

static void add_thread(struct story *story, struct thread *thread, const struct happening *happening, bool own) {
    if (!happening->thread) return;
    if (!thread->told) {
        story->threads =
            memory_grow(story->threads, &story->thread_space, story->thread_count + 1, sizeof *story->threads);
        story->threads[story->thread_count++] = (struct story_thread){
            .process = happening->process,
            .thread = happening->thread,
            .name = thread->name ? memory_copy(thread->name) : NULL,
        };
        thread->told = story->thread_count;
    }
    story->threads[thread->told - 1].own |= own;
}

static void add_touch(struct story *story, const struct happening *happening) {
    struct story_touch *touch;
    bool given = happening->number == RS_EVENT_handover && happening->context == story->scope.context &&
                 happening->detail != RS_HANDOVER_GIVEN && happening->detail != RS_HANDOVER_RETURNED;
    given |= happening->number == RS_EVENT_handover && happening->other == story->scope.context &&
             happening->detail == RS_HANDOVER_GIVEN;
    if (!happening->description || (happening->context != story->scope.context && !given)) return;
    HASH_FIND(hh, story->touched, &happening->description, sizeof happening->description, touch);
    if (!touch) {
        touch = memory_new(sizeof *touch);
        touch->description = happening->description;
        HASH_ADD(hh, story->touched, description, sizeof touch->description, touch);
    }
    touch->opened |= happening->number == RS_EVENT_open && !(happening->detail & RS_OPEN_INHERITED);
    touch->given |= given;
    touch->uses += happening->number == RS_EVENT_IO;
    touch->bytes += happening->bytes;
}

static struct story_holder *find_holder(struct story *story, const struct happening *happening) {
    for (size_t i = 0; i < story->holder_count; i++)
        if (story->holders[i].process == happening->process) return &story->holders[i];
    story->holders = memory_grow(story->holders, &story->holder_space, story->holder_count + 1, sizeof *story->holders);
    story->holders[story->holder_count] =
        (struct story_holder){.process = happening->process, .since = happening->since, .how = RS_OP_none};
    return &story->holders[story->holder_count++];
}

static void add_holder(struct story *story, const struct happening *happening) {
    struct story_holder *holder = find_holder(story, happening);
    bool inherits = happening->number == RS_EVENT_open && happening->detail & RS_OPEN_INHERITED;
    if (happening->number == RS_EVENT_open) {
        holder->how = inherits ? RS_OP_inherit : happening->operation;
        holder->closed = 0;
    }
    if (inherits) holder->since = happening->time;
    if (happening->number != RS_EVENT_close || !happening->detail) return;
    holder->closed = happening->time;
    holder->closer = happening->context;
}

static void learn(struct story *story, struct thread *thread, const struct happening *happening) {
    bool own = story->thing.kind != THING_CONTEXT || happening->context == story->scope.context;
    add_thread(story, thread, happening, own);
    if (story->thing.kind == THING_CONTEXT) add_touch(story, happening);
    if (story->thing.kind != THING_DESCRIPTION) return;
    add_holder(story, happening);
    if (happening->number == RS_EVENT_handover && happening->detail < RS_HANDOVER_COUNT)
        story->handovers[happening->detail]++;
}

/* ---- telling ---- */

/* A thread that goes from one of the story's contexts to one that is none of them leaves it: that is all there is to say. */
static void turn_leaving(const struct story *story, struct happening *happening) {
    uint64_t to = happening->context;
    if (happening->number != RS_EVENT_context_switch || (to && has_context(story, to))) return;
    happening->context = happening->other;
    happening->other = to;
    happening->detail = RS_ENTRY_LEFT;
}

/* Does the story begin with the thing's own begin, told when it was? */
static bool begins(const struct story *story, const struct happening *happening) {
    if (story->thing.kind == THING_CONTEXT)
        return happening->number == RS_EVENT_context_begin && happening->context == story->scope.context &&
               happening->time - happening->since < TOLD_AT_ONCE;
    return story->thing.kind == THING_DESCRIPTION && happening->number == RS_EVENT_open &&
           !(happening->detail & RS_OPEN_CARRIED);
}

/* Returns false when the rest is no part of it. */
static bool hear(struct story *story, struct thread *thread, struct happening *happening, story_listener *listener,
                 void *argument) {
    const struct finding *finding = story->thing.finding;
    if (!concerns(story, happening) || is_before(story, happening)) return true;
    turn_leaving(story, happening);
    if (!story->told && begins(story, happening)) story->zero = happening->time;
    learn(story, thread, happening);
    listener(argument, happening);
    story->told++;
    if (story->after || (happening_is_of(happening, finding) && happening->time >= finding->time)) story->after++;
    return story->after <= STORY_AFTER;
}

/* The happening is the event's thread's, but what is carried over may be told by another thread than did it. */
void story_tell(struct story *story, story_listener *listener, void *argument) {
    const struct family *family = story->process->family;
    struct walk *walk = walk_open(story->model, false, NULL);
    struct thread *threads = NULL;
    struct process *process;
    struct rs_read_event event;
    bool goes_on = true;
    while (goes_on && walk_next(walk, &process, &event)) {
        struct happening happening, turned;
        struct thread *thread;
        if (process->family != family) continue;
        thread = find_thread(&threads, process, event.thread);
        name_thread(thread, &event);
        if (!happening_read(&happening, process, &event, thread->current)) continue;
        turned = happening;
        goes_on = hear(story, thread, &turned, listener, argument);
        follow(thread, &happening);
    }
    free_threads(threads);
    walk_close(walk);
}

void story_end(struct story *story) {
    struct story_touch *touch = story->touched, *next;
    HASH_CLEAR(hh, story->touched);
    for (; touch; touch = next) {
        next = touch->hh.next;
        free(touch);
    }
    for (size_t i = 0; i < story->thread_count; i++) free(story->threads[i].name);
    free(story->threads);
    free(story->holders);
    *story = (struct story){0};
}
