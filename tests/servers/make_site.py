"""make_site.py FOLDER: files for a web server to serve: N.bin of N bytes that do not compress, N.txt of N bytes that do."""

import pathlib
import sys

import load

folder = pathlib.Path(sys.argv[1])
for size in (0, 1, 100, 4096, 65536, 300000, 3000000):
    (folder / f"{size}.bin").write_bytes(load.noise(size, size))
    (folder / f"{size}.txt").write_bytes(load.text(size, size))
(folder / "index.html").write_text("<html><body>the index</body></html>\n", encoding="ascii")
for number in range(40):
    (folder / "below" / f"file-{number}").write_bytes(load.text(number, number * 37))
