/* server_layers: two requests that need a connection to a backend, for expect.sh. The backend is a socket of its own that nobody
 * answers on; its port is said first.
 *
 *     server_layers once       the layer is built once: both requests use the first one's connection (the bug)
 *     server_layers each       each request builds its own (the fix)
 *     server_layers workers    as each, but before that the start-up makes a connection that two forked workers carry on, and
 *                              each worker serves one of the requests
 */
#include "reqscope.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static struct sockaddr_in backend = {.sin_family = AF_INET};

static int start_backend(void) {
    socklen_t length = sizeof backend;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    backend.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listener, (struct sockaddr *)&backend, length) || listen(listener, 8)) return -1;
    if (getsockname(listener, (struct sockaddr *)&backend, &length)) return -1;
    printf("listening on 127.0.0.1:%d\n", ntohs(backend.sin_port));
    fflush(stdout);
    return listener;
}

static int connect_backend(void) {
    int connection = socket(AF_INET, SOCK_STREAM, 0);
    return connect(connection, (struct sockaddr *)&backend, sizeof backend) ? -1 : connection;
}

/* Serves a request over a connection of its own. */
static int serve(const char *label) {
    reqscope_id request = reqscope_begin(label);
    int connection = connect_backend(), failed = write(connection, "ping", 4) != 4;
    close(connection);
    reqscope_end(request);
    return failed;
}

/* Serves it over the one connection that the first request makes. */
static int serve_over_one(const char *label) {
    static int connection = -1;
    reqscope_id request = reqscope_begin(label);
    if (connection < 0) connection = connect_backend();
    int failed = write(connection, "ping", 4) != 4;
    reqscope_end(request);
    return failed;
}

static int serve_in_workers(void) {
    static const char *const labels[] = {"GET /a", "GET /b"};
    int status, failed = 0;
    reqscope_id boot = reqscope_begin("start-up");
    int connection = connect_backend();
    for (int i = 0; i < 2; i++) {
        pid_t pid = fork();
        if (!pid) _exit(serve(labels[i]));
        failed |= pid < 0;
    }
    while (wait(&status) > 0) failed |= status;
    close(connection);
    reqscope_end(boot);
    return failed != 0;
}

int main(int argc, char **argv) {
    const char *how = argc == 2 ? argv[1] : "";
    if (start_backend() < 0) return 1;
    if (!strcmp(how, "workers")) return serve_in_workers();
    if (!strcmp(how, "once")) return serve_over_one("GET /a") || serve_over_one("GET /b");
    if (!strcmp(how, "each")) return serve("GET /a") || serve("GET /b");
    fprintf(stderr, "usage: server_layers once | each | workers\n");
    return 2;
}
