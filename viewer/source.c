/* source.c: see source.h. */
#include "viewer/source.h"
#include "viewer/output.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINE_SHOWN 160

FILE *source_open(const char *path) {
    struct stat status;
    FILE *file;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return NULL;
    if (fstat(fd, &status) || !S_ISREG(status.st_mode) || !(file = fdopen(fd, "r"))) {
        close(fd);
        return NULL;
    }
    return file;
}

static void print_line(char *text, int number, bool here) {
    char *tab;
    text[strcspn(text, "\r\n")] = 0;
    while ((tab = strchr(text, '\t'))) *tab = ' ';
    if (strlen(text) > LINE_SHOWN) {
        size_t end = LINE_SHOWN;
        while (end && (text[end] & 0xc0) == 0x80) end--; /* not in the middle of a character */
        text[end] = 0;
    }
    printf("       %s%s %5d  ", output_begin(here ? STYLE_STRONG : STYLE_FAINT), here ? "-->" : "   ", number);
    output_text(stdout, text, 0);
    printf("%s\n", output_end());
}

bool source_print(const struct frame *frame) {
    FILE *file = frame->text && frame->line > 0 ? source_open(frame->text) : NULL;
    char *text = NULL;
    size_t space = 0;
    bool shown = false;
    if (!file) return false;
    for (int number = 1; number <= frame->line + 1 && getline(&text, &space, file) >= 0; number++) {
        if (number < frame->line - 1) continue;
        print_line(text, number, number == frame->line);
        shown = true;
    }
    free(text);
    fclose(file);
    return shown;
}
