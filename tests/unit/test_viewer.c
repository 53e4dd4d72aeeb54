/* test_viewer.c: from a trace to what the user sees: the model, the commands' documents and exit codes, options, text.
 */
#include "tests/unit/make_trace.h"
#include "viewer/commands.h"
#include "viewer/finding_text.h"
#include "viewer/guardable.h"
#include "viewer/load.h"
#include "viewer/output.h"
#include "viewer/text.h"

#include <elf.h>
#include <fcntl.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

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

#define END ((char *)NULL) /* of the arguments of run() */

/* Runs `reqscope first second ...` and returns its exit code; what it printed on stdout and stderr are the caller's. */
static int run(char **output, char **errors, const char *first, ...) {
    char *arguments[16] = {(char *)"reqscope", (char *)first}, out[] = "/tmp/reqscope-out-XXXXXX",
         err[] = "/tmp/reqscope-err-XXXXXX";
    int count = 2, result, saved[2] = {dup(1), dup(2)}, out_fd = mkstemp(out), err_fd = mkstemp(err);
    size_t size;
    va_list more;
    va_start(more, first);
    while ((arguments[count] = va_arg(more, char *))) count++;
    va_end(more);
    fflush(stdout);
    fflush(stderr);
    dup2(out_fd, 1);
    dup2(err_fd, 2);
    result = commands_main(count, arguments);
    fflush(stdout);
    fflush(stderr);
    dup2(saved[0], 1);
    dup2(saved[1], 2);
    close(saved[0]), close(saved[1]), close(out_fd), close(err_fd);
    for (int i = 0; i < 2; i++) {
        char **to = i ? errors : output, *bytes = (char *)make_read(i ? err : out, &size);
        bytes[size] = 0;
        unlink(i ? err : out);
        if (to)
            *to = bytes;
        else
            free(bytes);
    }
    return result;
}

static json_t *run_json(int expected, const char *command, const char *folder) {
    char *output;
    json_error_t error;
    json_t *document;
    assert_int_equal(run(&output, NULL, command, "--json", folder, END), expected);
    document = json_loads(output, 0, &error);
    if (!document) fail_msg("%s: %s: %s", command, error.text, output);
    free(output);
    return document;
}

#define TEXT_OF(object, key) json_string_value(json_object_get(object, key))
#define NUMBER_OF(object, key) json_integer_value(json_object_get(object, key))

/* ---- the model ---- */

static void model_holds_what_the_trace_says(void **state) {
    struct place *place = *state;
    struct model model;
    const struct process *process;
    const struct context *context;
    const struct description *description;
    const struct finding **findings;
    size_t count;
    make_two_contexts(place->trace, 64);
    assert_true(load_traces(&model, &place->root, 1, NULL));
    assert_int_equal(model.process_count, 1);
    assert_int_equal(model.events, MAKE_EVENTS);
    process = model.processes[0];
    assert_int_equal(process->pid, MAKE_PID);
    assert_string_equal(process->command, "server --port 80");
    context = model_context_of(&model, process, 1);
    assert_string_equal(context->label, "GET /a");
    assert_int_equal(context->began, 1100);
    assert_int_equal(context->ended, 3000);
    assert_int_equal(context->opens, 1);
    assert_int_equal(context->uses, 2);
    assert_int_equal(context->bytes, 30);
    assert_int_equal(context->findings, 1);
    description = model_description_of(&model, process, 5);
    assert_string_equal(description->name, "tcp 127.0.0.1:6379");
    assert_int_equal(description->kind, RS_KIND_TCP);
    assert_int_equal(description->opener, 1);
    assert_int_equal(description->owner, 2);
    assert_int_equal(description->user_count, 2);
    assert_int_equal(description->handovers, 1);
    assert_int_equal(description->closed, 2500);
    findings = model_findings(&model, UINT32_MAX, &count);
    assert_int_equal(count, 1);
    assert_int_equal(findings[0]->count, 4);
    assert_int_equal(findings[0]->kind, RS_FINDING_foreign_io);
    assert_int_equal(findings[0]->opened, 1200);
    free(findings);
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
    struct rs_event_process process = {.header = {time + 1, RS_EVENT_process, -1}, .pid = pid, .parent_pid = parent};
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
    const struct finding **findings;
    size_t count;
    make_event(packet, &finding, sizeof finding, NULL, NULL, NULL, 0);
    make_finish(packet, folder);
    make_two_contexts(place->trace, 0);
    assert_true(load_traces(&model, &place->root, 1, NULL));
    assert_int_equal(model.process_count, 2);
    findings = model_findings(&model, 1u << RS_FINDING_late_io, &count);
    assert_int_equal(count, 1);
    name = finding_context(&model, findings[0]->process, 1);
    assert_string_equal(name, "GET /a (context 1)");
    free(name);
    name = finding_context(&model, findings[0]->process, 77); /* nothing says who that is */
    assert_string_equal(name, "context 77");
    free(name);
    assert_string_equal(finding_description(&model, findings[0]), "tcp 127.0.0.1:6379");
    assert_non_null(model_stack_of(&model, findings[0]->process, 1, &holder));
    assert_int_equal(holder->pid, MAKE_PID);
    free(findings);
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
    assert_int_equal(model_count_contexts(&model), 3);
    assert_string_equal(model_context_of(&model, model.processes[0], 1)->label, "other job");
    assert_string_equal(model_context_of(&model, model.processes[1], 1)->label, "GET /a");
    assert_null(model_context_of(&model, model.processes[0], 2));
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
        {{"report"}, "give a TRACE"},
        {{"report", "--jsno", "x"}, "did you mean --json?"},
        {{"report", "--max", "1"}, "unknown option"},
        {{"report", "-z"}, "unknown option '-z'"},
        {{"check", "--max"}, "needs a value"},
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
        TEST(options_of_run_end_at_the_command),
        TEST(options_of_reading_commands_stand_anywhere),
        TEST(control_characters_are_escaped),
        TEST(nearest_word_is_near),
        TEST(only_what_the_dynamic_linker_loads_can_be_guarded),
        TEST(missing_and_forbidden_programs_have_the_shells_exit_codes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
