/* cmd_export.c: `reqscope export`. */
#include "viewer/commands.h"
#include "viewer/export.h"
#include "viewer/memory.h"
#include "viewer/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

/* With what a file that is made by itself would have. */
static void set_mode(int fd) {
    mode_t mask = umask(0);
    umask(mask);
    fchmod(fd, 0666 & ~mask);
}

static bool complain_of(const char *path, int error) {
    text_complain("%s: could not be written whole: %s", path, strerror(error));
    return false;
}

/* Writes and closes the file. */
static bool write_file(export_writer *writer, const struct export *export, FILE *stream, const char *path) {
    bool written = writer(export, stream);
    int error = !fflush(stream) && !ferror(stream) ? 0 : errno;
    if (fclose(stream) && !error) error = errno;
    return error ? complain_of(path, error) : written;
}

/* Under another name next to it, which becomes the file when it is whole: nobody finds half a one. */
static bool replace_file(export_writer *writer, const struct export *export, const char *path) {
    char *unfinished = memory_format("%s.XXXXXX", path);
    int fd = mkostemp(unfinished, O_CLOEXEC);
    FILE *stream = fd < 0 ? NULL : fdopen(fd, "w");
    bool written = false;
    if (!stream) {
        text_complain("%s: cannot be written: %s", path, strerror(errno));
        if (fd >= 0) close(fd);
    } else {
        set_mode(fd);
        written = write_file(writer, export, stream, path);
        if (written && rename(unfinished, path)) written = complain_of(path, errno);
    }
    if (!written && fd >= 0) unlink(unfinished);
    free(unfinished);
    return written;
}

/* A device or a pipe is written to as it is; a link stays one. */
static bool write_to(export_writer *writer, const struct export *export, const char *path) {
    struct stat status;
    char *target = realpath(path, NULL);
    bool special = !stat(path, &status) && !S_ISREG(status.st_mode), written;
    FILE *stream = special ? fopen(path, "we") : NULL;
    if (special && !stream) {
        text_complain("%s: cannot be written: %s", path, strerror(errno));
        written = false;
    } else {
        written =
            special ? write_file(writer, export, stream, path) : replace_file(writer, export, target ? target : path);
    }
    free(target);
    return written;
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
    export.symbols = filter.symbols = symbols_open(options);
    groups = groups_of(model, &filter);
    written = options->output ? write_to(writer, &export, options->output) : writer(&export, stdout);
    symbols_close(export.symbols);
    groups_free(&groups);
    return written ? EXIT_DONE : EXIT_UNUSABLE;
}
