#!/usr/bin/env bash
# haproxy.sh: haproxy with a master and workers of two threads in a chroot, bare and guarded: HTTP with connections that are
# reused for all, compression and health checks, over TCP and a unix socket; plain TCP that is spliced; reloads under load
# with no request that fails, the listening sockets going from worker to worker.
# SC2317: functions are called by name.
# shellcheck disable=SC2317
# shellcheck source=tests/servers/both.sh
. "$(dirname "${BASH_SOURCE[0]}")/both.sh"

have haproxy haproxy || finish
# Connections to the upstream are lent from request to request.
POLICY=lease

"$PYTHON" -B "$HERE/make_requests.py" proxy "$(scaled 4000)" X-Counted:yes >"$WORK/proxy"
# Who closes a plain connection while more requests are under way on it loses answers.
"$PYTHON" -B "$HERE/make_requests.py" proxy "$(scaled 2000)" | grep -v /close/ >"$WORK/plain"
"$PYTHON" -B "$HERE/make_requests.py" small 200 |
    sed 's|^GET /\([0-9]*\).bin|GET /bytes/\1|; s|^GET /\([0-9]*\).txt|POST /echo body=\1|' >"$WORK/small"

configuration() {
    cat <<END
global
    nbthread 2
    maxconn 400
    stats socket $run/stats.socket mode 666 level admin expose-fd listeners
    log stdout format raw local0
    hard-stop-after 20s
END
    [[ $(id -u) != 0 ]] || printf '    %s\n' 'user www-data' 'group www-data' "chroot $run/empty"
    cat <<END
defaults
    timeout connect 10s
    timeout client 30s
    timeout server 30s
    timeout http-keep-alive 30s
    retries 3
frontend web
    mode http
    bind 127.0.0.1:$port
    bind unix@$run/web.socket mode 666
    log global
    log-format "%HM %HU %ST"
    http-request set-log-level silent unless { req.hdr(X-Counted) yes }
    http-response set-header X-Served-By haproxy
    compression algo gzip
    compression type text/plain
    default_backend upstreams
backend upstreams
    mode http
    balance roundrobin
    http-reuse always
    option httpchk GET /status/200
    server one 127.0.0.1:$upstream check inter 200 maxconn 40
    server two unix@$run/upstream.socket check inter 200 maxconn 40
listen plain
    mode tcp
    bind 127.0.0.1:$plain_port
    bind unix@$run/plain.socket mode 666
    option splice-auto
    server one 127.0.0.1:$upstream
END
}

configure() {
    plain_port=$(free_port)
    configuration >"$run/haproxy.cfg"
}

begin() {
    configure=configure start_on_port "$side-haproxy" listens '{}' -- \
        "${server[@]}" haproxy -W -db -S "$run/master.socket" -f "$run/haproxy.cfg" || return
    master=$pid
}

reload() { # NUMBER
    local before
    # A signal that comes while the master runs itself anew is lost: it must be at work, having done so as often.
    wait_for "the master's start" has_reloaded $(($1 - 1))
    mapfile -t before < <(children_of "$master")
    kill -USR2 "$master"
    wait_for "a new worker" has_other_children "${before[@]}"
    expect "$side: reload $1: the old worker ends" wait_for "its end" all_ended "${before[@]}"
    expect "$side: reload $1: the master is the same process" is_running "$master"
}

has_reloaded() { # TIMES
    "$PYTHON" -B "$HERE/ask.py" "$run/master.socket" 'show proc' | grep -Eq "^$master +master +$1 "
}

has_other_children() { # PID...
    local child
    for child in $(children_of "$master"); do
        [[ " $* " == *" $child "* ]] || return 0
    done
    return 1
}

run() {
    local connections requests root=''
    mkdir "$run/empty"
    start_upstream
    # A second one, on a unix socket: what is in a chroot looks for it there.
    [[ $(id -u) != 0 ]] || root=$run/empty
    mkdir -p "$root$run"
    start "$side-upstream2" "$PYTHON" -B "$HERE/upstream.py" "$root$run/upstream.socket"
    wait_for "the second upstream" grep -q listening "$WORK/$side-upstream2.out"
    begin || return
    # (Not in pipelines: haproxy 2.6 calls a large body in one a bad request now and then, by itself.)
    load "http" load_http.py --connections 16 "$port" "$WORK/proxy"
    read -r connections requests <<<"$(upstream_counts)"
    expect "$side: connections to the upstream are kept" test "$((connections * 5))" -lt "$requests"
    load "http, unix socket" load_http.py --connections 8 --per-connection 20 "$run/web.socket" "$WORK/proxy"
    load "plain TCP" load_http.py --connections 8 --depth 6 "$plain_port" "$WORK/plain"
    load "plain, unix socket" load_http.py --connections 8 --per-connection 5 "$run/plain.socket" "$WORK/plain"

    begin_load "a connection each" load_http.py --per-connection 1 --connections 4 "$port" "$WORK/small"
    begin_load "kept connections" load_http.py --retry --ignore connection --connections 3 "$port" "$WORK/small"
    begin_load "plain TCP, reloads" load_http.py --per-connection 1 --connections 3 "$plain_port" "$WORK/small"
    reload 1
    reload 2
    end_load "a connection each"
    end_load "kept connections"
    end_load "plain TCP, reloads"
    end_server "haproxy" "$master" USR1

    # Two threads may lose a line: each request comes in two loads.
    grep -aE '^(GET|HEAD|POST)' "$WORK/$side-haproxy.out" | sort -u | note "access log"
    # (How a worker of before a reload ends is left out: haproxy 2.6 may crash then by itself, in deinit.)
    grep -ahE '\[(WARNING|ALERT)\]|^Server|^backend|panic' "$WORK/$side-haproxy".{err,out} | grep -av 'Former worker' |
        sed "s/([0-9]*)/(N)/; s/[0-9][0-9]*/N/g; s|$side|SIDE|g" | sort | uniq -c | note "complaints"
}

both run
compare
judge_guard 7 haproxy
expect_description "guard: the clients' connections are in the trace" '^tcp .*127\.0\.0\.1'
expect_description "guard: so are the unix sockets" '^unix .*/web\.socket'
finish
