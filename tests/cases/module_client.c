/* The module-level client: one connection to Redis, opened by whichever request comes first and used by all. It works for as
 * long as requests come one at a time. When one sends before another has read, each may be given the other's answer.
 *
 *     broken     the requests take turns, whole exchanges: everybody is served right, by luck
 *     broken-2   Bob asks while Alice's answer is still to come, and is shown Alice's basket
 *     mended     a connection for each request */
#include "case.h"

#include <hiredis/hiredis.h>

static redisContext *client; /* the slip */

static redisContext *connect_redis(void) {
    return redisConnect("127.0.0.1", port_of("REDIS_PORT")); /* CASE: opened here */
}

static redisContext *shared_client(void) {
    if (!client) client = connect_redis();
    return client;
}

static void get_basket(struct request *request) {
    await_turn(request->number);
    redisContext *redis = broken() ? shared_client() : connect_redis();
    redisReply *reply = redisCommand(redis, "GET basket:%s", request->user); /* CASE: used here */
    show(request, reply ? reply->str : NULL);
    freeReplyObject(reply);
    pass_turn();
    meet();
    if (!broken()) redisFree(redis);
}

/* Asks, and has something else to do before it reads: meanwhile its visitor goes. */
static void get_basket_later(struct request *request) {
    int done = 0;
    await_turn(request->number);
    redisAppendCommand(shared_client(), "GET basket:%s", request->user);
    while (!done && redisBufferWrite(client, &done) == REDIS_OK) {
    }
    pass_turn();
    meet();
}

static struct request requests[] = {
    {.label = "GET /basket?user=alice", .user = "alice", .handle = get_basket},
    {.label = "GET /basket?user=bob", .user = "bob", .handle = get_basket},
};

int main(int argc, char **argv) {
    case_begin(argc, argv, "broken broken-2 mended");
    if (form_is("broken-2")) {
        requests[0].handle = get_basket_later;
        requests[0].gone = true;
    }
    serve_together(requests, COUNT(requests));
    return outcome(requests, COUNT(requests));
}
