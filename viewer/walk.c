/* walk.c: see walk.h. */
#include "viewer/walk.h"

#include <stdlib.h>

/* One process's trace, standing on an event. */
struct source {
    struct process *process;
    struct rs_reader *reader; /* NULL: it could not be opened */
    struct rs_read_event event;
};

struct walk {
    struct source *sources; /* by the process's index */
    struct source **heap;   /* those that have an event; the earliest is heap[0] */
    size_t count, heap_size;
    bool delivered; /* heap[0]'s event was: it must go on */
};

static void report_nothing(void *argument, const char *line) {
    (void)argument, (void)line;
}

static bool is_earlier(const struct source *a, const struct source *b) {
    uint64_t a_time = a->event.header->time, b_time = b->event.header->time;
    return a_time != b_time ? a_time < b_time : a->process->index < b->process->index;
}

static void sift_down(struct walk *walk, size_t at) {
    struct source **heap = walk->heap;
    for (;;) {
        size_t least = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < walk->heap_size; child++)
            if (is_earlier(heap[child], heap[least])) least = child;
        if (least == at) return;
        struct source *moved = heap[at];
        heap[at] = heap[least];
        heap[least] = moved;
        at = least;
    }
}

struct walk *walk_open(const struct model *model, bool without_io, rs_reader_report *report) {
    struct walk *walk = memory_new(sizeof *walk);
    walk->count = model->process_count;
    walk->sources = memory_new(walk->count * sizeof *walk->sources);
    walk->heap = memory_new(walk->count * sizeof(struct source *));
    for (size_t i = 0; i < walk->count; i++) {
        struct source *source = &walk->sources[i];
        source->process = model->processes[i];
        source->reader = rs_reader_open(source->process->folder, without_io, report ? report : report_nothing, NULL);
        if (source->reader && rs_reader_next(source->reader, &source->event)) walk->heap[walk->heap_size++] = source;
    }
    for (size_t i = walk->heap_size / 2; i--;) sift_down(walk, i);
    return walk;
}

bool walk_next(struct walk *walk, struct process **process, struct rs_read_event *event) {
    if (walk->delivered) {
        struct source *source = walk->heap[0];
        if (!rs_reader_next(source->reader, &source->event)) walk->heap[0] = walk->heap[--walk->heap_size];
        sift_down(walk, 0);
    }
    walk->delivered = walk->heap_size;
    if (!walk->heap_size) return false;
    *process = walk->heap[0]->process;
    *event = walk->heap[0]->event;
    return true;
}

struct rs_reader_totals walk_totals(const struct walk *walk, size_t index) {
    const struct rs_reader *reader = walk->sources[index].reader;
    return reader ? rs_reader_totals(reader) : (struct rs_reader_totals){.damages = 1};
}

const struct rs_reader *walk_reader(const struct walk *walk, size_t index) {
    return walk->sources[index].reader;
}

void walk_close(struct walk *walk) {
    if (!walk) return;
    for (size_t i = 0; i < walk->count; i++) rs_reader_close(walk->sources[i].reader);
    free(walk->sources);
    free(walk->heap);
    free(walk);
}
