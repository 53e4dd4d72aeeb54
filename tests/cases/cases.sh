#!/usr/bin/env bash
# cases.sh [RUNS] [CASE...]: bugs that people know, each in a small server as somebody would write it, and the same server
# without the bug. Each bug is found by its right name, with both requests and both lines of source, and nothing else is
# said; where there is none, nothing is. cases.tsv holds what is right.
#
# Those with threads or processes are run RUNS times (100): what is found must be the same every time.
# SC2015: `A && B || continue`: whichever of them is false. SC2016: jq's variables are not the shell's. SC2317: some functions
# are called by name, through wait_for.
# shellcheck disable=SC2015,SC2016,SC2317
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source=tests/backends.sh
. tests/backends.sh

RUNS=${1:-100}
WANTED=("${@:2}")  # all, when none is named
JOBS=${JOBS:-2}    # runs at a time
CASES=tests/cases
PYTHON=/usr/bin/python3 # Debian's, for which psycopg2 is packaged
require "$LIB" "$RS" "$B/cases/module_client"
have cases redis-server redis-cli jq "$PYTHON" "$POSTGRES_BIN/initdb" "$POSTGRES_BIN/postgres" "$POSTGRES_BIN/psql" || finish
if ! "$PYTHON" -c 'import psycopg2' 2>/dev/null; then
    skip cases "$PYTHON has no psycopg2 (make deps)"
    finish
fi

# --- the backends

USERS=(alice bob carol dave erin)

start_baskets_in_redis() {
    local user
    start_redis || return
    REDIS_PORT=$port
    for user in "${USERS[@]}"; do redis-cli -p "$port" set "basket:$user" "$user: 2 x red shoes" >/dev/null; done
}

start_baskets_in_postgres() {
    local user
    start_postgres || return
    POSTGRES_DSN="host=127.0.0.1 port=$port user=tester dbname=postgres sslmode=disable gssencmode=disable"
    {
        echo "CREATE TABLE orders (buyer text); CREATE TABLE baskets (owner text, content text);"
        for user in "${USERS[@]}"; do echo "INSERT INTO baskets VALUES ('$user', '$user: 2 x red shoes');"; done
    } | "$POSTGRES_BIN/psql" -q -v ON_ERROR_STOP=1 "$POSTGRES_DSN"
}

start_http() {
    start http "$PYTHON" -B "$CASES/http_server.py"
    HTTP_PORT=$(port_of http)
}

start_backends() {
    start_baskets_in_redis && start_baskets_in_postgres && start_http || return
    BASKET_FILE=$WORK/baskets
    printf '%s: 2 x red shoes\n' "${USERS[@]}" >"$BASKET_FILE"
    export DEADLINE REDIS_PORT POSTGRES_DSN HTTP_PORT BASKET_FILE
}

# --- one row of the table

# What a row expects, a line a finding; read_table fills them.
file='' form='' policy='' bare='' runs='' expected=()

# The exit code of a case in which that is what the visitors are shown.
exit_code_of() { # right|wrong
    if [[ $1 == wrong ]]; then echo 1; else echo 0; fi
}

program=()
find_program() { # FILE
    case $1 in
    *.py) program=("$PYTHON" -B "$CASES/$1") ;;
    *) program=("$B/cases/${1%.c}") ;;
    esac
}

# A place in the source as judge.jq takes it: "text" is the comment that marks the line, in the case's file or in case.h;
# "@name" a part of a function's or module's name; "-" anywhere.
place() { # FILE MARKER
    local found
    case $2 in
    -) echo null ;;
    @*) echo "{\"name\": \"${2#@}\"}" ;;
    *)
        found=$(cd "$CASES" && grep -nE "CASE: $2( \*/|\$)" "$1" case.h | cut -d: -f-2)
        if [[ $found == *$'\n'* || -z $found ]]; then
            echo "$1: not one line with CASE: $2, but: ${found:-none}" >&2
            return 1
        fi
        echo "{\"file\": \"${found%:*}\", \"line\": ${found#*:}}"
        ;;
    esac
}

# The row's findings for judge.jq. What the table holds needs no escaping in JSON.
expectation() {
    local line kind owner user opened used all=''
    for line in "${expected[@]}"; do
        IFS=$'\t' read -r kind owner user opened used <<<"$line"
        opened=$(place "$file" "$opened") && used=$(place "$file" "$used") || return
        all+="${all:+, }{\"kind\": \"$kind\", \"owners\": [\"${owner//|/\", \"}\"], \"user\": \"$user\", "
        all+="\"opened\": $opened, \"used\": $used}"
    done
    echo "[$all]"
}

# Each run has a folder in $WORK/row: what it says, its log, its trace and its exit code.
play() { # TIMES
    rm -rf "$WORK/row"
    mkdir "$WORK/row"
    seq "$1" | xargs -P "$JOBS" -I{} sh -c '
        run=$1/run-$2
        shift 2
        mkdir "$run"
        REQSCOPE_TRACE=$run/trace REQSCOPE_LOG=$run/log timeout -k 1 "$DEADLINE" "$@" >"$run/out" 2>"$run/err" </dev/null
        echo $? >"$run/code"
    ' sh "$WORK/row" {} "${GUARD[@]}" REQSCOPE_MODE=log REQSCOPE_CONTEXT=api REQSCOPE_POLICY="$policy" \
        "${program[@]}" "$form"
}

# Prints what is wrong with the runs, a line each.
judge() { # TIMES EXPECTATION
    local codes wanted words kinds
    wanted=$(exit_code_of "$bare")
    codes=$(cat "$WORK"/row/run-*/code | sort -u | tr '\n' ' ')
    [[ $codes == "$wanted " ]] || echo "exit codes $codes, expected $wanted"
    cat "$WORK"/row/run-*/err | sort | uniq -c | sed 's/^ *//; s/^/on stderr, times /' | head -n 3

    # ("unleaked" takes up a leak again that was reported: it is closed after all.)
    words=$(cat "$WORK"/row/run-*/log 2>/dev/null | sed -n 's/^reqscope: \([^:]*\).*/\1/p' | sort -u | tr '\n' ' ')
    [[ $words != *'leak '* ]] || words=${words/unleaked /}
    kinds=$(printf '%s\n' "${expected[@]%%$'\t'*}" | grep . | sort -u | tr '\n' ' ')
    [[ $words == "$kinds" ]] || echo "the log speaks of '${words% }', expected '${kinds% }'"

    "$RS" report --json "$WORK"/row/run-*/trace 2>"$WORK/report.err" |
        jq -r --argjson expected "$2" --argjson runs "$1" -f "$CASES/judge.jq" >"$WORK/outcomes" 2>>"$WORK/report.err" ||
        echo "the traces cannot be read: $(tail -n 3 "$WORK/report.err")"
    [[ -s $WORK/outcomes ]] || echo "no outcome at all: $(tail -n 3 "$WORK/report.err")"
    sed -n "s|^\([0-9]*\)\t\(.\)|\1 of $1 runs: \2|p" "$WORK/outcomes"
}

declare -A played_bare
play_bare() {
    local code=0
    [[ -n ${played_bare[$file/$form]:-} ]] && return
    played_bare[$file/$form]=yes
    timeout -k 1 "$DEADLINE" "${program[@]}" "$form" >"$WORK/out" 2>"$WORK/err" </dev/null || code=$?
    if [[ $code == $(exit_code_of "$bare") && ! -s $WORK/err ]]; then
        pass "$file $form: bare, it is $bare what the visitors are shown"
    else
        fail "$file $form: bare, it should be $bare what the visitors are shown" \
            "exit code $code: $(cat "$WORK/out" "$WORK/err")"
    fi
}

play_row() {
    local times=1 expects began=$EPOCHREALTIME took why name="$file $form, $policy"
    [[ -n $file ]] && is_wanted "$file" || return
    [[ $runs == threaded ]] && times=$RUNS
    find_program "$file"
    play_bare
    if ! expects=$(expectation 2>"$WORK/err"); then
        fail "$name" "$(cat "$WORK/err")"
        return
    fi
    play "$times"
    why=$(judge "$times" "$expects")
    took=$((${EPOCHREALTIME/./} - ${began/./}))
    name+=" ($times runs, $((took / 1000000)).$(printf %02d $((took / 10000 % 100))) s)"
    if [[ -z $why ]]; then pass "$name"; else fail "$name" "$why"; fi
}

is_wanted() { # FILE
    local wanted
    ((${#WANTED[@]})) || return 0
    for wanted in "${WANTED[@]}"; do [[ ${1%.*} == "${wanted%.*}" ]] && return; done
    return 1
}

# A row is a case in one form and policy; what it expects to be found goes on in the lines below, which have `"` for the rest.
play_table() {
    local line cells
    while IFS= read -r line <&3; do
        [[ $line == '#'* || -z $line ]] && continue
        IFS=$'\t' read -ra cells <<<"$line"
        if [[ ${cells[0]} != '"' ]]; then
            play_row
            file=${cells[0]} form=${cells[1]} policy=${cells[2]} bare=${cells[3]} runs=${cells[4]} expected=()
        fi
        [[ ${cells[5]} == none ]] || expected+=("$(IFS=$'\t' && echo "${cells[*]:5}")")
    done 3<"$CASES/cases.tsv"
    play_row
}

# "A layer for each request", says the wiring: how often is it really built?
count_opens() {
    local name="boot_wiring.c, opens counted" opens="tcp:127.0.0.1:$REDIS_PORT"
    file=boot_wiring.c policy=strict
    is_wanted $file || return
    if ! "$RS" check --help | grep -q -- --expect-opens; then
        skip "$name" "reqscope check has no --expect-opens"
        return
    fi
    find_program $file
    form=broken-2
    play 1
    expect_exit "$name: one for two requests" 1 "$RS" check --max 9 --expect-opens "$opens=2" "$WORK/row/run-1/trace"
    expect_exit "$name: and it is one" 0 "$RS" check --max 9 --expect-opens "$opens=1" "$WORK/row/run-1/trace"
    form=mended
    play 1
    expect_exit "$name: mended, one for each" 0 "$RS" check --expect-opens "$opens=2" "$WORK/row/run-1/trace"
}

start_backends || {
    fail cases "a backend does not start"
    finish
}
play_table
count_opens
finish
