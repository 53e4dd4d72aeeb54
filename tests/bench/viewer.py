#!/usr/bin/env python3
"""How fast the command reads a large trace, beside babeltrace2 on the same trace in the same run.

    viewer.py --reqscope COMMAND --library LIBREQSCOPE --load PROGRAM [--events N] [--threads N] [--turns N] [--json FILE]

load_trace.c records the trace: 10,000,000 events from 64 threads. Then `reqscope report` and `babeltrace2 TRACE | wc -l` read it in
turn (A B A B ...), from memory, as it has just been written. Of each the medians; the ratio is that of the medians. Memory is the
largest that was resident.
"""
import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

GOAL_SECONDS = 2.0
GOAL_MIB = 300
GOAL_RATIO = 20


def record(options, folder):
    variables = dict(os.environ, LD_PRELOAD=os.path.abspath(options.library), REQSCOPE_TRACE=folder, REQSCOPE_TRACE_MAX="0",
                     REQSCOPE_CONTEXT="api")
    subprocess.run([options.load, str(options.threads), str(options.events)], env=variables, check=True)


def measure(command):
    """Seconds and MiB of one run; its output."""
    before = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, shell=isinstance(command, str))
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{command}: exit code {process.returncode}")
    return time.monotonic() - before, usage.ru_maxrss / 1024, output.decode()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reqscope", required=True)
    parser.add_argument("--library", required=True)
    parser.add_argument("--load", required=True)
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--threads", type=int, default=64)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--json")
    options = parser.parse_args()
    if resource.getrlimit(resource.RLIMIT_NOFILE)[0] < 4096:
        resource.setrlimit(resource.RLIMIT_NOFILE, (4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    folder = tempfile.mkdtemp(prefix="reqscope-bench-")
    try:
        record(options, folder)
        ours, theirs, memory = [], [], []
        for _ in range(options.turns):
            seconds, mib, output = measure([options.reqscope, "report", "--json", folder])
            events = json.loads(output)["events"]
            ours.append(seconds)
            memory.append(mib)
            seconds, _, output = measure(f"babeltrace2 '{folder}' | wc -l")
            theirs.append(seconds)
            if int(output) != events:
                sys.exit(f"babeltrace2 read {output.strip()} events, reqscope {events}")
    finally:
        shutil.rmtree(folder)
    result = {
        "events": events, "threads": options.threads, "report_s": round(statistics.median(ours), 3),
        "report_mib": round(max(memory)), "babeltrace2_s": round(statistics.median(theirs), 3),
        "ratio": round(statistics.median(theirs) / statistics.median(ours), 1),
    }
    print(f"reading a trace of {events:,} events from {options.threads} threads (median of {options.turns}, in turn)")
    print(f"  reqscope report           {result['report_s']:8.2f} s {result['report_mib']:6} MiB   "
          f"goals {GOAL_SECONDS} s, {GOAL_MIB} MiB")
    print(f"  babeltrace2 TRACE | wc -l {result['babeltrace2_s']:8.2f} s   {result['ratio']} times as long, goal {GOAL_RATIO}")
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(result, file, indent=2)
            file.write("\n")


main()
