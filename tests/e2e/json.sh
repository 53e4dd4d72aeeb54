#!/usr/bin/env bash
# json.sh: the demo tells its story, and the documents that --json prints of its trace have the fields that the contract
# promises, each of its type.
# SC2016: jq's variables are not the shell's.
# shellcheck disable=SC2016
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

TRACE=$B/demo/trace
require "$B/demo/shop" "$LIB" "$RS"
have json jq || finish

expect "the demo tells its story" env DEADLINE="$DEADLINE" tests/demo/demo.sh

for command in report contexts fds; do
    expect_exit "$command --json" 0 "$RS" "$command" --json "$TRACE"
    cp "$WORK/out" "$WORK/$command.json"
    expect "$command --json: one document, and no more" jq -es 'length == 1' "$WORK/$command.json"
    expect "$command --json: nothing on stderr" test ! -s "$WORK/err"
done

# jq functions that the filters below share.
TYPES='
def is_count: type == "number" and . >= 0 and floor == .;
def is_text: type == "string";
def is_context: (.id | is_count) and (.label | is_text);
def is_frame: (.function == null or (.function | is_text)) and (.module | is_text) and (.offset | is_count)
    and (.file == null or (.file | is_text)) and (.line == null or (.line | is_count));
def is_stack: type == "array" and length > 0 and all(.[]; is_frame);
'

check_json() { # NAME DOCUMENT FILTER
    expect_json "$1" "$WORK/$2.json" "$TYPES $3"
}

# --- report

check_json "report: format" report '.format == 1'
check_json "report: processes" report \
    '(.processes | length) == 1 and all(.processes[]; (.pid | is_count) and (.command | test("shop --shared")))'
check_json "report: contexts, events and lost events" report \
    '.contexts == 2 and (.events | is_count) and .events > 0 and .lost_events == 0'
check_json "report: three findings, numbered" report \
    '[.findings[].id] | length == 3 and unique == sort and all(.[]; is_count)'
check_json "report: kind, count, pid and fd" report \
    '([.findings[].kind] | sort) == ["foreign-io", "foreign-io", "leak"]
        and all(.findings[]; .count == 1 and (.pid | is_count) and (.fd | is_count))'
check_json "report: pid is the process's" report '.processes[0].pid as $pid | all(.findings[]; .pid == $pid)'
check_json "report: description" report 'all(.findings[]; .description | test("^tcp 127\\.0\\.0\\.1:[0-9]+$"))'
check_json "report: operations" report '[.findings[] | select(.kind == "foreign-io") | .operation] | sort == ["read", "write"]'
check_json "report: what Alice leaves open is hers alone" report \
    '[.findings[] | select(.kind == "leak") | .owner.label, .user.label] | unique == ["GET /basket?user=alice"]'
check_json "report: a line that suppresses each" report 'all(.findings[]; .suppression | test("^[a-z-]+:(fun|lib):"))'
check_json "report: owner and user" report \
    'all(.findings[]; (.owner | is_context) and (.user | is_context)) and
    all(.findings[] | select(.kind == "foreign-io"); .owner.label == "GET /basket?user=alice" and .user.label == "GET /basket?user=bob")'
check_json "report: both stacks" report 'all(.findings[]; (.opened_at | is_stack) and (.used_at | is_stack))'
check_json "report: the innermost frame has function, module, file and line" report \
    'all(.findings[]; .opened_at[0] | .function == "connect_backend" and .module == "shop" and .line > 0
        and (.file | endswith("basket.c")))'

check_json "report: what each stands for" report \
    'all(.findings[]; . as $group | .pids == [.pid] and (.findings | length == 1 and .[0].id == $group.id
        and .[0].owner == $group.owner and .[0].user == $group.user) and .first_ns == .last_ns
        and (.owners | type == "array") and .findings[0].count == $group.count)'
check_json "report: all that is in the trace" report \
    '.findings_in_trace == 3 and .findings_left_out == 0 and .asked_for == null and .by == null'

expect_exit "report --json, filtered" 0 "$RS" report --json --kinds leak --by context "$TRACE"
cp "$WORK/out" "$WORK/part.json"
check_json "report: only what was asked for, under its heading" part \
    '[.findings[] | .kind, .by] == ["leak", "GET /basket?user=alice"] and .findings_in_trace == 3'
expect_exit "diff: nothing came" 0 "$RS" diff --json "$TRACE" "$TRACE"
cp "$WORK/out" "$WORK/diff.json"
check_json "diff: as JSON" diff \
    '.came == [] and .went == [] and .opens == [] and (.stayed | length == 2 and all(.[]; .before == .after and (.used_at | is_stack)))'

# --- contexts

check_json "contexts: two" contexts '.contexts | length == 2'
check_json "contexts: types" contexts \
    'all(.contexts[]; is_context and (.pid | is_count) and (.parent == null or (.parent | is_count))
        and (.begin_ns | is_count) and (.end_ns | is_count) and (.opens | is_count) and (.uses | is_count)
        and (.findings | is_count))'
check_json "contexts: each begins before it ends" contexts 'all(.contexts[]; .begin_ns < .end_ns)'
check_json "contexts: Alice opened a description, Bob used one of which findings tell" contexts \
    '(.contexts[] | select(.label | endswith("alice")) | .opens == 1)
        and (.contexts[] | select(.label | endswith("bob")) | .opens == 0 and .uses > 0 and .findings == 2)'

# --- fds

check_json "fds: types" fds \
    '(.descriptions | length) > 0 and all(.descriptions[]; (.id | is_count) and (.pid | is_count) and (.fd | is_count)
        and (.description | is_text) and (.open_ns | is_count) and (.close_ns == null or (.close_ns | is_count))
        and (.handovers | is_count) and has("opened_by") and (.used_by | type == "array") and has("opened_at"))'
check_json "fds: the basket server's connection: Alice's, used by both, still open" fds \
    '[.descriptions[] | select(.opened_by != null and .opened_by != 0)] | length == 1
        and (.[0] | (.used_by | length) == 2 and .close_ns == null and (.opened_at | is_stack))'

finish
