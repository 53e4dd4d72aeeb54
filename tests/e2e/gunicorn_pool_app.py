"""gunicorn_pool_app.py: a WSGI application over a pool of connections to PostgreSQL ($TEST_DATABASE). Each worker has a pool,
smaller than its threads are many: it connects when the pool is empty, and what comes back to a full pool is closed by whoever
puts it back. Each request is a context of reqscope's, begun and ended in a middleware; the API is called on the preloaded
library, without which the calls do nothing.

    /read/N    /write/N   a query; some writes, committed      /copy/N    COPY, both ways
    /fail/N               a statement that fails, rolled back  /cursor/N  a cursor of the server's, read in parts
    /listen/N  /notify/N  what comes unasked to a connection that waits in the pool

    /reserve/N /shop/N    an order, and how many there are. With $TEST_POOL=broken the order is not committed, and a
                          connection goes back into the pool as it is: the bug

An answer that is not right is a 500, one that could not be had a 503.
"""

import ctypes
import io
import os

import psycopg2
import psycopg2.pool


def api(name, result, *arguments):
    """A function of the preloaded guard, or one that does nothing when there is no guard in the process."""
    function = getattr(ctypes.CDLL(None), name, None)
    if function is None:
        return lambda *_: 0
    function.restype, function.argtypes = result, arguments
    return function


reqscope_begin = api("reqscope_begin", ctypes.c_uint64, ctypes.c_char_p)
reqscope_end = api("reqscope_end", None, ctypes.c_uint64)


class PoolWithoutRollback(psycopg2.pool.ThreadedConnectionPool):
    """Puts back what it gets as it is: psycopg2's own rolls an open transaction back."""

    def _putconn(self, connection, key=None, close=False):
        del self._used[self._rused.pop(id(connection))]
        self._pool.append(connection)


BROKEN = os.environ.get("TEST_POOL") == "broken"
MINIMUM, MAXIMUM = 2, 16
pool = (PoolWithoutRollback if BROKEN else psycopg2.pool.ThreadedConnectionPool)(
    MINIMUM, MAXIMUM, os.environ["TEST_DATABASE"]
)


# --- a request each: what is returned is shown; True: the answer was the right one


def read(connection, number):
    with connection.cursor() as cursor:
        cursor.execute("SELECT n, md5(n::text) FROM generate_series(1, %s) n", (number * 10 + 1,))
        right = [n for n, _ in cursor.fetchall()] == list(range(1, number * 10 + 2))
        cursor.execute("SELECT %s::text", (f"request {number}",))
        right = right and cursor.fetchone() == (f"request {number}",)
    connection.rollback()
    return right


def write(connection, number):
    with connection.cursor() as cursor:
        cursor.executemany("INSERT INTO visits VALUES (%s, %s)", [(number, i) for i in range(3)])
    connection.commit()
    with connection, connection.cursor() as cursor:  # (which commits)
        cursor.execute("DELETE FROM visits WHERE number = %s RETURNING count", (number,))
        return sorted(cursor.fetchall()) == [(0,), (1,), (2,)]


def copy(connection, number):
    lines = "".join(f"{number}\t{i}\n" for i in range(number * 5))
    with connection, connection.cursor() as cursor:
        cursor.copy_expert("COPY visits FROM STDIN", io.StringIO(lines))
        output = io.StringIO()
        cursor.copy_expert(f"COPY (DELETE FROM visits WHERE number = {number} RETURNING *) TO STDOUT", output)
        return sorted(output.getvalue().splitlines()) == sorted(lines.splitlines())  # (a table has no order)


def fail(connection, number):
    with connection.cursor() as cursor:
        try:
            cursor.execute("SELECT 1 / (%s - %s)", (number, number))
        except psycopg2.errors.DivisionByZero:
            connection.rollback()
            return True


def cursor(connection, number):
    with connection, connection.cursor("parts") as named:
        named.itersize = 7
        named.execute("SELECT * FROM generate_series(1, %s)", (number,))
        return [n for (n,) in named] == list(range(1, number + 1))


def listen(connection, _):
    with connection, connection.cursor() as cursor:
        cursor.execute("LISTEN news")
    return True


def notify(connection, number):
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify('news', %s)", ("x" * number,))
    return True


def reserve(connection, number):
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO orders VALUES (%s)", (number,))
    if not BROKEN:
        connection.commit()
    return "reserved"


def shop(connection, number):
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM orders WHERE number = %s", (number,))
        orders = cursor.fetchone()[0]
    connection.rollback()
    return f"{orders} orders"


HANDLERS = {f.__name__: f for f in (read, write, copy, fail, cursor, listen, notify, reserve, shop)}


def answer(path):
    _, kind, number = path.split("/")
    connection = pool.getconn()
    try:
        shown = HANDLERS[kind](connection, int(number))
    except psycopg2.DatabaseError as error:
        connection.close()
        return "503 Service Unavailable", type(error).__name__
    finally:
        pool.putconn(connection)
    return ("200 OK", str(shown)) if shown else ("500 Internal Server Error", "wrong")


def application(environment, start_response):
    status, shown = answer(environment["PATH_INFO"])
    body = f"{environment['PATH_INFO']}: {shown}\n".encode()
    start_response(status, [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]


# --- the middleware


class Body:
    """Ends the context when the answer has been sent."""

    def __init__(self, parts, request):
        self.parts, self.request = parts, request

    def __iter__(self):
        return iter(self.parts)

    def close(self):
        reqscope_end(self.request)


def with_contexts(wrapped):
    def middleware(environment, start_response):
        request = reqscope_begin(f"{environment['REQUEST_METHOD']} {environment['PATH_INFO']}".encode())
        try:
            return Body(wrapped(environment, start_response), request)
        except BaseException:
            reqscope_end(request)
            raise

    return middleware


application = with_contexts(application)
