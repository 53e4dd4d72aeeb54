#!/usr/bin/env bash
# hiredis.sh: a C server on hiredis against a real Redis server. One shared connection is found, named with both lines of
# source, refused, or the end of the process, as the mode says; a connection for each request is not.
# SC2016: jq's variables are not the shell's. SC2317: some functions are called by name, through wait_for and expect.
# shellcheck disable=SC2016,SC2317
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source=tests/backends.sh
. tests/backends.sh

SERVER=$PROGRAMS/server_hiredis
SOURCE=tests/programs/server_hiredis.c
REQUESTS=5
require "$SERVER" "$LIB" "$RS"
have hiredis redis-server redis-cli jq || finish

redis() {
    redis-cli -p "$port" "$@"
}

# One run on an empty Redis: run NAME shared|own [COMMAND...], the command being what the server runs under. What it says is
# in $WORK/NAME.out and .err, its exit code in $code.
run() {
    local name=$1 how=$2
    shift 2
    redis flushall >/dev/null
    redis config resetstat >/dev/null
    start "$name" "$@" "$SERVER" "$how" "$port" "$REQUESTS"
    await "$pid"
}

# How many SET commands Redis has seen since `run` began.
sets_seen() {
    redis info commandstats | tr -d '\r' | sed -n 's/^cmdstat_set:calls=\([0-9]*\),.*/\1/p' | grep . || echo 0
}

report() { # NAME: the trace of that run, as JSON in $WORK/NAME.json
    "$RS" report --json "$WORK/$1.trace" >"$WORK/$1.json" 2>"$WORK/$1.json.err"
}

start_redis || {
    fail hiredis "redis-server does not start"
    finish
}

run bare shared
expect_equal "bare: the shared connection serves everybody" "0, $REQUESTS SET" "$code, $(sets_seen) SET"

# --- log: found, and let through

run log shared "${GUARD[@]}" REQSCOPE_MODE=log REQSCOPE_TRACE="$WORK/log.trace"
expect_equal "log: every request is served" "0, $REQUESTS SET" "$code, $(sets_seen) SET"
expect_same "log: the server says what it says bare" "$WORK/bare.out" "$WORK/log.out"
expect "log: the trace can be read" report log
expect_json "log: two findings of foreign-io, one for sending and one for receiving" "$WORK/log.json" \
    '[.findings[] | select(.kind == "foreign-io") | .operation] | sort == ["recv", "send"] or sort == ["read", "write"]'
expect_json "log: each counts all requests but the first" "$WORK/log.json" --argjson others $((REQUESTS - 1)) \
    '[.findings[] | select(.kind == "foreign-io") | .count] == [$others, $others]'
expect_json "log: the owner is the first request, the user the second" "$WORK/log.json" \
    'all(.findings[] | select(.kind == "foreign-io"); .owner.label == "GET /basket/1" and .user.label == "GET /basket/2")'
expect_json "log: the description is Redis's address" "$WORK/log.json" --arg address "tcp 127.0.0.1:$port" \
    'all(.findings[] | select(.kind == "foreign-io"); .description == $address)'
expect_json "log: opened_at has the function, file and line" "$WORK/log.json" \
    --argjson line "$(line_of $SOURCE 'TEST: opened here')" \
    'all(.findings[] | select(.kind == "foreign-io"); any(.opened_at[];
        .function == "connect_redis" and .line == $line and (.file | endswith("server_hiredis.c"))))'
expect_json "log: used_at has the function, file and line" "$WORK/log.json" \
    --argjson line "$(line_of $SOURCE 'TEST: used here')" \
    'all(.findings[] | select(.kind == "foreign-io"); any(.used_at[];
        .function == "put_in_basket" and .line == $line and (.file | endswith("server_hiredis.c"))))'
expect_json "log: hiredis's own functions are named, too" "$WORK/log.json" \
    'all(.findings[] | select(.kind == "foreign-io"); any(.used_at[]; .module | test("hiredis\\.so")))'
expect_json "log: all requests are contexts" "$WORK/log.json" --argjson requests $REQUESTS '.contexts == $requests'
expect_text "log: the log names both requests" "$WORK/log.err" \
    '^reqscope: foreign-io: GET /basket/2 \(context [0-9]+\) .*, which GET /basket/1 \(context [0-9]+\) owns'
expect_exit "log: check fails" 1 "$RS" check "$WORK/log.trace"

# --- deny: refused before a byte moves

run deny shared "${GUARD[@]}" REQSCOPE_MODE=deny REQSCOPE_TRACE="$WORK/deny.trace"
expect_equal "deny: the program goes on and says that it failed" 1 "$code"
expect_text "deny: the first request is served" "$WORK/deny.out" '^request 1: OK$'
expect_text "deny: the second gets an error" "$WORK/deny.out" '^request 2: failed: .*not permitted'
expect_equal "deny: Redis has seen the first request's command only" 1 "$(sets_seen)"
expect_equal "deny: what the second would have set is not there" 0 "$(redis exists basket:2)"
expect "deny: the trace can be read" report deny
expect_json "deny: the finding is there" "$WORK/deny.json" \
    'any(.findings[]; .kind == "foreign-io" and .user.label == "GET /basket/2")'

# --- abort: the process ends, the report is out

run abort shared "${GUARD[@]}" REQSCOPE_MODE=abort REQSCOPE_TRACE="$WORK/abort.trace"
expect_equal "abort: the process dies of SIGABRT" 134 "$code"
expect_text "abort: the report is on the log" "$WORK/abort.err" '^reqscope: foreign-io: GET /basket/2 '
expect_equal "abort: Redis has not seen the second request's command" 1 "$(sets_seen)"
expect "abort: the trace can be read" report abort
expect_json "abort: the finding is in the trace" "$WORK/abort.json" 'any(.findings[]; .kind == "foreign-io")'

# --- off: as if there were no guard

run off shared "${GUARD[@]}" REQSCOPE_MODE=off REQSCOPE_TRACE="$WORK/off.trace"
expect_equal "off: exit code" 0 "$code"
expect_same "off: the server says what it says bare" "$WORK/bare.out" "$WORK/off.out"
expect_same "off: and nothing more on stderr" "$WORK/bare.err" "$WORK/off.err"
expect_nothing_in "off: no trace" "$WORK/off.trace"

# --- mended: a connection for each request

run mended own "${GUARD[@]}" REQSCOPE_MODE=deny REQSCOPE_TRACE="$WORK/mended.trace"
expect_equal "mended: every request is served, in deny, too" "0, $REQUESTS SET" "$code, $(sets_seen) SET"
expect_same "mended: the log is empty" /dev/null "$WORK/mended.err"
expect "mended: the trace can be read" report mended
expect_json "mended: no finding" "$WORK/mended.json" '.findings == []'
expect_exit "mended: check is content" 0 "$RS" check "$WORK/mended.trace"

finish
