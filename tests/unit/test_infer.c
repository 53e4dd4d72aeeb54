/* test_infer.c: whose request does a thread work for, when nobody says so? On real connections, without the wrappers. */
#include "preload/config.h"
#include "preload/context.h"
#include "preload/finding.h"
#include "preload/infer.h"
#include "preload/log.h"
#include "preload/ownfd.h"
#include "preload/policy.h"
#include "preload/requester.h"
#include "preload/track.h"
#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define ALL_KINDS ((1u << RS_FINDING_COUNT) - 1)
#define REQUEST(path) "GET " path " HTTP/1.1\r\nHost: x\r\n\r\n"

static int listener;

static int set_up_group(void **state) {
    (void)state;
    rs_pid = (uint32_t)getpid();
    bool started = rs_table_start() && rs_contexts_start() && rs_findings_start() && rs_exchanges_start() &&
                   rs_closed_start() && rs_requesters_start();
    return started ? 0 : -1;
}

static int set_up(void **state) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    (void)state;
    rs_thread = (struct rs_thread){0};
    rs_on = rs_inferring = true;
    rs_config = (struct rs_config){.mode = RS_MODE_DENY, .policy = RS_POLICY_LEASE, .checks = ALL_KINDS};
    listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 50)) return -1;
    rs_opened(listener, RS_OP_socket, RS_KIND_TCP, "listener");
    rs_set_stream(rs_lookup(listener), RS_STREAM_LISTENS);
    return 0;
}

static void shut(int fd) {
    rs_close_end(fd, rs_close_begin(fd), true);
    close(fd);
}

static int tear_down(void **state) {
    (void)state;
    for (int fd = rs_next_known(0); fd >= 0; fd = rs_next_known(fd + 1)) shut(fd);
    rs_requesters_end();
    return 0;
}

/* A client's end, and the server's, which is accepted. */
struct connection {
    int client, server;
};

static struct connection come(void) {
    struct connection connection = {socket(AF_INET, SOCK_STREAM, 0), -1};
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    getsockname(listener, (struct sockaddr *)&address, &length);
    assert_int_equal(0, connect(connection.client, (struct sockaddr *)&address, sizeof address));
    connection.server = accept(listener, NULL, NULL);
    rs_infer_accepts(rs_lookup(listener));
    rs_opened(connection.server, RS_OP_accept, RS_KIND_TCP, "requester");
    rs_requester_accepted(listener, connection.server);
    return connection;
}

static void gone(struct connection connection) {
    shut(connection.server);
    close(connection.client);
}

/* What the guard makes of a call; false: refused. */
static bool calls(int fd, enum rs_operation operation, const char *bytes) {
    struct rs_call call = rs_begin_call(fd, operation);
    if (rs_refused(call)) return false;
    rs_end_call_on(call, fd, operation, (int64_t)strlen(bytes), (struct rs_bytes_of){bytes, 1, RS_BYTES_BUFFER});
    return true;
}

static void reads(struct connection connection, const char *bytes) {
    assert_true(calls(connection.server, RS_OP_read, bytes));
}

static void writes(struct connection connection, const char *bytes) {
    assert_true(calls(connection.server, RS_OP_write, bytes));
}

static const char *current_label(void) {
    const struct rs_context *context = rs_context_find(rs_thread.current);
    return context ? context->label : "";
}

static void a_context_begins_with_a_request_and_ends_with_the_next(void **state) {
    struct connection one = come();
    (void)state;
    assert_int_equal(0, rs_thread.current);
    reads(one, "GET /a HTTP/1.1\r\nHo");
    assert_int_equal(0, rs_thread.current);
    reads(one, "st: x\r\n\r\n");
    assert_string_equal("GET /a", current_label());
    uint64_t first = rs_thread.current;
    assert_int_equal(first, rs_owner_of(rs_lookup(one.server)));
    writes(one, "HTTP/1.1 200 OK\r\n\r\n");
    assert_int_equal(first, rs_thread.current);
    reads(one, REQUEST("/b?query"));
    assert_string_equal("GET /b", current_label());
    assert_true(rs_context_is_over(first));
    uint64_t second = rs_thread.current;
    gone(one);
    assert_true(rs_context_is_over(second));
    assert_int_equal(0, rs_thread.current);
}

static void what_is_not_recognised_goes_by_turns(void **state) {
    struct connection one = come();
    (void)state;
    reads(one, "get key\r\n");
    uint64_t first = rs_thread.current;
    assert_int_not_equal(0, first);
    assert_memory_equal("peer #", current_label(), 6);
    reads(one, "and more of it\r\n");
    assert_int_equal(first, rs_thread.current);
    writes(one, "END\r\n");
    reads(one, "get key\r\n");
    assert_int_not_equal(first, rs_thread.current);
    gone(one);
}

static void a_server_that_speaks_first_is_in_a_context(void **state) {
    struct connection one = come();
    (void)state;
    writes(one, "220 welcome\r\n");
    const struct rs_context *context = rs_context_find(rs_thread.current);
    assert_non_null(context);
    assert_int_equal(RS_ORIGIN_ACCEPT, context->origin);
    reads(one, "HELO x\r\n");
    assert_int_equal(RS_ORIGIN_REQUEST, rs_context_find(rs_thread.current)->origin);
    gone(one);
}

static int opens_file(void) {
    int fd = memfd_create("file", 0);
    assert_true(fd >= 0);
    rs_opened(fd, RS_OP_open, RS_KIND_FILE, "file");
    return fd;
}

/* A thread of its own that serves one connection, until it is told to go on. */
struct served {
    struct connection connection;
    int file;
    pthread_barrier_t opened, over;
};

static void *serve(void *argument) {
    struct served *served = argument;
    reads(served->connection, REQUEST("/other"));
    served->file = opens_file();
    pthread_barrier_wait(&served->opened);
    pthread_barrier_wait(&served->over);
    return NULL;
}

static pthread_t begin_other(struct served *served) {
    pthread_t thread;
    served->connection = come();
    pthread_barrier_init(&served->opened, NULL, 2);
    pthread_barrier_init(&served->over, NULL, 2);
    assert_int_equal(0, pthread_create(&thread, NULL, serve, served));
    pthread_barrier_wait(&served->opened);
    return thread;
}

static void end_other(struct served *served, pthread_t thread) {
    pthread_barrier_wait(&served->over);
    pthread_join(thread, NULL);
    shut(served->file);
    gone(served->connection);
}

static void threads_that_have_read_their_requests_are_sure(void **state) {
    struct served other;
    (void)state;
    pthread_t thread = begin_other(&other);
    struct connection mine = come();
    reads(mine, REQUEST("/mine"));
    assert_false(calls(other.file, RS_OP_write, "x"));
    assert_false(calls(other.connection.server, RS_OP_write, "x"));
    assert_false(rs_may_close(other.connection.server, RS_OP_close));
    gone(mine);
    end_other(&other, thread);
}

static void whoever_has_no_request_of_its_own_works_for_the_one_it_touches(void **state) {
    struct served other;
    (void)state;
    pthread_t thread = begin_other(&other);
    assert_int_equal(0, rs_thread.current);
    assert_true(calls(other.file, RS_OP_write, "x"));
    assert_string_equal("GET /other", current_label());
    int opened = opens_file();
    assert_true(rs_flags_of(rs_lookup(opened)) & RS_DESCRIPTION_GUESSED);
    shut(opened);
    assert_true(rs_may_close(other.connection.server, RS_OP_close));
    end_other(&other, thread);
}

static void a_loop_makes_no_finding(void **state) {
    struct served other;
    (void)state;
    pthread_t thread = begin_other(&other);
    struct connection mine = come();
    int epoll = epoll_create1(0);
    rs_opened(epoll, RS_OP_open, RS_KIND_EPOLL, "epoll");
    rs_infer_watch(epoll, listener);
    rs_infer_watch(epoll, mine.server);
    rs_infer_waited(epoll, 1);
    reads(mine, REQUEST("/mine"));
    assert_string_equal("GET /mine", current_label());
    assert_true(calls(other.file, RS_OP_read, "x"));
    assert_string_equal("GET /other", current_label());
    assert_true(calls(mine.server, RS_OP_write, "x"));
    assert_string_equal("GET /mine", current_label());
    rs_infer_waited(epoll, 1);
    assert_int_equal(0, rs_thread.current);
    gone(mine);
    shut(epoll);
    end_other(&other, thread);
}

static void reading_a_second_request_before_the_first_is_answered_is_a_loop(void **state) {
    struct connection one = come(), other = come();
    (void)state;
    reads(one, REQUEST("/one"));
    assert_false(rs_thread.loop);
    reads(other, REQUEST("/other"));
    assert_true(rs_thread.loop);
    writes(one, "x");
    assert_string_equal("GET /one", current_label());
    gone(one);
    gone(other);
}

static void one_connection_after_the_other_is_no_loop(void **state) {
    (void)state;
    for (int i = 0; i < 3; i++) {
        struct connection one = come();
        reads(one, REQUEST("/one"));
        writes(one, "x");
        gone(one);
    }
    struct connection kept = come(), other = come();
    reads(kept, REQUEST("/kept"));
    writes(kept, "x");
    reads(other, REQUEST("/other"));
    assert_false(rs_thread.loop);
    gone(kept);
    gone(other);
}

static void a_session_goes_on_with_what_it_opened(void **state) {
    struct connection one = come();
    int opened;
    (void)state;
    reads(one, "login\r\n");
    opened = opens_file();
    writes(one, "ok\r\n");
    reads(one, "work\r\n");
    assert_true(calls(opened, RS_OP_write, "x"));
    assert_int_equal(rs_thread.current, rs_owner_of(rs_lookup(opened)));
    shut(opened);
    gone(one);
}

static void a_thread_that_has_answered_and_waited_is_unsure(void **state) {
    struct served other;
    int condition;
    (void)state;
    pthread_t thread = begin_other(&other);
    struct connection mine = come();
    reads(mine, REQUEST("/mine"));
    rs_infer_woken(&condition);
    assert_int_equal(RS_STANDING_STRONG, rs_thread.standing);
    writes(mine, "x");
    rs_infer_woken(&condition);
    assert_int_equal(RS_STANDING_WEAK, rs_thread.standing);
    assert_true(calls(other.connection.server, RS_OP_write, "x"));
    assert_string_equal("GET /other", current_label());
    gone(mine);
    end_other(&other, thread);
}

static void who_is_woken_by_a_request_opens_for_it(void **state) {
    struct connection one = come();
    int condition, opened;
    (void)state;
    reads(one, REQUEST("/one"));
    uint64_t id = rs_thread.current;
    rs_infer_wakes(&condition);
    rs_thread = (struct rs_thread){0}; /* another thread */
    rs_infer_woken(&condition);
    assert_int_equal(0, rs_thread.current);
    opened = opens_file();
    assert_int_equal(id, rs_thread.current);
    assert_int_equal(id, rs_owner_of(rs_lookup(opened)));
    shut(opened);
    gone(one);
}

static void the_first_call_of_the_api_ends_it_all(void **state) {
    struct connection one = come();
    int opened;
    (void)state;
    reads(one, REQUEST("/one"));
    uint64_t id = rs_thread.current;
    opened = opens_file();
    rs_infer_stop();
    assert_int_equal(0, rs_thread.current);
    assert_true(rs_context_is_over(id));
    assert_int_equal(0, rs_owner_of(rs_lookup(one.server)));
    assert_int_equal(0, rs_owner_of(rs_lookup(opened)));
    assert_true(calls(one.server, RS_OP_read, REQUEST("/two")));
    assert_int_equal(0, rs_thread.current);
    shut(opened);
    gone(one);
}

static void errno_is_kept(void **state) {
    (void)state;
    errno = 12345;
    struct connection one = come();
    errno = 12345;
    assert_true(calls(one.server, RS_OP_read, REQUEST("/one")));
    assert_int_equal(12345, errno);
    assert_true(calls(one.server, RS_OP_write, "x"));
    assert_int_equal(12345, errno);
    gone(one);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_context_begins_with_a_request_and_ends_with_the_next),
        TEST(what_is_not_recognised_goes_by_turns),
        TEST(a_server_that_speaks_first_is_in_a_context),
        TEST(threads_that_have_read_their_requests_are_sure),
        TEST(whoever_has_no_request_of_its_own_works_for_the_one_it_touches),
        TEST(a_loop_makes_no_finding),
        TEST(reading_a_second_request_before_the_first_is_answered_is_a_loop),
        TEST(one_connection_after_the_other_is_no_loop),
        TEST(a_session_goes_on_with_what_it_opened),
        TEST(a_thread_that_has_answered_and_waited_is_unsure),
        TEST(who_is_woken_by_a_request_opens_for_it),
        TEST(the_first_call_of_the_api_ends_it_all),
        TEST(errno_is_kept),
    };
    return cmocka_run_group_tests(tests, set_up_group, NULL);
}
