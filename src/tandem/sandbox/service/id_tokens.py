"""Who signed in, as a signed document: `openid` asks for it, and libraries that keep accounts read it (reference 1.2).

Access tokens stay opaque, because a client must not look into them; an id token is for the client, so it can be
verified with the keys that the authority publishes.
"""

from base64 import urlsafe_b64encode
from collections.abc import Mapping
from functools import cached_property
from hashlib import sha256

import msgspec
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


class IdTokens:
    """Signs id tokens with a key of its own, made when the first is asked for."""

    def issue(self, claims: Mapping[str, object]) -> str:
        """A JWT of those claims, signed with RS256."""
        header = {"typ": "JWT", "alg": "RS256", "kid": self._key_id}
        signed = f"{_encoded(msgspec.json.encode(header))}.{_encoded(msgspec.json.encode(claims))}"
        signature = self._key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{signed}.{_encoded(signature)}"

    def keys(self) -> dict[str, object]:
        """The key set that verifies them (RFC 7517)."""
        public = self._key.public_key().public_numbers()
        key = {"kty": "RSA", "use": "sig", "kid": self._key_id, "n": _number(public.n), "e": _number(public.e)}
        return {"keys": [key]}

    @cached_property
    def _key(self) -> rsa.RSAPrivateKey:
        return rsa.generate_private_key(public_exponent=65_537, key_size=2_048)

    @cached_property
    def _key_id(self) -> str:
        public = self._key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return _encoded(sha256(public).digest())


def _number(value: int) -> str:
    return _encoded(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def _encoded(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()
