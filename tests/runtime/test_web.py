"""Notifications and signs of life by HTTP, at a real receiver (rules N5, S8)."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from tandem.runtime.notifying.message import ChannelFailed, Message
from tandem.runtime.notifying.web import Heartbeat, Webhook
from tandem.runtime.values import SigningSecret, WebAddress

KEY = bytes(range(32))
SECRET = SigningSecret("whsec_" + base64.b64encode(KEY).decode())
MESSAGE = Message(
    id="0123456789abcdef",
    kind="sync-down",
    title="The sync, or a part of it, is down",
    about="contact",
    message="Zürich lost its rights.",
    advice="Give them back.",
    at="2026-03-01T12:00:00Z",
    subscription="emea",
    organisation="Contoso",
)


def run(sending: Coroutine[Any, Any, None]) -> None:
    """See it through, within bounds."""
    asyncio.run(asyncio.wait_for(sending, 10))


def post(url: str, *, ca_bundle: str | None = None) -> None:
    """One post, a minute after the notice."""
    webhook = Webhook(WebAddress(url), SECRET, Path(ca_bundle) if ca_bundle else None)
    run(webhook.send(MESSAGE, at="2026-03-01T12:01:00Z"))


def test_N5_a_post_is_signed_and_says_what_happened(receiver: Callable[..., Any]) -> None:
    """Checked the way the documentation shows; another body, id or time would need another signature."""
    made = receiver()

    post(f"{made.url}/hook?a=b")

    ((method, path, headers, body),) = made.seen
    assert ("POST", "/hook?a=b", "application/json") == (method, path, headers["content-type"])
    assert ("0123456789abcdef", "1772366460") == (headers["webhook-id"], headers["webhook-timestamp"])
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(KEY, signed, hashlib.sha256).digest()).decode()
    assert f"v1,{expected}" == headers["webhook-signature"]
    content = json.loads(body)
    assert ("sync-down", "2026-03-01T12:00:00Z") == (content["type"], content["timestamp"])
    assert {
        "id", "kind", "title", "about", "message", "advice", "at", "subscription", "organisation",
        "over_since",
    } == set(content["data"])  # fmt: skip
    assert ("Zürich lost its rights.", "emea") == (content["data"]["message"], content["data"]["subscription"])


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (500, "answers 500."),
        (404, "answers 404."),
        (302, "answers 302: it leads elsewhere."),
        (308, "answers 308: it leads elsewhere."),
    ],
)
def test_N5_only_2xx_is_a_yes_and_no_redirect_is_followed(receiver: Callable[..., Any], status: int, said: str) -> None:
    """The message goes where it was sent, once."""
    made = receiver()
    made.status = status

    with pytest.raises(ChannelFailed, match=said):
        post(made.url)

    assert ["/"] == [path for _, path, _, _ in made.seen]


def test_S8_a_receiver_must_prove_its_name(receiver: Callable[..., Any], bundle: str) -> None:
    """By an authority that is trusted; then it is sent."""
    made, another = receiver("127.0.0.1"), receiver("hooks.example.com")

    for url, given in ((made.url, None), (another.url, bundle)):
        with pytest.raises(ChannelFailed, match="its certificate cannot be trusted"):
            post(url, ca_bundle=given)
    post(made.url, ca_bundle=bundle)

    assert (1, 0) == (len(made.seen), len(another.seen))


def test_R5_a_failure_does_not_show_the_path(receiver: Callable[..., Any]) -> None:
    """It may be all that keeps others from posting there."""
    made = receiver()
    made.status = 403

    with pytest.raises(ChannelFailed) as failure:
        post(f"{made.url}/T0KEN")

    assert "T0KEN" not in str(failure.value)


def test_N5_nobody_at_the_address_is_told() -> None:
    """The host by name."""
    with pytest.raises(ChannelFailed, match=r"http://127\.0\.0\.1:9: it cannot be reached"):
        post("http://127.0.0.1:9/")


def test_N5_a_heartbeat_is_a_plain_request(receiver: Callable[..., Any]) -> None:
    """As monitors wait for it; what they do not take is told."""
    made = receiver()
    heartbeat = Heartbeat(WebAddress(f"{made.url}/ping/emea"), None)

    run(heartbeat.beat())
    made.status = 404
    with pytest.raises(ChannelFailed, match="answers 404"):
        run(heartbeat.beat())

    assert [("GET", "/ping/emea", b"")] * 2 == [(method, path, body) for method, path, _, body in made.seen]
