"""cage.py: runs commands one after the other where they can disturb nobody, and says how each ended.

It reads a job from standard input, as JSON, and answers with JSON on standard output:

    {"commands": [{"name": "...", "argv": [...], "cwd": "...", "out": "...", "err": "...", "limit": seconds}, ...],
     "environment": {...}, "user": uid or null}
    {"network": "own" or "shared", "results": [{"name": "...", "code": N, "seconds": N, "late": bool}, ...]}

The commands have a network of their own with a loopback alone, so that no port is taken and nothing outside is asked; where
the kernel refuses that, they share ours. They run as `user` when we are root. A command that takes longer than its limit is
killed; what a command leaves running is killed, too: whatever loses its parent becomes a child of the cage.
"""

import ctypes
import fcntl
import json
import os
import signal
import socket
import struct
import sys
import time

CLONE_NEWUSER = 0x10000000
CLONE_NEWNET = 0x40000000
PR_SET_CHILD_SUBREAPER = 36
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1

libc = ctypes.CDLL(None, use_errno=True)


def write(path, text):
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def own_network():
    """True: from here on there is only a loopback, and it is up."""
    uid, gid = os.geteuid(), os.getegid()
    if libc.unshare(CLONE_NEWNET if uid == 0 else CLONE_NEWUSER | CLONE_NEWNET):
        return False
    if uid != 0:
        write("/proc/self/setgroups", "deny")
        write("/proc/self/uid_map", f"{uid} {uid} 1")
        write("/proc/self/gid_map", f"{gid} {gid} 1")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = fcntl.ioctl(any_socket, SIOCGIFFLAGS, struct.pack("16sh14x", b"lo", 0))
        flags = struct.unpack("16sh14x", request)[1] | IFF_UP
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags))
    return True


def children():
    with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as file:
        return [int(pid) for pid in file.read().split()]


def reap():
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def kill_all():
    """Ends our children until there are none: the children of one that ends become ours."""
    while left := children():
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        time.sleep(0.01)
        reap()


def become(user):
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)


def start(command, environment, user):
    pid = os.fork()
    if pid:
        return pid
    try:
        os.setsid()
        null = os.open("/dev/null", os.O_RDONLY)
        out = os.open(command["out"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        err = os.open(command["err"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        for number, fd in enumerate((null, out, err)):
            os.dup2(fd, number)
        os.closerange(3, 64)
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python ignores it, and what is ignored stays so after an exec
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        if user is not None:
            become(user)
        os.chdir(command["cwd"])
        os.execve(command["argv"][0], command["argv"], environment)
    except OSError as error:
        os.write(2, f"cage: {command['argv'][0]}: {error}\n".encode())
    finally:
        os._exit(127)


def run(command, environment, user):
    began = time.monotonic()
    end = began + command["limit"]
    pid = start(command, environment, user)
    late = False
    while True:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            break
        if time.monotonic() > end and not late:
            late = True
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.005)
    seconds = time.monotonic() - began
    kill_all()
    return {"name": command["name"], "code": os.waitstatus_to_exitcode(status), "seconds": seconds, "late": late}


def main():
    job = json.load(sys.stdin)
    user = job["user"]
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        network = own_network()
    except OSError:
        network = False
    results = [run(command, job["environment"], user) for command in job["commands"]]
    json.dump({"network": "own" if network else "shared", "results": results}, sys.stdout)


if __name__ == "__main__":
    main()
