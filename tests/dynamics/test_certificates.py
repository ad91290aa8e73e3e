"""Signing in with a certificate: what is taken for one, what it signs, and when it ends (rule S7)."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from cryptography.x509.oid import NameOID

from tandem.dynamics.certificates import Certificate, load_certificate
from tandem.dynamics.credentials import Credentials
from tandem.dynamics.errors import CertificateLocked, CertificateOver, CertificateUnusable, DynamicsError

BEGINS, ENDS = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 6, 1, tzinfo=UTC).timestamp()
TOKENS = "https://login.microsoftonline.com/contoso.com/oauth2/v2.0/token"
ROOT = "https://contoso.crm.dynamics.com"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def certificate_of(key: Any, name: str = "tandem") -> x509.Certificate:
    """A certificate of this key, valid through 2026."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder(
        issuer_name=subject,
        subject_name=subject,
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=BEGINS,
        not_valid_after=ENDS,
    )
    return builder.sign(key, hashes.SHA256())


def pem_of(key: Any, *certificates: x509.Certificate, password: str | None = None) -> bytes:
    """A PEM file of a key and certificates."""
    lock = BestAvailableEncryption(password.encode()) if password else NoEncryption()
    parts = [key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock)] if key else []
    return b"".join([*parts, *(each.public_bytes(Encoding.PEM) for each in certificates)])


def pfx_of(key: Any, certificate: x509.Certificate | None, password: str | None = None) -> bytes:
    """A PFX file of a key and a certificate."""
    lock = BestAvailableEncryption(password.encode()) if password else NoEncryption()
    return pkcs12.serialize_key_and_certificates(b"tandem", key, certificate, None, lock)


OWN = certificate_of(KEY)


@pytest.mark.parametrize(
    ("content", "password"),
    [
        pytest.param(pem_of(KEY, OWN), None, id="PEM"),
        pytest.param(OWN.public_bytes(Encoding.PEM) + pem_of(KEY), None, id="PEM with the key behind"),
        pytest.param(pem_of(KEY, certificate_of(OTHER_KEY, "authority"), OWN), None, id="PEM with its chain"),
        pytest.param(pem_of(KEY, OWN, password="hünter2"), "hünter2", id="PEM with a password"),
        pytest.param(pem_of(KEY, OWN), "needless", id="PEM and a password that it does not need"),
        pytest.param(pfx_of(KEY, OWN), None, id="PFX"),
        pytest.param(pfx_of(KEY, OWN, "hünter2"), "hünter2", id="PFX with a password"),
    ],
)
def test_S7_key_and_certificate_are_found_in_a_file(content: bytes, password: str | None) -> None:
    """And kept as one text that loads again, without a password."""
    found = load_certificate(content, password)

    assert (OWN.fingerprint(hashes.SHA1()).hex().upper(), "2027-01-01T00:00:00Z") == (found.thumbprint, found.ends_at)
    again = load_certificate(found.pem().encode())
    assert (found.thumbprint, found.pem()) == (again.thumbprint, again.pem())


SMALL = rsa.generate_private_key(public_exponent=65537, key_size=1024)
CURVE = ec.generate_private_key(ec.SECP256R1())


@pytest.mark.parametrize(
    ("content", "password", "kind", "said"),
    [
        pytest.param(pem_of(KEY, OWN, password="x"), None, CertificateLocked, "has a password", id="a locked PEM"),
        pytest.param(pem_of(KEY, OWN, password="x"), "y", CertificateLocked, "does not open", id="a wrong password"),
        pytest.param(pfx_of(KEY, OWN, "x"), None, CertificateLocked, "has a password", id="a locked PFX"),
        pytest.param(pfx_of(KEY, OWN, "x"), "y", CertificateLocked, "does not open", id="a wrong password of a PFX"),
        pytest.param(pem_of(None, OWN), None, CertificateUnusable, "no private key", id="a certificate alone"),
        pytest.param(pem_of(KEY), None, CertificateUnusable, "no certificate", id="a key alone"),
        pytest.param(pfx_of(KEY, None), None, CertificateUnusable, "no certificate", id="a PFX with a key alone"),
        pytest.param(pem_of(OTHER_KEY, OWN), None, CertificateUnusable, "is not the certificate's", id="another key"),
        pytest.param(pem_of(SMALL, certificate_of(SMALL)), None, CertificateUnusable, "1024 bits", id="a small key"),
        pytest.param(pem_of(CURVE, certificate_of(CURVE)), None, CertificateUnusable, "not an RSA", id="no RSA key"),
        pytest.param(b"hello", None, CertificateUnusable, "no key", id="a text"),
        pytest.param(b"", None, CertificateUnusable, "no key", id="nothing"),
        pytest.param(pem_of(KEY, OWN)[:-200], None, CertificateUnusable, "cannot be read", id="a file cut short"),
        pytest.param(
            b"-----BEGIN PRIVATE KEY-----\nx\n-----BEGIN CERTIFICATE-----\n", None, CertificateUnusable, "no key",
            id="a PEM of nothing",
        ),
    ],
)  # fmt: skip
def test_S7_what_cannot_sign_in_is_refused_with_the_reason(
    content: bytes, password: str | None, kind: type[DynamicsError], said: str
) -> None:
    """Before anything is sent, and without the password."""
    with pytest.raises(kind, match=said) as refusal:
        load_certificate(content, password)

    assert password is None or password not in refusal.value.message.split()


def parts(assertion: str) -> tuple[dict[str, Any], dict[str, Any], bytes, bytes]:
    """Header, claims, what is signed, and the signature."""
    header, claims, signature = (base64.urlsafe_b64decode(part + "==") for part in assertion.split("."))
    return json.loads(header), json.loads(claims), assertion.rpartition(".")[0].encode(), signature


def test_S7_what_is_signed_is_for_one_address_and_some_minutes() -> None:
    """The key proves it; no two are the same."""
    certificate = load_certificate(pem_of(KEY, OWN))

    first, second = (certificate.assertion("app", TOKENS, now=NOW) for _ in range(2))

    header, claims, signed, signature = parts(first)
    filling = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=padding.PSS.DIGEST_LENGTH)
    KEY.public_key().verify(signature, signed, filling, hashes.SHA256())
    thumbprint = base64.urlsafe_b64encode(OWN.fingerprint(hashes.SHA256())).decode().rstrip("=")
    assert {"alg": "PS256", "typ": "JWT", "x5t#S256": thumbprint} == header
    assert (TOKENS, "app", "app") == (claims["aud"], claims["iss"], claims["sub"])
    assert claims["nbf"] <= NOW < claims["exp"] <= NOW + 600
    assert claims["jti"] != parts(second)[1]["jti"]


@pytest.mark.parametrize(
    ("now", "said"),
    [
        pytest.param(ENDS, "ended on 2027-01-01T00:00:00Z", id="at its end"),
        pytest.param(BEGINS - timedelta(seconds=1), "begins on 2026-01-01T00:00:00Z", id="a second too early"),
    ],
)
def test_S7_a_certificate_that_is_over_says_so_before_anything_is_sent(now: datetime, said: str) -> None:
    """Entra's own answer would be one of many that mean no."""
    certificate = load_certificate(pem_of(KEY, OWN))

    with pytest.raises(CertificateOver, match=said) as refusal:
        certificate.assertion("app", TOKENS, now=now.timestamp())

    assert "" != refusal.value.remedy


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        pytest.param({}, {"grant_type": ["client_credentials"], "scope": [f"{ROOT}/.default"]}, id="server to server"),
        pytest.param(
            {"username": "ann", "password": "p"},
            {"grant_type": ["password"], "username": ["ann"], "password": ["p"], "scope": [f"{ROOT}/.default"]},
            id="as a user of a confidential app",
        ),
    ],
)
def test_S7_an_assertion_stands_where_the_secret_would(more: dict[str, str], expected: dict[str, list[str]]) -> None:
    """Reference 1.1 and 1.2."""
    credentials = Credentials("app", tenant="contoso.com", certificate=pem_of(KEY, OWN).decode(), **more)

    form = parse_qs(credentials.token_request(ROOT, now=NOW).body.decode())

    (assertion,) = form.pop("client_assertion")
    assert TOKENS == parts(assertion)[1]["aud"]
    kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    assert {"client_id": ["app"], "client_assertion_type": [kind], **expected} == form


def test_R5_no_representation_shows_the_key() -> None:
    """Neither the certificate's nor the credentials'."""
    pem = pem_of(KEY, OWN).decode()
    credentials, certificate = Credentials("app", tenant="t", certificate=pem), load_certificate(pem.encode())

    assert isinstance(certificate, Certificate)
    assert "PRIVATE" not in repr(credentials) + repr(certificate) + repr(credentials.token_request(ROOT, now=NOW))


def test_S7_only_a_certificate_says_when_it_ends() -> None:
    """The end of a client secret is known to Entra alone."""
    assert "2027-01-01T00:00:00Z" == Credentials("app", certificate=pem_of(KEY, OWN).decode()).expire_at
    assert Credentials("app", "s", tenant="t").expire_at is None
