"""What a bearer token is worth: whose it is, for which organisation, and until when.

A token that is good for ever, or anywhere, hides from its client the 401 that every long run meets (reference 1.3).
"""

import secrets
import threading
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import uuid4

from tandem.sandbox.messages import Refused
from tandem.sandbox.store.organisation import Organisation

LIFETIME = 3_599
"""Seconds an access token lives."""

DATAVERSE = "00000007-0000-0000-c000-000000000000"
"""The id of Dataverse itself, by which a token can be asked for in place of the organisation's address. [k]"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """How the sync user signs in, as an application or by password."""

    tenant: str
    client_id: str
    client_secret: str = field(repr=False)
    username: str
    password: str = field(repr=False)


def read_credentials(organisation: Organisation) -> Credentials:
    """The organisation's credentials, made the first time and kept with it."""
    with organisation.transaction():
        for name in ("tenant", "client_secret", "password"):
            if organisation.setting(name) is None:
                organisation.set_setting(name, str(uuid4()) if name == "tenant" else secrets.token_urlsafe(24))
    user = organisation.get("systemuser", organisation.user_id) or {}
    return Credentials(
        tenant=str(organisation.setting("tenant")),
        client_id=str(user["applicationid"]),
        client_secret=str(organisation.setting("client_secret")),
        username=str(user["domainname"]),
        password=str(organisation.setting("password")),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who signed in: the column of systemuser that names it, and its value there."""

    column: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ticket:
    """Whom a token was given to, what it is for and until when it is good."""

    principal: Principal
    resource: str
    expires: datetime


class TokenOffice:
    """Gives out opaque bearer tokens and says whose they are. They live in memory: a restart ends them all."""

    def __init__(self, organisation: Organisation, credentials: Credentials, *, lifetime: int = LIFETIME) -> None:
        self._organisation = organisation
        self._tenant = credentials.tenant
        self.lifetime = lifetime
        self._tickets: dict[str, _Ticket] = {}
        self._lock = threading.Lock()

    def issue(self, principal: Principal, resource: str) -> str:
        """A new token of the principal for the organisation at that address."""
        token = secrets.token_urlsafe(48)
        expires = self._organisation.clock() + timedelta(seconds=self.lifetime)
        with self._lock:
            self._tickets[token] = _Ticket(principal=principal, resource=resource, expires=expires)
        return token

    def user_of(self, authorization: str, *, base: str) -> str:
        """The systemuserid behind an Authorization header.

        Raises Refused: 401 for a token that is missing, unknown, expired or for another organisation, 403 for a
        principal that is no user here.
        """
        scheme, _, token = authorization.partition(" ")
        root = base.partition("/api/")[0]
        if scheme.lower() != "bearer" or not token:
            raise self._unauthorised("0x80044300", "The access token is missing.", root)
        ticket = self._tickets.get(token.strip())
        if ticket is None or not _is_for(ticket.resource, root):
            raise self._unauthorised("0x80040204", "The access token is not valid for this resource.", root)
        if ticket.expires <= self._organisation.clock():
            raise self._unauthorised("0x8004A101", "The access token has expired.", root)
        found = self._organisation.connection.execute(
            f"SELECT systemuserid FROM systemuser WHERE {ticket.principal.column} = ?",  # noqa: S608
            (ticket.principal.value,),
        ).get
        if found is None:
            raise Refused(403, "0x80072560", "The user is not a member of the organization.")
        return str(found)

    def expire_all(self) -> None:
        """End every access token given out so far."""
        with self._lock:
            now = self._organisation.clock()
            self._tickets = {token: replace(ticket, expires=now) for token, ticket in self._tickets.items()}

    def _unauthorised(self, code: str, message: str, root: str) -> Refused:
        """401 with a challenge that names the authority; its details are unconfirmed (reference 1.3)."""
        challenge = f"Bearer authorization_uri={root}/{self._tenant}/oauth2/authorize, resource_id={root}/"
        return Refused(401, code, message, headers={"WWW-Authenticate": challenge})


def _is_for(resource: str, root: str) -> bool:
    """Whether a token for that resource opens the organisation at `root`."""
    return resource.lower() == DATAVERSE or _host(resource) == _host(root)


def _host(address: str) -> str:
    """The host and a port that must be named; loopback has two names."""
    host = address.partition("://")[2].partition("/")[0].lower().replace("localhost", "127.0.0.1")
    return host.removesuffix(":443").removesuffix(":80")
