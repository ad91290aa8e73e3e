"""Signing in: grants, proofs, their refusals, what libraries ask the authority, and what a token is worth."""

import json
from base64 import b64encode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote_plus, urlencode

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from tandem.sandbox.door.control import control
from tandem.sandbox.door.levers import Levers
from tandem.sandbox.messages import Refused, Request, Response
from tandem.sandbox.service.assertions import ASSERTION_TYPE, register_certificate
from tandem.sandbox.service.authority import Authority
from tandem.sandbox.service.faults import Faults
from tandem.sandbox.service.protection import Protection
from tandem.sandbox.service.sign_in import MFA_USERNAME, PUBLIC_CLIENT_ID, STRANGER_CLIENT_ID, SignIn
from tandem.sandbox.service.tokens import DATAVERSE, LIFETIME, Credentials, TokenOffice, read_credentials
from tandem.sandbox.store.organisation import Organisation

ROOT = "http://127.0.0.1:1234"
BASE = f"{ROOT}/api/data/v9.2"
NOW = datetime(2025, 3, 4, 5, 6, 7, tzinfo=UTC)
SCOPE = f"{ROOT}/.default"
SECOND = "oauth2/v2.0/token"
FIRST = "oauth2/token"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entra:
    """The authority of an organisation whose clock stands still, and the forms that its credentials fill."""

    organisation: Organisation
    credentials: Credentials
    office: TokenOffice
    authority: Authority

    def ask(self, path: str, *, method: str = "GET", query: str = "") -> tuple[int, Any]:
        """Status and body of a request to the authority."""
        response = self.authority.answer(Request(method=method, path=path, query=query, base=ROOT))
        assert response is not None
        return response.status, json.loads(response.body)

    def post(
        self, form: Mapping[str, str | None], *, tenant: str | None = None, endpoint: str = SECOND, basic: str = ""
    ) -> tuple[int, Any]:
        """Status and body of a sign-in; None leaves a field of the form out."""
        given = {name: value for name, value in form.items() if value is not None}
        request = Request(
            method="POST",
            path=f"/{tenant or self.credentials.tenant}/{endpoint}",
            headers={"authorization": f"Basic {basic}"} if basic else {},
            body=urlencode(given).encode(),
            base=ROOT,
        )
        response = self.authority.answer(request)
        assert response is not None
        assert "no-store" in response.headers["Cache-Control"]
        return response.status, json.loads(response.body)

    def application(self, **changes: str | None) -> dict[str, str | None]:
        """The form of client credentials, changed."""
        return {
            "grant_type": "client_credentials",
            "client_id": self.credentials.client_id,
            "client_secret": self.credentials.client_secret,
            "scope": SCOPE,
            **changes,
        }

    def password(self, **changes: str | None) -> dict[str, str | None]:
        """The form of the password grant, changed."""
        user = {"username": self.credentials.username, "password": self.credentials.password}
        return self.application(**{"grant_type": "password", **user, **changes})

    def user_of(self, body: Mapping[str, str], *, base: str = BASE) -> str:
        """Whose token an answer of the authority carries."""
        return self.office.user_of(f"Bearer {body['access_token']}", base=base)


@pytest.fixture
def entra(organisation: Organisation) -> Entra:
    """The authority of a new organisation."""
    organisation.clock = lambda: NOW
    credentials = read_credentials(organisation)
    office = TokenOffice(organisation, credentials)
    sign_in = SignIn(organisation, credentials, office)
    return Entra(
        organisation=organisation,
        credentials=credentials,
        office=office,
        authority=Authority(organisation, credentials, sign_in),
    )


# Grants


def test_an_application_gets_a_token_of_the_sync_user(entra: Entra) -> None:
    """The four documented members and no refresh token (reference 1.1)."""
    status, body = entra.post(entra.application())

    assert (200, {"token_type", "expires_in", "ext_expires_in", "access_token"}) == (status, set(body))
    assert (LIFETIME, entra.organisation.user_id) == (body["expires_in"], entra.user_of(body))


def test_the_older_endpoint_asks_for_a_resource_and_answers_in_text(entra: Entra) -> None:
    """All numbers are text there, and the end is told as a moment."""
    status, body = entra.post(entra.application(scope=None, resource=f"{ROOT}/"), endpoint=FIRST)
    moment = int(NOW.timestamp())

    assert (200, entra.organisation.user_id) == (status, entra.user_of(body))
    assert (str(LIFETIME), str(moment), str(moment + LIFETIME), ROOT) == (
        body["expires_in"],
        body["not_before"],
        body["expires_on"],
        body["resource"],
    )


@pytest.mark.parametrize("endpoint", [FIRST, SECOND])
def test_the_tenant_goes_by_its_id_and_its_domain(entra: Entra, endpoint: str) -> None:
    """In any case; another tenant is not found."""
    form = entra.application(resource=ROOT)
    names = (entra.credentials.tenant.upper(), "sandbox.example", "contoso.example")
    answers = [entra.post(form, tenant=name, endpoint=endpoint) for name in names]

    assert [200, 200, 400] == [status for status, _ in answers]
    assert ("invalid_request", [90002]) == (answers[2][1]["error"], answers[2][1]["error_codes"])


@pytest.mark.parametrize(
    ("grant", "tenant", "expected"),
    [
        ("application", "common", (400, 50059)),
        ("application", "organizations", (400, 50059)),
        ("password", "common", (400, 9001023)),
        ("password", "consumers", (400, 9001023)),
        ("password", "organizations", (200, None)),
    ],
)
def test_a_name_for_any_tenant_does_only_for_passwords_of_organizations(
    entra: Entra, grant: str, tenant: str, expected: tuple[int, int | None]
) -> None:
    """`common` and `consumers` are rejected (reference 1.2), and an application needs a real tenant (1.1)."""
    status, body = entra.post(getattr(entra, grant)(), tenant=tenant)

    assert expected == (status, body.get("error_codes", [None])[0])


def test_a_password_gets_a_refresh_token_only_with_offline_access(entra: Entra) -> None:
    """And the refresh token then gives another token for the same user, and another refresh token (reference 1.2)."""
    _, plain = entra.post(entra.password())
    _, offline = entra.post(entra.password(scope=f"{SCOPE} offline_access"))
    form = entra.application(grant_type="refresh_token", refresh_token=offline["refresh_token"], scope=None)
    _, renewed = entra.post(form)

    assert ("refresh_token" in plain, SCOPE) == (False, plain["scope"])
    assert entra.organisation.user_id == entra.user_of(renewed)
    assert renewed["access_token"] != offline["access_token"]
    assert renewed["refresh_token"] != offline["refresh_token"]


def test_a_refresh_token_outlives_access_tokens_and_can_ask_for_less(entra: Entra) -> None:
    """That is what it is for."""
    _, offline = entra.post(entra.password(scope=f"{SCOPE} offline_access"))
    entra.office.expire_all()
    form = entra.application(grant_type="refresh_token", refresh_token=offline["refresh_token"])
    _, renewed = entra.post(form)

    assert (entra.organisation.user_id, SCOPE) == (entra.user_of(renewed), renewed["scope"])
    assert "refresh_token" not in renewed


def test_an_id_token_comes_only_with_openid_and_can_be_verified(entra: Entra) -> None:
    """With the key that the authority publishes; it is for the application that asked (reference 1.2)."""
    _, plain = entra.post(entra.password())
    _, body = entra.post(entra.password(scope=f"{SCOPE} openid profile"))
    _, published = entra.ask(f"/{entra.credentials.tenant}/discovery/v2.0/keys")
    header, claims = (json.loads(unpacked(part)) for part in body["id_token"].split(".")[:2])
    (key,) = (each for each in published["keys"] if each["kid"] == header["kid"])
    numbers = (int.from_bytes(unpacked(key[name])) for name in ("e", "n"))
    signed, _, signature = body["id_token"].rpartition(".")
    rsa.RSAPublicNumbers(*numbers).public_key().verify(
        unpacked(signature), signed.encode(), padding.PKCS1v15(), hashes.SHA256()
    )

    assert "id_token" not in plain
    assert (entra.credentials.client_id, entra.credentials.username) == (claims["aud"], claims["preferred_username"])
    assert f"{ROOT}/{entra.credentials.tenant}/v2.0" == claims["iss"]
    assert (NOW.timestamp(), NOW.timestamp() + LIFETIME) == (claims["iat"], claims["exp"])


def test_a_public_application_signs_users_in_without_a_secret(entra: Entra) -> None:
    """It must not send one, and cannot sign in by itself (reference 1.2)."""
    public: dict[str, str | None] = {"client_id": PUBLIC_CLIENT_ID, "client_secret": None}
    _, body = entra.post(entra.password(**{**public, "scope": f"{ROOT}/user_impersonation"}))
    refusals = [
        entra.post(entra.password(client_id=PUBLIC_CLIENT_ID)),
        entra.post(entra.application(**public)),
    ]

    assert entra.organisation.user_id == entra.user_of(body)
    assert [(401, [700025]), (401, [7000218])] == [(status, told["error_codes"]) for status, told in refusals]


REFUSALS: dict[str, tuple[dict[str, str | None], tuple[int, str]]] = {
    "a wrong secret": ({"client_secret": "wrong"}, (401, "invalid_client")),
    "no secret": ({"client_secret": None}, (401, "invalid_client")),
    "no application": ({"client_id": None}, (400, "invalid_request")),
    "an unknown application": ({"client_id": "nobody"}, (400, "unauthorized_client")),
    "another scope": ({"scope": "openid"}, (400, "invalid_scope")),
    "a delegated scope": ({"scope": f"{ROOT}/user_impersonation"}, (400, "invalid_scope")),
    "two resources": ({"scope": f"{SCOPE} https://other.example/.default"}, (400, "invalid_scope")),
    "a scope and offline_access": ({"scope": f"{SCOPE} offline_access"}, (400, "invalid_scope")),
    "no scope": ({"scope": None}, (400, "invalid_request")),
    "no grant type": ({"grant_type": None}, (400, "invalid_request")),
    "an unknown grant type": ({"grant_type": "magic"}, (400, "unsupported_grant_type")),
    "an assertion of no kind": ({"client_assertion": "x.y.z"}, (400, "invalid_request")),
    "a malformed assertion": (
        {"client_assertion": "x.y.z", "client_assertion_type": ASSERTION_TYPE},
        (401, "invalid_client"),
    ),
    "no password": ({"grant_type": "password", "username": "sync@sandbox.example"}, (400, "invalid_request")),
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
    "no refresh token": ({"grant_type": "refresh_token"}, (400, "invalid_request")),
}


@pytest.mark.parametrize(("changes", "expected"), REFUSALS.values(), ids=REFUSALS)
def test_a_refused_sign_in_says_why(entra: Entra, changes: dict[str, str | None], expected: tuple[int, str]) -> None:
    """The error, its AADSTS number and the ids that support asks for (reference 1.1)."""
    status, body = entra.post(entra.application(**changes))

    assert expected == (status, body["error"])
    assert body["error_description"].startswith(f"AADSTS{body['error_codes'][0]}: ")
    assert "2025-03-04 05:06:07Z" == body["timestamp"]
    assert {"trace_id", "correlation_id"} < set(body)


def test_a_refresh_token_is_of_no_use_to_another_application(entra: Entra) -> None:
    """Whoever finds one needs the application's secret too."""
    _, body = entra.post(entra.password(scope=f"{SCOPE} offline_access"))
    form = entra.application(
        grant_type="refresh_token",
        refresh_token=body["refresh_token"],
        client_id=PUBLIC_CLIENT_ID,
        client_secret=None,
    )

    assert (400, "invalid_grant") == refused(entra.post(form))


def test_a_second_factor_is_told_from_a_wrong_password(entra: Entra) -> None:
    """Both are `invalid_grant`; the description tells them apart (reference 1.2)."""
    _, body = entra.post(entra.password(username=MFA_USERNAME))

    assert "multi-factor authentication" in body["error_description"]


def test_the_older_endpoint_needs_a_resource(entra: Entra) -> None:
    """A scope is nothing to it."""
    assert (400, "invalid_request") == refused(entra.post(entra.application(), endpoint=FIRST))


def refused(answer: tuple[int, Any]) -> tuple[int, str]:
    status, body = answer
    return status, body["error"]


# Proofs


@pytest.mark.parametrize(
    ("secret", "expected"),
    [(None, 200), ("wrong", 401), ("not:packed", 401)],
    ids=["the secret", "a wrong one", "one with a colon"],
)
def test_an_application_can_prove_itself_by_http_basic(entra: Entra, secret: str | None, expected: int) -> None:
    """Id and secret are each encoded as in a form before they are packed (RFC 6749)."""
    given = quote_plus(secret or entra.credentials.client_secret)
    basic = b64encode(f"{entra.credentials.client_id}:{given}".encode()).decode()

    assert expected == entra.post(entra.application(client_id=None, client_secret=None), basic=basic)[0]


def test_a_malformed_basic_header_is_refused(entra: Entra) -> None:
    """It is not passed over."""
    assert (401, "invalid_client") == refused(entra.post(entra.application(), basic="é"))


def packed(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()


def unpacked(text: str) -> bytes:
    return urlsafe_b64decode(text + "==")


def certificate_of(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Sync application")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    dated = builder.not_valid_before(NOW - timedelta(days=1)).not_valid_after(NOW + timedelta(days=1))
    return dated.serial_number(x509.random_serial_number()).sign(key, hashes.SHA256())


def pem_of(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """An application with a certificate: signs assertions as libraries do."""

    key: rsa.RSAPrivateKey
    certificate: x509.Certificate
    algorithm: str = "RS256"
    thumbprint: str = "x5t"

    def assertion(self, claims: Mapping[str, object]) -> str:
        digest = hashes.SHA1() if self.thumbprint == "x5t" else hashes.SHA256()
        header = {"alg": self.algorithm, "typ": "JWT", self.thumbprint: packed(self.certificate.fingerprint(digest))}
        signed = f"{packed(json.dumps(header).encode())}.{packed(json.dumps(claims).encode())}"
        digest_length = padding.PSS.DIGEST_LENGTH
        ways: dict[str, padding.AsymmetricPadding] = {
            "RS256": padding.PKCS1v15(),
            "PS256": padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=digest_length),
        }
        way = ways.get(self.algorithm)
        return f"{signed}.{packed(self.key.sign(signed.encode(), way, hashes.SHA256())) if way else ''}"


KEYS = [rsa.generate_private_key(public_exponent=65_537, key_size=2_048) for _ in range(2)]
SIGNER = Signer(key=KEYS[0], certificate=certificate_of(KEYS[0]))


def with_assertion(entra: Entra, signer: Signer, **changes: object) -> tuple[int, Any]:
    """The answer to client credentials with an assertion, some claims of it changed."""
    claims = {
        "aud": f"{ROOT}/{entra.credentials.tenant}/{SECOND}",
        "iss": entra.credentials.client_id,
        "sub": entra.credentials.client_id,
        "jti": "1",
        "nbf": int(NOW.timestamp()),
        "exp": int(NOW.timestamp()) + 600,
        **changes,
    }
    assertion = signer.assertion(claims)
    form = entra.application(client_secret=None, client_assertion=assertion, client_assertion_type=ASSERTION_TYPE)
    return entra.post(form)


@pytest.mark.parametrize(("algorithm", "thumbprint"), [("RS256", "x5t"), ("PS256", "x5t#S256")])
def test_a_registered_certificate_signs_in(entra: Entra, algorithm: str, thumbprint: str) -> None:
    """In the two ways that libraries sign."""
    register_certificate(entra.organisation, pem_of(SIGNER.certificate))
    status, body = with_assertion(entra, replace(SIGNER, algorithm=algorithm, thumbprint=thumbprint))

    assert (200, entra.organisation.user_id) == (status, entra.user_of(body))


WRONG_ASSERTIONS: dict[str, tuple[Signer, dict[str, object], int]] = {
    "of a certificate that is not registered": (
        Signer(key=KEYS[1], certificate=certificate_of(KEYS[1])),
        {},
        700027,
    ),
    "signed with another key": (replace(SIGNER, key=KEYS[1]), {}, 700027),
    "not signed": (replace(SIGNER, algorithm="none"), {}, 700027),
    "for another endpoint": (SIGNER, {"aud": "https://login.microsoftonline.com/x/oauth2/v2.0/token"}, 700023),
    "by another application": (SIGNER, {"iss": STRANGER_CLIENT_ID}, 700021),
    "about another application": (SIGNER, {"sub": STRANGER_CLIENT_ID}, 700021),
    "that has expired": (SIGNER, {"exp": int(NOW.timestamp()) - 301}, 700024),
    "that is not valid yet": (SIGNER, {"nbf": int(NOW.timestamp()) + 301}, 700024),
    "without an end": (SIGNER, {"exp": None}, 50027),
}


@pytest.mark.parametrize(("signer", "claims", "number"), WRONG_ASSERTIONS.values(), ids=WRONG_ASSERTIONS)
def test_a_wrong_assertion_is_refused(entra: Entra, signer: Signer, claims: dict[str, object], number: int) -> None:
    """Each for its own reason, all as `invalid_client` (reference 1.1)."""
    register_certificate(entra.organisation, pem_of(SIGNER.certificate))
    status, body = with_assertion(entra, signer, **claims)

    assert (401, "invalid_client", [number]) == (status, body["error"], body["error_codes"])


def test_a_certificate_can_be_registered_more_than_once(entra: Entra) -> None:
    """It is named by its thumbprint, and kept with the organisation."""
    thumbprints = {register_certificate(entra.organisation, pem_of(SIGNER.certificate)) for _ in range(2)}

    assert {SIGNER.certificate.fingerprint(hashes.SHA1()).hex().upper()} == thumbprints
    assert 200 == with_assertion(entra, SIGNER)[0]


def test_the_door_registers_a_certificate(entra: Entra) -> None:
    """It answers with the thumbprint; what is none is refused."""
    levers = Levers(
        organisation=entra.organisation,
        faults=Faults(),
        protection=Protection(),
        expire_tokens=entra.office.expire_all,
    )

    def register(pem: str) -> Response:
        body = json.dumps({"certificate": pem}).encode()
        return control(levers, Request(method="POST", path="register-certificate", body=body))

    refused, answered = register("nonsense"), register(pem_of(SIGNER.certificate))

    assert (400, 200) == (refused.status, answered.status)
    assert SIGNER.certificate.fingerprint(hashes.SHA1()).hex().upper() == json.loads(answered.body)["thumbprint"]
    assert 200 == with_assertion(entra, SIGNER)[0]


@pytest.mark.parametrize(
    "pem",
    ["nonsense", pem_of(certificate_of(ec.generate_private_key(ec.SECP256R1())))],
    ids=["no certificate", "another kind of key"],
)
def test_what_cannot_sign_in_is_not_registered(entra: Entra, pem: str) -> None:
    """Told when it is registered, not when it is needed."""
    with pytest.raises(ValueError, match=r"PEM|RSA"):
        register_certificate(entra.organisation, pem)


# What libraries ask


def test_the_authority_describes_itself(entra: Entra) -> None:
    """With the address under which it was asked; each version its own endpoint."""
    tenant = entra.credentials.tenant
    _, second = entra.ask(f"/{tenant}/v2.0/.well-known/openid-configuration")
    _, first = entra.ask(f"/{tenant}/.well-known/openid-configuration")
    _, instance = entra.ask(
        "/common/discovery/instance", query=f"api-version=1.1&authorization_endpoint={ROOT}/{tenant}/oauth2/authorize"
    )

    assert (f"{ROOT}/{tenant}/{SECOND}", f"{ROOT}/{tenant}/v2.0") == (second["token_endpoint"], second["issuer"])
    assert f"{ROOT}/{tenant}/{FIRST}" == first["token_endpoint"]
    assert (200, 200) == tuple(entra.ask(each["jwks_uri"].removeprefix(ROOT))[0] for each in (first, second))
    assert 200 == entra.ask(instance["tenant_discovery_endpoint"].removeprefix(ROOT))[0]
    assert ["127.0.0.1:1234"] == instance["metadata"][0]["aliases"]


def test_a_tenant_that_is_not_there_has_no_configuration(entra: Entra) -> None:
    """The shared names have one, whose issuer names no tenant."""
    _, shared = entra.ask("/organizations/v2.0/.well-known/openid-configuration")

    assert (400, "invalid_tenant") == refused(entra.ask("/contoso.example/v2.0/.well-known/openid-configuration"))
    assert f"{ROOT}/{{tenantid}}/v2.0" == shared["issuer"]


def test_a_user_of_the_domain_is_managed_here(entra: Entra) -> None:
    """What a library asks before it sends a password; nothing is known of another domain."""
    realms = [entra.ask(f"/common/userrealm/{name}@{domain}")[1] for name, domain in (("a", "sandbox.example"), "bc")]

    assert ["Managed", "Unknown"] == [realm["account_type"] for realm in realms]


def test_the_token_endpoint_takes_only_posts(entra: Entra) -> None:
    """Said as the authority says everything."""
    assert (400, "invalid_request") == refused(entra.ask(f"/{entra.credentials.tenant}/{SECOND}"))


@pytest.mark.parametrize("path", ["/token", "/t/token", "/t/oauth2/v1.0/token", "/t/oauth2/v2.0/token/more"])
def test_other_paths_are_not_the_authoritys(entra: Entra, path: str) -> None:
    """They are nobody's."""
    assert entra.authority.answer(Request(method="POST", path=path, base=ROOT)) is None


# Tokens


def refusal(office: TokenOffice, authorization: str, *, base: str = BASE) -> Refused:
    with pytest.raises(Refused) as caught:
        office.user_of(authorization, base=base)
    return caught.value


@pytest.mark.parametrize(
    ("authorization", "code"),
    [("", "0x80044300"), ("Basic eA==", "0x80044300"), ("Bearer nonsense", "0x80040204")],
    ids=["no header", "another scheme", "a foreign token"],
)
def test_a_request_without_a_good_token_is_401(entra: Entra, authorization: str, code: str) -> None:
    """With a challenge that names the authority and the resource (reference 1.3)."""
    refused = refusal(entra.office, authorization)
    challenge = f"Bearer authorization_uri={ROOT}/{entra.credentials.tenant}/oauth2/authorize, resource_id={ROOT}/"

    assert (401, code, challenge) == (refused.status, refused.code, refused.headers["WWW-Authenticate"])


@pytest.mark.parametrize(
    ("resource", "base", "good"),
    [
        pytest.param(ROOT, "http://localhost:1234/api/data/v9.2", True, id="the other name of loopback"),
        pytest.param("https://localhost", "https://127.0.0.1:443/api/data/v9.2", True, id="a port that goes unsaid"),
        pytest.param(DATAVERSE, BASE, True, id="Dataverse by its id"),
        pytest.param("https://other.example", BASE, False, id="another organisation"),
        pytest.param("http://127.0.0.1:9999", BASE, False, id="another port"),
    ],
)
def test_a_token_opens_only_the_organisation_it_was_asked_for(
    entra: Entra, resource: str, base: str, good: bool
) -> None:
    """A foreign token is 401 (reference 1.3)."""
    _, body = entra.post(entra.application(scope=f"{resource}/.default"))
    if good:
        assert entra.organisation.user_id == entra.user_of(body, base=base)
    else:
        found = refusal(entra.office, f"Bearer {body['access_token']}", base=base)
        assert (401, "0x80040204") == (found.status, found.code)


def test_a_token_expires(entra: Entra) -> None:
    """Good until `expires_in` seconds have passed, and not a moment longer."""
    _, body = entra.post(entra.application())
    bearer = f"Bearer {body['access_token']}"
    entra.organisation.clock = lambda: NOW + timedelta(seconds=LIFETIME - 1)
    still = entra.office.user_of(bearer, base=BASE)
    entra.organisation.clock = lambda: NOW + timedelta(seconds=LIFETIME)
    late = refusal(entra.office, bearer)

    assert (entra.organisation.user_id, 401, "0x8004A101") == (still, late.status, late.code)


def test_all_tokens_can_be_ended(entra: Entra) -> None:
    """As an administrator's revocation does; a new sign-in works."""
    _, before = entra.post(entra.application())
    entra.office.expire_all()
    _, after = entra.post(entra.application())

    assert "0x8004A101" == refusal(entra.office, f"Bearer {before['access_token']}").code
    assert entra.organisation.user_id == entra.user_of(after)


def test_an_application_without_a_user_here_is_403(entra: Entra) -> None:
    """The tenant knows it, the organisation does not (reference 1.3)."""
    _, body = entra.post(entra.application(client_id=STRANGER_CLIENT_ID))
    refused = refusal(entra.office, f"Bearer {body['access_token']}")

    assert (403, "0x80072560") == (refused.status, refused.code)


def test_credentials_stay_the_same_and_hide_their_secrets(organisation: Organisation) -> None:
    """They are made once, and a log of them shows neither secret nor password."""
    credentials = read_credentials(organisation)

    assert credentials == read_credentials(organisation)
    assert credentials.client_secret not in repr(credentials)
    assert credentials.password not in repr(credentials)
