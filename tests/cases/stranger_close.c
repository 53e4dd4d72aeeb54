/* Closed by a stranger: a janitor closes connections that have been idle for too long, by a table of numbers. Alice's is in
 * the table although a request is being served on it just now.
 *
 *     broken     the janitor closes Alice's connection under her request
 *     mended     it leaves connections alone on which a request is being served */
#include "case.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

/* The table of connections; turns guard it. */
static struct {
    int fd;
    bool busy; /* a request is being served on it */
} connections[2];

static int listen_somewhere(struct sockaddr_in *address) {
    socklen_t size = sizeof *address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    *address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (fd < 0 || bind(fd, (struct sockaddr *)address, size) || listen(fd, 4) ||
        getsockname(fd, (struct sockaddr *)address, &size)) {
        case_impossible("cannot listen");
    }
    return fd;
}

static int connect_to(const struct sockaddr_in *address) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)address, sizeof *address)) case_impossible("cannot connect");
    return fd;
}

static void get_basket(struct request *request) {
    char page[128];
    reqscope_give(request->client, request->context);
    connections[0].busy = true;
    pass_turn();
    await_turn(3); /* a slow page: the janitor comes by */
    int length = snprintf(page, sizeof page, "%s: 2 x red shoes", request->user);
    bool sent = send(request->client, page, (size_t)length, MSG_NOSIGNAL) == length;
    connections[0].busy = false;
    if (sent) close(request->client); /* else it is closed already */
}

static void *janitor(void *argument) {
    (void)argument;
    await_turn(2);
    reqscope_id job = reqscope_begin("job: close idle connections");
    for (size_t i = 0; i < COUNT(connections); i++) {
        if (!broken() && connections[i].busy) continue; /* the slip: without this line */
        close(connections[i].fd);                       /* CASE: closed here */
    }
    reqscope_end(job);
    pass_turn();
    return NULL;
}

static void read_page(int fd, struct request *request) {
    ssize_t got = read(fd, request->shown, sizeof request->shown - 1);
    request->shown[got > 0 ? got : 0] = 0;
}

int main(int argc, char **argv) {
    case_begin(argc, argv, "broken mended");
    static struct request alice = {.label = "GET /basket?user=alice", .user = "alice", .handle = get_basket};
    struct sockaddr_in address;
    pthread_t cleaning;
    int listener = listen_somewhere(&address), visitor = connect_to(&address);
    alice.client = accept(listener, NULL, NULL); /* CASE: accepted here */
    connections[0].fd = alice.client;
    connect_to(&address); /* another visitor's, which is idle */
    connections[1].fd = accept(listener, NULL, NULL);

    start(&cleaning, janitor, NULL);
    start(&alice.thread, serve_on_thread, &alice);
    pthread_join(alice.thread, NULL);
    pthread_join(cleaning, NULL);
    read_page(visitor, &alice);
    return outcome(&alice, 1);
}
