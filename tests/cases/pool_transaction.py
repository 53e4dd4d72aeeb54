"""Back to the pool in mid-transaction: every answer has been read, so the connection looks idle, but the transaction on it is
still open. The next user is inside it: sees what is not committed, and waits for locks that nobody else holds.

    broken    the connection is put back as it is
    mended    what is put back is rolled back (psycopg2.pool does so)
"""

import os
import sys

import case
import psycopg2


class Pool:
    """A pool as people write it: a list."""

    def __init__(self):
        self._free = []

    def getconn(self):
        return self._free.pop() if self._free else psycopg2.connect(case.DSN)  # CASE: opened here

    def putconn(self, connection):
        if not case.broken():
            connection.rollback()  # the slip: without this line
        self._free.append(connection)


pool = Pool()


def reserve(request):
    """Reserves the last pair of shoes for Alice while she looks at them: she does not buy, and nobody commits."""
    connection = pool.getconn()
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO orders (buyer) VALUES (%s)", (f"alice, {os.getpid()}",))
    pool.putconn(connection)
    request.shown = "alice: 2 x red shoes"


def get_shop(request):
    """Bob is offered the shoes, unless somebody has them."""
    connection = pool.getconn()
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM orders WHERE buyer = %s", (f"alice, {os.getpid()}",))  # CASE: used here
        sold = cursor.fetchone()[0]
    pool.putconn(connection)
    request.shown = "bob: sold out" if sold else "bob: 2 x red shoes"


def main():
    case.begin("broken mended")
    requests = [
        case.Request("POST /reserve?user=alice", "alice", reserve),
        case.Request("GET /shop?user=bob", "bob", get_shop),
    ]
    case.serve_in_turn(requests)
    return case.outcome(requests)


sys.exit(main())
