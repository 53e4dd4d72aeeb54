#!/usr/bin/env bash
# kill.sh [RUNS]: a process may be killed at any instant, and what it recorded until then is there. A program (server_kill.c)
# that counts each call that returned is killed (SIGKILL) at RUNS random instants, 200 unless told; each time its trace must
# be readable, by babeltrace2 without a word of complaint and by reqscope, and hold every call that was counted and at most
# one more for each of the two threads.
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

RUNS=${1:-200}
LATEST=15000 # microseconds after the program's start; the start itself takes some 4000
THREADS=2
PROGRAM=$PROGRAMS/server_kill
require "$PROGRAM" "$LIB" "$RS"
have kill babeltrace2 || finish

echo "some bytes to read" >"$WORK/file"

counted() { # calls that returned, by the program's own count
    od -An -v -t u8 -w64 "$WORK/counts" | awk '{ sum += $1 } END { print sum + 0 }'
}

recorded() { # calls in contexts, by babeltrace2's text
    awk '/ (open|read|write|close): .* context = [1-9]/ { calls++ } END { print calls + 0 }' "$WORK/text"
}

# Passes the time: sleep would take some milliseconds to begin.
spin() { # MICROSECONDS
    local end=$((${EPOCHREALTIME/./} + $1))
    while ((${EPOCHREALTIME/./} < end)); do :; done
}

declare -A bad=() # what went wrong -> how often
complain() { # WHAT DETAIL
    bad[$1]=$((${bad[$1]:-0} + 1))
    ((bad[$1] > 3)) || echo "  run $run, killed after $delay us: $1: $2"
}

# The trace in $WORK/trace after the kill.
examine() {
    local calls events
    calls=$(counted)
    if [[ -z $(find "$WORK/trace" -name metadata 2>/dev/null) ]]; then
        early=$((early + 1))
        ((calls == 0)) || complain "lost calls" "$calls calls returned, and there is no trace"
        return
    fi
    babeltrace2 "$WORK/trace" >"$WORK/text" 2>"$WORK/err" || complain "babeltrace2 cannot read it" "exit $?"
    [[ ! -s $WORK/err ]] || complain "babeltrace2 complains" "$(head -n 1 "$WORK/err")"
    "$RS" report --json "$WORK/trace" >"$WORK/report" 2>"$WORK/err" ||
        complain "reqscope report cannot read it" "exit $?: $(head -n 1 "$WORK/err")"
    events=$(recorded)
    total=$((total + calls))
    ((events >= calls)) || complain "lost calls" "$calls returned, $events recorded"
    ((events <= calls + THREADS)) || complain "calls too many" "$calls returned, $events recorded"
}

# A kill before there is a trace is one more than RUNS: it must have lost nothing, but leaves nothing to read.
early=0 total=0
for ((run = 1; run <= RUNS + early; run++)); do
    delay=$(((RANDOM << 15 | RANDOM) % LATEST))
    rm -rf "$WORK/trace" "$WORK/counts"
    truncate -s 4096 "$WORK/counts"
    start program "${GUARD[@]}" REQSCOPE_TRACE="$WORK/trace" "$PROGRAM" "$WORK/file" 3<>"$WORK/counts"
    spin "$delay" # the random instant
    stop "$pid" KILL
    examine
done

echo "$RUNS kills while recording ($total calls had returned), and $early before there was a trace"
for what in "lost calls" "calls too many" "babeltrace2 cannot read it" "babeltrace2 complains" \
    "reqscope report cannot read it"; do
    expect_equal "after SIGKILL, never: $what" 0 "${bad[$what]:-0}"
done
expect "calls were recorded at all" test "$total" -gt 0
finish
