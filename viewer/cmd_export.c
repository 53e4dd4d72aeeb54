/* cmd_export.c: `reqscope export`. */
#include "viewer/commands.h"
#include "viewer/export.h"
#include "viewer/text.h"

#include <errno.h>
#include <string.h>

static const struct {
    const char *name;
    export_writer *write;
} formats[] = {
    {"json", export_json},   {"chrome", export_chrome}, {"dot", export_dot},   {"html", export_html},
    {"sarif", export_sarif}, {"junit", export_junit},   {"otlp", export_otlp},
};

static export_writer *find_writer(const char *name) {
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (!strcmp(formats[i].name, name)) return formats[i].write;
    return NULL;
}

static bool write_to(export_writer *writer, const struct export *export, const char *path) {
    FILE *stream = fopen(path, "we");
    bool written;
    if (!stream) {
        text_complain("%s: cannot be written: %s", path, strerror(errno));
        return false;
    }
    written = writer(export, stream) && !ferror(stream);
    if (!fclose(stream) && written) return true;
    text_complain("%s: could not be written whole: %s", path, strerror(errno));
    return false;
}

int cmd_export(const struct options *options, const struct model *model, bool usable) {
    struct filter filter = filter_from(options, model);
    struct groups groups;
    struct export export = {.model = model, .filter = &filter, .groups = &groups};
    export_writer *writer = options->format ? find_writer(options->format) : NULL;
    bool written;
    (void)usable;
    if (!writer) {
        text_complain("export: give --format: json, chrome, dot, html, sarif, junit or otlp");
        return EXIT_UNUSABLE;
    }
    groups = groups_of(model, &filter);
    export.symbols = symbols_open(options);
    written = options->output ? write_to(writer, &export, options->output) : writer(&export, stdout);
    symbols_close(export.symbols);
    groups_free(&groups);
    return written ? EXIT_DONE : EXIT_UNUSABLE;
}
