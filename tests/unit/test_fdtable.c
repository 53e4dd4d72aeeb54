/* test_fdtable.c: numbers and descriptions: who holds what, and when a place may be used again. */
#include "preload/fdtable.h"
#include "tests/unit/unit.h"

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

static int set_up_group(void **state) {
    (void)state;
    rs_on = true;
    return rs_table_start() ? 0 : -1;
}

/* Leaves no number known behind. */
static int tear_down(void **state) {
    (void)state;
    for (int fd = rs_next_known(0); fd >= 0; fd = rs_next_known(fd + 1)) {
        bool last;
        struct rs_description *description = rs_unbind(fd, &last);
        if (description) rs_release(description);
    }
    return 0;
}

static struct rs_description *bound(int fd) {
    struct rs_description *description = rs_description_new();
    assert_non_null(description);
    rs_bind(fd, description);
    return description;
}

/* Unbinds and releases; was it the last of all? */
static bool closed(int fd) {
    bool last;
    struct rs_description *description = rs_unbind(fd, &last);
    assert_non_null(description);
    return rs_release(description);
}

static void unknown_numbers_stand_for_nothing(void **state) {
    static const int numbers[] = {0, 7, 999999, 1 << 30, INT32_MAX, -1, INT32_MIN};
    (void)state;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        bool last = true;
        assert_ptr_equal(rs_lookup(numbers[i]), &rs_descriptions[RS_NO_DESCRIPTION]);
        assert_false(rs_known(rs_lookup(numbers[i])));
        assert_false(rs_is_own(numbers[i]));
        assert_null(rs_unbind(numbers[i], &last));
        assert_false(last);
    }
}

static void the_tag_of_the_unknown_is_no_context(void **state) {
    (void)state;
    assert_int_not_equal(rs_descriptions[RS_NO_DESCRIPTION].tag, 0);
    assert_int_not_equal(rs_descriptions[RS_OWN_DESCRIPTION].tag, 0);
}

static void a_bound_number_is_found(void **state) {
    (void)state;
    struct rs_description *description = bound(5);
    assert_ptr_equal(rs_lookup(5), description);
    assert_true(rs_known(description));
    assert_true(rs_still(5, description, description->id));
    assert_false(rs_still(5, description, description->id + 1));
    assert_false(rs_still(6, description, description->id));
    assert_int_equal(rs_next_known(0), 5);
    assert_int_equal(rs_next_known(6), -1);
}

static void a_closed_number_stands_for_nothing(void **state) {
    (void)state;
    struct rs_description *description = bound(5);
    uint64_t id = description->id;
    bool last = false;
    assert_ptr_equal(rs_unbind(5, &last), description);
    assert_true(last);
    assert_false(rs_known(rs_lookup(5)));
    assert_false(rs_still(5, description, id));
    assert_true(rs_release(description));
    assert_null(rs_unbind(5, &last));
}

static void ids_are_never_used_again(void **state) {
    (void)state;
    uint64_t before = 0;
    for (int i = 0; i < 1000; i++) {
        struct rs_description *description = bound(4);
        assert_true(description->id > before);
        before = description->id;
        assert_true(closed(4));
    }
}

static void places_are_used_again(void **state) {
    (void)state;
    struct rs_description *first = bound(4);
    assert_true(closed(4));
    struct rs_description *second = rs_description_new();
    assert_ptr_equal(first, second);
    assert_int_equal(second->holders, 0);
    assert_int_equal(second->identity, 0);
    rs_bind(4, second);
}

static void the_new_description_in_an_old_place_is_another(void **state) {
    (void)state;
    struct rs_description *old = bound(4);
    uint64_t id = old->id;
    closed(4);
    struct rs_description *fresh = bound(9);
    assert_ptr_equal(fresh, old);
    assert_false(rs_still(4, old, id));
    assert_false(rs_still(9, fresh, id));
    assert_true(rs_still(9, fresh, fresh->id));
}

static void a_duplicate_keeps_the_description(void **state) {
    bool last = true;
    (void)state;
    struct rs_description *description = bound(5);
    rs_bind(6, description);
    assert_ptr_equal(rs_unbind(5, &last), description);
    assert_false(last);
    assert_false(rs_release(description));
    assert_ptr_equal(rs_lookup(6), description);
    assert_ptr_equal(rs_unbind(6, &last), description);
    assert_true(last);
    assert_true(rs_release(description));
}

static void a_failed_close_puts_the_number_back(void **state) {
    bool last;
    (void)state;
    struct rs_description *description = bound(5);
    assert_ptr_equal(rs_unbind(5, &last), description);
    rs_rebind(5, description);
    assert_ptr_equal(rs_lookup(5), description);
    assert_int_equal(description->holders, 1);
    assert_ptr_equal(rs_unbind(5, &last), description);
    assert_true(last);
    assert_true(rs_release(description));
}

static void binding_the_unknown_gives_way_to_the_known(void **state) {
    (void)state;
    struct rs_description *known = bound(5);
    struct rs_description *late = rs_description_new();
    assert_false(rs_bind_if_unknown(5, late));
    assert_ptr_equal(rs_lookup(5), known);
    assert_ptr_equal(rs_description_new(), late); /* its place was free again */
    assert_true(rs_bind_if_unknown(6, late));
    assert_ptr_equal(rs_lookup(6), late);
}

static void own_descriptors_are_neither_known_nor_dropped(void **state) {
    bool last = true;
    (void)state;
    rs_bind_own(1000);
    assert_true(rs_is_own(1000));
    assert_false(rs_known(rs_lookup(1000)));
    assert_int_equal(rs_next_known(0), -1);
    assert_null(rs_unbind(1000, &last));
    assert_false(last);
}

static void a_million_numbers(void **state) {
    (void)state;
    struct rs_description *description = bound(999999);
    assert_ptr_equal(rs_lookup(999999), description);
    assert_int_equal(rs_next_known(0), 999999);
    for (int fd = 10; fd < 999999; fd += 1000) bound(fd);
    int count = 0;
    for (int fd = rs_next_known(0); fd >= 0; fd = rs_next_known(fd + 1)) count++;
    assert_int_equal(count, 1001);
}

static void numbers_beyond_the_table_are_not_tracked(void **state) {
    (void)state;
    struct rs_description *description = rs_description_new();
    rs_bind((int)rs_slot_count, description);
    rs_bind(-1, description);
    assert_int_equal(description->holders, 0);
    assert_false(rs_bind_if_unknown((int)rs_slot_count, description));
    assert_ptr_equal(rs_description_new(), description); /* its place is free again, as for a known number */
    rs_bind(3, description);
}

/* ---- forks ----------------------------------------------------------------------------------------------------- */

static void heard_of(uint64_t owner, uint32_t place) {
    (void)owner, (void)place;
}

/* Runs `child` in a fork, the way guard.c does it. */
static void forked(void (*child)(void)) {
    int status;
    rs_table_forking(heard_of);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (!pid) {
        rs_table_forked(heard_of);
        child();
        _exit(0);
    }
    rs_table_fork_done();
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void closes_five(void) {
    if (closed(5)) _exit(1); /* the parent holds it */
}

static void nothing(void) {
}

static void a_child_that_closes_leaves_the_parents_number(void **state) {
    (void)state;
    struct rs_description *description = bound(5);
    forked(closes_five);
    assert_ptr_equal(rs_lookup(5), description);
    assert_int_equal(description->holders, 1);
    assert_true(closed(5));
}

/* A number that was there at one fork and is closed before the next one: the second child must not let go of what the first
 * one holds. */
static void a_later_child_leaves_what_an_earlier_one_holds(void **state) {
    int go[2], status;
    char byte;
    (void)state;
    struct rs_description *description = bound(5);
    assert_int_equal(pipe(go), 0);
    rs_table_forking(heard_of);
    pid_t first = fork();
    assert_true(first >= 0);
    if (!first) {
        rs_table_forked(heard_of);
        if (read(go[0], &byte, 1) != 1) _exit(1);
        _exit(description->holders == 1 && rs_lookup(5) == description && closed(5) ? 0 : 2);
    }
    rs_table_fork_done();
    assert_false(closed(5));
    forked(nothing);
    assert_int_equal(description->holders, 1);
    assert_int_equal(write(go[1], "x", 1), 1);
    assert_int_equal(waitpid(first, &status, 0), first);
    assert_int_equal(status, 0);
    close(go[0]);
    close(go[1]);
}

static void looks_inherited(void) {
    if (!rs_inherited(rs_lookup(5))) _exit(1);
    bound(6);
    if (rs_inherited(rs_lookup(6))) _exit(2);
    bool last;
    struct rs_description *description = rs_unbind(5, &last);
    if (!last) _exit(3);
    rs_rebind(5, description);
    if (!rs_inherited(description)) _exit(4); /* a dup2 that failed changes nothing */
}

static void a_child_knows_what_it_inherited(void **state) {
    (void)state;
    struct rs_description *description = bound(5);
    assert_false(rs_inherited(description));
    forked(looks_inherited);
    assert_false(rs_inherited(description));
}

/* The child's exit (guard.c's destructor). */
static void exits_later(void) {
    for (int fd = rs_next_known(0); fd >= 0; fd = rs_next_known(fd + 1)) closed(fd);
}

/* A server that accepts, forks, and closes its own number: the child's exit is the connection's end. */
static void a_childs_exit_frees_what_only_it_held(void **state) {
    int go[2], status;
    char byte;
    (void)state;
    struct rs_description *description = bound(5);
    assert_int_equal(pipe(go), 0);
    rs_table_forking(heard_of);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (!pid) {
        rs_table_forked(heard_of);
        if (read(go[0], &byte, 1) != 1) _exit(1);
        exits_later();
        _exit(0);
    }
    rs_table_fork_done();
    assert_false(closed(5));
    assert_int_equal(write(go[1], "x", 1), 1);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    close(go[0]);
    close(go[1]);
    struct rs_description *next = rs_description_new();
    rs_bind(5, next);
    assert_ptr_equal(next, description);
}

static void a_child_that_exits_frees_nothing_of_the_parents(void **state) {
    (void)state;
    struct rs_description *description = bound(5);
    forked(exits_later);
    assert_int_equal(description->holders, 1);
    forked(nothing); /* killed: not counted down; the place is lost, nothing worse */
    assert_ptr_equal(rs_lookup(5), description);
    assert_int_equal(description->holders, 2);
    description->holders = 1;
}

/* ---- threads --------------------------------------------------------------------------------------------------- */

static void *opens_and_closes(void *argument) {
    int base = *(int *)argument;
    for (int i = 0; i < 20000; i++) {
        struct rs_description *description = rs_description_new();
        if (!description || description->holders) return argument;
        uint64_t id = description->id;
        rs_bind(base, description);
        rs_bind(base + 1, description);
        if (!rs_still(base, description, id) || description->holders != 2) return argument;
        bool last;
        if (rs_release(rs_unbind(base, &last)) || last) return argument;
        if (!rs_release(rs_unbind(base + 1, &last)) || !last) return argument;
    }
    return NULL;
}

static void threads_never_share_a_place(void **state) {
    pthread_t threads[4];
    int bases[4];
    (void)state;
    for (int i = 0; i < 4; i++) {
        bases[i] = 100 + 10 * i;
        assert_int_equal(pthread_create(&threads[i], NULL, opens_and_closes, &bases[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(unknown_numbers_stand_for_nothing, tear_down),
        cmocka_unit_test_teardown(the_tag_of_the_unknown_is_no_context, tear_down),
        cmocka_unit_test_teardown(a_bound_number_is_found, tear_down),
        cmocka_unit_test_teardown(a_closed_number_stands_for_nothing, tear_down),
        cmocka_unit_test_teardown(ids_are_never_used_again, tear_down),
        cmocka_unit_test_teardown(places_are_used_again, tear_down),
        cmocka_unit_test_teardown(the_new_description_in_an_old_place_is_another, tear_down),
        cmocka_unit_test_teardown(a_duplicate_keeps_the_description, tear_down),
        cmocka_unit_test_teardown(a_failed_close_puts_the_number_back, tear_down),
        cmocka_unit_test_teardown(binding_the_unknown_gives_way_to_the_known, tear_down),
        cmocka_unit_test_teardown(own_descriptors_are_neither_known_nor_dropped, tear_down),
        cmocka_unit_test_teardown(numbers_beyond_the_table_are_not_tracked, tear_down),
        cmocka_unit_test_teardown(a_child_that_closes_leaves_the_parents_number, tear_down),
        cmocka_unit_test_teardown(a_later_child_leaves_what_an_earlier_one_holds, tear_down),
        cmocka_unit_test_teardown(a_child_knows_what_it_inherited, tear_down),
        cmocka_unit_test_teardown(a_childs_exit_frees_what_only_it_held, tear_down),
        cmocka_unit_test_teardown(a_child_that_exits_frees_nothing_of_the_parents, tear_down),
        cmocka_unit_test_teardown(threads_never_share_a_place, tear_down),
        cmocka_unit_test_teardown(a_million_numbers, tear_down),
    };
    return cmocka_run_group_tests(tests, set_up_group, NULL);
}
