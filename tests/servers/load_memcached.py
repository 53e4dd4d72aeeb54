"""load_memcached.py: commands for memcached, in its text protocol with meta commands (over TCP or a unix socket, in
pipelines), its binary one, or text in UDP datagrams. Each connection works on keys of its own, so that its answers depend on
its commands alone. What counts all connections' changes (CAS) is left out.
"""

import random
import socket
import struct
import sys

import load

BINARY_GET, BINARY_SET, BINARY_DELETE, BINARY_INCREMENT, BINARY_APPEND = 0, 1, 4, 5, 0x0E


class Text(load.Protocol):
    """A request is (bytes, kind); the kind says how the answer ends."""

    def message(self, request, last):
        return request[0]

    def answer(self, stream, request):
        parts = []
        while True:
            line = stream.readline()
            if not line and not parts:
                raise EOFError
            if not line.endswith(b"\r\n"):
                raise load.Failure("half a line")
            parts.append(line)
            words = line.split()
            if words[:1] in ([b"VALUE"], [b"VA"]):
                content = stream.read(int(words[3 if words[0] == b"VALUE" else 1]) + 2)
                if not content.endswith(b"\r\n"):
                    raise load.Failure("half a value")
                parts.append(content)
            if words[:1] != [b"VALUE"]:
                return load.Answer(b"".join(parts), words[0].decode("ascii", "replace") if words else "")


class Binary(load.Protocol):
    """A request is (opcode, key, extras, value)."""

    def message(self, request, last):
        opcode, key, extras, value = request
        size = len(key) + len(extras) + len(value)
        head = struct.pack(">BBHBBHIIQ", 0x80, opcode, len(key), len(extras), 0, 0, size, 7, 0)
        return head + extras + key + value

    def answer(self, stream, request):
        head = stream.read(24)
        if not head:
            raise EOFError
        _, opcode, _, _, _, status, size, opaque, _ = struct.unpack(">BBHBBHIIQ", head)
        body = stream.read(size)
        if len(body) != size:
            raise load.Failure("half a body")
        return load.Answer(struct.pack(">BHI", opcode, status, opaque) + body, str(status))


def values(chance):
    size = chance.choice([0, 1, 10, 100, 1000, 10000, 100000 if chance.random() < 0.1 else 50])
    return load.noise(chance.random(), size)


def text_requests(connection, count, large):
    chance = random.Random(f"text {connection}")

    def key():
        return b"key-%d-%d" % (connection, chance.randrange(60))

    def store(word):
        value = values(chance) if large else load.noise(chance.random(), chance.randrange(500))
        return b"%s %s 5 0 %d\r\n%s\r\n" % (word, key(), len(value), value)

    def meta_set():
        value = values(chance) if large else b"short"
        return b"ms %s %d\r\n%s\r\n" % (key(), len(value), value)

    makers = [
        lambda: store(b"set"),
        lambda: store(b"add"),
        lambda: store(b"replace"),
        lambda: store(b"append"),
        lambda: store(b"prepend"),
        lambda: b"get %s\r\n" % key(),
        lambda: b"get %s\r\n" % key(),
        lambda: b"get %s %s %s\r\n" % (key(), key(), key()) if large else b"get %s\r\n" % key(),
        lambda: b"set n-%d 0 0 2\r\n10\r\n" % connection,
        lambda: b"incr n-%d %d\r\n" % (connection, chance.randrange(1000)),
        lambda: b"decr n-%d 3\r\n" % connection,
        lambda: b"touch %s 1000\r\n" % key(),
        lambda: b"delete %s\r\n" % key(),
        lambda: b"mg %s v f s\r\n" % key(),
        meta_set,
        lambda: b"md %s\r\n" % key(),
        lambda: b"nonsense\r\n",
    ]
    made = []
    for _ in range(count):
        if large and chance.random() < 0.01:
            value = load.noise(chance.random(), 900000)
            made.append((b"set large-%d 0 0 %d\r\n%s\r\n" % (connection, len(value), value), ""))
            made.append((b"get large-%d\r\n" % connection, ""))
        else:
            made.append((chance.choice(makers)(), ""))
    return made


def binary_requests(connection, count):
    chance = random.Random(f"binary {connection}")
    made = []
    for _ in range(count):
        key = b"binary-%d-%d" % (connection, chance.randrange(40))
        number = b"number-%d" % connection
        made.append(
            chance.choice(
                [
                    (BINARY_SET, key, struct.pack(">II", 9, 0), values(chance)),
                    (BINARY_GET, key, b"", b""),
                    (BINARY_GET, key, b"", b""),
                    (BINARY_APPEND, key, b"", b"and this"),
                    (BINARY_DELETE, key, b"", b""),
                    (BINARY_INCREMENT, number, struct.pack(">QQI", chance.randrange(9), 1, 0), b""),
                ]
            )
        )
    return made


class Datagrams:
    """What a Client does, over UDP: a request, then its answer's datagrams."""

    def __init__(self, options):
        self.options = options

    def run(self):
        number, failed = 0, False
        for connection in range(self.options.connections):
            server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            server.settimeout(load.TIMEOUT)
            server.connect(("127.0.0.1", int(self.options.address)))
            for request, _ in text_requests(connection, self.options.commands, False):
                number += 1
                server.send(struct.pack(">HHHH", number & 0xFFFF, 0, 1, 0) + request)
                parts, total = {}, None
                while total is None or len(parts) < total:
                    datagram = server.recv(65536)
                    identity, sequence, total, _ = struct.unpack(">HHHH", datagram[:8])
                    if identity != number & 0xFFFF:
                        failed = True
                        break
                    parts[sequence] = datagram[8:]
                print(number, load.Answer(b"".join(parts[i] for i in sorted(parts))))
            server.close()
        print(f"{number} answers in datagrams", file=sys.stderr)
        return 1 if failed else 0


def main():
    parser = load.options_of(__doc__)
    parser.add_argument("--commands", type=int, default=1000, help="for each connection, or some more")
    parser.add_argument("--protocol", choices=["text", "binary", "udp"], default="text")
    options = parser.parse_args()
    if options.protocol == "udp":
        return Datagrams(options).run()
    shares, number = [], 0
    for connection in range(options.connections):
        if options.protocol == "text":
            share = text_requests(connection, options.commands, True)
        else:
            share = binary_requests(connection, options.commands)
        shares.append(list(enumerate(share, number + 1)))
        number += len(share)
    protocol = Text() if options.protocol == "text" else Binary()
    return load.Client(options, protocol, shares).run()


sys.exit(main())
