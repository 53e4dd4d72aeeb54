"""odd.py ADDRESS KIND COUNT: requests of HTTP that come in odd ways, COUNT times, each way on a connection of its own:

    pipeline   three in one piece: /first, /second, /third; then /fourth and /fifth
    dribble    one, byte by byte; its body as well
    body       one whose body comes after its headers were read (as far as can be seen), in three pieces
    upgrade    one that becomes a conversation of ten messages
    turned     one after which the client says that it will send no more
    late       one; and when the server has said that it answers no more, another one that is not answered
    nothing    none

"N times" is the last line when all was answered as it should be.
"""

import array
import fcntl
import pathlib
import socket
import sys
import termios
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "servers"))
import load  # noqa: E402

HEAD = "{} {} HTTP/1.1\r\nHost: server.test\r\n{}\r\n"


def head(method, path, *headers):
    return HEAD.format(method, path, "".join(f"{header}\r\n" for header in headers)).encode()


def expect(stream, path, status=b"200"):
    line = stream.readline()
    length = 0
    while (header := stream.readline()) not in (b"\r\n", b""):
        if header.lower().startswith(b"content-length:"):
            length = int(header.split(b":")[1])
    body = stream.read(length).decode()
    if line.split()[1:2] != [status] or (status == b"200" and body.strip() != path):
        raise load.Failure(f"{path}: {line} {body}")


def has_been_taken(connection):
    """The kernel's: is nothing under way to the other end? (That it has read it cannot be seen.)"""
    waiting = array.array("i", [0])
    fcntl.ioctl(connection, termios.TIOCOUTQ, waiting)
    return waiting[0] == 0


def send_alone(connection, piece):
    connection.sendall(piece)
    end = time.monotonic() + 1
    while not has_been_taken(connection) and time.monotonic() < end:
        time.sleep(0)


def pipeline(connection, stream):
    for paths in (["/first", "/second", "/third"], ["/fourth", "/fifth"]):
        connection.sendall(b"".join(head("GET", path) for path in paths))
        for path in paths:
            expect(stream, path)


def dribble(connection, stream):
    for byte in head("POST", "/dribble", "Content-Length: 5") + b"12345":
        send_alone(connection, bytes([byte]))
    expect(stream, "/dribble")


def body(connection, stream):
    send_alone(connection, head("POST", "/body", "Content-Length: 60000"))
    for _ in range(3):
        send_alone(connection, b"GET /wrong HTTP/1.1\r\n".ljust(20000, b"\n"))
    expect(stream, "/body")


def upgrade(connection, stream):
    connection.sendall(head("GET", "/upgrade", "Upgrade: websocket", "Connection: Upgrade"))
    expect(stream, "/upgrade", b"101")
    for number in range(10):
        message = f"GET /message/{number} HTTP/1.1\r\n\r\n".encode()
        connection.sendall(message)
        if stream.read(len(message)) != message:
            raise load.Failure(f"another message than {message}")


def turned(connection, stream):
    connection.sendall(head("GET", "/turned"))
    connection.shutdown(socket.SHUT_WR)
    expect(stream, "/turned")


def late(connection, stream):
    connection.sendall(head("GET", "/late"))
    expect(stream, "/late")
    if stream.read():
        raise load.Failure("more than an answer")
    connection.sendall(head("GET", "/too-late"))


def nothing(connection, stream):
    pass


KINDS = {function.__name__: function for function in (pipeline, dribble, body, upgrade, turned, late, nothing)}


def main(address, kind, count):
    for _ in range(int(count)):
        with load.connect(address) as connection, connection.makefile("rb") as stream:
            KINDS[kind](connection, stream)
    print(f"{count} times")


main(*sys.argv[1:])
