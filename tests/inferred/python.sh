#!/usr/bin/env bash
# python.sh: Python's servers: `python3 -m http.server` as it is, with connections that are kept and not; socketserver's forms, a
# pool of threads, and asyncio (python_server.py).
# SC2317: functions are called by name.
# shellcheck disable=SC2317
# shellcheck source=tests/inferred/judge.sh
. "$(dirname "${BASH_SOURCE[0]}")/judge.sh"

make_files

for protocol in 1.0 1.1; do
    name=http.server-$protocol
    guard "$name"
    start_on_port "$name" listens '{}' -- "${guarded_run[@]}" "$PYTHON" -B -m http.server --bind 127.0.0.1 --directory "$WORK/site" \
        --protocol "HTTP/$protocol" '{}' || continue
    [[ $protocol == 1.0 ]] || ask "$name, one connection, kept" "$(scaled 500)" 1 keep "${FILES[@]}"
    ask "$name, one connection, closed" "$(scaled 200)" 1 close "${FILES[@]}"
    [[ $protocol == 1.0 ]] || ask "$name, 50 connections, kept" "$(scaled 2000)" 50 keep "${FILES[@]}"
    # (Its queue is five connections long: more would be tried again a second later.)
    ask "$name, 5 connections, closed" "$(scaled 500)" 5 close "${FILES[@]}"
    end_all "$pid"
    judge "$name"
done

for form in threading forking single pool asyncio to_thread; do
    guard "$form"
    start "$form" "${guarded_run[@]}" "$PYTHON" -B "$FOLDER/python_server.py" "$form"
    running=$pid
    port=$(port_of "$form") || {
        fail "$form: it starts" "$(cat "$WORK/$form.err")"
        continue
    }
    if [[ $form != single ]]; then
        ask "$form, one connection, kept" "$(scaled 500)" 1 keep /one /two /three
        ask "$form, 50 connections, kept" "$(scaled 2000)" 50 keep /one /two /three
    fi
    ask "$form, one connection, closed" "$(scaled 200)" 1 close /one /two /three
    ask "$form, 50 connections, closed" "$(scaled 500)" 50 close /one /two /three
    end_all "$running"
    judge "$form"
done
finish
