/* export_junit.c: findings as a JUnit report, for what shows test results: a suite a kind of finding, a failed case a finding, and a
 * passed one where a kind that was looked for has none.
 *
 * Names of cases are made of functions, so that a finding has the same name in each run. XML 1.0 has no control characters, whatever
 * the escapes: text_escape makes them visible. */
#include "viewer/export.h"
#include "viewer/finding_places.h"
#include "viewer/finding_text.h"
#include "viewer/kinds.h"
#include "viewer/source_root.h"
#include "viewer/text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- XML ---- */

static void write_character(FILE *file, char byte) {
    switch (byte) {
    case '&':
        fputs("&amp;", file);
        break;
    case '<':
        fputs("&lt;", file);
        break;
    case '>':
        fputs("&gt;", file);
        break;
    case '"':
        fputs("&quot;", file);
        break;
    default:
        fputc(byte, file);
    }
}

static void write_xml(FILE *file, const char *text) {
    char *escaped = text_escape(text);
    for (const char *at = escaped; *at; at++) write_character(file, *at);
    free(escaped);
}

static void write_attribute(FILE *file, const char *name, const char *text) {
    fprintf(file, " %s=\"", name);
    write_xml(file, text);
    fputc('"', file);
}

/* Text of several lines, each escaped by itself. */
static void write_lines(FILE *file, const char *text) {
    char *copy = memory_copy(text), *rest = copy, *line;
    while ((line = strsep(&rest, "\n"))) {
        write_xml(file, line);
        if (rest) fputc('\n', file);
    }
    free(copy);
}

/* ---- suites ---- */

/* The groups of one kind. */
struct suite {
    const struct export *export;
    uint32_t kind;
    size_t count;
};

static bool is_of(const struct group *group, uint32_t kind) {
    uint32_t own = group->first->kind;
    return own == kind || (own > RS_FINDING_COUNT && kind == RS_FINDING_COUNT);
}

static struct suite suite_of(const struct export *export, uint32_t kind) {
    struct suite suite = {.export = export, .kind = kind};
    for (size_t i = 0; i < export->groups->count; i++) suite.count += is_of(export->groups->all[i], kind);
    return suite;
}

/* Was it asked for, and was it looked for? A kind that is looked for only when REQSCOPE_CHECK says so is known to have been when it
 * has findings. */
static bool is_shown(const struct suite *suite) {
    bool looked_for = suite->kind < RS_FINDING_COUNT && kind_words(suite->kind)->by_default &&
                      suite->export->filter->kinds & 1u << suite->kind;
    return suite->count || looked_for;
}

static const char *suite_name(const struct suite *suite) {
    return suite->kind < RS_FINDING_COUNT ? rs_finding_kind_name(suite->kind) : "unknown";
}

/* "write in ask_over, opened in connect_backend"; of a leak: "connect_backend, left open in serve_client" */
static char *base_name(const struct finding *finding, const struct finding_place *places, size_t count) {
    char *first = finding_place_name(&places[0]), *second = count > 1 ? finding_place_name(&places[1]) : NULL;
    bool leak = finding->kind == RS_FINDING_leak;
    char *name =
        memory_format("%s%s%s%s%s%s%s", leak ? "" : rs_operation_name(finding->operation), leak ? "" : " in ", first,
                      second ? ", " : "", second ? places[1].what : "", second ? " in " : "", second ? second : "");
    free(first);
    free(second);
    return name;
}

/* The names of a suite's cases so far. */
struct names {
    char **all;
    size_t count, space;
};

/* Two findings may come from functions of the same names: the later ones are numbered. */
static const char *unique_name(struct names *names, char *base) {
    size_t same = 0, length = strlen(base);
    char *name;
    for (size_t i = 0; i < names->count; i++)
        same += !strncmp(names->all[i], base, length) &&
                (!names->all[i][length] || !strncmp(names->all[i] + length, " #", 2));
    name = same ? memory_format("%s #%zu", base, same + 1) : memory_copy(base);
    free(base);
    names->all = memory_grow(names->all, &names->space, names->count + 1, sizeof *names->all);
    return names->all[names->count++] = name;
}

static void write_failure(FILE *file, const struct group *group, const struct finding_place *places, size_t count) {
    const struct finding *first = group->first;
    char *sentence = finding_sentence(first);
    fputs("      <failure", file);
    write_attribute(file, "type", finding_kind(first));
    write_attribute(file, "message", sentence);
    fputc('>', file);
    write_xml(file, sentence);
    fprintf(file, "\nseen %" PRIu64 " time%s, pid %" PRIu32 "\n", group->times, group->times == 1 ? "" : "s",
            first->process->pid);
    for (size_t i = 0; i < count; i++) {
        char *title = finding_place_title(first, &places[i]), *text = finding_place_text(&places[i]);
        write_xml(file, title);
        fputs(":\n", file);
        write_lines(file, text);
        free(title);
        free(text);
    }
    fputs("what was done: ", file);
    write_xml(file, finding_verdict(first));
    fputs("\nhint: ", file);
    write_xml(file, finding_hint(first));
    fputs("</failure>\n", file);
    free(sentence);
}

static void write_source(FILE *file, const char *root, const struct frame *frame) {
    bool below;
    char *path = source_root_path(root, frame->path, &below);
    write_attribute(file, "file", path);
    if (frame->line > 0) fprintf(file, " line=\"%d\"", frame->line);
    free(path);
}

static void write_case(FILE *file, const struct export *export, const struct group *group, struct names *names) {
    struct finding_place places[FINDING_PLACES];
    size_t count = finding_places(export->symbols, group->first, places);
    char *root = source_root();
    const struct frame *frame = source_root_frame(root, &places[0]);
    fputs("    <testcase", file);
    write_attribute(file, "name", unique_name(names, base_name(group->first, places, count)));
    write_attribute(file, "classname", finding_kind(group->first));
    if (frame && frame->path) write_source(file, root, frame);
    fputs(" time=\"0\">\n", file);
    write_failure(file, group, places, count);
    fputs("    </testcase>\n", file);
    finding_places_free(places, count);
    free(root);
}

static void write_suite(FILE *file, const struct suite *suite) {
    const struct groups *groups = suite->export->groups;
    struct names names = {0};
    fputs("  <testsuite", file);
    write_attribute(file, "name", suite_name(suite));
    fprintf(file, " tests=\"%zu\" failures=\"%zu\" errors=\"0\" skipped=\"0\" time=\"0\">\n",
            suite->count ? suite->count : 1, suite->count);
    if (!suite->count) {
        fputs("    <testcase", file);
        write_attribute(file, "name", "none found");
        write_attribute(file, "classname", suite_name(suite));
        fputs(" time=\"0\"/>\n", file);
    }
    for (size_t i = 0; i < groups->count; i++)
        if (is_of(groups->all[i], suite->kind)) write_case(file, suite->export, groups->all[i], &names);
    fputs("  </testsuite>\n", file);
    for (size_t i = 0; i < names.count; i++) free(names.all[i]);
    free(names.all);
}

bool export_junit(const struct export *export, FILE *file) {
    size_t tests = 0;
    for (uint32_t kind = 0; kind <= RS_FINDING_COUNT; kind++) {
        struct suite suite = suite_of(export, kind);
        if (is_shown(&suite)) tests += suite.count ? suite.count : 1;
    }
    fprintf(file,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
            "<testsuites name=\"reqscope\" tests=\"%zu\" failures=\"%zu\" errors=\"0\" time=\"0\">\n",
            tests, export->groups->count);
    for (uint32_t kind = 0; kind <= RS_FINDING_COUNT; kind++) {
        struct suite suite = suite_of(export, kind);
        if (is_shown(&suite)) write_suite(file, &suite);
    }
    fputs("</testsuites>\n", file);
    return true;
}
