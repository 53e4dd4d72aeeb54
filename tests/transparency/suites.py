"""suites.py: the suites of tests that transparency.py runs: which modules they have, how one is run, how its verdicts are read.

A verdict on a case is a pair: `ok`, `FAIL`, `ERROR`, `skip`, `todo`; and what was said beside it.
"""

import glob
import json
import os
import re
import shlex
import shutil
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
LONG = 15  # seconds; what takes longer, --quick leaves out


class Module:
    """A test of ours. `seconds` is about what one side of it takes alone on two processors."""

    suite = ""

    def __init__(self, short, seconds=1.0, limit=600, by_default=True):
        self.short = short
        self.by_default = by_default
        self.name = f"{self.suite}:{short}"
        self.as_root = short.endswith("@root")
        self.base = short.removesuffix("@root")
        self.seconds = seconds
        self.quick = seconds <= LONG
        self.limit = limit
        self.missing = None  # or why it cannot run
        self.environment = {}
        self.tools = None

    @classmethod
    def prepare(cls, tools):
        """Once, before the first module of the suite runs: what all of them share goes into the folder."""

    def commands(self, home):
        """What to run, one after the other, with `home` for all that it leaves."""
        raise NotImplementedError

    def cases(self, name, home, out):
        """The verdicts of the command of that name, which said `out`."""
        raise NotImplementedError

    def command(self, name, argv, cwd):
        return {"name": name, "argv": argv, "cwd": cwd, "limit": self.limit}


def read_tap(name, out):
    """Perl's and GLib's way to say it: `ok 1 - what`, `not ok 2`, `ok 3 # SKIP why`. A case is known by its number: what it is
    called may hold a pid, or come late."""
    cases = {}
    for line in out.splitlines():
        match = re.match(r"(not )?ok\b *(\d+)?(.*)", line)
        if not match:
            if line.startswith("Bail out!"):
                cases[f"{name}: bails out"] = ("FAIL", line)
            continue
        bad, number, rest = match.groups()
        number = number or str(len(cases) + 1)
        directive = re.search(r"# *(skip|todo)\b[:\s]*(.*)", rest, re.IGNORECASE)
        word, why = (directive.group(1).lower(), directive.group(2)) if directive else (None, rest.strip(" -"))
        result = word or ("FAIL" if bad else "ok")
        cases[f"{name} {number}"] = (result, why)
    return cases


# ---- CPython's own tests, of the package libpython3.11-testsuite


class Python(Module):
    suite = "python"
    python = "/usr/bin/python3.11"  # Debian's, whatever else is called python3.11
    tests = "/usr/lib/python3.11/test"

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        if not (os.path.exists(f"{self.tests}/{self.base}.py") or os.path.exists(f"{self.tests}/{self.base}")):
            self.missing = "libpython3.11-testsuite is not installed (tools/deps.sh transparency)"

    @classmethod
    def prepare(cls, tools):
        shutil.copy(os.path.join(HERE, "python_cases.py"), tools)

    def commands(self, home):
        argv = [self.python, f"{self.tools}/python_cases.py", f"{home}/cases.json", self.base]
        return [self.command(self.base, argv, home)]

    def cases(self, name, home, out):
        cases = {}
        try:
            with open(f"{home}/cases.json", encoding="utf-8") as file:
                for line in file:
                    case, verdict, why = json.loads(line)
                    known = cases.get(case)
                    # A case that fails in several of its parts has failed; what was said first stays.
                    if not known or known[0] in ("ok", "skip"):
                        cases[case] = (verdict, why)
        except OSError:
            pass
        return cases


PYTHON = {
    "test_concurrent_futures": 137, "test_asyncio": 64, "test_multiprocessing_fork": 64, "test_signal": 47, "test_ssl": 41,
    "test_largefile": 32, "test_io": 30, "test_socket": 27, "test_subprocess": 22, "test_selectors": 15, "test_poll": 11,
    "test_threading": 10, "test_socketserver": 2, "test_select": 2, "test_httplib": 1, "test_os": 1, "test_posix": 1,
    "test_tempfile": 1, "test_mmap": 1, "test_epoll": 1, "test_fileio": 1, "test_file": 1, "test_pty": 1, "test_fcntl": 1,
    # What root may do, and others are skipped for.
    "test_os@root": 1, "test_posix@root": 1, "test_subprocess@root": 22,
}


def further_python():
    """The other modules of CPython's, for who names them."""
    found = glob.glob(f"{Python.tests}/test_*.py") + glob.glob(f"{Python.tests}/test_*/__init__.py")
    names = {os.path.basename(path.removesuffix("/__init__.py")).removesuffix(".py") for path in found}
    return [Python(name, by_default=False) for name in sorted(names - set(PYTHON))]


# ---- Perl's own tests, of its source package, run by the installed Perl


class Perl(Module):
    suite = "perl"
    perl = "/usr/bin/perl"
    sources = ""
    # Folders of t/, or the modules' own tests.
    folders = {
        "io": ["t/io"],
        "op": ["t/op"],
        "modules": ["dist/IO", "cpan/Socket", "cpan/IO-Socket-IP", "cpan/IPC-Cmd", "cpan/IPC-SysV", "cpan/File-Temp", "ext/IPC-Open3",
                    "ext/POSIX", "ext/Fcntl", "ext/FileCache", "ext/PerlIO-via", "ext/SDBM_File", "ext/File-Find"],
    }

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.source = os.path.join(self.sources, "perl")
        if not os.path.exists(self.perl):
            self.missing = "perl is not installed (tools/deps.sh transparency)"
        elif not os.path.exists(f"{self.source}/.complete"):
            self.missing = "no source package perl (tests/transparency/fetch.sh)"

    @classmethod
    def prepare(cls, tools):
        """The tests expect their modules in ../lib, as where Perl was built: there the installed ones are, as links."""
        script = 'print join "\\n", map {$Config{$_}} qw(archlibexp privlibexp)'
        found = subprocess.run([cls.perl, "-MConfig", "-e", script], capture_output=True, text=True, check=True).stdout.split()
        base = glob.glob("/usr/lib/*/perl-base")
        for folder in found + base:
            folder = os.path.realpath(folder)
            for at, _, files in os.walk(folder):
                to = os.path.join(tools, "perl-lib", os.path.relpath(at, folder))
                os.makedirs(to, exist_ok=True)
                for file in files:
                    if not os.path.lexists(os.path.join(to, file)):
                        os.symlink(os.path.join(at, file), os.path.join(to, file))

    def commands(self, home):
        commands = []
        for name in ["MANIFEST", "TestInit.pm", "regen.pl"]:
            shutil.copy(f"{self.source}/{name}", home)
        for name in ["t", "regen"] + [folder for folder in self.folders[self.base] if not folder.startswith("t/")]:
            shutil.copytree(f"{self.source}/{name}", f"{home}/{name}", symlinks=True)
        os.symlink(f"{self.tools}/perl-lib", f"{home}/lib")
        os.symlink(self.perl, f"{home}/t/perl")
        for folder in self.folders[self.base]:
            core = folder.startswith("t/")
            for path in sorted(glob.glob(f"{home}/{folder}/*.t" if core else f"{home}/{folder}/t/*.t")):
                with open(path, encoding="latin-1") as file:
                    first = file.readline()
                switches = re.findall(r"\s(-[tTw]+)", first) if first.startswith("#!") else []
                if core:
                    argv = [f"{home}/t/perl", "-I../lib", *switches, os.path.relpath(path, f"{home}/t")]
                    commands.append(self.command(os.path.relpath(path, home), argv, f"{home}/t"))
                else:
                    argv = [f"{home}/t/perl", "-I../..", "-MTestInit=U2T", *switches, os.path.relpath(path, f"{home}/{folder}")]
                    commands.append(self.command(os.path.relpath(path, home), argv, f"{home}/{folder}"))
        self.environment = {"PERL_CORE": "1"}
        return commands

    def cases(self, name, home, out):
        return read_tap(name, out)


# ---- Tcl's own tests, of its source package, run by the installed tclsh


class Tcl(Module):
    suite = "tcl"
    tclsh = "/usr/bin/tclsh8.6"
    sources = ""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.source = os.path.join(self.sources, "tcl8.6")
        if not os.path.exists(self.tclsh):
            self.missing = "tcl8.6 is not installed (tools/deps.sh transparency)"
        elif not os.path.exists(f"{self.source}/.complete"):
            self.missing = "no source package tcl8.6 (tests/transparency/fetch.sh)"

    def commands(self, home):
        shutil.copytree(f"{self.source}/tests", f"{home}/tests", symlinks=True)
        shutil.copytree(f"{self.source}/library", f"{home}/library", symlinks=True)
        os.mkdir(f"{home}/tmp")
        argv = [self.tclsh, f"{self.base}.test", "-verbose", "psbe", "-tmpdir", f"{home}/tmp"]
        return [self.command(self.base, argv, f"{home}/tests")]

    def cases(self, name, home, out):
        cases = {}
        for line in out.splitlines():
            match = re.match(r"\+\+\+\+ (\S+) (PASSED|SKIPPED: (.*))$", line)
            if match:
                cases[match.group(1)] = ("skip", match.group(3)) if match.group(3) else ("ok", "")
            elif match := re.match(r"==== (\S+) (.*) FAILED$", line):
                cases[match.group(1)] = ("FAIL", match.group(2))
        return cases


TCL = {
    "io": 27, "chanio": 13, "interp": 12, "main": 12, "socket": 7, "cmdAH": 6, "event": 4, "ioCmd": 3, "exec": 2, "fCmd": 1,
    "chan": 1, "env": 1, "fileName": 1, "fileSystem": 1, "http": 1, "http11": 1, "httpold": 1, "ioTrans": 1, "pid": 1,
    "source": 1, "unixFCmd": 1, "unixFile": 1, "unixInit": 1, "unixNotfy": 1, "zlib": 1, "cmdMZ": 1, "timer": 6,
}

# ---- GLib's installed tests, of the package libglib2.0-tests


class Glib(Module):
    suite = "glib"
    folder = "/usr/share/installed-tests/glib"
    groups = {
        "gdbus": r"gdbus-.*",
        "gio": r"socket.*|g?subprocess|spawn-.*|.*stream.*|unix.*|network-.*|io-.*|pollable|file.*|g-file.*|live-g-file|proxy-.*"
               r"|gsocketclient-.*|readwrite|testfilemonitor|mainloop|inet-address|resolver-.*|thread.*|task|timeout|trash|dir"
               r"|credentials|gapplication|application-command-line|mappedfile|logging|testing|memory-monitor.*|simple-.*"
               r"|sleepy-.*|srvtarget|contexts|context-.*|cancellable|converter-.*|performance-threaded",
        "rest": r".*",
    }

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.tests = []
        for path in sorted(glob.glob(f"{self.folder}/*.test")):
            name = os.path.basename(path).removesuffix(".test")
            group = next(group for group, pattern in self.groups.items() if re.fullmatch(pattern, name))
            if group == self.base:
                self.tests.append(name)
        if not self.tests:
            self.missing = "libglib2.0-tests is not installed (tools/deps.sh transparency)"

    def commands(self, home):
        commands = []
        for name in self.tests:
            with open(f"{self.folder}/{name}.test", encoding="utf-8") as file:
                line = re.search(r"^Exec=(.*)$", file.read(), re.MULTILINE)
            argv = shlex.split(line.group(1))
            commands.append(self.command(name, argv if argv[0].startswith("/") else ["/usr/bin/env", *argv], home))
        return commands

    def cases(self, name, home, out):
        """The path of a test of GLib's is its name; what it makes up at random is not."""
        cases = {}
        for case, (result, why) in read_tap(name, out).items():
            path = re.match(r"/\S*", why)
            if path:
                case, why = f"{name} {re.sub('seed:[0-9]+', 'seed', path.group())}", why[path.end():].strip()
            cases[case] = (result, why)
        return cases


def modules(sources):
    Perl.sources = Tcl.sources = sources
    return [
        *(Python(name, seconds) for name, seconds in PYTHON.items()), *further_python(),
        Perl("io", 35), Perl("op", 80, limit=300), Perl("modules", 45),
        *(Tcl(name, seconds) for name, seconds in TCL.items()),
        Glib("gdbus", 13), Glib("gio", 150), Glib("rest", 220, by_default=False),
    ]


def prepare(wanted, scratch):
    tools = os.path.join(scratch, "tools")
    os.makedirs(tools)
    for suite in {type(module) for module in wanted}:
        suite.prepare(tools)
    for module in wanted:
        module.tools = tools
