"""How fast the sandbox answers: pages of a large table, and single edits of its rows, over a socket.

The client does next to nothing (wire.py). The floor is the same client with a server that does next to nothing either:
it has the bytes of its answers already.
"""

import asyncio
import multiprocessing
import random
import select
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from multiprocessing.connection import Connection
from urllib.parse import urlsplit

import httpx2

from benchmarks.measurement import Clock, Done
from benchmarks.wire import Wire, next_link

PAGE = 5_000
"""Rows of a page."""
_CONTACTS = "/api/data/v9.2/contacts"
_CONNECTIONS = 4
"""Over which edits are sent, each waiting for its answer."""
_DRAWN = 100
"""Rows of a page that are edited."""
_SEED = 11
_NO_CONTENT = b"HTTP/1.1 204 No Content\r\n\r\n"
_PATIENCE = 60
"""Seconds that the server of the floor may take to start, many times over."""


class Answer(StrEnum):
    """What is measured of the sandbox, in this order: `AGAIN` reads what `FIRST` has read just before."""

    FIRST = "first read"
    AGAIN = "read again"
    EDIT = "edits"


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """Where somebody who has signed in asks: a root, and the headers of each request."""

    root: str
    headers: Mapping[str, str]


def sign_in(description: Mapping[str, str]) -> Door:
    """The door of a running sandbox."""
    root = description["url"]
    form = {
        "grant_type": "client_credentials",
        "client_id": description["client_id"],
        "client_secret": description["client_secret"],
        "scope": f"{root}/.default",
    }
    token = httpx2.post(description["token_url"], data=form).raise_for_status().json()["access_token"]
    return Door(root=root, headers={"authorization": f"Bearer {token}", "accept": "application/json"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Reading so many pages, one after the other; its rows are pages. `touch` edits a row before."""

    door: Door
    columns: Sequence[str]
    pages: int
    touch: str | None = None

    def run(self, clock: Clock) -> Done:
        """Read under the clock."""
        with Wire(self.door.root, {**self.door.headers, "prefer": f"odata.maxpagesize={PAGE}"}) as wire:
            if self.touch is not None:
                _edit(wire, self.touch, 0)
                wire.receive(204)
            with clock:
                return Done(rows=sum(1 for _ in _pages(wire, self.columns, self.pages)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Editing:
    """Single edits of these rows in turn."""

    door: Door
    rows: Sequence[str]
    edits: int

    def run(self, clock: Clock) -> Done:
        """Edit under the clock; every connection sends the next edit when it has its answer."""
        done = 0
        edits = iter(range(self.edits))
        with ExitStack() as stack:
            wires = {}
            for _ in range(_CONNECTIONS):
                wire = stack.enter_context(Wire(self.door.root, {**self.door.headers, "if-match": "*"}))
                wires[wire.fileno()] = wire
            with clock:
                for wire, number in zip(wires.values(), edits, strict=False):
                    _edit(wire, self.rows[number % len(self.rows)], number)
                while done < self.edits:
                    for each in select.select(wires, (), ())[0]:
                        wires[each].receive(204)
                        done += 1
                        if (number := next(edits, None)) is not None:
                            _edit(wires[each], self.rows[number % len(self.rows)], number)
        return Done(rows=done)


def draw_rows(door: Door, pages: int) -> list[str]:
    """The ids of contacts from all over the table, in no order."""
    draw, rows = random.Random(_SEED), list[str]()
    with Wire(door.root, {**door.headers, "prefer": f"odata.maxpagesize={PAGE}"}) as wire:
        for page in _pages(wire, ["contactid"], pages):
            ids = [part[:36] for part in bytes(page).decode().split('"contactid":"')[1:]]
            rows += draw.sample(ids, min(_DRAWN, len(ids)))
    draw.shuffle(rows)
    return rows


def first_page(door: Door, columns: Sequence[str]) -> bytes:
    """The bytes of a page."""
    with Wire(door.root, {**door.headers, "prefer": f"odata.maxpagesize={PAGE}"}) as wire:
        return bytes(next(_pages(wire, columns, 1)))


@contextmanager
def canned(page: bytes) -> Iterator[Door]:
    """Serve the page to whoever reads and 204 to whoever writes, in another process; gives the door."""
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    process = spawn.Process(target=_serve, args=(page, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        if not ours.poll(_PATIENCE):
            raise TimeoutError(f"The server of the floor was not ready after {_PATIENCE} seconds.")
        yield Door(root=ours.recv(), headers={})
    finally:
        process.terminate()
        process.join()


def _pages(wire: Wire, columns: Sequence[str], most: int) -> Iterator[memoryview]:
    path = f"{_CONTACTS}?$select={','.join(columns)}"
    for _ in range(most):
        wire.send("GET", path)
        page = wire.receive(200)
        yield page
        link = next_link(page)
        if link is None:
            return
        path = f"{_CONTACTS}?{urlsplit(link).query}"


def _edit(wire: Wire, row: str, number: int) -> None:
    body = b'{"jobtitle":"Manager %d","telephone1":"+1 555 %d"}' % (number, number)
    wire.send("PATCH", f"{_CONTACTS}({row})", body)


def _serve(page: bytes, ready: Connection) -> None:
    asyncio.run(_serving(page, ready))


async def _serving(page: bytes, ready: Connection) -> None:
    answer = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(page) + page

    class Canned(asyncio.Protocol):
        """A request comes in one piece."""

        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport = transport

        def data_received(self, data: bytes) -> None:
            self.transport.write(answer if data.startswith(b"GET") else _NO_CONTENT)

    server = await asyncio.get_running_loop().create_server(Canned, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    ready.send(f"http://{host}:{port}")
    await server.serve_forever()
