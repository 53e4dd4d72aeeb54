/* cmd_completion.c: `reqscope completion`, and what its writers share. `reqscope completion man` is for the Makefile: it fills
 * in the manual page that it reads on stdin. */
#include "viewer/completion.h"
#include "viewer/manual.h"
#include "viewer/output.h"
#include "viewer/text.h"

#include <string.h>

static const struct {
    const char *name;
    void (*write)(void);
} shells[] = {{"bash", completion_bash}, {"zsh", completion_zsh}, {"fish", completion_fish}};
#define SHELLS (sizeof shells / sizeof *shells)

const char completion_pids[] = "grep -ls libreqscope.so /proc/*/maps | cut -d/ -f3";

enum completion_values completion_values_of(const struct option_row *row) {
    if (option_values(row)) return row->type == OPTION_KINDS ? VALUES_LIST : VALUES_WORDS;
    if (!strcmp(row->argument, "DIR")) return VALUES_FOLDERS;
    return strcmp(row->argument, "FILE") != 0 ? VALUES_ANY : VALUES_FILES;
}

void completion_put_words(const struct option_row *row) {
    const char *const *words = option_values(row);
    for (size_t i = 0; words[i]; i++) printf("%s%s", i ? " " : "", words[i]);
}

void completion_put_text(const char *text, const char *special, const char *escape) {
    for (; *text; text++) {
        if (*text == '`') continue;
        if (strchr(special, *text)) fputs(escape, stdout);
        putchar(*text);
    }
}

static int complain_shell(const char *name) {
    const char *names[SHELLS + 1] = {0}, *nearest;
    for (size_t i = 0; i < SHELLS; i++) names[i] = shells[i].name;
    nearest = *name ? text_nearest(name, names) : NULL;
    text_complain("completion: '%s' is no shell that is known: %s%s%sgive bash, zsh or fish", name,
                  nearest ? "did you mean " : "", nearest ? nearest : "", nearest ? "? Or " : "");
    return EXIT_UNUSABLE;
}

int cmd_completion(const struct options *options) {
    const char *name = options->operands[0];
    size_t i = 0;
    if (!strcmp(name, "man")) return manual_print(stdin) ? output_finish() : EXIT_UNUSABLE;
    while (i < SHELLS && strcmp(shells[i].name, name) != 0) i++;
    if (i == SHELLS) return complain_shell(name);
    shells[i].write();
    return output_finish();
}
