/* The job on borrowed connections: a request starts bulk work in the background. The work is a job of its own, as it should
 * be, but works over the connection of the request that started it, which that request goes on using.
 *
 *     broken     the job exports over the request's connection
 *     mended     over its own */
#include "case.h"

#include <hiredis/hiredis.h>

static redisContext *connect_redis(void) {
    return redisConnect("127.0.0.1", port_of("REDIS_PORT")); /* CASE: opened here */
}

static void *export_baskets(void *argument) {
    static const char *const users[] = {"alice", "bob", "carol"};
    reqscope_id job = reqscope_begin("job: export baskets");
    redisContext *redis = broken() ? argument : connect_redis(); /* the slip: argument */
    for (size_t i = 0; i < COUNT(users); i++) {
        freeReplyObject(redisCommand(redis, "GET basket:%s", users[i])); /* CASE: used here */
    }
    if (!broken()) redisFree(redis);
    pass_turn();
    reqscope_end(job);
    return NULL;
}

static void post_export(struct request *request) {
    redisContext *redis = connect_redis();
    pthread_t job;
    start(&job, export_baskets, redis);
    await_turn(2); /* one at a time: a lock would do the same */
    redisReply *reply = redisCommand(redis, "GET basket:%s", request->user);
    show(request, reply ? reply->str : NULL);
    freeReplyObject(reply);
    pthread_join(job, NULL);
    redisFree(redis);
}

static struct request requests[] = {
    {.label = "POST /export?user=alice", .user = "alice", .handle = post_export},
};

int main(int argc, char **argv) {
    case_begin(argc, argv, "broken mended");
    serve_in_turn(requests, COUNT(requests));
    return outcome(requests, COUNT(requests));
}
