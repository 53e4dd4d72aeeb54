"""psycopg2_app.py: two requests that ask a PostgreSQL server.

    psycopg2_app.py shared DSN    both over one module-level connection, opened by the first request: the bug
    psycopg2_app.py own DSN       each over its own: the cure

Each request is a thread and a context of reqscope's. Both are under way at the same time, and the first one asks first. The
API is called on the preloaded library; without it the calls do nothing. Prints a line for each request; exits with 0 when
both were served.
"""

import contextlib
import ctypes
import sys
import threading

import psycopg2


def api(name, result, *arguments):
    """A function of the preloaded guard, or one that does nothing when there is no guard in the process."""
    function = getattr(ctypes.CDLL(None), name, None)
    if function is None:
        return lambda *_: 0
    function.restype, function.argtypes = result, arguments
    return function


reqscope_begin = api("reqscope_begin", ctypes.c_uint64, ctypes.c_char_p)
reqscope_end = api("reqscope_end", None, ctypes.c_uint64)


@contextlib.contextmanager
def request_context(label):
    request = reqscope_begin(label.encode())
    try:
        yield
    finally:
        reqscope_end(request)


how, dsn = sys.argv[1:]
shared_connection = None
outcomes = {}


def connection_of_all():
    global shared_connection
    if shared_connection is None:
        shared_connection = psycopg2.connect(dsn)
    return shared_connection


def ask(connection, user):
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s || ': 2 x red shoes'", (user,))
        return cursor.fetchone()[0]


def serve(user, turn, done, all_done):
    with request_context(f"GET /basket?user={user}"):
        turn.wait()
        try:
            if how == "shared":
                outcomes[user] = ask(connection_of_all(), user)
            else:
                with contextlib.closing(psycopg2.connect(dsn)) as connection:
                    outcomes[user] = ask(connection, user)
        except psycopg2.Error as error:
            outcomes[user] = f"failed: {type(error).__name__}"
        done.set()
        all_done.wait()


def main():
    users = ["alice", "bob"]
    turns = [threading.Event() for _ in range(len(users) + 1)]
    threads = [
        threading.Thread(target=serve, args=(user, turns[i], turns[i + 1], turns[-1])) for i, user in enumerate(users)
    ]
    for thread in threads:
        thread.start()
    turns[0].set()
    for thread in threads:
        thread.join()
    for user in users:
        print(f"{user} is shown: {outcomes[user]}")
    return any(outcome.startswith("failed") for outcome in outcomes.values())


sys.exit(main())
