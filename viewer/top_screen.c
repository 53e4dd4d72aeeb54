/* top_screen.c: see top.h: a look as the whole screen. It is put together as lines first; what does not fit is left out: each line is
 * cut at the right, tables get as many rows as there are, and findings, which matter most, what is left but for the rest.
 *
 *     process 4711 (shop --shared 6379)                                     12 s, q ends
 *     contexts    120.0 begun/s   119.0 ended/s   14 live
 *     ...
 *     FINDINGS / BUSIEST DESCRIPTIONS / CONTEXTS */
#include "viewer/output.h"
#include "viewer/screen.h"
#include "viewer/text.h"
#include "viewer/top.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct page {
    FILE *stream;
    size_t columns, rows, used;
};

/* One line, escaped, cut to the screen's width. */
__attribute__((format(printf, 3, 4))) static void add_line(struct page *page, enum output_style style,
                                                           const char *format, ...) {
    va_list arguments;
    char *line = NULL, *escaped;
    size_t length = 0;
    if (page->used == page->rows) return;
    va_start(arguments, format);
    if (vasprintf(&line, format, arguments) < 0) memory_exhausted();
    va_end(arguments);
    escaped = text_escape(line);
    for (size_t characters = 0; escaped[length] && characters < page->columns; characters++) do {
            length++;
        } while ((escaped[length] & 0xc0) == 0x80);
    fprintf(page->stream, "%s%s%.*s%s\033[K", page->used ? "\r\n" : "", output_begin(style), (int)length, escaped,
            output_end());
    page->used++;
    free(escaped);
    free(line);
}

/* "950", "12.3 k", "4.5 M" */
static char *in_units(double number) {
    static const char *const units[] = {"", " k", " M", " G", " T"};
    size_t unit = 0;
    for (; number >= 9999.5 && unit + 1 < sizeof units / sizeof *units; unit++) number /= 1000;
    return memory_format(number < 100 ? "%.1f%s" : "%.0f%s", number, units[unit]);
}

/* The same of what came in the interval. */
static char *per_second(const struct top_look *look, uint64_t count) {
    return in_units(top_rate(count, look->interval));
}

static void add_summary(struct page *page, const struct top_look *look) {
    const struct live *live = look->live;
    const struct live_sums *sums = &live->interval;
    char *begun = per_second(look, sums->begun), *ended = per_second(look, sums->ended);
    char *calls = per_second(look, sums->calls), *bytes = per_second(look, sums->bytes);
    char *events = per_second(look, sums->events);
    add_line(page, STYLE_STRONG, "%s%s, %zu process%s, for %" PRIu64 " s; q ends", look->what,
             look->runs ? "" : " has ended", look->processes, look->processes == 1 ? "" : "es",
             look->since / 1000000000);
    add_line(page, STYLE_PLAIN, "contexts  %8s begun/s  %8s ended/s  %8" PRIu64 " live", begun, ended,
             live->live_count);
    add_line(page, STYLE_PLAIN, "I/O       %8s calls/s  %8s bytes/s  %8" PRIu64 " open descriptions", calls, bytes,
             live->open_count);
    add_line(page, STYLE_PLAIN, "events    %8s /s       %8" PRIu64 " lost     %8" PRIu64 " damaged packets", events,
             look->totals.lost_events, look->totals.damages);
    free(begun);
    free(ended);
    free(calls);
    free(bytes);
    free(events);
}

static void add_finding(struct page *page, const struct live_finding *finding, bool is_new) {
    char clock[TOP_CLOCK];
    top_clock(finding->time, clock);
    add_line(page, is_new ? STYLE_BAD : STYLE_PLAIN, "  %-8s %6" PRIu64 " x  %s: %s", clock, finding->count,
             finding->kind, finding->sentence);
}

/* The latest, newest last. */
static void add_findings(struct page *page, const struct live *live, size_t most) {
    size_t count = HASH_COUNT(live->findings), skipped = count > most ? count - most : 0;
    add_line(page, STYLE_PLAIN, "%s", "");
    add_line(page, STYLE_STRONG, "FINDINGS (%zu)%s", count, count ? "" : ": none");
    for (const struct live_finding *one = live->findings; one; one = one->hh.next) {
        if (skipped)
            skipped--;
        else
            add_finding(page, one, one->came == live->number);
    }
}

/* Whose it is; of what is nobody's, who uses it. */
static char *owner_of(const struct live *live, const struct live_description *one) {
    uint64_t id = one->owner ? one->owner : one->user;
    const struct live_context *context = live_context_of(live, one->key.family, id);
    if (!id) return memory_copy("-");
    if (!context || !*context->label->text) return memory_format("context %" PRIu64, id);
    return memory_format(one->owner ? "%s" : "none; used by %s", context->label->text);
}

static void add_busiest(struct page *page, const struct top_look *look) {
    const struct live_description *found[TOP_BUSIEST];
    size_t count = live_busiest(look->live, found, TOP_BUSIEST);
    add_line(page, STYLE_PLAIN, "%s", "");
    add_line(page, STYLE_STRONG, "  %9s %9s %7s %5s  %-40s %s", "CALLS/S", "BYTES/S", "PID", "FD", "DESCRIPTION",
             "OWNER");
    for (size_t i = 0; i < count; i++) {
        const struct live_description *one = found[i];
        char *owner = owner_of(look->live, one);
        char *calls = per_second(look, one->calls), *bytes = per_second(look, one->bytes);
        add_line(page, STYLE_PLAIN, "  %9s %9s %7" PRIu32 " %5" PRId32 "  %-40s %s", calls, bytes, one->process->pid,
                 one->fd, live_name(one), owner);
        free(owner);
        free(calls);
        free(bytes);
    }
}

static void add_labels(struct page *page, const struct top_look *look) {
    const struct live_label *found[TOP_LABELS];
    size_t count = live_labels(look->live, found, TOP_LABELS);
    add_line(page, STYLE_PLAIN, "%s", "");
    add_line(page, STYLE_STRONG, "  %9s %9s %12s  %s", "BEGUN/S", "ENDED/S", "MEAN", "CONTEXTS");
    for (size_t i = 0; i < count; i++) {
        const struct live_label *one = found[i];
        char *begun = per_second(look, one->begun), *ended = per_second(look, one->ended);
        char *mean = one->ended ? text_duration(one->duration / one->ended) : memory_copy("-");
        add_line(page, STYLE_PLAIN, "  %9s %9s %12s  %s", begun, ended, mean, *one->text ? one->text : "?");
        free(begun);
        free(ended);
        free(mean);
    }
}

#define FINDINGS_LEAST 3

/* Rows that are left for findings when the other parts have theirs. */
static size_t rows_for_findings(const struct page *page, const struct top_look *look) {
    const struct live_description *busiest[TOP_BUSIEST];
    const struct live_label *labels[TOP_LABELS];
    size_t others = live_busiest(look->live, busiest, TOP_BUSIEST) + live_labels(look->live, labels, TOP_LABELS) +
                    6; /* two blank lines each with titles, and the findings' own */
    size_t left = page->rows > page->used ? page->rows - page->used : 0;
    return left > others + FINDINGS_LEAST ? left - others : FINDINGS_LEAST;
}

void top_draw(const struct top_look *look) {
    char *bytes = NULL;
    size_t size = 0;
    struct page page = {.stream = open_memstream(&bytes, &size)};
    if (!page.stream) memory_exhausted();
    screen_size(&page.columns, &page.rows);
    fputs("\033[H", page.stream);
    add_summary(&page, look);
    add_findings(&page, look->live, rows_for_findings(&page, look));
    add_busiest(&page, look);
    add_labels(&page, look);
    fputs("\033[J", page.stream);
    if (fclose(page.stream)) memory_exhausted();
    fwrite(bytes, 1, size, stdout);
    free(bytes);
}
