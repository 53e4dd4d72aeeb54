/* Scoped by a layer: each request builds a layer with what it needs, its connection among that, and runs its handler on it.
 *
 *     broken     the route's handler is made when the first request comes, and keeps the layer that was at hand then: Bob's
 *                request builds a layer of its own and runs on Alice's
 *     mended     a handler for each request, on its own layer */
#include "case.h"

#include <hiredis/hiredis.h>

struct layer {
    redisContext *redis;
};

struct handler {
    const struct layer *layer;
};

static struct handler basket_route; /* made at the first request */

static void get_basket(const struct handler *handler, struct request *request) {
    redisReply *reply = redisCommand(handler->layer->redis, "GET basket:%s", request->user); /* CASE: used here */
    show(request, reply ? reply->str : NULL);
    freeReplyObject(reply);
}

static struct layer *build_layer(void) {
    struct layer *layer = malloc(sizeof *layer);
    if (!layer) abort();
    layer->redis = redisConnect("127.0.0.1", port_of("REDIS_PORT")); /* CASE: opened here */
    return layer;
}

static void with_layer(struct request *request) {
    struct layer *layer = build_layer();
    struct handler own = {layer};
    await_turn(request->number);
    if (!basket_route.layer) basket_route = own;
    get_basket(broken() ? &basket_route : &own, request); /* the slip: basket_route */
    pass_turn();
    meet();
    redisFree(layer->redis);
    free(layer);
}

static struct request requests[] = {
    {.label = "GET /basket?user=alice", .user = "alice", .handle = with_layer},
    {.label = "GET /basket?user=bob", .user = "bob", .handle = with_layer},
};

int main(int argc, char **argv) {
    case_begin(argc, argv, "broken mended");
    serve_together(requests, COUNT(requests));
    return outcome(requests, COUNT(requests));
}
