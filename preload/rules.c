/* rules.c: see rules.h. */
#include "preload/rules.h"
#include "preload/describe.h"
#include "preload/log.h"
#include "preload/track.h"
#include "tracer/recorder.h"
#include "tracer/rule.h"
#include "tracer/text.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define MOST_RULES 1024
#define MOST_COMPLAINTS 20
#define LARGEST_FILE (1 << 20)

struct rule {
    struct rs_rule rule;
    uint32_t line;
    uint64_t hits; /* atomic */
};

bool rs_rules_describe, rs_rules_lease;

static struct rule *rules;
static uint32_t rule_count;
static bool suppress;
static char file_name[256];

/* ---- reading -------------------------------------------------------------------------------------------------------- */

static void complain(uint32_t line, const struct rs_pattern *text, const char *expected) {
    char complaint[1024];
    struct rs_text into = rs_text_in(complaint, sizeof complaint);
    rs_text_add_safe(&into, file_name);
    rs_text_add(&into, ":");
    rs_text_number(&into, line);
    rs_text_add(&into, ": '");
    for (size_t i = 0; i < text->length && i < 80; i++) {
        char byte[2] = {text->at[i], 0};
        rs_text_add_safe(&into, byte);
    }
    rs_text_add(&into, text->length > 80 ? "...' is not understood: expected " : "' is not understood: expected ");
    rs_text_add(&into, expected);
    rs_text_add(&into, ". The other lines hold");
    rs_log_line(into.buffer, NULL);
}

static void add(const struct rs_rule *rule, uint32_t line) {
    static bool full;
    if (rule_count == MOST_RULES) {
        if (!full) complain(line, &rule->text, "no more than 1024 rules: this one and those after it do not hold");
        full = true;
        return;
    }
    rules[rule_count++] = (struct rule){.rule = *rule, .line = line};
    if (rule->verdict == RS_RULE_SUPPRESS)
        suppress = true;
    else
        rs_rules_describe = true;
    if (rule->verdict == RS_RULE_LEASE) rs_rules_lease = true;
}

static void read_lines(const char *text, size_t size) {
    uint32_t line = 0, complaints = 0;
    for (size_t at = 0; at < size; line++) {
        const char *end = memchr(text + at, '\n', size - at);
        size_t length = end ? (size_t)(end - (text + at)) : size - at;
        const char *expected = "";
        struct rs_rule rule;
        enum rs_rule_line kind = rs_rule_parse(text + at, length, &rule, &expected);
        if (kind == RS_RULE_LINE_RULE) add(&rule, line + 1);
        if (kind == RS_RULE_LINE_BAD && complaints++ < MOST_COMPLAINTS)
            complain(line + 1, &(struct rs_pattern){text + at, length}, expected);
        at += length + 1;
    }
    if (complaints > MOST_COMPLAINTS) rs_log_line("REQSCOPE_RULES: further lines are not understood", file_name);
}

/* The file's content, in memory that stays; NULL after a line on the log. */
static const char *read_file(const char *path, size_t *size) {
    struct stat status = {0};
    long fd = rs_sys(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), got = 0;
    char *text = NULL;
    *size = 0;
    long problem = fd < 0 ? -fd : -rs_sys(SYS_fstat, fd, &status);
    if (!problem && (!S_ISREG(status.st_mode) || status.st_size > LARGEST_FILE)) problem = EFBIG;
    if (!problem && status.st_size) {
        text = rs_sys_mmap((size_t)status.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
        while (text && *size < (size_t)status.st_size &&
               (got = rs_sys(SYS_pread64, fd, text + *size, (size_t)status.st_size - *size, *size)) > 0)
            *size += (size_t)got;
        if (!text || got < 0) problem = text ? -got : ENOMEM;
    }
    if (fd >= 0) rs_sys(SYS_close, fd);
    if (!problem) return text ? text : "";
    char line[512];
    struct rs_text into = rs_text_in(line, sizeof line);
    const char *reason = strerrordesc_np((int)problem);
    rs_text_add(&into, "REQSCOPE_RULES: the file cannot be read (");
    rs_text_add(&into, problem == EFBIG ? "no ordinary file, or larger than 1 MiB" : reason ? reason : "unknown error");
    rs_text_add(&into, "): no rule holds; the program goes on");
    rs_log_line(line, path);
    return NULL;
}

void rs_rules_start(const char *path) {
    size_t size;
    if (!path) return;
    struct rs_text name = rs_text_in(file_name, sizeof file_name);
    rs_text_add_safe(&name, path);
    rules = rs_sys_mmap(MOST_RULES * sizeof *rules, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    const char *text = rules ? read_file(path, &size) : NULL;
    if (text) read_lines(text, size);
}

static void copy_text(char *to, size_t room, const struct rs_pattern *text) {
    size_t length = text->length < room - 1 ? text->length : room - 1;
    memcpy(to, text->at, length);
    to[length] = 0;
}

static void record(const struct rule *rule) {
    char text[256];
    const char *strings[] = {text};
    if (!rs_tracing) return;
    copy_text(text, sizeof text, &rule->rule.text);
    struct rs_event_rule event = {
        .header = {.id = RS_EVENT_rule, .fd = -1},
        .line = rule->line,
        .hits = __atomic_load_n(&rule->hits, __ATOMIC_RELAXED),
    };
    rs_record(&event, sizeof event, strings, 1, NULL, 0, true);
}

/* ---- asking --------------------------------------------------------------------------------------------------------- */

void rs_rule_hit(uint32_t number) {
    uint64_t hits = __atomic_add_fetch(&rules[number - 1].hits, 1, __ATOMIC_RELAXED);
    /* A process may be killed at any moment: what its trace says is then not much too low. */
    if (!(hits & (hits - 1))) record(&rules[number - 1]);
}

static void mark(int fd, struct rs_description *description, enum rs_rule_verdict verdict) {
    static const uint8_t flags[] = {
        [RS_RULE_SHARE] = RS_DESCRIPTION_SHARED,
        [RS_RULE_LEASE] = RS_DESCRIPTION_LEASED,
        [RS_RULE_STRICT] = RS_DESCRIPTION_STRICT,
        [RS_RULE_IGNORE] = RS_DESCRIPTION_SHARED,
    };
    if (__atomic_fetch_or(&description->flags, flags[verdict], __ATOMIC_RELAXED) & flags[verdict]) return;
    if (verdict == RS_RULE_SHARE || verdict == RS_RULE_IGNORE) {
        uint64_t tag;
        do {
            tag = __atomic_load_n(&description->tag, __ATOMIC_ACQUIRE);
        } while (!rs_hand_over(fd, description, tag, 0, RS_HANDOVER_SHARED));
    }
    if (verdict == RS_RULE_IGNORE) rs_mark(description, 0, RS_TAG_IGNORED);
}

void rs_rules_mark(int fd, struct rs_description *description, const char *name) {
    char described[RS_NAME_SIZE];
    enum rs_kind kind = description->kind;
    if (rs_likely(!rs_rules_describe)) return;
    if (!name) {
        enum rs_kind found = rs_describe(fd, described);
        if (kind == RS_KIND_UNKNOWN) kind = found;
        name = described;
    }
    for (uint32_t i = 0; i < rule_count; i++) {
        const struct rs_rule *rule = &rules[i].rule;
        if (rule->verdict == RS_RULE_SUPPRESS || !rs_pattern_is_description(&rule->pattern, kind, name)) continue;
        mark(fd, description, rule->verdict);
        rs_rule_hit(i + 1);
        return;
    }
}

bool rs_rules_suppress(void) {
    return suppress;
}

static bool is_in_frame(const struct rs_rule *rule, const struct rs_symbol *frame) {
    return rs_pattern_is_in(&rule->pattern, rule->subject == RS_RULE_FUNCTION  ? frame->function
                                            : rule->subject == RS_RULE_LIBRARY ? frame->module
                                                                               : frame->path);
}

uint32_t rs_rules_suppressing(enum rs_finding_kind kind, const struct rs_symbol *frames, uint32_t count) {
    for (uint32_t i = 0; i < rule_count; i++) {
        const struct rs_rule *rule = &rules[i].rule;
        if (rule->verdict != RS_RULE_SUPPRESS || !(rule->kinds >> kind & 1)) continue;
        for (uint32_t frame = 0; frame < count; frame++) {
            if (is_in_frame(rule, &frames[frame])) return i + 1;
        }
    }
    return 0;
}

/* ---- telling -------------------------------------------------------------------------------------------------------- */

void rs_rules_record(void) {
    for (uint32_t i = 0; i < rule_count; i++) record(&rules[i]);
}

void rs_rules_tell(void) {
    for (uint32_t i = 0; i < rule_count; i++) {
        char text[256], line[512];
        uint64_t hits = __atomic_load_n(&rules[i].hits, __ATOMIC_RELAXED);
        struct rs_text into = rs_text_in(line, sizeof line);
        copy_text(text, sizeof text, &rules[i].rule.text);
        rs_text_add_safe(&into, file_name);
        rs_text_add(&into, ":");
        rs_text_number(&into, rules[i].line);
        rs_text_add(&into, ": ");
        rs_text_add_safe(&into, text);
        rs_text_add(&into, hits ? ": hits: " : ": never hit");
        if (hits) rs_text_number(&into, hits);
        rs_log_line(line, NULL);
    }
}

void rs_rules_forked(void) {
    for (uint32_t i = 0; i < rule_count; i++) rules[i].hits = 0;
}
