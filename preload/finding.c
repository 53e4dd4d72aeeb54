/* finding.c: see finding.h. */
#include "preload/finding.h"
#include "preload/config.h"
#include "preload/coverage.h"
#include "preload/describe.h"
#include "preload/events.h"
#include "preload/report.h"
#include "preload/reserve.h"
#include "preload/stack.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TABLE_SIZE (1u << 16)

struct entry {
    uint64_t key;         /* atomic; 0: free */
    uint64_t count;       /* atomic */
    uint32_t number;      /* 0 for the moment in which the first finder has not yet set it */
    uint32_t recorded_in; /* the epoch (process of the family) in whose trace it stands whole */
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

static uint64_t key_of(const struct rs_finding *finding) {
    uint64_t words[2] = {(uint64_t)finding->kind << 32 | finding->description.opened_stack, finding->used_stack};
    uint64_t key = rs_mix(words, sizeof words, 1);
    return key ? key : 1;
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
    if (!rs_tracing) return;
    rs_stack_record(description->opened_stack);
    rs_stack_record(finding->used_stack);
    struct rs_event_finding event = {
        .header = {.id = RS_EVENT_finding, .fd = finding->fd},
        .finding = finding->number,
        .kind = finding->kind,
        .verdict = rs_config.mode,
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

/* Counts it; reports it if it is new, and records it. */
static void deliver(struct rs_finding *finding) {
    struct entry *entry = entry_for(key_of(finding));
    if (!entry) {
        rs_coverage_reduced(RS_COVERAGE_FINDINGS_FULL, "65536 different findings: no more are kept", NULL);
        return;
    }
    uint64_t count = __atomic_add_fetch(&entry->count, 1, __ATOMIC_ACQ_REL);
    name(finding->owner);
    name(finding->user);
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
}

bool rs_found(enum rs_finding_kind kind, enum rs_operation operation, int fd,
              const struct rs_description *description) {
    int saved = errno;
    struct rs_finding finding = {
        .kind = kind,
        .operation = operation,
        .fd = fd,
        .owner = rs_owner_of(description),
        .user = rs_thread.current,
        .used_stack = rs_stack_take(),
        .thread = rs_trace_tid(),
        .unread = rs_unread(fd),
        .now = rs_clock_monotonic(),
        .description = *description,
    };
    deliver(&finding);
    if (rs_config.mode == RS_MODE_ABORT) {
        /* The report is out. Whatever a handler of SIGABRT does, it does unguarded. */
        __atomic_store_n(&rs_on, false, __ATOMIC_RELAXED);
        abort();
    }
    errno = saved;
    return rs_config.mode != RS_MODE_DENY;
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
