"""The token endpoint, and what a bearer token is worth.

Sign-in is where most connections fail, so each documented refusal has its own body here: a client that cannot tell a
wrong secret from an account with a second factor cannot tell its user what to do (reference 1.1-1.3).
"""

import secrets
import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import parse_qs
from uuid import uuid4

from tandem.sandbox.messages import Refused, Response
from tandem.sandbox.query.reading import json_response
from tandem.sandbox.store.organisation import Organisation

LIFETIME = 3_599
"""Seconds an access token lives."""

MFA_USERNAME = "mfa@sandbox.example"
"""An account that demands a second factor: its password alone is never enough."""

STRANGER_CLIENT_ID = "00000000-0000-4000-8000-00000000057a"
"""An application the tenant knows and the organisation does not; it has the sync application's secret."""


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
class _Ticket:
    """Whom a token was given to, and until when it is good."""

    column: str
    principal: str
    expires: datetime


class TokenOffice:
    """Gives out opaque bearer tokens and says whose they are. They live in memory: a restart ends them all."""

    def __init__(self, organisation: Organisation, credentials: Credentials, *, lifetime: int = LIFETIME) -> None:
        self._organisation = organisation
        self._credentials = credentials
        self._lifetime = lifetime
        self._tickets: dict[str, _Ticket] = {}
        self._refresh: dict[str, str] = {}
        self._lock = threading.Lock()

    def answer(self, body: bytes) -> Response:
        """Answer a form post to the token endpoint."""
        form = {name: values[0] for name, values in parse_qs(body.decode("utf-8", "replace")).items()}
        try:
            return self._grant(form)
        except _Failed as failed:
            return self._failure(failed)

    def user_of(self, authorization: str, *, base: str) -> str:
        """The systemuserid behind an Authorization header.

        Raises Refused: 401 for a token that is missing, unknown or expired, 403 for a principal that is no user here.
        """
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise self._unauthorised("0x80044300", "The access token is missing.", base=base)
        with self._lock:
            ticket = self._tickets.get(token.strip())
        if ticket is None:
            raise self._unauthorised("0x80040204", "The access token is not valid for this resource.", base=base)
        if ticket.expires <= self._organisation.clock():
            raise self._unauthorised("0x8004A101", "The access token has expired.", base=base)
        found = self._organisation.connection.execute(
            f"SELECT systemuserid FROM systemuser WHERE {ticket.column} = ?",  # noqa: S608
            (ticket.principal,),
        ).get
        if found is None:
            raise Refused(403, "0x80072560", "The user is not a member of the organization.")
        return str(found)

    def expire_all(self) -> None:
        """End every access token given out so far."""
        with self._lock:
            now = self._organisation.clock()
            self._tickets = {
                token: _Ticket(column=ticket.column, principal=ticket.principal, expires=now)
                for token, ticket in self._tickets.items()
            }

    def _grant(self, form: dict[str, str]) -> Response:
        match form.get("grant_type"):
            case "client_credentials":
                self._check_client(form)
                if not form.get("scope", "").endswith("/.default"):
                    raise _Failed(400, "invalid_scope", 1002012, "The provided value for scope is not valid.")
                return self._issue("applicationid", form["client_id"])
            case "password":
                self._check_client(form)
                self._check_password(form)
                return self._issue("domainname", form["username"], scope=form.get("scope", ""))
            case "refresh_token":
                self._check_client(form)
                username = self._refresh.get(form.get("refresh_token", ""))
                if username is None:
                    raise _Failed(400, "invalid_grant", 70000, "The provided refresh token is not valid.")
                return self._issue("domainname", username, scope=form.get("scope", "offline_access"))
            case None:
                raise _Failed(400, "invalid_request", 900144, "The request body must contain 'grant_type'.")
            case other:
                raise _Failed(400, "unsupported_grant_type", 70003, f"The grant type '{other}' is not supported.")

    def _check_client(self, form: dict[str, str]) -> None:
        known = (self._credentials.client_id, STRANGER_CLIENT_ID)
        if form.get("client_id", "").lower() not in known:
            raise _Failed(400, "unauthorized_client", 700016, "The application was not found in the directory.")
        secret = form.get("client_secret")
        if secret is None:
            raise _Failed(401, "invalid_client", 7000218, "The request body must contain 'client_secret'.")
        if not secrets.compare_digest(secret.encode(), self._credentials.client_secret.encode()):
            raise _Failed(401, "invalid_client", 7000215, "Invalid client secret provided.")

    def _check_password(self, form: dict[str, str]) -> None:
        if form.get("username", "").lower() == MFA_USERNAME:
            raise _Failed(
                400,
                "invalid_grant",
                50076,
                "Due to a configuration change made by your administrator, or because you moved to a new location,"
                " you must use multi-factor authentication to access the resource.",
            )
        known = form.get("username", "").lower() == self._credentials.username.lower()
        password = form.get("password", "")
        if not known or not secrets.compare_digest(password.encode(), self._credentials.password.encode()):
            raise _Failed(
                400, "invalid_grant", 50126, "Error validating credentials due to invalid username or password."
            )

    def _issue(self, column: str, principal: str, *, scope: str | None = None) -> Response:
        token = secrets.token_urlsafe(48)
        expires = self._organisation.clock() + timedelta(seconds=self._lifetime)
        content: dict[str, object] = {
            "token_type": "Bearer",
            "expires_in": self._lifetime,
            "ext_expires_in": self._lifetime,
            "access_token": token,
        }
        with self._lock:
            self._tickets[token] = _Ticket(column=column, principal=principal.lower(), expires=expires)
            if scope is not None:
                content["scope"] = scope
                if "offline_access" in scope.split():
                    content["refresh_token"] = secrets.token_urlsafe(48)
                    self._refresh[str(content["refresh_token"])] = principal.lower()
        return json_response(content, headers={"Content-Type": "application/json; charset=utf-8"})

    def _failure(self, failed: "_Failed") -> Response:
        content = {
            "error": failed.error,
            "error_description": f"AADSTS{failed.number}: {failed.description}",
            "error_codes": [failed.number],
            "timestamp": self._organisation.clock().strftime("%Y-%m-%d %H:%M:%SZ"),
            "trace_id": str(uuid4()),
            "correlation_id": str(uuid4()),
        }
        return json_response(content, status=failed.status, headers={"Content-Type": "application/json; charset=utf-8"})

    def _unauthorised(self, code: str, message: str, *, base: str) -> Refused:
        authority = f"{base.partition('/api/')[0]}/{self._credentials.tenant}/oauth2/authorize"
        challenge = f"Bearer authorization_uri={authority}, resource_id={base.partition('/api/')[0]}/"
        return Refused(401, code, message, headers={"WWW-Authenticate": challenge})


class _Failed(Exception):
    """A sign-in refused. Numbers and the 400/401 split are unconfirmed beyond `invalid_grant` (reference 1.1)."""

    def __init__(self, status: int, error: str, number: int, description: str) -> None:
        super().__init__(description)
        self.status = status
        self.error = error
        self.number = number
        self.description = description
