#!/usr/bin/env bash
# rules.sh: REQSCOPE_RULES: what a user may say is shared, leased, strict or ignored, and which findings he does not want to
# hear of; what is said of a file that is wrong; how often each rule was hit; and that the line which `report` offers for a
# finding takes away that finding and no other.
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

require "$LIB" "$RS"
if ! have "rules" cc jq; then finish; fi

# --- a program with a finding for each of its words; its sources lie in folders of their own

PROJECT=$WORK/project
RULES=$WORK/shop.rules
mkdir -p "$PROJECT/pool" "$PROJECT/vendor" "$PROJECT/build" "$WORK/data" "$WORK/empty"

cat >"$PROJECT/pool/take.c" <<'END'
#include <unistd.h>
long pool_take(int fd) {
    long count = write(fd, "evil", 4);
    __asm__ volatile("" ::: "memory");
    return count;
}
END
cat >"$PROJECT/vendor/driver.c" <<'END'
#include <unistd.h>
long driver_sends(int fd) {
    long count = write(fd, "evil", 4);
    __asm__ volatile("" ::: "memory");
    return count;
}
END
long_name=a_name_$(printf 'that_goes_on_%.0s' 1 2 3 4 5 6 7 8 9)to_its_end
cat >"$PROJECT/shop.c" <<END
#define _GNU_SOURCE
#include <fcntl.h>
#include <netinet/in.h>
#include <reqscope.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

long pool_take(int fd);
long driver_sends(int fd);
#define WHOLE __attribute__((noinline, noclone))

static WHOLE long $long_name(int fd) {
    long count = write(fd, "evil", 4);
    __asm__ volatile("" ::: "memory");
    return count;
}

static inline __attribute__((always_inline)) long inlined_sends(int fd) {
    return write(fd, "evil", 4);
}

static WHOLE long around_inlined(int fd) {
    long count = inlined_sends(fd);
    __asm__ volatile("" ::: "memory");
    return count;
}

/* A connection: the exchange on it is complete when it is there, or in its middle. */
static WHOLE int connects(int family, const char *name, const char *half) {
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    struct sockaddr *address = family == AF_UNIX ? (void *)&un : (void *)&in;
    socklen_t length = family == AF_UNIX ? sizeof un : sizeof in;
    char bytes[8];
    int one = 1;
    in.sin_port = htons((unsigned short)atoi(name));
    strncpy(un.sun_path, name, sizeof un.sun_path - 1);
    reqscope_id before = reqscope_switch(0);
    int listener = socket(family, SOCK_STREAM, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    unlink(family == AF_UNIX ? name : "");
    if (bind(listener, address, length) || listen(listener, 5)) exit(3);
    reqscope_switch(before);
    int fd = socket(family, SOCK_STREAM, 0);
    if (connect(fd, address, length)) exit(3);
    reqscope_switch(0);
    int server = accept(listener, NULL, NULL);
    reqscope_switch(before);
    for (int i = 0; i < (half ? 2 : 1); i++) {
        if (write(fd, "ask", 3) != 3 || read(server, bytes, 3) != 3) exit(3);
        if (i == 0 && (write(server, "answer", 6) != 6 || read(fd, bytes, 6) != 6)) exit(3);
    }
    return fd;
}

static WHOLE int opens_pipe(void) {
    int ends[2];
    return pipe(ends) ? -1 : ends[1];
}

static WHOLE int opens_file(const char *path) {
    return open(path, O_RDWR | O_CREAT, 0600);
}

static WHOLE void leaves_open(void) {
    reqscope_id request = reqscope_begin("GET /leak");
    if (open("/dev/null", O_RDONLY) < 0) exit(3);
    reqscope_end(request);
}

static WHOLE void closes_twice(void) {
    int fd = open("/dev/null", O_RDONLY);
    close(fd);
    close(fd);
}

static WHOLE void closes_anothers(int fd, reqscope_id b) {
    reqscope_id before = reqscope_switch(b);
    close(fd);
    reqscope_switch(before);
}

/* shop WORD ARGUMENT ...: what B's use of it gave, a line each */
int main(int argc, char **argv) {
    reqscope_id a = reqscope_begin("A"), b = reqscope_begin("B");
    for (int i = 1; i + 1 < argc; i += 2) {
        const char *word = argv[i], *argument = argv[i + 1];
        long (*use)(int) = pool_take;
        int fd = -1;
        reqscope_switch(a);
        if (!strcmp(word, "tcp")) fd = connects(AF_INET, argument, NULL);
        if (!strcmp(word, "tcp-half")) fd = connects(AF_INET, argument, "half");
        if (!strcmp(word, "unix")) fd = connects(AF_UNIX, argument, NULL);
        if (!strcmp(word, "file")) fd = opens_file(argument);
        if (!strcmp(word, "pipe")) fd = opens_pipe();
        if (!strcmp(word, "driver")) fd = opens_pipe(), use = driver_sends;
        if (!strcmp(word, "long")) fd = opens_pipe(), use = $long_name;
        if (!strcmp(word, "inlined")) fd = opens_pipe(), use = around_inlined;
        if (!strcmp(word, "leak")) leaves_open();
        if (!strcmp(word, "bad-close")) closes_twice();
        if (!strcmp(word, "foreign-close")) closes_anothers(opens_file(argument), b);
        if (fd < 0) continue;
        reqscope_switch(b);
        printf("%ld\n", use(fd));
    }
    return 0;
}
END

SHOP=$WORK/shop
build() { # OUTPUT FOLDER SOURCE: the pool's source, as it is named in that folder
    (cd "$PROJECT/$2" && cc -g -O1 -c "$3" -o "$PROJECT/take.o") &&
        cc -g -O1 -Iinclude -o "$1" "$PROJECT/shop.c" "$PROJECT/take.o" "$PROJECT/libdriver.so" -Wl,-rpath,"$PROJECT"
}
cc -g -O1 -shared -fPIC -Wl,-soname,libdriver.so -o "$PROJECT/libdriver.so" "$PROJECT/vendor/driver.c" || exit 2
build "$SHOP" . pool/take.c || exit 2
build "$WORK/shop-in-pool" pool take.c || exit 2
build "$WORK/shop-in-build" build ../pool/take.c || exit 2

PORT=$(free_port)
DATA=$WORK/data

# run NAME RULES WORD ARGUMENT...: what it prints is in $WORK/out, the log in $WORK/err
settings=()
run() {
    local name=$1
    printf '%s' "$2" >"$RULES"
    shift 2
    expect_exit "$name: the program runs on" 0 "${GUARD[@]}" REQSCOPE_RULES="$RULES" "${settings[@]}" "$SHOP" "$@"
}

findings() { # [KIND]: how many were reported
    grep -ac "^reqscope: ${1:-[a-z-]*}: .* \(fd\|leaves\) [0-9f]" "$WORK/err"
}

silent() { # NAME RULES WORD ARGUMENT...
    run "$@"
    expect_equal "$1: nothing is found" 0 "$(findings)"
}

found() { # NAME KIND RULES WORD ARGUMENT...: that finding, and no other
    local name=$1 kind=$2
    shift 2
    run "$name" "$@"
    expect_equal "$name: $kind is found" "1 1" "$(findings "$kind") $(findings)"
}

# --- without rules each of the words is a finding: else nothing below would say much

found "no rule: tcp" foreign-io "" tcp "$PORT"
found "no rule: unix" foreign-io "" unix "$WORK/db.sock"
found "no rule: file" foreign-io "" file "$DATA/one"
found "no rule: pipe" foreign-io "" pipe -
found "no rule: driver" foreign-io "" driver -
found "no rule: leak" leak "" leak -
found "no rule: bad-close" bad-close "" bad-close -
found "no rule: foreign-close" foreign-close "" foreign-close "$DATA/one"
expect_no_text "no rule: nothing is said of the file" "$WORK/err" 'shop\.rules'

# --- descriptions

silent "share by address" "share:tcp:127.0.0.1:$PORT" tcp "$PORT"
silent "share by a part of the address" "share:tcp:127.0.0.1:*" tcp "$PORT"
found "share of another address" foreign-io "share:tcp:127.0.0.1:1" tcp "$PORT"
found "an address is matched as a whole" foreign-io "share:tcp:127.0.0.1:${PORT:0:3}" tcp "$PORT"
silent "share by a path's pattern" "share:unix:$WORK/db*" unix "$WORK/db.sock"
found "share of another path" foreign-io "share:unix:$WORK/queue*" unix "$WORK/db.sock"
silent "share by a file's pattern" "share:file:$DATA/*" file "$DATA/one"
found "share of another file" foreign-io "share:file:$DATA/t*" file "$DATA/one"
silent "share by kind: pipe" "share:pipe" pipe -
silent "share by kind: tcp" "share:tcp" tcp "$PORT"
silent "share by kind: unix" "share:unix" unix "$WORK/db.sock"
silent "share by kind: file" "share:file" file "$DATA/one"
found "share of another kind" foreign-io "share:tcp" pipe -
silent "ignore by a file's pattern" "ignore:file:*.log" file "$DATA/app.log"
found "ignore of another file" foreign-io "ignore:file:*.log" file "$DATA/app.log.1"
silent "ignore by address" "ignore:tcp:127.0.0.1:$PORT" tcp "$PORT"
silent "what is ignored may be closed by all" "ignore:file:$DATA/*" foreign-close "$DATA/one"
silent "what is shared may be closed by all" "share:file:$DATA/*" foreign-close "$DATA/one"

silent "lease by address: complete" "lease:tcp:127.0.0.1:$PORT" tcp "$PORT"
found "lease by address: in mid-exchange" dirty-handover "lease:tcp:127.0.0.1:$PORT" tcp-half "$PORT"
found "lease of another address" foreign-io "lease:tcp:127.0.0.1:1" tcp "$PORT"
silent "lease by path" "lease:unix:$WORK/*.sock" unix "$WORK/db.sock"
settings=(REQSCOPE_POLICY=lease)
silent "lease as the policy" "" tcp "$PORT"
found "strict by address, in lease" foreign-io "strict:tcp:127.0.0.1:$PORT" tcp "$PORT"
silent "strict of another address, in lease" "strict:tcp:127.0.0.1:1" tcp "$PORT"
settings=()

# A trace does not hold what is ignored.
mkdir "$WORK/ignored"
settings=(REQSCOPE_TRACE="$WORK/ignored")
silent "ignored, recorded" "ignore:file:*.log" file "$DATA/app.log" file "$DATA/app.log"
settings=()
"$RS" fds --json "$WORK/ignored" >"$WORK/fds.json"
expect_json "what is ignored is not recorded" "$WORK/fds.json" \
    '[.descriptions[] | select((.description // "") | endswith("app.log")) | .uses] | add // 0 | . == 0'

# --- suppressions

silent "by function" "foreign-io:fun:pool_take" pipe -
silent "by a part of the function" "foreign-io:fun:ool_t" pipe -
silent "by a function's pattern" "foreign-io:fun:p*_take" pipe -
silent "by a function's whole name" 'foreign-io:fun:^pool_take$' pipe -
found "by a name that is not the whole" foreign-io 'foreign-io:fun:^pool$' pipe -
silent "by the function that opened it" "foreign-io:fun:opens_pipe" pipe -
found "by another function" foreign-io "foreign-io:fun:driver_sends" pipe -
silent "by library" "foreign-io:lib:libdriver" driver -
found "by a library that has no part in it" foreign-io "foreign-io:lib:libdriver" pipe -
silent "by the program" 'foreign-io:lib:^shop$' pipe -
silent "by source" "foreign-io:src:take.c" pipe -
found "by a source that has no part in it" foreign-io "foreign-io:src:driver.c" pipe -
silent "by folder" "foreign-io:src:pool/" pipe -
found "by a folder that has no part in it" foreign-io "foreign-io:src:vendor/" pipe -
silent "by a library's folder" "foreign-io:src:vendor/" driver -
SHOP=$WORK/shop-in-pool
silent "compiled in its folder: by folder" "foreign-io:src:pool/" pipe -
silent "compiled in its folder: by folder and source" 'foreign-io:src:/pool/take.c$' pipe -
SHOP=$WORK/shop-in-build
silent "compiled in a folder beside: by folder" "foreign-io:src:pool/" pipe -
silent "compiled in a folder beside: by folder and source" 'foreign-io:src:pool/take.c$' pipe -
SHOP=$WORK/shop

found "by another kind" foreign-io "leak:fun:pool_take" pipe -
silent "by every kind" "*:fun:pool_take" pipe -
silent "leak by function" "leak:fun:leaves_open" leak -
silent "bad-close by function" "bad-close:fun:closes_twice" bad-close -
silent "foreign-close by function" "foreign-close:fun:closes_anothers" foreign-close "$DATA/one"
run "one of two" "foreign-io:fun:pool_take" pipe - driver - leak -
expect_equal "one of two: the others are found" "1 1 2" "$(findings foreign-io) $(findings leak) $(findings)"

settings=(REQSCOPE_MODE=deny)
found "deny, found" foreign-io "" pipe -
expect_equal "deny, found: the call is refused" -1 "$(cat "$WORK/out")"
silent "deny, suppressed" "foreign-io:fun:pool_take" pipe - pipe -
expect_equal "deny, suppressed: the calls go through" "4 4" "$(xargs <"$WORK/out")"
silent "deny, shared" "share:pipe" pipe -
expect_equal "deny, shared: the call goes through" 4 "$(cat "$WORK/out")"
settings=(REQSCOPE_MODE=abort)
silent "abort, suppressed" "*:fun:pool_take" pipe - pipe -
silent "abort, a leak suppressed" "leak:fun:leaves_open" leak -
settings=()

# --- the first rule that matches

silent "share before strict" "share:tcp:127.0.0.1:$PORT
strict:tcp:*" tcp "$PORT"
settings=(REQSCOPE_POLICY=lease)
found "strict before share" foreign-io "strict:tcp:*
share:tcp:127.0.0.1:$PORT" tcp "$PORT"
settings=()
run "the first suppression" "foreign-io:fun:pool_*
*:fun:pool_take" pipe -
expect_text "the first suppression is hit" "$WORK/err" 'shop\.rules:1: foreign-io:fun:pool_\*: hits: 1$'
expect_text "the second is not" "$WORK/err" 'shop\.rules:2: \*:fun:pool_take: never hit$'

# --- the file's form

silent "comments, blanks, CRLF, no newline at the end" $'# a comment\r\n\r\n   \t\r\n  share:pipe \t\r\n#share:tcp\r\nleak:fun:leaves_open' \
    pipe - leak -
expect_no_text "comments, blanks, CRLF: nothing is wrong" "$WORK/err" 'not understood'
expect_text "lines are counted with those" "$WORK/err" 'shop\.rules:4: share:pipe: hits: '
expect_text "lines are counted to the last" "$WORK/err" 'shop\.rules:6: leak:fun:leaves_open: hits: 1$'

run "bad lines" "sharing:tcp
share:
share:tap:127.0.0.1
leak:function:x
leak:fun:
share:pipe
nonsense
share:tcp:" pipe - leak -
expect_equal "bad lines: the others hold" "0 1" "$(findings foreign-io) $(findings leak)"
complaint() { # LINE TEXT EXPECTED
    expect_text "bad lines: $1 is told" "$WORK/err" "^reqscope: $RULES:$1: '$2' is not understood: expected .*$3"
}
complaint 1 "sharing:tcp" "share, lease, strict or ignore"
complaint 2 "share:" "a pattern"
complaint 3 "share:tap:127.0.0.1" "tcp, udp, unix"
complaint 4 "leak:function:x" "fun:, lib: or src:"
complaint 5 "leak:fun:" "function"
complaint 7 "nonsense" "share, lease, strict or ignore"
complaint 8 "share:tcp:" "an address or a path"
expect_equal "bad lines: each is told once" 7 "$(grep -c 'is not understood' "$WORK/err")"

unreadable() { # NAME PATH TEXT
    expect_exit "$1: the program runs on" 0 timeout 10 "${GUARD[@]}" REQSCOPE_RULES="$2" "$SHOP" pipe -
    expect_equal "$1: it does its work" 4 "$(cat "$WORK/out")"
    expect_equal "$1: and is guarded" 1 "$(findings foreign-io)"
    expect_equal "$1: is said once" 1 "$(grep -c 'REQSCOPE_RULES' "$WORK/err")"
    expect_text "$1: with its name and why" "$WORK/err" "^reqscope: REQSCOPE_RULES: the file cannot be read \\($3\\).*$2"
}
unreadable "a missing file" "$WORK/missing.rules" "No such file or directory"
unreadable "a folder" "$WORK/empty" ".*no ordinary file.*"
yes '# filler' | head -c 1048577 >"$WORK/large.rules"
unreadable "a file over 1 MiB" "$WORK/large.rules" ".*larger than 1 MiB.*"
mkfifo "$WORK/fifo.rules"
unreadable "a FIFO" "$WORK/fifo.rules" ".*no ordinary file.*"
{
    yes '# filler' | head -c 1048560
    echo
    echo share:pipe
} >"$WORK/just.rules"
expect_exit "a file of just 1 MiB: the program runs on" 0 \
    "${GUARD[@]}" REQSCOPE_RULES="$WORK/just.rules" "$SHOP" pipe -
expect_equal "a file of just 1 MiB: its last line holds" 0 "$(findings)"

# --- hits

mkdir "$WORK/hits"
settings=(REQSCOPE_TRACE="$WORK/hits")
run "hits" "share:unix:$WORK/db.sock
foreign-io:fun:pool_take
share:tcp:10.0.0.1:*
leak:src:vendor/" unix "$WORK/db.sock" pipe - pipe - pipe - driver -
settings=()
expect_text "hits: a description's on the log" "$WORK/err" 'shop\.rules:1: share:unix:.*/db\.sock: hits: [1-9]'
expect_text "hits: a suppression's on the log" "$WORK/err" 'shop\.rules:2: foreign-io:fun:pool_take: hits: 3$'
expect_text "hits: a rule that was never hit" "$WORK/err" 'shop\.rules:3: share:tcp:10\.0\.0\.1:\*: never hit$'
expect_text "hits: a suppression that was never hit" "$WORK/err" 'shop\.rules:4: leak:src:vendor/: never hit$'
"$RS" report "$WORK/hits" >"$WORK/report.txt"
expect_text "hits: in the report" "$WORK/report.txt" '^rule, line 2, pid [0-9]+: foreign-io:fun:pool_take: 3 hits$'
expect_text "hits: never, in the report" "$WORK/report.txt" '^rule, line 3, pid [0-9]+: share:tcp:10\.0\.0\.1:\*: never hit$'
"$RS" report --json "$WORK/hits" >"$WORK/report.json"
# shellcheck disable=SC2016 # jq's variable
expect_json "hits: in the report as JSON" "$WORK/report.json" \
    '[.rules[] | [.line, .rule, .hits > 0]] | . == [[1, $socket, true], [2, "foreign-io:fun:pool_take", true],
      [3, "share:tcp:10.0.0.1:*", false], [4, "leak:src:vendor/", false]]' --arg socket "share:unix:$WORK/db.sock"
expect_json "hits: a suppression's number as JSON" "$WORK/report.json" '.rules[] | select(.line == 2) | .hits == 3'
expect_json "hits: only what is not suppressed is a finding" "$WORK/report.json" \
    '[.findings[] | "\(.kind) \(.used_at[0].function)"] == ["foreign-io driver_sends"]'

# --- the line that the report offers for a finding

ALL=(pipe - driver - leak - bad-close - foreign-close "$DATA/one")
offered() { # NAME WORD ARGUMENT...: what the report on such a run offers is in $WORK/offered
    local name=$1
    shift
    rm -rf "$WORK/offer"
    mkdir "$WORK/offer"
    settings=(REQSCOPE_TRACE="$WORK/offer")
    run "$name" "" "$@"
    settings=()
    "$RS" report --json "$WORK/offer" | jq -r '.findings[] | .suppression // "none"' >"$WORK/offered"
}

offered "offered" "${ALL[@]}"
"$RS" report "$WORK/offer" | sed -n 's/^  to suppress it: //p' >"$WORK/offered-text"
expect_same "the report offers the same in words" "$WORK/offered" "$WORK/offered-text"
expect_equal "there is an offer for each finding" 5 "$(grep -c : "$WORK/offered")"
mapfile -t offers <"$WORK/offered"
for offer in "${offers[@]}"; do
    run "the offer '$offer'" "$offer" "${ALL[@]}"
    expect_equal "the offer '$offer' takes one away" 4 "$(findings)"
    expect_text "the offer '$offer' is hit once" "$WORK/err" ': hits: 1$'
done
silent "all offers" "$(cat "$WORK/offered")" "${ALL[@]}"

offered "a long name" long -
silent "a long name: the offer" "$(cat "$WORK/offered")" long -
offered "an inlined function" inlined -
silent "an inlined function: the offer" "$(cat "$WORK/offered")" inlined -
if have "a C++ name" c++; then
    cat >"$WORK/shop.cc" <<'END'
#include <reqscope.h>
#include <unistd.h>
namespace shop {
struct basket {
    __attribute__((noinline)) long add(int fd, const char *what) {
        long count = write(fd, what, 4);
        __asm__ volatile("" ::: "memory");
        return count;
    }
};
}
int main() {
    int ends[2];
    reqscope_begin("A");
    if (pipe(ends)) return 3;
    reqscope_begin("B");
    shop::basket basket;
    return basket.add(ends[1], "evil") != 4;
}
END
    c++ -g -O1 -Iinclude -o "$WORK/shop-cc" "$WORK/shop.cc" || exit 2
    SHOP=$WORK/shop-cc
    offered "a C++ name"
    expect_equal "a C++ name: there is a finding" 1 "$(findings)"
    silent "a C++ name: the offer" "$(cat "$WORK/offered")"
    silent "a C++ name: by class" "foreign-io:fun:basket"
    SHOP=$WORK/shop
fi
strip -o "$WORK/shop-bare" "$SHOP"
SHOP=$WORK/shop-bare
offered "a stripped program" pipe -
silent "a stripped program: the offer" "$(cat "$WORK/offered")" pipe -
SHOP=$WORK/shop

# --- reqscope run --rules

echo "foreign-io:fun:pool_take" >"$RULES"
expect_exit "run --rules: the program runs on" 0 "$RS" run --rules "$RULES" -- "$SHOP" pipe -
expect_equal "run --rules: nothing is found" 0 "$(findings)"
expect_text "run --rules: the rule is hit" "$WORK/err" 'shop\.rules:1: .*: hits: 1$'
expect_exit "run --rules=FILE, relative" 0 env -C "$WORK" "$RS" run --rules=shop.rules -- "$SHOP" pipe -
expect_equal "run --rules=FILE, relative: nothing is found" 0 "$(findings)"
expect_exit "run without --rules" 0 "$RS" run -- "$SHOP" pipe -
expect_equal "run without --rules: it is found" 1 "$(findings)"
expect_exit "run --rules with a missing file" 2 "$RS" run --rules "$WORK/missing.rules" -- "$SHOP" pipe -
expect_text "run --rules with a missing file: says so" "$WORK/err" 'missing\.rules: the rules cannot be read: No such file'

finish
