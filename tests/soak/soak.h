/* soak.h: what the parts of the soak share. soak.c runs the threads and compares, ops.c is what they do.
 *
 * The program knows at each moment which numbers are open, which of them stand for one description, and whose that is: each
 * thread keeps its own `items`. At a check point all threads stand still, and that knowledge, the kernel's (/proc/self/fd)
 * and the guard's (reqscope_owner) must be the same. */
#ifndef RS_TESTS_SOAK_H
#define RS_TESTS_SOAK_H

#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <reqscope.h>
#include <stdbool.h>
#include <stdint.h>

#define MOST_THREADS 16
/* Of a thread. However many there are, the lowest free number is below GUARDS then. */
#define MOST_ITEMS 20
#define MOST_NUMBERS 3
#define MOST_PARCELS 8
#define MOST_INHERITED 32

/* Numbers that are chosen, not given out by the kernel, are in a range of the thread's own: dup2 onto a number that another
 * thread is just being given would be a bug of ours. Where the guard keeps its own descriptors only the first thread goes. */
#define GUARDS 1000
#define PRIVATE_RANGE 64
#define FIRST_PRIVATE (GUARDS + PRIVATE_RANGE)
#define AFTER_PRIVATE (FIRST_PRIVATE + MOST_THREADS * PRIVATE_RANGE)

enum kind { KIND_FILE, KIND_PIPE, KIND_SOCKET, KIND_EVENT, KIND_EPOLL, KIND_OTHER };

/* An open file description, and its numbers. */
struct item {
    int numbers[MOST_NUMBERS];
    int count;
    int born; /* the number that it was opened with */
    enum kind kind;
    reqscope_id owner; /* 0: back in the pool, or opened in no context */
    bool shared;       /* nobody's for good: using it does not make it the user's */
};

/* What one thread hands to another: a description, in the pool or with the request that it belongs to. */
struct parcel {
    struct item item;
    reqscope_id request;
};

struct worker {
    unsigned index;
    pthread_t thread;
    uint64_t random;
    reqscope_id keeper; /* a context that lives as long as the thread: what outlives a request is its */
    struct item items[MOST_ITEMS];
    int count;
    pthread_mutex_t lock; /* parcels, parcel_count */
    struct parcel parcels[MOST_PARCELS];
    int parcel_count;
    int listener;
    struct sockaddr_in address;
    int post[2]; /* datagrams for this thread come out of post[0] */
    int poked;   /* SIGUSR2 is on its way; atomic */
    uint64_t rounds;
};

struct soak {
    struct worker workers[MOST_THREADS];
    unsigned threads;
    pid_t pid;
    uint64_t seed;
    bool guarded, lease;
    char **quiet_environment; /* without REQSCOPE_TRACE: for programs that are executed */
    struct item boot[MOST_INHERITED + 2 + 3 * MOST_THREADS]; /* opened before the threads were: nobody's */
    int boot_count;
    int shared_pipe[2];
    int highest;                /* that was ever used; atomic */
    unsigned children_a_second; /* at most */
};
extern struct soak soak;
extern __thread struct worker *soak_self;

/* Ends the program when the condition does not hold. */
#define MUST(condition)                                                                         \
    do {                                                                                        \
        int holds_ = !!(condition), error_ = errno;                                             \
        if (!holds_) soak_fail("%s:%d: %s (errno %d)", __FILE__, __LINE__, #condition, error_); \
    } while (0)

__attribute__((noreturn, format(printf, 1, 2))) void soak_fail(const char *format, ...);

/* One line on standard output, by the kernel's own call. */
__attribute__((format(printf, 1, 2))) void soak_say(const char *format, ...);

static inline uint64_t soak_random(struct worker *worker) {
    worker->random ^= worker->random << 13;
    worker->random ^= worker->random >> 7;
    worker->random ^= worker->random << 17;
    return worker->random >> 11;
}

static inline unsigned soak_below(struct worker *worker, unsigned end) {
    return (unsigned)(soak_random(worker) % end);
}

/* A number that the kernel has just opened for us, in the current context. */
struct item *soak_note(struct worker *worker, int fd, enum kind kind);
enum kind soak_kind(int fd);

/* A request: some operations in a context of its own, and what remains is closed, kept or handed on. */
void soak_round(struct worker *worker);

/* False: there is no such operation. */
bool soak_leave_out(const char *name);
void soak_say_counts(void);
void soak_handle_signals(void);

#endif
