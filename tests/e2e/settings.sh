#!/usr/bin/env bash
# settings.sh: a wrong variable never stops a server. A value that is not understood is said once, on the log, with those that
# are, and the default is used; what cannot be made or opened is one line on the log.
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

PROGRAM=$PROGRAMS/server_small
require "$PROGRAM" "$LIB" "$RS"

# run NAME [VARIABLE=VALUE...]: the guarded program; what it says is in $WORK/out, the log in $WORK/err.
run() {
    local name=$1
    shift
    expect_exit "$name: the program runs on" 0 "${GUARD[@]}" "$@" "$PROGRAM"
    expect_equal "$name: and does its work" served "$(cat "$WORK/out")"
}

# Said once, in one line, with the value and with each of the words.
said_once() { # NAME VARIABLE VALUE WORD...
    local name=$1 variable=$2 value=$3 lines word
    shift 3
    lines=$(grep -aF "reqscope: $variable" "$WORK/err")
    expect_equal "$name: said in one line" 1 "$(grep -c . <<<"$lines")"
    for word in "$value" "$@"; do
        expect "$name: the line has '$word'" grep -qF -- "$word" <<<"$lines"
    done
}

# unknown VARIABLE VALUE WORD...: the value is said, and the words are what would be understood
unknown() {
    local variable=$1 value=$2
    shift 2
    run "$variable=$value" "$variable=$value"
    said_once "$variable=$value" "$variable" "$value" "$@"
    expect_text "$variable=$value: the guard is on, by default" "$WORK/err" '^reqscope: foreign-io: '
}

run "no variable"
expect_text "no variable: the guard is on, by default" "$WORK/err" '^reqscope: foreign-io: '

unknown REQSCOPE_MODE denny log deny abort off
unknown REQSCOPE_MODE 'log deny' log deny abort off
unknown REQSCOPE_POLICY relaxed strict lease
unknown REQSCOPE_CONTEXT automatic auto api
unknown REQSCOPE_CHECK everything foreign-io foreign-close late-io dirty-handover leak bad-close shared-after-fork \
    foreign-wakeup hang
unknown REQSCOPE_STACK_DEPTH deep 0 128
unknown REQSCOPE_STACK_DEPTH 129 0 128
unknown REQSCOPE_STACK_DEPTH -1 0 128
unknown REQSCOPE_FOLLOW_EXEC yes 0 1
unknown REQSCOPE_DEEPBIND on off keep
unknown REQSCOPE_TRACE_MAX much 0 256M
unknown REQSCOPE_TRACE_MAX 12Q 0 256M
unknown REQSCOPE_TRACE_MAX -5 0 256M

# An empty value is as good as none.
for variable in MODE POLICY CONTEXT CHECK STACK_DEPTH TRACE_MAX TRACE LOG RULES FOLLOW_EXEC DEEPBIND; do
    run "REQSCOPE_$variable empty" "REQSCOPE_$variable="
    expect_no_text "REQSCOPE_$variable empty: nothing is said of it" "$WORK/err" "REQSCOPE_$variable"
done

# Several wrong ones: each is said.
run "three wrong values" REQSCOPE_MODE=x REQSCOPE_POLICY=y REQSCOPE_STACK_DEPTH=z
expect_equal "three wrong values: three lines" 3 "$(grep -c 'is not understood' "$WORK/err")"

# A list that is wrong in part: the rest of it holds.
run "REQSCOPE_CHECK wrong in part" REQSCOPE_CHECK=-foreign-io,+nonsense
said_once "REQSCOPE_CHECK wrong in part" REQSCOPE_CHECK nonsense
expect_no_text "REQSCOPE_CHECK wrong in part: the rest holds" "$WORK/err" '^reqscope: foreign-io: '

# A folder for the trace, or a file for the log, that cannot be made.
touch "$WORK/file"
for folder in "$WORK/file" "$WORK/file/below" "$WORK/not/there" /proc/nothing; do
    run "REQSCOPE_TRACE=$folder" REQSCOPE_TRACE="$folder"
    expect_equal "REQSCOPE_TRACE=$folder: one line on the log" 1 "$(grep -cF "$folder" "$WORK/err")"
    expect_text "REQSCOPE_TRACE=$folder: the guard is on" "$WORK/err" '^reqscope: foreign-io: '
done
run "REQSCOPE_LOG in no folder" REQSCOPE_LOG="$WORK/not/there/log"
expect_equal "REQSCOPE_LOG in no folder: one line, on stderr" 1 "$(grep -cF "$WORK/not/there/log" "$WORK/err")"
expect_text "REQSCOPE_LOG in no folder: reports go to stderr" "$WORK/err" '^reqscope: foreign-io: '

# What is understood has its effect.
run "REQSCOPE_LOG to a file" REQSCOPE_LOG="$WORK/log-%p"
expect "REQSCOPE_LOG to a file: stderr is empty" test ! -s "$WORK/err"
expect_text "REQSCOPE_LOG to a file: the report is in it" "$(echo "$WORK"/log-[0-9]*)" '^reqscope: foreign-io: '
run "REQSCOPE_TRACE" REQSCOPE_TRACE="$WORK/trace" REQSCOPE_TRACE_MAX=1M
expect_equal "REQSCOPE_TRACE: the folders are the user's alone" 700 "$(stat -c %a "$WORK"/trace "$WORK"/trace/* | sort -u)"
expect_equal "REQSCOPE_TRACE: the files, too" 600 "$(stat -c %a "$WORK"/trace/*/* | sort -u)"
expect_exit "REQSCOPE_TRACE: it can be read" 0 "$RS" report "$WORK/trace"
run "REQSCOPE_STACK_DEPTH=0" REQSCOPE_STACK_DEPTH=0
expect_no_text "REQSCOPE_STACK_DEPTH=0: no stack" "$WORK/err" '^ *#0 '

finish
