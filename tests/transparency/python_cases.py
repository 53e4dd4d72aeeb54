"""python_cases.py: runs one module of CPython's own tests with CPython's own runner (python3.11 -m test), and writes the
verdict on each test case at once, a line of JSON each, so that what a crash leaves is known.

    python3.11 python_cases.py CASES MODULE

The file is opened for each line and closed again: to the tests there is no descriptor more than with the runner alone.
"""

import json
import os
import sys


def line(error):
    """The last line of an exception: its type and what it says."""
    return f"{error[0].__name__}: {error[1]}".strip().splitlines()[0]


def record_to(path):
    """Makes the runner's result class write its verdicts to the file."""
    from test.support import testresult

    pid = os.getpid()

    class Recording(testresult.RegressionTestResult):
        def record(self, test, verdict, why=""):
            if os.getpid() != pid:
                return
            with open(path, "a", encoding="utf-8", errors="backslashreplace") as file:
                file.write(json.dumps([test if isinstance(test, str) else test.id(), verdict, why]) + "\n")

        def addSuccess(self, test):
            super().addSuccess(test)
            self.record(test, "ok")

        def addError(self, test, err):
            super().addError(test, err)
            self.record(test, "ERROR", line(err))

        def addFailure(self, test, err):
            super().addFailure(test, err)
            self.record(test, "FAIL", line(err))

        def addSkip(self, test, reason):
            super().addSkip(test, reason)
            self.record(test, "skip", reason)

        def addExpectedFailure(self, test, err):
            super().addExpectedFailure(test, err)
            self.record(test, "ok", "fails as expected")

        def addUnexpectedSuccess(self, test):
            super().addUnexpectedSuccess(test)
            self.record(test, "FAIL", "succeeds unexpectedly")

        def addSubTest(self, test, subtest, err):
            super().addSubTest(test, subtest, err)
            if err is not None:
                self.record(test.id(), "FAIL", f"{subtest._subDescription()}: {line(err)}")

    testresult.RegressionTestResult = Recording


def main():
    path, module = sys.argv[1:3]
    # Where `python3.11 -m test` has the current folder, there must not be ours: its modules would be found there.
    sys.path[0] = ""
    # Tests that start a Python which imports __main__ find the runner's.
    sys.argv = ["test", "-v", "-u", "network", module]
    from test import libregrtest

    record_to(path)
    libregrtest.main()


if __name__ == "__main__":
    main()
