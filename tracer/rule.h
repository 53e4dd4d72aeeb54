/* rule.h: one line of a rules file (REQSCOPE_RULES): what it says, and what it matches. Pure; shared by the guard, which lives by
 * the rules, and by the command, which checks them and uses the same patterns. No malloc: a rule points into its line.
 *
 *   share:tcp:127.0.0.1:4222        by design everybody's: never a finding
 *   lease:unix:/run/db-*            may change hands while its exchange is complete, whatever REQSCOPE_POLICY says
 *   strict:tcp:127.0.0.1:6379       only its owner may use it, whatever REQSCOPE_POLICY says
 *   ignore:file:*.log               not looked at at all, nor recorded
 *   foreign-io:fun:my_pool_*        findings of the kind with such a function in one of their stacks are suppressed;
 *   leak:lib:libcurl                lib: the module's file name; src: the source file's path;
 *   *:src:vendor/                   * for the kind: all of them
 *   # a comment, as is what follows a blank and a #; blank lines are allowed, as are blanks around a line
 *
 * Patterns: `*` stands for any characters, none too. What a description is, is matched as a whole: "tcp:127.0.0.1:6379",
 * "file:/var/log/app.log", "pipe"; a pattern that is a kind alone ("tcp", "pipe") matches all of the kind, and `file:` any path,
 * a folder's and a device's too. Frames are matched as the sanitizers' suppressions are: anywhere in the name, unless `^` begins
 * or `$` ends the pattern. */
#ifndef RS_TRACER_RULE_H
#define RS_TRACER_RULE_H

#include "tracer/layout.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum rs_rule_verdict { RS_RULE_SHARE, RS_RULE_LEASE, RS_RULE_STRICT, RS_RULE_IGNORE, RS_RULE_SUPPRESS };
enum rs_rule_subject { RS_RULE_DESCRIPTION, RS_RULE_FUNCTION, RS_RULE_LIBRARY, RS_RULE_SOURCE };

struct rs_pattern {
    const char *at; /* not NUL-terminated */
    size_t length;
};

struct rs_rule {
    enum rs_rule_verdict verdict;
    enum rs_rule_subject subject;
    uint32_t kinds; /* RS_RULE_SUPPRESS: 1 << enum rs_finding_kind */
    struct rs_pattern pattern;
    struct rs_pattern text; /* the whole rule, without blanks around it */
};

enum rs_rule_line { RS_RULE_LINE_BLANK, RS_RULE_LINE_RULE, RS_RULE_LINE_BAD };

/* Reads one line, without its newline. RS_RULE_LINE_BAD: *expected says what would have been right there, as a part of a
 * sentence ("a kind of finding or share, lease, strict, ignore before the first ':'"). */
enum rs_rule_line rs_rule_parse(const char *line, size_t length, struct rs_rule *rule, const char **expected);

/* A pattern against a whole description: kind (enum rs_kind) and name as in describe.h ("tcp 127.0.0.1:6379", a path). */
bool rs_pattern_is_description(const struct rs_pattern *pattern, uint32_t kind, const char *name);

/* A pattern against the name of a function, a module or a source file; NULL, a name that is not known, never matches. */
bool rs_pattern_is_in(const struct rs_pattern *pattern, const char *text);

#endif
