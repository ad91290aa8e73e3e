"""The grants of the token endpoint: who signs in, how it proves that, and what for.

Sign-in is where most connections fail, so each documented refusal has its own answer here (reference 1.1, 1.2). The
numbers of refusals, and all that is said of the older endpoint (`/oauth2/token`), are [k]: not told by the reference.
"""

import secrets
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote_plus

from tandem.sandbox.service.assertions import ASSERTION_TYPE, check_assertion
from tandem.sandbox.service.id_tokens import IdTokens
from tandem.sandbox.service.refusals import SignInRefused
from tandem.sandbox.service.tokens import Credentials, Principal, TokenOffice
from tandem.sandbox.store.organisation import Organisation

MFA_USERNAME = "mfa@sandbox.example"
"""An account that demands a second factor: its password alone is never enough."""

STRANGER_CLIENT_ID = "00000000-0000-4000-8000-00000000057a"
"""An application the tenant knows and the organisation does not; it has the sync application's secret."""

PUBLIC_CLIENT_ID = "51f81489-12ee-4a9e-aaae-a2591f45987d"
"""A public application, which has no secret: the one that Microsoft's samples for Dataverse name. [k]"""

SHARED_TENANTS = ("common", "organizations", "consumers")
"""Names in a tenant's place in a URL that stand for any tenant."""

_OPENID = ("openid", "profile", "email", "offline_access")
"""Scopes that ask for something else than a resource."""

Form = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A token endpoint: `tenant` as it stands in the URL, `version` 1 asks for a resource and 2 for scopes."""

    root: str
    tenant: str
    version: int

    @property
    def url(self) -> str:
        """Its address."""
        return f"{self.root}/{self.tenant}/oauth2{'/v2.0' if self.version == 2 else ''}/token"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wish:
    """What a token is asked for: the organisation's address, and the scopes as they were given."""

    resource: str
    scopes: tuple[str, ...]
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Renewal:
    """What a refresh token is good for, and for which application."""

    client_id: str
    principal: Principal
    wish: _Wish


class SignIn:
    """Answers the grants with tokens of the office."""

    def __init__(self, organisation: Organisation, credentials: Credentials, office: TokenOffice) -> None:
        self._organisation = organisation
        self._credentials = credentials
        self._office = office
        self._renewals: dict[str, _Renewal] = {}
        self.id_tokens = IdTokens()

    def grant(self, form: Form, endpoint: Endpoint, *, authorization: str = "") -> dict[str, object]:
        """The content of the answer that carries the token. Raises SignInRefused."""
        match form.get("grant_type"):
            case "client_credentials":
                return self._to_application(form, endpoint, authorization)
            case "password":
                return self._to_user(form, endpoint, authorization)
            case "refresh_token":
                return self._again(form, endpoint, authorization)
            case None:
                raise _missing("grant_type")
            case other:
                raise SignInRefused(
                    400, "unsupported_grant_type", 70003, f"The app requested an unsupported grant type '{other}'."
                )

    def _to_application(self, form: Form, endpoint: Endpoint, authorization: str) -> dict[str, object]:
        """No refresh token: the application asks again (reference 1.1)."""
        if endpoint.tenant in SHARED_TENANTS:
            raise SignInRefused(
                400,
                "invalid_request",
                50059,
                "No tenant-identifying information found in either the request or implied by any provided credentials.",
            )
        client_id = self._client(form, endpoint, authorization, confidential=True)
        wish = _wish(form, endpoint.version)
        if endpoint.version == 2 and wish.scopes != (f"{wish.resource}/.default",):
            raise SignInRefused(
                400,
                "invalid_scope",
                1002012,
                f"The provided value for scope {form['scope']} is not valid. Client credential flows must have a scope"
                " value with /.default suffixed to the resource identifier (application ID URI).",
            )
        return self._issued(Principal(column="applicationid", value=client_id), wish)

    def _to_user(self, form: Form, endpoint: Endpoint, authorization: str) -> dict[str, object]:
        if endpoint.tenant in ("common", "consumers"):
            raise SignInRefused(
                400,
                "invalid_request",
                9001023,
                "The grant type is not supported over the /common or /consumers endpoints. Please use the"
                " /organizations or tenant-specific endpoint.",
            )
        client_id = self._client(form, endpoint, authorization)
        wish = _wish(form, endpoint.version)
        username = self._user(form)
        principal = Principal(column="domainname", value=username)
        return self._renewable(_Renewal(client_id=client_id, principal=principal, wish=wish), endpoint)

    def _again(self, form: Form, endpoint: Endpoint, authorization: str) -> dict[str, object]:
        client_id = self._client(form, endpoint, authorization)
        if "refresh_token" not in form:
            raise _missing("refresh_token")
        renewal = self._renewals.get(form["refresh_token"])
        if renewal is None or renewal.client_id != client_id:
            raise SignInRefused(400, "invalid_grant", 70000, "The provided value for 'refresh_token' is not valid.")
        wish = _wish(form, endpoint.version) if {"scope", "resource"} & form.keys() else renewal.wish
        return self._renewable(_Renewal(client_id=client_id, principal=renewal.principal, wish=wish), endpoint)

    def _client(self, form: Form, endpoint: Endpoint, authorization: str, *, confidential: bool = False) -> str:
        """The application that asks, when it has proved itself: by a secret, in the form or by HTTP Basic [k], or by
        an assertion. A public one must not, and may not do what only a `confidential` one can."""
        form = {**form, **_basic(authorization)}
        client_id = form.get("client_id", "").lower()
        if not client_id:
            raise _missing("client_id")
        if client_id not in (self._credentials.client_id, STRANGER_CLIENT_ID, PUBLIC_CLIENT_ID):
            raise SignInRefused(
                400, "unauthorized_client", 700016, f"Application with identifier '{client_id}' was not found."
            )
        secret, assertion = form.get("client_secret"), form.get("client_assertion")
        if client_id == PUBLIC_CLIENT_ID and (secret or assertion):
            raise SignInRefused(
                401,
                "invalid_client",
                700025,
                "Client is public so neither 'client_assertion' nor 'client_secret' should be presented.",
            )
        if client_id == PUBLIC_CLIENT_ID and not confidential:
            return client_id
        if assertion:
            self._check_assertion(form, endpoint, client_id, assertion)
        elif not secret:
            raise SignInRefused(
                401,
                "invalid_client",
                7000218,
                "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
            )
        elif not secrets.compare_digest(secret.encode(), self._credentials.client_secret.encode()):
            raise SignInRefused(401, "invalid_client", 7000215, "Invalid client secret provided.")
        return client_id

    def _check_assertion(self, form: Form, endpoint: Endpoint, client_id: str, assertion: str) -> None:
        if form.get("client_assertion_type") != ASSERTION_TYPE:
            raise _missing("client_assertion_type")
        check_assertion(self._organisation, assertion, client_id=client_id, audiences=(endpoint.url,))

    def _user(self, form: Form) -> str:
        for name in ("username", "password"):
            if not form.get(name):
                raise _missing(name)
        username = form["username"].lower()
        if username == MFA_USERNAME:
            raise SignInRefused(
                400,
                "invalid_grant",
                50076,
                "Due to a configuration change made by your administrator, or because you moved to a new location,"
                " you must use multi-factor authentication to access the resource.",
            )
        known = username == self._credentials.username.lower()
        if not secrets.compare_digest(form["password"].encode(), self._credentials.password.encode()) or not known:
            raise SignInRefused(
                400, "invalid_grant", 50126, "Error validating credentials due to invalid username or password."
            )
        return username

    def _renewable(self, renewal: _Renewal, endpoint: Endpoint) -> dict[str, object]:
        """A user's token, with what else its scopes ask for; version 1 always gives a refresh token. [k]"""
        wish = renewal.wish
        content = self._issued(renewal.principal, wish)
        content["scope"] = "user_impersonation" if wish.version == 1 else " ".join(wish.scopes)
        if wish.version == 1 or "offline_access" in wish.scopes:
            content["refresh_token"] = secrets.token_urlsafe(48)
            self._renewals[str(content["refresh_token"])] = renewal
        if "openid" in wish.scopes:
            content["id_token"] = self._id_token(renewal, endpoint)
        return content

    def _issued(self, principal: Principal, wish: _Wish) -> dict[str, object]:
        token, lifetime = self._office.issue(principal, wish.resource), self._office.lifetime
        if wish.version == 2:
            times: dict[str, object] = {"expires_in": lifetime, "ext_expires_in": lifetime}
        else:
            now = int(self._organisation.clock().timestamp())
            seconds = {"expires_in": lifetime, "ext_expires_in": lifetime}
            times = {name: str(value) for name, value in {**seconds, "expires_on": now + lifetime}.items()}
            times |= {"not_before": str(now), "resource": wish.resource}
        return {"token_type": "Bearer", **times, "access_token": token}

    def _id_token(self, renewal: _Renewal, endpoint: Endpoint) -> str:
        now, tenant = int(self._organisation.clock().timestamp()), self._credentials.tenant
        user = self._organisation.get("systemuser", self._organisation.user_id) or {}
        identity = user["azureactivedirectoryobjectid"]
        return self.id_tokens.issue(
            {
                "aud": renewal.client_id,
                "iss": f"{endpoint.root}/{tenant}/v2.0",
                "iat": now,
                "nbf": now,
                "exp": now + self._office.lifetime,
                "name": user["fullname"],
                "preferred_username": renewal.principal.value,
                "oid": identity,
                "sub": identity,
                "tid": tenant,
                "ver": "2.0",
            }
        )


def _wish(form: Form, version: int) -> _Wish:
    """What is asked for. Raises SignInRefused, `invalid_scope` unless the scopes name one resource."""
    if version == 1:
        if not form.get("resource"):
            raise _missing("resource")
        return _Wish(resource=form["resource"].rstrip("/"), scopes=tuple(form.get("scope", "").split()), version=1)
    if not form.get("scope"):
        raise _missing("scope")
    scopes = tuple(form["scope"].split())
    named = [scope.rpartition("/") for scope in scopes if scope not in _OPENID]
    if len(named) != 1 or named[0][2] not in (".default", "user_impersonation") or not named[0][0]:
        raise SignInRefused(
            400,
            "invalid_scope",
            70011,
            "The provided request must include a 'scope' input parameter. The provided value for the input parameter"
            f" 'scope' is not valid. The scope {form['scope']} is not valid.",
        )
    return _Wish(resource=named[0][0], scopes=scopes, version=2)


def _basic(authorization: str) -> Form:
    """Client id and secret of an HTTP Basic header, as RFC 6749 packs them; nothing of any other header."""
    scheme, _, packed = authorization.partition(" ")
    if scheme.lower() != "basic":
        return {}
    try:
        client_id, _, secret = b64decode(packed).decode().partition(":")
    except ValueError:
        raise SignInRefused(401, "invalid_client", 7000216, "The Authorization header is malformed.") from None
    return {"client_id": unquote_plus(client_id), "client_secret": unquote_plus(secret)}


def _missing(name: str) -> SignInRefused:
    return SignInRefused(
        400, "invalid_request", 900144, f"The request body must contain the following parameter: '{name}'."
    )
