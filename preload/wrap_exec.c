/* wrap_exec.c: other programs are executed. libc's own functions do not call one another where it can be seen, so each is
 * here; what each does is find the environment that the guard wants (follow.h) and hand on. */
#include "preload/follow.h"
#include "preload/wrap.h"

#include <spawn.h>
#include <stdarg.h>
#include <unistd.h>

/* Executes with the environment that the guard wants, `followed`, which lies in memory of the calling function's when it is another
 * than the program's. */
#define EXECUTES(environment, call)                               \
    size_t size_ = rs_follow_size(environment);                   \
    if (rs_likely(!size_)) {                                      \
        char *const *followed = environment;                      \
        return call;                                              \
    }                                                             \
    char *memory_[size_ / sizeof(char *) + 2];                    \
    char *const *followed = rs_follow_into(environment, memory_); \
    return call

RS_EXPORT int execve(const char *path, char *const arguments[], char *const environment[]) {
    rs_follow_look_at(path, false);
    rs_process_execs();
    EXECUTES(environment, real.execve(path, arguments, followed));
}

RS_EXPORT int execv(const char *path, char *const arguments[]) {
    rs_follow_look_at(path, false);
    rs_process_execs();
    EXECUTES(environ, real.execve(path, arguments, followed));
}

RS_EXPORT int execvpe(const char *file, char *const arguments[], char *const environment[]) {
    rs_follow_look_at(file, true);
    rs_process_execs();
    EXECUTES(environment, real.execvpe(file, arguments, followed));
}

RS_EXPORT int execvp(const char *file, char *const arguments[]) {
    rs_follow_look_at(file, true);
    rs_process_execs();
    EXECUTES(environ, real.execvpe(file, arguments, followed));
}

RS_EXPORT int fexecve(int fd, char *const arguments[], char *const environment[]) {
    if (rs_refused_own(fd)) return -1;
    EXECUTES(environment, real.fexecve(fd, arguments, followed));
}

RS_EXPORT int execveat(int folder, const char *path, char *const arguments[], char *const environment[], int flags) {
    if (rs_refused_own(folder)) return -1;
    rs_process_execs();
    EXECUTES(environment, real.execveat(folder, path, arguments, followed, flags));
}

/* The arguments in a row, up to the NULL that ends them, as an array in the calling function's memory. `rest` is after them. */
#define ARRAY_OF(arguments, first, rest)                                     \
    size_t count_ = 1;                                                       \
    va_start(rest, first);                                                   \
    for (const char *at_ = first; at_; at_ = va_arg(rest, char *)) count_++; \
    va_end(rest);                                                            \
    char *arguments[count_];                                                 \
    va_start(rest, first);                                                   \
    (arguments)[0] = (char *)(uintptr_t)(first);                             \
    for (size_t i_ = 1; i_ < count_; i_++) (arguments)[i_] = va_arg(rest, char *)

RS_EXPORT int execl(const char *path, const char *first, ...) {
    va_list rest;
    ARRAY_OF(arguments, first, rest);
    va_end(rest);
    return execv(path, arguments);
}

RS_EXPORT int execlp(const char *file, const char *first, ...) {
    va_list rest;
    ARRAY_OF(arguments, first, rest);
    va_end(rest);
    return execvp(file, arguments);
}

RS_EXPORT int execle(const char *path, const char *first, ...) {
    va_list rest;
    ARRAY_OF(arguments, first, rest);
    char *const *environment = va_arg(rest, char *const *);
    va_end(rest);
    return execve(path, arguments, environment);
}

RS_EXPORT int posix_spawn(pid_t *restrict pid, const char *restrict path,
                          const posix_spawn_file_actions_t *restrict actions,
                          const posix_spawnattr_t *restrict attributes, char *const arguments[restrict],
                          char *const environment[restrict]) {
    rs_follow_look_at(path, false);
    EXECUTES(environment, real.posix_spawn(pid, path, actions, attributes, arguments, followed));
}

RS_EXPORT int posix_spawnp(pid_t *restrict pid, const char *restrict file,
                           const posix_spawn_file_actions_t *restrict actions,
                           const posix_spawnattr_t *restrict attributes, char *const arguments[restrict],
                           char *const environment[restrict]) {
    rs_follow_look_at(file, true);
    EXECUTES(environment, real.posix_spawnp(pid, file, actions, attributes, arguments, followed));
}
