#!/usr/bin/env bash
# top.sh: reqscope top shows what a running server does: as much as it does, when it does it, and without its noticing.
# SC2016: jq's variables are not the shell's. SC2317: some functions are called by name, through wait_for and expect.
# shellcheck disable=SC2016,SC2317
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

SERVER=$PROGRAMS/server_steady
require "$LIB" "$RS" "$SERVER"
have top jq script || finish

# A server that does what `tell` tells it: start_server NAME [VARIABLE=VALUE...]. Its pid is in $server.
start_server() {
    local name=$1
    shift
    rm -f "$WORK/commands"
    mkfifo "$WORK/commands"
    exec 4<>"$WORK/commands"
    start "$name" bash -c 'exec "${@:2}" <"$1"' bash "$WORK/commands" env "$@" "$SERVER"
    server=$pid
}

has_done() { # NAME TIMES COMMAND
    [[ $(grep -cxF "did $3" "$WORK/$1.out") == "$2" ]]
}

tell() { # NAME COMMAND: and waits until it is done
    local done_before
    done_before=$(grep -cxF "did $2" "$WORK/$1.out")
    echo "$2" >&4
    [[ $2 == end ]] || wait_for "the server to do: $2" has_done "$1" $((done_before + 1)) "$2"
}

# The JSON of all looks until now says so.
looks_say() { # NAME FILTER
    jq -es "$2" "$WORK/$1.out" >/dev/null
}

# What all the servers below do, with and without anybody looking.
begin_work() {
    tell "$1" begin
    tell "$1" hold
}
work() {
    tell "$1" "serve 300"
    tell "$1" touch
    tell "$1" fork
}

# --- without a look

start_server bare LD_PRELOAD="$LIB" REQSCOPE_TRACE="$WORK/bare.trace"
begin_work bare
work bare
tell bare end
await "$server"
expect_equal "a server that nobody looks at ends with its own code" 3 "$code"

# --- JSON

start_server json LD_PRELOAD="$LIB" REQSCOPE_TRACE="$WORK/json.trace"
begin_work json
start look "$RS" top --json "$server"
look=$pid
wait_for "the first look" looks_say look 'length >= 1'
expect_json "before anything happens nothing is counted, and what lives is known" "$WORK/look.out" -s \
    '.[0] | .begun == 0 and .live == 1 and .open >= 2 and .runs and .known_findings == 0'
tell json "serve 300"
expect "all 300 requests come, and no more" wait_for "300 requests" looks_say look 'map(.begun) | add == 300'
tell json touch
expect "a finding comes when it is made" wait_for "the finding" looks_say look 'map(.findings[]) | length == 1'
tell json fork
expect "a process that is forked is looked at, too, and its requests are counted" wait_for "the child" \
    looks_say look '(map(.begun) | add == 308) and (.[-1].processes | length == 2)'
expect_text "the process is not traced" "/proc/$server/status" '^TracerPid:	0$'
tell json end
await "$look"
expect_equal "it ends when the process has ended" 0 "$code"
await "$server"
expect_equal "the process ends with its own code" 3 "$code"
expect_same "the process says the same as without a look" "$WORK/bare.out" "$WORK/json.out"

says() { # NAME FILTER
    expect_json "$1" "$WORK/look.out" -s "$2"
}
says "every request that began has ended, but for the one that stays" 'map(.ended) | add == 308'
says "that one lives in every look" 'all(.[:-1][]; .live == 1)'
says "rates are what came, by the time that it took" \
    'all(.[]; .begun_per_second * .interval_ns / 1e9 - .begun | fabs < 0.01)'
says "the looks are one after the other" \
    '. as $looks | all(range(1; length); $looks[.].time_ns == $looks[. - 1].time_ns + $looks[.].interval_ns)'
says "I/O calls and bytes are counted" '(map(.calls) | add) >= 6141 and (map(.bytes) | add) >= 6141'
says "pipes that were closed are open no more" '(.[0].open) as $before | all(.[:-2][]; .open <= $before + 2)'
says "labels, with how long they took" \
    'map(.labels[]) | any(.[]; .label == "GET /steady" and .begun >= 100 and .mean_ns > 0)'
says "busiest descriptions, with their owners" \
    'map(.busiest[]) | any(.[]; .calls >= 10 and .owner.label == "GET /steady" and .pid > 0 and .fd >= 0)'
says "the finding, whose labels are known" \
    'map(.findings[])[0] | .kind == "foreign-io" and .operation == "write" and .owner.label == "GET /stays"
        and .user.label == "GET /touch" and (.text | test("GET /touch .* writes to .* GET /stays"))'
says "nothing is lost or damaged" 'all(.[]; .lost_events == 0 and .damages == 0)'
says "the last look says that the process has ended" '(.[-1].runs | not) and all(.[:-1][]; .runs)'

# --- lines

start_server lines LD_PRELOAD="$LIB" REQSCOPE_TRACE="$WORK/lines.trace"
begin_work lines
expect_exit "--count N ends after N looks" 0 "$RS" top --count 2 "$server"
expect_equal "which are a line each, below a line of titles" "1 2" \
    "$(grep -c '^TIME ' "$WORK/out") $(grep -cE '^[0-9:]{8} +0\.0 +0\.0 +1 ' "$WORK/out")"
start look "$RS" top "$WORK/lines.trace"
look=$pid
wait_for "the first look" grep -qE '^[0-9:]{8} ' "$WORK/look.out"
work lines
wait_for "the finding" grep -q foreign-io "$WORK/look.out"
tell lines end
await "$look"
expect_equal "a trace's folder may be given in place of a process" 0 "$code"
expect_text "a finding is a line" "$WORK/look.out" \
    '^[0-9:]{8} foreign-io: GET /touch \(context [0-9]+\) writes to fd [0-9]+ \(pipe.*GET /stays'
expect_text "at the end it says so, and what it was in all" "$WORK/look.out" \
    "lines\.trace has ended: in .* 308 contexts begun, 308 ended, .* 1 new finding$"

# --- the whole screen

start_server screen LD_PRELOAD="$LIB" REQSCOPE_TRACE="$WORK/screen.trace"
begin_work screen
mkfifo "$WORK/keys"
exec 5<>"$WORK/keys"
# `script` has no wish to end while its input is open, so only top's end is waited for.
on_terminal() { # NAME
    start "$1" bash -c 'exec script -qc "$2" /dev/null <"$1"' bash "$WORK/keys" \
        "export TERM=xterm NO_COLOR=; sh -c 'echo \"[pid \$\$]\"; exec \"$RS\" top $server'; echo \"[code \$?]\""
    terminal=$pid
}
has_shown() { # NAME PATTERN
    grep -aqE -- "$2" "$WORK/$1.out"
}
# The screens that were drawn, as text, one after the other.
ENTER=$'\033\\[\\?1049h' LEAVE=$'\033\\[\\?1049l'
on_terminal terminal
expect "the alternate screen is entered" wait_for "the screen" has_shown terminal "$ENTER"
tell screen "serve 300"
tell screen touch
expect "findings are shown" wait_for "the finding" has_shown terminal 'foreign-io: GET /touch'
expect "labels are shown" has_shown terminal 'GET /steady'
printf q >&5
expect "q ends it" wait_for "the end" has_shown terminal '\[code 0\]'
expect "and the screen is as before" has_shown terminal "$LEAVE"
stop "$terminal"
on_terminal signal
wait_for "the screen" has_shown signal 'contexts'
kill -TERM "$(sed -n 's/^.*\[pid \([0-9]*\)\].*/\1/p' "$WORK/signal.out")"
expect "a signal ends it" wait_for "the end" has_shown signal '\[code 0\]'
expect "and the screen is as before, too" has_shown signal "$LEAVE"
stop "$terminal"
tell screen end
await "$server"

# --- what cannot be looked at

complains() { # NAME PATTERN OPERAND...
    local name=$1 pattern=$2
    shift 2
    expect_exit "$name: exit code" 2 "$RS" top "$@"
    expect_text "$name: what to do" "$WORK/err" "$pattern"
}

complains "a process that has ended" 'no such process runs' "$server"
complains "a process that is not guarded" 'not guarded: .reqscope run' "$$"
complains "a trace whose processes have ended" 'no process that records there runs.*reqscope report' "$WORK/json.trace"
complains "what is neither" 'it is no process and no trace' "$WORK/none"
complains "no operand" 'give PID'
start_server untraced LD_PRELOAD="$LIB"
tell untraced begin
complains "a guarded process without a trace" 'records no trace: .*--trace.*REQSCOPE_TRACE' "$server"
stop "$server"
start_server off LD_PRELOAD="$LIB" REQSCOPE_MODE=off REQSCOPE_TRACE="$WORK/off.trace"
tell off begin
complains "a guard that is off" 'REQSCOPE_MODE=off' "$server"
stop "$server"

finish
