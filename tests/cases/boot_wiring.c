/* Built once: the wiring says "a layer for each request", but what it hands out is one that was built before, with one
 * connection inside. Each request believes that it has its own.
 *
 *     broken     built at boot, in no request
 *     broken-2   built by the first request
 *     mended     the middleware builds one for each request */
#include "case.h"

#include <hiredis/hiredis.h>

struct layer {
    redisContext *redis;
};

static struct layer built; /* the slip */

static struct layer build_layer(void) {
    return (struct layer){redisConnect("127.0.0.1", port_of("REDIS_PORT"))}; /* CASE: opened here */
}

static struct layer layer_of_request(void) {
    if (!broken()) return build_layer();
    if (!built.redis) built = build_layer();
    return built;
}

/* The middleware and its handler. */
static void get_basket(struct request *request) {
    await_turn(request->number);
    struct layer layer = layer_of_request();
    redisReply *reply = redisCommand(layer.redis, "GET basket:%s", request->user); /* CASE: used here */
    show(request, reply ? reply->str : NULL);
    freeReplyObject(reply);
    pass_turn();
    meet();
    if (!broken()) redisFree(layer.redis);
}

static struct request requests[] = {
    {.label = "GET /basket?user=alice", .user = "alice", .handle = get_basket},
    {.label = "GET /basket?user=bob", .user = "bob", .handle = get_basket},
};

int main(int argc, char **argv) {
    case_begin(argc, argv, "broken broken-2 mended");
    if (form_is("broken")) built = build_layer();
    serve_together(requests, COUNT(requests));
    return outcome(requests, COUNT(requests));
}
