/* rows.c: see rows.h. */
#include "viewer/rows.h"

#include <stdlib.h>
#include <string.h>

static size_t place_of(size_t number) {
    return number < ROWS_FIRST ? number : ROWS_FIRST + (number - ROWS_FIRST) % ROWS_LAST;
}

static struct row *latest(struct rows *rows) {
    return rows->added ? &rows->all[place_of(rows->added - 1)] : NULL;
}

static bool same_actor(const struct happening *a, const struct happening *b) {
    return a->process == b->process && a->thread == b->thread && a->context == b->context;
}

/* I/O of the same kind with the same end: bytes, none, or the same error. */
static bool same_io(const struct happening *a, const struct happening *b) {
    if (a->number != RS_EVENT_IO || b->number != RS_EVENT_IO || !same_actor(a, b)) return false;
    if (a->operation != b->operation || a->description != b->description || a->fd != b->fd) return false;
    return !a->bytes == !b->bytes && (a->result < 0 ? a->result == b->result : b->result >= 0);
}

static bool same_again(const struct happening *a, const struct happening *b) {
    return a->number == RS_EVENT_finding_again && b->number == RS_EVENT_finding_again && same_actor(a, b) &&
           a->finding == b->finding;
}

/* A context's thread comes into it as it begins, and leaves it as it ends; a description's name stands at its opening;
 * what came with a message was received. */
static bool is_implied(const struct happening *before, const struct happening *happening) {
    if (happening->number == RS_EVENT_context_switch && before && same_actor(before, happening))
        return before->number == RS_EVENT_context_begin ||
               (before->number == RS_EVENT_context_end && happening->detail == RS_ENTRY_LEFT);
    if (happening->number == RS_EVENT_passed && happening->detail == RS_PASSED_RECEIVED && before)
        return before->number == RS_EVENT_open && before->operation == RS_OP_receive &&
               before->description == happening->description && before->fd == happening->fd;
    if (happening->number == RS_EVENT_name) {
        const struct description *known = model_description_of(happening->process, happening->description);
        return known && !strcmp(known->name, happening->text);
    }
    return false;
}

static bool fold(struct row *row, const struct happening *happening) {
    struct happening *before = row ? &row->happening : NULL;
    if (!is_implied(before, happening) && (!before || (!same_io(before, happening) && !same_again(before, happening))))
        return false;
    if (!row) return true;
    row->events++;
    if (happening->number == RS_EVENT_IO) {
        before->count += happening->count;
        before->bytes += happening->bytes;
    } else if (happening->number == RS_EVENT_finding_again) {
        before->count = happening->count;
    }
    return true;
}

void rows_add(void *argument, const struct happening *happening) {
    struct rows *rows = argument;
    struct row *row;
    if (fold(latest(rows), happening)) return;
    row = &rows->all[place_of(rows->added++)];
    rows->left_out += row->events;
    free(row->text);
    *row = (struct row){.happening = *happening, .events = 1, .text = memory_copy(happening->text)};
    row->happening.text = row->text;
}

size_t rows_count(const struct rows *rows) {
    return rows->added < ROWS_FIRST + ROWS_LAST ? rows->added : ROWS_FIRST + ROWS_LAST;
}

const struct row *rows_at(const struct rows *rows, size_t index) {
    size_t hidden = rows->added - rows_count(rows);
    return &rows->all[place_of(index < ROWS_FIRST ? index : index + hidden)];
}

void rows_free(struct rows *rows) {
    for (size_t i = 0; i < ROWS_FIRST + ROWS_LAST; i++) free(rows->all[i].text);
    *rows = (struct rows){.added = 0};
}
