/* test_config.c: every REQSCOPE_ variable: its values, its default, and what is said of a value that is none of them.
 */
#include "preload/config.h"
#include "tests/unit/unit.h"

static const char *variables[16][2]; /* name, value; ended by a NULL name */

static const char *get(const char *name) {
    for (int i = 0; variables[i][0]; i++) {
        if (!strcmp(variables[i][0], name)) return variables[i][1];
    }
    return NULL;
}

static char said[8192];
static struct rs_config config;

static void read_config(void) {
    struct rs_text complaints = rs_text_in(said, sizeof said);
    memset(&config, 0xa5, sizeof config); /* every field must be set */
    rs_config_read(&config, get, &complaints);
    assert_false(complaints.full);
}

static void with(const char *name, const char *value) {
    memset(variables, 0, sizeof variables);
    variables[0][0] = name;
    variables[0][1] = value;
    read_config();
}

static void quietly(const char *name, const char *value) {
    with(name, value);
    assert_string_equal(said, "");
}

/* One line, which names the variable, the value and the values that are understood. */
static void complains(const char *name, const char *value, const char *shown, const char *expected) {
    with(name, value);
    if (strncmp(said, "reqscope: ", 10) || !strstr(said, name) || !strstr(said, shown) || !strstr(said, expected)) {
        fail_msg("%s=%s: said '%s'; '%s' and '%s' should be in it", name, value, said, shown, expected);
    }
    const char *line_end = strchr(said, '\n');
    assert_non_null(line_end);
    assert_string_equal(line_end, "\n");
}

#define BIT(kind) (1u << RS_FINDING_##kind)
#define DEFAULT_KINDS (((1u << RS_FINDING_COUNT) - 1) & ~BIT(foreign_wakeup) & ~BIT(hang))

static void check_defaults(void) {
    assert_int_equal(config.mode, RS_MODE_LOG);
    assert_int_equal(config.policy, RS_POLICY_STRICT);
    assert_false(config.context_by_api_only);
    assert_false(config.follow_exec);
    assert_false(config.keep_deepbind);
    assert_int_equal(config.checks, DEFAULT_KINDS);
    assert_int_equal(config.stack_depth, 32);
    assert_int_equal(config.trace_max, 256ull << 20);
    assert_null(config.trace);
    assert_null(config.rules);
    assert_int_equal(config.log, RS_LOG_STDERR);
}

static void without_variables_all_is_at_its_default(void **state) {
    (void)state;
    memset(variables, 0, sizeof variables);
    read_config();
    assert_string_equal(said, "");
    check_defaults();
}

static void an_empty_value_is_the_default(void **state) {
    static const char *const names[] = {"REQSCOPE_MODE",        "REQSCOPE_POLICY",    "REQSCOPE_CONTEXT",
                                        "REQSCOPE_TRACE",       "REQSCOPE_TRACE_MAX", "REQSCOPE_LOG",
                                        "REQSCOPE_RULES",       "REQSCOPE_CHECK",     "REQSCOPE_STACK_DEPTH",
                                        "REQSCOPE_FOLLOW_EXEC", "REQSCOPE_DEEPBIND"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        quietly(names[i], "");
        check_defaults();
    }
}

static void modes(void **state) {
    static const char *const names[] = {"log", "deny", "abort", "off"};
    (void)state;
    for (int i = 0; i < 4; i++) {
        quietly("REQSCOPE_MODE", names[i]);
        assert_int_equal(config.mode, i);
    }
    quietly("REQSCOPE_MODE", "DENY");
    assert_int_equal(config.mode, RS_MODE_DENY);
    complains("REQSCOPE_MODE", "denyy", "'denyy'", "log, deny, abort or off");
    assert_int_equal(config.mode, RS_MODE_LOG);
    complains("REQSCOPE_MODE", " deny", "' deny'", "log, deny, abort or off");
}

static void policies_and_contexts(void **state) {
    (void)state;
    quietly("REQSCOPE_POLICY", "lease");
    assert_int_equal(config.policy, RS_POLICY_LEASE);
    quietly("REQSCOPE_POLICY", "strict");
    assert_int_equal(config.policy, RS_POLICY_STRICT);
    complains("REQSCOPE_POLICY", "loose", "'loose'", "strict or lease");
    quietly("REQSCOPE_CONTEXT", "api");
    assert_true(config.context_by_api_only);
    quietly("REQSCOPE_CONTEXT", "auto");
    assert_false(config.context_by_api_only);
    complains("REQSCOPE_CONTEXT", "1", "'1'", "auto or api");
}

static void what_is_followed(void **state) {
    (void)state;
    quietly("REQSCOPE_FOLLOW_EXEC", "1");
    assert_true(config.follow_exec);
    quietly("REQSCOPE_FOLLOW_EXEC", "0");
    assert_false(config.follow_exec);
    complains("REQSCOPE_FOLLOW_EXEC", "2", "'2'", "0 or 1");
    assert_false(config.follow_exec);
    quietly("REQSCOPE_DEEPBIND", "keep");
    assert_true(config.keep_deepbind);
    complains("REQSCOPE_DEEPBIND", "kept", "'kept'", "off or keep");
    assert_false(config.keep_deepbind);
}

static void paths(void **state) {
    (void)state;
    quietly("REQSCOPE_TRACE", "/tmp/t");
    assert_string_equal(config.trace, "/tmp/t");
    quietly("REQSCOPE_RULES", "rules");
    assert_string_equal(config.rules, "rules");
    quietly("REQSCOPE_LOG", "stderr");
    assert_int_equal(config.log, RS_LOG_STDERR);
    quietly("REQSCOPE_LOG", "syslog");
    assert_int_equal(config.log, RS_LOG_SYSLOG);
    quietly("REQSCOPE_LOG", "/var/log/%p.log");
    assert_int_equal(config.log, RS_LOG_FILE);
    assert_string_equal(config.log_path, "/var/log/%p.log");
}

static void sizes(void **state) {
    static const struct {
        const char *text;
        uint64_t size;
    } good[] = {{"0", 0},
                {"1", 1},
                {"4096", 4096},
                {"64K", 64ull << 10},
                {"64k", 64ull << 10},
                {"3M", 3ull << 20},
                {"2G", 2ull << 30},
                {"1T", 1ull << 40},
                {"0G", 0}};
    static const char *const bad[] = {
        "-1", "1.5G", "M", "12Q", "12MB", "0x10", " 1", "1 ", "99999999999999999999", "999999999999999999T", "many"};
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        quietly("REQSCOPE_TRACE_MAX", good[i].text);
        assert_int_equal(config.trace_max, good[i].size);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        complains("REQSCOPE_TRACE_MAX", bad[i], bad[i], "64M");
        assert_int_equal(config.trace_max, 256ull << 20);
    }
}

static void depths(void **state) {
    static const char *const bad[] = {"129", "-1", "abc", "1K", "4294967296", "32 "};
    (void)state;
    quietly("REQSCOPE_STACK_DEPTH", "0");
    assert_int_equal(config.stack_depth, 0);
    quietly("REQSCOPE_STACK_DEPTH", "128");
    assert_int_equal(config.stack_depth, 128);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        complains("REQSCOPE_STACK_DEPTH", bad[i], bad[i], "0 to 128");
        assert_int_equal(config.stack_depth, 32);
    }
}

static void kinds(void **state) {
    (void)state;
    quietly("REQSCOPE_CHECK", "leak");
    assert_int_equal(config.checks, BIT(leak));
    quietly("REQSCOPE_CHECK", "foreign-io,BAD-CLOSE,hang");
    assert_int_equal(config.checks, BIT(foreign_io) | BIT(bad_close) | BIT(hang));
    quietly("REQSCOPE_CHECK", "+hang,-leak");
    assert_int_equal(config.checks, (DEFAULT_KINDS | BIT(hang)) & ~BIT(leak));
    quietly("REQSCOPE_CHECK", "-foreign-io");
    assert_int_equal(config.checks, DEFAULT_KINDS & ~BIT(foreign_io));
    quietly("REQSCOPE_CHECK", "+foreign-wakeup");
    assert_int_equal(config.checks, DEFAULT_KINDS | BIT(foreign_wakeup));
    quietly("REQSCOPE_CHECK", "leak,");
    assert_int_equal(config.checks, BIT(leak));
}

static void unknown_kinds(void **state) {
    (void)state;
    complains("REQSCOPE_CHECK", "leaks", "'leaks'",
              "foreign-io, foreign-close, late-io, dirty-handover, leak, bad-close");
    assert_int_equal(config.checks, DEFAULT_KINDS);
    complains("REQSCOPE_CHECK", "leak,foreign", "'foreign'", "shared-after-fork, foreign-wakeup, hang");
    assert_int_equal(config.checks, BIT(leak));
    complains("REQSCOPE_CHECK", "+foreign,-leak", "'+foreign'", "foreign-io");
    assert_int_equal(config.checks, DEFAULT_KINDS & ~BIT(leak));
    complains("REQSCOPE_CHECK", "-", "'-'", "foreign-io");
    assert_int_equal(config.checks, DEFAULT_KINDS);
}

static void a_value_cannot_forge_a_line(void **state) {
    char value[300];
    (void)state;
    complains("REQSCOPE_MODE", "a\nreqscope: all is well", "'a?reqscope: all is well'", "log");
    memset(value, 'y', sizeof value);
    value[sizeof value - 1] = 0;
    complains("REQSCOPE_MODE", value, "yyy...'", "log");
    assert_true(strlen(said) < 300);
}

static void many_complaints_never_overflow(void **state) {
    char list[4096] = "", small[64];
    (void)state;
    for (int i = 0; i < 500; i++) strcat(list, "bad,");
    memset(variables, 0, sizeof variables);
    variables[0][0] = "REQSCOPE_CHECK";
    variables[0][1] = list;
    struct rs_text complaints = rs_text_in(small, sizeof small - 8);
    memset(small + sizeof small - 8, '#', 8);
    rs_config_read(&config, get, &complaints);
    assert_memory_equal(small + sizeof small - 8, "########", 8);
    assert_true(complaints.full);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_variables_all_is_at_its_default),
        cmocka_unit_test(an_empty_value_is_the_default),
        cmocka_unit_test(modes),
        cmocka_unit_test(policies_and_contexts),
        cmocka_unit_test(what_is_followed),
        cmocka_unit_test(paths),
        cmocka_unit_test(sizes),
        cmocka_unit_test(depths),
        cmocka_unit_test(kinds),
        cmocka_unit_test(unknown_kinds),
        cmocka_unit_test(a_value_cannot_forge_a_line),
        cmocka_unit_test(many_complaints_never_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
