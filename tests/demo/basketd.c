/* basketd: the basket server behind the demo shop. One thread, any number of connections, a line a question:
 *
 *     BASKET alice        ->    alice: 2 x red shoes
 *
 * Answers come in the order of the questions on a connection, as from any such server (Redis, PostgreSQL, SMTP). Prints
 * the loopback port that it listens on, and serves until it is killed. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECTIONS_MAX 64
#define LINE_MAX_BYTES 256

/* What has come in on a connection and is not a whole line yet. */
struct connection {
    char line[LINE_MAX_BYTES];
    size_t length;
};

static const char *basket_of(const char *user) {
    if (strcmp(user, "alice") == 0) return "2 x red shoes";
    if (strcmp(user, "bob") == 0) return "1 x garden hose";
    return "(empty)";
}

static int answer(int fd, const char *question) {
    char text[2 * LINE_MAX_BYTES];
    int length;
    if (strncmp(question, "BASKET ", 7) == 0)
        length = snprintf(text, sizeof text, "%s: %s\n", question + 7, basket_of(question + 7));
    else
        length = snprintf(text, sizeof text, "ERROR\n");
    return send(fd, text, (size_t)length, MSG_NOSIGNAL) == length ? 0 : -1;
}

/* Reads what is there and answers every whole line of it. -1 when the connection is of no more use. */
static int serve(int fd, struct connection *connection) {
    size_t room = sizeof connection->line - 1 - connection->length;
    ssize_t got = recv(fd, connection->line + connection->length, room, 0);
    if (got <= 0) return -1;
    connection->length += (size_t)got;
    connection->line[connection->length] = 0;
    char *start = connection->line, *end;
    while ((end = strchr(start, '\n'))) {
        *end = 0;
        if (answer(fd, start)) return -1;
        start = end + 1;
    }
    connection->length = strlen(start);
    memmove(connection->line, start, connection->length);
    return connection->length < sizeof connection->line - 1 ? 0 : -1;
}

/* A listening socket on a free loopback port, which is printed. */
static int listen_somewhere(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) || listen(fd, 16) ||
        getsockname(fd, (struct sockaddr *)&address, &size)) {
        perror("basketd");
        exit(1);
    }
    printf("listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

int main(void) {
    static struct connection connections[CONNECTIONS_MAX];
    struct pollfd polled[CONNECTIONS_MAX] = {{.fd = listen_somewhere(), .events = POLLIN}};
    for (int i = 1; i < CONNECTIONS_MAX; i++) polled[i] = (struct pollfd){.fd = -1, .events = POLLIN};

    while (poll(polled, CONNECTIONS_MAX, -1) > 0) {
        for (int i = 1; i < CONNECTIONS_MAX; i++) {
            if (polled[i].fd < 0 || !polled[i].revents || !serve(polled[i].fd, &connections[i])) continue;
            close(polled[i].fd);
            polled[i].fd = -1;
        }
        if (!polled[0].revents) continue;
        int fd = accept(polled[0].fd, NULL, NULL);
        int place = 1;
        while (place < CONNECTIONS_MAX && polled[place].fd >= 0) place++;
        if (place == CONNECTIONS_MAX) {
            close(fd);
            continue;
        }
        polled[place].fd = fd;
        connections[place].length = 0;
    }
    perror("basketd: poll");
    return 1;
}
