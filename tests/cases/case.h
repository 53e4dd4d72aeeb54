/* case.h: what the cases share: requests, the order in which things happen, and what the visitors are shown.
 *
 * A case is a small server as somebody would write it. Its requests are a table; each is a context of reqscope's, with the
 * request line for its label. Every visitor is to be shown "NAME: 2 x red shoes" from NAME's own basket: the case's exit code
 * is 0 when that came true for all, 1 when somebody was shown something else, 2 when the case could not be played.
 *
 * The order of events is forced: by turns (await_turn, pass_turn), and by a place where all requests that are served
 * together wait for each other (meet). So what happens is the same every time. */
#ifndef CASE_H
#define CASE_H

#include "reqscope.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

struct request {
    const char *label; /* "GET /basket?user=alice" */
    const char *user;  /* "alice" */
    void (*handle)(struct request *request);
    bool gone;  /* the visitor does not wait for the answer: nothing is to be shown */
    int client; /* the visitor's connection, where the case has one */
    int number; /* its turn, from 1 */
    char shown[256];
    reqscope_id context;
    pthread_t thread;
};

/* ---- how the case is called ------------------------------------------------------------------------------------- */

static const char *case_form_name;

/* Called first. `forms` are the words that the case's argument may be: "broken mended". A case that hangs is ended. */
static inline void case_begin(int argc, char **argv, const char *forms) {
    size_t length = argc == 2 ? strlen(argv[1]) : 0;
    for (const char *word = forms; length && *word; word += strcspn(word, " "), word += strspn(word, " ")) {
        if (strncmp(word, argv[1], length) == 0 && (word[length] == ' ' || !word[length])) case_form_name = argv[1];
    }
    if (!case_form_name) {
        fprintf(stderr, "usage: %s FORM, one of: %s\n", argv[0], forms);
        exit(2);
    }
    alarm(20);
}

static inline bool form_is(const char *name) {
    return strcmp(case_form_name, name) == 0;
}

/* Is it one of the broken forms? */
static inline bool broken(void) {
    return strncmp(case_form_name, "broken", strlen("broken")) == 0;
}

/* Ends the case: it did not come to what it is to show. */
__attribute__((noreturn)) static inline void case_impossible(const char *why) {
    fprintf(stderr, "the case could not be played: %s\n", why);
    _exit(2);
}

/* What the runner says in the environment. */
static inline const char *setting(const char *variable) {
    const char *value = getenv(variable);
    if (!value) case_impossible(variable);
    return value;
}

/* The port of a real backend on 127.0.0.1: "REDIS_PORT". */
static inline int port_of(const char *variable) {
    return (int)strtol(setting(variable), NULL, 10);
}

/* ---- order ------------------------------------------------------------------------------------------------------- */

static struct {
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t changed;
    int turn;              /* whose turn it is, from 1 */
    int together;          /* requests that are served together */
    int arrived, meetings; /* those that wait in meet(); how often all have met */
} case_order = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 1, 1, 0, 0};

static inline void await_turn(int turn) {
    pthread_mutex_lock(&case_order.lock);
    while (case_order.turn < turn) pthread_cond_wait(&case_order.changed, &case_order.lock);
    pthread_mutex_unlock(&case_order.lock);
}

static inline void pass_turn(void) {
    pthread_mutex_lock(&case_order.lock);
    case_order.turn++;
    pthread_cond_broadcast(&case_order.changed);
    pthread_mutex_unlock(&case_order.lock);
}

/* Returns when all requests that are served together are here: so all of them are under way at the same time. */
static inline void meet(void) {
    pthread_mutex_lock(&case_order.lock);
    int meeting = case_order.meetings;
    if (++case_order.arrived == case_order.together) {
        case_order.arrived = 0;
        case_order.meetings++;
        pthread_cond_broadcast(&case_order.changed);
    }
    while (case_order.meetings == meeting) pthread_cond_wait(&case_order.changed, &case_order.lock);
    pthread_mutex_unlock(&case_order.lock);
}

/* ---- requests ---------------------------------------------------------------------------------------------------- */

/* What the visitor sees; NULL: nothing came. */
static inline void show(struct request *request, const char *text) {
    snprintf(request->shown, sizeof request->shown, "%s", text ? text : "an error page");
}

/* One request from its begin to its end, on this thread. */
static inline void serve(struct request *request) {
    request->context = reqscope_begin(request->label);
    request->handle(request);
    reqscope_end(request->context); /* CASE: the request ends */
}

static inline void *serve_on_thread(void *request) {
    serve(request);
    return NULL;
}

static inline void start(pthread_t *thread, void *(*function)(void *), void *argument) {
    if (pthread_create(thread, NULL, function, argument)) case_impossible("no thread");
}

/* All at the same time, each on a thread of its own. */
static inline void serve_together(struct request *requests, size_t count) {
    case_order.together = (int)count;
    for (size_t i = 0; i < count; i++) {
        requests[i].number = (int)i + 1;
        start(&requests[i].thread, serve_on_thread, &requests[i]);
    }
    for (size_t i = 0; i < count; i++) pthread_join(requests[i].thread, NULL);
}

/* One after the other, on this thread: what one thread of a pool does. */
static inline void serve_in_turn(struct request *requests, size_t count) {
    for (size_t i = 0; i < count; i++) {
        requests[i].number = (int)i + 1;
        serve(&requests[i]);
    }
}

/* What the visitors were shown, and the case's exit code. */
static inline int outcome(const struct request *requests, size_t count) {
    bool wrong = false;
    for (size_t i = 0; i < count; i++) {
        char basket[256];
        snprintf(basket, sizeof basket, "%s: 2 x red shoes", requests[i].user);
        printf("%s is shown: %s\n", requests[i].user, requests[i].gone ? "(has gone)" : requests[i].shown);
        if (!requests[i].gone && strcmp(requests[i].shown, basket) != 0) wrong = true;
    }
    return wrong;
}

#endif
