#!/usr/bin/env bash
# nodejs.sh: Node.js, bare and guarded: a server that streams files, writes some, looks up names, compresses, runs programs,
# forks, starts threads, asks Redis and an HTTP server over connections that it keeps; as one process, as one that is told to
# use io_uring, and as a cluster of both sorts, whose workers are replaced under load with no request that fails.
# SC2317: functions are called by name.
# shellcheck disable=SC2317
# shellcheck source=tests/servers/both.sh
. "$(dirname "${BASH_SOURCE[0]}")/both.sh"

have nodejs node redis-server || finish
# Its agent's connections are lent from request to request.
POLICY=lease

make_site
mkdir "$WORK/app"
cp "$HERE/nodejs_app.js" "$WORK/app"
for ((i = 1; i <= $(scaled 200); i++)); do
    echo "GET /size/$((i * 997 % 100000))"
    echo "GET /stream/$((i % 3 ? 65536 : 300000)).bin"
    echo "GET /whole/$((i % 3 ? 4096 : 65536)).txt"
    echo "POST /echo body=$((i * 1231 % 200000))"
    echo "POST /echo chunked=$((i * 331 % 100000))"
    echo "GET /compressed/$i"
    echo "GET /write/$i"
    echo "GET /folder"
    echo "GET /lookup"
    echo "GET /fetch/$((i * 331 % 50000))"
    echo "GET /redis/$i"
    ((i % 5)) || echo "GET /program/$i"
    ((i % 5)) || echo "GET /shell/$i"
    ((i % 10)) || echo "GET /waited/$i"
    ((i % 10)) || echo "GET /missing/$i"
    ((i % 20)) || echo "GET /forked/$i"
    ((i % 20)) || echo "GET /thread/$i"
done >"$WORK/requests"
for ((i = 1; i <= 20; i++)); do
    printf 'GET /size/%d\nGET /stream/%d.bin\nGET /redis/small%d\nGET /fetch/%d\n' "$i" $((i % 2 ? 100 : 4096)) "$i" "$i"
done >"$WORK/small"

begin() { # NAME [VARIABLE=VALUE...] MODE
    local name=$1
    start_on_port "$side-$name" grep -q listening "$WORK/$side-$name.out" -- \
        "${server_as_www[@]}" "${@:2:$#-2}" node "$WORK/app/nodejs_app.js" '{}' "${!#}" || return
    node=$pid
}

reload() { # NUMBER
    local before
    mapfile -t before < <(children_of "$node")
    kill -HUP "$node"
    expect "$side: $name: reload $1: the old workers end" wait_for "their end" all_ended "${before[@]}"
}

run() {
    local name
    export TEST_SITE=$WORK/site TEST_REDIS=$redis TMPDIR=$run
    start_upstream
    export TEST_UPSTREAM=$upstream
    for name in single io_uring round-robin shared; do
        case $name in
        io_uring) begin io_uring UV_USE_IO_URING=1 single ;;
        *) begin "$name" "$name" ;;
        esac || return
        load "$name" load_http.py --connections 8 "$port" "$WORK/requests"
        load "$name, pipelined" load_http.py --connections 6 --depth 5 "$port" "$WORK/small"
        if [[ $name != single && $name != io_uring ]]; then
            begin_load "$name, a connection each" load_http.py --per-connection 1 --connections 3 "$port" "$WORK/small"
            begin_load "$name, kept connections" load_http.py --retry --ignore connection,keep-alive --connections 2 \
                "$port" "$WORK/small"
            reload 1
            end_load "$name, a connection each"
            end_load "$name, kept connections"
        fi
        end_server "$name" "$node"
        sed 's/[0-9][0-9]*/N/g' "$WORK/$side-$name.err" | note "$name: complaints"
    done
}

start_redis || finish
both run
compare
judge_guard 14 node 'io_uring'
expect_description "guard: the clients' connections are in the trace" '^tcp .*127\.0\.0\.1'
expect_description "guard: so are the agent's" "^tcp 127\.0\.0\.1:$TEST_UPSTREAM "
expect_description "guard: so are those to Redis" '^unix .*redis\.socket'
expect_description "guard: so are the files" 'site/65536\.bin'
finish
