/* The stress test as people write it: five requests at once every 100 ms, with sleeps inside, to see "whether anything goes
 * wrong". Nothing does: the one shared client has a lock around it. Whose connection it is shows all the same.
 *
 *     broken     one client for all, under a lock
 *     mended     a client for each request */
#include "case.h"

#include <hiredis/hiredis.h>
#include <time.h>

#define ROUNDS 3

static redisContext *client; /* the slip; client_lock guards it */
static pthread_mutex_t client_lock = PTHREAD_MUTEX_INITIALIZER;

static redisContext *connect_redis(void) {
    return redisConnect("127.0.0.1", port_of("REDIS_PORT")); /* CASE: opened here */
}

static void sleep_ms(long ms) {
    nanosleep(&(struct timespec){.tv_nsec = ms * 1000000}, NULL);
}

static void show_basket(redisContext *redis, struct request *request) {
    redisReply *reply = redisCommand(redis, "GET basket:%s", request->user); /* CASE: used here */
    show(request, reply ? reply->str : NULL);
    freeReplyObject(reply);
}

static void get_basket(struct request *request) {
    sleep_ms(request->number);
    if (broken()) {
        pthread_mutex_lock(&client_lock);
        if (!client) client = connect_redis();
        show_basket(client, request);
        pthread_mutex_unlock(&client_lock);
    } else {
        redisContext *redis = connect_redis();
        show_basket(redis, request);
        redisFree(redis);
    }
    sleep_ms(2);
    meet(); /* five at once: none is over before all have been served */
}

int main(int argc, char **argv) {
    case_begin(argc, argv, "broken mended");
    static struct request requests[] = {
        {.label = "GET /basket", .user = "alice", .handle = get_basket},
        {.label = "GET /basket", .user = "bob", .handle = get_basket},
        {.label = "GET /basket", .user = "carol", .handle = get_basket},
        {.label = "GET /basket", .user = "dave", .handle = get_basket},
        {.label = "GET /basket", .user = "erin", .handle = get_basket},
    };
    int wrong = 0;
    for (int round = 0; round < ROUNDS; round++) {
        if (round) sleep_ms(100);
        serve_together(requests, COUNT(requests));
        wrong |= outcome(requests, COUNT(requests));
    }
    return wrong;
}
