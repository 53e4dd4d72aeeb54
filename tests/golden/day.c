/* day.c: a small server's day, for the golden tests' traces (record.sh): the same every time, but for the numbers of processes and the
 * times. `broken`: requests share a backend's connection, one leaves it open, one closes a file twice, two workers use a
 * connection that was made before the fork. `mended`: each has its own, but one that closes too late still. */
#include "reqscope.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static struct sockaddr_in backend = {.sin_family = AF_INET};
static int shared = -1;

static void need(int right, const char *what) {
    if (right) return;
    perror(what);
    exit(1);
}

/* Answers each byte with the same, on one connection after the other, until its parent is gone. */
static void serve(int listener) {
    for (;;) {
        int connection = accept(listener, NULL, NULL);
        char byte;
        if (fork()) {
            close(connection);
            continue;
        }
        while (read(connection, &byte, 1) == 1 && byte != 'q') need(write(connection, &byte, 1) == 1, "answer");
        if (byte == 'q') kill(getppid(), SIGTERM);
        _exit(0);
    }
}

static int connect_backend(void) {
    int connection = socket(AF_INET, SOCK_STREAM, 0);
    need(connection >= 0, "socket");
    need(!connect(connection, (struct sockaddr *)&backend, sizeof backend), "connect");
    return connection;
}

static void ask(int connection, char question) {
    char answer;
    need(write(connection, &question, 1) == 1, "ask");
    need(read(connection, &answer, 1) == 1 && answer == question, "the answer");
}

static void basket(const char *label, char question, bool broken) {
    reqscope_id request = reqscope_begin(label);
    int own = -1;
    if (broken && shared < 0) shared = connect_backend();
    if (!broken) own = connect_backend();
    ask(broken ? shared : own, question);
    if (!broken) close(own);
    reqscope_end(request);
}

static void picture(bool broken) {
    reqscope_id request = reqscope_begin("GET /picture.png");
    int file = open("/etc/hostname", O_RDONLY);
    char bytes[16];
    need(file >= 0, "/etc/hostname");
    need(read(file, bytes, sizeof bytes) > 0, "read");
    close(file);
    if (broken) close(file);
    reqscope_end(request);
}

static void cancelled(void) {
    reqscope_id request = reqscope_begin("POST /order");
    shared = connect_backend();
    need(write(shared, "o", 1) == 1, "order");
    reqscope_end(request); /* the answer is not awaited */
}

static void work(int connection, const char *label) {
    reqscope_id job;
    if (fork()) {
        int status;
        need(wait(&status) > 0 && !status, "worker");
        return;
    }
    job = reqscope_begin(label);
    ask(connection, 'w');
    reqscope_end(job);
    _exit(0);
}

int main(int count, char **arguments) {
    bool broken = count == 2 && !strcmp(arguments[1], "broken");
    int listener = socket(AF_INET, SOCK_STREAM, 0), before_fork;
    socklen_t length = sizeof backend;
    backend.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    need(!bind(listener, (struct sockaddr *)&backend, sizeof backend) && !listen(listener, 8), "listen");
    need(!getsockname(listener, (struct sockaddr *)&backend, &length), "getsockname");
    if (!fork()) serve(listener);
    close(listener);
    basket("GET /basket?user=alice", 'a', broken);
    basket("GET /basket?user=bob", 'b', broken);
    basket("GET /basket?user=carol", 'c', broken);
    picture(broken);
    before_fork = connect_backend();
    work(before_fork, "job 1");
    if (!broken) {
        close(before_fork);
        before_fork = connect_backend();
    }
    work(before_fork, "job 2");
    cancelled();
    need(write(before_fork, "q", 1) == 1, "quit");
    while (wait(NULL) > 0) continue;
    return 0;
}
