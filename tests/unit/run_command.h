/* run_command.h: the whole command in a unit test's own process: what it prints, and its exit code. */
#ifndef RS_TESTS_RUN_COMMAND_H
#define RS_TESTS_RUN_COMMAND_H

#include "tests/unit/make_trace.h"
#include "tests/unit/unit.h"
#include "viewer/commands.h"

#include <jansson.h>
#include <stdio.h>
#include <unistd.h>

#define END ((char *)NULL) /* of the arguments of run() */

/* Runs `reqscope first second ...` and returns its exit code; what it printed on stdout and stderr are the caller's. */
static inline int run(char **output, char **errors, const char *first, ...) {
    char *arguments[16] = {(char *)"reqscope", (char *)first}, out[] = "/tmp/reqscope-out-XXXXXX",
         err[] = "/tmp/reqscope-err-XXXXXX";
    int count = 2, result, saved[2] = {dup(1), dup(2)}, out_fd = mkstemp(out), err_fd = mkstemp(err);
    size_t size;
    va_list more;
    va_start(more, first);
    while ((arguments[count] = va_arg(more, char *))) count++;
    va_end(more);
    fflush(stdout);
    fflush(stderr);
    dup2(out_fd, 1);
    dup2(err_fd, 2);
    result = commands_main(count, arguments);
    fflush(stdout);
    fflush(stderr);
    dup2(saved[0], 1);
    dup2(saved[1], 2);
    close(saved[0]), close(saved[1]), close(out_fd), close(err_fd);
    for (int i = 0; i < 2; i++) {
        char **to = i ? errors : output, *bytes = (char *)make_read(i ? err : out, &size);
        bytes[size] = 0;
        unlink(i ? err : out);
        if (to)
            *to = bytes;
        else
            free(bytes);
    }
    return result;
}

static inline json_t *run_json(int expected, const char *command, const char *folder) {
    char *output;
    json_error_t error;
    json_t *document;
    assert_int_equal(run(&output, NULL, command, "--json", folder, END), expected);
    document = json_loads(output, 0, &error);
    if (!document) fail_msg("%s: %s: %s", command, error.text, output);
    free(output);
    return document;
}

/* Fields of an object. */
#define TEXT_OF(object, key) json_string_value(json_object_get(object, key))
#define NUMBER_OF(object, key) json_integer_value(json_object_get(object, key))

#endif
