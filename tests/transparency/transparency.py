#!/usr/bin/env python3
"""Whether programs' own tests can tell that they are guarded: each runs bare and under the guard, and whatever has another
verdict is named.

    transparency.py [--build FOLDER] [--library LIBREQSCOPE] [--sources FOLDER] [--quick] [--list] [--jobs N]
                    [--mode log] [--policy strict] [--in-context] [--variable NAME=VALUE] [--keep] [NAME...]

A test of ours is a module of one of the suites in suites.py: `python:test_socket`, `perl:io`, `tcl:socket`. NAME is one of
those, or a part (`test_socket`), or a suite (`perl`), or a pattern (`glib:gdbus*`). Each side of a module runs in a process,
a folder and (where the kernel allows it) a network of its own; when we are root, as nobody, or as root if the name ends with
@root. The guarded side records a trace, finds contexts by itself and logs to a file.

Where a case differs both sides run once more. What then is as different as before differs: its module fails. What is not is
flaky, and is named with its four verdicts; the module passes. What both sides said of a module that differs or is flaky is
kept in BUILD/transparency/log.
"""

import argparse
import collections
import concurrent.futures
import fnmatch
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading

import suites

HERE = os.path.dirname(os.path.abspath(__file__))
NOBODY = 65534
CRASH = re.compile(r"crash|internal error|assert|signal \d+ in the guard", re.IGNORECASE)
REPORT = re.compile(r"^reqscope: [a-z-]+: .*\(context \d+\)")
MOST_SHOWN = 20

Run = collections.namedtuple("Run", "cases seconds notes crashes findings unguarded network out")


class Settings:
    """What the command line asked for, and where things are."""

    def __init__(self, options, scratch):
        self.scratch = scratch
        self.library = os.path.join(scratch, "libreqscope.so")
        shutil.copy(options.library, self.library)
        preload = [self.library]
        if options.in_context:
            context = os.path.join(scratch, "context.so")
            shutil.copy(os.path.join(options.build, "transparency", "context.so"), context)
            preload.append(context)
        self.guard = {
            "LD_PRELOAD": " ".join(preload), "REQSCOPE_MODE": options.mode, "REQSCOPE_POLICY": options.policy,
            "REQSCOPE_CONTEXT": "api" if options.in_context else "auto",
        }
        self.guard.update(variable.split("=", 1) for variable in options.variable)
        self.records = options.mode != "off"
        self.kept = os.path.join(options.build, "transparency", "log")
        self.keep = options.keep


def give_to(user, path):
    os.chown(path, user, user)
    for folder, folders, files in os.walk(path):
        for name in folders + files:
            os.chown(os.path.join(folder, name), user, user, follow_symlinks=False)


def read(path):
    try:
        with open(path, encoding="utf-8", errors="backslashreplace") as file:
            return file.read()
    except OSError:
        return ""


def read_log(path):
    """The lines of the guard's log that are no report: with how many of those there are, and which lines tell of a crash."""
    lines = [line for line in read(path).splitlines() if line.startswith("reqscope: ")]
    notes = sorted({line for line in lines if not REPORT.match(line)})
    return notes, [line for line in notes if CRASH.search(line)], len(lines) - sum(not REPORT.match(line) for line in lines)


def run(module, guarded, settings):
    """One side of a module, in a new folder."""
    folder = tempfile.mkdtemp(prefix="run.", dir=settings.scratch)
    own, home, trace = (os.path.join(folder, name) for name in ("say", "home", "trace"))
    os.chmod(folder, 0o755)
    for path in (own, home):
        os.mkdir(path)
    user = NOBODY if os.geteuid() == 0 and not module.as_root else None
    environment = {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "HOME": home, "TMPDIR": home, "LANG": "C.UTF-8"}
    commands = module.commands(home)
    environment.update(module.environment)
    for number, command in enumerate(commands):
        command["out"], command["err"] = (os.path.join(own, f"{number}.{stream}") for stream in ("out", "err"))
    if user is not None:
        give_to(user, home)
    if guarded:
        os.mkdir(trace)
        os.chmod(trace, 0o1777)
        log = os.path.join(folder, "guard.log")
        with open(log, "w", encoding="ascii"):
            pass
        os.chmod(log, 0o666)
        environment.update(settings.guard, REQSCOPE_LOG=log)
        environment.setdefault("REQSCOPE_TRACE", trace)
    job = {"commands": commands, "environment": environment, "user": user}
    cage = subprocess.run([sys.executable, os.path.join(HERE, "cage.py")], input=json.dumps(job), capture_output=True,
                          text=True, check=False)
    if cage.returncode:
        raise SystemExit(f"cage.py failed: {cage.stderr}")
    done = json.loads(cage.stdout)
    cases, said = {}, []
    for command, result in zip(commands, done["results"]):
        name, code = result["name"], result["code"]
        out, err = read(command["out"]), read(command["err"])
        said.append(f"#### {name}: exit {code}, {result['seconds']:.1f} s\n{out}\n#### its stderr\n{err}\n")
        cases.update(module.cases(name, home, out))
        cases[f"{name}: how it ends"] = ("ok" if code == 0 else f"exit {code}" if code > 0 else f"signal {-code}", "")
        if result["late"]:
            cases[f"{name}: how it ends"] = (f"killed after {command['limit']} s", "")
    notes, crashes, findings = read_log(os.path.join(folder, "guard.log")) if guarded else ([], [], 0)
    unguarded = guarded and settings.records and "REQSCOPE_TRACE" not in settings.guard and not os.listdir(trace)
    if not settings.keep:
        shutil.rmtree(folder, ignore_errors=True)
    return Run(cases, sum(result["seconds"] for result in done["results"]), notes, crashes, findings, unguarded,
               done["network"], "".join(said))


def verdict(run_, case):
    """What counts: the verdict, and of a case that was left out the reason, too, but for pids and the like in it."""
    name, reason = run_.cases.get(case, ("nothing", ""))
    return f"skip ({re.sub('[0-9]+', 'N', reason)})" if name == "skip" else name


def why(run_, case):
    reason = run_.cases.get(case, ("", ""))[1]
    return f": {reason}" if reason and not verdict(run_, case).startswith("skip") else ""


def differing(bare, guarded):
    return [case for case in {**bare.cases, **guarded.cases} if verdict(bare, case) != verdict(guarded, case)]


class Result:
    """What became of a module: both sides, twice where they differ."""

    def __init__(self, module, settings):
        self.module = module
        self.rounds = [self.both(settings)]
        suspects = differing(*self.rounds[0])
        self.differs, self.flaky = [], []
        if suspects:
            self.rounds.append(self.both(settings))
            for case in dict.fromkeys(suspects + differing(*self.rounds[1])):
                seen = {tuple(verdict(side, case) for side in sides) for sides in self.rounds}
                (self.differs if len(seen) == 1 else self.flaky).append(case)
        self.crashes = sorted({line for _, guarded in self.rounds for line in guarded.crashes})
        self.unguarded = any(guarded.unguarded for _, guarded in self.rounds)
        self.passed = not (self.differs or self.crashes or self.unguarded)
        if self.differs or self.flaky or self.crashes or settings.keep:
            self.write(settings.kept)

    def both(self, settings):
        return run(self.module, False, settings), run(self.module, True, settings)

    def write(self, folder):
        for number, sides in enumerate(self.rounds):
            for name, side in zip(("bare", "guarded"), sides):
                path = os.path.join(folder, f"{self.module.name.replace('/', '_')}.{name}{'.again' * number}")
                with open(path, "w", encoding="utf-8") as file:
                    file.write(side.out)

    def show(self, folder):
        bare, guarded = self.rounds[0]
        cases = {**bare.cases, **guarded.cases}
        both = [verdict(bare, case) for case in cases if verdict(bare, case) == verdict(guarded, case)]
        left_out = sum(word.startswith("skip") for word in both)
        failing = sum(word not in ("ok", "todo") for word in both) - left_out
        line = (f"{self.module.name}: same {len(cases) - len(self.differs) - len(self.flaky)} ({left_out} skipped, {failing} "
                f"failing), differing {len(self.differs)}, flaky {len(self.flaky)}; {bare.seconds:.1f} s bare, "
                f"{guarded.seconds:.1f} s guarded")
        if guarded.findings:
            line += f"; {guarded.findings} reports"
        if self.unguarded:
            line += "; THE GUARD WAS NOT THERE: no trace"
        print(f"{'ok' if self.passed else 'not ok'} {line}")
        for kind, names in (("differs", self.differs), ("flaky", self.flaky)):
            for case in names[:MOST_SHOWN]:
                sides = [f"{label} {' and '.join(verdict(pair[i], case) + why(pair[i], case) for pair in self.rounds)}"
                         for i, label in enumerate(("bare", "guarded"))]
                print(f"    {kind}: {case}: {'; '.join(sides)}")
            if len(names) > MOST_SHOWN:
                print(f"    and {len(names) - MOST_SHOWN} more that are {kind}")
        for crash in self.crashes:
            print(f"    the guard's log: {crash}")
        for note in guarded.notes[:3]:
            print(f"    note, the guard's log: {note}")
        if self.differs or self.crashes:
            print(f"    what they said: {folder}/{self.module.name.replace('/', '_')}.*")
        sys.stdout.flush()


def chosen(modules, names, quick):
    def matches(module, name):
        return name in (module.name, module.short, module.suite) or fnmatch.fnmatch(module.name, name)

    for name in names:
        if not any(matches(module, name) for module in modules):
            raise SystemExit(f"transparency.py: no module is called {name} (--list shows them)")
    if names:
        return [module for module in modules if any(matches(module, name) for name in names)]
    return [module for module in modules if module.by_default and (module.quick or not quick)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default="build")
    parser.add_argument("--library", help="BUILD/libreqscope.so")
    parser.add_argument("--sources", help="where fetch.sh put the sources: BUILD/transparency/sources")
    parser.add_argument("--suites", action="append", default=[], help="a file like suites.py, with more of them")
    parser.add_argument("--quick", action="store_true", help="without the modules that take long")
    parser.add_argument("--list", action="store_true", help="only say what the modules are called")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="so many modules at a time")
    parser.add_argument("--mode", default="log")
    parser.add_argument("--policy", default="strict")
    parser.add_argument("--in-context", action="store_true", help="each program is in a context from its start")
    parser.add_argument("--variable", action="append", default=[], help="one more of the guarded side's environment")
    parser.add_argument("--keep", action="store_true", help="keep all that was said, and the folders")
    parser.add_argument("names", nargs="*", metavar="NAME")
    options = parser.parse_args()
    options.library = options.library or os.path.join(options.build, "libreqscope.so")
    sources = os.path.abspath(options.sources or os.path.join(options.build, "transparency", "sources"))
    modules = suites.modules(sources)
    for path in options.suites:
        specification = importlib.util.spec_from_file_location("further_suites", path)
        further = importlib.util.module_from_spec(specification)
        specification.loader.exec_module(further)
        modules += further.modules()
    modules = chosen(modules, options.names, options.quick)
    if options.list:
        print("\n".join(module.name for module in modules))
        return 0

    scratch = tempfile.mkdtemp(prefix="reqscope-transparency.")
    os.chmod(scratch, 0o755)
    settings = Settings(options, scratch)
    shutil.rmtree(settings.kept, ignore_errors=True)
    os.makedirs(settings.kept)
    passed = failed = skipped = 0
    shared = False
    printing = threading.Lock()
    try:
        ready = []
        for module in modules:
            if module.as_root and os.geteuid():
                module.missing = "needs root"
            if module.missing:
                skipped += 1
                print(f"skip {module.name}: {module.missing}")
            else:
                ready.append(module)
        suites.prepare(ready, scratch)
        ready.sort(key=lambda module: -module.seconds)  # stable: what takes long begins first
        with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
            for future in concurrent.futures.as_completed([pool.submit(Result, module, settings) for module in ready]):
                result = future.result()
                with printing:
                    result.show(settings.kept)
                passed += result.passed
                failed += not result.passed
                shared = shared or result.rounds[0][0].network == "shared"
    finally:
        if not options.keep:
            shutil.rmtree(scratch, ignore_errors=True)
    if shared:
        print("the tests shared this machine's network: the kernel gives no other one")
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
