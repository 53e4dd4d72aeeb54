/* infer.h: which context a thread is in when nobody announces it (REQSCOPE_CONTEXT=auto).
 *
 *   STRONG   it has read the request itself (requester.h), and has not gone on to something else since
 *   WEAK     it touched what belongs to the context (it resumed it), or was begun or woken by a thread that was in it
 *   NONE     neither; or the API says it (then rs_thread.current is the API's)
 *
 * What must stay true:
 * - Only a thread that stands strongly in a context makes a finding, and only with what another strong one has opened: a guess
 *   accuses nobody. What was opened on a guess is marked (RS_DESCRIPTION_GUESSED), and goes to whoever uses it.
 * - A loop serves many requesters in turns: it waits for several (requesters, or one and a listener), or reads a second request while
 *   the first is unanswered, or waits for listeners in an epoll and reads without blocking. When its wait returns it is in no
 *   context; each touch moves it on. Where one request's work ends and the next one's begins no call shows, nor do timers: so what
 *   it opens is a guess (but a connection that it makes right after the only request that the wait brought).
 * - A thread that has answered its request and then waits to be woken may come back for another one: then it stands weakly. Where
 *   threads are seen to go on with each other's requests (the process passes them on) it stands strongly only while its own is
 *   unanswered; and only then is it sure that somebody else's connection is none of its business.
 * - Whoever waked a thread gave it work, perhaps: that is used only where the thread has no context of its own (lazily: Python's
 *   threads wake each other all the time).
 * - The API's first call that begins or changes something ends all this in the process.
 *
 * No locks; any thread, signal safe. All keep errno. */
#ifndef RS_PRELOAD_INFER_H
#define RS_PRELOAD_INFER_H

#include "preload/fdtable.h"
#include "tracer/layout.h"

enum rs_standing { RS_STANDING_NONE, RS_STANDING_WEAK, RS_STANDING_STRONG };

extern bool rs_inferring RS_HIDDEN; /* contexts are inferred in this process */

/* The API has been called: from now on it alone rules. What was inferred is over, and what it owned is nobody's. */
void rs_infer_stop_slow(void);
static inline void rs_infer_stop(void) {
    if (rs_unlikely(rs_inferring)) rs_infer_stop_slow();
}

/* A request is gone on with, or done away with, by another thread than has read it. */
void rs_infer_passed_on(void);

/* The thread is in this context from now on (0: in none). */
void rs_infer_enter(uint64_t id, enum rs_entry how);

/* It has read this request from fd. ahead: the connection's requests come before the earlier ones are answered: which one it works
 * at is not known. */
void rs_infer_read(int fd, uint64_t id, bool ahead);

/* An inferred context that is over, or that the API has put an end to, is left. (While it stands strongly in one that another
 * thread has ended, it stays, for the report's sake: what it writes to somebody else's connection then is found.) Returns the
 * context that what the thread does now belongs to. */
uint64_t rs_infer_settle_slow(void);
static inline uint64_t rs_infer_settle(void) {
    return rs_unlikely(rs_thread.standing) ? rs_infer_settle_slow() : rs_thread.current;
}

/* Whose is what the thread is opening? *guessed: it may be another's. */
uint64_t rs_infer_opener_slow(enum rs_operation operation, bool *guessed);
static inline uint64_t rs_infer_opener(enum rs_operation operation, bool *guessed) {
    *guessed = false;
    return rs_unlikely(rs_inferring || rs_thread.standing) ? rs_infer_opener_slow(operation, guessed)
                                                           : rs_thread.current;
}

/* It has accepted a connection from this listener: what it worked for before, it does no longer. A listener that a live request has
 * made belongs to that request, and so does what comes from it. */
void rs_infer_accepts(const struct rs_description *listener);

/* The thread stands strongly in a live context, and is no loop: what it does is that one's. */
bool rs_infer_is_sure(void);

/* It is about to use what another context has. */
enum rs_infer_verdict {
    RS_INFER_ASK,    /* both are sure: the policy decides */
    RS_INFER_RESUME, /* it works for the owner now */
    RS_INFER_TAKE,   /* the current context has it from now on */
    RS_INFER_PASS    /* neither is known */
};
enum rs_infer_verdict rs_infer_judge(enum rs_operation operation, const struct rs_description *description,
                                     uint64_t owner, bool leasable);

/* Does the thread write to a requester's connection that it should not know: is it sure of its own? */
bool rs_infer_writes_astray(int fd, const struct rs_description *description, uint64_t owner);

/* It has closed its request's connection, is in no context any more, and closes the number once more, which is another's by now, read
 * by another thread and unanswered: for which request it does so; 0: that is not what it does. */
uint64_t rs_infer_closes_again(int fd, const struct rs_description *description, uint64_t owner);

/* May closing what `owner` has be a finding? */
bool rs_infer_closes_astray(const struct rs_description *description, uint64_t owner);

/* ---- waiting and waking */

/* fd is waited for in an epoll. */
void rs_infer_watch(int epoll, int fd);

/* A wait of this thread's has returned; ready: for how many descriptions. */
void rs_infer_waited(int epoll, int ready);
void rs_infer_waited_for_many(int ready);

/* Of the descriptions that are waited for together: how many are requesters', and is there a listener? */
struct rs_infer_set {
    int requesters, listeners;
};
void rs_infer_set_add(struct rs_infer_set *set, int fd);
static inline bool rs_infer_set_is_loop(const struct rs_infer_set *set) {
    return set->requesters > 1 || (set->requesters && set->listeners);
}

/* A thread wakes another one by what lies at this address (a condition variable, a semaphore), or was woken by it. */
void rs_infer_wakes_slow(const void *at);
void rs_infer_woken_slow(const void *at);
static inline void rs_infer_wakes(const void *at) {
    if (rs_inferring) rs_infer_wakes_slow(at);
}
static inline void rs_infer_woken(const void *at) {
    if (rs_inferring) rs_infer_woken_slow(at);
}

/* The same by a pipe or an eventfd: something is written to it, or was read from it. ends: of a pipe just made. */
void rs_infer_pipe(const int ends[2]);
void rs_infer_wakes_by(struct rs_description *description);
void rs_infer_woken_by(const struct rs_description *description);

/* A thread was begun by one in this context; a fork's child. */
void rs_infer_begun(uint64_t by);
void rs_infer_forked(void);

#endif
