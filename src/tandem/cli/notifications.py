"""`tandem notifications`: what people were told, and whether it reached them."""

from typing import TYPE_CHECKING, Annotated

import typer

from tandem.cli import output
from tandem.cli.invocation import ExitCode

if TYPE_CHECKING:
    from tandem.report.notifications import Notifications, Sent
    from tandem.runtime.notifying.delivering import Attempt


def notifications(
    context: typer.Context,
    test: Annotated[
        bool, typer.Option("--test", help="Send a test through every channel that is set up, and say how it went.")
    ] = False,
    everything: Annotated[bool, typer.Option("--all", help="List all of them, not only the newest 20.")] = False,
    json: output.Json = False,
) -> None:
    """List what people were told, newest first, and how far each notification has come on its channels.

    E-mail needs a mail server (TANDEM_SMTP_HOST) and an address (`tandem enable --notify ADDRESS`), a webhook its
    address and secret (TANDEM_WEBHOOK_URL, TANDEM_WEBHOOK_SECRET). With --test exits 1 when a channel fails, or when
    there is none.
    """
    from tandem.report.notifications import read_notifications
    from tandem.runtime.notifying.delivering import try_channels
    from tandem.runtime.subscription import opened

    with opened(context.obj.settings) as subscription:
        attempts = try_channels(subscription) if test else []
        found = None if test else read_notifications(subscription, everything=everything)
    if json:
        output.json({"attempts": attempts} if test else found)
    elif found is not None:
        _tell(found)
    else:
        _tell_attempts(attempts)
    if test and (not attempts or any(each.problem for each in attempts)):
        raise typer.Exit(ExitCode.FAILED)


def _tell(found: "Notifications") -> None:
    for channel in found.channels:
        output.line(f"{channel.name}: {channel.to}")
    if found.heartbeat:
        output.line(f"heartbeat: {found.heartbeat}")
    if not found.channels:
        output.line("No channel is set up: notifications are seen here and nowhere else.")
    if not found.notifications:
        output.line("Nothing was told yet.")
    for each in found.notifications:
        still = ", still so" if each.open else ""
        output.line(f"\n{each.at}  {each.kind}{still}\n{each.message}\n{each.advice}")
        for sent in each.sent:
            output.line(f"  {sent.channel}: {_state(sent)}")


def _state(sent: "Sent") -> str:
    untold = "being sent, or cut off while it was" if sent.attempts else "not tried yet"
    tried = f"{sent.attempts} attempts in vain, the last: {sent.problem}" if sent.problem else untold
    match sent.state:
        case "delivered":
            return "delivered"
        case "given-up":
            return f"given up; {tried}"
        case _:
            return f"waiting until {sent.due_at}; {tried}"


def _tell_attempts(attempts: "list[Attempt]") -> None:
    for each in attempts:
        output.line(f"{each.channel} ({each.to}): {each.problem or 'delivered'}")
    if not attempts:
        output.note("No channel is set up. docs/how-to/notifications.md says how.")
