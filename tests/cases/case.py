"""case.py: what the cases in Python share; case.h says how a case is made.

    import case
    case.begin("broken mended")
    ...
    sys.exit(case.outcome(requests))
"""

import contextlib
import ctypes
import faulthandler
import os
import sys
import threading


def _api(name, result, *arguments):
    """A function of the preloaded guard, or one that does nothing when there is no guard in the process."""
    function = getattr(ctypes.CDLL(None), name, None)
    if function is None:
        return lambda *_: 0
    function.restype, function.argtypes = result, arguments
    return function


_reqscope_begin = _api("reqscope_begin", ctypes.c_uint64, ctypes.c_char_p)
_reqscope_end = _api("reqscope_end", None, ctypes.c_uint64)

form = None
DSN = os.environ.get("POSTGRES_DSN")


def begin(forms):
    """Called first. `forms` are the words that the case's argument may be. A case that hangs is ended."""
    global form
    form = " ".join(sys.argv[1:])
    if form not in forms.split():
        sys.exit(f"usage: {sys.argv[0]} FORM, one of: {forms}")
    faulthandler.dump_traceback_later(20, exit=True)


def broken():
    return form.startswith("broken")


class Request:
    """A request: its label, whose it is, and what its visitor is shown. `number` is its turn, from 1."""

    def __init__(self, label, user, handle):
        self.label, self.user, self.handle = label, user, handle
        self.number, self.shown = 0, "an error page"

    def serve(self):
        with context(self.label):
            self.handle(self)


@contextlib.contextmanager
def context(label):
    request = _reqscope_begin(label.encode())
    try:
        yield
    finally:
        _reqscope_end(request)


class Turns:
    """The order of events: await_turn returns when it is that turn, pass_turn makes it the next one's. From 1."""

    def __init__(self):
        self._turn, self._changed = 1, threading.Condition()

    def await_turn(self, turn):
        with self._changed:
            self._changed.wait_for(lambda: self._turn >= turn)

    def pass_turn(self):
        with self._changed:
            self._turn += 1
            self._changed.notify_all()


def serve_together(requests):
    """All at the same time, each on a thread of its own."""
    for number, request in enumerate(requests, 1):
        request.number = number
    threads = [threading.Thread(target=request.serve) for request in requests]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def serve_in_turn(requests):
    """One after the other, on this thread."""
    for number, request in enumerate(requests, 1):
        request.number = number
        request.serve()


def outcome(requests):
    """What the visitors were shown, and the case's exit code: 1 when somebody was shown what is not theirs."""
    for request in requests:
        print(f"{request.user} is shown: {request.shown}")
    return int(any(request.shown != f"{request.user}: 2 x red shoes" for request in requests))
