"""`tandem adopt`, `fork`, `backup`, `restore`: a database in another place, or from another time (rule S10)."""

from pathlib import Path
from typing import Annotated

import typer

from tandem.cli import output

Yes = Annotated[bool, typer.Option("--yes", help="Do it without asking.")]


def adopt(context: typer.Context, yes: Yes = False, json: output.Json = False) -> None:
    """Let a database that was moved, copied or restored go on here. No other may go on then.

    Dynamics is read once more before anything is written: whatever it holds by now wins over what an older database
    remembers, and nobody is made twice.
    """
    from tandem.runtime import instance
    from tandem.runtime.subscription import opened

    with opened(context.obj.settings) as subscription:
        found = instance.look(subscription)
        if not yes:
            typer.confirm(
                f"The database {subscription.database.place} {instance.REASONS[found]}.\n"
                "Is every other copy of it stopped, for good?",
                abort=True,
                err=True,
            )
        was = instance.adopt(subscription)
        if json:
            output.json({"subscription": subscription.name, "was": was, "database": subscription.database.place})
        else:
            output.line(
                "Adopted. `tandem sync` reads every table once more; nothing is written before that is done.\n"
                "Where the key did not come along, give the credentials again: `tandem connect --rotate`."
            )


def fork(context: typer.Context, yes: Yes = False, json: output.Json = False) -> None:
    """Give a copy of a database a life of its own: switched off, without credentials, and writing nothing.

    What the original was about to write is given up here. Connect it afterwards, or link it to another organisation.
    """
    from tandem.runtime import instance
    from tandem.runtime.subscription import opened

    with opened(context.obj.settings) as subscription:
        if not yes:
            typer.confirm(
                f"Make {subscription.database.place} a fork? What it was about to write is given up.",
                abort=True,
                err=True,
            )
        instance.fork(subscription)
        if json:
            output.json({"subscription": subscription.name, "database": subscription.database.place})
        else:
            output.line(
                "A fork: the sync is off and its credentials are forgotten.\n"
                "To use it with a copy of the organisation: `tandem relink URL --client-id ID`, then `tandem enable`."
            )


def backup(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to save it; there must be no such file yet.")],
    json: output.Json = False,
) -> None:
    """Save the subscription in a file, also while the sync is at work. On PostgreSQL use the server's tools."""
    from tandem.runtime import backups
    from tandem.runtime.subscription import opened

    with opened(context.obj.settings) as subscription:
        size = backups.back_up(subscription, file)
    if json:
        output.json({"subscription": context.obj.settings.subscription, "file": str(file), "bytes": size})
    else:
        output.line(
            f"Saved in {file} ({size:,} bytes). It holds personal data; keep the key "
            f"{context.obj.settings.key_file} apart from it."
        )


def restore(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `tandem backup` saved.")],
    yes: Yes = False,
    json: output.Json = False,
) -> None:
    """Put a saved subscription in the place of the present one, or where there is none. Nothing goes on by itself.

    What the present database holds is lost; save it first.
    """
    from tandem.runtime import backups
    from tandem.runtime.subscription import exists

    settings = context.obj.settings
    if not yes and settings.database is None and exists(settings):
        typer.confirm(
            f"Everything in {settings.database_file} will be replaced by {file}. Go on?", abort=True, err=True
        )
    backups.restore(settings, file)
    if json:
        output.json({"subscription": settings.subscription, "file": str(file), "database": str(settings.database_file)})
    else:
        output.line(f"{settings.database_file} is what {file} was. Next: `tandem adopt`.")
