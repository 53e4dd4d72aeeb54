#!/usr/bin/env bash
# timeline.sh: the demo's trace as a picture: Bob's request, below Alice's, with what it found of hers; and as a document.
# SC2016: jq's variables are not the shell's.
# shellcheck disable=SC2016
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

TRACE=$B/demo/trace
require "$B/demo/shop" "$LIB" "$RS"
have timeline jq || finish
expect "the demo tells its story" env DEADLINE="$DEADLINE" tests/demo/demo.sh

widest() { # FILE: of ASCII
    awk '{ if (length($0) > widest) widest = length($0) } END { print widest }' "$1"
}

for width in 60 80 160; do
    expect_exit "in $width columns" 0 "$RS" timeline --ascii --width "$width" "$TRACE"
    expect "in $width columns: no line is wider" test "$(widest "$WORK/out")" -le "$width"
    expect_no_text "in $width columns: ASCII alone" "$WORK/out" '[^ -~]'
    expect_text "in $width columns: Alice leaves something" "$WORK/out" '^GET /.*\(2\) +[-<=*#[]+!1'
    expect_text "in $width columns: Bob finds it" "$WORK/out" '^GET /.*\(3\) .*!2'
done
expect_text "what it is stands below, in words" "$WORK/out" \
    '^ +2 ! +[0-9.]+ ms  foreign-io: GET /basket\?user=bob \(context 3\) writes to fd [0-9]+ \(tcp 127\.0\.0\.1:'

expect_exit "by fd" 0 env LC_ALL=C.UTF-8 "$RS" timeline --by fd --width 120 "$TRACE"
expect_text "by fd: the connection is Alice's, then Bob uses it" "$WORK/out" '^tcp 127\.0\.0\.1:[0-9]+ \(fd [0-9]+\) .*A.*✗1.*✗'
expect_text "by fd: A is Alice" "$WORK/out" 'A GET /basket\?user=alice \(2\)   B GET /basket\?user=bob \(3\)'
expect_exit "by thread" 0 env LC_ALL=C.UTF-8 "$RS" timeline --by thread --width 120 "$TRACE"
expect_text "by thread: Bob's found it" "$WORK/out" '^thread [0-9]+ .*✗2'

expect_exit "as a document" 0 "$RS" timeline --json "$TRACE"
expect_json "the document's rows" "$WORK/out" '[.rows[] | [.id, .label]]
    == [[2, "GET /basket?user=alice (2)"], [3, "GET /basket?user=bob (3)"]] and .omitted_rows == 0'
expect_json "the document's time" "$WORK/out" '.from_ns as $from | .to_ns as $to | .cells as $cells
    | $from < $to and all(.rows[]; .begin_ns >= $from and .end_ns <= $to
        and all(.activity[]; .[0] >= 0 and .[0] < $cells and .[1] > 0))'
expect_json "the document's findings" "$WORK/out" '[.findings[] | [.kind, .owner.id, .user.id]]
    == [["leak", 2, 2], ["foreign-io", 2, 3], ["foreign-io", 2, 3]] and .crossings == []'
from=$(jq -r '(.rows[1].begin_ns - .first_ns)' "$WORK/out")
expect_exit "from Bob's begin on" 0 "$RS" timeline --json --from "${from}ns" "$TRACE"
expect_json "from Bob's begin on Alice has ended, and has a row, as it was done to her" "$WORK/out" \
    '[.rows[].id] == [2, 3] and .rows[0].activity == [] and (.findings | length) == 2'

finish
