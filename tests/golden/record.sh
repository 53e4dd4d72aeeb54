#!/usr/bin/env bash
# record.sh: makes the golden tests' traces anew (traces/*.tar.gz), from day.c. Only when what lies in a trace has changed: then
# UPDATE=1 golden.sh, and a look at what has become of the expected texts.
#
# So that they are the same for everybody, the program is built and run in a folder that nobody else has, with a libc of its own in
# it, whose build id is no other's: what has no name there has none anywhere. What names the program's own frames is packed beside them.
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

HOME_OF_DAY=/srv/day
KEPT=$PWD/tests/golden/traces
require "$LIB" "$RS"
rm -rf "$HOME_OF_DAY"
mkdir -p "$HOME_OF_DAY/lib"
cp tests/golden/day.c include/reqscope.h "$LIB" "$HOME_OF_DAY"
cd "$HOME_OF_DAY" || exit 1
for library in libc.so.6 ld-linux-x86-64.so.2; do
    cp "$(realpath "/lib/x86_64-linux-gnu/$library")" "lib/$library"
    id=$(readelf -n "lib/$library" | sed -n 's/.*Build ID: //p')
    python3 -c 'import sys
path, id = sys.argv[1:]
whole = open(path, "rb").read()
open(path, "wb").write(whole.replace(bytes.fromhex(id), b"a libc of day.c alone"[: len(id) // 2]))' "lib/$library" "$id"
done
gcc -g -O1 -I. -o day day.c -Wl,--dynamic-linker="$PWD/lib/ld-linux-x86-64.so.2" -Wl,-rpath,"$PWD/lib"

record() { # NAME POLICY HOW
    REQSCOPE_TRACE=$PWD/$1 REQSCOPE_POLICY=$2 REQSCOPE_LOG=/dev/null LD_PRELOAD=$PWD/libreqscope.so \
        ./day "$3"
    "$RS" pack "$1" >/dev/null
    # Of the pack only the program's own is kept: it is small.
    find "$1/debug" -type f -size +200k -delete
    tar --sort=name --owner=0 --group=0 --numeric-owner -czf "$KEPT/$1.tar.gz" "$1"
}

record broken strict broken
record mended strict mended
record lease lease broken
cd / && rm -rf "$HOME_OF_DAY"
ls -l "$KEPT"
