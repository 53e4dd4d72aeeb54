# shellcheck shell=bash
# judge.sh: what the tests of inferred contexts share. Each starts real servers as they are, under the guard, loads them with
# clients that know exactly how many requests were answered, and compares: a context for each request, under its label, and
# no finding. A script of this folder sources it instead of lib.sh.
#
#     guard NAME [VARIABLE=VALUE...]   what is started from here on is recorded under this name: "${guarded[@]}" CMD, with the
#                              guard's variables, or "${guarded_run[@]}" CMD, by `reqscope run`
#     expect_contexts N LABEL [SURPLUS]   the guard NAME is to find so many, or up to SURPLUS more
#     judge NAME [PATTERN]     compares, when its server has ended. PATTERN: what the log may say all the same
#
# Loads (each expects the contexts of what it asks for, under the names in $judged):
#     ask WHAT N CONNECTIONS keep|close PATH...      client.c: exactly N requests, over the paths in turn
#     ask_file WHAT FILE OPTION...                   load_http.py: a file of requests
#     ask_ab WHAT N CONNECTIONS keep|close PATH      ab
#     ask_wrk WHAT CONNECTIONS PATH                  wrk, a moment: it cuts off what is under way at its end
# They use $port (or $address, when that is set: a socket's path).
#
# QUICK=1 makes the loads smaller. KEEP=FOLDER: what the script has left is put there. INFER_ENV="NAME=VALUE ...": for the guard.
# SC2034: who sources this uses them.
# shellcheck disable=SC2034
POLICY=lease
# shellcheck source=tests/servers/both.sh
. "$(dirname "${BASH_SOURCE[0]}")/../servers/both.sh"

FOLDER=tests/inferred
CLIENT=$(realpath -m "$B/inferred/client")
side=guarded
address=
judged=()
require "$CLIENT"
have "${0##*/}" jq || finish
[[ ! ${KEEP:-} ]] || trap 'cp -aT "$WORK" "$KEEP"; clean_up' EXIT

# REQSCOPE_CONTEXT is not set: that contexts are inferred is the default.
unset "${!REQSCOPE_@}"
guard() { # NAME [VARIABLE=VALUE...]
    local name=$1
    shift
    mkdir -p "$WORK/trace.$name" "$WORK/log.$name"
    chmod 1777 "$WORK/trace.$name" "$WORK/log.$name"
    # shellcheck disable=SC2206 # words
    guarded=(env LD_PRELOAD="$WORK/lib/libreqscope.so" REQSCOPE_MODE=log REQSCOPE_POLICY="$POLICY"
        REQSCOPE_TRACE="$WORK/trace.$name" REQSCOPE_TRACE_MAX=0 REQSCOPE_LOG="$WORK/log.$name/%p" ${INFER_ENV:-} "$@")
    # shellcheck disable=SC2206
    guarded_run=(env REQSCOPE_TRACE_MAX=0 ${INFER_ENV:-} "$@" "$RS" run --policy "$POLICY" --trace "$WORK/trace.$name"
        --log "$WORK/log.$name/%p" --)
    judged=("$name")
    : >>"$WORK/expected.$name"
}

expect_contexts() { # N LABEL [SURPLUS]
    local name
    for name in "${judged[@]}"; do printf '%d\t%d\t%s\n' "$1" $(($1 + ${3:-0})) "$2" >>"$WORK/expected.$name"; done
}

# --- loads

# GET PATH, without the query
label_of() { # PATH
    echo "GET ${1%%\?*}"
}

ask() { # WHAT N CONNECTIONS keep|close PATH...
    local what=$1 count=$2 connections=$3 mode=$4 i path
    shift 4
    for ((i = 0; i < $#; i++)); do
        path=${*:i+1:1}
        expect_contexts $((count / $# + (i < count % $#))) "$(label_of "$path")"
    done
    run_client "$what" "$count answers" "$CLIENT" http "${address:-$port}" "$count" "$connections" "$mode" "$@"
}

run_client() { # WHAT LAST-LINE COMMAND...
    local what=$1 last=$2
    shift 2
    if timeout 120 "$@" >"$WORK/client" 2>&1 && [[ $(tail -n 1 "$WORK/client") == "$last" ]]; then
        pass "$what: $last"
    else
        fail "$what: $last" "$(tail -n 3 "$WORK/client")"
    fi
}

# A line of the file: METHOD PATH ...
ask_file() { # WHAT FILE OPTION...
    local what=$1 file=$2 count label
    shift 2
    while read -r count label; do expect_contexts "$count" "$label"; done \
        < <(awk '{ sub(/\?.*/, "", $2); print $1, $2 }' "$file" | sort | uniq -c)
    if timeout 120 "$PYTHON" -B tests/servers/load_http.py "$@" "${address:-$port}" "$file" >"$WORK/client" \
        2>"$WORK/client.err"; then
        pass "$what: $(tail -n 1 "$WORK/client.err")"
    else
        fail "$what" "exit $?: $(grep -a -m 3 failed "$WORK/client"; tail -n 3 "$WORK/client.err")"
    fi
}

# (Debian 12's ab sends no more requests than it counts, on kept connections, too.) $cut_off=1: the server closes kept connections
# when it likes; such a request it may have read, or not.
cut_off=
ask_ab() { # WHAT N CONNECTIONS keep|close PATH [SCHEME]
    local what=$1 count=$2 connections=$3 keep=() failures
    [[ $4 == close ]] || keep=(-k)
    timeout 120 ab -q -s 20 -r -n "$count" -c "$connections" "${keep[@]}" "${6:-http}://127.0.0.1:$port$5" >"$WORK/client" 2>&1
    failures=$(sed -n 's/^Failed requests: *//p' "$WORK/client")
    expect_contexts $((count - ${failures:-0})) "${label:-$(label_of "$5")}" "${failures:-0}"
    if grep -Eqx "Complete requests: +$count" "$WORK/client" && [[ $failures == 0 || $cut_off ]] &&
        ! grep -q '^Non-2xx' "$WORK/client"; then
        pass "$what: $((count - failures)) answers, says ab"
    else
        fail "$what" "ab: $(grep -E 'requests:|^Non-2xx|^apr' "$WORK/client" || tail -n 3 "$WORK/client")"
    fi
}

ask_wrk() { # WHAT CONNECTIONS PATH [SCHEME]
    local what=$1 count cut
    timeout 60 wrk -t 2 -c "$2" -d 1s --timeout 20s "${4:-http}://127.0.0.1:$port$3" >"$WORK/client" 2>&1
    count=$(sed -n 's/^ *\([0-9]*\) requests in .*/\1/p' "$WORK/client")
    # A server may close a kept connection when it likes.
    cut=$(sed -n 's/.*Socket errors:.* read \([0-9]*\),.*/\1/p' "$WORK/client")
    if [[ $count ]] && ! grep -q 'Non-2xx' "$WORK/client"; then
        pass "$what: $count answers, says wrk"
    else
        fail "$what" "wrk: $(grep 'Non-2xx' "$WORK/client" || tail -n 3 "$WORK/client")"
    fi
    expect_contexts "${count:-0}" "${label:-$(label_of "$3")}" $(($2 + ${cut:-0}))
}

# --- the verdict

# The contexts that were requests, as COUNT LABEL with a tab between. What is known by its peer and number is "peer #n".
# (A guard that does not say how it has found them: all.)
count_contexts() { # FILE
    jq -r '.contexts[] | select((.found // "request") == "request") | .label' "$1" | sed 's/^.* #[0-9]*$/peer #n/' |
        LC_ALL=C sort | uniq -c | sed 's/^ *\([0-9]*\) /\1\t/'
}

# Prints what differs, a line each; the last line is EXPECTED SURPLUS FOUND, the sums. $others: an extended regular expression of
# labels that may be there, too.
compare_contexts() { # EXPECTED FOUND
    others=${others:-^\$} awk -F '\t' '
        function range(least, most) { return least == most ? least : least " to " most }
        NR == FNR { least[$3] += $1; most[$3] += $2; all_least += $1; all_most += $2; next }
        $2 ~ ENVIRON["others"] && !($2 in most) { next }
        { found[$2] = $1; sum += $1 }
        END {
            for (label in most)
                if (found[label] + 0 < least[label] || found[label] + 0 > most[label])
                    print label ": expected " range(least[label], most[label]) ", found " found[label] + 0
            for (label in found) if (!(label in most)) print label ": expected none, found " found[label]
            print range(all_least + 0, all_most + 0) "\t" sum + 0 "\t" (sum + 0 >= all_least + 0 && sum + 0 <= all_most + 0)
        }' "$1" "$2"
}

judge() { # NAME [PATTERN]
    judge_contexts "$1"
    judge_findings "$1" "${2:-^\$}"
}

judge_contexts() { # NAME
    local name=$1 differences expected found right
    "$RS" contexts --json "$WORK/trace.$name" >"$WORK/contexts.$name" 2>"$WORK/err" ||
        fail "$name: the contexts can be listed" "$(tail -n 3 "$WORK/err")"
    count_contexts "$WORK/contexts.$name" >"$WORK/found.$name"
    compare_contexts "$WORK/expected.$name" "$WORK/found.$name" >"$WORK/differences"
    IFS=$'\t' read -r expected found right < <(tail -n 1 "$WORK/differences")
    if ((right)); then
        pass "$name: a context for each request: expected $expected, found $found"
    else
        fail "$name: a context for each request" "expected $expected, found $found"
    fi
    differences=$(sed '$d' "$WORK/differences" | LC_ALL=C sort)
    if [[ ! $differences ]]; then
        pass "$name: each under its label: $(cut -f3 "$WORK/expected.$name" | sort -u | wc -l) labels"
    else
        fail "$name: each under its label" "$(wc -l <<<"$differences") labels differ:
$(head -n 12 <<<"$differences")"
    fi
}

judge_findings() { # NAME PATTERN
    local name=$1
    cat "$WORK/log.$name"/* 2>/dev/null | grep -aEv -- "$2" >"$WORK/log"
    if [[ -s $WORK/log ]]; then
        fail "$name: nothing on the log" "$(grep -c '^reqscope:' "$WORK/log") lines: $(head -n 12 "$WORK/log")"
    else
        pass "$name: nothing on the log"
    fi
    "$RS" report --json "$WORK/trace.$name" >"$WORK/report.$name" 2>"$WORK/err" ||
        fail "$name: the trace can be reported" "$(tail -n 3 "$WORK/err")"
    expect_json "$name: no findings" "$WORK/report.$name" '[.findings[].sentence] == []'
    expect_json "$name: nothing is missing in the trace" "$WORK/report.$name" '.lost_events == 0 and .damages == 0 and .events > 0'
    # shellcheck disable=SC2016 # jq's variable
    expect_json "$name: no process was seen in part only" "$WORK/report.$name" --arg allowed "$2" \
        '[.processes[].coverage[] | tostring | select(test($allowed) | not)] == []'
}

# --- files to be served, and a bare server of them to stand behind a proxy

FILES=(/f0 /f1 '/f2?query=1' /f3 /f4 /f5 /f6 /f7 '/f8?query=a/b' /f9)
make_files() {
    local i
    mkdir -p "$WORK/site"
    for i in 0 1 2 3 4 5 6 7 8 9; do head -c $((i * i * i * i * 20 + 1)) /dev/zero | tr '\0' "$i" >"$WORK/site/f$i"; done
    chmod -R a+rX "$WORK/site"
}

# Its port is in $upstream.
start_file_server() {
    local folder=$WORK/files
    have "the server of files" nginx || return
    mkdir -p "$folder"
    configure=configure_file_server start_on_port files listens '{}' -- nginx -p "$folder" -c "$folder/nginx.conf" || return
    upstream=$port
}

configure_file_server() {
    cat >"$WORK/files/nginx.conf" <<EOF
daemon off;
master_process off; # so that whoever ends it ends it
pid $WORK/files/pid;
error_log $WORK/files/error.log error;
events { worker_connections 1000; }
http {
    access_log off;
    keepalive_requests 100000;
    client_body_temp_path $WORK/files/body;
    proxy_temp_path $WORK/files/proxy;
    fastcgi_temp_path $WORK/files/fastcgi;
    uwsgi_temp_path $WORK/files/uwsgi;
    scgi_temp_path $WORK/files/scgi;
    server {
        listen 127.0.0.1:$port backlog=512;
        root $WORK/site;
    }
}
EOF
}

# Ends a server: it and all whom it started have ended.
end_all() { # PID [SIGNAL]
    local children
    mapfile -t children < <(children_of "$1")
    kill -"${2:-TERM}" "$1"
    await "$1"
    wait_for "the end of all processes" all_ended "${children[@]}" || fail "all processes end" "${children[*]}"
}
