"""ask.py ADDRESS LINE: sends the line to a port on loopback or a socket, and prints what comes until the end."""

import socket
import sys

import load

with load.connect(sys.argv[1]) as connection, connection.makefile("rb") as stream:
    connection.sendall(sys.argv[2].encode() + b"\n")
    connection.shutdown(socket.SHUT_WR)
    sys.stdout.buffer.write(stream.read())
