/* cmd_run.c: `reqscope run`: a program under the guard. Without --check this process becomes the program, so that pid,
 * signals and exit code are its own; with --check it is a child, and its findings are printed when it has ended. */
#include "viewer/cmd_check.h"
#include "viewer/commands.h"
#include "viewer/guardable.h"
#include "viewer/load.h"
#include "viewer/supervise.h"
#include "viewer/symbols.h"
#include "viewer/text.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef RS_LIBDIR
#define RS_LIBDIR "/usr/local/lib"
#endif
#define LIBRARY "libreqscope.so"

/* ---- the library ---- */

/* The folder that this program is in; the caller's to free. */
static char *own_folder(void) {
    char *path = realpath("/proc/self/exe", NULL);
    char *slash = path ? strrchr(path, '/') : NULL;
    if (!slash) {
        free(path);
        return memory_copy(".");
    }
    *slash = 0;
    return path;
}

/* The guard's absolute path, the caller's to free; NULL after a message. */
static char *find_library(void) {
    char *folder = own_folder(), *found = NULL;
    for (size_t i = 0; i < 2 && !found; i++) {
        char *candidate = memory_format("%s%s/" LIBRARY, folder, i ? "/../lib" : "");
        found = realpath(candidate, NULL);
        free(candidate);
    }
    if (!found) found = realpath(RS_LIBDIR "/" LIBRARY, NULL);
    if (!found) {
        text_complain(LIBRARY " is not in %s, %s/../lib or " RS_LIBDIR
                              ": `make` builds it, `make install` puts it there",
                      folder, folder);
    } else if (strpbrk(found, " :")) {
        text_complain("%s: the dynamic linker takes no path with a space or a colon: install it elsewhere", found);
        free(found);
        found = NULL;
    }
    free(folder);
    return found;
}

/* LD_PRELOAD with the library first, and what was there but for an earlier guard. */
static void preload(const char *library) {
    const char *present = getenv("LD_PRELOAD");
    char *list = memory_copy(library), *old = memory_copy(present ? present : ""), *rest = old, *word;
    while ((word = strsep(&rest, " :"))) {
        char *longer;
        if (!*word || !strcmp(symbols_basename(word), LIBRARY)) continue;
        longer = memory_format("%s:%s", list, word);
        free(list);
        list = longer;
    }
    setenv("LD_PRELOAD", list, 1);
    free(list);
    free(old);
}

/* ---- the environment ---- */

static void set_variable(const char *name, const char *value) {
    if (value && setenv(name, value, 1)) memory_exhausted();
}

/* Makes the folder when it is missing. Returns its absolute path, the caller's to free; NULL after a message. */
static char *prepare_trace(const char *folder) {
    char *path = NULL;
    if (mkdir(folder, 0700) && errno != EEXIST) {
        text_complain("%s: the trace's folder cannot be made: %s", folder, strerror(errno));
        return NULL;
    }
    path = realpath(folder, NULL);
    if (path && !eaccess(path, W_OK | X_OK)) {
        struct stat status;
        if (!stat(path, &status) && S_ISDIR(status.st_mode)) return path;
        errno = ENOTDIR;
    }
    text_complain("%s: no trace can be written there: %s", folder, strerror(errno));
    free(path);
    return NULL;
}

/* The program may change its folder: paths must not be relative. */
static bool set_rules(const char *rules) {
    char *path = rules ? realpath(rules, NULL) : NULL;
    if (rules && (!path || eaccess(path, R_OK))) {
        text_complain("%s: the rules cannot be read: %s", rules, strerror(errno));
        free(path);
        return false;
    }
    set_variable("REQSCOPE_RULES", path);
    free(path);
    return true;
}

static void set_log(const char *log) {
    char *folder, *path;
    if (!log || *log == '/' || !strcmp(log, "stderr") || !strcmp(log, "syslog") || !(folder = realpath(".", NULL))) {
        set_variable("REQSCOPE_LOG", log);
        return;
    }
    path = memory_format("%s/%s", folder, log);
    set_variable("REQSCOPE_LOG", path);
    free(path);
    free(folder);
}

static bool set_environment(const struct options *options, const char *trace, const char *library) {
    if (!set_rules(options->rules)) return false;
    set_variable("REQSCOPE_MODE", options->mode);
    set_variable("REQSCOPE_POLICY", options->policy);
    set_variable("REQSCOPE_CONTEXT", options->context);
    set_variable("REQSCOPE_STACK_DEPTH", options->stack_depth);
    set_variable("REQSCOPE_TRACE", trace);
    set_log(options->log);
    preload(library);
    return true;
}

/* ---- running ---- */

static int run_directly(const char *program, char **arguments) {
    int error;
    execvp(program, arguments);
    error = errno;
    text_complain("%s: cannot be executed: %s", program, strerror(error));
    return error == ENOENT ? 127 : 126;
}

/* Prints what was found. Returns the exit code, `status` when there is nothing to say. */
static int check_trace(const struct options *options, char *folder, char **before, int status) {
    struct model model;
    bool usable = load_traces(&model, &folder, 1, before), passed = false;
    uint64_t events = model.events;
    if (events)
        passed = check_print(stderr, &model, options, usable);
    else
        text_complain("nothing was recorded, so nothing is known of findings: is REQSCOPE_MODE off?");
    model_free(&model);
    return !usable || !events ? EXIT_UNUSABLE : passed ? status : EXIT_FINDINGS;
}

static int run_checked(const struct options *options, const char *program, char *trace) {
    char **before = load_list_folder(trace);
    int status = supervise(program, options->operands);
    if (status >= 0) status = check_trace(options, trace, before, status);
    load_free_list(before);
    return status < 0 ? EXIT_UNUSABLE : status;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *place) {
    (void)status, (void)type, (void)place;
    remove(path);
    return 0;
}

/* A folder for a trace that is only looked at once; the caller's to free. */
static char *make_temporary(void) {
    const char *base = getenv("TMPDIR");
    char *folder = memory_format("%s/reqscope-XXXXXX", base && *base ? base : "/tmp");
    char *path = mkdtemp(folder) ? realpath(folder, NULL) : NULL;
    if (!path) text_complain("%s: no folder for the trace can be made: %s", folder, strerror(errno));
    free(folder);
    return path;
}

static int run_program(const struct options *options, const char *program, const char *library) {
    const char *wanted = options->trace ? options->trace : options->check ? getenv("REQSCOPE_TRACE") : NULL;
    bool temporary = options->check && !(wanted && *wanted);
    char *trace = temporary ? make_temporary() : wanted ? prepare_trace(wanted) : NULL;
    int result = EXIT_UNUSABLE;
    if (!trace && (temporary || wanted)) return EXIT_UNUSABLE;
    if (set_environment(options, trace, library))
        result = options->check ? run_checked(options, program, trace) : run_directly(program, options->operands);
    if (temporary) nftw(trace, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    free(trace);
    return result;
}

int cmd_run(const struct options *options) {
    int result = EXIT_UNUSABLE;
    char *program, *library;
    if (!options->operand_count) {
        text_complain("run: give the program to run: reqscope run [OPTION...] [--] COMMAND [ARGUMENT...]");
        return EXIT_UNUSABLE;
    }
    if (options->check && options->mode && !strcmp(options->mode, "off")) {
        text_complain("run: --check finds nothing with --mode off: leave one of the two out");
        return EXIT_UNUSABLE;
    }
    if (options->kinds != UINT32_MAX && !options->check) {
        text_complain("run: --kinds says which findings count for --check: give that, too (what is looked for, "
                      "REQSCOPE_CHECK says)");
        return EXIT_UNUSABLE;
    }
    program = guardable_find(options->operands[0], &result);
    if (!program) return result;
    library = find_library();
    if (library && guardable_check(program, library)) result = run_program(options, program, library);
    free(library);
    free(program);
    return result;
}
