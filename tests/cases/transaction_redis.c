/* A transaction in turns, Redis: two requests share a connection command by command. Bob's command falls between Alice's
 * MULTI and EXEC: it is queued for her transaction, and all that Bob is told is "QUEUED".
 *
 *     broken     Bob's command comes inside Alice's transaction
 *     mended     after its end */
#include "case.h"

#include <hiredis/hiredis.h>

static redisContext *client;

static redisContext *connect_redis(void) {
    return redisConnect("127.0.0.1", port_of("REDIS_PORT")); /* CASE: opened here */
}

static void get_basket(struct request *request) {
    await_turn(2);
    redisReply *reply = redisCommand(client, "GET basket:%s", request->user); /* CASE: used here */
    show(request, reply ? reply->str : NULL);
    freeReplyObject(reply);
    pass_turn();
    meet();
}

/* Two visits are counted at once, and the basket read along with them. */
static void post_visits(struct request *request) {
    client = connect_redis();
    freeReplyObject(redisCommand(client, "MULTI"));
    freeReplyObject(redisCommand(client, "INCR visits:%s", request->user));
    freeReplyObject(redisCommand(client, "GET basket:%s", request->user));
    if (broken()) { /* the slip: whoever has the turn has the connection */
        pass_turn();
        await_turn(3);
    }
    redisReply *reply = redisCommand(client, "EXEC");
    show(request, reply && reply->elements > 1 ? reply->element[1]->str : NULL);
    freeReplyObject(reply);
    if (!broken()) pass_turn();
    meet();
}

static struct request requests[] = {
    {.label = "POST /visits?user=alice", .user = "alice", .handle = post_visits},
    {.label = "GET /basket?user=bob", .user = "bob", .handle = get_basket},
};

int main(int argc, char **argv) {
    case_begin(argc, argv, "broken mended");
    serve_together(requests, COUNT(requests));
    return outcome(requests, COUNT(requests));
}
