/* show_story.c: a story in columns. Each column is somebody's: a context's or a thread's; when there are more of them than columns,
 * the last column is everybody else's, and says whose each line is. */
#include "viewer/show.h"
#include "viewer/text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum lanes_by { BY_CONTEXT, BY_THREAD };

/* Whose a column is: a context's, and the threads that it ran in; or a thread's, and the contexts that it was in. */
struct lane {
    uint64_t context;
    const struct process *process; /* of the thread */
    uint32_t thread;               /* 0: not known */
    bool contexts, threads;        /* there are several */
    bool used;                     /* something is in it */
};

struct lanes {
    enum lanes_by by;
    struct lane all[COLUMNS_MAX];
    size_t count, room;
    bool others; /* the last one is everybody else's */
};

/* How times are written: all of a story in the same unit. */
struct unit {
    const char *name;
    double nanoseconds;
    int digits;
};

/* ---- lanes ---- */

static bool is_lane_of(const struct lane *lane, enum lanes_by by, const struct happening *happening) {
    if (by == BY_CONTEXT) return lane->context == happening->context;
    return lane->process == happening->process && lane->thread == happening->thread;
}

/* Notes whose it is besides. Whose an event is that no thread is known of says nothing new. */
static void widen_lane(struct lane *lane, const struct happening *happening) {
    bool same = lane->process == happening->process && lane->thread == happening->thread;
    lane->used = true;
    lane->contexts |= lane->context != happening->context;
    if (!happening->thread) return;
    if (lane->thread && !same) lane->threads = true;
    if (lane->thread) return;
    lane->process = happening->process;
    lane->thread = happening->thread;
}

/* Returns false when there is no room for one more. */
static bool add_lane(struct lanes *lanes, const struct happening *happening) {
    struct lane *lane = lanes->all;
    while (lane < lanes->all + lanes->count && !is_lane_of(lane, lanes->by, happening)) lane++;
    if (lane == lanes->all + lanes->room) return false;
    if (lane == lanes->all + lanes->count) {
        *lane = (struct lane){.context = happening->context, .process = happening->process};
        lanes->count++;
    }
    widen_lane(lane, happening);
    return true;
}

/* Returns false when not each can have a column. */
static bool fill_lanes(struct lanes *lanes, const struct rows *rows) {
    bool all = true;
    for (size_t i = 0; i < rows_count(rows); i++) all &= add_lane(lanes, &rows_at(rows, i)->happening);
    if (all) return true;
    lanes->others = true;
    return false;
}

/* The owner's and the user's come first, whoever did something first; neither is put among the others. */
static struct lanes lanes_of_finding(const struct finding *finding, size_t room, const struct rows *rows) {
    struct lanes lanes = {.by = BY_CONTEXT, .room = room < 3 ? 3 : room};
    lanes.all[lanes.count++] = (struct lane){.context = finding->owner};
    if (finding->user && finding->user != finding->owner)
        lanes.all[lanes.count++] = (struct lane){.context = finding->user};
    fill_lanes(&lanes, rows);
    return lanes;
}

/* By context; where that is one, or are too many, by thread. */
static struct lanes lanes_of_description(size_t room, const struct rows *rows) {
    struct lanes contexts = {.by = BY_CONTEXT, .room = room}, threads = {.by = BY_THREAD, .room = room};
    bool contexts_fit = fill_lanes(&contexts, rows), threads_fit = fill_lanes(&threads, rows);
    if (!contexts_fit || (contexts.count == 1 && threads_fit)) return threads;
    return contexts;
}

static struct lanes lanes_of(const struct story *story, size_t room, const struct rows *rows) {
    struct lanes threads = {.by = BY_THREAD, .room = room};
    if (story->thing.kind == THING_FINDING) return lanes_of_finding(story->thing.finding, room, rows);
    if (story->thing.kind == THING_DESCRIPTION) return lanes_of_description(room, rows);
    fill_lanes(&threads, rows);
    return threads;
}

static size_t lane_of(const struct lanes *lanes, const struct happening *happening) {
    for (size_t i = 0; i < lanes->count; i++)
        if (!(lanes->others && i + 1 == lanes->count) && is_lane_of(&lanes->all[i], lanes->by, happening)) return i;
    return lanes->count - 1;
}

/* ---- words ---- */

static const char *name_of_thread(const struct story *story, const struct process *process, uint32_t thread) {
    for (size_t i = 0; i < story->thread_count; i++)
        if (story->threads[i].process == process && story->threads[i].thread == thread) return story->threads[i].name;
    return NULL;
}

/* "thread 4710 (worker)", with ", pid 4700" where there are several processes */
static char *title_of_thread(const struct story *story, const struct process *process, uint32_t thread) {
    const char *name = name_of_thread(story, process, thread);
    bool several = story->model->process_count > 1;
    char *pid, *title;
    if (!thread) return memory_copy("thread not known");
    pid = several && process->pid != thread ? memory_format(", pid %" PRIu32, process->pid) : memory_copy("");
    title =
        memory_format("thread %" PRIu32 "%s%s%s%s", thread, name ? " (" : "", name ? name : "", name ? ")" : "", pid);
    free(pid);
    return title;
}

static char *title_of(const struct story *story, const struct lanes *lanes, size_t at) {
    const struct lane *lane = &lanes->all[at];
    if (lanes->others && at + 1 == lanes->count)
        return memory_copy(lanes->count == 1         ? "everybody"
                           : lanes->by == BY_CONTEXT ? "other contexts"
                                                     : "other threads");
    if (lanes->by == BY_THREAD) return title_of_thread(story, lane->process, lane->thread);
    return id_named_context(story->process, lane->context);
}

/* Below a context's title the thread that it ran in first; below a thread's its context. */
static char *subtitle_of(const struct story *story, const struct lanes *lanes, size_t at) {
    const struct lane *lane = &lanes->all[at];
    bool others = lanes->others && at + 1 == lanes->count;
    char *thread, *title;
    if (others || !lane->used || story->thing.kind == THING_CONTEXT) return memory_copy("");
    if (lanes->by == BY_THREAD && lane->contexts) return memory_copy("several contexts");
    if (lanes->by == BY_THREAD) return id_named_context(story->process, lane->context);
    thread = title_of_thread(story, lane->process, lane->thread);
    if (!lane->threads) return thread;
    title = memory_format("%s and others", thread);
    free(thread);
    return title;
}

static void print_titles(const struct story *story, const struct columns *columns, const struct lanes *lanes) {
    char *titles[COLUMNS_MAX], *below[COLUMNS_MAX];
    for (size_t i = 0; i < lanes->count; i++) {
        titles[i] = title_of(story, lanes, i);
        below[i] = subtitle_of(story, lanes, i);
    }
    columns_print_titles(columns, titles, story->thing.kind == THING_CONTEXT ? NULL : below);
    for (size_t i = 0; i < lanes->count; i++) {
        free(titles[i]);
        free(below[i]);
    }
}

/* Was it done in another thread than the column's title says? */
static bool is_elsewhere(const struct lane *lane, const struct happening *happening) {
    return happening->thread && (lane->thread != happening->thread || lane->process != happening->process);
}

/* What the column's title does not say: which context or thread it was. */
static char *words_of(const struct story *story, const struct lanes *lanes, size_t at, const struct row *row) {
    const struct happening *happening = &row->happening;
    const struct lane *lane = &lanes->all[at];
    bool others = lanes->others && at + 1 == lanes->count;
    /* A child that begins names itself. */
    bool named = story->scope.context &&
                 (happening->context == story->scope.context || happening->number == RS_EVENT_context_begin);
    char *text = happening_text(happening, &story->scope), *who = NULL, *words;
    bool several = others || (lanes->by == BY_THREAD && lane->contexts);
    if (!named && several)
        who = id_named_context(happening->process, happening->context);
    else if (lanes->by == BY_CONTEXT && is_elsewhere(lane, happening))
        who = memory_format("thread %" PRIu32, happening->thread);
    if (!who) return text;
    words = memory_format("%s: %s", who, text);
    free(who);
    free(text);
    return words;
}

static enum output_style style_of(const struct happening *happening, const struct story *story) {
    bool finds = happening->number == RS_EVENT_finding || happening->number == RS_EVENT_finding_again;
    if (finds) return STYLE_BAD;
    if (happening->number == RS_EVENT_context_begin || happening->number == RS_EVENT_context_end ||
        happening->number == RS_EVENT_handover)
        return STYLE_STRONG;
    if (story->scope.description && happening->description && happening->description != story->scope.description)
        return STYLE_FAINT;
    return happening->number == RS_EVENT_context_switch ? STYLE_FAINT : STYLE_PLAIN;
}

/* ---- times ---- */

static uint64_t distance(uint64_t a, uint64_t b) {
    return a > b ? a - b : b - a;
}

/* To the microsecond, or finer where all of it took less than a millisecond. */
static struct unit unit_of(const struct story *story, const struct rows *rows) {
    uint64_t longest = 0;
    for (size_t i = 0; i < rows_count(rows); i++) {
        uint64_t away = distance(rows_at(rows, i)->happening.time, story->zero);
        if (away > longest) longest = away;
    }
    if (longest >= 1000000000) return (struct unit){"s", 1e9, 6};
    return longest >= 1000000 ? (struct unit){"ms", 1e6, 3} : (struct unit){"us", 1e3, 3};
}

static char *write_time(const struct story *story, const struct unit *unit, uint64_t time) {
    double away = (double)distance(time, story->zero) / unit->nanoseconds;
    const char *sign = time < story->zero ? "-" : time > story->zero ? "+" : "";
    return memory_format("%s%.*f %s", sign, unit->digits, away, unit->name);
}

static size_t width_of_times(const struct story *story, const struct rows *rows, const struct unit *unit) {
    size_t widest = strlen("time");
    for (size_t i = 0; i < rows_count(rows); i++) {
        char *time = write_time(story, unit, rows_at(rows, i)->happening.time);
        if (strlen(time) > widest) widest = strlen(time);
        free(time);
    }
    return widest;
}

/* ---- all of it ---- */

static void print_gap(const struct columns *columns, uint64_t left_out) {
    char *number = happening_number(left_out);
    char *text = memory_format("... %s more event%s (--json has all)", number, left_out == 1 ? "" : "s");
    columns_print_gap(columns, text);
    free(text);
    free(number);
}

static void print_rows(const struct story *story, const struct rows *rows, const struct columns *columns,
                       const struct lanes *lanes, const struct unit *unit) {
    for (size_t i = 0; i < rows_count(rows); i++) {
        const struct row *row = rows_at(rows, i);
        size_t at = lane_of(lanes, &row->happening);
        char *time = write_time(story, unit, row->happening.time), *words = words_of(story, lanes, at, row);
        bool marked = happening_is_of(&row->happening, story->thing.finding) && row->happening.time == story->zero;
        if (i == ROWS_FIRST && rows->left_out) print_gap(columns, rows->left_out);
        columns_print(columns, time, at, words, style_of(&row->happening, story), marked);
        free(time);
        free(words);
    }
}

void show_story(const struct story *story, const struct rows *rows, const struct options *options) {
    struct unit unit = unit_of(story, rows);
    struct columns columns = columns_from(options);
    struct lanes lanes;
    if (!rows_count(rows)) {
        puts("  nothing that happened to it is in the trace");
        return;
    }
    columns.time_width = width_of_times(story, rows, &unit);
    lanes = lanes_of(story, columns_room(&columns, columns.time_width), rows);
    columns.count = lanes.count;
    print_titles(story, &columns, &lanes);
    print_rows(story, rows, &columns, &lanes, &unit);
}
