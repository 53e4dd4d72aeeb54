/* rule.c: see rule.h. */
#include "tracer/rule.h"

#include <string.h>

#define NONE SIZE_MAX

/* ---- matching ---------------------------------------------------------------------------------------------------- */

/* What a pattern is matched against: `kind`, a ':' if there is one, and `rest`, read as one text without putting it together. */
struct subject {
    const char *kind, *rest;
    size_t kind_length, rest_length;
    bool colon;
};

static size_t length_of(const struct subject *subject) {
    return subject->kind_length + subject->colon + subject->rest_length;
}

static char character_of(const struct subject *subject, size_t at) {
    if (at < subject->kind_length) return subject->kind[at];
    at -= subject->kind_length;
    if (subject->colon && !at--) return ':';
    return subject->rest[at];
}

/* On a mismatch only the last `*` takes one character more: those before it can stay as they are, since what stands between two
 * stars is best matched as early as possible; and at the text's end no further character helps. So it takes length times length
 * at worst, whatever the text.
 * open_begin, open_end: as if a `*` stood there. */
static bool matches(const char *pattern, size_t length, const struct subject *subject, bool open_begin, bool open_end) {
    size_t end = length_of(subject), at = 0, next = 0;
    size_t after_star = open_begin ? 0 : NONE, taken = 0; /* where to go on after the last `*`, which ends at `taken` */
    while (next < length || (at < end && !open_end)) {
        if (next < length && pattern[next] == '*') {
            after_star = ++next;
            taken = at;
        } else if (next < length && at < end && pattern[next] == character_of(subject, at)) {
            next++;
            at++;
        } else if (after_star == NONE || at >= end) {
            return false;
        } else {
            next = after_star;
            at = ++taken;
        }
    }
    return true;
}

static bool is_word(const char *text, size_t length, const char *word) {
    return length == strlen(word) && !memcmp(text, word, length);
}

/* ---- descriptions ------------------------------------------------------------------------------------------------ */

static bool is_socket(uint32_t kind) {
    return kind == RS_KIND_TCP || kind == RS_KIND_UDP || kind == RS_KIND_UNIX || kind == RS_KIND_SOCKET;
}

/* The name after `word`; NULL when it does not begin with it. */
static const char *after_word(const char *name, const char *word) {
    size_t length = strlen(word);
    if (strncmp(name, word, length) != 0) return NULL;
    if (!name[length]) return name + length;
    return name[length] == ' ' ? name + length + 1 : NULL;
}

/* The name without what says its kind once more: a socket's first word, or all of it ("pipe"). A socket's name may have been
 * given before its kind was known, so its word may be another kind's. */
static const char *rest_of(uint32_t kind, const char *name) {
    static const enum rs_kind sockets[] = {RS_KIND_TCP, RS_KIND_UDP, RS_KIND_UNIX, RS_KIND_SOCKET};
    if (!is_socket(kind)) return strcmp(name, rs_kind_name(kind)) != 0 ? name : "";
    for (size_t i = 0; i < sizeof sockets / sizeof *sockets; i++) {
        const char *rest = after_word(name, rs_kind_name(sockets[i]));
        if (rest) return rest;
    }
    return name;
}

/* Without the remark that describe.c, or the kernel, puts after an address or a path. */
static size_t without_remark(const char *rest, size_t length) {
    static const char *const remarks[] = {" (listening)", " (own address)", " (deleted)"};
    for (size_t i = 0; i < sizeof remarks / sizeof *remarks; i++) {
        size_t remark = strlen(remarks[i]);
        if (length > remark && !memcmp(rest + length - remark, remarks[i], remark)) return length - remark;
    }
    return length;
}

static bool is_of_kind(const struct rs_pattern *pattern, const char *kind, const char *rest) {
    struct subject subject = {kind, rest, strlen(kind), strlen(rest), true};
    size_t bare = without_remark(rest, subject.rest_length);
    if (is_word(pattern->at, pattern->length, kind)) return true;
    if (matches(pattern->at, pattern->length, &subject, false, false)) return true;
    if (subject.rest_length && bare == subject.rest_length) return false;
    subject.rest_length = bare;
    subject.colon = bare; /* with nothing to say it is the kind alone, which `*pipe` should match, too */
    return matches(pattern->at, pattern->length, &subject, false, false);
}

bool rs_pattern_is_description(const struct rs_pattern *pattern, uint32_t kind, const char *name) {
    const char *rest = rest_of(kind, name), *file = rs_kind_name(RS_KIND_FILE);
    bool is_path = kind == RS_KIND_DIRECTORY || kind == RS_KIND_DEVICE || name[0] == '/';
    return is_of_kind(pattern, rs_kind_name(kind), rest) || (is_path && is_of_kind(pattern, file, rest));
}

bool rs_pattern_is_in(const struct rs_pattern *pattern, const char *text) {
    if (!text) return false;
    struct subject subject = {"", text, 0, strlen(text), false};
    const char *at = pattern->at;
    size_t length = pattern->length;
    bool from_begin = length && at[0] == '^';
    at += from_begin;
    length -= from_begin;
    bool to_end = length && at[length - 1] == '$';
    length -= to_end;
    return matches(at, length, &subject, !from_begin, !to_end);
}

/* ---- parsing ----------------------------------------------------------------------------------------------------- */

/* test_rule.c sees to it that these name everything that layout.h knows. */
static const char expected_verdict[] =
    "share, lease, strict or ignore, or a kind of finding (foreign-io, foreign-close, late-io, dirty-handover, leak, "
    "bad-close, shared-after-fork, foreign-wakeup, hang, or * for all), and a ':' after it";
static const char expected_description[] = "a pattern such as tcp:127.0.0.1:6379 or file:/var/log/* after the ':'";
static const char expected_kind[] =
    "a pattern that begins with tcp, udp, unix, socket, file, directory, device, pipe, epoll, eventfd or other, "
    "or with a *";
static const char expected_rest[] =
    "an address or a path after the kind and its ':' (the kind without a ':' is all of it)";
static const char expected_subject[] = "fun:, lib: or src: after the kind of finding";
static const char expected_frame[] =
    "a part of a function's, a library's or a source file's name after fun:, lib: or src:";

static bool is_blank(char character) {
    return character == ' ' || character == '\t' || character == '\r' || character == '\n';
}

/* Without blanks around it, and without the comment that a blank and a # begin. */
static struct rs_pattern trim(const char *line, size_t length) {
    for (size_t i = 1; i < length; i++)
        if (line[i] == '#' && is_blank(line[i - 1])) length = i;
    while (length && is_blank(line[0])) line++, length--;
    while (length && is_blank(line[length - 1])) length--;
    return (struct rs_pattern){line, length};
}

/* Takes the text before the first ':' off; false, with nothing taken, when there is none. */
static bool take_word(struct rs_pattern *text, struct rs_pattern *word) {
    const char *colon = text->length ? memchr(text->at, ':', text->length) : NULL;
    if (!colon) return false;
    *word = (struct rs_pattern){text->at, (size_t)(colon - text->at)};
    text->at = colon + 1;
    text->length -= word->length + 1;
    return true;
}

static bool read_verdict(const struct rs_pattern *word, enum rs_rule_verdict *verdict) {
    static const char *const words[] = {
        [RS_RULE_SHARE] = "share", [RS_RULE_LEASE] = "lease", [RS_RULE_STRICT] = "strict", [RS_RULE_IGNORE] = "ignore"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (!is_word(word->at, word->length, words[i])) continue;
        *verdict = (enum rs_rule_verdict)i;
        return true;
    }
    return false;
}

/* The kinds of finding that the word names; 0: none. */
static uint32_t read_kinds(const struct rs_pattern *word) {
    if (is_word(word->at, word->length, "*")) return (1u << RS_FINDING_COUNT) - 1;
    for (uint32_t kind = 0; kind < RS_FINDING_COUNT; kind++) {
        if (is_word(word->at, word->length, rs_finding_kind_name(kind))) return 1u << kind;
    }
    return 0;
}

static bool read_subject(const struct rs_pattern *word, enum rs_rule_subject *subject) {
    static const char *const words[] = {
        [RS_RULE_FUNCTION] = "fun", [RS_RULE_LIBRARY] = "lib", [RS_RULE_SOURCE] = "src"};
    for (size_t i = RS_RULE_FUNCTION; i < sizeof words / sizeof *words; i++) {
        if (!is_word(word->at, word->length, words[i])) continue;
        *subject = (enum rs_rule_subject)i;
        return true;
    }
    return false;
}

static bool is_kind_of_description(const struct rs_pattern *word) {
    if (word->length && memchr(word->at, '*', word->length)) return true;
    for (uint32_t kind = RS_KIND_UNKNOWN + 1; kind < RS_KIND_COUNT; kind++) {
        if (is_word(word->at, word->length, rs_kind_name(kind))) return true;
    }
    return false;
}

/* Each of the two: NULL when the rule's pattern is right, else what would have been. */
static const char *check_description(const struct rs_pattern *pattern) {
    struct rs_pattern rest = *pattern, kind = *pattern;
    if (!pattern->length) return expected_description;
    bool colon = take_word(&rest, &kind);
    if (!is_kind_of_description(&kind)) return expected_kind;
    return colon && !rest.length ? expected_rest : NULL;
}

static const char *read_frame(struct rs_pattern *text, enum rs_rule_subject *subject) {
    struct rs_pattern word;
    if (!take_word(text, &word) || !read_subject(&word, subject)) return expected_subject;
    return text->length ? NULL : expected_frame;
}

/* As rs_rule_parse, on a line that is neither blank nor a comment; NULL when it is right. */
static const char *read_rule(struct rs_rule *rule) {
    struct rs_pattern word;
    rule->pattern = rule->text;
    if (!take_word(&rule->pattern, &word)) return expected_verdict;
    if (read_verdict(&word, &rule->verdict)) return check_description(&rule->pattern);
    rule->verdict = RS_RULE_SUPPRESS;
    rule->kinds = read_kinds(&word);
    return rule->kinds ? read_frame(&rule->pattern, &rule->subject) : expected_verdict;
}

enum rs_rule_line rs_rule_parse(const char *line, size_t length, struct rs_rule *rule, const char **expected) {
    *rule = (struct rs_rule){.subject = RS_RULE_DESCRIPTION, .text = trim(line, length)};
    *expected = NULL;
    if (!rule->text.length || rule->text.at[0] == '#') return RS_RULE_LINE_BLANK;
    *expected = read_rule(rule);
    return *expected ? RS_RULE_LINE_BAD : RS_RULE_LINE_RULE;
}
