/* Scoped by acquire, use, release.
 *
 *     broken     an early return skips the release, and nobody ever uses the connection again: it leaks
 *     broken-2   instead of being released it is kept for the next request, which uses it while it is still Alice's
 *     mended     released on every way out */
#include "case.h"

#include <hiredis/hiredis.h>

static redisContext *kept;

static redisContext *acquire(void) {
    if (kept) return kept;
    return redisConnect("127.0.0.1", port_of("REDIS_PORT")); /* CASE: opened here */
}

static void release(redisContext *redis) {
    if (form_is("broken-2"))
        kept = redis; /* the slip */
    else
        redisFree(redis);
}

static void show_basket(redisContext *redis, struct request *request) {
    redisReply *reply = redisCommand(redis, "GET basket:%s", request->user); /* CASE: used here */
    show(request, reply ? reply->str : NULL);
    freeReplyObject(reply);
}

static void get_basket(struct request *request) {
    await_turn(request->number);
    redisContext *redis = acquire();
    show_basket(redis, request);
    if (form_is("broken") && strcmp(request->user, "alice") == 0) { /* the slip: nothing more to do for Alice */
        pass_turn();
        meet();
        return;
    }
    freeReplyObject(redisCommand(redis, "INCR visits:%s", request->user)); /* CASE: used again here */
    release(redis);
    pass_turn();
    meet();
}

static struct request requests[] = {
    {.label = "GET /basket?user=alice", .user = "alice", .handle = get_basket},
    {.label = "GET /basket?user=bob", .user = "bob", .handle = get_basket},
};

int main(int argc, char **argv) {
    case_begin(argc, argv, "broken broken-2 mended");
    serve_together(requests, COUNT(requests));
    return outcome(requests, COUNT(requests));
}
