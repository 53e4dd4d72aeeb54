#!/usr/bin/env bash
# gunicorn.sh: gunicorn with sync workers and with threads (gthread), bare and guarded, on an application that asks PostgreSQL
# (psycopg2) and Redis, runs programs and sends files; workers that are replaced after some requests, a reload by HUP, and
# another master by USR2, all under load with no request that fails.
# SC2317: functions are called by name.
# shellcheck disable=SC2317
# shellcheck source=tests/servers/both.sh
. "$(dirname "${BASH_SOURCE[0]}")/both.sh"

have gunicorn gunicorn redis-server "$POSTGRES_BIN/postgres" || finish
if ! "$PYTHON" -c 'import psycopg2, redis, gunicorn' 2>/dev/null; then
    skip gunicorn "$PYTHON has no psycopg2, redis or gunicorn (make deps)"
    finish
fi

make_site
mkdir "$WORK/app"
cp "$HERE/gunicorn_app.py" "$WORK/app"
for ((i = 1; i <= $(scaled 150); i++)); do
    echo "GET /size/$((i * 997 % 50000))"
    echo "GET /stream/$((i * 331 % 20000))"
    echo "POST /echo body=$((i * 1231 % 100000))"
    echo "GET /database/$((i * 7))"
    echo "GET /redis/$i"
    echo "GET /file/$((i % 2 ? 65536 : 300000)).bin"
    ((i % 5)) || echo "GET /program/$i"
    ((i % 10)) || echo "GET /missing/$i"
done >"$WORK/requests"
for ((i = 1; i <= 20; i++)); do
    printf 'GET /size/%d\nGET /database/%d\nGET /redis/%d\n' "$i" "$i" "$i"
done >"$WORK/small"

workers_as=()
[[ $(id -u) != 0 ]] || workers_as=(--user www-data --group www-data)

begin() { # NAME OPTION...
    local name=$1
    shift
    rm -f "$run/pid"
    start_on_port "$side-$name" listens '{}' -- \
        env PYTHONDONTWRITEBYTECODE=1 TEST_DATABASE="$database" TEST_REDIS="$redis" TEST_SITE="$WORK/site" \
        "${server[@]}" gunicorn --bind '127.0.0.1:{}' --chdir "$WORK/app" --pid "$run/pid" --worker-tmp-dir "$run" \
        "${workers_as[@]}" --graceful-timeout 20 "$@" gunicorn_app:application || return
    master=$pid
}

begin_loads() { # NAME
    begin_load "$1, a connection each" load_http.py --per-connection 1 --connections 3 "$port" "$WORK/small"
    begin_load "$1, kept connections" load_http.py --retry --ignore connection --connections 3 "$port" "$WORK/small"
}

end_loads() {
    end_load "$1, a connection each"
    end_load "$1, kept connections"
}

reload() { # NAME
    local before
    mapfile -t before < <(children_of "$master")
    kill -HUP "$master"
    expect "$side: $1: reload: the old workers end" wait_for "their end" all_ended "${before[@]}"
}

upgrade() { # NAME
    local old=$master
    kill -USR2 "$old"
    wait_for "the new master's pid" test -s "$run/pid.2"
    adopt "$run/pid.2"
    master=$pid
    wait_for "the new master's workers" has_workers
    end_server "$1: the old master" "$old"
    expect "$side: $1: the new master takes over" wait_for "its pid" grep -qx "$master" "$run/pid"
}

has_workers() {
    [[ $(children_of "$master") ]]
}

run() {
    local class
    for class in sync gthread; do
        case $class in
        sync) begin sync --workers 3 --max-requests 300 ;;
        gthread) begin gthread --worker-class gthread --workers 2 --threads 6 --keep-alive 20 ;;
        esac || return
        load "$class" load_http.py --connections 8 "$port" "$WORK/requests"
        # (With threads it forgets requests of a pipeline, by itself.)
        [[ $class != sync ]] || load "pipelined" load_http.py --connections 4 --depth 3 "$port" "$WORK/small"
        begin_loads "$class"
        reload "$class"
        upgrade "$class"
        end_loads "$class"
        kill -TERM "$master"
        expect "$side: $class: the new master ends" wait_for "its end" has_ended "$master"
        # [TIME] [PID] [LEVEL] MESSAGE. (Whether a worker that is told to end gets to its handler is by chance.)
        sed -n 's/^\[[^]]*\] \[[0-9]*\] \[\(WARNING\|ERROR\|CRITICAL\)\]/\1/p; /^Traceback/p; /^[a-zA-Z.]*Error/p' \
            "$WORK/$side-$class.err" | grep -v 'was terminated due to signal 15' | sort | uniq -c |
            note "$class: complaints"
    done
}

start_postgres || finish
start_redis || finish
both run
compare
judge_guard 12 gunicorn
expect_description "guard: the clients' connections are in the trace" '^tcp .*127\.0\.0\.1'
expect_description "guard: so are psycopg2's" '\.s\.PGSQL\.'
expect_description "guard: so are those to Redis" '^unix .*redis\.socket'
finish
