#!/usr/bin/env bash
# run.sh: all tests, or those named: the unit tests (each program $B/unit/test_*, with cmocka), those of every call by its
# name (tests/surface), the end-to-end ones, what the command says of kept traces (tests/golden), the cases (tests/cases) a few times each, and contexts that are inferred (tests/inferred).
#
#     tests/run.sh [unit] [surface] [e2e] [golden] [cases] [inferred]       `make test` has built what they need
#
# What each suite says is shown as it runs; those that failed are named again at the end, and the last line is
# `N passed, N failed, N skipped`. The exit code is 1 when anything failed, and when nothing ran.
set -u
cd "$(dirname "$0")/.." || exit 2
export B=${B:-build}
LIMIT=${LIMIT:-600} # seconds that one unit test program may take; all of the end-to-end tests: three times that

passed=0 failed=0 skipped=0 failures=()
output=$(mktemp) || exit 2
trap 'rm -f "$output"' EXIT

# Adds a suite's numbers. One that failed without saying what (a crash, a time limit, a sanitizer's finding at its end) is
# one failure more.
count() { # SUITE EXIT-CODE PASSED FAILED SKIPPED
    local suite=$1 code=$2 why="exit code $2"
    passed=$((passed + $3)) failed=$((failed + $4)) skipped=$((skipped + $5))
    if (($4 == 0 && code)); then
        failed=$((failed + 1))
        ((code == 124)) && why="stopped after $LIMIT seconds"
        ((code > 128)) && why="ended by $(kill -l "$code" 2>/dev/null || echo "exit code $code")"
        echo "not ok $suite: $why"
    fi
    if (($4 || code)); then failures+=("$suite"); fi
}

# cmocka's TAP: "ok N - test", "not ok N - test", "not ok N # SKIP test"; "1..N" says how many there are to be.
run_unit() { # PROGRAM
    local suite=${1##*/} code planned ok bad skips
    echo "== $suite"
    CMOCKA_MESSAGE_OUTPUT=TAP timeout -k 5 "$LIMIT" "$1" </dev/null 2>&1 | tee "$output"
    code=${PIPESTATUS[0]}
    planned=$(sed -n 's/^1\.\.\([0-9]*\)$/\1/p' "$output" | sum)
    ok=$(grep -c '^ok ' "$output")
    skips=$(grep -c '^not ok .*# SKIP' "$output")
    bad=$(($(grep -c '^not ok ' "$output") - skips))
    if ((ok + bad + skips < planned && code == 0)); then code=1; fi
    count "$suite" "$code" "$ok" "$bad" "$skips"
}

# The sum of the numbers, one a line.
sum() {
    local number total=0
    while read -r number; do total=$((total + number)); done
    echo "$total"
}

# A script that ends with a line `N passed, N failed, N skipped`.
run_script() { # SCRIPT ARGUMENT...
    local suite=${1#tests/} code numbers
    echo "== $suite"
    timeout -k 5 "$LIMIT" "$@" </dev/null 2>&1 | tee "$output"
    code=${PIPESTATUS[0]}
    numbers=$(sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed, \([0-9]*\) skipped$/\1 \2 \3/p' "$output" | tail -n 1)
    # shellcheck disable=SC2086 # three words
    count "$suite" "$((code == 0 && ${#numbers} == 0 ? 1 : code))" ${numbers:-0 0 0}
}

unit() {
    local program
    for program in tests/unit/test_*.c; do
        program=$B/unit/$(basename "$program" .c)
        if [[ -x $program ]]; then
            run_unit "$program"
        else
            echo "$program is not there: make unit"
            count "${program##*/}" 1 0 0 0
        fi
    done
}

surface() {
    run_script tests/surface/surface.sh
}

e2e() {
    LIMIT=$((LIMIT * 3)) run_script tests/e2e/run.sh
}

golden() {
    run_script tests/golden/golden.sh
}

cases() {
    run_script tests/cases/cases.sh 3
}

# Those whose servers the other tests have installed; the rest: make inferred.
inferred() {
    local name
    for name in shapes broken gunicorn; do QUICK=1 run_script "tests/inferred/$name.sh"; done
}

for kind in "${@:-}"; do
    case $kind in
    '')
        unit
        surface
        e2e
        golden
        cases
        inferred
        ;;
    unit | surface | e2e | golden | cases | inferred) "$kind" ;;
    *)
        echo "usage: $0 [unit] [surface] [e2e] [golden] [cases] [inferred]" >&2
        exit 2
        ;;
    esac
done

echo
((${#failures[@]})) && echo "failed: ${failures[*]}"
echo "$passed passed, $failed failed, $skipped skipped"
((failed == 0 && passed > 0))
