/* Connected before the fork: a prefork server opens its connection to Redis at boot and forks its workers then. They all have
 * the same connection, and nothing keeps one from reading what another asked for.
 *
 *     broken     two workers over the connection of the boot
 *     broken-2   the parent and one worker
 *     mended     each worker connects for itself */
#include "case.h"

#include <hiredis/hiredis.h>
#include <sys/wait.h>

static redisContext *redis;

static redisContext *connect_redis(void) {
    return redisConnect("127.0.0.1", port_of("REDIS_PORT")); /* CASE: opened here */
}

static void get_basket(struct request *request) {
    redisContext *own = broken() ? redis : connect_redis();                /* the slip: redis */
    redisReply *reply = redisCommand(own, "GET basket:%s", request->user); /* CASE: used here */
    show(request, reply ? reply->str : NULL);
    freeReplyObject(reply);
    if (!broken()) redisFree(own);
}

static struct request requests[] = {
    {.label = "GET /basket?user=alice", .user = "alice", .handle = get_basket},
    {.label = "GET /basket?user=bob", .user = "bob", .handle = get_basket},
};

/* A worker has two pipes: it serves when it is told to, says what became of it, and ends when the parent hangs up. */
struct worker {
    pid_t process;
    int orders[2], results[2];
};

static void work(const struct worker *worker, struct request *request) {
    char order;
    close(worker->orders[1]);
    while (read(worker->orders[0], &order, 1) == 1) {
        serve(request);
        char result = (char)outcome(request, 1);
        if (write(worker->results[1], &result, 1) != 1) break;
    }
    fflush(stdout);
    _exit(0);
}

static struct worker fork_worker(struct request *request) {
    struct worker worker;
    if (pipe(worker.orders) || pipe(worker.results)) case_impossible("no pipe");
    worker.process = fork();
    if (worker.process < 0) case_impossible("no process");
    if (!worker.process) work(&worker, request);
    return worker;
}

static int let_serve(const struct worker *worker) {
    char result = 1;
    if (write(worker->orders[1], "", 1) != 1 || read(worker->results[0], &result, 1) != 1) return 1;
    return result;
}

static void let_go(const struct worker *worker) {
    close(worker->orders[1]);
    waitpid(worker->process, NULL, 0);
}

int main(int argc, char **argv) {
    case_begin(argc, argv, "broken broken-2 mended");
    if (broken()) redis = connect_redis();
    struct worker second = fork_worker(&requests[1]);
    if (form_is("broken-2")) {
        serve(&requests[0]);
        int wrong = outcome(requests, 1) | let_serve(&second);
        let_go(&second);
        return wrong;
    }
    struct worker first = fork_worker(&requests[0]);
    int wrong = let_serve(&first) | let_serve(&second);
    /* The first has a copy of the second's pipe: it goes first. */
    let_go(&first);
    let_go(&second);
    return wrong;
}
