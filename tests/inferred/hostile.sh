#!/usr/bin/env bash
# hostile.sh: connections that say nothing, half of a request, noise, or a megabyte of headers, ten thousand of them, on nginx and
# on Python's server with threads; meanwhile others are answered as ever, each request is found, and what the guard takes of memory
# is bounded.
# SC2317: functions are called by name.
# shellcheck disable=SC2317
# shellcheck source=tests/inferred/judge.sh
. "$(dirname "${BASH_SOURCE[0]}")/judge.sh"

have hostile nginx || finish
make_files
IDLE=$(scaled 10000)
ulimit -n "$(ulimit -Hn)"
(($(ulimit -n) > IDLE + 2000)) || IDLE=$(($(ulimit -n) - 2000))
BOUND=4096 # bytes of memory that a connection may cost

configure_nginx() {
    cat >"$run/nginx.conf" <<EOF
$([[ $(id -u) != 0 ]] || echo 'user www-data;')
daemon off;
worker_processes 2;
worker_rlimit_nofile $(ulimit -n);
pid $run/nginx.pid;
error_log $run/error.log crit;
events { worker_connections $((IDLE + 1000)); }
http {
    access_log $run/access.log;
    client_header_timeout 600s;
    client_body_temp_path $run/body;
    proxy_temp_path $run/proxy;
    fastcgi_temp_path $run/fastcgi;
    uwsgi_temp_path $run/uwsgi;
    scgi_temp_path $run/scgi;
    server {
        listen 127.0.0.1:$port backlog=4096;
        root $WORK/site;
    }
}
EOF
}

# What the process and those that it started have in memory, in KiB; what several share counts once.
memory() { # PID
    local one
    for one in "$1" $(children_of "$1"); do cat "/proc/$one/smaps_rollup"; done | awk '/^Pss:/ { sum += $2 } END { print sum }'
}

# hostile NAME KIND COUNT: they stay until `stop_hostile`
hostile() {
    start "$1-$2" "$PYTHON" -B "$FOLDER/hostile.py" "$port" "$2" "$3"
    guests+=("$pid")
    wait_for "$3 connections, $2" grep -q ready "$WORK/$1-$2.out" || fail "$1: $3 connections, $2" "$(tail -n 3 "$WORK/$1-$2.err")"
}

stop_hostile() {
    local one
    for one in "${guests[@]}"; do stop "$one"; done
    guests=()
}
guests=()

# $memory[SIDE]: how much more memory the server takes with the idle connections
declare -A memory=()
serve() { # SIDE COMMAND...
    local name=$1 before nginx
    shift
    run=$WORK/run.$name
    mkdir "$run"
    configure=configure_nginx start_on_port "$name" listens '{}' -- "$@" nginx -p "$run" -c "$run/nginx.conf" || return
    nginx=$pid
    ask "$name: at first" "$(scaled 1000)" 20 keep "${FILES[@]}"
    before=$(memory "$nginx")
    hostile "$name" idle "$IDLE"
    memory[$name]=$(($(memory "$nginx") - before))
    ask "$name: with idle connections" "$(scaled 1000)" 20 keep "${FILES[@]}"
    for kind in half noise header; do
        hostile "$name" $kind 100
        ask "$name: with connections that are $kind" "$(scaled 1000)" 20 keep "${FILES[@]}"
    done
    ask "$name: with all of them, closed" "$(scaled 500)" 20 close "${FILES[@]}"
    stop_hostile
    ask "$name: when they are gone" "$(scaled 500)" 20 keep "${FILES[@]}"
    end_all "$nginx" QUIT
}

judged=()
serve bare
guard guarded
serve guarded "${guarded[@]}"
more=$((memory[guarded] - memory[bare]))
echo "# $IDLE idle connections: ${memory[bare]} KiB bare, ${memory[guarded]} KiB guarded: $((more * 1024 / IDLE)) bytes a connection more"
expect "memory is bounded: less than $BOUND bytes a connection" test "$((more * 1024))" -lt "$((IDLE * BOUND))"
# What came with the noise may be a request or none: but no more of them than there were connections.
others=. judge guarded
expect "guarded: of what is no request, no more than connections" test \
    "$(awk -F '\t' '$2 !~ "^GET /f[0-9]$" { sum += $1 } END { print sum + 0 }' "$WORK/found.guarded")" -le 300

# Threads that wait for their request's other half.
guard python
start python "${guarded_run[@]}" "$PYTHON" -B "$FOLDER/python_server.py" threading
running=$pid
port=$(port_of python) || finish
for kind in idle half noise header; do
    hostile python $kind 100
    ask "python: with connections that are $kind" "$(scaled 500)" 20 keep /one /two
done
ask "python: with all of them, closed" "$(scaled 200)" 20 close /one /two
stop_hostile
ask "python: when they are gone" "$(scaled 500)" 20 keep /one /two
end_all "$running"
others=. judge python
finish
