"""gunicorn_app.py: a WSGI application. Its answers depend on the request alone. Each request has connections of its own to
PostgreSQL ($TEST_DATABASE) and to Redis ($TEST_REDIS, a socket).

    /size/N   N bytes                 /database/N  a query           /program/N  a program's output
    /stream/N N bytes, in pieces      /redis/N     some commands     /file/NAME  of $TEST_SITE, by sendfile
    /echo     the request's body
"""

import hashlib
import os
import subprocess

import psycopg2
import redis


def piece(number):
    return hashlib.sha256(str(number).encode()).hexdigest().encode()


def size(number, _):
    return [(piece(number) * (number // 64 + 1))[:number]]


def stream(number, _):
    return (piece(number + i)[: min(64, number - i)] for i in range(0, number, 64))


def echo(_, environment):
    return [environment["wsgi.input"].read(int(environment.get("CONTENT_LENGTH") or 0))]


def database(number, _):
    connection = psycopg2.connect(os.environ["TEST_DATABASE"])
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute("SELECT n, md5(n::text) FROM generate_series(1, %s) n", (number,))
            rows = cursor.fetchall()
            cursor.execute("SELECT %s::text", (f"request {number}",))
            return [repr((rows[-1:], len(rows), cursor.fetchone())).encode()]
    finally:
        connection.close()


def cache(number, _):
    client = redis.Redis(unix_socket_path=os.environ["TEST_REDIS"], single_connection_client=True)
    try:
        key = f"request:{number}"
        with client.pipeline() as pipeline:
            pipeline.set(key, piece(number) * 100)
            pipeline.get(key)
            pipeline.strlen(key)
            answers = pipeline.execute()
        return [repr(answers).encode()]
    finally:
        client.close()


def program(number, _):
    done = subprocess.run(["sha256sum"], input=piece(number), stdout=subprocess.PIPE, check=True)
    return [done.stdout]


def file(name, environment):
    opened = open(os.path.join(os.environ["TEST_SITE"], os.path.basename(name)), "rb")
    return environment["wsgi.file_wrapper"](opened, 8192)


HANDLERS = {"size": size, "stream": stream, "echo": echo, "database": database, "redis": cache, "program": program}


def application(environment, start_response):
    _, kind, *rest = environment["PATH_INFO"].split("/")
    headers = [("Content-Type", "text/plain")]
    if kind == "file":
        body = file(rest[0], environment)
    elif kind in HANDLERS:
        body = HANDLERS[kind](int(rest[0]) if rest else 0, environment)
        if isinstance(body, list):
            headers.append(("Content-Length", str(len(body[0]))))
    else:
        start_response("404 Not Found", headers + [("Content-Length", "0")])
        return []
    start_response("200 OK", headers)
    return body
