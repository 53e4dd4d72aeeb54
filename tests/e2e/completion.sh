#!/usr/bin/env bash
# completion.sh: what bash, zsh and fish propose, asked of real shells; of those that are not installed nothing is known.
# SC2016: the variables are another shell's. SC2317: the functions are called by name.
# shellcheck disable=SC2016,SC2317
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

require "$RS"
mkdir -p "$WORK/place/trace-folder" "$WORK/zsh"
"$RS" completion bash >"$WORK/bash"
"$RS" completion zsh >"$WORK/zsh/_reqscope"
"$RS" completion fish >"$WORK/reqscope.fish"

# Each: proposes LINE, one word a line.
bash_proposes() {
    bash --norc -c '
        cd "$1" && . "$2"
        COMP_LINE=$3 COMP_POINT=${#3}
        read -ra COMP_WORDS <<<"$3"
        [[ $3 != *" " ]] || COMP_WORDS+=("")
        COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
        complete=$(complete -p reqscope) || exit 1
        function=$(sed "s/.*-F \([^ ]*\) .*/\1/" <<<"$complete")
        "$function" reqscope "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
        printf "%s\n" "${COMPREPLY[@]}"' bash "$WORK/place" "$WORK/bash" "$1" 2>&1 | sed 's/ *$//' | sort -u
}

zsh_proposes() {
    (cd "$WORK/place" && timeout "$DEADLINE" zsh -f "$FOLDER/completion.zsh" "$WORK/zsh/_reqscope" "$1" 2>/dev/null) | sed 's/ *$//'
}

fish_proposes() {
    (cd "$WORK/place" && HOME=$WORK timeout "$DEADLINE" fish --no-config -c 'source $argv[1]; complete -C $argv[2]' \
        "$WORK/reqscope.fish" "$1" 2>/dev/null) | cut -f 1 | sort -u
}

FOLDER=$PWD/tests/e2e
for shell in bash zsh fish; do
    if ! command -v "$shell" >/dev/null; then
        skip "$shell" "it is not installed"
        continue
    fi
    proposes() { # WHAT LINE WORD [NOT-WORD]
        "${shell}_proposes" "$2" >"$WORK/proposed"
        expect_text "$shell: $1" "$WORK/proposed" "^$3/?\$"
        [[ -z ${4:-} ]] || expect_no_text "$shell: $1, and not $4" "$WORK/proposed" "^$4\$"
    }
    proposes "commands" "reqscope re" report timeline
    proposes "a command's options" "reqscope report --" --by --expect-opens
    proposes "another command's" "reqscope check --ex" --expect-opens --by
    proposes "values" "reqscope export --format " sarif strict
    proposes "values that begin so" "reqscope run --policy le" lease strict
    proposes "folders" "reqscope report tr" trace-folder
done

finish
