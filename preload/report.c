/* report.c: see report.h. A report is put together in a fresh mapping, so that neither the caller's stack nor a lock limits it. */
#include "preload/report.h"
#include "preload/config.h"
#include "preload/context.h"
#include "preload/describe.h"
#include "preload/log.h"
#include "preload/modules.h"
#include "preload/stack.h"
#include "preload/symbols.h"
#include "tracer/clock.h"
#include "tracer/hint.h"
#include "tracer/text.h"

#include <sys/mman.h>

/* What a report needs: its text, and what is known of the frames of its stacks. */
struct work {
    char text[64u << 10];
    struct rs_symbol symbols[3 * RS_STACK_MAX];
};

/* "GET /b (context 2)", or "context 2" when it has no label. */
static void add_context(struct rs_text *text, uint64_t id) {
    const struct rs_context *context = rs_context_find(id);
    bool label = context && context->label[0];
    if (label) {
        rs_text_add_safe(text, context->label);
        rs_text_add(text, " (");
    }
    rs_text_add(text, "context ");
    rs_text_number(text, id);
    if (label) rs_text_add(text, ")");
}

/* "GET /b (context 2)", "no context" */
static void add_who(struct rs_text *text, uint64_t id) {
    if (id)
        add_context(text, id);
    else
        rs_text_add(text, "no context");
}

/* "writes to fd 6 (tcp 127.0.0.1:6379)" */
static void add_what(struct rs_text *text, const struct rs_finding *finding) {
    char name[RS_NAME_SIZE];
    rs_describe(finding->fd, name);
    rs_text_add(text, rs_operation_verb(finding->operation));
    rs_text_add(text, " fd ");
    rs_text_number(text, (uint64_t)finding->fd);
    if (!name[0]) return;
    rs_text_add(text, " (");
    rs_text_add_safe(text, name);
    rs_text_add(text, ")");
}

static void add_foreign(struct rs_text *text, const struct rs_finding *finding) {
    if (finding->owner) {
        rs_text_add(text, ", which ");
        add_who(text, finding->owner);
        rs_text_add(text, " owns");
        return;
    }
    rs_text_add(text, ", which was opened in no context, and which ");
    add_who(text, finding->first_user);
    rs_text_add(text, " has used");
}

/* What the owner has begun on the connection and not ended; NULL: nothing. */
static const char *unfinished(const struct rs_finding *finding) {
    bool owners = finding->outstanding.transaction_of == finding->owner;
    return owners ? rs_transaction_words(finding->outstanding.transaction) : NULL;
}

static void add_handover(struct rs_text *text, const struct rs_finding *finding) {
    const char *begun = unfinished(finding);
    rs_text_add(text, begun ? " inside " : " in the middle of an exchange of ");
    if (begun) rs_text_add(text, begun);
    if (begun) rs_text_add(text, " that ");
    add_who(text, finding->owner);
    if (begun) rs_text_add(text, " began");
}

static void add_late(struct rs_text *text, const struct rs_finding *finding) {
    if (finding->user == finding->owner) {
        rs_text_add(text, " after its own end");
        return;
    }
    rs_text_add(text, " of ");
    add_who(text, finding->owner);
    rs_text_add(text, ", which has ended");
}

/* What is special about it, after who does what to which descriptor. */
static void add_circumstance(struct rs_text *text, const struct rs_finding *finding) {
    switch (finding->kind) {
    case RS_FINDING_late_io:
        add_late(text, finding);
        break;
    case RS_FINDING_dirty_handover:
        add_handover(text, finding);
        break;
    case RS_FINDING_bad_close:
        rs_text_add(text, ", which is not open");
        break;
    case RS_FINDING_shared_after_fork:
        rs_text_add(text, ", which process ");
        rs_text_number(text, finding->process);
        rs_text_add(text, " uses, too, since a fork");
        break;
    default:
        add_foreign(text, finding);
    }
}

static void add_leak(struct rs_text *text, const struct rs_finding *finding) {
    char name[RS_NAME_SIZE];
    rs_describe(finding->fd, name);
    add_who(text, finding->owner);
    rs_text_add(text, " ends and leaves fd ");
    rs_text_number(text, (uint64_t)finding->fd);
    rs_text_add(text, " (");
    rs_text_add_safe(text, name);
    rs_text_add(text, ") open, which it opened");
}

static void add_headline(struct rs_text *text, const struct rs_finding *finding) {
    rs_text_add(text, "reqscope: ");
    rs_text_add(text, rs_finding_kind_name(finding->kind));
    rs_text_add(text, ": ");
    if (finding->kind == RS_FINDING_leak) {
        add_leak(text, finding);
    } else {
        add_who(text, finding->user);
        rs_text_add(text, " ");
        add_what(text, finding);
        add_circumstance(text, finding);
    }
    rs_text_add(text, "\n");
}

static void add_frame(struct rs_text *text, uint32_t number, const struct rs_symbol *symbol) {
    size_t line = text->length;
    rs_text_add(text, "    #");
    rs_text_number(text, number);
    rs_text_pad(text, line + 8);
    rs_text_add(text, symbol->function[0] ? symbol->function : "?");
    rs_text_pad(text, line + 24);
    if (symbol->file[0]) {
        rs_text_add(text, " ");
        rs_text_add(text, symbol->file);
        rs_text_add(text, ":");
        rs_text_number(text, symbol->line);
    }
    rs_text_pad(text, line + 39);
    rs_text_add(text, " (");
    rs_text_add(text, symbol->module);
    rs_text_add(text, symbol->module[0] ? "+0x" : "0x");
    rs_text_digits(text, symbol->offset, 16, 1);
    rs_text_add(text, ")\n");
}

static void add_stack(struct rs_text *text, uint32_t id, const struct rs_symbol *symbols) {
    struct rs_stack stack = rs_stack_get(id);
    for (uint32_t i = 0; i < stack.frames; i++) add_frame(text, i, &symbols[i]);
    if (stack.flags & RS_STACK_TRUNCATED) rs_text_add(text, "    ... (REQSCOPE_STACK_DEPTH takes more)\n");
    if (!stack.frames) rs_text_add(text, "    (no stack was taken)\n");
}

static void add_seconds(struct rs_text *text, uint64_t nanoseconds) {
    rs_text_number(text, nanoseconds / 1000000000u);
    rs_text_add(text, ".");
    rs_text_digits(text, nanoseconds / 1000000u % 1000u, 10, 3);
    rs_text_add(text, " s");
}

static void add_place(struct rs_text *text, const char *what, uint64_t context, uint32_t thread) {
    rs_text_add(text, "  ");
    rs_text_add(text, what);
    rs_text_add(text, " here by ");
    if (context) {
        rs_text_add(text, "context ");
        rs_text_number(text, context);
    } else {
        rs_text_add(text, "no context");
    }
    if (!thread) return; /* not kept */
    rs_text_add(text, ", thread ");
    rs_text_number(text, thread);
}

static void add_user(struct rs_text *text, const struct rs_finding *finding, const struct rs_symbol *symbols) {
    const char *what = finding->kind == RS_FINDING_leak ? "ended" : "used";
    bool closes = finding->kind == RS_FINDING_bad_close || finding->kind == RS_FINDING_foreign_close;
    add_place(text, closes ? "closed" : what, finding->user, finding->thread);
    rs_text_add(text, ":\n");
    add_stack(text, finding->used_stack, symbols);
}

static void add_before(struct rs_text *text, uint64_t age) {
    rs_text_add(text, ", ");
    add_seconds(text, age);
    rs_text_add(text, " before:\n");
}

static void add_opener(struct rs_text *text, const struct rs_finding *finding, const struct rs_symbol *symbols) {
    const struct rs_description *description = &finding->description;
    if (!description->id) return;
    add_place(text, description->opened_by == RS_OP_found ? "first seen" : "opened", description->opener,
              description->opener_thread);
    add_before(text, finding->now > description->opened ? finding->now - description->opened : 0);
    add_stack(text, description->opened_stack, symbols);
}

/* The number was the user's own once. */
static void add_closed(struct rs_text *text, const struct rs_finding *finding, const struct rs_symbol *symbols) {
    const struct rs_closed *closed = &finding->closed;
    if (finding->kind == RS_FINDING_bad_close && !closed->description) {
        rs_text_add(text, "  nothing is known of an earlier close of this number\n");
        return;
    }
    if (!closed->description) return;
    bool other = finding->kind != RS_FINDING_bad_close;
    add_place(text, other ? "the number was its own before, and was closed" : "closed before", closed->closer,
              closed->thread);
    add_before(text, finding->closed_age);
    add_stack(text, closed->stack, symbols);
}

static bool is_connection(const struct rs_description *description) {
    return description->kind >= RS_KIND_TCP && description->kind <= RS_KIND_SOCKET;
}

static const char *hint_of(const struct rs_finding *finding) {
    return rs_hint(&(struct rs_hint_facts){
        .kind = finding->kind,
        .phase = finding->description.phase,
        .accepted = finding->description.opened_by == RS_OP_accept,
        .connection = is_connection(&finding->description),
        .unread = finding->unread && finding->unread != ~0u,
        .unfinished = unfinished(finding) != NULL,
        .nobodys = !finding->owner,
        .first =
            finding->owner && finding->owner == rs_context_first() && finding->owner == finding->description.opener,
    });
}

/* What is owed, to whom, for how long. */
static void add_outstanding(struct rs_text *text, const struct rs_finding *finding) {
    const struct rs_outstanding *owed = &finding->outstanding;
    if (finding->kind != RS_FINDING_dirty_handover) return;
    rs_text_add(text, "  outstanding: ");
    if (owed->sent) {
        add_who(text, owed->sender);
        rs_text_add(text, " sent ");
        rs_text_number(text, owed->sent);
        rs_text_add(text, owed->sent == 1 ? " byte " : " bytes ");
        add_seconds(text, owed->age);
        rs_text_add(text, " ago that are not answered; ");
    }
    if (owed->unread == ~0u) {
        rs_text_add(text, "how many bytes wait unread is not known");
    } else {
        rs_text_number(text, owed->unread);
        rs_text_add(text, " bytes wait unread");
    }
    const char *protocol = rs_protocol_name(owed->protocol);
    if (protocol) {
        rs_text_add(text, "; ");
        rs_text_add(text, protocol);
    }
    rs_text_add(text, "\n");
}

static void add_end(struct rs_text *text, const struct rs_finding *finding) {
    add_outstanding(text, finding);
    if (finding->description.last_operation && finding->kind != RS_FINDING_bad_close) {
        rs_text_add(text, "  the owner's last operation on it: ");
        rs_text_add(text, rs_operation_name(finding->description.last_operation));
        if (finding->unread && finding->unread != ~0u) {
            rs_text_add(text, "; bytes that wait unread: ");
            rs_text_number(text, finding->unread);
        }
        rs_text_add(text, "\n");
    }
    if (rs_config.mode == RS_MODE_DENY && !rs_is_let_through(finding)) {
        rs_text_add(text, "  denied: the call fails with EPERM, no byte has moved\n");
    }
    rs_text_add(text, "  hint: ");
    rs_text_add(text, hint_of(finding));
    rs_text_add(text, "\n");
}

#define STACKS 3

/* The symbols of all stacks, one behind the other; first[i]: where the i-th's begin. */
static void find_symbols(struct rs_symbol *symbols, const uint32_t *stacks, uint32_t *first) {
    uint32_t count = 0;
    for (int i = 0; i < STACKS; i++) {
        struct rs_stack stack = rs_stack_get(stacks[i]);
        first[i] = count;
        for (uint32_t frame = 0; frame < stack.frames; frame++) symbols[count++].address = stack.addresses[frame];
    }
    rs_symbols_find(symbols, count);
}

void rs_report(const struct rs_finding *finding) {
    const uint32_t stacks[STACKS] = {finding->used_stack, finding->description.opened_stack, finding->closed.stack};
    uint32_t first[STACKS];
    struct work *work = rs_sys_mmap(sizeof *work, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    if (!work) {
        rs_log_line("a finding could not be reported: no memory", rs_finding_kind_name(finding->kind));
        return;
    }
    struct rs_text text = rs_text_in(work->text, sizeof work->text);
    rs_modules_refresh();
    find_symbols(work->symbols, stacks, first);
    add_headline(&text, finding);
    add_user(&text, finding, work->symbols + first[0]);
    if (finding->kind == RS_FINDING_bad_close) add_closed(&text, finding, work->symbols + first[2]);
    add_opener(&text, finding, work->symbols + first[1]);
    if (finding->kind != RS_FINDING_bad_close) add_closed(&text, finding, work->symbols + first[2]);
    add_end(&text, finding);
    rs_log_write(work->text, text.length);
    rs_sys(SYS_munmap, work, sizeof *work);
}

void rs_report_mended(int fd, const struct rs_description *description) {
    char line[1024];
    struct rs_text text = rs_text_in(line, sizeof line);
    uint64_t now = rs_clock_monotonic();
    rs_text_add(&text, "unleaked: fd ");
    rs_text_number(&text, (uint64_t)fd);
    rs_text_add(&text, ", which ");
    add_context(&text, rs_owner_of(description));
    rs_text_add(&text, " had left open at its end, is closed after all by ");
    add_who(&text, rs_thread.current);
    rs_text_add(&text, ", ");
    add_seconds(&text, now > description->opened ? now - description->opened : 0);
    rs_text_add(&text, " after it was opened");
    rs_log_line(line, NULL);
}
