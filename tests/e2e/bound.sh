#!/usr/bin/env bash
# bound.sh: REQSCOPE_TRACE_MAX holds, and the server goes on, whatever is told again and again of one connection that stays open.
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

require "$LIB" "$RS" "$PROGRAMS/server_pool"

mkdir "$WORK/trace"
start pool env REQSCOPE_TRACE="$WORK/trace" REQSCOPE_TRACE_MAX=1M LD_PRELOAD="$LIB" "$PROGRAMS/server_pool" 200000
DEADLINE=60 await "$pid"
expect_equal "a connection is handed on 200,000 times: the server is done" "0 served" "$code $(cat "$WORK/pool.out")"
size=$(du -s --apparent-size -k "$WORK/trace" | cut -f1)
if ((size < 1400)); then pass "its trace stays within the bound"; else fail "its trace stays within the bound" "$size KiB"; fi
expect_exit "its trace is read" 0 "$RS" fds --json "$WORK/trace"
expect_json "the connection is there, open, with its latest owner" "$WORK/out" \
    '[.descriptions[] | select(.close_ns == null and .opened_by == 2)] | length == 2 and all(.[]; .owner == 2)'

# --- what is written again is whole

bound=256K
start labels env REQSCOPE_LOG=/dev/null REQSCOPE_TRACE="$WORK/labels-$bound" REQSCOPE_TRACE_MAX=$bound LD_PRELOAD="$LIB" "$PROGRAMS/server_labels" 4 300
await "$pid"
expect_equal "$bound, four threads: served" 0 "$code"
expect_exit "$bound, four threads: the trace is whole" 0 "$RS" report "$WORK/labels-$bound"
expect "$bound, four threads: babeltrace2 reads it" babeltrace2 "$WORK/labels-$bound" -o dummy

finish
