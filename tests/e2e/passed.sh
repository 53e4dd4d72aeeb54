#!/usr/bin/env bash
# passed.sh: what a process is sent in a message (SCM_RIGHTS) by another one of its family is one description, in `fds` and for those who
# ask who used it: a file, and a connection that its sender closes at once.
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

require "$LIB" "$RS"
have passed python3 jq || finish

cat >"$WORK/pass.py" <<'PYTHON'
import os
import socket
import sys

left, right = socket.socketpair()
if not os.fork():
    left.close()
    _, fds, _, _ = socket.recv_fds(right, 1, 2)
    for fd in fds:
        os.write(fd, b"child")
        os.close(fd)
    os._exit(0)
right.close()
file = os.open(sys.argv[1], os.O_CREAT | os.O_RDWR)
os.write(file, b"parent")
mine, theirs = socket.socketpair()
socket.send_fds(left, [b"x"], [file, theirs.fileno()])
theirs.close()
got = mine.recv(5)
os.wait()
os.close(file)
sys.exit(got != b"child")
PYTHON

expect "two descriptors are passed" "$RS" run --trace "$WORK/trace" -- python3 "$WORK/pass.py" "$WORK/file"
"$RS" fds --json "$WORK/trace" >"$WORK/fds.json"
expect_json "the file is one description, used by both processes" "$WORK/fds.json" \
    '[.descriptions[] | select(.description | endswith("/file"))] | length == 1 and (.[0].used_by_pids | length) == 2'
expect_json "none is left that came from nowhere" "$WORK/fds.json" '[.descriptions[] | select(.operation == "receive")] == []'
expect_json "the closed end is its receiver's until that closes it" "$WORK/fds.json" \
    '[.descriptions[] | select(.operation == "socketpair" and (.used_by_pids | length) == 1 and .close_ns)] | length >= 1'

finish
