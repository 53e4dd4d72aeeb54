/* test_diff.c: `reqscope diff`: which findings are the same in two traces, and what contexts open. */
#include "tests/unit/run_command.h"
#include "viewer/diff.h"

#include <sys/stat.h>

struct place {
    char *root, *before, *after, *file; /* file: this program, whose functions the traces name */
};

static int set_up(void **state) {
    struct place *place = calloc(1, sizeof *place);
    place->root = make_folder();
    place->before = make_path(place->root, "before");
    place->after = make_path(place->root, "after");
    place->file = realpath("/proc/self/exe", NULL);
    *state = place;
    return mkdir(place->before, 0700) || mkdir(place->after, 0700);
}

static int tear_down(void **state) {
    struct place *place = *state;
    make_remove(place->root);
    free(place->root);
    free(place->before);
    free(place->after);
    free(place->file);
    free(place);
    return 0;
}

/* What the traced program is made of. */
#define FUNCTION(name)                                       \
    __attribute__((noinline, used)) static int name(int n) { \
        return n * __LINE__ + 1;                             \
    }
FUNCTION(open_basket)
FUNCTION(ask_basket)
FUNCTION(ask_price)
FUNCTION(serve)

/* Two bytes apart in a function stand for two calls in it. */
static uint64_t place_in(int (*function)(int), uint64_t base, uint64_t call) {
    extern const char __executable_start[];
    return base + (uint64_t)(uintptr_t)function - (uint64_t)(uintptr_t)__executable_start + 1 + call;
}

static struct make_packet *begin(const struct place *place, bool after, uint64_t base, const char *file,
                                 char **folder) {
    const char *root = after ? place->after : place->before;
    struct make_packet *packet = make_process(root, after ? 200 : 100, 1000, file, base, folder);
    make_context(packet, 1100, 1, RS_ORIGIN_API, "GET /basket?user=alice");
    make_context(packet, 1101, 2, RS_ORIGIN_API, "GET /basket?user=bob");
    return packet;
}

/* One finding, of what open_basket opened; what uses it is called by serve. `id` numbers its stacks, too. */
static void find(struct make_packet *packet, uint32_t id, uint32_t kind, uint64_t base, int (*used)(int),
                 uint64_t call) {
    uint64_t time = 2000 + 10 * id;
    struct rs_event_finding finding = {.header = {time + 2, RS_EVENT_finding, 7},
                                       .finding = id,
                                       .kind = kind,
                                       .operation = RS_OP_write,
                                       .opened_stack = 2 * id,
                                       .used_stack = 2 * id + 1,
                                       .owner = 1,
                                       .opener = 1,
                                       .user = 2};
    make_stack(packet, time, 2 * id, (const uint64_t[]){place_in(open_basket, base, call), place_in(serve, base, 0)},
               2);
    make_stack(packet, time + 1, 2 * id + 1,
               (const uint64_t[]){place_in(used, base, call), place_in(serve, base, call)}, 2);
    make_event(packet, &finding, sizeof finding, NULL, NULL, NULL, 0);
}

static void finish(struct make_packet *packet, char *folder) {
    make_finish(packet, folder);
    free(folder);
}

static json_t *diff(const struct place *place, int expected, const char *option, const char *value) {
    char *output;
    json_t *document;
    assert_int_equal(run(&output, NULL, "diff", "--json", place->before, place->after, option, value, END), expected);
    document = json_loads(output, 0, NULL);
    assert_non_null(document);
    free(output);
    return document;
}

static size_t count_of(json_t *document, const char *key) {
    return json_array_size(json_object_get(document, key));
}

/* ---- names ---- */

static void what_a_compiler_adds_to_a_name_is_left_out(void **state) {
    static const char *const names[][2] = {
        {"query", "query"},
        {"query.constprop.0", "query"},
        {"query.part.0.isra.0", "query"},
        {"query.cold", "query"},
        {"shop::query<int, std::vector<int>>", "shop::query"},
        {"<lambda()>", "<lambda()>"},
        {"operator<", "operator<"},
        {"operator>>", "operator>>"},
        {"serve()::{lambda(int)#2}::operator()", "serve()::{lambda(int)}::operator()"},
        {"shop::ask::h0123456789abcdef", "shop::ask"},
        {"<signal handler called>", "<signal handler called>"},
        {"query.partition.cold.3", "query.partition"},
        {"", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *name = diff_function(names[i][0]);
        assert_string_equal(name, names[i][1]);
        free(name);
    }
}

static void numbers_and_queries_are_left_out_of_labels(void **state) {
    static const char *const labels[][2] = {
        {"GET /basket?user=alice", "GET /basket"},
        {"GET /users/42/orders/7", "GET /users/N/orders/N"},
        {"GET /v1/users", "GET /v1/users"},
        {"GET /items/550e8400-e29b-41d4-a716-446655440000", "GET /items/N"},
        {"GET /d/0badc0ffee0badc0/x", "GET /d/N/x"},
        {"job #12", "job #N"},
        {"decade", "decade"},
        {"user-17", "user-N"},
        {"", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof labels / sizeof *labels; i++) {
        char *label = diff_label(labels[i][0]);
        assert_string_equal(label, labels[i][1]);
        free(label);
    }
}

static void ports_of_the_kernels_choice_are_left_out(void **state) {
    static const struct {
        struct description description;
        const char *expected;
    } cases[] = {
        {{.kind = RS_KIND_TCP, .name = "tcp 127.0.0.1:6379"}, "tcp 127.0.0.1:6379"},
        {{.kind = RS_KIND_TCP, .name = "tcp [::1]:6379"}, "tcp [::1]:6379"},
        {{.kind = RS_KIND_TCP, .name = "tcp 127.0.0.1:40123 (listening)"}, "tcp 127.0.0.1:* (listening)"},
        {{.kind = RS_KIND_TCP, .operation = RS_OP_accept, .name = "tcp 10.0.0.7:1024"}, "accepted tcp connection"},
        {{.kind = RS_KIND_PIPE, .name = ""}, "pipe"},
        {{.kind = RS_KIND_FILE, .name = "/proc/4711/stat"}, "/proc/N/stat"},
        {{.kind = RS_KIND_FILE, .name = "/tmp/tmpab_x9 (deleted)"}, "/tmp/*"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *name = diff_description(&cases[i].description);
        assert_string_equal(name, cases[i].expected);
        free(name);
    }
}

/* ---- findings ---- */

static void finding_is_the_same_wherever_its_code_lies(void **state) {
    struct place *place = *state;
    char *folder, *output;
    struct make_packet *packet = begin(place, false, 0x10000, place->file, &folder);
    json_t *document, *stayed;
    find(packet, 1, RS_FINDING_foreign_io, 0x10000, ask_basket, 0);
    find(packet, 2, RS_FINDING_foreign_io, 0x10000, ask_basket, 2); /* another line of the same function */
    finish(packet, folder);
    packet = begin(place, true, 0x7f0000000000, place->file, &folder);
    find(packet, 9, RS_FINDING_foreign_io, 0x7f0000000000, ask_basket, 1);
    finish(packet, folder);
    document = diff(place, 0, END, END);
    assert_int_equal(count_of(document, "came"), 0);
    assert_int_equal(count_of(document, "went"), 0);
    assert_int_equal(count_of(document, "stayed"), 1);
    stayed = json_array_get(json_object_get(document, "stayed"), 0);
    assert_int_equal(NUMBER_OF(stayed, "before"), 2);
    assert_int_equal(NUMBER_OF(stayed, "after"), 1);
    assert_int_equal(NUMBER_OF(stayed, "id"), 9);
    json_decref(document);
    assert_int_equal(run(&output, NULL, "diff", place->before, place->after, END), 0);
    assert_int_equal(strncmp(output, "0 findings came, 0 went, 1 stayed; ", 35), 0);
    assert_non_null(
        strstr(output, "\nstayed\n  foreign-io, 2 -> 1 time: GET /basket?user=bob (context 2) writes to fd 7"));
    free(output);
}

static void new_finding_is_exit_1_and_a_cured_one_is_not(void **state) {
    struct place *place = *state;
    char *folder, *output;
    struct make_packet *packet = begin(place, false, 0x10000, place->file, &folder);
    json_t *document;
    find(packet, 1, RS_FINDING_foreign_io, 0x10000, ask_basket, 0);
    finish(packet, folder);
    packet = begin(place, true, 0x20000, place->file, &folder);
    find(packet, 1, RS_FINDING_foreign_io, 0x20000, ask_price, 0);
    find(packet, 2, RS_FINDING_late_io, 0x20000, ask_basket, 0); /* another kind is another finding */
    finish(packet, folder);
    assert_int_equal(run(&output, NULL, "diff", place->before, place->after, END), 1);
    assert_int_equal(strncmp(output, "2 findings came, 1 went, 0 stayed; ", 35), 0);
    assert_non_null(strstr(output, "\ncame\n  foreign-io: GET /basket?user=bob (context 2) writes to fd 7, which "
                                   "GET /basket?user=alice (context 1) owns, in ask_price (test_diff.c:"));
    assert_non_null(strstr(output, "opened in open_basket (test_diff.c:"));
    free(output);
    document = diff(place, 1, "--kinds", "late-io");
    assert_int_equal(count_of(document, "came"), 1);
    assert_int_equal(count_of(document, "went"), 0);
    json_decref(document);
    document = diff(place, 0, "--kinds", "leak");
    json_decref(document);
    document = diff(place, 0, "--match", "ask_nothing");
    json_decref(document);
    assert_int_equal(run(NULL, NULL, "diff", place->after, place->before, "--match", "late-io", END), 0);
}

/* The file that ran before was built over: its functions have no names any more. */
static void module_that_is_nameless_on_one_side_is_compared_without_names(void **state) {
    struct place *place = *state;
    const char *name = strrchr(place->file, '/') + 1;
    char *gone = make_path("/no/such", name), *folder, *output;
    struct make_packet *packet = begin(place, false, 0x10000, gone, &folder);
    find(packet, 1, RS_FINDING_foreign_io, 0x10000, ask_basket, 0);
    finish(packet, folder);
    packet = begin(place, true, 0x20000, place->file, &folder);
    find(packet, 1, RS_FINDING_foreign_io, 0x20000, ask_basket, 0);
    find(packet, 2, RS_FINDING_leak, 0x20000, ask_basket, 0);
    finish(packet, folder);
    assert_int_equal(run(&output, NULL, "diff", place->before, place->after, END), 1);
    assert_int_equal(strncmp(output, "1 finding came, 0 went, 1 stayed; ", 34), 0);
    assert_non_null(strstr(output, "note: the functions of test_diff in "));
    free(output);
    free(gone);
}

static void nameless_frames_are_their_place_in_the_same_file_only(void **state) {
    struct place *place = *state;
    static const uint64_t bases[] = {0x10000, 0x20000};
    json_t *document;
    for (int side = 0; side < 2; side++) {
        char *folder;
        struct make_packet *packet = begin(place, side, bases[side], "/no/such/server", &folder);
        struct rs_event_module module = {.header = {1200, RS_EVENT_module, -1},
                                         .module = 2,
                                         .base = bases[side],
                                         .low = bases[side],
                                         .high = bases[side] + 0x10000000};
        /* the same file's two functions, or one of a file that was built anew: all is the module */
        make_event(packet, &module, sizeof module, "/no/such/server", "abcdef", NULL, 0);
        find(packet, 1, RS_FINDING_foreign_io, bases[side], ask_basket, 0);
        if (side) find(packet, 2, RS_FINDING_foreign_io, bases[side], ask_price, 0);
        finish(packet, folder);
    }
    document = diff(place, 1, END, END);
    assert_int_equal(count_of(document, "came"), 1);
    assert_int_equal(count_of(document, "stayed"), 1);
    json_decref(document);
}

/* ---- opens ---- */

static void open_basket_server(struct make_packet *packet, uint64_t time, uint64_t id, uint64_t context) {
    struct rs_event_open open = {.header = {time, RS_EVENT_open, 7},
                                 .description = id,
                                 .context = context,
                                 .opened = time,
                                 .operation = RS_OP_socket,
                                 .kind = RS_KIND_TCP};
    make_event(packet, &open, sizeof open, "tcp 127.0.0.1:6379", NULL, NULL, 0);
}

static void opens_are_told_by_context(void **state) {
    struct place *place = *state;
    char *folder, *output;
    struct make_packet *packet = begin(place, false, 0x10000, place->file, &folder);
    json_t *document, *opens;
    for (uint64_t i = 0; i < 2; i++) open_basket_server(packet, 3000 + i, 1 + i, 1 + i);
    make_context(packet, 3100, 3, RS_ORIGIN_API, "GET /only-before");
    finish(packet, folder);
    packet = begin(place, true, 0x10000, place->file, &folder);
    for (uint64_t i = 0; i < 7; i++) open_basket_server(packet, 3000 + i, 1 + i, 1 + i % 2);
    for (uint64_t i = 0; i < 4; i++) open_basket_server(packet, 4000 + i, 20 + i, 0);
    finish(packet, folder);
    assert_int_equal(run(&output, NULL, "diff", place->before, place->after, END), 0);
    assert_non_null(strstr(output, "; opens changed in 2 places\n"));
    assert_non_null(strstr(output, "\nopens\n  GET /basket: tcp 127.0.0.1:6379 1.0 -> 3.5 opens a context\n"
                                   "  no context: tcp 127.0.0.1:6379 0 -> 4 opens\n"));
    assert_non_null(strstr(output, "\n1 label is of contexts in one of the traces only: "));
    free(output);
    document = diff(place, 0, "--context", "*alice");
    opens = json_array_get(json_object_get(document, "opens"), 0);
    assert_int_equal(count_of(document, "opens"), 1);
    assert_string_equal(TEXT_OF(opens, "label"), "GET /basket");
    assert_int_equal(NUMBER_OF(opens, "opens_after"), 4);
    assert_int_equal(NUMBER_OF(opens, "contexts_after"), 1);
    json_decref(document);
    document = diff(place, 0, "--until", "500ns");
    assert_int_equal(count_of(document, "opens"), 0);
    json_decref(document);
}

/* ---- what cannot be compared ---- */

static void two_traces_are_needed(void **state) {
    struct place *place = *state;
    char *folder, *errors;
    struct make_packet *packet = begin(place, false, 0x10000, place->file, &folder);
    finish(packet, folder);
    assert_int_equal(run(NULL, &errors, "diff", place->before, END), 2);
    assert_non_null(strstr(errors, "diff: give TRACE TRACE"));
    free(errors);
    assert_int_equal(run(NULL, NULL, "diff", place->before, place->before, place->before, END), 2);
    assert_int_equal(run(NULL, &errors, "diff", place->before, place->after, END), 2); /* nothing is in it */
    assert_non_null(strstr(errors, "after: no trace is in it"));
    free(errors);
    assert_int_equal(run(NULL, NULL, "diff", place->before, place->before, END), 0);
}

static void damage_is_exit_2_whatever_came(void **state) {
    struct place *place = *state;
    char *folder, *packet_file, *output;
    struct make_packet *packet = begin(place, false, 0x10000, place->file, &folder);
    finish(packet, folder);
    packet = begin(place, true, 0x10000, place->file, &folder);
    find(packet, 1, RS_FINDING_foreign_io, 0x10000, ask_basket, 0);
    make_context(packet, 2900, 3, RS_ORIGIN_API, "cut");
    make_finish(packet, folder);
    packet_file = make_path(folder, "kept_0_0");
    assert_int_equal(truncate(packet_file, 700), 0);
    assert_int_equal(run(&output, NULL, "diff", place->before, place->after, END), 2);
    assert_non_null(strstr(output, " came, "));
    free(output);
    free(packet_file);
    free(folder);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(what_a_compiler_adds_to_a_name_is_left_out),
        TEST(numbers_and_queries_are_left_out_of_labels),
        TEST(ports_of_the_kernels_choice_are_left_out),
        TEST(finding_is_the_same_wherever_its_code_lies),
        TEST(new_finding_is_exit_1_and_a_cured_one_is_not),
        TEST(module_that_is_nameless_on_one_side_is_compared_without_names),
        TEST(nameless_frames_are_their_place_in_the_same_file_only),
        TEST(opens_are_told_by_context),
        TEST(two_traces_are_needed),
        TEST(damage_is_exit_2_whatever_came),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
