/* Scoped by a runtime: each request makes a whole runtime for itself, with configuration, clients and caches, and throws it
 * away at its end.
 *
 *     broken     one cache inside, that of connections by address, is static: it is the process's, not the runtime's
 *     mended     it is the runtime's */
#include "case.h"

#include <hiredis/hiredis.h>

struct cache {
    char address[64];
    redisContext *redis;
};

struct runtime {
    const char *host;
    int port;
    struct cache connections;
};

static redisContext *runtime_redis(struct runtime *runtime) {
    static struct cache of_process;
    struct cache *cache = broken() ? &of_process : &runtime->connections; /* the slip: of_process */
    char address[64];
    snprintf(address, sizeof address, "%s:%d", runtime->host, runtime->port);
    if (strcmp(cache->address, address) != 0) {
        snprintf(cache->address, sizeof cache->address, "%s", address);
        cache->redis = redisConnect(runtime->host, runtime->port); /* CASE: opened here */
    }
    return cache->redis;
}

static void get_basket(struct runtime *runtime, struct request *request) {
    redisReply *reply = redisCommand(runtime_redis(runtime), "GET basket:%s", request->user); /* CASE: used here */
    show(request, reply ? reply->str : NULL);
    freeReplyObject(reply);
}

static void with_runtime(struct request *request) {
    struct runtime runtime = {.host = "127.0.0.1", .port = port_of("REDIS_PORT")};
    await_turn(request->number);
    get_basket(&runtime, request);
    pass_turn();
    meet();
    redisFree(runtime.connections.redis);
}

static struct request requests[] = {
    {.label = "GET /basket?user=alice", .user = "alice", .handle = with_runtime},
    {.label = "GET /basket?user=bob", .user = "bob", .handle = with_runtime},
};

int main(int argc, char **argv) {
    case_begin(argc, argv, "broken mended");
    serve_together(requests, COUNT(requests));
    return outcome(requests, COUNT(requests));
}
