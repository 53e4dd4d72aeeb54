/* test_model.c: the model's own: ids, families, what came with messages, walks over several processes. */
#include "tests/unit/make_trace.h"
#include "viewer/load.h"
#include "viewer/walk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <cmocka.h>

static int set_up(void **state) {
    *state = make_folder();
    return 0;
}

static int tear_down(void **state) {
    make_remove(*state);
    free(*state);
    return 0;
}

/* ---- ids ---- */

static void ids_are_found_again_wherever_they_lie(void **state) {
    struct ids ids = {0};
    const uint64_t some[] = {1, 63, 64, 65, 1000000, UINT64_MAX};
    char things[sizeof some / sizeof *some];
    (void)state;
    for (size_t i = 0; i < sizeof some / sizeof *some; i++) *ids_place(&ids, some[i]) = &things[i];
    for (size_t i = 0; i < sizeof some / sizeof *some; i++) assert_ptr_equal(ids_find(&ids, some[i]), &things[i]);
    assert_null(ids_find(&ids, 2));
    assert_null(ids_find(&ids, 999));
    ids_free(&ids);
    assert_null(ids_find(&ids, 1));
}

/* ---- processes ---- */

static struct make_packet *begin(const char *root, const char *name, uint32_t pid, uint32_t family, uint64_t time,
                                 char **folder) {
    struct rs_event_process process = {
        .header = {time + 10, RS_EVENT_process, -1}, .pid = pid, .parent_pid = 1, .family = family};
    struct rs_event_thread thread = {.header = {time + 1, RS_EVENT_thread, -1}, .thread = pid};
    struct make_packet *packet = make_packet(true, 0, 0, time);
    *folder = make_path(root, name);
    assert_int_equal(mkdir(*folder, 0700), 0);
    make_metadata(*folder);
    /* A thread's name comes before the process's own event, in real ones too. */
    make_event(packet, &thread, sizeof thread, "main", NULL, NULL, 0);
    make_event(packet, &process, sizeof process, name, NULL, NULL, 0);
    return packet;
}

static void end(struct make_packet *packet, char *folder) {
    make_finish(packet, folder);
    free(folder);
}

static void add_open(struct make_packet *packet, uint64_t time, uint64_t id, uint32_t operation, const char *name) {
    struct rs_event_open open = {
        .header = {time, RS_EVENT_open, 7}, .description = id, .opened = time, .operation = operation};
    make_event(packet, &open, sizeof open, name, NULL, NULL, 0);
}

static void add_passed(struct make_packet *packet, uint64_t time, uint64_t id, uint32_t how, uint64_t identity) {
    struct rs_event_passed passed = {
        .header = {time, RS_EVENT_passed, 7}, .how = how, .description = id, .identity = identity};
    make_event(packet, &passed, sizeof passed, NULL, NULL, NULL, 0);
}

static void add_io(struct make_packet *packet, uint64_t time, uint64_t id, uint64_t context, int32_t result) {
    struct rs_event_io io = {
        .header = {time, EVENT_IO + RS_OP_read, 7}, .result = result, .description = id, .context = context};
    make_event(packet, &io, sizeof io, NULL, NULL, NULL, 0);
}

static void what_came_with_a_message_is_what_was_sent(void **state) {
    char *root = *state, *folder;
    struct make_packet *packet = begin(root, "sender-1", 1, 9, 1000, &folder);
    struct model model;
    const struct description *one;
    add_open(packet, 1100, 1, RS_OP_open, "/a");
    add_open(packet, 1110, 2, RS_OP_open, "/b");
    add_io(packet, 1150, 1, 0, 3);
    add_passed(packet, 1200, 1, RS_PASSED_SENT, 77);
    add_passed(packet, 1210, 2, RS_PASSED_SENT, 88);
    end(packet, folder);
    packet = begin(root, "taker-2", 2, 9, 1001, &folder);
    add_open(packet, 1190, 3, RS_OP_receive, "/a"); /* before the sender has come to say so */
    add_passed(packet, 1195, 3, RS_PASSED_RECEIVED, 77);
    add_open(packet, 1300, 4, RS_OP_receive, "/c");
    add_passed(packet, 1310, 4, RS_PASSED_RECEIVED, 99); /* sent by nobody here */
    add_io(packet, 1400, 3, 0, 5);
    end(packet, folder);
    assert_true(load_traces(&model, &root, 1, NULL));
    assert_int_equal(model.family_count, 1);
    assert_int_equal(model.description_count, 3);
    one = model_description_of(model.processes[0], 1);
    assert_ptr_equal(model_description_of(model.processes[1], 3), one);
    assert_int_equal(one->id, 1);
    assert_int_equal(one->operation, RS_OP_open);
    assert_int_equal(one->bytes, 8);
    assert_int_equal(one->pid_count, 2);
    assert_int_equal(one->pids[0], 1);
    assert_int_equal(model_description_of(model.processes[1], 4)->id, 4);
    model_free(&model);
}

static void another_familys_message_is_another_matter(void **state) {
    char *root = *state, *folder;
    struct make_packet *packet = begin(root, "sender-1", 1, 9, 1000, &folder);
    struct model model;
    add_open(packet, 1100, 1, RS_OP_open, "/a");
    add_passed(packet, 1200, 1, RS_PASSED_SENT, 77);
    end(packet, folder);
    packet = begin(root, "taker-2", 2, 8, 1001, &folder);
    add_open(packet, 1290, 1, RS_OP_receive, "/a");
    add_passed(packet, 1300, 1, RS_PASSED_RECEIVED, 77);
    end(packet, folder);
    assert_true(load_traces(&model, &root, 1, NULL));
    assert_int_equal(model.description_count, 2); /* the same id in both: their contexts' ids would be, too */
    model_free(&model);
}

static void what_a_process_sends_itself_stays_two(void **state) {
    char *root = *state, *folder;
    struct make_packet *packet = begin(root, "server-1", 1, 9, 1000, &folder);
    struct model model;
    add_open(packet, 1100, 1, RS_OP_open, "/a");
    add_passed(packet, 1200, 1, RS_PASSED_SENT, 77);
    add_open(packet, 1290, 2, RS_OP_receive, "/a");
    add_passed(packet, 1300, 2, RS_PASSED_RECEIVED, 77);
    end(packet, folder);
    assert_true(load_traces(&model, &root, 1, NULL));
    assert_int_equal(model.description_count, 2); /* as for the guard, which gave each an owner */
    model_free(&model);
}

static void add_close(struct make_packet *packet, uint64_t time, uint64_t id) {
    struct rs_event_close close = {.header = {time, RS_EVENT_close, 7}, .last = 1, .description = id};
    make_event(packet, &close, sizeof close, NULL, NULL, NULL, 0);
}

static void what_was_sent_is_open_while_its_receiver_has_it(void **state) {
    char *root = *state, *folder;
    struct make_packet *packet = begin(root, "sender-1", 1, 9, 1000, &folder);
    struct model model;
    add_open(packet, 1100, 1, RS_OP_open, "/a");
    add_passed(packet, 1200, 1, RS_PASSED_SENT, 77);
    add_close(packet, 1250, 1);
    end(packet, folder);
    packet = begin(root, "taker-2", 2, 9, 1001, &folder);
    add_open(packet, 1300, 2, RS_OP_receive, "/a");
    add_passed(packet, 1310, 2, RS_PASSED_RECEIVED, 77);
    end(packet, folder);
    assert_true(load_traces(&model, &root, 1, NULL));
    assert_int_equal(model.description_count, 1);
    assert_int_equal(model.descriptions[0]->closed, 0);
    model_free(&model);
}

static void users_are_told_in_the_order_of_their_first_use(void **state) {
    char *root = *state, *folder;
    struct make_packet *packet = begin(root, "server-1", 1, 9, 1000, &folder);
    struct model model;
    const struct description *one;
    add_open(packet, 1100, 1, RS_OP_open, "/a");
    add_io(packet, 1200, 1, 5, 1);
    add_io(packet, 1210, 1, 3, 1);
    add_io(packet, 1220, 1, 5, 1);
    add_io(packet, 1230, 1, 4, -11);
    end(packet, folder);
    assert_true(load_traces(&model, &root, 1, NULL));
    one = model.descriptions[0];
    assert_int_equal(one->user_count, 3);
    assert_int_equal(one->users[0], 5);
    assert_int_equal(one->users[1], 3);
    assert_int_equal(one->users[2], 4);
    assert_int_equal(one->uses, 4);
    assert_int_equal(one->bytes, 3);
    assert_int_equal(((const struct context *)ids_find(&one->family->contexts, 5))->uses, 2);
    assert_int_equal(model.last_time, 1230); /* of a call */
    model_free(&model);
}

static void a_walk_takes_all_processes_in_the_order_of_time(void **state) {
    char *root = *state, *folder;
    struct make_packet *packet = begin(root, "first-1", 1, 9, 1000, &folder);
    struct model model;
    struct walk *walk;
    struct rs_read_event event;
    struct process *process;
    uint64_t before = 0, events = 0;
    add_io(packet, 1200, 1, 5, 1);
    add_io(packet, 1400, 1, 5, 1);
    end(packet, folder);
    packet = begin(root, "second-2", 2, 8, 1002, &folder);
    add_io(packet, 1300, 1, 5, 1);
    end(packet, folder);
    assert_true(load_traces(&model, &root, 1, NULL));
    walk = walk_open(&model, false, NULL);
    while (walk_next(walk, &process, &event)) {
        assert_true(event.header->time > before);
        before = event.header->time;
        assert_int_equal(process->pid, before == 1300 || before == 1003 || before == 1012 ? 2 : 1);
        events++;
    }
    assert_int_equal(events, 7);
    assert_int_equal(events, model.events);
    walk_close(walk);
    model_free(&model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_are_found_again_wherever_they_lie),
        cmocka_unit_test_setup_teardown(what_came_with_a_message_is_what_was_sent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(another_familys_message_is_another_matter, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_a_process_sends_itself_stays_two, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_sent_is_open_while_its_receiver_has_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(users_are_told_in_the_order_of_their_first_use, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_walk_takes_all_processes_in_the_order_of_time, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("model", tests, NULL, NULL);
}
