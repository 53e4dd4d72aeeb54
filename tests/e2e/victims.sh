#!/usr/bin/env bash
# victims.sh: programs that do under the guard what an interposer breaks easily (tests/programs/victim_*.c), once as they are
# and once with a trace, which any CTF reader must then be able to read. And what the library's own file must look like.
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

require "$LIB" "$PROGRAMS/victim_tags" "$PROGRAMS/victim_throw"

# The victim's own verdicts, as this script's.
judge() { # WHAT VICTIM [VARIABLE=VALUE...]
    local what=$1 victim=$2 line
    shift 2
    (cd "$WORK" && "${GUARD[@]}" "$@" timeout 120 "$PROGRAMS/$victim" 2>"$WORK/err") >"$WORK/out" </dev/null
    code=$?
    while IFS= read -r line; do
        case $line in
        "ok "*) pass "$what $victim: ${line#ok }" ;;
        "not ok "*) fail "$what $victim: $(cut -d: -f1 <<<"${line#not ok }")" "$(cut -d: -f2- <<<"$line")" ;;
        "skip "*) skip "$what $victim: $(cut -d: -f1 <<<"${line#skip }")" "$(cut -d: -f2- <<<"$line")" ;;
        esac
    done <"$WORK/out"
    ((code <= 1)) || fail "$what $victim" "ends with $code: $(tail -n 3 "$WORK/err")"
}

victims() {
    local program
    for program in "$PROGRAMS"/victim_*; do
        [[ -x $program && $program != *.so ]] && basename "$program"
    done
}

for victim in $(victims); do
    judge plain "$victim"
    mkdir -p "$WORK/traces/$victim"
    judge traced "$victim" REQSCOPE_TRACE="$WORK/traces/$victim" VICTIM_COUNT="$WORK/count"
done

# --- the traces

if have "traces are read by babeltrace2" babeltrace2; then
    unread=
    for trace in "$WORK"/traces/*/*; do
        [[ -e $trace/metadata ]] || continue
        babeltrace2 "$trace" -o dummy 2>"$WORK/err" || unread+="$(basename "$trace") "
    done
    expect_equal "every victim's trace is read by babeltrace2" "" "$unread"

    numberless=$(for trace in "$WORK"/traces/victim_threads/*; do babeltrace2 "$trace" 2>/dev/null; done |
        grep -cE ' finding(_again)?: .*[{ ]finding = 0,')
    expect_equal "every finding has a number, however many threads find it at once" 0 "$numberless"

    # What the victim counted: reads in the loop and in its handlers, each of them in the trace.
    if read -r pid reads <"$WORK/count"; then
        found=$(babeltrace2 "$WORK/traces/victim_threads/victim_threads-$pid" 2>/dev/null |
            awk '$0 ~ / read: / && $0 !~ /result = -/ {n++} END {print n + 0}')
        expect_equal "no event of a handler at a high rate is lost" "$reads" "$found"
    else
        fail "no event of a handler at a high rate is lost" "the victim counted nothing"
    fi
fi
if [[ -x $RS ]]; then
    damaged=
    for victim in $(victims); do
        "$RS" report "$WORK/traces/$victim" >/dev/null 2>"$WORK/all-err"
        # One victim limits its files' sizes: its trace says that it was stopped, which is no damage.
        grep -v 'the recording stopped before the process did' "$WORK/all-err" >"$WORK/err"
        [[ ! -s $WORK/err ]] || damaged+="$victim ($(head -n 1 "$WORK/err")) "
        cat "$WORK/all-err" >>"$WORK/all-damage"
    done
    expect_equal "every victim's trace is read by reqscope" "" "$damaged"
    expect "a recording that had to stop is said to be incomplete" \
        grep -q 'victim_process.*the recording stopped before the process did' "$WORK/all-damage"
fi

# --- the library's file

if have "the library's file" nm readelf; then
    exported=$(nm -D --defined-only "$LIB" | awk '{print $3}' | sed 's/@.*//' | sort -u)
    # What the linker was told, made from calls.def: the names between "global:" and "local:".
    wanted=$(sed -n '/global:/,/local:/p' "$B/exports.map" | tr ';' '\n' | grep -oxE ' *[A-Za-z_0-9]+' | tr -d ' ' | sort -u)
    expect_equal "every call of calls.def is exported" "" "$(comm -13 <(echo "$exported") <(echo "$wanted") | xargs)"
    others=$(comm -23 <(echo "$exported") <(echo "$wanted") | grep -vxE 'reqscope_[a-z_]+|_?_?vfork' | xargs)
    expect_equal "nothing else is exported" "" "$others"
    libc=$(ldd "$LIB" | awk '/libc\.so/ {print $3}')
    provided=$(nm -D --defined-only "$libc" | awk '{print $3}' | sed 's/@.*//' | sort -u)
    expect_equal "every call of calls.def is one of libc's" "" "$(comm -23 <(echo "$wanted") <(echo "$provided") | xargs)"

    tls=$(($(readelf -lW "$LIB" | awk '$1 == "TLS" {print $6}')))
    if ((tls > 0 && tls <= 168)); then pass "the thread's part is small"; else fail "the thread's part is small" "$tls bytes"; fi
    expect_equal "no lookup of the thread's part at run time" "" \
        "$(nm -D --undefined-only "$LIB" | grep -o __tls_get_addr)"
    expect_equal "no text relocations" "" "$(readelf -dW "$LIB" | grep -o TEXTREL)"
    forbidden=$(nm -D --undefined-only "$LIB" | awk '{print $2}' | sed 's/@.*//' |
        grep -xE 'malloc|calloc|realloc|free|printf|fprintf|snprintf|vsnprintf|exit|syslog' | xargs)
    expect_equal "it calls no malloc, no stdio, no exit" "" "$forbidden"
    expect_equal "only libc is linked" "libc.so.6" "$(readelf -dW "$LIB" | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p' |
        grep -v '^ld-linux' | xargs)"
fi

finish
