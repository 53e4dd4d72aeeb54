#!/usr/bin/env bash
# symbols.sh: where names of functions, files and lines come from when the program is not as it was: its debug information is in a file
# of its own, it is another machine's, it was replaced or deleted, or it was packed beside the trace. The build id decides: no names
# rather than wrong ones. And nothing goes out to a server that was not asked for.
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

require "$LIB" "$RS" "$PROGRAMS/server_jit"
have symbols jq objcopy || finish

CC=${CC:-cc}
unset DEBUGINFOD_URLS
mkdir "$WORK/source" "$WORK/bin" "$WORK/kept"
cp tests/programs/server_small.c "$WORK/source/server.c"
SERVER=$WORK/bin/server
LINE=$(line_of "$WORK/source/server.c" 'ssize_t written = write')
NAMED="main server.c:$LINE"
NAMELESS="null null:null"

build() { # [FLAG...]: the server, anew
    rm -f "$SERVER" "$SERVER.debug"
    "$CC" -g -O1 -Iinclude -Wl,--build-id "$@" -o "$SERVER" "$WORK/source/server.c"
}

# Its debug information goes into a file of its own, $SERVER.debug; a link to it is left when asked for.
split() { # [linked]
    objcopy --only-keep-debug "$SERVER" "$SERVER.debug"
    strip "$SERVER"
    [[ ${1:-} != linked ]] || (cd "$WORK/bin" && objcopy --add-gnu-debuglink=server.debug server)
}

record() { # TRACE
    timeout "$DEADLINE" "${GUARD[@]}" REQSCOPE_LOG="$WORK/log" REQSCOPE_TRACE="$1" "$SERVER" >/dev/null
}

build_id() { # FILE
    readelf -n "$1" | sed -n 's/.*Build ID: //p'
}

# The frame in which the write is: "main server.c:17".
innermost() { # TRACE [OPTION...]
    local trace=$1
    shift
    timeout "$DEADLINE" "$RS" report --json "$@" "$trace" 2>"$WORK/said" |
        jq -r '.findings[] | select(.kind == "foreign-io") | .used_at[0] | "\(.function) \(.file):\(.line)"'
}

# --- a debug file of its own

build
ID=$(build_id "$SERVER")
cp "$SERVER" "$WORK/kept/server"
record "$WORK/whole"
expect_equal "DWARF in the program: named" "$NAMED" "$(innermost "$WORK/whole")"

split
record "$WORK/trace"
rm -f "$WORK/kept/server.debug"
mv "$SERVER.debug" "$WORK/kept/aside"
expect_equal "stripped: no name" "$NAMELESS" "$(innermost "$WORK/trace")"
expect_equal "and nothing is said: the file is the one that ran" "" "$(cat "$WORK/said")"

mkdir -p "$WORK/debug/.build-id/${ID:0:2}"
cp "$WORK/kept/aside" "$WORK/debug/.build-id/${ID:0:2}/${ID:2}.debug"
expect_equal "--debug-dir DIR: DIR/.build-id/ab/cdef.debug" "$NAMED" "$(innermost "$WORK/trace" --debug-dir "$WORK/debug")"

mkdir -p "$WORK/debug2/${ID:0:2}" "$WORK/debug3$WORK/bin" "$WORK/debug4"
cp "$WORK/kept/aside" "$WORK/debug2/${ID:0:2}/${ID:2}.debug"
expect_equal "--debug-dir DIR: DIR/ab/cdef.debug" "$NAMED" "$(innermost "$WORK/trace" --debug-dir "$WORK/debug2")"
cp "$WORK/kept/aside" "$WORK/debug3$SERVER.debug"
expect_equal "--debug-dir DIR: DIR/PATH.debug" "$NAMED" "$(innermost "$WORK/trace" --debug-dir "$WORK/debug3")"
cp "$WORK/kept/server" "$WORK/debug4/server"
expect_equal "--debug-dir DIR: DIR/NAME, a copy from before it was stripped" "$NAMED" \
    "$(innermost "$WORK/trace" --debug-dir "$WORK/debug4")"
innermost "$WORK/trace" --debug-dir "$WORK/none" >"$WORK/out"
expect_text "--debug-dir that is not there: said" "$WORK/said" "^reqscope: --debug-dir: $WORK/none: is no folder"

build
split linked
expect_equal "the same source, the same build id" "$ID" "$(build_id "$SERVER")"
expect_equal "a link to it, beside" "$NAMED" "$(innermost "$WORK/trace")"
mkdir "$WORK/bin/.debug"
mv "$SERVER.debug" "$WORK/bin/.debug/"
expect_equal "a link to it, in .debug beside" "$NAMED" "$(innermost "$WORK/trace")"
rm -r "$WORK/bin/.debug"

# Another program's debug file under the right name.
sed 's/bob/robert/; s/return 1;/return 3;/' "$WORK/source/server.c" >"$WORK/source/other.c"
"$CC" -g -O1 -Iinclude -Wl,--build-id -o "$WORK/kept/other" "$WORK/source/other.c"
objcopy --only-keep-debug "$WORK/kept/other" "$SERVER.debug"
expect_equal "a debug file with another build id is passed over" "$NAMELESS" "$(innermost "$WORK/trace")"
rm "$SERVER.debug"

# Without a build id: the link's sum decides.
build -Wl,--build-id=none
split linked
record "$WORK/unidentified"
expect_equal "no build id: a link to the debug file" "$NAMED" "$(innermost "$WORK/unidentified")"
printf 'x' >>"$SERVER.debug"
expect_equal "no build id: a debug file whose sum is another is passed over" "$NAMELESS" "$(innermost "$WORK/unidentified")"

# What several debug files share.
if have "dwz" dwz; then
    # dwz leaves small files as they are: it shares what is worth it.
    build && mv "$SERVER" "$WORK/kept/one"
    cp "$WORK/kept/other" "$WORK/kept/two"
    if dwz -m "$WORK/kept/shared" "$WORK/kept/one" "$WORK/kept/two" 2>"$WORK/dwz" && [[ -s $WORK/kept/shared ]]; then
        mv "$WORK/kept/one" "$SERVER"
        SHARED=$(build_id "$WORK/kept/shared")
        mkdir -p "$WORK/debug5/.build-id/${SHARED:0:2}"
        mv "$WORK/kept/shared" "$WORK/debug5/.build-id/${SHARED:0:2}/${SHARED:2}.debug"
        record "$WORK/shared"
        expect_equal "an alternate file by its build id in --debug-dir" "$NAMED" \
            "$(innermost "$WORK/shared" --debug-dir "$WORK/debug5")"
    else
        skip "an alternate file" "dwz made none: $(cat "$WORK/dwz")"
    fi
fi

# --- replaced, deleted, another machine's

cp "$WORK/kept/other" "$SERVER"
expect_equal "replaced: no name" "$NAMELESS" "$(innermost "$WORK/whole")"
expect_equal "replaced: said once, with the build id that is wanted" 1 \
    "$(grep -c "^reqscope: $SERVER: is not the file that ran .*$ID" "$WORK/said")"
expect_equal "replaced: the debug file is enough" "$NAMED" "$(innermost "$WORK/whole" --debug-dir "$WORK/debug")"
expect_equal "replaced: nothing is said then" "" "$(cat "$WORK/said")"
rm "$SERVER"
expect_equal "deleted: no name" "$NAMELESS" "$(innermost "$WORK/whole")"
expect_text "deleted: said, with what to do" "$WORK/said" "^reqscope: $SERVER: .*--debug-dir"
expect_equal "deleted: the debug file is enough" "$NAMED" "$(innermost "$WORK/whole" --debug-dir "$WORK/debug")"

# It deletes itself before the guard reads its path: the path ends with " (deleted)".
"$CC" -g -O1 -shared -fPIC -o "$WORK/bin/unlink.so" -x c - <<'CODE'
#include <stdlib.h>
#include <unistd.h>
__attribute__((constructor)) static void start(void) { unlink(getenv("VICTIM")); }
CODE
cp "$WORK/kept/server" "$SERVER"
timeout "$DEADLINE" env LD_PRELOAD="$LIB $WORK/bin/unlink.so" VICTIM="$SERVER" REQSCOPE_LOG="$WORK/log" \
    REQSCOPE_TRACE="$WORK/deleted" "$SERVER" >/dev/null
cp "$WORK/kept/server" "$SERVER"
expect_equal "deleted while it ran, and put there again: named" "$NAMED" "$(innermost "$WORK/deleted")"
rm "$SERVER"

mkdir -p "$WORK/root$WORK/real" "$WORK/root$WORK/source"
cp "$WORK/kept/server" "$WORK/root$WORK/real/server"
ln -s "$WORK/real" "$WORK/root$WORK/bin" # absolute: that machine's
expect_equal "--sysroot DIR: DIR/PATH, links in it being of that machine" "$NAMED" \
    "$(innermost "$WORK/whole" --sysroot "$WORK/root")"
sed "${LINE}s/\$/ \/* of that machine *\//" "$WORK/source/server.c" >"$WORK/root$WORK/source/server.c"
"$RS" report --sysroot "$WORK/root" "$WORK/whole" >"$WORK/out" 2>&1
expect_text "--sysroot: its sources, too" "$WORK/out" '--> +'"$LINE"' .*of that machine'
cp "$WORK/kept/other" "$WORK/root$WORK/real/server"
cp "$WORK/kept/server" "$SERVER"
expect_equal "--sysroot: another file there, the right one here" "$NAMED" "$(innermost "$WORK/whole" --sysroot "$WORK/root")"
rm -r "$SERVER" "$WORK/root"

# What is no regular file is not waited for.
mkfifo "$SERVER"
expect_equal "a pipe in the program's place: no name" "$NAMELESS" "$(innermost "$WORK/whole")"
rm "$SERVER"

# --- packed

cp "$WORK/kept/server" "$SERVER"
cp -r "$WORK/whole" "$WORK/packed"
"$RS" report "$WORK/whole" >"$WORK/before" 2>&1
expect_exit "pack: done" 0 "$RS" pack "$WORK/packed"
expect_text "pack: says what it put there" "$WORK/out" "put there .*$SERVER"
[[ -s $WORK/packed/debug/.build-id/${ID:0:2}/${ID:2} ]]
expect_equal "pack: under its build id" 0 $?
expect "pack: without the code" sh -c "! readelf -x .text '$WORK/packed/debug/.build-id/${ID:0:2}/${ID:2}' 2>&1 | grep -q 0x0"
find "$WORK/packed" -type f -printf '%p %s %T@\n' | sort >"$WORK/files"
expect_exit "pack again: done" 0 "$RS" pack "$WORK/packed"
expect_text "pack again: nothing is put there" "$WORK/out" 'put there now: 0,'
find "$WORK/packed" -type f -printf '%p %s %T@\n' | sort >"$WORK/files.again"
expect_same "pack again: nothing changes" "$WORK/files" "$WORK/files.again"
if ! unshare -m true 2>/dev/null; then
    skip "packed: read where nothing of it is" "no mount can be made here"
else
    # The libraries that are packed are not here either: libc's debug files, if there are any, are not to be found.
    mkdir "$WORK/empty"
    mv "$WORK/source" "$WORK/source.away"
    mv "$SERVER" "$WORK/kept/away"
    unshare -m sh -c "[ ! -d /usr/lib/debug ] || mount --bind '$WORK/empty' /usr/lib/debug; '$RS' report '$WORK/packed'" >"$WORK/after" 2>&1
    sed -i "s|$WORK/packed|$WORK/whole|" "$WORK/after"
    expect_same "packed: the report is the same where program, sources and debug files are not" "$WORK/before" "$WORK/after"
    "$RS" report "$WORK"/packed/server-* >"$WORK/after" 2>&1
    expect_same "packed: and of the process's own folder" "$WORK/before" "$WORK/after"
    mv "$WORK/source.away" "$WORK/source"
fi
rm -f "$SERVER"

build -Wl,--build-id=none
split linked
cp -r "$WORK/unidentified" "$WORK/packed2"
"$RS" report "$WORK/packed2" >"$WORK/before" 2>&1
"$RS" pack "$WORK/packed2" >"$WORK/out" 2>&1
rm "$SERVER" "$SERVER.debug"
"$RS" report "$WORK/packed2" >"$WORK/after" 2>&1
expect_same "packed without a build id: by its path" "$WORK/before" "$WORK/after"

cp -r "$WORK/whole" "$WORK/packed3"
expect_exit "pack: what is not found is named" 0 "$RS" pack "$WORK/packed3"
expect_text "pack: with its build id" "$WORK/out" "not found .*$SERVER.*$ID"
cp -r "$WORK/whole" "$WORK/packed4"
cp "$WORK/kept/server" "$SERVER"
ln -s "$WORK/empty4" "$WORK/packed4/debug"
mkdir "$WORK/empty4"
expect_exit "pack: a link in the place of its folder is not followed" 2 "$RS" pack "$WORK/packed4"
expect_nothing_in "pack: nothing is put there" "$WORK/empty4"
expect_text "pack: it is said" "$WORK/err" "^reqscope: $WORK/packed4/debug: cannot be made or opened"

# --- damaged ELF files: no names, or those that are left, but an end

# Changes some bytes at random, and cuts every fourth copy off.
cat >"$WORK/damage.py" <<'CODE'
import random, sys
random.seed(int(sys.argv[2]))
data = bytearray(open(sys.argv[1], "rb").read())
for _ in range(30):
    data[random.randrange(len(data))] = random.randrange(256)
if int(sys.argv[2]) % 4 == 0:
    del data[random.randrange(len(data)) :]
open(sys.argv[3], "wb").write(data)
CODE
damaged=0
for i in {1..20}; do
    python3 "$WORK/damage.py" "$WORK/kept/server" "$i" "$SERVER"
    timeout 10 "$RS" report "$WORK/whole" >/dev/null 2>&1 || damaged=$?
    timeout 10 "$RS" pack "$WORK/packed3" >/dev/null 2>&1 || damaged=$?
    rm -rf "$WORK/packed3/debug"
done
expect_equal "damaged programs are read to the end" 0 "$damaged"
rm "$SERVER"

# --- debuginfod

# Says who connects, and answers nothing.
cat >"$WORK/listen.py" <<'CODE'
import socket
server = socket.create_server(("127.0.0.1", 0))
print("listening on 127.0.0.1:%d" % server.getsockname()[1], flush=True)
while True:
    connection = server.accept()[0]
    print("asked", flush=True)
    connection.close()
CODE
start listen python3 "$WORK/listen.py"
port=$(port_of listen)
export DEBUGINFOD_CACHE_PATH=$WORK/cache DEBUGINFOD_URLS=http://127.0.0.1:$port
cp "$WORK/kept/server" "$SERVER"
strip "$SERVER"
for command in report fds check; do "$RS" $command "$WORK/whole" >/dev/null 2>&1; done
"$RS" pack "$WORK/packed" >/dev/null 2>&1
rm "$SERVER"
"$RS" report "$WORK/whole" >/dev/null 2>&1
[[ ! -e $WORK/shared ]] || "$RS" report "$WORK/shared" >/dev/null 2>&1
expect_no_text "DEBUGINFOD_URLS alone: nobody is asked" "$WORK/listen.out" asked
if ! ldconfig -p | grep -q libdebuginfod.so.1; then
    skip "--debuginfod" "libdebuginfod is not installed (make deps)"
else
    timeout "$DEADLINE" "$RS" report --debuginfod "$WORK/whole" >/dev/null 2>&1
    expect_text "--debuginfod: it is asked" "$WORK/listen.out" asked
    expect_exit "--debuginfod without DEBUGINFOD_URLS" 2 env -u DEBUGINFOD_URLS "$RS" report --debuginfod "$WORK/whole"
    expect_text "says what to set" "$WORK/err" '^reqscope: --debuginfod: .*set DEBUGINFOD_URLS'
fi
if have "a server of debug files" debuginfod; then
    mkdir "$WORK/served"
    cp "$WORK/kept/server" "$WORK/served/"
    port=$(free_port)
    start debuginfod env -u DEBUGINFOD_URLS debuginfod -F -p "$port" -d "$WORK/debuginfod.sqlite" "$WORK/served"
    export DEBUGINFOD_CACHE_PATH=$WORK/cache2 DEBUGINFOD_URLS=http://127.0.0.1:$port
    wait_for "the server of debug files" curl -sfo /dev/null "http://127.0.0.1:$port/buildid/$ID/executable"
    expect_equal "--debuginfod: a program that is not here is named" "$NAMED" "$(innermost "$WORK/whole" --debuginfod)"
fi
unset DEBUGINFOD_URLS

# --- code that the program makes as it runs

if [[ $(uname -m) == x86_64 ]]; then
    printf 'const db = open();\nfunction query() {\n    return db.read();\n}\n' >"$WORK/source/db.js"
    in_code() { # TRACE
        timeout "$DEADLINE" "$RS" report --json "$1" 2>"$WORK/said" |
            jq -r '.findings[] | select(.kind == "foreign-io") | .used_at[] | select(.module == "[jit]")
                | "\(.function) \(.file):\(.line):\(.column)"'
    }
    run_jit() { # HOW; its pid is in $jit
        rm -rf "$WORK/jit"
        start jit "${GUARD[@]}" REQSCOPE_LOG="$WORK/log" REQSCOPE_TRACE="$WORK/jit" \
            "$PROGRAMS/server_jit" "$1" "LazyCompile:*query $WORK/source/db.js:2:15"
        await "$pid"
        jit=$(cat "$WORK/jit.out")
    }
    run_jit exit
    expect_equal "it ends by itself: the map is kept with the trace" 600 "$(stat -c %a "$WORK"/jit/*/.perf.map)"
    rm "/tmp/perf-$jit.map"
    expect_equal "its code is named" "query db.js:2:15" "$(in_code "$WORK/jit")"
    "$RS" report "$WORK/jit" >"$WORK/out" 2>&1
    expect_text "in the text, too" "$WORK/out" '#1 +query +db\.js:2 +\(\[jit\]'
    expect_no_text "no rule is proposed that the guard cannot follow" "$WORK/out" 'lib:.*jit'
    if have "babeltrace2" babeltrace2; then
        expect "babeltrace2 reads the trace all the same" babeltrace2 "$WORK/jit"
        "$RS" pack "$WORK/jit" >/dev/null 2>&1
        expect "and when it is packed" babeltrace2 "$WORK/jit"
    fi
    run_jit kill
    expect_equal "it is killed: the map itself serves" "query db.js:2:15" "$(in_code "$WORK/jit")"
    "$RS" pack "$WORK/jit" >/dev/null 2>&1
    rm "/tmp/perf-$jit.map"
    expect_equal "it is killed, and packed: the map is kept" "query db.js:2:15" "$(in_code "$WORK/jit")"
    run_jit kill
    chown 65534 "/tmp/perf-$jit.map" 2>/dev/null && expect_equal "another user's map serves not" "" "$(in_code "$WORK/jit")"
    rm -f "/tmp/perf-$jit.map"
    run_jit old
    expect_equal "a map from before the process is another's" "" "$(in_code "$WORK/jit")"
    expect "and is not kept" sh -c "! ls '$WORK'/jit/*/.perf.map 2>/dev/null"
    rm "/tmp/perf-$jit.map"
fi
finish
