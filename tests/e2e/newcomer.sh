#!/usr/bin/env bash
# newcomer.sh: what somebody meets who has read the README only: daemons, forks, the header under a strict compiler, kinds that
# this version does not look for.
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

require "$PROGRAMS/server_family" "$LIB" "$RS"

# A daemon must let go of the pipe that its starter reads, or `$(service start)` waits for its end.
mkfifo "$WORK/hold"
said=$(timeout "$DEADLINE" "$RS" run -- "$PROGRAMS/server_family" daemon "$WORK/hold" 2>&1)
expect_equal "a daemon's starter reads to the end while the daemon lives" "started" "$said"
timeout "$DEADLINE" sh -c "echo go >'$WORK/hold'" || fail "the daemon lived" "nobody read"

# Three children, each with a request of its own: nobody's trace holds a sibling's.
"${GUARD[@]}" REQSCOPE_TRACE="$WORK/trace" "$PROGRAMS/server_family" children
"$RS" contexts --json "$WORK/trace" >"$WORK/contexts"
expect_json "a child's trace has no context of its siblings" "$WORK/contexts" \
    '[.contexts[] | select(.label == "GET /child")] | length == 3'

expect_exit "a kind that is not looked for: the program runs" 0 "${GUARD[@]}" REQSCOPE_CHECK=hang,foreign-io true
expect_text "and it is said" "$WORK/err" '^reqscope: REQSCOPE_CHECK: .*: hang$'

echo '#include "reqscope.h"' >"$WORK/header.c"
for standard in c11 c2x; do
    expect "the header is clean under -std=$standard -Wpedantic" \
        "${CC:-cc}" -std=$standard -Wall -Wextra -Wpedantic -Werror -Iinclude -c -o "$WORK/header.o" "$WORK/header.c"
done
finish
