/* surface.h: every call of libc's that touches descriptors, by its own name, against the rule that it must keep to.
 *
 * A program of this folder is a table of rows: a symbol, a rule, how its subject is made and how the symbol is called. Each
 * row is tried in a fresh process in each of its rule's modes:
 *
 *              in mode log                                        in mode deny               on the guard's own descriptors
 *   makes      the new descriptor is the current context's,
 *              also when the number was another's, closed unseen
 *   twins      one more number for the same description: the                                 not open
 *              owner stays
 *   closes     the number is nobody's afterwards, and what comes  refused, and stays open    not open
 *              to stand on it unseen is not taken for the old;
 *              by another: one finding
 *   uses       by the owner: nothing; by another: one finding,    refused, nothing moves;    not open
 *              the result as ever, the owner stays                the owner may
 *   looks      by another: nothing, the owner stays (tried in     the same                   not open
 *              deny, where a finding would be an error, too)
 *   works      what the row says
 *
 * All but `works` are tried once more with a cancellation that waits for the thread: the call heeds it when libc's own does.
 *
 *     PROGRAM               all of it, as `ok NAME`, `not ok NAME: why`, `skip NAME: why`
 *     PROGRAM --symbols     the symbols that it calls
 *     PROGRAM --past        all that must fail when the symbol is libc's own and not the guard's: which tests see nothing?
 *     PROGRAM --only NAME   what begins so, and its log */
#ifndef RS_TESTS_SURFACE_H
#define RS_TESTS_SURFACE_H

#include "tests/surface/subject.h"

#include <ftw.h>

enum { IN_LOG, IN_DENY, ON_OWN, CANCELLED, MODES };

struct surface;
typedef void (*surface_rule)(const struct surface *row);

struct rule {
    surface_rule modes[MODES];
    unsigned sees; /* a bit for each mode that must fail when the guard does not see the call */
};

struct surface {
    const char *symbol;
    const char *what; /* of the things that the symbol does; NULL: the only one */
    const struct rule *rule;
    void (*prepare)(struct subject *); /* in the owner's context */
    long (*call)(struct subject *); /* -1 and errno when the symbol says that it has failed, in whatever way it does */
    long result;                    /* what the call gives when all is well */
    const char *finding;            /* the kind, when another context does it; NULL: foreign-io */
    const char *environment;
    int reports;  /* of works: how many findings there must be after it */
    bool fragile; /* libc itself breaks when it is cancelled there */
};

/* The row's symbol, whatever it is: CALLED(ssize_t, int, void *, size_t)(fd, buffer, size). */
static void *surface_called;
#define CALLED(ret, ...) ((ret(*)(__VA_ARGS__))surface_called)

/* The symbol as the program sees it, or libc's own. */
static inline void *surface_find(const char *symbol, bool past) {
    return dlsym(past ? dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD) : NULL, symbol);
}

/* ---- the rules -----------------------------------------------------------------------------------------------------
 */

#define REPORTS(row) ((row)->finding ? (row)->finding : "foreign-io")

static inline int reports(const char *kind) {
    char begin[64];
    snprintf(begin, sizeof begin, "reqscope: %s", kind);
    return victim_reports(begin);
}

static inline int all_reports(void) {
    return reports("foreign-") + reports("bad-close") + reports("late-io") + reports("dirty-") + reports("leak");
}

static inline void begin_contexts(void) {
    MUST(reqscope_active());
    a = reqscope_begin("A");
    b = reqscope_begin("B");
    MUST(a && b && a != b);
    reqscope_switch(a);
}

static inline struct subject prepared(const struct surface *row) {
    struct subject subject = NO_SUBJECT;
    reqscope_switch(a);
    row->prepare(&subject);
    return subject;
}

static inline long called_by(reqscope_id context, const struct surface *row, struct subject *subject) {
    reqscope_switch(context);
    errno = 0;
    long result = row->call(subject);
    int error = errno;
    reqscope_switch(0);
    errno = error;
    return result;
}

#define MUST_GIVE(row, wanted, call)                                                                        \
    do {                                                                                                    \
        long given_ = (call);                                                                               \
        int error_ = errno;                                                                                 \
        if (given_ != (wanted)) {                                                                           \
            victim_say("line %d: %s gives %ld, errno %d, not %ld", __LINE__, (row)->symbol, given_, error_, \
                       (long)(wanted));                                                                     \
            _exit(1);                                                                                       \
        }                                                                                                   \
    } while (0)

#define MUST_REFUSE(row, error, call)                                                                          \
    do {                                                                                                       \
        long given_ = (call);                                                                                  \
        int error_ = errno;                                                                                    \
        if (given_ != -1 || error_ != (error)) {                                                               \
            victim_say("line %d: %s gives %ld, errno %d, not -1 and " #error, __LINE__, (row)->symbol, given_, \
                       error_);                                                                                \
            _exit(1);                                                                                          \
        }                                                                                                      \
    } while (0)

/* Another description comes to stand on the number, unseen. */
static inline void put_unseen(int fd) {
    long zero = kernel(SYS_openat, AT_FDCWD, "/dev/zero", O_RDWR);
    if (zero != fd) {
        MUST(kernel(SYS_dup3, zero, fd, 0) == fd);
        kernel(SYS_close, zero);
    }
}

/* The call leaves the new descriptors in fd and other. Its result is 0 when all is well. */
static inline void makes_log(const struct surface *row) {
    struct subject first = prepared(row), again;
    int made_from = first.fd;
    MUST_GIVE(row, row->result, called_by(a, row, &first));
    MUST(first.fd >= 0 && first.fd != made_from);
    MUST(reqscope_owner(first.fd) == a);
    MUST(first.other < 0 || reqscope_owner(first.other) == a);
    again = prepared(row);
    MUST(!kernel(SYS_close, first.fd));
    if (first.other >= 0) MUST(!kernel(SYS_close, first.other));
    MUST_GIVE(row, row->result, called_by(b, row, &again));
    MUST(again.fd == first.fd && reqscope_owner(again.fd) == b);
    MUST(again.other < 0 || reqscope_owner(again.other) == b);
    reqscope_switch(b);
    MUST(again.stream || again.folder || !close(again.fd)); /* its own: no finding */
    MUST(all_reports() == 0);
}

/* The call leaves the new number in other. */
static inline void twins_log(const struct surface *row) {
    struct subject subject = prepared(row);
    MUST_GIVE(row, row->result, called_by(a, row, &subject));
    MUST(subject.other >= 0 && subject.other != subject.fd && reqscope_owner(subject.other) == a);
    int first = subject.other;
    reqscope_switch(b);
    file(&subject);
    MUST(!kernel(SYS_close, first)); /* unseen: the number comes again, for b's */
    MUST_GIVE(row, row->result, called_by(a, row, &subject));
    MUST(subject.other == first && reqscope_owner(first) == b);
    reqscope_switch(b);
    MUST(!close(subject.fd) && reqscope_owner(first) == b && is_open(first));
    MUST(all_reports() == 0);
}

static inline void closes_log(const struct surface *row) {
    for (int times = 0; times < 2; times++) {
        struct subject subject = prepared(row);
        int fd = subject.fd;
        MUST(is_open(fd) && reqscope_owner(fd) == a);
        MUST_GIVE(row, row->result, called_by(times ? b : a, row, &subject));
        MUST(reports(row->finding) == times && all_reports() == times);
        MUST(reqscope_owner(fd) == 0);
        put_unseen(fd);
        reqscope_switch(b);
        MUST(write(fd, "x", 1) == 1 && all_reports() == times && reqscope_owner(fd) == 0);
    }
}

static inline void uses_log(const struct surface *row) {
    struct subject mine = prepared(row), theirs;
    MUST_GIVE(row, row->result, called_by(a, row, &mine));
    MUST(all_reports() == 0);
    MUST(mine.fd < 0 || reqscope_owner(mine.fd) == a);
    theirs = prepared(row);
    MUST_GIVE(row, row->result, called_by(b, row, &theirs));
    MUST(reports(REPORTS(row)) == 1 && all_reports() == 1);
    MUST(theirs.fd < 0 || reqscope_owner(theirs.fd) == a);
}

/* Of uses and of closes. */
static inline void refused_deny(const struct surface *row) {
    struct subject subject = prepared(row);
    uint64_t before = surface_state(&subject);
    MUST_REFUSE(row, EPERM, called_by(b, row, &subject));
    MUST(surface_state(&subject) == before);
    MUST(subject.fd < 0 || reqscope_owner(subject.fd) == a);
    MUST(reports(REPORTS(row)) == 1 && all_reports() == 1);
    MUST_GIVE(row, row->result, called_by(a, row, &subject));
    MUST(all_reports() == 1);
}

static inline void looks_deny(const struct surface *row) {
    for (int times = 0; times < 2; times++) {
        struct subject subject = prepared(row);
        MUST_GIVE(row, row->result, called_by(times ? b : a, row, &subject));
        MUST(subject.fd < 0 || reqscope_owner(subject.fd) == a);
        MUST(all_reports() == 0);
    }
}

/* To the call, a descriptor of the guard's is a number that is not open; and it comes to no harm. */
static inline void not_open_own(const struct surface *row) {
    int count = 0;
    for (int fd = 3; fd < 4096; fd++) {
        if (!victim_is_own(fd)) continue;
        count++;
        if (getenv("SURFACE_PAST")) kernel(SYS_fcntl, fd, F_SETFL, O_NONBLOCK);
        for (int context = 0; context < 2; context++) {
            struct subject subject = prepared(row);
            subject.fd = fd;
            MUST_REFUSE(row, EBADF, called_by(context ? a : 0, row, &subject));
            MUST(victim_is_own(fd));
        }
    }
    MUST(count > 0);
    MUST(all_reports() == 0);
}

/* After something that opens and closes inside libc: the subject's tag is as it was, and no other was left behind. */
static inline void tags_are_kept(const struct subject *subject) {
    MUST(reqscope_owner(subject->fd) == a);
    reqscope_switch(b);
    int fd = open("/dev/null", O_RDWR);
    MUST(fd >= 0 && reqscope_owner(fd) == b && write(fd, "x", 1) == 1 && !close(fd));
    reqscope_switch(a);
    MUST(write(subject->fd, "x", 1) == 1);
}

struct cancelled_call {
    const struct surface *row;
    struct subject subject;
};

static inline void *call_cancelled(void *argument) {
    struct cancelled_call *call = argument;
    int ignored;
    reqscope_switch(a);
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &ignored);
    pthread_cancel(pthread_self());
    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &ignored);
    call->row->call(&call->subject);
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &ignored);
    return NULL;
}

/* Is the call a cancellation point? */
static inline bool is_cancelled(const struct surface *row, bool past) {
    struct cancelled_call call = {row, prepared(row)};
    pthread_t thread;
    void *result = NULL;
    surface_called = surface_find(row->symbol, past);
    MUST(!pthread_create(&thread, NULL, call_cancelled, &call) && !pthread_join(thread, &result));
    return result == PTHREAD_CANCELED;
}

/* With the guard as without it; and both go on as if nothing had been. */
static inline void as_libc_cancelled(const struct surface *row) {
    bool expected = is_cancelled(row, true), found = is_cancelled(row, false);
    if (found != expected) victim_say("%s is %sa cancellation point", row->symbol, expected ? "no longer " : "");
    MUST(found == expected);
    struct subject subject = prepared(row);
    MUST_GIVE(row, row->result, called_by(a, row, &subject));
    MUST(all_reports() == 0);
}

static inline void works_log(const struct surface *row) {
    struct subject subject = prepared(row);
    reqscope_switch(a);
    errno = 0;
    MUST_GIVE(row, row->result, row->call(&subject));
    MUST(all_reports() == row->reports);
}

#define RULE(name, log, deny, own, cancelled, sees) \
    static const struct rule name __attribute__((unused)) = {{log, deny, own, cancelled}, sees}
#define SEES_LOG (1u << IN_LOG)
#define SEES_DENY (1u << IN_DENY)
#define SEES_OWN (1u << ON_OWN)
RULE(rule_makes, makes_log, NULL, NULL, as_libc_cancelled, SEES_LOG);
RULE(rule_twins, twins_log, NULL, not_open_own, as_libc_cancelled, SEES_LOG | SEES_OWN);
RULE(rule_closes, closes_log, refused_deny, not_open_own, as_libc_cancelled, SEES_LOG | SEES_DENY | SEES_OWN);
RULE(rule_closes_stream, closes_log, refused_deny, NULL, as_libc_cancelled, SEES_LOG | SEES_DENY);
RULE(rule_uses, uses_log, refused_deny, not_open_own, as_libc_cancelled, SEES_LOG | SEES_DENY | SEES_OWN);
RULE(rule_uses_pipe, uses_log, refused_deny, not_open_own, as_libc_cancelled, SEES_LOG | SEES_DENY);
RULE(rule_uses_stream, uses_log, refused_deny, NULL, as_libc_cancelled, SEES_LOG | SEES_DENY);
RULE(rule_looks, NULL, looks_deny, not_open_own, as_libc_cancelled, SEES_OWN);
RULE(rule_looks_stream, NULL, looks_deny, NULL, as_libc_cancelled, 0);
RULE(rule_own, NULL, NULL, not_open_own, NULL, SEES_OWN);
RULE(rule_works, works_log, NULL, NULL, NULL, 0);
RULE(rule_shows, works_log, NULL, NULL, NULL, SEES_LOG); /* works, and shows that the guard was there */

/* Rows. What follows the call is its result, and more of the row's fields by name. _STREAM: the call takes no number, or
 * one of a message queue, which the guard has not; _PIPE: one of a pipe, which the guard has not always. */
#define ROW(symbol_, what_, rule_, prepare_, call_, ...) \
    { .symbol = symbol_, .what = what_, .rule = &rule_, .prepare = prepare_, .call = call_, .result = __VA_ARGS__ }
#define MAKES(symbol, what, prepare, call, ...) ROW(#symbol, what, rule_makes, prepare, call, __VA_ARGS__)
#define TWINS(symbol, what, prepare, call, ...) ROW(#symbol, what, rule_twins, prepare, call, __VA_ARGS__)
#define CLOSES(symbol, what, prepare, call, ...) \
    ROW(#symbol, what, rule_closes, prepare, call, __VA_ARGS__, .finding = "foreign-close")
#define CLOSES_STREAM(symbol, what, prepare, call, ...) \
    ROW(#symbol, what, rule_closes_stream, prepare, call, __VA_ARGS__, .finding = "foreign-close")
#define USES(symbol, what, prepare, call, ...) ROW(#symbol, what, rule_uses, prepare, call, __VA_ARGS__)
#define USES_PIPE(symbol, what, prepare, call, ...) ROW(#symbol, what, rule_uses_pipe, prepare, call, __VA_ARGS__)
#define USES_STREAM(symbol, what, prepare, call, ...) ROW(#symbol, what, rule_uses_stream, prepare, call, __VA_ARGS__)
#define LOOKS(symbol, what, prepare, call, ...) ROW(#symbol, what, rule_looks, prepare, call, __VA_ARGS__)
#define LOOKS_STREAM(symbol, what, prepare, call, ...) ROW(#symbol, what, rule_looks_stream, prepare, call, __VA_ARGS__)
#define OWN(symbol, what, prepare, call, ...) ROW(#symbol, what, rule_own, prepare, call, __VA_ARGS__)
#define WORKS(symbol, what, call, ...) ROW(#symbol, what, rule_works, no_subject, call, __VA_ARGS__)
#define SHOWS(symbol, what, call, ...) ROW(#symbol, what, rule_shows, no_subject, call, __VA_ARGS__)

/* ---- the program ---------------------------------------------------------------------------------------------------
 */

static const char *const surface_mode_names[MODES] = {"log", "deny", "own", "cancelled"};

static inline void surface_name(char *name, size_t size, const struct surface *row, int mode) {
    snprintf(name, size, "%s%s%s %s", row->symbol, row->what ? " " : "", row->what ? row->what : "",
             surface_mode_names[mode]);
}

/* In the fresh process. */
static inline int surface_run(const struct surface *row, int mode) {
    alarm(VICTIM_SECONDS);
    surface_called = surface_find(row->symbol, getenv("SURFACE_PAST") != NULL);
    if (!surface_called) {
        victim_say("this libc has no %s", row->symbol);
        return VICTIM_SKIP;
    }
    begin_contexts();
    row->rule->modes[mode](row);
    return 0;
}

static inline int surface_remove(const char *path, const struct stat *status, int type, struct FTW *place) {
    (void)status, (void)type;
    return place->level ? remove(path) : 0;
}

/* One test; true when it is as it should be. */
static inline bool surface_try(const struct surface *row, int mode, const char *program, const char *place, bool past) {
    char name[128], says[80], log[80], environment[256];
    int status;
    surface_name(name, sizeof name, row, mode);
    snprintf(says, sizeof says, "%s/says", place);
    snprintf(log, sizeof log, "%s/log", place);
    /* The more descriptors the guard has, the better: recording makes some. */
    snprintf(environment, sizeof environment, "REQSCOPE_MODE=%s REQSCOPE_TRACE=%s%s %s",
             mode == IN_DENY ? "deny" : "log", mode == ON_OWN ? place : "-", mode == ON_OWN ? "/trace" : "",
             row->environment ? row->environment : "");
    struct victim_test test = {name, NULL, environment, 0};
    fflush(stdout);
    pid_t pid = fork();
    if (!pid) victim_child(&test, program, says, log);
    waitpid(pid, &status, 0);
    bool good = true;
    if (!past)
        good = !victim_judge(&test, status, says);
    else if (status == 0)
        good = false, printf("not ok %s: it sees nothing when the call goes past the guard\n", name);
    else if (!WIFEXITED(status) || WEXITSTATUS(status) != VICTIM_SKIP)
        printf("ok %s fails when the call goes past the guard\n", name);
    return good;
}

/* A name stands for one row: a copied line that still has the old one would hide its test. */
static inline void surface_names_differ(const struct surface *rows, size_t count) {
    for (size_t i = 0; i < count * count; i++) {
        const struct surface *one = &rows[i / count], *two = &rows[i % count];
        bool same = one < two && !strcmp(one->symbol, two->symbol) &&
                    !strcmp(one->what ? one->what : "", two->what ? two->what : "");
        for (int mode = 0; same && mode < MODES; mode++) {
            if (!one->rule->modes[mode] || !two->rule->modes[mode]) continue;
            printf("not ok %s %s: two rows have this name\n", one->symbol, one->what ? one->what : "");
            exit(2);
        }
    }
}

static inline int surface_main(int argc, char **argv, const struct surface *rows, size_t count) {
    char program[4096], place[] = "/tmp/reqscope-surface.XXXXXX", name[128];
    bool past = argc > 1 && !strcmp(argv[1], "--past"), only = argc > 2 && !strcmp(argv[1], "--only");
    int failed = 0;
    if (argc == 2 && getenv("VICTIM_SAYS")) {
        for (size_t i = 0; i < count * MODES; i++) {
            surface_name(name, sizeof name, &rows[i / MODES], (int)(i % MODES));
            if (!strcmp(argv[1], name) && rows[i / MODES].rule->modes[i % MODES])
                return surface_run(&rows[i / MODES], (int)(i % MODES));
        }
        return 2;
    }
    for (size_t i = 0; argc == 2 && !strcmp(argv[1], "--symbols") && i < count; i++) puts(rows[i].symbol);
    if (argc == 2 && !strcmp(argv[1], "--symbols")) return 0;
    surface_names_differ(rows, count);
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    if (length < 0 || !mkdtemp(place)) return 2;
    program[length] = 0;
    if (past) setenv("SURFACE_PAST", "1", 1);
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (size_t i = 0; i < count * MODES; i++) {
        const struct surface *row = &rows[i / MODES];
        int mode = (int)(i % MODES);
        surface_name(name, sizeof name, row, mode);
        if (!row->rule->modes[mode] || (only && strncmp(name, argv[2], strlen(argv[2])))) continue;
        if (past && !(row->rule->sees >> mode & 1)) continue;
        if (mode == CANCELLED && row->fragile) continue;
        failed += !surface_try(row, mode, program, place, past);
        char *log = malloc(strlen(place) + 5);
        if (only && log) printf("%s", victim_read(strcat(strcpy(log, place), "/log")));
        free(log);
        nftw(place, surface_remove, 16, FTW_DEPTH | FTW_PHYS);
    }
    rmdir(place);
    return failed != 0;
}

#define SURFACE_MAIN(rows)                                                    \
    int main(int argc, char **argv) {                                         \
        return surface_main(argc, argv, rows, sizeof(rows) / sizeof *(rows)); \
    }

#endif
