#!/usr/bin/env bash
# nginx.sh: nginx, bare and guarded: files with sendfile and without, with threads, compressed and in parts; a proxy with kept
# connections to its upstream, bodies and answers that go by way of the disk, and a cache; reload by HUP and log files
# reopened by USR1 under load; another binary by USR2, WINCH and QUIT under load, with no request that fails.
# SC2317: functions are called by name.
# shellcheck disable=SC2317
# shellcheck source=tests/servers/both.sh
. "$(dirname "${BASH_SOURCE[0]}")/both.sh"

have nginx nginx || finish
NGINX=$(command -v nginx) # another binary is run by the path that the first one was run by
# A proxy's connections are lent from request to request.
POLICY=lease

make_site
for kind in static proxy; do
    "$PYTHON" -B "$HERE/make_requests.py" "$kind" "$(scaled 3000)" X-Counted:yes >"$WORK/$kind"
done
sed 's| /| /cached/|' "$WORK/proxy" >"$WORK/cached"
"$PYTHON" -B "$HERE/make_requests.py" small 200 >"$WORK/small"
sed 's/ /  /; s|  /.*|  /echo body=3000|; s/GET/POST/' "$WORK/small" >"$WORK/small-proxy"

# nginx clears its environment: what another binary is to find in it must be named.
configuration() {
    local user=''
    [[ $(id -u) != 0 ]] || user='user www-data;'
    cat <<END
$user
worker_processes 3;
pid $run/nginx.pid;
error_log $run/error.log warn;
worker_shutdown_timeout 20s;
$(guard_environment | sed 's/\([A-Z_]*\)=.*/env \1;/')
events { worker_connections 512; }
http {
    types { text/html html; text/plain txt; application/octet-stream bin; }
    log_format counted '\$request \$status';
    map \$http_x_counted \$counted { default 0; yes 1; }
    access_log $run/access.log counted if=\$counted;
    absolute_redirect off;
    gzip on;
    gzip_types *;
    gzip_proxied any;
    keepalive_requests 500;
    client_body_temp_path $run/body;
    client_body_buffer_size 32k;
    client_max_body_size 10m;
    proxy_temp_path $run/proxy;
    fastcgi_temp_path $run/fastcgi;
    uwsgi_temp_path $run/uwsgi;
    scgi_temp_path $run/scgi;
    proxy_cache_path $run/cache keys_zone=cache:1m;
    proxy_http_version 1.1;
    proxy_set_header Connection '';
    upstream behind {
        server 127.0.0.1:$upstream;
        keepalive 16;
    }
    server {
        listen 127.0.0.1:$port backlog=512;
        root $WORK/site;
        sendfile on;
        tcp_nopush on;
        location /below { autoindex on; }
        location ~ ^/(bytes|chunked|echo|status|close)(/|\$) { proxy_pass http://behind; }
        location /cached/ {
            proxy_pass http://behind/;
            proxy_cache cache;
            proxy_cache_valid any 10m;
            proxy_buffers 8 4k;
        }
    }
    server {
        listen unix:$run/plain.socket;
        root $WORK/site;
        sendfile off;
        output_buffers 2 16k;
        open_file_cache max=100;
        location /below { autoindex on; }
    }
    server {
        listen unix:$run/threads.socket;
        root $WORK/site;
        aio threads;
        sendfile off;
        location /below { autoindex on; }
    }
}
END
}

configure() {
    configuration >"$run/nginx.conf"
}

begin() { # NAME
    configure=configure start_on_port "$side-$1" listens '{}' -- \
        "${server[@]}" "$NGINX" -p "$run" -c "$run/nginx.conf" -g "daemon off;" || return
    master=$pid
}

# As a daemon: only a binary that no shell waits for takes USR2.
begin_daemon() {
    local tries
    for tries in 1 2 3 4 5; do
        port=$(free_port)
        configure
        "${server[@]}" "$NGINX" -p "$run" -c "$run/nginx.conf" 2>"$WORK/err" && break
    done
    adopt "$run/nginx.pid" || fail "$side: nginx becomes a daemon ($tries)" "$(cat "$WORK/err")"
    master=$pid
}

# The master's workers. (It has helpers for the cache, too, and another binary.)
workers() {
    local child
    children_of "$master" | while read -r child; do
        grep -aq '^nginx: worker process' "/proc/$child/cmdline" && echo "$child"
    done
}

reload() { # NUMBER
    local workers
    mapfile -t workers < <(workers)
    mv "$run/access.log" "$run/access.log.$1"
    kill -USR1 "$master"
    wait_for "the new log file" test -e "$run/access.log"
    kill -HUP "$master"
    wait_for "the end of the old workers" all_ended "${workers[@]}"
    expect_equal "$side: reload $1 leaves three workers" 3 "$(workers | wc -l)"
}

upgrade() { # NUMBER
    local old=$master workers
    mapfile -t workers < <(workers)
    kill -USR2 "$old"
    wait_for "the new binary's pid" test -e "$run/nginx.pid.oldbin" -a -s "$run/nginx.pid"
    adopt "$run/nginx.pid"
    master=$pid
    wait_for "the new binary's workers" has_workers
    kill -WINCH "$old"
    wait_for "the end of the old workers" all_ended "${workers[@]}"
    kill -QUIT "$old"
    expect "$side: upgrade $1: the old binary ends" wait_for "its end" has_ended "$old"
    expect "$side: upgrade $1: the new one runs" is_running "$master"
}

has_workers() {
    (($(workers | wc -l) == 3))
}

begin_loads() { # NAME
    begin_load "$1, a connection each" load_http.py --per-connection 1 --connections 4 "$port" "$WORK/small"
    begin_load "$1, kept connections" load_http.py --retry --ignore connection --connections 3 "$port" "$WORK/small"
    begin_load "$1, proxy" load_http.py --per-connection 1 --connections 3 "$port" "$WORK/small-proxy"
}

end_loads() {
    end_load "$1, a connection each"
    end_load "$1, kept connections"
    end_load "$1, proxy"
}

run() {
    local connections requests
    start_upstream
    begin main || return
    load "sendfile" load_http.py --connections 12 --depth 6 "$port" "$WORK/static"
    load "no sendfile" load_http.py --connections 12 --depth 6 "$run/plain.socket" "$WORK/static"
    load "threads" load_http.py --connections 12 --per-connection 40 "$run/threads.socket" "$WORK/static"
    load "proxy" load_http.py --connections 12 --depth 3 "$port" "$WORK/proxy"
    read -r connections requests <<<"$(upstream_counts)"
    expect "$side: connections to the upstream are kept" test "$((connections * 10))" -lt "$requests"
    load "cache" load_http.py --connections 12 --depth 3 "$port" "$WORK/cached"

    begin_loads reload
    reload 1
    reload 2
    end_loads reload
    end_server "nginx" "$master" QUIT

    begin_daemon
    begin_loads upgrade
    upgrade 1
    [[ $QUICK ]] || upgrade 2
    end_loads upgrade
    kill -QUIT "$master"
    expect "$side: the last binary ends" wait_for "its end" has_ended "$master"
    expect "$side: and has removed its file" test ! -e "$run/nginx.pid"

    cat "$run"/access.log* | sort | uniq -c | note "access log"
    grep -aE '\[(error|crit|alert|emerg)\]' "$run/error.log" |
        sed "s/^[^[]*//; s/[0-9][0-9]*/N/g; s|$side|SIDE|g" | sort -u | note "complaints"
}

both run
compare
judge_guard 20 nginx
expect_description "guard: the clients' connections are in the trace" '^tcp .*127\.0\.0\.1'
expect_description "guard: so are the files" 'site/65536\.bin'
finish
