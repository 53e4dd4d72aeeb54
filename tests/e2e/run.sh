#!/usr/bin/env bash
# run.sh [NAME...]: the end-to-end tests, all or those named (hiredis, kill, ...). Each is a script of its own in this folder
# that can be run by itself, too. The last line is the sum: `N passed, N failed, N skipped`. B= names the build folder.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
passed=0 failed=0 skipped=0

names=("$@")
if ((!$#)); then
    for script in "$here"/*.sh; do
        name=$(basename "$script" .sh)
        [[ $name == run ]] || names+=("$name")
    done
fi

for name in "${names[@]}"; do
    echo "# e2e: $name"
    last=''
    while IFS= read -r line; do
        echo "$line"
        last=$line
    done < <("$here/$name.sh")
    if [[ $last =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed,\ ([0-9]+)\ skipped$ ]]; then
        passed=$((passed + BASH_REMATCH[1]))
        failed=$((failed + BASH_REMATCH[2]))
        skipped=$((skipped + BASH_REMATCH[3]))
    else
        echo "not ok $name: it ended before its end"
        failed=$((failed + 1))
    fi
done

echo "$passed passed, $failed failed, $skipped skipped"
exit $((failed > 0))
