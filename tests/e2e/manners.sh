#!/usr/bin/env bash
# manners.sh: the command as one uses it: exit codes, what it says of mistakes, help for everything, colour, the pager, progress.
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

require "$RS" "$B/reqscope.1"
have manners python3 || finish
tar -xzf tests/golden/traces/broken.tar.gz -C "$WORK"
tar -xzf tests/golden/traces/mended.tar.gz -C "$WORK"
BROKEN=$WORK/broken MENDED=$WORK/mended
unset NO_COLOR REQSCOPE_PAGER PAGER LESS
mapfile -t COMMANDS < <("$RS" --help | sed -n 's/^  \([a-z]*\) .*/\1/p')

# --- exit codes

for command in report contexts fds timeline; do
    expect_exit "$command: findings are no failure" 0 "$RS" "$command" "$BROKEN"
    expect_exit "$command: no such trace" 2 "$RS" "$command" "$WORK/nowhere"
    expect_text "$command: says where to find one" "$WORK/err" 'nowhere: cannot be read: .*REQSCOPE_TRACE'
done
expect_exit "check: findings" 1 "$RS" check "$BROKEN"
expect_exit "check: as many as are tolerated" 0 "$RS" check --max 100 "$BROKEN"
expect_exit "check: none of the kind" 0 "$RS" check --kinds dirty-handover "$BROKEN"
expect_exit "diff: new ones" 1 "$RS" diff "$MENDED" "$BROKEN"
expect_exit "diff: none is new" 0 "$RS" diff "$BROKEN" "$MENDED"
expect_exit "show: an id that is nothing" 2 "$RS" show f99 "$BROKEN"
expect_exit "export: into a folder that is not there" 2 "$RS" export --format json --output "$WORK/no/such" "$BROKEN"
expect_exit "top: a process that is not guarded" 2 "$RS" top $$
expect_exit "a full disk is noticed" 2 sh -c "'$RS' report '$BROKEN' >/dev/full"
expect_exit "a reader who leaves is no error of the trace's" 0 sh -c "'$RS' fds '$BROKEN' | head -n 1"

# --- mistakes: what was given, what it may have meant

mistake() { # WHAT PATTERN ARGUMENT...
    local what=$1 pattern=$2
    shift 2
    expect_exit "$what: is a mistake" 2 "$RS" "$@"
    expect_text "$what: says so" "$WORK/err" "$pattern"
    expect_equal "$what: nothing else is printed" "" "$(cat "$WORK/out")"
}

mistake "a command" "did you mean report" reprot "$BROKEN"
mistake "an option" "did you mean --kinds" report --kinsd leak "$BROKEN"
mistake "an option of another command" "unknown option '--expect-opens'" report --expect-opens tcp=1 "$BROKEN"
mistake "a value" "did you mean sarif" export --format sarfi "$BROKEN"
mistake "a kind" "'leek' is not known.*leak" check --kinds leek "$BROKEN"
mistake "a time" "'soon' is no time.*1.5s" report --since soon "$BROKEN"
mistake "a number" "'x' is not a number" report --max=x "$BROKEN"
mistake "no value" "needs a value" report "$BROKEN" --match
mistake "an empty value" "the value is empty" report --match= "$BROKEN"
mistake "a short form of two" "short for several options: --max, --match" report --ma 1 "$BROKEN"
mistake "no trace" "give TRACE" report
mistake "one trace too few" "give TRACE TRACE" diff "$BROKEN"
expect_exit "options may follow" 0 "$RS" report "$BROKEN" --max 1
expect_exit "what follows -- is none" 2 "$RS" report -- --json
expect_exit "the last of two counts" 1 "$RS" check --max 100 --max 0 "$BROKEN"
expect_exit "a name may be cut short" 0 "$RS" contexts --mat basket "$BROKEN"

# --- help, the same in all its places

sed 's/\\//g' "$B/reqscope.1" >"$WORK/manual"
"$RS" completion bash >"$WORK/bash"
"$RS" completion zsh >"$WORK/zsh"
"$RS" completion fish >"$WORK/fish"
for command in "${COMMANDS[@]}"; do
    expect_exit "$command --help" 0 "$RS" "$command" --help
    mv "$WORK/out" "$WORK/help"
    expect_exit "help $command" 0 "$RS" help "$command"
    expect_same "$command: help is the same both ways" "$WORK/help" "$WORK/out"
    expect_text "$command: how it is used" "$WORK/help" "^usage: reqscope $command"
    missing=''
    while read -r option; do
        for place in manual bash zsh fish; do
            grep -q -- "$option" "$WORK/$place" || missing+=" --$option($place)"
        done
    done < <(sed -n 's/^  --\([a-z-]*\).*/\1/p' "$WORK/help")
    expect_equal "$command: its options are in the man page and the completions" "" "$missing"
done
if command -v groff >/dev/null; then
    groff -man -Tutf8 -ww -z "$B/reqscope.1" 2>"$WORK/err"
    expect_equal "the man page is well written" "" "$(cat "$WORK/err")"
else
    skip "the man page is well written" "no groff"
fi

# --- on a terminal: python3's pty, on which the command and a pager may write

# on_terminal [VARIABLE=VALUE...] COMMAND...: what comes on the terminal, $WORK/out; the exit code, $code.
on_terminal() {
    python3 - "$WORK/out" env TERM=xterm "$@" >/dev/null <<'PYTHON'
import os
import pty
import sys

said = open(sys.argv[1], "wb")


def read(fd):
    data = os.read(fd, 65536)
    said.write(data)
    return data


status = pty.spawn(sys.argv[2:], read, lambda fd: b"")
said.close()
sys.exit(os.waitstatus_to_exitcode(status))
PYTHON
    code=$?
}

colour=$'\e\\['
on_terminal PAGER=cat "$RS" report "$BROKEN"
expect_text "on a terminal there is colour" "$WORK/out" "$colour"
on_terminal PAGER=cat NO_COLOR=1 "$RS" report "$BROKEN"
expect_no_text "but for NO_COLOR" "$WORK/out" "$colour"
on_terminal PAGER=cat "$RS" report --color=never "$BROKEN"
expect_no_text "and --color=never" "$WORK/out" "$colour"
"$RS" report "$BROKEN" >"$WORK/out"
expect_no_text "elsewhere there is none" "$WORK/out" "$colour"
"$RS" report --color=always "$BROKEN" >"$WORK/out"
expect_text "but for --color=always" "$WORK/out" "$colour"

PAGED='sed s/^/paged:/'
on_terminal PAGER="$PAGED" "$RS" report "$BROKEN"
expect_text "what is long goes through the pager" "$WORK/out" '^paged:'
on_terminal REQSCOPE_PAGER="$PAGED" PAGER=false "$RS" contexts "$BROKEN"
expect_text "REQSCOPE_PAGER comes first" "$WORK/out" '^paged:'
on_terminal PAGER="$PAGED" "$RS" report --no-pager "$BROKEN"
expect_no_text "not with --no-pager" "$WORK/out" 'paged:'
on_terminal PAGER="$PAGED" "$RS" report --json "$BROKEN"
expect_no_text "nor with --json" "$WORK/out" 'paged:'
on_terminal PAGER="$PAGED" "$RS" check "$BROKEN"
expect_no_text "nor check's verdict" "$WORK/out" 'paged:'
expect_equal "whose exit code is its own" 1 "$code"
on_terminal PAGER='head -n 1' "$RS" fds "$BROKEN"
expect_equal "leaving the pager early is no error" 0 "$code"
on_terminal PAGER="$PAGED" "$RS" diff "$MENDED" "$BROKEN"
expect_equal "the exit code is the command's, not the pager's" 1 "$code"
PAGER=$PAGED "$RS" report "$BROKEN" >"$WORK/out"
expect_no_text "no terminal, no pager" "$WORK/out" 'paged:'

finish
