#!/usr/bin/env bash
# preloads.sh: the guard beside other libraries that are preloaded (allocators, a clock), before and after them, and in programs
# that are built with a sanitizer: the victims' verdicts stay what they are, findings too, and the other library still does
# its work.
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

require "$LIB" "$PROGRAMS/victim_tags" "$PROGRAMS/server_small"

# A library's file, wherever the loader has it.
library() { # NAME
    /sbin/ldconfig -p | sed -n "s|.*=> \(/.*/$1\)$|\1|p" | head -n 1
}

# What a victim says must be all "ok" (or "skip").
victim() { # WHAT PRELOAD VICTIM [VARIABLE=VALUE...]
    local what=$1 preload=$2 victim=$3 bad
    shift 3
    (cd "$WORK" && env LD_PRELOAD="$preload" "$@" timeout 120 "$PROGRAMS/$victim") >"$WORK/out" 2>"$WORK/err" </dev/null
    code=$?
    bad=$(grep -a '^not ok' "$WORK/out" | head -n 3)
    if ((code == 0)) && [[ -z $bad ]] && grep -q '^ok' "$WORK/out"; then
        pass "$what: $victim"
    else
        fail "$what: $victim" "ends with $code: $bad $(tail -n 3 "$WORK/err")"
    fi
}

finding() { # WHAT PRELOAD PROGRAM [VARIABLE=VALUE...]
    local what=$1 preload=$2 program=$3
    shift 3
    mkdir -p "$WORK/trace"
    env LD_PRELOAD="$preload" REQSCOPE_TRACE="$WORK/trace" "$@" timeout 60 "$program" >"$WORK/out" 2>"$WORK/err" </dev/null
    code=$?
    expect_equal "$what: the program ends as ever" "0 served" "$code $(cat "$WORK/out")"
    expect_equal "$what: its finding is found" 1 "$(grep -c '^reqscope: foreign-io' "$WORK/err")"
    expect "$what: its trace is whole" "$RS" report "$WORK/trace"
    rm -rf "$WORK/trace"
}

for name in libjemalloc.so.2 libtcmalloc_minimal.so.4 libtcmalloc.so.4; do
    # The last one opens descriptors of its own, low ones, so what counts numbers counts others.
    victims='victim_tags victim_threads'
    [[ $name == libtcmalloc.so.4 ]] || victims+=' victim_own victim_process'
    other=$(library "$name")
    if [[ -z $other ]]; then
        skip "$name" "it is not installed (make deps)"
        continue
    fi
    for preload in "$other:$LIB" "$LIB:$other"; do
        [[ $preload == "$LIB:"* ]] && what="before $name" || what="after $name"
        finding "$what" "$preload" "$PROGRAMS/server_small"
        for victim in $victims; do victim "$what" "$preload" "$victim"; done
    done
done

faketime=$(find /usr/lib -name 'libfaketimeMT.so.1' -print -quit 2>/dev/null)
if [[ -n $faketime ]]; then
    for preload in "$faketime:$LIB" "$LIB:$faketime"; do
        [[ $preload == "$LIB:"* ]] && what="before libfaketime" || what="after libfaketime"
        finding "$what" "$preload" "$PROGRAMS/server_small" FAKETIME='@2001-02-03 04:05:06'
        expect_equal "$what: the clock is still faked" 2001 \
            "$(LD_PRELOAD=$preload FAKETIME='@2001-02-03 04:05:06' date +%Y)"
        for victim in victim_tags victim_calls; do victim "$what" "$preload" "$victim" FAKETIME='@2001-02-03 04:05:06'; done
    done
else
    skip "libfaketime" "it is not installed (make deps)"
fi

# --- programs built with a sanitizer. Its library must come first, or be told not to mind.

for kind in address thread; do
    program=$WORK/small-$kind
    if ! ${CC:-cc} -fsanitize=$kind -g -Iinclude -pthread -o "$program" tests/programs/server_small.c 2>"$WORK/err" ||
        ! "$program" >/dev/null 2>&1; then
        skip "a program built with -fsanitize=$kind" "this compiler or machine cannot: $(head -n 1 "$WORK/err")"
        continue
    fi
    runtime=$(ldd "$program" | sed -n 's/.* => \(.*lib[at]san\.so[^ ]*\).*/\1/p')
    options=(ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=0)
    [[ -z $runtime ]] || finding "after the sanitizer's library ($kind)" "$runtime:$LIB" "$program" "${options[@]}"
    finding "before the sanitizer's library ($kind)" "$LIB" "$program" "${options[@]}"
    for victim in victim_tags victim_calls; do
        if ${CC:-cc} -fsanitize=$kind -g -O1 -Iinclude -pthread -o "$WORK/$victim" "tests/programs/$victim.c" 2>/dev/null; then
            PROGRAMS=$WORK victim "built with -fsanitize=$kind" "${runtime:+$runtime:}$LIB" "$victim" "${options[@]}" \
                TSAN_OPTIONS=report_bugs=0
        fi
    done
done

finish
