"""The organisation of the benchmark: a process of its own that answers from memory.

It knows a token request and the pages of one table, nothing else, so that what the clock sees is the client.
"""

import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from typing import ClassVar

from benchmarks.pages import Pages

_PAGES = "/api/data/v9.2/pages/"
_TOKEN = b'{"token_type":"Bearer","expires_in":86400,"access_token":"benchmark"}'
_PATIENCE = 600
"""Seconds that rendering a million rows may take, many times over."""


@contextmanager
def serving(pages: Pages) -> Iterator[str]:
    """Render the pages and serve them in another process; gives the organisation's address."""
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    process = spawn.Process(target=_serve, args=(pages, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        if not ours.poll(_PATIENCE):
            raise TimeoutError(f"The pages were not ready after {_PATIENCE} seconds.")
        yield ours.recv()
    finally:
        process.terminate()
        process.join(_PATIENCE)


def page_path(number: int) -> str:
    """The path of a page, the first being number 0."""
    return f"{_PAGES}{number}"


def _serve(pages: Pages, ready: Connection) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        root = f"http://127.0.0.1:{server.server_port}"
        _Handler.bodies = list(pages.render(lambda number: root + page_path(number)))
        ready.send(root)
        server.serve_forever()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    bodies: ClassVar[list[bytes]]

    def do_GET(self) -> None:
        """A page by its number; whatever else is read is the first one."""
        number = int(self.path.removeprefix(_PAGES)) if self.path.startswith(_PAGES) else 0
        self._answer(self.bodies[number], "gzip")

    def do_POST(self) -> None:
        """A token for whoever asks."""
        self.rfile.read(int(self.headers["content-length"]))
        self._answer(_TOKEN, "identity")

    def log_message(self, format: str, *args: object) -> None:
        """Silence: a line per request would be the server's largest expense."""

    def _answer(self, body: bytes, encoding: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json; odata.metadata=minimal")
        self.send_header("Content-Encoding", encoding)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
