"""gunicorn_app.py: a WSGI application that connects to PostgreSQL ($TEST_DATABASE) in each request. With $TEST_DATABASE_KEPT
set it connects in its first one, and uses that connection in all: the bug."""

import os

import psycopg2

kept = None


def connect():
    global kept
    if not os.environ.get("TEST_DATABASE_KEPT"):
        return psycopg2.connect(os.environ["TEST_DATABASE"])
    if kept is None:
        kept = psycopg2.connect(os.environ["TEST_DATABASE"])
        kept.autocommit = True
    return kept


def application(environment, start_response):
    path = environment["PATH_INFO"]
    connection = connect()
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s::text", (path,))
        body = cursor.fetchone()[0].encode()
    if connection is not kept:
        connection.close()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
