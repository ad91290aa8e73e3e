"""The only module that touches the network.

It refuses what a library would do kindly: no redirect is followed (the token would go with it), no cookie is kept (an
affinity cookie pins all load to one server, reference 6.2), no certificate goes unverified, and a stored link goes
out byte for byte, because the service's links are opaque (reference 3.5).
"""

import ssl
from functools import cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from urllib.parse import urlsplit

import httpx2

from tandem import __version__
from tandem.dynamics.errors import CaBundleUnusable, DynamicsError, TlsFailed, Unreachable
from tandem.dynamics.messages import Request, Response

_TIMEOUT = httpx2.Timeout(connect=10.0, read=130.0, write=60.0, pool=130.0)
"""Seconds. The platform cuts an operation at about two minutes (reference 0.3)."""

_LIMITS = httpx2.Limits(max_connections=16, max_keepalive_connections=16, keepalive_expiry=60.0)

NO_PROXY = dict.fromkeys(("all://localhost", "all://127.0.0.1", "all://[::1]"))
"""Loopback is never reached through a proxy of the environment."""


class Transport:
    """Sends requests and gives back whole answers. Raises Unreachable or TlsFailed; any status is an answer."""

    def __init__(self, *, ca_bundle: str | Path | None = None, transport: httpx2.BaseTransport | None = None) -> None:
        self._client = httpx2.Client(
            verify=trust(ca_bundle),
            transport=transport,
            mounts=None if transport is not None else NO_PROXY,
            timeout=_TIMEOUT,
            limits=_LIMITS,
            follow_redirects=False,
            cookies=CookieJar(policy=DefaultCookiePolicy(allowed_domains=[])),
            headers={"User-Agent": f"Tandem/{__version__}", "Accept-Encoding": "gzip"},
        )

    def send(self, request: Request) -> Response:
        """One request, one answer, nothing repeated."""
        try:
            answer = self._client.request(
                request.method,
                request.url,
                headers=dict(request.headers),
                content=request.body or None,
                extensions={"target": _target(request.url)},
            )
        except (httpx2.TransportError, httpx2.DecodingError) as error:
            raise _failure(request.url, error) from error
        return Response(status=answer.status_code, headers=_lowered(answer.headers), body=answer.content)

    def close(self) -> None:
        """Closes all connections."""
        self._client.close()


def _lowered(headers: httpx2.Headers) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _target(url: str) -> bytes:
    parts = urlsplit(url)
    path = parts.path or "/"
    return (f"{path}?{parts.query}" if parts.query else path).encode("ascii")


@cache
def _usual_trust() -> ssl.SSLContext:
    """Reading the authorities takes longer than a request; every client of a process can share them."""
    context = httpx2.create_ssl_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def trust(ca_bundle: str | Path | None) -> ssl.SSLContext:
    """Whom to trust: the system's authorities, and those of the bundle; TLS 1.2 or newer. Raises CaBundleUnusable."""
    if ca_bundle is None:
        return _usual_trust()
    context = httpx2.create_ssl_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_verify_locations(cafile=ca_bundle)
    except ssl.SSLError as error:
        raise CaBundleUnusable(f"The CA bundle {ca_bundle} holds no certificate in PEM form.") from error
    except OSError as error:
        raise CaBundleUnusable(f"The CA bundle {ca_bundle} cannot be read: {error.strerror}.") from error
    return context


def _failure(url: str, error: Exception) -> DynamicsError:
    host = urlsplit(url).hostname
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return TlsFailed(f"The certificate of {host} cannot be trusted: {cause.verify_message}.")
        # A connection that merely breaks off during or after the handshake may hold the next time.
        refused = isinstance(error, httpx2.ConnectError) and not isinstance(cause, ssl.SSLEOFError)
        if refused and isinstance(cause, ssl.SSLError):
            return TlsFailed(f"No secure connection to {host} could be made.")
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, httpx2.TimeoutException):
        return Unreachable(f"{host} did not answer in time.")
    if isinstance(error, httpx2.ConnectError | httpx2.ProxyError):
        return Unreachable(f"{host} cannot be reached.")
    return Unreachable(f"The answer of {host} broke off or was damaged.")
