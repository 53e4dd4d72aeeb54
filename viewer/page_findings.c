/* page_findings.c: the findings of an exported page, with their stacks and the sources around them (page_data.h).
 *
 *   finding ──► stacks ──► frames: [function, place in the module, path, line, inlined, excerpt], each once
 *                                                                                          │
 *                                             excerpts: [first line's number, lines...] ◄──┘ */
#include "viewer/finding_text.h"
#include "viewer/page_data.h"
#include "viewer/source.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define LINES_AROUND 3
#define LINE_SHOWN 200

/* A frame or an excerpt that was written already, by what it says. */
struct known {
    char *key;
    int64_t place;
    UT_hash_handle hh;
};

/* What is being written: the frames and excerpts gather in memory until the findings are done. */
struct findings_writer {
    const struct page_tables *tables;
    struct page_texts *texts;
    FILE *stream, *frames, *excerpts;
    struct known *known_frames, *known_excerpts;
    int64_t frame_count, excerpt_count;
};

static int64_t find_known(const struct known *all, const char *key) {
    const struct known *known;
    HASH_FIND_STR(all, key, known);
    return known ? known->place : -1;
}

static void add_known(struct known **all, char *key, int64_t place) {
    struct known *known = memory_new(sizeof *known);
    known->key = key;
    known->place = place;
    HASH_ADD_KEYPTR(hh, *all, known->key, strlen(known->key), known);
}

static void free_known(struct known *all) {
    struct known *known = all, *next;
    HASH_CLEAR(hh, all);
    for (; known; known = next) {
        next = known->hh.next;
        free(known->key);
        free(known);
    }
}

/* ---- frames ---- */

/* A file's lines around the one with that number; false when it has none, or cannot be read here. */
static bool write_lines(const struct frame *frame, FILE *to) {
    FILE *file = source_open(frame->text);
    char *text = NULL, *tab;
    size_t space = 0;
    int first = frame->line > LINES_AROUND ? frame->line - LINES_AROUND : 1, number = 0;
    if (!file) return false;
    while (number < frame->line + LINES_AROUND && getline(&text, &space, file) >= 0) {
        if (++number < first) continue;
        text[strcspn(text, "\r\n")] = 0;
        if (strlen(text) > LINE_SHOWN) text[LINE_SHOWN] = 0;
        while ((tab = strchr(text, '\t'))) *tab = ' ';
        if (number == first) fprintf(to, "[%d", first);
        putc(',', to);
        page_text_write(text, to);
    }
    if (number >= first) putc(']', to);
    free(text);
    fclose(file);
    return number >= first;
}

/* The place of the excerpt around a frame; -1: there is none. */
static int64_t excerpt_of(struct findings_writer *writer, const struct frame *frame) {
    char *key, *text = NULL;
    size_t size;
    int64_t place;
    FILE *lines;
    bool written;
    if (!frame->path || frame->line <= 0) return -1;
    key = memory_format("%d %s", frame->line, frame->path);
    place = find_known(writer->known_excerpts, key);
    if (place >= 0) {
        free(key);
        return place;
    }
    lines = open_memstream(&text, &size);
    if (!lines) memory_exhausted();
    written = write_lines(frame, lines);
    if (fclose(lines)) memory_exhausted();
    if (written) {
        fprintf(writer->excerpts, "%s%s", writer->excerpt_count ? ",\n" : "", text);
        place = writer->excerpt_count++;
        add_known(&writer->known_excerpts, key, place);
    } else {
        free(key);
    }
    free(text);
    return place;
}

static char *place_in_module(const struct frame *frame) {
    if (frame->module) return memory_format("%s+0x%" PRIx64, frame->module, frame->offset);
    return memory_format("0x%" PRIx64, frame->address);
}

static int64_t frame_of(struct findings_writer *writer, const struct frame *frame) {
    struct page_texts *texts = writer->texts;
    char *key = memory_format("%" PRId64 ",%" PRId64 ",%" PRId64 ",%d,%d", page_text(texts, frame->function),
                              page_text_take(texts, place_in_module(frame)), page_text(texts, frame->path), frame->line,
                              frame->inlined);
    int64_t place = find_known(writer->known_frames, key);
    if (place >= 0) {
        free(key);
        return place;
    }
    fprintf(writer->frames, "%s[%s,%" PRId64 "]", writer->frame_count ? ",\n" : "", key, excerpt_of(writer, frame));
    place = writer->frame_count++;
    add_known(&writer->known_frames, key, place);
    return place;
}

/* ---- members ---- */

static void put_text(struct findings_writer *writer, const char *key, const char *text) {
    fprintf(writer->stream, ",\"%s\":%" PRId64, key, page_text(writer->texts, text));
}

static void take_text(struct findings_writer *writer, const char *key, char *text) {
    fprintf(writer->stream, ",\"%s\":%" PRId64, key, page_text_take(writer->texts, text));
}

static void put_number(struct findings_writer *writer, const char *key, uint64_t number) {
    fprintf(writer->stream, ",\"%s\":%" PRIu64, key, number);
}

static void put_context(struct findings_writer *writer, const char *key, const struct process *process, uint64_t id) {
    fprintf(writer->stream, ",\"%s\":%" PRId64, key, page_context_row(writer->tables, process, id));
}

static void put_time(struct findings_writer *writer, const char *key, uint64_t time) {
    fprintf(writer->stream, ",\"%s\":", key);
    page_time_write(writer->tables->export->model, time, writer->stream);
}

/* ---- stacks ---- */

/* One stack of a finding: who did what, and where. */
struct told_stack {
    const char *what; /* "used" */
    uint64_t context;
    uint32_t thread, stack;
    uint64_t age; /* how long before; 0: then */
};

static void write_frames(struct findings_writer *writer, const struct finding *finding, uint32_t id) {
    const struct process *holder;
    const struct stack *stack = model_stack_of(finding->process, id, &holder);
    size_t count;
    struct frame *frames = symbols_stack(writer->tables->export->symbols, holder, stack, &count);
    fputs(",\"frames\":[", writer->stream);
    for (size_t i = 0; i < count; i++)
        fprintf(writer->stream, "%s%" PRId64, i ? "," : "", frame_of(writer, &frames[i]));
    putc(']', writer->stream);
    if (!count)
        put_text(writer, "note", id ? "The stack is lost." : "No stack was taken.");
    else if (stack->flags & RS_STACK_TRUNCATED)
        put_text(writer, "note", "There is more: REQSCOPE_STACK_DEPTH says how many frames are kept.");
    free(frames);
}

static void write_stack(struct findings_writer *writer, const struct finding *finding, const struct told_stack *told,
                        bool first) {
    fprintf(writer->stream, "%s{\"what\":%" PRId64, first ? "" : ",", page_text(writer->texts, told->what));
    put_context(writer, "context", finding->process, told->context);
    take_text(writer, "who", finding_context(finding->process, told->context));
    put_number(writer, "thread", told->thread);
    put_number(writer, "before", told->age);
    write_frames(writer, finding, told->stack);
    putc('}', writer->stream);
}

static struct told_stack stack_of_use(const struct finding *finding) {
    bool closed = finding->kind == RS_FINDING_bad_close || finding->kind == RS_FINDING_foreign_close;
    return (struct told_stack){.what = finding->kind == RS_FINDING_leak ? "ended"
                                       : closed                         ? "closed"
                                                                        : "used",
                               .context = finding->user,
                               .thread = finding->thread,
                               .stack = finding->used_stack};
}

static struct told_stack stack_of_opening(const struct finding *finding) {
    const struct description *known = model_description_of(finding->process, finding->description);
    return (struct told_stack){.what = known && known->operation == RS_OP_found ? "first seen" : "opened",
                               .context = finding->opener,
                               .thread = finding->owner_thread,
                               .stack = finding->opened_stack,
                               .age = finding->time > finding->opened ? finding->time - finding->opened : 0};
}

static struct told_stack stack_of_close(const struct finding *finding) {
    bool bad = finding->kind == RS_FINDING_bad_close;
    return (struct told_stack){.what = bad ? "closed before" : "the number was the user's own before, and was closed",
                               .context = finding->closer,
                               .thread = finding->closed_thread,
                               .stack = finding->closed_stack,
                               .age = finding->closed_age};
}

static void write_stacks(struct findings_writer *writer, const struct finding *finding) {
    struct told_stack told[3];
    size_t count = 0;
    if (finding->known) told[count++] = stack_of_use(finding);
    if (finding->known && finding->description) told[count++] = stack_of_opening(finding);
    if (finding->known && finding->closed_description) told[count++] = stack_of_close(finding);
    fputs(",\n \"stacks\":[", writer->stream);
    for (size_t i = 0; i < count; i++) write_stack(writer, finding, &told[i], !i);
    putc(']', writer->stream);
}

/* ---- findings ---- */

static char *suppression_of(struct findings_writer *writer, const struct finding *finding) {
    const struct process *holder;
    uint32_t id = finding->kind == RS_FINDING_leak ? finding->opened_stack : finding->used_stack;
    const struct stack *stack = model_stack_of(finding->process, id, &holder);
    size_t count;
    struct frame *frames = symbols_stack(writer->tables->export->symbols, holder, stack, &count);
    char *line = finding->known ? finding_suppression(finding, frames, count) : NULL;
    free(frames);
    return line;
}

/* Texts that are made for it: NULL becomes none. */
static void take_optional(struct findings_writer *writer, const char *key, char *text) {
    if (text) take_text(writer, key, text);
}

static void write_words(struct findings_writer *writer, const struct finding *finding) {
    const struct process *process = finding->process;
    bool handover = finding->kind == RS_FINDING_dirty_handover && finding->known;
    take_text(writer, "sentence", finding_sentence(finding));
    put_text(writer, "hint", finding_hint(finding));
    put_text(writer, "verdict", finding_verdict(finding));
    put_text(writer, "operation", finding->known ? rs_operation_name(finding->operation) : NULL);
    take_text(writer, "owner_name", finding_context(process, finding->owner));
    take_text(writer, "user_name", finding_context(process, finding->user));
    put_text(writer, "name", finding_description(finding));
    if (finding->owner_operation != RS_OP_none && finding->kind != RS_FINDING_bad_close)
        put_text(writer, "owner_operation", rs_operation_name(finding->owner_operation));
    take_optional(writer, "outstanding", handover ? finding_outstanding(finding) : NULL);
    take_optional(writer, "inferred", finding_inferred(finding));
    take_optional(writer, "suppression", suppression_of(writer, finding));
}

/* Processes in which it was seen, by their places. */
static void write_processes(struct findings_writer *writer, const struct group *group) {
    const struct model *model = writer->tables->export->model;
    bool begun = false;
    fputs(",\"processes\":[", writer->stream);
    for (size_t i = 0; i < model->process_count; i++) {
        for (size_t j = 0; j < group->count; j++) {
            if (group->findings[j]->process != model->processes[i]) continue;
            fprintf(writer->stream, "%s%zu", begun ? "," : "", i);
            begun = true;
            break;
        }
    }
    putc(']', writer->stream);
}

static void write_group(struct findings_writer *writer, const struct group *group) {
    const struct finding *finding = group->first;
    const struct process *process = finding->process;
    fprintf(writer->stream, "{\"id\":%" PRIu32 ",\"fd\":%" PRId32, finding->id, finding->fd);
    put_text(writer, "kind", finding_kind(finding));
    put_number(writer, "pid", process->pid);
    put_number(writer, "times", group->times);
    put_number(writer, "users", group->users);
    put_number(writer, "owners", group->owners);
    put_number(writer, "mended", group->mended);
    put_number(writer, "thread", finding->thread);
    put_time(writer, "time", finding->time);
    put_time(writer, "last_time", group->last_time);
    put_context(writer, "owner", process, finding->owner);
    put_context(writer, "user", process, finding->user);
    fprintf(writer->stream, ",\"description\":%" PRId64,
            page_description_row(writer->tables, process, finding->description));
    write_processes(writer, group);
    write_words(writer, finding);
    write_stacks(writer, finding);
    putc('}', writer->stream);
}

/* What has gathered, as one more member; frees it. */
static void write_gathered(FILE *gathered, char **text, const char *name, FILE *stream) {
    if (fclose(gathered)) memory_exhausted();
    fprintf(stream, ",\n\"%s\":[%s]", name, *text);
    free(*text);
}

void page_findings_write(const struct page_tables *tables, struct page_texts *texts, FILE *stream) {
    const struct groups *groups = tables->export->groups;
    struct findings_writer writer = {.tables = tables, .texts = texts, .stream = stream};
    char *frames = NULL, *excerpts = NULL;
    size_t frames_size, excerpts_size;
    writer.frames = open_memstream(&frames, &frames_size);
    writer.excerpts = open_memstream(&excerpts, &excerpts_size);
    if (!writer.frames || !writer.excerpts) memory_exhausted();
    fputs("\"findings\":[", stream);
    for (size_t i = 0; i < groups->count; i++) {
        if (i) fputs(",\n", stream);
        write_group(&writer, groups->all[i]);
    }
    putc(']', stream);
    write_gathered(writer.frames, &frames, "frames", stream);
    write_gathered(writer.excerpts, &excerpts, "excerpts", stream);
    free_known(writer.known_frames);
    free_known(writer.known_excerpts);
}
