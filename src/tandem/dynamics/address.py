"""Where credentials and tokens may go.

People paste what their browser shows: with a page, an API path, capitals, or no scheme. All of that becomes the root
of the organisation. What is refused is everything that would carry a secret in clear text or to the wrong place.
"""

import ipaddress
import re
from urllib.parse import SplitResult, quote, urlsplit

from tandem.dynamics.errors import AddressRefused, ForeignLink

API_PATH = "/api/data/v9.2"
_LOOPBACK_NAME = "localhost"
_DEFAULT_PORTS = {"http": 80, "https": 443}
_HOST_NAME = re.compile(r"(?=.{1,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?")
"""At least two labels, the last beginning with a letter: no organisation has a bare name."""


def organisation_root(url: str) -> str:
    """The root of the organisation behind what a person pasted: scheme, host and port, no slash at the end.

    Raises AddressRefused where it is no web address, holds credentials, or is plain http to another machine.
    """
    return origin(_split(url.strip()))


def secure_url(url: str) -> str:
    """The given full address unchanged, where credentials may be posted to it. Raises AddressRefused otherwise."""
    _split(url)
    return url


def own_link(root: str, link: str) -> str:
    """The given next link or delta link unchanged, where it leads to the organisation's own API.

    Raises ForeignLink for another scheme, host, port or path, and for characters that no encoded link has.
    """
    try:
        parts = urlsplit(link)
        own = origin(parts) == root and not parts.username and parts.path.startswith(API_PATH.rsplit("/", 1)[0] + "/")
    except ValueError:
        own = False
    if not own or not link.isascii() or any(character <= " " for character in link):
        raise ForeignLink("Dynamics gave a link that does not lead to the organisation's own API.")
    return link


def origin(parts: SplitResult) -> str:
    """Scheme, host and port in one spelling. Raises ValueError for a port that is no number."""
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    port = parts.port
    ending = "" if port is None or port == _DEFAULT_PORTS.get(parts.scheme) else f":{port}"
    return f"{parts.scheme}://{host}{ending}"


def is_loopback(host: str) -> bool:
    """True for this machine's own addresses and the name localhost."""
    if host == _LOOPBACK_NAME:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def encode(text: str) -> str:
    """Percent-encoding for a query value; what OData needs readable stays readable (reference 0.4)."""
    return quote(text, safe="$,()'@/:=")


def _split(text: str) -> SplitResult:
    if "://" not in text:
        text = f"https://{text}"
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise AddressRefused("This is not a web address.") from None
    if parts.scheme not in _DEFAULT_PORTS:
        raise AddressRefused(f"An address of the kind {parts.scheme}:// cannot be an organisation.")
    if parts.username is not None or parts.password is not None:
        raise AddressRefused(
            "The address holds a user name or password.",
            advice="Leave them out of the address and give them as credentials.",
        )
    if port == 0 or not _is_host(host):
        raise AddressRefused("This is not a web address.")
    if parts.scheme == "http" and not is_loopback(host):
        raise AddressRefused(
            f"{host} is addressed by http, which would send the credentials in clear text.",
            advice="Use https. Plain http is accepted only for this machine (127.0.0.1, localhost).",
        )
    return parts


def _is_host(host: str) -> bool:
    if is_loopback(host) or _HOST_NAME.fullmatch(host):
        return True
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
