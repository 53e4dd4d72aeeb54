/* capture.c: see capture.h. */
#include "tests/unit/capture.h"
#include "tests/unit/make_trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void capture_begin(struct capture *capture) {
    fflush(stdout);
    fflush(stderr);
    for (int i = 0; i < 2; i++) {
        int file;
        strcpy(capture->paths[i], "/tmp/reqscope-said-XXXXXX");
        file = mkstemp(capture->paths[i]);
        capture->saved[i] = dup(i + 1);
        if (file < 0 || capture->saved[i] < 0 || dup2(file, i + 1) < 0) abort();
        close(file);
    }
}

void capture_end(struct capture *capture, char **output, char **errors) {
    fflush(stdout);
    fflush(stderr);
    for (int i = 0; i < 2; i++) {
        char **to = i ? errors : output, *said;
        size_t size;
        dup2(capture->saved[i], i + 1);
        close(capture->saved[i]);
        said = (char *)make_read(capture->paths[i], &size);
        said[size] = 0;
        unlink(capture->paths[i]);
        if (to)
            *to = said;
        else
            free(said);
    }
}
