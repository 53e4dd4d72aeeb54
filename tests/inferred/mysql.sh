#!/usr/bin/env bash
# mysql.sh: MariaDB, a thread for each session: a command is a request, and so is a login with all of its authentication. (make deps
# installs no MySQL server: 115 MB.)
# SC2317: functions are called by name.
# shellcheck disable=SC2317
# shellcheck source=tests/inferred/judge.sh
. "$(dirname "${BASH_SOURCE[0]}")/judge.sh"

SERVER=/usr/sbin/mariadbd
if ! { command -v "$SERVER" mariadb && "$PYTHON" -c 'import pymysql'; } >/dev/null 2>&1; then
    skip mysql "$SERVER, mariadb or PyMySQL is not installed (apt-get install mariadb-server python3-pymysql)"
    finish
fi
DATA=$WORK/mysql
mkdir "$DATA"
as_mysql=()
if [[ $(id -u) == 0 ]]; then
    as_mysql=(--user=mysql)
    chown mysql "$DATA"
fi

begin() { # NAME COMMAND...
    local name=$1
    shift
    start_on_port "$name" listens '{}' -- "$@" "$SERVER" --no-defaults "${as_mysql[@]}" --skip-grant-tables --datadir="$DATA" \
        --socket="$DATA/socket" --bind-address=127.0.0.1 --port='{}' --pid-file="$DATA/pid" --tmpdir="$DATA" \
        --innodb-buffer-pool-size=8M --innodb-log-file-size=4M --innodb-flush-log-at-trx-commit=0 --thread-handling="$threads"
}

sessions() { # WHAT SESSIONS STATEMENTS
    expect_contexts "$2" "MySQL login"
    expect_contexts $(($2 * $3)) "MySQL COM_QUERY"
    run_client "$1" "$(($2 * $3)) statements" "$PYTHON" -B -W ignore "$FOLDER/mysql_load.py" "$port" "$2" "$3"
}

threads=one-thread-per-connection
begin prepare env || finish
mariadb --no-defaults -S "$DATA/socket" -e 'CREATE DATABASE shop; CREATE TABLE shop.orders (buyer varchar(20)) ENGINE=InnoDB'
end_all "$pid"
for threads in one-thread-per-connection pool-of-threads; do
    guard $threads
    begin $threads "${guarded[@]}" || continue
    sessions "$threads, one session" 1 "$(scaled 1000)"
    sessions "$threads, sessions that come and go" "$(scaled 100)" 20
    end_all "$pid"
    judge $threads 'liburing is loaded'
done
finish
