#!/usr/bin/env bash
# soak.sh [SECONDS]: sixteen threads that connect, accept, duplicate, pass, fork, execute and close (soak.c), guarded, with each
# policy, recorded and not: two of these for SECONDS, side by side, the other two for half a minute.
#
# The program itself compares, every five seconds and at its end, what it has open with what the kernel says and with the
# guard's owners, and looks at its memory: after the first minute (half of its time when that is less) it must not grow. Here:
# it is clean, so nothing may be found or said, in its children neither; what is open at its end is open in its trace; and in
# the trace of a short run, of which nothing was given up, nothing else is. Then victim_extremes.c.
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

seconds=${1:-1200}
SOAK=$(realpath -m "$B/soak/soak")
EXTREMES=$(realpath -m "$B/soak/victim_extremes")
FLAT=1024 # KiB
require "$LIB" "$RS" "$SOAK" "$EXTREMES"

declare -A pids lengths latest children bad_children
short=$((seconds < 30 ? seconds : 30))

# Starts a run in folders of its own: $WORK/NAME/.
launch() { # NAME SECONDS [VARIABLE=VALUE...] [-- OPTION...]
    local name=$1 length=$2 variables=()
    shift 2
    while (($#)) && [[ $1 != -- ]]; do
        variables+=("$1")
        shift
    done
    (($#)) && shift
    mkdir -p "$WORK/$name/empty" "$WORK/$name/trace"
    start "$name" env -C "$WORK/$name/empty" "${variables[@]}" REQSCOPE_LOG="$WORK/$name/log" LD_PRELOAD="$LIB" "$SOAK" \
        --seconds "$length" --final "$WORK/$name/final" "$@"
    # shellcheck disable=SC2154 # pid: start sets it
    pids[$name]=$pid lengths[$name]=$length children[$name]=0 bad_children[$name]=
    latest[$name]=$((SECONDS + length * 3 / 2 + 120))
}

# Looks at the traces of children that have ended, and removes them: there will be thousands.
examine_children() { # NAME
    local trace name ended=()
    for trace in "$WORK/$1/trace"/*; do
        name=${trace##*/}
        [[ -e $trace && $name != "soak-${pids[$1]}" ]] || continue
        name=${name#*-}
        [[ -e /proc/${name%%-*} ]] || ended+=("$trace")
        ((${#ended[@]} < 500)) || break
    done
    ((${#ended[@]})) || return 1
    children[$1]=$((${children[$1]} + ${#ended[@]}))
    "$RS" check "${ended[@]}" >"$WORK/$1.check" 2>&1 || bad_children[$1]+="$(tail -n 2 "$WORK/$1.check") "
    rm -rf "${ended[@]}"
}

# The end of a run that is recorded: what is open in its trace. An fd's number is that which it was opened with.
open_in_trace() { # NAME
    "$RS" fds --json "$WORK/$1/trace/soak-${pids[$1]}" |
        jq -r '.descriptions[] | select(.close_ns == null) | "\(.fd) \(.owner) \(
            if .description == null then "nothing is known of it" elif .description[:1] == "/" then "/"
            elif .kind == "tcp" or .kind == "unix" or .description[:3] == "tcp" or .description[:4] == "unix" then "socket"
            elif .kind == "pipe" or .description == "pipe" then "pipe" else "other" end)"' | sort -n
}

open_in_program() { # NAME
    awk '{ print $1, $NF, $2 ~ /^\// ? "/" : $2 ~ /^(socket|pipe)$/ ? $2 : "other" }' "$WORK/$1/final" | sort -n
}

recorded() { # NAME
    [[ -n $(ls -A "$WORK/$1/trace") ]]
}

verdicts() { # NAME
    local name=$1 said=$WORK/$1/log
    while is_running "${pids[$name]}" && ((SECONDS < ${latest[$name]})); do
        examine_children "$name"
        timeout 1 tail --pid="${pids[$name]}" -f /dev/null
    done
    DEADLINE=1 await "${pids[$name]}" # 124: it hangs
    echo "  $name:" && sed 's/^/    /' "$WORK/$name.err" "$WORK/$name.out" | tail -n 3
    expect_equal "$name: clean, its memory flat, for ${lengths[$name]} s" 0 "$code"
    if [[ -s $said ]]; then fail "$name: nothing is said" "$(head -n 5 "$said")"; else pass "$name: nothing is said"; fi
    recorded "$name" || return
    while examine_children "$name"; do :; done
    expect "$name: no finding in its trace" "$RS" check "$WORK/$name/trace/soak-${pids[$name]}"
    if ((children[$name])) && [[ -z ${bad_children[$name]} ]]; then
        pass "$name: no finding in the traces of ${children[$name]} children"
    else
        fail "$name: no finding in the traces of ${children[$name]} children" "${bad_children[$name]}"
    fi
    open_in_trace "$name" >"$WORK/in-trace"
    [[ -e $WORK/$name/final ]] || return
    open_in_program "$name" >"$WORK/in-program"
    expect "$name: much is open at its end" test "$(wc -l <"$WORK/in-program")" -gt 80
    expect_equal "$name: what is open at its end is open in its trace" "" \
        "$(comm -13 <(sort "$WORK/in-trace") <(sort "$WORK/in-program"))"
}

recording() { # NAME BYTES
    echo "REQSCOPE_TRACE=$WORK/$1/trace REQSCOPE_TRACE_MAX=$2"
}

# shellcheck disable=SC2046 # two words
{
    launch strict-recorded "$seconds" $(recording strict-recorded 16M) -- --flat "$FLAT"
    launch lease "$seconds" REQSCOPE_POLICY=lease -- --flat "$FLAT"
    verdicts strict-recorded
    verdicts lease
    launch lease-recorded "$short" REQSCOPE_POLICY=lease $(recording lease-recorded 16M) -- --flat "$FLAT"
    launch strict "$short" -- --flat "$FLAT"
    verdicts lease-recorded
    verdicts strict
    launch whole 4 REQSCOPE_STACK_DEPTH=2 $(recording whole 0) -- --check-every 1
    verdicts whole
}
expect_same "whole: nothing else is open in its trace" "$WORK/in-trace" "$WORK/in-program"

# --- much of everything

extremes() { # WHAT [VARIABLE=VALUE...]
    local what=$1 line
    shift
    (cd "$WORK" && "${GUARD[@]}" "$@" timeout 300 "$EXTREMES" 2>"$WORK/err") >"$WORK/out" </dev/null
    code=$?
    while IFS= read -r line; do
        case $line in
        "ok "*) pass "$what: ${line#ok }" ;;
        "not ok "*) fail "$what: $(cut -d: -f1 <<<"${line#not ok }")" "$(cut -d: -f2- <<<"$line")" ;;
        "skip "*) skip "$what: $(cut -d: -f1 <<<"${line#skip }")" "$(cut -d: -f2- <<<"$line")" ;;
        esac
    done <"$WORK/out"
    ((code <= 1)) || fail "$what" "ends with $code: $(tail -n 3 "$WORK/err")"
}
extremes "plain"
mkdir "$WORK/traces"
extremes "recorded" REQSCOPE_TRACE="$WORK/traces"

finish
