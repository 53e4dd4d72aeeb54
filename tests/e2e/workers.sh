#!/usr/bin/env bash
# workers.sh: workers that give up root after they were forked, as those of most servers do: their traces go on, in a trace folder
# that is root's alone.
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

require "$LIB" "$RS" "$PROGRAMS/server_workers"

name="workers that give up root go on recording"
if (($(id -u))); then
    skip "$name" "only root can"
    finish
fi

# The program is where its new user may read it, for the report's symbols; the trace is where that user may not.
mkdir -m 700 "$WORK/trace"
for bound in 0 2M; do
    rm -rf "$WORK"/trace/*
    expect_exit "$name (REQSCOPE_TRACE_MAX=$bound)" 0 \
        env REQSCOPE_TRACE="$WORK/trace" REQSCOPE_TRACE_MAX=$bound LD_PRELOAD="$LIB" "$PROGRAMS/server_workers"
    expect_no_text "nothing stops them" "$WORK/err" 'Nothing is recorded|cannot'
    expect_exit "the traces are whole" 0 "$RS" report --json "$WORK/trace"
    expect_json "all three processes are there, and both workers' finding is one" "$WORK/out" \
        '(.processes | length) == 3 and ([.findings[] | select(.kind == "foreign-io")]
            | length == 1 and (.[0] | .count == 2 and (.pids | length) == 2 and (.findings | length) == 2))'
    [[ $bound == 0 ]] || continue
    expect_json "no event is lost" "$WORK/out" '.lost_events == 0 and .events > 400000'
    expect_equal "a worker's folder is its user's" "65534 700" "$(stat -c '%u %a' "$WORK"/trace/* | sort -n | tail -n 1)"
done

finish
