/* double_close: a server with a thread for each connection that closes one of them twice. It serves three, in this order, each
 * step when the one before is done:
 *
 *     A's thread reads a request, answers it, and closes its connection.
 *     B's connection is accepted, and has the same number. B's thread reads its request.
 *     A's thread closes the number again: that was B's connection.
 *     C's connection is accepted, and has the same number. C's thread reads its request.
 *     B's thread answers its request: C is shown it.
 *
 *     double_close HOW     HOW threads wait for a step: condition (a condition variable) or spin (no call at all). It listens
 *                          on a free port of loopback: "listening on 127.0.0.1:PORT" */
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum step { A_CLOSED = 1, B_READ, CLOSED_AGAIN, C_READ, B_ANSWERED };

static atomic_int reached;
static bool by_spinning;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

static void reach(enum step step) {
    pthread_mutex_lock(&lock);
    atomic_store(&reached, step);
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static void wait_until(enum step step) {
    if (by_spinning) {
        while (atomic_load(&reached) < (int)step) sched_yield();
        return;
    }
    pthread_mutex_lock(&lock);
    while (atomic_load(&reached) < (int)step) pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
}

static void read_request(int fd, char path[static 100]) {
    char bytes[4096] = "";
    size_t filled = 0;
    while (!strstr(bytes, "\r\n\r\n")) {
        ssize_t count = read(fd, bytes + filled, sizeof bytes - 1 - filled);
        if (count <= 0) exit(1);
        filled += (size_t)count;
    }
    if (sscanf(bytes, "%*s %99s", path) != 1) exit(1);
}

static void answer(int fd, const char *path) {
    char bytes[500];
    int length = snprintf(bytes, sizeof bytes, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n%s",
                          strlen(path), path);
    if (write(fd, bytes, (size_t)length) != length) exit(1);
}

static int fds[3];

static void *serve_a(void *unused) {
    char path[100];
    read_request(fds[0], path);
    answer(fds[0], path);
    close(fds[0]);
    reach(A_CLOSED);
    wait_until(B_READ);
    close(fds[0]);
    reach(CLOSED_AGAIN);
    return unused;
}

static void *serve_b(void *unused) {
    char path[100];
    read_request(fds[1], path);
    reach(B_READ);
    wait_until(C_READ);
    answer(fds[1], path);
    reach(B_ANSWERED);
    return unused;
}

static void *serve_c(void *unused) {
    char path[100];
    read_request(fds[2], path);
    reach(C_READ);
    wait_until(B_ANSWERED);
    close(fds[2]);
    return unused;
}

int main(int argc, char **argv) {
    static void *(*const serve[])(void *) = {serve_a, serve_b, serve_c};
    static const enum step before[] = {0, A_CLOSED, CLOSED_AGAIN};
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t length = sizeof address;
    pthread_t threads[3];
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    by_spinning = argc > 1 && strcmp(argv[1], "spin") == 0;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listener, (struct sockaddr *)&address, length) || listen(listener, 10)) return 1;
    getsockname(listener, (struct sockaddr *)&address, &length);
    printf("listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
    fflush(stdout);
    for (int i = 0; i < 3; i++) {
        wait_until(before[i]);
        fds[i] = accept(listener, NULL, NULL);
        if (fds[i] != fds[0]) return 1;
        pthread_create(&threads[i], NULL, serve[i], NULL);
    }
    for (int i = 0; i < 3; i++) pthread_join(threads[i], NULL);
    return 0;
}
