#!/usr/bin/env bash
# sanitize.sh [SECONDS]: the unit tests, and SECONDS of the soak with the guard linked in (soak.mk), recording and not, once built
# with ThreadSanitizer and once with AddressSanitizer and UndefinedBehaviorSanitizer: not one report. sanitize.h says what
# ThreadSanitizer has to be told; a vfork it would follow into the child, so there is none.
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

seconds=${1:-40}
export UBSAN_OPTIONS=print_stacktrace=1
export TSAN_OPTIONS=halt_on_error=0:die_after_fork=0:second_deadlock_stack=1
export ASAN_OPTIONS=use_sigaltstack=0 # the threads have stacks of their own for signals
REPORT='ERROR: [A-Za-z]*Sanitizer|WARNING: ThreadSanitizer|runtime error'

soak() { # NAME BUILD WITHOUT [VARIABLE=VALUE...]
    local name=$1 build=$2 without=$3 reports
    shift 3
    rm -rf "$WORK/folder" "$WORK/trace" "$WORK/log"
    mkdir "$WORK/folder" "$WORK/trace"
    start soak env -C "$WORK/folder" "$@" REQSCOPE_LOG="$WORK/log" "$(realpath "$build/soak/linked")" \
        --seconds "$((seconds / 2))" --without "$without"
    DEADLINE=$((seconds * 3 + 120)) await "$pid"
    sed 's/^/    /' "$WORK/soak.err" "$WORK/soak.out" | tail -n 3 | cut -c 1-200
    reports=$(grep -acE "$REPORT" "$WORK/soak.err")
    if ((code == 0 && reports == 0)); then
        pass "$name"
    else
        fail "$name" "ends with $code, $reports reports: $(grep -aE -m 1 -A 30 "$REPORT" "$WORK/soak.err")"
    fi
    if [[ -s $WORK/log ]]; then fail "$name: nothing is said" "$(head -n 5 "$WORK/log")"; else pass "$name: nothing is said"; fi
}

# Servers of several threads, whose requests nobody announces. (That EPOLLONESHOT lets in one thread at a time ThreadSanitizer does not
# know.)
shapes() { # NAME BUILD
    local name=$1 build=$2 form reports answers kept
    for form in thread queue threadread linger; do
        rm -rf "$WORK/trace" "$WORK/log"
        mkdir "$WORK/trace"
        start "$form" env REQSCOPE_LOG="$WORK/log" REQSCOPE_POLICY=lease REQSCOPE_TRACE="$WORK/trace" \
            "$(realpath "$build/soak/shapes")" "$form"
        wait_for "$form to listen" grep -q ready "$WORK/$form.out" || fail "$name: $form listens" "it does not"
        port=$(sed -n '1s/^listening on 127.0.0.1://p' "$WORK/$form.out")
        kept=keep
        [[ $form != linger ]] || kept=close
        answers=$("$build/inferred/client" http "$port" 2000 20 $kept /a /b 2>&1 | tail -n 1)
        kill "$pid"
        await "$pid"
        reports=$(grep -acE "$REPORT" "$WORK/$form.err")
        if [[ $reports == 0 && $answers == '2000 answers' ]]; then
            pass "$name: $form"
        else
            fail "$name: $form" "$answers; $reports reports: $(grep -aE -m 1 -A 30 "$REPORT" "$WORK/$form.err")"
        fi
        expect_equal "$name: $form: nothing is said" "" "$(head -n 5 "$WORK/log" 2>/dev/null)"
    done
}

sanitized() { # NAME SANITIZERS WITHOUT
    local name=$1 build=build-$1 numbers flags=(NODEPS=1 -j"$(nproc)" B="build-$1" SANITIZE="$2")
    if ! make "${flags[@]}" soak-linked >"$WORK/make" 2>&1 ||
        ! make NODEPS=1 B="$build" inferred-programs >>"$WORK/make" 2>&1 ||
        ! make "${flags[@]}" CFLAGS="-O2 -g -include tests/soak/sanitize.h" \
            LDFLAGS="$build/soak/linked.o/tests/soak/sanitize.o" unit >>"$WORK/make" 2>&1; then
        fail "$name: it is built" "$(tail -n 5 "$WORK/make")"
        return
    fi
    B=$build tests/run.sh unit >"$WORK/unit" 2>&1
    numbers=$(tail -n 1 "$WORK/unit")
    if [[ $numbers =~ ^[1-9][0-9]*\ passed,\ 0\ failed ]] && ! grep -aqE "$REPORT" "$WORK/unit"; then
        pass "$name: the unit tests ($numbers)"
    else
        fail "$name: the unit tests" "$numbers: $(grep -aE -m 3 "$REPORT|^not ok" "$WORK/unit")"
    fi
    soak "$name: the soak, recording" "$build" "$3" REQSCOPE_TRACE="$WORK/trace" REQSCOPE_TRACE_MAX=16M
    soak "$name: the soak, lease" "$build" "$3" REQSCOPE_POLICY=lease
    shapes "$name" "$build"
}

sanitized tsan thread vfork
sanitized asan address,undefined ""

finish
