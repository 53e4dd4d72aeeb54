#!/usr/bin/env python3
"""What the guard costs: ratios to the same program without it, measured in the same minute on the same processor.

    bench.py --bench PROGRAM --library LIBREQSCOPE [--pairs N] [--ms N] [--starts N] [--only TEXT] [--json FILE]

A row is so many pairs of short runs of bench.c, bare and guarded in turn (A B A B ...), so that whatever else the machine
does falls on both. Its ratio is the median of the guarded runs by the median of the bare ones; beside it stand the lowest
and the highest ratio of a single pair, and the floor: what the work itself cannot do without. The first row is bare against
bare: what it says beside 1.00 is noise, and the noise of all rows. Traces are recorded in TMPDIR, one at a time, and removed.
"""
import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

# The floors that the project measures itself by: a read that is checked, one that is recorded too, an open with its stack.
FLOOR_GUARD = 1.04
FLOOR_RECORDING = 1.12
FLOOR_OPEN = 1.21


# Of each sort one, none of which fits what the benchmark opens, and ten suppressions.
RULES = "".join(f"{verdict}:tcp:192.0.2.1:*\n" for verdict in ("share", "lease", "strict", "ignore"))
RULES += "".join(f"foreign-io:fun:^no_such_function_{number}$\n" for number in range(10))


class Row:
    """One line of the table: what runs, in which state of the guard. rules: the text of a rules file."""

    def __init__(self, name, arguments, guarded=True, floor=None, rules=None, **variables):
        self.name = name
        self.arguments = arguments
        self.guarded = guarded
        self.floor = floor
        self.variables = variables
        self.rules = rules
        self.records = "REQSCOPE_TRACE_MAX" in variables
        self.bare, self.measured = [], []

    @property
    def starts(self):
        return self.arguments[0] == "start"

    def result(self):
        pairs = [measured / bare for bare, measured in zip(self.bare, self.measured)]
        bare, measured = statistics.median(self.bare), statistics.median(self.measured)
        return {
            "name": self.name, "bare_ns": round(bare, 2), "ns": round(measured, 2), "ratio": round(measured / bare, 4),
            "min": round(min(pairs), 4), "max": round(max(pairs), 4), "floor": self.floor, "pairs": len(pairs),
        }


def rows():
    log, lease = {"REQSCOPE_MODE": "log"}, {"REQSCOPE_POLICY": "lease"}
    default, small = {"REQSCOPE_TRACE_MAX": "256M"}, {"REQSCOPE_TRACE_MAX": "1M"}
    return [
        Row("read: bare against bare", ["read"], guarded=False),
        Row("read: off", ["read"], REQSCOPE_MODE="off"),
        Row("read: guard", ["read"], floor=FLOOR_GUARD, **log),
        Row("read: guard, in a context", ["read", "context"], floor=FLOOR_GUARD, **log),
        Row("read: recording, 256M", ["read", "context"], floor=FLOOR_RECORDING, **log, **default),
        Row("read: recording, 1M", ["read", "context"], floor=FLOOR_RECORDING, **log, **small),
        Row("open+close, 16 frames: guard", ["open", "context"], floor=FLOOR_OPEN, **log),
        Row("open+close, 16 frames: recording", ["open", "context"], floor=FLOOR_OPEN, **log, **default),
        Row("exchange: bare against bare", ["exchange"], guarded=False),
        Row("exchange: strict", ["exchange", "context"], **log),
        Row("exchange: strict, rules", ["exchange", "context"], rules=RULES, **log),
        Row("exchange: lease", ["exchange", "context"], **log, **lease),
        Row("exchange: lease, rules", ["exchange", "context"], rules=RULES, **log, **lease),
        Row("start and end of `true`", ["start"]),
    ]


class Bench:
    def __init__(self, options):
        self.options = options
        self.library = os.path.realpath(options.library)
        self.clean = {name: value for name, value in os.environ.items()
                      if name != "LD_PRELOAD" and not name.startswith("REQSCOPE_")}

    def run(self, row, guarded):
        """One process: nanoseconds a call. Stops the benchmark when the process was not in the state to be measured."""
        arguments = [self.options.bench, row.arguments[0], str(self.options.ms), *row.arguments[1:]]
        if row.starts:
            return self.call(arguments + ([self.library] if guarded else []), self.clean)[0]
        if not guarded:
            nanoseconds, active, context, frames = self.call(arguments, self.clean)
            self.insist(row, active == 0 and context == 0, "a bare run was guarded")
        else:
            environment = {**self.clean, "LD_PRELOAD": self.library, **row.variables}
            folder = tempfile.mkdtemp(prefix="reqscope-bench.") if row.records else None
            rules = tempfile.NamedTemporaryFile("w", prefix="reqscope-bench.") if row.rules else None
            try:
                if folder:
                    environment["REQSCOPE_TRACE"] = folder
                if rules:
                    rules.write(row.rules)
                    rules.flush()
                    environment["REQSCOPE_RULES"] = rules.name
                    environment["REQSCOPE_LOG"] = "/dev/null"  # at its end it tells the rules' hits
                nanoseconds, active, context, frames = self.call(arguments, environment)
                self.insist(row, not folder or trace_bytes(folder) > 65536, "nothing was recorded")
            finally:
                if folder:
                    shutil.rmtree(folder)
                if rules:
                    rules.close()
            self.insist(row, active == (row.variables["REQSCOPE_MODE"] != "off"), "the guard was not as it should be")
            self.insist(row, context == ("context" in row.arguments), "the context was not as it should be")
        self.insist(row, row.arguments[0] != "open" or frames == 16, f"the stack was {frames} frames deep, not 16")
        return nanoseconds

    def call(self, arguments, environment):
        done = subprocess.run(arguments, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, timeout=60, check=False)
        words = done.stdout.split()
        if done.returncode or done.stderr or len(words) != 4:
            sys.exit(f"bench.py: {' '.join(arguments)}: exit code {done.returncode}: {done.stdout}{done.stderr}")
        return float(words[0]), int(words[1]), int(words[2]), int(words[3])

    def insist(self, row, condition, message):
        if not condition:
            sys.exit(f"bench.py: {row.name}: {message}: no number can be given")

    def measure(self, row):
        for _ in range(self.options.starts if row.starts else self.options.pairs):
            row.bare.append(self.run(row, False))
            row.measured.append(self.run(row, row.guarded))


def trace_bytes(folder):
    return sum(os.stat(os.path.join(path, name)).st_blocks * 512 for path, _, names in os.walk(folder) for name in names)


def line_of(result):
    floor = "" if result["floor"] is None else f"{result['floor']:.2f}"
    ratio = f"{result['ratio']:.3f} ({result['min']:.3f}..{result['max']:.3f})"
    unit, scale = ("ms", 1e6) if result["bare_ns"] > 1e5 else ("ns", 1)
    bare, measured = result["bare_ns"] / scale, result["ns"] / scale
    digits = 2 if unit == "ms" else 1
    return f"{result['name']:<34} {bare:9.{digits}f} {measured:9.{digits}f} {unit}   {ratio:<22} {floor:>5}"


def processor():
    with open("/proc/cpuinfo", encoding="utf-8") as lines:
        return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def main():
    parser = argparse.ArgumentParser(description="what the guard costs")
    parser.add_argument("--bench", required=True, help="the program that bench.c makes")
    parser.add_argument("--library", required=True, help="libreqscope.so")
    parser.add_argument("--pairs", type=int, default=21, help="pairs of runs for each row")
    parser.add_argument("--starts", type=int, default=15, help="pairs of runs for the start-up row")
    parser.add_argument("--ms", type=int, default=250, help="how long one run measures")
    parser.add_argument("--only", default="", help="only the rows with this text in their name")
    parser.add_argument("--json", help="where to write the results, too")
    options = parser.parse_args()

    begun = time.monotonic()
    bench = Bench(options)
    cpus = sorted(os.sched_getaffinity(0))
    print(f"{processor()}, Linux {platform.release()}, processor {','.join(map(str, cpus))}; "
          f"{options.pairs} pairs of {options.ms} ms each", flush=True)
    print(f"{'':<34} {'bare':>9} {'guarded':>9}      {'ratio (min..max)':<22} {'floor':>5}")
    results = []
    for row in (row for row in rows() if options.only in row.name):
        bench.measure(row)
        results.append(row.result())
        print(line_of(results[-1]), flush=True)
    seconds = round(time.monotonic() - begun)
    print(f"{seconds} s")
    if options.json:
        document = {"format": 1, "processor": processor(), "kernel": platform.release(), "cpus": cpus,
                    "pairs": options.pairs, "milliseconds": options.ms, "seconds": seconds, "rows": results}
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(document, file, indent=1)
            file.write("\n")


if __name__ == "__main__":
    main()
