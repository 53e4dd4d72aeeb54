/* Scoped by a thread-local: the middleware puts the request's connection into a thread-local variable, handlers take it from
 * there. Threads are a pool's and serve one request after the other: what is not taken out again, the next one finds.
 *
 *     broken     not reset after the handler: Bob is served over Alice's connection
 *     mended     closed and reset */
#include "case.h"

#include <hiredis/hiredis.h>

static _Thread_local redisContext *redis;

static void get_basket(struct request *request) {
    redisReply *reply = redisCommand(redis, "GET basket:%s", request->user); /* CASE: used here */
    show(request, reply ? reply->str : NULL);
    freeReplyObject(reply);
}

/* The middleware. */
static void with_redis(struct request *request) {
    if (!redis) redis = redisConnect("127.0.0.1", port_of("REDIS_PORT")); /* CASE: opened here */
    get_basket(request);
    if (broken()) return; /* the slip */
    redisFree(redis);
    redis = NULL;
}

static struct request requests[] = {
    {.label = "GET /basket?user=alice", .user = "alice", .handle = with_redis},
    {.label = "GET /basket?user=bob", .user = "bob", .handle = with_redis},
};

static void *pool_thread(void *argument) {
    (void)argument;
    serve_in_turn(requests, COUNT(requests));
    return NULL;
}

int main(int argc, char **argv) {
    case_begin(argc, argv, "broken mended");
    pthread_t thread;
    start(&thread, pool_thread, NULL);
    pthread_join(thread, NULL);
    return outcome(requests, COUNT(requests));
}
