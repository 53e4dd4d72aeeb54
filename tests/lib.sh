# shellcheck shell=bash
# lib.sh: what the shell tests share. Source it first:
#
#     . "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
#
# It goes to the tree's root and sets B (the build folder), LIB (the guard), RS (the command), PROGRAMS (the test
# programs) and WORK, a temporary folder. At the script's end, however it ends, whatever `start` started is stopped by
# its pid and WORK is gone.
#
# Every test says `ok NAME`, `not ok NAME: why` or `skip NAME: why`; `finish` says `N passed, N failed, N skipped` and
# ends the script with 1 when one failed.

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 2
B=${B:-build}
LIB=$(realpath -m "${LIB:-$B/libreqscope.so}")
RS=$(realpath -m "${RS:-$B/reqscope}")
PROGRAMS=$(realpath -m "$B/programs")
WORK=$(mktemp -d "${TMPDIR:-/tmp}/reqscope-test.XXXXXX")
export B LIB RS PROGRAMS

# How long anything may take before it is called hanging.
DEADLINE=${DEADLINE:-20}

passed=0 failed=0 skipped=0
started=() pid=0 code=0

clean_up() {
    local pid
    for pid in "${started[@]}"; do stop "$pid" KILL; done
    rm -rf "$WORK"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# --- verdicts -------------------------------------------------------------------------------------------------------

pass() {
    passed=$((passed + 1))
    echo "ok $1"
}

fail() { # NAME WHY
    failed=$((failed + 1))
    echo "not ok $1: $2"
}

skip() { # NAME WHY
    skipped=$((skipped + 1))
    echo "skip $1: $2"
}

finish() {
    echo "$passed passed, $failed failed, $skipped skipped"
    exit $((failed > 0))
}

# Ends the script when something that `make` builds is not there: that is no test's verdict.
require() { # FILE...
    local file
    for file in "$@"; do
        [[ -e $file ]] && continue
        echo "$0: $file is not there: run make first" >&2
        exit 2
    done
}

# True when the commands are installed; else the test is skipped.
have() { # NAME COMMAND...
    local name=$1 command
    shift
    for command in "$@"; do
        command -v "$command" >/dev/null && continue
        skip "$name" "$command is not installed (make deps)"
        return 1
    done
}

expect() { # NAME COMMAND...: it succeeds
    local name=$1 output
    shift
    if output=$("$@" 2>&1); then pass "$name"; else fail "$name" "$* exits $?${output:+: $(tail -n 3 <<<"$output")}"; fi
}

expect_equal() { # NAME EXPECTED ACTUAL
    if [[ $2 == "$3" ]]; then pass "$1"; else fail "$1" "expected '$2', got '$3'"; fi
}

expect_exit() { # NAME CODE COMMAND...; what it says is in $WORK/out and $WORK/err
    local name=$1 expected=$2 code=0
    shift 2
    "$@" >"$WORK/out" 2>"$WORK/err" || code=$?
    if [[ $code == "$expected" ]]; then
        pass "$name"
    else
        fail "$name" "expected exit $expected, got $code: $(tail -n 3 "$WORK/err")"
    fi
}

expect_same() { # NAME FILE FILE: byte by byte
    local difference
    if difference=$(diff -a "$2" "$3" 2>&1); then pass "$1"; else fail "$1" "$(head -n 6 <<<"$difference")"; fi
}

expect_json() { # NAME FILE JQ-ARGUMENT...: the filter's last result is neither false nor null
    local name=$1 file=$2 output
    shift 2
    if output=$(jq -e "$@" "$file" 2>&1); then
        pass "$name"
    else
        fail "$name" "jq '${*: -1}' says ${output:-nothing} of $(head -c 3000 "$file" | tr -s ' \n' ' ')"
    fi
}

expect_text() { # NAME FILE PATTERN: an extended regular expression that a line matches
    if grep -aEq -- "$3" "$2"; then pass "$1"; else fail "$1" "no line like '$3' in: $(head -n 12 "$2")"; fi
}

expect_no_text() { # NAME FILE PATTERN
    local found
    if found=$(grep -aEm 3 -- "$3" "$2"); then fail "$1" "unexpected: $found"; else pass "$1"; fi
}

expect_nothing_in() { # NAME FOLDER: it is empty or not there
    if [[ -z $(ls -A "$2" 2>/dev/null) ]]; then pass "$1"; else fail "$1" "$2 holds $(ls -A "$2")"; fi
}

# --- processes and conditions ---------------------------------------------------------------------------------------

# Waits until the command succeeds. False, with a line on stderr, when it has not after $DEADLINE seconds.
wait_for() { # WHAT COMMAND...
    local what=$1 end=$((SECONDS + DEADLINE))
    shift
    until "$@" >/dev/null 2>&1; do
        if ((SECONDS >= end)); then
            echo "gave up after $DEADLINE s waiting for $what" >&2
            return 1
        fi
        sleep 0.01
    done
}

# Runs a command (no shell function) in the background: its pid is in $pid, what it says in $WORK/NAME.out and $WORK/NAME.err.
start() { # NAME COMMAND...
    local name=$1
    shift
    # Here, not only in the background: what one of that name said before must not be read as this one's.
    : >"$WORK/$name.out"
    "$@" >"$WORK/$name.out" 2>"$WORK/$name.err" </dev/null &
    pid=$!
    started+=("$pid")
}

is_running() { # PID: and not a zombie
    local state
    state=$(sed 's/.*) //; s/ .*//' "/proc/$1/stat" 2>/dev/null) && [[ -n $state && $state != Z ]]
}

is_stopped() { # PID: held by SIGSTOP
    [[ $(sed 's/.*) //; s/ .*//' "/proc/$1/stat" 2>/dev/null) == T ]]
}

has_ended() {
    ! is_running "$1"
}

# Ends what `start` started, and waits until it has; SIGKILL when it does not within $DEADLINE. (The shell's own lines on
# processes that were killed go nowhere.)
stop() { # PID [SIGNAL]
    local left=() other
    {
        if is_running "$1"; then
            kill -"${2:-TERM}" "$1"
            kill -CONT "$1"
            [[ ${2:-} == KILL ]] || wait_for "the end of process $1" has_ended "$1" || kill -KILL "$1"
        fi
        wait "$1"
    } 2>/dev/null
    for other in "${started[@]}"; do [[ $other == "$1" ]] || left+=("$other"); done
    started=("${left[@]}")
}

# Waits for the end of what `start` started; its exit code is in $code, 124 when it had to be killed.
await() { # PID
    code=0
    if wait_for "the end of process $1" has_ended "$1" 2>/dev/null; then
        wait "$1" 2>/dev/null || code=$?
    else
        code=124
    fi
    stop "$1" KILL
}

# The port that a server says it listens on ("listening on 127.0.0.1:PORT").
port_of() { # NAME, as given to start
    wait_for "$1 to listen" grep -aq 'listening on' "$WORK/$1.out" || return 1
    sed -n 's/^listening on 127.0.0.1://p' "$WORK/$1.out"
}

# A loopback TCP port that nothing listens on, below the range from which the kernel gives out its own. Somebody may take
# it before we do: whoever uses it starts again with another one then.
free_port() {
    local port
    while :; do
        port=$((20000 + RANDOM % 12000))
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
    done
    echo "$port"
}

# --- the program under the guard ------------------------------------------------------------------------------------

# What a command stands behind to run under the guard: "${GUARD[@]}" [VARIABLE=VALUE...] COMMAND... (No function: with one,
# the process that `start` starts would be a shell that waits for the command.)
# shellcheck disable=SC2034
GUARD=(env LD_PRELOAD="$LIB")

# The number of a source line by a text that stands in it once.
line_of() { # FILE TEXT
    grep -nF -- "$2" "$1" | cut -d: -f1
}
