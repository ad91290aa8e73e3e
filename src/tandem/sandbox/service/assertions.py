"""A signed assertion in place of a client secret (reference 1.1; RFC 7523).

A sign-in that took any well-formed assertion would let a client go live that signs with the wrong key, names another
endpoint, or lets its assertion grow old.
"""

from base64 import urlsafe_b64decode
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding

from tandem.sandbox.service.refusals import SignInRefused
from tandem.sandbox.store.organisation import Organisation

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
"""The only kind of assertion."""

_SETTING = "client_certificates"
_EARLY = 300
"""Seconds by which clocks may differ. [k]"""
_PADDINGS: Mapping[str, padding.AsymmetricPadding] = {
    "RS256": padding.PKCS1v15(),
    "PS256": padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=padding.PSS.DIGEST_LENGTH),
}
_THUMBPRINTS: Mapping[str, hashes.HashAlgorithm] = {
    "x5t": hashes.SHA1(),
    "x5t#S256": hashes.SHA256(),
}


def register_certificate(organisation: Organisation, pem: str) -> str:
    """Let the sync application sign in with the key of this certificate; its SHA-1 thumbprint in hex.

    Raises ValueError for what `load_certificate` refuses.
    """
    certificate = load_certificate(pem)
    kept = certificate.public_bytes(Encoding.PEM).decode()
    with organisation.transaction():
        known = _registered(organisation)
        if kept not in known:
            organisation.set_setting(_SETTING, [*known, kept])
    return certificate.fingerprint(_THUMBPRINTS["x5t"]).hex().upper()


def load_certificate(pem: str) -> x509.Certificate:
    """The certificate in PEM text. Raises ValueError for what is none, and for one of another key than RSA."""
    certificate = x509.load_pem_x509_certificate(pem.encode())
    if not isinstance(certificate.public_key(), RSAPublicKey):
        raise ValueError("only certificates of RSA keys can be registered")
    return certificate


class _Header(msgspec.Struct):
    alg: str
    x5t: str | None = None
    x5t_s256: str | None = msgspec.field(default=None, name="x5t#S256")


class _Claims(msgspec.Struct):
    aud: str
    iss: str
    sub: str
    exp: float
    nbf: float = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Assertion:
    header: _Header
    claims: _Claims
    signed: bytes
    signature: bytes


def check_assertion(organisation: Organisation, assertion: str, *, client_id: str, audiences: Collection[str]) -> None:
    """Raise SignInRefused (401) unless a registered certificate's key signed this for the client and the endpoint.

    The numbers are [k]: Entra's own, not told by the reference.
    """
    read = _read(assertion)
    claims, now = read.claims, organisation.clock()
    certificate = _named(_registered(organisation), read.header)
    if certificate is None:
        raise _refused(
            700027,
            "The certificate with identifier used to sign the client assertion is not registered on application.",
        )
    if not _is_signed(read, certificate):
        raise _refused(700027, "Client assertion failed signature validation.")
    if {claims.iss.lower(), claims.sub.lower()} != {client_id.lower()}:
        raise _refused(700021, "Client assertion application identifier doesn't match 'client_id' parameter.")
    if claims.aud not in audiences:
        raise _refused(700023, "Client assertion audience claim does not match Realm issuer.")
    if not _is_timely(claims, now):
        raise _refused(700024, "Client assertion is not within its valid time range.")


def _read(assertion: str) -> _Assertion:
    try:
        header, claims, signature = (urlsafe_b64decode(part + "==") for part in assertion.split("."))
        return _Assertion(
            header=msgspec.json.decode(header, type=_Header),
            claims=msgspec.json.decode(claims, type=_Claims),
            signed=assertion.rpartition(".")[0].encode(),
            signature=signature,
        )
    except (ValueError, msgspec.MsgspecError):
        raise _refused(50027, "JWT token is invalid or malformed.") from None


def _named(registered: Collection[str], header: _Header) -> x509.Certificate | None:
    """The registered certificate whose thumbprint the header names."""
    given = {"x5t": header.x5t, "x5t#S256": header.x5t_s256}
    for pem in registered:
        certificate = x509.load_pem_x509_certificate(pem.encode())
        for name, algorithm in _THUMBPRINTS.items():
            if _bytes(given[name]) == certificate.fingerprint(algorithm):
                return certificate
    return None


def _bytes(thumbprint: str | None) -> bytes | None:
    try:
        return None if thumbprint is None else urlsafe_b64decode(thumbprint + "==")
    except ValueError:
        return None


def _is_signed(read: _Assertion, certificate: x509.Certificate) -> bool:
    key, filling = certificate.public_key(), _PADDINGS.get(read.header.alg)
    if filling is None or not isinstance(key, RSAPublicKey):
        return False
    try:
        key.verify(read.signature, read.signed, filling, hashes.SHA256())
    except InvalidSignature:
        return False
    return True


def _is_timely(claims: _Claims, now: datetime) -> bool:
    moment = now.timestamp()
    return claims.nbf - _EARLY <= moment < claims.exp + _EARLY


def _registered(organisation: Organisation) -> list[str]:
    return msgspec.convert(organisation.setting(_SETTING) or [], list[str])


def _refused(number: int, description: str) -> SignInRefused:
    return SignInRefused(401, "invalid_client", number, description)
