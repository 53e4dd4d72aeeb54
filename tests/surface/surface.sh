#!/usr/bin/env bash
# surface.sh: every call of libc's that touches descriptors, by its own name: the tag is made, kept or dropped as it must be
# (victim_surface_*.c; surface.h has the rules), none is missing in the guard or here (coverage.sh), and each test fails when its
# call goes past the guard.
# SC2317: try is called by name, through xargs.
# shellcheck disable=SC2317
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

require "$LIB"

programs=()
for source in tests/surface/victim_surface_*.c; do programs+=("$(realpath -m "$B/surface/$(basename "$source" .c)")"); done
require "${programs[@]}"

# --- the programs, as many at once as there are processors; their verdicts in order

try() { # PROGRAM NAME [--past]
    env LD_PRELOAD="$LIB" timeout 120 "$1" ${3:+"$3"} >"$WORK/$2.out" 2>"$WORK/$2.err" </dev/null
    echo $? >"$WORK/$2.code"
}
export LIB WORK
export -f try

run_all() { # [--past]
    local program
    for program in "${programs[@]}"; do
        printf '%s\0%s\0%s\0' "$program" "$(basename "$program")${1:-}" "${1:-}"
    done | xargs -0 -n 3 -P "$(nproc)" bash -c 'try "$@"' try
}

judge() { # NAME: as the program said it
    local line code what=${1#victim_surface_}
    while IFS= read -r line; do
        case $line in
        "ok "*) pass "$what: ${line#ok }" ;;
        "not ok "*) fail "$what: $(cut -d: -f1 <<<"${line#not ok }")" "$(cut -d: -f2- <<<"$line")" ;;
        "skip "*) skip "$what: $(cut -d: -f1 <<<"${line#skip }")" "$(cut -d: -f2- <<<"$line")" ;;
        esac
    done <"$WORK/$1.out"
    code=$(<"$WORK/$1.code")
    ((code <= 1)) || fail "$what" "ends with $code: $(tail -n 3 "$WORK/$1.err")"
}

run_all
for program in "${programs[@]}"; do judge "$(basename "$program")"; done

# --- past the guard: what must fail then does. One verdict a program, as nothing but failures is of interest.

run_all --past
for program in "${programs[@]}"; do
    name=$(basename "$program")--past
    expect_equal "${name#victim_surface_}: every test of it sees a call that goes past the guard" "0: " \
        "$(<"$WORK/$name.code"): $(grep -v '^ok ' "$WORK/$name.out" | head -n 3 | xargs)"
done

# --- nothing is missing

if have "no call is missing" nm; then
    expect_exit "every call that must or should be is in the guard, and tested" 0 tests/surface/coverage.sh
    expect_text "the counts are said" "$WORK/out" '^interposed [0-9]+ of [0-9]+ \(must [0-9]+/[0-9]+, should [0-9]+/[0-9]+\)$'
    grep -E '^(interposed|and|missing|untested)' "$WORK/out"

    # Another list, with its columns elsewhere: what it asks for in vain is named.
    printf '%s\n' $'symbol\tversions\tclass\tfd_args\tpriority' $'read\tGLIBC_2.2.5\tread\t0\tmust' \
        $'no_such_call\t-\topen\tret\tshould' $'strlen\t-\tother\t-\trare' >"$WORK/list.tsv"
    expect_exit "what is missing fails" 1 tests/surface/coverage.sh "$WORK/list.tsv"
    expect_text "what is missing is named" "$WORK/out" '^missing: no_such_call \(open, should\)$'
    expect_text "what is untested is named" "$WORK/out" '^untested: no_such_call \(open, should\)$'
    expect_text "what is there is counted" "$WORK/out" '^interposed 1 of 2 \(must 1/1, should 0/1\)$'
    printf '%s\n' $'name\tclass' $'read\tread' >"$WORK/list.tsv"
    expect_exit "a list without the columns is refused" 2 tests/surface/coverage.sh "$WORK/list.tsv"
fi

finish
