/* stack_text.c: see stack_text.h. */
#include "viewer/stack_text.h"
#include "viewer/finding_text.h"
#include "viewer/output.h"
#include "viewer/source.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* So many frames in a row are worth a line of their own. */
#define FOLDED 2
#define INTERPRETED 3

static bool begins_with(const char *text, const char *begin) {
    return !strncmp(text, begin, strlen(begin));
}

static bool is_start(const struct frame *frame) {
    return frame->function && !strcmp(frame->function, "_start");
}

/* reqscope.h's functions stand in the program's own code. */
static bool is_interface(const struct frame *frame) {
    return frame->function && begins_with(frame->function, "reqscope_") && frame->file &&
           !strcmp(frame->file, "reqscope.h");
}

bool stack_is_runtime(const struct frame *frame) {
    static const char *const modules[] = {"libc.",  "libc-",        "libpthread.", "libpthread-", "ld-",
                                          "ld.so.", "libreqscope.", "[vdso]",      "linux-vdso"};
    if (is_start(frame) || is_interface(frame)) return true;
    for (size_t i = 0; frame->module && i < sizeof modules / sizeof *modules; i++)
        if (begins_with(frame->module, modules[i])) return true;
    return false;
}

struct frame *stack_frames(struct symbols *symbols, const struct process *process, uint32_t id, size_t *count,
                           uint32_t *flags) {
    const struct process *holder;
    const struct stack *stack = model_stack_of(process, id, &holder);
    *flags = stack ? stack->flags : 0;
    return symbols_stack(symbols, holder, stack, count);
}

const struct frame *stack_place(const struct frame *frames, size_t count) {
    const struct frame *named = NULL, *own = NULL;
    for (size_t i = 0; i < count; i++) {
        bool is_own = frames[i].module && !stack_is_runtime(&frames[i]);
        if (is_own && frames[i].function) return &frames[i];
        if (!named && frames[i].function) named = &frames[i];
        if (!own && is_own) own = &frames[i];
    }
    return named ? named : own;
}

char *stack_place_text(struct symbols *symbols, const struct process *process, uint32_t id) {
    size_t count;
    uint32_t flags;
    struct frame *frames = stack_frames(symbols, process, id, &count, &flags);
    const struct frame *frame = stack_place(frames, count);
    char *text = NULL;
    if (frame && frame->function && frame->file)
        text = memory_format("%s (%s:%d)", frame->function, frame->file, frame->line);
    else if (frame && frame->function)
        text = memory_copy(frame->function);
    else if (frame)
        text = memory_format("%s+0x%" PRIx64, frame->module, frame->offset);
    free(frames);
    return text;
}

/* ---- printing ---- */

/* "libc.so.6, ld-linux-x86-64.so.2": whose the frames are. */
static void print_modules(const struct frame *frames, size_t count) {
    bool first = true;
    for (size_t i = 0; i < count; i++) {
        const char *name = is_interface(&frames[i]) ? frames[i].file : frames[i].module;
        bool said = !name || (is_start(&frames[i]) && i);
        for (size_t j = 0; j < i && !said; j++) said = frames[j].module && !strcmp(frames[j].module, name);
        if (said) continue;
        fputs(first ? " of " : ", ", stdout);
        output_text(stdout, name, 0);
        first = false;
    }
}

static void print_folded(const struct frame *frames, size_t count) {
    printf("    %s... %zu frames", output_begin(STYLE_FAINT), count);
    print_modules(frames, count);
    printf("%s\n", output_end());
}

static void print_frame(const struct frame *frame, size_t number) {
    char *text = finding_frame(frame);
    printf("    #%-2zu ", number);
    output_text(stdout, text, 0);
    putchar('\n');
    free(text);
}

/* An interpreter's own frames say little of the program that it runs. */
static bool is_interpreter(const struct frame *frame) {
    static const char *const modules[] = {"python3", "libpython3", "node",    "libnode", "perl",
                                          "libperl", "ruby",       "libruby", "php"};
    for (size_t i = 0; frame->module && i < sizeof modules / sizeof *modules; i++)
        if (begins_with(frame->module, modules[i])) return true;
    return false;
}

/* How many frames from `at` on are folded. Of those that a program's call begins with, the last is shown: it is what was called. Of an
 * interpreter's the first: it is what called. */
static size_t count_folded(const struct frame *frames, size_t count, size_t at) {
    size_t end = at;
    if (at && is_interpreter(&frames[at]) && is_interpreter(&frames[at - 1])) {
        while (end < count && is_interpreter(&frames[end])) end++;
        if (end - at >= INTERPRETED) return end - at;
        end = at;
    }
    while (end < count && stack_is_runtime(&frames[end])) end++;
    if (!at && end) end--;
    return end - at >= FOLDED ? end - at : 0;
}

static void print_frames(const struct frame *frames, size_t count) {
    bool all_alike = true, sourced = false;
    for (size_t i = 0; i < count && all_alike; i++) all_alike = stack_is_runtime(&frames[i]);
    for (size_t i = 0; i < count;) {
        size_t folded = all_alike ? 0 : count_folded(frames, count, i);
        if (folded) {
            print_folded(frames + i, folded);
            i += folded;
            continue;
        }
        print_frame(&frames[i], i);
        if (!sourced && (all_alike || !stack_is_runtime(&frames[i]))) sourced = source_print(&frames[i]);
        i++;
    }
}

void stack_print(struct symbols *symbols, const struct process *process, uint32_t id) {
    size_t count;
    uint32_t flags;
    struct frame *frames = stack_frames(symbols, process, id, &count, &flags);
    print_frames(frames, count);
    if (!count) puts(id ? "    (the stack is lost)" : "    (no stack was taken)");
    if (flags & RS_STACK_TRUNCATED) puts("    ... (REQSCOPE_STACK_DEPTH takes more)");
    free(frames);
}
