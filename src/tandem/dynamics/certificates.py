"""Signing in with a certificate: the private key never leaves this machine, and what is sent is worth minutes.

A client secret travels with every sign-in and is copied into settings and mails; a key signs a statement instead
(reference 1.1; RFC 7523). Such a certificate ends on a day that is written in it, so unlike a secret's its end can be
told in time.
"""

import base64
from datetime import UTC, datetime
from uuid import uuid4

import msgspec
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.hazmat.primitives.serialization.pkcs12 import load_pkcs12

from tandem.dynamics.errors import CertificateLocked, CertificateOver, CertificateUnusable, DynamicsError

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_LIFETIME = 600
"""Seconds for which a statement is good."""
_CLOCK_MARGIN = 60
"""Seconds by which Entra's clock may be behind."""
_SMALLEST_KEY = 2048


class Certificate:
    """A private RSA key and its certificate. Nothing shows the key but `pem`."""

    __slots__ = ("_certificate", "_key")

    def __init__(self, key: RSAPrivateKey, certificate: x509.Certificate) -> None:
        self._key = key
        self._certificate = certificate

    def __repr__(self) -> str:
        return f"Certificate({self.thumbprint})"

    @property
    def thumbprint(self) -> str:
        """What Entra shows of it: SHA-1, in hexadecimal."""
        return self._certificate.fingerprint(hashes.SHA1()).hex().upper()

    @property
    def ends_at(self) -> str:
        """When it ends, ISO 8601 UTC."""
        return _text(self._certificate.not_valid_after_utc)

    def pem(self) -> str:
        """Key and certificate without a password, to be sealed at once."""
        key = self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return (key + self._certificate.public_bytes(Encoding.PEM)).decode("ascii")

    def assertion(self, client_id: str, token_url: str, *, now: float) -> str:
        """The statement that this is the client, signed (PS256), for one token address and some minutes; `now` in
        seconds since 1970. Raises CertificateOver."""
        moment, begins = datetime.fromtimestamp(now, UTC), self._certificate.not_valid_before_utc
        if moment >= self._certificate.not_valid_after_utc:
            raise CertificateOver(f"The certificate {self.thumbprint} ended on {self.ends_at}.")
        if moment < begins:
            raise CertificateOver(
                f"The certificate {self.thumbprint} begins on {_text(begins)}.",
                advice="Wait until then, or check this machine's clock.",
            )
        header = {
            "alg": "PS256",
            "typ": "JWT",
            "x5t#S256": _base64(self._certificate.fingerprint(hashes.SHA256())),
        }
        claims = {
            "aud": token_url,
            "iss": client_id,
            "sub": client_id,
            "jti": str(uuid4()),
            "nbf": int(now) - _CLOCK_MARGIN,
            "exp": int(now) + _LIFETIME,
        }
        signed = f"{_base64(msgspec.json.encode(header))}.{_base64(msgspec.json.encode(claims))}"
        filling = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=padding.PSS.DIGEST_LENGTH)
        return f"{signed}.{_base64(self._key.sign(signed.encode(), filling, hashes.SHA256()))}"


def load_certificate(content: bytes, password: str | None = None) -> Certificate:
    """The certificate in the content of a PEM or PFX file.

    Raises CertificateLocked where it needs a password or another one, CertificateUnusable where it is none, lacks its
    key, or has one that Entra does not take (RSA of 2,048 bits or more).
    """
    key, certificate = _pem(content, password) if b"-----BEGIN " in content else _pfx(content, password)
    if not isinstance(key, RSAPrivateKey):
        raise CertificateUnusable("The certificate's key is not an RSA key.")
    if key.key_size < _SMALLEST_KEY:
        raise CertificateUnusable(f"The certificate's key has {key.key_size} bits; it needs {_SMALLEST_KEY} or more.")
    if key.public_key() != certificate.public_key():
        raise CertificateUnusable("The private key is not the certificate's.")
    return Certificate(key, certificate)


def _pem(content: bytes, password: str | None) -> tuple[object, x509.Certificate]:
    if b"PRIVATE KEY-----" not in content:
        raise CertificateUnusable("The file holds no private key.")
    if b"-----BEGIN CERTIFICATE-----" not in content:
        raise CertificateUnusable("The file holds no certificate.")
    is_locked = b"ENCRYPTED" in content
    try:
        key = load_pem_private_key(content, password.encode() if password and is_locked else None)
    except (TypeError, ValueError, UnsupportedAlgorithm):
        raise _unreadable(password, is_locked=is_locked) from None
    try:
        # The chain may stand in it too; the key tells which one is its own.
        found = x509.load_pem_x509_certificates(content)
    except ValueError:
        raise CertificateUnusable("The file's certificate cannot be read.") from None
    own = [each for each in found if each.public_key() == key.public_key()]
    return key, (own or found)[0]


def _pfx(content: bytes, password: str | None) -> tuple[object, x509.Certificate]:
    try:
        store = load_pkcs12(content, password.encode() if password else None)
    except (TypeError, ValueError, UnsupportedAlgorithm):
        # DER begins with a sequence; what does not is no PFX file, whatever its password.
        raise _unreadable(password, is_locked=content[:1] == b"\x30") from None
    if store.key is None or store.cert is None:
        raise CertificateUnusable("The file holds no private key, or no certificate.")
    return store.key, store.cert.certificate


def _unreadable(password: str | None, *, is_locked: bool) -> DynamicsError:
    if not is_locked:
        return CertificateUnusable("The file holds no key that can be read.")
    if password:
        return CertificateLocked("The password does not open the certificate file.")
    return CertificateLocked("The certificate file has a password.")


def _text(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode("ascii")
