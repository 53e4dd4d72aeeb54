/* top_lines.c: see top.h: looks as lines, and as JSON. */
#include "viewer/json.h"
#include "viewer/output.h"
#include "viewer/text.h"
#include "viewer/top.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

double top_rate(uint64_t count, uint64_t interval) {
    return interval ? (double)count * 1e9 / (double)interval : 0;
}

static int64_t read_clock(clockid_t which) {
    struct timespec now;
    clock_gettime(which, &now);
    return now.tv_sec * 1000000000ll + now.tv_nsec;
}

void top_clock(uint64_t moment, char clock[TOP_CLOCK]) {
    int64_t age = read_clock(CLOCK_MONOTONIC) - (int64_t)moment;
    time_t seconds = (time_t)((read_clock(CLOCK_REALTIME) - age) / 1000000000);
    struct tm local;
    if (!localtime_r(&seconds, &local) || !strftime(clock, TOP_CLOCK, "%H:%M:%S", &local)) *clock = 0;
}

/* ---- lines ---- */

/* What the columns mean: titles and widths of the row that top_print_line prints. */
#define ROW_TITLES "%-8s %9s %9s %7s %9s %11s %6s %10s %8s %6s\n"
#define ROW_VALUES "%-8s %9.1f %9.1f %7" PRIu64 " %9.1f %11.0f %6" PRIu64 " %10.1f %8u %6" PRIu64 "\n"

void top_print_titles(void) {
    fputs(output_begin(STYLE_STRONG), stdout);
    printf(ROW_TITLES, "TIME", "BEGUN/S", "ENDED/S", "LIVE", "CALLS/S", "BYTES/S", "OPEN", "EVENTS/S", "FINDINGS",
           "LOST");
    fputs(output_end(), stdout);
}

static void print_finding(const struct top_look *look, const struct live_finding *finding) {
    char clock[TOP_CLOCK];
    top_clock(finding->time, clock);
    printf("%-8s %s%s%s: ", clock, output_begin(STYLE_BAD), finding->kind, output_end());
    output_text(stdout, finding->sentence, 0);
    if (look->live->process_count > 1) printf(" (process %" PRIu32 ")", finding->pid);
    putchar('\n');
}

void top_print_line(const struct top_look *look) {
    const struct live *live = look->live;
    const struct live_sums *sums = &live->interval;
    char clock[TOP_CLOCK];
    top_clock(look->time, clock);
    for (const struct live_finding *one = live->findings; one; one = one->hh.next)
        if (one->came == live->number) print_finding(look, one);
    printf(ROW_VALUES, clock, top_rate(sums->begun, look->interval), top_rate(sums->ended, look->interval),
           live->live_count, top_rate(sums->calls, look->interval), top_rate(sums->bytes, look->interval),
           live->open_count, top_rate(sums->events, look->interval), HASH_COUNT(live->findings),
           look->totals.lost_events);
}

void top_print_totals(const struct top_look *look, const char *why) {
    const struct live_sums *total = &look->live->total;
    char *time = text_duration(look->since);
    output_text(stdout, look->what, 0);
    printf(" %s: in %s %" PRIu64 " contexts begun, %" PRIu64 " ended, %" PRIu64 " I/O calls, %" PRIu64
           " bytes, %" PRIu64 " new finding%s",
           why, time, total->begun, total->ended, total->calls, total->bytes, total->findings,
           total->findings == 1 ? "" : "s");
    if (look->totals.lost_events)
        printf(", about %" PRIu64 " event%s lost", look->totals.lost_events, look->totals.lost_events == 1 ? "" : "s");
    if (look->totals.damages)
        printf(", %" PRIu64 " packet%s damaged", look->totals.damages, look->totals.damages == 1 ? "" : "s");
    putchar('\n');
    free(time);
}

/* ---- JSON ---- */

static json_t *json_from_rate(uint64_t count, uint64_t interval) {
    return json_real(top_rate(count, interval));
}

static json_t *json_from_label(uint64_t id, const char *label) {
    json_t *object = json_object();
    json_put(object, "id", json_from_number(id));
    json_put(object, "label", json_from_text(label));
    return object;
}

static json_t *json_from_busiest(const struct top_look *look) {
    const struct live_description *found[TOP_BUSIEST];
    size_t count = live_busiest(look->live, found, TOP_BUSIEST);
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++) {
        const struct live_description *one = found[i];
        const struct live_context *owner = live_context_of(look->live, one->key.family, one->owner);
        const struct live_context *user = live_context_of(look->live, one->key.family, one->user);
        json_t *object = json_object();
        json_put(object, "id", json_from_number(one->key.id));
        json_put(object, "pid", json_from_number(one->process->pid));
        json_put(object, "fd", one->fd < 0 ? json_null() : json_from_number((uint64_t)one->fd));
        json_put(object, "description", json_from_text(live_name(one)));
        json_put(object, "calls", json_from_number(one->calls));
        json_put(object, "bytes", json_from_number(one->bytes));
        json_put(object, "calls_per_second", json_from_rate(one->calls, look->interval));
        json_put(object, "bytes_per_second", json_from_rate(one->bytes, look->interval));
        json_put(object, "owner", json_from_label(one->owner, owner ? owner->label->text : ""));
        json_put(object, "user", json_from_label(one->user, user ? user->label->text : ""));
        json_add(array, object);
    }
    return array;
}

static json_t *json_from_labels(const struct top_look *look) {
    const struct live_label *found[TOP_LABELS];
    size_t count = live_labels(look->live, found, TOP_LABELS);
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++) {
        const struct live_label *one = found[i];
        json_t *object = json_object();
        json_put(object, "label", json_from_text(one->text));
        json_put(object, "begun", json_from_number(one->begun));
        json_put(object, "ended", json_from_number(one->ended));
        json_put(object, "begun_per_second", json_from_rate(one->begun, look->interval));
        json_put(object, "mean_ns", one->ended ? json_from_number(one->duration / one->ended) : json_null());
        json_add(array, object);
    }
    return array;
}

static json_t *json_from_findings(const struct live *live) {
    json_t *array = json_array();
    for (const struct live_finding *one = live->findings; one; one = one->hh.next) {
        json_t *object;
        if (one->came != live->number) continue;
        object = json_object();
        json_put(object, "kind", json_from_text(one->kind));
        json_put(object, "time_ns", json_from_number(one->time));
        json_put(object, "count", json_from_number(one->count));
        json_put(object, "pid", json_from_number(one->pid));
        json_put(object, "fd", one->fd < 0 ? json_null() : json_from_number((uint64_t)one->fd));
        json_put(object, "description", json_from_text(one->description));
        json_put(object, "operation", json_from_text(rs_operation_name(one->operation)));
        json_put(object, "owner", json_from_label(one->owner, one->owner_label));
        json_put(object, "user", json_from_label(one->user, one->user_label));
        json_put(object, "text", json_from_text(one->sentence));
        json_add(array, object);
    }
    return array;
}

static json_t *json_from_processes(const struct live *live) {
    json_t *array = json_array();
    for (size_t i = 0; i < live->process_count; i++) {
        json_t *object;
        if (live->processes[i]->ended) continue;
        object = json_object();
        json_put(object, "pid", json_from_number(live->processes[i]->pid));
        json_put(object, "command", json_from_text(live->processes[i]->command));
        json_add(array, object);
    }
    return array;
}

static json_t *json_from_sums(const struct live_sums *sums, uint64_t interval) {
    json_t *object = json_object();
    json_put(object, "begun", json_from_number(sums->begun));
    json_put(object, "begun_per_second", json_from_rate(sums->begun, interval));
    json_put(object, "ended", json_from_number(sums->ended));
    json_put(object, "ended_per_second", json_from_rate(sums->ended, interval));
    json_put(object, "calls", json_from_number(sums->calls));
    json_put(object, "calls_per_second", json_from_rate(sums->calls, interval));
    json_put(object, "bytes", json_from_number(sums->bytes));
    json_put(object, "bytes_per_second", json_from_rate(sums->bytes, interval));
    json_put(object, "events", json_from_number(sums->events));
    json_put(object, "events_per_second", json_from_rate(sums->events, interval));
    json_put(object, "new_findings", json_from_number(sums->findings));
    json_put(object, "findings_again", json_from_number(sums->again));
    return object;
}

/* The interval's own sums stand at the top, and what lives beside them. */
void top_print_json(const struct top_look *look) {
    const struct live *live = look->live;
    json_t *object = json_from_sums(&live->interval, look->interval);
    json_put(object, "format", json_from_number(RS_TRACE_FORMAT));
    json_put(object, "time_ns", json_from_number(look->time));
    json_put(object, "interval_ns", json_from_number(look->interval));
    json_put(object, "runs", json_boolean(look->runs));
    json_put(object, "live", json_from_number(live->live_count));
    json_put(object, "open", json_from_number(live->open_count));
    json_put(object, "known_findings", json_from_number(HASH_COUNT(live->findings)));
    json_put(object, "lost_events", json_from_number(look->totals.lost_events));
    json_put(object, "lost_packets", json_from_number(look->totals.lost_packets));
    json_put(object, "damages", json_from_number(look->totals.damages));
    json_put(object, "processes", json_from_processes(live));
    json_put(object, "busiest", json_from_busiest(look));
    json_put(object, "labels", json_from_labels(look));
    json_put(object, "findings", json_from_findings(live));
    json_dumpf(object, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(object);
}
