"""broken_app.py KIND PORT: a server with a thread for each request, and one connection for all of them: the bug. KIND is `http`
(http.client, to the server on the port) or `redis` (redis-py). "listening on 127.0.0.1:PORT".

With `redis` the requests /a and /b overlap: /a sends its command, /b sends its own when that is done, and then /a reads an
answer, and then /b does.
"""

import http.client
import http.server
import sys
import threading

kind, port = sys.argv[1], int(sys.argv[2])
connection = None
has_sent = {"/a": threading.Event(), "/b": threading.Event()}
has_read = {"/a": threading.Event(), "/b": threading.Event()}


def connect():
    global connection
    if connection is None and kind == "http":
        connection = http.client.HTTPConnection("127.0.0.1", port)
    elif connection is None:
        import redis

        connection = redis.Redis(port=port, single_connection_client=True).connection
    return connection


def ask_http(_):
    connect().request("GET", "/f3")
    return connect().getresponse().read()


def ask_redis(path):
    if path == "/b":
        has_sent["/a"].wait()
    connect().send_command("ECHO", path)
    has_sent[path].set()
    if path == "/a":
        has_sent["/b"].wait()
    else:
        has_read["/a"].wait()
    answer = connect().read_response()
    has_read[path].set()
    return answer


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = ask_http(self.path) if kind == "http" else ask_redis(self.path)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
    print(f"listening on 127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()
