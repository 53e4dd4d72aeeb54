/* test_groups.c: findings of several processes as people read them: what is put together, what is chosen, and what `report`, `check`,
 * `contexts` and `fds` make of it. */
#include "tests/unit/run_command.h"
#include "viewer/groups.h"
#include "viewer/load.h"

#include <sys/stat.h>

#define FILE_OF_ALL "/no/such/server"

static int set_up(void **state) {
    *state = make_folder();
    return 0;
}

static int tear_down(void **state) {
    make_remove(*state);
    free(*state);
    return 0;
}

/* A process whose context 1 owns and whose context 2 uses; stacks 1 (opened) and 2 (used) at these places of its file. */
static struct make_packet *begin(const char *root, uint32_t pid, uint64_t base, uint64_t used, char **folder) {
    uint64_t time = 1000 + pid;
    struct make_packet *packet = make_process(root, pid, time, FILE_OF_ALL, base, folder);
    make_context(packet, time + 10, 1, RS_ORIGIN_API, "GET /a");
    make_context(packet, time + 11, 2, RS_ORIGIN_API, "GET /b");
    make_context(packet, time + 12, 3, RS_ORIGIN_API, "GET /c");
    make_stack(packet, time + 20, 1, (const uint64_t[]){base + 0x1100, base + 0x1200}, 2);
    make_stack(packet, time + 21, 2, (const uint64_t[]){base + used, base + 0x1200}, 2);
    return packet;
}

static void find(struct make_packet *packet, uint64_t time, uint32_t id, uint32_t kind, uint64_t user) {
    struct rs_event_finding finding = {.header = {time, RS_EVENT_finding, 7},
                                       .finding = id,
                                       .kind = kind,
                                       .operation = RS_OP_write,
                                       .opened_stack = 1,
                                       .used_stack = 2,
                                       .owner = 1,
                                       .opener = 1,
                                       .user = user};
    make_event(packet, &finding, sizeof finding, NULL, NULL, NULL, 0);
}

static void find_again(struct make_packet *packet, uint64_t time, uint32_t id, uint64_t count, uint64_t user) {
    struct rs_event_finding_again again = {
        .header = {time, RS_EVENT_finding_again, 7}, .finding = id, .count = count, .owner = 1, .user = user};
    make_event(packet, &again, sizeof again, NULL, NULL, NULL, 0);
}

static void finish(struct make_packet *packet, char *folder) {
    make_finish(packet, folder);
    free(folder);
}

/* Three workers with one finding, the second with another, too, and the third with a leak that it sees often. */
static void make_workers(const char *root) {
    char *folder;
    struct make_packet *packet = begin(root, 100, 0x10000, 0x1300, &folder);
    find(packet, 2000, 1, RS_FINDING_foreign_io, 2);
    finish(packet, folder);
    packet = begin(root, 200, 0x7f0000000000, 0x1300, &folder);
    find(packet, 2100, 1, RS_FINDING_foreign_io, 2);
    find_again(packet, 2200, 1, 5, 3);
    find(packet, 2300, 2, RS_FINDING_late_io, 1);
    finish(packet, folder);
    packet = begin(root, 300, 0x550000000000, 0x1300, &folder);
    find(packet, 2400, 4, RS_FINDING_foreign_io, 3);
    find(packet, 2500, 5, RS_FINDING_leak, 1);
    find_again(packet, 2600, 5, 100, 1);
    finish(packet, folder);
}

static void load(struct model *model, char *root) {
    assert_true(load_traces(model, &root, 1, NULL));
}

/* ---- groups ---- */

static void finding_of_processes_that_are_loaded_elsewhere_is_one(void **state) {
    struct model model;
    struct groups groups;
    make_workers(*state);
    load(&model, *state);
    groups = groups_of(&model, NULL);
    assert_int_equal(groups.count, 3);
    assert_int_equal(groups.times, 1 + 5 + 1 + 1 + 100);
    assert_int_equal(groups.all[0]->first->kind, RS_FINDING_foreign_io);
    assert_int_equal(groups.all[0]->first->process->pid, 100);
    assert_int_equal(groups.all[0]->count, 3);
    assert_int_equal(groups.all[0]->times, 7);
    assert_int_equal(groups.all[0]->pid_count, 3);
    assert_int_equal(groups.all[0]->pids[2], 300);
    assert_int_equal(groups.all[0]->first_time, 2000);
    assert_int_equal(groups.all[0]->last_time, 2400);
    assert_int_equal(groups.all[0]->users, 4); /* each process has its own contexts */
    assert_int_equal(groups.all[0]->owners, 3);
    groups_free(&groups);
    model_free(&model);
}

static void leaks_come_last_however_often_they_were_seen(void **state) {
    struct model model;
    struct groups groups;
    make_workers(*state);
    load(&model, *state);
    groups = groups_of(&model, NULL);
    assert_int_equal(groups.all[1]->first->kind, RS_FINDING_late_io);
    assert_int_equal(groups.all[2]->first->kind, RS_FINDING_leak);
    groups_free(&groups);
    model_free(&model);
}

static void other_stacks_are_another_finding(void **state) {
    struct model model;
    struct groups groups;
    char *folder;
    struct make_packet *packet;
    make_workers(*state);
    packet = begin(*state, 400, 0x20000, 0x1301, &folder);
    find(packet, 3000, 1, RS_FINDING_foreign_io, 2);
    finish(packet, folder);
    load(&model, *state);
    groups = groups_of(&model, NULL);
    assert_int_equal(groups.count, 4);
    assert_int_equal(groups.all[1]->pids[0], 400);
    groups_free(&groups);
    model_free(&model);
}

/* A fork's child goes on with its parent's contexts: who is in both counts once. */
static void context_that_a_fork_carried_on_counts_once(void **state) {
    struct model model;
    struct groups groups;
    char *parent, *child = make_path(*state, "server-200");
    struct make_packet *packet = begin(*state, 100, 0x10000, 0x1300, &parent);
    struct rs_event_process process = {
        .header = {1501, RS_EVENT_process, -1}, .pid = 200, .parent_pid = 100, .family = 100};
    find(packet, 2000, 1, RS_FINDING_foreign_io, 2);
    finish(packet, parent);
    assert_int_equal(mkdir(child, 0700), 0);
    make_metadata(child);
    packet = make_packet(true, 0, 0, 1500);
    make_event(packet, &process, sizeof process, "server", NULL, NULL, 0);
    find(packet, 2100, 2, RS_FINDING_foreign_io,
         2); /* its stacks are its parent's, but its modules are not told again */
    find_again(packet, 2200, 2, 2, 3);
    finish(packet, child);
    load(&model, *state);
    groups = groups_of(&model, NULL);
    assert_int_equal(groups.count, 1);
    assert_int_equal(groups.all[0]->times, 3);
    assert_int_equal(groups.all[0]->users, 2);
    assert_int_equal(groups.all[0]->owners, 1);
    groups_free(&groups);
    model_free(&model);
}

static void labels_are_counted_the_most_frequent_first(void **state) {
    struct model model;
    struct groups groups;
    struct label_count *labels;
    size_t count;
    make_workers(*state);
    load(&model, *state);
    groups = groups_of(&model, NULL);
    labels = groups_labels(groups.all[0]->user_contexts, groups.all[0]->users, &count);
    assert_int_equal(count, 2);
    assert_string_equal(labels[0].label, "GET /b");
    assert_int_equal(labels[0].contexts, 2);
    assert_string_equal(labels[1].label, "GET /c");
    free(labels);
    labels = groups_labels(groups.all[0]->owner_contexts, groups.all[0]->owners, &count);
    assert_int_equal(count, 1);
    assert_int_equal(labels[0].contexts, 3);
    free(labels);
    groups_free(&groups);
    model_free(&model);
}

/* ---- filters ---- */

/* How many findings `report` shows with one option. */
static size_t shown(const char *root, const char *option, const char *value) {
    char *output;
    json_t *report;
    size_t count;
    assert_int_equal(run(&output, NULL, "report", "--json", option, value, root, END), 0);
    report = json_loads(output, 0, NULL);
    assert_non_null(report);
    count = json_array_size(json_object_get(report, "findings"));
    assert_int_equal(NUMBER_OF(report, "findings_in_trace"), 3);
    json_decref(report);
    free(output);
    return count;
}

static void each_filter_takes_its_part(void **state) {
    make_workers(*state);
    assert_int_equal(shown(*state, "--kinds", "leak,late-io"), 2);
    assert_int_equal(shown(*state, "--kinds", "hang"), 0);
    assert_int_equal(shown(*state, "--since", "1350ns"), 1); /* the trace begins at 1101: 2451 and later */
    assert_int_equal(shown(*state, "--since", "-150ns"), 1);
    assert_int_equal(shown(*state, "--until", "950ns"), 1);
    assert_int_equal(shown(*state, "--until", "800ns"), 0);
    assert_int_equal(shown(*state, "--pid", "200"), 2);
    assert_int_equal(shown(*state, "--pid", "400"), 0);
    assert_int_equal(shown(*state, "--fd", "7"), 3);
    assert_int_equal(shown(*state, "--fd", "8"), 0);
    assert_int_equal(shown(*state, "--context", "GET /*"), 3);
    assert_int_equal(shown(*state, "--context", "GET /"), 0); /* as a whole */
    assert_int_equal(shown(*state, "--match", "LATE-"), 1);
    assert_int_equal(shown(*state, "--match", "nonsense"), 0);
}

static void context_that_did_it_later_is_found_too(void **state) {
    char *folder;
    struct make_packet *packet = begin(*state, 100, 0x10000, 0x1300, &folder), *other;
    char *output;
    find(packet, 2000, 1, RS_FINDING_foreign_io, 2);
    find_again(packet, 2100, 1, 2, 3);
    finish(packet, folder);
    other = begin(*state, 200, 0x10000, 0x1400, &folder);
    find(other, 2000, 1, RS_FINDING_foreign_io, 2);
    finish(other, folder);
    assert_int_equal(run(&output, NULL, "check", "--context", "GET /c", *state, END), 1);
    assert_non_null(strstr(output, "failed: 1 finding in 6 contexts, 17 events (asked for: context GET /c)\n"));
    free(output);
    assert_int_equal(run(&output, NULL, "check", "--context", "3", *state, END), 1);
    assert_non_null(strstr(output, " events (asked for: context 3)\n"));
    free(output);
    assert_int_equal(run(NULL, NULL, "check", "--context", "4", *state, END), 0);
    assert_int_equal(run(NULL, NULL, "check", "--context", "0", *state, END), 0); /* none is no context's */
}

__attribute__((noinline, used)) static int query_basket(int number) {
    return number * 3 + 1;
}

/* Finds names of functions and files: this program's own file is the process's. */
static void match_looks_into_stacks(void **state) {
    char *folder, *file = realpath("/proc/self/exe", NULL), *output;
    struct make_packet *packet;
    struct rs_event_open open = {.header = {2100, RS_EVENT_open, 7},
                                 .stack = 2,
                                 .description = 5,
                                 .context = 1,
                                 .opened = 1700,
                                 .operation = RS_OP_socket,
                                 .kind = RS_KIND_TCP};
    extern const char __executable_start[];
    uint64_t function = (uint64_t)(uintptr_t)&query_basket - (uint64_t)(uintptr_t)__executable_start;
    packet = make_process(*state, 100, 1000, file, 0x40000000, &folder);
    make_context(packet, 1500, 1, RS_ORIGIN_API, "GET /a");
    make_stack(packet, 1600, 2, (const uint64_t[]){0x40000000 + function + 1}, 1);
    find(packet, 2000, 1, RS_FINDING_foreign_io, 2);
    make_event(packet, &open, sizeof open, "tcp 127.0.0.1:6379", NULL, NULL, 0);
    finish(packet, folder);
    assert_int_equal(run(NULL, NULL, "check", "--match", "Query_Basket", *state, END), 1);
    assert_int_equal(run(NULL, NULL, "check", "--match", "test_groups.c", *state, END), 1);
    assert_int_equal(run(NULL, NULL, "check", "--match", "query_other", *state, END), 0);
    assert_int_equal(run(&output, NULL, "fds", "--match", "query_basket", *state, END), 0);
    assert_non_null(strstr(output, "tcp 127.0.0.1:6379"));
    free(output);
    assert_int_equal(run(&output, NULL, "report", "--by", "stack", *state, END), 0);
    assert_non_null(strstr(output, "\nstack: query_basket (test_groups.c:"));
    assert_non_null(strstr(output, "return number * 3 + 1;"));
    free(output);
    free(file);
}

static void tables_say_what_was_left_out(void **state) {
    char *output;
    json_t *document;
    make_workers(*state);
    assert_int_equal(run(&output, NULL, "contexts", "--context", "GET /b", "--max", "2", *state, END), 0);
    assert_non_null(strstr(
        output, "\n2 of 9 contexts are shown; 3 match what was asked for: context GET /b; --max leaves 1 out\n"));
    assert_null(strstr(output, "GET /a"));
    free(output);
    assert_int_equal(run(&output, NULL, "contexts", *state, END), 0);
    assert_null(strstr(output, "are shown"));
    free(output);
    assert_int_equal(run(&output, NULL, "contexts", "--json", "--pid", "100", *state, END), 0);
    document = json_loads(output, 0, NULL);
    assert_int_equal(json_array_size(json_object_get(document, "contexts")), 3);
    assert_int_equal(NUMBER_OF(document, "left_out"), 6);
    assert_string_equal(TEXT_OF(document, "asked_for"), "pid 100");
    json_decref(document);
    free(output);
}

static void descriptions_are_chosen_by_time_and_number(void **state) {
    char *folder = make_path(*state, "server-100"), *output;
    assert_int_equal(mkdir(folder, 0700), 0);
    make_two_contexts(folder, 0); /* fd 7 is open from 200 ns to 1500 ns after the begin, nearly */
    assert_int_equal(run(&output, NULL, "fds", "--fd", "7", "--since", "1s", *state, END), 0);
    assert_non_null(
        strstr(output, "\n0 of 1 descriptions are shown; 0 match what was asked for: since 1.000 s; fd 7\n"));
    free(output);
    assert_int_equal(run(&output, NULL, "fds", "--fd", "7", "--until", "300ns", *state, END), 0);
    assert_non_null(strstr(output, "tcp 127.0.0.1:6379"));
    free(output);
    assert_int_equal(run(&output, NULL, "fds", "--context", "GET /b", *state, END), 0); /* uses it */
    assert_non_null(strstr(output, "tcp 127.0.0.1:6379"));
    free(output);
    assert_int_equal(run(&output, NULL, "fds", "--context", "0", *state, END), 0); /* no context opened it */
    assert_null(strstr(output, "tcp 127.0.0.1:6379"));
    free(output);
    free(folder);
}

/* ---- what is shown ---- */

static void report_has_an_object_for_each_group(void **state) {
    json_t *report, *finding, *members;
    make_workers(*state);
    report = run_json(0, "report", *state);
    assert_int_equal(json_array_size(json_object_get(report, "findings")), 3);
    finding = json_array_get(json_object_get(report, "findings"), 0);
    assert_int_equal(NUMBER_OF(finding, "id"), 1);
    assert_int_equal(NUMBER_OF(finding, "pid"), 100);
    assert_int_equal(NUMBER_OF(finding, "count"), 7);
    assert_int_equal(NUMBER_OF(finding, "first_ns"), 2000);
    assert_int_equal(NUMBER_OF(finding, "last_ns"), 2400);
    assert_int_equal(NUMBER_OF(finding, "user_contexts"), 4);
    assert_int_equal(json_array_size(json_object_get(finding, "pids")), 3);
    assert_int_equal(json_array_size(json_object_get(finding, "owners")), 1);
    assert_null(json_object_get(finding, "by"));
    members = json_object_get(finding, "findings");
    assert_int_equal(json_array_size(members), 3);
    assert_int_equal(NUMBER_OF(json_array_get(members, 2), "pid"), 300);
    assert_int_equal(NUMBER_OF(json_array_get(members, 2), "id"), 4);
    assert_int_equal(NUMBER_OF(json_array_get(members, 1), "count"), 5);
    assert_string_equal(TEXT_OF(json_object_get(json_array_get(members, 2), "user"), "label"), "GET /c");
    json_decref(report);
}

static void report_tells_of_all_processes_and_contexts(void **state) {
    char *output;
    make_workers(*state);
    assert_int_equal(run(&output, NULL, "report", *state, END), 0);
    assert_non_null(strstr(output, ": 3 findings, seen 108 times\n"));
    assert_non_null(
        strstr(output, "\nforeign-io, 7 times, by 4 contexts, in 3 processes: GET /b (context 2) writes to fd 7"));
    assert_non_null(strstr(output, "\n  done by: 4 contexts: GET /b (2), GET /c (2)\n"));
    assert_non_null(strstr(output, "\n  done to: 3 contexts: GET /a (3)\n"));
    assert_non_null(strstr(output, "; finding 1 of pid 100, 1 of pid 200, 4 of pid 300\n"));
    free(output);
}

static void headings_have_the_worst_first_and_a_count(void **state) {
    char *output, *io, *leak;
    make_workers(*state);
    assert_int_equal(run(&output, NULL, "report", "--by", "kind", *state, END), 0);
    io = strstr(output, "\nkind: foreign-io: 1 finding, seen 7 times\n");
    leak = strstr(output, "\nkind: leak: 1 finding, seen 100 times\n");
    assert_true(io && leak && io < leak);
    free(output);
    assert_int_equal(run(&output, NULL, "report", "--by", "context", *state, END), 0);
    assert_non_null(strstr(output, "\ncontext: GET /b: 1 finding, seen 7 times\n"));
    assert_non_null(strstr(output, "\ncontext: GET /a: 2 findings, seen 101 times\n"));
    free(output);
    assert_int_equal(run(&output, NULL, "report", "--by", "module", *state, END), 0);
    assert_non_null(strstr(output, "\nmodule: server: 3 findings, seen 108 times\n"));
    free(output);
    assert_int_equal(run(&output, NULL, "report", "--by", "description", *state, END), 0);
    assert_non_null(strstr(output, "\ndescription: no description known: 3 findings, "));
    free(output);
}

static void max_shows_the_first_and_counts_the_rest(void **state) {
    char *output;
    json_t *report;
    make_workers(*state);
    assert_int_equal(run(&output, NULL, "report", "--max", "1", "--by", "kind", *state, END), 0);
    assert_non_null(strstr(output, "\nforeign-io, 7 times"));
    assert_null(strstr(output, "late-io"));
    assert_null(strstr(output, "leak"));
    assert_non_null(strstr(output, "\n2 more findings are left out by --max 1.\n"));
    free(output);
    assert_int_equal(run(&output, NULL, "report", "--json", "--max=2", "--by=kind", *state, END), 0);
    report = json_loads(output, 0, NULL);
    assert_int_equal(json_array_size(json_object_get(report, "findings")), 2);
    assert_int_equal(NUMBER_OF(report, "findings_left_out"), 1);
    assert_string_equal(TEXT_OF(json_array_get(json_object_get(report, "findings"), 1), "by"), "late-io");
    json_decref(report);
    free(output);
}

static void check_counts_groups(void **state) {
    char *output;
    make_workers(*state);
    assert_int_equal(run(NULL, NULL, "check", "--max", "2", *state, END), 1);
    assert_int_equal(run(&output, NULL, "check", "--max", "3", *state, END), 0);
    assert_non_null(strstr(output, "passed: 3 findings, 3 tolerated in "));
    assert_non_null(strstr(output, "\n  foreign-io, 7 times, in 3 processes: "));
    free(output);
    assert_int_equal(run(&output, NULL, "check", "--kinds", "late-io", "--pid", "100", *state, END), 0);
    assert_non_null(strstr(output, " events (asked for: kinds late-io; pid 100)\n"));
    free(output);
}

/* ---- frames ---- */

static void make_stack_with_libc(const char *root, const uint64_t *used, uint32_t count) {
    char *folder;
    struct make_packet *packet = make_process(root, 100, 1000, FILE_OF_ALL, 0x10000000, &folder);
    struct rs_event_module libc = {
        .header = {1100, RS_EVENT_module, -1}, .module = 2, .base = 0x70000000, .low = 0x70000000, .high = 0x71000000};
    make_event(packet, &libc, sizeof libc, "/no/such/libc.so.6", "", NULL, 0);
    make_stack(packet, 1600, 2, used, count);
    find(packet, 2000, 1, RS_FINDING_foreign_io, 2);
    finish(packet, folder);
}

static void frames_of_libc_are_folded(void **state) {
    char *output;
    make_stack_with_libc(*state,
                         (const uint64_t[]){0x70000010, 0x70000020, 0x70000030, 0x10000100, 0x70000040, 0x10000200,
                                            0x70000050, 0x70000060},
                         8);
    assert_int_equal(run(&output, NULL, "report", *state, END), 0);
    assert_non_null(
        strstr(output, ":\n    ... 2 frames of libc.so.6\n    #2  ? ")); /* what the program called is shown */
    assert_non_null(strstr(output, "(libc.so.6+0x30)\n    #3  ?               (server+0x100)\n"));
    assert_non_null(
        strstr(output, "(libc.so.6+0x40)\n    #5  ?               (server+0x200)\n    ... 2 frames of libc.so.6\n"));
    assert_null(strstr(output, "+0x50"));
    free(output);
}

static void stack_of_libc_alone_is_shown(void **state) {
    char *output;
    make_stack_with_libc(*state, (const uint64_t[]){0x70000010, 0x70000020, 0x70000030}, 3);
    assert_int_equal(run(&output, NULL, "report", *state, END), 0);
    assert_null(strstr(output, "..."));
    assert_non_null(strstr(output, "    #2  ?               (libc.so.6+0x30)\n"));
    free(output);
}

/* ---- nothing ---- */

static void nothing_found_says_what_was_looked_for(void **state) {
    char *folder, *output;
    struct make_packet *packet = make_process(*state, 100, 1000, FILE_OF_ALL, 0x10000, &folder);
    make_finish(packet, folder);
    assert_int_equal(run(&output, NULL, "report", *state, END), 0);
    assert_non_null(strstr(output, "there was no context"));
    free(output);
    make_remove(folder);
    free(folder);
    packet = begin(*state, 100, 0x10000, 0x1300, &folder);
    finish(packet, folder);
    assert_int_equal(run(&output, NULL, "report", *state, END), 0);
    assert_non_null(strstr(output, "\nNothing was found: none of the 3 contexts used or closed what was another's"));
    free(output);
    folder = make_path(*state, "workers");
    assert_int_equal(mkdir(folder, 0700), 0);
    make_workers(folder);
    assert_int_equal(run(&output, NULL, "report", "--kinds", "hang", folder, END), 0);
    assert_non_null(strstr(output, ": 0 of 3 findings match (asked for: kinds hang)\n"));
    assert_non_null(strstr(output, "\nNone of the 3 findings in the trace is what was asked for"));
    free(output);
    free(folder);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(finding_of_processes_that_are_loaded_elsewhere_is_one),
        TEST(leaks_come_last_however_often_they_were_seen),
        TEST(other_stacks_are_another_finding),
        TEST(context_that_a_fork_carried_on_counts_once),
        TEST(labels_are_counted_the_most_frequent_first),
        TEST(each_filter_takes_its_part),
        TEST(context_that_did_it_later_is_found_too),
        TEST(match_looks_into_stacks),
        TEST(tables_say_what_was_left_out),
        TEST(descriptions_are_chosen_by_time_and_number),
        TEST(report_has_an_object_for_each_group),
        TEST(report_tells_of_all_processes_and_contexts),
        TEST(headings_have_the_worst_first_and_a_count),
        TEST(max_shows_the_first_and_counts_the_rest),
        TEST(check_counts_groups),
        TEST(frames_of_libc_are_folded),
        TEST(stack_of_libc_alone_is_shown),
        TEST(nothing_found_says_what_was_looked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
