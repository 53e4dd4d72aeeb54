/* test_policy.c: may this context do that? Decisions on real descriptors, without the wrappers. */
#include "preload/config.h"
#include "preload/context.h"
#include "preload/finding.h"
#include "preload/log.h"
#include "preload/ownfd.h"
#include "preload/policy.h"
#include "preload/stack.h"
#include "preload/track.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define ALL_KINDS ((1u << RS_FINDING_COUNT) - 1)

static struct rs_context *a, *b;
static int ends[2]; /* a socket pair; ends[0] is a's */

static int set_up_group(void **state) {
    (void)state;
    return rs_table_start() && rs_contexts_start() && rs_findings_start() && rs_exchanges_start() && rs_closed_start()
               ? 0
               : -1;
}

static uint64_t id_of(const struct rs_context *context) {
    return rs_context_id(context);
}

static void as(const struct rs_context *context) {
    rs_thread.current = context ? id_of(context) : 0;
}

static int set_up(void **state) {
    (void)state;
    rs_on = true;
    rs_config = (struct rs_config){.mode = RS_MODE_DENY, .checks = ALL_KINDS};
    as(NULL);
    a = rs_context_begin("A", RS_ORIGIN_API);
    b = rs_context_begin("B", RS_ORIGIN_API);
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends)) return -1;
    as(a);
    rs_opened(ends[0], RS_OP_socketpair, RS_KIND_UNIX, "pair");
    errno = 0;
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    as(NULL);
    for (int fd = rs_next_known(0); fd >= 0; fd = rs_next_known(fd + 1)) rs_close_end(fd, rs_close_begin(fd), true);
    close(ends[0]);
    close(ends[1]);
    rs_context_finish(a, rs_context_id(a));
    rs_context_finish(b, rs_context_id(b));
    return 0;
}

/* May it? With errno checked both ways. */
static bool may(int fd, enum rs_operation operation) {
    errno = 12345;
    struct rs_call call = rs_begin_call(fd, operation);
    bool allowed = !rs_refused(call);
    assert_int_equal(errno, allowed ? 12345 : EPERM);
    if (allowed) rs_end_call(call, fd, operation, 1);
    return allowed;
}

static bool may_close(int fd) {
    errno = 12345;
    bool allowed = rs_may_close(fd, RS_OP_close);
    assert_int_equal(errno, allowed ? 12345 : EPERM);
    return allowed;
}

static void the_owner_may(void **state) {
    (void)state;
    assert_int_equal(rs_owner_of(rs_lookup(ends[0])), id_of(a));
    assert_true(may(ends[0], RS_OP_write)); /* fresh: the slow path */
    assert_true(may(ends[0], RS_OP_read));  /* known by now: the fast one */
    assert_true(may_close(ends[0]));
}

static void the_fast_path_needs_no_system_call(void **state) {
    (void)state;
    may(ends[0], RS_OP_write);
    struct rs_description *description = rs_lookup(ends[0]);
    assert_int_equal(description->tag, id_of(a)); /* no flag is left: tag == current */
    struct rs_call call = rs_begin_call(ends[0], RS_OP_read);
    assert_ptr_equal(call.description, description);
    assert_int_equal(call.id, description->id);
}

static void another_context_may_not(void **state) {
    (void)state;
    assert_true(may(ends[0], RS_OP_write));
    as(b);
    assert_false(may(ends[0], RS_OP_read));
    assert_false(may(ends[0], RS_OP_write));
    assert_false(may_close(ends[0]));
    as(a);
    assert_true(may(ends[0], RS_OP_read));
}

static void what_was_refused_is_broken_to_the_refused_only(void **state) {
    (void)state;
    as(b);
    assert_false(rs_is_refused(ends[0]));
    assert_false(may(ends[0], RS_OP_write));
    assert_true(rs_is_refused(ends[0]));
    as(a);
    assert_false(rs_is_refused(ends[0]));
    as(NULL);
    assert_false(rs_is_refused(ends[0]));
    struct rs_description *description = rs_lookup(ends[0]);
    assert_true(rs_hand_over(ends[0], description, description->tag, id_of(b), RS_HANDOVER_GIVEN));
    as(b);
    assert_false(rs_is_refused(ends[0]));
}

static void another_context_may_not_even_if_the_owner_never_used_it(void **state) {
    (void)state;
    as(b);
    assert_false(may(ends[0], RS_OP_read));
    assert_false(may_close(ends[0]));
}

static void in_mode_log_it_goes_on_and_is_reported_once(void **state) {
    (void)state;
    rs_config.mode = RS_MODE_LOG;
    as(b);
    uint64_t before = rs_log_dropped(); /* the log is not open: each report counts here */
    for (int i = 0; i < 5; i++) assert_true(may(ends[0], RS_OP_recv));
    assert_in_range(rs_log_dropped() - before, 0, 1);
}

static void no_context_may_all(void **state) {
    (void)state;
    as(NULL);
    assert_true(may(ends[0], RS_OP_read));
    assert_true(may_close(ends[0]));
}

static void nobodys_may_be_used_by_all(void **state) {
    (void)state;
    as(NULL);
    rs_opened(ends[1], RS_OP_socketpair, RS_KIND_UNIX, "pair");
    as(a);
    assert_true(may(ends[1], RS_OP_read));
    as(b);
    assert_true(may(ends[1], RS_OP_read));
    assert_true(may_close(ends[1]));
}

static void what_is_unknown_is_nobodys(void **state) {
    (void)state;
    as(b);
    assert_false(rs_known(rs_lookup(ends[1])));
    assert_true(may_close(ends[1]));
    assert_true(may(ends[1], RS_OP_read));
    assert_true(rs_known(rs_lookup(ends[1])));
    assert_int_equal(rs_owner_of(rs_lookup(ends[1])), 0);
    assert_true(rs_lookup(ends[1])->flags & RS_DESCRIPTION_UNSEEN);
    as(a);
    assert_true(may(ends[1], RS_OP_read));
}

static void what_is_not_open_is_left_to_the_kernel(void **state) {
    (void)state;
    as(b);
    assert_true(may(-1, RS_OP_read));
    assert_true(may(900, RS_OP_read));
    assert_true(may_close(900));
    assert_true(may_close(-1));
    assert_false(rs_known(rs_lookup(900)));
}

static void the_guards_own_are_not_open(void **state) {
    (void)state;
    int own = rs_own(dup(ends[1]), NULL);
    assert_true(own > 2);
    for (int i = 0; i < 2; i++) {
        as(i ? b : NULL);
        errno = 0;
        assert_true(rs_refused(rs_begin_call(own, RS_OP_read)));
        assert_int_equal(errno, EBADF);
    }
    rs_own_close(own);
    assert_false(rs_is_own(own));
}

static void shared_by_design_may_be_used_by_all(void **state) {
    (void)state;
    rs_lookup(ends[0])->flags |= RS_DESCRIPTION_SHARED;
    as(b);
    assert_true(may(ends[0], RS_OP_read));
    assert_true(may_close(ends[0]));
}

static void what_is_back_in_a_pool_is_the_next_users(void **state) {
    (void)state;
    struct rs_description *description = rs_lookup(ends[0]);
    assert_int_equal(a->owned, 1);
    assert_true(rs_hand_over(ends[0], description, description->tag, 0, RS_HANDOVER_RETURNED));
    assert_int_equal(a->owned, 0);
    as(b);
    assert_true(may(ends[0], RS_OP_write));
    assert_int_equal(rs_owner_of(description), id_of(b));
    assert_int_equal(b->owned, 1);
    assert_true(may(ends[0], RS_OP_read));
    as(a);
    assert_false(may(ends[0], RS_OP_write));
}

static void a_hand_over_from_an_old_owner_fails(void **state) {
    (void)state;
    struct rs_description *description = rs_lookup(ends[0]);
    uint64_t old = description->tag;
    assert_true(rs_hand_over(ends[0], description, old, id_of(b), RS_HANDOVER_GIVEN));
    assert_false(rs_hand_over(ends[0], description, old, id_of(a), RS_HANDOVER_GIVEN));
    assert_int_equal(rs_owner_of(description), id_of(b));
}

static void duplicates_have_the_same_owner(void **state) {
    (void)state;
    int copy = dup(ends[0]);
    as(b);
    rs_duplicated(ends[0], copy);
    assert_false(may(copy, RS_OP_read));
    as(a);
    assert_true(may(copy, RS_OP_read));
    rs_close_end(ends[0], rs_close_begin(ends[0]), true);
    as(b);
    assert_false(may(copy, RS_OP_read));
    rs_close_end(copy, rs_close_begin(copy), true);
    close(copy);
    assert_int_equal(a->owned, 0);
}

/* The number is closed and used again behind our back. */
static void replace_unseen(int fd) {
    int other[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, other), 0);
    assert_int_equal(dup2(other[0], fd), fd);
    close(other[0]);
    close(other[1]);
}

static void a_stale_tag_is_no_finding(void **state) {
    (void)state;
    assert_true(may(ends[0], RS_OP_write));
    replace_unseen(ends[0]);
    as(b);
    assert_true(may_close(ends[0]));
    assert_true(may(ends[0], RS_OP_read));
    assert_int_equal(rs_owner_of(rs_lookup(ends[0])), 0);
}

static void a_stale_tag_is_no_finding_even_if_its_owner_never_used_it(void **state) {
    (void)state;
    replace_unseen(ends[0]);
    as(b);
    assert_true(may_close(ends[0]));
    assert_true(may(ends[0], RS_OP_read));
}

static void a_kind_that_is_not_looked_for_is_not_found(void **state) {
    (void)state;
    rs_config.checks = ALL_KINDS & ~(1u << RS_FINDING_foreign_io);
    as(b);
    assert_true(may(ends[0], RS_OP_read));
    assert_false(may_close(ends[0]));
    rs_config.checks = ALL_KINDS & ~(1u << RS_FINDING_foreign_close);
    assert_true(may_close(ends[0]));
    assert_false(may(ends[0], RS_OP_read));
}

static void off_means_off(void **state) {
    (void)state;
    rs_on = false;
    as(b);
    assert_true(may(ends[0], RS_OP_read));
    assert_true(may_close(ends[0]));
    assert_true(rs_begin_call(ends[0], RS_OP_read).id == RS_CALL_UNSEEN);
}

static void a_vforks_child_changes_and_finds_nothing(void **state) {
    (void)state;
    as(b);
    rs_thread.vfork_child = 1;
    bool read = may(ends[0], RS_OP_read), close = may_close(ends[0]);
    struct rs_closing closing = rs_close_begin(ends[0]);
    rs_opened(ends[1], RS_OP_open, RS_KIND_FILE, "x");
    rs_thread.vfork_child = 0;
    assert_true(read && close);
    assert_null(closing.description);
    assert_true(rs_known(rs_lookup(ends[0])));
    assert_false(rs_known(rs_lookup(ends[1])));
}

/* It runs in our memory, so not even the phase of an exchange may change. */
static void a_vforks_child_leaves_the_phase(void **state) {
    (void)state;
    may(ends[0], RS_OP_read);
    uint64_t parents = rs_thread.current;
    rs_thread.vfork_child = 1; /* as wrap_process.c does it */
    rs_thread.current = RS_VFORK_CHILD;
    may(ends[0], RS_OP_write);
    rs_thread.current = parents;
    rs_thread.vfork_child = 0;
    assert_int_equal(rs_lookup(ends[0])->phase, RS_PHASE_IDLE);
    assert_int_equal(rs_lookup(ends[0])->last_operation, RS_OP_read);
}

/* A server that forks for each connection: when the child has ended, the connection is nobody's any more, and its
 * context's place can be used again. */
static void a_childs_end_is_the_end_of_its_owners_count(void **state) {
    int go[2], status;
    char byte;
    (void)state;
    assert_int_equal(pipe(go), 0);
    rs_table_forking(rs_disowned);
    pid_t pid = fork();
    if (!pid) {
        rs_table_forked(rs_disowned);
        if (read(go[0], &byte, 1) != 1) _exit(1);
        rs_forget_all();
        _exit(0);
    }
    rs_table_fork_done();
    rs_close_end(ends[0], rs_close_begin(ends[0]), true);
    assert_int_equal(a->owned, 1);
    assert_int_equal(write(go[1], "x", 1), 1);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(a->owned, 0);
    close(go[0]);
    close(go[1]);
}

/* ---- lease ------------------------------------------------------------------------------------------------------- */

static void in_lease_a_complete_exchange_changes_hands(void **state) {
    (void)state;
    rs_config.policy = RS_POLICY_LEASE;
    may(ends[0], RS_OP_write);
    assert_int_equal(rs_lookup(ends[0])->phase, RS_PHASE_SENT);
    may(ends[0], RS_OP_read);
    assert_int_equal(rs_lookup(ends[0])->phase, RS_PHASE_ANSWERED);
    as(b);
    assert_true(may(ends[0], RS_OP_write));
    assert_int_equal(rs_owner_of(rs_lookup(ends[0])), id_of(b));
    assert_int_equal(a->owned, 0);
    assert_int_equal(b->owned, 1);
}

static void in_lease_an_unanswered_exchange_does_not(void **state) {
    (void)state;
    rs_config.policy = RS_POLICY_LEASE;
    may(ends[0], RS_OP_write);
    as(b);
    assert_false(may(ends[0], RS_OP_read));
    assert_int_equal(rs_owner_of(rs_lookup(ends[0])), id_of(a));
}

static void in_lease_unread_bytes_do_not(void **state) {
    (void)state;
    rs_config.policy = RS_POLICY_LEASE;
    may(ends[0], RS_OP_write);
    may(ends[0], RS_OP_read);
    assert_int_equal(write(ends[1], "late", 4), 4);
    as(b);
    assert_false(may(ends[0], RS_OP_write));
}

static void in_lease_an_accepted_connection_is_its_requests(void **state) {
    (void)state;
    rs_config.policy = RS_POLICY_LEASE;
    rs_opened(ends[0], RS_OP_accept, RS_KIND_UNIX, "client");
    as(b);
    assert_false(may(ends[0], RS_OP_write));
    assert_false(may_close(ends[0]));
}

static void in_lease_a_pool_may_close(void **state) {
    (void)state;
    rs_config.policy = RS_POLICY_LEASE;
    may(ends[0], RS_OP_write);
    as(b);
    assert_true(may_close(ends[0]));
}

static void in_lease_a_file_is_its_owners(void **state) {
    int fd = open("/dev/null", O_RDWR);
    (void)state;
    rs_config.policy = RS_POLICY_LEASE;
    rs_opened(fd, RS_OP_open, RS_KIND_DEVICE, "/dev/null");
    as(b);
    assert_false(may(fd, RS_OP_write));
    as(a);
    rs_close_end(fd, rs_close_begin(fd), true);
    close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(the_owner_may),
        TEST(the_fast_path_needs_no_system_call),
        TEST(another_context_may_not),
        TEST(what_was_refused_is_broken_to_the_refused_only),
        TEST(another_context_may_not_even_if_the_owner_never_used_it),
        TEST(in_mode_log_it_goes_on_and_is_reported_once),
        TEST(no_context_may_all),
        TEST(nobodys_may_be_used_by_all),
        TEST(what_is_unknown_is_nobodys),
        TEST(what_is_not_open_is_left_to_the_kernel),
        TEST(the_guards_own_are_not_open),
        TEST(shared_by_design_may_be_used_by_all),
        TEST(what_is_back_in_a_pool_is_the_next_users),
        TEST(a_hand_over_from_an_old_owner_fails),
        TEST(duplicates_have_the_same_owner),
        TEST(a_stale_tag_is_no_finding),
        TEST(a_stale_tag_is_no_finding_even_if_its_owner_never_used_it),
        TEST(a_kind_that_is_not_looked_for_is_not_found),
        TEST(off_means_off),
        TEST(a_vforks_child_changes_and_finds_nothing),
        TEST(a_vforks_child_leaves_the_phase),
        TEST(a_childs_end_is_the_end_of_its_owners_count),
        TEST(in_lease_a_complete_exchange_changes_hands),
        TEST(in_lease_an_unanswered_exchange_does_not),
        TEST(in_lease_unread_bytes_do_not),
        TEST(in_lease_an_accepted_connection_is_its_requests),
        TEST(in_lease_a_pool_may_close),
        TEST(in_lease_a_file_is_its_owners),
    };
    return cmocka_run_group_tests(tests, set_up_group, NULL);
}
