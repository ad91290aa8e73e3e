"""Notifications and signs of life by HTTP: a signed post to a webhook, and a plain request to a monitor.

A receiver must know that a message is Tandem's, that nobody kept it to send it again later, and that it had it before.
So each is signed together with its id and the time, in the manner of the Standard Webhooks specification (from
general knowledge):

    webhook-id          the same for every attempt
    webhook-timestamp   seconds since 1970 of this attempt
    webhook-signature   v1,BASE64(HMAC-SHA256(key, "ID.TIMESTAMP.BODY"))

No redirect is followed: a signed message goes where it was sent or nowhere.
"""

import base64
import hmac
import ssl
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

import httpx2
import msgspec

from tandem import __version__
from tandem.dynamics.transport import NO_PROXY, trust
from tandem.runtime.notifying.message import ChannelFailed, Message
from tandem.runtime.values import SigningSecret, WebAddress

_AGENT = {"User-Agent": f"Tandem/{__version__}"}


@dataclass(frozen=True, slots=True)
class Webhook:
    """Posts to one address, signed with one secret."""

    address: WebAddress
    secret: SigningSecret
    ca_bundle: Path | None

    name = "webhook"
    bundles = False

    @property
    def to(self) -> str:
        """The host; the path may be a secret."""
        return str(self.address)

    async def send(self, message: Message, *, at: str) -> None:
        """One post, whose answer must be 2xx. Raises ChannelFailed, and CaBundleUnusable."""
        body = msgspec.json.encode({"type": message.kind, "timestamp": message.at, "data": asdict(message)})
        stamp = str(int(datetime.fromisoformat(at).timestamp()))
        headers = {
            "Content-Type": "application/json",
            "webhook-id": message.id,
            "webhook-timestamp": stamp,
            "webhook-signature": signature(self.secret.key, message.id, stamp, body),
        }
        await _ask("POST", self.address, ca_bundle=self.ca_bundle, headers=headers, body=body)


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """A monitor that waits to be asked for its address, and alarms when nobody does."""

    address: WebAddress
    ca_bundle: Path | None

    async def beat(self) -> None:
        """One request, whose answer must be 2xx. Raises ChannelFailed, and CaBundleUnusable."""
        await _ask("GET", self.address, ca_bundle=self.ca_bundle, headers={}, body=None)


def signature(key: bytes, message_id: str, timestamp: str, body: bytes) -> str:
    """The header that proves a post."""
    signed = b".".join([message_id.encode(), timestamp.encode(), body])
    return "v1," + base64.b64encode(hmac.digest(key, signed, "sha256")).decode()


async def _ask(
    method: str, address: WebAddress, *, ca_bundle: Path | None, headers: dict[str, str], body: bytes | None
) -> None:
    try:
        async with (
            httpx2.AsyncClient(
                verify=trust(ca_bundle), mounts=NO_PROXY, timeout=None, follow_redirects=False, headers=_AGENT
            ) as client,
            # What is answered beyond the status is not read: it may never end.
            client.stream(method, address.url, headers=headers, content=body) as answer,
        ):
            status = answer.status_code
    except httpx2.HTTPError as error:
        raise ChannelFailed(f"{address}: {_reason(error)}") from error
    if 300 <= status < 400:
        raise ChannelFailed(f"{address} answers {status}: it leads elsewhere. Set the address it leads to.")
    if not 200 <= status < 300:
        raise ChannelFailed(f"{address} answers {status}.")


def _reason(error: Exception) -> str:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate cannot be trusted: {cause.verify_message}."
        cause = cause.__cause__ or cause.__context__
    return "it cannot be reached." if isinstance(error, httpx2.ConnectError) else "its answer broke off."
