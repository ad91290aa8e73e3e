"""Tokens from Microsoft Entra: the one place where a secret leaves Tandem, and only to the token address.

Client credentials, by a secret or a certificate, and user name with password (ROPC) are plain form posts (reference
1.1, 1.2). A refusal is a fault
of configuration and is never repeated: repeating a wrong password locks the account.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from urllib.parse import urlencode

import msgspec

from tandem.dynamics.address import secure_url
from tandem.dynamics.certificates import ASSERTION_TYPE, load_certificate
from tandem.dynamics.errors import CredentialsIncomplete, NotDataverse, SignInMisconfigured
from tandem.dynamics.messages import Request, Response, document
from tandem.dynamics.translation import expect

_PUBLIC_AUTHORITY = "https://login.microsoftonline.com"
_RENEWAL_MARGIN = 300.0
"""Seconds before its end at which a token is renewed; a short-lived one is renewed at half its life."""

_NOT_FOR_PASSWORDS = ("common", "consumers")
"""Tenants that Entra rejects for ROPC (reference 1.2)."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who Tandem is to Dynamics.

    A client id with a client secret, or a `certificate` (PEM text of the key and the certificate), signs in server to
    server; with user name and password as that user, secret or certificate then only where the app is confidential.
    `authority` replaces the public sign-in service; one that ends in
    /token is used as it is and needs no tenant.
    """

    client_id: str
    client_secret: str | None = field(default=None, repr=False)
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tenant: str | None = None
    authority: str | None = None
    certificate: str | None = field(default=None, repr=False)

    @property
    def expire_at(self) -> str | None:
        """When they end, ISO 8601 UTC, where that can be known: a certificate says so, a secret does not."""
        return load_certificate(self.certificate.encode()).ends_at if self.certificate else None

    @property
    def token_url(self) -> str:
        """Where tokens come from. Raises CredentialsIncomplete without a tenant, AddressRefused for plain http."""
        authority = (self.authority or _PUBLIC_AUTHORITY).rstrip("/")
        if authority.endswith("/token"):
            return secure_url(authority)
        if not self.tenant:
            raise CredentialsIncomplete(
                "The credentials name no tenant.",
                advice="Give the tenant's id or domain (--tenant), or the token endpoint itself (--authority).",
            )
        if self.username is not None and self.tenant.lower() in _NOT_FOR_PASSWORDS:
            raise CredentialsIncomplete(
                f"Signing in with a password does not work with the tenant '{self.tenant}'.",
                advice="Give the tenant's id or one of its domains.",
            )
        return secure_url(f"{authority}/{self.tenant}/oauth2/v2.0/token")

    def token_request(self, root: str, *, now: float) -> Request:
        """The form post that asks for a token for the organisation at `root`, `now` in seconds since 1970.

        Raises CredentialsIncomplete and CertificateOver.
        """
        form = {"client_id": self.client_id, "scope": f"{root}/.default"}
        if self.username is not None:
            if not self.password:
                raise CredentialsIncomplete("The credentials hold a user name but no password.")
            form |= {"grant_type": "password", "username": self.username, "password": self.password}
            if self.client_secret is None and self.certificate is None:
                form["scope"] = f"{root}/user_impersonation"
        else:
            if not self.client_secret and self.certificate is None:
                raise CredentialsIncomplete("The credentials hold no client secret, no certificate and no user name.")
            form["grant_type"] = "client_credentials"
        if self.certificate is not None:
            certificate = load_certificate(self.certificate.encode())
            form["client_assertion_type"] = ASSERTION_TYPE
            form["client_assertion"] = certificate.assertion(self.client_id, self.token_url, now=now)
        elif self.client_secret is not None:
            form["client_secret"] = self.client_secret
        return Request(
            method="POST",
            url=self.token_url,
            headers={"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"},
            body=urlencode(form).encode(),
        )


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token. `renew_at` is on the clock that the source was given."""

    value: str = field(repr=False)
    renew_at: float


class _Grant(msgspec.Struct):
    access_token: str
    expires_in: float


def read_token(response: Response, *, now: float) -> Token:
    """The token in an answer. Raises SignInMisconfigured for an answer of something else, and what `expect` raises."""
    try:
        grant = document(expect(response), _Grant)
    except NotDataverse as error:
        raise SignInMisconfigured(
            "The token address does not answer as a sign-in service does.",
            advice="Check tenant and authority, and whether a proxy stands between.",
            status=response.status,
        ) from error
    margin = min(_RENEWAL_MARGIN, grant.expires_in / 2)
    return Token(value=grant.access_token, renew_at=now + grant.expires_in - margin)


class TokenSource:
    """The current token of one sync user, shared by all threads; fetched when first needed and renewed in time."""

    def __init__(
        self,
        credentials: Credentials,
        root: str,
        *,
        send: Callable[[Request], Response],
        monotonic: Callable[[], float],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._credentials = credentials
        self._root = root
        self._send = send
        self._monotonic = monotonic
        self._clock = clock
        self._lock = Lock()
        self._token: Token | None = None

    def token(self, *, refused: Token | None = None) -> Token:
        """A token to use now, a new one where the service has just refused the one given.

        A thread that was refused with a token already replaced by another thread gets the replacement.
        """
        with self._lock:
            now = self._monotonic()
            if self._token is None or self._token is refused or now >= self._token.renew_at:
                request = self._credentials.token_request(self._root, now=self._clock())
                self._token = read_token(self._send(request), now=now)
            return self._token
