/* shop: a small web shop, one thread a connection, that shows people what is in their basket.
 *
 *     shop --shared PORT          every request asks the basket server at PORT over one connection: the bug
 *     shop --per-request PORT     every request has a connection of its own: the cure
 *
 *     GET /basket?user=alice  ->  200, "alice: 2 x red shoes"
 *
 * Prints the loopback port that it listens on, then what becomes of each request, and serves until it is killed. The
 * calls of reqscope.h are all that it knows of reqscope: it is built with the header alone and runs with and without
 * the guard. */
#include "basket.h"
#include "reqscope.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void respond(int client, const char *status, const char *body) {
    char text[1024];
    int length =
        snprintf(text, sizeof text,
                 "HTTP/1.1 %s\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s\n",
                 status, strlen(body) + 1, body);
    send(client, text, (size_t)length, MSG_NOSIGNAL);
}

/* Serves the page; `outcome` is what the shop's log is to say of it. */
static void serve_basket(int client, const char *user, const char *label, char *outcome, size_t size) {
    char answer[256];
    switch (basket_ask(user, client, label, answer, sizeof answer)) {
    case BASKET_FOUND:
        snprintf(outcome, size, "200, shown: %s", answer);
        respond(client, "200 OK", answer);
        break;
    case BASKET_CANCELLED:
        snprintf(outcome, size, "the client has gone, cancelled");
        break;
    case BASKET_FAILED:
        snprintf(outcome, size, "502, %s", strerror(errno));
        respond(client, "502 Bad Gateway", "Sorry, your basket cannot be shown just now.");
        break;
    }
}

/* Reads a request's head into `head`. 0 when there is no whole one. */
static int read_head(int client, char *head, size_t size) {
    size_t length = 0;
    while (length < size - 1) {
        ssize_t got = recv(client, head + length, size - 1 - length, 0);
        if (got <= 0) return 0;
        length += (size_t)got;
        head[length] = 0;
        if (strstr(head, "\r\n\r\n")) return 1;
    }
    return 0;
}

static void *serve_client(void *argument) {
    int client = (int)(intptr_t)argument;
    char head[2048], user[64], label[96], outcome[320];
    if (read_head(client, head, sizeof head) && sscanf(head, "GET /basket?user=%63[a-z]", user) == 1) {
        snprintf(label, sizeof label, "GET /basket?user=%s", user);
        reqscope_id request = reqscope_begin(label);
        serve_basket(client, user, label, outcome, sizeof outcome);
        reqscope_end(request);
        printf("%s: %s\n", label, outcome);
    } else {
        respond(client, "404 Not Found", "There is GET /basket?user=NAME, and no more.");
    }
    close(client);
    return NULL;
}

/* A listening socket on a free loopback port, which is printed. */
static int listen_somewhere(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) || listen(fd, 16) ||
        getsockname(fd, (struct sockaddr *)&address, &size)) {
        perror("shop");
        exit(1);
    }
    printf("listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
    return fd;
}

int main(int argc, char **argv) {
    if (argc != 3 || (strcmp(argv[1], "--shared") && strcmp(argv[1], "--per-request"))) {
        fprintf(stderr, "usage: shop --shared|--per-request BASKET_SERVER_PORT\n");
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    basket_configure(atoi(argv[2]), strcmp(argv[1], "--shared") == 0);
    int listener = listen_somewhere();
    for (;;) {
        int client = accept(listener, NULL, NULL);
        if (client < 0) continue;
        pthread_t thread;
        if (pthread_create(&thread, NULL, serve_client, (void *)(intptr_t)client)) {
            close(client);
            continue;
        }
        pthread_detach(thread);
    }
}
