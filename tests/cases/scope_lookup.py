"""Scoped by lookup: the program has one runtime for all, in which the values of the request at hand are looked up when they
are used (a context variable). A value that is looked up once and kept is the first request's for ever.

    broken    the repository looks its connection up when it is first used, and keeps it
    mended    it looks it up at every use
"""

import contextlib
import contextvars
import sys
import threading

import case
import psycopg2

connection = contextvars.ContextVar("connection")


class Baskets:
    """The repository: one for the whole program."""

    def __init__(self):
        self._connection = None

    def of(self, user):
        if self._connection is None or not case.broken():
            self._connection = connection.get()  # the slip: only the first time
        with self._connection.cursor() as cursor:
            cursor.execute("SELECT content FROM baskets WHERE owner = %s", (user,))  # CASE: used here
            return cursor.fetchone()[0]


baskets = Baskets()
turns = case.Turns()
meet = threading.Barrier(2).wait


def get_basket(request):
    with contextlib.closing(psycopg2.connect(case.DSN)) as own:  # CASE: opened here
        connection.set(own)
        turns.await_turn(request.number)
        request.shown = baskets.of(request.user)
        turns.pass_turn()
        meet()


def main():
    case.begin("broken mended")
    requests = [
        case.Request("GET /basket?user=alice", "alice", get_basket),
        case.Request("GET /basket?user=bob", "bob", get_basket),
    ]
    case.serve_together(requests)
    return case.outcome(requests)


sys.exit(main())
