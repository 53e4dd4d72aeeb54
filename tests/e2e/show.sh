#!/usr/bin/env bash
# show.sh: what `reqscope show` tells of the demo's shop: the finding with Alice's side and Bob's, in order; her request; the
# connection; and what it says of an id that is several things, or nothing.
# SC2016: jq's variables are not the shell's.
# shellcheck disable=SC2016
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

TRACE=$B/demo/trace
require "$B/demo/shop" "$LIB" "$RS"
have show jq || finish
export LC_ALL=C.UTF-8

expect "the demo tells its story" env DEADLINE="$DEADLINE" tests/demo/demo.sh

# The ids are found as a user finds them.
"$RS" show --json '*' "$TRACE" >"$WORK/all.json" 2>/dev/null
id_of() { # TYPE TEXT: the id of the first one in which the text is found
    jq -r --arg type "$1" --arg text "$2" '[.matches[] | select(.type == $type and (.text | contains($text)))][0].show' "$WORK/all.json"
}
alice=$(id_of context user=alice)
bob=$(id_of context user=bob)
finding=f$("$RS" report --json "$TRACE" | jq '[.findings[] | select(.kind == "foreign-io" and .operation == "write")][0].id')

# --- the finding

expect_exit "the finding is shown" 0 "$RS" show "$finding" --width 120 "$TRACE"
cp "$WORK/out" "$WORK/finding"
expect_text "it says what was done" "$WORK/finding" "^$finding  foreign-io: GET /basket\?user=bob .* writes to fd [0-9]+ \(tcp 127"
expect_text "and where" "$WORK/finding" 'ask_over +basket.c:[0-9]+'
expect_text "and where that was opened" "$WORK/finding" 'connect_backend +basket.c:[0-9]+'
expect_text "the owner is left, the user right" "$WORK/finding" "time │ GET /basket\?user=alice \($alice\) +│ GET /basket\?user=bob \($bob\)"

# What is said of the connection in the columns: L what the owner does, R what the user does, in this order.
"$RS" show "$finding" --ascii --width 200 "$TRACE" | awk -F'|' '/\|/ && NR > 1 {
    for (i = 2; i <= 3; i++) if ($i ~ /[a-z]/) { sub(/^ +/, "", $i); sub(/ +$/, "", $i); print (i == 2 ? "L " : "R ") $i } }' >"$WORK/told"
grep -nE 'L opens tcp|L connect|L write [0-9]+ bytes$|R <== foreign-io: writes to fd|R write [0-9]+ bytes$|R read [0-9]+ bytes$' "$WORK/told" |
    sed -E 's/^[0-9]+:(.) ([a-z<= ]*[a-z]).*/\1 \2/' >"$WORK/order"
printf '%s\n' 'L opens tcp' 'L connect' 'L write' 'R <== foreign-io' 'R write' 'R read' >"$WORK/expected"
sed -i -E 's/foreign$/foreign-io/' "$WORK/order"
expect_same "Alice asks, then Bob asks on her connection, then he reads" "$WORK/expected" "$WORK/order"
expect_text "the finding stands out, at time 0" "$WORK/finding" '^> +0\.000 [mu]?s │ +│ <== foreign-io: writes to fd'

expect_exit "the finding as JSON" 0 "$RS" show "$finding" --json "$TRACE"
expect_json "in the order of time, the finding at 0" "$WORK/out" \
    '.type == "finding" and ([.events[].relative_ns] | . == sort) and ([.events[] | select(.relative_ns == 0)][0].event == "finding")'
expect_json "each event has its fields" "$WORK/out" \
    'all(.events[]; (keys - ["time_ns", "relative_ns", "pid", "thread", "context", "description", "fd", "event", "operation", "result", "text"]) == []
        and (.text | length > 0))'

# --- the request and the connection

expect_exit "Alice's request is shown by its label" 0 "$RS" show 'GET /basket?user=alice' "$TRACE"
expect_text "who says that it is one" "$WORK/out" 'api, certain'
expect_text "what it left open" "$WORK/out" 'tcp 127.0.0.1:[0-9]+: opened, .* never closed'
expect_text "what was found of it" "$WORK/out" "$finding  foreign-io: "
connection=d$("$RS" fds --json "$TRACE" | jq --argjson alice "${alice#c}" '[.descriptions[] | select(.opened_by == $alice)][0].id')
expect_exit "the connection is shown" 0 "$RS" show "$connection" --width 120 "$TRACE"
expect_text "who opened it" "$WORK/out" "by GET /basket\?user=alice \($alice\), with socket"
expect_text "both have used it" "$WORK/out" 'by 2 contexts'

# --- ids

expect_exit "a label of both is a list" 2 "$RS" show 'GET /basket*' "$TRACE"
expect_text "with Alice's" "$WORK/out" "^$alice +GET /basket\?user=alice"
expect_text "and Bob's" "$WORK/out" "^$bob +GET /basket\?user=bob"
expect_exit "an id that is nothing" 2 "$RS" show f99 "$TRACE"
expect_text "says what there is" "$WORK/err" 'it has findings f1 to f3'
expect_exit "a trace is needed" 2 "$RS" show f1
expect_text "and said so" "$WORK/err" 'ID TRACE'

finish
