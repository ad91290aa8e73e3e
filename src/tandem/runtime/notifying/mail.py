"""Notifications by e-mail, through the mail server of the settings.

A mail is plain text and says in its subject what happened, because it is read on a telephone. Nothing of it can put a
header, a recipient or a second mail into the conversation: addresses were checked when they were set, and every
header is one line.
"""

import asyncio
import contextlib
import socket
import ssl
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP

import aiosmtplib

from tandem.dynamics.transport import trust
from tandem.runtime.notifying.message import ChannelFailed, Message
from tandem.runtime.settings import MailSecurity, Settings
from tandem.runtime.values import MailAddress

_REASON_LENGTH = 300
_FAREWELL = 0.5
"""Seconds in which a server may answer to the farewell."""


@dataclass(frozen=True, slots=True)
class Mail:
    """E-mail to one address, as it was given. `settings.smtp_host` is set."""

    settings: Settings
    recipient: str

    name = "email"
    bundles = True

    @property
    def to(self) -> str:
        """The address, and the server on the way."""
        return f"{self.recipient} by {self.settings.smtp_host}:{self.settings.smtp_port}"

    async def send(self, message: Message, *, at: str) -> None:
        """One conversation with the mail server. Raises ChannelFailed, and CaBundleUnusable."""
        settings = self.settings
        try:
            recipient = MailAddress(self.recipient)
        except ValueError:
            raise ChannelFailed(
                f"{_line(self.recipient)!r} is no e-mail address. Give another: tandem enable --notify ADDRESS."
            ) from None
        sender = settings.smtp_from or recipient
        mail = mail_of(message, sender=sender, recipient=recipient)
        server = aiosmtplib.SMTP(
            hostname=settings.smtp_host,
            port=settings.smtp_port,
            use_tls=settings.smtp_security is MailSecurity.TLS,
            # Without the word STARTTLS in the server's answer nothing is sent: a middleman may have taken it out.
            start_tls=settings.smtp_security is MailSecurity.STARTTLS,
            tls_context=None if settings.smtp_security is MailSecurity.NONE else trust(settings.ca_bundle),
            local_hostname=socket.gethostname(),
            timeout=None,
        )
        transport = None
        try:
            await server.connect()
            transport = server.transport
            if settings.smtp_user and settings.smtp_password:
                await server.login(settings.smtp_user, settings.smtp_password.text)
            await server.send_message(mail, sender=sender, recipients=recipient)
            await _farewell(server)
        except (aiosmtplib.SMTPException, OSError) as error:
            raise ChannelFailed(f"{settings.smtp_host}: {_reason(error)}") from error
        finally:
            # Nothing is said to a server that failed or hangs: whoever waited for its answer would hang with it. And
            # the farewell of TLS would outlive the loop that it needs.
            if isinstance(transport, asyncio.WriteTransport):
                transport.abort()


async def _farewell(server: aiosmtplib.SMTP) -> None:
    """Take leave. The server has the mail by then, so it is delivered whatever is answered."""
    with contextlib.suppress(aiosmtplib.SMTPException, OSError):
        await server.quit(timeout=_FAREWELL)


def mail_of(message: Message, *, sender: MailAddress, recipient: MailAddress) -> EmailMessage:
    """The mail. Its id is the message's, so that a mailbox can tell a repetition."""
    mail = EmailMessage(policy=SMTP)
    mail["From"] = Address("Tandem", addr_spec=str(sender))
    mail["To"] = str(recipient)
    mail["Subject"] = _line(f"[Tandem {message.subscription}] {message.title}")
    mail["Date"] = datetime.fromisoformat(message.at)
    mail["Message-ID"] = f"<{message.id}@{sender.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(text_of(message))
    return mail


def text_of(message: Message) -> str:
    """What people read."""
    over = [f"This is over since {message.over_since}."] if message.over_since else []
    parts = [
        *over,
        message.message,
        f"What to do: {message.advice}",
        f"Subscription: {message.subscription}\nOrganisation: {message.organisation}\nAt: {message.at}",
        "More: `tandem notifications` lists what was told, `tandem status` says how the sync is now.",
    ]
    return "\n\n".join(parts) + "\n"


def _reason(error: Exception) -> str:
    """Why it failed, in one line: what the server said, where it said something."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate cannot be trusted: {cause.verify_message}."
        cause = cause.__cause__ or cause.__context__
    match error:
        case aiosmtplib.SMTPRecipientsRefused(recipients=[first, *_]):
            return f"it refuses the recipient: {_said(first)}"
        case aiosmtplib.SMTPAuthenticationError():
            return f"it refuses user name and password: {_said(error)}"
        case aiosmtplib.SMTPSenderRefused():
            return f"it refuses the sender: {_said(error)}"
        case aiosmtplib.SMTPResponseException():
            return f"it answers {_said(error)}"
        case aiosmtplib.SMTPConnectError() | OSError():
            return f"it cannot be reached: {_line(str(error))}"
        case _:
            return _line(str(error))


def _said(answer: aiosmtplib.SMTPResponseException) -> str:
    return _line(f"{answer.code} {answer.message}")


def _line(text: str) -> str:
    """The text as one line of bounded length."""
    return "".join(each if each.isprintable() else " " for each in text)[:_REASON_LENGTH]
