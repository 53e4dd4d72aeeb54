/* report.c: see report.h. A report is put together in a fresh mapping, so that neither the caller's stack nor a lock limits it. */
#include "preload/report.h"
#include "preload/config.h"
#include "preload/context.h"
#include "preload/describe.h"
#include "preload/log.h"
#include "preload/modules.h"
#include "preload/stack.h"
#include "preload/symbols.h"
#include "tracer/text.h"

#include <sys/mman.h>

/* What a report needs: its text, and what is known of the frames of both its stacks. */
struct work {
    char text[64u << 10];
    struct rs_symbol symbols[2 * RS_STACK_MAX];
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

static void add_headline(struct rs_text *text, const struct rs_finding *finding) {
    char name[RS_NAME_SIZE];
    rs_describe(finding->fd, name);
    rs_text_add(text, "reqscope: ");
    rs_text_add(text, rs_finding_kind_name(finding->kind));
    rs_text_add(text, ": ");
    add_context(text, finding->user);
    rs_text_add(text, " ");
    rs_text_add(text, rs_operation_verb(finding->operation));
    rs_text_add(text, " fd ");
    rs_text_number(text, (uint64_t)finding->fd);
    rs_text_add(text, " (");
    rs_text_add_safe(text, name);
    rs_text_add(text, "), which ");
    add_context(text, finding->owner);
    rs_text_add(text, " owns\n");
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

static void add_user(struct rs_text *text, const struct rs_finding *finding, const struct rs_symbol *symbols) {
    rs_text_add(text, "  used here by context ");
    rs_text_number(text, finding->user);
    rs_text_add(text, ", thread ");
    rs_text_number(text, finding->thread);
    rs_text_add(text, ":\n");
    add_stack(text, finding->used_stack, symbols);
}

static void add_opener(struct rs_text *text, const struct rs_finding *finding, const struct rs_symbol *symbols) {
    const struct rs_description *description = &finding->description;
    uint64_t age = finding->now > description->opened ? finding->now - description->opened : 0;
    rs_text_add(text, description->opened_by == RS_OP_found ? "  first seen here by " : "  opened here by ");
    if (description->opener) {
        rs_text_add(text, "context ");
        rs_text_number(text, description->opener);
    } else {
        rs_text_add(text, "no context");
    }
    rs_text_add(text, ", thread ");
    rs_text_number(text, description->opener_thread);
    rs_text_add(text, ", ");
    add_seconds(text, age);
    rs_text_add(text, " before:\n");
    add_stack(text, description->opened_stack, symbols);
}

static bool is_connection(const struct rs_description *description) {
    return description->kind >= RS_KIND_TCP && description->kind <= RS_KIND_SOCKET;
}

static const char *hint_of(const struct rs_finding *finding) {
    bool connection = is_connection(&finding->description);
    if (finding->kind == RS_FINDING_foreign_close) {
        return "the owner goes on using this number: what is opened next gets it. Is it closed twice, or by the wrong "
               "owner?";
    }
    if (connection && finding->description.phase == RS_PHASE_SENT) {
        return "the owner has sent on it and not read the answer: the next one who reads gets the owner's answer.";
    }
    if (connection && finding->description.phase == RS_PHASE_ANSWERED && !finding->unread) {
        return "the exchange was complete: a connection pool looks like this. "
               "REQSCOPE_POLICY=lease accepts clean hand-overs.";
    }
    return "each request needs one of its own (REQSCOPE_LOCAL), or say what is meant: reqscope_give, reqscope_share.";
}

static void add_end(struct rs_text *text, const struct rs_finding *finding) {
    if (finding->description.last_operation) {
        rs_text_add(text, "  the owner's last operation on it: ");
        rs_text_add(text, rs_operation_name(finding->description.last_operation));
        if (finding->unread && finding->unread != ~0u) {
            rs_text_add(text, "; bytes that wait unread: ");
            rs_text_number(text, finding->unread);
        }
        rs_text_add(text, "\n");
    }
    if (rs_config.mode == RS_MODE_DENY) {
        rs_text_add(text, "  denied: the call fails with EPERM, no byte has moved\n");
    }
    rs_text_add(text, "  hint: ");
    rs_text_add(text, hint_of(finding));
    rs_text_add(text, "\n");
}

/* The symbols of both stacks, one behind the other; returns the number of the first one's. */
static uint32_t find_symbols(struct rs_symbol *symbols, const struct rs_finding *finding) {
    struct rs_stack used = rs_stack_get(finding->used_stack);
    struct rs_stack opened = rs_stack_get(finding->description.opened_stack);
    for (uint32_t i = 0; i < used.frames; i++) symbols[i].address = used.addresses[i];
    for (uint32_t i = 0; i < opened.frames; i++) symbols[used.frames + i].address = opened.addresses[i];
    rs_symbols_find(symbols, used.frames + opened.frames);
    return used.frames;
}

void rs_report(const struct rs_finding *finding) {
    struct work *work = rs_sys_mmap(sizeof *work, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    if (!work) {
        rs_log_line("a finding could not be reported: no memory", rs_finding_kind_name(finding->kind));
        return;
    }
    struct rs_text text = rs_text_in(work->text, sizeof work->text);
    rs_modules_refresh();
    uint32_t used_frames = find_symbols(work->symbols, finding);
    add_headline(&text, finding);
    add_user(&text, finding, work->symbols);
    add_opener(&text, finding, work->symbols + used_frames);
    add_end(&text, finding);
    rs_log_write(work->text, text.length);
    rs_sys(SYS_munmap, work, sizeof *work);
}
