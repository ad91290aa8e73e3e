"""Notifications by e-mail, at a real mail server (rules N5, S8)."""

import asyncio
import email
import email.policy
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tandem.dynamics.errors import CaBundleUnusable
from tandem.runtime.notifying.mail import Mail, mail_of
from tandem.runtime.notifying.message import ChannelFailed, Message
from tandem.runtime.settings import load
from tandem.runtime.values import MailAddress

ANN = MailAddress("ann@example.com")
AT = "2026-03-01T12:00:00Z"
MESSAGE = Message(
    id="0123456789abcdef",
    kind="sync-down",
    title="The sync, or a part of it, is down",
    about="contact",
    message="The table contact is not read: Zürich lost its rights.",
    advice="Give the sync user the right to read it.",
    at=AT,
    subscription="emea",
    organisation="Contoso (https://contoso.crm.dynamics.com)",
)


def send(
    port: int, *, message: Message = MESSAGE, to: MailAddress = ANN, patience: float = 10, **settings: str
) -> None:
    """One mail through the server at this port."""
    environ = {f"TANDEM_SMTP_{name.upper()}": value for name, value in settings.items() if name != "ca_bundle"}
    if "ca_bundle" in settings:
        environ["TANDEM_CA_BUNDLE"] = settings["ca_bundle"]
    environ |= {"TANDEM_SMTP_HOST": "127.0.0.1", "TANDEM_SMTP_PORT": str(port), "TANDEM_HOME": "/nowhere"}

    async def bounded() -> None:
        async with asyncio.timeout(patience):
            await Mail(load(environ=environ), to).send(message, at=AT)

    asyncio.run(bounded())


def refused(port: int, **settings: str) -> str:
    """Why a mail was not sent."""
    with pytest.raises(ChannelFailed) as failure:
        send(port, **settings)
    return str(failure.value)


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")  # all of port 465 is TLS
@pytest.mark.parametrize(
    ("security", "login"), [("starttls", False), ("tls", False), ("none", False), ("starttls", True), ("tls", True)]
)
def test_N5_a_mail_says_what_happened_and_what_to_do(
    mail_server: Callable[..., Any], bundle: str, security: str, login: bool
) -> None:
    """By every way to a mail server, signed in or not."""
    mailbox = mail_server(security, login=login)
    user = {"user": "tandem", "password": "c0rrect-h0rse"} if login else {}

    send(mailbox.port, security=security, ca_bundle=bundle, **{"from": "tandem@example.com"}, **user)

    ((sender, recipients, content),) = mailbox.mails
    mail = email.message_from_bytes(content, policy=email.policy.default)
    assert ("tandem@example.com", ["ann@example.com"]) == (sender, recipients)
    assert ["tandem"] * login == mailbox.users
    assert "[Tandem emea] The sync, or a part of it, is down" == mail["Subject"]
    assert ("Tandem <tandem@example.com>", "ann@example.com") == (mail["From"], mail["To"])
    assert ("<0123456789abcdef@example.com>", "auto-generated") == (mail["Message-ID"], mail["Auto-Submitted"])
    text = mail.get_content()
    for said in (MESSAGE.message, MESSAGE.advice, "emea", "Contoso", AT, "tandem status"):
        assert said in text


def test_N5_without_a_sender_the_address_writes_to_itself(mail_server: Callable[..., Any]) -> None:
    """A relay beside Tandem takes that, and nothing more has to be set."""
    mailbox = mail_server()

    send(mailbox.port, security="none")

    assert [("ann@example.com", ["ann@example.com"])] == [mail[:2] for mail in mailbox.mails]


def test_N5_nothing_that_is_told_becomes_a_header_or_a_second_mail(mail_server: Callable[..., Any]) -> None:
    """Names and messages come from other systems."""
    mailbox = mail_server()
    evil = "x\r\nBcc: eve@example.com\r\n\r\nHello\r\n.\r\nMAIL FROM:<eve@example.com>\r\n"

    send(mailbox.port, security="none", message=replace(MESSAGE, title=evil, message=evil, subscription=evil))

    ((_, recipients, content),) = mailbox.mails
    mail = email.message_from_bytes(content, policy=email.policy.default)
    assert (["ann@example.com"], None) == (recipients, mail["Bcc"])
    assert "\n" not in mail["Subject"]
    assert evil.splitlines() == mail.get_content().splitlines()[: len(evil.splitlines())]


@pytest.mark.parametrize(
    "answers",
    [
        pytest.param({"rcpt": "550 5.1.1 No such user here"}, id="it does not know the address"),
        pytest.param({"rcpt": "450 4.2.1 Mailbox busy, try later"}, id="it refuses the address for now"),
        pytest.param({"data": "554 5.7.1 Looks like spam"}, id="it refuses the mail"),
        pytest.param({"data": "451 4.3.0 Out of disk"}, id="it refuses the mail for now"),
    ],
)
def test_N5_what_the_mail_server_says_is_passed_on(mail_server: Callable[..., Any], answers: dict[str, str]) -> None:
    """Its code and its words; nothing was taken."""
    mailbox = mail_server()
    for name, answer in answers.items():
        setattr(mailbox, name, answer)

    reason = refused(mailbox.port, security="none")

    (said,) = answers.values()
    assert said in reason
    assert [] == mailbox.mails


def test_R5_a_wrong_password_is_told_and_not_shown(mail_server: Callable[..., Any], bundle: str) -> None:
    """With what the server says of it."""
    mailbox = mail_server("starttls", login=True)

    reason = refused(mailbox.port, ca_bundle=bundle, user="tandem", password="hunter2")

    assert "refuses user name and password: 535" in reason
    assert "hunter2" not in reason


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_S8_a_mail_server_that_cannot_prove_its_name_gets_nothing(
    mail_server: Callable[..., Any], bundle: str, security: str
) -> None:
    """Neither by an authority that nobody trusts nor under another's name."""
    unknown, another = mail_server(security), mail_server(security, names=("mail.example.com",))

    reasons = [refused(unknown.port, security=security), refused(another.port, security=security, ca_bundle=bundle)]

    assert ["127.0.0.1: its certificate cannot be trusted"] * 2 == [reason[:44] for reason in reasons]
    assert [] == unknown.mails + another.mails


def test_S8_a_server_without_starttls_gets_nothing_when_it_is_asked_for(mail_server: Callable[..., Any]) -> None:
    """Somebody on the way may have taken the word out."""
    mailbox = mail_server()

    assert "STARTTLS" in refused(mailbox.port, security="starttls")
    assert [] == mailbox.mails


def test_N5_nobody_at_the_port_is_told(silence: int, mail_server: Callable[..., Any]) -> None:
    """And so is a bundle that is none."""
    with pytest.raises(CaBundleUnusable):
        send(mail_server("tls").port, security="tls", ca_bundle="/nowhere/ca.pem")

    assert "cannot be reached" in refused(9, security="none")


@pytest.mark.parametrize("line", [b"EHLO", b"MAIL", b"DATA", b"."], ids=["EHLO", "MAIL", "DATA", "the mail's end"])
def test_N5_a_mail_server_that_falls_silent_half_way_is_left_alone(
    stalling: Callable[[bytes], int], line: bytes
) -> None:
    """Whoever takes leave of it waits for an answer, for ever."""
    port, ended = stalling(line), list[type[BaseException]]()

    def try_it() -> None:
        try:
            send(port, patience=0.05, security="none")
        except TimeoutError as problem:
            ended.append(type(problem))

    thread = threading.Thread(target=try_it, daemon=True)
    thread.start()
    thread.join(10)

    assert [TimeoutError] == ended


def test_N5_a_mail_that_was_taken_is_delivered_whatever_follows(
    stalling: Callable[[bytes], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else it would be sent again and again, by a server that only does not answer the farewell."""
    monkeypatch.setattr("tandem.runtime.notifying.mail._FAREWELL", 0.01)

    send(stalling(b"QUIT"), security="none")


def test_N5_the_mail_is_the_same_each_time_it_is_sent() -> None:
    """A mailbox knows a repetition by its id."""
    first, second = (mail_of(MESSAGE, sender=ANN, recipient=ANN).as_bytes() for _ in range(2))

    assert first == second
