#!/usr/bin/env bash
# psycopg2.sh: a Python server on psycopg2 (libpq) against a real PostgreSQL server, over a unix socket and over TCP. One
# module-level connection is found in both; a connection for each request is not.
# SC2016: jq's variables are not the shell's. SC2317: some functions are called by name, through wait_for and expect.
# shellcheck disable=SC2016,SC2317
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source=tests/backends.sh
. tests/backends.sh

PYTHON=/usr/bin/python3 # Debian's, for which psycopg2 is packaged
require "$LIB" "$RS"
have psycopg2 jq "$POSTGRES_BIN/initdb" "$POSTGRES_BIN/postgres" || finish
if ! "$PYTHON" -c 'import psycopg2' 2>/dev/null; then
    skip psycopg2 "$PYTHON has no psycopg2 (make deps)"
    finish
fi

# run NAME shared|own DSN [COMMAND...]: what the program says is in $WORK/NAME.out and .err, its exit code in $code.
run() {
    local name=$1 how=$2 dsn=$3
    shift 3
    start "$name" "$@" "$PYTHON" -B tests/e2e/psycopg2_app.py "$how" "$dsn"
    await "$pid"
}

report() { # NAME
    "$RS" report --json "$WORK/$1.trace" >"$WORK/$1.json"
}

start_postgres || {
    fail psycopg2 "PostgreSQL does not start"
    finish
}
postgres=$pid

# both NAME HOST DESCRIPTION: the bug and the cure over one kind of connection
both() {
    local name=$1 dsn="host=$2 port=$port user=tester dbname=postgres sslmode=disable gssencmode=disable"
    run "$name-bare" shared "$dsn"
    expect_equal "$name: bare, both are served" 0 "$code"

    run "$name-log" shared "$dsn" "${GUARD[@]}" REQSCOPE_MODE=log REQSCOPE_TRACE="$WORK/$name-log.trace"
    expect_equal "$name: log, both are served" 0 "$code"
    expect_same "$name: log, the program says what it says bare" "$WORK/$name-bare.out" "$WORK/$name-log.out"
    expect "$name: log, the trace can be read" report "$name-log"
    expect_json "$name: log, foreign-io that names both requests" "$WORK/$name-log.json" \
        'any(.findings[]; .kind == "foreign-io" and .owner.label == "GET /basket?user=alice"
            and .user.label == "GET /basket?user=bob")'
    expect_json "$name: log, every foreign-io is on the connection" "$WORK/$name-log.json" --arg description "$3" \
        '[.findings[] | select(.kind == "foreign-io")] | length > 0 and all(.[]; .description == $description)'
    expect_json "$name: log, libpq stands in the stacks" "$WORK/$name-log.json" \
        'all(.findings[] | select(.kind == "foreign-io");
            any(.opened_at[]; .module | test("libpq")) and any(.used_at[]; .module | test("libpq")))'
    expect_text "$name: log, the log names both requests" "$WORK/$name-log.err" \
        '^reqscope: foreign-io: GET /basket\?user=bob .*, which GET /basket\?user=alice .* owns'

    # libpq hides a send that failed and waits for the answer: the request must come to its end all the same.
    DEADLINE=8 run "$name-deny" shared "$dsn" "${GUARD[@]}" REQSCOPE_MODE=deny
    expect_equal "$name: deny, the program ends by itself, having failed to serve" 1 "$code"
    expect_text "$name: deny, Alice is served" "$WORK/$name-deny.out" '^alice is shown: alice: 2 x red shoes$'
    expect_text "$name: deny, Bob gets an error" "$WORK/$name-deny.out" '^bob is shown: failed: '

    run "$name-mended" own "$dsn" "${GUARD[@]}" REQSCOPE_MODE=deny REQSCOPE_TRACE="$WORK/$name-mended.trace"
    expect_equal "$name: mended, both are served, in deny, too" 0 "$code"
    expect "$name: mended, the trace can be read" report "$name-mended"
    expect_json "$name: mended, no finding" "$WORK/$name-mended.json" '.findings == []'
    expect_no_text "$name: mended, nothing on the log" "$WORK/$name-mended.err" '^reqscope:'
}

both "unix socket" "$POSTGRES" "unix $POSTGRES/.s.PGSQL.$port"
both tcp 127.0.0.1 "tcp 127.0.0.1:$port"

stop "$postgres" INT # "fast shutdown": the server ends its own processes
expect "PostgreSQL has removed what it had open" test ! -e "$POSTGRES/.s.PGSQL.$port"
finish
