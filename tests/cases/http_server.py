"""http_server.py: the keep-alive HTTP server that late_answer.c asks.

    http_server.py    prints "listening on 127.0.0.1:PORT" and serves until it is killed

GET /basket?user=NAME answers "NAME: 2 x red shoes"; with &hold=KEY not before somebody has said GET /let-go?hold=KEY.
"""

import collections
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

let_go = collections.defaultdict(threading.Event)
let_go_lock = threading.Lock()  # guards the making of events


def event_of(key):
    with let_go_lock:
        return let_go[key]


class Shop(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # an answer goes out in one piece, when it is complete

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        if url.path == "/let-go":
            event_of(query["hold"]).set()
            text = "done"
        else:
            if "hold" in query:
                event_of(query["hold"]).wait(timeout=20)
            text = f"{query['user']}: 2 x red shoes"
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Shop)
print(f"listening on 127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
