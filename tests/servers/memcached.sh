#!/usr/bin/env bash
# memcached.sh: memcached with four threads, bare and guarded: its text protocol in pipelines over TCP and over a unix socket,
# its binary one, and UDP; many connections that come and go; a restart that finds the items of before in a file.
# SC2317: functions are called by name.
# shellcheck disable=SC2317
# shellcheck source=tests/servers/both.sh
. "$(dirname "${BASH_SOURCE[0]}")/both.sh"

have memcached memcached || finish
user=()
[[ $(id -u) != 0 ]] || user=(-u www-data)

begin() { # NAME OPTION...
    local name=$1
    shift
    start_on_port "$side-$name" listens '{}' -- "${server[@]}" memcached "${user[@]}" -l 127.0.0.1 -p '{}' -U '{}' -t 4 \
        -m 200 -I 2m "$@" || return
    memcached=$pid
}

# What it counts that depends on the commands alone.
statistics() {
    exec 3<>"/dev/tcp/127.0.0.1/$port"
    printf 'stats\r\nquit\r\n' >&3
    tr -d '\r' <&3 | grep -E '^STAT (curr_items|cmd_[a-z]*|[a-z]*_(hits|misses)|bytes|evictions|threads) '
    exec 3>&-
}

is_past() { # SECONDS since 1970
    (($(date +%s) > $1))
}

run() {
    begin main || return
    load "text" load_memcached.py --commands "$(scaled 2500)" --connections 10 --depth 25 "$port"
    load "connections that come and go" load_memcached.py --commands "$(scaled 300)" --connections 20 --per-connection 5 \
        "$port"
    load "binary" load_memcached.py --protocol binary --commands "$(scaled 1500)" --depth 10 "$port"
    load "UDP" load_memcached.py --protocol udp --commands "$(scaled 400)" --connections 5 "$port"
    statistics | note "statistics"
    end_server "memcached" "$memcached"

    # By name only: without a port there is none to wait for.
    start "$side-unix" "${server[@]}" memcached "${user[@]}" -s "$run/socket" -a 777 -t 4 -m 200 -I 2m
    memcached=$pid
    wait_for "memcached's socket" test -S "$run/socket"
    load "unix socket" load_memcached.py --commands "$(scaled 1000)" --depth 10 "$run/socket"
    end_server "memcached on a unix socket" "$memcached" INT

    # SIGUSR1: it writes down what the file needs to be used again.
    begin first -e "$run/memory"
    load "before a restart" load_memcached.py --commands "$(scaled 500)" --depth 10 "$port"
    end_server "memcached with a file" "$memcached" USR1
    # It does not believe a file that was written in the same second.
    wait_for "the next second" is_past "$(sed -n 's/^Kstop_time //p' "$run/memory.meta")"
    begin second -e "$run/memory"
    load "after a restart" load_memcached.py --commands "$(scaled 500)" --depth 10 "$port"
    end_server "memcached with a file, again" "$memcached" USR1
    cat "$WORK/$side"-{main,unix,first,second}.err | sed 's/[0-9][0-9]*/N/g' | sort | uniq -c | note "complaints"
}

both run
compare
judge_guard 4 memcached
expect_description "guard: the clients' connections are in the trace" '^tcp .*127\.0\.0\.1'
expect_description "guard: so is the file" 'guarded/memory'
finish
