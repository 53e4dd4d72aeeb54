/* debuginfod.c: see debuginfod.h. */
#include "viewer/debuginfod.h"
#include "viewer/commands.h"
#include "viewer/memory.h"
#include "viewer/text.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

#define LIBRARY "libdebuginfod.so.1"

/* As elfutils/debuginfod.h declares them; length 0: the build id is a string of hex digits. */
typedef void *begin_function(void);
typedef int find_function(void *client, const unsigned char *build_id, int length, char **path);
typedef void end_function(void *client);

struct debuginfod {
    void *library, *client;
    find_function *find_debug, *find_executable;
    end_function *end;
};

static __attribute__((noreturn)) void give_up(void) {
    exit(EXIT_UNUSABLE);
}

static void *function(void *library, const char *name) {
    void *found = dlsym(library, name);
    if (found) return found;
    text_complain("--debuginfod: " LIBRARY " has no %s: install the libdebuginfod of elfutils", name);
    give_up();
}

struct debuginfod *debuginfod_open(void) {
    const char *servers = getenv("DEBUGINFOD_URLS");
    struct debuginfod *debuginfod = memory_new(sizeof *debuginfod);
    if (!servers || !*servers) {
        text_complain("--debuginfod: no server is named: set DEBUGINFOD_URLS to the addresses of those to ask, with "
                      "blanks between");
        give_up();
    }
    debuginfod->library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
    if (!debuginfod->library) {
        text_complain("--debuginfod: %s: install the libdebuginfod of elfutils (Debian: libdebuginfod1)", dlerror());
        give_up();
    }
    begin_function *begin = (begin_function *)function(debuginfod->library, "debuginfod_begin");
    debuginfod->find_debug = (find_function *)function(debuginfod->library, "debuginfod_find_debuginfo");
    debuginfod->find_executable = (find_function *)function(debuginfod->library, "debuginfod_find_executable");
    debuginfod->end = (end_function *)function(debuginfod->library, "debuginfod_end");
    debuginfod->client = begin();
    if (!debuginfod->client) memory_exhausted();
    return debuginfod;
}

int debuginfod_fetch(struct debuginfod *debuginfod, const char *build_id, bool debug, char **path) {
    find_function *find = debug ? debuginfod->find_debug : debuginfod->find_executable;
    int fd = find(debuginfod->client, (const unsigned char *)build_id, 0, path);
    if (fd < 0) {
        *path = NULL;
        return -1;
    }
    return fd;
}

void debuginfod_close(struct debuginfod *debuginfod) {
    if (!debuginfod) return;
    debuginfod->end(debuginfod->client); /* the library stays: what it uses may have begun threads */
    free(debuginfod);
}
