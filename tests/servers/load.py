"""load.py: what the clients of this folder share. A client has a list of requests, each with a number; some connections,
each with its share of them; and prints a line for each request: its number, the SHA-256 of the answer, its length, and a
word on it. The same requests bring the same lines, in the order of the numbers, however the connections interleave.

A client's own part is a `Protocol`: how a request is sent and how its answer is read from the stream.
"""

import argparse
import collections
import hashlib
import os
import random
import socket
import sys
import threading

TIMEOUT = 30  # seconds for which nothing may come


class Failure(Exception):
    """The answer is not one, or there is none."""


class Answer:
    def __init__(self, content, word="", last=False):
        self.hash = hashlib.sha256(content).hexdigest()
        self.length = len(content)
        self.word = word
        self.last = last  # the server closes the connection after it

    def __str__(self):
        return f"{self.hash} {self.length} {self.word}"


def noise(seed, size):
    """Bytes that do not compress, the same for the same seed."""
    return random.Random(seed).randbytes(size)


def text(seed, size):
    """Printable bytes, in lines."""
    line = hashlib.sha256(str(seed).encode()).hexdigest().encode() + b"\n"
    return (line * (size // len(line) + 1))[:size]


def connect(address):
    """A port on loopback, or a path."""
    if "/" in address:
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(TIMEOUT)
        connection.connect(address)
    else:
        connection = socket.create_connection(("127.0.0.1", int(address)), timeout=TIMEOUT)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


class Protocol:
    # A request that was not answered at all may be sent once more on another connection.
    may_retry = False

    def message(self, request, last):
        """The bytes to be sent. last: the connection is to be closed after the answer."""
        raise NotImplementedError

    def answer(self, stream, request):
        """Reads one Answer; raises EOFError when the stream ends before its first byte."""
        raise NotImplementedError

    def opened(self, stream, connection):
        """A connection begins."""


class Pipeline:
    """Requests on one connection: a thread sends, at most depth ahead, while the caller reads."""

    def __init__(self, connection, messages, depth):
        self.connection = connection
        self.messages = messages
        self.room = threading.Semaphore(depth)
        self.ended = False
        self.thread = threading.Thread(target=self._send, daemon=True)
        self.thread.start()

    def _send(self):
        try:
            for message in self.messages:
                self.room.acquire()
                if self.ended:
                    return
                self.connection.sendall(message)
        except OSError:
            pass  # whoever reads sees it

    def end(self):
        self.ended = True
        self.room.release()
        try:
            self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.thread.join()


class Client:
    def __init__(self, options, protocol, shares):
        self.options = options
        self.protocol = protocol
        self.shares = shares  # a list of (number, request) for each connection
        self.answers = {}
        self.counts = collections.Counter()
        self.failed = False
        self.lock = threading.Lock()

    def _take(self, number, line):
        """Notes an answer; True when it is a failure, or another one than the time before."""
        with self.lock:
            self.counts["answers"] += 1
            if self.answers.setdefault(number, line) == line and not line.startswith("failed"):
                return
            self.failed = True
            if not self.answers[number].startswith("failed"):
                self.answers[number] = f"failed: first {self.answers[number]}, then {line}"

    def _one_connection(self, requests, depth):
        """Sends what it can on one connection, and returns how many were answered."""
        options, done = self.options, 0
        batch = requests[: options.per_connection or len(requests)]
        messages = (
            self.protocol.message(request, bool(options.per_connection) and i == len(batch) - 1)
            for i, (_, request) in enumerate(batch)
        )
        with connect(options.address) as connection, connection.makefile("rb", 65536) as stream:
            self.counts["connections"] += 1
            self.protocol.opened(stream, connection)
            pipeline = Pipeline(connection, messages, depth)
            try:
                for number, request in batch:
                    answer = self.protocol.answer(stream, request)
                    self._take(number, str(answer))
                    done += 1
                    pipeline.room.release()
                    if answer.last:
                        break
            except (EOFError, ConnectionResetError, BrokenPipeError) as error:
                if not (done and self.protocol.may_retry):
                    self._take(batch[done][0], f"failed: {type(error).__name__} after {done} answers")
                    done += 1
                else:
                    self.counts["retries"] += 1
            except (OSError, Failure, ValueError) as error:
                self._take(batch[done][0], f"failed: {error!r} after {done} answers")
                done += 1
            finally:
                pipeline.end()
        return done

    def _one_share(self, share, index):
        options = self.options
        while True:
            left = share
            while left:
                if self.failed and options.until and os.path.exists(options.until):
                    return
                depth = random.Random(f"{index} {len(left)}").randint(1, options.depth)
                try:
                    left = left[self._one_connection(left, depth) :]
                except OSError as error:
                    self._take(left[0][0], f"failed: {error!r} at connecting")
                    left = left[1:]
            self.counts["rounds"] += 1
            if index == 0 and options.until and self.counts["rounds"]:
                self._say_begun()
            if not options.until or os.path.exists(options.until):
                return

    def _say_begun(self):
        with self.lock:
            if not self.counts["begun"]:
                self.counts["begun"] = 1
                print("begun", file=sys.stderr, flush=True)

    def run(self):
        threads = [
            threading.Thread(target=self._one_share, args=(share, index)) for index, share in enumerate(self.shares)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for number in sorted(self.answers):
            print(number, self.answers[number])
        wanted = sum(len(share) for share in self.shares)
        counts = self.counts
        print(
            f"{counts['answers']} answers to {wanted} requests on {counts['connections']} connections"
            + (f", {counts['retries']} closed before a request came" if counts["retries"] else ""),
            file=sys.stderr,
        )
        return 1 if self.failed or len(self.answers) != wanted else 0


def options_of(description):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("address", help="a port on loopback, or the path of a socket")
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--depth", type=int, default=1, help="requests that may be under way on one connection")
    parser.add_argument("--per-connection", type=int, default=0, help="close it after so many; 0: never")
    parser.add_argument("--until", help="repeat until this file exists")
    return parser


def dealt(requests, connections):
    """A share for each connection, like cards."""
    numbered = list(enumerate(requests, 1))
    return [numbered[i::connections] for i in range(min(connections, len(numbered)))]
