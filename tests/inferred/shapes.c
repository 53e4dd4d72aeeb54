/* shapes: a small HTTP server in each of the forms that servers in C have. One form is one word:
 *
 *     fork                a process for each connection, which leaves a file open to its end
 *     inetd               the same, which executes a program that has the connection as its standard input
 *     prefork             three processes that accept, each with one connection at a time
 *     thread              a thread for each connection
 *     queue               threads that take accepted connections from a queue, woken by a condition variable
 *     level edge          one thread with epoll, level-triggered (knows the fd) or edge-triggered (a pointer)
 *     oneshot             four threads that wait on one epoll, EPOLLONESHOT
 *     exclusive           three processes that wait for one listening socket, EPOLLEXCLUSIVE, and for their connections
 *     reuseport           the same, each with a listening socket of its own
 *     poll select         one thread
 *     late                one thread with epoll that first reads from all that are ready, and then answers them
 *     threadread          one thread with epoll; another one reads and answers what it is told to, by a queue and a pipe
 *     pass                one process accepts, and sends the connections to two others (SCM_RIGHTS)
 *     linger              threads that answer one request, say that no more will be answered, and throw away what comes still; of
 *                         two connections the second one's thread closes both
 *
 *     shapes FORM PATH    it listens on a UNIX socket; with no PATH on two free ports of loopback, "listening on 127.0.0.1:PORT"
 *
 * It answers GET and POST with the path, opens a file of its own for each request, understands pipelines,
 * `Expect: 100-continue` and an upgrade, after which it sends back what comes. It runs until it is ended by SIGTERM. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define CONNECTIONS 1000
#define LISTENERS 2

struct connection {
    int fd;
    bool upgraded, continued;
    size_t filled;
    char bytes[70000];
};

static int listeners[LISTENERS], listener_count;
static const char *path_of_socket;
static struct connection *connections[CONNECTIONS]; /* by fd */

static void die(const char *what) {
    perror(what);
    exit(1);
}

/* ---- one connection: the same in all forms */

static struct connection *connection_new(int fd) {
    struct connection *connection = calloc(1, sizeof *connection);
    if (!connection || fd >= CONNECTIONS) die("too many connections");
    connection->fd = fd;
    connections[fd] = connection;
    return connection;
}

static void connection_close(struct connection *connection) {
    connections[connection->fd] = NULL;
    close(connection->fd);
    free(connection);
}

static bool send_all(int fd, const char *bytes, size_t count) {
    while (count) {
        ssize_t sent = send(fd, bytes, count, MSG_NOSIGNAL);
        if (sent < 0 && errno == EAGAIN) {
            poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, -1);
            continue;
        }
        if (sent < 0) return false;
        bytes += sent;
        count -= (size_t)sent;
    }
    return true;
}

static bool keeps_a_file; /* the process's first request opens one for the rest of its life */

/* What a request does for itself. */
static void work(void) {
    if (keeps_a_file && open("/dev/null", O_RDONLY) >= 0) keeps_a_file = false;
    char bytes[100];
    int file = open("/proc/self/comm", O_RDONLY | O_CLOEXEC);
    if (file < 0 || read(file, bytes, sizeof bytes) < 0) die("/proc/self/comm");
    close(file);
}

static const char *header(const char *head, const char *name) {
    const char *line = strcasestr(head, name);
    return line ? line + strlen(name) : NULL;
}

/* Answers the request that the bytes begin with, if it is whole: returns its length; 0: it is not; -1: the connection is to end. */
static long answer_one(struct connection *connection) {
    char head[4096], answer[1000], path[500], *end;
    const char *value;
    end = memmem(connection->bytes, connection->filled, "\r\n\r\n", 4);
    if (!end) return 0;
    size_t length = (size_t)(end - connection->bytes) + 4;
    if (length >= sizeof head) return -1;
    memcpy(head, connection->bytes, length);
    head[length] = '\0';
    if (sscanf(head, "%*s %499s", path) != 1) return -1;
    if ((value = header(head, "\r\nContent-Length:"))) {
        size_t body = (size_t)atol(value);
        if (connection->filled < length + body && header(head, "\r\nExpect:") && !connection->continued) {
            connection->continued = true;
            if (!send_all(connection->fd, "HTTP/1.1 100 Continue\r\n\r\n", 25)) return -1;
        }
        if (length + body > sizeof connection->bytes) return -1;
        if (connection->filled < length + body) return 0;
        length += body;
    }
    connection->continued = false;
    work();
    if (header(head, "\r\nUpgrade:")) {
        connection->upgraded = true;
        snprintf(answer, sizeof answer, "HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n");
    } else {
        bool closes = header(head, "\r\nConnection: close");
        snprintf(answer, sizeof answer, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n%s\r\n%s", strlen(path),
                 closes ? "Connection: close\r\n" : "", path);
        if (closes) {
            send_all(connection->fd, answer, strlen(answer));
            return -1;
        }
    }
    return send_all(connection->fd, answer, strlen(answer)) ? (long)length : -1;
}

/* Answers what there is of whole requests. False: the connection is to end. */
static bool answer_all(struct connection *connection) {
    long length;
    if (connection->upgraded) {
        size_t filled = connection->filled;
        connection->filled = 0;
        return send_all(connection->fd, connection->bytes, filled);
    }
    while ((length = answer_one(connection)) > 0) {
        connection->filled -= (size_t)length;
        memmove(connection->bytes, connection->bytes + length, connection->filled);
        if (connection->upgraded) break;
    }
    return length >= 0;
}

enum got { GOT_BYTES, GOT_NOTHING, GOT_END };

static enum got read_some(struct connection *connection) {
    size_t room = sizeof connection->bytes - connection->filled;
    ssize_t count = room ? read(connection->fd, connection->bytes + connection->filled, room) : 0;
    if (count < 0 && errno == EAGAIN) return GOT_NOTHING;
    if (count <= 0) return GOT_END;
    connection->filled += (size_t)count;
    return GOT_BYTES;
}

/* Once, as of a level-triggered wait. False: it has ended. */
static bool serve_once(struct connection *connection) {
    enum got got = read_some(connection);
    if (got == GOT_NOTHING || (got == GOT_BYTES && answer_all(connection))) return true;
    connection_close(connection);
    return false;
}

/* A blocking one, to its end. A non-blocking one, until there is nothing more. */
static bool serve(struct connection *connection) {
    enum got got;
    while ((got = read_some(connection)) == GOT_BYTES) {
        if (!answer_all(connection)) break;
    }
    if (got == GOT_NOTHING) return true;
    connection_close(connection);
    return false;
}

/* ---- listening */

static int accept_one(int listener, int flags) {
    int fd = accept4(listener, NULL, NULL, flags | SOCK_CLOEXEC);
    if (fd < 0 && errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) die("accept4");
    return fd;
}

static bool is_listener(int fd) {
    for (int i = 0; i < listener_count; i++) {
        if (listeners[i] == fd) return true;
    }
    return false;
}

static int listen_on_port(uint16_t port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    socklen_t length = sizeof address;
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&address, length) || listen(fd, 512)) die("listen");
    return fd;
}

static void start_listening(void) {
    if (path_of_socket) {
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        snprintf(address.sun_path, sizeof address.sun_path, "%s", path_of_socket);
        listeners[0] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (bind(listeners[0], (struct sockaddr *)&address, sizeof address) || listen(listeners[0], 512)) die("listen");
        listener_count = 1;
        return;
    }
    for (listener_count = 0; listener_count < LISTENERS; listener_count++)
        listeners[listener_count] = listen_on_port(0);
}

static uint16_t port_of(int listener) {
    struct sockaddr_in address = {0};
    socklen_t length = sizeof address;
    getsockname(listener, (struct sockaddr *)&address, &length);
    return ntohs(address.sin_port);
}

static void say_ready(void) {
    for (int i = 0; i < listener_count && !path_of_socket; i++)
        printf("listening on 127.0.0.1:%d\n", port_of(listeners[i]));
    printf("ready\n");
    fflush(stdout);
}

static void do_not_block(int fd) {
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

/* What blocks accepts on the first listening socket only. */
static int accept_blocking(void) {
    int fd;
    while ((fd = accept_one(listeners[0], 0)) < 0) {
    }
    return fd;
}

/* ---- the forms */

static void run_forked(void) {
    keeps_a_file = true;
    signal(SIGCHLD, SIG_IGN);
    while (true) {
        int fd = accept_blocking();
        if (fork() == 0) {
            serve(connection_new(fd));
            _exit(0);
        }
        close(fd);
    }
}

static void run_inetd(void) {
    signal(SIGCHLD, SIG_IGN);
    while (true) {
        int fd = accept_blocking();
        if (fork() == 0) {
            dup2(fd, STDIN_FILENO);
            close(fd);
            execl("/proc/self/exe", "shapes", "stdin", (char *)NULL);
            _exit(1);
        }
        close(fd);
    }
}

static void *serve_in_thread(void *connection) {
    serve(connection);
    return NULL;
}

/* A process of several says so when it can be connected to. */
static int started[2];

static void say_started(void) {
    if (write(started[1], "x", 1) != 1) die("write");
}

static void run_one_at_a_time(void) {
    say_started();
    while (true) serve(connection_new(accept_blocking()));
}

static void run_threaded(void) {
    while (true) {
        pthread_t thread;
        pthread_create(&thread, NULL, serve_in_thread, connection_new(accept_blocking()));
        pthread_detach(thread);
    }
}

/* What is to be done, in order. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t filled;
    struct connection *items[4096];
    unsigned first, end;
} queue = {.lock = PTHREAD_MUTEX_INITIALIZER, .filled = PTHREAD_COND_INITIALIZER};

static void queue_put(struct connection *connection) {
    pthread_mutex_lock(&queue.lock);
    queue.items[queue.end++ % 4096] = connection;
    pthread_cond_signal(&queue.filled);
    pthread_mutex_unlock(&queue.lock);
}

static struct connection *queue_take(void) {
    pthread_mutex_lock(&queue.lock);
    while (queue.first == queue.end) pthread_cond_wait(&queue.filled, &queue.lock);
    struct connection *connection = queue.items[queue.first++ % 4096];
    pthread_mutex_unlock(&queue.lock);
    return connection;
}

static void *serve_from_queue(void *unused) {
    (void)unused;
    while (true) serve(queue_take());
    return NULL;
}

static void start_threads(void *(*function)(void *), int count) {
    pthread_t thread;
    for (int i = 0; i < count; i++) pthread_create(&thread, NULL, function, NULL);
}

/* (As many as there are connections: a kept one has a thread to itself.) */
static void run_queue(void) {
    start_threads(serve_from_queue, 60);
    while (true) queue_put(connection_new(accept_blocking()));
}

/* What an epoll knows of a connection: a pointer to it, or its fd. */
static void watch(int epoll, int operation, uint32_t events, struct connection *connection, bool by_fd) {
    struct epoll_event event = {.events = events};
    if (by_fd) {
        event.data.fd = connection->fd;
    } else {
        event.data.ptr = connection;
    }
    if (epoll_ctl(epoll, operation, connection->fd, &event)) die("epoll_ctl");
}

/* (A listening socket is known by a connection that has nothing but the fd.) */
static void watch_listeners(int epoll, uint32_t events, bool by_fd) {
    static struct connection known[LISTENERS];
    for (int i = 0; i < listener_count; i++) {
        do_not_block(listeners[i]);
        known[i].fd = listeners[i];
        watch(epoll, EPOLL_CTL_ADD, EPOLLIN | events, &known[i], by_fd);
    }
}

static void accept_all(int epoll, int listener, uint32_t events, bool by_fd) {
    int fd;
    while ((fd = accept_one(listener, SOCK_NONBLOCK)) >= 0) {
        watch(epoll, EPOLL_CTL_ADD, EPOLLIN | events, connection_new(fd), by_fd);
    }
}

static struct connection *known_to_event(const struct epoll_event *event, bool by_fd) {
    return by_fd ? connections[event->data.fd] : event->data.ptr;
}

static void run_epoll(uint32_t events, uint32_t listener_events, bool by_fd) {
    struct epoll_event ready[64];
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    watch_listeners(epoll, listener_events, by_fd);
    while (true) {
        int count = epoll_wait(epoll, ready, 64, -1);
        for (int i = 0; i < count; i++) {
            struct connection *connection = known_to_event(&ready[i], by_fd);
            int fd = by_fd ? ready[i].data.fd : connection->fd;
            if (is_listener(fd)) {
                accept_all(epoll, fd, events, by_fd);
            } else if (events & EPOLLET) {
                serve(connection);
            } else {
                serve_once(connection);
            }
        }
    }
}

static int shared_epoll;

static void *serve_shared_epoll(void *unused) {
    struct epoll_event ready[8];
    (void)unused;
    while (true) {
        int count = epoll_wait(shared_epoll, ready, 8, -1);
        for (int i = 0; i < count; i++) {
            struct connection *connection = ready[i].data.ptr;
            if (is_listener(connection->fd)) {
                accept_all(shared_epoll, connection->fd, EPOLLONESHOT, false);
                watch(shared_epoll, EPOLL_CTL_MOD, EPOLLIN | EPOLLONESHOT, connection, false);
            } else if (serve_once(connection)) {
                watch(shared_epoll, EPOLL_CTL_MOD, EPOLLIN | EPOLLONESHOT, connection, false);
            }
        }
    }
    return NULL;
}

static void run_oneshot(void) {
    shared_epoll = epoll_create1(EPOLL_CLOEXEC);
    watch_listeners(shared_epoll, EPOLLONESHOT, false);
    start_threads(serve_shared_epoll, 3);
    serve_shared_epoll(NULL);
}

static void accept_all_for_loop(int listener) {
    int fd;
    while ((fd = accept_one(listener, SOCK_NONBLOCK)) >= 0) connection_new(fd);
}

static void run_poll(void) {
    struct pollfd waited[CONNECTIONS];
    for (int i = 0; i < listener_count; i++) do_not_block(listeners[i]);
    while (true) {
        nfds_t count = 0;
        for (int i = 0; i < listener_count; i++)
            waited[count++] = (struct pollfd){.fd = listeners[i], .events = POLLIN};
        for (int fd = 0; fd < CONNECTIONS; fd++) {
            if (connections[fd]) waited[count++] = (struct pollfd){.fd = fd, .events = POLLIN};
        }
        if (poll(waited, count, -1) < 0) die("poll");
        for (nfds_t i = 0; i < count; i++) {
            if (!waited[i].revents) continue;
            if (is_listener(waited[i].fd)) {
                accept_all_for_loop(waited[i].fd);
            } else {
                serve_once(connections[waited[i].fd]);
            }
        }
    }
}

static void run_select(void) {
    for (int i = 0; i < listener_count; i++) do_not_block(listeners[i]);
    while (true) {
        fd_set waited;
        FD_ZERO(&waited);
        for (int fd = 0; fd < CONNECTIONS; fd++) {
            if (connections[fd] || is_listener(fd)) FD_SET(fd, &waited);
        }
        if (select(CONNECTIONS, &waited, NULL, NULL, NULL) < 0) die("select");
        for (int fd = 0; fd < CONNECTIONS; fd++) {
            if (!FD_ISSET(fd, &waited)) continue;
            if (is_listener(fd)) {
                accept_all_for_loop(fd);
            } else {
                serve_once(connections[fd]);
            }
        }
    }
}

static void run_late(void) {
    struct epoll_event ready[64];
    struct connection *read_from[64];
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    watch_listeners(epoll, 0, false);
    while (true) {
        int count = epoll_wait(epoll, ready, 64, -1), reads = 0;
        for (int i = 0; i < count; i++) {
            struct connection *connection = ready[i].data.ptr;
            if (is_listener(connection->fd)) {
                accept_all(epoll, connection->fd, 0, false);
            } else if (read_some(connection) == GOT_BYTES) {
                read_from[reads++] = connection;
            } else {
                connection_close(connection);
            }
        }
        for (int i = 0; i < reads; i++) {
            if (!answer_all(read_from[i])) connection_close(read_from[i]);
        }
    }
}

/* The other thread says by a byte in the pipe which connection is to be waited for again. */
static int again[2];

static void *serve_and_give_back(void *unused) {
    (void)unused;
    while (true) {
        struct connection *connection = queue_take();
        if (serve_once(connection) && write(again[1], &connection, sizeof connection) < 0) die("write");
    }
    return NULL;
}

static void run_threadread(void) {
    struct epoll_event ready[64];
    struct connection pipe_end = {.fd = -1}, *back;
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    if (pipe2(again, O_CLOEXEC)) die("pipe2");
    pipe_end.fd = again[0];
    watch(epoll, EPOLL_CTL_ADD, EPOLLIN, &pipe_end, false);
    watch_listeners(epoll, 0, false);
    start_threads(serve_and_give_back, 3);
    while (true) {
        int count = epoll_wait(epoll, ready, 64, -1);
        for (int i = 0; i < count; i++) {
            struct connection *connection = ready[i].data.ptr;
            if (is_listener(connection->fd)) {
                accept_all(epoll, connection->fd, EPOLLONESHOT, false);
            } else if (connection != &pipe_end) {
                queue_put(connection);
            } else if (read(again[0], &back, sizeof back) == sizeof back) {
                watch(epoll, EPOLL_CTL_MOD, EPOLLIN | EPOLLONESHOT, back, false);
            }
        }
    }
}

static void send_fd(int channel, int fd) {
    char byte = 'x', space[CMSG_SPACE(sizeof fd)] = {0};
    struct iovec part = {&byte, 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof space};
    struct cmsghdr *control = CMSG_FIRSTHDR(&message);
    control->cmsg_level = SOL_SOCKET;
    control->cmsg_type = SCM_RIGHTS;
    control->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(control), &fd, sizeof fd);
    if (sendmsg(channel, &message, 0) != 1) die("sendmsg");
}

static int receive_fd(int channel) {
    int fd = -1;
    char byte, space[CMSG_SPACE(sizeof fd)];
    struct iovec part = {&byte, 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof space};
    const struct cmsghdr *control;
    if (recvmsg(channel, &message, MSG_CMSG_CLOEXEC) == 1 && (control = CMSG_FIRSTHDR(&message))) {
        memcpy(&fd, CMSG_DATA(control), sizeof fd);
    }
    return fd;
}

/* The connections that are passed on are served by threads, one each. */
static void serve_passed(int channel) {
    int fd;
    while ((fd = receive_fd(channel)) >= 0) {
        pthread_t thread;
        pthread_create(&thread, NULL, serve_in_thread, connection_new(fd));
        pthread_detach(thread);
    }
}

static void *answer_and_linger(void *served) {
    struct connection *connection = served;
    if (read_some(connection) != GOT_BYTES || !answer_all(connection)) return NULL;
    shutdown(connection->fd, SHUT_WR);
    read_some(connection);
    return NULL;
}

static void *answer_and_close_both(void *pair) {
    struct connection **both = pair;
    answer_and_linger(both[1]);
    connection_close(both[0]);
    connection_close(both[1]);
    return NULL;
}

static void run_linger(void) {
    struct connection *both[2];
    pthread_t thread;
    while (true) {
        both[0] = connection_new(accept_blocking());
        pthread_create(&thread, NULL, answer_and_linger, both[0]);
        pthread_join(thread, NULL);
        both[1] = connection_new(accept_blocking());
        pthread_create(&thread, NULL, answer_and_close_both, both);
        pthread_join(thread, NULL);
    }
}

static pid_t fork_worker(void) {
    pid_t parent = getpid(), pid = fork();
    if (pid < 0) die("fork");
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        if (getppid() != parent) _exit(1);
    }
    return pid;
}

static void run_pass(void) {
    int channels[2][2];
    for (int i = 0; i < 2; i++) {
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channels[i])) die("socketpair");
        if (fork_worker() == 0) {
            close(channels[i][0]);
            serve_passed(channels[i][1]);
            exit(0);
        }
        close(channels[i][1]);
    }
    for (int turn = 0;; turn = !turn) {
        int fd = accept_blocking();
        send_fd(channels[turn][0], fd);
        close(fd);
    }
}

static void run_exclusive(void) {
    say_started();
    run_epoll(0, EPOLLEXCLUSIVE, false);
}

/* (Its own listening sockets, on the same ports.) */
static void run_reuseport(void) {
    for (int i = 0; i < listener_count; i++) {
        uint16_t port = port_of(listeners[i]);
        close(listeners[i]);
        listeners[i] = listen_on_port(port);
    }
    say_started();
    run_epoll(0, 0, true);
}

static void run_in_processes(void (*function)(void), int count) {
    char byte;
    if (pipe2(started, O_CLOEXEC)) die("pipe2");
    for (int i = 0; i < count; i++) {
        if (fork_worker() == 0) {
            function();
            exit(1);
        }
    }
    for (int i = 0; i < count; i++) {
        if (read(started[0], &byte, 1) != 1) die("read");
    }
    say_ready();
    for (int i = 0; i < listener_count; i++) close(listeners[i]);
    while (wait(NULL) > 0) {
    }
}

static void run_level(void) {
    run_epoll(0, 0, true);
}

static void run_edge(void) {
    run_epoll(EPOLLET, 0, false);
}

static const struct form {
    const char *name;
    void (*run)(void);
    int processes; /* 0: the one that is there */
} forms[] = {
    {"fork", run_forked, 0},           {"prefork", run_one_at_a_time, 3},
    {"thread", run_threaded, 0},       {"queue", run_queue, 0},
    {"level", run_level, 0},           {"edge", run_edge, 0},
    {"oneshot", run_oneshot, 0},       {"exclusive", run_exclusive, 3},
    {"reuseport", run_reuseport, 3},   {"poll", run_poll, 0},
    {"select", run_select, 0},         {"late", run_late, 0},
    {"threadread", run_threadread, 0}, {"pass", run_pass, 0},
    {"linger", run_linger, 0},         {"inetd", run_inetd, 0},
};

static void end(int signal_number) {
    (void)signal_number;
    _exit(0);
}

int main(int argc, char **argv) {
    path_of_socket = argc > 2 ? argv[2] : NULL;
    signal(SIGTERM, end);
    if (argc > 1 && !strcmp(argv[1], "stdin")) return !serve(connection_new(STDIN_FILENO));
    for (size_t i = 0; argc > 1 && i < sizeof forms / sizeof *forms; i++) {
        if (strcmp(forms[i].name, argv[1]) != 0) continue;
        start_listening();
        if (forms[i].processes) {
            run_in_processes(forms[i].run, forms[i].processes);
        } else {
            say_ready();
            forms[i].run();
        }
        return 1;
    }
    fprintf(stderr, "usage: shapes FORM [PATH]\n");
    return 2;
}
