#!/usr/bin/env bash
# broken.sh: servers with the bugs that this is for, and nothing of ours in them: a database connection that is made in the first
# request and used in all (gunicorn), one connection for all threads' requests (http.client and redis-py), and a connection that is
# closed twice, by which one user is shown another one's answer (C). Each is found, and named as it is.
# SC2016: jq's variables are not the shell's. SC2317: functions are called by name.
# shellcheck disable=SC2016,SC2317
# shellcheck source=tests/inferred/judge.sh
. "$(dirname "${BASH_SOURCE[0]}")/judge.sh"

have broken redis-server nginx gunicorn curl "$POSTGRES_BIN/postgres" || finish
if ! "$PYTHON" -c 'import psycopg2, gunicorn, redis' 2>/dev/null; then
    skip broken "$PYTHON has no psycopg2, gunicorn or redis (make deps)"
    finish
fi
DOUBLE_CLOSE=$(realpath -m "$B/inferred/double_close")
require "$DOUBLE_CLOSE"

# with_policy POLICY NAME
with_policy() {
    POLICY=$1
    guard "$2"
}

# What it answers; the server closes the connection.
get() { # PATH
    curl -s -m 20 -H 'Connection: close' "http://127.0.0.1:$port$1"
}

# The requests were seen, and the trace can be reported: as JSON in $WORK/report.NAME, as text in $WORK/text.NAME.
judge_broken() { # NAME
    judge_contexts "$1"
    expect_exit "$1: the trace can be reported" 0 "$RS" report --json "$WORK/trace.$1"
    cp "$WORK/out" "$WORK/report.$1"
    "$RS" report "$WORK/trace.$1" >"$WORK/text.$1" 2>&1
    cat "$WORK/log.$1"/* >"$WORK/said.$1" 2>/dev/null
}

# Findings as "KIND OWNER USER OPERATION DESCRIPTION", a line each.
FOUND='.findings[] | "\(.kind) \(.owner.label) / \(.user.label) \(.operation) \(.description)"'

expect_finding() { # NAME WHAT FILTER [JQ-ARGUMENT...]: a finding for which the filter holds
    local name=$1 what=$2 filter=$3
    shift 3
    if jq -e "$@" "any(.findings[]; $filter)" "$WORK/report.$name" >/dev/null; then
        pass "$name: $what"
    else
        fail "$name: $what" "not among $(jq '.findings | length' "$WORK/report.$name") findings:
$(jq -r "$FOUND" "$WORK/report.$name" | head -n 8)"
    fi
}

# --- one database connection, made in the first request

start_postgres || finish
postgres=$pid
mkdir "$WORK/app"
cp "$FOLDER/gunicorn_app.py" "$WORK/app"
with_policy strict database
if start_on_port database listens '{}' -- env PYTHONDONTWRITEBYTECODE=1 TEST_DATABASE="$database" TEST_DATABASE_KEPT=1 \
    "${guarded_run[@]}" gunicorn --bind '127.0.0.1:{}' --chdir "$WORK/app" --worker-tmp-dir "$WORK" --workers 1 \
    gunicorn_app:application; then
    for path in /a /b /c /d; do
        expect_contexts 1 "GET $path"
        expect_equal "database: GET $path is answered" "$path" "$(get $path)"
    done
    end_all "$pid"
    judge_broken database
    expect_finding database "GET /b uses what GET /a has opened, and where that was is known" '.kind == "foreign-io" and
        .owner.label == "GET /a" and .user.label == "GET /b" and (.description | test("PGSQL")) and
        any(.opened_at[]; .module | test("libpq")) and (.used_at | length > 0)'
    expect_text "database: the log says so, too" "$WORK/said.database" '^reqscope: foreign-io: GET /b .*GET /a '
    expect_text "database: the report says that it was made in the first request" "$WORK/text.database" '[Ff]irst request'
fi
end_all "$postgres" INT

# --- one HTTP connection for all threads

make_files
start_file_server || finish
for policy in strict lease; do
    name=http-$policy
    with_policy $policy $name
    start "$name" "${guarded_run[@]}" "$PYTHON" -B "$FOLDER/broken_app.py" http "$upstream"
    running=$pid
    port=$(port_of "$name") || finish
    for path in /a /b; do
        expect_contexts 1 "GET $path"
        expect_equal "$name: GET $path is answered" 1621 "$(get $path | wc -c)"
    done
    end_all "$running"
    judge_broken $name
    case $policy in
    strict)
        expect_finding $name "GET /b uses what GET /a has opened" '.kind == "foreign-io" and .owner.label == "GET /a" and
            .user.label == "GET /b" and .description == $to and (.opened_at | length > 0)' --arg to "tcp 127.0.0.1:$upstream"
        ;;
    lease) expect_json "$name: one after the other: no finding" "$WORK/report.$name" '[.findings[].sentence] == []' ;;
    esac
done

# --- one Redis connection for all threads, two at a time

start_on_port redis redis-cli -p '{}' ping -- redis-server --port '{}' --bind 127.0.0.1 --save '' --dir "$WORK" || finish
redis_port=$port
for policy in strict lease; do
    name=redis-$policy
    with_policy $policy $name
    start "$name" "${guarded_run[@]}" "$PYTHON" -B "$FOLDER/broken_app.py" redis "$redis_port"
    running=$pid
    port=$(port_of "$name") || finish
    expect_contexts 1 "GET /a"
    expect_contexts 1 "GET /b"
    get /b >"$WORK/answer.b" &
    waiting=$!
    expect_equal "$name: GET /a is answered" /a "$(get /a)"
    wait "$waiting"
    expect_equal "$name: GET /b is answered" /b "$(cat "$WORK/answer.b")"
    end_all "$running"
    judge_broken $name
    case $policy in
    strict)
        expect_finding $name "GET /b sends on what GET /a has opened" '.kind == "foreign-io" and .owner.label == "GET /a" and
            .user.label == "GET /b" and (.operation | test("send|write")) and .description == $to' --arg to "tcp 127.0.0.1:$redis_port"
        ;;
    lease)
        expect_finding $name "GET /b sends in the middle of GET /a's exchange" '.kind == "dirty-handover" and
            .owner.label == "GET /a" and .user.label == "GET /b" and (.operation | test("send|write")) and
            .description == $to' --arg to "tcp 127.0.0.1:$redis_port"
        expect_json "$name: and nothing else is wrong" "$WORK/report.$name" '[.findings[].kind] | unique == ["dirty-handover"]'
        ;;
    esac
done

# --- a connection that is closed twice

for how in condition spin; do
    name=double-close-$how
    with_policy strict $name
    start "$name" "${guarded_run[@]}" "$DOUBLE_CLOSE" "$how"
    running=$pid
    port=$(port_of "$name") || finish
    for path in /a /b /c; do expect_contexts 1 "GET $path"; done
    expect_equal "$name: A is answered" /a "$(get /a)"
    get /b >"$WORK/answer.b" &
    waiting=$!
    wait_for "B's connection to be closed" has_ended "$waiting"
    expect_equal "$name: C is shown B's answer" /b "$(get /c)"
    await "$running"
    expect_equal "$name: the server ends as it should" 0 "$code"
    judge_broken $name
    expect_finding $name "GET /b writes to what is GET /c's" '.kind == "foreign-io" and .owner.label == "GET /c" and
        .user.label == "GET /b" and .operation == "write" and (.used_at | any(.function == "answer"))'
    expect_text "$name: the report says who closed it" "$WORK/text.$name" '^ *#0 +serve_a '
done
finish
