/* basket.c: the shop's way to its basket server.
 *
 * Here is the bug that people know. Every request asks over the same connection, one at a time under a lock, and
 * answers come in the order of the questions. That is right for as long as each request waits for its answer. A request
 * that is cancelled does not: its answer is still to come when the next request gets the connection, and reads it as
 * its own. */
#define _GNU_SOURCE 1 /* POLLRDHUP */
#include "basket.h"
#include "reqscope.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int basket_port;
static int share_connection;

void basket_configure(int port, int shared) {
    basket_port = port;
    share_connection = shared;
}

static int connect_backend(void) {
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)basket_port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    int fd = socket(AF_INET, SOCK_STREAM, 0); /* DEMO: opened here */
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address)) {
        close(fd);
        fd = -1;
    }
    return fd;
}

static void close_backend(int fd) {
    if (fd >= 0) close(fd);
}

/* shop --shared: one connection for all, opened by whichever request comes first. Callers hold `exchange`. */
static int shared_backend(void) {
    static int connection = -1;
    if (connection < 0) connection = connect_backend();
    return connection;
}

/* shop --per-request: own_backend() is this request's own connection, opened at its first use, closed at its end. */
REQSCOPE_LOCAL(int, own_backend, connect_backend, close_backend);

/* Waits until the basket server has answered (1), or our own client has gone (0). */
static int wait_for_answer(int backend, int client) {
    struct pollfd polled[] = {{.fd = backend, .events = POLLIN}, {.fd = client, .events = POLLRDHUP}};
    while (poll(polled, 2, -1) < 0 && errno == EINTR) {
    }
    return polled[1].revents == 0;
}

static enum basket_outcome ask_over(int backend, const char *user, int client, const char *label, char *answer,
                                    size_t size) {
    char question[128];
    int length = snprintf(question, sizeof question, "BASKET %s\n", user);
    ssize_t sent = write(backend, question, (size_t)length); /* DEMO: used here */
    if (sent != length) return BASKET_FAILED;
    printf("%s: asked the basket server\n", label);

    /* Cancelled: with --shared, the answer to our question is still to come, to whoever reads next. */
    if (!wait_for_answer(backend, client)) return BASKET_CANCELLED;
    ssize_t got = read(backend, answer, size - 1);
    if (got <= 0) return BASKET_FAILED;
    answer[got] = 0;
    answer[strcspn(answer, "\n")] = 0;
    return BASKET_FOUND;
}

enum basket_outcome basket_ask(const char *user, int client, const char *label, char *answer, size_t size) {
    static pthread_mutex_t exchange = PTHREAD_MUTEX_INITIALIZER; /* one question at a time on the shared connection */
    if (!share_connection) return ask_over(own_backend(), user, client, label, answer, size);

    pthread_mutex_lock(&exchange);
    enum basket_outcome outcome = ask_over(shared_backend(), user, client, label, answer, size);
    pthread_mutex_unlock(&exchange);
    return outcome;
}
