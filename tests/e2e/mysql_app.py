"""mysql_app.py: two requests on one connection to a MySQL server, one after the other, each on a thread of its own.

    mysql_app.py broken PORT     Alice's order is not committed when Bob looks how many there are: he is in her transaction
    mysql_app.py chained PORT    the same, where her transaction was begun by the end of another one (COMMIT AND CHAIN)
    mysql_app.py mended PORT     it is committed, or rolled back, or autocommitted, before another request has the connection
    mysql_app.py unread PORT     Alice has not read all her rows when Bob asks: PyMySQL reads the rest in his name

Each request is a context of reqscope's. The API is called on the preloaded library; without it the calls do nothing. Prints a
line for each request; exits with 0 when all were served.
"""

import contextlib
import ctypes
import faulthandler
import sys
import threading

import pymysql
import pymysql.cursors


def api(name, result, *arguments):
    """A function of the preloaded guard, or one that does nothing when there is no guard in the process."""
    function = getattr(ctypes.CDLL(None), name, None)
    if function is None:
        return lambda *_: 0
    function.restype, function.argtypes = result, arguments
    return function


reqscope_begin = api("reqscope_begin", ctypes.c_uint64, ctypes.c_char_p)
reqscope_end = api("reqscope_end", None, ctypes.c_uint64)

outcomes = []


@contextlib.contextmanager
def request_context(label):
    request = reqscope_begin(label.encode())
    try:
        yield
    finally:
        reqscope_end(request)


def serve(label, handle, *arguments):
    def work():
        with request_context(label):
            try:
                outcomes.append(handle(*arguments))
            except (pymysql.Error, OSError) as error:
                outcomes.append(f"failed: {type(error).__name__}")
            print(f"{label}: {outcomes[-1]}")

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


def order(connection, end):
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO orders (buyer) VALUES ('alice')")
    end(connection)
    return "ordered"


def count(connection):
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM orders")
        orders = cursor.fetchone()[0]
    return f"{orders} orders"


def nothing(_):
    """Puts the connection back as it is."""


def chain(connection):
    with connection.cursor() as cursor:
        cursor.execute("COMMIT AND CHAIN")


def read_in_part(connection):
    cursor = pymysql.cursors.SSCursor(connection)
    cursor.execute("SELECT seq FROM seq_1_to_100000")
    first = cursor.fetchone()[0]
    cursor.connection = None  # (else the cursor's end would read the rest)
    return f"first row: {first}"


def main():
    how, port = sys.argv[1], int(sys.argv[2])
    faulthandler.dump_traceback_later(20, exit=True)
    connection = pymysql.connect(host="127.0.0.1", port=port, user="tester", database="shop")
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE orders")
    if how == "unread":
        serve("GET /export?user=alice", read_in_part, connection)
        serve("GET /orders?user=bob", count, connection)
    elif how == "mended":
        for end in (pymysql.Connection.commit, pymysql.Connection.rollback):
            serve("POST /order?user=alice", order, connection, end)
            serve("GET /orders?user=bob", count, connection)
            connection.commit()  # of no request: a pool's
        connection.autocommit(True)
        for _ in range(20):
            serve("POST /order?user=alice", order, connection, nothing)
            serve("GET /orders?user=bob", count, connection)
    else:
        serve("POST /order?user=alice", order, connection, chain if how == "chained" else nothing)
        serve("GET /orders?user=bob", count, connection)
    return any(outcome.startswith("failed") for outcome in outcomes)


sys.exit(main())
