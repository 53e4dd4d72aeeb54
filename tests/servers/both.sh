# shellcheck shell=bash
# both.sh: what the tests of real servers share. A script of this folder sources it instead of lib.sh, says in a function
# what one run does (start the server, load it, stop it), and then
#
#     both FUNCTION          calls it twice: bare, and guarded
#     compare                everything that one run has noted is what the other has noted
#     judge_guard N COMMAND  the guard said nothing, and its trace holds N processes or more, some of COMMAND. A third
#                            word is what it may say all the same
#
# In the function:
#     $side                  bare or guarded; $run is its folder, which everybody may write to
#     "${server[@]}" CMD     what a server stands behind, env with nothing or with the guard. "${server_as_www[@]}" CMD:
#                            as www-data, too
#     $CHECK                 what the guard does not look for (REQSCOPE_CHECK)
#     note NAME              takes a text on standard input that must be the same in both runs
#     load NAME PROGRAM ...  runs a client of this folder; its answers, a line each, are noted, and none may have failed
#
# QUICK=1 makes every load smaller: scaled N. KEEP=FOLDER: what the runs have left is put there.
DEADLINE=${DEADLINE:-60} # servers start and end more slowly than the tests' own programs
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

HERE=tests/servers
PYTHON=/usr/bin/python3 # Debian's, for which its modules are packaged
POSTGRES_BIN=$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
QUICK=${QUICK:-}

# Servers give up root, and read and write below $WORK then.
chmod 711 "$WORK"
as_www=()
[[ $(id -u) != 0 ]] || as_www=(setpriv --reuid=www-data --regid=www-data --init-groups)

# A copy: whoever runs the server must be able to read it, and a build may replace the original meanwhile.
require "$LIB" "$RS"
mkdir -m 755 "$WORK/lib"
cp "$LIB" "$WORK/lib/libreqscope.so"
chmod 755 "$WORK/lib/libreqscope.so"

TRACE=$WORK/trace
LOGS=$WORK/logs
mkdir -m 1777 "$TRACE" "$LOGS"
POLICY=${POLICY:-strict}

scaled() { # N: of which a quick run does a fifth
    echo $((QUICK ? ($1 + 4) / 5 : $1))
}

# The environment of a guarded server.
guard_environment() {
    printf '%s\n' LD_PRELOAD="$WORK/lib/libreqscope.so" REQSCOPE_MODE=log REQSCOPE_CONTEXT=auto \
        REQSCOPE_POLICY="$POLICY" REQSCOPE_TRACE="$TRACE" REQSCOPE_LOG="$LOGS/log.%p" ${CHECK:+REQSCOPE_CHECK="$CHECK"}
}

both() { # FUNCTION
    for side in bare guarded; do
        run=$WORK/$side
        mkdir -p "$run" "$WORK/noted/$side"
        chmod 1777 "$run"
        server=(env)
        if [[ $side == guarded ]]; then
            mapfile -t server < <(guard_environment)
            server=(env "${server[@]}")
        fi
        # shellcheck disable=SC2034
        server_as_www=("${as_www[@]}" "${server[@]}")
        backends=${#started[@]}
        "$1"
        # What a run that went wrong has left.
        while ((${#started[@]} > backends)); do stop "${started[-1]}"; done
    done
}

note() { # NAME
    cat >"$WORK/noted/$side/$1"
}

load() { # NAME PROGRAM ARGUMENT...: the client's answers are noted
    local name=$1 program=$2
    shift 2
    if timeout 150 "$PYTHON" -B "$HERE/$program" "$@" >"$WORK/noted/$side/$name" 2>"$WORK/load.err"; then
        pass "$side: $name: $(tail -n 1 "$WORK/load.err")"
    else
        fail "$side: $name" "exit $?: $(grep -a -m 3 failed "$WORK/noted/$side/$name"; tail -n 3 "$WORK/load.err")"
    fi
}

# A load that goes on until `end_load`: it sends its requests again and again, and each is to be answered as the first time.
begin_load() { # NAME PROGRAM ARGUMENT...
    local name=$1 program=$2
    shift 2
    rm -f "$WORK/end.$name"
    "$PYTHON" -B "$HERE/$program" --until "$WORK/end.$name" "$@" >"$WORK/noted/$side/$name" 2>"$WORK/load.$name.err" &
    loader=$!
    started+=("$loader")
    loaders[$name]=$loader
    wait_for "the load $name to have begun" grep -q begun "$WORK/load.$name.err"
}
declare -A loaders=()

end_load() { # NAME
    touch "$WORK/end.$1"
    await "${loaders[$1]}"
    if ((code == 0)); then
        pass "$side: $1: $(tail -n 1 "$WORK/load.$1.err")"
    else
        fail "$side: $1" "exit $code: $(grep -a -m 3 failed "$WORK/noted/$side/$1"; tail -n 3 "$WORK/load.$1.err")"
    fi
}

# A server that goes to the background: its pid is in the file.
adopt() { # FILE
    wait_for "a pid in $1" grep -q '[0-9]' "$1" || return 1
    pid=$(<"$1")
    started+=("$pid")
}

# Starts a server, with a free port in $port, until one is not taken by somebody else meanwhile. NAME as for `start`; the
# words before `--` are a command that succeeds when the server answers, and {} in it and in the server's is the port. When
# $configure names a function, that writes the server's configuration first.
configure=
start_on_port() { # NAME PROBE... -- COMMAND...
    local name=$1 tries
    local probe=() command=()
    shift
    while [[ $1 != -- ]]; do
        probe+=("$1")
        shift
    done
    shift
    for tries in 1 2 3 4 5; do
        port=$(free_port)
        if [[ $configure ]]; then "$configure"; fi
        command=("${@//\{\}/$port}")
        start "$name" "${command[@]}"
        wait_for "$name ($tries) to answer" answers_or_ended "$pid" "${probe[@]//\{\}/$port}" && is_running "$pid" && return
        stop "$pid"
    done
    fail "$side: $name starts" "$(tail -n 5 "$WORK/$name.err" "$WORK/$name.out")"
    return 1
}

answers_or_ended() { # PID PROBE...
    local pid=$1
    shift
    has_ended "$pid" || "$@"
}

listens() { # PORT
    (exec 3<>"/dev/tcp/127.0.0.1/$1")
}

# What stands behind a proxy, bare; its port is in $upstream.
start_upstream() {
    start_on_port "$side-upstream" listens '{}' -- "$PYTHON" -B "$HERE/upstream.py" '{}'
    upstream=$port
}

# The connections and requests that the upstream has seen.
upstream_counts() {
    local counts
    exec 3<>"/dev/tcp/127.0.0.1/$upstream"
    printf 'GET /counts HTTP/1.1\r\nConnection: close\r\n\r\n' >&3
    counts=$(tail -n 1 <&3)
    exec 3>&-
    echo "$counts"
}

# PostgreSQL and Redis as backends of the server that is tested: bare, started before `both`, for both runs. Where they are
# is in $database (libpq's words) and $redis (a socket's path).
start_postgres() {
    local as_postgres=() folder=$WORK/postgres
    mkdir "$folder"
    if [[ $(id -u) == 0 ]]; then
        as_postgres=(setpriv --reuid=postgres --regid=postgres --init-groups)
        chown postgres "$folder"
    fi
    (cd "$folder" && "${as_postgres[@]}" "$POSTGRES_BIN/initdb" -D "$folder/db" -U tester -A trust -N) >"$WORK/initdb" 2>&1
    side=backend start_on_port postgres "$POSTGRES_BIN/pg_isready" -q -h "$folder" -p '{}' -- "${as_postgres[@]}" \
        "$POSTGRES_BIN/postgres" -D "$folder/db" -k "$folder" -p '{}' -c listen_addresses=127.0.0.1 -c fsync=off || return
    # shellcheck disable=SC2034
    database="host=$folder port=$port user=tester dbname=postgres sslmode=disable gssencmode=disable"
}

start_redis() {
    redis=$WORK/redis.socket
    start redis redis-server --port 0 --unixsocket "$redis" --unixsocketperm 777 --save '' --dir "$WORK"
    wait_for "redis-server" redis-cli -s "$redis" ping
}

# Files to be served, in $WORK/site: the same bytes and times in every run.
make_site() {
    mkdir -p "$WORK/site/below"
    "$PYTHON" -B "$HERE/make_site.py" "$WORK/site"
    find "$WORK/site" -exec touch -d @1700000000 {} +
    chmod -R a+rX "$WORK/site"
}

# The processes whose parent it is.
children_of() { # PID
    cat "/proc/$1/task/"*/children 2>/dev/null | tr ' ' '\n' | grep . | sort
}

# True when none of the processes is left.
all_ended() { # PID...
    local pid
    for pid; do has_ended "$pid" || return 1; done
}

# Ends a server and notes how it ended.
end_server() { # NAME PID [SIGNAL]
    kill -"${3:-TERM}" "$2"
    await "$2"
    echo "$code" | note "$1: exit code"
}

compare() {
    local name
    while IFS= read -r name; do
        if [[ ! -s $WORK/noted/bare/$name && $name != *"complaints"* ]]; then
            fail "same: $name" "there is none, bare"
        else
            expect_same "same: $name" "$WORK/noted/bare/$name" "$WORK/noted/guarded/$name"
        fi
    done < <(find "$WORK/noted" -type f -printf '%f\n' | sort -u)
}

# The trace is readable, whole, and without findings; the log is empty.
judge_guard() { # PROCESSES COMMAND [PATTERN]
    local report=$WORK/report.json
    [[ -z ${KEEP:-} ]] || cp -aT "$WORK" "$KEEP"
    cat "$LOGS"/log.* 2>/dev/null | grep -aEv "${3:-^\$}" >"$WORK/log"
    expect_same "guard: it has said nothing" /dev/null "$WORK/log"
    expect_exit "guard: the trace can be reported" 0 "$RS" report --json "$TRACE"
    cp "$WORK/out" "$report"
    # shellcheck disable=SC2016 # jq's variables
    expect_json "guard: $1 processes or more are in the trace, of $2, too" "$report" --argjson count "$1" \
        --arg command "$2" '(.processes | length >= $count) and any(.processes[]; .command | contains($command))'
    expect_json "guard: events are in it" "$report" '.events > 0'
    expect_json "guard: nothing of it is damaged" "$report" '.damages == 0'
    # shellcheck disable=SC2016
    expect_json "guard: no process was seen in part only" "$report" --arg allowed "${3:-^$}" \
        '[.processes[].coverage[] | tostring | select(test($allowed) | not)] == []'
    expect_json "guard: no findings" "$report" '[.findings[].sentence] == []'
    expect_exit "guard: check is content" 0 "$RS" check "$TRACE"
    expect_exit "guard: the descriptions can be listed" 0 "$RS" fds --json "$TRACE"
    jq -r '.descriptions[] | "\(.description) pid \(.pid) fd \(.fd) id \(.id)"' "$WORK/out" >"$WORK/descriptions"
    expect_no_text "guard: of each it is known what it is" "$WORK/descriptions" '^null '
}

# A program of which nothing was recorded ran without the guard.
expect_description() { # NAME PATTERN: an extended regular expression that one of the trace's descriptions matches
    expect_text "$1" "$WORK/descriptions" "$2"
}
