/* The cancelled command (March 2023, redis-py 4.5: people saw the titles of other people's chats): a request is cancelled
 * after it has sent its command and before it has read the answer. Its connection goes back to the pool with the answer
 * still to come, and every later user is given the answer of the one before.
 *
 *     broken     Alice's visitor goes; Bob is given the connection, and Alice's basket
 *     broken-2   the same, with a pool that was filled at boot
 *     mended     a connection in the middle of an exchange is closed, not put back */
#include "case.h"

#include <hiredis/hiredis.h>

static redisContext *pool; /* of one connection; NULL: lent, or not opened yet */

static redisContext *connect_redis(void) {
    return redisConnect("127.0.0.1", port_of("REDIS_PORT")); /* CASE: opened here */
}

static redisContext *take_connection(void) {
    redisContext *redis = pool ? pool : connect_redis();
    pool = NULL;
    return redis;
}

static void ask(redisContext *redis, const char *user) {
    int done = 0;
    redisAppendCommand(redis, "GET basket:%s", user);
    while (!done && redisBufferWrite(redis, &done) == REDIS_OK) { /* CASE: used here */
    }
}

static void get_basket(struct request *request) {
    await_turn(request->number);
    redisContext *redis = take_connection();
    ask(redis, request->user);
    if (!request->gone) {
        void *reply = NULL;
        redisGetReply(redis, &reply);
        show(request, reply ? ((redisReply *)reply)->str : NULL);
        freeReplyObject(reply);
    }
    if (broken() || !request->gone)
        pool = redis; /* the slip, when it is cancelled */
    else
        redisFree(redis);
    pass_turn();
}

static struct request requests[] = {
    {.label = "GET /basket?user=alice", .user = "alice", .handle = get_basket, .gone = true},
    {.label = "GET /basket?user=bob", .user = "bob", .handle = get_basket},
};

int main(int argc, char **argv) {
    case_begin(argc, argv, "broken broken-2 mended");
    if (form_is("broken-2")) pool = connect_redis();
    serve_together(requests, COUNT(requests));
    return outcome(requests, COUNT(requests));
}
