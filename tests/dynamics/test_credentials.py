"""Tokens: what is asked, when they are renewed, and that nothing leaks."""

from urllib.parse import parse_qs

import httpx2
import pytest

from tandem.dynamics.client import Dynamics
from tandem.dynamics.credentials import Credentials, TokenSource
from tandem.dynamics.errors import (
    AddressRefused,
    CredentialsIncomplete,
    SignInMisconfigured,
    SignInRefused,
    Unauthorised,
)
from tandem.dynamics.messages import Response

ROOT = "https://contoso.crm.dynamics.com"
NOW = 1_767_225_600.0
TENANT_URL = "https://login.microsoftonline.com/contoso.com/oauth2/v2.0/token"


@pytest.fixture
def version(service, json_answer):
    service.routes["RetrieveVersion()"] = lambda _request: json_answer({"Version": "9.2.1"})


def tokens_asked(service):
    return [request for request in service.seen if request.url.path.endswith("/token")]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"tenant": "contoso.com"}, TENANT_URL),
        (
            {"tenant": "t", "authority": "https://login.microsoftonline.us/"},
            "https://login.microsoftonline.us/t/oauth2/v2.0/token",
        ),
        ({"authority": "http://127.0.0.1:5000/t/oauth2/v2.0/token"}, "http://127.0.0.1:5000/t/oauth2/v2.0/token"),
    ],
)
def test_the_token_url_follows_tenant_and_authority(given, expected):
    """An authority ending in /token is used as it is."""
    assert Credentials("app", "s", **given).token_url == expected


@pytest.mark.parametrize(
    ("credentials", "form"),
    [
        (
            Credentials("app", "s&cret", tenant="t"),
            {"grant_type": ["client_credentials"], "client_secret": ["s&cret"], "scope": [f"{ROOT}/.default"]},
        ),
        (
            Credentials("app", username="ann", password="p w", tenant="t"),
            {
                "grant_type": ["password"],
                "username": ["ann"],
                "password": ["p w"],
                "scope": [f"{ROOT}/user_impersonation"],
            },
        ),
        (
            Credentials("app", "s", username="ann", password="p", tenant="t"),
            {
                "grant_type": ["password"],
                "username": ["ann"],
                "password": ["p"],
                "client_secret": ["s"],
                "scope": [f"{ROOT}/.default"],
            },
        ),
    ],
    ids=["server to server", "user of a public app", "user of a confidential app"],
)
def test_S7_the_form_fits_the_kind_of_sign_in(credentials, form):
    """Reference 1.1 and 1.2."""
    request = credentials.token_request(ROOT, now=NOW)

    assert parse_qs(request.body.decode()) == {"client_id": ["app"], **form}
    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    "credentials",
    [
        Credentials("app", tenant="t"),
        Credentials("app", "s"),
        Credentials("app", username="ann", tenant="t"),
        Credentials("app", username="ann", password="p", tenant="common"),
    ],
    ids=["no secret", "no tenant", "no password", "a password with the common tenant"],
)
def test_S7_incomplete_credentials_are_named_before_anything_is_sent(credentials):
    """Entra's own answer to these would be hard to read."""
    with pytest.raises(CredentialsIncomplete):
        credentials.token_request(ROOT, now=NOW)


def test_S8_a_secret_is_not_posted_in_clear_text():
    """Plain http is for loopback, for the token address too."""
    with pytest.raises(AddressRefused):
        Credentials("app", "s", tenant="t", authority="http://login.example").token_request(ROOT, now=NOW)


def test_secrets_stay_out_of_every_repr():
    """Credentials, the form post and the token show nothing of what they hold."""
    credentials = Credentials("app", "s3cret", username="ann", password="passw0rd", tenant="t")

    shown = repr(credentials) + repr(credentials.token_request(ROOT, now=NOW))

    assert "s3cret" not in shown
    assert "passw0rd" not in shown


@pytest.mark.usefixtures("version")
def test_one_token_serves_until_some_minutes_before_its_end(dynamics, service, clock):
    """A token of an hour is renewed five minutes early."""
    dynamics.version()
    clock.now += 3599 - 301
    dynamics.version()
    before = len(tokens_asked(service))
    clock.now += 2
    dynamics.version()

    assert (before, len(tokens_asked(service))) == (1, 2)
    assert dynamics.requests == 3


@pytest.mark.usefixtures("version")
def test_a_short_lived_token_is_renewed_at_half_its_life(dynamics, service, clock, json_answer):
    """The margin never exceeds the life of the token."""
    service.token_answers = [json_answer({"access_token": "a", "expires_in": 10})]
    dynamics.version()
    clock.now += 4
    dynamics.version()
    before = len(tokens_asked(service))
    clock.now += 1
    dynamics.version()

    assert (before, len(tokens_asked(service))) == (1, 2)


def test_a_401_renews_the_token_once(dynamics, service, json_answer):
    """Reference 1.3: drop the token, fetch once, repeat once."""
    service.token_answers = [json_answer({"access_token": name, "expires_in": 3599}) for name in "ab"]
    service.routes["RetrieveVersion()"] = [httpx2.Response(401), json_answer({"Version": "9.2.1"})]

    assert dynamics.version() == "9.2.1"
    sent = [request.headers["authorization"] for request in service.seen if "authorization" in request.headers]
    assert sent == ["Bearer a", "Bearer b"]


def test_a_second_401_gives_up(dynamics, service):
    """A fresh token that is refused too is a matter for a person."""
    service.routes["RetrieveVersion()"] = [httpx2.Response(401), httpx2.Response(401, html="<html>Sign in</html>")]

    with pytest.raises(Unauthorised):
        dynamics.version()

    assert len(tokens_asked(service)) == 2


def test_S7_a_refused_sign_in_is_not_repeated(dynamics, service, json_answer):
    """Repeating a wrong password locks the account."""
    service.token_answers = [json_answer({"error": "invalid_grant", "error_codes": [50076]}, 400)]

    with pytest.raises(SignInRefused, match="multi-factor"):
        dynamics.version()

    assert len(service.seen) == 1
    assert dynamics.requests == 0


def test_a_sign_in_service_out_of_order_is_asked_again(dynamics, service, json_answer, clock):
    """A 503 of the token endpoint is as temporary as one of the organisation."""
    service.token_answers = [httpx2.Response(503), json_answer({"access_token": "a", "expires_in": 3599})]
    service.routes["RetrieveVersion()"] = json_answer({"Version": "9.2.1"})

    assert dynamics.version() == "9.2.1"
    assert clock.slept == [1.0]


def test_a_token_address_that_answers_something_else_is_named(dynamics, service):
    """A web page instead of a token."""
    service.token_answers = [httpx2.Response(200, html="<html>Welcome</html>")]

    with pytest.raises(SignInMisconfigured, match="token address"):
        dynamics.version()


def test_nothing_secret_is_logged(dynamics, service, json_answer, caplog):
    """A log line holds method, path without query, status, time and request id; never a token, secret or body."""
    caplog.set_level("DEBUG", logger="tandem.dynamics")
    service.routes["privileges?$select=name,privilegeid"] = json_answer({"value": []})
    service.routes["systemusers(u)/Microsoft.Dynamics.CRM.RetrieveUserPrivileges()"] = json_answer(
        {"RolePrivileges": [{"Depth": "Basic", "PrivilegeId": "p1"}]}
    )

    dynamics.privileges("u")

    lines = [record.getMessage() for record in caplog.records if record.name == "tandem.dynamics"]
    request_ids = [request.headers.get("x-ms-client-request-id") for request in service.seen]
    assert lines == [
        f"GET /systemusers(u)/Microsoft.Dynamics.CRM.RetrieveUserPrivileges() 200 0 ms {request_ids[1]}",
        f"GET /privileges 200 0 ms {request_ids[2]}",
    ]
    assert "eyJ" not in caplog.text
    assert "s3cret" not in caplog.text


def test_a_client_is_made_without_a_request(service, credentials):
    """Nothing is sent before something is asked."""
    with Dynamics(ROOT, credentials, transport=httpx2.MockTransport(service)):
        pass

    assert service.seen == []


def test_threads_refused_together_renew_once(service, credentials, clock, json_answer):
    """The second thread gets what the first has fetched."""
    service.token_answers = [json_answer({"access_token": name, "expires_in": 3599}) for name in "ab"]

    def send(request):
        answer = service(httpx2.Request(request.method, request.url))
        return Response(status=answer.status_code, body=answer.content)

    source = TokenSource(credentials, ROOT, send=send, monotonic=clock.monotonic)
    old = source.token()

    renewed = [source.token(refused=old).value for _ in range(2)]

    assert renewed == ["b", "b"]
    assert len(tokens_asked(service)) == 2
