/* The forgotten temporary file: a request writes its page to a temporary file and does not close it. Each request costs a
 * descriptor, until there are none left.
 *
 *     broken     not closed, twice: one finding that was seen two times
 *     mended     closed
 *     mended-2   closed by reqscope_defer, however the request ends */
#include "case.h"

#include <stdint.h>

static void close_file(void *argument) {
    close((int)(intptr_t)argument);
}

static void get_basket(struct request *request) {
    char name[] = "/tmp/basket-XXXXXX", page[64];
    int fd = mkstemp(name); /* CASE: opened here */
    if (fd < 0) case_impossible("no temporary file");
    unlink(name);
    bool deferred = form_is("mended-2") && reqscope_defer(close_file, (void *)(intptr_t)fd) == 0;

    int length = snprintf(page, sizeof page, "%s: 2 x red shoes", request->user);
    bool written = write(fd, page, (size_t)length) == length;
    show(request, written && pread(fd, page, sizeof page, 0) == length ? page : NULL);
    if (!broken() && !deferred) close(fd);
}

static struct request requests[] = {
    {.label = "GET /basket?user=alice", .user = "alice", .handle = get_basket},
    {.label = "GET /basket?user=bob", .user = "bob", .handle = get_basket},
};

int main(int argc, char **argv) {
    case_begin(argc, argv, "broken mended mended-2");
    serve_in_turn(requests, COUNT(requests));
    return outcome(requests, COUNT(requests));
}
