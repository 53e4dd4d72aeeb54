#!/usr/bin/env bash
# transparency.sh: in off, and in log and deny without a finding, a program cannot tell that it is guarded: results, errno,
# descriptor numbers, output, exit code. In log not even when there are findings.
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

PROGRAM=$PROGRAMS/server_transparency
require "$PROGRAM" "$LIB" "$RS"

# run NAME COMMAND...: what the program says is in $WORK/NAME.out and .err, its exit code in $WORK/NAME.code
run() {
    local name=$1 code=0
    shift
    "$@" >"$WORK/$name.out" 2>"$WORK/$name.err" </dev/null || code=$?
    echo "$code" >"$WORK/$name.code"
}

# same NAME WITH WHAT: all that the program did is as in the bare run
same() {
    expect_same "$3: results, errno and output" "$WORK/$2.out" "$WORK/$1.out"
    expect_same "$3: stderr" "$WORK/$2.err" "$WORK/$1.err"
    expect_same "$3: exit code" "$WORK/$2.code" "$WORK/$1.code"
}

run bare "$PROGRAM" in-context
expect_equal "bare: the program runs" 42 "$(cat "$WORK/bare.code")"
run bare-again "$PROGRAM"
same bare-again bare "bare: what is printed is the same every time"

run off "${GUARD[@]}" REQSCOPE_MODE=off REQSCOPE_TRACE="$WORK/off" REQSCOPE_LOG="$WORK/off.log" "$PROGRAM" in-context
same off bare "off"
expect_nothing_in "off: no trace" "$WORK/off"
expect "off: no log" test ! -s "$WORK/off.log"

run log-plain "${GUARD[@]}" "$PROGRAM"
same log-plain bare "log, in no context"

for mode in log deny; do
    run "$mode" "${GUARD[@]}" REQSCOPE_MODE="$mode" "$PROGRAM" in-context
    same "$mode" bare "$mode, in contexts"
    run "$mode-trace" "${GUARD[@]}" REQSCOPE_MODE="$mode" REQSCOPE_TRACE="$WORK/$mode" REQSCOPE_LOG="$WORK/$mode.log" \
        "$PROGRAM" in-context
    same "$mode-trace" bare "$mode, recording"
    expect "$mode, recording: the log is empty" test ! -s "$WORK/$mode.log"
    expect_exit "$mode, recording: no finding" 0 "$RS" check "$WORK/$mode"
done

run run "$RS" run -- "$PROGRAM" in-context
same run bare "reqscope run"

# In log a finding, here a close of what is not open, changes nothing either, but for the report on the log.
run bare-bad "$PROGRAM" in-context bad-close
run log-bad "${GUARD[@]}" REQSCOPE_LOG="$WORK/bad.log" "$PROGRAM" in-context bad-close
same log-bad bare-bad "log, with bad closes"

finish
