#!/usr/bin/env bash
# coverage.sh [LIST]: is every call of libc's that touches descriptors in the guard, and tested? `make coverage-calls`
#
#     interposed N of M (must a/b, should c/d)     M: what is `must` or `should` in the list
#     and R rare
#     missing: NAME (CLASS, PRIORITY)              the built library does not export it
#     untested: NAME (CLASS, PRIORITY)             no program of this folder calls it in a test
#
# The list is libc-symbols.tsv, or LIST (also as a variable): tab-separated, any table whose first line that is no comment names
# the columns symbol, priority and class. Exit code 1: something is missing or untested; 2: something is not there.
set -u
here=$(dirname "${BASH_SOURCE[0]}")
cd "$here/../.." || exit 2
B=${B:-build}
LIB=${LIB:-$B/libreqscope.so}
LIST=${1:-${LIST:-tests/surface/libc-symbols.tsv}}

for file in "$LIB" "$LIST"; do
    [[ -r $file ]] && continue
    echo "$0: $file is not there: run make first" >&2
    exit 2
done

# vfork and its twin are assembly, but exports like the rest.
exported=$(nm -D --defined-only "$LIB" | awk '$2 ~ /[TWi]/ {sub(/@.*/, "", $3); print $3}' | sort -u)
tested=$(for program in "$B"/surface/victim_surface_*; do [[ -x $program ]] && "$program" --symbols; done | sort -u)
if [[ -z $exported || -z $tested ]]; then
    echo "$0: $LIB exports nothing, or the programs in $B/surface are not built" >&2
    exit 2
fi

awk -F'\t' -v list="$LIST" '
    FILENAME == ARGV[1] { exported[$1] = 1; next }
    FILENAME == ARGV[2] { tested[$1] = 1; next }
    /^#/ || /^$/ { next }
    !columns {
        for (columns = 1; columns <= NF; columns++) column[$columns] = columns
        if (!column["symbol"] || !column["priority"] || !column["class"]) {
            print list ": its first line does not name the columns symbol, priority and class" >"/dev/stderr"
            unusable = 1
            exit
        }
        next
    }
    {
        name = $column["symbol"]; priority = $column["priority"]; class = $column["class"]
        all[priority]++
        if (exported[name]) found[priority]++
        if (priority != "must" && priority != "should") next
        if (!exported[name]) missing = missing sprintf("missing: %s (%s, %s)\n", name, class, priority)
        if (!tested[name]) missing = missing sprintf("untested: %s (%s, %s)\n", name, class, priority)
    }
    END {
        if (unusable) exit 2
        printf "interposed %d of %d (must %d/%d, should %d/%d)\n", found["must"] + found["should"],
            all["must"] + all["should"], found["must"], all["must"], found["should"], all["should"]
        printf "and %d rare\n", found["rare"]
        printf "%s", missing
        if (all["must"] + all["should"] == 0) {
            print list ": no symbol in it is must or should" >"/dev/stderr"
            exit 2
        }
        exit (missing != "")
    }' <(echo "$exported") <(echo "$tested") "$LIST"
