/* config.c: see config.h. Pure: what it reads comes through `get`, what it says goes to `complaints`. */
#include "preload/config.h"

#include <string.h>
#include <strings.h>

#define DEFAULT_CHECKS (((1u << RS_FINDING_COUNT) - 1) & ~(1u << RS_FINDING_foreign_wakeup) & ~(1u << RS_FINDING_hang))
#define DEFAULT_DEPTH 32u
#define DEFAULT_TRACE_MAX (256ull << 20)

struct rs_config rs_config;

static void complain(struct rs_text *complaints, const char *variable, const char *value, size_t length,
                     const char *expected, const char *used) {
    rs_text_add(complaints, "reqscope: ");
    rs_text_add(complaints, variable);
    rs_text_add(complaints, ": '");
    for (size_t i = 0; i < length && i < 80; i++) {
        char byte[2] = {value[i], 0};
        rs_text_add_safe(complaints, byte);
    }
    if (length > 80) rs_text_add(complaints, "...");
    rs_text_add(complaints, "' is not understood; expected ");
    rs_text_add(complaints, expected);
    rs_text_add(complaints, ". Using ");
    rs_text_add(complaints, used);
    rs_text_add(complaints, ".\n");
}

/* The index of value among `count` names, or 0, the default, with a complaint. */
static uint32_t choose(struct rs_text *complaints, const char *variable, const char *value, const char *const *names,
                       uint32_t count) {
    if (!value || !*value) return 0;
    for (uint32_t i = 0; i < count; i++) {
        if (!strcasecmp(value, names[i])) return i;
    }
    char expected[128];
    struct rs_text list = rs_text_in(expected, sizeof expected);
    for (uint32_t i = 0; i < count; i++) {
        rs_text_add(&list, i == 0 ? "" : i + 1 < count ? ", " : " or ");
        rs_text_add(&list, names[i]);
    }
    complain(complaints, variable, value, strlen(value), expected, names[0]);
    return 0;
}

/* Decimal digits, all of them; false when there is anything else or too many. */
static bool parse_number(const char *text, size_t length, uint64_t *number) {
    *number = 0;
    if (!length || length > 18) return false;
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9') return false;
        *number = *number * 10 + (uint64_t)(text[i] - '0');
    }
    return true;
}

static uint32_t read_depth(struct rs_text *complaints, const char *value) {
    uint64_t depth;
    if (!value || !*value) return DEFAULT_DEPTH;
    if (parse_number(value, strlen(value), &depth) && depth <= RS_STACK_MAX) return (uint32_t)depth;
    complain(complaints, "REQSCOPE_STACK_DEPTH", value, strlen(value), "a number from 0 to 128", "32");
    return DEFAULT_DEPTH;
}

/* "256M": a number with K, M, G or T for powers of 1024. */
static uint64_t read_size(struct rs_text *complaints, const char *value) {
    static const char units[] = "KMGT";
    uint64_t size;
    if (!value || !*value) return DEFAULT_TRACE_MAX;
    size_t length = strlen(value);
    const char *unit = strchr(units, value[length - 1] & ~0x20);
    unsigned shift = unit && *unit ? 10u * (unsigned)(unit - units + 1) : 0;
    if (parse_number(value, length - (shift ? 1 : 0), &size) && size <= UINT64_MAX >> shift >> 1) return size << shift;
    complain(complaints, "REQSCOPE_TRACE_MAX", value, length, "a size such as 64M or 2G, or 0 for no bound", "256M");
    return DEFAULT_TRACE_MAX;
}

static const char kinds_expected[] = "a list of foreign-io, foreign-close, late-io, dirty-handover, leak, bad-close, "
                                     "shared-after-fork, foreign-wakeup, hang, or of +kind and -kind";

static uint32_t kind_bit(const char *name, size_t length) {
    for (uint32_t kind = 0; kind < RS_FINDING_COUNT; kind++) {
        const char *known = rs_finding_kind_name(kind);
        if (strlen(known) == length && !strncasecmp(known, name, length)) return 1u << kind;
    }
    return 0;
}

/* "foreign-io,leak" names the kinds; "+hang,-leak" changes the default. */
static uint32_t read_checks(struct rs_text *complaints, const char *value, uint32_t *named) {
    *named = 0;
    if (!value || !*value) return DEFAULT_CHECKS;
    uint32_t checks = *value == '+' || *value == '-' ? DEFAULT_CHECKS : 0;
    uint32_t understood = 0;
    for (const char *word = value; *word;) {
        size_t length = strcspn(word, ",");
        bool sign = *word == '+' || *word == '-';
        uint32_t bit = kind_bit(word + sign, length - (length ? sign : 0));
        if (!bit && length) {
            complain(complaints, "REQSCOPE_CHECK", word, length, kinds_expected, "the rest of the list");
        }
        checks = *word == '-' ? checks & ~bit : checks | bit;
        understood |= bit;
        if (*word != '-') *named |= bit;
        word += length;
        word += *word == ',';
    }
    return understood ? checks : DEFAULT_CHECKS;
}

static void read_log(struct rs_config *config, const char *value) {
    config->log = RS_LOG_STDERR;
    if (!value || !*value || !strcasecmp(value, "stderr")) return;
    config->log = strcasecmp(value, "syslog") ? RS_LOG_FILE : RS_LOG_SYSLOG;
    config->log_path = value;
}

static const char *path_or_null(const char *value) {
    return value && *value ? value : NULL;
}

void rs_config_read(struct rs_config *config, const char *(*get)(const char *name), struct rs_text *complaints) {
    static const char *const modes[] = {"log", "deny", "abort", "off"};
    static const char *const policies[] = {"strict", "lease"};
    static const char *const contexts[] = {"auto", "api"};
    static const char *const off_or_on[] = {"0", "1"};
    static const char *const deepbinds[] = {"off", "keep"};
    config->mode = choose(complaints, "REQSCOPE_MODE", get("REQSCOPE_MODE"), modes, RS_MODE_COUNT);
    config->policy = choose(complaints, "REQSCOPE_POLICY", get("REQSCOPE_POLICY"), policies, RS_POLICY_COUNT);
    config->context_by_api_only = choose(complaints, "REQSCOPE_CONTEXT", get("REQSCOPE_CONTEXT"), contexts, 2) == 1;
    config->follow_exec = choose(complaints, "REQSCOPE_FOLLOW_EXEC", get("REQSCOPE_FOLLOW_EXEC"), off_or_on, 2) == 1;
    config->keep_deepbind = choose(complaints, "REQSCOPE_DEEPBIND", get("REQSCOPE_DEEPBIND"), deepbinds, 2) == 1;
    config->checks = read_checks(complaints, get("REQSCOPE_CHECK"), &config->checks_named);
    config->stack_depth = read_depth(complaints, get("REQSCOPE_STACK_DEPTH"));
    config->trace_max = read_size(complaints, get("REQSCOPE_TRACE_MAX"));
    config->trace = path_or_null(get("REQSCOPE_TRACE"));
    config->rules = path_or_null(get("REQSCOPE_RULES"));
    read_log(config, get("REQSCOPE_LOG"));
}
