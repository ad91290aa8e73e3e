"""What notifications are tried on: a real mail server and a real receiver on loopback, and an open subscription."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from tandem.runtime.settings import load
from tandem.runtime.subscription import Subscription, opened

PASSWORD = "c0rrect-h0rse"


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """A certificate authority that nobody trusts of himself."""
    return trustme.CA()


@pytest.fixture
def bundle(authority: trustme.CA, tmp_path: Path) -> str:
    """A file by which it is trusted."""
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


@dataclass
class Mailbox:
    """A mail server of one test: what it took, and how it answers."""

    port: int = 0
    mails: list[tuple[str, list[str], bytes]] = field(default_factory=list)
    users: list[str] = field(default_factory=list)
    rcpt: str = "250 OK"
    data: str = "250 OK"

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        """A recipient is named."""
        if self.rcpt.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.rcpt

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        """The mail itself."""
        if self.data.startswith("250"):
            self.mails.append((envelope.mail_from, envelope.rcpt_tos, envelope.content))
        return self.data

    def authenticate(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        """Only the one password is right."""
        self.users.append(data.login.decode())
        return AuthResult(success=data.password.decode() == PASSWORD, handled=False)


@pytest.fixture
def mail_server(authority: trustme.CA) -> Iterator[Callable[..., Mailbox]]:
    """Starts mail servers; `security` and `names` of the certificate are the test's."""
    with ExitStack() as running:

        def start(security: str = "none", *, names: tuple[str, ...] = ("127.0.0.1",), login: bool = False) -> Mailbox:
            mailbox, options = Mailbox(port=free_port()), dict[str, Any]()
            if security != "none":
                context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
                authority.issue_cert(*names).configure_cert(context)
                options = {"ssl_context": context} if security == "tls" else {"tls_context": context}
            if login:
                options |= {"authenticator": mailbox.authenticate, "auth_required": True}
                options["auth_require_tls"] = security == "starttls"
            controller = Controller(mailbox, hostname="127.0.0.1", port=mailbox.port, **options)
            controller.start()
            running.callback(controller.stop)
            return mailbox

        yield start


@dataclass
class Receiver:
    """An HTTP receiver of one test: what it was sent, and what it answers."""

    url: str = ""
    status: int = 200
    seen: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)


@pytest.fixture
def receiver(authority: trustme.CA) -> Iterator[Callable[..., Receiver]]:
    """Starts receivers, by http or with a certificate."""
    with ExitStack() as running:

        def start(*names: str) -> Receiver:
            made = Receiver()

            class Handler(BaseHTTPRequestHandler):
                def answer(self) -> None:
                    body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                    headers = {name.lower(): value for name, value in self.headers.items()}
                    made.seen.append((self.command, self.path, headers, body))
                    self.send_response(made.status)
                    self.send_header("Location", "/elsewhere")
                    self.send_header("Content-Length", "0")
                    self.end_headers()

                do_POST = do_GET = answer  # noqa: N815 (the names of the base class)

                def log_message(self, *_: object) -> None:
                    """Tests are quiet."""

            server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
            if names:
                context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
                authority.issue_cert(*names).configure_cert(context)
                server.socket = context.wrap_socket(server.socket, server_side=True)
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
            thread.start()
            running.callback(thread.join)
            running.callback(server.server_close)
            running.callback(server.shutdown)
            made.url = f"{'https' if names else 'http'}://127.0.0.1:{server.server_address[1]}"
            return made

        yield start


@pytest.fixture
def silence() -> Iterator[int]:
    """The port of somebody who takes the connection and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def stalling() -> Iterator[Callable[[bytes], int]]:
    """Starts mail servers that fall silent at one line of the conversation and stay so; returns their port."""
    with ExitStack() as running:

        def start(at: bytes) -> int:
            server = running.enter_context(socket.create_server(("127.0.0.1", 0)))
            thread = threading.Thread(target=answer, args=(server, at), daemon=True)
            thread.start()
            running.callback(thread.join, 10)
            return int(server.getsockname()[1])

        def answer(server: socket.socket, at: bytes) -> None:
            is_silent = in_mail = False
            with suppress(ConnectionError), server.accept()[0] as connection, connection.makefile("rwb", 0) as lines:
                lines.write(b"220 ready\r\n")
                for line in lines:
                    is_silent = is_silent or line.startswith(at)
                    if is_silent or (in_mail and line != b".\r\n"):
                        continue
                    in_mail = line == b"DATA\r\n"
                    lines.write(b"354 go on\r\n" if in_mail else b"250 ok\r\n")

        yield start


@pytest.fixture
def open_subscription(tmp_path: Path) -> Iterator[Callable[..., Subscription]]:
    """Opens a subscription that is connected to nothing, by its settings."""
    with ExitStack() as stack:

        def open_one(**settings: str) -> Subscription:
            environ = {f"TANDEM_{name.upper()}": value for name, value in settings.items()}
            loaded = load(environ={"TANDEM_HOME": str(tmp_path / "home"), **environ})
            return stack.enter_context(opened(loaded, create=True))

        yield open_one


def free_port() -> int:
    """A port that nobody listens on."""
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])
