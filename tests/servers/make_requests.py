"""make_requests.py KIND COUNT: prints the requests of a load, in load_http.py's form, the same ones each time:

    static   files and folders of make_site.py, whole and in part, and what is not there
    proxy    what upstream.py answers, with bodies to and fro
    small    files of some bytes
"""

import random
import sys


def static(chance):
    size = chance.choice([0, 1, 100, 4096, 65536, 65536, 300000])
    path = f"/{size}.{chance.choice(['bin', 'txt'])}"
    return chance.choice(
        [
            f"GET {path}",
            f"GET {path}?query={chance.randrange(1000)}",
            f"HEAD {path}",
            f"GET {path} Accept-Encoding:gzip",
            f"GET {path} Range:bytes={size // 3}-{size // 2}",
            f"GET {path} Range:bytes=-10",
            f"GET {path} Range:bytes=0-4,{size // 2}-",
            f"GET {path} If-Modified-Since:Tue,",
            "GET /3000000.bin" if chance.random() < 0.2 else f"GET {path}",
            "GET /3000000.txt" if chance.random() < 0.1 else f"GET {path}",
            "GET /",
            "GET /below",
            f"GET /below/file-{chance.randrange(50)}",
            f"GET /missing-{chance.randrange(100)}",
            "DELETE /1.txt",
        ]
    )


def proxy(chance):
    size = chance.choice([0, 1, 100, 4096, 65536, 200000])
    return chance.choice(
        [
            f"GET /bytes/{size}",
            f"GET /bytes/{size}?{chance.randrange(10)}",
            f"HEAD /bytes/{size}",
            f"GET /bytes/{size} Accept-Encoding:gzip",
            f"GET /chunked/{size}",
            f"POST /echo body={size}",
            f"POST /echo chunked={size}",
            f"GET /status/{chance.choice([200, 201, 204, 301, 404, 500, 503])}",
            f"GET /close/{size}" if chance.random() < 0.3 else f"GET /bytes/{size}",
            "GET /bytes/1000000" if chance.random() < 0.2 else f"GET /bytes/{size}",
            "POST /echo body=1000000" if chance.random() < 0.2 else f"POST /echo body={size}",
        ]
    )


def small(chance):
    return f"GET /{chance.choice([1, 100, 4096])}.{chance.choice(['bin', 'txt'])}"


def main(kind, count, *headers):
    makers = {"static": static, "proxy": proxy, "small": small}
    chance = random.Random(kind)
    for _ in range(int(count)):
        print(makers[kind](chance), *headers)


main(*sys.argv[1:])
