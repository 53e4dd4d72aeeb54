/* test_context.c: contexts come, are found by id, and go; their places are used again, their ids never. */
#include "preload/context.h"
#include "tests/unit/unit.h"
#include "tracer/layout.h"

#include <pthread.h>
#include <stdio.h>

#define FIRST_LEVEL 2048
#define SECOND_LEVEL 16384

static int set_up_group(void **state) {
    (void)state;
    rs_on = true;
    return rs_contexts_start() ? 0 : -1;
}

static void end_it(struct rs_context *context) {
    rs_context_finish(context, rs_context_id(context));
}

static int tear_down(void **state) {
    (void)state;
    /* rs_context_each_live is under test itself, so by ids, which count up. */
    struct rs_context *last = rs_context_begin("", RS_ORIGIN_API);
    for (uint64_t id = rs_context_id(last); id && id + 300000 > rs_context_id(last); id--) {
        struct rs_context *context = rs_context_find(id);
        if (!context || context == last) continue;
        context->owned = 0;
        rs_context_finish(context, rs_context_id(context));
    }
    rs_context_finish(last, rs_context_id(last));
    return 0;
}

static struct rs_context *began(const char *label) {
    struct rs_context *context = rs_context_begin(label, RS_ORIGIN_API);
    assert_non_null(context);
    return context;
}

static void a_context_is_found_by_its_id(void **state) {
    (void)state;
    rs_thread.current = 77;
    struct rs_context *context = began("GET /");
    rs_thread.current = 0;
    uint64_t id = rs_context_id(context);
    assert_int_not_equal(id, 0);
    assert_ptr_equal(rs_context_find(id), context);
    assert_true(rs_context_live(context));
    assert_true(rs_context_ever(id));
    assert_string_equal(context->label, "GET /");
    assert_int_equal(context->parent, 77);
    assert_int_equal(context->origin, RS_ORIGIN_API);
    assert_true(context->began > 0);
}

static void the_first_context_is_the_processs_else_its_parents(void **state) {
    (void)state;
    rs_pid = 1000;
    struct rs_context *first = began("first"), *second = began("second");
    uint64_t id = rs_context_id(first);
    assert_int_equal(rs_context_first(), id);
    end_it(first);
    end_it(second);
    rs_pid = 1001; /* a fork's child */
    assert_int_equal(rs_context_first(), id);
    struct rs_context *own = began("own");
    assert_int_equal(rs_context_first(), rs_context_id(own));
    end_it(own);
    rs_pid = 0;
}

static void what_never_was_is_not_found(void **state) {
    (void)state;
    uint64_t id = rs_context_id(began(""));
    assert_null(rs_context_find(0));
    assert_null(rs_context_find(id + 1));
    assert_null(rs_context_find(~0ull));
    assert_null(rs_context_find(~0ull >> 1));
    assert_false(rs_context_ever(0));
    assert_false(rs_context_ever(id + 1));
}

static void it_ends_once(void **state) {
    (void)state;
    struct rs_context *context = began("x");
    uint64_t id = rs_context_id(context);
    assert_true(rs_context_finish(context, rs_context_id(context)));
    assert_false(rs_context_finish(context, rs_context_id(context)));
    assert_false(rs_context_live(context));
    assert_ptr_equal(rs_context_find(id), context);
    assert_string_equal(context->label, "x");
}

static void ids_are_never_used_again(void **state) {
    uint64_t before = 0;
    (void)state;
    for (int i = 0; i < 3 * FIRST_LEVEL; i++) {
        struct rs_context *context = began("");
        assert_true(rs_context_id(context) > before);
        before = rs_context_id(context);
        rs_context_finish(context, rs_context_id(context));
    }
}

/* Begins and ends contexts until the place of `context` is another's; false when a round through the level did not do
 * it. */
static bool place_goes(struct rs_context *context, uint64_t id) {
    for (int i = 0; i < 2 * FIRST_LEVEL; i++) {
        struct rs_context *next = began("next");
        rs_context_finish(next, rs_context_id(next));
        if (rs_context_id(context) != id) return true;
    }
    return false;
}

static void a_place_is_used_again_when_it_ended_and_owns_nothing(void **state) {
    (void)state;
    struct rs_context *context = began("owner");
    uint64_t id = rs_context_id(context);
    rs_context_owns(id, 7, 1);
    assert_false(place_goes(context, id)); /* live */
    rs_context_finish(context, rs_context_id(context));
    assert_false(place_goes(context, id)); /* an owner's label can still be told */
    assert_string_equal(rs_context_find(id)->label, "owner");
    rs_context_owns(id, 7, -1);
    assert_true(place_goes(context, id));
    assert_null(rs_context_find(id));
}

static void owning_is_counted_for_known_contexts_only(void **state) {
    (void)state;
    rs_context_owns(0, 7, 1);
    rs_context_owns(~0ull >> 1, 7, 1);
    struct rs_context *context = began("");
    assert_int_equal(context->owned, 0);
}

static void labels_are_cut_and_cleaned(void **state) {
    char text[400];
    (void)state;
    assert_string_equal(began(NULL)->label, "");
    assert_string_equal(began("")->label, "");
    assert_string_equal(began("a\nb\tc\x7f\x1b[31m")->label, "a?b?c??[31m");
    assert_string_equal(began("GET /\xc3\xa4")->label, "GET /\xc3\xa4");
    memset(text, 'x', sizeof text);
    text[RS_LABEL_SIZE - 1] = 0;
    assert_string_equal(began(text)->label, text); /* 127 bytes fit */
    text[RS_LABEL_SIZE - 1] = 'x';
    text[sizeof text - 1] = 0;
    assert_int_equal(strlen(began(text)->label), RS_LABEL_SIZE - 1);
}

/* A character of 2, 3 or 4 bytes that begins 1 to 4 bytes before the cut is whole or not there. */
static void labels_are_cut_at_a_character(void **state) {
    static const char *const characters[] = {"\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
    (void)state;
    for (size_t c = 0; c < 3; c++) {
        size_t bytes = strlen(characters[c]);
        for (size_t before = 1; before <= bytes + 1; before++) {
            char text[400] = "";
            size_t begin = RS_LABEL_SIZE - 1 - before;
            memset(text, 'x', begin);
            strcpy(text + begin, characters[c]);
            strcat(text, "yyyyyyyyyy");
            size_t expected = begin + (before < bytes ? 0 : before);
            assert_int_equal(strlen(began(text)->label), expected);
        }
    }
}

/* ---- what runs at the end, and values --------------------------------------------------------------------------- */

static char order[64];
static struct rs_context *ending;

static void note(void *argument) {
    strcat(order, argument);
}

static void adds_another(void *argument) {
    strcat(order, argument);
    assert_int_equal(rs_context_defer(ending, note, "+"), 0);
}

static void deferred_functions_run_last_first(void **state) {
    (void)state;
    order[0] = 0;
    ending = began("");
    rs_context_defer(ending, note, "1");
    rs_context_defer(ending, adds_another, "2");
    rs_context_set(ending, &order, "value");
    rs_context_defer(ending, note, "3");
    rs_context_run_deferred(ending);
    assert_string_equal(order, "32+1");
    rs_context_run_deferred(ending);
    assert_string_equal(order, "32+1");
}

static void values_are_kept_by_key(void **state) {
    int first, second;
    (void)state;
    struct rs_context *context = began(""), *other = began("");
    assert_null(rs_context_get(context, &first));
    assert_int_equal(rs_context_set(context, &first, "one"), 0);
    assert_int_equal(rs_context_set(context, &second, "two"), 0);
    assert_int_equal(rs_context_defer(context, note, "x"), 0);
    assert_string_equal(rs_context_get(context, &first), "one");
    assert_string_equal(rs_context_get(context, &second), "two");
    assert_null(rs_context_get(other, &first));
    assert_int_equal(rs_context_set(context, &first, "three"), 0);
    assert_string_equal(rs_context_get(context, &first), "three");
    rs_context_run_deferred(context);
    assert_null(rs_context_get(context, &first));
}

static void a_new_context_in_an_old_place_has_no_values(void **state) {
    int key;
    (void)state;
    struct rs_context *context = began("");
    uint64_t id = rs_context_id(context);
    rs_context_set(context, &key, "old");
    rs_context_run_deferred(context);
    rs_context_finish(context, rs_context_id(context));
    assert_true(place_goes(context, id));
    assert_null(rs_context_get(context, &key));
}

static void bookkeeping_is_given_back(void **state) {
    (void)state;
    order[0] = 0;
    for (int i = 0; i < 1 << 21; i++) { /* twice as many as there are places */
        struct rs_context *context = began("");
        assert_int_equal(rs_context_set(context, &order, order), 0);
        rs_context_run_deferred(context);
        rs_context_finish(context, rs_context_id(context));
    }
}

/* ---- many ------------------------------------------------------------------------------------------------------- */

static uint64_t live_count, live_sum;

static void count_live(struct rs_context *context) {
    live_count++;
    live_sum += rs_context_id(context);
}

static void see_live(void) {
    live_count = live_sum = 0;
    rs_context_each_live(count_live);
}

static void two_hundred_thousand_live_contexts(void **state) {
    enum { MANY = 200000 };
    uint64_t *ids = calloc(MANY, sizeof *ids), sum = 0;
    char label[32];
    (void)state;
    see_live();
    uint64_t before_count = live_count, before_sum = live_sum;
    for (int i = 0; i < MANY; i++) {
        snprintf(label, sizeof label, "GET /%d", i);
        ids[i] = rs_context_id(began(label));
        sum += ids[i];
    }
    for (int i = 0; i < MANY; i++) {
        struct rs_context *context = rs_context_find(ids[i]);
        snprintf(label, sizeof label, "GET /%d", i);
        assert_non_null(context);
        assert_string_equal(context->label, label);
    }
    see_live();
    assert_int_equal(live_count - before_count, MANY);
    assert_int_equal(live_sum - before_sum, sum);
    for (int i = 0; i < MANY; i++) end_it(rs_context_find(ids[i]));
    see_live();
    assert_int_equal(live_count, before_count);
    free(ids);
}

/* The contexts that were crowded out of the first levels stay where they are when those are free again. */
static void all_live_contexts_are_visited_wherever_they_lie(void **state) {
    enum { MANY = FIRST_LEVEL + SECOND_LEVEL + 100 };
    static uint64_t ids[MANY];
    (void)state;
    see_live();
    assert_int_equal(live_count, 0);
    for (int i = 0; i < MANY; i++) ids[i] = rs_context_id(began(""));
    for (int i = 0; i < MANY - 10; i++) end_it(rs_context_find(ids[i]));
    see_live();
    assert_int_equal(live_count, 10);
}

static void *begins_and_ends(void *argument) {
    for (int i = 0; i < 20000; i++) {
        struct rs_context *context = rs_context_begin("thread", RS_ORIGIN_API);
        if (!context) return argument;
        uint64_t id = rs_context_id(context);
        if (rs_context_find(id) != context || context->owned) return argument;
        rs_context_owns(id, 7, 1);
        rs_context_set(context, argument, context);
        if (rs_context_get(context, argument) != context) return argument;
        rs_context_run_deferred(context);
        rs_context_owns(id, 7, -1);
        if (!rs_context_finish(context, rs_context_id(context))) return argument;
    }
    return NULL;
}

static void threads_never_share_a_place(void **state) {
    pthread_t threads[4];
    char names[4];
    (void)state;
    for (int i = 0; i < 4; i++) assert_int_equal(pthread_create(&threads[i], NULL, begins_and_ends, &names[i]), 0);
    for (int i = 0; i < 4; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_context_is_found_by_its_id, tear_down),
        cmocka_unit_test_teardown(the_first_context_is_the_processs_else_its_parents, tear_down),
        cmocka_unit_test_teardown(what_never_was_is_not_found, tear_down),
        cmocka_unit_test_teardown(it_ends_once, tear_down),
        cmocka_unit_test_teardown(ids_are_never_used_again, tear_down),
        cmocka_unit_test_teardown(a_place_is_used_again_when_it_ended_and_owns_nothing, tear_down),
        cmocka_unit_test_teardown(owning_is_counted_for_known_contexts_only, tear_down),
        cmocka_unit_test_teardown(labels_are_cut_and_cleaned, tear_down),
        cmocka_unit_test_teardown(labels_are_cut_at_a_character, tear_down),
        cmocka_unit_test_teardown(deferred_functions_run_last_first, tear_down),
        cmocka_unit_test_teardown(values_are_kept_by_key, tear_down),
        cmocka_unit_test_teardown(a_new_context_in_an_old_place_has_no_values, tear_down),
        cmocka_unit_test_teardown(bookkeeping_is_given_back, tear_down),
        cmocka_unit_test_teardown(threads_never_share_a_place, tear_down),
        cmocka_unit_test_teardown(two_hundred_thousand_live_contexts, tear_down),
        cmocka_unit_test_teardown(all_live_contexts_are_visited_wherever_they_lie, tear_down),
    };
    return cmocka_run_group_tests(tests, set_up_group, NULL);
}
