"""Setting values that need more than a type: who may see them, and where they may lead.

A mistyped address found when the first alarm is due is found too late, and one with a line end in it would put words
into somebody's mail. A secret that can be printed is printed one day, by whoever debugs the settings.
"""

import base64
import binascii
import re
from urllib.parse import urlsplit

from tandem.dynamics.address import secure_url
from tandem.dynamics.errors import AddressRefused

_LONGEST_ADDRESS = 254
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_MAIL = re.compile(rf"(?=[^@]{{1,64}}@){_ATOM}(?:\.{_ATOM})*@(?:[A-Za-z0-9-]{{1,63}}\.)*[A-Za-z0-9-]{{1,63}}")
_SIGNING_PREFIX = "whsec_"
_SIGNING_BYTES = range(24, 65)


class Secret:
    """A text that only `text` shows; str and repr never do."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return f"{type(self).__name__}(hidden)"


class SigningSecret(Secret):
    """What webhooks are signed with: `whsec_` and 24 to 64 random bytes in base64."""

    __slots__ = ()

    def __init__(self, text: str) -> None:
        """Raise ValueError for anything else."""
        super().__init__(text)
        if not text.startswith(_SIGNING_PREFIX) or len(self.key) not in _SIGNING_BYTES:
            raise ValueError("not a signing secret")

    @property
    def key(self) -> bytes:
        """The bytes to sign with."""
        try:
            return base64.b64decode(self.text.removeprefix(_SIGNING_PREFIX), validate=True)
        except binascii.Error:
            return b""


class WebAddress:
    """Where a message is posted. Its path may be a secret, so str and repr show the host alone."""

    __slots__ = ("url",)

    def __init__(self, url: str) -> None:
        """Raise ValueError unless it is https, or http to this machine, without user name and password."""
        try:
            if "://" not in url or not url.isascii() or not url.isprintable() or " " in url:
                raise ValueError("not a web address")
            self.url = secure_url(url)
        except AddressRefused as problem:
            raise ValueError(problem.message) from None

    def __str__(self) -> str:
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"

    def __repr__(self) -> str:
        return f"WebAddress({str(self)!r})"


class MailAddress(str):
    """One e-mail address, such as `ann@example.com`, without a name and in ASCII."""

    __slots__ = ()

    def __new__(cls, text: str) -> "MailAddress":
        """Raise ValueError for anything else; so it holds neither line ends nor a second address."""
        if len(text) > _LONGEST_ADDRESS or not _MAIL.fullmatch(text):
            raise ValueError("not an e-mail address")
        return super().__new__(cls, text)


class PostgresqlUrl:
    """Where a PostgreSQL server is. Only `url` shows the password; str and repr never do."""

    __slots__ = ("password", "url")

    def __init__(self, url: str) -> None:
        """Raise ValueError for anything but `postgresql://...`."""
        parts = urlsplit(url)
        if parts.scheme not in ("postgresql", "postgres"):
            raise ValueError("not a postgresql:// URL")
        self.url = url
        self.password = parts.password

    def __str__(self) -> str:
        parts = urlsplit(self.url)
        # Without the query: it may hold `password=` too, and nothing in it helps a person to find the server.
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"

    def __repr__(self) -> str:
        return f"PostgresqlUrl({str(self)!r})"
