/* test_rule.c: a rules file's lines: what each says, what is said of a bad one, and what patterns match.
 */
#include "tests/unit/unit.h"
#include "tracer/rule.h"

#include <time.h>

static struct rs_rule rule;
static const char *expected;

static enum rs_rule_line parse(const char *line) {
    memset(&rule, 0xa5, sizeof rule); /* every field must be set */
    return rs_rule_parse(line, strlen(line), &rule, &expected);
}

static void assert_pattern(const struct rs_pattern *pattern, const char *text) {
    if (pattern->length == strlen(text) && !memcmp(pattern->at, text, pattern->length)) return;
    fail_msg("'%.*s' should be '%s'", (int)pattern->length, pattern->at, text);
}

static void says(const char *line, enum rs_rule_verdict verdict, enum rs_rule_subject subject, const char *pattern) {
    if (parse(line) != RS_RULE_LINE_RULE) fail_msg("'%s': expected %s", line, expected);
    assert_null(expected);
    assert_int_equal(rule.verdict, verdict);
    assert_int_equal(rule.subject, subject);
    assert_pattern(&rule.pattern, pattern);
}

static void is_bad(const char *line, const char *why) {
    if (parse(line) != RS_RULE_LINE_BAD) fail_msg("'%s' should be no rule", line);
    if (!expected || !strstr(expected, why)) fail_msg("'%s': expected '%s': '%s' should be in it", line, expected, why);
}

/* ---- lines ---- */

static void rules_for_descriptions(void **state) {
    (void)state;
    says("share:tcp:127.0.0.1:4222", RS_RULE_SHARE, RS_RULE_DESCRIPTION, "tcp:127.0.0.1:4222");
    assert_int_equal(rule.kinds, 0);
    says("lease:unix:/run/db/*", RS_RULE_LEASE, RS_RULE_DESCRIPTION, "unix:/run/db/*");
    says("strict:tcp:[::1]:6379", RS_RULE_STRICT, RS_RULE_DESCRIPTION, "tcp:[::1]:6379");
    says("ignore:file:/var/log/*", RS_RULE_IGNORE, RS_RULE_DESCRIPTION, "file:/var/log/*");
    says("share:pipe", RS_RULE_SHARE, RS_RULE_DESCRIPTION, "pipe");
    says("share:*:6379", RS_RULE_SHARE, RS_RULE_DESCRIPTION, "*:6379");
    says("share:*", RS_RULE_SHARE, RS_RULE_DESCRIPTION, "*");
}

static void rules_for_findings(void **state) {
    (void)state;
    says("foreign-io:fun:my_pool_*", RS_RULE_SUPPRESS, RS_RULE_FUNCTION, "my_pool_*");
    assert_int_equal(rule.kinds, 1u << RS_FINDING_foreign_io);
    says("leak:lib:libcurl", RS_RULE_SUPPRESS, RS_RULE_LIBRARY, "libcurl");
    assert_int_equal(rule.kinds, 1u << RS_FINDING_leak);
    says("*:src:vendor/*", RS_RULE_SUPPRESS, RS_RULE_SOURCE, "vendor/*");
    assert_int_equal(rule.kinds, (1u << RS_FINDING_COUNT) - 1);
    says("bad-close:fun:std::vector<int>::at", RS_RULE_SUPPRESS, RS_RULE_FUNCTION, "std::vector<int>::at");
    for (uint32_t kind = 0; kind < RS_FINDING_COUNT; kind++) {
        char line[64] = "";
        strcat(strcat(line, rs_finding_kind_name(kind)), ":fun:f");
        says(line, RS_RULE_SUPPRESS, RS_RULE_FUNCTION, "f");
        assert_int_equal(rule.kinds, 1u << kind);
    }
}

static void blanks_and_comments(void **state) {
    static const char *const blank[] = {"", " ", "\t", "\r", "# share:tcp", "  # a comment", "#"};
    (void)state;
    for (size_t i = 0; i < sizeof blank / sizeof *blank; i++) assert_int_equal(parse(blank[i]), RS_RULE_LINE_BLANK);
    says(" \tshare:tcp \r", RS_RULE_SHARE, RS_RULE_DESCRIPTION, "tcp");
    assert_pattern(&rule.text, "share:tcp");
    says("share:file:/srv/a file   # a comment # more", RS_RULE_SHARE, RS_RULE_DESCRIPTION, "file:/srv/a file");
    says("share:file:/srv/a#file", RS_RULE_SHARE, RS_RULE_DESCRIPTION, "file:/srv/a#file");
}

static void a_bad_line_is_said_with_what_was_expected(void **state) {
    (void)state;
    is_bad("shar:tcp", "share, lease, strict or ignore");
    assert_pattern(&rule.text, "shar:tcp");
    is_bad("share", "a ':' after it");
    is_bad("Share:tcp", "share, lease, strict or ignore");
    is_bad("share tcp", "a ':' after it");
    is_bad(":tcp", "share, lease");
    is_bad("foreign:fun:f", "foreign-io, foreign-close");
    is_bad("foreign-io,leak:fun:f", "a kind of finding");
    is_bad("share:", "tcp:127.0.0.1:6379");
    is_bad("lease:  ", "tcp:127.0.0.1:6379");
    is_bad("share:tpc:127.0.0.1", "tcp, udp, unix");
    is_bad("share: tcp", "tcp, udp, unix");
    is_bad("share:/var/log", "tcp, udp, unix");
    is_bad("share:unknown", "tcp, udp, unix");
    is_bad("share:tcp:", "after the kind and its ':'");
    is_bad("leak:libcurl", "fun:, lib: or src:");
    is_bad("leak:obj:libcurl", "fun:, lib: or src:");
    is_bad("leak:", "fun:, lib: or src:");
    is_bad("leak:lib:", "name after fun:, lib: or src:");
    is_bad("*:tcp:127.0.0.1:1", "fun:, lib: or src:");
}

/* The texts are written by hand: nothing that is understood may be missing from them. */
static void what_is_expected_names_every_kind(void **state) {
    (void)state;
    for (uint32_t kind = 0; kind < RS_FINDING_COUNT; kind++) is_bad("x:y", rs_finding_kind_name(kind));
    for (uint32_t kind = RS_KIND_UNKNOWN + 1; kind < RS_KIND_COUNT; kind++) is_bad("share:x", rs_kind_name(kind));
}

static void a_line_ends_where_its_length_says(void **state) {
    static const char text[] = {'s', 'h', 'a', 'r', 'e', ':', 't', 'c', 'p', 'x'};
    static const char with_nul[] = "share:file:/a\0b";
    char line[256];
    (void)state;
    assert_int_equal(rs_rule_parse(text, 9, &rule, &expected), RS_RULE_LINE_RULE);
    assert_pattern(&rule.pattern, "tcp");
    for (size_t length = 0; length < sizeof text; length++) {
        char *exact = malloc(length + 1); /* what is read past the end is seen by the sanitizers */
        memcpy(exact + 1, text, length);
        rs_rule_parse(exact + 1, length, &rule, &expected);
        free(exact);
    }
    assert_int_equal(rs_rule_parse(with_nul, sizeof with_nul - 1, &rule, &expected), RS_RULE_LINE_RULE);
    assert_false(rs_pattern_is_description(&rule.pattern, RS_KIND_FILE, "/a"));
    srand(1);
    for (int round = 0; round < 100000; round++) { /* any bytes: never a crash, always an answer */
        size_t length = (size_t)rand() % sizeof line;
        for (size_t i = 0; i < length; i++) line[i] = "share:tcp*lib\n# \xff"[rand() % 17];
        enum rs_rule_line read = rs_rule_parse(line, length, &rule, &expected);
        assert_int_equal(read == RS_RULE_LINE_BAD, expected != NULL);
    }
}

/* ---- patterns ---- */

static bool is_description(const char *pattern, uint32_t kind, const char *name) {
    struct rs_pattern at = {pattern, strlen(pattern)};
    return rs_pattern_is_description(&at, kind, name);
}

static bool is_in(const char *pattern, const char *text) {
    struct rs_pattern at = {pattern, strlen(pattern)};
    return rs_pattern_is_in(&at, text);
}

struct description_case {
    const char *pattern;
    uint32_t kind;
    const char *name;
};

static const struct description_case fitting[] = {
    {"tcp:127.0.0.1:6379", RS_KIND_TCP, "tcp 127.0.0.1:6379"},
    {"tcp:127.0.0.1:*", RS_KIND_TCP, "tcp 127.0.0.1:6379"},
    {"tcp:*:6379", RS_KIND_TCP, "tcp [fe80::1]:6379"},
    {"tcp:[::1]:80", RS_KIND_TCP, "tcp [::1]:80"},
    {"tcp", RS_KIND_TCP, "tcp 127.0.0.1:6379"},
    {"tcp", RS_KIND_TCP, "tcp"},
    {"tcp:*", RS_KIND_TCP, "tcp"},
    {"tcp", RS_KIND_TCP, ""},
    {"*", RS_KIND_TCP, "tcp 127.0.0.1:6379"},
    {"*", RS_KIND_OTHER, ""},
    {"*:6379", RS_KIND_UDP, "udp 127.0.0.1:6379"},
    {"*p:*.1:53", RS_KIND_UDP, "udp 127.0.0.1:53"},
    {"t*9", RS_KIND_TCP, "tcp 127.0.0.1:6379"},
    {"tcp:127.0.0.1:80", RS_KIND_TCP, "tcp 127.0.0.1:80 (listening)"},
    {"tcp:127.0.0.1:80 (listening)", RS_KIND_TCP, "tcp 127.0.0.1:80 (listening)"},
    {"tcp:*(listening)", RS_KIND_TCP, "tcp 127.0.0.1:80 (listening)"},
    {"udp:127.0.0.1:53", RS_KIND_UDP, "udp 127.0.0.1:53 (own address)"},
    {"unix:/run/db.sock", RS_KIND_UNIX, "unix /run/db.sock"},
    {"unix:/run/*", RS_KIND_UNIX, "unix /run/db.sock (listening)"},
    {"unix:@name", RS_KIND_UNIX, "unix @name"},
    {"unix:socketpair", RS_KIND_UNIX, "unix socketpair"},
    {"unix:tcp x", RS_KIND_UNIX, "unix tcp x"},
    {"tcp:1.2.3.4:5", RS_KIND_TCP, "socket 1.2.3.4:5"},
    {"file:/var/lib/app/*", RS_KIND_FILE, "/var/lib/app/a.db"},
    {"file:/var/lib/app/*", RS_KIND_FILE, "/var/lib/app/"},
    {"file:*.log", RS_KIND_FILE, "/var/log/app.log (deleted)"},
    {"file:/dev/null", RS_KIND_DEVICE, "/dev/null"},
    {"device:/dev/null", RS_KIND_DEVICE, "/dev/null"},
    {"file:/srv", RS_KIND_DIRECTORY, "/srv"},
    {"file:x", RS_KIND_DIRECTORY, "x"},
    {"directory", RS_KIND_DIRECTORY, "/srv"},
    {"file", RS_KIND_DIRECTORY, "/srv"},
    {"file:/run/fifo", RS_KIND_PIPE, "/run/fifo"},
    {"pipe:/run/fifo", RS_KIND_PIPE, "/run/fifo"},
    {"pipe", RS_KIND_PIPE, "pipe"},
    {"pi*", RS_KIND_PIPE, "pipe"},
    {"*pipe", RS_KIND_PIPE, "pipe"},
    {"epoll", RS_KIND_EPOLL, "[eventpoll]"},
    {"eventfd", RS_KIND_EVENTFD, "[eventfd]"},
    {"other:*timerfd*", RS_KIND_OTHER, "[timerfd]"},
    {"*a*b*c*", RS_KIND_FILE, "/a/b/c"},
    {"file:/**/c", RS_KIND_FILE, "/a/b/c"},
};

static const struct description_case not_fitting[] = {
    {"tcp:127.0.0.1:637", RS_KIND_TCP, "tcp 127.0.0.1:6379"},
    {"tcp:27.0.0.1:6379", RS_KIND_TCP, "tcp 127.0.0.1:6379"},
    {"tcp:127.0.0.1:6379", RS_KIND_UDP, "udp 127.0.0.1:6379"},
    {"tcp:127.0.0.1:6379", RS_KIND_TCP, "tcp"},
    {"tcp 127.0.0.1:6379", RS_KIND_TCP, "tcp 127.0.0.1:6379"},
    {"udp", RS_KIND_TCP, "tcp 127.0.0.1:6379"},
    {"tc", RS_KIND_TCP, "tcp"},
    {"tcp:127.0.0.1:?", RS_KIND_TCP, "tcp 127.0.0.1:6"},
    {"tcp:*:80", RS_KIND_TCP, "tcp 127.0.0.1:8080"},
    {"tcp:[:*]:80", RS_KIND_TCP, "tcp 127.0.0.1:80"},
    {"file", RS_KIND_TCP, "tcp 127.0.0.1:6379"},
    {"file:*", RS_KIND_UNIX, "unix /run/db.sock"},
    {"file", RS_KIND_PIPE, "pipe"},
    {"file:*", RS_KIND_EPOLL, "[eventpoll]"},
    {"directory", RS_KIND_FILE, "/srv"},
    {"device:*", RS_KIND_FILE, "/dev/x"},
    {"file:/var/lib/app/*", RS_KIND_FILE, "/var/lib/application"},
    {"file:/A", RS_KIND_FILE, "/a"},
    {"", RS_KIND_FILE, "/a"},
    {"*b*a*", RS_KIND_OTHER, "a"},
};

static void descriptions_are_matched_as_a_whole(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof fitting / sizeof *fitting; i++) {
        const struct description_case *one = &fitting[i];
        if (!is_description(one->pattern, one->kind, one->name)) fail_msg("'%s' is '%s'", one->name, one->pattern);
    }
    for (size_t i = 0; i < sizeof not_fitting / sizeof *not_fitting; i++) {
        const struct description_case *one = &not_fitting[i];
        if (is_description(one->pattern, one->kind, one->name)) fail_msg("'%s' is not '%s'", one->name, one->pattern);
    }
}

static void frames_are_matched_anywhere_but_for_anchors(void **state) {
    (void)state;
    assert_true(is_in("pool", "my_pool_get"));
    assert_true(is_in("my_pool_*", "my_pool_get"));
    assert_true(is_in("my*get", "my_pool_get_more"));
    assert_true(is_in("^my", "my_pool_get"));
    assert_true(is_in("get$", "my_pool_get"));
    assert_true(is_in("^my*get$", "my_pool_get"));
    assert_true(is_in("^my_pool_get$", "my_pool_get"));
    assert_true(is_in("t$", "ttt"));
    assert_true(is_in("*", ""));
    assert_true(is_in("^$", ""));
    assert_true(is_in("a^b", "xa^b"));
    assert_true(is_in("a$b", "a$bx"));
    assert_true(is_in("aab", "aaab"));
    assert_true(is_in("vendor/*", "/src/vendor/pool.c"));
    assert_true(is_in("operator*", "operator*"));
    assert_false(is_in("^pool", "my_pool"));
    assert_false(is_in("my$", "my_pool"));
    assert_false(is_in("^my_pool$", "my_pool_get"));
    assert_false(is_in("get*my", "my_get"));
    assert_false(is_in("^$", "x"));
    assert_false(is_in("pool", "POOL"));
    assert_false(is_in("longer than it", "longer"));
    assert_false(rs_pattern_is_in(&(struct rs_pattern){"*", 1}, NULL));
}

/* By the definition, without any cleverness. */
static bool slowly(const char *pattern, const char *text) {
    if (!*pattern) return !*text;
    if (*pattern == '*') return slowly(pattern + 1, text) || (*text && slowly(pattern, text + 1));
    return *text == *pattern && slowly(pattern + 1, text + 1);
}

static void random_word(char *word, size_t most, const char *letters) {
    size_t length = (size_t)rand() % most;
    for (size_t i = 0; i < length; i++) word[i] = letters[(size_t)rand() % strlen(letters)];
    word[length] = 0;
}

static void matching_agrees_with_the_definition(void **state) {
    char pattern[8], text[12], anchored[16], around[16];
    (void)state;
    srand(1);
    for (int round = 0; round < 200000; round++) {
        random_word(pattern, sizeof pattern, "ab*");
        random_word(text, sizeof text, "ab");
        strcat(strcat(strcpy(anchored, "^"), pattern), "$");
        strcat(strcat(strcpy(around, "*"), pattern), "*");
        if (is_in(anchored, text) != slowly(pattern, text)) fail_msg("'%s' in '%s'", anchored, text);
        if (is_in(pattern, text) != slowly(around, text)) fail_msg("'%s' in '%s'", pattern, text);
    }
}

/* What takes time without bound where each star begins a search of its own. */
static void hostile_text_takes_no_time(void **state) {
    static char text[RS_STRING_MAX], pattern[RS_STRING_MAX];
    struct timespec before, after;
    (void)state;
    memset(text, 'a', sizeof text - 1);
    for (size_t i = 0; i + 2 < sizeof pattern; i += 2) memcpy(pattern + i, "*a", 2);
    pattern[1000] = 0;
    strcat(pattern, "b");
    clock_gettime(CLOCK_MONOTONIC, &before);
    for (int round = 0; round < 10; round++) {
        assert_false(is_in(pattern, text));
        assert_false(is_description(pattern, RS_KIND_FILE, text));
    }
    clock_gettime(CLOCK_MONOTONIC, &after);
    assert_true(after.tv_sec - before.tv_sec < 5);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_for_descriptions),
        cmocka_unit_test(rules_for_findings),
        cmocka_unit_test(blanks_and_comments),
        cmocka_unit_test(a_bad_line_is_said_with_what_was_expected),
        cmocka_unit_test(what_is_expected_names_every_kind),
        cmocka_unit_test(a_line_ends_where_its_length_says),
        cmocka_unit_test(descriptions_are_matched_as_a_whole),
        cmocka_unit_test(frames_are_matched_anywhere_but_for_anchors),
        cmocka_unit_test(matching_agrees_with_the_definition),
        cmocka_unit_test(hostile_text_takes_no_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
