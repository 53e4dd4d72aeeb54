/* guard.c: the guard's life in a process: start, fork, end.
 *
 * The constructor runs after those of all libraries that were loaded with the program, so calls come before it: until it is
 * done rs_on is false and they pass. What cannot be had (address space, an unwinder) leaves the guard off or without stacks,
 * with one line on the log; it never stops the program. */
#include "preload/guard.h"
#include "preload/closed.h"
#include "preload/config.h"
#include "preload/context.h"
#include "preload/events.h"
#include "preload/exchange.h"
#include "preload/fdtable.h"
#include "preload/finding.h"
#include "preload/follow.h"
#include "preload/infer.h"
#include "preload/log.h"
#include "preload/modules.h"
#include "preload/real.h"
#include "preload/requester.h"
#include "preload/rules.h"
#include "preload/sharing.h"
#include "preload/stack.h"
#include "preload/threads.h"
#include "preload/track.h"
#include "tracer/clock.h"
#include "tracer/wipe.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* A child that runs no handlers (_Fork, a bare clone) reads it as false: its tables would be its parent's. */
static struct rs_wiped on_page;
extern bool rs_on RS_HIDDEN __attribute__((alias("on_page")));
__thread struct rs_thread rs_thread __attribute__((tls_model("initial-exec")));

static bool started; /* the guard is on in this process, whatever a child reads in rs_on before in_child */

static const char *get_variable(const char *name) {
    return secure_getenv(name);
}

static void before_fork(void) {
    rs_sharing_before_fork();
    rs_table_forking(rs_disowned);
}

static void after_fork(void) {
    rs_table_fork_done();
}

/* The processes that this one descends from by fork, the nearest last, and when it was forked. */
uint32_t rs_pid;
static uint32_t ancestors[16], ancestor_count;
static uint64_t forked_at;

bool rs_is_in_family(uint32_t process, uint64_t began) {
    if (process == rs_pid) return true;
    for (uint32_t i = 0; i < ancestor_count; i++) {
        if (ancestors[i] == process) return began <= forked_at;
    }
    return false;
}

static uint32_t family_number;

uint32_t rs_family_number(void) {
    return family_number;
}

/* Its first process's pid and when the guard came into it. */
static void name_family(void) {
    uint64_t words[] = {rs_pid, rs_clock_monotonic()};
    family_number = (uint32_t)(rs_mix(words, sizeof words, 0) >> 32) | 1;
}

static void note_ancestor(void) {
    uint32_t most = sizeof ancestors / sizeof *ancestors;
    ancestors[ancestor_count < most ? ancestor_count++ : most - 1] = rs_pid;
    rs_pid = (uint32_t)rs_sys(SYS_getpid);
    forked_at = rs_clock_monotonic();
}

/* Until its table is right the guard is off in the child: what a signal handler closed before that would be counted down twice. */
static void in_child(void) {
    note_ancestor();
    rs_trace_thread.tid = 0;
    rs_table_forked(rs_disowned);
    rs_on = started;
    rs_stack_forked();
    rs_findings_forked();
    rs_closed_forked();
    rs_infer_forked();
    rs_rules_forked();
    rs_trace_forked();
    rs_log_forked();
}

bool rs_fork_begin(void) {
    if (!rs_tables_are_ours()) return false;
    rs_sharing_before_fork();
    return rs_table_try_forking(rs_disowned);
}

void rs_fork_done(void) {
    after_fork();
}

void rs_fork_child(void) {
    in_child();
}

RS_COLD bool rs_in_vfork_child(void) {
    if ((uint32_t)rs_sys(SYS_getpid) != rs_pid) return true;
    rs_thread.current = rs_thread.vfork_parent;
    rs_thread.vfork_child = 0;
    return false;
}

static bool start_tables(void) {
    return rs_table_start() && rs_contexts_start() && rs_findings_start() && rs_exchanges_start() &&
           rs_closed_start() && rs_requesters_start();
}

/* The kinds that this version looks for. */
#define BUILT_KINDS (((1u << RS_FINDING_COUNT) - 1) & ~(1u << RS_FINDING_foreign_wakeup | 1u << RS_FINDING_hang))

static void say_what_is_not_there(void) {
    for (uint32_t kind = 0; kind < RS_FINDING_COUNT; kind++) {
        if (!(rs_config.checks_named & ~BUILT_KINDS & 1u << kind)) continue;
        rs_log_line("REQSCOPE_CHECK: this version does not look for it yet", rs_finding_kind_name(kind));
    }
}

static void start_guard(const struct rs_text *complaints) {
    bool tables = start_tables();
    rs_log_start(&rs_config);
    if (complaints->length) rs_log_write(complaints->buffer, complaints->length);
    if (rs_config.mode == RS_MODE_OFF) return;
    if (!tables) {
        rs_log_line("off: no address space for its tables (ulimit -v?); the program runs unguarded", NULL);
        return;
    }
    say_what_is_not_there();
    rs_rules_start(rs_config.rules);
    if (!rs_stack_start(rs_config.stack_depth)) rs_log_line("no unwinder was found: reports have no stacks", NULL);
    rs_follow_start(rs_config.follow_exec);
    rs_modules_refresh();
    if (pthread_atfork(before_fork, after_fork, in_child)) rs_log_line("forks are not followed: no memory", NULL);
    rs_wipe_on_fork(&on_page, sizeof on_page);
    rs_threads_start();
    rs_inferring = !rs_config.context_by_api_only;
    started = rs_on = true;
    rs_events_start();
}

__attribute__((constructor)) static void start(void) {
    static char complaints_buffer[4096];
    struct rs_text complaints = rs_text_in(complaints_buffer, sizeof complaints_buffer);
    int saved = errno;
    rs_pid = (uint32_t)rs_sys(SYS_getpid);
    name_family();
    rs_real_resolve();
    rs_clock_start();
    rs_config_read(&rs_config, get_variable, &complaints);
    if (rs_config.mode != RS_MODE_OFF || complaints.length) start_guard(&complaints);
    errno = saved;
}

/* A server that forks for each connection would use up its parent's places if a child's numbers went on counting. */
void rs_process_ends(void) {
    if (rs_tables_are_ours()) rs_requesters_end();
    if (!rs_tables_are_ours() || !ancestor_count) return;
    rs_forget_all();
    started = false;
    __atomic_store_n(&rs_on, false, __ATOMIC_RELAXED);
}

/* The same for one that forks to execute. (Should that fail, what it had inherited is nobody's to it.) */
void rs_process_execs(void) {
    if (rs_tables_are_ours()) rs_requesters_end();
    if (rs_tables_are_ours() && ancestor_count) rs_forget_all();
}

/* Other libraries' destructors, and other threads, may still do I/O: nothing is taken down. */
__attribute__((destructor)) static void finish(void) {
    int saved = errno;
    if (!rs_tables_are_ours()) return;
    rs_closed_settle();
    rs_rules_record();
    rs_rules_tell();
    rs_requesters_end();
    rs_trace_finish();
    rs_process_ends();
    errno = saved;
}
