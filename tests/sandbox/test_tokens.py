"""Signing in: both grants, their refusals, and what a token is worth."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from tandem.sandbox.messages import Refused
from tandem.sandbox.service.tokens import LIFETIME, MFA_USERNAME, STRANGER_CLIENT_ID, TokenOffice, read_credentials
from tandem.sandbox.store.organisation import Organisation

BASE = "http://127.0.0.1:1234/api/data/v9.2"
NOW = datetime(2025, 3, 4, 5, 6, 7, tzinfo=UTC)
SCOPE = "http://127.0.0.1:1234/.default"


@pytest.fixture
def office(organisation: Organisation) -> TokenOffice:
    """A token office whose clock stands still."""
    organisation.clock = lambda: NOW
    return TokenOffice(organisation, read_credentials(organisation))


def application(organisation: Organisation, **changes: str | None) -> dict[str, str]:
    """The form of client credentials, changed; None leaves a field out."""
    credentials = read_credentials(organisation)
    form = {
        "grant_type": "client_credentials",
        "client_id": credentials.client_id,
        "client_secret": credentials.client_secret,
        "scope": SCOPE,
        **changes,
    }
    return {name: value for name, value in form.items() if value is not None}


def password(organisation: Organisation, **changes: str | None) -> dict[str, str]:
    """The form of the password grant, changed."""
    credentials = read_credentials(organisation)
    given = {"grant_type": "password", "username": credentials.username, "password": credentials.password}
    return application(organisation, **{**given, **changes})


def sign_in(office: TokenOffice, form: dict[str, str]) -> tuple[int, Any]:
    """The status and body of a sign-in."""
    response = office.answer(urlencode(form).encode())
    return response.status, json.loads(response.body)


def test_an_application_gets_a_token_of_the_sync_user(organisation, office) -> None:
    """The four documented members and no refresh token (reference 1.1)."""
    status, body = sign_in(office, application(organisation))

    assert (200, {"token_type", "expires_in", "ext_expires_in", "access_token"}) == (status, set(body))
    assert organisation.user_id == office.user_of(f"Bearer {body['access_token']}", base=BASE)


def test_a_password_gets_a_refresh_token_only_with_offline_access(organisation, office) -> None:
    """And the refresh token then gives another token for the same user (reference 1.2)."""
    _, plain = sign_in(office, password(organisation))
    _, offline = sign_in(office, password(organisation, scope=f"{SCOPE} offline_access"))
    form = application(organisation, grant_type="refresh_token", refresh_token=offline["refresh_token"])
    _, renewed = sign_in(office, form)

    assert ("refresh_token" in plain, "refresh_token" in offline) == (False, True)
    assert organisation.user_id == office.user_of(f"Bearer {renewed['access_token']}", base=BASE)


REFUSALS: dict[str, tuple[dict[str, str | None], tuple[int, str]]] = {
    "a wrong secret": ({"client_secret": "wrong"}, (401, "invalid_client")),
    "no secret": ({"client_secret": None}, (401, "invalid_client")),
    "an unknown application": ({"client_id": "nobody"}, (400, "unauthorized_client")),
    "another scope": ({"scope": "openid"}, (400, "invalid_scope")),
    "no grant type": ({"grant_type": None}, (400, "invalid_request")),
    "an unknown grant type": ({"grant_type": "magic"}, (400, "unsupported_grant_type")),
    "a wrong password": (
        {"grant_type": "password", "username": "sync@sandbox.example", "password": "wrong"},
        (400, "invalid_grant"),
    ),
    "an unknown user": (
        {"grant_type": "password", "username": "nobody", "password": "x"},
        (400, "invalid_grant"),
    ),
    "an account with a second factor": (
        {"grant_type": "password", "username": MFA_USERNAME, "password": "x"},
        (400, "invalid_grant"),
    ),
    "a refresh token nobody gave": (
        {"grant_type": "refresh_token", "refresh_token": "x"},
        (400, "invalid_grant"),
    ),
}


@pytest.mark.parametrize(("changes", "expected"), REFUSALS.values(), ids=REFUSALS)
def test_a_refused_sign_in_says_why(organisation, office, changes, expected: tuple[int, str]) -> None:
    """The error, its AADSTS number and the ids that support asks for (reference 1.1)."""
    status, body = sign_in(office, application(organisation, **changes))

    assert expected == (status, body["error"])
    assert body["error_description"].startswith(f"AADSTS{body['error_codes'][0]}: ")
    assert {"timestamp", "trace_id", "correlation_id"} < set(body)


def test_a_second_factor_is_told_from_a_wrong_password(organisation, office) -> None:
    """Both are `invalid_grant`; the description tells them apart (reference 1.2)."""
    _, body = sign_in(office, password(organisation, username=MFA_USERNAME))

    assert "multi-factor authentication" in body["error_description"]


def refusal(office: TokenOffice, authorization: str) -> Refused:
    with pytest.raises(Refused) as caught:
        office.user_of(authorization, base=BASE)
    return caught.value


@pytest.mark.parametrize(
    ("authorization", "code"),
    [("", "0x80044300"), ("Basic eA==", "0x80044300"), ("Bearer nonsense", "0x80040204")],
    ids=["no header", "another scheme", "a foreign token"],
)
def test_a_request_without_a_good_token_is_401(office, authorization: str, code: str) -> None:
    """With a challenge that names the authority (reference 1.3)."""
    refused = refusal(office, authorization)

    assert (401, code) == (refused.status, refused.code)
    assert "authorization_uri=http://127.0.0.1:1234/" in refused.headers["WWW-Authenticate"]


def test_a_token_expires(organisation, office) -> None:
    """Good until `expires_in` seconds have passed, and not a moment longer."""
    _, body = sign_in(office, application(organisation))
    bearer = f"Bearer {body['access_token']}"
    organisation.clock = lambda: NOW + timedelta(seconds=LIFETIME - 1)
    still = office.user_of(bearer, base=BASE)
    organisation.clock = lambda: NOW + timedelta(seconds=LIFETIME)

    assert organisation.user_id == still
    assert (401, "0x8004A101") == (refusal(office, bearer).status, refusal(office, bearer).code)


def test_all_tokens_can_be_ended(organisation, office) -> None:
    """As an administrator's revocation does; a new sign-in works."""
    _, before = sign_in(office, application(organisation))
    office.expire_all()
    _, after = sign_in(office, application(organisation))

    assert "0x8004A101" == refusal(office, f"Bearer {before['access_token']}").code
    assert organisation.user_id == office.user_of(f"Bearer {after['access_token']}", base=BASE)


def test_an_application_without_a_user_here_is_403(organisation, office) -> None:
    """The tenant knows it, the organisation does not (reference 1.3)."""
    _, body = sign_in(office, application(organisation, client_id=STRANGER_CLIENT_ID))
    refused = refusal(office, f"Bearer {body['access_token']}")

    assert (403, "0x80072560") == (refused.status, refused.code)


def test_credentials_stay_the_same_and_hide_their_secrets(organisation) -> None:
    """They are made once, and a log of them shows neither secret nor password."""
    credentials = read_credentials(organisation)

    assert credentials == read_credentials(organisation)
    assert credentials.client_secret not in repr(credentials)
    assert credentials.password not in repr(credentials)
