"""upstream.py PORT|PATH: a small HTTP/1.1 server to stand behind a proxy, never guarded. Its answers depend on the request
alone:

    /bytes/N     N bytes, with Content-Length          /chunked/N   N bytes, in chunks
    /echo        the request's body                    /status/N    that status
    /close/N     N bytes, then it closes               /counts      what it has seen: connections, requests
"""

import asyncio
import os
import sys

import load

counts = {"connections": 0, "requests": 0}
contents = {}


def content_of(path, size):
    if path not in contents:
        half = size // 2
        contents[path] = load.noise(path, half) + load.text(path, size - half)
    return contents[path]


async def body_of(reader, headers):
    if "chunked" in headers.get("transfer-encoding", ""):
        parts = []
        while size := int(await reader.readline(), 16):
            parts.append(await reader.readexactly(size))
            await reader.readline()
        await reader.readline()
        return b"".join(parts)
    return await reader.readexactly(int(headers.get("content-length", 0)))


def answer(path, body):
    """Status, headers, the body's pieces, and whether the connection is kept."""
    _, kind, *rest = path.split("?")[0].split("/")
    size = int(rest[0]) if rest and rest[0].isdigit() else 0
    if kind == "chunked":
        content = content_of(path, size)
        pieces = [b"%x\r\n%s\r\n" % (len(part), part) for part in (content[:1000], content[1000:]) if part]
        return 200, ["Transfer-Encoding: chunked"], pieces + [b"0\r\n\r\n"], True
    if kind == "echo":
        return 200, [f"Content-Length: {len(body)}", "X-Echo: yes"], [body], True
    if kind == "status":
        return size, ["Content-Length: 0"], [], True
    if kind == "counts":
        content = f"{counts['connections']} {counts['requests']}\n".encode()
        return 200, [f"Content-Length: {len(content)}"], [content], True
    keep = kind != "close"
    headers = [f"Content-Length: {size}", "Content-Type: text/plain", "Cache-Control: max-age=600"]
    return 200, headers + ([] if keep else ["Connection: close"]), [content_of(path, size)], keep


async def serve(reader, writer):
    counts["connections"] += 1
    keep = True
    try:
        while keep and (line := await reader.readline()):
            method, path, version = line.decode().split()
            headers = {}
            while (line := await reader.readline()) not in (b"\r\n", b""):
                name, _, value = line.decode().partition(":")
                headers[name.strip().lower()] = value.strip().lower()
            if headers.get("expect") == "100-continue":
                writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            body = await body_of(reader, headers)
            counts["requests"] += 1
            status, lines, pieces, keep = answer(path, body)
            writer.write("\r\n".join([f"HTTP/1.1 {status} It", *lines, "", ""]).encode())
            if method != "HEAD":
                for piece in pieces:
                    writer.write(piece)
            await writer.drain()
            keep = keep and headers.get("connection") != "close" and version == "HTTP/1.1"
    except (ConnectionError, asyncio.IncompleteReadError):
        pass
    writer.close()


async def main(address):
    if "/" in address:
        server = await asyncio.start_unix_server(serve, address, backlog=512)
        os.chmod(address, 0o777)
    else:
        server = await asyncio.start_server(serve, "127.0.0.1", int(address), backlog=512)
    print("listening", flush=True)
    async with server:
        await server.serve_forever()


asyncio.run(main(sys.argv[1]))
