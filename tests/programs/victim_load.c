/* victim_load.c: what hides from an interposer: libraries that are loaded later, with RTLD_DEEPBIND too; programs that cannot be
 * guarded; io_uring. One source, four parts: the program, a library that it is linked with (HOST), whose RUNPATH alone
 * leads to the third, a plugin (PLUGIN); and a program without libc.so (STATIC). */
#include "victim.h"

#include <linux/io_uring.h>
#include <spawn.h>

void *host_load(const char *name, int flags);
int plugin_open(const char *path);

#if defined(PLUGIN)

int plugin_open(const char *path) {
    return open(path, O_RDONLY);
}

#elif defined(HOST)

void *host_load(const char *name, int flags) {
    return dlopen(name, flags);
}

#elif defined(STATIC)

int main(void) {
    return 7;
}

#else

/* libc looks for what dlopen is given where the library says that calls it: the guard must not come in between. */
static int a_librarys_own_search_path_is_used(void) {
    MUST(dlopen("victim_load_plugin.so", RTLD_NOW) == NULL);
    MUST(host_load("victim_load_plugin.so", RTLD_NOW) != NULL);
    return 0;
}

static int open_by_plugin(int flags) {
    void *plugin = host_load("victim_load_plugin.so", flags);
    MUST(plugin);
    int (*plugin_opens)(const char *) = dlsym ? (int (*)(const char *))dlsym(plugin, "plugin_open") : NULL;
    int fd = plugin_opens ? plugin_opens("/dev/null") : -1;
    MUST(fd >= 0);
    return fd;
}

static int deepbind_is_taken_off(void) {
    reqscope_id context = reqscope_begin("loads");
    int fd = open_by_plugin(RTLD_NOW | RTLD_DEEPBIND);
    MUST(reqscope_owner(fd) == context);
    MUST(victim_reports("reqscope: RTLD_DEEPBIND is taken off") == 1);
    MUST(victim_reports("reqscope: coverage reduced") == 0);
    open_by_plugin(RTLD_NOW | RTLD_DEEPBIND);
    MUST(victim_reports("reqscope: RTLD_DEEPBIND is taken off") == 1);
    return 0;
}

static int deepbind_is_kept_if_wanted(void) {
    reqscope_begin("loads");
    int fd = open_by_plugin(RTLD_NOW | RTLD_DEEPBIND);
    MUST(reqscope_owner(fd) == 0);
    MUST(victim_reports("reqscope: RTLD_DEEPBIND") == 0);
    MUST(victim_reports("reqscope: coverage reduced: what is loaded with RTLD_DEEPBIND is not seen") == 1);
    return 0;
}

static const char *beside(const char *name) {
    static char path[4096];
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 64);
    MUST(length > 0);
    path[length] = 0;
    strcpy(strrchr(path, '/') + 1, name);
    return path;
}

/* Twice, to the end. */
static void spawn(const char *path, char *const *arguments) {
    for (int i = 0; i < 2; i++) {
        int status;
        pid_t pid;
        MUST(!posix_spawn(&pid, path, NULL, NULL, arguments, environ));
        MUST(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 7);
    }
}

static int a_static_program_is_said_once(void) {
    char *arguments[] = {"static", NULL};
    spawn(beside("static_seven"), arguments);
    MUST(victim_reports("reqscope: coverage reduced: a statically linked program runs unguarded: ") == 1);
    return 0;
}

static int a_dynamic_program_is_not(void) {
    char *arguments[] = {"sh", "-c", "exit 7", NULL};
    spawn("/bin/sh", arguments);
    MUST(victim_reports("reqscope: coverage reduced") == 0);
    return 0;
}

/* The number is made, seen and checked as any; that what goes through it is not seen is said once. */
static int io_uring_is_said_once(void) {
    struct io_uring_params params = {0};
    int unseen = (int)kernel(SYS_io_uring_setup, 4, &params);
    if (unseen < 0) {
        victim_say("this kernel lets nobody use io_uring (errno %d)", errno);
        return VICTIM_SKIP;
    }
    kernel(SYS_close, unseen);
    reqscope_id context = reqscope_begin("uring");
    for (int i = 0; i < 2; i++) {
        memset(&params, 0, sizeof params);
        int fd = (int)syscall(SYS_io_uring_setup, 4, &params);
        MUST(fd >= 0 && reqscope_owner(fd) == context);
    }
    MUST(victim_reports("reqscope: coverage reduced: io_uring is used") == 1);
    return 0;
}

static const struct victim_test tests[] = {
    VICTIM(a_librarys_own_search_path_is_used, NULL),
    VICTIM(deepbind_is_taken_off, NULL),
    VICTIM(deepbind_is_kept_if_wanted, "REQSCOPE_DEEPBIND=keep"),
    VICTIM(a_static_program_is_said_once, NULL),
    VICTIM(a_dynamic_program_is_not, NULL),
    VICTIM(io_uring_is_said_once, NULL),
};

VICTIM_MAIN(tests)

#endif
