/* finding_places.c: see finding_places.h. */
#include "viewer/finding_places.h"
#include "viewer/finding_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct finding_place make_place(struct symbols *symbols, const struct finding *finding, const char *what,
                                       uint64_t context, uint32_t thread, uint32_t id) {
    const struct process *holder;
    const struct stack *stack = model_stack_of(finding->process, id, &holder);
    struct finding_place place = {.what = what, .context = context, .thread = thread, .lost = id && !stack};
    place.truncated = stack && stack->flags & RS_STACK_TRUNCATED;
    place.frames = symbols_stack(symbols, holder, stack, &place.count);
    return place;
}

static const char *what_the_user_did(const struct finding *finding) {
    if (finding->kind == RS_FINDING_leak) return "left open";
    return finding->kind == RS_FINDING_bad_close || finding->kind == RS_FINDING_foreign_close ? "closed" : "used";
}

size_t finding_places(struct symbols *symbols, const struct finding *finding, struct finding_place *places) {
    const struct description *known = model_description_of(finding->process, finding->description);
    const char *opened = known && known->operation == RS_OP_found ? "first seen" : "opened";
    bool leak = finding->kind == RS_FINDING_leak;
    size_t count = 0;
    if (finding->description && leak)
        places[count++] =
            make_place(symbols, finding, opened, finding->opener, finding->owner_thread, finding->opened_stack);
    places[count++] =
        make_place(symbols, finding, what_the_user_did(finding), finding->user, finding->thread, finding->used_stack);
    if (finding->description && !leak)
        places[count++] =
            make_place(symbols, finding, opened, finding->opener, finding->owner_thread, finding->opened_stack);
    if (finding->closed_description)
        places[count++] = make_place(symbols, finding, "closed before", finding->closer, finding->closed_thread,
                                     finding->closed_stack);
    return count;
}

void finding_places_free(struct finding_place *places, size_t count) {
    for (size_t i = 0; i < count; i++) free(places[i].frames);
}

char *finding_place_title(const struct finding *finding, const struct finding_place *place) {
    char *context = finding_context(finding->process, place->context);
    char *title = memory_format("%s here by %s", place->what, context);
    free(context);
    return title;
}

char *finding_place_text(const struct finding_place *place) {
    char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    if (!stream) memory_exhausted();
    for (size_t i = 0; i < place->count; i++) {
        char *frame = finding_frame(&place->frames[i]);
        fprintf(stream, "#%-2zu %s\n", i, frame);
        free(frame);
    }
    if (!place->count) fputs(place->lost ? "(the stack is lost)\n" : "(no stack was taken)\n", stream);
    if (place->truncated) fputs("... (REQSCOPE_STACK_DEPTH takes more)\n", stream);
    if (fclose(stream)) memory_exhausted();
    return text;
}

bool finding_place_is_runtime(const struct frame *frame) {
    static const char *const modules[] = {"libc.", "libpthread.", "ld-", "libreqscope."};
    if (!frame->module || (frame->function && !strncmp(frame->function, "reqscope_", 9))) return true;
    for (size_t i = 0; i < sizeof modules / sizeof *modules; i++)
        if (!strncmp(frame->module, modules[i], strlen(modules[i]))) return true;
    return false;
}

const struct frame *finding_place_frame(const struct finding_place *place) {
    for (size_t i = 0; i < place->count; i++)
        if (!finding_place_is_runtime(&place->frames[i])) return &place->frames[i];
    return place->count ? &place->frames[0] : NULL;
}

char *finding_place_name(const struct finding_place *place) {
    const struct frame *frame = finding_place_frame(place);
    if (frame && frame->function) return memory_copy(frame->function);
    if (frame && frame->module) return memory_format("%s+0x%" PRIx64, frame->module, frame->offset);
    return memory_copy("unknown place");
}

/* FNV-1a, a byte at a time. */
static uint64_t mix_text(uint64_t sum, const char *text) {
    do sum = (sum ^ (unsigned char)*text) * 0x100000001B3ull;
    while (*text++);
    return sum;
}

static uint64_t mix_frame(uint64_t sum, const struct frame *frame) {
    char offset[32];
    sum = mix_text(sum, frame->module ? frame->module : "");
    if (frame->function) return mix_text(sum, frame->function);
    snprintf(offset, sizeof offset, "%" PRIx64, frame->module ? frame->offset : 0);
    return mix_text(sum, offset);
}

uint64_t finding_fingerprint(const struct finding *finding, const struct finding_place *places, size_t count) {
    uint64_t sum = mix_text(0xCBF29CE484222325ull, finding_kind(finding));
    sum = mix_text(sum, rs_operation_name(finding->operation));
    for (size_t i = 0; i < count; i++) {
        sum = mix_text(sum, places[i].what);
        for (size_t j = 0; j < places[i].count; j++) sum = mix_frame(sum, &places[i].frames[j]);
    }
    return sum;
}
