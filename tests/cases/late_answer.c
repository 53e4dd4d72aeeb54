/* The late answer: an HTTP client keeps its connection alive. One request's answer takes too long, the request gives up, and
 * its connection goes back to the pool. The answer comes when the next user has asked: it is what that one reads.
 *
 *     broken     Bob is shown Alice's basket
 *     mended     a connection on which an answer is overdue is closed */
#include "case.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

static int pool = -1; /* of one connection */

static int connect_shop(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    address.sin_port = htons((uint16_t)port_of("HTTP_PORT"));
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); /* CASE: opened here */
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address)) case_impossible("no HTTP server");
    return fd;
}

static void ask(int fd, const char *path) {
    char text[256];
    int length = snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: shop\r\n\r\n", path);
    ssize_t sent = send(fd, text, (size_t)length, MSG_NOSIGNAL); /* CASE: used here */
    if (sent != length) case_impossible("no HTTP server");
}

/* False: it has not come within `patience` milliseconds. The server sends an answer in one piece. */
static bool read_answer(int fd, int patience, char *body, size_t size) {
    char text[1024];
    struct pollfd polled = {.fd = fd, .events = POLLIN};
    if (poll(&polled, 1, patience) != 1) return false;
    ssize_t got = recv(fd, text, sizeof text - 1, 0);
    text[got > 0 ? got : 0] = 0;
    const char *end = strstr(text, "\r\n\r\n");
    snprintf(body, size, "%s", end ? end + strlen("\r\n\r\n") : "");
    return true;
}

/* The shop holds its answer for `hold` back until it is told to let it go: a slow page whose slowness is not left to chance. */
static void let_go(void) {
    char path[64], body[256];
    int fd = connect_shop();
    snprintf(path, sizeof path, "/let-go?hold=%d", (int)getpid());
    ask(fd, path);
    read_answer(fd, -1, body, sizeof body);
    close(fd);
}

static void get_basket(struct request *request) {
    char path[64], body[256];
    bool is_held = request->number == 1;
    await_turn(request->number);
    int fd = pool < 0 ? connect_shop() : pool;
    pool = -1;
    snprintf(path, sizeof path, is_held ? "/basket?user=%s&hold=%d" : "/basket?user=%s", request->user, (int)getpid());
    ask(fd, path);
    if (!is_held) let_go();
    bool answered = read_answer(fd, is_held ? 5 : -1, body, sizeof body);
    if (answered) show(request, body);
    if (answered || broken())
        pool = fd; /* the slip, when there was no answer */
    else
        close(fd);
    pass_turn();
}

static struct request requests[] = {
    {.label = "GET /basket?user=alice", .user = "alice", .handle = get_basket, .gone = true},
    {.label = "GET /basket?user=bob", .user = "bob", .handle = get_basket},
};

int main(int argc, char **argv) {
    case_begin(argc, argv, "broken mended");
    serve_together(requests, COUNT(requests));
    return outcome(requests, COUNT(requests));
}
