#!/usr/bin/env bash
# redis.sh: redis-server with one thread, with four that write, and with four that read as well: redis-benchmark's commands, one at
# a time and in pipelines. A command is a request.
# shellcheck source=tests/inferred/judge.sh
. "$(dirname "${BASH_SOURCE[0]}")/judge.sh"

have redis redis-server redis-cli redis-benchmark || finish

# It asks for two settings first. (A multiple of the pipeline's length is sent exactly.)
benchmark() { # WHAT N CONNECTIONS PIPELINE [OPTION...]
    local what=$1 count=$2 connections=$3 pipeline=$4
    shift 4
    expect_contexts 2 CONFIG
    expect_contexts "$count" SET
    expect_contexts "$count" GET
    if timeout 120 redis-benchmark -p "$port" --csv -t set,get -n "$count" -c "$connections" -P "$pipeline" "$@" >"$WORK/client" 2>&1 &&
        grep -q '^"SET"' "$WORK/client" && grep -q '^"GET"' "$WORK/client"; then
        pass "$what: $count of each"
    else
        fail "$what" "redis-benchmark: $(tail -n 3 "$WORK/client")"
    fi
}

for variant in "one-thread" "four-threads --io-threads 4" "four-read --io-threads 4 --io-threads-do-reads yes"; do
    read -r name options <<<"$variant"
    many=3000 # (Its threads spin: where there are fewer processors that takes long.)
    [[ $options ]] || many=10000
    guard "$name"
    # shellcheck disable=SC2086 # words
    start_on_port "$name" listens '{}' -- "${guarded_run[@]}" redis-server --port '{}' --bind 127.0.0.1 --save '' \
        --dir "$WORK" $options || continue
    benchmark "$name, one connection" "$(scaled 2000)" 1 1
    benchmark "$name, 50 connections" "$(scaled "$many")" 50 1
    benchmark "$name, 50 connections, a connection each" "$(scaled 1000)" 50 1 -k 0
    benchmark "$name, one connection, in pipelines" "$(scaled 8000)" 1 16
    benchmark "$name, 50 connections, in pipelines" "$(scaled 16000)" 50 16
    benchmark "$name, values of 100 kB" "$(scaled 500)" 20 1 -d 100000
    # What the server has counted is the measure of the measure.
    redis-cli -p "$port" info commandstats | tr -d '\r' | sed -n 's/^cmdstat_\([a-z]*\).*:calls=\([0-9]*\),.*/\2\t\U\1/p' |
        LC_ALL=C sort -k 2 >"$WORK/counted"
    expect_contexts 1 INFO
    end_all "$pid"
    expect_equal "$name: redis-server has counted as many as we" "$(cat "$WORK/counted")" \
        "$(awk -F '\t' '$3 != "INFO" { sum[$3] += $1 } END { for (label in sum) print sum[label] "\t" label }' \
            "$WORK/expected.$name" | LC_ALL=C sort -k 2)"
    judge "$name"
done
finish
