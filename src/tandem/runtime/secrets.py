"""Credentials at rest: sealed with a key that never lies beside them.

A copied or backed-up database must not give anybody the key to a CRM. The database holds sealed text only; the key is
a file of the home, readable by its owner alone. A key others can read is refused, not repaired: whoever could read it
may have it already.
"""

import base64
import binascii
import os
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tandem.model.errors import NeedsPerson

_KEY_BYTES = 32
_NONCE_BYTES = 12
_FORMAT = "tandem1:"
"""Begins every sealed text, so that a later format can be told from this one."""


class KeyExposed(NeedsPerson):
    """Other users of this machine can read the key file."""

    code = "key-exposed"
    advice = "Run `chmod 600` on it; if others use this machine, also renew the credentials: tandem connect --rotate."


class KeyUnreadable(NeedsPerson):
    """The key file cannot be read or written, or does not hold a key."""

    code = "key-unreadable"
    advice = "Restore it from a backup, or delete it and enter the credentials again: tandem connect --rotate."


class KeyMissing(NeedsPerson):
    """There are sealed credentials, but the key file is gone."""

    code = "key-missing"
    advice = "Restore it from a backup, or enter the credentials again: tandem connect --rotate."


class KeyWrong(NeedsPerson):
    """The stored text was sealed with another key, or damaged."""

    code = "key-wrong"
    advice = "Use the home these credentials were entered in, or enter them again: tandem connect --rotate."


class Vault:
    """Seals and unseals with the key in `key_file`, which the first seal makes (AES-GCM, 256 bits)."""

    def __init__(self, key_file: Path) -> None:
        self._key_file = key_file

    def seal(self, secret: bytes) -> str:
        """The secret as text fit to store. Raises KeyExposed or KeyUnreadable."""
        key = self._read() or self._make()
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = AESGCM(key).encrypt(nonce, secret, None)
        return _FORMAT + base64.b64encode(nonce + sealed).decode("ascii")

    def unseal(self, sealed: str) -> bytes:
        """The secret again. Raises KeyMissing, KeyWrong, KeyExposed or KeyUnreadable."""
        key = self._read()
        if key is None:
            raise KeyMissing(f"The key file {self._key_file} does not exist.", file=str(self._key_file))
        try:
            packed = base64.b64decode(sealed.removeprefix(_FORMAT), validate=True)
            return AESGCM(key).decrypt(packed[:_NONCE_BYTES], packed[_NONCE_BYTES:], None)
        except (InvalidTag, ValueError):
            raise KeyWrong(
                f"The key in {self._key_file} does not open the stored credentials.", file=str(self._key_file)
            ) from None

    def _read(self) -> bytes | None:
        """The key, or None where there is no key file."""
        try:
            with self._key_file.open("rb") as file:
                mode = os.fstat(file.fileno()).st_mode & 0o777
                text = file.read()
        except FileNotFoundError:
            return None
        except OSError as problem:
            raise self._unreadable(problem.strerror) from None
        if mode & 0o077:
            raise KeyExposed(f"The key file {self._key_file} is open to others (mode {mode:03o}).", mode=f"{mode:03o}")
        try:
            key = base64.b64decode(text, validate=False)
        except binascii.Error:
            key = b""
        if len(key) != _KEY_BYTES:
            raise self._unreadable("it does not hold a key")
        return key

    def _make(self) -> bytes:
        """Make the key file whole or not at all; where two processes race, both end with the first one's key."""
        draft = self._key_file.with_name(f"{self._key_file.name}.{secrets.token_hex(8)}")
        try:
            self._key_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(base64.b64encode(secrets.token_bytes(_KEY_BYTES)) + b"\n")
                    file.flush()
                    os.fsync(file.fileno())
                # A link, unlike a rename, never replaces a key another process has just sealed something with.
                os.link(draft, self._key_file)
            except FileExistsError:
                pass
            finally:
                draft.unlink()
        except OSError as problem:
            raise self._unreadable(problem.strerror) from None
        key = self._read()
        if key is None:
            raise self._unreadable("it vanished while it was made")
        return key

    def _unreadable(self, reason: str | None) -> KeyUnreadable:
        return KeyUnreadable(f"The key file {self._key_file} cannot be used: {reason}.", file=str(self._key_file))
