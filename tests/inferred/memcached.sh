#!/usr/bin/env bash
# memcached.sh: memcached with four threads, its text protocol. The guard does not know it: requests go by turns and by number.
# shellcheck source=tests/inferred/judge.sh
. "$(dirname "${BASH_SOURCE[0]}")/judge.sh"

have memcached memcached || finish
user=()
[[ $(id -u) != 0 ]] || user=(-u www-data)

commands() { # WHAT N CONNECTIONS keep|close
    expect_contexts "$2" 'peer #n'
    run_client "$1" "$2 answers" "$CLIENT" memcached "$port" "$2" "$3" "$4"
}

guard memcached
if start_on_port memcached listens '{}' -- "${guarded[@]}" memcached "${user[@]}" -l 127.0.0.1 -p '{}' -U 0 -t 4; then
    commands "one connection, kept" "$(scaled 2000)" 1 keep
    commands "one connection, closed" "$(scaled 500)" 1 close
    commands "50 connections, kept" "$(scaled 10000)" 50 keep
    commands "50 connections, closed" "$(scaled 2000)" 50 close
    end_all "$pid"
    judge memcached
fi
finish
