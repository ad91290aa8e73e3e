"""`tandem action`: what is carried out in Dynamics at once, without waiting for the next cycle.

It works while `tandem run` is going. A script that gives its own --request-id may repeat a command whose end it did
not see: nothing is done twice.
"""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from tandem.cli import output
from tandem.cli.invocation import ExitCode

if TYPE_CHECKING:
    from tandem.actions.requests import Acted

app = typer.Typer(help="Carry something out in Dynamics at once, for one person.")


class Record(StrEnum):
    """What a person can be in Dynamics."""

    LEAD = "lead"
    CONTACT = "contact"


@app.command()
def sync_person(
    context: typer.Context,
    person: Annotated[int, typer.Argument(metavar="PERSON", help="The person's id.")],
    wanted: Annotated[
        Record | None,
        typer.Option("--as", help="What the person is to be. Left out: what it is already, else a lead."),
    ] = None,
    owner: Annotated[
        str | None,
        typer.Option(metavar="OWNER", help="Who is to own a new record: a user or team by id, e-mail or name."),
    ] = None,
    request_id: Annotated[
        str | None, typer.Option("--request-id", metavar="ID", help="The same id never acts twice.")
    ] = None,
    json: output.Json = False,
) -> None:
    """Sync Person to Microsoft: make a person a lead or a contact in Dynamics.

    A person that is one already stays what it is, except that a lead is qualified when it is asked for as a contact.
    """
    from tandem.actions.requests import RequestState
    from tandem.actions.sync_person import sync_person
    from tandem.model.entities import Entity
    from tandem.runtime.acting import acting
    from tandem.runtime.subscription import opened

    with opened(context.obj.settings) as subscription, acting(subscription) as (engine, at_work):
        acted = sync_person(
            engine,
            at_work,
            person,
            wanted=Entity(wanted.value) if wanted else None,
            owner=owner,
            request=request_id,
        )
    if json:
        output.json(acted)
    else:
        _tell(acted)
    if acted.state is not RequestState.DONE:
        raise typer.Exit(ExitCode.FAILED)


def _tell(acted: "Acted") -> None:
    """One line: of what was done on standard output, of what was not on standard error."""
    if acted.state == "done":
        output.line(f"Person {acted.person}: {acted.outcome}, {acted.record} {acted.record_id} in Dynamics.")
    elif acted.state == "refused":
        output.note(f"Person {acted.person}: refused. {acted.outcome}")
    else:
        output.note(f"Person {acted.person}: not done yet. {acted.outcome}")
        output.note(f"The next cycle looks after it; so does the same command with --request-id {acted.request}.")
