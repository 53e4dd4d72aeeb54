#!/usr/bin/env bash
# redis.sh: redis-server, bare and guarded: pipelined commands over TCP and a unix socket, redis-benchmark's commands, two
# replicas (by disk, and without one), the AOF rewritten under load, read again after an orderly end and after SIGKILL, and
# BGSAVE's file read again.
# SC2317: functions are called by name.
# shellcheck disable=SC2317
# shellcheck source=tests/servers/both.sh
. "$(dirname "${BASH_SOURCE[0]}")/both.sh"

have redis redis-server redis-cli redis-benchmark || finish

# redis-benchmark's, but for those with long answers.
COMMANDS=ping,set,get,incr,lpush,rpush,lpop,rpop,sadd,hset,spop,zadd,zpopmin,mset

redis() {
    redis-cli -p "$port" "$@"
}

# begin NAME OPTION...: a server, its pid in $redis, its port in $port; its files are in $run/NAME.
begin() {
    local name=$1
    shift
    mkdir -p "$run/$name"
    start_on_port "$side-$name" redis-cli -p '{}' ping -- "${server[@]}" redis-server --port '{}' --bind 127.0.0.1 \
        --dir "$run/$name" --logfile "$run/$name/log" --enable-debug-command yes --save '' "$@" || return
    redis=$pid
    # Until the data is read, it answers that it is loading.
    wait_for "redis-server to have its data" has_loaded
}

has_loaded() {
    redis ping | grep -q PONG && redis info persistence | grep -q '^loading:0'
}

info_is() { # SECTION LINE
    redis info "$1" | tr -d '\r' | grep -qx -- "$2"
}

digest() {
    redis debug digest
}

# Waits for a child's work, and says how it went.
in_background() { # COMMAND FLAG RESULT
    redis "$1" >/dev/null
    wait_for "the end of $1" info_is persistence "$2:0"
    expect "$side: $1 has succeeded" info_is persistence "$3:ok"
}

# expect_digest NAME DIGEST: the data of the server on $port
expect_digest() {
    expect_equal "$side: $1" "$2" "$(digest)"
}

replicate() { # NAME OPTION...: of the server on $port
    local name=$1 master=$port before=$redis
    shift
    begin "$name" --replicaof 127.0.0.1 "$master" "$@"
    wait_for "the replica $name to be linked" info_is replication master_link_status:up
    replica=$redis replica_port=$port redis=$before port=$master
}

expect_in_sync() { # NAME PORT
    local expected port=$port
    redis wait 1 10000 >/dev/null
    expected=$(digest)
    port=$2
    wait_for "$1 to have what the master has" has_digest "$expected"
    expect_digest "$1 has what the master has" "$expected"
}

has_digest() {
    [[ $(digest) == "$1" ]]
}

benchmark() { # NAME OPTION...
    local name=$1
    shift
    if redis-benchmark -p "$port" --csv "$@" >"$WORK/benchmark" 2>"$WORK/benchmark.err"; then
        cut -d, -f1 "$WORK/benchmark" | note "redis-benchmark, $name"
    else
        fail "$side: redis-benchmark, $name" "exit $?: $(tail -n 2 "$WORK/benchmark.err")"
    fi
}

run() {
    local before bench
    begin main --appendonly yes --appendfsync everysec --unixsocket "$run/socket" --io-threads 2 --repl-diskless-sync no
    load "TCP, pipelined" load_redis.py "$port" --depth 30 --commands "$(scaled 2500)"
    load "unix socket" load_redis.py "$run/socket" --connections 5 --depth 3 --commands "$(scaled 1500)"
    digest | note "data"

    # Replicas get the data so far as a file, by way of the disk or not, and what comes later as commands.
    replicate disk --repl-diskless-load disabled
    local disk=$replica disk_port=$replica_port
    redis config set repl-diskless-sync yes repl-diskless-sync-delay 0 >/dev/null
    replicate diskless --repl-diskless-load swapdb
    load "with replicas" load_redis.py "$port" --connections 4 --depth 20 --commands "$(scaled 1000)"
    expect_in_sync "the replica by disk" "$disk_port"
    expect_in_sync "the replica without a disk" "$replica_port"
    end_server "replica by disk" "$disk"
    end_server "replica without a disk" "$replica"

    # The AOF is rewritten while commands come in.
    before=$(redis dbsize)
    redis-benchmark -p "$port" -q -n "$(scaled 60000)" -r 1000 -t set,lpush,hset >/dev/null &
    bench=$!
    in_background bgrewriteaof aof_rewrite_in_progress aof_last_bgrewrite_status
    wait "$bench"
    expect "$side: commands came in meanwhile" test "$(redis dbsize)" -gt "$before"
    before=$(digest)
    end_server "server with an AOF" "$redis"
    begin main --appendonly yes --appendfsync always
    expect_digest "the AOF holds the data" "$before"

    # What was answered is in the AOF when the server is killed.
    load "before a kill" load_redis.py "$port" --connections 3 --depth 10 --commands "$(scaled 500)"
    before=$(digest)
    stop "$redis" KILL
    begin main --appendonly yes
    expect_digest "the AOF holds the data after a kill" "$before"

    in_background bgsave rdb_bgsave_in_progress rdb_last_bgsave_status
    redis debug reload >/dev/null
    expect_digest "the server reads its own data again" "$before"
    end_server "server after a kill" "$redis"
    begin main
    expect_digest "the file of BGSAVE holds the data" "$before"
    redis flushall >/dev/null
    redis config resetstat >/dev/null
    benchmark "all, one at a time" -n "$(scaled 2500)" -c 20
    benchmark "pipelined" -n "$(scaled 10000)" -c 50 -P 16 -t "$COMMANDS"
    benchmark "from 4 threads" -n "$(scaled 20000)" -c 50 --threads 4 -t set,get
    benchmark "large values" -n "$(scaled 1000)" -c 10 -d 100000 -t set,get
    redis info errorstats | tr -d '\r' | note "complaints of redis-benchmark's commands"
    end_server "server with an RDB file" "$redis"

    # PID:ROLE DAY MONTH YEAR TIME LEVEL MESSAGE; "#" is a warning. That a replica has left is put in one of two ways, as
    # its socket is then.
    cat "$run"/*/log | awk '$6 == "#" && !/Connection with replica/' | cut -d' ' -f7- | sed 's/[0-9][0-9.]*/N/g' |
        sort -u | note "complaints in the logs"
}

both run
compare
judge_guard 9 redis-server
expect_description "guard: the clients' connections are in the trace" '^tcp .*127\.0\.0\.1'
expect_description "guard: so is the AOF" 'appendonly\.aof'
finish
