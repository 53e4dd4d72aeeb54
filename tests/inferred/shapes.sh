#!/usr/bin/env bash
# shapes.sh: servers in each of the forms that servers in C have (shapes.c), and requests that come in odd ways (odd.py).
# SC2317: functions are called by name.
# shellcheck disable=SC2317
# shellcheck source=tests/inferred/judge.sh
. "$(dirname "${BASH_SOURCE[0]}")/judge.sh"

SHAPES=$(realpath -m "$B/inferred/shapes")
require "$SHAPES"
have shapes curl || finish
PATHS=(/one /two '/three?query')

# begin FORM [PATH]: its ports are in $ports
begin() {
    start "$form" "${guarded_run[@]}" "$SHAPES" "$@"
    wait_for "$form to listen" grep -q ready "$WORK/$form.out" || {
        fail "$form: it starts" "$(cat "$WORK/$form.err")"
        return 1
    }
    mapfile -t ports < <(sed -n 's/^listening on 127.0.0.1://p' "$WORK/$form.out")
    port=${ports[0]:-}
}

# The server has seen that its clients are gone: none of its connections is open (01) or waits to be closed (08).
nobody_is_connected() {
    local one
    for one in "${ports[@]}"; do
        ! grep -Eq "^ *[0-9]+: [0-9A-F]{8}:$(printf '%04X' "$one") [0-9A-F:]* 0[18] " /proc/net/tcp || return 1
    done
}

odd() { # KIND N LABEL...
    local kind=$1 count=$2 label
    shift 2
    for label; do expect_contexts "$count" "$label"; done
    run_client "$form: $kind" "$count times" "$PYTHON" -B "$FOLDER/odd.py" "${address:-$port}" "$kind" "$count"
}

upload() { # N
    local i
    for ((i = 0; i < $1; i++)); do
        [[ $(curl -s -m 20 -H 'Expect: 100-continue' --data-binary "@$WORK/upload" "127.0.0.1:$port/upload") == /upload ]] || break
    done
    expect_contexts "$1" "POST /upload"
    expect_equal "$form: uploads that wait to be told" "$1" "$i"
}

head -c 50000 /dev/zero >"$WORK/upload"
for form in fork inetd prefork thread queue level edge oneshot exclusive reuseport poll select late threadread pass; do
    guard "$form"
    begin "$form" || continue
    ask "$form, one connection, kept" "$(scaled 500)" 1 keep "${PATHS[@]}"
    ask "$form, one connection, closed" "$(scaled 200)" 1 close "${PATHS[@]}"
    ask "$form, 50 connections, kept" "$(scaled 2000)" 50 keep "${PATHS[@]}"
    ask "$form, 50 connections, closed" "$(scaled 500)" 50 close "${PATHS[@]}"
    case $form in
    level | edge | oneshot | exclusive | reuseport | poll | select | late | threadread)
        port=${ports[1]} ask "$form, its other port" "$(scaled 200)" 20 keep "${PATHS[@]}"
        ;;
    esac
    odd pipeline 20 "GET /first" "GET /second" "GET /third" "GET /fourth" "GET /fifth"
    odd dribble 5 "POST /dribble"
    odd body 10 "POST /body"
    odd upgrade 10 "GET /upgrade"
    odd turned 10 "GET /turned"
    odd nothing 10
    upload 5
    wait_for "the connections to be closed" nobody_is_connected || fail "$form: it closes its connections" "it does not"
    end_all "$pid"
    judge "$form"
    expect_json "$form: of several that are sent at once it is not known which is worked at" "$WORK/contexts.$form" \
        '[.contexts[] | select(.label | test("^GET /(first|second|third)$")).sure] | length == 60 and all(. == "weak")'
    expect_json "$form: each has ended" "$WORK/contexts.$form" 'all(.contexts[]; .end_ns)'
done

# What comes after a server has said that it will send no more is no request.
form=linger
guard linger
if begin linger; then
    odd late 20 "GET /late"
    wait_for "the connections to be closed" nobody_is_connected || fail "linger: it closes its connections" "it does not"
    end_all "$pid"
    judge linger
fi

for form in thread level; do
    name=$form-unix
    guard "$name"
    begin "$form" "$WORK/$form.socket" || continue
    address=$WORK/$form.socket
    ask "$name, one connection, kept" "$(scaled 500)" 1 keep "${PATHS[@]}"
    ask "$name, 50 connections, kept" "$(scaled 2000)" 50 keep "${PATHS[@]}"
    ask "$name, 50 connections, closed" "$(scaled 500)" 50 close "${PATHS[@]}"
    odd pipeline 20 "GET /first" "GET /second" "GET /third" "GET /fourth" "GET /fifth"
    odd upgrade 10 "GET /upgrade"
    end_all "$pid"
    judge "$name"
    address=
done
finish
