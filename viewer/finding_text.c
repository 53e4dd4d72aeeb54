/* finding_text.c: see finding_text.h. */
#include "viewer/finding_text.h"

#include <inttypes.h>
#include <stdlib.h>

const char *finding_kind(const struct finding *finding) {
    return finding->kind < RS_FINDING_COUNT ? rs_finding_kind_name(finding->kind) : "unknown";
}

char *finding_context(const struct model *model, const struct process *process, uint64_t id) {
    const struct context *context = model_context_of(model, process, id);
    if (!id) return memory_copy("no context");
    if (!context || !*context->label) return memory_format("context %" PRIu64, id);
    return memory_format("%s (context %" PRIu64 ")", context->label, id);
}

const char *finding_description(const struct model *model, const struct finding *finding) {
    const struct description *known = model_description_of(model, finding->process, finding->description);
    if (!known) return "";
    return *known->name ? known->name : rs_kind_name(known->kind);
}

/* "fd 7 (tcp 127.0.0.1:6379)" */
static char *name_fd(const struct model *model, const struct finding *finding) {
    const char *name = finding_description(model, finding);
    if (finding->fd < 0) return memory_format("a descriptor%s%s%s", *name ? " (" : "", name, *name ? ")" : "");
    return memory_format("fd %" PRId32 "%s%s%s", finding->fd, *name ? " (" : "", name, *name ? ")" : "");
}

/* The sentence's end: who has the description, in the words that fit the kind. */
static char *sentence_of(const struct finding *finding, const char *fd, const char *user, const char *owner) {
    const char *verb = rs_operation_verb(finding->operation);
    switch (finding->kind) {
    case RS_FINDING_late_io:
        if (finding->user == finding->owner) return memory_format("%s %s %s after its own end", user, verb, fd);
        return memory_format("%s %s %s of %s, one of the two having ended", user, verb, fd, owner);
    case RS_FINDING_dirty_handover:
        return memory_format("%s %s %s in the middle of an exchange of %s", user, verb, fd, owner);
    case RS_FINDING_leak:
        return memory_format("%s ended while %s, which it opened, was still open", owner, fd);
    case RS_FINDING_bad_close:
        return memory_format("%s %s %s, which is not open", user, verb, fd);
    case RS_FINDING_shared_after_fork:
        return memory_format("%s %s %s, which another process uses, too, since a fork", user, verb, fd);
    case RS_FINDING_foreign_wakeup:
        return memory_format("%s completes what %s waits for", user, owner);
    case RS_FINDING_hang:
        return memory_format("%s can no longer finish", owner);
    case RS_FINDING_foreign_io:
    case RS_FINDING_foreign_close:
        return memory_format("%s %s %s, which %s owns", user, verb, fd, owner);
    default:
        return memory_format("%s, %s, %s: the finding's first report is lost", fd, user, owner);
    }
}

char *finding_sentence(const struct model *model, const struct finding *finding) {
    char *fd = name_fd(model, finding);
    char *user = finding_context(model, finding->process, finding->user);
    char *owner = finding_context(model, finding->process, finding->owner);
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

/* I/O on what another context has: it depends on where the exchange stood. */
static const char *hint_for_io(const struct model *model, const struct finding *finding) {
    const struct description *known = model_description_of(model, finding->process, finding->description);
    bool connection =
        !known || known->kind == RS_KIND_TCP || known->kind == RS_KIND_UNIX || known->kind == RS_KIND_SOCKET;
    bool unread = finding->unread && finding->unread != UINT32_MAX;
    if (connection && finding->phase == RS_PHASE_SENT)
        return "the owner had sent a request on it and not read the answer: the next one who reads gets the owner's "
               "answer. "
               "Take a connection out of its pool until its answer is read, and close it when the request is "
               "cancelled.";
    if (connection && unread)
        return "bytes for the owner waited unread: the next one who reads gets them. Read the whole answer before a "
               "connection goes to another request, or close it.";
    if (connection)
        return "the exchange was complete: a connection pool looks like this. REQSCOPE_POLICY=lease accepts clean "
               "hand-overs.";
    return "each request needs one of its own (REQSCOPE_LOCAL), or say what is meant: reqscope_give, reqscope_share.";
}

const char *finding_hint(const struct model *model, const struct finding *finding) {
    switch (finding->kind) {
    case RS_FINDING_foreign_close:
        return "the owner goes on using this number: what is opened next gets it. Is it closed twice, or by the wrong "
               "owner?";
    case RS_FINDING_late_io:
        return "the context was over: end it after its last I/O, or cancel what it has started and wait for that.";
    case RS_FINDING_leak:
        return "close it before the context ends, give it back (reqscope_give to 0), or say that it is shared "
               "(reqscope_share).";
    case RS_FINDING_bad_close:
        return "this close hit nothing; with another request in between it closes that one's descriptor. Forget the "
               "number "
               "when it is closed.";
    case RS_FINDING_shared_after_fork:
        return "open the connection after the fork, in each process by itself.";
    case RS_FINDING_foreign_wakeup:
        return "what one request waits for was completed by another: keep such things apart.";
    case RS_FINDING_hang:
        return "nothing of its own is outstanding: who was to complete what it waits for?";
    default:
        return hint_for_io(model, finding);
    }
}

char *finding_frame(const struct frame *frame) {
    char *place = frame->file ? memory_format("%s:%d", frame->file, frame->line) : memory_copy("");
    char *text;
    if (frame->inlined)
        text = memory_format("%-15s %-12s (inlined)", frame->function ? frame->function : "?", place);
    else if (frame->module)
        text = memory_format("%-15s %-12s (%s+0x%" PRIx64 ")", frame->function ? frame->function : "?", place,
                             frame->module, frame->offset);
    else
        text = memory_format("%-15s %-12s (0x%" PRIx64 ")", "?", place, frame->address);
    free(place);
    return text;
}
