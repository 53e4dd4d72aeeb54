#!/usr/bin/env python3
"""servers.py: what inference costs a real server: CPU time a request of one guarded with REQSCOPE_CONTEXT=auto, to that of the same
server guarded with REQSCOPE_CONTEXT=api, and to a bare one.

All servers run at once, each loaded in turn, in pairs (A B, B A, ...), so that what the machine does meanwhile hits both. CPU time is
what the kernel says of the server's processes (schedstat, nanoseconds), not what passes on the clock. Beside every figure stands the
same server against itself (A/A): what differs there is noise.

    servers.py --library LIB [--pairs N] [--requests N] [--only nginx,redis] [--json FILE]
"""
import argparse
import json
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

VARIANTS = {
    "bare": None,
    "bare again": None,
    "api": {"REQSCOPE_CONTEXT": "api"},
    "api again": {"REQSCOPE_CONTEXT": "api"},
    "auto": {},
    "auto, lease": {"REQSCOPE_POLICY": "lease"},
    "api, lease": {"REQSCOPE_POLICY": "lease", "REQSCOPE_CONTEXT": "api"},
}
PAIRS = [("api", "api again"), ("api", "auto"), ("api, lease", "auto, lease"), ("bare", "bare again"), ("bare", "auto")]


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def wait_for(port):
    for _ in range(500):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.01)
    sys.exit(f"servers.py: nothing listens on port {port}")


def children_of(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        below = [int(word) for word in file.read().split()]
    return [pid] + [one for child in below for one in children_of(child)]


def cpu_time(pid):
    total = 0
    for one in children_of(pid):
        for thread in os.listdir(f"/proc/{one}/task"):
            with open(f"/proc/{one}/task/{thread}/schedstat", encoding="ascii") as file:
                total += int(file.read().split()[0])
    return total


class Server:
    """One variant of a server, running."""

    def __init__(self, kind, variant, folder, library):
        self.port = free_port()
        self.folder = os.path.join(folder, re.sub("[^a-z]", "-", variant))
        os.makedirs(self.folder)
        environment = dict(os.environ)
        if VARIANTS[variant] is not None:
            environment.update(VARIANTS[variant], LD_PRELOAD=library, REQSCOPE_LOG=os.path.join(self.folder, "log"))
        self.kind = kind
        self.process = subprocess.Popen(getattr(self, kind)(), env=environment, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        wait_for(self.port)

    def nginx(self):
        with open(os.path.join(self.folder, "index.html"), "w", encoding="ascii") as file:
            file.write("x" * 1024)
        configuration = os.path.join(self.folder, "nginx.conf")
        with open(configuration, "w", encoding="ascii") as file:
            file.write(f"""{'user root;' if os.getuid() == 0 else ''} daemon off; worker_processes 1;
                pid {self.folder}/pid; error_log {self.folder}/error.log;
                events {{ worker_connections 512; }}
                http {{ access_log off; keepalive_requests 1000000000; client_body_temp_path {self.folder}/b;
                proxy_temp_path {self.folder}/p; fastcgi_temp_path {self.folder}/f; uwsgi_temp_path {self.folder}/u;
                scgi_temp_path {self.folder}/s; server {{ listen 127.0.0.1:{self.port}; root {self.folder}; }} }}""")
        return ["nginx", "-c", configuration, "-p", self.folder]

    def redis(self):
        return ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
                "--dir", self.folder]

    def load(self, requests):
        """Returns nanoseconds of CPU time a request."""
        before = cpu_time(self.process.pid)
        if self.kind == "nginx":
            command = ["ab", "-q", "-k", "-c", "10", "-n", str(requests), f"http://127.0.0.1:{self.port}/index.html"]
        else:
            command = ["redis-benchmark", "-p", str(self.port), "-t", "get", "-c", "10", "-n", str(requests), "-q"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return (cpu_time(self.process.pid) - before) / requests

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)


def measure(kind, arguments, folder):
    servers = {variant: Server(kind, variant, os.path.join(folder, kind), arguments.library) for variant in VARIANTS}
    rows = []
    try:
        for server in servers.values():
            server.load(arguments.requests)
        for one, other in PAIRS:
            times = {one: [], other: []}
            for turn in range(arguments.pairs):
                for variant in ((one, other), (other, one))[turn % 2]:
                    times[variant].append(servers[variant].load(arguments.requests))
            ratios = sorted(b / a for a, b in zip(times[one], times[other]))
            quarter = len(ratios) // 4
            rows.append({"server": kind, "of": other, "to": one, "ratio": statistics.median(ratios),
                         "quartiles": [ratios[quarter], ratios[-1 - quarter]], "range": [ratios[0], ratios[-1]],
                         "ns": [statistics.median(times[one]), statistics.median(times[other])]})
            row = rows[-1]
            print(f"{kind:6} {other:12} to {one:11} {row['ratio']:.3f} ({row['quartiles'][0]:.3f}..{row['quartiles'][1]:.3f})"
                  f"  {row['ns'][0]:.0f} -> {row['ns'][1]:.0f} ns of CPU a request", flush=True)
    finally:
        for server in servers.values():
            server.stop()
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--library", required=True)
    parser.add_argument("--pairs", type=int, default=21)
    parser.add_argument("--requests", type=int, default=10000)
    parser.add_argument("--only", default="nginx,redis")
    parser.add_argument("--json")
    arguments = parser.parse_args()
    arguments.library = os.path.realpath(arguments.library)
    rows = []
    folder = tempfile.mkdtemp(prefix="reqscope-bench-")
    os.chmod(folder, 0o755)
    try:
        for kind in arguments.only.split(","):
            os.makedirs(os.path.join(folder, kind))
            rows += measure(kind, arguments, folder)
    finally:
        shutil.rmtree(folder)
    if arguments.json:
        with open(arguments.json, "w", encoding="ascii") as file:
            json.dump(rows, file, indent=1)


main()
