"""hostile.py ADDRESS KIND COUNT: COUNT connections that stay open, or as long as the server lets them, and on each:

    idle    nothing                                     half     half of a request
    noise   bytes of any kind, each time others         header   a megabyte of headers

"ready" when all that is sent. It ends by a signal.
"""

import pathlib
import random
import resource
import signal
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "servers"))
import load  # noqa: E402

address, kind, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
_, most = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
chance = random.Random(1)


BEGINNINGS = [b"", b"\0", b"GET ", b"*3\r\n$", b"\x16\x03\x01", b"\0\0\0\x08\x04\xd2\x16\x2f", b"PRI * HTTP/2.0\r\n\r\n"]


def noise():
    """Some of it begins like what a server may know."""
    return chance.choice(BEGINNINGS) + chance.randbytes(chance.choice([1, 10, 100, 1000, 10000]))


def message(number):
    if kind == "half":
        return b"GET /half HTTP/1.1\r\nHost: server.test\r\nX-Half: "[: 1 + number % 47]
    if kind == "noise":
        return noise()
    if kind == "header":
        return b"GET /header HTTP/1.1\r\nHost: server.test\r\nX-Long: " + b"x" * (1 << 20) + b"\r\n\r\n"
    return b""


connections = []
for number in range(count):
    connection = load.connect(address)
    connections.append(connection)
    try:
        connection.sendall(message(number))
    except OSError:
        pass  # the server has had enough of it
print("ready", flush=True)
signal.pause()
