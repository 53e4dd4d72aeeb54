// victim_throw.cc: C++ under the guard, which loads a second unwinder: exceptions, cancellation and thread exit still
// unwind.
#include "victim.h"

#include <pthread.h>
#include <stdexcept>
#include <string>

static int destroyed;
static int ends[2];

struct Guarded {
    ~Guarded() {
        destroyed++;
    }
};

static void find() {
    static int fd = -1;
    static reqscope_id a;
    char byte;
    if (!a) {
        a = reqscope_begin("A");
        fd = open("/dev/zero", O_RDONLY);
    }
    reqscope_id b = reqscope_begin("B");
    (void)!read(fd, &byte, 1);
    reqscope_end(b);
}

static int compare(const void *left, const void *right) {
    Guarded guarded;
    find();
    if (*static_cast<const int *>(left) != *static_cast<const int *>(right))
        throw std::runtime_error("from a callback");
    return 0;
}

static int exceptions_go_through_callbacks() {
    for (int i = 0; i < 100; i++) {
        int numbers[] = {2, 1};
        std::string caught;
        destroyed = 0;
        try {
            qsort(numbers, 2, sizeof *numbers, compare);
        } catch (const std::runtime_error &error) {
            caught = error.what();
        }
        MUST(caught == "from a callback" && destroyed == 1);
    }
    MUST(victim_reports("reqscope: foreign-io") == 1);
    return 0;
}

static void throws(void *) {
    throw 42;
}

static int an_exception_out_of_a_deferred_function() {
    reqscope_id outer = reqscope_begin("outer"), request = reqscope_begin("request");
    int caught = 0;
    MUST(!reqscope_defer(throws, nullptr));
    try {
        Guarded guarded;
        reqscope_end(request);
    } catch (int number) {
        caught = number;
    }
    MUST(caught == 42);
    reqscope_end(request); // what was left
    MUST(reqscope_current() == outer);
    return 0;
}

static void *blocks(void *) {
    Guarded guarded;
    char byte;
    find();
    (void)!read(ends[0], &byte, 1);
    return nullptr;
}

static void *exits(void *) {
    Guarded guarded;
    find();
    pthread_exit(nullptr);
}

static int destructors_run_when_a_thread_is_cancelled_or_exits() {
    void *result;
    pthread_t thread;
    MUST(!pipe(ends));
    destroyed = 0;
    MUST(!pthread_create(&thread, nullptr, blocks, nullptr));
    MUST(!pthread_cancel(thread) && !pthread_join(thread, &result));
    MUST(result == PTHREAD_CANCELED && destroyed == 1);
    MUST(!pthread_create(&thread, nullptr, exits, nullptr) && !pthread_join(thread, &result) && destroyed == 2);
    return 0;
}

static const struct victim_test tests[] = {
    VICTIM(exceptions_go_through_callbacks, nullptr),
    VICTIM(an_exception_out_of_a_deferred_function, nullptr),
    VICTIM(destructors_run_when_a_thread_is_cancelled_or_exits, nullptr),
};
VICTIM_MAIN(tests)
