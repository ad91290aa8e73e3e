"""A scripted organisation behind the transport seam, and builders for tables and answers."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import httpx2
import msgspec
import pytest

from tandem.dynamics.client import Dynamics
from tandem.dynamics.credentials import Credentials
from tandem.model.schema import Column, ColumnType, Table

ROOT = "https://contoso.crm.dynamics.com"
API = f"{ROOT}/api/data/v9.2"
SECRET = "s3cret-of-the-app"
TOKEN = "eyJ-token"

Answer = httpx2.Response
Route = Callable[[httpx2.Request], Answer] | Answer


def _json_answer(body: object, status: int = 200, **headers: str) -> Answer:
    """An answer with a JSON body, as the service labels it."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    content = msgspec.json.encode(body)
    return httpx2.Response(
        status, content=content, headers={"content-type": "application/json; odata.metadata=minimal", **named}
    )


def _failure(code: str, message: str = "No.", status: int = 400, **headers: str) -> Answer:
    """A refusal in the service's usual shape."""
    return _json_answer({"error": {"code": code, "message": message}}, status, **headers)


class Clock:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@dataclass
class Service:
    """Answers by path and query below the API root (decoded); a list of answers is served one by one.

    `$batch` is answered from the same routes. `seen` holds every request outside a batch, tokens included.
    """

    routes: dict[str, Route | list[Route]] = field(default_factory=dict)
    seen: list[httpx2.Request] = field(default_factory=list)
    token_answers: list[Answer] = field(default_factory=list)
    in_batches: list[str] = field(default_factory=list)

    def __call__(self, request: httpx2.Request) -> Answer:
        self.seen.append(request)
        if request.url.path.endswith("/token"):
            if self.token_answers:
                return self.token_answers.pop(0)
            return _json_answer({"token_type": "Bearer", "expires_in": 3599, "access_token": TOKEN})
        target = request.extensions["target"].decode()
        if target.endswith("/$batch") and "$batch" not in self.routes:
            return self._batch(request)
        return self._answer(target, request)

    @property
    def paths(self) -> list[str]:
        """What was asked of the organisation, decoded, in order."""
        return [
            unquote(request.extensions["target"].decode()).removeprefix("/api/data/v9.2/")
            for request in self.seen
            if not request.url.path.endswith("/token")
        ]

    def _answer(self, target: str, request: httpx2.Request) -> Answer:
        path = unquote(target).removeprefix("/api/data/v9.2/")
        route = self.routes.get(path)
        if isinstance(route, list):
            route = route.pop(0)
        if route is None:
            return _failure("0x8006088a", f"Resource not found for the segment '{path}'.", 404)
        return route(request) if callable(route) else route

    def _batch(self, request: httpx2.Request) -> Answer:
        boundary = request.headers["content-type"].split("boundary=")[1]
        parts = []
        for chunk in request.content.decode().split(f"--{boundary}")[1:-1]:
            line = chunk.split("\r\n\r\n")[1].split("\r\n")[0]
            self.in_batches.append(chunk)
            inner = self._answer(line.split(" ")[1], request)
            headers = "".join(f"{name}: {value}\r\n" for name, value in inner.headers.items())
            parts.append(
                f"--answer\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n"
                f"HTTP/1.1 {inner.status_code} Any\r\n{headers}\r\n{inner.text}\r\n"
            )
        body = "".join(parts) + "--answer--\r\n"
        return httpx2.Response(200, content=body.encode(), headers={"content-type": "multipart/mixed; boundary=answer"})


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def credentials() -> Credentials:
    return Credentials(client_id="app", client_secret=SECRET, tenant="contoso.com")


@pytest.fixture
def dynamics(service: Service, clock: Clock, credentials: Credentials) -> Iterator[Dynamics]:
    with Dynamics(
        ROOT, credentials, transport=httpx2.MockTransport(service), monotonic=clock.monotonic, sleep=clock.sleep
    ) as client:
        yield client


def _make_table(name: str = "contact", columns: Mapping[str, ColumnType | Column] | None = None, **facts: Any) -> Table:
    """A table whose columns are given by type."""
    chosen = columns or {"fullname": ColumnType.TEXT}
    built = {
        column: kind if isinstance(kind, Column) else Column(name=column, type=kind) for column, kind in chosen.items()
    }
    built.setdefault(f"{name}id", Column(name=f"{name}id", type=ColumnType.GUID))
    return Table(
        **{
            "name": name,
            "entity_set": f"{name}s",
            "primary_id": f"{name}id",
            "primary_name": "fullname",
            "change_tracking": True,
            "columns": built,
            **facts,
        }
    )


@pytest.fixture
def json_answer() -> Callable[..., Answer]:
    return _json_answer


@pytest.fixture
def failure() -> Callable[..., Answer]:
    return _failure


@pytest.fixture
def make_table() -> Callable[..., Table]:
    return _make_table
