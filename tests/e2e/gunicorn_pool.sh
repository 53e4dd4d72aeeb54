#!/usr/bin/env bash
# gunicorn_pool.sh: gunicorn with threads on psycopg2's pool of connections against a real PostgreSQL server, where connections
# may change hands (REQSCOPE_POLICY=lease): a pool that is used rightly, under load, and closes what it has too many of, is
# not found at fault; one that puts back a connection in mid-transaction is.
# SC2016: jq's variables are not the shell's. SC2317: some functions are called by name, through wait_for and expect.
# shellcheck disable=SC2016,SC2317
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source=tests/backends.sh
. tests/backends.sh

PYTHON=/usr/bin/python3 # Debian's, for which psycopg2 and gunicorn are packaged
REQUESTS=400
require "$LIB" "$RS"
have gunicorn_pool jq "$PYTHON" "$POSTGRES_BIN/initdb" "$POSTGRES_BIN/postgres" "$POSTGRES_BIN/psql" || finish
if ! "$PYTHON" -c 'import psycopg2.pool, gunicorn' 2>/dev/null; then
    skip gunicorn_pool "$PYTHON has no psycopg2 or gunicorn (make deps)"
    finish
fi

start_database() {
    start_postgres || return
    database="host=127.0.0.1 port=$port user=tester dbname=postgres sslmode=disable gssencmode=disable"
    database_description="tcp 127.0.0.1:$port"
    "$POSTGRES_BIN/psql" -X -q "$database" \
        -c 'CREATE TABLE visits (number int, count int)' -c 'CREATE TABLE orders (number int)'
}

# begin NAME WORKERS THREADS [COMMAND...]: the server's pid is in $server, its port in $http
begin() {
    local name=$1 workers=$2 threads=$3
    shift 3
    start "$name" env TEST_DATABASE="$database" TEST_POOL="$kind" "$@" "$PYTHON" -B -m gunicorn --chdir tests/e2e \
        --bind 127.0.0.1:0 --worker-class gthread --workers "$workers" --threads "$threads" --graceful-timeout 10 \
        gunicorn_pool_app:application
    server=$pid
    wait_for "gunicorn to listen" grep -aq 'Listening at' "$WORK/$name.err" || return
    http=$(sed -n 's|.*Listening at: http://127.0.0.1:\([0-9]*\) .*|\1|p' "$WORK/$name.err")
}

guarded() { # NAME WORKERS THREADS MODE
    begin "$1" "$2" "$3" "${GUARD[@]}" REQSCOPE_MODE="$4" REQSCOPE_POLICY=lease REQSCOPE_CONTEXT=api \
        REQSCOPE_TRACE="$WORK/$1.trace"
}

# QUIT: at once, which is to say within a second less; what is under way is done all the same.
end() { # NAME
    kill -QUIT "$server"
    await "$server"
    expect_equal "$1: the server ends as it is told to" 0 "$code"
}

# The same requests over eight connections: what is answered is in $WORK/NAME.answers, a line each.
load() { # NAME
    local code=0
    timeout "$DEADLINE" "$PYTHON" -B tests/servers/load_http.py --connections 8 "$http" "$WORK/requests" \
        >"$WORK/$1.answers" 2>"$WORK/$1.load" || code=$?
    expect_equal "$1: every request is answered" 0 "$code"
    expect_equal "$1: and rightly" "$REQUESTS" "$(grep -c ' 200$' "$WORK/$1.answers")"
}

report() { # NAME
    "$RS" report --json "$WORK/$1.trace" >"$WORK/$1.json"
}

expect_clean() { # NAME
    expect "$1: the trace can be read" report "$1"
    expect_json "$1: no finding" "$WORK/$1.json" '[.findings[].sentence] == []'
    expect_json "$1: nothing is missing in the trace" "$WORK/$1.json" '.lost_events == 0 and .damages == 0'
    expect_no_text "$1: nothing on the log" "$WORK/$1.err" '^reqscope:'
}

# Each request is a context; connections went from one to another, and such that a request had opened were closed.
expect_handovers() { # NAME
    expect_exit "$1: the contexts can be listed" 0 "$RS" contexts --json "$WORK/$1.trace"
    expect_json "$1: there is a context for each request" "$WORK/out" --argjson requests "$REQUESTS" \
        '.contexts | length == $requests and all(.[]; .end_ns)'
    expect_exit "$1: the descriptions can be listed" 0 "$RS" fds --json "$WORK/$1.trace"
    expect_json "$1: connections have gone from request to request, and surplus ones were closed" "$WORK/out" \
        --arg description "$database_description" '[.descriptions[] | select(.description == $description)]
            | ([.[].handovers] | add > 50) and any(.[]; .opened_by > 0 and .handovers > 0 and .close_ns)'
}

ask() { # PATH: the answer's status and last line
    timeout "$DEADLINE" bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$1"; printf "GET %s HTTP/1.0\r\n\r\n" "$2" >&3; cat <&3' \
        bash "$http" "$1" | tr -d '\r' | sed -n '1s|[^ ]* \([0-9]*\) .*|\1|p; $p' | paste -s -d ' '
}

# Two requests, one after the other: what the second one is answered is in $shown.
order() { # NAME
    expect_equal "$1: Alice's order is taken" "200 /reserve/$orders: reserved" "$(ask "/reserve/$orders")"
    shown=$(ask "/shop/$orders")
}

start_database || {
    fail gunicorn_pool "PostgreSQL does not start"
    finish
}
postgres=$pid

kinds=(read write copy fail cursor read listen notify)
for ((i = 1; i <= REQUESTS; i++)); do
    echo "GET /${kinds[i % ${#kinds[@]}]}/$i"
done >"$WORK/requests"

# --- a pool that is used rightly

kind=right
begin right-bare 2 6
load right-bare
end right-bare
for mode in log deny; do
    guarded right-$mode 2 6 $mode
    load right-$mode
    expect_same "right-$mode: the answers are those given bare" "$WORK/right-bare.answers" "$WORK/right-$mode.answers"
    end right-$mode
    expect_clean right-$mode
    expect_handovers right-$mode
done

# --- one that puts back what is in mid-transaction

kind=broken orders=1
begin broken-bare 1 2
order broken-bare
expect_equal "broken-bare: the next request sees what is not committed" "200 /shop/1: 1 orders" "$shown"
end broken-bare

for mode in log deny; do
    orders=$((orders + 1)) name=broken-$mode
    guarded $name 1 2 $mode
    order $name
    case $mode in
    log) expect_equal "$name: the next request sees what is not committed" "200 /shop/$orders: 1 orders" "$shown" ;;
    deny) expect_equal "$name: the next request gets an error" "503 /shop/$orders: DatabaseError" "$shown" ;;
    esac
    end $name
    expect "$name: the trace can be read" report $name
    # (One a place in libpq: what was refused to send, it tries to receive.)
    expect_json "$name: a finding that names both requests, and nothing else" "$WORK/$name.json" \
        --arg description "$database_description" --arg owner "GET /reserve/$orders" --arg user "GET /shop/$orders" \
        '[.findings[] | [.kind, .owner.label, .user.label, .description]] | unique
            == [["dirty-handover", $owner, $user, $description]]'
    expect_json "$name: first at the first write, and always as what it is" "$WORK/$name.json" \
        '.findings[0].operation == "send" and all(.findings[].sentence; test(" inside a transaction that .* began$"))'
    expect_text "$name: the log says that it is within a transaction" "$WORK/$name.err" \
        "^reqscope: dirty-handover: GET /shop/$orders .* inside a transaction .* GET /reserve/$orders "
done

kind=right orders=$((orders + 1))
guarded mended 1 2 deny
order mended
expect_equal "mended: the next request sees what was committed" "200 /shop/$orders: 1 orders" "$shown"
end mended
expect_clean mended

stop "$postgres" INT # "fast shutdown": the server ends its own processes
finish
