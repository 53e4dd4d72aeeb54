/* The batching layer: lookups of several requests are gathered, sent to Redis in one write, and each request is given its
 * answer.
 *
 *     broken     whoever comes last sends the batch over a connection of the pool, reads its own answer and puts the
 *                connection back: Alice, whose visitor has gone, is not waiting for hers. Carol finds it.
 *     mended     a batcher of its own, with its own connection, that reads every answer that it asked for */
#include "case.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#define BATCH 2

/* The lookups that wait to be sent; await_turn and pass_turn guard them. */
static struct request *batch[BATCH];
static size_t waiting;

static int pool = -1; /* of one connection */

static int connect_redis(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    address.sin_port = htons((uint16_t)port_of("REDIS_PORT"));
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); /* CASE: opened here */
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address)) case_impossible("no Redis");
    return fd;
}

/* One write for all; returns the length of the answers, each "$LENGTH\r\nTEXT\r\n". */
static size_t send_lookups(int fd, struct request *const *lookups, size_t count) {
    char text[1024];
    size_t length = 0, answers = 0;
    for (size_t i = 0; i < count; i++) {
        length += (size_t)snprintf(text + length, sizeof text - length, "GET basket:%s\r\n", lookups[i]->user);
        answers += strlen("$NN\r\n: 2 x red shoes\r\n") + strlen(lookups[i]->user);
    }
    ssize_t sent = write(fd, text, length); /* CASE: used here */
    if (sent != (ssize_t)length) case_impossible("Redis does not listen");
    return answers;
}

/* A line without its end, and no byte more than that. */
static void read_line(int fd, char *line, size_t size) {
    size_t length = 0;
    while (length < size - 1 && read(fd, line + length, 1) == 1 && line[length] != '\n') length++;
    line[length] = 0;
    line[strcspn(line, "\r")] = 0;
}

static void read_answer(int fd, struct request *lookup) {
    char line[256];
    read_line(fd, line, sizeof line);
    if (line[0] != '$') case_impossible("Redis says something else");
    read_line(fd, line, sizeof line);
    show(lookup, line);
}

/* So that what is found does not depend on when the second answer comes: both are there before the first is read. */
static void await_answers(int fd, size_t length) {
    char answers[1024];
    if (recv(fd, answers, length, MSG_PEEK | MSG_WAITALL) != (ssize_t)length) case_impossible("answers are missing");
}

/* Broken: the batch is sent by the request that comes last, its own lookup first. */
static void send_batch(struct request *request) {
    int fd = pool < 0 ? connect_redis() : pool;
    batch[waiting++] = batch[0];
    batch[0] = request;
    await_answers(fd, send_lookups(fd, batch, waiting));
    read_answer(fd, request);
    pool = fd; /* the slip: the other answers are still to be read */
    waiting = 0;
}

/* Alice comes first and leaves it to the next one to send; Bob sends for both; Carol finds nobody waiting. */
static void get_basket_batched(struct request *request) {
    await_turn(request->number);
    if (request->gone) {
        batch[waiting++] = request;
    } else if (waiting) {
        send_batch(request);
    } else {
        send_lookups(pool, &request, 1);
        read_answer(pool, request);
    }
    pass_turn();
}

/* Mended: a request only queues, and waits. */
static void get_basket(struct request *request) {
    await_turn(request->number);
    batch[waiting++] = request;
    pass_turn();
    await_turn(BATCH + 2);
}

static void *batcher(void *argument) {
    (void)argument;
    reqscope_id context = reqscope_begin("batcher");
    int fd = connect_redis();
    await_turn(BATCH + 1);
    send_lookups(fd, batch, waiting);
    for (size_t i = 0; i < waiting; i++) read_answer(fd, batch[i]);
    pass_turn();
    close(fd);
    reqscope_end(context);
    return NULL;
}

static int play_broken(void) {
    static struct request requests[] = {
        {.label = "GET /basket?user=alice", .user = "alice", .handle = get_basket_batched, .gone = true},
        {.label = "GET /basket?user=bob", .user = "bob", .handle = get_basket_batched},
        {.label = "GET /basket?user=carol", .user = "carol", .handle = get_basket_batched},
    };
    serve_together(requests, COUNT(requests));
    return outcome(requests, COUNT(requests));
}

static int play_mended(void) {
    static struct request requests[BATCH] = {
        {.label = "GET /basket?user=alice", .user = "alice", .handle = get_basket},
        {.label = "GET /basket?user=bob", .user = "bob", .handle = get_basket},
    };
    pthread_t thread;
    start(&thread, batcher, NULL);
    serve_together(requests, COUNT(requests));
    pthread_join(thread, NULL);
    return outcome(requests, COUNT(requests));
}

int main(int argc, char **argv) {
    case_begin(argc, argv, "broken mended");
    return broken() ? play_broken() : play_mended();
}
