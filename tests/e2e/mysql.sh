#!/usr/bin/env bash
# mysql.sh: a Python server on PyMySQL against a real MariaDB server, where a connection may change hands
# (REQSCOPE_POLICY=lease): a request whose statement falls into another one's transaction, or comes before another one's rows
# were read, is found; one that comes after is not. (make deps installs no MySQL server: 115 MB.)
# SC2016: jq's variables are not the shell's. SC2317: some functions are called by name, through wait_for and expect.
# shellcheck disable=SC2016,SC2317
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

PYTHON=/usr/bin/python3 # Debian's, for which PyMySQL is packaged
SERVER=/usr/sbin/mariadbd
require "$LIB" "$RS"
command -v "$SERVER" mariadb mariadb-admin >/dev/null || {
    skip mysql "$SERVER, mariadb or mariadb-admin is not installed (apt-get install mariadb-server)"
    finish
}
have mysql jq "$PYTHON" || finish
if ! "$PYTHON" -c 'import pymysql' 2>/dev/null; then
    skip mysql "$PYTHON has no pymysql (apt-get install python3-pymysql)"
    finish
fi

# It will not run as root: then as the user that its package made, in a folder of that user's.
DATA=$WORK/mysql
mkdir "$DATA"
as_mysql=()
if [[ $(id -u) == 0 ]]; then
    as_mysql=(--user=mysql)
    chmod 711 "$WORK"
    chown mysql "$DATA"
fi

# Without tables of users, and so without mariadb-install-db, which takes long: whoever asks may do all.
start_mysql() {
    local tries
    for tries in 1 2 3 4 5; do
        port=$(free_port)
        start mysql "$SERVER" --no-defaults "${as_mysql[@]}" --skip-grant-tables --datadir="$DATA" --socket="$DATA/socket" \
            --bind-address=127.0.0.1 --port="$port" --pid-file="$DATA/pid" --tmpdir="$DATA" \
            --innodb-buffer-pool-size=8M --innodb-log-file-size=4M --innodb-flush-log-at-trx-commit=0
        wait_for "MariaDB ($tries) to answer" mysql_answers "$pid"
        is_running "$pid" && mariadb --no-defaults -S "$DATA/socket" \
            -e 'CREATE DATABASE shop; CREATE TABLE shop.orders (buyer varchar(20)) ENGINE=InnoDB' && return
    done
    tail "$WORK/mysql.err" >&2
    return 1
}

mysql_answers() { # PID: or it has ended, as somebody else had the port
    has_ended "$1" || mariadb-admin --no-defaults -S "$DATA/socket" ping
}

# run NAME HOW [COMMAND...]: what the program says is in $WORK/NAME.out and .err, its exit code in $code.
run() {
    local name=$1 how=$2
    shift 2
    start "$name" "$@" "$PYTHON" -B -W ignore tests/e2e/mysql_app.py "$how" "$port"
    await "$pid"
}

# guarded NAME HOW MODE: the same, guarded; its report is in $WORK/NAME.json
guarded() {
    run "$1" "$2" "${GUARD[@]}" REQSCOPE_MODE="$3" REQSCOPE_POLICY=lease REQSCOPE_TRACE="$WORK/$1.trace"
    expect "$1: the trace can be read" report "$1"
}

report() { # NAME
    "$RS" report --json "$WORK/$1.trace" >"$WORK/$1.json"
}

# expect_finding NAME OWNER OPERATION WORDS
expect_finding() {
    expect_json "$1: one finding, that names both requests" "$WORK/$1.json" --arg owner "$2" --arg operation "$3" \
        --arg description "tcp 127.0.0.1:$port" '[.findings[] | [.kind, .owner.label, .user.label, .operation, .description]]
            == [["dirty-handover", $owner, "GET /orders?user=bob", $operation, $description]]'
    expect_text "$1: the log says what Bob came into" "$WORK/$1.err" \
        "^reqscope: dirty-handover: GET /orders\\?user=bob .* $4"
}

# broken NAME BOB OWNER OPERATION WORDS: Bob is shown that, bare
broken() {
    local name=$1
    run "$name-bare" "$name"
    expect_text "$name-bare: Bob is shown '$2'" "$WORK/$name-bare.out" "^GET /orders\\?user=bob: $2\$"
    guarded "$name-log" "$name" log
    expect_same "$name-log: the program says what it says bare" "$WORK/$name-bare.out" "$WORK/$name-log.out"
    expect_finding "$name-log" "$3" "$4" "$5"
    DEADLINE=8 guarded "$name-deny" "$name" deny
    expect_equal "$name-deny: the program ends by itself, having failed to serve" 1 "$code"
    expect_text "$name-deny: Bob gets an error" "$WORK/$name-deny.out" '^GET /orders\?user=bob: failed: OperationalError$'
    expect_finding "$name-deny" "$3" "$4" "$5"
}

start_mysql || {
    fail mysql "MariaDB does not start"
    finish
}
mysql=$pid

alice='POST /order?user=alice'
broken broken '1 orders' "$alice" send 'inside a transaction that POST /order\?user=alice .* began'
broken chained '1 orders' "$alice" send 'inside a transaction that POST /order\?user=alice .* began'
broken unread '0 orders' 'GET /export?user=alice' recv 'in the middle of an exchange of GET /export\?user=alice'

run mended-bare mended
expect_equal "mended-bare: all are served" 0 "$code"
for mode in log deny; do
    guarded mended-$mode mended $mode
    expect_equal "mended-$mode: all are served" 0 "$code"
    expect_same "mended-$mode: the program says what it says bare" "$WORK/mended-bare.out" "$WORK/mended-$mode.out"
    expect_json "mended-$mode: no finding" "$WORK/mended-$mode.json" '[.findings[].sentence] == []'
    expect_no_text "mended-$mode: nothing on the log" "$WORK/mended-$mode.err" '^reqscope:'
done

stop "$mysql"
finish
