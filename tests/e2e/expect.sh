#!/usr/bin/env bash
# expect.sh: `check --expect-opens` on a real program: the bug, one connection for two requests, fails; the fix, one for each,
# passes; what a fork carries on is counted once.
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

require "$LIB" "$RS" "$PROGRAMS/server_layers"

# Runs server_layers; its trace is $WORK/HOW, what it connects to $backend.
record() { # HOW
    "$RS" run --log "$WORK/$1.log" --trace "$WORK/$1" "$PROGRAMS/server_layers" "$1" >"$WORK/$1.out" ||
        fail "$1 runs" "exit code $?: $(head -n 3 "$WORK/$1.log")"
    backend=tcp:$(sed -n 's/^listening on //p' "$WORK/$1.out")
}

# --- the bug: the layer is built once (--kinds hang: its findings are not what is asked for)

record once
expect_exit "one connection for two requests fails" 1 \
    "$RS" check --kinds hang --expect-opens "$backend=2" "$WORK/once"
expect_text "who opened how many is said" "$WORK/out" \
    "^  expected 2 opens of $backend, found 1: GET /a \(context 1\): 1, GET /b \(context 2\): 0$"
expect_text "the verdict counts expectations" "$WORK/out" '^failed: 0 findings in 2 contexts, .* 0 of 1 expectation met$'
expect_exit "so it does by each context" 1 \
    "$RS" check --kinds hang --expect-opens "$backend=1/context" "$WORK/once"
expect_text "only the wrong context is named" "$WORK/out" \
    "^  expected 1 open of $backend by each context, found another number in 1 of 2: GET /b \(context 2\): 0$"
expect_exit "one expectation that fails is enough" 1 \
    "$RS" check --kinds hang --expect-opens "$backend=1" --expect-opens "$backend=2" "$WORK/once"
expect_exit "findings fail it with all expectations met" 1 "$RS" check --expect-opens "$backend=1" "$WORK/once"
expect_exit "unless they are tolerated" 0 "$RS" check --max 9 --expect-opens "$backend=1" "$WORK/once"

# --- the fix: each request builds its own

record each
expect_exit "a connection for each request passes" 0 "$RS" check --expect-opens "$backend=2" \
    --expect-opens "$backend=1/context" --expect-opens 'tcp:127.0.0.1:1=0' "$WORK/each"
expect_text "what was expected is said to be there" "$WORK/out" "^  found 2 opens of $backend, as expected$"
expect_text "by each context, too" "$WORK/out" "^  found 1 open of $backend by each of 2 contexts, as expected$"
expect_no_text "nothing makes the count doubtful" "$WORK/out" 'too low'
expect_exit "the listening socket is TCP's, and no connection" 0 "$RS" check --expect-opens tcp=3 "$WORK/each"
expect_exit "in no context counts in all" 1 "$RS" check --expect-opens tcp=9 "$WORK/each"
expect_text "and is named" "$WORK/out" 'found 3: .*, no context: 1$'
expect_exit "as JSON" 0 "$RS" check --json --expect-opens "$backend=1/context" "$WORK/each"
# shellcheck disable=SC2016 # $pattern is jq's
expect_json "the expectation is in the document" "$WORK/out" --arg pattern "$backend" '.verdict == "passed" and
    (.expectations[0] | .pattern == $pattern and .expected == 1 and .per_context and .opened == 2 and .met and
    ([.contexts[] | [.id, .label, .opens]] == [[1, "GET /a", 1], [2, "GET /b", 1]]))'

# --- processes

record workers
expect_exit "what a fork carries on is counted once" 0 "$RS" check --kinds hang --expect-opens "$backend=3" \
    --expect-opens "$backend=1/context" "$WORK/workers"
expect_text "and so are its contexts" "$WORK/out" 'by each of 3 contexts, as expected$'

# --- what is no expectation

expect_exit "a malformed one is wrong usage" 2 "$RS" check --expect-opens 'tcp:127.0.0.1:1' "$WORK/each"
expect_text "and the form is shown" "$WORK/err" "expected a '=' and a number .* PATTERN=N/context"
expect_exit "an unusable trace stays one" 2 "$RS" check --expect-opens tcp=0 "$WORK"/no-such-trace

finish
