"""The network itself, against a real server on loopback."""

import gzip
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import trustme

from tandem.dynamics.client import Dynamics
from tandem.dynamics.credentials import Credentials
from tandem.dynamics.errors import CaBundleUnusable, NotDataverse, TlsFailed, Unreachable
from tandem.dynamics.rows import RowDecoder
from tandem.dynamics.session import TRIES

VERSION = b'{"Version":"9.2.1"}'


class Handler(BaseHTTPRequestHandler):
    """Hands out a token, then runs the test's script for each request to the API."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.reply(b'{"access_token":"t","expires_in":3599}')

    def do_GET(self):
        self.server.seen.append((self.path, dict(self.headers)))
        self.server.script(self)

    def do_CONNECT(self):
        self.do_GET()

    def reply(self, body, status=200, length=None, **headers):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body) if length is None else length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Keeps the test output clean."""


@contextmanager
def running(script, context=None) -> Iterator[ThreadingHTTPServer]:
    """A server in a thread, stopped and joined at the end."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.script, server.seen = script, []
    server.handle_error = lambda *_: None
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    server.url = f"{'https' if context else 'http'}://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join(timeout=10)
        server.server_close()


@pytest.fixture
def connect(clock):
    def made(server, **options):
        credentials = Credentials("app", "s", authority=f"{server.url}/t/oauth2/v2.0/token")
        return Dynamics(server.url, credentials, monotonic=clock.monotonic, sleep=clock.sleep, **options)

    return made


@pytest.fixture(scope="session")
def authority():
    return trustme.CA()


@pytest.fixture
def bundle(authority, tmp_path):
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return path


def tls(authority, *names):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    return context


def test_a_request_arrives_and_its_answer_returns(connect):
    """One keep-alive connection serves several requests."""
    with running(lambda handler: handler.reply(VERSION)) as server, connect(server) as dynamics:
        assert [dynamics.version(), dynamics.version()] == ["9.2.1", "9.2.1"]

    path, headers = server.seen[0]
    assert path == "/api/data/v9.2/RetrieveVersion()"
    assert headers["User-Agent"].startswith("Tandem/")


def test_a_compressed_answer_is_read(connect):
    """gzip is asked for and understood."""

    def compressed(handler):
        assert handler.headers["Accept-Encoding"] == "gzip"
        handler.reply(gzip.compress(VERSION), Content_Encoding="gzip")

    with running(compressed) as server, connect(server) as dynamics:
        assert dynamics.version() == "9.2.1"


@pytest.mark.parametrize(
    "link_tail",
    [
        "/api/data/v9.2/contacts?$select=a&$skiptoken=%3Ccookie%20pagenumber=%222%22%20pagingcookie=%22%253c%22%20/%3E",
        "/api/data/v9.2/contacts?$select=a,_b_value&$deltatoken=919042%2108%2f22%2F2025%2008%3a10%3A44",
        "/api/data/v9.2/contacts?$filter=name%20eq%20'a'&x=\"[]{}|\\^`<>",
    ],
)
def test_a_stored_link_goes_out_byte_for_byte(connect, make_table, link_tail):
    """No character of an opaque link is encoded, decoded or put in order."""
    with running(lambda handler: handler.reply(b'{"value":[]}')) as server, connect(server) as dynamics:
        dynamics.read_page(server.url + link_tail, RowDecoder(make_table(), ["fullname"]))

    assert [path for path, _ in server.seen] == [link_tail]


def cut_off(handler):
    handler.reply(VERSION[:9], length=len(VERSION))
    handler.close_connection = True


def reset(handler):
    handler.close_connection = True


def cut_gzip(handler):
    handler.reply(gzip.compress(VERSION)[:-12], Content_Encoding="gzip")


def half_document(handler):
    handler.reply(VERSION[:9])


@pytest.mark.parametrize("broken", [cut_off, reset, cut_gzip, half_document])
def test_a_broken_answer_is_asked_for_again(connect, broken):
    """A read whose answer is lost or damaged is repeated."""

    def script(handler):
        if len(server.seen) == 1:
            broken(handler)
        else:
            handler.reply(VERSION)

    with running(script) as server, connect(server) as dynamics:
        assert dynamics.version() == "9.2.1"
        assert dynamics.requests == 2


def test_a_server_that_is_gone_is_unreachable(connect, clock):
    """The sentence names the host; nothing is asked for ever."""
    with running(lambda handler: handler.reply(VERSION)) as server:
        pass

    with connect(server) as dynamics, pytest.raises(Unreachable, match=r"127\.0\.0\.1"):
        dynamics.version()

    assert len(clock.slept) == TRIES - 1


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_S8_a_redirect_is_refused(connect, status):
    """The token would go wherever it points."""

    def redirect(handler):
        handler.reply(b"", status, Location=f"{server.url}/elsewhere")

    with running(redirect) as server, connect(server) as dynamics:
        with pytest.raises(NotDataverse, match="redirect"):
            dynamics.version()
        assert len(server.seen) == 1


def test_S8_no_cookie_is_kept(connect):
    """An affinity cookie would pin all load to one server (reference 6.2)."""

    def script(handler):
        handler.reply(VERSION, Set_Cookie="ARRAffinity=abc; Path=/")

    with running(script) as server, connect(server) as dynamics:
        dynamics.version()
        dynamics.version()

    assert [headers.get("Cookie") for _, headers in server.seen] == [None, None]


def test_S8_loopback_is_never_reached_through_a_proxy(connect, monkeypatch):
    """A proxy of the environment is for other machines."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")

    with running(lambda handler: handler.reply(VERSION)) as server, connect(server) as dynamics:
        assert dynamics.version() == "9.2.1"


def test_S8_other_machines_are_reached_through_the_proxy_of_the_environment(clock, credentials, monkeypatch):
    """The proxy is asked for a tunnel to the sign-in service; its refusal is no answer of Dynamics."""
    with running(lambda handler: handler.reply(b"", 502)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        with (
            Dynamics(
                "https://contoso.crm.dynamics.com", credentials, monotonic=clock.monotonic, sleep=clock.sleep
            ) as dynamics,
            pytest.raises(Unreachable, match=r"login\.microsoftonline\.com"),
        ):
            dynamics.version()

    assert [path for path, _ in proxy.seen] == ["login.microsoftonline.com:443"] * TRIES


def test_S8_a_ca_bundle_makes_an_own_certificate_good(connect, authority, bundle):
    """Over TLS with the bundle, as a company's own CA needs it."""
    context = tls(authority, "127.0.0.1")
    with (
        running(lambda handler: handler.reply(VERSION), context) as server,
        connect(server, ca_bundle=bundle) as dynamics,
    ):
        assert dynamics.version() == "9.2.1"


@pytest.mark.parametrize(
    ("name", "with_bundle"),
    [("127.0.0.1", False), ("other.example", True)],
    ids=["an unknown authority", "another host's certificate"],
)
def test_S8_a_certificate_that_cannot_be_trusted_ends_it(connect, authority, bundle, name, with_bundle):
    """Nothing is sent, and nothing is tried again."""
    options = {"ca_bundle": bundle} if with_bundle else {}
    with (
        running(lambda handler: handler.reply(VERSION), tls(authority, name)) as server,
        connect(server, **options) as dynamics,
        pytest.raises(TlsFailed, match=r"127\.0\.0\.1"),
    ):
        dynamics.version()

    assert server.seen == []


def test_S8_tls_older_than_1_2_is_refused(connect, authority, bundle):
    """A server that offers no more than TLS 1.1 is not talked to."""
    context = tls(authority, "127.0.0.1")
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.deprecated_call():
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with (
        running(lambda handler: handler.reply(VERSION), context) as server,
        connect(server, ca_bundle=bundle) as dynamics,
        pytest.raises(TlsFailed),
    ):
        dynamics.version()


def test_https_to_a_plain_server_is_a_tls_failure(connect):
    """Speaking TLS to a server that does not is named, not retried."""
    with running(lambda handler: handler.reply(VERSION)) as server:
        server.url = server.url.replace("http:", "https:")
        with connect(server) as dynamics, pytest.raises(TlsFailed):
            dynamics.version()


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "cannot be read"), ("", "no certificate"), ("-----BEGIN NONSENSE-----", "no certificate")],
)
def test_S8_an_unusable_ca_bundle_is_named(tmp_path, credentials, content, words):
    """The sentence names the file."""
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)

    with pytest.raises(CaBundleUnusable, match=words) as caught:
        Dynamics("https://contoso.crm.dynamics.com", credentials, ca_bundle=path)

    assert str(path) in caught.value.message
