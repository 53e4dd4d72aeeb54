#!/usr/bin/env bash
# html.sh: the page that `reqscope export --format html` writes: the same for the same trace, one file; and in a browser (page.mjs).
# Pictures of it are left in $B/html/pictures.
# SC2317: export_html is called by name, through expect.
# shellcheck disable=SC2317
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

BUSY=$B/html/busy
TRACE=$B/demo/trace
PICTURES=$(realpath -m "$B/html/pictures")
require "$BUSY" "$B/demo/shop" "$LIB" "$RS" "$B/html/node_modules"
have html node chromium || finish

export_html() { # FILE TRACE [OPTION...]
    local file=$1 trace=$2
    shift 2
    "$RS" export --format html --output "$file" "$@" "$trace" 2>"$WORK/err"
}

expect "the demo leaves a trace" env DEADLINE="$DEADLINE" tests/demo/demo.sh
expect "a busy server's trace" "$BUSY" "$WORK/busy" 10000
expect "a trace without findings" "$BUSY" "$WORK/quiet" 20

expect "export of the demo's trace" export_html "$WORK/shop.html" "$TRACE"
expect "export of 10,000 contexts" export_html "$WORK/busy.html" "$WORK/busy"
expect "export of a trace without findings" export_html "$WORK/quiet.html" "$WORK/quiet"
expect "the same trace again" export_html "$WORK/again.html" "$WORK/busy"
expect_same "is the same page" "$WORK/busy.html" "$WORK/again.html"
expect "on stdout" sh -c "'$RS' export --format html '$TRACE' 2>/dev/null | cmp - '$WORK/shop.html'"

# Whatever a label holds, the data ends where the exporter ends it.
expect_equal "the data is one element" 2 "$(grep -ac '</script>' "$WORK/busy.html")"
sed -n '/<script type="application\/json"/,/<\/script>/p' "$WORK/busy.html" | sed '1d;$d' >"$WORK/data.json"
expect_json "the data is JSON" "$WORK/data.json" '.contexts | length == 10000 * 18'
expect_no_text "no address of the network in the page" "$WORK/quiet.html" 'https?://[^w]'

expect_exit "a file that cannot be written is said" 2 "$RS" export --format html --output /dev/full "$TRACE"

mkdir -p "$PICTURES"
while IFS= read -r line; do
    case $line in
    'ok '*) pass "${line#ok }" ;;
    'not ok '*)
        line=${line#not ok }
        fail "${line%%: *}" "${line#*: }"
        ;;
    *) echo "$line" ;;
    esac
done < <(timeout 300 node tests/html/page.mjs "$(realpath "$B/html/node_modules")" "$(command -v chromium)" "$PICTURES" \
    "$WORK/shop.html" "$WORK/busy.html" "$WORK/quiet.html" 2>&1 || echo "not ok page.mjs: it ended with an error")

finish
