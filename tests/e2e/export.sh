#!/usr/bin/env bash
# export.sh: each format of `reqscope export`, read by programs that are made for it: of the demo's trace, and of one with labels of any
# bytes (tests/unit/test_export.c). The readers come with npm (tests/export/package.json).
# SC2016: what is in quotes is the inner shell's.
# shellcheck disable=SC2016
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

TRACE=$WORK/shop
require "$B/demo/shop" "$B/unit/test_export" "$LIB" "$RS"

# A trace with findings, of a program whose sources are here: the demo's, kept where no other test makes it anew.
expect "the demo tells its story" env DEADLINE="$DEADLINE" tests/demo/demo.sh
cp -r "$B/demo/trace" "$TRACE"
mkdir "$WORK/bad"
"$B/unit/test_export" "$WORK/bad"

formats='json chrome dot sarif junit otlp'
for trace in shop bad; do
    for format in $formats; do
        expect_exit "$format: $trace is written" 0 "$RS" export --format "$format" --output "$WORK/$trace.$format" "$WORK/$trace"
        "$RS" export --format "$format" "$WORK/$trace" >"$WORK/stdout" 2>"$WORK/err"
        expect_same "$format: $trace is the same on stdout" "$WORK/$trace.$format" "$WORK/stdout"
    done
done

# --- a file is whole or not there

# Nothing may be written past the first kilobyte: the old file stays, and no other is left.
# shellcheck disable=SC2317 # expect_exit calls it
cannot_write() {
    (
        trap '' XFSZ
        ulimit -f 1
        "$RS" export --format json --output "$WORK/kept/file" "$TRACE"
    )
}
mkdir "$WORK/kept"
echo before >"$WORK/kept/file"
expect_exit "a file that cannot be written whole is exit 2" 2 cannot_write
expect_text "it is said" "$WORK/err" 'kept/file: could not be written whole: File too large'
expect_equal "the old file stays, and no half one is left" "file before" "$(ls "$WORK/kept") $(cat "$WORK/kept/file")"
expect_exit "no format is exit 2" 2 "$RS" export "$TRACE"
expect_text "the formats are listed" "$WORK/err" 'json, chrome, dot, html, sarif, junit or otlp'

# --- what users look for

expect_json "sarif: where Bob's question is asked, relative to the sources" "$WORK/shop.sarif" \
    '[.runs[0].results[] | select(.ruleId == "foreign-io") | .locations[0].physicalLocation]
        | any(.artifactLocation.uri == "tests/demo/basket.c" and .artifactLocation.uriBaseId == "%SRCROOT%"
            and .region.startLine == '"$(line_of tests/demo/basket.c 'DEMO: used here')"')'
expect_json "sarif: and where Alice's request opened the connection" "$WORK/shop.sarif" \
    '[.runs[0].results[].relatedLocations[] | select(.message.text == "opened here by GET /basket?user=alice (context 2)")]
        | any(.physicalLocation.region.startLine == '"$(line_of tests/demo/basket.c 'DEMO: opened here')"')'
expect_json "chrome: an arrow from Alice's thread to Bob's" "$WORK/shop.chrome" \
    '[.traceEvents[] | select(.cat == "foreign use")] | group_by(.id) | any(.[0].tid != .[1].tid)'
expect_json "otlp: times are the wall clock's" "$WORK/shop.otlp" \
    '.resourceSpans[0].scopeSpans[0].spans[0].startTimeUnixNano | tonumber / 1e9 | . > (now - 3600) and . < (now + 3600)'
expect_text "junit: a case that keeps its name" "$WORK/shop.junit" \
    'testcase name="write in ask_over, opened in connect_backend" classname="foreign-io" file="tests/demo/basket.c"'
expect_text "dot: the finding is red" "$WORK/shop.dot" 'label="foreign-io.*color=red'

# --- what reads them

if have "dot: Graphviz draws it" dot; then
    for trace in shop bad; do
        expect "dot: Graphviz draws $trace without a word" \
            sh -c 'said=$(dot -Tsvg -o "$1.svg" "$1.dot" 2>&1) && [ -z "$said" ] || { echo "$said"; false; }' sh "$WORK/$trace"
    done
    expect_text "dot: a label is shown as it is" "$WORK/bad.svg" 'GET /a&quot;b&#39;c&lt;d&gt;&amp;e;&amp;lt;\]\]&gt;(&#45;){2}&gt;&lt;/failure&gt;'
fi

# The readers, installed once for a package.json.
readers() {
    local folder=$B/npm/export
    cmp -s tests/export/package.json "$folder/installed.json" && return
    rm -rf "$folder"
    mkdir -p "$folder"
    cp tests/export/package.json "$folder/"
    npm install --prefix "$folder" --no-audit --no-fund --no-package-lock --ignore-scripts --silent &&
        cp tests/export/package.json "$folder/installed.json"
}

have "the readers of npm" node npm || finish
if [[ -z ${CI:-} ]] && ! readers; then
    skip "the readers of npm" "npm could not install them"
    finish
fi
expect "the readers of npm are installed" readers
NODE_PATH=$(realpath "$B/npm/export/node_modules")
export NODE_PATH
for trace in shop bad; do
    for format in json chrome sarif junit otlp; do
        expect "$format: $trace is read" node "tests/export/check_$format.js" "$WORK/$trace.$format"
    done
done

finish
