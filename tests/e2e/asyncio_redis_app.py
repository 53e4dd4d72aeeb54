"""asyncio_redis_app.py: requests that ask a Redis server through a pool of connections.

    asyncio_redis_app.py put-back PORT   a command is cancelled before it is answered, and its connection goes back into the
                                         pool all the same, as redis-py did from 4.4.0 to 4.5.4: the bug
    asyncio_redis_app.py closed PORT     the same request, and the connection is closed, as before and since: the cure
    asyncio_redis_app.py pooled PORT     many requests as tasks over redis.asyncio's pool, some cancelled wherever they are
    asyncio_redis_app.py threads PORT    many requests on threads over a BlockingConnectionPool

Each request is a context of reqscope's, which follows its task: the event loop itself, where asyncio reads, is in none. The
API is called on the preloaded library; without it the calls do nothing. Prints what is shown; exits with 0 when everybody
was shown what is theirs.
"""

import asyncio
import contextlib
import ctypes
import faulthandler
import queue
import sys
import threading
import types

import redis
import redis.asyncio
from redis.asyncio.connection import Connection

TASKS, THREADS, REQUESTS = 6, 6, 300


def api(name, result, *arguments):
    """A function of the preloaded guard, or one that does nothing when there is no guard in the process."""
    function = getattr(ctypes.CDLL(None), name, None)
    if function is None:
        return lambda *_: 0
    function.restype, function.argtypes = result, arguments
    return function


reqscope_begin = api("reqscope_begin", ctypes.c_uint64, ctypes.c_char_p)
reqscope_switch = api("reqscope_switch", ctypes.c_uint64, ctypes.c_uint64)
reqscope_end = api("reqscope_end", None, ctypes.c_uint64)


@contextlib.contextmanager
def request_context(label):
    """For a thread that serves one request at a time."""
    request = reqscope_begin(label.encode())
    try:
        yield
    finally:
        reqscope_end(request)


@types.coroutine
def in_context(request, coroutine):
    """Awaits the coroutine: each of its steps is taken in the context, and what comes between them in the one before."""
    advance, argument = coroutine.send, None
    while True:
        before = reqscope_switch(request)
        try:
            awaited = advance(argument)
        except StopIteration as end:
            return end.value
        finally:
            reqscope_switch(before)
        try:
            advance, argument = coroutine.send, (yield awaited)
        except BaseException as error:
            advance, argument = coroutine.throw, error


async def serve(label, handle, *arguments):
    """For a task: it is a request."""
    request = reqscope_begin(label.encode())
    reqscope_switch(0)
    try:
        return await in_context(request, handle(*arguments))
    finally:
        reqscope_end(request)


# --- one cancelled command


class ConnectionPutBack(Connection):
    """Debian's, but that it stays open when whoever waits for an answer is cancelled."""

    async def read_response(self, disable_decoding=False):
        async with self._lock:
            return await self._parser.read_response(disable_decoding=disable_decoding)


async def cancelled(port, connection_class):
    """Alice's command blocks until there is something for her; she goes before. Bob comes, and only when he has sent his
    command, too, there is."""
    other = redis.Redis(port=port, decode_responses=True)
    other.delete("inbox:alice", "outbox:alice")
    other.set("basket:bob", "bob: 2 x red shoes")
    has_sent = asyncio.Event()

    class Told(connection_class):
        async def send_command(self, *args, **kwargs):
            try:
                await super().send_command(*args, **kwargs)
            finally:
                if "basket:bob" in args:
                    has_sent.set()

    pool = redis.asyncio.ConnectionPool(connection_class=Told, port=port, decode_responses=True)
    client = redis.asyncio.Redis(connection_pool=pool)

    command = ("BLMOVE", "inbox:alice", "outbox:alice", "LEFT", "RIGHT", 0)
    alice = asyncio.create_task(serve("GET /inbox?user=alice", client.execute_command, *command))
    while not other.info("clients")["blocked_clients"]:
        await asyncio.sleep(0)
    alice.cancel()
    await asyncio.wait([alice])
    print("alice is", "gone" if alice.cancelled() else "there")

    bob = asyncio.create_task(serve("GET /basket?user=bob", client.get, "basket:bob"))
    await has_sent.wait()
    print("bob has sent", file=sys.stderr, flush=True)
    other.rpush("inbox:alice", "alice: 1 letter")
    try:
        shown = await bob
    except redis.RedisError as error:
        shown = f"failed: {type(error).__name__}"
    print(f"bob is shown: {shown}")
    await pool.disconnect()
    return shown != "bob: 2 x red shoes"


# --- many requests


async def answer(client, number):
    """A command, a transaction, or both; the answer is the request's own."""
    key, value = f"key:{number}", f"value of {number}"
    if number % 3 == 0:
        await client.set(key, value)
        return await client.get(key) == value
    async with client.pipeline(transaction=True) as pipeline:
        if number % 3 == 1:
            await pipeline.watch(key)
            pipeline.multi()
        pipeline.set(key, value).get(key).strlen(key)
        return await pipeline.execute() == [True, value, len(value)]


async def serve_many(client, numbers, outcomes):
    """Every third is cancelled, after 0 to 11 turns of the loop: while it connects, sends, waits, or not at all any more."""
    for number in numbers:
        task = asyncio.create_task(serve(f"GET /{number}", answer, client, number))
        if number % 3 == number % 2:
            for _ in range(number % 12):
                await asyncio.sleep(0)
            task.cancel()
        await asyncio.wait([task])
        outcomes.append("cancelled" if task.cancelled() else "right" if task.result() else "wrong")


def summary(outcomes):
    """How many were cancelled is by chance."""
    print(f"{len(outcomes)} requests, {outcomes.count('wrong')} wrong")
    cancelled_some = not outcomes.count("cancelled") or 0 < outcomes.count("cancelled") < len(outcomes) / 2
    return "wrong" in outcomes or len(outcomes) != REQUESTS or not cancelled_some


async def pooled(port):
    outcomes, numbers = [], iter(range(REQUESTS))
    client = redis.asyncio.Redis(connection_pool=redis.asyncio.ConnectionPool(port=port, decode_responses=True))
    await asyncio.gather(*(serve_many(client, numbers, outcomes) for _ in range(TASKS)))
    await client.connection_pool.disconnect()
    return summary(outcomes) or "cancelled" not in outcomes


def answer_on_a_thread(client, number):
    key, value = f"key:{number}", f"value of {number}"
    if number % 3 == 0:
        client.set(key, value)
        return client.get(key) == value
    with client.pipeline(transaction=True) as pipeline:
        if number % 3 == 1:
            pipeline.watch(key)
            pipeline.multi()
        pipeline.set(key, value).get(key).strlen(key)
        return pipeline.execute() == [True, value, len(value)]


def threads(port):
    outcomes, numbers = [], queue.SimpleQueue()
    pool = redis.BlockingConnectionPool(max_connections=THREADS // 2, port=port, decode_responses=True)
    client = redis.Redis(connection_pool=pool)
    for number in range(REQUESTS):
        numbers.put(number)

    def work():
        with contextlib.suppress(queue.Empty):
            while True:
                number = numbers.get_nowait()
                with request_context(f"GET /{number}"):
                    outcomes.append("right" if answer_on_a_thread(client, number) else "wrong")

    workers = [threading.Thread(target=work) for _ in range(THREADS)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    pool.disconnect()
    return summary(outcomes)


def main():
    how, port = sys.argv[1], int(sys.argv[2])
    faulthandler.dump_traceback_later(20, exit=True)
    if how == "put-back":
        return asyncio.run(cancelled(port, ConnectionPutBack))
    if how == "closed":
        return asyncio.run(cancelled(port, Connection))
    if how == "pooled":
        return asyncio.run(pooled(port))
    return threads(port)


sys.exit(main())
