#!/usr/bin/env bash
# lighttpd.sh: lighttpd, alone and with two workers: static files.
# SC2317: functions are called by name.
# shellcheck disable=SC2317
# shellcheck source=tests/inferred/judge.sh
. "$(dirname "${BASH_SOURCE[0]}")/judge.sh"

have lighttpd lighttpd ab wrk || finish
make_files

for workers in 0 2; do
    name=workers-$workers
    run=$WORK/run.$name
    mkdir -m 777 "$run"
    configure_lighttpd() {
        cat >"$run/lighttpd.conf" <<EOF
server.bind = "127.0.0.1"
server.port = $port
server.document-root = "$WORK/site"
server.errorlog = "$run/error.log"
server.max-worker = $workers
$([[ $(id -u) != 0 ]] || printf 'server.%s = "www-data"\n' username groupname)
EOF
    }
    guard $name
    configure=configure_lighttpd start_on_port $name listens '{}' -- \
        "${guarded[@]}" lighttpd -D -f "$run/lighttpd.conf" || continue
    ask "$name, one connection, kept" "$(scaled 1000)" 1 keep "${FILES[@]}"
    ask "$name, one connection, closed" "$(scaled 500)" 1 close "${FILES[@]}"
    ask "$name, 50 connections, kept" "$(scaled 5000)" 50 keep "${FILES[@]}"
    ask "$name, 50 connections, closed" "$(scaled 2000)" 50 close "${FILES[@]}"
    ask_ab "$name, ab, kept" "$(scaled 2000)" 50 keep /f1
    ask_ab "$name, ab, closed" "$(scaled 2000)" 50 close /f3
    ask_wrk "$name, wrk" 50 /f4
    end_all "$pid"
    judge $name
done
finish
