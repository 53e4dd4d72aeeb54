/* test_live.c: what lives now, from events as they come: also from those that come again, too late, or not at all. */
#include "tests/unit/make_trace.h"
#include "tests/unit/unit.h"
#include "viewer/live.h"

#include <stdio.h>

#define NOW 10000000000ull /* ns: the first event's time */
#define FAMILY 77u

struct place {
    struct live *live;
    struct live_process *process;
    uint64_t time;
};

/* Gives the event, `bytes` of it with its header's time set, with a text. */
static void give_to(struct place *place, struct live_process *process, void *event, const char *text) {
    struct rs_event_header *header = event;
    place->time += 10;
    header->time = place->time;
    live_take(place->live, &(struct tail_event){
                               .process = process,
                               .header = header,
                               .number = header->id >= EVENT_IO ? (uint32_t)RS_EVENT_IO : header->id,
                               .operation = header->id >= EVENT_IO ? header->id - EVENT_IO : (uint32_t)RS_OP_none,
                               .text = text,
                           });
}

#define GIVE_TO(place, process, event, text, ...) \
    give_to(place, process, &(struct rs_event_##event){.header = {.id = RS_EVENT_##event, .fd = 7}, __VA_ARGS__}, text)
#define GIVE(place, event, text, ...) GIVE_TO(place, (place)->process, event, text, __VA_ARGS__)

static struct live_process *add_process(struct place *place, uint32_t pid) {
    struct live_process *process = live_add(place->live, pid);
    GIVE_TO(place, process, process, "server --port 80", .pid = pid, .family = FAMILY);
    return process;
}

static int set_up(void **state) {
    struct place *place = calloc(1, sizeof *place);
    place->live = live_new();
    place->time = NOW;
    place->process = add_process(place, 100);
    live_primed(place->live);
    *state = place;
    return 0;
}

static int tear_down(void **state) {
    struct place *place = *state;
    live_free(place->live);
    free(place);
    return 0;
}

static void begin(struct place *place, uint64_t context, const char *label) {
    GIVE(place, context_begin, label, .context = context, .began = place->time);
}

static void end(struct place *place, uint64_t context) {
    GIVE(place, context_end, "", .context = context);
}

static void open_pipe(struct place *place, uint64_t description, uint64_t context) {
    GIVE(place, open, "pipe", .description = description, .context = context, .kind = RS_KIND_PIPE);
}

static void do_io(struct place *place, uint32_t operation, uint64_t description, int32_t result) {
    give_to(place, place->process,
            &(struct rs_event_io){
                .header = {.id = EVENT_IO + operation, .fd = 7}, .result = result, .description = description},
            "");
}

static void close_pipe(struct place *place, uint64_t description) {
    GIVE(place, close, "", .description = description, .last = 1);
}

static void contexts_begin_and_end(void **state) {
    struct place *place = *state;
    const struct live_label *labels[4];
    begin(place, 1, "GET /a");
    begin(place, 2, "GET /a");
    begin(place, 3, "GET /b");
    end(place, 2);
    assert_int_equal(place->live->live_count, 2);
    assert_int_equal(place->live->interval.begun, 3);
    assert_int_equal(place->live->interval.ended, 1);
    assert_int_equal(live_labels(place->live, labels, 4), 2);
    assert_string_equal(labels[0]->text, "GET /a");
    assert_int_equal(labels[0]->begun, 2);
    assert_int_equal(labels[0]->duration, 30);
    live_begin_interval(place->live);
    assert_int_equal(place->live->interval.begun, 0);
    assert_int_equal(place->live->total.begun, 3);
    assert_int_equal(place->live->live_count, 2);
    assert_int_equal(live_labels(place->live, labels, 4), 0);
}

/* The recorder writes the begin again when it gives up its packet, as long as anybody may ask for it. */
static void what_is_told_again_is_no_news(void **state) {
    struct place *place = *state;
    begin(place, 1, "GET /a");
    begin(place, 2, "GET /b");
    end(place, 2);
    for (unsigned i = 0; i < 2 * LIVE_REMEMBERED; i++) { /* until number 2 is forgotten */
        begin(place, 10 + i, "GET /x");
        end(place, 10 + i);
    }
    assert_null(live_context_of(place->live, FAMILY, 2));
    live_begin_interval(place->live);
    GIVE(place, context_begin, "GET /a", .context = 1, .began = NOW);
    GIVE(place, context_begin, "GET /b", .context = 2, .began = NOW - 1000000000);
    assert_int_equal(place->live->live_count, 1);
    assert_int_equal(place->live->interval.begun, 0);
    assert_string_equal(live_context_of(place->live, FAMILY, 2)->label->text, "GET /b"); /* a finding may name it */
}

/* At the first look all that there is stands for itself: what was carried over by the flight recorder lives. */
static void what_began_before_the_first_look_lives(void **state) {
    struct place *place = *state;
    place->process->primed = false;
    GIVE(place, context_begin, "GET /old", .context = 1, .began = NOW - 5000000000);
    GIVE(place, open, "pipe", .description = 5, .context = 1, .flags = RS_OPEN_CARRIED);
    live_primed(place->live);
    assert_int_equal(place->live->live_count, 1);
    assert_int_equal(place->live->open_count, 1);
    assert_int_equal(place->live->total.begun, 0);
    end(place, 1);
    assert_int_equal(place->live->live_count, 0);
    assert_int_equal(place->live->interval.ended, 1);
}

static void what_ends_before_it_begins_does_not_live(void **state) {
    struct place *place = *state;
    end(place, 1);
    close_pipe(place, 5);
    begin(place, 1, "GET /late");
    open_pipe(place, 5, 1);
    assert_int_equal(place->live->live_count, 0);
    assert_int_equal(place->live->open_count, 0);
}

static void a_context_that_was_none_has_not_ended(void **state) {
    struct place *place = *state;
    begin(place, 1, "GET /a");
    GIVE(place, context_end, "", .context = 1, .superseded = 1);
    assert_int_equal(place->live->live_count, 0);
    assert_int_equal(place->live->interval.ended, 0);
}

static void descriptions_open_and_close(void **state) {
    struct place *place = *state;
    const struct live_description *busiest[2];
    begin(place, 1, "GET /a");
    open_pipe(place, 5, 1);
    open_pipe(place, 6, 1);
    open_pipe(place, 8, 0);
    do_io(place, RS_OP_read, 5, 100);
    do_io(place, RS_OP_write, 6, 10);
    do_io(place, RS_OP_write, 6, -11); /* failed */
    do_io(place, RS_OP_accept, 8, 7);  /* not bytes */
    do_io(place, RS_OP_accept, 8, 7);
    do_io(place, RS_OP_accept, 8, 7);
    assert_int_equal(place->live->interval.calls, 6);
    assert_int_equal(place->live->interval.bytes, 110);
    close_pipe(place, 6);
    assert_int_equal(place->live->open_count, 2);
    assert_int_equal(live_busiest(place->live, busiest, 2),
                     2); /* that it was closed meanwhile is no reason to hide it */
    assert_int_equal(busiest[0]->key.id, 8);
    assert_int_equal(busiest[1]->key.id, 6);
    GIVE(place, name, "tcp 127.0.0.1:6379", .description = 5, .kind = RS_KIND_TCP);
    GIVE(place, handover, "", .description = 5, .from = 1, .to = 2);
    assert_string_equal(live_name(live_description_of(place->live, FAMILY, 5)), "tcp 127.0.0.1:6379");
    assert_int_equal(live_description_of(place->live, FAMILY, 5)->owner, 2);
}

/* Whoever owns something may still be named; nobody else is kept for long. */
static void what_is_over_is_forgotten(void **state) {
    struct place *place = *state;
    begin(place, 1, "GET /owner");
    open_pipe(place, 5, 1);
    end(place, 1);
    for (uint64_t i = 100; i < 100 + 3 * LIVE_REMEMBERED; i++) {
        begin(place, i, "GET /x");
        open_pipe(place, i, i);
        close_pipe(place, i);
        end(place, i);
        if (i % 100 == 0) live_begin_interval(place->live);
    }
    live_begin_interval(place->live);
    live_begin_interval(place->live);
    assert_string_equal(live_context_of(place->live, FAMILY, 1)->label->text, "GET /owner");
    assert_true(HASH_COUNT(place->live->contexts) <= LIVE_REMEMBERED + 1);
    assert_int_equal(HASH_COUNT(place->live->descriptions), 1);
    assert_int_equal(HASH_COUNT(place->live->labels), 2);
    close_pipe(place, 5);
    live_begin_interval(place->live);
    live_begin_interval(place->live);
    assert_null(live_context_of(place->live, FAMILY, 1));
}

static void a_fork_shares_what_was_open(void **state) {
    struct place *place = *state;
    struct live_process *child;
    begin(place, 1, "GET /a");
    open_pipe(place, 5, 1);
    child = add_process(place, 101);
    GIVE_TO(place, child, context_begin, "GET /a", .context = 1, .began = NOW, .origin = RS_ORIGIN_INHERITED);
    GIVE_TO(place, child, open, "pipe", .description = 5, .context = 1, .flags = RS_OPEN_INHERITED);
    assert_int_equal(place->live->live_count, 1);
    assert_int_equal(place->live->interval.begun, 1);
    assert_int_equal(place->live->open_count, 1);
    close_pipe(place, 5);
    assert_int_equal(place->live->open_count, 1); /* the child has it */
    GIVE_TO(place, child, context_begin, "GET /child", .context = 2, .began = place->time);
    assert_int_equal(place->live->live_count, 2);
    live_remove(place->live, child);
    assert_int_equal(place->live->open_count, 0);
    assert_int_equal(place->live->live_count, 1);
    assert_int_equal(place->live->process_count, 1);
}

static void look(struct place *place, struct tail *tail) {
    struct tail_event event;
    tail_look(tail);
    while (tail_next(tail, UINT64_MAX, &event)) live_take(place->live, &event);
}

/* The flight recorder gives up a packet and tells again what of it is still needed. Whatever it does not is over, though its end was
 * never read. */
static void what_is_not_told_again_is_over(void **state) {
    struct place *place = *state;
    struct tail *tail = tail_open();
    char *folder = make_folder(), *first = make_path(folder, "stream_0_0");
    struct make_packet *packet = make_packet(false, 0, 0, 900);
    assert_true(tail_add(tail, folder, place->process));
    make_context(packet, 1000, 1, RS_ORIGIN_API, "GET /over");
    make_context(packet, 1100, 2, RS_ORIGIN_API, "GET /lasts");
    struct rs_event_open open = {.header = {1200, RS_EVENT_open, 7}, .description = 5, .context = 1, .opened = 1200};
    make_event(packet, &open, sizeof open, "pipe", NULL, NULL, 0);
    make_finish(packet, folder);
    look(place, tail);
    assert_int_equal(place->live->live_count, 2);
    live_sweep(place->live, tail);
    packet = make_packet(false, 0, 1, 2000);
    make_context(packet, 2100, 2, RS_ORIGIN_API, "GET /lasts");
    make_finish(packet, folder);
    assert_int_equal(remove(first), 0);
    look(place, tail);
    live_sweep(place->live, tail);
    assert_int_equal(place->live->live_count,
                     2); /* it is only now known to be gone: what is told again may not be read yet */
    assert_int_equal(place->live->open_count, 1);
    live_sweep(place->live, tail);
    assert_int_equal(place->live->live_count, 1);
    assert_int_equal(place->live->open_count, 0);
    assert_true(live_context_of(place->live, FAMILY, 2)->lives);
    tail_close(tail);
    make_remove(folder);
    free(first);
    free(folder);
}

static void give_stack(struct place *place, struct live_process *process, uint32_t id, uint64_t address) {
    struct {
        struct rs_event_stack stack;
        uint64_t addresses[2];
    } event = {.stack = {.header = {.id = RS_EVENT_stack, .fd = -1}, .stack = id, .frames = 2},
               .addresses = {address, address + 8}};
    give_to(place, process, &event, "");
}

static void find_touch(struct place *place, struct live_process *process, uint32_t number, uint32_t used_stack) {
    GIVE_TO(place, process, finding, "", .finding = number, .kind = RS_FINDING_foreign_io, .operation = RS_OP_write,
            .description = 5, .owner = 1, .user = 2, .opened_stack = 1, .used_stack = used_stack);
}

static void findings_are_sentences(void **state) {
    struct place *place = *state;
    begin(place, 1, "GET /a");
    open_pipe(place, 5, 1);
    begin(place, 2, "GET /b");
    end(place, 1);
    give_stack(place, place->process, 1, 0x1000);
    give_stack(place, place->process, 2, 0x2000);
    find_touch(place, place->process, 1, 2);
    assert_int_equal(place->live->interval.findings, 1);
    assert_string_equal(place->live->findings->kind, "foreign-io");
    assert_string_equal(place->live->findings->sentence,
                        "GET /b (context 2) writes to fd 7 (pipe), which GET /a (context 1) owns");
    assert_int_equal(place->live->findings->came, place->live->number);
    GIVE(place, finding_again, "", .finding = 1, .count = 4);
    GIVE(place, finding_again, "", .finding = 1, .count = 4); /* written again */
    assert_int_equal(place->live->findings->count, 4);
    assert_int_equal(place->live->interval.again, 3);
}

/* Workers of one server that make the same mistake have made one. */
static void the_same_stacks_in_a_family_are_one_finding(void **state) {
    struct place *place = *state;
    struct live_process *child = add_process(place, 101), *sibling = add_process(place, 102);
    give_stack(place, place->process, 1, 0x1000); /* before the fork: they speak of it by its number */
    give_stack(place, child, 2, 0x2000);
    give_stack(place, sibling, 3, 0x2000);
    give_stack(place, sibling, 2, 0x4000);
    find_touch(place, child, 1, 2);
    find_touch(place, sibling, 1, 3);
    assert_int_equal(HASH_COUNT(place->live->findings), 1);
    GIVE_TO(place, sibling, finding_again, "", .finding = 1, .count = 9);
    assert_int_equal(place->live->findings->count, 2); /* it may have counted on from its parent's 8 */
    find_touch(place, sibling, 2, 2);
    assert_int_equal(HASH_COUNT(place->live->findings), 2);
    live_remove(place->live, child);
    live_remove(place->live, sibling);
    assert_int_equal(HASH_COUNT(place->live->findings), 2);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(contexts_begin_and_end),
        TEST(what_is_told_again_is_no_news),
        TEST(what_began_before_the_first_look_lives),
        TEST(what_ends_before_it_begins_does_not_live),
        TEST(a_context_that_was_none_has_not_ended),
        TEST(descriptions_open_and_close),
        TEST(what_is_over_is_forgotten),
        TEST(a_fork_shares_what_was_open),
        TEST(what_is_not_told_again_is_over),
        TEST(findings_are_sentences),
        TEST(the_same_stacks_in_a_family_are_one_finding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
