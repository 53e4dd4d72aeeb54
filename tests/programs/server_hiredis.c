/* server_hiredis: requests that keep something in a Redis server.
 *
 *     server_hiredis shared PORT REQUESTS    all over one connection, opened by the first request: the bug
 *     server_hiredis own PORT REQUESTS       each over its own: the cure
 *
 * Each request is a thread and a context, "GET /basket/N", and sets the key basket:N. All requests are under way at the
 * same time and come to Redis in turn, request 1 first, so that what is found does not depend on who is scheduled when.
 * Prints a line for each request; exits with 0 when all of them were served. */
#include "reqscope.h"

#include <hiredis/hiredis.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REQUESTS_MAX 32

static int redis_port;
static int share_connection;

static pthread_mutex_t turn_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t turn_changed = PTHREAD_COND_INITIALIZER;
static int turn; /* the request whose turn it is; REQUESTS + 1: all are done */

static char outcomes[REQUESTS_MAX + 1][256];

static void wait_for_turn(int request) {
    pthread_mutex_lock(&turn_lock);
    while (turn < request) pthread_cond_wait(&turn_changed, &turn_lock);
    pthread_mutex_unlock(&turn_lock);
}

static void pass_turn(int next) {
    pthread_mutex_lock(&turn_lock);
    turn = next;
    pthread_cond_broadcast(&turn_changed);
    pthread_mutex_unlock(&turn_lock);
}

static redisContext *connect_redis(void) {
    return redisConnect("127.0.0.1", redis_port); /* TEST: opened here */
}

REQSCOPE_LOCAL(redisContext *, own_redis, connect_redis, redisFree);

static redisContext *shared_redis(void) {
    static redisContext *redis;
    if (!redis) redis = connect_redis();
    return redis;
}

static void put_in_basket(redisContext *redis, int request, char *outcome, size_t size) {
    redisReply *reply = redisCommand(redis, "SET basket:%d shoes", request); /* TEST: used here */
    if (reply)
        snprintf(outcome, size, "%s", reply->str);
    else
        snprintf(outcome, size, "failed: %s", redis ? redis->errstr : "no connection");
    freeReplyObject(reply);
}

static void *serve(void *argument) {
    int request = *(int *)argument, requests = ((int *)argument)[1];
    char label[64];
    snprintf(label, sizeof label, "GET /basket/%d", request);
    reqscope_id id = reqscope_begin(label);
    wait_for_turn(request);
    put_in_basket(share_connection ? shared_redis() : own_redis(), request, outcomes[request],
                  sizeof outcomes[request]);
    pass_turn(request + 1);
    wait_for_turn(requests + 1);
    reqscope_end(id);
    return NULL;
}

int main(int argc, char **argv) {
    int requests = argc == 4 ? atoi(argv[3]) : 0;
    if (requests < 1 || requests > REQUESTS_MAX || (strcmp(argv[1], "shared") && strcmp(argv[1], "own"))) {
        fprintf(stderr, "usage: server_hiredis shared|own PORT REQUESTS\n");
        return 2;
    }
    share_connection = strcmp(argv[1], "shared") == 0;
    redis_port = atoi(argv[2]);

    pthread_t threads[REQUESTS_MAX + 1];
    int arguments[REQUESTS_MAX + 1][2];
    for (int i = 1; i <= requests; i++) {
        arguments[i][0] = i;
        arguments[i][1] = requests;
        if (pthread_create(&threads[i], NULL, serve, arguments[i])) abort();
    }
    pass_turn(1);

    int failures = 0;
    for (int i = 1; i <= requests; i++) {
        pthread_join(threads[i], NULL);
        printf("request %d: %s\n", i, outcomes[i]);
        failures += strcmp(outcomes[i], "OK") != 0;
    }
    return failures > 0;
}
