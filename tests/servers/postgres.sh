#!/usr/bin/env bash
# postgres.sh: PostgreSQL, bare and guarded, from initdb on: statements of all sorts, pgbench with a fixed seed over TCP and
# over a unix socket, WAL files that a shell archives; a backend killed under load, from which the server recovers by itself;
# the whole server killed under load and started again.
# SC2317: functions are called by name.
# shellcheck disable=SC2317
# shellcheck source=tests/servers/both.sh
. "$(dirname "${BASH_SOURCE[0]}")/both.sh"

have postgres "$POSTGRES_BIN/initdb" "$POSTGRES_BIN/postgres" "$POSTGRES_BIN/pgbench" "$POSTGRES_BIN/psql" || finish
if ! "$PYTHON" -c 'import psycopg2' 2>/dev/null; then
    skip postgres "$PYTHON has no psycopg2 (make deps)"
    finish
fi

# It will not run as root.
as_postgres=()
[[ $(id -u) != 0 ]] || as_postgres=(setpriv --reuid=postgres --regid=postgres --init-groups)
unset "${!PG@}"
export PGUSER=tester PGDATABASE=postgres PGSSLMODE=disable PGGSSENCMODE=disable

psql() {
    "$POSTGRES_BIN/psql" -X -q -A -t -h "$run" -p "$port" "$@"
}

begin() {
    start_on_port "$side-postgres" "$POSTGRES_BIN/pg_isready" -q -h "$run" -p '{}' -- "${as_postgres[@]}" "${server[@]}" \
        "$POSTGRES_BIN/postgres" -D "$run/db" -k "$run" -p '{}' -c listen_addresses=127.0.0.1 -c fsync=off -c autovacuum=off \
        -c work_mem=64kB -c shared_buffers=32MB -c archive_mode=on -c archive_command="cp %p $run/archive/%f" \
        -c parallel_setup_cost=0 -c parallel_tuple_cost=0 -c min_parallel_table_scan_size=0 \
        -c logging_collector=on -c log_directory="$run/log" -c log_filename=log -c log_line_prefix= \
        -c log_min_messages=warning -c test.address="host=$run port={} user=tester" || return
    postmaster=$pid
}

bench() { # NAME OPTION...
    local name=$1
    shift
    if "$POSTGRES_BIN/pgbench" -n --random-seed=7 -c 6 -j 2 -t "$(scaled 200)" -p "$port" "$@" >"$WORK/pgbench" 2>&1; then
        grep -E '^number of (transactions actually|failed)' "$WORK/pgbench" | note "pgbench, $name"
    else
        fail "$side: pgbench, $name" "exit $?: $(tail -n 3 "$WORK/pgbench")"
    fi
}

# All that pgbench has changed; the order in which it did so is not the same each time.
tables() {
    psql -c "SELECT md5(string_agg(t::text, ',' ORDER BY aid)) FROM pgbench_accounts t" \
        -c "SELECT md5(string_agg(t::text, ',' ORDER BY tid)) FROM pgbench_tellers t" \
        -c "SELECT md5(string_agg(t::text, ',' ORDER BY bid)) FROM pgbench_branches t" \
        -c "SELECT count(*), md5(string_agg(concat(tid, ',', bid, ',', aid, ',', delta), ' ' ORDER BY tid, bid, aid, delta))
            FROM pgbench_history"
}

# Whatever was committed is there whole: the sums agree.
expect_consistent() { # NAME
    expect_equal "$side: $1: the tables agree" t "$(psql -c "SELECT
        (SELECT sum(abalance) FROM pgbench_accounts) = (SELECT sum(delta) FROM pgbench_history) AND
        (SELECT sum(tbalance) FROM pgbench_tellers) = (SELECT sum(delta) FROM pgbench_history) AND
        (SELECT sum(bbalance) FROM pgbench_branches) = (SELECT sum(delta) FROM pgbench_history)")"
}

begin_bench() {
    "$POSTGRES_BIN/pgbench" -n -c 4 -T 60 -h "$run" -p "$port" >"$WORK/pgbench" 2>&1 &
    bench=$!
    started+=("$bench")
    wait_for "transactions" has_more_than "$(psql -c 'SELECT count(*) FROM pgbench_history')"
}

has_more_than() {
    (($(psql -c 'SELECT count(*) FROM pgbench_history') > $1 + 50))
}

says() { # PATTERN: so often the server's log has it
    grep -aEc -- "$1" "$run/log/log"
}

has_recovered() {
    (($(says 'all server processes terminated; reinitializing') == 1)) && psql -c 'SELECT 1'
}

run() {
    local victim left
    [[ ! ${as_postgres[*]} ]] || chown postgres "$run"
    mkdir -m 777 "$run/archive"
    (cd "$run" && "${as_postgres[@]}" "${server[@]}" "$POSTGRES_BIN/initdb" -D "$run/db" -U tester -A trust -N) \
        >"$WORK/initdb" 2>&1
    sed "s|$side|SIDE|g" "$WORK/initdb" | note "what initdb says"
    begin || return
    psql -c 'CREATE EXTENSION dblink' -c 'CREATE TABLE scanned AS
        SELECT n AS aid, n % 1000 AS abalance FROM generate_series(1, 100000) n' -c 'CREATE DATABASE second TEMPLATE postgres'
    load "statements" load_postgres.py "host=127.0.0.1 port=$port" --rounds "$(scaled 5)"
    load "unix socket" load_postgres.py "host=$run port=$port dbname=second" --connections 2 --rounds 1

    "$POSTGRES_BIN/pgbench" -i -q -s 2 -h "$run" -p "$port" >"$WORK/pgbench" 2>&1 ||
        fail "$side: pgbench -i" "$(tail -n 3 "$WORK/pgbench")"
    bench "TCP" -h 127.0.0.1
    bench "unix socket, prepared" -h "$run" -M prepared
    bench "a connection each" -h 127.0.0.1 -C -t 15
    tables | note "pgbench's tables"
    psql -c CHECKPOINT -c 'SELECT pg_switch_wal()' >/dev/null
    wait_for "a WAL file in the archive" archived
    expect_consistent "before a crash"
    # (The test asks whether it has started.)
    grep -aE '^(WARNING|ERROR|FATAL|PANIC)' "$run/log/log" | grep -av 'system is starting up' | sort |
        uniq -c | note "complaints"

    # A backend is killed: all are ended, and the server starts anew on what the WAL holds.
    begin_bench
    victim=$(psql -c "SELECT pid FROM pg_stat_activity WHERE application_name = 'pgbench' LIMIT 1")
    kill -KILL "$victim"
    expect "$side: the server recovers from a killed backend" wait_for "its recovery" has_recovered
    await "$bench"
    expect_consistent "after a backend was killed"
    expect "$side: the server is the same process" is_running "$postmaster"

    # The server is killed, under load, too. Its processes see that themselves; then it can be started again.
    begin_bench
    mapfile -t left < <(children_of "$postmaster")
    stop "$postmaster" KILL
    expect "$side: a killed server's processes end" wait_for "their end" all_ended "${left[@]}"
    await "$bench"
    begin || return
    expect_consistent "after the server was killed"
    expect_equal "$side: the statements' tables are there" 1 "$(psql -c "SELECT count(*) > 0 FROM table_0" | grep -c t)"
    end_server "fast shutdown" "$postmaster" INT
    expect_no_text "$side: nothing crashed but what was killed" "$run/log/log" '^PANIC|signal (4|6|7|8|11)\b'
}

archived() {
    [[ $(ls -A "$run/archive") ]]
}

both run
compare
judge_guard 40 postgres
expect_description "guard: the clients' connections are in the trace" '^tcp .*127\.0\.0\.1'
expect_description "guard: so are the tables' files" 'db/base/[0-9]+/[0-9]+'
finish
