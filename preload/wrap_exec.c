/* wrap_exec.c: other programs are executed. libc's own functions do not call one another where it can be seen, so each is
 * here; what each does is find the environment that the guard wants (follow.h) and hand on. */
#include "preload/follow.h"
#include "preload/wrap.h"

#include <spawn.h>
#include <stdarg.h>
#include <unistd.h>

/* The environment to execute with, as `name`, in memory of the calling function's. */
#define FOLLOWED(name, environment)             \
    size_t size_ = rs_follow_size(environment); \
    char *memory_[size_ / sizeof(char *) + 2];  \
    char *const *name = size_ ? rs_follow_into(environment, memory_) : (environment)

RS_EXPORT int execve(const char *path, char *const arguments[], char *const environment[]) {
    rs_follow_look_at(path, false);
    rs_process_execs();
    FOLLOWED(followed, environment);
    return real.execve(path, arguments, followed);
}

RS_EXPORT int execv(const char *path, char *const arguments[]) {
    rs_follow_look_at(path, false);
    rs_process_execs();
    FOLLOWED(followed, environ);
    return real.execve(path, arguments, followed);
}

RS_EXPORT int execvpe(const char *file, char *const arguments[], char *const environment[]) {
    rs_follow_look_at(file, true);
    rs_process_execs();
    FOLLOWED(followed, environment);
    return real.execvpe(file, arguments, followed);
}

RS_EXPORT int execvp(const char *file, char *const arguments[]) {
    rs_follow_look_at(file, true);
    rs_process_execs();
    FOLLOWED(followed, environ);
    return real.execvpe(file, arguments, followed);
}

RS_EXPORT int fexecve(int fd, char *const arguments[], char *const environment[]) {
    if (rs_refused_own(fd)) return -1;
    FOLLOWED(followed, environment);
    return real.fexecve(fd, arguments, followed);
}

RS_EXPORT int execveat(int folder, const char *path, char *const arguments[], char *const environment[], int flags) {
    if (rs_refused_own(folder)) return -1;
    rs_process_execs();
    FOLLOWED(followed, environment);
    return real.execveat(folder, path, arguments, followed, flags);
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
    FOLLOWED(followed, environment);
    return real.posix_spawn(pid, path, actions, attributes, arguments, followed);
}

RS_EXPORT int posix_spawnp(pid_t *restrict pid, const char *restrict file,
                           const posix_spawn_file_actions_t *restrict actions,
                           const posix_spawnattr_t *restrict attributes, char *const arguments[restrict],
                           char *const environment[restrict]) {
    rs_follow_look_at(file, true);
    FOLLOWED(followed, environment);
    return real.posix_spawnp(pid, file, actions, attributes, arguments, followed);
}
