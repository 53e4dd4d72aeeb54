#!/usr/bin/env bash
# gunicorn.sh: gunicorn with sync workers and with threads (gthread), on an application that connects to PostgreSQL in each request.
# shellcheck source=tests/inferred/judge.sh
. "$(dirname "${BASH_SOURCE[0]}")/judge.sh"

have gunicorn gunicorn "$POSTGRES_BIN/postgres" || finish
if ! "$PYTHON" -c 'import psycopg2, gunicorn' 2>/dev/null; then
    skip gunicorn "$PYTHON has no psycopg2 or gunicorn (make deps)"
    finish
fi

mkdir "$WORK/app"
cp "$FOLDER/gunicorn_app.py" "$WORK/app"
mkdir -m 1777 "$WORK/run"
workers_as=()
[[ $(id -u) != 0 ]] || workers_as=(--user www-data --group www-data)
PATHS=(/one '/two?query=1' /three/four)

start_postgres || finish
postgres=$pid
for class in sync gthread; do
    case $class in
    sync) options=(--workers 3) ;;
    gthread) options=(--worker-class gthread --workers 2 --threads 6 --keep-alive 20) ;;
    esac
    guard "$class"
    start_on_port "$class" listens '{}' -- env PYTHONDONTWRITEBYTECODE=1 TEST_DATABASE="$database" "${guarded[@]}" \
        gunicorn --bind '127.0.0.1:{}' --chdir "$WORK/app" --worker-tmp-dir "$WORK/run" "${workers_as[@]}" "${options[@]}" \
        gunicorn_app:application || continue
    ask "$class, one connection, kept" "$(scaled 200)" 1 keep "${PATHS[@]}"
    ask "$class, one connection, closed" "$(scaled 200)" 1 close "${PATHS[@]}"
    ask "$class, 50 connections, kept" "$(scaled 1000)" 50 keep "${PATHS[@]}"
    ask "$class, 50 connections, closed" "$(scaled 500)" 50 close "${PATHS[@]}"
    ask_ab "$class, ab, closed" "$(scaled 300)" 50 close /one
    ask_wrk "$class, wrk" 20 /three/four
    end_all "$pid"
    judge "$class"
done
end_all "$postgres" INT
finish
