# shellcheck shell=bash
# backends.sh: the real servers that tests talk to, on free loopback ports, with their files in $WORK. Source it after lib.sh.
#
#     start_redis        its port is in $port, its pid in $pid
#     start_postgres     likewise; "psql" and its kin are in $POSTGRES_BIN, its folder is $POSTGRES, in which its unix socket
#                        is, too; the user tester may connect, to the database postgres
#
# Each says on stderr why it failed.
# SC2034: who sources this uses them. SC2154: lib.sh sets them.
# shellcheck disable=SC2034,SC2154
POSTGRES_BIN=$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
POSTGRES=$WORK/postgres

redis_answers() { # PID: or it has ended, as somebody else had the port
    has_ended "$1" || redis-cli -p "$port" ping
}

start_redis() {
    local tries
    mkdir -p "$WORK/redis"
    for tries in 1 2 3 4 5; do
        port=$(free_port)
        start redis redis-server --port "$port" --bind 127.0.0.1 --save '' --appendonly no --dir "$WORK/redis"
        wait_for "redis-server ($tries) to answer" redis_answers "$pid" && is_running "$pid" && return
    done
    cat "$WORK/redis.out" >&2
    return 1
}

# PostgreSQL will not run as root: then as the user that its package made, in a folder of that user's.
as_postgres=()
prepare_postgres() {
    mkdir "$POSTGRES"
    if [[ $(id -u) == 0 ]]; then
        as_postgres=(setpriv --reuid=postgres --regid=postgres --init-groups)
        chmod 711 "$WORK"
        chown postgres "$POSTGRES"
    fi
    (cd "$POSTGRES" && "${as_postgres[@]}" "$POSTGRES_BIN/initdb" -D "$POSTGRES/db" -U tester -A trust -N >"$WORK/initdb.log" 2>&1) || {
        cat "$WORK/initdb.log" >&2
        return 1
    }
}

postgres_answers() { # PID: or it has ended, as somebody else had the port
    has_ended "$1" || "$POSTGRES_BIN/pg_isready" -q -h "$POSTGRES" -p "$port" -U tester
}

start_postgres() {
    local tries
    prepare_postgres || return
    for tries in 1 2 3 4 5; do
        port=$(free_port)
        start postgres "${as_postgres[@]}" "$POSTGRES_BIN/postgres" -D "$POSTGRES/db" -k "$POSTGRES" -p "$port" \
            -c listen_addresses=127.0.0.1 -c fsync=off
        wait_for "PostgreSQL ($tries) to answer" postgres_answers "$pid" && is_running "$pid" && return
    done
    cat "$WORK/postgres.err" >&2
    return 1
}
