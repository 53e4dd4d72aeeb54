"""A transaction in turns, PostgreSQL: two requests share a connection statement by statement. Bob's statement falls into
Alice's transaction, and is undone with it: he is told that his order has been taken, and nobody ever sees it.

    broken    Bob's statement comes inside Alice's transaction
    mended    after its end
"""

import contextlib
import os
import sys
import threading

import case
import psycopg2

connection = None
turns = case.Turns()
meet = threading.Barrier(2).wait


def order_of(user):
    return f"{user}, {os.getpid()}"


def insert(user):
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO orders (buyer) VALUES (%s)", (order_of(user),))  # CASE: used here


def post_order(request):
    """Alice changes her mind: her order is rolled back."""
    global connection
    connection = psycopg2.connect(case.DSN)  # CASE: opened here
    insert(request.user)
    if case.broken():  # the slip: whoever has the turn has the connection
        turns.pass_turn()
        turns.await_turn(3)
    connection.rollback()
    request.shown = f"{request.user}: 2 x red shoes"
    if not case.broken():
        turns.pass_turn()
    meet()


def post_order_too(request):
    """Bob's is meant."""
    turns.await_turn(2)
    insert(request.user)
    if not case.broken():
        connection.commit()
    turns.pass_turn()
    meet()


def is_taken(user):
    with contextlib.closing(psycopg2.connect(case.DSN)) as other, other.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM orders WHERE buyer = %s", (order_of(user),))
        return cursor.fetchone()[0] == 1


def main():
    case.begin("broken mended")
    requests = [
        case.Request("POST /order?user=alice", "alice", post_order),
        case.Request("POST /order?user=bob", "bob", post_order_too),
    ]
    case.serve_together(requests)
    if is_taken("bob"):
        requests[1].shown = "bob: 2 x red shoes"
    return case.outcome(requests)


sys.exit(main())
