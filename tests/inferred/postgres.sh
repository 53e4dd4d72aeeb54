#!/usr/bin/env bash
# postgres.sh: PostgreSQL, and pgbench with the simple, the extended and the prepared protocol. A request is what ends with
# ReadyForQuery: a query, or messages up to Sync; and the start of a session with all of its authentication.
# SC2317: functions are called by name.
# shellcheck disable=SC2317
# shellcheck source=tests/inferred/judge.sh
. "$(dirname "${BASH_SOURCE[0]}")/judge.sh"

have postgres "$POSTGRES_BIN/initdb" "$POSTGRES_BIN/postgres" "$POSTGRES_BIN/pgbench" || finish

# It will not run as root.
as_postgres=()
[[ $(id -u) != 0 ]] || as_postgres=(setpriv --reuid=postgres --regid=postgres --init-groups)
unset "${!PG@}"
export PGUSER=tester PGDATABASE=postgres PGSSLMODE=disable PGGSSENCMODE=disable

is_ready() {
    grep -q ready "$run/db/postmaster.pid"
}
export -f is_ready
export run=$WORK/run
mkdir -m 711 "$run"
[[ ! ${as_postgres[*]} ]] || chown postgres "$run"

begin() { # NAME COMMAND...
    local name=$1
    shift
    # (To ask it whether it is ready would be a session.)
    start_on_port "$name" bash -c is_ready -- "${as_postgres[@]}" "$@" "$POSTGRES_BIN/postgres" -D "$run/db" -k "$run" \
        -p '{}' -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=120
}

# What pgbench does is six statements, which its own sets do not count among.
STATEMENTS=6
cat >"$WORK/script" <<'EOF'
\set aid random(1, 100000)
\set delta random(-5000, 5000)
BEGIN;
UPDATE pgbench_accounts SET abalance = abalance + :delta WHERE aid = :aid;
SELECT abalance FROM pgbench_accounts WHERE aid = :aid;
SELECT count(*), string_agg(repeat('x', 100), '') FROM generate_series(1, 200);
INSERT INTO pgbench_history (tid, bid, aid, delta, mtime) VALUES (1, 1, :aid, :delta, CURRENT_TIMESTAMP);
END;
EOF

# One session more: pgbench looks first whether it can connect.
bench() { # WHAT PROTOCOL CLIENTS TRANSACTIONS [OPTION...]
    local what=$1 protocol=$2 clients=$3 transactions=$4 sessions
    local all=$((clients * transactions))
    shift 4
    sessions=$((1 + clients))
    [[ " $* " != *" -C "* ]] || sessions=$((1 + all))
    expect_contexts "$sessions" "PostgreSQL startup"
    case $protocol in
    simple) expect_contexts $((STATEMENTS * all)) "PostgreSQL Query" ;;
    extended) expect_contexts $((STATEMENTS * all)) "PostgreSQL Parse" ;;
    prepared)
        expect_contexts $((STATEMENTS * (sessions - 1))) "PostgreSQL Parse" # each session prepares each
        expect_contexts $((STATEMENTS * all)) "PostgreSQL Bind"
        ;;
    esac
    if timeout 120 "$POSTGRES_BIN/pgbench" -n -f "$WORK/script" -M "$protocol" -c "$clients" -j 2 -t "$transactions" -p "$port" \
        "$@" >"$WORK/client" 2>&1 && grep -q "actually processed: $all/$all" "$WORK/client"; then
        pass "$what: $all transactions, says pgbench"
    else
        fail "$what" "pgbench: $(tail -n 3 "$WORK/client")"
    fi
}

(cd "$run" && "${as_postgres[@]}" "$POSTGRES_BIN/initdb" -D "$run/db" -U tester -A trust -N) >"$WORK/initdb" 2>&1
begin prepare env || finish
"$POSTGRES_BIN/pgbench" -i -q -s 1 -h "$run" -p "$port" >"$WORK/client" 2>&1 || fail "pgbench -i" "$(tail -n 3 "$WORK/client")"
end_all "$pid" INT

guard postgres
if begin guarded "${guarded[@]}"; then
    for protocol in simple extended prepared; do
        bench "$protocol, one connection" $protocol 1 "$(scaled 100)" -h 127.0.0.1
        bench "$protocol, 50 connections" $protocol 50 "$(scaled 20)" -h 127.0.0.1
        bench "$protocol, unix socket" $protocol 5 "$(scaled 50)" -h "$run"
        bench "$protocol, a connection each" $protocol 5 "$(scaled 10)" -h 127.0.0.1 -C
    done
    # It asks for TLS and is told that there is none.
    PGSSLMODE=prefer bench "TLS is refused" simple 5 "$(scaled 20)" -h 127.0.0.1
    end_all "$pid" INT
    judge postgres
fi
finish
