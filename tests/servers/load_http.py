"""load_http.py: requests of HTTP/1.1, from a file, a line each:

    METHOD PATH [Name:value...] [body=BYTES] [chunked=BYTES] [upload=BYTES]

The answer that is hashed is the status line, the headers but those that name a time, and the body, without the chunks that
it came in, and without its compression, which depends on the pieces that came to the server. What separates the parts of a
body is any word that the server likes.
"""

import gzip
import re
import sys

import load

TIMES = {b"date", b"age"}
BOUNDARY = re.compile(rb"^multipart/byteranges; *boundary=(.*)")


def read_exactly(stream, size):
    content = stream.read(size)
    if len(content) != size:
        raise load.Failure(f"{len(content)} bytes of {size}")
    return content


def read_chunks(stream):
    parts = []
    while True:
        size = int(stream.readline().split(b";")[0], 16)
        parts.append(read_exactly(stream, size))
        if size == 0:
            break
        if stream.readline() != b"\r\n":
            raise load.Failure("a chunk without its end")
    while True:
        trailer = stream.readline()
        if not trailer.endswith(b"\n"):
            raise load.Failure("no end of the trailer")
        if trailer == b"\r\n":
            return b"".join(parts)
        parts.append(trailer)


class Http(load.Protocol):
    def __init__(self, ignored, may_retry):
        self.ignored = TIMES | ignored
        self.may_retry = may_retry

    def message(self, request, last):
        head, body = request
        return head + (b"Connection: close\r\n\r\n" if last else b"\r\n") + body

    def answer(self, stream, request):
        status = stream.readline()
        if not status:
            raise EOFError
        if not status.startswith(b"HTTP/1.") or not status.endswith(b"\n"):
            raise load.Failure(f"no status line: {status[:80]!r}")
        headers, lines = {}, []
        while True:
            line = stream.readline()
            if line in (b"\r\n", b"\n"):
                break
            if not line.endswith(b"\n"):
                raise load.Failure("no end of the headers")
            name, _, value = line.partition(b":")
            name = name.strip().lower()
            headers[name] = value.strip().lower()
            if name not in self.ignored:
                lines.append(line)
        code = int(status.split()[1])
        if code == 100:
            return self.answer(stream, request)
        last = headers.get(b"connection") == b"close" or status.startswith(b"HTTP/1.0")
        if request[0].startswith(b"HEAD ") or code in (204, 304):
            body = b""
        elif b"chunked" in headers.get(b"transfer-encoding", b""):
            body = read_chunks(stream)
        elif b"content-length" in headers:
            body = read_exactly(stream, int(headers[b"content-length"]))
        else:
            body, last = stream.read(), True
        if body and headers.get(b"content-encoding") == b"gzip":
            body = gzip.decompress(body)
        boundary = BOUNDARY.search(headers.get(b"content-type", b""))
        if boundary:  # its length is in the body's
            lines = [line for line in lines if not line.lower().startswith(b"content-length:")]
        content = status + b"".join(sorted(lines)) + b"\r\n" + body
        if boundary:
            content = content.replace(boundary[1], b"BOUNDARY")
        return load.Answer(content, str(code), last)


def request_of(line, number):
    method, path, *words = line.split()
    head, body = [f"{method} {path} HTTP/1.1", "Host: server.test"], b""
    for word in words:
        if word.startswith("body="):
            body = load.noise(number, int(word[5:]))
            head.append(f"Content-Length: {len(body)}")
        elif word.startswith("chunked="):
            content = load.noise(number, int(word[8:]))
            parts = [content[i : i + 5000] for i in range(0, len(content), 5000)]
            body = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
            head.append("Transfer-Encoding: chunked")
        elif word.startswith("upload="):
            head.append("Content-Type: multipart/form-data; boundary=border")
            part = b'Content-Disposition: form-data; name="file"; filename="upload-%d"' % number
            body = b"--border\r\n%s\r\n\r\n%s\r\n--border--\r\n" % (part, load.noise(number, int(word[7:])))
            head.append(f"Content-Length: {len(body)}")
        else:
            head.append(word.replace(":", ": ", 1))
    return "\r\n".join(head).encode() + b"\r\n", body


def main():
    parser = load.options_of(__doc__)
    parser.add_argument("requests", help="the file")
    parser.add_argument("--ignore", default="", help="headers that are not hashed, with commas")
    parser.add_argument(
        "--retry", action="store_true", help="a kept connection may be closed before a request is seen: send it again"
    )
    options = parser.parse_args()
    ignored = {name.encode() for name in options.ignore.lower().split(",") if name}
    with open(options.requests, encoding="ascii") as file:
        lines = [line for line in file if line.strip()]
    requests = [request_of(line, number) for number, line in enumerate(lines, 1)]
    shares = load.dealt(requests, options.connections)
    return load.Client(options, Http(ignored, options.retry), shares).run()


sys.exit(main())
