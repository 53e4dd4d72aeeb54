#!/usr/bin/env bash
# asyncio_redis.sh: a Python server on redis-py against a real Redis server, where connections may change hands
# (REQSCOPE_POLICY=lease). The bug of March 2023, a cancelled command whose connection goes back into the pool, is reported as
# the next request sends, before there is anything that it could read; redis-py's own pools, with tasks and with threads, are
# not found at fault.
# SC2016: jq's and awk's variables are not the shell's. SC2317: some functions are called by name, through wait_for and expect.
# shellcheck disable=SC2016,SC2317
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source=tests/backends.sh
. tests/backends.sh

PYTHON=/usr/bin/python3 # Debian's, for which redis-py is packaged
require "$LIB" "$RS"
have asyncio_redis redis-server redis-cli jq babeltrace2 "$PYTHON" || finish
if ! "$PYTHON" -c 'import redis.asyncio' 2>/dev/null; then
    skip asyncio_redis "$PYTHON has no redis (make deps)"
    finish
fi

# run NAME HOW [COMMAND...]: what the program says is in $WORK/NAME.out and .err, its exit code in $code.
run() {
    local name=$1 how=$2
    shift 2
    start "$name" "$@" "$PYTHON" -B tests/e2e/asyncio_redis_app.py "$how" "$port"
    await "$pid"
}

# guarded NAME HOW MODE: the same, guarded
guarded() {
    run "$1" "$2" "${GUARD[@]}" REQSCOPE_MODE="$3" REQSCOPE_POLICY=lease REQSCOPE_TRACE="$WORK/$1.trace"
}

report() { # NAME
    "$RS" report --json "$WORK/$1.trace" >"$WORK/$1.json"
}

# expect_finding NAME: one, Bob's first write, and it is Alice whose answer is to come
expect_finding() {
    expect "$1: the trace can be read" report "$1"
    expect_json "$1: one finding: Bob sends in the middle of Alice's exchange" "$WORK/$1.json" \
        --arg description "tcp 127.0.0.1:$port" '[.findings[] | [.kind, .owner.label, .user.label, .operation, .description]]
            == [["dirty-handover", "GET /inbox?user=alice", "GET /basket?user=bob", "send", $description]]'
    expect_text "$1: the log names both requests" "$WORK/$1.err" \
        '^reqscope: dirty-handover: GET /basket\?user=bob .* sends to .* of GET /inbox\?user=alice '
    # Until he has sent there is nothing to be read.
    expect_equal "$1: that is on the log before there is anything to read" "reqscope: dirty-handover bob has sent" \
        "$(sed -n 's/^\(reqscope: [^:]*\).*/\1/p; /^bob has sent/p' "$WORK/$1.err" | paste -s -d ' ')"
}

# expect_clean NAME: no finding, and nothing on the log
expect_clean() {
    expect "$1: the trace can be read" report "$1"
    expect_json "$1: no finding" "$WORK/$1.json" '[.findings[].sentence] == []'
    expect_no_text "$1: nothing on the log" "$WORK/$1.err" '^reqscope:'
}

# What happened on the connection of the finding: the names of the events that say so, in their order.
events_of_the_connection() { # NAME
    babeltrace2 "$WORK/$1.trace" 2>/dev/null | sed -n 's/.*) \([a-z_]*\): .* description = \([0-9]*\).*/\2 \1/p' |
        awk '{ events[$1] = events[$1] " " $2 } $2 == "finding" { found = $1 } END { print substr(events[found], 2) }'
}

# many NAME: requests that do nothing wrong
many() {
    run "$1-bare" "$1"
    expect_equal "$1-bare: all answers are right" 0 "$code"
    guarded "$1-log" "$1" log
    expect_equal "$1-log: all answers are right" 0 "$code"
    expect_same "$1-log: the program says what it says bare" "$WORK/$1-bare.out" "$WORK/$1-log.out"
    expect_clean "$1-log"
    expect_exit "$1-log: the descriptions can be listed" 0 "$RS" fds --json "$WORK/$1-log.trace"
    expect_json "$1-log: connections have gone from request to request" "$WORK/out" --arg description "tcp 127.0.0.1:$port" \
        '[.descriptions[] | select(.description == $description) | .handovers] | add > 100'
    guarded "$1-deny" "$1" deny
    expect_equal "$1-deny: all answers are right" 0 "$code"
    expect_clean "$1-deny"
}

start_redis || {
    fail asyncio_redis "redis-server does not start"
    finish
}
redis=$pid

run put-back-bare put-back
expect_equal "put-back-bare: the program ends by itself, having shown what is not his" 1 "$code"
expect_text "put-back-bare: Bob is shown Alice's answer" "$WORK/put-back-bare.out" '^bob is shown: alice: 1 letter$'

guarded put-back-log put-back log
expect_same "put-back-log: the program says what it says bare" "$WORK/put-back-bare.out" "$WORK/put-back-log.out"
expect_finding put-back-log
expect_equal "put-back-log: on the connection, the finding comes before Bob's write, and that before the only read" \
    "send finding handover send recv close" "$(events_of_the_connection put-back-log | sed 's/.*\(send finding\)/\1/')"

DEADLINE=8 guarded put-back-deny put-back deny
expect_equal "put-back-deny: the program ends by itself, having failed to serve" 1 "$code"
expect_text "put-back-deny: Bob gets an error" "$WORK/put-back-deny.out" '^bob is shown: failed: ConnectionError$'
expect_finding put-back-deny
expect_no_text "put-back-deny: nobody is shown Alice's letter" "$WORK/put-back-deny.out" 'letter'

guarded closed-deny closed deny
expect_equal "closed-deny: Bob is served, in deny, too" 0 "$code"
expect_clean closed-deny

many pooled
many threads

stop "$redis"
finish
