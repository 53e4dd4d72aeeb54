"""load_redis.py: commands for a Redis server, in pipelines. Each connection works on keys of its own, so that its answers
depend on its commands alone: strings (some of a megabyte), lists, hashes, sets, sorted sets, streams, transactions, scripts,
blocking pops, and messages to itself.
"""

import random
import sys

import load


def command(*words):
    parts = [b"*%d\r\n" % len(words)]
    for word in words:
        if not isinstance(word, bytes):
            word = str(word).encode()
        parts.append(b"$%d\r\n%s\r\n" % (len(word), word))
    return b"".join(parts)


def read_line(stream):
    line = stream.readline()
    if not line:
        raise EOFError
    if not line.endswith(b"\r\n"):
        raise load.Failure("half a line")
    return line


def read_reply(stream, parts):
    """Its bytes, appended to parts."""
    line = read_line(stream)
    parts.append(line)
    kind, size = line[:1], line[1:-2]
    if kind == b"$" and size != b"-1":
        content = stream.read(int(size) + 2)
        if len(content) != int(size) + 2:
            raise load.Failure("half a string")
        parts.append(content)
    elif kind in b"*>~" and size != b"-1":
        for _ in range(int(size)):
            read_reply(stream, parts)
    elif kind in b"%":
        for _ in range(2 * int(size)):
            read_reply(stream, parts)


class Redis(load.Protocol):
    def message(self, request, last):
        return command(*request)

    def answer(self, stream, request):
        parts = []
        read_reply(stream, parts)
        word = parts[0][:1].decode() if parts[0][:1] != b"-" else "error"
        return load.Answer(b"".join(parts), word)


SCRIPT = "local n = redis.call('INCRBY', KEYS[1], ARGV[1]) redis.call('APPEND', KEYS[2], n) return {n, ARGV[1]}"


def commands_of(connection, count):
    chance = random.Random(connection)

    def key(kind):
        return f"{kind}:{connection}:{chance.randrange(40)}"

    def value():
        size = chance.choice([0, 1, 10, 100, 1000, 20000])
        return load.noise(chance.random(), size)

    makers = [
        lambda: ("SET", key("s"), value()),
        lambda: ("GET", key("s")),
        lambda: ("APPEND", key("s"), value()),
        lambda: ("STRLEN", key("s")),
        lambda: ("INCRBY", key("n"), chance.randrange(100)),
        lambda: ("LPUSH", key("l"), value(), value()),
        lambda: ("RPOP", key("l")),
        lambda: ("LRANGE", key("l"), 0, 5),
        lambda: ("BLPOP", key("l"), 0.01) if chance.random() < 0.02 else ("LLEN", key("l")),
        lambda: ("HSET", key("h"), chance.randrange(20), value()),
        lambda: ("HGET", key("h"), chance.randrange(20)),
        lambda: ("ZADD", key("z"), chance.randrange(1000), chance.randrange(50)),
        lambda: ("ZRANGE", key("z"), 0, -1, "WITHSCORES"),
        lambda: ("SADD", key("t"), chance.randrange(50)),
        lambda: ("SCARD", key("t")),
        lambda: ("XADD", key("x"), "MAXLEN", 20, f"{next(clock)}-1", "field", value()),
        lambda: ("XRANGE", key("x"), "-", "+"),
        lambda: ("EVAL", SCRIPT, 2, key("n"), key("log"), chance.randrange(9)),
        lambda: ("DEL", key(chance.choice("slhztx"))),
        lambda: ("INCR", key("s")),  # often an error
        lambda: ("NOSUCH", value()),
    ]
    clock = iter(range(1, 1 << 60))
    made = []
    while len(made) < count:
        if chance.random() < 0.01:
            made.append(("SET", key("big"), load.noise(chance.random(), 1 << 20)))
            made.append(("GET", made[-1][1]))
        elif chance.random() < 0.03:
            made.append(("MULTI",))
            made += [chance.choice(makers[:4])() for _ in range(3)]
            made.append(("EXEC",))
        else:
            made.append(chance.choice(makers)())
    return made


def main():
    parser = load.options_of(__doc__)
    parser.add_argument("--commands", type=int, default=1000, help="for each connection, or some more")
    options = parser.parse_args()
    shares, number = [], 0
    for connection in range(options.connections):
        share = commands_of(connection, options.commands)
        shares.append(list(enumerate(share, number + 1)))
        number += len(share)
    return load.Client(options, Redis(), shares).run()


sys.exit(main())
