"""The sandbox on a socket: HTTP in, HTTP out, and the ways a connection can die.

Only loopback is listened on, because the control door lets anyone who reaches it do anything. Work runs in threads,
so that a long page being written by SQLite does not keep others from being answered.
"""

import asyncio
import re
import signal
import socket
import threading
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any, Self

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from tandem.model.errors import NeedsPerson
from tandem.sandbox.door.control import control
from tandem.sandbox.door.levers import Levers
from tandem.sandbox.messages import Refused, Request, Response
from tandem.sandbox.service.answers import identified, refused_response
from tandem.sandbox.service.app import Application
from tandem.sandbox.service.authority import Authority
from tandem.sandbox.service.certificates import Certificates, make_certificates
from tandem.sandbox.service.faults import Faults
from tandem.sandbox.service.kept import LARGE, KeptPages
from tandem.sandbox.service.protection import Protection
from tandem.sandbox.service.sign_in import SignIn
from tandem.sandbox.service.switches import Reply
from tandem.sandbox.service.tokens import TokenOffice, read_credentials
from tandem.sandbox.store.organisation import Organisation

HOST = "127.0.0.1"

_ROOT = re.compile(r"/api/data/v9\.[0-2](?=/|$)", re.IGNORECASE)
"""The Web API under each of its versions, which differ in nothing that is here [k]; links keep the one asked for."""
_THREADS = 4
_TRANSPORT = "tandem.transport"
"""The ASGI extension that carries the connection's transport."""

_IDLE = 120
"""Seconds an unused connection is kept: a client's pool must not find it closed between two cycles of a test."""

_TICK = 0.1
"""Seconds between the ticks of uvicorn's clock, which counts ten to a second."""

_STOPPING = 30.0
"""Seconds after which a server that does not end is left behind."""

_COMPRESSED_FROM = 1_024
"""Bytes below which gzip costs more than it saves. So it does for a large page, which does not travel far."""


class PortInUse(NeedsPerson):
    """Another process listens on the port."""

    code = "port-in-use"
    advice = "Choose another port with --port, or stop the process that has this one."


class _Connection(HttpToolsProtocol):
    """uvicorn's protocol, which also hands its transport to the application so that faults can cut it."""

    def on_headers_complete(self) -> None:
        self.scope["extensions"] = {_TRANSPORT: {"transport": self.transport}}
        super().on_headers_complete()

    def shutdown(self) -> None:
        if self.transport.is_closing():
            return  # the peer left; closed twice, a TLS transport loses what it is asked for below
        super().shutdown()
        idle = self.cycle is None or self.cycle.response_complete
        if idle and self.transport.get_write_buffer_size() == 0:
            # A peer slow to answer the TLS goodbye would hold the stop back.
            self.transport.abort()


class _Name(bytes):
    """A header's name as the service spells it: uvicorn would lower it, and a client may look for `OData-EntityId`."""

    def lower(self) -> bytes:
        return self


class _Server(uvicorn.Server):
    """uvicorn's server without its signal handlers, which would send the signal again after a clean stop.

    And one that notices a stop at once: a test suite starts and stops thousands.
    """

    _wake: Callable[[], object] | None = None

    def stop(self) -> None:
        """Finish the requests in hand and stop listening; from any thread, and from a signal's handler."""
        self.should_exit = True
        wake = self._wake
        if wake is not None:
            with suppress(RuntimeError):  # the loop has ended by itself
                wake()

    async def main_loop(self) -> None:
        loop, stopping, ticks = asyncio.get_running_loop(), asyncio.Event(), 0
        self._wake = partial(loop.call_soon_threadsafe, stopping.set)
        while not await self.on_tick(ticks):
            ticks += 1
            with suppress(TimeoutError):
                async with asyncio.timeout(_TICK):
                    await stopping.wait()
        self._wake = None

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Edge:
    """The ASGI application: routes a request to the Web API, the control door or the authority."""

    def __init__(self, organisation: Organisation, faults: Faults, protection: Protection) -> None:
        credentials = read_credentials(organisation)
        self._organisation = organisation
        self._pages = KeptPages(organisation, Application(organisation, faults))
        self._faults = faults
        self._protection = protection
        self.tokens = TokenOffice(organisation, credentials)
        self._authority = Authority(organisation, credentials, SignIn(organisation, credentials, self.tokens))
        self._levers = Levers(
            organisation=organisation,
            faults=faults,
            protection=protection,
            expire_tokens=self.tokens.expire_all,
        )
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="sandbox")
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="sandbox-writer")

    def close(self) -> None:
        """Wait for the work in hand and end the threads."""
        self._pool.shutdown()
        self._writer.shutdown()
        self._pages.close()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one HTTP request."""
        body = bytearray()
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message.get("body", b"")
            more = message.get("more_body", False)
        request = _request(scope, bytes(body))
        if root := _ROOT.match(request.path):
            await self._web_api(_below(request, root[0]), scope, send)
        else:
            work = asyncio.get_running_loop().run_in_executor(self._pool, self._elsewhere, request)
            await _reply(scope, send, await work)

    async def _web_api(self, request: Request, scope: Any, send: Any) -> None:
        """A request is under way from here until its answer has been sent, whether or not it waits for a thread."""
        try:
            caller = self.tokens.user_of(request.headers.get("authorization", ""), base=request.base)
            request = replace(request, caller=caller)
            with self._protection.visit(request, now=self._now()) as visit:
                reply, seconds = await self._executed(request)
                visit.spend(seconds + reply.delay, now=self._now())
                if reply.response is not None:
                    reply.response.headers |= visit.stamps()
                await _reply(scope, send, reply)
        except Refused as refusal:
            await _reply(scope, send, Reply(response=identified(refused_response(refusal, request))))

    async def _executed(self, request: Request) -> tuple[Reply, float]:
        """An edit of one row is made here and now where nobody else writes: to hand it over takes longer than to do it.

        Two threads that take turns at every statement halve the edits per second.
        """
        if request.method == "PATCH":
            with self._organisation.unless_others_write() as alone:
                if alone:
                    return self._execute(request)
        return await asyncio.get_running_loop().run_in_executor(self._threads(request), self._execute, request)

    def _threads(self, request: Request) -> ThreadPoolExecutor:
        """Single writes share a thread: what SQLite has in memory for a connection is void when another one writes."""
        return self._pool if request.method == "GET" or request.path == "$batch" else self._writer

    def _execute(self, request: Request) -> tuple[Reply, float]:
        """The reply, and the seconds that it took."""
        started = perf_counter()
        reply = self._faults.answer(request, self._pages.answer)
        if reply.response is not None and reply.sent is None and "gzip" in request.headers.get("accept-encoding", ""):
            _compress(reply.response)
        return reply, perf_counter() - started

    def _elsewhere(self, request: Request) -> Reply:
        if request.path == "/control" or request.path.startswith("/control/"):
            return Reply(response=control(self._levers, _below(request, "/control")))
        return Reply(response=self._authority.answer(request) or _not_found())

    def _now(self) -> float:
        return self._organisation.clock().timestamp()


class Sandbox:
    """A running sandbox. As a context manager it serves in a thread, on a port of its own unless one is given.

    `folder` is where the certificates of `tls` are written. Without a `protection` the service's own limits hold, on
    one web server. The organisation stays the caller's to close. Raises PortInUse.
    """

    def __init__(
        self,
        organisation: Organisation,
        *,
        port: int = 0,
        tls: bool = False,
        folder: Path | None = None,
        faults: Faults | None = None,
        protection: Protection | None = None,
    ) -> None:
        credentials = read_credentials(organisation)
        self.client_id, self.client_secret = credentials.client_id, credentials.client_secret
        self.tenant = credentials.tenant
        self.username, self.password = credentials.username, credentials.password
        self.organisation = organisation
        self.faults = faults or Faults()
        self.protection = protection or Protection()
        self._socket = _listen(port)
        self._certificates: Certificates | None = make_certificates(folder) if tls else None
        self.ca_file = self._certificates.ca_file if self._certificates else None
        self.url = f"{'https' if tls else 'http'}://{HOST}:{self._socket.getsockname()[1]}"
        self.token_url = f"{self.url}/{self.tenant}/oauth2/v2.0/token"
        self.control_url = f"{self.url}/control"
        self._edge = Edge(organisation, self.faults, self.protection)
        self._server = _Server(self._config())
        self._thread = threading.Thread(target=self._run, name="sandbox", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._thread.join(_STOPPING)

    def serve(self) -> None:
        """Serve in this thread until SIGTERM, SIGINT or `stop`."""
        with _stopped_by_signals(self.stop):
            self._run()

    def stop(self) -> None:
        """Finish the requests in hand and stop listening."""
        self._server.stop()

    def description(self) -> dict[str, str]:
        """What a client needs to connect; the one JSON line of `tandem sandbox` (interface.md)."""
        names = ("url", "token_url", "control_url", "client_id", "client_secret", "tenant", "username", "password")
        described = {name: str(getattr(self, name)) for name in names}
        return described | ({"ca_file": str(self.ca_file)} if self.ca_file else {})

    def _config(self) -> uvicorn.Config:
        keys: dict[str, Any] = {}
        if self._certificates is not None:
            keys = {
                "ssl_certfile": str(self._certificates.certificate_file),
                "ssl_keyfile": str(self._certificates.key_file),
            }
        return uvicorn.Config(
            self._edge,
            http=_Connection,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_keep_alive=_IDLE,
            timeout_graceful_shutdown=5,
            **keys,
        )

    def _run(self) -> None:
        try:
            asyncio.run(self._server.serve(sockets=[self._socket]))
        finally:
            self._socket.close()
            self._edge.close()


def serve(
    organisation: Organisation,
    *,
    announce: Callable[[dict[str, str]], None],
    port: int = 0,
    tls: bool = False,
    folder: Path | None = None,
    faults: Faults | None = None,
    protection: Protection | None = None,
) -> None:
    """Serve in the foreground until SIGTERM; `announce` gets the sandbox's description once it can be reached.

    Raises PortInUse.
    """
    sandbox = Sandbox(organisation, port=port, tls=tls, folder=folder, faults=faults, protection=protection)
    announce(sandbox.description())
    sandbox.serve()


def check_port(port: int) -> None:
    """Raises PortInUse where another process listens, so that nobody waits for data to be made up first."""
    _listen(port).close()


def _listen(port: int) -> socket.socket:
    """A listening socket on loopback; connections wait in its queue from this moment on."""
    # The protocol is named because asyncio switches Nagle's delay off only where it is: 40 ms an answer otherwise.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise PortInUse(f"The sandbox cannot listen on port {port}: {error.strerror}.", port=port) from error
    return listener


@contextmanager
def _stopped_by_signals(stop: Callable[[], None]) -> Iterator[None]:
    wanted = (signal.SIGTERM, signal.SIGINT)
    before = {number: signal.signal(number, lambda *_: stop()) for number in wanted}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _request(scope: Any, body: bytes) -> Request:
    """The request as it came: `path` from the root of the host, which is `base`."""
    headers: dict[str, str] = {}
    for name, value in ((name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]):
        # A list may be sent line by line.
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    host = headers.get("host", "{}:{}".format(*scope["server"]))
    return Request(
        method=scope["method"],
        path=scope["raw_path"].decode("utf-8", "replace"),
        query=scope["query_string"].decode("utf-8", "replace"),
        headers=headers,
        body=body,
        base=f"{scope['scheme']}://{host}",
    )


def _below(request: Request, root: str) -> Request:
    """The request as seen from a root of its path."""
    return replace(request, path=request.path[len(root) :].strip("/"), base=request.base + root.lower())


def _not_found() -> Response:
    return Response(status=404, headers={"Content-Type": "text/html"}, body=b"<h1>Not found</h1>")


def _compress(response: Response) -> None:
    if not _COMPRESSED_FROM <= len(response.body) < LARGE:
        return
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    response.body = packer.compress(response.body) + packer.flush()
    response.headers["Content-Encoding"] = "gzip"
    response.headers["Vary"] = "Accept-Encoding"


async def _reply(scope: Any, send: Any, reply: Reply) -> None:
    """Send the reply as the faults want it: late, cut in the middle of its body, or not at all."""
    transport = scope["extensions"][_TRANSPORT]["transport"]
    if reply.delay:
        await asyncio.sleep(reply.delay)
    response = reply.response
    if response is None:
        transport.abort()
        return
    headers: list[tuple[bytes, bytes]] = [
        (_Name(name.encode("latin-1")), value.encode("latin-1")) for name, value in response.headers.items()
    ]
    if response.status not in (204, 304):
        headers.append((b"content-length", str(len(response.body)).encode()))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    if reply.sent is None:
        await send({"type": "http.response.body", "body": response.body})
        return
    await send({"type": "http.response.body", "body": response.body[: reply.sent], "more_body": True})
    # Closed, not aborted: what was written is delivered before the connection ends.
    transport.close()
