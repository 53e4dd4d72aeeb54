"""python_server.py FORM: a server of Python's own in one of these forms. "listening on 127.0.0.1:PORT".

    threading       a thread for each connection, which is kept
    forking         a process for each connection, which is kept
    single          one connection after the other, each for one request
    pool            threads of concurrent.futures, a connection each
    asyncio         one thread, asyncio's streams
    to_thread       the same; each request's work is done by a thread of a pool
"""

import asyncio
import concurrent.futures
import http.server
import socketserver
import sys


def work():
    """What a request does for itself."""
    with open("/proc/self/comm", encoding="ascii") as file:
        return file.read()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        work()
        body = self.path.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class One(Handler):
    protocol_version = "HTTP/1.0"


class Queue:
    request_queue_size = 512


class Threading(Queue, http.server.ThreadingHTTPServer):
    pass


class Forking(Queue, socketserver.ForkingMixIn, http.server.HTTPServer):
    max_children = 100


class Single(Queue, http.server.HTTPServer):
    pass


class Pool(Queue, http.server.HTTPServer):
    pool = concurrent.futures.ThreadPoolExecutor(60)

    def process_request(self, request, client_address):
        self.pool.submit(self.serve, request, client_address)

    def serve(self, request, client_address):
        self.finish_request(request, client_address)
        self.shutdown_request(request)


async def answer(reader, writer, is_threaded):
    keep = True
    while keep and (line := await reader.readline()):
        _, path, _ = line.decode().split()
        while (line := await reader.readline()) not in (b"\r\n", b""):
            keep = keep and line.lower() != b"connection: close\r\n"
        if is_threaded:
            await asyncio.to_thread(work)
        else:
            work()
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(path)}\r\n\r\n{path}".encode())
        await writer.drain()
    writer.close()


async def serve_asyncio(is_threaded):
    server = await asyncio.start_server(lambda *streams: answer(*streams, is_threaded), "127.0.0.1", 0, backlog=512)
    print(f"listening on 127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


def main(form):
    if form in ("asyncio", "to_thread"):
        asyncio.run(serve_asyncio(form == "to_thread"))
    kind = {"threading": Threading, "forking": Forking, "single": Single, "pool": Pool}[form]
    with kind(("127.0.0.1", 0), One if form == "single" else Handler) as server:
        print(f"listening on 127.0.0.1:{server.server_port}", flush=True)
        server.serve_forever()


main(sys.argv[1])
