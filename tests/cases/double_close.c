/* The double close: a handler closes its file twice. Between the two somebody else is given the number, and the second close
 * is of theirs.
 *
 *     broken     the number is Bob's connection by then
 *     broken-2   it is the database file that Bob's request has open
 *     broken-3   nobody has it: nothing happens, this time
 *     mended     the number is forgotten with the first close; Bob has his connection
 *     mended-2   and his file */
#include "case.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

static int alices_number; /* of the file that she closed, which is Bob's next */

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

/* Shows what the baskets' file says of the user. False: it cannot be read. */
static bool show_from_file(int fd, struct request *request) {
    char text[256], *line = NULL;
    ssize_t got = pread(fd, text, sizeof text - 1, 0);
    if (got > 0) {
        text[got] = 0;
        line = strstr(text, request->user);
    }
    if (line) line[strcspn(line, "\n")] = 0;
    show(request, line);
    return line != NULL;
}

static void get_basket_twice_closed(struct request *request) {
    int fd = open(setting("BASKET_FILE"), O_RDONLY | O_CLOEXEC);
    alices_number = fd;
    if (show_from_file(fd, request)) {
        close(fd);
        if (!broken()) fd = -1; /* the slip: without this line */
    }
    pass_turn();
    await_turn(3);          /* what she does besides takes a while: Bob's request comes */
    if (fd >= 0) close(fd); /* CASE: closed again here */
    pass_turn();
}

/* Answers over a connection that is the request's own. */
static void get_basket(struct request *request) {
    char page[128];
    reqscope_give(request->client, request->context);
    pass_turn();
    await_turn(4);
    int length = snprintf(page, sizeof page, "%s: 2 x red shoes", request->user);
    bool sent = send(request->client, page, (size_t)length, MSG_NOSIGNAL) == length;
    if (sent) close(request->client); /* else it is closed already */
}

/* Answers from the file itself. */
static void get_basket_from_file(struct request *request) {
    int fd = open(setting("BASKET_FILE"), O_RDONLY | O_CLOEXEC); /* CASE: opened here */
    if (fd != alices_number) case_impossible("Bob has another number");
    pass_turn();
    await_turn(4);
    if (show_from_file(fd, request)) close(fd); /* else it is closed already */
}

/* Needs no descriptor. */
static void get_basket_from_memory(struct request *request) {
    show(request, "bob: 2 x red shoes");
    pass_turn();
    await_turn(4);
}

static struct request alice = {.label = "GET /basket?user=alice", .user = "alice", .handle = get_basket_twice_closed};
static struct request bob = {.label = "GET /basket?user=bob", .user = "bob", .handle = get_basket};

/* Bob's visitor: what it is sent until the connection ends. */
static void read_page(int fd, struct request *request) {
    ssize_t got = read(fd, request->shown, sizeof request->shown - 1);
    request->shown[got > 0 ? got : 0] = 0;
}

int main(int argc, char **argv) {
    case_begin(argc, argv, "broken broken-2 broken-3 mended mended-2");
    bool file = form_is("broken-2") || form_is("mended-2"), nothing = form_is("broken-3");
    struct sockaddr_in address;
    int listener = listen_somewhere(&address), visitor = connect_to(&address);

    start(&alice.thread, serve_on_thread, &alice);
    await_turn(2);
    if (file || nothing) {
        bob.handle = file ? get_basket_from_file : get_basket_from_memory;
    } else {
        bob.client = accept(listener, NULL, NULL); /* CASE: accepted here */
        if (bob.client != alices_number) case_impossible("Bob has another number");
    }
    start(&bob.thread, serve_on_thread, &bob);
    pthread_join(alice.thread, NULL);
    pthread_join(bob.thread, NULL);
    if (!file && !nothing) read_page(visitor, &bob);
    return outcome(&alice, 1) | outcome(&bob, 1);
}
