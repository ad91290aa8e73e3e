"""The organisation of the benchmark: a process of its own that answers from memory.

It knows a token request, the pages of one table and batches of one edit of its rows, nothing else, so that what the
clock sees is the client.
"""

import multiprocessing
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from typing import ClassVar

from benchmarks.edits import BODY, PersonEdits
from benchmarks.pages import Pages

_PAGES = "/api/data/v9.2/pages/"
_BATCH = "/api/data/v9.2/$batch"
_WRITTEN = re.compile(rb"PATCH \S*?\(([0-9a-f-]{36})\)")
_TOKEN = b'{"token_type":"Bearer","expires_in":86400,"access_token":"benchmark"}'
_JSON = "application/json; odata.metadata=minimal"
_BOUNDARY = "batchresponse_benchmark"
_PART = (
    f"--{_BOUNDARY}\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n"
    f"HTTP/1.1 200 OK\r\nContent-Type: {_JSON}\r\nOData-Version: 4.0\r\n\r\n"
).encode()
_END = f"\r\n--{_BOUNDARY}--\r\n".encode()
_PATIENCE = 600
"""Seconds that rendering a million rows may take, many times over."""


@contextmanager
def serving(pages: Pages, edits: PersonEdits | None = None) -> Iterator[str]:
    """Render the pages and the answers to edits, serve them in another process; gives the organisation's address."""
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    process = spawn.Process(target=_serve, args=(pages, edits, theirs), daemon=True)
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


def _serve(pages: Pages, edits: PersonEdits | None, ready: Connection) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        root = f"http://127.0.0.1:{server.server_port}"
        _Handler.bodies = list(pages.render(lambda number: root + page_path(number)))
        _Handler.answers = edits.answers() if edits else {}
        ready.send(root)
        server.serve_forever()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    bodies: ClassVar[list[bytes]]
    answers: ClassVar[dict[bytes, bytes]]

    def do_GET(self) -> None:
        """A page by its number; whatever else is read is the first one."""
        number = int(self.path.removeprefix(_PAGES)) if self.path.startswith(_PAGES) else 0
        self._answer(self.bodies[number], "gzip")

    def do_POST(self) -> None:
        """A token for whoever asks, and the rows that a batch of edits leaves."""
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.path != _BATCH:
            self._answer(_TOKEN, "identity")
            return
        written = _WRITTEN.findall(body)
        if body.count(BODY) != len(written):
            self._answer(b"{}", "identity", status=400)
            return
        parts = [_PART + self.answers[each] for each in written]
        self._answer(b"\r\n".join(parts) + _END, "identity", kind=f"multipart/mixed; boundary={_BOUNDARY}")

    def do_PATCH(self) -> None:
        """The row that a single edit leaves."""
        (row,) = _WRITTEN.findall(self.requestline.encode())
        self.rfile.read(int(self.headers["content-length"]))
        self._answer(self.answers[row], "identity")

    def log_message(self, format: str, *args: object) -> None:
        """Silence: a line per request would be the server's largest expense."""

    def _answer(self, body: bytes, encoding: str, *, status: int = 200, kind: str = _JSON) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Encoding", encoding)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
