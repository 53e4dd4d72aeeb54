/* Fire and forget: a request starts some work that nobody waits for, and is over before that work is. The work goes on in
 * the request's name, over the request's connection.
 *
 *     broken     the visit is counted after the request has ended
 *     mended     the request waits for it, then closes its connection
 *     mended-2   the work is a job of its own, with its own connection */
#include "case.h"

#include <hiredis/hiredis.h>

static redisContext *redis;
static pthread_t counting;

static redisContext *connect_redis(void) {
    return redisConnect("127.0.0.1", port_of("REDIS_PORT")); /* CASE: opened here */
}

static void count_visit(redisContext *client) {
    freeReplyObject(redisCommand(client, "INCR visits:alice")); /* CASE: used here */
}

/* In the request's name. */
static void *count_in_background(void *argument) {
    reqscope_id before = reqscope_switch(((struct request *)argument)->context);
    if (broken()) await_turn(2);
    count_visit(redis);
    if (broken()) redisFree(redis);
    reqscope_switch(before);
    return NULL;
}

static void *count_as_a_job(void *argument) {
    (void)argument;
    reqscope_id job = reqscope_begin("job: count a visit");
    await_turn(2);
    redisContext *own = connect_redis();
    count_visit(own);
    redisFree(own);
    reqscope_end(job);
    return NULL;
}

static void get_basket(struct request *request) {
    redis = connect_redis();
    redisReply *reply = redisCommand(redis, "GET basket:%s", request->user);
    show(request, reply ? reply->str : NULL);
    freeReplyObject(reply);
    start(&counting, form_is("mended-2") ? count_as_a_job : count_in_background, request);
    if (broken()) return; /* the slip */
    if (form_is("mended")) pthread_join(counting, NULL);
    redisFree(redis);
}

static struct request requests[] = {
    {.label = "GET /basket?user=alice", .user = "alice", .handle = get_basket},
};

int main(int argc, char **argv) {
    case_begin(argc, argv, "broken mended mended-2");
    serve_in_turn(requests, COUNT(requests));
    pass_turn(); /* the request is over */
    if (!form_is("mended")) pthread_join(counting, NULL);
    return outcome(requests, COUNT(requests));
}
