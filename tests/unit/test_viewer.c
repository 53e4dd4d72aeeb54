/* test_viewer.c: from a trace to what the user sees: the model, the commands' documents and exit codes, options, text.
 */
#include "tests/unit/make_trace.h"
#include "tests/unit/run_command.h"
#include "tracer/hint.h"
#include "viewer/commands.h"
#include "viewer/finding_text.h"
#include "viewer/guardable.h"
#include "viewer/json.h"
#include "viewer/load.h"
#include "viewer/output.h"
#include "viewer/text.h"

#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct place {
    char *root, *trace; /* trace: root/server-100 */
};

static int set_up(void **state) {
    struct place *place = calloc(1, sizeof *place);
    place->root = make_folder();
    place->trace = make_path(place->root, "server-100");
    *state = place;
    return mkdir(place->trace, 0700);
}

static int tear_down(void **state) {
    struct place *place = *state;
    make_remove(place->root);
    free(place->root);
    free(place->trace);
    free(place);
    return 0;
}

/* ---- the model ---- */

static void model_holds_what_the_trace_says(void **state) {
    struct place *place = *state;
    struct model model;
    const struct process *process;
    const struct context *context;
    const struct description *description;
    const struct finding *finding;
    make_two_contexts(place->trace, 64);
    assert_true(load_traces(&model, &place->root, 1, NULL));
    assert_int_equal(model.process_count, 1);
    assert_int_equal(model.events, MAKE_EVENTS);
    process = model.processes[0];
    assert_int_equal(process->pid, MAKE_PID);
    assert_string_equal(process->command, "server --port 80");
    context = model_context_of(process, 1);
    assert_string_equal(context->label, "GET /a");
    assert_int_equal(context->began, 1100);
    assert_int_equal(context->ended, 3000);
    assert_int_equal(context->opens, 1);
    assert_int_equal(context->uses, 2);
    assert_int_equal(context->bytes, 30);
    assert_int_equal(context->findings, 1);
    description = model_description_of(process, 5);
    assert_string_equal(description->name, "tcp 127.0.0.1:6379");
    assert_int_equal(description->kind, RS_KIND_TCP);
    assert_int_equal(description->opener, 1);
    assert_int_equal(description->owner, 2);
    assert_int_equal(description->user_count, 2);
    assert_int_equal(description->handovers, 1);
    assert_int_equal(description->closed, 2500);
    finding = model_finding_of(process, 3);
    assert_int_equal(finding->count, 4);
    assert_int_equal(finding->kind, RS_FINDING_foreign_io);
    assert_int_equal(finding->opened, 1200);
    assert_null(model_finding_of(process, 4));
    model_free(&model);
}

static void both_folder_and_process_folder_are_traces(void **state) {
    struct place *place = *state;
    struct model model;
    char *both[] = {place->root, place->trace};
    make_two_contexts(place->trace, 0);
    assert_true(load_traces(&model, &place->trace, 1, NULL));
    assert_int_equal(model.process_count, 1);
    model_free(&model);
    assert_true(load_traces(&model, both, 2, NULL)); /* named twice is read once */
    assert_int_equal(model.process_count, 1);
    model_free(&model);
}

/* Writes a process's trace with a few events of its own. */
static struct make_packet *begin_process(const char *folder, uint32_t pid, uint32_t parent, uint64_t time) {
    struct make_packet *packet;
    struct rs_event_process process = {.header = {time + 1, RS_EVENT_process, -1},
                                       .pid = pid,
                                       .parent_pid = parent,
                                       .family = parent == 1 ? pid : parent};
    assert_int_equal(mkdir(folder, 0700), 0);
    make_metadata(folder);
    packet = make_packet(true, 0, 0, time);
    make_event(packet, &process, sizeof process, "forked", NULL, NULL, 0);
    return packet;
}

static void child_finds_labels_in_its_parent(void **state) {
    struct place *place = *state;
    struct model model;
    char *folder = make_path(place->root, "child-200"), *name;
    struct make_packet *packet = begin_process(folder, 200, MAKE_PID, 1500);
    struct rs_event_finding finding = {.header = {1600, RS_EVENT_finding, 7},
                                       .finding = 9,
                                       .kind = RS_FINDING_late_io,
                                       .opened_stack = 1,
                                       .description = 5,
                                       .owner = 1,
                                       .user = 77};
    const struct process *holder;
    const struct finding *told;
    make_event(packet, &finding, sizeof finding, NULL, NULL, NULL, 0);
    make_finish(packet, folder);
    make_two_contexts(place->trace, 0);
    assert_true(load_traces(&model, &place->root, 1, NULL));
    assert_int_equal(model.process_count, 2);
    told = model_finding_of(model.processes[1], 9);
    assert_non_null(told);
    name = finding_context(told->process, 1);
    assert_string_equal(name, "GET /a (context 1)");
    free(name);
    name = finding_context(told->process, 77); /* nothing says who that is */
    assert_string_equal(name, "context 77");
    free(name);
    assert_string_equal(finding_description(told), "tcp 127.0.0.1:6379");
    assert_non_null(model_stack_of(told->process, 1, &holder));
    assert_int_equal(holder->pid, MAKE_PID);
    model_free(&model);
    free(folder);
}

static void unrelated_process_with_the_same_ids_is_kept_apart(void **state) {
    struct place *place = *state;
    struct model model;
    char *folder = make_path(place->root, "other-300");
    struct rs_event_context_begin begin = {
        .header = {1700, RS_EVENT_context_begin, -1}, .context = 1, .began = 1700, .thread = 300};
    struct make_packet *packet = begin_process(folder, 300, 1, 1500);
    make_event(packet, &begin, sizeof begin, "other job", NULL, NULL, 0);
    make_finish(packet, folder);
    make_two_contexts(place->trace, 0);
    assert_true(load_traces(&model, &place->root, 1, NULL));
    assert_int_equal(model.context_count, 3);
    assert_string_equal(model_context_of(model.processes[0], 1)->label, "other job");
    assert_string_equal(model_context_of(model.processes[1], 1)->label, "GET /a");
    assert_null(model_context_of(model.processes[0], 2));
    model_free(&model);
    free(folder);
}

static void finding_without_its_first_report_still_counts(void **state) {
    struct place *place = *state;
    char *folder = make_path(place->root, "lost-400"), *output;
    struct rs_event_finding_again again = {
        .header = {1700, RS_EVENT_finding_again, 7}, .finding = 8, .count = 0, .owner = 5, .user = 6};
    struct make_packet *packet = begin_process(folder, 400, 1, 1500);
    make_event(packet, &again, sizeof again, NULL, NULL, NULL, 0);
    make_finish(packet, folder);
    assert_int_equal(run(&output, NULL, "check", folder, END), 1);
    assert_non_null(strstr(output, "first report is lost"));
    free(output);
    assert_int_equal(run(NULL, NULL, "report", folder, END), 0);
    assert_int_equal(run(NULL, NULL, "fds", folder, END), 0);
    assert_int_equal(run(NULL, NULL, "contexts", folder, END), 0);
    free(folder);
}

/* ---- inferred contexts ---- */

/* Contexts 1 to 6, all ways in which one can be found. */
static void make_requests(const char *folder) {
    struct make_packet *packet = begin_process(folder, 600, 1, 1500);
    make_context(packet, 1600, 1, RS_ORIGIN_API, "job");
    make_entry(packet, 1601, 1, RS_ENTRY_API);
    make_context(packet, 1610, 2, RS_ORIGIN_REQUEST, "GET /a");
    make_attributes(packet, 1611, 2, "traceparent=00-0af7-b7ad-01 x-request-id=abc");
    make_entry(packet, 1612, 2, RS_ENTRY_REQUEST);
    make_context(packet, 1620, 3, RS_ORIGIN_REQUEST, "GET /b");
    make_entry(packet, 1621, 3, RS_ENTRY_REQUEST);
    make_entry(packet, 1622, 0, RS_ENTRY_LEFT);
    make_entry(packet, 1623, 3, RS_ENTRY_RESUMED);
    make_entry(packet, 1624, 3, RS_ENTRY_RESUMED);
    make_context(packet, 1630, 4, RS_ORIGIN_REQUEST, "GET /c");
    make_entry(packet, 1631, 4, RS_ENTRY_REQUEST);
    make_entry(packet, 1632, 4, RS_ENTRY_HANDED);
    make_context(packet, 1640, 5, RS_ORIGIN_ACCEPT, "peer #1");
    make_entry(packet, 1641, 5, RS_ENTRY_RESUMED);
    make_context(packet, 1650, 6, RS_ORIGIN_REQUEST, "GET /d"); /* who came into it is lost */
    make_finish(packet, folder);
}

static void each_context_says_how_it_was_found_and_how_sure_that_is(void **state) {
    static const struct {
        const char *found, *sure;
        int resumed, handed_over;
    } expected[] = {{"api", "certain", 0, 0},  {"request", "strong", 0, 0}, {"request", "weak", 2, 0},
                    {"request", "weak", 0, 1}, {"accept", "weak", 1, 0},    {"request", NULL, 0, 0}};
    struct place *place = *state;
    char *folder = make_path(place->root, "inferred-600");
    json_t *document, *contexts;
    make_requests(folder);
    document = run_json(0, "contexts", folder);
    contexts = json_object_get(document, "contexts");
    assert_int_equal(json_array_size(contexts), 6);
    for (size_t i = 0; i < 6; i++) {
        json_t *context = json_array_get(contexts, i);
        assert_string_equal(TEXT_OF(context, "found"), expected[i].found);
        if (expected[i].sure)
            assert_string_equal(TEXT_OF(context, "sure"), expected[i].sure);
        else
            assert_true(json_is_null(json_object_get(context, "sure")));
        assert_int_equal(NUMBER_OF(context, "resumed"), expected[i].resumed);
        assert_int_equal(NUMBER_OF(context, "handed_over"), expected[i].handed_over);
        assert_int_equal(json_object_size(json_object_get(context, "attributes")), i == 1 ? 2 : 0);
    }
    contexts = json_object_get(json_array_get(contexts, 1), "attributes");
    assert_string_equal(TEXT_OF(contexts, "traceparent"), "00-0af7-b7ad-01");
    assert_string_equal(TEXT_OF(contexts, "x-request-id"), "abc");
    json_decref(document);
    free(folder);
}

/* Where a guess makes no finding, that there is none says less. */
static void report_without_findings_says_how_many_contexts_were_guesses(void **state) {
    struct place *place = *state;
    char *folder = make_path(place->root, "inferred-600"), *output;
    make_requests(folder);
    assert_int_equal(run(&output, NULL, "report", folder, END), 0);
    assert_non_null(strstr(output, "none of the 6 contexts"));
    assert_non_null(strstr(output, "But 3 of them were inferred"));
    free(output);
    free(folder);
}

static void table_of_contexts_has_attributes_where_there_are_some(void **state) {
    struct place *place = *state;
    char *folder = make_path(place->root, "inferred-600"), *output;
    make_requests(folder);
    assert_int_equal(run(&output, NULL, "contexts", folder, END), 0);
    assert_non_null(strstr(output, "LABEL    FOUND    SURE     BEGIN"));
    assert_non_null(strstr(output, "FINDINGS  ATTRIBUTES\n"));
    assert_non_null(strstr(output, "job      api      certain  "));
    assert_non_null(strstr(output, "GET /a   request  strong   "));
    assert_non_null(strstr(output, "traceparent=00-0af7-b7ad-01 x-request-id=abc\n"));
    assert_non_null(strstr(output, "peer #1  accept   weak     "));
    assert_non_null(strstr(output, "GET /d   request  ?        "));
    free(output);
    make_two_contexts(place->trace, 0);
    assert_int_equal(run(&output, NULL, "contexts", place->trace, END), 0);
    assert_non_null(strstr(output, "FINDINGS\n"));
    free(output);
    free(folder);
}

/* A fork's child starts in its parent's context, which it did not read. */
static void what_a_fork_carries_over_is_weak_and_keeps_its_attributes(void **state) {
    struct place *place = *state;
    char *parent = make_path(place->root, "inferred-600"), *child = make_path(place->root, "forked-700");
    struct make_packet *packet = begin_process(child, 700, 600, 1700);
    struct rs_event_io io = {.header = {1720, EVENT_IO + RS_OP_read, 7}, .result = 1, .context = 2};
    struct rs_event_context_begin begin = {
        .header = {1710, RS_EVENT_context_begin, -1}, .origin = RS_ORIGIN_INHERITED, .context = 2, .began = 1610};
    json_t *document, *context;
    make_requests(parent);
    make_event(packet, &begin, sizeof begin, "GET /a", NULL, NULL, 0);
    make_event(packet, &io, sizeof io, NULL, NULL, NULL, 0);
    make_finish(packet, child);
    document = run_json(0, "contexts", place->root);
    assert_int_equal(json_array_size(json_object_get(document, "contexts")), 6); /* it is one, in both processes */
    context = json_array_get(json_object_get(document, "contexts"), 1);
    assert_int_equal(NUMBER_OF(context, "id"), 2);
    assert_int_equal(NUMBER_OF(context, "pid"), 600);
    assert_int_equal(NUMBER_OF(context, "uses"), 1);
    assert_string_equal(TEXT_OF(context, "found"), "request");
    assert_string_equal(TEXT_OF(context, "sure"), "weak");
    assert_string_equal(TEXT_OF(json_object_get(context, "attributes"), "x-request-id"), "abc");
    json_decref(document);
    /* Without its parent's trace nothing says how it was found there. */
    document = run_json(0, "contexts", child);
    context = json_array_get(json_object_get(document, "contexts"), 0);
    assert_string_equal(TEXT_OF(context, "found"), "inherited");
    assert_true(json_is_null(json_object_get(context, "sure")));
    json_decref(document);
    free(parent);
    free(child);
}

static void attributes_are(const char *text, const char *expected) {
    json_t *object = json_from_attributes(text);
    char *said = json_dumps(object, JSON_SORT_KEYS | JSON_COMPACT);
    assert_string_equal(said, expected);
    free(said);
    json_decref(object);
}

static void attributes_are_names_and_values_whatever_a_client_sends(void **state) {
    (void)state;
    attributes_are("", "{}");
    attributes_are("a=1", "{\"a\":\"1\"}");
    attributes_are("a=1 b-2=x=y ", "{\"a\":\"1\",\"b-2\":\"x=y \"}");
    attributes_are("a=one two B=3 c=", "{\"a\":\"one two B=3\",\"c\":\"\"}"); /* names are lower case */
    attributes_are("a=1 a=2", "{\"a\":\"1\"}");
    attributes_are("nothing", "{}");
    attributes_are("= =a a=1", "{\"a\":\"1\"}");
    attributes_are("a=\xff", "{\"a\":\"\xef\xbf\xbd\"}");
}

/* One finding: context 3 uses what 2 has opened; and one of the job alone. */
static void make_inferred_findings(const char *folder) {
    struct make_packet *packet = make_packet(true, 1, 0, 1700);
    struct rs_event_finding finding = {.header = {1710, RS_EVENT_finding, 7},
                                       .finding = 1,
                                       .kind = RS_FINDING_foreign_io,
                                       .operation = RS_OP_write,
                                       .owner = 2,
                                       .user = 3,
                                       .opener = 2};
    make_event(packet, &finding, sizeof finding, NULL, NULL, NULL, 0);
    finding.header.time = 1720;
    finding.finding = 2;
    finding.user = 2;
    finding.kind = RS_FINDING_late_io;
    make_event(packet, &finding, sizeof finding, NULL, NULL, NULL, 0);
    finding.header.time = 1730;
    finding.finding = 3;
    finding.owner = 1;
    finding.user = 5;
    finding.kind = RS_FINDING_foreign_close;
    make_event(packet, &finding, sizeof finding, NULL, NULL, NULL, 0);
    make_finish(packet, folder);
}

static void report_says_which_contexts_were_inferred(void **state) {
    struct place *place = *state;
    char *folder = make_path(place->root, "inferred-600"), *output;
    json_t *report, *finding;
    make_requests(folder);
    make_inferred_findings(folder);
    assert_int_equal(run(&output, NULL, "report", folder, END), 0);
    assert_non_null(strstr(output, "\n  contexts inferred: GET /a (request, strong), GET /b (request, weak)\n"));
    assert_non_null(strstr(output, "\n  contexts inferred: GET /a (request, strong)\n"));
    assert_non_null(strstr(output, "\n  contexts inferred: peer #1 (accept, weak)\n"));
    free(output);
    report = run_json(0, "report", folder);
    finding = json_array_get(json_object_get(report, "findings"), 1); /* foreign-close comes before late-io */
    assert_string_equal(TEXT_OF(json_object_get(finding, "owner"), "found"), "api");
    assert_string_equal(TEXT_OF(json_object_get(finding, "user"), "found"), "accept");
    json_decref(report);
    make_two_contexts(place->trace, 0);
    assert_int_equal(run(&output, NULL, "report", place->trace, END), 0);
    assert_null(strstr(output, "inferred"));
    free(output);
    free(folder);
}

/* ---- what the first request has opened ---- */

/* What is reported of a finding on what `owner` has opened, in a process in which contexts 1 and 2 began. */
static bool says_first_request(const char *folder, uint64_t owner, uint64_t opener, uint64_t first, uint64_t lost) {
    struct make_packet *packet = begin_process(folder, 800, 1, 1500);
    struct rs_event_finding finding = {.header = {1700, RS_EVENT_finding, 7},
                                       .finding = 1,
                                       .kind = RS_FINDING_foreign_io,
                                       .operation = RS_OP_write,
                                       .owner = owner,
                                       .user = 9,
                                       .opener = opener};
    char *output;
    bool says;
    make_context(packet, 1600, first + 1, RS_ORIGIN_REQUEST, "GET /second");
    make_context(packet, 1601, first, RS_ORIGIN_REQUEST, "GET /first"); /* carried over */
    make_context(packet, 1602, 9, RS_ORIGIN_REQUEST, "GET /user");
    make_event(packet, &finding, sizeof finding, NULL, NULL, NULL, 0);
    packet->discarded = lost;
    make_finish(packet, folder);
    assert_int_equal(run(&output, NULL, "report", folder, END), 0);
    says = strstr(output, "first request") != NULL;
    free(output);
    make_remove(folder);
    return says;
}

static void hint_tells_of_what_the_first_request_has_opened(void **state) {
    struct place *place = *state;
    char *folder = make_path(place->root, "first-800"), *output;
    assert_true(says_first_request(folder, 1, 1, 1, 0));
    assert_true(says_first_request(folder, 4, 4, 4, 0)); /* its parent has had others */
    assert_false(says_first_request(folder, 2, 2, 1, 0));
    assert_false(says_first_request(folder, 1, 2, 1, 0)); /* it was given it */
    assert_false(says_first_request(folder, 0, 0, 1, 0));
    assert_true(says_first_request(folder, 1, 1, 1, 7));
    assert_false(says_first_request(folder, 4, 4, 4, 7)); /* was there one before it, whose begin was given up? */
    make_two_contexts(place->trace, 0);
    assert_int_equal(run(&output, NULL, "report", place->trace, END), 0);
    assert_non_null(strstr(output, "hint: the exchange was complete: "));
    assert_non_null(strstr(output, " opened in the first request "));
    free(output);
    free(folder);
}

static void first_request_of_a_child_without_one_is_its_parents(void **state) {
    struct place *place = *state;
    struct model model;
    char *folder = make_path(place->root, "child-200");
    struct make_packet *packet = begin_process(folder, 200, MAKE_PID, 1500);
    make_context(packet, 1600, 1, RS_ORIGIN_INHERITED, "GET /a");
    make_finish(packet, folder);
    make_two_contexts(place->trace, 0);
    assert_true(load_traces(&model, &place->root, 1, NULL));
    assert_int_equal(model.processes[0]->pid, 200);
    assert_int_equal(model_first_context(model.processes[0]), 1);
    model_free(&model);
    make_remove(folder);
    packet = begin_process(folder, 200, MAKE_PID, 1500);
    make_context(packet, 1600, 1, RS_ORIGIN_INHERITED, "GET /a");
    make_context(packet, 1700, 3, RS_ORIGIN_REQUEST, "GET /c");
    make_finish(packet, folder);
    assert_true(load_traces(&model, &place->root, 1, NULL));
    assert_int_equal(model_first_context(model.processes[0]), 3);
    model_free(&model);
    free(folder);
}

static void each_hint_on_what_the_first_request_has_opened_says_so(void **state) {
    (void)state;
    for (uint32_t kind = 0; kind < RS_FINDING_COUNT; kind++) {
        for (unsigned bits = 0; bits < 1u << 6; bits++) {
            struct rs_hint_facts facts = {.kind = kind,
                                          .phase = bits & 3u,
                                          .connection = bits & 4u,
                                          .unread = bits & 8u,
                                          .nobodys = bits & 16u,
                                          .first = bits & 32u};
            bool about_layer = kind == RS_FINDING_foreign_io && facts.first && !facts.nobodys;
            assert_int_equal(strstr(rs_hint(&facts), "first request") != NULL, about_layer);
        }
    }
}

static void all_origins_and_entries_have_a_name(void **state) {
    static const char *const origins[RS_ORIGIN_COUNT + 1] = {"api", "inherited", "accept", "request", "unknown"};
    static const char *const entries[RS_ENTRY_COUNT + 1] = {"api",         "request", "resumed",
                                                            "handed over", "left",    "unknown"};
    (void)state;
    for (uint32_t i = 0; i <= RS_ORIGIN_COUNT; i++) assert_string_equal(rs_origin_name(i), origins[i]);
    for (uint32_t i = 0; i <= RS_ENTRY_COUNT; i++) assert_string_equal(rs_entry_name(i), entries[i]);
}

/* ---- documents ---- */

static void report_json_has_the_contracts_fields(void **state) {
    struct place *place = *state;
    json_t *report, *finding, *frame;
    make_two_contexts(place->trace, 0);
    report = run_json(0, "report", place->root);
    assert_int_equal(NUMBER_OF(report, "format"), 1);
    assert_int_equal(NUMBER_OF(report, "contexts"), 2);
    assert_int_equal(NUMBER_OF(report, "events"), MAKE_EVENTS);
    assert_int_equal(NUMBER_OF(report, "lost_events"), 0);
    assert_int_equal(NUMBER_OF(json_array_get(json_object_get(report, "processes"), 0), "pid"), MAKE_PID);
    assert_string_equal(TEXT_OF(json_array_get(json_object_get(report, "processes"), 0), "command"),
                        "server --port 80");
    finding = json_array_get(json_object_get(report, "findings"), 0);
    assert_int_equal(NUMBER_OF(finding, "id"), 3);
    assert_string_equal(TEXT_OF(finding, "kind"), "foreign-io");
    assert_int_equal(NUMBER_OF(finding, "count"), 4);
    assert_int_equal(NUMBER_OF(finding, "pid"), MAKE_PID);
    assert_int_equal(NUMBER_OF(finding, "fd"), 7);
    assert_string_equal(TEXT_OF(finding, "description"), "tcp 127.0.0.1:6379");
    assert_string_equal(TEXT_OF(finding, "operation"), "write");
    assert_string_equal(TEXT_OF(finding, "verdict"), "deny");
    assert_int_equal(NUMBER_OF(json_object_get(finding, "owner"), "id"), 1);
    assert_string_equal(TEXT_OF(json_object_get(finding, "owner"), "label"), "GET /a");
    assert_int_equal(NUMBER_OF(json_object_get(finding, "user"), "id"), 2);
    assert_string_equal(TEXT_OF(json_object_get(finding, "user"), "label"), "GET /b");
    frame = json_array_get(json_object_get(finding, "opened_at"), 0);
    assert_true(json_is_null(json_object_get(frame, "function")));
    assert_string_equal(TEXT_OF(frame, "module"), "server");
    assert_int_equal(NUMBER_OF(frame, "offset"), 4660);
    frame = json_array_get(json_object_get(finding, "used_at"), 0);
    assert_int_equal(NUMBER_OF(frame, "offset"), 4812);
    json_decref(report);
}

static void contexts_json_has_the_contracts_fields(void **state) {
    struct place *place = *state;
    json_t *document, *context;
    make_two_contexts(place->trace, 0);
    document = run_json(0, "contexts", place->root);
    assert_int_equal(json_array_size(json_object_get(document, "contexts")), 2);
    context = json_array_get(json_object_get(document, "contexts"), 1);
    assert_int_equal(NUMBER_OF(context, "id"), 2);
    assert_int_equal(NUMBER_OF(context, "pid"), MAKE_PID);
    assert_string_equal(TEXT_OF(context, "label"), "GET /b");
    assert_int_equal(NUMBER_OF(context, "parent"), 0);
    assert_int_equal(NUMBER_OF(context, "begin_ns"), 1350);
    assert_true(json_is_null(json_object_get(context, "end_ns")));
    assert_int_equal(NUMBER_OF(context, "opens"), 0);
    assert_int_equal(NUMBER_OF(context, "uses"), 2);
    assert_int_equal(NUMBER_OF(context, "findings"), 1);
    json_decref(document);
}

static void fds_json_has_the_contracts_fields(void **state) {
    struct place *place = *state;
    json_t *document, *description, *users;
    make_two_contexts(place->trace, 0);
    document = run_json(0, "fds", place->root);
    assert_int_equal(json_array_size(json_object_get(document, "descriptions")), 1);
    description = json_array_get(json_object_get(document, "descriptions"), 0);
    assert_int_equal(NUMBER_OF(description, "id"), 5);
    assert_int_equal(NUMBER_OF(description, "fd"), 7);
    assert_string_equal(TEXT_OF(description, "description"), "tcp 127.0.0.1:6379");
    assert_int_equal(NUMBER_OF(description, "opened_by"), 1);
    users = json_object_get(description, "used_by");
    assert_int_equal(json_array_size(users), 2);
    assert_int_equal(json_integer_value(json_array_get(users, 1)), 2);
    assert_int_equal(NUMBER_OF(description, "handovers"), 1);
    assert_int_equal(NUMBER_OF(description, "open_ns"), 1200);
    assert_int_equal(NUMBER_OF(description, "close_ns"), 2500);
    assert_int_equal(json_array_size(json_object_get(description, "opened_at")), 3);
    json_decref(document);
}

static void bad_bytes_in_labels_reach_no_terminal_and_break_no_json(void **state) {
    struct place *place = *state;
    struct rs_event_context_begin begin = {
        .header = {1700, RS_EVENT_context_begin, -1}, .context = 1, .began = 1700, .thread = 300};
    char *folder = make_path(place->root, "bad-500"), *output;
    struct make_packet *packet = begin_process(folder, 500, 1, 1500);
    json_t *document;
    make_event(packet, &begin, sizeof begin, "a\033[31m\n\xff\xc3\xa9", NULL, NULL, 0);
    make_finish(packet, folder);
    assert_int_equal(run(&output, NULL, "contexts", folder, END), 0);
    assert_non_null(strstr(output, "a\\x1b[31m\\n\\xff\xc3\xa9"));
    free(output);
    document = run_json(0, "contexts", folder);
    assert_string_equal(TEXT_OF(json_array_get(json_object_get(document, "contexts"), 0), "label"),
                        "a\033[31m\n\xef\xbf\xbd\xc3\xa9");
    json_decref(document);
    free(folder);
}

/* ---- exit codes ---- */

static void check_exits_by_findings_kinds_and_max(void **state) {
    struct place *place = *state;
    make_two_contexts(place->trace, 0);
    assert_int_equal(run(NULL, NULL, "check", place->root, END), 1);
    assert_int_equal(run(NULL, NULL, "check", "--max", "1", place->root, END), 0);
    assert_int_equal(run(NULL, NULL, "check", "--max=0", place->root, END), 1);
    assert_int_equal(run(NULL, NULL, "check", "--kinds", "leak,hang", place->root, END), 0);
    assert_int_equal(run(NULL, NULL, "check", place->root, "--kinds", "leak,foreign-io", END), 1);
    assert_int_equal(run(NULL, NULL, "report", place->root, END), 0);
}

static void damage_is_exit_2_but_the_rest_is_rendered(void **state) {
    struct place *place = *state;
    static const char *const commands[] = {"report", "contexts", "fds", "check"};
    char *path = make_path(place->trace, "stream_1_0"), *output, *errors;
    make_two_contexts(place->trace, 0);
    assert_int_equal(truncate(path, 130), 0);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        assert_int_equal(run(&output, &errors, commands[i], place->root, END), 2);
        assert_true(strlen(output) > 20);
        assert_non_null(strstr(errors, "stream_1_0: damaged at byte 130: "));
        free(output);
        free(errors);
        json_decref(run_json(2, commands[i], place->root));
    }
    free(path);
}

/* The command as a whole, for each byte of one file: never a crash, never success. */
static void every_flipped_byte_is_exit_2(void **state) {
    struct place *place = *state;
    char *path = make_path(place->trace, "kept_0_0");
    unsigned char *bytes;
    size_t size;
    make_two_contexts(place->trace, 0);
    bytes = make_read(path, &size);
    for (size_t at = 0; at < size; at++) {
        bytes[at] ^= 0xff;
        make_write(path, bytes, size);
        assert_int_equal(run(NULL, NULL, "report", place->root, END), 2);
        bytes[at] ^= 0xff;
    }
    free(bytes);
    free(path);
}

static void unusable_traces_are_exit_2_with_a_message(void **state) {
    struct place *place = *state;
    char *missing = make_path(place->root, "missing"), *errors;
    assert_int_equal(run(NULL, &errors, "report", place->root, END), 2);
    assert_non_null(strstr(errors, "no trace is in it"));
    free(errors);
    assert_int_equal(run(NULL, &errors, "check", missing, END), 2);
    assert_non_null(strstr(errors, "missing: cannot be read: No such file"));
    free(errors);
    make_metadata(place->trace); /* begun, and killed before its first event */
    assert_int_equal(run(NULL, &errors, "check", place->root, END), 2);
    assert_non_null(strstr(errors, "holds no event"));
    free(errors);
    free(missing);
}

static void usage_errors_are_exit_2_and_say_what_is_meant(void **state) {
    static const struct {
        const char *arguments[4], *message;
    } wrong[] = {
        {{"reprot"}, "did you mean report?"},
        {{"-help"}, "give one first, and options after it"},
        {{"help", "reprot"}, "did you mean report?"},
        {{"help", "report", "check"}, "'check' is too much"},
        {{"report"}, "give TRACE..."},
        {{"show", "f1"}, "give ID TRACE..."},
        {{"diff", "one"}, "give TRACE TRACE"},
        {{"diff", "one", "two", "three"}, "'three' is too much"},
        {{"list", "one"}, "'one' is too much: the usage is `reqscope list [OPTION...]`"},
        {{"completion", "bsh"}, "did you mean bash?"},
        {{"report", "--jsno", "x"}, "did you mean --json?"},
        {{"report", "--json=yes"}, "--json takes no value"},
        {{"report", "--ma", "1"}, "'--ma' is short for several options: --max, --match"},
        {{"report", "--by", "kimd"}, "did you mean kind? It is one of kind, stack, description, context, module"},
        {{"report", "--since", "nonsense"}, "'nonsense' is no time"},
        {{"report", "--pid", "0"}, "is not a number from 1"},
        {{"report", "--match="}, "--match: the value is empty: give a TEXT"},
        {{"contexts", "--fd", "1"}, "unknown option"},
        {{"report", "-z"}, "unknown option '-z'"},
        {{"check", "--max"}, "option '--max' needs a value: N"},
        {{"check", "--max", "-1"}, "is not a number"},
        {{"check", "--max", "1x"}, "is not a number"},
        {{"check", "--kinds", "leak,nonsense"}, "'nonsense' is not known: it is one of foreign-io, foreign-close"},
        {{"check", "--kinds", ""}, "is not known"},
        {{"check", "--color", "blue"}, "auto, always, never"},
        {{"run"}, "give the program"},
        {{"run", "--mode", "loud"}, "log, deny, abort, off"},
        {{"run", "--policy", "none"}, "strict, lease"},
        {{"run", "--context", "none"}, "auto, api"},
        {{"run", "--stack-depth", "129"}, "from 0 to 128"},
        {{"run", "--trace", ""}, "give a DIR"},
        {{"run", "--json", "x"}, "unknown option"},
        {{"run", "--kinds", "leak", "true"}, "give that, too"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        const char *const *arguments = wrong[i].arguments;
        char *errors;
        assert_int_equal(run(NULL, &errors, arguments[0], arguments[1], arguments[2], arguments[3], END), 2);
        if (!strstr(errors, wrong[i].message)) fail_msg("'%s' does not say '%s'", errors, wrong[i].message);
        assert_int_equal(strncmp(errors, "reqscope: ", 10), 0);
        free(errors);
    }
}

static void help_and_version_are_exit_0(void **state) {
    char *output;
    (void)state;
    assert_int_equal(run(&output, NULL, "--help", END), 0);
    assert_non_null(strstr(output, "contexts"));
    free(output);
    assert_int_equal(run(&output, NULL, "--version", END), 0);
    assert_int_equal(strncmp(output, "reqscope ", 9), 0);
    free(output);
    assert_int_equal(run(&output, NULL, "check", "--help", END), 0);
    assert_non_null(strstr(output, "--kinds"));
    assert_null(strstr(output, "--mode"));
    free(output);
}

static void help_tells_all_of_each_command(void **state) {
    const struct command *command = NULL;
    (void)state;
    while ((command = command_next(command))) {
        char *asked, *helped;
        assert_int_equal(run(&asked, NULL, command->name, "--help", END), 0);
        assert_int_equal(run(&helped, NULL, "help", command->name, END), 0);
        assert_string_equal(asked, helped);
        assert_non_null(strstr(asked, "\noptions:\n"));
        assert_non_null(strstr(asked, "\nexamples:\n  "));
        assert_non_null(strstr(asked, "\nexit codes:\n"));
        free(asked);
        free(helped);
    }
}

/* ---- options ---- */

static void options_of_run_end_at_the_command(void **state) {
    struct options options;
    char *arguments[] = {(char *)"run", (char *)"--mode=deny", (char *)"server", (char *)"--mode", (char *)"x", NULL};
    char *dashes[] = {(char *)"run", (char *)"--check", (char *)"--", (char *)"--odd", NULL};
    (void)state;
    assert_true(options_parse(&options, COMMAND_RUN, "run", 5, arguments));
    assert_string_equal(options.mode, "deny");
    assert_int_equal(options.operand_count, 3);
    assert_string_equal(options.operands[0], "server");
    assert_null(options.operands[3]);
    assert_true(options_parse(&options, COMMAND_RUN, "run", 4, dashes));
    assert_true(options.check);
    assert_null(options.mode);
    assert_int_equal(options.operand_count, 1);
    assert_string_equal(options.operands[0], "--odd");
}

static void options_of_reading_commands_stand_anywhere(void **state) {
    struct options options;
    char *arguments[] = {(char *)"check",  (char *)"one", (char *)"--max", (char *)"5", (char *)"two",
                         (char *)"--json", NULL};
    (void)state;
    assert_true(options_parse(&options, COMMAND_CHECK, "check", 6, arguments));
    assert_int_equal(options.max, 5);
    assert_true(options.json);
    assert_int_equal(options.kinds, UINT32_MAX);
    assert_int_equal(options.operand_count, 2);
    assert_string_equal(options.operands[1], "two");
}

static void options_may_be_cut_short_and_the_last_one_counts(void **state) {
    struct options options;
    char *arguments[] = {(char *)"report",  (char *)"--mat",  (char *)"a",
                         (char *)"--max=3", (char *)"--max",  (char *)"7",
                         (char *)"--",      (char *)"--json", NULL};
    (void)state;
    assert_true(options_parse(&options, COMMAND_REPORT, "report", 8, arguments));
    assert_string_equal(options.match, "a");
    assert_int_equal(options.max, 7);
    assert_false(options.json);
    assert_int_equal(options.operand_count, 1);
    assert_string_equal(options.operands[0], "--json");
}

/* ---- text ---- */

static void control_characters_are_escaped(void **state) {
    static const struct {
        const char *text, *escaped, *utf8;
    } cases[] = {
        {"plain", "plain", "plain"},
        {"\033[0m\x7f", "\\x1b[0m\\x7f", "\033[0m\x7f"},
        {"a\tb\r\n", "a\\tb\\r\\n", "a\tb\r\n"},
        {"\xc3\xa9", "\xc3\xa9", "\xc3\xa9"},
        {"\xc2\x9b", "\\xc2\\x9b", "\xc2\x9b"},                                      /* C1: CSI */
        {"\xe2\x80\xae", "\\xe2\\x80\\xae", "\xe2\x80\xae"},                         /* right to left */
        {"\xc0\xaf", "\\xc0\\xaf", "\xef\xbf\xbd\xef\xbf\xbd"},                      /* overlong */
        {"\xe2\x82", "\\xe2\\x82", "\xef\xbf\xbd\xef\xbf\xbd"},                      /* cut short */
        {"\xed\xa0\x80", "\\xed\\xa0\\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"}, /* surrogate */
        {"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *escaped = text_escape(cases[i].text), *utf8 = text_utf8(cases[i].text);
        assert_string_equal(escaped, cases[i].escaped);
        assert_string_equal(utf8, cases[i].utf8);
        free(escaped);
        free(utf8);
    }
}

static void nearest_word_is_near(void **state) {
    static const char *const words[] = {"report", "contexts", "check", NULL};
    (void)state;
    assert_string_equal(text_nearest("reprot", words), "report");
    assert_string_equal(text_nearest("ch", words), "check");
    assert_string_equal(text_nearest("context", words), "contexts");
    assert_null(text_nearest("zebra", words));
    assert_null(text_nearest("x", words));
}

/* ---- what can be guarded ---- */

/* Writes an executable file, and asks whether it can be guarded; the library is this program itself. */
static bool can_guard(const char *folder, const char *name, const void *bytes, size_t size) {
    char *path = make_path(folder, name);
    bool guardable;
    int saved = dup(2), null = open("/dev/null", O_WRONLY);
    make_write(path, bytes, size);
    assert_int_equal(chmod(path, 0700), 0);
    fflush(stderr);
    dup2(null, 2);
    guardable = guardable_check(path, "/proc/self/exe");
    fflush(stderr);
    dup2(saved, 2);
    close(saved);
    close(null);
    free(path);
    return guardable;
}

static bool can_guard_script(const char *folder, const char *first_line) {
    return can_guard(folder, "script", first_line, strlen(first_line));
}

static void only_what_the_dynamic_linker_loads_can_be_guarded(void **state) {
    struct place *place = *state;
    char line[256];
    Elf64_Ehdr header = {.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB},
                         .e_type = ET_EXEC,
                         .e_machine = EM_X86_64,
                         .e_phoff = sizeof header};
    assert_true(guardable_check("/bin/sh", "/proc/self/exe"));
    assert_false(can_guard(place->root, "static", &header, sizeof header));
    header.e_phnum = 40; /* headers that are not there */
    assert_false(can_guard(place->root, "cut", &header, sizeof header));
    assert_true(can_guard_script(place->root, "#!/bin/sh\n"));
    assert_true(can_guard_script(place->root, "#! /usr/bin/env -S FOO=1 sh -e\n"));
    assert_true(can_guard_script(place->root, "echo a script without a first line\n"));
    assert_false(can_guard_script(place->root, "#!\n"));
    assert_false(can_guard_script(place->root, "#!/no/such/interpreter\n"));
    assert_false(can_guard_script(place->root, "#!/usr/bin/env no-such-program\n"));
    snprintf(line, sizeof line, "#!%s/static\n", place->root);
    assert_false(can_guard_script(place->root, line));
    snprintf(line, sizeof line, "#!%s/script\n", place->root); /* itself, without end */
    assert_false(can_guard_script(place->root, line));
}

static void missing_and_forbidden_programs_have_the_shells_exit_codes(void **state) {
    struct place *place = *state;
    char *path = make_path(place->root, "plain"), *errors;
    make_write(path, "x", 1);
    assert_int_equal(chmod(path, 0600), 0);
    assert_int_equal(run(NULL, &errors, "run", "no-such-program", END), 127);
    assert_string_equal(errors, "reqscope: no-such-program: there is no such program in PATH\n");
    free(errors);
    assert_int_equal(run(NULL, NULL, "run", "/no/such/program", END), 127);
    assert_int_equal(run(NULL, NULL, "run", path, END), 126);
    assert_int_equal(run(NULL, NULL, "run", place->root, END), 126);
    free(path);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(model_holds_what_the_trace_says),
        TEST(both_folder_and_process_folder_are_traces),
        TEST(child_finds_labels_in_its_parent),
        TEST(unrelated_process_with_the_same_ids_is_kept_apart),
        TEST(finding_without_its_first_report_still_counts),
        TEST(each_context_says_how_it_was_found_and_how_sure_that_is),
        TEST(report_without_findings_says_how_many_contexts_were_guesses),
        TEST(table_of_contexts_has_attributes_where_there_are_some),
        TEST(what_a_fork_carries_over_is_weak_and_keeps_its_attributes),
        TEST(attributes_are_names_and_values_whatever_a_client_sends),
        TEST(report_says_which_contexts_were_inferred),
        TEST(hint_tells_of_what_the_first_request_has_opened),
        TEST(first_request_of_a_child_without_one_is_its_parents),
        TEST(each_hint_on_what_the_first_request_has_opened_says_so),
        TEST(all_origins_and_entries_have_a_name),
        TEST(report_json_has_the_contracts_fields),
        TEST(contexts_json_has_the_contracts_fields),
        TEST(fds_json_has_the_contracts_fields),
        TEST(bad_bytes_in_labels_reach_no_terminal_and_break_no_json),
        TEST(check_exits_by_findings_kinds_and_max),
        TEST(damage_is_exit_2_but_the_rest_is_rendered),
        TEST(every_flipped_byte_is_exit_2),
        TEST(unusable_traces_are_exit_2_with_a_message),
        TEST(usage_errors_are_exit_2_and_say_what_is_meant),
        TEST(help_and_version_are_exit_0),
        TEST(help_tells_all_of_each_command),
        TEST(options_of_run_end_at_the_command),
        TEST(options_of_reading_commands_stand_anywhere),
        TEST(options_may_be_cut_short_and_the_last_one_counts),
        TEST(control_characters_are_escaped),
        TEST(nearest_word_is_near),
        TEST(only_what_the_dynamic_linker_loads_can_be_guarded),
        TEST(missing_and_forbidden_programs_have_the_shells_exit_codes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
