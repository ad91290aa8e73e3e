"""The least that a client can do, so that what the clock sees is the server: requests on a socket, bytes counted.

Nothing is parsed but the length of an answer and the link to the next page.
"""

import socket
from collections.abc import Mapping
from typing import Self
from urllib.parse import urlsplit

_LENGTH = b"\r\ncontent-length: "
_NEXT = b'"@odata.nextLink":"'
_LARGEST = 16 * 1024**2
"""Bytes that the largest answer may have."""
_TAIL = 4_096
"""The last bytes of a page, in which the link to the next one is."""


class Wire:
    """One connection to the server at a root. `headers` go with every request."""

    def __init__(self, root: str, headers: Mapping[str, str]) -> None:
        address = urlsplit(root)
        self._socket = socket.create_connection((address.hostname, address.port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._head = "".join(f"{name}: {value}\r\n" for name, value in {"host": address.netloc, **headers}.items())
        self._buffer = memoryview(bytearray(_LARGEST))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def fileno(self) -> int:
        """The number of the socket, for `select`."""
        return self._socket.fileno()

    def send(self, method: str, path: str, body: bytes = b"") -> None:
        """Send a request; its answer is to be read before the next one is sent."""
        length = f"content-type: application/json\r\ncontent-length: {len(body)}\r\n" if body else ""
        self._socket.sendall(f"{method} {path} HTTP/1.1\r\n{self._head}{length}\r\n".encode() + body)

    def receive(self, status: int) -> memoryview:
        """The body of the answer, good until the next is read. Raises RuntimeError for another status."""
        got = head = 0
        while not head:
            got += self._received(got)
            head = bytes(self._buffer[: min(got, _TAIL)]).find(b"\r\n\r\n") + 1
        opening = bytes(self._buffer[:head])
        body = head + 3
        at = opening.lower().find(_LENGTH)
        end = body + (int(opening[at + len(_LENGTH) :].split(b"\r", 1)[0]) if at >= 0 else 0)
        while got < end:
            got += self._received(got)
        if int(opening[9:12]) != status:
            raise RuntimeError(f"The server answered {opening[9:12].decode()}: {bytes(self._buffer[body:end])!r}")
        return self._buffer[body:end]

    def _received(self, start: int) -> int:
        count = self._socket.recv_into(self._buffer[start:])
        if not count:
            raise ConnectionError("The server closed the connection.")
        return count


def next_link(page: memoryview) -> str | None:
    """The link to the next page, or None."""
    tail = bytes(page[-_TAIL:])
    at = tail.find(_NEXT)
    return None if at < 0 else tail[at + len(_NEXT) :].split(b'"', 1)[0].decode()
