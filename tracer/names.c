/* names.c: the words for the numbers in a trace. */
#include "tracer/layout.h"

#define NAME_OF(table, index) ((index) < sizeof(table) / sizeof *(table) ? (table)[index] : "unknown")

static const char *const operation_names[] = {
#define OPERATION(number, name, verb) [number] = #name,
#include "tracer/operations.def"
#undef OPERATION
};

static const char *const operation_verbs[] = {
#define OPERATION(number, name, verb) [number] = (verb),
#include "tracer/operations.def"
#undef OPERATION
};

static const char *const finding_kind_names[RS_FINDING_COUNT] = {
    [RS_FINDING_foreign_io] = "foreign-io",
    [RS_FINDING_foreign_close] = "foreign-close",
    [RS_FINDING_late_io] = "late-io",
    [RS_FINDING_dirty_handover] = "dirty-handover",
    [RS_FINDING_leak] = "leak",
    [RS_FINDING_bad_close] = "bad-close",
    [RS_FINDING_shared_after_fork] = "shared-after-fork",
    [RS_FINDING_foreign_wakeup] = "foreign-wakeup",
    [RS_FINDING_hang] = "hang",
};

static const char *const kind_names[RS_KIND_COUNT] = {
    [RS_KIND_UNKNOWN] = "unknown", [RS_KIND_FILE] = "file",       [RS_KIND_DIRECTORY] = "directory",
    [RS_KIND_TCP] = "tcp",         [RS_KIND_UDP] = "udp",         [RS_KIND_UNIX] = "unix",
    [RS_KIND_SOCKET] = "socket",   [RS_KIND_PIPE] = "pipe",       [RS_KIND_DEVICE] = "device",
    [RS_KIND_EPOLL] = "epoll",     [RS_KIND_EVENTFD] = "eventfd", [RS_KIND_OTHER] = "other",
};

static const char *const origin_names[RS_ORIGIN_COUNT] = {
    [RS_ORIGIN_API] = "api",
    [RS_ORIGIN_INHERITED] = "inherited",
    [RS_ORIGIN_ACCEPT] = "accept",
    [RS_ORIGIN_REQUEST] = "request",
};

static const char *const entry_names[RS_ENTRY_COUNT] = {
    [RS_ENTRY_API] = "api",         [RS_ENTRY_REQUEST] = "request",
    [RS_ENTRY_RESUMED] = "resumed", [RS_ENTRY_HANDED] = "handed over",
    [RS_ENTRY_LEFT] = "left",
};

static const char *const mode_names[RS_MODE_COUNT] = {"log", "deny", "abort", "off"};
static const char *const policy_names[RS_POLICY_COUNT] = {"strict", "lease"};
static const char *const handover_names[RS_HANDOVER_COUNT] = {"given",  "returned",           "taken",   "shared",
                                                              "leased", "leased with a debt", "inferred"};

const char *rs_operation_name(uint32_t operation) {
    const char *name = NAME_OF(operation_names, operation);
    return name ? name : "unknown";
}

const char *rs_operation_verb(uint32_t operation) {
    const char *verb = NAME_OF(operation_verbs, operation);
    return verb ? verb : "uses";
}

const char *rs_finding_kind_name(uint32_t kind) {
    return NAME_OF(finding_kind_names, kind);
}

const char *rs_kind_name(uint32_t kind) {
    return NAME_OF(kind_names, kind);
}

const char *rs_origin_name(uint32_t origin) {
    return NAME_OF(origin_names, origin);
}

const char *rs_entry_name(uint32_t how) {
    return NAME_OF(entry_names, how);
}

const char *rs_mode_name(uint32_t mode) {
    return NAME_OF(mode_names, mode);
}

const char *rs_policy_name(uint32_t policy) {
    return NAME_OF(policy_names, policy);
}

const char *rs_handover_name(uint32_t reason) {
    return NAME_OF(handover_names, reason);
}

const char *rs_protocol_name(uint32_t protocol) {
    static const char *const names[RS_WIRE_COUNT] = {
        [RS_WIRE_TLS] = "TLS",   [RS_WIRE_HTTP1] = "HTTP/1", [RS_WIRE_HTTP2] = "HTTP/2",
        [RS_WIRE_NATS] = "NATS", [RS_WIRE_AMQP] = "AMQP",    [RS_WIRE_POSTGRESQL] = "PostgreSQL",
        [RS_WIRE_RESP] = "RESP", [RS_WIRE_MYSQL] = "MySQL",
    };
    return protocol < RS_WIRE_COUNT ? names[protocol] : NULL;
}

const char *rs_transaction_words(uint32_t transaction) {
    static const char *const words[RS_TRANSACTION_COUNT] = {
        [RS_TRANSACTION_OPEN] = "a transaction",
        [RS_TRANSACTION_FAILED] = "a transaction",
        [RS_TRANSACTION_WATCH] = "a transaction (WATCH)",
        [RS_TRANSACTION_SUBSCRIBED] = "a subscription",
    };
    return transaction < RS_TRANSACTION_COUNT ? words[transaction] : NULL;
}
