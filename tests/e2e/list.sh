#!/usr/bin/env bash
# list.sh: reqscope list names the guarded processes that run, how they are guarded and where they record, and no others. (Others'
# may run on this machine, too.)
# SC2016: jq's variables are not the shell's. SC2317: a function is called by name, through wait_for.
# shellcheck disable=SC2016,SC2317
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

SERVER=$PROGRAMS/server_steady
require "$LIB" "$RS" "$SERVER"
have list jq || finish

# start_server NAME [VARIABLE=VALUE...]: waits until it serves; its pid is in $pid. It ends with the test.
start_server() {
    local name=$1
    shift
    mkfifo "$WORK/$name.commands"
    exec 4<>"$WORK/$name.commands"
    start "$name" bash -c 'exec "${@:2}" <"$1"' bash "$WORK/$name.commands" env "$@" "$SERVER"
    printf 'begin\nfork\n' >&4
    wait_for "$name to serve" grep -q 'did fork' "$WORK/$name.out"
}

start_server plain
plain=$pid
start_server guarded LD_PRELOAD="$LIB"
guarded=$pid
start_server traced LD_PRELOAD="$LIB" REQSCOPE_TRACE="$WORK/trace" REQSCOPE_MODE=deny REQSCOPE_POLICY=LEASE \
    REQSCOPE_CONTEXT=api
traced=$pid
folder=$WORK/trace/server_steady-$traced

is_listed() { # FILTER: of the process's object, as $it
    "$RS" list --json | jq -e --argjson pid "$traced" --argjson guarded "$guarded" --arg folder "$folder" "$1"
}
# The child makes its trace at its first call.
wait_for "the child's trace" is_listed '[.processes[] | select(.began_by == $pid and .folder)] | length == 1'

expect_exit "list --json" 0 "$RS" list --json
cp "$WORK/out" "$WORK/list.json"
says() { # NAME FILTER
    expect_json "$1" "$WORK/list.json" --argjson plain "$plain" --argjson guarded "$guarded" --argjson traced "$traced" \
        --arg folder "$folder" --arg trace "$WORK/trace" --arg user "$(id -un)" \
        "def of(\$pid): .processes[] | select(.pid == \$pid); $2"
}
says "a process that is not guarded is not listed" '[of($plain)] | length == 0'
says "the defaults of one that is" \
    'of($guarded) | .mode == "log" and .policy == "strict" and .context == "auto" and .trace == null and .folder == null'
says "what one was told" 'of($traced) | .mode == "deny" and .policy == "lease" and .context == "api"'
says "where it records" 'of($traced) | .trace == $trace and .folder == $folder'
says "user, command and age" \
    'of($traced) | .user == $user and (.command | endswith("server_steady")) and .age_ns > 0 and .age_ns < 3600e9'
says "a child stands behind the one that began it" \
    '[.processes[] | .pid] as $pids | [.processes[] | select(.began_by == $traced)][0] as $child
        | ($pids | index($child.pid)) == ($pids | index($traced)) + 1 and $child.trace == $trace
            and $child.folder != $folder'

expect_exit "list" 0 "$RS" list
expect_text "titles" "$WORK/out" '^PID +USER +MODE +POLICY +CONTEXT +RUNS +TRACE +COMMAND$'
expect_text "the line of one that records" "$WORK/out" \
    "^ *$traced +$(id -un) +deny +lease +api +[0-9]+ (s|min).* +$folder +[^ ]*server_steady\$"
expect_text "the line of one that does not" "$WORK/out" "^ *$guarded +$(id -un) +log +strict +auto +.* - +[^ ]*server_steady\$"
expect_no_text "no line of one that is not guarded" "$WORK/out" "^ *$plain "
expect_exit "it takes no operands" 2 "$RS" list "$traced"

stop "$traced"
expect_exit "list, when it has ended" 0 "$RS" list
expect_no_text "it is listed no more" "$WORK/out" "^ *$traced "

finish
