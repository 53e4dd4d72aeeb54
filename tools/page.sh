#!/bin/sh
# page.sh: the page of `reqscope export --format html` as C: its frame, with the styles and scripts put in, as two strings: what
# stands before the data, and what stands behind it (viewer/page.h).
#
#     tools/page.sh viewer/page/page.html 'FILE.css ...' 'FILE.js ...'
#
# The frame says what a browser may run: this one style and this one script, by their hashes. So whatever a trace may bring
# onto the page, nothing of it is run.
set -eu
LC_ALL=C
export LC_ALL

frame=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# shellcheck disable=SC2086 # the words are the files
{
    cat $2 >"$work/style"
    cat $3 >"$work/script"
}
if grep -iqE '</(script|style)|<!--' "$work/style" "$work/script"; then
    echo "tools/page.sh: a style or script has </script, </style or <!-- in it, which would end it there" >&2
    exit 1
fi

# What stands between the tags: a line's end, then the file.
hash_of() {
    { echo && cat "$1"; } | sha256sum | cut -c -64 | tr a-f A-F | basenc --base16 --decode | base64
}

as_string() {
    sed 's/[\\"?]/\\&/g; s/.*/    "&\\n"/'
}

sed -e "s|@STYLE_HASH@|sha256-$(hash_of "$work/style")|; s|@SCRIPT_HASH@|sha256-$(hash_of "$work/script")|" \
    -e "/^@STYLE@\$/ { r $work/style
d
}" -e "/^@SCRIPT@\$/ { r $work/script
d
}" "$frame" >"$work/page"

echo '/* Made by tools/page.sh. */'
echo '#include "viewer/page.h"'
echo 'const char page_before[] ='
sed '/^@DATA@$/,$d' "$work/page" | as_string
echo '    ;'
echo 'const char page_behind[] ='
sed '1,/^@DATA@$/d' "$work/page" | as_string
echo '    ;'
