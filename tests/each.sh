#!/usr/bin/env bash
# each.sh FOLDER NAME...: the scripts tests/FOLDER/NAME.sh, one after the other. Each can be run by itself, too. The last line is the
# sum: `N passed, N failed, N skipped`. B= names the build folder, QUICK=1 makes the loads smaller.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/$1
LIMIT=${LIMIT:-300} # seconds that one server may take
passed=0 failed=0 skipped=0 failures=()

what=$1
shift

for name; do
    echo "# $what: $name"
    begun=$SECONDS last=''
    while IFS= read -r line; do
        echo "$line"
        last=$line
    done < <(timeout -k 10 "$LIMIT" "$here/$name.sh" </dev/null 2>&1)
    if [[ $last =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed,\ ([0-9]+)\ skipped$ ]]; then
        passed=$((passed + BASH_REMATCH[1]))
        failed=$((failed + BASH_REMATCH[2]))
        skipped=$((skipped + BASH_REMATCH[3]))
        ((BASH_REMATCH[2] == 0)) || failures+=("$name")
    else
        echo "not ok $name: it ended before its end"
        failed=$((failed + 1))
        failures+=("$name")
    fi
    echo "# $name took $((SECONDS - begun)) s"
done

((${#failures[@]} == 0)) || echo "failed: ${failures[*]}"
echo "$passed passed, $failed failed, $skipped skipped"
exit $((failed > 0))
