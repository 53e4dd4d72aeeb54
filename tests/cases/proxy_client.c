/* The forgotten direct use: a server that had one module-level client puts a proxy before it, which picks each request's own.
 * One function still goes to the module-level client, and through it all requests are on one connection again.
 *
 *     broken     count_visit goes past the proxy
 *     mended     everything goes through it */
#include "case.h"

#include <hiredis/hiredis.h>

static redisContext *connect_redis(void) {
    return redisConnect("127.0.0.1", port_of("REDIS_PORT")); /* CASE: opened here */
}

/* The proxy: redis() is the connection of the request that calls it. */
REQSCOPE_LOCAL(redisContext *, redis, connect_redis, redisFree)

/* From before there was the proxy. */
static redisContext *the_client(void) {
    static redisContext *client;
    if (!client) client = connect_redis();
    return client;
}

static void count_visit(const char *user) {
    redisContext *client = broken() ? the_client() : redis();
    freeReplyObject(redisCommand(client, "INCR visits:%s", user)); /* CASE: used here */
}

static void get_basket(struct request *request) {
    await_turn(request->number);
    redisReply *reply = redisCommand(redis(), "GET basket:%s", request->user);
    show(request, reply ? reply->str : NULL);
    freeReplyObject(reply);
    count_visit(request->user);
    pass_turn();
    meet();
}

static struct request requests[] = {
    {.label = "GET /basket?user=alice", .user = "alice", .handle = get_basket},
    {.label = "GET /basket?user=bob", .user = "bob", .handle = get_basket},
};

int main(int argc, char **argv) {
    case_begin(argc, argv, "broken mended");
    serve_together(requests, COUNT(requests));
    return outcome(requests, COUNT(requests));
}
