"""mysql_load.py PORT SESSIONS STATEMENTS: sessions, five at a time, with so many statements each. "N statements" is the last line."""

import concurrent.futures
import sys

import pymysql

port, sessions, statements = map(int, sys.argv[1:])


def session(number):
    # (autocommit=None: it says nothing of its own accord.)
    connection = pymysql.connect(host="127.0.0.1", port=port, user="tester", database="shop", autocommit=None)
    with connection, connection.cursor() as cursor:
        for i in range(statements):
            if i % 2:
                cursor.execute("SELECT buyer, REPEAT('x', 1000) FROM orders LIMIT 100")
                cursor.fetchall()
            else:
                cursor.execute("INSERT INTO orders VALUES (%s)", (f"{number} {i}",))
    return statements


with concurrent.futures.ThreadPoolExecutor(5) as pool:
    print(sum(pool.map(session, range(sessions))), "statements")
