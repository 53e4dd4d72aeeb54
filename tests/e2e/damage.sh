#!/usr/bin/env bash
# damage.sh: `reqscope report` on a damaged trace says so and exits with 2, whatever the damage: each file of a small trace is
# cut at every byte, and every byte of it is changed (damage.c). Then whole files that are gone, empty, or not of a trace.
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

require "$PROGRAMS/server_small" "$PROGRAMS/damage" "$LIB" "$RS"

# A clean end cuts the trace's files to what is in them: some ten thousand bytes. With one frame a stack the report needs no
# symbols of libc's, which would take most of the time.
"${GUARD[@]}" REQSCOPE_STACK_DEPTH=1 REQSCOPE_TRACE="$WORK/trace" \
    "$PROGRAMS/server_small" >/dev/null 2>&1
folder=$(dirname "$WORK"/trace/*/metadata)
expect_exit "the trace is whole" 0 "$RS" report "$WORK/trace"
expect "the trace is small" test "$(cat "$folder"/* | wc -c)" -lt 30000

mkdir "$WORK/scratch"
expect "every cut and every changed byte is noticed" \
    "$PROGRAMS/damage" "$RS" "$folder" "$WORK/scratch" "$(nproc)"

unusable() { # WHAT FOLDER
    expect_exit "$1: exit 2" 2 "$RS" report "$2"
    expect_text "$1: said on stderr" "$WORK/err" '^reqscope: '
}

for file in "$folder"/*; do
    name=${file##*/}
    rm -rf "$WORK/copy"
    cp -r "$folder" "$WORK/copy"
    rm "$WORK/copy/$name"
    # Without one of its streams a trace cannot be told from one that never had it.
    [[ $name != metadata ]] || unusable "$name is missing" "$WORK/copy"
    mkdir "$WORK/copy/$name"
    unusable "$name is a folder" "$WORK/copy"
    rmdir "$WORK/copy/$name"
    head -c 5000 /dev/urandom >"$WORK/copy/$name"
    unusable "$name is noise" "$WORK/copy"
done

mkdir "$WORK/empty"
unusable "an empty folder" "$WORK/empty"
unusable "a folder that is not there" "$WORK/nowhere"
unusable "a file" "$folder/metadata"
unusable "no trace" /etc

finish
