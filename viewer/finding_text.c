/* finding_text.c: see finding_text.h. */
#include "viewer/finding_text.h"
#include "tracer/hint.h"
#include "viewer/stack_text.h"
#include "viewer/text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

const char *finding_kind(const struct finding *finding) {
    return finding->kind < RS_FINDING_COUNT ? rs_finding_kind_name(finding->kind) : "unknown";
}

char *finding_context(const struct process *process, uint64_t id) {
    const struct context *context = model_context_of(process, id);
    if (!id) return memory_copy("no context");
    if (!context || !*context->label) return memory_format("context %" PRIu64, id);
    return memory_format("%s (context %" PRIu64 ")", context->label, id);
}

const char *finding_description(const struct finding *finding) {
    const struct description *known = model_description_of(finding->process, finding->description);
    if (!known) return "";
    return *known->name ? known->name : rs_kind_name(known->kind);
}

/* "fd 7 (tcp 127.0.0.1:6379)" */
static char *name_fd(const struct finding *finding) {
    const char *name = finding_description(finding);
    if (finding->fd < 0) return memory_format("a descriptor%s%s%s", *name ? " (" : "", name, *name ? ")" : "");
    return memory_format("fd %" PRId32 "%s%s%s", finding->fd, *name ? " (" : "", name, *name ? ")" : "");
}

/* What the owner has begun on the connection and not ended; NULL: nothing. */
static const char *unfinished(const struct finding *finding) {
    return finding->transaction_of == finding->owner ? rs_transaction_words(finding->transaction) : NULL;
}

static char *sentence_of_handover(const struct finding *finding, const char *fd, const char *user, const char *owner) {
    const char *begun = unfinished(finding), *verb = rs_operation_verb(finding->operation);
    if (begun) return memory_format("%s %s %s inside %s that %s began", user, verb, fd, begun, owner);
    return memory_format("%s %s %s in the middle of an exchange of %s", user, verb, fd, owner);
}

static char *sentence_of_boot(const struct finding *finding, const char *fd, const char *user) {
    char *first = finding_context(finding->process, finding->first_user);
    char *sentence = memory_format("%s %s %s, which was opened in no context, and which %s has used", user,
                                   rs_operation_verb(finding->operation), fd, first);
    free(first);
    return sentence;
}

/* The sentence, in the words that fit the kind. */
static char *sentence_of(const struct finding *finding, const char *fd, const char *user, const char *owner) {
    const char *verb = rs_operation_verb(finding->operation);
    switch (finding->kind) {
    case RS_FINDING_late_io:
        if (finding->user == finding->owner) return memory_format("%s %s %s after its own end", user, verb, fd);
        return memory_format("%s %s %s of %s, which has ended", user, verb, fd, owner);
    case RS_FINDING_dirty_handover:
        return sentence_of_handover(finding, fd, user, owner);
    case RS_FINDING_leak:
        return memory_format("%s ends and leaves %s open, which it opened", owner, fd);
    case RS_FINDING_bad_close:
        return memory_format("%s %s %s, which is not open", user, verb, fd);
    case RS_FINDING_shared_after_fork:
        return memory_format("%s %s %s, which process %" PRIu32 " uses, too, since a fork", user, verb, fd,
                             finding->other_process);
    case RS_FINDING_foreign_wakeup:
        return memory_format("%s completes what %s waits for", user, owner);
    case RS_FINDING_hang:
        return memory_format("%s can no longer finish", owner);
    case RS_FINDING_foreign_io:
    case RS_FINDING_foreign_close:
        if (!finding->owner) return sentence_of_boot(finding, fd, user);
        return memory_format("%s %s %s, which %s owns", user, verb, fd, owner);
    default:
        return memory_format("%s, %s, %s: the finding's first report is lost", fd, user, owner);
    }
}

char *finding_sentence(const struct finding *finding) {
    char *fd = name_fd(finding);
    char *user = finding_context(finding->process, finding->user);
    char *owner = finding_context(finding->process, finding->owner);
    char *sentence = sentence_of(finding, fd, user, owner);
    free(fd);
    free(user);
    free(owner);
    return sentence;
}

const char *finding_verdict(const struct finding *finding) {
    static const char *const verdicts[RS_MODE_COUNT] = {"let through", "denied: the call failed with EPERM",
                                                        "the process was aborted", "let through"};
    return finding->verdict < RS_MODE_COUNT ? verdicts[finding->verdict] : "not known";
}

const char *finding_phase(const struct finding *finding) {
    static const char *const phases[RS_PHASE_COUNT] = {"idle", "sent", "answered"};
    return finding->known && finding->phase < RS_PHASE_COUNT ? phases[finding->phase] : NULL;
}

const char *finding_hint(const struct finding *finding) {
    const struct description *known = model_description_of(finding->process, finding->description);
    return rs_hint(&(struct rs_hint_facts){
        .kind = finding->kind,
        .phase = finding->phase,
        .accepted = known && known->operation == RS_OP_accept,
        .connection =
            !known || known->kind == RS_KIND_TCP || known->kind == RS_KIND_UNIX || known->kind == RS_KIND_SOCKET,
        .unread = finding->unread && finding->unread != UINT32_MAX,
        .unfinished = unfinished(finding) != NULL,
        .nobodys = finding->known && !finding->owner,
        .first = finding->owner && finding->owner == model_first_context(finding->process) &&
                 finding->owner == finding->opener,
    });
}

/* "GET /a (request, strong)"; NULL: the program has announced it, or nothing recorded says. */
static char *inferred(const struct process *process, uint64_t id) {
    const struct context *begun = model_context_of(process, id);
    const char *sure = model_context_sure(begun);
    char *name, *text;
    if (!begun || (begun->origin != RS_ORIGIN_ACCEPT && begun->origin != RS_ORIGIN_REQUEST)) return NULL;
    name = *begun->label ? memory_copy(begun->label) : memory_format("context %" PRIu64, id);
    text = memory_format("%s (%s%s%s)", name, rs_origin_name(begun->origin), sure ? ", " : "", sure ? sure : "");
    free(name);
    return text;
}

char *finding_inferred(const struct finding *finding) {
    char *owner = inferred(finding->process, finding->owner);
    char *user = finding->user == finding->owner ? NULL : inferred(finding->process, finding->user);
    char *both;
    if (!owner || !user) return owner ? owner : user;
    both = memory_format("%s, %s", owner, user);
    free(owner);
    free(user);
    return both;
}

/* "GET /a (context 1) sent 31 bytes 0.004 s before that are not answered; 0 bytes wait unread; RESP" */
char *finding_outstanding(const struct finding *finding) {
    const char *protocol = rs_protocol_name(finding->protocol);
    char *sender = finding_context(finding->process, finding->sender);
    char *age = text_duration(finding->sent_age);
    char *sent = finding->sent ? memory_format("%s sent %" PRIu64 " byte%s %s before that are not answered; ", sender,
                                               finding->sent, finding->sent == 1 ? "" : "s", age)
                               : memory_copy("");
    char *unread = finding->unread == UINT32_MAX ? memory_copy("how many bytes waited unread is not known")
                                                 : memory_format("%" PRIu32 " bytes waited unread", finding->unread);
    char *text = memory_format("%s%s%s%s", sent, unread, protocol ? "; " : "", protocol ? protocol : "");
    free(sender);
    free(age);
    free(sent);
    free(unread);
    return text;
}

/* The first frame that is the application's own and has a name that the guard knows. Inlined ones the guard cannot see. */
static const struct frame *own_frame(const struct frame *frames, size_t count) {
    for (size_t i = 0; i < count; i++) {
        bool own = frames[i].symbol && strncmp(frames[i].symbol, "reqscope_", 9) != 0;
        if (own && !stack_is_runtime(&frames[i])) return &frames[i];
    }
    for (size_t i = 0; i < count; i++)
        if (frames[i].module && !frames[i].generated) return &frames[i];
    return NULL;
}

#define LONGEST_SYMBOL 90 /* of which the guard is sure to know all */

char *finding_suppression(const struct finding *finding, const struct frame *frames, size_t count) {
    const struct frame *frame = own_frame(frames, count);
    if (!frame) return NULL;
    if (!frame->symbol) return memory_format("%s:lib:^%s$", finding_kind(finding), frame->module);
    bool whole = strlen(frame->symbol) <= LONGEST_SYMBOL;
    return memory_format("%s:fun:^%.*s%s", finding_kind(finding), LONGEST_SYMBOL, frame->symbol, whole ? "$" : "");
}

char *finding_frame(const struct frame *frame) {
    const char *function = frame->function ? frame->function : "?";
    char *line = !frame->file   ? NULL
                 : !frame->line ? memory_copy(frame->file)
                                : memory_format("%s:%d", frame->file, frame->line);
    char *place = line ? memory_format("%-15s %-12s", function, line) : memory_format("%-15s", function);
    char *text;
    if (frame->inlined)
        text = memory_format("%s (inlined)", place);
    else if (frame->module)
        text = memory_format("%s (%s+0x%" PRIx64 ")", place, frame->module, frame->offset);
    else
        text = memory_format("%s (0x%" PRIx64 ")", place, frame->address);
    free(line);
    free(place);
    return text;
}
