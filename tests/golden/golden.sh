#!/usr/bin/env bash
# golden.sh: what every command says of kept traces (traces/, made by record.sh), word for word (expected/). The same on every machine:
# what names the frames is beside the traces, and of nothing else there is a file.
#
#     UPDATE=1 tests/golden/golden.sh      writes expected/ anew: look at what git shows of it before it is kept
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

GOLDEN=$PWD/tests/golden
require "$RS"
for trace in "$GOLDEN"/traces/*.tar.gz; do tar -xzf "$trace" -C "$WORK"; done
unset COLUMNS NO_COLOR DEBUGINFOD_URLS LANG LC_CTYPE REQSCOPE_PAGER PAGER
export LC_ALL=C.UTF-8 TERM=dumb TZ=UTC

# What differs from version to version and from run to run, and is nothing of the trace's.
normalise() {
    sed -E 's/"version": ?"[0-9.]+"/"version":"VERSION"/; s/"semanticVersion": ?"[^"]*"/"semanticVersion":"VERSION"/; s|'"$WORK"'|/FOLDER|g'
}

# Of the page only the data: the rest is the same for every trace, and tests/html looks at it.
data_of_page() {
    sed -n '/<script type="application\/json"/,/<\/script>/p'
}

# One case: its name is the file's in expected/; the exit code is its last line.
golden() { # NAME ARGUMENT...
    local name=$1 said=$WORK/said expected=$GOLDEN/expected/$1 exit_code
    shift
    (cd "$WORK" && timeout "$DEADLINE" "$RS" "$@" 2>"$WORK/err") >"$WORK/raw"
    exit_code=$?
    if [[ $name == *.html ]]; then data_of_page <"$WORK/raw" >"$said"; else normalise <"$WORK/raw" >"$said"; fi
    if [[ -s $WORK/err ]]; then sed "s|$WORK/||g; s/^/stderr: /" "$WORK/err" >>"$said"; fi
    echo "exit code $exit_code" >>"$said"
    [[ -z ${UPDATE:-} ]] || cp "$said" "$expected"
    if diff -u "$expected" "$said" >"$WORK/diff" 2>&1; then
        pass "$name"
    else
        fail "$name" "$(head -n 20 "$WORK/diff")"
    fi
}

while read -r name arguments; do
    [[ -n $name && $name != \#* ]] || continue
    eval "set -- $arguments"
    golden "$name" "$@"
done <<'CASES'
report.txt             report broken
report-lease.txt       report lease
report-mended.txt      report mended
report.json            report --json broken
report-kind.txt        report --by kind --max 3 broken
report-context.txt     report --by context --kinds foreign-io,leak broken
report-description.txt report --by description --match basket broken
report-module.json     report --by module --json --kinds bad-close broken
report-bob.txt         report --context '*bob' --since 1ms broken
report-ascii.txt       report --color=always --kinds bad-close broken
contexts.txt           contexts broken
contexts.json          contexts --json mended
contexts-match.txt     contexts --match basket broken
fds.txt                fds broken
fds.json               fds --json lease
fds-3.txt              fds --fd 3 --max 2 broken
timeline.txt           timeline --width 100 broken
timeline-lease.txt     timeline --width 120 lease
timeline-fd.txt        timeline --by fd --width 100 --ascii lease
timeline-thread.txt    timeline --by thread --width 80 broken
timeline-zoom.txt      timeline --width 100 --from 1ms --to 3ms broken
timeline.json          timeline --json lease
show-finding.txt       show f2 --width 100 broken
show-label.txt         show 'GET /basket?user=bob' --width 100 --ascii broken
show-description.txt   show fd:3 --width 100 broken
show-context.json      show 'POST /order' --json lease
show-nothing.txt       show f99 broken
check.txt              check broken
check.json             check --json mended
check-opens.txt        check --kinds bad-close --expect-opens 'tcp=1/context' mended
check-max.txt          check --max 20 broken
diff.txt               diff broken mended
diff.json              diff --json mended broken
diff-same.txt          diff broken broken
export.json            export --format json broken
export.chrome.json     export --format chrome lease
export.dot             export --format dot broken
export.sarif           export --format sarif broken
export.junit.xml       export --format junit broken
export.otlp.json       export --format otlp mended
export.html            export --format html lease
no-trace.txt           report nowhere
no-command.txt         reprot broken
CASES

finish
