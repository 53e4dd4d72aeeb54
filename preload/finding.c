/* finding.c: see finding.h. */
#include "preload/finding.h"
#include "preload/config.h"
#include "preload/coverage.h"
#include "preload/describe.h"
#include "preload/events.h"
#include "preload/modules.h"
#include "preload/report.h"
#include "preload/reserve.h"
#include "preload/rules.h"
#include "preload/stack.h"
#include "preload/symbols.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define TABLE_SIZE (1u << 16)

struct entry {
    uint64_t key;         /* atomic; 0: free */
    uint64_t count;       /* atomic */
    uint32_t number;      /* 0 for the moment in which the first finder has not yet set it */
    uint32_t recorded_in; /* the epoch (process of the family) in whose trace it stands whole */
    uint32_t rule;        /* the one that suppresses it; 0: none */
    uint32_t settled;     /* `rule` is set */
    uint64_t mended;      /* leaks that were closed after all; atomic */
};

static struct entry *table;
static uint32_t *place_by_number; /* TABLE_SIZE + 1 of them */
/* Which contexts a finding names: a bit for each, by id; a bit may stand for several. */
static uint64_t named[TABLE_SIZE / 64];
static uint32_t next_number;
static uint32_t epoch = 1;

bool rs_findings_start(void) {
    table = rs_reserve_private(TABLE_SIZE, sizeof *table);
    place_by_number = rs_reserve_private(TABLE_SIZE + 1, sizeof *place_by_number);
    return table && place_by_number;
}

static void name(uint64_t context) {
    __atomic_fetch_or(&named[context % TABLE_SIZE / 64], 1ull << context % 64, __ATOMIC_RELAXED);
}

static uint64_t key_from(enum rs_finding_kind kind, uint32_t opened_stack, uint32_t used_stack) {
    uint64_t words[2] = {(uint64_t)kind << 32 | opened_stack, used_stack};
    uint64_t key = rs_mix(words, sizeof words, 1);
    return key ? key : 1;
}

static uint64_t key_of(const struct rs_finding *finding) {
    /* A leak is one wherever its context was ended; what is made at start-up for all is one wherever they use it. */
    bool by_opening = finding->kind == RS_FINDING_leak || finding->first_user;
    return key_from(finding->kind, finding->description.opened_stack, by_opening ? 0 : finding->used_stack);
}

/* The finding's entry, new or known; NULL when the table is full. */
static struct entry *entry_for(uint64_t key) {
    for (uint32_t probe = 0; probe < TABLE_SIZE; probe++) {
        struct entry *entry = &table[((uint32_t)(key >> 20) + probe) % TABLE_SIZE];
        uint64_t known = __atomic_load_n(&entry->key, __ATOMIC_ACQUIRE);
        if (known == key) return entry;
        if (known) continue;
        if (__atomic_compare_exchange_n(&entry->key, &known, key, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
            return entry;
        if (known == key) return entry;
    }
    return NULL;
}

static void record(const struct rs_finding *finding) {
    const struct rs_description *description = &finding->description;
    const struct rs_outstanding *outstanding = &finding->outstanding;
    if (!rs_tracing) return;
    rs_stack_record(description->opened_stack);
    rs_stack_record(finding->used_stack);
    rs_stack_record(finding->closed.stack);
    struct rs_event_finding event = {
        .header = {.id = RS_EVENT_finding, .fd = finding->fd},
        .finding = finding->number,
        .kind = finding->kind,
        .verdict = rs_is_let_through(finding) && rs_config.mode == RS_MODE_DENY ? RS_MODE_LOG : rs_config.mode,
        .operation = finding->operation,
        .opened_stack = description->opened_stack,
        .used_stack = finding->used_stack,
        .owner_thread = description->opener_thread,
        .owner_operation = description->last_operation,
        .phase = description->phase,
        .unread = finding->unread,
        .thread = finding->thread,
        .description = description->id,
        .owner = finding->owner,
        .user = finding->user,
        .opened = description->opened,
        .opener = description->opener,
        .sender = outstanding->sender,
        .sent = outstanding->sent,
        .sent_age = outstanding->age,
        .transaction_of = outstanding->transaction_of,
        .transaction = outstanding->transaction,
        .protocol = outstanding->protocol,
        .closer = finding->closed.closer,
        .closed_age = finding->closed_age,
        .closed_stack = finding->closed.stack,
        .closed_thread = finding->closed.thread,
        .closed_description = finding->closed.description,
        .first_user = finding->first_user,
        .other_process = finding->process,
    };
    rs_record(&event, sizeof event, NULL, 0, NULL, 0, true);
}

static void record_again(const struct rs_finding *finding, uint64_t count) {
    if (!rs_tracing) return;
    struct rs_event_finding_again event = {
        .header = {.id = RS_EVENT_finding_again, .fd = finding->fd},
        .finding = finding->number,
        .count = count,
        .description = finding->description.id,
        .owner = finding->owner,
        .user = finding->user,
    };
    rs_record(&event, sizeof event, NULL, 0, NULL, 0, false);
}

/* The rule that suppresses it; 0: none. Reads symbol tables: only when a finding is new. */
static uint32_t suppressing(const struct rs_finding *finding) {
    const uint32_t stacks[2] = {finding->used_stack, finding->description.opened_stack};
    uint64_t size = 2ull * RS_STACK_MAX * sizeof(struct rs_symbol);
    uint32_t count = 0, rule;
    if (!rs_rules_suppress()) return 0;
    struct rs_symbol *symbols = rs_sys_mmap(size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    if (!symbols) return 0;
    rs_modules_refresh();
    for (int i = 0; i < 2; i++) {
        struct rs_stack stack = rs_stack_get(stacks[i]);
        for (uint32_t frame = 0; frame < stack.frames; frame++) symbols[count++].address = stack.addresses[frame];
    }
    rs_symbols_find(symbols, count);
    rule = rs_rules_suppressing(finding->kind, symbols, count);
    rs_sys(SYS_munmap, symbols, size);
    return rule;
}

/* The rule that suppresses the finding of this entry; whoever comes before it is settled finds out by himself. */
static uint32_t rule_for(struct entry *entry, const struct rs_finding *finding, bool first) {
    if (__atomic_load_n(&entry->settled, __ATOMIC_ACQUIRE)) return entry->rule;
    uint32_t rule = suppressing(finding);
    if (first) {
        entry->rule = rule;
        __atomic_store_n(&entry->settled, 1, __ATOMIC_RELEASE);
    }
    return rule;
}

static void name_contexts(const struct rs_finding *finding) {
    name(finding->owner);
    name(finding->user);
    if (finding->outstanding.sender) name(finding->outstanding.sender);
    if (finding->outstanding.transaction_of) name(finding->outstanding.transaction_of);
    if (finding->closed.closer) name(finding->closed.closer);
    if (finding->first_user) name(finding->first_user);
}

/* Counts it; reports it if it is new, and records it. False: a rule suppresses it. */
static bool deliver(struct rs_finding *finding) {
    struct entry *entry = entry_for(key_of(finding));
    if (!entry) {
        rs_coverage_reduced(RS_COVERAGE_FINDINGS_FULL, "65536 different findings: no more are kept", NULL);
        return true;
    }
    uint64_t count = __atomic_add_fetch(&entry->count, 1, __ATOMIC_ACQ_REL);
    uint32_t rule = rule_for(entry, finding, count == 1);
    if (rule) {
        rs_rule_hit(rule);
        return false;
    }
    name_contexts(finding);
    if (count == 1) {
        uint32_t number = __atomic_add_fetch(&next_number, 1, __ATOMIC_RELAXED);
        place_by_number[number] = (uint32_t)(entry - table);
        __atomic_store_n(&entry->number, number, __ATOMIC_RELEASE);
    }
    finding->number = __atomic_load_n(&entry->number, __ATOMIC_ACQUIRE);
    bool numbered = finding->number;
    if (numbered && __atomic_exchange_n(&entry->recorded_in, epoch, __ATOMIC_ACQ_REL) != epoch) record(finding);
    if (count > 1 && finding->number) record_again(finding, count);
    if (count == 1) rs_report(finding);
    return true;
}

bool rs_looked_for(enum rs_finding_kind kind) {
    return rs_config.checks >> kind & 1;
}

static void add_details(struct rs_finding *finding, const struct rs_details *details) {
    if (details->outstanding) {
        finding->outstanding = *details->outstanding;
        finding->unread = details->outstanding->unread;
    }
    const struct rs_closed *closed = details->closed ? details->closed : rs_closed_of_user(finding->fd);
    bool told = closed && finding->owner && closed->description != finding->description.id;
    if (closed && (details->closed || told)) {
        finding->closed = *closed;
        finding->closed_age = rs_clock_since(closed->at);
    }
    finding->first_user = details->first_user;
    finding->process = details->process;
    finding->let_through = details->let_through;
}

/* Of a file the kernel would say how much there is left to read. */
static bool can_wait_unread(const struct rs_description *description, enum rs_finding_kind kind) {
    bool stored = description->kind == RS_KIND_FILE || description->kind == RS_KIND_DIRECTORY;
    return !stored && kind != RS_FINDING_bad_close;
}

bool rs_found_of(enum rs_finding_kind kind, enum rs_operation operation, int fd,
                 const struct rs_description *description, const struct rs_details *details) {
    int saved = errno;
    if (!rs_looked_for(kind)) return true;
    struct rs_finding finding = {
        .kind = kind,
        .operation = operation,
        .fd = fd,
        .owner = details->owner ? details->owner : rs_owner_of(description),
        .user = details->user ? details->user : rs_thread.current,
        .used_stack = details->used_stack ? details->used_stack : rs_stack_take(),
        .thread = rs_trace_tid(),
        .unread = can_wait_unread(description, kind) ? rs_unread(fd) : ~0u,
        .now = rs_clock_monotonic(),
        .description = *description,
    };
    add_details(&finding, details);
    bool counts = deliver(&finding) && !finding.let_through;
    if (counts && rs_config.mode == RS_MODE_ABORT) {
        /* The report is out. Whatever a handler of SIGABRT does, it does unguarded. */
        __atomic_store_n(&rs_on, false, __ATOMIC_RELAXED);
        abort();
    }
    bool refused = counts && rs_config.mode == RS_MODE_DENY && !rs_is_let_through(&finding);
    errno = refused ? EPERM : saved;
    return !refused;
}

static void record_mended(uint32_t number, int fd, const struct rs_description *description, uint64_t count) {
    if (!rs_tracing) return;
    struct rs_event_unleaked event = {
        .header = {.id = RS_EVENT_unleaked, .fd = fd},
        .finding = number,
        .count = count,
        .description = description->id,
        .owner = rs_owner_of(description),
        .user = rs_thread.current,
    };
    rs_record(&event, sizeof event, NULL, 0, NULL, 0, true);
}

RS_COLD void rs_leak_mended(int fd, const struct rs_description *description) {
    struct entry *entry = entry_for(key_from(RS_FINDING_leak, description->opened_stack, 0));
    uint32_t number = entry ? __atomic_load_n(&entry->number, __ATOMIC_ACQUIRE) : 0;
    if (!number) return; /* suppressed, or never told */
    uint64_t count = __atomic_add_fetch(&entry->mended, 1, __ATOMIC_RELAXED);
    record_mended(number, fd, description, count);
    if (count == 1) rs_report_mended(fd, description);
}

bool rs_finding_names(uint64_t context) {
    return __atomic_load_n(&named[context % TABLE_SIZE / 64], __ATOMIC_RELAXED) >> context % 64 & 1;
}

uint64_t rs_finding_count(uint32_t number) {
    if (!number || number > __atomic_load_n(&next_number, __ATOMIC_RELAXED)) return 0;
    return __atomic_load_n(&table[place_by_number[number]].count, __ATOMIC_RELAXED);
}

void rs_findings_forked(void) {
    epoch++;
}
