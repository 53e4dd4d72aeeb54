/* client: so many requests, each sent when the one before on its connection is answered, and no more.
 *
 *     client http ADDRESS REQUESTS CONNECTIONS keep|close PATH...
 *     client memcached ADDRESS REQUESTS CONNECTIONS keep|close
 *
 * ADDRESS is a port on loopback or a socket's path. Request i asks for path i, in turn. All connections are there before the
 * first request is sent; `close` makes one for each request. "N answers" is the last line when all N were right. */
#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define TIMEOUT 30 /* seconds for which nothing may come */

struct connection {
    int fd;
    size_t at, filled;
    char bytes[65536];
};

static const char *address;
static char **paths;
static long requests, path_count;
static bool keep;
static bool (*exchange)(struct connection *connection, long number, bool last);
static atomic_long next_number, answers;
static pthread_barrier_t all_are_connected;

static bool complain(const char *format, ...) {
    char line[400];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    fprintf(stderr, "%s\n", line);
    return false;
}

static bool connect_to_server(struct connection *connection) {
    struct timeval timeout = {TIMEOUT, 0};
    int one = 1, error;
    connection->at = connection->filled = 0;
    if (strchr(address, '/')) {
        struct sockaddr_un path = {.sun_family = AF_UNIX};
        snprintf(path.sun_path, sizeof path.sun_path, "%s", address);
        connection->fd = socket(AF_UNIX, SOCK_STREAM, 0);
        error = connect(connection->fd, (struct sockaddr *)&path, sizeof path);
    } else {
        struct sockaddr_in port = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(address))};
        port.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        connection->fd = socket(AF_INET, SOCK_STREAM, 0);
        error = connect(connection->fd, (struct sockaddr *)&port, sizeof port);
        setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    }
    setsockopt(connection->fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    return !error || complain("connect: %s", strerror(errno));
}

static bool send_text(struct connection *connection, const char *format, ...) {
    char text[4096];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return send(connection->fd, text, (size_t)length, MSG_NOSIGNAL) == length || complain("send: %s", strerror(errno));
}

/* The next byte, or -1 at the end. */
static int next_byte(struct connection *connection) {
    if (connection->at == connection->filled) {
        /* A server that answers in two pieces waits with the second one until the first is acknowledged. */
        int one = 1;
        setsockopt(connection->fd, IPPROTO_TCP, TCP_QUICKACK, &one, sizeof one);
        ssize_t count = recv(connection->fd, connection->bytes, sizeof connection->bytes, 0);
        if (count < 0) complain("recv: %s", strerror(errno));
        if (count <= 0) return -1;
        connection->at = 0;
        connection->filled = (size_t)count;
    }
    return (unsigned char)connection->bytes[connection->at++];
}

/* A line, without what ends it. */
static bool next_line(struct connection *connection, char *line, size_t size) {
    size_t length = 0;
    int byte;
    while ((byte = next_byte(connection)) >= 0 && byte != '\n') {
        if (length + 1 < size) line[length++] = (char)byte;
    }
    if (length && line[length - 1] == '\r') length--;
    line[length] = '\0';
    return byte >= 0;
}

static bool skip(struct connection *connection, long count) {
    while (count > 0) {
        if (next_byte(connection) < 0) return false;
        size_t taken = connection->filled - connection->at;
        if (taken > (size_t)count - 1) taken = (size_t)count - 1;
        connection->at += taken;
        count -= 1 + (long)taken;
    }
    return true;
}

static bool skip_chunks(struct connection *connection) {
    char line[200];
    long size;
    do {
        if (!next_line(connection, line, sizeof line)) return false;
        size = strtol(line, NULL, 16);
        if (!skip(connection, size) || !next_line(connection, line, sizeof line)) return false;
    } while (size);
    return true;
}

static void disconnect(struct connection *connection) {
    close(connection->fd);
    connection->fd = -1;
}

/* True when the connection may be used again, or was to be closed, and is. */
static bool http(struct connection *connection, long number, bool last) {
    const char *path = paths[number % path_count];
    char line[1000];
    long length = -1;
    bool chunked = false, closes = false;
    if (!send_text(connection, "GET %s HTTP/1.1\r\nHost: server.test\r\n%s\r\n", path,
                   last ? "Connection: close\r\n" : "")) {
        return false;
    }
    if (!next_line(connection, line, sizeof line)) return complain("%s: no answer", path);
    if (strncmp(line, "HTTP/1.", 7) != 0 || strncmp(line + 8, " 200", 4) != 0) return complain("%s: %s", path, line);
    if (line[7] == '0') closes = true;
    while (next_line(connection, line, sizeof line) && *line) {
        for (char *c = line; *c; c++) *c = (char)tolower((unsigned char)*c);
        if (strncmp(line, "content-length:", 15) == 0) length = atol(line + 15);
        if (strncmp(line, "transfer-encoding:", 18) == 0) chunked = strstr(line, "chunked");
        if (strncmp(line, "connection:", 11) == 0) closes = strstr(line, "close");
    }
    if (chunked ? !skip_chunks(connection) : !skip(connection, length)) return complain("%s: half an answer", path);
    if (last || closes || (!chunked && length < 0)) {
        while (next_byte(connection) >= 0) { /* until the server has closed it */
        }
        disconnect(connection);
    }
    return true;
}

static bool memcached_set(struct connection *connection, long number) {
    char line[1000];
    return send_text(connection, "set key%ld 0 0 10\r\n0123456789\r\n", number % 100) &&
           next_line(connection, line, sizeof line) && (!strcmp(line, "STORED") || complain("set: %s", line));
}

static bool memcached_get(struct connection *connection, long number) {
    char line[1000];
    if (!send_text(connection, "get key%ld\r\n", number % 100)) return false;
    do {
        if (!next_line(connection, line, sizeof line)) return complain("get: no answer");
    } while (strcmp(line, "END") != 0 && strcmp(line, "ERROR") != 0);
    return !strcmp(line, "END") || complain("get: %s", line);
}

static bool memcached(struct connection *connection, long number, bool last) {
    if (!(number % 2 ? memcached_get : memcached_set)(connection, number)) return false;
    if (last) disconnect(connection);
    return true;
}

static void *work(void *unused) {
    struct connection *connection = malloc(sizeof *connection);
    long number;
    (void)unused;
    connection->fd = -1;
    bool connected = keep && connect_to_server(connection);
    pthread_barrier_wait(&all_are_connected);
    while ((!keep || connected) && (number = atomic_fetch_add(&next_number, 1)) < requests) {
        if (connection->fd < 0 && !connect_to_server(connection)) break;
        if (!exchange(connection, number, !keep)) break;
        atomic_fetch_add(&answers, 1);
    }
    if (connection->fd >= 0) close(connection->fd);
    free(connection);
    return NULL;
}

int main(int argc, char **argv) {
    if (argc < 6 || (strcmp(argv[1], "http") == 0 && argc < 7)) return 2;
    exchange = strcmp(argv[1], "http") == 0 ? http : memcached;
    address = argv[2];
    requests = atol(argv[3]);
    int connections = atoi(argv[4]);
    keep = strcmp(argv[5], "keep") == 0;
    paths = argv + 6;
    path_count = argc - 6;

    pthread_t *threads = calloc((size_t)connections, sizeof *threads);
    pthread_barrier_init(&all_are_connected, NULL, (unsigned)connections);
    for (int i = 0; i < connections; i++) pthread_create(&threads[i], NULL, work, NULL);
    for (int i = 0; i < connections; i++) pthread_join(threads[i], NULL);
    free(threads);
    printf("%ld answers\n", answers);
    return answers != requests;
}
