#!/usr/bin/env bash
# haproxy.sh: haproxy with two threads in front of an upstream, whose connections are reused for all.
# SC2317: functions are called by name.
# shellcheck disable=SC2317
# shellcheck source=tests/inferred/judge.sh
. "$(dirname "${BASH_SOURCE[0]}")/judge.sh"

have haproxy haproxy ab wrk || finish
make_files
start_file_server || finish
run=$WORK/run
mkdir -m 777 "$run"

configure_haproxy() {
    cat >"$run/haproxy.cfg" <<EOF
global
    nbthread 2
    maxconn 400
$([[ $(id -u) != 0 ]] || printf '    %s\n' 'user www-data' 'group www-data')
defaults
    mode http
    timeout connect 10s
    timeout client 30s
    timeout server 30s
frontend web
    bind 127.0.0.1:$port
    default_backend upstreams
backend upstreams
    http-reuse always
    option httpchk GET /f0
    server one 127.0.0.1:$upstream check inter 200
EOF
}

guard haproxy
if configure=configure_haproxy start_on_port haproxy listens '{}' -- "${guarded[@]}" haproxy -W -db -f "$run/haproxy.cfg"; then
    ask "one connection, kept" "$(scaled 1000)" 1 keep "${FILES[@]}"
    ask "one connection, closed" "$(scaled 500)" 1 close "${FILES[@]}"
    ask "50 connections, kept" "$(scaled 5000)" 50 keep "${FILES[@]}"
    ask "50 connections, closed" "$(scaled 2000)" 50 close "${FILES[@]}"
    ask_ab "ab, kept" "$(scaled 2000)" 50 keep /f1
    ask_ab "ab, closed" "$(scaled 2000)" 50 close /f3
    ask_wrk "wrk" 50 /f4
    end_all "$pid"
    judge haproxy
fi
finish
